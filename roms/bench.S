/*
 * The guest of `clutch bench`: a 64 KiB firmware of our own that runs one test in one mode, as the host's bench device
 * tells it.  Origin: 0x10000
 *
 * Source: Intel SDM vol. 3A, "Processor State After Reset", "Switching to Protected Mode", "Initializing IA-32e Mode",
 * "Local APIC"; vol. 2, SYSCALL, SYSENTER.
 *
 * It copies itself to 10000h (where it is linked), enters the mode that the test's entry in the table asks for, and there
 * runs the test as often as PORT_BATCH says, between writes to PORT_BEGIN and PORT_END, until PORT_BATCH says 0.
 * The host (ui/bench_rom.h) reads the header and the table, and runs the routines of 32-bit and 64-bit user mode itself.
 */
        .set    BASE, 0x10000
        .set    BUFFER16, 0x2000        /* segment */
        .set    STACK0, 0x38000
        .set    STACK3, 0x3c000
        .set    PAGES, 0x40000          /* page tables */
        .set    IDT, 0x50000
        .set    BUFFER, 0x400000
        .set    FRAMES, 0x800000        /* what is behind the faulting pages */
        .set    WINDOW, 0x8000000       /* where they are, linear */
        .set    WINDOW_PAGES, 64
        .set    MMIO, 0xd0000000        /* the bench device's */
        .set    APIC, 0xfee00000

        .set    PORT, 0x5b0
        .set    PORT_TEST, PORT         /* in: which test */
        .set    PORT_BATCH, PORT + 4    /* in: how many passes now; 0: no more */
        .set    PORT_BEGIN, PORT + 8    /* out */
        .set    PORT_END, PORT + 12     /* out: checksum */
        .set    PORT_DIFFER, PORT + 16  /* out, after PORT_END: not 0 if the passes differ */
        .set    PORT_FAULT, PORT + 20   /* out: an exception that nobody expected */
        .set    PORT_DATA, PORT + 24    /* in: the next number of a sequence, which depends on what was written */
        .set    PORT_RESTART, PORT + 28 /* out: from the start */

        .set    CODE32, 0x08
        .set    DATA, 0x10
        .set    UCODE32, 0x1b
        .set    UDATA, 0x23
        .set    CODE64, 0x28            /* and DATA behind it, for SYSCALL */
        .set    STAR_USER, 0x3b         /* SYSRET: 32-bit code, data, 64-bit code */
        .set    UCODE64, 0x4b
        .set    TSS, 0x50
        .set    CODE16, 0x60
        .set    DATA16, 0x68

        .set    REAL16, 0               /* modes, as in ui/bench_rom.h */
        .set    RING0_32, 1
        .set    RING3_32, 2
        .set    RING0_64, 3
        .set    RING3_64, 4

        .set    VECTOR_IPI, 0x50
        .set    VECTOR_SERVICE, 0x80
        .set    VECTOR_SOFT, 0x81

        .text
        .code16
        .globl  start
start:  .ascii  "CLUTCHB1"
        .word   TESTS, call64 - start, call32 - start, lcall32 - start
table:
        .set    TESTS, (table_end - table) / 36

/* NAME, MODE, ROUTINE, operations of a pass, and what they are */
        .macro  test name, mode, routine, operations=0, unit=""
