/*
 * The terminal that we were started on: raw mode and alternate screen, and the way back from them.
 */
#ifndef UI_TERM_TTY_H
#define UI_TERM_TTY_H

#include <stddef.h>
#include <sys/types.h>

#include "machine/error.h"
#include "machine/types.h"

/* 0, or -errno and err.  A process has one terminal: this is called once before term_tty_close. */
int term_tty_open(struct error *err);
/* The alternate screen, or the ordinary one.  What was to be written before is lost or done. */
void term_tty_screen(bool alternate);
/* As many bytes as it takes now; 0 if none; -errno. */
ssize_t term_tty_write(const char *data, size_t length);
/* To poll for POLLOUT. */
int term_tty_output(void);
void term_tty_size(int *columns, int *rows);
/* The byte that Backspace sends. */
u8 term_tty_erase(void);
/* We were stopped since the last call: nothing is known of the screen. */
bool term_tty_resumed(void);
/* Reports of the mouse. */
void term_tty_mouse(bool on);
/* Async-signal-safe, may be called twice, and without term_tty_open. */
void term_tty_restore(void);
void term_tty_close(void);

#endif
