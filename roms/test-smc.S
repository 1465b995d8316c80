/*
 * Test boot disk: code that changes under the processor.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Handling Self- and Cross-Modifying Code" (a write to the code being executed is seen by
 * the next instruction on every processor since the Pentium Pro, if it is made through the same linear address);
 * PIIX3 datasheet "Bus Master IDE"; ATA-4 "READ SECTOR(S)", "READ DMA".
 */
        .include "roms/test.inc"

        .set    PAGE_A, 0x20000         /* pages that code is built in */
        .set    PAGE_B, 0x21000
        .set    PRDT, 0x23000
        .set    DIRECTORY, 0x30000
        .set    TABLE, 0x31000
        .set    ALIAS, 0x400000         /* linear; mapped by the alias tests */

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    same_block
        call    loops
        call    other_page
        call    straddling
        call    by_all_kinds_of_stores
        call    by_strings
        call    modes
        call    aliases
        call    find_ide
        call    by_pio
        call    by_dma
        ret

/* --- the block that runs ----------------------------------------------------------------------------------------- */

same_block:
        movl    $0, %eax
        movb    $7, 1f + 1
1:      movb    $1, %al                 /* the very next instruction */
        check   "a write to the next instruction", 7

        xorl    %eax, %eax
        movb    $0x43, 1f               /* INC EAX becomes INC EBX */
        xorl    %ebx, %ebx
1:      incl    %eax
        check   "a write to an opcode two instructions on", 0
        movl    %ebx, %eax
        check   "the new instruction ran", 1

        movl    $0x90909090, %eax
        movl    %eax, 1f
        xorl    %eax, %eax
1:      incl    %eax
        incl    %eax
        incl    %eax
        incl    %eax
        check   "four instructions replaced by one store", 0

        movl    $0, %eax
        movb    $2f - 1f, 1f - 1
        jmp     3f
1:      addl    $1, %eax
3:      addl    $2, %eax
2:      addl    $4, %eax
        check   "a write to the displacement of the next jump", 4
        movb    $3b - 1b, 1b - 1        /* as it was */

        movl    $3, %eax
        .byte   0x83, 0x05              /* ADD to its own immediate: the old one is added */
        .long   1f - 1
        .byte   5
1:      movzbl  1b - 1, %eax
        check   "an instruction that changes itself", 10
        ret

loops:  xorl    %eax, %eax
        movl    $100, %ecx
1:      addl    $0, %eax                /* 83 C0 ib */
        incb    1b + 2
        loop    1b
        check   "an immediate that counts", 4950

        /* The same with the counter beside the code, so that each round writes to the page that runs. */
        jmp     2f
3:      .long   0
2:      movl    $0, 3b
        movl    $1000, %ecx
1:      incl    3b
        loop    1b
        movl    3b, %eax
        check   "data beside code", 1000

        /* 200 functions, one after the other in one place. */
        movl    $200, %ecx
        xorl    %ebx, %ebx
1:      movb    $0xb8, PAGE_A           /* MOV EAX, ECX; RET */
        movl    %ecx, PAGE_A + 1
        movb    $0xc3, PAGE_A + 5
        movl    $PAGE_A, %eax
        call    *%eax
        addl    %eax, %ebx
        loop    1b
        movl    %ebx, %eax
        check   "a function built 200 times", 20100
        ret

/* --- other pages ------------------------------------------------------------------------------------------------- */

/* At EDI: MOV EAX, EDX; RET. */
build:  movb    $0xb8, (%edi)
        movl    %edx, 1(%edi)
        movb    $0xc3, 5(%edi)
        ret

other_page:
        movl    $PAGE_A, %edi
        movl    $0x11, %edx
        call    build
        call    *%edi
        check   "code in another page", 0x11
        movb    $0x22, PAGE_A + 1
        call    *%edi
        check   "patched", 0x22
        movl    $PAGE_B, %edi
        call    build
        movb    $0xe9, PAGE_A           /* JMP there */
        movl    $PAGE_B - PAGE_A - 5, PAGE_A + 1
        movl    $PAGE_A, %ebx
        call    *%ebx
        check   "a jump to a second page", 0x11
        movb    $0x33, PAGE_B + 1
        call    *%ebx
        check   "patch of the jump's target", 0x33
        movb    $0xc3, PAGE_B
        movl    $0x44, %eax
        call    *%ebx
        check   "patch of the target's first byte", 0x44

        /* Code that returns into a block it has changed. */
        movb    $0xc6, PAGE_A           /* MOVB $0x55, 1f + 1; RET */
        movb    $0x05, PAGE_A + 1
        movl    $1f + 1, PAGE_A + 2
        movb    $0x55, PAGE_A + 6
        movb    $0xc3, PAGE_A + 7
        xorl    %eax, %eax
        call    *%ebx
