/*
 * VGA: from registers and memory to the lines of a picture.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "CRT Controller Registers", "Attribute
 *   Controller Registers"; FreeVGA, "VGA Text Mode Operation", "VGA Display Generation", "VGA Sequencer Operation".
 * Modelled: text with two fonts, 8 or 9 dots, line graphics, underline, blinking, cursor with skew; planar,
 *   CGA-interleaved and 256-colour shifting, with 4 or 8 bits a dot; blinking graphics; byte, word and doubleword
 *   addressing with row scan substitution, count by two and four, start address, byte and pixel panning, preset row
 *   scan, split screen with its panning compatibility, colour planes, colour select.
 *   Graphics lines that the CRTC repeats only to fill the tube are shown once: mode 13h is 320x200.
 * Differs from IBM's VGA: doubleword addressing with chain-4 does not shift the address (see vga_memory.c).  With 8
 *   bits a dot the palette registers are not looked at (unverified; BIOSes make them the identity there).
 * Not modelled: the border's width (struct surface has its colour), blanking inside the displayed area, serializers
 *   loaded every second or fourth character (Clocking Mode bits 2 and 4).
 */
#include <string.h>

#include "devices/vga_internal.h"
#include "devices/vga_picture.h"
#include "machine/machine.h"

#define BLINK_FRAMES 8 /* the cursor changes every 8 frames, characters every 16 */

enum { ATTRIBUTE_LINE_GRAPHICS = 0x04, ATTRIBUTE_BLINK = 0x08, ATTRIBUTE_PAN_SPLIT = 0x20, ATTRIBUTE_8_BITS = 0x40 };
enum { SHIFT_INTERLEAVED = 0x20, SHIFT_256 = 0x40 };

/* What the registers say. */

static unsigned line_compare(const struct vga *vga)
{
    return vga->cr[CR_LINE_COMPARE] | (vga->cr[CR_OVERFLOW] & 0x10u) << 4 |
           (vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x40u) << 3;
}

/* "Character Map Select": fonts of 8 KiB in plane 2. */
static u32 font_offset(const struct vga *vga, bool second)
{
    u8 select = vga->sr[SR_CHARACTER_MAP];
    unsigned map = second ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4);
    return (map & 3) * 0x4000 + (map >> 2) * 0x2000; /* maps 0-3: 0, 16K, 32K, 48K; 4-7: 8K above them */
}

/* SeaBIOS's VGA BIOS leaves "Screen Off" set in the packed-pixel modes of Cirrus chips: there it does not count. */
static bool is_blank(const struct vga *vga, const struct vga_picture *picture)
{
    return !(vga->ar_index & PALETTE_SOURCE) ||
           (vga->sr[SR_CLOCKING_MODE] & CLOCKING_SCREEN_OFF && picture->kind != PICTURE_LINEAR);
}

/* Lines that show the same again count once, unless the row scan is part of their address. */
static unsigned lines_each(const struct vga_picture *picture)
{
    bool row_scan_addresses = (picture->crtc_mode & 3) != 3;
    unsigned lines = picture->double_scan ? 2 : 1;
    return picture->kind == PICTURE_GRAPHICS && !row_scan_addresses ? lines * picture->char_height : lines;
}

static unsigned cell_dots(const struct vga *vga)
{
    if (vga_is_graphics(vga))
        return vga->ar[AR_MODE] & ATTRIBUTE_8_BITS ? 4 : 8;
    return vga->sr[SR_CLOCKING_MODE] & CLOCKING_8_DOTS ? 8 : 9;
}

static void describe_text(const struct vga *vga, struct vga_picture *picture, u64 frame)
{
    picture->blinks = vga->ar[AR_MODE] & ATTRIBUTE_BLINK;
    picture->blink_on = !picture->blinks || !(frame / (2 * BLINK_FRAMES) & 1);
    picture->line_graphics = vga->ar[AR_MODE] & ATTRIBUTE_LINE_GRAPHICS;
    picture->fonts[0] = font_offset(vga, false);
    picture->fonts[1] = font_offset(vga, true);
}

