/*
 * Intel 82801AA (ICH) AC'97 audio controller, with a codec of the SigmaTel STAC9700's kind.
 *
 * Source: Intel 82801AA datasheet (290655), "AC'97 Audio Controller Registers"; Intel, "Audio Codec '97 Component
 *         Specification 2.1", "Mixer Registers", "Extended Audio"; SigmaTel STAC9700 datasheet for its identification.
 * Modelled: PCM out with variable rate, PCM and microphone input (of silence), the rings of buffer descriptors with
 *         their interrupts, volumes of master and PCM out.
 * Not modelled: other inputs and tone controls (remembered), S/PDIF, more than two channels, modem.
 */
#include "devices/ac97.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "machine/trace.h"

enum { SAMPLE_RATE = 48000, SHORTEST_NS = 50000 };

/* Codec registers, by word. */
enum {
    CODEC_RESET = 0x00 / 2,
    CODEC_MASTER = 0x02 / 2,
    CODEC_HEADPHONE = 0x04 / 2,
    CODEC_MONO = 0x06 / 2,
    CODEC_PCM_OUT = 0x18 / 2,
    CODEC_POWER = 0x26 / 2,
    CODEC_EXTENDED_ID = 0x28 / 2,
    CODEC_EXTENDED = 0x2a / 2,
    CODEC_FRONT_RATE = 0x2c / 2,
    CODEC_LAST_OUT_RATE = 0x30 / 2,
    CODEC_IN_RATE = 0x32 / 2,
    CODEC_MIC_RATE = 0x34 / 2,
    CODEC_OWN = 0x5a / 2, /* "vendor reserved" up to 7A: remembered */
    CODEC_VENDOR = 0x7c / 2,
};
enum { MUTE = 0x8000, VARIABLE_RATE = 0x0001, VARIABLE_MIC_RATE = 0x0008, POWER_READY = 0x000f };

/* Bus master registers: of a channel, and global ones. */
enum { BDBAR = 0, CIV = 4, LVI = 5, SR = 6, PICB = 8, PIV = 10, CR = 11, CHANNEL_SIZE = 16 };
enum { GLOB_CNT = 0x2c, GLOB_STA = 0x30, CAS = 0x34, MASTER_SIZE = 64, MIXER_SIZE = 256 };
enum {
    SR_HALTED = 0x01,
    SR_AT_LAST = 0x02,
    SR_LAST_DONE = 0x04,
    SR_BUFFER_DONE = 0x08,
    SR_FIFO = 0x10,
    SR_CLEARABLE = 0x1c
};
enum { CR_RUN = 0x01, CR_RESET = 0x02, CR_LAST_IRQ = 0x04, CR_FIFO_IRQ = 0x08, CR_BUFFER_IRQ = 0x10 };
enum { DESCRIPTOR_IRQ = 0x8000, DESCRIPTOR_ZEROS = 0x4000 }; /* IOC and BUP, bits 31 and 30 */
enum { GC_COLD_RESET = 0x02, GC_WARM_RESET = 0x04, GS_CODEC_READY = 0x100 };
enum { GS_READ_FAILED = 0x8000, GS_WRITABLE = 0x30000 }; /* no codec answered; AD3 and MD3, for software */

static const u16 channel_irq[AC97_CHANNELS] = {0x20, 0x40, 0x80}; /* in GLOB_STA */

/* --- interrupts ------------------------------------------------------------------------------------------------------ */

static bool wants_interrupt(const struct ac97_channel *channel)
{
    return (channel->status & SR_LAST_DONE && channel->control & CR_LAST_IRQ) ||
           (channel->status & SR_BUFFER_DONE && channel->control & CR_BUFFER_IRQ) ||
           (channel->status & SR_FIFO && channel->control & CR_FIFO_IRQ);
}

