/*
 * `clutch bench -- OPTIONS`: a machine of the user's.
 */
#ifndef UI_BENCH_COMMAND_H
#define UI_BENCH_COMMAND_H

#include "ui/bench.h"
#include "ui/bench_options.h"
#include "ui/bench_table.h"

struct bench_command {
    const struct bench_options *options;
    int (*program)(int argc, char **argv, struct bench_figures *figures);
    const char *before[3]; /* options that stand before the user's */
    int before_count;
};

/* Reads the options behind --; 0, or -EINVAL after one line. */
int bench_command_prepare(struct bench_command *command, struct bench_table *table);
/* One run of the table's last row under one engine.  -EINVAL after one line if the machine cannot be built at all. */
int bench_command_run(const struct bench_command *command, struct bench_table *table, int engine);

#endif
