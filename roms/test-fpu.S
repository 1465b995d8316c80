/*
 * Test boot disk: x87, MMX, SSE, SSE2, and how their exceptions are reported.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 1, "Programming with the x87 FPU", "Programming with Intel MMX Technology", "Programming with
 * Intel Streaming SIMD Extensions"; vol. 3A, "Interrupt 7", "16" and "19"; AT Technical Reference, "Math Coprocessor"
 * (IRQ 13, port F0h).  Values of constants are pi, e, square roots rounded by hand to 64 bits.
 */
        .include "roms/test.inc"

        .set    buffer, 0x20000         /* 512 bytes and more, aligned */
        .set    CW_DEFAULT, 0x037f

/* Real-address mode, where IRQ 13 is vector 75h and exception 16 would call the video BIOS. */
        .code16
real_mode_hook:
        cli
        movl    $0, real_count
        movl    0x75 * 4, %eax
        movl    %eax, real_vector
        movl    $real_irq_13, 0x75 * 4
        inb     $0x21, %al
        movb    %al, real_masks
        inb     $0xa1, %al
        movb    %al, real_masks + 1
        movb    $0xfb, %al              /* the cascade */
        outb    %al, $0x21
        movb    $0xdf, %al              /* IRQ 13 */
        outb    %al, $0xa1
        movl    %cr0, %eax
        andl    $~0x2e, %eax            /* NE, TS, EM, MP */
        movl    %eax, %cr0
        call    real_error
        sti
        nop
        fwait                           /* held until the interrupt has been */
        cli
        movl    real_count, %eax
        movl    %eax, real_first
        call    real_error
        movw    $0x0f00, %ax            /* "Get video mode" while the error waits */
        int     $0x10
        movb    %ah, real_columns
        sti
        nop
        fwait
        cli
        movl    real_vector, %eax
        movl    %eax, 0x75 * 4
        movb    real_masks, %al
        outb    %al, $0x21
        movb    real_masks + 1, %al
        outb    %al, $0xa1
        sti
        ret

real_error:
        fninit
        fldcw   real_control
        fld1
        fldz
        fdivrp
        ret

real_irq_13:
        pushw   %ax
        incl    real_count
        xorw    %ax, %ax
        outb    %al, $0xf0
        fnclex
        movb    $0x20, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ax
        iret

        .balign 4
real_control:
        .word   0x037b, 0               /* zero divide unmasked */
real_vector:
        .long   0
real_count:
        .long   0
real_first:
        .long   0
real_columns:
        .long   0
real_masks:
        .long   0
        .code32

test_main:
        field   "real-address mode: IRQ 13", real_first, -1, 1
        field   "and behind an INT 10h", real_count, -1, 2
        field   "which did its work: 80 columns", real_columns, 0xff, 80
        movl    %cr0, %eax
        andl    $~0x0c, %eax            /* EM, TS */
        orl     $0x22, %eax             /* NE, MP */
        movl    %eax, %cr0
        call    state
        call    constants
        call    arithmetic
        call    integers
        call    comparisons
        call    stack_faults
        call    masked_exceptions
        call    functions
        call    not_available
        call    error_by_exception
        call    error_by_irq_13
        call    mmx
        call    sse
        ret

/* ST(0) to memory and its three parts. */
        .macro  top text, exponent, high, low
        fstpt   buffer
        movl    buffer, %eax
        check   "\text", \low
        movl    buffer + 4, %eax
        check   "  high half", \high
        movzwl  buffer + 8, %eax
        check   "  sign and exponent", \exponent
        .endm

        .macro  status text, mask, want
        fnstsw  %ax
        movzwl  %ax, %eax
        andl    $\mask, %eax
        check   "\text", \want
        .endm

        .macro  control value
        movw    $\value, control_word
        fldcw   control_word
        .endm

        .balign 4
control_word:
        .word   0, 0
one:    .float  1
two:    .float  2
three:  .float  3
minus_one:
        .float  -1
half:   .float  0.5
ten:    .float  10
quiet:  .long   0x7fc00001
signalling:
        .long   0x7f800001
