/*
 * CL-GD5446: BitBLT against a plain reference pixel by pixel, registers, windows, cursor.
 */
#include "devices/cirrus.h"

#include <stdlib.h>

#include "machine/machine.h"
#include "tests/unit.h"

#define AREA 0x40000 /* of memory that the tests use */

static struct machine machine;
static struct cirrus cirrus;
static struct surface surface;
static u8 expected[AREA];
static u64 executed;

static u64 instructions(void *opaque)
{
    return executed;
}

static void out(u16 port, u8 value)
{
    ioports_write(machine.ports, port, value, 1);
}

static u8 in(u16 port)
{
    return (u8)ioports_read(machine.ports, port, 1);
}

static void indexed(u16 port, u8 index, u8 value)
{
    out(port, index);
    out(port + 1, value);
}

static u8 indexed_get(u16 port, u8 index)
{
    out(port, index);
    return in(port + 1);
}

static void setup(void)
{
    machine = (struct machine){.ports = ioports_create(), .memory = memory_create(), .clock = clock_create()};
    machine.pci = pci_create(machine.memory, machine.ports);
    clock_use_icount(machine.clock, 0, instructions, NULL);
    CHECK_EQ(cirrus_init(&cirrus, &machine, machine.pci, &(struct vga_config){0}), 0);
    pci_config_write(machine.pci, 2 << 3, 0x10, 0xe0000000, 4);
    pci_config_write(machine.pci, 2 << 3, 0x14, 0xf0000000, 4);
    pci_config_write(machine.pci, 2 << 3, 0x04, 3, 2);
    out(0x3c2, 0x67);
    indexed(0x3c4, 6, 0x12);
    indexed(0x3c4, 7, 0x01);
    indexed(0x3ce, 6, 0x05);
}

static void teardown(void)
{
    cirrus_destroy(&cirrus);
    surface_free(&surface);
    pci_destroy(machine.pci);
    ioports_destroy(machine.ports);
    memory_destroy(machine.memory);
    clock_destroy(machine.clock);
}

/* Raster operations as truth tables: bit 2s + d. */
static const struct {
    u8 code, table;
} rops[] = {{0x00, 0x0}, {0x05, 0x8}, {0x06, 0xa}, {0x09, 0x4}, {0x0b, 0x5}, {0x0d, 0xc}, {0x0e, 0xf}, {0x50, 0x2},
            {0x59, 0x6}, {0x6d, 0xe}, {0x90, 0x1}, {0x95, 0x9}, {0xad, 0xd}, {0xd0, 0x3}, {0xd6, 0xb}, {0xda, 0x7}};

struct operation {
    unsigned bytes; /* of a pixel */
    u32 width, height, dst_pitch, src_pitch, dst, src; /* width in pixels */
    u8 mode, extension, rop, table, skip;
    u32 fg, bg, key;
};

static u32 operate(u8 table, u32 s, u32 d)
{
    u32 result = 0;
    for (int bit = 0; bit < 32; bit++)
        result |= (u32)(table >> ((s >> bit & 1) * 2 + (d >> bit & 1)) & 1) << bit;
    return result;
}

static u32 load(const u8 *at, unsigned bytes)
{
    u32 value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (u32)at[i] << 8 * i;
    return value;
}

static bool bitmap_bit(const u8 *source, const struct operation *op, u32 x, u32 y)
{
    u32 row = (op->width + 7) / 8;
    if (op->mode & 0x04 && op->extension & 0x01)
        row = (row + 3) & ~3u;
    if (op->mode & 0x40)
        return source[(op->src & ~7u) + ((op->src + y) & 7)] >> (7 - x % 8) & 1;
    return source[op->src + y * row + x / 8] >> (7 - x % 8) & 1;
}

