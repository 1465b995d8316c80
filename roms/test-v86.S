/*
 * Test boot disk: virtual-8086 mode beyond roms/test-task.S: I/O bitmap, privileged and absent instructions, handlers,
 * task switches, VME with IOPL 3 and less; protected-mode virtual interrupts.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "8086 Emulation" ("Sensitive Instructions", "Virtual-8086 Mode I/O", "Class 1 - Hardware
 *   Interrupt and Exception Handling", "Class 3 - Software Interrupt Handling", "Protected-Mode Virtual Interrupts");
 *   vol. 1 "I/O Permission Bit Map"; vol. 2 "INT n", "IRET", "POPF", "STI", "CLI" (their tables by mode and IOPL).
 * Bochs 2.7 passes all.  Not checked: VIF and VIP both set by IRET to virtual-8086 mode; Bochs (as AMD's manual says)
 *   refuses the next instruction, Intel's manual tells of no such check.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    TSS2, RINGS_FREE
        .set    tss2, 0x29000
        .set    STACK2, 0x2a000

        .set    EIP, 32
        .set    EFLAGS, 36
        .set    ESP, 56
        .set    ES, 72
        .set    CS, 76
        .set    SS, 80
        .set    DS, 84
        .set    FS, 88
        .set    GS, 92

        .set    IOPL3, 0x23002
        .set    IOPL0, 0x20002
        .set    VIF, 0x80000
        .set    VIP, 0x100000

        .macro  cr4_change set, clear
        movl    %cr4, %eax
        andl    $~(\clear), %eax
        orl     $\set, %eax
        movl    %eax, %cr4
        .endm

        .macro  flags value
        movl    $\value, v86_flags
        .endm

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        call    ports
        call    refused
        call    absent
        call    allowed
        call    handlers_of_v86
        call    tasks
        call    no_way_in
        unless  VME, no_vme
        call    virtual_interrupts
        call    images
        call    redirection
        call    iopl3
        call    protected_mode
        ret
no_vme: skip    "VME"
        ret

/* --- I/O bitmap: counts whatever IOPL is ------------------------------------------------------------------------- */

ports:  flags   IOPL3
        movb    $0x8f, IO_BITMAP + 0x80 / 8     /* 84h to 86h */
        v86_runs "a byte", inb $0x84, %al
        v86_runs "a word", inw $0x85, %ax
        v86_fault "a word of which the second byte is refused", 13, 0, inw $0x86, %ax
        v86_fault "a dword of which the last byte is refused", 13, 0, inl $0x84, %eax
        v86_fault "OUT as well", 13, 0, outl %eax, $0x84
        movb    $0x0f, IO_BITMAP + 0x80 / 8
        v86_runs "a dword", inl $0x84, %eax
        v86_fault "a word across two bytes of the map", 13, 0, inw $0x87, %ax
        movb    $0xfe, IO_BITMAP + 0x88 / 8
        v86_runs "both allowed", inw $0x87, %ax
        movw    $0x3ff, %dx
        andb    $0x7f, IO_BITMAP + 127
        v86_runs "the last port of the map", inb %dx, %al
        v86_fault "a word that needs the byte behind it", 13, 0, inw %dx, %ax
        movw    $0x408, %dx
        v86_fault "a port beyond the TSS, with IOPL 3", 13, 0, inb %dx, %al
        movw    $0x88 + 1, %dx
        movl    $0x100, %edi
        v86_fault "INSB", 13, 0, insb
        xorl    %esi, %esi
        v86_fault "OUTSB", 13, 0, outsb
        xorl    %ecx, %ecx
        v86_runs "REP with a count of 0 asks nothing of the memory", rep stosb
        flags   IOPL0
        v86_runs "with IOPL 0 the map alone decides", inl $0x84, %eax
        movl    tss + 100, %ebx
        movl    $(TSS_LIMIT + 1) << 16, tss + 100
        v86_fault "no map", 13, 0, inb $0x84, %al
        movl    %ebx, tss + 100
        ret

/* --- instructions ------------------------------------------------------------------------------------------------ */

