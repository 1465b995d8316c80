/*
 * Roland MPU-401 in UART mode.  See mpu401.c for source and coverage.
 */
#ifndef DEVICES_MPU401_H
#define DEVICES_MPU401_H

#include "devices/char/char.h"
#include "machine/machine.h"

struct mpu401 {
    /* Guest state. */
    bool uart;
    u8 in[32], in_count, last_in;
    /* Wiring. */
    struct irq irq;       /* a byte waits */
    struct chardev *midi; /* where MIDI goes and comes from; may be NULL */
    struct device device;
    struct port_range ports;
};

/* Two ports from `base`.  The board owns midi. */
void mpu401_init(struct mpu401 *mpu, struct machine *machine, u16 base, const struct irq *irq, struct chardev *midi);
/* A byte to the MIDI OUT connector from another chip of the card. */
void mpu401_send(struct mpu401 *mpu, u8 byte);

extern const struct device_ops mpu401_ops;

#endif
