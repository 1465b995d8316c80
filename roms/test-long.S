/*
 * Test boot disk: into long mode and out, canonical addresses, segments, gates, IRET.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Initializing IA-32e Mode", "64-Bit Mode Interrupt Handling" ("Stack Switching",
 *   "Interrupt Stack Table"), "Stack Switching in IA-32e Mode"; vol. 1, "Canonical Addressing"; vol. 2 "IRET", "LAR",
 *   "LSL", "MOV".
 * Bochs 2.7 passes all but these, where the manual decides: a new RSP that is not canonical is #SS with the new SS,
 *   which is null ("INT n", NewSS), not the old one; IRETD in 64-bit mode takes SS:ESP unconditionally ("IRET",
 *   description).  QEMU 7.2 (TCG) checks neither EFER nor CR0 and CR4 and does not come through.
 */
        .include "roms/test.inc"
        .include "roms/test64.inc"

        .set    GATE, 0x80              /* 16 bytes each */
        .set    LDT64, 0x90
        .set    TSS_B, 0xa0
        .set    CODE_BOTH, 0xb0         /* L and D */
        .set    GATE16, 0xb8
        .set    GATE_BAD, 0xc8          /* the upper type is not 0 */
        .set    CODE_16, 0xd8           /* 16-bit, DPL 3 */
        .set    DATA_ABSENT, 0xe0
        .set    CONFORMING, 0xe8        /* 64-bit */
        .set    DATA_LIMIT, 0xf0        /* base 10000h, limit 0 */
        .set    GATE_32, 0xf8           /* to 32-bit code */

        .set    P66, 0x66
        .set    PAGE, 0x60000           /* pages for trial */
        .set    pte_PAGE, page_tables + (PAGE >> 12) * 8

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    has_long_mode
        jnz     1f
        skip    "long mode"
        ret
1:      call    set_up_long
        call    set_up_descriptors
        call    before_entry
        call    enter64
        .code64
        call    modes
        call    canonical
        call    segments
        call    missing_opcodes
        call    types
        call    gates
        call    frames
        call    call_gates
        call    leave64
        .code32
        movl    %cr0, %eax
        andl    $0x80000001, %eax
        check   "and out of long mode again", 1
        ret

set_up_descriptors:
        gdt_entry GATE, (CODE64 << 16) | 0x0000, 0x0000ec00
        movl    $gate_entry, %eax
        movw    %ax, gdt + GATE
        shrl    $16, %eax
        movw    %ax, gdt + GATE + 6
        gdt_entry GATE+8, 0, 0
        gdt_entry LDT64, 0x0000000f, 0x00008205
        gdt_entry LDT64+8, 0, 0
        gdt_entry TSS_B, 0x00000067, 0x00008905
        gdt_entry TSS_B+8, 0, 0x00000100
        gdt_entry CODE_BOTH, 0x0000ffff, 0x00ef9b00
        gdt_entry GATE16, (CODE64 << 16), 0x0000e400
        gdt_entry GATE16+8, 0, 0
        gdt_entry GATE_BAD, (CODE64 << 16), 0x0000ec00
        gdt_entry GATE_BAD+8, 0, 0x00000c00
        gdt_entry CODE_16, 0x0000ffff, 0x0000fb00
        gdt_entry DATA_ABSENT, 0x0000ffff, 0x00cf7300
        gdt_entry CONFORMING, 0x0000ffff, 0x00af9f00
        gdt_entry DATA_LIMIT, 0x00000000, 0x00409301
        gdt_entry GATE_32, (CODE32 << 16), 0x0000ec00
        gdt_entry GATE_32+8, 0, 0
        ret

/* --- control registers ------------------------------------------------------------------------------------------- */

before_entry:
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        fault   "paging with LME but without PAE", 13, 0, movl %eax, %cr0
        movl    $MSR_EFER, %ecx
        rdmsr
        andl    $0x500, %eax
        check   "LME alone does not make LMA", 0x100
        ret

        .code64