refused:
        flags   IOPL3
        v86_fault "LIDT", 13, 0, lidtl idt_pointer
        v86_fault "LMSW", 13, 0, lmsw %ax
        v86_fault "CLTS", 13, 0, clts
        v86_fault "MOV to CR0", 13, 0, movl %eax, %cr0
        v86_fault "MOV from DR7", 13, 0, movl %db7, %eax
        v86_fault "INVD", 13, 0, invd
        v86_fault "WBINVD", 13, 0, wbinvd
        v86_fault "INVLPG", 13, 0, invlpg 0
        unless  MSR, 1f
        movl    $0x10, %ecx
        v86_fault "RDMSR", 13, 0, rdmsr
        v86_fault "WRMSR", 13, 0, wrmsr
1:      unless  TSC, 1f
        v86_runs "RDTSC", rdtsc
        cr4_change 4, 0
        v86_fault "RDTSC with CR4.TSD", 13, 0, rdtsc
        cr4_change 0, 4
1:      unless  SEP, 1f
        v86_fault "SYSEXIT", 13, 0, sysexit
1:      ret

absent: v86_fault "SLDT", 6, NONE, sldt %ax
        v86_fault "STR", 6, NONE, str %ax
        v86_fault "LLDT", 6, NONE, lldt %ax
        v86_fault "VERR", 6, NONE, verr %ax
        v86_fault "VERW", 6, NONE, verw %ax
        v86_fault "LSL", 6, NONE, lsl %ax, %ax
        v86_fault "LOCK NOP", 6, NONE, .byte 0xf0, 0x90
        v86_fault "LOCK CLI", 6, NONE, .byte 0xf0, 0xfa
        ret

allowed:
        v86_runs "SMSW", smsw %ax
        v86_runs "SGDT", sgdtl %es:0
        v86_enter
        .code16
90:     ljmpw   $0x10, $1f - 0x100
1:      hlt
        .code32
        left    "a far jump", 13, 0, 1b-0x100
        field   "loads a paragraph", fault_cs, 0xffff, 0x10
        unless  SSE2, 9f                /* CPUID leaf 7 is of younger processors */
        xorl    %eax, %eax
        cpuid
        cmpl    $7, %eax
        jb      9f
        movl    $7, %eax
        xorl    %ecx, %ecx
        cpuid
        btl     $2, %ecx
        jnc     9f
        cr4_change 0x800, 0
        v86_fault "UMIP: SMSW", 13, 0, smsw %ax
        v86_fault "UMIP: SGDT", 13, 0, sgdtl %es:0
        v86_fault "UMIP: SIDT", 13, 0, sidtl %es:0
        v86_fault "UMIP: SLDT is none as before", 6, NONE, sldt %ax
        v86_fault "UMIP: STR is none as before", 6, NONE, str %ax
        cr4_change 0, 0x800
9:      ret

/* --- handlers ---------------------------------------------------------------------------------------------------- */

        .set    IN_RING3, 0x54

handlers_of_v86:
        flags   IOPL3
        movl    $IN_RING3, %ecx
        movl    $0x8000, %eax
        call    set_gate
        movw    $USER_CODE | 3, idt + IN_RING3 * 8 + 2
        movw    $0xee00, idt + IN_RING3 * 8 + 4
        v86_fault "a handler at CPL 3", 13, USER_CODE, int $IN_RING3
        movw    $DATA32, idt + IN_RING3 * 8 + 2
        v86_fault "a handler in data", 13, DATA32, int $IN_RING3
        movw    $0, idt + IN_RING3 * 8 + 2
        v86_fault "a null handler", 13, 0, int $IN_RING3
        v86_fault "a vector without a gate", 13, 0x70*8+2, int $0x70
        v86_enter
        .code16
90:     int3
        .code32
        left    "INT3 with a gate of DPL 0", 13, 3*8+2, 90b
        ret

/* --- tasks ------------------------------------------------------------------------------------------------------- */

        .set    BY_TASK, 0x55

set_up_task:
        descriptor TSS2, (tss2 & 0xffff) << 16|0x67, 0x00008900|tss2 >> 16
        movl    $tss2, %edi
        xorl    %eax, %eax
        movl    $104 / 4, %ecx
        cld
        rep stosl
        movl    $STACK0, tss2 + 4
        movl    $DATA32, tss2 + 8
        movl    $task_entry, tss2 + EIP
        movl    $2, tss2 + EFLAGS
        movl    $STACK2, tss2 + ESP
        movl    $DATA32, tss2 + ES
        movl    $CODE32, tss2 + CS
        movl    $DATA32, tss2 + SS
        movl    $DATA32, tss2 + DS
        ret

