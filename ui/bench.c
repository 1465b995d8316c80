/*
 * `clutch bench`: its command line, and the order in which tests, runs and engines take their turns.
 *
 * Engines take turns within each run, so that a slow phase of the host meets all of them.  Each measurement is a process
 * of its own (bench_child.h).
 */
#include "ui/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "ui/bench_child.h"
#include "ui/bench_host.h"
#include "ui/bench_rom.h"
#include "ui/bench_table.h"
#include "ui/nearest.h"

enum { STATUS_OK = 0, STATUS_WRONG_USE = 1, STATUS_FAILED = 2 };

#define NATIVE "native"
#define MAX_ARGUMENTS 256

struct bench {
    struct bench_rom rom;
    struct bench_table table;
    const char *json, *svg, *wanted_engines, *until;
    char *engine_names;
    double seconds, timeout;
    bool list;
    char **tests; /* patterns */
    int test_count;
    char **command; /* behind -- */
    int command_count;
    int (*program)(int argc, char **argv, struct bench_figures *figures);
};

static int wrong(const char *text, const char *what)
{
    fprintf(stderr, "clutch bench: ");
    fprintf(stderr, text, what);
    fputc('\n', stderr);
    return -EINVAL;
}

/* --- engines ----------------------------------------------------------------------------------------------------- */

static void add_engine(struct bench *bench, const char *name)
{
    if (bench->table.engine_count < BENCH_MAX_ENGINES)
        bench->table.engines[bench->table.engine_count++] = name;
}

static bool has_native(const struct bench *bench)
{
#if defined(__x86_64__)
    return !bench->command;
#else
    return false;
#endif
}

/* Native, the interpreter, then the others, as far as they are here. */
static void add_all_engines(struct bench *bench)
{
    if (has_native(bench))
        add_engine(bench, NATIVE);
    add_engine(bench, interp_engine.name);
    for (unsigned i = 0; engines[i]; i++) {
        struct error why = {""};
        if (engines[i] == &interp_engine)
            continue;
        if (engines[i]->probe(&why) == 0)
            add_engine(bench, engines[i]->name);
        else
            fprintf(stderr, "clutch bench: without %s: %s\n", engines[i]->name, why.text);
    }
}

static int add_named_engine(struct bench *bench, const char *name)
{
    struct error why = {""};
    if (!strcmp(name, NATIVE)) {
        if (!has_native(bench))
            return wrong("--engine %s: not here", name);
        add_engine(bench, NATIVE);
        return 0;
    }
    if (strchr(name, ':')) { /* two of them in lockstep: accel/lockstep.c checks the names */
        add_engine(bench, name);
        return 0;
    }
    for (unsigned i = 0; engines[i]; i++)
        if (!strcmp(engines[i]->name, name)) {
            if (engines[i]->probe(&why) < 0)
                return wrong("--engine: %s", why.text);
            add_engine(bench, engines[i]->name);
            return 0;
        }
    return wrong("there is no engine '%s'", name);
}

static int choose_engines(struct bench *bench)
{
    int r = 0;
    if (!bench->wanted_engines) {
        add_all_engines(bench);
        return 0;
    }
    char *rest = bench->engine_names = strdup(bench->wanted_engines); /* kept: the table points into it */
    for (char *name; r == 0 && (name = strsep(&rest, ","));)
        r = add_named_engine(bench, name);
    return r;
}

/* --- one measurement --------------------------------------------------------------------------------------------- */

struct job {
    const struct bench *bench;
    const struct bench_test *test;
    const char *engine;
    double seconds;
};

static void run_test(void *opaque, void *answer)
{
    const struct job *job = opaque;
    struct bench_sample sample;
    if (!strcmp(job->engine, NATIVE))
        bench_run_native(&job->bench->rom, job->test, job->seconds, &sample);
    else
        bench_run_engine(&job->bench->rom, job->test, job->engine, job->seconds, &sample);
    memcpy(answer, &sample, sizeof(sample));
}

/* False with a problem in the result. */
static bool measure(const struct bench *bench, const struct bench_test *test, const char *engine, double seconds,
                    struct bench_sample *sample, struct bench_result *result)
{
    struct job job = {bench, test, engine, seconds};
    struct bench_work work = {.run = run_test, .opaque = &job, .size = sizeof(*sample), .timeout = bench->timeout};
    struct bench_outcome outcome;
    bench_child(&work, sample, &outcome);
    if (!outcome.problem[0] && sample->valid && sample->passes)
        return true;
    snprintf(result->problem, sizeof(result->problem), "%.190s",
             outcome.problem[0] ? outcome.problem : sample->problem);
    return false;
}

