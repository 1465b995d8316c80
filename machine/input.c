/*
 * Keys on their way to the keyboard, their names, and the keys of a US keyboard's characters.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard Scan Codes, Set 1".
 */
#include "machine/input.h"

#include <stdlib.h>
#include <string.h>

static void deliver_first(struct input *input)
{
    struct input_key first = input->waiting[0];
    memmove(input->waiting, input->waiting + 1, --input->waiting_count * sizeof(first));
    input->keyboard.key(input->keyboard.opaque, first.key, first.down);
}

void input_keyboard_room(struct input *input)
{
    const struct input_sink *keyboard = &input->keyboard;
    while (input->waiting_count && (!keyboard->room || keyboard->room(keyboard->opaque)))
        deliver_first(input);
}

void input_key(struct input *input, int key, bool down)
{
    if (!input->keyboard.key)
        return;
    if (input->waiting_count == INPUT_WAITING)
        deliver_first(input);
    input->waiting[input->waiting_count++] = (struct input_key){key, down};
    input_keyboard_room(input);
}

void input_forget_keys(struct input *input)
{
    input->waiting_count = 0;
}

/* clang-format off */
/* Where a key has several names the first is the one that input_key_name gives. */
static const struct {
    const char *name;
    int key;
} names[] = {
    {"esc", 0x01}, {"1", 0x02}, {"2", 0x03}, {"3", 0x04}, {"4", 0x05}, {"5", 0x06}, {"6", 0x07}, {"7", 0x08},
    {"8", 0x09}, {"9", 0x0a}, {"0", 0x0b}, {"minus", 0x0c}, {"equal", 0x0d}, {"backspace", 0x0e}, {"tab", 0x0f},
    {"q", 0x10}, {"w", 0x11}, {"e", 0x12}, {"r", 0x13}, {"t", 0x14}, {"y", 0x15}, {"u", 0x16}, {"i", 0x17},
    {"o", 0x18}, {"p", 0x19}, {"bracket_left", 0x1a}, {"bracket_right", 0x1b}, {"ret", 0x1c}, {"ctrl", 0x1d},
    {"a", 0x1e}, {"s", 0x1f}, {"d", 0x20}, {"f", 0x21}, {"g", 0x22}, {"h", 0x23}, {"j", 0x24}, {"k", 0x25},
    {"l", 0x26}, {"semicolon", 0x27}, {"apostrophe", 0x28}, {"grave_accent", 0x29}, {"shift", 0x2a},
    {"backslash", 0x2b}, {"z", 0x2c}, {"x", 0x2d}, {"c", 0x2e}, {"v", 0x2f}, {"b", 0x30}, {"n", 0x31}, {"m", 0x32},
    {"comma", 0x33}, {"dot", 0x34}, {"slash", 0x35}, {"shift_r", 0x36}, {"kp_multiply", 0x37}, {"alt", 0x38},
    {"spc", 0x39}, {"caps_lock", 0x3a}, {"f1", 0x3b}, {"f2", 0x3c}, {"f3", 0x3d}, {"f4", 0x3e}, {"f5", 0x3f},
    {"f6", 0x40}, {"f7", 0x41}, {"f8", 0x42}, {"f9", 0x43}, {"f10", 0x44}, {"num_lock", 0x45}, {"scroll_lock", 0x46},
    {"kp_7", 0x47}, {"kp_8", 0x48}, {"kp_9", 0x49}, {"kp_subtract", 0x4a}, {"kp_4", 0x4b}, {"kp_5", 0x4c},
    {"kp_6", 0x4d}, {"kp_add", 0x4e}, {"kp_1", 0x4f}, {"kp_2", 0x50}, {"kp_3", 0x51}, {"kp_0", 0x52},
    {"kp_decimal", 0x53}, {"sysrq", 0x54}, {"less", 0x56}, {"f11", 0x57}, {"f12", 0x58}, {"kp_equals", 0x59},
    {"hiragana", 0x70}, {"ro", 0x73}, {"henkan", 0x79}, {"muhenkan", 0x7b}, {"yen", 0x7d}, {"kp_comma", 0x7e},
    /* Extended. */
    {"kp_enter", KEY_E0 | 0x1c}, {"ctrl_r", KEY_E0 | 0x1d}, {"kp_divide", KEY_E0 | 0x35}, {"print", KEY_E0 | 0x37},
    {"alt_r", KEY_E0 | 0x38}, {"home", KEY_E0 | 0x47}, {"up", KEY_E0 | 0x48}, {"pgup", KEY_E0 | 0x49},
    {"left", KEY_E0 | 0x4b}, {"right", KEY_E0 | 0x4d}, {"end", KEY_E0 | 0x4f}, {"down", KEY_E0 | 0x50},
    {"pgdn", KEY_E0 | 0x51}, {"insert", KEY_E0 | 0x52}, {"delete", KEY_E0 | 0x53}, {"meta_l", KEY_E0 | 0x5b},
    {"meta_r", KEY_E0 | 0x5c}, {"menu", KEY_E0 | 0x5d}, {"power", KEY_E0 | 0x5e}, {"sleep", KEY_E0 | 0x5f},
    {"wake", KEY_E0 | 0x63}, {"audioprev", KEY_E0 | 0x10}, {"audionext", KEY_E0 | 0x19}, {"audiomute", KEY_E0 | 0x20},
    {"audioplay", KEY_E0 | 0x22}, {"audiostop", KEY_E0 | 0x24}, {"volumedown", KEY_E0 | 0x2e},
    {"volumeup", KEY_E0 | 0x30}, {"pause", KEY_PAUSE},
    /* Second names. */
    {"asterisk", 0x37}, {"compose", KEY_E0 | 0x5d}, {"kp_period", 0x53}, {"escape", 0x01}, {"enter", 0x1c},
    {"return", 0x1c}, {"space", 0x39},
};
/* clang-format on */

/* "0x1d", and "0x9d" for its extended twin, as scan codes are given to sendkey. */
static int key_by_number(const char *name)
{
    char *end;
    unsigned long code = strtoul(name, &end, 16);
    if (strncmp(name, "0x", 2) || end == name + 2 || *end || !code || code > 0xff || code == 0x80)
        return -1;
    return code & 0x80 ? KEY_E0 | (int)(code & 0x7f) : (int)code;
}

int input_key_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!strcmp(names[i].name, name))
            return names[i].key;
    return key_by_number(name);
}

const char *input_key_name(int key)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].key == key)
            return names[i].name;
    return NULL;
}

/* The characters of each row of a US keyboard, in order of scan code from `first`. */
static const struct {
    int first;
    const char *plain, *shifted;
} rows[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", ""},
};

static int control_key(char c)
{
    switch (c) {
    case '\n':
    case '\r':
        return 0x1c;
    case '\t':
        return 0x0f;
    case '\b':
    case 0x7f:
        return 0x0e;
    case 0x1b:
        return 0x01;
    default:
        return -1;
    }
}

int input_key_for_char(char c, bool *shift)
{
    *shift = false;
    if (!c)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *at = strchr(rows[i].plain, c);
        if (at)
            return rows[i].first + (int)(at - rows[i].plain);
        at = strchr(rows[i].shifted, c);
        if (at) {
            *shift = true;
            return rows[i].first + (int)(at - rows[i].shifted);
        }
    }
    return control_key(c);
}
