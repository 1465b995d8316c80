/*
 * Test boot disk: system calls, compatibility mode, operands, paging and single steps in long mode.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Fast System Calls in 64-Bit Mode", "4-Level Paging"; vol. 1, "General-Purpose Registers
 *   in 64-Bit Mode"; vol. 3B, "Debug Exceptions"; vol. 2 "SYSCALL", "SYSRET", "SYSENTER", "SYSEXIT", "CMPXCHG16B",
 *   "FXSAVE".
 * Bochs 2.7 passes all but these, where the manual decides: what comes between two iterations of REP saves RF = 1
 *   ("Instruction-Breakpoint Exception Condition"); SYSRET with TF traps at once (silicon; the manual is silent).  It
 *   also writes part of an FXSAVE area that crosses into an absent page, which silicon may.  QEMU 7.2 (TCG) does not
 *   come through.
 */
        .include "roms/test.inc"
        .include "roms/test64.inc"

        .set    CODE_16, LONG_FREE      /* 16-bit, DPL 3 */
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
        gdt_entry CODE_16, 0x0000ffff, 0x0000fb00
        call    enter64
        .code64
        call    syscalls
        call    sysenters
        call    compatibility
        call    registers
        call    operands
        call    paging
        call    stepping
        call    leave64
        .code32
        ret
        .code64

/* --- SYSCALL, SYSENTER ------------------------------------------------------------------------------------------- */

syscalls:
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $1, %eax
        wrmsr
        write_msr MSR_STAR, (USER32 | 3) << 16 | CODE64, 0
        write_msr MSR_LSTAR, 0, system_entry
        write_msr MSR_FMASK, 0, 0x600
        movq    $0x3646, user_flags64   /* IOPL 3: SYSCALL works by FMASK alone */
        prepare64
        to_user USER64
90:     movq    $0x5a5a, %rcx
        syscall
91:     pushfq
        popq    %rbx
        int     $BACK64
92:
89:     expect64 "SYSCALL and SYSRET", BACK64, NONE, 92b
        movq    system_seen, %rax
        subq    $91b, %rax
        check64 "RCX is the next RIP", 0
        movq    system_seen + 8, %rax
        check64 "R11 is RFLAGS", 0x3646
        movq    system_seen + 16, %rax
        check64 "RFLAGS without those of FMASK", 0x3046
        movq    system_seen + 24, %rax
        check64 "CS", CODE64
        movq    system_seen + 32, %rax
        check64 "SS", CODE64+8
        movq    system_seen + 40, %rax
        check64 "RSP stays", USER_STACK64
        movq    r_rbx, %rax
        check64 "SYSRET gives RFLAGS back", 0x3646
        field64 "CS after SYSRET", f_cs, 0xffff, USER64|3
        field64 "SS after SYSRET", f_ss, 0xffff, USERDATA|3
        movq    $2, user_flags64
        movabsq $0x800000000000, %rcx
        fault64 "SYSRET to an address that is not canonical: at CPL 0", 13, 0, sysretq
        field64 "its CS", f_cs, 0xffff, CODE64
        user_fault64 "SYSRET at CPL 3", 13, 0, sysretq
        compat_fault "SYSCALL in compatibility mode", 6, NONE, syscall
        prepare64
        movl    $90f, %ecx
        movl    $2, %r11d
        sysretl
        .code32
90:     decl    %eax                    /* 48h would be REX */
        int     $BACK64
92:
        .code64
89:     expect64 "SYSRETL", BACK64, NONE, 92b
        field64 "to compatibility mode", f_cs, 0xffff, USER32|3
        ret
        .balign 8
system_seen:
        .fill   6, 8, 0

system_entry:
        movq    %rcx, system_seen
        movq    %r11, system_seen + 8
        movq    %rsp, system_seen + 40
        pushfq
        popq    system_seen + 16
        movl    %cs, %eax
        movq    %rax, system_seen + 24
        movl    %ss, %eax
        movq    %rax, system_seen + 32
        sysretq

sysenters:
        write_msr 0x174, 0, 0
        user_fault64 "SYSENTER with a null CS", 13, 0, sysenter
        fault64 "SYSEXIT with a null CS", 13, 0, sysexitl
        write_msr 0x174, 0, CODE64
        write_msr 0x175, 0, STACK64_0
        write_msr 0x176, 0, enter_entry
        movq    $0x202, user_flags64
        prepare64
        to_user USER64
