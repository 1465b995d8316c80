/*
 * Test boot disk: segments, gates and privilege in protected mode, and a few rules of real mode.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Protection", "Interrupt and Exception Handling"; vol. 2, the instructions' pages.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    LDT, 0x40
        .set    CONFORMING, 0x48
        .set    EXECUTE_ONLY, 0x50
        .set    READ_ONLY, 0x58
        .set    ABSENT_DATA, 0x60
        .set    ABSENT_CODE, 0x68
        .set    LIMITED, 0x70           /* data to 7FFFh */
        .set    EXPAND_DOWN, 0x78       /* data from 8000h up */
        .set    GATE, 0x80              /* call gate, DPL 3, two parameters */
        .set    GATE_0, 0x88            /* DPL 0 */
        .set    GATE_ABSENT, 0x90
        .set    GATE_16, 0x98           /* 16-bit, DPL 0 */
        .set    LIMITED_CODE, 0xa0      /* code to 7FFFh */
        .set    EXPAND_DOWN_16, 0xa8    /* data from 8000h to FFFFh */
        .set    GATE_NULL, 0xb0         /* call gate to a null selector */
        .set    INTERRUPT_GATE, 0xb8    /* has no business in a GDT */
        .set    ABSENT_LDT, 0xc0
        .set    SMALL, 0xc8             /* expand-up, 4 KiB granular, limit 8 pages less one byte */
        .set    ldt, 0x29000

        .code16
real_mode_hook:
        call    real_mode_faults
        ret

/* --- real mode --------------------------------------------------------------------------------------------------- */

/* Vector \vector leads to real_fault with its number. */
real_fault:                             /* BP = what faulted, then on with the instruction at BX */
        pushw   %bp
        movw    %sp, %bp
        movw    %bx, 2(%bp)             /* IP */
        popw    %bp
        incw    real_count
        iretw
real_count:
        .word   0

real_mode_faults:
        xorw    %si, %si
        movw    %si, %es
        movw    $real_saved, %di
        xorw    %si, %si
        movw    $32, %cx
        rep movsw                       /* vectors 0-15 */
        cli
        movw    $0, %ax
1:      movw    %ax, %di
        shlw    $2, %di
        cmpw    $8, %ax                 /* not the timer's */
        je      2f
        cmpw    $9, %ax
        je      2f
        movw    $real_fault, (%di)
        movw    $0, 2(%di)
2:      incw    %ax
        cmpw    $14, %ax
        jb      1b
        movw    $1f, %bx                /* #DE */
        xorw    %cx, %cx
        divw    %cx
1:      movw    $1f, %bx                /* #UD */
        ud2
1:      movw    $1f, %bx                /* #BR */
        movw    $0x7fff, %ax
        boundw  %ax, bounds
1:      movw    $1f, %bx                /* #GP: a word at FFFFh */
        movw    %es:0xffff, %ax
1:      movw    $1f, %bx                /* #GP: beyond 64 KiB */
        movl    $0x10000, %edi
        movb    (%edi), %al
1:      movw    $1f, %bx                /* #UD: no selectors here */
        .byte   0x0f, 0x00, 0xd8        /* LTR AX */
1:      movw    $1f, %bx                /* #UD */
        lar     %ax, %ax
1:      movw    real_saved, %ax
        movw    $real_saved, %si
        xorw    %di, %di
        movw    $32, %cx
        rep movsw
        sti
        ret
bounds: .word   1, 2
        .balign 4
real_saved:
        .fill   64, 1, 0

        .code32
test_main:
        movzwl  real_count, %eax
        check   "seven faults in real mode", 7
        call    set_up_rings
        call    set_up_descriptors
        call    loads
        call    accesses
        call    queries
        call    far_transfers
        call    gates
        call    user_mode
        call    user_gates
        call    delivery
        call    control_registers
        call    system_calls
        call    back_to_real_mode
        ret

