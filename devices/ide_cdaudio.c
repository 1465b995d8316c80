/*
 * CD-ROM drive: playing audio tracks through its analog output, a voice of the mixer.
 *
 * Source: T10 MMC-3, "PLAY AUDIO", "PAUSE/RESUME", "STOP PLAY/SCAN", "CD Audio Control Parameters Page"; IEC 60908 (588
 *   stereo samples of 16 bits in a frame, 44100 a second, least significant byte first).
 * Modelled: two output ports, each with any mix of the disc's two channels and a volume; the position in guest time.
 *   Frames are read ahead, a chunk at a time; where the host's disk is late, playing waits for it.
 * Not modelled: pre-emphasis, spin-up time, four-channel audio, the volume of a sound card's CD input.
 */
#include "devices/ide_cdaudio.h"

#include <string.h>

#define RATE 44100
#define SAMPLES (DISC_RAW_BYTES / 4)

static bool holds(const struct cd_chunk *chunk, u32 frame)
{
    return frame - chunk->begin < chunk->count;
}

static void end_play(struct cd_audio *cd, enum cd_audio_status status)
{
    cd->status = status;
    if (cd->voice)
        audio_voice_set_rate(cd->voice, 0);
}

/* Reading ahead. */

static void fetch(struct cd_audio *cd);

static void fetched(void *opaque, int result)
{
    struct cd_audio *cd = opaque;
    struct cd_chunk *chunk = container_of(cd->request.data, struct cd_chunk, data);
    cd->in_flight = false;
    if (result < 0) {
        end_play(cd, CD_AUDIO_FAILED);
        return;
    }
    chunk->count = cd->request.count / DISC_FRAME_SECTORS;
    fetch(cd);
}

static void fetch(struct cd_audio *cd)
{
    struct cd_chunk *playing = holds(&cd->chunk[1], cd->position) ? &cd->chunk[1] : &cd->chunk[0];
    bool have = holds(playing, cd->position);
    u32 wanted = have ? playing->begin + playing->count : cd->position;
    struct cd_chunk *chunk = &cd->chunk[have && playing == &cd->chunk[0]];
    if (cd->in_flight || !cd->block || wanted >= cd->end || holds(chunk, wanted))
        return;
    chunk->begin = wanted;
    chunk->count = 0;
    cd->in_flight = true;
    cd->request = (struct block_request){
        .operation = BLOCK_READ,
        .sector = (u64)wanted * DISC_FRAME_SECTORS,
        .count = MIN(cd->end - wanted, CD_AUDIO_CHUNK) * DISC_FRAME_SECTORS,
        .data = chunk->data,
        .done = fetched,
        .opaque = cd,
    };
    block_submit(cd->block, &cd->request);
}

/* Playing. */

static i16 sample_at(const u8 *at)
{
    return (i16)(at[0] | at[1] << 8);
}

/* Bit 0 of the selection: the disc's left channel; bit 1: the right one. */
static i16 port_output(u8 selection, i16 left, i16 right)
{
    i32 sum = (selection & 1 ? left : 0) + (selection & 2 ? right : 0);
    return (i16)((selection & 3) == 3 ? sum / 2 : sum);
}

static void copy(const struct cd_audio *cd, const u8 *from, struct audio_frame *to, u32 count)
{
    for (u32 i = 0; i < count; i++, from += 4) {
        i16 left = sample_at(from), right = sample_at(from + 2);
        to[i].left = port_output(cd->channel[0], left, right);
        to[i].right = port_output(cd->channel[1], left, right);
    }
}

/* After the last sample of a frame.  Data tracks are not heard: playing ends before them. */
static void next_frame(struct cd_audio *cd)
{
    cd->sample = 0;
    cd->position++;
    const struct disc_track *track = disc_find(cd->disc, cd->position);
    if (cd->position >= cd->end)
        end_play(cd, CD_AUDIO_COMPLETED);
    else if (!track || track->mode != DISC_AUDIO)
        end_play(cd, CD_AUDIO_FAILED);
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct cd_audio *cd = opaque;
    unsigned done = 0;
    while (done < count && cd->status == CD_AUDIO_PLAYING) {
        const struct cd_chunk *chunk = &cd->chunk[holds(&cd->chunk[1], cd->position)];
        if (!holds(chunk, cd->position))
            break;
        u32 n = MIN(count - done, SAMPLES - cd->sample);
        if (frames)
            copy(cd, chunk->data + (size_t)(cd->position - chunk->begin) * DISC_FRAME_BYTES + cd->sample * 4,
                 frames + done, n);
        done += n;
        cd->sample += n;
        if (cd->sample == SAMPLES)
            next_frame(cd);
    }
    if (frames)
        memset(frames + done, 0, (count - done) * sizeof(*frames));
    if (cd->status == CD_AUDIO_PLAYING)
        fetch(cd);
}

int cd_audio_init(struct cd_audio *cd, struct audio *audio)
{
    cd->voice = audio_add_voice(audio, "cd", render, cd);
    return cd->voice ? 0 : -1;
}

void cd_audio_play(struct cd_audio *cd, struct block *block, const struct disc *disc, u32 start, u32 end)
{
    cd_audio_stop(cd);
    cd->position = start;
    cd->end = end;
    cd->sample = 0;
    cd->block = block;
    cd->disc = disc;
    cd->chunk[0].count = cd->chunk[1].count = 0;
    if (!cd->voice) {
        cd->position = end;
        cd->status = CD_AUDIO_COMPLETED;
        return;
    }
    cd->status = CD_AUDIO_PLAYING;
    fetch(cd);
    audio_voice_set_rate(cd->voice, RATE);
}

bool cd_audio_pause(struct cd_audio *cd, bool pause)
{
    cd_audio_update(cd);
    if (cd->status != CD_AUDIO_PLAYING && cd->status != CD_AUDIO_PAUSED)
        return false;
    cd->status = pause ? CD_AUDIO_PAUSED : CD_AUDIO_PLAYING;
    audio_voice_set_rate(cd->voice, pause ? 0 : RATE);
    return true;
}

void cd_audio_stop(struct cd_audio *cd)
{
    cd_audio_update(cd);
    if (cd->in_flight)
        block_cancel(&cd->request);
    cd->in_flight = false;
    cd->block = NULL;
    end_play(cd, CD_AUDIO_NONE);
}

void cd_audio_update(struct cd_audio *cd)
{
    if (cd->voice && cd->status == CD_AUDIO_PLAYING)
        audio_voice_run(cd->voice);
}

void cd_audio_set_ports(struct cd_audio *cd, const u8 channel[2], const u8 volume[2])
{
    cd_audio_update(cd);
    for (int port = 0; port < 2; port++) {
        cd->channel[port] = channel[port] & 15;
        cd->volume[port] = volume[port];
    }
    if (cd->voice)
        audio_voice_set_gain(cd->voice, volume[0] * AUDIO_UNITY / 255u, volume[1] * AUDIO_UNITY / 255u);
}

void cd_audio_reset(struct cd_audio *cd)
{
    static const u8 channel[2] = {1, 2}, volume[2] = {0xff, 0xff};
    cd_audio_stop(cd);
    cd_audio_set_ports(cd, channel, volume);
    cd->position = cd->end = cd->sample = 0;
}