90:     sysenter
91:     int     $BACK64
92:
89:     expect64 "SYSENTER and SYSEXIT of 64 bits", BACK64, NONE, 92b
        field64 "CS", system_seen + 24, 0xffff, CODE64
        field64 "SS", system_seen + 32, 0xffff, CODE64+8
        field64 "RSP", system_seen + 40, 0xffffffffffffffff, STACK64_0
        field64 "IF clear", system_seen + 16, 0x200, 0
        field64 "CS after SYSEXIT", f_cs, 0xffff, EXIT64|3
        field64 "SS after SYSEXIT", f_ss, 0xffff, (EXIT64+8)|3
        movq    $2, user_flags64
        movabsq $0x800000000000, %rcx
        movl    $89f, %edx
        fault64 "SYSEXIT with such an RSP", 13, 0, sysexitq
        movabsq $0x800000000000, %rdx
        movl    $STACK64, %ecx
        fault64 "SYSEXIT with such a RIP", 13, 0, sysexitq
        user_fault64 "SYSEXIT at CPL 3", 13, 0, sysexitl
        prepare64
        movl    $USER_STACK64, %ecx
        movl    $90f, %edx
        sysexitl
        .code32
90:     int     $BACK64
92:
        .code64
89:     expect64 "SYSEXIT of 32 bits", BACK64, NONE, 92b
        field64 "to compatibility mode", f_cs, 0xffff, EXIT32|3
        ret

enter_entry:
        movq    %rsp, system_seen + 40
        pushfq
        popq    system_seen + 16
        movl    %cs, %eax
        movq    %rax, system_seen + 24
        movl    %ss, %eax
        movq    %rax, system_seen + 32
        movl    $USER_STACK64, %ecx
        movl    $91b, %edx
        sysexitq

/* --- compatibility mode ------------------------------------------------------------------------------------------ */

compatibility:
        compat_runs "16 bits, 32 bits, segments", call compat_piece
        movl    r_rax, %eax
        check64 "32-bit code wraps at 4 GiB", 0x12345678
        field64 "a 16-bit code segment", compat_seen, 0xffffffff, 0x00012345
        xorl    %eax, %eax
        movl    %eax, %fs
        compat_fault "a null FS", 13, 0, movl %fs:4, %eax
        movl    $3, %ecx
        movl    $4, %eax
        compat_runs "ARPL is not MOVSXD here", .byte 0x63, 0xc8
        movl    r_rax, %eax
        check64 "and raises the RPL", 7
        compat_fault "MOV from CR0", 13, 0, movl %cr0, %eax
        compat_fault "a far jump to a TSS", 13, TSS64, ljmpl $TSS64, $0
        compat_fault "SWAPGS is none", 6, NONE, .byte 0x0f, 0x01, 0xf8
        compat_runs "64-bit code by a far jump", call to64_piece
        movq    compat_seen, %rax
        check64 "has 64 bits", 0x0000000300000000
        ret
        .balign 8
compat_seen:
        .quad   0
        .code32
compat_piece:
        movl    $0x12345678, PAGE
        movl    $0x80000000, %ecx
        movl    PAGE - 0x80000000(%ecx), %eax
        pushl   %eax
        lcalll  $CODE_16 | 3, $1f
        popl    %eax
        ret
        .code16
1:      movl    $0x1ffff, %eax
        addw    $0x2346, %ax
        movl    %eax, compat_seen
        lretl
        .code32
to64_piece:
        ljmpl   $USER64 | 3, $1f
        .code64
1:      movabsq $0x100000000, %rax
        leaq    (%rax, %rax, 2), %rax
        movq    %rax, compat_seen
        pushq   $USER32 | 3
        pushq   $2f
        lretq
        .code32
2:      ret
        .code64

/* --- registers and operands -------------------------------------------------------------------------------------- */

