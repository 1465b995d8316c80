/*
 * Commands of the 82077AA that move no data: seeks, status, set-up.
 *
 * Source: Intel 82077AA datasheet (290166), "Command Set/Descriptions", "Control Commands".
 */
#include <string.h>

#include "devices/i82077_internal.h"
#include "machine/trace.h"

#define RECALIBRATE_STEPS 79
#define VERSION_82077 0x90

/* Seeks. */

/* A step pulse with a disk in the drive takes the disk change line back. */
void i82077_step(struct floppy_drive *drive, int steps)
{
    if (!drive || !steps)
        return;
    int track = drive->track + steps;
    drive->track = MAX(0, MIN(track, FLOPPY_MAX_CYLINDERS - 1));
    if (drive->block)
        drive->changed = false;
}

/* DS0-DS1 of a command choose the counter and the status; the pulses go where DOR says. */
static void begin_seek(struct i82077 *fdc, u8 new_pcn, int steps, u8 status)
{
    unsigned number = fdc->fifo[1] & UNIT_SELECT;
    fdc->seek_unit[number] = fdc->dor & DOR_SELECT;
    fdc->seek_steps[number] = steps;
    fdc->seek_pcn[number] = new_pcn;
    fdc->seek_status[number] = ST0_SEEK_END | status | number;
    fdc->seeking |= 1 << number;
    fdc->sought &= ~(1 << number);
    u64 pulses = steps < 0 ? -steps : steps;
    timer_set(&fdc->seek_timer[number], clock_ns(fdc->clock) + SETTLE_NS + pulses * STEP_NS);
    i82077_done(fdc);
}

static void end_seek(struct i82077 *fdc, unsigned number)
{
    unsigned unit = fdc->seek_unit[number];
    bool there = unit < ARRAY_SIZE(fdc->drive) && fdc->drive[unit].type;
    i82077_step(there ? &fdc->drive[unit] : NULL, fdc->seek_steps[number]);
    fdc->pcn[number] = fdc->seek_pcn[number];
    fdc->seeking &= ~(1 << number);
    fdc->sought |= 1 << number;
    fdc->polled = 0; /* Unverified: but OpenBSD senses this end only, without having sensed the reset's four */
    fdc->interrupt = true;
    trace(FDC, "drive %u: track %u", number, fdc->pcn[number]);
    i82077_update(fdc);
}

static void seek_0(void *opaque)
{
    end_seek(opaque, 0);
}
static void seek_1(void *opaque)
{
    end_seek(opaque, 1);
}
static void seek_2(void *opaque)
{
    end_seek(opaque, 2);
}
static void seek_3(void *opaque)
{
    end_seek(opaque, 3);
}

static void seek(struct i82077 *fdc)
{
    u8 target = fdc->fifo[2];
    begin_seek(fdc, target, target - fdc->pcn[fdc->fifo[1] & UNIT_SELECT], 0);
}

/* DIR, in the place of MFM, means inward. */
static void relative_seek(struct i82077 *fdc)
{
    int steps = fdc->fifo[0] & COMMAND_MFM ? fdc->fifo[2] : -fdc->fifo[2];
    begin_seek(fdc, fdc->pcn[fdc->fifo[1] & UNIT_SELECT] + steps, steps, 0);
}

/* "If the TRK0 pin is still low after 79 step pulses": a drive that is not there, or a head beyond track 79. */
static void recalibrate(struct i82077 *fdc)
{
    const struct floppy_drive *drive = i82077_selected(fdc);
    int track = drive ? drive->track : RECALIBRATE_STEPS + 1;
    bool fails = track > RECALIBRATE_STEPS;
    begin_seek(fdc, 0, -MIN(track, RECALIBRATE_STEPS), fails ? ST0_ABNORMAL | ST0_EQUIPMENT : 0);
}

/* Status. */

static void result_byte(struct i82077 *fdc, u8 value)
{
    fdc->fifo[0] = value;
    i82077_result(fdc, 1, false);
}

static void invalid(struct i82077 *fdc)
{
    trace(GUEST, "floppy: invalid command %02x", fdc->fifo[0]);
    result_byte(fdc, ST0_INVALID);
}

/* After a reset, one for each of the four drives; then one for each seek that has ended; without either, invalid. */
static void sense_interrupt(struct i82077 *fdc)
{
    u8 pending = fdc->polled ? fdc->polled : fdc->sought;
    if (!pending) {
        invalid(fdc);
        return;
    }
    unsigned number = __builtin_ctz(pending);
    fdc->fifo[0] = fdc->polled ? ST0_POLLED | number : fdc->seek_status[number];
    fdc->fifo[1] = fdc->pcn[number];
    if (fdc->polled)
        fdc->polled &= ~(1 << number);
    else
        fdc->sought &= ~(1 << number);
    fdc->interrupt = false;
    i82077_update(fdc);
    i82077_result(fdc, 2, !fdc->polled && fdc->sought);
}

