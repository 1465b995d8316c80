/*
 * Test boot disk: task switches, the double fault, virtual-8086 mode and its extensions.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Task Management", "8086 Emulation" (VME: "Interrupt and Exception Handling in
 * Virtual-8086 Mode"), "Interrupt 8 - Double Fault Exception".
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    TSS2, 0x40
        .set    TASK_GATE, 0x48         /* to TSS2, DPL 3 */
        .set    TSS_FAULT, 0x50
        .set    TSS_SMALL, 0x58         /* limit too small */
        .set    TSS_ABSENT, 0x60
        .set    TSS_16, 0x68            /* a 286's */
        .set    TASK_GATE_0, 0x70       /* to TSS2, DPL 0 */
        .set    TASK_GATE_BAD, 0x78     /* to data */
        .set    tss2, 0x29000
        .set    tss_fault, 0x29100
        .set    tss_16, 0x29200
        .set    STACK2, 0x2a000
        .set    STACK_FAULT, 0x2b000

        /* Offsets in a TSS. */
        .set    EIP, 32
        .set    EFLAGS, 36
        .set    EAX, 40
        .set    ECX, 44
        .set    EDX, 48
        .set    EBX, 52
        .set    ESP, 56
        .set    EBP, 60
        .set    ES, 72
        .set    CS, 76
        .set    SS, 80
        .set    DS, 84
        .set    LDT, 96
        .set    TRAP, 100

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        call    set_up_tasks
        call    switches
        call    bad_switches
        call    interrupts_by_task
        call    double_faults
        call    small_task
        call    virtual_8086
        call    vme
        ret

set_up_tasks:
        tss_descriptor TSS2, tss2, 103, 0x89
        tss_descriptor TSS_FAULT, tss_fault, 103, 0x89
        tss_descriptor TSS_SMALL, tss2, 102, 0x89
        tss_descriptor TSS_ABSENT, tss2, 103, 0x09
        tss_descriptor TSS_16, tss_16, 43, 0x81
        descriptor TASK_GATE, TSS2 << 16, 0x0000e500
        descriptor TASK_GATE_0, TSS2 << 16, 0x00008500
        descriptor TASK_GATE_BAD, DATA32 << 16, 0x00008500
        movl    $tss2, %edi
        movl    $0x300 / 4, %ecx
        xorl    %eax, %eax
        rep stosl
        movl    $STACK_FAULT, %ebx
        movl    $tss_fault, %edi
        movl    $fault_task, %eax
        call    fill_tss
        movl    $STACK2, %ebx
        movl    $tss2, %edi
        movl    $second_task, %eax

/* EDI: TSS, EAX: EIP, EBX: ESP */
fill_tss:
        movl    %eax, EIP(%edi)
        movl    $2, EFLAGS(%edi)
        movl    %ebx, ESP(%edi)
        movl    $CODE32, CS(%edi)
        movl    $DATA32, SS(%edi)
        movl    $DATA32, DS(%edi)
        movl    $DATA32, ES(%edi)
        movl    $104 << 16, TRAP(%edi)
        ret

/* --- JMP, CALL, IRET --------------------------------------------------------------------------------------------- */

/* Keeps what it finds, then goes back the way that second_way says; and starts again from here. */
second_task:
        movl    %eax, second_eax
        movl    %esp, second_esp
        pushfl
        popl    second_flags
        movl    %cr0, %eax
        movl    %eax, second_cr0
        strl    %eax
        movl    %eax, second_tr
        movl    gdt + TSS + 4, %eax
        movl    %eax, second_first      /* the first task's descriptor meanwhile */
        movl    gdt + TSS2 + 4, %eax
        movl    %eax, second_own
        clts
        cmpl    $0, second_way
        jne     1f
        ljmp    $TSS, $0
        jmp     second_task
1:      iretl
        jmp     second_task

        .balign 4
second_eax:
        .long   0
second_esp:
        .long   0
second_flags:
        .long   0
second_cr0:
        .long   0
second_tr:
        .long   0
second_first:
        .long   0
second_own:
        .long   0
second_way:
        .long   0