set_up_descriptors:
        descriptor LDT, (ldt & 0xffff) << 16 | 0x0f, 0x00008200 | ldt >> 16
        descriptor CONFORMING, 0x0000ffff, 0x00cf9e00
        descriptor EXECUTE_ONLY, 0x0000ffff, 0x00cf9800
        descriptor READ_ONLY, 0x0000ffff, 0x00cf9000
        descriptor ABSENT_DATA, 0x0000ffff, 0x00cf1200
        descriptor ABSENT_CODE, 0x0000ffff, 0x00cf1a00
        descriptor LIMITED, 0x00007fff, 0x00409200
        descriptor EXPAND_DOWN, 0x00007fff, 0x00409600
        descriptor EXPAND_DOWN_16, 0x00007fff, 0x00009600
        descriptor LIMITED_CODE, 0x00007fff, 0x00409a00
        descriptor SMALL, 0x00000007, 0x00c09200
        descriptor GATE, (CODE32 << 16) + gate_target, 0x0000ec02
        descriptor GATE_0, (CODE32 << 16) + gate_target, 0x00008c02
        descriptor GATE_ABSENT, (CODE32 << 16) + gate_target, 0x00006c02
        descriptor GATE_16, (CODE32 << 16) + gate_16_target, 0x00008400
        descriptor GATE_NULL, gate_target, 0x0000ec00
        descriptor INTERRUPT_GATE, (CODE32 << 16) + gate_target, 0x00008e00
        descriptor ABSENT_LDT, (ldt & 0xffff) << 16 | 0x0f, 0x00000200 | ldt >> 16
        movl    $0x0000ffff, ldt + 8    /* LDT selector 0Ch: data */
        movl    $0x00cf9200, ldt + 12
        ret

/* --- loading segment registers ----------------------------------------------------------------------------------- */

        .macro  selector value
        movl    $\value, %eax
        .endm

loads:  selector 0
        fault   "a null selector into SS", 13, 0, movl %eax, %ss
        runs    "a null selector into ES", movl %eax, %es
        movl    %eax, %es
        fault   "use of a null ES", 13, 0, movl %es:0, %ebx
        selector 3
        runs    "a null selector with RPL 3 into ES", movl %eax, %es
        selector 0x203
        fault   "beyond the GDT's limit: no RPL in the error code", 13, 0x200, movl %eax, %es
        selector 0
        lldt    %ax
        selector 0x0c
        fault   "a selector of the LDT without an LDT", 13, 0x0c, movl %eax, %es
        selector ABSENT_DATA
        fault   "an absent segment into ES", 11, ABSENT_DATA, movl %eax, %es
        fault   "an absent segment into SS", 12, ABSENT_DATA, movl %eax, %ss
        selector EXECUTE_ONLY
        fault   "code that cannot be read into ES", 13, EXECUTE_ONLY, movl %eax, %es
        selector CODE32
        runs    "code that can be read into ES", movl %eax, %es
        fault   "code into SS", 13, CODE32, movl %eax, %ss
        selector READ_ONLY
        fault   "read-only data into SS", 13, READ_ONLY, movl %eax, %ss
        selector DATA32 | 3
        fault   "RPL 3 into SS at CPL 0", 13, DATA32, movl %eax, %ss
        fault   "RPL 3 with DPL 0 into ES", 13, DATA32, movl %eax, %es
        selector USER_DATA | 3
        runs    "RPL 3 with DPL 3 into ES", movl %eax, %es
        selector TSS
        fault   "a TSS into ES", 13, TSS, movl %eax, %es
        selector GATE
        fault   "a gate into FS", 13, GATE, movl %eax, %fs
        fault   "MOV to CS", 6, NONE, .byte 0x8e, 0xc8
        selector READ_ONLY
        movl    %eax, %gs
        movl    gdt + READ_ONLY + 4, %eax
        andl    $0xff00, %eax
        check   "a load sets the accessed bit", 0x9100
        selector LDT
        runs    "LLDT", lldt %ax
        selector 0x0c
        runs    "a selector of the LDT", movl %eax, %es
        selector 0x14
        fault   "beyond the LDT's limit", 13, 0x14, movl %eax, %es
        selector DATA32
        fault   "LLDT of data", 13, DATA32, lldt %ax
        fault   "LTR of data", 13, DATA32, ltr %ax
        selector 0x0c
        fault   "LLDT of a selector of the LDT", 13, 0x0c, lldt %ax
        selector ABSENT_LDT
        fault   "LLDT of an absent LDT", 11, ABSENT_LDT, lldt %ax
        selector TSS
        fault   "LTR of a busy TSS", 13, TSS, ltr %ax
        selector 0
        fault   "LTR of a null selector", 13, 0, ltr %ax
        runs    "LLDT of a null selector", lldt %ax
        sldt    %ecx
        movzwl  %cx, %eax
        check   "SLDT", 0
        /* LES takes nothing from a pointer that it cannot load. */
        movl    $0x12345678, %ebx
        fault   "LES of a bad pointer", 13, 0x200, les bad_pointer, %ebx
        movl    %ebx, %eax
        check   "leaves the register alone", 0x12345678
        pushl   $0x200
        fault   "POP of a bad selector", 13, 0x200, popl %es
        movl    fault_frame, %eax       /* three words below it were pushed by the fault */
        subl    %esp, %eax
        addl    $4, %esp
        check   "leaves ESP alone", -12
        ret
