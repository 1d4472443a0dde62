#!/bin/sh
# As root on Debian or Ubuntu: what the tests need beside Python packages. The headers with which mysqlclient is
# built, so that they run with both drivers, and Chromium for the page.
set -eu
wanted=""
if ! pkg-config --exists mysqlclient 2>/dev/null && ! pkg-config --exists libmariadb 2>/dev/null; then
    wanted="gcc libc6-dev pkg-config python3-dev default-libmysqlclient-dev"
fi
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
    wanted="$wanted chromium"
fi
if [ -z "$wanted" ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi

echo "test: installing$(printf ' %s' $wanted)"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends $wanted >/dev/null
