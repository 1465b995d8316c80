/*
 * Yamaha YMF262 (OPL3): the sound of its 36 operators.
 *
 * Source: Yamaha YMF262 and YM3812 application manuals: "Phase Generator", "Envelope Generator", "Rhythm Mode", "4
 *         Operator Mode"; the chip's two ROMs hold -log2(sin) and 2^x at 256 points, so sums of attenuations replace
 *         products, as the manuals' block diagrams show; bit positions of the rhythm phases and the noise generator as
 *         measured on chips and published by several people.
 * Modelled: all operator and channel registers: eight waveforms, 2- and 4-operator algorithms, feedback, key scaling,
 *         tremolo and vibrato at both depths, rhythm, stereo.
 * Not modelled: composite sine speech of the YM3526; the exact moment inside a sample at which operators change.
 */
#include <math.h>
#include <string.h>

#include "devices/opl3.h"

#define BANK 0x100
#define SILENT 511 /* envelope: off */
#define LARGEST_LEVEL 0x1fff
enum { REG_FOUR_OP = 0x104, REG_NEW = 0x105, REG_SPLIT = 0x08, REG_RHYTHM = 0xbd };
enum { RHYTHM_ON = 0x20, DEEP_TREMOLO = 0x80, DEEP_VIBRATO = 0x40 };
enum { TREMOLO = 0x80, VIBRATO = 0x40, SUSTAINED = 0x20, KSR = 0x10 };
enum { KEY_CHANNEL = 1, KEY_RHYTHM = 2 };
/* Operators of channels 6 to 8 in rhythm mode. */
enum { BASS_MOD = 12, HIHAT = 13, TOM = 14, BASS = 15, SNARE = 16, CYMBAL = 17 };

static void make_roms(struct opl3 *opl)
{
    for (int i = 0; i < 256; i++) {
        opl->log_sine[i] = lrint(-log2(sin((i + 0.5) * M_PI / 512)) * 256);
        opl->power[i] = lrint((exp2((255 - i) / 256.0) - 1) * 1024) | 0x400;
    }
}

/* --- registers ------------------------------------------------------------------------------------------------------- */

/* Operators 0-17 of a bank stand at 00-05, 08-0D and 10-15 of each group of registers. */
static unsigned operator_register(const struct opl3 *opl, int op, unsigned group)
{
    unsigned n = op % 18;
    return opl->reg[(op / 18) * BANK + group + n / 6 * 8 + n % 6];
}

static unsigned channel_register(const struct opl3 *opl, int channel, unsigned group)
{
    return opl->reg[(channel / 9) * BANK + group + channel % 9];
}

/* The modulator of a channel; its carrier is 3 further. */
static int modulator_of(int channel)
{
    int n = channel % 9;
    return channel / 9 * 18 + n / 3 * 6 + n % 3;
}

static int channel_of(int op)
{
    int n = op % 18;
    return op / 18 * 9 + n / 6 * 3 + n % 3;
}

static bool is_new(const struct opl3 *opl)
{
    return opl->reg[REG_NEW] & 1;
}

/* Channels 0-2 and 9-11 take over the operators of the channel 3 further. */
static bool leads_four(const struct opl3 *opl, int channel)
{
    int n = channel % 9;
    return is_new(opl) && n < 3 && opl->reg[REG_FOUR_OP] >> (channel / 9 * 3 + n) & 1;
}

static bool follows_four(const struct opl3 *opl, int channel)
{
    int n = channel % 9;
    return n >= 3 && n < 6 && leads_four(opl, channel - 3);
}

/* The channel whose frequency an operator takes. */
static int pitch_channel(const struct opl3 *opl, int op)
{
    int channel = channel_of(op);
    return follows_four(opl, channel) ? channel - 3 : channel;
}

static unsigned frequency(const struct opl3 *opl, int channel)
{
    return (channel_register(opl, channel, 0xb0) & 3) << 8 | channel_register(opl, channel, 0xa0);
}

static unsigned block(const struct opl3 *opl, int channel)
{
    return channel_register(opl, channel, 0xb0) >> 2 & 7;
}

/* --- keys and envelopes ---------------------------------------------------------------------------------------------- */

static void set_key(struct opl3 *opl, int op, u8 which, bool down)
{
    u8 before = opl->keys[op];
    opl->keys[op] = down ? before | which : before & ~which;
    if (!before && opl->keys[op]) {
        opl->stage[op] = OPL3_ATTACK;
        opl->phase[op] = 0;
    } else if (before && !opl->keys[op]) {
        opl->stage[op] = OPL3_RELEASE;
    }
}

