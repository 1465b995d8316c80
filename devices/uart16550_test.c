#include "devices/uart16550.h"

#include "devices/testbench.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = 0, FCR = 2 };

static struct bench bench;
static struct uart16550 uart;

/* The far end: takes up to `accepts` more characters, and has `input` to give. */
static struct {
    struct chardev chr;
    char sent[256];
    size_t length, accepts;
    const char *input;
    bool in_break;
} far_end;

static size_t far_write(struct chardev *chr, const u8 *data, size_t length)
{
    size_t n = MIN(length, far_end.accepts);
    memcpy(far_end.sent + far_end.length, data, n);
    far_end.length += n;
    far_end.accepts -= n;
    return n;
}

static void far_break(struct chardev *chr, bool on)
{
    far_end.in_break = on;
}

static void far_give(struct chardev *chr)
{
    size_t n = far_end.input ? strlen(far_end.input) : 0, room = chr->user.room(chr->user.opaque);
    n = MIN(n, room);
    if (!n)
        return;
    const char *data = far_end.input;
    far_end.input += n;
    chr->user.receive(chr->user.opaque, (const u8 *)data, n);
}

static const struct chardev_ops far_ops = {
    .name = "far",
    .write = far_write,
    .set_break = far_break,
    .accept_input = far_give,
};

static void out(int reg, u8 value)
{
    bench_out(&bench, 0x3f8 + reg, value);
}
static u8 in(int reg)
{
    return bench_in(&bench, 0x3f8 + reg);
}

/* 115200 baud, 8N1: a character takes 86806 ns. */
static void start(u8 fcr)
{
    bench_open(&bench);
    struct irq irq = bench_wire(&bench);
    memset(&far_end, 0, sizeof(far_end));
    far_end.chr.ops = &far_ops;
    far_end.accepts = sizeof(far_end.sent);
    uart16550_init(&uart, bench.machine, 0x3f8, &irq, &far_end.chr, "com1");
    out(LCR, 0x80);
    out(0, 1), out(1, 0);
    out(LCR, 0x03);
    out(FCR, fcr);
}

static void stop(void)
{
    bench_close(&bench);
}

static void type(const char *text)
{
    far_end.input = text;
    far_give(&far_end.chr);
}

TEST(reset_values_are_those_of_the_datasheet)
{
    start(0);
    device_reset_all(&bench.machine->devices);
    CHECK_EQ(in(IER), 0x00);
    CHECK_EQ(in(IIR), 0x01);
    CHECK_EQ(in(LCR), 0x00);
    CHECK_EQ(in(MCR), 0x00);
    CHECK_EQ(in(LSR), 0x60);
    CHECK_EQ(in(MSR), 0xb0);
    stop();
}

TEST(divisor_latch_hides_behind_dlab)
{
    start(0);
    out(LCR, 0x83);
    out(0, 0x34), out(1, 0x12);
    CHECK_EQ(in(0), 0x34);
    CHECK_EQ(in(1), 0x12);
    out(LCR, 0x03);
    CHECK_EQ(in(IER), 0x00);
    out(SCR, 0xa5);
    CHECK_EQ(in(SCR), 0xa5);
    CHECK_EQ(far_end.length, 0);
    stop();
}

TEST(fifo_enable_shows_in_iir_and_gates_the_other_fcr_bits)
{
    start(0xc0);
    CHECK_EQ(in(IIR), 0x01);
    out(FCR, 0xc7);
    CHECK_EQ(in(IIR), 0xc1);
    stop();
}

TEST(characters_go_out_in_order)
{
    start(0x01);
    for (const char *p = "hello"; *p; p++)
        out(THR, *p);
    CHECK_EQ(far_end.length, 5);
    CHECK(!memcmp(far_end.sent, "hello", 5));
    CHECK_EQ(in(LSR), 0x60);
    stop();
}

TEST(enabling_the_thre_interrupt_with_thr_empty_asserts_it)
{
    start(0);
    out(IER, 0x02);
    CHECK(bench.level);
    CHECK_EQ(in(IIR), 0x02);
    CHECK(!bench.level); /* reading IIR took it away */
    CHECK_EQ(in(IIR), 0x01);
    out(IER, 0x00);
    out(IER, 0x02);
    CHECK_EQ(in(IIR), 0x02); /* Linux tests a chip by this */
    stop();
}

