/*
 * Between the PACKET protocol (ide_atapi.c) and the packet commands (ide_mmc.c).
 */
#ifndef DEVICES_IDE_ATAPI_H
#define DEVICES_IDE_ATAPI_H

#include "devices/ide_internal.h"

#define CD_SECTOR 2048

/* Sense keys and additional sense codes: SPC-2, "Sense data". */
enum {
    SENSE_NOT_READY = 0x02,
    SENSE_MEDIUM_ERROR = 0x03,
    SENSE_ILLEGAL_REQUEST = 0x05,
    SENSE_UNIT_ATTENTION = 0x06,
};
enum {
    ASC_UNRECOVERED_READ = 0x11,
    ASC_INVALID_OPCODE = 0x20,
    ASC_LBA_OUT_OF_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL = 0x53,
};

/* Carries out drive->packet; the first 2048 bytes of the buffer are zeros. */
void atapi_execute(struct ide_drive *drive);

/* How a command ends. */
void atapi_good(struct ide_drive *drive);
void atapi_check(struct ide_drive *drive, u8 key, u8 code, u8 qualifier);
/* Sends the first `length` bytes of the buffer, at most the `allocation` that the packet allows. */
void atapi_reply(struct ide_drive *drive, u32 length, u32 allocation);
/* Sends sectors of 2048 bytes. */
void atapi_read(struct ide_drive *drive, u32 lba, u32 count);

#endif
