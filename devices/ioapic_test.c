#include "devices/ioapic.h"

#include "devices/testbench.h"

#define LAPIC_EOI 0xfee000b0u
#define LAPIC_SVR 0xfee000f0u

static struct bench bench;
static struct lapics apics;
static struct ioapic ioapic;
static bool intr;
static int nmis;

static void drive(void *opaque, int cpu, enum cpu_pin pin, int value)
{
    if (pin == CPU_PIN_INTR)
        intr = value;
    else if (pin == CPU_PIN_NMI)
        nmis++;
}

static u32 get(u8 reg)
{
    memory_store(bench.machine->memory, 0xfec00000, reg, 4);
    return memory_load(bench.machine->memory, 0xfec00010, 4);
}

static void set(u8 reg, u32 value)
{
    memory_store(bench.machine->memory, 0xfec00000, reg, 4);
    memory_store(bench.machine->memory, 0xfec00010, value, 4);
}

static void cpu_write(u64 address, u32 value)
{
    bench.machine->current_cpu = 0;
    memory_store(bench.machine->memory, address, value, 4);
    bench.machine->current_cpu = -1;
}

static int ack(void)
{
    return bench.machine->apic->acknowledge(bench.machine->apic_opaque, 0);
}

static void drive_pin(int pin, bool level)
{
    struct irq wire = ioapic_irq(&ioapic, pin);
    irq_set(&wire, level);
}

static void set_entry(int pin, u32 low)
{
    set(0x11 + 2 * pin, 0); /* to APIC 0 */
    set(0x10 + 2 * pin, low);
}

static void start(void)
{
    bench_open(&bench);
    intr = false;
    nmis = 0;
    bench.machine->drive_cpu = drive;
    lapics_init(&apics, bench.machine, 1);
    ioapic_init(&ioapic, bench.machine, &apics);
    cpu_write(LAPIC_SVR, 0x1ff);
}

static void stop(void)
{
    bench_close(&bench);
}

TEST(version_tells_24_entries_all_masked_at_reset)
{
    start();
    CHECK_EQ(get(0x01), 0x00170011);
    for (int pin = 0; pin < 24; pin++) {
        CHECK_EQ(get(0x10 + 2 * pin), 0x10000);
        CHECK_EQ(get(0x11 + 2 * pin), 0);
    }
    stop();
}

TEST(id_is_four_bits_and_loads_the_arbitration_id)
{
    start();
    set(0x00, 0xffffffff);
    CHECK_EQ(get(0x00), 0x0f000000);
    CHECK_EQ(get(0x02), 0x0f000000);
    stop();
}

TEST(status_bits_are_read_only)
{
    start();
    set(0x10, 0xffffffff);
    CHECK_EQ(get(0x10), 0x1afff);
    stop();
}

TEST(rising_edge_sends_once)
{
    start();
    set_entry(4, 0x34);
    drive_pin(4, true);
    CHECK_EQ(ack(), 0x34);
    cpu_write(LAPIC_EOI, 0);
    CHECK(!intr);
    drive_pin(4, false);
    CHECK(!intr);
    drive_pin(4, true);
    CHECK_EQ(ack(), 0x34);
    stop();
}

TEST(edge_on_a_masked_pin_is_lost)
{
    start();
    set_entry(4, 0x10034);
    drive_pin(4, true);
    set_entry(4, 0x34);
    CHECK(!intr);
    stop();
}

TEST(level_is_held_by_remote_irr_until_eoi)
{
    start();
    set_entry(10, 0x803a);
    drive_pin(10, true);
    CHECK_EQ(get(0x10 + 20), 0xc03a);
    CHECK_EQ(ack(), 0x3a);
    drive_pin(10, false);
    drive_pin(10, true);
    CHECK(!intr);
    cpu_write(LAPIC_EOI, 0);
    CHECK(intr); /* still asserted: again */
    CHECK_EQ(ack(), 0x3a);
    drive_pin(10, false);
    cpu_write(LAPIC_EOI, 0);
    CHECK(!intr);
    CHECK_EQ(get(0x10 + 20), 0x803a);
    stop();
}

TEST(unmasked_level_is_seen_at_once)
{
    start();
    set_entry(10, 0x1803a);
    drive_pin(10, true);
    CHECK(!intr);
    set_entry(10, 0x803a);
    CHECK(intr);
    stop();
}

TEST(becoming_an_edge_clears_remote_irr)
{
    start();
    set_entry(10, 0x803a);
    drive_pin(10, true);
    set(0x10 + 20, 0x1003a); /* masked edge and back: an EOI without the local APIC */
    CHECK_EQ(get(0x10 + 20), 0x1003a);
    set(0x10 + 20, 0x803a);
    CHECK_EQ(get(0x10 + 20), 0xc03a);
    stop();
}

TEST(nmi_entry_sends_nmi)
{
    start();
    set_entry(3, 0x400);
    drive_pin(3, true);
    CHECK_EQ(nmis, 1);
    CHECK(!intr);
    stop();
}

TEST(pins_share_a_vector_and_each_waits_for_the_eoi)
{
    start();
    set_entry(9, 0x803a);
    set_entry(10, 0x803a);
    drive_pin(9, true);
    CHECK_EQ(ack(), 0x3a);
    drive_pin(10, true);
    drive_pin(9, false);
    cpu_write(LAPIC_EOI, 0);
    CHECK_EQ(ack(), 0x3a);
    stop();
}

TEST(destination_that_is_not_there_leaves_remote_irr_clear)
{
    start();
    set(0x11 + 20, 0x05000000);
    set(0x10 + 20, 0x803a);
    drive_pin(10, true);
    CHECK_EQ(get(0x10 + 20), 0x803a);
    stop();
}

UNIT_MAIN()
