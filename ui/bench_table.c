/*
 * The benchmark's results as a table of text, and what follows from them.
 */
#include "ui/bench_table.h"

#include <stdarg.h>
#include <string.h>

void bench_add_run(struct bench_result *result, const struct bench_run *run)
{
    if (result->run_count < BENCH_MAX_RUNS)
        result->runs[result->run_count++] = *run;
}

void bench_summarize(struct bench_result *result)
{
    double seconds[BENCH_MAX_RUNS] = {0}, passes = 0, exits = 0, fallbacks = 0, interpreted = 0;
    for (int i = 0; i < result->run_count; i++) {
        const struct bench_run *run = &result->runs[i];
        seconds[i] = run->seconds / (double)run->passes;
        passes += (double)run->passes;
        exits += run->exits;
        fallbacks += run->fallbacks;
        interpreted += run->interpreted;
    }
    result->time = bench_statistics(seconds, result->run_count);
    if (!result->run_count)
        return;
    result->exits = exits < 0 ? -1 : exits / passes;
    result->fallbacks = fallbacks / passes;
    result->interpreted = interpreted / passes;
}

bool bench_wrong(const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    return row->has_reference && result->tried && !result->problem[0] && result->run_count &&
           result->checksum != row->reference;
}

static bool measured(const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    return result->tried && !result->problem[0] && result->time.median > 0 && !bench_wrong(row, engine);
}

static bool is_interp(const struct bench_table *table, int engine)
{
    return !strcmp(table->engines[engine], "interp");
}

/* A pass is the same instructions under all engines.  A machine of the user's is not: it waits, and its clock ticks. */
double bench_mips(const struct bench_table *table, const struct bench_row *row, int engine)
{
    if (table->seconds <= 0 && (table->typed || !is_interp(table, engine)))
        return 0;
    return measured(row, engine) ? row->instructions / row->results[engine].time.median / 1e6 : 0;
}

double bench_ratio(const struct bench_table *table, const struct bench_row *row, int engine)
{
    double fastest = 0;
    for (int i = 0; i < table->engine_count; i++)
        if (measured(row, i) && (fastest == 0 || row->results[i].time.median < fastest))
            fastest = row->results[i].time.median;
    return measured(row, engine) ? row->results[engine].time.median / fastest : 0;
}

bool bench_mismatch(const struct bench_table *table, const struct bench_row *row)
{
    const struct bench_result *first = NULL;
    for (int i = 0; i < table->engine_count; i++) {
        const struct bench_result *result = &row->results[i];
        if (bench_wrong(row, i))
            return true;
        if (!measured(row, i))
            continue;
        if (first && first->checksum != result->checksum)
            return true;
        first = result;
    }
    return false;
}

double bench_interpreted(const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    if (!measured(row, engine) || is_interp(table, engine))
        return 0;
    if (table->seconds <= 0) /* of a machine of the user's only this is certain */
        return result->exits == 0 ? 1 : -1;
    if (row->instructions <= 0)
        return 0;
    return MIN(1.0, result->interpreted / row->instructions);
}

int bench_failures(const struct bench_table *table)
{
    int failures = 0;
    for (int r = 0; r < table->row_count; r++) {
        bool failed = bench_mismatch(table, &table->rows[r]);
        for (int i = 0; i < table->engine_count; i++)
            failed |= table->rows[r].results[i].problem[0] != 0;
        failures += failed;
    }
    return failures;
}

#define DISTURBANCE 0.05 /* of all processors' time */

bool bench_disturbed(const struct bench_host *host)
{
    return host->others > DISTURBANCE || host->stolen > DISTURBANCE;
}

/* --- text -------------------------------------------------------------------------------------------------------- */

#define NAME_WIDTH 17
#define ENGINE_WIDTH 11 /* in a line of its own */

static bool has_exits(const char *engine)
{
    return strcmp(engine, "interp") != 0 && strcmp(engine, "native") != 0;
}

/* Of an engine's figures, with two blanks before them. */
static int cell_width(const struct bench_table *table, const char *engine)
{
    return 9 + (table->runs > 1 ? 6 : 0) + 12 + (has_exits(engine) ? 21 : 0);
}

static bool side_by_side(const struct bench_table *table)
{
    int width = NAME_WIDTH;
    for (int i = 0; i < table->engine_count; i++)
        width += cell_width(table, table->engines[i]);
    return width <= table->width;
}

/* Lines of at most table->width columns. */
static void print_filled(FILE *out, const struct bench_table *table, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void print_filled(FILE *out, const struct bench_table *table, const char *fmt, ...)
{
    char text[2048];
    int column = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " "));) {
        int length = strlen(word);
        if (column && column + 1 + length > table->width) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s%s", column ? " " : "", word);
    }
    fputc('\n', out);
}

static void print_titles(FILE *out, const struct bench_table *table, const char *engine)
{
    fprintf(out, "  %7s", "time");
    if (table->runs > 1)
        fprintf(out, " %5s", "range");
    fprintf(out, " %5s %5s", "MIPS", "ratio");
    if (has_exits(engine))
        fprintf(out, " %6s %6s %6s", "exits", "fallb.", "interp");
}

