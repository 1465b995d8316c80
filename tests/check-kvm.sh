#!/bin/sh
# The KVM engine on this host's /dev/kvm, and shifts between it and the interpreter while Linux runs.
# SOAK (environment): seconds of the soak, 20 without it; 600 for a long one.
. "$(dirname "$0")/common.sh"
. tests/screen.sh
build_expect
images=${GUEST_IMAGES:-../shared/testdata/guests}

probe=$(within 20 "$CLUTCH" -accel kvm -accel interp -S -display none -serial none -monitor stdio </dev/null 2>&1 >/dev/null |
    grep 'trying interp')
case $probe in
*"not there"* | *denied* | *"too old"* | *"this build"*)
    why=${probe#*-accel kvm: }
    skip "the KVM engine"
    finish
    ;;
esac

# --- what the user is told ---

if out=$("$CLUTCH" -accel kvm -icount 3 -display none -monitor none 2>&1) || ! echo "$out" | grep -q 'icount.*counts instructions'; then
    fail "-icount with KVM is refused: $out"
else
    ok "-icount with KVM is refused"
fi
if [ "$(id -u)" = 0 ] && [ ! -w /dev/kvm ] || ! command -v setpriv >/dev/null; then
    why="needs root and setpriv"
    skip "no permission"
elif [ "$(id -u)" != 0 ] || [ "$(stat -c %a /dev/kvm)" = 666 ]; then
    why="everybody may use /dev/kvm here, or we are not root"
    skip "no permission"
else
    cp "$CLUTCH" "/tmp/clutch.$$"
    out=$(setpriv --reuid=65534 --regid=65534 --clear-groups "/tmp/clutch.$$" -accel kvm -display none -monitor none 2>&1)
    status=$?
    rm -f "/tmp/clutch.$$"
    case "$status $out" in
    "1 "*"permission denied; "*"(sudo "*) ok "without permission: exit status 1 and the remedy" ;;
    *) fail "without permission: $status $out" ;;
    esac
fi

# --- the test disks ---

# run NAME OPTION...: as in check-roms.sh.
run() {
    rom=$1
    shift
    within 60 "$CLUTCH" -display none -serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -snapshot -hda "$O/roms/$rom.bin" -accel kvm "$@" >"$work/$rom.out" 2>&1 </dev/null
    status=$?
    if [ $status = 33 ] && grep -qa ' 0 failed' "$work/$rom.out"; then
        ok "$rom: $(tail -n 1 "$work/$rom.out")"
    else
        fail "$rom: exit status $status"
        grep -av '^ok ' "$work/$rom.out" | sed 's/^/    /' | head -n 20
    fi
}
for rom in test-fallback test-fpu test-io test-protect test-paging test-task test-taskpage test-v86 test-smc test-long \
    test-longuser test-operands test-text test-planar; do
    [ ! -f "roms/$rom.S" ] || run $rom
done

# --- fallback ---

# Everything is KVM's from SeaBIOS's boot menu on: x87 and SSE code of 16, 32 and 64 bits, which a software KVM's emulator
# lacks.  What such a KVM is known to get wrong (docs/ORACLES.md): an INT of user code is #UD there, and so are x87 and SSE in
# compatibility mode.
rm -f "$work/menu"
"$O/tests/expect" -l "$work/fallback.log" -m "$work/menu" "$CLUTCH" -display none -serial stdio -snapshot -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -boot menu=on -hda "$O/roms/test-fallback.bin" \
    -accel interp,modes=all,stats=on -monitor unix:"$work/menu",server,nowait >"$work/conversation" 2>&1 <<END
timeout $((60 * SLOWER))
screen Press ESC
monitor accel kvm
wait failed
wait a change of engine
END
tr -d '\r' <"$work/fallback.log" >"$work/fallback"
if [ "$(grep -ac '^ok .*: sum by ' "$work/fallback")" = 10 ] &&
    ! grep -a '^FAIL' "$work/fallback" |
        grep -v 'ring 3 comes back: got 00000006\|registers to ring 3 and back: got 00000006'; then
    ok "x87 and SSE of 16, 32 and 64 bits where KVM has all modes"
    grep -a 'times: ' "$work/fallback" | sed 's/^/     /'
else
    fail "x87 and SSE of 16, 32 and 64 bits where KVM has all modes"
    tail -n 20 "$work/conversation" "$work/fallback"
