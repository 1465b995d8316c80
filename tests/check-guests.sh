#!/bin/sh
# memtest86+ and free systems, whose images are found in ../shared/testdata/guests.  LONG=1 in the environment adds what
# takes minutes.
. "$(dirname "$0")/common.sh"
. tests/media.sh
. tests/screen.sh

# --- memtest86+ -------------------------------------------------------------------------------------------------------

# The first tests; with LONG, until the whole pass is done without an error.
if need_packages memtest86+; then
    last="match Test #([2-9]|10)"
    [ -z "${LONG:-}" ] || last="match Pass:  [1-9]"
    [ -z "${LONG:-}" ] || patience=900
    watch "memtest86+: CPU, caches, memory, board, tests" -m 24 -kernel $packages/boot/memtest86+ia32.bin <<END
see L1 Cache:   32KB
see Clutch Virtual CPU
see MHz
see L2 Cache:    2MB
see L3 Cache:   16MB
see Memory  :   24MB
see Clutch PC (i440FX + PIIX3)
$last
see Errors: 0
END
    patience=90
else
    skip "memtest86+"
fi

# --- free systems -----------------------------------------------------------------------------------------------------

guests=../shared/testdata/guests
# unpacked NAME: in $image, from $guests.
unpacked() {
    image=$work/${1%.?z}
    [ ! -s "$image" ] || return 0
    why="no $guests/$1"
    [ -e "$guests/$1" ] || return 1
    case $1 in
    *.xz) xz -dc "$guests/$1" >"$image" ;;
    *) gzip -dc "$guests/$1" >"$image" ;;
    esac
}
if unpacked minix-1.7-hd-64MB.img.xz; then
    watch "Minix 1.7 on a hard disk" -m 16 -snapshot -hda "$image" <<END
see noname login:
type root
see #
type ls /
see minix
END
else
    skip "Minix"
fi
if unpacked mikeos.iso.gz; then
    watch "MikeOS on a CD" -m 32 -cdrom "$image" <<END
see Thanks for trying out MikeOS!
keys ret
see KERNEL.BIN
END
else
    skip "MikeOS on a CD"
fi
if unpacked basiclinux-3.5-hdd-100MB.img.xz; then
    watch "BasicLinux and its X on VGA" -m 64 -snapshot -hda "$image" <<END
see Please press Enter to activate this console.
keys ret
type startx
see Which screen resolution do you want?
type a
see Which port is your mouse on?
type p
see How many buttons does your mouse have?
type 3
picture P6 640 480
END
else
    skip "BasicLinux"
fi
finish
