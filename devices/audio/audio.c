/*
 * The mixer: voices at their own rates, brought to the rate of the back end by a windowed-sinc filter, and summed.
 *
 * Source: J. O. Smith, "Digital Audio Resampling" (bandlimited interpolation by a table of filter phases).
 * Time: everything is counted in frames since a known guest time, so that nothing drifts.  A voice runs when the mixer
 *         mixes (every 10 ms while one is on) and when its chip says so; it plays LAG of its frames late.
 */
#include "devices/audio/audio.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "devices/audio/backend.h"
#include "machine/trace.h"

#define PERIOD_NS (10 * 1000 * 1000ull)
#define MAX_RATE 192000u
#define CHUNK 512u
#define TAPS 16
#define PHASES 256
#define MOST_LATE 1 /* seconds; where the host slept for longer, that time made no sound */
#define MARGIN 4    /* frames in hand, for the rounding of two rates */
#define LAG (TAPS + MARGIN)
#define FIFO 65536u /* frames, a power of two */

struct audio_voice {
    struct audio *audio;
    const char *name;
    audio_render *render;
    void *opaque;
    struct audio_voice *next;
    u32 rate;
    u64 start_ns, rendered; /* since when at this rate, and how many frames */
    bool running;           /* inside render() */
    u32 gain[2];
    /* Frames that wait to be mixed, at `mix_rate`; the filter stands on tail .. tail + TAPS - 1. */
    u32 mix_rate, head, tail;
    u32 padding; /* of them, at the end: silence that lets the others through the filter */
    u32 phase;   /* fraction of a frame, 2^-32 */
    struct audio_frame *fifo;
};

struct audio {
    struct audio_backend *backend; /* NULL: nobody listens */
    struct clock *clock;
    struct timer timer;
    struct audio_voice *voices;
    u32 rate;
    bool on;   /* something sounds, or the back end wants silence, too */
    u64 mixed; /* frames since power-on */
    int volume, peak;
    bool mute;
    i16 filter[PHASES][TAPS]; /* sum of a row: 32768 or nearly so */
};

/* A sinc of the input's whole band under a Blackman window. */
static void make_filter(struct audio *audio)
{
    for (int phase = 0; phase < PHASES; phase++)
        for (int tap = 0; tap < TAPS; tap++) {
            double x = tap - (TAPS / 2 - 1) - (double)phase / PHASES, t = x / (TAPS / 2);
            double window = fabs(t) >= 1 ? 0 : 0.42 + 0.5 * cos(M_PI * t) + 0.08 * cos(2 * M_PI * t);
            audio->filter[phase][tap] = lrint(32767 * window * (x == 0 ? 1 : sin(M_PI * x) / (M_PI * x)));
        }
}

static bool listening(const struct audio *audio)
{
    return audio->backend != NULL;
}

/* --- voices --------------------------------------------------------------------------------------------------------- */

static void push(struct audio_voice *voice, const struct audio_frame *frames, u32 count)
{
    count = MIN(count, FIFO - (voice->head - voice->tail));
    for (u32 i = 0; i < count; i++)
        voice->fifo[(voice->head + i) % FIFO] = frames[i];
    voice->head += count;
}

/* The voice stops. */
static void pad(struct audio_voice *voice)
{
    static const struct audio_frame silence[TAPS];
    push(voice, silence, TAPS);
    voice->padding = TAPS;
}

/* The voice begins, now.  What it made just before is mixed first, if it is of the same rate; nothing jumps. */
static void begin(struct audio_voice *voice, u32 rate)
{
    struct audio_frame last = {0, 0};
    u32 waiting = voice->head - voice->tail;
    if (waiting && waiting >= voice->padding)
        last = voice->fifo[(voice->head - voice->padding - 1) % FIFO];
    voice->head -= MIN(voice->padding, waiting);
    voice->padding = 0;
    if (rate != voice->mix_rate)
        voice->tail = voice->head;
    voice->mix_rate = rate;
    while (voice->head - voice->tail < LAG)
        push(voice, &last, 1);
}

