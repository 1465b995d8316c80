/*
 * VGA: data path, DAC, text and DISPI modes.
 */
#include "devices/vga.h"

#include "machine/machine.h"
#include "tests/unit.h"

static struct machine machine;
static struct vga vga;
static struct surface surface;

#define FRAME_NS 14268000 /* 449 lines of 900 dots at 28.322 MHz */
static u64 executed; /* nanoseconds */

static u64 instructions(void *opaque)
{
    return executed;
}

static u8 in(u16 port)
{
    return (u8)ioports_read(machine.ports, port, 1);
}

static void out(u16 port, u8 value)
{
    ioports_write(machine.ports, port, value, 1);
}

static void indexed(u16 port, u8 index, u8 value)
{
    ioports_write(machine.ports, port, index | value << 8, 2);
}

static void attribute(u8 index, u8 value)
{
    in(0x3da);
    out(0x3c0, index);
    out(0x3c0, value);
    out(0x3c0, 0x20);
}

static u8 peek(u32 address)
{
    return (u8)memory_load(machine.memory, address, 1);
}

static void poke(u32 address, u8 value)
{
    memory_store(machine.memory, address, value, 1);
}

static void dispi(u16 index, u16 value)
{
    ioports_write(machine.ports, 0x1ce, index, 2);
    ioports_write(machine.ports, 0x1cf, value, 2);
}

static u16 dispi_get(u16 index)
{
    ioports_write(machine.ports, 0x1ce, index, 2);
    return (u16)ioports_read(machine.ports, 0x1cf, 2);
}

static void setup(void)
{
    machine = (struct machine){.ports = ioports_create(), .memory = memory_create(), .clock = clock_create()};
    executed = 0;
    clock_use_icount(machine.clock, 0, instructions, NULL);
    CHECK_EQ(vga_init(&vga, &machine, NULL, &(struct vga_config){0}), 0);
    out(0x3c2, 0x67);
}

static void teardown(void)
{
    vga_destroy(&vga);
    surface_free(&surface);
    ioports_destroy(machine.ports);
    memory_destroy(machine.memory);
    clock_destroy(machine.clock);
}

/* Registers of mode 12h that matter here. */
static void planar(void)
{
    setup();
    indexed(0x3c4, 1, 0x01);
    indexed(0x3c4, 2, 0x0f);
    indexed(0x3c4, 4, 0x06);
    indexed(0x3ce, 0, 0);
    indexed(0x3ce, 1, 0);
    indexed(0x3ce, 3, 0);
    indexed(0x3ce, 5, 0);
    indexed(0x3ce, 6, 0x05);
    indexed(0x3ce, 7, 0x0f);
    indexed(0x3ce, 8, 0xff);
}

static void planes(u32 offset, u8 p0, u8 p1, u8 p2, u8 p3)
{
    u8 want[4] = {p0, p1, p2, p3};
    for (int p = 0; p < 4; p++)
        CHECK_EQ(vga.vram[offset * 4 + p], want[p]);
}

TEST(write_mode_0_writes_the_planes_of_the_map_mask)
{
    planar();
    indexed(0x3c4, 2, 0x05);
    poke(0xa0010, 0x5a);
    planes(0x10, 0x5a, 0, 0x5a, 0);
    teardown();
}

TEST(write_mode_0_rotates_and_set_reset_replaces_enabled_planes)
{
    planar();
    indexed(0x3ce, 3, 0x03); /* rotate right by 3 */
    indexed(0x3ce, 1, 0x0c);
    indexed(0x3ce, 0, 0x04);
    poke(0xa0000, 0x81);
    planes(0, 0x30, 0x30, 0xff, 0x00);
    teardown();
}

