/*
 * Image formats, below block.c: synchronous calls made by the worker thread.
 */
#ifndef DEVICES_BLOCK_IMAGE_H
#define DEVICES_BLOCK_IMAGE_H

#include "devices/block/block.h"

struct image;

/* All return 0 or -errno.  The caller has checked the range. */
struct image_ops {
    const char *name;
    int (*read)(struct image *image, u64 sector, u32 count, void *data);
    int (*write)(struct image *image, u64 sector, u32 count, const void *data);
    int (*flush)(struct image *image);
    /* A hint: afterwards the sectors read as zeros or as before. */
    int (*discard)(struct image *image, u64 sector, u32 count);
    void (*close)(struct image *image);
};

struct image {
    const struct image_ops *ops;
    u64 sectors;
    const struct disc *disc; /* NULL but for an image with the tracks of a compact disc */
};

/* Takes over fd, also on failure. */
struct image *raw_open(int fd, const char *file, struct error *err);
/* A cue sheet, or a file of 2352-byte frames.  Takes over fd, also on failure. */
struct image *cue_open(int fd, const char *file, struct error *err);
struct image *cue_open_frames(int fd, const char *file, struct error *err);
bool cue_is_frames(int fd);
/* Keeps writes to `base` (which it owns, also on failure) in an unlinked temporary file. */
struct image *overlay_open(struct image *base, struct error *err);

#endif
