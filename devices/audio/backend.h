/*
 * Inside devices/audio: where the mixed stream goes.
 */
#ifndef DEVICES_AUDIO_BACKEND_H
#define DEVICES_AUDIO_BACKEND_H

#include "devices/audio/audio.h"

struct audio_backend;

struct audio_figures {
    u64 underruns;            /* how often the host wanted frames that were not there */
    u64 lost;                 /* frames that came too early to be kept */
    unsigned waiting, target; /* frames between the mixer and the host */
};

struct audio_backend_ops {
    const char *name;
    bool always; /* it wants silence, too */
    void (*play)(struct audio_backend *backend, const struct audio_frame *frames, unsigned count);
    void (*rest)(struct audio_backend *backend);                                /* silence follows; or NULL */
    void (*figures)(struct audio_backend *backend, struct audio_figures *into); /* or NULL */
    void (*close)(struct audio_backend *backend);
};

struct audio_backend {
    const struct audio_backend_ops *ops;
    u32 rate;
};

struct audio_settings {
    const char *path; /* wav */
    u32 rate;         /* Hz */
    u32 buffer_us;    /* sdl: from the mixer to the loudspeaker */
};

struct audio_backend *audio_wav_open(const struct audio_settings *settings, struct error *err);
struct audio_backend *audio_sdl_open(const struct audio_settings *settings, struct error *err);

#endif
