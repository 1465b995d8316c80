/*
 * Rules of 64-bit mode and of system instructions in it, each by a few instructions in a small 64-bit world
 * (tests/silicon_guest.h): supervisor code runs on its own stack, user code in user pages, and INT3 or a fault ends a
 * case in a handler that halts.
 *
 * Source: Intel SDM vol. 2, the instructions' pages ("64-Bit Mode Exceptions"); vol. 1, 3.3.7.1 "Canonical
 *   Addressing"; vol. 2, 2.2.1 "REX Prefixes"; vol. 3A, 4.10.1 "Process-Context Identifiers", 2.5 "Control Registers".
 */
#include "tests/silicon_guest.h"
#include "tests/unit.h"

#define NON_CANONICAL 0x0000800000000000ull
#define SUPERVISOR_STACK (HIGH + PHYS_STACK)

static struct cpu *cpu;
static struct silicon_case test; /* test.in: state before */
static struct machine_state out; /* after */

static void fresh(void)
{
    if (cpu)
        cpu_destroy(cpu);
    cpu = guest_create();
    memset(&test, 0, sizeof(test));
    test.in.rip = CODE_BASE;
    test.in.rflags = 0x202;
    test.in.seg[CS] = USER_CODE64;
    test.in.seg[SS] = test.in.seg[DS] = test.in.seg[ES] = USER_DATA;
    test.in.gpr[RSP] = DATA_BASE + 0x800;
    test.in.fx.control = 0x37f;
    test.in.fx.mxcsr = 0x1f80;
}

static void run(unsigned cpl, const void *code, unsigned length)
{
    memcpy(test.code, code, length);
    test.code_length = length;
    guest_load(cpu, &test);
    if (cpl == 0) {
        cpu->cpl = 0;
        cpu->seg[CS].selector = KERNEL_CODE;
        cpu->seg[SS].selector = KERNEL_DATA;
        cpu->seg[CS].access &= (u16)~SEG_DPL;
        cpu->seg[SS].access &= (u16)~SEG_DPL;
        if (test.in.gpr[RSP] == DATA_BASE + 0x800)
            cpu->gpr[RSP] = SUPERVISOR_STACK;
        cpu_state_changed(cpu);
    }
    guest_execute(cpu, &test, &out);
}
#define BYTES(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})
#define RUN0(...) run(0, BYTES(__VA_ARGS__))
#define RUN3(...) run(3, BYTES(__VA_ARGS__))
/* It went through, and INT3 came after `length` bytes. */
#define CHECK_DONE(length)                                                                                             \
    do {                                                                                                               \
        CHECK_EQ(out.vector, VECTOR_BP);                                                                               \
        CHECK_EQ(out.rip, CODE_BASE + (length) + 1);                                                                   \
    } while (0)
/* It raised the exception, at the instruction itself. */
#define CHECK_RAISED(want, code)                                                                                       \
    do {                                                                                                               \
        CHECK_EQ(out.vector, want);                                                                                    \
        CHECK_EQ(out.error, code);                                                                                     \
        CHECK_EQ(out.rip, CODE_BASE);                                                                                  \
    } while (0)

static void data_put(unsigned offset, u64 value, unsigned size)
{
    memcpy(test.memory_in + offset, &value, size);
}

static u64 data_get(unsigned offset, unsigned size)
{
    u64 value = 0;
    memcpy(&value, toy.ram + PHYS_DATA + offset, size);
    return value;
}

/* --- descriptor table registers --- */

TEST(sgdt_and_sidt_store_ten_bytes)
{
    fresh();
    test.in.gpr[RAX] = DATA_BASE;
    RUN0(0x66, 0x0f, 0x01, 0x00, 0x0f, 0x01, 0x48, 0x20); /* 66 changes nothing */
    CHECK_DONE(8);
    CHECK_EQ(data_get(0, 2), 0x7f);
    CHECK_EQ(data_get(2, 8), HIGH + PHYS_GDT);
    CHECK_EQ(data_get(0x20, 2), 0xfff);
    CHECK_EQ(data_get(0x22, 8), HIGH + PHYS_IDT);
}

TEST(lgdt_and_lidt_load_64_bit_bases_that_must_be_canonical)
{
    fresh();
    test.in.gpr[RAX] = DATA_BASE;
    data_put(0, 0x77, 2);
    data_put(2, HIGH + PHYS_GDT, 8);
    data_put(16, 0xfff, 2);
    data_put(18, HIGH + PHYS_IDT, 8);
    RUN0(0x66, 0x0f, 0x01, 0x10, 0x0f, 0x01, 0x58, 0x10);
    CHECK_DONE(8);
    CHECK_EQ(cpu->gdtr.limit, 0x77);
    CHECK_EQ(cpu->gdtr.base, HIGH + PHYS_GDT);
    CHECK_EQ(cpu->idtr.base, HIGH + PHYS_IDT);
    data_put(2, NON_CANONICAL, 8);
    RUN0(0x0f, 0x01, 0x10);
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(cpu->gdtr.base, HIGH + PHYS_GDT);
}

