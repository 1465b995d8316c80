/*
 * VGA: bringing viewers' surfaces up to date.
 *
 * The chip keeps the picture that it drew last, with the generation in which each line changed.  A new picture is drawn
 * only where pages of memory are dirty, the cursor moved, or everywhere if the registers describe another picture; a
 * viewer gets the lines newer than its surface.  Page flags come from whoever writes memory: the window's data path,
 * the engines' stores into frame buffers (log_dirty), KVM's dirty log, vga_text_sync.
 */
#include <stdlib.h>
#include <string.h>

#include "devices/vga_internal.h"
#include "devices/vga_picture.h"
#include "machine/machine.h"

struct vga_canvas {
    struct vga_picture picture;
    struct vga_cursor cursor;
    struct vga_sprite sprite;
    struct surface surface;
    u64 *line_generation;
    unsigned lines_allocated;
    u8 fonts[2][VGA_FONT_SIZE];
    u8 *dirty;                 /* a byte a page of video memory */
    u32 *scratch;              /* one line */
    unsigned scratch_size;
    bool valid, rastered;
    struct vga_pen pen;
};

int vga_canvas_create(struct vga *vga)
{
    vga->canvas = calloc(1, sizeof(*vga->canvas));
    if (!vga->canvas)
        return -1;
    vga->canvas->dirty = calloc(vga->vram_size / 4096, 1);
    vga->canvas->pen = (struct vga_pen){.picture = &vga->canvas->picture, .vram = vga->vram,
                                        .vram_size = vga->vram_size, .fonts = (const u8(*)[])vga->canvas->fonts};
    return vga->canvas->dirty ? 0 : -1;
}

void vga_canvas_destroy(struct vga *vga)
{
    if (!vga->canvas)
        return;
    surface_free(&vga->canvas->surface);
    free(vga->canvas->line_generation);
    free(vga->canvas->dirty);
    free(vga->canvas->scratch);
    free(vga->canvas);
    vga->canvas = NULL;
}

/* Dirty pages. */

/* Pages of memory that are, or may be, on the screen. */
static void visible_pages(const struct vga *vga, const struct vga_picture *picture, u32 *first, u32 *end)
{
    u64 from = 0, to = picture->memory, unused;
    if (picture->kind == PICTURE_LINEAR) {
        vga_linear_memory(picture, 0, &from, &unused);
        vga_linear_memory(picture, picture->height - 1, &unused, &to);
    }
    *first = (u32)(MIN(from, vga->vram_size) / 4096);
    *end = (u32)((MIN(to, vga->vram_size) + 4095) / 4096);
}

static bool page_is_dirty(const struct vga *vga, u32 page)
{
    return __atomic_load_n(&vga->vram_flags[page], __ATOMIC_RELAXED) & PAGE_DIRTY_VGA;
}

/* Cleared before drawing: what is written while we draw is drawn next time.  Engines set bits of these bytes
 * meanwhile. */
static bool take_page(struct vga *vga, u32 page)
{
    if (!page_is_dirty(vga, page))
        return false;
    __atomic_fetch_and(&vga->vram_flags[page], (u8)~PAGE_DIRTY_VGA, __ATOMIC_RELAXED);
    return true;
}

static bool take_dirty(struct vga *vga)
{
    struct vga_canvas *canvas = vga->canvas;
    u32 page, end;
    bool any = false;
    for (visible_pages(vga, &canvas->picture, &page, &end); page < end; page++)
        any |= canvas->dirty[page] = take_page(vga, page);
    return any;
}

static bool is_dirty(const struct vga_canvas *canvas, u32 first, u32 end)
{
    for (u32 page = first / 4096; page < (end + 4095) / 4096; page++) {
        if (canvas->dirty[page])
            return true;
    }
    return false;
}

/* Fonts: gathered from plane 2 when one of their pages is dirty. */

static bool gather_font(const struct vga *vga, u32 offset, u8 *font)
{
    bool differs = false;
    for (u32 i = 0; i < VGA_FONT_SIZE; i++) {
        u8 byte = vga->vram[(offset + i) * 4 + 2];
        differs |= font[i] != byte;
        font[i] = byte;
    }
    return differs;
}

