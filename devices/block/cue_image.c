/*
 * The image that a cue sheet describes, or a file of raw frames: DISC_FRAME_SECTORS sectors for each frame.
 *
 * Modelled: reading whole frames; gaps of silence, or of empty data; samples of either byte order; a last frame that is
 *   incomplete ends in zeros.
 * Not modelled: writing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/block/cue_internal.h"

static const struct cue_extent *find(const struct cue_image *cue, u32 address)
{
    for (int i = 0; i < cue->extent_count; i++)
        if (address - cue->extents[i].address < cue->extents[i].count)
            return &cue->extents[i];
    return NULL;
}

static int read_bytes(const struct cue_file *file, u64 offset, u8 *to, u32 length)
{
    u64 there = offset < file->end ? file->end - offset : 0;
    u32 left = (u32)MIN((u64)length, there);
    while (left) {
        ssize_t n = pread(file->fd, to, left, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        to += n;
        offset += (u64)n;
        left -= (u32)n;
    }
    return 0;
}

static void swap_samples(u8 *data)
{
    for (int i = 0; i < DISC_RAW_BYTES; i += 2) {
        u8 first = data[i];
        data[i] = data[i + 1];
        data[i + 1] = first;
    }
}

static int read_frame(struct cue_image *cue, u32 address, u8 *to)
{
    const struct cue_extent *extent = find(cue, address);
    memset(to, 0, DISC_FRAME_BYTES);
    if (!extent)
        return -EIO;
    const struct disc_track *track = &cue->disc.track[extent->track];
    if (extent->file < 0) {
        if (track->complete)
            disc_complete_frame(to, track->mode, address);
        return 0;
    }
    const struct cue_file *file = &cue->files[extent->file];
    u64 offset = extent->offset + (u64)(address - extent->address) * extent->size;
    int r = read_bytes(file, offset, to + extent->place, extent->size);
    if (extent->place == 24 && extent->size == 2324)
        to[18] = to[22] = 0x20; /* the subheader of form 2 */
    if (file->swap && track->mode == DISC_AUDIO)
        swap_samples(to);
    return r;
}

static int cue_image_read(struct image *image, u64 sector, u32 count, void *data)
{
    struct cue_image *cue = container_of(image, struct cue_image, image);
    u8 *to = data;
    if (sector % DISC_FRAME_SECTORS || count % DISC_FRAME_SECTORS)
        return -EINVAL;
    int r = 0;
    for (u32 i = 0; i < count / DISC_FRAME_SECTORS && r == 0; i++, to += DISC_FRAME_BYTES)
        r = read_frame(cue, (u32)(sector / DISC_FRAME_SECTORS) + i, to);
    return r;
}

static int cue_image_write(struct image *image, u64 sector, u32 count, const void *data)
{
    return -EROFS;
}

static int cue_image_flush(struct image *image)
{
    return 0;
}

static int cue_image_discard(struct image *image, u64 sector, u32 count)
{
    return 0;
}

static void cue_image_close(struct image *image)
{
    struct cue_image *cue = container_of(image, struct cue_image, image);
    for (int i = 0; i < cue->file_count; i++)
        close(cue->files[i].fd);
    free(cue);
}

static const struct image_ops cue_ops = {
    .name = "cue",
    .read = cue_image_read,
    .write = cue_image_write,
    .flush = cue_image_flush,
    .discard = cue_image_discard,
    .close = cue_image_close,
};

static struct cue_image *create(const char *file, struct error *err)
{
    struct cue_image *cue = calloc(1, sizeof(*cue));
    if (!cue) {
        error_set(err, ENOMEM, "out of memory opening disc image '%s'", file);
        return NULL;
    }
    cue->image.ops = &cue_ops;
    cue->image.disc = &cue->disc;
    return cue;
}

static struct image *finish(struct cue_image *cue)
{
    cue->image.sectors = (u64)cue->disc.lead_out * DISC_FRAME_SECTORS;
    return &cue->image;
}

struct image *cue_open(int fd, const char *file, struct error *err)
{
    struct cue_image *cue = create(file, err);
    int r = cue ? cue_read(cue, fd, file, err) : -ENOMEM;
    close(fd);
    if (r == 0)
        return finish(cue);
    if (cue)
        cue_image_close(&cue->image);
    return NULL;
}

/* Without a sheet: frames of one data track. */

bool cue_is_frames(int fd)
{
    static const u8 sync[12] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0};
    u8 head[16];
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size % DISC_RAW_BYTES == 0 &&
           st.st_size / DISC_RAW_BYTES <= DISC_MAX_FRAMES && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
           !memcmp(head, sync, sizeof(sync)) && (head[15] == 1 || head[15] == 2);
}

struct image *cue_open_frames(int fd, const char *file, struct error *err)
{
    struct cue_image *cue = create(file, err);
    struct stat st;
    u8 mode = 1;
    if (!cue || fstat(fd, &st) < 0 || pread(fd, &mode, 1, 15) != 1) {
        close(fd);
        free(cue);
        return NULL;
    }
    u32 frames = (u32)(st.st_size / DISC_RAW_BYTES);
    cue->files[cue->file_count++] = (struct cue_file){.fd = fd, .end = (u64)st.st_size};
    cue->extents[cue->extent_count++] = (struct cue_extent){.count = frames, .size = DISC_RAW_BYTES};
    cue->disc = (struct disc){.first = 1, .count = 1, .lead_out = frames};
    cue->disc.track[0] =
        (struct disc_track){.control = DISC_DATA, .mode = mode == 1 ? DISC_MODE1 : DISC_MODE2, .complete = true};
    return finish(cue);
}
