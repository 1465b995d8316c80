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

/* One run of one test under one engine. */
struct bench_run {
    u64 passes;         /* measured */
    double seconds;     /* of all of them */
    double exits;       /* of all of them; below 0: the engine has none */
    double fallbacks;   /* how often the interpreter took over */
    double interpreted; /* instructions that the interpreter executed */
};

struct bench_result {
    bool tried;              /* else this engine cannot run the test at all (native, ring 0) */
    char problem[200];       /* not "": there are no figures */
    u32 checksum;            /* of a command: its exit status */
    struct bench_stats time; /* seconds of a pass, over the runs */
    double exits;            /* of a pass, the mean over all runs; below 0: the engine has none */
    double fallbacks, interpreted;
    struct bench_run runs[BENCH_MAX_RUNS];
    int run_count;
};

struct bench_row {
    char name[32], mode[8], unit[16]; /* mode and unit may be "" */
    unsigned operations;              /* of a pass, if it has a unit */
    double instructions;              /* of a pass, by the interpreter's count; 0: unknown */
    bool has_reference;               /* the host's own processor has computed what the checksum must be */
    u32 reference;
    struct bench_result results[BENCH_MAX_ENGINES];
};

struct bench_host {
    char processor[100], system[100], governor[40]; /* governor: "" unknown */
    char kvm[200], kvm_kind[16];                    /* "hardware", "software" or "none" */
    int processors, online;                         /* that this program may use; that there are */
    bool virtual;                                   /* this host is itself a hypervisor's guest */
    double load;                                    /* the load average of the last minute, at the start; -1: unknown */
    double others, stolen;                          /* part of the processors' time, 0 to 1, that other programs and a
                                                     * hypervisor took while we measured; -1: unknown */
};

struct bench_table {
    const char *engines[BENCH_MAX_ENGINES]; /* "native", "interp" ... */
    int engine_count;
    int runs;
    double seconds; /* each run measured at least so long; 0: a command, from power-on or what was typed to its end */
    bool typed, until; /* of a command: the time begins with what was typed; it ends with a text, not the machine */
    char version[32];
    char command[512]; /* the options of the user's machine */
    int width;         /* of the terminal */
    struct bench_host host;
    struct bench_row rows[BENCH_MAX_ROWS];
    int row_count;
};

void bench_add_run(struct bench_result *result, const struct bench_run *run);
/* From all runs: time, exits, fallbacks, interpreted. */
void bench_summarize(struct bench_result *result);

/* Millions of instructions a second; 0 if unknown. */
double bench_mips(const struct bench_table *table, const struct bench_row *row, int engine);
/* Time by the shortest time of all engines; 0 if there is none. */
double bench_ratio(const struct bench_table *table, const struct bench_row *row, int engine);
/* True if the host's own processor computes something else. */
bool bench_wrong(const struct bench_row *row, int engine);
/* True if two engines computed different results. */
bool bench_mismatch(const struct bench_table *table, const struct bench_row *row);
/* The part of a pass that the interpreter executed, 0 to 1, for engines other than it; below 0: unknown. */
double bench_interpreted(const struct bench_table *table, const struct bench_row *row, int engine);
/* Rows whose engines disagree or that have a problem. */
int bench_failures(const struct bench_table *table);
/* True if other programs or a hypervisor took so much that the figures are doubtful. */
bool bench_disturbed(const struct bench_host *host);

/* Side by side if that fits table->width, else a line for each engine. */
void bench_print_head(FILE *out, const struct bench_table *table);
/* The row that was added last. */
void bench_print_row(FILE *out, const struct bench_table *table);
void bench_print_foot(FILE *out, const struct bench_table *table);
void bench_write_json(FILE *out, const struct bench_table *table);
void bench_write_svg(FILE *out, const struct bench_table *table);

#endif
