/*
 * Virtual time and its timers: a binary heap by (deadline, order of arming).
 *
 * A run fires what was due when it began, each timer at most once: a chip that re-arms itself in the past is called
 * again by the next clock_run, after the guest has had its turn, so no guest setting can hold the host in a loop.
 */
#include "machine/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "machine/trace.h"

/* A timer's slot while it waits in due[] for its turn in the current run. */
#define SLOT_DUE 0x40000000

struct clock {
    struct timer **heap;
    int count, capacity;
    struct timer **due; /* as many as fit in the heap */
    int due_first, due_count;
    u64 sequence;
    i64 epoch;

    bool running;  /* real time: following the host */
    u64 base;      /* virtual ns when the clock was last stopped or started, or skipped by warps */
    u64 host_base; /* host ns at the last start */
    u64 born[3];   /* by enum host_time: host ns at clock_create */

    bool icount;
    unsigned shift;
    u64 (*instructions)(void *opaque);
    void *instructions_opaque;

    void (*notify)(void *opaque);
    void *notify_opaque;
};

static u64 host_time(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (u64)now.tv_sec * NS_PER_SEC + (u64)now.tv_nsec;
}

u64 clock_host_ns(void)
{
    return host_time(CLOCK_MONOTONIC);
}

struct clock *clock_create(void)
{
    struct clock *clock = calloc(1, sizeof(struct clock));
    if (!clock)
        return NULL;
    clock->born[HOST_MONOTONIC] = clock_host_ns();
    clock->born[HOST_CALENDAR] = host_time(CLOCK_REALTIME);
    return clock;
}

void clock_destroy(struct clock *clock)
{
    if (!clock)
        return;
    free(clock->heap);
    free(clock->due);
    free(clock);
}

/* Time. */

u64 clock_ns(struct clock *clock)
{
    if (clock->icount)
        return clock->base + (clock->instructions(clock->instructions_opaque) << clock->shift);
    return clock->running ? clock->base + (clock_host_ns() - clock->host_base) : clock->base;
}

u64 clock_ticks(struct clock *clock, u64 hz)
{
    return (u64)((unsigned __int128)clock_ns(clock) * hz / NS_PER_SEC);
}

u64 clock_ticks_to_ns(u64 ticks, u64 hz)
{
    if (!hz)
        return CLOCK_NEVER;
    unsigned __int128 ns = ((unsigned __int128)ticks * NS_PER_SEC + hz - 1) / hz;
    return ns < CLOCK_NEVER ? (u64)ns : CLOCK_NEVER;
}

u64 clock_host_lead(struct clock *clock, enum host_time host)
{
    if (clock->icount || host == HOST_NONE)
        return 0;
    u64 now = host_time(host == HOST_CALENDAR ? CLOCK_REALTIME : CLOCK_MONOTONIC);
    i64 lead = (i64)(now - clock->born[host] - clock_ns(clock));
    return lead > 0 ? (u64)lead : 0;
}

void clock_stop(struct clock *clock)
{
    if (clock->icount || !clock->running)
        return;
    clock->base = clock_ns(clock);
    clock->running = false;
}

void clock_start(struct clock *clock)
{
    if (clock->icount || clock->running)
        return;
    clock->host_base = clock_host_ns();
    clock->running = true;
}

void clock_use_icount(struct clock *clock, unsigned shift, u64 (*instructions)(void *opaque), void *opaque)
{
    u64 now = clock_ns(clock);
    clock->icount = true;
    clock->running = false;
    clock->shift = MIN(shift, 32u);
    clock->instructions = instructions;
    clock->instructions_opaque = opaque;
    clock->base = 0;
    clock_warp(clock, now); /* time goes on from where it was */
}

bool clock_is_icount(const struct clock *clock)
{
    return clock->icount;
}

void clock_warp(struct clock *clock, u64 to_ns)
{
    u64 now = clock_ns(clock);
    if (clock->icount && to_ns != CLOCK_NEVER && to_ns > now)
        clock->base += to_ns - now;
}

u64 clock_icount_budget(struct clock *clock)
{
    u64 deadline = clock_deadline(clock);
    if (!clock->icount || deadline == CLOCK_NEVER)
        return UINT64_MAX;
    u64 now = clock_ns(clock);
    if (deadline <= now)
        return 1;
    u64 left = deadline - now, step = 1ull << clock->shift;
    return left / step + (left % step != 0);
}

void clock_set_epoch(struct clock *clock, i64 unix_seconds)
{
    clock->epoch = unix_seconds;
}

