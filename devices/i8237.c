/*
 * Intel 8237A programmable DMA controller: the PC's pair, for bytes (channels 0-3) and words (5-7), and page registers.
 *
 * Source: Intel 8237A datasheet (231466), "Register Description", "DMA Operation"; Intel 82371SB (PIIX3) datasheet,
 *         "DMA Controller Registers"; IBM PC/AT Technical Reference for the page registers.
 * Modelled: single, demand and block transfers by devices in both directions and verify, autoinitialise, decrement,
 *         terminal count, masks, flip-flops, cascade through channel 4, wrap inside the page.
 * Not modelled: memory-to-memory, software requests, rotating priority and timing bits: no PC software needs them.
 */
#include "devices/i8237.h"

#include <assert.h>

#include "machine/trace.h"

enum { CASCADE = 4 };
enum {
    REG_COMMAND = 8,
    REG_REQUEST,
    REG_MASK,
    REG_MODE,
    REG_CLEAR_FLIP_FLOP,
    REG_MASTER_CLEAR,
    REG_CLEAR_MASK,
    REG_ALL_MASK
};
enum { COMMAND_MEMORY_TO_MEMORY = 0x01, COMMAND_DISABLE = 0x04 };
enum { MODE_TRANSFER = 0x0c, MODE_VERIFY = 0x00, MODE_TO_MEMORY = 0x04, MODE_FROM_MEMORY = 0x08 };
enum { MODE_AUTOINIT = 0x10, MODE_DECREMENT = 0x20, MODE_CASCADE = 0xc0 };

/* Where the page of each channel stands in 80-8f. */
static const u8 page_port[8] = {7, 3, 1, 2, 15, 11, 9, 10};

static unsigned unit(int channel)
{
    return channel > CASCADE ? 2 : 1;
}

static bool unmasked(const struct i8237 *dma, int channel)
{
    int chip = channel >> 2;
    return !(dma->command[chip] & COMMAND_DISABLE) && !(dma->mask[chip] >> (channel & 3) & 1);
}

/* Requested, let through by its controller, and (channels 0-3) by the cascade. */
static bool active(const struct i8237 *dma, int channel)
{
    return dma->requests >> channel & 1 && unmasked(dma, channel) && (channel > CASCADE || unmasked(dma, CASCADE)) &&
           (dma->channel[channel].mode & MODE_CASCADE) != MODE_CASCADE;
}

/* Call the clients whose channels are active, the highest priority first. */
static void grant(struct i8237 *dma)
{
    if (dma->granting >= 0)
        return;
    do {
        dma->again = false;
        for (int i = 0; i < 8; i++) {
            if (i == CASCADE || !active(dma, i) || !dma->channel[i].granted)
                continue;
            dma->granting = i;
            dma->channel[i].granted(dma->channel[i].opaque);
            dma->granting = -1;
        }
    } while (dma->again);
}

void i8237_attach(struct i8237 *dma, int channel, void (*granted)(void *opaque), void *opaque)
{
    assert(channel >= 0 && channel < 8 && channel != CASCADE);
    dma->channel[channel].granted = granted;
    dma->channel[channel].opaque = opaque;
}

void i8237_on_look(struct i8237 *dma, int channel, void (*look)(void *opaque), void *opaque)
{
    assert(channel >= 0 && channel < 8 && channel != CASCADE);
    dma->channel[channel].look = look;
    dma->channel[channel].look_opaque = opaque;
}

void i8237_request(struct i8237 *dma, int channel, bool level)
{
    u8 bit = 1u << channel;
    bool rises = level && !(dma->requests & bit);
    dma->requests = level ? dma->requests | bit : dma->requests & ~bit;
    if (rises && dma->granting >= 0 && dma->granting != channel)
        dma->again = true;
    if (level)
        grant(dma);
}

u32 i8237_left(const struct i8237 *dma, int channel)
{
    return (dma->channel[channel].count + 1u) * unit(channel);
}

/* Word channels put A1-A16 out and take A17-A23 from the page register. */
static u32 physical(const struct i8237 *dma, int channel)
{
    u32 page = dma->page[page_port[channel]], address = dma->channel[channel].address;
    return unit(channel) == 2 ? (page & 0xfe) << 16 | address << 1 : page << 16 | address;
}

static void terminal_count(struct i8237 *dma, int channel)
{
    struct i8237_channel *c = &dma->channel[channel];
    dma->terminal[channel >> 2] |= 1u << (channel & 3);
    trace(DMA, "channel %d: terminal count", channel);
    if (c->mode & MODE_AUTOINIT) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        dma->mask[channel >> 2] |= 1u << (channel & 3);
    }
}

