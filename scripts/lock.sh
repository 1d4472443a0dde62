#!/bin/sh
# Writes requirements.lock: every package the two requirements files lead to, for Python 3.11 and later.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/uv --quiet pip compile requirements-dev.txt --override requirements-overrides.txt \
    --universal --python-version 3.11 --strip-extras --annotation-style line \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --output-file requirements.lock "$@" >/dev/null
