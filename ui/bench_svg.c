/*
 * The benchmark's results as a bar chart (SVG 1.1): speed on a logarithmic scale, or the time of a command on a linear
 * one; a bar for each engine, a whisker from the slowest to the fastest run.
 *
 * Engines differ by a factor of a thousand between arithmetic and port I/O, so only a logarithmic scale shows all tests;
 * the figures stand at the bars.  Colours are told apart by people with colour vision deficiencies, too (Okabe and Ito).
 */
#include <math.h>
#include <string.h>

#include "ui/bench_table.h"

#define MARGIN 28
#define LABELS 150  /* names and modes, left of the bars */
#define BARS 350    /* a bar of full length */
#define FIGURES 110 /* right of the longest bar */
#define COLUMN (LABELS + BARS + FIGURES)
#define GUTTER 36
#define BAR 11
#define ROW_GAP 5
#define GROUP_GAP 12
#define HEAD 112
#define AXIS 22
#define FOOT 54
#define ONE_COLUMN 14 /* rows that stand in a single column */

struct chart {
    FILE *out;
    const struct bench_table *table;
    bool linear;        /* seconds, from 0 */
    double low, high;   /* of the scale; logarithmic: powers of ten */
    int columns, split; /* the first row of the second column */
    int height;
};

static const char *const colours[BENCH_MAX_ENGINES] = {"#8a8f98", "#0072b2", "#e69f00",
                                                       "#009e73", "#cc79a7", "#56b4e9"};