TEST(logical_functions_combine_with_the_latches_under_the_bit_mask)
{
    planar();
    poke(0xa0000, 0xcc);
    peek(0xa0000); /* fills the latches */
    indexed(0x3ce, 3, 0x18); /* XOR */
    indexed(0x3ce, 8, 0x0f);
    poke(0xa0000, 0xff);
    planes(0, 0xc3, 0xc3, 0xc3, 0xc3);
    indexed(0x3ce, 3, 0x08); /* AND */
    poke(0xa0001, 0xa5);
    planes(1, 0xc4, 0xc4, 0xc4, 0xc4); /* high half from the latch CC, low half CC & A5 */
    indexed(0x3ce, 3, 0x10); /* OR */
    poke(0xa0002, 0x21);
    planes(2, 0xcd, 0xcd, 0xcd, 0xcd);
    teardown();
}

TEST(write_mode_1_copies_the_latches)
{
    planar();
    vga.vram[0x20 * 4 + 1] = 0x77;
    vga.vram[0x20 * 4 + 3] = 0x99;
    indexed(0x3ce, 5, 0x01);
    peek(0xa0020);
    poke(0xa0030, 0xff);
    planes(0x30, 0, 0x77, 0, 0x99);
    teardown();
}

TEST(write_mode_2_expands_a_colour)
{
    planar();
    indexed(0x3ce, 5, 0x02);
    indexed(0x3ce, 8, 0x80);
    peek(0xa0000);
    poke(0xa0000, 0x0a);
    planes(0, 0, 0x80, 0, 0x80);
    teardown();
}

TEST(write_mode_3_takes_the_rotated_byte_as_mask_for_set_reset)
{
    planar();
    indexed(0x3ce, 5, 0x03);
    indexed(0x3ce, 0, 0x06);
    indexed(0x3ce, 8, 0xf0);
    peek(0xa0000);
    poke(0xa0000, 0x3c);
    planes(0, 0, 0x30, 0x30, 0);
    teardown();
}

TEST(read_mode_0_selects_a_plane_and_read_mode_1_compares_colours)
{
    planar();
    memcpy(vga.vram, "\xf0\x0f\xff\x00", 4);
    indexed(0x3ce, 4, 1);
    CHECK_EQ(peek(0xa0000), 0x0f);
    indexed(0x3ce, 5, 0x08);
    indexed(0x3ce, 2, 0x05); /* planes 0 and 2 */
    CHECK_EQ(peek(0xa0000), 0xf0);
    indexed(0x3ce, 7, 0x04); /* only plane 2 matters */
    CHECK_EQ(peek(0xa0000), 0xff);
    indexed(0x3ce, 7, 0x00);
    indexed(0x3ce, 2, 0x08);
    CHECK_EQ(peek(0xa0000), 0xff);
    teardown();
}

TEST(the_window_is_where_the_memory_map_bits_say)
{
    planar();
    poke(0xb8000, 0x12);
    CHECK_EQ(peek(0xb8000), 0xff);
    indexed(0x3ce, 6, 0x0c);
    poke(0xb8000, 0x12);
    CHECK_EQ(peek(0xb8000), 0x12);
    CHECK_EQ(peek(0xa0000), 0xff);
    out(0x3c2, 0x65); /* memory off */
    CHECK_EQ(peek(0xb8000), 0xff);
    teardown();
}

TEST(chain_4_shows_the_bytes_of_the_frame_buffer_in_order)
{
    planar();
    indexed(0x3c4, 4, 0x0e);
    CHECK(vga.direct.enabled);
    u8 bytes[5] = {1, 2, 3, 4, 5};
    memory_write(machine.memory, 0xa0100, bytes, 5);
    CHECK(memcmp(vga.vram + 0x100, bytes, 5) == 0);
    CHECK_EQ(peek(0xe0000103), 4);
    indexed(0x3c4, 2, 0x02); /* plane 1 only: through the data path */
    CHECK(!vga.direct.enabled);
    for (u32 i = 0; i < 4; i++)
        poke(0xa0200 + i, 0xee);
    planes(0x80, 0, 0xee, 0, 0);
    CHECK_EQ(peek(0xa0102), 3);
    teardown();
}

