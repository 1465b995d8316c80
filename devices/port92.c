/*
 * System control port A: bit 1 opens the A20 gate, a rising bit 0 resets the processor.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "System Control Port A"; Intel 82371SB (PIIX3) datasheet,
 *         "Port 92".
 * Not modelled: the security lock (bit 3) and the disk lamps (bits 7-6), which only read back.
 */
#include "devices/port92.h"

#include "machine/trace.h"

enum { FAST_INIT = 0x01, FAST_A20 = 0x02 };

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct port92 *port = opaque;
    bool rising = value & ~port->latch & FAST_INIT;
    trace(IO, "port 92 = %02x", (unsigned)value);
    port->latch = value & ~FAST_A20;
    a20_set(port->a20, value & FAST_A20);
    if (rising)
        machine_request(port->machine, EVENT_RESET, "port 92");
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct port92 *port = opaque;
    return port->latch | (port->a20->on ? FAST_A20 : 0);
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct port92 *port = state;
    port->latch = 0;
}

static const struct field fields[] = {FIELD(U8, struct port92, latch), FIELD_END};

const struct device_ops port92_ops = {.name = "port92", .version = 1, .fields = fields, .reset = reset};

void port92_init(struct port92 *port, struct machine *machine, struct a20 *a20)
{
    *port = (struct port92){.a20 = a20, .machine = machine};
    port->ports = (struct port_range){"port 92", 0x92, 1, &bus, port, false, NULL};
    ioports_add(machine->ports, &port->ports);
    device_add(&machine->devices, &port->device, &port92_ops, port, "port92");
}
