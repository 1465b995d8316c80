/*
 * Keyboard layouts, for text that is typed into the guest.
 *
 * Source: the national layouts as ISO/IEC 9995 keyboards print them (BS 4822, DIN 2137, AFNOR's predecessor AZERTY,
 *         UNE 71-... QWERTY, SS 662241).  Dead keys are left out (written as a no-break space): they type nothing alone.
 */
#include "ui/layout.h"

#include <string.h>

#define ROWS 5

/* Each string holds a row's characters in UTF-8 from its first key on; a no-break space: none. */
struct layout {
    const char *name;
    const char *plain[ROWS], *shift[ROWS], *altgr[ROWS], *both[ROWS]; /* both: Shift and AltGr */
};

static const u8 first_key[ROWS] = {0x02, 0x10, 0x1e, 0x2c, 0x56};

#define NO "\u00a0"

/* Row 0: 1 to =; row 1: Q to ]; row 2: A to the key right of ' and then ` and backslash (1E-2B); row 3: Z to /; row 4:
 * the key between the left Shift and Z. */
static const struct layout layouts[] = {
    {.name = "us",
     .plain = {"1234567890-=", "qwertyuiop[]", "asdfghjkl;'`" NO "\\", "zxcvbnm,./", "\\"},
     .shift = {"!@#$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:\"~" NO "|", "ZXCVBNM<>?", "|"},
     .altgr = {"", "", "", "", ""}},
    {.name = "en-gb",
     .plain = {"1234567890-=", "qwertyuiop[]", "asdfghjkl;'`" NO "#", "zxcvbnm,./", "\\"},
     .shift = {"!\"£$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:@¬" NO "~", "ZXCVBNM<>?", "|"},
     .altgr = {NO NO NO "€", NO NO "é" NO NO NO "úíó", "á", "", ""}},
    {.name = "de",
     .plain = {"1234567890ß", "qwertzuiopü+", "asdfghjklöä" NO NO "#", "yxcvbnm,.-", "<"},
     .shift = {"!\"§$%&/()=?", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ°" NO "'", "YXCVBNM;:_", ">"},
     .altgr = {NO "²³" NO NO NO "{[]}\\", "@" NO "€" NO NO NO NO NO NO NO NO "~", "", NO NO NO NO NO NO "µ", "|"}},
    {.name = "fr",
     .plain = {"&é\"'(-è_çà)=", "azertyuiop" NO "$", "qsdfghjklmù²" NO "*", "wxcvbn,;:!", "<"},
     .shift = {"1234567890°+", "AZERTYUIOP" NO "£", "QSDFGHJKLM%" NO NO "µ", "WXCVBN?./§", ">"},
     .altgr = {NO "~#{[|`\\^@]}", NO NO "€", "", "", ""}},
    {.name = "es",
     .plain = {"1234567890'¡", "qwertyuiop" NO "+", "asdfghjklñ" NO "º" NO "ç", "zxcvbnm,.-", "<"},
     .shift = {"!\"·$%&/()=?¿", "QWERTYUIOP" NO "*", "ASDFGHJKLÑ" NO "ª" NO "Ç", "ZXCVBNM;:_", ">"},
     .altgr = {"|@#" NO "€¬", NO NO "€" NO NO NO NO NO NO NO "[]", NO NO NO NO NO NO NO NO NO NO "{\\" NO "}", "", ""}},
    {.name = "it",
     .plain = {"1234567890'ì", "qwertyuiopè+", "asdfghjklòà\\" NO "ù", "zxcvbnm,.-", "<"},
     .shift = {"!\"£$%&/()=?^", "QWERTYUIOPé*", "ASDFGHJKLç°|" NO "§", "ZXCVBNM;:_", ">"},
     .altgr = {"", NO NO "€" NO NO NO NO NO NO NO "[]", NO NO NO NO NO NO NO NO NO "@#", "", ""},
     .both = {"", NO NO NO NO NO NO NO NO NO NO "{}", "", "", ""}},
    {.name = "sv",
     .plain = {"1234567890+", "qwertyuiopå", "asdfghjklöä§" NO "'", "zxcvbnm,.-", "<"},
     .shift = {"!\"#¤%&/()=?", "QWERTYUIOPÅ", "ASDFGHJKLÖÄ½" NO "*", "ZXCVBNM;:_", ">"},
     .altgr = {NO "@£$€" NO "{[]}\\", NO NO "€", "", NO NO NO NO NO NO "µ", "|"}},
};

const char *const layout_names[] = {"us", "en-us", "en-gb", "de", "fr", "es", "it", "sv", NULL};

const struct layout *layout_find(const char *name)
{
    if (!strcmp(name, "en-us"))
        name = "us";
    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
        if (!strcmp(layouts[i].name, name))
            return &layouts[i];
    return NULL;
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

static int find_in(const char *const rows[ROWS], u32 character)
{
    for (int row = 0; row < ROWS; row++) {
        const char *at = rows[row] ? rows[row] : "";
        for (int key = first_key[row]; *at; key++)
            if (next_code(&at) == character)
                return key;
    }
    return -1;
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

bool layout_keys_for(const struct layout *layout, u32 character, struct layout_keys *keys)
{
    int key = control_key(character);
    *keys = (struct layout_keys){.key = key};
    if (character == 0xa0 || key >= 0)
        return key >= 0;
    const char *const *levels[] = {layout->plain, layout->shift, layout->altgr, layout->both};
    for (int level = 0; level < (int)ARRAY_SIZE(levels) && key < 0; level++) {
        key = find_in(levels[level], character);
        keys->shift = level & 1;
        keys->altgr = level & 2;
    }
    keys->key = key;
    return key >= 0;
}
