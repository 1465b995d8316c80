/*
 * An ATA channel: registers of two drives, the data port, resets and the interrupt.
 *
 * Source: T13/1321D ATA/ATAPI-5 and T13/1410D ATA/ATAPI-6, "Interface register definitions and descriptions",
 *   "Protocol", "Device 0 only configurations"; ATA/ATAPI-6 for the two-deep registers of 48-bit addressing.
 * Modelled: both task files (each drive listens to every write), device selection, INTRQ with nIEN, HOB, software
 *   reset, diagnostics and signatures, PIO blocks of 8-, 16- and 32-bit accesses, DMA through a bus master.
 *   A drive is busy exactly as long as the host works on its request; commands without the medium take no time.
 *   A channel without drives reads 7Fh: the cable's pull-down resistor on DD7.
 * Not modelled: overlapped and queued commands, CRC errors, data port timing.
 */
#include "devices/ide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devices/ide_internal.h"
#include "machine/machine.h"
#include "machine/trace.h"

enum reg { REG_DATA, REG_ERROR, REG_COUNT, REG_LBA_LOW, REG_LBA_MID, REG_LBA_HIGH, REG_DEVICE, REG_COMMAND };

enum { COMMAND_DEVICE_RESET = 0x08, COMMAND_DIAGNOSTIC = 0x90 };

#define FLOATING 0x7f

static bool present(const struct ide_drive *drive)
{
    return drive->media != IDE_NONE;
}

static struct ide_drive *selected(struct ide_channel *channel)
{
    return &channel->drive[channel->select & 1];
}

static void update_irq(struct ide_channel *channel)
{
    struct ide_drive *drive = selected(channel);
    bool level = present(drive) && drive->intrq && !(channel->control & CONTROL_NIEN);
    if (level == channel->irq_level)
        return;
    channel->irq_level = level;
    if (channel->master.interrupt)
        channel->master.interrupt(channel->master.opaque, level);
    irq_set(&channel->irq, level);
}

static void set_intrq(struct ide_drive *drive, bool level)
{
    drive->intrq = level;
    update_irq(drive->channel);
}

void ide_raise(struct ide_drive *drive)
{
    set_intrq(drive, true);
}

static u8 ready_status(const struct ide_drive *drive)
{
    return STATUS_DRDY | STATUS_DSC;
}

void ide_complete(struct ide_drive *drive)
{
    drive->phase = IDE_IDLE;
    drive->error = 0;
    drive->status = ready_status(drive);
    ide_raise(drive);
}

void ide_fail(struct ide_drive *drive, u8 error)
{
    trace(IDE, "%s: command %02x failed: error=%02x", drive->device_entry.id, drive->command, error);
    drive->phase = IDE_IDLE;
    drive->error = error;
    drive->status = ready_status(drive) | STATUS_ERR;
    ide_raise(drive);
}

void ide_next_block(struct ide_drive *drive, u32 block)
{
    block = block ? block : SECTOR_SIZE; /* 0 only in a state that somebody made up */
    drive->block_end = MIN(drive->position + block, drive->buffered);
    drive->status = ready_status(drive) | STATUS_DRQ;
    ide_raise(drive);
}

void ide_offer(struct ide_drive *drive, u32 bytes, u32 block)
{
    drive->phase = IDE_PIO_IN;
    drive->buffered = MIN(bytes, (u32)sizeof(drive->buffer));
    drive->position = 0;
    drive->error = 0;
    ide_next_block(drive, block);
}

void ide_want(struct ide_drive *drive, u32 bytes, u32 block, bool interrupt)
{
    drive->phase = IDE_PIO_OUT;
    drive->buffered = MIN(bytes, (u32)sizeof(drive->buffer));
    drive->position = 0;
    drive->block_end = MIN(block, drive->buffered);
    drive->error = 0;
    drive->status = ready_status(drive) | STATUS_DRQ;
    if (interrupt)
        ide_raise(drive);
}

/* Host side. */

static void medium_done(void *opaque, int result)
{
    struct ide_drive *drive = opaque;
    drive->in_flight = false;
    if (drive->media == IDE_CDROM)
        ide_atapi_medium_done(drive, result);
    else
        ide_ata_medium_done(drive, result);
}

