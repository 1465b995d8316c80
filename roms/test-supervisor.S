/*
 * Test boot disk: what keeps the supervisor from the user's pages and the user from the supervisor's tables (SMEP,
 * SMAP, UMIP), process-context identifiers and INVPCID.  Origin: 0x7c00
 *
 * Source: Intel SDM vol. 3A, "Determination of Access Rights", "Page-Fault Exceptions", "Process-Context Identifiers
 *   (PCIDs)", "Operations that Invalidate TLBs and Paging-Structure Caches", "Control Registers"; vol. 2 "INVPCID",
 *   "STAC", "CLAC", "SMSW", "MOV - Move to/from Control Registers".
 * Where the processor lacks a feature its bit of CR4 must be reserved and its instruction #UD.
 * The first 4 MiB belong to the supervisor; the user finds the first 2 of them again at ALIAS.
 * Bochs 2.7 (corei7_icelake_u) passes all but these, where the manual decides: AC lets it read descriptors in a user's
 *   page ("Determination of Access Rights": implicit accesses are refused whatever AC is), and it looks at 32 bits of
 *   INVPCID's type ("INVPCID": the register has 64 bits in 64-bit mode).
 */
        .include "roms/test.inc"
        .include "roms/test64.inc"

        .set    ALIAS, 0x400000
        .set    alias_table, 0x4e000
        .set    PAGE, 0x60000           /* a page for trial */
        .set    UPAGE, PAGE + ALIAS
        .set    pte_UPAGE, alias_table + (PAGE >> 12) * 8
        .set    LDT64, LONG_FREE        /* 16 bytes */
        .set    FIRST, 4                /* its first selector */
        .set    IO_PAGE, tss64 + 0x1000

        .set    UMIP, 11                /* bits of CR4 */
        .set    PCIDE, 17
        .set    SMEP, 20
        .set    SMAP, 21
        .set    PGE4, 7

        .macro  cr4_set bit
        movq    %cr4, %rax
        btsq    $\bit, %rax
        movq    %rax, %cr4
        .endm

        .macro  cr4_clear bit
        movq    %cr4, %rax
        btrq    $\bit, %rax
        movq    %rax, %cr4
        .endm

        .macro  cr0_change set, clear
        movq    %cr0, %rax
        andq    $~\clear, %rax
        orq     $\set, %rax
        movq    %rax, %cr0
        .endm

/* Goes on to `otherwise` where the bit of the word is clear; the bit of CR4 must be reserved then. */
        .macro  needs text, word, bit, cr4_bit, otherwise
        btl     $\bit, \word
        jc      1f
        movq    %cr4, %rax
        btsq    $\cr4_bit, %rax
        fault64 "\text: without it the bit of CR4 is reserved", 13, 0, movq %rax, %cr4
        jmp     \otherwise
1:
        .endm

/* At CPL 3, in the user's copy of this code. */
        .macro  to_alias
        pushq   $USERDATA | 3
        pushq   $USER_STACK64 + ALIAS
        pushq   user_flags64
        pushq   $USER64 | 3
        pushq   $90f + ALIAS
        iretq
        .endm

        .macro  alias_fault text, vector, error, insn:vararg
        prepare64
        to_alias
90:     \insn
        int     $BACK64
89:     expect64 "\text", \vector, \error, 90b + ALIAS
        .endm

        .macro  alias_runs text, insn:vararg
        prepare64
        to_alias
90:     \insn
        int     $BACK64
91:
89:     expect64 "\text", BACK64, NONE, 91b + ALIAS
        .endm

/* The supervisor calls the RET in the user's page. */
        .macro  fetch_fault text, error
        movl    $UPAGE, %ebx
        prepare64
        call    *%rbx
89:     expect64 "\text", 14, \error, UPAGE
        .endm

        .macro  fetch_runs text
        movl    $UPAGE, %ebx
        runs64  "\text", call *%rbx
        .endm

        .macro  map_user low
        movl    $\low, pte_UPAGE
        invlpg  UPAGE
        .endm

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    has_long_mode
        jnz     1f
        skip    "long mode"
        ret
