/*
 * Test boot disk: every descriptor and gate type, order of faults, faults while another is delivered, the stack of the
 * TSS, faults in the middle of a task switch.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "System-Segment and Gate-Descriptor Types", "Priority Among Concurrent Events",
 *   "Conditions
 *   for Generating a Double Fault", "Error Code", "Exception Conditions Checked During a Task Switch"; vol. 2 "LAR",
 *   "LSL", "VERR", "INT n", "CALL".
 * Bochs 2.7 passes all.  QEMU 7.2 (TCG) does not come through the types of code segments.
 */
        .include "roms/test.inc"
        .include "roms/test-rings.inc"

        .set    TRIAL, 0x180            /* the descriptor of every type */
        .set    TSS2, 0x40
        .set    SMALL, 0x58             /* data to FFFh */
        .set    SS_USER, 0x60           /* bad ones for SS0 */
        .set    SS_READ, 0x68
        .set    SS_ABSENT, 0x70
        .set    CODE_CUT, 0x78          /* code that ends in an instruction */
        .set    LDT_ABSENT, 0x80
        .set    CODE_ABSENT, 0x88
        .set    TSS_F, 0x90             /* 4: tasks for vectors 10 to 13 */
        .set    CODE_SMALL, 0xc0        /* code to FFh */
        .set    tss2, 0x29000
        .set    tss_f, 0x29100          /* 4 of 80h bytes */
        .set    STACK2, 0x2a000
        .set    STACK_F, 0x2b000

        .set    EIP, 32
        .set    EFLAGS, 36
        .set    ESP, 56
        .set    ES, 72
        .set    CS, 76
        .set    SS, 80
        .set    DS, 84
        .set    LDT, 96

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    set_up_rings
        descriptor SMALL, 0x00000fff, 0x00409300
        descriptor SS_USER, 0x0000ffff, 0x00cff300
        descriptor SS_READ, 0x0000ffff, 0x00cf9100
        descriptor SS_ABSENT, 0x0000ffff, 0x00cf1300
        descriptor LDT_ABSENT, 0x0000000f, 0x00000205
        descriptor CODE_ABSENT, 0x0000ffff, 0x00cf1b00
        descriptor CODE_SMALL, 0x000000ff, 0x00409b00
        call    descriptor_types
        call    gate_types
        call    order
        call    exceptions
        call    stacks_of_the_tss
        call    task_faults
        ret

/* --- descriptor types -------------------------------------------------------------------------------------------- */

/* Bit n of the result: with type n (bit 4: S), present and of DPL 0, the instruction on selector TRIAL ends in
 * `vector`; NONE: it does not fault.  high: further bits of the descriptor. */
        .macro  matrix text, vector, want, high, insn:vararg
        xorl    %ebx, %ebx
        movl    first_type, %ecx
1:      movl    %ecx, %eax
        shll    $8, %eax
        orl     $\high, %eax
        movl    %eax, gdt + TRIAL + 4
        movl    $0x0000ffff, gdt + TRIAL
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        movl    $TRIAL, %eax
        \insn
89:     movl    $0, resume_eip
        movl    $DATA32, %eax
        movl    %eax, %ss
        movl    %eax, %es
        cmpl    $\vector, fault_vector
        jne     2f
        btsl    %ecx, %ebx
2:      incl    %ecx
        cmpl    $32, %ecx
        jb      1b
        movl    %ebx, %eax
        check   "\text", \want
        .endm

        /* Bit n: the instruction sets ZF. */
        .macro  zf_matrix text, want, high, insn:vararg
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $8, %eax
        orl     $\high, %eax
        movl    %eax, gdt + TRIAL + 4
        movl    $0x0000ffff, gdt + TRIAL
        movl    $TRIAL, %eax
        \insn
        jnz     2f
        btsl    %ecx, %ebx
2:      incl    %ecx
        cmpl    $32, %ecx
        jb      1b
        movl    %ebx, %eax
        .endm

        .set    HERE, 0x00cf8000        /* present, flat */
        .set    AWAY, 0x00cf0000

