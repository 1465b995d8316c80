/*
 * System control port B (61h): speaker and timer 2 gate, NMI masks, refresh toggle.
 */
#ifndef DEVICES_PORT61_H
#define DEVICES_PORT61_H

#include "devices/i8254.h"
#include "machine/machine.h"

struct port61 {
    u8 latch; /* the four writable bits */
    /* Wiring. */
    struct i8254 *pit;
    struct clock *clock;
    /* Speaker data (bit 1), called at every write before the gate of timer 2 changes; may be NULL. */
    void (*speaker)(void *opaque, bool data);
    void *speaker_opaque;
    struct device device;
    struct port_range ports;
};

void port61_init(struct port61 *port, struct machine *machine, struct i8254 *pit);

extern const struct device_ops port61_ops;

#endif
