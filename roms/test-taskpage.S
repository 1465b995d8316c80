/*
 * Test boot disk: task switches with paging: another CR3, page faults before and after the old task is left, what a
 * switch does to DR7; accessed and dirty bits of accesses that fault; CALL and PUSH that cross a page.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Task Switching" (steps 1 to 15: until the commit point the old task goes on as if nothing
 *   had happened, behind it faults are the new task's), "Task Address Space", "Accessed and Dirty Flags"; vol. 3B,
 *   "Debug Control Register (DR7)"; vol. 2 "CALL", "PUSH", "ENTER", "CMPXCHG".
 * Bochs 2.7 passes all but this (three checks): it marks the old task free before it writes to that task's TSS, and
 *   leaves it so when this write faults ("Task Switching": before the commit point everything is as before the
 *   instruction).  What an instruction of several pushes (far CALL, PUSHA) leaves below ESP when a later one faults the
 *   manual leaves open.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    TSS2, RINGS_FREE
        .set    LDT2, RINGS_FREE+8
        .set    SMALL, RINGS_FREE+16    /* data to FFFh */
        .set    TSS3, RINGS_FREE+24
        .set    directory, 0x50000      /* the first 4 MiB one to one */
        .set    table, 0x51000
        .set    directory2, 0x52000     /* the second task's */
        .set    table2, 0x53000
        .set    gdt_copy, 0x54000
        .set    ldt2, 0x55000
        .set    ABSENT_CODE, 0x56000
        .set    SEEN, 0x57000           /* at 58000h for the second task */
        .set    SEEN2, 0x58000
        .set    SPLIT, 0x61000          /* the second TSS ends behind it */
        .set    tss2, SPLIT-40
        .set    STACK2, 0x2a000
        .set    PAGE, 0x62000           /* two for trial */
        .set    tss3, 0x65000
        .set    STACK3, 0x67000
        .set    EDGE, PAGE+0x1000

        .set    CR3, 28
        .set    EIP, 32
        .set    EFLAGS, 36
        .set    ESP, 56
        .set    ES, 72
        .set    CS, 76
        .set    SS, 80
        .set    DS, 84
        .set    LDT, 96

        .macro  map where, bits, in=table
        movl    $((\where) & ~0xfff)|\bits, \in + ((\where) >> 12) * 4
        invlpg  \where
        .endm

        .macro  cr2_is text, mask, want
        movl    %cr2, %eax
        andl    $\mask, %eax
        check   "\text", \want
        .endm

        .macro  tr_is text, want
        xorl    %eax, %eax
        str     %ax
        check   "\text", \want
        .endm

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        call    set_up_pages
        call    address_space
        call    debug_registers
        call    before
        call    after
        call    error_code
        call    crossing
        call    dirty
        movl    %cr0, %eax
        andl    $0x7ffeffff, %eax
        movl    %eax, %cr0
        ret

set_up_pages:
        movl    $gdt, %esi
        movl    $gdt_copy, %edi
        movl    $0x200 / 4, %ecx
        cld
        rep movsl
        lgdt    copy_pointer
        xorl    %eax, %eax
        movl    $directory, %edi
        movl    $0x4000 / 4, %ecx
        rep stosl
        movl    $table|7, directory
        movl    $table2|7, directory2
        movl    $3, %eax
        xorl    %ecx, %ecx
1:      movl    %eax, table(, %ecx, 4)
        movl    %eax, table2(, %ecx, 4)
        addl    $0x1000, %eax
        incl    %ecx
        cmpl    $1024, %ecx
        jb      1b
        movl    $SEEN2|3, table2 + (SEEN >> 12) * 4
        movl    $0x1111, SEEN
        movl    $0x2222, SEEN2
        movl    $0x0000ffff, ldt2
        movl    $0x00cf9300, ldt2 + 4
        movl    $directory, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $0x80010000, %eax
        movl    %eax, %cr0
        ret
copy_pointer:
        .word   0x1ff
        .long   gdt_copy

        .macro  entry selector, low, high
        movl    $\low, gdt_copy + \selector
        movl    $\high, gdt_copy + \selector + 4
        .endm

