/*
 * The block layer: a queue and a worker thread for each image, and completions on the machine.
 *
 * Modelled: requests of one image are carried out one after the other, in order.  In real time a completion is posted
 *   to the main loop when the host is done.  Under -icount it comes from a timer at a virtual time that depends only on
 *   the request (base latency + time for its bytes), and the timer waits for the host if need be: runs repeat bit for
 *   bit whatever the host's disk does.
 *   Images are locked as a whole (open file description locks, else flock): one writer, or many readers.
 * Not modelled: several requests of one image at the host at once.
 */
#include "devices/block/block.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "devices/block/image.h"
#include "machine/trace.h"

#define ICOUNT_LATENCY_NS 50000ull    /* a good disk's answer from its cache */
#define ICOUNT_NS_PER_SECTOR 5000ull  /* 100 MB/s */

struct queue {
    struct block_request *first, **last;
};

/* Between the worker and the main loop: outlives the block if a post is still on its way. */
struct mailbox {
    struct block *block; /* NULL: closed */
    unsigned owners;     /* the block, and each post on its way; machine lock */
};

struct block {
    struct image *image;
    char *file;
    bool readonly;
    struct loop *loop;
    struct clock *clock;
    struct timer timer; /* -icount: completion of the first request in `done` or before it */
    struct mailbox *mailbox;
    u64 last_deadline;

    pthread_t worker;
    pthread_mutex_t lock; /* guards what follows; taken after the machine lock */
    pthread_cond_t submitted, finished;
    struct queue waiting, done;
    struct block_request *running;
    bool posted, quit;
    struct block_stats stats;

    u8 reported; /* bit n: an error of operation n was told to the user; worker, and who has joined it */
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct block_request *request)
{
    request->next = NULL;
    *queue->last = request;
    queue->last = &request->next;
}

static struct block_request *queue_take(struct queue *queue)
{
    struct block_request *request = queue->first;
    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->last = &queue->first;
    return request;
}

static bool queue_remove(struct queue *queue, struct block_request *request)
{
    for (struct block_request **at = &queue->first; *at; at = &(*at)->next) {
        if (*at != request)
            continue;
        *at = request->next;
        if (!*at)
            queue->last = at;
        return true;
    }
    return false;
}

/* Worker. */

static const char *reason(int code)
{
    return code == ENODATA ? "the file has been cut short" : strerror(code);
}

/* The user hears of the host's errors once for each kind of operation; the guest hears of each. */
static void report(struct block *block, enum block_operation operation, u64 sector, int code)
{
    static const char *const verbs[] = {"read", "write", "flush", "discard"};
    char where[40] = "";
    if (block->reported & 1 << operation)
        return;
    block->reported |= 1 << operation;
    if (operation != BLOCK_FLUSH)
        snprintf(where, sizeof(where), " sector %llu", (unsigned long long)sector);
    error_report("disk image '%s': cannot %s%s: %s; the guest sees a disk error", block->file, verbs[operation], where,
                 reason(code));
}

static int use_image(struct image *image, struct block_request *request)
{
    switch (request->operation) {
    case BLOCK_READ:
        return image->ops->read(image, request->sector, request->count, request->data);
    case BLOCK_WRITE:
        return image->ops->write(image, request->sector, request->count, request->data);
    case BLOCK_FLUSH:
        return image->ops->flush(image);
    case BLOCK_DISCARD:
        return image->ops->discard(image, request->sector, request->count);
    }
    return -EINVAL;
}

static int carry_out(struct block *block, struct block_request *request)
{
    struct image *image = block->image;
    bool outside = request->sector > image->sectors || request->count > image->sectors - request->sector;
    if (request->operation != BLOCK_FLUSH && outside)
        return -EIO;
    if (request->operation != BLOCK_READ && block->readonly)
        return request->operation == BLOCK_FLUSH ? 0 : -EROFS;
    int result = use_image(image, request);
    if (result < 0)
        report(block, request->operation, request->sector, -result);
    return result;
}

