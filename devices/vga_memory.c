/*
 * VGA memory as the CPU sees it at A0000h-BFFFFh: four planes behind a data path with latches.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "Graphics Controller Registers", "Video
 *   Memory Organization"; FreeVGA, "Accessing the VGA Display Memory".
 * Modelled: write modes 0-3, read modes 0 and 1, rotate, set/reset, logical functions, bit mask, map mask, odd/even
 *   and chain-4 addressing, the four places of the window, and the 64 KiB bank of DISPI modes.  Text memory is RAM for
 *   most of the time: vga_text_window.c.
 * Differs from IBM's VGA: chain-4 packs its bytes densely (address a is plane a & 3, offset a >> 2), as Super VGAs do,
 *   instead of using every fourth offset; so the linear frame buffer and the window show the same bytes, and a
 *   chain-4 window without data path functions is mapped straight into the CPU's memory.
 * Not modelled: the page bit of odd/even addressing (Miscellaneous Output bit 5): page 0 always.
 */
#include <string.h>

#include "devices/vga_internal.h"
#include "machine/machine.h"

#define DIRECT_SIZE 0x10000u

/* One byte a plane, moved together; plane p is byte p whatever the host's byte order. */
static u32 load_planes(const u8 *at)
{
    u32 planes;
    memcpy(&planes, at, 4);
    return planes;
}

static void store_planes(u8 *at, u32 planes)
{
    memcpy(at, &planes, 4);
}

/* FFh in the planes whose bit is set. */
static u32 expand(unsigned bits)
{
    u8 planes[4];
    for (int p = 0; p < 4; p++)
        planes[p] = bits >> p & 1 ? 0xff : 0;
    return load_planes(planes);
}

static u32 all_planes(u8 value)
{
    return value * 0x01010101u;
}

static u32 combine(const struct vga *vga, u32 data, u32 latch)
{
    switch (vga->gr[GR_DATA_ROTATE] >> 3 & 3) {
    case 1:
        return data & latch;
    case 2:
        return data | latch;
    case 3:
        return data ^ latch;
    default:
        return data;
    }
}

static u8 rotate(const struct vga *vga, u8 value)
{
    unsigned by = vga->gr[GR_DATA_ROTATE] & 7;
    return (u8)(value >> by | value << (8 - by));
}

/* What the data path makes of a byte from the CPU. */
static u32 data_path(const struct vga *vga, u8 value)
{
    u32 latch = load_planes(vga->latch);
    u32 mask = all_planes(vga->gr[GR_BIT_MASK]);
    u32 set = expand(vga->gr[GR_SET_RESET]), enable = expand(vga->gr[GR_ENABLE_SET_RESET]);
    u32 data;
    switch (vga->gr[GR_MODE] & 3) {
    case 0:
        data = (all_planes(rotate(vga, value)) & ~enable) | (set & enable);
        break;
    case 1:
        return latch;
    case 2:
        data = expand(value);
        break;
    default:
        mask &= all_planes(rotate(vga, value));
        data = set;
        break;
    }
    return (combine(vga, data, latch) & mask) | (latch & ~mask);
}

void vga_mark_dirty(struct vga *vga, u32 at)
{
    const u8 dirty = PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE;
    u8 *flags = &vga->vram_flags[at >> 12];
    if ((__atomic_load_n(flags, __ATOMIC_RELAXED) & dirty) != dirty)
        __atomic_fetch_or(flags, dirty, __ATOMIC_RELAXED);
}

static void write_planes(struct vga *vga, u32 offset, u8 value, unsigned planes)
{
    u32 at = offset * 4 & (vga->vram_size - 1);
    u32 keep = ~expand(planes);
    u8 *host = vga->vram + at;
    store_planes(host, (load_planes(host) & keep) | (data_path(vga, value) & ~keep));
    vga_mark_dirty(vga, at);
}

/* Read mode 1: a bit for each pixel whose cared-for planes match the colour. */
static u8 compare(const struct vga *vga)
{
    u32 care = expand(vga->gr[GR_COLOR_DONT_CARE]);
    u32 differs = (load_planes(vga->latch) ^ expand(vga->gr[GR_COLOR_COMPARE])) & care;
    differs |= differs >> 16;
    differs |= differs >> 8;
    return (u8)~differs;
}

static u8 read_planes(struct vga *vga, u32 offset, unsigned plane)
{
    memcpy(vga->latch, vga->vram + (offset * 4 & (vga->vram_size - 1)), 4);
    return vga->gr[GR_MODE] & 0x08 ? compare(vga) : vga->latch[plane & 3];
}

/* Addresses. */

