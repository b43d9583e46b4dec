#!/bin/sh
# Makes configure and Makefile.in, after a clone or where their sources changed.
set -e
cd "$(dirname "$0")"
for tool in autoreconf:autoconf automake:automake libtoolize:libtool pkg-config:pkg-config; do
    if ! command -v "${tool%%:*}" >/dev/null; then
        echo "autogen.sh: ${tool%%:*} is missing: apt-get install ${tool##*:}" >&2
        exit 1
    fi
done
exec autoreconf --install --warnings=all
