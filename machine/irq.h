/*
 * A wire that carries one level.  The receiving chip hands it out; the sending chip keeps it and calls irq_set.
 */
#ifndef MACHINE_IRQ_H
#define MACHINE_IRQ_H

#include "machine/types.h"

struct irq {
    void (*set)(void *opaque, int line, bool level); /* NULL: not connected */
    void *opaque;
    int line;
};

static inline void irq_set(const struct irq *irq, bool level)
{
    if (irq->set)
        irq->set(irq->opaque, irq->line, level);
}

static inline void irq_pulse(const struct irq *irq)
{
    irq_set(irq, true);
    irq_set(irq, false);
}

#endif