void ide_submit(struct ide_drive *drive, enum block_operation operation, u64 sector, u32 count)
{
    drive->phase = IDE_MEDIUM;
    drive->status = STATUS_BSY;
    drive->in_flight = true;
    drive->request = (struct block_request){
        .operation = operation,
        .sector = sector,
        .count = count,
        .data = drive->buffer,
        .done = medium_done,
        .opaque = drive,
    };
    block_submit(drive->block, &drive->request);
}

static void cancel(struct ide_drive *drive)
{
    if (!drive->in_flight)
        return;
    block_cancel(&drive->request);
    drive->in_flight = false;
}

static void move_dma(struct ide_drive *drive, bool to_memory)
{
    struct ide_bus_master *master = &drive->channel->master;
    u32 left = drive->buffered - drive->position;
    u32 moved = master->transfer(master->opaque, drive->buffer + drive->position, left, to_memory);
    drive->position += MIN(left, moved);
    if (drive->position < drive->buffered)
        return; /* goes on in ide_dma_ready */
    if (drive->media == IDE_CDROM)
        ide_atapi_dma_done(drive);
    else
        ide_ata_dma_done(drive);
}

void ide_start_dma(struct ide_drive *drive, u32 bytes, bool to_memory)
{
    drive->phase = to_memory ? IDE_DMA_IN : IDE_DMA_OUT;
    drive->status = ready_status(drive) | STATUS_DRQ;
    drive->buffered = MIN(bytes, (u32)sizeof(drive->buffer));
    drive->position = 0;
    move_dma(drive, to_memory);
}

void ide_dma_ready(struct ide_channel *channel)
{
    struct ide_drive *drive = selected(channel);
    if (present(drive) && (drive->phase == IDE_DMA_IN || drive->phase == IDE_DMA_OUT))
        move_dma(drive, drive->phase == IDE_DMA_IN);
}

/* Resets. */

void ide_put_signature(struct ide_drive *drive)
{
    bool packet = drive->media == IDE_CDROM;
    drive->count[0] = drive->lba_low[0] = 0x01;
    drive->lba_mid[0] = packet ? 0x14 : 0x00;
    drive->lba_high[0] = packet ? 0xeb : 0x00;
    drive->count[1] = drive->lba_low[1] = drive->lba_mid[1] = drive->lba_high[1] = 0;
    drive->device = 0;
}

static void end_reset(struct ide_drive *drive)
{
    ide_put_signature(drive);
    drive->error = 0x01; /* diagnostic code: passed (and device 1 passed, or is absent) */
    drive->status = drive->media == IDE_CDROM ? 0 : ready_status(drive);
}

static void stop_command(struct ide_drive *drive)
{
    cancel(drive);
    drive->phase = IDE_IDLE;
    drive->intrq = false;
    drive->left = 0;
    drive->buffered = drive->position = drive->block_end = 0;
}

static void reset_drive(struct ide_drive *drive, bool power_on)
{
    stop_command(drive);
    if (drive->media == IDE_CDROM)
        ide_atapi_reset(drive, power_on);
    else
        ide_ata_reset(drive, power_on);
    end_reset(drive);
}

void ide_diagnose(struct ide_channel *channel)
{
    for (int unit = 0; unit < 2; unit++) {
        stop_command(&channel->drive[unit]);
        end_reset(&channel->drive[unit]);
    }
    channel->select = 0;
    set_intrq(&channel->drive[0], true);
}

static void write_control(struct ide_channel *channel, u8 value)
{
    bool before = channel->control & CONTROL_SRST, after = value & CONTROL_SRST;
    channel->control = value & (CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB);
    for (int unit = 0; unit < 2 && before != after; unit++) {
        if (after) {
            stop_command(&channel->drive[unit]);
            channel->drive[unit].status = STATUS_BSY;
        } else {
            reset_drive(&channel->drive[unit], false);
        }
    }
    if (before && !after)
        channel->select = 0;
    update_irq(channel);
}

/* Data port. */

static void block_through(struct ide_drive *drive)
{
    if (drive->media == IDE_CDROM)
        ide_atapi_block_through(drive);
    else
        ide_ata_block_through(drive);
}

