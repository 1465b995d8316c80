#include "devices/i8254.h"

#include "devices/port61.h"
#include "devices/testbench.h"

static struct bench bench;
static struct i8254 pit;
static struct port61 port61;
static u64 origin; /* tick that the test counts from */

static void out(u16 port, u8 value)
{
    bench_out(&bench, port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, port);
}

static void start(void)
{
    bench_open(&bench);
    struct irq irq = bench_wire(&bench);
    i8254_init(&pit, bench.machine, &irq);
    port61_init(&port61, bench.machine, &pit);
    bench_wait(&bench, 12345678);
    bench.rises = 0;
}

static void stop(void)
{
    bench_close(&bench);
}

static void at_tick(u64 tick)
{
    bench_until(&bench, clock_ticks_to_ns(origin + tick, I8254_HZ));
}

/* From a tick boundary, so that tests count exactly: the count is in the counting element at tick 1. */
static void program(int channel, u8 control, u16 count)
{
    origin = clock_ticks(bench.machine->clock, I8254_HZ) + 1;
    at_tick(0);
    out(0x43, channel << 6 | control);
    if (control & 0x10)
        out(0x40 + channel, count & 0xff);
    if (control & 0x20)
        out(0x40 + channel, count >> 8);
}

static u16 in_both(int channel)
{
    u8 low = in(0x40 + channel);
    return low | in(0x40 + channel) << 8;
}

static u16 latched(int channel)
{
    out(0x43, channel << 6);
    return in_both(channel);
}

TEST(mode_0_raises_out_n_plus_1_clocks_after_the_count_was_written)
{
    start();
    program(0, 0x30, 1000);
    CHECK(!bench.level);
    at_tick(1000);
    CHECK(!bench.level);
    at_tick(1001);
    CHECK(bench.level);
    CHECK_EQ(bench.rises, 1);
    at_tick(200000);
    CHECK(bench.level); /* it stays up while the counter wraps */
    CHECK_EQ(bench.rises, 1);
    stop();
}

TEST(mode_0_counts_down_one_a_clock_and_wraps)
{
    start();
    program(0, 0x30, 1000);
    at_tick(1);
    CHECK_EQ(latched(0), 1000);
    at_tick(301);
    CHECK_EQ(latched(0), 700);
    at_tick(1011);
    CHECK_EQ(latched(0), 0xfff6);
    stop();
}

TEST(mode_0_first_byte_stops_counting_and_lowers_out)
{
    start();
    program(0, 0x30, 10);
    at_tick(20);
    CHECK(bench.level);
    out(0x40, 0x10);
    CHECK(!bench.level);
    at_tick(5000);
    CHECK(!bench.level);
    out(0x40, 0x00);
    at_tick(5017);
    CHECK(bench.level);
    stop();
}

TEST(mode_0_counts_only_while_gate_is_high)
{
    start();
    program(2, 0x30, 100); /* gate 2 is low after reset */
    at_tick(1000);
    CHECK(!(in(0x61) & 0x20));
    out(0x61, 0x01);
    at_tick(1050);
    out(0x61, 0x00);
    CHECK_EQ(latched(2), 50);
    at_tick(2000);
    CHECK_EQ(latched(2), 50);
    out(0x61, 0x01);
    at_tick(2049);
    CHECK(!(in(0x61) & 0x20));
    at_tick(2050);
    CHECK(in(0x61) & 0x20);
    stop();
}

TEST(mode_1_gives_one_pulse_a_trigger)
{
    start();
    program(2, 0x32, 50);
    at_tick(10);
    CHECK(i8254_out(&pit, 2));
    out(0x61, 0x01);
    at_tick(12);
    CHECK(!i8254_out(&pit, 2));
    at_tick(60);
    CHECK(!i8254_out(&pit, 2));
    at_tick(61);
    CHECK(i8254_out(&pit, 2));
    out(0x61, 0x00);
    out(0x61, 0x01);
    at_tick(70);
    CHECK(!i8254_out(&pit, 2));
    stop();
}