1:      movb    $0, %al
        check   "a callee changes what it returns to", 0x55
        ret

straddling:
        movl    $PAGE_B - 3, %edi       /* two bytes of the immediate in either page */
        movl    $0x11223344, %edx
        call    build
        call    *%edi
        check   "an instruction across two pages", 0x11223344
        movb    $0x55, PAGE_B
        call    *%edi
        check   "patched in the second page", 0x11553344
        movb    $0x66, PAGE_B - 1
        call    *%edi
        check   "patched in the first page", 0x11556644
        movw    $0x7788, PAGE_B - 1
        call    *%edi
        check   "patched by a store across both", 0x11778844
        movb    $0xc3, PAGE_B + 3       /* its own RET stands elsewhere now */
        movl    $PAGE_B - 1, %edi       /* opcode in the first page, all else in the second */
        call    build
        call    *%edi
        check   "only the opcode in the first page", 0x11223344
        movb    $0x99, PAGE_B + 3
        call    *%edi
        check   "the far part patched", 0x99223344
        ret

/* --- ways to write ----------------------------------------------------------------------------------------------- */

        .macro  store_check text, insn:vararg
        movl    $PAGE_A, %edi
        movl    $0x0badc0de, %edx
        call    build
        call    *%edi
        movl    $0x12345678, %edx
        \insn
        call    *%edi
        check   "\text", 0x12345678
        .endm

by_all_kinds_of_stores:
        store_check "MOV", movl %edx, 1(%edi)
        store_check "XCHG", xchgl %edx, 1(%edi)
        store_check "XADD", call by_xadd
        store_check "LOCK CMPXCHG", lock cmpxchgl %edx, 1(%edi)
        unless  CX8, 1f
        store_check "CMPXCHG8B", call by_cmpxchg8b
1:
        store_check "PUSH", call by_push
        store_check "CALL", call by_call
        store_check "SUB", subl $0x0badc0de - 0x12345678, 1(%edi)
        store_check "BTC", call by_btc
        store_check "ROL", call by_rol
        store_check "FIST", call by_fist
        store_check "FSTP m80", call by_fstp
        store_check "SGDT", call by_sgdt
        store_check "FXSAVE", call by_fxsave
        ret

by_xadd:
        subl    1(%edi), %edx
        lock xaddl %edx, 1(%edi)
        ret

by_cmpxchg8b:
        movl    %edx, %ebx
        movl    1(%edi), %eax
        movl    5(%edi), %edx
        movl    %edx, %ecx
        lock cmpxchg8b 1(%edi)
        ret

by_push:
        movl    %esp, %ebp
        leal    5(%edi), %esp
        pushl   %edx
        movl    %ebp, %esp
        ret

by_call:                                /* the return address becomes the immediate; then it is compared */
        movl    %esp, %ebp
        leal    5(%edi), %esp
        call    1f
1:      movl    %ebp, %esp
        subl    $1b - 0x12345678, 1(%edi)
        ret

by_btc: movl    $31, %ecx
        xorl    1(%edi), %edx
1:      btl     %ecx, %edx
        jnc     2f
        btcl    %ecx, 1(%edi)
2:      decl    %ecx
        jns     1b
        ret

by_rol: movl    $0x34567812, 1(%edi)
        call    *%edi
        rorl    $8, 1(%edi)
        ret

by_fist:
        pushl   %edx
        fninit
        fildl   (%esp)
        fistpl  1(%edi)
        popl    %edx
        ret

by_fstp:                                /* 80 bits, the first 32 for the immediate */
        pushl   $0x3fff
        pushl   $0x80000000
        pushl   %edx
        fninit
        fldt    (%esp)
        fstpt   1(%edi)
        movb    $0xc3, 5(%edi)
        addl    $12, %esp
        ret

by_sgdt:                                /* limit and base: the base becomes the immediate */
        sgdtl   -1(%edi)
        movb    $0xb8, (%edi)
        call    *%edi
        subl    $gdt - 0x12345678, 1(%edi)
        ret

by_fxsave:
        unless  FXSR, 1f
        pushl   %edx
        fninit
        fildl   (%esp)                  /* FXSAVE stores ST(0) at +32: integer bits at the top of the mantissa */
        popl    %edx
        fxsave  PAGE_A
        movl    $PAGE_A + 32, %edi
        movb    $0xc3, 5(%edi)
        movb    $0xb8, 0(%edi)
