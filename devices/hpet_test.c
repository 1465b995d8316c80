#include "devices/hpet.h"

#include "devices/testbench.h"

enum { CAPABILITIES = 0x00, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, T0 = 0x100, T1 = 0x120, T2 = 0x140 };
enum { CONF = 0, COMPARATOR = 8 };
enum { ENABLE = 1, LEGACY = 2 };
enum { LEVEL = 2, INT_ENABLE = 4, PERIODIC = 8, SET_VALUE = 0x40, MODE32 = 0x100, PIN20 = 20 << 9, PIN21 = 21 << 9 };

#define TICK_NS (NS_PER_SEC / HPET_HZ)

static struct bench bench;
static struct hpet hpet;
enum { IRQ0 = 32, IRQ8, REPLACE };
static bool levels[35];
static int rises[35];

static void set_wire(void *opaque, int line, bool level)
{
    rises[line] += level && !levels[line];
    levels[line] = level;
}

static u64 get(unsigned reg)
{
    return memory_load(bench.machine->memory, HPET_BASE + reg, 8);
}
static void set(unsigned reg, u64 value)
{
    memory_store(bench.machine->memory, HPET_BASE + reg, value, 8);
}
static void set32(unsigned reg, u32 value)
{
    memory_store(bench.machine->memory, HPET_BASE + reg, value, 4);
}
static void wait_ticks(u64 ticks)
{
    bench_wait(&bench, ticks * TICK_NS);
}

static void start(void)
{
    struct irq wires[35];
    bench_open(&bench);
    memset(levels, 0, sizeof(levels));
    memset(rises, 0, sizeof(rises));
    for (int i = 0; i < 35; i++)
        wires[i] = (struct irq){set_wire, NULL, i};
    hpet_init(&hpet, bench.machine, &wires[IRQ0], &wires[IRQ8], &wires[REPLACE], wires);
}

static void stop(void)
{
    bench_close(&bench);
}

TEST(capabilities_tell_three_64_bit_timers_and_the_period_in_femtoseconds)
{
    start();
    CHECK_EQ(get(CAPABILITIES) >> 32, 10000000);
    CHECK_EQ(get(CAPABILITIES) & 0xffffffff, 0x8086a201);
    CHECK_EQ(get(T0) & 0x30, 0x30); /* periodic, 64 bits */
    CHECK_EQ(get(T0) >> 32, 0x00f00000);
    CHECK_EQ(get(T0) & 0x8000, 0); /* no FSB delivery */
    stop();
}

TEST(counter_stands_until_enabled_and_can_be_set_while_halted)
{
    start();
    wait_ticks(100);
    CHECK_EQ(get(COUNTER), 0);
    set(COUNTER, 1000);
    set(CONFIG, ENABLE);
    wait_ticks(100);
    CHECK_EQ(get(COUNTER), 1100);
    set(CONFIG, 0);
    wait_ticks(100);
    CHECK_EQ(get(COUNTER), 1100);
    stop();
}

TEST(halves_of_a_register_are_read_and_written_apart)
{
    start();
    set32(COUNTER + 4, 0x12);
    set32(COUNTER, 0x34);
    CHECK_EQ(get(COUNTER), 0x1200000034);
    CHECK_EQ(memory_load(bench.machine->memory, HPET_BASE + COUNTER + 4, 4), 0x12);
    stop();
}

TEST(one_shot_interrupts_when_counter_meets_comparator)
{
    start();
    set(T0 + CONF, INT_ENABLE | PIN20);
    set(T0 + COMPARATOR, 500);
    set(CONFIG, ENABLE);
    wait_ticks(499);
    CHECK_EQ(rises[20], 0);
    wait_ticks(1);
    CHECK_EQ(rises[20], 1);
    wait_ticks(100000);
    CHECK_EQ(rises[20], 1);
    stop();
}

