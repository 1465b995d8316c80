/*
 * System control port B: timer 2 gate, speaker data, NMI masks, refresh toggle, OUT 2.
 *
 * Source: Intel 82371SB (PIIX3) datasheet, "NMISC - NMI Status and Control Register"; IBM PC/AT Technical Reference.
 * Modelled: the four writable bits, OUT 2, and the refresh toggle at counter 1's rate of 18 clocks (15.1 us).
 * Not modelled: SERR# and IOCHK# (bits 7 and 6 read 0: nothing on this board raises them).
 */
#include "devices/port61.h"

#define REFRESH_CLOCKS 18

enum { GATE2 = 0x01, SPEAKER = 0x02, WRITABLE = 0x0f, REFRESH = 0x10, OUT2 = 0x20 };

static void apply(struct port61 *port)
{
    if (port->speaker)
        port->speaker(port->speaker_opaque, port->latch & SPEAKER);
    i8254_set_gate(port->pit, 2, port->latch & GATE2);
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct port61 *port = opaque;
    port->latch = value & WRITABLE;
    apply(port);
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct port61 *port = opaque;
    bool refresh = clock_ticks(port->clock, I8254_HZ) / REFRESH_CLOCKS & 1;
    return port->latch | (refresh ? REFRESH : 0) | (i8254_out(port->pit, 2) ? OUT2 : 0);
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct port61 *port = state;
    port->latch = 0;
    apply(port);
}

static const struct field fields[] = {FIELD(U8, struct port61, latch), FIELD_END};

const struct device_ops port61_ops = {.name = "port61", .version = 1, .fields = fields, .reset = reset};

void port61_init(struct port61 *port, struct machine *machine, struct i8254 *pit)
{
    *port = (struct port61){.pit = pit, .clock = machine->clock};
    port->ports = (struct port_range){"port 61", 0x61, 1, &bus, port, false, NULL};
    ioports_add(machine->ports, &port->ports);
    device_add(&machine->devices, &port->device, &port61_ops, port, "port61");
}
