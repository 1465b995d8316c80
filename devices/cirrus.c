/*
 * Cirrus Logic CL-GD5446 ("Alpine"): registers beyond the VGA's, memory windows, the PCI function.
 *
 * Source: Cirrus Logic CL-GD5446 Technical Reference Manual: "External/General Registers", "Extension Registers",
 *   "Memory Configurations", "PCI Configuration Registers".
 * Modelled: SR6 lock, packed pixels of 8 to 32 bits, offset registers with both granularities, extended write modes 4
 *   and 5, linear frame buffer, memory-mapped BLT registers at B8000h, at the end of the frame buffer and in BAR1,
 *   hidden DAC, programmable clocks, hardware cursor, 4 MiB of memory; BitBLT is in cirrus_blt.c, the picture in
 *   cirrus_draw.c.
 * Not modelled: the video window, byte-swapping apertures, EEPROM and DDC lines, colour key compare, power management,
 *   eight-byte latches (GRB bit 3), signature generator, formats of the hidden DAC other than palettes, 5:5:5, 5:6:5 and
 *   8:8:8.
 */
#include "devices/cirrus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/cirrus_internal.h"
#include "devices/vga_internal.h"
#include "machine/machine.h"
#include "machine/trace.h"

#define PRIORITY 1
#define PRIORITY_DIRECT 2
#define APERTURE (32u << 20)
#define CHIP_ID 0xb8
#define UNLOCK 0x12

/* Windows. */

static bool is_packed(const struct cirrus *cirrus)
{
    return cirrus->sr[7] & SR7_PACKED;
}

static bool writes_specially(const struct cirrus *cirrus)
{
    return cirrus->blt_waits || cirrus->gr[0x0b] & (GRB_BY_8 | GRB_EXTENDED_WRITE);
}

static u32 bank(const struct cirrus *cirrus, unsigned which)
{
    return (u32)cirrus->gr[0x09 + which] << (cirrus->gr[0x0b] & GRB_16_KIB ? 14 : 12);
}

/* Where an offset in the 64 KiB at A0000h lies. */
static u32 banked(const struct cirrus *cirrus, u32 offset)
{
    if (cirrus->gr[0x0b] & GRB_TWO_OFFSETS)
        return bank(cirrus, offset >> 15 & 1) + (offset & 0x7fff);
    return bank(cirrus, 0) + (offset & 0xffff);
}

/* For the VGA: "Offset Registers" count for planar modes, too, in bytes of a plane. */
static u32 window_offset(void *opaque, u32 offset)
{
    return banked(opaque, offset);
}

/* For the VGA: the window is plain memory from *start on. */
static bool linear(void *opaque, u32 *start)
{
    const struct cirrus *cirrus = opaque;
    *start = bank(cirrus, 0) & (cirrus->vga.vram_size - 1);
    return is_packed(cirrus);
}

static bool direct(void *opaque)
{
    const struct cirrus *cirrus = opaque;
    bool one_bank = !(cirrus->gr[0x0b] & GRB_TWO_OFFSETS) && (is_packed(cirrus) || bank(cirrus, 0) == 0);
    return !writes_specially(cirrus) && one_bank;
}

static bool mmio_at_b8000(const struct cirrus *cirrus)
{
    return (cirrus->sr[0x17] & (SR17_MMIO | SR17_MMIO_LINEAR)) == SR17_MMIO;
}

static bool text(void *opaque)
{
    return direct(opaque) && !is_packed(opaque) && !mmio_at_b8000(opaque);
}

void cirrus_update_windows(struct cirrus *cirrus)
{
    vga_update_direct(&cirrus->vga);
    if (cirrus->pci.bus) {
        bool mmio = (cirrus->sr[0x17] & (SR17_MMIO | SR17_MMIO_LINEAR)) == (SR17_MMIO | SR17_MMIO_LINEAR);
        u64 size = cirrus->vga.vram_size - (mmio ? 4096 : 0);
        memory_begin(cirrus->vga.machine->memory);
        if (cirrus->frame_buffer.size != size) {
            memory_enable(cirrus->vga.machine->memory, &cirrus->frame_buffer, false);
            cirrus->frame_buffer.size = size;
        }
        memory_move(cirrus->vga.machine->memory, &cirrus->frame_buffer, cirrus->frame_buffer_io.base);
        memory_enable(cirrus->vga.machine->memory, &cirrus->frame_buffer,
                      cirrus->frame_buffer_io.enabled && !writes_specially(cirrus));
        memory_commit(cirrus->vga.machine->memory);
    }
}

