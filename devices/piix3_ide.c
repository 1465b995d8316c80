/*
 * Intel 82371SB (PIIX3), function 1: IDE with a bus master for each channel.
 *
 * Source: Intel 82371FB/82371SB datasheet (290550), "PCI Configuration Registers - IDE Interface (Function 1)",
 *   "PCI Bus Master IDE Registers"; Programming Interface for Bus Master IDE Controller, revision 1.0.
 * Modelled: BMICX, BMISX, BMIDTPX, physical region descriptors, Active and Interrupt as the datasheet's table of status
 *   combinations has them.  Data is moved at once when both sides are ready.
 * Not modelled: IDETIM and SIDETIM timings (kept as plain registers), and their decode enable: the ports always answer.
 *   A descriptor region that crosses 64 KiB, which the specification forbids, is carried on into the next 64 KiB.
 */
#include "devices/piix3_ide.h"

#include <stdio.h>
#include <string.h>

#include "machine/machine.h"
#include "machine/trace.h"

enum { BMIC = 0, BMIS = 2, BMIDTP = 4 };
enum { BMIC_START = 0x01, BMIC_TO_MEMORY = 0x08 };
enum { BMIS_ACTIVE = 0x01, BMIS_ERROR = 0x02, BMIS_INTERRUPT = 0x04, BMIS_DRIVES = 0x60 };

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MASTER 0x04
#define IDETIM 0x40
#define LAST_REGION 0x80000000u

/* The descriptor after the current one.  False at the end of the table. */
static bool next_region(struct piix3_bus_master *master)
{
    u8 raw[8];
    if (master->last)
        return false;
    memory_read(master->ide->machine->memory, master->next, raw, sizeof(raw));
    u32 base = raw[0] | raw[1] << 8 | raw[2] << 16 | (u32)raw[3] << 24;
    u32 count = raw[4] | raw[5] << 8;
    master->next += sizeof(raw);
    master->address = base & ~1u;
    master->left = count & ~1u ? count & ~1u : 0x10000;
    master->last = raw[7] & LAST_REGION >> 24;
    return true;
}

static bool may_move(const struct piix3_bus_master *master, bool to_memory)
{
    return master->status & BMIS_ACTIVE && !(master->command & BMIC_TO_MEMORY) == !to_memory &&
           master->ide->pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

static u32 transfer(void *opaque, void *data, u32 length, bool to_memory)
{
    struct piix3_bus_master *master = opaque;
    struct memory *memory = master->ide->machine->memory;
    u8 *at = data;
    u32 moved = 0;
    if (!may_move(master, to_memory))
        return 0;
    while (moved < length && (master->left || next_region(master))) {
        u32 n = MIN(length - moved, master->left);
        if (to_memory)
            memory_write(memory, master->address, at + moved, n);
        else
            memory_read(memory, master->address, at + moved, n);
        moved += n;
        master->address += n;
        master->left -= n;
    }
    if (!master->left && master->last)
        master->status &= (u8)~BMIS_ACTIVE;
    return moved;
}

static void interrupt(void *opaque, bool level)
{
    struct piix3_bus_master *master = opaque;
    if (level)
        master->status |= BMIS_INTERRUPT;
}

static void start(struct piix3_bus_master *master)
{
    master->next = master->table;
    master->left = 0;
    master->last = false;
    master->status |= BMIS_ACTIVE;
    trace(DMA, "%s: start, table %08x, %s memory", master->channel->device_entry.id, master->table,
          master->command & BMIC_TO_MEMORY ? "to" : "from");
    ide_dma_ready(master->channel);
}

static void write_command(struct piix3_bus_master *master, u8 value)
{
    u8 before = master->command;
    master->command = value & (BMIC_START | BMIC_TO_MEMORY);
    if (!(value & BMIC_START))
        master->status &= (u8)~BMIS_ACTIVE;
    else if (!(before & BMIC_START))
        start(master);
}

static void write_byte(struct piix3_bus_master *master, unsigned reg, u8 value)
{
    unsigned shift = (reg & 3) * 8;
    if (reg == BMIC)
        write_command(master, value);
    else if (reg == BMIS)
        master->status = (u8)((master->status & ~(value & (BMIS_ERROR | BMIS_INTERRUPT)) & ~BMIS_DRIVES) |
                              (value & BMIS_DRIVES));
    else if (reg >= BMIDTP)
        master->table = ((master->table & ~(0xffu << shift)) | (u32)value << shift) & ~3u;
}

static u8 read_byte(const struct piix3_bus_master *master, unsigned reg)
{
    if (reg == BMIC)
        return master->command;
    if (reg == BMIS)
        return master->status;
    return reg >= BMIDTP ? (u8)(master->table >> (reg & 3) * 8) : 0;
}

static u64 ports_read(void *opaque, u64 offset, unsigned size)
{
    struct piix3_ide *ide = opaque;
    u32 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (u32)read_byte(&ide->master[(offset + i) >> 3 & 1], (offset + i) & 7) << 8 * i;
    return value;
}

static void ports_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix3_ide *ide = opaque;
    for (unsigned i = 0; i < size; i++)
        write_byte(&ide->master[(offset + i) >> 3 & 1], (offset + i) & 7, (u8)(value >> 8 * i));
}