switches:
        movl    $0x12345678, tss2 + EAX
        movl    $0x0badf00d, %ebx
        clts
        ljmp    $TSS2, $0x9999
        movl    %cr0, %edx
        clts
        movl    %ebx, %eax
        check   "JMP to a task and back", 0x0badf00d
        field   "EAX comes from the TSS", second_eax, -1, 0x12345678
        field   "and ESP", second_esp, -1, STACK2
        field   "TS is set", second_cr0, 8, 8
        field   "TR is the new task's", second_tr, 0xffff, TSS2
        field   "JMP: the old task is not busy", second_first, 0xff00, 0x8900
        field   "JMP: the new task is busy", second_own, 0xff00, 0x8b00
        field   "JMP: NT is clear", second_flags, 0x4000, 0
        movl    %edx, %eax
        andl    $8, %eax
        check   "and TS after the way back", 8
        strl    %eax
        check   "TR again", TSS
        field   "the old TSS has EBX", tss + EBX, -1, 0x0badf00d
        field   "the second task is not busy any more", gdt + TSS2 + 4, 0xff00, 0x8900

        movl    $1, second_way
        movl    $second_task, tss2 + EIP
        pushl   $0x8d7                  /* all six flags and what is always set */
        popfl
        lcall   $TSS2, $0
        pushfl
        popl    %eax
        andl    $0x4cd5, %eax
        check   "CALL and IRET keep the flags", 0x8d5 & 0x4cd5
        field   "CALL: NT is set", second_flags, 0x4000, 0x4000
        field   "CALL: the backlink", tss2, 0xffff, TSS
        field   "CALL: the old task stays busy", second_first, 0xff00, 0x8b00
        field   "CALL: the new task is busy", second_own, 0xff00, 0x8b00
        field   "IRET: it is not any more", gdt + TSS2 + 4, 0xff00, 0x8900
        field   "IRET clears NT in what it saves", tss2 + EFLAGS, 0x4000, 0
        field   "the old task's TSS had no NT", tss + EFLAGS, 0x4000, 0

        movl    $0, second_way
        movl    $second_task, tss2 + EIP
        movl    $0, second_tr
        ljmp    $TASK_GATE, $0
        field   "JMP through a task gate", second_tr, 0xffff, TSS2
        movl    $1, second_way
        movl    $second_task, tss2 + EIP
        movl    $0, second_tr
        lcall   $TASK_GATE_0, $0
        field   "CALL through a task gate", second_tr, 0xffff, TSS2
        movl    $second_task, tss2 + EIP
        movl    $0, second_tr
        user_runs "CALL through a task gate of DPL 3, from CPL 3", lcall $TASK_GATE, $0
        field   "goes to CPL 0", second_tr, 0xffff, TSS2
        user_fault "a task gate of DPL 0, from CPL 3", 13, TASK_GATE_0, lcall $TASK_GATE_0, $0
        user_fault "a TSS of DPL 0, from CPL 3", 13, TSS2, lcall $TSS2, $0

        movl    $second_task, tss2 + EIP
        movl    $0, second_way
        movl    $2 + 1, tss2 + EFLAGS   /* CF */
        ljmp    $TSS2, $0
        field   "EFLAGS comes from the TSS", second_flags, 1, 1
        clts
        ret

bad_switches:
        fault   "JMP to a busy TSS", 13, TSS, ljmp $TSS, $0
        fault   "JMP to an absent TSS", 11, TSS_ABSENT, ljmp $TSS_ABSENT, $0
        fault   "JMP to a TSS that is too small", 10, TSS_SMALL, ljmp $TSS_SMALL, $0
        fault   "a task gate to data", 13, DATA32, ljmp $TASK_GATE_BAD, $0
        movl    $0, tss                 /* backlink */
        pushl   $0x4002
        popfl
        fault   "IRET to a null backlink", 10, 0, iretl
        movl    $TSS2, tss              /* not busy */
        pushl   $0x4002
        popfl
        fault   "IRET to a task that is not busy", 10, TSS2, iretl
        pushl   $2
        popfl

        /* Faults of the new task: it has begun, so its EIP is where they are. */
        .macro  bad_field text, vector, error, offset, value
        movl    $second_task, tss2 + EIP
        movl    tss2 + \offset, %ebx
        movl    $\value, tss2 + \offset
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        movl    $NONE, fault_error
        ljmp    $TSS2, $0
