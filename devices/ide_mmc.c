/*
 * ATAPI CD-ROM drive: the packet commands.
 *
 * Source: T10 MMC-3 (INCITS 360), command descriptions; SPC-2 for INQUIRY, REQUEST SENSE and MODE SENSE.
 * Modelled: a reader of one closed data track: READ(10), READ(12), READ CD (user data), READ CAPACITY, READ TOC formats
 *   0-2, READ DISC INFORMATION, READ SUB-CHANNEL (no audio), GET CONFIGURATION, GET EVENT STATUS NOTIFICATION, MODE
 *   SENSE(10), START STOP UNIT, PREVENT ALLOW, SEEK, SET CD SPEED, MECHANISM STATUS.  Discs larger than a CD are
 *   DVD-ROMs.
 * Not modelled: audio, raw sectors, DVD structures and keys, MODE SELECT: illegal requests.
 */
#include <string.h>

#include "devices/ide_atapi.h"
#include "machine/trace.h"

#define LEAD_OUT 0xaa
#define CD_MAX_SECTORS (80 * 60 * 75) /* an 80-minute disc */
#define PREGAP 150                    /* frames before sector 0 in minutes, seconds, frames */

enum { PROFILE_CD_ROM = 0x08, PROFILE_DVD_ROM = 0x10 };

static void put16(u8 *at, u32 value)
{
    at[0] = (u8)(value >> 8);
    at[1] = (u8)value;
}

