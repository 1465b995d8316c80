#!/bin/sh
# `make demo`: boots Debian's installer kernel to a shell on this terminal; where that package cannot be had, our own
# demonstration disk (roms/demo.S).
# Environment: CLUTCH (the program), O (object directory).
set -eu
package=debian-installer-12-netboot-i386
dir=${O:-build}/demo
clutch=$(realpath "${CLUTCH:-./clutch}")
disk=$(realpath "${O:-build}/roms/demo.bin" 2>/dev/null || true)
images=root/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386

# Unpacks the package into root/ once.
fetch() {
    [ ! -f $images/linux ] || return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    echo "Fetching $package (100 MB) into $dir ..."
    apt-get -q -o APT::Sandbox::User=root download $package >/dev/null || return 1
    rm -rf root
    dpkg-deb --fsys-tarfile $package*.deb | tar -x --one-top-level=root ./usr/lib/debian-installer/images/12/i386/text ||
        return 1
    rm -f $package*.deb
}

# The installer's initrd, and a second archive behind it: a first program that gives a shell instead of installing.
make_initrd() {
    [ ! -f initrd.gz ] || return 0
    command -v cpio >/dev/null || return 1
    mkdir -p overlay/etc
    cat >overlay/clutch-demo <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
dmesg -n 1
cat <<'TEXT'

This is Debian's i386 installer system inside Clutch; the prompt is a busybox shell.
To leave: poweroff -f        (or Ctrl-A x, which ends the emulator)

TEXT
export PS1='clutch:\w# '
exec busybox init
END
    # busybox init makes the serial port the shell's terminal, so that Ctrl-C and job control work.
    cat >overlay/etc/inittab <<'END'
ttyS0::wait:/bin/sh
::once:/sbin/poweroff -f
END
    chmod +x overlay/clutch-demo
    (cd overlay && printf '%s\n' clutch-demo etc etc/inittab | cpio -o -H newc --quiet | gzip -n) >overlay.gz
    cat $images/initrd.gz overlay.gz >initrd.gz
}

mkdir -p "$dir"
cd "$dir"
if fetch && make_initrd; then
    echo "Debian's kernel starts on this terminal.  To leave: poweroff -f   (or Ctrl-A x)"
    exec "$clutch" -nographic -m 256 -kernel $images/linux -initrd initrd.gz \
        -append "console=ttyS0 rdinit=/clutch-demo"
fi
echo "The package $package is not to be had; this is our own demonstration disk instead."
[ -f "$disk" ] || { echo "demo: ${O:-build}/roms/demo.bin is missing" >&2 && exit 1; }
echo "It starts on this terminal.  To leave: Ctrl-A x"
exec "$clutch" -nographic -snapshot -hda "$disk"