bad_pointer:
        .long   0x11111111
        .word   0x200

/* --- what a segment allows --------------------------------------------------------------------------------------- */

accesses:
        selector READ_ONLY
        movl    %eax, %es
        runs    "a read of read-only data", movl %es:0x500, %ebx
        movl    $READ_ONLY, %eax
        movl    %eax, %es
        fault   "a write to read-only data", 13, 0, movl %ebx, %es:0x500
        fault   "a write through CS", 13, 0, movl %ebx, %cs:0x500
        ljmp    $EXECUTE_ONLY, $1f
1:      fault   "a read through a CS that cannot be read", 13, 0, movl %cs:0x500, %ebx
        ljmp    $CODE32, $1f
1:
        selector LIMITED
        movl    %eax, %es
        runs    "the last dword within the limit", movl %es:0x7ffc, %ebx
        movl    %eax, %es
        fault   "a dword that crosses the limit", 13, 0, movl %es:0x7ffd, %ebx
        movl    %eax, %es
        runs    "the last byte within the limit", movb %es:0x7fff, %bl
        movl    %eax, %es
        fault   "the byte behind the limit", 13, 0, movb %es:0x8000, %bl
        movl    %eax, %es
        movl    $0xfffffffe, %edi
        fault   "an offset that wraps", 13, 0, movl %es:(%edi), %ebx
        movl    %eax, %ss
        fault   "the limit of SS", 12, 0, movl %ss:0x7ffd, %ebx
        movl    %eax, %ss
        movl    $0x7ffe, %ebp
        fault   "a base of EBP goes by SS", 12, 0, movl (%ebp), %ebx
        descriptor LIMITED, 0x00007fff, 0x00409202      /* base 20000h: nothing of ours is there */
        movl    %eax, %es
        movl    $0x7ff8, %edi
        movl    $8, %ecx
        fault   "REP STOSL that runs into the limit", 13, 0, rep stosl
        movl    %edi, %eax
        check   "stops at the element that does not fit", 0x8000
        movl    %ecx, %eax
        check   "with the rest to do", 6
        selector SMALL
        movl    %eax, %es
        runs    "limit in pages: the last byte", movb %es:0x7fff, %bl
        movl    %eax, %es
        fault   "limit in pages: one more", 13, 0, movb %es:0x8000, %bl

        selector EXPAND_DOWN
        movl    %eax, %es
        runs    "expand-down: the first byte", movb %es:0x8000, %bl
        movl    %eax, %es
        fault   "expand-down: one below", 13, 0, movb %es:0x7fff, %bl
        movl    %eax, %es
        runs    "expand-down, 32-bit: above 64 KiB", movb %es:0x10000, %bl
        selector EXPAND_DOWN_16
        movl    %eax, %es
        runs    "expand-down, 16-bit: the last byte", movb %es:0xffff, %bl
        movl    %eax, %es
        fault   "expand-down, 16-bit: above 64 KiB", 13, 0, movb %es:0x10000, %bl

        movl    $0x00007fff, bound_low  /* BOUND and the rest of the numbered faults */
        movl    $0x00008000, bound_high
        movl    $0x7fff, %eax
        runs    "BOUND at the lower bound", boundl %eax, bound_low
        movl    $0x8001, %eax
        fault   "BOUND above", 5, NONE, boundl %eax, bound_low
        movl    $0, %edx
        movl    $1, %ecx
        movl    $0x80000000, %eax
        runs    "DIV that fits", divl %ecx
        movl    $1, %edx
        fault   "DIV that overflows", 0, NONE, divl %ecx
        movl    $0x80000000, %eax
        movl    $0xffffffff, %edx
        movl    $0xffffffff, %ecx
        fault   "IDIV of the most negative by -1", 0, NONE, idivl %ecx
        fault   "UD2", 6, NONE, ud2
        fault   "LOCK on a register", 6, NONE, .byte 0xf0, 0x01, 0xc0
        fault   "LOCK on CMP", 6, NONE, .byte 0xf0, 0x39, 0x05, 0, 0x70, 0, 0
        fault   "an instruction of 16 bytes", 13, 0, .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, \
                0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
        runs    "an instruction of 15 bytes", .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, \
                0x66, 0x66, 0x66, 0x66, 0x66, 0x90
        fault   "LES with a register", 6, NONE, .byte 0xc4, 0xc0
        fault   "LEA of a register", 6, NONE, .byte 0x8d, 0xc0
        ret
        .balign 4