static void text(const struct chart *chart, double x, double y, const char *style, const char *words)
{
    fprintf(chart->out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
    for (const char *p = words; *p; p++)
        switch (*p) {
        case '<': fputs("&lt;", chart->out); break;
        case '>': fputs("&gt;", chart->out); break;
        case '&': fputs("&amp;", chart->out); break;
        default: fputc((unsigned char)*p < 0x20 ? ' ' : *p, chart->out);
        }
    fprintf(chart->out, "</text>\n");
}

/* What a bar shows; 0: nothing. */
static double value(const struct chart *chart, const struct bench_row *row, int engine)
{
    const struct bench_result *result = &row->results[engine];
    if (!result->tried || result->problem[0])
        return 0;
    return chart->linear ? result->time.median : bench_mips(chart->table, row, engine);
}

static double extent(const struct chart *chart, double v)
{
    double part =
        chart->linear ? v / chart->high : (log10(v) - log10(chart->low)) / (log10(chart->high) - log10(chart->low));
    return MAX(0.0, MIN(1.0, part)) * BARS;
}

/* 1, 2 or 5 times a power of ten, at least v. */
static double round_up(double v)
{
    double power = pow(10, floor(log10(v)));
    return power * (v <= power ? 1 : v <= 2 * power ? 2 : v <= 5 * power ? 5 : 10);
}

static void find_scale(struct chart *chart)
{
    double low = 0, high = 0;
    for (int r = 0; r < chart->table->row_count; r++)
        for (int i = 0; i < chart->table->engine_count; i++) {
            double v = value(chart, &chart->table->rows[r], i);
            if (!(v > 0) || !isfinite(v))
                continue;
            low = low == 0 ? v : MIN(low, v);
            high = MAX(high, v);
        }
    if (high == 0)
        low = high = 1;
    chart->low = pow(10, floor(log10(low) - 0.05));
    chart->high = chart->linear ? round_up(high) : pow(10, ceil(log10(high)));
    if (!chart->linear && chart->high <= chart->low)
        chart->high = chart->low * 10;
}

/* --- layout ------------------------------------------------------------------------------------------------------ */

static int bars_of(const struct chart *chart, const struct bench_row *row)
{
    int bars = 0;
    for (int i = 0; i < chart->table->engine_count; i++)
        bars += row->results[i].tried;
    return MAX(1, bars);
}

static bool begins_group(const struct chart *chart, int row)
{
    return row == 0 || row == chart->split ||
           strcmp(chart->table->rows[row].name, chart->table->rows[row - 1].name) != 0;
}

static int height_of(const struct chart *chart, int first, int end)
{
    int height = 0;
    for (int r = first; r < end; r++)
        height += bars_of(chart, &chart->table->rows[r]) * BAR + (begins_group(chart, r) ? GROUP_GAP : ROW_GAP);
    return height;
}

/* Two columns as equal as whole groups allow. */
static void lay_out(struct chart *chart)
{
    int count = chart->table->row_count, best = 0;
    chart->columns = count > ONE_COLUMN ? 2 : 1;
    chart->split = count;
    best = height_of(chart, 0, count);
    for (int r = 1; r < count && chart->columns == 2; r++) {
        if (!strcmp(chart->table->rows[r].name, chart->table->rows[r - 1].name))
            continue;
        int taller = MAX(height_of(chart, 0, r), height_of(chart, r, count));
        if (taller < best) {
            best = taller;
            chart->split = r;
        }
    }
    chart->height = best;
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_grid(const struct chart *chart, double left)
{
    char label[24];
    double step = chart->linear ? chart->high / 5 : 0;
    for (int k = 0;; k++) {
        double v = chart->linear ? step * k : chart->low * pow(10, k);
        if (v > chart->high * 1.0001)
            return;
        double x = left + LABELS + (v > 0 ? extent(chart, v) : 0);
        fprintf(chart->out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#d9dce1\"/>\n", x,
                HEAD + AXIS - 4, x, HEAD + AXIS + chart->height + 6);
        snprintf(label, sizeof(label), "%.10g", v);
        text(chart, x, HEAD + AXIS - 9, "class=\"axis\" text-anchor=\"middle\"", label);
    }
}

static void draw_bar(const struct chart *chart, const struct bench_row *row, int engine, double left, double y)
{
    const struct bench_result *result = &row->results[engine];
    double v = value(chart, row, engine);
    char figure[64], number[16], time[16];
    if (!(v > 0)) {
        text(chart, left + 4, y + BAR - 2.5, "class=\"figure\"", result->problem[0] ? "failed" : "no figure");
        return;
    }
    double length = MAX(1.5, extent(chart, v));
    bool pale = bench_interpreted(chart->table, row, engine) > 0.5;
    fprintf(chart->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"%s/>\n", left, y, length,
            BAR - 1, colours[engine], pale ? " fill-opacity=\"0.35\"" : "");
    double slow = chart->linear ? result->time.minimum : row->instructions / result->time.maximum / 1e6;
    double fast = chart->linear ? result->time.maximum : row->instructions / result->time.minimum / 1e6;
    double from = extent(chart, slow), to = extent(chart, fast);
    if (to - from >= 2)
        fprintf(chart->out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#20242a\" stroke-width=\"1.2\"/>\n", left + from,
                y + (BAR - 1) / 2.0, left + to);
    if (chart->linear)
        snprintf(figure, sizeof(figure), "%s", bench_format_seconds(v, time));
    else if (row->operations)
        snprintf(figure, sizeof(figure), "%s  (%s)", bench_format_number(v, number),
                 bench_format_seconds(result->time.median / row->operations, time));
    else
        snprintf(figure, sizeof(figure), "%s", bench_format_number(v, number));
    text(chart, left + MAX(length, to) + 5, y + BAR - 2.5, "class=\"figure\"", figure);
}

static double draw_row(const struct chart *chart, int index, double left, double y)
{
    const struct bench_row *row = &chart->table->rows[index];
    char words[80];
    bool group = begins_group(chart, index);
    y += group ? GROUP_GAP : ROW_GAP;
    double middle = y + bars_of(chart, row) * BAR / 2.0 + 3.5;
    if (group) {
        snprintf(words, sizeof(words), "%s", row->name);
        text(chart, left, middle, "class=\"name\"", words);
    }
    text(chart, left + LABELS - 8, middle, "class=\"mode\" text-anchor=\"end\"", row->mode);
    for (int i = 0; i < chart->table->engine_count; i++) {
        if (!row->results[i].tried)
            continue;
        draw_bar(chart, row, i, left + LABELS, y);
        y += BAR;
    }
    return y;
}

static void draw_head(const struct chart *chart, int width)
{
    const struct bench_table *table = chart->table;
    char words[512];
    text(chart, MARGIN, 36, "class=\"title\"",
         chart->linear ? "clutch bench: time of a command, in seconds" : "clutch bench: speed by engine");
    snprintf(words, sizeof(words), "%s, %s. KVM: %s", table->host.processor, table->host.system, table->host.kvm);
    text(chart, MARGIN, 56, "class=\"sub\"", words);
    double x = MARGIN;
    for (int i = 0; i < table->engine_count; i++) {
        fprintf(chart->out, "<rect x=\"%.1f\" y=\"71\" width=\"14\" height=\"11\" fill=\"%s\"/>\n", x, colours[i]);
        text(chart, x + 20, 81, "class=\"legend\"", table->engines[i]);
        x += 44 + 8 * (double)strlen(table->engines[i]);
    }
    text(chart, x, 81, "class=\"sub\"",
         chart->linear
             ? "shorter is better"
             : "million guest instructions a second, logarithmic; longer is better; pale: mostly the interpreter in "
               "the engine's place");
}

static void draw_foot(const struct chart *chart, int height)
{
    char words[300];
    snprintf(words, sizeof(words),
             chart->linear
                 ? "Median of %d runs, power-on to end by the host's clock; the line spans shortest to longest."
                 : "Median of %d runs; the line spans slowest to fastest. 16, 32, 64: code size in ring 0; u: ring 3. "
                   "In parentheses: time of one operation.",
             chart->table->runs);
    text(chart, MARGIN, height - 26, "class=\"sub\"", words);
    snprintf(words, sizeof(words), "clutch %s. Guest time by the host's clock%s.", chart->table->version,
             chart->linear ? "" : ", between two port writes of the guest; instructions counted by the interpreter");
    text(chart, MARGIN, height - 11, "class=\"sub\"", words);
}

void bench_write_svg(FILE *out, const struct bench_table *table)
{
    struct chart chart = {.out = out, .table = table, .linear = table->seconds <= 0};
    find_scale(&chart);
    lay_out(&chart);
    int width = 2 * MARGIN + chart.columns * COLUMN + (chart.columns - 1) * GUTTER;
    int height = HEAD + AXIS + chart.height + FOOT;
    width = MAX(width, 900);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "font-family=\"DejaVu Sans, Verdana, Arial, sans-serif\">\n"
            "<style>.title{font-size:20px;font-weight:bold;fill:#20242a}.sub{font-size:11px;fill:#5a6070}"
            ".legend{font-size:12px;fill:#20242a}.axis{font-size:10px;fill:#5a6070}"
            ".name{font-size:12px;font-weight:bold;fill:#20242a}.mode{font-size:11px;fill:#20242a}"
            ".figure{font-size:9px;fill:#3a404c}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            width, height, width, height);
    draw_head(&chart, width);
    for (int c = 0; c < chart.columns; c++) {
        int end = c == 0 ? chart.split : table->row_count;
        double left = MARGIN + c * (COLUMN + GUTTER), y = HEAD + AXIS;
        draw_grid(&chart, left);
        for (int r = c == 0 ? 0 : chart.split; r < end; r++)
            y = draw_row(&chart, r, left, y);
    }
    draw_foot(&chart, height);
    fprintf(out, "</svg>\n");
}
