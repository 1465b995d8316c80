/*
 * A process for each run of the benchmark: nothing of one run is left for the next, and a crash or hang ends only it.
 */
#ifndef UI_BENCH_CHILD_H
#define UI_BENCH_CHILD_H

#include <signal.h>

#include "machine/types.h"
#include "ui/bench_stats.h"

#define BENCH_ANSWER_MAX 1024

/* Set by a signal handler: whatever is under way ends, and nothing new begins. */
extern volatile sig_atomic_t bench_interrupted;

/* Part of a dialogue with a guest: when `prompt` has appeared, `line` and a carriage return are typed. */
struct bench_step {
    const char *prompt, *line;
};

struct bench_work {
    /* Called in the child: fills `size` bytes of answer, at most BENCH_ANSWER_MAX. */
    void (*run)(void *opaque, void *answer);
    void *opaque;
    size_t size;
    bool capture; /* its standard input is empty or the steps, and its output is read instead of shown; with `until`, */
    const char *until; /* not NULL, the child is asked to end (SIGTERM) when that text appears in it after all steps */
    const struct bench_step *steps;
    int step_count;
    double timeout; /* seconds */
};

struct bench_outcome {
    bool answered;     /* the answer is there */
    bool found;        /* the text was seen */
    int steps;         /* that were taken */
    double seconds;    /* from the start, or the last step, to the text, or to the end */
    char last[160];    /* the last line of its output that is not empty */
    char problem[200]; /* not "": crashed, timed out, never printed the text, interrupted */
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
