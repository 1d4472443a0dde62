#!/bin/sh
# Makes .venv with what requirements.lock holds. Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=true; fi

stop() { echo "setup: $*" >&2; exit 1; }

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    stop "Python 3.11, 3.12 or 3.13 is needed and was not found. Install one, or name it: make setup PYTHON=/path/to/python3.12"
}

make_venv() {
    python=$(find_python)
    rm -rf .venv
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        rm -rf .venv
        stop "$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
    fi
    .venv/bin/python -m pip install --quiet "uv==$UV_VERSION"
    echo "$PWD" >.venv/.place
}

# uv is quick; pip knows this machine's package index and certificates where they are special.
install() {
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps -r "$1" ||
        .venv/bin/python -m pip install --quiet --no-deps -r "$1"
}

can_build_mysqlclient() {
    command -v cc >/dev/null && command -v pkg-config >/dev/null &&
        { pkg-config --exists mysqlclient || pkg-config --exists mariadb || pkg-config --exists libmariadb; }
}

driver="pymysql only"
if can_build_mysqlclient; then driver="mysqlclient too"; fi
wanted="$(cat requirements.lock requirements-mysqlclient.txt scripts/setup.sh | cksum) with $driver"
if [ "$(cat .venv/.place .venv/.complete 2>/dev/null)" = "$PWD
$wanted" ]; then exit 0; fi

echo "setup: installing into .venv"
if [ "$(cat .venv/.place 2>/dev/null)" != "$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then make_venv; fi
install requirements.lock
if [ "$driver" = "mysqlclient too" ]; then
    install requirements-mysqlclient.txt || echo "setup: mysqlclient could not be built here; PyMySQL does its work" >&2
fi
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$PWD" "$PWD/plugins" >"$packages/kobo_mirror_checkout.pth"
# Where PYTHONDONTWRITEBYTECODE is set, each start of Airflow would compile it again for a second, and each start of a
# sync our own code for 0.2 s. Some packages hold templates that are no Python.
.venv/bin/python -m compileall -q -j 0 "$packages" plugins webhook >/dev/null 2>&1 || true
echo "$wanted" >.venv/.complete
