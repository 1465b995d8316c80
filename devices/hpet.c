/*
 * High precision event timer: a main counter of 100 MHz and three comparators.
 *
 * Source: IA-PC HPET Specification 1.0a, "Register Definitions", "Theory of Operation".
 * Modelled: 64-bit counter and comparators with 32-bit mode, one-shot and periodic mode in all three comparators, edge
 *         and level interrupts with status, legacy replacement, routing to I/O APIC inputs 20-23 (as the ICH does).
 *         Counters are computed when somebody looks; a comparator costs nothing until it is enabled.
 *         Periods that the host has missed are one interrupt.
 * Not modelled: FSB interrupts (the capability bit says so).
 */
#include "devices/hpet.h"

#include <assert.h>
#include <stdio.h>

#include "machine/trace.h"

#define FEMTOSECONDS (1000000000000000ull / HPET_HZ)

enum {
    REG_CAPABILITIES = 0x000,
    REG_CONFIG = 0x010,
    REG_STATUS = 0x020,
    REG_COUNTER = 0x0f0,
    REG_TIMERS = 0x100, /* 32 bytes each: configuration, comparator, FSB route */
};
enum { TIMER_CONFIG = 0x00, TIMER_COMPARATOR = 0x08, TIMER_FSB = 0x10 };

#define CONFIG_ENABLE 1ull
#define CONFIG_LEGACY 2ull

/* Timer configuration and capabilities. */
#define TN_LEVEL 0x002ull
#define TN_ENABLE 0x004ull
#define TN_PERIODIC 0x008ull
#define TN_PERIODIC_CAP 0x010ull
#define TN_SIZE_CAP 0x020ull
#define TN_SET_VALUE 0x040ull
#define TN_32BIT 0x100ull
#define TN_ROUTE(config) ((config) >> 9 & 31)
#define TN_WRITABLE 0x3f4eull /* SET_VALUE reads as 0 but is kept until the comparator is written */
#define TN_CAPABILITIES (TN_PERIODIC_CAP | TN_SIZE_CAP | (u64)HPET_ROUTES << 32)

/* --- counters --- */

static u64 now_ticks(const struct hpet *hpet)
{
    return clock_ticks(hpet->clock, HPET_HZ);
}

static bool is_running(const struct hpet *hpet)
{
    return hpet->config & CONFIG_ENABLE;
}

static u64 main_counter(const struct hpet *hpet)
{
    return hpet->counter + (is_running(hpet) ? now_ticks(hpet) : 0);
}

static u64 width_mask(const struct hpet_timer *timer)
{
    return timer->config & TN_32BIT ? 0xffffffff : UINT64_MAX;
}

static bool is_periodic(const struct hpet_timer *timer)
{
    return timer->config & TN_PERIODIC;
}

static int index_of(const struct hpet_timer *timer)
{
    return timer - timer->hpet->timers;
}

/* --- interrupts --- */

/* Where the comparator's interrupt goes now; NULL: nowhere. */
static const struct irq *wire_of(const struct hpet_timer *timer)
{
    const struct hpet *hpet = timer->hpet;
    unsigned route = TN_ROUTE(timer->config);
    if (hpet->config & CONFIG_LEGACY && index_of(timer) < 2)
        return index_of(timer) ? &hpet->irq8 : &hpet->irq0;
    return HPET_ROUTES >> route & 1 ? &hpet->pins[route] : NULL;
}

/* Level interrupts: the wire follows the status bit. */
static void drive_level(struct hpet_timer *timer)
{
    int n = index_of(timer);
    const struct irq *wire = wire_of(timer);
    bool level = timer->config & TN_ENABLE && timer->hpet->status >> n & 1;
    if (!wire || !(timer->config & TN_LEVEL) || level == timer->hpet->levels[n])
        return;
    timer->hpet->levels[n] = level;
    irq_set(wire, level);
}

