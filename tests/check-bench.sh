#!/bin/sh
# `clutch bench`: one short run of all tests under the interpreter and natively, a few under KVM; table, JSON and SVG; a
# machine of the user's; wrong use.  No figure is judged: the host may be busy.
. "$(dirname "$0")/common.sh"

# bench NAME STATUS ARGUMENT...: output to $work/NAME.out
bench() {
    name=$1 want=$2
    shift 2
    within 120 "$CLUTCH" bench "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null
    status=$?
    [ $status = "$want" ] && return 0
    fail "$name: exit status $status, not $want"
    sed 's/^/    /' "$work/$name.out" "$work/$name.err" | tail -n 20
    return 1
}
# says NAME WHAT PATTERN
says() {
    if grep -q -- "$3" "$work/$1.out" "$work/$1.err"; then ok "$2"; else fail "$2" && cat "$work/$1.out" "$work/$1.err"; fi
}

native=native,
[ "$(uname -m)" = x86_64 ] || native=
if bench all 0 --engine ${native}interp --runs 1 --time 0.001 --json "$work/all.json" --svg "$work/all.svg"; then
    ok "every test of the guest passes: $(grep -c '^[a-z0-9-]*-[0-9u]* ' "$work/all.out") rows"
    says all "the table says what KVM is" '^KVM of this host: '
    says all "round trips have a time for one" '1 access: interp'
    # One kernel computes the same in all modes, so there is one checksum for each name.
    if have=$(command -v python3); then
        if "$have" - "$work/all.json" "$work/all.svg" 2>"$work/parse.err" <<'END'; then ok "JSON and SVG parse; one checksum for each kernel"; else fail "JSON and SVG" && cat "$work/parse.err"; fi
import json, sys, xml.dom.minidom
table = json.load(open(sys.argv[1]))
sums = {}
for test in table["tests"]:
    for result in test["results"]:
        assert result["seconds"] > 0 and result["minimum"] <= result["seconds"] <= result["maximum"], test
        assert test["instructions"] > 0 and result["mips"] > 0, test
        if not test.get("operations"):
            sums.setdefault(test["test"], set()).add(result["checksum"])
assert len(sums) == 7 and all(len(s) == 1 for s in sums.values()), sums
xml.dom.minidom.parse(sys.argv[2])
END
    else
        why="no python3" && skip "JSON and SVG"
    fi
fi
if [ -w /dev/kvm ] && bench kvm 0 --engine interp,kvm --runs 1 --time 0.001 --timeout 60 integer-64u memory-64u x87-64u \
    sse-64u strings-64u page-fault-64u integer-32u port-in-64; then
    ok "KVM computes what the interpreter does"
elif [ ! -w /dev/kvm ]; then
    why="no /dev/kvm" && skip "bench under KVM"
fi

machine="-display none -monitor none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -snapshot"
# shellcheck disable=SC2086
if bench machine 0 --engine interp --runs 2 --json "$work/machine.json" --svg "$work/machine.svg" -- \
    $machine -hda "$O/roms/test-fpu.bin"; then
    says machine "a machine that ends by isa-debug-exit" '^command '
fi
# shellcheck disable=SC2086
bench until 0 --engine interp --runs 1 --until "ok   square root of 2" -- $machine -hda "$O/roms/test-fpu.bin" &&
    says until "a machine that is done when a text appears" '^command '
# shellcheck disable=SC2086
bench never 2 --engine interp --runs 1 --until "no such text" -- $machine -hda "$O/roms/test-fpu.bin" &&
    says never "a text that never appears is a failure" 'without the text of --until'

bench list 0 --list && says list "--list" '^integer-64u .*natively too'
bench help 0 --help && says help "--help" '^Usage: clutch bench'
bench test 1 no-such-test && says test "unknown tests" "there is no test 'no-such-test'"
bench option 1 --runz 3 && says option "unknown options get the nearest" "did you mean 'runs'"
bench number 1 --runs 0 && says number "numbers are checked" 'not a number from 1 to 99'
bench engine 1 --engine warp && says engine "unknown engines" "there is no engine 'warp'"
bench both 1 integer -- -hda x && says both "tests and a machine exclude one another" 'not both'
finish