99:     .ascii  "\name"
        .org    99b + 16
        .ascii  "\unit"
        .org    99b + 28
        .long   \operations
        .word   \routine - start, \mode
        .endm
        .macro  everywhere name
        test    "\name", REAL16, \name\()_16
        test    "\name", RING0_32, \name\()_32
        test    "\name", RING3_32, \name\()_32
        test    "\name", RING0_64, \name\()_64
        test    "\name", RING3_64, \name\()_64
        .endm

        everywhere integer
        everywhere branches
        everywhere memory
        test    "cache", RING3_32, cache_32
        test    "cache", RING3_64, cache_64
        everywhere x87
        everywhere sse
        everywhere strings
        test    "page-fault", RING0_32, page_fault_32, WINDOW_PAGES + 1, "fault"
        test    "page-fault", RING3_32, page_fault_32, WINDOW_PAGES + 1, "fault"
        test    "page-fault", RING0_64, page_fault_64, WINDOW_PAGES + 1, "fault"
        test    "page-fault", RING3_64, page_fault_64, WINDOW_PAGES + 1, "fault"
        test    "address-space", RING3_32, address_space_32, 100, "switch"
        test    "address-space", RING3_64, address_space_64, 100, "switch"
        test    "int", REAL16, int_16, 1000, "call"
        test    "int", RING3_32, int_32, 1000, "call"
        test    "sysenter", RING3_32, sysenter_32, 1000, "call"
        test    "syscall", RING3_64, syscall_64, 1000, "call"
        test    "far-call", REAL16, far_call_16, 1000, "call"
        test    "far-call", RING0_32, far_call_32, 1000, "call"
        test    "mode-switch", REAL16, mode_switch_16, 100, "switch"
        test    "cpuid", RING0_32, cpuid_32, 100, "cpuid"
        test    "cpuid", RING3_64, cpuid_64, 100, "cpuid"
        test    "port-in", REAL16, port_in_16, 1000, "access"
        test    "port-in", RING0_32, port_in_32, 1000, "access"
        test    "port-in", RING0_64, port_in_64, 1000, "access"
        test    "port-out", RING0_32, port_out_32, 1000, "access"
        test    "port-out", RING0_64, port_out_64, 1000, "access"
        test    "port-string", RING0_32, port_string_32, 2048, "access"
        test    "port-string", RING0_64, port_string_64, 2048, "access"
        test    "mmio-read", RING0_32, mmio_read_32, 1000, "access"
        test    "mmio-read", RING0_64, mmio_read_64, 1000, "access"
        test    "mmio-write", RING0_32, mmio_write_32, 1000, "access"
        test    "mmio-write", RING0_64, mmio_write_64, 1000, "access"
        test    "interrupt", RING0_32, interrupt_32, 100, "IPI"
        test    "interrupt", RING0_64, interrupt_64, 100, "IPI"
table_end:

/* --- kernels ----------------------------------------------------------------------------------------------------- */

#define BITS 16
#include "roms/bench-kernels.inc"
#define BITS 32
#include "roms/bench-kernels.inc"
/* In pages of their own: a KVM for user code only does not execute pages that hold a CPUID (accel/kvm_tables.c). */
        .balign 4096
#define BITS 64
#include "roms/bench-kernels.inc"
        .balign 4096

/* The host's way in, as a C function of 64-bit code: RDI = { u32 entry (of lcall32), u16 code segment, u16 data segment,
 * u32 stack, u32 routine, u32 buffer, u32 count, u32 differ (out) }, all below 4 GiB.  Returns the checksum. */
        .macro  save_host
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        .endm
        .macro  restore_host
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        .endm
        .code64
call64: save_host
        pushq   %rdi
        movl    12(%rdi), %esi
        movl    20(%rdi), %ecx
        movl    16(%rdi), %edi
        call    batch_64
        popq    %rdi
        movl    %edx, 24(%rdi)
        restore_host
        ret

/* 32-bit code has no stack above 4 GiB, and a processor need not keep the upper halves of registers there. */
call32: save_host
        movl    8(%rdi), %eax
        movq    %rsp, -8(%rax)
        movq    %rdi, -16(%rax)
        leaq    -16(%rax), %rsp
        movl    %ds, %eax
        pushq   %rax
        movl    %es, %eax
        pushq   %rax
        movzwl  6(%rdi), %eax
        movl    12(%rdi), %esi
        movl    20(%rdi), %ecx
        movq    %rdi, %rbx
        movl    16(%rdi), %edi
        movl    %eax, %ds
        movl    %eax, %es
        lcall   *(%rbx)
        movl    %esp, %esp
        popq    %rcx
        movl    %ecx, %es
        popq    %rcx
        movl    %ecx, %ds
        popq    %rdi
        movl    %edx, 24(%rdi)
        popq    %rsp
        restore_host
        ret
        .code32
lcall32:
        call    batch_32
        lret

        .macro  restart
        movw    $PORT_RESTART, %dx
        outl    %eax, %dx
        movw    $PORT_DATA, %dx
        .endm

/* --- tests that need the machine --------------------------------------------------------------------------------- */

        .code16
/* INT n by the real-mode vector table */
int_16: movl    $1000, %ecx
        xorl    %eax, %eax
1:      int     $VECTOR_SOFT
        decl    %ecx
        jnz     1b
        ret
soft_handler_16:
        addl    %ecx, %eax
        iretw

far_call_16:
        movl    $1000, %ecx
        xorl    %eax, %eax
1:      lcall   $BASE >> 4, $2f - start
        movw    %ds, %dx
        movw    %dx, %es
        decl    %ecx
        jnz     1b
        ret
