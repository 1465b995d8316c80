#include "devices/i8259.h"

#include "devices/testbench.h"

static struct bench bench;
static struct i8259 pic;

static void out(u16 port, u8 value)
{
    bench_out(&bench, port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, port);
}
static int ack(void)
{
    return i8259_acknowledge(&pic);
}

static void raise_irq(int irq)
{
    struct irq wire = i8259_irq(&pic, irq);
    irq_set(&wire, true);
}

static void lower_irq(int irq)
{
    struct irq wire = i8259_irq(&pic, irq);
    irq_set(&wire, false);
}

/* The AT's initialisation: master at 08h, slave at 70h on IR2, 8086 mode; `icw4` adds bits to it. */
static void start(u8 icw4)
{
    bench_open(&bench);
    struct irq intr = bench_wire(&bench);
    i8259_init(&pic, bench.machine, &intr);
    static const u8 master[] = {0x08, 0x04}, slave[] = {0x70, 0x02};
    out(0x20, 0x11), out(0xa0, 0x11);
    for (int i = 0; i < 2; i++)
        out(0x21, master[i]), out(0xa1, slave[i]);
    out(0x21, 0x01 | icw4), out(0xa1, 0x01);
}

static void stop(void)
{
    bench_close(&bench);
}

TEST(edge_raises_int_and_gives_its_vector)
{
    start(0);
    raise_irq(3);
    CHECK(bench.level);
    CHECK_EQ(in(0x20), 0x08); /* IRR */
    CHECK_EQ(ack(), 0x0b);
    CHECK(!bench.level);
    CHECK_EQ(in(0x20), 0x00);
    out(0x20, 0x0b); /* OCW3: read ISR */
    CHECK_EQ(in(0x20), 0x08);
    out(0x20, 0x20);
    CHECK_EQ(in(0x20), 0x00);
    stop();
}

TEST(held_edge_input_interrupts_only_once)
{
    start(0);
    raise_irq(3);
    ack();
    out(0x20, 0x20);
    raise_irq(3);
    CHECK(!bench.level);
    lower_irq(3);
    raise_irq(3);
    CHECK(bench.level);
    stop();
}

TEST(request_that_falls_before_inta_is_lost)
{
    start(0);
    raise_irq(5);
    lower_irq(5);
    CHECK(!bench.level);
    CHECK_EQ(ack(), 0x0f); /* default IR7 */
    out(0x20, 0x0b);
    CHECK_EQ(in(0x20), 0x00); /* and ISR bit 7 is not set */
    stop();
}

TEST(masked_request_waits_for_its_mask)
{
    start(0);
    out(0x21, 0x10);
    raise_irq(4);
    CHECK(!bench.level);
    CHECK_EQ(in(0x21), 0x10);
    out(0x21, 0x00);
    CHECK(bench.level);
    stop();
}

TEST(lower_level_waits_for_eoi_and_higher_one_does_not)
{
    start(0);
    raise_irq(3);
    ack();
    raise_irq(4);
    CHECK(!bench.level);
    raise_irq(1);
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x09);
    out(0x20, 0x20); /* non-specific EOI ends IRQ 1, the highest in service */
    CHECK(!bench.level);
    out(0x20, 0x63); /* specific EOI of IRQ 3 */
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x0c);
    stop();
}

TEST(slave_request_comes_through_ir2_with_the_slaves_vector)
{
    start(0);
    raise_irq(12);
    CHECK_EQ(ack(), 0x74);
    out(0xa0, 0x0b), out(0x20, 0x0b);
    CHECK_EQ(in(0xa0), 0x10);
    CHECK_EQ(in(0x20), 0x04);
    raise_irq(3); /* lower than IR2 */
    CHECK(!bench.level);
    out(0xa0, 0x20), out(0x20, 0x20);
    CHECK_EQ(ack(), 0x0b);
    stop();
}

TEST(two_slave_requests_are_served_one_after_the_other)
{
    start(0);
    raise_irq(14);
    raise_irq(8);
    CHECK_EQ(ack(), 0x70);
    CHECK(!bench.level);
    out(0xa0, 0x20), out(0x20, 0x20);
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x76);
    stop();
}