/* The comparator may have another wire than before. */
static void rewire(struct hpet_timer *timer, const struct irq *old)
{
    bool *level = &timer->hpet->levels[index_of(timer)];
    if (old && *level && old != wire_of(timer)) {
        *level = false;
        irq_set(old, false);
    }
    drive_level(timer);
}

/* An edge stays high until just before the next one: the 8259 forgets a request that falls before INTA. */
static void raise(struct hpet_timer *timer)
{
    int n = index_of(timer);
    const struct irq *wire = wire_of(timer);
    trace(TIMER, "hpet: comparator %d", n);
    if (timer->config & TN_LEVEL) {
        timer->hpet->status |= 1ull << n;
        drive_level(timer);
    } else if (timer->config & TN_ENABLE && wire) {
        irq_set(wire, false);
        irq_set(wire, true);
        timer->hpet->levels[n] = true;
    }
}

/* --- comparators --- */

/* Ticks until the counter meets the comparator: 1 to a whole turn, for which UINT64_MAX stands at 64 bits. */
static u64 distance(const struct hpet_timer *timer, u64 counter)
{
    u64 mask = width_mask(timer), left = (timer->comparator - counter) & mask;
    return left ? left : mask == UINT64_MAX ? mask : mask + 1;
}

/* Arm for the next match.  Status bits of level interrupts are set even if the interrupt is disabled. */
static void arm(struct hpet_timer *timer)
{
    struct hpet *hpet = timer->hpet;
    u64 now = now_ticks(hpet);
    timer_cancel(&timer->timer);
    if (!is_running(hpet) || !(timer->config & (TN_ENABLE | TN_LEVEL)))
        return;
    u64 left = distance(timer, hpet->counter + now);
    if (left <= UINT64_MAX - now)
        timer_set(&timer->timer, clock_ticks_to_ns(now + left, HPET_HZ));
}

/* "Periodic mode: when the counter matches, the period is added to the comparator"; all matches up to now at once. */
static void advance(struct hpet_timer *timer)
{
    u64 mask = width_mask(timer), period = timer->period & mask;
    u64 passed = (main_counter(timer->hpet) - timer->comparator) & mask;
    if (is_periodic(timer) && period && passed <= mask / 2)
        timer->comparator = (timer->comparator + (passed / period + 1) * period) & mask;
}

static void fire(void *opaque)
{
    struct hpet_timer *timer = opaque;
    advance(timer);
    raise(timer);
    arm(timer);
}

static void arm_all(struct hpet *hpet)
{
    for (int i = 0; i < HPET_TIMERS; i++)
        arm(&hpet->timers[i]);
}

/* Matches that the host is late for come before the access that is looking. */
static void catch_up(struct hpet *hpet)
{
    u64 now = clock_ns(hpet->clock);
    for (int i = 0; i < HPET_TIMERS; i++) {
        struct timer *timer = &hpet->timers[i].timer;
        if (timer_armed(timer) && timer->deadline <= now) {
            timer_cancel(timer);
            fire(&hpet->timers[i]);
        }
    }
}

/* --- registers --- */

static void drive_legacy(struct hpet *hpet)
{
    bool level = hpet->config & CONFIG_LEGACY;
    if (level == hpet->legacy_level)
        return;
    hpet->legacy_level = level;
    irq_set(&hpet->legacy, level);
}

static void write_config(struct hpet *hpet, u64 value)
{
    bool was_running = is_running(hpet);
    u64 counter = main_counter(hpet);
    const struct irq *wires[HPET_TIMERS];
    for (int i = 0; i < HPET_TIMERS; i++)
        wires[i] = wire_of(&hpet->timers[i]);
    hpet->config = value & (CONFIG_ENABLE | CONFIG_LEGACY);
    if (is_running(hpet) != was_running)
        hpet->counter = is_running(hpet) ? counter - now_ticks(hpet) : counter;
    drive_legacy(hpet);
    for (int i = 0; i < HPET_TIMERS; i++)
        rewire(&hpet->timers[i], wires[i]);
    arm_all(hpet);
}

