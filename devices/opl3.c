/*
 * Yamaha YMF262 (OPL3): registers, timers and its voice in the mixer.
 *
 * Source: Yamaha YMF262 application manual, "Register Map", "Timer"; Yamaha YM3812 application manual for the mode in
 *         which it starts.
 * Modelled: both banks, the two timers with their flags, OPL2 mode until NEW is set.
 * Not modelled: the IRQ pin (no PC sound card connects it); the test register.
 */
#include "devices/opl3.h"

#include <errno.h>
#include <string.h>

#include "machine/trace.h"

enum { REG_TIMER_1 = 0x02, REG_TIMER_2 = 0x03, REG_TIMER_CONTROL = 0x04, REG_NEW = 0x105 };
enum { FLAG_IRQ = 0x80, FLAG_TIMER_1 = 0x40, FLAG_TIMER_2 = 0x20 };
#define TIMER_1_CLOCKS 4 /* samples a count: 80 us; timer 2 counts 320 us */
#define TIMER_2_CLOCKS 16

static void arm(struct opl3 *opl, int which)
{
    u64 clocks = which ? TIMER_2_CLOCKS : TIMER_1_CLOCKS, count = 256 - opl->reg[REG_TIMER_1 + which];
    timer_set(&opl->timer[which], clock_ns(opl->clock) + clocks * count * NS_PER_SEC / OPL3_HZ);
}

static void overflow(struct opl3 *opl, int which)
{
    u8 flag = which ? FLAG_TIMER_2 : FLAG_TIMER_1;
    if (!(opl->reg[REG_TIMER_CONTROL] & flag)) /* the mask bits stand where the flags do */
        opl->status |= FLAG_IRQ | flag;
    arm(opl, which); /* "the preset value is loaded again" */
}

static void timer_1(void *opaque)
{
    overflow(opaque, 0);
}

static void timer_2(void *opaque)
{
    overflow(opaque, 1);
}

static void write_timer_control(struct opl3 *opl, u8 value)
{
    if (value & FLAG_IRQ) { /* "the other bits are ignored" */
        opl->status = 0;
        return;
    }
    opl->reg[REG_TIMER_CONTROL] = value;
    for (int which = 0; which < 2; which++) {
        if (!(value >> which & 1))
            timer_cancel(&opl->timer[which]);
        else if (!timer_armed(&opl->timer[which]))
            arm(opl, which);
    }
}

static void write_register(struct opl3 *opl, unsigned reg, u8 value)
{
    trace(AUDIO, "opl3: %03x = %02x", reg, value);
    if (reg == REG_TIMER_CONTROL) {
        write_timer_control(opl, value);
        return;
    }
    audio_voice_run(opl->voice);
    opl->reg[reg] = value;
    if ((reg & 0xf0) == 0xb0) {
        opl3_synth_keys(opl);
        audio_voice_set_rate(opl->voice, OPL3_HZ);
    }
}

void opl3_write(struct opl3 *opl, unsigned port, u8 value)
{
    unsigned bank = port >> 1 & 1;
    if (!(port & 1)) {
        opl->index[0] = value;
        opl->index[1] = bank;
        return;
    }
    unsigned reg = opl->index[1] << 8 | opl->index[0];
    /* Until NEW is set only NEW itself answers in bank 1. */
    if (reg >= 0x100 && reg != REG_NEW && !(opl->reg[REG_NEW] & 1))
        return;
    write_register(opl, reg, value);
}

u8 opl3_read(struct opl3 *opl, unsigned port)
{
    return port & 1 ? 0xff : opl->status; /* an OPL2 would show 06 in the low bits */
}

void opl3_set_gain(struct opl3 *opl, u32 left, u32 right)
{
    audio_voice_set_gain(opl->voice, left, right);
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct opl3 *opl = opaque;
    bool sounds = true;
    for (unsigned i = 0; frames && i < count; i++) {
        frames[i] = (struct audio_frame){0, 0};
        sounds = opl3_synth_sample(opl, &frames[i]);
    }
    if (!frames || !sounds)
        audio_voice_set_rate(opl->voice, 0);
}

static void port_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    opl3_write(opaque, offset, value);
}

static u64 port_read(void *opaque, u64 offset, unsigned size)
{
    return opl3_read(opaque, offset);
}

static const struct bus_ops bus = {.read = port_read, .write = port_write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct opl3 *opl = state;
    audio_voice_set_rate(opl->voice, 0);
    memset(opl->reg, 0, sizeof(opl->reg));
    memset(opl->index, 0, sizeof(opl->index));
    opl->status = 0;
    timer_cancel(&opl->timer[0]);
    timer_cancel(&opl->timer[1]);
    opl3_synth_reset(opl);
}

static void loaded(void *state)
{
    struct opl3 *opl = state;
    audio_voice_restart(opl->voice, OPL3_HZ);
}

static int check(const void *state)
{
    const struct opl3 *opl = state;
    for (int i = 0; i < OPL3_OPERATORS; i++)
        if (opl->stage[i] > OPL3_RELEASE || opl->attenuation[i] > 511)
            return -EINVAL;
    return opl->index[1] > 1 ? -EINVAL : 0;
}

static const struct field fields[] = {
    FIELD_ARRAY(U8, struct opl3, index),
    FIELD_BLOB(struct opl3, reg),
    FIELD(U8, struct opl3, status),
    FIELD(TIMER, struct opl3, timer[0]),
    FIELD(TIMER, struct opl3, timer[1]),
    FIELD_ARRAY(U32, struct opl3, phase),
    FIELD_ARRAY(U16, struct opl3, attenuation),
    FIELD_ARRAY(U8, struct opl3, stage),
    FIELD_ARRAY(U8, struct opl3, keys),
    FIELD_ARRAY(U16, struct opl3, out),
    FIELD(U32, struct opl3, samples),
    FIELD(U32, struct opl3, noise),
    FIELD(U8, struct opl3, tremolo),
    FIELD_END,
};

const struct device_ops opl3_ops = {
    .name = "opl3", .version = 1, .fields = fields, .reset = reset, .loaded = loaded, .check = check};

int opl3_init(struct opl3 *opl, struct machine *machine, struct audio *audio, u16 base, const char *id)
{
    *opl = (struct opl3){.clock = machine->clock};
    opl->voice = audio_add_voice(audio, "opl3", render, opl);
    if (!opl->voice)
        return -ENOMEM;
    timer_init(&opl->timer[0], machine->clock, timer_1, opl);
    timer_init(&opl->timer[1], machine->clock, timer_2, opl);
    opl->ports = (struct port_range){"opl3", base, 4, &bus, opl, false, NULL};
    ioports_add(machine->ports, &opl->ports);
    device_add(&machine->devices, &opl->device, &opl3_ops, opl, id);
    reset(opl);
    return 0;
}
