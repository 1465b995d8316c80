/*
 * Where the gdb server listens.  A process has one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devices/char/char.h"
#include "ui/gdb/gdb.h"

static struct {
    struct gdb *gdb;
    struct chardev *chr;
    char where[256];
} server;

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* A chardev's spec: a server that nobody waits for.  Whoever reaches it rules the guest, so that without a HOST it is for
 * this host only. */
static int spec_of(const char *where, char *spec, size_t size, struct error *err)
{
    bool tcp = begins(where, "tcp:"), local = begins(where, "tcp::");
    if (!tcp && !begins(where, "unix:")) {
        if (!strcmp(where, "stdio") || !strcmp(where, "pty"))
            return snprintf(spec, size, "%s", where), 0;
        return error_set(err, EINVAL, "gdb: '%s': there are tcp:HOST:PORT, tcp::PORT, unix:PATH, stdio and pty", where);
    }
    const char *options = strchr(where, ',') ? strchr(where, ',') : where + strlen(where);
    const char *name = where + (local ? strlen("tcp:") : 0);
    int length = snprintf(spec, size, "%s%.*s,server,nowait%s", local ? "tcp:127.0.0.1" : "", (int)(options - name),
                          name, options);
    return length < 0 || (size_t)length >= size ? error_set(err, EINVAL, "gdb: '%.40s...' is too long", where) : 0;
}

int gdb_start(struct machine *machine, struct accel *accel, const char *where, struct error *err)
{
    char spec[sizeof(server.where) + 32];
    struct error why;
    bool none = !strcmp(where, "none");
    int r = accel_can_debug(accel, err);
    if (server.gdb && gdb_is_busy(server.gdb))
        return error_set(err, EBUSY, "gdb cannot change the server that it speaks to");
    if (r == 0 && !none)
        r = spec_of(where, spec, sizeof(spec), err);
    if (r < 0)
        return r;
    gdb_stop(0);
    if (none)
        return 0;
    server.chr = chardev_open(spec, machine->loop, &why);
    if (!server.chr)
        return error_set(err, EADDRINUSE, "gdb: %s", why.text);
    server.gdb = gdb_open(machine, accel, server.chr);
    snprintf(server.where, sizeof(server.where), "%s", where);
    return server.gdb ? 0 : error_set(err, ENOMEM, "out of memory for the gdb server");
}

void gdb_stop(int status)
{
    if (server.gdb)
        gdb_close(server.gdb, status);
    chardev_close(server.chr);
    memset(&server, 0, sizeof(server));
}

const char *gdb_where(void) { return server.gdb ? server.where : NULL; }
