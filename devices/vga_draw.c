/*
 * VGA: from registers and memory to a picture.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "CRT Controller Registers", "Attribute
 *   Controller Registers"; FreeVGA, "VGA Text Mode Operation", "VGA Display Generation".
 * Modelled: text with two fonts, 8 or 9 dots, underline, blinking, cursor; planar, CGA-interleaved and 256-colour
 *   shifting; byte, word and doubleword addressing with row scan substitution, start address, byte and pixel panning,
 *   preset row scan, split screen; DISPI modes of 4 to 32 bits.  Every line is computed from the registers as they are
 *   when the picture is asked for.
 *   Graphics lines that the CRTC repeats only to fill the tube are shown once: mode 13h is 320x200.
 * Differs from IBM's VGA: doubleword addressing with chain-4 does not shift the address (see vga_memory.c).
 * Not modelled: overscan, changes in the middle of a frame, count by two and four, cursor skew.
 */
#include <errno.h>
#include <string.h>

#include "devices/vga_internal.h"
#include "machine/machine.h"

#define FRAME_NS 14285714ull /* 70 Hz */
#define BLINK_FRAMES 8       /* the cursor changes every 8 frames, characters every 16 */
#define MAX_CHARACTERS 256
#define MAX_DOTS 9

/* Everything a line needs that does not change from line to line. */
struct picture {
    const struct vga *vga;
    u32 dac[256];          /* colours as 00RRGGBB */
    u32 palette[16];       /* through the attribute controller */
    unsigned characters;   /* across */
    unsigned dots;         /* of a character */
    unsigned width, height;
    unsigned lines_each;   /* CRTC lines of one line of the picture */
    bool double_scan;
    unsigned char_height;
    bool cursor_on, blink_on;
};

static u64 blink_phase(const struct vga *vga)
{
    return clock_ns(vga->machine->clock) / (FRAME_NS * BLINK_FRAMES);
}

/* Colours. */

static u8 to_8_bits(const struct vga *vga, u8 component)
{
    if (vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC)
        return component;
    component &= 0x3f;
    return (u8)(component << 2 | component >> 4);
}

static u32 dac_color(const struct vga *vga, u8 index)
{
    const u8 *entry = vga->palette + (index & vga->dac_mask) * 3;
    return (u32)to_8_bits(vga, entry[0]) << 16 | (u32)to_8_bits(vga, entry[1]) << 8 | to_8_bits(vga, entry[2]);
}

/* "Color Select Register": bits 7:6 always, 5:4 instead of the palette's where the mode register says so. */
static u8 attribute_to_dac(const struct vga *vga, unsigned index)
{
    u8 value = vga->ar[index & 15] & 0x3f, select = vga->ar[AR_COLOR_SELECT];
    if (vga->ar[AR_MODE] & 0x80)
        value = (u8)((value & 0x0f) | (select & 0x03) << 4);
    return (u8)(value | (select & 0x0c) << 4);
}

static void fill_colors(struct picture *picture)
{
    for (unsigned i = 0; i < 256; i++)
        picture->dac[i] = dac_color(picture->vga, (u8)i);
    for (unsigned i = 0; i < 16; i++)
        picture->palette[i] = picture->dac[attribute_to_dac(picture->vga, i)];
}

/* CRTC addresses. */

/* "CRT Controller Registers": how the counter's value becomes a memory address. */
static u32 map_address(const struct vga *vga, u32 counter, unsigned row_scan)
{
    u32 address = counter;
    if (vga->cr[CR_UNDERLINE] & 0x40) {
        if (!(vga->sr[SR_MEMORY_MODE] & MEMORY_CHAIN_4))
            address = counter << 2 | (counter >> 14 & 3);
    } else if (!(vga->cr[CR_MODE] & 0x40)) {
        address = counter << 1 | (counter >> (vga->cr[CR_MODE] & 0x20 ? 15 : 13) & 1);
    }
    if (!(vga->cr[CR_MODE] & 0x01))
        address = (address & ~0x2000u) | (row_scan & 1) << 13;
    if (!(vga->cr[CR_MODE] & 0x02))
        address = (address & ~0x4000u) | (row_scan >> 1 & 1) << 14;
    return address & (VGA_PLANE_SIZE - 1);
}

