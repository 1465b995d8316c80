/*
 * The guest's screen on a terminal's cells.
 *
 * Source: cp437_to_unicode; Unicode, "Block Elements" (2580 UPPER HALF BLOCK).
 * Modelled: attributes with the palette's colours, blinking, underlining, fonts that the guest has loaded as far as font.c
 *   reads them, cursor; pictures in the shape of the tube, dots averaged.
 */
#include "ui/term/picture.h"

#define UPPER_HALF_BLOCK 0x2580

/* --- text ---------------------------------------------------------------------------------------------------------- */

/* The first of `shown` lines out of `total` such that `cursor` is among them, as near to the last choice as it goes. */
static int scroll_to(int first, int shown, int total, int cursor)
{
    if (cursor >= 0 && cursor < first)
        first = cursor;
    if (cursor >= 0 && cursor >= first + shown)
        first = cursor - shown + 1;
    return MAX(0, MIN(first, total - shown));
}

static struct term_cell text_cell(const struct text_screen *screen, const struct term_font *font, int x, int y)
{
    u16 cell = screen->cells[y * screen->columns + x];
    u32 code = (font ? font->unicode[cell >> 11 & 1] : cp437_to_unicode)[cell & 0xff];
    return (struct term_cell){
        .code = code == 0xa0 ? ' ' : code,
        .fg = screen->colors[cell >> 8 & 15],
        .bg = screen->colors[cell >> 12 & (screen->blinks ? 7 : 15)],
        .blink = screen->blinks && cell & 0x8000,
        .underline = screen->underlines && (cell & 0x7700) == 0x0100,
    };
}

static void place_text(const struct term_grid *grid, const struct text_screen *screen, struct term_view *view)
{
    view->text = true;
    view->width = screen->columns;
    view->height = screen->rows;
    view->columns = MIN(screen->columns, grid->columns);
    view->rows = MIN(screen->rows, grid->rows);
    view->x = (grid->columns - view->columns) / 2;
    view->y = (grid->rows - view->rows) / 2;
    view->left = scroll_to(view->left, view->columns, screen->columns, screen->cursor_x);
    view->top = scroll_to(view->top, view->rows, screen->rows, screen->cursor_y);
}

void term_show_text(struct term_grid *grid, const struct text_screen *screen, const struct term_font *font,
                    struct term_view *view)
{
    term_grid_clear(grid);
    place_text(grid, screen, view);
    for (int y = 0; y < view->rows; y++)
        for (int x = 0; x < view->columns; x++)
            grid->cells[(view->y + y) * grid->columns + view->x + x] =
                text_cell(screen, font, view->left + x, view->top + y);
    if (screen->cursor_x >= 0 && screen->cursor_y >= 0) {
        grid->cursor_x = screen->cursor_x - view->left + view->x;
        grid->cursor_y = screen->cursor_y - view->top + view->y;
    }
}

/* --- pictures ------------------------------------------------------------------------------------------------------ */

/* The mean of the dots that fall into one of columns * lines equal fields. */
static u32 sample(const struct surface *surface, int x, int y, int columns, int lines)
{
    int left = (int)((i64)x * surface->width / columns), right = (int)((i64)(x + 1) * surface->width / columns);
    int top = (int)((i64)y * surface->height / lines), bottom = (int)((i64)(y + 1) * surface->height / lines);
    u32 red = 0, green = 0, blue = 0, count = 0;
    right = MAX(right, left + 1);
    bottom = MAX(bottom, top + 1);
    for (int line = top; line < bottom; line++) {
        const u32 *pixels = surface->pixels + (size_t)line * (size_t)surface->width;
        for (int i = left; i < right; i++) {
            red += pixels[i] >> 16 & 255;
            green += pixels[i] >> 8 & 255;
            blue += pixels[i] & 255;
            count++;
        }
    }
    return red / count << 16 | green / count << 8 | blue / count;
}

/* The largest picture of the tube's shape; a cell holds two dots, one above the other, which are about square. */
static int place_picture(const struct term_grid *grid, const struct surface *surface, struct term_view *view)
{
    i64 width = surface->aspect_width ? surface->aspect_width : surface->width;
    i64 height = surface->aspect_width ? surface->aspect_height : surface->height;
    i64 columns = grid->columns, lines = columns * height / width;
    if (lines > 2 * grid->rows) {
        lines = 2 * grid->rows;
        columns = MIN(lines * width / height, (i64)grid->columns);
    }
    columns = MAX(columns, 1);
    lines = MAX(lines, 1);
    view->text = false;
    view->left = view->top = 0;
    view->width = surface->width;
    view->height = surface->height;
    view->columns = (int)columns;
    view->rows = (int)(lines + 1) / 2;
    view->x = (grid->columns - view->columns) / 2;
    view->y = (grid->rows - view->rows) / 2;
    return (int)lines;
}

void term_show_picture(struct term_grid *grid, const struct surface *surface, struct term_view *view)
{
    term_grid_clear(grid);
    if (surface->width <= 0 || surface->height <= 0)
        return;
    int lines = place_picture(grid, surface, view);
    for (int y = 0; y < view->rows; y++) {
        for (int x = 0; x < view->columns; x++) {
            u32 upper = sample(surface, x, 2 * y, view->columns, lines);
            u32 lower = 2 * y + 1 < lines ? sample(surface, x, 2 * y + 1, view->columns, lines) : 0;
            grid->cells[(view->y + y) * grid->columns + view->x + x] =
                (struct term_cell){.code = upper == lower ? ' ' : UPPER_HALF_BLOCK, .fg = upper, .bg = lower};
        }
    }
}