/* Status bits of level interrupts are cleared by writing 1. */
static void write_status(struct hpet *hpet, u64 value)
{
    hpet->status &= ~value;
    for (int i = 0; i < HPET_TIMERS; i++)
        drive_level(&hpet->timers[i]);
}

static void write_timer_config(struct hpet_timer *timer, u64 value)
{
    const struct irq *wire = wire_of(timer);
    timer->config = value & TN_WRITABLE;
    if (!(timer->config & TN_LEVEL))
        timer->hpet->status &= ~(1ull << index_of(timer));
    timer->comparator &= width_mask(timer);
    rewire(timer, wire);
    arm(timer);
}

/* `value` in the bits of `lanes`, the rest of `old`: half of a register leaves the other half as it is. */
static u64 merge(u64 old, u64 value, u64 lanes)
{
    return (old & ~lanes) | (value & lanes);
}

/* In periodic mode the value is the period; the accumulator takes it only after a write of SET_VALUE, and once. */
static void write_comparator(struct hpet_timer *timer, u64 value, u64 lanes)
{
    if (is_periodic(timer))
        timer->period = merge(timer->period, value, lanes) & width_mask(timer);
    if (!is_periodic(timer) || timer->config & TN_SET_VALUE)
        timer->comparator = merge(timer->comparator, value, lanes) & width_mask(timer);
    timer->config &= ~TN_SET_VALUE;
    arm(timer);
}

static void write_timer(struct hpet_timer *timer, unsigned reg, u64 value, u64 lanes)
{
    if (reg == TIMER_CONFIG)
        write_timer_config(timer, merge(timer->config, value, lanes));
    else if (reg == TIMER_COMPARATOR)
        write_comparator(timer, value, lanes);
    else if (reg == TIMER_FSB)
        timer->fsb = merge(timer->fsb, value, lanes);
}

static u64 read_timer(struct hpet_timer *timer, unsigned reg)
{
    switch (reg) {
    case TIMER_CONFIG: return (timer->config & ~TN_SET_VALUE) | TN_CAPABILITIES;
    case TIMER_COMPARATOR: return timer->comparator;
    case TIMER_FSB: return timer->fsb;
    default: return 0;
    }
}

static struct hpet_timer *timer_at(struct hpet *hpet, unsigned reg)
{
    unsigned index = (reg - REG_TIMERS) / 32;
    return reg >= REG_TIMERS && index < HPET_TIMERS ? &hpet->timers[index] : NULL;
}

static u64 read_register(struct hpet *hpet, unsigned reg)
{
    struct hpet_timer *timer = timer_at(hpet, reg);
    if (timer)
        return read_timer(timer, reg & 0x18);
    switch (reg) {
    case REG_CAPABILITIES: return FEMTOSECONDS << 32 | HPET_ID;
    case REG_CONFIG: return hpet->config;
    case REG_STATUS: return hpet->status;
    case REG_COUNTER: return main_counter(hpet);
    default: return 0;
    }
}

static void write_register(struct hpet *hpet, unsigned reg, u64 value, u64 lanes)
{
    struct hpet_timer *timer = timer_at(hpet, reg);
    if (timer) {
        write_timer(timer, reg & 0x18, value, lanes);
    } else if (reg == REG_CONFIG) {
        write_config(hpet, merge(hpet->config, value, lanes));
    } else if (reg == REG_STATUS) {
        write_status(hpet, value & lanes);
    } else if (reg == REG_COUNTER) { /* "should only be written while halted" */
        hpet->counter = merge(main_counter(hpet), value, lanes) - (is_running(hpet) ? now_ticks(hpet) : 0);
        arm_all(hpet);
    }
}

static u64 read_window(void *opaque, u64 offset, unsigned size)
{
    catch_up(opaque);
    return read_register(opaque, offset & ~7ull) >> (offset & 4 ? 32 : 0);
}

