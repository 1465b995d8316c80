#include "devices/gameport.h"

#include "devices/testbench.h"

static struct bench bench;
static struct gameport port;

static void start(void)
{
    bench_open(&bench);
    gameport_init(&port, bench.machine);
}

static void hold(i16 x, i16 y, unsigned buttons)
{
    const i16 axes[INPUT_JOYSTICK_AXES] = {x, y, 0, 0};
    input_joystick_set(&bench.machine->input, axes, buttons);
}

/* "Time = 24.2 us + 0.011 (r) us", r from 0 to 100 kilohms. */
TEST(one_shots_last_as_long_as_the_sticks_resistance_says)
{
    start();
    hold(-32768, 32767, 0);
    bench_out(&bench, 0x201, 0);
    CHECK_EQ(bench_in(&bench, 0x201), 0xff);
    bench_wait(&bench, 24100);
    CHECK_EQ(bench_in(&bench, 0x201), 0xff);
    bench_wait(&bench, 200);
    CHECK_EQ(bench_in(&bench, 0x201) & 3, 2);
    bench_until(&bench, 1124100);
    CHECK_EQ(bench_in(&bench, 0x201) & 3, 2);
    bench_wait(&bench, 200);
    CHECK_EQ(bench_in(&bench, 0x201), 0xf0);
    bench_close(&bench);
}

/* The middle of the stick is the middle of the resistor. */
TEST(a_centred_stick_is_at_50_kilohms)
{
    start();
    hold(0, 0, 0);
    bench_out(&bench, 0x201, 0xff);
    bench_wait(&bench, 574100);
    CHECK_EQ(bench_in(&bench, 0x201) & 15, 15);
    bench_wait(&bench, 200);
    CHECK_EQ(bench_in(&bench, 0x201) & 15, 0);
    bench_close(&bench);
}

/* 574.2 us are 765.6 bus cycles of 750 ns. */
TEST(a_read_takes_a_bus_cycle_at_least)
{
    int reads = 1;
    start();
    hold(0, 0, 0);
    bench_out(&bench, 0x201, 0xff);
    while (bench_in(&bench, 0x201) & 1 && reads < 10000)
        reads++;
    CHECK_EQ(reads, 766);
    bench_close(&bench);
}

TEST(a_pressed_button_reads_0)
{
    start();
    hold(0, 0, 0x5);
    CHECK_EQ(bench_in(&bench, 0x201) & 0xf0, 0xa0);
    hold(0, 0, 0xf);
    CHECK_EQ(bench_in(&bench, 0x201) & 0xf0, 0x00);
    bench_close(&bench);
}

TEST(without_a_joystick_a_started_one_shot_never_ends)
{
    start();
    CHECK_EQ(bench_in(&bench, 0x201), 0xf0);
    bench_out(&bench, 0x201, 0);
    bench_wait(&bench, NS_PER_SEC);
    CHECK_EQ(bench_in(&bench, 0x201), 0xff);
    hold(0, 0, 0);
    input_joystick_set(&bench.machine->input, NULL, 0);
    bench_out(&bench, 0x201, 0);
    bench_wait(&bench, NS_PER_SEC);
    CHECK_EQ(bench_in(&bench, 0x201), 0xff);
    bench_close(&bench);
}

UNIT_MAIN()
