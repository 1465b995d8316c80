#!/bin/sh
# /init of the short initrd (tests/fetch-linux.sh): file systems, disk drivers, a shell.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    busybox insmod "$module" || echo "no $module"
done </drivers/order
exec /bin/sh
