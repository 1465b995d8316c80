#!/bin/sh
# Discs, floppies and paper: cue sheets, two CD-ROM drives under Linux, disks changed at run time under FreeDOS, a printer.
. "$(dirname "$0")/common.sh"
. tests/media.sh
. tests/screen.sh
build_expect

# A disc with a data track and an audio track after it, silent; the data's numbers come from a file of random bytes.
tree=$work/tree
make_disc() {
    rm -rf "$tree"
    mkdir -p "$tree"
    head -c 1000000 /dev/urandom >"$tree/numbers"
    iso "$work/data.iso" "$tree" || return 1
    head -c $((2352 * 300)) /dev/zero >"$work/audio.bin"
    cat >"$work/disc.cue" <<END
FILE "data.iso" BINARY
  TRACK 01 MODE1/2048
    INDEX 01 00:00:00
FILE "audio.bin" BINARY
  TRACK 02 AUDIO
    PREGAP 00:02:00
    INDEX 01 00:00:00
END
}

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
printf 'FILE "missing.bin" BINARY\n' >"$work/bad.cue"
refuses "a cue sheet without its file" "bad.cue' line 1: cannot open .*missing.bin" -cdrom "$work/bad.cue"
refuses "a cue sheet on a hard disk" "for a CD-ROM drive" -drive "file=$work/bad.cue,format=cue"
echo 'not a sheet' >"$work/bad.cue"
refuses "a text that is no cue sheet" "line 1: no command" -cdrom "$work/bad.cue"

linux_discs() {
    label="Linux with two CD-ROM drives"
    tests/fetch-linux.sh build/guests cd 2>"$work/why" || {
        why=$(tail -n 1 "$work/why")
        skip "$label"
        return
    }
    need_iso && make_disc || {
        skip "$label"
        return
    }
    socket=$(mktemp -u /tmp/clutch-media-XXXXXX)
    sum=$(md5sum <"$tree/numbers" | cut -d ' ' -f 1)
    audio=$(($(wc -c <"$work/data.iso") / 2048 + 150)) # the first sector of track 2
    converse "$label: a cue sheet, an empty drive that gets a disc, a locked tray" -m "$socket" \
        -l "$work/linux.log" "$CLUTCH" -m 128 -display none -serial stdio -monitor "unix:$socket,server,nowait" -kernel build/guests/linux -initrd build/guests/cd.gz \
        -append "console=ttyS0 quiet" -cdrom "$work/disc.cue" -drive media=cdrom,index=3 <<END
timeout 90
wait #\x20
send mkdir /a /b; mount -t iso9660 -o ro /dev/sr0 /a && md5sum /a/numbers
wait $sum
wait #\x20
send dd if=/dev/sr0 of=/dev/null bs=2048 skip=$audio count=1 2>&1; echo audio
wait rror
wait audio
wait #\x20
send mount -t iso9660 -o ro /dev/sr1 /b; echo none
wait none
wait #\x20
monitor change ide1-cd1 $work/data.iso
monitor eject ide1-cd0
mwait the guest has locked the tray
ask info block => 2 tracks
send mount -t iso9660 -o ro /dev/sr1 /b && md5sum /b/numbers
wait $sum
wait #\x20
send umount /a; echo free
wait free
wait #\x20
monitor eject ide1-cd0
ask info block => ide1-cd0: empty
monitor quit
status 0
END
}
linux_discs

guest=../shared/testdata/guests/freedos.img
if [ -e $guest ]; then
    truncate -s 720K "$work/b.img"
    { printf 'page one\f\r\n'; octal 128 255 27; } >"$work/text"
    # A FAT of 720K: boot sector, two FATs of 3 sectors, root directory, and the text in cluster 2.
    { octal 235 60 144; printf 'CLUTCH  '; octal 0 2 2 1 0 2 112 0 160 5 249 3 0 9 0 2 0; } | put "$work/b.img" 0
    octal 85 170 | put "$work/b.img" 510
    for sector in 1 4; do octal 249 255 255 255 15 | put "$work/b.img" $((sector * 512)); done
    { printf 'TEXT    TXT'; octal 32; head -c 14 /dev/zero; octal 2 0; le32 "$(wc -c <"$work/text")"; } |
        put "$work/b.img" $((7 * 512))
    put "$work/b.img" $((14 * 512)) <"$work/text"
    cp "$work/b.img" "$work/protected.img"
    chmod 444 "$work/protected.img"
    rm -f "$work/paper"
    watch "FreeDOS: another disk in drive B, a printer, a write-protected disk" -m 32 \
        -drive "file=$guest,if=floppy,snapshot=on" -drive if=floppy,index=1 -parallel "file:$work/paper" <<END
see FREEDOS-720K-OK
see A:\\>
monitor change floppy1 $work/b.img
type copy b:text.txt lpt1
see text.txt => lpt1
see A:\\>
pause 1
type copy b:text.txt b:two.txt
see text.txt => b:two.txt
pause 2
monitor change floppy1 $work/protected.img
type del b:text.txt
see write-protection
END
    if cmp "$work/text" "$work/paper" >"$work/out" 2>&1; then ok "the printer has every byte"; else fail "paper: $(cat "$work/out")"; fi
    if [ "$(dd if="$work/b.img" bs=512 skip=7 count=1 2>/dev/null | grep -c 'TWO     TXT')" = 1 ]; then
        ok "the disk that went has what was written"
    else
        fail "TWO.TXT is not in the image"
    fi
else
    why="no $guest" && skip "FreeDOS's floppies and printer"
fi
rm -rf "$tree" "$work/data.iso" "$work/audio.bin" "$work/b.img" "$work/protected.img"
finish
