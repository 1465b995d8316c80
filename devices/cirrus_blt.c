/*
 * Cirrus Logic CL-GD5446: the BitBLT engine.
 *
 * Source: Cirrus Logic CL-GD5446 Technical Reference Manual, "BitBLT Engine", "BLT Registers" (GR20-GR39).
 * Modelled: screen-to-screen forward and backward, system-to-screen, 8x8 patterns, colour expansion of bitmaps and
 *   patterns with and without transparency and inversion, solid fill, transparency by colour, 16 raster operations,
 *   8, 16, 24 and 32 bits a pixel, left edge clipping.  A BLT is complete when its last register is written or its
 *   last byte of source has come.
 *   The rest of the dword in which a source from the CPU ends is dropped.
 * Not modelled: screen-to-system BLTs and clipping of the background only (shown under -d unimp), the transparency mask
 *   of GR38 and GR39, which earlier chips have.
 * Unverified: a row that overlaps itself is copied as if it were read before it is written.
 */
#include <string.h>

#include "devices/cirrus_internal.h"
#include "devices/vga_internal.h"
#include "machine/trace.h"

/* One BLT's parameters. */
struct blt {
    u8 *vram;
    u32 mask; /* of addresses */
    u32 width, height, dst_pitch, src_pitch, dst, src; /* bytes and lines */
    unsigned pixel;    /* bytes */
    unsigned skip;     /* bytes not drawn at the left */
    u8 mode, rop, extension;
    u8 fg[4], bg[4], key[2];
};

static u32 field(const struct cirrus *cirrus, unsigned index, u32 mask)
{
    return (cirrus->gr[index] | (u32)cirrus->gr[index + 1] << 8 | (u32)cirrus->gr[index + 2] << 16) & mask;
}

static struct blt parameters(const struct cirrus *cirrus)
{
    const u8 *gr = cirrus->gr;
    struct blt blt = {
        .vram = cirrus->vga.vram, .mask = cirrus->vga.vram_size - 1,
        .width = field(cirrus, 0x20, 0x1fff) + 1, .height = field(cirrus, 0x22, 0x7ff) + 1,
        .dst_pitch = field(cirrus, 0x24, 0x1fff), .src_pitch = field(cirrus, 0x26, 0x1fff),
        .dst = field(cirrus, 0x28, 0x3fffff), .src = field(cirrus, 0x2c, 0x3fffff),
        .pixel = (gr[0x30] >> 4 & 3) + 1u, .mode = gr[0x30], .rop = gr[0x32], .extension = gr[0x33],
        .fg = {gr[0x01], gr[0x11], gr[0x13], gr[0x15]}, .bg = {gr[0x00], gr[0x10], gr[0x12], gr[0x14]},
        .key = {gr[0x34], gr[0x35]},
    };
    if (blt.mode & (BLT_EXPAND | BLT_PATTERN))
        blt.skip = blt.pixel == 3 ? gr[0x2f] & 0x1f : (gr[0x2f] & 7) * blt.pixel;
    return blt;
}

/* "Raster Operations": GR32. */
static u8 combine(u8 rop, u8 s, u8 d)
{
    switch (rop) {
    case 0x00:
        return 0;
    case 0x05:
        return s & d;
    case 0x06:
        return d;
    case 0x09:
        return s & ~d;
    case 0x0b:
        return ~d;
    case 0x0d:
        return s;
    case 0x0e:
        return 0xff;
    case 0x50:
        return ~s & d;
    case 0x59:
        return s ^ d;
    case 0x6d:
        return s | d;
    case 0x90:
        return ~s & ~d;
    case 0x95:
        return ~(s ^ d);
    case 0xad:
        return s | ~d;
    case 0xd0:
        return ~s;
    case 0xd6:
        return ~s | d;
    case 0xda:
        return ~s | ~d;
    default: /* no such operation: leaves the destination */
        return d;
    }
}

/* The source of a row: bytes, and for each whether it is drawn. */
struct row {
    u8 bytes[CIRRUS_BLT_ROW], drawn[CIRRUS_BLT_ROW];
};

/* "Solid Color Fill" is a kind of pattern with colour expansion; drivers leave its bit set for other BLTs. */
static bool is_solid(const struct blt *blt)
{
    return blt->extension & BLT_EXT_SOLID && blt->mode & BLT_EXPAND && blt->mode & BLT_PATTERN;
}

