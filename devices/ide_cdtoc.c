/*
 * CD-ROM drive: packet commands that tell what is on the disc, and where the pick-up is.
 *
 * Source: T10 MMC-3, "READ TOC/PMA/ATIP", "READ SUB-CHANNEL", "READ DISC INFORMATION", "READ TRACK INFORMATION";
 *   SFF-8020i, "READ HEADER".
 * Modelled: one closed session; TOC formats 0 to 2; current position, media catalogue number and ISRC.
 * Not modelled: PMA, ATIP, CD-TEXT: illegal requests, as from a drive for pressed discs.
 */
#include <string.h>

#include "devices/ide_atapi.h"

#define LEAD_OUT 0xaa
#define ADR_POSITION 1

static void put_address(u8 *at, u32 lba, bool msf)
{
    u32 frame = lba + DISC_PREGAP;
    if (!msf) {
        put32(at, lba);
        return;
    }
    at[0] = 0;
    at[1] = (u8)MIN(frame / (60 * 75), 255u);
    at[2] = (u8)(frame / 75 % 60);
    at[3] = (u8)(frame % 75);
}

static u8 last_number(const struct disc *disc)
{
    return (u8)(disc->first + disc->count - 1);
}

/* CONTROL of the lead-out is the last track's. */
static u8 adr_control(const struct disc *disc, int index)
{
    return (u8)(ADR_POSITION << 4 | disc->track[MIN(index, disc->count - 1)].control);
}

/* READ TOC. */

static u32 toc_entry(const struct disc *disc, u8 *at, int index, bool msf)
{
    bool end = index == disc->count;
    at[1] = adr_control(disc, index);
    at[2] = end ? LEAD_OUT : (u8)(disc->first + index);
    put_address(at + 4, end ? disc->lead_out : disc->track[index].start, msf);
    return 8;
}

/* Format 0: the tracks from number `from` on, and the lead-out. */
static u32 toc_tracks(const struct disc *disc, u8 *data, u8 from, bool msf)
{
    u32 length = 4;
    for (int i = 0; i <= disc->count; i++)
        if (i == disc->count || disc->first + i >= from)
            length += toc_entry(disc, data + length, i, msf);
    data[2] = disc->first;
    data[3] = last_number(disc);
    return length;
}

/* Format 1: the last session and its first track. */
static u32 toc_sessions(const struct disc *disc, u8 *data, bool msf)
{
    data[2] = data[3] = 1;
    return 4 + toc_entry(disc, data + 4, 0, msf);
}

static u32 full_entry(u8 *at, u8 control, u8 point, u8 minute, u8 second, u8 frame)
{
    at[0] = 1; /* session */
    at[1] = control;
    at[3] = point;
    at[8] = minute;
    at[9] = second;
    at[10] = frame;
    return 11;
}

static bool has_mode2(const struct disc *disc)
{
    for (int i = 0; i < disc->count; i++)
        if (disc->track[i].mode == DISC_MODE2)
            return true;
    return false;
}

/* Format 2: as the lead-in's Q channel has it. */
static u32 toc_full(const struct disc *disc, u8 *data)
{
    u8 at[4];
    u32 length = 4;
    data[2] = data[3] = 1;
    length += full_entry(data + length, adr_control(disc, 0), 0xa0, disc->first, has_mode2(disc) ? 0x20 : 0, 0);
    length += full_entry(data + length, adr_control(disc, disc->count), 0xa1, last_number(disc), 0, 0);
    put_address(at, disc->lead_out, true);
    length += full_entry(data + length, adr_control(disc, disc->count), 0xa2, at[1], at[2], at[3]);
    for (int i = 0; i < disc->count; i++) {
        put_address(at, disc->track[i].start, true);
        length += full_entry(data + length, adr_control(disc, i), (u8)(disc->first + i), at[1], at[2], at[3]);
    }
    return length;
}

void cd_read_toc(struct ide_drive *drive)
{
    const u8 *packet = drive->packet;
    const struct disc *disc = &drive->disc;
    bool msf = packet[1] & 2;
    /* SFF-8020i has the format in byte 9, MMC in byte 2. */
    unsigned format = packet[2] & 15 ? packet[2] & 15 : packet[9] >> 6;
    bool wrong_track = format == 0 && packet[6] > last_number(disc) && packet[6] != LEAD_OUT;
    if (format > 2 || wrong_track) {
        atapi_invalid_field(drive);
        return;
    }
    u32 length = format == 0   ? toc_tracks(disc, drive->buffer, packet[6], msf)
                 : format == 1 ? toc_sessions(disc, drive->buffer, msf)
                               : toc_full(disc, drive->buffer);
    put16(drive->buffer, length - 2);
    atapi_reply(drive, length, get16(packet + 7));
}

