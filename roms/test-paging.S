/*
 * Test boot disk: paging with 4 KiB, 4 MiB, PAE and NX; page faults in the middle of instructions.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Paging", "Interrupt 14 - Page-Fault Exception"; vol. 2 for what a fault leaves alone.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    DIRECTORY, 0x100000
        .set    LOW_TABLE, 0x101000     /* identity, for 4 MiB */
        .set    TABLE, 0x102000         /* the window */
        .set    WINDOW, 0x400000        /* linear: pages 0-15 are PAGES, the others absent */
        .set    PAGES, 0x110000         /* physical */
        .set    PDPT, 0x130000
        .set    PAE_DIRECTORY, 0x131000
        .set    PAE_LOW, 0x132000
        .set    PAE_TABLE, 0x133000
        .set    GDT_COPY, 0x140000
        .set    ABSENT, 32              /* a page of the window that is never there */

        .set    P, 1
        .set    W, 2
        .set    U, 4
        .set    A, 0x20
        .set    D, 0x40
        .set    PS, 0x80
        .set    G, 0x100

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        call    set_up_paging
        call    rights
        call    accessed_and_dirty
        call    stale
        call    crossing
        call    stacks
        call    strings
        call    fetches
        call    demand
        call    descriptors
        call    large_pages
        call    pae
        ret

        .macro  page number, flags
        movl    $PAGES + \number * 0x1000 + (\flags), TABLE + \number * 4
        invlpg  WINDOW + \number * 0x1000
        .endm

        .macro  cr2 want
        movl    %cr2, %eax
        check   "its CR2", \want
        .endm

        .macro  bit_on register, mask
        movl    %\register, %eax
        orl     $\mask, %eax
        movl    %eax, %\register
        .endm

        .macro  bit_off register, mask
        movl    %\register, %eax
        andl    $~(\mask), %eax
        movl    %eax, %\register
        .endm

set_up_paging:
        movl    $DIRECTORY, %edi
        movl    $0x3000 / 4, %ecx
        xorl    %eax, %eax
        rep stosl
        movl    $LOW_TABLE + (P | W | U), DIRECTORY
        movl    $TABLE + (P | W | U), DIRECTORY + 4
        movl    $LOW_TABLE, %edi
        movl    $P | W | U, %eax
1:      stosl
        addl    $4096, %eax
        cmpl    $0x400000, %eax
        jb      1b
        movl    $TABLE, %edi
        movl    $PAGES + (P | W | U), %eax
        movl    $16, %ecx
1:      stosl
        addl    $4096, %eax
        loop    1b
        movl    $DIRECTORY, %eax
        movl    %eax, %cr3
        bit_on  cr0, 0x80000000
        jmp     1f
1:      ret

/* --- who may do what --------------------------------------------------------------------------------------------- */

rights: fault   "a read of an absent page", 14, 0, movl WINDOW + ABSENT * 0x1000 + 8, %eax
        cr2     WINDOW+ABSENT*0x1000+8
        fault   "a write to an absent page", 14, 2, movl %eax, WINDOW + ABSENT * 0x1000
        cr2     WINDOW+ABSENT*0x1000
        fault   "a read where the directory has nothing", 14, 0, movl 0x40000000, %eax
        fault   "a read-modify-write of an absent page is a write", 14, 2, incl WINDOW + ABSENT * 0x1000
        user_fault "a user's read of an absent page", 14, 4, movl WINDOW + ABSENT * 0x1000, %eax
        user_fault "a user's write to an absent page", 14, 6, movl %eax, WINDOW + ABSENT * 0x1000
        page    0, P | W
        user_fault "a user's read of a supervisor's page", 14, 5, movl WINDOW, %eax
        user_fault "a user's write to a supervisor's page", 14, 7, movl %eax, WINDOW
        user_enter
