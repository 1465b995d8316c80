/*
 * Creative Sound Blaster 16 (CT1740 with DSP 4.05 and the CT1745 mixer): ports, interrupts and mixer.
 *
 * Source: Creative, "Sound Blaster Series Hardware Programming Guide", chapters 1 to 4 and appendix A; Yamaha YMF262
 *         datasheet for the FM synthesizer.
 * Modelled: reset, DSP ports, the interrupt status with its three sources (the MPU-401 is mpu401.c), jumperless IRQ and
 *         DMA selection, the Sound Blaster Pro's mixer registers beside the SB16's, volumes of voice, FM and master.
 * Not modelled: tone and gain controls, inputs (they are remembered), the CD-ROM interface, the wave table header.
 */
#include "devices/sb16.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "devices/sb16_internal.h"
#include "machine/trace.h"

enum { RESET = 0x6, READ_DATA = 0xa, COMMAND = 0xc, READ_STATUS = 0xe, ACK_16 = 0xf };
enum { MASTER = 0x30, VOICE = 0x32, FM = 0x34, MICROPHONE = 0x3a };
/* Of the Sound Blaster Pro, 4 bits a side; the microphone has 3. */
enum { OLD_VOICE = 0x04, OLD_MICROPHONE = 0x0a, OLD_MASTER = 0x22, OLD_FM = 0x26, OLD_CD = 0x28, OLD_LINE = 0x2e };

/* --- interrupts ------------------------------------------------------------------------------------------------------ */

static void drive(struct sb16 *sb)
{
    u8 levels = sb->irq_status ? sb->mixer[SB16_MIXER_IRQ] & 0x0f : 0, changed = levels ^ sb->irq_levels;
    sb->irq_levels = levels;
    for (int i = 0; i < 4; i++) /* the other lines belong to other cards */
        if (changed >> i & 1)
            irq_set(&sb->irq[i], levels >> i & 1);
}

void sb16_raise(struct sb16 *sb, u8 sources)
{
    sb->irq_status |= sources;
    drive(sb);
}

void sb16_lower(struct sb16 *sb, u8 sources)
{
    sb->irq_status &= ~sources;
    drive(sb);
}

static void mpu_interrupts(void *opaque, int line, bool level)
{
    if (level)
        sb16_raise(opaque, SB16_IRQ_MPU);
    else
        sb16_lower(opaque, SB16_IRQ_MPU);
}

struct irq sb16_mpu_irq(struct sb16 *sb)
{
    return (struct irq){mpu_interrupts, sb, 0};
}

/* --- the mixer ------------------------------------------------------------------------------------------------------- */

/* Five bits in steps of 2 dB.  A reset leaves both volumes of a path at 24, which is 28 dB below the loudest; so that
 * this is neither faint nor leaves any room above it, the steps over 24 count for less: both at 31 are full scale, both
 * at 24 half of it. */
static double decibels(u8 volume)
{
    int steps = volume >> 3;
    return steps > 24 ? (steps - 31) * 3 / 7. : -3 + (steps - 24) * 2;
}

static u32 gain(const struct sb16 *sb, int reg, int side)
{
    return AUDIO_UNITY * pow(10, (decibels(sb->mixer[MASTER + side]) + decibels(sb->mixer[reg + side])) / 20);
}

static void set_gains(struct sb16 *sb)
{
    u32 voice[2], fm[2];
    for (int side = 0; side < 2; side++) {
        voice[side] = gain(sb, VOICE, side);
        fm[side] = gain(sb, FM, side);
    }
    for (int i = 0; i < 2; i++)
        audio_voice_set_gain(sb->channel[i].voice, voice[0], voice[1]);
    audio_voice_set_gain(sb->direct_voice, voice[0], voice[1]);
    opl3_set_gain(&sb->opl, fm[0], fm[1]);
}

static const struct {
    u8 old, left;
} old_registers[] = {{OLD_VOICE, VOICE}, {OLD_MASTER, MASTER}, {OLD_FM, FM}, {OLD_CD, 0x36}, {OLD_LINE, 0x38}};

/* The bits that there are in registers 30 to 47. */
static const u8 mixer_bits[] = {0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xc0,
                                0x1f, 0x7f, 0x7f, 0xc0, 0xc0, 0xc0, 0xc0, 0x01, 0xf0, 0xf0, 0xf0, 0xf0};

static void reset_mixer(struct sb16 *sb)
{
    u8 irq = sb->mixer[SB16_MIXER_IRQ], dma = sb->mixer[SB16_MIXER_DMA];
    memset(sb->mixer, 0, sizeof(sb->mixer));
    sb->mixer[SB16_MIXER_IRQ] = irq;
    sb->mixer[SB16_MIXER_DMA] = dma;
    for (int reg = MASTER; reg <= FM + 1; reg++)
        sb->mixer[reg] = 0xc0; /* -14 dB */
    sb->mixer[0x3c] = 0x1f;
    sb->mixer[0x3d] = 0x15;
    sb->mixer[0x3e] = 0x0b;
    for (int reg = 0x44; reg <= 0x47; reg++)
        sb->mixer[reg] = 0x80;
    set_gains(sb);
}