descriptor_types:
        zf_matrix "", 0, HERE, lar %ax, %edx
        check   "LAR: 1-5, 9, 11, 12 and all segments", 0xffff1a3e
        zf_matrix "", 0, HERE, lsl %ax, %edx
        check   "LSL: 1-3, 9, 11 and all segments", 0xffff0a0e
        zf_matrix "", 0, HERE, verr %ax
        check   "VERR: data and readable code", 0xccff0000
        zf_matrix "", 0, HERE, verw %ax
        check   "VERW: writable data", 0x00cc0000
        zf_matrix "", 0, AWAY, lar %ax, %edx
        check   "LAR does not mind P", 0xffff1a3e
        movl    $types_user, %edi
        call    at_cpl3
        field   "LAR at CPL 3 with DPL 0: conforming code", types_seen, -1, 0xf0000000
        field   "LSL", types_seen + 4, -1, 0xf0000000
        field   "VERR: readable", types_seen + 8, -1, 0xc0000000
        field   "VERW", types_seen + 12, -1, 0
        matrix  "MOV ES: data and readable code", NONE, 0xccff0000, HERE, movl %eax, %es
        matrix  "else #GP", 13, 0x3300ffff, HERE, movl %eax, %es
        matrix  "absent: #NP after the type", 11, 0xccff0000, AWAY, movl %eax, %es
        matrix  "MOV SS: writable data", NONE, 0x00cc0000, HERE, movl %eax, %ss
        matrix  "absent: #SS after the type", 12, 0x00cc0000, AWAY, movl %eax, %ss
        matrix  "LLDT: type 2", NONE, 4, HERE, lldt %ax
        matrix  "absent: #NP", 11, 4, AWAY, lldt %ax
        xorl    %eax, %eax
        lldt    %ax
        matrix  "LTR: types 1, 9", NONE, 0x202, HERE, ltr %ax
        matrix  "absent: #NP", 11, 0x202, AWAY, ltr %ax
        movb    $0x89, gdt + TSS + 5
        movl    $TSS, %eax
        ltr     %ax
        movl    $16, first_type         /* gates and TSSs would lead away */
        matrix  "a far jump: to code", NONE, 0xff000000, HERE, ljmp $TRIAL, $89f
        ljmp    $CODE32, $1f
1:      movl    $0, first_type
        matrix  "absent: #NP; gates, TSS too", 11, 0xff001232, AWAY, ljmp $TRIAL, $89f
        matrix  "else #GP", 13, 0x00ffedcd, AWAY, ljmp $TRIAL, $89f
        matrix  "RETF: to code, conforming or not", NONE, 0xff000000, HERE, call return_far
        matrix  "absent: #NP", 11, 0xff000000, AWAY, call return_far
        ljmp    $CODE32, $1f
1:      ret

return_far:
        popl    %edx
        pushl   $TRIAL
        pushl   %edx
        lretl

/* Runs the routine EDI at CPL 3. */
at_cpl3:
        user_enter
90:     call    *%edi
        int     $BACK
89:     call    save_registers
        ret
types_user:
        zf_matrix "", 0, HERE, lar %ax, %edx
        movl    %eax, types_seen
        zf_matrix "", 0, HERE, lsl %ax, %edx
        movl    %eax, types_seen + 4
        zf_matrix "", 0, HERE, verr %ax
        movl    %eax, types_seen + 8
        zf_matrix "", 0, HERE, verw %ax
        movl    %eax, types_seen + 12
        ret
        .balign 4
types_seen:
        .fill   4, 4, 0
first_type:
        .long   0

/* --- gate types in the IDT --------------------------------------------------------------------------------------- */

