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

converse "breakpoints and steps" -m "$socket" "$CLUTCH" -display none -serial stdio $monitor -S \
    -snapshot -hda "$O/roms/debug-target.bin" <<END
timeout 60
monitor step
mwait EIP=0000e05b
monitor break 0x7c00
monitor info breakpoints
mwait execute 00007c00
monitor cont
mwait breakpoint at 00007c00
mwait cli
monitor step 2
mwait EIP=00000006
mwait xor    ax,ax
monitor watch 0x8004 2
monitor delete 0x7c00
monitor cont
mwait watchpoint (write) at 00008004
mwait rep stosw
monitor delete
monitor info breakpoints
mwait no breakpoints
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
monitor sendkey 6
wait cL56
monitor screendump $work/screen.txt
monitor screendump $work/screen.png
monitor sendkey q
wait Power off.
status 0
END
# COM1 hears a key before the screen shows it: the one before the last is there for sure.
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
converse "a machine without a disk" -m "$socket" "$CLUTCH" -display none -serial none -debugcon stdio $monitor <<END
timeout 30
screen No bootable device
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

converse "four serial ports, a parallel port, and what the monitor tells about chips" -m "$socket" "$CLUTCH" -display none \
    -serial "file:$work/com1" -serial "file:$work/com2" -serial "file:$work/com3" -serial "file:$work/com4" \
    -parallel "file:$work/lpt1" $monitor $demo -drive media=cdrom,id=disc -drive if=floppy <<END
timeout 30
ask info irq =>  0: 
monitor stop
monitor o 0x3f9 0
monitor o 0x3f8 0x41
monitor o 0x2f8 0x42
monitor o 0x3e8 0x43
monitor o 0x2e8 0x44
monitor o 0x378 0x45
monitor o 0x37a 5
monitor o 0x37a 4
monitor i 0x2fd
mwait port 02fd: 0x
monitor cont
monitor info block
mwait ide0-hd0
mwait ide1-cd0 or disc: empty
mwait floppy0: empty
monitor eject disc
monitor change disc $O/roms/demo.bin
ask info block => ide1-cd0 or disc: $O/roms/demo.bin
ask info audio => none: 48000 Hz, volume 100%
monitor eject disc
ask info block => disc: empty
monitor eject ide0-hd0
mwait hard disk
monitor change floppy0 /nosuch
mwait /nosuch
monitor boot_set xyz
mwait boot device
monitor info lapic
mwait svr
monitor info ioapic
mwait pin
monitor info pci
mwait piix3-ide
monitor info mtree
mwait 03f8-03ff
monitor info rtc
mwait 20
monitor info tlb
mwait paging is off
monitor info cpus
mwait CPU#0
monitor info history
mwait info cpus
monitor help info tlb
mwait page tables
monitor mouse_move 5 5
monitor mouse_button 1
monitor mouse_button 0
monitor logfile $work/trace
monitor log rtc
ask info trace => rtc          on
sleep 0.5
monitor trace rtc off
ask info trace => rtc          off
monitor gva2gpa 0x7c00
mwait gpa: 0x7c00
monitor sendkey q
status 0
END
for port in com2=B com3=C com4=D lpt1=E; do
    if grep -qa "^${port#*=}" "$work/${port%=*}"; then
        ok "output of ${port%=*}"
    else
        fail "output of ${port%=*}: $(od -c "$work/${port%=*}" | head -n 3)"
    fi
done
if grep -qa A "$work/com1"; then ok "output of com1"; else fail "output of com1"; fi
rm -f "$work"/com? "$work/lpt1" "$work/trace"

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