void audio_voice_run(struct audio_voice *voice)
{
    struct audio_frame frames[CHUNK];
    struct audio *audio = voice->audio;
    if (voice->running || !voice->rate)
        return;
    if (clock_ns(audio->clock) < voice->start_ns) { /* an earlier state was loaded */
        voice->start_ns = clock_ns(audio->clock);
        voice->rendered = 0;
    }
    voice->running = true;
    while (voice->rate) {
        u64 due = (u64)((unsigned __int128)(clock_ns(audio->clock) - voice->start_ns) * voice->rate / NS_PER_SEC);
        if (due <= voice->rendered)
            break;
        if (due - voice->rendered > MOST_LATE * (u64)voice->rate)
            voice->rendered = due - MOST_LATE * (u64)voice->rate;
        unsigned count = MIN(due - voice->rendered, CHUNK);
        voice->rendered += count;
        voice->render(voice->opaque, listening(audio) ? frames : NULL, count);
        if (listening(audio))
            push(voice, frames, count);
    }
    voice->running = false;
    if (!voice->rate) /* render() stopped it: this lets the last frames out */
        pad(voice);
}

static void arm(struct audio *audio)
{
    audio->on = audio->backend && audio->backend->ops->always;
    for (struct audio_voice *voice = audio->voices; voice && !audio->on; voice = voice->next)
        audio->on = voice->rate || voice->head - voice->tail >= TAPS;
    if (!audio->on) {
        timer_cancel(&audio->timer);
        if (listening(audio) && audio->backend->ops->rest)
            audio->backend->ops->rest(audio->backend);
    } else if (!timer_armed(&audio->timer))
        timer_set(&audio->timer, clock_ns(audio->clock) + PERIOD_NS);
}

u32 audio_voice_rate(const struct audio_voice *voice)
{
    return voice->rate;
}

u64 audio_voice_time(const struct audio_voice *voice, u64 frames)
{
    return voice->start_ns +
           (u64)(((unsigned __int128)(voice->rendered + frames) * NS_PER_SEC + voice->rate - 1) / voice->rate);
}

void audio_voice_set_gain(struct audio_voice *voice, u32 left, u32 right)
{
    audio_voice_run(voice);
    voice->gain[0] = MIN(left, AUDIO_UNITY);
    voice->gain[1] = MIN(right, AUDIO_UNITY);
}

/* --- the mix -------------------------------------------------------------------------------------------------------- */

/* What a voice adds to `count` frames of the mix. */
static void add_voice(struct audio *audio, struct audio_voice *voice, i32 (*sum)[2], unsigned count)
{
    u64 step = ((u64)voice->mix_rate << 32) / audio->rate;
    for (unsigned i = 0; i < count && voice->head - voice->tail >= TAPS; i++) {
        const i16 *filter = audio->filter[voice->phase >> 24];
        i32 left = 0, right = 0;
        for (unsigned tap = 0; tap < TAPS; tap++) {
            const struct audio_frame *frame = &voice->fifo[(voice->tail + tap) % FIFO];
            left += frame->left * filter[tap];
            right += frame->right * filter[tap];
        }
        sum[i][0] += (i64)(left >> 15) * voice->gain[0] / AUDIO_UNITY;
        sum[i][1] += (i64)(right >> 15) * voice->gain[1] / AUDIO_UNITY;
        u64 position = voice->phase + step;
        voice->phase = (u32)position;
        voice->tail += MIN((u32)(position >> 32), voice->head - voice->tail);
    }
}

static i16 finish(struct audio *audio, i32 value)
{
    value = audio->mute ? 0 : MAX(MIN((i64)value * audio->volume / 100, 32767), -32767);
    audio->peak = MAX(audio->peak, abs(value));
    return value;
}