1:      movl    %edx, 1(%edi)
        ret

by_strings:
        movl    $PAGE_A, %edi
        movl    $0x01010101, %edx
        call    build
        call    *%edi
        leal    1(%edi), %edi
        movl    $4, %ecx
        movb    $0x77, %al
        cld
        rep stosb
        movl    $PAGE_A, %edi
        call    *%edi
        check   "REP STOSB", 0x77777777

        movl    $1f, %edi               /* over the instructions that follow it */
        movl    $1f, %esi
        movl    $8, %ecx
        movb    $0x90, %al
        movl    $0, %ebx
        rep stosb
1:      incl    %ebx
        incl    %ebx
        incl    %ebx
        incl    %ebx
        incl    %ebx
        incl    %ebx
        incl    %ebx
        incl    %ebx
        movl    %ebx, %eax
        check   "REP STOSB over the next instructions", 0

        movl    $2f, %esi
        movl    $1f, %edi
        movl    $2, %ecx
        xorl    %eax, %eax
        rep movsl
1:      .fill   8, 1, 0x0f              /* something that faults */
        check   "REP MOVSL builds the next instructions", 0x55
        jmp     3f
2:      movl    $0x55, %eax
        .byte   0x90, 0x90, 0x90
3:
        /* Across a page boundary, backwards. */
        movl    $PAGE_B - 3, %edi
        movl    $0x0badc0de, %edx
        call    build
        call    *%edi
        std
        leal    4(%edi), %edi
        movl    $4, %ecx
        movb    $0x66, %al
        rep stosb
        cld
        movl    $PAGE_B - 3, %edi
        call    *%edi
        check   "REP STOSB backwards across two pages", 0x66666666

        /* A whole page of INC EAX, laid and run three times. */
        movl    $3, %ebx
        xorl    %edx, %edx
1:      movl    $PAGE_A, %edi
        movl    $1024, %ecx
        movl    $0x40404040, %eax
        rep stosl
        movb    $0xc3, PAGE_A + 2000
        xorl    %eax, %eax
        movl    $PAGE_A, %ecx
        call    *%ecx
        addl    %eax, %edx
        decl    %ebx
        jnz     1b
        movl    %edx, %eax
        check   "a page laid by REP STOSL", 6000
        ret

/* One piece of code in two modes. */
modes:  xorl    %eax, %eax
        movl    $1f, %ebx
        lcall   $CODE32, $1f
        check   "bytes run as 32-bit code", 0x40401234
        xorl    %eax, %eax
        data16 lcall $CODE16, $1f
        check   "the same bytes run as 16-bit code", 0x1236
        xorl    %eax, %eax
        lcall   $CODE32, $1f
        check   "and as 32-bit code again", 0x40401234
        ret
1:      .byte   0xb8, 0x34, 0x12, 0x40, 0x40
        .byte   0xcb

/* --- two linear pages for one physical page ---------------------------------------------------------------------- */

        .macro  serialize
        pushal
        cpuid
        popal
        .endm

aliases:
        movl    $DIRECTORY, %edi
        movl    $2048, %ecx
        xorl    %eax, %eax
        rep stosl
        movl    $TABLE | 3, DIRECTORY
        movl    $TABLE + 0x1000 | 3, DIRECTORY + 4
        movl    $TABLE, %edi
        movl    $3, %eax
1:      movl    %eax, (%edi)
        addl    $4096, %eax
        addl    $4, %edi
        cmpl    $0x400003, %eax
        jb      1b
        movl    $PAGE_A | 3, TABLE + 0x1000
        movl    $DIRECTORY, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        jmp     1f
1:      movl    $PAGE_A, %edi
        movl    $0x11, %edx
        call    build
        call    *%edi
        check   "code under paging", 0x11
        movl    $ALIAS, %ebx
        call    *%ebx
        check   "the same page under another address", 0x11
        movb    $0x22, ALIAS + 1
        serialize
        call    *%edi
        check   "patched through the other address", 0x22
        movb    $0x33, PAGE_A + 1
        serialize
        call    *%ebx
        check   "and the other way round", 0x33
        movl    $PAGE_B, %edi
        movl    $0x44, %edx
        call    build
        movl    $PAGE_B | 3, TABLE + 0x1000
        invlpg  ALIAS
        call    *%ebx
        check   "another page mapped there", 0x44
        movl    $PAGE_A | 3, TABLE + 0x1000
        movl    %cr3, %eax
        movl    %eax, %cr3
        call    *%ebx
        check   "and the first again", 0x33
        movb    $0x55, PAGE_A + 1       /* not mapped at the time it is changed, but executed from before */
        movl    $PAGE_B | 3, TABLE + 0x1000
        invlpg  ALIAS
        call    *%ebx
        check   "still the second", 0x44
        movl    $PAGE_A | 3, TABLE + 0x1000
        invlpg  ALIAS
        call    *%ebx
        check   "the first, patched meanwhile", 0x55
        movl    %cr0, %eax
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        ret