infinity:
        .long   0x7f800000
tiny:   .long   0x00000001              /* a denormal */
largest:
        .long   0xffffffff, 0xffffffff
        .word   0x7ffe, 0
smallest:
        .long   0, 0x80000000
        .word   1, 0

/* --- state ------------------------------------------------------------------------------------------------------- */

state:  fninit
        fnstcw  buffer
        field   "FNINIT: control word", buffer, 0xffff, CW_DEFAULT
        status  "status word", 0xffff, 0
        fnstenv buffer
        field   "tag word", buffer + 8, 0xffff, 0xffff
        fninit
        fld1
        fldz
        flds    infinity
        fnstenv buffer
        field   "tags: valid, zero, special", buffer + 8, 0xffff, 0x1bff
        field   "top is 5", buffer + 4, 0x3800, 0x2800
        fninit
        flds    three
1:      fmuls   two
        fnstenv buffer
        field   "instruction pointer", buffer + 12, -1, 1b
        field   "operand pointer", buffer + 20, -1, two
        field   "opcode", buffer + 16, 0x07ff0000, 0x000d0000
        field   "FNSTENV masks all", buffer, 0x3f, 0x3f
        fninit
        fldpi
        fld1
        fnsave  buffer
        status  "FNSAVE initialises", 0xffff, 0
        field   "its ST(0)", buffer + 28 + 4, -1, 0x80000000
        field   "its ST(1)", buffer + 38, -1, 0x2168c235
        frstor  buffer
        status  "FRSTOR: top", 0x3800, 0x3000
        faddp
        top     "1 + pi", 0x4001, 0x8487ed51, 0x10b4611a
        fninit
        fld1
        fldpi
        fincstp
        ffree   %st(7)
        fnstenv buffer
        field   "FINCSTP turns, FFREE empties", buffer + 8, 0xffff, 0x3fff
        fninit
        ret

constants:
        fldpi
        top     "FLDPI", 0x4000, 0xc90fdaa2, 0x2168c235
        fldl2e
        top     "FLDL2E", 0x3fff, 0xb8aa3b29, 0x5c17f0bc
        fldl2t
        top     "FLDL2T", 0x4000, 0xd49a784b, 0xcd1b8afe
        fldlg2
        top     "FLDLG2", 0x3ffd, 0x9a209a84, 0xfbcff799
        fldln2
        top     "FLDLN2", 0x3ffe, 0xb17217f7, 0xd1cf79ac
        control 0x0f7f                  /* towards zero */
        fldpi
        top     "FLDPI towards zero", 0x4000, 0xc90fdaa2, 0x2168c234
        control 0x0b7f                  /* up */
        fldl2t
        top     "FLDL2T up", 0x4000, 0xd49a784b, 0xcd1b8aff
        fninit
        ret

arithmetic:
        fld1
        fdivs   three
        top     "1 / 3 in 64 bits", 0x3ffd, 0xaaaaaaaa, 0xaaaaaaab
        control 0x027f
        fld1
        fdivs   three
        top     "1 / 3 in 53 bits", 0x3ffd, 0xaaaaaaaa, 0xaaaaa800
        control 0x007f
        fld1
        fdivs   three
        top     "1 / 3 in 24 bits", 0x3ffd, 0xaaaaab00, 0
        control 0x0f7f
        fld1
        fdivs   three
        top     "1 / 3 towards zero", 0x3ffd, 0xaaaaaaaa, 0xaaaaaaaa
        fninit
        flds    two
        fsqrt
        top     "square root of 2", 0x3fff, 0xb504f333, 0xf9de6484
        fld1
        fsubs   ten
        fdivrs  ten
        top     "10 / (1 - 10)", 0xbfff, 0x8e38e38e, 0x38e38e39
        fldpi
        fchs
        fabs
        fldpi
        fsubrp
        top     "pi - pi", 0, 0, 0
        control 0x077f                  /* down */
        fld1
        fsubs   one
        top     "1 - 1, rounding down, is -0", 0x8000, 0, 0
        fninit
        fldpi
        fstpl   buffer + 16
        field   "pi as a double", buffer + 16, -1, 0x54442d18
        field   "  high half", buffer + 20, -1, 0x400921fb
        fldpi
        fstps   buffer + 16
        field   "pi as a float", buffer + 16, -1, 0x40490fdb
        fldl    constant_double
        top     "a double denormal", 0x3bcd, 0x80000000, 0
        fninit
        ret
        .balign 8