static void update_interrupt(struct ac97 *ac97)
{
    u32 status = ac97->global_status & ~(0x20u | 0x40 | 0x80);
    bool any = false;
    for (int i = 0; i < AC97_CHANNELS; i++) {
        if (!wants_interrupt(&ac97->channel[i]))
            continue;
        status |= channel_irq[i];
        any = true;
    }
    ac97->global_status = status;
    pci_set_intx(&ac97->pci, any);
}

/* --- channels -------------------------------------------------------------------------------------------------------- */

static bool is_input(const struct ac97_channel *channel)
{
    return channel != &channel->ac97->channel[AC97_PCM_OUT];
}

/* The microphone's channel is mono. */
static unsigned frame_samples(const struct ac97_channel *channel)
{
    return channel == &channel->ac97->channel[AC97_MIC_IN] ? 1 : 2;
}

static bool may_move(const struct ac97_channel *channel)
{
    return channel->control & CR_RUN && !(channel->status & SR_HALTED) && channel->ac97->pci.config[4] & 4;
}

static u32 channel_rate(const struct ac97_channel *channel)
{
    const struct ac97 *ac97 = channel->ac97;
    static const u8 registers[AC97_CHANNELS] = {CODEC_IN_RATE, CODEC_FRONT_RATE, CODEC_MIC_RATE};
    return ac97->codec[registers[channel - ac97->channel]];
}

/* The voice runs while the channel does. */
static void pace(struct ac97_channel *channel)
{
    struct clock *clock = channel->ac97->machine->clock;
    audio_voice_set_rate(channel->voice, may_move(channel) ? MAX(channel_rate(channel), 1u) : 0);
    if (!audio_voice_rate(channel->voice)) {
        timer_cancel(&channel->end);
        return;
    }
    u64 frames = MAX((channel->left + 1u) / frame_samples(channel), 1u);
    timer_set(&channel->end, MAX(audio_voice_time(channel->voice, frames), clock_ns(clock) + SHORTEST_NS));
}

static void fetch_descriptor(struct ac97_channel *channel)
{
    u8 bytes[8];
    memory_read(channel->ac97->machine->memory, channel->table + channel->current * 8u, bytes, sizeof(bytes));
    channel->address = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (u32)bytes[3] << 24) & ~1u;
    channel->left = bytes[4] | bytes[5] << 8;
    channel->flags = bytes[6] | bytes[7] << 8;
    channel->prefetched = (channel->current + 1) & 31;
    channel->fetched = true;
    trace(AUDIO, "ac97: channel %d: buffer %u at %08x, %u samples", (int)(channel - channel->ac97->channel),
          channel->current, channel->address, channel->left);
}

/* The current buffer is done: its interrupts, and the next one or the end. */
static void finish_buffer(struct ac97_channel *channel)
{
    if (channel->flags & DESCRIPTOR_IRQ)
        channel->status |= SR_BUFFER_DONE;
    if (channel->current == channel->last) {
        channel->status |= SR_LAST_DONE | SR_AT_LAST | SR_HALTED;
        if (channel->flags & DESCRIPTOR_ZEROS || is_input(channel))
            memset(channel->ac97->level, 0, sizeof(channel->ac97->level));
        audio_voice_set_rate(channel->voice, 0);
    } else {
        channel->current = channel->prefetched;
        fetch_descriptor(channel);
    }
    update_interrupt(channel->ac97);
}

/* Moves the samples of one frame. */
static void go_on(struct ac97_channel *channel)
{
    struct memory *memory = channel->ac97->machine->memory;
    unsigned samples = MIN(frame_samples(channel), channel->left);
    u8 bytes[4] = {0};
    if (is_input(channel)) {
        memory_write(memory, channel->address, bytes, 2 * samples);
    } else if (samples) {
        memory_read(memory, channel->address, bytes, 2 * samples);
        channel->ac97->level[0] = (i16)(bytes[0] | bytes[1] << 8);
        channel->ac97->level[1] = (i16)(bytes[2] | bytes[3] << 8);
    }
    channel->address += 2 * samples;
    channel->left -= samples;
    if (!channel->left)
        finish_buffer(channel);
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct ac97_channel *channel = opaque;
    const i16 *level = channel->ac97->level;
    for (unsigned i = 0; i < count; i++) {
        if (may_move(channel) && channel->fetched)
            go_on(channel);
        if (frames)
            frames[i] = is_input(channel) ? (struct audio_frame){0, 0} : (struct audio_frame){level[0], level[1]};
    }
}

