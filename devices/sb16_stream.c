/*
 * Sound Blaster 16: blocks of samples by DMA, at the rate of guest time.
 *
 * Source: Creative, "Sound Blaster Series Hardware Programming Guide", chapters 3 and 4; ADPCM as the DSP decodes it:
 *         the low bits of a code are a magnitude, the high one its sign, and the step goes up after the largest magnitude
 *         and down after 0.
 * The audio mixer asks for frames every 10 ms; a timer asks at the end of the block, and the 8237 asks when the guest
 * reads a DMA count, so that both are exact.  Between blocks the sample clock goes on for a while: blocks that a guest
 * starts one by one follow without a gap.
 */
#include <errno.h>
#include <string.h>

#include "devices/sb16_internal.h"
#include "machine/trace.h"

#define SHORTEST_NS 50000ull /* between two looks at a channel that may be masked */
#define DIRECT_RATE 48000u
#define DIRECT_HOLDS (DIRECT_RATE / 100)
#define DIRECT_GOES_QUIET (DIRECT_RATE / 4)
#define HOLDS 64u        /* frames */
#define GOES_QUIET 8192u /* frames between two blocks after which the voice rests */

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

static void request(const struct sb16_channel *channel, bool level)
{
    int number = dma_channel(channel->sb, channel->stream.wide);
    if (number >= 0)
        i8237_request(channel->sb->dma, number, level);
}

static bool moving(const struct sb16_channel *channel)
{
    return channel->stream.playing && !channel->stream.paused;
}

static void set_voice_rate(const struct sb16_channel *channel)
{
    const struct sb16 *sb = channel->sb;
    u32 rate = sb->by_time_constant && channel->stream.stereo ? sb->rate / 2 : sb->rate;
    if (moving(channel))
        audio_voice_set_rate(channel->voice, MAX(rate, 1));
}

static void arm(struct sb16_channel *channel)
{
    u64 earliest = clock_ns(channel->sb->machine->clock) + SHORTEST_NS;
    if (moving(channel) && audio_voice_rate(channel->voice))
        timer_set(&channel->block_end, MAX(audio_voice_time(channel->voice, frames_left(&channel->stream)), earliest));
    else
        timer_cancel(&channel->block_end);
}

