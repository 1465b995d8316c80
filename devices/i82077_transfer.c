/*
 * The execution phase of the 82077AA: looking for sectors, moving their data between the image and the host.
 *
 * Source: Intel 82077AA datasheet (290166), "Data Transfer Commands", "Status Register Encoding", tables "Skip Bit vs
 *   READ DATA Command", "Result Phase Table", "Verify Command Result Phase Table".
 * A command goes through SEARCH (the timer brings the next sector under the head), MEDIUM (image) and HOST (DMA or
 * FIFO), for each sector: reads in this order, writes with HOST before MEDIUM.
 */
#include <errno.h>
#include <string.h>

#include "devices/i82077_internal.h"
#include "machine/trace.h"

#define CHANNEL 2
#define SIZE_CODE 2              /* N of 512 bytes */
#define ID_BYTES 4               /* C, H, R, N for each sector of FORMAT TRACK */
#define OVERRUN_NS 1000000000ull /* generous: 27 us at 300 kbit/s */

static u8 code(const struct i82077 *fdc)
{
    return fdc->command[0] & COMMAND_CODE;
}

bool i82077_to_host(const struct i82077 *fdc)
{
    return code(fdc) == READ_DATA || code(fdc) == READ_DELETED || code(fdc) == READ_TRACK;
}

static bool is_write(const struct i82077 *fdc)
{
    return code(fdc) == WRITE_DATA || code(fdc) == WRITE_DELETED || code(fdc) == FORMAT_TRACK;
}

static struct floppy_drive *drive_of(struct i82077 *fdc)
{
    return fdc->unit < ARRAY_SIZE(fdc->drive) && fdc->drive[fdc->unit].type ? &fdc->drive[fdc->unit] : NULL;
}

/* The end. */

void i82077_stop(struct i82077 *fdc)
{
    timer_cancel(&fdc->timer);
    if (fdc->in_flight)
        block_cancel(&fdc->request);
    fdc->in_flight = false;
    fdc->stage = STAGE_NONE;
    i8237_request(fdc->dma, CHANNEL, false);
}

/* The seven result bytes; any error bit makes the end abnormal. */
static void finish(struct i82077 *fdc, u8 st1, u8 st2)
{
    i82077_stop(fdc);
    fdc->st1 |= st1;
    fdc->st2 |= st2;
    bool failed = fdc->st1 || fdc->st2 & ~ST2_CONTROL_MARK;
    fdc->fifo[0] = (fdc->st0 & ~UNIT_HEAD) | (fdc->head ? UNIT_HEAD : 0) | (failed ? ST0_ABNORMAL : 0);
    fdc->fifo[1] = fdc->st1;
    fdc->fifo[2] = fdc->st2;
    fdc->fifo[3] = fdc->c;
    fdc->fifo[4] = fdc->h;
    fdc->fifo[5] = fdc->r;
    fdc->fifo[6] = fdc->n;
    i82077_result(fdc, 7, true);
}

/* The chip gives up at the second index pulse. */
static void not_found(struct i82077 *fdc, u8 st1, u8 st2)
{
    fdc->st1 |= st1;
    fdc->st2 |= st2;
    fdc->stage = STAGE_FAILED;
    timer_set(&fdc->timer, clock_ns(fdc->clock) + NOT_FOUND_NS);
}

void i82077_abandon(struct i82077 *fdc, int unit)
{
    if (fdc->phase == PHASE_EXECUTION && fdc->unit == unit)
        finish(fdc, ST1_MISSING_MARK, 0);
}

/* From sector to sector. */

static void search_next(struct i82077 *fdc)
{
    fdc->stage = STAGE_SEARCH;
    timer_set(&fdc->timer, clock_ns(fdc->clock) + SECTOR_NS);
    i82077_update(fdc);
}

/* "Result Phase Table": the ID after the last sector.  False where the cylinder ends there. */
static bool advance(struct i82077 *fdc)
{
    bool both_sides = fdc->command[0] & COMMAND_MT;
    if (fdc->r != fdc->command[6]) {
        fdc->r++;
        return true;
    }
    fdc->r = 1;
    if (both_sides)
        fdc->h ^= 1;
    if (both_sides && !fdc->head)
        return true;
    fdc->c++;
    return false;
}

static bool counts_sectors(const struct i82077 *fdc)
{
    return code(fdc) == READ_TRACK || code(fdc) == FORMAT_TRACK ||
           (code(fdc) == VERIFY && fdc->command[1] & VERIFY_COUNT);
}

