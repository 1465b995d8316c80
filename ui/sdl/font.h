/*
 * The window's letters, as pen strokes.
 */
#ifndef UI_SDL_FONT_H
#define UI_SDL_FONT_H

/* A cell is 7 units wide and 16 high. */
#define FONT_WIDTH 7
#define FONT_HEIGHT 16

/* The strokes of a character: lines of points separated by blanks; a point is its column as a decimal and its row as a
 * hexadecimal digit.  Code points that it lacks give a box. */
const char *font_strokes(unsigned code);

#endif