TEST(mode_2_interrupts_every_n_clocks_without_drift)
{
    start();
    program(0, 0x34, 11932); /* 100 Hz */
    CHECK_EQ(bench.rises, 0);
    at_tick(1 + 11932);
    CHECK_EQ(bench.rises, 1);
    at_tick(1 + 1000 * 11932ull - 1);
    CHECK_EQ(bench.rises, 999);
    at_tick(1 + 1000 * 11932ull);
    CHECK_EQ(bench.rises, 1000);
    stop();
}

TEST(mode_2_lowers_out_for_the_last_clock_and_reloads)
{
    start();
    out(0x61, 0x01);
    program(2, 0x34, 100);
    at_tick(1);
    CHECK_EQ(latched(2), 100);
    at_tick(99);
    CHECK(i8254_out(&pit, 2));
    CHECK_EQ(latched(2), 2);
    at_tick(100);
    CHECK(!i8254_out(&pit, 2));
    CHECK_EQ(latched(2), 1);
    at_tick(101);
    CHECK(i8254_out(&pit, 2));
    CHECK_EQ(latched(2), 100);
    stop();
}

TEST(mode_2_takes_a_new_count_at_the_end_of_the_cycle)
{
    start();
    program(0, 0x34, 1000);
    at_tick(500);
    out(0x40, 200), out(0x40, 0);
    at_tick(1000);
    CHECK_EQ(bench.rises, 0);
    at_tick(1001);
    CHECK_EQ(bench.rises, 1);
    at_tick(1201);
    CHECK_EQ(bench.rises, 2);
    at_tick(1401);
    CHECK_EQ(bench.rises, 3);
    stop();
}

TEST(count_0_is_65536)
{
    start();
    program(0, 0x34, 0);
    at_tick(65536);
    CHECK_EQ(bench.rises, 0);
    at_tick(65537);
    CHECK_EQ(bench.rises, 1);
    stop();
}

TEST(mode_3_is_high_for_the_first_half_and_counts_by_two)
{
    start();
    out(0x61, 0x01);
    program(2, 0x36, 100);
    at_tick(1);
    CHECK_EQ(latched(2), 100);
    at_tick(11);
    CHECK_EQ(latched(2), 80);
    at_tick(50);
    CHECK(i8254_out(&pit, 2));
    at_tick(51);
    CHECK(!i8254_out(&pit, 2));
    CHECK_EQ(latched(2), 100);
    at_tick(101);
    CHECK(i8254_out(&pit, 2));
    stop();
}

TEST(mode_3_with_odd_count_is_high_one_clock_longer)
{
    start();
    out(0x61, 0x01);
    program(2, 0x36, 5);
    for (int i = 0; i < 15; i++) {
        at_tick(1 + i);
        CHECK_EQ(i8254_out(&pit, 2), i % 5 < 3);
    }
    stop();
}

TEST(mode_3_takes_a_new_count_at_the_end_of_the_half_cycle)
{
    start();
    out(0x61, 0x01);
    program(2, 0x36, 100);
    at_tick(10);
    out(0x42, 20), out(0x42, 0);
    at_tick(50);
    CHECK(i8254_out(&pit, 2));
    at_tick(51);
    CHECK(!i8254_out(&pit, 2));
    at_tick(60);
    CHECK(!i8254_out(&pit, 2));
    at_tick(61);
    CHECK(i8254_out(&pit, 2));
    at_tick(71);
    CHECK(!i8254_out(&pit, 2));
    stop();
}

TEST(mode_3_interrupts_once_a_cycle)
{
    start();
    program(0, 0x36, 0);
    at_tick(1 + 18 * 65536ull);
    CHECK_EQ(bench.rises, 18);
    stop();
}

TEST(low_gate_of_mode_3_raises_out_and_its_edge_starts_a_new_cycle)
{
    start();
    out(0x61, 0x01);
    program(2, 0x36, 100);
    at_tick(60);
    CHECK(!i8254_out(&pit, 2));
    out(0x61, 0x00);
    CHECK(i8254_out(&pit, 2));
    at_tick(200);
    out(0x61, 0x01);
    at_tick(250);
    CHECK(i8254_out(&pit, 2));
    at_tick(251);
    CHECK(!i8254_out(&pit, 2));
    stop();
}

