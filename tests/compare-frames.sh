#!/bin/sh
# The pictures of roms/frames.S in Clutch beside those of QEMU (qemu-system-i386), which must be installed; not part of
# `make check`.  Prints the pictures that differ; tests/golden/README.md says why each does.
# Environment: VGA (std, cirrus), QEMU (the program).
. "$(dirname "$0")/common.sh"
build_expect
QEMU=${QEMU:-qemu-system-i386}
command -v "$QEMU" >/dev/null && command -v python3 >/dev/null || { echo "qemu-system-i386 and python3 are needed" >&2; exit 1; }
names=$(sed -n 's/^ *frame  *\([a-z0-9-]*\)$/\1/p' roms/frames.S)

# draw DIRECTORY PROMPT COMMAND...
draw() {
    dir=$work/$1 prompt=$2
    shift 2
    rm -rf "$dir"
    mkdir -p "$dir"
    {
        printf 'timeout 60\nmwait %s\n' "$prompt"
        for name in $names; do
            printf 'wait frame %s.\nsleep 0.05\nmonitor screendump %s\nmwait %s\ntype x\n' "$name" "$dir/$name.ppm" "$prompt"
        done
        echo "wait done."
    } >"$dir/script"
    "$O/tests/expect" -m "$dir/monitor" "$@" -display none -vga "${VGA:-std}" -serial stdio \
        -monitor "unix:$dir/monitor,server,nowait" -snapshot -drive "file=$O/roms/frames.bin,format=raw" <"$dir/script"
}
draw ours "(clutch)" "$CLUTCH" -icount shift=6 && draw theirs "(qemu)" "$QEMU" -accel tcg && python3 tests/frames.py compare "$work/ours" "$work/theirs"
