/*
 * Between the PACKET protocol (ide_atapi.c) and the packet commands (ide_mmc.c).
 */
#ifndef DEVICES_IDE_ATAPI_H
#define DEVICES_IDE_ATAPI_H

#include "devices/ide_internal.h"

/* Sense keys and additional sense codes: SPC-2, "Sense data". */
enum {
    SENSE_NOT_READY = 0x02,
    SENSE_MEDIUM_ERROR = 0x03,
    SENSE_ILLEGAL_REQUEST = 0x05,
    SENSE_UNIT_ATTENTION = 0x06,
};
enum {
    ASC_NO_SENSE = 0x00,
    ASC_UNRECOVERED_READ = 0x11,
    ASC_PARAMETER_LENGTH = 0x1a,
    ASC_INVALID_OPCODE = 0x20,
    ASC_LBA_OUT_OF_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24,
    ASC_INVALID_PARAMETER = 0x26,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_SEQUENCE_ERROR = 0x2c,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL = 0x53,
    ASC_ILLEGAL_MODE = 0x64, /* for this track */
};

/* Carries out drive->packet; the first 2048 bytes of the buffer are zeros. */
void atapi_execute(struct ide_drive *drive);

/* How a command ends. */
void atapi_good(struct ide_drive *drive);
void atapi_check(struct ide_drive *drive, u8 key, u8 code, u8 qualifier);
/* Sends the first `length` bytes of the buffer, at most the `allocation` that the packet allows. */
void atapi_reply(struct ide_drive *drive, u32 length, u32 allocation);
/* Sends of each frame what ide_cdframe.c takes out of it. */
void atapi_read(struct ide_drive *drive, u32 lba, u32 count);
/* Wants `length` bytes of parameters, and calls atapi_received when they are in the buffer. */
void atapi_receive(struct ide_drive *drive, u32 length);
void atapi_received(struct ide_drive *drive);
static inline void atapi_invalid_field(struct ide_drive *drive)
{
    atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0);
}

/* ide_cdframe.c: what the packet (READ, READ CD) wants of a frame. */

/* Bytes of a frame at most; 0: the packet asks for what there is not. */
u32 cd_frame_limit(const struct ide_drive *drive);
/* Writes it out; returns its length, or an additional sense code, negative. */
int cd_frame_take(const struct ide_drive *drive, u32 address, const u8 *stored, u8 *out);
/* The Q channel: ECMA-130, "q-channel", mode 1; 12 bytes. */
void cd_make_q(const struct disc *disc, u32 address, u8 q[12]);

/* ide_cdtoc.c: packet commands on what the disc holds and where. */
void cd_read_toc(struct ide_drive *drive);
void cd_read_sub_channel(struct ide_drive *drive);
void cd_read_header(struct ide_drive *drive);
void cd_read_disc_information(struct ide_drive *drive);
void cd_read_track_information(struct ide_drive *drive);

/* ide_cdplay.c: packet commands on audio. */
void cd_play_audio(struct ide_drive *drive);    /* (10), (12) */
void cd_play_audio_msf(struct ide_drive *drive);
void cd_pause_resume(struct ide_drive *drive);
void cd_stop_play(struct ide_drive *drive);

/* Numbers of packets: most significant byte first. */
static inline void put16(u8 *at, u32 value)
{
    at[0] = (u8)(value >> 8);
    at[1] = (u8)value;
}
static inline void put32(u8 *at, u32 value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}
static inline u32 get16(const u8 *at) { return (u32)at[0] << 8 | at[1]; }
static inline u32 get32(const u8 *at) { return get16(at) << 16 | get16(at + 2); }
/* Minutes, seconds, frames; address 0 is at 00:02:00.  An address before that wraps around. */
static inline u32 get_msf(const u8 *at) { return ((u32)at[0] * 60 + at[1]) * 75 + at[2] - DISC_PREGAP; }

#endif