modes:  movl    $MSR_EFER, %ecx
        rdmsr
        andl    $0x500, %eax
        movl    %eax, %eax
        check64 "LMA follows paging", 0x500
        movl    $MSR_EFER, %ecx
        rdmsr
        andl    $~0x100, %eax
        fault64 "EFER.LME cleared while paging", 13, 0, wrmsr
        movl    $MSR_EFER, %ecx
        movl    $0x100, %edx
        fault64 "EFER: a reserved bit", 13, 0, wrmsr
        movq    %cr4, %rax
        andq    $~0x20, %rax
        fault64 "CR4.PAE cleared in long mode", 13, 0, movq %rax, %cr4
        movq    %cr0, %rax
        btrq    $31, %rax
        fault64 "paging ended in 64-bit mode", 13, 0, movq %rax, %cr0
        movq    %cr0, %rax
        btsq    $32, %rax
        fault64 "CR0: bit 32", 13, 0, movq %rax, %cr0
        movq    %cr0, %rax
        btsq    $29, %rax
        btrq    $30, %rax
        fault64 "CR0: NW without CD", 13, 0, movq %rax, %cr0
        movq    %cr0, %rax
        btrq    $0, %rax
        fault64 "CR0: PG without PE", 13, 0, movq %rax, %cr0
        movq    %cr4, %rax
        btsq    $40, %rax
        fault64 "CR4: bit 40", 13, 0, movq %rax, %cr4
        movq    %cr3, %rax
        btsq    $60, %rax
        fault64 "CR3: beyond the physical addresses", 13, 0, movq %rax, %cr3
        movq    $0x10, %rax
        fault64 "CR8: bit 4", 13, 0, movq %rax, %cr8
        movq    $5, %rax
        movq    %rax, %cr8
        movq    %cr8, %rax
        check64 "CR8 keeps four bits", 5
        xorl    %eax, %eax
        movq    %rax, %cr8
        movq    %cr0, %rax
        fault64 "CR1", 6, NONE, .byte 0x0f, 0x20, 0xc8
        fault64 "CR9", 6, NONE, .byte 0x44, 0x0f, 0x20, 0xc8
        fault64 "DR8", 6, NONE, .byte 0x44, 0x0f, 0x21, 0xc0
        movabsq $0x100000000, %rax
        fault64 "DR6: bit 32", 13, 0, movq %rax, %db6
        movabsq $0x100000000, %rax
        fault64 "DR7: bit 32", 13, 0, movq %rax, %db7
        movabsq $0x123456789abcdef0, %rax
        movq    %rax, %db1
        xorl    %eax, %eax
        movq    %db1, %rax
        check64 "DR1 has 64 bits", 0x123456789abcdef0
        xorl    %eax, %eax
        movq    %rax, %db1
        movabsq $0x123456789abcdef0, %rax
        movq    %rax, %cr2
        xorl    %eax, %eax
        .byte   0x66, 0x0f, 0x20, 0xd0  /* the operand size changes nothing */
        check64 "CR2 has 64 bits, with 66 as well", 0x123456789abcdef0
        user_fault64 "MOV from CR8 at CPL 3", 13, 0, movq %cr8, %rax
        user_fault64 "MOV from DR0 at CPL 3", 13, 0, movq %db0, %rax
        user_fault64 "SWAPGS at CPL 3", 13, 0, swapgs
        user_fault64 "SYSRET at CPL 3 without SCE", 6, NONE, sysretq
        user_fault64 "SYSCALL without SCE", 6, NONE, syscall
        ret

/* --- canonical addresses ----------------------------------------------------------------------------------------- */