TEST(umip_keeps_the_five_store_instructions_from_users)
{
    static const u8 codes[][3] = {
        {0x0f, 0x01, 0x00}, {0x0f, 0x01, 0x08}, {0x0f, 0x00, 0xc0}, {0x0f, 0x00, 0xc8}, {0x0f, 0x01, 0xe0}};
    fresh();
    test.in.gpr[RAX] = DATA_BASE;
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        cpu->cr4 &= ~(u64)CR4_UMIP;
        run(3, codes[i], 3);
        CHECK_DONE(3);
        cpu->cr4 |= CR4_UMIP;
        run(3, codes[i], 3);
        CHECK_RAISED(VECTOR_GP, 0);
        run(0, codes[i], 3);
        CHECK_DONE(3);
    }
}

TEST(sldt_str_and_smsw_write_registers_of_the_operand_size)
{
    fresh();
    test.in.gpr[RAX] = test.in.gpr[RCX] = test.in.gpr[RDX] = ~0ull;
    RUN0(0x48, 0x0f, 0x00, 0xc8, 0x66, 0x0f, 0x00, 0xc9, 0x48, 0x0f, 0x01, 0xe2);
    CHECK_DONE(12);
    CHECK_EQ(out.gpr[RAX], 0x40);
    CHECK_EQ(out.gpr[RCX], 0xffffffffffff0040);
    CHECK_EQ(out.gpr[RDX], cpu->cr0);
    RUN0(0x0f, 0x00, 0xc0);
    CHECK_EQ(out.gpr[RAX], 0);
}

TEST(ltr_marks_a_16_byte_descriptor_busy)
{
    fresh();
    guest_poke(PHYS_GDT + 0x50, 0x0000890030000067ull); /* base 3000, limit 67 */
    guest_poke(PHYS_GDT + 0x58, HIGH >> 32);
    test.in.gpr[RAX] = 0x50;
    RUN0(0x0f, 0x00, 0xd8);
    CHECK_DONE(3);
    CHECK_EQ(cpu->seg[TR].base, HIGH + PHYS_TSS);
    CHECK_EQ(toy.ram[PHYS_GDT + 0x55], 0x8b);
    RUN0(0x0f, 0x00, 0xd8); /* busy now */
    CHECK_RAISED(VECTOR_GP, 0x50);
    guest_poke(PHYS_GDT + 0x50, 0x0000820030000067ull);
    RUN0(0x0f, 0x00, 0xd0);
    CHECK_DONE(3);
    CHECK_EQ(cpu->seg[LDTR].base, HIGH + PHYS_TSS);
}

/* --- fast system calls --- */

static void system_call_msrs(void)
{
    cpu->star = (u64)KERNEL_CODE << 32 | (u64)(USER_CODE32 & ~3u) << 48;
    cpu->lstar = HIGH + PHYS_HANDLERS + 16 * 200;
    cpu->fmask = FLAG_IF | FLAG_DF;
}

TEST(syscall_saves_rip_and_rflags_and_masks)
{
    fresh();
    system_call_msrs();
    test.in.rflags |= FLAG_DF | FLAG_CF;
    RUN3(0x0f, 0x05);
    CHECK_EQ(cpu->rip, cpu->lstar + 1);
    CHECK_EQ(cpu->gpr[RCX], CODE_BASE + 2);
    CHECK_EQ(cpu->gpr[R11], 0x202 | FLAG_DF | FLAG_CF);
    CHECK_EQ(cpu->rflags & (FLAG_IF | FLAG_DF | FLAG_CF), FLAG_CF);
    CHECK_EQ(cpu->seg[CS].selector, KERNEL_CODE);
    CHECK_EQ(cpu->seg[SS].selector, KERNEL_DATA);
    CHECK_EQ(cpu->gpr[RSP], DATA_BASE + 0x800); /* no stack switch */
    CHECK_EQ(cpu->cpl, 0);
}

TEST(syscall_needs_sce_and_64_bit_mode)
{
    fresh();
    system_call_msrs();
    cpu->efer &= ~(u64)EFER_SCE;
    RUN3(0x0f, 0x05);
    CHECK_RAISED(VECTOR_UD, 0);
    cpu->efer |= EFER_SCE;
    test.in.seg[CS] = USER_CODE32; /* compatibility mode: Intel has #UD */
    RUN3(0x0f, 0x05);
    CHECK_RAISED(VECTOR_UD, 0);
}

TEST(sysret_returns_to_64_bit_or_compatibility_code)
{
    fresh();
    system_call_msrs();
    test.in.gpr[RCX] = CODE_BASE + 0x100;
    test.in.gpr[R11] = 0x246 | FLAG_RF | FLAG_VM;
    RUN0(0x48, 0x0f, 0x07);
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.rip, CODE_BASE + 0x101);
    CHECK_EQ(out.seg[CS], USER_CODE64);
    CHECK_EQ(out.seg[SS], USER_DATA);
    CHECK_EQ(out.rflags, 0x246);
    RUN0(0x0f, 0x07);
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.seg[CS], USER_CODE32);
    CHECK_EQ(out.seg[SS], USER_DATA);
}

/* Intel: the fault comes at CPL 0, on the kernel's side. */
TEST(sysret_to_a_non_canonical_address_faults_at_cpl_0)
{
    fresh();
    system_call_msrs();
    test.in.gpr[RCX] = NON_CANONICAL;
    RUN0(0x48, 0x0f, 0x07);
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(out.seg[CS], KERNEL_CODE);
}