static void count_request(struct block_stats *stats, const struct block_request *request)
{
    if (request->operation == BLOCK_READ) {
        stats->reads++;
        stats->read_bytes += (u64)request->count * SECTOR_SIZE;
    } else if (request->operation == BLOCK_WRITE) {
        stats->writes++;
        stats->written_bytes += (u64)request->count * SECTOR_SIZE;
    } else if (request->operation == BLOCK_FLUSH) {
        stats->flushes++;
    }
}

static void deliver_posted(void *opaque);

static void post(struct block *block)
{
    if (!block->loop || block->posted || (block->clock && clock_is_icount(block->clock)))
        return;
    block->posted = true;
    __atomic_add_fetch(&block->mailbox->owners, 1, __ATOMIC_RELAXED);
    loop_post(block->loop, deliver_posted, block->mailbox);
}

static void *work(void *opaque)
{
    struct block *block = opaque;
    pthread_mutex_lock(&block->lock);
    for (;;) {
        struct block_request *request = queue_take(&block->waiting);
        if (!request) {
            if (block->quit)
                break;
            pthread_cond_wait(&block->submitted, &block->lock);
            continue;
        }
        block->running = request;
        pthread_mutex_unlock(&block->lock);
        int result = carry_out(block, request);
        if (result < 0)
            trace(BLOCK, "%s: operation %d at sector %llu, count %u: %s", block->file, request->operation,
                  (unsigned long long)request->sector, request->count, strerror(-result));
        pthread_mutex_lock(&block->lock);
        request->result = result;
        block->running = NULL;
        count_request(&block->stats, request);
        queue_put(&block->done, request);
        post(block);
        pthread_cond_broadcast(&block->finished);
    }
    pthread_mutex_unlock(&block->lock);
    return NULL;
}

/* Completion.  All of this runs with the machine lock held. */

static void complete(struct block_request *request)
{
    request->block = NULL;
    request->done(request->opaque, request->result);
}

static struct block_request *take_done(struct block *block)
{
    pthread_mutex_lock(&block->lock);
    struct block_request *request = queue_take(&block->done);
    pthread_mutex_unlock(&block->lock);
    return request;
}

static void release(struct mailbox *mailbox)
{
    if (__atomic_sub_fetch(&mailbox->owners, 1, __ATOMIC_ACQ_REL) == 0)
        free(mailbox);
}

static void deliver_posted(void *opaque)
{
    struct mailbox *mailbox = opaque;
    struct block *block = mailbox->block;
    if (block) {
        pthread_mutex_lock(&block->lock);
        block->posted = false;
        pthread_mutex_unlock(&block->lock);
    }
    /* A completion may close the block: look at the mailbox each time. */
    while ((block = mailbox->block)) {
        struct block_request *request = take_done(block);
        if (!request)
            break;
        complete(request);
    }
    release(mailbox);
}

static bool busy(const struct block *block)
{
    return block->waiting.first || block->running;
}

static struct block_request *next_in_order(const struct block *block)
{
    return block->done.first ? block->done.first : block->running ? block->running : block->waiting.first;
}

/* -icount: the first request's time has come; the host may be late. */
static void deliver_timed(void *opaque)
{
    struct block *block = opaque;
    pthread_mutex_lock(&block->lock);
    while (!block->done.first && busy(block))
        pthread_cond_wait(&block->finished, &block->lock);
    struct block_request *request = queue_take(&block->done);
    struct block_request *next = next_in_order(block);
    if (next)
        timer_set(&block->timer, next->deadline);
    pthread_mutex_unlock(&block->lock);
    if (request)
        complete(request);
}

static void set_deadline(struct block *block, struct block_request *request)
{
    u64 bytes_time = request->operation == BLOCK_FLUSH ? 0 : request->count * ICOUNT_NS_PER_SECTOR;
    u64 start = MAX(clock_ns(block->clock), block->last_deadline);
    request->deadline = block->last_deadline = start + ICOUNT_LATENCY_NS + bytes_time;
}