/* Gate 50 of every type to the handler 50. */
        .macro  gate_matrix text, vector, want, p, insn:vararg
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
1:      movl    $stubs + 50 * STUB_SIZE, %eax
        andl    $0xffff, %eax
        orl     $CODE32 << 16, %eax
        movl    %eax, idt + 50 * 8
        movl    %ecx, %eax
        shll    $8, %eax
        orl     $\p, %eax
        movl    %eax, idt + 50 * 8 + 4
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        \insn
89:     movl    $0, resume_eip
        cmpl    $\vector, fault_vector
        jne     2f
        btsl    %ecx, %ebx
2:      incl    %ecx
        cmpl    $32, %ecx
        jb      1b
        movl    %ebx, %eax
        check   "\text", \want
        .endm

gate_types:
        gate_matrix "INT n: gates of types 6, 7, 14, 15", 50, 0xc0c0, 0x8000, int $50
        gate_matrix "else #GP (5: the task gate leads to code)", 13, 0xffff3f3f, 0x8000, int $50
        field   "with the gate in the error code", fault_error, -1, 50*8+2
        gate_matrix "absent: #NP", 11, 0xc0e0, 0, int $50
        gate_matrix "else #GP", 13, 0xffff3f1f, 0, int $50
        .macro  to_trial text, vector, error, high
        descriptor TRIAL, 0x0000ffff, \high
        fault   "\text", \vector, \error, int $50
        .endm
        movl    $(TRIAL << 16), idt + 50 * 8
        movl    $0x00008e00, idt + 50 * 8 + 4
        matrix  "a gate to code", NONE, 0, HERE, int $50
        movl    $stubs + 50 * STUB_SIZE, %eax
        movw    %ax, idt + 50 * 8
        shrl    $16, %eax
        movw    %ax, idt + 50 * 8 + 6
        matrix  "a gate to code of any kind", 50, 0xff000000, HERE, int $50
        matrix  "to all else: #GP", 13, 0x00ffffff, HERE, int $50
        matrix  "absent code: #NP", 11, 0xff000000, AWAY, int $50
        to_trial "code of an outer level: #GP", 13, TRIAL, 0x00cffb00
        to_trial "conforming code of an outer level as well", 13, TRIAL, 0x00cfff00
        movl    $50, %ecx
        movl    $stubs + 50 * STUB_SIZE, %eax
        call    set_gate
        ret

/* --- which fault comes first ------------------------------------------------------------------------------------- */

        .macro  cr0_set bits
        movl    %cr0, %eax
        orl     $\bits, %eax
        movl    %eax, %cr0
        .endm
        .macro  cr0_clear bits
        movl    %cr0, %eax
        andl    $~\bits, %eax
        movl    %eax, %cr0
        .endm

order:  xorl    %eax, %eax
        movl    %eax, %fs
        user_fault "LOCK HLT at CPL 3: #UD before #GP", 6, NONE, .byte 0xf0, 0xf4
        user_fault "MOV CR1 at CPL 3: #UD before #GP", 6, NONE, .byte 0x0f, 0x20, 0xc8
        fs_is   0
        user_fault "LGDT through a null segment at CPL 3", 13, 0, lgdt %fs:0
        fs_is   0
        user_fault "LTR at CPL 3 before it looks at its operand", 13, 0, ltr %fs:0
        cr0_set 8
        fault   "CR0.TS: LOCK is refused first", 6, NONE, .byte 0xf0, 0xd8, 0x00
        fs_is   0
        fault   "#NM before a null segment", 7, NONE, flds %fs:0
        runs    "WAIT with TS alone", fwait
        cr0_set 2
        fault   "WAIT with TS and MP: #NM", 7, NONE, fwait
        clts
        cr0_set 4
        fault   "CR0.EM: #NM for x87", 7, NONE, fnop
        runs    "WAIT with EM and MP", fwait
        unless  MMX, 1f
        fault   "CR0.EM: #UD for MMX", 6, NONE, paddb %mm0, %mm0
