/*
 * VGA: colours and attributes that a guest changes while the beam draws, line by line.
 *
 * A viewer asks for pictures when it likes, not in step with the beam.  So the changes made inside the displayed area
 * are noted with the line where they take effect, and a picture is drawn from those of the last whole frame.  That is
 * done only where some frames before had such changes too: a change made once, anywhere in a frame, shows at once and
 * undivided, while a palette that is split anew in every frame shows its bands.
 * Modelled: DAC entries, the DAC mask, attribute registers (palette, overscan, planes, panning, colour select).
 * Not modelled: changes within a line, changes of the CRTC, sequencer and graphics controller inside a frame.
 */
#include <string.h>

#include "devices/vga_internal.h"

#define NEAR 2   /* frames: a guest on a busy host may miss one */
#define STEADY 3 /* frames with changes before: by then it is no mode being set */

void vga_raster_note(struct vga *vga, enum vga_raster_kind kind, u8 index, const u8 *value)
{
    struct vga_beam beam = vga_beam(vga);
    /* A guest that waits for blanking writes for the next line. */
    unsigned line = beam.line + (beam.character > vga->cr[CR_HORIZONTAL_DISPLAY_END] / 2u);
    if (vga_dispi_on(vga) || line >= vga_vertical_display_end(vga))
        return;
    struct vga_raster *raster = &vga->raster[vga->raster_current & 1];
    if (raster->frame != beam.frame || !raster->used) {
        unsigned run = raster->used && raster->frame + NEAR >= beam.frame ? raster->run + 1 : 0;
        vga->raster_current ^= 1;
        raster = &vga->raster[vga->raster_current & 1];
        raster->frame = beam.frame;
        raster->used = true;
        raster->run = run;
        raster->count = 0;
        raster->base = vga_shown(vga);
    }
    if (raster->count < VGA_RASTER_MAX) {
        struct vga_raster_change *change = &raster->changes[raster->count++];
        *change = (struct vga_raster_change){(u16)line, (u8)kind, index, {value[0]}};
        if (kind == RASTER_DAC)
            memcpy(change->value, value, 3);
    }
}

const struct vga_raster *vga_raster_to_draw(const struct vga *vga)
{
    const struct vga_raster *current = &vga->raster[vga->raster_current & 1];
    const struct vga_raster *before = &vga->raster[~vga->raster_current & 1];
    u64 frame = vga_beam(vga).frame;
    const struct vga_raster *whole = current->frame == frame ? before : current;
    return whole->used && whole->run >= STEADY && whole->frame < frame && whole->frame + NEAR >= frame ? whole : NULL;
}

void vga_raster_apply(struct vga_shown *shown, const struct vga_raster_change *change)
{
    switch (change->kind) {
    case RASTER_DAC:
        memcpy(shown->palette + change->index * 3, change->value, 3);
        break;
    case RASTER_DAC_MASK:
        shown->dac_mask = change->value[0];
        break;
    default:
        shown->ar[change->index & 0x1f] = change->value[0];
        break;
    }
}
