/*
 * Snapshot mode: writes go to a temporary file that has no name and vanish with the process.
 *
 * Modelled: one bit a sector says whether the sector lives in the temporary file, at its own offset (the file is
 *   sparse).  A bit a sector rather than a larger cluster makes every write a plain write, with nothing to copy from
 *   the base first; the bitmap of a 128 GiB disk is 32 MiB of memory that is touched only where the guest writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/block/image.h"

struct overlay {
    struct image image;
    struct image *base;
    struct image *top; /* a raw image over the temporary file */
    u8 *written;       /* a bit a sector */
};

static bool is_written(const struct overlay *overlay, u64 sector)
{
    return overlay->written[sector / 8] >> (sector % 8) & 1;
}

/* How many sectors from `sector` on, at most `count`, have their newest data in the same place. */
static u32 run_length(const struct overlay *overlay, u64 sector, u32 count)
{
    bool first = is_written(overlay, sector);
    u32 n = 1;
    while (n < count && is_written(overlay, sector + n) == first)
        n++;
    return n;
}

static int overlay_read(struct image *image, u64 sector, u32 count, void *data)
{
    struct overlay *overlay = container_of(image, struct overlay, image);
    u8 *to = data;
    while (count) {
        u32 n = run_length(overlay, sector, count);
        struct image *from = is_written(overlay, sector) ? overlay->top : overlay->base;
        int result = from->ops->read(from, sector, n, to);
        if (result < 0)
            return result;
        to += (size_t)n * SECTOR_SIZE;
        sector += n;
        count -= n;
    }
    return 0;
}

static void mark(struct overlay *overlay, u64 sector, u32 count)
{
    for (u32 i = 0; i < count; i++)
        overlay->written[(sector + i) / 8] |= (u8)(1u << ((sector + i) % 8));
}

static int overlay_write(struct image *image, u64 sector, u32 count, const void *data)
{
    struct overlay *overlay = container_of(image, struct overlay, image);
    int result = overlay->top->ops->write(overlay->top, sector, count, data);
    if (result == 0)
        mark(overlay, sector, count);
    return result;
}

static int overlay_flush(struct image *image)
{
    return 0; /* nothing of it outlives the process */
}

static int overlay_discard(struct image *image, u64 sector, u32 count)
{
    struct overlay *overlay = container_of(image, struct overlay, image);
    mark(overlay, sector, count);
    return overlay->top->ops->discard(overlay->top, sector, count);
}

static void overlay_close(struct image *image)
{
    struct overlay *overlay = container_of(image, struct overlay, image);
    overlay->base->ops->close(overlay->base);
    if (overlay->top)
        overlay->top->ops->close(overlay->top);
    free(overlay->written);
    free(overlay);
}

static const struct image_ops overlay_ops = {
    .name = "snapshot",
    .read = overlay_read,
    .write = overlay_write,
    .flush = overlay_flush,
    .discard = overlay_discard,
    .close = overlay_close,
};

/* TMPDIR or /var/tmp (large, on disk) rather than /tmp (often memory). */
static int temporary_file(char *where, size_t length)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
    snprintf(where, length, "%s", dir);
#ifdef O_TMPFILE
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
#endif
    char path[4096];
    snprintf(path, sizeof(path), "%s/clutch-snapshot-XXXXXX", dir);
    int named = mkostemp(path, O_CLOEXEC);
    if (named >= 0)
        unlink(path);
    return named;
}

static struct image *open_top(u64 sectors, struct error *err)
{
    char where[256];
    int fd = temporary_file(where, sizeof(where));
    if (fd < 0 || ftruncate(fd, (off_t)(sectors * SECTOR_SIZE)) < 0) {
        error_set(err, errno, "cannot make a temporary file of %llu MiB for the snapshot in '%s': %s (set TMPDIR)",
                  (unsigned long long)(sectors >> 11), where, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return raw_open(fd, "temporary file", err);
}

struct image *overlay_open(struct image *base, struct error *err)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    if (!overlay) {
        error_set(err, ENOMEM, "out of memory for the snapshot");
        base->ops->close(base);
        return NULL;
    }
    overlay->image.ops = &overlay_ops;
    overlay->image.sectors = base->sectors;
    overlay->base = base;
    overlay->written = calloc(base->sectors / 8 + 1, 1);
    if (!overlay->written)
        error_set(err, ENOMEM, "out of memory for the snapshot of a disk of %llu sectors",
                  (unsigned long long)base->sectors);
    else
        overlay->top = open_top(base->sectors, err);
    if (!overlay->top) {
        overlay_close(&overlay->image);
        return NULL;
    }
    return &overlay->image;
}
