/*
 * What the character back ends share among themselves: how each is opened, and the descriptor stream most are made of.
 */
#ifndef DEVICES_CHAR_BACKENDS_H
#define DEVICES_CHAR_BACKENDS_H

#include "devices/char/char.h"

struct chardev *char_null_open(void);
struct chardev *char_stdio_open(struct loop *loop, struct error *err);
struct chardev *char_file_open(const char *path, struct loop *loop, struct error *err);
struct chardev *char_pty_open(struct loop *loop, struct error *err);
/* spec: HOST:PORT or PATH, then options. */
struct chardev *char_tcp_open(const char *spec, struct loop *loop, struct error *err);
struct chardev *char_unix_open(const char *spec, struct loop *loop, struct error *err);

/*
 * A byte stream over descriptors.  Input is read only as fast as the user takes it; output that the descriptor cannot
 * take is refused, and `writable` is called when it can.  Output to nobody (in_fd and out_fd -1) vanishes.
 */
struct char_stream {
    struct chardev chr;
    struct loop *loop;
    struct loop_watch *in, *out;
    int in_fd, out_fd; /* -1: none */
    bool blocking;     /* descriptors that we may not set O_NONBLOCK on: ask poll first */
    /* The peer is gone (end of file, hang-up, error); may be NULL.  Called once for each char_stream_attach. */
    void (*closed)(struct char_stream *stream);
    /* Output was lost for another reason than a peer that went (disk full); may be NULL. */
    void (*failed)(struct char_stream *stream, int error);
};

/* Watches the descriptors; the same one may be given twice. */
void char_stream_attach(struct char_stream *stream, int in_fd, int out_fd);
/* Forgets them; the caller closes them. */
void char_stream_detach(struct char_stream *stream);
size_t char_stream_write(struct chardev *chr, const u8 *data, size_t length);
void char_stream_accept_input(struct chardev *chr);

static inline size_t chardev_room(const struct chardev *chr)
{
    return chr->user.room ? chr->user.room(chr->user.opaque) : 0;
}

static inline void chardev_event(const struct chardev *chr, enum char_event event)
{
    if (chr->user.event)
        chr->user.event(chr->user.opaque, event);
}

#endif
