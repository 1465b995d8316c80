#!/bin/sh
# Debian 12's installer kernels for i386 and amd64, unmodified, to a shell on the serial port: checksums, power off; under
# the first, a disk across a reboot.  They are fetched once, into build/guests (tests/fetch-linux.sh, fetch-packages.sh).
. "$(dirname "$0")/common.sh"
. tests/media.sh
build_expect
guests=build/guests

if ! tests/fetch-linux.sh $guests 2>"$work/why"; then
    why=$(tail -n 1 "$work/why")
    skip "Debian's kernel"
    finish
fi

# The installer's own initrd takes a while to unpack: not for an instrumented build.
if [ -z "$SANITIZE" ]; then

    converse "Debian's kernel and initrd reach a shell, add up, and power off" -l "$work/full.log" \
        "$CLUTCH" -m 256 -kernel $guests/linux -initrd $guests/initrd.gz -append "console=ttyS0 rdinit=/bin/sh" \
        -display none -serial stdio -monitor none <<END
timeout 120
never Kernel panic
wait ~ #
send seq 1 100000 | md5sum
wait $(seq 1 100000 | md5sum | cut -d ' ' -f 1)
send seq 1 100000 | sha1sum
wait $(seq 1 100000 | sha1sum | cut -d ' ' -f 1)
wait ~ #
send uname -m; busybox | head -n 1; cat /init | wc -l
wait i686
wait BusyBox
wait ~ #
send poweroff -f
wait Power down
status 0
END

    installer=$packages/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
    if need_packages debian-installer-12-netboot-amd64; then
        converse "Debian's amd64 kernel and initrd reach a shell, add up, and power off" -l "$work/amd64.log" \
            "$CLUTCH" -m 512 -kernel $installer/linux -initrd $installer/initrd.gz \
            -append "console=ttyS0 rdinit=/bin/sh" -display none -serial stdio -monitor none <<END
timeout 120
never Kernel panic
wait ~ #
send seq 1 100000 | sha1sum
wait $(seq 1 100000 | sha1sum | cut -d ' ' -f 1)
wait ~ #
send uname -m
wait x86_64
wait ~ #
send poweroff -f
wait Power down
status 0
END
    else
        skip "Debian's amd64 kernel"
    fi
fi

if ! tests/fetch-linux.sh $guests disk 2>"$work/why"; then
    why=$(tail -n 1 "$work/why")
    skip "a disk under Debian's kernel"
    finish
fi

# A disk of numbers, and what is written over its third MiB.
disk=$work/disk.img
seq 1 2000000 | head -c 8388608 >"$disk"
seq 500000 900000 | head -c 1048576 >"$work/new"
before=$(md5sum <"$disk" | cut -d ' ' -f 1)
new=$(md5sum <"$work/new" | cut -d ' ' -f 1)
cp "$disk" "$work/expected.img"
dd if="$work/new" of="$work/expected.img" bs=1M seek=2 conv=notrunc 2>/dev/null
after=$(md5sum <"$work/expected.img" | cut -d ' ' -f 1)
busybox=$(md5sum <$guests/busybox | cut -d ' ' -f 1)

converse "Linux reads and writes /dev/sda, reboots, reads it back, and powers off" -l "$work/disk.log" \
    "$CLUTCH" -m 128 -kernel $guests/linux -initrd $guests/small.gz -append "console=ttyS0 quiet" \
    -display none -serial stdio -monitor none -hda "$disk" <<END
timeout 120
never Kernel panic
never no /drivers
wait #\x20
send md5sum </bin/busybox
wait $busybox
wait #\x20
send while ! [ -b /dev/sda ]; do sleep 1; done; md5sum </dev/sda
wait $before
wait #\x20
send seq 500000 900000 | head -c 1048576 >/tmp/new; md5sum </tmp/new
wait $new
wait #\x20
send dd if=/tmp/new of=/dev/sda bs=65536 seek=32; sync; echo written \$?
wait written 0
wait #\x20
send reboot -f
wait #\x20
send while ! [ -b /dev/sda ]; do sleep 1; done; md5sum </dev/sda
wait $after
wait #\x20
send grep ata_piix /proc/interrupts /proc/ioports | head -n 2
wait ata_piix
wait #\x20
send poweroff -f
status 0
END
if cmp -s "$disk" "$work/expected.img"; then ok "the image holds what Linux wrote"; else fail "the image holds what Linux wrote"; fi

converse "-no-reboot ends at Linux's reboot" -l "$work/no-reboot.log" \
    "$CLUTCH" -m 64 -no-reboot -kernel $guests/linux -initrd $guests/small.gz -append "console=ttyS0 quiet" \
    -display none -serial stdio -monitor none <<END
timeout 120
never Kernel panic
wait #\x20
send reboot -f
status 0
END
rm -f "$disk" "$work/expected.img" "$work/new"
finish
