/*
 * Game control adapter with two joysticks of two axes and two buttons.
 *
 * Source: IBM Options and Adapters Technical Reference, "IBM Game Control Adapter": a write starts four one-shots whose
 *         times follow from the sticks' resistances: 24.2 us + 0.011 us for each ohm, of 0 to 100 kilohms.
 *         IBM PC/AT Technical Reference, "I/O Channel": an 8-bit I/O cycle takes six clocks of 8 MHz.
 * Modelled: the four one-shots in guest time, the four buttons; without a joystick the resistance is infinite, and a
 *         one-shot that was started never ends.  Programs time the one-shots by the number of their reads, so a read
 *         counts as a bus cycle at least, however fast the processor is.
 */
#include "devices/gameport.h"

#include <string.h>

#include "machine/trace.h"

enum { PORT = 0x201 };

#define BASE_NS 24200u
#define CYCLE_NS 750u
#define FULL_NS 1100000u /* 100 kilohms at 0.011 us */

/* How long the one-shot of an axis stays high. */
static u64 one_shot_ns(const struct gameport *port, int axis)
{
    u32 position = (u32)(port->axes[axis] + 32768);
    return BASE_NS + (u64)position * FULL_NS / 65535;
}

static bool is_high(const struct gameport *port, int axis, u64 passed)
{
    return port->fired && (!port->connected || passed < one_shot_ns(port, axis));
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct gameport *port = opaque;
    port->reads += port->reads < UINT32_MAX;
    u64 passed = MAX(clock_ns(port->clock) - port->fired_at, (u64)port->reads * CYCLE_NS);
    u8 value = (u8)((~port->buttons & 15u) << 4); /* a button pulls its line low */
    for (int axis = 0; axis < INPUT_JOYSTICK_AXES; axis++)
        value |= is_high(port, axis, passed) << axis;
    return value;
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct gameport *port = opaque;
    port->fired = true;
    port->fired_at = clock_ns(port->clock);
    port->reads = 0;
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void set(void *opaque, const i16 *axes, unsigned buttons)
{
    struct gameport *port = opaque;
    port->connected = axes != NULL;
    port->buttons = axes ? buttons & 15 : 0;
    if (axes)
        memcpy(port->axes, axes, sizeof(port->axes));
}

static void reset(void *state)
{
    struct gameport *port = state;
    port->fired = false;
    port->reads = 0;
    port->fired_at = 0;
}

static const struct field fields[] = {
    FIELD(BOOL, struct gameport, fired),
    FIELD(U64, struct gameport, fired_at),
    FIELD(U32, struct gameport, reads),
    FIELD_END,
};

const struct device_ops gameport_ops = {.name = "gameport", .version = 1, .fields = fields, .reset = reset};

void gameport_init(struct gameport *port, struct machine *machine)
{
    *port = (struct gameport){.clock = machine->clock};
    port->ports = (struct port_range){"game port", PORT, 1, &bus, port, false, NULL};
    ioports_add(machine->ports, &port->ports);
    machine->input.joystick = (struct input_joystick){.set = set, .opaque = port};
    device_add(&machine->devices, &port->device, &gameport_ops, port, "gameport");
}
