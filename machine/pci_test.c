/*
 * PCI 2.1, "Configuration Space": mechanism #1, header masks, BAR sizing and decoding, INTx wiring.
 */
#include "machine/pci.h"

#include <errno.h>

#include "tests/unit.h"

static u64 zero_read(void *opaque, u64 offset, unsigned size)
{
    return 0x11 * size;
}

static void no_write(void *opaque, u64 offset, u64 value, unsigned size) {}

static const struct bus_ops ops = {zero_read, no_write, 1, 4, NULL, NULL};

struct board {
    struct memory *memory;
    struct ioports *ports;
    struct pci_bus *bus;
    struct pci_device card;
    struct region memory_bar, rom_bar;
    struct port_range io_bar;
    bool pirq[4];
    int changes[4];
};

static void set_pirq(void *opaque, int line, bool level)
{
    struct board *b = opaque;
    b->pirq[line] = level;
    b->changes[line]++;
}

/* A card in slot 3 with 4 KiB of registers (BAR 0), 32 ports (BAR 1) and a 64 KiB ROM, on INTA. */
static void setup(struct board *b)
{
    struct irq pirq[4];
    memset(b, 0, sizeof(*b));
    b->memory = memory_create();
    b->ports = ioports_create();
    b->bus = pci_create(b->memory, b->ports);
    for (int i = 0; i < 4; i++)
        pirq[i] = (struct irq){set_pirq, b, i};
    pci_set_router(b->bus, pirq);
    pci_init(&b->card, "card", 3 << 3, 0x8086, 0x100e, 0x03, 0x020000);
    pci_set_subsystem(&b->card, 0x1af4, 0x1100);
    b->memory_bar = (struct region){.name = "card", .kind = REGION_MMIO, .size = 0x1000, .ops = &ops};
    b->rom_bar = (struct region){.name = "rom", .kind = REGION_MMIO, .size = 0x10000, .ops = &ops};
    b->io_bar = (struct port_range){.name = "card", .ops = &ops};
    b->card.bars[0] = (struct pci_bar){PCI_BAR_MEM, 0x1000, &b->memory_bar, NULL};
    b->card.bars[1] = (struct pci_bar){PCI_BAR_IO, 32, NULL, &b->io_bar};
    b->card.bars[6] = (struct pci_bar){PCI_BAR_ROM, 0x10000, &b->rom_bar, NULL};
    b->card.reset_config[0x3d] = 1;
    CHECK_EQ(pci_add(b->bus, &b->card), 0);
}

static void teardown(struct board *b)
{
    pci_destroy(b->bus);
    ioports_destroy(b->ports);
    memory_destroy(b->memory);
}

static u32 config_in(struct board *b, unsigned slot, unsigned reg)
{
    ioports_write(b->ports, 0xcf8, 0x80000000 | slot << 11 | reg, 4);
    return ioports_read(b->ports, 0xcfc, 4);
}

static void config_out(struct board *b, unsigned slot, unsigned reg, u32 value)
{
    ioports_write(b->ports, 0xcf8, 0x80000000 | slot << 11 | reg, 4);
    ioports_write(b->ports, 0xcfc, value, 4);
}

TEST(config_address_is_latched_by_dwords_only)
{
    struct board b;
    setup(&b);
    ioports_write(b.ports, 0xcf8, 0x80001800, 4);
    ioports_write(b.ports, 0xcf8, 0x12, 1);
    ioports_write(b.ports, 0xcfa, 0x3456, 2);
    CHECK_EQ(ioports_read(b.ports, 0xcf8, 4), 0x80001800);
    CHECK_EQ(ioports_read(b.ports, 0xcf8, 2), 0xffff);
    ioports_write(b.ports, 0xcf8, 0xffffffff, 4); /* reserved bits read 0 */
    CHECK_EQ(ioports_read(b.ports, 0xcf8, 4), 0x80fffffc);
    pci_host_ops.reset(b.bus);
    CHECK_EQ(ioports_read(b.ports, 0xcf8, 4), 0);
    teardown(&b);
}

TEST(config_data_takes_bytes_words_and_dwords)
{
    struct board b;
    setup(&b);
    CHECK_EQ(config_in(&b, 3, 0), 0x100e8086);
    CHECK_EQ(ioports_read(b.ports, 0xcfe, 2), 0x100e);
    CHECK_EQ(ioports_read(b.ports, 0xcfd, 1), 0x80);
    CHECK_EQ(config_in(&b, 3, 8), 0x02000003);
    CHECK_EQ(config_in(&b, 3, 0x2c), 0x11001af4);
    ioports_write(b.ports, 0xcf8, 0x8000183c, 4);
    ioports_write(b.ports, 0xcfc, 0x0b, 1);
    CHECK_EQ(ioports_read(b.ports, 0xcfc, 2), 0x010b);
    teardown(&b);
}

