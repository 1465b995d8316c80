/*
 * `clutch bench`: the order in which tests, runs and engines take their turns.
 *
 * Engines take turns within each run of a test, beginning with another one each time, so that a slow phase of the host
 * meets all of them.  Each measurement is a process of its own (bench_child.h).
 */
#include "ui/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "accel/accel.h"
#include "ui/bench_child.h"
#include "ui/bench_command.h"
#include "ui/bench_host.h"
#include "ui/bench_options.h"
#include "ui/bench_output.h"
#include "ui/bench_rom.h"
#include "ui/bench_table.h"
#include "ui/nearest.h"
#include "ui/version.h"

enum { STATUS_OK = 0, STATUS_FAILED = 1 };

#define NATIVE "native"

struct bench {
    struct bench_options options;
    struct bench_rom rom;
    struct bench_table table;
    struct bench_command command;
    struct bench_output json, svg;
    char *engine_names;
    bool no_native_32; /* this host's kernel has no 32-bit user mode */
};

/* --- engines ----------------------------------------------------------------------------------------------------- */

static void add_engine(struct bench *bench, const char *name)
{
    for (int i = 0; i < bench->table.engine_count; i++)
        if (!strcmp(bench->table.engines[i], name))
            return;
    if (bench->table.engine_count < BENCH_MAX_ENGINES)
        bench->table.engines[bench->table.engine_count++] = name;
}

static bool has_native(const struct bench *bench)
{
#if defined(__x86_64__)
    return !bench->options.command;
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
            bench_complain("without %s: %s", engines[i]->name, why.text);
    }
}

static int unknown_engine(const char *name)
{
    const char *names[16] = {NATIVE};
    char hint[200];
    for (unsigned i = 0; engines[i] && i + 2 < ARRAY_SIZE(names); i++)
        names[i + 1] = engines[i]->name;
    return bench_complain("there is no engine '%s'%s", name, nearest_hint(hint, sizeof(hint), name, names));
}

static int probe_engine(const char *name, size_t length)
{
    struct error why = {""};
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)MIN(length, sizeof(word) - 1), name);
    const struct engine *engine = engine_find(name, length);
    if (!engine)
        return unknown_engine(word);
    return engine->probe(&why) < 0 ? bench_complain("--accel %s: %s", word, why.text) : 0;
}

static int add_named_engine(struct bench *bench, const char *name)
{
    const char *colon = strchr(name, ':'); /* two of them in lockstep */
    int r = 0;
    if (!strcmp(name, NATIVE)) {
        if (!has_native(bench))
            return bench_complain("--accel %s: %s", name,
                                  bench->options.command ? "a whole machine does not run natively" : "the host is no x86-64");
    } else if (colon && bench->options.command) {
        return bench_complain("--accel %s: lockstep is for our own tests here", name);
    } else {
        r = probe_engine(name, colon ? (size_t)(colon - name) : strlen(name));
        if (r == 0 && colon)
            r = probe_engine(colon + 1, strlen(colon + 1));
    }
    if (r == 0)
        add_engine(bench, name);
    return r;
}

static int choose_engines(struct bench *bench)
{
    int r = 0;
    if (!bench->options.engines) {
        add_all_engines(bench);
        return 0;
    }
    char *rest = bench->engine_names = strdup(bench->options.engines); /* kept: the table points into it */
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
    struct bench_work work = {
        .run = run_test, .opaque = &job, .size = sizeof(*sample), .timeout = bench->options.timeout};
    struct bench_outcome outcome;
    bench_child(&work, sample, &outcome);
    if (!outcome.problem[0] && sample->valid && sample->passes)
        return true;
    snprintf(result->problem, sizeof(result->problem), "%.190s",
             outcome.problem[0] ? outcome.problem : sample->problem);
    return false;
}

static void take_sample(const struct bench *bench, struct bench_row *row, int engine, const struct bench_sample *sample)
{
    const char *name = bench->table.engines[engine];
    struct bench_result *result = &row->results[engine];
    bool leaves = strcmp(name, NATIVE) != 0 && strcmp(name, interp_engine.name) != 0;
    if (result->run_count && result->checksum != sample->checksum) {
        snprintf(result->problem, sizeof(result->problem), "two runs differ: %08x, %08x", result->checksum,
                 sample->checksum);
        return;
    }
    result->checksum = sample->checksum;
    bench_add_run(result, &(struct bench_run){.passes = sample->passes,
                                              .seconds = sample->seconds,
                                              .exits = leaves ? (double)sample->exits : -1,
                                              .fallbacks = (double)sample->fallbacks,
                                              .interpreted = (double)sample->interpreted});
}

static bool runs_natively(const struct bench *bench, const struct bench_test *test)
{
    return bench_runs_natively(test) && !(bench->no_native_32 && test->mode == BENCH_RING3_32);
}