1:      call    find_more_features
        call    set_up_long
        call    set_up_alias
        movb    $0xc3, PAGE             /* RET */
        call    enter64
        .code64
        alias_runs "the user's copy", nop
        call    smep
        call    smap
        call    umip
        call    pcid
        call    invpcid
        call    leave64
        .code32
        ret

        .balign 4
features7:
        .long   0, 0                    /* CPUID.7.0:EBX, ECX */
features1c:
        .long   0                       /* CPUID.1:ECX */

find_more_features:
        movl    $1, %eax
        cpuid
        movl    %ecx, features1c
        xorl    %eax, %eax
        cpuid
        cmpl    $7, %eax
        jb      1f
        movl    $7, %eax
        xorl    %ecx, %ecx
        cpuid
        movl    %ebx, features7
        movl    %ecx, features7 + 4
1:      ret

set_up_alias:
        movl    $page_tables, %edi      /* U clear */
        movl    $1024, %ecx
1:      andb    $~4, (%edi)
        addl    $8, %edi
        loop    1b
        movl    $alias_table | 7, page_directory + ALIAS / 0x200000 * 8
        movl    $alias_table, %edi
        movl    $7, %eax
        movl    $512, %ecx
1:      movl    %eax, (%edi)
        movl    $0, 4(%edi)
        addl    $0x1000, %eax
        addl    $8, %edi
        loop    1b
        gdt_entry LDT64, (UPAGE & 0xffff) << 16 | 0x0f, (UPAGE >> 24) << 24 | 0x8200 | (UPAGE >> 16 & 0xff)
        gdt_entry LDT64+8, 0, 0
        ret

/* --- SMEP -------------------------------------------------------------------------------------------------------- */
        .code64

smep:   fetch_runs "the supervisor runs a user's code"
        needs   "SMEP", features7, 7, SMEP, no_smep
        cr4_set SMEP
        fetch_fault "SMEP: not with SMEP, at once", 0x11
        field64 "CR2", f_cr2, 0xffffffffffffffff, UPAGE
        cr0_change 0, 0x10000
        fetch_fault "SMEP: nor without CR0.WP", 0x11
        cr0_change 0x10000, 0
        runs64  "SMEP: it reads and writes there", incb UPAGE + 8
        movl    $UPAGE, %ebx
        alias_runs "SMEP: the user runs there", call *%rbx
        map_user PAGE + 3
        fetch_runs "SMEP: a supervisor's page in the same table"
        map_user PAGE + 7
        andb    $~4, page_directory + ALIAS / 0x200000 * 8
        invlpg  UPAGE
        fetch_runs "SMEP: the user's bit of every level counts"
        orb     $4, page_directory + ALIAS / 0x200000 * 8
        invlpg  UPAGE
        fetch_fault "SMEP: again", 0x11
        map_user PAGE + 6
        fetch_fault "SMEP: an absent page", 0x10
        write_msr MSR_EFER, 0, 0x100    /* NXE clear */
        fetch_fault "SMEP: without NXE the error code tells a fetch", 0x10
        cr4_clear SMEP
        fetch_fault "neither: it does not", 0
        write_msr MSR_EFER, 0, 0x900
        map_user PAGE + 7
        fetch_runs "SMEP off again"
no_smep:
        ret

/* --- SMAP -------------------------------------------------------------------------------------------------------- */

smap:   movl    %eax, UPAGE + 16
        btl     $20, features7
        jc      1f
        fault64 "without SMAP: STAC is none", 6, NONE, .byte 0x0f, 0x01, 0xcb
        fault64 "without SMAP: CLAC is none", 6, NONE, .byte 0x0f, 0x01, 0xca
1:      needs   "SMAP", features7, 20, SMAP, no_smap
        fault64 "LOCK STAC", 6, NONE, .byte 0xf0, 0x0f, 0x01, 0xcb
        fault64 "66 CLAC", 6, NONE, .byte 0x66, 0x0f, 0x01, 0xca
        alias_fault "STAC at CPL 3", 6, NONE, stac
        alias_fault "CLAC at CPL 3", 6, NONE, clac
        stac
        runs64  "AC means nothing at CPL 0 but for SMAP", movl PAGE + 1, %eax
        clac
        cr4_set SMAP
        call    smap_explicit
        call    smap_implicit
        cr4_clear SMAP
        runs64  "SMAP off again", movl %eax, UPAGE + 16