static u8 read_mixer(struct sb16 *sb)
{
    if (sb->mixer_index == SB16_MIXER_STATUS)
        return sb->irq_status | 0x20;
    for (unsigned i = 0; i < ARRAY_SIZE(old_registers); i++)
        if (sb->mixer_index == old_registers[i].old)
            return (sb->mixer[old_registers[i].left] & 0xf0) | sb->mixer[old_registers[i].left + 1] >> 4;
    if (sb->mixer_index == OLD_MICROPHONE)
        return sb->mixer[MICROPHONE] >> 5;
    return sb->mixer[sb->mixer_index];
}

static u8 writable_bits(u8 index)
{
    if (index >= MASTER && index < MASTER + ARRAY_SIZE(mixer_bits))
        return mixer_bits[index - MASTER];
    return index == SB16_MIXER_IRQ ? 0x0f : index == SB16_MIXER_DMA ? 0xeb : 0xff;
}

static void write_mixer(struct sb16 *sb, u8 value)
{
    u8 index = sb->mixer_index;
    trace(AUDIO, "sb16: mixer %02x = %02x", index, value);
    if (index == 0) {
        reset_mixer(sb);
        return;
    }
    if (index == SB16_MIXER_STATUS)
        return;
    if (index == SB16_MIXER_DMA)
        sb16_stream_stop(sb);
    sb->mixer[index] = value & writable_bits(index);
    if (index == OLD_MICROPHONE)
        sb->mixer[MICROPHONE] = (value & 7) << 5 | 0x18;
    for (unsigned i = 0; i < ARRAY_SIZE(old_registers); i++) {
        if (index != old_registers[i].old)
            continue;
        sb->mixer[old_registers[i].left] = (value & 0xf0) | 0x08;
        sb->mixer[old_registers[i].left + 1] = (value & 0x0f) << 4 | 0x08;
    }
    if (index == SB16_MIXER_IRQ)
        drive(sb);
    set_gains(sb);
}

static void mixer_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct sb16 *sb = opaque;
    if (offset == 0)
        sb->mixer_index = value;
    else
        write_mixer(sb, value);
}

static u64 mixer_read(void *opaque, u64 offset, unsigned size)
{
    struct sb16 *sb = opaque;
    return offset == 0 ? sb->mixer_index : read_mixer(sb);
}

/* --- the DSP's ports ------------------------------------------------------------------------------------------------- */

static void write_reset(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct sb16 *sb = opaque;
    bool was_resetting = sb->resetting;
    sb->resetting = value & 1;
    if (sb->resetting && !was_resetting)
        sb16_dsp_reset(sb);
    else if (was_resetting && !sb->resetting)
        sb16_say(sb, 0xaa);
}

static u64 read_reset(void *opaque, u64 offset, unsigned size)
{
    return 0xff;
}

static u8 read_data(struct sb16 *sb)
{
    if (sb->in_count) {
        sb->last_in = sb->in[0];
        memmove(sb->in, sb->in + 1, --sb->in_count);
    }
    return sb->last_in;
}

static u64 dsp_read(void *opaque, u64 offset, unsigned size)
{
    struct sb16 *sb = opaque;
    switch (offset + READ_DATA) {
    case READ_DATA: return read_data(sb);
    case COMMAND: /* bit 7: busy, as it is only during a reset */ return sb->resetting ? 0xff : 0x7f;
    case READ_STATUS: sb16_lower(sb, SB16_IRQ_8); return sb->in_count ? 0xff : 0x7f;
    case ACK_16: sb16_lower(sb, SB16_IRQ_16); return 0xff;
    default: return 0xff;
    }
}

static void dsp_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    if (offset + READ_DATA == COMMAND)
        sb16_dsp_write(opaque, value);
}

static u64 fm_read(void *opaque, u64 offset, unsigned size)
{
    struct sb16 *sb = opaque;
    return opl3_read(&sb->opl, offset & 3);
}

static void fm_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct sb16 *sb = opaque;
    opl3_write(&sb->opl, offset & 3, value);
}

static const struct bus_ops mixer_bus = {.read = mixer_read, .write = mixer_write, .min_size = 1, .max_size = 1};
static const struct bus_ops reset_bus = {.read = read_reset, .write = write_reset, .min_size = 1, .max_size = 1};
static const struct bus_ops dsp_bus = {.read = dsp_read, .write = dsp_write, .min_size = 1, .max_size = 1};
static const struct bus_ops fm_bus = {.read = fm_read, .write = fm_write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    static const u8 irqs[] = {9, 5, 7, 10};
    struct sb16 *sb = state;
    sb->resetting = sb->uart = false;
    sb16_dsp_reset(sb);
    sb->last_in = 0xaa;
    sb->mixer_index = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(irqs); i++)
        if (sb->settings.irq == irqs[i])
            sb->mixer[SB16_MIXER_IRQ] = 1 << i;
    sb->mixer[SB16_MIXER_DMA] = 1 << sb->settings.dma | 1 << sb->settings.dma16;
    memset(sb->asp, 0, sizeof(sb->asp));
    reset_mixer(sb);
    drive(sb);
}

