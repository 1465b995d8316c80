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
    says all "round trips have a time for one" '^time of one access:'
    says all "one run has no range" 'one run, so there is no range'
    # One kernel computes the same in all modes, so there is one checksum for each name.
    if have=$(command -v python3); then
        if "$have" - "$work/all.json" "$work/all.svg" 2>"$work/parse.err" <<'END'; then ok "JSON and SVG parse; one checksum for each kernel"; else fail "JSON and SVG" && cat "$work/parse.err"; fi
import json, sys, xml.dom.minidom
table = json.load(open(sys.argv[1]))
sums = {}
for test in table["tests"]:
    for result in test["results"]:
        low, median, high = (result["seconds_per_pass_" + x] for x in ("minimum", "median", "maximum"))
        assert result["status"] == "ok" and 0 < low <= median <= high, test
        run, = result["runs"]
        assert abs(run["seconds"] / run["passes"] / median - 1) < 1e-6, test
        assert test["instructions_per_pass"] > 0 and result["million_instructions_per_second"] > 0, test
        if result["engine"] == "interp":
            assert run["interpreted_instructions"] >= test["instructions_per_pass"] * run["passes"], test
        if not test["operations_per_pass"]:
            sums.setdefault(test["test"], set()).add(result["checksum"])
assert table["schema"] == 2
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
    says machine "its exit status is told" '^    exit status 33$'
fi
# shellcheck disable=SC2086
bench until 0 --engine interp --runs 1 --until "ok   square root of 2" -- $machine -hda "$O/roms/test-fpu.bin" &&
    says until "a machine that is done when a text appears" '^command '
# shellcheck disable=SC2086
bench never 1 --engine interp --runs 1 --until "no such text" -- $machine -hda "$O/roms/test-fpu.bin" &&
    says never "a text that never appears is a failure" "ended (exit status 33) without 'no such text'"

# shellcheck disable=SC2086
bench own 1 --engine interp -- $machine -accel interp && says own "engines are chosen before --" 'chosen by --accel before it'
bench gone 1 --engine interp -- -hda /no/such/image &&
    says gone "an image that is not there" '^clutch bench: -accel interp: .*/no/such/image.*No such file'
if [ -s "$work/gone.out" ] || [ "$(wc -l <"$work/gone.err")" != 1 ]; then fail "one line for it"; else ok "one line for it"; fi

bench list 0 --list && says list "--list" '^integer-64u .*natively too'
bench help 0 --help && says help "--help" '^Usage: clutch bench'
bench test 1 no-such-test && says test "unknown tests" "there is no test 'no-such-test'"
bench near 1 --only integer,branchs && says near "mistyped tests get the nearest" "no test 'branchs' (did you mean 'branches'?)"
bench option 1 --runz 3 && says option "unknown options get the nearest" "did you mean 'runs'"
bench number 1 --runs 0 && says number "numbers are checked" 'not a number from 1 to 99'
bench engine 1 --engine warp && says engine "unknown engines" "there is no engine 'warp'"
bench json 1 --json /no/such/folder/b.json x87 && [ ! -s "$work/json.out" ] &&
    says json "files that cannot be written are told before the runs" '^clutch bench: /no/such/folder/b.json: '
rm -f "$work/new.json" "$work/new.svg"
bench same 1 --json "$work/new.json" --svg "$work/new.json" x87 && [ ! -e "$work/new.json" ] &&
    says same "one file is not two" 'files of their own'
# With the signal as a terminal would send it: a script's background jobs ignore it otherwise.
if env --default-signal=INT true 2>/dev/null; then
    env --default-signal=INT "$CLUTCH" bench --runs 99 --engine interp --json "$work/new.json" --svg "$work/new.svg" \
        integer-16 integer-32 >"$work/int.out" 2>"$work/int.err" </dev/null &
    pid=$!
    for _ in $(seq 600); do [ -s "$work/int.out" ] && break; sleep 0.1; done
    kill -INT $pid
    wait $pid
    status=$?
    if [ $status = 130 ] && [ ! -e "$work/new.json" ] && [ ! -e "$work/new.svg" ] && grep -q '^clutch bench: interrupted after' "$work/int.err"; then
        ok "Ctrl-C ends it with status 130 and leaves no file"
    else
        fail "Ctrl-C: status $status" && cat "$work/int.err"
    fi
else
    why="env has no --default-signal" && skip "Ctrl-C"
fi
bench both 1 integer -- -hda x && says both "tests and a machine exclude one another" 'not both'
finish
