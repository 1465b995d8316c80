/*
 * Inside the floppy controller: i82077.c (registers, phases), i82077_commands.c (seeks and control),
 * i82077_transfer.c (sectors), i82077_media.c (disks).
 */
#ifndef DEVICES_I82077_INTERNAL_H
#define DEVICES_I82077_INTERNAL_H

#include "devices/i82077.h"

enum phase { PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT };

/* What a command in its execution phase waits for. */
enum stage {
    STAGE_NONE,
    STAGE_SEARCH, /* the timer: the next sector to come under the head */
    STAGE_FAILED, /* the timer: two index pulses without that sector */
    STAGE_HOST,   /* DMA, or the processor at the FIFO */
    STAGE_MEDIUM, /* the image (drain before saving) */
};

enum { DOR_SELECT = 0x03, DOR_RESET = 0x04, DOR_GATE = 0x08, DOR_MOTOR_0 = 0x10 };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLED = 0xc0, ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10 };
enum {
    ST1_END_OF_CYLINDER = 0x80,
    ST1_DATA_ERROR = 0x20,
    ST1_OVERRUN = 0x10,
    ST1_NO_DATA = 0x04,
    ST1_NOT_WRITABLE = 0x02,
    ST1_MISSING_MARK = 0x01,
};
enum {
    ST2_CONTROL_MARK = 0x40,
    ST2_DATA_ERROR = 0x20,
    ST2_WRONG_CYLINDER = 0x10,
    ST2_BAD_CYLINDER = 0x02,
    ST2_MISSING_DATA_MARK = 0x01,
};
enum { ST3_PROTECTED = 0x40, ST3_READY = 0x20, ST3_TRACK_0 = 0x10, ST3_TWO_SIDED = 0x08 };
enum { CONFIG_IMPLIED_SEEK = 0x40, CONFIG_NO_FIFO = 0x20, CONFIG_NO_POLL = 0x10, CONFIG_THRESHOLD = 0x0f };

/* The first command byte. */
enum { COMMAND_MT = 0x80, COMMAND_MFM = 0x40, COMMAND_SK = 0x20, COMMAND_CODE = 0x1f };
enum {
    READ_TRACK = 0x02,
    WRITE_DATA = 0x05,
    READ_DATA = 0x06,
    WRITE_DELETED = 0x09,
    READ_ID = 0x0a,
    READ_DELETED = 0x0c,
    FORMAT_TRACK = 0x0d,
    VERIFY = 0x16,
};
enum { UNIT_SELECT = 0x03, UNIT_HEAD = 0x04, VERIFY_COUNT = 0x80 };

/* Guest time.  A real drive takes 3 ms a step, 11 ms a sector and up to 200 ms for the first one; ours is quick, but
 * never so quick that an interrupt comes before the software is ready for it. */
#define STEP_NS 50000ull
#define SETTLE_NS 500000ull
#define FIRST_SECTOR_NS 500000ull
#define SECTOR_NS 100000ull
#define NOT_FOUND_NS 20000000ull
#define REVOLUTION_NS 200000000ull

/* i82077.c */

/* Ends of commands: `length` bytes that stand in fdc->fifo, with or without an interrupt. */
void i82077_result(struct i82077 *fdc, unsigned length, bool interrupt);
void i82077_done(struct i82077 *fdc);
void i82077_update(struct i82077 *fdc);
/* The drive that DOR selects, or NULL where the cable has none. */
struct floppy_drive *i82077_selected(struct i82077 *fdc);
bool i82077_motor_on(const struct i82077 *fdc, unsigned unit);

/* i82077_transfer.c */

/* Commands that move data or look for a sector: begins the execution phase of what stands in fdc->fifo. */
void i82077_execute(struct i82077 *fdc);
/* Takes back what is under way: reset. */
void i82077_stop(struct i82077 *fdc);
/* The disk in a drive goes: a command that works with it fails. */
void i82077_abandon(struct i82077 *fdc, int unit);
u8 i82077_pio_read(struct i82077 *fdc);
void i82077_pio_write(struct i82077 *fdc, u8 value);
bool i82077_to_host(const struct i82077 *fdc);
void i82077_transfer_init(struct i82077 *fdc);

/* i82077_commands.c */

/* How many bytes the command that begins with `code` has; 1 for an invalid one. */
unsigned i82077_command_length(u8 code);
void i82077_command(struct i82077 *fdc);
void i82077_commands_init(struct i82077 *fdc);
/* Moves a drive's head by so many steps, at once; NULL is fine. */
void i82077_step(struct floppy_drive *drive, int steps);

static inline bool i82077_dma_mode(const struct i82077 *fdc)
{
    return !(fdc->specify[1] & 1);
}

#endif