/* `bits` of a bitmap, leftmost first; in a pattern the eight bits of one byte repeat. */
static void expand_row(const struct blt *blt, const u8 *bits, struct row *row)
{
    bool transparent = blt->mode & BLT_TRANSPARENT, invert = transparent && blt->extension & BLT_EXT_INVERT;
    const u8 *on_color = invert ? blt->bg : blt->fg;
    for (u32 x = 0; x < blt->width; x++) {
        u32 i = x / blt->pixel;
        u8 byte = blt->mode & BLT_PATTERN ? bits[0] : bits[i / 8];
        bool on = (byte >> (7 - i % 8) & 1) != invert;
        row->bytes[x] = (on ? on_color : blt->bg)[x % blt->pixel];
        row->drawn[x] &= on || !transparent;
    }
}

static void solid_row(const struct blt *blt, struct row *row)
{
    for (u32 x = 0; x < blt->width; x++)
        row->bytes[x] = blt->fg[x % blt->pixel];
}

/* "Pattern Fills": eight rows of eight pixels, at a multiple of their size (24 bits: rows of 32 bytes); the low bits
 * of the address say with which row to begin. */
static void pattern_row(const struct blt *blt, u32 line, struct row *row)
{
    unsigned y = (blt->src + line) & 7;
    if (blt->mode & BLT_EXPAND) {
        expand_row(blt, &blt->vram[((blt->src & ~7u) + y) & blt->mask], row);
        return;
    }
    u32 pitch = blt->pixel == 3 ? 32 : 8 * blt->pixel, base = (blt->src & ~(8 * pitch - 1)) + y * pitch;
    for (u32 x = 0; x < blt->width; x++)
        row->bytes[x] = blt->vram[(base + x % (8 * blt->pixel)) & blt->mask];
}

static u32 bitmap_row_bytes(const struct blt *blt)
{
    return (blt->width / blt->pixel + 7) / 8;
}

static void memory_row(const struct blt *blt, u32 line, struct row *row)
{
    if (blt->mode & BLT_EXPAND) {
        u8 bits[CIRRUS_BLT_ROW / 8 + 1];
        u32 bytes = bitmap_row_bytes(blt);
        for (u32 i = 0; i < bytes && i < sizeof(bits); i++)
            bits[i] = blt->vram[(blt->src + line * bytes + i) & blt->mask];
        bits[MIN(bytes, sizeof(bits) - 1)] = 0;
        expand_row(blt, bits, row);
        return;
    }
    bool back = blt->mode & BLT_BACKWARD;
    u32 start = back ? blt->src - line * blt->src_pitch : blt->src + line * blt->src_pitch;
    for (u32 x = 0; x < blt->width; x++)
        row->bytes[x] = blt->vram[(back ? start - x : start + x) & blt->mask];
}

/* "Transparency": pixels that would be written in the colour of GR34 and GR35 are not; 8 and 16 bits. */
static void hide_key(const struct blt *blt, const u8 *result, struct row *row)
{
    bool back = blt->mode & BLT_BACKWARD;
    for (u32 x = 0; x + blt->pixel <= blt->width; x += blt->pixel) {
        bool same = blt->pixel == 1 ? result[x] == blt->key[0]
                                    : result[x] == blt->key[back] && result[x + 1] == blt->key[!back];
        if (same)
            memset(row->drawn + x, 0, blt->pixel);
    }
}

static void draw_row(struct cirrus *cirrus, const struct blt *blt, u32 line, struct row *row)
{
    bool back = blt->mode & BLT_BACKWARD && !(blt->mode & (BLT_EXPAND | BLT_PATTERN | BLT_FROM_SYSTEM));
    u32 start = back ? blt->dst - line * blt->dst_pitch : blt->dst + line * blt->dst_pitch;
    u8 result[CIRRUS_BLT_ROW];
    for (u32 x = 0; x < blt->width; x++)
        result[x] = combine(blt->rop, row->bytes[x], blt->vram[(back ? start - x : start + x) & blt->mask]);
    if (blt->mode & BLT_TRANSPARENT && !(blt->mode & BLT_EXPAND) && blt->pixel <= 2)
        hide_key(blt, result, row);
    for (u32 x = blt->skip; x < blt->width; x++) {
        if (row->drawn[x])
            blt->vram[(back ? start - x : start + x) & blt->mask] = result[x];
    }
    u32 first = back ? start - blt->width + 1 : start;
    for (u32 i = 0; i < blt->width; i += 4096)
        vga_mark_dirty(&cirrus->vga, (first + i) & blt->mask);
    vga_mark_dirty(&cirrus->vga, (first + blt->width - 1) & blt->mask);
}

