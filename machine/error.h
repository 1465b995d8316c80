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

#endif
