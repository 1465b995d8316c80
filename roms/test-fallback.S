/*
 * Test boot disk: x87 and SSE2 code in 16-, 32- and 64-bit mode, in rings 0 and 3, and registers that live on from one to
 * the other: for engines that execute some modes and leave others to the interpreter.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 1, "Programming with the x87 FPU", "Programming with Intel Streaming SIMD Extensions 2".  The
 * sum of the squares from 1 to 1000 is 1000 * 1001 * 2001 / 6 and exact at every step; 1/3 and the square root of 2 are
 * rounded by hand to 53 bits.  Needs a processor with SSE2; without long mode the 64-bit part is left out.
 */
        .include "roms/test.inc"
        .include "roms/test64.inc"

        .set    results, 0x20000        /* 32 bytes for each mode */
        .set    REAL, 0
        .set    PROTECTED, 1
        .set    LONG0, 2
        .set    LONG3, 3
        .set    COMPAT, 4
        .set    SUM, 333833500
        .set    ROUNDS, 20
        .set    STAY, 200000            /* turns of a loop in ring 3: long enough for a change of engine to pay */

/* The same text in every mode, its results through EBX. */
        .macro  compute
        fninit
        fldz
        xorps   %xmm0, %xmm0
        movl    $1000, %ecx
1:      movl    %ecx, number
        fildl   number
        fmul    %st(0), %st
        faddp
        cvtsi2sdl %ecx, %xmm1
        mulsd   %xmm1, %xmm1
        addsd   %xmm1, %xmm0
        decl    %ecx
        jnz     1b
        fistpl  got
        cvttsd2sil %xmm0, %eax
        movl    %eax, got + 4
        fld1
        fidivl  three
        fstpl   got + 8
        sqrtsd  two, %xmm0
        movsd   %xmm0, got + 16
        fldl    two
        fsqrt
        fstpl   got + 24
        .endm

        .macro  keep mode
        movl    $(results + 32 * \mode), %edi
        movl    $got, %esi
        movl    $8, %ecx
        cld
        rep movsl
        .endm

        .balign 8
got:    .fill   4, 8, 0
two:    .double 2
number: .long   0
three:  .long   3
control:
        .word   0x0b7f                  /* round up */
control_after:
        .word   0
mxcsr:  .long   0x5f80                  /* round up */
mxcsr_reset:
        .long   0x1f80
mxcsr_after:
        .long   0
x87_total:
        .long   0
sse_total:
        .long   0

        .code16
real_mode_hook:
        movl    %cr0, %eax
        andl    $~0x0c, %eax            /* EM, TS */
        orl     $0x22, %eax             /* NE, MP */
        movl    %eax, %cr0
        movl    %cr4, %eax
        orl     $0x600, %eax            /* OSFXSR, OSXMMEXCPT */
        movl    %eax, %cr4
        compute
        movw    $(results >> 4), %ax
        movw    %ax, %es
        xorw    %di, %di
        movw    $got, %si
        movw    $8, %cx
        cld
        rep movsl
        xorw    %ax, %ax
        movw    %ax, %es
        ret
        .code32

        .macro  results_of text, mode
        movl    results + 32 * \mode, %eax
        check   "\text: sum by x87", SUM
        movl    results + 32 * \mode + 4, %eax
        check   "\text: sum by SSE2", SUM
        movl    results + 32 * \mode + 8, %eax
        check   "\text: 1/3 by x87", 0x55555555
        movl    results + 32 * \mode + 12, %eax
        check   "  high half", 0x3fd55555
        movl    results + 32 * \mode + 16, %eax
        check   "\text: square root by SSE2", 0x667f3bcd
        movl    results + 32 * \mode + 20, %eax
        check   "  high half", 0x3ff6a09e
        movl    results + 32 * \mode + 24, %eax
        check   "\text: square root by x87", 0x667f3bcd
        movl    results + 32 * \mode + 28, %eax
        check   "  high half", 0x3ff6a09e
        .endm

test_main:
        results_of "16-bit", REAL
        compute
        keep    PROTECTED
        results_of "32-bit", PROTECTED
        call    has_long_mode
        jnz     1f
        skip    "64-bit mode"
        ret
1:      call    set_up_long
        call    enter64
        .code64
        movl    $MSR_EFER, %ecx         /* SCE: as every system that has user code sets it */
        rdmsr
        orl     $1, %eax
        wrmsr
        compute
        keep    LONG0
        user_runs64 "64-bit ring 3 comes back", call compute64
        keep    LONG3
        compat_runs "32-bit ring 3 comes back", call compute32
        keep    COMPAT
        call    carry_over
        call    leave64
        .code32
        results_of "64-bit ring 0", LONG0
        results_of "64-bit ring 3", LONG3
        results_of "32-bit ring 3", COMPAT
        ret

compute32:
        compute
        ret

        .code64
compute64:
        compute
        ret

/* ST0-7 and XMM0-15 are filled in ring 0, doubled in ring 3, which also changes both roundings, and added in ring 0. */
carry_over:
        .rept   ROUNDS
        call    fill_registers
        user_runs64 "registers to ring 3 and back", call double_registers
        call    add_registers
        movl    x87_total, %eax
        check64 "  x87: 2 * (1 + ... + 8)", 72
        movl    sse_total, %eax
        check64 "  SSE: 2 * (1 + ... + 16)", 272
        movzwl  control_after, %eax
        check64 "  control word", 0x0b7f
        movl    mxcsr_after, %eax
        andl    $0xffc0, %eax
        check64 "  MXCSR", 0x5f80
        .endr
        ret

        .macro  each_xmm name
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        \name   \i
        .endr
        .endm

        .macro  fill_xmm i
        movl    $(\i + 1), %eax
        cvtsi2sdl %eax, %xmm\i
        unpcklpd %xmm\i, %xmm\i         /* both halves */
        .endm

        .macro  double_xmm i
        addpd   %xmm\i, %xmm\i
        .endm

        .macro  add_xmm i
        unpckhpd %xmm\i, %xmm\i
        cvttsd2sil %xmm\i, %eax
        addl    %eax, sse_total
        .endm

fill_registers:
        fninit
        movl    $8, %ecx
1:      movl    %ecx, number
        fildl   number
        decl    %ecx
        jnz     1b
        each_xmm fill_xmm
        ret

double_registers:
        movl    $STAY, %ecx
1:      decl    %ecx
        jnz     1b
        .rept   8
        fadd    %st(0), %st
        fincstp
        .endr
        each_xmm double_xmm
        fldcw   control
        ldmxcsr mxcsr
        ret

add_registers:
        fnstcw  control_after
        stmxcsr mxcsr_after
        .rept   7
        faddp
        .endr
        fistpl  x87_total
        movl    $0, sse_total
        each_xmm add_xmm
        fninit
        ldmxcsr mxcsr_reset
        ret
        .code32

        test_end