static const struct bus_ops ports_ops = {.read = ports_read, .write = ports_write, .min_size = 1, .max_size = 4};

/* Bus mastering may be allowed after a transfer was started. */
static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    struct piix3_ide *ide = container_of(pci, struct piix3_ide, pci);
    if (reg != PCI_COMMAND || !(pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER))
        return;
    ide_dma_ready(&ide->channel[0]);
    ide_dma_ready(&ide->channel[1]);
}

static void reset(void *state)
{
    struct piix3_ide *ide = state;
    pci_reset(&ide->pci);
    for (int i = 0; i < 2; i++) {
        struct piix3_bus_master *master = &ide->master[i];
        master->command = master->status = 0;
        master->table = master->next = master->address = master->left = 0;
        master->last = false;
    }
}

static void loaded(void *state)
{
    struct piix3_ide *ide = state;
    pci_loaded(&ide->pci);
}

#define MASTER_FIELDS(n)                                                                                               \
    FIELD(U8, struct piix3_ide, master[n].command), FIELD(U8, struct piix3_ide, master[n].status),                     \
        FIELD(U32, struct piix3_ide, master[n].table), FIELD(U32, struct piix3_ide, master[n].next),                   \
        FIELD(U32, struct piix3_ide, master[n].address), FIELD(U32, struct piix3_ide, master[n].left),                 \
        FIELD(BOOL, struct piix3_ide, master[n].last)

static const struct field fields[] = {
    FIELD_BLOB(struct piix3_ide, pci.config),
    MASTER_FIELDS(0),
    MASTER_FIELDS(1),
    FIELD_END,
};

static const struct device_ops piix3_ide_ops = {
    .name = "piix3-ide",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

static void init_config(struct piix3_ide *ide)
{
    struct pci_device *pci = &ide->pci;
    pci_init(pci, "piix3-ide", 1 << 3 | 1, 0x8086, 0x7010, 0x00, 0x010180);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    pci->reset_config[0x06] = 0x80; /* fast back-to-back, medium DEVSEL timing */
    pci->reset_config[0x07] = 0x02;
    memset(pci->writable + IDETIM, 0xff, 5); /* IDETIM for both channels, SIDETIM */
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    pci->bars[4] = (struct pci_bar){.kind = PCI_BAR_IO, .size = 16, .io = &ide->ports};
    pci->config_written = config_written;
    pci->opaque = ide;
}

static void init_channel(struct piix3_ide *ide, int n, const struct irq *irq)
{
    ide->master[n].ide = ide;
    ide->master[n].channel = &ide->channel[n];
    ide_init(&ide->channel[n], ide->machine, n ? 0x170 : 0x1f0, n ? 0x376 : 0x3f6, irq);
    ide->channel[n].master =
        (struct ide_bus_master){.transfer = transfer, .interrupt = interrupt, .opaque = &ide->master[n]};
}

void piix3_ide_init(struct piix3_ide *ide, struct machine *machine, const struct irq irq[2])
{
    memset(ide, 0, sizeof(*ide));
    ide->machine = machine;
    ide->ports = (struct port_range){.name = "piix3-bus-master", .ops = &ports_ops, .opaque = ide};
    init_config(ide);
    pci_add(machine->pci, &ide->pci);
    device_add(&machine->devices, &ide->device_entry, &piix3_ide_ops, ide, "piix3-ide");
    init_channel(ide, 0, &irq[0]);
    init_channel(ide, 1, &irq[1]);
}
