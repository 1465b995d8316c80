/*
 * Test boot disk: timers and the moments at which interrupts and debug exceptions come.  Origin: 0x7c00
 *
 * Source: Intel 8254 datasheet, "Mode Definitions", "Read Operations"; Motorola MC146818A datasheet, "Interrupts";
 * Intel SDM vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks", "Debug Registers", "Single-Step
 * Exception Condition"; vol. 2, "STI", "HLT".
 * Times are compared with each other, widely: a machine that shares its host is late, but its clocks must agree.
 */
        .include "roms/test.inc"

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        movl    $on_irq_0, handlers + 32 * 4
        movl    $on_irq_8, handlers + 40 * 4
        movl    $on_spurious, handlers + 39 * 4
        movl    $on_spurious_slave, handlers + 47 * 4
        call    counters
        call    periodic
        call    rtc
        call    shadows
        call    halting
        movl    $on_debug, handlers + 1 * 4
        call    single_step
        call    breakpoints
        ret

/* EAX is at least LOW and at most HIGH. */
        .macro  within text, low, high
        cmpl    $\low, %eax
        jb      92f
        cmpl    $\high, %eax
        ja      92f
        xorl    %eax, %eax
92:     check   "\text", 0
        .endm

        .macro  out port, value
        movb    $\value, %al
        outb    %al, $\port
        .endm

/* --- interrupts -------------------------------------------------------------------------------------------------- */

on_irq_0:
        incl    irq_0
        movl    (%ebp), %eax
        movl    %eax, irq_eip
        movb    $0x20, %al
        outb    %al, $0x20
        ret

on_irq_8:
        incl    irq_8
        cmpl    $0, leave_c
        jne     1f
        movb    $0x0c, %al
        outb    %al, $0x70
        inb     $0x71, %al
        orb     %al, register_c
1:      movb    $0x20, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        ret

        .balign 4
irq_0:  .long   0
irq_8:  .long   0
irq_eip:
        .long   0
leave_c:
        .long   0
register_c:
        .long   0

/* 8259A: IR7 is acknowledged when the request has gone by then, as OUT may in mode 0; no EOI. */
on_spurious:
        ret
on_spurious_slave:
        movb    $0x20, %al              /* the master did have a request */
        outb    %al, $0x20
        ret

/* AX: count for counter 2 in mode 0 (one shot); waits until it has run out.  1193 are a millisecond. */
delay:  pushl   %eax
        inb     $0x61, %al
        andb    $0xfc, %al
        orb     $1, %al
        outb    %al, $0x61
        movb    $0xb0, %al
        outb    %al, $0x43
        popl    %eax
        outb    %al, $0x42
        movb    %ah, %al
        outb    %al, $0x42
1:      inb     $0x61, %al
        testb   $0x20, %al
        jz      1b
        ret

/* --- the 8254 ---------------------------------------------------------------------------------------------------- */

/* EAX = counter 0, latched. */
read_0: xorl    %eax, %eax
        outb    %al, $0x43
        inb     $0x40, %al
        movb    %al, %ah
        inb     $0x40, %al
        xchgb   %al, %ah
        ret