1:      cr0_clear 6
        cr0_set 0x20                    /* NE */
        fninit
        fldz
        fnstcw  control
        andw    $~4, control            /* divisions by 0 */
        fldcw   control
        fld1
        fdiv    %st(1), %st
        fs_is   0
        fault   "#MF before a null segment", 16, NONE, flds %fs:0
        fault   "WAIT gets it", 16, NONE, fwait
        runs    "FNSTSW does not", fnstsw %ax
        fs_is   0
        fault   "FNSTCW to a null segment does not", 13, 0, fnstcw %fs:0
        runs    "nor FNCLEX", fnclex
        fninit
        fs_is   0
        fault   "DIV of an operand in a null segment: #GP", 13, 0, divb %fs:0
        xorl    %ecx, %ecx
        fault   "DIV by 0", 0, NONE, divl %ecx
        fault   "AAM 0", 0, NONE, aam $0
        fault   "UD1", 6, NONE, .byte 0x0f, 0xb9, 0xc0
        fault   "SYSCALL outside of 64-bit mode", 6, NONE, .byte 0x0f, 0x05
        fault   "RSM outside of SMM", 6, NONE, .byte 0x0f, 0xaa
        movl    $0x7fffffff, %eax
        addl    $1, %eax
        movl    $1f, resume_eip
        movl    %esp, resume_esp
        into
1:      movl    $0, resume_eip
        field   "INTO saves the next EIP", fault_eip, -1, 1b
        descriptor CODE_CUT, 0, 0x00409b00
        movl    $cut_ud, %eax
        movw    %ax, gdt + CODE_CUT
        .macro  cut text, label
        movl    $\label, %eax
        movw    %ax, gdt + CODE_CUT
        shrl    $16, %eax
        movb    $0x40, gdt + CODE_CUT + 6
        orb     %al, gdt + CODE_CUT + 6
        movl    $89f, resume_eip
        movl    %esp, resume_esp
        movl    $NONE, fault_vector
        ljmp    $CODE_CUT, $\label
        .endm
        cut     "", cut_ud
89:     movl    $0, resume_eip
        field   "UD2 with its second byte beyond CS.limit: #GP", fault_vector, -1, 13
        field   "there", fault_eip, -1, cut_ud
        cut     "", cut_mov
89:     movl    $0, resume_eip
        field   "as with an immediate operand", fault_vector, -1, 13
        ret
cut_ud: ud2
        .balign 4
cut_mov:
        movl    $0x11111111, %eax
control:
        .long   0

/* --- each exception through an absent gate ------------------------------------------------------------------------ */

/* EXT is set unless the program asked for it (INT n, INT3, INTO); two contributory ones make a double fault. */
        .macro  without_gate text, vector, want, error, insn:vararg
        andb    $0x7f, idt + \vector * 8 + 5
        fault   "\text", \want, \error, \insn
        orb     $0x80, idt + \vector * 8 + 5
        .endm

exceptions:
        xorl    %ecx, %ecx
        without_gate "#DE is contributory: #DF", 0, 8, 0, divl %ecx
        without_gate "ICEBP (INT1): EXT", 1, 11, 1*8+3, .byte 0xf1
        without_gate "INT3: no EXT", 3, 11, 3*8+2, int3
        andb    $0x7f, idt + 4 * 8 + 5
        movb    $0x7f, %al
        addb    $1, %al
        fault   "INTO: no EXT", 11, 4*8+2, into
        without_gate "INT 4: no EXT", 4, 11, 4*8+2, int $4
        movl    $5, %eax
        without_gate "#BR", 5, 11, 5*8+3, boundl %eax, bounds
        without_gate "#UD", 6, 11, 6*8+3, ud2
        cr0_set 8
        without_gate "#NM", 7, 11, 7*8+3, fnop
        clts
        movl    $SS_ABSENT, %eax
        without_gate "#NP is contributory", 11, 8, 0, movl %eax, %es
        without_gate "#SS is", 12, 8, 0, movl %eax, %ss
        movl    $0x1f8 + 8, %eax
        without_gate "#GP is", 13, 8, 0, movl %eax, %es
        pushl   $0x4002
        popfl
        movl    $0, tss
        without_gate "#TS is", 10, 8, 0, iretl
        fninit
        fldz
        fnstcw  control
        andw    $~4, control
        fldcw   control
        fld1
        fdiv    %st(1), %st
        without_gate "#MF is benign", 16, 11, 16*8+3, fwait
        fninit
        movw    $0x1f8 + 8, idt + 6 * 8 + 2     /* a bad selector in the gate */
        fault   "#UD to a selector beyond the GDT: its error code, EXT", 13, 0x201, ud2
        movw    $CODE32, idt + 6 * 8 + 2
        movw    $CODE_ABSENT, idt + 6 * 8 + 2
        fault   "#UD to absent code", 11, CODE_ABSENT+1, ud2
        movw    $CODE32, idt + 6 * 8 + 2
        movw    $CODE_ABSENT, idt + 50 * 8 + 2
        fault   "INT n to absent code: no EXT", 11, CODE_ABSENT, int $50
        movw    $CODE32, idt + 50 * 8 + 2
        movw    $CODE_SMALL, idt + 6 * 8 + 2
        fault   "#UD to an offset beyond the limit", 13, 1, ud2
        movw    $CODE32, idt + 6 * 8 + 2
        ret
        .balign 4
