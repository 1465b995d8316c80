/*
 * Rules of machine/clock.h.
 */
#include "machine/clock.h"

#include <time.h>
#include <unistd.h>

#include "tests/unit.h"

static u64 executed;

static u64 instructions(void *opaque)
{
    return executed;
}

/* A clock that stands at *executed ns. */
static struct clock *counted_clock(unsigned shift)
{
    struct clock *clock = clock_create();
    executed = 0;
    clock_use_icount(clock, shift, instructions, NULL);
    return clock;
}

struct probe {
    struct timer timer;
    struct clock *clock;
    int fired;
    int order;
    u64 again; /* re-arm for this when fired */
    struct timer *cancel, *arm;
    u64 arm_at;
};

static int order;

static void fire(void *opaque)
{
    struct probe *probe = opaque;
    probe->fired++;
    probe->order = ++order;
    if (probe->again)
        timer_set(&probe->timer, probe->again);
    if (probe->cancel)
        timer_cancel(probe->cancel);
    if (probe->arm)
        timer_set(probe->arm, probe->arm_at);
}

static void probe_init(struct probe *probe, struct clock *clock)
{
    memset(probe, 0, sizeof(*probe));
    probe->clock = clock;
    timer_init(&probe->timer, clock, fire, probe);
}

TEST(ticks_and_ns_are_inverse)
{
    static const u64 rates[] = {1193182, 3579545, 32768, 14318180, 1843200, 100000000, 999999999, 1000000000};
    static const u64 ticks[] = {0, 1, 2, 3, 1193181, 1193182, 0xffffff, 0xffffffff, 123456789012345};
    struct clock *clock = counted_clock(0);
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
        for (size_t j = 0; j < ARRAY_SIZE(ticks); j++) {
            executed = clock_ticks_to_ns(ticks[j], rates[i]);
            if (executed == CLOCK_NEVER)
                continue;
            CHECK_EQ(clock_ticks(clock, rates[i]), ticks[j]);
            if (executed--)
                CHECK_EQ(clock_ticks(clock, rates[i]), ticks[j] - 1);
        }
    clock_destroy(clock);
}

TEST(ticks_do_not_overflow_after_a_century)
{
    struct clock *clock = counted_clock(0);
    executed = 3153600000ull * NS_PER_SEC;
    CHECK_EQ(clock_ticks(clock, 3579545), 3153600000ull * 3579545);
    CHECK_EQ(clock_ticks_to_ns(UINT64_MAX, 1), CLOCK_NEVER);
    CHECK_EQ(clock_ticks_to_ns(1, 0), CLOCK_NEVER);
    clock_destroy(clock);
}

TEST(real_time_stands_still_while_stopped)
{
    struct clock *clock = clock_create();
    struct timespec pause = {.tv_nsec = 2000000};
    CHECK_EQ(clock_ns(clock), 0);
    clock_start(clock);
    nanosleep(&pause, NULL);
    clock_stop(clock);
    u64 stopped = clock_ns(clock);
    CHECK(stopped >= 2000000);
    nanosleep(&pause, NULL);
    CHECK_EQ(clock_ns(clock), stopped);
    clock_start(clock);
    CHECK(clock_ns(clock) >= stopped);
    CHECK_EQ(clock_icount_budget(clock), UINT64_MAX);
    CHECK(!clock_is_icount(clock));
    clock_destroy(clock);
}

TEST(the_host_is_ahead_by_the_time_the_machine_was_stopped)
{
    struct clock *clock = clock_create();
    clock_start(clock);
    CHECK(clock_host_lead(clock, HOST_MONOTONIC) < 100000000);
    clock_stop(clock);
    usleep(30000);
    u64 lead = clock_host_lead(clock, HOST_MONOTONIC);
    CHECK(lead >= 30000000);
    CHECK(clock_host_lead(clock, HOST_CALENDAR) >= 25000000);
    CHECK_EQ(clock_host_lead(clock, HOST_NONE), 0);
    clock_start(clock);
    CHECK(clock_host_lead(clock, HOST_MONOTONIC) >= lead);
    clock_use_icount(clock, 0, instructions, NULL);
    CHECK_EQ(clock_host_lead(clock, HOST_MONOTONIC), 0);
    clock_destroy(clock);
}

TEST(timers_fire_by_deadline_then_by_arming)
{
    struct clock *clock = counted_clock(0);
    struct probe p[5];
    static const u64 deadlines[] = {300, 100, 200, 100, 400};
    order = 0;
    for (int i = 0; i < 5; i++) {
        probe_init(&p[i], clock);
        timer_set(&p[i].timer, deadlines[i]);
    }
    CHECK_EQ(clock_deadline(clock), 100);
    executed = 300;
    clock_run(clock);
    CHECK_EQ(p[1].order, 1);
    CHECK_EQ(p[3].order, 2);
    CHECK_EQ(p[2].order, 3);
    CHECK_EQ(p[0].order, 4);
    CHECK_EQ(p[4].fired, 0);
    CHECK(!timer_armed(&p[0].timer));
    CHECK_EQ(p[0].timer.deadline, CLOCK_NEVER);
    CHECK_EQ(clock_deadline(clock), 400);
    clock_destroy(clock);
}

TEST(a_timer_does_not_fire_early)
{
    struct clock *clock = counted_clock(0);
    struct probe p;
    probe_init(&p, clock);
    timer_set(&p.timer, 1000);
    executed = 999;
    clock_run(clock);
    CHECK_EQ(p.fired, 0);
    executed = 1000;
    clock_run(clock);
    CHECK_EQ(p.fired, 1);
    clock_destroy(clock);
}

