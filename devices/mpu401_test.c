#include "devices/mpu401.h"

#include "devices/testbench.h"

static struct bench bench;
static struct mpu401 mpu;
static u8 sent[16];
static size_t sent_count;

static size_t take(struct chardev *chr, const u8 *data, size_t n)
{
    memcpy(sent + sent_count, data, n);
    sent_count += n;
    return n;
}

static const struct chardev_ops ops = {.name = "log", .write = take};
static struct chardev chr = {.ops = &ops};

static void start(void)
{
    bench_open(&bench);
    sent_count = 0;
    mpu401_init(&mpu, bench.machine, 0x330, &(struct irq){bench_set_wire, &bench, 0}, &chr);
}

TEST(reset_and_uart_mode_are_acknowledged)
{
    start();
    CHECK_EQ(bench_in(&bench, 0x331) & 0xc0, 0x80);
    bench_out(&bench, 0x331, 0xff);
    CHECK(bench.level);
    CHECK_EQ(bench_in(&bench, 0x331) & 0xc0, 0x00);
    CHECK_EQ(bench_in(&bench, 0x330), 0xfe);
    CHECK(!bench.level);
    bench_out(&bench, 0x331, 0x3f);
    CHECK_EQ(bench_in(&bench, 0x330), 0xfe);
    bench_out(&bench, 0x331, 0xff); /* leaves UART mode without a word */
    CHECK_EQ(bench_in(&bench, 0x331) & 0x80, 0x80);
    bench_close(&bench);
}

TEST(bytes_pass_in_uart_mode_only)
{
    static const u8 note[] = {0x90, 60, 127};
    start();
    bench_out(&bench, 0x330, 0x90);
    CHECK_EQ(sent_count, 0);
    bench_out(&bench, 0x331, 0x3f);
    bench_in(&bench, 0x330);
    for (int i = 0; i < 3; i++)
        bench_out(&bench, 0x330, note[i]);
    CHECK_EQ(sent_count, 3);
    CHECK(!memcmp(sent, note, 3));
    CHECK_EQ(chr.user.room(chr.user.opaque), sizeof(mpu.in));
    chr.user.receive(chr.user.opaque, note, 3);
    CHECK(bench.level);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(bench_in(&bench, 0x330), note[i]);
    CHECK(!bench.level);
    bench_close(&bench);
}

UNIT_MAIN()