static void read_data(struct ide_drive *drive, u8 *to, u32 bytes)
{
    while (bytes && drive->phase == IDE_PIO_IN) {
        u32 n = MIN(bytes, drive->block_end - drive->position);
        memcpy(to, drive->buffer + drive->position, n);
        drive->position += n;
        to += n;
        bytes -= n;
        if (drive->position == drive->block_end)
            block_through(drive);
    }
    memset(to, 0xff, bytes);
}

static void write_data(struct ide_drive *drive, const u8 *from, u32 bytes)
{
    while (bytes && drive->phase == IDE_PIO_OUT) {
        u32 n = MIN(bytes, drive->block_end - drive->position);
        memcpy(drive->buffer + drive->position, from, n);
        drive->position += n;
        from += n;
        bytes -= n;
        if (drive->position == drive->block_end)
            block_through(drive);
    }
}

/* The data register is 16 bits wide: a byte access moves a word and sees its low half. */
static u32 read_data_port(struct ide_channel *channel, unsigned size)
{
    u8 bytes[4];
    u32 length = MAX(size, 2u);
    read_data(selected(channel), bytes, length);
    u32 value = bytes[0] | bytes[1] << 8;
    if (size == 4)
        value |= (u32)bytes[2] << 16 | (u32)bytes[3] << 24;
    return size == 1 ? value & 0xff : value;
}

static void write_data_port(struct ide_channel *channel, u32 value, unsigned size)
{
    u8 bytes[4] = {(u8)value, (u8)(value >> 8), (u8)(value >> 16), (u8)(value >> 24)};
    if (size == 1)
        bytes[1] = 0;
    write_data(selected(channel), bytes, MAX(size, 2u));
}

/* Registers. */

/* Who answers a read: the selected drive; for an absent drive 1, drive 0 (its Status then reads 0). */
static struct ide_drive *answering(struct ide_channel *channel)
{
    struct ide_drive *drive = selected(channel);
    if (present(drive))
        return drive;
    return channel->select && present(&channel->drive[0]) ? &channel->drive[0] : NULL;
}

static u8 read_status(struct ide_channel *channel)
{
    if (!answering(channel))
        return FLOATING;
    return present(selected(channel)) ? selected(channel)->status : 0;
}

static u8 read_register(struct ide_channel *channel, unsigned reg)
{
    struct ide_drive *drive = answering(channel);
    unsigned previous = channel->control & CONTROL_HOB ? 1 : 0;
    if (!drive)
        return FLOATING;
    switch (reg) {
    case REG_ERROR:
        return drive->error;
    case REG_COUNT:
        return drive->count[previous];
    case REG_LBA_LOW:
        return drive->lba_low[previous];
    case REG_LBA_MID:
        return drive->lba_mid[previous];
    case REG_LBA_HIGH:
        return drive->lba_high[previous];
    case REG_DEVICE:
        return drive->device;
    default:
        break;
    }
    u8 status = read_status(channel);
    if (present(selected(channel)))
        set_intrq(selected(channel), false);
    return status;
}

static void push(u8 pair[2], u8 value)
{
    pair[1] = pair[0];
    pair[0] = value;
}

static void write_drive_register(struct ide_drive *drive, unsigned reg, u8 value)
{
    if (drive->status & (STATUS_BSY | STATUS_DRQ)) {
        trace(GUEST, "%s: register %u written while busy", drive->device_entry.id, reg);
        return;
    }
    switch (reg) {
    case REG_ERROR:
        push(drive->feature, value);
        break;
    case REG_COUNT:
        push(drive->count, value);
        break;
    case REG_LBA_LOW:
        push(drive->lba_low, value);
        break;
    case REG_LBA_MID:
        push(drive->lba_mid, value);
        break;
    case REG_LBA_HIGH:
        push(drive->lba_high, value);
        break;
    case REG_DEVICE:
        drive->device = value;
        break;
    default:
        break;
    }
}

static bool both_idle(const struct ide_channel *channel)
{
    return !((channel->drive[0].status | channel->drive[1].status) & (STATUS_BSY | STATUS_DRQ));
}

