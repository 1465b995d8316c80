#!/bin/sh
# Large disks, and disks that must stay as they are.  Images are sparse: what is large is their size.
# 137438953472 bytes are 2^28 sectors, the end of 28-bit addressing (ATA/ATAPI-6, "48-bit Address feature set").
. "$(dirname "$0")/common.sh"
build_expect
big=$work/big.img

# text FILE SECTOR: the text at the start of that sector.
text() { dd if="$1" bs=512 skip="$2" count=1 2>/dev/null | tr -d '\0'; }

# INT 13h extensions, by roms/boot-edge.S: size, last sector, the one before, one past the end.
for size in 6G 137438953472 137438953984 200G 3T; do
    rm -f "$big"
    if ! truncate -s $size "$big" 2>/dev/null; then
        why="no files of that size here"
        skip "INT 13h at the end of $size"
        continue
    fi
    sectors=$(($(stat -c %s "$big") / 512))
    dd if="$O/roms/boot-edge.bin" of="$big" conv=notrunc 2>/dev/null
    echo "the last sector" | dd of="$big" bs=512 seek=$((sectors - 1)) conv=notrunc 2>/dev/null
    truncate -s $((sectors * 512)) "$big"
    got=$(within 30 "$CLUTCH" -display none -monitor none -serial stdio -hda "$big" </dev/null 2>&1 | tr '\n' ' ')
    wanted="$(printf %016X $sectors) the last sector  write 00 past 01 "
    if [ "$got" = "$wanted" ] && [ "$(text "$big" $((sectors - 2)))" = Clutch ]; then
        ok "INT 13h at the end of $size"
    else
        fail "INT 13h at the end of $size: '$got', not '$wanted'; on the disk: '$(text "$big" $((sectors - 2)))'"
    fi
done
rm -f "$big"

truncate -s 1M "$work/image"
dd if="$O/roms/boot-edge.bin" of="$work/image" conv=notrunc 2>/dev/null
before=$(md5sum <"$work/image")
got=$(within 30 "$CLUTCH" -display none -monitor none -serial stdio -snapshot -hda "$work/image" </dev/null 2>&1 | tr '\n' ' ')
if [ "$got" = "0000000000000800  write 00 past 01 " ] && [ "$(md5sum <"$work/image")" = "$before" ]; then
    ok "-snapshot writes nothing to the image"
else
    fail "-snapshot writes nothing to the image: '$got'"
fi

if ! tests/fetch-linux.sh build/guests disk 2>"$work/why"; then
    why=$(tail -n 1 "$work/why")
    skip "large disks under Linux"
    finish
fi

# Linux: sizes, sectors on both sides of 2^28 and at the ends, with DMA and after a reset.
six=$work/six.img
rm -f "$six"
truncate -s 6G "$six"
truncate -s 200G "$big"
echo "near the end" | dd of="$six" bs=512 seek=12582910 conv=notrunc 2>/dev/null
# Linux probes disks side by side: which of them becomes sda changes from boot to boot.
find='disk() { until d=$(grep -lx $1 /sys/block/*/size) && d=/dev/$(echo $d | cut -d / -f 4) && [ -b $d ]; do sleep 1; done; echo $d; }'
linux="-m 64 -display none -serial stdio -monitor none -kernel build/guests/linux -initrd build/guests/small.gz"
# shellcheck disable=SC2086
converse "Linux at the ends of 6 GB and 200 GB" -l "$work/large.log" \
    "$CLUTCH" $linux -append "console=ttyS0 quiet" -hda "$six" -hdb "$big" <<END
timeout 60
never Kernel panic
wait #\x20
send $find
wait #\x20
send a=\$(disk 12582912) b=\$(disk 419430400); echo found \$a \$b
wait found /dev/sd
wait #\x20
send dd if=\$a bs=512 skip=12582910 count=1 2>/dev/null | head -n 1
wait near the end
wait #\x20
send seq 20000 >/tmp/n; for at in 268435453 419430180; do dd if=/tmp/n of=\$b bs=512 seek=\$at 2>/dev/null; done
wait #\x20
send dd if=/tmp/n of=\$a bs=512 seek=12582692 2>/dev/null; sync; reboot -f
wait #\x20
send $find
wait #\x20
send b=\$(disk 419430400); echo found \$b
wait found /dev/sd
wait #\x20
send for at in 268435453 419430180; do dd if=\$b bs=512 skip=\$at count=213 2>/dev/null | head -c 108894 | md5sum; done
wait $(seq 20000 | md5sum | cut -d ' ' -f 1)
wait $(seq 20000 | md5sum | cut -d ' ' -f 1)
wait #\x20
send dmesg | grep -E 'ata[0-9].*(exception|failed|error)'; echo faults \$?
wait faults 1
wait #\x20
send poweroff -f
status 0
END
seq 20000 >"$work/wanted"
# holds FILE SECTOR
holds() { dd if="$1" bs=512 skip="$2" count=213 2>/dev/null | head -c 108894 | cmp -s - "$work/wanted"; }
if holds "$big" 268435453 && holds "$big" 419430180 && holds "$six" 12582692; then
    ok "the images hold it at those sectors"
else
    fail "the images hold it at those sectors"
fi
rm -f "$big" "$six" "$work/wanted"

# snapshot=on for one drive: what the guest wrote is there until the end, and never in the image.
image=$work/image
yes | head -c 4194304 >"$image"
before=$(md5sum <"$image")
cp "$image" "$image.after"
dd if=build/guests/busybox of="$image.after" conv=notrunc 2>/dev/null
after=$(md5sum <"$image.after" | cut -d ' ' -f 1)
# shellcheck disable=SC2086
converse "Linux writes over a disk with snapshot=on" -l "$work/snapshot.log" \
    "$CLUTCH" $linux -append "console=ttyS0 quiet" -drive "file=$image,format=raw,snapshot=on" <<END
timeout 60
never Kernel panic
wait #\x20
send while ! [ -b /dev/sda ]; do sleep 1; done; cat /bin/busybox >/dev/sda; sync; md5sum </dev/sda
wait $after
wait #\x20
send reboot -f
wait #\x20
send while ! [ -b /dev/sda ]; do sleep 1; done; md5sum </dev/sda
wait $after
wait #\x20
send poweroff -f
status 0
END
if [ "$(md5sum <"$image")" = "$before" ]; then ok "the image is as it was"; else fail "the image is as it was"; fi
rm -f "$image" "$image.after"
finish
