/*
 * Sound Blaster 16: blocks of samples by DMA, at the rate of guest time.
 *
 * Source: Creative, "Sound Blaster Series Hardware Programming Guide", chapters 3 and 4; ADPCM as the DSP decodes it:
 *         the low bits of a code are a magnitude, the high one its sign, and the step goes up after the largest magnitude
 *         and down after 0.
 * The audio mixer asks for frames every 10 ms; a timer asks at the end of the block, and the 8237 asks when the guest
 * reads a DMA count, so that both are exact.
 */
#include <errno.h>

#include "devices/sb16_internal.h"
#include "machine/trace.h"

#define SHORTEST_NS 50000ull /* between two looks at a channel that may be masked */
#define DIRECT_RATE 48000u
#define DIRECT_GOES_QUIET DIRECT_RATE

static int dma_channel(const struct sb16 *sb, bool wide)
{
    u8 select = sb->mixer[SB16_MIXER_DMA];
    for (int i = 5; wide && i < 8; i++)
        if (select >> i & 1)
            return i;
    for (int i = 0; i < 4; i++) /* without a 16-bit channel, words go by the 8-bit one */
        if ((select & 0x0b) >> i & 1)
            return i;
    return -1;
}

static unsigned frame_bytes(const struct sb16_stream *stream)
{
    return (stream->wide ? 2 : 1) * (stream->stereo ? 2 : 1);
}

/* Frames in a byte of each format, for times. */
static u64 frames_left(const struct sb16_stream *stream)
{
    static const u8 samples[SB16_FORMATS] = {0, 2, 3, 4};
    if (stream->format == SB16_PCM)
        return (stream->left + frame_bytes(stream) - 1) / frame_bytes(stream);
    return (u64)stream->left * samples[stream->format] + stream->sample_count;
}

static void request(struct sb16 *sb, bool level)
{
    int channel = dma_channel(sb, sb->stream.wide);
    if (channel >= 0)
        i8237_request(sb->dma, channel, level);
}

static void set_voice_rate(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    u32 rate = sb->by_time_constant && stream->stereo ? sb->rate / 2 : sb->rate;
    audio_voice_set_rate(sb->voice, stream->playing && !stream->paused ? MAX(rate, 1) : 0);
}

static void arm(struct sb16 *sb)
{
    u32 rate = audio_voice_rate(sb->voice);
    if (rate)
        timer_set(&sb->block_end, clock_ns(sb->machine->clock) + MAX(frames_left(&sb->stream) * NS_PER_SEC / rate + 1000, SHORTEST_NS));
    else
        timer_cancel(&sb->block_end);
}

/* False: the 8237 gives nothing, and the converters hold. */
static bool fetch(struct sb16 *sb, void *data, unsigned bytes)
{
    struct sb16_stream *stream = &sb->stream;
    bool terminal;
    int channel = dma_channel(sb, stream->wide);
    if (channel < 0)
        return false;
    u32 done = i8237_from_memory(sb->dma, channel, data, bytes, &terminal);
    if (done && done < bytes) /* terminal count in the middle of a frame: the next part is from the new run */
        done += i8237_from_memory(sb->dma, channel, (u8 *)data + done, bytes - done, &terminal);
    stream->left -= MIN(done, stream->left);
    return done == bytes;
}

static i16 sample_8(const struct sb16_stream *stream, u8 value)
{
    return (stream->is_signed ? (i8)value : value - 128) * 256;
}

static i16 sample_16(const struct sb16_stream *stream, const u8 *bytes)
{
    u16 value = bytes[0] | bytes[1] << 8;
    return stream->is_signed ? value : value ^ 0x8000;
}

static bool fetch_pcm(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    u8 bytes[4];
    if (!fetch(sb, bytes, frame_bytes(stream)))
        return false;
    const u8 *right = stream->stereo ? bytes + frame_bytes(stream) / 2 : bytes;
    stream->level[0] = stream->wide ? sample_16(stream, bytes) : sample_8(stream, bytes[0]);
    stream->level[1] = stream->wide ? sample_16(stream, right) : sample_8(stream, right[0]);
    return true;
}

