#include "devices/sb16.h"

#include "devices/audio/recording.h"
#include "devices/testbench.h"

#define MS 1000000ull
#define BASE 0x220
#define BUFFER 0x20000

static struct bench bench;
static struct audio *audio;
static struct i8237 dma;
static struct sb16 sb;
static struct mpu401 mpu;
static struct region ram;
static struct recording recording;

static void out(u16 port, u8 value)
{
    bench_out(&bench, port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, port);
}

static void start(void)
{
    static const struct sb16_settings settings = {BASE, 5, 1, 5};
    struct irq none = {0}, irqs[4] = {none, none, none, none};
    bench_open(&bench);
    ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = 0x100000, .enabled = true,
                          .host = memory_alloc(0x100000)};
    ram.page_flags = calloc(1, ram.size / 4096);
    memory_add(bench.machine->memory, &ram);
    audio = recording_start(&recording, bench.machine->clock);
    i8237_init(&dma, bench.machine);
    irqs[1] = bench_wire(&bench);
    CHECK_EQ(sb16_init(&sb, bench.machine, audio, &dma, &mpu, irqs, &settings), 0);
    struct irq mpu_irq = sb16_mpu_irq(&sb);
    mpu401_init(&mpu, bench.machine, 0x330, &mpu_irq, NULL);
    out(0xd6, 0xc0); /* the cascade */
    out(0xd4, 0x00);
}

static struct wav_samples stop(void)
{
    struct wav_samples samples = recording_end(&recording);
    bench_close(&bench);
    memory_free(ram.host, ram.size);
    free(ram.page_flags);
    return samples;
}

static void finish(void)
{
    struct wav_samples samples = stop();
    wav_free(&samples);
}

static void say(u8 byte)
{
    CHECK_EQ(in(BASE + 0xc) & 0x80, 0);
    out(BASE + 0xc, byte);
}

static void say_word(u16 word)
{
    say(word & 0xff);
    say(word >> 8);
}

static void mixer(u8 index, u8 value)
{
    out(BASE + 4, index);
    out(BASE + 5, value);
}

static void loud(void)
{
    for (u8 reg = 0x30; reg < 0x34; reg++)
        mixer(reg, 0xf8);
}

static void reset_dsp(void)
{
    out(BASE + 6, 1);
    bench_wait(&bench, 3000);
    out(BASE + 6, 0);
    CHECK_EQ(in(BASE + 0xe) & 0x80, 0x80);
    CHECK_EQ(in(BASE + 0xa), 0xaa);
    CHECK_EQ(in(BASE + 0xe) & 0x80, 0);
}

/* Channel 1, for bytes; mode 58: auto-initialize, from memory; 48: once. */
static void program_dma_8(u8 mode, u16 bytes)
{
    out(0x0a, 5);
    out(0x0c, 0);
    out(0x0b, mode | 1);
    out(0x02, BUFFER & 0xff), out(0x02, BUFFER >> 8 & 0xff);
    out(0x83, BUFFER >> 16);
    out(0x03, (bytes - 1) & 0xff), out(0x03, (bytes - 1) >> 8);
    out(0x0a, 1);
}

/* Channel 5, for words. */
static void program_dma_16(u8 mode, u16 words)
{
    out(0xd4, 5);
    out(0xd8, 0);
    out(0xd6, mode | 1);
    out(0xc4, BUFFER >> 1 & 0xff), out(0xc4, BUFFER >> 9 & 0xff);
    out(0x8b, BUFFER >> 16);
    out(0xc6, (words - 1) & 0xff), out(0xc6, (words - 1) >> 8);
    out(0xd4, 1);
}

TEST(the_dsp_answers_to_reset_version_and_identification)
{
    start();
    reset_dsp();
    say(0xe1);
    CHECK_EQ(in(BASE + 0xa), 4);
    CHECK_EQ(in(BASE + 0xa), 5);
    say(0xe0), say(0x5c);
    CHECK_EQ(in(BASE + 0xa), 0xa3);
    say(0xe4), say(0x99), say(0xe8);
    CHECK_EQ(in(BASE + 0xa), 0x99);
    say(0xe3);
    CHECK_EQ(in(BASE + 0xa), 'C');
    reset_dsp();
    finish();
}

TEST(the_mixer_shows_and_changes_the_resources)
{
    start();
    out(BASE + 4, 0x80);
    CHECK_EQ(in(BASE + 5), 0x02);
    out(BASE + 4, 0x81);
    CHECK_EQ(in(BASE + 5), 0x22);
    mixer(0x22, 0xb7); /* the Sound Blaster Pro's master: 4 bits a side */
    out(BASE + 4, 0x30);
    CHECK_EQ(in(BASE + 5) & 0xf0, 0xb0);
    out(BASE + 4, 0x31);
    CHECK_EQ(in(BASE + 5) & 0xf0, 0x70);
    finish();
}