registers:
        movq    $-1, %rax
        movl    $1, %eax
        check64 "a 32-bit write clears the upper half", 1
        movq    $-1, %rax
        movw    $1, %ax
        check64 "a 16-bit write does not", 0xffffffffffff0001
        movq    $-1, %rax
        movq    $-1, %rcx
        xorl    %edx, %edx
        testl   %edx, %edx
        cmovnel %ecx, %eax
        check64 "CMOV that does not move clears it too", 0xffffffff
        movq    $-1, %rax
        xorl    %ecx, %ecx
        shll    %cl, %eax
        check64 "a shift by 0 as well", 0xffffffff
        movq    $-1, %rax
        xorl    %ebx, %ebx
        movl    $0x55, PAGE
        cmpxchgl %ebx, PAGE
        check64 "CMPXCHG that fails writes EAX", 0x55
        movabsq $0x100000000, %rbx
        movq    $-1, %rax
        movl    $-1, %ecx
        xorl    %edx, %edx
        movl    %edx, PAGE
        movq    %rbx, %rax
        cmpxchgl %ecx, PAGE
        check64 "CMPXCHG that matches leaves RAX", 0x100000000
        movq    %rsp, %rbx
        pushw   $0x1234
        movq    %rbx, %rax
        subq    %rsp, %rax
        movq    %rbx, %rsp
        check64 "PUSH with 66 takes two bytes", 2
        movq    %rsp, %rbx
        pushq   $-2
        popq    %rax
        check64 "PUSH imm is sign-extended", 0xfffffffffffffffe
        movq    %fs, %rax
        pushq   $-1
        pushq   %fs
        popq    %rax
        popq    %rcx
        check64 "PUSH FS writes eight bytes", 0
        movq    %rsp, %rbx
        movq    $0x1111, %rbp
        enter   $32, $1
        movq    (%rbp), %rcx
        movq    -8(%rbp), %rdx
        subq    %rbp, %rdx
        addq    %rcx, %rdx
        movq    %rbx, %rax
        subq    %rsp, %rax
        leave
        shlq    $32, %rdx
        orq     %rdx, %rax
        movq    %rbx, %rsp
        check64 "ENTER 32, 1: RBP, frame pointer, room", 0x111100000030
        movabsq $0xffffffff00000002, %rcx
        movl    $0, %eax
1:      incl    %eax
        addr32 loop 1b
        check64 "LOOP with 67 counts in ECX", 2
        movabsq $0x1100060000, %rsi
        movabsq $0x2200060100, %rdi
        movabsq $0x3300000002, %rcx
        cld
        addr32 rep movsl
        movq    %rsi, %rax
        check64 "REP MOVS with 67: ESI, zero-extended", 0x60008
        movl    $0x60000, %esi
        movl    $0x60100, %edi
        movl    $2, %ecx
        addr32 rep movsl
        movq    %rcx, %rax
        check64 "and ECX", 0
        movabsq $0xffffffff00000001, %rax
        bsrq    %rax, %rcx
        movq    %rcx, %rax
        check64 "BSR of 64 bits", 63
        movabsq $0x1ff00000000, %rbx
        movl    $-1, %eax
        .byte   0x67, 0x8d, 0x04, 0x1b          /* LEA EAX, [EBX+EBX] */
        check64 "LEA with 67", 0
        .byte   0x67, 0x8b, 0x05, 0, 0, 0, 0    /* MOV EAX, [EIP+0] */
1:      movl    1b, %ecx
        subl    %ecx, %eax
        check64 "relative to EIP", 0
        ret

operands:
        movl    $1, %eax
        cpuid
        btl     $13, %ecx
        jnc     1f
        movabsq $0x1111222233334444, %rax
        movq    %rax, PAGE
        movq    %rax, %rbx
        movabsq $0x5555666677778888, %rdx
        movq    %rdx, PAGE + 8
        movl    $7, %ecx
        cmpxchg16b PAGE
        movq    PAGE, %rax
        setz    %al
        check64 "CMPXCHG16B that matches", 0x1111222233334401
        fault64 "CMPXCHG16B that is not aligned", 13, 0, cmpxchg16b PAGE + 8
        fault64 "CMPXCHG16B of a register", 6, NONE, .byte 0x48, 0x0f, 0xc7, 0xc8
        xorl    %eax, %eax
        xorl    %edx, %edx
        cmpxchg16b PAGE
        movq    %rdx, %rax
        check64 "that fails loads RDX", 7
        movq    $0, pte_PAGE
        invlpg  PAGE
        fault64 "to an absent page: a write", 14, 2, lock cmpxchg16b PAGE
        movl    $PAGE | 5, pte_PAGE
        fault64 "to a read-only page, though it does not match", 14, 3, cmpxchg16b PAGE
        movl    $PAGE | 7, pte_PAGE
        invlpg  PAGE
