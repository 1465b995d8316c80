#!/bin/sh
# -boot and -cdrom: boot sectors that say where they are from, on a floppy, a disk, and El Torito discs of each kind.
# Source: "El Torito" Bootable CD-ROM Format Specification 1.0, "Boot Record Volume Descriptor", "Booting Catalog".
. "$(dirname "$0")/common.sh"
build_expect
socket=$work/monitor

# sector FILE LETTER OCTAL: a boot sector that writes LETTER to COM1, then runs this code.
sector() {
    code=$(printf '%s' "$2" | od -An -to1 | tr -d ' ')
    # MOV DX, 3F8h; MOV AL, LETTER; OUT DX, AL; ...; HLT; JMP $-1
    # shellcheck disable=SC2059
    printf "\\272\\370\\003\\260\\$code\\356$3\\364\\353\\375" >"$1"
    truncate -s 510 "$1"
    printf '\125\252' >>"$1"
}
# MOV DX, 604h; MOV AX, 2000h; OUT DX, AX: power off; MOV DX, 501h; OUT DX, AX: isa-debug-exit, where there is no ACPI
off='\272\004\006\270\000\040\357\272\001\005\357'
again='\260\376\346\144'           # MOV AL, FEh; OUT 64h, AL: reset

# at FILE OFFSET BYTES: writes what printf makes of BYTES there.
at() {
    # shellcheck disable=SC2059
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
# disc FILE TYPE IMAGE: an El Torito disc, its boot catalog in sector 19 and IMAGE from sector 20 on.
disc() {
    truncate -s 40960 "$1"
    at "$1" 32768 '\001CD001\001'
    at "$1" 34816 '\000CD001\001EL TORITO SPECIFICATION'
    at "$1" 34887 '\023'
    at "$1" 36864 '\377CD001\001'
    at "$1" 38912 '\001\000\000\000'
    at "$1" 38940 '\252\125\125\252' # the checksum, and the key bytes 55h AAh
    at "$1" 38944 "\\210\\$2\\000\\000\\000\\000\\001\\000\\024"
    dd if="$3" of="$1" bs=2048 seek=20 conv=notrunc 2>/dev/null
}
# boots WANTED NAME OPTION...: what COM1 hears until the power is off.
boots() {
    wanted=$1 name=$2
    shift 2
    got=$(within 40 "$CLUTCH" -display none -monitor none -serial stdio -snapshot "$@" </dev/null 2>&1)
    if [ "$got" = "$wanted" ]; then ok "$name"; else fail "$name: '$got', not '$wanted'"; fi
}

sector "$work/a" a "$off"
sector "$work/c" c "$off"
sector "$work/d" d "$off"
sector "$work/d2" d "$again"
sector "$work/f" f "$off"
sector "$work/h" h "$off"
truncate -s 1440K "$work/a" "$work/f"
truncate -s 1M "$work/c"
# A disk image for a disc has a partition table, whose first entry tells the BIOS its geometry: 2 heads, 16 sectors.
at "$work/h" 446 '\200\000\002\000\001\001\020\017\001\000\000\000\377\001\000\000'
truncate -s 256K "$work/h"
disc "$work/d.iso" 000 "$work/d"
disc "$work/d2.iso" 000 "$work/d2"
disc "$work/f.iso" 002 "$work/f"
disc "$work/h.iso" 004 "$work/h"
head -c 65536 /dev/zero >"$work/data.iso"
a="-drive file=$work/a,if=floppy,format=raw" c="-hda $work/c" d="-cdrom $work/d.iso"

# shellcheck disable=SC2086
{
    boots c "the hard disk first, unless told otherwise" $c $a $d
    boots d "-boot d" -boot d $c $a $d
    boots a "-boot a" -boot a $c $a $d
    boots c "-boot dc with a disc that does not boot" -boot dc $c -cdrom "$work/data.iso"
    boots c "-boot ac with an empty floppy drive" -boot ac $c -drive if=floppy
    boots d "a disc as secondary slave" -boot d -drive "file=$work/d.iso,media=cdrom,index=3"
    boots f "an El Torito disc with a floppy's image" -boot d -cdrom "$work/f.iso"
    boots h "an El Torito disc with a disk's image" -boot d -cdrom "$work/h.iso"
    boots dc "-boot once=d: the disc, and after the reset the disk" -boot once=d,order=c $c -cdrom "$work/d2.iso"
    boots da "-boot once=d,order=a" -boot once=d,order=a $c $a -cdrom "$work/d2.iso"
    boots c "isapc boots from a disk" -M isapc -device isa-debug-exit $c
    boots a "isapc boots from a floppy" -M isapc -device isa-debug-exit -boot a $a
    boots d "isapc boots from a disc" -M isapc -device isa-debug-exit -boot d $d
    converse "-boot d,strict=on boots no disk" "$CLUTCH" -display none -monitor none -serial "file:$work/serial" \
        -debugcon stdio -snapshot -boot d,strict=on $c <<END
timeout 40
wait No bootable device
END
    if [ -s "$work/serial" ]; then fail "nor a bit of it"; else ok "nor a bit of it"; fi
    within 20 "$CLUTCH" -display none -monitor none -serial null -no-reboot -boot reboot-timeout=100 </dev/null
    status=$?
    if [ $status = 0 ]; then ok "-boot reboot-timeout"; else fail "-boot reboot-timeout: exit status $status"; fi

    rm -f "$socket"
    converse "-boot menu=on,splash-time: the menu boots what is chosen" -m "$socket" "$CLUTCH" -display none \
        -serial stdio -debugcon "file:$work/log" -monitor "unix:$socket,server,nowait" -snapshot -boot menu=on,splash-time=20000 \
        $c $a $d <<END
timeout 40
run until grep -q "Press ESC for boot menu" $work/log; do sleep 0.1; done
sleep 0.2
monitor sendkey esc
run until grep -q "Select boot device" $work/log; do sleep 0.1; done
sleep 0.2
monitor sendkey 2
wait a
status 0
END

    rm -f "$socket"
    converse "boot_set and change: the next boot is from the new disc" -m "$socket" "$CLUTCH" -S -display none \
        -serial stdio -monitor "unix:$socket,server,nowait" -snapshot $c -drive media=cdrom,id=disc <<END
timeout 40
monitor info block
mwait ide1-cd0 or disc: empty
monitor change disc $work/d.iso
ask info block => d.iso
monitor boot_set d
monitor cont
wait d
status 0
END
}
rm -f "$socket" "$work/log" "$work/serial" "$work"/?.iso "$work"/d2.iso "$work"/data.iso "$work"/[acdfh] "$work/d2"
finish
