/*
 * Cirrus Logic CL-GD5446 ("Alpine"): a VGA with packed pixels, a BitBLT engine and a hardware cursor; see cirrus.c.
 */
#ifndef DEVICES_CIRRUS_H
#define DEVICES_CIRRUS_H

#include "devices/vga.h"

#define CIRRUS_VRAM_SIZE (4u << 20) /* unless told otherwise */
#define CIRRUS_BLT_ROW 8192 /* bytes: the width is 13 bits */

struct cirrus {
    struct vga vga;
    /* Guest state. */
    /* The extensions: up to SR4, GR8 and CR18 the VGA has its own, but GR0 and GR1 are 8 bits wide here. */
    u8 sr[32], gr[64], cr[64];
    bool unlocked;             /* SR6 */
    u8 index_sr, index_gr, index_cr;
    u8 hidden_dac;
    u8 hidden_reads;           /* of 3C6h in a row */
    u8 cursor_palette[16 * 3];
    u16 cursor_x, cursor_y;
    /* A BLT whose source the CPU writes. */
    bool blt_waits;
    u32 blt_row, blt_bytes;    /* rows drawn, bytes of the next one */
    u8 blt_source[CIRRUS_BLT_ROW];
    /* Wiring. */
    u8 *rom, *rom_flags;
    u32 rom_size;
    struct region frame_buffer, frame_buffer_io, registers, rom_region;
    struct pci_device pci;
    struct device device_entry;
};

/* Plugs the chip in as machine->display.  With a bus: function 1013:00B8 at 00:02.0; without (isapc): no linear frame
 * buffer.  Memory of 1, 2 or 4 MiB.  0 or -errno. */
int cirrus_init(struct cirrus *cirrus, struct machine *machine, struct pci_bus *bus, const struct vga_config *config);
void cirrus_destroy(struct cirrus *cirrus);

#endif