static u32 source_pixel(const u8 *source, const struct operation *op, u32 x, u32 y)
{
    if (op->mode & 0x40) {
        u32 pitch = op->bytes == 3 ? 32 : op->bytes * 8;
        return load(source + (op->src & ~(pitch * 8 - 1)) + ((op->src + y) & 7) * pitch + x % 8 * op->bytes, op->bytes);
    }
    u32 pitch = op->mode & 0x04 ? (op->width * op->bytes + 3) & ~3u : op->src_pitch;
    return load(source + op->src + y * pitch + x * op->bytes, op->bytes);
}

static void reference(const struct operation *op, const u8 *source)
{
    for (u32 y = 0; y < op->height; y++) {
        for (u32 x = op->skip; x < op->width; x++) {
            u8 *to = expected + op->dst + y * op->dst_pitch + x * op->bytes;
            u32 s, mask = op->bytes == 4 ? ~0u : (1u << 8 * op->bytes) - 1;
            if (op->mode & 0x80 && !(op->extension & 0x04)) {
                bool invert = op->mode & 0x08 && op->extension & 0x02, on = bitmap_bit(source, op, x, y) != invert;
                if (!on && op->mode & 0x08)
                    continue;
                s = on && !invert ? op->fg : op->bg;
            } else {
                s = op->extension & 0x04 ? op->fg : source_pixel(source, op, x, y);
            }
            u32 result = operate(op->table, s, load(to, op->bytes)) & mask;
            if (op->mode & 0x08 && !(op->mode & 0x80) && result == (op->key & mask))
                continue;
            for (unsigned i = 0; i < op->bytes; i++)
                to[i] = (u8)(result >> 8 * i);
        }
    }
}

static void gr(u8 index, u32 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        indexed(0x3ce, (u8)(index + i), (u8)(value >> 8 * i));
}

static void program(const struct operation *op)
{
    u32 width = op->width * op->bytes, dst = op->dst, src = op->src;
    if (op->mode & 0x01) { /* the last byte of each */
        dst += (op->height - 1) * op->dst_pitch + width - 1;
        src += (op->height - 1) * op->src_pitch + width - 1;
    }
    static const u8 fg[4] = {0x01, 0x11, 0x13, 0x15}, bg[4] = {0x00, 0x10, 0x12, 0x14};
    for (int i = 0; i < 4; i++) {
        indexed(0x3ce, fg[i], (u8)(op->fg >> 8 * i));
        indexed(0x3ce, bg[i], (u8)(op->bg >> 8 * i));
    }
    gr(0x20, width - 1, 2);
    gr(0x22, op->height - 1, 2);
    gr(0x24, op->dst_pitch, 2);
    gr(0x26, op->src_pitch, 2);
    gr(0x28, dst, 3);
    gr(0x2c, src, 3);
    gr(0x2f, op->skip * (op->bytes == 3 ? 3u : 1u), 1);
    gr(0x30, op->mode | (op->bytes - 1) << 4, 1);
    gr(0x32, op->rop, 1);
    gr(0x33, op->extension, 1);
    gr(0x34, op->key, 2);
    gr(0x31, 0x02, 1);
}

static void fill_memory(void)
{
    for (u32 i = 0; i < AREA; i++)
        cirrus.vga.vram[i] = (u8)rand();
    memcpy(expected, cirrus.vga.vram, AREA);
}

static struct operation random_operation(unsigned bytes, unsigned rop)
{
    return (struct operation){
        .bytes = bytes, .width = 1 + (u32)rand() % 70, .height = 1 + (u32)rand() % 20, .dst_pitch = 512,
        .src_pitch = 400,
        .dst = 0x20000 + (u32)rand() % 256, .src = 0x10000 + (u32)rand() % 256, .rop = rops[rop].code,
        .table = rops[rop].table, .fg = (u32)rand() * 5, .bg = (u32)rand() * 7, .key = (u32)rand() & 0xffff};
}

static void run_and_compare(const struct operation *op)
{
    memcpy(expected, cirrus.vga.vram, AREA);
    reference(op, cirrus.vga.vram);
    program(op);
    CHECK_EQ(indexed_get(0x3ce, 0x31) & 1, 0);
    CHECK(memcmp(expected, cirrus.vga.vram, AREA) == 0);
}