TEST(rearmed_in_the_past_fires_at_the_next_run)
{
    struct clock *clock = counted_clock(0);
    struct probe p;
    probe_init(&p, clock);
    p.again = 5;
    timer_set(&p.timer, 1);
    executed = 100;
    clock_run(clock);
    CHECK_EQ(p.fired, 1);
    CHECK_EQ(clock_deadline(clock), 5);
    clock_run(clock);
    CHECK_EQ(p.fired, 2);
    clock_destroy(clock);
}

TEST(a_callback_cancels_one_that_is_due_with_it)
{
    struct clock *clock = counted_clock(0);
    struct probe a, b, c;
    probe_init(&a, clock);
    probe_init(&b, clock);
    probe_init(&c, clock);
    timer_set(&a.timer, 10);
    timer_set(&b.timer, 20);
    timer_set(&c.timer, 30);
    a.cancel = &b.timer;
    executed = 50;
    clock_run(clock);
    CHECK_EQ(a.fired, 1);
    CHECK_EQ(b.fired, 0);
    CHECK_EQ(c.fired, 1);
    CHECK(!timer_armed(&b.timer));
    CHECK_EQ(clock_deadline(clock), CLOCK_NEVER);
    clock_destroy(clock);
}

TEST(a_callback_postpones_one_that_is_due_with_it)
{
    struct clock *clock = counted_clock(0);
    struct probe a, b;
    probe_init(&a, clock);
    probe_init(&b, clock);
    timer_set(&a.timer, 10);
    timer_set(&b.timer, 20);
    a.arm = &b.timer;
    a.arm_at = 1000;
    executed = 50;
    clock_run(clock);
    CHECK_EQ(b.fired, 0);
    CHECK_EQ(clock_deadline(clock), 1000);
    executed = 1000;
    clock_run(clock);
    CHECK_EQ(b.fired, 1);
    clock_destroy(clock);
}

/* Random arming and cancelling of many timers keeps the heap in order. */
TEST(many_timers_stay_in_order)
{
    enum { COUNT = 100 };
    static struct probe p[COUNT];
    struct clock *clock = counted_clock(0);
    u32 seed = 1;
    for (int i = 0; i < COUNT; i++)
        probe_init(&p[i], clock);
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1664525 + 1013904223;
        struct timer *timer = &p[(seed >> 8) % COUNT].timer;
        if ((seed >> 28) < 4)
            timer_cancel(timer);
        else
            timer_set(timer, 1 + (seed >> 4) % 10000);
        u64 least = CLOCK_NEVER;
        for (int j = 0; j < COUNT; j++)
            least = MIN(least, p[j].timer.deadline);
        if (clock_deadline(clock) != least) {
            CHECK_EQ(clock_deadline(clock), least);
            break;
        }
    }
    for (executed = 0; executed <= 10001; executed++)
        clock_run(clock);
    for (int i = 0; i < COUNT; i++)
        CHECK(p[i].fired <= 1 && !timer_armed(&p[i].timer));
    clock_destroy(clock);
}

TEST(never_means_idle)
{
    struct clock *clock = counted_clock(0);
    struct probe p;
    probe_init(&p, clock);
    timer_set(&p.timer, 10);
    timer_set(&p.timer, CLOCK_NEVER);
    CHECK(!timer_armed(&p.timer));
    timer_cancel(&p.timer);
    CHECK_EQ(clock_deadline(clock), CLOCK_NEVER);
    clock_destroy(clock);
}

TEST(an_instruction_takes_2_to_the_shift_ns)
{
    struct clock *clock = counted_clock(3);
    struct probe p;
    probe_init(&p, clock);
    CHECK_EQ(clock_icount_budget(clock), UINT64_MAX);
    executed = 10;
    CHECK_EQ(clock_ns(clock), 80);
    timer_set(&p.timer, 97);
    CHECK_EQ(clock_icount_budget(clock), 3); /* 104 is the first instruction end not before 97 */
    executed = 13;
    CHECK_EQ(clock_icount_budget(clock), 1);
    clock_run(clock);
    CHECK_EQ(p.fired, 1);
    clock_destroy(clock);
}

TEST(warps_go_forward_only)
{
    struct clock *clock = counted_clock(0);
    executed = 100;
    clock_warp(clock, 5000);
    CHECK_EQ(clock_ns(clock), 5000);
    clock_warp(clock, 50);
    CHECK_EQ(clock_ns(clock), 5000);
    clock_warp(clock, CLOCK_NEVER);
    CHECK_EQ(clock_ns(clock), 5000);
    executed = 101;
    CHECK_EQ(clock_ns(clock), 5001);
    clock_destroy(clock);
}

static void notify(void *opaque)
{
    ++*(int *)opaque;
}

TEST(only_an_earlier_deadline_wakes_the_driver)
{
    struct clock *clock = counted_clock(0);
    struct probe a, b;
    int wakes = 0;
    probe_init(&a, clock);
    probe_init(&b, clock);
    clock_on_earlier(clock, notify, &wakes);
    timer_set(&a.timer, 100);
    CHECK_EQ(wakes, 1);
    timer_set(&b.timer, 200);
    timer_set(&a.timer, 150);
    CHECK_EQ(wakes, 1);
    timer_set(&b.timer, 50);
    CHECK_EQ(wakes, 2);
    clock_destroy(clock);
}

TEST(the_epoch_is_kept)
{
    struct clock *clock = clock_create();
    clock_set_epoch(clock, 946684800);
    CHECK_EQ(clock_epoch(clock), 946684800);
    clock_destroy(clock);
}

UNIT_MAIN()
