#!/bin/sh
# Writes .env: .env.example with a random value for each empty name that ends in _PASSWORD, _SECRET or _KEY.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then echo "env: .env is there already; it was left as it is"; exit 0; fi

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'; }

umask 077
trap 'rm -f .env.new' EXIT
while IFS= read -r line; do
    case "$line" in
        \#*) ;;
        *_PASSWORD=) line=$line$(random 24) ;;
        *_SECRET=) line=$line$(random 48) ;;
        *_KEY=) line=$line$(random 32) ;;  # a Fernet key has 32 bytes
    esac
    printf '%s\n' "$line"
done <.env.example >.env.new
ln .env.new .env
echo "env: wrote .env with fresh secrets; for your own forms fill in KOBO_TOKEN, and KOBO_ASSET_ID for one of them; python -m kobo_mirror forms add UID names further ones, or all, in kobo.yml"