static void buffer_end(void *opaque)
{
    struct ac97_channel *channel = opaque;
    audio_voice_run(channel->voice);
    pace(channel);
}

static void reset_channel(struct ac97_channel *channel)
{
    audio_voice_set_rate(channel->voice, 0);
    timer_cancel(&channel->end);
    channel->table = channel->address = 0;
    channel->current = channel->last = channel->prefetched = channel->control = 0;
    channel->left = channel->flags = 0;
    channel->status = SR_HALTED;
    channel->fetched = false;
    update_interrupt(channel->ac97);
}

static void start(struct ac97_channel *channel)
{
    channel->status &= ~(SR_HALTED | SR_AT_LAST);
    if (!channel->fetched)
        fetch_descriptor(channel);
    pace(channel);
}

static void write_control(struct ac97_channel *channel, u8 value)
{
    audio_voice_run(channel->voice);
    if (value & CR_RESET) { /* "only when the run bit is clear"; the interrupt enables stay */
        u8 enables = channel->control & (CR_LAST_IRQ | CR_FIFO_IRQ | CR_BUFFER_IRQ);
        reset_channel(channel);
        channel->control = enables;
        return;
    }
    bool ran = channel->control & CR_RUN;
    channel->control = value & (CR_RUN | CR_LAST_IRQ | CR_FIFO_IRQ | CR_BUFFER_IRQ);
    if (!ran && value & CR_RUN) {
        start(channel);
    } else if (ran && !(value & CR_RUN)) {
        channel->status |= SR_HALTED;
        pace(channel);
    }
    update_interrupt(channel->ac97);
}

/* A channel that had come to its last valid buffer goes on when there is another. */
static void write_last(struct ac97_channel *channel, u8 value)
{
    audio_voice_run(channel->voice);
    channel->last = value & 31;
    if (channel->control & CR_RUN && channel->status & SR_HALTED && channel->fetched && !channel->left) {
        channel->current = channel->prefetched;
        fetch_descriptor(channel);
        start(channel);
    }
}

static void write_channel(struct ac97_channel *channel, unsigned reg, u32 value, unsigned size)
{
    switch (reg) {
    case BDBAR:
        if (size == 4)
            channel->table = value & ~7u;
        break;
    case CIV: /* CIV is read-only; a wider write reaches LVI and SR */
        if (size >= 2)
            write_last(channel, value >> 8);
        if (size == 4)
            write_channel(channel, SR, value >> 16, 2);
        break;
    case LVI: write_last(channel, value); break;
    case SR:
        audio_voice_run(channel->voice);
        channel->status &= ~(value & SR_CLEARABLE);
        update_interrupt(channel->ac97);
        break;
    case PICB: /* PICB and PIV are read-only */
        if (size == 4)
            write_control(channel, value >> 24);
        break;
    case CR: write_control(channel, value); break;
    }
}

static u32 read_channel(struct ac97_channel *channel, unsigned reg)
{
    audio_voice_run(channel->voice);
    switch (reg) {
    case BDBAR: return channel->table;
    case CIV: return channel->current | channel->last << 8 | (u32)channel->status << 16;
    case LVI: return channel->last | (u32)channel->status << 8;
    case SR: return channel->status;
    case PICB: return channel->left | (u32)channel->prefetched << 16 | (u32)channel->control << 24;
    case PIV: return channel->prefetched | (u32)channel->control << 8;
    case CR: return channel->control;
    default: return 0;
    }
}

/* --- codec ----------------------------------------------------------------------------------------------------------- */

