#include "devices/mc146818.h"

#include "devices/testbench.h"

#define SECOND NS_PER_SEC

static struct bench bench;
static struct mc146818 rtc;

static void put(u8 index, u8 value)
{
    bench_out(&bench, 0x70, index);
    bench_out(&bench, 0x71, value);
}

static u8 get(u8 index)
{
    bench_out(&bench, 0x70, index);
    return bench_in(&bench, 0x71);
}

static void start(i64 epoch)
{
    bench_open(&bench);
    struct irq irq = bench_wire(&bench);
    clock_set_epoch(bench.machine->clock, epoch);
    mc146818_init(&rtc, bench.machine, &irq);
}

static void stop(void)
{
    bench_close(&bench);
}

#define Y2K_EVE 946684798 /* 1999-12-31 23:59:58 UTC, a Friday */

TEST(clock_starts_from_the_epoch_in_bcd_and_24_hours)
{
    start(Y2K_EVE);
    CHECK_EQ(get(0x00), 0x58);
    CHECK_EQ(get(0x02), 0x59);
    CHECK_EQ(get(0x04), 0x23);
    CHECK_EQ(get(0x06), 6); /* Friday */
    CHECK_EQ(get(0x07), 0x31);
    CHECK_EQ(get(0x08), 0x12);
    CHECK_EQ(get(0x09), 0x99);
    CHECK_EQ(get(0x32), 0x19);
    CHECK_EQ(get(0x0b), 0x02);
    CHECK_EQ(get(0x0d), 0x80); /* VRT: the battery is good */
    stop();
}

TEST(second_carries_into_the_century)
{
    start(Y2K_EVE);
    bench_wait(&bench, 2 * SECOND);
    CHECK_EQ(get(0x00), 0x00);
    CHECK_EQ(get(0x04), 0x00);
    CHECK_EQ(get(0x06), 7);
    CHECK_EQ(get(0x07), 0x01);
    CHECK_EQ(get(0x08), 0x01);
    CHECK_EQ(get(0x09), 0x00);
    CHECK_EQ(get(0x32), 0x20);
    stop();
}

TEST(leap_day_exists_in_2000_and_not_in_2100)
{
    start(951782400 - 1); /* 2000-02-28 23:59:59 */
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x07), 0x29);
    CHECK_EQ(get(0x08), 0x02);
    stop();
    start(4107542399); /* 2100-02-28 23:59:59 */
    CHECK_EQ(get(0x07), 0x28);
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x07), 0x01);
    CHECK_EQ(get(0x08), 0x03);
    stop();
}

TEST(binary_and_12_hour_formats)
{
    start(0);
    put(0x0b, 0x86); /* SET, binary, 24 hours */
    put(0x04, 23), put(0x02, 59), put(0x00, 59);
    put(0x0b, 0x06);
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x04), 0);
    put(0x0b, 0x80);                                   /* BCD, 12 hours */
    put(0x04, 0x11), put(0x02, 0x59), put(0x00, 0x59); /* 11:59:59 am */
    put(0x0b, 0x00);
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x04), 0x92); /* 12 pm */
    put(0x04, 0x92), put(0x02, 0x59), put(0x00, 0x59);
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x04), 0x81); /* 1 pm */
    stop();
}

TEST(set_stops_updates_and_the_program_sets_the_time)
{
    start(0);
    put(0x0b, 0x82);
    put(0x00, 0x30);
    bench_wait(&bench, 10 * SECOND);
    CHECK_EQ(get(0x00), 0x30);
    put(0x0b, 0x02);
    bench_wait(&bench, 3 * SECOND);
    CHECK_EQ(get(0x00), 0x33);
    stop();
}

TEST(update_in_progress_leads_the_update_by_2228_us)
{
    start(0);
    bench_until(&bench, SECOND - 2229000);
    CHECK_EQ(get(0x0a) & 0x80, 0);
    bench_until(&bench, SECOND - 2228000);
    CHECK_EQ(get(0x0a) & 0x80, 0x80);
    CHECK_EQ(get(0x00), 0x00);
    bench_until(&bench, SECOND);
    CHECK_EQ(get(0x0a), 0x26);
    CHECK_EQ(get(0x00), 0x01);
    stop();
}

TEST(divider_reset_delays_the_update_to_half_a_second_after_release)
{
    start(0);
    put(0x0a, 0x76);
    bench_wait(&bench, 5 * SECOND);
    CHECK_EQ(get(0x00), 0x00);
    put(0x0a, 0x26);
    bench_wait(&bench, SECOND / 2 - 1);
    CHECK_EQ(get(0x00), 0x00);
    bench_wait(&bench, 1);
    CHECK_EQ(get(0x00), 0x01);
    bench_wait(&bench, SECOND);
    CHECK_EQ(get(0x00), 0x02);
    stop();
}

