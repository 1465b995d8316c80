#!/bin/sh
# Sound, from the guest's ports to a recording: roms/sound.S plays known tones, whose spectrum is looked at.
. "$(dirname "$0")/common.sh"

# record NAME OPTION...: boots the sound disk with these options, and lists the recording's tones in $work/NAME.tones.
record() {
    name=$1
    shift
    within 60 "$CLUTCH" -display none -serial none -monitor none -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -snapshot -hda "$O/roms/sound.bin" -audiodev "wav,path=$work/$name.wav" "$@" >"$work/$name.out" 2>&1 </dev/null
    status=$?
    [ $status = 1 ] || fail "$name: exit status $status: $(head -n 1 "$work/$name.out")"
    "$O/tests/tones" "$work/$name.wav" >"$work/$name.tones" || fail "$name: no recording"
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
finish