/* Five or six bits of attenuation in steps of 1.5 dB. */
static double attenuation(u16 reg, unsigned shift, unsigned unity)
{
    if (reg & MUTE)
        return 0;
    int steps = (int)(reg >> shift & 0x3f) - (int)unity;
    return steps <= 0 ? 1 : pow(10, -1.5 * steps / 20);
}

static void set_gain(struct ac97 *ac97)
{
    u16 master = ac97->codec[CODEC_MASTER], pcm = ac97->codec[CODEC_PCM_OUT];
    double left = attenuation(master, 8, 0) * attenuation(pcm, 8, 8);
    double right = attenuation(master, 0, 0) * attenuation(pcm, 0, 8);
    audio_voice_set_gain(ac97->channel[AC97_PCM_OUT].voice, AUDIO_UNITY * left, AUDIO_UNITY * right);
}

static void reset_codec(struct ac97 *ac97)
{
    static const struct {
        u8 reg;
        u16 value;
    } values[] = {{0x02, 0x8000},      {0x04, 0x8000},      {0x06, 0x8000},      {0x0a, 0x0000},
                  {0x0c, 0x8008},      {0x0e, 0x8008},      {0x10, 0x8808},      {0x12, 0x8808},
                  {0x14, 0x8808},      {0x16, 0x8808},      {0x18, 0x8808},      {0x1a, 0x0000},
                  {0x1c, 0x8000},      {0x26, 0x000f},      {0x28, 0x0809},      {0x2a, 0x0009},
                  {0x2c, SAMPLE_RATE}, {0x2e, SAMPLE_RATE}, {0x30, SAMPLE_RATE}, {0x32, SAMPLE_RATE},
                  {0x34, SAMPLE_RATE}, {0x7c, 0x8384},      {0x7e, 0x7600}};
    memset(ac97->codec, 0, sizeof(ac97->codec));
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        ac97->codec[values[i].reg / 2] = values[i].value;
    set_gain(ac97);
}

static void write_rate(struct ac97 *ac97, unsigned reg, u16 value)
{
    bool variable = ac97->codec[CODEC_EXTENDED] & (reg == CODEC_MIC_RATE ? VARIABLE_MIC_RATE : VARIABLE_RATE);
    ac97->codec[reg] = variable ? MAX(MIN(value, 48000), 8000) : SAMPLE_RATE;
    for (int i = 0; i < AC97_CHANNELS; i++)
        if (audio_voice_rate(ac97->channel[i].voice))
            pace(&ac97->channel[i]);
}

/* The bits that there are in a mixer register. */
static u16 codec_bits(unsigned reg)
{
    static const u16 bits[] = {0,      0,      0,      0,      0,      0x801e, 0x801f, 0x805f, 0x9f1f,
                               0x9f1f, 0x9f1f, 0x9f1f, 0x9f1f, 0x0707, 0x8f0f, 0x800f, 0xf380, 0x000f};
    return reg < ARRAY_SIZE(bits) ? bits[reg] : reg >= CODEC_OWN ? 0xffff : 0;
}

static void write_codec(struct ac97 *ac97, unsigned reg, u16 value)
{
    trace(AUDIO, "ac97: codec %02x = %04x", reg * 2, value);
    switch (reg) {
    case CODEC_RESET: reset_codec(ac97); break;
    case CODEC_POWER: /* PR0 to PR3 switch off what the ready bits 0 to 3 stand for */
        ac97->codec[reg] = (value & 0xff00) | (POWER_READY & ~(value >> 8));
        break;
    case CODEC_EXTENDED:
        ac97->codec[reg] = value & (VARIABLE_RATE | VARIABLE_MIC_RATE);
        for (unsigned rate = CODEC_FRONT_RATE; rate <= CODEC_MIC_RATE; rate++)
            write_rate(ac97, rate, ac97->codec[rate]);
        break;
    case CODEC_MASTER:
    case CODEC_HEADPHONE:
    case CODEC_MONO:
        /* "Bit 5 of a volume that has five bits sets the others": how drivers find out. */
        ac97->codec[reg] = (value & 0x9f1f) | (value & 0x2000 ? 0x1f00 : 0) | (value & 0x0020 ? 0x001f : 0);
        set_gain(ac97);
        break;
    case CODEC_EXTENDED_ID:
    case CODEC_VENDOR:
    case CODEC_VENDOR + 1: break;
    default:
        if (reg >= CODEC_FRONT_RATE && reg <= CODEC_MIC_RATE)
            write_rate(ac97, reg, value);
        else
            ac97->codec[reg] = value & codec_bits(reg);
        set_gain(ac97);
    }
}

