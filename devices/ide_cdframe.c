/*
 * CD-ROM drive: what a read command takes out of a frame of the disc.
 *
 * Source: T10 MMC-3, "READ CD Command" (main channel selection, expected sector type, sub-channel selection) and
 *   "CD-ROM Sector structure"; ECMA-130, "q-channel".
 * Modelled: CD-DA, mode 1, mode 2 without and with form 1 and 2; sync, headers, user data, EDC and ECC as far as they
 *   are contiguous; sub-channels P-W and Q, made from the table of contents; R-W, which hold nothing.
 * Not modelled: C2 error flags.
 */
#include <string.h>

#include "devices/ide_atapi.h"

enum sector_type { TYPE_ANY, TYPE_CDDA, TYPE_MODE1, TYPE_MODE2, TYPE_FORM1, TYPE_FORM2 };
enum { FIELD_SYNC = 0x80, FIELD_SUBHEADER = 0x40, FIELD_HEADER = 0x20, FIELD_USER = 0x10, FIELD_EDC = 0x08 };
enum { SUB_NONE, SUB_RAW, SUB_Q, SUB_RW = 4 };

static bool reads_fields(const struct ide_drive *drive)
{
    return drive->packet[0] == 0xbe || drive->packet[0] == 0xb9; /* READ CD, READ CD MSF */
}

static u32 sub_length(u8 selection)
{
    return selection == SUB_RAW || selection == SUB_RW ? 96 : selection == SUB_Q ? 16 : 0;
}

u32 cd_frame_limit(const struct ide_drive *drive)
{
    if (!reads_fields(drive))
        return DISC_USER_BYTES;
    u8 sub = drive->packet[10] & 7;
    if (drive->packet[9] & 0x06 || (sub && !sub_length(sub)))
        return 0;
    return (drive->packet[9] & 0xf8 ? DISC_RAW_BYTES : 0) + sub_length(sub);
}

static enum sector_type type_of(const struct disc_track *track, const u8 *frame)
{
    if (track->mode != DISC_MODE2)
        return track->mode == DISC_AUDIO ? TYPE_CDDA : TYPE_MODE1;
    if (memcmp(frame + 16, frame + 20, 4)) /* a subheader stands there twice */
        return TYPE_MODE2;
    return frame[18] & 0x20 ? TYPE_FORM2 : TYPE_FORM1;
}

/* Where the fields of a type are; empty ones begin where they end. */
static const struct {
    u8 field;
    u16 begin[6], end[6]; /* by type */
} fields[] = {
    {FIELD_SYNC, {0}, {0, 0, 12, 12, 12, 12}},
    {FIELD_HEADER, {0, 0, 12, 12, 12, 12}, {0, 0, 16, 16, 16, 16}},
    {FIELD_SUBHEADER, {0, 0, 0, 0, 16, 16}, {0, 0, 0, 0, 24, 24}},
    {FIELD_USER, {0, 0, 16, 16, 24, 24}, {0, 2352, 2064, 2352, 2072, 2352}},
    {FIELD_EDC, {0, 0, 2064, 0, 2072, 0}, {0, 0, 2352, 0, 2352, 0}},
};

/* False where there is a hole between the selected fields. */
static bool select_fields(enum sector_type type, u8 selection, u32 *begin, u32 *end)
{
    *begin = *end = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        u32 from = fields[i].begin[type], to = fields[i].end[type];
        if (!(selection & fields[i].field) || from == to)
            continue;
        if (*begin == *end)
            *begin = from;
        else if (from != *end)
            return false;
        *end = to;
    }
    return true;
}

static u16 crc16(const u8 *data, unsigned length)
{
    u16 crc = 0;
    while (length--) {
        crc ^= (u16)(*data++ << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (u16)(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
    }
    return crc;
}

static void put_bcd_msf(u8 *at, u32 frames)
{
    at[0] = disc_bcd(frames / (60 * 75));
    at[1] = disc_bcd(frames / 75 % 60);
    at[2] = disc_bcd(frames % 75);
}

void cd_make_q(const struct disc *disc, u32 address, u8 q[12])
{
    const struct disc_track *track = disc_find(disc, address);
    u32 start = track ? track->start : disc->lead_out;
    memset(q, 0, 12);
    q[0] = (u8)((track ? track->control : 0) << 4 | 1);
    q[1] = track ? disc_bcd((u32)(disc->first + (track - disc->track))) : 0xaa;
    q[2] = address >= start ? 1 : 0;
    put_bcd_msf(q + 3, address >= start ? address - start : start - address);
    put_bcd_msf(q + 7, address + DISC_PREGAP);
    put16(q + 10, (u16)~crc16(q, 10));
}

static u32 put_sub_channel(const struct disc *disc, u32 address, u8 selection, u8 *out)
{
    u32 length = sub_length(selection);
    u8 q[12];
    if (!length)
        return 0;
    memset(out, 0, length);
    cd_make_q(disc, address, q);
    bool pause = q[2] == 0;
    if (selection == SUB_Q) {
        memcpy(out, q, sizeof(q));
        out[15] = pause ? 0x80 : 0;
    } else if (selection == SUB_RAW) {
        for (u32 i = 0; i < length; i++)
            out[i] = (u8)((pause ? 0x80 : 0) | (q[i / 8] << i % 8 & 0x80) >> 1);
    }
    return length;
}

static void unpack(const struct ide_drive *drive, const struct disc_track *track, u32 address, const u8 *stored,
                   u8 *frame)
{
    if (drive->frame_sectors == DISC_FRAME_SECTORS) {
        memcpy(frame, stored, DISC_RAW_BYTES);
    } else {
        memset(frame, 0, DISC_RAW_BYTES);
        memcpy(frame + 16, stored, DISC_USER_BYTES);
    }
    if (!track->complete && reads_fields(drive) && drive->packet[9] & (FIELD_SYNC | FIELD_HEADER | FIELD_EDC))
        disc_complete_frame(frame, track->mode, address);
}

int cd_frame_take(const struct ide_drive *drive, u32 address, const u8 *stored, u8 *out)
{
    const struct disc_track *track = disc_find(&drive->disc, address);
    u8 frame[DISC_RAW_BYTES];
    u32 begin, end;
    if (!track)
        return -ASC_LBA_OUT_OF_RANGE;
    unpack(drive, track, address, stored, frame);
    enum sector_type type = type_of(track, frame);
    if (!reads_fields(drive)) {
        if (type != TYPE_MODE1 && type != TYPE_FORM1)
            return -ASC_ILLEGAL_MODE;
        memcpy(out, frame + (type == TYPE_MODE1 ? 16 : 24), DISC_USER_BYTES);
        return DISC_USER_BYTES;
    }
    unsigned expected = drive->packet[1] >> 2 & 7;
    if (expected != TYPE_ANY && expected != type)
        return -ASC_ILLEGAL_MODE;
    if (!select_fields(type, drive->packet[9], &begin, &end))
        return -ASC_INVALID_FIELD;
    memcpy(out, frame + begin, end - begin);
    return (int)(end - begin + put_sub_channel(&drive->disc, address, drive->packet[10] & 7, out + (end - begin)));
}
