/*
 * The gdb server's q and Q packets: what it supports, the target description, threads, monitor commands, and QEMU's
 * settings of single steps and physical memory.
 *
 * Source: "Debugging with GDB", "General Query Packets"; QEMU's documentation, "GDB usage" (maintenance packets).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/gdb/session.h"

/* "name" or "name:..." or "name,..."; *rest is what follows the name. */
static bool is(const char *text, const char *name, const char **rest)
{
    size_t length = strlen(name);
    if (strncmp(text, name, length))
        return false;
    *rest = text + length;
    return true;
}

static void features(struct gdb *gdb, const char *range)
{
    u64 offset, length;
    if (!gdb_number(&range, &offset) || !gdb_skip(&range, ',') || !gdb_number(&range, &length))
        return gdb_error(gdb, EINVAL);
    if (offset > gdb->xml_length)
        return gdb_error(gdb, EINVAL);
    length = MIN(length, GDB_PACKET_MAX / 2);
    bool more = length < gdb->xml_length - offset;
    gdb_put(&gdb->reply, more ? "m" : "l");
    gdb_put_bytes(&gdb->reply, gdb->xml + offset, more ? length : gdb->xml_length - offset);
}

static void thread_name(struct gdb *gdb)
{
    char text[64];
    bool halted = gdb_cpu(gdb)->activity != ACTIVITY_ACTIVE;
    int length = snprintf(text, sizeof(text), "CPU#0 [%s]", halted ? "halted" : "running");
    gdb_put_hex(&gdb->reply, text, (size_t)length);
}

/* --- the monitor --- */

static size_t console_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct gdb *gdb = container_of(chr, struct gdb, console);
    if (!gdb->busy) /* gdb takes it as the answer to a command only */
        return length;
    for (size_t at = 0; at < length;) {
        gdb->reply.length = 0;
        gdb_put(&gdb->reply, "O");
        for (; at < length && gdb->reply.length < GDB_PACKET_MAX / 4; at++)
            if (data[at] != '\r')
                gdb_put_hex(&gdb->reply, &data[at], 1);
        if (gdb->reply.length > 1)
            gdb_send(gdb);
    }
    gdb->reply.length = 0;
    return length;
}

static bool console_focused(struct chardev *chr) { return false; } /* no greeting */

static void monitor(struct gdb *gdb, const char *hex)
{
    static const struct chardev_ops ops = {.name = "gdb", .write = console_write, .focused = console_focused};
    char line[256];
    size_t length = strlen(hex) / 2;
    if (length >= sizeof(line) || !gdb_bytes(&hex, line, length))
        return gdb_error(gdb, EINVAL);
    line[length] = 0;
    if (!gdb->monitor) {
        gdb->console = (struct chardev){.ops = &ops};
        gdb->monitor = monitor_create(gdb->machine, gdb->accel, &gdb->console);
    }
    if (!gdb->monitor)
        return gdb_error(gdb, ENOMEM);
    monitor_command(gdb->monitor, line);
    gdb_ok(gdb);
}

void gdb_query_close(struct gdb *gdb)
{
    monitor_destroy(gdb->monitor);
    gdb->monitor = NULL;
}

/* --- dispatch --- */

void gdb_query(struct gdb *gdb, const char *text)
{
    struct gdb_text *reply = &gdb->reply;
    const char *rest;
    if (is(text, "Supported", &rest))
        gdb_put(reply, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+", GDB_PACKET_MAX);
    else if (is(text, "Xfer:features:read:target.xml:", &rest))
        features(gdb, rest);
    else if (is(text, "Rcmd,", &rest))
        monitor(gdb, rest);
    else if (!strcmp(text, "C"))
        gdb_put(reply, "QC1");
    else if (!strcmp(text, "fThreadInfo"))
        gdb_put(reply, "m1");
    else if (!strcmp(text, "sThreadInfo"))
        gdb_put(reply, "l");
    else if (is(text, "ThreadExtraInfo,", &rest))
        thread_name(gdb);
    else if (is(text, "Attached", &rest))
        gdb_put(reply, "1");
    else if (!strcmp(text, "qemu.sstepbits"))
        gdb_put(reply, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ, SSTEP_NOTIMER);
    else if (!strcmp(text, "qemu.sstep"))
        gdb_put(reply, "0x%x", gdb->sstep);
    else if (!strcmp(text, "qemu.PhyMemMode"))
        gdb_put(reply, "%d", gdb->physical);
}

void gdb_set(struct gdb *gdb, const char *text)
{
    const char *rest;
    if (!strcmp(text, "StartNoAckMode")) {
        gdb_ok(gdb);
        gdb_send(gdb);
        gdb->no_acks = true;
        gdb->answered = true;
    } else if (is(text, "qemu.PhyMemMode:", &rest)) {
        gdb->physical = *rest == '1';
        gdb_ok(gdb);
    } else if (is(text, "qemu.sstep=", &rest)) {
        gdb->sstep = (unsigned)strtoul(rest, NULL, 16) & (SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER);
        gdb_ok(gdb);
    }
}
