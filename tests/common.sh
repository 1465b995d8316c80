# Read by the check-*.sh scripts: where things are, and how a script counts.
# Environment: O (object directory), CLUTCH (the program).
# shellcheck shell=sh
set -u
unset DISPLAY WAYLAND_DISPLAY # a window opens only where a test wants one
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
CLUTCH=${CLUTCH:-./clutch}
setting() { sed -n "s/^$1 = *//p" "$O/config.mk"; }
CC=$(setting CC)
CC=${CC:-cc}
SANITIZE=$(setting SANITIZE)
# What a time limit is multiplied by: limits end a hang, and a loaded host is no hang.
if [ -n "$SANITIZE" ]; then SLOWER=20; else SLOWER=4; fi
work=$O/work/$(basename "$0" .sh)
mkdir -p "$work"
passed=0 failed=0 skipped=0

ok() {
    passed=$((passed + 1))
    echo "ok   $*"
}
fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
}
skip() {
    skipped=$((skipped + 1))
    echo "$* skipped: $why"
}
# finish: the closing line that tests/run.sh reads.
finish() {
    echo "$passed passed, $failed failed, $skipped skipped" | sed 's/, 0 skipped$//'
    [ $failed = 0 ]
    exit
}
# within SECONDS COMMAND...: with a time limit, longer for an instrumented build.
within() {
    limit=$(($1 * SLOWER))
    shift
    timeout -k 5 $limit "$@"
}
# converse NAME ARGUMENTS... <SCRIPT: tests/expect.c counts as one test.
converse() {
    name=$1
    shift
    sed "s/^timeout .*/&*$SLOWER/" >"$work/script"
    awk '$1 == "timeout" { split($2, t, "*"); print "timeout", t[1] * t[2]; next } { print }' "$work/script" >"$work/script.scaled"
    if "$O/tests/expect" "$@" <"$work/script.scaled" >"$work/conversation" 2>&1; then
        ok "$name"
    else
        fail "$name"
        sed 's/^/    /' "$work/conversation"
    fi
}
build_expect() {
    mkdir -p "$O/tests"
    [ "$O/tests/expect" -nt tests/expect.c ] ||
        { $CC -std=gnu17 -O1 -D_GNU_SOURCE -o "$O/tests/expect.$$" tests/expect.c &&
            mv "$O/tests/expect.$$" "$O/tests/expect"; } || exit 1
}