TEST(the_dac_takes_and_gives_three_components_and_advances)
{
    setup();
    out(0x3c8, 5);
    for (u8 i = 0; i < 6; i++)
        out(0x3c9, 0xc0 | (10 + i)); /* 6 bits are kept */
    CHECK_EQ(in(0x3c8), 7);
    CHECK_EQ(in(0x3c7), 0);
    out(0x3c7, 5);
    CHECK_EQ(in(0x3c7), 3);
    for (u8 i = 0; i < 6; i++)
        CHECK_EQ(in(0x3c9), 10 + i);
    out(0x3c8, 255); /* an unfinished write changes nothing */
    out(0x3c9, 1);
    out(0x3c7, 255);
    CHECK_EQ(in(0x3c9), 0);
    teardown();
}

TEST(reading_the_status_resets_the_attribute_flip_flop)
{
    setup();
    in(0x3da);
    out(0x3c0, 0x03);
    in(0x3da);
    out(0x3c0, 0x10); /* an index again */
    out(0x3c0, 0x0c);
    out(0x3c0, 0x30);
    CHECK_EQ(in(0x3c1), 0x0c);
    CHECK_EQ(in(0x3c0), 0x30);
    CHECK_EQ(vga.ar[3], 0);
    teardown();
}

TEST(crtc_registers_0_to_7_are_protected_but_for_line_compare)
{
    setup();
    indexed(0x3d4, 0x11, 0x80);
    indexed(0x3d4, 0x01, 0x4f);
    indexed(0x3d4, 0x07, 0xff);
    out(0x3d4, 0x01);
    CHECK_EQ(in(0x3d5), 0);
    out(0x3d4, 0x07);
    CHECK_EQ(in(0x3d5), 0x10);
    out(0x3c2, 0x66); /* monochrome: the CRTC moves to 3B4 */
    CHECK_EQ(in(0x3d4), 0xff);
    CHECK_EQ(in(0x3b4), 0x07);
    teardown();
}

TEST(retrace_follows_the_crtc_and_guest_time)
{
    setup();
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e,
                              0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f};
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    indexed(0x3c4, 1, 0); /* 9 dots at 28.322 MHz: 31777 ns a line, 449 lines */
    executed = 31778 * 100;
    CHECK_EQ(in(0x3da) & 9, 0);
    executed += 29000;
    CHECK_EQ(in(0x3da) & 9, 1); /* horizontal blanking */
    executed = 31778 * 401;
    CHECK_EQ(in(0x3da) & 9, 1);
    executed = 31778 * 412 + 100;
    CHECK_EQ(in(0x3da) & 9, 9);
    executed = 31778 * 415;
    CHECK_EQ(in(0x3da) & 9, 1);
    executed = (u64)31778 * 449 + 2000;
    CHECK_EQ(in(0x3da) & 9, 0);
    teardown();
}

static void text_mode(void)
{
    setup();
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
                              0x00, 0x00, 0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    indexed(0x3c4, 1, 0x00);
    indexed(0x3c4, 2, 0x04);
    indexed(0x3c4, 4, 0x06);
    indexed(0x3ce, 5, 0x00);
    indexed(0x3ce, 6, 0x04);
    indexed(0x3ce, 8, 0xff);
    poke(0xa0000 + 'A' * 32 + 2, 0x81);  /* the font, in plane 2 */
    poke(0xa0000 + 0xc4 * 32 + 2, 0xff); /* a horizontal line */
    indexed(0x3c4, 2, 0x03);
    indexed(0x3c4, 4, 0x02);
    indexed(0x3ce, 5, 0x10);
    indexed(0x3ce, 6, 0x0e);
    for (u8 i = 0; i < 16; i++)
        attribute(i, i);
    attribute(0x10, 0x0c);
    attribute(0x12, 0x0f);
    attribute(0x13, 0x08);
    attribute(0x14, 0x00);
    out(0x3c8, 0);
    for (u8 i = 0; i < 16; i++) {
        out(0x3c9, i);
        out(0x3c9, 0);
        out(0x3c9, 63);
    }
}