static void sense_drive(struct i82077 *fdc)
{
    const struct floppy_drive *drive = i82077_selected(fdc);
    u8 st3 = (fdc->fifo[1] & (UNIT_SELECT | UNIT_HEAD)) | ST3_READY | ST3_TWO_SIDED;
    if (drive && drive->track == 0)
        st3 |= ST3_TRACK_0;
    if (drive && drive->block && block_readonly(drive->block))
        st3 |= ST3_PROTECTED;
    result_byte(fdc, st3);
}

static void version(struct i82077 *fdc)
{
    result_byte(fdc, VERSION_82077);
}

static void dump_registers(struct i82077 *fdc)
{
    memcpy(fdc->fifo, fdc->pcn, 4);
    fdc->fifo[4] = fdc->specify[0];
    fdc->fifo[5] = fdc->specify[1];
    fdc->fifo[6] = fdc->last_sc_eot;
    fdc->fifo[7] = fdc->lock << 7 | fdc->perpendicular;
    fdc->fifo[8] = fdc->config;
    fdc->fifo[9] = fdc->pretrk;
    i82077_result(fdc, 10, false);
}

/* Set-up. */

static void specify(struct i82077 *fdc)
{
    fdc->specify[0] = fdc->fifo[1];
    fdc->specify[1] = fdc->fifo[2];
    i82077_done(fdc);
}

static void configure(struct i82077 *fdc)
{
    fdc->config = fdc->fifo[2] & 0x7f;
    fdc->pretrk = fdc->fifo[3];
    i82077_done(fdc);
}

/* OW lets the drive bits be written; GAP and WGATE always are. */
static void perpendicular(struct i82077 *fdc)
{
    u8 writable = fdc->fifo[1] & 0x80 ? 0x3f : 0x03;
    fdc->perpendicular = (fdc->perpendicular & ~writable) | (fdc->fifo[1] & writable);
    i82077_done(fdc);
}

static void lock(struct i82077 *fdc)
{
    fdc->lock = fdc->fifo[0] >> 7;
    result_byte(fdc, fdc->lock << 4);
}

/* Bits outside the mask are MT, MFM and SK; Linux sets all three for READ ID. */
static const struct {
    u8 code, mask, length;
    void (*run)(struct i82077 *fdc);
} commands[] = {
    {READ_TRACK, COMMAND_CODE, 9, i82077_execute},
    {WRITE_DATA, COMMAND_CODE, 9, i82077_execute},
    {READ_DATA, COMMAND_CODE, 9, i82077_execute},
    {WRITE_DELETED, COMMAND_CODE, 9, i82077_execute},
    {READ_ID, COMMAND_CODE, 2, i82077_execute},
    {READ_DELETED, COMMAND_CODE, 9, i82077_execute},
    {FORMAT_TRACK, COMMAND_CODE, 6, i82077_execute},
    {VERIFY, COMMAND_CODE, 9, i82077_execute},
    {0x03, 0xff, 3, specify},
    {0x04, 0xff, 2, sense_drive},
    {0x07, 0xff, 2, recalibrate},
    {0x08, 0xff, 1, sense_interrupt},
    {0x0e, 0xff, 1, dump_registers},
    {0x0f, 0xff, 3, seek},
    {0x8f, 0xbf, 3, relative_seek},
    {0x10, 0xff, 1, version},
    {0x12, 0xff, 2, perpendicular},
    {0x13, 0xff, 4, configure},
    {0x14, 0x7f, 1, lock},
};

static int find(u8 code)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if ((code & commands[i].mask) == commands[i].code)
            return i;
    return -1;
}

unsigned i82077_command_length(u8 code)
{
    int i = find(code);
    return i < 0 ? 1 : commands[i].length;
}

void i82077_command(struct i82077 *fdc)
{
    int i = find(fdc->fifo[0]);
    if (i < 0)
        invalid(fdc);
    else
        commands[i].run(fdc);
}

void i82077_commands_init(struct i82077 *fdc)
{
    void (*const fire[4])(void *) = {seek_0, seek_1, seek_2, seek_3};
    for (int i = 0; i < 4; i++)
        timer_init(&fdc->seek_timer[i], fdc->clock, fire[i], fdc);
}
