/*
 * A byte stream over file descriptors with back-pressure both ways: what stdio, pty, tcp, unix and file are made of.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "devices/char/backends.h"

/* End of input ends a connection, but not our standard output. */
static void lost(struct char_stream *stream)
{
    if (stream->in_fd == stream->out_fd) {
        char_stream_detach(stream);
    } else {
        loop_unwatch(stream->in);
        stream->in = NULL;
        stream->in_fd = -1;
    }
    if (stream->closed)
        stream->closed(stream);
}

static void readable(void *opaque, short events)
{
    struct char_stream *stream = opaque;
    u8 data[4096];
    size_t room = chardev_room(&stream->chr);
    if (!room) {
        loop_watch_events(stream->in, 0);
        return;
    }
    ssize_t got = read(stream->in_fd, data, MIN(room, sizeof(data)));
    if (got > 0)
        stream->chr.user.receive(stream->chr.user.opaque, data, got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        lost(stream);
}

static void writable(void *opaque, short events)
{
    struct char_stream *stream = opaque;
    loop_watch_events(stream->out, 0);
    if (stream->chr.user.writable)
        stream->chr.user.writable(stream->chr.user.opaque);
}

void char_stream_attach(struct char_stream *stream, int in_fd, int out_fd)
{
    stream->in_fd = in_fd;
    stream->out_fd = out_fd;
    if (in_fd >= 0)
        stream->in = loop_watch(stream->loop, in_fd, POLLIN, readable, stream);
    if (out_fd >= 0)
        stream->out = loop_watch(stream->loop, out_fd, 0, writable, stream);
}

void char_stream_detach(struct char_stream *stream)
{
    loop_unwatch(stream->in);
    loop_unwatch(stream->out);
    stream->in = stream->out = NULL;
    stream->in_fd = stream->out_fd = -1;
}

static bool would_block(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    return poll(&pollfd, 1, 0) == 0;
}

size_t char_stream_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    size_t done = 0;
    while (stream->out_fd >= 0 && done < length) {
        /* A descriptor that may block takes at least one such piece without blocking once poll says so (pipe(7)). */
        size_t piece = stream->blocking ? MIN(length - done, 512) : length - done;
        ssize_t wrote = -1;
        errno = EAGAIN;
        if (!stream->blocking || !would_block(stream->out_fd))
            wrote = write(stream->out_fd, data + done, piece);
        if (wrote >= 0) {
            done += wrote;
        } else if (errno == EAGAIN) {
            loop_watch_events(stream->out, POLLOUT);
            return done;
        } else if (errno != EINTR) {
            if (stream->failed)
                stream->failed(stream, errno);
            return length; /* nobody is there any more: as a cable that hangs in the air */
        }
    }
    return length;
}

void char_stream_accept_input(struct chardev *chr)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    if (stream->in && chardev_room(chr))
        loop_watch_events(stream->in, POLLIN);
}
