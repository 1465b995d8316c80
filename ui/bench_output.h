/*
 * The benchmark's files: opened before the first run, so that a path that cannot be written is told at once, and filled
 * at the end in one piece, so that a run that is given up leaves nothing.
 */
#ifndef UI_BENCH_OUTPUT_H
#define UI_BENCH_OUTPUT_H

#include <stdio.h>

#include "machine/types.h"

struct bench_output {
    const char *path; /* NULL: none is wanted */
    int fd;
    bool created; /* it was not there before */
};

/* 0, or -errno.  A file that exists keeps its content until bench_output_write. */
int bench_output_open(struct bench_output *output, const char *path);
/* True if both are the same file. */
bool bench_output_same(const struct bench_output *a, const struct bench_output *b);
/* 0, or -errno; closes it. */
int bench_output_write(struct bench_output *output, const char *text, size_t size);
/* As if it had never been opened. */
void bench_output_drop(struct bench_output *output);

#endif