TEST(periodic_interrupt_comes_1024_times_a_second_while_c_is_read)
{
    start(0);
    put(0x0b, 0x42);
    for (u64 t = 0; t < SECOND; t += 100000) {
        bench_until(&bench, t + 100000);
        if (bench.level) {
            CHECK_EQ(get(0x0c), bench.rises % 1024 ? 0xc0 : 0xd0); /* the last one with UF */
            CHECK(!bench.level);
        }
    }
    CHECK_EQ(bench.rises, 1024);
    stop();
}

TEST(irq_stays_up_until_c_is_read)
{
    start(0);
    put(0x0b, 0x42);
    bench_wait(&bench, 10000000);
    CHECK(bench.level);
    CHECK_EQ(bench.rises, 1);
    CHECK(!timer_armed(&rtc.timer));
    get(0x0c);
    CHECK(!bench.level);
    CHECK(timer_armed(&rtc.timer));
    stop();
}

TEST(flags_come_up_without_their_interrupts)
{
    start(0);
    bench_wait(&bench, SECOND);
    CHECK_EQ(bench.rises, 0);
    CHECK_EQ(get(0x0c), 0x50); /* PF and UF, not IRQF */
    CHECK_EQ(get(0x0c), 0x00);
    stop();
}

TEST(update_ended_interrupt_comes_each_second)
{
    start(0);
    put(0x0b, 0x12);
    bench_wait(&bench, SECOND - 1);
    CHECK_EQ(bench.rises, 0);
    bench_wait(&bench, 1);
    CHECK_EQ(bench.rises, 1);
    CHECK_EQ(get(0x0c) & 0xb0, 0x90);
    bench_wait(&bench, SECOND);
    CHECK_EQ(bench.rises, 2);
    stop();
}

TEST(alarm_matches_time_and_dont_care_bytes)
{
    start(0);
    put(0x05, 0xff), put(0x03, 0x01), put(0x01, 0x05); /* each hour at :01:05 */
    put(0x0b, 0x22);
    bench_wait(&bench, 64 * SECOND);
    CHECK_EQ(bench.rises, 0);
    bench_wait(&bench, SECOND);
    CHECK_EQ(bench.rises, 1);
    CHECK_EQ(get(0x0c) & 0xa0, 0xa0);
    bench_wait(&bench, 3600 * SECOND);
    CHECK_EQ(bench.rises, 2);
    stop();
}

TEST(alarm_flag_is_found_when_looked_for_late)
{
    start(0);
    put(0x05, 0x03), put(0x03, 0x00), put(0x01, 0x00);
    bench_wait(&bench, 2 * 3600 * SECOND);
    CHECK_EQ(get(0x0c) & 0x20, 0);
    bench_wait(&bench, 2 * 3600 * SECOND);
    CHECK_EQ(get(0x0c) & 0x20, 0x20);
    stop();
}

/* The host has run on for an hour and a half while the machine was stopped. */
TEST(the_calendar_counts_what_the_host_is_ahead)
{
    start(Y2K_EVE);
    rtc.lead = 5400 * SECOND;
    CHECK_EQ(get(0x04), 0x01);
    CHECK_EQ(get(0x02), 0x29);
    CHECK_EQ(get(0x00), 0x58);
    CHECK_EQ(get(0x09), 0x00);
    put(0x0b, 0x12); /* update-ended interrupts go on once a second of virtual time */
    get(0x0c);
    bench_wait(&bench, SECOND / 2);
    CHECK_EQ(bench.level, false);
    bench_wait(&bench, SECOND);
    CHECK_EQ(bench.level, true);
    CHECK_EQ(get(0x00), 0x59);
    stop();
}

TEST(set_clears_uie)
{
    start(0);
    put(0x0b, 0x92);
    CHECK_EQ(get(0x0b), 0x82);
    stop();
}

TEST(reset_keeps_cmos_and_time_and_clears_interrupts)
{
    start(Y2K_EVE);
    put(0x38, 0x5a);
    put(0x0b, 0x72);
    device_reset_all(&bench.machine->devices);
    CHECK_EQ(get(0x38), 0x5a);
    CHECK_EQ(get(0x0b), 0x02);
    CHECK_EQ(get(0x09), 0x99);
    stop();
}

TEST(index_bit_7_masks_nmi_and_is_no_part_of_the_index)
{
    start(0);
    mc146818_set_cmos(&rtc, 0x10, 0x40);
    CHECK_EQ(get(0x90), 0x40);
    CHECK(mc146818_nmi_masked(&rtc));
    CHECK_EQ(get(0x10), 0x40);
    CHECK(!mc146818_nmi_masked(&rtc));
    stop();
}

UNIT_MAIN()