90:     jmp     WINDOW
        left    "a user's jump to a supervisor's page", 14, 5, WINDOW
        runs    "CPL 0 reads and writes it", incl WINDOW
        page    0, P | U
        user_runs "a user reads a read-only page", movl WINDOW, %eax
        user_fault "a user's write to a read-only page", 14, 7, movl %eax, WINDOW
        runs    "CPL 0 writes to a read-only page without CR0.WP", movl %eax, WINDOW
        bit_on  cr0, 0x10000
        fault   "but not with it", 14, 3, movl %eax, WINDOW
        runs    "it reads", movl WINDOW, %eax
        movl    $0x55555555, %eax
        fault   "CMPXCHG that does not match writes all the same", 14, 3, cmpxchgl %ebx, WINDOW
        page    0, P
        fault   "a supervisor's read-only page with WP", 14, 3, movl %eax, WINDOW
        bit_off cr0, 0x10000
        runs    "and without", movl %eax, WINDOW
        page    0, P | W | U
        movl    $TABLE + (P | W), DIRECTORY + 4
        movl    %cr3, %eax
        movl    %eax, %cr3
        user_fault "the directory's U bit counts as well", 14, 5, movl WINDOW, %eax
        movl    $TABLE + (P | U), DIRECTORY + 4
        movl    %cr3, %eax
        movl    %eax, %cr3
        user_fault "the directory's W bit counts as well", 14, 7, movl %eax, WINDOW
        bit_on  cr0, 0x10000
        fault   "at CPL 0 too", 14, 3, movl %eax, WINDOW
        bit_off cr0, 0x10000
        movl    $TABLE + (P | W | U), DIRECTORY + 4
        movl    %cr3, %eax
        movl    %eax, %cr3
        /* A segment's base and an offset add up modulo 4 GiB. */
        descriptor RINGS_FREE, 0xf000ffff, 0xffcf92ff
        movl    $RINGS_FREE, %eax
        movl    %eax, %fs
        movl    $0x13579bdf, 0x600
        movl    %fs:0x1600, %eax
        check   "linear addresses wrap", 0x13579bdf
        movl    $DATA32, %eax
        movl    %eax, %fs
        ret


/* --- A and D ----------------------------------------------------------------------------------------------------- */

accessed_and_dirty:
        page    1, P | W | U
        andl    $~(A | D), DIRECTORY + 4
        movl    %cr3, %eax
        movl    %eax, %cr3
        field   "neither A nor D before", TABLE + 4, A | D, 0
        movl    WINDOW + 0x1000, %eax
        field   "a read sets A", TABLE + 4, A | D, A
        field   "and that of the directory's entry", DIRECTORY + 4, A | D, A
        movl    %eax, WINDOW + 0x1000
        field   "a write sets D", TABLE + 4, A | D, A|D
        page    1, P | W | U
        movl    %eax, WINDOW + 0x1000
        field   "a write at once sets both", TABLE + 4, A | D, A|D
        page    1, P | U
        bit_on  cr0, 0x10000
        fault   "a write that is refused", 14, 3, movl %eax, WINDOW + 0x1000
        bit_off cr0, 0x10000
        field   "does not set D", TABLE + 4, D, 0
        page    1, P | W | U
        pushl   WINDOW + 0x1000
        popl    %eax
        lock orl $0, WINDOW + 0x1000
        field   "a locked OR of nothing sets D", TABLE + 4, D, D
        page    1, P | W | U
        page    2, P | W | U
        movl    %eax, WINDOW + 0x1ffe
        field   "a write across two pages sets the first D", TABLE + 4, D, D
        field   "and the second", TABLE + 8, D, D
        ret