/* Extended write modes 4 and 5: each bit of the byte is a pixel, in foreground or, in mode 5, background colour; SR2
 * masks. */
static void write_expanded(struct cirrus *cirrus, u32 at, u8 value, bool background)
{
    unsigned bytes = cirrus->gr[0x0b] & GRB_16_BIT_PIXELS ? 2 : 1;
    const u8 fg[2] = {cirrus->gr[0x01], cirrus->gr[0x11]}, bg[2] = {cirrus->gr[0x00], cirrus->gr[0x10]};
    for (unsigned i = 0; i < 8 * bytes; i++) {
        unsigned bit = 7 - i / bytes;
        bool on = value >> bit & 1, masked = !(cirrus->sr[2] >> bit & 1);
        u32 to = (at + i) & (cirrus->vga.vram_size - 1);
        if ((on || background) && !(background && masked))
            cirrus->vga.vram[to] = (on ? fg : bg)[i % bytes];
        vga_mark_dirty(&cirrus->vga, to);
    }
}

static u32 scaled(const struct cirrus *cirrus, u32 at)
{
    if ((cirrus->gr[0x0b] & (GRB_EXTENDED_WRITE | GRB_16_BIT_PIXELS)) == (GRB_EXTENDED_WRITE | GRB_16_BIT_PIXELS))
        at <<= 4;
    else if (cirrus->gr[0x0b] & GRB_BY_8)
        at <<= 3;
    return at & (cirrus->vga.vram_size - 1);
}

static void write_memory(struct cirrus *cirrus, u32 at, u8 value)
{
    unsigned mode = cirrus->vga.gr[GR_MODE] & 7;
    if (cirrus->blt_waits) {
        cirrus_blt_feed(cirrus, value);
        return;
    }
    at = scaled(cirrus, at);
    if (cirrus->gr[0x0b] & GRB_EXTENDED_WRITE && (mode == 4 || mode == 5)) {
        write_expanded(cirrus, at, value, mode == 5);
    } else {
        cirrus->vga.vram[at] = value;
        vga_mark_dirty(&cirrus->vga, at);
    }
}

/* BLT registers in memory. */

static const u8 mmio_to_gr[256] = {
    [0x00] = 0x00, [0x01] = 0x10, [0x02] = 0x12, [0x03] = 0x14, [0x04] = 0x01, [0x05] = 0x11, [0x06] = 0x13,
    [0x07] = 0x15, [0x08] = 0x20, [0x09] = 0x21, [0x0a] = 0x22, [0x0b] = 0x23, [0x0c] = 0x24, [0x0d] = 0x25,
    [0x0e] = 0x26, [0x0f] = 0x27, [0x10] = 0x28, [0x11] = 0x29, [0x12] = 0x2a, [0x14] = 0x2c, [0x15] = 0x2d,
    [0x16] = 0x2e, [0x17] = 0x2f, [0x18] = 0x30, [0x1a] = 0x32, [0x1b] = 0x33, [0x1c] = 0x34, [0x1d] = 0x35,
    [0x20] = 0x38, [0x21] = 0x39, [0x40] = 0x31,
};

static void write_gr(struct cirrus *cirrus, unsigned index, u8 value);

static u8 read_mmio(struct cirrus *cirrus, u32 at)
{
    u8 index = mmio_to_gr[at & 0xff];
    return index || (at & 0xff) == 0 ? cirrus->gr[index] : 0xff;
}

static void write_mmio(struct cirrus *cirrus, u32 at, u8 value)
{
    u8 index = mmio_to_gr[at & 0xff];
    if (index || (at & 0xff) == 0)
        write_gr(cirrus, index, value);
}

