/*
 * What keyboard layouts print: which keys type a character.
 */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include "machine/types.h"

struct layout;

struct layout_keys {
    int key; /* set 1 make code */
    bool shift, altgr;
};

/* By name ("us", "de"); NULL if there is none. */
const struct layout *layout_find(const char *name);
/* NULL-terminated, for error messages. */
extern const char *const layout_names[];
/* False if the layout has no key for the character, or only a dead one. */
bool layout_keys_for(const struct layout *layout, u32 character, struct layout_keys *keys);

#endif
