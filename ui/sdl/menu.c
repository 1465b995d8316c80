/*
 * The on-screen menu: pages of entries, moved through by keys or mouse, over the guest's picture.
 */
#include "ui/sdl/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 46 /* of text */
#define REBUILD_MS 500

enum {
    INK = 0xffdfe4ec,
    FAINT = 0xff8a93a1,
    BACK = 0xf6232831,
    EDGE = 0xff465062,
    HEAD = 0xffffffff,
    CHOSEN = 0xff2f6f4f,
    GREEN = 0xff5fdc7a,
};

void menu_stale(struct window *window)
{
    window->menu.stale = true;
}

void menu_open(struct window *window, bool open)
{
    struct menu *menu = &window->menu;
    if (open && !menu->entries && !(menu->entries = calloc(MENU_MAX, sizeof(*menu->entries))))
        return;
    if (open) {
        events_grab(window, false);
        events_release_keys(window);
        SDL_ShowCursor(SDL_ENABLE);
        menu->depth = 0;
        menu->build[0] = page_root;
        menu->argument[0] = 0;
        menu->selected[0] = menu->first = 0;
    }
    menu->open = open;
    menu->stale = true;
    window->redraw = true;
}

void menu_open_at(struct window *window, void (*build)(struct window *, int), int argument)
{
    menu_open(window, true);
    window->menu.build[0] = build;
    window->menu.argument[0] = argument;
}

/* --- pages --------------------------------------------------------------------------------------------------------- */

struct menu_entry *menu_add(struct window *window, void (*run)(struct window *, int), int argument, const char *fmt,
                            ...)
{
    static struct menu_entry overflow;
    struct menu *menu = &window->menu;
    struct menu_entry *entry = menu->count < MENU_MAX ? &menu->entries[menu->count++] : &overflow;
    va_list args;
    *entry = (struct menu_entry){.run = run, .argument = argument};
    va_start(args, fmt);
    vsnprintf(entry->label, sizeof(entry->label), fmt, args);
    va_end(args);
    return entry;
}

void menu_separator(struct window *window)
{
    menu_add(window, NULL, 0, "%s", "")->separator = true;
}

void menu_title(struct window *window, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(window->menu.title, sizeof(window->menu.title), fmt, args);
    va_end(args);
}

void menu_go(struct window *window, void (*build)(struct window *, int), int argument)
{
    struct menu *menu = &window->menu;
    if (menu->depth + 1 < MENU_DEPTH)
        menu->depth++;
    menu->build[menu->depth] = build;
    menu->argument[menu->depth] = argument;
    menu->selected[menu->depth] = menu->first = 0;
    menu->stale = true;
}

void menu_back(struct window *window)
{
    struct menu *menu = &window->menu;
    if (!menu->depth) {
        menu_open(window, false);
        return;
    }
    menu->depth--;
    menu->first = 0;
    menu->stale = true;
}

static bool selectable(const struct menu *menu, int i)
{
    return i >= 0 && i < menu->count && !menu->entries[i].separator && !menu->entries[i].disabled;
}

static void build(struct window *window)
{
    struct menu *menu = &window->menu;
    int *selected = &menu->selected[menu->depth];
    menu->count = 0;
    menu->build[menu->depth](window, menu->argument[menu->depth]);
    *selected = MAX(0, MIN(*selected, menu->count - 1));
    while (*selected < menu->count && !selectable(menu, *selected))
        ++*selected;
}

/* --- drawing ------------------------------------------------------------------------------------------------------- */

static int px(const struct window *window, float units)
{
    return (int)(units * window->scale + 0.5f);
}

/* Cuts text in the middle to `columns`, so that a file's beginning and ending stay. */
static void fit(char *to, size_t size, const char *text, int columns)
{
    int length = (int)strlen(text), half = (columns - 3) / 2;
    if (text_columns(text) <= columns)
        snprintf(to, size, "%s", text);
    else
        snprintf(to, size, "%.*s...%s", columns - 3 - half, text, text + length - half);
}