canonical:
        movabsq $0x800000000000, %rbx
        fault64 "a read of an address that is not canonical", 13, 0, movq (%rbx), %rax
        movabsq $0x800000000000, %rbx
        fault64 "a write", 13, 0, movb %al, (%rbx)
        movabsq $0x800000000000, %rbp
        fault64 "by RBP: the stack's fault", 12, 0, movq (%rbp), %rax
        movabsq $0x7ffffffffffc, %rbx
        fault64 "eight bytes that end beyond", 13, 0, movq (%rbx), %rax
        movabsq $0x7ffffffffffc, %rbx
        fault64 "four bytes that do not: not mapped", 14, 0, movl (%rbx), %eax
        field64 "its CR2", f_cr2, 0xffffffffffffffff, 0x7ffffffffffc
        movabsq $0xffff7ffffffffffc, %rbx
        fault64 "below the upper half", 13, 0, movl (%rbx), %eax
        movq    $-4, %rbx
        fault64 "the last four bytes", 14, 0, movl (%rbx), %eax
        movabsq $0x800000000000, %rax
        fault64 "a jump: at the jump", 13, 0, jmpq *%rax
        movabsq $0x800000000000, %rax
        movq    %rsp, %rdx
        fault64 "a call", 13, 0, callq *%rax
        movq    r_rdx, %rax
        subq    resume_rsp, %rax
        check64 "leaves RSP", 0
        movabsq $0x800000000000, %rax
        movq    %rax, target
        fault64 "a far jump", 13, 0, rex.w ljmp *target
        prepare64
        movabsq $0x800000000000, %rax
        pushq   %rax
90:     retq
89:     expect64 "RET", 13, 0, 90b
        prepare64
        movabsq $0x800000000000, %rax
        pushq   $CODE64
        pushq   %rax
90:     lretq
89:     expect64 "RETF", 13, 0, 90b
        prepare64
        movabsq $0x800000000000, %rax
        pushq   $DATA64
        pushq   $STACK64
        pushq   $2
        pushq   $CODE64
        pushq   %rax
90:     iretq
89:     expect64 "IRETQ to such a RIP", 13, 0, 90b
        prepare64
        movabsq $0x800000000000, %rax
        pushq   $DATA64
        pushq   %rax
        pushq   $2
        pushq   $CODE64
        pushq   $1f
        iretq
1:      movq    %rsp, %rcx
        movq    resume_rsp, %rsp
        movq    %rcx, %rax
89:     check64 "IRETQ to such an RSP is done", 0x800000000000
        prepare64
        movb    $1, idt64 + 12 * 16 + 4 /* #SS on IST 1 */
        movabsq $0x800000000010, %rsp
90:     pushq   %rax
89:     movb    $0, idt64 + 12 * 16 + 4
        expect64 "PUSH", 12, 0, 90b
        prepare64
        movb    $1, idt64 + 8 * 16 + 4  /* #DF on IST 1 */
        movabsq $0x800000000010, %rsp
90:     ud2
89:     movb    $0, idt64 + 8 * 16 + 4
        expect64 "a fault with such an RSP: #SS while #UD is delivered, and #SS again: a double fault", 8, 0, 90b
        movl    $MSR_FS_BASE, %ecx
        movl    $0x8000, %edx
        fault64 "WRMSR of FS_BASE", 13, 0, wrmsr
        movl    $MSR_LSTAR, %ecx
        movl    $0x8000, %edx
        fault64 "WRMSR of LSTAR", 13, 0, wrmsr
        movl    $0x175, %ecx            /* SYSENTER_ESP */
        movl    $0x8000, %edx
        fault64 "WRMSR of SYSENTER_ESP", 13, 0, wrmsr
        fault64 "LGDT", 13, 0, lgdt bad_table
        fault64 "LIDT", 13, 0, lidt bad_table
        movabsq $0x800000000000, %rax
        runs64  "INVLPG does not mind", invlpg (%rax)
        runs64  "nor does LEA", leaq (%rax, %rax, 8), %rax
        runs64  "nor a prefetch", prefetcht0 (%rax)
        ret
        .balign 8
target: .quad   0
        .word   CODE64
bad_table:
        .word   0xff
        .quad   0x800000000000

/* --- segments ---------------------------------------------------------------------------------------------------- */

