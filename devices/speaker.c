/*
 * The PC's loudspeaker: driven while port 61 bit 1 and OUT 2 of the 8254 are both high.
 *
 * Source: IBM PC/AT Technical Reference, system board schematics (speaker data AND timer 2 output, through a driver and
 *         a coupling capacitor); Intel 8254 datasheet.
 * Modelled: the drive at the resolution of the 8254's clock, so that tones, samples made with bit 1 and pulse-width
 *         modulation by modes 0 and 2 all sound; the capacitor, which takes the mean away; the cone, which does not follow
 *         the carrier of a modulation.
 * Not modelled: the cone's resonances.
 */
#include "devices/speaker.h"

#include <errno.h>
#include <math.h>

#define STEP 6u  /* ticks of the 8254 of which the filters see the mean */
#define STEPS 4u /* to a frame */
#define STEP_HZ ((double)I8254_HZ / STEP)
#define RATE (I8254_HZ / STEP / STEPS + 1) /* rounded */
#define LOUDNESS 12000
#define CUTOFF_HZ 20 /* of the capacitor with the cone's 8 ohms, nearly */
#define CONE_HZ 10000.
#define GOES_QUIET (RATE / 4) /* frames after which the voice rests */

static u64 frame_end(const struct speaker *speaker)
{
    return speaker->start + (speaker->frames + 1) * I8254_HZ / RATE;
}

/* The cone as a low-pass of second order (Butterworth, by the bilinear transform). */
static double cone(struct speaker *speaker, double in)
{
    const double k = tan(M_PI * CONE_HZ / STEP_HZ), norm = 1 / (1 + M_SQRT2 * k + k * k);
    double out = norm * k * k * in + speaker->cone[0];
    speaker->cone[0] = norm * (2 * k * k * in - 2 * (k * k - 1) * out) + speaker->cone[1];
    speaker->cone[1] = norm * (k * k * in - (1 - M_SQRT2 * k + k * k) * out);
    return out;
}

static void finish_step(struct speaker *speaker)
{
    double drive = (double)speaker->high / STEP;
    speaker->quiet = drive == speaker->last ? speaker->quiet + 1 : 0;
    speaker->filtered = (speaker->filtered + drive - speaker->last) * (1 - 2 * M_PI * CUTOFF_HZ / STEP_HZ);
    speaker->last = drive;
    speaker->level = cone(speaker, speaker->filtered);
    speaker->high = 0;
    speaker->begin = speaker->tick;
}

/* Counts the driven ticks until `end`. */
static void advance(struct speaker *speaker, u64 end)
{
    while (speaker->tick < end) {
        u64 until = end, bound = MIN(end, speaker->begin + STEP);
        bool out = i8254_out_at(speaker->pit, 2, speaker->tick, &until);
        until = MIN(until, bound);
        if (out && speaker->data)
            speaker->high += until - speaker->tick;
        speaker->tick = until;
        if (speaker->tick == speaker->begin + STEP)
            finish_step(speaker);
    }
}

static void make_frame(struct speaker *speaker, struct audio_frame *frame)
{
    advance(speaker, frame_end(speaker));
    speaker->frames++;
    if (frame)
        frame->left = frame->right = speaker->level * LOUDNESS;
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct speaker *speaker = opaque;
    for (unsigned i = 0; i < count; i++)
        make_frame(speaker, frames ? &frames[i] : NULL);
    if (speaker->quiet > GOES_QUIET * STEPS)
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