TEST(sysenter_and_sysexit_in_64_bit_mode)
{
    fresh();
    cpu->sysenter_cs = KERNEL_CODE;
    cpu->sysenter_esp = SUPERVISOR_STACK;
    cpu->sysenter_eip = HIGH + PHYS_HANDLERS + 16 * 201;
    RUN3(0x0f, 0x34);
    CHECK_EQ(cpu->rip, cpu->sysenter_eip + 1);
    CHECK_EQ(cpu->gpr[RSP], SUPERVISOR_STACK);
    CHECK_EQ(cpu->rflags & FLAG_IF, 0);
    test.in.gpr[RDX] = CODE_BASE + 0x200;
    test.in.gpr[RCX] = DATA_BASE + 0x100;
    RUN0(0x48, 0x0f, 0x35);
    CHECK_EQ(out.rip, CODE_BASE + 0x201);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x100);
    CHECK_EQ(out.seg[CS], KERNEL_CODE + 32 + 3);
    test.in.gpr[RDX] = NON_CANONICAL;
    RUN0(0x48, 0x0f, 0x35);
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(swapgs_exchanges_the_gs_base_with_its_msr_at_cpl_0)
{
    fresh();
    cpu->kernel_gs_base = HIGH + 0x7000;
    RUN0(0x0f, 0x01, 0xf8);
    CHECK_DONE(3);
    CHECK_EQ(cpu->seg[GS].base, HIGH + 0x7000);
    CHECK_EQ(cpu->kernel_gs_base, GS_BASE);
    RUN3(0x0f, 0x01, 0xf8);
    CHECK_RAISED(VECTOR_GP, 0);
}

/* --- control and debug registers --- */

TEST(mov_to_cr_has_64_bits_whatever_the_prefixes)
{
    fresh();
    test.in.gpr[RAX] = cpu->cr0 | 1ull << 32;
    RUN0(0x66, 0x0f, 0x22, 0xc0);
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RAX] = cpu->cr3 | 1ull << 45; /* beyond the physical address */
    RUN0(0x0f, 0x22, 0xd8);
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RAX] = 0x123456789abcdef0ull;
    RUN0(0x0f, 0x22, 0xd0, 0x0f, 0x20, 0xd1); /* CR2 takes anything */
    CHECK_DONE(6);
    CHECK_EQ(out.gpr[RCX], 0x123456789abcdef0ull);
}

TEST(cr8_is_the_task_priority)
{
    fresh();
    test.in.gpr[R9] = 9;
    RUN0(0x45, 0x0f, 0x22, 0xc1, 0x44, 0x0f, 0x20, 0xc0); /* MOV CR8, R9; MOV RAX, CR8 */
    CHECK_DONE(8);
    CHECK_EQ(out.gpr[RAX], 9);
    test.in.gpr[RAX] = 16;
    RUN0(0x44, 0x0f, 0x22, 0xc0);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN3(0x44, 0x0f, 0x20, 0xc0);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN0(0x44, 0x0f, 0x20, 0xc8); /* CR9 */
    CHECK_RAISED(VECTOR_UD, 0);
}

TEST(dr6_and_dr7_have_no_upper_halves)
{
    fresh();
    test.in.gpr[RAX] = 1ull << 32 | 0x400;
    RUN0(0x0f, 0x23, 0xf8);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN0(0x0f, 0x23, 0xc0, 0x0f, 0x21, 0xc1); /* DR0 has */
    CHECK_DONE(6);
    CHECK_EQ(out.gpr[RCX], 1ull << 32 | 0x400);
    RUN0(0x44, 0x0f, 0x21, 0xc0); /* DR8 */
    CHECK_RAISED(VECTOR_UD, 0);
}

TEST(long_mode_holds_pg_and_pae)
{
    fresh();
    test.in.gpr[RAX] = cpu->cr0 & ~(u64)CR0_PG;
    RUN0(0x0f, 0x22, 0xc0);
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RAX] = cpu->cr4 & ~(u64)CR4_PAE;
    RUN0(0x0f, 0x22, 0xe0);
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(pcide_needs_pcid_0_and_keeps_pg)
{
    fresh();
    test.in.gpr[RAX] = cpu->cr4 | CR4_PCIDE;
    u64 cr3 = cpu->cr3;
    cpu->cr3 = cr3 | 8;
    RUN0(0x0f, 0x22, 0xe0);
    CHECK_RAISED(VECTOR_GP, 0);
    cpu->cr3 = cr3;
    RUN0(0x0f, 0x22, 0xe0);
    CHECK_DONE(3);
    test.in.gpr[RAX] = cr3 | 5 | 1ull << 63; /* bit 63 is an order, not part of CR3 */
    RUN0(0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xd9);
    CHECK_DONE(6);
    CHECK_EQ(out.gpr[RCX], cr3 | 5);
}

TEST(cr3_bit_63_is_reserved_without_pcide)
{
    fresh();
    test.in.gpr[RAX] = cpu->cr3 | 1ull << 63;
    RUN0(0x0f, 0x22, 0xd8);
    CHECK_RAISED(VECTOR_GP, 0);
}

