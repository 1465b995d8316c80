/*
 * Shared by the files of the VGA: vga.c (registers), vga_memory.c (the window at A0000h), vga_text_window.c (text
 * memory), vga_gather.c (writes that the engine may make late), vga_dispi.c (Bochs extensions), vga_timing.c (the beam),
 * vga_draw.c and vga_linear.c (lines), vga_raster.c (changes between lines), vga_render.c (viewers' surfaces); and by the
 * Super VGAs around it.
 */
#ifndef DEVICES_VGA_INTERNAL_H
#define DEVICES_VGA_INTERNAL_H

#include <errno.h>

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
    GR_MODE_ODD_EVEN = 0x10,
    PALETTE_SOURCE = 0x20,    /* attribute index: the display is on */
};

#define VGA_WINDOW_BASE 0xa0000u
#define VGA_PLANE_SIZE 0x10000u /* of the 256 KiB that the VGA proper knows */

static inline bool vga_is_graphics(const struct vga *vga)
{
    return vga->gr[GR_MISCELLANEOUS] & MISCELLANEOUS_GRAPHICS;
}

/* vga_memory.c */
extern const struct bus_ops vga_window_ops;
/* Put the mappings of the window to RAM up or down after a register that decides about them was written. */
void vga_update_direct(struct vga *vga);
/* The data path leaves bytes as they are, in both directions. */
bool vga_passes_bytes(const struct vga *vga);

/* vga_text_window.c */
int vga_text_create(struct vga *vga, int priority);
void vga_text_destroy(struct vga *vga);
/* Before the planes are read: they get what the CPU has written. */
void vga_text_sync(struct vga *vga);
/* The same, and the mapping ends: before the planes are written.  On the vCPU's thread, or while no vCPU runs. */
void vga_text_leave(struct vga *vga);
/* The mapping ends, and what was written is lost. */
void vga_text_forget(struct vga *vga);
bool vga_text_is_current(const struct vga *vga); /* is it as the registers want it? */
void vga_text_update(struct vga *vga);
/* The data path of the window served an access. */
void vga_text_used(struct vga *vga, u32 address);
/* linear_view is RAM only while nothing else is between the CPU and what it shows; inside memory_begin. */
void vga_update_linear_view(struct vga *vga);
/* Around an access, by a CPU or by DMA, to memory as it is. */
void vga_text_begin_linear(struct vga *vga);
void vga_text_end_linear(struct vga *vga);
/* Of vga->linear_view, for the time when it is no RAM. */
extern const struct bus_ops vga_text_linear_ops;

/* vga_gather.c */
bool vga_gather_is_current(const struct vga *vga);
void vga_gather_update(struct vga *vga); /* after vga_text_update and the direct mapping */
void vga_gather_used(struct vga *vga);   /* an access of a CPU to the window */
void vga_gather_end(struct vga *vga);

/* vga.c: one byte register at 3B0h + offset. */
u8 vga_port_read(struct vga *vga, unsigned port);
void vga_port_write(struct vga *vga, unsigned port, u8 value);

u8 vga_window_read(struct vga *vga, u32 address);
void vga_window_write(struct vga *vga, u32 address, u8 value);
void vga_mark_dirty(struct vga *vga, u32 at);

/* vga_timing.c */
struct vga_beam {
    u64 frame;
    unsigned line, character; /* line 0 is the first displayed one, character 0 its left end */
};
struct vga_beam vga_beam(const struct vga *vga);
u8 vga_retrace_status(const struct vga *vga);
/* Scan lines displayed. */
unsigned vga_vertical_display_end(const struct vga *vga);
struct vga_start {
    u16 address;
    u8 preset;
};
/* Start address and preset row scan as the CRTC took them over. */
struct vga_start vga_start(const struct vga *vga);
/* Called before one of them is written. */
void vga_start_changes(struct vga *vga);

/* vga_draw.c */
struct vga_shown vga_shown(const struct vga *vga);

/* vga_raster.c */
enum vga_raster_kind { RASTER_DAC, RASTER_DAC_MASK, RASTER_ATTRIBUTE };
/* Called before the change is made. */
void vga_raster_note(struct vga *vga, enum vga_raster_kind kind, u8 index, const u8 *value);
/* The changes of the last whole frame, or NULL. */
const struct vga_raster *vga_raster_to_draw(const struct vga *vga);
void vga_raster_apply(struct vga_shown *shown, const struct vga_raster_change *change);

/* vga_render.c */
int vga_canvas_create(struct vga *vga);
void vga_canvas_destroy(struct vga *vga);

/* vga_dispi.c */
extern const struct bus_ops vga_dispi_index_ops, vga_dispi_data_ops, vga_registers_ops;
void vga_dispi_reset(struct vga *vga);
/* True in 8- to 32-bit modes, where memory is linear. */
bool vga_dispi_linear(const struct vga *vga);
/* The depth itself, or 8 where there is no such depth. */
u16 vga_dispi_valid_bpp(u16 bpp);
void vga_make_edid(struct vga *vga);

#endif
