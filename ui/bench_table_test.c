#include "ui/bench_table.h"

#include <math.h>

#include "tests/unit.h"

static struct bench_table table;

static void set(struct bench_result *result, double seconds, u32 checksum)
{
    *result = (struct bench_result){.tried = true, .checksum = checksum};
    for (int i = 0; i < 3; i++) /* 10 passes each */
        bench_add_run(result, &(struct bench_run){10, seconds * (9 + i), -1, 0, 0});
    bench_summarize(result);
}

static struct bench_row *add_row(const char *name, const char *mode)
{
    struct bench_row *row = &table.rows[table.row_count++];
    *row = (struct bench_row){.instructions = 2e6};
    snprintf(row->name, sizeof(row->name), "%s", name);
    snprintf(row->mode, sizeof(row->mode), "%s", mode);
    return row;
}

/* native 1 ms, interp 4 ms, kvm 2 ms of 2 million instructions. */
static struct bench_row *prepare(void)
{
    table = (struct bench_table){.engines = {"native", "interp", "kvm"},
                                 .engine_count = 3,
                                 .runs = 3,
                                 .seconds = 0.1,
                                 .host = {.processor = "A \"fast\" <one> & more\\",
                                          .system = "Linux 6",
                                          .kvm = "software (x)",
                                          .kvm_kind = "software",
                                          .processors = 2,
                                          .online = 2,
                                          .load = 0.5},
                                 .width = 120,
                                 .version = "1"};
    struct bench_row *row = add_row("integer", "64u");
    set(&row->results[0], 1e-3, 5);
    set(&row->results[1], 4e-3, 5);
    set(&row->results[2], 2e-3, 5);
    row->results[2].exits = 12; /* a KVM's */
    row->results[2].interpreted = 5e5;
    return row;
}

/* To be freed. */
static char *written(void (*write)(FILE *, const struct bench_table *))
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);
    write(out, &table);
    fclose(out);
    return text;
}

TEST(mips_is_instructions_by_time)
{
    struct bench_row *row = prepare();
    CHECK(fabs(bench_mips(&table, row, 0) - 2000) < 1e-6 && fabs(bench_mips(&table, row, 1) - 500) < 1e-6);
}

TEST(the_fastest_engine_has_ratio_1)
{
    struct bench_row *row = prepare();
    CHECK(bench_ratio(&table, row, 0) == 1 && bench_ratio(&table, row, 1) == 4);
}

TEST(an_engine_with_a_problem_has_no_figures)
{
    struct bench_row *row = prepare();
    strcpy(row->results[0].problem, "crashed");
    CHECK(bench_mips(&table, row, 0) == 0 && bench_ratio(&table, row, 0) == 0);
    CHECK(bench_ratio(&table, row, 2) == 1);
    CHECK_EQ(bench_failures(&table), 1);
}

TEST(different_checksums_are_a_failure)
{
    struct bench_row *row = prepare();
    CHECK(!bench_mismatch(&table, row));
    CHECK_EQ(bench_failures(&table), 0);
    row->results[2].checksum = 6;
    CHECK(bench_mismatch(&table, row));
    CHECK_EQ(bench_failures(&table), 1);
}

/* The same everywhere, and still not what the host's own processor computes. */
TEST(engines_that_agree_on_the_wrong_result_fail)
{
    struct bench_row *row = prepare();
    row->has_reference = true;
    row->reference = 5;
    CHECK(!bench_mismatch(&table, row));
    row->reference = 6;
    CHECK(bench_wrong(row, 1) && bench_mismatch(&table, row) && bench_failures(&table) == 1);
    CHECK(bench_ratio(&table, row, 1) == 0 && bench_mips(&table, row, 1) == 0);
    char *text = written(bench_write_json);
    CHECK(strstr(text, "\"status\": \"wrong\"") && strstr(text, "\"reference_checksum\": \"00000006\""));
    free(text);
}

TEST(figures_of_a_pass_are_those_of_all_runs)
{
    struct bench_result result = {.tried = true};
    bench_add_run(&result, &(struct bench_run){10, 1.0, 20, 5, 1000});
    bench_add_run(&result, &(struct bench_run){30, 6.0, 60, 15, 3000});
    bench_summarize(&result);
    CHECK(fabs(result.time.median - 0.15) < 1e-9 && fabs(result.time.minimum - 0.1) < 1e-9);
    CHECK(result.exits == 2 && result.fallbacks == 0.5 && result.interpreted == 100);
}

/* Of a machine of the user's, only the interpreter's own run is counted, and only if that is the time measured. */
TEST(a_command_has_mips_for_the_interpreter_only)
{
    struct bench_row *row = prepare();
    table.seconds = 0;
    CHECK(bench_mips(&table, row, 1) > 0 && bench_mips(&table, row, 2) == 0 && bench_interpreted(&table, row, 2) < 0);
    row->results[2].exits = 0; /* it has executed nothing */
    CHECK(bench_interpreted(&table, row, 2) == 1);
    table.typed = true;
    CHECK(bench_mips(&table, row, 1) == 0);
}