/* The first task is current, the second one ready. */
set_up_task:
        entry   TSS, (tss&0xffff)<<16|TSS_LIMIT, 0x00008900|tss>>16
        entry   TSS2, (tss2&0xffff)<<16|0x67, 0x00008900|tss2>>16
        entry   LDT2, (ldt2&0xffff)<<16|0x0f, 0x00008200|ldt2>>16
        movl    $TSS, %eax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        clts
        movl    $directory, %eax
        movl    %eax, %cr3
        movl    %eax, tss + CR3
        movl    $tss2, %edi
        xorl    %eax, %eax
        movl    $104 / 4, %ecx
        cld
        rep stosl
        movl    $directory2, tss2 + CR3
        movl    $second_task, tss2 + EIP
        movl    $2, tss2 + EFLAGS
        movl    $STACK2, tss2 + ESP
        movl    $DATA32, tss2 + ES
        movl    $CODE32, tss2 + CS
        movl    $DATA32, tss2 + SS
        movl    $DATA32, tss2 + DS
        ret

second_task:
        movl    SEEN, %eax
        movl    %eax, second_saw
        movl    %cr3, %eax
        movl    %eax, second_cr3
        movl    %db7, %eax
        movl    %eax, second_dr7
        ljmp    $TSS, $0
        .balign 4
second_saw:
        .long   0
second_cr3:
        .long   0
second_dr7:
        .long   0

/* --- CR3 --------------------------------------------------------------------------------------------------------- */

address_space:
        call    set_up_task
        movl    SEEN, %eax
        ljmp    $TSS2, $0
        field   "the second task's page", second_saw, -1, 0x2222
        field   "its CR3", second_cr3, -1, directory2
        movl    %cr3, %eax
        check   "the first one's again", directory
        movl    SEEN, %eax
        check   "and its page", 0x1111
        ret

/* --- DR7 --------------------------------------------------------------------------------------------------------- */

debug_registers:
        call    set_up_task
        movl    $ABSENT_CODE, %eax
        movl    %eax, %db0
        movl    %eax, %db1
        movl    $0x707, %eax            /* L0, G0, L1, LE, GE */
        movl    %eax, %db7
        ljmp    $TSS2, $0
        field   "a task switch clears the local enables alone", second_dr7, 0xffff, 0x602
        movl    %db7, %eax
        check   "and they stay clear", 0x602
        movl    $0x400, %eax
        movl    %eax, %db7
        ret

/* --- until the old task is left ---------------------------------------------------------------------------------- */

        .macro  old_task
        tr_is   "TR stays", TSS
        field   "the old task stays busy", gdt_copy+TSS+4, 0xff00, 0x8b00
        field   "the new one is not", gdt_copy+TSS2+4, 0xff00, 0x8900
        movl    %cr3, %eax
        check   "CR3 stays", directory
        .endm

before: call    set_up_task
        map     SPLIT, 2
        fault   "JMP to a TSS whose end is absent", 14, 0, ljmp $TSS2, $0
        cr2_is  "CR2", 0xfffff000, SPLIT
        old_task
        map     SPLIT, 3
        map     tss2, 2
        fault   "JMP to a TSS whose beginning is absent", 14, 0, ljmp $TSS2, $0
        cr2_is  "CR2", 0xfffff000, tss2&0xfffff000
        old_task
        map     tss2, 1
        movl    $0, second_saw
        runs    "JMP to a TSS that is read-only", ljmp $TSS2, $0
        field   "goes there", second_saw, -1, 0x2222
        call    refresh
        map     tss2, 1
        fault   "CALL: the back link cannot be written", 14, 3, lcall $TSS2, $0
        cr2_is  "CR2", -1, tss2
        old_task
        map     tss2, 3
        map     tss, 1
        fault   "the old TSS is read-only", 14, 3, ljmp $TSS2, $0
        cr2_is  "CR2", 0xfffff000, tss&0xfffff000
        old_task
        map     tss, 2
        fault   "the old TSS is absent", 14, 2, ljmp $TSS2, $0
        old_task
        map     tss, 3
        map     gdt_copy, 1
        fault   "the GDT is read-only", 14, 3, ljmp $TSS2, $0
        map     gdt_copy, 3
        old_task
        runs    "nothing in the way", ljmp $TSS2, $0
        ret

refresh:
        map     tss2, 3
        jmp     set_up_task

/* --- behind it --------------------------------------------------------------------------------------------------- */

        .macro  switch text, vector, error, eip
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        movl    $NONE, fault_error
        ljmp    $TSS2, $0
        left    "\text", \vector, \error, \eip
        tr_is   "TR is the new task's", TSS2
        field   "the old task is not busy", gdt_copy+TSS+4, 0xff00, 0x8900
        field   "the new one is", gdt_copy+TSS2+4, 0xff00, 0x8b00
        movl    %cr3, %eax
        check   "CR3 is the new task's", directory2
        movl    %cr0, %eax
        andl    $8, %eax
        check   "TS is set", 8
        .endm