static void draw(struct cirrus *cirrus)
{
    struct blt blt = parameters(cirrus);
    struct row row;
    for (u32 line = 0; line < blt.height; line++) {
        memset(row.drawn, 1, blt.width);
        if (is_solid(&blt))
            solid_row(&blt, &row);
        else if (blt.mode & BLT_PATTERN)
            pattern_row(&blt, line, &row);
        else
            memory_row(&blt, line, &row);
        draw_row(cirrus, &blt, line, &row);
    }
}

/* Source from the CPU. */

/* Bytes of a row: whole dwords of pixels; bitmaps in bytes, or in dwords by GR33 bit 0. */
static u32 system_row_bytes(const struct blt *blt)
{
    if (blt->mode & BLT_PATTERN)
        return blt->mode & BLT_EXPAND ? 8 : blt->pixel == 3 ? 256 : 64 * blt->pixel;
    if (!(blt->mode & BLT_EXPAND))
        return (blt->width + 3) & ~3u;
    u32 bytes = bitmap_row_bytes(blt);
    return blt->extension & BLT_EXT_DWORDS ? (bytes + 3) & ~3u : bytes;
}

static void draw_system_row(struct cirrus *cirrus, const struct blt *blt)
{
    struct row row;
    memset(row.drawn, 1, blt->width);
    if (blt->mode & BLT_EXPAND)
        expand_row(blt, cirrus->blt_source, &row);
    else
        memcpy(row.bytes, cirrus->blt_source, blt->width);
    draw_row(cirrus, blt, cirrus->blt_row, &row);
}

/* The whole pattern has come: eight rows of it, from a copy outside of memory. */
static void draw_system_pattern(struct cirrus *cirrus, const struct blt *blt)
{
    struct blt from_copy = *blt;
    struct row row;
    for (u32 line = 0; line < blt->height; line++) {
        memset(row.drawn, 1, blt->width);
        from_copy.vram = cirrus->blt_source;
        from_copy.mask = CIRRUS_BLT_ROW - 1;
        from_copy.src = blt->src & 7;
        pattern_row(&from_copy, line, &row);
        draw_row(cirrus, blt, line, &row);
    }
}

void cirrus_blt_feed(struct cirrus *cirrus, u8 value)
{
    struct blt blt = parameters(cirrus);
    cirrus->blt_source[cirrus->blt_bytes++ % CIRRUS_BLT_ROW] = value;
    if (cirrus->blt_bytes < system_row_bytes(&blt))
        return;
    cirrus->blt_bytes = 0;
    if (blt.mode & BLT_PATTERN) {
        draw_system_pattern(cirrus, &blt);
        cirrus_blt_reset(cirrus);
        return;
    }
    draw_system_row(cirrus, &blt);
    if (++cirrus->blt_row >= blt.height)
        cirrus_blt_reset(cirrus);
}

/* Start and end. */

void cirrus_blt_reset(struct cirrus *cirrus)
{
    bool waited = cirrus->blt_waits;
    cirrus->gr[0x31] &= (u8)~(GR31_BUSY | GR31_START | GR31_BUFFERED);
    cirrus->blt_waits = false;
    cirrus->blt_row = cirrus->blt_bytes = 0;
    if (waited)
        cirrus_update_windows(cirrus);
}

void cirrus_blt_start(struct cirrus *cirrus)
{
    const u8 *gr = cirrus->gr;
    struct blt blt = parameters(cirrus);
    vga_text_leave(&cirrus->vga);
    trace(VGA, "blt mode %02x extension %02x rop %02x: %u x %u bytes", gr[0x30], gr[0x33], gr[0x32],
          blt.width, blt.height);
    if (blt.extension & BLT_EXT_CLIP_BACKGROUND)
        trace(UNIMP, "cirrus: left edge clipping of the background only");
    if (blt.mode & BLT_TO_SYSTEM) {
        trace(UNIMP, "cirrus: BLT to system memory");
        cirrus_blt_reset(cirrus);
    } else if (blt.mode & BLT_FROM_SYSTEM && !is_solid(&blt)) {
        cirrus->gr[0x31] |= GR31_BUSY;
        cirrus->blt_waits = true;
        cirrus->blt_row = cirrus->blt_bytes = 0;
        cirrus_update_windows(cirrus);
    } else {
        draw(cirrus);
        cirrus_blt_reset(cirrus);
    }
}