/* One code of `bits`: moves the reference and the step. */
static u8 decode(struct sb16_stream *stream, unsigned code, int bits)
{
    unsigned magnitude = code & ((1u << (bits - 1)) - 1), step = stream->step;
    unsigned largest = bits == 4 ? 5 : bits == 3 ? 3 : 1, steps = bits == 4 ? 3 : bits == 3 ? 4 : 5;
    int delta = !step ? magnitude : (2 * magnitude + 1) << (step - 1);
    if (bits == 3 && step == 4)
        delta = 10 * magnitude + 5;
    int value = stream->reference + (code >> (bits - 1) ? -delta : delta);
    if (magnitude >= largest)
        stream->step = MIN(step + 1, steps);
    else if (magnitude == 0 && step > 0)
        stream->step = step - 1;
    stream->reference = MAX(MIN(value, 255), 0);
    return stream->reference;
}

static void decode_byte(struct sb16_stream *stream, u8 byte)
{
    stream->sample_first = stream->sample_count = 0;
    switch (stream->format) {
    case SB16_ADPCM_4:
        stream->samples[stream->sample_count++] = decode(stream, byte >> 4, 4);
        stream->samples[stream->sample_count++] = decode(stream, byte & 15, 4);
        break;
    case SB16_ADPCM_3: /* 3, 3 and 2 bits */
        stream->samples[stream->sample_count++] = decode(stream, byte >> 5, 3);
        stream->samples[stream->sample_count++] = decode(stream, byte >> 2 & 7, 3);
        stream->samples[stream->sample_count++] = decode(stream, byte << 1 & 6, 3);
        break;
    default:
        for (int shift = 6; shift >= 0; shift -= 2)
            stream->samples[stream->sample_count++] = decode(stream, byte >> shift & 3, 2);
        break;
    }
}

static bool fetch_adpcm(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    u8 byte;
    if (stream->wants_reference) {
        if (!fetch(sb, &byte, 1))
            return false;
        stream->reference = byte;
        stream->step = 0;
        stream->wants_reference = false;
    }
    if (!stream->sample_count) {
        if (!stream->left || !fetch(sb, &byte, 1))
            return false;
        decode_byte(stream, byte);
    }
    stream->level[0] = stream->level[1] = (stream->samples[stream->sample_first++ & 3] - 128) * 256;
    stream->sample_count--;
    return true;
}

/* There is no microphone: silence. */
static bool store(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    bool terminal;
    unsigned bytes = frame_bytes(stream);
    u8 high = stream->is_signed ? 0 : 0x80, silence[4] = {high, high, high, high};
    if (stream->wide)
        silence[0] = silence[2] = 0;
    int channel = dma_channel(sb, stream->wide);
    u32 done = channel < 0 ? 0 : i8237_to_memory(sb->dma, channel, silence, bytes, &terminal);
    stream->left -= MIN(done, stream->left);
    return done != 0;
}

static void end_block(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    trace(AUDIO, "sb16: end of block");
    if (stream->auto_init && !stream->last) {
        stream->left = stream->length;
    } else {
        stream->playing = false;
        request(sb, false);
        audio_voice_set_rate(sb->voice, 0);
    }
    sb16_raise(sb, stream->wide ? SB16_IRQ_16 : SB16_IRQ_8);
}

static void go_on(struct sb16 *sb)
{
    struct sb16_stream *stream = &sb->stream;
    if (stream->record)
        store(sb);
    else if (stream->format == SB16_PCM)
        fetch_pcm(sb);
    else
        fetch_adpcm(sb);
    if (!stream->left && !stream->sample_count)
        end_block(sb);
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct sb16 *sb = opaque;
    struct sb16_stream *stream = &sb->stream;
    for (unsigned i = 0; i < count; i++) {
        if (stream->playing)
            go_on(sb);
        if (frames)
            frames[i] = stream->record ? (struct audio_frame){0, 0}
                                       : (struct audio_frame){stream->level[0], stream->level[1]};
    }
}

