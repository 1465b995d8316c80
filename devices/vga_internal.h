/*
 * Shared by the files of the VGA: vga.c (registers), vga_memory.c (the window at A0000h), vga_dispi.c (Bochs
 * extensions), vga_draw.c (the picture).
 */
#ifndef DEVICES_VGA_INTERNAL_H
#define DEVICES_VGA_INTERNAL_H

#include "devices/vga.h"

/* Registers by their numbers, as the IBM manual names them. */
enum { SR_RESET, SR_CLOCKING_MODE, SR_MAP_MASK, SR_CHARACTER_MAP, SR_MEMORY_MODE };
enum {
    GR_SET_RESET,
    GR_ENABLE_SET_RESET,
    GR_COLOR_COMPARE,
    GR_DATA_ROTATE,
    GR_READ_MAP,
    GR_MODE,
    GR_MISCELLANEOUS,
    GR_COLOR_DONT_CARE,
    GR_BIT_MASK,
};
enum {
    CR_HORIZONTAL_TOTAL = 0x00,
    CR_HORIZONTAL_DISPLAY_END = 0x01,
    CR_OVERFLOW = 0x07,
    CR_VERTICAL_TOTAL = 0x06,
    CR_PRESET_ROW_SCAN = 0x08,
    CR_MAXIMUM_SCAN_LINE = 0x09,
    CR_CURSOR_START = 0x0a,
    CR_CURSOR_END = 0x0b,
    CR_START_HIGH = 0x0c,
    CR_START_LOW = 0x0d,
    CR_CURSOR_HIGH = 0x0e,
    CR_CURSOR_LOW = 0x0f,
    CR_VERTICAL_RETRACE_START = 0x10,
    CR_VERTICAL_RETRACE_END = 0x11,
    CR_VERTICAL_DISPLAY_END = 0x12,
    CR_OFFSET = 0x13,
    CR_UNDERLINE = 0x14,
    CR_MODE = 0x17,
    CR_LINE_COMPARE = 0x18,
};
enum {
    AR_MODE = 0x10,
    AR_OVERSCAN = 0x11,
    AR_PLANE_ENABLE = 0x12,
    AR_PIXEL_PANNING = 0x13,
    AR_COLOR_SELECT = 0x14,
};

/* Bits that more than one file asks for. */
enum {
    MISC_COLOR = 0x01,      /* CRTC at 3Dxh */
    MISC_RAM_ENABLE = 0x02,
    CLOCKING_8_DOTS = 0x01,
    CLOCKING_HALF = 0x08,
    CLOCKING_SCREEN_OFF = 0x20,
    MEMORY_SEQUENTIAL = 0x04, /* odd/even is off */
    MEMORY_CHAIN_4 = 0x08,
    MISCELLANEOUS_GRAPHICS = 0x01,
    MISCELLANEOUS_CHAIN_ODD_EVEN = 0x02,
    PALETTE_SOURCE = 0x20,    /* attribute index: the display is on */
};

#define VGA_PLANE_SIZE 0x10000u /* of the 256 KiB that the VGA proper knows */

static inline bool vga_is_graphics(const struct vga *vga)
{
    return vga->gr[GR_MISCELLANEOUS] & MISCELLANEOUS_GRAPHICS;
}

/* vga_memory.c */
extern const struct bus_ops vga_window_ops;
/* Put the direct mapping of the window up or down after a register that decides about it was written. */
void vga_update_direct(struct vga *vga);

/* vga.c: one byte register at 3B0h + offset. */
u8 vga_port_read(struct vga *vga, unsigned port);
void vga_port_write(struct vga *vga, unsigned port, u8 value);

/* vga_dispi.c */
extern const struct bus_ops vga_dispi_index_ops, vga_dispi_data_ops, vga_registers_ops;
void vga_dispi_reset(struct vga *vga);
/* True in 8- to 32-bit modes, where memory is linear. */
bool vga_dispi_linear(const struct vga *vga);
/* The depth itself, or 8 where there is no such depth. */
u16 vga_dispi_valid_bpp(u16 bpp);
void vga_make_edid(struct vga *vga);

#endif