#define EACH_ROP_AND_DEPTH(body)                                                                                       \
    setup();                                                                                                           \
    fill_memory();                                                                                                     \
    for (unsigned rop = 0; rop < ARRAY_SIZE(rops); rop++)                                                              \
        for (unsigned bytes = 1; bytes <= 4; bytes++)                                                                  \
            for (int round = 0; round < 3; round++) {                                                                  \
                struct operation op = random_operation(bytes, rop);                                                    \
                body;                                                                                                  \
                run_and_compare(&op);                                                                                  \
            }                                                                                                          \
    teardown()

TEST(screen_to_screen_forward_and_backward)
{
    EACH_ROP_AND_DEPTH(op.mode = (u8)(round & 1));
}

TEST(patterns_of_eight_by_eight)
{
    EACH_ROP_AND_DEPTH(op.mode = 0x40; op.src = 0x10000 + (u32)rand() % 8;
                       op.skip = (u8)(round && op.width > 8 ? rand() % 8 : 0));
}

TEST(expanded_bitmaps)
{
    EACH_ROP_AND_DEPTH(op.mode = 0x80; op.skip = (u8)(op.width > 8 ? rand() % 8 : 0));
}

TEST(expanded_bitmaps_with_transparency_and_inversion)
{
    EACH_ROP_AND_DEPTH(op.mode = 0x88; op.extension = round & 1 ? 0x02 : 0);
}

TEST(expanded_patterns)
{
    EACH_ROP_AND_DEPTH(op.mode = round & 1 ? 0xc8 : 0xc0; op.skip = (u8)(op.width > 8 ? rand() % 8 : 0));
}

TEST(solid_fills)
{
    EACH_ROP_AND_DEPTH(op.mode = 0xc0; op.extension = 0x04);
}

TEST(transparency_by_colour_in_8_and_16_bits)
{
    setup();
    fill_memory();
    for (u32 i = 0; i < AREA; i += 2) /* few colours, so that the key is met */
        cirrus.vga.vram[i] = (u8)(rand() & 3), cirrus.vga.vram[i + 1] = 0;
    for (int round = 0; round < 40; round++) {
        struct operation op = random_operation(1 + (round & 1), 5);
        op.mode = (u8)(0x08 | (round >> 1 & 1));
        op.key = (u32)rand() & 3;
        op.src &= ~1u;
        op.dst &= ~1u;
        run_and_compare(&op);
    }
    teardown();
}

/* Dwords to anywhere in the window or in the aperture. */
static void feed(const u8 *data, u32 size, bool window)
{
    u32 at = 0;
    for (; at + 4 <= size; at += 4)
        memory_store(machine.memory, (window ? 0xa0000 : 0xe0000000) + at % 0x1000, load(data + at, 4), 4);
    for (; at < size; at++)
        memory_store(machine.memory, 0xa0000, data[at], 1);
}

TEST(system_to_screen_takes_what_the_cpu_writes)
{
    setup();
    fill_memory();
    static u8 data[0x8000];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (u8)rand();
    for (unsigned round = 0; round < 16 * 4 * 3; round++) {
        struct operation op = random_operation(1 + round % 4, round / 4 % 16);
        op.src = 0;
        op.mode = round / 64 ? 0x84 : 0x04;
        op.extension = round / 64 == 2;
        u32 row = op.mode & 0x80 ? (op.width + 7) / 8 : (op.width * op.bytes + 3) & ~3u;
        row = op.extension ? (row + 3) & ~3u : row;
        memcpy(expected, cirrus.vga.vram, AREA);
        reference(&op, data);
        program(&op);
        CHECK_EQ(indexed_get(0x3ce, 0x31) & 1, 1);
        feed(data, row * op.height, round & 1);
        CHECK_EQ(indexed_get(0x3ce, 0x31) & 3, 0);
        CHECK(memcmp(expected, cirrus.vga.vram, AREA) == 0);
    }
    memory_store(machine.memory, 0xe0000010, 0x5a, 1); /* memory again */
    CHECK_EQ(cirrus.vga.vram[0x10], 0x5a);
    teardown();
}