/* The window at A0000h. */

static bool mmio_in_window(const struct cirrus *cirrus, u32 at)
{
    return mmio_at_b8000(cirrus) && at >= 0x18000 && at < 0x18100;
}

static u8 window_read_byte(struct cirrus *cirrus, u32 at)
{
    if (mmio_in_window(cirrus, at))
        return read_mmio(cirrus, at);
    if (!is_packed(cirrus))
        return vga_window_read(&cirrus->vga, at);
    if (at >= 0x10000)
        return 0xff;
    return cirrus->vga.vram[scaled(cirrus, banked(cirrus, at))];
}

static void window_write_byte(struct cirrus *cirrus, u32 at, u8 value)
{
    if (mmio_in_window(cirrus, at))
        write_mmio(cirrus, at, value);
    else if (at < 0x10000 && (cirrus->blt_waits || is_packed(cirrus)))
        write_memory(cirrus, banked(cirrus, at), value);
    else if (!is_packed(cirrus))
        vga_window_write(&cirrus->vga, at, value);
}

static u64 window_read(void *opaque, u64 offset, unsigned size)
{
    u64 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (u64)window_read_byte(opaque, (u32)offset + i) << 8 * i;
    vga_text_used(&((struct cirrus *)opaque)->vga, VGA_WINDOW_BASE + (u32)offset);
    vga_gather_used(&((struct cirrus *)opaque)->vga);
    return value;
}

/* One access, byte by byte.  The CPU sends the source of a BLT in dwords: what is left of the one in which the source
 * ends is padding. */
static void write_bytes(struct cirrus *cirrus, void (*write)(struct cirrus *, u32, u8), u32 at, u64 value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        bool waited = cirrus->blt_waits;
        write(cirrus, at + i, (u8)(value >> 8 * i));
        if (waited && !cirrus->blt_waits)
            i |= 3;
    }
}

static void window_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    write_bytes(opaque, window_write_byte, (u32)offset, value, size);
    vga_text_used(&((struct cirrus *)opaque)->vga, VGA_WINDOW_BASE + (u32)offset);
    vga_gather_used(&((struct cirrus *)opaque)->vga);
}

static const struct bus_ops window_ops = {.read = window_read, .write = window_write, .min_size = 1, .max_size = 8};

/* The aperture of BAR0, where it is not plain memory; its upper half takes a BLT's source too. */

static bool mmio_in_aperture(const struct cirrus *cirrus, u32 at)
{
    return (cirrus->sr[0x17] & (SR17_MMIO | SR17_MMIO_LINEAR)) == (SR17_MMIO | SR17_MMIO_LINEAR) &&
           at >= cirrus->vga.vram_size - 256 && at < cirrus->vga.vram_size;
}

static u64 aperture_read(void *opaque, u64 offset, unsigned size)
{
    struct cirrus *cirrus = opaque;
    u64 value = 0;
    vga_text_begin_linear(&cirrus->vga);
    for (unsigned i = 0; i < size; i++) {
        u32 at = (u32)offset + i;
        u8 byte = mmio_in_aperture(cirrus, at) ? read_mmio(cirrus, at) : cirrus->vga.vram[scaled(cirrus, at)];
        value |= (u64)byte << 8 * i;
    }
    return value;
}

static void aperture_write_byte(struct cirrus *cirrus, u32 at, u8 value)
{
    if (mmio_in_aperture(cirrus, at))
        write_mmio(cirrus, at, value);
    else
        write_memory(cirrus, at, value);
}

static void aperture_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct cirrus *cirrus = opaque;
    vga_text_begin_linear(&cirrus->vga);
    write_bytes(cirrus, aperture_write_byte, (u32)offset, value, size);
    vga_text_end_linear(&cirrus->vga);
}

static const struct bus_ops aperture_ops = {
    .read = aperture_read, .write = aperture_write, .min_size = 1, .max_size = 8};

/* BAR1: the VGA's ports from 3C0h on, and the BLT registers at 100h. */