/* What needs an INVLPG and what does not. */
stale:  movl    $0x11111111, PAGES + 0x3000
        movl    $0x22222222, PAGES + 0x4000
        movl    WINDOW + 0x3000, %eax
        movl    $PAGES + 0x4000 + (P | W | U), TABLE + 12
        invlpg  WINDOW + 0x3000
        movl    WINDOW + 0x3000, %eax
        check   "INVLPG forgets a page", 0x22222222
        movl    $PAGES + 0x3000 + (P | W | U), TABLE + 12
        movl    %cr3, %eax
        movl    %eax, %cr3
        movl    WINDOW + 0x3000, %eax
        check   "a load of CR3 forgets all", 0x11111111
        page    3, P | U
        bit_on  cr0, 0x10000
        movl    WINDOW + 0x3000, %eax
        orl     $W, TABLE + 12
        runs    "more rights need no INVLPG", movl %eax, WINDOW + 0x3000
        bit_off cr0, 0x10000
        movl    $0, TABLE + 12
        invlpg  WINDOW + 0x3000
        fault   "a page taken away", 14, 0, movl WINDOW + 0x3000, %eax
        movl    $PAGES + 0x3000 + (P | W | U), TABLE + 12
        runs    "a page put back needs no INVLPG", movl WINDOW + 0x3000, %eax
        unless  PGE, 1f
        movl    %cr4, %ebx
        movl    %ebx, %eax
        orl     $0x80, %eax
        movl    %eax, %cr4
        page    3, P | W | U | G
        movl    WINDOW + 0x3000, %eax
        movl    $PAGES + 0x4000 + (P | W | U | G), TABLE + 12
        invlpg  WINDOW + 0x3000
        movl    WINDOW + 0x3000, %eax
        check   "INVLPG forgets a global page", 0x22222222
        movl    $PAGES + 0x3000 + (P | W | U), TABLE + 12
        movl    %ebx, %cr4
        movl    WINDOW + 0x3000, %eax
        check   "a change of CR4.PGE forgets them all", 0x11111111
        ret
1:      skip    "global pages"
        ret

/* --- faults in the middle: page 15 is there, page 16 is not ------------------------------------------------------- */

        .set    EDGE, WINDOW + 0x10000

crossing:
        movl    $0x44332211, EDGE - 4
        movl    $0xaabbccdd, %eax
        fault   "a write that crosses into an absent page", 14, 2, movl %eax, EDGE - 2
        cr2     EDGE
        field   "has written nothing", EDGE-4, -1, 0x44332211
        fault   "a read that crosses", 14, 0, movl EDGE - 1, %eax
        cr2     EDGE
        fault   "a read-modify-write that crosses", 14, 2, addl %eax, EDGE - 3
        field   "has written nothing either", EDGE-4, -1, 0x44332211
        movl    $5, %eax
        fault   "XCHG that crosses", 14, 2, xchgl %eax, EDGE - 2
        check   "leaves the register", 5
        fault   "XADD that crosses", 14, 2, xaddl %eax, EDGE - 2
        check   "leaves the register", 5
        movl    $0x7fffffff, %eax
        addl    $1, %eax                /* OF, SF, AF, PF */
        fault   "ADC whose operand is absent", 14, 0, adcl EDGE, %ebx
        movl    fault_eflags, %eax
        andl    $0x8d5, %eax
        check   "leaves the flags", 0x894
        fninit
        fldpi
        fault   "FSTP m80 that crosses", 14, 2, fstpt EDGE - 4
        field   "has written nothing", EDGE-4, -1, 0x44332211
        fnstsw  %ax
        andl    $0x3800, %eax
        check   "and has not popped", 0x3800
        fault   "FIST that crosses", 14, 2, fistpl EDGE - 2
        fninit
        fault   "LES that crosses", 14, 0, les EDGE - 4, %eax
        fault   "BOUND that crosses", 14, 0, boundl %eax, EDGE - 4
        unless  CX8, 1f
        fault   "CMPXCHG8B that crosses", 14, 2, cmpxchg8b EDGE - 4
1:
        fault   "SGDT that crosses", 14, 2, sgdt EDGE - 2
        movl    $EDGE - 4, %ebx
        movl    $8, %eax
        fault   "XLAT", 14, 0, xlat
        movl    $32, %eax
        fault   "BTS finds its dword by the bit number", 14, 2, btsl %eax, EDGE - 4
        movl    $31, %eax
        runs    "BTS within", btsl %eax, EDGE - 4
        ret

