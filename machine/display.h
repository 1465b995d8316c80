/*
 * What the graphics chip shows, for whoever draws it (window, terminal, VNC, screendump).
 */
#ifndef MACHINE_DISPLAY_H
#define MACHINE_DISPLAY_H

#include "machine/types.h"

/* A picture, 32 bits a pixel, 0x00RRGGBB, owned by the caller of display_render and grown by it. */
struct surface {
    int width, height;
    int capacity; /* pixels allocated */
    int aspect_width, aspect_height; /* shape of the whole picture on the tube (4:3), set by render; 0: square pixels */
    u32 *pixels;
};

/* The text screen as code page 437 bytes and VGA attributes. */
struct text_screen {
    int columns, rows;
    int cursor_x, cursor_y; /* -1 when hidden */
    u16 cells[132 * 60];    /* attribute << 8 | character */
};

struct display {
    /* Renders the whole picture.  0, or -ENOMEM.  Lock held. */
    int (*render)(void *opaque, struct surface *surface);
    /* False in a graphics mode. */
    bool (*text)(void *opaque, struct text_screen *screen);
    /* True if something visible changed since the last render. */
    bool (*changed)(void *opaque);
    void *opaque;
};

void surface_free(struct surface *surface);
int surface_resize(struct surface *surface, int width, int height);
/* Unicode for the 256 characters of code page 437 as the VGA shows them. */
extern const u16 cp437_to_unicode[256];

#endif