TEST(edge_stays_until_the_next_so_that_a_slow_8259_sees_it)
{
    start();
    set(T0 + CONF, INT_ENABLE);
    set(T0 + COMPARATOR, 500);
    set(CONFIG, ENABLE | LEGACY);
    wait_ticks(500);
    CHECK(levels[IRQ0]);
    set(T0 + COMPARATOR, 700);
    wait_ticks(200);
    CHECK_EQ(rises[IRQ0], 2);
    stop();
}

TEST(comparator_of_32_bits_meets_the_counter_every_turn)
{
    start();
    set(T0 + CONF, INT_ENABLE | PIN20 | MODE32);
    set(COUNTER, 0xffffff00);
    set(T0 + COMPARATOR, 0x10);
    set(CONFIG, ENABLE);
    wait_ticks(0x110);
    CHECK_EQ(rises[20], 1);
    wait_ticks(0x100000000);
    CHECK_EQ(rises[20], 2);
    stop();
}

TEST(periodic_timer_adds_its_period)
{
    start();
    set(T0 + CONF, INT_ENABLE | PIN20 | PERIODIC | SET_VALUE);
    set(T0 + COMPARATOR, 300); /* the accumulator */
    set(T0 + COMPARATOR, 100); /* the period */
    set(CONFIG, ENABLE);
    wait_ticks(299);
    CHECK_EQ(rises[20], 0);
    wait_ticks(1);
    CHECK_EQ(rises[20], 1);
    CHECK_EQ(get(T0 + COMPARATOR), 400);
    wait_ticks(1000);
    CHECK_EQ(rises[20], 11);
    stop();
}

TEST(level_interrupt_holds_its_wire_until_status_is_written)
{
    start();
    set(T2 + CONF, INT_ENABLE | PIN21 | LEVEL);
    set(T2 + COMPARATOR, 100);
    set(CONFIG, ENABLE);
    wait_ticks(100);
    CHECK(levels[21]);
    CHECK_EQ(get(STATUS), 4);
    set(STATUS, 3);
    CHECK(levels[21]);
    set(STATUS, 4);
    CHECK(!levels[21]);
    CHECK_EQ(get(STATUS), 0);
    stop();
}

TEST(disabled_level_interrupt_sets_status_only)
{
    start();
    set(T2 + CONF, PIN21 | LEVEL);
    set(T2 + COMPARATOR, 100);
    set(CONFIG, ENABLE);
    wait_ticks(100);
    CHECK_EQ(get(STATUS), 4);
    CHECK(!levels[21]);
    stop();
}

TEST(legacy_replacement_takes_irq_0_and_8)
{
    start();
    set(T0 + CONF, INT_ENABLE | PIN20);
    set(T1 + CONF, INT_ENABLE | PIN21);
    set(T0 + COMPARATOR, 100);
    set(T1 + COMPARATOR, 200);
    set(CONFIG, ENABLE | LEGACY);
    CHECK(levels[REPLACE]);
    wait_ticks(200);
    CHECK_EQ(rises[IRQ0], 1);
    CHECK_EQ(rises[IRQ8], 1);
    CHECK_EQ(rises[20] + rises[21], 0);
    set(CONFIG, 0);
    CHECK(!levels[REPLACE]);
    CHECK(!levels[IRQ0]);
    stop();
}

TEST(route_without_capability_goes_nowhere)
{
    start();
    set(T0 + CONF, INT_ENABLE | 5 << 9);
    set(T0 + COMPARATOR, 100);
    set(CONFIG, ENABLE);
    wait_ticks(200);
    for (int i = 0; i < 34; i++)
        CHECK_EQ(rises[i], 0);
    stop();
}

TEST(reset_halts_and_releases_all_wires)
{
    start();
    set(T0 + CONF, INT_ENABLE | PIN20);
    set(T0 + COMPARATOR, 100);
    set(CONFIG, ENABLE);
    wait_ticks(100);
    CHECK(levels[20]);
    hpet_ops.reset(&hpet);
    CHECK(!levels[20]);
    CHECK_EQ(get(CONFIG), 0);
    CHECK_EQ(get(COUNTER), 0);
    CHECK_EQ(get(T0 + COMPARATOR), UINT64_MAX);
    stop();
}

UNIT_MAIN()