static void write_window(void *opaque, u64 offset, u64 value, unsigned size)
{
    unsigned shift = offset & 4 ? 32 : 0;
    u64 lanes = size == 8 ? UINT64_MAX : 0xffffffffull << shift;
    trace(TIMER, "hpet: write %03x = %llx", (unsigned)offset, (unsigned long long)value);
    catch_up(opaque);
    write_register(opaque, offset & ~7ull, value << shift, lanes);
}

static const struct bus_ops window_ops = {.read = read_window, .write = write_window, .min_size = 4, .max_size = 8};

/* --- state --- */

/* Reset: halted at 0, comparators at all ones. */
static void reset(void *state)
{
    struct hpet *hpet = state;
    write_config(hpet, 0);
    write_status(hpet, UINT64_MAX);
    hpet->counter = 0;
    for (int i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *timer = &hpet->timers[i];
        write_timer_config(timer, 0);
        timer->period = timer->fsb = 0;
        timer->comparator = UINT64_MAX;
    }
}

static void loaded(void *state)
{
    struct hpet *hpet = state;
    hpet->legacy_level = !(hpet->config & CONFIG_LEGACY);
    drive_legacy(hpet);
    for (int i = 0; i < HPET_TIMERS; i++) {
        hpet->levels[i] = false;
        drive_level(&hpet->timers[i]);
    }
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    const struct hpet *hpet = state;
    print(out, "  %s%s counter %016llx status %llx\n", is_running(hpet) ? "running" : "halted",
          hpet->config & CONFIG_LEGACY ? ", legacy replacement," : "", (unsigned long long)main_counter(hpet),
          (unsigned long long)hpet->status);
    for (int i = 0; i < HPET_TIMERS; i++) {
        const struct hpet_timer *timer = &hpet->timers[i];
        print(out, "  comparator %d %016llx%s%s%s%s pin %d%s\n", i, (unsigned long long)timer->comparator,
              is_periodic(timer) ? " periodic" : "", timer->config & TN_32BIT ? " 32-bit" : "",
              timer->config & TN_LEVEL ? " level" : " edge", timer->config & TN_ENABLE ? "" : " disabled",
              (int)TN_ROUTE(timer->config), timer_armed(&timer->timer) ? " armed" : "");
    }
}

#define TIMER_FIELDS(n)                                                                        \
    FIELD(U64, struct hpet, timers[n].config), FIELD(U64, struct hpet, timers[n].comparator),  \
        FIELD(U64, struct hpet, timers[n].period), FIELD(U64, struct hpet, timers[n].fsb),     \
        FIELD(TIMER, struct hpet, timers[n].timer)

static const struct field fields[] = {
    TIMER_FIELDS(0),
    TIMER_FIELDS(1),
    TIMER_FIELDS(2),
    FIELD(U64, struct hpet, config),
    FIELD(U64, struct hpet, status),
    FIELD(U64, struct hpet, counter),
    FIELD_END,
};

const struct device_ops hpet_ops = {
    .name = "hpet",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .info = info,
};

void hpet_init(struct hpet *hpet, struct machine *machine, const struct irq *irq0, const struct irq *irq8,
               const struct irq *legacy, const struct irq pins[24])
{
    *hpet = (struct hpet){.clock = machine->clock, .irq0 = *irq0, .irq8 = *irq8, .legacy = *legacy};
    for (int i = 0; i < 24; i++)
        hpet->pins[i] = pins[i];
    for (int i = 0; i < HPET_TIMERS; i++) {
        hpet->timers[i].hpet = hpet;
        timer_init(&hpet->timers[i].timer, machine->clock, fire, &hpet->timers[i]);
    }
    hpet->window = (struct region){
        .name = "hpet",
        .kind = REGION_MMIO,
        .base = HPET_BASE,
        .size = HPET_SIZE,
        .priority = 1,
        .enabled = true,
        .ops = &window_ops,
        .opaque = hpet,
    };
    memory_add(machine->memory, &hpet->window);
    device_add(&machine->devices, &hpet->device, &hpet_ops, hpet, "hpet");
    reset(hpet);
}
