/*
 * Host side of a serial or parallel port, debug console or monitor: a byte stream.
 *
 * Back ends: null, stdio, file, pty, tcp, unix, and the Ctrl-A multiplexer.  All calls are made with the machine lock
 * held; back ends watch their descriptors on the machine's loop.
 */
#ifndef DEVICES_CHAR_H
#define DEVICES_CHAR_H

#include "machine/error.h"
#include "machine/loop.h"

/* FOCUS, UNFOCUS: a multiplexer gave the keyboard to this port, or took it away. */
enum char_event { CHAR_BREAK, CHAR_OPENED, CHAR_CLOSED, CHAR_FOCUS, CHAR_UNFOCUS };

struct chardev;

struct chardev_ops {
    const char *name;
    /* Takes up to length bytes; returns how many were taken (0: busy; `writable` is called when it may go on). */
    size_t (*write)(struct chardev *chr, const u8 *data, size_t length);
    void (*set_break)(struct chardev *chr, bool on); /* may be NULL */
    /* The front end can take more input than it said before. */
    void (*accept_input)(struct chardev *chr);
    void (*close)(struct chardev *chr);
    /* A multiplexer sits on it: Ctrl-C and its like belong to the guest from now on.  May be NULL. */
    void (*muxed)(struct chardev *chr);
    /* Does input go to this one?  NULL: always. */
    bool (*focused)(struct chardev *chr);
};

/* The front end: UART, monitor, debug console. */
struct chardev_user {
    size_t (*room)(void *opaque);                                 /* bytes it can take now */
    void (*receive)(void *opaque, const u8 *data, size_t length); /* length <= room() */
    void (*event)(void *opaque, enum char_event event);           /* may be NULL */
    void (*writable)(void *opaque);                               /* may be NULL */
    void *opaque;
};

struct chardev {
    const struct chardev_ops *ops;
    struct chardev_user user;
};

/* spec: "null" "none" "stdio" "file:PATH" "pty" "tcp:HOST:PORT[,server][,nowait]" "unix:PATH[,server][,nowait]" "vc",
 * or "mon:" and one of these: then the result is the first port of a multiplexer.  NULL and err on failure. */
struct chardev *chardev_open(const char *spec, struct loop *loop, struct error *err);
/* NULL is fine.  A multiplexer goes, and closes what it sits on, with its last port. */
void chardev_close(struct chardev *chr);

/* Ctrl-A multiplexer over `lower` (which it owns): users are added in order, Ctrl-A c goes to the next one, x calls
 * quit, h prints help, b sends break, Ctrl-A Ctrl-A sends Ctrl-A.  The first port has the focus. */
struct char_mux;
struct char_mux *chardev_mux(struct chardev *lower, void (*quit)(void *opaque), void *opaque);
struct chardev *chardev_mux_port(struct char_mux *mux, const char *name);
/* Whose port chr is; NULL if it is none. */
struct char_mux *chardev_mux_of(struct chardev *chr);
void chardev_mux_on_quit(struct char_mux *mux, void (*quit)(void *opaque), void *opaque);

static inline size_t chardev_write(struct chardev *chr, const void *data, size_t length)
{
    return chr && chr->ops->write ? chr->ops->write(chr, data, length) : length;
}

static inline void chardev_accept_input(struct chardev *chr)
{
    if (chr && chr->ops->accept_input)
        chr->ops->accept_input(chr);
}

/* Put the terminal back as it was; safe to call twice and from a signal handler. */
void chardev_restore_terminal(void);

#endif
