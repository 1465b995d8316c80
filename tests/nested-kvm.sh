#!/bin/sh
# nested-kvm.sh [-b MODEL] [-k amd|intel] [-p PARAMETERS] [-f FILES] [-m MEGABYTES] [-n CPUS] [-t SECONDS] [COMMAND...]
#
# Runs commands (without one: what concerns KVM) on a KVM that is backed by hardware virtualization, on a host that may have
# none: an emulated PC whose processor has SVM or VMX boots Debian's kernel, and its module offers a /dev/kvm like a real
# machine's, at a twentieth of the speed.  By hand only, for a run takes up to an hour; not part of `make check`.
#
# Without -b: QEMU's TCG, AMD's SVM with nested paging (-p npt=0: without), this machine's files through 9p under a layer in
# memory; build/nested/ is shared for results.  Good for operating systems.  QEMU 7.2 itself gets much wrong, and ends with
# "invalid tss type" where a 32-bit guest that KVM was given in the middle of its life changes rings; tests/check-roms.sh
# under plain qemu-system-x86_64 shows which failures of the test disks are QEMU's.
# With -b: Bochs with that processor model, corei7_haswell_4770 (VMX, EPT, unrestricted guest), core2_penryn_t9600 (VMX alone),
# ryzen (-k amd); clutch and its test disks (/roms) in a memory disk, busybox for the rest.  Exact, and slower.  -f: files
# from here that go along, under the same names; programs with their libraries.
# Needs QEMU with virtfs, or Bochs (bochs-sdl) and genisoimage; and apt-get, dpkg-deb, cpio.
. "$(dirname "$0")/common.sh"

bochs='' module=amd parameters='' files='' memory=2048 cpus=1 limit=7200
while getopts b:k:p:f:m:n:t: option; do
    case $option in
    b) bochs=$OPTARG module=intel ;;
    k) module=$OPTARG ;;
    p) parameters=$OPTARG ;;
    f) files=$OPTARG ;;
    m) memory=$OPTARG ;;
    n) cpus=$OPTARG ;;
    t) limit=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ -z "$bochs" ] || [ "$memory" -le 1024 ] || memory=768

give_up() {
    why=$*
    skip "nested KVM"
    finish
}
need() {
    for tool; do
        command -v "$tool" >/dev/null || give_up "no $tool here"
    done
}
need cpio gzip
packages=$(pwd)/build/guests/nested
kernel=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: *//p' | head -n 1)
[ -n "$kernel" ] || give_up "apt-get knows no linux-image-amd64 here"
version=${kernel#linux-image-}
if [ -n "$bochs" ]; then
    need bochs genisoimage
    more="isolinux syslinux-common"
else
    need qemu-system-x86_64
    qemu-system-x86_64 -device help 2>/dev/null | grep -q virtio-9p-pci || give_up "this QEMU has no virtfs"
    more=
fi
# shellcheck disable=SC2086
tests/fetch-packages.sh "$packages" "$kernel" busybox-static $more 2>"$work/why" || give_up "$(tail -n 1 "$work/why")"

# --- the small system ---

share=$(pwd)/$O/nested
root=$work/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/modules" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/host" "$root/root" \
    "$root/memory" "$share"
cp "$packages/bin/busybox" "$root/bin/"
ln -s busybox "$root/bin/sh"

order='' # of modules, each behind what it depends on
needs() {
    case " $order " in *" $1 "*) return ;; esac
    set -- "$1" "$(find "$packages/lib/modules/$version" -name "$1.ko" -o -name "$(echo "$1" | tr _ -).ko" | head -n 1)"
    [ -n "$2" ] || return 0 # built in
    for other in $(tr '\0' '\n' <"$2" | sed -n 's/^depends=//p' | tr , ' '); do
        needs "$other"
    done
    cp "$2" "$root/modules/$1.ko"
    order="$order $1"
}
[ -n "$bochs" ] || for name in virtio_pci 9pnet_virtio 9p overlay; do needs $name; done
needs "kvm_$module"

cat >"$root/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
ifconfig lo 127.0.0.1
for name in $order; do
    parameters=
    [ \$name != kvm_$module ] || parameters='$parameters'
    insmod /modules/\$name.ko \$parameters || echo "no module \$name"
done
grep -m 1 'model name' /proc/cpuinfo
for name in npt ept unrestricted_guest; do
    file=/sys/module/kvm_$module/parameters/\$name
    [ ! -f \$file ] || echo "\$name: \$(cat \$file)"
