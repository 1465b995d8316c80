/*
 * ATAPI CD-ROM drive: the PACKET protocol and its data transfers.  The packet commands' answers are in ide_mmc.c.
 *
 * Source: T13/1321D ATA/ATAPI-5, "PACKET Command feature set", "PACKET command protocol"; SFF-8020i.
 * Modelled: PACKET by PIO with byte count limits and by DMA, interrupt reason, IDENTIFY PACKET DEVICE, DEVICE RESET,
 *   the signature on disk commands, SET FEATURES transfer modes, power modes as commands that succeed.
 *   Data from the host (MODE SELECT) by PIO and DMA.
 * Not modelled: overlap.
 */
#include <errno.h>
#include <string.h>

#include "devices/ide_atapi.h"
#include "machine/trace.h"

enum {
    CMD_PACKET = 0xa0,
    CMD_IDENTIFY_PACKET = 0xa1,
    CMD_SET_FEATURES = 0xef,
    CMD_IDENTIFY = 0xec,
};

/* Interrupt reason, in the Sector Count register. */
enum { REASON_COMMAND = 0x01, REASON_TO_HOST = 0x02 };

#define PACKET_BYTES 12
#define FEATURE_DMA 0x01
#define USER_SECTORS (DISC_USER_BYTES / SECTOR_SIZE)

/* Ends of a packet command. */

void atapi_good(struct ide_drive *drive)
{
    drive->count[0] = REASON_COMMAND | REASON_TO_HOST;
    ide_complete(drive);
}

void atapi_check(struct ide_drive *drive, u8 key, u8 code, u8 qualifier)
{
    drive->sense_key = key;
    drive->sense_code = code;
    drive->sense_qualifier = qualifier;
    drive->left = 0;
    drive->count[0] = REASON_COMMAND | REASON_TO_HOST;
    ide_fail(drive, (u8)(key << 4 | ERROR_ABRT));
}

/* Data to the host. */

/* The next DRQ block of the buffer, its size in the byte count registers. */
static void set_byte_count(struct ide_drive *drive, u32 position, u32 buffered)
{
    u32 block = MIN(buffered - position, (u32)drive->byte_limit);
    drive->count[0] = REASON_TO_HOST;
    drive->lba_mid[0] = (u8)block;
    drive->lba_high[0] = (u8)(block >> 8);
}

static void send(struct ide_drive *drive, u32 bytes)
{
    if (drive->packet_dma) {
        ide_start_dma(drive, bytes, true);
        return;
    }
    set_byte_count(drive, 0, bytes);
    ide_offer(drive, bytes, drive->byte_limit);
}

void atapi_reply(struct ide_drive *drive, u32 length, u32 allocation)
{
    u32 bytes = MIN(length, allocation);
    drive->left = 0;
    if (bytes == 0)
        atapi_good(drive);
    else
        send(drive, bytes);
}

/* Reading the disc: lba and left count 512-byte sectors. */

/* Frames that the buffer takes, as they are stored and as they are sent. */
static u32 frames_at_once(const struct ide_drive *drive)
{
    u32 bytes = MAX(drive->frame_sectors * SECTOR_SIZE, cd_frame_limit(drive));
    return MIN(drive->left / drive->frame_sectors, (u32)sizeof(drive->buffer) / MAX(bytes, 1u));
}

static void fetch(struct ide_drive *drive)
{
    u32 count = frames_at_once(drive) * drive->frame_sectors;
    u64 end = block_sectors(drive->block); /* the last CD sector may be incomplete */
    u64 there = drive->lba < end ? end - drive->lba : 0;
    u32 wanted = (u32)MIN((u64)count, there);
    memset(drive->buffer + (size_t)wanted * SECTOR_SIZE, 0, (size_t)(count - wanted) * SECTOR_SIZE);
    ide_submit(drive, BLOCK_READ, drive->lba, wanted);
}