bound_low:
        .long   0
bound_high:
        .long   0

/* --- LAR, LSL, VERR, VERW, ARPL ---------------------------------------------------------------------------------- */

/* AL = ZF after the instruction. */
        .macro  zero text, want, insn:vararg
        movl    %edx, %eax
        \insn
        setz    %al
        movzbl  %al, %eax
        check   "\text", \want
        .endm

queries:
        movl    $READ_ONLY, %edx
        zero    "VERR of read-only data", 1, verr %ax
        zero    "VERW of read-only data", 0, verw %ax
        larl    %edx, %eax
        andl    $0x00f0ff00, %eax       /* bits 16-19 are undefined */
        check   "LAR of data", 0x00c09100
        lsll    %edx, %eax
        check   "LSL in bytes", 0xffffffff
        movl    $EXECUTE_ONLY, %edx
        zero    "VERR of code that cannot be read", 0, verr %ax
        movl    $DATA32, %edx
        zero    "VERW of data", 1, verw %ax
        movl    $DATA32 | 3, %edx
        zero    "VERW with too high an RPL", 0, verw %ax
        movl    $CONFORMING | 3, %edx
        zero    "VERR of conforming code with any RPL", 1, verr %ax
        movl    $GATE, %edx
        zero    "LAR of a call gate", 1, lar %eax, %ecx
        zero    "LSL of a call gate", 0, lsl %eax, %ecx
        movl    $TSS, %edx
        zero    "LSL of a TSS", 1, lsl %eax, %ecx
        movl    %ecx, %eax
        check   "is its limit", TSS_LIMIT
        movl    $INTERRUPT_GATE, %edx
        zero    "LAR of an interrupt gate", 0, lar %eax, %ecx
        movl    $0x200, %edx
        zero    "LAR beyond the GDT", 0, lar %eax, %ecx
        xorl    %edx, %edx
        zero    "LAR of a null selector", 0, lar %eax, %ecx
        zero    "VERR of a null selector", 0, verr %ax
        movl    $ABSENT_DATA, %edx
        zero    "LAR of an absent segment", 1, lar %eax, %ecx
        movl    $0x7777, %ecx
        movl    $0x200, %edx
        larl    %edx, %ecx
        movl    %ecx, %eax
        check   "LAR that fails leaves its register", 0x7777
        movl    $DATA32, %edx
        movl    $3, %ecx
        zero    "ARPL that raises", 1, arpl %cx, %dx
        movl    %edx, %eax
        check   "gives the higher RPL", DATA32 | 3
        zero    "ARPL that need not", 0, arpl %cx, %dx
        ret

/* --- far jumps, calls, returns ----------------------------------------------------------------------------------- */

far_transfers:
        fault   "a far jump to data", 13, DATA32, ljmp $DATA32, $0
        fault   "a far jump to a null selector", 13, 0, ljmp $0, $0
        fault   "a far jump to absent code", 11, ABSENT_CODE, ljmp $ABSENT_CODE, $0
        fault   "a far jump to a user's code", 13, USER_CODE, ljmp $USER_CODE, $0
        fault   "a far jump beyond the limit of its target", 13, 0, ljmp $LIMITED_CODE, $0x9000
        fault   "a far call beyond the limit of its target", 13, 0, lcall $LIMITED_CODE, $0x9000
        fault   "a far jump to an LDT", 13, LDT, ljmp $LDT, $0
        fault   "a far jump to an interrupt gate", 13, INTERRUPT_GATE, ljmp $INTERRUPT_GATE, $0
        ljmp    $CONFORMING, $1f
