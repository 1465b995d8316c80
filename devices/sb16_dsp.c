/*
 * Sound Blaster 16: the DSP's commands.
 *
 * Source: Creative, "Sound Blaster Series Hardware Programming Guide", chapter 6, "DSP Commands"; the commands that it
 *         leaves out (04, 0E, 0F, E2, E4, E8, F8, F9) as drivers use them to find the chip.
 * Modelled: DSP 4.05: direct, single-cycle and auto-initialize output of 8 and 16 bits, mono and stereo, high speed,
 *         ADPCM, recording (of silence), pause and continue, MIDI output.
 * Not modelled: the ASP/CSP chip (absent, as on most boards); MIDI input has nothing to hear.
 */
#include <string.h>

#include "devices/sb16_internal.h"
#include "machine/trace.h"

static const char copyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";

void sb16_say(struct sb16 *sb, u8 byte)
{
    if (sb->in_count < sizeof(sb->in))
        sb->in[sb->in_count++] = byte;
}

static u32 word(const struct sb16 *sb, int first)
{
    return sb->argument[first] | sb->argument[first + 1] << 8;
}

static void set_rate(struct sb16 *sb, u32 rate)
{
    sb->rate = MAX(MIN(rate, 45454u), 4000u);
    sb16_stream_set_rate(sb);
}

/* 8-bit commands of the older chips: the mixer says whether they are stereo. */
static void start_old(struct sb16 *sb, u8 format, bool record, bool auto_init, bool reference, u32 length)
{
    bool stereo = format == SB16_PCM && !record && sb->mixer[SB16_MIXER_OUTPUT] & 2;
    sb16_stream_start(sb, &(struct sb16_stream){.format = format, .record = record, .auto_init = auto_init,
                                                .wants_reference = reference, .stereo = stereo, .length = length,
                                                .by_block = auto_init});
}

static void silence(struct sb16 *sb)
{
    u64 samples = word(sb, 0) + 1;
    timer_set(&sb->silence_end, clock_ns(sb->machine->clock) + samples * NS_PER_SEC / sb->rate);
}

/* Bx: 16 bits, Cx: 8 bits; bit 3 records, bit 2 begins again; then mode (bit 5 stereo, bit 4 signed) and length. */
static void start_new(struct sb16 *sb)
{
    u8 mode = sb->argument[0];
    bool wide = sb->command < 0xc0;
    sb->by_time_constant = false;
    sb16_stream_start(sb, &(struct sb16_stream){.wide = wide, .record = sb->command & 8, .auto_init = sb->command & 4,
                                                .stereo = mode & 0x20, .is_signed = mode & 0x10,
                                                .length = (word(sb, 1) + 1) * (wide ? 2 : 1)});
}

/* E2: the chip proves itself by a byte that it writes to memory: a sum of what it was told, each byte turned by a key
 * that rotates. */
static void identify_by_dma(struct sb16 *sb)
{
    sb->identity += sb->argument[0] ^ sb->identity_key;
    sb->identity_key = sb->identity_key >> 2 | sb->identity_key << 6;
    sb16_dma_write(sb, sb->identity);
}

static void read_asp(struct sb16 *sb)
{
    sb16_say(sb, sb->argument[0] == 0x83 ? sb->asp[0x83] ^= 1 << 4 : sb->asp[sb->argument[0]]);
}

static void say_copyright(struct sb16 *sb)
{
    for (size_t i = 0; i < sizeof(copyright); i++)
        sb16_say(sb, copyright[i]);
}

static void execute_transfer(struct sb16 *sb)
{
    u32 given = word(sb, 0) + 1, block = sb->block + 1;
    switch (sb->command) {
    case 0x14: case 0x15: case 0x91:
        start_old(sb, SB16_PCM, false, false, false, sb->command == 0x91 ? block : given);
        break;
    case 0x1c: case 0x90:
        start_old(sb, SB16_PCM, false, true, false, block);
        break;
    case 0x24: case 0x99:
        start_old(sb, SB16_PCM, true, false, false, sb->command == 0x99 ? block : given);
        break;
    case 0x2c: case 0x98:
        start_old(sb, SB16_PCM, true, true, false, block);
        break;
    case 0x16: case 0x17:
        start_old(sb, SB16_ADPCM_2, false, false, sb->command & 1, given);
        break;
    case 0x1f:
        start_old(sb, SB16_ADPCM_2, false, true, true, block);
        break;
    case 0x74: case 0x75:
        start_old(sb, SB16_ADPCM_4, false, false, sb->command & 1, given);
        break;
    case 0x7d:
        start_old(sb, SB16_ADPCM_4, false, true, true, block);
        break;
    case 0x76: case 0x77:
        start_old(sb, SB16_ADPCM_3, false, false, sb->command & 1, given);
        break;
    case 0x7f:
        start_old(sb, SB16_ADPCM_3, false, true, true, block);
        break;
    }
}