counters:
        out     0x43, 0x34              /* counter 0, two bytes, mode 2 */
        out     0x40, 0x00
        out     0x43, 0xe2              /* read back: status of counter 0 */
        inb     $0x40, %al
        movzbl  %al, %eax
        andl    $0x7f, %eax
        check   "status: null count until the second byte", 0x74
        out     0x40, 0x80
        movl    $2386, %eax
        call    delay
        out     0x43, 0xe2
        inb     $0x40, %al
        movzbl  %al, %eax
        check   "status: mode 2, two bytes, OUT high", 0xb4
        call    read_0
        movl    %eax, %ebx
        call    read_0
        subl    %eax, %ebx
        movl    %ebx, %eax
        within  "the counter counts down", 0, 0x7fff
        out     0x43, 0xd2              /* read back: count */
        movl    $1193, %eax
        call    delay
        inb     $0x40, %al
        movb    %al, %bl
        inb     $0x40, %al
        movb    %al, %bh
        movzwl  %bx, %ebx
        call    read_0
        cmpl    %eax, %ebx
        setne   %al
        movzbl  %al, %eax
        check   "a latched count waits to be read", 1
        out     0x43, 0x00              /* latch; a second one changes nothing */
        movl    $1193, %eax
        call    delay
        out     0x43, 0x00
        inb     $0x40, %al
        movb    %al, %bl
        inb     $0x40, %al
        movb    %al, %bh
        movl    $100, %eax
        call    delay
        out     0x43, 0x00
        inb     $0x40, %al
        movb    %al, %cl
        inb     $0x40, %al
        movb    %al, %ch
        subw    %cx, %bx
        movzwl  %bx, %eax
        within  "a second latch command is ignored", 1193, 0x7ffe

        out     0x43, 0xb6              /* counter 2, mode 3 */
        inb     $0x61, %al
        andb    $0xfe, %al
        outb    %al, $0x61              /* gate low */
        out     0x42, 100
        out     0x42, 0
        inb     $0x61, %al
        movzbl  %al, %eax
        andl    $0x20, %eax
        check   "mode 3: OUT is high while the gate is low", 0x20
        inb     $0x61, %al
        orb     $1, %al
        outb    %al, $0x61
        movl    $20000, %ecx
        xorl    %ebx, %ebx
1:      inb     $0x61, %al
        xorb    %al, %bh
        orb     %bh, %bl
        movb    %al, %bh
        testb   $0x20, %bl
        loopz   1b
        movzbl  %bl, %eax
        andl    $0x20, %eax
        check   "and a square wave while it is high", 0x20

        out     0x43, 0xb0              /* counter 2, mode 0 */
        inb     $0x61, %al
        movzbl  %al, %eax
        andl    $0x20, %eax
        check   "mode 0: OUT is low from the control word on", 0
        out     0x42, 0xff
        out     0x42, 0xff
        inb     $0x61, %al
        movzbl  %al, %eax
        andl    $0x20, %eax
        check   "and with a long count", 0
        out     0x43, 0x90              /* one byte */
        out     0x42, 10
        movl    $1000000, %ecx
1:      inb     $0x61, %al
        testb   $0x20, %al
        jnz     2f
        inb     $0x80, %al
        loop    1b
2:      inb     $0x61, %al
        movzbl  %al, %eax
        andl    $0x20, %eax
        check   "a short one runs out", 0x20
        out     0x43, 0xe8              /* status of counter 2 */
        inb     $0x42, %al
        movzbl  %al, %eax
        check   "status: OUT, one byte, mode 0", 0x90
        out     0x43, 0xb1              /* BCD */
        out     0x42, 0x00
        out     0x42, 0x10              /* 1000 */
        out     0x43, 0x80
        inb     $0x42, %al
        movb    %al, %bl
        inb     $0x42, %al
        movb    %al, %bh
        movl    $0, %eax
        movw    %bx, %ax
        andl    $0x0f0f, %eax
        addl    $0x0606, %eax
        andl    $0x1010, %eax
        check   "BCD digits", 0
        inb     $0x61, %al
        andb    $0xfc, %al
        outb    %al, $0x61
        ret

periodic:
        out     0x43, 0x34
        out     0x40, 1193 & 255        /* 1000 Hz */
        out     0x40, 1193 >> 8
        movl    $0, irq_0
        out     0x21, 0xfe
        sti
        movl    $11932, %eax            /* five times 10 ms */
        call    delay
        movl    $11932, %eax
        call    delay
        movl    $11932, %eax
        call    delay
        movl    $11932, %eax
        call    delay
        movl    $11932, %eax
        call    delay
        cli
        movl    irq_0, %eax
        within  "IRQ 0 at 1000 Hz, for 50 ms by counter 2", 20, 80
        movl    $0, irq_0               /* mode 0: once */
        out     0x43, 0x30
        out     0x40, 0x00
        out     0x40, 0x01
        sti
        movl    $11932, %eax
        call    delay
        cli
        field   "mode 0: IRQ 0 once", irq_0, -1, 1
        movl    $0, irq_0
        out     0x43, 0x36              /* mode 3 */
        out     0x40, 0x00
        out     0x40, 0x10
        sti