static void print_engine_rule(FILE *out, const struct bench_table *table, const char *engine)
{
    int left = cell_width(table, engine) - 2 - fprintf(out, "  %s ", engine) + 2;
    while (left-- > 0)
        fputc('-', out);
}

static void print_host(FILE *out, const struct bench_table *table)
{
    const struct bench_host *host = &table->host;
    char processors[60];
    if (host->processors < host->online)
        snprintf(processors, sizeof(processors), "pinned to %d of %d", host->processors, host->online);
    else
        snprintf(processors, sizeof(processors), "%d", host->online);
    print_filled(out, table, "%s, %s processor%s%s, %s%s%s; clutch %s", host->processor, processors,
                 host->online == 1 ? "" : "s", host->virtual ? " of a virtual machine" : "", host->system,
                 host->governor[0] ? ", frequency governor " : "", host->governor, table->version);
    print_filled(out, table, "KVM of this host: %s", host->kvm);
    if (host->load >= 0)
        print_filled(out, table, "Load average at the start: %.2f%s", host->load,
                     host->load > host->processors / 2.0 ? "; WARNING: this host is busy, times will be too long" : "");
}

void bench_print_head(FILE *out, const struct bench_table *table)
{
    print_host(out, table);
    if (table->command[0])
        print_filled(out, table, "Machine: %s", table->command);
    fputc('\n', out);
    if (!side_by_side(table)) {
        fprintf(out, "%-*s%-*s", NAME_WIDTH, "test", ENGINE_WIDTH, "  engine");
        print_titles(out, table, "kvm");
    } else {
        fprintf(out, "%*s", NAME_WIDTH, "");
        for (int i = 0; i < table->engine_count; i++)
            print_engine_rule(out, table, table->engines[i]);
        fprintf(out, "\n%-*s", NAME_WIDTH, "test");
        for (int i = 0; i < table->engine_count; i++)
            print_titles(out, table, table->engines[i]);
    }
    fputc('\n', out);
}

/* Counts of a pass: whole numbers from 100 on. */
static const char *format_count(double value, char *text)
{
    if (value > 0 && value < 0.01)
        snprintf(text, 16, "<0.01");
    else if (value >= 1e6)
        snprintf(text, 16, "%.3gM", value / 1e6);
    else
        snprintf(text, 16, value >= 100 ? "%.0f" : "%.2f", value);
    return text;
}

static const char *format_percent(double part, char *text)
{
    if (part >= 10)
        snprintf(text, 16, ">999%%");
    else
        snprintf(text, 16, part * 100 < 99.95 ? "%.1f%%" : "%.0f%%", part * 100);
    return text;
}

static void print_exits(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    double part = bench_interpreted(table, row, engine);
    char exits[16], fallbacks[16], percent[16];
    fprintf(out, " %6s %6s %6s", result->exits < 0 ? "-" : format_count(result->exits, exits),
            format_count(result->fallbacks, fallbacks), part < 0 ? "-" : format_percent(part, percent));
}

/* Of an operation, where the row is about one. */
static double time_shown(const struct bench_row *row, const struct bench_result *result)
{
    return row->operations ? result->time.median / row->operations : result->time.median;
}

static void print_result(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    char time[16], range[16], mips[16], ratio[16];
    double speed = bench_mips(table, row, engine);
    if (!measured(row, engine)) {
        const char *word = !result->tried ? "-" : bench_wrong(row, engine) ? "WRONG" : "FAILED";
        fprintf(out, "  %7s%*s", word, cell_width(table, table->engines[engine]) - 9, "");
        return;
    }
    fprintf(out, "  %7s", bench_format_seconds(time_shown(row, result), time));
    if (table->runs > 1)
        fprintf(out, " %5s", format_percent(result->time.range, range));
    fprintf(out, " %5s %5s", speed > 0 ? bench_format_number(speed, mips) : "-",
            bench_format_number(bench_ratio(table, row, engine), ratio));
    if (has_exits(table->engines[engine]))
        print_exits(out, table, row, engine);
}

static void print_lines(FILE *out, const struct bench_table *table, const struct bench_row *row, const char *name)
{
    for (int i = 0; i < table->engine_count; i++) {
        if (!row->results[i].tried)
            continue;
        fprintf(out, "%-*s  %-*s", NAME_WIDTH, name, ENGINE_WIDTH - 2, table->engines[i]);
        print_result(out, table, row, i);
        fputc('\n', out);
        name = "";
    }
}

/* What the times of the rows from here on are of. */
static void print_unit(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    if (table->seconds > 0 && (row == table->rows || strcmp(row[-1].unit, row->unit) != 0))
        fprintf(out, "time of one %s:\n", row->unit[0] ? row->unit : "pass");
}

static void print_mismatch(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    const char *format = table->seconds > 0 ? " %s %08x" : " %s exit status %u";
    fprintf(out, "    MISMATCH:");
    for (int i = 0; i < table->engine_count; i++)
        if (measured(row, i) || bench_wrong(row, i))
            fprintf(out, format, table->engines[i], row->results[i].checksum);
    if (row->has_reference)
        fprintf(out, "; right, by the host's processor: %08x", row->reference);
    fputc('\n', out);
}