1:      fault64 "MOVAPS that is not aligned", 13, 0, movaps PAGE + 8, %xmm0
        fault64 "FXSAVE that is not aligned", 13, 0, fxsave PAGE + 8
        movq    %cr0, %rax
        btsq    $3, %rax
        movq    %rax, %cr0
        fault64 "CR0.TS: #NM before the alignment", 7, NONE, movaps PAGE + 8, %xmm0
        fault64 "and before the page", 7, NONE, fxsave 0x7ffffff0
        fault64 "but LOCK is refused first", 6, NONE, .byte 0xf0, 0x0f, 0x28, 0x00
        clts
        movq    %cr0, %rax
        btsq    $2, %rax
        movq    %rax, %cr0
        fault64 "CR0.EM: #UD for SSE", 6, NONE, movaps %xmm0, %xmm1
        fault64 "and #NM for x87", 7, NONE, fnop
        movq    %cr0, %rax
        btrq    $2, %rax
        movq    %rax, %cr0
        movq    %cr4, %rax
        btrq    $9, %rax
        movq    %rax, %cr4
        fault64 "without CR4.OSFXSR: #UD", 6, NONE, movaps %xmm0, %xmm1
        movq    %cr4, %rax
        btsq    $9, %rax
        movq    %rax, %cr4
        ret

/* --- paging ------------------------------------------------------------------------------------------------------ */

        .macro  map low, high
        movl    $\low, pte_PAGE
        movl    $\high, pte_PAGE + 4
        invlpg  PAGE
        .endm

paging: map     PAGE + 7, 0
        movb    $0xc3, PAGE             /* RET */
        movl    $PAGE, %ebx
        runs64  "code in a page", call *%rbx
        map     PAGE + 7, 0x80000000
        movl    $PAGE, %ebx
        prepare64
        jmpq    *%rbx
89:     expect64 "with NX", 14, 0x11, PAGE
        user_runs64 "a user's read of it", movb PAGE, %al
        movl    $PAGE, %ebx
        prepare64
        to_user USER64
90:     jmpq    *%rbx
89:     expect64 "a user's jump there", 14, 0x15, PAGE
        map     PAGE + 7, 0x00080000
        fault64 "a reserved bit, read", 14, 9, movb PAGE, %al
        fault64 "written", 14, 0xb, movb %al, PAGE
        map     PAGE + 7, 0
        movl    $0x81, page_directory + 16      /* a page of 2 MiB at 400000h */
        movl    $0x2083, page_directory + 16
        fault64 "a page of 2 MiB with a reserved bit", 14, 9, movb 0x400000, %al
        movl    $0x83, page_directory + 16
        invlpg  0x400000
        runs64  "a page of 2 MiB", movb 0x4fffff, %al
        field64 "has its accessed bit set", page_directory + 16, 0x60, 0x20
        runs64  "written", movb %al, 0x5fffff
        field64 "has its dirty bit set", page_directory + 16, 0x60, 0x60
        user_fault64 "a user's read", 14, 5, movb 0x400000, %al
        movl    $0, page_directory + 16
        invlpg  0x400000
        runs64  "and none", nop
        movl    $0x80, %eax
        orl     %eax, pml4 + 8
        movl    $pdpt + 0x87, pml4 + 8
        movabsq $0x8000000000, %rbx
        fault64 "PS in the topmost table is reserved", 14, 9, movb (%rbx), %al
        movl    $0, pml4 + 8
        movabsq $0x8000000000, %rbx
        fault64 "nothing there", 14, 0, movb (%rbx), %al
        field64 "its CR2", f_cr2, 0xffffffffffffffff, 0x8000000000
        movq    $0, page_tables + ((PAGE + 0x1000) >> 12) * 8
        invlpg  PAGE + 0x1000
        movq    $-1, %rax
        movq    %rax, PAGE + 0xff8
        movdqu  PAGE + 0xff0, %xmm0
        pxor    %xmm0, %xmm0
        fault64 "MOVDQU that crosses into an absent page", 14, 2, movdqu %xmm0, PAGE + 0xff8
        field64 "the page's first byte in CR2", f_cr2, 0xffffffffffffffff, PAGE+0x1000
        field64 "nothing written before it", PAGE + 0xff8, 0xffffffffffffffff, 0xffffffffffffffff
        fault64 "FXSAVE", 14, 2, fxsave PAGE + 0xf00
        field64 "nothing written before it", PAGE + 0xff8, 0xffffffffffffffff, 0xffffffffffffffff
        fault64 "MOVQ", 14, 2, movq %rsp, PAGE + 0xffc
        field64 "nothing written before it", PAGE + 0xff8, 0xffffffffffffffff, 0xffffffffffffffff
        prepare64
        movl    $PAGE + 0xfe0, %edi
        movl    $PAGE, %esi
        movl    $8, %ecx
        cld
