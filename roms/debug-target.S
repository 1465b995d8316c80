/*
 * One boot sector for a debugger to look at (tests/check-gdb.sh): a few instructions with known effects in real-address
 * mode with a code segment that does not begin at 0, in 32-bit and in 64-bit mode, and then a loop that counts until
 * `stop` is set, when it ends by isa-debug-exit at port F4h with status 33.
 * Origin: 0x7c00
 *
 * Source: SDM vol. 3A, "Switching to Protected Mode", "Initializing IA-32e Mode".
 */
        .set    SEGMENT, 0x7c0          /* CS in real-address mode */
        .set    CODE32, 0x08
        .set    DATA32, 0x10
        .set    CODE64, 0x18
        .set    STRING, 0x8000          /* filled by REP STOSW */
        .set    PML4, 0x10000           /* and PDPT, page directory: 4 MiB of large pages */
        .set    MSR_EFER, 0xc0000080

        .code16
        .globl  start
start:  cli
        ljmp    $SEGMENT, $(real - start)
real:   xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7000, %sp
        movw    $0x1111, %bx
real_add:
        addw    $0x2222, %bx
        movw    $0x5a5a, %ax
        movw    $STRING, %di
        movw    $32, %cx
        cld
fill:   rep stosw
        lgdtw   gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $CODE32, $protected

        .code32
protected:
        movw    $DATA32, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x7000, %esp
        movl    $0x12345678, value
after_value:
        movl    value, %edx
after_read:
        xorl    %ebx, %ebx
        movb    $0x43, patched          /* INC ECX becomes INC EBX */
patched:
        incl    %ecx
after_patched:
        movl    $PML4, %edi             /* three pages of zeros, and an entry in each */
        movl    %edi, %cr3
        xorl    %eax, %eax
        movl    $0x3000 / 4, %ecx
        rep stosl
        movl    $PML4 + 0x1003, PML4
        movl    $PML4 + 0x2003, PML4 + 0x1000
        movl    $0x000083, PML4 + 0x2000
        movl    $0x200083, PML4 + 0x2008
        movl    $0x220, %eax            /* CR4.PAE, OSFXSR */
        movl    %eax, %cr4
        movl    $MSR_EFER, %ecx
        rdmsr
        orb     $1, %ah                 /* LME */
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        ljmpl   $CODE64, $long

        .code64
long:   movabsq $0x1122334455667788, %rax
        movq    %rax, %xmm3
        call    twice
returned:
        movl    $1, %eax                /* AVX, if there is: CR4.OSXSAVE, XCR0 with YMM */
        cpuid
        testl   $0x10000000, %ecx
        jz      no_avx
        movq    %cr4, %rax
        orl     $0x40000, %eax
        movq    %rax, %cr4
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        movl    $7, %eax
        xsetbv
        vinsertf128 $1, %xmm3, %ymm3, %ymm3
extract:
        vextractf128 $1, %ymm3, %xmm4
extracted:
no_avx: xorl    %ecx, %ecx
count:  incq    %rcx
        movq    %rcx, counter(%rip)
        cmpb    $0, stop(%rip)
        je      count
        movl    $0x10, %eax
        outl    %eax, $0xf4
        hlt
twice:  leaq    (%rax,%rax), %r9
        ret

        .balign 8
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00af9b000000ffff
gdt_end:
value:  .long   0
counter:
        .quad   0
stop:   .byte   0
        .org    510
        .word   0xaa55
