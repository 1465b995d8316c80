#include "devices/i8237.h"

#include "devices/testbench.h"

static struct bench bench;
static struct i8237 dma;
static struct region ram;
static int grants;

static void out(u16 port, u8 value)
{
    bench_out(&bench, port, value);
}
static u8 in(u16 port)
{
    return bench_in(&bench, port);
}
static void granted(void *opaque)
{
    grants++;
}

/* Channels 2 and 5 have a device; channel 4 is the open cascade, as every BIOS sets it up. */
static void start(void)
{
    bench_open(&bench);
    grants = 0;
    ram = (struct region){
        .name = "ram",
        .kind = REGION_RAM,
        .size = 0x100000,
        .enabled = true,
        .host = memory_alloc(0x100000),
    };
    ram.page_flags = calloc(1, ram.size / 4096);
    memory_add(bench.machine->memory, &ram);
    i8237_init(&dma, bench.machine);
    i8237_attach(&dma, 2, granted, NULL);
    i8237_attach(&dma, 5, granted, NULL);
    out(0xd6, 0xc0);
    out(0xd4, 0x00);
}

static void stop(void)
{
    bench_close(&bench);
    memory_free(ram.host, ram.size);
    free(ram.page_flags);
}

static void program_2(u8 mode, u32 address, u16 count)
{
    out(0x0c, 0);
    out(0x0b, mode);
    out(0x04, address), out(0x04, address >> 8);
    out(0x81, address >> 16);
    out(0x05, count), out(0x05, count >> 8);
    out(0x0a, 0x02);
}

TEST(device_writes_memory_up_to_terminal_count)
{
    bool terminal;
    start();
    i8237_request(&dma, 2, true);
    CHECK_EQ(grants, 0);
    program_2(0x46, 0x21000, 3);
    CHECK_EQ(grants, 1); /* unmasking lets the waiting request through */
    CHECK_EQ(i8237_left(&dma, 2), 4);
    CHECK_EQ(i8237_to_memory(&dma, 2, "ab", 2, &terminal), 2);
    CHECK(!terminal);
    CHECK_EQ(i8237_to_memory(&dma, 2, "cdef", 4, &terminal), 2);
    CHECK(terminal);
    CHECK(!memcmp(ram.host + 0x21000, "abcd\0", 5));
    CHECK_EQ(in(0x08), 0x44); /* TC and the request of channel 2 */
    CHECK_EQ(in(0x08), 0x40);
    CHECK_EQ(i8237_to_memory(&dma, 2, "x", 1, &terminal), 0); /* masked by TC */
    stop();
}

TEST(current_registers_show_progress_through_the_flip_flop)
{
    bool terminal;
    start();
    program_2(0x46, 0x1234, 0x00ff);
    i8237_request(&dma, 2, true);
    i8237_to_memory(&dma, 2, "0123456789abcdef", 16, &terminal);
    out(0x0c, 0);
    CHECK_EQ(in(0x04), 0x44);
    CHECK_EQ(in(0x04), 0x12);
    CHECK_EQ(in(0x05), 0xef);
    CHECK_EQ(in(0x05), 0x00);
    stop();
}

TEST(address_wraps_inside_the_page)
{
    bool terminal;
    start();
    program_2(0x46, 0x2fffe, 3);
    i8237_request(&dma, 2, true);
    CHECK_EQ(i8237_to_memory(&dma, 2, "abcd", 4, &terminal), 4);
    CHECK(!memcmp(ram.host + 0x2fffe, "ab", 2));
    CHECK(!memcmp(ram.host + 0x20000, "cd", 2));
    stop();
}

TEST(decrement_goes_downwards)
{
    bool terminal;
    char got[3];
    start();
    memcpy(ram.host + 0x3000, "abc", 3);
    program_2(0x6a, 0x3002, 2);
    i8237_request(&dma, 2, true);
    CHECK_EQ(i8237_from_memory(&dma, 2, got, 3, &terminal), 3);
    CHECK(!memcmp(got, "cba", 3));
    stop();
}

TEST(autoinitialise_starts_over_unmasked)
{
    bool terminal;
    start();
    program_2(0x56, 0x4000, 1);
    i8237_request(&dma, 2, true);
    CHECK_EQ(i8237_to_memory(&dma, 2, "ab", 2, &terminal), 2);
    CHECK(terminal);
    CHECK_EQ(i8237_to_memory(&dma, 2, "cd", 2, &terminal), 2);
    CHECK(!memcmp(ram.host + 0x4000, "cd", 2));
    stop();
}

TEST(word_channel_shifts_its_address)
{
    bool terminal;
    start();
    out(0xd8, 0);
    out(0xd6, 0x45);
    out(0xc4, 0x00), out(0xc4, 0x08); /* word address 800h */
    out(0x8b, 0x03);                  /* A16 of the page register is not used */
    out(0xc6, 0x01), out(0xc6, 0x00);
    out(0xd4, 0x01);
    i8237_request(&dma, 5, true);
    CHECK_EQ(grants, 1);
    CHECK_EQ(i8237_to_memory(&dma, 5, "abcd", 4, &terminal), 4);
    CHECK(terminal);
    CHECK(!memcmp(ram.host + 0x21000, "abcd", 4));
    stop();
}

TEST(verify_counts_and_moves_nothing)
{
    bool terminal;
    start();
    program_2(0x42, 0x5000, 3);
    i8237_request(&dma, 2, true);
    CHECK_EQ(i8237_to_memory(&dma, 2, "abcd", 4, &terminal), 4);
    CHECK(terminal);
    CHECK_EQ(ram.host[0x5000], 0);
    stop();
}

TEST(wrong_direction_moves_nothing)
{
    bool terminal;
    char got[4];
    start();
    program_2(0x46, 0x5000, 3);
    i8237_request(&dma, 2, true);
    CHECK_EQ(i8237_from_memory(&dma, 2, got, 4, &terminal), 0);
    stop();
}

TEST(closed_cascade_stops_the_byte_channels)
{
    start();
    out(0xd4, 0x04);
    program_2(0x46, 0x5000, 3);
    i8237_request(&dma, 2, true);
    CHECK_EQ(grants, 0);
    out(0xd4, 0x00);
    CHECK_EQ(grants, 1);
    stop();
}

UNIT_MAIN()
