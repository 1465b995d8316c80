/*
 * The guest's screen as a file: .png, .ppm, or .txt (the text screen in UTF-8).
 */
#ifndef UI_SCREENDUMP_H
#define UI_SCREENDUMP_H

#include "machine/display.h"
#include "machine/error.h"

/* The file's ending says which.  0, or -errno and err.  Lock held. */
int screendump(const struct display *display, const char *path, struct error *err);

#endif