1:      movl    %cs, %eax
        check   "a far jump to conforming code", CONFORMING
        ljmp    $CODE32, $1f
1:      fault   "a far jump with too high an RPL", 13, CODE32, ljmp $CODE32 | 3, $0
        pushl   $DATA32
        pushl   $0x1234
        fault   "RETF to data", 13, DATA32, lretl
        movl    fault_frame, %eax       /* three words below it were pushed by the fault */
        subl    %esp, %eax
        addl    $8, %esp
        check   "leaves ESP alone", -12
        pushl   $0
        pushl   $0x1234
        fault   "RETF to a null selector", 13, 0, lretl
        addl    $8, %esp
        pushl   $2
        pushl   $ABSENT_CODE
        pushl   $0
        fault   "IRET to absent code", 11, ABSENT_CODE, iretl
        addl    $12, %esp
        pushl   $DATA32 | 3             /* SS: DPL 0 */
        pushl   $USER_STACK
        pushl   $2
        pushl   $USER_CODE | 3
        pushl   $0
        fault   "IRET to a user with a bad SS", 13, DATA32, iretl
        addl    $20, %esp
        pushl   $0                      /* null SS */
        pushl   $USER_STACK
        pushl   $USER_CODE | 3
        pushl   $0
        fault   "RETF to a user with a null SS", 13, 0, lretl
        addl    $16, %esp
        /* IRET at CPL 0 may change everything but what a 32-bit IRET cannot. */
        pushl   $0x00243cd7 | 0xa000
        pushl   $CODE32
        pushl   $1f
        iretl
1:      pushfl
        popl    %eax
        pushl   $2
        popfl
        andl    $0x003fffff, %eax
        orl     $0x00040000, %eax       /* AC only since the 486 */
        andl    $~0x0200000, %eax
        check   "IRET loads the flags", 0x00043cd7 | 2
        ret

/* --- call gates -------------------------------------------------------------------------------------------------- */

gates:  movl    %esp, %ebp
        pushl   $0x1111
        pushl   $0x2222
        lcall   $GATE_0, $0
        subl    %esp, %ebp
        movl    %ebp, %eax
        check   "a call gate at the same level, RETF 8", 0
        movl    gate_stack, %eax
        check   "copies nothing: EIP, CS", CODE32
        lcall   $GATE_16, $0
        check   "a 16-bit call gate pushes words", 0x1616
        fault   "an absent call gate", 11, GATE_ABSENT, lcall $GATE_ABSENT, $0
        fault   "a call gate to a null selector", 13, 0, lcall $GATE_NULL, $0
        ret

gate_target:
        movw    $DATA32, %ax
        movw    %ax, %ds
        movl    4(%esp), %eax
        movl    %eax, gate_stack
        movl    8(%esp), %eax
        movl    %eax, gate_stack + 4
        movl    12(%esp), %eax
        movl    %eax, gate_stack + 8
        movl    %esp, gate_stack + 12
        movl    %cs, %eax
        movl    %eax, gate_stack + 16
        lretl   $8
gate_16_target:
        movl    $0x1616, %eax
        lretw
        .balign 4
gate_stack:
        .long   0, 0, 0, 0, 0

user_gates:
        user_runs "a call gate to CPL 0", call user_gate
        movl    gate_stack, %eax
        check   "the caller's CS", USER_CODE | 3
        movl    gate_stack + 4, %eax
        check   "first parameter copied", 0x2222
        movl    gate_stack + 8, %eax
        check   "second parameter copied", 0x1111
        movl    gate_stack + 12, %eax
        check   "on the stack of CPL 0", STACK0-24
        movl    gate_stack + 16, %eax
        check   "its CPL", CODE32
        movl    %edx, %eax
        check   "RETF 8 takes the parameters from both stacks", 0
        movl    %ecx, %eax
        check   "and nulls a DS of CPL 0", 0
        user_fault "a call gate of DPL 0", 13, GATE_0, lcall $GATE_0, $0
        user_fault "an absent call gate, from CPL 3", 11, GATE_ABSENT, lcall $GATE_ABSENT | 3, $0
        user_fault "a jump through a gate to CPL 0", 13, CODE32, ljmp $GATE, $0
        ret