TEST(special_fully_nested_master_lets_a_higher_slave_input_in)
{
    start(0x10);
    raise_irq(14);
    CHECK_EQ(ack(), 0x76);
    raise_irq(8);
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x70);
    stop();
}

TEST(normal_master_holds_a_higher_slave_input_back)
{
    start(0);
    raise_irq(14);
    CHECK_EQ(ack(), 0x76);
    raise_irq(8);
    CHECK(!bench.level);
    stop();
}

TEST(level_input_asks_again_until_it_falls)
{
    start(0);
    out(0x4d1, 0x08); /* IRQ 11 */
    raise_irq(11);
    CHECK_EQ(ack(), 0x73);
    out(0xa0, 0x20), out(0x20, 0x20);
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x73);
    lower_irq(11);
    out(0xa0, 0x20), out(0x20, 0x20);
    CHECK(!bench.level);
    stop();
}

TEST(elcr_keeps_system_inputs_edge_triggered)
{
    start(0);
    out(0x4d0, 0xff), out(0x4d1, 0xff);
    CHECK_EQ(in(0x4d0), 0xf8); /* not 0, 1, 2 */
    CHECK_EQ(in(0x4d1), 0xde); /* not 8, 13 */
    stop();
}

TEST(automatic_eoi_leaves_nothing_in_service)
{
    start(0x02);
    raise_irq(3);
    CHECK_EQ(ack(), 0x0b);
    out(0x20, 0x0b);
    CHECK_EQ(in(0x20), 0x00);
    raise_irq(4);
    CHECK(bench.level);
    stop();
}

TEST(rotation_on_eoi_makes_the_served_input_the_lowest)
{
    start(0);
    raise_irq(3);
    ack();
    out(0x20, 0xa0); /* rotate on non-specific EOI: 3 is lowest, 4 highest */
    raise_irq(1);
    raise_irq(5);
    CHECK_EQ(ack(), 0x0d);
    stop();
}

TEST(set_priority_rotates_without_eoi)
{
    start(0);
    out(0x20, 0xc5); /* 5 is lowest, 6 highest */
    raise_irq(0);
    raise_irq(6);
    CHECK_EQ(ack(), 0x0e);
    stop();
}

TEST(rotation_in_automatic_eoi_mode)
{
    start(0x02);
    out(0x20, 0x80);
    raise_irq(0);
    ack();
    lower_irq(0);
    raise_irq(0);
    raise_irq(1);
    CHECK_EQ(ack(), 0x09); /* 0 has become the lowest */
    stop();
}

TEST(special_mask_mode_enables_all_but_the_masked_level)
{
    start(0);
    raise_irq(3);
    ack();
    out(0x21, 0x08);
    out(0x20, 0x68);
    raise_irq(6);
    CHECK(bench.level);
    CHECK_EQ(ack(), 0x0e);
    out(0x20, 0x20); /* the masked ISR bit is not the one that a non-specific EOI ends */
    out(0x20, 0x0b);
    CHECK_EQ(in(0x20), 0x08);
    stop();
}

TEST(poll_reads_the_level_and_puts_it_in_service)
{
    start(0);
    out(0x20, 0x0c);
    CHECK_EQ(in(0x20) & 0x80, 0);
    raise_irq(6);
    out(0x20, 0x0c);
    CHECK_EQ(in(0x20), 0x86);
    CHECK(!bench.level);
    out(0x20, 0x0b);
    CHECK_EQ(in(0x20), 0x40);
    stop();
}

TEST(icw1_forgets_edges_masks_and_service)
{
    start(0);
    raise_irq(3);
    ack();
    raise_irq(1);
    out(0x21, 0xff);
    out(0x20, 0x11);
    out(0x21, 0x20), out(0x21, 0x04), out(0x21, 0x01);
    CHECK_EQ(in(0x21), 0x00);
    CHECK_EQ(in(0x20), 0x00);
    CHECK(!bench.level);
    lower_irq(1), raise_irq(1);
    CHECK_EQ(ack(), 0x21);
    stop();
}

UNIT_MAIN()