/* A sector is through. */
static void next(struct i82077 *fdc)
{
    bool last = counts_sectors(fdc) && --fdc->sectors_left == 0;
    if (code(fdc) == READ_TRACK)
        fdc->r++;
    if (code(fdc) == READ_TRACK || code(fdc) == FORMAT_TRACK) {
        if (last || fdc->terminal)
            finish(fdc, 0, 0);
        else
            search_next(fdc);
        return;
    }
    /* A sector with the other kind of data mark is the last one: "Address not incremented". */
    if (fdc->st2 & ST2_CONTROL_MARK && !(fdc->command[0] & COMMAND_SK)) {
        finish(fdc, 0, 0);
        return;
    }
    bool side_ends = fdc->r == fdc->command[6];
    bool more = advance(fdc);
    bool counted = code(fdc) == VERIFY && !(fdc->command[1] & VERIFY_COUNT);
    if (fdc->terminal || last || (!more && counted)) {
        finish(fdc, 0, 0);
    } else if (!more) { /* "will be set if TC is not issued after READ or WRITE DATA" */
        finish(fdc, ST1_END_OF_CYLINDER, 0);
    } else {
        fdc->head |= side_ends; /* only MT goes on there */
        search_next(fdc);
    }
}

/* The host. */

static void format_sector(struct i82077 *fdc);
static void submit(struct i82077 *fdc, enum block_operation operation, u32 sector);
static u32 sector_number(struct i82077 *fdc, u8 r);

/* All bytes of a sector have been moved, or TC came. */
static void host_done(struct i82077 *fdc)
{
    timer_cancel(&fdc->timer);
    fdc->stage = STAGE_NONE;
    i8237_request(fdc->dma, CHANNEL, false);
    if (i82077_to_host(fdc)) {
        next(fdc);
    } else if (code(fdc) == FORMAT_TRACK) {
        format_sector(fdc);
    } else { /* the rest of a sector that TC cut off is written with zeros */
        memset(fdc->buffer + fdc->position, 0, sizeof(fdc->buffer) - fdc->position);
        submit(fdc, BLOCK_WRITE, sector_number(fdc, fdc->r));
    }
}

static void granted(void *opaque)
{
    struct i82077 *fdc = opaque;
    bool terminal;
    if (fdc->stage != STAGE_HOST)
        return;
    u8 *data = fdc->buffer + fdc->position;
    u32 left = fdc->length - fdc->position;
    u32 moved = i82077_to_host(fdc) ? i8237_to_memory(fdc->dma, CHANNEL, data, left, &terminal)
                                    : i8237_from_memory(fdc->dma, CHANNEL, data, left, &terminal);
    fdc->position += moved;
    fdc->terminal |= terminal;
    if (fdc->position == fdc->length || fdc->terminal)
        host_done(fdc);
}

static void begin_host(struct i82077 *fdc, u16 length)
{
    fdc->stage = STAGE_HOST;
    fdc->position = 0;
    fdc->length = length;
    timer_set(&fdc->timer, clock_ns(fdc->clock) + OVERRUN_NS);
    i82077_update(fdc);
    if (i82077_dma_mode(fdc) && fdc->dor & DOR_GATE)
        i8237_request(fdc->dma, CHANNEL, true);
}

/* INT falls with each byte and rises for the next one, so that an edge-triggered PIC sees every request. */
static void byte_moved(struct i82077 *fdc)
{
    irq_set(&fdc->irq, false);
    if (fdc->position >= fdc->length)
        host_done(fdc);
    i82077_update(fdc);
}

u8 i82077_pio_read(struct i82077 *fdc)
{
    u8 value = fdc->buffer[fdc->position++ % sizeof(fdc->buffer)];
    byte_moved(fdc);
    return value;
}

void i82077_pio_write(struct i82077 *fdc, u8 value)
{
    fdc->buffer[fdc->position++ % sizeof(fdc->buffer)] = value;
    byte_moved(fdc);
}

/* The medium. */

static void set_deleted(struct i82077 *fdc, u8 r, bool deleted)
{
    u32 sector = sector_number(fdc, r) % FLOPPY_SECTORS;
    u8 *byte = &drive_of(fdc)->deleted[sector / 8], bit = 1 << sector % 8;
    *byte = deleted ? *byte | bit : *byte & ~bit;
}

