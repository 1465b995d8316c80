/*
 * Intel 82077AA floppy disk controller, as it stands in a PC/AT.
 *
 * Source: Intel 82077AA datasheet (290166), "Registers", "Controller Phases", "Command Set/Descriptions", "Status
 *         Register Encoding", "Resets"; IBM PC/AT Technical Reference, "Diskette Adapter" for the wiring.
 * Modelled: all registers, command, execution and result phases, DMA and programmed transfers of whole sectors, seeks
 *   that go on while other commands run, polling after a reset, data rates, motors, disk change, write protection,
 *   deleted data marks (until the image is closed).
 * Not modelled: power-down, the FIFO's threshold (a sector is ready all at once), tape drives, sectors of other than
 *   512 bytes, tracks with other IDs than the image's format has, 40-track disks in 80-track drives, weak or damaged
 *   media.
 * Differs from the datasheet: a drive without a disk, or with its motor off, gives no index pulses, and the chip would
 *   wait for them until it is reset; here the command ends as on a disk without address marks, which spares the guest
 *   its timeout.
 */
#include "devices/i82077_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/trace.h"

#define RESET_NS 100000ull

enum { REG_SRA, REG_SRB, REG_DOR, REG_TDR, REG_MSR, REG_FIFO, REG_DIR = 7 };
enum { DSR_RESET = 0x80, DSR_POWER_DOWN = 0x40, DSR_RATE = 0x03, DSR_DEFAULT = 0x02 };
enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NON_DMA = 0x20, MSR_BUSY = 0x10 };
enum { DIR_CHANGED = 0x80, DIR_FLOATING = 0x7f };
enum { TDR_FLOATING = 0xfc };

struct floppy_drive *i82077_selected(struct i82077 *fdc)
{
    unsigned unit = fdc->dor & DOR_SELECT;
    return unit < ARRAY_SIZE(fdc->drive) && fdc->drive[unit].type ? &fdc->drive[unit] : NULL;
}

bool i82077_motor_on(const struct i82077 *fdc, unsigned unit)
{
    return fdc->dor & DOR_MOTOR_0 << (unit & 3);
}

/* A byte can be moved through the FIFO in the execution phase. */
static bool pio_ready(const struct i82077 *fdc)
{
    return fdc->stage == STAGE_HOST && !i82077_dma_mode(fdc);
}

/* INT; "DMAGATE#: ... enables the DRQ and INT outputs" in AT mode. */
void i82077_update(struct i82077 *fdc)
{
    bool level = fdc->interrupt || pio_ready(fdc);
    irq_set(&fdc->irq, level && fdc->dor & DOR_GATE && fdc->dor & DOR_RESET);
}

/* Phases. */

void i82077_done(struct i82077 *fdc)
{
    fdc->phase = PHASE_COMMAND;
    fdc->stage = STAGE_NONE;
    fdc->fifo_length = fdc->fifo_position = 0;
    i82077_update(fdc);
}

static void trace_bytes(const struct i82077 *fdc, const char *what)
{
    char text[3 * sizeof(fdc->fifo) + 1] = "";
    for (unsigned i = 0; i < fdc->fifo_length && i < sizeof(fdc->fifo); i++)
        sprintf(text + 3 * i, " %02x", fdc->fifo[i]);
    trace(FDC, "%s%s", what, text);
}

void i82077_result(struct i82077 *fdc, unsigned length, bool interrupt)
{
    fdc->phase = PHASE_RESULT;
    fdc->stage = STAGE_NONE;
    fdc->fifo_length = length;
    fdc->fifo_position = 0;
    fdc->interrupt |= interrupt;
    if (trace_on(FDC))
        trace_bytes(fdc, "result");
    i82077_update(fdc);
}

/* "Result phase": the interrupt goes with the first byte that is read. */
static u8 read_result(struct i82077 *fdc)
{
    u8 value = fdc->fifo[fdc->fifo_position++ & 15];
    fdc->interrupt = false;
    if (fdc->fifo_position >= fdc->fifo_length)
        i82077_done(fdc);
    else
        i82077_update(fdc);
    return value;
}