no_smap:
        ret

smap_explicit:
        fault64 "SMAP: a read, at once", 14, 1, movl UPAGE + 16, %eax
        field64 "CR2", f_cr2, 0xffffffffffffffff, UPAGE + 16
        fault64 "SMAP: a write", 14, 3, movl %eax, UPAGE + 16
        fault64 "SMAP: a read-modify-write", 14, 3, incl UPAGE + 16
        stac
        runs64  "SMAP: a read after STAC", movl UPAGE + 16, %eax
        runs64  "SMAP: a write after STAC", movl %eax, UPAGE + 16
        clac
        fault64 "SMAP: a read after CLAC", 14, 1, movl UPAGE + 16, %eax
        fault64 "SMAP: a write after CLAC", 14, 3, movl %eax, UPAGE + 16
        pushq   $0x40002
        popfq
        runs64  "SMAP: AC by POPF", movl %eax, UPAGE + 16
        pushq   $2
        popfq
        fault64 "SMAP: and away", 14, 3, movl %eax, UPAGE + 16
        cr0_change 0, 0x10000
        fault64 "SMAP: a read without CR0.WP", 14, 1, movl UPAGE + 16, %eax
        fault64 "SMAP: a write without CR0.WP", 14, 3, movl %eax, UPAGE + 16
        cr0_change 0x10000, 0
        map_user PAGE + 5
        stac
        fault64 "SMAP: AC does not open a read-only page", 14, 3, movl %eax, UPAGE + 16
        clac
        map_user PAGE + 7
        alias_runs "SMAP: the user's own access", incl UPAGE + 16
        fault64 "SMAP: does not leave a way for the supervisor", 14, 3, incl UPAGE + 16
        runs64  "SMAP: a supervisor's page", incl PAGE + 16
        fetch_runs "SMAP: code is not data"
        map_user PAGE + 3
        runs64  "SMAP: a supervisor's page in the same table", incl UPAGE + 16
        map_user PAGE + 7
        movl    $PAGE + 32, %esi
        movl    $UPAGE + 16, %edi
        movl    $5, %ecx
        cld
        fault64 "SMAP: REP MOVSB to the user", 14, 3, rep movsb
        field64 "none done", r_rcx, 0xffffffffffffffff, 5
        fault64 "SMAP: an access that begins in a supervisor's page", 14, 3, movl %eax, ALIAS - 2
        field64 "CR2 in the user's", f_cr2, 0xffffffffffffffff, ALIAS
        runs64  "SMAP: INVLPG", invlpg UPAGE
        runs64  "SMAP: PREFETCH", prefetcht0 UPAGE
        ret

/* Accesses to the system's tables are the supervisor's at every CPL, and AC does not count. */
smap_implicit:
        stac
        movl    $0x0000ffff, UPAGE
        movl    $0x00cff300, UPAGE + 4
        clac
        movl    $LDT64, %eax
        lldt    %ax
        movl    $FIRST, %eax
        fault64 "SMAP: a descriptor in a user's page", 14, 1, movl %eax, %fs
        field64 "CR2", f_cr2, 0xffffffffffffffff, UPAGE
        movl    $FIRST, %eax
        stac
        fault64 "SMAP: AC does not help", 14, 1, movl %eax, %fs
        clac
        movl    $FIRST + 3, %eax
        alias_fault "SMAP: the same by the user: a supervisor's access", 14, 1, movl %eax, %fs
        field64 "CR2", f_cr2, 0xffffffffffffffff, UPAGE
        movl    $0x40002, user_flags64
        movl    $FIRST + 3, %eax
        alias_fault "SMAP: nor the user's AC", 14, 1, movl %eax, %fs
        movl    $2, user_flags64
        movl    $FIRST, %eax
        fault64 "SMAP: LAR", 14, 1, lar %eax, %ecx
        movl    $FIRST, %eax
        fault64 "SMAP: VERR", 14, 1, verr %ax
        cr4_clear SMAP
        movl    $FIRST + 3, %eax
        alias_runs "without SMAP the user loads it", movl %eax, %fs
        cr4_set SMAP
        xorl    %eax, %eax
        lldt    %ax
        movl    %eax, %fs

        movl    $7, %ecx                /* the I/O bitmap in a user's page */
        orb     %cl, page_tables + (IO_PAGE >> 12) * 8
        invlpg  IO_PAGE
        movw    $0x1000, tss64 + 102
        gdt_entry TSS64, (tss64 & 0xffff) << 16 | 0x1fff, 0x00008900 | tss64 >> 16
        movl    $TSS64, %eax
        ltr     %ax
        alias_fault "SMAP: the I/O bitmap in a user's page", 14, 1, inb $0x84, %al
        field64 "CR2", f_cr2, 0xffffffffffffffff, IO_PAGE + 0x84 / 8
        cr4_clear SMAP
        alias_runs "without SMAP it lets the user", inb $0x84, %al
        cr4_set SMAP
        movw    $0x68, tss64 + 102
        gdt_entry TSS64, (tss64 & 0xffff) << 16 | 0x67, 0x00008900 | tss64 >> 16
        movl    $TSS64, %eax
        ltr     %ax
        ret

