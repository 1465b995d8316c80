/*
 * Test boot disk: RF, breakpoints and single steps together, INT1, general detect, NMI and its blocking.
 * Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3B, "Debug Exceptions" ("Instruction-Breakpoint Exception Condition", "Data Memory and I/O
 *   Breakpoint Exception Conditions", "General-Detect Exception Condition", "Single-Step Exception Condition"),
 *   "Breakpoint Field Recognition"; vol. 3A, "Handling Multiple NMIs", "Local Interrupts"; vol. 2 "INT1", "SYSENTER".
 * Bochs 2.7 passes all but these, where the manual decides: RF saved between the iterations of REP, so that a
 *   breakpoint on it does not hit again, and by general detect ("Instruction-Breakpoint Exception Condition": every
 *   fault but an instruction breakpoint).  Whether general detect or #GP comes first at CPL 3 the manual does not say.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    APIC, 9                 /* CPUID.1:EDX */
        .set    SVR, 0xfee000f0
        .set    ICR, 0xfee00300
        .set    SELF_NMI, 0x4400        /* to APIC 0, NMI, assert; shorthands take none */
        .set    WATCHED, 0x20000

        .macro  watch dr7
        movl    $0, debug_count
        movl    $0, debug_status
        movl    $on_debug, handlers + 4
        movl    $\dr7, %eax
        movl    %eax, %db7
        .endm

        .macro  no_watch
        movl    $0x400, %eax
        movl    %eax, %db7
        movl    $0, handlers + 4
        .endm

        .macro  steps
        pushfl
        orl     $0x100, (%esp)
        popfl
        .endm

        .macro  no_steps
        pushfl
        andl    $~0x100, (%esp)
        popfl
        .endm

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        call    resume_flag
        call    repeats
        call    shadows
        call    data_breakpoints
        call    port_breakpoints
        call    int1
        call    general_detect
        call    system_calls
        call    nmi
        ret

/* Keeps place and flags of the first 8 and all of DR6; goes on past an instruction breakpoint. */
on_debug:
        movl    debug_count, %ecx
        incl    debug_count
        cmpl    $8, %ecx
        jae     1f
        movl    (%ebp), %eax
        movl    %eax, debug_eip(, %ecx, 4)
        movl    8(%ebp), %eax
        movl    %eax, debug_flags(, %ecx, 4)
        movl    %db6, %eax
        movl    %eax, debug_each(, %ecx, 4)
1:      movl    %db6, %eax
        orl     %eax, debug_status
        testb   $15, %al
        jz      1f
        orl     $0x10000, 8(%ebp)       /* RF */
1:      xorl    %eax, %eax
        movl    %eax, %db6
        ret
        .balign 4
debug_count:
        .long   0
debug_status:
        .long   0
debug_eip:
        .fill   8, 4, 0
debug_flags:
        .fill   8, 4, 0
debug_each:
        .fill   8, 4, 0

/* --- RF ---------------------------------------------------------------------------------------------------------- */

resume_flag:
        fault   "a fault", 6, NONE, ud2
        field   "saves RF", fault_eflags, 0x10000, 0x10000
        xorl    %ecx, %ecx
        fault   "another one", 0, NONE, divl %ecx
        field   "saves RF", fault_eflags, 0x10000, 0x10000
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        int3
89:     movl    $0, resume_eip
        field   "INT3 does not", fault_eflags, 0x10000, 0
        field   "and saves the next EIP", fault_eip, -1, 89b
        pushfl
        orl     $0x10000, (%esp)
        popfl
        pushfl
        popl    %eax
        andl    $0x10000, %eax
        check   "POPF does not set RF", 0
        movl    $1f, %eax
        movl    %eax, %db0
        watch   0x402                   /* G0: execution */
        pushl   $0x10002                /* IRET to the instruction with RF: over the breakpoint */
        pushl   $CODE32
        pushl   $1f
        iretl
1:      nop
        jmp     2f
2:      no_watch
        field   "IRET with RF to a breakpoint: it does not hit", debug_count, -1, 0
        movl    $1f, %eax
        movl    %eax, %db0
        watch   0x402
        pushl   $0x10002
        pushl   $CODE32
        pushl   $2f
        iretl
