#include "devices/piix3.h"

#include <string.h>

#include "machine/trace.h"

enum { PIRQRCA = 0x60, PIRQRCD = 0x63 };

#define PIRQRC_DISABLE 0x80
#define RC_PORT 0xcf9
#define RC_SRST 0x02 /* hard rather than soft reset */
#define RC_RCPU 0x04 /* a rising edge resets */

/* 82371SB, "PIRQx Route Control Registers": IRQ 0, 1, 2, 8 and 13 are reserved. */
#define ROUTABLE_IRQS 0xdef8
#define SCI_IRQ 9

static u16 derive_outputs(const struct piix3 *bridge)
{
    u16 levels = bridge->isa_levels & 0xffff;
    if (bridge->isa_levels & 1u << PIIX3_SCI)
        levels |= 1 << SCI_IRQ;
    for (int pirq = 0; pirq < 4; pirq++) {
        u8 route = bridge->pci.config[PIRQRCA + pirq];
        u16 irq = 1 << (route & 15);
        if (bridge->pirq_levels >> pirq & 1 && !(route & PIRQRC_DISABLE) && irq & ROUTABLE_IRQS)
            levels |= irq;
    }
    return levels;
}

static void update(struct piix3 *bridge)
{
    u16 levels = derive_outputs(bridge);
    u16 changed = levels ^ bridge->out_levels;
    bridge->out_levels = levels;
    for (int irq = 0; irq < 16; irq++)
        if (changed >> irq & 1)
            irq_set(&bridge->out[irq], levels >> irq & 1);
}

static void set_isa(void *opaque, int line, bool level)
{
    struct piix3 *bridge = opaque;
    u32 bit = 1u << (line & 31);
    bridge->isa_levels = level ? bridge->isa_levels | bit : bridge->isa_levels & ~bit;
    update(bridge);
}

static void set_pirq(void *opaque, int pirq, bool level)
{
    struct piix3 *bridge = opaque;
    u8 bit = 1 << (pirq & 3);
    bridge->pirq_levels = level ? bridge->pirq_levels | bit : bridge->pirq_levels & ~bit;
    update(bridge);
}

struct irq piix3_irq(struct piix3 *bridge, int line)
{
    return (struct irq){set_isa, bridge, line};
}

static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    if (reg + size > PIRQRCA && reg <= PIRQRCD) {
        trace(PCI, "piix3: PIRQ routes %02x %02x %02x %02x", pci->config[PIRQRCA], pci->config[PIRQRCA + 1],
              pci->config[PIRQRCA + 2], pci->config[PIRQRCD]);
        update(container_of(pci, struct piix3, pci));
    }
}

static u64 read_reset_control(void *opaque, u64 offset, unsigned size)
{
    struct piix3 *bridge = opaque;
    return bridge->reset_control;
}

/* Soft reset (SRST clear) is a CPU reset on hardware; here both kinds reset the whole machine, as firmware expects. */
static void write_reset_control(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct piix3 *bridge = opaque;
    bridge->reset_control = value & RC_SRST;
    if (value & RC_RCPU)
        machine_request(bridge->machine, EVENT_RESET, "cf9");
}

static const struct bus_ops cf9_ops = {
    .read = read_reset_control, .write = write_reset_control, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct piix3 *bridge = state;
    pci_reset(&bridge->pci);
    bridge->reset_control = 0;
    update(bridge);
}

static void loaded(void *state)
{
    struct piix3 *bridge = state;
    pci_loaded(&bridge->pci);
    update(bridge);
}

static const struct field fields[] = {
    FIELD_BLOB(struct piix3, pci.config),
    FIELD(U32, struct piix3, isa_levels),
    FIELD(U8, struct piix3, pirq_levels),
    FIELD(U8, struct piix3, reset_control),
    FIELD_END,
};

const struct device_ops piix3_ops = {
    .name = "piix3",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

static void init_config(struct piix3 *bridge)
{
    /* Defaults of the datasheet's register descriptions, and what this board's firmware finds. */
    static const struct {
        u8 reg, value, writable;
    } registers[] = {
        {0x04, 0x07, 0x00}, {0x05, 0x00, 0x01}, {0x06, 0x00, 0x00}, {0x07, 0x02, 0x00}, {0x0e, 0x80, 0x00},
        {0x4c, 0x4d, 0xff}, {0x4e, 0x03, 0xff}, {0x4f, 0x00, 0xff}, {0x60, 0x80, 0x8f}, {0x61, 0x80, 0x8f},
        {0x62, 0x80, 0x8f}, {0x63, 0x80, 0x8f}, {0x69, 0x02, 0xff}, {0x6a, 0x00, 0xff}, {0x6b, 0x00, 0xff},
        {0x70, 0x80, 0xff}, {0x71, 0x00, 0xff}, {0x76, 0x0c, 0xff}, {0x77, 0x0c, 0xff}, {0x78, 0x02, 0xff},
        {0x79, 0x00, 0xff}, {0x80, 0x00, 0xff}, {0x82, 0x00, 0xff}, {0xa0, 0x08, 0xff}, {0xa2, 0x00, 0xff},
        {0xa3, 0x00, 0xff}, {0xa4, 0x00, 0xff}, {0xa5, 0x00, 0xff}, {0xa6, 0x00, 0xff}, {0xa7, 0x00, 0xff},
        {0xa8, 0x0f, 0xff}, {0xaa, 0x00, 0xff}, {0xac, 0x00, 0xff}, {0xae, 0x00, 0xff},
    };
    struct pci_device *pci = &bridge->pci;

    pci_init(pci, "piix3", 1 << 3, 0x8086, 0x7000, 0x00, 0x060100);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        pci->reset_config[registers[i].reg] = registers[i].value;
        pci->writable[registers[i].reg] = registers[i].writable;
    }
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    pci->config_written = config_written;
    pci->opaque = bridge;
}

static void route_pirqs(struct piix3 *bridge)
{
    struct irq pirq[4];
    for (int i = 0; i < 4; i++)
        pirq[i] = (struct irq){set_pirq, bridge, i};
    pci_set_router(bridge->machine->pci, pirq);
}

int piix3_init(struct piix3 *bridge, struct machine *machine, const struct irq out[16])
{
    *bridge = (struct piix3){.machine = machine};
    memcpy(bridge->out, out, sizeof(bridge->out));
    init_config(bridge);
    int r = pci_add(machine->pci, &bridge->pci);
    if (r < 0)
        return r;
    route_pirqs(bridge);
    bridge->cf9 = (struct port_range){
        .name = "piix3-reset", .base = RC_PORT, .count = 1, .ops = &cf9_ops, .opaque = bridge, .exact = true};
    ioports_add(machine->ports, &bridge->cf9);
    device_add(&machine->devices, &bridge->device, &piix3_ops, bridge, "piix3");
    return 0;
}
