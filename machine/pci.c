/*
 * PCI bus 0: configuration mechanism #1, base address registers, and the INTx wires.
 *
 * Source: PCI Local Bus Specification 2.1, ch. 3.7.4.1 "Configuration Mechanism #1", ch. 6 "Configuration Space";
 * Intel 82441FX datasheet, "CONFADD", "CONFDATA".
 * Modelled: type 0 headers, I/O, 32-bit memory and ROM BARs, INTA-D as wired OR into four PIRQs.
 * Not modelled: bridges and other buses (read as absent), special cycles, mechanism #2, 64-bit BARs.
 */
#include "machine/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/trace.h"

#define CONFADD_PORT   0xcf8
#define CONFDATA_PORT  0xcfc
#define CONFADD_ENABLE 0x80000000u
#define CONFADD_BITS   0x80fffffcu /* the others are reserved and read 0 */

/* Type 0 header. */
#define REG_COMMAND    0x04
#define REG_STATUS     0x06
#define REG_REVISION   0x08
#define REG_CACHE_LINE 0x0c
#define REG_LATENCY    0x0d
#define REG_BAR0       0x10
#define REG_BARS_END   0x28
#define REG_SUBSYSTEM  0x2c
#define REG_ROM        0x30
#define REG_ROM_END    0x34
#define REG_INT_LINE   0x3c
#define REG_INT_PIN    0x3d

#define COMMAND_IO        0x01
#define COMMAND_MEMORY    0x02
#define COMMAND_LOW_BITS  0x47 /* I/O, memory, bus master, parity error response */
#define COMMAND_HIGH_BITS 0x01 /* SERR# enable */
#define STATUS_HIGH_BITS  0xf9 /* errors that a write of 1 clears */

#define BAR_IO       0x1u
#define BAR_PREFETCH 0x8u
#define ROM_ENABLE   0x1u
#define ROM_ADDRESS  0xfffff800u
#define ROM_BAR      6

struct pci_bus {
    /* Guest state. */
    u32 address; /* CONFADD */
    /* Derived: how many functions pull each PIRQ. */
    int pulling[4];
    /* Wiring. */
    struct memory *memory;
    struct ioports *ports;
    struct irq pirq[4];
    struct pci_device *devices[256];
    struct port_range address_port, data_port;
};

static u32 all_ones(unsigned size)
{
    return size >= 4 ? UINT32_MAX : (1u << (size * 8)) - 1;
}

static u32 get32(const u8 *config, unsigned reg)
{
    return config[reg] | config[reg + 1] << 8 | config[reg + 2] << 16 | (u32)config[reg + 3] << 24;
}

static void put(u8 *config, unsigned reg, u32 value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        config[reg + i] = value >> (i * 8);
}

/* The function itself. */

void pci_init(struct pci_device *dev, const char *name, u8 devfn, u16 vendor, u16 device, u8 revision, u32 class_code)
{
    u8 *config = dev->reset_config;
    memset(config, 0, sizeof(dev->reset_config));
    memset(dev->writable, 0, sizeof(dev->writable));
    memset(dev->clear_on_write, 0, sizeof(dev->clear_on_write));
    dev->name = name;
    dev->devfn = devfn;
    dev->bus = NULL;
    dev->intx_level = false;
    put(config, 0, vendor, 2);
    put(config, 2, device, 2);
    put(config, REG_REVISION, revision | class_code << 8, 4);
    memcpy(dev->config, config, sizeof(dev->config));

    dev->writable[REG_COMMAND] = COMMAND_LOW_BITS;
    dev->writable[REG_COMMAND + 1] = COMMAND_HIGH_BITS;
    dev->clear_on_write[REG_STATUS + 1] = STATUS_HIGH_BITS;
    dev->writable[REG_CACHE_LINE] = 0xff;
    dev->writable[REG_LATENCY] = 0xff;
    dev->writable[REG_INT_LINE] = 0xff;
}

void pci_set_subsystem(struct pci_device *dev, u16 vendor, u16 id)
{
    put(dev->reset_config, REG_SUBSYSTEM, vendor | (u32)id << 16, 4);
    put(dev->config, REG_SUBSYSTEM, vendor | (u32)id << 16, 4);
}

static unsigned bar_reg(unsigned index)
{
    return index == ROM_BAR ? REG_ROM : REG_BAR0 + index * 4;
}

