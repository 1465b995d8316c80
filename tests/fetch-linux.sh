#!/bin/sh
# fetch-linux.sh DIR: Debian 12's i386 installer kernel and initrd, by apt-get, into DIR/linux and DIR/initrd.gz.
# fetch-linux.sh DIR disk: also DIR/small.gz, a short initrd made of that one: busybox and the kernel's own disk drivers.
# fetch-linux.sh DIR ext4: also DIR/ext4.gz, the same with ext4.
# fetch-linux.sh DIR cd: also DIR/cd.gz, the same with CD-ROM drives and ISO 9660.
# fetch-linux.sh DIR amd64: the 64-bit kernel and initrd in their place; DIR should be another one.
# Does nothing where they are there already.  Says on standard error why it cannot; exit status 1.
set -eu
# One at a time for each DIR: tests run side by side.
if [ -z "${FETCHING:-}" ] && command -v flock >/dev/null; then
    mkdir -p "$1"
    FETCHING=1 exec flock "$1/lock" "$0" "$@"
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
arch=i386
[ "${2:-}" != amd64 ] || arch=amd64
package=debian-installer-12-netboot-$arch
images=usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
here=$(cd "$(dirname "$0")" && pwd)

die() {
    echo "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# own_apt COMMAND...: apt-get with package lists of our own, for i386.
own_apt() {
    apt-get -q -o "Dir::Etc::sourcelist=$dir/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache" -o Acquire::Languages=none \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
        -o APT::Architecture=$arch -o APT::Architectures=$arch "$@" >"$dir/apt/log" 2>&1
}
# sources COMPONENT: Debian 12 from where this machine has it.
sources() {
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
    [ -n "$site" ] || die "apt-get has no package source of Debian here"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f $key ] && key="[signed-by=$key]" || key=
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    echo "deb $key $site bookworm $1" >"$dir/apt/sources.list"
    own_apt update
}
unpack() { dpkg-deb -x "$1" "$2"; }

fetch_kernel() {
    [ ! -s "$dir/linux" ] || [ ! -s "$dir/initrd.gz" ] || return 0
    from=
    for place in / "$dir/../demo/root/"; do
        [ ! -f "$place$images/linux" ] || from=$place
    done
    if [ -z "$from" ]; then
        have apt-get && have dpkg-deb || die "no apt-get here to fetch Debian's $package"
        cd "$dir"
        apt-get -q download $package >apt.log 2>&1 || { sources main && own_apt download $package; } ||
            die "apt-get cannot download $package (no package registry at hand?)"
        unpack ${package}_*.deb unpacked
        rm -f ${package}_*.deb
        from=unpacked/
    fi
    cp "$from$images/initrd.gz" "$dir/initrd.gz"
    cp "$from$images/linux" "$dir/linux"
    rm -rf "$dir/unpacked"
}

# The drivers, as small installer packages or out of the whole kernel package.
fetch_drivers() {
    cd "$dir"
    rm -rf drivers
    modules="ata-modules-$1-di pata-modules-$1-di scsi-core-modules-$1-di crc-modules-$1-di ext4-modules-$1-di
        cdrom-core-modules-$1-di isofs-modules-$1-di"
    # shellcheck disable=SC2086
    if sources main/debian-installer && own_apt download $modules; then
        for file in ./*.udeb; do unpack "$file" drivers; done
    elif sources main && own_apt download "linux-image-$1"; then
        unpack "linux-image-$1"_*.deb drivers
    else
        die "apt-get cannot download Debian's i386 disk drivers for Linux $1"
    fi
    rm -f ./*.udeb ./linux-image-*.deb
}

# needs MODULE: appends the files that it needs, and its own, to `order`.
needs() {
    case " $seen " in *" $1 "*) return ;; cd) make_initrd cd sr_mod ata_piix isofs ;;
esac
    seen="$seen $1"
    set -- "$(find drivers root -name "$1.ko" -o -name "$(echo "$1" | tr _ -).ko" | head -n 1)"
    [ -n "$1" ] || return 0
    for other in $(tr '\0' '\n' <"$1" | sed -n 's/^depends=//p' | tr , ' '); do
        needs "$other"
    done
    order="$order $1"
}

# make_initrd NAME MODULE...: NAME.gz
make_initrd() {
    name=$1
    shift
    [ ! -s "$dir/$name.gz" ] || return 0
    have cpio || die "no cpio here (Debian package: cpio)"
    cd "$dir"
    rm -rf root small
    mkdir root small
    gzip -dc initrd.gz | (cd root && cpio -id --quiet 2>/dev/null) || true
    version=$(ls root/lib/modules)
    fetch_drivers "$version"
    (cd root && find bin sbin usr/bin usr/sbin -type l -lname '*busybox' -o -path bin/busybox >../files &&
        echo lib/ld-linux.so.2 lib/i386-linux-gnu/ld-linux.so.2 lib/i386-linux-gnu/libc.so.6 | tr ' ' '\n' >>../files &&
        tar -cf - -T ../files) | tar -xf - -C small
    mkdir -p small/proc small/sys small/dev small/tmp small/drivers
    seen='' order=''
    for module; do needs "$module"; done
    : >small/drivers/order
    for file in $order; do
        cp "$file" small/drivers/
        echo "/drivers/$(basename "$file")" >>small/drivers/order
    done
    cp "$here/guest-init.sh" small/init
    chmod 755 small/init
    (cd small && find . | LC_ALL=C sort | cpio -o -H newc --quiet) | gzip -1 >"$name.tmp"
    mv "$name.tmp" "$name.gz"
    cp root/bin/busybox busybox
    rm -rf root small drivers apt files
}

fetch_kernel
case ${2:-} in
disk) make_initrd small sd_mod ata_piix ;;
ext4) make_initrd ext4 sd_mod ata_piix crc32c_generic ext4 ;; # ext4 asks for "crc32c" by name
cd) make_initrd cd sr_mod ata_piix isofs ;;
esac
