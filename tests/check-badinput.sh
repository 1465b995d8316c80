#!/bin/sh
# Bad images and a host that has no room: one clear line, or to the guest the error of a real drive; nothing lost.
# The guest is the monitor, which works the drive's registers on a stopped machine (ATA/ATAPI-5, "PIO data-in commands").
. "$(dirname "$0")/common.sh"
build_expect
socket=$work/monitor
tmpfs=$work/tmpfs
image=$work/disk.img

# refuses WORDS OPTION...: exit status 1 and one line with WORDS.
refuses() {
    words=$1
    shift
    within 20 "$CLUTCH" -display none -serial none -monitor none "$@" >"$work/out" 2>&1 </dev/null
    status=$?
    if [ $status = 1 ] && [ "$(wc -l <"$work/out")" = 1 ] && grep -qF -e "$words" "$work/out"; then
        ok "refused: $words"
    else
        fail "$*: exit status $status, $(cat "$work/out")"
    fi
}
# talk NAME OPTION...: the script in $work/talk, with a stopped machine.
talk() {
    name=$1
    shift
    rm -f "$socket"
    converse "$name" <"$work/talk" -m "$socket" "$CLUTCH" -S -display none -serial none -monitor "unix:$socket,server,nowait" "$@"
}
# ata COMMAND SECTOR: one sector of the primary master.
ata() {
    printf 'monitor o %s\n' "0x3f6 6" "0x3f6 2" "0x1f6 0xe0" "0x1f2 1" "0x1f3 $(($2 & 255))" "0x1f4 $(($2 >> 8 & 255))" \
        "0x1f5 $(($2 >> 16 & 255))" "0x1f7 $1"
}
read_sector() { ata 0x20 "$1"; }
# write_sector SECTOR: fills it with 'Z'.
write_sector() {
    ata 0x30 "$1"
    for _ in 1 2 3 4 5 6 7 8; do
        printf 'monitor o /w 0x1f0 0x5a5a5a5a\n%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
    done
}
# becomes STATUS [ERROR]: the drive is through; its registers then.
becomes() {
    printf 'ask i 0x3f6 => port 03f6: %s\n' "$1"
    [ $# = 1 ] || printf 'monitor i 0x1f1\nmwait port 01f1: %s\n' "$2"
}
# holds NAME FILE OFFSET BYTES CHARACTER: the file's bytes there are all this character.
holds() {
    name=$1 file=$2 offset=$3 bytes=$4
    if [ "$(tail -c +$((offset + 1)) "$file" | head -c "$bytes" | tr -d "$5" | wc -c)" = 0 ] &&
        [ "$(tail -c +$((offset + 1)) "$file" | head -c "$bytes" | wc -c)" = "$bytes" ]; then
        ok "$name"
    else
        fail "$name"
    fi
}

# --- sizes ---
: >"$work/empty"
head -c 4000000 /dev/zero >"$work/large.img"
refuses "is empty" -hda "$work/empty"
refuses "is empty" -cdrom "$work/empty"
refuses "large.img" -fda "$work/large.img"
refuses "a directory" -fda "$work"
export TMPDIR="$work/nosuch"
refuses "set TMPDIR" -snapshot -hda "$work/large.img"
unset TMPDIR

head -c 1000 /dev/zero | tr '\0' A >"$image"
{
    echo timeout 15
    read_sector 1
    becomes 0x58
    echo monitor i /w 0x1f0
    echo mwait port 01f0: 0x41414141
    printf 'monitor i /w 0x1f0\n%.0s' $(seq 122)
    echo mwait port 01f0: 0x00000000
    read_sector 2
    becomes 0x51 0x10
    write_sector 1
    becomes 0x50
    echo monitor quit
    echo status 0
} >"$work/talk"
talk "a disk of 1000 bytes has two sectors, the second filled up with zeros" -hda "$image"
if [ "$(wc -c <"$image")" = 1024 ]; then ok "written, it is whole"; else fail "written, it is whole"; fi

for size in 1 3000 100000 1500000; do
    head -c $size /dev/zero >"$work/odd.img"
    {
        echo timeout 15
        echo monitor info block
        echo mwait floppy0:
        echo mwait odd.img
        echo monitor quit
        echo status 0
    } >"$work/talk"
    talk "a floppy image of $size bytes" -fda "$work/odd.img"
done

# --- read-only ---
head -c 65536 /dev/zero | tr '\0' A >"$image"
{
    echo timeout 15
    ata 0x30 5
    becomes 0x51 0x04
    read_sector 5
    becomes 0x58
    echo monitor quit
    echo status 0
} >"$work/talk"
talk "a read-only disk aborts writes" -drive "file=$image,readonly=on,format=raw"
holds "and keeps its data" "$image" 0 65536 A

# --- cut short ---
{
    echo timeout 15
    read_sector 10
    becomes 0x58
    echo "run truncate -s 20000 '$image'"
    read_sector 100
    becomes 0x51 0x40
    echo "wait cannot read sector 100: the file has been cut short"
    write_sector 100
    becomes 0x51 0x04
    echo "wait cannot write sector 100: the file has been cut short"
    echo never sector 101
    read_sector 101
    becomes 0x51 0x40
    write_sector 10
    becomes 0x50
    read_sector 10
    becomes 0x58
    echo monitor i /w 0x1f0
    echo mwait port 01f0: 0x5a5a5a5a
    echo monitor quit
    echo status 0
} >"$work/talk"
talk "an image cut short: errors for what is missing, and for nothing else" -hda "$image"
if [ "$(wc -c <"$image")" = 20000 ]; then ok "no zeros hide the loss"; else fail "no zeros hide the loss"; fi
holds "what was written stays" "$image" 5120 512 Z

# --- no room ---
# full FILL FREE: a write while there is no room, and again with room.
full() {
        echo timeout 15
    {
        write_sector 8
        becomes 0x50
        echo "run $1"
        write_sector 1000
        becomes 0x51 0x04
        echo "wait cannot write sector 1000: No space left on device"
        read_sector 8
        becomes 0x58
        echo "run $2"
        write_sector 1000
        becomes 0x50
        ata 0xe7 0
        becomes 0x50
        echo monitor quit
        echo status 0
    }
}
mkdir -p "$tmpfs"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=64k none "$tmpfs" 2>/dev/null; then
    trap 'umount "$tmpfs"' EXIT
    truncate -s 1M "$tmpfs/disk.img"
    full "! head -c 100000 /dev/zero >'$tmpfs/filler' 2>/dev/null" "rm '$tmpfs/filler'" >"$work/talk"
    talk "a host disk that is full: the write fails, and succeeds once there is room" -hda "$tmpfs/disk.img"
    holds "what was written before stays" "$tmpfs/disk.img" 4096 512 Z
    holds "what was written afterwards is there" "$tmpfs/disk.img" 512000 512 Z
    rm -f "$tmpfs/disk.img"

    head -c 65536 /dev/zero >"$image"
    {
        echo timeout 15
        write_sector 8
        becomes 0x50
        echo "run ! head -c 100000 /dev/zero >'$tmpfs/filler' 2>/dev/null"
        write_sector 100
        becomes 0x51 0x04
        echo wait No space left
        echo monitor quit
        echo status 0
    } >"$work/talk"
    export TMPDIR="$tmpfs"
    talk "a snapshot that has no room" -snapshot -hda "$image"
    unset TMPDIR
    holds "the image itself is as it was" "$image" 0 65536 '\0'
    umount "$tmpfs"
    trap - EXIT
else
    why="needs root and mount"
    skip "a host disk that is full"
fi

truncate -s 1M "$image"
(
    failed=0
    ulimit -f 200
    {
        echo timeout 15
        write_sector 8
        becomes 0x50
        write_sector 1000
        becomes 0x51 0x04
        echo "wait cannot write sector 1000"
        echo monitor quit
        echo status 0
    } >"$work/talk"
    talk "a limit on the size of files is no reason to die" -hda "$image"
    [ $failed = 0 ]
)
if [ $? = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
holds "what was within the limit stays" "$image" 4096 512 Z

{
    echo timeout 15
    echo monitor o 0x402 0x41
    echo "wait file:/dev/full: cannot write: No space left on device; output is lost"
    echo never cannot write
    echo monitor o 0x402 0x41
    echo sleep 0.3
    echo monitor quit
    echo status 0
} >"$work/talk"
talk "a log that is full" -debugcon file:/dev/full

rm -rf "$socket" "$image" "$work/large.img" "$work/odd.img" "$work/empty"
rmdir "$tmpfs"
finish
