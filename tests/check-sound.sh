#!/bin/sh
# Sound, from the guest's ports to a recording: roms/sound.S and roms/sound-blaster.S play known tones, whose spectrum is
# looked at.
. "$(dirname "$0")/common.sh"

# boot NAME DISK STATUS OPTION...: boots a disk with these options to its end, and lists the recording's tones in
# $work/NAME.tones.
boot() {
    name=$1 disk=$2 wanted=$3
    shift 3
    within 60 "$CLUTCH" -display none -serial "file:$work/$name.text" -monitor none \
        -device isa-debug-exit,iobase=0xf4,iosize=1 -snapshot -hda "$O/roms/$disk.bin" \
        -audiodev "wav,path=$work/$name.wav" "$@" >"$work/$name.out" 2>&1 </dev/null
    status=$?
    [ $status = "$wanted" ] || fail "$name: exit status $status: $(head -n 1 "$work/$name.out")"
    "$O/tests/tones" "$work/$name.wav" >"$work/$name.tones" || fail "$name: no recording"
}
record() {
    name=$1
    shift
    boot "$name" sound 1 "$@"
}

# blaster NAME PORT,IRQ,DMA,DMA16 OPTION...: the card there is found and passes all checks of its disk.
blaster() {
    name=$1 card=$2
    shift 2
    boot "$name" sound-blaster 33 -icount shift=2,sleep=off "$@"
    if grep -q "^card $(echo "$card" | tr , ' ')" "$work/$name.text" && grep -q ' 0 failed' "$work/$name.text"; then
        ok "$name: $(tail -n 1 "$work/$name.text" | tr -d '\r')"
    else
        fail "$name: $(grep FAIL "$work/$name.text" || tail -n 1 "$work/$name.text")"
    fi
    plays "$name" 500 694 694 1389 1359 694 617 694 2756 440 440
    where=$(cut -d ' ' -f 6 "$work/$name.tones" | tr '\n' ,)
    if [ "$where" = ,,,,left,,,,left,left,right, ]; then ok "$name: the sides"; else fail "$name: the sides: $where"; fi
}

# plays NAME TONE...: these and no others, within 2 Hz; the first of the recording is SeaBIOS's business.
plays() {
    name=$1
    shift
    if tones=$(cut -d' ' -f1 "$work/$name.tones") && [ "$(echo $tones | wc -w)" = $# ] &&
        for want; do
            have=${tones%%
*}
            tones=${tones#*
}
            [ $((have - want)) -ge -2 ] && [ $((have - want)) -le 2 ] || exit 1
        done; then
        ok "$name: $(tr '\n' ',' <"$work/$name.tones")"
    else
        fail "$name: tones of $* Hz wanted, heard: $(tr '\n' ',' <"$work/$name.tones")"
    fi
}

$CC -std=gnu17 -O2 -D_GNU_SOURCE -I. -o "$O/tests/tones" tests/tones.c -lm || exit 1

record bare
plays bare 1000
record adlib -device adlib
plays adlib 1000 440
record sb16 -device sb16
plays sb16 1000 689 440
record isapc -M isapc -device sb16
plays isapc 1000 689 440
record icount -device sb16 -icount shift=2,sleep=off
cp "$work/icount.wav" "$work/first.wav"
record icount -device sb16 -icount shift=2,sleep=off
if cmp -s "$work/icount.wav" "$work/first.wav"; then
    ok "-icount: two recordings are the same, byte for byte"
else
    fail "-icount: two recordings differ"
fi
plays icount 1000 689 440
blaster blaster 220,5,1,5 -device sb16
blaster jumpered 240,9,3,7 -M isapc -device sb16,iobase=0x240,irq=9,dma=3,dma16=7
finish