/* 66 0F 38 82 08: INVPCID RCX, [RAX] */
TEST(invpcid_checks_its_type_and_descriptor)
{
    static const struct {
        u64 type, low, address;
        bool pcide, good;
    } rows[] = {
        {0, 0, HIGH, false, true},
        {1, 0, 0, false, true},
        {2, 5, 0, false, true},
        {3, 0, 0, false, true},
        {4, 0, 0, false, false},
        {1, 5, 0, false, false},
        {1, 5, 0, true, true},
        {1, 0x1000, 0, true, false},
        {0, 5, NON_CANONICAL, true, false},
        {1, 5, NON_CANONICAL, true, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        fresh();
        test.in.gpr[RAX] = DATA_BASE;
        test.in.gpr[RCX] = rows[i].type;
        data_put(0, rows[i].low, 8);
        data_put(8, rows[i].address, 8);
        cpu->cr4 |= rows[i].pcide ? CR4_PCIDE : 0;
        RUN0(0x66, 0x0f, 0x38, 0x82, 0x08);
        CHECK_EQ(out.vector, rows[i].good ? VECTOR_BP : VECTOR_GP);
    }
    RUN3(0x66, 0x0f, 0x38, 0x82, 0x08);
    CHECK_RAISED(VECTOR_GP, 0);
}

/* A stale translation of the read-only page behind the data goes with INVPCID of its address, and not before. */
TEST(invpcid_drops_a_page)
{
    const u32 entry = PHYS_TABLES + 0x4000 + (DATA_SIZE >> 12) * 8;
    for (unsigned type = 0; type < 4; type++) {
        fresh();
        test.in.gpr[RAX] = DATA_BASE;
        test.in.gpr[RBX] = DATA_READ_ONLY;
        test.in.gpr[RCX] = type;
        data_put(8, DATA_READ_ONLY, 8);
        guest_load(cpu, &test);
        u64 old;
        memcpy(&old, toy.ram + entry, 8);
        test.in.gpr[RDX] = HIGH + entry;
        /* MOV AL,[RBX]; MOV QWORD [RDX],0; MOV AL,[RBX]; MOV RAX,imm; INVPCID; MOV AL,[RBX] */
        RUN0(0x8a, 0x03, 0x48, 0xc7, 0x02, 0, 0, 0, 0, 0x8a, 0x03, 0xb8, 0, 0, 0, 0x30, 0x66, 0x0f, 0x38, 0x82, 0x08,
             0x8a, 0x03);
        CHECK_EQ(out.vector, VECTOR_PF);
        CHECK_EQ(out.rip, CODE_BASE + 21);
        CHECK_EQ(out.cr2, DATA_READ_ONLY);
    }
}

/* --- addresses --- */

TEST(rip_relative_counts_from_the_end_of_the_immediate)
{
    fresh();
    u32 disp = DATA_BASE + 0x40 - (CODE_BASE + 10);
    u8 code[20] = {0xc7, 0x05, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12};
    memcpy(code + 2, &disp, 4);
    run(3, code, 10);
    CHECK_DONE(10);
    CHECK_EQ(data_get(0x40, 4), 0x12345678);
    disp = DATA_BASE + 0x50 - (CODE_BASE + 8); /* 67: EIP-relative, the same here */
    u8 code8[8] = {0x67, 0xc6, 0x05, 0, 0, 0, 0, 0x9a};
    memcpy(code8 + 3, &disp, 4);
    run(3, code8, 8);
    CHECK_DONE(8);
    CHECK_EQ(data_get(0x50, 1), 0x9a);
    disp = DATA_BASE + 0x60 - (CODE_BASE + 9); /* 66 81 /0 iw */
    u8 code16[9] = {0x66, 0x81, 0x05, 0, 0, 0, 0, 0x34, 0x12};
    memcpy(code16 + 3, &disp, 4);
    run(3, code16, 9);
    CHECK_DONE(9);
    CHECK_EQ(data_get(0x60, 2), 0x1234);
}

/* LEA in the middle of a block. */
TEST(lea_of_a_rip_relative_address_has_any_size)
{
    fresh();
    RUN3(0x90, 0x48, 0x8d, 0x05, 0x10, 0, 0, 0, 0x8d, 0x0d, 0x10, 0, 0, 0, 0x66, 0x8d, 0x15, 0x10, 0, 0, 0, 0x67, 0x48,
         0x8d, 0x1d, 0x10, 0, 0, 0);
    CHECK_DONE(29);
    CHECK_EQ(out.gpr[RAX], CODE_BASE + 8 + 0x10);
    CHECK_EQ(out.gpr[RCX], CODE_BASE + 14 + 0x10);
    CHECK_EQ(out.gpr[RDX], (CODE_BASE + 21 + 0x10) & 0xffff);
    CHECK_EQ(out.gpr[RBX], CODE_BASE + 29 + 0x10);
}

TEST(non_canonical_data_is_gp_and_stack_is_ss)
{
    fresh();
    test.in.gpr[RAX] = test.in.gpr[RBP] = NON_CANONICAL;
    RUN3(0x8a, 0x00); /* [RAX] */
    CHECK_RAISED(VECTOR_GP, 0);
    RUN3(0x8a, 0x45, 0x00); /* [RBP] */
    CHECK_RAISED(VECTOR_SS, 0);
    RUN3(0x3e, 0x8a, 0x45, 0x00); /* a DS prefix is ignored: still the stack */
    CHECK_RAISED(VECTOR_SS, 0);
    RUN3(0x65, 0x8a, 0x45, 0x00); /* GS is not */
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RAX] = 0x00007ffffffffffdull; /* the last byte is not */
    RUN3(0x8b, 0x00);
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(a_non_canonical_stack_pointer_is_ss)
{
    static const u8 codes[][4] = {{0x50},       {0x58},       {0xc3},       {0x9c}, {0x9d},
                                  {0xff, 0xd1}, {0xff, 0x30}, {0x8f, 0x00}, {0xc9}};
    static const u8 lengths[] = {1, 1, 1, 1, 1, 2, 2, 2, 1};
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        fresh();
        test.in.gpr[RSP] = test.in.gpr[RBP] = NON_CANONICAL + 0x100;
        test.in.gpr[RAX] = DATA_BASE;
        test.in.gpr[RCX] = CODE_BASE + 0x100;
        run(3, codes[i], lengths[i]);
        CHECK_RAISED(VECTOR_SS, 0);
        CHECK_EQ(out.gpr[RSP], NON_CANONICAL + 0x100);
    }
}

