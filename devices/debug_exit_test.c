#include "devices/debug_exit.h"

#include "devices/testbench.h"

static struct bench bench;
static struct debug_exit port;

TEST(written_value_becomes_an_odd_status)
{
    struct error err;
    bench_open(&bench);
    CHECK_EQ(debug_exit_init(&port, bench.machine, 0xf4, 4, &err), 0);
    ioports_write(bench.machine->ports, 0xf4, 0x10, 4);
    CHECK_EQ(bench.machine->event, EVENT_GUEST_EXIT);
    CHECK_EQ(bench.machine->exit_status, 33);
    bench_close(&bench);
}

TEST(bad_sizes_and_bases_are_refused)
{
    struct error err;
    bench_open(&bench);
    CHECK(debug_exit_init(&port, bench.machine, 0xf4, 3, &err) < 0);
    CHECK(debug_exit_init(&port, bench.machine, 0xffff, 4, &err) < 0);
    CHECK(debug_exit_init(&port, bench.machine, 0x10000, 1, &err) < 0);
    bench_close(&bench);
}

UNIT_MAIN()
