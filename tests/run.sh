#!/bin/sh
# `make check`: the include rule, the unit tests given as arguments, then every executable tests/check-*.sh.
# Each prints a line `N passed, N failed[, N skipped]`; they are summed into one closing line.
# Environment: O (object directory), CLUTCH (the program), LIMIT (seconds for one test program).
set -u
unset DISPLAY WAYLAND_DISPLAY # a window opens only where a test wants one
passed=0 failed=0 skipped=0
log=${O:-build}/check.log
export O CLUTCH

# run NAME COMMAND...: shows what a failing test printed; a silent one counts by its exit status.
run() {
    name=$1
    shift
    timeout "${LIMIT:-600}" "$@" >"$log" 2>&1 </dev/null
    status=$?
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        # shellcheck disable=SC2046
        set -- $(printf '%s\n' "$line" | tr -c '0-9\n' ' ')
    elif [ $status = 0 ]; then
        set -- 1 0
    else
        set -- 0 1
    fi
    [ $status = 0 ] || [ "$2" != 0 ] || set -- "$1" 1 "${3:-0}"
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + ${3:-0}))
    if [ "$2" != 0 ]; then
        printf 'FAIL %s (exit status %s)\n' "$name" "$status"
        sed 's/^/    /' "$log" | tail -n 60
    else
        printf 'ok   %s: %s\n' "$name" "${line:-passed}"
        grep -a ' skipped: ' "$log" | sed 's/^/     /'
    fi
}

# Rows of the opcode table that anything below executes; the last program asks whether any is missing.
CLUTCH_COVERAGE=$(cd "${O:-build}" && pwd)/coverage.map
coverage=
rm -f "$CLUTCH_COVERAGE"
export CLUTCH_COVERAGE

run tests/check-includes.sh sh tests/check-includes.sh
for program; do
    case $program in */coverage_test) coverage=$program && continue ;; esac
    run "${program#"${O:-build}"/tests/}" "$program"
done
for script in tests/check-*.sh; do
    [ -x "$script" ] && [ "$script" != tests/check-includes.sh ] || continue
    LIMIT=1800 run "$script" "$script"
done
[ -z "$coverage" ] || run tests/coverage_test "$coverage"
rm -f "$log"
if [ $skipped = 0 ]; then
    echo "$passed passed, $failed failed"
else
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ $failed = 0 ]