/* At CPL 3, where the handler has a stack of its own. */
        .macro  user_stack text, at, error, insn:vararg
        user_enter
90:     movl    $\at, %esp
91:     \insn
        int     $BACK
        left    "\text", 14, \error, 91b
        field   "leaves ESP alone", fault_esp, -1, \at
        .endm

stacks: user_stack "PUSH to an absent page", EDGE+0x1000, 6, pushl %eax
        user_stack "PUSHA that runs into an absent page", EDGE+0x1010, 6, pushal
        user_stack "PUSH that crosses", EDGE+2, 6, pushl %eax
        user_stack "CALL", EDGE+0x1000, 6, call stacks
        user_stack "CALL far", EDGE+0x1004, 6, lcall $USER_CODE, $0
        user_stack "POP from an absent page", EDGE, 4, popl %eax
        user_stack "POP whose target is absent", EDGE-8, 6, popl EDGE
        user_stack "POP [ESP] counts from the new ESP", EDGE-4, 6, popl (%esp)
        user_stack "POPA that runs out", EDGE-8, 4, popal
        user_stack "RET", EDGE-2, 4, ret
        user_stack "RETF", EDGE-4, 4, lret
        user_stack "IRET", EDGE-8, 4, iret
        user_stack "ENTER", EDGE+0x1000, 6, enter $16, $0
        movl    $EDGE, %ebp
        user_stack "LEAVE", EDGE-16, 4, leave
        movl    saved + 8, %eax
        check   "leaves EBP alone", EDGE
        ret

strings:
        movl    $EDGE - 10, %edi
        movl    $WINDOW, %esi
        movl    $64, %ecx
        fault   "REP MOVSB into an absent page", 14, 2, rep movsb
        movl    %ecx, %eax
        check   "has the rest in ECX", 54
        movl    %edi, %eax
        check   "the place in EDI", EDGE
        movl    saved + 4, %eax
        check   "and in ESI", WINDOW+10
        movl    $EDGE - 10, %edi
        movl    $16, %ecx
        movl    $0x01020304, %eax
        fault   "REP STOSL that crosses", 14, 2, rep stosl
        movl    %edi, %eax
        check   "stops before the dword that crosses", EDGE-2
        movl    %ecx, %eax
        check   "with its count", 14
        movl    $EDGE - 4, %esi
        movl    $WINDOW, %edi
        movl    $8, %ecx
        fault   "REP MOVSL from an absent page", 14, 0, rep movsl
        movl    %ecx, %eax
        check   "has one done", 7
        movl    $EDGE - 3, %edi
        movl    $16, %ecx
        movl    $EDGE - 4, %ebx
        movl    $0, EDGE - 4
        xorl    %eax, %eax
        fault   "REPE SCASB", 14, 0, repe scasb
        movl    %ecx, %eax
        check   "has three done", 13
        std
        movl    $EDGE + 0x1002, %edi
        movl    $8, %ecx
        movl    $PAGES + 0x7000 + (P | W | U), TABLE + 17 * 4
        fault   "REP STOSB backwards", 14, 2, rep stosb
        cld
        movl    %edi, %eax
        check   "down to the page's first byte", EDGE+0xfff
        movl    %ecx, %eax
        check   "three done", 5
        movl    $0, TABLE + 17 * 4
        invlpg  EDGE + 0x1000
        movl    $0x80, %edx
        movl    $EDGE, %edi
        fault   "INSB into an absent page", 14, 2, insb
        movl    %edi, %eax
        check   "leaves EDI", EDGE
        movl    $0x80, %edx
        movl    $EDGE, %esi
        fault   "OUTSB from an absent page", 14, 0, outsb
        ret

/* --- instruction fetch ------------------------------------------------------------------------------------------- */

        .macro  goes text, to, vector, error, at
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        movl    $NONE, fault_error
        movl    $\to, %eax
        jmp     *%eax
        left    "\text", \vector, \error, \at
        .endm

