#!/bin/sh
# The gdb server with real gdb: breakpoints, steps, watchpoints and registers in the guest of roms/debug-target.S, whose
# addresses and values are known, in 16, 32 and 64-bit code; the same with KVM where there is /dev/kvm.
# By hand, with Debian's kernel (tests/fetch-linux.sh): `hbreak *ADDRESS of start_kernel in System.map`.
. "$(dirname "$0")/common.sh"

why="gdb is not installed (Debian package: gdb)"
command -v gdb >/dev/null || { skip "the gdb server"; finish; }
elf=$O/roms/debug-target.elf
disk=$O/roms/debug-target.bin
socket=$work/gdb.sock
# A gdb without symbols sees the plain machine; @NAME@ in its commands is the address of a symbol.
nm "$elf" | sed -n 's/^0*\([0-9a-f]*\) [tT] \(.*\)/s,@\2@,0x\1,g/p' >"$work/symbols"
trap 'kill $pid 2>/dev/null' EXIT
pid=

# guest OPTION...: the boot sector, stopped, with gdb's socket; sets pid.
guest() {
    rm -f "$socket"
    timeout -k 5 $((60 * SLOWER)) "$CLUTCH" -display none -serial none -monitor none -S -gdb "unix:$socket" -snapshot -hda "$disk" \
        -device isa-debug-exit,iobase=0xf4,iosize=4 "$@" >"$work/guest" 2>&1 </dev/null &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -S "$socket" ] && return
        sleep 0.3
    done
    fail "no socket: $(cat "$work/guest")"
}
# session <COMMANDS: their output to $work/session.
session() {
    {
        echo "set pagination off"
        echo "set confirm off"
        echo "set logging enabled off"
        echo "target remote $socket"
        sed -f "$work/symbols"
    } >"$work/commands"
    within 60 gdb -nx -q -batch -x "$work/commands" >"$work/session" 2>&1 </dev/null
}
# ended STATUS: the guest is over, with this exit status.
ended() {
    timeout $((20 * SLOWER)) tail --pid=$pid -f /dev/null || { kill $pid; return 1; }
    wait $pid
    [ $? = "$1" ]
}
# says NAME <<LINES: the lines stand in the session's output, in this order, each beginning a line.
says() {
    name=$1
    cat >"$work/want"
    missing=$(awk 'NR == FNR { want[n++] = $0; next }
        at < n && index($0, want[at]) == 1 { at++ }
        END { if (at < n) print want[at] }' "$work/want" "$work/session")
    if [ -z "$missing" ]; then
        ok "$name"
    else
        fail "$name: missing: $missing"
        sed 's/^/    /' "$work/session" | tail -n 40
    fi
}

cat >"$work/walk" <<'END'
printf "reset %x:%x\n", $cs, $eip
hbreak *0x7c00
continue
monitor accel ENGINE
printf "start %x:%x\n", $cs, $eip
stepi
stepi
printf "segment %x:%x linear %x\n", $cs, $eip, $cs_base + $eip
break *@real_add@
continue
printf "before %x bx %x\n", $eip, $ebx & 0xffff
stepi
printf "after %x bx %x\n", $eip, $ebx & 0xffff
watch *(short *)0x8004
continue
printf "iteration cx %d di %x, at %d\n", $ecx & 0xffff, $edi & 0xffff, $eip == @fill@ - @start@
delete
tbreak *@protected@
continue
printf "protected cr0.pe %d cs %x\n", $cr0 & 1, $cs
awatch *(int *)@value@
continue
printf "written %x %d\n", *(int *)@value@, $eip == @after_value@
continue
printf "read %x %d\n", $edx, $eip == @after_read@
delete
tbreak *@patched@
continue
printf "patched %x\n", *(unsigned char *)@patched@
set $ebx = 0x41
stepi
printf "ebx %x %d\n", $ebx, $eip == @after_patched@
tbreak *@long@
continue
set architecture i386:x86-64
stepi
printf "rax %lx\n", $rax
x/i $pc
stepi
printf "xmm3 %lx\n", $xmm3.v2_int64[0]
tbreak *@twice@
continue
set $rax = 0x0123456789abcdef
stepi
printf "r9 %lx\n", $r9
stepi
printf "returned %d\n", $rip == @returned@
tbreak *@count@
continue
printf "rcx %d\n", $rcx
printf "end\n"
END
# walk NAME ENGINE OPTION...: the same way through the three modes; that engine takes over at the boot sector.
walk() {
    what=$1 engine=$2
    shift 2
    guest "$@"
    sed "s/ENGINE/$engine/" "$work/walk" | session
    says "$what: real-address mode" <<'END'
reset f000:fff0
Hardware assisted breakpoint 1
Breakpoint 1, 
start 0:7c00
segment 7c0:6 linear 7c06
before 14 bx 1111
after 18 bx 3333
Hardware watchpoint
iteration cx 29 di 8006, at 1
END
    says "$what: protected mode" <<'END'
protected cr0.pe 1 cs 8
Hardware access (read/write) watchpoint
written 12345678 1
read 12345678 1
patched 43
ebx 42 1
END
    says "$what: 64-bit mode" <<'END'
rax 1122334455667788
=> 0x7ccb:	movq   %rax,%xmm3
xmm3 1122334455667788
r9 2468acf13579bde
returned 1
rcx 0
END
    kill $pid
}
walk interp interp

guest -cpu max
session <<'END'
tbreak *@extract@
continue
printf "ymm3 %lx %lx\n", $ymm3.v4_int64[1], $ymm3.v4_int64[2]
set $ymm3.v4_int64[3] = 0x123456789
stepi
printf "xmm4 %lx %lx %d\n", $xmm4.v2_int64[0], $xmm4.v2_int64[1], $rip == @extracted@
printf "ymm15 %d\n", $ymm15.v4_int64[3]
kill
END
says "YMM registers" <<'END'
ymm3 0 1122334455667788
xmm4 1122334455667788 123456789 1
ymm15 0
END

guest -cpu pentium3
session <<'END'
hbreak *@start@
continue
stepi
x/i $pc
hbreak *@protected@
continue
set architecture i386
x/i $pc
set architecture i8086
stepi
printf "eip %x\n", $eip
kill
END
says "a processor without long mode" <<'END'
=> 0x7c01:	ljmp   $0x7c0,$0x6
=> 0x7c39:	mov    $0x10,%ax
eip 7c3d
END

# --- Ctrl-C, memory, the end of the guest ---

guest
session <<'END'
maint packet qqemu.PhyMemMode
tbreak *@count@
continue
shell (sleep 1; kill -INT $PPID) &
continue
printf "counted %d\n", *(long *)@counter@ > 1000
printf "in the loop %d\n", $pc >= @count@ && $pc < @twice@
monitor info registers
set {char}@count@ = 0x90
set {char}(@count@ + 1) = 0x90
set {char}(@count@ + 2) = 0x90
set $before = $rcx
stepi 20
printf "rewritten %d\n", $rcx == $before
set {char}@stop@ = 1
continue
END
says "Ctrl-C, the monitor, code written by gdb, the end of the guest" <<'END'
Program received signal SIGINT
counted 1
in the loop 1
CPU#0
rewritten 1
[Inferior 1 (Remote target) exited with code 041]
END
if ended 33; then ok "the guest ends as it would without gdb"; else fail "the guest's end"; fi

guest
session <<'END'
tbreak *@count@
continue
set {char}@stop@ = 1
break *@count@
detach
END
if ended 33; then ok "detach lets the guest go on, without breakpoints"; else fail "detach: $(cat "$work/session")"; fi

guest
session <<'END'
kill
END
if ended 0; then ok "kill ends the machine"; else fail "kill: $(cat "$work/session")"; fi

# --- what the user is told ---

alone() { within 20 "$CLUTCH" -display none -monitor none -serial none -S "$@"; }
# What is killed below is not a shell function: its child would go on.
for port in 21234 21235 21236 21237 21238 21239; do
    timeout 60 "$CLUTCH" -display none -monitor none -serial none -S -gdb tcp::$port >"$work/first" 2>&1 &
    pid=$!
    sleep 2
    kill -0 $pid 2>/dev/null && break
done
if out=$(alone -gdb tcp::$port 2>&1); then
    fail "a port in use"
elif [ $? = 1 ] && [ "$(echo "$out" | wc -l)" = 1 ] && echo "$out" | grep -q "127.0.0.1:$port.*in use"; then
    ok "a port in use: $out"
else
    fail "a port in use: $out"
fi
kill $pid
for where in nowhere tcp:12 stdio; do
    if out=$(alone -serial stdio -gdb $where 2>&1 </dev/null) || [ "$(echo "$out" | wc -l)" != 1 ]; then
        fail "-gdb $where: $out"
    else
        ok "-gdb $where: $out"
    fi
done

# --- KVM ---

if ! echo quit | within 20 "$CLUTCH" -display none -serial none -monitor stdio -S -accel kvm >"$work/kvm" 2>&1; then
    why="no KVM here"
    skip "the gdb server with KVM"
else
    walk kvm kvm -accel kvm
    walk "kvm in all modes" kvm -accel interp -accel kvm,modes=all

    # 50 times round the loop; who made the steps is in `info exits`.
    guest -accel interp -accel kvm,modes=all -d accel -D "$work/accel.log"
    session <<'END'
tbreak *@count@
continue
monitor accel kvm
stepi 200
printf "steps rcx %d, memory %d, at %d\n", $rcx, *(long *)@counter@, $rip == @count@
monitor info exits
kill
END
    says "200 steps, kvm in gear" <<'END'
steps rcx 50, memory 50, at 1
END
    why="this host's KVM does not step"
    if ! grep -q "single steps: yes" "$work/accel.log"; then
        skip "steps by KVM itself"
    else
        made=$(awk '/step of a debugger/ { print $1 }' "$work/session")
        if [ "${made:-0}" -gt 100 ]; then ok "KVM itself made them: $made"; else fail "KVM made ${made:-0}"; fi
    fi
fi
finish