2:      addl    %ecx, %eax
        lretw

/* To 16-bit protected mode and back */
mode_switch_16:
        movl    $100, %ecx
        xorl    %esi, %esi
        lgdtl   %cs:gdt_pointer - start
1:      movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $CODE16, $2f - start
2:      movw    $DATA16, %dx
        movw    %dx, %ds
        addl    %ecx, %esi
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmp    $BASE >> 4, $3f - start
3:      movw    $BUFFER16, %dx
        movw    %dx, %ds
        decl    %ecx
        jnz     1b
        movl    %esi, %eax
        ret

port_in_16:
        movl    $1000, %ecx
        restart
        xorl    %ebx, %ebx
1:      inl     %dx, %eax
        addl    %eax, %ebx
        roll    $1, %ebx
        decl    %ecx
        jnz     1b
        movl    %ebx, %eax
        ret

        .code32
int_32: movl    $1000, %ecx
        movl    $1, %ebx
1:      xorl    %eax, %eax              /* service 0 */
        int     $VECTOR_SERVICE
        decl    %ecx
        jnz     1b
        movl    %ebx, %eax
        ret

/* SYSEXIT takes EIP from EDX and ESP from ECX */
sysenter_32:
        movl    $1000, %esi
        movl    $1, %ebx
        call    1f
1:      popl    %edi
        addl    $2f - 1b, %edi
3:      movl    %esp, %ecx
        movl    %edi, %edx
        sysenter
2:      decl    %esi
        jnz     3b
        movl    %ebx, %eax
        ret

far_call_32:
        movl    $1000, %ecx
        xorl    %eax, %eax
1:      lcall   $CODE32, $2f
        movl    %ds, %edx
        movl    %edx, %es
        decl    %ecx
        jnz     1b
        ret
2:      addl    %ecx, %eax
        lret

        .code64
syscall_64:
        movl    $1000, %esi
        movl    $1, %ebx
1:      xorl    %eax, %eax
        syscall
        decl    %esi
        jnz     1b
        movl    %ebx, %eax
        ret

#define BITS 32
#include "roms/bench-protected.inc"
#define BITS 64
#include "roms/bench-protected.inc"

        .code32
sysenter_entry:
        leal    1(%ebx, %ebx, 2), %ebx
        sysexit

        .code64
/* As service_64; 0 as a kernel does it, with its own GS base and its own stack */
syscall_entry:
        cmpl    $2, %eax
        je      3f
        testl   %eax, %eax
        jnz     1f
        swapgs
        movq    %rsp, %gs:8
        movq    %gs:0, %rsp
        pushq   %rcx
        pushq   %r11
        leal    1(%rbx, %rbx, 2), %ebx
        popq    %r11
        popq    %rcx
        movq    %gs:8, %rsp
        swapgs
        sysretq
1:      movl    $WINDOW_PAGES, %r9d
        xorl    %eax, %eax
2:      movq    %rax, PAGES + 0x6000 - 8(, %r9, 8)
        decl    %r9d
        jnz     2b
        movl    $PAGES, %r9d
        movq    %r9, %cr3
        sysretq
3:      movq    %cr3, %r9
        xorq    $0x1000, %r9
        movq    %r9, %cr3
        sysretq

/* --- start ------------------------------------------------------------------------------------------------------- */

        .code16
/* At F000h, in ROM */
boot:   cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ss
        movw    $0x7000, %sp
        inb     $0x92, %al
        orb     $2, %al                 /* A20 */
        andb    $0xfe, %al
        outb    %al, $0x92
        movw    $0xf000, %ax
        movw    %ax, %ds
        movw    $BASE >> 4, %ax
        movw    %ax, %es
        xorl    %esi, %esi
        xorl    %edi, %edi
        movl    $0x4000, %ecx
        rep movsl %ds:(%esi), %es:(%edi)
        ljmp    $BASE >> 4, $1f - start