constant_double:
        .long   1, 0

integers:
        movl    $0x40200000, buffer     /* 2.5 */
        flds    buffer
        fistl   buffer + 4
        field   "2.5 to an integer: even", buffer + 4, -1, 2
        control 0x0b7f
        fistl   buffer + 4
        field   "up", buffer + 4, -1, 3
        fchs
        control 0x077f
        fistl   buffer + 4
        field   "-2.5 down", buffer + 4, -1, -3
        control 0x0f7f
        fistpl  buffer + 4
        field   "towards zero", buffer + 4, -1, -2
        fninit
        fldpi
        frndint
        top     "FRNDINT of pi", 0x4000, 0xc0000000, 0
        status  "is inexact", 0x20, 0x20
        fninit
        movl    $0x4f000000, buffer     /* 2^31 */
        flds    buffer
        fistl   buffer + 4
        field   "too much for an integer", buffer + 4, -1, 0x80000000
        status  "is invalid", 0x3f, 1
        fistpll buffer + 4
        field   "but not for one of 64 bits", buffer + 4, -1, 0x80000000
        field   "  high half", buffer + 8, -1, 0
        fninit
        movl    $-123456789, buffer
        fildl   buffer
        fbstp   buffer
        field   "FBSTP", buffer, -1, 0x23456789
        field   "  next digits", buffer + 4, -1, 1
        field   "  sign", buffer + 8, 0xffff, 0x8000
        fbld    buffer
        fistpl  buffer
        field   "FBLD", buffer, -1, -123456789
        movl    $0x7fffffff, buffer
        movl    $-1, buffer + 4
        fildll  buffer
        fistpll buffer + 8
        field   "64 bits keep all", buffer + 8, -1, 0x7fffffff
        fninit
        ret

/* --- comparisons ------------------------------------------------------------------------------------------------- */

        .macro  class text, want, insn:vararg
        fninit
        \insn
        fxam
        status  "FXAM: \text", 0x4700, \want
        .endm

comparisons:
        class   "empty", 0x4100, fnop
        class   "zero", 0x4000, fldz
        class   "one", 0x0400, fld1
        class   "minus one", 0x0600, flds minus_one
        class   "infinity", 0x0500, flds infinity
        class   "NaN", 0x0100, flds quiet
        class   "denormal", 0x4400, fldt denormal
        fninit
        fld1
        fcoms   two
        status  "FCOM: less", 0x4500, 0x0100
        fcoms   one
        status  "equal", 0x4500, 0x4000
        fcoms   half
        status  "greater", 0x4500, 0
        flds    quiet
        fucomp  %st(1)
        status  "FUCOM: unordered, not invalid", 0x4501, 0x4500
        fcoms   quiet
        status  "FCOM with a NaN is invalid", 0x4501, 0x4501
        fnclex
        ftst
        status  "FTST", 0x4500, 0
        unless  CMOV, 1f
        flds    two
        fcomi   %st(1), %st
        call    flags
        check   "FCOMI: greater", 0
        fxch
        fucomi  %st(1), %st
        call    flags
        check   "FUCOMI: less", 1
        fucomi  %st(1), %st
        fcmovb  %st(1), %st
        fcomi   %st(1), %st
        call    flags
        check   "FCMOVB moves; equal", 0x40
        flds    quiet
        fucomip %st(1), %st
        call    flags
        check   "FUCOMIP: unordered", 0x45
        fninit
        ret
1:      skip    "FCOMI and FCMOV"
        fninit
        ret
flags:  pushfl
        popl    %eax
        andl    $0x8d5, %eax
        ret
        .balign 4