static void block_end(void *opaque)
{
    struct sb16 *sb = opaque;
    audio_voice_run(sb->voice);
    arm(sb);
}

static void silence_end(void *opaque)
{
    sb16_raise(opaque, SB16_IRQ_8);
}

/* The guest looks at a DMA count. */
static void settle(void *opaque)
{
    struct sb16 *sb = opaque;
    audio_voice_run(sb->voice);
}

void sb16_stream_start(struct sb16 *sb, const struct sb16_stream *stream)
{
    sb16_stream_stop(sb);
    u8 reference = sb->stream.reference, step = sb->stream.step; /* ADPCM goes on from the block before */
    sb->stream = *stream;
    sb->stream.playing = true;
    sb->stream.left = stream->length;
    sb->stream.reference = reference;
    sb->stream.step = step;
    trace(AUDIO, "sb16: %s %u bytes at %u Hz, %d bits %s%s", stream->record ? "record" : "play", stream->length,
          sb->rate, stream->wide ? 16 : 8, stream->stereo ? "stereo" : "mono", stream->auto_init ? ", again" : "");
    request(sb, true);
    set_voice_rate(sb);
    arm(sb);
}

void sb16_stream_stop(struct sb16 *sb)
{
    audio_voice_set_rate(sb->voice, 0);
    if (sb->stream.playing)
        request(sb, false);
    sb->stream.playing = sb->stream.paused = false;
    arm(sb);
}

void sb16_stream_pause(struct sb16 *sb, bool pause)
{
    audio_voice_run(sb->voice);
    sb->stream.paused = pause;
    if (sb->stream.playing)
        request(sb, !pause);
    set_voice_rate(sb);
    arm(sb);
}

void sb16_stream_last(struct sb16 *sb, bool wide)
{
    audio_voice_run(sb->voice);
    if (sb->stream.wide == wide)
        sb->stream.last = true;
}

void sb16_stream_set_rate(struct sb16 *sb)
{
    if (!sb->stream.playing || sb->stream.paused)
        return;
    set_voice_rate(sb);
    arm(sb);
}

void sb16_dma_write(struct sb16 *sb, u8 value)
{
    bool terminal;
    int channel = dma_channel(sb, false);
    if (channel < 0)
        return;
    i8237_request(sb->dma, channel, true);
    i8237_to_memory(sb->dma, channel, &value, 1, &terminal);
    i8237_request(sb->dma, channel, sb->stream.playing && !sb->stream.wide);
}

static void render_direct(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct sb16 *sb = opaque;
    for (unsigned i = 0; frames && i < count; i++)
        frames[i] = (struct audio_frame){sb->direct, sb->direct};
    sb->quiet += count;
    if (sb->quiet > DIRECT_GOES_QUIET)
        audio_voice_set_rate(sb->direct_voice, 0);
}

void sb16_direct(struct sb16 *sb, u8 value)
{
    audio_voice_run(sb->direct_voice);
    sb->direct = (value - 128) * 256;
    sb->quiet = 0;
    audio_voice_set_rate(sb->direct_voice, DIRECT_RATE);
}

int sb16_stream_init(struct sb16 *sb, struct audio *audio)
{
    static const u8 channels[] = {0, 1, 3, 5, 6, 7};
    sb->voice = audio_add_voice(audio, "sb16", render, sb);
    sb->direct_voice = audio_add_voice(audio, "sb16 direct", render_direct, sb);
    if (!sb->voice || !sb->direct_voice)
        return -ENOMEM;
    timer_init(&sb->block_end, sb->machine->clock, block_end, sb);
    timer_init(&sb->silence_end, sb->machine->clock, silence_end, sb);
    for (unsigned i = 0; i < ARRAY_SIZE(channels); i++)
        i8237_on_look(sb->dma, channels[i], settle, sb);
    return 0;
}