static void put32(u8 *at, u32 value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static u32 get16(const u8 *at)
{
    return (u32)at[0] << 8 | at[1];
}

static u32 get32(const u8 *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static bool has_medium(const struct ide_drive *drive)
{
    return drive->block && !drive->tray_open;
}

static u32 cd_sectors(const struct ide_drive *drive)
{
    u64 sectors = drive->total / (CD_SECTOR / SECTOR_SIZE);
    return (u32)MIN(sectors, 0xffffffffull);
}

static void invalid_field(struct ide_drive *drive)
{
    atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0);
}

static void test_unit_ready(struct ide_drive *drive)
{
    atapi_good(drive);
}

static void request_sense(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    data[0] = 0x70;
    data[2] = drive->sense_key;
    data[7] = 10;
    data[12] = drive->sense_code;
    data[13] = drive->sense_qualifier;
    drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
    atapi_reply(drive, 18, drive->packet[4]);
}

static void put_padded(u8 *at, size_t size, const char *text)
{
    size_t length = strlen(text);
    memset(at, ' ', size);
    memcpy(at, text, MIN(length, size));
}

static void inquiry(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    if (drive->packet[1] & 3) { /* vital product data */
        invalid_field(drive);
        return;
    }
    data[0] = 0x05; /* CD-ROM device */
    data[1] = 0x80; /* removable */
    data[3] = 0x21; /* ATAPI; response format 1 */
    data[4] = 31;
    put_padded(data + 8, 8, "CLUTCH");
    put_padded(data + 16, 16, "CD-ROM");
    put_padded(data + 32, 4, drive->firmware);
    atapi_reply(drive, 36, drive->packet[4]);
}

static void eject(struct ide_drive *drive)
{
    if (drive->locked) {
        bool present = has_medium(drive);
        atapi_check(drive, present ? SENSE_ILLEGAL_REQUEST : SENSE_NOT_READY, ASC_REMOVAL, 0x02);
        return;
    }
    drive->tray_open = true;
    atapi_good(drive);
}

static void start_stop(struct ide_drive *drive)
{
    u8 action = drive->packet[4] & 3;
    if (action == 2) {
        eject(drive);
        return;
    }
    if (action == 3 && drive->tray_open) {
        drive->tray_open = false;
        drive->medium_changed = drive->block != NULL;
    }
    atapi_good(drive);
}

static void prevent_allow(struct ide_drive *drive)
{
    drive->locked = drive->packet[4] & 1;
    atapi_good(drive);
}

static void read_capacity(struct ide_drive *drive)
{
    put32(drive->buffer, cd_sectors(drive) - 1);
    put32(drive->buffer + 4, CD_SECTOR);
    atapi_reply(drive, 8, 8);
}

static void read_10(struct ide_drive *drive)
{
    atapi_read(drive, get32(drive->packet + 2), get16(drive->packet + 7));
}

static void read_12(struct ide_drive *drive)
{
    atapi_read(drive, get32(drive->packet + 2), get32(drive->packet + 6));
}

static void read_cd(struct ide_drive *drive)
{
    u32 count = (u32)drive->packet[6] << 16 | get16(drive->packet + 7);
    u8 fields = drive->packet[9] & 0xf8;
    if (fields == 0 || count == 0)
        atapi_good(drive);
    else if (fields == 0x10)
        atapi_read(drive, get32(drive->packet + 2), count);
    else
        invalid_field(drive);
}

static void seek(struct ide_drive *drive)
{
    if (get32(drive->packet + 2) < cd_sectors(drive))
        atapi_good(drive);
    else
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
}

/* READ TOC. */

static void put_address(u8 *at, u32 lba, bool msf)
{
    u32 frame = lba + PREGAP;
    if (!msf) {
        put32(at, lba);
        return;
    }
    at[0] = 0;
    at[1] = (u8)MIN(frame / (60 * 75), 255u);
    at[2] = (u8)(frame / 75 % 60);
    at[3] = (u8)(frame % 75);
}

static u32 toc_track(u8 *at, u8 track, u32 lba, bool msf)
{
    at[1] = 0x14; /* position, data track */
    at[2] = track;
    put_address(at + 4, lba, msf);
    return 8;
}

static u32 toc_tracks(struct ide_drive *drive, bool msf)
{
    u8 *data = drive->buffer;
    u32 length = 4;
    if (drive->packet[6] <= 1)
        length += toc_track(data + length, 1, 0, msf);
    length += toc_track(data + length, LEAD_OUT, cd_sectors(drive), msf);
    return length;
}

static u32 full_toc_entry(u8 *at, u8 point, u8 minute, u8 second, u8 frame)
{
    at[0] = 1; /* session */
    at[1] = 0x14;
    at[3] = point;
    at[8] = minute;
    at[9] = second;
    at[10] = frame;
    return 11;
}

static u32 full_toc(struct ide_drive *drive)
{
    u8 *data = drive->buffer, end[4];
    u32 length = 4;
    put_address(end, cd_sectors(drive), true);
    length += full_toc_entry(data + length, 0xa0, 1, 0, 0); /* first track; CD-ROM */
    length += full_toc_entry(data + length, 0xa1, 1, 0, 0); /* last track */
    length += full_toc_entry(data + length, 0xa2, end[1], end[2], end[3]);
    length += full_toc_entry(data + length, 1, 0, 2, 0);
    return length;
}

static void read_toc(struct ide_drive *drive)
{
    const u8 *packet = drive->packet;
    bool msf = packet[1] & 2;
    /* SFF-8020i has the format in byte 9, MMC in byte 2. */
    unsigned format = packet[2] & 15 ? packet[2] & 15 : packet[9] >> 6;
    bool wrong_track = format == 0 && packet[6] > 1 && packet[6] != LEAD_OUT;
    u32 length;
    if (format > 2 || wrong_track) {
        invalid_field(drive);
        return;
    }
    if (format == 0)
        length = toc_tracks(drive, msf);
    else if (format == 1)
        length = 4 + toc_track(drive->buffer + 4, 1, 0, msf);
    else
        length = full_toc(drive);
    put16(drive->buffer, length - 2);
    drive->buffer[2] = drive->buffer[3] = 1; /* first and last track or session */
    atapi_reply(drive, length, get16(packet + 7));
}

static void read_sub_channel(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    u32 length = 4;
    data[1] = 0x15; /* no audio status */
    if (drive->packet[2] & 0x40) {
        data[4] = drive->packet[3];
        length = drive->packet[3] == 1 ? 16 : 24;
    }
    put16(data + 2, length - 4);
    atapi_reply(drive, length, get16(drive->packet + 7));
}

static void read_disc_information(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    put16(data, 32);
    data[2] = 0x0e; /* complete disc, complete session */
    data[3] = data[4] = data[5] = data[6] = 1;
    data[7] = 0x20; /* unrestricted use */
    memset(data + 16, 0xff, 8); /* no further sessions */
    atapi_reply(drive, 34, get16(drive->packet + 7));
}

/* GET CONFIGURATION. */

static u32 put_feature(u8 *at, u16 code, u8 flags, const u8 *data, u8 length)
{
    put16(at, code);
    at[2] = flags; /* version, persistent, current */
    at[3] = length;
    memcpy(at + 4, data, length);
    return 4u + length;
}

static u16 current_profile(const struct ide_drive *drive)
{
    if (!has_medium(drive))
        return 0;
    return cd_sectors(drive) > CD_MAX_SECTORS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static void get_configuration(struct ide_drive *drive)
{
    u16 profile = current_profile(drive);
    const u8 profiles[8] = {0, PROFILE_DVD_ROM, profile == PROFILE_DVD_ROM, 0, 0, PROFILE_CD_ROM,
                            profile == PROFILE_CD_ROM, 0};
    static const u8 core[4] = {0, 0, 0, 2};      /* ATAPI */
    static const u8 removable[4] = {0x29, 0, 0, 0}; /* tray, eject, lock */
    static const u8 readable[8] = {0, 0, 8, 0, 0, 1, 0, 0}; /* 2048-byte blocks, one at a time */
    static const u8 cd_read[4] = {0, 0, 0, 0};
    const struct {
        u16 code;
        u8 flags, length;
        const u8 *data;
    } features[] = {
        {0x0000, 0x03, 8, profiles},
        {0x0001, 0x03, 4, core},
        {0x0003, 0x03, 4, removable},
        {0x0010, profile != 0, 8, readable},
        {0x001e, profile == PROFILE_CD_ROM, 4, cd_read},
        {0x001f, profile == PROFILE_DVD_ROM, 0, core},
    };
    unsigned request = drive->packet[1] & 3, start = get16(drive->packet + 2);
    u32 length = 8;
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        bool wanted = request == 2 ? features[i].code == start : features[i].code >= start;
        if (wanted && (request != 1 || features[i].flags & 1))
            length += put_feature(drive->buffer + length, features[i].code, features[i].flags, features[i].data,
                                  features[i].length);
    }
    put32(drive->buffer, length - 4);
    put16(drive->buffer + 6, profile);
    atapi_reply(drive, length, get16(drive->packet + 7));
}

static void get_event_status(struct ide_drive *drive)
{
    enum { CLASS_MEDIA = 4, EVENT_NEW_MEDIA = 2 };
    u8 *data = drive->buffer;
    if (!(drive->packet[1] & 1)) { /* only polling */
        invalid_field(drive);
        return;
    }
    data[3] = 1 << CLASS_MEDIA;
    if (!(drive->packet[4] & 1 << CLASS_MEDIA)) {
        data[2] = 0x80; /* no event of the classes that were asked for */
        put16(data, 2);
        atapi_reply(drive, 4, get16(drive->packet + 7));
        return;
    }
    put16(data, 6);
    data[2] = CLASS_MEDIA;
    data[4] = drive->medium_changed ? EVENT_NEW_MEDIA : 0;
    data[5] = (u8)((drive->tray_open ? 1 : 0) | (has_medium(drive) ? 2 : 0));
    atapi_reply(drive, 8, get16(drive->packet + 7));
}

/* MODE SENSE. */

static u32 put_page(struct ide_drive *drive, u8 *at, u8 page)
{
    switch (page) {
    case 0x01: /* read error recovery */
        at[0] = 0x01;
        at[1] = 6;
        at[3] = 5; /* retries */
        return 8;
    case 0x0e: /* audio control */
        at[0] = 0x0e;
        at[1] = 14;
        at[2] = 0x04;
        at[8] = 1;
        at[9] = 0xff;
        at[10] = 2;
        at[11] = 0xff;
        return 16;
    case 0x2a: /* capabilities and mechanical status */
        at[0] = 0x2a;
        at[1] = 18;
        at[2] = 0x3b; /* CD-R, CD-RW, DVD-ROM read */
        at[4] = 0x70; /* mode 2 forms, multisession */
        at[6] = (u8)(0x29 | (drive->locked ? 2 : 0)); /* tray, eject, lock, locked */
        put16(at + 8, 706);                            /* 4x, in KB/s */
        put16(at + 10, 2);
        put16(at + 12, IDE_BUFFER_SECTORS / 2);
        put16(at + 14, 706);
        return 20;
    default:
        return 0;
    }
}

static void mode_sense_10(struct ide_drive *drive)
{
    u8 *data = drive->buffer, page = drive->packet[2] & 0x3f, control = drive->packet[2] >> 6;
    u32 length = 8;
    if (control == 3) { /* saved values */
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, 0x39, 0);
        return;
    }
    if (page == 0x3f) {
        static const u8 all[] = {0x01, 0x0e, 0x2a};
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
            length += put_page(drive, data + length, all[i]);
    } else {
        length += put_page(drive, data + length, page);
    }
    if (length == 8) {
        invalid_field(drive);
        return;
    }
    put16(data, length - 2);
    data[2] = drive->tray_open ? 0x71 : drive->block ? 0x01 : 0x70; /* medium type of SFF-8020i */
    atapi_reply(drive, length, get16(drive->packet + 7));
}

