/*
 * One line being typed at a terminal: echo, cursor keys, history.
 */
#ifndef UI_LINEEDIT_H
#define UI_LINEEDIT_H

#include <stddef.h>

#include "machine/types.h"

#define LINEEDIT_SIZE 512
#define LINEEDIT_HISTORY 64

struct lineedit {
    void (*put)(void *opaque, const char *text); /* to the terminal */
    void *opaque;
    char text[LINEEDIT_SIZE];
    size_t length, cursor;
    char *history[LINEEDIT_HISTORY]; /* the oldest first */
    int history_count, browsing;     /* browsing == history_count: the line is a new one */
    char kept[LINEEDIT_SIZE];        /* the new line, while older ones are looked at */
    bool after_cr;                   /* LF after CR is the same Enter */
    u8 escape[8];                    /* of a key's escape sequence, so far */
    unsigned escape_length;
};

void lineedit_init(struct lineedit *edit, void (*put)(void *opaque, const char *text), void *opaque);
void lineedit_free(struct lineedit *edit);

/* Takes one byte.  At Enter: the line, valid until the next call; else NULL.  The terminal stays on the line. */
const char *lineedit_type(struct lineedit *edit, u8 byte);
/* Shows the unfinished line again, after a fresh prompt. */
void lineedit_redraw(struct lineedit *edit);

#endif
