/*
 * VGA: a picture as the registers describe it, apart from what memory holds.  Two equal pictures over the same memory
 * look the same, so a picture that equals the last one is redrawn only where memory changed.
 */
#ifndef DEVICES_VGA_PICTURE_H
#define DEVICES_VGA_PICTURE_H

#include "devices/vga.h"

#define VGA_MAX_CHARACTERS 256
#define VGA_MAX_DOTS 9
#define VGA_FONT_SIZE 0x2000

enum vga_picture_kind { PICTURE_BLANK, PICTURE_TEXT, PICTURE_GRAPHICS, PICTURE_LINEAR };

struct vga_cursor {
    bool on;
    u16 address;
    u8 first, last; /* scan lines of the row */
};

/* A hardware cursor over a linear mode (struct vga_extension). */
struct vga_sprite {
    bool on;
    int x, y, size;
    u32 pattern; /* in video memory */
    u32 colors[2];
};

struct vga_picture {
    enum vga_picture_kind kind;
    unsigned width, height;   /* height in lines of the surface */
    unsigned lines_each;      /* scan lines of one of them */
    bool square;              /* pixels are square; else the picture fills a 4:3 tube */
    struct vga_shown shown;
    bool wide_dac;            /* 8 bits a component */
    /* Text and graphics of the CRTC. */
    u32 start;                /* memory address counter at the top */
    u32 memory;               /* bytes that the CRTC reaches: a power of two */
    unsigned row_step;        /* counts to the next row */
    unsigned characters, dots, char_height, preset_row, line_compare, panning;
    unsigned count_shift;     /* the counter advances every 1 << count_shift characters */
    bool double_scan, chain_4, graphics_blink_on;
    u8 underline, crtc_mode, shift_mode; /* CR14, CR17, GR5 */
    bool blinks, blink_on, line_graphics;
    u32 fonts[2];             /* offsets in plane 2: attribute bit 3 clear, set */
    /* Linear modes, and the 16-colour ones of DISPI (bpp 4: memory counts in bytes of a plane). */
    unsigned bpp;
    u32 linear_start, line_bytes;
};

/* vga_draw.c */
struct vga_picture vga_picture(const struct vga *vga);
struct vga_cursor vga_cursor(const struct vga *vga);

/* What the drawing of lines needs beside the picture. */
struct vga_pen {
    const struct vga_picture *picture;
    const u8 *vram;
    u32 vram_size;
    struct vga_cursor cursor;
    const u8 (*fonts)[VGA_FONT_SIZE];
    u8 ar[32]; /* as of this line */
    u32 dac[256], palette[16];
};

void vga_pen_colors(struct vga_pen *pen, const struct vga_shown *shown);
void vga_draw_line(const struct vga_pen *pen, unsigned line, u32 *to);
/* The bytes of memory [first, end) that a line shows. */
void vga_line_memory(const struct vga_pen *pen, unsigned line, u32 *first, u32 *end);
/* The counter at the left end of a line, and where it is in its row. */
struct vga_row {
    u32 counter;
    unsigned row_scan, panning;
};
struct vga_row vga_row(const struct vga_pen *pen, unsigned line);
const u8 *vga_text_cell(const struct vga_pen *pen, u32 counter);

/* vga_linear.c */
void vga_draw_linear(const struct vga_pen *pen, unsigned line, u32 *to);
void vga_linear_memory(const struct vga_picture *picture, unsigned line, u64 *first, u64 *end);

#endif
