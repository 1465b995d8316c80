/*
 * The benchmark's results as JSON (RFC 8259).
 */
#include <math.h>

#include "ui/bench_table.h"

static void string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = *text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "\\u%04x", c); /* Latin-1; our texts are ASCII */
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

static void result(FILE *out, const struct bench_table *table, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    fprintf(out, "\n        {");
    pair(out, "engine", table->engines[engine]);
    if (result->problem[0]) {
        fprintf(out, ", ");
        pair(out, "problem", result->problem);
    } else {
        fprintf(out, ", \"checksum\": \"%08x\"", result->checksum);
        number(out, "seconds", result->time.median);
        number(out, "minimum", result->time.minimum);
        number(out, "maximum", result->time.maximum);
        number(out, "spread", result->time.spread);
        number(out, "mips", bench_mips(row, engine));
        number(out, "ratio", bench_ratio(table, row, engine));
        number(out, "interpreted", bench_interpreted(table, row, engine));
        if (result->exits >= 0)
            number(out, "exits", result->exits);
        if (row->operations)
            number(out, "seconds_per_operation", result->time.median / row->operations);
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
    number(out, "instructions", row->instructions);
    if (row->operations) {
        fprintf(out, ", \"operations\": %u, ", row->operations);
        pair(out, "unit", row->unit);
    }
    fprintf(out, ", \"mismatch\": %s, \"results\": [", bench_mismatch(table, row) ? "true" : "false");
    for (int i = 0; i < table->engine_count; i++) {
        if (!row->results[i].tried)
            continue;
        if (!first)
            fputc(',', out);
        first = false;
        result(out, table, row, i);
    }
    fprintf(out, "]}");
}

void bench_write_json(FILE *out, const struct bench_table *table)
{
    fprintf(out, "{\n  ");
    pair(out, "program", "clutch bench");
    fprintf(out, ", ");
    pair(out, "version", table->version);
    fprintf(out, ",\n  \"host\": {");
    pair(out, "processor", table->processor);
    fprintf(out, ", ");
    pair(out, "system", table->system);
    fprintf(out, "},\n  \"kvm\": {");
    pair(out, "kind", table->kvm_kind);
    fprintf(out, ", ");
    pair(out, "text", table->kvm);
    fprintf(out, "},\n  \"runs\": %d", table->runs);
    number(out, "seconds_per_run", table->seconds);
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
