/*
 * Intel 82093AA I/O APIC.  See ioapic.c for source and coverage.
 */
#ifndef DEVICES_IOAPIC_H
#define DEVICES_IOAPIC_H

#include "devices/lapic.h"

#define IOAPIC_BASE 0xfec00000u
#define IOAPIC_PINS 24

struct ioapic {
    /* Guest state. */
    u8 regsel;
    u32 id, arbitration;
    u64 redirection[IOAPIC_PINS];
    u32 levels; /* input levels, to find edges */
    u64 sent[IOAPIC_PINS]; /* messages since power-on, for `info irq` */
    /* Wiring. */
    struct lapics *apics;
    struct region window;
    struct device device;
};

void ioapic_init(struct ioapic *ioapic, struct machine *machine, struct lapics *apics);
/* Input 0-23.  The wire carries "asserted", whatever the polarity. */
struct irq ioapic_irq(struct ioapic *ioapic, int pin);

extern const struct device_ops ioapic_ops;

#endif
