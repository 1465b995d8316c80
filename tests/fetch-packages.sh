#!/bin/sh
# fetch-packages.sh DIR PACKAGE...: unpacks these Debian packages into DIR, by apt-get, without installing anything.
# Does nothing for those that are there.  Says on standard error why it cannot; exit status 1.
set -eu
# One at a time for each DIR: tests run side by side.
if [ -z "${FETCHING:-}" ] && command -v flock >/dev/null; then
    mkdir -p "$1"
    FETCHING=1 exec flock "$1/lock" "$0" "$@"
fi
mkdir -p "$1/fetched"
dir=$(cd "$1" && pwd)
shift
for package; do
    [ ! -e "$dir/fetched/$package" ] || continue
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "no apt-get here to fetch Debian's $package" >&2
        exit 1
    }
    rm -rf "$dir/download"
    mkdir "$dir/download"
    (cd "$dir/download" && apt-get -q download "$package" >"$dir/log" 2>&1) || {
        echo "apt-get cannot download $package (no package registry at hand?)" >&2
        exit 1
    }
    dpkg-deb -x "$dir/download/"*.deb "$dir"
    rm -rf "$dir/download"
    : >"$dir/fetched/$package"
done