static void describe_crtc(const struct vga *vga, struct vga_picture *picture)
{
    struct vga_start start = vga_start(vga);
    picture->start = start.address + (start.preset >> 5 & 3u);
    picture->preset_row = start.preset & 0x1f;
    picture->memory = VGA_PLANE_SIZE * 4;
    picture->row_step = vga->cr[CR_OFFSET] * 2u;
    picture->characters = vga->cr[CR_HORIZONTAL_DISPLAY_END] + 1u;
    picture->dots = cell_dots(vga);
    picture->width = picture->characters * picture->dots;
    picture->char_height = (vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x1fu) + 1;
    picture->double_scan = vga->cr[CR_MAXIMUM_SCAN_LINE] & 0x80;
    picture->line_compare = line_compare(vga);
    picture->underline = vga->cr[CR_UNDERLINE];
    picture->crtc_mode = vga->cr[CR_MODE];
    picture->shift_mode = vga->gr[GR_MODE] & (SHIFT_INTERLEAVED | SHIFT_256);
    picture->chain_4 = vga->sr[SR_MEMORY_MODE] & MEMORY_CHAIN_4;
    picture->count_shift = picture->underline & 0x20 ? 2 : picture->crtc_mode & 0x08 ? 1 : 0;
    picture->lines_each = lines_each(picture);
    picture->height = MAX(vga_vertical_display_end(vga) / picture->lines_each, 1u);
}

/* Before the BIOS has set a mode there are no dimensions yet. */
static void describe_blank(struct vga_picture *picture)
{
    unsigned width = picture->width, height = picture->height;
    bool none = picture->characters < 8 || height < 8;
    *picture = (struct vga_picture){.kind = PICTURE_BLANK, .width = none ? 720 : width, .height = none ? 400 : height};
}

static void describe_dispi(const struct vga *vga, struct vga_picture *picture)
{
    const u16 *r = vga->dispi;
    picture->kind = PICTURE_LINEAR;
    picture->square = true;
    picture->bpp = r[DISPI_BPP];
    picture->width = r[DISPI_XRES];
    picture->height = r[DISPI_YRES];
    picture->lines_each = 1;
    picture->line_bytes = vga_dispi_line_bytes(vga);
    picture->linear_start = r[DISPI_Y_OFFSET] * picture->line_bytes +
                            (picture->bpp == 4 ? r[DISPI_X_OFFSET] / 8u : r[DISPI_X_OFFSET] * ((picture->bpp + 7) / 8));
}

struct vga_shown vga_shown(const struct vga *vga)
{
    struct vga_shown shown;
    memcpy(shown.palette, vga->palette, sizeof(shown.palette));
    memcpy(shown.ar, vga->ar, sizeof(shown.ar));
    shown.dac_mask = vga->dac_mask;
    return shown;
}

/* Zeroed first: pictures are compared byte by byte. */
struct vga_picture vga_picture(const struct vga *vga)
{
    struct vga_picture picture;
    memset(&picture, 0, sizeof(picture));
    picture.shown = vga_shown(vga);
    picture.wide_dac = vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC;
    if (vga_dispi_on(vga)) {
        describe_dispi(vga, &picture);
        return picture;
    }
    u64 frame = vga_beam(vga).frame;
    picture.kind = vga_is_graphics(vga) ? PICTURE_GRAPHICS : PICTURE_TEXT;
    describe_crtc(vga, &picture);
    if (picture.kind == PICTURE_TEXT)
        describe_text(vga, &picture, frame);
    else
        picture.graphics_blink_on = vga->ar[AR_MODE] & ATTRIBUTE_BLINK && frame / (2 * BLINK_FRAMES) & 1;
    if (vga->extension && vga->extension->describe)
        vga->extension->describe(vga->extension_opaque, &picture);
    if (is_blank(vga, &picture))
        describe_blank(&picture);
    return picture;
}

struct vga_cursor vga_cursor(const struct vga *vga)
{
    struct vga_cursor cursor;
    memset(&cursor, 0, sizeof(cursor));
    u8 start = vga->cr[CR_CURSOR_START], end = vga->cr[CR_CURSOR_END];
    cursor.first = start & 0x1f;
    cursor.last = end & 0x1f;
    cursor.address = (u16)((vga->cr[CR_CURSOR_HIGH] << 8 | vga->cr[CR_CURSOR_LOW]) + (end >> 5 & 3));
    cursor.on = !(start & 0x20) && cursor.first <= cursor.last && !(vga_beam(vga).frame / BLINK_FRAMES & 1);
    return cursor;
}

/* Colours. */

static u32 dac_color(const struct vga_picture *picture, const struct vga_shown *shown, unsigned index)
{
    const u8 *entry = shown->palette + (index & shown->dac_mask) * 3;
    u32 color = 0;
    for (int i = 0; i < 3; i++) {
        unsigned component = picture->wide_dac ? entry[i] : (entry[i] & 0x3fu) << 2 | (entry[i] & 0x3fu) >> 4;
        color = color << 8 | component;
    }
    return color;
}