static u32 color(u8 i)
{
    return (u32)i << 18 | 0xff;
}

TEST(text_is_drawn_with_the_font_of_plane_2_in_attribute_colours)
{
    text_mode();
    poke(0xb8000 + 2, 'A');
    poke(0xb8000 + 3, 0x1e);
    poke(0xb8000 + 4, 0xc4);
    poke(0xb8000 + 5, 0x07);
    indexed(0x3d4, 0x0a, 0x20);
    CHECK(machine.display.changed(machine.display.opaque));
    CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
    CHECK(!machine.display.changed(machine.display.opaque));
    CHECK_EQ(surface.width, 720);
    CHECK_EQ(surface.height, 400);
    const u32 *line = surface.pixels + 2 * 720 + 9;
    CHECK_EQ(line[0], color(14));
    CHECK_EQ(line[1], color(1));
    CHECK_EQ(line[7], color(14));
    CHECK_EQ(line[8], color(1)); /* the ninth dot is background */
    CHECK_EQ(line[9 + 8], color(7)); /* but not in line graphics */
    CHECK_EQ(surface.pixels[3 * 720 + 9], color(1));
    teardown();
}

TEST(the_text_screen_gives_characters_attributes_and_cursor)
{
    text_mode();
    static struct text_screen screen;
    memory_write(machine.memory, 0xb8000 + 160, "H\x07i\x17", 4);
    indexed(0x3d4, 0x0f, 82);
    CHECK(machine.display.text(machine.display.opaque, &screen));
    CHECK_EQ(screen.columns, 80);
    CHECK_EQ(screen.rows, 25);
    CHECK_EQ(screen.cells[80], 0x0748);
    CHECK_EQ(screen.cells[81], 0x1769);
    CHECK_EQ(screen.cursor_x, 2);
    CHECK_EQ(screen.cursor_y, 1);
    CHECK_EQ(screen.colors[1], color(1));
    CHECK_EQ(screen.colors[14], color(14));
    indexed(0x3d4, 0x0d, 80); /* start address: one row up, from the next retrace on */
    CHECK(machine.display.text(machine.display.opaque, &screen));
    CHECK_EQ(screen.cells[80], 0x0748);
    executed += FRAME_NS;
    CHECK(machine.display.text(machine.display.opaque, &screen));
    CHECK_EQ(screen.cells[0], 0x0748);
    teardown();
}

TEST(dispi_modes_are_linear_and_cleared)
{
    setup();
    CHECK_EQ(dispi_get(0), 0xb0c5);
    dispi(0, 0xb0c2);
    CHECK_EQ(dispi_get(0), 0xb0c2);
    CHECK_EQ(dispi_get(10), 256);
    dispi(4, 2);
    CHECK_EQ(dispi_get(3), 32);
    dispi(4, 0);
    vga.vram[0] = 0xff;
    dispi(1, 1024);
    dispi(2, 768);
    dispi(3, 32);
    dispi(4, 0x41);
    CHECK_EQ(vga.vram[0], 0);
    CHECK_EQ(dispi_get(6), 1024);
    CHECK_EQ(dispi_get(7), 4096);
    memory_store(machine.memory, 0xe0000000 + (3 * 1024 + 5) * 4, 0x00123456, 4);
    CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
    CHECK_EQ(surface.width, 1024);
    CHECK_EQ(surface.height, 768);
    CHECK_EQ(surface.pixels[3 * 1024 + 5], 0x123456);
    CHECK(!machine.display.changed(machine.display.opaque));
    memory_store(machine.memory, 0xe0000000, 1, 4);
    CHECK(machine.display.changed(machine.display.opaque));
    dispi(5, 1); /* bank 1 in the window */
    indexed(0x3ce, 6, 0x05);
    poke(0xa0003, 0x44);
    CHECK_EQ(vga.vram[0x10003], 0x44);
    dispi(9, 3);
    machine.display.render(machine.display.opaque, &surface);
    CHECK_EQ(surface.pixels[5], 0x123456);
    dispi(9, 2); /* Linux's bochs-drm puts its second buffer anywhere */
    dispi(8, 1000);
    machine.display.render(machine.display.opaque, &surface);
    CHECK_EQ(surface.pixels[24 + 5], 0x123456);
    teardown();
}