void block_submit(struct block *block, struct block_request *request)
{
    bool icount = block->clock && clock_is_icount(block->clock);
    request->block = block;
    if (icount)
        set_deadline(block, request);
    pthread_mutex_lock(&block->lock);
    queue_put(&block->waiting, request);
    pthread_cond_signal(&block->submitted);
    pthread_mutex_unlock(&block->lock);
    if (icount && !timer_armed(&block->timer))
        timer_set(&block->timer, request->deadline);
}

void block_cancel(struct block_request *request)
{
    struct block *block = request->block;
    if (!block)
        return;
    pthread_mutex_lock(&block->lock);
    while (block->running == request)
        pthread_cond_wait(&block->finished, &block->lock);
    if (!queue_remove(&block->waiting, request))
        queue_remove(&block->done, request);
    struct block_request *next = next_in_order(block);
    pthread_mutex_unlock(&block->lock);
    request->block = NULL;
    if (block->clock && !next)
        timer_cancel(&block->timer);
    else if (block->clock && clock_is_icount(block->clock))
        timer_set(&block->timer, next->deadline);
}

void block_drain(struct block *block)
{
    for (;;) {
        pthread_mutex_lock(&block->lock);
        while (!block->done.first && busy(block))
            pthread_cond_wait(&block->finished, &block->lock);
        struct block_request *request = queue_take(&block->done);
        pthread_mutex_unlock(&block->lock);
        if (!request)
            break;
        complete(request);
    }
    if (block->clock)
        timer_cancel(&block->timer);
    block->last_deadline = 0;
}

/* Opening and closing. */

/* Only probed formats are refused: -drive format=raw takes the bytes as they are. */
static int probe(int fd, const char *file, struct error *err)
{
    static const struct {
        const char *magic, *name;
    } others[] = {{"QFI\xfb", "qcow2"}, {"KDMV", "VMDK"}, {"vhdxfile", "VHDX"}, {"conectix", "VHD"}, {"QED", "QED"}};
    char head[8] = {0};
    if (pread(fd, head, sizeof(head), 0) < 0)
        return errno == EISDIR ? 0 : error_set(err, errno, "cannot read disk image '%s': %s", file, strerror(errno));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (memcmp(head, others[i].magic, strlen(others[i].magic) + (i == 4)) == 0)
            return error_set(err, ENOTSUP,
                             "disk image '%s' is %s, only raw images work so far; convert it with: qemu-img convert -O "
                             "raw IMAGE NEW.img (or say format=raw if its bytes are the disk's)",
                             file, others[i].name);
    }
    return 0;
}

static int check_format(const struct block_options *options, int fd, struct error *err)
{
    if (!options->format)
        return probe(fd, options->file, err);
    if (strcmp(options->format, "raw") == 0 || (strcmp(options->format, "cue") == 0 && options->disc))
        return 0;
    if (strcmp(options->format, "cue") == 0)
        return error_set(err, EINVAL, "'%s': a cue sheet is for a CD-ROM drive: -cdrom, or media=cdrom", options->file);
    if (strcmp(options->format, "qcow2") == 0)
        return error_set(err, ENOTSUP, "format=qcow2 is not supported yet; convert '%s' with: qemu-img convert -O raw",
                         options->file);
    return error_set(err, EINVAL, "unknown disk image format '%s' for '%s'; known: raw, and cue for a disc", options->format,
                     options->file);
}

