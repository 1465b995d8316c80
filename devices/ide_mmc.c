/*
 * ATAPI CD-ROM drive: the packet commands.
 *
 * Source: T10 MMC-3 (INCITS 360), command descriptions; SPC-2 for INQUIRY, REQUEST SENSE and MODE SENSE.
 * Modelled: a reader of CDs with data and audio: READ(10), READ(12), READ CD and READ CD MSF, READ CAPACITY, GET
 *   CONFIGURATION, GET EVENT STATUS NOTIFICATION, MODE SENSE(10) and MODE SELECT(10), START STOP UNIT, PREVENT ALLOW,
 *   SEEK, SET CD SPEED, MECHANISM STATUS; ide_cdtoc.c and ide_cdplay.c have the rest.  Discs larger than a CD are
 *   DVD-ROMs.
 * Not modelled: DVD structures and keys: illegal requests.
 */
#include <string.h>

#include "devices/ide_atapi.h"
#include "machine/trace.h"

enum { PROFILE_CD_ROM = 0x08, PROFILE_DVD_ROM = 0x10 };

static bool has_medium(const struct ide_drive *drive)
{
    return drive->block && !drive->tray_open;
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
    if (drive->sense_key == 0 && drive->sense_code == ASC_NO_SENSE && has_medium(drive)) {
        cd_audio_update(&drive->audio);
        data[13] = drive->audio.status; /* "audio play operation in progress", and so on */
    }
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
        atapi_invalid_field(drive);
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
    cd_audio_stop(&drive->audio);
    drive->tray_open = true;
    drive->media_event = MEDIA_REMOVAL;
    atapi_good(drive);
}