/* Software finds a BAR's size by the address bits that it cannot set: 6.2.5.1 "Address Maps". */
static void init_bar(struct pci_device *dev, unsigned index)
{
    static const struct {
        u32 fixed, writable, low_writable;
    } kinds[] = {
        [PCI_BAR_NONE] = {0, 0, 0},
        [PCI_BAR_IO] = {BAR_IO, ~3u, 0},
        [PCI_BAR_MEM] = {0, ~15u, 0},
        [PCI_BAR_MEM_PREFETCH] = {BAR_PREFETCH, ~15u, 0},
        [PCI_BAR_ROM] = {0, ROM_ADDRESS, ROM_ENABLE},
    };
    struct pci_bar *bar = &dev->bars[index];
    unsigned reg = bar_reg(index);
    if (bar->kind == PCI_BAR_NONE)
        return;
    put(dev->reset_config, reg, kinds[bar->kind].fixed, 4);
    put(dev->writable, reg, (~(bar->size - 1) & kinds[bar->kind].writable) | kinds[bar->kind].low_writable, 4);
    if (bar->region) {
        bar->region->enabled = false;
        memory_add(dev->bus->memory, bar->region);
    }
    if (bar->io)
        ioports_move(dev->bus->ports, bar->io, 0, 0);
}

int pci_add(struct pci_bus *bus, struct pci_device *dev)
{
    if (bus->devices[dev->devfn])
        return -EBUSY;
    bus->devices[dev->devfn] = dev;
    dev->bus = bus;
    memory_begin(bus->memory);
    for (unsigned i = 0; i < ARRAY_SIZE(dev->bars); i++)
        init_bar(dev, i);
    pci_reset(dev);
    memory_commit(bus->memory);
    return 0;
}

struct pci_device *pci_find(struct pci_bus *bus, u8 devfn)
{
    return bus->devices[devfn];
}

static bool slot_is_free(const struct pci_bus *bus, int slot)
{
    for (int function = 0; function < 8; function++)
        if (bus->devices[slot << 3 | function])
            return false;
    return true;
}

int pci_free_slot(struct pci_bus *bus, int from)
{
    for (int slot = MAX(from, 0); slot < 32; slot++)
        if (slot_is_free(bus, slot))
            return slot;
    return -1;
}

void pci_each(struct pci_bus *bus, void (*show)(void *opaque, struct pci_device *dev), void *opaque)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bus->devices); i++)
        if (bus->devices[i])
            show(opaque, bus->devices[i]);
}

/* Decoding of BARs. */

/* Address 0 is "not assigned"; the top of the space is what sizing leaves behind for a moment.  Neither may hide what
 * is there (RAM at 0, the reset vector). */
static bool is_sane(u32 base, u32 size, u64 space)
{
    return base && (u64)base + size < space;
}

static void map_memory_bar(struct pci_device *dev, const struct pci_bar *bar, u32 value, bool decode)
{
    u32 base = value & ~(bar->size - 1);
    bool on = decode && is_sane(base, bar->size, 1ull << 32);
    if (!bar->region)
        return;
    if (on)
        memory_move(dev->bus->memory, bar->region, base);
    memory_enable(dev->bus->memory, bar->region, on);
}

static void map_io_bar(struct pci_device *dev, const struct pci_bar *bar, u32 value, bool decode)
{
    u32 base = value & ~3u & ~(bar->size - 1);
    bool on = decode && is_sane(base, bar->size, 0x10000);
    u32 count = on ? bar->size : 0;
    u16 place = on ? base : 0;
    if (bar->io && (bar->io->count != count || bar->io->base != place))
        ioports_move(dev->bus->ports, bar->io, place, count);
}

static void map_bars(struct pci_device *dev)
{
    u8 command = dev->config[REG_COMMAND];
    if (!dev->bus)
        return;
    memory_begin(dev->bus->memory);
    for (unsigned i = 0; i < ARRAY_SIZE(dev->bars); i++) {
        const struct pci_bar *bar = &dev->bars[i];
        u32 value = get32(dev->config, bar_reg(i));
        if (bar->kind == PCI_BAR_IO)
            map_io_bar(dev, bar, value, command & COMMAND_IO);
        else if (bar->kind == PCI_BAR_ROM)
            map_memory_bar(dev, bar, value, (command & COMMAND_MEMORY) && (value & ROM_ENABLE));
        else if (bar->kind != PCI_BAR_NONE)
            map_memory_bar(dev, bar, value, command & COMMAND_MEMORY);
    }
    memory_commit(dev->bus->memory);
}

void pci_reset(struct pci_device *dev)
{
    pci_set_intx(dev, false);
    memcpy(dev->config, dev->reset_config, sizeof(dev->config));
    map_bars(dev);
}

void pci_loaded(struct pci_device *dev)
{
    map_bars(dev);
}

/* Configuration space. */

static bool touches(unsigned reg, unsigned size, unsigned start, unsigned end)
{
    return reg < end && reg + size > start;
}

u32 pci_config_read(struct pci_bus *bus, u8 devfn, unsigned reg, unsigned size)
{
    struct pci_device *dev = bus->devices[devfn];
    u32 value = 0;
    reg &= 0xff;
    if (!dev || reg + size > sizeof(dev->config))
        return all_ones(size);
    if (dev->config_read)
        dev->config_read(dev, reg, size);
    for (unsigned i = 0; i < size; i++)
        value |= (u32)dev->config[reg + i] << (i * 8);
    trace(PCI, "%02x.%u %s read %02x size %u = %0*x", devfn >> 3, devfn & 7, dev->name, reg, size, (int)size * 2,
          value);
    return value;
}

