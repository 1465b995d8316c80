/*
 * Boot disk for tests/check-kvm.sh: page tables change under one engine, and the guest flushes its TLB under the other.
 * A line "gear: NAME" asks for an engine; the disk goes on when a byte has come on COM1.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Invalidation of TLBs and Paging-Structure Caches": behind INVLPG, a write to CR3 or a
 *   change of CR0.PG what is in memory counts, whoever wrote it.
 */
        .include "roms/test.inc"
        .include "roms/test64.inc"

        .set    DIRECTORY, 0x100000     /* 32-bit paging */
        .set    LOW_TABLE, 0x101000
        .set    TABLES, 0x102000        /* 2 for the window, as in long mode at TABLES64 */
        .set    TABLES64, 0x104000
        .set    PAGE_A, 0x110000
        .set    PAGE_B, 0x111000
        .set    WINDOW, 0x400000        /* linear: PAGE_A or PAGE_B, absent behind it */

        .set    RIGHTS, 7
        .set    A, 0x20

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        movl    $0xa, PAGE_A
        movl    $0xb, PAGE_B
        call    with_32_bits
        call    has_long_mode
        jz      1f
        call    with_64_bits
1:      ret

        .macro  gear engine
        name    "gear: \engine\n"
        .ifdef  LONG
        call    change_gear64
        .else
        call    change_gear
        .endif
        .endm

/* The same bytes in both modes. */
        .macro  converse
        cld
1:      lodsb
        movb    %al, %cl
        testb   %al, %al
        jz      3f
        movw    $COM1 + 5, %dx
2:      inb     %dx, %al
        testb   $0x20, %al
        jz      2b
        movb    %cl, %al
        movw    $COM1, %dx
        outb    %al, %dx
        jmp     1b
3:      movw    $COM1 + 5, %dx
4:      inb     %dx, %al
        testb   $1, %al
        jz      4b
        movw    $COM1, %dx
        inb     %dx, %al
        ret
        .endm
change_gear:
        converse
        .code64
change_gear64:
        converse
        .code32

/* An entry of 4 or 8 bytes; the upper half stays 0. */
        .macro  entry where, value
        movl    $(\value), \where
        .endm
        .macro  reload_cr3
        .ifdef  LONG
        movq    %cr3, %rax
        movq    %rax, %cr3
        .else
        movl    %cr3, %eax
        movl    %eax, %cr3
        .endif
        .endm
        .macro  is text, where, mask, want
        .ifdef  LONG
        movl    \where, %eax
        andl    $\mask, %eax
        check64 "64 bits: \text", \want
        .else
        field   "32 bits: \text", \where, \mask, \want
        .endif
        .endm

        .macro  cases tables, directory_entry
        gear    kvm
        is      "a page", WINDOW, -1 & 0xffffffff, 0xa
        gear    interp
        entry   \tables, PAGE_B | RIGHTS
        gear    kvm
        invlpg  WINDOW
        is      "a page's entry, INVLPG", WINDOW, 0xff, 0xb
        gear    interp
        entry   \tables, PAGE_A | RIGHTS
        gear    kvm
        reload_cr3
        is      "a page's entry, CR3", WINDOW, 0xff, 0xa
        gear    interp
        entry   \directory_entry, (\tables + 0x1000) | RIGHTS
        gear    kvm
        reload_cr3
        is      "a table's entry, CR3", WINDOW, 0xff, 0xb
        gear    interp
        entry   \directory_entry, \tables | RIGHTS
        gear    kvm
        invlpg  WINDOW
        is      "a table's entry, INVLPG", WINDOW, 0xff, 0xa
        gear    interp
        entry   \tables, PAGE_A | RIGHTS
        gear    kvm
        invlpg  WINDOW
        is      "the page", WINDOW, 0xff, 0xa
        is      "its accessed bit, cleared", \tables, A, A
        gear    interp
        entry   \tables, 0
        gear    kvm
        invlpg  WINDOW
        .ifdef  LONG
        fault64 "64 bits: a page taken away", 14, 0, movl WINDOW, %eax
        .else
        fault   "32 bits: a page taken away", 14, 0, movl WINDOW, %eax
        .endif
        entry   \tables, PAGE_A | RIGHTS
        is      "a page put back", WINDOW, 0xff, 0xa
        entry   \tables, PAGE_B | RIGHTS
        gear    interp
        invlpg  WINDOW
        is      "the other way round", WINDOW, 0xff, 0xb
        .endm

with_32_bits:
        movl    $DIRECTORY, %edi
        movl    $0x6000 / 4, %ecx
        xorl    %eax, %eax
        cld
        rep stosl
        movl    $LOW_TABLE | RIGHTS, DIRECTORY
        movl    $TABLES | RIGHTS, DIRECTORY + 4
        movl    $LOW_TABLE, %edi
        movl    $RIGHTS, %eax
1:      stosl
        addl    $4096, %eax
        cmpl    $0x400000, %eax
        jb      1b
        movl    $PAGE_A | RIGHTS, TABLES
        movl    $PAGE_B | RIGHTS, TABLES + 0x1000
        movl    $DIRECTORY, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        cases   TABLES, DIRECTORY + 4
        movl    %cr0, %eax
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        ret

        .set    LONG, 1
with_64_bits:
        call    set_up_long
        movl    $TABLES64 | RIGHTS, page_directory + 16
        movl    $PAGE_A | RIGHTS, TABLES64
        movl    $PAGE_B | RIGHTS, TABLES64 + 0x1000
        call    enter64
        .code64
        cases   TABLES64, page_directory + 16
        gear    kvm
        movl    WINDOW, %eax
        gear    interp
        call    leave64
        .code32
        movl    $PAGE_A | RIGHTS, TABLES64
        call    change_to_kvm
        movb    $0x89, gdt + TSS64 + 5  /* not busy */
        call    enter64
        .code64
        is      "a page's entry while paging was off", WINDOW, 0xff, 0xa
        call    leave64
        .code32
        ret
change_to_kvm:
        name    "gear: kvm\n"
        jmp     change_gear

        test_end