bounds: .long   1, 4

/* --- the stack that the TSS has for CPL 0 ------------------------------------------------------------------------- */

/* Vectors 10 and 12 go to level 3: no other stack is needed for them. */
user_trap_10:
        popl    %ss:user_error
        movl    $10, %ss:user_vector
        jmp     user_trap
user_trap_12:
        popl    %ss:user_error
        movl    $12, %ss:user_vector
user_trap:
        movl    $STACK0, %ss:tss + 4
        movl    $DATA32, %ss:tss + 8
        int     $BACK
        .balign 4
user_vector:
        .long   0
user_error:
        .long   0

        .macro  bad_stack text, vector, error, ss0, esp0, insn:vararg
        movl    $0, user_vector
        movl    $\ss0, tss + 8
        movl    $\esp0, tss + 4
        user_enter
90:     \insn
        int     $BACK
89:     call    save_registers
        movl    user_vector, %eax
        shll    $16, %eax
        orl     user_error, %eax
        check   "\text", \vector<<16|\error
        .endm

stacks_of_the_tss:
        movl    $10, %ecx
        movl    $user_trap_10, %eax
        call    set_gate
        movw    $USER_CODE, idt + 10 * 8 + 2
        movl    $12, %ecx
        movl    $user_trap_12, %eax
        call    set_gate
        movw    $USER_CODE, idt + 12 * 8 + 2
        bad_stack "INT n with a null SS0", 10, 0, 0, STACK0, int $BACK
        bad_stack "a fault with a null SS0: EXT", 10, 1, 3, STACK0, ud2
        bad_stack "SS0 beyond the GDT", 10, 0x200, 0x200, STACK0, int $BACK
        bad_stack "for a fault", 10, 0x201, 0x200, STACK0, ud2
        bad_stack "SS0 with RPL 3", 10, DATA32, DATA32|3, STACK0, int $BACK
        bad_stack "SS0 of DPL 3", 10, SS_USER, SS_USER, STACK0, int $BACK
        bad_stack "SS0 that is read-only", 10, SS_READ, SS_READ, STACK0, int $BACK
        bad_stack "SS0 that is code", 10, CODE32, CODE32, STACK0, int $BACK
        bad_stack "SS0 that is absent: #SS", 12, SS_ABSENT, SS_ABSENT, STACK0, int $BACK
        bad_stack "for a fault", 12, SS_ABSENT|1, SS_ABSENT, STACK0, ud2
        bad_stack "no room on it: #SS with SS0", 12, SMALL, SMALL, 0x1004, int $BACK
        bad_stack "none for a fault", 12, SMALL|1, SMALL, 16, ud2
        .macro  call_gate
        descriptor TRIAL, CODE32 << 16, 0x0000ec02
        movl    $gate_entry, %eax
        movw    %ax, gdt + TRIAL
        shrl    $16, %eax
        movw    %ax, gdt + TRIAL + 6
        .endm
        call_gate
        bad_stack "a call gate to a null SS0", 10, 0, 0, STACK0, lcall $TRIAL, $0
        bad_stack "a call gate to an absent SS0", 12, SS_ABSENT, SS_ABSENT, STACK0, lcall $TRIAL, $0
        bad_stack "a call gate without room for its parameters", 12, SMALL, SMALL, 20, lcall $TRIAL, $0
        movl    $STACK0, tss + 4
        movl    $DATA32, tss + 8
        movl    $10, %ecx
        movl    $stubs + 10 * STUB_SIZE, %eax
        call    set_gate
        movl    $12, %ecx
        movl    $stubs + 12 * STUB_SIZE, %eax
        call    set_gate
        tss_descriptor TSS, tss, 11, 0x89
        movl    $TSS, %eax
        ltr     %ax
        user_runs "a TSS that ends with SS0 will do", nop
        tss_descriptor TSS, tss, TSS_LIMIT, 0x89
        movl    $TSS, %eax
        ltr     %ax
        ret