struct runs {
    double seconds[BENCH_MAX_RUNS];
    int count;
};

static void take_sample(const struct bench *bench, struct bench_row *row, int engine, const struct bench_sample *sample,
                        struct runs *runs)
{
    struct bench_result *result = &row->results[engine];
    bool interp = !strcmp(bench->table.engines[engine], interp_engine.name);
    if (runs->count && result->checksum != sample->checksum) {
        snprintf(result->problem, sizeof(result->problem), "two runs differ: %08x, %08x", result->checksum,
                 sample->checksum);
        return;
    }
    result->checksum = sample->checksum;
    runs->seconds[runs->count++] = sample->seconds / (double)sample->passes;
    result->interpreted = (double)sample->interpreted / (double)sample->passes;
    result->exits =
        interp || !strcmp(bench->table.engines[engine], NATIVE) ? -1 : (double)sample->exits / (double)sample->passes;
    if (interp)
        row->instructions = result->interpreted;
}

/* The interpreter counts a pass where it does not take part. */
static void count_instructions(const struct bench *bench, const struct bench_test *test, struct bench_row *row)
{
    struct bench_sample sample;
    struct bench_result unused = {0};
    if (row->instructions <= 0 && measure(bench, test, interp_engine.name, 0.0, &sample, &unused))
        row->instructions = (double)sample.interpreted / (double)sample.passes;
}

static void run_row(struct bench *bench, const struct bench_test *test)
{
    struct bench_table *table = &bench->table;
    struct bench_row *row = &table->rows[table->row_count];
    struct runs runs[BENCH_MAX_ENGINES] = {0};
    struct bench_sample sample;
    *row = (struct bench_row){.operations = test->operations};
    snprintf(row->name, sizeof(row->name), "%.16s", test->name);
    snprintf(row->mode, sizeof(row->mode), "%s", bench_mode_name(test->mode));
    snprintf(row->unit, sizeof(row->unit), "%.12s", test->unit);
    for (int run = 0; run < table->runs; run++)
        for (int i = 0; i < table->engine_count; i++) {
            struct bench_result *result = &row->results[i];
            if (!strcmp(table->engines[i], NATIVE) && !bench_runs_natively(test))
                continue;
            result->tried = true;
            if (!result->problem[0] && measure(bench, test, table->engines[i], bench->seconds, &sample, result))
                take_sample(bench, row, i, &sample, &runs[i]);
        }
    for (int i = 0; i < table->engine_count; i++)
        row->results[i].time = bench_statistics(runs[i].seconds, runs[i].count);
    count_instructions(bench, test, row);
    table->row_count++;
    bench_print_row(stdout, table, row);
    fflush(stdout);
}

/* --- a command of the user's ------------------------------------------------------------------------------------- */

struct command_answer {
    int status;
    struct bench_figures figures;
};

static void run_command(void *opaque, void *answer)
{
    static char accel[] = "-accel", name[] = "clutch";
    const struct job *job = opaque;
    char *argv[MAX_ARGUMENTS + 4] = {name};
    struct command_answer result = {0};
    int argc = 1;
    for (int i = 0; i < job->bench->command_count; i++)
        argv[argc++] = job->bench->command[i];
    argv[argc++] = accel;
    argv[argc++] = (char *)job->engine;
    result.status = job->bench->program(argc, argv, &result.figures);
    memcpy(answer, &result, sizeof(result));
}

static void measure_command(const struct bench *bench, struct bench_row *row, int engine, struct runs *runs)
{
    struct job job = {.bench = bench, .engine = bench->table.engines[engine]};
    struct command_answer answer = {0};
    struct bench_work work = {.run = run_command,
                              .opaque = &job,
                              .size = sizeof(answer),
                              .capture = true,
                              .until = bench->until,
                              .timeout = bench->timeout};
    struct bench_result *result = &row->results[engine];
    struct bench_outcome outcome;
    bench_child(&work, &answer, &outcome);
    if (!outcome.problem[0] && bench->until && !outcome.found)
        snprintf(result->problem, sizeof(result->problem), "ended (exit status %d) without the text of --until",
                 answer.status);
    else if (!outcome.problem[0] && !bench->until && answer.status == 1 && !answer.figures.instructions)
        snprintf(result->problem, sizeof(result->problem), "did not start");
    else
        memcpy(result->problem, outcome.problem, sizeof(result->problem));
    if (result->problem[0])
        return;
    bool interp = !strcmp(job.engine, interp_engine.name);
    runs->seconds[runs->count++] = outcome.seconds;
    result->checksum = bench->until ? 0 : (u32)answer.status;
    result->interpreted = (double)answer.figures.instructions;
    result->exits = interp ? -1 : (double)answer.figures.exits;
    if (interp)
        row->instructions = result->interpreted;
}

