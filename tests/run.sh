#!/bin/sh
# `make check`: the include rule, the unit tests given as arguments, every executable tests/check-*.sh, and last whether all
# rows of the opcode table were executed.  As many at a time as there are processors, the long scripts first.
# Each prints a line `N passed, N failed[, N skipped]`; they are summed into one closing line.
# Environment: O (object directory), CLUTCH (the program), LIMIT (seconds for one), JOBS (at a time).
set -u
unset DISPLAY WAYLAND_DISPLAY # a window opens only where a test wants one
O=${O:-build}
export O CLUTCH
results=$(cd "$O" && pwd)/results
CLUTCH_COVERAGE=$(cd "$O" && pwd)/coverage.map

# one NAME COMMAND...: shows what a failing test printed; a silent one counts by its exit status.
one() {
    name=$1 log=$results/$(echo "$1" | tr / -).log start=$(date +%s)
    shift
    timeout "${LIMIT:-1800}" "$@" >"$log" 2>&1 </dev/null
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
    echo "$1 $2 ${3:-0}" >"$log.count"
    {
        if [ "$2" != 0 ]; then
            printf 'FAIL %s (exit status %s)\n' "$name" "$status"
            sed 's/^/    /' "$log" | tail -n 60
        else
            printf 'ok   %s: %s (%s s)\n' "$name" "${line:-passed}" "$(($(date +%s) - start))"
            grep -a ' skipped: ' "$log" | sed 's/^/     /'
        fi
    } >"$log.shown"
    cat "$log.shown"
}

if [ "${1:-}" = one ]; then # from xargs below
    shift
    case $1 in
    *.sh) [ "$1" = tests/check-roms.sh ] || unset CLUTCH_COVERAGE; one "$1" "$1" ;;
    *) one "${1#"$O"/tests/}" "$1" ;;
    esac
    exit 0
fi

# What takes longest, so that none of them is left over at the end.
long="tests/check-debian.sh tests/check-images.sh tests/check-kvm.sh tests/check-loaders.sh tests/check-linux.sh
tests/check-disks.sh tests/check-user.sh tests/check-lockstep.sh tests/check-docs.sh $O/tests/tests/fuzz_chips_test"
# All that will run, one a line, but the last program.
list() {
    for test in $long; do
        [ ! -x "$test" ] || echo "$test"
    done
    for script in tests/check-*.sh; do
        [ -x "$script" ] || continue
        case " $(echo $long) " in *" $script "*) ;; *) echo "$script" ;; esac
    done
    for program; do
        case " $(echo $long) $O/tests/tests/coverage_test " in *" $program "*) ;; *) echo "$program" ;; esac
    done
}

rm -rf "$results" "$CLUTCH_COVERAGE"
mkdir -p "$results"
. tests/common.sh
build_expect
export CLUTCH_COVERAGE
list "$@" | xargs -P "${JOBS:-$(nproc 2>/dev/null || echo 1)}" -n 1 sh tests/run.sh one
for program; do
    [ "$program" != "$O/tests/tests/coverage_test" ] || one tests/coverage_test "$program"
done
cat "$results"/*.count | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END {
        printf "%d passed, %d failed", passed, failed
        if (skipped) printf ", %d skipped", skipped
        print ""
        exit failed > 0
    }'
