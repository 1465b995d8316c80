#include "devices/opl3.h"

#include "devices/audio/recording.h"
#include "devices/testbench.h"

#define MS 1000000ull

static struct bench bench;
static struct audio *audio;
static struct opl3 opl;
static struct recording recording;

static void start(void)
{
    bench_open(&bench);
    audio = recording_start(&recording, bench.machine->clock);
    CHECK_EQ(opl3_init(&opl, bench.machine, audio, 0x388, "opl3"), 0);
}

static struct wav_samples stop(void)
{
    struct wav_samples samples = recording_end(&recording);
    bench_close(&bench);
    return samples;
}

static void set(unsigned reg, u8 value)
{
    u16 base = 0x388 + (reg >> 8) * 2;
    bench_out(&bench, base, reg & 0xff);
    bench_out(&bench, base + 1, value);
}

/* Channel 0 as one operator: the carrier alone, loud at once, held. */
static void organ(void)
{
    set(0x20, 0x21);
    set(0x23, 0x21);
    set(0x40, 0x3f);
    set(0x43, 0x00);
    set(0x60, 0xf0);
    set(0x63, 0xf0);
    set(0x80, 0x0f);
    set(0x83, 0x0f);
    set(0xc0, 0x31);
}

/* "F-number = f * 2^(20 - block) / 49716": 0x244 in block 4 is the A of 440 Hz. */
static void key(bool on)
{
    set(0xa0, 0x44);
    set(0xb0, (on ? 0x20 : 0) | 4 << 2 | 2);
}

static const double a4 = 0x244 * 49716. / (1 << 16);

/* The way every AdLib program finds the chip: timer 1 from FF overflows after 80 us and sets both flags. */
TEST(timers_set_their_flags_and_the_reset_bit_clears_them)
{
    start();
    set(4, 0x60);
    set(4, 0x80);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0);
    set(2, 0xff);
    set(4, 0x21);
    bench_wait(&bench, 70000);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0);
    bench_wait(&bench, 11000);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0xc0);
    set(4, 0x60);
    set(4, 0x80);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0);
    set(3, 0xfe);
    set(4, 0x02 | 0x40);
    bench_wait(&bench, 630000);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0);
    bench_wait(&bench, 20000);
    CHECK_EQ(bench_in(&bench, 0x388) & 0xe0, 0xa0);
    CHECK_EQ(bench_in(&bench, 0x388) & 0x06, 0); /* an OPL3, not an OPL2 */
    struct wav_samples samples = stop();
    wav_free(&samples);
}

TEST(a_held_note_is_a_sine_of_the_f_number)
{
    start();
    organ();
    key(true);
    bench_wait(&bench, 1000 * MS);
    struct wav_samples samples = stop();
    double all = wav_power(&samples, 4800, 44800), tone = wav_power_at(&samples, 4800, 44800, a4);
    CHECK(tone > 0.999 * all);
    CHECK(fabs(sqrt(2 * tone) - 4084) < 40); /* the largest of a 13-bit operator */
    wav_free(&samples);
}

/* 0.75 dB a step of total level. */
TEST(total_level_attenuates)
{
    start();
    organ();
    set(0x43, 8);
    key(true);
    bench_wait(&bench, 1000 * MS);
    struct wav_samples samples = stop();
    double tone = sqrt(2 * wav_power_at(&samples, 4800, 44800, a4));
    CHECK(fabs(20 * log10(tone / 4084) + 6) < 0.2);
    wav_free(&samples);
}

/* YMF262 manual, "Attack/decay rate": release rate 8 without key scaling takes 2.46 s for 96 dB, from the counter's rule:
 * 512 steps at 1/2 step in 2^(12 - 8) samples... at block 4 the number 8 adds 2 to rate 32. */
TEST(a_release_falls_by_the_rate)
{
    start();
    organ();
    set(0x83, 0x06);
    key(true);
    bench_wait(&bench, 200 * MS);
    key(false);
    bench_wait(&bench, 400 * MS);
    struct wav_samples samples = stop();
    /* Rate 4 * 6 + (9 >> 2) = 26: (4 + 2) / 8 of a step of 3/16 dB in 2^(12 - 6) samples. */
    double dB = 3 / 16. * 6 / 8 / 64 * 49716 * 0.2, early = wav_power(&samples, 11520, 12480),
           late = wav_power(&samples, 21120, 22080);
    CHECK(fabs(10 * log10(early / late) - dB) < 1);
    wav_free(&samples);
}

TEST(channels_of_bank_1_and_sides_need_the_new_bit)
{
    start();
    organ();
    set(0xc0, 0x21); /* right only, but an OPL2 knows no sides */
    key(true);
    bench_wait(&bench, 200 * MS);
    set(0x105, 1);
    bench_wait(&bench, 200 * MS);
    struct wav_samples samples = stop();
    int left[2] = {0, 0};
    for (u32 i = 4800; i < samples.count; i++)
        if (i < 9000 || i > 10000)
            left[i > 9600] = MAX(left[i > 9600], abs(samples.frames[i][0]));
    CHECK(left[0] > 3900);
    CHECK_EQ(left[1], 0);
    wav_free(&samples);
}

/* Phase modulation by a sine of the same pitch makes harmonics; adding does not. */
TEST(the_connection_bit_chooses_between_modulation_and_sum)
{
    for (int add = 0; add < 2; add++) {
        start();
        organ();
        set(0x40, 0x10);
        set(0xc0, 0x30 | add);
        key(true);
        bench_wait(&bench, 1000 * MS);
        struct wav_samples samples = stop();
        double second = wav_power_at(&samples, 4800, 44800, 2 * a4), first = wav_power_at(&samples, 4800, 44800, a4);
        CHECK(add ? second < first / 1000 : second > first / 100);
        wav_free(&samples);
    }
}

TEST(a_silent_chip_costs_nothing)
{
    start();
    organ();
    set(0x83, 0x0f);
    key(true);
    bench_wait(&bench, 50 * MS);
    key(false);
    bench_wait(&bench, 200 * MS);
    CHECK_EQ(audio_voice_rate(opl.voice), 0);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

UNIT_MAIN()
