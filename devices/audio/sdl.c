/*
 * Sound to the host through SDL2.
 *
 * The mixer writes into a ring, SDL's own thread reads from it.  Both clocks are real ones that drift apart slowly, so
 * the reader goes up to half a percent faster or slower to keep the ring as full as the buffer length asks; nobody
 * hears that.  It begins, and begins again after it ran dry, only when the ring is that full.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/audio/backend.h"

#if CONFIG_SDL
#include <SDL.h>

#define RING 32768u /* frames, a power of two */
#define ONE 0x10000

struct sdl_audio {
    struct audio_backend backend;
    SDL_AudioDeviceID device;
    unsigned target;             /* frames that should wait in the ring */
    _Atomic unsigned head, tail; /* written by the mixer, by SDL's thread */
    _Atomic unsigned underruns;
    _Atomic bool resting; /* the mixer has no more for now */
    u64 lost;
    /* SDL's thread only. */
    unsigned phase; /* of ONE, between the frame at tail and the next */
    bool playing;
    int level; /* frames ready, smoothed */
    struct audio_frame ring[RING];
};

static i16 between(i16 a, i16 b, unsigned phase)
{
    return a + ((b - a) * (int)(phase >> 1) >> 15);
}

static void fill(void *opaque, Uint8 *bytes, int length)
{
    struct sdl_audio *sdl = opaque;
    struct audio_frame *out = (struct audio_frame *)bytes;
    unsigned count = length / sizeof(*out), i = 0;
    unsigned tail = atomic_load_explicit(&sdl->tail, memory_order_relaxed);
    unsigned ready = atomic_load_explicit(&sdl->head, memory_order_acquire) - tail;
    if (ready >= sdl->target)
        sdl->playing = true;
    if (!sdl->playing)
        sdl->level = sdl->target;
    sdl->level += ((int)ready - sdl->level) / 16; /* ready jumps by what the mixer and this function take at once */
    int most = ONE / 200, step = ONE + MAX(MIN((sdl->level - (int)sdl->target) / 2, most), -most);
    for (; sdl->playing && i < count; i++) {
        if (ready < 2) {
            sdl->playing = false;
            if (!atomic_load(&sdl->resting))
                atomic_fetch_add(&sdl->underruns, 1);
            break;
        }
        const struct audio_frame *a = &sdl->ring[tail % RING], *b = &sdl->ring[(tail + 1) % RING];
        out[i] = (struct audio_frame){between(a->left, b->left, sdl->phase), between(a->right, b->right, sdl->phase)};
        sdl->phase += step;
        unsigned go = sdl->phase / ONE;
        sdl->phase %= ONE;
        tail += go;
        ready -= go;
    }
    for (; i < count; i++)
        out[i] = (struct audio_frame){0, 0};
    atomic_store_explicit(&sdl->tail, tail, memory_order_release);
}

static void sdl_play(struct audio_backend *backend, const struct audio_frame *frames, unsigned count)
{
    struct sdl_audio *sdl = container_of(backend, struct sdl_audio, backend);
    unsigned head = atomic_load_explicit(&sdl->head, memory_order_relaxed);
    unsigned used = head - atomic_load_explicit(&sdl->tail, memory_order_acquire);
    /* Guest time runs faster than the host's (-icount), or SDL's thread stands still: what is too much is lost. */
    unsigned room = sdl->target * 4 > used ? MIN(sdl->target * 4, RING - 2) - MIN(used, RING - 2) : 0;
    for (unsigned i = 0; i < MIN(count, room); i++)
        sdl->ring[(head + i) % RING] = frames[i];
    sdl->lost += count - MIN(count, room);
    atomic_store(&sdl->resting, false);
    atomic_store_explicit(&sdl->head, head + MIN(count, room), memory_order_release);
}

static void sdl_close(struct audio_backend *backend)
{
    struct sdl_audio *sdl = container_of(backend, struct sdl_audio, backend);
    SDL_CloseAudioDevice(sdl->device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
    free(sdl);
}

static void sdl_rest(struct audio_backend *backend)
{
    struct sdl_audio *sdl = container_of(backend, struct sdl_audio, backend);
    atomic_store(&sdl->resting, true);
}

static void sdl_figures(struct audio_backend *backend, struct audio_figures *into)
{
    struct sdl_audio *sdl = container_of(backend, struct sdl_audio, backend);
    *into = (struct audio_figures){atomic_load(&sdl->underruns), sdl->lost,
                                   atomic_load(&sdl->head) - atomic_load(&sdl->tail), sdl->target};
}

static const struct audio_backend_ops sdl_ops = {
    .name = "sdl", .play = sdl_play, .rest = sdl_rest, .figures = sdl_figures, .close = sdl_close};

/* SDL_OpenAudioDevice without what the libraries under it write to standard error where there is no device: our own
 * line says that. */
static SDL_AudioDeviceID open_device(const SDL_AudioSpec *want)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (null >= 0 && saved >= 0)
        dup2(null, STDERR_FILENO);
    SDL_AudioDeviceID device = SDL_OpenAudioDevice(NULL, 0, want, NULL, 0);
    if (null >= 0 && saved >= 0)
        dup2(saved, STDERR_FILENO);
    if (saved >= 0)
        close(saved);
    if (null >= 0)
        close(null);
    return device;
}

struct audio_backend *audio_sdl_open(const struct audio_settings *settings, struct error *err)
{
    struct sdl_audio *sdl = calloc(1, sizeof(*sdl));
    if (!sdl) {
        error_set(err, ENOMEM, "-audiodev sdl: no memory");
        return NULL;
    }
    SDL_AudioSpec want = {.freq = settings->rate,
                          .format = AUDIO_S16SYS,
                          .channels = 2,
                          .samples = 512,
                          .callback = fill,
                          .userdata = sdl};
    sdl->backend = (struct audio_backend){&sdl_ops, settings->rate};
    sdl->target = MIN(MAX((u64)settings->buffer_us * settings->rate / 1000000, 1024u), RING / 4);
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) == 0) {
        sdl->device = open_device(&want);
        if (sdl->device) {
            SDL_PauseAudioDevice(sdl->device, 0);
            return &sdl->backend;
        }
        error_set(err, ENODEV, "-audiodev sdl: no sound device: %s; -audiodev none goes without", SDL_GetError());
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
    } else {
        error_set(err, ENODEV, "-audiodev sdl: %s; -audiodev none goes without", SDL_GetError());
    }
    free(sdl);
    return NULL;
}

#else

struct audio_backend *audio_sdl_open(const struct audio_settings *settings, struct error *err)
{
    error_set(err, ENOTSUP, "-audiodev sdl: this clutch was built without SDL2; use wav or none");
    return NULL;
}

#endif