static void mix(struct audio *audio)
{
    for (struct audio_voice *voice = audio->voices; voice; voice = voice->next)
        audio_voice_run(voice);
    u64 due = clock_ticks(audio->clock, audio->rate);
    if (due > audio->mixed + MOST_LATE * (u64)audio->rate)
        audio->mixed = due - MOST_LATE * (u64)audio->rate;
    while (listening(audio) && audio->mixed < due) {
        i32 sum[CHUNK][2] = {0};
        struct audio_frame frames[CHUNK];
        unsigned count = MIN(due - audio->mixed, CHUNK);
        for (struct audio_voice *voice = audio->voices; voice; voice = voice->next)
            add_voice(audio, voice, sum, count);
        for (unsigned i = 0; i < count; i++)
            frames[i] = (struct audio_frame){finish(audio, sum[i][0]), finish(audio, sum[i][1])};
        audio->backend->ops->play(audio->backend, frames, count);
        audio->mixed += count;
    }
}

void audio_flush(struct audio *audio)
{
    mix(audio);
}

static void fire(void *opaque)
{
    struct audio *audio = opaque;
    mix(audio);
    arm(audio);
}

static void change_rate(struct audio_voice *voice, u32 rate)
{
    if (!rate) {
        pad(voice);
        return;
    }
    mix(voice->audio);
    begin(voice, rate);
}

void audio_voice_set_rate(struct audio_voice *voice, u32 rate)
{
    struct audio *audio = voice->audio;
    rate = MIN(rate, MAX_RATE);
    if (rate == voice->rate)
        return;
    trace(AUDIO, "%s: %u Hz", voice->name, rate);
    if (voice->running) { /* render() stops its voice */
        voice->rate = 0;
        return;
    }
    audio_voice_run(voice);
    if (!audio->on) /* nobody waits for the silence until now */
        audio->mixed = clock_ticks(audio->clock, audio->rate);
    if (listening(audio))
        change_rate(voice, rate);
    voice->rate = rate;
    voice->start_ns = clock_ns(audio->clock);
    voice->rendered = 0;
    arm(audio);
}

void audio_voice_restart(struct audio_voice *voice, u32 rate)
{
    voice->rate = 0;
    voice->tail = voice->head;
    voice->padding = 0;
    voice->audio->mixed = clock_ticks(voice->audio->clock, voice->audio->rate);
    audio_voice_set_rate(voice, rate);
}

struct audio_voice *audio_add_voice(struct audio *audio, const char *name, audio_render *render, void *opaque)
{
    struct audio_voice *voice = calloc(1, sizeof(*voice));
    struct audio_frame *fifo = calloc(FIFO, sizeof(*fifo));
    if (!voice || !fifo) {
        free(voice);
        free(fifo);
        return NULL;
    }
    *voice = (struct audio_voice){.audio = audio,
                                  .name = name,
                                  .render = render,
                                  .opaque = opaque,
                                  .fifo = fifo,
                                  .gain = {AUDIO_UNITY, AUDIO_UNITY},
                                  .next = audio->voices};
    audio->voices = voice;
    return voice;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static int parse_number(const char *text, u32 low, u32 high, u32 *value)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end || number < low || number > high)
        return -EINVAL;
    *value = number;
    return 0;
}

/* One "key=value" behind the back end's name. */
static int parse_setting(const char *key, const char *value, struct audio_settings *settings, struct error *err)
{
    if (!strcmp(key, "id"))
        return 0;
    if (!strcmp(key, "path")) {
        settings->path = value;
        return 0;
    }
    if (!strcmp(key, "out.frequency") || !strcmp(key, "frequency"))
        return parse_number(value, 8000, MAX_RATE, &settings->rate)
                   ? error_set(err, EINVAL, "-audiodev %s=%s: give 8000 to %u Hz", key, value, MAX_RATE)
                   : 0;
    if (!strcmp(key, "out.buffer-length"))
        return parse_number(value, 5000, 500000, &settings->buffer_us)
                   ? error_set(err, EINVAL, "-audiodev %s=%s: give 5000 to 500000 microseconds", key, value)
                   : 0;
    return error_set(err, EINVAL, "-audiodev: no setting '%s'; there are path, out.frequency and out.buffer-length",
                     key);
}

