#include "devices/port92.h"

#include "devices/testbench.h"

static struct bench bench;
static struct a20 a20;
static struct port92 port;
static int gate;

static void set_a20(void *opaque, bool on)
{
    gate = on;
}

static void start(void)
{
    bench_open(&bench);
    gate = -1;
    bench.machine->set_a20 = set_a20;
    a20_init(&a20, bench.machine);
    port92_init(&port, bench.machine, &a20);
}

TEST(bit_1_is_the_a20_gate)
{
    start();
    CHECK_EQ(bench_in(&bench, 0x92), 0x02);
    bench_out(&bench, 0x92, 0x00);
    CHECK_EQ(gate, 0);
    CHECK_EQ(bench_in(&bench, 0x92), 0x00);
    bench_out(&bench, 0x92, 0x02);
    CHECK_EQ(gate, 1);
    bench_close(&bench);
}

TEST(what_the_8042_does_reads_back)
{
    start();
    a20_set(&a20, false);
    CHECK_EQ(bench_in(&bench, 0x92), 0x00);
    bench_close(&bench);
}

TEST(only_the_rising_edge_of_bit_0_resets)
{
    start();
    bench_out(&bench, 0x92, 0x03);
    CHECK_EQ(bench.machine->event, EVENT_RESET);
    CHECK(!strcmp(bench.machine->event_text, "port 92"));
    bench.machine->event = EVENT_NONE;
    bench_out(&bench, 0x92, 0x03);
    CHECK_EQ(bench.machine->event, EVENT_NONE);
    bench_close(&bench);
}

TEST(reset_opens_the_gate)
{
    start();
    bench_out(&bench, 0x92, 0x00);
    device_reset_all(&bench.machine->devices);
    CHECK_EQ(gate, 1);
    CHECK_EQ(bench_in(&bench, 0x92), 0x02);
    bench_close(&bench);
}

UNIT_MAIN()
