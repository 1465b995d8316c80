#!/bin/sh
# Every graphics mode of the VGA BIOS's VBE (roms/vbe-modes.S) on each card, through banks and through the linear frame
# buffer: the pictures are computed from the modes' names and compared (python3).  By default modes of up to 1024x768;
# PIXELS=N takes those of up to N pixels.
# Environment also: VGA (the cards), MEMORY (MiB of -vga std).
. "$(dirname "$0")/common.sh"
build_expect
socket=$work/monitor
command -v python3 >/dev/null || { why="no python3"; skip "pictures of VBE modes"; finish; }

# run_modes NAME LOG <SCRIPT
run_modes() {
    name=$1 log=$2
    rm -f "$socket"
    converse "$name" -l "$log" -m "$socket" "$CLUTCH" -display none -vga "$card" \
        -global "VGA.vgamem_mb=${MEMORY:-16}" -serial stdio -monitor "unix:$socket,server,nowait" -snapshot \
        -drive "file=$O/roms/vbe-modes.bin,format=raw"
}
drawn() {
    echo "timeout 60"
    echo "mwait (clutch)"
    echo "wait ready."
    echo "type x"
    for mode in $all; do
        echo "wait mode $mode."
        case " $modes " in
        *" $mode "*) printf 'monitor screendump %s\nmwait (clutch)\n' "$work/$mode.ppm" ;;
        esac
        echo "type x"
    done
}
for card in ${VGA:-std cirrus}; do
    rm -f "$work"/*.ppm
    printf 'timeout 60\nmwait (clutch)\nwait ready.\ntype l\nwait done.\n' >"$work/list"
    run_modes "$card: the BIOS lists its modes" "$work/modes" <"$work/list"
    all=$(tr -d '\r\n' <"$work/modes" | sed 's/\.mode /\nmode /g' | sed -n 's/.*mode \([0-9A-F]*-[0-9]*x[0-9]*x[0-9]*-[a-z]*\).*/\1/p')
    modes=$(for mode in $all; do
        size=${mode#*-}
        size=${size%x*}
        [ $((${size%x*} * ${size#*x})) -gt "${PIXELS:-786432}" ] || printf '%s ' "$mode"
    done)
    drawn >"$work/draw"
    run_modes "$card: all modes drawn" "$work/drawn" <"$work/draw"
    if wrong=$(python3 tests/frames.py squares "$work"); then
        ok "$card: $(echo "$modes" | wc -w) pictures"
    else
        fail "$card: $(echo "$modes" | wc -w) pictures"
        echo "$wrong" | sed 's/^/    /'
    fi
done
rm -f "$socket"
finish