89:     movl    $\vector, want_vector
        movl    $\error, want_error
        movl    $second_task, want_eip
        call    save_registers
        name    "\text"
        call    check_fault
        call    home
        movl    $0, tss2 + \offset
        call    set_up_tasks
        .endm

        bad_field "a new task with a bad DS", 10, TSS, DS, TSS
        bad_field "debug trap of the TSS", 1, NONE, TRAP, 1
        movl    %db6, %eax
        andl    $0xe00f, %eax
        check   "DR6.BT", 0x8000
        xorl    %eax, %eax
        movl    %eax, %db6
        ret

/* Makes TSS the current task again, whichever is. */
home:   tss_descriptor TSS, tss, TSS_LIMIT, 0x89
        movl    $TSS, %eax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        clts
        ret

/* --- interrupts and faults by task gates ------------------------------------------------------------------------- */

/* With an error code on the stack: keeps it, and lets the task that it came from go on at fault_continue. */
fault_task:
        popl    fault_task_error
        movl    %esp, fault_task_esp
        pushfl
        popl    fault_task_flags
        movl    tss + EIP, %eax
        movl    %eax, fault_task_eip
        movl    fault_continue, %eax
        movl    %eax, tss + EIP
        iretl
        jmp     fault_task

        .balign 4
fault_task_error:
        .long   0
fault_task_esp:
        .long   0
fault_task_eip:
        .long   0
fault_task_flags:
        .long   0
fault_continue:
        .long   0

interrupts_by_task:
        movl    $TSS2 << 16, idt + 52 * 8
        movl    $0x0000e500, idt + 52 * 8 + 4
        movl    $1, second_way
        movl    $0, second_tr
        movl    $0, resume_eip
        int     $52
        field   "INT through a task gate", second_tr, 0xffff, TSS2
        field   "the backlink", tss2, 0xffff, TSS
        movl    $second_task, tss2 + EIP
        movl    $0, second_tr
        user_runs "INT through a task gate from CPL 3", int $52
        field   "goes there as well", second_tr, 0xffff, TSS2

        movl    $TSS_FAULT << 16, idt + 13 * 8
        movl    $0x00008500, idt + 13 * 8 + 4
        movl    $1f, fault_continue
        movl    $0x200, %eax
        pushl   $2
        popfl
2:      movl    %eax, %es
1:      field   "a fault by task: the error code is on its stack", fault_task_error, -1, 0x200
        field   "of 32 bits", fault_task_esp, -1, STACK_FAULT
        field   "the old task's EIP is that of the fault", fault_task_eip, -1, 2b
        field   "NT is set", fault_task_flags, 0x4000, 0x4000
        movl    $13, %ecx
        movl    $stubs + 13 * STUB_SIZE, %eax
        call    set_gate
        clts
        ret

double_faults:
        movl    $TSS_FAULT << 16, idt + 8 * 8
        movl    $0x00008500, idt + 8 * 8 + 4
        movw    $0x0e00, idt + 13 * 8 + 4
        movl    $fault_task, tss_fault + EIP
        movl    $STACK_FAULT, tss_fault + ESP
        movl    $1f, fault_continue
        movl    $-1, fault_task_error
        movl    $0x200, %eax
        movl    %eax, %es
1:      field   "a double fault by task: its error code is 0", fault_task_error, -1, 0
        movw    $0x8e00, idt + 13 * 8 + 4

        movl    $1f, fault_continue     /* a stack that cannot take the frame */
        movl    $-1, fault_task_error
        movl    $STACK_FAULT, tss_fault + ESP
        movl    $fault_task, tss_fault + EIP
        descriptor TSS_SMALL, 0x00000fff, 0x00409200
        movl    $TSS_SMALL, %eax
        movl    %esp, %ebp
        movl    %eax, %ss
        movl    $0x2000, %esp
        ud2
