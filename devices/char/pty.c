/*
 * A pseudo-terminal: other programs open the other side (screen /dev/pts/N) as a serial line.
 *
 * While nobody has it open, output goes nowhere, as with an unplugged cable.  The kernel tells of the other side's
 * closing (POLLHUP) but not of its opening, hence inotify.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "devices/char/backends.h"

struct pty {
    struct char_stream stream;
    int master, notify;
    struct loop_watch *opened;
};

static struct pty *pty_of(struct char_stream *stream)
{
    return container_of(stream, struct pty, stream);
}

static void opened(void *opaque, short events)
{
    struct pty *pty = opaque;
    char event[sizeof(struct inotify_event) + 256];
    while (read(pty->notify, event, sizeof(event)) > 0)
        ;
    if (pty->stream.in_fd >= 0)
        return;
    char_stream_attach(&pty->stream, pty->master, pty->master);
    chardev_event(&pty->stream.chr, CHAR_OPENED);
}

static void closed(struct char_stream *stream)
{
    chardev_event(&stream->chr, CHAR_CLOSED);
}

static void pty_close(struct chardev *chr)
{
    struct pty *pty = pty_of(container_of(chr, struct char_stream, chr));
    char_stream_detach(&pty->stream);
    loop_unwatch(pty->opened);
    close(pty->master);
    close(pty->notify);
    free(pty);
}

static const struct chardev_ops pty_ops = {
    .name = "pty", .write = char_stream_write, .accept_input = char_stream_accept_input, .close = pty_close};

/* The line discipline of the other side passes bytes as they are. */
static int make_raw(const char *name)
{
    struct termios mode;
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = tcgetattr(fd, &mode);
    cfmakeraw(&mode);
    result |= tcsetattr(fd, TCSANOW, &mode);
    close(fd);
    return result;
}

static int set_up(struct pty *pty, char *name, size_t size)
{
    pty->notify = -1;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) < 0 || unlockpt(pty->master) < 0 ||
        ptsname_r(pty->master, name, size) || make_raw(name) < 0)
        return -1;
    pty->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return pty->notify < 0 ? -1 : inotify_add_watch(pty->notify, name, IN_OPEN);
}

struct chardev *char_pty_open(struct loop *loop, struct error *err)
{
    char name[64];
    struct pty *pty = calloc(1, sizeof(*pty));
    if (!pty || set_up(pty, name, sizeof(name)) < 0) {
        error_set(err, errno, "pty: cannot make a pseudo-terminal: %s", strerror(errno));
        if (pty && pty->master >= 0)
            close(pty->master);
        if (pty && pty->notify >= 0)
            close(pty->notify);
        free(pty);
        return NULL;
    }
    pty->stream.chr.ops = &pty_ops;
    pty->stream.loop = loop;
    pty->stream.closed = closed;
    pty->stream.in_fd = pty->stream.out_fd = -1;
    pty->opened = loop_watch(loop, pty->notify, POLLIN, opened, pty);
    /* Not an error, and nobody else knows the name. */
    fprintf(stderr, "character device at %s\n", name);
    return &pty->stream.chr;
}
