#!/bin/sh
# Makes .bench/dlt, an environment with dlt alone. Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=true; fi

wanted=$(cksum <benchmarks/requirements-dlt.txt)
if [ "$(cat .bench/dlt/.complete 2>/dev/null)" = "$wanted" ]; then exit 0; fi

echo "bench: installing dlt into .bench/dlt"
rm -rf .bench/dlt
mkdir -p .bench
.venv/bin/python -m venv .bench/dlt
.venv/bin/uv pip install --quiet --python .bench/dlt/bin/python -r benchmarks/requirements-dlt.txt ||
    .bench/dlt/bin/python -m pip install --quiet -r benchmarks/requirements-dlt.txt
echo "$wanted" >.bench/dlt/.complete
