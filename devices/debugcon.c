/*
 * Debug console: every byte written is a character for a person; a read tells that the console is there.
 *
 * Source: the convention of Bochs' port E9, kept by firmware: "reads E9h, or the console is taken as absent".
 * A back end that is busy gets up to one buffer later; what does not fit is dropped, as the guest cannot be told.
 */
#include "devices/debugcon.h"

#include <string.h>

#define PRESENT 0xe9

static void flush(void *opaque)
{
    struct debugcon *con = opaque;
    size_t taken = chardev_write(con->chr, con->waiting, con->length);
    con->length -= taken;
    memmove(con->waiting, con->waiting + taken, con->length);
}

static void put(struct debugcon *con, const u8 *data, size_t length)
{
    size_t taken = con->length ? 0 : chardev_write(con->chr, data, length);
    size_t rest = MIN(length - taken, sizeof(con->waiting) - con->length);
    memcpy(con->waiting + con->length, data + taken, rest);
    con->length += rest;
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    u8 byte = value;
    put(opaque, &byte, 1);
}

static void write_block(void *opaque, u64 offset, unsigned size, const void *data, unsigned count)
{
    put(opaque, data, count);
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    return PRESENT;
}

static const struct bus_ops bus = {
    .read = read,
    .write = write,
    .min_size = 1,
    .max_size = 1,
    .write_block = write_block,
};

/* Nothing comes back this way. */
static size_t room(void *opaque)
{
    return 0;
}

static void receive(void *opaque, const u8 *data, size_t length) {}

static const struct field fields[] = {FIELD_END};

const struct device_ops debugcon_ops = {.name = "debugcon", .version = 1, .fields = fields};

void debugcon_init(struct debugcon *con, struct machine *machine, u16 base, struct chardev *chr)
{
    *con = (struct debugcon){.chr = chr};
    if (chr)
        chr->user = (struct chardev_user){.room = room, .receive = receive, .writable = flush, .opaque = con};
    con->ports = (struct port_range){"debugcon", base, 1, &bus, con, false, NULL};
    ioports_add(machine->ports, &con->ports);
    device_add(&machine->devices, &con->device, &debugcon_ops, con, "debugcon");
}