static u64 registers_read(void *opaque, u64 offset, unsigned size)
{
    struct cirrus *cirrus = opaque;
    return offset < 0x20    ? vga_port_read(&cirrus->vga, 0x3c0 + (unsigned)offset)
           : offset < 0x100 ? 0xff
                            : read_mmio(cirrus, (u32)offset);
}

static void registers_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct cirrus *cirrus = opaque;
    if (offset < 0x20)
        vga_port_write(&cirrus->vga, 0x3c0 + (unsigned)offset, (u8)value);
    else if (offset >= 0x100 && offset < 0x200)
        write_mmio(cirrus, (u32)offset, (u8)value);
}

static const struct bus_ops registers_ops = {
    .read = registers_read, .write = registers_write, .min_size = 1, .max_size = 1};

/* Registers. */

/* SR10 and SR11 hold eleven bits of position: the index's upper three bits are the lowest. */
static void write_cursor_position(struct cirrus *cirrus, u8 value)
{
    u16 position = (u16)(value << 3 | cirrus->index_sr >> 5);
    if ((cirrus->index_sr & 0x1f) == 0x10)
        cirrus->cursor_x = position;
    else
        cirrus->cursor_y = position;
}

static void write_sr(struct cirrus *cirrus, unsigned index, u8 value)
{
    switch (index) {
    case 0x06:
        cirrus->unlocked = (value & 0x17) == UNLOCK;
        break;
    case 0x10:
    case 0x11:
        write_cursor_position(cirrus, value);
        cirrus->sr[index] = value;
        break;
    case 0x17: /* bits 5:3, the bus, are as strapped */
        cirrus->sr[index] = (u8)((cirrus->sr[index] & 0x38) | (value & 0xc7));
        break;
    default:
        cirrus->sr[index] = value;
        break;
    }
    cirrus_update_windows(cirrus);
}

static u8 read_sr(const struct cirrus *cirrus, unsigned index)
{
    if (index == 0x06)
        return cirrus->unlocked ? UNLOCK : 0x0f;
    return cirrus->sr[index];
}

static void write_blt_status(struct cirrus *cirrus, u8 value)
{
    u8 old = cirrus->gr[0x31];
    cirrus->gr[0x31] = (u8)((value & ~GR31_STATUS) | (old & GR31_STATUS));
    if ((old | value) & GR31_RESET)
        cirrus_blt_reset(cirrus);
    else if (value & GR31_START && !(old & GR31_START))
        cirrus_blt_start(cirrus);
}

static void write_gr(struct cirrus *cirrus, unsigned index, u8 value)
{
    if (index == 0x31) {
        write_blt_status(cirrus, value);
        return;
    }
    cirrus->gr[index] = value;
    if (index <= 0x01)
        cirrus->vga.gr[index] = value & 0x0f;
    if (index == 0x01)
        vga_update_direct(&cirrus->vga);
    else if (index >= 0x09 && index <= 0x0b)
        cirrus_update_windows(cirrus);
    else if (index == 0x2a && cirrus->gr[0x31] & GR31_AUTOSTART)
        cirrus_blt_start(cirrus);
}

static bool is_extended_cr(unsigned index)
{
    return index > 0x18;
}

static u8 read_cr(const struct cirrus *cirrus, unsigned index)
{
    switch (index) {
    case 0x22: /* "Graphics Data Latches Readback" */
        return cirrus->vga.latch[cirrus->vga.gr[GR_READ_MAP] & 3];
    case 0x24:
        return cirrus->vga.ar_data ? 0x80 : 0x00;
    case 0x26:
        return cirrus->vga.ar_index & 0x3f;
    case 0x27:
        return CHIP_ID;
    default:
        return cirrus->cr[index];
    }
}

/* The hidden DAC register is behind 3C6h after four reads of it. */
static bool hidden_dac_read(struct cirrus *cirrus, u8 *value)
{
    if (cirrus->hidden_reads < 4) {
        cirrus->hidden_reads++;
        return false;
    }
    cirrus->hidden_reads = 0;
    *value = cirrus->hidden_dac;
    return true;
}

