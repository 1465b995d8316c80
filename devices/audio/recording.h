/*
 * For tests of sound chips: a mixer whose output can be listened to at the end.
 */
#ifndef DEVICES_AUDIO_RECORDING_H
#define DEVICES_AUDIO_RECORDING_H

#include <unistd.h>

#include "devices/audio/audio.h"
#include "devices/audio/wav_reader.h"

/* Sound that goes into a file of its own until somebody listens to it. */
struct recording {
    struct audio *audio;
    char path[40];
};

static inline struct audio *recording_start(struct recording *recording, struct clock *clock)
{
    char spec[64];
    strcpy(recording->path, "/tmp/clutch-recording-XXXXXX");
    int file = mkstemp(recording->path);
    if (file < 0)
        return NULL;
    close(file);
    snprintf(spec, sizeof(spec), "wav,path=%s", recording->path);
    return recording->audio = audio_open(spec, clock, NULL);
}

static inline struct wav_samples recording_end(struct recording *recording)
{
    audio_flush(recording->audio);
    audio_close(recording->audio);
    struct wav_samples samples = wav_read(recording->path);
    unlink(recording->path);
    return samples;
}

#endif
