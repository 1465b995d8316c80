/*
 * The benchmark's results as a table of text, and what follows from them.
 */
#include "ui/bench_table.h"

#include <string.h>

static bool measured(const struct bench_result *result)
{
    return result->tried && !result->problem[0] && result->time.median > 0;
}

double bench_mips(const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    return measured(result) ? row->instructions / result->time.median / 1e6 : 0;
}

double bench_ratio(const struct bench_table *table, const struct bench_row *row, int engine)
{
    double fastest = 0;
    for (int i = 0; i < table->engine_count; i++)
        if (measured(&row->results[i]) && (fastest == 0 || row->results[i].time.median < fastest))
            fastest = row->results[i].time.median;
    return measured(&row->results[engine]) ? row->results[engine].time.median / fastest : 0;
}

bool bench_mismatch(const struct bench_table *table, const struct bench_row *row)
{
    const struct bench_result *first = NULL;
    for (int i = 0; i < table->engine_count; i++) {
        const struct bench_result *result = &row->results[i];
        if (!measured(result))
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
    if (!measured(result) || !strcmp(table->engines[engine], "interp") || row->instructions <= 0)
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

/* --- text -------------------------------------------------------------------------------------------------------- */

static bool has_exits(const char *engine)
{
    return strcmp(engine, "interp") != 0 && strcmp(engine, "native") != 0;
}

void bench_print_head(FILE *out, const struct bench_table *table)
{
    fprintf(out, "%s on %s\n", table->processor, table->system);
    fprintf(out, "KVM of this host: %s\n\n%-17s%12s ", table->kvm, "", "");
    for (int i = 0; i < table->engine_count; i++)
        fprintf(out, " | %-29s%s", table->engines[i], has_exits(table->engines[i]) ? "                 " : "");
    fprintf(out, "\n%-17s%12s ", "test", "instructions");
    for (int i = 0; i < table->engine_count; i++)
        fprintf(out, " | %9s %5s %6s %6s%s", "time", "+-%", "MIPS", "ratio",
                has_exits(table->engines[i]) ? "    exits interp%" : "");
    fputc('\n', out);
}

static void print_result(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    char time[16], mips[16], ratio[16], exits[16];
    bool more = has_exits(table->engines[engine]);
    if (!measured(result)) {
        fprintf(out, " | %9s %5s %6s %6s", result->tried ? "failed" : "-", "", "", "");
        if (more)
            fprintf(out, " %8s %7s", "", "");
        return;
    }
    fprintf(out, " | %9s %5.1f %6s %6s", bench_format_seconds(result->time.median, time), result->time.spread * 100,
            row->instructions > 0 ? bench_format_number(bench_mips(row, engine), mips) : "-",
            bench_format_number(bench_ratio(table, row, engine), ratio));
    if (!more)
        return;
    snprintf(exits, sizeof(exits), result->exits >= 100 ? "%.0f" : "%.1f", result->exits);
    fprintf(out, " %8s %7.1f", result->exits < 0 ? "-" : exits, bench_interpreted(table, row, engine) * 100);
}

static void print_operations(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    char time[16];
    if (!row->unit[0] || !row->operations)
        return;
    fprintf(out, " | 1 %s:", row->unit);
    for (int i = 0; i < table->engine_count; i++)
        if (measured(&row->results[i]))
            fprintf(out, " %s %s", table->engines[i],
                    bench_format_seconds(row->results[i].time.median / row->operations, time));
}

void bench_print_row(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    char name[48];
    snprintf(name, sizeof(name), "%s%s%s", row->name, row->mode[0] ? "-" : "", row->mode);
    if (row->instructions > 0)
        fprintf(out, "%-17s%12.0f ", name, row->instructions);
    else
        fprintf(out, "%-17s%12s ", name, "-");
    for (int i = 0; i < table->engine_count; i++)
        print_result(out, table, row, i);
    print_operations(out, table, row);
    fputc('\n', out);
    for (int i = 0; i < table->engine_count; i++)
        if (row->results[i].problem[0])
            fprintf(out, "    %s: %s\n", table->engines[i], row->results[i].problem);
    if (!bench_mismatch(table, row))
        return;
    fprintf(out, "    MISMATCH:");
    for (int i = 0; i < table->engine_count; i++)
        if (measured(&row->results[i]))
            fprintf(out, " %s %08x", table->engines[i], row->results[i].checksum);
    fputc('\n', out);
}

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
                all &= measured(&table->rows[r].results[k]);
            if (all)
                ratios[count++] = bench_ratio(table, &table->rows[r], i);
        }
        if (count < 2)
            return;
        if (i == 0)
            fprintf(out, "Geometric mean of the ratios, %d tests that all ran:", count);
        fprintf(out, "%s %s %s", i ? "," : "", table->engines[i],
                bench_format_number(bench_geometric_mean(ratios, count), text));
    }
    fputc('\n', out);
}

void bench_print_foot(FILE *out, const struct bench_table *table)
{
    fputc('\n', out);
    if (table->engine_count > 1)
        print_mean(out, table);
    if (table->seconds > 0)
        fprintf(out,
                "-16, -32, -64: code size in ring 0; u: ring 3.  Time of one pass by the host's clock between two port "
                "writes of the guest, firmware\nand warming up excluded: median of %d runs of at least %g s; +-%%: "
                "(longest "
                "- shortest) / median.  MIPS by the interpreter's count\nof instructions.  Ratio: to the fastest.  "
                "interp%%: the part of the instructions that the interpreter executed in the engine's place.\n",
                table->runs, table->seconds);
    else
        fprintf(out,
                "From power-on to the end, by the host's clock: median of %d runs; +-%%: (longest - shortest) / "
                "median.  MIPS by the\ninterpreter's count of instructions in its own run.\n",
                table->runs);
}
