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

#define VGA_VRAM_SIZE (16u << 20) /* unless told otherwise */
#define VGA_ROM_MAX 0x10000
#define VGA_DISPI_REGISTERS 16

struct vga_picture;
struct vga_sprite;
struct vga_canvas;

/* What a Super VGA adds to the chip; any member may be NULL.  `opaque` is the extension's own. */
struct vga_extension {
    /* Registers: true where the extension answers instead of the VGA. */
    bool (*read)(void *opaque, unsigned port, u8 *value);
    bool (*write)(void *opaque, unsigned port, u8 value);
    /* Corrects the picture of the VGA's registers by the extension's: addresses, depth. */
    void (*describe)(void *opaque, struct vga_picture *picture);
    u64 (*dot_clock)(void *opaque, u64 hz);
    /* The hardware cursor: where it is, and its pixels on one line. */
    void (*sprite)(void *opaque, struct vga_sprite *sprite);
    void (*draw_sprite)(void *opaque, const struct vga_sprite *sprite, unsigned line, unsigned width, u32 *pixels);
    /* The window at A0000h shows linear memory from *start on. */
    bool (*linear)(void *opaque, u32 *start);
    /* The window may be mapped straight to memory. */
    bool (*direct)(void *opaque);
    /* What is in it at B0000h and B8000h is the VGA's alone. */
    bool (*text)(void *opaque);
    /* Where in a plane, which may have more than 64 KiB, an offset in that window lies. */
    u32 (*window_offset)(void *opaque, u32 offset);
};

/* Registers that matter to the picture and may change from line to line. */
struct vga_shown {
    u8 palette[256 * 3], ar[32], dac_mask;
};

/* vga_raster.c: the changes of one frame. */
#define VGA_RASTER_MAX 1024
struct vga_raster_change {
    u16 line;
    u8 kind, index, value[3];
};
struct vga_raster {
    bool used;
    u64 frame;
    unsigned run; /* frames with changes directly before it */
    unsigned count;
    struct vga_shown base;
    struct vga_raster_change changes[VGA_RASTER_MAX];
};

/* vga_text_window.c: text memory as the CPU sees it, while it is mapped. */
#define VGA_TEXT_WINDOW 0x8000u
struct vga_text_window {
    struct region region; /* enabled: what is in here counts, and the planes follow */
    u16 *cells, *known;   /* known: the planes' as of the last vga_text_sync */
    u8 page_flags[VGA_TEXT_WINDOW / 4096];
    bool fits;            /* the registers allow it, ... */
    u32 base;             /* ... here */
    unsigned uses;        /* accesses since then through the window's data path; from so many on it is mapped: */
    unsigned enough;
    u64 mapped_at;        /* ns */
};

/* vga_gather.c: writes to the window that the engine may make late; window.late_writes says that it may now. */
struct vga_gather {
    bool fits;       /* the registers allow it */
    unsigned uses;   /* accesses since then; from so many on it is worth two changes of the memory map: */
    unsigned enough;
    u64 since;       /* ns */
};

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
    u64 start_retrace;      /* the start address was written after this many retraces, ... */
    u16 start_shown;        /* ... and until the next one this is shown */
    u8 preset_shown;
    /* Not saved: what the viewers know. */
    bool changed;           /* a register or a byte in the window was written */
    u64 generation;
    struct vga_canvas *canvas;
    struct vga_raster raster[2];
    u8 raster_current;
    struct vga_text_window text;
    struct vga_gather gather;
    /* Wiring. */
    const struct vga_extension *extension;
    void *extension_opaque;
    struct machine *machine;
    u8 *vram;               /* plane p of offset o is byte o * 4 + p; vga_text_sync before reading it */
    u32 vram_size;          /* a power of two */
    u8 *vram_flags;
    u8 *rom;
    u8 edid[128];
    u8 *rom_flags;
    u32 rom_size;
    struct region window, direct, frame_buffer, registers, rom_region;
    struct region *linear_view; /* where the CPU sees vram as RAM from its start on; may be NULL */
    struct port_range mono_crtc, mono_status, vga_ports, color_crtc, color_status;
    struct port_range dispi_index_port, dispi_data_port, dispi_data_port2;
    struct pci_device pci;
    struct device device_entry;
};

/* What vga_init plugs in. */
struct vga_config {
    u32 vram_size;          /* a power of two from 256 KiB on; 0: VGA_VRAM_SIZE */
    const u8 *rom;          /* for the ROM BAR; copied; may be NULL */
    u32 rom_size;
};

/* Plugs the chip in and makes it machine->display.  With a bus: function 1234:1111 at 00:02.0.  Without (isapc): the
 * frame buffer stands at E0000000h.  0 or -errno. */
int vga_init(struct vga *vga, struct machine *machine, struct pci_bus *bus, const struct vga_config *config);
/* The same without DISPI, frame buffer and PCI function, which the Super VGA around it brings. */
int vga_init_core(struct vga *vga, struct machine *machine, u32 vram_size);

void vga_destroy(struct vga *vga);

/* vga_render.c: the picture, for struct display. */
int vga_render(void *opaque, struct surface *surface);
bool vga_text(void *opaque, struct text_screen *screen);
bool vga_changed(void *opaque);
u64 vga_generation(void *opaque);

/* A DISPI mode is on. */
bool vga_dispi_on(const struct vga *vga);
u32 vga_dispi_line_bytes(const struct vga *vga);
/* The window at A0000h is mapped straight to memory, without a data path in between. */
bool vga_is_direct(const struct vga *vga);
/* Text memory is RAM (vga_text_window.c). */
bool vga_text_is_mapped(const struct vga *vga);

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
