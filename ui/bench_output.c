/*
 * The benchmark's files.  Pipes and devices (/dev/stdout) are files, too, and symbolic links stay what they are: so there
 * is no temporary file that is renamed.
 */
#include "ui/bench_output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int bench_output_open(struct bench_output *output, const char *path)
{
    *output = (struct bench_output){.fd = -1};
    if (!path)
        return 0;
    output->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    output->created = output->fd >= 0;
    if (!output->created && errno == EEXIST)
        output->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666); /* a link to nowhere exists, too */
    if (output->fd < 0)
        return -errno;
    output->path = path;
    return 0;
}

bool bench_output_same(const struct bench_output *a, const struct bench_output *b)
{
    struct stat x, y;
    return a->path && b->path && fstat(a->fd, &x) == 0 && fstat(b->fd, &y) == 0 && S_ISREG(x.st_mode) &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int write_all(int fd, const char *text, size_t size)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ftruncate(fd, 0) < 0)
        return -errno;
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

int bench_output_write(struct bench_output *output, const char *text, size_t size)
{
    if (!output->path)
        return 0;
    int r = write_all(output->fd, text, size);
    if (r < 0) {
        bench_output_drop(output);
        return r;
    }
    r = close(output->fd) < 0 ? -errno : 0;
    output->path = NULL;
    return r;
}

void bench_output_drop(struct bench_output *output)
{
    if (!output->path)
        return;
    if (output->created)
        unlink(output->path);
    close(output->fd);
    output->path = NULL;
}
