#!/bin/sh
# `make bench`: the programs of tests/bench/guest.c under Debian's i386 kernel, timed from outside: natively, in Clutch,
# and in QEMU (TCG) and Bochs where they are installed, one after the other.  Prints one table.
# Environment: CLUTCH (the program), O (object directory), ONLY (some of: native clutch qemu bochs), CLUTCH_ARGS,
# BOCHS (the program).
set -eu
cd "$(dirname "$0")/.."
O=${O:-build}
CLUTCH=${CLUTCH:-./clutch}
BOCHS=${BOCHS:-bochs}
ONLY=${ONLY:-native clutch qemu bochs}
here=$PWD/tests
work=$O/bench
cc=$(sed -n 's/^CC = *//p' "$O/config.mk" 2>/dev/null || true)
cc=${cc:-cc}
rom_cc=$(sed -n 's/^ROM_CC = *//p' "$O/config.mk" 2>/dev/null || true)
rom_prefix=$(sed -n 's/^ROM_LD = *\([^ ]*\)ld .*/\1/p; s/^ROM_LD = *\([^ ]*\)ld$/\1/p' "$O/config.mk" 2>/dev/null | head -n 1 || true)
mkdir -p "$work"
notes=$work/notes
: >"$notes"

have() { command -v "$1" >/dev/null 2>&1; }
note() { echo "$*" >>"$notes"; }
wanted() { case " $ONLY " in *" $1 "*) true ;; *) false ;; esac; }
die() {
    echo "bench: $*" >&2
    exit 1
}

# --- the pieces -----------------------------------------------------------------------------------------------------

have cpio || die "cpio is missing (Debian package: cpio)"
tests/fetch-linux.sh build/guests || die "without Debian's kernel there is no benchmark"
kernel=build/guests/linux
$cc -std=gnu17 -O2 -D_GNU_SOURCE -o "$work/timeline" tests/bench/timeline.c
mkdir -p "$work/root"
# shellcheck disable=SC2086
$cc -m32 -march=pentium3 -O2 -fno-pic -fno-pie -no-pie -nostdlib -static -fno-stack-protector -fno-builtin \
    -fno-tree-loop-distribute-patterns -o "$work/root/init" tests/bench/guest.c || die "$cc cannot build for i386"
(cd "$work/root" && echo init | cpio -o -H newc --quiet) >"$work/initrd"
initrd=$work/initrd
append="console=ttyS0"