user_gate:
        movl    %esp, %edx
        pushl   $0x1111
        pushl   $0x2222
        lcall   $GATE, $0
        subl    %esp, %edx
        movl    %ds, %ecx
        movl    $USER_DATA | 3, %eax
        movl    %eax, %ds
        ret

/* --- CPL 3 ------------------------------------------------------------------------------------------------------- */

user_mode:
        user_runs "CPL 3", movl %cs, %eax
        check   "CS has it", USER_CODE | 3
        user_fault "HLT", 13, 0, hlt
        user_fault "CLI", 13, 0, cli
        user_fault "STI", 13, 0, sti
        user_fault "CLTS", 13, 0, clts
        user_fault "LMSW", 13, 0, lmsw %ax
        user_runs "SMSW", smsw %ax
        user_fault "LGDT", 13, 0, lgdt gdt_pointer
        user_fault "LIDT", 13, 0, lidt idt_pointer
        user_runs "SGDT", sgdt 0x20000
        user_fault "LLDT", 13, 0, lldt %ax
        user_fault "LTR", 13, 0, ltr %ax
        user_runs "STR", strl %eax
        user_fault "MOV from CR0", 13, 0, movl %cr0, %eax
        user_fault "MOV to CR3", 13, 0, movl %eax, %cr3
        user_fault "MOV from DR7", 13, 0, movl %db7, %eax
        unless  MSR, 1f
        user_fault "RDMSR", 13, 0, rdmsr
1:
        user_fault "WBINVD", 13, 0, wbinvd
        user_fault "INVLPG", 13, 0, invlpg 0
        unless  TSC, 1f
        user_runs "RDTSC", rdtsc
        movl    %cr4, %eax
        orl     $4, %eax
        movl    %eax, %cr4
        user_fault "RDTSC with CR4.TSD", 13, 0, rdtsc
        movl    %cr4, %eax
        andl    $~4, %eax
        movl    %eax, %cr4
1:      movl    $DATA32, %eax
        user_fault "a segment of DPL 0", 13, DATA32, movl %eax, %es
        movl    $USER_DATA, %eax
        user_fault "SS with RPL 0", 13, USER_DATA, movl %eax, %ss
        movl    $CONFORMING, %eax
        user_runs "conforming code of DPL 0 as data", movl %eax, %es
        user_fault "a far jump to CPL 0", 13, CODE32, ljmp $CODE32, $0
        user_runs "a far call to conforming code", lcall $CONFORMING, $read_cs
        check   "keeps CPL 3", CONFORMING | 3

        user_fault "IN", 13, 0, inb $0x80, %al
        andb    $~0x01, IO_BITMAP + 0x80 / 8
        user_runs "IN of a port that the bitmap allows", inb $0x80, %al
        user_fault "IN of a word: the second port is not allowed", 13, 0, inw $0x80, %ax
        user_fault "INSB", 13, 0, insb
        movl    $0x4000, %edx
        user_fault "a port beyond the bitmap", 13, 0, inb %dx, %al
        movl    $0x3002, user_flags
        user_runs "IN with IOPL 3", inb $0x81, %al
        user_runs "CLI with IOPL 3", cli
        user_runs "POPF with IOPL 3 changes IF", call pop_flags
        andl    $0x3200, %eax
        check   "but not IOPL", 0x3200
        movl    $0x0002, user_flags
        user_runs "POPF with IOPL 0", call pop_flags
        andl    $0x3200, %eax
        check   "changes neither IF nor IOPL", 0
        movl    %cr0, %eax
        orl     $0x40000, %eax
        movl    %eax, %cr0
        movl    $0x40002, user_flags
        user_fault "a misaligned dword with AM and AC", 17, 0, movl 0x20001, %eax
        user_runs "a misaligned byte", movb 0x20001, %al
        runs    "no alignment checks at CPL 0", movl 0x20001, %eax
        movl    $0x0002, user_flags
        user_runs "no alignment checks without AC", movl 0x20001, %eax
        movl    %cr0, %eax
        andl    $~0x40000, %eax
        movl    %eax, %cr0
        ret

read_cs:
        movl    %cs, %eax
        lretl
