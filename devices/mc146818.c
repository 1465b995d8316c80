/*
 * Motorola MC146818 real-time clock plus RAM, with the 128 bytes that PCs have behind ports 70 and 71.
 *
 * Source: Motorola MC146818A datasheet (ADI856), "Signal Descriptions", "Registers", "Update Cycle"; Dallas DS12887
 *         datasheet, "Time, Calendar, and Alarm Locations"; IBM PC/AT Technical Reference, "Real-Time Clock".
 * Modelled: calendar in guest time, BCD and binary, 12 and 24 hours, SET, divider reset, UIP 2228 us ahead of an
 *         update (244 us before it and 1984 us during it), periodic, alarm and update-ended interrupts, century byte.
 *         Calendar and flags are caught up when somebody looks; a timer runs only while an enabled interrupt needs it.
 *         The battery: the calendar can go on while the machine is stopped.  An alarm that falls into such a time comes
 *         when the clock is next looked at.
 * Not modelled: daylight saving (DSE is kept but ignored), SQW, and time bases other than 32768 Hz: with DV other than
 *         010 the clock stands still, which is right for the resets 11x and 128 or 32 times too slow for 000 and 001.
 */
#include "devices/mc146818.h"

#include "machine/trace.h"

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };
enum { CENTURY = 0x32, CENTURY_PS2 = 0x37 };
enum { A_UIP = 0x80, A_DV = 0x70, A_DV_RUN = 0x20, A_RS = 0x0f };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_DM = 0x04, B_24 = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };
enum { D_VRT = 0x80, HOUR_PM = 0x80, DONT_CARE = 0xc0 };

#define CRYSTAL_HZ  32768
#define UPDATE_NS   2228000
#define DAY_SECONDS 86400

struct calendar {
    int year, month, day, hour, minute, second;
};

static u64 now_ns(const struct mc146818 *rtc)
{
    return clock_ns(rtc->clock) + rtc->lead;
}

static bool running(const struct mc146818 *rtc)
{
    return (rtc->cmos[A] & A_DV) == A_DV_RUN;
}

static u8 encode(const struct mc146818 *rtc, int value)
{
    return rtc->cmos[B] & B_DM ? value : value / 10 % 10 << 4 | value % 10;
}

static int decode(const struct mc146818 *rtc, u8 value)
{
    return rtc->cmos[B] & B_DM ? value : (value >> 4) * 10 + (value & 15);
}