done
END
cat >"$root/through_9p" <<END
mount -t tmpfs -o size=75% memory /memory
mkdir /memory/upper /memory/work
options=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o \$options,ro,cache=loose host /host
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root || exec sh
cd /root
for place in proc sys dev; do mount -o bind /\$place \$place; done
mkdir -p dev/shm dev/pts
mount -t tmpfs shm dev/shm
mount -t devpts pts dev/pts
mount -t tmpfs tmp tmp
mount -t tmpfs run run
mount -t 9p -o \$options,cache=none share '.$share'
exec chroot . /bin/sh '$share/commands'
END
# with_libraries PROGRAM
with_libraries() {
    for file in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$file")"
        [ -e "$root$file" ] || cp -L "$file" "$root$file"
    done
}
if [ -n "$bochs" ]; then
    echo 'exec sh /commands' >>"$root/init"
    cp "$CLUTCH" "$root/bin/clutch"
    strip "$root/bin/clutch" 2>/dev/null
    with_libraries "$CLUTCH"
    for name in $files; do
        mkdir -p "$root/$(dirname "$name")"
        cp -rL "$name" "$root/$name"
        with_libraries "$name"
    done
    mkdir -p "$root/usr/share" "$root/roms"
    cp -r "$(setting SEABIOS | grep . || echo /usr/share/seabios)" "$root/usr/share/"
    cp "$O"/roms/*.bin "$root/roms/"
else
    cat "$root/through_9p" >>"$root/init"
fi
chmod 755 "$root/init"

# --- what is to be done there ---

# shellcheck disable=SC2016
disk='disk() { name=$1; shift; timeout 120 ${CLUTCH:-clutch} -display none -serial stdio -monitor none -snapshot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -hda ${ROMS:-/roms}/$name.bin -accel kvm "$@" >/tmp/$name </dev/null 2>&1
    status=$?; grep -v "^ok" /tmp/$name; [ $status = 33 ]; }'
if [ $# = 0 ] && [ -n "$bochs" ]; then
    for source in roms/test-*.S; do
        set -- "$@" "disk $(basename "$source" .S)"
    done
    set -- "$@" "disk test-supervisor -cpu max"
elif [ $# = 0 ]; then
    set -- "timeout 5 $CLUTCH -accel auto -S -display none -serial none -monitor none || true" \
        "disk test-io" "disk test-fallback" "disk test-smc" "CLUTCH=/tmp/kvm tests/check-images.sh"
fi
{
    [ -n "$bochs" ] || {
        echo "export PATH=$PATH O=$O CLUTCH=$CLUTCH ROMS=$O/roms PATIENCE=300 HOME=/tmp TERM=dumb"
        echo "cd '$(pwd)'"
        echo "printf '#!/bin/sh\nexec %s \"\$@\" -accel kvm\n' '$(pwd)/$CLUTCH' >/tmp/kvm; chmod 755 /tmp/kvm"
    }
    echo "$disk"
    for command; do
        echo "echo '== $command'; $command; echo \"== exit status \$?\""
    done
    echo 'sync; sleep 3; echo o >/proc/sysrq-trigger; while :; do :; done'
} >"$share/commands"
[ -z "$bochs" ] || cp "$share/commands" "$root/"
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) | gzip -1 >"$work/initrd.gz"

# --- the machine ---

words="console=ttyS0 panic=-1 mitigations=off nowatchdog quiet"
if [ -n "$bochs" ]; then
    rm -rf "$work/cd"
    mkdir "$work/cd"
    cp "$packages/usr/lib/ISOLINUX/isolinux.bin" "$packages/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/cd/"
    cp "$packages/boot/vmlinuz-$version" "$work/cd/linux"
    cp "$work/initrd.gz" "$work/cd/"
    printf 'default l\nlabel l\nkernel linux\nappend initrd=initrd.gz %s tsc=reliable\n' "$words" >"$work/cd/isolinux.cfg"
    genisoimage -quiet -o "$work/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
        "$work/cd"
    cat >"$work/bochsrc" <<END
megs: $memory
cpu: model=$bochs, count=1, ips=70000000
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$share/log
display_library: sdl2
speaker: enabled=0
sound: waveoutdrv=dummy
log: $work/bochs.log
error: action=report
panic: action=fatal
clock: sync=none
END
    printf 'continue\nquit\n' >"$work/go" # Bochs may be one with a debugger, where a panic would wait
    rm -f "$share/log"
    SDL_VIDEODRIVER=dummy timeout -k 5 "$limit" bochs -q -rc "$work/go" -f "$work/bochsrc" >"$work/bochs.out" 2>&1 </dev/null
    grep -a '^[0-9]*p\[' "$work/bochs.log" # where Bochs gave up
    grep -a '^model name\|^[a-z_]*: [YN]\|^==\|passed\|FAIL\|clutch:' "$share/log"
else
    # shellcheck disable=SC2086
    timeout -k 5 "$limit" "${QEMU:-qemu-system-x86_64}" -accel tcg -cpu EPYC,-la57 -smp "$cpus" -m "$memory" -display none \
        -serial stdio -monitor none -no-reboot -nic none ${QEMU_OPTIONS:-} \
        -kernel "$packages/boot/vmlinuz-$version" -initrd "$work/initrd.gz" -append "$words" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
        -virtfs "local,path=$share,mount_tag=share,security_model=none" </dev/null 2>"$work/qemu.log" | tee "$share/log"
fi
grep -aq '^== exit status' "$share/log" || fail "nothing ran in there"
failed=$((failed + $(grep -ac '^== exit status [1-9]' "$share/log")))
passed=$((passed + $(grep -ac '^== exit status 0' "$share/log")))
finish
