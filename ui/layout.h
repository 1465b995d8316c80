/*
 * What keyboard layouts print: which keys type a character.
 */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include <stddef.h>

#include "machine/types.h"

struct layout;

struct layout_keys {
    int key; /* set 1 make code */
    bool shift, altgr;
};

#define LAYOUT_STROKES 2

/* By name ("en-us" or "us", "de"); NULL if there is none. */
const struct layout *layout_find(const char *name);
/* All names, for error messages. */
void layout_list(char *text, size_t size);
/* How many keys in turn type the character: 2 with a dead key, 0 if the layout has no way. */
int layout_strokes(const struct layout *layout, u32 character, struct layout_keys strokes[LAYOUT_STROKES]);

#endif
