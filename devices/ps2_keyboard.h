/*
 * PS/2 (enhanced, 102-key) keyboard.  See ps2_keyboard.c for source and coverage.
 */
#ifndef DEVICES_PS2_KEYBOARD_H
#define DEVICES_PS2_KEYBOARD_H

#include "devices/ps2.h"
#include "machine/machine.h"

#define PS2_KEYBOARD_GREY 32 /* a power of two: the set 1 codes of the keys with shift codes differ in their low bits */

struct ps2_keyboard {
    struct ps2_device port; /* hand &keyboard.port to i8042_init */
    /* Guest state. */
    struct ps2_queue replies; /* answers to commands: go out before keys */
    struct ps2_queue keys;    /* the 16-byte buffer of the keyboard, whole keys only */
    u8 command;               /* command whose parameter is awaited, 0 for none */
    u8 scan_set;              /* 1-3 */
    u8 leds;
    u8 typematic; /* as set by command F3 */
    bool scanning;
    bool overrun;     /* the overrun byte stands in `keys` */
    u8 last_sent;     /* for Resend */
    u8 key_mode[256]; /* set 3, by code: whether the key repeats, and whether its release is sent */
    u16 repeat_key;   /* the key held down last, 0 for none */
    u8 down[64];      /* keys held, by KEY_* code */
    u8 pressed_with[PS2_KEYBOARD_GREY]; /* by set 1 code: the shift codes that a grey key was pressed with */
    struct timer repeat;
    struct timer test; /* power-on self test (BAT) in progress */
    /* Wiring. */
    struct clock *clock;
    struct input *input;
    struct device device;
    void (*leds_changed)(void *opaque, u8 leds); /* bit 0 Scroll, 1 Num, 2 Caps; may be NULL */
    void *leds_opaque;
};

/* Takes machine->input.keyboard. */
void ps2_keyboard_init(struct ps2_keyboard *keyboard, struct machine *machine);

extern const struct device_ops ps2_keyboard_ops;

#endif
