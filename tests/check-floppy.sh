#!/bin/sh
# Floppy disks: our own boot floppy (roms/floppy-test.S) works drives through the BIOS and the controller by itself; then
# free systems that boot from floppy images, from ../shared/testdata/guests where that is there.
. "$(dirname "$0")/common.sh"
guests=../shared/testdata/guests
a=$work/a.img b=$work/b.img
screen=$work/screen.txt

new_disks() {
    cp "$O/roms/floppy-test.bin" "$a"
    truncate -s 1474560 "$a"
    head -c 737280 /dev/zero | tr '\0' '\345' >"$b"
}

# run LABEL OPTION...: the test floppy, to exit status 33.
run() {
    label=$1
    shift
    within 60 "$CLUTCH" -display none -serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 \
        "$@" >"$work/out" 2>&1 </dev/null
    status=$?
    if [ $status = 33 ] && grep -qa ' 0 failed' "$work/out"; then
        ok "$label: $(tail -n 1 "$work/out")"
    else
        fail "$label: exit status $status"
        grep -av '^ok ' "$work/out" | sed 's/^/    /'
    fi
}

# holds LABEL COMMAND...: it succeeds.
holds() {
    label=$1
    shift
    if "$@" >/dev/null 2>&1; then ok "$label"; else fail "$label"; fi
}

# track CYLINDER HEAD: of disk A.
track() { dd if="$a" bs=9216 skip=$(($1 * 2 + $2)) count=1 2>/dev/null; }
formatted() { [ "$(track 78 1 | tr -d '\366' | wc -c)" = 0 ] && [ "$(track 78 0 | tr -d '\366' | wc -c)" = 9216 ]; }

new_disks
run "two drives" -fda "$a" -fdb "$b"
holds "a formatted track, and no other, holds the filler" formatted
holds "drive B's sector was written" [ "$(dd if="$b" bs=512 skip=1438 count=1 2>/dev/null | tr -d '\345' | wc -c)" != 0 ]
holds "images keep their sizes" [ "$(wc -c <"$a") $(wc -c <"$b")" = "1474560 737280" ]
new_disks
cp "$a" "$work/before.img"
run "-snapshot" -snapshot -fda "$a"
holds "-snapshot leaves the image alone" cmp "$a" "$work/before.img"
run "write protection" -drive "file=$a,if=floppy,readonly=on"
run "isapc" -M isapc -snapshot -fda "$a"
run "-boot a, before a hard disk" -boot a -snapshot -fda "$a" -hda "$O/roms/demo.bin"
run "-boot order=ca without a hard disk" -boot order=ca -snapshot -fda "$a"
run "-boot order=ac,strict=on" -boot order=ac,strict=on -snapshot -fda "$a" -hda "$O/roms/demo.bin"
truncate -s 2560 "$a"
run "an image that ends early is a 1.44 MB disk" -drive "file=$a,if=floppy,readonly=on"

# refuses LABEL WORDS OPTION...: exit status 1 and one line.
refuses() {
    label=$1 words=$2
    shift 2
    within 20 "$CLUTCH" -display none "$@" >"$work/out" 2>&1 </dev/null
    status=$?
    if [ $status = 1 ] && [ "$(wc -l <"$work/out")" = 1 ] && grep -q "$words" "$work/out"; then
        ok "$label"
    else
        fail "$label: exit status $status: $(cat "$work/out")"
    fi
}
truncate -s 5000000 "$work/large.img"
refuses "an image that is no floppy disk" "no floppy disk has such a size" -fda "$work/large.img"
refuses "a third drive" "floppy drives 0 and 1" -drive "file=$b,if=floppy,index=2"
rm -f "$work/large.img"

# Each line of standard input, in turn: `see TEXT` waits for the text on the screen, `keys NAME...` presses keys.
conduct() {
    seconds=0
    while read -r verb text; do
        case $verb in
        keys) for key in $text; do
            echo "sendkey $key 20"
            sleep 0.1
        done ;;
        see) until grep -qsF -e "$text" "$screen" || [ $seconds -ge $((90 * SLOWER)) ]; do
            sleep 1
            seconds=$((seconds + 1))
            echo "screendump $screen"
        done ;;
        picture) until [ "$(head -c 10 "$work/screen.ppm" 2>/dev/null | tr '\n' ' ')" = "$text" ] ||
            [ $seconds -ge $((90 * SLOWER)) ]; do
            sleep 1
            seconds=$((seconds + 1))
            echo "screendump $work/screen.ppm"
        done ;;
        esac
    done
    [ $seconds -ge $((90 * SLOWER)) ] || echo reached >"$work/reached"
    echo quit
}

# guest LABEL FILE OPTION...: a free system, told by standard input.
guest() {
    label=$1 image=$2
    shift 2
    if [ ! -e "$guests/$image" ]; then
        why="no $guests/$image"
        skip "$label"
        cat >/dev/null
        return
    fi
    rm -f "$work/reached" "$screen" "$work/screen.ppm"
    conduct | within 120 "$CLUTCH" -display none -monitor stdio -snapshot -fda "$guests/$image" "$@" \
        >"$work/monitor.out" 2>&1
    if [ -e "$work/reached" ]; then
        ok "$label"
    else
        fail "$label; its screen:"
        sed 's/^/    /' "$screen" 2>/dev/null
    fi
}

guest "FreeDOS from a 720K disk" freedos.img -m 32 <<END
see FREEDOS-720K-OK
keys d i r ret
see 7 file(s)
END
guest "MikeOS and its programs" mikeos.flp <<END
see Thanks for trying out MikeOS!
keys ret
see KERNEL.BIN
END
guest "ELKS on a minix file system" elks-0.6.0-fd1440.img <<END
see VFS: Mounted root 0x0380 (minix filesystem).
see #
END
if [ -z "$SANITIZE" ]; then
    guest "OpenBSD's install floppy" openbsd.img -m 64 <<END
see fd0 at fdc0 drive 0: 1.44MB 80 cyl, 2 head, 18 sec
see (I)nstall, (U)pgrade or (S)hell?
END
    guest "KolibriOS's desktop" kolibri.img -m 128 <<END
picture P6 800 600
END
    if [ -e $guests/hdc-0.11.img.xz ] && command -v xz >/dev/null; then
        [ -e "$work/hdc" ] || xz -dc $guests/hdc-0.11.img.xz >"$work/hdc"
    fi
    guest "Linux 0.11, its root on a hard disk" Image-root-hda1 -m 16 -boot a -hda "$work/hdc" <<END
see [/usr/root]#
keys l s spc slash ret
see shoelace
END
fi
rm -f "$a" "$b" "$work/before.img" "$work/screen.ppm"
finish