static void draw_entry(struct window *window, int i, int y)
{
    struct menu *menu = &window->menu;
    struct canvas *canvas = &menu->panel.canvas;
    const struct menu_entry *entry = &menu->entries[i];
    int width = canvas->width, text_y = y + (menu->row_height - text_height(window->scale)) / 2;
    char label[sizeof(entry->label)];
    if (entry->separator) {
        canvas_fill(canvas, px(window, 14), y + menu->row_height / 2, width - px(window, 28), px(window, 1), EDGE);
        return;
    }
    if (i == menu->selected[menu->depth])
        canvas_round(canvas, (float)px(window, 6), (float)y, (float)(width - px(window, 12)), (float)menu->row_height,
                     (float)px(window, 5), CHOSEN);
    if (entry->checked)
        canvas_text(canvas, px(window, 12), text_y, GREEN, SIGN_CHECK);
    int right = text_columns(entry->keys) + (entry->submenu ? 2 : 0);
    fit(label, sizeof(label), entry->label, COLUMNS - 3 - right);
    canvas_text(canvas, px(window, 26), text_y, entry->disabled ? FAINT : INK, label);
    const char *sign = entry->submenu ? SIGN_RIGHT : entry->keys;
    canvas_text(canvas, width - px(window, 14) - text_width(window->scale, sign), text_y, FAINT, sign);
}

static void scroll(struct menu *menu)
{
    int selected = menu->selected[menu->depth];
    menu->first = MAX(0, MIN(menu->first, menu->count - menu->rows));
    menu->first = MIN(menu->first, selected);
    menu->first = MAX(menu->first, selected - menu->rows + 1);
}

static void draw_bar(struct window *window)
{
    struct menu *menu = &window->menu;
    if (menu->count <= menu->rows)
        return;
    float height = (float)(menu->rows * menu->row_height), part = (float)menu->rows / (float)menu->count;
    float at = (float)menu->top + height * (float)menu->first / (float)menu->count;
    canvas_round(&menu->panel.canvas, (float)(menu->panel.canvas.width - px(window, 5)), at, (float)px(window, 3),
                 height * part, (float)px(window, 1), EDGE);
}

static void draw(struct window *window)
{
    struct menu *menu = &window->menu;
    struct canvas *canvas = &menu->panel.canvas;
    int output_width, output_height;
    char title[sizeof(menu->title)];
    window_output_size(window, &output_width, &output_height);
    menu->row_height = px(window, 22);
    menu->top = px(window, 34);
    int room = (output_height - px(window, STATUS_HEIGHT + 16) - menu->top - px(window, 8)) / menu->row_height;
    menu->rows = MAX(1, MIN(menu->count, room));
    int width = MIN(px(window, COLUMNS * 7 + 16), output_width);
    int height = menu->top + menu->rows * menu->row_height + px(window, 8);
    scroll(menu);
    if (!panel_resize(window, &menu->panel, width, height))
        return;
    menu->panel.place.x = px(window, 6);
    menu->panel.place.y = MAX(0, output_height - px(window, STATUS_HEIGHT + 6) - height);
    canvas_round(canvas, 0, 0, (float)width, (float)height, (float)px(window, 8), EDGE);
    canvas_round(canvas, 1, 1, (float)width - 2, (float)height - 2, (float)px(window, 7), BACK);
    if (menu->depth)
        canvas_text(canvas, px(window, 12), px(window, 9), FAINT, SIGN_LEFT);
    fit(title, sizeof(title), menu->title, COLUMNS - 4);
    canvas_text(canvas, px(window, 26), px(window, 9), HEAD, title);
    for (int row = 0; row < menu->rows; row++)
        draw_entry(window, menu->first + row, menu->top + row * menu->row_height);
    draw_bar(window);
    panel_upload(window, &menu->panel);
}

void menu_draw(struct window *window)
{
    struct menu *menu = &window->menu;
    u32 now = SDL_GetTicks();
    if (!menu->stale && now - menu->built_at < REBUILD_MS)
        return;
    menu->built_at = now;
    menu->stale = false;
    build(window);
    draw(window);
}