/* False: the 8237 gives nothing, and the converters hold. */
static bool fetch(struct sb16_channel *channel, void *data, unsigned bytes)
{
    struct sb16_stream *stream = &channel->stream;
    struct i8237 *dma = channel->sb->dma;
    bool terminal;
    int number = dma_channel(channel->sb, stream->wide);
    if (number < 0)
        return false;
    u32 done = i8237_from_memory(dma, number, data, bytes, &terminal);
    if (done && done < bytes) /* terminal count in the middle of a frame: the next part is from the new run */
        done += i8237_from_memory(dma, number, (u8 *)data + done, bytes - done, &terminal);
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

static bool fetch_pcm(struct sb16_channel *channel)
{
    struct sb16_stream *stream = &channel->stream;
    u8 bytes[4];
    if (!fetch(channel, bytes, frame_bytes(stream)))
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

static bool fetch_adpcm(struct sb16_channel *channel)
{
    struct sb16_stream *stream = &channel->stream;
    u8 byte;
    if (stream->wants_reference) {
        if (!fetch(channel, &byte, 1))
            return false;
        stream->reference = byte;
        stream->step = 0;
        stream->wants_reference = false;
    }
    if (!stream->sample_count) {
        if (!stream->left || !fetch(channel, &byte, 1))
            return false;
        decode_byte(stream, byte);
    }
    stream->level[0] = stream->level[1] = (stream->samples[stream->sample_first++ & 3] - 128) * 256;
    stream->sample_count--;
    return true;
}

/* There is no microphone: silence. */
static bool store(struct sb16_channel *channel)
{
    struct sb16_stream *stream = &channel->stream;
    bool terminal;
    unsigned bytes = frame_bytes(stream);
    u8 high = stream->is_signed ? 0 : 0x80, silence[4] = {high, high, high, high};
    if (stream->wide)
        silence[0] = silence[2] = 0;
    int number = dma_channel(channel->sb, stream->wide);
    u32 done = number < 0 ? 0 : i8237_to_memory(channel->sb->dma, number, silence, bytes, &terminal);
    stream->left -= MIN(done, stream->left);
    return done != 0;
}

static void end_block(struct sb16_channel *channel)
{
    struct sb16_stream *stream = &channel->stream;
    trace(AUDIO, "sb16: end of block");
    if (stream->auto_init && !stream->last) {
        if (stream->by_block) /* which may have changed */
            stream->length = channel->sb->block + 1;
        stream->left = stream->length;
    } else {
        stream->playing = false;
        request(channel, false);
    }
    sb16_raise(channel->sb, stream->wide ? SB16_IRQ_16 : SB16_IRQ_8);
}

/* The converters hold for the next block; if there is none, the capacitors behind them let the level go. */
static void rest(struct sb16_stream *stream)
{
    for (int side = 0; stream->idle > HOLDS && side < 2; side++)
        stream->level[side] = stream->level[side] * 31 / 32;
    stream->idle++;
}

static void go_on(struct sb16_channel *channel)
{
    struct sb16_stream *stream = &channel->stream;
    stream->idle = 0;
    if (stream->record)
        store(channel);
    else if (stream->format == SB16_PCM)
        fetch_pcm(channel);
    else
        fetch_adpcm(channel);
    if (!stream->left && !stream->sample_count)
        end_block(channel);
}

static void render(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct sb16_channel *channel = opaque;
    struct sb16_stream *stream = &channel->stream;
    for (unsigned i = 0; i < count; i++) {
        if (moving(channel))
            go_on(channel);
        else
            rest(stream);
        if (frames)
            frames[i] = (struct audio_frame){stream->level[0], stream->level[1]};
    }
    if (stream->idle > GOES_QUIET)
        audio_voice_set_rate(channel->voice, 0);
}

static void block_end(void *opaque)
{
    struct sb16_channel *channel = opaque;
    audio_voice_run(channel->voice);
    arm(channel);
}

static void silence_end(void *opaque)
{
    sb16_raise(opaque, SB16_IRQ_8);
}

/* The guest looks at a DMA count. */
static void settle(void *opaque)
{
    struct sb16 *sb = opaque;
    for (int i = 0; i < 2; i++)
        audio_voice_run(sb->channel[i].voice);
}

static void stop(struct sb16_channel *channel)
{
    audio_voice_run(channel->voice);
    if (channel->stream.playing)
        request(channel, false);
    channel->stream.playing = channel->stream.paused = false;
    arm(channel);
}

void sb16_stream_start(struct sb16 *sb, const struct sb16_stream *stream)
{
    struct sb16_channel *channel = &sb->channel[stream->wide], *other = &sb->channel[!stream->wide];
    stop(channel);
    if (other->stream.record == stream->record || dma_channel(sb, false) == dma_channel(sb, true))
        stop(other);
    struct sb16_stream before = channel->stream;
    channel->stream = *stream;
    channel->stream.playing = true;
    channel->stream.left = stream->length;
    channel->stream.reference = before.reference; /* ADPCM goes on from the block before */
    channel->stream.step = before.step;
    memcpy(channel->stream.level, before.level, sizeof(before.level));
    trace(AUDIO, "sb16: %s %u bytes at %u Hz, %d bits %s%s", stream->record ? "record" : "play", stream->length,
          sb->rate, stream->wide ? 16 : 8, stream->stereo ? "stereo" : "mono", stream->auto_init ? ", again" : "");
    request(channel, true);
    set_voice_rate(channel);
    arm(channel);
}

void sb16_stream_stop(struct sb16 *sb)
{
    stop(&sb->channel[0]);
    stop(&sb->channel[1]);
}

void sb16_stream_loaded(struct sb16 *sb)
{
    audio_voice_restart(sb->direct_voice, 0);
    for (int i = 0; i < 2; i++) {
        sb->channel[i].stream.idle = 0;
        audio_voice_restart(sb->channel[i].voice, 0);
        set_voice_rate(&sb->channel[i]);
        arm(&sb->channel[i]);
    }
}

void sb16_stream_pause(struct sb16 *sb, bool wide, bool pause)
{
    struct sb16_channel *channel = &sb->channel[wide];
    audio_voice_run(channel->voice);
    channel->stream.paused = pause;
    if (channel->stream.playing)
        request(channel, !pause);
    set_voice_rate(channel);
    arm(channel);
}

void sb16_stream_last(struct sb16 *sb, bool wide)
{
    audio_voice_run(sb->channel[wide].voice);
    sb->channel[wide].stream.last = true;
}

void sb16_stream_continue(struct sb16 *sb, bool wide)
{
    audio_voice_run(sb->channel[wide].voice);
    sb->channel[wide].stream.last = false;
    sb16_stream_pause(sb, wide, false);
}

void sb16_stream_set_rate(struct sb16 *sb)
{
    for (int i = 0; i < 2; i++) {
        set_voice_rate(&sb->channel[i]);
        arm(&sb->channel[i]);
    }
}

void sb16_dma_write(struct sb16 *sb, u8 value)
{
    bool terminal;
    int channel = dma_channel(sb, false);
    if (channel < 0)
        return;
    i8237_request(sb->dma, channel, true);
    i8237_to_memory(sb->dma, channel, &value, 1, &terminal);
    i8237_request(sb->dma, channel, moving(&sb->channel[0]));
}

static void render_direct(void *opaque, struct audio_frame *frames, unsigned count)
{
    struct sb16 *sb = opaque;
    for (unsigned i = 0; i < count; i++) {
        if (sb->quiet++ > DIRECT_HOLDS)
            sb->direct = sb->direct * 31 / 32;
        if (frames)
            frames[i] = (struct audio_frame){sb->direct, sb->direct};
    }
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
    sb->direct_voice = audio_add_voice(audio, "sb16 direct", render_direct, sb);
    for (int i = 0; i < 2; i++) {
        struct sb16_channel *channel = &sb->channel[i];
        channel->sb = sb;
        channel->voice = audio_add_voice(audio, i ? "sb16 16-bit" : "sb16 8-bit", render, channel);
        if (!channel->voice || !sb->direct_voice)
            return -ENOMEM;
        timer_init(&channel->block_end, sb->machine->clock, block_end, channel);
    }
    timer_init(&sb->silence_end, sb->machine->clock, silence_end, sb);
    for (unsigned i = 0; i < ARRAY_SIZE(channels); i++)
        i8237_on_look(sb->dma, channels[i], settle, sb);
    return 0;
}
