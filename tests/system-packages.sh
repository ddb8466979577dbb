#!/usr/bin/env bash
# The programs that the tests drive. As root they are installed with apt; otherwise this says what is missing.
set -euo pipefail

missing=()
need() { # need PACKAGE COMMAND-OR-FILE...
    local package=$1 candidate
    shift
    for candidate in "$@"; do
        if command -v "$candidate" >/dev/null 2>&1 || compgen -G "$candidate" >/dev/null; then return; fi
    done
    missing+=("$package")
}
need chromium chromium
need nginx-light nginx /usr/sbin/nginx
need postgresql pg_ctl '/usr/lib/postgresql/*/bin/initdb'
need nodejs node
need npm npm
need openssl openssl
need wrk wrk

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need these Debian packages: ${missing[*]}" >&2
    echo "Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# An index that is a few hours old does; Debian asks for one on a new machine.
find /var/lib/apt/lists -name '*_Packages*' -mmin -720 2>/dev/null | grep -q . || apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