2:      nop
1:      nop
        no_watch
        field   "RF lasts for one instruction", debug_count, -1, 1
        field   "the breakpoint saves RF = 0", debug_flags, 0x10000, 0
        movl    $1f, %eax
        movl    %eax, %db0
        movl    $1f + 1, %eax
        movl    %eax, %db1
        watch   0x40a                   /* G0, G1 */
1:      nop
        nop
        no_watch
        field   "two breakpoints, two faults", debug_count, -1, 2
        movl    $1f, %eax
        movl    %eax, %db0
        movl    %eax, %db1
        watch   0x40a
1:      nop
        no_watch
        field   "two on one instruction: one fault", debug_count, -1, 1
        field   "with both bits", debug_status, 15, 3
        watch   0x400
        movl    $1f, %eax
        movl    %eax, %db0
1:      nop
        no_watch
        field   "one that is not enabled", debug_count, -1, 0
        movl    $1f + 1, %eax
        movl    %eax, %db0
        watch   0x402
1:      movl    $0x90909090, %eax
        no_watch
        field   "one in the middle of an instruction", debug_count, -1, 0
        ret

/* --- REP --------------------------------------------------------------------------------------------------------- */

repeats:
        movl    $WATCHED, %edi
        movl    $WATCHED + 0x100, %esi
        movl    $3, %ecx
        cld
        movl    $1f, %eax
        movl    %eax, %db0
        watch   0x402
        steps
1:      rep movsb
2:      no_steps
        no_watch
        field   "a breakpoint on REP MOVSB, with TF: first the breakpoint", debug_each, 0xe00f, 1
        field   "there", debug_eip, -1, 1b
        field   "then an iteration", debug_each + 4, 0xe00f, 0x4000
        field   "with RF saved", debug_flags + 4, 0x10000, 0x10000
        field   "the breakpoint does not hit again: the next one", debug_each + 8, 0xe00f, 0x4000
        field   "EIP is that of the REP", debug_eip + 8, -1, 1b
        field   "and behind the last", debug_eip + 12, -1, 2b
        field   "RF is clear", debug_flags + 12, 0x10000, 0
        xorl    %ecx, %ecx
        watch   0x400
        steps
1:      rep stosb
2:      no_steps
        no_watch
        field   "REP with a count of 0: one step", debug_eip, -1, 2b
        movl    $WATCHED, %edi
        movl    $2, %ecx
        movl    $WATCHED + 1, %eax
        movl    %eax, %db2
        watch   0x01000420              /* G2: write, one byte */
        steps
1:      rep stosb
2:      no_steps
        no_watch
        field   "a step and a data breakpoint come together", debug_each + 4, 0xe00f, 0x4004
        field   "after the second iteration", debug_eip + 4, -1, 2b
        ret

/* --- MOV SS ------------------------------------------------------------------------------------------------------ */

shadows:
        movl    $1f, %eax
        movl    %eax, %db0
        watch   0x402
        movl    %ss, %edx
        movl    %edx, %ss
1:      nop
        nop
        no_watch
        field   "no breakpoint on what follows MOV SS", debug_count, -1, 0
        movw    %ss, WATCHED
        movl    $WATCHED, %eax
        movl    %eax, %db0
        watch   0x00070402              /* G0: read or write, two bytes */
        movw    WATCHED, %ss
1:      nop
2:      nop
        no_watch
        field   "MOV SS of watched memory: after the next instruction", debug_eip, -1, 2b
        field   "DR6.B0", debug_status, 0xe00f, 1
        ret

/* --- data -------------------------------------------------------------------------------------------------------- */

/* dr7: what watches WATCHED + at. */
        .macro  hits text, dr7, at, want, insn:vararg
        movl    $WATCHED + \at, %eax
        movl    %eax, %db0
        xorl    %ecx, %ecx
        watch   \dr7
        \insn
        nop
        no_watch
        field   "\text", debug_count, -1, \want
        .endm
        .set    W1, 0x10402
        .set    W2, 0x50402
        .set    W4, 0xd0402
        .set    RW1, 0x30402
        .set    RW2, 0x70402
        .set    RW4, 0xf0402
        .set    LOCAL4, 0xf0401