pop_flags:
        pushl   $0x0202
        popfl
        pushfl
        popl    %eax
        pushl   $2
        popfl
        ret

/* --- interrupts and exceptions through the IDT -------------------------------------------------------------------- */

        .macro  gate vector, high
        movw    $\high, idt + \vector * 8 + 4
        .endm

delivery:
        gate    50, 0x0e00
        fault   "INT through an absent gate", 11, 50*8+2, int $50
        fault   "INT beyond the gates that are set up", 13, 100*8+2, int $100
        gate    50, 0x8c00
        fault   "INT through a call gate in the IDT", 13, 50*8+2, int $50
        gate    50, 0x8e00
        movw    $0, idt + 50 * 8 + 2
        fault   "INT through a gate to a null selector", 13, 0, int $50
        movw    $ABSENT_CODE, idt + 50 * 8 + 2
        fault   "INT through a gate to absent code", 11, ABSENT_CODE, int $50
        movw    $DATA32, idt + 50 * 8 + 2
        fault   "INT through a gate to data", 13, DATA32, int $50
        movw    $CODE32, idt + 50 * 8 + 2
        gate    6, 0x0e00
        fault   "an exception through an absent gate: EXT", 11, 6*8+3, ud2
        gate    6, 0x8e00
        movw    $0, idt + 6 * 8 + 2
        fault   "an exception to a null selector: EXT", 13, 1, ud2
        movw    $CODE32, idt + 6 * 8 + 2
        gate    13, 0x0e00
        fault   "a second contributory fault is a double fault", 8, 0, movw %ax, %cs:0
        gate    13, 0x8e00
        user_fault "INT of DPL 0 at CPL 3", 13, 50*8+2, int $50
        user_fault "INT3 of DPL 0 at CPL 3", 13, 3*8+2, int3
        gate    3, 0xee00
        movl    $0x0202, user_flags     /* IF */
        user_enter
90:     int3
91:     int     $BACK
        left    "INT3 of DPL 3 at CPL 3", 3, NONE, 91b
        movl    fault_eflags, %eax
        andl    $0x200, %eax
        check   "pushes IF as it was", 0x200
        movl    fault_esp, %eax
        check   "the user's ESP", USER_STACK
        movl    fault_ss, %eax
        andl    $0xffff, %eax
        check   "and SS", USER_DATA | 3
        movl    fault_frame, %eax
        check   "on the stack of the TSS", STACK0-20
        user_fault "an exception at CPL 3 needs no DPL", 6, NONE, ud2
        movl    $0x0002, user_flags

        movl    $flags_handler, handlers + 51 * 4
        movl    $0, resume_eip
        gate    51, 0xef00              /* trap gate */
        sti
        int     $51
        cli
        check   "a trap gate keeps IF", 0x200
        gate    51, 0xee00
        sti
        int     $51
        cli
        check   "an interrupt gate clears IF", 0
        pushl   $0x4202                 /* NT and IF */
        popfl
        int     $51
        pushfl
        popl    %eax
        pushl   $2
        popfl
        andl    $0x4000, %eax
        check   "IRET gives NT back", 0x4000
        movl    $0, handlers + 51 * 4
        lidt    short_idt
        fault   "INT beyond the IDT's limit", 13, 60*8+2, int $60
        lidt    idt_pointer
        movl    $0x7fffffff, %eax
        addl    $1, %eax
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        into
91:     nop
        left    "INTO is a trap", 4, NONE, 91b
        xorl    %eax, %eax
        runs    "INTO without overflow", into
        movl    $NONE, fault_error
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        .byte   0xf1
91:     nop
        left    "INT1 is a trap", 1, NONE, 91b
        ret

/* EAX of the interrupted program = IF here. */
flags_handler:
        pushfl
        popl    %eax
        andl    $0x200, %eax
        movl    %eax, -8(%ebp)          /* EAX in the frame of `common` */
        ret
short_idt:
        .word   59 * 8 + 7
        .long   idt

/* --- control registers, MSRs ------------------------------------------------------------------------------------- */

