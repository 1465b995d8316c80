#include "devices/ac97.h"

#include "devices/audio/recording.h"
#include "devices/testbench.h"

#define MS 1000000ull
#define MIXER 0xd000
#define MASTER 0xd100
#define OUT 0x10 /* the PCM out channel's registers */
#define TABLE 0x1000
#define SAMPLES 0x10000

static struct bench bench;
static struct audio *audio;
static struct ac97 ac97;
static struct region ram;
static struct recording recording;

static void out(u16 port, u32 value, unsigned size)
{
    ioports_write(bench.machine->ports, port, value, size);
}
static u32 in(u16 port, unsigned size)
{
    return ioports_read(bench.machine->ports, port, size);
}

static void start(void)
{
    bench_open(&bench);
    ram = (struct region){
        .name = "ram", .kind = REGION_RAM, .size = 0x100000, .enabled = true, .host = memory_alloc(0x100000)};
    ram.page_flags = calloc(1, ram.size / 4096);
    memory_add(bench.machine->memory, &ram);
    bench.machine->pci = pci_create(bench.machine->memory, bench.machine->ports);
    struct irq wire = bench_wire(&bench), pirq[4] = {wire, wire, wire, wire};
    pci_set_router(bench.machine->pci, pirq);
    audio = recording_start(&recording, bench.machine->clock);
    CHECK_EQ(ac97_init(&ac97, bench.machine, audio), 0);
    pci_config_write(bench.machine->pci, 3 << 3, 0x10, MIXER, 4);
    pci_config_write(bench.machine->pci, 3 << 3, 0x14, MASTER, 4);
    pci_config_write(bench.machine->pci, 3 << 3, 0x04, 5, 2);
    out(MASTER + 0x2c, 2, 4);
}

static struct wav_samples stop(void)
{
    struct wav_samples samples = recording_end(&recording);
    bench_close(&bench);
    memory_free(ram.host, ram.size);
    free(ram.page_flags);
    return samples;
}

/* `buffers` of 4800 frames each, one after another, with 1000 Hz at 48 kHz; an interrupt after each. */
static void describe(int buffers)
{
    for (int i = 0; i < 4800 * buffers; i++) {
        i16 frame[2] = {lrint(16000 * sin(2 * M_PI * i / 48)), lrint(8000 * sin(2 * M_PI * i / 48))};
        memcpy(ram.host + SAMPLES + 4 * i, frame, 4);
    }
    for (int i = 0; i < buffers; i++) {
        u32 descriptor[2] = {SAMPLES + 19200 * i, 9600 | 0x80000000};
        memcpy(ram.host + TABLE + 8 * i, descriptor, 8);
    }
    out(MIXER + 0x02, 0, 2);
    out(MIXER + 0x18, 0x0808, 2);
    out(MASTER + OUT + 0, TABLE, 4);
    out(MASTER + OUT + 5, buffers - 1, 1);
}

/* AC'97 2.1: volumes of 5 bits; bits that are not there read as 0; PR bits take the ready bits away. */
TEST(codec_registers_hold_the_bits_that_they_have)
{
    static const u16 table[][3] = {{0x0a, 0xffff, 0x801e}, {0x0c, 0xffff, 0x801f}, {0x10, 0xffff, 0x9f1f},
                                   {0x1a, 0xffff, 0x0707}, {0x1c, 0xffff, 0x8f0f}, {0x26, 0x0300, 0x030c},
                                   {0x26, 0x0000, 0x000f}, {0x2e, 44100, 44100},   {0x36, 0xffff, 0x0000}};
    start();
    out(MIXER + 0x2a, 1, 2);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        out(MIXER + table[i][0], table[i][1], 2);
        CHECK_EQ(in(MIXER + table[i][0], 2), table[i][2]);
    }
    out(MIXER + 0x2c, 44100, 2);
    out(MIXER + 0x2a, 0, 2); /* without variable rate there is one */
    CHECK_EQ(in(MIXER + 0x2c, 2), 48000);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