data_breakpoints:
        hits    "W1: the byte written", W1, 3, 1, movb %cl, WATCHED+3
        hits    "the byte below", W1, 3, 0, movb %cl, WATCHED+2
        hits    "the byte above", W1, 3, 0, movb %cl, WATCHED+4
        hits    "a dword that has it", W1, 3, 1, movl %ecx, WATCHED
        hits    "read", W1, 3, 0, movb WATCHED+3, %cl
        hits    "RW1: read", RW1, 3, 1, movb WATCHED+3, %cl
        hits    "W2: its second byte", W2, 2, 1, movb %cl, WATCHED+3
        hits    "an odd address is rounded down", W2, 3, 1, movb %cl, WATCHED+2
        hits    "and ends with that word", W2, 3, 0, movb %cl, WATCHED+4
        hits    "W4 at 3: rounded down to 0", W4, 3, 1, movb %cl, WATCHED
        hits    "not beyond", W4, 3, 0, movb %cl, WATCHED+4
        hits    "RW4: a dword that overlaps from below", RW4, 4, 1, movl WATCHED+1, %ecx
        hits    "one that does not", RW4, 4, 0, movl WATCHED, %ecx
        hits    "L0 alone will do", LOCAL4, 0, 1, movl WATCHED, %ecx
        hits    "a read-modify-write: one trap", RW4, 0, 1, incl WATCHED
        hits    "W4 and TEST", W4, 0, 0, testl %ecx, WATCHED
        hits    "W4 and XCHG", W4, 0, 1, xchgl %ecx, WATCHED
        hits    "LEA accesses nothing", RW4, 0, 0, leal WATCHED, %ecx
        hits    "eight bytes by FLD", RW1, 7, 1, fldl WATCHED
        hits    "ten by FSTP", W1, 9, 1, fstpt WATCHED
        fninit
        movl    %esp, %edx
        movl    $WATCHED + 0x80, %esp
        movl    $WATCHED + 0x7c, %eax
        movl    %eax, %db0
        watch   W4
        call    1f
1:      nop
        no_watch
        movl    %edx, %esp
        field   "CALL writes its return address", debug_count, -1, 1
        field   "the trap is at the target", debug_eip, -1, 1b
        movl    $WATCHED, %eax
        movl    %eax, %db0
        watch   RW4
        movl    $0, handlers + 4
        movl    $WATCHED, %esi
        xorl    %eax, %eax
        movl    %eax, %db6
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        movl    %eax, %es
90:     movsl                           /* reads what is watched, then faults */
89:     movl    $0, resume_eip
        movl    %db6, %ecx
        no_watch
        field   "an access before a fault: #GP", fault_vector, -1, 13
        andl    $15, %ecx
        movl    %ecx, %eax
        check   "is not reported", 0
        ret

/* --- ports ------------------------------------------------------------------------------------------------------- */

port_breakpoints:
        unless  DE, 1f
        movl    %cr4, %eax
        orl     $8, %eax
        movl    %eax, %cr4
        .macro  port_hits text, dr7, port, want, insn:vararg
        movl    $\port, %eax
        movl    %eax, %db0
        watch   \dr7
        \insn
        nop
        no_watch
        field   "\text", debug_count, -1, \want
        .endm
        port_hits "a port, read", 0x20402, 0x80, 1, inb $0x80, %al
        port_hits "written", 0x20402, 0x80, 1, outb %al, $0x80
        port_hits "another one", 0x20402, 0x81, 0, inb $0x80, %al
        port_hits "a word that ends in it", 0x20402, 0x81, 1, inw $0x80, %ax
        port_hits "two ports", 0x60402, 0x81, 1, inb $0x80, %al
        port_hits "four", 0xe0402, 0x83, 1, inb $0x80, %al
        port_hits "memory at that address", 0x20402, 0x80, 0, movb 0x80, %al
        movl    $WATCHED, %edi
        movl    $0x80, %edx
        port_hits "INSB", 0x20402, 0x80, 1, insb
        movl    %cr4, %eax
        andl    $~8, %eax
        movl    %eax, %cr4
1:      ret

/* --- INT1 and general detect ------------------------------------------------------------------------------------- */

int1:   xorl    %eax, %eax
        movl    %eax, %db6
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        .byte   0xf1
89:     movl    $0, resume_eip
        field   "INT1", fault_vector, -1, 1
        field   "saves the next EIP", fault_eip, -1, 89b
        movl    %db6, %eax
        andl    $0xe00f, %eax
        check   "leaves DR6", 0
        user_enter
