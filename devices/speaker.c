/*
 * The PC's loudspeaker: driven while port 61 bit 1 and OUT 2 of the 8254 are both high.
 *
 * Source: IBM PC/AT Technical Reference, system board schematics (speaker data AND timer 2 output, through a driver and
 *         a coupling capacitor); Intel 8254 datasheet.
 * Modelled: the drive at the resolution of the 8254's clock, each frame its mean, so that tones, samples made with bit 1
 *         and pulse-width modulation by mode 0 all sound; the capacitor, which takes the mean away.
 * Not modelled: the cone's resonances.
 */
#include "devices/speaker.h"

#include <errno.h>

#define RATE 48000u
#define LOUDNESS 12000
#define CUTOFF_HZ 20          /* of the capacitor with the cone's 8 ohms, nearly */
#define GOES_QUIET (RATE / 4) /* frames after which the voice rests */

static u64 frame_end(const struct speaker *speaker)
{
    return speaker->start + (speaker->frames + 1) * I8254_HZ / RATE;
}

/* Counts the driven ticks until `end`. */
static void advance(struct speaker *speaker, u64 end)
{
    while (speaker->tick < end) {
        u64 until = end;
        bool out = i8254_out_at(speaker->pit, 2, speaker->tick, &until);
        until = MIN(until, end);
        if (out && speaker->data)
            speaker->high += until - speaker->tick;
        speaker->tick = until;
    }
}

static void make_frame(struct speaker *speaker, struct audio_frame *frame)
{
    u64 end = frame_end(speaker);
    advance(speaker, end);
    u64 length = end - speaker->begin;
    double drive = length ? (double)MIN(speaker->high, length) / length : 0;
    speaker->quiet = drive == speaker->last ? speaker->quiet + 1 : 0;
    speaker->filtered = (speaker->filtered + drive - speaker->last) * (1 - 2 * 3.14159265 * CUTOFF_HZ / RATE);
    speaker->last = drive;
    speaker->high = 0;
    speaker->begin = end;
    speaker->frames++;
    if (frame)
        frame->left = frame->right = speaker->filtered * LOUDNESS;
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct speaker *speaker = opaque;
    for (unsigned i = 0; i < count; i++)
        make_frame(speaker, frames ? &frames[i] : NULL);
    if (speaker->quiet > GOES_QUIET)
        audio_voice_set_rate(speaker->voice, 0);
}

/* What comes now may move the cone. */
static void catch_up(struct speaker *speaker)
{
    u64 now = clock_ticks(speaker->clock, I8254_HZ);
    if (audio_voice_rate(speaker->voice)) {
        audio_voice_run(speaker->voice);
        advance(speaker, now);
    }
}

static void wake(struct speaker *speaker)
{
    speaker->quiet = 0;
    if (audio_voice_rate(speaker->voice))
        return;
    speaker->tick = speaker->begin = speaker->start = clock_ticks(speaker->clock, I8254_HZ);
    speaker->frames = speaker->high = 0;
    audio_voice_set_rate(speaker->voice, RATE);
}

static void before_change(void *opaque)
{
    struct speaker *speaker = opaque;
    catch_up(speaker);
    if (speaker->data)
        wake(speaker);
}

static void set_data(void *opaque, bool data)
{
    struct speaker *speaker = opaque;
    catch_up(speaker);
    if (data != speaker->data)
        wake(speaker);
    speaker->data = data;
}

int speaker_init(struct speaker *speaker, struct audio *audio, struct port61 *port, struct clock *clock)
{
    *speaker = (struct speaker){.pit = port->pit, .clock = clock};
    speaker->voice = audio_add_voice(audio, "speaker", render, speaker);
    if (!speaker->voice)
        return -ENOMEM;
    port->pit->before_change = before_change;
    port->pit->before_change_opaque = speaker;
    port->speaker = set_data;
    port->speaker_opaque = speaker;
    return 0;
}
