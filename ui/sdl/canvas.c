/*
 * Drawing for the window's own furniture: everything is a shape with a smooth edge, text is pen strokes.
 */
#include "ui/sdl/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ui/sdl/font.h"

#define PEN 0.62f /* half the width of a stroke, in font units */
#define DOT 0.3f  /* by how much a dot is thicker */

bool canvas_resize(struct canvas *canvas, int width, int height, float scale)
{
    size_t pixels = (size_t)width * (size_t)height;
    if (width < 1 || height < 1 || width > CANVAS_MAX || height > CANVAS_MAX)
        return false;
    if (!canvas->pixels || width != canvas->width || height != canvas->height) {
        u32 *grown = realloc(canvas->pixels, pixels * sizeof(u32));
        if (!grown)
            return false;
        canvas->pixels = grown;
    }
    canvas->width = width;
    canvas->height = height;
    canvas->scale = scale;
    memset(canvas->pixels, 0, pixels * sizeof(u32));
    return true;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->pixels);
    *canvas = (struct canvas){0};
}

/* --- pixels -------------------------------------------------------------------------------------------------------- */

/* "Over": coverage 0 to 1 of a colour onto what is there. */
static void blend(struct canvas *canvas, int x, int y, u32 color, float coverage)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height || coverage <= 0)
        return;
    u32 *at = &canvas->pixels[y * canvas->width + x];
    float above = (float)(color >> 24) / 255 * MIN(coverage, 1.0f), below = (float)(*at >> 24) / 255 * (1 - above);
    float alpha = above + below;
    u32 mixed = (u32)(alpha * 255 + 0.5f) << 24;
    for (int shift = 0; shift < 24 && alpha > 0; shift += 8) {
        float channel = ((float)(color >> shift & 255) * above + (float)(*at >> shift & 255) * below) / alpha;
        mixed |= (u32)(channel + 0.5f) << shift;
    }
    *at = mixed;
}

void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, u32 color)
{
    for (int row = MAX(y, 0); row < MIN(y + height, canvas->height); row++)
        for (int column = MAX(x, 0); column < MIN(x + width, canvas->width); column++)
            blend(canvas, column, row, color, 1);
}

/* Distance from a point to a rectangle with round corners; negative inside. */
static float round_distance(float px, float py, float half_width, float half_height, float radius)
{
    float x = fabsf(px) - half_width + radius, y = fabsf(py) - half_height + radius;
    float outside = hypotf(fmaxf(x, 0), fmaxf(y, 0));
    return outside + fminf(fmaxf(x, y), 0) - radius;
}

void canvas_round(struct canvas *canvas, float x, float y, float width, float height, float radius, u32 color)
{
    float center_x = x + width / 2, center_y = y + height / 2;
    for (int row = (int)y - 1; row <= (int)(y + height) + 1; row++) {
        for (int column = (int)x - 1; column <= (int)(x + width) + 1; column++) {
            float px = (float)column + 0.5f - center_x, py = (float)row + 0.5f - center_y;
            blend(canvas, column, row, color, 0.5f - round_distance(px, py, width / 2, height / 2, radius));
        }
    }
}

/* --- text ---------------------------------------------------------------------------------------------------------- */

struct point {
    float x, y;
};

/* Rows are hexadecimal digits; a point is the middle of its square. */
static struct point point_at(const char *p)
{
    int row = p[1] <= '9' ? p[1] - '0' : p[1] - 'a' + 10;
    return (struct point){(float)(p[0] - '0') + 0.5f, (float)row + 0.5f};
}

static float segment_distance(struct point p, struct point a, struct point b)
{
    float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    float along = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    along = fminf(fmaxf(along, 0), 1);
    return hypotf(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

static float strokes_distance(const char *strokes, struct point p)
{
    float nearest = 1e9f;
    for (; *strokes; strokes += strokes[2] == ' ' ? 3 : 2) {
        if (!strokes[2]) /* the last point ends the last line */
            break;
        if (strokes[2] == ' ')
            continue;
        bool dot = strokes[0] == strokes[2] && strokes[1] == strokes[3];
        float distance = segment_distance(p, point_at(strokes), point_at(strokes + 2));
        nearest = fminf(nearest, dot ? distance - DOT : distance);
    }
    return nearest;
}

static void draw_character(struct canvas *canvas, int x, int y, u32 color, unsigned code)
{
    const char *strokes = font_strokes(code);
    float scale = canvas->scale;
    int width = (int)ceilf(FONT_WIDTH * scale), height = (int)ceilf(FONT_HEIGHT * scale);
    for (int row = 0; row < height && *strokes; row++) {
        for (int column = 0; column < width; column++) {
            struct point p = {((float)column + 0.5f) / scale, ((float)row + 0.5f) / scale};
            float inside = (PEN - strokes_distance(strokes, p)) * scale + 0.5f;
            blend(canvas, x + column, y + row, color, inside);
        }
    }
}

/* The next code point of UTF-8; bytes that are none count as one unknown character each. */
static unsigned next_code(const char **text)
{
    const u8 *p = (const u8 *)*text;
    int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    unsigned code = more ? p[0] & (0x3fu >> more) : p[0];
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            more = 0;
            code = 0xfffd;
            break;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    *text += 1 + more;
    return code;
}

int canvas_text(struct canvas *canvas, int x, int y, u32 color, const char *text)
{
    float at = (float)x;
    while (*text) {
        draw_character(canvas, (int)(at + 0.5f), y, color, next_code(&text));
        at += FONT_WIDTH * canvas->scale;
    }
    return (int)(at + 0.5f);
}

int text_columns(const char *text)
{
    int columns = 0;
    for (; *text; columns++)
        next_code(&text);
    return columns;
}

int text_width(float scale, const char *text)
{
    return (int)ceilf((float)(text_columns(text) * FONT_WIDTH) * scale);
}
