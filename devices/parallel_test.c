#include "devices/parallel.h"

#include "devices/testbench.h"

static struct bench bench;
static struct parallel lpt;
static char printed[16];
static size_t length, accepts;

static size_t print(struct chardev *chr, const u8 *data, size_t n)
{
    n = MIN(n, accepts);
    memcpy(printed + length, data, n);
    length += n;
    accepts -= n;
    return n;
}

static const struct chardev_ops ops = {.name = "printer", .write = print};
static struct chardev printer = {.ops = &ops};

static void out(u16 port, u8 value)
{
    bench_out(&bench, 0x378 + port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, 0x378 + port);
}

static void start(struct chardev *chr)
{
    bench_open(&bench);
    struct irq irq = bench_wire(&bench);
    length = 0;
    accepts = sizeof(printed);
    parallel_init(&lpt, bench.machine, 0x378, &irq, chr, "lpt1");
}

static void stop(void)
{
    bench_close(&bench);
}

static void strobe(u8 byte)
{
    out(0, byte);
    out(2, 0x1d);
    out(2, 0x1c);
}

TEST(data_and_control_read_back)
{
    start(&printer);
    out(0, 0xaa);
    CHECK_EQ(in(0), 0xaa);
    CHECK_EQ(in(2), 0xcc);
    stop();
}

TEST(strobe_prints_and_ack_pulses_the_interrupt)
{
    start(&printer);
    out(2, 0x1c);
    bench.rises = 0;
    CHECK_EQ(in(1), 0xd8);
    strobe('A');
    CHECK_EQ(printed[0], 'A');
    CHECK_EQ(bench.rises, 0);
    CHECK_EQ(in(1) & 0x40, 0);
    CHECK_EQ(in(1), 0xd8);
    CHECK_EQ(bench.rises, 1);
    stop();
}

TEST(ack_is_seen_behind_the_strobe_however_late_and_ends_by_itself)
{
    start(&printer);
    out(2, 0x1c);
    bench.rises = 0;
    out(2, 0x1d);
    CHECK_EQ(in(1) & 0x40, 0); /* the strobe is still there */
    bench_wait(&bench, 1000000);
    out(2, 0x1c);
    CHECK_EQ(in(1) & 0x40, 0);
    strobe('B');
    bench_wait(&bench, NS_PER_SEC);
    CHECK_EQ(bench.rises, 2);
    CHECK_EQ(in(1), 0xd8);
    stop();
}

TEST(busy_until_the_back_end_takes_the_character)
{
    start(&printer);
    accepts = 0;
    strobe('B');
    CHECK_EQ(in(1) & 0x80, 0);
    accepts = 1;
    printer.user.writable(printer.user.opaque);
    CHECK_EQ(in(1) & 0x80, 0x80);
    CHECK_EQ(printed[0], 'B');
    stop();
}

TEST(no_printer_reads_busy_and_out_of_paper)
{
    start(NULL);
    CHECK_EQ(in(1), 0x78);
    strobe('C');
    CHECK_EQ(in(1), 0x78);
    stop();
}

UNIT_MAIN()