denormal:
        .long   1, 0
        .word   0, 0

stack_faults:
        fninit
        fldz
        fldz
        fldz
        fldz
        fldz
        fldz
        fldz
        fldz
        status  "eight pushes", 0x7f, 0
        fld1
        status  "a ninth: stack overflow", 0x0241, 0x0241
        top     "gives the indefinite", 0xffff, 0xc0000000, 0
        fninit
        fadds   one
        status  "an empty operand: stack underflow", 0x0241, 0x0041
        top     "gives the indefinite as well", 0xffff, 0xc0000000, 0
        fninit
        ret

masked_exceptions:
        fld1
        fldz
        fdivrp
        status  "1 / 0", 0x3f, 4
        top     "is infinite", 0x7fff, 0x80000000, 0
        fninit
        flds    minus_one
        fsqrt
        status  "root of -1", 0x3f, 1
        top     "is the indefinite", 0xffff, 0xc0000000, 0
        fninit
        flds    signalling
        status  "load of a signalling float", 0x3f, 1
        top     "quiets it", 0x7fff, 0xc0000100, 0
        fninit
        flds    tiny
        status  "load of a denormal float", 0x3f, 2
        top     "normalises it", 0x3f6a, 0x80000000, 0
        fninit
        fldt    largest
        fmuls   two
        status  "overflow", 0x3f, 0x28
        top     "is infinite", 0x7fff, 0x80000000, 0
        fninit
        fldt    smallest
        fmuls   half
        status  "an exact denormal is no underflow", 0x3f, 0
        top     "it is a denormal", 0, 0x40000000, 0
        fninit
        fldt    smallest
        fdivs   three
        status  "an inexact denormal is", 0x3f, 0x30
        fninit
        flds    infinity
        fsubs   infinity
        status  "infinity less infinity", 0x3f, 1
        fninit
        fldz
        fmuls   infinity
        status  "0 times infinity", 0x3f, 1
        fninit
        fldpi
        fstps   buffer
        status  "an inexact store; C1: rounded up", 0x220, 0x220
        fninit
        ret

functions:
        flds    ten
        flds    three
        fxch
        fprem
        status  "FPREM: done, quotient 3", 0x4700, 0x4200
        top     "10 rem 3", 0x3fff, 0x80000000, 0
        fninit
        flds    two
        flds    three
        fprem1                          /* 3 - 2 * 2: the nearest even quotient */
        top     "FPREM1", 0xbfff, 0x80000000, 0
        fninit
        fldpi
        fxtract
        top     "FXTRACT: significand", 0x3fff, 0xc90fdaa2, 0x2168c235
        top     "exponent", 0x3fff, 0x80000000, 0
        flds    three
        fldpi
        fscale
        top     "FSCALE by 3", 0x4003, 0xc90fdaa2, 0x2168c235
        fninit
        fld1
        fld1
        fpatan
        top     "FPATAN: pi / 4", 0x3ffe, 0xc90fdaa2, 0x2168c235
        fld1
        movl    $8, buffer
        fildl   buffer
        fyl2x
        top     "FYL2X: log2 8", 0x4000, 0xc0000000, 0
        fld1
        f2xm1
        top     "F2XM1 of 1", 0x3fff, 0x80000000, 0
        fldz
        fsincos
        top     "cos 0", 0x3fff, 0x80000000, 0
        top     "sin 0", 0, 0, 0
        fldz
        fptan
        top     "FPTAN pushes 1", 0x3fff, 0x80000000, 0
        fninit
        fld1
        fsin
        fstps   buffer
        field   "sin 1 as a float", buffer, -1, 0x3f576aa4
        movl    $0x7f000000, buffer     /* 2^127 */
        flds    buffer
        fcos
        status  "FCOS beyond 2^63: C2", 0x400, 0x400
        fninit
        ret

/* --- #NM --------------------------------------------------------------------------------------------------------- */

        .macro  cr0 set, clear
        movl    %cr0, %eax
        andl    $~(\clear), %eax
        orl     $\set, %eax
        movl    %eax, %cr0
        .endm

        .set    MP, 2
        .set    EM, 4
        .set    TS, 8
        .set    NE, 0x20