static void medium_done(void *opaque, int result)
{
    struct i82077 *fdc = opaque;
    fdc->in_flight = false;
    if (result < 0) {
        finish(fdc, ST1_DATA_ERROR, ST2_DATA_ERROR);
    } else if (is_write(fdc)) {
        set_deleted(fdc, fdc->r, code(fdc) == WRITE_DELETED);
        next(fdc);
    } else if (code(fdc) == VERIFY) {
        next(fdc);
    } else {
        begin_host(fdc, SECTOR_SIZE);
    }
}

static void submit(struct i82077 *fdc, enum block_operation operation, u32 sector)
{
    struct block *block = drive_of(fdc)->block;
    fdc->stage = STAGE_MEDIUM;
    if (operation == BLOCK_READ && sector >= block_sectors(block)) { /* a short image: the rest is zeros */
        memset(fdc->buffer, 0, sizeof(fdc->buffer));
        medium_done(fdc, 0);
        return;
    }
    fdc->request = (struct block_request){
        .operation = operation,
        .sector = sector,
        .count = 1,
        .data = fdc->buffer,
        .done = medium_done,
        .opaque = fdc,
    };
    fdc->in_flight = true;
    block_submit(block, &fdc->request);
}

/* Looking for sectors. */

/* Address marks can be seen on the track below the head. */
static bool readable(struct i82077 *fdc)
{
    const struct floppy_drive *drive = drive_of(fdc);
    return drive && drive->block && i82077_motor_on(fdc, fdc->unit) && drive->geometry.rates >> (fdc->dsr & 3) & 1 &&
           fdc->command[0] & COMMAND_MFM && drive->track < drive->geometry.cylinders &&
           fdc->head < drive->geometry.heads;
}

/* In the image, of a sector on this track and side. */
static u32 sector_number(struct i82077 *fdc, u8 r)
{
    const struct floppy_drive *drive = drive_of(fdc);
    return ((u32)drive->track * drive->geometry.heads + fdc->head) * drive->geometry.sectors + r - 1;
}

static bool has_sector(struct i82077 *fdc, u8 c, u8 h, u8 r, u8 n)
{
    const struct floppy_drive *drive = drive_of(fdc);
    return c == drive->track && h == fdc->head && r >= 1 && r <= drive->geometry.sectors && n == SIZE_CODE;
}

/* "Skip Bit vs READ DATA Command": true if the sector is passed over. */
static bool skipped(struct i82077 *fdc)
{
    u32 sector = sector_number(fdc, fdc->r) % FLOPPY_SECTORS;
    bool deleted = drive_of(fdc)->deleted[sector / 8] >> sector % 8 & 1;
    if (deleted == (code(fdc) == READ_DELETED))
        return false;
    fdc->st2 |= ST2_CONTROL_MARK;
    return fdc->command[0] & COMMAND_SK;
}

static void search_sector(struct i82077 *fdc)
{
    if (!has_sector(fdc, fdc->c, fdc->h, fdc->r, fdc->n)) {
        bool elsewhere = fdc->c != drive_of(fdc)->track;
        not_found(fdc, ST1_NO_DATA, elsewhere ? ST2_WRONG_CYLINDER : 0);
    } else if (is_write(fdc)) {
        begin_host(fdc, SECTOR_SIZE);
    } else if (skipped(fdc)) {
        next(fdc);
    } else {
        submit(fdc, BLOCK_READ, sector_number(fdc, fdc->r));
    }
}

/* READ TRACK takes the sectors as they come from the index hole on, and only notes that IDs differ.  Unverified: that
 * the end is abnormal then. */
static void search_any(struct i82077 *fdc)
{
    u8 passed = fdc->command[6] - fdc->sectors_left, r = passed % drive_of(fdc)->geometry.sectors + 1;
    if (fdc->r != r || !has_sector(fdc, fdc->c, fdc->h, fdc->r, fdc->n))
        fdc->st1 |= ST1_NO_DATA;
    submit(fdc, BLOCK_READ, sector_number(fdc, r));
}

/* The ID that comes next as the disk turns. */
static void read_id(struct i82077 *fdc)
{
    const struct floppy_drive *drive = drive_of(fdc);
    u64 angle = clock_ns(fdc->clock) % REVOLUTION_NS;
    fdc->c = drive->track;
    fdc->h = fdc->head;
    fdc->r = angle * drive->geometry.sectors / REVOLUTION_NS + 1;
    fdc->n = SIZE_CODE;
    finish(fdc, 0, 0);
}

