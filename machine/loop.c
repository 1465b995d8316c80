/*
 * The event loop: poll(2), with a pipe that other threads write to wake it.
 *
 * The list of watches and the queue of posted calls are guarded by a mutex of the loop's own, so that a chip on a vCPU
 * thread may change a watch while the loop sleeps in poll.  Only the thread that turns the loop frees watches.
 */
#include "machine/loop.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct loop_watch {
    struct loop *loop;
    int fd;
    short events;
    bool dead; /* unwatched, to be freed at the end of the turn */
    void (*ready)(void *opaque, short events);
    void *opaque;
    struct loop_watch *next;
};

struct post {
    void (*call)(void *opaque);
    void *opaque;
    struct post *next;
};

struct loop {
    pthread_mutex_t mutex;
    int wake_read, wake_write;
    bool woken; /* a byte is in the pipe */
    struct loop_watch *watches, **watch_last;
    struct post *posts, **post_last;
    /* One turn's arguments of poll, the pipe first; kept between turns. */
    struct pollfd *fds;
    struct loop_watch **polled;
    size_t capacity;
};

static int set_flags(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) | fcntl(fd, F_SETFL, O_NONBLOCK);
}

struct loop *loop_create(void)
{
    int fds[2];
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    if (pipe(fds) < 0) {
        free(loop);
        return NULL;
    }
    set_flags(fds[0]);
    set_flags(fds[1]);
    loop->wake_read = fds[0];
    loop->wake_write = fds[1];
    pthread_mutex_init(&loop->mutex, NULL);
    loop->watch_last = &loop->watches;
    loop->post_last = &loop->posts;
    return loop;
}

static void free_posts(struct post *post)
{
    while (post) {
        struct post *next = post->next;
        free(post);
        post = next;
    }
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->watches) {
        struct loop_watch *next = loop->watches->next;
        free(loop->watches);
        loop->watches = next;
    }
    /* Posts own what they point to: they run, late as it is. */
    for (struct post *post = loop->posts; post; post = post->next)
        post->call(post->opaque);
    free_posts(loop->posts);
    close(loop->wake_read);
    close(loop->wake_write);
    pthread_mutex_destroy(&loop->mutex);
    free(loop->fds);
    free(loop->polled);
    free(loop);
}

/* Mutex held. */
static void wake(struct loop *loop)
{
    if (loop->woken)
        return;
    loop->woken = write(loop->wake_write, "", 1) == 1;
}

struct loop_watch *loop_watch(struct loop *loop, int fd, short events, void (*ready)(void *opaque, short events),
                              void *opaque)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    assert(watch);
    *watch = (struct loop_watch){.loop = loop, .fd = fd, .events = events, .ready = ready, .opaque = opaque};
    pthread_mutex_lock(&loop->mutex);
    *loop->watch_last = watch;
    loop->watch_last = &watch->next;
    wake(loop);
    pthread_mutex_unlock(&loop->mutex);
    return watch;
}

void loop_watch_events(struct loop_watch *watch, short events)
{
    pthread_mutex_lock(&watch->loop->mutex);
    if (watch->events != events) {
        watch->events = events;
        wake(watch->loop);
    }
    pthread_mutex_unlock(&watch->loop->mutex);
}

void loop_unwatch(struct loop_watch *watch)
{
    if (!watch)
        return;
    struct loop *loop = watch->loop;
    pthread_mutex_lock(&loop->mutex);
    watch->dead = true;
    wake(loop);
    pthread_mutex_unlock(&loop->mutex);
}

void loop_post(struct loop *loop, void (*call)(void *opaque), void *opaque)
{
    struct post *post = malloc(sizeof(*post));
    assert(post);
    *post = (struct post){.call = call, .opaque = opaque};
    pthread_mutex_lock(&loop->mutex);
    *loop->post_last = post;
    loop->post_last = &post->next;
    wake(loop);
    pthread_mutex_unlock(&loop->mutex);
}

/* Mutex held. */
static void free_dead_watches(struct loop *loop)
{
    struct loop_watch **link = &loop->watches;
    while (*link) {
        struct loop_watch *watch = *link;
        if (watch->dead) {
            *link = watch->next;
            free(watch);
        } else {
            link = &watch->next;
        }
    }
    loop->watch_last = link;
}

static void grow(struct loop *loop)
{
    loop->capacity = loop->capacity ? loop->capacity * 2 : 16;
    loop->fds = realloc(loop->fds, sizeof(loop->fds[0]) * loop->capacity);
    loop->polled = realloc(loop->polled, sizeof(loop->polled[0]) * loop->capacity);
    assert(loop->fds && loop->polled);
}

/* Fills fds and polled, and returns how many.  A watch without events is left out: POLLHUP cannot be masked. */
static size_t gather(struct loop *loop)
{
    size_t count = 1;
    pthread_mutex_lock(&loop->mutex);
    free_dead_watches(loop);
    if (!loop->capacity)
        grow(loop);
    loop->fds[0] = (struct pollfd){.fd = loop->wake_read, .events = POLLIN};
    for (struct loop_watch *watch = loop->watches; watch; watch = watch->next) {
        if (!watch->events)
            continue;
        if (count == loop->capacity)
            grow(loop);
        loop->fds[count] = (struct pollfd){.fd = watch->fd, .events = watch->events};
        loop->polled[count++] = watch;
    }
    pthread_mutex_unlock(&loop->mutex);
    return count;
}

static struct post *take_posts(struct loop *loop)
{
    char bytes[16];
    pthread_mutex_lock(&loop->mutex);
    while (read(loop->wake_read, bytes, sizeof(bytes)) > 0)
        ;
    loop->woken = false;
    struct post *posts = loop->posts;
    loop->posts = NULL;
    loop->post_last = &loop->posts;
    pthread_mutex_unlock(&loop->mutex);
    return posts;
}

/* What is ready and still wanted: an earlier callback of this turn may have unwatched it or masked its events. */
static short wanted(struct loop *loop, struct loop_watch *watch, short revents)
{
    pthread_mutex_lock(&loop->mutex);
    short events = watch->dead || !watch->events ? 0 : revents & (watch->events | POLLERR | POLLHUP | POLLNVAL);
    pthread_mutex_unlock(&loop->mutex);
    return events;
}

static void dispatch(struct loop *loop, size_t count, struct post *posts)
{
    for (size_t i = 1; i < count; i++) {
        struct loop_watch *watch = loop->polled[i];
        short events = loop->fds[i].revents ? wanted(loop, watch, loop->fds[i].revents) : 0;
        if (events)
            watch->ready(watch->opaque, events);
    }
    for (struct post *post = posts; post; post = post->next)
        post->call(post->opaque);
}

void loop_turn(struct loop *loop, int timeout_ms, void (*lock)(void *), void (*unlock)(void *), void *lock_opaque)
{
    size_t count = gather(loop);
    int ready = poll(loop->fds, count, timeout_ms);
    if (ready <= 0) /* nothing, or a signal: the caller decides what to do next */
        return;
    struct post *posts = take_posts(loop);
    if (!posts && ready == 1 && loop->fds[0].revents)
        return;
    if (lock)
        lock(lock_opaque);
    dispatch(loop, count, posts);
    if (unlock)
        unlock(lock_opaque);
    free_posts(posts);
}