static void write_command(struct ide_channel *channel, u8 command)
{
    struct ide_drive *drive = selected(channel);
    trace(IDE, "%s: command %02x feature=%02x count=%02x%02x lba=%02x%02x%02x%02x%02x%02x device=%02x",
          drive->device_entry.id, command, drive->feature[0], drive->count[1], drive->count[0], drive->lba_high[1],
          drive->lba_mid[1], drive->lba_low[1], drive->lba_high[0], drive->lba_mid[0], drive->lba_low[0],
          drive->device);
    if (channel->control & CONTROL_SRST)
        return;
    if (command == COMMAND_DIAGNOSTIC && both_idle(channel)) {
        ide_diagnose(channel);
        return;
    }
    if (!present(drive) || drive->phase == IDE_ASLEEP)
        return;
    if (command == COMMAND_DEVICE_RESET && drive->media == IDE_CDROM) {
        u8 device = drive->device; /* DEV stays: ATA/ATAPI-5 "DEVICE RESET" */
        reset_drive(drive, false);
        drive->device = device & DEVICE_DEV;
        update_irq(channel);
        return;
    }
    if (drive->status & (STATUS_BSY | STATUS_DRQ)) {
        trace(GUEST, "%s: command %02x while busy with %02x", drive->device_entry.id, command, drive->command);
        return;
    }
    set_intrq(drive, false);
    drive->command = command;
    if (drive->media == IDE_CDROM)
        ide_atapi_command(drive);
    else
        ide_ata_command(drive);
}

static void write_register(struct ide_channel *channel, unsigned reg, u8 value)
{
    channel->control &= (u8)~CONTROL_HOB;
    if (reg == REG_COMMAND) {
        write_command(channel, value);
        return;
    }
    if (reg == REG_DEVICE && !(selected(channel)->status & (STATUS_BSY | STATUS_DRQ)))
        channel->select = value & DEVICE_DEV ? 1 : 0;
    for (int unit = 0; unit < 2; unit++)
        write_drive_register(&channel->drive[unit], reg, value);
    update_irq(channel);
}

static u64 command_read(void *opaque, u64 offset, unsigned size)
{
    struct ide_channel *channel = opaque;
    if (offset == REG_DATA)
        return answering(channel) ? read_data_port(channel, size) : 0xffffff7f;
    u32 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (u32)(offset + i < 8 ? read_register(channel, (unsigned)offset + i) : 0xff) << 8 * i;
    return value;
}

static void command_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct ide_channel *channel = opaque;
    if (offset == REG_DATA) {
        write_data_port(channel, (u32)value, size);
        return;
    }
    for (unsigned i = 0; i < size && offset + i < 8; i++)
        write_register(channel, (unsigned)offset + i, (u8)(value >> 8 * i));
}

static void command_read_block(void *opaque, u64 offset, unsigned size, void *data, unsigned count)
{
    struct ide_channel *channel = opaque;
    if (offset == REG_DATA && size > 1) {
        read_data(selected(channel), data, size * count);
        return;
    }
    u8 *to = data;
    for (unsigned i = 0; i < count; i++, to += size) {
        u32 value = (u32)command_read(channel, offset, size);
        memcpy(to, &value, size);
    }
}

static void command_write_block(void *opaque, u64 offset, unsigned size, const void *data, unsigned count)
{
    struct ide_channel *channel = opaque;
    if (offset == REG_DATA && size > 1) {
        write_data(selected(channel), data, size * count);
        return;
    }
    const u8 *from = data;
    for (unsigned i = 0; i < count; i++, from += size) {
        u32 value = 0;
        memcpy(&value, from, size);
        command_write(channel, offset, value, size);
    }
}

static u64 control_read(void *opaque, u64 offset, unsigned size)
{
    return read_status(opaque); /* Alternate Status: INTRQ stays */
}

static void control_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    write_control(opaque, (u8)value);
}

static const struct bus_ops command_ops = {
    .read = command_read,
    .write = command_write,
    .min_size = 1,
    .max_size = 4,
    .read_block = command_read_block,
    .write_block = command_write_block,
};

static const struct bus_ops control_ops = {control_read, control_write, 1, 1, NULL, NULL};

/* The chips' tables. */

static void drive_reset(void *state)
{
    reset_drive(state, true);
}

