#include "ui/bench_table.h"

#include <math.h>

#include "tests/unit.h"

static struct bench_table table;

static void set(struct bench_result *result, double seconds, u32 checksum)
{
    *result = (struct bench_result){.tried = true, .checksum = checksum, .exits = -1};
    result->time = (struct bench_stats){seconds, seconds * 0.9, seconds * 1.1, 0.2};
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
                                 .processor = "A \"fast\" <one> & more\\",
                                 .system = "Linux 6",
                                 .kvm = "software (x)",
                                 .kvm_kind = "software",
                                 .version = "1"};
    struct bench_row *row = add_row("integer", "64u");
    set(&row->results[0], 1e-3, 5);
    set(&row->results[1], 4e-3, 5);
    set(&row->results[2], 2e-3, 5);
    row->results[2].exits = 12;
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
    CHECK(fabs(bench_mips(row, 0) - 2000) < 1e-6 && fabs(bench_mips(row, 1) - 500) < 1e-6);
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
    CHECK(bench_mips(row, 0) == 0 && bench_ratio(&table, row, 0) == 0);
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
    CHECK(strstr(text, "\"exits\": 12") != NULL && strstr(text, "\"mips\": 1000") != NULL);
    free(text);
}

TEST(json_has_no_infinity)
{
    struct bench_row *row = prepare();
    row->results[1].time.maximum = INFINITY;
    char *text = written(bench_write_json);
    CHECK(strstr(text, "\"maximum\": null") != NULL && !strstr(text, "inf"));
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
    CHECK(!strncmp(text, "<svg ", 5) && strstr(text, "</svg>\n") != NULL && !strstr(text, "nan"));
    free(text);
}

TEST(an_engine_that_leans_on_the_interpreter_is_drawn_pale)
{
    struct bench_row *row = prepare();
    row->results[2].interpreted = 1.9e6;
    char *text = written(bench_write_svg);
    CHECK_EQ(count(text, "fill-opacity"), 1);
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