gate_entry:
        lretl   $8

/* --- faults in the middle of a task switch ------------------------------------------------------------------------ */

/* Vectors 10 to 13 by tasks of their own. */
        .macro  fault_task vector
1:      popl    %eax
        movl    %eax, task_error
        movl    $\vector, task_vector
        jmp     task_common
        .endm
fault_task_10:
        fault_task 10
fault_task_11:
        fault_task 11
fault_task_12:
        fault_task 12
fault_task_13:
        fault_task 13
task_common:
        strl    %eax
        shrl    $3, %eax
        subl    $TSS_F >> 3, %eax
        shll    $7, %eax
        movzwl  tss_f(%eax), %eax       /* back link */
        movl    %eax, task_link
        movl    main_esp, %esp
        jmp     *task_continue
        .balign 4
task_vector:
        .long   0
task_error:
        .long   0
task_link:
        .long   0
task_continue:
        .long   0
main_esp:
        .long   0

fill_tss:                               /* EDI: TSS, EAX: EIP, EBX: ESP */
        pushl   %eax
        xorl    %eax, %eax
        movl    $104 / 4, %ecx
        pushl   %edi
        rep stosl
        popl    %edi
        popl    %eax
        movl    %eax, EIP(%edi)
        movl    $2, EFLAGS(%edi)
        movl    %ebx, ESP(%edi)
        movl    $CODE32, CS(%edi)
        movl    $DATA32, SS(%edi)
        movl    $DATA32, DS(%edi)
        movl    $DATA32, ES(%edi)
        ret

set_up_tasks:
        pushl   $2                      /* NT may be set */
        popfl
        tss_descriptor TSS, tss, TSS_LIMIT, 0x89
        movl    $TSS, %eax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        clts
        tss_descriptor TSS2, tss2, 103, 0x89
        tss_descriptor TSS_F, tss_f, 103, 0x89
        tss_descriptor (TSS_F+8), (tss_f+0x80), 103, 0x89
        tss_descriptor (TSS_F+16), (tss_f+0x100), 103, 0x89
        tss_descriptor (TSS_F+24), (tss_f+0x180), 103, 0x89
        movl    $STACK2, %ebx
        movl    $tss2, %edi
        movl    $second_task, %eax
        call    fill_tss
        movl    $STACK_F, %ebx
        movl    $tss_f, %edi
        movl    $fault_task_10, %eax
        call    fill_tss
        movl    $tss_f + 0x80, %edi
        movl    $fault_task_11, %eax
        call    fill_tss
        movl    $tss_f + 0x100, %edi
        movl    $fault_task_12, %eax
        call    fill_tss
        movl    $tss_f + 0x180, %edi
        movl    $fault_task_13, %eax
        call    fill_tss
        movl    $0, task_vector
        movl    $0, task_link
        ret
