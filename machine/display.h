/*
 * What the graphics chip shows, for whoever draws it (window, terminal, VNC, screendump).
 */
#ifndef MACHINE_DISPLAY_H
#define MACHINE_DISPLAY_H

#include "machine/types.h"

/*
 * A picture, 32 bits a pixel, 0x00RRGGBB, owned by whoever shows it: all zero at first, grown and filled by render, and
 * handed to render again for the next picture, so that only what changed in between is drawn.  Each viewer (window,
 * VNC, screendump) has a surface of its own.
 */
struct surface {
    int width, height; /* without repetition: mode 13h is 320x200, text of 9-dot characters 720x400 */
    int capacity;      /* pixels allocated */
    u32 *pixels;
    /* Set by render, with width and height. */
    int aspect_width, aspect_height; /* shape of the whole picture on the tube (4:3); 0: square pixels */
    int dirty_first, dirty_end;      /* lines that the last render changed; none if equal, all after a resize */
    u32 border;                      /* overscan colour, 0x00RRGGBB */
    u64 generation;                  /* of the picture in here; set it to 0 to have all of it drawn anew */
};

#define TEXT_FONT_BYTES (256 * 32) /* 32 bytes a glyph, its scan lines first */

/* The text screen as bytes, of code page 437 but for fonts that the guest has loaded, and VGA attributes. */
struct text_screen {
    int columns, rows;
    int cursor_x, cursor_y; /* -1 when hidden */
    u16 cells[132 * 60];    /* attribute << 8 | character */
    u32 colors[16];         /* of the attributes' halves, 0x00RRGGBB */
    bool blinks;            /* bit 7 of an attribute is blinking, not the brightness of the background */
    bool underlines;        /* characters of blue on black (attribute & 77h = 1) are underlined */
    int lines;              /* scan lines of a character */
    u8 fonts[2][TEXT_FONT_BYTES]; /* bit 3 of an attribute clear, set */
};

struct display {
    /* Brings the surface up to date.  0, or -ENOMEM.  Lock held. */
    int (*render)(void *opaque, struct surface *surface);
    /* False in a graphics mode. */
    bool (*text)(void *opaque, struct text_screen *screen);
    /* True if something visible changed since the last render. */
    bool (*changed)(void *opaque);
    /* Of the picture that the last render made, for whichever surface. */
    u64 (*generation)(void *opaque);
    void *opaque;
};

/* A render would, or may, change this surface. */
static inline bool display_stale(const struct display *display, const struct surface *surface)
{
    return display->changed(display->opaque) || surface->generation != display->generation(display->opaque);
}

void surface_free(struct surface *surface);
int surface_resize(struct surface *surface, int width, int height);
/* Unicode for the 256 characters of code page 437 as the VGA shows them. */
extern const u16 cp437_to_unicode[256];

#endif