TEST(a_branch_to_a_non_canonical_address_faults_at_the_branch)
{
    fresh();
    test.in.gpr[RAX] = NON_CANONICAL;
    RUN3(0xff, 0xe0); /* JMP RAX */
    CHECK_RAISED(VECTOR_GP, 0);
    RUN3(0xff, 0xd0); /* CALL RAX: nothing is pushed */
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x800);
    CHECK_EQ(data_get(0x7f8, 8), 0);
    data_put(0x800, NON_CANONICAL, 8);
    RUN3(0xc3);
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x800);
    RUN3(0xc2, 0x10, 0x00);
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x800);
}

/* --- REX and 66 --- */

TEST(rex_selects_the_low_byte_registers)
{
    fresh();
    test.in.gpr[RAX] = 0x1122;
    test.in.gpr[RSP] = DATA_BASE + 0x855;
    RUN3(0x88, 0xe1, 0x40, 0x88, 0xe2); /* MOV CL, AH; MOV DL, SPL */
    CHECK_DONE(5);
    CHECK_EQ(out.gpr[RCX], 0x11);
    CHECK_EQ(out.gpr[RDX], 0x55);
}

TEST(rex_before_another_prefix_is_ignored)
{
    fresh();
    test.in.gpr[RAX] = ~0ull;
    test.in.gpr[R8] = 1;
    RUN3(0x49, 0x66, 0xff, 0xc0); /* REX.WB 66: INC AX */
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RAX], 0xffffffffffff0000);
    CHECK_EQ(out.gpr[R8], 1);
}

TEST(rex_w_wins_over_66)
{
    fresh();
    test.in.gpr[RAX] = 0xffffffff;
    RUN3(0x66, 0x48, 0xff, 0xc0);
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RAX], 0x100000000);
    RUN3(0x66, 0x48, 0x05, 1, 0, 0, 0); /* and the immediate has four bytes */
    CHECK_DONE(7);
    CHECK_EQ(out.gpr[RAX], 0x100000000);
}

/* Intel ignores 66 there (AMD takes a 16-bit displacement and target). */
TEST(near_branches_ignore_66)
{
    fresh();
    RUN3(0x66, 0xe9, 0x40, 0, 0, 0);
    CHECK_EQ(out.rip, CODE_BASE + 6 + 0x40 + 1);
    RUN3(0x66, 0x0f, 0x81, 0x40, 0, 0, 0); /* JNO */
    CHECK_EQ(out.rip, CODE_BASE + 7 + 0x40 + 1);
    RUN3(0x66, 0xe8, 0x40, 0, 0, 0);
    CHECK_EQ(out.rip, CODE_BASE + 6 + 0x40 + 1);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x7f8);
    data_put(0x800, CODE_BASE + 0x80, 8);
    RUN3(0x66, 0xc3);
    CHECK_EQ(out.rip, CODE_BASE + 0x81);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x808);
    test.in.gpr[RAX] = CODE_BASE + 0x90;
    RUN3(0x66, 0xff, 0xe0);
    CHECK_EQ(out.rip, CODE_BASE + 0x91);
}

TEST(push_and_pop_have_64_or_16_bits)
{
    fresh();
    test.in.gpr[RAX] = 0x1122334455667788ull;
    RUN3(0x66, 0x50, 0x50, 0x6a, 0xff);
    CHECK_DONE(5);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x800 - 18);
    CHECK_EQ(data_get(0x7fe, 2), 0x7788);
    CHECK_EQ(data_get(0x7f6, 8), 0x1122334455667788ull);
    CHECK_EQ(data_get(0x7ee, 8), ~0ull);
}

/* --- segments and far transfers --- */

