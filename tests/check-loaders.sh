#!/bin/sh
# Boot loaders from the media that people use: GRUB on disks with partition tables of both kinds and on a CD, SYSLINUX on
# a floppy and on a hard disk, ISOLINUX, iPXE.  Each shows its menu, obeys the PS/2 keyboard, goes on to another boot
# sector, and starts Debian's kernel.  The media are made here of Debian's packages, without root; with KEEP=1 in
# the environment they stay in build/work.
. "$(dirname "$0")/common.sh"
. tests/media.sh
. tests/screen.sh
build_expect
disk=$work/disk.img
tree=$work/tree
socket=$work/monitor
kernel=yes
tests/fetch-linux.sh build/guests disk 2>"$work/why" || kernel=

# What a loader goes on to.
rm -f "$work/disk"
truncate -s 1M "$work/disk"
probe "$work/disk" 0 disk

# kernel_from NAME KEYS OPTION...: the loader's menu, which serial port 1 shows too; KEYS choose Linux, which gives a shell.
kernel_from() {
    name=$1 keys=$2
    shift 2
    if [ -z "$kernel" ]; then
        why=$(tail -n 1 "$work/why")
        skip "Debian's kernel from $name"
        return
    fi
    rm -f "$socket"
    converse "Debian's kernel from $name" -m "$socket" -l "$work/kernel.log" "$CLUTCH" -m 128 -display none -serial stdio \
        -monitor "unix:$socket,server,nowait" -snapshot "$@" <<END
timeout 60
never Kernel panic
wait Linux from here
sleep 1
$(for key in $keys; do echo "monitor sendkey $key"; done)
wait #\x20
send cat /proc/cmdline; uname -m
wait loaded=$(echo "$name" | tr -dc A-Za-z)
wait i686
wait #\x20
send poweroff -f
status 0
END
}
arguments() { echo "console=ttyS0 quiet loaded=$(echo "$1" | tr -dc A-Za-z)"; }

# --- GRUB -------------------------------------------------------------------------------------------------------------

# grub_tree NAME: what GRUB reads.
grub_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/boot/grub"
    [ -z "$kernel" ] || cp build/guests/linux build/guests/small.gz "$tree/boot"
    cat >"$tree/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_output console serial
set timeout=-1
menuentry "Chain-load the second partition" {
    set root=(hd0,2)
    chainloader +1
}
menuentry "Nothing" { true; }
menuentry "Linux from here" {
    linux /boot/linux $(arguments "$1")
    initrd /boot/small.gz
}
END
    echo "A file far out." >"$tree/far"
}
grub_talk() {
    cat <<END
see GNU GRUB  version 2
see Chain-load the second partition
keys c
see grub>
type ls
see (hd0,${1}2)
type ls (hd0,${1}1)/boot/
see grub/
type cat (hd0,${1}1)/far
see A file far out.
keys esc
see Nothing
keys ret
see Probe: second, drive 80
END
}
grub_disk() {
    extfs "$disk" "$1" 32768 "$tree"
    grub_install "$disk" "$work/core" "$2"
    probe "$disk" $(($1 + 65536)) second
}
if need_grub && need_tool mke2fs e2fsprogs && grub_core "$work/core" '(hd0,msdos1)/boot/grub'; then
    name="GRUB on an MBR disk"
    grub_tree "$name"
    rm -f "$disk"
    truncate -s 40M "$disk"
    partition "$disk" 1 0x83 2048 65536
    partition "$disk" 2 0x83 67584 2048
    grub_disk 2048 1
    watch "$name: menu, ls, chain-loading" -snapshot -hda "$disk" <<END
$(grub_talk msdos)
END
    kernel_from "$name" "down down ret" -hda "$disk"
    mv "$disk" "$work/grub.img"
else
    skip "GRUB"
fi

# BIOS boot partition, file system beyond the reach of 28-bit sector numbers, and a backup table at the end.
if [ -e "$work/core" ] && need_tool sfdisk fdisk libfdisk1 libsmartcols1 &&
    grub_core "$work/core" '(hd0,gpt1)/boot/grub'; then
    name="GRUB on a GPT disk, beyond 137 GB"
    grub_tree "$name"
    rm -f "$disk"
    truncate -s 200G "$disk"
    tool sfdisk -q "$disk" >"$work/sfdisk.log" 2>&1 <<END
label: gpt
start=314572800, size=65536, type=linux
start=314638336, size=2048, type=linux
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
END
    grub_disk 314572800 2048
    watch "$name: menu, ls, chain-loading" -snapshot -hda "$disk" <<END
$(grub_talk gpt)
END
    kernel_from "$name" "down down ret" -hda "$disk"
    rm -f "$disk"
else
    skip "GRUB on a GPT disk"
fi
if [ -e "$work/core" ] && need_iso && grub_core "$work/core" '(cd)/boot/grub'; then
    name="GRUB on a CD"
    grub_tree "$name"
    cat $grub/cdboot.img "$work/core" >"$tree/boot/grub/eltorito.img"
    iso "$work/grub.iso" "$tree" -b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table
    watch "$name, and on to the hard disk" -cdrom "$work/grub.iso" -snapshot -hda "$work/disk" -boot d <<END
see Chain-load the second partition
keys c
see grub>
type ls
see (cd)
type cat (cd)/far
see A file far out.
type root=(hd0)
type chainloader +1
type boot
see Probe: disk, drive 80
END
    kernel_from "$name" "down down ret" -cdrom "$work/grub.iso"
else
    skip "GRUB on a CD"