fetches:
        goes    "a jump to an absent page", EDGE + 0x123, 14, 0, EDGE + 0x123
        cr2     EDGE+0x123
        movb    $0xb8, EDGE - 3         /* MOV EAX, imm32 */
        goes    "an instruction that crosses into an absent page", EDGE-3, 14, 0, EDGE-3
        cr2     EDGE
        movb    $0x40, EDGE - 1         /* INC EAX */
        goes    "the instruction before it is done", EDGE-1, 14, 0, EDGE
        check   "once", EDGE
        movb    $0x0f, EDGE - 2         /* UD2 ends with the page */
        movb    $0x0b, EDGE - 1
        goes    "UD2 that ends with the page", EDGE-2, 6, NONE, EDGE-2
        movb    $0x66, EDGE - 1
        goes    "a prefix at the end of the page", EDGE-1, 14, 0, EDGE-1
        cr2     EDGE
        ret

/* --- demand paging: a handler that brings pages, and instructions that go on -------------------------------------- */

demand: movl    $bring_page, handlers + 14 * 4
        movl    $0, resume_eip
        movl    $0, brought
        movl    $0x400000 + 0x40000, %edi       /* pages 64-71 */
        movl    $0x8000, %ecx
        movb    $0x5a, %al
        rep stosb
        movl    brought, %eax
        check   "REP STOSB over eight pages brings eight", 8
        movl    $WINDOW + 0x40003, %esi
        movl    $WINDOW + 0x50001, %edi
        movl    $0x6000, %ecx
        rep movsb
        movl    brought, %eax
        check   "REP MOVSB brings seven more", 15
        movl    $WINDOW + 0x50001, %edi
        movl    $0x6000, %ecx
        movb    $0x5a, %al
        repe scasb
        setz    %al
        movzbl  %al, %eax
        check   "and has copied it all", 1
        movl    $0x11223344, %eax
        movl    %eax, WINDOW + 0x60ffe
        movl    WINDOW + 0x60ffe, %ebx
        movl    %ebx, %eax
        check   "a write across two absent pages", 0x11223344
        movl    brought, %eax
        check   "brings both", 17
        movl    $7, %eax
        lock xaddl %eax, WINDOW + 0x70000
        lock xaddl %eax, WINDOW + 0x70000
        field   "XADD to a page that comes", WINDOW + 0x70000, -1, 7
        movl    %esp, %ebp
        user_runs "a user's stack that comes", call grow_stack
        movl    %ebx, %eax
        check   "and holds what was pushed", 0x1234567
        movl    $WINDOW + 0x90000, %ebx
        movl    $0, brought
        movl    $0, resume_eip
        call    *%ebx
        check   "code in a page that comes", 0x600d
        movl    brought, %eax
        check   "one page", 1
        movl    $0, handlers + 14 * 4
        ret

grow_stack:
        movl    %esp, %ecx
        movl    $WINDOW + 0x80008, %esp
        pushl   $0x1234567
        pushl   $2
        pushl   $3
        addl    $8, %esp
        popl    %ebx
        movl    %ecx, %esp
        ret

/* Maps the page of CR2 to a fresh one; page 90h is filled with code. */
bring_page:
        movl    %cr2, %eax
        subl    $WINDOW, %eax
        shrl    $12, %eax
        movl    next_page, %ecx
        addl    $0x1000, next_page
        leal    P | W | U(%ecx), %edx
        movl    %edx, TABLE(, %eax, 4)
        incl    brought
        cmpl    $0x90, %eax
        jne     1f
        movl    $0x00600db8, (%ecx)     /* MOV EAX, 600Dh; RET */
        movw    $0xc300, 4(%ecx)
1:      ret
        .balign 4
brought:
        .long   0
next_page:
        .long   0x200000

/* --- the processor's own accesses -------------------------------------------------------------------------------- */