TEST(hostile_dispi_values_are_brought_into_memory)
{
    setup();
    static const u16 depths[] = {0, 4, 7, 8, 15, 16, 24, 32, 0xffff};
    for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
        dispi(4, 0);
        dispi(1, 0xffff);
        dispi(2, 0xffff);
        dispi(3, depths[i]);
        dispi(4, 1);
        dispi(6, 0xffff);
        dispi(8, 0xffff);
        dispi(9, 0xffff);
        CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
        dispi(1, 0);
        dispi(2, 0);
        CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
    }
    teardown();
}

TEST(any_register_values_can_be_drawn)
{
    setup();
    u32 seed = 1;
    static struct text_screen screen;
    for (int round = 0; round < 60; round++) {
        for (u8 i = 0; i < 32; i++) {
            seed = seed * 1664525 + 1013904223;
            vga.cr[i] = (u8)(seed >> 24);
            vga.ar[i] = (u8)(seed >> 16);
            vga.sr[i & 7] = (u8)(seed >> 8);
            vga.gr[i & 15] = (u8)(seed >> 12);
        }
        vga.ar_index = 0x20;
        vga.sr[1] &= 0xdf;
        CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
        machine.display.text(machine.display.opaque, &screen);
        peek(0xa0000 + (seed >> 15));
        poke(0xa0000 + (seed >> 15), 1);
    }
    teardown();
}

TEST(mode_13h_is_a_picture_of_320_by_200)
{
    planar();
    static const u8 crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
                              0x00, 0x00, 0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff};
    for (u8 i = 0; i < sizeof(crtc); i++)
        indexed(0x3d4, i, crtc[i]);
    indexed(0x3c4, 4, 0x0e);
    indexed(0x3ce, 5, 0x40);
    attribute(0x10, 0x41);
    out(0x3c8, 0x99);
    out(0x3c9, 63);
    out(0x3c9, 0);
    out(0x3c9, 0);
    poke(0xa0000 + 7 * 320 + 9, 0x99);
    CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
    CHECK_EQ(surface.width, 320);
    CHECK_EQ(surface.height, 200);
    CHECK_EQ(surface.pixels[7 * 320 + 9], 0xff0000);
    CHECK_EQ(surface.pixels[7 * 320 + 8], 0);
    CHECK(!machine.display.text(machine.display.opaque, NULL));
    teardown();
}

TEST(a_surface_learns_what_is_new_to_it)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    struct surface other = {0};
    const struct display *display = &machine.display;
    CHECK(display_stale(display, &surface));
    CHECK_EQ(display->render(display->opaque, &surface), 0);
    CHECK(!display_stale(display, &surface));
    CHECK(display_stale(display, &other));
    CHECK_EQ(surface.dirty_first, 0);
    CHECK_EQ(surface.dirty_end, surface.height);
    CHECK_EQ(surface.aspect_width * 3, surface.aspect_height * 4);
    poke(0xb8000, 'A');
    poke(0xb8001, 0x07);
    CHECK_EQ(display->render(display->opaque, &other), 0);
    CHECK(display_stale(display, &surface)); /* the other surface took the change; this one still lacks it */
    CHECK_EQ(display->render(display->opaque, &surface), 0);
    CHECK_EQ(surface.dirty_first, 2); /* the font has one line of the A */
    CHECK_EQ(surface.dirty_end, 3);
    CHECK_EQ(memcmp(surface.pixels, other.pixels, (size_t)surface.width * (size_t)surface.height * 4), 0);
    CHECK_EQ(display->render(display->opaque, &surface), 0);
    CHECK_EQ(surface.dirty_first, surface.dirty_end);
    surface_free(&other);
    teardown();
}

