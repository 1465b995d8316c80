/*
 * Keys and pointer from whoever has them (window, terminal, VNC, monitor) to whichever chip takes them.
 *
 * A key is its AT set 1 make code; extended keys have KEY_E0 set (right Ctrl = KEY_E0 | 0x1d).  Pause is KEY_PAUSE,
 * PrintScreen KEY_E0 | 0x37.  The chip makes scan sets 2 and 3 out of it.
 */
#ifndef MACHINE_INPUT_H
#define MACHINE_INPUT_H

#include "machine/types.h"

#define KEY_E0 0x100
#define KEY_PAUSE 0x200

struct input_sink {
    void (*key)(void *opaque, int key, bool down);
    bool (*room)(void *opaque); /* whether the next key, whichever, finds room; NULL: always */
    /* Relative; dy grows downwards, wheel away from the user; buttons: 1 left, 2 right, 4 middle, 8 and 10h the sides. */
    void (*pointer)(void *opaque, int dx, int dy, int wheel, unsigned buttons);
    void *opaque;
};

/* A pointer that goes where the host's pointer is.  x, y: 0 to INPUT_ABSOLUTE_MAX over the picture. */
#define INPUT_ABSOLUTE_MAX 0xffff
struct input_tablet {
    bool (*active)(void *opaque); /* the guest has a driver that asked for it */
    void (*move)(void *opaque, int x, int y, int wheel, unsigned buttons);
    void *opaque;
};

#define INPUT_JOYSTICK_AXES 4
struct input_joystick {
    /* axes: -32768 (left, up) to 32767, or NULL: unplugged; buttons: bit 0 is the first one of joystick A. */
    void (*set)(void *opaque, const i16 *axes, unsigned buttons);
    void *opaque;
};

#define INPUT_WAITING 64

struct input {
    struct input_sink keyboard, mouse;
    /* Keys that came while the keyboard was full: a host that stalls and catches up types faster than any hand. */
    struct input_key {
        int key;
        bool down;
    } waiting[INPUT_WAITING];
    unsigned waiting_count;
    struct input_tablet tablet;
    struct input_joystick joystick;
    u8 leds; /* as the guest last set them: 1 Scroll Lock, 2 Num Lock, 4 Caps Lock */
};

/* Goes to the keyboard at once, or when it has room; with INPUT_WAITING waiting the first one goes, and is lost there. */
void input_key(struct input *input, int key, bool down);
/* From the keyboard: it may have room now. */
void input_keyboard_room(struct input *input);
/* From the keyboard's reset: what waits is forgotten. */
void input_forget_keys(struct input *input);

static inline void input_pointer(struct input *input, int dx, int dy, int wheel, unsigned buttons)
{
    if (input->mouse.pointer)
        input->mouse.pointer(input->mouse.opaque, dx, dy, wheel, buttons);
}

static inline bool input_is_absolute(const struct input *input)
{
    return input->tablet.active && input->tablet.active(input->tablet.opaque);
}

static inline void input_absolute(struct input *input, int x, int y, int wheel, unsigned buttons)
{
    if (input->tablet.move)
        input->tablet.move(input->tablet.opaque, x, y, wheel, buttons);
}

static inline void input_joystick_set(struct input *input, const i16 *axes, unsigned buttons)
{
    if (input->joystick.set)
        input->joystick.set(input->joystick.opaque, axes, buttons);
}

/* "ctrl", "alt", "f1", "ret", "spc", "a" ... (QEMU's sendkey names) to a key; -1 if unknown. */
int input_key_by_name(const char *name);
/* The name for a key, or NULL. */
const char *input_key_name(int key);
/* The key, and whether Shift is held, that types an ASCII character on a US keyboard; -1 if none does. */
int input_key_for_char(char c, bool *shift);

#endif
