/*
 * String instructions: order of overlapping copies, page borders, TOY_MMIO, faults in the middle of REP, instruction
 * counting, and the block functions of the bus.  Rules from Intel SDM vol. 2, REP and the instructions' pages.
 */
#include "cpu/op.h"
#include "tests/toy_board.h"
#include "tests/unit.h"

#define CODE 0x1000u
#define TABLES 0x8000u /* page directory, then one page table */
#define USED (1u << 20)

static struct cpu *cpu;

/* `code`, followed by HLT, at CODE; the rest of RAM has a pattern. */
static void prepare(const void *code, unsigned length)
{
    if (cpu)
        cpu_destroy(cpu);
    cpu = toy_cpu("pentium3");
    for (unsigned i = 0; i < USED; i++)
        toy.ram[i] = i * 7 + (i >> 8);
    memcpy(toy.ram + CODE, code, length);
    toy.ram[CODE + length] = 0xf4;
    toy_enter_flat32(cpu, CODE);
    cpu->gpr[RSP] = 0x7000;
}
#define PREPARE(...)                                                                                                   \
    do {                                                                                                               \
        static const u8 code[] = {__VA_ARGS__};                                                                        \
        prepare(code, sizeof(code));                                                                                   \
    } while (0)

static void set(u32 si, u32 di, u32 cx)
{
    cpu->gpr[RSI] = si;
    cpu->gpr[RDI] = di;
    cpu->gpr[RCX] = cx;
}

static void run(void)
{
    CHECK_EQ(cpu_run(cpu, 1 << 20), CPU_EXIT_HALTED);
}

/* What REP MOVS does, one element after the other. */
static void model_movs(u8 *memory, u32 si, u32 di, u32 count, unsigned size, bool down)
{
    for (u32 i = 0; i < count; i++) {
        u8 element[8];
        i64 at = down ? -(i64)(i * size) : (i64)(i * size);
        memcpy(element, memory + si + at, size);
        memcpy(memory + di + at, element, size);
    }
}

static void check_movs(u32 si, u32 di, u32 count, unsigned size, bool down)
{
    static u8 expected[USED];
    if (size == 1)
        PREPARE(0xf3, 0xa4);
    else if (size == 2)
        PREPARE(0xf3, 0x66, 0xa5);
    else
        PREPARE(0xf3, 0xa5);
    memcpy(expected, toy.ram, USED);
    model_movs(expected, si, di, count, size, down);
    set(si, di, count);
    cpu->rflags |= down ? FLAG_DF : 0;
    run();
    CHECK(!memcmp(toy.ram, expected, USED));
    CHECK_EQ(cpu->gpr[RCX], 0);
    CHECK_EQ(cpu->gpr[RSI], si + (down ? -count * size : count * size));
    CHECK_EQ(cpu->gpr[RDI], di + (down ? -count * size : count * size));
    CHECK_EQ(cpu_instructions(cpu), count + 1);
}

TEST(rep_movs_copies_element_by_element_whatever_overlaps)
{
    static const u32 distances[] = {1, 2, 3, 4, 5, 8, 17, 64, 100, 1000, 4096, 5000};
    for (unsigned size = 1; size <= 4; size *= 2)
        for (unsigned down = 0; down < 2; down++)
            for (unsigned i = 0; i < ARRAY_SIZE(distances); i++) {
                check_movs(0x20123, 0x20123 + distances[i], 700, size, down);
                check_movs(0x20123 + distances[i], 0x20123, 700, size, down);
            }
}

TEST(rep_movs_crosses_pages_with_elements_on_the_border)
{
    for (unsigned down = 0; down < 2; down++)
        for (u32 i = 0; i < 5; i++) {
            check_movs(0x30ffd + i, 0x60ff0, 3000, 4, down);
            check_movs(0x30ff0, 0x60ffd + i, 3000, 4, down);
        }
}

