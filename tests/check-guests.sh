#!/bin/sh
# memtest86+, the first of its tests.  LONG=1 in the environment waits for the whole pass, which takes minutes.
. "$(dirname "$0")/common.sh"
. tests/media.sh
. tests/screen.sh

# --- memtest86+ -------------------------------------------------------------------------------------------------------

# The first tests; with LONG, until the whole pass is done without an error.
if need_packages memtest86+; then
    last="match Test #([2-9]|10)"
    [ -z "${LONG:-}" ] || last="match Pass:  [1-9]"
    [ -z "${LONG:-}" ] || patience=900
    watch "memtest86+: CPU, caches, memory, board, tests" -m 24 -kernel $packages/boot/memtest86+ia32.bin <<END
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
    patience=90
else
    skip "memtest86+"
fi

finish