static void format_sector(struct i82077 *fdc)
{
    fdc->c = fdc->buffer[0];
    fdc->h = fdc->buffer[1];
    fdc->r = fdc->buffer[2];
    fdc->n = fdc->buffer[3];
    if (!has_sector(fdc, fdc->c, fdc->h, fdc->r, fdc->n)) {
        trace(UNIMP, "82077: format with ID %u/%u/%u/%u", fdc->c, fdc->h, fdc->r, fdc->n);
        finish(fdc, ST1_NO_DATA, 0);
        return;
    }
    memset(fdc->buffer, fdc->command[5], sizeof(fdc->buffer));
    submit(fdc, BLOCK_WRITE, sector_number(fdc, fdc->r));
}

/* A track as the image has it: other numbers of sectors, and other sizes, have no place there. */
static void search_index(struct i82077 *fdc)
{
    bool fits = fdc->command[2] == SIZE_CODE && fdc->command[3] == drive_of(fdc)->geometry.sectors;
    if (fits) {
        begin_host(fdc, ID_BYTES);
        return;
    }
    trace(UNIMP, "82077: format of %u sectors of size code %u", fdc->command[3], fdc->command[2]);
    not_found(fdc, ST1_MISSING_MARK, 0);
}

static void search(struct i82077 *fdc)
{
    if (!readable(fdc))
        not_found(fdc, ST1_MISSING_MARK, 0);
    else if (is_write(fdc) && block_readonly(drive_of(fdc)->block))
        finish(fdc, ST1_NOT_WRITABLE, 0);
    else if (code(fdc) == READ_ID)
        read_id(fdc);
    else if (code(fdc) == FORMAT_TRACK)
        search_index(fdc);
    else if (code(fdc) == READ_TRACK)
        search_any(fdc);
    else
        search_sector(fdc);
}

static void timed(void *opaque)
{
    struct i82077 *fdc = opaque;
    if (fdc->stage == STAGE_SEARCH)
        search(fdc);
    else if (fdc->stage == STAGE_FAILED)
        finish(fdc, 0, 0);
    else if (fdc->stage == STAGE_HOST)
        finish(fdc, ST1_OVERRUN, 0);
}

/* The beginning. */

/* EIS: goes to the cylinder first.  How long that takes. */
static u64 implied_seek(struct i82077 *fdc)
{
    u8 *pcn = &fdc->pcn[fdc->command[1] & UNIT_SELECT];
    int steps = fdc->c - *pcn;
    i82077_step(drive_of(fdc), steps);
    *pcn = fdc->c;
    fdc->st0 |= ST0_SEEK_END;
    return (u64)(steps < 0 ? -steps : steps) * STEP_NS;
}

static void take_parameters(struct i82077 *fdc)
{
    const u8 *command = fdc->command;
    fdc->unit = fdc->dor & DOR_SELECT;
    fdc->head = command[1] >> 2 & 1;
    fdc->st0 = command[1] & (UNIT_SELECT | UNIT_HEAD);
    fdc->st1 = fdc->st2 = 0;
    fdc->terminal = false;
    fdc->position = fdc->length = 0;
    if (code(fdc) == READ_ID)
        return;
    fdc->last_sc_eot = command[code(fdc) == FORMAT_TRACK ? 3 : 6];
    u8 count = code(fdc) == VERIFY ? command[8] : fdc->last_sc_eot;
    fdc->sectors_left = count ? count : 256;
    if (code(fdc) == FORMAT_TRACK)
        return;
    fdc->c = command[2];
    fdc->h = command[3];
    fdc->r = command[4];
    fdc->n = command[5];
}

void i82077_execute(struct i82077 *fdc)
{
    memcpy(fdc->command, fdc->fifo, sizeof(fdc->command));
    take_parameters(fdc);
    bool data = code(fdc) != READ_ID && code(fdc) != FORMAT_TRACK;
    u64 delay = data && fdc->config & CONFIG_IMPLIED_SEEK ? implied_seek(fdc) : 0;
    fdc->phase = PHASE_EXECUTION;
    fdc->stage = STAGE_SEARCH;
    timer_set(&fdc->timer, clock_ns(fdc->clock) + FIRST_SECTOR_NS + delay);
}

void i82077_transfer_init(struct i82077 *fdc)
{
    timer_init(&fdc->timer, fdc->clock, timed, fdc);
    i8237_attach(fdc->dma, CHANNEL, granted, fdc);
}