static u64 mixer_read(void *opaque, u64 offset, unsigned size)
{
    struct ac97 *ac97 = opaque;
    ac97->semaphore = false;
    if (offset >= 0x80) /* the second codec */
        ac97->global_status |= GS_READ_FAILED;
    return size == 2 && offset < 0x80 ? ac97->codec[offset / 2] : 0xffffffff;
}

static void mixer_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct ac97 *ac97 = opaque;
    ac97->semaphore = false;
    if (size == 2 && offset < 0x80)
        write_codec(ac97, offset / 2, value);
}

/* --- global registers ------------------------------------------------------------------------------------------------ */

static void write_global_control(struct ac97 *ac97, u32 value)
{
    if (!(value & GC_COLD_RESET)) { /* active low */
        for (int i = 0; i < AC97_CHANNELS; i++)
            reset_channel(&ac97->channel[i]);
        reset_codec(ac97);
    }
    ac97->global_control = value & 0x3f & ~GC_WARM_RESET; /* the warm reset is over at once */
}

static void write_global_status(struct ac97 *ac97, u32 value)
{
    ac97->global_status &= ~(value & GS_READ_FAILED);
    ac97->global_status = (ac97->global_status & ~GS_WRITABLE) | (value & GS_WRITABLE);
}

static u64 master_read(void *opaque, u64 offset, unsigned size)
{
    struct ac97 *ac97 = opaque;
    if (offset < GLOB_CNT)
        return read_channel(&ac97->channel[offset / CHANNEL_SIZE], offset % CHANNEL_SIZE);
    if (offset >= GLOB_CNT && offset < GLOB_CNT + 4)
        return ac97->global_control >> 8 * (offset & 3);
    if (offset >= GLOB_STA && offset < GLOB_STA + 4)
        return (ac97->global_status | GS_CODEC_READY) >> 8 * (offset & 3);
    if (offset != CAS)
        return 0;
    bool busy = ac97->semaphore; /* "the read sets it": one access to the codec at a time */
    ac97->semaphore = true;
    return busy;
}

static void master_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct ac97 *ac97 = opaque;
    trace(AUDIO, "ac97: %02x = %x", (unsigned)offset, (unsigned)value);
    if (offset == GLOB_CNT)
        write_global_control(ac97, value);
    else if (offset == GLOB_STA)
        write_global_status(ac97, value);
    else if (offset < GLOB_CNT)
        write_channel(&ac97->channel[offset / CHANNEL_SIZE], offset % CHANNEL_SIZE, value, size);
}

static const struct bus_ops mixer_bus = {.read = mixer_read, .write = mixer_write, .min_size = 1, .max_size = 4};
static const struct bus_ops master_bus = {.read = master_read, .write = master_write, .min_size = 1, .max_size = 4};

/* Bus mastering may be allowed after a channel was started. */
static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    struct ac97 *ac97 = container_of(pci, struct ac97, pci);
    for (int i = 0; reg <= 4 && reg + size > 4 && i < AC97_CHANNELS; i++)
        pace(&ac97->channel[i]);
}

static void reset(void *state)
{
    struct ac97 *ac97 = state;
    pci_reset(&ac97->pci);
    for (int i = 0; i < AC97_CHANNELS; i++)
        reset_channel(&ac97->channel[i]);
    ac97->global_control = ac97->global_status = 0;
    ac97->semaphore = false;
    memset(ac97->level, 0, sizeof(ac97->level));
    reset_codec(ac97);
}

