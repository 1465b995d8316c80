#include "devices/fpu_irq13.h"

#include "devices/testbench.h"

static struct bench bench;
static struct fpu_irq13 port;
static struct irq ferr;
static bool ignne;

static void set_ignne(void *opaque, int line, bool level)
{
    ignne = level;
}

static void start(void)
{
    bench_open(&bench);
    struct irq irq = bench_wire(&bench);
    fpu_irq13_init(&port, bench.machine, &irq);
    fpu_irq13_connect_ignne(&port, &(struct irq){set_ignne, NULL, 0});
    ferr = fpu_irq13_ferr(&port);
    ignne = false;
}

TEST(error_latches_irq_13_until_port_f0_is_written)
{
    start();
    irq_set(&ferr, true);
    CHECK(bench.level);
    irq_set(&ferr, false);
    CHECK(bench.level);
    bench_out(&bench, 0xf0, 0);
    CHECK(!bench.level);
    CHECK(!ignne);
    bench_close(&bench);
}

TEST(ignne_is_asserted_from_the_write_until_ferr_goes)
{
    start();
    irq_set(&ferr, true);
    CHECK(!ignne);
    bench_out(&bench, 0xf0, 0);
    CHECK(ignne);
    irq_set(&ferr, false);
    CHECK(!ignne);
    irq_set(&ferr, true);
    CHECK_EQ(bench.rises, 2);
    bench_close(&bench);
}

TEST(port_reads_ff)
{
    start();
    CHECK_EQ(bench_in(&bench, 0xf0), 0xff);
    bench_close(&bench);
}

UNIT_MAIN()
