/*
 * The PC's way of reporting x87 errors: FERR# latches IRQ 13, port F0 clears it and asserts IGNNE#.
 */
#ifndef DEVICES_FPU_IRQ13_H
#define DEVICES_FPU_IRQ13_H

#include "machine/machine.h"

struct fpu_irq13 {
    /* Guest state. */
    bool ferr;  /* level of FERR# from the CPU (true: asserted) */
    bool latch; /* IRQ 13 */
    bool ignne; /* IGNNE# asserted: until FERR# goes away */
    /* Wiring. */
    struct irq irq13;
    struct irq ignne_out; /* to the CPU; may be unconnected */
    struct device device;
    struct port_range ports; /* f0-f1 */
};

void fpu_irq13_init(struct fpu_irq13 *port, struct machine *machine, const struct irq *irq13);
/* The FERR# input: the CPU sets it when CR0.NE = 0 and an unmasked x87 exception is pending. */
struct irq fpu_irq13_ferr(struct fpu_irq13 *port);
/* Where IGNNE# goes (true: the CPU ignores x87 errors). */
void fpu_irq13_connect_ignne(struct fpu_irq13 *port, const struct irq *ignne);

extern const struct device_ops fpu_irq13_ops;

#endif
