/*
 * System control port A (92h): fast A20 and fast reset.
 */
#ifndef DEVICES_PORT92_H
#define DEVICES_PORT92_H

#include "devices/a20.h"
#include "machine/machine.h"

struct port92 {
    u8 latch; /* bits other than A20 */
    /* Wiring. */
    struct a20 *a20;
    struct machine *machine;
    struct device device;
    struct port_range ports;
};

void port92_init(struct port92 *port, struct machine *machine, struct a20 *a20);

extern const struct device_ops port92_ops;

#endif
