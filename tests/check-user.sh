#!/bin/sh
# tests/guest/user.c: a static program, 32 bits under Debian's i386 kernel, 64 and 32 bits under its amd64 kernel, and the
# same natively on the host, whose results they must share.  The kernels' own messages must hold no complaint that is not
# known.
. "$(dirname "$0")/common.sh"
. tests/media.sh
guests=build/guests

if ! command -v cpio >/dev/null; then
    why="no cpio here"
    skip "a static program under Debian's kernels"
    finish
fi
# compile BITS
compile() {
    $CC -m"$1" -msse2 -O2 -fno-pic -fno-pie -no-pie -nostdlib -static -fno-stack-protector -fno-builtin \
        -fcf-protection=none -mno-red-zone -o "$work/user$1" tests/guest/user.c tests/guest/system.c >"$work/cc.log" 2>&1
}
for bits in 32 64; do
    if ! compile $bits; then
        why="$CC builds no program of $bits bits"
        skip "a static program under Debian's kernels"
        finish
    fi
done

# results FILE: what the program says, without what differs where it may.
results() { tr -d '\r' <"$1" | sed -n '/^ok \|^sum \|^FAIL /p'; }
# judge LABEL LOG BITS: no failure in the log, and what the host says, as far as it can run the program.
judge() {
    tr -d '\r' <"$2" | sed -n "/^user $3: start/,/^user $3: done/p" >"$work/said"
    if ! grep -q "^user $3: done" "$work/said"; then
        fail "$1: it did not end"
        tail -n 20 "$2"
    elif grep '^FAIL ' "$work/said"; then
        fail "$1"
    elif [ -e "$work/native$3" ] && results "$work/said" | diff "$work/native$3" - | grep '^>'; then
        fail "$1: not as on the host"
    else
        ok "$1: $(grep -c '^ok ' "$work/said") results"
    fi
}
# Only where the host's kernel lets the whole program run.
for bits in 32 64; do
    rm -f "$work/native$bits"
    timeout 20 "$work/user$bits" >"$work/native" 2>/dev/null || true
    if grep -q '^skip \|^FAIL ' "$work/native" || ! grep -q ': done' "$work/native"; then
        why="the host's kernel does not let it"
        skip "the program of $bits bits natively"
    else
        results "$work/native" >"$work/native$bits"
    fi
done

# initrd INIT [USER32]
initrd() {
    rm -rf "$work/root"
    mkdir -p "$work/root"
    cp "$1" "$work/root/init"
    [ -z "${2:-}" ] || cp "$2" "$work/root/user32"
    (cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
}
# Complaints that belong to this board: it has no MMCONFIG, and without PAE there is no NX; a busy host spoils the kernel's
# calibrations.
known='MMCONFIG|NX \(Execute|report a bug|not a bug|invalidation policy|tsc: |TSC|APIC (calibration|delta)|PM-Timer|clocksource|hrtimer'
known="$known|acpi PNP0A03|no PMU driver"
complaints() {
    tr -d '\r' <"$1" | sed -n '1,/Run \/init/p' | grep -aiE '\b(error|fail|failed|unable|warning|bug|cannot|broken|panic|firmware bug|unsupported|invalid|bad|unexpected|spurious)' |
        grep -avE "$known"
}
# boot NAME KERNEL OPTION...
boot() {
    log=$work/$1.log
    kernel=$2
    shift 2
    within 120 "$CLUTCH" -m 256 -kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 loglevel=7" \
        -display none -serial "file:$log" -monitor none "$@"
}
quiet() {
    if complaints "$log"; then fail "$1: the kernel has nothing to complain about"; else ok "$1: the kernel has nothing to complain about"; fi
}

if tests/fetch-linux.sh $guests 2>"$work/why"; then
    initrd "$work/user32"
    boot i386 $guests/linux
    judge "32 bits under the i386 kernel" "$log" 32
    quiet "i386"
else
    why=$(tail -n 1 "$work/why")
    skip "a program under Debian's i386 kernel"
fi

installer=$packages/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
if need_packages debian-installer-12-netboot-amd64; then
    initrd "$work/user64" "$work/user32"
    boot amd64 $installer/linux -cpu max
    judge "64 bits under the amd64 kernel" "$log" 64
    judge "32 bits under the amd64 kernel" "$log" 32
    quiet "amd64"
else
    skip "a program under Debian's amd64 kernel"
fi
finish