/* 82801AA: "RCS: a codec read timed out", cleared by writing 1; AD3 and MD3 belong to software. */
TEST(a_read_of_the_absent_codec_is_told)
{
    start();
    CHECK_EQ(in(MASTER + 0x31, 1), 0x01);
    CHECK_EQ(in(MIXER + 0x80 + 0x7c, 2), 0xffff);
    CHECK_EQ(in(MASTER + 0x30, 4), 0x8100);
    out(MASTER + 0x30, 0x38000, 4);
    CHECK_EQ(in(MASTER + 0x30, 4), 0x30100);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

TEST(the_codec_says_what_it_is)
{
    start();
    CHECK_EQ(in(MASTER + 0x30, 4) & 0x100, 0x100);
    CHECK_EQ(in(MASTER + 0x34, 1), 0);
    CHECK_EQ(in(MASTER + 0x34, 1), 1); /* taken */
    CHECK_EQ(in(MIXER + 0x7c, 2), 0x8384);
    CHECK_EQ(in(MASTER + 0x34, 1), 0); /* an access gives it back */
    CHECK_EQ(in(MIXER + 0x26, 2) & 0x0f, 0x0f);
    CHECK_EQ(in(MIXER + 0x28, 2) & 1, 1);
    out(MIXER + 0x02, 0x2020, 2); /* six bits of volume? five */
    CHECK_EQ(in(MIXER + 0x02, 2), 0x1f1f);
    out(MIXER + 0x2c, 44100, 2);
    CHECK_EQ(in(MIXER + 0x2c, 2), 44100);
    out(MIXER + 0x2a, 0, 2);
    CHECK_EQ(in(MIXER + 0x2c, 2), 48000);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

TEST(buffers_play_in_turn_and_interrupt)
{
    start();
    describe(3);
    out(MASTER + OUT + 11, 0x15, 1); /* run; interrupts of buffers and of the last one */
    bench_wait(&bench, 50 * MS);
    u32 left = in(MASTER + OUT + 8, 2);
    CHECK(left >= 4798 && left <= 4802);
    bench_wait(&bench, 51 * MS);
    CHECK(bench.level);
    CHECK_EQ(in(MASTER + OUT + 4, 1), 1);
    CHECK_EQ(in(MASTER + 0x30, 4) & 0x40, 0x40);
    CHECK_EQ(in(MASTER + OUT + 6, 2), 0x08);
    out(MASTER + OUT + 6, 0x1c, 2);
    CHECK(!bench.level);
    bench_wait(&bench, 200 * MS);
    CHECK_EQ(in(MASTER + OUT + 6, 2), 0x0f); /* halted after the last valid buffer */
    CHECK_EQ(in(MASTER + OUT + 4, 1), 2);
    out(MASTER + OUT + 6, 0x1c, 2);
    out(MASTER + OUT + 5, 0, 1); /* buffers 3 to 31 are empty; round to 0 */
    bench_wait(&bench, 200 * MS);
    CHECK_EQ(in(MASTER + OUT + 4, 1), 0);
    CHECK_EQ(in(MASTER + OUT + 6, 2) & 0x05, 0x05);
    struct wav_samples samples = stop();
    double all = wav_power(&samples, 480, 13920), tone = wav_power_at(&samples, 480, 13920, 1000);
    CHECK(fabs(sqrt(2 * tone) - 16000) < 200);
    CHECK(all - tone < tone / 10000);
    wav_free(&samples);
}

TEST(nothing_moves_without_bus_mastering)
{
    start();
    describe(1);
    pci_config_write(bench.machine->pci, 3 << 3, 0x04, 1, 2);
    out(MASTER + OUT + 11, 0x15, 1);
    bench_wait(&bench, 200 * MS);
    CHECK(!bench.level);
    pci_config_write(bench.machine->pci, 3 << 3, 0x04, 5, 2);
    bench_wait(&bench, 101 * MS);
    CHECK(bench.level);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

TEST(recording_fills_buffers_with_silence)
{
    start();
    describe(1);
    out(MASTER + 0, TABLE, 4);
    out(MASTER + 5, 0, 1);
    out(MASTER + 11, 0x11, 1);
    bench_wait(&bench, 101 * MS);
    CHECK(bench.level);
    CHECK_EQ(ram.host[SAMPLES + 100], 0);
    CHECK_EQ(ram.host[SAMPLES + 101], 0);
    out(MASTER + 11, 0x02, 1);
    CHECK(!bench.level);
    struct wav_samples samples = stop();
    wav_free(&samples);
}

UNIT_MAIN()
