# Read by the scripts that make boot media of Debian's packages (tests/fetch-packages.sh), without mounts and without root.
# The need_ functions fail where something is missing, and say what in $why.
# shellcheck shell=sh
packages=build/guests/packages
PATH=$PATH:/usr/sbin:/sbin

# need_packages NAME...: in $packages.
need_packages() {
    tests/fetch-packages.sh $packages "$@" 2>"$work/why" || {
        why=$(tail -n 1 "$work/why")
        return 1
    }
}
# need_tool NAME PACKAGE...: installed, or in $packages from these.
need_tool() {
    ! command -v "$1" >/dev/null || return 0
    shift
    need_packages "$@"
}
# tool NAME ARGUMENTS...: runs it, from wherever it is.
tool() {
    for place in $packages/usr/bin $packages/usr/sbin $packages/sbin $packages/bin; do
        [ ! -x "$place/$1" ] || command -v "$1" >/dev/null || {
            program=$place/$1
            shift
            # What it calls in its turn (syslinux: mcopy) may be beside it.
            PATH=$PATH:$PWD/$packages/usr/bin LD_LIBRARY_PATH=$packages/lib/$(uname -m)-linux-gnu:$packages/usr/lib/$(uname -m)-linux-gnu "$program" "$@"
            return
        }
    done
    "$@"
}

# octal NUMBER...: bytes.  le32 NUMBER: a little-endian word.
octal() {
    for byte; do printf "\\$(printf %03o "$byte")"; done
}
le32() { octal $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
# put FILE BYTE: standard input over FILE from there.  place PIECE FILE SECTOR: a file over another one.
put() { dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
place() { dd if="$1" of="$2" bs=512 seek="$3" conv=notrunc 2>/dev/null; }

# probe FILE SECTOR LABEL: roms/boot-probe.S.
probe() {
    cp "$O/roms/boot-probe.bin" "$work/probe"
    printf '%s\0' "$3" | put "$work/probe" $((0x1a0))
    place "$work/probe" "$1" "$2"
}
# partition IMAGE N TYPE FIRST SECTORS: entry N (1-4) of its MBR; the first one is active.  CHS fields say: use LBA.
partition() {
    {
        octal $(($2 == 1 ? 0x80 : 0)) 254 255 255 $(($3)) 254 255 255
        le32 "$4"
        le32 "$5"
    } | put "$1" $((446 + 16 * ($2 - 1)))
    octal 85 170 | put "$1" 510
}
# extfs IMAGE SECTOR KIBIBYTES DIR: an ext2 file system with what is in DIR.
extfs() { mke2fs -q -F -t ext2 -d "$4" -E "offset=$(($2 * 512))" "$1" "$3"; }
# iso IMAGE DIR OPTION...: a CD with what is in DIR; -b and so on as for mkisofs.
iso() {
    image=$1 dir=$2
    shift 2
    if command -v xorriso >/dev/null; then
        xorriso -as mkisofs -quiet -J -R -o "$image" "$@" "$dir" >"$work/iso.log" 2>&1
    else
        tool genisoimage -quiet -J -R -o "$image" "$@" "$dir" >"$work/iso.log" 2>&1
    fi
}
need_iso() { command -v xorriso >/dev/null || need_tool genisoimage genisoimage libmagic1; }

grub=$packages/usr/lib/grub/i386-pc
need_grub() { need_packages grub-pc-bin grub-common libdevmapper1.02.1; }
# grub_core FILE PREFIX: GRUB's core image for the BIOS, with all that the tests use.
grub_core() {
    tool grub-mkimage -d $grub -O i386-pc -o "$1" -p "$2" biosdisk part_msdos part_gpt ext2 iso9660 normal configfile \
        ls cat echo chain boot linux linux16 reboot halt serial terminal
}
# grub_install IMAGE CORE SECTOR: the boot sector, and the core image from SECTOR on.  GRUB's boot.S has the core's
# sector at 5Ch; the core's own first sector has the following one's at 1F4h.
grub_install() {
    dd if=$grub/boot.img of="$1" bs=440 count=1 conv=notrunc 2>/dev/null
    place "$2" "$1" "$3"
    le32 "$3" | put "$1" $((0x5c))
    le32 $(($3 + 1)) | put "$1" $(($3 * 512 + 0x1f4))
    octal 85 170 | put "$1" 510
}
