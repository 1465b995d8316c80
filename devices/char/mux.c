/*
 * The Ctrl-A multiplexer: several front ends (serial port, monitor) over one character device.
 *
 * Everybody's output appears; input goes to the port that has the focus.  The multiplexer reads on while that port is
 * full, so that Ctrl-A x always works, and keeps what it read for it; nothing is dropped up to BACKLOG_MAX, and beyond
 * that it stops reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/char/backends.h"

#define MAX_PORTS 8
#define CTRL_A 1
#define BACKLOG_MAX (1u << 20)

struct port {
    struct chardev chr;
    struct char_mux *mux;
    char name[24];
    u8 *backlog; /* input that the user has not taken: count bytes from start */
    size_t start, count, capacity;
    bool open;
};

struct char_mux {
    struct chardev *lower;
    struct port *ports[MAX_PORTS];
    int port_count;
    int focus;
    bool escaped; /* Ctrl-A was the last byte */
    void (*quit)(void *opaque);
    void *opaque;
};

static struct port *port_of(struct chardev *chr)
{
    return container_of(chr, struct port, chr);
}

static void say(struct char_mux *mux, const char *text)
{
    chardev_write(mux->lower, text, strlen(text));
}

/* Hand the user as much of the backlog as it takes. */
static void deliver(struct port *port)
{
    size_t room;
    while (port->count && (room = chardev_room(&port->chr)) > 0) {
        size_t piece = MIN(room, port->count);
        size_t start = port->start;
        port->start += piece;
        port->count -= piece;
        port->chr.user.receive(port->chr.user.opaque, port->backlog + start, piece);
    }
    if (!port->count)
        port->start = 0;
}

static bool make_room(struct port *port)
{
    if (port->start + port->count < port->capacity)
        return true;
    if (port->start) {
        memmove(port->backlog, port->backlog + port->start, port->count);
        port->start = 0;
        return true;
    }
    size_t capacity = port->capacity ? port->capacity * 2 : 256;
    u8 *larger = capacity <= 2 * BACKLOG_MAX ? realloc(port->backlog, capacity) : NULL;
    if (!larger)
        return false;
    port->backlog = larger;
    port->capacity = capacity;
    return true;
}

static void append(struct port *port, u8 byte)
{
    if (make_room(port))
        port->backlog[port->start + port->count++] = byte;
}

static void set_focus(struct char_mux *mux, int focus)
{
    if (focus == mux->focus)
        return;
    chardev_event(&mux->ports[mux->focus]->chr, CHAR_UNFOCUS);
    mux->focus = focus;
    chardev_event(&mux->ports[focus]->chr, CHAR_FOCUS);
}

static void next_port(struct char_mux *mux)
{
    int next = mux->focus;
    do
        next = (next + 1) % mux->port_count;
    while (!mux->ports[next]->open && next != mux->focus);
    set_focus(mux, next);
}

static void help(struct char_mux *mux)
{
    char line[80];
    say(mux, "\r\n"
             "Ctrl-A h    this help\r\n"
             "Ctrl-A x    end the emulator\r\n"
             "Ctrl-A c    go on to the next of:");
    for (int i = 0; i < mux->port_count; i++) {
        snprintf(line, sizeof(line), " %s", mux->ports[i]->name);
        say(mux, line);
    }
    say(mux, "\r\n"
             "Ctrl-A b    send a break (Linux: magic SysRq)\r\n"
             "Ctrl-A Ctrl-A  send Ctrl-A\r\n");
}

static void command(struct char_mux *mux, u8 byte)
{
    switch (byte) {
    case CTRL_A: append(mux->ports[mux->focus], CTRL_A); break;
    case 'x':
        say(mux, "\r\n");
        if (mux->quit)
            mux->quit(mux->opaque);
        break;
    case 'c': next_port(mux); break;
    case 'b': chardev_event(&mux->ports[mux->focus]->chr, CHAR_BREAK); break;
    case 'h':
    case '?': help(mux); break;
    default: break;
    }
}

static size_t mux_room(void *opaque)
{
    struct char_mux *mux = opaque;
    size_t count = mux->ports[mux->focus]->count;
    return count < BACKLOG_MAX ? BACKLOG_MAX - count : 0;
}

