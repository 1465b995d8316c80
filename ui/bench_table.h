/*
 * What the benchmark found: a row for each test, a column for each engine, and its three forms: text, JSON, SVG.
 */
#ifndef UI_BENCH_TABLE_H
#define UI_BENCH_TABLE_H

#include <stdio.h>

#include "machine/types.h"
#include "ui/bench_stats.h"

#define BENCH_MAX_ENGINES 6
#define BENCH_MAX_RUNS 99
#define BENCH_MAX_ROWS 128

struct bench_result {
    bool tried;              /* else this engine cannot run the test at all (native, ring 0) */
    char problem[200];       /* not "": there are no figures */
    u32 checksum;            /* of a command: its exit status */
    struct bench_stats time; /* seconds of a pass, over the runs */
    double exits;            /* to the host, of a pass; below 0: the engine has none */
    double interpreted;      /* instructions that the interpreter executed in its place, of a pass */
};

struct bench_row {
    char name[32], mode[8], unit[16]; /* mode and unit may be "" */
    unsigned operations;              /* of a pass, if it has a unit */
    double instructions;              /* of a pass, by the interpreter's count; 0: unknown */
    struct bench_result results[BENCH_MAX_ENGINES];
};

struct bench_table {
    const char *engines[BENCH_MAX_ENGINES]; /* "native", "interp" ... */
    int engine_count;
    int runs;
    double seconds; /* each run measured at least so long; 0: a command, from power-on to its end */
    char processor[100], system[100], version[32];
    char kvm[200], kvm_kind[16]; /* "hardware", "software" or "none" */
    struct bench_row rows[BENCH_MAX_ROWS];
    int row_count;
};

/* Millions of instructions a second; 0 if unknown. */
double bench_mips(const struct bench_row *row, int engine);
/* Time by the shortest time of all engines; 0 if there is none. */
double bench_ratio(const struct bench_table *table, const struct bench_row *row, int engine);
/* True if two engines computed different results. */
bool bench_mismatch(const struct bench_table *table, const struct bench_row *row);
/* The part of a pass that the interpreter executed, 0 to 1, for engines other than it. */
double bench_interpreted(const struct bench_table *table, const struct bench_row *row, int engine);
/* Rows whose engines disagree or that have a problem. */
int bench_failures(const struct bench_table *table);

void bench_print_head(FILE *out, const struct bench_table *table);
void bench_print_row(FILE *out, const struct bench_table *table, const struct bench_row *row);
void bench_print_foot(FILE *out, const struct bench_table *table);
void bench_write_json(FILE *out, const struct bench_table *table);
void bench_write_svg(FILE *out, const struct bench_table *table);

#endif