static u8 read_fifo(struct i82077 *fdc)
{
    if (fdc->phase == PHASE_RESULT)
        return read_result(fdc);
    if (pio_ready(fdc) && i82077_to_host(fdc))
        return i82077_pio_read(fdc);
    trace(GUEST, "floppy: FIFO read with nothing in it");
    return 0xff;
}

static void write_command_byte(struct i82077 *fdc, u8 value)
{
    fdc->fifo[fdc->fifo_length++ & 15] = value;
    if (fdc->fifo_length < i82077_command_length(fdc->fifo[0]))
        return;
    if (trace_on(FDC))
        trace_bytes(fdc, "command");
    i82077_command(fdc);
}

static void write_fifo(struct i82077 *fdc, u8 value)
{
    if (!(fdc->dor & DOR_RESET) || timer_armed(&fdc->reset_timer))
        trace(GUEST, "floppy: FIFO write %02x during reset", value);
    else if (fdc->phase == PHASE_COMMAND)
        write_command_byte(fdc, value);
    else if (pio_ready(fdc) && !i82077_to_host(fdc))
        i82077_pio_write(fdc, value);
    else
        trace(GUEST, "floppy: FIFO write %02x, not asked for", value);
}

/* Resets. */

/* "Each drive is assumed to be not ready after a reset": polling finds four changes and raises one interrupt. */
static void end_reset(void *opaque)
{
    struct i82077 *fdc = opaque;
    fdc->polled = 0x0f;
    fdc->interrupt = true;
    i82077_update(fdc);
}

/* By DOR or DSR.  LOCK keeps FIFO, threshold and precompensation track; SPECIFY, data rate and PCN stay in any case. */
static void soft_reset(struct i82077 *fdc)
{
    u8 kept = fdc->lock ? fdc->config & (CONFIG_NO_FIFO | CONFIG_THRESHOLD) : CONFIG_NO_FIFO;
    i82077_stop(fdc);
    for (int i = 0; i < 4; i++)
        timer_cancel(&fdc->seek_timer[i]);
    timer_cancel(&fdc->reset_timer);
    fdc->config = kept;
    fdc->pretrk = fdc->lock ? fdc->pretrk : 0;
    fdc->perpendicular &= 0x3c; /* "GAP and WGATE are cleared" */
    fdc->seeking = fdc->sought = fdc->polled = 0;
    fdc->interrupt = false;
    i82077_done(fdc);
}

static void leave_reset(struct i82077 *fdc)
{
    timer_set(&fdc->reset_timer, clock_ns(fdc->clock) + RESET_NS);
}

static void write_dor(struct i82077 *fdc, u8 value)
{
    u8 old = fdc->dor;
    fdc->dor = value;
    trace(FDC, "DOR %02x", value);
    if (!(value & DOR_RESET))
        soft_reset(fdc);
    else if (!(old & DOR_RESET))
        leave_reset(fdc);
    i82077_update(fdc);
}

static void write_dsr(struct i82077 *fdc, u8 value)
{
    fdc->dsr = value & ~DSR_RESET;
    trace(FDC, "DSR %02x", value);
    if (value & DSR_POWER_DOWN)
        trace(UNIMP, "82077: power-down");
    if (value & DSR_RESET) {
        soft_reset(fdc);
        if (fdc->dor & DOR_RESET)
            leave_reset(fdc);
    }
}

/* Registers. */

/* "RQM ... no access is permitted if set to a 0." */
static u8 read_msr(struct i82077 *fdc)
{
    if (!(fdc->dor & DOR_RESET) || timer_armed(&fdc->reset_timer))
        return 0;
    u8 msr = fdc->seeking;
    switch (fdc->phase) {
    case PHASE_COMMAND: return msr | MSR_RQM | (fdc->fifo_length ? MSR_BUSY : 0);
    case PHASE_RESULT: return msr | MSR_RQM | MSR_DIO | MSR_BUSY;
    }
    msr |= MSR_BUSY | (i82077_dma_mode(fdc) ? 0 : MSR_NON_DMA);
    if (pio_ready(fdc))
        msr |= MSR_RQM | (i82077_to_host(fdc) ? MSR_DIO : 0);
    return msr;
}

static bool at_index(struct i82077 *fdc)
{
    return clock_ns(fdc->clock) % REVOLUTION_NS < REVOLUTION_NS / 64;
}

