#!/bin/sh
# The monitor's commands on a running machine, and the terminal under -nographic.
. "$(dirname "$0")/common.sh"
build_expect
demo="-snapshot -hda $O/roms/demo.bin"
socket=$work/monitor
monitor="-monitor unix:$socket,server,nowait"
rm -f "$socket" "$work"/screen.*

# shellcheck disable=SC2086
{
converse "looking at the machine" -m "$socket" "$CLUTCH" -display none -serial stdio $monitor $demo <<END
timeout 30
wait ticks
monitor info registers
mwait EIP=
mwait CR0=
monitor info pic
mwait (clutch)
monitor info pit
mwait (clutch)
monitor info mem
mwait (clutch)
monitor xp /1xh 0x7dfe
mwait 0xaa55
monitor x /1xh 0x7dfe
mwait 0xaa55
monitor x /2i 0x7c00
mwait jmp
monitor xp /2xb 0xffff0
mwait 0xea
monitor info nosuch
mwait nosuch
monitor nosuch
mwait nosuch
monitor quit
status 0
END

converse "stop and cont" -m "$socket" "$CLUTCH" -display none -serial stdio $monitor $demo <<END
timeout 30
wait ticks
monitor stop
sleep 0.3
monitor info status
mwait paused
monitor cont
monitor info status
mwait running
wait ticks
monitor quit
status 0
END

converse "-S starts stopped" -m "$socket" "$CLUTCH" -display none -S -serial stdio $monitor $demo <<END
timeout 30
monitor info status
mwait paused
monitor x /1i 0xfffffff0
mwait jmp
monitor cont
wait ticks
monitor quit
status 0
END

converse "keys reach the guest" -m "$socket" "$CLUTCH" -display none -serial stdio $monitor $demo <<END
timeout 30
wait ticks
monitor sendkey c
wait  c
monitor sendkey shift-l
wait cL
monitor sendkey 5
wait cL5
monitor screendump $work/screen.txt
monitor screendump $work/screen.png
monitor sendkey q
wait Power off.
status 0
END
if grep -q 'Processor' "$work/screen.txt" && grep -q 'cL5' "$work/screen.txt"; then
    ok "the screen's text shows them"
else
    fail "the screen's text shows them"
    cat "$work/screen.txt"
fi
if [ "$(head -c 8 "$work/screen.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]; then
    ok "the screen as PNG"
else
    fail "the screen as PNG"
fi

rm -f "$work"/screen.*
converse "a machine without a disk" -m "$socket" "$CLUTCH" -display none -serial stdio $monitor <<END
timeout 30
sleep $((2 * SLOWER))
monitor screendump $work/screen.txt
mwait (clutch)
monitor screendump $work/screen.png
mwait (clutch)
monitor quit
status 0
END
for words in 'SeaBIOS (version' 'No bootable device'; do
    if grep -q "$words" "$work/screen.txt"; then ok "the screen says: $words"; else fail "the screen says: $words"; fi
done

converse "-nographic: Ctrl-A h, c and x" -p "$CLUTCH" -nographic $demo <<END
timeout 30
wait ticks
type \x01h
wait end the emulator
type \x01c
wait (clutch)
send info status
wait running
type \x01c
wait ticks
type \x01x
status 0
END

converse "a signal restores the terminal" -p "$CLUTCH" -nographic $demo <<END
timeout 30
wait ticks
signal 15
status 143
END

converse "typing over the serial port" "$CLUTCH" -display none -serial stdio -monitor none $demo <<END
timeout 30
wait ticks
type Clutch
wait Clutch
type q
wait Power off.
status 0
END
}
rm -f "$socket"
finish
