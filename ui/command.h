/*
 * The command line in one line, for whoever wants to repeat a run.
 */
#ifndef UI_COMMAND_H
#define UI_COMMAND_H

#include "machine/types.h"

/* As a shell takes it: an argument with other than plain characters is quoted.  On the heap, the caller's; NULL: no memory. */
char *command_quoted(int argc, char **argv);
/* The same, and an option by which the guest's calendar starts at `epoch` (Unix seconds) again. */
char *command_dated(int argc, char **argv, i64 epoch);

#endif
