/*
 * The benchmark's results as JSON (RFC 8259).  docs/BENCH.md describes the members; BENCH_SCHEMA counts changes of their
 * meaning, not additions.
 */
#include <math.h>

#include "ui/bench_table.h"

#define BENCH_SCHEMA 2

/* The text is UTF-8. */
static void string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = *text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void pair(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\": ", key);
    string(out, text);
}

/* JSON has no infinities. */
static void number(FILE *out, const char *key, double value)
{
    if (isfinite(value))
        fprintf(out, ", \"%s\": %.9g", key, value);
    else
        fprintf(out, ", \"%s\": null", key);
}

/* null where it is not known or does not exist. */
static void known(FILE *out, const char *key, double value, bool is_known)
{
    number(out, key, is_known ? value : INFINITY);
}

static void runs(FILE *out, const struct bench_result *result)
{
    fprintf(out, ",\n          \"runs\": [");
    for (int i = 0; i < result->run_count; i++) {
        const struct bench_run *run = &result->runs[i];
        fprintf(out, "%s\n            {\"passes\": %llu", i ? "," : "", (unsigned long long)run->passes);
        number(out, "seconds", run->seconds);
        known(out, "exits", run->exits, run->exits >= 0);
        known(out, "fallbacks", run->fallbacks, run->exits >= 0);
        number(out, "interpreted_instructions", run->interpreted);
        fputc('}', out);
    }
    fprintf(out, "]");
}

static void figures(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    double mips = bench_mips(table, row, engine), part = bench_interpreted(table, row, engine);
    double ratio = bench_ratio(table, row, engine);
    if (table->seconds > 0)
        fprintf(out, ", \"checksum\": \"%08x\"", result->checksum);
    else
        known(out, "exit_status", result->checksum, !table->until && !table->typed);
    number(out, "seconds_per_pass_median", result->time.median);
    number(out, "seconds_per_pass_minimum", result->time.minimum);
    number(out, "seconds_per_pass_maximum", result->time.maximum);
    known(out, "seconds_per_pass_median_absolute_deviation", result->time.deviation, result->run_count > 1);
    known(out, "seconds_per_operation_median", result->time.median / MAX(1u, row->operations), row->operations != 0);
    known(out, "million_instructions_per_second", mips, mips > 0);
    known(out, "ratio_to_fastest", ratio, ratio > 0);
    known(out, "exits_per_pass", result->exits, result->exits >= 0);
    known(out, "fallbacks_per_pass", result->fallbacks, result->exits >= 0);
    known(out, "interpreted_fraction", part, result->exits >= 0 && part >= 0);
    runs(out, result);
}

static void result_object(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    fprintf(out, "\n        {");
    pair(out, "engine", table->engines[engine]);
    fprintf(out, ", ");
    if (result->problem[0] || !result->run_count) {
        pair(out, "status", "failed");
        fprintf(out, ", ");
        pair(out, "problem", result->problem);
    } else {
        pair(out, "status", bench_wrong(row, engine) ? "wrong" : "ok");
        figures(out, table, row, engine);
    }
    fputc('}', out);
}

static void row_object(FILE *out, const struct bench_table *table, const struct bench_row *row)
{
    bool first = true;
    fprintf(out, "\n    {");
    pair(out, "test", row->name);
    fprintf(out, ", ");
    pair(out, "mode", row->mode);
    known(out, "instructions_per_pass", row->instructions, row->instructions > 0);
    known(out, "operations_per_pass", row->operations, row->operations != 0);
    fprintf(out, ", \"operation\": ");
    if (row->operations)
        string(out, row->unit);
    else
        fprintf(out, "null");
    fprintf(out, ", \"reference_checksum\": ");
    fprintf(out, row->has_reference ? "\"%08x\"" : "null", row->reference);
    fprintf(out, ", \"mismatch\": %s,\n      \"results\": [", bench_mismatch(table, row) ? "true" : "false");
    for (int i = 0; i < table->engine_count; i++) {
        if (!row->results[i].tried)
            continue;
        if (!first)
            fputc(',', out);
        first = false;
        result_object(out, table, row, i);
    }
    fprintf(out, "]}");
}

static void host_object(FILE *out, const struct bench_host *host)
{
    fprintf(out, ",\n  \"host\": {");
    pair(out, "processor", host->processor);
    fprintf(out, ", \"processors\": %d, \"virtual_machine\": %s, ", host->processors, host->virtual ? "true" : "false");
    pair(out, "system", host->system);
    fprintf(out, ", \"frequency_governor\": ");
    if (host->governor[0])
        string(out, host->governor);
    else
        fprintf(out, "null");
    known(out, "load_average_at_start", host->load, host->load >= 0);
    known(out, "others_fraction", host->others, host->others >= 0);
    known(out, "stolen_fraction", host->stolen, host->stolen >= 0);
    fprintf(out, ", \"disturbed\": %s},\n  \"kvm\": {", bench_disturbed(host) ? "true" : "false");
    pair(out, "kind", host->kvm_kind);
    fprintf(out, ", ");
    pair(out, "text", host->kvm);
    fputc('}', out);
}

void bench_write_json(FILE *out, const struct bench_table *table)
{
    fprintf(out, "{\n  \"schema\": %d, ", BENCH_SCHEMA);
    pair(out, "program", "clutch bench");
    fprintf(out, ", ");
    pair(out, "version", table->version);
    host_object(out, &table->host);
    fprintf(out, ",\n  \"runs\": %d", table->runs);
    known(out, "seconds_per_run_at_least", table->seconds, table->seconds > 0);
    fprintf(out, ", \"machine\": ");
    if (table->command[0])
        string(out, table->command);
    else
        fprintf(out, "null");
    fprintf(out, ",\n  \"engines\": [");
    for (int i = 0; i < table->engine_count; i++) {
        fprintf(out, i ? ", " : "");
        string(out, table->engines[i]);
    }
    fprintf(out, "],\n  \"tests\": [");
    for (int i = 0; i < table->row_count; i++) {
        fprintf(out, i ? "," : "");
        row_object(out, table, &table->rows[i]);
    }
    fprintf(out, "\n  ]\n}\n");
}