segments:
        xorl    %eax, %eax
        runs64  "a null SS at CPL 0", movl %eax, %ss
        movl    $DATA64, %eax
        movl    %eax, %ss
        movl    $3, %eax
        fault64 "a null SS with another RPL", 13, 0, movl %eax, %ss
        xorl    %eax, %eax
        user_fault64 "a null SS at CPL 3", 13, 0, movl %eax, %ss
        movl    $DATA_LIMIT, %eax
        movl    %eax, %ds
        movl    0x7c00, %ecx
        movl    start, %eax
        cmpl    %eax, %ecx
        setne   %al
        movzbl  %al, %eax
        check64 "DS has neither base nor limit", 0
        movl    $DATA_LIMIT, %eax
        movl    %eax, %fs
        movl    %fs:-0x10000+start, %eax
        subl    start, %eax
        check64 "FS has the base of its descriptor, and no limit", 0
        write_msr MSR_FS_BASE, 0xffffffff, 0xffff0000
        movl    %fs:0x10000+start, %eax
        subl    start, %eax
        check64 "FS_BASE of 64 bits", 0
        movl    $DATA_LIMIT, %eax
        movl    %eax, %fs
        movl    $MSR_FS_BASE, %ecx
        rdmsr
        shlq    $32, %rdx
        orq     %rdx, %rax
        check64 "a load of FS writes all of the base", 0x10000
        write_msr MSR_GS_BASE, 1, 2
        write_msr MSR_KERNEL_GS_BASE, 3, 4
        swapgs
        movl    $MSR_GS_BASE, %ecx
        rdmsr
        shlq    $32, %rdx
        orq     %rdx, %rax
        check64 "SWAPGS", 0x300000004
        movl    $MSR_KERNEL_GS_BASE, %ecx
        rdmsr
        shlq    $32, %rdx
        orq     %rdx, %rax
        check64 "both ways", 0x100000002
        movl    $DATA_ABSENT, %eax
        fault64 "an absent segment", 11, DATA_ABSENT, movl %eax, %ds
        movl    $0x200, %eax
        fault64 "one beyond the GDT", 13, 0x200, movl %eax, %es
        movl    $CODE64, %eax
        runs64  "readable code in DS", movl %eax, %ds
        runs64  "is written through all the same", movl %eax, PAGE
        movl    $DATA32, %eax
        movl    %eax, %ds
        fault64 "MOV to CS", 6, NONE, .byte 0x8e, 0xc8
        movl    $LDT64, %eax
        runs64  "LLDT of a 16-byte descriptor", lldt %ax
        movl    $TSS_B, %eax
        fault64 "LTR: its second half has a type", 13, TSS_B, ltr %ax
        movl    $TSS64, %eax
        fault64 "LTR of a busy one", 13, TSS64, ltr %ax
        xorl    %eax, %eax
        lldt    %ax
        gdt_entry 0x1f8, 0x0000000f, 0x00008205
        movl    $0x1f8, %eax
        fault64 "LLDT whose second half is beyond the GDT", 13, 0x1f8, lldt %ax
        ret

missing_opcodes:
        fault64 "PUSH ES", 6, NONE, .byte 0x06
        fault64 "POP DS", 6, NONE, .byte 0x1f
        fault64 "DAA", 6, NONE, .byte 0x27
        fault64 "DAS", 6, NONE, .byte 0x2f
        fault64 "AAA", 6, NONE, .byte 0x37
        fault64 "AAS", 6, NONE, .byte 0x3f
        fault64 "PUSHA", 6, NONE, .byte 0x60
        fault64 "POPA", 6, NONE, .byte 0x61
        fault64 "opcode 82", 6, NONE, .byte 0x82, 0xc0, 0x00
        fault64 "CALL ptr", 6, NONE, .byte 0x9a, 0, 0, 0, 0, 0, 0
        fault64 "JMP ptr", 6, NONE, .byte 0xea, 0, 0, 0, 0, 0, 0
        fault64 "INTO", 6, NONE, .byte 0xce
        fault64 "AAM", 6, NONE, .byte 0xd4, 0x0a
        fault64 "AAD", 6, NONE, .byte 0xd5, 0x0a
        fault64 "opcode D6", 6, NONE, .byte 0xd6
        fault64 "LOCK on a register", 6, NONE, .byte 0xf0, 0x48, 0x01, 0xc0
        fault64 "16 bytes: #GP", 13, 0, .byte P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, \
                0x48, 0x90
        runs64  "15 bytes", .byte P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, P66, 0x90
        movq    $-1, %rax
        .byte   0x48, 0x66, 0xb8, 0x34, 0x12    /* REX before another prefix does not count */
        check64 "REX, 66, MOV: 16 bits", 0xffffffffffff1234
        movq    $-1, %rax
        .byte   0x66, 0x48, 0x05, 1, 0, 0, 0    /* REX.W wins over 66 */
        check64 "66, REX.W, ADD: 64 bits", 0
        movq    $-1, %rax
        movl    $0x1234, %ebx
        xchgq   %rbx, %rsp
        .byte   0x40, 0x88, 0xe0                /* MOV AL, SPL */
        xchgq   %rbx, %rsp
        movzbl  %al, %eax
        check64 "REX: register 4 is SPL, not AH", 0x34
        ret

