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
    void (*pointer)(void *opaque, int dx, int dy, int wheel, unsigned buttons); /* relative; buttons: 1 L, 2 R, 4 M */
    void *opaque;
};

struct input {
    struct input_sink keyboard, mouse;
};

static inline void input_key(struct input *input, int key, bool down)
{
    if (input->keyboard.key)
        input->keyboard.key(input->keyboard.opaque, key, down);
}

static inline void input_pointer(struct input *input, int dx, int dy, int wheel, unsigned buttons)
{
    if (input->mouse.pointer)
        input->mouse.pointer(input->mouse.opaque, dx, dy, wheel, buttons);
}

/* "ctrl", "alt", "f1", "ret", "spc", "a" ... (QEMU's sendkey names) to a key; -1 if unknown. */
int input_key_by_name(const char *name);
/* The name for a key, or NULL. */
const char *input_key_name(int key);
/* The key, and whether Shift is held, that types an ASCII character on a US keyboard; -1 if none does. */
int input_key_for_char(char c, bool *shift);

#endif