void atapi_read(struct ide_drive *drive, u32 lba, u32 count)
{
    u32 sectors = drive->disc.lead_out;
    if (lba >= sectors || count > sectors - lba || count > UINT32_MAX / drive->frame_sectors) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
        return;
    }
    if (count == 0) {
        atapi_good(drive);
        return;
    }
    cd_audio_stop(&drive->audio); /* there is one pick-up */
    drive->audio.position = lba;
    drive->lba = (u64)lba * drive->frame_sectors;
    drive->left = count * drive->frame_sectors;
    fetch(drive);
}

/* Frames as stored, in the buffer, become what is sent of them: in place, so in the order that overwrites none unread.
 * Bytes, or an additional sense code, negative. */
static int take_frames(struct ide_drive *drive, u32 count)
{
    u8 stored[DISC_FRAME_BYTES], out[DISC_FRAME_BYTES];
    u32 size = drive->frame_sectors * SECTOR_SIZE, first = (u32)(drive->lba / drive->frame_sectors);
    int each = cd_frame_take(drive, first, drive->buffer, out);
    for (u32 i = 0; i < count && each >= 0; i++) {
        u32 n = each > (int)size ? count - 1 - i : i;
        memcpy(stored, drive->buffer + (size_t)n * size, size);
        int length = cd_frame_take(drive, first + n, stored, out);
        if (length != each) /* the kind of sector changes within the request */
            return length < 0 ? length : -ASC_ILLEGAL_MODE;
        memcpy(drive->buffer + (size_t)n * (u32)each, out, (u32)each);
    }
    return each < 0 ? each : (int)count * each;
}

void ide_atapi_medium_done(struct ide_drive *drive, int result)
{
    if (result == -ENOMEDIUM) {
        atapi_check(drive, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
        return;
    }
    if (result < 0) {
        atapi_check(drive, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ, 0);
        return;
    }
    u32 count = frames_at_once(drive);
    int bytes = take_frames(drive, count);
    if (bytes < 0) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, (u8)-bytes, 0);
        return;
    }
    drive->lba += count * drive->frame_sectors;
    drive->left -= count * drive->frame_sectors;
    send(drive, (u32)bytes);
}

static void data_sent(struct ide_drive *drive)
{
    if (drive->left)
        fetch(drive);
    else
        atapi_good(drive);
}

void ide_atapi_dma_done(struct ide_drive *drive)
{
    if (drive->phase == IDE_DMA_OUT)
        atapi_received(drive);
    else
        data_sent(drive);
}

/* Data from the host. */

void atapi_receive(struct ide_drive *drive, u32 length)
{
    if (drive->packet_dma) {
        ide_start_dma(drive, length, false);
        return;
    }
    set_byte_count(drive, 0, length);
    drive->count[0] = 0;
    ide_want(drive, length, drive->byte_limit, true);
}

static void packet_received(struct ide_drive *drive)
{
    memcpy(drive->packet, drive->buffer, PACKET_BYTES);
    memset(drive->buffer, 0, DISC_USER_BYTES);
    atapi_execute(drive);
}

void ide_atapi_block_through(struct ide_drive *drive)
{
    bool to_drive = drive->phase == IDE_PIO_OUT;
    if (to_drive && drive->count[0] & REASON_COMMAND) {
        packet_received(drive);
    } else if (drive->position < drive->buffered) {
        set_byte_count(drive, drive->position, drive->buffered);
        drive->count[0] = to_drive ? 0 : REASON_TO_HOST;
        ide_next_block(drive, drive->byte_limit);
    } else if (to_drive) {
        atapi_received(drive);
    } else if (drive->command == CMD_IDENTIFY_PACKET) {
        drive->phase = IDE_IDLE;
        drive->status = STATUS_DRDY | STATUS_DSC;
    } else {
        data_sent(drive);
    }
}

/* ATA commands. */

static void start_packet(struct ide_drive *drive)
{
    u32 limit = drive->lba_mid[0] | drive->lba_high[0] << 8;
    drive->packet_dma = drive->feature[0] & FEATURE_DMA;
    if (drive->packet_dma && !drive->channel->master.transfer) {
        ide_abort(drive);
        return;
    }
    limit &= ~1u;
    drive->byte_limit = (u16)(limit ? limit : 0xfffe);
    drive->count[0] = REASON_COMMAND;
    ide_want(drive, PACKET_BYTES, PACKET_BYTES, false);
}