task_entry:
        movl    tss + EFLAGS, %eax
        movl    %eax, task_flags
        movl    tss + EIP, %eax
        movl    %eax, task_eip
        iretl
        .balign 4
task_flags:
        .long   0
task_eip:
        .long   0

home:   descriptor TSS, (tss & 0xffff) << 16 | TSS_LIMIT, 0x00008900 | tss >> 16
        movl    $TSS, %eax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        clts
        ret

tasks:  flags   IOPL3
        call    set_up_task
        movl    $TSS2 << 16, idt + BY_TASK * 8
        movl    $0x0000e500, idt + BY_TASK * 8 + 4
        movl    $0x12345678, %ebx
        v86_enter
        .code16
90:     int     $BY_TASK
91:     hlt
        .code32
        left    "INT through a task gate and back", 13, 0, 91b
        field   "the TSS has VM", task_flags, 0x20000, 0x20000
        field   "and the place behind the INT", task_eip, -1, 91b
        field   "ES", tss+ES, 0xffff, 0x2000
        field   "SS", tss+SS, 0xffff, V86_STACK_SEGMENT
        field   "ESP", tss+ESP, -1, V86_STACK
        field   "back in virtual-8086 mode", fault_eflags, 0x20000, 0x20000
        field   "with GS", fault_es+12, 0xffff, 0x4444
        field   "the TSS is free again", gdt+TSS2+4, 0xff00, 0x8900
        clts
        movl    $0x0000c500, idt + BY_TASK * 8 + 4
        movb    $0x85, idt + BY_TASK * 8 + 5
        v86_fault "a task gate of DPL 0", 13, BY_TASK*8+2, int $BY_TASK
        flags   IOPL0
        movb    $0xe5, idt + BY_TASK * 8 + 5
        v86_fault "IOPL 0", 13, 0, int $BY_TASK

        call    set_up_task
        movl    $IOPL3, tss2 + EFLAGS
        movl    $92f, tss2 + EIP
        movl    $0, tss2 + CS
        movl    $V86_STACK_SEGMENT, tss2 + SS
        movl    $V86_STACK, tss2 + ESP
        movl    $0x1111, tss2 + ES
        movl    $0x2222, tss2 + DS
        movl    $0x3333, tss2 + FS
        movl    $0x5555, tss2 + GS
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        ljmp    $TSS2, $0
        .code16
92:     hlt
        .code32
        left    "JMP to a task in virtual-8086 mode", 13, 0, 92b
        field   "VM", fault_eflags, 0x20000, 0x20000
        field   "CS", fault_cs, 0xffff, 0
        field   "ESP", fault_esp, -1, V86_STACK
        field   "ES", fault_es, 0xffff, 0x1111
        field   "GS", fault_es+12, 0xffff, 0x5555
        call    home
        call    set_up_task
        movl    $IOPL3, tss2 + EFLAGS
        movl    $0x10000, tss2 + EIP
        movl    $V86_STACK_SEGMENT, tss2 + SS
        movl    $V86_STACK, tss2 + ESP
        movl    $0, tss2 + CS
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        ljmp    $TSS2, $0
        left    "JMP to a task beyond its 64 KiB", 13, 0, 0x10000
        call    home
        ret

/* IRET enters virtual-8086 mode at CPL 0 only. */
no_way_in:
        user_runs "IRET with VM at CPL 3", call user_iret
        field   "stays in protected mode", fault_eflags, 0x20000, 0
        user_runs "POPF with VM", call user_popf
        field   "the same", fault_eflags, 0x20000, 0
        ret
user_iret:
        popl    %eax
        pushl   $IOPL0
        pushl   %cs
        pushl   %eax
        iretl
user_popf:
        pushl   $IOPL0
        popfl
        ret

/* --- VME, IOPL 0 ------------------------------------------------------------------------------------------------- */

        .macro  pops text, entry, image, mask, want
        flags   \entry
        v86_enter
        .code16
90:     pushw   $\image
        popfw