static int open_backend(struct audio *audio, char *spec, struct error *err)
{
    struct audio_settings settings = {.path = "clutch.wav", .rate = 48000, .buffer_us = 46440};
    char *rest = NULL, *name = strtok_r(spec, ",", &rest);
    for (char *key; (key = strtok_r(NULL, ",", &rest));) {
        char *value = strchr(key, '=');
        if (value)
            *value++ = '\0';
        int status = parse_setting(key, value ? value : "", &settings, err);
        if (status)
            return status;
    }
    audio->rate = settings.rate;
    if (name && !strcmp(name, "none"))
        return 0;
    if (name && !strcmp(name, "wav"))
        audio->backend = audio_wav_open(&settings, err);
    else if (name && !strcmp(name, "sdl"))
        audio->backend = audio_sdl_open(&settings, err);
    else
        return error_set(err, EINVAL, "-audiodev %s: no such back end; there are sdl, wav and none", name ? name : "");
    return audio->backend ? 0 : -EIO;
}

struct audio *audio_open(const char *spec, struct clock *clock, struct error *err)
{
    struct audio *audio = calloc(1, sizeof(*audio));
    char *copy = strdup(spec);
    if (!audio || !copy) {
        error_set(err, ENOMEM, "-audiodev: no memory");
    } else if (open_backend(audio, copy, err) == 0) {
        free(copy);
        audio->clock = clock;
        audio->volume = 100;
        make_filter(audio);
        timer_init(&audio->timer, clock, fire, audio);
        arm(audio);
        return audio;
    }
    free(copy);
    free(audio);
    return NULL;
}

void audio_close(struct audio *audio)
{
    if (!audio)
        return;
    timer_cancel(&audio->timer);
    if (audio->backend)
        audio->backend->ops->close(audio->backend);
    for (struct audio_voice *voice = audio->voices, *next; voice; voice = next) {
        next = voice->next;
        free(voice->fifo);
        free(voice);
    }
    free(audio);
}

void audio_set_volume(struct audio *audio, int percent, bool mute)
{
    audio->volume = MAX(MIN(percent, 100), 0);
    audio->mute = mute;
}

int audio_volume(const struct audio *audio)
{
    return audio->volume;
}

bool audio_muted(const struct audio *audio)
{
    return audio->mute;
}

int audio_peak(struct audio *audio)
{
    int peak = audio->peak;
    audio->peak = 0;
    return peak;
}

static void print_backend(const struct audio *audio,
                          void (*print)(void *out, const char *format, ...) PRINTF_LIKE(2, 3), void *out)
{
    struct audio_figures figures = {0};
    print(out, "%s: %u Hz, volume %d%%%s\n", audio_backend_name(audio), audio->rate, audio->volume,
          audio->mute ? ", mute" : "");
    if (!audio->backend || !audio->backend->ops->figures)
        return;
    audio->backend->ops->figures(audio->backend, &figures);
    print(out, "  %u of %u frames wait, ran dry %llu times, %llu frames lost\n", figures.waiting, figures.target,
          (unsigned long long)figures.underruns, (unsigned long long)figures.lost);
}

void audio_print(const struct audio *audio, void (*print)(void *out, const char *format, ...) PRINTF_LIKE(2, 3),
                 void *out)
{
    print_backend(audio, print, out);
    for (const struct audio_voice *voice = audio->voices; voice; voice = voice->next)
        if (voice->rate)
            print(out, "%s: %u Hz, gain %u%% %u%%\n", voice->name, voice->rate, voice->gain[0] * 100 / AUDIO_UNITY,
                  voice->gain[1] * 100 / AUDIO_UNITY);
        else
            print(out, "%s: silent\n", voice->name);
}

const char *audio_backend_name(const struct audio *audio)
{
    return audio->backend ? audio->backend->ops->name : "none";
}
