/*
 * Character output into a file (file:PATH), which is made anew.  No input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/char/backends.h"

static void file_close(struct chardev *chr)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    int fd = stream->out_fd;
    char_stream_detach(stream);
    close(fd);
    free(stream);
}

static const struct chardev_ops file_ops = {.name = "file", .write = char_stream_write, .close = file_close};

struct chardev *char_file_open(const char *path, struct loop *loop, struct error *err)
{
    struct char_stream *stream = calloc(1, sizeof(*stream));
    int fd = stream ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd < 0) {
        error_set(err, errno, "file:%s: cannot write to it: %s", path, strerror(errno));
        free(stream);
        return NULL;
    }
    stream->chr.ops = &file_ops;
    stream->loop = loop;
    char_stream_attach(stream, -1, fd);
    return &stream->chr;
}