static void set_rhythm_keys(struct opl3 *opl)
{
    u8 rhythm = opl->reg[REG_RHYTHM], keys = rhythm & RHYTHM_ON ? rhythm & 0x1f : 0;
    set_key(opl, BASS_MOD, KEY_RHYTHM, keys & 0x10);
    set_key(opl, BASS, KEY_RHYTHM, keys & 0x10);
    set_key(opl, SNARE, KEY_RHYTHM, keys & 0x08);
    set_key(opl, TOM, KEY_RHYTHM, keys & 0x04);
    set_key(opl, CYMBAL, KEY_RHYTHM, keys & 0x02);
    set_key(opl, HIHAT, KEY_RHYTHM, keys & 0x01);
}

void opl3_synth_keys(struct opl3 *opl)
{
    for (int op = 0; op < OPL3_OPERATORS; op++)
        set_key(opl, op, KEY_CHANNEL, channel_register(opl, pitch_channel(opl, op), 0xb0) & 0x20);
    set_rhythm_keys(opl);
}

static unsigned key_scale_number(const struct opl3 *opl, int channel)
{
    unsigned bit = opl->reg[REG_SPLIT] & 0x40 ? 8 : 9;
    return block(opl, channel) << 1 | (frequency(opl, channel) >> bit & 1);
}

/* The rate of the stage the envelope is in, 0 to 15 in the registers. */
static unsigned rate_in_register(const struct opl3 *opl, int op)
{
    switch (opl->stage[op]) {
    case OPL3_ATTACK: return operator_register(opl, op, 0x60) >> 4;
    case OPL3_DECAY: return operator_register(opl, op, 0x60) & 15;
    case OPL3_SUSTAIN: return operator_register(opl, op, 0x20) & SUSTAINED ? 0 : operator_register(opl, op, 0x80) & 15;
    default: return operator_register(opl, op, 0x80) & 15;
    }
}

/* Steps in this sample: (4 + rate % 4) in 8 * 2^(12 - rate / 4) samples, spread evenly. */
static unsigned envelope_steps(const struct opl3 *opl, unsigned rate)
{
    static const u8 patterns[4] = {0xaa, 0xba, 0xee, 0xfe}; /* bit n: sample n % 8 */
    unsigned high = rate >> 2, low = rate & 3;
    if (high >= 15)
        return 4;
    if (high < 12) {
        unsigned shift = 12 - high;
        return opl->samples & ((1u << shift) - 1) ? 0 : patterns[low] >> (opl->samples >> shift & 7) & 1;
    }
    unsigned bit = patterns[low] >> (opl->samples & 7) & 1, plain = patterns[0] >> (opl->samples & 7) & 1;
    return high == 12 ? bit : (1 + (bit & !plain)) << (high - 13);
}

static void advance_envelope(struct opl3 *opl, int op)
{
    unsigned in_register = rate_in_register(opl, op), rate = 0, level = opl->attenuation[op];
    if (in_register) {
        unsigned scale = key_scale_number(opl, pitch_channel(opl, op));
        rate = MIN(4 * in_register + (operator_register(opl, op, 0x20) & KSR ? scale : scale >> 2), 63u);
    }
    unsigned steps = rate ? envelope_steps(opl, rate) : 0;
    if (opl->stage[op] == OPL3_ATTACK) {
        if (rate >= 60)
            level = 0;
        else
            level -= ((level + 1) * steps + 7) >> 3;
        if (level == 0 || level > SILENT) {
            level = 0;
            opl->stage[op] = OPL3_DECAY;
        }
    } else {
        unsigned sustain = operator_register(opl, op, 0x80) >> 4;
        sustain = (sustain == 15 ? 31 : sustain) << 4; /* 3 dB; 15 is 93 dB */
        if (opl->stage[op] == OPL3_DECAY && level >= sustain)
            opl->stage[op] = OPL3_SUSTAIN;
        else
            level = MIN(level + steps, (unsigned)SILENT);
    }
    opl->attenuation[op] = level;
}

/* Attenuation that rises with the pitch: the manual's table for 3 dB an octave, in the envelope's steps. */
static unsigned key_scale_level(const struct opl3 *opl, int op)
{
    static const u8 at_7[16] = {0, 32, 40, 45, 48, 51, 53, 55, 56, 58, 59, 60, 61, 62, 63, 64};
    static const u8 shift[4] = {8, 1, 2, 0}; /* off, 3, 1.5 and 6 dB an octave */
    int channel = pitch_channel(opl, op);
    int level = (at_7[frequency(opl, channel) >> 6] << 2) - ((8 - (int)block(opl, channel)) << 5);
    return MAX(level, 0) >> shift[operator_register(opl, op, 0x40) >> 6];
}

