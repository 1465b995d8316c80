/*
 * The table of keyboard layouts; ui/layout.c reads it.
 */
#ifndef UI_LAYOUT_TABLE_H
#define UI_LAYOUT_TABLE_H

#include "machine/types.h"

/* Levels: plain, with Shift, with AltGr, with both; NULL: nothing more.  Each holds, in UTF-8 and in this order, the characters
 * of the keys 02-0D, 10-1B, 1E-29, 2B-35, 56 (beside the left Shift), 73 (beside the right Shift), 7D (beside Backspace), 39.
 * A space: none.  A combining mark: a dead key. */
#define LAYOUT_LEVELS 4
struct layout {
    const char *name;
    const char *levels[LAYOUT_LEVELS];
};

/* Ends with a name of NULL. */
extern const struct layout layout_table[];

#endif
