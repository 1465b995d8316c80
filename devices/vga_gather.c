/*
 * VGA: planar graphics, whose writes the engine may gather (machine/memory.h, late_writes).
 *
 * The window of 16-colour modes and of mode X is never RAM: each write goes through the data path.  But a write shows
 * only in what is read later, so KVM may note it and let the guest go on.  All that looks comes by the window (reads,
 * which load the latches), a port (registers), vga_text_sync (viewers, saving), or video memory as it is, in the frame
 * buffer; an engine makes the gathered writes before the first two, vga_text_sync has them made, and the frame buffer is
 * no RAM meanwhile.  A CPU that uses it ends the gathering.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "Graphics Controller Registers".
 * Not gathered: text modes, which have RAM (vga_text_window.c) but for fonts and the like.
 */
#include "devices/vga_internal.h"
#include "machine/machine.h"

/* As for text memory: a program that soon makes us change the map again has to use the window more. */
#define FEWEST_USES 128u
#define MOST_USES 65536u
#define SOON (NS_PER_SEC / 50)

static void set(struct vga *vga, bool late)
{
    struct memory *memory = vga->machine->memory;
    memory_begin(memory);
    vga->window.late_writes = late;
    vga_update_linear_view(vga);
    memory_commit(memory);
}

void vga_gather_end(struct vga *vga)
{
    struct vga_gather *gather = &vga->gather;
    gather->uses = 0;
    if (!vga->window.late_writes)
        return;
    bool soon = clock_ns(vga->machine->clock) - gather->since < SOON;
    memory_settle(vga->machine->memory);
    set(vga, false);
    gather->enough = soon ? MIN(MAX(gather->enough, FEWEST_USES) * 2, MOST_USES) : FEWEST_USES;
}

/* An extension's window may be more than memory. */
static bool fits(const struct vga *vga)
{
    if (!vga_is_graphics(vga) || !(vga->misc & MISC_RAM_ENABLE) || vga->direct.enabled || vga->text.fits ||
        vga_dispi_linear(vga))
        return false;
    return !vga->extension || (vga->extension->text && vga->extension->text(vga->extension_opaque));
}

bool vga_gather_is_current(const struct vga *vga)
{
    return fits(vga) == vga->gather.fits;
}

void vga_gather_update(struct vga *vga)
{
    if (vga_gather_is_current(vga))
        return;
    vga_gather_end(vga);
    vga->gather.fits = !vga->gather.fits;
}

/* The map may change only where no CPU is inside guest code: not during DMA. */
void vga_gather_used(struct vga *vga)
{
    struct vga_gather *gather = &vga->gather;
    if (!gather->fits || vga->window.late_writes || vga->machine->current_cpu < 0 ||
        ++gather->uses < MAX(gather->enough, FEWEST_USES))
        return;
    gather->since = clock_ns(vga->machine->clock);
    set(vga, true);
}