/* --- what LAR, LSL, VERR and VERW see ---------------------------------------------------------------------------- */

/* A descriptor of each system type at 180h; bit n of the result: type n is good. */
        .macro  all_types insn:vararg
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $8, %eax
        orl     $0x8000, %eax
        movl    %eax, gdt + 0x184
        movl    $0x00001234, gdt + 0x180
        movl    $0, gdt + 0x188
        movl    $0, gdt + 0x18c
        movl    $0x180, %eax
        \insn
        jnz     2f
        btsl    %ecx, %ebx
2:      incl    %ecx
        cmpl    $16, %ecx
        jb      1b
        movq    %rbx, %rax
        .endm

types:  all_types lar %ax, %edx
        check64 "LAR: system types in long mode", 0x1a04
        all_types lsl %ax, %edx
        check64 "LSL: system types in long mode", 0x0a04
        all_types verr %ax
        check64 "VERR: none", 0
        all_types verw %ax
        check64 "VERW: none", 0
        movq    $-1, %rax
        movl    $CODE64, %ecx
        lar     %cx, %eax
        andl    $0x00f0ff00, %eax       /* the limit's bits are undefined */
        check64 "LAR of 64-bit code", 0x00a09b00
        movq    $-1, %rax
        movl    $CODE64, %ecx
        .byte 0x48, 0x0f, 0x03, 0xc1         /* LSL RAX, CX */
        check64 "LSL: zero-extended", 0xffffffff
        ret

/* --- gates of the IDT -------------------------------------------------------------------------------------------- */

        .set    GATE50, idt64 + 50 * 16

        .macro  gate50 low, high
        movl    $\low, GATE50
        movl    $\high, GATE50 + 4
        movl    $0, GATE50 + 8
        .endm

gates:  gate50  CODE64 << 16, 0x00008600
        fault64 "a 16-bit interrupt gate", 13, 50*8+2, int $50
        gate50  CODE64 << 16, 0x00008500
        fault64 "a task gate", 13, 50*8+2, int $50
        gate50  CODE64 << 16, 0x00008c00
        fault64 "a call gate", 13, 50*8+2, int $50
        gate50  CODE64 << 16, 0x00000e00
        fault64 "an absent gate", 11, 50*8+2, int $50
        gate50  0, 0x00008e00
        fault64 "to a null selector", 13, 0, int $50
        gate50  CODE32 << 16, 0x00008e00
        fault64 "to 32-bit code", 13, CODE32, int $50
        gate50  CODE_BOTH << 16, 0x00008e00
        fault64 "to code with L and D", 13, CODE_BOTH, int $50
        gate50  DATA64 << 16, 0x00008e00
        fault64 "to data", 13, DATA64, int $50
        gate50  CODE64 << 16, 0x00008e00
        movl    $0x8000, GATE50 + 8
        fault64 "to an offset that is not canonical", 13, 0, int $50
        user_fault64 "a gate of DPL 0 from CPL 3", 13, 50*8+2, int $50
        movb    $0x8e, idt64 + 255 * 16 + 5
        movw    $0xffe, small_idt_pointer
        lidt    small_idt_pointer
        fault64 "beyond the IDT's limit", 13, 255*8+2, int $255
        lidt    idt64_pointer
        movb    $0x0e, idt64 + 6 * 16 + 5
        fault64 "an exception through an absent gate: EXT", 11, 6*8+3, ud2
        movb    $0x8e, idt64 + 6 * 16 + 5
        movabsq $0x800000000000, %rax
        movq    %rax, tss64 + 36 + 8    /* IST 2 */
        gate50  CODE64 << 16, 0x00008e02
        movl    $stubs64 + 50 * STUB64_SIZE, %eax
        movw    %ax, GATE50
        shrl    $16, %eax
        movw    %ax, GATE50 + 6
        fault64 "IST with an address that is not canonical", 12, 0, int $50
        movb    $1, GATE50 + 4
        prepare64
        movq    $0x1234, %rbp
        movq    %rsp, %rbx