descriptors:
        movl    $gdt, %esi
        movl    $GDT_COPY, %edi
        movl    $128, %ecx
        rep movsl
        andl    $~U, LOW_TABLE + (GDT_COPY >> 12) * 4
        invlpg  GDT_COPY
        lgdt    gdt_copy_pointer
        user_fault "a user cannot read this GDT", 14, 5, movl GDT_COPY, %eax
        movl    $USER_DATA | 3, %eax
        user_runs "but load a segment from it", movl %eax, %es
        lgdt    gdt_pointer
        andl    $~U, LOW_TABLE + (tss >> 12) * 4
        invlpg  tss
        user_runs "and come back through a TSS that it cannot read", nop
        orl     $U, LOW_TABLE + (tss >> 12) * 4
        invlpg  tss
        ret
gdt_copy_pointer:
        .word   0x1ff
        .long   GDT_COPY

/* --- 4 MiB pages ------------------------------------------------------------------------------------------------- */

        .set    LARGE, 0x00800000       /* linear */

large_pages:
        unless  PSE, no_pse
        bit_on  cr4, 0x10
        movl    $0x00000000 + (P | W | PS), DIRECTORY + 8
        movl    $0xfeedface, 0x123450
        field   "a 4 MiB page", LARGE + 0x123450, -1, 0xfeedface
        field   "a read sets its A", DIRECTORY + 8, A | D, A
        movl    $0x0badcafe, LARGE + 0x123454
        field   "a write sets its D", DIRECTORY + 8, A | D, A|D
        field   "and is seen in the small page", 0x123454, -1, 0x0badcafe
        user_fault "a user's read of a supervisor's 4 MiB page", 14, 5, movl LARGE, %eax
        movl    $0x00000000 + (P | U | PS), DIRECTORY + 8
        invlpg  LARGE + 0x234567
        user_runs "INVLPG anywhere in it forgets it all", movl LARGE + 0x123450, %eax
        user_fault "a user's write to a read-only 4 MiB page", 14, 7, movl %eax, LARGE + 0x3ffffc
        movl    $0x00000000 + (P | W | U | PS) + 0x200000, DIRECTORY + 8
        invlpg  LARGE
        fault   "a reserved bit in it", 14, 9, movl LARGE, %eax
        bit_off cr4, 0x10
        movl    $TABLE + (P | W | U | PS), DIRECTORY + 8
        movl    %cr3, %eax
        movl    %eax, %cr3
        movl    WINDOW, %ebx
        movl    LARGE, %eax
        subl    %ebx, %eax
        check   "without CR4.PSE the bit means nothing", 0
        movl    $0, DIRECTORY + 8
        invlpg  LARGE
        ret
no_pse: skip    "4 MiB pages"
        ret

/* --- PAE --------------------------------------------------------------------------------------------------------- */

pae:    unless  PAE, no_pae
        bit_off cr0, 0x80000000
        movl    $PDPT, %edi
        movl    $0x4000 / 4, %ecx
        xorl    %eax, %eax
        rep stosl
        movl    $PAE_DIRECTORY + P, PDPT
        movl    $PAE_LOW + (P | W | U), PAE_DIRECTORY
        movl    $0x200000 + (P | W | U | PS), PAE_DIRECTORY + 8
        movl    $PAE_TABLE + (P | W | U), PAE_DIRECTORY + 16
        movl    $0x000000 + (P | W | U | PS), PAE_DIRECTORY + 24        /* 600000: low memory again */
        movl    $PAE_DIRECTORY + P, PDPT + 8                            /* 40000000: all of it again */
        movl    $PAE_LOW, %edi
        movl    $P | W | U, %eax
1:      movl    %eax, (%edi)
        addl    $8, %edi
        addl    $4096, %eax
        cmpl    $0x200000, %eax
        jb      1b
        movl    $PAGES + (P | W | U), PAE_TABLE
        movl    $PAGES + 0x1000 + (P | U), PAE_TABLE + 8
        movl    $PAGES + 0x2000 + (P | W), PAE_TABLE + 16
        bit_on  cr4, 0x20
        movl    $PDPT, %eax
        movl    %eax, %cr3
        bit_on  cr0, 0x80000000
        jmp     1f
