/*
 * System instructions in 32-bit code, each executed for its effect.  Their counterparts in 64-bit code stand in
 * tests/long_mode_test.c.
 *
 * Source: Intel SDM vol. 2, the instructions' pages; vol. 1, ch. 13 (XSAVE); Intel486 Processor Family Programmer's
 *   Reference Manual, "Test Registers".
 */
#include "cpu/toy_board.h"

static struct toy *flat_toy(const char *model)
{
    struct toy *toy = toy_create(model, NULL);
    toy_protected_mode(toy);
    return toy;
}

static void run(struct toy *toy, const u8 *bytes, unsigned length)
{
    memcpy(toy->ram + 0x5000, bytes, length);
    toy->ram[0x5000 + length] = 0xf4; /* hlt */
    cpu_code_written(toy->cpu, 0x5000, length + 1);
    set_rip(toy->cpu, 0x5000);
    CHECK_EQ(cpu_run(toy->cpu, 1000), CPU_EXIT_HALTED);
    CHECK_EQ(toy->cpu->rip, 0x5000 + length + 1);
    toy->cpu->activity = ACTIVITY_ACTIVE;
}
#define RUN(toy, ...) run(toy, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

TEST(test_registers_keep_what_is_written)
{
    struct toy *toy = flat_toy("486");
    toy->cpu->gpr[RAX] = 0x12345678;
    RUN(toy, 0x0f, 0x26, 0xf0, 0x0f, 0x24, 0xf3, 0x0f, 0x24, 0xd9); /* mov tr6, eax; mov ebx, tr6; mov ecx, tr3 */
    CHECK_EQ(toy->cpu->gpr[RBX], 0x12345678);
    CHECK_EQ(toy->cpu->gpr[RCX], 0);
    toy_destroy(toy);
}

TEST(sidt_stores_six_bytes)
{
    struct toy *toy = flat_toy("max");
    toy->cpu->gpr[RAX] = 0x7000;
    poke(toy, 0x7000, ~0ull, 8);
    RUN(toy, 0x0f, 0x01, 0x08);
    CHECK_EQ(peek(toy, 0x7000, 8), 0xffff000000000000 | (u64)TOY_IDT << 16 | 0x7ff);
    toy_destroy(toy);
}

TEST(lfs_loads_offset_and_selector)
{
    struct toy *toy = flat_toy("max");
    toy->cpu->gpr[RAX] = 0x7000;
    poke(toy, 0x7000, 0x12345678, 4);
    poke(toy, 0x7004, TOY_DATA3, 2);
    RUN(toy, 0x0f, 0xb4, 0x08);
    CHECK_EQ(toy->cpu->gpr[RCX], 0x12345678);
    CHECK_EQ(toy->cpu->seg[FS].selector, TOY_DATA3);
    toy_destroy(toy);
}

TEST(pop_fs_takes_a_word_of_a_doubleword)
{
    struct toy *toy = flat_toy("max");
    poke(toy, TOY_STACK0, 0xffff0000 | TOY_DATA3, 4);
    RUN(toy, 0x0f, 0xa1);
    CHECK_EQ(toy->cpu->seg[FS].selector, TOY_DATA3);
    CHECK_EQ(toy->cpu->gpr[RSP], TOY_STACK0 + 4);
    toy_destroy(toy);
}

TEST(ports_by_immediate_have_the_operand_size)
{
    struct toy *toy = flat_toy("max");
    toy->port_value = 0x12345678;
    RUN(toy, 0xe5, 0x80);
    CHECK_EQ(toy->cpu->gpr[RAX], 0x12345678);
    CHECK_EQ(toy->port, 0x80);
    toy->cpu->gpr[RAX] = 0x9abcdef0;
    RUN(toy, 0xe7, 0x81);
    CHECK_EQ(toy->port, 0x81);
    CHECK_EQ(toy->port_value, 0x9abcdef0);
    toy_destroy(toy);
}

TEST(counters_and_caches)
{
    struct toy *toy = flat_toy("max");
    toy->cpu->tsc_aux = 7;
    toy->tsc = toy->tsc + 0x500000000;
    toy->cpu->gpr[RAX] = 0x7000;
    RUN(toy, 0x0f, 0xae, 0x38, 0x0f, 0x08, 0x0f, 0x01, 0xf9); /* clflush [eax]; invd; rdtscp */
    CHECK_EQ(toy->cpu->gpr[RCX], 7);
    CHECK_EQ(toy->cpu->gpr[RDX], 5);
    toy->cpu->gpr[RCX] = 0;
    RUN(toy, 0x0f, 0x33); /* rdpmc: counters that never count */
    CHECK_EQ(toy->cpu->gpr[RAX] | toy->cpu->gpr[RDX], 0);
    toy_destroy(toy);
}

