/*
 * Character output into a file (file:PATH), which is made anew.  No input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/char/backends.h"

struct file {
    struct char_stream stream;
    bool told; /* the user knows that output is lost */
    char path[];
};

static void failed(struct char_stream *stream, int error)
{
    struct file *file = container_of(stream, struct file, stream);
    if (!file->told)
        error_report("file:%s: cannot write: %s; output is lost", file->path, strerror(error));
    file->told = true;
}

static void file_close(struct chardev *chr)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    int fd = stream->out_fd;
    char_stream_detach(stream);
    close(fd);
    free(container_of(stream, struct file, stream));
}

static const struct chardev_ops file_ops = {.name = "file", .write = char_stream_write, .close = file_close};

struct chardev *char_file_open(const char *path, struct loop *loop, struct error *err)
{
    struct file *file = calloc(1, sizeof(*file) + strlen(path) + 1);
    int fd = file ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd < 0) {
        error_set(err, errno, "file:%s: cannot write to it: %s", path, strerror(errno));
        free(file);
        return NULL;
    }
    strcpy(file->path, path);
    file->stream = (struct char_stream){.chr = {.ops = &file_ops}, .loop = loop, .failed = failed};
    char_stream_attach(&file->stream, -1, fd);
    return &file->stream.chr;
}
