/*
 * The local APIC's timer.
 *
 * Source: Intel SDM vol. 3A, ch. "Advanced Programmable Interrupt Controller (APIC)", "APIC Timer", "TSC-Deadline
 *         Mode".
 * Modelled: one-shot, periodic and TSC-deadline mode, the divider, the current count.  The count is computed when
 *         somebody looks; a masked timer counts on and costs nothing.  Periods are counted from the first one, so that
 *         they do not drift; those that the host has missed are one interrupt, as in IRR.
 * Our choice: the bus clock is LAPIC_HZ.
 */
#include "devices/lapic_internal.h"

static bool is_masked(const struct lapic *apic)
{
    return apic->lvt[LVT_TIMER] & LVT_MASKED;
}
static bool is_deadline_mode(const struct lapic *apic)
{
    return (apic->lvt[LVT_TIMER] & LVT_TIMER_MODE) == LVT_TSC_DEADLINE;
}

/* "Divide Configuration Register": bits 3, 1 and 0; 000 divides by 2, 110 by 128, 111 by 1. */
static unsigned divider_shift(const struct lapic *apic)
{
    return ((apic->dcr & 3) + (apic->dcr >> 1 & 4) + 1) & 7;
}

static u64 now_ticks(const struct lapic *apic)
{
    return clock_ticks(apic->timer.clock, LAPIC_HZ);
}

static u64 period(const struct lapic *apic)
{
    return (u64)apic->initial_count << divider_shift(apic);
}

/* What the time that has passed did to the count or the deadline.  True: it reached zero. */
static bool settle(struct lapic *apic)
{
    u64 now = now_ticks(apic);
    if (is_deadline_mode(apic)) {
        if (!apic->deadline || clock_ns(apic->timer.clock) < apic->deadline)
            return false;
        apic->deadline = 0; /* "the timer is disarmed: the MSR is cleared" */
        return true;
    }
    if (!apic->counting || now < apic->zero_at)
        return false;
    if (apic->lvt[LVT_TIMER] & LVT_PERIODIC)
        apic->zero_at += ((now - apic->zero_at) / period(apic) + 1) * period(apic);
    else
        apic->counting = false;
    return true;
}

static void catch_up(struct lapic *apic)
{
    if (settle(apic))
        lapic_raise_local(apic, LVT_TIMER);
}

static void arm(struct lapic *apic)
{
    u64 at = CLOCK_NEVER;
    if (is_deadline_mode(apic))
        at = apic->deadline ? apic->deadline : CLOCK_NEVER;
    else if (apic->counting)
        at = clock_ticks_to_ns(apic->zero_at, LAPIC_HZ);
    if (at == CLOCK_NEVER || is_masked(apic))
        timer_cancel(&apic->timer);
    else
        timer_set(&apic->timer, at);
}

static void fire(void *opaque)
{
    struct lapic *apic = opaque;
    catch_up(apic);
    arm(apic);
}

/* "A write to the LVT Timer Register that changes the timer mode disarms the local APIC timer": to
 * and from deadline mode. */
void lapic_timer_write_lvt(struct lapic *apic, u32 value)
{
    catch_up(apic);
    bool was_deadline = is_deadline_mode(apic);
    apic->lvt[LVT_TIMER] = value;
    if (was_deadline != is_deadline_mode(apic)) {
        apic->counting = false;
        apic->deadline = 0;
    }
    arm(apic);
}

/* "A write of 0 to the initial-count register effectively stops the local APIC timer." */
void lapic_timer_write_count(struct lapic *apic, u32 value)
{
    catch_up(apic);
    if (is_deadline_mode(apic))
        return;
    apic->initial_count = value;
    apic->counting = value != 0;
    apic->zero_at = now_ticks(apic) + period(apic);
    arm(apic);
}

u32 lapic_timer_count(struct lapic *apic)
{
    catch_up(apic);
    if (is_deadline_mode(apic) || !apic->counting)
        return 0;
    unsigned shift = divider_shift(apic);
    u64 now = now_ticks(apic); /* later than what catch_up saw */
    return apic->zero_at > now ? (apic->zero_at - now + (1u << shift) - 1) >> shift : 0;
}

/* The count goes on from where it is, at the new rate. */
void lapic_timer_write_divider(struct lapic *apic, u32 value)
{
    u64 left = lapic_timer_count(apic);
    apic->dcr = value & 0xb;
    apic->zero_at = now_ticks(apic) + (left << divider_shift(apic));
    arm(apic);
}

u64 lapic_timer_deadline(struct lapic *apic)
{
    catch_up(apic);
    return is_deadline_mode(apic) ? apic->deadline : 0;
}

/* "If the timer is not in TSC-deadline mode, writes to the MSR are ignored." */
void lapic_timer_set_deadline(struct lapic *apic, u64 ns)
{
    catch_up(apic);
    if (!is_deadline_mode(apic))
        return;
    apic->deadline = ns;
    catch_up(apic);
    arm(apic);
}

void lapic_timer_reset(struct lapic *apic)
{
    apic->dcr = apic->initial_count = 0;
    apic->counting = false;
    apic->zero_at = apic->deadline = 0;
    timer_cancel(&apic->timer);
}

void lapic_timer_init(struct lapic *apic)
{
    timer_init(&apic->timer, apic->bus->machine->clock, fire, apic);
}
