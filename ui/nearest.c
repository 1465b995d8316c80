/*
 * Edit distance (optimal string alignment), and advice for whoever mistyped a word.
 */
#include "ui/nearest.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 40

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

unsigned edit_distance(const char *a, const char *b)
{
    unsigned d[LONGEST + 1][LONGEST + 1];
    size_t la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST);
    for (size_t i = 0; i <= la; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= lb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        for (size_t j = 1; j <= lb; j++) {
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[la][lb];
}

const char *nearest(const char *word, const char *const *valid)
{
    const char *best = NULL;
    unsigned best_distance = 1 + (strnlen(word, LONGEST) + 1) / 3; /* farther than this is another word */
    for (; *valid; valid++) {
        unsigned distance = edit_distance(word, *valid);
        if (distance < best_distance || (!best && distance == best_distance)) {
            best = *valid;
            best_distance = distance;
        }
    }
    return best;
}

const char *nearest_hint(char *text, size_t size, const char *word, const char *const *valid)
{
    const char *best = nearest(word, valid);
    if (best) {
        snprintf(text, size, " (did you mean '%s'?)", best);
        return text;
    }
    size_t used = snprintf(text, size, "; there %s", valid[0] && !valid[1] ? "is" : "are");
    for (const char *separator = " "; *valid && used < size; valid++, separator = ", ")
        used += snprintf(text + used, size - used, "%s%s", separator, *valid);
    return text;
}
