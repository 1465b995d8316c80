/*
 * What a terminal sends when a key is pressed or the mouse moves, as keys of a PC keyboard, characters and pointer reports.
 */
#ifndef UI_TERM_KEYS_H
#define UI_TERM_KEYS_H

#include <stddef.h>

#include "machine/types.h"

enum term_kind { TERM_NOTHING, TERM_KEY, TERM_TEXT, TERM_MOUSE };
enum { TERM_SHIFT = 1, TERM_ALT = 2, TERM_CTRL = 4 };

struct term_event {
    enum term_kind kind;
    unsigned modifiers;
    int key;  /* TERM_KEY: as machine/input.h has them */
    u32 text; /* TERM_TEXT: Unicode; with TERM_CTRL a small letter or what else is on the key */
    /* TERM_MOUSE: the cell, from 0; buttons as in machine/input.h. */
    int x, y, wheel;
    unsigned pressed, released;
};

/* The longest sequence that is looked at; the caller's buffer holds at least as much. */
#define TERM_SEQUENCE_MAX 48

/* Takes one event from the front of data, and returns its length; 0 if more bytes must come first.  `complete`: nothing
 * came for a while, so a sequence that might go on does not (Esc by itself).  `erase`: the byte that Backspace sends
 * beside DEL. */
size_t term_parse(const u8 *data, size_t length, bool complete, u8 erase, struct term_event *event);

#endif
