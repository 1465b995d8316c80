/*
 * The A20 gate.  On real boards the 8042's output pin 1 and port 92 bit 1 are combined; here both are views of one
 * latch, so that either of them can open and close the gate and each reads back what the other did.
 *
 * Source: Intel 82371SB (PIIX3) datasheet, "A20M#"; IBM PS/2 Hardware Interface Technical Reference, "System Control
 *         Port A".
 */
#include "devices/a20.h"

void a20_set(struct a20 *a20, bool on)
{
    if (on == a20->on)
        return;
    a20->on = on;
    machine_a20(a20->machine, on);
}

static void loaded(void *state)
{
    struct a20 *a20 = state;
    machine_a20(a20->machine, a20->on);
}

static void reset(void *state)
{
    struct a20 *a20 = state;
    a20->on = true;
    machine_a20(a20->machine, true);
}

static const struct field fields[] = {FIELD(BOOL, struct a20, on), FIELD_END};

const struct device_ops a20_ops = {.name = "a20", .version = 1, .fields = fields, .reset = reset, .loaded = loaded};

void a20_init(struct a20 *a20, struct machine *machine)
{
    *a20 = (struct a20){.on = true, .machine = machine};
    device_add(&machine->devices, &a20->device, &a20_ops, a20, "a20");
}