1:      cmpl    $3, irq_0
        jb      1b
        cli
        field   "mode 3: IRQ 0 again and again", irq_0, -1, 3
        out     0x21, 0xff
        ret

/* --- the MC146818 ------------------------------------------------------------------------------------------------ */

        .macro  cmos index, value
        movb    $\index, %al
        outb    %al, $0x70
        movb    $\value, %al
        outb    %al, $0x71
        .endm

read_cmos:
        outb    %al, $0x70
        inb     $0x71, %al
        movzbl  %al, %eax
        ret

rtc:    movb    $0x0c, %al
        call    read_cmos
        movb    $0x0c, %al
        call    read_cmos
        check   "reading register C clears it", 0
        movb    $0x0d, %al
        call    read_cmos
        check   "register D: the battery is good", 0x80
        cmos    0x0a, 0x26              /* 1024 Hz */
        cmos    0x0b, 0x42              /* periodic interrupt, 24 hours */
        movl    $0, irq_8
        movl    $0, register_c
        out     0x21, 0xfb
        out     0xa1, 0xfe
        sti
        movl    $59659, %eax            /* 50 ms */
        call    delay
        cli
        movl    irq_8, %eax
        within  "the RTC's 1024 Hz, for 50 ms by the 8254", 20, 80
        field   "register C said so", register_c, 0xf0, 0xc0
        movl    $1, leave_c
        movb    $0x0c, %al
        call    read_cmos
        movl    $0, irq_8
        sti
        movl    $23864, %eax
        call    delay
        cli
        field   "no second interrupt while register C is unread", irq_8, -1, 1
        movl    $0, leave_c
        movb    $0x0c, %al
        call    read_cmos
        cmos    0x0b, 0x02
        movl    $0, irq_8
        sti
        movl    $11932, %eax
        call    delay
        cli
        field   "none when not enabled", irq_8, -1, 0
        cmos    0x05, 0xc0              /* alarm at any hour, minute, second */
        cmos    0x03, 0xc0
        cmos    0x01, 0xc0
        cmos    0x0b, 0x32              /* alarm and update-ended interrupts */
        movl    $0, register_c
        movl    $0, irq_8
        sti
1:      hlt
        cmpl    $0, irq_8
        je      1b
        cli
        field   "a second has passed: alarm and update", register_c, 0xb0, 0xb0
        cmos    0x0b, 0x02
        xorl    %eax, %eax
        call    read_cmos
        movl    %eax, %ebx
        cmos    0x0b, 0x82              /* SET: the time stands still */
        movb    $0x0a, %al
        call    read_cmos
        andl    $0x80, %eax
        check   "no update while it is set", 0
        cmos    0x00, 0x25
        xorl    %eax, %eax
        call    read_cmos
        check   "it takes what is set", 0x25
        cmos    0x0b, 0x02
        cmos    0x0b, 0x82
        movb    %bl, %ah
        xorb    %al, %al
        outb    %al, $0x70
        movb    %ah, %al
        outb    %al, $0x71
        cmos    0x0b, 0x02
        cmos    0x40, 0xa5
        movb    $0x40, %al
        call    read_cmos
        check   "its memory", 0xa5
        out     0x21, 0xff
        out     0xa1, 0xff
        ret

/* --- when an interrupt comes ------------------------------------------------------------------------------------- */

/* Leaves IRQ 0 requested, unmasked, and IF clear. */
pend:   cli
        out     0x21, 0xff
        out     0x43, 0x30              /* mode 0: OUT rises once and stays */
        out     0x40, 20
        out     0x40, 0
1:      out     0x20, 0x0a              /* IRR */
        inb     $0x20, %al
        testb   $1, %al
        jz      1b
        movl    $0, irq_0
        out     0x21, 0xfe
        ret

shadows:
        call    pend
        sti
        cli
        nop
        field   "STI, CLI: no interrupt between them", irq_0, -1, 0
        sti
        nop
1:      cli
        field   "STI, NOP: after the NOP", irq_0, -1, 1
        field   "exactly", irq_eip, -1, 1b
        call    pend
        pushl   $0x202
        popfl