static bool hidden_dac_write(struct cirrus *cirrus, u8 value)
{
    bool hidden = cirrus->hidden_reads == 4;
    cirrus->hidden_reads = 0;
    if (hidden) {
        cirrus->hidden_dac = value;
        if (value & 0x80 && (value & 0x10 || (value & 0x0e) == 0x08))
            trace(UNIMP, "cirrus: hidden DAC %02x: mixed modes, 8-bit greys and 3:3:2", value);
    }
    return hidden;
}

/* With SR12 bit 1 the DAC's index reaches the cursor's colours: 0 and 15 of sixteen. */
static bool cursor_palette_write(struct cirrus *cirrus, u8 value)
{
    struct vga *vga = &cirrus->vga;
    if (!(cirrus->sr[0x12] & SR12_CURSOR_COLORS))
        return false;
    cirrus->cursor_palette[(vga->dac_write_index & 15) * 3 + vga->dac_component % 3] = value & 0x3f;
    if (++vga->dac_component >= 3) {
        vga->dac_component = 0;
        vga->dac_write_index++;
    }
    return true;
}

static bool cursor_palette_read(struct cirrus *cirrus, u8 *value)
{
    struct vga *vga = &cirrus->vga;
    if (!(cirrus->sr[0x12] & SR12_CURSOR_COLORS))
        return false;
    *value = cirrus->cursor_palette[(vga->dac_read_index & 15) * 3 + vga->dac_component % 3];
    if (++vga->dac_component >= 3) {
        vga->dac_component = 0;
        vga->dac_read_index++;
    }
    return true;
}

static bool write_port(void *opaque, unsigned port, u8 value)
{
    struct cirrus *cirrus = opaque;
    if (port >= 0x3c7 && port <= 0x3c9)
        cirrus->hidden_reads = 0;
    switch (port) {
    case 0x3c4:
        cirrus->index_sr = value;
        return false;
    case 0x3ce:
        cirrus->index_gr = value & 0x3f;
        return false;
    case 0x3b4:
    case 0x3d4:
        cirrus->index_cr = value & 0x3f;
        return false;
    case 0x3c5:
        if ((cirrus->index_sr & 0x1f) <= 4) {
            if ((cirrus->index_sr & 0x1f) == 2)
                cirrus->sr[2] = value; /* eight bits in the extended write modes */
            return false;
        }
        write_sr(cirrus, cirrus->index_sr & 0x1f, value);
        return true;
    case 0x3cf:
        if (cirrus->index_gr == GR_MODE && cirrus->gr[0x0b] & GRB_EXTENDED_WRITE) {
            cirrus->vga.gr[GR_MODE] = value & 0x7f;
            cirrus_update_windows(cirrus);
            return true;
        }
        if (cirrus->index_gr > 1 && cirrus->index_gr <= 8)
            return false;
        write_gr(cirrus, cirrus->index_gr, value);
        return true;
    case 0x3b5:
    case 0x3d5:
        if (!is_extended_cr(cirrus->index_cr))
            return false;
        cirrus->cr[cirrus->index_cr] = value;
        return true;
    case 0x3c6:
        return hidden_dac_write(cirrus, value);
    case 0x3c9:
        return cursor_palette_write(cirrus, value);
    default:
        return false;
    }
}

static bool read_port(void *opaque, unsigned port, u8 *value)
{
    struct cirrus *cirrus = opaque;
    if (port >= 0x3c7 && port <= 0x3c9)
        cirrus->hidden_reads = 0;
    switch (port) {
    case 0x3c4:
        *value = cirrus->index_sr;
        return true;
    case 0x3c5:
        if ((cirrus->index_sr & 0x1f) <= 4)
            return false;
        *value = read_sr(cirrus, cirrus->index_sr & 0x1f);
        return true;
    case 0x3ce:
        *value = cirrus->index_gr;
        return true;
    case 0x3cf:
        if (cirrus->index_gr > 1 && cirrus->index_gr <= 8)
            return false;
        *value = cirrus->gr[cirrus->index_gr];
        return true;
    case 0x3b4:
    case 0x3d4:
        *value = cirrus->index_cr;
        return true;
    case 0x3b5:
    case 0x3d5:
        if (!is_extended_cr(cirrus->index_cr))
            return false;
        *value = read_cr(cirrus, cirrus->index_cr);
        return true;
    case 0x3c6:
        return hidden_dac_read(cirrus, value);
    case 0x3c9:
        return cursor_palette_read(cirrus, value);
    default:
        return false;
    }
}

