/*
 * The valid word that is nearest to a mistyped one.
 */
#ifndef UI_NEAREST_H
#define UI_NEAREST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
unsigned edit_distance(const char *a, const char *b);
/* Out of a NULL-terminated list; NULL if none is similar. */
const char *nearest(const char *word, const char *const *valid);
/* Writes " (did you mean 'x'?)", or "; there are a, b, c", into text and returns it. */
const char *nearest_hint(char *text, size_t size, const char *word, const char *const *valid);

#endif