i64 clock_epoch(const struct clock *clock)
{
    return clock->epoch;
}

void clock_on_earlier(struct clock *clock, void (*notify)(void *opaque), void *opaque)
{
    clock->notify = notify;
    clock->notify_opaque = opaque;
}

/* The heap. */

static bool before(const struct timer *a, const struct timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void place(struct clock *clock, struct timer *timer, int slot)
{
    clock->heap[slot] = timer;
    timer->slot = slot;
}

static void sift_up(struct clock *clock, struct timer *timer, int slot)
{
    while (slot > 0) {
        int parent = (slot - 1) / 2;
        if (!before(timer, clock->heap[parent]))
            break;
        place(clock, clock->heap[parent], slot);
        slot = parent;
    }
    place(clock, timer, slot);
}

static void sift_down(struct clock *clock, struct timer *timer, int slot)
{
    for (;;) {
        int child = slot * 2 + 1;
        if (child >= clock->count)
            break;
        if (child + 1 < clock->count && before(clock->heap[child + 1], clock->heap[child]))
            child++;
        if (!before(clock->heap[child], timer))
            break;
        place(clock, clock->heap[child], slot);
        slot = child;
    }
    place(clock, timer, slot);
}

static void heap_remove(struct clock *clock, int slot)
{
    struct timer *last = clock->heap[--clock->count];
    if (slot == clock->count)
        return;
    if (slot > 0 && before(last, clock->heap[(slot - 1) / 2]))
        sift_up(clock, last, slot);
    else
        sift_down(clock, last, slot);
}

/* Timers are few and armed for ever after: the heap grows to their number and stays. */
static void reserve(struct clock *clock)
{
    if (clock->count + clock->due_count < clock->capacity)
        return;
    clock->capacity = clock->capacity ? clock->capacity * 2 : 32;
    clock->heap = realloc(clock->heap, sizeof(clock->heap[0]) * clock->capacity);
    clock->due = realloc(clock->due, sizeof(clock->due[0]) * clock->capacity);
    assert(clock->heap && clock->due);
}

/* Timers. */

void timer_init(struct timer *timer, struct clock *clock, void (*fire)(void *opaque), void *opaque)
{
    *timer = (struct timer){.clock = clock, .fire = fire, .opaque = opaque, .deadline = CLOCK_NEVER, .slot = -1};
}

void timer_cancel(struct timer *timer)
{
    struct clock *clock = timer->clock;
    if (timer->slot < 0)
        return;
    if (timer->slot >= SLOT_DUE)
        clock->due[timer->slot - SLOT_DUE] = NULL;
    else
        heap_remove(clock, timer->slot);
    timer->slot = -1;
    timer->deadline = CLOCK_NEVER;
}

void timer_set(struct timer *timer, u64 deadline_ns)
{
    struct clock *clock = timer->clock;
    u64 earliest = clock_deadline(clock);
    timer_cancel(timer);
    if (deadline_ns == CLOCK_NEVER)
        return;
    reserve(clock);
    timer->deadline = deadline_ns;
    timer->sequence = clock->sequence++;
    sift_up(clock, timer, clock->count++);
    if (deadline_ns < earliest && clock->notify)
        clock->notify(clock->notify_opaque);
}

u64 clock_deadline(const struct clock *clock)
{
    for (int i = clock->due_first; i < clock->due_count; i++)
        if (clock->due[i])
            return clock->due[i]->deadline;
    return clock->count ? clock->heap[0]->deadline : CLOCK_NEVER;
}

static void collect_due(struct clock *clock, u64 now)
{
    clock->due_first = 0;
    while (clock->count && clock->heap[0]->deadline <= now) {
        struct timer *timer = clock->heap[0];
        heap_remove(clock, 0);
        clock->due[clock->due_count] = timer;
        timer->slot = SLOT_DUE + clock->due_count++;
    }
}

void clock_run(struct clock *clock)
{
    if (clock->due_count || !clock->count) /* nothing armed, or called from inside a timer */
        return;
    collect_due(clock, clock_ns(clock));
    while (clock->due_first < clock->due_count) {
        struct timer *timer = clock->due[clock->due_first++];
        if (!timer) /* cancelled or re-armed by one that fired before it */
            continue;
        trace(TIMER, "fire %p due %llu", timer->opaque, (unsigned long long)timer->deadline);
        timer->slot = -1;
        timer->deadline = CLOCK_NEVER;
        timer->fire(timer->opaque);
    }
    clock->due_first = clock->due_count = 0;
}
