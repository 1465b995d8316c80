/*
 * Decoded code after another engine ran: memory may have changed without a store of this processor, and nothing that was
 * decoded before may be executed if it did.
 *
 * Source: SDM vol. 3A, "Self-Modifying Code", "Cross-Modifying Code": after a serializing instruction the new code is
 *   executed; changing gear is one.
 */
#include "cpu/block.h"
#include "cpu/toy_board.h"

#define CODE(toy, at, ...)                                                                                             \
    do {                                                                                                               \
        static const u8 code_bytes[] = {__VA_ARGS__};                                                                  \
        memcpy((toy)->ram + (at), code_bytes, sizeof(code_bytes));                                                     \
    } while (0)

static struct toy *protected_toy(void)
{
    struct toy *toy = toy_create("pentium3", NULL);
    toy_protected_mode(toy);
    return toy;
}

/* From 0x5000 to HLT; returns EAX, which was 0. */
static u64 run(struct toy *toy)
{
    struct cpu *cpu = toy->cpu;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->gpr[RAX] = 0;
    cpu->gpr[RSP] = TOY_STACK0;
    set_rip(cpu, 0x5000);
    CHECK_EQ(cpu_run(cpu, 1000), CPU_EXIT_HALTED);
    return cpu->gpr[RAX];
}

static void change_gear(struct toy *toy)
{
    cpu_memory_changed(toy->cpu);
    cpu_state_changed(toy->cpu);
}

/* `way`: code at 0x5000 that gets to 0x5800, in the same page: its translation is known by then. */
static void is_decoded_anew(const u8 *way, size_t size)
{
    struct toy *toy = protected_toy();
    memcpy(toy->ram + 0x5000, way, size);
    CODE(toy, 0x5800, 0xb0, 1, 0xf4); /* mov al, 1; hlt */
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(run(toy), 1);
    toy->ram[0x5801] = 2;
    change_gear(toy);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(run(toy), 2);
    toy_destroy(toy);
}
#define IS_DECODED_ANEW(...)                                                                                           \
    do {                                                                                                               \
        static const u8 way_bytes[] = {__VA_ARGS__};                                                                   \
        is_decoded_anew(way_bytes, sizeof(way_bytes));                                                                 \
    } while (0)

TEST(changed_code_is_decoded_anew_behind_a_jump) { IS_DECODED_ANEW(0xe9, 0xfb, 0x07, 0, 0); }
TEST(changed_code_is_decoded_anew_behind_a_call) { IS_DECODED_ANEW(0xe8, 0xfb, 0x07, 0, 0); }
TEST(changed_code_is_decoded_anew_behind_a_return) { IS_DECODED_ANEW(0x68, 0, 0x58, 0, 0, 0xc3); } /* push, ret */
TEST(changed_code_is_decoded_anew_behind_an_indirect_jump) { IS_DECODED_ANEW(0xbb, 0, 0x58, 0, 0, 0xff, 0xe3); }
/* As systems do to serialize: PUSHFD; PUSH CS; PUSH 5800h; IRETD. */
TEST(changed_code_is_decoded_anew_behind_an_iret) { IS_DECODED_ANEW(0x9c, 0x0e, 0x68, 0, 0x58, 0, 0, 0xcf); }

/* A system that patches a call to a function into the function's own instructions: the block before it is as it was. */
TEST(changed_code_is_decoded_anew_behind_an_unchanged_block_that_was_returned_to)
{
    struct toy *toy = protected_toy();
    CODE(toy, 0x5000, 0x68, 0, 0x58, 0, 0, 0xc3);                     /* push 5800h; ret */
    CODE(toy, 0x5800, 0x84, 0xc0, 0x75, 6);                           /* test al, al; jnz 580ah */
    CODE(toy, 0x5804, 0xe8, 0xf7, 0x07, 0, 0, 0x90, 0xf4);            /* call 6000h; nop; hlt */
    CODE(toy, 0x6000, 0xb0, 1, 0xc3);                                 /* mov al, 1; ret */
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(run(toy), 1);
    CODE(toy, 0x5804, 0xb0, 2, 0x0f, 0x1f, 0x40, 0);                  /* mov al, 2; nop of 4 bytes */
    change_gear(toy);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(run(toy), 2);
    toy_destroy(toy);
}

TEST(unchanged_code_stays_decoded)
{
    struct toy *toy = protected_toy();
    CODE(toy, 0x5000, 0xb0, 1, 0xf4);
    run(toy);
    u64 built = toy->cpu->stats.blocks_built;
    for (unsigned i = 0; i < 100; i++) {
        change_gear(toy);
        CHECK_EQ(run(toy), 1);
    }
    CHECK_EQ(toy->cpu->stats.blocks_built, built);
    toy_destroy(toy);
}

/* However long a block has not been used: keys have room for some thousand changes. */
TEST(no_change_is_ever_long_ago)
{
    struct toy *toy = protected_toy();
    CODE(toy, 0x5000, 0xb0, 1, 0xf4);
    run(toy);
    toy->ram[0x5001] = 2;
    for (u64 i = 0; i < 1ull << (64 - EPOCH_SHIFT); i++)
        change_gear(toy);
    CHECK_EQ(run(toy), 2);
    toy_destroy(toy);
}

UNIT_MAIN()
