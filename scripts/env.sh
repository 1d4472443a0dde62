#!/bin/sh
# Writes .env: .env.example with a fresh random secret for each empty name that ends in _PASSWORD, _SECRET or _KEY.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then echo "env: .env is there already; it was left as it is"; exit 0; fi

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }  # 32 bytes, as a Fernet key must be

umask 077
while IFS= read -r line; do
    case "$line" in
        \#* | *=?*) printf '%s\n' "$line" ;;
        *_PASSWORD= | *_SECRET= | *_KEY=) printf '%s%s\n' "$line" "$(random)" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <.env.example >.env.new
mv .env.new .env
echo "env: wrote .env with fresh secrets; fill in KOBO_TOKEN and KOBO_ASSET_ID"