# run NAME COMMAND...: its timeline into NAME.times.
run() {
    name=$1
    shift
    wanted "$name" || return 0
    printf 'running: %s ...' "$name" >&2
    if "$work/timeline" -t 900 $timeline_args "$@" >"$work/$name.times" 2>"$work/$name.err"; then
        echo " $(sed -n 's/^total \([^ ]*\).*/\1 s/p' "$work/$name.times")" >&2
    else
        echo " did not finish" >&2
        note "$name did not finish: $*"
    fi
}
timeline_args=
rm -f "$work"/*.times

# --- natively, Clutch, QEMU -----------------------------------------------------------------------------------------

run native "$work/root/init"
# shellcheck disable=SC2086
run clutch "$CLUTCH" -m 256 -kernel $kernel -initrd "$initrd" -append "$append" -display none -serial stdio -monitor none \
    ${CLUTCH_ARGS:-}
if ! wanted qemu; then
    :
elif have qemu-system-i386; then
    run qemu qemu-system-i386 -accel tcg -m 256 -kernel $kernel -initrd "$initrd" -append "$append" -display none \
        -serial stdio -monitor none -net none
    note "qemu: $(qemu-system-i386 --version | head -n 1), -accel tcg -kernel"
else
    note "qemu: not installed (Debian package: qemu-system-x86)"
fi

# --- Bochs: from a disk with a loader of our own ------------------------------------------------------------------------

# little-endian NUMBER: four bytes
little_endian() {
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $(($1 & 255)))\\$(printf %03o $(($1 >> 8 & 255)))\\$(printf %03o $(($1 >> 16 & 255)))\\$(printf %03o $(($1 >> 24 & 255)))"
}
make_disk() {
    ${rom_cc:-$cc} -m32 -c -o "$work/loader.o" tests/bench/loader.S &&
        "${rom_prefix}ld" -m elf_i386 -N -e 0 -Ttext=0x7c00 -o "$work/loader.elf" "$work/loader.o" 2>/dev/null &&
        "${rom_prefix}objcopy" -O binary "$work/loader.elf" "$work/loader.bin" || return 1
    sectors=$(($(wc -c <$kernel) + 511 >> 9))
    cp "$work/loader.bin" "$1"
    { little_endian $((8 + sectors)) && little_endian "$(wc -c <"$initrd")" && printf '%s\0' "$append"; } >>"$1"
    truncate -s 4096 "$1"
    cat $kernel >>"$1"
    truncate -s $(((8 + sectors) * 512)) "$1"
    cat "$initrd" >>"$1"
    truncate -s $((20 * 16 * 63 * 512)) "$1"
}

# Bochs's screen, by what is installed: none at all, or a text terminal of its own (script gives it one).
bochs_display() {
    plugins=$(dirname "$(find /usr/lib /usr/local/lib -name 'libbx_*_gui.so' 2>/dev/null | head -n 1)" 2>/dev/null)
    for gui in nogui term sdl2 sdl x rfb; do
        [ ! -f "$plugins/libbx_${gui}_gui.so" ] || { echo $gui && return; }
    done
    echo nogui
}

run_bochs() {
    bios=
    for file in /usr/share/bochs/BIOS-bochs-latest /usr/local/share/bochs/BIOS-bochs-latest /usr/share/seabios/bios.bin; do
        [ -n "$bios" ] || [ ! -f $file ] || bios=$file
    done
    vga=
    for file in /usr/share/bochs/VGABIOS-lgpl-latest /usr/local/share/bochs/VGABIOS-lgpl-latest /usr/share/seabios/vgabios-stdvga.bin; do
        [ -n "$vga" ] || [ ! -f $file ] || vga=$file
    done
    [ -n "$bios" ] && [ -n "$vga" ] || { note "bochs: no BIOS for it (Debian package: bochsbios)" && return 0; }
    make_disk "$work/bochs.img" || { note "bochs: its boot disk could not be made" && return 0; }
    rm -f "$work"/bochs.img.lock
    cat >"$work/bochsrc" <<END
config_interface: textconfig
display_library: $(bochs_display)
romimage: file=$bios
vgaromimage: file=$vga
cpu: model=p4_willamette, ips=50000000
megs: 256
ata0-master: type=disk, path=$work/bochs.img, mode=flat, cylinders=20, heads=16, spt=63
boot: disk
com1: enabled=1, mode=file, dev=$work/bochs.serial
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
speaker: enabled=0
sound: waveoutdrv=dummy
END
    timeline_args="-f $work/bochs.serial"
    bochs="$BOCHS -q -f $work/bochsrc" built=
    if "$BOCHS" --help 2>&1 | grep -q -e '^ *-rc '; then # a Bochs with its debugger waits for a command
        echo c >"$work/bochs.commands"
        bochs="$bochs -rc $work/bochs.commands" built=", built with its debugger, which costs speed"
    fi
    case $(bochs_display) in
    term)
        have script || { note "bochs: has only its text screen, which needs script (Debian package: bsdutils)" && return 0; }
        TERM=xterm run bochs script -qec "$bochs" /dev/null
        ;;
    *) run bochs $bochs ;;
    esac
    timeline_args=
    note "bochs: $("$BOCHS" --help 2>&1 | sed -n 's/.*\(Bochs x86 Emulator [0-9.a-z]*\).*/\1/p' | head -n 1)," \
        "from a disk image (so its power-on includes loading the kernel through the BIOS)$built"
}
if ! wanted bochs; then
    :
elif have "$BOCHS"; then
    run_bochs
else
    note "bochs: not installed (Debian packages: bochs bochs-term bochsbios)"
fi

# --- the table ------------------------------------------------------------------------------------------------------

for name in native clutch qemu bochs; do
    [ ! -f "$work/$name.times" ] || sed "s/^/$name /" "$work/$name.times"
done | awk -v notes="$notes" '
    { if (!($2 in known)) { known[$2] = 1; order[++count] = $2 } time[$1, $2] = $3; sum[$1, $2] = $4 }
    function column(who, test) { return (who, test) in time ? sprintf("%10.3f", time[who, test]) : "         -" }
    function ratio(a, b, test) {
        if (!((a, test) in time) || !((b, test) in time) || time[b, test] == 0) return "         -"
        return sprintf("%10.2f", time[a, test] / time[b, test])
    }
    END {
        printf "%-16s%10s%10s%10s%10s%13s%13s\n", "seconds", "native", "clutch", "qemu", "bochs", "clutch/qemu", "clutch/bochs"
        for (i = 1; i <= count; i++) if (order[i] != "total") line(order[i])
        line("total")
        while ((getline text < notes) > 0) print text
        if (wrong) exit 1
    }
    function line(test,   who, want) {
        printf "%-16s%s%s%s%s   %s   %s", test, column("native", test), column("clutch", test), column("qemu", test),
            column("bochs", test), ratio("clutch", "qemu", test), ratio("clutch", "bochs", test)
        split("native clutch qemu bochs", whose, " ")
        want = ""
        for (k = 1; k <= 4; k++) {
            who = whose[k]
            if (test == "system-calls" || !((who, test) in sum)) continue
            if (want == "") want = sum[who, test]
            else if (sum[who, test] != want) { printf "  %s computed %s, not %s", who, sum[who, test], want; wrong = 1 }
        }
        printf "\n"
    }' | tee "$work/table"
