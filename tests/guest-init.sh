#!/bin/sh
# /init of the short initrd (tests/fetch-linux.sh): file systems, disk drivers, then a shell or, with root=/dev/... on the
# kernel's command line, the system that is there.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    busybox insmod "$module" || echo "no $module"
done </drivers/order
# shellcheck disable=SC2013
for word in $(cat /proc/cmdline); do
    case $word in root=/dev/*) root=${word#root=} ;; esac
done
[ -n "${root:-}" ] || exec /bin/sh
while ! [ -b "$root" ]; do sleep 1; done
mkdir -p /root
mount -t ext4 -o ro "$root" /root || exec /bin/sh
for place in proc sys dev; do mount -o move /$place /root/$place; done
exec switch_root /root /sbin/init
