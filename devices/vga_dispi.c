/*
 * Bochs "DISPI" extensions of the VGA: high-resolution modes, their registers in ports and in BAR2, and the monitor.
 *
 * Source: the interface as the Bochs VBE documentation (vbe_display_api.txt) describes it, and docs of the PCI
 *   variant's BAR2; VESA E-EDID standard 1.3 for the monitor's identification.
 * Modelled: all registers (ID b0c0h-b0c5h), 4, 8, 15, 16, 24 and 32 bits a pixel, banks, virtual screen and offsets,
 *   GETCAPS, 8-bit DAC, NOCLEARMEM.  Any value is accepted and brought into range, also while a mode is on.
 * Not modelled: the big-endian frame buffer switch (reads say little-endian, writes are ignored).
 */
#include <string.h>

#include "devices/vga_internal.h"
#include "machine/machine.h"
#include "machine/trace.h"

#define ID_FIRST 0xb0c0
#define ID_LAST 0xb0c5
#define MAX_XRES 16000
#define MAX_YRES 12000
#define MAX_BPP 32

/* BAR2. */
#define MMIO_VGA 0x400
#define MMIO_DISPI 0x500
#define MMIO_EXTENSION 0x600
#define LITTLE_ENDIAN_TAG 0x1e1e1e1eu