static void execute(struct sb16 *sb)
{
    trace(AUDIO, "sb16: command %02x (%02x %02x %02x)", sb->command, sb->argument[0], sb->argument[1], sb->argument[2]);
    if ((sb->command & 0xf0) == 0xb0 || (sb->command & 0xf0) == 0xc0) {
        start_new(sb);
        return;
    }
    switch (sb->command) {
    case 0x04: /* sets the ASP's mode, which is not there */
    case 0x05:
        break;
    case 0x08: /* its version: none */
        sb16_say(sb, 0x18);
        break;
    case 0x0e:
        sb->asp[sb->argument[0]] = sb->argument[1];
        break;
    case 0x0f:
        read_asp(sb);
        break;
    case 0x10:
        sb16_direct(sb, sb->argument[0]);
        break;
    case 0x20: case 0x28: /* a sample from the microphone: silence */
        sb16_say(sb, 0x80);
        break;
    case 0x34: case 0x35: case 0x36: case 0x37:
        sb->uart = true;
        break;
    case 0x30: case 0x31: /* MIDI input: nobody sends */
        break;
    case 0x38:
        mpu401_send(sb->mpu, sb->argument[0]);
        break;
    case 0x40:
        sb->by_time_constant = true;
        set_rate(sb, 1000000 / (256 - sb->argument[0]));
        break;
    case 0x41: case 0x42: /* high byte first; both ways have one clock */
        sb->by_time_constant = false;
        set_rate(sb, sb->argument[0] << 8 | sb->argument[1]);
        break;
    case 0x45: case 0x47:
        sb16_stream_continue(sb, sb->command == 0x47);
        break;
    case 0x48:
        sb->block = word(sb, 0);
        break;
    case 0x80:
        silence(sb);
        break;
    case 0xd0: case 0xd5: /* each pauses its own width */
        sb16_stream_pause(sb, sb->command == 0xd5, true);
        break;
    case 0xd4: case 0xd6:
        sb16_stream_pause(sb, sb->command == 0xd6, false);
        break;
    case 0xd1: case 0xd3: /* only remembered: the SB16's speaker is the mixer's affair */
        sb->speaker = sb->command == 0xd1;
        break;
    case 0xd8:
        sb16_say(sb, sb->speaker ? 0xff : 0x00);
        break;
    case 0xd9: case 0xda:
        sb16_stream_last(sb, sb->command == 0xd9);
        break;
    case 0xe0:
        sb16_say(sb, ~sb->argument[0]);
        break;
    case 0xe1:
        sb16_say(sb, 4);
        sb16_say(sb, 5);
        break;
    case 0xe2:
        identify_by_dma(sb);
        break;
    case 0xe3:
        say_copyright(sb);
        break;
    case 0xe4:
        sb->test = sb->argument[0];
        break;
    case 0xe8:
        sb16_say(sb, sb->test);
        break;
    case 0xf2:
        sb16_raise(sb, SB16_IRQ_8);
        break;
    case 0xf3:
        sb16_raise(sb, SB16_IRQ_16);
        break;
    case 0xf8:
        sb16_say(sb, 0);
        break;
    case 0xf9: /* the 8051's memory */
        sb16_say(sb, sb->argument[0] == 0x0e ? 0xff : sb->argument[0] == 0x0f ? 0x07 : sb->argument[0] == 0x37 ? 0x38 : 0);
        break;
    default:
        execute_transfer(sb);
    }
}

/* Bytes that follow a command; 255: no such command. */
static u8 arguments_of(u8 command)
{
    if ((command & 0xf0) == 0xb0 || (command & 0xf0) == 0xc0)
        return 3;
    switch (command) {
    case 0x04: case 0x0f: case 0x10: case 0x38: case 0x40: case 0xe0: case 0xe2: case 0xe4: case 0xf9:
        return 1;
    case 0x05: case 0x0e: case 0x14: case 0x15: case 0x16: case 0x17: case 0x24: case 0x41: case 0x42: case 0x48:
    case 0x74: case 0x75: case 0x76: case 0x77: case 0x80:
        return 2;
    case 0x08: case 0x1c: case 0x1f: case 0x20: case 0x28: case 0x2c: case 0x30: case 0x31: case 0x34: case 0x35:
    case 0x36: case 0x37: case 0x45: case 0x47: case 0x7d: case 0x7f: case 0x90: case 0x91: case 0x98: case 0x99:
    case 0xd0: case 0xd1: case 0xd3: case 0xd4: case 0xd5: case 0xd6: case 0xd8: case 0xd9: case 0xda: case 0xe1:
    case 0xe3: case 0xe8: case 0xf2: case 0xf3: case 0xf8:
        return 0;
    default:
        return 255;
    }
}

/* A byte in the command port: a command, or what an unfinished one waits for. */
void sb16_dsp_write(struct sb16 *sb, u8 value)
{
    if (sb->resetting)
        return;
    if (sb->uart) {
        mpu401_send(sb->mpu, value);
        return;
    }
    if (!sb->command) {
        if (arguments_of(value) == 255) {
            trace(UNIMP, "sb16: DSP command %02x", value);
            return;
        }
        sb->command = value;
        sb->arguments = 0;
        memset(sb->argument, 0, sizeof(sb->argument));
    } else {
        sb->argument[sb->arguments++ & 3] = value;
    }
    if (sb->arguments < arguments_of(sb->command))
        return;
    execute(sb);
    sb->command = 0;
}

void sb16_dsp_reset(struct sb16 *sb)
{
    bool in_midi = sb->uart; /* "in UART mode the reset only ends the mode" */
    sb->uart = false;
    sb->command = 0;
    sb->in_count = 0;
    if (in_midi)
        return;
    sb16_stream_stop(sb);
    timer_cancel(&sb->silence_end);
    sb16_lower(sb, SB16_IRQ_8 | SB16_IRQ_16);
    sb->rate = 22050;
    sb->block = 0x7ff;
    sb->by_time_constant = sb->speaker = false;
    sb->identity = 0xaa;
    sb->identity_key = 0x96;
}