static const u8 *planes_at(const struct vga *vga, u32 counter, unsigned row_scan)
{
    return vga->vram + map_address(vga, counter & 0xffff, row_scan) * 4;
}

static unsigned line_compare(const struct vga *vga)
{
    return vga->cr[CR_LINE_COMPARE] | (vga->cr[CR_OVERFLOW] & 0x10u) << 4 |
           (vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x40u) << 3;
}

/* Where the beam is: the counter at the line's left end, the scan line in its row, and the pixel panning. */
struct beam {
    u32 counter;
    unsigned row_scan, panning;
};

static unsigned pixel_panning(const struct picture *picture)
{
    unsigned panning = picture->vga->ar[AR_PIXEL_PANNING] & 15;
    if (picture->dots == 9)
        return panning >= 8 ? 0 : panning + 1;
    if (picture->vga->ar[AR_MODE] & 0x40)
        return panning >> 1 & 3;
    return panning & 7;
}

static struct beam find_beam(const struct picture *picture, unsigned line)
{
    const struct vga *vga = picture->vga;
    unsigned compare = line_compare(vga), scan = line * picture->lines_each;
    bool split = scan > compare;
    unsigned preset = vga->cr[CR_PRESET_ROW_SCAN];
    struct beam beam = {.panning = pixel_panning(picture)};
    if (split && vga->ar[AR_MODE] & 0x20)
        beam.panning = 0;
    scan = split ? scan - compare - 1 : scan;
    scan /= picture->double_scan ? 2 : 1;
    if (!split) {
        scan += preset & 0x1f;
        beam.counter = (vga->cr[CR_START_HIGH] << 8 | vga->cr[CR_START_LOW]) + (preset >> 5 & 3);
    }
    beam.counter += scan / picture->char_height * vga->cr[CR_OFFSET] * 2;
    beam.row_scan = scan % picture->char_height;
    return beam;
}

/* Text. */

/* "Character Map Select": fonts of 8 KiB in plane 2. */
static u32 font_offset(const struct vga *vga, bool second)
{
    u8 select = vga->sr[SR_CHARACTER_MAP];
    unsigned map = second ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4);
    return (map & 3) * 0x4000 + (map >> 2) * 0x2000; /* maps 0-3: 0, 16K, 32K, 48K; 4-7: 8K above them */
}

static u16 font_line(const struct picture *picture, u8 character, u8 attribute, unsigned row_scan)
{
    const struct vga *vga = picture->vga;
    u32 offset = font_offset(vga, attribute & 0x08) + character * 32u + (row_scan & 31);
    u16 bits = (u16)(vga->vram[offset * 4 + 2] << 1);
    bool line_graphics = vga->ar[AR_MODE] & 0x04 && character >= 0xc0 && character <= 0xdf;
    if (line_graphics)
        bits |= bits >> 1 & 1;
    bool underlined = (attribute & 0x77) == 0x01 && row_scan == (vga->cr[CR_UNDERLINE] & 0x1fu);
    return underlined ? 0x1ff : bits;
}

static bool cursor_at(const struct picture *picture, u32 counter, unsigned row_scan)
{
    const struct vga *vga = picture->vga;
    u32 at = (u32)vga->cr[CR_CURSOR_HIGH] << 8 | vga->cr[CR_CURSOR_LOW];
    return picture->cursor_on && (counter & 0xffff) == at && row_scan >= (vga->cr[CR_CURSOR_START] & 0x1fu) &&
           row_scan <= (vga->cr[CR_CURSOR_END] & 0x1fu);
}

static void draw_character(const struct picture *picture, u32 counter, unsigned row_scan, u32 *to)
{
    const struct vga *vga = picture->vga;
    const u8 *cell = planes_at(vga, counter, 0);
    u8 character = cell[0], attribute = cell[1];
    bool blinks = vga->ar[AR_MODE] & 0x08;
    u32 foreground = picture->palette[attribute & 15];
    u32 background = picture->palette[attribute >> 4 & (blinks ? 7 : 15)];
    u16 bits = font_line(picture, character, attribute, row_scan);
    if (blinks && attribute & 0x80 && !picture->blink_on)
        bits = 0;
    if (cursor_at(picture, counter, row_scan))
        bits = 0x1ff;
    for (unsigned dot = 0; dot < picture->dots; dot++)
        to[dot] = bits >> (8 - dot) & 1 ? foreground : background;
}