TEST(what_the_interpreter_did_is_counted_for_others_only)
{
    struct bench_row *row = prepare();
    row->results[1].interpreted = 2e6;
    CHECK(bench_interpreted(&table, row, 1) == 0);
    CHECK(bench_interpreted(&table, row, 2) == 0.25);
}

/* RFC 8259: a value with balanced brackets, strings closed, no raw control characters or bare words but three. */
static bool json_is_balanced(const char *p)
{
    int depth = 0;
    for (; *p; p++) {
        if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']')
            depth--;
        else if (*p == '"')
            for (p++; *p != '"'; p++) {
                if ((unsigned char)*p < 0x20)
                    return false;
                if (*p == '\\')
                    p++;
            }
        if (depth < 0)
            return false;
    }
    return depth == 0;
}

TEST(json_escapes_what_it_must)
{
    struct bench_row *row = prepare();
    strcpy(row->results[0].problem, "line\nbreak\x7f");
    char *text = written(bench_write_json);
    CHECK(json_is_balanced(text));
    CHECK(strstr(text, "\"A \\\"fast\\\" <one> & more\\\\\"") != NULL);
    CHECK(strstr(text, "line\\u000abreak\\u007f") != NULL);
    CHECK(strstr(text, "\"kind\": \"software\"") != NULL);
    CHECK(strstr(text, "\"exits_per_pass\": 12") != NULL &&
          strstr(text, "\"million_instructions_per_second\": 1000") != NULL);
    free(text);
}

TEST(json_has_no_infinity)
{
    struct bench_row *row = prepare();
    row->results[1].time.maximum = INFINITY;
    char *text = written(bench_write_json);
    CHECK(strstr(text, "\"seconds_per_pass_maximum\": null") != NULL && !strstr(text, "inf"));
    free(text);
}

static void print_all(FILE *out, const struct bench_table *unused)
{
    bench_print_head(out, &table);
    bench_print_row(out, &table);
    bench_print_foot(out, &table);
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        longest = MAX(longest, (size_t)(end - text));
    return longest;
}

TEST(the_table_fits_80_and_120_columns)
{
    prepare();
    static const int widths[] = {80, 120};
    for (unsigned i = 0; i < ARRAY_SIZE(widths); i++) {
        table.width = widths[i];
        char *text = written(print_all);
        CHECK(longest_line(text) <= (size_t)widths[i]);
        CHECK(strstr(text, "range") && strstr(text, "exits:") && strstr(text, "fallb.:") && strstr(text, "ratio:"));
        free(text);
    }
}

TEST(one_run_has_no_range)
{
    prepare();
    table.runs = 1;
    char *text = written(print_all);
    CHECK(!strstr(text, "range  ") && strstr(text, "one run, so there is no range"));
    free(text);
}

TEST(a_busy_host_is_warned_of)
{
    prepare();
    table.host.load = 1.5;
    table.host.others = 0.3;
    char *text = written(print_all);
    CHECK(strstr(text, "WARNING: this host is busy") && strstr(text, "WARNING: During the runs other programs took 30 %"));
    free(text);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

TEST(the_chart_has_a_bar_for_each_figure_and_escapes_xml)
{
    prepare();
    set(&add_row("x87", "16")->results[1], 1e-3, 9);
    char *text = written(bench_write_svg);
    CHECK_EQ(count(text, "<rect"), 1 + 3 + 4); /* background, legend, bars */
    CHECK(strstr(text, "&lt;one&gt; &amp; more") != NULL);
    CHECK(strstr(text, "role=\"img\" aria-labelledby=\"title desc\"") && strstr(text, "<title id=\"title\">"));
    CHECK(strstr(text, "logarithmic scale") != NULL);
    CHECK(!strncmp(text, "<svg ", 5) && strstr(text, "</svg>\n") != NULL && !strstr(text, "nan"));
    free(text);
}

TEST(an_engine_that_leans_on_the_interpreter_is_hatched)
{
    struct bench_row *row = prepare();
    row->results[2].interpreted = 1.9e6;
    char *text = written(bench_write_svg);
    CHECK_EQ(count(text, "fill=\"url(#hatch2)\""), 2); /* legend, bar */
    free(text);
}

TEST(charts_without_any_figure_are_still_charts)
{
    struct bench_row *row = prepare();
    for (int i = 0; i < 3; i++)
        strcpy(row->results[i].problem, "no");
    char *text = written(bench_write_svg);
    CHECK(strstr(text, "</svg>") != NULL && !strstr(text, "nan") && !strstr(text, "inf"));
    free(text);
    table.row_count = 0;
    text = written(bench_write_svg);
    CHECK(strstr(text, "</svg>") != NULL && !strstr(text, "nan"));
    free(text);
}

TEST(many_rows_stand_in_two_columns_cut_between_groups)
{
    prepare();
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i / 4);
        set(&add_row(name, "64")->results[1], 1e-3, 1);
    }
    char *text = written(bench_write_svg);
    CHECK_EQ(count(text, ">t4<"), 1); /* each name once */
    CHECK_EQ(count(text, ">t9<"), 1);
    free(text);
}

UNIT_MAIN()