90:     .byte   0xf1
91:     int     $BACK
        left    "INT1 at CPL 3 does not mind the gate's DPL", 1, NONE, 91b
        user_fault "INT 1 does", 13, 1*8+2, int $1
        user_enter
90:     .byte   0xf1
91:     int     $BACK
89:     call    save_registers
        field   "INT1 saves RF = 0", fault_eflags, 0x10000, 0
        ret

general_detect:
        movl    $0x2400, %eax
        movl    %eax, %db7
        fault   "DR7.GD: MOV to DR0", 1, NONE, movl %eax, %db0
        field   "a fault: it saves RF", fault_eflags, 0x10000, 0x10000
        movl    $0x400, %eax
        movl    %eax, %db7
        xorl    %eax, %eax
        movl    %eax, %db6
        ret

/* --- single steps over SYSENTER, IRET, faults -------------------------------------------------------------------- */

system_calls:
        watch   0x400
        pushl   $0x102
        pushl   $CODE32
        pushl   $1f
        iretl
1:      nop
2:      no_steps
        no_watch
        field   "IRET that sets TF: after the next instruction", debug_eip, -1, 2b
        unless  SEP, 9f
        movl    $0x174, %ecx
        xorl    %edx, %edx
        movl    $CODE32, %eax
        wrmsr
        incl    %ecx
        movl    $STACK0, %eax
        wrmsr
        incl    %ecx
        movl    $1f, %eax
        wrmsr
        watch   0x400
        movl    %esp, main_esp
        pushl   $USER_DATA | 3
        pushl   $USER_STACK
        pushl   $0x102
        pushl   $USER_CODE | 3
        pushl   $90f
        iretl
90:     sysenter
1:      nop
2:      pushl   $2
        popfl
        movl    $DATA32, %eax           /* null since the IRET */
        movl    %eax, %ds
        movl    %eax, %es
        movl    main_esp, %esp
        no_watch
        movl    $0, resume_eip
        field   "SYSENTER keeps TF: a trap at its target", debug_eip, -1, 1b
        field   "and on", debug_eip + 4, -1, 2b
9:      ret
        .balign 4
main_esp:
        .long   0

/* --- NMI --------------------------------------------------------------------------------------------------------- */

nmi:    unless  APIC, 9f
        movl    $0x1ff, SVR
        movl    $on_nmi, handlers + 8
        movl    $do_nothing, handlers + 50 * 4
        movl    $0, resume_eip
        movl    $0, nmi_way
        movl    $0, nmi_count
        movl    $SELF_NMI, ICR
        call    wait
        field   "NMI", nmi_count, -1, 1
        movl    $1, nmi_way
        movl    $0, nmi_count
        movl    $SELF_NMI, ICR
        call    wait
        field   "another one in its handler waits", nmi_nested, -1, 1
        field   "until IRET", nmi_count, -1, 2
        movl    $2, nmi_way
        movl    $0, nmi_count
        movl    $SELF_NMI, ICR
        call    wait
        field   "any IRET ends that, also that of INT n in the handler", nmi_nested, -1, 2
        movl    $3, nmi_way
        movl    $0, nmi_count
        movl    $SELF_NMI, ICR
        call    wait
        field   "three while one is handled: one more comes", nmi_count, -1, 2
        movl    $0, nmi_way
        movl    $0, nmi_count
        cli
        movl    $SELF_NMI, ICR
        call    wait
        field   "IF does not hold it", nmi_count, -1, 1
        movl    $0, handlers + 8
        movl    $0, handlers + 50 * 4
9:      ret

wait:   movl    $1000, %ecx
1:      pause
        loop    1b
        ret
do_nothing:
        ret

on_nmi: incl    nmi_count
        cmpl    $1, nmi_count
        jne     9f
        cmpl    $0, nmi_way
        je      9f
        movl    $SELF_NMI, ICR
        cmpl    $3, nmi_way
        jne     1f
        call    wait
        movl    $SELF_NMI, ICR
        call    wait
        movl    $SELF_NMI, ICR
1:      call    wait
        cmpl    $2, nmi_way
        jne     2f
        int     $50
        call    wait
2:      movl    nmi_count, %eax
        movl    %eax, nmi_nested
9:      ret
        .balign 4
nmi_count:
        .long   0
nmi_nested:
        .long   0
nmi_way:
        .long   0

        test_end
