/*
 * Intel 8042 keyboard controller with the PS/2 auxiliary port.  See i8042.c for source and coverage.
 */
#ifndef DEVICES_I8042_H
#define DEVICES_I8042_H

#include "devices/a20.h"
#include "devices/ps2.h"
#include "machine/machine.h"

struct i8042 {
    /* Guest state. */
    u8 status;            /* bits OBF, system flag, command/data, AUX OBF; the others are constant */
    u8 output;            /* output buffer */
    u8 ram[32];           /* ram[0] is the command byte */
    u8 output_port;       /* bits 0 (reset) and 2-7; A20 is in the gate */
    u8 command;           /* command that waits for its data byte, 0 for none */
    bool from_controller; /* the byte in the output buffer is a command's answer */
    bool mouse_turn;      /* both devices have something: the mouse goes next */
    bool held;            /* a device byte was displaced by an answer and comes back after it */
    u8 held_byte;
    bool held_aux;
    bool break_code;       /* translation saw F0 */
    struct timer delivery; /* the next device byte reaches the output buffer */
    /* Wiring. */
    struct machine *machine;
    struct a20 *a20;
    struct irq irq1, irq12;
    struct ps2_device *keyboard, *mouse;
    struct device device;
    struct port_range ports[2]; /* 60, 64 */
};

/* keyboard and mouse may be NULL: nothing plugged in.  With no mouse the chip still has the auxiliary port. */
void i8042_init(struct i8042 *kbc, struct machine *machine, struct a20 *a20, const struct irq *irq1,
                const struct irq *irq12, struct ps2_device *keyboard, struct ps2_device *mouse);

extern const struct device_ops i8042_ops;

#endif
