/*
 * VGA: lines of modes beyond the VGA's own: 8 to 32 bits a pixel in linear memory, and 16 colours in four planes.
 *
 * Source: VESA BIOS Extension core functions 3.0, "Direct color fields"; the DISPI interface (vga_dispi.c).
 */
#include <string.h>

#include "devices/vga_internal.h"
#include "devices/vga_picture.h"

static unsigned bytes_per_pixel(unsigned bpp)
{
    return (bpp + 7) / 8;
}

void vga_linear_memory(const struct vga_picture *picture, unsigned line, u64 *first, u64 *end)
{
    *first = picture->linear_start + (u64)line * picture->line_bytes;
    if (picture->bpp == 4) {
        *end = (*first + picture->width / 8 + 1) * 4;
        *first *= 4;
    } else {
        *end = *first + (u64)picture->width * bytes_per_pixel(picture->bpp);
    }
}

static u32 expand_5(u32 value)
{
    return (value & 31) << 3 | (value & 31) >> 2;
}

static u32 expand_6(u32 value)
{
    return (value & 63) << 2 | (value & 63) >> 4;
}

static void draw_16(const u8 *at, unsigned width, u32 *to)
{
    for (; width; width--, at += 2, to++) {
        u32 value = at[0] | at[1] << 8;
        *to = expand_5(value >> 11) << 16 | expand_6(value >> 5) << 8 | expand_5(value);
    }
}

static void draw_15(const u8 *at, unsigned width, u32 *to)
{
    for (; width; width--, at += 2, to++) {
        u32 value = at[0] | at[1] << 8;
        *to = expand_5(value >> 10) << 16 | expand_5(value >> 5) << 8 | expand_5(value);
    }
}

/* Blue first. */
static void draw_24(const u8 *at, unsigned width, u32 *to)
{
    for (; width; width--, at += 3, to++)
        *to = at[0] | at[1] << 8 | (u32)at[2] << 16;
}

static void draw_32(const u8 *at, unsigned width, u32 *to)
{
    memcpy(to, at, width * sizeof(u32));
    for (unsigned x = 0; x < width; x++)
        to[x] &= 0xffffff;
}

static void draw_planes(const struct vga_pen *pen, u64 start, u32 *to)
{
    unsigned enabled = pen->ar[AR_PLANE_ENABLE] & 15;
    for (unsigned x = 0; x < pen->picture->width; x++) {
        const u8 *planes = pen->vram + ((start + x / 8 * 4u) & (pen->vram_size - 1));
        unsigned color = 0;
        for (unsigned p = 0; p < 4; p++)
            color |= (planes[p] >> (7 - x % 8) & 1u) << p;
        to[x] = pen->palette[color & enabled];
    }
}

void vga_draw_linear(const struct vga_pen *pen, unsigned line, u32 *to)
{
    const struct vga_picture *picture = pen->picture;
    u64 first, end;
    vga_linear_memory(picture, line, &first, &end);
    if (picture->bpp == 4) {
        draw_planes(pen, first, to);
        return;
    }
    if (end > pen->vram_size) {
        memset(to, 0, picture->width * sizeof(u32));
        return;
    }
    const u8 *at = pen->vram + first;
    switch (picture->bpp) {
    case 15:
        draw_15(at, picture->width, to);
        break;
    case 16:
        draw_16(at, picture->width, to);
        break;
    case 24:
        draw_24(at, picture->width, to);
        break;
    case 32:
        draw_32(at, picture->width, to);
        break;
    default:
        for (unsigned x = 0; x < picture->width; x++)
            to[x] = pen->dac[at[x]];
        break;
    }
}