static void run_command_row(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    struct bench_row *row = &table->rows[table->row_count++];
    struct runs runs[BENCH_MAX_ENGINES] = {0};
    snprintf(row->name, sizeof(row->name), "command");
    for (int run = 0; run < table->runs; run++)
        for (int i = 0; i < table->engine_count; i++) {
            row->results[i].tried = true;
            if (!row->results[i].problem[0])
                measure_command(bench, row, i, &runs[i]);
        }
    for (int i = 0; i < table->engine_count; i++)
        row->results[i].time = bench_statistics(runs[i].seconds, runs[i].count);
    bench_print_row(stdout, table, row);
}

/* --- command line ------------------------------------------------------------------------------------------------ */

static void print_help(void)
{
    puts(
        "Usage: clutch bench [options] [TEST...]\n"
        "       clutch bench [options] -- OPTIONS OF CLUTCH\n\n"
        "Runs our benchmark guest, or the machine that the options behind -- describe, under every engine of this "
        "host;\n"
        "what can run natively runs natively too.  TEST: a name of --list, a part of it before or behind the dash\n"
        "(x87, 64u), or a pattern ('port-*').\n\n"
        "  --list             the tests\n"
        "  --engine A,B       only these: native, interp, kvm; A:B: two in lockstep, compared after every instruction\n"
        "  --runs N           this many runs of each (3); the table has the median\n"
        "  --time SECONDS     measure at least so long in each run (0.1)\n"
        "  --timeout SECONDS  give up a run after this (120)\n"
        "  --json FILE        the figures\n"
        "  --svg FILE         a bar chart\n"
        "  --until TEXT       the machine behind -- is done when this appears on its standard output (-serial stdio,\n"
        "                     -nographic); otherwise when it ends: power-off, or isa-debug-exit, whose status must be\n"
        "                     the same under all engines\n\n"
        "Exit status: 0 all is well, 1 wrong use, 2 a test failed or engines disagree.");
}

static void print_list(const struct bench *bench)
{
    static const char *const modes[BENCH_MODES] = {"16-bit real mode", "32-bit ring 0", "32-bit ring 3",
                                                   "64-bit ring 0", "64-bit ring 3"};
    for (int i = 0; i < bench->rom.test_count; i++) {
        const struct bench_test *test = &bench->rom.tests[i];
        char name[32];
        printf("%-18s %s%s\n", bench_test_name(test, name), modes[test->mode % BENCH_MODES],
               bench_runs_natively(test) ? ", natively too" : "");
    }
}

static int parse_number(const char *option, const char *text, double low, double high, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end != text && !*end && *value >= low && *value <= high)
        return 0;
    fprintf(stderr, "clutch bench: --%s %s: not a number from %g to %g\n", option, text, low, high);
    return -EINVAL;
}

enum { LIST = 1000, ENGINE, RUNS, TIME, TIMEOUT, JSON, SVG, UNTIL, HELP };

static const struct option options[] = {
    {"list", no_argument, NULL, LIST},
    {"engine", required_argument, NULL, ENGINE},
    {"runs", required_argument, NULL, RUNS},
    {"time", required_argument, NULL, TIME},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"json", required_argument, NULL, JSON},
    {"svg", required_argument, NULL, SVG},
    {"until", required_argument, NULL, UNTIL},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int unknown_option(const char *given)
{
    const char *names[ARRAY_SIZE(options)];
    char hint[200], word[100];
    size_t i;
    for (i = 0; options[i].name; i++)
        names[i] = options[i].name;
    names[i] = NULL;
    snprintf(word, sizeof(word), "%s", given + strspn(given, "-"));
    word[strcspn(word, "=")] = 0;
    for (i = 0; names[i]; i++)
        if (!strcmp(names[i], word))
            return wrong(options[i].has_arg ? "--%s wants a value" : "--%s takes no value", word);
    fprintf(stderr, "clutch bench: there is no option '%s'%s\n", given, nearest_hint(hint, sizeof(hint), word, names));
    return -EINVAL;
}