fi

# A software KVM's CPUID shows the host's features, whatever it was given: SeaBIOS took a 486 for a processor with a TSC, and
# the machine restarted for ever.  (What such an emulator gets wrong later is not the question here.)
within 60 "$CLUTCH" -display none -serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 -M isapc -no-reboot \
    -snapshot -hda "$O/roms/test-smc.bin" -accel kvm,modes=all >"$work/isapc" 2>&1 </dev/null
if grep -qa '^[0-9]* passed, ' "$work/isapc"; then
    ok "SeaBIOS of a PC without PCI where KVM has all modes"
else
    fail "SeaBIOS of a PC without PCI where KVM has all modes: $(tail -n 1 "$work/isapc")"
fi

# --- page tables across shifts ---

# Page tables written under one engine, and the TLB flushed under the other (roms/shift-paging.S asks for each in turn).
rm -f "$work/menu"
echo "timeout $((120 * SLOWER))" >"$work/gears"
for gear in kvm interp kvm interp kvm interp kvm interp kvm interp kvm interp kvm interp \
    kvm interp kvm interp kvm interp kvm interp kvm interp kvm interp kvm interp kvm interp kvm; do
    printf 'wait gear: %s\nmonitor accel %s\nmwait accel %s\nmwait (clutch)\ntype x\n' $gear $gear $gear
done >>"$work/gears"
echo "status 33" >>"$work/gears"
if within 20 "$CLUTCH" -accel kvm -S -display none -serial none -monitor stdio 2>&1 </dev/null | grep -q 'a software one'; then
    why="this host's KVM is a software one"
    skip "page tables across shifts"
else
    "$O/tests/expect" -l "$work/gears.log" -m "$work/menu" "$CLUTCH" -display none -serial stdio -snapshot -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -hda "$O/roms/shift-paging.bin" -accel interp \
        -monitor unix:"$work/menu",server,nowait <"$work/gears" >"$work/conversation" 2>&1
    if tr -d '\r' <"$work/gears.log" | grep -qa '^21 passed, 0 failed'; then
        ok "page tables across shifts"
    else
        fail "page tables across shifts"
        grep -a '^FAIL' "$work/gears.log" || tail -n 20 "$work/conversation"
    fi
fi

# --- text memory ---

# From SeaBIOS's boot menu on everything is KVM's; 170,000 accesses to text memory, of which those before it is RAM leave
# the guest: 128 after a mode is set, more after each of the disk's quick changes of registers.
rm -f "$work/menu"
"$O/tests/expect" -l "$work/text.log" -m "$work/menu" "$CLUTCH" -display none -serial stdio -snapshot -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -boot menu=on -hda "$O/roms/test-text.bin" \
    -accel interp,modes=all,stats=on -monitor unix:"$work/menu",server,nowait >"$work/conversation" 2>&1 <<END
timeout $((120 * SLOWER))
screen Press ESC
monitor accel kvm
status 33
END
left=$(tr -d '\r' <"$work/text.log" | awk '($4 == "read" || $4 == "write") && $5 ~ /^0xb[0-9a-f]000$/ { n += $1 } END { print n + 0 }')
if grep -qa ' 0 failed' "$work/text.log" && grep -qa 'mean us  page' "$work/text.log" && [ "$left" -lt 8000 ]; then
    ok "text memory is KVM's: $left of 170,000 accesses left the guest"
else
    fail "text memory is KVM's: $left accesses left the guest"
    tail -n 20 "$work/conversation" "$work/text.log"
fi

# --- planar graphics ---

# 300,000 stores to planes, which KVM gathers: what leaves the guest are the first ones of a mode, and one for each time the
# ring is full.  What the interpreter executes meanwhile is no exit either.
rm -f "$work/menu"
"$O/tests/expect" -l "$work/planar.log" -m "$work/menu" "$CLUTCH" -display none -serial stdio -snapshot -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -boot menu=on -hda "$O/roms/test-planar.bin" \
    -accel interp,modes=all,stats=on -monitor unix:"$work/menu",server,nowait >"$work/conversation" 2>&1 <<END
