/*
 * The A20 gate: one latch that port 92 and the 8042's output port both write and both read back.
 */
#ifndef DEVICES_A20_H
#define DEVICES_A20_H

#include "machine/machine.h"

struct a20 {
    bool on; /* false: address bit 20 is forced to 0 */
    struct machine *machine;
    struct device device;
};

/* On after reset, as the pull-up on the 8042's output leaves it. */
void a20_init(struct a20 *a20, struct machine *machine);
void a20_set(struct a20 *a20, bool on);

extern const struct device_ops a20_ops;

#endif
