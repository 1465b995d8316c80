/*
 * Writing pictures to files.
 */
#ifndef UI_PNG_H
#define UI_PNG_H

#include <stdio.h>

#include "machine/display.h"

/* 0, or -errno (-EIO: the file could not be written). */
int png_write(FILE *file, const struct surface *surface);

#endif