/* Graphics. */

static void draw_planar(const struct picture *picture, const u8 *planes, u32 *to)
{
    unsigned enabled = picture->vga->ar[AR_PLANE_ENABLE] & 15;
    for (unsigned dot = 0; dot < 8; dot++) {
        unsigned color = 0;
        for (unsigned p = 0; p < 4; p++)
            color |= (planes[p] >> (7 - dot) & 1u) << p;
        to[dot] = picture->palette[color & enabled];
    }
}

/* "Shift Register Interleave": pairs of bits, planes 0 and 2 first, then 1 and 3. */
static void draw_interleaved(const struct picture *picture, const u8 *planes, u32 *to)
{
    unsigned enabled = picture->vga->ar[AR_PLANE_ENABLE] & 15;
    for (unsigned dot = 0; dot < 8; dot++) {
        unsigned p = dot / 4, shift = 6 - dot % 4 * 2;
        unsigned color = (planes[p] >> shift & 3u) | (planes[p + 2] >> shift & 3u) << 2;
        to[dot] = picture->palette[color & enabled];
    }
}

static void draw_256(const struct picture *picture, const u8 *planes, u32 *to)
{
    for (unsigned p = 0; p < 4; p++)
        to[p] = picture->dac[planes[p]];
}

static void draw_cell(const struct picture *picture, u32 counter, unsigned row_scan, u32 *to)
{
    const struct vga *vga = picture->vga;
    if (!vga_is_graphics(vga)) {
        draw_character(picture, counter, row_scan, to);
        return;
    }
    const u8 *planes = planes_at(vga, counter, row_scan);
    if (vga->gr[GR_MODE] & 0x40)
        draw_256(picture, planes, to);
    else if (vga->gr[GR_MODE] & 0x20)
        draw_interleaved(picture, planes, to);
    else
        draw_planar(picture, planes, to);
}

static void draw_line(const struct picture *picture, unsigned line, u32 *to)
{
    u32 scratch[(MAX_CHARACTERS + 2) * MAX_DOTS];
    struct beam beam = find_beam(picture, line);
    for (unsigned x = 0; x <= picture->characters; x++)
        draw_cell(picture, beam.counter + x, beam.row_scan, scratch + x * picture->dots);
    memcpy(to, scratch + beam.panning, picture->width * sizeof(u32));
}

/* A VGA mode. */

static unsigned cell_dots(const struct vga *vga)
{
    if (vga_is_graphics(vga))
        return vga->gr[GR_MODE] & 0x40 ? 4 : 8;
    return vga->sr[SR_CLOCKING_MODE] & CLOCKING_8_DOTS ? 8 : 9;
}

/* Lines that show the same again count once, unless the row scan is part of their address. */
static unsigned lines_each(const struct vga *vga, bool double_scan, unsigned char_height)
{
    bool row_scan_addresses = (vga->cr[CR_MODE] & 3) != 3;
    unsigned lines = double_scan ? 2 : 1;
    return vga_is_graphics(vga) && !row_scan_addresses ? lines * char_height : lines;
}

static struct picture measure(const struct vga *vga)
{
    struct picture picture = {.vga = vga};
    u64 phase = blink_phase(vga);
    picture.characters = vga->cr[CR_HORIZONTAL_DISPLAY_END] + 1u;
    picture.dots = cell_dots(vga);
    picture.double_scan = vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x80;
    picture.char_height = (vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x1fu) + 1;
    picture.lines_each = lines_each(vga, picture.double_scan, picture.char_height);
    picture.width = picture.characters * picture.dots;
    picture.height = MAX(vga_vertical_display_end(vga) / picture.lines_each, 1u);
    picture.cursor_on = !(vga->cr[CR_CURSOR_START] & 0x20) && !(phase & 1);
    picture.blink_on = !(phase & 2);
    return picture;
}

static bool is_blank(const struct vga *vga)
{
    return !(vga->ar_index & PALETTE_SOURCE) || vga->sr[SR_CLOCKING_MODE] & CLOCKING_SCREEN_OFF;
}