static void move(struct i8237 *dma, int channel, u8 *data, u32 bytes)
{
    switch (dma->channel[channel].mode & MODE_TRANSFER) {
    case MODE_TO_MEMORY:
        memory_write(dma->memory, physical(dma, channel), data, bytes);
        break;
    case MODE_FROM_MEMORY:
        memory_read(dma->memory, physical(dma, channel), data, bytes);
        break;
    }
}

/* One run of transfers that memory sees as one piece: to the end of the page, one by one when decrementing. */
static u32 run(struct i8237 *dma, int channel, u8 *data, u32 length, bool *terminal)
{
    struct i8237_channel *c = &dma->channel[channel];
    bool down = c->mode & MODE_DECREMENT;
    u32 n = MIN(length / unit(channel), c->count + 1u);
    n = MIN(n, down ? 1 : 0x10000u - c->address);
    move(dma, channel, data, n * unit(channel));
    c->address += down ? -1 : (int)n;
    bool end = n > c->count;
    c->count -= n;
    if (end) {
        terminal_count(dma, channel);
        *terminal = true;
    }
    return n * unit(channel);
}

static u32 transfer(struct i8237 *dma, int channel, u8 *data, u32 length, u8 direction, bool *terminal)
{
    u8 type = dma->channel[channel].mode & MODE_TRANSFER;
    u32 done = 0;
    *terminal = false;
    if (type != direction && type != MODE_VERIFY)
        return 0;
    while (active(dma, channel) && length - done >= unit(channel) && !*terminal)
        done += run(dma, channel, data + done, length - done, terminal);
    trace(DMA, "channel %d: %u bytes", channel, done);
    return done;
}

u32 i8237_to_memory(struct i8237 *dma, int channel, const void *data, u32 length, bool *terminal)
{
    return transfer(dma, channel, (u8 *)(uintptr_t)data, length, MODE_TO_MEMORY, terminal);
}

u32 i8237_from_memory(struct i8237 *dma, int channel, void *data, u32 length, bool *terminal)
{
    return transfer(dma, channel, data, length, MODE_FROM_MEMORY, terminal);
}

/* Address and count are written and read low byte first, steered by the flip-flop. */
static u16 put_byte(u16 old, u8 value, bool high)
{
    return high ? (old & 0x00ff) | value << 8 : (old & 0xff00) | value;
}

static void write_channel(struct i8237 *dma, int chip, int reg, u8 value)
{
    struct i8237_channel *c = &dma->channel[chip * 4 + reg / 2];
    bool high = dma->flip_flop[chip];
    dma->flip_flop[chip] = !high;
    if (reg & 1)
        c->count = c->base_count = put_byte(c->base_count, value, high);
    else
        c->address = c->base_address = put_byte(c->base_address, value, high);
}

static u8 read_channel(struct i8237 *dma, int chip, int reg)
{
    const struct i8237_channel *c = &dma->channel[chip * 4 + reg / 2];
    if (c->look && !dma->flip_flop[chip]) /* both bytes are of one moment */
        c->look(c->look_opaque);
    u16 value = reg & 1 ? c->count : c->address;
    dma->flip_flop[chip] = !dma->flip_flop[chip];
    return dma->flip_flop[chip] ? value : value >> 8;
}

static void master_clear(struct i8237 *dma, int chip)
{
    dma->command[chip] = dma->terminal[chip] = 0;
    dma->flip_flop[chip] = false;
    dma->mask[chip] = 0x0f;
}

static void write_register(struct i8237 *dma, int chip, int reg, u8 value)
{
    u8 bit = 1u << (value & 3);
    switch (reg) {
    case REG_COMMAND:
        dma->command[chip] = value;
        if (value & COMMAND_MEMORY_TO_MEMORY)
            trace(UNIMP, "8237: memory-to-memory transfer");
        break;
    case REG_REQUEST:
        trace(UNIMP, "8237: software request %02x", value);
        break;
    case REG_MASK:
        dma->mask[chip] = value & 4 ? dma->mask[chip] | bit : dma->mask[chip] & ~bit;
        break;
    case REG_MODE:
        dma->channel[chip * 4 + (value & 3)].mode = value & 0xfc;
        break;
    case REG_CLEAR_FLIP_FLOP:
        dma->flip_flop[chip] = false;
        break;
    case REG_MASTER_CLEAR:
        master_clear(dma, chip);
        break;
    case REG_CLEAR_MASK:
        dma->mask[chip] = 0;
        break;
    case REG_ALL_MASK:
        dma->mask[chip] = value & 0x0f;
        break;
    }
    grant(dma);
}

