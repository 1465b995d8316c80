/*
 * Motorola MC146818 real-time clock with the PC's 128 bytes of CMOS.  See mc146818.c for source and coverage.
 */
#ifndef DEVICES_MC146818_H
#define DEVICES_MC146818_H

#include "machine/machine.h"

struct mc146818 {
    /* Guest state. */
    u8 cmos[128];       /* 00-09 the clock, 0a-0d registers A-D, the rest battery-backed RAM */
    u8 index;           /* as written to port 70; bit 7 masks NMI */
    u64 phase;          /* ns at which the divider chain passed a whole second */
    u64 updates;        /* whole seconds since `phase` that the clock bytes have counted */
    u64 periods;        /* periodic edges since `phase` that PF has seen */
    u64 lead;           /* ns that it has counted beyond virtual time, with the host */
    struct timer timer; /* next event that may raise IRQ 8 */
    /* Wiring. */
    struct clock *clock;
    enum host_time follows;
    struct irq irq;
    struct device device;
    struct port_range ports;
};

/* Sets the clock from clock_epoch() (UTC seconds; -rtc base=localtime adds its offset there) in BCD, 24 hours.
 * If the epoch is changed later, before the machine runs: mc146818_set_time. */
void mc146818_init(struct mc146818 *rtc, struct machine *machine, const struct irq *irq8);
/* The calendar counts the host's time instead of virtual time (-rtc clock=host, rt); it never goes back. */
void mc146818_follow(struct mc146818 *rtc, enum host_time host);
void mc146818_set_time(struct mc146818 *rtc, i64 unix_seconds);
void mc146818_set_cmos(struct mc146818 *rtc, u8 index, u8 value);
u8 mc146818_cmos(const struct mc146818 *rtc, u8 index);
/* Port 70 bit 7: NMI does not reach the CPU. */
static inline bool mc146818_nmi_masked(const struct mc146818 *rtc)
{
    return rtc->index & 0x80;
}

extern const struct device_ops mc146818_ops;

#endif