second_task:
        movl    $99, task_vector
        movl    main_esp, %esp
        jmp     *task_continue

        .macro  switch_fault text, vector, error, offset, value
        call    set_up_tasks
        movl    $\value, tss2 + \offset
        movl    $89f, task_continue
        movl    %esp, main_esp
        lcall   $TSS2, $0
90:     nop
89:     movl    task_vector, %eax
        shll    $16, %eax
        orl     task_error, %eax
        check   "\text", \vector<<16|\error
        field   "- in the new task", tss2 + EIP, -1, second_task
        field   "- which was linked to", task_link, 0xffff, TSS2
        .endm

task_faults:
        movl    $4, %ecx
        movl    $TSS_F << 16, %eax
        movl    $idt + 10 * 8, %edi
1:      movl    %eax, (%edi)
        movl    $0x8500, 4(%edi)
        addl    $8 << 16, %eax
        addl    $8, %edi
        loop    1b
        switch_fault "an LDT beyond the GDT: #TS", 10, 0x200, LDT, 0x200
        field   "the old task's EIP is behind the CALL", tss + EIP, -1, 90b
        field   "the new task is linked to it", tss2, 0xffff, TSS
        field   "and has NT set", tss2 + EFLAGS, 0x4000, 0x4000
        field   "the old one is busy", gdt + TSS + 4, 0xff00, 0x8b00
        field   "and the new one", gdt + TSS2 + 4, 0xff00, 0x8b00
        switch_fault "an LDT selector of the LDT", 10, 0x84, LDT, 0x84
        switch_fault "an LDT that is data", 10, DATA32, LDT, DATA32
        switch_fault "an absent LDT: #TS", 10, LDT_ABSENT, LDT, LDT_ABSENT
        switch_fault "a null CS", 10, 0, CS, 0
        switch_fault "a CS that is data", 10, DATA32, CS, DATA32
        switch_fault "a CS of another level", 10, USER_CODE, CS, USER_CODE
        switch_fault "an absent CS: #NP", 11, CODE_ABSENT, CS, CODE_ABSENT
        switch_fault "a null SS", 10, 0, SS, 0
        switch_fault "a read-only SS", 10, SS_READ, SS, SS_READ
        switch_fault "an SS of DPL 3", 10, SS_USER, SS, SS_USER
        switch_fault "an SS with RPL 3", 10, DATA32, SS, DATA32|3
        switch_fault "an absent SS: #SS", 12, SS_ABSENT, SS, SS_ABSENT
        switch_fault "a DS beyond the GDT", 10, 0x200, DS, 0x200
        switch_fault "an ES that is a TSS", 10, TSS, ES, TSS
        switch_fault "an absent DS: #NP", 11, SS_ABSENT, DS, SS_ABSENT
        call    set_up_tasks
        movl    $CODE_SMALL, tss2 + CS
        movl    $89f, task_continue
        movl    %esp, main_esp
        lcall   $TSS2, $0
89:     movl    task_vector, %eax
        shll    $16, %eax
        orl     task_error, %eax
        check   "an EIP beyond the limit of CS: #GP(0)", 13<<16
        call    set_up_tasks
        movl    $SS_ABSENT, tss2 + DS   /* by a task gate, for a fault */
        movl    $TSS2 << 16, idt + 6 * 8
        movl    $0x8500, idt + 6 * 8 + 4
        movl    $89f, task_continue
        movl    %esp, main_esp
90:     ud2
89:     movl    task_vector, %eax
        shll    $16, %eax
        orl     task_error, %eax
        check   "a fault's task with an absent DS: EXT", 11<<16|SS_ABSENT|1
        field   "the EIP of the fault", tss + EIP, -1, 90b
        field   "RF is saved", tss + EFLAGS, 0x10000, 0x10000
        movl    $6, %ecx
        movl    $stubs + 6 * STUB_SIZE, %eax
        call    set_gate
        movl    $13, %ecx
1:      imull   $STUB_SIZE, %ecx, %eax
        addl    $stubs, %eax
        call    set_gate
        decl    %ecx
        cmpl    $10, %ecx
        jae     1b
        call    set_up_tasks
        ret

        test_end
