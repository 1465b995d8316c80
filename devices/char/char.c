/*
 * Opening character back ends by their names on the command line, and the one that is nothing.
 */
#include "devices/char/char.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/char/backends.h"

static size_t null_write(struct chardev *chr, const u8 *data, size_t length)
{
    return length;
}

static void null_close(struct chardev *chr)
{
    free(chr);
}

static const struct chardev_ops null_ops = {.name = "null", .write = null_write, .close = null_close};

struct chardev *char_null_open(void)
{
    struct chardev *chr = calloc(1, sizeof(*chr));
    if (chr)
        chr->ops = &null_ops;
    return chr;
}

/* What follows "name:" in spec, or NULL. */
static const char *after(const char *spec, const char *name)
{
    size_t length = strlen(name);
    return !strncmp(spec, name, length) && spec[length] == ':' ? spec + length + 1 : NULL;
}

static struct chardev *open_muxed(const char *spec, struct loop *loop, struct error *err)
{
    struct chardev *lower = chardev_open(spec, loop, err);
    struct char_mux *mux = lower ? chardev_mux(lower, NULL, NULL) : NULL;
    return mux ? chardev_mux_port(mux, "serial0") : NULL;
}

struct chardev *chardev_open(const char *spec, struct loop *loop, struct error *err)
{
    const char *rest;
    if (!strcmp(spec, "null") || !strcmp(spec, "none") || !strcmp(spec, "vc") || after(spec, "vc"))
        return char_null_open();
    if (!strcmp(spec, "stdio"))
        return char_stdio_open(loop, err);
    if (!strcmp(spec, "pty"))
        return char_pty_open(loop, err);
    if ((rest = after(spec, "mon")) && !after(rest, "mon"))
        return open_muxed(rest, loop, err);
    if ((rest = after(spec, "file")))
        return char_file_open(rest, loop, err);
    if ((rest = after(spec, "tcp")))
        return char_tcp_open(rest, loop, err);
    if ((rest = after(spec, "unix")))
        return char_unix_open(rest, loop, err);
    error_set(
        err, EINVAL,
        "character device '%s': not one of null, none, stdio, mon:stdio, file:PATH, pty, tcp:HOST:PORT, unix:PATH",
        spec);
    return NULL;
}

void chardev_close(struct chardev *chr)
{
    if (chr)
        chr->ops->close(chr);
}