static void loaded(void *state)
{
    struct ac97 *ac97 = state;
    pci_loaded(&ac97->pci);
    set_gain(ac97);
    for (int i = 0; i < AC97_CHANNELS; i++) {
        audio_voice_restart(ac97->channel[i].voice, 0);
        pace(&ac97->channel[i]);
    }
    update_interrupt(ac97);
}

static int check(const void *state)
{
    const struct ac97 *ac97 = state;
    for (int i = 0; i < AC97_CHANNELS; i++)
        if ((ac97->channel[i].current | ac97->channel[i].last | ac97->channel[i].prefetched) > 31)
            return -EINVAL;
    return 0;
}

#define CHANNEL_FIELDS(n)                                                                                              \
    FIELD(U32, struct ac97, channel[n].table), FIELD(U8, struct ac97, channel[n].current),                             \
        FIELD(U8, struct ac97, channel[n].last), FIELD(U8, struct ac97, channel[n].prefetched),                        \
        FIELD(U16, struct ac97, channel[n].status), FIELD(U8, struct ac97, channel[n].control),                        \
        FIELD(U32, struct ac97, channel[n].address), FIELD(U16, struct ac97, channel[n].left),                         \
        FIELD(U16, struct ac97, channel[n].flags), FIELD(BOOL, struct ac97, channel[n].fetched)

static const struct field fields[] = {
    FIELD_BLOB(struct ac97, pci.config),
    FIELD_ARRAY(U16, struct ac97, codec),
    CHANNEL_FIELDS(0),
    CHANNEL_FIELDS(1),
    CHANNEL_FIELDS(2),
    FIELD(U32, struct ac97, global_control),
    FIELD(U32, struct ac97, global_status),
    FIELD(BOOL, struct ac97, semaphore),
    FIELD_END,
};

const struct device_ops ac97_ops = {
    .name = "ac97", .version = 1, .fields = fields, .reset = reset, .loaded = loaded, .check = check};

static void init_config(struct ac97 *ac97, u8 devfn)
{
    struct pci_device *pci = &ac97->pci;
    pci_init(pci, "ac97", devfn, 0x8086, 0x2415, 0x01, 0x040100);
    pci_set_subsystem(pci, 0x8086, 0x0000);
    pci->reset_config[0x06] = 0x80; /* fast back-to-back, medium DEVSEL timing */
    pci->reset_config[0x07] = 0x02;
    pci->reset_config[0x3d] = 1; /* INTA */
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    pci->bars[0] = (struct pci_bar){.kind = PCI_BAR_IO, .size = MIXER_SIZE, .io = &ac97->mixer};
    pci->bars[1] = (struct pci_bar){.kind = PCI_BAR_IO, .size = MASTER_SIZE, .io = &ac97->master};
    pci->config_written = config_written;
    pci->opaque = ac97;
}

int ac97_init(struct ac97 *ac97, struct machine *machine, struct audio *audio)
{
    static const char *const names[AC97_CHANNELS] = {"ac97 in", "ac97 out", "ac97 mic"};
    int slot = pci_free_slot(machine->pci, 3);
    if (slot < 0)
        return -EBUSY;
    *ac97 = (struct ac97){.machine = machine};
    ac97->mixer = (struct port_range){.name = "ac97 mixer", .ops = &mixer_bus, .opaque = ac97};
    ac97->master = (struct port_range){.name = "ac97 bus master", .ops = &master_bus, .opaque = ac97};
    for (int i = 0; i < AC97_CHANNELS; i++) {
        struct ac97_channel *channel = &ac97->channel[i];
        channel->ac97 = ac97;
        channel->voice = audio_add_voice(audio, names[i], render, channel);
        if (!channel->voice)
            return -ENOMEM;
        timer_init(&channel->end, machine->clock, buffer_end, channel);
    }
    init_config(ac97, slot << 3);
    pci_add(machine->pci, &ac97->pci);
    device_add(&machine->devices, &ac97->device, &ac97_ops, ac97, "ac97");
    reset(ac97);
    return 0;
}