TEST(rep_with_count_zero_does_nothing)
{
    PREPARE(0xf3, 0xa4, 0xf3, 0xa6);
    cpu->rflags |= FLAG_ZF | FLAG_CF;
    set(0x20000, TOY_MMIO, 0);
    run();
    CHECK_EQ(toy.single_accesses, 0);
    CHECK_EQ(cpu->gpr[RSI], 0x20000);
    CHECK_EQ(cpu->rflags & FLAGS_ARITH, FLAG_ZF | FLAG_CF);
}

TEST(each_iteration_counts_as_an_instruction_and_the_budget_is_exact)
{
    PREPARE(0xf3, 0xaa);
    set(0, 0x20000, 10000);
    CHECK_EQ(cpu_run(cpu, 5001), CPU_EXIT_BUDGET);
    CHECK_EQ(cpu->gpr[RCX], 10000 - 5001);
    CHECK_EQ(cpu->rip, CODE);
    CHECK_EQ(cpu_instructions(cpu), 5001);
    CHECK_EQ(cpu_run(cpu, 4999), CPU_EXIT_BUDGET);
    CHECK_EQ(cpu->gpr[RCX], 0);
    CHECK_EQ(cpu->rip, CODE + 2);
    CHECK_EQ(cpu_instructions(cpu), 10000);
}

TEST(rep_stos_fills_with_the_whole_element)
{
    PREPARE(0xf3, 0xab);
    set(0, 0x20ffe, 1500);
    cpu->gpr[RAX] = 0x44332211;
    run();
    for (unsigned i = 0; i < 6000; i++)
        CHECK_EQ(toy.ram[0x20ffe + i], 0x11 * (i % 4 + 1));
}

TEST(repne_scas_stops_behind_the_match)
{
    PREPARE(0xf2, 0xae);
    memset(toy.ram + 0x20000, 1, 9000);
    toy.ram[0x20000 + 5000] = 0;
    set(0, 0x20000, 9000);
    run();
    CHECK_EQ(cpu->gpr[RDI], 0x20000 + 5001);
    CHECK_EQ(cpu->gpr[RCX], 9000 - 5001);
    CHECK(cpu->rflags & FLAG_ZF);
    CHECK_EQ(cpu_instructions(cpu), 5002);
}

TEST(repe_cmps_stops_behind_the_difference_and_compares_source_with_destination)
{
    for (unsigned down = 0; down < 2; down++)
        for (unsigned at = 0; at < 40; at++) {
            PREPARE(0xf3, 0xa6);
            memset(toy.ram + 0x20000, 5, 4096);
            memset(toy.ram + 0x30000, 5, 4096);
            toy.ram[down ? 0x20fff - at : 0x20000 + at] = 4;
            set(down ? 0x20fff : 0x20000, down ? 0x30fff : 0x30000, 4096);
            cpu->rflags |= down ? FLAG_DF : 0;
            run();
            CHECK_EQ(cpu->gpr[RCX], 4096 - at - 1);
            CHECK_EQ(cpu->rflags & FLAGS_ARITH, FLAG_CF | FLAG_SF | FLAG_AF | FLAG_PF); /* 4 - 5 = ff */
        }
}

TEST(equal_strings_leave_zf_set_and_the_counter_empty)
{
    PREPARE(0xf3, 0xa7);
    memcpy(toy.ram + 0x30002, toy.ram + 0x20001, 8000);
    set(0x20001, 0x30002, 2000);
    run();
    CHECK_EQ(cpu->gpr[RCX], 0);
    CHECK(cpu->rflags & FLAG_ZF);
}

TEST(registers_get_one_access_for_each_element)
{
    PREPARE(0xf3, 0x66, 0xa5);
    set(0x20000, TOY_MMIO, 100);
    run();
    CHECK_EQ(toy.single_accesses, 100);
    CHECK(!memcmp(toy.registers, toy.ram + 0x20000, 200));
}

TEST(sixteen_bit_addresses_wrap)
{
    PREPARE(0x67, 0xf3, 0xaa);
    set(0, 0x12340000 | 0xfff0, 0x56780000 | 0x20);
    cpu->gpr[RAX] = 0x99;
    run();
    CHECK_EQ(toy.ram[0xffff], 0x99);
    CHECK_EQ(toy.ram[0xf], 0x99);
    CHECK_EQ(cpu->gpr[RDI], 0x12340010);
    CHECK_EQ(cpu->gpr[RCX], 0x56780000);
}