static void write_chip(struct i8237 *dma, int chip, int reg, u8 value)
{
    trace(DMA, "controller %d: register %x = %02x", chip, reg, value);
    if (reg < REG_COMMAND)
        write_channel(dma, chip, reg, value);
    else
        write_register(dma, chip, reg, value);
}

static u8 read_chip(struct i8237 *dma, int chip, int reg)
{
    u8 status;
    switch (reg) {
    case REG_COMMAND:
        status = dma->terminal[chip] | (dma->requests >> chip * 4 & 15) << 4;
        dma->terminal[chip] = 0; /* "TC bits are cleared upon each status read" */
        return status;
    case REG_MASTER_CLEAR:
        return 0; /* the temporary register, which only memory-to-memory fills */
    case REG_ALL_MASK:
        return dma->mask[chip] | 0xf0;
    default:
        return reg < REG_COMMAND ? read_channel(dma, chip, reg) : 0xff;
    }
}

static u64 read_0(void *opaque, u64 offset, unsigned size)
{
    return read_chip(opaque, 0, offset & 15);
}
static void write_0(void *opaque, u64 offset, u64 value, unsigned size)
{
    write_chip(opaque, 0, offset & 15, value);
}
static u64 read_1(void *opaque, u64 offset, unsigned size)
{
    return read_chip(opaque, 1, offset >> 1 & 15);
}
static void write_1(void *opaque, u64 offset, u64 value, unsigned size)
{
    write_chip(opaque, 1, offset >> 1 & 15, value);
}

static u64 read_page(void *opaque, u64 offset, unsigned size)
{
    struct i8237 *dma = opaque;
    return dma->page[offset & 15];
}

static void write_page(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i8237 *dma = opaque;
    dma->page[offset & 15] = value;
}

static const struct bus_ops bus_0 = {.read = read_0, .write = write_0, .min_size = 1, .max_size = 1};
static const struct bus_ops bus_1 = {.read = read_1, .write = write_1, .min_size = 1, .max_size = 1};
static const struct bus_ops bus_page = {.read = read_page, .write = write_page, .min_size = 1, .max_size = 1};

/* DREQ lines belong to the devices and stay. */
static void reset(void *state)
{
    struct i8237 *dma = state;
    master_clear(dma, 0);
    master_clear(dma, 1);
}

#define CHANNEL_FIELDS(n)                                                                               \
    FIELD(U16, struct i8237, channel[n].base_address), FIELD(U16, struct i8237, channel[n].base_count), \
        FIELD(U16, struct i8237, channel[n].address), FIELD(U16, struct i8237, channel[n].count),       \
        FIELD(U8, struct i8237, channel[n].mode)

static const struct field fields[] = {
    CHANNEL_FIELDS(0),
    CHANNEL_FIELDS(1),
    CHANNEL_FIELDS(2),
    CHANNEL_FIELDS(3),
    CHANNEL_FIELDS(4),
    CHANNEL_FIELDS(5),
    CHANNEL_FIELDS(6),
    CHANNEL_FIELDS(7),
    FIELD_ARRAY(U8, struct i8237, command),
    FIELD_ARRAY(U8, struct i8237, terminal),
    FIELD_ARRAY(U8, struct i8237, mask),
    FIELD_ARRAY(BOOL, struct i8237, flip_flop),
    FIELD(U8, struct i8237, requests),
    FIELD_BLOB(struct i8237, page),
    FIELD_END,
};

const struct device_ops i8237_ops = {.name = "i8237", .version = 1, .fields = fields, .reset = reset};

void i8237_init(struct i8237 *dma, struct machine *machine)
{
    *dma = (struct i8237){.memory = machine->memory, .granting = -1};
    dma->ports[0] = (struct port_range){"dma 0-3", 0x00, 16, &bus_0, dma, false, NULL};
    dma->ports[1] = (struct port_range){"dma pages", 0x80, 16, &bus_page, dma, false, NULL};
    dma->ports[2] = (struct port_range){"dma 4-7", 0xc0, 32, &bus_1, dma, false, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(dma->ports); i++)
        ioports_add(machine->ports, &dma->ports[i]);
    device_add(&machine->devices, &dma->device, &i8237_ops, dma, "dma");
    reset(dma);
}
