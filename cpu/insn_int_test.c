/*
 * PUSHA, POPA, ENTER, BOUND, CMPXCHG8B and decimal adjustment.  Rules and examples from Intel SDM vol. 2.
 */
#include "cpu/op.h"
#include "tests/toy_board.h"
#include "tests/unit.h"

#define CODE 0x1000u
#define STACK 0x7000u

static struct cpu *cpu;

static void prepare(const void *code, unsigned length)
{
    if (cpu)
        cpu_destroy(cpu);
    cpu = toy_cpu("pentium3");
    memcpy(toy.ram + CODE, code, length);
    toy.ram[CODE + length] = 0xf4;
    toy_enter_flat32(cpu, CODE);
    for (enum gpr reg = RAX; reg <= RDI; reg++)
        cpu->gpr[reg] = 0x11111111u * (reg + 1);
    cpu->gpr[RSP] = STACK;
}
#define PREPARE(...)                                                                                                   \
    do {                                                                                                               \
        static const u8 code[] = {__VA_ARGS__};                                                                        \
        prepare(code, sizeof(code));                                                                                   \
    } while (0)

static void run(void)
{
    CHECK_EQ(cpu_run(cpu, 1000), CPU_EXIT_HALTED);
}

static u32 dword(u32 at)
{
    u32 value;
    memcpy(&value, toy.ram + at, 4);
    return value;
}

static void set_dword(u32 at, u32 value)
{
    memcpy(toy.ram + at, &value, 4);
}

TEST(pusha_pushes_the_old_stack_pointer_and_popa_skips_it)
{
    PREPARE(0x60);
    run();
    CHECK_EQ(cpu->gpr[RSP], STACK - 32);
    CHECK_EQ(dword(STACK - 4), 0x11111111);
    CHECK_EQ(dword(STACK - 20), STACK);
    CHECK_EQ(dword(STACK - 32), 0x88888888);
    PREPARE(0x60, 0xb8, 1, 0, 0, 0, 0x31, 0xf6, 0x61); /* changes EAX and ESI in between */
    run();
    CHECK_EQ(cpu->gpr[RSP], STACK);
    CHECK_EQ(cpu->gpr[RAX], 0x11111111);
    CHECK_EQ(cpu->gpr[RSI], 0x77777777);
}

TEST(enter_without_nesting_makes_a_frame)
{
    PREPARE(0xc8, 0x20, 0x00, 0x00);
    run();
    CHECK_EQ(dword(STACK - 4), 0x66666666);
    CHECK_EQ(cpu->gpr[RBP], STACK - 4);
    CHECK_EQ(cpu->gpr[RSP], STACK - 4 - 0x20);
}

TEST(enter_copies_the_frame_pointers_of_outer_levels)
{
    PREPARE(0xc8, 0x08, 0x00, 0x03);
    cpu->gpr[RBP] = 0x6000;
    set_dword(0x6000 - 4, 0xaaaa);
    set_dword(0x6000 - 8, 0xbbbb);
    run();
    CHECK_EQ(dword(STACK - 4), 0x6000);
    CHECK_EQ(dword(STACK - 8), 0xaaaa);
    CHECK_EQ(dword(STACK - 12), 0xbbbb);
    CHECK_EQ(dword(STACK - 16), STACK - 4);
    CHECK_EQ(cpu->gpr[RBP], STACK - 4);
    CHECK_EQ(cpu->gpr[RSP], STACK - 16 - 8);
}

static enum cpu_exit bound(i32 index, i32 lower, i32 upper)
{
    PREPARE(0x62, 0x05, 0x00, 0x20, 0x00, 0x00); /* bound eax, [0x2000] */
    cpu->gpr[RAX] = (u32)index;
    set_dword(0x2000, lower);
    set_dword(0x2004, upper);
    return cpu_run(cpu, 100);
}

TEST(bound_compares_signed_with_both_limits_inclusive)
{
    CHECK_EQ(bound(-5, -5, 7), CPU_EXIT_HALTED);
    CHECK_EQ(bound(7, -5, 7), CPU_EXIT_HALTED);
    CHECK_EQ(bound(8, -5, 7), CPU_EXIT_SHUTDOWN);
    CHECK_EQ(bound(-6, -5, 7), CPU_EXIT_SHUTDOWN);
}

TEST(cmpxchg8b_exchanges_when_equal_and_loads_when_not)
{
    PREPARE(0x0f, 0xc7, 0x0d, 0x00, 0x20, 0x00, 0x00);
    set_dword(0x2000, 0x11111111);
    set_dword(0x2004, 0x33333333); /* EDX:EAX */
    run();
    CHECK(cpu->rflags & FLAG_ZF);
    CHECK_EQ(dword(0x2000), 0x44444444);
    CHECK_EQ(dword(0x2004), 0x22222222);
    PREPARE(0x0f, 0xc7, 0x0d, 0x00, 0x20, 0x00, 0x00);
    set_dword(0x2000, 0x12345678);
    set_dword(0x2004, 0x9abcdef0);
    run();
    CHECK(!(cpu->rflags & FLAG_ZF));
    CHECK_EQ(cpu->gpr[RAX], 0x12345678);
    CHECK_EQ(cpu->gpr[RDX], 0x9abcdef0);
    CHECK_EQ(dword(0x2000), 0x12345678);
}

/* SDM, DAA: "ADD AL, BL; DAA" with AL = 79H, BL = 35H gives 14H and CF, AF. */
TEST(daa_gives_the_manual_s_example)
{
    PREPARE(0x00, 0xd8, 0x27);
    cpu->gpr[RAX] = 0x79;
    cpu->gpr[RBX] = 0x35;
    run();
    CHECK_EQ(cpu->gpr[RAX], 0x14);
    CHECK_EQ(cpu->rflags & (FLAG_CF | FLAG_AF), FLAG_CF | FLAG_AF);
}

/* SDM, DAS: "SUB AL, BL; DAS" with AL = 35H, BL = 47H gives 88H and CF, AF. */
TEST(das_gives_the_manual_s_example)
{
    PREPARE(0x28, 0xd8, 0x2f);
    cpu->gpr[RAX] = 0x35;
    cpu->gpr[RBX] = 0x47;
    run();
    CHECK_EQ(cpu->gpr[RAX], 0x88);
    CHECK_EQ(cpu->rflags & (FLAG_CF | FLAG_AF), FLAG_CF | FLAG_AF);
}

TEST(aam_by_zero_is_a_divide_error)
{
    PREPARE(0xd4, 0x00);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_SHUTDOWN);
    CHECK_EQ(cpu->gpr[RAX], 0x11111111);
}

TEST(in_and_out_transfer_the_operand_size)
{
    PREPARE(0xe4, 0x60, 0x66, 0xed, 0xef); /* in al,0x60; in ax,dx; out dx,eax */
    memcpy(toy.port_data, "\x5a\x34\x12", 3);
    run();
    CHECK_EQ(cpu->gpr[RAX], 0x11111234);
    CHECK(!memcmp(toy.port_data + 3, "\x34\x12\x11\x11", 4));
}

UNIT_MAIN()