1:      nop
        cli
        field   "POPF: at once", irq_eip, -1, 1b
        call    pend
        pushl   $0x202
        pushl   $CODE32
        pushl   $1f
        iretl
1:      nop
        cli
        field   "IRET: at once", irq_eip, -1, 1b
        call    pend
        pushl   $0x202
        popl    %eax
        sti
        hlt
1:      nop
        cli
        field   "STI, HLT: wakes", irq_0, -1, 1
        field   "behind the HLT", irq_eip, -1, 1b
        call    pend
        out     0x21, 0xff
        sti
        nop
        nop
        out     0x21, 0xfe
        inb     $0x80, %al
        inb     $0x80, %al
        cli
        field   "unmasking lets it come", irq_0, -1, 1
        out     0x21, 0xff
        ret

halting:
        out     0x43, 0x34
        out     0x40, 0x00
        out     0x40, 0x08
        movl    $0, irq_0
        out     0x21, 0xfe
        movl    $20, %ecx
1:      sti
        hlt
        cli
        loop    1b
        movl    irq_0, %eax
        within  "each HLT lasts until an interrupt", 20, 21
        out     0x21, 0xff
        out     0x43, 0x36              /* as the firmware had it */
        out     0x40, 0
        out     0x40, 0
        ret

/* --- debug exceptions -------------------------------------------------------------------------------------------- */

/* Keeps the places of the first 16, and DR6 of all. */
on_debug:
        movl    debug_count, %ecx
        incl    debug_count
        cmpl    $16, %ecx
        jae     1f
        movl    (%ebp), %eax
        movl    %eax, debug_eip(, %ecx, 4)
1:      movl    %db6, %eax
        orl     %eax, debug_status
        xorl    %eax, %eax
        movl    %eax, %db6
        orl     $0x10000, 8(%ebp)       /* RF: on, over the breakpoint */
        ret
        .balign 4
debug_count:
        .long   0
debug_status:
        .long   0
debug_eip:
        .fill   16, 4, 0

        .macro  steps
        movl    $0, debug_count
        movl    $0, debug_status
        movl    $0, resume_eip
        pushfl
        orl     $0x100, (%esp)
        popfl
        .endm

        .macro  no_steps
        pushfl
        andl    $~0x100, (%esp)
        popfl
        .endm

single_step:
        steps
1:      nop
2:      movl    $1, %ecx
3:      pushfl
4:      andl    $~0x100, (%esp)
5:      popfl
6:      nop
        field   "single step: after the first instruction", debug_eip, -1, 2b
        field   "after the second", debug_eip + 4, -1, 3b
        field   "after POPF that ends it", debug_eip + 16, -1, 6b
        field   "and no more", debug_count, -1, 5
        field   "DR6.BS", debug_status, 0xe00f, 0x4000
        movl    $0x20000, %edi
        movl    $3, %ecx
        steps
1:      rep stosb
2:      no_steps
        field   "REP: after each round", debug_eip, -1, 1b
        field   "and the next", debug_eip + 4, -1, 1b
        field   "and behind the last", debug_eip + 8, -1, 2b
        movl    %ss, %edx
        steps
1:      movl    %edx, %ss
2:      nop
3:      no_steps
        field   "MOV SS: not before the next instruction is done", debug_eip, -1, 3b
        steps
        pushl   %ss
1:      popl    %ss
2:      nop
3:      no_steps
        field   "POP SS as well", debug_eip + 4, -1, 3b
        movl    $flags_now, handlers + 50 * 4
        steps
        int     $50
        nop
2:      no_steps
        field   "INT n clears TF; the next trap comes after what follows it", debug_eip, -1, 2b
        field   "its handler ran without TF", handler_flags, 0x100, 0
        steps
        jmp     2f
1:      nop
2:      no_steps
        field   "a jump", debug_eip, -1, 2b
        movl    $0, handlers + 50 * 4
        ret

flags_now:
        pushfl
        popl    handler_flags
        ret
        .balign 4
