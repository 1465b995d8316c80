/*
 * Intel 8254 programmable interval timer.  See i8254.c for source and coverage.
 */
#ifndef DEVICES_I8254_H
#define DEVICES_I8254_H

#include "machine/machine.h"

#define I8254_HZ 1193182

struct i8254_counter {
    /* Guest state.  All times are ticks of the 1.193182 MHz input clock since power-on. */
    u16 reload;      /* count register CR, as written */
    u16 count;       /* what the counting element CE was loaded with */
    u8 control;      /* RW, M and BCD bits of the control word, in their places */
    u8 written_low;  /* first byte of a two-byte count */
    bool half_write; /* the high byte is to be written next */
    bool half_read;  /* the high byte is to be read next */
    u8 latched;      /* bytes of the latched count still to be read */
    u16 latch;       /* output latch OL */
    bool status_latched;
    u8 status;
    bool has_count;  /* a count was written since the control word */
    bool loaded;     /* CE runs from it */
    bool null_count; /* CR holds a count that CE has not got yet */
    u64 start;       /* tick at which CE held `count` */
    u64 reload_at;   /* modes 2, 3: when CE takes a new count; 0 if none waits */
    bool gate;
    bool stopped; /* by GATE */
    u64 held;     /* ticks counted until then */
};

struct i8254 {
    struct i8254_counter counter[3];
    struct timer timer; /* next rising edge of OUT 0 */
    bool out0;          /* level last given to the wire */
    /* Wiring. */
    struct clock *clock;
    struct irq irq; /* OUT 0 */
    void (*before_change)(void *opaque); /* counter 2 is about to change: for the speaker; may be NULL */
    void *before_change_opaque;
    struct device device;
    struct port_range ports; /* 40-43 */
};

void i8254_init(struct i8254 *pit, struct machine *machine, const struct irq *out0);
void i8254_set_gate(struct i8254 *pit, int channel, bool level);
/* OUT of a channel now. */
bool i8254_out(struct i8254 *pit, int channel);
/* OUT at `tick`, which is not before the last change of the channel, and the first tick at which it may differ. */
bool i8254_out_at(struct i8254 *pit, int channel, u64 tick, u64 *until);

extern const struct device_ops i8254_ops;

#endif
