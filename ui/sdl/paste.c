/*
 * Text from the host's clipboard, typed on the guest's keyboard at a pace that a BIOS keeps up with.
 */
#include <stdlib.h>
#include <string.h>

#include "ui/layout.h"
#include "ui/sdl/internal.h"

#define PASTE_MAX 65536
#define CHARACTER_MS 30

enum { SHIFT = 0x2a, ALTGR = KEY_E0 | 0x38 };

/* One code point; malformed bytes are left out. */
static u32 next_code(const char **text)
{
    const u8 *p = (const u8 *)*text;
    int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    u32 code = more ? p[0] & (0x3fu >> more) : p[0];
    ++*text;
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
        ++*text;
    }
    return code;
}

void paste_stop(struct window *window)
{
    window->paste_length = window->paste_at = 0;
}

/* CR LF and CR are one line end each. */
static void store(struct window *window, const char *text)
{
    while (*text && window->paste_length < PASTE_MAX) {
        u32 code = next_code(&text);
        if (code == '\r') {
            code = '\n';
            text += *text == '\n';
        }
        window->paste[window->paste_length++] = code;
    }
}

void paste_start(struct window *window, const char *text)
{
    paste_stop(window);
    if (!window->paste && !(window->paste = malloc(PASTE_MAX * sizeof(u32))))
        return;
    store(window, text);
    window->paste_due = SDL_GetTicks();
    window_notice(window, "Typing %zu characters; any key stops it", window->paste_length);
}

static void press(struct window *window, const struct layout_keys *keys)
{
    int held[3], count = 0;
    if (keys->shift)
        held[count++] = SHIFT;
    if (keys->altgr)
        held[count++] = ALTGR;
    held[count++] = keys->key;
    events_type(window, held, count);
}

static void type(struct window *window, u32 code)
{
    const struct layout *layout = layout_find(window->options.layout ? window->options.layout : "us");
    struct layout_keys keys[LAYOUT_STROKES];
    int count = layout ? layout_strokes(layout, code, keys) : 0;
    for (int i = 0; i < count; i++)
        press(window, &keys[i]);
}

void paste_tick(struct window *window, u32 now)
{
    if (window->paste_at >= window->paste_length || !window->running || (i32)(now - window->paste_due) < 0)
        return;
    type(window, window->paste[window->paste_at++]);
    window->paste_due = now + CHARACTER_MS;
}