not_available:
        cr0     EM, TS|MP
        fault   "FNOP with EM", 7, NONE, fnop
        fault   "FNINIT with EM", 7, NONE, fninit
        fault   "FNSTSW with EM", 7, NONE, fnstsw %ax
        runs    "WAIT with EM alone", fwait
        cr0     TS, EM|MP
        fault   "FNOP with TS", 7, NONE, fnop
        runs    "WAIT with TS alone", fwait
        cr0     TS|MP, EM
        fault   "WAIT with TS and MP", 7, NONE, fwait
        clts
        runs    "WAIT after CLTS", fwait
        ret

/* --- errors by exception 16 -------------------------------------------------------------------------------------- */

error_by_exception:
        fninit
        control 0x037b                  /* zero divide unmasked */
        fld1
        fldz
1:      fdivrp
        status  "an unmasked 1 / 0: ES and B", 0x80ff, 0x8084
        fault   "#MF at the next instruction that waits", 16, NONE, fldz
        fault   "WAIT", 16, NONE, fwait
        runs    "FNOP waits too, FNSTSW does not", fnstsw %ax
        runs    "FNSTENV does not wait", fnstenv buffer
        field   "the instruction is that which failed", buffer + 12, -1, 1b
        field   "the stack was left alone", buffer + 4, 0x3800, 0x3000
        runs    "all masked by it: no #MF", fwait
        fldcw   control_word
        fault   "unmasked again by FLDCW: #MF again", 16, NONE, fwait
        runs    "FNCLEX", fnclex
        runs    "then all is well", fwait
        fninit
        control 0x035f                  /* inexact unmasked */
        fld1
        fdivs   three
        status  "unmasked inexact: the result is there", 0x80a0, 0x80a0
        fnclex
        top     "as if masked", 0x3ffd, 0xaaaaaaaa, 0xaaaaaaab
        fnclex
        fninit
        control 0x037e                  /* invalid unmasked */
        flds    minus_one
        fsqrt
        fnclex
        top     "unmasked invalid: the operand is untouched", 0xbfff, 0x80000000, 0
        fninit
        control 0x0377                  /* overflow unmasked */
        fldt    largest
        fmuls   two
        fnclex
        top     "unmasked overflow: the exponent is biased by 24576", 0x1fff, 0xffffffff, 0xffffffff
        fninit
        control 0x036f
        fldt    smallest
        fmuls   half
        status  "unmasked underflow of an exact result is an exception", 0x80, 0x80
        fnclex
        top     "and biased", 0x6000, 0x80000000, 0
        fninit
        control 0x0377
        fldt    largest
        movl    $0x12345678, buffer + 16
        fstps   buffer + 16
        field   "unmasked overflow of a store: nothing is stored", buffer + 16, -1, 0x12345678
        status  "nothing popped", 0x3880, 0x3880
        fnclex
        fninit
        ret

/* --- errors by IRQ 13 -------------------------------------------------------------------------------------------- */

error_by_irq_13:
        cr0     0, NE
        movl    $irq_13, handlers + 45 * 4
        movl    $0, resume_eip
        movl    $0, irq_count
        movb    $0xfb, %al              /* the cascade */
        outb    %al, $0x21
        movb    $0xdf, %al              /* IRQ 13 */
        outb    %al, $0xa1
        fninit
        control 0x037b
        fld1
        fldz
        fdivrp
        sti
        nop
        fwait                           /* held until the interrupt has been */
        cli
        field   "CR0.NE clear: IRQ 13", irq_count, -1, 1
        field   "it found ES", irq_status, 0x84, 0x84
        runs    "FNCLEX and port F0 ended it", fwait
        fninit
        movb    $0xff, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movl    $0, handlers + 45 * 4
        cr0     NE, 0
        ret

irq_13: incl    irq_count
        fnstsw  %ax
        movw    %ax, irq_status
        xorl    %eax, %eax
        outb    %al, $0xf0
        fnclex
        movb    $0x20, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        ret
        .balign 4
