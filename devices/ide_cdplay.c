/*
 * CD-ROM drive: the packet commands that play audio tracks.
 *
 * Source: T10 MMC-3, "PLAY AUDIO (10)", "(12)", "PLAY AUDIO MSF", "PAUSE/RESUME", "STOP PLAY/SCAN".
 * Modelled: immediate completion, the current position as a start (address FFFFFFFFh, FF:FF:FF).
 * Not modelled: SCAN, PLAY CD.
 */
#include "devices/ide_atapi.h"

/* What the next command sees of a range: the first frame must be audio, the end on the disc. */
static void play(struct ide_drive *drive, u32 start, u64 end)
{
    const struct disc_track *track = disc_find(&drive->disc, start);
    if (!track || end > drive->disc.lead_out) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
        return;
    }
    if (track->mode != DISC_AUDIO) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_ILLEGAL_MODE, 0);
        return;
    }
    if (start < end) /* no length: nothing is played, which is no error */
        cd_audio_play(&drive->audio, drive->block, &drive->disc, start, (u32)end);
    atapi_good(drive);
}

static u32 current(struct ide_drive *drive)
{
    cd_audio_update(&drive->audio);
    return drive->audio.position;
}

void cd_play_audio(struct ide_drive *drive)
{
    const u8 *packet = drive->packet;
    u32 start = get32(packet + 2);
    u32 length = packet[0] == 0xa5 ? get32(packet + 6) : get16(packet + 7);
    if (start == 0xffffffff)
        start = current(drive);
    play(drive, start, (u64)start + length);
}

void cd_play_audio_msf(struct ide_drive *drive)
{
    const u8 *packet = drive->packet;
    bool here = packet[3] == 0xff && packet[4] == 0xff && packet[5] == 0xff;
    u32 start = here ? current(drive) : get_msf(packet + 3), end = get_msf(packet + 6);
    if ((i32)start < 0 || (i32)end < (i32)start)
        atapi_invalid_field(drive);
    else
        play(drive, start, end);
}

void cd_pause_resume(struct ide_drive *drive)
{
    if (cd_audio_pause(&drive->audio, !(drive->packet[8] & 1)))
        atapi_good(drive);
    else
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_SEQUENCE_ERROR, 0);
}

void cd_stop_play(struct ide_drive *drive)
{
    cd_audio_stop(&drive->audio);
    atapi_good(drive);
}
