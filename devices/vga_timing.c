/*
 * VGA: where the beam is.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "CRT Controller Registers", "Input Status
 *   Register 1", "Miscellaneous Output Register"; FreeVGA, "VGA Timing Details".
 * Modelled: dot clocks of 25.175 and 28.322 MHz and their halves, 8 and 9 dots a character, totals, display ends,
 *   vertical retrace, a line counter clocked by every second line; the start address and the preset row scan, which the
 *   CRTC takes over at vertical retrace.  A DISPI mode has no timing of its own: 640x480's.
 * Not modelled: external clocks (they run as 25.175 MHz), blanking inside the displayed area, interlace, sync disabled.
 */
#include "devices/vga_internal.h"
#include "machine/machine.h"

enum { STATUS1_DISABLED = 0x01, STATUS1_RETRACE = 0x08 };
#define CR17_LINE_CLOCK_HALF 0x04

static unsigned line_factor(const struct vga *vga)
{
    return vga->cr[CR_MODE] & CR17_LINE_CLOCK_HALF ? 2 : 1;
}

unsigned vga_vertical_display_end(const struct vga *vga)
{
    u8 overflow = vga->cr[CR_OVERFLOW];
    return ((vga->cr[CR_VERTICAL_DISPLAY_END] | (overflow & 0x02u) << 7 | (overflow & 0x40u) << 3) + 1) *
           line_factor(vga);
}

static unsigned vertical_total(const struct vga *vga)
{
    u8 overflow = vga->cr[CR_OVERFLOW];
    return ((vga->cr[CR_VERTICAL_TOTAL] | (overflow & 0x01u) << 8 | (overflow & 0x20u) << 4) + 2) * line_factor(vga);
}

static unsigned retrace_start(const struct vga *vga)
{
    u8 overflow = vga->cr[CR_OVERFLOW];
    return (vga->cr[CR_VERTICAL_RETRACE_START] | (overflow & 0x04u) << 6 | (overflow & 0x80u) << 2) * line_factor(vga);
}

static bool in_retrace(const struct vga *vga, unsigned line)
{
    unsigned length = (vga->cr[CR_VERTICAL_RETRACE_END] - vga->cr[CR_VERTICAL_RETRACE_START]) & 15;
    return line - retrace_start(vga) < MAX(length, 1u) * line_factor(vga);
}

static u64 dot_clock(const struct vga *vga)
{
    u64 hz = vga->misc & 0x04 ? 28322000 : 25175000;
    if (vga->extension && vga->extension->dot_clock)
        hz = vga->extension->dot_clock(vga->extension_opaque, hz);
    return vga->sr[SR_CLOCKING_MODE] & CLOCKING_HALF ? hz / 2 : hz;
}

struct vga_beam vga_beam(const struct vga *vga)
{
    u64 characters = clock_ticks(vga->machine->clock, dot_clock(vga)) /
                     (vga->sr[SR_CLOCKING_MODE] & CLOCKING_8_DOTS ? 8 : 9);
    unsigned across = vga->cr[CR_HORIZONTAL_TOTAL] + 5u, down = vertical_total(vga);
    u64 lines = characters / across;
    return (struct vga_beam){lines / down, (unsigned)(lines % down), (unsigned)(characters % across)};
}

static u8 dispi_status(const struct vga *vga)
{
    u64 dots = clock_ticks(vga->machine->clock, 25175000);
    unsigned line = (unsigned)(dots / 800 % 525), dot = (unsigned)(dots % 800);
    return (line >= 480 || dot >= 640 ? STATUS1_DISABLED : 0) | (line >= 490 && line < 492 ? STATUS1_RETRACE : 0);
}

u8 vga_retrace_status(const struct vga *vga)
{
    if (vga_dispi_on(vga))
        return dispi_status(vga);
    struct vga_beam beam = vga_beam(vga);
    bool disabled = beam.line >= vga_vertical_display_end(vga) || beam.character > vga->cr[CR_HORIZONTAL_DISPLAY_END];
    return (disabled ? STATUS1_DISABLED : 0) | (in_retrace(vga, beam.line) ? STATUS1_RETRACE : 0);
}

/* The start address. */

/* Vertical retraces begun so far. */
static u64 retraces(const struct vga *vga)
{
    struct vga_beam beam = vga_beam(vga);
    return beam.frame + (beam.line >= retrace_start(vga));
}

void vga_start_changes(struct vga *vga)
{
    u64 now = retraces(vga);
    if (now == vga->start_retrace)
        return; /* written before in this frame: the CRTC still shows what was there then */
    vga->start_retrace = now;
    vga->start_shown = (u16)(vga->cr[CR_START_HIGH] << 8 | vga->cr[CR_START_LOW]);
    vga->preset_shown = vga->cr[CR_PRESET_ROW_SCAN];
}

struct vga_start vga_start(const struct vga *vga)
{
    if (retraces(vga) == vga->start_retrace)
        return (struct vga_start){vga->start_shown, vga->preset_shown};
    return (struct vga_start){(u16)(vga->cr[CR_START_HIGH] << 8 | vga->cr[CR_START_LOW]), vga->cr[CR_PRESET_ROW_SCAN]};
}
