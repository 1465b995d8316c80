/*
 * Intel 8254 programmable interval timer at 1.193182 MHz, as the PC wires it.
 *
 * Source: Intel 8254 datasheet (231164), "Programming the 8254", "Mode Definitions", "Operation Common to All Modes".
 * Modelled: the six modes with GATE, BCD, counter latch, read-back, null count, counting and OUT computed from the
 *         clock when somebody looks.  Only OUT 0 has a timer, armed for its next rising edge: channels 1 and 2 cost
 *         nothing.  Edges are computed from the tick at which the count was loaded, so that periods do not drift.
 * Differs: on the wire to IRQ 0, OUT of the periodic modes falls only just before it rises.  A host that is late by
 *         half a period would otherwise take back a request that the guest could not yet see.
 * Not modelled: counts with hexadecimal digits in BCD mode (the digit counts as 10-15).
 */
#include "devices/i8254.h"

#include <errno.h>

#include "machine/trace.h"

enum { LATCH = 0x00, LOW = 0x10, HIGH = 0x20, LOW_HIGH = 0x30, RW = 0x30, BCD = 0x01 };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40, READ_BACK = 0xc0, NO_COUNT = 0x20, NO_STATUS = 0x10 };

static u64 now_ticks(const struct i8254 *pit)
{
    return clock_ticks(pit->clock, I8254_HZ);
}

/* Modes 6 and 7 are 2 and 3: the third mode bit is "don't care" there. */
static int mode_of(const struct i8254_counter *c)
{
    int mode = c->control >> 1 & 7;
    return mode > 5 ? mode - 4 : mode;
}

static bool periodic(const struct i8254_counter *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}
static bool triggered(const struct i8254_counter *c)
{
    return mode_of(c) == 1 || mode_of(c) == 5;
}

static u32 from_bcd(u16 v)
{
    return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}