static unsigned attenuation(const struct opl3 *opl, int op)
{
    unsigned level = opl->attenuation[op] + ((operator_register(opl, op, 0x40) & 0x3f) << 2) + key_scale_level(opl, op);
    if (operator_register(opl, op, 0x20) & TREMOLO) {
        unsigned swing = opl->tremolo < 105 ? opl->tremolo : 210 - opl->tremolo;
        level += swing >> (opl->reg[REG_RHYTHM] & DEEP_TREMOLO ? 2 : 4);
    }
    return MIN(level, (unsigned)SILENT);
}

/* --- operators ------------------------------------------------------------------------------------------------------- */

static void advance_phase(struct opl3 *opl, int op)
{
    static const u8 twice_multiple[16] = {1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 20, 24, 24, 30, 30};
    unsigned bits = operator_register(opl, op, 0x20);
    int channel = pitch_channel(opl, op), f = frequency(opl, channel);
    if (bits & VIBRATO) {
        unsigned position = opl->samples >> 10 & 7;
        int swing = f >> 7 & 7;
        swing = position & 3 ? swing >> (position & 1) : 0;
        swing >>= opl->reg[REG_RHYTHM] & DEEP_VIBRATO ? 0 : 1;
        f += position & 4 ? -swing : swing;
    }
    opl->phase[op] += ((u32)f << block(opl, channel) >> 1) * twice_multiple[bits & 15] >> 1;
}

/* A sample of a waveform at 10 bits of phase; 8 steps of the ROMs, 1/32 of 6 dB, are one of the envelope. */
static int wave(const struct opl3 *opl, unsigned form, unsigned phase, unsigned envelope)
{
    bool negative = false, second_half = phase & 0x200, second_quarter = phase & 0x100;
    unsigned quarter = (second_quarter ? ~phase : phase) & 0xff, level = 0;
    unsigned doubled_quarter = ((phase & 0x80 ? ~phase : phase) << 1) & 0xff;
    switch (form) {
    case 0: /* sine */
        negative = second_half;
        level = opl->log_sine[quarter];
        break;
    case 1: /* its positive half */ level = second_half ? LARGEST_LEVEL : opl->log_sine[quarter]; break;
    case 2: /* without its sign */ level = opl->log_sine[quarter]; break;
    case 3: /* first quarters of it */ level = second_quarter ? LARGEST_LEVEL : opl->log_sine[quarter]; break;
    case 4: /* twice as fast, every other period */
        negative = second_quarter;
        level = second_half ? LARGEST_LEVEL : opl->log_sine[doubled_quarter];
        break;
    case 5: level = second_half ? LARGEST_LEVEL : opl->log_sine[doubled_quarter]; break;
    case 6: /* square */ negative = second_half; break;
    default: /* exponential saw */
        negative = second_half;
        level = (second_half ? ~phase & 0x1ff : phase & 0x1ff) << 3;
        break;
    }
    level = MIN(level + (envelope << 3), (unsigned)LARGEST_LEVEL);
    int value = (opl->power[level & 0xff] << 1) >> (level >> 8);
    return negative ? ~value : value;
}

/* Runs one operator with `modulation` added to its phase. */
static int run_at(struct opl3 *opl, int op, unsigned phase)
{
    unsigned form = operator_register(opl, op, 0xe0) & (is_new(opl) ? 7 : opl->reg[1] & 0x20 ? 3 : 0);
    int value = opl->attenuation[op] == SILENT ? 0 : wave(opl, form, phase & 0x3ff, attenuation(opl, op));
    opl->out[2 * op + 1] = opl->out[2 * op];
    opl->out[2 * op] = (u16)value;
    return value;
}

static int run(struct opl3 *opl, int op, int modulation)
{
    return run_at(opl, op, (opl->phase[op] >> 9) + modulation);
}

/* Operator 1 of a channel modulates itself. */
static int run_with_feedback(struct opl3 *opl, int op, int channel)
{
    unsigned feedback = channel_register(opl, channel, 0xc0) >> 1 & 7;
    int before = (i16)opl->out[2 * op] + (i16)opl->out[2 * op + 1];
    return run(opl, op, feedback ? before >> (9 - feedback) : 0);
}