/* "Color Select Register": bits 7:6 always, 5:4 instead of the palette's where the mode register says so. */
static u8 attribute_to_dac(const u8 *ar, unsigned index)
{
    u8 value = ar[index & 15] & 0x3f, select = ar[AR_COLOR_SELECT];
    if (ar[AR_MODE] & 0x80)
        value = (u8)((value & 0x0f) | (select & 0x03) << 4);
    return (u8)(value | (select & 0x0c) << 4);
}

void vga_pen_colors(struct vga_pen *pen, const struct vga_shown *shown)
{
    for (unsigned i = 0; i < 256; i++)
        pen->dac[i] = dac_color(pen->picture, shown, i);
    for (unsigned i = 0; i < 16; i++)
        pen->palette[i] = pen->dac[attribute_to_dac(shown->ar, i)];
    memcpy(pen->ar, shown->ar, sizeof(pen->ar));
}

/* CRTC addresses. */

/* "CRT Controller Registers": how the counter's value becomes a memory address. */
static u32 map_address(const struct vga_picture *picture, u32 counter, unsigned row_scan)
{
    u32 address = counter &= picture->memory / 4 - 1;
    if (picture->underline & 0x40) {
        if (!picture->chain_4)
            address = counter << 2 | (counter >> 14 & 3);
    } else if (!(picture->crtc_mode & 0x40)) {
        address = counter << 1 | (counter >> (picture->crtc_mode & 0x20 ? 15 : 13) & 1);
    }
    if (!(picture->crtc_mode & 0x01))
        address = (address & ~0x2000u) | (row_scan & 1) << 13;
    if (!(picture->crtc_mode & 0x02))
        address = (address & ~0x4000u) | (row_scan >> 1 & 1) << 14;
    return address * 4 & (picture->memory - 1);
}

static const u8 *planes_at(const struct vga_pen *pen, u32 counter, unsigned row_scan)
{
    return pen->vram + (map_address(pen->picture, counter, row_scan) & (pen->vram_size - 1));
}

const u8 *vga_text_cell(const struct vga_pen *pen, u32 counter)
{
    return planes_at(pen, counter, 0);
}

static unsigned pixel_panning(const struct vga_pen *pen)
{
    unsigned panning = pen->ar[AR_PIXEL_PANNING] & 15;
    if (pen->picture->dots == 9)
        return panning >= 8 ? 0 : panning + 1;
    if (pen->picture->dots == 4)
        return panning >> 1 & 3;
    return panning & 7;
}

struct vga_row vga_row(const struct vga_pen *pen, unsigned line)
{
    const struct vga_picture *picture = pen->picture;
    unsigned scan = line * picture->lines_each;
    bool split = scan > picture->line_compare;
    struct vga_row row = {.panning = pixel_panning(pen)};
    if (split && pen->ar[AR_MODE] & ATTRIBUTE_PAN_SPLIT)
        row.panning = 0;
    scan = split ? scan - picture->line_compare - 1 : scan;
    scan /= picture->double_scan ? 2 : 1;
    if (!split) {
        scan += picture->preset_row;
        row.counter = picture->start;
    }
    row.counter += scan / picture->char_height * picture->row_step;
    row.row_scan = scan % picture->char_height;
    return row;
}

static u32 cell_counter(const struct vga_picture *picture, const struct vga_row *row, unsigned x)
{
    return row->counter + (x >> picture->count_shift);
}

void vga_line_memory(const struct vga_pen *pen, unsigned line, u32 *first, u32 *end)
{
    const struct vga_picture *picture = pen->picture;
    if (picture->kind == PICTURE_LINEAR) {
        u64 from, to;
        vga_linear_memory(picture, line, &from, &to);
        *first = (u32)MIN(from, pen->vram_size);
        *end = (u32)MIN(to, pen->vram_size);
        return;
    }
    struct vga_row row = vga_row(pen, line);
    u32 last = map_address(picture, cell_counter(picture, &row, picture->characters), row.row_scan);
    *first = map_address(picture, row.counter, row.row_scan);
    *end = last + 4;
    if (last < *first || last - *first > picture->characters * 16) { /* wraps around: all of it */
        *first = 0;
        *end = picture->memory;
    }
}

/* Text. */

static u16 font_line(const struct vga_pen *pen, u8 character, u8 attribute, unsigned row_scan)
{
    const struct vga_picture *picture = pen->picture;
    u16 bits = (u16)(pen->fonts[attribute >> 3 & 1][character * 32u + (row_scan & 31)] << 1);
    if (picture->line_graphics && character >= 0xc0 && character <= 0xdf)
        bits |= bits >> 1 & 1;
    bool underlined = (attribute & 0x77) == 0x01 && row_scan == (picture->underline & 0x1fu);
    return underlined ? 0x1ff : bits;
}