/* A driver writes a line of a glyph as one dword, whatever part of it is used. */
TEST(what_follows_the_source_in_its_last_dword_is_padding)
{
    setup();
    fill_memory();
    for (unsigned size = 4; size <= 8; size += 4) {
        struct operation op = {.bytes = 1, .width = 8, .height = 1, .dst_pitch = 8, .dst = 0x20000, .rop = 0x0d,
                               .table = 0xc, .mode = 0x84, .fg = 0x55, .bg = 0xaa};
        static const u8 bits[] = {0x81};
        memcpy(expected, cirrus.vga.vram, AREA);
        reference(&op, bits);
        program(&op);
        memory_store(machine.memory, size == 4 ? 0xa0000 : 0xe0000000, 0x12345681, 4);
        CHECK_EQ(indexed_get(0x3ce, 0x31) & 3, 0);
        CHECK(memcmp(expected, cirrus.vga.vram, AREA) == 0);
    }
    teardown();
}

TEST(the_bit_for_solid_fills_counts_only_for_expanded_patterns)
{
    setup();
    fill_memory();
    struct operation op = {.bytes = 2, .width = 16, .height = 1, .dst_pitch = 64, .dst = 0x20000, .rop = 0x0d,
                           .table = 0xc, .mode = 0x84, .fg = 0x1234, .bg = 0xfedc};
    static const u8 bits[] = {0xa5, 0x3c};
    memcpy(expected, cirrus.vga.vram, AREA);
    reference(&op, bits);
    op.extension = 0x04;
    program(&op);
    CHECK_EQ(indexed_get(0x3ce, 0x31) & 1, 1);
    feed(bits, 2, false);
    CHECK(memcmp(expected, cirrus.vga.vram, AREA) == 0);
    teardown();
}

TEST(status_bits_of_the_engine_are_read_only)
{
    setup();
    indexed(0x3ce, 0x31, 0x19);
    CHECK_EQ(indexed_get(0x3ce, 0x31), 0x00);
    struct operation op = {.bytes = 1, .width = 64, .height = 64, .dst_pitch = 64, .rop = 0x0d, .mode = 0x04};
    program(&op);
    CHECK_EQ(indexed_get(0x3ce, 0x31) & 1, 1);
    indexed(0x3ce, 0x31, 0x04); /* reset */
    CHECK_EQ(indexed_get(0x3ce, 0x31) & 3, 0);
    teardown();
}

TEST(autostart_begins_with_the_last_byte_of_the_destination)
{
    setup();
    struct operation op = {.bytes = 1, .width = 4, .height = 1, .dst_pitch = 4, .dst = 0x100, .rop = 0x0d, .fg = 0x77,
                           .mode = 0xc0, .extension = 0x04};
    program(&op);
    CHECK_EQ(cirrus.vga.vram[0x103], 0x77);
    indexed(0x3ce, 0x31, 0x80);
    gr(0x28, 0x200, 2);
    CHECK_EQ(cirrus.vga.vram[0x200], 0);
    gr(0x2a, 0, 1);
    CHECK_EQ(cirrus.vga.vram[0x200], 0x77);
    teardown();
}

TEST(blt_registers_are_in_memory_too)
{
    setup();
    memory_store(machine.memory, 0xf0000104, 0x33, 1); /* BAR1 */
    CHECK_EQ(indexed_get(0x3ce, 0x01), 0x33);
    indexed(0x3c4, 0x17, 0x04);
    memory_store(machine.memory, 0xb8008, 0x01234, 4); /* width */
    CHECK_EQ(indexed_get(0x3ce, 0x20), 0x34);
    CHECK_EQ(indexed_get(0x3ce, 0x21), 0x12);
    indexed(0x3c4, 0x17, 0x44);
    memory_store(machine.memory, 0xe0000000 + CIRRUS_VRAM_SIZE - 256 + 0x1a, 0x59, 1);
    CHECK_EQ(indexed_get(0x3ce, 0x32), 0x59);
    memory_store(machine.memory, 0xf0000004, 0x07, 1); /* BAR1: the sequencer's ports */
    CHECK_EQ(memory_load(machine.memory, 0xf0000005, 1), 0x01);
    teardown();
}

