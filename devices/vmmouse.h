/*
 * VMware's absolute pointer, behind the backdoor port 5658h.  See vmmouse.c for source and coverage.
 */
#ifndef DEVICES_VMMOUSE_H
#define DEVICES_VMMOUSE_H

#include "devices/ps2_mouse.h"
#include "machine/machine.h"

#define VMMOUSE_QUEUE 256 /* words, a power of two */

struct vmmouse {
    /* Guest state. */
    u32 queue[VMMOUSE_QUEUE];
    u16 head, count; /* head is masked where it is used */
    bool enabled;    /* the driver asked for the device */
    bool absolute;   /* and for positions */
    bool overflow;
    /* Wiring. */
    struct ps2_mouse *mouse; /* makes the interrupts */
    struct machine *machine;
    struct device device;
    struct port_range ports;
};

/* Takes machine->input.tablet. */
void vmmouse_init(struct vmmouse *vm, struct machine *machine, struct ps2_mouse *mouse);

extern const struct device_ops vmmouse_ops;

#endif