TEST(mode_4_strobes_once_n_plus_1_clocks_after_writing)
{
    start();
    program(0, 0x38, 1000);
    CHECK(bench.level);
    at_tick(1001);
    CHECK(!i8254_out(&pit, 0));
    at_tick(1002);
    CHECK_EQ(bench.rises, 1);
    at_tick(300000);
    CHECK_EQ(bench.rises, 1);
    stop();
}

TEST(mode_5_strobes_after_a_trigger)
{
    start();
    program(2, 0x3a, 30);
    at_tick(500);
    CHECK(i8254_out(&pit, 2));
    out(0x61, 0x01);
    at_tick(530);
    CHECK(i8254_out(&pit, 2));
    at_tick(531);
    CHECK(!i8254_out(&pit, 2));
    at_tick(532);
    CHECK(i8254_out(&pit, 2));
    stop();
}

TEST(bcd_counts_in_decimal)
{
    start();
    program(0, 0x31, 0x1000);
    at_tick(2);
    CHECK_EQ(latched(0), 0x0999);
    at_tick(1001);
    CHECK(bench.level);
    at_tick(1002);
    CHECK_EQ(latched(0), 0x9999);
    stop();
}

TEST(latch_holds_until_read_and_ignores_a_second_latch)
{
    start();
    program(0, 0x34, 50000);
    at_tick(101);
    out(0x43, 0x00);
    at_tick(201);
    out(0x43, 0x00);
    CHECK_EQ(in_both(0), 49900);
    CHECK_EQ(latched(0), 49800);
    stop();
}

TEST(read_back_latches_status_and_count_and_gives_status_first)
{
    start();
    program(0, 0x34, 1000);
    at_tick(101);
    out(0x43, 0xc2);          /* count and status of counter 0 */
    CHECK_EQ(in(0x40), 0xb4); /* OUT, RW = 11, mode 2 */
    CHECK_EQ(in_both(0), 900);
    stop();
}

TEST(null_count_is_set_until_the_counter_is_loaded)
{
    start();
    program(0, 0x34, 1000);
    out(0x43, 0xe2);
    CHECK_EQ(in(0x40) & 0x40, 0x40);
    at_tick(1);
    out(0x43, 0xe2);
    CHECK_EQ(in(0x40) & 0x40, 0);
    out(0x40, 1), out(0x40, 1);
    out(0x43, 0xe2);
    CHECK_EQ(in(0x40) & 0x40, 0x40);
    at_tick(1001);
    out(0x43, 0xe2);
    CHECK_EQ(in(0x40) & 0x40, 0);
    stop();
}

TEST(one_byte_access_sets_and_reads_that_half)
{
    start();
    program(0, 0x24, 0x1200); /* high byte only */
    at_tick(1 + 0x1200);
    CHECK_EQ(bench.rises, 1);
    out(0x43, 0x00);
    CHECK_EQ(in(0x40), 0x12);
    program(0, 0x14, 0x34); /* low byte only */
    bench.rises = 0;
    at_tick(1 + 0x34);
    CHECK_EQ(bench.rises, 1);
    stop();
}

TEST(idle_counter_arms_no_timer)
{
    start();
    program(1, 0x34, 18);
    program(2, 0x36, 1000);
    CHECK(!timer_armed(&pit.timer));
    program(0, 0x30, 100);
    at_tick(200);
    CHECK(!timer_armed(&pit.timer));
    stop();
}

TEST(refresh_bit_of_port_61_toggles_every_18_clocks)
{
    start();
    u64 now = clock_ticks(bench.machine->clock, I8254_HZ);
    origin = now - now % 18;
    at_tick(36);
    u8 first = in(0x61) & 0x10;
    at_tick(53);
    CHECK_EQ(in(0x61) & 0x10, first);
    at_tick(54);
    CHECK_EQ(in(0x61) & 0x10, first ^ 0x10);
    stop();
}

UNIT_MAIN()
