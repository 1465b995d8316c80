/*
 * VGA: text memory as RAM.
 *
 * In text modes (and CGA's graphics) even addresses of the window are bytes of plane 0 and odd ones bytes of plane 1, and
 * nothing changes a byte on its way.  While the registers say so, the CPU gets 32 KiB of RAM at B0000h or B8000h that hold
 * those bytes side by side, and its accesses cost neither an exit of KVM nor a call.  The RAM is then the truth and the
 * planes follow: whoever looks at them calls vga_text_sync first, which finds what was written by comparison with what the
 * planes are known to hold.  (32 KiB take about a microsecond; a dirty log would cost each store a fault, or the
 * interpreter's slow path.)  A register that ends the configuration brings the planes up to date and takes the RAM away.
 *
 * Video memory as it is, in the frame buffer, shows the same bytes elsewhere: it is no RAM meanwhile.  A CPU that uses it
 * ends the mapping.  So that fonts and modes can be set at little cost, it comes back only after a number of accesses.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "Graphics Controller Registers" ("Chain
 *   Odd/Even", "Odd/Even"), "Sequencer Registers" ("Memory Mode Register"), "Video Memory Organization".
 * Not modelled: reads of the RAM do not load the latches.  A guest sees it only if it reads text memory first and chooses
 *   a write mode, function or bit mask that uses the latches afterwards; the usual order works.
 */
#include <string.h>

#include "devices/vga_internal.h"
#include "machine/machine.h"

#define CELLS (VGA_TEXT_WINDOW / 2)
#define CELLS_A_PAGE 512u /* of video memory: a cell and what the CPU does not reach there are 8 bytes */
/* Single accesses after which the RAM is worth two changes of the memory map, each of which may cost an engine what it
 * knows of memory, and KVM some milliseconds.  A program that takes it away again soon needs more of them every time. */
#define FEWEST_USES 128u
#define MOST_USES 65536u
#define SOON (NS_PER_SEC / 50)

int vga_text_create(struct vga *vga, int priority)
{
    struct vga_text_window *text = &vga->text;
    text->cells = (u16 *)memory_alloc(2 * VGA_TEXT_WINDOW);
    if (!text->cells)
        return -ENOMEM;
    text->known = text->cells + CELLS;
    text->enough = FEWEST_USES;
    text->region = (struct region){.name = "vga-text", .kind = REGION_RAM, .base = 0xb8000, .size = VGA_TEXT_WINDOW,
                                   .priority = priority, .chip_writes = true, .host = (u8 *)text->cells,
                                   .page_flags = text->page_flags};
    memory_add(vga->machine->memory, &text->region);
    return 0;
}

void vga_text_destroy(struct vga *vga)
{
    memory_free((u8 *)vga->text.cells, 2 * VGA_TEXT_WINDOW);
}

bool vga_text_is_mapped(const struct vga *vga)
{
    return vga->text.region.enabled;
}

/* Between the RAM and the planes. */

static u8 *planes_of(struct vga *vga, unsigned cell)
{
    return vga->vram + cell * 8;
}

static void fill(struct vga *vga)
{
    struct vga_text_window *text = &vga->text;
    for (unsigned i = 0; i < CELLS; i++)
        memcpy(&text->cells[i], planes_of(vga, i), 2);
    memcpy(text->known, text->cells, VGA_TEXT_WINDOW);
}

/* The guest may run on meanwhile: each cell is read once. */
static void sync_page(struct vga *vga, unsigned first)
{
    struct vga_text_window *text = &vga->text;
    for (unsigned i = first; i < first + CELLS_A_PAGE; i++) {
        u16 cell = __atomic_load_n(&text->cells[i], __ATOMIC_RELAXED);
        if (cell == text->known[i])
            continue;
        text->known[i] = cell;
        memcpy(planes_of(vga, i), &cell, 2);
    }
    vga_mark_dirty(vga, first * 8);
}

void vga_text_sync(struct vga *vga)
{
    struct vga_text_window *text = &vga->text;
    memory_settle(vga->machine->memory);
    for (unsigned i = 0; text->region.enabled && i < CELLS; i += CELLS_A_PAGE)
        if (memcmp(text->cells + i, text->known + i, CELLS_A_PAGE * 2) != 0)
            sync_page(vga, i);
}