/* --- UMIP -------------------------------------------------------------------------------------------------------- */

umip:   alias_runs "the user's SGDT", sgdt UPAGE + 64
        alias_runs "SMSW", smsw %eax
        needs   "UMIP", features7 + 4, 2, UMIP, no_umip
        cr4_set UMIP
        alias_fault "UMIP: SGDT", 13, 0, sgdt UPAGE + 64
        alias_fault "UMIP: SIDT", 13, 0, sidt UPAGE + 64
        alias_fault "UMIP: SLDT", 13, 0, sldt %eax
        alias_fault "UMIP: STR", 13, 0, str %eax
        alias_fault "UMIP: SMSW", 13, 0, smsw %eax
        alias_fault "UMIP: SMSW to memory", 13, 0, smsw UPAGE + 64
        alias_fault "UMIP: #GP before the page fault", 13, 0, sidt PAGE
        alias_fault "UMIP: #UD for a LOCK before it", 6, NONE, .byte 0xf0, 0x0f, 0x01, 0xe0
        alias_runs "UMIP: LAR is free", lar %eax, %ecx
        runs64  "UMIP: the supervisor's SGDT", sgdt PAGE + 64
        runs64  "UMIP: the supervisor's STR", str %eax
        runs64  "UMIP: the supervisor's SMSW", smsw PAGE + 64
        cr4_clear UMIP
        alias_runs "UMIP off again", smsw %eax
no_umip:
        ret

/* --- PCID -------------------------------------------------------------------------------------------------------- */

        .macro  load_cr3 low, high=0
        movabsq $(\high << 32) | \low, %rax
        movq    %rax, %cr3
        .endm

        .macro  cr3_fault text, low, high
        movabsq $(\high << 32) | \low, %rax
        fault64 "\text", 13, 0, movq %rax, %cr3
        .endm

pcid:   cr3_fault "CR3 bit 63 without CR4.PCIDE", pml4, 0x80000000
        needs   "PCID", features1c, 17, PCIDE, no_pcid
        load_cr3 pml4 + 0x18            /* PWT, PCD */
        movq    %cr4, %rax
        btsq    $PCIDE, %rax
        fault64 "PCID: PCIDE while CR3[11:0] is not 0", 13, 0, movq %rax, %cr4
        load_cr3 pml4
        cr4_set PCIDE
        load_cr3 pml4 + 5
        movq    %cr3, %rax
        check64 "PCID: CR3 keeps it", pml4 + 5
        load_cr3 pml4 + 6, 0x80000000
        movq    %cr3, %rax
        check64 "PCID: bit 63 is not kept", pml4 + 6
        cr3_fault "PCID: bit 62 is reserved", pml4 + 6, 0x40000000
        movq    %cr0, %rax
        btrq    $31, %rax
        fault64 "PCID: PG cannot be cleared", 13, 0, movq %rax, %cr0
        movb    $0x11, PAGE
        movb    $0x22, PAGE + 0x1000
        load_cr3 pml4 + 7
        movb    UPAGE, %al
        movl    $PAGE + 0x1007, pte_UPAGE
        load_cr3 pml4 + 7
        movzbl  UPAGE, %eax
        check64 "PCID: a load of CR3 without bit 63 forgets this PCID's", 0x22
        movl    $PAGE + 7, pte_UPAGE
        load_cr3 pml4 + 8
        movb    UPAGE, %al
        load_cr3 pml4 + 7
        movzbl  UPAGE, %eax
        check64 "PCID: and no other PCID's entries count", 0x11
        load_cr3 pml4 + 9, 0x80000000
        movl    $PAGE + 0x1007, pte_UPAGE
        invlpg  UPAGE
        movzbl  UPAGE, %eax
        check64 "PCID: INVLPG forgets in the current PCID", 0x22
        movl    $PAGE + 7, pte_UPAGE
        cr4_clear PCIDE
        movzbl  UPAGE, %eax
        check64 "PCID: CR4.PCIDE cleared forgets all", 0x11
        load_cr3 pml4
        movb    $0xc3, PAGE