TEST(offset_registers_place_the_window)
{
    setup();
    indexed(0x3ce, 0x0b, 0x00);
    indexed(0x3ce, 0x09, 0x05); /* 4 KiB each */
    memory_store(machine.memory, 0xa0010, 0x11, 1);
    CHECK_EQ(cirrus.vga.vram[0x5010], 0x11);
    CHECK(vga_is_direct(&cirrus.vga));
    indexed(0x3ce, 0x0b, 0x21); /* 16 KiB each, two offsets */
    indexed(0x3ce, 0x0a, 0x10);
    memory_store(machine.memory, 0xa8010, 0x22, 1);
    CHECK_EQ(cirrus.vga.vram[0x40010], 0x22);
    memory_store(machine.memory, 0xa0010, 0x33, 1);
    CHECK_EQ(cirrus.vga.vram[0x14010], 0x33);
    CHECK(!vga_is_direct(&cirrus.vga));
    teardown();
}

/* A plane of a 1024x768 mode of 16 colours has more than 64 KiB. */
TEST(offset_registers_reach_all_of_a_plane)
{
    setup();
    indexed(0x3c4, 7, 0x00);
    indexed(0x3c4, 4, 0x06);
    indexed(0x3c4, 2, 0x02);
    indexed(0x3ce, 8, 0xff);
    indexed(0x3ce, 0x09, 0x11); /* 4 KiB each */
    memory_store(machine.memory, 0xa0010, 0x11, 1);
    CHECK_EQ(cirrus.vga.vram[0x11010 * 4 + 1], 0x11);
    indexed(0x3ce, 4, 1);
    CHECK_EQ(memory_load(machine.memory, 0xa0010, 1), 0x11);
    CHECK_EQ(indexed_get(0x3d4, 0x22), 0x11); /* the latch of that plane */
    teardown();
}

TEST(extended_write_modes_expand_bits_to_pixels)
{
    setup();
    indexed(0x3c4, 2, 0xff);
    indexed(0x3ce, 0x0b, 0x06); /* extended writes, BY8 */
    indexed(0x3ce, 0x01, 0xe1);
    indexed(0x3ce, 0x00, 0x2b);
    indexed(0x3ce, 5, 0x04);
    memory_store(machine.memory, 0xa0002, 0x81, 1);
    CHECK(memcmp(cirrus.vga.vram + 16, "\xe1\0\0\0\0\0\0\xe1", 8) == 0);
    indexed(0x3ce, 5, 0x05);
    indexed(0x3c4, 2, 0x7f); /* the first pixel is masked */
    memory_store(machine.memory, 0xa0002, 0x40, 1);
    CHECK(memcmp(cirrus.vga.vram + 16, "\xe1\xe1\x2b\x2b\x2b\x2b\x2b\x2b", 8) == 0);
    teardown();
}

TEST(the_chip_identifies_itself_and_its_memory)
{
    setup();
    CHECK_EQ(pci_config_read(machine.pci, 2 << 3, 0, 4), 0x00b81013);
    indexed(0x3c4, 6, 0x00);
    CHECK_EQ(indexed_get(0x3c4, 6), 0x0f);
    indexed(0x3c4, 6, 0x12);
    CHECK_EQ(indexed_get(0x3c4, 6), 0x12);
    CHECK_EQ(indexed_get(0x3d4, 0x27) >> 2, 0x2e);
    CHECK_EQ(indexed_get(0x3c4, 0x0f) & 0x98, 0x98);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(in(0x3c6), 0xff);
    out(0x3c6, 0xe1);
    for (int i = 0; i < 4; i++)
        in(0x3c6);
    CHECK_EQ(in(0x3c6), 0xe1);
    teardown();
}