handler_flags:
        .long   0

        .macro  watch dr7
        movl    $0, debug_count
        movl    $0, debug_status
        movl    $\dr7, %eax
        movl    %eax, %db7
        .endm

        .macro  no_watch
        xorl    %eax, %eax
        movl    %eax, %db7
        .endm

breakpoints:
        movl    $1f, %eax
        movl    %eax, %db0
        xorl    %ebx, %ebx
        watch   0x00000002              /* G0: execution */
        nop
1:      incl    %ebx
2:      no_watch
        field   "a breakpoint on an instruction: before it", debug_eip, -1, 1b
        field   "once, because of RF", debug_count, -1, 1
        field   "DR6.B0", debug_status, 0xe00f, 1
        movl    %ebx, %eax
        check   "then the instruction is done", 1
        movl    $0x20004, %eax
        movl    %eax, %db1
        watch   0x00d0000c              /* G1, L1: write, four bytes */
        movl    %ebx, 0x20000
        movl    0x20004, %eax
        movl    %ebx, 0x20005
1:      nop
        no_watch
        field   "a write to watched memory: behind it", debug_eip, -1, 1b
        field   "neither another write nor a read", debug_count, -1, 1
        field   "DR6.B1", debug_status, 0xf, 2
        watch   0x00f0000c              /* read or write */
        movl    0x20004, %eax
1:      movl    0x20008, %eax
        no_watch
        field   "a read of watched memory", debug_eip, -1, 1b
        field   "only that", debug_count, -1, 1
        watch   0x00f0000c
        movl    0x20001, %eax
1:      nop
        no_watch
        field   "a read that only overlaps it", debug_eip, -1, 1b
        movl    $0x20006, %eax
        movl    %eax, %db2
        watch   0x05000020              /* G2: write, two bytes */
        movb    %bl, 0x20005
        movb    %bl, 0x20007
1:      movb    %bl, 0x20008
        no_watch
        field   "a watch of two bytes", debug_eip, -1, 1b
        field   "just these", debug_count, -1, 1
        watch   0x05000020
        movl    $0x20000, %edi
        movl    $4, %ecx
        cld
1:      rep stosl
2:      no_watch
        field   "REP STOSL over a watch: after the round that hit", debug_eip, -1, 1b
        field   "DR6.B2", debug_status, 0xf, 4
        watch   0x05000020
        pushl   $0
        lock addl $0, (%esp)
        popl    0x20004
1:      nop
        no_watch
        field   "POP to memory", debug_eip, -1, 1b

        unless  DE, 3f
        movl    %cr4, %eax
        orl     $8, %eax                /* DE */
        movl    %eax, %cr4
        movl    $0x80, %eax
        movl    %eax, %db3
        watch   0x20000080              /* G3: I/O, one byte */
        inb     $0x80, %al
1:      nop
        no_watch
        field   "a watched port", debug_eip, -1, 1b
        field   "DR6.B3", debug_status, 0xf, 8
        fault   "DR4 with CR4.DE", 6, NONE, .byte 0x0f, 0x21, 0xe0
        movl    %cr4, %eax
        andl    $~8, %eax
        movl    %eax, %cr4
3:      movl    $0x1234, %eax
        movl    %eax, %db0
        .byte   0x0f, 0x21, 0xe3        /* MOV EBX, DR4 */
        movl    %db6, %eax
        subl    %ebx, %eax
        check   "DR4 is DR6 without it", 0
        movl    $0x2400, %eax           /* GD */
        movl    $0, debug_count
        movl    $0, debug_status
        movl    $0, handlers + 4
        movl    %eax, %db7
        fault   "DR7.GD: MOV from a debug register", 1, NONE, movl %db0, %ebx
        movl    %db6, %eax
        andl    $0xe000, %eax
        check   "DR6.BD", 0x2000
        movl    %db7, %eax
        andl    $0x2000, %eax
        check   "the handler finds GD clear", 0
        xorl    %eax, %eax
        movl    %eax, %db7
        movl    %db7, %eax
        check   "DR7 of zero reads", 0x400
        xorl    %eax, %eax
        movl    %eax, %db6
        movl    %db6, %eax
        check   "DR6 of zero reads", 0xffff0ff0
        ret

        test_end
