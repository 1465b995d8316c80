/*
 * VGA with the Bochs "DISPI" extensions: registers, memory window, linear frame buffer; see vga.c.
 */
#ifndef DEVICES_VGA_H
#define DEVICES_VGA_H

#include "machine/device.h"
#include "machine/display.h"
#include "machine/ioport.h"
#include "machine/memory.h"
#include "machine/pci.h"

struct machine;

#define VGA_VRAM_SIZE (16u << 20)
#define VGA_ROM_MAX 0x10000
#define VGA_DISPI_REGISTERS 16

struct vga {
    /* Guest state. */
    u8 misc;                /* Miscellaneous Output */
    u8 feature;             /* Feature Control */
    u8 sr_index, sr[8];     /* sequencer */
    u8 cr_index, cr[32];    /* CRT controller */
    u8 gr_index, gr[16];    /* graphics controller */
    u8 ar_index, ar[32];    /* attribute controller; bit 5 of the index: palette address source */
    bool ar_data;           /* the flip-flop: the next write to 3C0 is data */
    u8 latch[4];
    u8 dac_mask, dac_read_index, dac_write_index, dac_state;
    u8 dac_component;       /* 0-2, next of 3C9 */
    u8 dac_cache[3];        /* components of an unfinished write */
    u8 palette[256 * 3];    /* as written: 6 or 8 bits */
    u16 dispi_index, dispi[VGA_DISPI_REGISTERS];
    /* Not saved: what the last render showed. */
    bool changed;           /* a register or a byte in the window was written */
    u64 shown_blink;
    u64 generation;
    /* Wiring. */
    struct machine *machine;
    u8 *vram;               /* plane p of offset o is byte o * 4 + p */
    u8 *vram_flags;
    u8 *rom;
    u8 edid[128];
    u8 *rom_flags;
    u32 rom_size;
    struct region window, direct, frame_buffer, registers, rom_region;
    struct port_range mono_crtc, mono_status, vga_ports, color_crtc, color_status;
    struct port_range dispi_index_port, dispi_data_port, dispi_data_port2;
    struct pci_device pci;
    struct device device_entry;
};

/* Plugs the chip in and makes it machine->display.  With a bus: function 1234:1111 at 00:02.0 with `rom` in its ROM BAR
 * (copied; may be NULL).  Without (isapc): the frame buffer stands at E0000000h.  0 or -ENOMEM. */
int vga_init(struct vga *vga, struct machine *machine, struct pci_bus *bus, const u8 *rom, u32 rom_size);

void vga_destroy(struct vga *vga);

/* vga_draw.c: the picture, for struct display. */
int vga_render(void *opaque, struct surface *surface);
bool vga_text(void *opaque, struct text_screen *screen);
bool vga_changed(void *opaque);
u64 vga_generation(void *opaque);

/* A DISPI mode is on. */
bool vga_dispi_on(const struct vga *vga);
u32 vga_dispi_line_bytes(const struct vga *vga);
/* Scan lines of a VGA mode. */
unsigned vga_vertical_display_end(const struct vga *vga);

/* DISPI registers and their bits. */
enum {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_MEMORY_64K,
};
enum {
    DISPI_ENABLED = 0x01,
    DISPI_GETCAPS = 0x02,
    DISPI_8BIT_DAC = 0x20,
    DISPI_LFB_ENABLED = 0x40,
    DISPI_NOCLEARMEM = 0x80,
};

#endif
