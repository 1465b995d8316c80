#!/bin/sh
# The test disks of roms/: each is booted by SeaBIOS and ends by isa-debug-exit, 33 if every check of it passed.
. "$(dirname "$0")/common.sh"

# run NAME OPTION...: exit status and closing line of roms/NAME.S.
run() {
    rom=$1 label=$*
    shift
    within 60 "$CLUTCH" -display none -serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -snapshot -hda "$O/roms/$rom.bin" "$@" >"$work/$rom.out" 2>&1 </dev/null
    status=$?
    if [ $status = 33 ] && grep -qa ' 0 failed' "$work/$rom.out"; then
        ok "$label: $(tail -n 1 "$work/$rom.out")"
    else
        fail "$label: exit status $status"
        grep -av '^ok ' "$work/$rom.out" | sed 's/^/    /'
    fi
    grep -a '^skip ' "$work/$rom.out" | sed 's/^/     /'
}

# What compares one clock with another runs in the time of its own instructions: a busy host could stop it in between.
for source in roms/test-*.S; do
    rom=$(basename "$source" .S)
    case $rom in
    test-timer | test-io) run "$rom" -icount shift=3,sleep=off ;;
    *) run "$rom" ;;
    esac
done
# SMEP, SMAP, UMIP and PCID are not in the default model.
run test-supervisor -cpu max
run test-v86 -cpu max
finish
