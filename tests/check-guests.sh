#!/bin/sh
# memtest86+, the first of its tests.  LONG=1 in the environment waits for the whole pass, which takes minutes.
. "$(dirname "$0")/common.sh"
. tests/media.sh
. tests/screen.sh

# --- memtest86+ -------------------------------------------------------------------------------------------------------

# The first tests; with LONG, until the whole pass is done without an error.
# memtest BITS FILE OPTION...
memtest() {
    bits=$1 file=$2 last="match Test #([2-9]|10)"
    shift 2
    if [ -n "${LONG:-}" ]; then patience=900 last="match Pass:  [1-9]"; fi
    watch "memtest86+, $bits bits: CPU, caches, memory, board, tests" -m 24 -kernel "$packages/boot/$file" "$@" <<END
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
}
if need_packages memtest86+; then
    memtest 32 memtest86+ia32.bin
    memtest 64 memtest86+x64.bin -cpu max
else
    skip "memtest86+"
fi

finish