void pci_config_write(struct pci_bus *bus, u8 devfn, unsigned reg, u32 value, unsigned size)
{
    struct pci_device *dev = bus->devices[devfn];
    reg &= 0xff;
    if (!dev || reg + size > sizeof(dev->config))
        return;
    trace(PCI, "%02x.%u %s write %02x size %u = %0*x", devfn >> 3, devfn & 7, dev->name, reg, size, (int)size * 2,
          value & all_ones(size));
    for (unsigned i = reg; i < reg + size; i++, value >>= 8) {
        u8 byte = value;
        dev->config[i] = (dev->config[i] & ~dev->writable[i]) | (byte & dev->writable[i]);
        dev->config[i] &= ~(byte & dev->clear_on_write[i]);
    }
    if (touches(reg, size, REG_COMMAND, REG_COMMAND + 1) || touches(reg, size, REG_BAR0, REG_BARS_END) ||
        touches(reg, size, REG_ROM, REG_ROM_END))
        map_bars(dev);
    if (dev->config_written)
        dev->config_written(dev, reg, size);
}

/* Mechanism #1.  CONFADD is a dword register: narrower accesses to CF8-CFB are ordinary I/O (cf9 is PIIX3's). */

static u64 read_address(void *opaque, u64 offset, unsigned size)
{
    struct pci_bus *bus = opaque;
    return bus->address;
}

static void write_address(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct pci_bus *bus = opaque;
    bus->address = value & CONFADD_BITS;
}

/* Enabled, and for bus 0; other buses would be behind bridges, of which there are none. */
static bool is_addressed(const struct pci_bus *bus)
{
    return (bus->address & CONFADD_ENABLE) && !(bus->address & 0x00ff0000);
}

static u64 read_data(void *opaque, u64 offset, unsigned size)
{
    struct pci_bus *bus = opaque;
    if (!is_addressed(bus))
        return all_ones(size);
    return pci_config_read(bus, bus->address >> 8, (bus->address & 0xfc) + (offset & 3), size);
}

static void write_data(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct pci_bus *bus = opaque;
    if (is_addressed(bus))
        pci_config_write(bus, bus->address >> 8, (bus->address & 0xfc) + (offset & 3), value, size);
}

static const struct bus_ops address_ops = {.read = read_address, .write = write_address, .min_size = 4, .max_size = 4};
static const struct bus_ops data_ops = {.read = read_data, .write = write_data, .min_size = 1, .max_size = 4};

struct pci_bus *pci_create(struct memory *memory, struct ioports *ports)
{
    struct pci_bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return NULL;
    bus->memory = memory;
    bus->ports = ports;
    bus->address_port = (struct port_range){
        .name = "pci-address", .base = CONFADD_PORT, .count = 4, .ops = &address_ops, .opaque = bus, .exact = true};
    bus->data_port =
        (struct port_range){.name = "pci-data", .base = CONFDATA_PORT, .count = 4, .ops = &data_ops, .opaque = bus};
    ioports_add(ports, &bus->address_port);
    ioports_add(ports, &bus->data_port);
    return bus;
}

void pci_destroy(struct pci_bus *bus)
{
    if (!bus)
        return;
    ioports_remove(bus->ports, &bus->address_port);
    ioports_remove(bus->ports, &bus->data_port);
    free(bus);
}

/* INTx. */

static void report(struct pci_bus *bus, int line)
{
    irq_set(&bus->pirq[line], bus->pulling[line] > 0);
}

/* The board's slots are wired so that INTA of neighbours falls on different PIRQs. */
void pci_set_intx(struct pci_device *dev, bool level)
{
    unsigned pin = dev->config[REG_INT_PIN]; /* 1 is INTA */
    if (level == dev->intx_level || !dev->bus || pin < 1 || pin > 4)
        return;
    int line = (pin - 1 + (dev->devfn >> 3) - 1) & 3;
    dev->intx_level = level;
    dev->bus->pulling[line] += level ? 1 : -1;
    report(dev->bus, line);
}

void pci_set_router(struct pci_bus *bus, const struct irq pirq[4])
{
    memcpy(bus->pirq, pirq, sizeof(bus->pirq));
    for (int line = 0; line < 4; line++)
        report(bus, line);
}

/* The latch as a device. */

static void reset(void *state)
{
    struct pci_bus *bus = state;
    bus->address = 0;
}

static void loaded(void *state)
{
    struct pci_bus *bus = state;
    bus->address &= CONFADD_BITS;
}

static const struct field fields[] = {
    FIELD(U32, struct pci_bus, address),
    FIELD_END,
};

const struct device_ops pci_host_ops = {
    .name = "pci-host",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};