/* --- disk -------------------------------------------------------------------------------------------------------- */

        .set    ATA, 0x1f0

/* BM_BASE = the bus master's ports, 0 if there is no PCI IDE controller. */
find_ide:
        xorl    %ecx, %ecx              /* device and function */
1:      movl    %ecx, %eax
        shll    $8, %eax
        orl     $0x80000008, %eax
        call    read_pci
        shrl    $16, %eax
        cmpl    $0x0101, %eax
        je      2f
        incl    %ecx
        cmpl    $256, %ecx
        jb      1b
        ret
2:      shll    $8, %ecx
        leal    0x80000004(%ecx), %eax
        call    read_pci
        orb     $5, %al                 /* I/O and bus master */
        outl    %eax, %dx
        leal    0x80000020(%ecx), %eax
        call    read_pci
        andl    $0xfff0, %eax
        movl    %eax, bm_base
        ret

bm_base:
        .long   0

/* EAX: address; value in EAX, DX left at the data port. */
read_pci:
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        ret

wait_not_busy:
        movw    $ATA + 7, %dx
1:      inb     %dx, %al
        testb   $0x80, %al
        jnz     1b
        ret

/* AL: command, EBX: sector. */
ata_read:
        pushl   %eax
        call    wait_not_busy
        movw    $ATA + 6, %dx
        movb    $0xe0, %al
        outb    %al, %dx
        call    wait_not_busy
        movw    $ATA + 2, %dx
        movb    $1, %al
        outb    %al, %dx
        movl    $3, %ecx
1:      incl    %edx
        movb    %bl, %al
        outb    %al, %dx
        shrl    $8, %ebx
        loop    1b
        movw    $ATA + 7, %dx
        popl    %eax
        outb    %al, %dx
        ret

pio_into_page_a:
        movb    $0x20, %al
        call    ata_read
1:      call    wait_not_busy
        testb   $8, %al
        jz      1b
        movl    $PAGE_A, %edi
        movl    $256, %ecx
        movw    $ATA, %dx
        cld
        rep insw
        movw    $ATA + 7, %dx
        inb     %dx, %al
        ret

by_pio: movl    $(routine_1 - start) / 512, %ebx
        call    pio_into_page_a
        movl    $PAGE_A, %edi
        call    *%edi
        check   "a sector read by PIO", 0x1111
        movl    $(routine_2 - start) / 512, %ebx
        call    pio_into_page_a
        movl    $PAGE_A, %edi
        call    *%edi
        check   "another one over it", 0x2222
        ret

dma_into_page_a:
        movl    $PAGE_A, PRDT
        movl    $0x80000000 | 512, PRDT + 4
        movl    bm_base, %edx
        xorl    %eax, %eax
        outb    %al, %dx
        addl    $4, %edx
        movl    $PRDT, %eax
        outl    %eax, %dx
        subl    $2, %edx
        movb    $0x66, %al              /* clear interrupt and error */
        outb    %al, %dx
        movb    $0xc8, %al
        call    ata_read
        movl    bm_base, %edx
        movb    $9, %al                 /* to memory, start */
        outb    %al, %dx
        addl    $2, %edx
1:      inb     %dx, %al
        testb   $4, %al
        jz      1b
        subl    $2, %edx
        xorl    %eax, %eax
        outb    %al, %dx
        movw    $ATA + 7, %dx
        inb     %dx, %al
        ret

by_dma: cmpl    $0, bm_base
        je      1f
        movl    $(routine_1 - start) / 512, %ebx
        call    dma_into_page_a
        movl    $PAGE_A, %edi
        call    *%edi
        check   "a sector read by DMA", 0x1111
        movl    $(routine_2 - start) / 512, %ebx
        call    dma_into_page_a
        movl    $PAGE_A, %edi
        call    *%edi
        check   "another one over it, by DMA", 0x2222
        ret
1:      skip    "no bus master IDE"
        ret

        .balign 512
routine_1:
        movl    $0x1111, %eax
        ret
        .balign 512
routine_2:
        movl    $0x2222, %eax
        ret
        .balign 512

        test_end
