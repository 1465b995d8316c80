/*
 * Cirrus Logic CL-GD5446: the picture in packed-pixel modes, the dot clock and the hardware cursor.
 *
 * Source: Cirrus Logic CL-GD5446 Technical Reference Manual, "Extended Sequencer Mode" (SR7), "Extended Display
 *   Controls" (CR1B), "Overlay Extended Control" (CR1D), "Hidden DAC", "VCLK Numerator/Denominator", "Hardware
 *   Cursor".
 * Not modelled: the video window, pixel doubling of the hidden DAC's special modes.
 */
#include "devices/cirrus_internal.h"
#include "devices/vga_internal.h"
#include "devices/vga_picture.h"

static unsigned depth(const struct cirrus *cirrus)
{
    switch (cirrus->sr[7] & 0x0e) {
    case 0x02: /* at half the clock */
    case 0x06:
        return (cirrus->hidden_dac & 0x0f) == 1 ? 16 : 15;
    case 0x04:
        return 24;
    case 0x08:
        return 32;
    default:
        return 8;
    }
}

static u32 start_address(const struct cirrus *cirrus, u32 low)
{
    u8 more = cirrus->cr[0x1b];
    return (low & 0xffff) | (more & 0x01u) << 16 | (more & 0x0cu) << 15 | (cirrus->cr[0x1d] & 0x80u) << 12;
}

void cirrus_describe(void *opaque, struct vga_picture *picture)
{
    const struct cirrus *cirrus = opaque;
    unsigned offset = cirrus->vga.cr[CR_OFFSET] | (cirrus->cr[0x1b] & 0x10u) << 4;
    if (!(cirrus->sr[7] & SR7_PACKED)) {
        if (cirrus->cr[0x1b] & 0x02) { /* addresses beyond 64 KiB of a plane */
            picture->memory = cirrus->vga.vram_size;
            picture->start = start_address(cirrus, picture->start);
            picture->row_step = offset * 2;
        }
        return;
    }
    picture->kind = PICTURE_LINEAR;
    picture->bpp = depth(cirrus);
    picture->width = picture->characters * 8;
    picture->height = vga_vertical_display_end(&cirrus->vga) * (cirrus->cr[0x1a] & 1 ? 2 : 1); /* interlaced */
    picture->lines_each = picture->double_scan ? 2 : 1;
    picture->height = MAX(picture->height / picture->lines_each, 1u);
    picture->linear_start = start_address(cirrus, picture->start) * 4;
    picture->line_bytes = offset * 8;
    picture->square = picture->width * 3 == picture->height * 4 || picture->width * 4 == picture->height * 5;
}

u64 cirrus_dot_clock(void *opaque, u64 hz)
{
    const struct cirrus *cirrus = opaque;
    unsigned clock = cirrus->vga.misc >> 2 & 3;
    u64 numerator = cirrus->sr[0x0b + clock] & 0x7f, denominator = cirrus->sr[0x1b + clock] >> 1 & 0x1f;
    if (!numerator || !denominator)
        return hz;
    return 14318180 * numerator / denominator / (cirrus->sr[0x1b + clock] & 1 ? 2 : 1);
}

/* The cursor. */

static u32 cursor_color(const struct cirrus *cirrus, unsigned index)
{
    u32 color = 0;
    for (int i = 0; i < 3; i++) {
        unsigned component = cirrus->cursor_palette[index * 3 + i] & 0x3fu;
        color = color << 8 | component << 2 | component >> 4;
    }
    return color;
}

/* Patterns lie in the last 16 KiB of memory. */
void cirrus_sprite(void *opaque, struct vga_sprite *sprite)
{
    const struct cirrus *cirrus = opaque;
    bool large = cirrus->sr[0x12] & SR12_CURSOR_64;
    sprite->on = cirrus->sr[0x12] & SR12_CURSOR && cirrus->sr[7] & SR7_PACKED;
    sprite->x = cirrus->cursor_x;
    sprite->y = cirrus->cursor_y;
    sprite->size = large ? 64 : 32;
    sprite->pattern = cirrus->vga.vram_size - 0x4000 + (cirrus->sr[0x13] & (large ? 0x3cu : 0x3fu)) * 256;
    sprite->colors[0] = cursor_color(cirrus, 0);
    sprite->colors[1] = cursor_color(cirrus, 15);
}

/* Two planes: 64x64 has both of a line side by side, 32x32 one after the other.  00 transparent, 01 inverted, 10 and
 * 11 the cursor's colours. */
void cirrus_draw_sprite(void *opaque, const struct vga_sprite *sprite, unsigned line, unsigned width, u32 *pixels)
{
    const struct cirrus *cirrus = opaque;
    u32 row = line - (u32)sprite->y, mask = cirrus->vga.vram_size - 1;
    u32 plane0 = sprite->pattern + row * (sprite->size == 64 ? 16 : 4);
    u32 plane1 = plane0 + (sprite->size == 64 ? 8 : 128);
    for (u32 i = 0; i < (u32)sprite->size; i++) {
        u32 x = (u32)sprite->x + i;
        if (x >= width)
            break;
        unsigned bit = 7 - i % 8;
        unsigned inverts = cirrus->vga.vram[(plane0 + i / 8) & mask] >> bit & 1;
        if (cirrus->vga.vram[(plane1 + i / 8) & mask] >> bit & 1)
            pixels[x] = sprite->colors[inverts];
        else if (inverts)
            pixels[x] ^= 0xffffff;
    }
}