static void fill(u32 *to, size_t count, u32 color)
{
    while (count--)
        *to++ = color;
}

static int render_blank(const struct picture *picture, struct surface *surface)
{
    /* Before the BIOS has set a mode there are no dimensions yet. */
    bool none = picture->characters < 8 || picture->height < 8;
    int result = none ? surface_resize(surface, 720, 400)
                      : surface_resize(surface, (int)picture->width, (int)picture->height);
    if (result == 0)
        fill(surface->pixels, (size_t)surface->width * (size_t)surface->height, 0);
    return result;
}

/* The CRTC's modes fill a 4:3 tube, whatever their number of dots and lines. */
static int render_vga(struct vga *vga, struct surface *surface)
{
    struct picture picture = measure(vga);
    surface->aspect_width = 4;
    surface->aspect_height = 3;
    if (is_blank(vga))
        return render_blank(&picture, surface);
    int result = surface_resize(surface, (int)picture.width, (int)picture.height);
    if (result < 0)
        return result;
    fill_colors(&picture);
    for (unsigned line = 0; line < picture.height; line++)
        draw_line(&picture, line, surface->pixels + (size_t)line * picture.width);
    return 0;
}

/* A DISPI mode. */

static unsigned bytes_per_pixel(unsigned bpp)
{
    return (bpp + 7) / 8;
}

static u32 expand_5(u32 value)
{
    return (value & 31) << 3 | (value & 31) >> 2;
}

static u32 expand_6(u32 value)
{
    return (value & 63) << 2 | (value & 63) >> 4;
}

static u32 pixel_color(const struct picture *picture, unsigned bpp, const u8 *at)
{
    u32 value;
    switch (bpp) {
    case 8:
        return picture->dac[at[0]];
    case 15:
        value = at[0] | at[1] << 8;
        return expand_5(value >> 10) << 16 | expand_5(value >> 5) << 8 | expand_5(value);
    case 16:
        value = at[0] | at[1] << 8;
        return expand_5(value >> 11) << 16 | expand_6(value >> 5) << 8 | expand_5(value);
    default: /* 24 and 32: blue first */
        return at[0] | at[1] << 8 | (u32)at[2] << 16;
    }
}

static void draw_linear(const struct picture *picture, u64 start, u32 *to)
{
    const struct vga *vga = picture->vga;
    unsigned bpp = vga->dispi[DISPI_BPP], step = bytes_per_pixel(bpp);
    if (start + (u64)picture->width * step > VGA_VRAM_SIZE) {
        fill(to, picture->width, 0);
        return;
    }
    const u8 *at = vga->vram + start;
    for (unsigned x = 0; x < picture->width; x++, at += step)
        to[x] = pixel_color(picture, bpp, at);
}

static void draw_linear_planar(const struct picture *picture, u64 start, u32 *to)
{
    u32 scratch[8];
    for (unsigned x = 0; x < picture->width; x += 8, start++) {
        draw_planar(picture, picture->vga->vram + (start * 4 & (VGA_VRAM_SIZE - 1)), scratch);
        memcpy(to + x, scratch, MIN(8u, picture->width - x) * sizeof(u32));
    }
}

static u64 dispi_start(const struct vga *vga, unsigned line)
{
    const u16 *r = vga->dispi;
    u64 row = (u64)(r[DISPI_Y_OFFSET] + line) * vga_dispi_line_bytes(vga);
    return row + (r[DISPI_BPP] == 4 ? r[DISPI_X_OFFSET] / 8u : r[DISPI_X_OFFSET] * bytes_per_pixel(r[DISPI_BPP]));
}

static int render_dispi(struct vga *vga, struct surface *surface)
{
    struct picture picture = {.vga = vga, .width = vga->dispi[DISPI_XRES], .height = vga->dispi[DISPI_YRES]};
    int result = surface_resize(surface, (int)picture.width, (int)picture.height);
    if (result < 0)
        return result;
    surface->aspect_width = surface->aspect_height = 0;
    fill_colors(&picture);
    for (unsigned line = 0; line < picture.height; line++) {
        u32 *to = surface->pixels + (size_t)line * picture.width;
        if (vga->dispi[DISPI_BPP] == 4)
            draw_linear_planar(&picture, dispi_start(vga, line), to);
        else
            draw_linear(&picture, dispi_start(vga, line), to);
    }
    return 0;
}