90:     int     $50
91:
89:     expect64 "INT n by IST 1", 50, NONE, 91b
        field64 "on that stack", f_frame, 0xffffffffffffffff, STACK64_IST1-40
        field64 "the SS of the program", f_ss, 0xffff, DATA64
        field64 "SS is kept at the same level", f_handler_ss, 0xffff, DATA64
        movq    r_rbx, %rax
        subq    f_rsp, %rax
        check64 "RSP in the frame", 0
        movb    $0, GATE50 + 4
        prepare64
        movq    $STACK64 - 3, %rsp
90:     int     $50
91:
89:     expect64 "INT n on a crooked stack", 50, NONE, 91b
        field64 "is aligned to 16 first", f_frame, 0xffffffffffffffff, STACK64-16-40
        field64 "RSP as it was", f_rsp, 0xffffffffffffffff, STACK64-3
        user_fault64 "UD2 at CPL 3", 6, NONE, ud2
        field64 "on RSP0", f_frame, 0xffffffffffffffff, STACK64_0-40
        field64 "SS becomes null", f_handler_ss, 0xffff, 0
        field64 "CS of the program", f_cs, 0xffff, USER64|3
        field64 "SS of the program", f_ss, 0xffff, USERDATA|3
        field64 "a fault saves RF", f_rflags, 0x10000, 0x10000
        compat_fault "UD2 in compatibility mode", 6, NONE, ud2
        field64 "its CS", f_cs, 0xffff, USER32|3
        movabsq $0x800000000000, %rax
        movq    %rax, tss64 + 4
        movb    $1, idt64 + 12 * 16 + 4
        user_fault64 "an RSP0 that is not canonical: #SS(EXT)", 12, 1, ud2
        movq    $STACK64_0, %rax
        movq    %rax, tss64 + 4
        movb    $0, idt64 + 12 * 16 + 4
        ret
        .balign 4
small_idt_pointer:
        .word   0
        .quad   idt64

/* --- IRET -------------------------------------------------------------------------------------------------------- */

        .macro  iret_frame ss, sp, flags, cs, ip
        pushq   $\ss
        pushq   $\sp
        pushq   $\flags
        pushq   $\cs
        pushq   $\ip
        .endm

        .macro  iret_fault text, vector, error, ss, cs
        prepare64
        iret_frame \ss, STACK64, 2, \cs, 89f
90:     iretq
89:     expect64 "\text", \vector, \error, 90b
        .endm

frames: iret_fault "IRETQ to a null CS", 13, 0, DATA64, 0
        iret_fault "to data", 13, DATA64, DATA64, DATA64
        iret_fault "to CPL 3 with a null SS", 13, 0, 0, USER64|3
        iret_fault "to CPL 3 with an SS of CPL 0", 13, DATA64, DATA64, USER64|3
        iret_fault "to compatibility mode with a null SS", 13, 0, 0, CODE32
        iret_fault "to code with L and D", 13, CODE_BOTH, DATA64, CODE_BOTH
        iret_fault "to an inner level's selector", 13, USER64, DATA64, USER64
        prepare64
        iret_frame 0, STACK64, 2, CODE64, 1f
        iretq
1:      movl    %ss, %eax
        movq    resume_rsp, %rsp
        movl    $DATA64, %ecx
        movl    %ecx, %ss
89:     check64 "IRETQ to CPL 0 with a null SS", 0
        prepare64
        iret_frame DATA64, STACK64-7, 2, CODE64, 1f
        iretq
1:      movq    %rsp, %rax
        movq    resume_rsp, %rsp
89:     check64 "IRETQ at the same level loads RSP", STACK64-7
        prepare64
        pushq   $0x4002
        popfq
        iret_frame DATA64, STACK64, 2, CODE64, 89f