after:  call    set_up_task
        movl    $ABSENT_CODE, tss2 + EIP
        map     ABSENT_CODE, 2, table2
        switch  "the new task's code is absent", 14, 0, ABSENT_CODE
        cr2_is  "CR2", -1, ABSENT_CODE
        call    set_up_task
        map     ldt2, 2, table2
        movw    $LDT2, tss2 + LDT
        movw    $4, tss2 + DS
        switch  "its LDT is absent", 14, 0, second_task
        cr2_is  "CR2 is the descriptor's", -8, ldt2
        xorl    %eax, %eax
        sldt    %ax
        check   "LDTR is the new task's", LDT2
        field   "its ESP", fault_frame, -1, STACK2-12
        call    set_up_task
        map     ldt2, 1, table2
        movw    $LDT2, tss2 + LDT
        movw    $4, tss2 + DS
        movb    $0x92, ldt2 + 5
        switch  "the accessed bit cannot be set", 14, 3, second_task
        map     ldt2, 3, table2
        call    set_up_task
        movw    $LDT2, tss2 + LDT
        movw    $4, tss2 + DS
        runs    "all there", ljmp $TSS2, $0
        field   "the accessed bit is set", ldt2+4, 0xff00, 0x9300
        jmp     set_up_task

/* --- #GP by a task whose stack is absent, #PF by another one ----------------------------------------------------- */

third_task:
        popl    third_error
        movl    %cr2, %eax
        movl    %eax, third_cr2
        movl    tss3, %eax
        movl    %eax, third_link
        movl    tss2 + EIP, %eax
        movl    %eax, third_eip
        movl    tss + EIP, %eax
        movl    %eax, third_first
        movl    third_continue, %eax
        movl    %eax, tss + EIP
        movb    $0x89, gdt_copy + TSS + 5
        ljmp    $TSS, $0
        .balign 4
third_error:
        .long   0
third_cr2:
        .long   0
third_link:
        .long   0
third_eip:
        .long   0
third_first:
        .long   0
third_continue:
        .long   0

error_code:
        call    set_up_task
        map     STACK2-0x1000, 2, table2
        entry   TSS3, (tss3&0xffff)<<16|0x67, 0x00008900|tss3>>16
        movl    $tss2, %esi
        movl    $tss3, %edi
        movl    $104 / 4, %ecx
        cld
        rep movsl
        movl    $directory, tss3 + CR3
        movl    $third_task, tss3 + EIP
        movl    $STACK3, tss3 + ESP
        movw    $TSS2, idt + 13 * 8 + 2
        movb    $0x85, idt + 13 * 8 + 5
        movw    $TSS3, idt + 14 * 8 + 2
        movb    $0x85, idt + 14 * 8 + 5
        movl    $NONE, third_error
        movl    $2f, third_continue
        movl    $0xff8, %eax
1:      movl    %eax, %fs
2:      movw    $CODE32, idt + 13 * 8 + 2
        movb    $0x8e, idt + 13 * 8 + 5
        movw    $CODE32, idt + 14 * 8 + 2
        movb    $0x8e, idt + 14 * 8 + 5
        field   "the error code finds no stack in the new task: #PF after #GP, one by one", third_error, -1, 2
        field   "CR2 is the place of the error code", third_cr2, 0xfffff000, STACK2-0x1000
        field   "it is the new task that faults", third_link, 0xffff, TSS2
        field   "before its first instruction", third_eip, -1, second_task
        field   "the first task stands at its own fault", third_first, -1, 1b
        map     STACK2-0x1000, 3, table2
        jmp     set_up_task

/* --- stores in two pages ----------------------------------------------------------------------------------------- */

/* At CPL 3: the handler of the fault needs a stack of its own. */
        .macro  user_stack_fault text, room, error, insn:vararg
        movl    $0x5a5a5a5a, EDGE
        movl    $0x5a5a5a5a, EDGE + 4
        movl    $0x5a5a5a5a, EDGE + 8
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        pushl   $USER_DATA|3
        pushl   $EDGE+\room
        pushl   $2
        pushl   $USER_CODE|3
        pushl   $90f
        iretl