/* PS/2 software reads this one and the next; lines with an n in front are active low. */
static u8 read_sra(struct i82077 *fdc)
{
    enum { INTERRUPT = 0x80, N_DRIVE_2 = 0x40, N_TRACK_0 = 0x10, SIDE = 0x08, N_INDEX = 0x04, N_PROTECTED = 0x02 };
    const struct floppy_drive *drive = i82077_selected(fdc);
    bool turning = drive && drive->block && i82077_motor_on(fdc, fdc->dor & DOR_SELECT);
    u8 value = fdc->head ? SIDE : 0;
    value |= fdc->interrupt ? INTERRUPT : 0;
    value |= fdc->drive[1].type ? 0 : N_DRIVE_2;
    value |= drive && drive->track == 0 ? 0 : N_TRACK_0;
    value |= turning && at_index(fdc) ? 0 : N_INDEX;
    value |= drive && drive->block && block_readonly(drive->block) ? 0 : N_PROTECTED;
    return value;
}

static u8 read_srb(struct i82077 *fdc)
{
    return 0xc0 | (fdc->dor & 1) << 5 | (fdc->dor >> 4 & 3);
}

/* In AT mode only bit 7 is driven. */
static u8 read_dir(struct i82077 *fdc)
{
    const struct floppy_drive *drive = i82077_selected(fdc);
    return DIR_FLOATING | (drive && drive->changed ? DIR_CHANGED : 0);
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct i82077 *fdc = opaque;
    switch (offset) {
    case REG_SRA: return read_sra(fdc);
    case REG_SRB: return read_srb(fdc);
    case REG_DOR: return fdc->dor;
    case REG_TDR: return TDR_FLOATING | fdc->tdr;
    case REG_MSR: return read_msr(fdc);
    case REG_FIFO: return read_fifo(fdc);
    default: return 0xff;
    }
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i82077 *fdc = opaque;
    switch (offset) {
    case REG_DOR: write_dor(fdc, value); break;
    case REG_TDR: fdc->tdr = value & 3; break;
    case REG_MSR: write_dsr(fdc, value); break;
    case REG_FIFO: write_fifo(fdc, value); break;
    }
}

static u64 read_3f7(void *opaque, u64 offset, unsigned size)
{
    return read_dir(opaque);
}

/* CCR: the data rate alone. */
static void write_3f7(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i82077 *fdc = opaque;
    fdc->dsr = (fdc->dsr & ~DSR_RATE) | (value & DSR_RATE);
    trace(FDC, "CCR %02x", (u8)value);
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};
static const struct bus_ops bus_3f7 = {.read = read_3f7, .write = write_3f7, .min_size = 1, .max_size = 1};

/* The RESET pin.  Disks and heads stay where they are. */
static void reset(void *state)
{
    struct i82077 *fdc = state;
    fdc->lock = false;
    soft_reset(fdc);
    fdc->dor = fdc->tdr = 0;
    fdc->dsr = DSR_DEFAULT;
    fdc->perpendicular = 0;
    fdc->specify[0] = fdc->specify[1] = 0;
    memset(fdc->pcn, 0, sizeof(fdc->pcn));
    i82077_update(fdc);
}

static void loaded(void *state)
{
    i82077_update(state);
}

static int check(const void *state)
{
    const struct i82077 *fdc = state;
    bool sane = fdc->phase <= PHASE_RESULT && fdc->stage <= STAGE_HOST && fdc->fifo_length <= sizeof(fdc->fifo) &&
                fdc->fifo_position <= fdc->fifo_length && fdc->length <= sizeof(fdc->buffer) &&
                fdc->position <= fdc->length;
    return sane ? 0 : -EINVAL;
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    static const char *const phases[] = {"command", "execution", "result"};
    static const u16 rates[] = {500, 300, 250, 1000};
    static const char *const types[] = {"none", "360K", "1.2M", "720K", "1.44M", "2.88M"};
    const struct i82077 *fdc = state;
    print(out, "  %s phase, DOR %02x, %u kbit/s, interrupt %d\n", phases[MIN(fdc->phase, 2)], fdc->dor,
          rates[fdc->dsr & DSR_RATE], fdc->interrupt);
    for (unsigned i = 0; i < ARRAY_SIZE(fdc->drive); i++) {
        const struct floppy_drive *drive = &fdc->drive[i];
        const struct floppy_geometry *g = &drive->geometry;
        if (!drive->type)
            continue;
        print(out, "  drive %c: %s, track %u, motor %s, disk change %d", 'A' + i, types[drive->type], drive->track,
              i82077_motor_on(fdc, i) ? "on" : "off", drive->changed);
        if (drive->block)
            print(out, ", %u/%u/%u%s", g->cylinders, g->heads, g->sectors, g->guessed ? " (guessed)" : "");
        print(out, "\n");
    }
}