static void start_stop(struct ide_drive *drive)
{
    u8 action = drive->packet[4] & 3;
    if (action == 2) {
        eject(drive);
        return;
    }
    if (action == 0)
        cd_audio_stop(&drive->audio);
    if (action == 3 && drive->tray_open) {
        drive->tray_open = false;
        ide_atapi_tell_change(drive);
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
    put32(drive->buffer, drive->disc.lead_out - 1);
    put32(drive->buffer + 4, DISC_USER_BYTES);
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

static void read_fields(struct ide_drive *drive, u32 lba, u32 count)
{
    bool nothing = !(drive->packet[9] & 0xfe) && !(drive->packet[10] & 7);
    if (nothing || count == 0)
        atapi_good(drive);
    else if (cd_frame_limit(drive) == 0)
        atapi_invalid_field(drive);
    else
        atapi_read(drive, lba, count);
}

static void read_cd(struct ide_drive *drive)
{
    read_fields(drive, get32(drive->packet + 2), (u32)drive->packet[6] << 16 | get16(drive->packet + 7));
}

static void read_cd_msf(struct ide_drive *drive)
{
    u32 start = get_msf(drive->packet + 3), end = get_msf(drive->packet + 6);
    if ((i32)start < 0 || (i32)end < (i32)start)
        atapi_invalid_field(drive);
    else
        read_fields(drive, start, end - start);
}

static void seek(struct ide_drive *drive)
{
    u32 lba = get32(drive->packet + 2);
    if (lba >= drive->disc.lead_out) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
        return;
    }
    cd_audio_stop(&drive->audio);
    drive->audio.position = lba;
    atapi_good(drive);
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
    return drive->disc.lead_out > DISC_MAX_FRAMES ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static void get_configuration(struct ide_drive *drive)
{
    u16 profile = current_profile(drive);
    const u8 profiles[8] = {0, PROFILE_DVD_ROM, profile == PROFILE_DVD_ROM, 0,
                            0, PROFILE_CD_ROM,  profile == PROFILE_CD_ROM,  0};
    static const u8 core[4] = {0, 0, 0, 2};                 /* ATAPI */
    static const u8 removable[4] = {0x29, 0, 0, 0};         /* tray, eject, lock */
    static const u8 readable[8] = {0, 0, 8, 0, 0, 1, 0, 0}; /* 2048-byte blocks, one at a time */
    static const u8 cd_read[4] = {0, 0, 0, 0};
    static const u8 audio_play[4] = {3, 0, 1, 0}; /* a volume and mute for each port; 256 levels */
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
        {0x0103, profile == PROFILE_CD_ROM, 4, audio_play},
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
    enum { CLASS_MEDIA = 4 };
    u8 *data = drive->buffer;
    if (!(drive->packet[1] & 1)) { /* only polling */
        atapi_invalid_field(drive);
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
    data[4] = drive->media_event;
    drive->media_event = MEDIA_NO_EVENT;
    data[5] = (u8)((drive->tray_open ? 1 : 0) | (has_medium(drive) ? 2 : 0));
    atapi_reply(drive, 8, get16(drive->packet + 7));
}

/* MODE SENSE, MODE SELECT. */

enum { PAGE_RECOVERY = 0x01, PAGE_CD_ROM = 0x0d, PAGE_AUDIO = 0x0e, PAGE_CAPABILITIES = 0x2a, PAGE_ALL = 0x3f };
enum { VALUES_CURRENT, VALUES_CHANGEABLE, VALUES_DEFAULT, VALUES_SAVED };

static void put_audio_page(const struct cd_audio *audio, u8 *at, u8 values)
{
    at[2] = values == VALUES_CHANGEABLE ? 0 : 0x04; /* Immed */
    for (int port = 0; port < 2; port++) {
        at[8 + 2 * port] = values == VALUES_CHANGEABLE ? 0x0f : values ? (u8)(port + 1) : audio->channel[port];
        at[9 + 2 * port] = values ? 0xff : audio->volume[port];
    }
}

static void put_capabilities(const struct ide_drive *drive, u8 *at)
{
    at[2] = 0x3b;                                 /* CD-R, CD-RW, DVD-ROM read */
    at[4] = 0x71;                                 /* audio play, mode 2 forms, multisession */
    at[5] = 0x63;                                 /* CD-DA by READ CD, exact to the sample; ISRC, catalogue number */
    at[6] = (u8)(0x29 | (drive->locked ? 2 : 0)); /* tray, eject, lock, locked */
    at[7] = 0x03;                                 /* a volume and mute for each port */
    put16(at + 8, 706);                           /* 4x, in KB/s */
    put16(at + 10, 256);                          /* volume levels */
    put16(at + 12, IDE_BUFFER_SECTORS / 2);
    put16(at + 14, 706);
}

static u32 put_page(struct ide_drive *drive, u8 *at, u8 page, u8 values)
{
    static const u8 length[64] = {[PAGE_RECOVERY] = 6, [PAGE_CD_ROM] = 6, [PAGE_AUDIO] = 14, [PAGE_CAPABILITIES] = 18};
    if (!length[page])
        return 0;
    at[0] = page;
    at[1] = length[page];
    if (page == PAGE_AUDIO) {
        put_audio_page(&drive->audio, at, values);
    } else if (values == VALUES_CHANGEABLE) {
        return 2u + length[page]; /* nothing */
    } else if (page == PAGE_RECOVERY) {
        at[3] = 5; /* retries */
    } else if (page == PAGE_CD_ROM) {
        at[3] = 0x0d; /* inactivity: 32 minutes */
        put16(at + 4, 60);
        put16(at + 6, 75);
    } else {
        put_capabilities(drive, at);
    }
    return 2u + length[page];
}

/* Medium types of SFF-8020i: 120 mm with data, audio, both. */
static u8 medium_type(const struct ide_drive *drive)
{
    bool kinds[2] = {false, false};
    if (!has_medium(drive))
        return drive->tray_open ? 0x71 : 0x70;
    for (int i = 0; i < drive->disc.count; i++)
        kinds[drive->disc.track[i].mode == DISC_AUDIO] = true;
    return kinds[1] ? (kinds[0] ? 0x03 : 0x02) : 0x01;
}

static void mode_sense_10(struct ide_drive *drive)
{
    u8 *data = drive->buffer, page = drive->packet[2] & 0x3f, values = drive->packet[2] >> 6;
    u32 length = 8;
    if (values == VALUES_SAVED) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, 0x39, 0);
        return;
    }
    for (u8 i = 0; i < PAGE_ALL; i++)
        if (page == PAGE_ALL || i == page)
            length += put_page(drive, data + length, i, values);
    if (length == 8) {
        atapi_invalid_field(drive);
        return;
    }
    put16(data, length - 2);
    data[2] = medium_type(drive);
    atapi_reply(drive, length, get16(drive->packet + 7));
}

static void mode_select_10(struct ide_drive *drive)
{
    u32 length = get16(drive->packet + 7);
    if (length)
        atapi_receive(drive, length);
    else
        atapi_good(drive);
}

/* The parameter list: a header of 8 bytes, block descriptors, pages. */
static void mode_selected(struct ide_drive *drive)
{
    const u8 *data = drive->buffer;
    u32 end = drive->buffered, at = 8 + (end >= 8 ? get16(data + 6) : 0);
    while (at + 2 <= end && at + 2 + data[at + 1] <= end) {
        const u8 *page = data + at;
        u8 code = page[0] & 0x3f;
        if (code == PAGE_AUDIO && page[1] >= 10)
            cd_audio_set_ports(&drive->audio, (u8[2]){page[8], page[10]}, (u8[2]){page[9], page[11]});
        else if (code != PAGE_RECOVERY && code != PAGE_CD_ROM)
            break;
        at += 2u + page[1];
    }
    if (at == end)
        atapi_good(drive);
    else
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, at + 2 > end ? ASC_PARAMETER_LENGTH : ASC_INVALID_PARAMETER, 0);
}

void atapi_received(struct ide_drive *drive)
{
    mode_selected(drive);
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
    {0x42, NEEDS_MEDIUM, cd_read_sub_channel},
    {0x43, NEEDS_MEDIUM, cd_read_toc},
    {0x44, NEEDS_MEDIUM, cd_read_header},
    {0x45, NEEDS_MEDIUM, cd_play_audio},
    {0x46, IGNORES_ATTENTION, get_configuration},
    {0x47, NEEDS_MEDIUM, cd_play_audio_msf},
    {0x4a, IGNORES_ATTENTION, get_event_status},
    {0x4b, NEEDS_MEDIUM, cd_pause_resume},
    {0x4e, NEEDS_MEDIUM, cd_stop_play},
    {0x51, NEEDS_MEDIUM, cd_read_disc_information},
    {0x52, NEEDS_MEDIUM, cd_read_track_information},
    {0x55, 0, mode_select_10},
    {0x5a, 0, mode_sense_10},
    {0xa5, NEEDS_MEDIUM, cd_play_audio},
    {0xa8, NEEDS_MEDIUM, read_12},
    {0xb9, NEEDS_MEDIUM, read_cd_msf},
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
    trace(IDE, "%s: packet %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x", drive->device_entry.id, drive->packet[0],
          drive->packet[1], drive->packet[2], drive->packet[3], drive->packet[4], drive->packet[5], drive->packet[6],
          drive->packet[7], drive->packet[8], drive->packet[9]);
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
