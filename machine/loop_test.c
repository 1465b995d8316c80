/*
 * Rules of machine/loop.h.
 */
#include "machine/loop.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit.h"

struct watcher {
    struct loop *loop;
    struct loop_watch *watch;
    int pipe[2];
    int calls;
    short events;
    struct loop_watch **drop; /* unwatch this in the callback */
};

static int locked, depth;

static void lock(void *opaque)
{
    locked++;
    depth++;
}

static void unlock(void *opaque)
{
    depth--;
}

static void ready(void *opaque, short events)
{
    struct watcher *w = opaque;
    char byte;
    CHECK_EQ(depth, 1);
    w->calls++;
    w->events = events;
    if ((events & POLLIN) && read(w->pipe[0], &byte, 1) < 0)
        CHECK(!"read");
    if (w->drop && *w->drop) {
        loop_unwatch(*w->drop);
        *w->drop = NULL;
    }
}

static void setup(struct watcher *w, struct loop *loop)
{
    memset(w, 0, sizeof(*w));
    w->loop = loop;
    CHECK_EQ(pipe(w->pipe), 0);
    w->watch = loop_watch(loop, w->pipe[0], POLLIN, ready, w);
}

static void teardown(struct watcher *w)
{
    close(w->pipe[0]);
    close(w->pipe[1]);
}

static void send_byte(struct watcher *w)
{
    CHECK_EQ(write(w->pipe[1], "x", 1), 1);
}

static void turn(struct loop *loop, int timeout)
{
    loop_turn(loop, timeout, lock, unlock, NULL);
}

TEST(a_ready_descriptor_is_called_under_the_lock)
{
    struct loop *loop = loop_create();
    struct watcher w;
    setup(&w, loop);
    turn(loop, 0);
    CHECK_EQ(w.calls, 0);
    send_byte(&w);
    turn(loop, 0);
    CHECK_EQ(w.calls, 1);
    CHECK_EQ(w.events, POLLIN);
    turn(loop, 0);
    CHECK_EQ(w.calls, 1);
    loop_destroy(loop);
    teardown(&w);
}

TEST(an_idle_turn_does_not_take_the_lock)
{
    struct loop *loop = loop_create();
    struct watcher w;
    setup(&w, loop);
    turn(loop, 0); /* swallows the wake of loop_watch */
    int before = locked;
    turn(loop, 1);
    CHECK_EQ(locked, before);
    loop_destroy(loop);
    teardown(&w);
}

TEST(a_watch_may_go_inside_a_callback)
{
    struct loop *loop = loop_create();
    struct watcher a, b;
    setup(&a, loop);
    setup(&b, loop);
    a.drop = &b.watch; /* the other one, ready in the same turn */
    send_byte(&a);
    send_byte(&b);
    turn(loop, 0);
    CHECK_EQ(a.calls, 1);
    CHECK_EQ(b.calls, 0);
    a.drop = &a.watch; /* itself */
    send_byte(&a);
    turn(loop, 0);
    turn(loop, 0);
    send_byte(&a);
    turn(loop, 0);
    CHECK_EQ(a.calls, 2);
    loop_destroy(loop);
    teardown(&a);
    teardown(&b);
}

TEST(events_can_be_switched_off_and_on)
{
    struct loop *loop = loop_create();
    struct watcher w;
    setup(&w, loop);
    send_byte(&w);
    loop_watch_events(w.watch, 0);
    turn(loop, 0);
    CHECK_EQ(w.calls, 0);
    loop_watch_events(w.watch, POLLIN);
    turn(loop, 0);
    CHECK_EQ(w.calls, 1);
    loop_destroy(loop);
    teardown(&w);
}

TEST(hangup_is_told)
{
    struct loop *loop = loop_create();
    struct watcher w;
    setup(&w, loop);
    close(w.pipe[1]);
    turn(loop, 0);
    CHECK_EQ(w.calls, 1);
    CHECK(w.events & POLLHUP);
    loop_destroy(loop);
    close(w.pipe[0]);
}

static int order[4], done;

static void first(void *opaque)
{
    order[done++ & 3] = 1;
}

static void second(void *opaque)
{
    CHECK_EQ(depth, 1);
    order[done++ & 3] = 2;
    if (opaque)
        loop_post(opaque, first, NULL);
}

TEST(posted_calls_run_in_order_and_later_ones_next_turn)
{
    struct loop *loop = loop_create();
    done = 0;
    loop_post(loop, second, loop);
    loop_post(loop, first, NULL);
    turn(loop, 1000);
    CHECK_EQ(done, 2);
    CHECK_EQ(order[0], 2);
    CHECK_EQ(order[1], 1);
    turn(loop, 1000);
    CHECK_EQ(done, 3);
    loop_destroy(loop);
}

static void *post_later(void *opaque)
{
    usleep(2000);
    loop_post(opaque, first, NULL);
    return NULL;
}

TEST(a_post_from_another_thread_ends_the_sleep)
{
    struct loop *loop = loop_create();
    pthread_t thread;
    done = 0;
    CHECK_EQ(pthread_create(&thread, NULL, post_later, loop), 0);
    turn(loop, 10000);
    CHECK_EQ(done, 1);
    pthread_join(thread, NULL);
    loop_destroy(loop);
}

TEST(what_waits_at_the_end_still_runs)
{
    struct loop *loop = loop_create();
    done = 0;
    loop_post(loop, first, NULL);
    loop_destroy(loop);
    CHECK_EQ(done, 1);
}

UNIT_MAIN()