static u32 pixel(int x, int y)
{
    CHECK_EQ(machine.display.render(machine.display.opaque, &surface), 0);
    return surface.pixels[y * surface.width + x];
}

TEST(attribute_bit_3_chooses_the_font_and_the_plane_enable_frees_it_from_brightness)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    poke(0xb8000, 'A');
    poke(0xb8001, 0x0f);
    CHECK_EQ(pixel(0, 2), color(15)); /* both maps are the first font */
    indexed(0x3c4, 3, 0x04);          /* map A (bit 3 set): font 1, which is empty */
    CHECK_EQ(pixel(0, 2), color(0));
    poke(0xb8001, 0x07);
    CHECK_EQ(pixel(0, 2), color(7));
    indexed(0x3c4, 3, 0x00);
    poke(0xb8001, 0x0f);
    attribute(0x12, 0x07);
    CHECK_EQ(pixel(0, 2), color(7));
    teardown();
}

TEST(the_cursor_has_its_lines_its_skew_and_its_switch)
{
    text_mode();
    poke(0xb8003, 0x07);
    indexed(0x3d4, 0x0a, 0x0d);
    indexed(0x3d4, 0x0b, 0x0e);
    indexed(0x3d4, 0x0f, 0);
    poke(0xb8001, 0x04);
    CHECK_EQ(pixel(0, 12), color(0));
    CHECK_EQ(pixel(8, 13), color(4));
    CHECK_EQ(pixel(0, 14), color(4));
    CHECK_EQ(pixel(0, 15), color(0));
    indexed(0x3d4, 0x0b, 0x2e); /* one character to the right */
    CHECK_EQ(pixel(0, 13), color(0));
    CHECK_EQ(pixel(9, 13), color(7));
    indexed(0x3d4, 0x0b, 0x0c); /* end before start: none */
    CHECK_EQ(pixel(0, 13), color(0));
    indexed(0x3d4, 0x0b, 0x0e);
    CHECK_EQ(pixel(0, 13), color(4));
    executed += 8 * FRAME_NS + FRAME_NS / 2; /* blinks every 8 frames */
    CHECK(machine.display.changed(machine.display.opaque));
    CHECK_EQ(pixel(0, 13), color(0));
    indexed(0x3d4, 0x0a, 0x2d);
    executed += 8 * FRAME_NS;
    CHECK_EQ(pixel(0, 13), color(0));
    teardown();
}

TEST(blinking_attributes_are_bright_backgrounds_when_blinking_is_off)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    poke(0xb8000, 'A');
    poke(0xb8001, 0x94);
    CHECK_EQ(pixel(0, 2), color(4));
    CHECK_EQ(pixel(1, 2), color(1));
    executed += 16 * FRAME_NS + FRAME_NS / 2;
    CHECK_EQ(pixel(0, 2), color(1));
    attribute(0x10, 0x04);
    CHECK_EQ(pixel(0, 2), color(4));
    CHECK_EQ(pixel(1, 2), color(9));
    teardown();
}

TEST(underline_is_for_blue_on_black_at_its_scan_line)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    indexed(0x3d4, 0x14, 0x0e);
    poke(0xb8001, 0x01);
    poke(0xb8003, 0x02);
    CHECK_EQ(pixel(8, 14), color(1));
    CHECK_EQ(pixel(8, 13), color(0));
    CHECK_EQ(pixel(10, 14), color(0));
    teardown();
}

