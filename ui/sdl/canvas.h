/*
 * Drawing for the window's own furniture (menu, status line): rectangles, lamps, text.
 *
 * Pixels are ARGB, not premultiplied.  Measures are in pixels of the canvas; text scales with `scale`.
 */
#ifndef UI_SDL_CANVAS_H
#define UI_SDL_CANVAS_H

#include "machine/types.h"

#define CANVAS_MAX 8192

struct canvas {
    int width, height;
    u32 *pixels; /* malloc */
    float scale; /* 1: a character takes 7x16 pixels */
};

/* Signs beside ASCII. */
#define SIGN_CHECK "\x01"
#define SIGN_RIGHT "\x02"
#define SIGN_BARS "\x03"
#define SIGN_LEFT "\x04"

/* Makes it this large and wholly transparent.  False: no memory. */
bool canvas_resize(struct canvas *canvas, int width, int height, float scale);
void canvas_free(struct canvas *canvas);

void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, u32 color);
/* A rectangle with round corners; with radius = height / 2 a lamp. */
void canvas_round(struct canvas *canvas, float x, float y, float width, float height, float radius, u32 color);
/* Returns the x behind the text.  UTF-8; what the font lacks shows as a box. */
int canvas_text(struct canvas *canvas, int x, int y, u32 color, const char *text);
/* Characters that canvas_text draws for it. */
int text_columns(const char *text);
int text_width(float scale, const char *text);
static inline int text_height(float scale)
{
    return (int)(16 * scale + 0.5f);
}

#endif
