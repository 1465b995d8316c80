/*
 * The mixer, heard through a wav file.
 */
#include <math.h>
#include <stdlib.h>

#include "devices/audio/recording.h"
#include "devices/testbench.h"

#define MS 1000000ull

static struct bench bench;
static struct audio *audio;
static struct error err;
static struct recording recording;

/* A sine of 1 kHz that stops its voice after `length` frames. */
struct tone {
    struct audio_voice *voice;
    u32 rate;
    u64 frame, length;
    int asked; /* render() calls with nobody listening */
};

static void sine(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct tone *tone = opaque;
    tone->asked += !frames;
    for (unsigned i = 0; i < count; i++, tone->frame++)
        if (frames)
            frames[i].left = frames[i].right = lrint(10000 * sin(2 * M_PI * 1000 * tone->frame / tone->rate));
    if (tone->frame >= tone->length)
        audio_voice_set_rate(tone->voice, 0);
}

static void start(void)
{
    bench_open(&bench);
    audio = recording_start(&recording, bench.machine->clock);
    CHECK(audio != NULL);
}

static struct wav_samples stop(void)
{
    struct wav_samples samples = recording_end(&recording);
    bench_close(&bench);
    return samples;
}

static void play(struct tone *tone, u32 rate)
{
    *tone = (struct tone){.rate = rate, .length = UINT64_MAX};
    tone->voice = audio_add_voice(audio, "tone", sine, tone);
    audio_voice_set_rate(tone->voice, rate);
}

TEST(a_recording_lasts_as_long_as_guest_time)
{
    start();
    bench_wait(&bench, 1234 * MS);
    struct wav_samples samples = stop();
    CHECK_EQ(samples.rate, 48000);
    CHECK_EQ(samples.count, 1234 * 48);
    CHECK_EQ(wav_peak(&samples, 0, samples.count), 0);
    wav_free(&samples);
}

/* All energy of a resampled sine stays at its frequency: images and noise are 50 dB below. */
TEST(resampling_keeps_frequency_and_amplitude_and_adds_nothing)
{
    static const u32 rates[] = {8000, 11025, 22050, 44100, 48000, 49716, 96000};
    for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
        struct tone tone;
        start();
        play(&tone, rates[i]);
        bench_wait(&bench, 600 * MS);
        struct wav_samples samples = stop();
        double all = wav_power(&samples, 4800, 24000), sound = wav_power_at(&samples, 4800, 24000, 1000);
        CHECK(fabs(sqrt(2 * sound) - 10000) < 150);
        CHECK(all - sound < sound * 1e-5);
        wav_free(&samples);
    }
}

TEST(voices_add_up_and_clip)
{
    struct tone a, b;
    start();
    play(&a, 48000);
    play(&b, 48000);
    bench_wait(&bench, 100 * MS);
    CHECK(abs(audio_peak(audio) - 20000) < 200);
    audio_voice_set_gain(b.voice, AUDIO_UNITY / 2, 0);
    bench_wait(&bench, 20 * MS);
    audio_peak(audio);
    bench_wait(&bench, 100 * MS);
    CHECK(abs(audio_peak(audio) - 15000) < 200);
    audio_set_volume(audio, 50, false);
    bench_wait(&bench, 20 * MS);
    audio_peak(audio);
    bench_wait(&bench, 100 * MS);
    CHECK(abs(audio_peak(audio) - 7500) < 100);
    audio_set_volume(audio, 100, true);
    bench_wait(&bench, 20 * MS);
    audio_peak(audio);
    bench_wait(&bench, 100 * MS);
    CHECK_EQ(audio_peak(audio), 0);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

TEST(a_voice_may_stop_itself_and_start_again)
{
    struct tone tone;
    start();
    play(&tone, 11025);
    tone.length = 1102;
    bench_wait(&bench, 300 * MS);
    CHECK_EQ(audio_voice_rate(tone.voice), 0);
    CHECK(tone.frame >= 1102 && tone.frame < 1102 + 111); /* it stops at a call's end */
    tone.length = UINT64_MAX;
    audio_voice_set_rate(tone.voice, 22050);
    bench_wait(&bench, 100 * MS);
    struct wav_samples samples = stop();
    CHECK(wav_peak(&samples, 0, 5000) > 9000);
    CHECK_EQ(wav_peak(&samples, 6000, 14000), 0);
    CHECK(wav_peak(&samples, 15000, 19000) > 9000);
    wav_free(&samples);
}

/* Wherever between two mixes a voice begins or stops for a moment, it sounds as one piece. */
TEST(a_voice_has_no_gaps)
{
    struct tone tone;
    start();
    bench_wait(&bench, 6 * MS);
    play(&tone, 24000);
    bench_wait(&bench, 67 * MS);
    for (int i = 0; i < 100; i++) { /* as a driver does that starts each block in its interrupt */
        audio_voice_set_rate(tone.voice, 0);
        bench_wait(&bench, 20000);
        audio_voice_set_rate(tone.voice, 24000);
        bench_wait(&bench, 7 * MS);
    }
    struct wav_samples samples = stop();
    for (u32 i = 48 * 8; i < 48 * 760; i += 480) /* a hole of 1 ms in 10 would take a tenth */
        CHECK(wav_power_at(&samples, i, i + 480, 1000) > 0.97 * wav_power(&samples, i, i + 480));
    CHECK(wav_peak(&samples, 48 * 7, 48 * 760) < 10300);
    CHECK_EQ(wav_peak(&samples, 0, 48 * 5), 0);
    wav_free(&samples);
}

TEST(voices_go_on_when_nobody_listens)
{
    struct tone tone;
    bench_open(&bench);
    audio = audio_open("none", bench.machine->clock, &err);
    play(&tone, 22050);
    bench_wait(&bench, 1000 * MS);
    audio_voice_run(tone.voice);
    CHECK_EQ(tone.frame, 22050);
    CHECK(tone.asked > 0);
    audio_voice_set_rate(tone.voice, 0);
    CHECK_EQ(clock_deadline(bench.machine->clock) > bench.now + 10 * MS, true);
    audio_close(audio);
    bench_close(&bench);
}

TEST(bad_settings_are_refused)
{
    bench_open(&bench);
    CHECK(!audio_open("oss", bench.machine->clock, &err));
    CHECK(!audio_open("wav,path=/nowhere/at/all.wav", bench.machine->clock, &err));
    CHECK(!audio_open("none,out.frequency=7", bench.machine->clock, &err));
    CHECK(!audio_open("none,volume=7", bench.machine->clock, &err));
    CHECK(!audio_open("", bench.machine->clock, &err));
    bench_close(&bench);
}

UNIT_MAIN()