bool vga_dispi_on(const struct vga *vga)
{
    return vga->dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

bool vga_dispi_linear(const struct vga *vga)
{
    return vga_dispi_on(vga) && vga->dispi[DISPI_BPP] > 4;
}

static u32 line_bytes(unsigned bpp, u32 width)
{
    return bpp == 4 ? width / 8 : width * ((bpp + 7) / 8); /* 16 colours: bytes of one plane */
}

u32 vga_dispi_line_bytes(const struct vga *vga)
{
    return line_bytes(vga->dispi[DISPI_BPP], vga->dispi[DISPI_VIRT_WIDTH]);
}

u16 vga_dispi_valid_bpp(u16 bpp)
{
    return bpp == 4 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32 ? bpp : 8;
}

static u16 clamp(u32 value, u32 low, u32 high)
{
    return (u16)(value < low ? low : MIN(value, high));
}

/* Bring the registers of a mode that is on into range and into memory. */
static void sanitise(struct vga *vga)
{
    u16 *r = vga->dispi;
    u32 plane_memory = vga_dispi_valid_bpp(r[DISPI_BPP]) == 4 ? vga->vram_size / 4 : vga->vram_size;
    r[DISPI_BPP] = vga_dispi_valid_bpp(r[DISPI_BPP]);
    r[DISPI_XRES] = clamp(r[DISPI_XRES] & ~7u, 8, MAX_XRES);
    r[DISPI_YRES] = clamp(r[DISPI_YRES], 1, MIN(MAX_YRES, plane_memory / line_bytes(r[DISPI_BPP], r[DISPI_XRES])));
    r[DISPI_VIRT_WIDTH] = clamp(r[DISPI_VIRT_WIDTH] & ~7u, r[DISPI_XRES], 0xfff8);
    u32 lines = plane_memory / vga_dispi_line_bytes(vga);
    if (lines < r[DISPI_YRES]) {
        r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
        lines = plane_memory / vga_dispi_line_bytes(vga);
    }
    r[DISPI_VIRT_HEIGHT] = clamp(lines, 1, 0xffff);
    /* A picture may begin anywhere in a line of memory; its lines then go on in the next. */
    r[DISPI_X_OFFSET] = clamp(r[DISPI_X_OFFSET], 0, r[DISPI_VIRT_WIDTH] - 1u);
    r[DISPI_Y_OFFSET] = clamp(r[DISPI_Y_OFFSET], 0, r[DISPI_VIRT_HEIGHT] - r[DISPI_YRES]);
}

static void mark_all(struct vga *vga, u32 bytes)
{
    for (u32 page = 0; page < (bytes + 4095) / 4096; page++)
        __atomic_fetch_or(&vga->vram_flags[page], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE, __ATOMIC_RELAXED);
}

static void clear_screen(struct vga *vga)
{
    u32 bytes = vga_dispi_line_bytes(vga) * vga->dispi[DISPI_YRES] * (vga->dispi[DISPI_BPP] == 4 ? 4 : 1);
    bytes = MIN(bytes, vga->vram_size);
    vga_text_leave(vga);
    memset(vga->vram, 0, bytes);
    mark_all(vga, bytes);
}

static void write_enable(struct vga *vga, u16 value)
{
    u16 *r = vga->dispi;
    bool was_on = vga_dispi_on(vga);
    r[DISPI_ENABLE] = value;
    if (!vga_dispi_on(vga)) {
        r[DISPI_BANK] = 0;
        return;
    }
    if (was_on)
        return;
    r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
    r[DISPI_X_OFFSET] = r[DISPI_Y_OFFSET] = r[DISPI_BANK] = 0;
    sanitise(vga);
    trace(VGA, "DISPI mode %ux%u, %u bits", r[DISPI_XRES], r[DISPI_YRES], r[DISPI_BPP]);
    if (!(value & DISPI_NOCLEARMEM))
        clear_screen(vga);
}

static void write_dispi(struct vga *vga, unsigned index, u16 value)
{
    trace(VGA, "DISPI %x = %04x", index, value);
    switch (index) {
    case DISPI_ID:
        if (value >= ID_FIRST && value <= ID_LAST)
            vga->dispi[DISPI_ID] = value;
        return;
    case DISPI_ENABLE:
        write_enable(vga, value);
        break;
    case DISPI_BANK:
        vga->dispi[DISPI_BANK] = value & (vga->vram_size / 0x10000 - 1);
        break;
    case DISPI_XRES:
    case DISPI_YRES:
    case DISPI_BPP:
    case DISPI_VIRT_WIDTH:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        vga->dispi[index] = value;
        break;
    default: /* virtual height and memory are read-only */
        return;
    }
    if (vga_dispi_on(vga))
        sanitise(vga);
    vga->changed = true;
    vga_update_direct(vga);
}

static u16 read_dispi(const struct vga *vga, unsigned index)
{
    bool caps = vga->dispi[DISPI_ENABLE] & DISPI_GETCAPS;
    switch (index) {
    case DISPI_XRES:
        return caps ? MAX_XRES : vga->dispi[index];
    case DISPI_YRES:
        return caps ? MAX_YRES : vga->dispi[index];
    case DISPI_BPP:
        return caps ? MAX_BPP : vga->dispi[index];
    case DISPI_MEMORY_64K:
        return vga->vram_size / 0x10000;
    default:
        return index < VGA_DISPI_REGISTERS ? vga->dispi[index] : 0;
    }
}

void vga_dispi_reset(struct vga *vga)
{
    memset(vga->dispi, 0, sizeof(vga->dispi));
    vga->dispi_index = 0;
    vga->dispi[DISPI_ID] = ID_LAST;
}

/* Ports 1CEh and 1CFh (1D0h). */

static u64 index_read(void *opaque, u64 offset, unsigned size)
{
    return ((struct vga *)opaque)->dispi_index;
}

static void index_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    ((struct vga *)opaque)->dispi_index = (u16)value;
}

static u64 data_read(void *opaque, u64 offset, unsigned size)
{
    struct vga *vga = opaque;
    return read_dispi(vga, vga->dispi_index);
}

static void data_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct vga *vga = opaque;
    write_dispi(vga, vga->dispi_index, (u16)value);
}

const struct bus_ops vga_dispi_index_ops = {.read = index_read, .write = index_write, .min_size = 2, .max_size = 2};
const struct bus_ops vga_dispi_data_ops = {.read = data_read, .write = data_write, .min_size = 2, .max_size = 2};

/* BAR2. */

static u8 extension_byte(unsigned at)
{
    static const u32 words[2] = {8, LITTLE_ENDIAN_TAG};
    return at < 8 ? (u8)(words[at / 4] >> at % 4 * 8) : 0xff;
}

