/*
 * tones FILE.wav: prints the tones of a recording in order, one a line: frequency in Hz, length in ms, loudness of the
 * largest sample, and the side if it is on one only.  A tone lasts while a window of 50 ms is loud; its frequency is the strongest line of its spectrum.
 */
#include "devices/audio/wav_reader.h"

#define WINDOW_MS 50
#define LOUD 300

/* Goertzel's algorithm: of the left side, in no unit. */
static double power_at(const struct wav_samples *samples, u32 from, u32 to, double hz)
{
    double turn = 2 * cos(2 * M_PI * hz / samples->rate), last = 0, before = 0;
    for (u32 i = from; i < to; i++) {
        double next = samples->frames[i][0] + turn * last - before;
        before = last;
        last = next;
    }
    return last * last + before * before - turn * last * before;
}

static double strongest(const struct wav_samples *samples, u32 from, u32 to)
{
    double best = 0, best_power = 0;
    for (double hz = 50; hz < 5000; hz += 0.5) {
        double power = power_at(samples, from, to, hz);
        if (power > best_power) {
            best_power = power;
            best = hz;
        }
    }
    return best;
}

/* " left", " right" or "": where the sound is.  What is right only is moved to the left, which power_at looks at. */
static const char *side(struct wav_samples *samples, u32 from, u32 to)
{
    int left = 0, right = 0;
    for (u32 i = from; i < to; i++) {
        left = MAX(left, abs(samples->frames[i][0]));
        right = MAX(right, abs(samples->frames[i][1]));
    }
    for (u32 i = from; left < right / 50 && i < to; i++)
        samples->frames[i][0] = samples->frames[i][1];
    return left < right / 50 ? " right" : right < left / 50 ? " left" : "";
}

int main(int argc, char **argv)
{
    struct wav_samples samples = wav_read(argc == 2 ? argv[1] : "");
    u32 window = samples.rate * WINDOW_MS / 1000, start = 0;
    bool in_tone = false;
    if (!samples.count) {
        fprintf(stderr, "tones: no recording\n");
        return 1;
    }
    for (u32 at = 0; at + window <= samples.count; at += window) {
        bool loud = wav_peak(&samples, at, at + window) > LOUD;
        if (loud && !in_tone)
            start = at;
        if (!loud && in_tone && at - start >= 4 * window) {
            const char *where = side(&samples, start, at);
            printf("%.0f Hz %u ms %d%s\n", strongest(&samples, start + window, at - window),
                   (at - start) / (samples.rate / 1000), wav_peak(&samples, start, at), where);
        }
        in_tone = loud;
    }
    wav_free(&samples);
    return 0;
}