irq_count:
        .long   0
irq_status:
        .long   0

/* --- MMX --------------------------------------------------------------------------------------------------------- */

        .macro  packed text, register, high, low
        movq    \register, buffer
        movl    buffer, %eax
        check   "\text", \low
        movl    buffer + 4, %eax
        check   "  high half", \high
        .endm

mmx:    unless  MMX, no_mmx
        fninit
        movq    bytes, %mm0
        fnstenv buffer + 64
        movzwl  buffer + 64 + 8, %eax   /* the tags tell what the registers hold; empty would be 11 */
        movl    %eax, %edx
        shrl    $1, %edx
        andl    %edx, %eax
        andl    $0x5555, %eax
        check   "MMX leaves no register empty", 0
        field   "and top 0", buffer + 64 + 4, 0x3800, 0
        fnsave  buffer + 64
        field   "the exponent is all ones", buffer + 64 + 28 + 8, 0xffff, 0xffff
        frstor  buffer + 64
        movq    %mm0, %mm1
        paddb   bytes2, %mm1
        packed  "PADDB", %mm1, 0x00818283, 0x00020304
        movq    %mm0, %mm1
        paddsb  bytes2, %mm1
        packed  "PADDSB", %mm1, 0x007f7f7f, 0x00020304
        movq    %mm0, %mm1
        paddusb bytes2, %mm1
        packed  "PADDUSB", %mm1, 0xff818283, 0xff020304
        movq    words, %mm1
        pmaddwd words2, %mm1
        packed  "PMADDWD", %mm1, 0x00000020, 0x80000000
        movq    words, %mm1
        pmulhw  words2, %mm1
        packed  "PMULHW", %mm1, 0, 0x40004000
        movq    words, %mm1
        packsswb words2, %mm1
        packed  "PACKSSWB", %mm1, 0x05048080, 0x04038080
        movq    words, %mm1
        packuswb words2, %mm1
        packed  "PACKUSWB", %mm1, 0x05040000, 0x04030000
        movq    bytes, %mm1
        punpcklbw bytes2, %mm1
        packed  "PUNPCKLBW", %mm1, 0xff010101, 0x01020202
        movq    bytes, %mm1
        pcmpgtb bytes2, %mm1
        packed  "PCMPGTB", %mm1, 0xff000000, 0xff00ff00
        movq    words, %mm1
        psraw   $15, %mm1
        packed  "PSRAW", %mm1, 0, 0xffffffff
        movq    words, %mm1
        psllq   $36, %mm1
        packed  "PSLLQ", %mm1, 0x00080000, 0
        emms
        fnstenv buffer + 64
        field   "EMMS empties", buffer + 64 + 8, 0xffff, 0xffff
        cr0     TS, 0
        fault   "MMX with TS", 7, NONE, pxor %mm0, %mm0
        clts
        cr0     EM, 0
        fault   "MMX with EM", 6, NONE, pxor %mm0, %mm0
        cr0     0, EM
        ret
no_mmx: skip    "MMX"
        ret

        .balign 16
bytes:  .byte   2, 2, 1, 1, 4, 3, 2, 1
bytes2: .byte   2, 1, 1, -1, 0x7f, 0x7f, 0x7f, -1
words:  .word   0x8000, 0x8000, 3, 4
words2: .word   0x8000, 0x8000, 4, 5

/* --- SSE --------------------------------------------------------------------------------------------------------- */

        .macro  quad text, register, a, b, c, d
        movups  \register, buffer
        movl    buffer, %eax
        check   "\text", \a
        movl    buffer + 4, %eax
        check   "  second", \b
        movl    buffer + 8, %eax
        check   "  third", \c
        movl    buffer + 12, %eax
        check   "  fourth", \d
        .endm

        .macro  mxcsr value
        movl    $\value, buffer + 32
        ldmxcsr buffer + 32
        .endm

        .macro  mxcsr_flags text, want
        stmxcsr buffer + 32
        field   "\text", buffer + 32, 0x3f, \want
        .endm