timeout $((120 * SLOWER))
screen Press ESC
monitor accel kvm
status 33
END
left=$(tr -d '\r' <"$work/planar.log" | awk '$4 == "write" && $5 ~ /^0xa[0-9a-f]000$/ { n += $1 } END { print n + 0 }')
gathered=$(tr -d '\r' <"$work/planar.log" | awk '/writes gathered by KVM/ { print $1 }')
if ! grep -qa ' 0 failed' "$work/planar.log"; then
    fail "planar graphics under KVM"
    tail -n 20 "$work/conversation" "$work/planar.log"
elif [ -z "$gathered" ]; then
    why="this host's KVM gathers no writes"
    skip "planar graphics gathered"
elif [ "$left" -lt 8000 ]; then
    ok "planar graphics: $left of $((left + gathered)) stores left the guest"
else
    fail "planar graphics: $left of $((left + gathered)) stores left the guest"
fi

# --- a system from a floppy ---

if [ -f "$images/freedos.img" ]; then
    watch "SeaBIOS to FreeDOS's prompt" -m 32 -snapshot -fda "$images/freedos.img" -accel kvm <<END
see FREEDOS-720K-OK
see A:\\>
type dir
see bytes free
END
else
    why="no $images/freedos.img"
    skip "FreeDOS"
fi

# --- Linux across shifts ---

if [ -n "$SANITIZE" ]; then
    why="too slow for an instrumented build"
    skip "Linux across shifts"
    finish
fi
if ! $CC -m64 -O1 -ffreestanding -fno-stack-protector -fno-pie -no-pie -nostdlib -static -o "$work/soak_guest" \
    tests/soak_guest.c 2>"$work/why"; then
    why="$CC does not build for 64-bit Linux"
    skip "Linux across shifts"
    finish
fi
if ! tests/fetch-linux.sh build/guests/amd64 amd64 2>"$work/why"; then
    why=$(tail -n 1 "$work/why")
    skip "Linux across shifts"
    finish
fi
if ! command -v cpio >/dev/null; then
    why="no cpio here"
    skip "Linux across shifts"
    finish
fi
guests=build/guests/amd64
rm -rf "$work/root"
mkdir -p "$work/root/dev"
cp "$work/soak_guest" "$work/root/init"
mknod "$work/root/dev/console" c 5 1 2>/dev/null # needs root; without it the program writes to nowhere
(cd "$work/root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) | gzip -1 >"$work/soak.gz"
if [ ! -c "$work/root/dev/console" ]; then
    why="needs root, for a device node in an initrd"
    skip "Linux across shifts"
    finish
fi

# The sums as this host's processor has them.
sums=$("$work/soak_guest" 1 | sed -n 's/^sum .* /wait /p')
linux="-cpu max -m 256 -display none -serial stdio -no-reboot -kernel $guests/linux -initrd $work/soak.gz"
socket=$work/monitor
rm -f "$socket"

# shellcheck disable=SC2086
converse "a 64-bit Linux boots under -accel kvm and adds up like the host" -l "$work/kvm.log" "$CLUTCH" $linux \
    -append "console=ttyS0 SOAK=5" -accel kvm -monitor none <<END
timeout 120
never Kernel panic
never segfault
never WRONG
$sums
wait soak wrong 0
wait Power down
status 0
END

# shellcheck disable=SC2086
converse "a 64-bit Linux under -accel auto" -l "$work/auto.log" "$CLUTCH" $linux \
    -append "console=ttyS0 SOAK=4" -accel auto,stats=on -monitor none <<END
timeout 120
never Kernel panic
never segfault
never WRONG
$sums
wait soak wrong 0
wait Power down
status 0
END
tr -d '\r' <"$work/auto.log" | grep -a 'detours through' | sed 's/^/     /'

# shellcheck disable=SC2086
converse "a 64-bit Linux through shifts every 50 ms" -l "$work/soak.log" -m "$socket" "$CLUTCH" $linux \
    -append "console=ttyS0 SOAK=${SOAK:-20}" -accel interp,stats=on -monitor unix:"$socket",server,nowait <<END
timeout $((120 + ${SOAK:-20}))
never Kernel panic
never segfault
never WRONG
pulse 50 accel kvm | accel interp
$sums
timeout $((60 + ${SOAK:-20}))
wait soak wrong 0
wait Power down
status 0
END
tr -d '\r' <"$work/soak.log" | grep -a '^soak rounds\|^shifts\|change of engine' | sed 's/^/     /'
finish