/* What changed. */

/* Pages of memory that are, or may be, on the screen. */
static void visible_pages(const struct vga *vga, u32 *first, u32 *end)
{
    u64 from = 0, to = VGA_PLANE_SIZE * 4;
    if (vga_dispi_linear(vga)) {
        from = dispi_start(vga, 0);
        to = dispi_start(vga, vga->dispi[DISPI_YRES]);
    } else if (vga_dispi_on(vga)) {
        to = dispi_start(vga, vga->dispi[DISPI_YRES]) * 4;
    }
    *first = (u32)(MIN(from, VGA_VRAM_SIZE) / 4096);
    *end = (u32)((MIN(to, VGA_VRAM_SIZE) + 4095) / 4096);
}

static bool any_page_dirty(const struct vga *vga)
{
    u32 page, end;
    for (visible_pages(vga, &page, &end); page < end; page++) {
        if (__atomic_load_n(&vga->vram_flags[page], __ATOMIC_RELAXED) & PAGE_DIRTY_VGA)
            return true;
    }
    return false;
}

/* Engines set bits in the same bytes while guest code runs. */
static void clean_pages(struct vga *vga)
{
    u32 page, end;
    for (visible_pages(vga, &page, &end); page < end; page++) {
        if (__atomic_load_n(&vga->vram_flags[page], __ATOMIC_RELAXED) & PAGE_DIRTY_VGA)
            __atomic_fetch_and(&vga->vram_flags[page], (u8)~PAGE_DIRTY_VGA, __ATOMIC_RELAXED);
    }
}

static bool is_text(const struct vga *vga)
{
    return !vga_dispi_on(vga) && !vga_is_graphics(vga);
}

bool vga_changed(void *opaque)
{
    const struct vga *vga = opaque;
    return vga->changed || (is_text(vga) && !is_blank(vga) && blink_phase(vga) != vga->shown_blink) ||
           any_page_dirty(vga);
}

u64 vga_generation(void *opaque)
{
    return ((const struct vga *)opaque)->generation;
}

int vga_render(void *opaque, struct surface *surface)
{
    struct vga *vga = opaque;
    vga->generation += vga_changed(vga);
    /* Cleared first: what is written while we draw is drawn next time. */
    vga->changed = false;
    vga->shown_blink = blink_phase(vga);
    clean_pages(vga);
    int result = vga_dispi_on(vga) ? render_dispi(vga, surface) : render_vga(vga, surface);
    surface->dirty_first = 0;
    surface->dirty_end = surface->height;
    surface->border = 0;
    surface->generation = vga->generation;
    return result;
}

/* The text screen. */

static void put_cursor(const struct vga *vga, const struct beam *beam, int row, struct text_screen *screen)
{
    u32 at = (u32)vga->cr[CR_CURSOR_HIGH] << 8 | vga->cr[CR_CURSOR_LOW];
    u32 column = (at - beam->counter) & 0xffff;
    bool hidden = vga->cr[CR_CURSOR_START] & 0x20 ||
                  (vga->cr[CR_CURSOR_START] & 0x1f) > (vga->cr[CR_CURSOR_END] & 0x1f);
    if (!hidden && column < (u32)screen->columns) {
        screen->cursor_x = (int)column;
        screen->cursor_y = row;
    }
}

bool vga_text(void *opaque, struct text_screen *screen)
{
    const struct vga *vga = opaque;
    if (!is_text(vga))
        return false;
    struct picture picture = measure(vga);
    unsigned lines_per_row = picture.char_height;
    screen->columns = (int)MIN(picture.characters, 132u);
    screen->rows = (int)MIN(picture.height / lines_per_row, 60u);
    screen->cursor_x = screen->cursor_y = -1;
    for (int row = 0; row < screen->rows; row++) {
        struct beam beam = find_beam(&picture, (unsigned)row * lines_per_row);
        for (int x = 0; x < screen->columns; x++) {
            const u8 *cell = planes_at(vga, beam.counter + (u32)x, 0);
            screen->cells[row * screen->columns + x] = (u16)(cell[1] << 8 | cell[0]);
        }
        put_cursor(vga, &beam, row, screen);
    }
    return true;
}
