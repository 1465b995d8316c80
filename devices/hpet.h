/*
 * High precision event timer: a counter of 100 MHz and three comparators.  See hpet.c for source and coverage.
 */
#ifndef DEVICES_HPET_H
#define DEVICES_HPET_H

#include "machine/machine.h"

#define HPET_BASE 0xfed00000u
#define HPET_SIZE 0x400u
#define HPET_HZ 100000000
#define HPET_TIMERS 3
#define HPET_ID 0x8086a201u    /* low half of the capabilities register */
#define HPET_ROUTES 0xf00000u  /* I/O APIC pins that a comparator can drive */

struct hpet_timer {
    /* Guest state. */
    u64 config;     /* without the capabilities */
    u64 comparator; /* in periodic mode the accumulator */
    u64 period;     /* last value written in periodic mode */
    u64 fsb;
    struct timer timer;
    /* Wiring. */
    struct hpet *hpet;
};

struct hpet {
    struct hpet_timer timers[HPET_TIMERS];
    u64 config, status;
    u64 counter;  /* while halted: its value; while running: what it was at tick 0 of the clock */
    /* Wiring. */
    struct clock *clock;
    struct irq irq0, irq8, legacy;
    struct irq pins[32]; /* I/O APIC inputs; those in HPET_ROUTES are used */
    bool levels[HPET_TIMERS]; /* what each comparator drives now */
    bool legacy_level;
    struct region window;
    struct device device;
};

/* irq0 and irq8: the lines that comparators 0 and 1 drive while `legacy` is high, when the board must hold back the
 * 8254 and the RTC.  pins[n]: I/O APIC input n, for n < 24. */
void hpet_init(struct hpet *hpet, struct machine *machine, const struct irq *irq0, const struct irq *irq8,
               const struct irq *legacy, const struct irq pins[24]);

extern const struct device_ops hpet_ops;

#endif
