#!/bin/sh
# What resets and power-offs do to the process (docs/EXIT-STATUS.md).  roms/test-reset.S resets in every way and goes on;
# here each way meets -no-reboot, and the monitor has its own.
. "$(dirname "$0")/common.sh"
build_expect

# sector FILE OCTAL: a boot sector with this code behind XOR AX, AX; MOV DS, AX, and HLT; JMP $-1 after it.
sector() {
    # shellcheck disable=SC2059
    printf "\\061\\300\\216\\330$2\\364\\353\\375" >"$work/$1"
    truncate -s 510 "$work/$1"
    printf '\125\252' >>"$work/$1"
}
# ends STATUS NAME OPTION...: boots the sector NAME.
ends() {
    want=$1 name=$2
    shift 2
    within 20 "$CLUTCH" -display none -monitor none -snapshot -hda "$work/$name" "$@" >"$work/out" 2>&1 </dev/null
    status=$?
    if [ $status = "$want" ]; then ok "$name $*"; else fail "$name $*: exit status $status, not $want: $(cat "$work/out")"; fi
}

sector keyboard-controller '\260\376\346\144'                       # out 64h, FEh
sector port-92 '\344\222\044\376\346\222\014\001\346\222'           # bit 0 of port 92h from 0 to 1
sector cf9 '\272\371\014\260\002\356\260\006\356'                   # out CF9h, 2; 6
sector cf9-soft '\272\371\014\260\000\356\260\004\356'              # out CF9h, 0; 4
sector triple-fault '\017\001\036\100\174\314'                      # LIDT of zeros at 7C40h; INT3
sector acpi-off '\272\004\006\270\000\040\357'                      # out 604h, SLP_EN with type 0
sector debug-exit '\260\025\346\364'                                # out F4h, 15h
ends 0 keyboard-controller -no-reboot
ends 0 port-92 -no-reboot
ends 0 cf9 -no-reboot
ends 0 cf9-soft -no-reboot
ends 4 triple-fault -no-reboot
ends 0 acpi-off
ends 43 debug-exit -device isa-debug-exit,iobase=0xf4,iosize=4

converse "the monitor's reset button starts the machine again" -m "$work/monitor" \
    "$CLUTCH" -display none -serial stdio -monitor "unix:$work/monitor,server,nowait" -snapshot -hda "$O/roms/demo.bin" <<END
timeout 30
wait q turns the machine off
wait ticks
monitor system_reset
wait Hello from real mode
wait q turns the machine off
wait ticks
monitor system_reset
wait q turns the machine off
monitor quit
status 0
END
rm -f "$work/monitor"
converse "-no-shutdown stays" -m "$work/monitor" \
    "$CLUTCH" -display none -no-shutdown -serial stdio -monitor "unix:$work/monitor,server,nowait" -snapshot \
    -hda "$O/roms/demo.bin" <<END
timeout 30
wait ticks
send q
wait Power off.
sleep 0.5
monitor info status
mwait paused
monitor quit
status 0
END
rm -f "$work/monitor"
finish
