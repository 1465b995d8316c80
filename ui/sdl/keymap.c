/*
 * From the host's keys to a PC's, place by place: whatever the host's layout prints on them.
 *
 * Source: USB HID Usage Tables, "Keyboard/Keypad Page", which SDL's scan codes follow; Microsoft "Keyboard Scan Code
 *         Specification", the table that sets usages beside scan codes of set 1.
 */
#include "ui/sdl/internal.h"

/* clang-format off */
/* By usage 04h to 65h; 0: see below. */
static const u16 by_usage[] = {
    [0x04] = 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x23, 0x17, 0x24, 0x25, 0x26, 0x32, /* a-m */
    [0x11] = 0x31, 0x18, 0x19, 0x10, 0x13, 0x1f, 0x14, 0x16, 0x2f, 0x11, 0x2d, 0x15, 0x2c, /* n-z */
    [0x1e] = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,                   /* 1-9, 0 */
    [0x28] = 0x1c, 0x01, 0x0e, 0x0f, 0x39, 0x0c, 0x0d, 0x1a, 0x1b, 0x2b, 0x2b, 0x27, 0x28, 0x29, 0x33, 0x34, 0x35,
    [0x39] = 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58, /* Caps Lock, F1-F12 */
    [0x46] = KEY_E0 | 0x37, 0x46, KEY_PAUSE,
    [0x49] = KEY_E0 | 0x52, KEY_E0 | 0x47, KEY_E0 | 0x49, KEY_E0 | 0x53, KEY_E0 | 0x4f, KEY_E0 | 0x51,
    [0x4f] = KEY_E0 | 0x4d, KEY_E0 | 0x4b, KEY_E0 | 0x50, KEY_E0 | 0x48,                   /* right, left, down, up */
    [0x53] = 0x45, KEY_E0 | 0x35, 0x37, 0x4a, 0x4e, KEY_E0 | 0x1c,                         /* the keypad */
    [0x59] = 0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49, 0x52, 0x53,
    [0x64] = 0x56, KEY_E0 | 0x5d, KEY_E0 | 0x5e, 0x59,                                     /* <>, Menu, Power, keypad = */
    [0x68] = 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x76,       /* F13-F24 */
};

static const struct {
    SDL_Scancode scancode;
    u16 key;
} others[] = {
    {SDL_SCANCODE_LCTRL, 0x1d}, {SDL_SCANCODE_LSHIFT, 0x2a}, {SDL_SCANCODE_LALT, 0x38},
    {SDL_SCANCODE_LGUI, KEY_E0 | 0x5b}, {SDL_SCANCODE_RCTRL, KEY_E0 | 0x1d}, {SDL_SCANCODE_RSHIFT, 0x36},
    {SDL_SCANCODE_RALT, KEY_E0 | 0x38}, {SDL_SCANCODE_MODE, KEY_E0 | 0x38}, {SDL_SCANCODE_RGUI, KEY_E0 | 0x5c},
    {SDL_SCANCODE_INTERNATIONAL1, 0x73}, {SDL_SCANCODE_INTERNATIONAL2, 0x70}, {SDL_SCANCODE_INTERNATIONAL3, 0x7d},
    {SDL_SCANCODE_INTERNATIONAL4, 0x79}, {SDL_SCANCODE_INTERNATIONAL5, 0x7b}, {SDL_SCANCODE_KP_COMMA, 0x7e},
    {SDL_SCANCODE_SYSREQ, KEY_E0 | 0x37}, {SDL_SCANCODE_SLEEP, KEY_E0 | 0x5f},
    {SDL_SCANCODE_AUDIONEXT, KEY_E0 | 0x19}, {SDL_SCANCODE_AUDIOPREV, KEY_E0 | 0x10},
    {SDL_SCANCODE_AUDIOSTOP, KEY_E0 | 0x24}, {SDL_SCANCODE_AUDIOPLAY, KEY_E0 | 0x22},
    {SDL_SCANCODE_AUDIOMUTE, KEY_E0 | 0x20}, {SDL_SCANCODE_MUTE, KEY_E0 | 0x20},
    {SDL_SCANCODE_VOLUMEUP, KEY_E0 | 0x30}, {SDL_SCANCODE_VOLUMEDOWN, KEY_E0 | 0x2e},
};
/* clang-format on */

int keymap_key(SDL_Scancode scancode)
{
    if ((unsigned)scancode < ARRAY_SIZE(by_usage) && by_usage[scancode])
        return by_usage[scancode];
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i].scancode == scancode)
            return others[i].key;
    return -1;
}