/* One writer or many readers.  File systems without locks are taken as they are. */
static int lock_image(int fd, bool exclusive, const char *file, struct error *err)
{
    int result = -1;
#ifdef F_OFD_SETLK
    struct flock whole = {.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    result = fcntl(fd, F_OFD_SETLK, &whole);
#else
    errno = EINVAL;
#endif
    if (result < 0 && errno == EINVAL)
        result = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    if (result == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK)
        return error_set(err, EBUSY,
                         "disk image '%s' is in use by another drive or program; close that one, or use snapshot=on "
                         "or readonly=on in both",
                         file);
    trace(BLOCK, "%s: not locked: %s", file, strerror(errno));
    return 0;
}

/* An open descriptor that is ours alone to write, or -errno. */
static int open_file(const struct block_options *options, struct error *err)
{
    bool writable = !options->readonly && !options->snapshot;
    /* O_NONBLOCK: a FIFO must not hang us; it has no effect on files and block devices. */
    int fd = open(options->file, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bool would_read = writable && (errno == EACCES || errno == EROFS) && access(options->file, R_OK) == 0;
        return error_set(err, errno, "cannot open disk image '%s': %s%s", options->file, strerror(errno),
                         would_read ? " (it can be read: use snapshot=on or readonly=on)" : "");
    }
    int result = check_format(options, fd, err);
    if (result == 0)
        result = lock_image(fd, writable, options->file, err);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}

static bool is_cue(const struct block_options *options)
{
    size_t length = strlen(options->file);
    if (!options->disc || options->format)
        return options->disc && strcmp(options->format, "cue") == 0;
    return length > 4 && strcasecmp(options->file + length - 4, ".cue") == 0;
}

static struct image *open_image(const struct block_options *options, struct error *err)
{
    int fd = open_file(options, err);
    if (fd < 0)
        return NULL;
    if (is_cue(options))
        return cue_open(fd, options->file, err);
    if (options->disc && !options->format && cue_is_frames(fd))
        return cue_open_frames(fd, options->file, err);
    struct image *image = raw_open(fd, options->file, err);
    if (image && options->snapshot && !options->readonly)
        image = overlay_open(image, err);
    return image;
}

/* Signals are the main thread's business. */
static int start_worker(struct block *block)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&block->worker, NULL, work, block);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

struct block *block_open(const struct block_options *options, struct loop *loop, struct clock *clock,
                         struct error *err)
{
    struct image *image = open_image(options, err);
    if (!image)
        return NULL;
    struct block *block = calloc(1, sizeof(*block));
    struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    char *file = strdup(options->file);
    if (!block || !mailbox || !file) {
        error_set(err, ENOMEM, "out of memory opening disk image '%s'", options->file);
        goto failed;
    }
    *mailbox = (struct mailbox){.block = block, .owners = 1};
    block->image = image;
    block->file = file;
    block->readonly = options->readonly;
    block->loop = loop;
    block->clock = clock;
    block->mailbox = mailbox;
    queue_init(&block->waiting);
    queue_init(&block->done);
    pthread_mutex_init(&block->lock, NULL);
    pthread_cond_init(&block->submitted, NULL);
    pthread_cond_init(&block->finished, NULL);
    if (clock)
        timer_init(&block->timer, clock, deliver_timed, block);
    int result = start_worker(block);
    if (result == 0)
        return block;
    error_set(err, result, "cannot start a thread for disk image '%s': %s", options->file, strerror(result));
failed:
    image->ops->close(image);
    free(file);
    free(mailbox);
    free(block);
    return NULL;
}

void block_close(struct block *block)
{
    if (!block)
        return;
    block_drain(block);
    pthread_mutex_lock(&block->lock);
    block->quit = true;
    pthread_cond_signal(&block->submitted);
    pthread_mutex_unlock(&block->lock);
    pthread_join(block->worker, NULL);
    int result = block->readonly ? 0 : block->image->ops->flush(block->image);
    if (result < 0)
        report(block, BLOCK_FLUSH, 0, -result);
    block->image->ops->close(block->image);
    block->mailbox->block = NULL;
    release(block->mailbox);
    pthread_cond_destroy(&block->submitted);
    pthread_cond_destroy(&block->finished);
    pthread_mutex_destroy(&block->lock);
    free(block->file);
    free(block);
}

u64 block_sectors(const struct block *block)
{
    return block->image->sectors;
}

bool block_readonly(const struct block *block)
{
    return block->readonly;
}

const char *block_file(const struct block *block)
{
    return block->file;
}

const struct disc *block_disc(const struct block *block)
{
    return block->image->disc;
}

void block_stats(const struct block *block, struct block_stats *stats)
{
    pthread_mutex_lock((pthread_mutex_t *)&block->lock);
    *stats = block->stats;
    pthread_mutex_unlock((pthread_mutex_t *)&block->lock);
}
