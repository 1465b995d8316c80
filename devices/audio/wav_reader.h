/*
 * For tests of sound: reads a recording back and measures it.
 */
#ifndef DEVICES_AUDIO_WAV_READER_H
#define DEVICES_AUDIO_WAV_READER_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/types.h"

struct wav_samples {
    u32 rate, count; /* frames */
    i16 (*frames)[2];
};

/* Of a 16-bit stereo file as devices/audio/wav.c writes it; count 0 if it is none. */
static inline struct wav_samples wav_read(const char *path)
{
    struct wav_samples samples = {0};
    u8 header[44];
    u32 size;
    FILE *file = fopen(path, "rb");
    if (!file)
        return samples;
    if (fread(header, sizeof(header), 1, file) == 1 && !memcmp(header, "RIFF", 4) && !memcmp(header + 36, "data", 4)) {
        memcpy(&samples.rate, header + 24, 4);
        memcpy(&size, header + 40, 4);
        samples.frames = malloc(size + 1);
        samples.count = fread(samples.frames, 4, size / 4, file);
    }
    fclose(file);
    return samples;
}

static inline void wav_free(struct wav_samples *samples)
{
    free(samples->frames);
}

static inline int wav_peak(const struct wav_samples *samples, u32 from, u32 to)
{
    int peak = 0;
    for (u32 i = from; i < MIN(to, samples->count); i++)
        peak = MAX(peak, MAX(abs(samples->frames[i][0]), abs(samples->frames[i][1])));
    return peak;
}

/* Mean square of the left side over [from, to). */
static inline double wav_power(const struct wav_samples *samples, u32 from, u32 to)
{
    double sum = 0;
    for (u32 i = from; i < MIN(to, samples->count); i++)
        sum += (double)samples->frames[i][0] * samples->frames[i][0];
    return sum / (to - from);
}

/* What part of it is a sine of this frequency: exact where whole periods fit. */
static inline double wav_power_at(const struct wav_samples *samples, u32 from, u32 to, double hz)
{
    double a = 0, b = 0, n = to - from;
    for (u32 i = from; i < MIN(to, samples->count); i++) {
        double angle = 2 * M_PI * hz * i / samples->rate;
        a += samples->frames[i][0] * cos(angle);
        b += samples->frames[i][0] * sin(angle);
    }
    return 2 * (a * a + b * b) / (n * n);
}

#endif