static int two_operators(struct opl3 *opl, int channel)
{
    int first = modulator_of(channel), a = run_with_feedback(opl, first, channel);
    if (channel_register(opl, channel, 0xc0) & 1)
        return a + run(opl, first + 3, 0);
    return run(opl, first + 3, a);
}

/* The connection bits of both channels choose among four algorithms. */
static int four_operators(struct opl3 *opl, int channel)
{
    int first = modulator_of(channel), third = modulator_of(channel + 3);
    bool add = channel_register(opl, channel, 0xc0) & 1, add_second = channel_register(opl, channel + 3, 0xc0) & 1;
    int a = run_with_feedback(opl, first, channel);
    if (!add && !add_second)
        return run(opl, third + 3, run(opl, third, run(opl, first + 3, a)));
    if (!add)
        return run(opl, first + 3, a) + run(opl, third + 3, run(opl, third, 0));
    if (!add_second)
        return a + run(opl, third + 3, run(opl, third, run(opl, first + 3, 0)));
    return a + run(opl, third, run(opl, first + 3, 0)) + run(opl, third + 3, 0);
}

/* Hi-hat, snare and cymbal make their phases from bits of two operators and noise. */
static int percussion(struct opl3 *opl, int channel)
{
    unsigned h = opl->phase[HIHAT] >> 9, c = opl->phase[CYMBAL] >> 9, noise = opl->noise & 1;
    unsigned mixed = ((h >> 2 ^ h >> 7) | (h >> 3 ^ c >> 5) | (c >> 3 ^ c >> 5)) & 1;
    if (channel == 6) {
        int a = run_with_feedback(opl, BASS_MOD, 6);
        return 2 * run(opl, BASS, channel_register(opl, 6, 0xc0) & 1 ? 0 : a);
    }
    if (channel == 7) {
        int hihat = run_at(opl, HIHAT, mixed << 9 | (mixed ^ noise ? 0xd0 : 0x34));
        return 2 * (hihat + run_at(opl, SNARE, (h >> 8 & 1) << 9 | ((h >> 8 & 1) ^ noise) << 8));
    }
    int tom = run(opl, TOM, 0);
    return 2 * (tom + run_at(opl, CYMBAL, mixed << 9 | 0x80));
}

static void add_channel(struct opl3 *opl, int channel, i32 sum[2])
{
    bool rhythm = opl->reg[REG_RHYTHM] & RHYTHM_ON && channel >= 6 && channel < 9;
    if (follows_four(opl, channel))
        return;
    int value = rhythm                     ? percussion(opl, channel)
                : leads_four(opl, channel) ? four_operators(opl, channel)
                                           : two_operators(opl, channel);
    unsigned sides = is_new(opl) ? channel_register(opl, channel, 0xc0) >> 4 : 3;
    for (int side = 0; side < 2; side++)
        if (sides >> side & 1)
            sum[side] += value;
}

static bool sounds(const struct opl3 *opl, int op)
{
    return opl->keys[op] || opl->attenuation[op] < SILENT;
}

bool opl3_synth_sample(struct opl3 *opl, struct audio_frame *frame)
{
    bool any = false;
    i32 sum[2] = {0, 0};
    opl->samples++;
    if (!(opl->samples & 63))
        opl->tremolo = (opl->tremolo + 1) % 210;
    opl->noise = opl->noise >> 1 | ((opl->noise ^ opl->noise >> 14) & 1) << 22;
    for (int op = 0; op < OPL3_OPERATORS; op++) {
        if (!sounds(opl, op))
            continue;
        any = true;
        advance_envelope(opl, op);
        advance_phase(opl, op);
    }
    for (int channel = 0; channel < OPL3_CHANNELS; channel++) {
        int first = modulator_of(channel);
        if (sounds(opl, first) || sounds(opl, first + 3) || leads_four(opl, channel) || (channel >= 6 && channel < 9))
            add_channel(opl, channel, sum);
    }
    frame->left = MAX(MIN(sum[0], 32767), -32768);
    frame->right = MAX(MIN(sum[1], 32767), -32768);
    return any;
}

void opl3_synth_reset(struct opl3 *opl)
{
    make_roms(opl);
    for (int op = 0; op < OPL3_OPERATORS; op++) {
        opl->attenuation[op] = SILENT;
        opl->stage[op] = OPL3_RELEASE;
    }
    memset(opl->phase, 0, sizeof(opl->phase));
    memset(opl->keys, 0, sizeof(opl->keys));
    memset(opl->out, 0, sizeof(opl->out));
    opl->samples = 0;
    opl->noise = 1;
    opl->tremolo = 0;
}