91:     hlt
        .code32
        left    "\text", 13, 0, 91b
        field   "EFLAGS", fault_eflags, \mask, \want
        .endm

        .macro  returns text, entry, image, mask, want
        flags   \entry
        v86_enter
        .code16
90:     pushw   $\image
        pushw   $0
        pushw   $91f
        iretw
91:     hlt
        .code32
        left    "\text", 13, 0, 91b
        field   "EFLAGS", fault_eflags, \mask, \want
        .endm

        .macro  returns_not text, entry, image
        flags   \entry
        v86_enter
        .code16
90:     pushw   $\image
        pushw   $0
        pushw   $91f
92:     iretw
91:     hlt
        .code32
        left    "\text", 13, 0, 92b
        field   "ESP stays", fault_esp, -1, V86_STACK-6
        .endm

        .macro  pops_not text, entry, image
        flags   \entry
        v86_enter
        .code16
90:     pushw   $\image
92:     popfw
        hlt
        .code32
        left    "\text", 13, 0, 92b
        .endm

virtual_interrupts:
        cr4_change 1, 0
        flags   IOPL0|VIP
        v86_runs "VME: CLI with VIP", cli
        field   "leaves VIP", fault_eflags, VIF|VIP|0x200, VIP
        flags   IOPL0|VIF
        v86_runs "VME: STI with VIF", sti
        flags   IOPL0|0x200
        v86_runs "VME: CLI with IF", cli
        field   "leaves IF", fault_eflags, VIF|0x200, 0x200
        v86_runs "VME: PUSHF", call push_flags
        andl    $0xffff, %eax
        check   "shows VIF for IF, IOPL 3", 0x3002
        ret
        .code16
push_flags:
        pushfw
        popw    %ax
        ret
        .code32

images: pops    "VME: POPF takes neither IOPL nor IF", IOPL0, 0x3202, VIF | 0x3200, VIF
        pops    "VME: POPF leaves IF", IOPL0|0x200, 0, VIF|0x200, 0x200
        pops    "VME: POPF without IF, with VIP", IOPL0|VIP, 0, VIF|VIP, VIP
        pops_not "VME: POPF with IF, with VIP", IOPL0|VIP, 0x202
        pops_not "VME: POPF of TF", IOPL0, 0x102
        returns "VME: IRET takes neither IOPL nor IF", IOPL0, 0x3202, VIF|0x3200, VIF
        returns "VME: IRET without IF, with VIP", IOPL0|VIP, 2, VIF|VIP, VIP
        returns "VME: IRET takes the arithmetic flags and NT", IOPL0, 0x48d7, 0x48d5, 0x48d5
        returns_not "VME: IRET with IF, with VIP", IOPL0|VIP, 0x202
        returns_not "VME: IRET with TF", IOPL0, 0x102
        flags   IOPL0
        v86_fault "VME: IRETD", 13, 0, iretl
        v86_fault "VME: POPFD", 13, 0, popfl
        v86_fault "VME: PUSHFD", 13, 0, pushfl
        ret

/* --- VME: INT n -------------------------------------------------------------------------------------------------- */

        .macro  interrupt text, entry, vector, pushed, inside
        flags   \entry
        v86_enter
        .code16
90:     int     $\vector
91:     hlt
        .code32
        left    "\text", 13, 0, v86_stop
        field   "IP pushed", V86_STACK_SEGMENT*16+V86_STACK-6, 0xffff, 91b
        field   "FLAGS pushed", V86_STACK_SEGMENT*16+V86_STACK-2, 0xff02, \pushed
        field   "EFLAGS inside", fault_eflags, VIF|VIP|0x27302, \inside
        .endm

