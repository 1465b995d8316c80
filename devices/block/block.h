/*
 * Host side of a disk: asynchronous sectors.
 *
 * A request is handed to a worker thread; its completion runs on the machine (lock held) and never before the
 * submitting call has returned.  Under -icount the completion comes at a virtual time that does not depend on the
 * host, so that runs repeat.
 */
#ifndef DEVICES_BLOCK_H
#define DEVICES_BLOCK_H

#include "machine/clock.h"
#include "machine/error.h"
#include "machine/loop.h"

#define SECTOR_SIZE 512

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };

struct block;
struct disc;

struct block_request {
    enum block_operation operation;
    u64 sector;
    u32 count;  /* sectors; the whole range is inside the device or the request fails with -EIO */
    void *data; /* caller's, alive until done */
    void (*done)(void *opaque, int result); /* 0 or -errno */
    void *opaque;
    /* The block layer's own. */
    struct block *block;
    struct block_request *next;
    u64 deadline; /* -icount: virtual time of the completion */
    int result;
};

struct block_options {
    const char *file;
    const char *format; /* NULL: by content ("raw", "qcow2"); for a disc also "cue" */
    bool readonly;
    bool disc;     /* for a CD-ROM drive */
    bool snapshot; /* writes go to a temporary file and vanish */
};

/* Opens and locks the image.  NULL and err on failure.  loop may be NULL where block_drain delivers all completions
 * (tests); clock may be NULL where there is no -icount. */
struct block *block_open(const struct block_options *options, struct loop *loop, struct clock *clock,
                         struct error *err);
/* Waits for requests in flight, flushes, closes. */
void block_close(struct block *block);
u64 block_sectors(const struct block *block);
bool block_readonly(const struct block *block);
const char *block_file(const struct block *block);
/* The tracks of a compact disc image that has frames (devices/block/disc.h); NULL for any other. */
const struct disc *block_disc(const struct block *block);

/* The request is the caller's and must stay until done is called. */
void block_submit(struct block *block, struct block_request *request);
/* Take a request back (device reset): done is not called.  Waits if the host is at work on it, so that afterwards the
 * request and its buffer are the caller's again; a write may have happened or not.  A request that is not in flight is
 * left alone. */
void block_cancel(struct block_request *request);
/* Wait until nothing is in flight; completions are delivered. */
void block_drain(struct block *block);

struct block_stats {
    u64 read_bytes, written_bytes, reads, writes, flushes;
};
void block_stats(const struct block *block, struct block_stats *stats);

#endif