no_pcid:
        ret

/* --- INVPCID ----------------------------------------------------------------------------------------------------- */

        .balign 16
which:  .quad   0, UPAGE                /* PCID, linear address */

        .macro  invalidates text, type, pcid
        movl    $\pcid, which
        movb    $0x11, PAGE
        movb    $0x22, PAGE + 0x1000
        map_user PAGE + 0x107
        movb    UPAGE, %al
        movl    $PAGE + 0x1107, pte_UPAGE
        movl    $\type, %ecx
        invpcid which, %rcx
        movzbl  UPAGE, %eax
        check64 "\text", 0x22
        .endm

invpcid:
        btl     $10, features7
        jc      1f
        movl    $2, %ecx
        fault64 "INVPCID is none", 6, NONE, invpcid which, %rcx
        ret
1:      movl    $4, %ecx
        fault64 "INVPCID: type 4", 13, 0, invpcid which, %rcx
        movabsq $0x100000000, %rcx
        fault64 "INVPCID: the type has 64 bits", 13, 0, invpcid which, %rcx
        movl    $2, %ecx
        alias_fault "INVPCID: CPL 3", 13, 0, invpcid which + ALIAS, %rcx
        fault64 "INVPCID: of a register", 6, NONE, .byte 0x66, 0x0f, 0x38, 0x82, 0xc8
        fault64 "INVPCID: without 66", 6, NONE, .byte 0x0f, 0x38, 0x82, 0x08
        fault64 "INVPCID: LOCK", 6, NONE, .byte 0xf0, 0x66, 0x0f, 0x38, 0x82, 0x08
        movl    $2, %ecx
        fault64 "INVPCID: an absent operand", 14, 0, invpcid 0x1000000, %rcx
        movl    $0x1000, which
        movl    $0, %ecx
        fault64 "INVPCID: a reserved bit", 13, 0, invpcid which, %rcx
        movl    $3, %ecx
        fault64 "INVPCID: in every type", 13, 0, invpcid which, %rcx
        movl    $0, which
        movl    $0x80000000, which + 12
        movl    $0, %ecx
        fault64 "INVPCID: an address that is not canonical", 13, 0, invpcid which, %rcx
        movl    $1, %ecx
        runs64  "INVPCID: counts for type 0 alone", invpcid which, %rcx
        movl    $0, which + 12
        movl    $5, which
        movl    $0, %ecx
        fault64 "INVPCID: a PCID without CR4.PCIDE", 13, 0, invpcid which, %rcx
        movl    $1, %ecx
        fault64 "INVPCID: type 1 as well", 13, 0, invpcid which, %rcx
        movl    $3, %ecx
        runs64  "INVPCID: but not type 3", invpcid which, %rcx
        invalidates "INVPCID: one address", 0, 0
        invalidates "INVPCID: one PCID", 1, 0
        invalidates "INVPCID: all but global", 3, 0
        cr4_set PGE4
        invalidates "INVPCID: all, global ones too", 2, 0
        btl     $17, features1c
        jnc     1f
        cr4_set PCIDE
        load_cr3 pml4 + 5
        cr4_clear PGE4
        invalidates "INVPCID: one address of the current PCID", 0, 5
        invalidates "INVPCID: the current PCID", 1, 5
        invalidates "INVPCID: all PCIDs", 3, 0
        load_cr3 pml4
        cr4_clear PCIDE
1:      cr4_clear PGE4
        map_user PAGE + 7
        ret

        .code32
        test_end
