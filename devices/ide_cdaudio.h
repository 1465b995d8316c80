/*
 * The audio side of a CD-ROM drive: see ide_cdaudio.c.
 */
#ifndef DEVICES_IDE_CDAUDIO_H
#define DEVICES_IDE_CDAUDIO_H

#include "devices/audio/audio.h"
#include "devices/block/block.h"
#include "devices/block/disc.h"

#define CD_AUDIO_CHUNK 25 /* frames: a third of a second */

/* Audio status codes: MMC-3, "READ SUB-CHANNEL Command". */
enum cd_audio_status {
    CD_AUDIO_PLAYING = 0x11,
    CD_AUDIO_PAUSED = 0x12,
    CD_AUDIO_COMPLETED = 0x13,
    CD_AUDIO_FAILED = 0x14,
    CD_AUDIO_NONE = 0x15,
};

struct cd_chunk {
    u32 begin, count; /* frames */
    u8 data[CD_AUDIO_CHUNK * DISC_FRAME_BYTES];
};

struct cd_audio {
    /* Guest state. */
    u8 status;                /* enum cd_audio_status */
    u32 position, end;        /* the frame under way, and where playing ends */
    u32 sample;               /* the next one of that frame */
    u8 channel[2], volume[2]; /* mode page 0Eh: what each of two output ports plays */
    /* Wiring. */
    struct audio_voice *voice;
    struct block *block; /* while playing */
    const struct disc *disc;
    struct block_request request;
    bool in_flight;
    struct cd_chunk chunk[2]; /* one is played, the other read */
};

/* NULL: plays into the void, at once. */
int cd_audio_init(struct cd_audio *cd, struct audio *audio);
/* Plays the frames of audio tracks from start to end; what was playing stops. */
void cd_audio_play(struct cd_audio *cd, struct block *block, const struct disc *disc, u32 start, u32 end);
/* False if nothing is being played. */
bool cd_audio_pause(struct cd_audio *cd, bool pause);
/* Afterwards it does not touch the block. */
void cd_audio_stop(struct cd_audio *cd);
/* Brings status and position up to the present. */
void cd_audio_update(struct cd_audio *cd);
void cd_audio_set_ports(struct cd_audio *cd, const u8 channel[2], const u8 volume[2]);
void cd_audio_reset(struct cd_audio *cd);

#endif