static int drive_check(const void *state)
{
    const struct ide_drive *drive = state;
    bool ordered = drive->position <= drive->block_end && drive->block_end <= drive->buffered;
    bool dma = drive->phase == IDE_DMA_IN || drive->phase == IDE_DMA_OUT;
    if (drive->phase > IDE_ASLEEP || drive->buffered > sizeof(drive->buffer) || (!ordered && !dma))
        return -EINVAL;
    if (drive->position > drive->buffered || drive->multiple > IDE_MAX_MULTIPLE || !drive->heads || !drive->sectors)
        return -EINVAL;
    return drive->lba > drive->total || drive->left > drive->total - drive->lba ? -EINVAL : 0;
}

static const struct field drive_fields[] = {
    FIELD_BLOB(struct ide_drive, feature),
    FIELD_BLOB(struct ide_drive, count),
    FIELD_BLOB(struct ide_drive, lba_low),
    FIELD_BLOB(struct ide_drive, lba_mid),
    FIELD_BLOB(struct ide_drive, lba_high),
    FIELD(U8, struct ide_drive, device),
    FIELD(U8, struct ide_drive, command),
    FIELD(U8, struct ide_drive, status),
    FIELD(U8, struct ide_drive, error),
    FIELD(BOOL, struct ide_drive, intrq),
    FIELD(U8, struct ide_drive, phase),
    FIELD(U8, struct ide_drive, multiple),
    FIELD(U8, struct ide_drive, power_mode),
    FIELD(U8, struct ide_drive, transfer_mode),
    FIELD(BOOL, struct ide_drive, write_cache),
    FIELD(BOOL, struct ide_drive, read_ahead),
    FIELD(BOOL, struct ide_drive, revert_on_reset),
    FIELD(U16, struct ide_drive, heads),
    FIELD(U16, struct ide_drive, sectors),
    FIELD(U16, struct ide_drive, cylinders),
    FIELD(U64, struct ide_drive, lba),
    FIELD(U32, struct ide_drive, left),
    FIELD(U32, struct ide_drive, buffered),
    FIELD(U32, struct ide_drive, position),
    FIELD(U32, struct ide_drive, block_end),
    FIELD(U16, struct ide_drive, byte_limit),
    FIELD_BLOB(struct ide_drive, packet),
    FIELD(BOOL, struct ide_drive, packet_dma),
    FIELD(U8, struct ide_drive, sense_key),
    FIELD(U8, struct ide_drive, sense_code),
    FIELD(U8, struct ide_drive, sense_qualifier),
    FIELD(BOOL, struct ide_drive, medium_changed),
    FIELD(BOOL, struct ide_drive, locked),
    FIELD(BOOL, struct ide_drive, tray_open),
    FIELD(U8, struct ide_drive, media_event),
    FIELD(U8, struct ide_drive, audio.status),
    FIELD(U32, struct ide_drive, audio.position),
    FIELD(U32, struct ide_drive, audio.end),
    FIELD(U32, struct ide_drive, audio.sample),
    FIELD_BLOB(struct ide_drive, audio.channel),
    FIELD_BLOB(struct ide_drive, audio.volume),
    FIELD_BLOB(struct ide_drive, buffer),
    FIELD_END,
};

static const struct device_ops drive_ops = {
    .name = "ide-drive",
    .version = 1,
    .fields = drive_fields,
    .reset = drive_reset,
    .check = drive_check,
};

static void channel_reset(void *state)
{
    struct ide_channel *channel = state;
    channel->control = 0;
    channel->select = 0;
    update_irq(channel);
}

static void channel_loaded(void *state)
{
    struct ide_channel *channel = state;
    channel->irq_level = false;
    update_irq(channel);
}

static int channel_check(const void *state)
{
    return ((const struct ide_channel *)state)->select > 1 ? -EINVAL : 0;
}

static const struct field channel_fields[] = {
    FIELD(U8, struct ide_channel, control),
    FIELD(U8, struct ide_channel, select),
    FIELD_END,
};

static const struct device_ops channel_ops = {
    .name = "ide",
    .version = 1,
    .fields = channel_fields,
    .reset = channel_reset,
    .loaded = channel_loaded,
    .check = channel_check,
};