TEST(thre_interrupt_follows_each_character)
{
    start(0);
    out(IER, 0x02);
    in(IIR);
    out(THR, 'x');
    CHECK(!bench.level);
    bench_wait(&bench, 10000);
    CHECK(bench.level);
    out(THR, 'y');
    CHECK(!bench.level); /* so does writing THR */
    bench_wait(&bench, 10000);
    CHECK_EQ(in(IIR), 0x02);
    stop();
}

TEST(busy_back_end_holds_thre_down_and_loses_nothing)
{
    start(0x01);
    out(IER, 0x02);
    in(IIR);
    far_end.accepts = 2;
    for (int i = 0; i < 16; i++)
        out(THR, 'a' + i);
    CHECK_EQ(in(LSR), 0x00);
    bench_wait(&bench, NS_PER_SEC);
    CHECK(!bench.level);
    far_end.accepts = 100;
    far_end.chr.user.writable(far_end.chr.user.opaque);
    CHECK_EQ(in(LSR), 0x60);
    bench_wait(&bench, 10000);
    CHECK(bench.level);
    CHECK_EQ(far_end.length, 16);
    CHECK(!memcmp(far_end.sent, "abcdefghijklmnop", 16));
    stop();
}

TEST(received_character_interrupts_until_it_is_read)
{
    start(0);
    out(IER, 0x01);
    type("A");
    CHECK(bench.level);
    CHECK_EQ(in(LSR), 0x61);
    CHECK_EQ(in(IIR), 0x04);
    CHECK_EQ(in(RBR), 'A');
    CHECK(!bench.level);
    CHECK_EQ(in(LSR), 0x60);
    stop();
}

TEST(without_fifo_input_waits_for_the_guest_and_none_is_lost)
{
    start(0);
    out(IER, 0x01);
    type("abc");
    bench_wait(&bench, 10 * NS_PER_SEC); /* a slow reader */
    CHECK_EQ(in(RBR), 'a');
    CHECK_EQ(in(RBR), 'b');
    CHECK(!(in(LSR)&0x01)); /* and no faster than the line */
    bench_wait(&bench, 86806);
    CHECK_EQ(in(LSR), 0x61);
    CHECK_EQ(in(RBR), 'c');
    CHECK_EQ(bench.rises, 3);
    stop();
}

TEST(fifo_interrupts_at_its_trigger_level)
{
    start(0x41); /* 4 bytes */
    out(IER, 0x01);
    type("123");
    CHECK(!bench.level);
    bench_wait(&bench, 3 * 86806);
    type("4");
    CHECK(bench.level);
    CHECK_EQ(in(IIR), 0xc4);
    CHECK_EQ(in(RBR), '1');
    CHECK(!bench.level);
    stop();
}

TEST(characters_below_the_trigger_time_out_after_four_character_times)
{
    start(0xc1); /* 14 bytes */
    out(IER, 0x01);
    type("ab");
    bench_wait(&bench, 4 * 86805 - 1);
    CHECK(!bench.level);
    bench_wait(&bench, 10);
    CHECK(bench.level);
    CHECK_EQ(in(IIR), 0xcc);
    CHECK_EQ(in(RBR), 'a');
    CHECK_EQ(in(IIR), 0xc1); /* reading starts the time anew */
    bench_wait(&bench, 4 * 86806);
    CHECK_EQ(in(IIR), 0xcc);
    CHECK_EQ(in(RBR), 'b');
    bench_wait(&bench, NS_PER_SEC);
    CHECK(!bench.level);
    stop();
}

TEST(long_input_comes_at_line_speed_and_whole)
{
    start(0x81); /* 8 bytes */
    static char text[201], got[201];
    for (int i = 0; i < 200; i++)
        text[i] = 'A' + i % 26;
    out(IER, 0x01);
    type(text);
    u64 began = bench.now;
    int n = 0;
    while (n < 200 && bench.now < NS_PER_SEC) {
        bench_wait(&bench, 20000);
        while (bench.level && in(LSR)&1 && n < 200)
            got[n++] = in(RBR);
    }
    CHECK(!memcmp(got, text, 200));
    CHECK(bench.now - began >= (200 - 16) * 86805ull);
    CHECK(bench.now - began <= 230 * 86806ull);
    stop();
}

