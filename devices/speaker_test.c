#include "devices/speaker.h"

#include "devices/audio/recording.h"
#include "devices/testbench.h"

#define MS 1000000ull

static struct bench bench;
static struct audio *audio;
static struct i8254 pit;
static struct port61 port61;
static struct speaker speaker;
static struct recording recording;

static void start(void)
{
    bench_open(&bench);
    audio = recording_start(&recording, bench.machine->clock);
    i8254_init(&pit, bench.machine, &(struct irq){bench_set_wire, &bench, 0});
    port61_init(&port61, bench.machine, &pit);
    CHECK_EQ(speaker_init(&speaker, audio, &port61, bench.machine->clock), 0);
    machine_reset_devices(bench.machine);
}

static struct wav_samples stop(void)
{
    struct wav_samples samples = recording_end(&recording);
    bench_close(&bench);
    return samples;
}

static void count(u8 mode, u16 value)
{
    bench_out(&bench, 0x43, 0xb0 | mode << 1);
    bench_out(&bench, 0x42, value & 0xff);
    bench_out(&bench, 0x42, value >> 8);
}

/* A square wave of amplitude A has (8 / pi^2) of its power in the fundamental, a ninth of that in the third harmonic. */
TEST(mode_3_sounds_a_square_wave_of_the_divisors_frequency)
{
    start();
    count(3, 1193); /* 1000.15 Hz */
    bench_out(&bench, 0x61, 3);
    bench_wait(&bench, 1000 * MS);
    bench_out(&bench, 0x61, 0);
    bench_wait(&bench, 1000 * MS);
    struct wav_samples samples = stop();
    double all = wav_power(&samples, 9600, 43200), first = wav_power_at(&samples, 9600, 43200, 1193182. / 1193),
           third = wav_power_at(&samples, 9600, 43200, 3 * 1193182. / 1193);
    CHECK(fabs(first / all - 0.85) < 0.03); /* the cone takes the highest harmonics */
    CHECK(fabs(third / first - 1. / 9) < 0.02);
    CHECK_EQ(wav_peak(&samples, 72000, 96000), 0);
    wav_free(&samples);
}

TEST(the_gate_and_the_data_bit_each_silence_it)
{
    start();
    count(3, 1193);
    bench_out(&bench, 0x61, 1);
    bench_wait(&bench, 200 * MS);
    bench_out(&bench, 0x61, 2);
    bench_wait(&bench, 400 * MS);
    struct wav_samples samples = stop();
    CHECK_EQ(wav_peak(&samples, 0, 9600), 0);
    CHECK(wav_peak(&samples, 19200, 28800) < 100);
    wav_free(&samples);
}

TEST(bit_1_alone_makes_sound)
{
    start();
    for (int i = 0; i < 400; i++) { /* 500 Hz */
        bench_out(&bench, 0x61, i & 1 ? 2 : 0);
        bench_wait(&bench, MS);
    }
    struct wav_samples samples = stop();
    CHECK(fabs(wav_power_at(&samples, 4800, 14400, 500) / wav_power(&samples, 4800, 14400) - 0.83) < 0.03);
    wav_free(&samples);
}

/* Pulse-width modulation: mode 0 counts of 1 to 72 every 1/16572 s, a sine of 690.5 Hz. */
TEST(widths_of_pulses_sound_as_samples)
{
    start();
    bench_out(&bench, 0x61, 3);
    bench_out(&bench, 0x43, 0x90);
    for (int i = 0; i < 16572; i++) {
        bench_until(&bench, i * 60342ull);
        bench_out(&bench, 0x42, 36 + lrint(30 * sin(2 * M_PI * i / 24)));
    }
    struct wav_samples samples = stop();
    double sound = wav_power_at(&samples, 4800, 43200, 690.5);
    /* 30 of 72 clocks are a swing of 5 / 12 of full drive to each side. */
    CHECK(fabs(sqrt(2 * sound) - 12000 * 30 / 72.) < 300);
    CHECK(wav_power_at(&samples, 4800, 43200, 1381) < sound / 300);
    CHECK(wav_power_at(&samples, 4800, 43200, 2071.5) < sound / 300);
    CHECK(wav_power_at(&samples, 4800, 43200, 16572) < wav_power(&samples, 4800, 43200) / 6); /* the carrier */
    wav_free(&samples);
}

UNIT_MAIN()