static void identify_packet(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    memset(data, 0, SECTOR_SIZE);
    ide_put_word(data, 0, 0x85c0); /* ATAPI, CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    ide_put_string(data, 10, 10, drive->serial);
    ide_put_string(data, 23, 4, drive->firmware);
    ide_put_string(data, 27, 20, drive->model);
    ide_identify_modes(drive, data);
    ide_put_word(data, 80, 0x007e);
    ide_put_word(data, 82, 0x0218); /* DEVICE RESET, PACKET, power management */
    ide_put_word(data, 83, 0x4000);
    ide_put_word(data, 84, 0x4000);
    ide_put_word(data, 85, 0x0218);
    ide_put_word(data, 87, 0x4000);
    ide_put_word(data, 93, drive->unit ? 0x6b00 : 0x600b);
    ide_offer(drive, SECTOR_SIZE, SECTOR_SIZE);
}

static void set_features(struct ide_drive *drive)
{
    bool known = drive->feature[0] == 0x66 || drive->feature[0] == 0xcc;
    if (known || (drive->feature[0] == 0x03 && ide_set_transfer_mode(drive)))
        ide_complete(drive);
    else
        ide_abort(drive);
}

static bool is_power_command(u8 command)
{
    return command >= 0xe0 && command <= 0xe6 && command != 0xe4;
}

void ide_atapi_command(struct ide_drive *drive)
{
    u8 command = drive->command;
    if (command == CMD_PACKET) {
        start_packet(drive);
    } else if (command == CMD_IDENTIFY_PACKET) {
        identify_packet(drive);
    } else if (command == CMD_SET_FEATURES) {
        set_features(drive);
    } else if (is_power_command(command)) {
        drive->count[0] = command == 0xe5 ? 0xff : drive->count[0];
        ide_complete(drive);
        if (command == 0xe6)
            drive->phase = IDE_ASLEEP;
    } else {
        /* "IDENTIFY DEVICE", "READ SECTOR(S)": a PACKET device aborts and shows its signature. */
        if (command == CMD_IDENTIFY || command == 0x20)
            ide_put_signature(drive);
        ide_abort(drive);
    }
}

void ide_atapi_reset(struct ide_drive *drive, bool power_on)
{
    drive->heads = drive->sectors = drive->cylinders = 1;
    drive->sense_key = drive->sense_code = drive->sense_qualifier = 0;
    drive->lba = 0;
    drive->locked = false;
    cd_audio_reset(&drive->audio);
    if (!power_on)
        return;
    drive->tray_open = drive->medium_changed = false;
    drive->media_event = MEDIA_NO_EVENT;
    drive->transfer_mode = 0;
}

/* An image of user data alone is one track of mode 1. */
static void single_track(struct ide_drive *drive)
{
    u64 sectors = (drive->total + USER_SECTORS - 1) / USER_SECTORS;
    drive->frame_sectors = USER_SECTORS;
    drive->total = sectors * USER_SECTORS;
    drive->disc = (struct disc){.first = 1, .count = 1, .lead_out = (u32)MIN(sectors, 0xffffffffull)};
    drive->disc.track[0] = (struct disc_track){.control = DISC_DATA, .mode = DISC_MODE1};
}

void ide_atapi_insert(struct ide_drive *drive)
{
    const struct disc *disc = drive->block ? block_disc(drive->block) : NULL;
    if (!disc) {
        single_track(drive);
        return;
    }
    drive->disc = *disc;
    drive->frame_sectors = DISC_FRAME_SECTORS;
}

void ide_atapi_tell_change(struct ide_drive *drive)
{
    drive->medium_changed = drive->block != NULL;
    drive->media_event = drive->block ? MEDIA_NEW : MEDIA_REMOVAL;
}
