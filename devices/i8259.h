/*
 * Intel 8259A interrupt controllers: the PC's pair in cascade, with the ELCR.  See i8259.c for source and coverage.
 */
#ifndef DEVICES_I8259_H
#define DEVICES_I8259_H

#include "machine/machine.h"

struct i8259_chip {
    /* Guest state. */
    u8 irr, isr, imr; /* named as in the datasheet */
    u8 lines;         /* input levels, to find edges */
    u8 elcr;          /* 1: that input is level triggered */
    u8 base;          /* T7-T3 of ICW2 */
    u8 icw1, icw3, icw4;
    u8 init_step;  /* the ICW that port 1 expects next (2-4), 0 when initialised */
    u8 lowest;     /* the input that has lowest priority: 7 unless rotated */
    bool read_isr; /* OCW3 RR/RIS: what port 0 reads */
    bool poll;     /* OCW3 P: the next read is an acknowledge */
    bool special_mask;
    bool rotate_aeoi;
    bool intr; /* our INT output */
    /* Wiring. */
    bool slave;
    u8 elcr_mask;
    struct i8259 *pic;
    /* For people. */
    u64 count[8]; /* acknowledgements */
};

struct i8259 {
    struct i8259_chip chip[2]; /* master, slave */
    struct irq intr;           /* INT of the master, to the CPU */
    struct device device;
    struct port_range ports[3]; /* 20-21, a0-a1, 4d0-4d1 */
};

/* Registers itself and its ports.  `intr` is copied; the caller sets machine->acknowledge to i8259_acknowledge. */
void i8259_init(struct i8259 *pic, struct machine *machine, const struct irq *intr);
/* Input 0-15.  2 is the cascade and not connected. */
struct irq i8259_irq(struct i8259 *pic, int irq);
/* The INTA cycle: the vector, with ISR and IRR changed.  Spurious requests give vector 7 of the chip asked. */
int i8259_acknowledge(void *pic);
/* Acknowledgements of input 0-15 since the machine was built. */
u64 i8259_count(const struct i8259 *pic, int irq);
/* Text for `info pic`. */
void i8259_info(const void *pic, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out);

extern const struct device_ops i8259_ops;

#endif