static const struct vga_extension extension = {
    .read = read_port,
    .write = write_port,
    .describe = cirrus_describe,
    .dot_clock = cirrus_dot_clock,
    .sprite = cirrus_sprite,
    .draw_sprite = cirrus_draw_sprite,
    .linear = linear,
    .direct = direct,
    .text = text,
    .window_offset = window_offset,
};

/* The chip's table. */

static void reset(void *state)
{
    struct cirrus *cirrus = state;
    if (cirrus->pci.bus)
        pci_reset(&cirrus->pci);
    memset(cirrus->sr, 0, sizeof(cirrus->sr));
    memset(cirrus->gr, 0, sizeof(cirrus->gr));
    memset(cirrus->cr, 0, sizeof(cirrus->cr));
    cirrus->unlocked = false;
    cirrus->index_sr = cirrus->index_gr = cirrus->index_cr = cirrus->hidden_dac = cirrus->hidden_reads = 0;
    memset(cirrus->cursor_palette, 0, sizeof(cirrus->cursor_palette));
    cirrus->cursor_x = cirrus->cursor_y = 0;
    cirrus->blt_waits = false;
    cirrus->blt_row = cirrus->blt_bytes = 0;
    /* "DRAM Control": 32 bits wide, 64 bits, or these in two banks: 1, 2, 4 MiB.  VCLK 0-3: 25.18, 28.32, 41.16, 36.08 MHz; MCLK. */
    cirrus->sr[0x0f] = cirrus->vga.vram_size >> 20 == 4 ? 0x98 : cirrus->vga.vram_size >> 20 == 2 ? 0x18 : 0x10;
    memcpy(cirrus->sr + 0x0b, "\x66\x5b\x45\x7e", 4);
    memcpy(cirrus->sr + 0x1b, "\x3b\x2f\x30\x33", 4);
    cirrus->sr[0x1f] = 0x1c;
    cirrus->sr[0x17] = cirrus->pci.bus ? 0x20 : 0x38;
    cirrus_update_windows(cirrus);
}

static void loaded(void *state)
{
    struct cirrus *cirrus = state;
    if (cirrus->pci.bus)
        pci_loaded(&cirrus->pci);
    cirrus_update_windows(cirrus);
}

static int check(const void *state)
{
    const struct cirrus *cirrus = state;
    return cirrus->blt_bytes < CIRRUS_BLT_ROW && cirrus->hidden_reads <= 4 && cirrus->index_gr < 64 &&
           cirrus->index_cr < 64 ? 0 : -EINVAL;
}

static const struct field fields[] = {
    FIELD_BLOB(struct cirrus, pci.config),
    FIELD_BLOB(struct cirrus, sr),
    FIELD_BLOB(struct cirrus, gr),
    FIELD_BLOB(struct cirrus, cr),
    FIELD(BOOL, struct cirrus, unlocked),
    FIELD(U8, struct cirrus, index_sr),
    FIELD(U8, struct cirrus, index_gr),
    FIELD(U8, struct cirrus, index_cr),
    FIELD(U8, struct cirrus, hidden_dac),
    FIELD(U8, struct cirrus, hidden_reads),
    FIELD_BLOB(struct cirrus, cursor_palette),
    FIELD(U16, struct cirrus, cursor_x),
    FIELD(U16, struct cirrus, cursor_y),
    FIELD(BOOL, struct cirrus, blt_waits),
    FIELD(U32, struct cirrus, blt_row),
    FIELD(U32, struct cirrus, blt_bytes),
    FIELD_BLOB(struct cirrus, blt_source),
    FIELD_END,
};

static const struct device_ops cirrus_ops = {
    .name = "cirrus", .version = 1, .fields = fields, .reset = reset, .loaded = loaded, .check = check};

/* Wiring. */

static void config_written(struct pci_device *pci, unsigned reg, unsigned size)
{
    cirrus_update_windows(pci->opaque);
}