control_registers:
        movl    %cr0, %ebx
        movl    %ebx, %eax
        orl     $0x80000000, %eax
        andb    $0xfe, %al
        fault   "CR0: paging without protection", 13, 0, movl %eax, %cr0
        movl    %ebx, %eax
        orl     $0x20000000, %eax
        andl    $~0x40000000, %eax
        fault   "CR0: NW without CD", 13, 0, movl %eax, %cr0
        unless  PSE, 1f
        movl    %cr4, %eax
        orl     $0x80000000, %eax
        fault   "CR4: a reserved bit", 13, 0, movl %eax, %cr4
1:
        fault   "CR1", 6, NONE, .byte 0x0f, 0x20, 0xc8
        fault   "CR5", 6, NONE, .byte 0x0f, 0x22, 0xe8
        unless  MSR, 1f
        movl    $0x7fff0000, %ecx
        fault   "RDMSR of none", 13, 0, rdmsr
1:
        xorl    %eax, %eax
        lmsw    %ax
        movl    %cr0, %eax
        andl    $1, %eax
        check   "LMSW cannot leave protected mode", 1
        movl    %cr0, %eax
        orl     $8, %eax
        movl    %eax, %cr0
        fault   "FNOP with CR0.TS", 7, NONE, fnop
        clts
        runs    "FNOP after CLTS", fnop
        movl    $0x10, %eax
        smsw    %ax
        andl    $8, %eax
        check   "SMSW: TS is clear", 0
        ret

/* --- SYSENTER ---------------------------------------------------------------------------------------------------- */

system_calls:
        unless  SEP, no_sysenter
        movl    $0x174, %ecx
        xorl    %eax, %eax
        xorl    %edx, %edx
        wrmsr
        fault   "SYSENTER with a null CS", 13, 0, sysenter
        movl    $0x174, %ecx
        movl    $CODE32, %eax
        xorl    %edx, %edx
        wrmsr
        incl    %ecx
        movl    $STACK0 - 0x100, %eax
        wrmsr
        incl    %ecx
        movl    $fast_entry, %eax
        wrmsr
        movl    $0x202, user_flags
        /* SYSEXIT wants code and data at CS + 16 and + 24. */
        descriptor CODE16, 0x0000ffff, 0x00cffb00
        descriptor DATA16, 0x0000ffff, 0x00cff300
        user_fault "SYSEXIT at CPL 3", 13, 0, sysexit
        user_runs "SYSENTER and SYSEXIT", call fast_call
        check   "SYSENTER: CPL 0, its stack, IF clear", 1
        movl    %ebx, %eax
        check   "SYSEXIT: CPL 3", CODE16 | 3
        movl    $2, user_flags
        descriptor CODE16, 0x0000ffff, 0x00009b00
        descriptor DATA16, 0x0000ffff, 0x00009300
        descriptor USER_CODE, 0x0000ffff, 0x00cffb00
        ret
no_sysenter:
        skip    "SYSENTER"
        ret

fast_call:
        movl    $1f, %edx
        movl    %esp, %ecx
        sysenter
1:      movl    %cs, %ebx
        ret
fast_entry:                             /* EDX: EIP, ECX: ESP to go back to */
        movl    %esp, %ebp
        pushfl
        popl    %eax
        shrl    $9, %eax
        notl    %eax
        andl    $1, %eax
        cmpl    $STACK0 - 0x100, %ebp
        je      1f
        xorl    %eax, %eax
1:      movl    %cs, %ebp
        cmpl    $CODE32, %ebp
        je      1f
        xorl    %eax, %eax
1:      movl    %ss, %ebp
        cmpl    $DATA32, %ebp
        je      1f
        xorl    %eax, %eax
1:      sysexit

/* --- real mode again --------------------------------------------------------------------------------------------- */

back_to_real_mode:
        movl    %esp, resume_esp
        movl    $DATA32, %eax           /* FS keeps its limit of 4 GiB */
        movl    %eax, %fs
        ljmp    $CODE16, $1f
        .code16
1:      movw    $DATA16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmp    $0, $1f
1:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x100000, %edi
        movl    $0x600df00d, %fs:(%edi)
        movw    $0x1000, %ax
        movw    %ax, %fs
        movl    $0xf0000, %edi
        movl    %fs:(%edi), %ebx        /* base anew, limit still */
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $CODE32, $1f
        .code32
1:      movl    $DATA32, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %ss
        movl    resume_esp, %esp
        movl    %ebx, %eax
        check   "real mode keeps a limit of 4 GiB", 0x600df00d
        ret

        test_end