static bool gather_fonts(struct vga *vga, bool all)
{
    struct vga_canvas *canvas = vga->canvas;
    bool differs = false;
    for (int i = 0; canvas->picture.kind == PICTURE_TEXT && i < 2; i++) {
        u32 offset = canvas->picture.fonts[i];
        if (all || is_dirty(canvas, offset * 4, (offset + VGA_FONT_SIZE) * 4))
            differs |= gather_font(vga, offset, canvas->fonts[i]);
    }
    return differs;
}

/* Which lines to draw. */

static bool cursor_on_line(const struct vga_canvas *canvas, const struct vga_cursor *cursor, unsigned line)
{
    struct vga_row row = vga_row(&canvas->pen, line);
    return cursor->on && (u16)(cursor->address - row.counter) <= canvas->picture.characters;
}

static bool sprite_on_line(const struct vga_sprite *sprite, unsigned line)
{
    return sprite->on && (int)line - sprite->y >= 0 && (int)line - sprite->y < sprite->size;
}

struct changes {
    bool all, any_page, cursor, sprite;
    struct vga_cursor old_cursor;
    struct vga_sprite old_sprite;
};

static bool line_changes(const struct vga_canvas *canvas, const struct changes *changes, unsigned line)
{
    if (changes->all)
        return true;
    if (changes->any_page) {
        u32 first, end;
        vga_line_memory(&canvas->pen, line, &first, &end);
        if (is_dirty(canvas, first, end))
            return true;
    }
    if (changes->sprite && (sprite_on_line(&changes->old_sprite, line) || sprite_on_line(&canvas->sprite, line)))
        return true;
    return changes->cursor && canvas->picture.kind == PICTURE_TEXT &&
           (cursor_on_line(canvas, &changes->old_cursor, line) || cursor_on_line(canvas, &canvas->cursor, line));
}

static struct vga_sprite find_sprite(const struct vga *vga)
{
    struct vga_sprite sprite;
    memset(&sprite, 0, sizeof(sprite));
    if (vga->extension && vga->extension->sprite)
        vga->extension->sprite(vga->extension_opaque, &sprite);
    return sprite;
}

/* The sprite's pattern may be anywhere in memory; 1 KiB of it at most. */
static bool sprite_pattern_is_dirty(struct vga *vga, const struct vga_sprite *sprite)
{
    bool dirty = false;
    for (u32 page = sprite->pattern / 4096; sprite->on && page <= (sprite->pattern + 1023) / 4096; page++)
        dirty |= page < vga->vram_size / 4096 && take_page(vga, page);
    return dirty;
}

static struct changes find_changes(struct vga *vga, bool all)
{
    struct vga_canvas *canvas = vga->canvas;
    struct vga_picture picture = vga_picture(vga);
    struct vga_cursor cursor = vga_cursor(vga);
    struct vga_sprite sprite = find_sprite(vga);
    struct changes changes = {.old_cursor = canvas->cursor, .old_sprite = canvas->sprite};
    changes.all = all || !canvas->valid || memcmp(&picture, &canvas->picture, sizeof(picture)) != 0;
    changes.cursor = memcmp(&cursor, &canvas->cursor, sizeof(cursor)) != 0;
    changes.sprite = memcmp(&sprite, &canvas->sprite, sizeof(sprite)) != 0;
    canvas->picture = picture;
    canvas->cursor = canvas->pen.cursor = cursor;
    canvas->sprite = sprite;
    changes.sprite |= sprite_pattern_is_dirty(vga, &sprite);
    changes.any_page = take_dirty(vga);
    changes.all |= gather_fonts(vga, changes.all);
    return changes;
}

/* Drawing. */

static int prepare(struct vga_canvas *canvas)
{
    unsigned width = canvas->picture.width, height = canvas->picture.height;
    if (height > canvas->lines_allocated) {
        u64 *lines = realloc(canvas->line_generation, height * sizeof(*lines));
        if (!lines)
            return -ENOMEM;
        canvas->line_generation = lines;
        canvas->lines_allocated = height;
    }
    if (width > canvas->scratch_size) {
        u32 *scratch = realloc(canvas->scratch, width * sizeof(*scratch));
        if (!scratch)
            return -ENOMEM;
        canvas->scratch = scratch;
        canvas->scratch_size = width;
    }
    return surface_resize(&canvas->surface, (int)width, (int)height);
}