fi

# --- SYSLINUX ---------------------------------------------------------------------------------------------------------

# syslinux_menu NAME MENU.C32
syslinux_menu() {
    cat <<END
SERIAL 0 115200
UI $2
MENU TITLE A menu of ours
PROMPT 0
LABEL first
  MENU LABEL The first entry
  COM32 chain.c32
  APPEND hd1
LABEL second
  MENU LABEL The second entry
  COM32 chain.c32
  APPEND $3
LABEL linux
  MENU LABEL Linux from here
  LINUX linux
  INITRD small.gz
  APPEND $(arguments "$1")
END
}
modules=$packages/usr/lib/syslinux/modules/bios
c32s="$modules/menu.c32 $modules/vesamenu.c32 $modules/libutil.c32 $modules/libcom32.c32 $modules/chain.c32"
syslinux_talk() {
    cat <<END
see A menu of ours
see The second entry
keys down ret
see Probe: disk, drive $1
END
}
# shellcheck disable=SC2086
if need_packages isolinux syslinux-common && need_iso; then
    name=ISOLINUX
    rm -rf "$tree"
    mkdir -p "$tree/isolinux"
    cp $packages/usr/lib/ISOLINUX/isolinux.bin $modules/ldlinux.c32 $c32s "$tree/isolinux"
    [ -z "$kernel" ] || cp build/guests/linux build/guests/small.gz "$tree/isolinux"
    syslinux_menu $name menu.c32 hd0 >"$tree/isolinux/isolinux.cfg"
    iso "$work/isolinux.iso" "$tree" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table
    watch "ISOLINUX's menu, and on to the hard disk" -cdrom "$work/isolinux.iso" -boot d -snapshot -hda "$work/disk" <<END
$(syslinux_talk 80)
END
    kernel_from $name "down down ret" -cdrom "$work/isolinux.iso"
else
    skip "ISOLINUX"
fi
# shellcheck disable=SC2086
if need_packages syslinux syslinux-common && need_tool mkfs.fat dosfstools && need_tool mcopy mtools; then
    floppy=$work/syslinux.img
    rm -f "$floppy" "$disk"
    truncate -s 1474560 "$floppy"
    tool mkfs.fat "$floppy" >/dev/null
    syslinux_menu floppy menu.c32 hd0 >"$work/syslinux.cfg"
    tool mcopy -i "$floppy" "$work/syslinux.cfg" $c32s ::
    if tool syslinux --install "$floppy"; then
        watch "SYSLINUX's menu on a floppy disk" -snapshot -fda "$floppy" -hda "$work/disk" -boot a <<END
$(syslinux_talk 80)
END
        # The same, drawn by VESA's BIOS functions, which a text screendump cannot read; the serial port tells.
        name="SYSLINUX on a hard disk"
        truncate -s 40M "$disk"
        partition "$disk" 1 0xe 2048 79872
        dd if=$packages/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc 2>/dev/null
        tool mkfs.fat -F 16 --offset 2048 -h 2048 "$disk" 39936 >/dev/null
        syslinux_menu "$name" vesamenu.c32 hd1 >"$work/syslinux.cfg"
        tool mcopy -i "$disk@@1M" "$work/syslinux.cfg" $c32s ::
        [ -z "$kernel" ] || tool mcopy -i "$disk@@1M" build/guests/linux build/guests/small.gz ::
        tool syslinux --offset 1048576 --install "$disk"
        watch "$name: VESA menu, and on to the second disk" -snapshot -hda "$disk" -hdb "$work/disk" <<END
picture P6 640 480
pause 1
monitor screendump $work/vesamenu.png
$(syslinux_talk 81 | tail -n 2)
END
        kernel_from "$name" "down down ret" -hda "$disk"
    else
        rm -f "$floppy"
        why="its installer does not run here"
        skip "SYSLINUX on a floppy disk"
    fi
else
    skip "SYSLINUX"
fi

# --- the firmware's boot menu, with these media -------------------------------------------------------------------------

if [ -e "$work/grub.img" ] && [ -e "$work/isolinux.iso" ] && [ -e "$work/syslinux.img" ]; then
    media="-boot menu=on,splash-time=20000 -snapshot -hda $work/grub.img -fda $work/syslinux.img -cdrom $work/isolinux.iso"
    for choice in "1 Chain-load the second partition" "2 SYSLINUX" "3 ISOLINUX"; do
        # shellcheck disable=SC2086
        watch "-boot menu=on, choice $choice" $media <<END
see Press ESC for boot menu
keys esc
see Select boot device
see 3. DVD/CD
keys ${choice%% *}
$(case $choice in 1*) echo "see ${choice#* }" ;; *) printf 'see A menu of ours\nkeys esc\nsee boot:\n' ;; esac)
END
    done
else
    why="some of GRUB's disk, SYSLINUX's floppy and ISOLINUX's disc is missing"
    skip "-boot menu=on"
fi

# --- iPXE -------------------------------------------------------------------------------------------------------------

banner='Open Source Network Boot Firmware'
if need_packages ipxe; then
    watch "iPXE's CD" -cdrom $packages/usr/lib/ipxe/ipxe.iso <<END
see $banner
see No more network devices
END
    watch "iPXE as a kernel" -kernel $packages/boot/ipxe.lkrn <<END
see $banner
see No more network devices
END
else
    skip "iPXE"
fi
[ -n "${KEEP:-}" ] || rm -rf "$tree" "$work"/*.img "$work"/*.iso "$work/disk" "$work/core" "$work/probe"
finish