static int take_option(struct bench *bench, int option, char **argv)
{
    double number;
    int r = 0;
    switch (option) {
    case LIST: bench->list = true; break;
    case ENGINE: bench->wanted_engines = optarg; break;
    case RUNS:
        r = parse_number("runs", optarg, 1, BENCH_MAX_RUNS, &number);
        bench->table.runs = (int)number;
        break;
    case TIME: r = parse_number("time", optarg, 0.0001, 3600, &bench->seconds); break;
    case TIMEOUT: r = parse_number("timeout", optarg, 0.1, 86400, &bench->timeout); break;
    case JSON: bench->json = optarg; break;
    case SVG: bench->svg = optarg; break;
    case UNTIL:
        bench->until = optarg;
        if (!*optarg || strlen(optarg) > BENCH_SEARCH_MAX)
            r = wrong("--until wants a text of 1 to 200 bytes%s", "");
        break;
    case HELP: print_help(); exit(STATUS_OK);
    default: r = unknown_option(argv[optind - 1]); break;
    }
    return r;
}

static int parse(struct bench *bench, int argc, char **argv)
{
    int option, r = 0, end = argc;
    for (int i = 1; i < argc && end == argc; i++)
        if (!strcmp(argv[i], "--"))
            end = i;
    if (end < argc) {
        bench->command = argv + end + 1;
        bench->command_count = argc - end - 1;
        if (bench->command_count > MAX_ARGUMENTS)
            return wrong("too many options behind --%s", "");
    }
    opterr = 0;
    optind = 1;
    while (r == 0 && (option = getopt_long(end, argv, "", options, NULL)) != -1)
        r = take_option(bench, option, argv);
    bench->tests = argv + optind;
    bench->test_count = end - optind;
    if (r == 0 && bench->command && bench->test_count)
        r = wrong("either tests or a machine behind --, not both (%s)", bench->tests[0]);
    if (r == 0 && bench->until && !bench->command)
        r = wrong("--until is for a machine behind --%s", "");
    return r;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static bool chosen(const struct bench *bench, const struct bench_test *test)
{
    for (int i = 0; i < bench->test_count; i++)
        if (bench_test_matches(test, bench->tests[i]))
            return true;
    return bench->test_count == 0;
}

/* Each word must name something. */
static int check_tests(const struct bench *bench)
{
    for (int i = 0; i < bench->test_count; i++) {
        bool any = false;
        for (int t = 0; t < bench->rom.test_count; t++)
            any |= bench_test_matches(&bench->rom.tests[t], bench->tests[i]);
        if (!any)
            return wrong("there is no test '%s' (--list shows them)", bench->tests[i]);
    }
    return 0;
}

static int write_file(const char *path, const struct bench_table *table,
                      void (*write)(FILE *, const struct bench_table *))
{
    FILE *file = path ? fopen(path, "we") : NULL;
    if (!path)
        return 0;
    if (file) {
        write(file, table);
        bool failed = ferror(file);
        if (fclose(file) == 0 && !failed)
            return 0;
    }
    fprintf(stderr, "clutch bench: %s: %s\n", path, strerror(errno));
    return -EIO;
}

static int run_all(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    table->seconds = bench->command ? 0 : bench->seconds;
    bench_describe_host(table);
    bench_print_head(stdout, table);
    if (bench->command)
        run_command_row(bench);
    for (int i = 0; i < bench->rom.test_count && !bench->command && i < BENCH_MAX_ROWS; i++)
        if (chosen(bench, &bench->rom.tests[i]))
            run_row(bench, &bench->rom.tests[i]);
    bench_print_foot(stdout, table);
    int failures = bench_failures(table);
    if (failures)
        printf("%d of %d tests failed\n", failures, table->row_count);
    fflush(stdout);
    if (write_file(bench->json, table, bench_write_json) < 0 || write_file(bench->svg, table, bench_write_svg) < 0)
        return STATUS_WRONG_USE;
    return failures ? STATUS_FAILED : STATUS_OK;
}

int bench_main(int argc, char **argv, int (*program)(int argc, char **argv, struct bench_figures *figures))
{
    static struct bench bench;
    bench.program = program;
    bench.table.runs = 3;
    bench.seconds = 0.1;
    bench.timeout = 120;
    if (parse(&bench, argc, argv) < 0)
        return STATUS_WRONG_USE;
    if (!bench_rom_open(&bench.rom)) {
        wrong("the benchmark's ROM is not in this build%s", "");
        return STATUS_WRONG_USE;
    }
    if (bench.list) {
        print_list(&bench);
        return STATUS_OK;
    }
    if (check_tests(&bench) < 0 || choose_engines(&bench) < 0)
        return STATUS_WRONG_USE;
    return run_all(&bench);
}
