/*
 * A machine of the user's under each engine: the whole program in a process of its own, with what is typed and waited for
 * on its standard input and output.
 */
#include "ui/bench_command.h"

#include <errno.h>
#include <string.h>

#include "accel/accel.h"
#include "ui/options.h"

struct job {
    const struct bench_command *command;
    const char *engine;
};

struct answer {
    int status;
    struct bench_figures figures;
};

static int arguments(const struct bench_command *command, char **argv)
{
    static char name[] = "clutch";
    int argc = 0;
    argv[argc++] = name;
    for (int i = 0; i < command->before_count; i++)
        argv[argc++] = (char *)command->before[i];
    for (int i = 0; i < command->options->command_count; i++)
        argv[argc++] = command->options->command[i];
    return argc;
}

static void run(void *opaque, void *result)
{
    static char accel[] = "-accel";
    const struct job *job = opaque;
    char *argv[BENCH_MAX_ARGUMENTS + 8] = {0};
    struct answer answer = {0};
    int argc = arguments(job->command, argv);
    argv[argc++] = accel;
    argv[argc++] = (char *)job->engine;
    answer.status = job->command->program(argc, argv, &answer.figures);
    memcpy(result, &answer, sizeof(answer));
}

/* A text of others in UTF-8: what is none becomes '?'. */
static void append_clean(char *text, size_t size, const char *word)
{
    size_t at = strlen(text);
    for (const unsigned char *p = (const unsigned char *)word; *p && at + 5 < size;) {
        int more = *p < 0x80 ? 0 : (*p & 0xe0) == 0xc0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : (*p & 0xf8) == 0xf0 ? 3 : -1;
        bool valid = more >= 0;
        for (int i = 1; i <= more && valid; i++)
            valid = (p[i] & 0xc0) == 0x80;
        if (!valid)
            text[at++] = '?';
        for (int i = 0; i <= more && valid; i++)
            text[at++] = (char)p[i];
        p += valid ? more + 1 : 1;
    }
    text[at] = 0;
}

static void describe(const struct bench_command *command, struct bench_table *table)
{
    char *argv[BENCH_MAX_ARGUMENTS + 8];
    int argc = arguments(command, argv);
    for (int i = 1; i < argc; i++) {
        append_clean(table->command, sizeof(table->command), i > 1 ? " " : "");
        append_clean(table->command, sizeof(table->command), argv[i]);
    }
}

int bench_command_prepare(struct bench_command *command, struct bench_table *table)
{
    static struct options options;
    struct error err = {"out of memory"};
    char *argv[BENCH_MAX_ARGUMENTS + 8];
    int argc = arguments(command, argv);
    if (options_parse(&options, argc, argv, &err) < 0)
        return bench_complain("%s", err.text);
    bool help = options.help != HELP_NONE, engine = options.machine.accel_count || options.machine.lockstep;
    bool screen = options.display_given || options.machine.nographic || options.vnc;
    bool streams = options.serial_count || options.monitor_given || options.nodefaults;
    options_free(&options);
    if (help)
        return bench_complain("behind -- stand options of a machine, not ones that print a help");
    if (engine)
        return bench_complain("-accel behind --: the engines are chosen by --accel before it");
    /* All runs begin with the same disks; no window opens. */
    command->before[command->before_count++] = "-snapshot";
    if (!screen && !streams)
        command->before[command->before_count++] = "-nographic";
    else if (!screen) {
        command->before[command->before_count++] = "-display";
        command->before[command->before_count++] = "none";
    }
    describe(command, table);
    return 0;
}

/* How it ended, where that is no success. */
static void find_problem(const struct bench_command *command, const struct answer *answer,
                         const struct bench_outcome *outcome, struct bench_result *result)
{
    const struct bench_options *options = command->options;
    bool may_end = !options->until || (options->until_prompt && outcome->steps == options->step_count);
    bool ended_badly = answer->status == 4 || answer->status == 6 || answer->status >= 128;
    const char *last = outcome->last[0] ? outcome->last : "nothing";
    char *problem = result->problem;
    size_t size = sizeof(result->problem);
    if (outcome->problem[0] && outcome->steps < options->step_count)
        snprintf(problem, size, "%.60s, waiting for the prompt '%.30s'; its last line: %.50s", outcome->problem,
                 options->steps[outcome->steps].prompt, last);
    else if (outcome->problem[0])
        snprintf(problem, size, "%.60s; its last line: %.100s", outcome->problem, last);
    else if (!may_end && !outcome->found)
        snprintf(problem, size, "ended (exit status %d) without '%.30s'; its last line: %.50s",
                 answer->status, outcome->steps < options->step_count ? options->steps[outcome->steps].prompt : options->until,
                 last);
    else if (!outcome->found && ended_badly)
        snprintf(problem, size, "failed (exit status %d): %.100s", answer->status, last);
}

/* Status: of the first run; the others must have the same. */
static void take(struct bench_table *table, int engine, const struct answer *answer, const struct bench_outcome *outcome)
{
    struct bench_row *row = &table->rows[table->row_count - 1];
    struct bench_result *result = &row->results[engine];
    bool interp = !strcmp(table->engines[engine], interp_engine.name);
    u32 status = outcome->found ? 0 : (u32)answer->status; /* SIGTERM's says nothing */
    if (result->run_count && result->checksum != status) {
        snprintf(result->problem, sizeof(result->problem), "two runs end differently: exit status %u, %u",
                 result->checksum, status);
        return;
    }
    result->checksum = status;
    bench_add_run(result, &(struct bench_run){.passes = 1,
                                              .seconds = outcome->seconds,
                                              .exits = interp ? -1 : (double)answer->figures.exits,
                                              .fallbacks = (double)answer->figures.fallbacks,
                                              .interpreted = (double)answer->figures.instructions});
    if (interp)
        row->instructions = (double)answer->figures.instructions;
}

int bench_command_run(const struct bench_command *command, struct bench_table *table, int engine)
{
    const struct bench_options *options = command->options;
    struct job job = {command, table->engines[engine]};
    struct answer answer = {0};
    struct bench_work work = {.run = run,
                              .opaque = &job,
                              .size = sizeof(answer),
                              .capture = true,
                              .until = options->until,
                              .steps = options->steps,
                              .step_count = options->step_count,
                              .timeout = options->timeout};
    struct bench_result *result = &table->rows[table->row_count - 1].results[engine];
    struct bench_outcome outcome;
    bench_child(&work, &answer, &outcome);
    if (outcome.answered && answer.status == 1 && !answer.figures.started) {
        const char *text = !strncmp(outcome.last, "clutch: ", 8) ? outcome.last + 8 : outcome.last;
        return bench_complain("-accel %s: %s", table->engines[engine], text);
    }
    find_problem(command, &answer, &outcome, result);
    if (!result->problem[0])
        take(table, engine, &answer, &outcome);
    return 0;
}
