/*
 * The one source of time: virtual nanoseconds since power-on, and timers on it.
 *
 * In real time it follows the host's monotonic clock and stands still while the machine is stopped.  Under -icount it
 * is a function of the number of instructions executed, and an idle CPU jumps to the next deadline; no host time leaks
 * in.  Timers run with the machine lock held, in order of deadline, ties in order of arming.
 */
#ifndef MACHINE_CLOCK_H
#define MACHINE_CLOCK_H

#include "machine/types.h"

#define NS_PER_SEC 1000000000ull
#define CLOCK_NEVER UINT64_MAX

struct clock;

struct timer {
    struct clock *clock;
    void (*fire)(void *opaque);
    void *opaque;
    u64 deadline; /* virtual ns; CLOCK_NEVER when idle */
    u64 sequence; /* orders equal deadlines */
    int slot;     /* in the clock's heap, -1 when idle */
};

struct clock *clock_create(void);
void clock_destroy(struct clock *clock);

u64 clock_ns(struct clock *clock);
u64 clock_host_ns(void); /* the host's monotonic clock: for what guests are not to see */
/* Virtual time in ticks of a chip's own frequency: ns * hz / 1e9 without overflow or drift. */
u64 clock_ticks(struct clock *clock, u64 hz);
/* The first ns at which clock_ticks() reaches `ticks`: what a chip arms its timer for. */
u64 clock_ticks_to_ns(u64 ticks, u64 hz);

/* Real time: stop and restart the clock with the machine. */
void clock_stop(struct clock *clock);
void clock_start(struct clock *clock);

/* By how much the host's time since clock_create is ahead of virtual time: the machine was stopped, or the host slept
 * or was set (HOST_CALENDAR only).  0 where it is behind, and under -icount. */
enum host_time { HOST_NONE, HOST_MONOTONIC, HOST_CALENDAR };
u64 clock_host_lead(struct clock *clock, enum host_time host);

/* Under -icount: 1 instruction = 2^shift ns; instructions() tells how many have been executed so far. */
void clock_use_icount(struct clock *clock, unsigned shift, u64 (*instructions)(void *opaque), void *opaque);
bool clock_is_icount(const struct clock *clock);
/* -icount only: skip ahead (idle CPU).  Never backwards. */
void clock_warp(struct clock *clock, u64 to_ns);
/* Instructions that may run before the next deadline; UINT64_MAX in real time or without a timer; at least 1. */
u64 clock_icount_budget(struct clock *clock);

void timer_init(struct timer *timer, struct clock *clock, void (*fire)(void *opaque), void *opaque);
/* (Re)arm for an absolute time; a time in the past fires at the next clock_run. */
void timer_set(struct timer *timer, u64 deadline_ns);
void timer_cancel(struct timer *timer);
static inline bool timer_armed(const struct timer *timer) { return timer->slot >= 0; }

/* Deadline of the first timer, or CLOCK_NEVER.  Lock held. */
u64 clock_deadline(const struct clock *clock);
/* Fire what is due.  Lock held; called by the thread that drives the machine. */
void clock_run(struct clock *clock);

/* Called (lock held) when an earlier deadline than before is armed, so that a sleeping driver looks again. */
void clock_on_earlier(struct clock *clock, void (*notify)(void *opaque), void *opaque);

/* Calendar: what the RTC starts from.  Unix seconds at virtual time 0 (-rtc base=...). */
void clock_set_epoch(struct clock *clock, i64 unix_seconds);
i64 clock_epoch(const struct clock *clock);

#endif