TEST(segment_override_applies_to_the_source_only)
{
    PREPARE(0x64, 0xf3, 0xa4);
    cpu->seg[FS].base = 0x10000;
    cpu_state_changed(cpu);
    set(0x20000, 0x50000, 64);
    run();
    CHECK(!memcmp(toy.ram + 0x50000, toy.ram + 0x30000, 64));
}

TEST(rep_ins_and_outs_use_block_transfers)
{
    PREPARE(0xf3, 0x66, 0x6d);
    for (unsigned i = 0; i < sizeof(toy.port_data); i++)
        toy.port_data[i] = i * 3;
    set(0, 0x20f00, 1024);
    run();
    CHECK(!memcmp(toy.ram + 0x20f00, toy.port_data, 2048));
    CHECK_EQ(toy.block_elements, 1024);
    CHECK_EQ(toy.single_accesses, 0);
    PREPARE(0xf3, 0x66, 0x6f);
    set(0x20f00, 0, 1024);
    run();
    CHECK(!memcmp(toy.ram + 0x20f00, toy.port_data, 2048));
    CHECK_EQ(toy.single_accesses, 0);
    CHECK_EQ(toy.block_elements, 1024);
}

/* Identity paging of the first MiB; pages from `hole` on are not present.  No IDT: a fault ends in shutdown. */
static void enable_paging(u32 hole)
{
    u32 *directory = (u32 *)(toy.ram + TABLES), *table = (u32 *)(toy.ram + TABLES + 0x1000);
    memset(directory, 0, 0x2000);
    directory[0] = (TABLES + 0x1000) | 3;
    for (u32 page = 0; page < 256; page++)
        table[page] = page << 12 >= hole ? 0 : page << 12 | 3;
    cpu->cr3 = TABLES;
    cpu->cr0 |= CR0_PG;
    cpu_state_changed(cpu);
}

TEST(a_fault_in_the_middle_leaves_the_finished_part)
{
    PREPARE(0xf3, 0xaa);
    enable_paging(0x22000);
    set(0, 0x20800, 0x3000);
    CHECK_EQ(cpu_run(cpu, 1 << 20), CPU_EXIT_SHUTDOWN);
    CHECK_EQ(cpu->cr2, 0x22000);
    CHECK_EQ(cpu->gpr[RDI], 0x22000);
    CHECK_EQ(cpu->gpr[RCX], 0x3000 - 0x1800);
    CHECK_EQ(cpu->rip, CODE);
    CHECK_EQ(cpu_instructions(cpu), 0x1800);
}

TEST(ins_does_not_read_the_port_when_memory_faults)
{
    PREPARE(0x66, 0x6d);
    enable_paging(0x22000);
    set(0, 0x22000, 0);
    CHECK_EQ(cpu_run(cpu, 1000), CPU_EXIT_SHUTDOWN);
    CHECK_EQ(toy.single_accesses, 0);
    CHECK_EQ(toy.port_at, 0);
}

/* SDM vol. 3B, "Single-Step Exception Condition": after each iteration of a repeated string instruction. */
TEST(trap_flag_traps_after_each_iteration)
{
    PREPARE(0xf3, 0xaa);
    set(0, 0x20000, 10);
    cpu->rflags |= FLAG_TF;
    cpu_state_changed(cpu);
    CHECK_EQ(cpu_run(cpu, 1000), CPU_EXIT_SHUTDOWN);
    CHECK_EQ(cpu->gpr[RCX], 9);
    CHECK_EQ(cpu->rip, CODE);
}

TEST(code_that_rep_stos_overwrites_is_executed_as_written)
{
    PREPARE(0xf3, 0xaa, 0x43, 0x43, 0x43); /* INC EBX becomes NOP */
    set(0, CODE + 2, 3);
    cpu->gpr[RAX] = 0x90;
    cpu->gpr[RBX] = 0;
    run();
    CHECK_EQ(cpu->gpr[RBX], 0);
}

UNIT_MAIN()