static int copy_rom(struct cirrus *cirrus, const struct vga_config *config)
{
    if (!config->rom || !config->rom_size)
        return 0;
    for (cirrus->rom_size = 4096; cirrus->rom_size < config->rom_size; cirrus->rom_size *= 2)
        ;
    cirrus->rom = memory_alloc(cirrus->rom_size);
    cirrus->rom_flags = calloc(cirrus->rom_size / 4096, 1);
    if (!cirrus->rom || !cirrus->rom_flags)
        return -ENOMEM;
    memcpy(cirrus->rom, config->rom, config->rom_size);
    cirrus->rom_region = (struct region){.name = "cirrus-rom", .kind = REGION_ROM, .size = cirrus->rom_size,
                                         .priority = PRIORITY, .host = cirrus->rom, .page_flags = cirrus->rom_flags};
    return 0;
}

static int add_function(struct cirrus *cirrus, struct pci_bus *bus, const struct vga_config *config)
{
    struct vga *vga = &cirrus->vga;
    struct pci_device *pci = &cirrus->pci;
    if (copy_rom(cirrus, config) < 0)
        return -ENOMEM;
    cirrus->frame_buffer_io = (struct region){.name = "cirrus-aperture", .kind = REGION_MMIO, .size = APERTURE,
                                              .priority = PRIORITY, .ops = &aperture_ops, .opaque = cirrus};
    cirrus->frame_buffer = (struct region){.name = "cirrus-frame-buffer", .kind = REGION_RAM, .size = vga->vram_size,
                                           .priority = PRIORITY_DIRECT, .log_dirty = true,
                                           .ops = &vga_text_linear_ops, .opaque = vga, .host = vga->vram,
                                           .page_flags = vga->vram_flags};
    vga->linear_view = &cirrus->frame_buffer;
    cirrus->registers = (struct region){.name = "cirrus-registers", .kind = REGION_MMIO, .size = 0x1000,
                                        .priority = PRIORITY, .ops = &registers_ops, .opaque = cirrus};
    memory_add(vga->machine->memory, &cirrus->frame_buffer);
    pci_init(pci, "cirrus", 2 << 3, 0x1013, 0x00b8, 0x00, 0x030000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    pci->bars[0] = (struct pci_bar){PCI_BAR_MEM_PREFETCH, APERTURE, &cirrus->frame_buffer_io, NULL};
    pci->bars[1] = (struct pci_bar){PCI_BAR_MEM, 0x1000, &cirrus->registers, NULL};
    if (cirrus->rom)
        pci->bars[6] = (struct pci_bar){PCI_BAR_ROM, cirrus->rom_size, &cirrus->rom_region, NULL};
    pci->config_written = config_written;
    pci->opaque = cirrus;
    return pci_add(bus, pci);
}

int cirrus_init(struct cirrus *cirrus, struct machine *machine, struct pci_bus *bus, const struct vga_config *config)
{
    memset(cirrus, 0, sizeof(*cirrus));
    u32 size = config->vram_size ? config->vram_size : CIRRUS_VRAM_SIZE;
    if (config->rom_size > VGA_ROM_MAX)
        return -EFBIG;
    if (size != 1u << 20 && size != 2u << 20 && size != 4u << 20)
        return -EINVAL;
    int r = vga_init_core(&cirrus->vga, machine, size);
    if (r < 0)
        return r;
    cirrus->vga.extension = &extension;
    cirrus->vga.extension_opaque = cirrus;
    cirrus->vga.window.ops = &window_ops;
    cirrus->vga.window.opaque = cirrus;
    if (bus) {
        r = add_function(cirrus, bus, config);
        if (r < 0)
            return r;
    }
    device_add(&machine->devices, &cirrus->device_entry, &cirrus_ops, cirrus, "cirrus");
    reset(cirrus);
    return 0;
}

void cirrus_destroy(struct cirrus *cirrus)
{
    vga_destroy(&cirrus->vga);
    memory_free(cirrus->rom, cirrus->rom_size);
    free(cirrus->rom_flags);
}
