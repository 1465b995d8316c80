/*
 * The difference between two screens as control sequences.
 *
 * Source: ECMA-48, "CUP", "CUF", "ED", "SGR"; ITU-T T.416, "Foreground colour" (direct and indexed, as xterm spells them);
 *         XTerm Control Sequences, "DECTCEM"; RFC 3629.
 * The terminal must not wrap at its right edge (DECAWM off), so that the last cell can be written.
 */
#include "ui/term/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- colours ------------------------------------------------------------------------------------------------------- */

enum term_depth term_depth_of(const char *term, const char *colorterm)
{
    if ((colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit"))) ||
        (term && strstr(term, "-direct")))
        return TERM_TRUE;
    return term && strstr(term, "256") ? TERM_256 : TERM_16;
}

static unsigned distance(u32 a, u32 b)
{
    int red = (int)(a >> 16 & 255) - (int)(b >> 16 & 255), green = (int)(a >> 8 & 255) - (int)(b >> 8 & 255);
    int blue = (int)(a & 255) - (int)(b & 255);
    return (unsigned)(red * red + green * green + blue * blue);
}

/* SGR 30-37 and 90-97 in the colours of the VGA, which terminals took them from. */
static u32 nearest_of_16(u32 rgb)
{
    static const u32 palette[16] = {0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
                                    0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff};
    u32 best = 0;
    for (u32 i = 1; i < 16; i++)
        if (distance(palette[i], rgb) < distance(palette[best], rgb))
            best = i;
    return best;
}

static unsigned cube_step(u32 component)
{
    return component < 48 ? 0 : component < 115 ? 1 : (component - 35) / 40;
}

static unsigned cube_level(unsigned step)
{
    return step ? 55 + 40 * step : 0;
}

/* xterm's palette: 16 to 231 a cube of 6 levels, 232 to 255 greys. */
static u32 nearest_of_256(u32 rgb)
{
    unsigned red = cube_step(rgb >> 16 & 255), green = cube_step(rgb >> 8 & 255), blue = cube_step(rgb & 255);
    u32 cube = cube_level(red) << 16 | cube_level(green) << 8 | cube_level(blue);
    unsigned mean = ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3;
    unsigned step = mean < 8 ? 0 : MIN((mean - 3) / 10, 23u);
    u32 grey = (8 + 10 * step) * 0x010101u;
    return distance(grey, rgb) < distance(cube, rgb) ? 232 + step : 16 + 36 * red + 6 * green + blue;
}

u32 term_color(enum term_depth depth, u32 rgb)
{
    rgb &= 0xffffff;
    return depth == TERM_TRUE ? rgb : depth == TERM_256 ? nearest_of_256(rgb) : nearest_of_16(rgb);
}

/* --- grids --------------------------------------------------------------------------------------------------------- */

void term_grid_clear(struct term_grid *grid)
{
    for (int i = 0; i < grid->columns * grid->rows; i++)
        grid->cells[i] = (struct term_cell){.code = ' '};
    grid->cursor_x = grid->cursor_y = -1;
}

bool term_grid_resize(struct term_grid *grid, int columns, int rows)
{
    columns = MAX(1, MIN(columns, TERM_COLUMNS_MAX));
    rows = MAX(1, MIN(rows, TERM_ROWS_MAX));
    struct term_cell *cells = malloc((size_t)columns * (size_t)rows * sizeof(*cells));
    if (!cells)
        return false;
    free(grid->cells);
    *grid = (struct term_grid){.columns = columns, .rows = rows, .cells = cells};
    term_grid_clear(grid);
    return true;
}

void term_grid_text(struct term_grid *grid, int x, int y, const char *ascii, u32 fg, u32 bg)
{
    for (; *ascii; ascii++, x++)
        if (x >= 0 && x < grid->columns && y >= 0 && y < grid->rows)
            grid->cells[y * grid->columns + x] = (struct term_cell){.code = (u8)*ascii, .fg = fg, .bg = bg};
}

void term_grid_free(struct term_grid *grid)
{
    free(grid->cells);
    *grid = (struct term_grid){0};
}

/* --- output -------------------------------------------------------------------------------------------------------- */

static void append(struct term_out *out, const char *data, size_t length)
{
    if (out->length + length > out->capacity) {
        size_t capacity = (out->length + length) * 2 + 4096;
        char *larger = realloc(out->data, capacity);
        if (!larger) {
            out->failed = true;
            return;
        }
        out->data = larger;
        out->capacity = capacity;
    }
    memcpy(out->data + out->length, data, length);
    out->length += length;
}

void term_out_put(struct term_out *out, const char *text)
{
    append(out, text, strlen(text));
}

static void PRINTF_LIKE(2, 3) put(struct term_out *out, const char *fmt, ...)
{
    char text[96];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    term_out_put(out, text);
}

static void put_utf8(struct term_out *out, u32 code)
{
    char text[3];
    size_t length = 0;
    if (code < 0x80) {
        text[length++] = (char)code;
    } else if (code < 0x800) {
        text[length++] = (char)(0xc0 | code >> 6);
        text[length++] = (char)(0x80 | (code & 0x3f));
    } else {
        text[length++] = (char)(0xe0 | (code >> 12 & 0x0f));
        text[length++] = (char)(0x80 | (code >> 6 & 0x3f));
        text[length++] = (char)(0x80 | (code & 0x3f));
    }
    append(out, text, length);
}

static void put_color(struct term_out *out, enum term_depth depth, u32 color, bool background)
{
    int layer = background ? 10 : 0;
    if (depth == TERM_TRUE)
        put(out, ";%d;2;%u;%u;%u", 38 + layer, color >> 16, color >> 8 & 255, color & 255);
    else if (depth == TERM_256)
        put(out, ";%d;5;%u", 38 + layer, color);
    else
        put(out, ";%u", (color < 8 ? 30 + color : 82 + color) + (unsigned)layer);
}

/* A blank leaves the foreground as it is. */
static void set_pen(struct term_screen *screen, const struct term_cell *cell, struct term_out *out)
{
    struct term_cell *pen = &screen->pen;
    bool foreground = cell->code != ' ' && cell->fg != pen->fg, background = cell->bg != pen->bg;
    bool blink = cell->code != ' ' && cell->blink != pen->blink, underline = cell->underline != pen->underline;
    if (!foreground && !background && !blink && !underline)
        return;
    size_t start = out->length;
    term_out_put(out, "\033[");
    if (blink)
        term_out_put(out, cell->blink ? ";5" : ";25");
    if (underline)
        term_out_put(out, cell->underline ? ";4" : ";24");
    if (foreground)
        put_color(out, screen->depth, cell->fg, false);
    if (background)
        put_color(out, screen->depth, cell->bg, true);
    term_out_put(out, "m");
    if (!out->failed) { /* without the first semicolon */
        memmove(out->data + start + 2, out->data + start + 3, out->length - start - 3);
        out->length--;
    }
    pen->blink = blink ? cell->blink : pen->blink;
    pen->fg = foreground ? cell->fg : pen->fg;
    pen->bg = cell->bg;
    pen->underline = cell->underline;
}

static void move(struct term_screen *screen, int x, int y, struct term_out *out)
{
    if (screen->y == y && screen->x == x)
        return;
    if (screen->y == y && x > screen->x)
        put(out, x - screen->x == 1 ? "\033[C" : "\033[%dC", x - screen->x);
    else
        put(out, "\033[%d;%dH", y + 1, x + 1);
    screen->x = x;
    screen->y = y;
}

/* Some terminals draw arrows and symbols two cells wide: where their cursor is then is not to be relied on. */
static bool width_is_doubtful(u32 code)
{
    return (code >= 0x2190 && code < 0x2500) || (code >= 0x25a0 && code < 0x2800) || code == 0x203c;
}

static bool same(const struct term_cell *a, const struct term_cell *b)
{
    return a->code == b->code && a->bg == b->bg && a->underline == b->underline &&
           (a->code == ' ' || (a->fg == b->fg && a->blink == b->blink));
}

static void show_cursor(struct term_screen *screen, bool on, struct term_out *out)
{
    if (screen->cursor_on != on)
        term_out_put(out, on ? "\033[?25h" : "\033[?25l");
    screen->cursor_on = on;
}

static void update_cell(struct term_screen *screen, int x, int y, const struct term_cell *wanted, struct term_out *out)
{
    struct term_cell *shown = &screen->grid.cells[y * screen->grid.columns + x], cell = *wanted;
    cell.fg = term_color(screen->depth, cell.fg);
    cell.bg = term_color(screen->depth, cell.bg);
    if (same(shown, &cell))
        return;
    *shown = cell;
    show_cursor(screen, false, out);
    move(screen, x, y, out);
    set_pen(screen, &cell, out);
    put_utf8(out, cell.code);
    screen->x++;
    if (screen->x >= screen->grid.columns || width_is_doubtful(cell.code))
        screen->y = -1;
}

/* Nothing is known of what the terminal shows. */
static bool start_anew(struct term_screen *screen, const struct term_grid *wanted, struct term_out *out)
{
    if (!term_grid_resize(&screen->grid, wanted->columns, wanted->rows))
        return false;
    for (int i = 0; i < wanted->columns * wanted->rows; i++)
        screen->grid.cells[i].code = 0;
    screen->pen = (struct term_cell){.fg = UINT32_MAX, .bg = UINT32_MAX};
    screen->x = 0;
    screen->y = -1;
    term_out_put(out, "\033[?25l\033[0m\033[2J");
    screen->cursor_on = false;
    screen->known = true;
    return true;
}

void term_screen_update(struct term_screen *screen, const struct term_grid *wanted, struct term_out *out)
{
    bool fits = screen->grid.columns == wanted->columns && screen->grid.rows == wanted->rows;
    if ((!screen->known || !fits) && !start_anew(screen, wanted, out))
        return;
    for (int y = 0; y < wanted->rows; y++)
        for (int x = 0; x < wanted->columns; x++)
            update_cell(screen, x, y, &wanted->cells[y * wanted->columns + x], out);
    bool cursor = wanted->cursor_x >= 0 && wanted->cursor_x < wanted->columns && wanted->cursor_y >= 0 &&
                  wanted->cursor_y < wanted->rows;
    if (cursor)
        move(screen, wanted->cursor_x, wanted->cursor_y, out);
    show_cursor(screen, cursor, out);
    screen->known = screen->known && !out->failed;
}

void term_screen_free(struct term_screen *screen)
{
    term_grid_free(&screen->grid);
}