TEST(absent_functions_read_all_ones)
{
    struct board b;
    setup(&b);
    CHECK_EQ(config_in(&b, 4, 0), 0xffffffff);
    ioports_write(b.ports, 0xcf8, 0x80001900, 4); /* function 1 of slot 3 */
    CHECK_EQ(ioports_read(b.ports, 0xcfc, 2), 0xffff);
    ioports_write(b.ports, 0xcf8, 0x80011800, 4); /* bus 1 */
    CHECK_EQ(ioports_read(b.ports, 0xcfc, 4), 0xffffffff);
    ioports_write(b.ports, 0xcf8, 0x00001800, 4); /* not enabled */
    CHECK_EQ(ioports_read(b.ports, 0xcfc, 4), 0xffffffff);
    teardown(&b);
}

TEST(identity_is_read_only_and_status_clears_by_ones)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 0, 0);
    CHECK_EQ(config_in(&b, 3, 0), 0x100e8086);
    config_out(&b, 3, 8, 0xffffffff);
    CHECK_EQ(config_in(&b, 3, 8), 0x02000003);
    b.card.config[7] = 0xf9;
    config_out(&b, 3, 4, 0x80000000);
    CHECK_EQ(b.card.config[7], 0x79);
    config_out(&b, 3, 4, 0xffffffff);
    CHECK_EQ(config_in(&b, 3, 4), 0x00000147);
    teardown(&b);
}

TEST(bars_tell_their_size)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 0x10, 0xffffffff);
    config_out(&b, 3, 0x14, 0xffffffff);
    config_out(&b, 3, 0x18, 0xffffffff);
    config_out(&b, 3, 0x30, 0xffffffff);
    CHECK_EQ(config_in(&b, 3, 0x10), 0xfffff000);
    CHECK_EQ(config_in(&b, 3, 0x14), 0xffffffe1);
    CHECK_EQ(config_in(&b, 3, 0x18), 0);
    CHECK_EQ(config_in(&b, 3, 0x30), 0xffff0001);
    config_out(&b, 3, 0x30, 0xfffffffe); /* how firmware sizes a ROM */
    CHECK_EQ(config_in(&b, 3, 0x30), 0xffff0000);
    teardown(&b);
}

TEST(memory_bars_obey_the_command_register)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 0x10, 0xfebc0000);
    CHECK(!memory_find(b.memory, 0xfebc0000));
    config_out(&b, 3, 4, 2);
    CHECK(memory_find(b.memory, 0xfebc0fff) && memory_find(b.memory, 0xfebc0fff)->region == &b.memory_bar);
    config_out(&b, 3, 0x10, 0xe0000000);
    CHECK(!memory_find(b.memory, 0xfebc0000));
    CHECK(memory_find(b.memory, 0xe0000000));
    config_out(&b, 3, 4, 1);
    CHECK(!memory_find(b.memory, 0xe0000000));
    teardown(&b);
}

TEST(rom_needs_its_own_enable_bit_too)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 4, 2);
    config_out(&b, 3, 0x30, 0xfea00000);
    CHECK(!memory_find(b.memory, 0xfea00000));
    config_out(&b, 3, 0x30, 0xfea00001);
    CHECK(memory_find(b.memory, 0xfea0ffff));
    config_out(&b, 3, 4, 0);
    CHECK(!memory_find(b.memory, 0xfea00000));
    teardown(&b);
}

TEST(io_bars_obey_the_command_register)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 0x14, 0xc000);
    CHECK_EQ(ioports_read(b.ports, 0xc000, 1), 0xff);
    config_out(&b, 3, 4, 1);
    CHECK_EQ(ioports_read(b.ports, 0xc01f, 1), 0x11);
    CHECK_EQ(ioports_read(b.ports, 0xc020, 1), 0xff);
    config_out(&b, 3, 0x14, 0xc040);
    CHECK_EQ(ioports_read(b.ports, 0xc000, 1), 0xff);
    CHECK_EQ(ioports_read(b.ports, 0xc040, 2), 0x22);
    config_out(&b, 3, 4, 2);
    CHECK_EQ(ioports_read(b.ports, 0xc040, 1), 0xff);
    teardown(&b);
}

TEST(a_bar_at_zero_or_all_ones_is_not_mapped)
{
    struct board b;
    setup(&b);
    config_out(&b, 3, 4, 3);
    CHECK(!memory_find(b.memory, 0));
    CHECK_EQ(ioports_read(b.ports, 0, 1), 0xff);
    config_out(&b, 3, 0x10, 0xffffffff);
    config_out(&b, 3, 0x14, 0xffffffff);
    CHECK(!memory_find(b.memory, 0xfffff000));
    CHECK_EQ(ioports_read(b.ports, 0xffe0, 1), 0xff);
    config_out(&b, 3, 0x14, 0x1c000); /* above the ports there are */
    CHECK_EQ(ioports_read(b.ports, 0xc000, 1), 0xff);
    teardown(&b);
}

