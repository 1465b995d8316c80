/*
 * The guest's screen on a terminal's cells: its text as text, its pictures as two dots a cell.
 */
#ifndef UI_TERM_PICTURE_H
#define UI_TERM_PICTURE_H

#include "machine/display.h"
#include "ui/term/cells.h"
#include "ui/term/font.h"

/* Where what part of the guest's screen is, for the pointer. */
struct term_view {
    int x, y, columns, rows; /* on the terminal, in cells */
    int left, top;           /* of text: the first column and row that are shown; kept from one picture to the next */
    int width, height;       /* the guest's whole screen: characters or dots */
    bool text;
};

/* Both fill the whole grid.  A terminal that is too small for the text shows the part around the cursor.  font: of this
 * screen; NULL: code page 437. */
void term_show_text(struct term_grid *grid, const struct text_screen *screen, const struct term_font *font,
                    struct term_view *view);
void term_show_picture(struct term_grid *grid, const struct surface *surface, struct term_view *view);

#endif