/* --- moving -------------------------------------------------------------------------------------------------------- */

static void step(struct menu *menu, int by)
{
    int at = menu->selected[menu->depth];
    for (int i = 0; i < menu->count; i++) {
        at = (at + by + menu->count) % menu->count;
        if (selectable(menu, at))
            break;
    }
    menu->selected[menu->depth] = at;
    menu->stale = true;
}

static void jump(struct menu *menu, int to, int by)
{
    if (!menu->count)
        return;
    menu->selected[menu->depth] = MAX(0, MIN(to, menu->count - 1));
    if (!selectable(menu, menu->selected[menu->depth]))
        step(menu, by);
    menu->stale = true;
}

/* Entries of the first page close the menu; further down one may want to try several. */
static void choose(struct window *window, int i)
{
    struct menu *menu = &window->menu;
    if (!selectable(menu, i))
        return;
    struct menu_entry entry = menu->entries[i];
    bool stay = entry.submenu || menu->depth > 0;
    menu->selected[menu->depth] = i;
    entry.run(window, entry.argument);
    if (!stay)
        menu_open(window, false);
    menu->stale = true;
}

/* The next entry that begins with what was typed. */
static void find(struct menu *menu, char c)
{
    for (int i = 1; i <= menu->count; i++) {
        int at = (menu->selected[menu->depth] + i) % menu->count;
        if (selectable(menu, at) && SDL_tolower(menu->entries[at].label[0]) == c) {
            jump(menu, at, 1);
            return;
        }
    }
}

bool menu_key(struct window *window, SDL_Keycode key)
{
    struct menu *menu = &window->menu;
    if (menu->stale) /* what is chosen from must be there before it is drawn */
        build(window);
    int selected = menu->selected[menu->depth];
    switch (key) {
    case SDLK_UP: step(menu, -1); break;
    case SDLK_DOWN: step(menu, 1); break;
    case SDLK_PAGEUP: jump(menu, selected - menu->rows, -1); break;
    case SDLK_PAGEDOWN: jump(menu, selected + menu->rows, 1); break;
    case SDLK_HOME: jump(menu, 0, 1); break;
    case SDLK_END: jump(menu, menu->count - 1, -1); break;
    case SDLK_LEFT:
    case SDLK_BACKSPACE: menu_back(window); break;
    case SDLK_ESCAPE: menu_back(window); break;
    case SDLK_RIGHT:
        if (selectable(menu, selected) && menu->entries[selected].submenu)
            choose(window, selected);
        break;
    case SDLK_RETURN:
    case SDLK_KP_ENTER:
    case SDLK_SPACE: choose(window, selected); break;
    default:
        if (key > ' ' && key < 0x7f)
            find(menu, (char)key);
    }
    return true;
}

static int entry_at(const struct menu *menu, SDL_Point point)
{
    if (!SDL_PointInRect(&point, &menu->panel.place) || !menu->row_height)
        return -1;
    int y = point.y - menu->panel.place.y - menu->top;
    return y < 0 || y >= menu->rows * menu->row_height ? -1 : menu->first + y / menu->row_height;
}

void menu_motion(struct window *window, SDL_Point point)
{
    struct menu *menu = &window->menu;
    int i = menu->open ? entry_at(menu, point) : -1;
    if (i >= 0 && selectable(menu, i) && i != menu->selected[menu->depth]) {
        menu->selected[menu->depth] = i;
        menu->stale = true;
    }
}

void menu_click(struct window *window, SDL_Point point, int button)
{
    struct menu *menu = &window->menu;
    int i = entry_at(menu, point);
    if (!SDL_PointInRect(&point, &menu->panel.place))
        menu_open(window, false);
    else if (i >= 0)
        choose(window, i);
    else if (point.y < menu->panel.place.y + menu->top)
        menu_back(window);
}

void menu_wheel(struct window *window, int rows)
{
    for (; rows > 0; rows--)
        step(&window->menu, 1);
    for (; rows < 0; rows++)
        step(&window->menu, -1);
}
