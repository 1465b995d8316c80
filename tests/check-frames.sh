#!/bin/sh
# The pictures that roms/frames.S draws, in every VGA mode, compared with tests/golden/SHA256 (hashes of PPM files).
# tests/check-frames.sh --update writes the hashes and tests/golden/*.png anew (python3): look at each before committing.
# What the golden pictures were checked against: tests/golden/README.md.
# ENGINE (environment): draw them under this engine, "kvm,modes=all" say, in place of the interpreter counting instructions.
. "$(dirname "$0")/common.sh"
build_expect
socket=$work/monitor golden=tests/golden
names=$(sed -n 's/^ *frame  *\([a-z0-9-]*\)$/\1/p' roms/frames.S)
engine="-icount shift=6" ENGINE=${ENGINE:-}
[ -z "$ENGINE" ] || engine="-accel $ENGINE"
dumps=8 # of a picture that blinks

conversation() {
    echo "timeout 60"
    echo "mwait (clutch)"
    for name in $names; do
        echo "wait frame $name."
        case $name in
        *blink)
            for i in $(seq $dumps); do
                printf 'monitor screendump %s\nmwait (clutch)\nsleep 0.07\n' "$work/$name.$i.ppm"
            done ;;
        bands) # drawn while it stands
            printf 'sleep 0.5\nmonitor screendump %s\nmwait (clutch)\n' "$work/$name.ppm" ;;
        *) printf 'monitor screendump %s\nmwait (clutch)\n' "$work/$name.ppm" ;;
        esac
        echo "type x"
    done
    echo "wait done."
}
hash_of() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
# is FILE NAME: the picture has this golden hash.
is() { [ -s "$1" ] && grep -qx "$(hash_of "$1")  $2" $golden/SHA256; }

rm -f "$work"/*.ppm "$socket"
conversation >"$work/conversation-script"
# shellcheck disable=SC2086
converse "all frames drawn" -m "$socket" "$CLUTCH" $engine -display none -vga "${VGA:-std}" -serial stdio \
    -monitor "unix:$socket,server,nowait" -snapshot -hda "$O/roms/frames.bin" <"$work/conversation-script"

if [ "${1-}" = --update ]; then
    rm -f $golden/*.png
    python3 tests/frames.py golden "$work" $golden
    exit
fi
for name in $names; do
    case $name in
    *blink)
        wrong=0
        for i in $(seq $dumps); do
            file=$work/$name.$i.ppm
            is "$file" "$name-on" || is "$file" "$name-off" || wrong=$((wrong + 1))
        done
        if [ $wrong = 0 ]; then ok "$name"; else fail "$name: $wrong of $dumps are neither on nor off"; fi ;;
    bands)
        if [ -n "$ENGINE" ]; then
            why="its colours go by the time of its instructions"
            skip "bands"
        elif is "$work/bands.ppm" bands; then
            ok "bands"
        else
            fail "bands: $work/bands.ppm is not $golden/bands.png"
            mv "$work/bands.ppm" "$work/bands.failed" 2>/dev/null
        fi ;;
    *)
        if is "$work/$name.ppm" "$name"; then
            ok "$name"
        else
            fail "$name: $work/$name.ppm is not $golden/$name.png"
            mv "$work/$name.ppm" "$work/$name.failed" 2>/dev/null
        fi ;;
    esac
done
rm -f "$work"/*.ppm "$socket"
finish