/* The same under all engines that have one. */
static void print_exit_status(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    for (int i = 0; i < table->engine_count; i++)
        if (measured(row, i)) {
            fprintf(out, "    exit status %u\n", row->results[i].checksum);
            return;
        }
}

void bench_print_row(FILE *out, const struct bench_table *table)
{
    const struct bench_row *row = &table->rows[table->row_count - 1];
    char name[48];
    snprintf(name, sizeof(name), "%s%s%s", row->name, row->mode[0] ? "-" : "", row->mode);
    print_unit(out, table, row);
    if (side_by_side(table)) {
        fprintf(out, "%-*s", NAME_WIDTH, name);
        for (int i = 0; i < table->engine_count; i++)
            print_result(out, table, row, i);
        fputc('\n', out);
    } else {
        print_lines(out, table, row, name);
    }
    for (int i = 0; i < table->engine_count; i++)
        if (row->results[i].problem[0])
            fprintf(out, "    %s: %s\n", table->engines[i], row->results[i].problem);
    if (bench_mismatch(table, row))
        print_mismatch(out, table, row);
    else if (table->seconds <= 0 && !table->until && !table->typed)
        print_exit_status(out, table, row);
}

/* --- below the table --------------------------------------------------------------------------------------------- */

/* Of the rows where all engines have a figure, so that each engine's mean is over the same tests. */
static void print_mean(FILE *out, const struct bench_table *table)
{
    double ratios[BENCH_MAX_ROWS];
    char text[16];
    for (int i = 0; i < table->engine_count; i++) {
        int count = 0;
        for (int r = 0; r < table->row_count; r++) {
            bool all = true;
            for (int k = 0; k < table->engine_count; k++)
                all &= measured(&table->rows[r], k);
            if (all)
                ratios[count++] = bench_ratio(table, &table->rows[r], i);
        }
        if (count < 2)
            return;
        if (i == 0)
            fprintf(out, "Geometric mean of the ratios of the %d tests that all ran:", count);
        fprintf(out, "%s %s %s", i ? "," : "", table->engines[i],
                bench_format_number(bench_geometric_mean(ratios, count), text));
    }
    fputc('\n', out);
}

static void print_what_time_is(FILE *out, const struct bench_table *table)
{
    char runs[120] = "one run, so there is no range";
    if (table->runs > 1)
        snprintf(runs, sizeof(runs), "median of %d runs; range: (longest - shortest) / median", table->runs);
    if (table->seconds > 0)
        print_filled(out, table,
                     "time: of one pass, call, access ... by the host's clock, between two port writes of the guest; "
                     "firmware and warming up excluded; %s; a run lasts at least %g s.",
                     runs, table->seconds);
    else
        print_filled(out, table, "time: from %s to %s, by the host's clock; %s.",
                     table->typed ? "the last line typed" : "the program's start",
                     table->until ? "the text waited for" : table->typed ? "its prompt (or the machine's end)" : "its end", runs);
}

static bool any_exits(const struct bench_table *table)
{
    bool any = false;
    for (int i = 0; i < table->engine_count; i++)
        any |= has_exits(table->engines[i]);
    return any;
}

static void print_legend(FILE *out, const struct bench_table *table)
{
    print_what_time_is(out, table);
    if (table->seconds > 0) {
        print_filled(out, table, "-16, -32, -64: code size, in ring 0; u: ring 3.");
        print_filled(out, table,
                     "MIPS: million guest instructions a second; a pass has the same ones under all engines, counted by "
                     "the interpreter (each iteration of a REP instruction is one).");
    } else if (!table->typed) {
        print_filled(out, table, "MIPS: million guest instructions a second, of the interpreter, which counts them.");
    }
    print_filled(out, table, "ratio: time / time of the fastest engine; 1.00 is the fastest.");
    if (any_exits(table))
        print_filled(out, table,
                     "exits: how often the engine left the guest for this program, in one %s; fallb.: how often the "
                     "interpreter took over from it; interp: the part of the instructions that the interpreter executed "
                     "in its place.",
                     table->seconds > 0 ? "pass, which is some hundred operations" : "run, from power-on");
    if (table->seconds > 0)
        print_filled(out, table, "The checksums of all engines agree unless a row says FAILED, WRONG or MISMATCH.");
}

void bench_print_foot(FILE *out, const struct bench_table *table)
{
    const struct bench_host *host = &table->host;
    fputc('\n', out);
    if (table->engine_count > 1)
        print_mean(out, table);
    print_legend(out, table);
    if (host->others >= 0)
        print_filled(out, table,
                     "%sDuring the runs other programs took %.0f %% of this host's processor time and a hypervisor "
                     "%.0f %%%s.",
                     bench_disturbed(host) ? "WARNING: " : "", host->others * 100, host->stolen * 100,
                     bench_disturbed(host) ? ": measure again when it is quiet" : "");
}