static bool draw_line(struct vga *vga, unsigned line, bool resized)
{
    struct vga_canvas *canvas = vga->canvas;
    u32 *shown = canvas->surface.pixels + (size_t)line * canvas->picture.width;
    size_t size = canvas->picture.width * sizeof(u32);
    vga_draw_line(&canvas->pen, line, canvas->scratch);
    if (sprite_on_line(&canvas->sprite, line))
        vga->extension->draw_sprite(vga->extension_opaque, &canvas->sprite, line, canvas->picture.width,
                                    canvas->scratch);
    if (!resized && memcmp(shown, canvas->scratch, size) == 0)
        return false;
    memcpy(shown, canvas->scratch, size);
    canvas->line_generation[line] = vga->generation + 1;
    return true;
}

/* Changes that take effect up to and including this line of the picture. */
static void raster_line(struct vga_canvas *canvas, const struct vga_raster *raster, unsigned line,
                        struct vga_shown *shown, unsigned *next)
{
    bool any = false;
    for (; *next < raster->count && raster->changes[*next].line <= line * canvas->picture.lines_each; ++*next) {
        vga_raster_apply(shown, &raster->changes[*next]);
        any = true;
    }
    if (any)
        vga_pen_colors(&canvas->pen, shown);
}

static bool draw_lines(struct vga *vga, const struct changes *changes, const struct vga_raster *raster, bool resized)
{
    struct vga_canvas *canvas = vga->canvas;
    struct vga_shown shown = raster ? raster->base : canvas->picture.shown;
    unsigned next = 0;
    bool any = false;
    vga_pen_colors(&canvas->pen, &shown);
    for (unsigned line = 0; line < canvas->picture.height; line++) {
        if (raster)
            raster_line(canvas, raster, line, &shown, &next);
        if (line_changes(canvas, changes, line))
            any |= draw_line(vga, line, resized);
    }
    return any;
}

/* Draws what changed; the generation counts up if anything did. */
static int update(struct vga *vga, bool all)
{
    struct vga_canvas *canvas = vga->canvas;
    int width = canvas->surface.width, height = canvas->surface.height;
    vga->changed = false;
    vga_text_sync(vga);
    struct changes changes = find_changes(vga, all);
    const struct vga_raster *raster = vga_raster_to_draw(vga);
    if (canvas->picture.kind == PICTURE_LINEAR || canvas->picture.kind == PICTURE_BLANK)
        raster = NULL;
    changes.all |= raster || canvas->rastered; /* also once afterwards */
    canvas->rastered = raster;
    int result = prepare(canvas);
    canvas->valid = result == 0;
    if (result < 0)
        return result;
    bool resized = width != canvas->surface.width || height != canvas->surface.height;
    canvas->surface.aspect_width = canvas->picture.square ? 0 : 4;
    canvas->surface.aspect_height = canvas->picture.square ? 0 : 3;
    if (changes.all || changes.any_page || changes.cursor || changes.sprite)
        vga->generation += draw_lines(vga, &changes, raster, resized);
    canvas->surface.border = canvas->pen.dac[canvas->pen.ar[AR_OVERSCAN]];
    return 0;
}

/* Viewers. */

static bool is_new(const struct vga_canvas *canvas, const struct surface *surface, int line)
{
    return canvas->line_generation[line] > surface->generation;
}

static void copy_lines(const struct vga_canvas *canvas, struct surface *surface, bool all)
{
    size_t width = (size_t)surface->width;
    surface->dirty_first = surface->dirty_end = 0;
    for (int line = 0; line < surface->height; line++) {
        if (!all && !is_new(canvas, surface, line))
            continue;
        memcpy(surface->pixels + (size_t)line * width, canvas->surface.pixels + (size_t)line * width,
               width * sizeof(u32));
        if (surface->dirty_end == 0)
            surface->dirty_first = line;
        surface->dirty_end = line + 1;
    }
}