TEST(line_status_outranks_data_thre_and_modem_status)
{
    start(0);
    out(IER, 0x0f);
    type("a");
    far_end.chr.user.event(far_end.chr.user.opaque, CHAR_BREAK);
    out(MCR, 0x10); /* loopback: the modem inputs fall */
    CHECK_EQ(in(IIR), 0x06);
    CHECK_EQ(in(LSR)&0x1e, 0x1a); /* BI, FE, and OE for the character it ran over */
    CHECK_EQ(in(IIR), 0x04);
    in(RBR);
    CHECK_EQ(in(IIR), 0x02);
    CHECK_EQ(in(IIR), 0x00);
    CHECK_EQ(in(MSR)&0x0f, 0x0b);
    CHECK_EQ(in(IIR), 0x01);
    CHECK(!bench.level);
    stop();
}

TEST(break_in_the_fifo_shows_when_it_reaches_the_top)
{
    start(0x01);
    type("a");
    far_end.chr.user.event(far_end.chr.user.opaque, CHAR_BREAK);
    CHECK_EQ(in(LSR), 0xe1); /* an error somewhere in the FIFO */
    CHECK_EQ(in(RBR), 'a');
    CHECK_EQ(in(LSR), 0xf9);
    CHECK_EQ(in(LSR), 0x61);
    CHECK_EQ(in(RBR), 0);
    stop();
}

TEST(set_break_reaches_the_far_end)
{
    start(0);
    out(LCR, 0x43);
    CHECK(far_end.in_break);
    out(LCR, 0x03);
    CHECK(!far_end.in_break);
    stop();
}

TEST(loopback_returns_data_and_modem_outputs)
{
    start(0x01);
    out(MCR, 0x1a);               /* RTS, OUT2 */
    CHECK_EQ(in(MSR)&0xf0, 0x90); /* CTS, DCD: how Linux finds a UART */
    out(MCR, 0x15);
    CHECK_EQ(in(MSR)&0xf0, 0x60);
    out(THR, 'q');
    CHECK_EQ(in(RBR), 'q');
    CHECK_EQ(far_end.length, 0);
    type("x");
    CHECK(!(in(LSR)&1)); /* SIN is disconnected */
    out(MCR, 0x03);
    CHECK_EQ(in(RBR), 'x');
    stop();
}

TEST(loopback_overruns_a_full_fifo)
{
    start(0x01);
    out(MCR, 0x10);
    for (int i = 0; i < 17; i++)
        out(THR, i);
    CHECK_EQ(in(LSR)&0x02, 0x02);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(in(RBR), i);
    CHECK(!(in(LSR)&1));
    stop();
}

TEST(ring_indicator_counts_only_when_it_falls)
{
    start(0);
    out(MCR, 0x1f);
    in(MSR);
    out(MCR, 0x1b);
    CHECK_EQ(in(MSR)&0x0f, 0x04);
    out(MCR, 0x1f);
    CHECK_EQ(in(MSR)&0x0f, 0x00);
    stop();
}

TEST(fcr_clears_the_receive_fifo)
{
    start(0x01);
    type("abc");
    out(FCR, 0x03);
    CHECK_EQ(in(LSR), 0x60);
    stop();
}

TEST(word_length_cuts_looped_back_characters)
{
    start(0);
    out(LCR, 0x02); /* 7 bits */
    out(MCR, 0x10);
    out(THR, 0xc1);
    CHECK_EQ(in(RBR), 0x41);
    stop();
}

TEST(back_end_gets_all_eight_bits_before_the_guest_sets_a_word_length)
{
    start(0);
    out(LCR, 0);
    out(THR, 0x61);
    CHECK_EQ((u8)far_end.sent[0], 0x61);
    stop();
}

UNIT_MAIN()