static void loaded(void *state)
{
    struct sb16 *sb = state;
    set_gains(sb);
    drive(sb);
    sb16_stream_loaded(sb);
}

static int check(const void *state)
{
    const struct sb16 *sb = state;
    for (int i = 0; i < 2; i++) {
        const struct sb16_stream *stream = &sb->channel[i].stream;
        if (stream->format >= SB16_FORMATS || stream->sample_count > 4 || stream->step > 5 ||
            (stream->playing && (!stream->length || stream->wide != i)))
            return -EINVAL;
    }
    return sb->in_count > sizeof(sb->in) || !sb->rate ? -EINVAL : 0;
}

#define CHANNEL_FIELDS(n)                                                                                              \
    FIELD(BOOL, struct sb16, channel[n].stream.playing), FIELD(BOOL, struct sb16, channel[n].stream.paused),           \
        FIELD(BOOL, struct sb16, channel[n].stream.auto_init), FIELD(BOOL, struct sb16, channel[n].stream.last),       \
        FIELD(BOOL, struct sb16, channel[n].stream.record), FIELD(BOOL, struct sb16, channel[n].stream.wide),          \
        FIELD(BOOL, struct sb16, channel[n].stream.is_signed), FIELD(BOOL, struct sb16, channel[n].stream.stereo),     \
        FIELD(U8, struct sb16, channel[n].stream.format), FIELD(U32, struct sb16, channel[n].stream.length),           \
        FIELD(U32, struct sb16, channel[n].stream.left), FIELD(U8, struct sb16, channel[n].stream.reference),          \
        FIELD(U8, struct sb16, channel[n].stream.step), FIELD(BOOL, struct sb16, channel[n].stream.wants_reference),   \
        FIELD(BOOL, struct sb16, channel[n].stream.by_block), FIELD_BLOB(struct sb16, channel[n].stream.samples),      \
        FIELD(U8, struct sb16, channel[n].stream.sample_first),                                                        \
        FIELD(U8, struct sb16, channel[n].stream.sample_count), FIELD(TIMER, struct sb16, channel[n].block_end)

static const struct field fields[] = {
    FIELD(U8, struct sb16, mixer_index),
    FIELD_BLOB(struct sb16, mixer),
    FIELD(U8, struct sb16, irq_status),
    FIELD_BLOB(struct sb16, in),
    FIELD(U8, struct sb16, in_count),
    FIELD(U8, struct sb16, last_in),
    FIELD(U8, struct sb16, command),
    FIELD_BLOB(struct sb16, argument),
    FIELD(U8, struct sb16, arguments),
    FIELD(BOOL, struct sb16, resetting),
    FIELD(BOOL, struct sb16, uart),
    FIELD(BOOL, struct sb16, speaker),
    FIELD(U8, struct sb16, test),
    FIELD_BLOB(struct sb16, asp),
    FIELD(U8, struct sb16, identity),
    FIELD(U8, struct sb16, identity_key),
    FIELD(U32, struct sb16, rate),
    FIELD(U32, struct sb16, block),
    FIELD(BOOL, struct sb16, by_time_constant),
    CHANNEL_FIELDS(0),
    CHANNEL_FIELDS(1),
    FIELD(TIMER, struct sb16, silence_end),
    FIELD_END,
};

const struct device_ops sb16_ops = {
    .name = "sb16", .version = 1, .fields = fields, .reset = reset, .loaded = loaded, .check = check};

static void add_ports(struct sb16 *sb, struct port_range *range, const char *name, u16 offset, u32 count,
                      const struct bus_ops *ops)
{
    *range = (struct port_range){name, sb->settings.port + offset, count, ops, sb, false, NULL};
    ioports_add(sb->machine->ports, range);
}

int sb16_init(struct sb16 *sb, struct machine *machine, struct audio *audio, struct i8237 *dma, struct mpu401 *mpu,
              const struct irq irqs[4], const struct sb16_settings *settings)
{
    *sb = (struct sb16){.machine = machine, .dma = dma, .mpu = mpu, .settings = *settings};
    memcpy(sb->irq, irqs, sizeof(sb->irq));
    if (opl3_init(&sb->opl, machine, audio, OPL3_ADLIB_PORT, "sb16-opl3") || sb16_stream_init(sb, audio))
        return -ENOMEM;
    add_ports(sb, &sb->fm, "sb16 fm", 0, 4, &fm_bus);
    add_ports(sb, &sb->mixer_ports, "sb16 mixer", 4, 2, &mixer_bus);
    add_ports(sb, &sb->reset_port, "sb16 reset", RESET, 1, &reset_bus);
    add_ports(sb, &sb->fm_8, "sb16 fm", 8, 2, &fm_bus);
    add_ports(sb, &sb->dsp_ports, "sb16 dsp", READ_DATA, 6, &dsp_bus);
    device_add(&machine->devices, &sb->device, &sb16_ops, sb, "sb16");
    reset(sb);
    return 0;
}