90:     \insn
        int     $BACK
        left    "\text", 14, \error, 90b
        field   "ESP stays", fault_esp, -1, EDGE+\room
        .endm

        .macro  one_store text, room, error, insn:vararg
        user_stack_fault "\text", \room, \error, \insn
        field   "nothing written", EDGE, -1, 0x5a5a5a5a
        .endm

crossing:
        movl    $7, %eax                /* the user's: code, stack */
        orl     %eax, table + (0x7000 >> 12) * 4
        .irp    page, 0x8000, 0x9000, 0xa000, 0xb000, 0xc000, 0xd000, 0xe000
        orl     %eax, table + (\page >> 12) * 4
        .endr
        map     EDGE, 7
        map     PAGE, 6
        movl    %cr3, %eax
        movl    %eax, %cr3
        one_store "PUSH into an absent page", 2, 6, pushl $0x1234
        cr2_is  "CR2", -1, EDGE-2
        one_store "a near CALL", 2, 6, call second_task
        user_stack_fault "a far CALL whose second push is absent", 4, 6, lcall $USER_CODE|3, $second_task
        user_stack_fault "a far CALL that crosses", 6, 6, lcall $USER_CODE|3, $second_task
        user_stack_fault "PUSHA", 12, 6, pushal
        one_store "ENTER", 3, 6, enter $0, $0
        one_store "PUSHF", 1, 6, pushfl
        one_store "PUSH of memory", 2, 6, pushl %cs:0x7c00
        map     PAGE, 7
        map     EDGE, 6
        movl    $0x5a5a5a5a, EDGE - 4
        map     EDGE, 6
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        pushl   $USER_DATA|3
        pushl   $EDGE+2
        pushl   $2
        pushl   $USER_CODE|3
        pushl   $90f
        iretl
90:     pushl   $0x1234
        left    "PUSH whose upper half is absent", 14, 6, 90b
        cr2_is  "CR2", -1, EDGE
        field   "nothing written", EDGE-4, -1, 0x5a5a5a5a
        field   "ESP stays", fault_esp, -1, EDGE+2
        map     EDGE, 7
        map     PAGE, 7
        ret

/* --- accessed and dirty bits ------------------------------------------------------------------------------------- */

        .macro  bits_of text, where, want
        movl    table + (\where >> 12) * 4, %eax
        andl    $0x60, %eax
        check   "\text", \want
        .endm

dirty:  movl    $4, PAGE
        map     PAGE, 3
        movl    $1, %eax
        cmpxchgl %ebx, PAGE
        bits_of "CMPXCHG that does not match: dirty", PAGE, 0x60
        map     PAGE, 3
        btsl    $2, PAGE
        bits_of "BTS of a bit that is set: dirty", PAGE, 0x60
        map     PAGE, 3
        btl     $2, PAGE
        bits_of "BT: accessed", PAGE, 0x20
        map     PAGE, 3
        movl    $0, %ecx
        movl    $PAGE, %edi
        rep stosb
        bits_of "REP with a count of 0: neither", PAGE, 0
        map     PAGE, 3
        leal    PAGE, %eax
        invlpg  PAGE
        bits_of "LEA and INVLPG: neither", PAGE, 0
        map     PAGE, 1
        fault   "a write that is refused", 14, 3, movl %eax, PAGE
        movl    table + (PAGE >> 12) * 4, %eax
        andl    $0x40, %eax
        check   "is none for the dirty bit", 0
        map     PAGE, 3
        entry   SMALL, 0x00000fff, 0x00409300
        movl    $SMALL, %eax
        movl    %eax, %fs
        fault   "a write beyond the limit", 13, 0, movl %eax, %fs:PAGE
        bits_of "does not get there", PAGE, 0
        movl    $0, PAGE + 4
        map     PAGE, 3
        movl    $0, %edx
        movl    $5, %eax
        fault   "DIV by what the page holds in its second dword", 0, NONE, divl PAGE+4
        bits_of "has read it", PAGE, 0x20
        map     PAGE, 3
        movl    %eax, PAGE
        bits_of "a write: accessed and dirty", PAGE, 0x60
        andl    $~0x40, table + (PAGE >> 12) * 4
        invlpg  PAGE
        movl    PAGE, %eax
        bits_of "the dirty bit cleared, a read", PAGE, 0x20
        movl    %eax, PAGE
        bits_of "a write sets it again", PAGE, 0x60
        andl    $~0x20, directory
        movl    %cr3, %eax
        movl    %eax, %cr3
        movl    PAGE, %eax
        field   "a directory entry: accessed, never dirty", directory, 0x60, 0x20
        ret
        test_end