static void mechanism_status(struct ide_drive *drive)
{
    drive->buffer[1] = drive->tray_open ? 0x10 : 0;
    drive->buffer[5] = 1; /* slots */
    atapi_reply(drive, 8, get16(drive->packet + 8));
}

/* Dispatch. */

enum { NEEDS_MEDIUM = 1, IGNORES_ATTENTION = 2 };

static const struct packet_command {
    u8 code, flags;
    void (*run)(struct ide_drive *drive);
} commands[] = {
    {0x00, NEEDS_MEDIUM, test_unit_ready},
    {0x03, IGNORES_ATTENTION, request_sense},
    {0x12, IGNORES_ATTENTION, inquiry},
    {0x1b, 0, start_stop},
    {0x1e, 0, prevent_allow},
    {0x25, NEEDS_MEDIUM, read_capacity},
    {0x28, NEEDS_MEDIUM, read_10},
    {0x2b, NEEDS_MEDIUM, seek},
    {0x35, 0, test_unit_ready}, /* SYNCHRONIZE CACHE: nothing to do */
    {0x42, NEEDS_MEDIUM, read_sub_channel},
    {0x43, NEEDS_MEDIUM, read_toc},
    {0x46, IGNORES_ATTENTION, get_configuration},
    {0x4a, IGNORES_ATTENTION, get_event_status},
    {0x4e, NEEDS_MEDIUM, test_unit_ready}, /* STOP PLAY/SCAN */
    {0x51, NEEDS_MEDIUM, read_disc_information},
    {0x5a, 0, mode_sense_10},
    {0xa8, NEEDS_MEDIUM, read_12},
    {0xbb, 0, test_unit_ready}, /* SET CD SPEED: any */
    {0xbd, 0, mechanism_status},
    {0xbe, NEEDS_MEDIUM, read_cd},
};

static const struct packet_command *find(u8 code)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].code == code)
            return &commands[i];
    }
    return NULL;
}

void atapi_execute(struct ide_drive *drive)
{
    const struct packet_command *command = find(drive->packet[0]);
    trace(IDE, "%s: packet %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x", drive->device_entry.id,
          drive->packet[0], drive->packet[1], drive->packet[2], drive->packet[3], drive->packet[4], drive->packet[5],
          drive->packet[6], drive->packet[7], drive->packet[8], drive->packet[9]);
    if (!command) {
        trace(UNIMP, "%s: packet command %02x", drive->device_entry.id, drive->packet[0]);
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE, 0);
        return;
    }
    if (drive->medium_changed && has_medium(drive) && !(command->flags & IGNORES_ATTENTION)) {
        drive->medium_changed = false;
        atapi_check(drive, SENSE_UNIT_ATTENTION, ASC_MEDIUM_CHANGED, 0);
        return;
    }
    if (command->flags & NEEDS_MEDIUM && !has_medium(drive)) {
        atapi_check(drive, SENSE_NOT_READY, ASC_NO_MEDIUM, drive->tray_open ? 2 : 1);
        return;
    }
    if (command->run != request_sense)
        drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
    command->run(drive);
}