static void mux_receive(void *opaque, const u8 *data, size_t length)
{
    struct char_mux *mux = opaque;
    for (size_t i = 0; i < length; i++) {
        if (mux->escaped) {
            mux->escaped = false;
            command(mux, data[i]);
        } else if (data[i] == CTRL_A) {
            mux->escaped = true;
        } else {
            append(mux->ports[mux->focus], data[i]);
        }
    }
    for (int i = 0; i < mux->port_count; i++)
        deliver(mux->ports[i]);
}

static void mux_event(void *opaque, enum char_event event)
{
    struct char_mux *mux = opaque;
    for (int i = 0; i < mux->port_count; i++)
        chardev_event(&mux->ports[i]->chr, event);
}

static void mux_writable(void *opaque)
{
    struct char_mux *mux = opaque;
    for (int i = 0; i < mux->port_count; i++)
        if (mux->ports[i]->chr.user.writable)
            mux->ports[i]->chr.user.writable(mux->ports[i]->chr.user.opaque);
}

static size_t port_write(struct chardev *chr, const u8 *data, size_t length)
{
    return chardev_write(port_of(chr)->mux->lower, data, length);
}

static void port_set_break(struct chardev *chr, bool on)
{
    struct chardev *lower = port_of(chr)->mux->lower;
    if (lower->ops->set_break)
        lower->ops->set_break(lower, on);
}

static void port_accept_input(struct chardev *chr)
{
    deliver(port_of(chr));
    chardev_accept_input(port_of(chr)->mux->lower);
}

static bool port_focused(struct chardev *chr)
{
    struct char_mux *mux = port_of(chr)->mux;
    return mux->ports[mux->focus] == port_of(chr);
}

static void destroy(struct char_mux *mux)
{
    chardev_close(mux->lower);
    for (int i = 0; i < mux->port_count; i++) {
        free(mux->ports[i]->backlog);
        free(mux->ports[i]);
    }
    free(mux);
}

/* The port's structure stays until the last one goes: the loops over all ports need it. */
static void port_close(struct chardev *chr)
{
    struct port *port = port_of(chr);
    struct char_mux *mux = port->mux;
    bool others = false;
    port->open = false;
    memset(&chr->user, 0, sizeof(chr->user));
    for (int i = 0; i < mux->port_count; i++)
        others |= mux->ports[i]->open;
    if (!others)
        destroy(mux);
    else if (mux->ports[mux->focus] == port)
        next_port(mux);
}

static const struct chardev_ops port_ops = {
    .name = "mux port",
    .write = port_write,
    .set_break = port_set_break,
    .accept_input = port_accept_input,
    .close = port_close,
    .focused = port_focused,
};

struct char_mux *chardev_mux(struct chardev *lower, void (*quit)(void *opaque), void *opaque)
{
    struct char_mux *mux = calloc(1, sizeof(*mux));
    if (!mux)
        return NULL;
    mux->lower = lower;
    chardev_mux_on_quit(mux, quit, opaque);
    if (lower->ops->muxed)
        lower->ops->muxed(lower);
    return mux;
}

/* Input is taken from the first port on: before it there is nobody to give it to. */
struct chardev *chardev_mux_port(struct char_mux *mux, const char *name)
{
    struct port *port = mux->port_count < MAX_PORTS ? calloc(1, sizeof(*port)) : NULL;
    if (!port)
        return NULL;
    port->chr.ops = &port_ops;
    port->mux = mux;
    port->open = true;
    snprintf(port->name, sizeof(port->name), "%s", name);
    mux->ports[mux->port_count++] = port;
    if (mux->port_count == 1) {
        mux->lower->user = (struct chardev_user){mux_room, mux_receive, mux_event, mux_writable, mux};
        chardev_accept_input(mux->lower);
    }
    return &port->chr;
}

struct char_mux *chardev_mux_of(struct chardev *chr)
{
    return chr && chr->ops == &port_ops ? port_of(chr)->mux : NULL;
}

void chardev_mux_on_quit(struct char_mux *mux, void (*quit)(void *opaque), void *opaque)
{
    mux->quit = quit;
    mux->opaque = opaque;
}
