/*
 * Shared by the files of the ATA channel: ide.c (registers, protocol), ide_ata.c (disk commands), ide_atapi.c (PACKET).
 */
#ifndef DEVICES_IDE_INTERNAL_H
#define DEVICES_IDE_INTERNAL_H

#include "devices/ide.h"

/* Status register. */
enum {
    STATUS_ERR = 0x01, /* CHK in ATAPI */
    STATUS_DRQ = 0x08,
    STATUS_DSC = 0x10,
    STATUS_DF = 0x20,
    STATUS_DRDY = 0x40,
    STATUS_BSY = 0x80,
};

/* Error register. */
enum {
    ERROR_ABRT = 0x04,
    ERROR_IDNF = 0x10,
    ERROR_UNC = 0x40,
};

/* Device/Head register. */
enum { DEVICE_DEV = 0x10, DEVICE_LBA = 0x40 };

/* Device Control register. */
enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04, CONTROL_HOB = 0x80 };

/* ide.c: steps of the protocol. */
void ide_raise(struct ide_drive *drive);
/* The command ended: status, INTRQ. */
void ide_complete(struct ide_drive *drive);
void ide_fail(struct ide_drive *drive, u8 error);
static inline void ide_abort(struct ide_drive *drive) { ide_fail(drive, ERROR_ABRT); }
/* `bytes` of the buffer are for the host, the first DRQ block of `block` bytes now, with INTRQ. */
void ide_offer(struct ide_drive *drive, u32 bytes, u32 block);
/* `bytes` are wanted from the host, the first DRQ block of `block` bytes now. */
void ide_want(struct ide_drive *drive, u32 bytes, u32 block, bool interrupt);
/* Go on with a transfer whose DRQ block is through: the next `block` bytes of the buffer. */
void ide_next_block(struct ide_drive *drive, u32 block);
/* Hand the buffer to the bus master; ide_*_dma_done is called when all of it is moved. */
void ide_start_dma(struct ide_drive *drive, u32 bytes, bool to_memory);
/* BSY until ide_*_medium_done.  `sector` counts 512 bytes. */
void ide_submit(struct ide_drive *drive, enum block_operation operation, u64 sector, u32 count);
void ide_put_signature(struct ide_drive *drive);
/* EXECUTE DEVICE DIAGNOSTIC, for both drives. */
void ide_diagnose(struct ide_channel *channel);
/* Words of IDENTIFY data: ATA strings have their bytes swapped. */
void ide_put_word(u8 *data, unsigned word, u16 value);
void ide_put_string(u8 *data, unsigned word, unsigned words, const char *text);
/* Words 63 and 88, 49, 53, 64-68: the transfer modes. */
void ide_identify_modes(struct ide_drive *drive, u8 *data);
/* SET FEATURES 03h with the mode in Sector Count; false if it is not supported. */
bool ide_set_transfer_mode(struct ide_drive *drive);

/* One set each for disks and CD-ROM drives. */
void ide_ata_command(struct ide_drive *drive);
void ide_ata_block_through(struct ide_drive *drive);
void ide_ata_medium_done(struct ide_drive *drive, int result);
void ide_ata_dma_done(struct ide_drive *drive);
void ide_ata_reset(struct ide_drive *drive, bool power_on);

void ide_atapi_command(struct ide_drive *drive);
void ide_atapi_block_through(struct ide_drive *drive);
void ide_atapi_medium_done(struct ide_drive *drive, int result);
void ide_atapi_dma_done(struct ide_drive *drive);
void ide_atapi_reset(struct ide_drive *drive, bool power_on);
/* drive->block is another one: reads what is on the disc. */
void ide_atapi_insert(struct ide_drive *drive);
/* The guest has to hear of another disc, or of none. */
void ide_atapi_tell_change(struct ide_drive *drive);

/* Event codes of the media class: MMC-3, "GET EVENT STATUS NOTIFICATION". */
enum { MEDIA_NO_EVENT, MEDIA_EJECT_REQUEST, MEDIA_NEW, MEDIA_REMOVAL };

#endif