#define DRIVE_FIELDS(n)                                                                                                \
    FIELD(U8, struct i82077, drive[n].track), FIELD(BOOL, struct i82077, drive[n].changed),                            \
        FIELD_BLOB(struct i82077, drive[n].deleted)
#define SEEK_FIELDS(n) FIELD(TIMER, struct i82077, seek_timer[n])

static const struct field fields[] = {
    FIELD(U8, struct i82077, dor),
    FIELD(U8, struct i82077, tdr),
    FIELD(U8, struct i82077, dsr),
    FIELD(U8, struct i82077, phase),
    FIELD_BLOB(struct i82077, fifo),
    FIELD(U8, struct i82077, fifo_length),
    FIELD(U8, struct i82077, fifo_position),
    FIELD(BOOL, struct i82077, interrupt),
    FIELD(U8, struct i82077, polled),
    FIELD(U8, struct i82077, sought),
    FIELD(U8, struct i82077, seeking),
    FIELD_ARRAY(U8, struct i82077, seek_status),
    FIELD_ARRAY(U8, struct i82077, seek_unit),
    FIELD_ARRAY(U16, struct i82077, seek_steps),
    FIELD_ARRAY(U8, struct i82077, seek_pcn),
    FIELD_ARRAY(U8, struct i82077, pcn),
    FIELD_ARRAY(U8, struct i82077, specify),
    FIELD(U8, struct i82077, config),
    FIELD(U8, struct i82077, pretrk),
    FIELD(U8, struct i82077, perpendicular),
    FIELD(U8, struct i82077, last_sc_eot),
    FIELD(BOOL, struct i82077, lock),
    FIELD(U8, struct i82077, stage),
    FIELD_ARRAY(U8, struct i82077, command),
    FIELD(U8, struct i82077, st0),
    FIELD(U8, struct i82077, st1),
    FIELD(U8, struct i82077, st2),
    FIELD(U8, struct i82077, unit),
    FIELD(U8, struct i82077, head),
    FIELD(U8, struct i82077, c),
    FIELD(U8, struct i82077, h),
    FIELD(U8, struct i82077, r),
    FIELD(U8, struct i82077, n),
    FIELD(U16, struct i82077, sectors_left),
    FIELD(U16, struct i82077, position),
    FIELD(U16, struct i82077, length),
    FIELD(BOOL, struct i82077, terminal),
    FIELD_BLOB(struct i82077, buffer),
    DRIVE_FIELDS(0),
    DRIVE_FIELDS(1),
    FIELD(TIMER, struct i82077, timer),
    FIELD(TIMER, struct i82077, reset_timer),
    SEEK_FIELDS(0),
    SEEK_FIELDS(1),
    SEEK_FIELDS(2),
    SEEK_FIELDS(3),
    FIELD_END,
};

const struct device_ops i82077_ops = {
    .name = "i82077",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .check = check,
    .info = info,
};

void i82077_init(struct i82077 *fdc, struct machine *machine, struct i8237 *dma, const struct irq *irq)
{
    *fdc = (struct i82077){.clock = machine->clock, .dma = dma, .irq = *irq};
    timer_init(&fdc->reset_timer, machine->clock, end_reset, fdc);
    i82077_transfer_init(fdc);
    i82077_commands_init(fdc);
    fdc->ports[0] = (struct port_range){"floppy", 0x3f0, 6, &bus, fdc, false, NULL};
    fdc->ports[1] = (struct port_range){"floppy", 0x3f7, 1, &bus_3f7, fdc, false, NULL};
    ioports_add(machine->ports, &fdc->ports[0]);
    ioports_add(machine->ports, &fdc->ports[1]);
    device_add(&machine->devices, &fdc->device, &i82077_ops, fdc, "fdc");
    reset(fdc);
}