TEST(reset_unmaps_and_a_load_maps_again)
{
    struct board b;
    u8 saved[256];
    setup(&b);
    config_out(&b, 3, 4, 3);
    config_out(&b, 3, 0x10, 0xe0000000);
    config_out(&b, 3, 0x14, 0xc000);
    pci_set_intx(&b.card, true);
    memcpy(saved, b.card.config, sizeof(saved));
    pci_reset(&b.card);
    CHECK(!memory_find(b.memory, 0xe0000000));
    CHECK_EQ(ioports_read(b.ports, 0xc000, 1), 0xff);
    CHECK_EQ(config_in(&b, 3, 0x10), 0);
    CHECK_EQ(config_in(&b, 3, 0x14), 1);
    CHECK(!b.pirq[2]);
    memcpy(b.card.config, saved, sizeof(saved));
    pci_loaded(&b.card);
    CHECK(memory_find(b.memory, 0xe0000000));
    CHECK_EQ(ioports_read(b.ports, 0xc000, 1), 0x11);
    teardown(&b);
}

/* INTA of slot 1 is PIRQA; each slot and each pin goes one further round. */
TEST(pins_are_swizzled_by_slot)
{
    struct board b;
    setup(&b);
    for (int slot = 5; slot < 10; slot++)
        for (int pin = 1; pin <= 4; pin++) {
            struct pci_device dev = {0};
            pci_init(&dev, "dev", slot << 3 | (pin - 1), 1, 2, 0, 0);
            dev.reset_config[0x3d] = pin;
            CHECK_EQ(pci_add(b.bus, &dev), 0);
            pci_set_intx(&dev, true);
            CHECK_EQ(b.pirq[(pin + slot - 2) & 3], 1);
            pci_set_intx(&dev, false);
            CHECK_EQ(b.pirq[(pin + slot - 2) & 3], 0);
        }
    teardown(&b);
}

TEST(interrupts_are_wired_or)
{
    struct board b;
    struct pci_device other = {0}, dumb = {0};
    setup(&b);
    pci_init(&other, "other", 7 << 3, 1, 2, 0, 0);
    other.reset_config[0x3d] = 1;
    pci_init(&dumb, "dumb", 8 << 3, 1, 2, 0, 0); /* pin 0: no interrupt */
    pci_add(b.bus, &other);
    pci_add(b.bus, &dumb);
    pci_set_intx(&b.card, true); /* slot 3, INTA: PIRQC */
    pci_set_intx(&other, true);  /* slot 7, INTA: PIRQC */
    pci_set_intx(&other, true);
    pci_set_intx(&b.card, false);
    CHECK(b.pirq[2]);
    pci_set_intx(&other, false);
    CHECK(!b.pirq[2]);
    int before = b.changes[3];
    pci_set_intx(&dumb, true);
    CHECK_EQ(b.changes[3], before);
    teardown(&b);
}

TEST(slots_are_handed_out_once)
{
    struct board b;
    struct pci_device second = {0}, function = {0};
    setup(&b);
    CHECK_EQ(pci_free_slot(b.bus, 3), 4);
    pci_init(&second, "second", 3 << 3, 1, 2, 0, 0);
    CHECK_EQ(pci_add(b.bus, &second), -EBUSY);
    pci_init(&function, "function", 4 << 3 | 1, 1, 2, 0, 0); /* a slot with any function is taken */
    CHECK_EQ(pci_add(b.bus, &function), 0);
    CHECK_EQ(pci_free_slot(b.bus, 3), 5);
    CHECK(pci_find(b.bus, 4 << 3 | 1) == &function);
    CHECK(!pci_find(b.bus, 4 << 3));
    CHECK_EQ(pci_free_slot(b.bus, 32), -1);
    teardown(&b);
}

static unsigned written_reg, written_size;

static void written(struct pci_device *dev, unsigned reg, unsigned size)
{
    written_reg = reg;
    written_size = size;
}

TEST(owners_hear_of_writes_after_the_bytes_changed)
{
    struct board b;
    setup(&b);
    b.card.config_written = written;
    b.card.writable[0x61] = 0x8f;
    ioports_write(b.ports, 0xcf8, 0x80001860, 4);
    ioports_write(b.ports, 0xcfd, 0xff, 1);
    CHECK_EQ(written_reg, 0x61);
    CHECK_EQ(written_size, 1);
    CHECK_EQ(b.card.config[0x61], 0x8f);
    teardown(&b);
}

UNIT_MAIN()