/* READ SUB-CHANNEL. */

static u32 current_position(struct ide_drive *drive, u8 *at, bool msf)
{
    const struct disc *disc = &drive->disc;
    u32 position = drive->audio.position;
    const struct disc_track *track = disc_find(disc, position);
    int index = track ? (int)(track - disc->track) : disc->count;
    u32 start = track ? track->start : disc->lead_out;
    at[1] = adr_control(disc, index);
    at[2] = track ? (u8)(disc->first + index) : LEAD_OUT;
    at[3] = position >= start;
    put_address(at + 4, position, msf);
    if (msf) /* within index 0 it counts down */
        put_address(at + 8, (position >= start ? position - start : start - position) - DISC_PREGAP, true);
    else
        put32(at + 8, position - start);
    return 12;
}

static u32 catalogue_number(const struct disc *disc, u8 *at)
{
    if (*disc->catalogue) {
        at[4] = 0x80;
        memcpy(at + 5, disc->catalogue, 13);
    }
    return 20;
}

static u32 track_isrc(const struct disc *disc, u8 *at, unsigned index)
{
    at[1] = adr_control(disc, (int)index);
    at[2] = (u8)(disc->first + index);
    if (*disc->track[index].isrc) {
        at[4] = 0x80;
        memcpy(at + 5, disc->track[index].isrc, 12);
    }
    return 20;
}

void cd_read_sub_channel(struct ide_drive *drive)
{
    u8 *data = drive->buffer, format = drive->packet[3];
    const struct disc *disc = &drive->disc;
    unsigned index = (unsigned)drive->packet[6] - disc->first;
    u32 length = 0;
    cd_audio_update(&drive->audio);
    if (drive->packet[2] & 0x40) {
        if (format < 1 || format > 3 || (format == 3 && index >= disc->count)) {
            atapi_invalid_field(drive);
            return;
        }
        data[4] = format;
        length = format == 1   ? current_position(drive, data + 4, drive->packet[1] & 2)
                 : format == 2 ? catalogue_number(disc, data + 4)
                               : track_isrc(disc, data + 4, index);
    }
    data[1] = drive->audio.status;
    if (data[1] == CD_AUDIO_COMPLETED || data[1] == CD_AUDIO_FAILED) /* told once */
        drive->audio.status = CD_AUDIO_NONE;
    put16(data + 2, length);
    atapi_reply(drive, 4 + length, get16(drive->packet + 7));
}

/* Headers, disc and tracks. */

void cd_read_header(struct ide_drive *drive)
{
    u32 lba = get32(drive->packet + 2);
    const struct disc_track *track = disc_find(&drive->disc, lba);
    if (!track || track->mode == DISC_AUDIO) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, track ? ASC_ILLEGAL_MODE : ASC_LBA_OUT_OF_RANGE, 0);
        return;
    }
    drive->buffer[0] = track->mode == DISC_MODE1 ? 1 : 2;
    put_address(drive->buffer + 4, lba, drive->packet[1] & 2);
    atapi_reply(drive, 8, get16(drive->packet + 7));
}

void cd_read_disc_information(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    const struct disc *disc = &drive->disc;
    put16(data, 32);
    data[2] = 0x0e; /* complete disc, complete session */
    data[3] = disc->first;
    data[4] = 1; /* sessions */
    data[5] = disc->first;
    data[6] = last_number(disc);
    data[7] = 0x20; /* unrestricted use */
    data[8] = has_mode2(disc) ? 0x20 : 0;
    memset(data + 16, 0xff, 8); /* no further sessions */
    atapi_reply(drive, 34, get16(drive->packet + 7));
}

/* By address, by track number or by session; NULL if there is none. */
static const struct disc_track *track_asked(const struct ide_drive *drive)
{
    const struct disc *disc = &drive->disc;
    u32 value = get32(drive->packet + 2);
    switch (drive->packet[1] & 3) {
    case 0: return disc_find(disc, value);
    case 1: return value - disc->first < disc->count ? &disc->track[value - disc->first] : NULL;
    default: return (drive->packet[1] & 3) == 2 && value == 1 ? &disc->track[0] : NULL;
    }
}

void cd_read_track_information(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    const struct disc_track *track = track_asked(drive);
    if (!track) {
        atapi_invalid_field(drive);
        return;
    }
    u32 end = disc_track_end(&drive->disc, track);
    put16(data, 34);
    data[2] = (u8)(drive->disc.first + (track - drive->disc.track));
    data[3] = 1; /* session */
    data[5] = track->control;
    data[6] = track->mode == DISC_AUDIO ? 0x0f : track->mode == DISC_MODE1 ? 1 : 2;
    put32(data + 8, track->start);
    put32(data + 24, end - track->start);
    atapi_reply(drive, 36, get16(drive->packet + 7));
}