1:      movl    $0x11112222, PAGES
        field   "PAE: a 4 KiB page", WINDOW, -1, 0x11112222
        field   "through the second pointer", 0x40000000 + WINDOW, -1, 0x11112222
        movl    $0x33334444, PAGES + 8
        field   "a 2 MiB page", 0x600000 + PAGES + 8, -1, 0x33334444
        field   "A in the table", PAE_TABLE, A | D, A
        movl    %eax, WINDOW
        field   "D in the table", PAE_TABLE, A | D, A|D
        field   "A of the 2 MiB page", PAE_DIRECTORY + 24, A | D, A
        movl    %eax, 0x600000 + PAGES + 12
        field   "D of the 2 MiB page", PAE_DIRECTORY + 24, A | D, A|D
        user_fault "PAE: a user's write to a read-only page", 14, 7, movl %eax, WINDOW + 0x1000
        user_fault "PAE: a user's read of a supervisor's page", 14, 5, movl WINDOW + 0x2000, %eax
        fault   "PAE: an absent page", 14, 0, movl WINDOW + 0x3000, %eax
        fault   "PAE: an absent pointer", 14, 2, movl %eax, 0x80000000
        cr2     0x80000000
        movl    $0x00080000, PAE_TABLE + 4      /* bit 51: no processor here has that many */
        invlpg  WINDOW
        fault   "PAE: a reserved address bit", 14, 9, movl WINDOW, %eax
        movl    $0, PAE_TABLE + 4
        invlpg  WINDOW
        orl     $0x2000, PAE_DIRECTORY + 24
        invlpg  0x600000
        fault   "PAE: a reserved bit of a 2 MiB page", 14, 9, movl 0x600000, %eax
        andl    $~0x2000, PAE_DIRECTORY + 24
        invlpg  0x600000
        orl     $2, PDPT + 8
        movl    $PDPT, %eax
        fault   "PAE: a reserved bit in a pointer, at the load of CR3", 13, 0, movl %eax, %cr3
        andl    $~2, PDPT + 8
        movl    $PDPT, %eax
        runs    "PAE: the load of CR3", movl %eax, %cr3

        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000001, %eax
        jb      no_nx
        movl    $0x80000001, %eax
        cpuid
        btl     $20, %edx
        jnc     no_nx
        movl    $0x80000000, PAE_TABLE + 4      /* NX */
        invlpg  WINDOW
        fault   "without EFER.NXE the bit is reserved", 14, 9, movl WINDOW, %eax
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x800, %eax
        wrmsr
        movb    $0xf4, PAGES
        invlpg  WINDOW
        runs    "NX: a read", movl WINDOW, %eax
        runs    "NX: a write", movl %eax, WINDOW
        goes    "NX: execution", WINDOW, 14, 0x11, WINDOW
        cr2     WINDOW
        user_enter
90:     jmp     WINDOW
        left    "NX: a user's execution", 14, 0x15, WINDOW
        goes    "NX: execution of an absent page", WINDOW + 0x3000, 14, 0x10, WINDOW + 0x3000
        movl    $0, PAE_TABLE + 4
        invlpg  WINDOW
        movw    $0x0b0f, PAGES          /* UD2 */
        goes    "without NX", WINDOW, 6, NONE, WINDOW
        movl    $0x80000000, PAE_DIRECTORY + 28
        invlpg  0x600000
        movw    $0x0b0f, PAGES + 0x100
        goes    "NX of a 2 MiB page", 0x600000 + PAGES + 0x100, 14, 0x11, 0x600000 + PAGES + 0x100
        movl    $0, PAE_DIRECTORY + 28
        invlpg  0x600000
        goes    "without", 0x600000 + PAGES + 0x100, 6, NONE, 0x600000 + PAGES + 0x100
        movl    $0xc0000080, %ecx
        rdmsr
        andl    $~0x800, %eax
        wrmsr
        jmp     1f
no_nx:  skip    "NX"
1:      bit_off cr0, 0x80000000
        bit_off cr4, 0x20
        ret
no_pae: skip    "PAE"
        ret

        test_end
