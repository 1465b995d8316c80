#include "devices/debugcon.h"

#include "devices/testbench.h"

static struct bench bench;
static struct debugcon con;
static char text[64];
static size_t length, accepts;

static size_t take(struct chardev *chr, const u8 *data, size_t n)
{
    n = MIN(n, accepts);
    memcpy(text + length, data, n);
    length += n;
    accepts -= n;
    return n;
}

static const struct chardev_ops ops = {.name = "log", .write = take};
static struct chardev chr = {.ops = &ops};

static void start(void)
{
    bench_open(&bench);
    length = 0;
    accepts = sizeof(text);
    debugcon_init(&con, bench.machine, 0x402, &chr);
}

TEST(reads_e9_and_writes_characters)
{
    start();
    CHECK_EQ(bench_in(&bench, 0x402), 0xe9);
    bench_out(&bench, 0x402, 'h');
    bench_out(&bench, 0x402, 'i');
    CHECK_EQ(length, 2);
    CHECK(!memcmp(text, "hi", 2));
    bench_close(&bench);
}

TEST(busy_back_end_gets_the_rest_later_and_in_order)
{
    start();
    accepts = 1;
    bench_out(&bench, 0x402, 'a');
    bench_out(&bench, 0x402, 'b');
    accepts = 10;
    bench_out(&bench, 0x402, 'c');
    CHECK_EQ(length, 1);
    chr.user.writable(chr.user.opaque);
    CHECK(!memcmp(text, "abc", 3));
    bench_close(&bench);
}

UNIT_MAIN()