TEST(dram_control_tells_the_size_of_memory)
{
    static const u8 told[] = {0x10, 0x18, 0x98};
    for (int i = 0; i < 3; i++) {
        machine = (struct machine){.ports = ioports_create(), .memory = memory_create(), .clock = clock_create()};
        clock_use_icount(machine.clock, 0, instructions, NULL);
        CHECK_EQ(cirrus_init(&cirrus, &machine, NULL, &(struct vga_config){.vram_size = 1u << (20 + i)}), 0);
        CHECK_EQ(indexed_get(0x3c4, 0x0f) & 0x98, told[i]);
        cirrus_destroy(&cirrus);
        ioports_destroy(machine.ports);
        memory_destroy(machine.memory);
        clock_destroy(machine.clock);
    }
}

static void mode_640x480_16_bits(void)
{
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
                              0x00, 0x00, 0x00, 0xea, 0x0c, 0xdf, 0xa0, 0x40, 0xe7, 0x04, 0xe3, 0xff};
    setup();
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    indexed(0x3c4, 7, 0x07);
    for (int i = 0; i < 4; i++)
        in(0x3c6);
    out(0x3c6, 0xe1);
    in(0x3da);
    out(0x3c0, 0x20);
}

TEST(packed_pixels_and_the_hardware_cursor_are_shown)
{
    mode_640x480_16_bits();
    memory_store(machine.memory, 0xe0000000 + 2 * (640 * 10 + 20), 0xf800, 2);
    u32 pattern = CIRRUS_VRAM_SIZE - 0x4000 + 0x100;
    indexed(0x3c4, 0x12, 0x03);
    out(0x3c8, 0x0f);
    for (int i = 0; i < 3; i++)
        out(0x3c9, 0x3f);
    indexed(0x3c4, 0x12, 0x01);
    indexed(0x3c4, 0x13, 0x01);
    cirrus.vga.vram[pattern] = 0xc0;       /* plane 0: inverted, white */
    cirrus.vga.vram[pattern + 128] = 0x60; /* plane 1: the second is white, the third the background */
    indexed(0x3c4, 0x90, 0x02);            /* x = 20: 2 * 8 + 4 */
    indexed(0x3c4, 0x51, 0x01);            /* y = 10: 1 * 8 + 2 */
    const struct display *display = &machine.display;
    CHECK_EQ(display->render(display->opaque, &surface), 0);
    CHECK_EQ(surface.width, 640);
    CHECK_EQ(surface.height, 480);
    const u32 *line = surface.pixels + 640 * 10;
    CHECK_EQ(line[19], 0);
    CHECK_EQ(line[20], 0x00ffff);
    CHECK_EQ(line[21], 0xffffff);
    CHECK_EQ(line[22], 0x000000);
    indexed(0x3c4, 0x12, 0x00);
    CHECK(display->changed(display->opaque));
    CHECK_EQ(display->render(display->opaque, &surface), 0);
    CHECK_EQ(surface.pixels[640 * 10 + 20], 0xff0000);
    CHECK_EQ(surface.dirty_first, 10);
    CHECK_EQ(surface.dirty_end, 11);
    teardown();
}

TEST(any_blt_stays_in_memory)
{
    setup();
    for (int round = 0; round < 300; round++) {
        for (u8 i = 0x20; i < 0x36; i++)
            if (i != 0x31)
                indexed(0x3ce, i, (u8)rand());
        if (round % 8)
            indexed(0x3ce, 0x23, 0);
        indexed(0x3ce, 0x31, 0x02);
        for (u32 i = 0; i < 4096 && indexed_get(0x3ce, 0x31) & 1; i++)
            memory_store(machine.memory, 0xa0000, (u32)rand(), 8);
        indexed(0x3ce, 0x31, 0x04);
        indexed(0x3ce, 0x31, 0x00);
        CHECK_EQ(indexed_get(0x3ce, 0x31), 0);
    }
    teardown();
}

UNIT_MAIN()