TEST(lss_lfs_and_lgs_take_offsets_of_the_operand_size)
{
    fresh();
    test.in.gpr[RAX] = DATA_BASE;
    data_put(0, 0x1122334455667788ull, 8);
    data_put(8, USER_DATA, 2);
    RUN3(0x48, 0x0f, 0xb5, 0x08); /* LGS RCX: m16:64 (Intel) */
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RCX], 0x1122334455667788ull);
    CHECK_EQ(out.seg[GS], USER_DATA);
    data_put(4, USER_DATA, 2);
    RUN3(0x0f, 0xb4, 0x08); /* LFS ECX: m16:32 */
    CHECK_DONE(3);
    CHECK_EQ(out.gpr[RCX], 0x55667788);
    CHECK_EQ(out.seg[FS], USER_DATA);
    CHECK_EQ(cpu->seg[FS].base, 0);
    data_put(2, USER_DATA, 2);
    test.in.gpr[RCX] = ~0ull;
    RUN3(0x66, 0x0f, 0xb2, 0x08); /* LSS CX: m16:16 */
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RCX], 0xffffffffffff7788);
}

TEST(pop_fs_and_gs_load_from_eight_bytes)
{
    fresh();
    data_put(0x800, 0xffffffffffff0000ull | USER_DATA, 8);
    RUN3(0x0f, 0xa1);
    CHECK_DONE(2);
    CHECK_EQ(out.seg[FS], USER_DATA);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x808);
    RUN3(0x66, 0x0f, 0xa9);
    CHECK_DONE(3);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x802);
}

/* MOV FS, EAX */
TEST(a_null_selector_clears_the_base_of_fs)
{
    fresh();
    guest_load(cpu, &test);
    cpu->seg[FS].base = 0x1234;
    RUN3(0x8e, 0xe0);
    CHECK_DONE(2);
    CHECK_EQ(cpu->seg[FS].base, 0);
    test.in.gpr[RAX] = USER_DATA;
    RUN3(0x8e, 0xe0, 0x8c, 0xe1);
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RCX], USER_DATA);
}

static void iret_frame(u64 rip, u64 cs, u64 flags, u64 rsp, u64 ss)
{
    const u64 frame[5] = {rip, cs, flags, rsp, ss};
    memcpy(test.memory_in + 0x400, frame, sizeof(frame));
    test.in.gpr[RSP] = DATA_BASE + 0x400;
}

TEST(iretq_always_pops_ss_and_rsp)
{
    fresh();
    iret_frame(CODE_BASE + 0x80, USER_CODE64, 0x246, DATA_BASE + 0x123, USER_DATA);
    RUN3(0x48, 0xcf); /* to the same level */
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.rip, CODE_BASE + 0x81);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x123);
    CHECK_EQ(out.rflags, 0x246);
}

TEST(iretq_to_cpl_0_takes_a_null_ss_and_to_cpl_3_does_not)
{
    fresh();
    iret_frame(CODE_BASE + 0x80, KERNEL_CODE, 0x2, SUPERVISOR_STACK, 0);
    RUN0(0x48, 0xcf);
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.rip, CODE_BASE + 0x81);
    CHECK_EQ(out.seg[SS], 0);
    fresh();
    iret_frame(CODE_BASE + 0x80, USER_CODE64, 0x2, DATA_BASE + 0x800, 3);
    RUN3(0x48, 0xcf);
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(iretq_refuses_nt_and_non_canonical_targets)
{
    fresh();
    iret_frame(CODE_BASE + 0x80, USER_CODE64, 0x2, DATA_BASE + 0x800, USER_DATA);
    test.in.rflags |= FLAG_NT;
    RUN3(0x48, 0xcf);
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.rflags &= ~(u64)FLAG_NT;
    iret_frame(NON_CANONICAL, USER_CODE64, 0x2, DATA_BASE + 0x800, USER_DATA);
    RUN3(0x48, 0xcf);
    CHECK_RAISED(VECTOR_GP, 0);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x400);
}

TEST(iret_enters_compatibility_mode)
{
    fresh();
    iret_frame(CODE_BASE + 0x80, USER_CODE32, 0x2, DATA_BASE + 0x800, USER_DATA);
    RUN3(0x48, 0xcf);
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.seg[CS], USER_CODE32);
}

/* SDM vol. 2, "IRET": ESP is loaded; vol. 1, 3.4.1.1: a 32-bit result clears the upper half of the register. */
TEST(iret_to_compatibility_mode_leaves_nothing_of_the_kernels_rsp)
{
    fresh();
    const u64 frame[5] = {CODE_BASE + 0x80, USER_CODE32, 0x2, DATA_BASE + 0x800, USER_DATA};
    memcpy(toy.ram + 0x9000, frame, sizeof(frame));
    test.in.gpr[RSP] = HIGH + 0x9000;
    RUN0(0x48, 0xcf);
    CHECK_EQ(out.vector, VECTOR_BP);
    CHECK_EQ(out.seg[CS], USER_CODE32);
    CHECK_EQ(out.gpr[RSP], DATA_BASE + 0x800);
}

/* --- flags and software interrupts --- */