1:      movw    %ax, %ds
        movw    $PORT_TEST, %dx
        inl     %dx, %eax
        cmpl    $TESTS, %eax
        jae     3f
        imull   $36, %eax, %ebx
        addw    $table - start, %bx
        movzwl  32(%bx), %eax
        movl    %eax, routine - start
        movzwl  34(%bx), %eax
        movl    %eax, mode - start
        fninit
        movl    %cr0, %ecx
        andb    $0xf3, %cl              /* no EM, no TS: SSE and x87 for all */
        orb     $0x22, %cl              /* MP, NE */
        movl    %ecx, %cr0
        movl    %cr4, %ecx
        orw     $0x600, %cx             /* OSFXSR, OSXMMEXCPT */
        movl    %ecx, %cr4
        cmpl    $REAL16, %eax
        jne     enter_protected
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    $soft_handler_16 - start, VECTOR_SOFT * 4
        movw    $BASE >> 4, VECTOR_SOFT * 4 + 2
        movw    $BUFFER16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    $STACK0 >> 4 & 0xf000, %ax
        movw    %ax, %ss
        movl    $0x8000, %esp
        jmp     2f
1:      movl    %eax, %ecx
        movw    $PORT_BEGIN, %dx
        outl    %eax, %dx
        movl    %cs:routine - start, %esi
        xorl    %edi, %edi
        call    batch_16
        movl    %edx, %ebx
        movw    $PORT_END, %dx
        outl    %eax, %dx
        movl    %ebx, %eax
        movw    $PORT_DIFFER, %dx
        outl    %eax, %dx
2:      movw    $PORT_BATCH, %dx
        inl     %dx, %eax
        testl   %eax, %eax
        jnz     1b
3:      cli
        hlt
        jmp     3b

enter_protected:
        lgdtl   gdt_pointer - start
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $CODE32, $enter32

        .code32
/* edi = place of the first of ecx gates, eax = address of the first handler, edx = its distance to the next; 32-bit gates
 * are 8 bytes, 64-bit gates (ebx = 16) with CODE64 */
make_gates:
1:      movw    %ax, (%edi)
        movw    %si, 2(%edi)
        movw    $0xee00, 4(%edi)        /* interrupt gate, DPL 3 */
        pushl   %eax
        shrl    $16, %eax
        movw    %ax, 6(%edi)
        popl    %eax
        addl    %ebx, %edi
        addl    %edx, %eax
        loop    1b
        ret
        .macro  gate vector, handler
        movl    $\handler, %eax
        leal    IDT, %edi
        imull   $\vector, %ebx, %ecx
        addl    %ecx, %edi
        movl    $1, %ecx
        call    make_gates
        .endm

enter32:
        movl    $DATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        movl    $STACK0, %esp
        movl    $PAGES, %edi            /* tables and IDT to nothing */
        xorl    %eax, %eax
        movl    $0x20000 / 4, %ecx
        rep stosl
        movl    $0x1ff, APIC + 0xf0     /* software enable */
        movl    $8, %edx
        cmpl    $RING0_64, mode
        jae     enter64

        movl    $8, %ebx
        movl    $CODE32, %esi
        movl    $IDT, %edi
        movl    $handlers_32, %eax
        movl    $32, %ecx
        call    make_gates
        gate    14, page_fault_handler_32
        gate    VECTOR_SERVICE, service_32
        gate    VECTOR_IPI, ipi_32
        gate    13, protection_handler_32
        lidt    idt_pointer
        movl    $STACK0, tss + 4
        movl    $DATA, tss + 8
        movl    $0x8900, gdt + TSS + 4
        movl    $tss, %eax
        shrl    $16, %eax
        orl     %eax, gdt + TSS + 4
        movl    $TSS, %eax
        ltr     %ax
        movl    $0x174, %ecx            /* SYSENTER_CS, _ESP, _EIP */
        xorl    %edx, %edx
        movl    $CODE32, %eax
        wrmsr
        movl    $0x175, %ecx
        movl    $STACK0, %eax
        wrmsr
        movl    $0x176, %ecx
        movl    $sysenter_entry, %eax
        wrmsr
        /* Two directories at PAGES and PAGES + 1000h: everything by 4 MiB pages, the window by the table at PAGES + 3000h */
        movl    $PAGES, %edi
        movl    $0x87, %eax
        movl    $1024, %ecx
1:      movl    %eax, (%edi)
        movl    %eax, 0x1000(%edi)
        addl    $0x400000, %eax
        addl    $4, %edi
        loop    1b
        movl    $PAGES + 0x3007, PAGES + (WINDOW >> 22) * 4
        movl    $PAGES + 0x3007, PAGES + 0x1000 + (WINDOW >> 22) * 4
        movl    %cr4, %eax
        orb     $0x10, %al              /* PSE */
        movl    %eax, %cr4
        movl    $PAGES, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $0x80010000, %eax       /* PG, WP */
        movl    %eax, %cr0
        jmp     1f