sse:    unless  SSE, no_sse
        movl    %cr4, %eax
        andl    $~0x600, %eax
        movl    %eax, %cr4
        fault   "SSE without CR4.OSFXSR", 6, NONE, addps %xmm0, %xmm0
        orl     $0x200, %eax
        movl    %eax, %cr4
        runs    "SSE with it", addps %xmm0, %xmm0
        cr0     TS, 0
        fault   "SSE with TS", 7, NONE, addps %xmm0, %xmm0
        clts
        cr0     EM, 0
        fault   "SSE with EM", 6, NONE, addps %xmm0, %xmm0
        cr0     0, EM
        fault   "MOVAPS from an address that is not aligned", 13, 0, movaps floats + 4, %xmm0
        fault   "ADDPS from one", 13, 0, addps floats + 4, %xmm0
        runs    "MOVUPS from it", movups floats + 4, %xmm0
        mxcsr   0x1f80
        movaps  floats, %xmm0
        movaps  floats2, %xmm1
        movaps  %xmm0, %xmm2
        addps   %xmm1, %xmm2
        quad    "ADDPS", %xmm2, 0x40000000, 0x40900000, 0x41000000, 0x40000000
        movaps  %xmm0, %xmm2
        mulps   %xmm1, %xmm2
        quad    "MULPS", %xmm2, 0x3f800000, 0x40a00000, 0x41700000, 0xc0400000
        movaps  %xmm0, %xmm2
        divps   %xmm1, %xmm2
        quad    "DIVPS", %xmm2, 0x3f800000, 0x3fa00000, 0x3f19999a, 0xc0400000
        movaps  %xmm0, %xmm2
        subss   %xmm1, %xmm2
        quad    "SUBSS", %xmm2, 0, 0x40200000, 0x40400000, 0x40400000
        mxcsr_flags "inexact", 0x20
        movaps  %xmm0, %xmm2
        cmpltps %xmm1, %xmm2
        quad    "CMPLTPS", %xmm2, 0, 0, -1, 0
        movmskps %xmm2, %eax
        check   "MOVMSKPS", 4
        movaps  %xmm0, %xmm2
        shufps  $0x1b, %xmm1, %xmm2
        quad    "SHUFPS", %xmm2, 0x40400000, 0x40400000, 0x40000000, 0x3f800000
        sqrtss  two, %xmm2
        movss   %xmm2, buffer
        field   "SQRTSS", buffer, -1, 0x3fb504f3
        movl    $0x40200000, buffer     /* 2.5 */
        cvtss2si buffer, %eax
        check   "CVTSS2SI of 2.5", 2
        mxcsr   0x5f80                  /* up */
        cvtss2si buffer, %eax
        check   "rounding up", 3
        cvttss2si buffer, %eax
        check   "CVTTSS2SI", 2
        mxcsr   0x1f80
        cvttss2si infinity, %eax
        check   "of infinity", 0x80000000
        mxcsr_flags "is invalid", 1
        movss   one, %xmm3
        comiss  two, %xmm3
        call    flags
        check   "COMISS: less", 1
        ucomiss quiet, %xmm3
        call    flags
        check   "UCOMISS: unordered", 0x45
        movss   quiet, %xmm4
        minss   one, %xmm4
        movss   %xmm4, buffer
        field   "MINSS with a NaN gives the second operand", buffer, -1, 0x3f800000
        mxcsr   0x1f80
        movss   tiny, %xmm4
        addss   tiny, %xmm4
        mxcsr_flags "a denormal operand", 2
        movl    $0x00800000, buffer     /* the smallest normal */
        movss   buffer, %xmm4
        mxcsr   0x9f80                  /* flush to zero */
        mulss   half, %xmm4
        movss   %xmm4, buffer
        field   "flush to zero", buffer, -1, 0
        mxcsr_flags "tells underflow and inexact", 0x30
        movl    $0x80001f80, buffer
        fault   "MXCSR: a reserved bit", 13, 0, ldmxcsr buffer
        mxcsr   0x1d80                  /* zero divide unmasked */
        movss   one, %xmm3
        xorps   %xmm4, %xmm4
        fault   "unmasked without CR4.OSXMMEXCPT", 6, NONE, divss %xmm4, %xmm3
        movl    %cr4, %eax
        orl     $0x400, %eax
        movl    %eax, %cr4
        fault   "unmasked with it", 19, NONE, divss %xmm4, %xmm3
        mxcsr_flags "its flag is set", 4
        movss   %xmm3, buffer
        field   "its register is as it was", buffer, -1, 0x3f800000
        mxcsr   0x1f80
        movntps %xmm0, buffer
        sfence
        prefetchnta buffer
        field   "MOVNTPS", buffer + 4, -1, 0x40200000
        fninit
        fldpi
        movaps  floats, %xmm5
        fxsave  buffer
        field   "FXSAVE: control word", buffer, 0xffff, CW_DEFAULT
        field   "short tags", buffer + 4, 0xff, 0x80
        field   "MXCSR", buffer + 24, -1, 0x1f80
        field   "ST(0)", buffer + 32, -1, 0x2168c235
        field   "XMM5", buffer + 244, -1, 0x40200000
        fninit
        xorps   %xmm5, %xmm5
        fxrstor buffer
        movss   %xmm5, buffer + 512
        field   "FXRSTOR", buffer + 512, -1, 0x3f800000
        top     "with its stack", 0x4000, 0xc90fdaa2, 0x2168c235
        fault   "FXSAVE to an address that is not aligned", 13, 0, fxsave buffer + 8
        fninit
        unless  SSE2, no_sse2

        movapd  doubles, %xmm0
        movapd  %xmm0, %xmm1
        addpd   %xmm1, %xmm1
        quad    "ADDPD", %xmm1, 0, 0x40000000, 0, 0x40140000
        sqrtsd  double_two, %xmm1
        quad    "SQRTSD", %xmm1, 0x667f3bcd, 0x3ff6a09e, 0, 0x40140000
        cvtpd2ps %xmm0, %xmm1
        quad    "CVTPD2PS", %xmm1, 0x3f800000, 0x40200000, 0, 0
        cvttpd2dq %xmm0, %xmm1
        quad    "CVTTPD2DQ", %xmm1, 1, 2, 0, 0
        cvtsd2si doubles + 8, %eax
        check   "CVTSD2SI", 2
        movdqa  integers128, %xmm2
        movdqa  %xmm2, %xmm3
        paddq   %xmm2, %xmm3
        quad    "PADDQ", %xmm3, 0xfffffffe, 3, 2, 0
        movdqa  %xmm2, %xmm3
        pmuludq %xmm2, %xmm3
        quad    "PMULUDQ", %xmm3, 1, 0xfffffffe, 1, 0
        pshufd  $0x39, %xmm2, %xmm3
        quad    "PSHUFD", %xmm3, 1, 1, 0x80000000, 0xffffffff
        movdqa  %xmm2, %xmm3
        pslldq  $5, %xmm3
        quad    "PSLLDQ", %xmm3, 0, 0xffffff00, 0x000001ff, 0x00000100
        movdqa  %xmm2, %xmm3
        punpckhqdq %xmm2, %xmm3
        quad    "PUNPCKHQDQ", %xmm3, 1, 0x80000000, 1, 0x80000000
        pmovmskb %xmm2, %eax
        check   "PMOVMSKB", 0x800f
        movl    $0x55aa55aa, %eax
        movnti  %eax, buffer
        mfence
        lfence
        field   "MOVNTI", buffer, -1, 0x55aa55aa
        ret
no_sse2:
        skip    "SSE2"
        ret
no_sse: skip    "SSE"
        ret

        .balign 16
floats: .float  1, 2.5, 3, 3
        .float  0
        .balign 16
floats2:
        .float  1, 2, 5, -1
doubles:
        .double 1, 2.5
double_two:
        .double 2, 0
integers128:
        .long   0xffffffff, 1, 1, 0x80000000

        test_end
