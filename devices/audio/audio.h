/*
 * Sound: the voices of the machine's chips, mixed in guest time into one stereo stream for a back end of the host.
 *
 * A chip owns a voice with a sample rate.  The mixer asks it for the frames of the guest time that has passed, in
 * order and without gaps; a chip that is about to change what it plays runs its voice first.  With nobody listening the
 * voices are run all the same, because chips fetch by DMA and interrupt as they play.  All calls are made with the
 * machine lock held.
 */
#ifndef DEVICES_AUDIO_H
#define DEVICES_AUDIO_H

#include "machine/clock.h"
#include "machine/error.h"

struct audio;
struct audio_voice;

/* One moment of stereo, full scale +-32767. */
struct audio_frame {
    i16 left, right;
};

/* Makes the next `count` frames; frames NULL: nobody listens, only go on by as many.  It may stop its own voice by rate 0, and no more. */
typedef void audio_render(void *opaque, struct audio_frame *frames, unsigned count);

/* spec: "none", "sdl" or "wav", then [,path=FILE][,out.frequency=HZ][,out.buffer-length=MICROSECONDS].  wav writes
 * path (default clutch.wav), made anew, 16-bit stereo.  NULL and err on failure. */
struct audio *audio_open(const char *spec, struct clock *clock, struct error *err);
/* Does not look at the clock any more: what is not mixed is dropped. */
void audio_close(struct audio *audio);
/* Mixes what is due until now; otherwise that is done every 10 ms. */
void audio_flush(struct audio *audio);

struct audio_voice *audio_add_voice(struct audio *audio, const char *name, audio_render *render, void *opaque);
/* Frames a second of guest time; 0: the voice is silent and costs nothing.  At most 192000. */
void audio_voice_set_rate(struct audio_voice *voice, u32 rate);
u32 audio_voice_rate(const struct audio_voice *voice);
/* Guest time at which a voice that has a rate will have gone on by so many frames more. */
u64 audio_voice_time(const struct audio_voice *voice, u64 frames);
/* For a chip whose state was loaded: the voice forgets what it was about, and begins at this rate, now. */
void audio_voice_restart(struct audio_voice *voice, u32 rate);
/* 0 to AUDIO_UNITY for each side. */
#define AUDIO_UNITY 0x10000
void audio_voice_set_gain(struct audio_voice *voice, u32 left, u32 right);
/* Renders what is due until now, for a chip whose registers change now. */
void audio_voice_run(struct audio_voice *voice);

/* What the user hears: 0 to 100, and mute. */
void audio_set_volume(struct audio *audio, int percent, bool mute);
int audio_volume(const struct audio *audio);
bool audio_muted(const struct audio *audio);
/* Loudest sample since the last call, 0 to 32767 (for a level meter). */
int audio_peak(struct audio *audio);
/* Back end, volume, what was lost on the way to it, and the voices, for the monitor. */
void audio_print(const struct audio *audio, void (*print)(void *out, const char *format, ...) PRINTF_LIKE(2, 3),
                 void *out);
/* "sdl", "wav" or "none". */
const char *audio_backend_name(const struct audio *audio);

#endif