/* Guide, "CT1745 Mixer": five bits of a volume, three of the old microphone register. */
TEST(mixer_registers_hold_the_bits_that_they_have)
{
    static const u8 table[][2] = {{0x30, 0xf8}, {0x3a, 0xf8}, {0x3b, 0xc0}, {0x3c, 0x1f}, {0x3d, 0x7f},
                                  {0x41, 0xc0}, {0x43, 0x01}, {0x47, 0xf0}, {0x0a, 0x07}};
    start();
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        mixer(table[i][0], 0xff);
        CHECK_EQ(in(BASE + 5), table[i][1]);
    }
    mixer(0, 0); /* resets it */
    static const u8 defaults[][2] = {{0x30, 0xc0}, {0x36, 0}, {0x3c, 0x1f}, {0x3d, 0x15}, {0x3e, 0x0b}, {0x44, 0x80}};
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        out(BASE + 4, defaults[i][0]);
        CHECK_EQ(in(BASE + 5), defaults[i][1]);
    }
    finish();
}

/* Guide, "Interrupt Status Register": bit 2 is the MPU-401's; reading its data takes the request away. */
TEST(the_mpu401_interrupts_on_the_cards_line)
{
    start();
    out(0x331, 0xff);
    CHECK_EQ(bench.level, true);
    out(BASE + 4, 0x82);
    CHECK_EQ(in(BASE + 5) & 7, 4);
    in(BASE + 0xe);
    in(BASE + 0xf);
    CHECK_EQ(bench.level, true);
    CHECK_EQ(in(0x330), 0xfe);
    CHECK_EQ(bench.level, false);
    finish();
}

/* 8-bit mono, one block of 11025 bytes at 11025 Hz: a second later the interrupt, and the status says which. */
TEST(a_single_block_plays_and_interrupts_at_its_end)
{
    start();
    reset_dsp();
    loud();
    for (int i = 0; i < 11025; i++)
        ram.host[BUFFER + i] = 128 + lrint(100 * sin(2 * M_PI * i * 441 / 11025.));
    program_dma_8(0x48, 11025);
    say(0xd1);
    say(0x41), say(11025 >> 8), say(11025 & 0xff);
    say(0x14), say_word(11024);
    bench_wait(&bench, 999 * MS);
    CHECK_EQ(bench.level, false);
    bench_wait(&bench, 2 * MS);
    CHECK_EQ(bench.level, true);
    out(BASE + 4, 0x82);
    CHECK_EQ(in(BASE + 5) & 7, 1);
    in(BASE + 0xe);
    CHECK_EQ(bench.level, false);
    CHECK_EQ(in(0x08) & 2, 2); /* terminal count */
    bench_wait(&bench, 100 * MS);
    CHECK_EQ(bench.rises, 1);
    struct wav_samples samples = stop();
    double all = wav_power(&samples, 4800, 43200), tone = wav_power_at(&samples, 4800, 43200, 441);
    CHECK(fabs(sqrt(2 * tone) - 25600) < 300);
    CHECK(all - tone < tone / 5000); /* 8 bits */
    wav_free(&samples);
}

/* 16-bit signed stereo at 44100 Hz, auto-initialize, two blocks in a buffer. */
TEST(auto_initialized_blocks_follow_without_a_gap)
{
    start();
    reset_dsp();
    loud();
    for (int i = 0; i < 4410; i++) {
        i16 left = lrint(20000 * sin(2 * M_PI * i / 44.1)), right = lrint(10000 * sin(2 * M_PI * i / 22.05));
        memcpy(ram.host + BUFFER + 4 * i, &left, 2);
        memcpy(ram.host + BUFFER + 4 * i + 2, &right, 2);
    }
    program_dma_16(0x58, 8820);
    say(0x41), say(44100 >> 8), say(44100 & 0xff);
    say(0xb6), say(0x30), say_word(4409); /* words of a block: 50 ms */
    for (int block = 1; block <= 20; block++) {
        bench_until(&bench, block * 50 * MS + 100000);
        CHECK_EQ(bench.rises, block);
        out(BASE + 4, 0x82);
        CHECK_EQ(in(BASE + 5) & 7, 2);
        in(BASE + 0xf);
    }
    say(0xd9);
    bench_wait(&bench, 120 * MS);
    CHECK_EQ(bench.rises, 21);
    struct wav_samples samples = stop();
    double all = wav_power(&samples, 4800, 43200), tone = wav_power_at(&samples, 4800, 43200, 1000);
    CHECK(fabs(sqrt(2 * tone) - 20000) < 200);
    CHECK(all - tone < tone * 1e-5);
    CHECK(wav_peak(&samples, 55000, samples.count) < 21000);
    wav_free(&samples);
}

/* Guide, commands DA and 45: the exit from auto-initialize waits for the block's end, and can be taken back. */
TEST(auto_initialize_is_left_at_the_end_of_a_block)
{
    start();
    reset_dsp();
    program_dma_8(0x58, 2000);
    say(0x40), say(256 - 1000000 / 10000);
    say(0x48), say_word(999);
    say(0x1c);
    for (int block = 1; block <= 3; block++) {
        bench_until(&bench, block * 100 * MS + 100000);
        CHECK_EQ(bench.rises, block);
        in(BASE + 0xe);
        say(0xda);
        if (block < 3)
            say(0x45);
    }
    bench_wait(&bench, 500 * MS);
    in(BASE + 0xe);
    CHECK_EQ(bench.rises, 4);
    finish();
}

