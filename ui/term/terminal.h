/*
 * The guest's screen, keyboard and mouse on the terminal that we were started from.
 */
#ifndef UI_TERM_TERMINAL_H
#define UI_TERM_TERMINAL_H

#include "accel/accel.h"
#include "machine/machine.h"

struct terminal;

/* layout: -k, or NULL: us.  Works on a thread of its own, with a monitor of its own.  NULL and err on failure. */
struct terminal *terminal_create(struct machine *machine, struct accel *accel, const char *layout, struct error *err);
/* Before the engine goes; machine lock not held, the loop not turning. */
void terminal_destroy(struct terminal *terminal);
/* The terminal as it was; from signal handlers too. */
void terminal_restore(void);

#endif