TEST(cli_and_sti_change_if)
{
    fresh();
    RUN0(0xfa);
    CHECK_DONE(1);
    CHECK_EQ(out.rflags & FLAG_IF, 0);
    test.in.rflags = 2;
    RUN0(0xfb);
    CHECK_DONE(1);
    CHECK(out.rflags & FLAG_IF);
    RUN3(0xfb); /* IOPL 0 */
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(int_n_needs_a_gate_of_its_privilege)
{
    fresh();
    RUN0(0xcd, 0x50);
    CHECK_EQ(out.vector, 0x50);
    CHECK_EQ(out.rip, CODE_BASE + 2);
    RUN3(0xcd, 0x04); /* a gate with DPL 3 */
    CHECK_EQ(out.vector, 4);
    RUN3(0xcd, 0x50);
    CHECK_RAISED(VECTOR_GP, 0x50 * 8 + 2);
}

/* SDM, "INT n": a trap gate leaves IF; "IRET" and the frame: SS:RSP always, RSP aligned to 16. */
TEST(a_frame_is_aligned_and_holds_five_words)
{
    fresh();
    test.in.gpr[RSP] = SUPERVISOR_STACK - 0x105;
    RUN0(0xcc);
    CHECK_EQ(cpu->gpr[RSP], SUPERVISOR_STACK - 0x110 - 40);
}

TEST(lmsw_and_clts_touch_the_low_bits_only)
{
    fresh();
    u64 cr0 = cpu->cr0;
    test.in.gpr[RAX] = 0xfff8;
    RUN0(0x0f, 0x01, 0xf0); /* LMSW AX: TS; PE stays */
    CHECK_DONE(3);
    CHECK_EQ(cpu->cr0, (cr0 & ~(u64)(CR0_MP | CR0_EM)) | CR0_TS);
    RUN0(0x0f, 0x06);
    CHECK_DONE(2);
    CHECK(!(cpu->cr0 & CR0_TS));
}

TEST(msrs_that_hold_addresses_take_canonical_ones)
{
    fresh();
    test.in.gpr[RCX] = 0xc0000101; /* GS base */
    test.in.gpr[RAX] = 0xffffffff00007000;
    test.in.gpr[RDX] = 0xffff8000;
    RUN0(0x0f, 0x30, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x32); /* WRMSR; XOR EAX,EAX; XOR EDX,EDX; RDMSR */
    CHECK_DONE(8);
    CHECK_EQ(cpu->seg[GS].base, 0xffff800000007000);
    CHECK_EQ(out.gpr[RAX], 0x7000);
    CHECK_EQ(out.gpr[RDX], 0xffff8000);
    test.in.gpr[RDX] = 0x8000;
    RUN0(0x0f, 0x30);
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(invlpg_of_a_non_canonical_address_does_nothing)
{
    fresh();
    test.in.gpr[RAX] = NON_CANONICAL;
    RUN0(0x0f, 0x01, 0x38);
    CHECK_DONE(3);
}

/* --- extended state --- */

TEST(xcr0_keeps_x87_and_knows_no_unsupported_component)
{
    static const struct {
        u32 value, index;
        bool good;
    } rows[] = {{1, 0, true}, {3, 0, true}, {7, 0, true}, {2, 0, false}, {5, 0, false}, {15, 0, false}, {3, 1, false}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        fresh();
        test.in.gpr[RAX] = rows[i].value;
        test.in.gpr[RCX] = rows[i].index;
        RUN0(0x0f, 0x01, 0xd1);
        CHECK_EQ(out.vector, rows[i].good ? VECTOR_BP : VECTOR_GP);
    }
    test.in.gpr[RCX] = 0;
    RUN3(0x0f, 0x01, 0xd1);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN3(0x0f, 0x01, 0xd0);
    CHECK_DONE(3);
    cpu->cr4 &= ~(u64)CR4_OSXSAVE;
    RUN3(0x0f, 0x01, 0xd0);
    CHECK_RAISED(VECTOR_UD, 0);
    RUN0(0x0f, 0x01, 0xd1);
    CHECK_RAISED(VECTOR_UD, 0);
}

TEST(xsave_areas_are_aligned_to_64_and_their_headers_checked)
{
    fresh();
    test.in.gpr[RAX] = 3;
    test.in.gpr[RBX] = DATA_BASE + 16;
    RUN3(0x0f, 0xae, 0x23); /* XSAVE [RBX] */
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RBX] = DATA_BASE;
    cpu->xcr0 = 3;
    RUN3(0x0f, 0xae, 0x23);
    CHECK_DONE(3);
    data_put(512, 4, 8); /* XSTATE_BV: a component that XCR0 has not */
    data_put(24, 0x1f80, 4);
    RUN3(0x0f, 0xae, 0x2b);
    CHECK_RAISED(VECTOR_GP, 0);
    data_put(512, 3, 8);
    data_put(528, 1, 8); /* bytes 23:16 of the header */
    RUN3(0x0f, 0xae, 0x2b);
    CHECK_RAISED(VECTOR_GP, 0);
    data_put(528, 0, 8);
    data_put(24, 0x10000, 4); /* a reserved bit of MXCSR */
    RUN3(0x0f, 0xae, 0x2b);
    CHECK_RAISED(VECTOR_GP, 0);
    data_put(24, 0x1fa0, 4);
    RUN3(0x0f, 0xae, 0x2b);
    CHECK_DONE(3);
    CHECK_EQ(cpu->mxcsr, 0x1fa0);
}

/* --- counters, caches, ports --- */

TEST(rdtscp_and_rdpid_give_tsc_aux)
{
    fresh();
    cpu->tsc_aux = 0x87654321;
    test.in.gpr[RBX] = ~0ull;
    RUN3(0x0f, 0x01, 0xf9, 0xf3, 0x0f, 0xc7, 0xfb); /* RDTSCP; RDPID RBX */
    CHECK_DONE(7);
    CHECK_EQ(out.gpr[RCX], 0x87654321);
    CHECK_EQ(out.gpr[RBX], 0x87654321);
    cpu->cr4 |= CR4_TSD;
    RUN3(0x0f, 0x01, 0xf9);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN3(0x0f, 0x31);
    CHECK_RAISED(VECTOR_GP, 0);
    RUN0(0x0f, 0x31);
    CHECK_DONE(2);
}

TEST(rdpmc_needs_pce_above_cpl_0)
{
    fresh();
    RUN3(0x0f, 0x33);
    CHECK_RAISED(VECTOR_GP, 0);
    cpu->cr4 |= CR4_PCE;
    RUN3(0x0f, 0x33);
    CHECK_DONE(2);
    test.in.gpr[RCX] = 99;
    RUN0(0x0f, 0x33); /* there is no such counter */
    CHECK_RAISED(VECTOR_GP, 0);
}

TEST(cache_instructions)
{
    fresh();
    RUN0(0x0f, 0x08, 0x0f, 0x09);
    CHECK_DONE(4);
    RUN3(0x0f, 0x08);
    CHECK_RAISED(VECTOR_GP, 0);
    test.in.gpr[RAX] = DATA_BASE;
    RUN3(0x0f, 0xae, 0x38, 0x66, 0x0f, 0xae, 0x38, 0x66, 0x0f, 0xae, 0x30); /* CLFLUSH, CLFLUSHOPT, CLWB */
    CHECK_DONE(11);
    test.in.gpr[RAX] = DATA_BASE - 1; /* they load, as far as paging is concerned */
    RUN3(0x0f, 0xae, 0x38);
    CHECK_EQ(out.vector, VECTOR_PF);
    CHECK_EQ(out.error, 4);
    test.in.gpr[RAX] = DATA_READ_ONLY;
    RUN3(0x0f, 0xae, 0x38);
    CHECK_DONE(3);
}

TEST(ports_by_immediate_and_dx_have_at_most_32_bits)
{
    fresh();
    memcpy(toy.port_data, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    test.in.gpr[RAX] = ~0ull;
    RUN0(0x48, 0xe5, 0x10); /* REX.W: still 32 bits, and they clear the upper half */
    CHECK_DONE(3);
    CHECK_EQ(out.gpr[RAX], 0x44332211);
    RUN0(0x66, 0xe5, 0x10);
    CHECK_DONE(3);
    CHECK_EQ(out.gpr[RAX], 0xffffffffffff6655);
    toy.port_at = 16;
    test.in.gpr[RAX] = 0x1122334455667788ull;
    RUN0(0xe7, 0x10, 0xe6, 0x10, 0xef, 0xee);
    CHECK_DONE(6);
    CHECK(!memcmp(toy.port_data + 16, "\x88\x77\x66\x55\x88\x88\x77\x66\x55\x88", 10));
    toy.port_at = 0;
    RUN0(0xe4, 0x10, 0xec, 0xed);
    CHECK_DONE(4);
    CHECK_EQ(out.gpr[RAX], 0x66554433);
}

/* SDM, "CPUID", leaf 1: OSXSAVE shows what CR4 says. */
TEST(cpuid_osxsave_follows_cr4)
{
    fresh();
    test.in.gpr[RAX] = 1;
    RUN3(0x0f, 0xa2);
    CHECK_DONE(2);
    CHECK(out.gpr[RCX] >> 27 & 1);
    cpu->cr4 &= ~(u64)CR4_OSXSAVE;
    RUN3(0x0f, 0xa2);
    CHECK(!(out.gpr[RCX] >> 27 & 1));
}

/* SDM vol. 3A, "4-Level Paging": PS in a PDPTE maps 1 GiB; its bits 29:13 are reserved. */
TEST(a_page_may_have_1_gib)
{
    const u32 pdpte = PHYS_TABLES + 0x1000 + 8; /* linear 1 GiB */
    fresh();
    guest_poke(pdpte, 0 | PAGE_P | PAGE_RW | PAGE_US | PAGE_PS);
    test.in.gpr[RAX] = 0x40000000 + PHYS_DATA + 0x10;
    data_put(0x10, 0x99, 1);
    RUN3(0x8a, 0x08, 0xc6, 0x40, 0x01, 0x77);
    CHECK_DONE(6);
    CHECK_EQ(out.gpr[RCX], 0x99);
    CHECK_EQ(data_get(0x11, 1), 0x77);
    CHECK_EQ(toy.ram[pdpte] & PAGE_AD, PAGE_AD);
    fresh();
    guest_poke(pdpte, 0x2000 | PAGE_P | PAGE_RW | PAGE_US | PAGE_PS);
    test.in.gpr[RAX] = 0x40000000;
    RUN3(0x8a, 0x08);
    CHECK_EQ(out.vector, VECTOR_PF);
    CHECK_EQ(out.error, 0xd); /* P, user, RSVD */
}

UNIT_MAIN()
