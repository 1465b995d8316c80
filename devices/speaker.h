/*
 * The PC's loudspeaker.  See speaker.c for source and coverage.
 */
#ifndef DEVICES_SPEAKER_H
#define DEVICES_SPEAKER_H

#include "devices/audio/audio.h"
#include "devices/port61.h"

struct speaker {
    bool data; /* bit 1 of port 61 */
    /* Of the step being made; ticks are those of the 8254. */
    u64 tick;        /* until which the cone's drive is known */
    u64 high, begin; /* ticks at which it was driven since `begin` */
    u64 start, frames;
    double last, filtered; /* for the coupling capacitor */
    double cone[2], level; /* the low-pass filter's memory */
    u32 quiet;             /* steps without a change */
    /* Wiring. */
    struct i8254 *pit;
    struct clock *clock;
    struct audio_voice *voice;
};

/* Takes over pit->before_change and port->speaker.  -ENOMEM, or 0. */
int speaker_init(struct speaker *speaker, struct audio *audio, struct port61 *port, struct clock *clock);

#endif
