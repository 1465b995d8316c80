/*
 * isa-debug-exit: how test kernels end the emulator and give it a status.
 *
 * Source: the convention of QEMU's `-device isa-debug-exit`: writing v exits with (v << 1) | 1; reads give 0.
 */
#include "devices/debug_exit.h"

#include <errno.h>

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct debug_exit *port = opaque;
    machine_guest_exit(port->machine, (int)((u32)value << 1 | 1));
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    return 0;
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 4};

static const struct field fields[] = {FIELD_END};

const struct device_ops debug_exit_ops = {.name = "debug-exit", .version = 1, .fields = fields};

int debug_exit_init(struct debug_exit *port, struct machine *machine, u32 iobase, u32 iosize, struct error *err)
{
    if (iosize != 1 && iosize != 2 && iosize != 4)
        return error_set(err, EINVAL, "isa-debug-exit: iosize=%u: must be 1, 2 or 4", iosize);
    if (iobase > 0x10000 - iosize)
        return error_set(err, EINVAL, "isa-debug-exit: iobase=0x%x: I/O ports end at 0xffff", iobase);
    *port = (struct debug_exit){.machine = machine};
    port->ports = (struct port_range){"debug-exit", iobase, iosize, &bus, port, false, NULL};
    ioports_add(machine->ports, &port->ports);
    device_add(&machine->devices, &port->device, &debug_exit_ops, port, "debug-exit");
    return 0;
}