static u8 encode_hour(const struct mc146818 *rtc, int hour)
{
    if (rtc->cmos[B] & B_24)
        return encode(rtc, hour);
    return encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct mc146818 *rtc, u8 value)
{
    if (rtc->cmos[B] & B_24)
        return decode(rtc, value) % 24;
    return decode(rtc, value & 0x7f) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Days since 1 March of the year 0 of the Gregorian calendar, counted in years that begin in March. */
static i64 days_from_date(int year, int month, int day)
{
    i64 y = month > 2 ? year : year - 1;
    int m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
}

static void date_from_days(i64 days, struct calendar *date)
{
    i64 year = (10000 * days + 14780) / 3652425;
    i64 rest = days - (365 * year + year / 4 - year / 100 + year / 400);
    if (rest < 0) {
        year--;
        rest = days - (365 * year + year / 4 - year / 100 + year / 400);
    }
    int m = (100 * rest + 52) / 3060;
    date->month = (m + 2) % 12 + 1;
    date->year = year + (m + 2) / 12;
    date->day = rest - (m * 306 + 5) / 10 + 1;
}

static void read_calendar(const struct mc146818 *rtc, struct calendar *now)
{
    int century = decode(rtc, rtc->cmos[CENTURY]);
    now->second = decode(rtc, rtc->cmos[SECONDS]) % 60;
    now->minute = decode(rtc, rtc->cmos[MINUTES]) % 60;
    now->hour = decode_hour(rtc, rtc->cmos[HOURS]);
    now->day = MAX(decode(rtc, rtc->cmos[DAY]) % 32, 1);
    now->month = MAX(decode(rtc, rtc->cmos[MONTH]) % 13, 1);
    now->year = (century >= 19 && century < 100 ? century : 20) * 100 + decode(rtc, rtc->cmos[YEAR]) % 100;
}

static void write_calendar(struct mc146818 *rtc, const struct calendar *now)
{
    rtc->cmos[SECONDS] = encode(rtc, now->second);
    rtc->cmos[MINUTES] = encode(rtc, now->minute);
    rtc->cmos[HOURS] = encode_hour(rtc, now->hour);
    rtc->cmos[DAY] = encode(rtc, now->day);
    rtc->cmos[MONTH] = encode(rtc, now->month);
    rtc->cmos[YEAR] = encode(rtc, now->year % 100);
}

static bool alarm_matches(const struct mc146818 *rtc, int alarm, u8 now)
{
    return rtc->cmos[alarm] >= DONT_CARE || rtc->cmos[alarm] == now;
}

static bool alarm_at(const struct mc146818 *rtc, int second_of_day)
{
    return alarm_matches(rtc, SECONDS_ALARM, encode(rtc, second_of_day % 60)) &&
           alarm_matches(rtc, MINUTES_ALARM, encode(rtc, second_of_day / 60 % 60)) &&
           alarm_matches(rtc, HOURS_ALARM, encode_hour(rtc, second_of_day / 3600));
}

/* `seconds` update cycles at once. */
static void advance(struct mc146818 *rtc, u64 seconds)
{
    struct calendar now;
    read_calendar(rtc, &now);
    int start = (now.hour * 60 + now.minute) * 60 + now.second;
    for (u64 i = 1; i <= MIN(seconds, DAY_SECONDS) && !(rtc->cmos[C] & C_AF); i++)
        if (alarm_at(rtc, (start + i) % DAY_SECONDS))
            rtc->cmos[C] |= C_AF;
    rtc->cmos[C] |= C_UF;

    u64 end = start + seconds, days = end / DAY_SECONDS;
    now.hour = end / 3600 % 24;
    now.minute = end / 60 % 60;
    now.second = end % 60;
    if (days) {
        int year = now.year;
        date_from_days(days_from_date(now.year, now.month, now.day) + days, &now);
        rtc->cmos[WEEKDAY] = (rtc->cmos[WEEKDAY] + 6 + days) % 7 + 1;
        if (now.year / 100 != year / 100)
            rtc->cmos[CENTURY] = rtc->cmos[CENTURY_PS2] = encode(rtc, now.year / 100);
    }
    write_calendar(rtc, &now);
}

/* Crystal clocks between periodic edges, 0 for none. */
static u32 period(const struct mc146818 *rtc)
{
    int rs = rtc->cmos[A] & A_RS;
    if (!rs || !running(rtc))
        return 0;
    return 1u << (rs < 3 ? rs + 6 : rs - 1);
}

static u64 periodic_edges(const struct mc146818 *rtc, u64 now)
{
    u64 ns = now - rtc->phase;
    u64 crystal = ns / NS_PER_SEC * CRYSTAL_HZ + ns % NS_PER_SEC * CRYSTAL_HZ / NS_PER_SEC;
    return period(rtc) ? crystal / period(rtc) : 0;
}

/* Bring the clock bytes and the flags of register C up to now. */
static void catch_up(struct mc146818 *rtc)
{
    rtc->lead = MAX(rtc->lead, clock_host_lead(rtc->clock, rtc->follows));
    u64 now = now_ns(rtc);
    if (!running(rtc))
        return;
    u64 seconds = (now - rtc->phase) / NS_PER_SEC, edges = periodic_edges(rtc, now);
    if (edges != rtc->periods)
        rtc->cmos[C] |= C_PF;
    rtc->periods = edges;
    u64 missed = seconds - rtc->updates;
    rtc->updates = seconds;
    if (missed && !(rtc->cmos[B] & B_SET))
        advance(rtc, missed);
}

/* When the next flag that is enabled to interrupt can come up. */
static u64 next_event(const struct mc146818 *rtc)
{
    u64 next = CLOCK_NEVER;
    u8 enabled = rtc->cmos[B] & (B_PIE | B_AIE | B_UIE);
    if (!running(rtc) || rtc->cmos[C] & enabled)
        return CLOCK_NEVER; /* the line is up already */
    if (enabled & B_PIE && period(rtc))
        next = rtc->phase + clock_ticks_to_ns((rtc->periods + 1) * period(rtc), CRYSTAL_HZ);
    if (enabled & (B_AIE | B_UIE) && !(rtc->cmos[B] & B_SET))
        next = MIN(next, rtc->phase + (rtc->updates + 1) * NS_PER_SEC);
    return next;
}

/* The enable bits of B stand in the places of the flags of C. */
static void update(struct mc146818 *rtc)
{
    bool irq = rtc->cmos[C] & rtc->cmos[B] & (C_PF | C_AF | C_UF);
    rtc->cmos[C] = (rtc->cmos[C] & ~C_IRQF) | (irq ? C_IRQF : 0);
    irq_set(&rtc->irq, irq);
    u64 next = next_event(rtc);
    if (next == CLOCK_NEVER)
        timer_cancel(&rtc->timer);
    else
        timer_set(&rtc->timer, next - MIN(rtc->lead, next));
}

static void fire(void *opaque)
{
    struct mc146818 *rtc = opaque;
    catch_up(rtc);
    update(rtc);
}

static bool update_in_progress(const struct mc146818 *rtc)
{
    u64 into_second = (now_ns(rtc) - rtc->phase) % NS_PER_SEC;
    return running(rtc) && !(rtc->cmos[B] & B_SET) && into_second >= NS_PER_SEC - UPDATE_NS;
}

/* "When the divider reset is removed, the first update cycle begins one-half second later." */
static void write_a(struct mc146818 *rtc, u8 value)
{
    u64 now = now_ns(rtc);
    bool was_running = running(rtc);
    rtc->cmos[A] = value & ~A_UIP;
    if (running(rtc) && !was_running) {
        rtc->phase = now - NS_PER_SEC / 2; /* may wrap below 0: only differences count */
        rtc->updates = 0;
    }
    rtc->periods = running(rtc) ? periodic_edges(rtc, now) : 0;
}

static void write_b(struct mc146818 *rtc, u8 value)
{
    rtc->cmos[B] = value & B_SET ? value & ~B_UIE : value; /* "UIE is cleared when the SET bit goes high" */
}

static void write_register(struct mc146818 *rtc, u8 index, u8 value)
{
    switch (index) {
    case A:
        write_a(rtc, value);
        break;
    case B:
        write_b(rtc, value);
        break;
    case C:
    case D:
        break; /* read only */
    default:
        rtc->cmos[index] = value;
    }
}

static u8 read_register(struct mc146818 *rtc, u8 index)
{
    u8 value = rtc->cmos[index];
    if (index == A)
        return value | (update_in_progress(rtc) ? A_UIP : 0);
    if (index == C)
        rtc->cmos[C] = 0;
    return value;
}

static void write(void *opaque, u64 port, u64 value, unsigned size)
{
    struct mc146818 *rtc = opaque;
    if (port == 0) {
        rtc->index = value;
        return;
    }
    trace(RTC, "write %02x = %02x", rtc->index & 0x7f, (unsigned)value);
    catch_up(rtc);
    write_register(rtc, rtc->index & 0x7f, value);
    if ((rtc->index & 0x7f) <= D)
        update(rtc);
}

static u64 read(void *opaque, u64 port, unsigned size)
{
    struct mc146818 *rtc = opaque;
    if (port == 0)
        return 0xff; /* the index is write only */
    u8 index = rtc->index & 0x7f;
    if (index <= D) {
        catch_up(rtc);
        update(rtc);
    }
    u8 value = read_register(rtc, index);
    if (index == C)
        update(rtc);
    trace(RTC, "read %02x = %02x", index, value);
    return value;
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

/* RESET clears PIE, AIE, UIE, SQWE and the flags; clock, calendar and RAM run on from the battery. */
static void reset(void *state)
{
    struct mc146818 *rtc = state;
    catch_up(rtc);
    rtc->cmos[B] &= ~(B_PIE | B_AIE | B_UIE | 0x08);
    rtc->cmos[C] = 0;
    rtc->index = 0;
    update(rtc);
}

static void loaded(void *state)
{
    struct mc146818 *rtc = state;
    irq_set(&rtc->irq, rtc->cmos[C] & C_IRQF);
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    const struct mc146818 *rtc = state;
    struct calendar now;
    read_calendar(rtc, &now);
    print(out, "%04d-%02d-%02d %02d:%02d:%02d (last looked at)  A=%02x B=%02x C=%02x index=%02x\n", now.year, now.month,
          now.day, now.hour, now.minute, now.second, rtc->cmos[A], rtc->cmos[B], rtc->cmos[C], rtc->index);
    for (int row = 0; row < 128; row += 16) {
        print(out, "%02x:", row);
        for (int i = 0; i < 16; i++)
            print(out, " %02x", rtc->cmos[row + i]);
        print(out, "\n");
    }
}

void mc146818_follow(struct mc146818 *rtc, enum host_time host)
{
    rtc->follows = host;
}

void mc146818_set_time(struct mc146818 *rtc, i64 unix_seconds)
{
    u64 now = now_ns(rtc);
    rtc->phase = now % NS_PER_SEC;
    rtc->updates = (now - rtc->phase) / NS_PER_SEC;
    i64 seconds = unix_seconds + days_from_date(1970, 1, 1) * DAY_SECONDS;
    struct calendar date = {.hour = seconds / 3600 % 24, .minute = seconds / 60 % 60, .second = seconds % 60};
    date_from_days(seconds / DAY_SECONDS, &date);
    write_calendar(rtc, &date);
    rtc->cmos[WEEKDAY] = (seconds / DAY_SECONDS + 3) % 7 + 1; /* day 0 was a Wednesday; Sunday is 1 */
    rtc->cmos[CENTURY] = rtc->cmos[CENTURY_PS2] = encode(rtc, date.year / 100);
    rtc->periods = periodic_edges(rtc, now);
}

void mc146818_set_cmos(struct mc146818 *rtc, u8 index, u8 value)
{
    rtc->cmos[index & 0x7f] = value;
}
u8 mc146818_cmos(const struct mc146818 *rtc, u8 index)
{
    return rtc->cmos[index & 0x7f];
}

static const struct field fields[] = {
    FIELD_BLOB(struct mc146818, cmos),
    FIELD(U8, struct mc146818, index),
    FIELD(U64, struct mc146818, phase),
    FIELD(U64, struct mc146818, updates),
    FIELD(U64, struct mc146818, periods),
    FIELD(U64, struct mc146818, lead),
    FIELD(TIMER, struct mc146818, timer),
    FIELD_END,
};

const struct device_ops mc146818_ops = {
    .name = "mc146818",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .info = info,
};

void mc146818_init(struct mc146818 *rtc, struct machine *machine, const struct irq *irq8)
{
    *rtc = (struct mc146818){.clock = machine->clock, .irq = *irq8};
    timer_init(&rtc->timer, machine->clock, fire, rtc);
    rtc->cmos[A] = A_DV_RUN | 6;
    rtc->cmos[B] = B_24;
    rtc->cmos[D] = D_VRT;
    mc146818_set_time(rtc, clock_epoch(machine->clock));
    rtc->ports = (struct port_range){"rtc", 0x70, 2, &bus, rtc, false, NULL};
    ioports_add(machine->ports, &rtc->ports);
    device_add(&machine->devices, &rtc->device, &mc146818_ops, rtc, "rtc");
}