/* The mapping. */

void vga_update_linear_view(struct vga *vga)
{
    bool plain = !vga->text.region.enabled && !vga->window.late_writes;
    if (vga->linear_view)
        vga->linear_view->kind = plain ? REGION_RAM : REGION_MMIO;
}

static void map(struct vga *vga, bool on)
{
    struct memory *memory = vga->machine->memory;
    memory_begin(memory);
    memory_move(memory, &vga->text.region, vga->text.base);
    memory_enable(memory, &vga->text.region, on);
    vga_update_linear_view(vga);
    memory_commit(memory);
}

void vga_text_forget(struct vga *vga)
{
    struct vga_text_window *text = &vga->text;
    if (!text->region.enabled)
        return;
    bool soon = clock_ns(vga->machine->clock) - text->mapped_at < SOON;
    map(vga, false);
    text->enough = soon ? MIN(text->enough * 2, MOST_USES) : FEWEST_USES;
    text->uses = 0;
}

void vga_text_leave(struct vga *vga)
{
    vga_text_sync(vga);
    vga_text_forget(vga);
}

/* "Memory Map" 2 and 3; the other two reach more than odd and even. */
static bool fits(const struct vga *vga, u32 *base)
{
    unsigned memory_map = vga->gr[GR_MISCELLANEOUS] >> 2 & 3;
    *base = memory_map == 2 ? 0xb0000 : 0xb8000;
    if (!(vga->misc & MISC_RAM_ENABLE) || memory_map < 2 || vga_dispi_on(vga))
        return false;
    if (vga->extension && vga->extension->text && !vga->extension->text(vga->extension_opaque))
        return false;
    return vga->gr[GR_MISCELLANEOUS] & MISCELLANEOUS_CHAIN_ODD_EVEN && vga->gr[GR_MODE] & GR_MODE_ODD_EVEN &&
           !(vga->sr[SR_MEMORY_MODE] & (MEMORY_SEQUENTIAL | MEMORY_CHAIN_4)) &&
           (vga->sr[SR_MAP_MASK] & 0x0f) == 0x03 && !(vga->gr[GR_READ_MAP] & 0x02) && vga_passes_bytes(vga);
}

bool vga_text_is_current(const struct vga *vga)
{
    u32 base;
    return fits(vga, &base) == vga->text.fits && base == vga->text.base;
}

void vga_text_update(struct vga *vga)
{
    struct vga_text_window *text = &vga->text;
    if (vga_text_is_current(vga))
        return;
    vga_text_leave(vga);
    text->fits = fits(vga, &text->base);
    text->uses = 0;
}

/* The map may change only where no CPU is inside guest code: not during DMA. */
static bool may_map(const struct vga *vga)
{
    return vga->machine->current_cpu >= 0;
}

void vga_text_used(struct vga *vga, u32 address)
{
    struct vga_text_window *text = &vga->text;
    if (!text->fits || text->region.enabled || address - text->base >= VGA_TEXT_WINDOW || !may_map(vga) ||
        ++text->uses < text->enough)
        return;
    text->mapped_at = clock_ns(vga->machine->clock);
    fill(vga);
    map(vga, true);
}

/* Video memory as it is. */

void vga_text_begin_linear(struct vga *vga)
{
    if (may_map(vga)) {
        vga_text_leave(vga);
        vga_gather_end(vga);
    } else {
        vga_text_sync(vga);
    }
}

void vga_text_end_linear(struct vga *vga)
{
    if (vga->text.region.enabled)
        fill(vga);
}

static u64 linear_read(void *opaque, u64 offset, unsigned size)
{
    struct vga *vga = opaque;
    u64 value = 0;
    vga_text_begin_linear(vga);
    memcpy(&value, vga->vram + (offset & (vga->vram_size - 1) & ~(u64)(size - 1)), size);
    return value;
}

static void linear_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct vga *vga = opaque;
    u32 at = (u32)(offset & (vga->vram_size - 1) & ~(u64)(size - 1));
    vga_text_begin_linear(vga);
    memcpy(vga->vram + at, &value, size);
    vga_mark_dirty(vga, at);
    vga_text_end_linear(vga);
}

const struct bus_ops vga_text_linear_ops = {.read = linear_read, .write = linear_write, .min_size = 1, .max_size = 8};
