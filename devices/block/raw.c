/*
 * Raw images: a file or a block device whose bytes are the disk's.
 *
 * Modelled: a size that is no multiple of 512 is rounded up; the missing bytes read as zeros and exist once written.
 *   A file that somebody has cut short since then is a damaged disk: what is missing can be neither read nor written
 *   (-ENODATA), for a write behind the cut would fill the gap with zeros and hide the loss.
 *   Discard punches a hole where the file system can.
 * Not modelled: O_DIRECT, block devices with sectors larger than 512 bytes opened for direct access.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/block/image.h"

struct raw {
    struct image image;
    int fd;
    off_t size; /* bytes that should be there */
};

static off_t position(u64 sector)
{
    return (off_t)(sector * SECTOR_SIZE);
}

static int raw_read(struct image *image, u64 sector, u32 count, void *data)
{
    struct raw *raw = container_of(image, struct raw, image);
    u8 *to = data;
    size_t left = (size_t)count * SECTOR_SIZE;
    off_t at = position(sector);
    while (left) {
        ssize_t n = pread(raw->fd, to, left, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 && at < raw->size)
            return -ENODATA;
        if (n == 0) { /* what the last sector lacks */
            memset(to, 0, left);
            return 0;
        }
        to += n;
        at += n;
        left -= (size_t)n;
    }
    return 0;
}

static bool is_cut(const struct raw *raw, off_t end)
{
    struct stat st;
    return fstat(raw->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < MIN(raw->size, end);
}

static int raw_write(struct image *image, u64 sector, u32 count, const void *data)
{
    struct raw *raw = container_of(image, struct raw, image);
    const u8 *from = data;
    size_t left = (size_t)count * SECTOR_SIZE;
    off_t at = position(sector);
    if (is_cut(raw, at + (off_t)left))
        return -ENODATA;
    while (left) {
        ssize_t n = pwrite(raw->fd, from, left, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -ENOSPC;
        from += n;
        at += n;
        left -= (size_t)n;
        raw->size = MAX(raw->size, at);
    }
    return 0;
}

static int raw_flush(struct image *image)
{
    struct raw *raw = container_of(image, struct raw, image);
    return fdatasync(raw->fd) < 0 ? -errno : 0;
}

static int raw_discard(struct image *image, u64 sector, u32 count)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    struct raw *raw = container_of(image, struct raw, image);
    if (fallocate(raw->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, position(sector),
                  (off_t)count * SECTOR_SIZE) < 0 &&
        errno == EIO)
        return -EIO;
#endif
    return 0;
}

static void raw_close(struct image *image)
{
    struct raw *raw = container_of(image, struct raw, image);
    close(raw->fd);
    free(raw);
}

static const struct image_ops raw_ops = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .close = raw_close,
};

static struct image *fail(int fd)
{
    close(fd);
    return NULL;
}

struct image *raw_open(int fd, const char *file, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        error_set(err, errno, "cannot examine disk image '%s': %s", file, strerror(errno));
        return fail(fd);
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        error_set(err, EINVAL, "disk image '%s' is %s; give a file or a block device", file,
                  S_ISDIR(st.st_mode) ? "a directory" : "neither a file nor a block device");
        return fail(fd);
    }
    off_t size = lseek(fd, 0, SEEK_END); /* also tells a block device's size */
    if (size <= 0) {
        error_set(err, EINVAL, "disk image '%s' is empty; make one with: truncate -s 64M %s", file, file);
        return fail(fd);
    }
    struct raw *raw = calloc(1, sizeof(*raw));
    if (!raw) {
        error_set(err, ENOMEM, "out of memory opening disk image '%s'", file);
        return fail(fd);
    }
    raw->image.ops = &raw_ops;
    raw->image.sectors = ((u64)size + SECTOR_SIZE - 1) / SECTOR_SIZE;
    raw->fd = fd;
    raw->size = size;
    return &raw->image;
}