TEST(the_split_screen_starts_after_line_compare_without_scrolling_and_panning)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    poke(0xb8000 + 160 * 2, 'A'); /* third row */
    poke(0xb8000 + 160 * 2 + 1, 0x07);
    poke(0xb8000, 'A'); /* first row: at the split */
    poke(0xb8001, 0x07);
    indexed(0x3d4, 0x0d, 160); /* start: third row */
    indexed(0x3d4, 0x08, 0x02); /* preset row scan 2 */
    indexed(0x3d4, 0x18, 0xc7);
    indexed(0x3d4, 0x07, 0x0f);
    indexed(0x3d4, 0x09, 0x0f); /* line compare 0C7h */
    attribute(0x13, 0x00);      /* one dot */
    executed += FRAME_NS;
    CHECK_EQ(pixel(6, 0), color(7)); /* the right dot of the A, moved left */
    CHECK_EQ(pixel(7, 0), color(0));
    CHECK_EQ(pixel(6, 0xc8 + 2), color(7)); /* panning goes on below ... */
    attribute(0x10, 0x2c);
    CHECK_EQ(pixel(7, 0xc8 + 2), color(7)); /* ... unless it is told to stop */
    CHECK_EQ(pixel(6, 0xc8 + 2), color(0));
    teardown();
}

TEST(a_start_address_counts_from_the_next_retrace)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    poke(0xb8000 + 160, 'A');
    poke(0xb8000 + 161, 0x07);
    executed = FRAME_NS * 10;
    indexed(0x3d4, 0x0c, 0x01);
    indexed(0x3d4, 0x0d, 0x00);
    indexed(0x3d4, 0x0c, 0x00);
    indexed(0x3d4, 0x0d, 80);
    CHECK_EQ(pixel(0, 2), color(0));
    CHECK_EQ(pixel(0, 18), color(7));
    executed += FRAME_NS;
    CHECK(machine.display.changed(machine.display.opaque));
    CHECK_EQ(pixel(0, 2), color(7));
    teardown();
}

static void red_of_color_0(u8 red)
{
    out(0x3c8, 0);
    out(0x3c9, red);
    out(0x3c9, 0);
    out(0x3c9, 0);
}

TEST(colours_that_change_in_every_frame_show_as_bands)
{
    text_mode();
    indexed(0x3d4, 0x0a, 0x20);
    for (int frame = 0; frame < 6; frame++) {
        executed = (u64)(10 + frame) * 449 * 900 * 1000 / 28322 * 1000 + 2000;
        red_of_color_0(1); /* line 0 */
        executed += 31777 * 100;
        red_of_color_0(2); /* line 100 */
        if (frame == 0)
            CHECK_EQ(pixel(0, 50), 2u << 18); /* once: undivided */
    }
    executed += 31777 * 349;
    CHECK_EQ(pixel(0, 50), 1u << 18);
    CHECK_EQ(pixel(0, 99), 1u << 18);
    CHECK_EQ(pixel(0, 101), 2u << 18);
    CHECK_EQ(pixel(0, 399), 2u << 18);
    executed += FRAME_NS * 3; /* no changes any more: the last values */
    CHECK_EQ(pixel(0, 50), 2u << 18);
    teardown();
}

TEST(the_monitor_is_sensed_at_the_outputs_of_the_dac)
{
    setup();
    red_of_color_0(0x12);
    CHECK_EQ(in(0x3c2) & 0x10, 0x10);
    red_of_color_0(0x3f);
    CHECK_EQ(in(0x3c2) & 0x10, 0);
    teardown();
}

TEST(the_128_kib_window_gives_a16_to_the_bit_that_chooses_the_plane)
{
    planar();
    indexed(0x3c4, 4, 0x02);
    indexed(0x3ce, 6, 0x02);
    poke(0xa0004, 0x11);
    poke(0xa0005, 0x22);
    poke(0xb0004, 0x33);
    planes(4, 0x11, 0x22, 0x11, 0x22);
    planes(5, 0x33, 0, 0x33, 0);
    teardown();
}

TEST(the_monitor_has_a_valid_checksum)
{
    setup();
    u8 sum = 0;
    for (int i = 0; i < 128; i++)
        sum += vga.edid[i];
    CHECK_EQ(sum, 0);
    CHECK_EQ(vga.edid[54] | vga.edid[55] << 8, 6500);
    teardown();
}

UNIT_MAIN()