/* SDM vol. 1, 7.3.17: CF = 1, the other flags 0; the numbers follow from the seed. */
TEST(random_numbers_set_cf_and_repeat_with_the_seed)
{
    u64 first[2], second[2];
    for (unsigned i = 0; i < 2; i++) {
        struct toy *toy = flat_toy("max");
        cpu_seed_random(toy->cpu, 42);
        toy->cpu->rflags |= FLAG_ZF | FLAG_OF;
        RUN(toy, 0x0f, 0xc7, 0xf0, 0x0f, 0xc7, 0xf9); /* rdrand eax; rdseed ecx */
        first[i] = toy->cpu->gpr[RAX];
        second[i] = toy->cpu->gpr[RCX];
        CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH, FLAG_CF);
        toy_destroy(toy);
    }
    CHECK_EQ(first[0], first[1]);
    CHECK_EQ(second[0], second[1]);
    CHECK(first[0] != second[0]);
}

/* XSAVE, XSAVEOPT, XSAVEC of x87 and SSE state, and XRSTOR of each: what was saved comes back. */
TEST(extended_state_survives_saving_and_restoring)
{
    static const u8 codes[3][3] = {{0x0f, 0xae, 0x23}, {0x0f, 0xae, 0x33}, {0x0f, 0xc7, 0x23}};
    for (unsigned i = 0; i < 3; i++) {
        struct toy *toy = flat_toy("max");
        struct cpu *cpu = toy->cpu;
        cpu->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
        cpu->gpr[RAX] = 3;
        cpu->gpr[RDX] = 0;                                        /* the signature since RESET */
        RUN(toy, 0x0f, 0x01, 0xd1, 0x31, 0xc0, 0x0f, 0x01, 0xd0); /* xsetbv; xor eax, eax; xgetbv */
        CHECK_EQ(cpu->gpr[RAX], 3);
        RUN(toy, 0xdb, 0xe3, 0xd9, 0xeb); /* fninit; fldpi */
        cpu->vec[3].q[0] = 0x1111;
        cpu->vec[3].q[1] = 0x2222;
        cpu->gpr[RBX] = 0x7000;
        run(toy, codes[i], 3);
        CHECK_EQ(peek(toy, 0x7200, 8), 3); /* XSTATE_BV */
        CHECK_EQ(peek(toy, 0x7208, 8), i == 2 ? 0x8000000000000003 : 0);
        RUN(toy, 0xdb, 0xe3);
        cpu->vec[3].q[0] = cpu->vec[3].q[1] = 0;
        RUN(toy, 0x0f, 0xae, 0x2b);
        CHECK_EQ(cpu->vec[3].q[0], 0x1111);
        CHECK_EQ(cpu->vec[3].q[1], 0x2222);
        CHECK_EQ(cpu->fpu.top, 7);
        CHECK_EQ(cpu->fpu.reg[7].mantissa, 0xc90fdaa22168c235);
        toy_destroy(toy);
    }
}

/* SDM vol. 1, 13.7: components that are not requested stay as they are in memory and in the processor. */
TEST(xrstor_of_a_component_not_in_xstate_bv_makes_it_initial)
{
    struct toy *toy = flat_toy("max");
    struct cpu *cpu = toy->cpu;
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    cpu->xcr0 = 3;
    cpu->vec[0].q[0] = 5;
    cpu->mxcsr = 0x1fa0;
    cpu->gpr[RAX] = 2;
    cpu->gpr[RBX] = 0x7000;
    poke(toy, 0x7018, 0x1f80, 4);
    RUN(toy, 0xdb, 0xe3, 0xd9, 0xe8, 0x0f, 0xae,
        0x2b); /* fninit; fld1; xrstor [ebx] of SSE alone, from an area that has none */
    CHECK_EQ(cpu->vec[0].q[0], 0);
    CHECK_EQ(cpu->mxcsr, 0x1f80);
    CHECK(cpu->fpu.top == 7);
    toy_destroy(toy);
}

TEST(invpcid_works_in_32_bit_code)
{
    struct toy *toy = flat_toy("max");
    toy->cpu->gpr[RAX] = 0x7000;
    toy->cpu->gpr[RCX] = 2;
    RUN(toy, 0x66, 0x0f, 0x38, 0x82, 0x08);
    toy_destroy(toy);
}

TEST(stac_and_clac_set_and_clear_ac)
{
    struct toy *toy = flat_toy("max");
    RUN(toy, 0x0f, 0x01, 0xcb);
    CHECK(toy->cpu->rflags & FLAG_AC);
    RUN(toy, 0x0f, 0x01, 0xca);
    CHECK(!(toy->cpu->rflags & FLAG_AC));
    toy_destroy(toy);
}

/* Machine check: CR4.MCE may be set, there are no banks, and the P5's registers are empty. */
TEST(machine_check_registers_report_nothing)
{
    struct toy *toy = flat_toy("pentium2");
    u64 value = 1;
    CHECK_NO_FAULT(toy->cpu, cr4_write(toy->cpu, CR4_MCE));
    CHECK(msr_read(toy->cpu, 0x179, &value)); /* MCG_CAP */
    CHECK_EQ(value, 0);
    CHECK(msr_read(toy->cpu, 1, &value));
    CHECK_EQ(value, 0);
    CHECK(!msr_read(toy->cpu, 0x400, &value)); /* MC0_CTL */
    CHECK(msr_write(toy->cpu, 0x17a, 0));
    CHECK(!msr_write(toy->cpu, 0x17a, 8));
    toy_destroy(toy);
}

UNIT_MAIN()
