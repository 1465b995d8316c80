/*
 * Rules of cpu/bus.h on the real board.
 */
#include "machine/cpubus.h"

#include "machine/machine.h"
#include "machine/trace.h"
#include "tests/unit.h"

#define RAM_SIZE 0x10000u

struct board {
    struct machine *machine;
    struct region ram, rom, chip;
    struct port_range ports;
    u8 *host, *rom_host;
    u8 flags[16];
    bool was_locked;
    u64 written;
};

/* Chips run with the machine lock held. */
static void look_at_lock(struct board *b)
{
    b->was_locked = pthread_mutex_trylock(&b->machine->lock) != 0;
    if (!b->was_locked)
        pthread_mutex_unlock(&b->machine->lock);
}

static u64 chip_read(void *opaque, u64 offset, unsigned size)
{
    look_at_lock(opaque);
    return 0x44332211 >> (offset * 8);
}

static void chip_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct board *b = opaque;
    look_at_lock(b);
    b->written = b->written << 8 | (value & 0xff);
}

static const struct bus_ops ops = {chip_read, chip_write, 1, 4, NULL, NULL};

static void setup(struct board *b)
{
    memset(b, 0, sizeof(*b));
    b->machine = machine_create(NULL);
    b->host = memory_alloc(RAM_SIZE);
    b->rom_host = memory_alloc(0x1000);
    b->ram = (struct region){
        .name = "ram", .kind = REGION_RAM, .size = RAM_SIZE, .enabled = true, .host = b->host, .page_flags = b->flags};
    b->rom = (struct region){.name = "rom",
                             .kind = REGION_ROM,
                             .base = 0x4000,
                             .size = 0x1000,
                             .enabled = true,
                             .priority = 1,
                             .host = b->rom_host};
    b->chip = (struct region){.name = "chip",
                              .base = 0x8800,
                              .size = 0x100,
                              .kind = REGION_MMIO,
                              .enabled = true,
                              .priority = 1,
                              .ops = &ops,
                              .opaque = b};
    b->ports = (struct port_range){.name = "chip", .base = 0x60, .count = 4, .ops = &ops, .opaque = b};
    memory_add(b->machine->memory, &b->ram);
    memory_add(b->machine->memory, &b->rom);
    memory_add(b->machine->memory, &b->chip);
    ioports_add(b->machine->ports, &b->ports);
}

static void teardown(struct board *b)
{
    machine_destroy(b->machine);
    memory_free(b->host, RAM_SIZE);
    memory_free(b->rom_host, 0x1000);
}

static const struct cpu_bus *bus = &machine_cpu_bus;

TEST(pages_are_plain_where_memory_fills_them)
{
    struct board b;
    struct cpu_page page;
    setup(&b);
    bus->page(b.machine, 0x2abc, &page);
    CHECK(page.host == b.host + 0x2000);
    CHECK(page.flags == &b.flags[2]);
    CHECK(page.writable && !page.log_dirty);
    bus->page(b.machine, 0x4000, &page);
    CHECK(page.host == b.rom_host);
    CHECK(!page.writable && page.flags);
    bus->page(b.machine, 0x8000, &page); /* a chip sits inside */
    CHECK(!page.host && !page.flags && !page.writable);
    bus->page(b.machine, RAM_SIZE, &page);
    CHECK(!page.host);
    b.ram.log_dirty = true;
    bus->page(b.machine, 0x2000, &page);
    CHECK(page.log_dirty);
    teardown(&b);
}

TEST(chips_are_called_with_the_lock_held)
{
    struct board b;
    u8 data[2];
    setup(&b);
    CHECK_EQ(bus->read(b.machine, 0x8800, 4), 0x44332211);
    CHECK(b.was_locked);
    b.was_locked = false;
    bus->write(b.machine, 0x8801, 0x5a, 1);
    CHECK(b.was_locked);
    CHECK_EQ(b.written, 0x5a);
    CHECK_EQ(bus->in(b.machine, 0x61, 1), 0x22);
    bus->out(b.machine, 0x60, 0xa5, 1);
    CHECK_EQ(b.written, 0x5aa5);
    bus->in_block(b.machine, 0x60, 1, data, 2);
    CHECK_EQ(data[1], 0x11);
    bus->out_block(b.machine, 0x60, 1, "\1\2", 2);
    CHECK_EQ(b.written, 0x5aa50102);
    CHECK_EQ(pthread_mutex_trylock(&b.machine->lock), 0); /* and given back */
    pthread_mutex_unlock(&b.machine->lock);
    teardown(&b);
}

static int vector_70(void *opaque)
{
    return 0x70;
}

static int withdraw(void *opaque, int cpu)
{
    return -1;
}

static const struct machine_apic withdrawing_apic = {.acknowledge = withdraw};

TEST(inta_asks_the_local_apic_or_the_pic)
{
    struct board b;
    setup(&b);
    CHECK_EQ(bus->acknowledge(b.machine), 0xff);
    b.machine->acknowledge = vector_70;
    CHECK_EQ(bus->acknowledge(b.machine), 0x70);
    b.machine->apic = &withdrawing_apic;
    CHECK_EQ(bus->acknowledge(b.machine), -1);
    teardown(&b);
}

static void set_level(void *opaque, int line, bool level)
{
    *(bool *)opaque = level;
}

TEST(signals_reach_the_board)
{
    struct board b;
    bool ferr = false;
    setup(&b);
    b.machine->ferr = (struct irq){set_level, &ferr, 0};
    bus->signal(b.machine, CPU_SIGNAL_FERR, 1);
    CHECK(ferr);
    bus->signal(b.machine, CPU_SIGNAL_FERR, 0);
    CHECK(!ferr);
    CHECK_EQ(bus->signal(b.machine, CPU_SIGNAL_IGNNE_QUERY, 0), 0);
    b.machine->ignne = true;
    CHECK_EQ(bus->signal(b.machine, CPU_SIGNAL_IGNNE_QUERY, 0), 1);
    bus->signal(b.machine, CPU_SIGNAL_TRIPLE_FAULT, 0);
    CHECK_EQ(b.machine->event, EVENT_TRIPLE_FAULT);
    teardown(&b);
}

static u64 instructions(void *opaque)
{
    return 1000;
}

TEST(tsc_follows_the_clock)
{
    struct board b;
    setup(&b);
    CHECK_EQ(bus->tsc(b.machine), 0);
    clock_use_icount(b.machine->clock, 1, instructions, NULL);
    CHECK_EQ(bus->tsc(b.machine), 2000 * (CPUBUS_TSC_HZ / NS_PER_SEC));
    teardown(&b);
}

TEST(the_cpus_trace_mask_follows_ours)
{
    trace_mask = 0;
    cpubus_connect_trace();
    CHECK_EQ(cpu_trace_mask, 0);
    trace_select("int,guest_errors,io", NULL);
    CHECK_EQ(cpu_trace_mask, 1u << CPU_TRACE_INT | 1u << CPU_TRACE_GUEST);
    trace_select("-all", NULL);
    CHECK_EQ(cpu_trace_mask, 0);
}

UNIT_MAIN()
