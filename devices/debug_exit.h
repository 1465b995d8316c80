/*
 * isa-debug-exit: a guest writes v to end the emulator with status (v << 1) | 1.
 */
#ifndef DEVICES_DEBUG_EXIT_H
#define DEVICES_DEBUG_EXIT_H

#include "machine/machine.h"

struct debug_exit {
    struct machine *machine;
    struct device device;
    struct port_range ports;
};

/* iosize: 1, 2 or 4 ports (QEMU's defaults are iobase 501h, iosize 2).  0, or -EINVAL. */
int debug_exit_init(struct debug_exit *port, struct machine *machine, u32 iobase, u32 iosize, struct error *err);

extern const struct device_ops debug_exit_ops;

#endif
