#!/bin/sh
# Free operating systems from outside, each to the state that the index beside their images gives.  The images are not ours
# and not in the repository: they are read, never written, in ../shared/testdata/guests, or where GUEST_IMAGES says.
# Two guests run at a time, each with a folder of its own under $work, where its last screen stays as a picture.
. "$(dirname "$0")/common.sh"
images=${GUEST_IMAGES:-../shared/testdata/guests}
outer=$work

if [ ! -d "$images" ]; then
    why="no folder $images"
    skip "free operating systems"
    finish
fi

# image NAME: in $image, unpacked if need be; fails where it is not there, and says so.
image() {
    image=$images/$1
    if [ ! -f "$image" ]; then
        why="no $image"
        skip "$label"
        return 1
    fi
    case $1 in
    *.xz) xz -dc "$image" >"$work/image" || return 1 ;;
    *.gz) gzip -dc "$image" >"$work/image" || return 1 ;;
    *) return 0 ;;
    esac
    image=$work/image
}


freedos() {
    label="FreeDOS: prompt, files"
    image freedos.img || return
    watch "$label" -m 32 -snapshot -fda "$image" <<END
see FREEDOS-720K-OK
see A:\\>
type dir
see COMMAND  COM
see bytes free
END
}
mikeos() {
    label="MikeOS on a floppy: files"
    image mikeos.flp || return
    watch "$label" -snapshot -fda "$image" <<END
see Thanks for trying out MikeOS!
keys ret
see KERNEL.BIN
END
    label="MikeOS on a CD"
    image mikeos.iso.gz || return
    watch "$label" -cdrom "$image" <<END
see Thanks for trying out MikeOS!
keys ret
see KERNEL.BIN
END
}
elks() {
    label="ELKS: a shell on the screen and on the serial port"
    image elks-0.6.0-fd1440.img || return
    watch "$label" -snapshot -fda "$image" -serial "file:$work/serial" <<END
see VFS: Mounted root 0x0380 (minix filesystem).
match ^#
type ls /
see mnt
type ps
see init
type echo over > /dev/ttyS0
pause 1
see #
END
    saw over "$work/serial"
}
linux_0_11() {
    label="Linux 0.11: gcc"
    image Image-root-hda1 || return
    floppy=$image
    image hdc-0.11.img.xz || return
    watch "$label" -m 16 -snapshot -fda "$floppy" -hda "$image" -boot a <<END
see Partition table ok.
see [/usr/root]#
type ls /
see shoelace
type echo "main(){printf(\"%d\\n\",6*7*1001);}" > a.c
type gcc -o a a.c; ./a
see 42042
END
}
minix() {
    label="Minix 1.7: login, files"
    image minix-1.7-hd-64MB.img.xz || return
    watch "$label" -m 16 -snapshot -hda "$image" <<END
see noname login:
type root
see #
type ls /
see minix
END
}
openbsd() {
    label="OpenBSD 2.8: devices"
    image openbsd.img || return
    watch "$label" -m 64 -snapshot -fda "$image" <<END
see boot>
keys ret
see npx0 at isa0
see fdc0 at isa0
see (I)nstall
END
}
basiclinux() {
    label="BasicLinux: X on VGA"
    image basiclinux-3.5-hdd-100MB.img.xz || return
    watch "$label" -m 64 -snapshot -hda "$image" <<END
$(startx a)
picture P6 640 480
colours 4
END
    label="BasicLinux: X at 800x600 through VESA, the mouse"
    watch "$label" -m 64 -snapshot -hda "$image" <<END
$(startx c)
picture P6 800 600
colours 6
pause 1
keep
$(for step in 1 2 3 4 5 6 7 8; do echo monitor mouse_move 15 -15; echo pause 0.2; done)
differs 300
END
}
startx() {
    cat <<END
see Please press Enter to activate this console.
keys ret
see <#>
type startx
see Which screen resolution do you want?
type $1
see Which port is your mouse on?
type p
see How many buttons does your mouse have?
type 3
END
}
kolibri() {
    label="KolibriOS: desktop, mouse, a program"
    image kolibri.img || return
    watch "$label" -m 128 -snapshot -fda "$image" <<END
picture P6 800 600
colours 1000
pause 6
keep
monitor mouse_move -100 -100
differs 100
keep
monitor mouse_move -130 -30
pause 0.5
monitor mouse_move -70 -10
pause 0.5
monitor mouse_button 1
monitor mouse_button 0
differs 40000
END
}
floppinux() {
    label="Linux, 64 bits, from a floppy: a shell"
    image floppinux-amd64.img || return
    watch "$label" -m 256 -cpu qemu64 -snapshot -fda "$image" <<END
see Please press Enter to activate this console.
keys ret
see built-in shell (ash)
type ls /
see sbin
END
}

# saw TEXT FILE: turns the guest's result into a failure where its other output lacks the text.
saw() {
    grep -qsF -e "$1" "$2" || fail "$label: no \"$1\" in $2"
}
# lane GUEST...: one after another.
lane() {
    for guest; do
        (
            work=$outer/$guest
            mkdir -p "$work"
            . tests/screen.sh
            patience=${PATIENCE:-90}
            $guest
            rm -f "$work/image"
        ) >"$outer/$guest.log" 2>&1
    done
}
guests1="kolibri basiclinux freedos elks"
guests2="openbsd floppinux minix linux_0_11 mikeos"
if [ $# != 0 ]; then guests1=$* guests2=; fi
# shellcheck disable=SC2086
{
    lane $guests1 &
    lane $guests2
    wait
}
for guest in $guests1 $guests2; do cat "$outer/$guest.log"; done >"$outer/log"
cat "$outer/log"
passed=$(grep -c '^ok ' "$outer/log")
failed=$(grep -c '^FAIL ' "$outer/log")
skipped=$(grep -c ' skipped: ' "$outer/log")
finish