static u16 to_bcd(u32 v)
{
    return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

/* The number of clocks that a count register asks for: 0 is the largest. */
static u32 clocks(const struct i8254_counter *c, u16 count)
{
    if (c->control & BCD)
        return count ? from_bcd(count) : 10000;
    return count ? count : 0x10000;
}

static u64 elapsed(const struct i8254_counter *c, u64 now)
{
    if (c->stopped)
        return c->held;
    return now > c->start ? now - c->start : 0;
}

/* Mode 3: OUT is high for the first (N + 1) / 2 clocks. */
static u32 high_half(u32 n)
{
    return (n + 1) / 2;
}

/* CE takes the count register; it counts from the next clock on. */
static void load(struct i8254_counter *c, u64 start)
{
    c->count = c->reload;
    c->start = start;
    c->reload_at = 0;
    c->held = 0;
    c->loaded = true;
    c->null_count = false;
    c->stopped = !c->gate && !triggered(c);
}

/* Catch up: a new count of modes 2 and 3 is taken at the end of the (half) cycle it was written in. */
static void settle(struct i8254_counter *c, u64 now)
{
    u64 at = c->reload_at;
    if (!at || now < at)
        return;
    u32 n = clocks(c, c->count);
    bool at_middle = (at - c->start) % n != 0;
    load(c, at);
    if (at_middle) /* the new count begins with its low half */
        c->start = at - high_half(clocks(c, c->count));
}

static bool out_level(const struct i8254_counter *c, u64 now)
{
    int mode = mode_of(c);
    if (!c->loaded)
        return mode != 0;
    u32 n = clocks(c, c->count);
    u64 e = elapsed(c, now);
    bool counting = now >= c->start || c->stopped;
    switch (mode) {
    case 0:
    case 1:
        return counting && e >= n;
    case 2:
        return c->stopped || e % n != n - 1;
    case 3:
        return c->stopped || e % n < high_half(n);
    default:
        return e != n;
    }
}

static u16 counting_element(const struct i8254_counter *c, u64 now)
{
    u32 n = clocks(c, c->count), modulus = c->control & BCD ? 10000 : 0x10000;
    u64 e = elapsed(c, now);
    u32 value;
    if (mode_of(c) == 3) {
        u32 p = e % n;
        value = (n & ~1u) - 2 * (p < high_half(n) ? p : p - high_half(n));
    } else if (mode_of(c) == 2) {
        value = n - e % n;
    } else {
        value = (n + modulus - e % modulus) % modulus;
    }
    return c->control & BCD ? to_bcd(value) : value;
}

/* The tick after `now` at which OUT rises (or a new count changes that), or CLOCK_NEVER. */
static u64 next_edge(const struct i8254_counter *c, u64 now)
{
    if (!c->loaded || c->stopped)
        return CLOCK_NEVER;
    u32 n = clocks(c, c->count);
    if (periodic(c)) {
        u64 edge = n < 2 ? CLOCK_NEVER : c->start + ((now > c->start ? (now - c->start) / n : 0) + 1) * n;
        return c->reload_at ? MIN(edge, c->reload_at) : edge;
    }
    u64 edge = c->start + n + (mode_of(c) >= 4 ? 1 : 0);
    return edge > now ? edge : CLOCK_NEVER;
}

static void drive(struct i8254 *pit, bool level)
{
    if (level == pit->out0)
        return;
    pit->out0 = level;
    irq_set(&pit->irq, level);
}

/* The speaker plays what counter 2 did until now. */
static void before_change(struct i8254 *pit, int channel)
{
    if (channel == 2 && pit->before_change)
        pit->before_change(pit->before_change_opaque);
}

/* Derive the wire and the timer of channel 0. */
static void update(struct i8254 *pit)
{
    struct i8254_counter *c = &pit->counter[0];
    u64 now = now_ticks(pit);
    settle(c, now);
    drive(pit, mode_of(c) > 1 ? true : out_level(c, now));
    u64 edge = next_edge(c, now);
    if (edge == CLOCK_NEVER)
        timer_cancel(&pit->timer);
    else
        timer_set(&pit->timer, clock_ticks_to_ns(edge, I8254_HZ));
}

static void fire(void *opaque)
{
    struct i8254 *pit = opaque;
    struct i8254_counter *c = &pit->counter[0];
    u64 now = now_ticks(pit);
    bool only_reload = c->reload_at && c->reload_at <= now && (c->reload_at - c->start) % clocks(c, c->count) != 0;
    if (mode_of(c) > 1 && !only_reload)
        drive(pit, false);
    update(pit);
}

/* Counting begins, goes on or stops with the level of GATE; its rising edge triggers modes 1, 2, 3 and 5. */
void i8254_set_gate(struct i8254 *pit, int channel, bool level)
{
    struct i8254_counter *c = &pit->counter[channel];
    before_change(pit, channel);
    u64 now = now_ticks(pit);
    settle(c, now);
    if (level == c->gate)
        return;
    c->gate = level;
    if (level && c->has_count && (periodic(c) || triggered(c))) {
        load(c, now + 1);
    } else if (c->loaded && !triggered(c)) {
        if (level)
            c->start = now - MIN(c->held, now);
        else
            c->held = elapsed(c, now);
        c->stopped = !level;
        if (!level && periodic(c))
            c->reload_at = 0; /* the trigger will load it */
    }
    if (channel == 0)
        update(pit);
}

bool i8254_out(struct i8254 *pit, int channel)
{
    before_change(pit, channel);
    u64 now = now_ticks(pit);
    settle(&pit->counter[channel], now);
    return out_level(&pit->counter[channel], now);
}

/* Ticks from `now` until OUT may change, 0: never. */
static u64 level_lasts(const struct i8254_counter *c, u64 now)
{
    if (!c->loaded || c->stopped)
        return 0;
    if (now < c->start)
        return c->start - now;
    u64 n = clocks(c, c->count), e = now - c->start;
    switch (mode_of(c)) {
    case 2:
        return e % n == n - 1 ? 1 : n - 1 - e % n;
    case 3:
        return e % n < high_half(n) ? high_half(n) - e % n : n - e % n;
    default:
        return e < n ? n - e : e == n ? 1 : 0;
    }
}

bool i8254_out_at(struct i8254 *pit, int channel, u64 tick, u64 *until)
{
    struct i8254_counter *c = &pit->counter[channel];
    settle(c, tick);
    u64 lasts = level_lasts(c, tick);
    *until = lasts ? tick + lasts : CLOCK_NEVER;
    if (c->reload_at > tick)
        *until = MIN(*until, c->reload_at);
    return out_level(c, tick);
}

/* End of the cycle (mode 2) or half cycle (mode 3) that `now` is in. */
static u64 end_of_cycle(const struct i8254_counter *c, u64 now)
{
    u32 n = clocks(c, c->count);
    u64 e = elapsed(c, now), cycle = c->start + e / n * n;
    if (mode_of(c) == 3 && e % n < high_half(n))
        return cycle + high_half(n);
    return cycle + n;
}

static void write_count(struct i8254_counter *c, u16 value, u64 now)
{
    c->reload = value;
    c->has_count = c->null_count = true;
    if (triggered(c) || (periodic(c) && c->loaded && c->stopped))
        return;
    if (periodic(c) && c->loaded)
        c->reload_at = end_of_cycle(c, now);
    else
        load(c, now + 1);
}

static void write_counter(struct i8254_counter *c, u8 value, u64 now)
{
    switch (c->control & RW) {
    case LOW:
        write_count(c, value, now);
        break;
    case HIGH:
        write_count(c, value << 8, now);
        break;
    case LOW_HIGH:
        if (c->half_write) {
            write_count(c, value << 8 | c->written_low, now);
        } else {
            c->written_low = value;
            if (mode_of(c) == 0) /* "Writing the first byte disables counting.  OUT is set low immediately" */
                c->loaded = false;
        }
        c->half_write = !c->half_write;
        break;
    }
}

static void latch_count(struct i8254_counter *c, u64 now)
{
    if (c->latched)
        return; /* ignored until it has been read */
    c->latch = counting_element(c, now);
    c->latched = (c->control & RW) == LOW_HIGH ? 2 : 1;
}

static void latch_status(struct i8254_counter *c, u64 now)
{
    bool null = c->null_count || (c->loaded && !c->stopped && now < c->start);
    if (!c->status_latched)
        c->status = (out_level(c, now) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | c->control;
    c->status_latched = true;
}

static void write_control_word(struct i8254_counter *c, u8 value)
{
    c->control = value & 0x3f;
    c->half_write = c->half_read = c->status_latched = false;
    c->latched = 0;
    c->has_count = c->loaded = c->stopped = false;
    c->null_count = true;
    c->reload_at = 0;
}

static void write_control(struct i8254 *pit, u8 value, u64 now)
{
    for (int i = 0; i < 3; i++) {
        struct i8254_counter *c = &pit->counter[i];
        settle(c, now);
        if (value >= READ_BACK && value >> (i + 1) & 1) {
            if (!(value & NO_COUNT))
                latch_count(c, now);
            if (!(value & NO_STATUS))
                latch_status(c, now);
        } else if (value >> 6 == i) {
            if ((value & RW) == LATCH)
                latch_count(c, now);
            else
                write_control_word(c, value);
        }
    }
}

static void write(void *opaque, u64 port, u64 value, unsigned size)
{
    struct i8254 *pit = opaque;
    u64 now = now_ticks(pit);
    trace(PIT, "write %d = %02x", (int)port, (unsigned)value);
    before_change(pit, port == 3 ? 2 : port);
    if (port == 3) {
        write_control(pit, value, now);
    } else {
        settle(&pit->counter[port], now);
        write_counter(&pit->counter[port], value, now);
    }
    if (port == 0 || (port == 3 && value >> 6 == 0))
        update(pit);
}

static u8 read_counter(struct i8254_counter *c, u64 now)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    u16 value = c->latched ? c->latch : counting_element(c, now);
    bool high = (c->control & RW) == HIGH;
    if ((c->control & RW) == LOW_HIGH) {
        high = c->half_read;
        c->half_read = !c->half_read;
    }
    if (c->latched)
        c->latched--;
    return high ? value >> 8 : value;
}

static u64 read(void *opaque, u64 port, unsigned size)
{
    struct i8254 *pit = opaque;
    if (port == 3)
        return 0xff; /* "No-operation (3-state)" */
    before_change(pit, port);
    u64 now = now_ticks(pit);
    settle(&pit->counter[port], now);
    return read_counter(&pit->counter[port], now);
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

/* The datasheet leaves the state at power-up open: no count, OUT high.  GATE 0 and 1 are tied high on the board. */
static void reset(void *state)
{
    struct i8254 *pit = state;
    for (int i = 0; i < 3; i++) {
        struct i8254_counter *c = &pit->counter[i];
        *c = (struct i8254_counter){.control = LOW_HIGH | 3 << 1, .gate = i < 2, .null_count = true};
    }
    update(pit);
}

static void loaded(void *state)
{
    struct i8254 *pit = state;
    irq_set(&pit->irq, pit->out0);
}

static int check(const void *state)
{
    const struct i8254 *pit = state;
    for (int i = 0; i < 3; i++)
        if (pit->counter[i].latched > 2 || pit->counter[i].control > 0x3f)
            return -EINVAL;
    return 0;
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    const struct i8254 *pit = state;
    u64 now = now_ticks(pit);
    for (int i = 0; i < 3; i++) {
        const struct i8254_counter *c = &pit->counter[i];
        u32 n = clocks(c, c->count);
        print(out, "counter %d: mode %d%s reload %u gate %d out %d count %04x", i, mode_of(c),
              c->control & BCD ? " BCD" : "", n, c->gate, out_level(c, now), counting_element(c, now));
        if (periodic(c) && c->loaded)
            print(out, " (%.3f Hz)", (double)I8254_HZ / n);
        print(out, c->loaded ? "\n" : " not loaded\n");
    }
}

#define COUNTER_FIELDS(n)                                                                                  \
    FIELD(U16, struct i8254, counter[n].reload), FIELD(U16, struct i8254, counter[n].count),               \
        FIELD(U8, struct i8254, counter[n].control), FIELD(U8, struct i8254, counter[n].written_low),      \
        FIELD(BOOL, struct i8254, counter[n].half_write), FIELD(BOOL, struct i8254, counter[n].half_read), \
        FIELD(U8, struct i8254, counter[n].latched), FIELD(U16, struct i8254, counter[n].latch),           \
        FIELD(BOOL, struct i8254, counter[n].status_latched), FIELD(U8, struct i8254, counter[n].status),  \
        FIELD(BOOL, struct i8254, counter[n].has_count), FIELD(BOOL, struct i8254, counter[n].loaded),     \
        FIELD(BOOL, struct i8254, counter[n].null_count), FIELD(U64, struct i8254, counter[n].start),      \
        FIELD(U64, struct i8254, counter[n].reload_at), FIELD(BOOL, struct i8254, counter[n].gate),        \
        FIELD(BOOL, struct i8254, counter[n].stopped), FIELD(U64, struct i8254, counter[n].held)

static const struct field fields[] = {
    COUNTER_FIELDS(0),
    COUNTER_FIELDS(1),
    COUNTER_FIELDS(2),
    FIELD(TIMER, struct i8254, timer),
    FIELD(BOOL, struct i8254, out0),
    FIELD_END,
};

const struct device_ops i8254_ops = {
    .name = "i8254",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .check = check,
    .info = info,
};

void i8254_init(struct i8254 *pit, struct machine *machine, const struct irq *out0)
{
    *pit = (struct i8254){.clock = machine->clock, .irq = *out0};
    timer_init(&pit->timer, machine->clock, fire, pit);
    pit->ports = (struct port_range){"pit", 0x40, 4, &bus, pit, false, NULL};
    ioports_add(machine->ports, &pit->ports);
    device_add(&machine->devices, &pit->device, &i8254_ops, pit, "pit");
    reset(pit);
}
