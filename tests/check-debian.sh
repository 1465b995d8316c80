#!/bin/sh
# A Debian system of its own: an MBR disk with GRUB and an ext4 file system holding the installer's kernel, its busybox as
# init, and a short initrd for the disk drivers.  It boots from that disk, writes, is reset without warning, recovers its
# journal, reboots in good order, finds its data, and powers off; then e2fsck finds the file system clean.
. "$(dirname "$0")/common.sh"
. tests/media.sh
build_expect
guests=build/guests
disk=$work/disk.img
tree=$work/tree
first=2048 sectors=194560 # the partition

give_up() {
    skip "a Debian system on a disk"
    finish
}
if ! tests/fetch-linux.sh $guests ext4 2>"$work/why"; then
    why=$(tail -n 1 "$work/why")
    give_up
fi
need_grub && need_tool mke2fs e2fsprogs || give_up
grub_core "$work/core" '(hd0,msdos1)/boot/grub' || give_up

make_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/boot/grub" "$tree/etc" "$tree/data"
    (cd "$tree" && gzip -dc "$OLDPWD/$guests/ext4.gz" | cpio -id --quiet && rm -rf init drivers) 2>/dev/null
    ln -sf /bin/busybox "$tree/sbin/init"
    cp $guests/linux "$tree/boot/vmlinuz"
    cp $guests/ext4.gz "$tree/boot/initrd.gz"
    cat >"$tree/boot/grub/grub.cfg" <<END
linux /boot/vmlinuz root=/dev/sda1 console=ttyS0
initrd /boot/initrd.gz
boot
END
    cat >"$tree/etc/inittab" <<END
::sysinit:/etc/rc
::respawn:-/bin/sh
::shutdown:/bin/umount -a -r
END
    cat >"$tree/etc/rc" <<END
#!/bin/sh
mount -o remount,rw /
echo "up from \$(sed 's/.*root=\\([^ ]*\\).*/\\1/' /proc/cmdline)"
END
    chmod 755 "$tree/etc/rc"
}
make_disk() {
    rm -f "$disk"
    truncate -s $(((first + sectors) * 512)) "$disk"
    partition "$disk" 1 0x83 $first $sectors
    tool mke2fs -q -F -t ext4 -d "$tree" -E "offset=$((first * 512))" "$disk" $((sectors / 2))
    grub_install "$disk" "$work/core" 1
}
make_tree
make_disk
numbers=$(seq 200000 | md5sum | cut -d ' ' -f 1)

# Reset in full flight (the journal must be replayed), `reboot` through init, `poweroff` through init.
converse "boots from its disk, writes, is reset, recovers, reboots, finds its data, powers off" -l "$work/debian.log" \
    "$CLUTCH" -m 128 -display none -serial stdio -monitor none -hda "$disk" <<END
timeout 90
never Kernel panic
never EXT4-fs error
never I/O error
wait up from /dev/sda1
wait #\x20
send seq 200000 >/data/numbers; cp -r /bin /sbin /data; mkdir /data/many
wait #\x20
send for i in \$(seq 300); do echo \$i >/data/many/\$i; done; sync; md5sum /data/numbers
wait $numbers
wait #\x20
send reboot -f
wait recovery complete
wait up from /dev/sda1
wait #\x20
send md5sum /data/numbers; cat /data/many/* | wc -l; cmp /bin/busybox /data/bin/busybox; echo differs \$?
wait $numbers
wait 300
wait differs 0
wait #\x20
send rm -r /data/many /data/sbin; mv /data/numbers /data/kept; cat /sys/class/ata_device/dev1.0/xfer_mode
wait XFER_MW_DMA_2
wait #\x20
send reboot
wait up from /dev/sda1
wait #\x20
send dmesg | grep -c 'recovery complete'; ls /data; md5sum /data/kept
wait 0
wait bin
wait kept
wait $numbers
wait #\x20
send dmesg | grep -E 'ata[0-9].*(exception|failed|error)|EXT4-fs.*(error|warning)'; echo faults \$?
wait faults 1
wait #\x20
send poweroff
status 0
END
if tool e2fsck -fn "$disk?offset=$((first * 512))" >"$work/e2fsck.log" 2>&1; then
    ok "e2fsck finds it clean"
else
    fail "e2fsck finds it clean"
    sed 's/^/    /' "$work/e2fsck.log"
fi
kept=$(tool debugfs -R "cat /data/kept" "$disk?offset=$((first * 512))" 2>/dev/null | md5sum | cut -d ' ' -f 1)
if [ "$kept" = "$numbers" ]; then ok "the image holds its data"; else fail "the image holds its data"; fi
[ -n "${KEEP:-}" ] || rm -rf "$tree" "$disk" "$work/core"
finish
