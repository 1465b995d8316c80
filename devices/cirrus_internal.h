/*
 * Shared by the files of the CL-GD5446: cirrus.c (registers, windows), cirrus_blt.c (BitBLT), cirrus_draw.c (picture,
 * cursor).
 */
#ifndef DEVICES_CIRRUS_INTERNAL_H
#define DEVICES_CIRRUS_INTERNAL_H

#include "devices/cirrus.h"

/* Registers and bits, as the Technical Reference Manual numbers them. */
enum {
    SR7_PACKED = 0x01,
    SR12_CURSOR = 0x01,
    SR12_CURSOR_COLORS = 0x02,
    SR12_CURSOR_64 = 0x04,
    SR17_MMIO = 0x04,
    SR17_MMIO_LINEAR = 0x40,
    GRB_TWO_OFFSETS = 0x01,
    GRB_BY_8 = 0x02,
    GRB_EXTENDED_WRITE = 0x04,
    GRB_16_BIT_PIXELS = 0x10,
    GRB_16_KIB = 0x20,
    BLT_BACKWARD = 0x01,
    BLT_TO_SYSTEM = 0x02,
    BLT_FROM_SYSTEM = 0x04,
    BLT_TRANSPARENT = 0x08,
    BLT_PATTERN = 0x40,
    BLT_EXPAND = 0x80,
    BLT_EXT_DWORDS = 0x01,
    BLT_EXT_INVERT = 0x02,
    BLT_EXT_SOLID = 0x04,
    BLT_EXT_CLIP_BACKGROUND = 0x08,
    GR31_BUSY = 0x01,
    GR31_START = 0x02,
    GR31_RESET = 0x04,
    GR31_PROGRESS = 0x08,
    GR31_BUFFERED = 0x10,
    GR31_AUTOSTART = 0x80,
    GR31_STATUS = GR31_BUSY | GR31_PROGRESS | GR31_BUFFERED, /* these only tell */
};

/* cirrus.c */
/* After a write that decides what the windows show. */
void cirrus_update_windows(struct cirrus *cirrus);

/* cirrus_blt.c */
void cirrus_blt_start(struct cirrus *cirrus);
void cirrus_blt_reset(struct cirrus *cirrus);
/* A byte of the source that the engine waits for; where the source ends, the engine waits no more. */
void cirrus_blt_feed(struct cirrus *cirrus, u8 value);

/* cirrus_draw.c */
void cirrus_describe(void *opaque, struct vga_picture *picture);
u64 cirrus_dot_clock(void *opaque, u64 hz);
void cirrus_sprite(void *opaque, struct vga_sprite *sprite);
void cirrus_draw_sprite(void *opaque, const struct vga_sprite *sprite, unsigned line, unsigned width, u32 *pixels);

#endif