90:     iretq
89:     expect64 "IRETQ with NT", 13, 0, 90b
        prepare64
        movq    %rsp, %rbx
        subl    $20, %esp
        movl    $1f, (%rsp)
        movl    $CODE64, 4(%rsp)
        movl    $2, 8(%rsp)
        movl    $STACK64, 12(%rsp)
        movl    $DATA64, 16(%rsp)
        iretl
1:      movq    %rsp, %rax
        movq    resume_rsp, %rsp
89:     check64 "IRETD in 64-bit mode takes SS:ESP as well", STACK64
        prepare64
        iret_frame DATA64, STACK64, 0x20002, CODE64, 1f
        iretq
1:      pushfq
        popq    %rax
        movq    resume_rsp, %rsp
89:     andl    $0x20000, %eax
        check64 "there is no VM in long mode", 0
        prepare64
        pushq   $USERDATA|3
        pushq   $USER_STACK64
        pushq   $0x3202
        pushq   $USER64|3
        pushq   $90f
        iretq
90:     pushfq
        popq    %rax
        int     $BACK64
89:     movq    r_rax, %rax
        check64 "IRETQ to CPL 3 sets IOPL and IF", 0x3202
        ret

/* --- call gates -------------------------------------------------------------------------------------------------- */

        .macro  far_memory selector
        movl    $0, far_target
        movw    $\selector, far_target + 4
        .endm
        .balign 8
far_target:
        .long   0
        .word   0
far_target64:
        .quad   0
        .word   0

call_gates:
        user_runs64 "a call gate from CPL 3 to CPL 0 and back", lcall *gate_pointer
        movl    gate_seen, %eax
        check64 "CS there", CODE64
        movl    gate_seen + 4, %eax
        check64 "SS there is null, with the new CPL", 0
        movq    gate_seen + 8, %rax
        check64 "its RSP", STACK64_0-32
        movq    gate_seen + 16, %rax
        check64 "the caller's RSP", USER_STACK64
        movq    gate_seen + 24, %rax
        check64 "and SS", USERDATA|3
        movq    gate_seen + 32, %rax
        check64 "and CS", USER64|3
        compat_runs "from compatibility mode", .byte 0x9a, 0, 0, 0, 0, GATE, 0
        far_memory GATE16
        fault64 "a 16-bit call gate", 13, GATE16, lcall *far_target
        far_memory GATE_BAD
        fault64 "one whose second half has a type", 13, GATE_BAD, lcall *far_target
        far_memory GATE_32
        fault64 "one to 32-bit code", 13, CODE32, lcall *far_target
        far_memory TSS64
        fault64 "a TSS", 13, TSS64, lcall *far_target
        far_memory CODE_BOTH
        fault64 "a far call to code with L and D", 13, CODE_BOTH, lcall *far_target
        far_memory 0
        fault64 "to a null selector", 13, 0, lcall *far_target
        far_memory DATA64
        fault64 "to data", 13, DATA64, lcall *far_target
        far_memory CONFORMING
        movl    $1f, far_target
        pushq   $0
        lcall   *far_target
        popq    %rcx
        check64 "a far call of 32-bit operands pushes eight bytes", 8
        jmp     2f
1:      movq    %rsp, %rax
        leaq    8(%rsp), %rcx
        subq    %rax, %rcx
        movq    %rcx, %rax
        lretl
2:      movw    $CODE64, far_target64 + 8
        movq    $1f, %rax
        movq    %rax, far_target64
        movq    %rsp, %rbx
        rex.w lcall *far_target64
        movq    %rbx, %rax
        check64 "one of 64-bit operands sixteen", 16
        jmp     2f
1:      subq    %rsp, %rbx
        lretq
2:      ret

gate_pointer:
        .long   0
        .word   GATE
        .balign 8
gate_seen:
        .fill   5, 8, 0

gate_entry:
        movl    %cs, %eax
        movl    %eax, gate_seen
        movl    %ss, %eax
        movl    %eax, gate_seen + 4
        movq    %rsp, gate_seen + 8
        movq    16(%rsp), %rax
        movq    %rax, gate_seen + 16
        movq    24(%rsp), %rax
        movq    %rax, gate_seen + 24
        movq    8(%rsp), %rax
        movq    %rax, gate_seen + 32
        lretq

        .code32
        test_end
