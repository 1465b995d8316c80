/*
 * Debug console: a port whose writes are characters and which reads E9h (Bochs' port e9, SeaBIOS's port 402).
 */
#ifndef DEVICES_DEBUGCON_H
#define DEVICES_DEBUGCON_H

#include "devices/char/char.h"
#include "machine/machine.h"

struct debugcon {
    struct chardev *chr;
    u8 waiting[1024]; /* host side only: what the back end has not taken yet */
    size_t length;
    struct device device;
    struct port_range ports;
};

void debugcon_init(struct debugcon *con, struct machine *machine, u16 base, struct chardev *chr);

extern const struct device_ops debugcon_ops;

#endif