int vga_render(void *opaque, struct surface *surface)
{
    struct vga *vga = opaque;
    const struct surface *drawn = &vga->canvas->surface;
    int result = update(vga, surface->generation == 0);
    if (result < 0)
        return result;
    bool all = surface->generation == 0 || surface->width != drawn->width || surface->height != drawn->height;
    result = surface_resize(surface, drawn->width, drawn->height);
    if (result < 0)
        return result;
    surface->aspect_width = drawn->aspect_width;
    surface->aspect_height = drawn->aspect_height;
    surface->border = drawn->border;
    copy_lines(vga->canvas, surface, all);
    surface->generation = vga->generation;
    return 0;
}

u64 vga_generation(void *opaque)
{
    return ((const struct vga *)opaque)->generation;
}

/* Cursor, blinking, the latched start address and bands of colours change with time alone. */
static bool changed_by_time(const struct vga *vga)
{
    const struct vga_canvas *canvas = vga->canvas;
    if (vga_dispi_on(vga))
        return false;
    struct vga_picture picture = vga_picture(vga);
    struct vga_cursor cursor = vga_cursor(vga);
    return memcmp(&picture, &canvas->picture, sizeof(picture)) != 0 || canvas->rastered ||
           (picture.kind == PICTURE_TEXT && memcmp(&cursor, &canvas->cursor, sizeof(cursor)) != 0);
}

bool vga_changed(void *opaque)
{
    struct vga *vga = opaque;
    const struct vga_canvas *canvas = vga->canvas;
    if (vga->changed || !canvas->valid)
        return true;
    vga_text_sync(vga);
    u32 page, end;
    for (visible_pages(vga, &canvas->picture, &page, &end); page < end; page++) {
        if (page_is_dirty(vga, page))
            return true;
    }
    return changed_by_time(vga);
}

/* The text screen. */

static void put_cursor(const struct vga *vga, const struct vga_row *row_start, int row, struct text_screen *screen)
{
    struct vga_cursor cursor = vga_cursor(vga);
    u32 column = (cursor.address - row_start->counter) & 0xffff;
    bool hidden = vga->cr[CR_CURSOR_START] & 0x20 || cursor.first > cursor.last;
    if (!hidden && column < (u32)screen->columns) {
        screen->cursor_x = (int)column;
        screen->cursor_y = row;
    }
}

static void put_fonts(const struct vga *vga, const struct vga_picture *picture, struct text_screen *screen)
{
    _Static_assert(TEXT_FONT_BYTES == VGA_FONT_SIZE, "a font is 256 glyphs of 32 bytes");
    screen->lines = (int)picture->char_height;
    screen->underlines = (picture->underline & 0x1fu) < picture->char_height;
    for (int i = 0; i < 2; i++)
        gather_font(vga, picture->fonts[i], screen->fonts[i]);
}

bool vga_text(void *opaque, struct text_screen *screen)
{
    struct vga *vga = opaque;
    if (vga_dispi_on(vga) || vga_is_graphics(vga))
        return false;
    vga_text_sync(vga);
    struct vga_picture picture = vga_picture(vga);
    if (picture.kind == PICTURE_LINEAR)
        return false;
    struct vga_pen pen = {.picture = &picture, .vram = vga->vram, .vram_size = vga->vram_size};
    vga_pen_colors(&pen, &picture.shown);
    bool blank = picture.kind == PICTURE_BLANK;
    for (unsigned i = 0; i < 16; i++)
        screen->colors[i] = pen.palette[i & pen.ar[AR_PLANE_ENABLE]];
    screen->blinks = picture.blinks;
    screen->columns = blank ? 0 : (int)MIN(picture.characters, 132u);
    screen->rows = blank ? 0 : (int)MIN(picture.height / picture.char_height, 60u);
    screen->cursor_x = screen->cursor_y = -1;
    put_fonts(vga, &picture, screen);
    for (int row = 0; row < screen->rows; row++) {
        struct vga_row start = vga_row(&pen, (unsigned)row * picture.char_height);
        for (int x = 0; x < screen->columns; x++) {
            const u8 *cell = vga_text_cell(&pen, start.counter + (u32)x);
            screen->cells[row * screen->columns + x] = (u16)(cell[1] << 8 | cell[0]);
        }
        put_cursor(vga, &start, row, screen);
    }
    return true;
}
