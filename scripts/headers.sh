#!/bin/sh
# As root on Debian or Ubuntu: what mysqlclient needs to be built, so that the tests run with both drivers.
set -eu
if pkg-config --exists mysqlclient 2>/dev/null || pkg-config --exists libmariadb 2>/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi

echo "test: installing the headers of a MySQL client"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends gcc libc6-dev pkg-config python3-dev default-libmysqlclient-dev >/dev/null
