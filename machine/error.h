/*
 * One-line errors for people.  A function that can fail for a reason that the user must hear returns -errno and fills
 * a struct error: what, which file or option, why, what to do.  Only ui/ prints it.
 */
#ifndef MACHINE_ERROR_H
#define MACHINE_ERROR_H

#include "machine/types.h"

struct error {
    char text[512];
};

/* Formats into err (which may be NULL) and returns -code, so that `return error_set(err, ENOENT, "...")` reads well. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Something went wrong outside while the machine runs (a disk of the host is full), which the guest cannot tell the
 * user: one line, from any thread. */
void error_report(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Where such lines go; any thread calls it.  NULL, as at the start: to standard error. */
void error_on_report(void (*show)(const char *text));

#endif