static void init_drive(struct ide_channel *channel, int unit, const char *name)
{
    struct ide_drive *drive = &channel->drive[unit];
    char id[32];
    drive->channel = channel;
    drive->unit = (u8)unit;
    drive->heads = drive->sectors = drive->cylinders = 1;
    drive->default_cylinders = drive->default_heads = drive->default_sectors = 1;
    snprintf(id, sizeof(id), "%s.%d", name, unit);
    device_add(&channel->machine->devices, &drive->device_entry, &drive_ops, drive, id);
    reset_drive(drive, true);
}

void ide_init(struct ide_channel *channel, struct machine *machine, u16 base, u16 control, const struct irq *irq)
{
    const char *name = base == 0x1f0 ? "ide0" : base == 0x170 ? "ide1" : "ide2";
    channel->machine = machine;
    channel->irq = *irq;
    for (int unit = 0; unit < 2; unit++)
        init_drive(channel, unit, name);
    device_add(&machine->devices, &channel->device_entry, &channel_ops, channel, name);
    channel->command_ports =
        (struct port_range){.name = name, .base = base, .count = 8, .ops = &command_ops, .opaque = channel};
    channel->control_ports =
        (struct port_range){.name = name, .base = control, .count = 1, .ops = &control_ops, .opaque = channel};
    ioports_add(machine->ports, &channel->command_ports);
    ioports_add(machine->ports, &channel->control_ports);
}

void ide_isa_init(struct ide_channel channel[2], struct machine *machine, const struct irq irq[2])
{
    ide_init(&channel[0], machine, 0x1f0, 0x3f6, &irq[0]);
    ide_init(&channel[1], machine, 0x170, 0x376, &irq[1]);
}

/* Drives. */

static void name_drive(struct ide_drive *drive)
{
    unsigned index = (drive->channel->command_ports.base == 0x170 ? 2u : 0u) + drive->unit;
    bool disc = drive->media == IDE_CDROM;
    snprintf(drive->serial, sizeof(drive->serial), "CL%05u", index + 1);
    snprintf(drive->model, sizeof(drive->model), disc ? "CLUTCH CD-ROM" : "CLUTCH HARDDISK");
    snprintf(drive->firmware, sizeof(drive->firmware), "1.0");
}

static void set_geometry(struct ide_drive *drive)
{
    unsigned cylinders, heads, sectors;
    ide_geometry(drive->block, &cylinders, &heads, &sectors);
    drive->default_cylinders = (u16)cylinders;
    drive->default_heads = (u16)heads;
    drive->default_sectors = (u16)sectors;
}

void ide_attach(struct ide_channel *channel, int unit, struct block *block, enum ide_media media)
{
    struct ide_drive *drive = &channel->drive[unit & 1];
    drive->media = media;
    drive->block = block;
    drive->total = block ? block_sectors(block) : 0;
    name_drive(drive);
    if (media == IDE_DISK)
        set_geometry(drive);
    else
        ide_atapi_insert(drive);
    reset_drive(drive, true);
}

void ide_detach(struct ide_channel *channel, int unit)
{
    struct ide_drive *drive = &channel->drive[unit & 1];
    stop_command(drive);
    cd_audio_stop(&drive->audio);
    drive->media = IDE_NONE;
    drive->block = NULL;
    drive->total = 0;
    update_irq(channel);
}

void ide_change_medium(struct ide_channel *channel, int unit, struct block *block)
{
    struct ide_drive *drive = &channel->drive[unit & 1];
    if (drive->in_flight) { /* the host is reading the old disc: the guest sees the command fail */
        cancel(drive);
        ide_atapi_medium_done(drive, -ENOMEDIUM);
    }
    cd_audio_stop(&drive->audio);
    drive->block = block;
    drive->total = block ? block_sectors(block) : 0;
    drive->left = 0;
    drive->lba = 0;
    drive->tray_open = false;
    ide_atapi_insert(drive);
    ide_atapi_tell_change(drive);
}

int ide_connect_audio(struct ide_channel *channel, int unit, struct audio *audio)
{
    return cd_audio_init(&channel->drive[unit & 1].audio, audio) < 0 ? -ENOMEM : 0;
}

void ide_request_eject(struct ide_channel *channel, int unit)
{
    channel->drive[unit & 1].media_event = MEDIA_EJECT_REQUEST;
}
