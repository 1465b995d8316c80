#!/bin/sh
# HACKING.md's examples are real: docs/examples/*.diff apply to a copy of the sources, which then compiles, and the tests
# that they bring pass.
. "$(dirname "$0")/common.sh"
copy=$work/copy
if ! command -v patch >/dev/null; then
    why="no patch here (Debian package: patch)"
    skip "examples"
    finish
fi
if [ -n "$SANITIZE" ]; then
    why="the ordinary build does it"
    skip "examples"
    finish
fi
unset CLUTCH_COVERAGE # the example's rows are not this program's
# The objects come along: only what an example touches is compiled.
rm -rf "$copy"
mkdir -p "$copy"
cp -pR Makefile configure cpu machine devices accel ui roms "$copy"
mkdir -p "$copy/tests" "$copy/build"
cp -p tests/*.[ch] "$copy/tests"
cp -pR "$O/config.h" "$O/config.mk" "$O/obj" "$O/roms" "$copy/build"
[ ! -e "$O/libclutch.a" ] || cp -p "$O/libclutch.a" "$copy/build"
# example NAME TEST: a unit test of it.
example() {
    if (cd "$copy" && patch -s -p1) <"docs/examples/$1.diff" >"$work/log" 2>&1 &&
        make -s -C "$copy" CFLAGS=-O0 "build/tests/$2" >"$work/log" 2>&1 && "$copy/build/tests/$2" >>"$work/log" 2>&1; then
        ok "docs/examples/$1.diff"
    else
        fail "docs/examples/$1.diff"
        tail -n 20 "$work/log" | sed 's/^/    /'
    fi
}
example device devices/ib700_test
example instruction cpu/decode_test
rm -rf "$copy"
finish