1:      cmpl    $RING3_32, mode
        jne     batches_32
        movl    $UDATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        jmp     batches_32

enter64:
        movl    $16, %ebx
        movl    $CODE64, %esi
        movl    $IDT, %edi
        movl    $handlers_64, %eax
        movl    $32, %ecx
        call    make_gates
        gate    14, page_fault_handler_64
        gate    VECTOR_SERVICE, service_64
        gate    VECTOR_IPI, ipi_64
        gate    13, protection_handler_64
        lidt    idt_pointer
        movl    $STACK0, tss + 4
        /* Two roots at PAGES and PAGES + 1000h, over the table of directories at PAGES + 2000h; four directories, not
         * beside one another: PAGES + 3000h, 4000h, 5000h, 7000h; the window's table at PAGES + 6000h */
        movl    $PAGES + 0x2007, PAGES
        movl    $PAGES + 0x2007, PAGES + 0x1000
        movl    $PAGES + 0x3007, PAGES + 0x2000
        movl    $PAGES + 0x4007, PAGES + 0x2008
        movl    $PAGES + 0x5007, PAGES + 0x2010
        movl    $PAGES + 0x7007, PAGES + 0x2018
        movl    $PAGES + 0x3000, %edi
        movl    $0x87, %eax
        movl    $1536, %ecx
1:      movl    %eax, (%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        loop    1b
        movl    $PAGES + 0x7000, %edi
        movl    $512, %ecx
2:      movl    %eax, (%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        loop    2b
        movl    $PAGES + 0x6007, PAGES + 0x3000 + (WINDOW >> 21) * 8
        movl    %cr4, %eax
        orb     $0x20, %al              /* PAE */
        movl    %eax, %cr4
        movl    $PAGES, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       /* EFER: LME, SCE */
        rdmsr
        orl     $0x101, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80010000, %eax
        movl    %eax, %cr0
        ljmpl   $CODE64, $1f

        .code64
1:      movl    $0x8900, gdt + TSS + 4(%rip)
        movl    $tss, %eax
        shrl    $16, %eax
        orl     %eax, gdt + TSS + 4(%rip)
        movl    $TSS, %eax
        ltr     %ax
        movl    $STACK0, %esp
        movl    $0xc0000081, %ecx       /* STAR, LSTAR, FMASK, KERNEL_GS_BASE */
        xorl    %eax, %eax
        movl    $STAR_USER << 16 | CODE64, %edx
        wrmsr
        xorl    %edx, %edx
        movl    $0xc0000082, %ecx
        movl    $syscall_entry, %eax
        wrmsr
        movl    $0xc0000084, %ecx
        movl    $0x200, %eax
        wrmsr
        movl    $0xc0000102, %ecx
        movl    $per_cpu, %eax
        wrmsr
        jmp     batches_64

/* --- data -------------------------------------------------------------------------------------------------------- */

        .balign 16
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* 08: code, 32-bit */
        .quad   0x00cf93000000ffff      /* 10: data */
        .quad   0x00cffb000000ffff      /* 18: code, 32-bit, DPL 3 */
        .quad   0x00cff3000000ffff      /* 20: data, DPL 3 */
        .quad   0x00af9b000000ffff      /* 28: code, 64-bit */
        .quad   0x00cf93000000ffff      /* 30: data */
        .quad   0x00cffb000000ffff      /* 38: code, 32-bit, DPL 3 */
        .quad   0x00cff3000000ffff      /* 40: data, DPL 3 */
        .quad   0x00affb000000ffff      /* 48: code, 64-bit, DPL 3 */
        .word   103, tss - start        /* 50: TSS; BASE is 64 KiB aligned, the rest is filled in */
        .long   0
        .quad   0                       /* 58: its upper half in 64-bit mode */
        .quad   0x00009b010000ffff      /* 60: code, 16-bit, where this is */
        .quad   0x000093020000ffff      /* 68: data, 16-bit, BUFFER16 */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
idt_pointer:
        .word   0xfff
        .long   IDT, 0
        .balign 16
tss:    .fill   25, 4, 0
        .word   0, 104                  /* no I/O bitmap */
per_cpu:
        .quad   STACK0, 0
routine:
        .long   0
mode:   .long   0

        .org    0xfff0
reset:  .code16
        ljmp    $0xf000, $boot - start
        .org    0x10000