1:      movl    $DATA32, %eax
        movl    %eax, %ss
        movl    %ebp, %esp
        field   "no room for the frame of a fault at CPL 0: a double fault", fault_task_error, -1, 0

        movl    $8, %ecx
        movl    $stubs + 8 * STUB_SIZE, %eax
        call    set_gate
        movl    $0x310, tss + 8         /* SS0 beyond the GDT */
        movl    $TSS_FAULT << 16, idt + 10 * 8
        movl    $0x00008500, idt + 10 * 8 + 4
        movl    $1f, fault_continue
        movl    $-1, fault_task_error
        movl    $STACK_FAULT, tss_fault + ESP
        movl    $fault_task, tss_fault + EIP
        user_enter
90:     int     $BACK
1:      movl    $DATA32, %ss:tss + 8    /* goes on here at CPL 3, which may write anywhere */
        int     $BACK
89:     call    save_registers
        field   "a bad SS0: #TS with its selector", fault_task_error, -1, 0x310
        movl    $10, %ecx
        movl    $stubs + 10 * STUB_SIZE, %eax
        call    set_gate
        clts
        ret

/* --- a 286's TSS ------------------------------------------------------------------------------------------------- */

small_task:
        movw    $small_entry, tss_16 + 14
        movw    $2, tss_16 + 16
        movw    $0x1111, tss_16 + 18
        movw    $DATA32, tss_16 + 34
        movw    $CODE32, tss_16 + 36
        movw    $DATA32, tss_16 + 38
        movw    $DATA32, tss_16 + 40
        movw    $0x7000, tss_16 + 26
        movl    $0xeeeeeeee, %eax
        lcall   $TSS_16, $0
        field   "CALL to a 16-bit TSS: AX comes from it", small_eax, 0xffff, 0x1111
        field   "IRET back: EAX of the 32-bit task", tss + EAX, -1, 0xeeeeeeee
        field   "the 16-bit task's AX is saved", tss_16 + 18, 0xffff, 0x2222
        clts
        ret

small_entry:
        movl    %eax, small_eax
        movw    $0x2222, %ax
        iretl
        .balign 4
small_eax:
        .long   0

/* --- virtual-8086 mode ------------------------------------------------------------------------------------------- */

virtual_8086:
        movl    $0x10000, %edi
        v86_runs "16-bit code", call v86_piece
        check   "adds up in 16 bits", 0xffff0001
        movl    fault_eflags, %eax
        andl    $0x00020000, %eax
        check   "the frame has VM", 0x00020000
        field   "and SS", fault_ss, 0xffff, V86_STACK_SEGMENT
        field   "and ESP", fault_esp, -1, V86_STACK
        field   "and ES", fault_es, 0xffff, 0x2000
        field   "and FS", fault_es + 8, 0xffff, 0x3333
        field   "and GS", fault_es + 12, 0xffff, 0x4444
        field   "the handler finds a null DS", handler_ds, 0xffff, 0
        movl    fault_frame, %eax
        check   "on the stack of the TSS", STACK0-36
        v86_fault "HLT", 13, 0, hlt
        v86_fault "MOV from CR0", 13, 0, movl %cr0, %eax
        v86_fault "LGDT", 13, 0, lgdtl gdt_pointer
        v86_fault "LTR is no instruction here", 6, NONE, .byte 0x0f, 0x00, 0xd8
        v86_fault "LAR is none either", 6, NONE, lar %ax, %ax
        v86_fault "ARPL is none either", 6, NONE, .byte 0x63, 0xc0
        v86_fault "a word at FFFFh", 13, 0, movw %es:0xffff, %ax
        v86_fault "an offset above 64 KiB", 13, 0, movb %es:(%edi), %al
        v86_fault "a port that the bitmap forbids, with IOPL 3", 13, 0, inb $0x84, %al
        andb    $~0x10, IO_BITMAP + 0x84 / 8
        v86_runs "a port that it allows", inb $0x84, %al
        v86_runs "CLI, STI, PUSHF, POPF with IOPL 3", call v86_flag_piece
        andl    $0x3200, %eax
        check   "IOPL 3 shows", 0x3000
        v86_fault "INT n of DPL 0", 13, 53*8+2, int $53
        movw    $0xee00, idt + 53 * 8 + 4
        v86_enter
        .code16