/* Far calls into 32-bit code end the process on a host whose kernel has no such segment. */
static void probe_native_32(struct bench *bench)
{
    struct bench_sample sample;
    struct bench_result unused = {0};
    for (int i = 0; i < bench->rom.test_count; i++) {
        const struct bench_test *test = &bench->rom.tests[i];
        if (test->mode != BENCH_RING3_32 || !bench_runs_natively(test))
            continue;
        bench->no_native_32 = !measure(bench, test, NATIVE, 0.0, &sample, &unused);
        if (bench->no_native_32 && !bench_interrupted)
            bench_complain("without native 32-bit code: %s", unused.problem);
        return;
    }
}

/* The interpreter counts a pass, which has the same instructions under all engines. */
static void count_instructions(const struct bench *bench, const struct bench_test *test, struct bench_row *row)
{
    struct bench_sample sample;
    struct bench_result unused = {0};
    if (measure(bench, test, interp_engine.name, BENCH_COUNT, &sample, &unused))
        row->instructions = (double)sample.interpreted;
}

/* A kernel computes the same in all modes, and the host's own processor says what. */
static void find_reference(const struct bench *bench, const struct bench_test *test, struct bench_row *row)
{
    static char last[32];
    static u32 checksum;
    struct bench_sample sample;
    struct bench_result unused = {0};
    row->has_reference = !test->operations && !strcmp(last, test->name);
    for (int i = 0; i < bench->rom.test_count && !row->has_reference && !test->operations; i++) {
        const struct bench_test *native = &bench->rom.tests[i];
        if (strncmp(native->name, test->name, sizeof(test->name)) != 0 || native->mode != BENCH_RING3_64 ||
            !bench_runs_natively(native) || !measure(bench, native, NATIVE, 0.0, &sample, &unused))
            continue;
        snprintf(last, sizeof(last), "%.16s", test->name);
        checksum = sample.checksum;
        row->has_reference = true;
    }
    row->reference = checksum;
}

/* --- rows ---------------------------------------------------------------------------------------------------------- */

static void print_row(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    for (int i = 0; i < table->engine_count; i++)
        bench_summarize(&table->rows[table->row_count - 1].results[i]);
    bench_print_row(stdout, table);
    fflush(stdout);
}

/* Only now is it known that the machine can be built. */
static void print_command_row(struct bench *bench)
{
    bench_print_head(stdout, &bench->table);
    print_row(bench);
}

static int turn(const struct bench_table *table, int run, int i)
{
    return (run + i) % table->engine_count;
}

static void run_row(struct bench *bench, const struct bench_test *test)
{
    struct bench_table *table = &bench->table;
    struct bench_row *row = &table->rows[table->row_count];
    struct bench_sample sample;
    row->operations = test->operations;
    snprintf(row->name, sizeof(row->name), "%.16s", test->name);
    snprintf(row->mode, sizeof(row->mode), "%s", bench_mode_name(test->mode));
    snprintf(row->unit, sizeof(row->unit), "%.12s", test->unit);
    for (int run = 0; run < table->runs && !bench_interrupted; run++)
        for (int i = 0; i < table->engine_count && !bench_interrupted; i++) {
            int engine = turn(table, run, i);
            struct bench_result *result = &row->results[engine];
            if (!strcmp(table->engines[engine], NATIVE) && !runs_natively(bench, test))
                continue;
            result->tried = true;
            if (!result->problem[0] &&
                measure(bench, test, table->engines[engine], bench->options.seconds, &sample, result))
                take_sample(bench, row, engine, &sample);
        }
    count_instructions(bench, test, row);
    find_reference(bench, test, row);
    if (bench_interrupted)
        return;
    table->row_count++;
    print_row(bench);
}

static int run_command_row(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    struct bench_row *row = &table->rows[table->row_count++];
    snprintf(row->name, sizeof(row->name), "command");
    for (int run = 0; run < table->runs; run++)
        for (int i = 0; i < table->engine_count && !bench_interrupted; i++) {
            int engine = turn(table, run, i);
            row->results[engine].tried = true;
            if (!row->results[engine].problem[0] && bench_command_run(&bench->command, table, engine) < 0)
                return -EINVAL;
        }
    if (bench_interrupted)
        table->row_count--;
    else
        print_command_row(bench);
    return 0;
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

static bool chosen(const struct bench *bench, const struct bench_test *test)
{
    for (int i = 0; i < bench->options.test_count; i++)
        if (bench_test_matches(test, bench->options.tests[i]))
            return true;
    return bench->options.test_count == 0;
}

/* --- files and signals --------------------------------------------------------------------------------------------- */

static int open_file(struct bench_output *output, const char *path)
{
    int r = bench_output_open(output, path);
    return r < 0 ? bench_complain("%s: %s", path, strerror(-r)) : 0;
}

static int open_files(struct bench *bench)
{
    int r = open_file(&bench->json, bench->options.json);
    if (r == 0)
        r = open_file(&bench->svg, bench->options.svg);
    if (r == 0 && bench_output_same(&bench->json, &bench->svg))
        r = bench_complain("%s: --json and --svg want files of their own", bench->options.svg);
    return r;
}

static void drop_files(struct bench *bench)
{
    bench_output_drop(&bench->json);
    bench_output_drop(&bench->svg);
}

static int write_file(struct bench_output *output, const struct bench_table *table,
                      void (*write)(FILE *, const struct bench_table *))
{
    char *text = NULL;
    size_t size = 0;
    const char *path = output->path;
    FILE *memory = path ? open_memstream(&text, &size) : NULL;
    if (!path)
        return 0;
    int r = -ENOMEM;
    if (memory) {
        write(memory, table);
        if (fclose(memory) == 0)
            r = bench_output_write(output, text, size);
    }
    free(text);
    return r < 0 ? bench_complain("%s: %s", path, strerror(-r)) : 0;
}

static void note_signal(int number)
{
    bench_interrupted = number;
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct sigaction action, before;
        memset(&action, 0, sizeof(action));
        action.sa_handler = note_signal;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup */
            sigaction(numbers[i], &action, NULL);
    }
}

