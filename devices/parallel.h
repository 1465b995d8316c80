/*
 * PC parallel port (SPP, Centronics).  See parallel.c for source and coverage.
 */
#ifndef DEVICES_PARALLEL_H
#define DEVICES_PARALLEL_H

#include "devices/char/char.h"
#include "machine/machine.h"

struct parallel {
    /* Guest state. */
    u8 data, control;
    bool busy; /* a character waits for the back end */
    u8 waiting;
    bool ack;               /* nACK is low */
    struct timer ack_timer; /* it rises again */
    /* Wiring. */
    struct clock *clock;
    struct chardev *chr;
    struct irq irq;
    struct device device;
    struct port_range ports; /* base .. base + 2 */
};

/* chr may be NULL: no printer.  id: "lpt1". */
void parallel_init(struct parallel *lpt, struct machine *machine, u16 base, const struct irq *irq, struct chardev *chr,
                   const char *id);

extern const struct device_ops parallel_ops;

#endif
