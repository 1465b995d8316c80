/*
 * Between the reader of cue sheets (cue.c) and the image made of one (cue_image.c).
 */
#ifndef DEVICES_BLOCK_CUE_INTERNAL_H
#define DEVICES_BLOCK_CUE_INTERNAL_H

#include "devices/block/disc.h"
#include "devices/block/image.h"

#define CUE_MAX_FILES DISC_TRACKS
#define CUE_MAX_POINTS (2 * DISC_TRACKS)
#define CUE_MAX_EXTENTS (4 * CUE_MAX_POINTS + 1)

struct cue_file {
    int fd;
    u64 begin, end; /* what belongs to the disc, in bytes */
    bool swap;      /* big-endian samples */
};

/* Consecutive frames, of a file or silent. */
struct cue_extent {
    u32 address, count;
    int file; /* -1: zeros */
    u64 offset;
    u16 size;  /* bytes of each frame in the file */
    u16 place; /* where they stand in the 2352 */
    u8 track;  /* index into disc.track */
};

struct cue_image {
    struct image image;
    struct disc disc;
    struct cue_file files[CUE_MAX_FILES];
    int file_count;
    struct cue_extent extents[CUE_MAX_EXTENTS];
    int extent_count;
};

/* Fills in the disc, files and extents.  -errno and err: "cue sheet 'x.cue' line 3: ..." */
int cue_read(struct cue_image *cue, int fd, const char *path, struct error *err);

#endif