static bool cursor_at(const struct vga_cursor *cursor, u32 counter, unsigned row_scan)
{
    return cursor->on && (u16)counter == cursor->address && row_scan >= cursor->first && row_scan <= cursor->last;
}

static void draw_character(const struct vga_pen *pen, u32 counter, unsigned row_scan, u32 *to)
{
    const struct vga_picture *picture = pen->picture;
    const u8 *cell = planes_at(pen, counter, 0);
    u8 attribute = cell[1], enabled = pen->ar[AR_PLANE_ENABLE] & 15;
    u32 foreground = pen->palette[attribute & enabled];
    u32 background = pen->palette[attribute >> 4 & (picture->blinks ? 7 : 15) & enabled];
    u16 bits = font_line(pen, cell[0], attribute, row_scan);
    if (picture->blinks && attribute & 0x80 && !picture->blink_on)
        bits = 0;
    if (cursor_at(&pen->cursor, counter, row_scan))
        bits = 0x1ff;
    for (unsigned dot = 0; dot < picture->dots; dot++)
        to[dot] = bits >> (8 - dot) & 1 ? foreground : background;
}

/* Graphics: eight dots of 4 bits. */

static void shift_planar(const u8 *planes, u8 *dots)
{
    for (unsigned dot = 0; dot < 8; dot++) {
        unsigned color = 0;
        for (unsigned p = 0; p < 4; p++)
            color |= (planes[p] >> (7 - dot) & 1u) << p;
        dots[dot] = (u8)color;
    }
}

/* "Shift Register Interleave": pairs of bits, planes 0 and 2 first, then 1 and 3. */
static void shift_interleaved(const u8 *planes, u8 *dots)
{
    for (unsigned dot = 0; dot < 8; dot++) {
        unsigned p = dot / 4, shift = 6 - dot % 4 * 2;
        dots[dot] = (u8)((planes[p] >> shift & 3) | (planes[p + 2] >> shift & 3) << 2);
    }
}

static void shift_256(const u8 *planes, u8 *dots)
{
    for (unsigned p = 0; p < 4; p++) {
        dots[p * 2] = planes[p] >> 4;
        dots[p * 2 + 1] = planes[p] & 15;
    }
}

static void draw_dots(const struct vga_pen *pen, const u8 *planes, u32 *to)
{
    const struct vga_picture *picture = pen->picture;
    u8 dots[8];
    if (picture->shift_mode & SHIFT_256)
        shift_256(planes, dots);
    else if (picture->shift_mode & SHIFT_INTERLEAVED)
        shift_interleaved(planes, dots);
    else
        shift_planar(planes, dots);
    if (picture->dots == 4) {
        for (unsigned i = 0; i < 4; i++)
            to[i] = pen->dac[dots[i * 2] << 4 | dots[i * 2 + 1]];
        return;
    }
    unsigned enabled = pen->ar[AR_PLANE_ENABLE] & 15, blink = picture->graphics_blink_on ? 8 : 0;
    for (unsigned i = 0; i < 8; i++)
        to[i] = pen->palette[(dots[i] & enabled) ^ blink];
}

static void draw_256(const struct vga_pen *pen, const u8 *planes, u32 *to)
{
    for (unsigned p = 0; p < 4; p++)
        to[p] = pen->dac[planes[p]];
}

static void draw_crtc_line(const struct vga_pen *pen, unsigned line, u32 *to)
{
    const struct vga_picture *picture = pen->picture;
    u32 scratch[(VGA_MAX_CHARACTERS + 1) * VGA_MAX_DOTS];
    struct vga_row row = vga_row(pen, line);
    bool plain_256 = picture->shift_mode & SHIFT_256 && picture->dots == 4;
    for (unsigned x = 0; x <= picture->characters; x++) {
        u32 counter = cell_counter(picture, &row, x), *cell = scratch + x * picture->dots;
        if (picture->kind == PICTURE_TEXT)
            draw_character(pen, counter, row.row_scan, cell);
        else if (plain_256)
            draw_256(pen, planes_at(pen, counter, row.row_scan), cell);
        else
            draw_dots(pen, planes_at(pen, counter, row.row_scan), cell);
    }
    memcpy(to, scratch + row.panning, picture->width * sizeof(u32));
}

void vga_draw_line(const struct vga_pen *pen, unsigned line, u32 *to)
{
    if (pen->picture->kind == PICTURE_LINEAR)
        vga_draw_linear(pen, line, to);
    else if (pen->picture->kind == PICTURE_BLANK)
        memset(to, 0, pen->picture->width * sizeof(u32));
    else
        draw_crtc_line(pen, line, to);
}
