/*
 * A terminal's screen as cells, and the bytes that turn what it shows into what it should show.
 */
#ifndef UI_TERM_CELLS_H
#define UI_TERM_CELLS_H

#include <stddef.h>

#include "machine/types.h"

#define TERM_COLUMNS_MAX 1000
#define TERM_ROWS_MAX 500

enum term_depth { TERM_16, TERM_256, TERM_TRUE };

struct term_cell {
    u32 code;   /* Unicode */
    u32 fg, bg; /* 0x00RRGGBB */
    bool blink, underline;
};

struct term_grid {
    int columns, rows;
    int cursor_x, cursor_y; /* -1: hidden */
    struct term_cell *cells;
};

struct term_out {
    char *data;
    size_t length, capacity;
    bool failed; /* no memory: something is missing */
};

/* What a terminal shows. */
struct term_screen {
    enum term_depth depth;
    struct term_grid grid; /* with colours as the terminal numbers them */
    bool known;            /* false: everything is sent anew */
    struct term_cell pen;  /* colours in force */
    int x, y;              /* where the terminal's cursor is; y -1: unknown */
    bool cursor_on;
};

/* From $TERM and $COLORTERM, either of which may be NULL. */
enum term_depth term_depth_of(const char *term, const char *colorterm);
/* As SGR has it: 0x00RRGGBB, or a number in the palette. */
u32 term_color(enum term_depth depth, u32 rgb);

/* All cells blank.  False: no memory. */
bool term_grid_resize(struct term_grid *grid, int columns, int rows);
void term_grid_clear(struct term_grid *grid);
void term_grid_text(struct term_grid *grid, int x, int y, const char *ascii, u32 fg, u32 bg);
void term_grid_free(struct term_grid *grid);

void term_out_put(struct term_out *out, const char *text);
/* Appends what changes the screen to `wanted`; nothing if they are the same. */
void term_screen_update(struct term_screen *screen, const struct term_grid *wanted, struct term_out *out);
void term_screen_free(struct term_screen *screen);

#endif
