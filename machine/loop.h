/*
 * The event loop: file descriptors and deferred work.  Callbacks run with the machine lock held.
 */
#ifndef MACHINE_LOOP_H
#define MACHINE_LOOP_H

#include "machine/types.h"

struct loop;
struct loop_watch;

struct loop *loop_create(void);
void loop_destroy(struct loop *loop);

/* events: POLLIN | POLLOUT.  The watch is the loop's; loop_unwatch frees it (safe inside its own callback). */
struct loop_watch *loop_watch(struct loop *loop, int fd, short events, void (*ready)(void *opaque, short events),
                              void *opaque);
void loop_watch_events(struct loop_watch *watch, short events);
void loop_unwatch(struct loop_watch *watch);

/* From any thread: run `call` on the loop's thread soon, at the latest in loop_destroy.  Never blocks. */
void loop_post(struct loop *loop, void (*call)(void *opaque), void *opaque);

/* One turn: poll for at most timeout_ms (-1: for ever), then call what is ready.  lock/unlock wrap the callbacks. */
void loop_turn(struct loop *loop, int timeout_ms, void (*lock)(void *), void (*unlock)(void *), void *lock_opaque);

#endif