static u8 register_byte(struct vga *vga, u32 at)
{
    if (at < 256)
        return at < sizeof(vga->edid) ? vga->edid[at] : 0;
    if (at >= MMIO_VGA && at < MMIO_VGA + 0x20)
        return vga_port_read(vga, 0x3c0 + at - MMIO_VGA);
    if (at >= MMIO_DISPI && at < MMIO_DISPI + 2 * (DISPI_MEMORY_64K + 1))
        return (u8)(read_dispi(vga, (at - MMIO_DISPI) / 2) >> (at & 1) * 8);
    if (at >= MMIO_EXTENSION)
        return extension_byte(at - MMIO_EXTENSION);
    return 0xff;
}

static u64 registers_read(void *opaque, u64 offset, unsigned size)
{
    u32 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (u32)register_byte(opaque, (u32)offset + i) << 8 * i;
    return value;
}

static void registers_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct vga *vga = opaque;
    u32 at = (u32)offset;
    if (at >= MMIO_VGA && at + size <= MMIO_VGA + 0x20) {
        for (unsigned i = 0; i < size; i++)
            vga_port_write(vga, 0x3c0 + at + i - MMIO_VGA, (u8)(value >> 8 * i));
    } else if (at >= MMIO_DISPI && at < MMIO_DISPI + 2 * (DISPI_MEMORY_64K + 1) && !(at & 1)) {
        for (unsigned i = 0; i < size; i += 2) /* the registers are 16 bits wide; a byte is zero-extended */
            write_dispi(vga, (at + i - MMIO_DISPI) / 2, (u16)(value >> 8 * i));
    }
}

const struct bus_ops vga_registers_ops = {
    .read = registers_read, .write = registers_write, .min_size = 1, .max_size = 4};

/* The monitor: 1024x768 at 60 Hz preferred, VESA E-EDID 1.3. */

static void put_text(u8 *descriptor, u8 tag, const char *text)
{
    size_t length = strlen(text);
    memset(descriptor, 0, 5);
    descriptor[3] = tag;
    memset(descriptor + 5, ' ', 13);
    memcpy(descriptor + 5, text, length);
    descriptor[5 + length] = '\n';
}

void vga_make_edid(struct vga *vga)
{
    static const u8 head[54] = {
        0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
        0x0d, 0x95, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, /* "CLU", product 1, serial 1 */
        1, 30, 1, 3,                                    /* week 1 of 2020; EDID 1.3 */
        0x08, 32, 24, 120, 0x0a,                        /* analog; 32 x 24 cm; gamma 2.2; RGB, preferred timing */
        0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* sRGB primaries */
        0x21, 0x08, 0x00,                               /* 640x480, 800x600, 1024x768 at 60 Hz */
        0x31, 0x40, 0x45, 0x40, 0x61, 0x40, 0x81, 0x80, /* 640x480 800x600 1024x768 1280x1024 */
        0x81, 0x00, 0xa9, 0x40, 0xd1, 0xc0, 0xd1, 0x00, /* 1280x800 1600x1200 1920x1080 1920x1200 */
    };
    static const u8 timing[18] = {
        0x64, 0x19,             /* 65.00 MHz */
        0x00, 0x40, 0x41,       /* 1024 + 320 */
        0x00, 0x26, 0x30,       /* 768 + 38 */
        24, 136, 0x36, 0x00,    /* sync: 24 + 136 pixels, 3 + 6 lines */
        0x40, 0xf0, 0x10, 0, 0, /* 320 x 240 mm */
        0x18,
    };
    static const u8 limits[18] = {0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 23, 0, '\n', ' ', ' ', ' ', ' ', ' ', ' '};
    u8 *edid = vga->edid, sum = 0;
    memset(edid, 0, sizeof(vga->edid));
    memcpy(edid, head, sizeof(head));
    memcpy(edid + 54, timing, sizeof(timing));
    memcpy(edid + 72, limits, sizeof(limits));
    put_text(edid + 90, 0xfc, "Clutch");
    put_text(edid + 108, 0xff, "1");
    for (int i = 0; i < 127; i++)
        sum += edid[i];
    edid[127] = (u8)-sum;
}
