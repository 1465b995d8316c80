/*
 * The PC's way of reporting x87 errors: FERR# latches IRQ 13; a write to port F0 takes it back and asserts IGNNE#.
 *
 * Source: Intel 82371SB (PIIX3) datasheet, "FERR#", "IGNNE#", "Coprocessor Error Register (F0h)"; Intel SDM vol. 1,
 *         "MS-DOS Compatibility Sub-mode", and its appendix "Guidelines for Writing x87 FPU Exception Handlers".
 */
#include "devices/fpu_irq13.h"

#include "machine/trace.h"

static void update(struct fpu_irq13 *port)
{
    irq_set(&port->irq13, port->latch);
    irq_set(&port->ignne_out, port->ignne);
}

/* "IGNNE# is asserted until FERR# is negated". */
static void set_ferr(void *opaque, int line, bool level)
{
    struct fpu_irq13 *port = opaque;
    if (level == port->ferr)
        return;
    trace(INT, "FERR# %s", level ? "asserted" : "negated");
    port->ferr = level;
    if (level)
        port->latch = true;
    else
        port->ignne = false;
    update(port);
}

/* Any value, F0 or F1 (the AT's "reset coprocessor", which only the latch outlived). */
static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct fpu_irq13 *port = opaque;
    port->ignne = port->ferr;
    port->latch = false;
    update(port);
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    return 0xff;
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct fpu_irq13 *port = state;
    port->ferr = port->latch = port->ignne = false;
    update(port);
}

static void loaded(void *state)
{
    update(state);
}

struct irq fpu_irq13_ferr(struct fpu_irq13 *port)
{
    return (struct irq){set_ferr, port, 0};
}

void fpu_irq13_connect_ignne(struct fpu_irq13 *port, const struct irq *ignne)
{
    port->ignne_out = *ignne;
}

static const struct field fields[] = {
    FIELD(BOOL, struct fpu_irq13, ferr),
    FIELD(BOOL, struct fpu_irq13, latch),
    FIELD(BOOL, struct fpu_irq13, ignne),
    FIELD_END,
};

const struct device_ops fpu_irq13_ops = {
    .name = "fpu-irq13",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

void fpu_irq13_init(struct fpu_irq13 *port, struct machine *machine, const struct irq *irq13)
{
    *port = (struct fpu_irq13){.irq13 = *irq13};
    port->ports = (struct port_range){"fpu error", 0xf0, 2, &bus, port, false, NULL};
    ioports_add(machine->ports, &port->ports);
    device_add(&machine->devices, &port->device, &fpu_irq13_ops, port, "fpu-irq13");
}