/* The offset in the window (64 or 128 KiB), or false where the window is not. */
static bool place(const struct vga *vga, u32 address, u32 *offset)
{
    static const struct {
        u32 start, size;
    } windows[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned map = vga->gr[GR_MISCELLANEOUS] >> 2 & 3;
    *offset = address - windows[map].start;
    return vga->misc & MISC_RAM_ENABLE && *offset < windows[map].size;
}

static u32 bank_start(const struct vga *vga)
{
    return (u32)vga->dispi[DISPI_BANK] << 16 & (vga->vram_size - 1);
}

/* True where the window shows linear memory, from *start on. */
static bool is_linear(const struct vga *vga, u32 *start)
{
    if (vga->extension && vga->extension->linear)
        return vga->extension->linear(vga->extension_opaque, start);
    *start = bank_start(vga);
    return vga_dispi_linear(vga);
}

static u32 linear_address(const struct vga *vga, u32 start, u32 offset)
{
    return (start + (offset & 0xffff)) & (vga->vram_size - 1);
}

static u32 extended_offset(const struct vga *vga, u32 offset)
{
    if (vga->extension && vga->extension->window_offset)
        return vga->extension->window_offset(vga->extension_opaque, offset);
    /* A 16-colour DISPI mode may be larger than 64 KiB a plane. */
    return vga_dispi_on(vga) ? offset + bank_start(vga) : offset;
}

/* "Chain Odd/Even": A0 selects the plane; in the 128 KiB window A16 takes its place. */
static u32 plane_offset(const struct vga *vga, u32 offset)
{
    if (vga->gr[GR_MISCELLANEOUS] & MISCELLANEOUS_CHAIN_ODD_EVEN)
        offset = (offset & ~1u) | (offset >> 16 & 1);
    return extended_offset(vga, offset & (VGA_PLANE_SIZE - 1));
}

u8 vga_window_read(struct vga *vga, u32 address)
{
    u32 offset, start;
    if (!place(vga, address, &offset))
        return 0xff;
    if (is_linear(vga, &start))
        return vga->vram[linear_address(vga, start, offset)];
    if (vga->sr[SR_MEMORY_MODE] & MEMORY_CHAIN_4)
        return read_planes(vga, offset >> 2, offset & 3);
    unsigned plane = vga->gr[GR_READ_MAP] & 3;
    if (vga->gr[GR_MODE] & GR_MODE_ODD_EVEN)
        plane = (plane & 2) | (offset & 1);
    return read_planes(vga, plane_offset(vga, offset), plane);
}

void vga_window_write(struct vga *vga, u32 address, u8 value)
{
    u32 offset, start;
    if (!place(vga, address, &offset))
        return;
    unsigned planes = vga->sr[SR_MAP_MASK] & 0x0f;
    if (is_linear(vga, &start)) {
        u32 at = linear_address(vga, start, offset);
        vga->vram[at] = value;
        vga_mark_dirty(vga, at);
    } else if (vga->sr[SR_MEMORY_MODE] & MEMORY_CHAIN_4) {
        write_planes(vga, offset >> 2, value, planes & 1u << (offset & 3));
    } else {
        if (!(vga->sr[SR_MEMORY_MODE] & MEMORY_SEQUENTIAL))
            planes &= offset & 1 ? 0x0a : 0x05;
        write_planes(vga, plane_offset(vga, offset), value, planes);
    }
}

static u64 window_read(void *opaque, u64 offset, unsigned size)
{
    u64 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (u64)vga_window_read(opaque, (u32)offset + i) << 8 * i;
    vga_text_used(opaque, VGA_WINDOW_BASE + (u32)offset);
    vga_gather_used(opaque);
    return value;
}

static void window_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        vga_window_write(opaque, (u32)offset + i, (u8)(value >> 8 * i));
    vga_text_used(opaque, VGA_WINDOW_BASE + (u32)offset);
    vga_gather_used(opaque);
}

const struct bus_ops vga_window_ops = {.read = window_read, .write = window_write, .min_size = 1, .max_size = 8};

/* The direct mapping. */

bool vga_passes_bytes(const struct vga *vga)
{
    return !(vga->gr[GR_MODE] & 0x0b) && !(vga->gr[GR_ENABLE_SET_RESET] & 0x0f) && !vga->gr[GR_DATA_ROTATE] &&
           vga->gr[GR_BIT_MASK] == 0xff;
}

static bool is_plain_chain_4(const struct vga *vga)
{
    return vga->sr[SR_MEMORY_MODE] & MEMORY_CHAIN_4 && (vga->sr[SR_MAP_MASK] & 0x0f) == 0x0f && vga_passes_bytes(vga);
}

static bool decide_direct(const struct vga *vga, u32 *start)
{
    bool window_at_a0000 = (vga->gr[GR_MISCELLANEOUS] >> 2 & 3) <= 1;
    if (!(vga->misc & MISC_RAM_ENABLE) || !window_at_a0000)
        return false;
    if (vga->extension && vga->extension->direct && !vga->extension->direct(vga->extension_opaque))
        return false;
    if (is_linear(vga, start))
        return !(*start & 0xfff) && *start + DIRECT_SIZE <= vga->vram_size;
    *start = 0;
    return is_plain_chain_4(vga);
}

bool vga_is_direct(const struct vga *vga)
{
    return vga->direct.enabled;
}

/* Is the direct mapping as the registers want it?  *host: where it shall begin, NULL: nowhere. */
static bool direct_is_current(const struct vga *vga, u8 **host)
{
    u32 start = 0;
    *host = decide_direct(vga, &start) ? vga->vram + start : NULL;
    return *host == (vga->direct.enabled ? vga->direct.host : NULL);
}

static void update_direct(struct vga *vga)
{
    struct region *direct = &vga->direct;
    u8 *host;
    if (direct_is_current(vga, &host))
        return;
    memory_begin(vga->machine->memory);
    memory_enable(vga->machine->memory, direct, false);
    if (host) {
        direct->host = host;
        direct->page_flags = vga->vram_flags + (host - vga->vram) / 4096;
        memory_enable(vga->machine->memory, direct, true);
    }
    memory_commit(vga->machine->memory);
}

/* Most writes to registers change no mapping; a commit of the map would take microseconds. */
void vga_update_direct(struct vga *vga)
{
    u8 *host;
    if (vga_text_is_current(vga) && direct_is_current(vga, &host) && vga_gather_is_current(vga))
        return;
    memory_begin(vga->machine->memory);
    vga_text_update(vga);
    update_direct(vga);
    vga_gather_update(vga);
    memory_commit(vga->machine->memory);
}