redirection:
        movw    $v86_stop, 0xff * 4
        movw    $0, 0xff * 4 + 2
        movw    $v86_stop, 0x61 * 4
        movw    $0, 0x61 * 4 + 2
        movw    $v86_stop, 3 * 4
        movw    $0, 3 * 4 + 2
        andb    $0x7f, REDIRECTION + 31
        andb    $~2, REDIRECTION + 0x60 / 8
        interrupt "VME: the last bit of the map", IOPL0, 0xff, 0x3002, 0x20002
        interrupt "VME: INT n with IOPL 0 clears VIF", IOPL0|VIF, 0x61, 0x3202, 0x20002
        interrupt "VME: and leaves IF", IOPL0|VIF|0x200, 0x61, 0x3202, 0x20202
        interrupt "VME: and VIP", IOPL0|VIP, 0x61, 0x3002, 0x20002|VIP
        interrupt "VME: with IOPL 3 it clears IF", IOPL3|VIF|0x200, 0x61, 0x3202, 0x23002|VIF
        flags   IOPL0
        v86_fault "VME: its neighbour in the map", 13, 0, int $0x60
        flags   IOPL3
        v86_fault "VME: the same with IOPL 3: by the gate", 13, 0x60*8+2, int $0x60
        movb    $0, REDIRECTION
        v86_fault "VME: INT3 is not redirected", 13, 3*8+2, int3
        flags   0x23802
        v86_fault "VME: nor INTO", 13, 4*8+2, into
        flags   IOPL3
        v86_fault "VME: nor an exception", 6, NONE, ud2
        movb    $0xff, REDIRECTION
        ret
        .code16
v86_stop:
        hlt
        .code32

/* --- VME changes nothing else with IOPL 3 ------------------------------------------------------------------------ */

iopl3:  pops    "IOPL 3: POPF sets IF, not VIF", IOPL3, 0x3202, VIF | 0x3200, 0x3200
        pops    "IOPL 3: POPF with IF and VIP", IOPL3|VIP, 0x3202, VIF|VIP|0x200, VIP|0x200
        pops    "IOPL 3: POPF does not change IOPL", IOPL3, 2, 0x3000, 0x3000
        returns "IOPL 3: IRET sets IF, not VIF", IOPL3, 0x3202, VIF|0x3200, 0x3200
        flags   IOPL3|VIF
        v86_enter
        .code16
90:     pushl   $0x3002
        popfl
91:     hlt
        .code32
        left    "IOPL 3: POPFD", 13, 0, 91b
        field   "leaves VM, VIF and VIP", fault_eflags, 0x20000|VIF|VIP, 0x20000|VIF
        flags   IOPL3|VIP
        v86_runs "IOPL 3: STI with VIP", sti
        field   "sets IF", fault_eflags, VIF|0x200, 0x200
        flags   IOPL3|VIF|0x200
        v86_runs "IOPL 3: CLI", cli
        field   "clears IF", fault_eflags, VIF|0x200, VIF
        v86_runs "IOPL 3: PUSHF", call push_flags
        andl    $0xffff, %eax
        check   "shows IF", 0x3202
        cr4_change 0, 1
        flags   IOPL0|VIF
        v86_fault "without VME VIF means nothing: STI", 13, 0, sti
        v86_fault "without VME the map means nothing: INT n", 13, 0, int $0x61
        ret

/* --- protected-mode virtual interrupts --------------------------------------------------------------------------- */

protected_mode:
        movl    $2, user_flags
        user_fault "STI at CPL 3", 13, 0, sti
        cr4_change 2, 0
        user_runs "PVI: STI with IOPL 0", sti
        field   "sets VIF", fault_eflags, VIF|0x200, VIF
        movl    $2 | VIF | 0x200, user_flags
        user_runs "PVI: CLI", cli
        field   "clears VIF", fault_eflags, VIF|0x200, 0x200
        movl    $2 | VIP, user_flags
        user_fault "PVI: STI with VIP", 13, 0, sti
        user_runs "PVI: CLI with VIP", cli
        movl    $2 | VIF, user_flags
        user_runs "PVI: PUSHF", call user_push
        andl    $0x3200, %eax
        check   "shows IF and IOPL as they are", 0
        user_runs "PVI: POPF of IF", call user_pop
        field   "leaves IF and VIF", fault_eflags, VIF|0x200, VIF
        user_fault "PVI: INT n of DPL 0 goes by the gate", 13, 0x21*8+2, int $0x21
        movl    $0x3002 | VIP, user_flags
        user_runs "PVI: STI with IOPL 3", sti
        field   "sets IF", fault_eflags, VIF|0x200, 0x200
        movl    $2, user_flags
        cr4_change 0, 2
        ret
user_push:
        pushfl
        popl    %eax
        ret
user_pop:
        pushl   $0x202
        popfl
        ret

        test_end
