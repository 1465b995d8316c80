/*
 * A process for each run of the benchmark: nothing of one run is left for the next, and a crash or hang ends only it.
 */
#ifndef UI_BENCH_CHILD_H
#define UI_BENCH_CHILD_H

#include "machine/types.h"
#include "ui/bench_stats.h"

#define BENCH_ANSWER_MAX 1024

struct bench_work {
    /* Called in the child: fills `size` bytes of answer, at most BENCH_ANSWER_MAX. */
    void (*run)(void *opaque, void *answer);
    void *opaque;
    size_t size;
    bool capture; /* its standard input is empty, and its output is read instead of shown; with `until`, not NULL, */
    const char *until; /* the child is asked to end (SIGTERM) when that text appears in it */
    double timeout;    /* seconds */
};

struct bench_outcome {
    bool answered;     /* the answer is there */
    bool found;        /* the text was seen */
    double seconds;    /* from the start to the text, or to the end */
    char problem[200]; /* not "": crashed, timed out, never printed the text */
};

void bench_child(const struct bench_work *work, void *answer, struct bench_outcome *outcome);

/* Searches a stream for a text: feed it piece by piece.  True from the piece on that ends it. */
struct bench_search {
    const char *text;
    size_t length;
    char tail[256]; /* the last length - 1 bytes */
    size_t tail_length;
    bool found;
};
void bench_search_begin(struct bench_search *search, const char *text);
bool bench_search_feed(struct bench_search *search, const char *data, size_t length);
#define BENCH_SEARCH_MAX 200 /* bytes of text */

#endif