TEST(the_dma_count_follows_guest_time)
{
    start();
    reset_dsp();
    program_dma_8(0x58, 10000);
    say(0x40), say(256 - 1000000 / 10000); /* 10 kHz */
    say(0x48), say_word(9999);
    say(0x1c);
    bench_wait(&bench, 500 * MS + 50000);
    u16 left = in(0x03);
    left |= in(0x03) << 8;
    CHECK_EQ(left, 10000 - 1 - 5000);
    say(0xd0);
    bench_wait(&bench, 500 * MS);
    left = in(0x03);
    left |= in(0x03) << 8;
    CHECK_EQ(left, 10000 - 1 - 5000);
    say(0xd4);
    bench_wait(&bench, 100 * MS);
    left = in(0x03);
    left |= in(0x03) << 8;
    CHECK(left <= 4000 && left >= 3998);
    finish();
}

/* 4-bit ADPCM: a reference byte, then codes: 7 up by 7 with a larger step after it, 0 back to the smallest. */
TEST(adpcm_follows_its_codes)
{
    start();
    reset_dsp();
    loud();
    ram.host[BUFFER] = 0x80;
    for (int i = 1; i < 400; i++)
        ram.host[BUFFER + i] = i == 1 ? 0x77 : 0x00;
    program_dma_8(0x48, 400);
    say(0x40), say(256 - 1000000 / 8000);
    say(0x75), say_word(399);
    bench_wait(&bench, 1 * MS);
    in(0x03), in(0x03); /* whoever looks sees it as it is now */
    /* 0x80 + 7, + 15 at the next step; then zeros: + 2, + 1, + 0. */
    CHECK_EQ((i16)(sb.channel[0].stream.level[0]), (7 + 15 + 2 + 1) * 256);
    finish();
}

/* 16-bit output by channel 5 while 8-bit input comes by channel 1; each pauses by its own command. */
TEST(one_channel_plays_while_the_other_records)
{
    start();
    reset_dsp();
    program_dma_16(0x58, 1000);
    program_dma_8(0x54, 2000);
    say(0x41), say(10000 >> 8), say(10000 & 0xff);
    say(0xb6), say(0x10), say_word(999);
    bench_wait(&bench, 50 * MS);
    memset(ram.host + BUFFER, 1, 2000);
    say(0xce), say(0x00), say_word(1999);
    bench_until(&bench, 101 * MS);
    out(BASE + 4, 0x82);
    CHECK_EQ(in(BASE + 5) & 7, 2);
    in(BASE + 0xf);
    say(0xd5);
    bench_until(&bench, 251 * MS);
    CHECK_EQ(in(BASE + 5) & 7, 1);
    CHECK_EQ(ram.host[BUFFER + 1999], 0x80);
    in(BASE + 0xe);
    finish();
}

TEST(command_80_is_a_silence_that_interrupts)
{
    start();
    reset_dsp();
    say(0x40), say(256 - 1000000 / 8000);
    say(0x80), say_word(7999);
    bench_wait(&bench, 999 * MS);
    CHECK_EQ(bench.rises, 0);
    bench_wait(&bench, 2 * MS);
    CHECK_EQ(bench.rises, 1);
    finish();
}

TEST(direct_samples_sound)
{
    start();
    reset_dsp();
    loud();
    for (int i = 0; i < 8000; i++) {
        bench_until(&bench, i * 125000ull);
        say(0x10), say(128 + lrint(100 * sin(2 * M_PI * i / 16)));
    }
    struct wav_samples samples = stop();
    CHECK(wav_power_at(&samples, 4800, 43200, 500) > 0.9 * wav_power(&samples, 4800, 43200));
    wav_free(&samples);
}

TEST(recording_writes_silence)
{
    start();
    reset_dsp();
    memset(ram.host + BUFFER, 1, 800);
    program_dma_8(0x44, 800);
    say(0x40), say(256 - 1000000 / 8000);
    say(0x24), say_word(799);
    bench_wait(&bench, 101 * MS);
    CHECK_EQ(bench.rises, 1);
    CHECK_EQ(ram.host[BUFFER], 0x80);
    CHECK_EQ(ram.host[BUFFER + 799], 0x80);
    CHECK_EQ(ram.host[BUFFER + 800], 0);
    finish();
}

TEST(a_masked_channel_holds_the_block)
{
    start();
    reset_dsp();
    program_dma_8(0x48, 800);
    out(0x0a, 5);
    say(0x40), say(256 - 1000000 / 8000);
    say(0x14), say_word(799);
    bench_wait(&bench, 500 * MS);
    CHECK_EQ(bench.rises, 0);
    out(0x0a, 1);
    bench_wait(&bench, 201 * MS);
    CHECK_EQ(bench.rises, 1);
    finish();
}

UNIT_MAIN()
