/*
 * `clutch bench`: its command line.
 */
#ifndef UI_BENCH_OPTIONS_H
#define UI_BENCH_OPTIONS_H

#include "ui/bench_child.h"
#include "ui/bench_rom.h"

#define BENCH_MAX_STEPS 16
#define BENCH_MAX_TESTS 64
#define BENCH_MAX_ARGUMENTS 256

struct bench_options {
    const char *json, *svg, *engines, *until;
    double seconds, timeout;
    int runs;
    bool list, help;
    const char *tests[BENCH_MAX_TESTS]; /* patterns */
    int test_count;
    char **command; /* behind --; NULL: none */
    int command_count;
    bool until_prompt; /* `until` is the last prompt: the machine may end instead */
    struct bench_step steps[BENCH_MAX_STEPS];
    int step_count;
    char *strings; /* what `tests` of --only points into */
};

/* 0, or -EINVAL after one line on standard error. */
int bench_options_parse(struct bench_options *options, int argc, char **argv);
void bench_print_help(void);
/* Each word must name a test; 0, or -EINVAL after one line. */
int bench_check_tests(const struct bench_options *options, const struct bench_rom *rom);
/* One line on standard error, after the program's name; returns -EINVAL. */
int bench_complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