/* Ends as the signal would have ended us. */
static int end_by_signal(struct bench *bench)
{
    drop_files(bench);
    fflush(stdout);
    if (bench_interrupted != SIGPIPE)
        bench_complain("interrupted after %d %s%s", bench->table.row_count, bench->table.row_count == 1 ? "test" : "tests",
                       bench->options.json || bench->options.svg ? "; no file was written" : "");
    signal(bench_interrupted, SIG_DFL);
    raise(bench_interrupted);
    return 128 + bench_interrupted;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static int run_tests(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    if (bench->options.command)
        return run_command_row(bench);
    for (int i = 0; i < bench->rom.test_count && table->row_count < BENCH_MAX_ROWS && !bench_interrupted; i++)
        if (chosen(bench, &bench->rom.tests[i]))
            run_row(bench, &bench->rom.tests[i]);
    return 0;
}

static int terminal_width(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return MAX(40, size.ws_col);
    return columns && atoi(columns) > 0 ? MAX(40, atoi(columns)) : 120;
}

static int finish(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    int failures = bench_failures(table);
    bench_print_foot(stdout, table);
    if (failures)
        printf("%d of %d tests FAILED\n", failures, table->row_count);
    fflush(stdout);
    int r = write_file(&bench->json, table, bench_write_json);
    if (write_file(&bench->svg, table, bench_write_svg) < 0 || r < 0)
        return STATUS_FAILED;
    return failures ? STATUS_FAILED : STATUS_OK;
}

static int run_all(struct bench *bench)
{
    struct bench_table *table = &bench->table;
    struct bench_usage before, after;
    catch_signals();
    table->runs = bench->options.runs;
    table->seconds = bench->options.command ? 0 : bench->options.seconds;
    table->typed = bench->options.step_count > 0;
    table->until = bench->options.until && !bench->options.until_prompt;
    table->width = terminal_width();
    snprintf(table->version, sizeof(table->version), "%s", CLUTCH_VERSION);
    bench_describe_host(&table->host);
    for (int i = 0; i < table->engine_count; i++)
        if (!strcmp(table->engines[i], NATIVE))
            probe_native_32(bench);
    bool known = bench_usage(&before);
    if (!bench->options.command)
        bench_print_head(stdout, table);
    fflush(stdout);
    int r = run_tests(bench);
    if (bench_interrupted)
        return end_by_signal(bench);
    if (r < 0) {
        drop_files(bench);
        return STATUS_FAILED;
    }
    if (known && bench_usage(&after))
        bench_describe_disturbance(&table->host, &before, &after);
    return finish(bench);
}

static int prepare(struct bench *bench)
{
    int r = bench_check_tests(&bench->options, &bench->rom);
    if (r == 0 && bench->options.command)
        r = bench_command_prepare(&bench->command, &bench->table);
    if (r == 0)
        r = choose_engines(bench);
    return r == 0 ? open_files(bench) : r;
}

int bench_main(int argc, char **argv, int (*program)(int argc, char **argv, struct bench_figures *figures))
{
    static struct bench bench;
    if (bench_options_parse(&bench.options, argc, argv) < 0)
        return STATUS_FAILED;
    if (bench.options.help) {
        bench_print_help();
        return STATUS_OK;
    }
    if (!bench_rom_open(&bench.rom)) {
        bench_complain("the benchmark's ROM is not in this build");
        return STATUS_FAILED;
    }
    if (bench.options.list) {
        print_list(&bench);
        return STATUS_OK;
    }
    bench.command = (struct bench_command){.options = &bench.options, .program = program};
    if (prepare(&bench) < 0) {
        drop_files(&bench);
        return STATUS_FAILED;
    }
    return run_all(&bench);
}
