/*
 * Keyboard layouts, for text that is typed into the guest: which keys, pressed how and in which order, give a character.
 *
 * Source: ui/layout_table.c for the keys; Unicode Character Database, "Canonical decomposition", for what dead keys make.
 */
#include "ui/layout.h"

#include <stdio.h>
#include <string.h>

#include "ui/layout_table.h"

const struct layout *layout_find(const char *name)
{
    if (!strcmp(name, "us"))
        name = "en-us";
    for (const struct layout *layout = layout_table; layout->name; layout++)
        if (!strcmp(layout->name, name))
            return layout;
    return NULL;
}

void layout_list(char *text, size_t size)
{
    size_t used = 0;
    for (const struct layout *layout = layout_table; layout->name && used < size; layout++)
        used += (size_t)snprintf(text + used, size - used, used ? ", %s" : "%s", layout->name);
}

/* Our own tables: well-formed UTF-8 of one to three bytes. */
static u32 next_code(const char **text)
{
    const u8 *p = (const u8 *)*text;
    int length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : 3;
    *text += length;
    if (length == 1)
        return p[0];
    return length == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3f)
                       : (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3f);
}

/* The key behind this one in a level of the table. */
static int next_key(int key)
{
    switch (key) {
    case 0x0d: return 0x10;
    case 0x1b: return 0x1e;
    case 0x29: return 0x2b;
    case 0x35: return 0x56;
    case 0x56: return 0x73;
    case 0x73: return 0x7d;
    case 0x7d: return 0x39;
    default: return key + 1;
    }
}

static bool find_key(const struct layout *layout, u32 character, struct layout_keys *keys)
{
    for (int level = 0; level < LAYOUT_LEVELS && layout->levels[level]; level++) {
        const char *at = layout->levels[level];
        for (int key = 0x02; *at; key = next_key(key)) {
            if (next_code(&at) == character) {
                *keys = (struct layout_keys){key, level & 1, level & 2};
                return true;
            }
        }
    }
    return false;
}

static int control_key(u32 character)
{
    switch (character) {
    case '\n': return 0x1c;
    case '\t': return 0x0f;
    case ' ': return 0x39;
    case '\b': return 0x0e;
    case 0x1b: return 0x01;
    default: return -1;
    }
}

static bool find_plain(const struct layout *layout, u32 character, struct layout_keys *keys)
{
    int key = control_key(character);
    *keys = (struct layout_keys){.key = key};
    return key >= 0 || find_key(layout, character, keys);
}

/* What a dead key makes of the key that follows. */
/* clang-format off */
static const struct {
    u32 mark;
    const char *base, *made;
} compositions[] = {
    {0x300, " AEIOUaeiou", "`ÀÈÌÒÙàèìòù"},
    {0x301, " AEIOUYaeiouyCcLlNnRrSsZz", "´ÁÉÍÓÚÝáéíóúýĆćĹĺŃńŔŕŚśŹź"},
    {0x302, " AEIOUaeiouCcGgHhJjSsWwYy", "^ÂÊÎÔÛâêîôûĈĉĜĝĤĥĴĵŜŝŴŵŶŷ"},
    {0x303, " ANOanoIiUu", "~ÃÑÕãñõĨĩŨũ"},
    {0x304, " AaEeIiOoUu", "¯ĀāĒēĪīŌōŪū"},
    {0x306, " AaEeGgIiOoUu", "˘ĂăĔĕĞğĬĭŎŏŬŭ"},
    {0x307, " CcEeGgIZz", "˙ĊċĖėĠġİŻż"},
    {0x308, " AEIOUaeiouyY", "¨ÄËÏÖÜäëïöüÿŸ"},
    {0x30a, " AaUu", "°ÅåŮů"},
    {0x30b, " OoUu", "˝ŐőŰű"},
    {0x30c, " CcDdEeLlNnRrSsTtZz", "ˇČčĎďĚěĽľŇňŘřŠšŤťŽž"},
    {0x327, " CcGgKkLlNnRrSsTt", "¸ÇçĢģĶķĻļŅņŖŗŞşŢţ"},
    {0x328, " AaEeIiUu", "˛ĄąĘęĮįŲų"},
};
/* clang-format on */

static u32 base_of(const char *base, const char *made, u32 character)
{
    while (*made) {
        u32 from = next_code(&base);
        if (next_code(&made) == character)
            return from;
    }
    return 0;
}

int layout_strokes(const struct layout *layout, u32 character, struct layout_keys strokes[LAYOUT_STROKES])
{
    bool is_mark = character >= 0x300 && character < 0x370; /* a dead key types nothing alone */
    if (!is_mark && find_plain(layout, character, &strokes[0]))
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(compositions); i++) {
        u32 base = base_of(compositions[i].base, compositions[i].made, character);
        if (base && find_key(layout, compositions[i].mark, &strokes[0]) && find_plain(layout, base, &strokes[1]))
            return 2;
    }
    return 0;
}
