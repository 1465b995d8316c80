/*
 * Sound into a RIFF WAVE file: PCM, 16 bits, stereo.  The header is made right about once a second, so that the file
 * can be read even if the program is killed.
 *
 * Source: Microsoft/IBM, "Multimedia Programming Interface and Data Specifications 1.0", RIFF WAVE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/audio/backend.h"

#define HEADER_SIZE 44
#define LARGEST (UINT32_MAX - HEADER_SIZE - 65536) /* sizes in the header have 32 bits */

struct wav {
    struct audio_backend backend;
    FILE *file;
    u32 size, written_size; /* bytes of sound; what the header says */
    bool failed;
    char path[];
};

static void put(u8 **p, u64 value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *(*p)++ = value >> 8 * i;
}

static void put_text(u8 **p, const char *text)
{
    memcpy(*p, text, 4);
    *p += 4;
}

static bool write_header(struct wav *wav)
{
    const unsigned frame = sizeof(struct audio_frame);
    u8 header[HEADER_SIZE], *p = header;
    put_text(&p, "RIFF");
    put(&p, HEADER_SIZE - 8 + wav->size, 4);
    put_text(&p, "WAVE");
    put_text(&p, "fmt ");
    put(&p, 16, 4);
    put(&p, 1, 2); /* PCM */
    put(&p, 2, 2);
    put(&p, wav->backend.rate, 4);
    put(&p, wav->backend.rate * frame, 4);
    put(&p, frame, 2);
    put(&p, 16, 2);
    put_text(&p, "data");
    put(&p, wav->size, 4);
    wav->written_size = wav->size;
    return !fseek(wav->file, 0, SEEK_SET) && fwrite(header, sizeof(header), 1, wav->file) == 1 &&
           !fseek(wav->file, 0, SEEK_END) && !fflush(wav->file);
}

static void fail(struct wav *wav)
{
    wav->failed = true;
    error_report("-audiodev wav: %s: cannot write: %s; the recording ends here", wav->path, strerror(errno));
}

static void wav_play(struct audio_backend *backend, const struct audio_frame *frames, unsigned count)
{
    struct wav *wav = container_of(backend, struct wav, backend);
    u8 bytes[1024], *p = bytes;
    if (wav->failed || wav->size > LARGEST)
        return;
    for (unsigned i = 0; i < count; i++) {
        put(&p, (u16)frames[i].left, 2);
        put(&p, (u16)frames[i].right, 2);
        if (p != bytes + sizeof(bytes) && i != count - 1)
            continue;
        if (fwrite(bytes, p - bytes, 1, wav->file) != 1) {
            fail(wav);
            return;
        }
        wav->size += p - bytes;
        p = bytes;
    }
    if (wav->size - wav->written_size >= backend->rate * sizeof(struct audio_frame) && !write_header(wav))
        fail(wav);
}

static void wav_close(struct audio_backend *backend)
{
    struct wav *wav = container_of(backend, struct wav, backend);
    if (!wav->failed && !write_header(wav))
        fail(wav);
    fclose(wav->file);
    free(wav);
}

static const struct audio_backend_ops wav_ops = {.name = "wav", .always = true, .play = wav_play, .close = wav_close};

struct audio_backend *audio_wav_open(const struct audio_settings *settings, struct error *err)
{
    struct wav *wav = calloc(1, sizeof(*wav) + strlen(settings->path) + 1);
    if (!wav) {
        error_set(err, ENOMEM, "-audiodev wav: no memory");
        return NULL;
    }
    strcpy(wav->path, settings->path);
    wav->backend = (struct audio_backend){&wav_ops, settings->rate};
    wav->file = fopen(wav->path, "wbe");
    if (!wav->file || !write_header(wav)) {
        error_set(err, errno, "-audiodev wav: %s: cannot write: %s; name another file with path=", wav->path,
                  strerror(errno));
        if (wav->file)
            fclose(wav->file);
        free(wav);
        return NULL;
    }
    return &wav->backend;
}
