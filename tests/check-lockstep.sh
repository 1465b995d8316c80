#!/bin/sh
# -accel lockstep=A:B: the interpreter with its blocks against the same one instruction at a time, through SeaBIOS and test
# disks (about ten million instructions each) and the start of a Linux kernel; and against KVM, single-stepped, in what
# this host's KVM executes.  Bounded: some 15 seconds.
. "$(dirname "$0")/common.sh"

machine="-display none -monitor none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -snapshot -icount shift=0"

# agree NAME STATUS ARGUMENT...: ends with that status, and no difference.
agree() {
    name=$1 want=$2
    shift 2
    # shellcheck disable=SC2086
    within 120 "$CLUTCH" $machine "$@" >"$work/$name.out" 2>&1 </dev/null
    status=$?
    line=$(grep -a 'lockstep: .* agree: ' "$work/$name.out" | sed 's/.*agree: //')
    if [ $status = "$want" ] && [ -n "$line" ]; then
        ok "$name: $line"
    else
        fail "$name: exit status $status"
        grep -a lockstep: "$work/$name.out" | head -n 40 | sed 's/^/    /'
    fi
}

disks="test-fpu test-smc test-task test-protect test-long test-longuser"
[ -z "$SANITIZE" ] || disks=test-smc
for disk in $disks; do
    agree "$disk" 33 -accel lockstep=interp:interp -hda "$O/roms/$disk.bin"
done
agree "steps of 1000" 33 -accel lockstep=interp:interp,step=1000 -hda "$O/roms/test-corners.bin"
agree "from the five millionth on" 0 -accel lockstep=interp:interp,step=1,from=5000000,count=500000 \
    -hda "$O/roms/test-corners.bin"
if [ -n "$SANITIZE" ]; then
    why="too slow for an instrumented build" && skip "Linux in lockstep"
elif [ -f build/guests/linux ]; then
    agree "Linux" 0 -m 128 -kernel build/guests/linux -append "console=ttyS0" -accel lockstep=interp:interp,count=30000000
else
    why="no kernel (tests/check-linux.sh fetches it)" && skip "Linux in lockstep"
fi

# The benchmark's kernels in 64-bit user mode, which every KVM executes.
if [ -w /dev/kvm ] && [ -z "$SANITIZE" ]; then
    if within 120 "$CLUTCH" bench --runs 1 --time 0.0001 --engine interp,interp:kvm strings-64u page-fault-64u syscall-64u \
        >"$work/kvm.out" 2>&1 && grep -q 'interp and kvm agree: [1-9]' "$work/kvm.out"; then
        ok "the interpreter and KVM: $(grep -c 'interp and kvm agree: [1-9]' "$work/kvm.out") tests," \
            "$(sed -n 's/.*kvm agree: \([0-9]*\).*/\1/p' "$work/kvm.out" | paste -sd+ | tr -d '\n') instructions"
    else
        fail "the interpreter and KVM"
        grep -a lockstep: "$work/kvm.out" | head -n 40 | sed 's/^/    /'
    fi
else
    why="no /dev/kvm, or too slow" && skip "lockstep with KVM"
fi

# Nothing compared is no success.
# shellcheck disable=SC2086
within 60 "$CLUTCH" $machine -accel lockstep=interp:interp,from=99999999999 -hda "$O/roms/test-smc.bin" \
    >"$work/nothing.out" 2>&1 </dev/null
status=$?
if [ $status = 10 ] && grep -q 'NOTHING WAS COMPARED' "$work/nothing.out"; then
    ok "a run that compares nothing says so: exit status 10"
else
    fail "a run that compares nothing: exit status $status"
fi
if printf 'info accel\nquit\n' | within 60 "$CLUTCH" -display none -monitor stdio -S \
    -accel lockstep=interp:interp,from=5 2>&1 | grep -q 'interp (A) drives the machine, interp (B) follows'; then
    ok "info accel names both engines"
else
    fail "info accel in lockstep"
fi

# wrong PATTERN ARGUMENT...: refused in one line.
wrong() {
    pattern=$1
    shift
    if ! "$CLUTCH" -display none "$@" >"$work/wrong.out" 2>&1 </dev/null && grep -q "$pattern" "$work/wrong.out"; then
        ok "$*"
    else
        fail "$*"
        cat "$work/wrong.out"
    fi
}
wrong 'wants two engines, as interp:kvm' -accel lockstep=interp
wrong 'wants two engines, as interp:kvm' -accel lockstep=interp:warp
wrong "step is lockstep's" -accel step=1
wrong 'names its two engines' -enable-kvm -accel lockstep=interp:interp
wrong 'a step has 1 to 65536' -accel lockstep=interp:interp,step=0
[ ! -w /dev/kvm ] || wrong 'compared after every instruction' -accel lockstep=interp:kvm,step=8
wrong 'not a number of instructions' -accel lockstep=interp:interp,step=many
finish
