#!/bin/sh
# Makes docs/gallery/*.png: screenshots of free guests, each booted from an image in ../shared/testdata/guests (or
# $GUESTS) where it is there.  Needs python3 and xz; not part of `make check`.  tests/gallery.sh [NAME...]
. "$(dirname "$0")/common.sh"
build_expect
guests=${GUESTS:-../shared/testdata/guests} gallery=docs/gallery socket=$work/monitor
mkdir -p $gallery
wanted=" $* "

# shot NAME IMAGE OPTION... <SCRIPT: the picture after the script (tests/expect.c; `mwait` waits for the prompt first).
# In options, IMAGE stands for the image's path, unpacked.
shot() {
    name=$1 image=$2
    shift 2
    if [ "$wanted" != "  " ] && [ "${wanted#* "$name" }" = "$wanted" ]; then return; fi
    case $image in
    */*) path=$image ;;
    *.xz) path=$work/${image%.xz}
        [ -s "$path" ] || xz -dc "$guests/$image" >"$path" ;;
    *) path=$guests/$image ;;
    esac
    if [ ! -s "$path" ]; then echo "$name: no $image"; return; fi
    for option; do # each in turn to the end, IMAGE replaced
        shift
        [ "$option" = IMAGE ] && option=$path
        set -- "$@" "$option"
    done
    rm -f "$socket"
    { echo "timeout 300"; echo "mwait (clutch)"; cat; printf 'monitor screendump %s\nmwait (clutch)\n' "$work/$name.ppm"; } >"$work/script"
    if "$O/tests/expect" -m "$socket" "$CLUTCH" -display none -serial stdio -monitor "unix:$socket,server,nowait" \
        -snapshot "$@" <"$work/script" >"$work/conversation" 2>&1; then
        python3 tests/frames.py png "$work/$name.ppm" "$gallery/$name.png" && ok "$name"
    else
        fail "$name"
        sed 's/^/    /' "$work/conversation"
    fi
}
key() { for k; do printf 'monitor sendkey %s\nmwait (clutch)\nsleep 0.3\n' "$k"; done; }

shot freedos freedos.img -m 32 -fda IMAGE <<END
sleep 15
$(key d i r ret)
sleep 3
END
shot mikeos mikeos.flp -fda IMAGE <<END
sleep 12
$(key ret)
sleep 3
END
shot elks elks-0.6.0-fd1440.img -fda IMAGE <<END
sleep 15
END
shot basiclinux basiclinux-3.5-hdd-100MB.img.xz -m 64 -hda IMAGE <<END
sleep 60
$(key ret)
sleep 5
END
shot basiclinux-x basiclinux-3.5-hdd-100MB.img.xz -m 64 -hda IMAGE <<END
sleep 60
$(key ret s t a r t x ret)
sleep 6
$(key a ret p ret 3 ret)
sleep 30
END
shot kolibri kolibri.img -m 128 -fda IMAGE <<END
sleep 90
END
shot kolibri-cirrus kolibri.img -m 128 -vga cirrus -fda IMAGE <<END
sleep 90
END
shot openbsd openbsd.img -m 64 -fda IMAGE <<END
sleep 60
END
shot bands "$O/roms/frames.bin" -icount shift=6 -hda IMAGE <<END
$(sed -n 's/^ *frame  *\([a-z0-9-]*\)$/\1/p' roms/frames.S | while read -r frame; do
    echo "wait frame $frame."
    [ "$frame" = bands ] && break
    echo "type x"
done)
sleep 1
END
finish