90:     rep movsq
89:     expect64 "REP MOVSQ", 14, 2, 90b
        field64 "has four left", r_rcx, 0xffffffffffffffff, 4
        field64 "RDI stands at the page", r_rdi, 0xffffffffffffffff, PAGE+0x1000
        field64 "RSI beside it", r_rsi, 0xffffffffffffffff, PAGE+0x20
        movb    $1, idt64 + 14 * 16 + 4 /* #PF on IST 1 */
        prepare64
        movl    $PAGE + 0x1018, %esp
90:     iretq
89:     expect64 "IRETQ whose frame is absent", 14, 0, 90b
        prepare64
        movl    $PAGE + 0xff0, %esp
90:     iretq
89:     expect64 "whose frame crosses", 14, 0, 90b
        field64 "CR2", f_cr2, 0xffffffffffffffff, PAGE+0x1000
        prepare64
        movl    $PAGE + 0x1008, %esp
        movl    $0x123, %ebp
90:     enter   $0, $0
89:     movq    r_rbp, %rax
        check64 "ENTER that faults leaves RBP", 0x123
        field64 "as a write", f_error, 0xff, 2
        movb    $0, idt64 + 14 * 16 + 4
        movl    $PAGE + 0x1007, page_tables + ((PAGE + 0x1000) >> 12) * 8
        invlpg  PAGE + 0x1000
        ret

/* --- single steps ------------------------------------------------------------------------------------------------ */

on_debug64:
        movl    debug_count, %ecx
        incl    debug_count
        cmpl    $8, %ecx
        jae     1f
        movq    (%rdi), %rax
        movq    %rax, debug_rip(, %rcx, 8)
        movq    16(%rdi), %rax
        movq    %rax, debug_flags(, %rcx, 8)
1:      movq    %db6, %rax
        orl     %eax, debug_status
        xorl    %eax, %eax
        movq    %rax, %db6
        ret
        .balign 8
debug_count:
        .quad   0
debug_status:
        .quad   0
debug_rip:
        .fill   8, 8, 0
debug_flags:
        .fill   8, 8, 0

        .macro  debug_at text, which, label
        movq    debug_rip + \which * 8, %rax
        subq    $\label, %rax
        check64 "\text", 0
        .endm

stepping:
        movq    $on_debug64, handlers64 + 8
        movq    $0, debug_count
        write_msr MSR_FMASK, 0, 0x700
        movq    $0x102, user_flags64
        prepare64
        to_user USER64
90:     nop
80:     syscall
81:     nop
82:     int     $BACK64
89:     debug_at "TF: after the first instruction", 0, 80b
        debug_at "SYSCALL with TF in FMASK: not in the system, but after SYSRET", 1, 81b
        debug_at "and after what follows", 2, 82b
        field64 "three in all", debug_count, 0xff, 3
        movq    $0, debug_count
        write_msr MSR_FMASK, 0, 0
        prepare64
        to_user USER64
90:     syscall
81:     int     $BACK64
89:     debug_at "SYSCALL with TF not in FMASK: at the system's entry", 0, system_entry
        write_msr MSR_FMASK, 0, 0x700
        movq    $2, user_flags64
        movq    $0, debug_count
        movq    $0, debug_status
        movl    $PAGE, %eax
        movq    %rax, %db0
        movl    $0x00090001, %eax       /* write, eight bytes */
        movq    %rax, %db7
        movb    %al, PAGE - 1
        movb    %al, PAGE + 7
80:     movb    %al, PAGE + 8
        xorl    %eax, %eax
        movq    %rax, %db7
        debug_at "a breakpoint on eight bytes", 0, 80b
        field64 "once", debug_count, 0xff, 1
        field64 "DR6.B0", debug_status, 0xf, 1
        movq    $0, debug_count
        movl    $PAGE, %edi
        movl    $2, %ecx
        xorl    %eax, %eax
        cld
        pushq   $0x102
        popfq
80:     rep stosb
81:     pushq   $2
        popfq
        debug_at "REP: between the iterations", 0, 80b
        field64 "with RF saved", debug_flags, 0x10000, 0x10000
        debug_at "after the last", 1, 81b
        field64 "RF clear", debug_flags + 8, 0x10000, 0
        movq    $0, handlers64 + 8
        ret

        .code32
        test_end