90:     int     $53
91:     hlt
        .code32
        left    "INT n of DPL 3 goes to CPL 0", 53, NONE, 91b
        v86_fault "an exception", 6, NONE, ud2

        movl    $0x20002, v86_flags     /* IOPL 0 */
        v86_fault "CLI with IOPL 0", 13, 0, cli
        v86_fault "STI with IOPL 0", 13, 0, sti
        v86_fault "PUSHF with IOPL 0", 13, 0, pushfw
        v86_fault "POPF with IOPL 0", 13, 0, popfw
        v86_fault "INT n with IOPL 0", 13, 0, int $53
        v86_fault "IRET with IOPL 0", 13, 0, iretw
        v86_runs "IN with IOPL 0 goes by the bitmap alone", inb $0x84, %al
        v86_fault "INT3 with IOPL 0 goes by the gate", 13, 3*8+2, int3
        movw    $0xee00, idt + 3 * 8 + 4
        v86_enter
        .code16
90:     int3
91:     hlt
        .code32
        left    "INT3 with IOPL 0 and DPL 3", 3, NONE, 91b
        movw    $0x8e00, idt + 3 * 8 + 4
        ret

        .code16
v86_piece:
        movl    $0xffffffff, %eax
        addw    $2, %ax
        ret
v86_flag_piece:
        cli
        sti
        pushfw
        popw    %ax
        cli
        pushfw
        popw    %ax
        pushw   %ax
        popfw
        movzwl  %ax, %eax
        ret
        .code32

/* --- virtual mode extensions ------------------------------------------------------------------------------------- */

vme:    unless  VME, no_vme
        movl    %cr4, %eax
        orl     $1, %eax
        movl    %eax, %cr4
        movl    $0x020002, v86_flags
        v86_runs "VME: STI with IOPL 0 sets VIF", sti
        field   "not IF", fault_eflags, 0x80200, 0x80000
        v86_runs "VME: PUSHF shows VIF and IOPL 3", call v86_push_piece
        andl    $0x3200, %eax
        check   "as IF", 0x3200
        v86_runs "VME: CLI clears VIF", call v86_clear_piece
        field   "in EFLAGS", fault_eflags, 0x80200, 0
        v86_runs "VME: POPF sets VIF", call v86_pop_piece
        field   "from the IF popped", fault_eflags, 0x80200, 0x80000
        v86_enter
90:     .code16
        pushw   $0x102
91:     popfw
        hlt
        .code32
        left    "VME: POPF of TF", 13, 0, 91b
        movl    $0x120002, v86_flags    /* VIP */
        v86_fault "VME: STI with VIP", 13, 0, sti
        movl    $0x020002, v86_flags
        v86_fault "VME: INT n with its bit set, IOPL 0", 13, 0, int $0x60
        v86_fault "VME: PUSHF of 32 bits", 13, 0, pushfl
        andb    $~1, REDIRECTION + 0x60 / 8
        movl    $v86_handler, 0x60 * 4  /* offset, segment 0 */
        v86_runs "VME: INT n with its bit clear goes through the real mode table", call v86_int_piece
        check   "the flags it pushed: VIF as IF, IOPL 3", 0x3200
        field   "IRET gives VIF back", fault_eflags, 0x80200, 0x80000
        movl    $0x023002, v86_flags
        v86_runs "VME: the same with IOPL 3", int $0x60
        movl    %cr4, %eax
        andl    $~1, %eax
        movl    %eax, %cr4
        ret
no_vme: skip    "VME"
        ret

        .code16
v86_push_piece:
        sti
        pushfw
        popw    %ax
        movzwl  %ax, %eax
        ret
v86_clear_piece:
        sti
        cli
        ret
v86_pop_piece:
        pushw   $0x202
        popfw
        ret
v86_int_piece:
        sti
        int     $0x60
        ret
v86_handler:
        movw    %sp, %bp
        movw    4(%bp), %ax
        andl    $0x3200, %eax
        iretw
        .code32

        test_end
