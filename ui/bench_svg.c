/*
 * The benchmark's results as a bar chart (SVG 1.1): speed on a logarithmic scale, or the time of a command on a linear
 * one; a bar for each engine, a whisker from the slowest to the fastest run.  Hatched: the interpreter executed most of it.
 *
 * Engines differ by a factor of a thousand between arithmetic and port I/O, so only a logarithmic scale shows all tests;
 * the figures stand at the bars.  Colours are told apart by people with colour vision deficiencies, too (Okabe and Ito), and
 * the first three by their lightness, in a grey print.
 */
#include <math.h>
#include <stdlib.h>
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
#define AXIS 36
#define FOOT 24
#define LINE 15   /* of small text */
#define LETTER 5.7 /* of it, wide: no letter of the fonts asked for is much wider on average */
#define ONE_COLUMN 14 /* rows that stand in a single column */

struct chart {
    FILE *out;
    const struct bench_table *table;
    bool linear;        /* seconds, from 0 */
    double low, high;   /* of the scale; logarithmic: powers of ten */
    int columns, split; /* the first row of the second column */
    int width, height;  /* of all; of the bars */
    double head;        /* where the bars' axis begins */
};

static const char *const colours[BENCH_MAX_ENGINES] = {"#22262c", "#2f86c9", "#e69f00",
                                                       "#009e73", "#cc79a7", "#56b4e9"};

/* An engine has the same one in every chart. */
static const char *colour(const struct chart *chart, int engine)
{
    static const char *const names[] = {"native", "interp", "kvm"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (!strcmp(chart->table->engines[engine], names[i]))
            return colours[i];
    return colours[MAX(3, engine)];
}

static void words_of(const struct chart *chart, const char *words, size_t length)
{
    for (const char *p = words; p < words + length; p++)
        switch (*p) {
        case '<': fputs("&lt;", chart->out); break;
        case '>': fputs("&gt;", chart->out); break;
        case '&': fputs("&amp;", chart->out); break;
        default: fputc((unsigned char)*p < 0x20 ? ' ' : *p, chart->out);
        }
}

static void piece(const struct chart *chart, double x, double y, const char *style, const char *words, size_t length)
{
    fprintf(chart->out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
    words_of(chart, words, length);
    fprintf(chart->out, "</text>\n");
}

static void text(const struct chart *chart, double x, double y, const char *style, const char *words)
{
    piece(chart, x, y, style, words, strlen(words));
}

/* Lines no longer than the chart is wide; returns where the next one would stand. */
static double paragraph(const struct chart *chart, double y, const char *style, const char *words)
{
    size_t room = (size_t)((chart->width - 2 * MARGIN) / LETTER);
    while (*words) {
        size_t length = strlen(words), skip = 0;
        if (length > room) {
            for (length = room; length > room / 2 && words[length] != ' '; length--)
                ;
            skip = words[length] == ' ';
        }
        piece(chart, MARGIN, y, style, words, length);
        words += length + skip;
        y += LINE;
    }
    return y;
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
    double step = chart->linear ? chart->high / 5 : 0, top = chart->head + AXIS;
    text(chart, left + LABELS, top - 23, "class=\"axis\"",
         chart->linear ? "seconds" : "million guest instructions per second, logarithmic scale");
    for (int k = 0;; k++) {
        double v = chart->linear ? step * k : chart->low * pow(10, k);
        if (v > chart->high * 1.0001)
            return;
        double x = left + LABELS + (v > 0 ? extent(chart, v) : 0);
        fprintf(chart->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#d9dce1\"/>\n", x,
                top - 4, x, top + chart->height + 6);
        snprintf(label, sizeof(label), "%.10g", v);
        text(chart, x, top - 9, "class=\"axis\" text-anchor=\"middle\"", label);
    }
}

static bool is_hatched(const struct chart *chart, const struct bench_row *row, int engine)
{
    return bench_interpreted(chart->table, row, engine) > 0.5;
}

/* Seen on dark bars and on white. */
static void draw_whisker(const struct chart *chart, double from, double to, double y)
{
    static const char *const strokes[] = {"stroke=\"#ffffff\" stroke-width=\"3\"", "stroke=\"#000000\" stroke-width=\"1.2\""};
    for (int i = 0; i < 2; i++)
        fprintf(chart->out, "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv4M%.1f %.1fv4\" fill=\"none\" %s/>\n", from, y, to, from,
                y - 2, to, y - 2, strokes[i]);
}

static void draw_bar(const struct chart *chart, const struct bench_row *row, int engine, double left, double y)
{
    const struct bench_result *result = &row->results[engine];
    double v = value(chart, row, engine);
    char figure[64], number[16], time[16];
    if (!(v > 0)) {
        text(chart, left + 4, y + BAR - 2.5, "class=\"figure\"", result->problem[0] ? "FAILED" : bench_wrong(row, engine) ? "WRONG RESULT" : "no figure");
        return;
    }
    double length = MAX(1.5, extent(chart, v));
    char fill[32];
    if (is_hatched(chart, row, engine))
        snprintf(fill, sizeof(fill), "url(#hatch%d)", engine);
    else
        snprintf(fill, sizeof(fill), "%s", colour(chart, engine));
    fprintf(chart->out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\" stroke=\"%s\" "
            "stroke-width=\"0.7\"/>\n",
            left, y, length, BAR - 2, fill, colour(chart, engine));
    double slow = chart->linear ? result->time.minimum : row->instructions / result->time.maximum / 1e6;
    double fast = chart->linear ? result->time.maximum : row->instructions / result->time.minimum / 1e6;
    double from = extent(chart, slow), to = extent(chart, fast);
    if (to - from >= 2)
        draw_whisker(chart, left + from, left + to, y + (BAR - 2) / 2.0);
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

static bool any_hatched(const struct chart *chart)
{
    bool any = false;
    for (int r = 0; r < chart->table->row_count; r++)
        for (int i = 0; i < chart->table->engine_count; i++)
            any |= is_hatched(chart, &chart->table->rows[r], i);
    return any;
}

static void draw_legend(const struct chart *chart, double y)
{
    const struct bench_table *table = chart->table;
    double x = MARGIN;
    for (int i = 0; i < table->engine_count; i++) {
        fprintf(chart->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"11\" fill=\"%s\"/>\n", x, y - 10, colour(chart, i));
        text(chart, x + 20, y, "class=\"legend\"", table->engines[i]);
        x += 44 + 8 * (double)strlen(table->engines[i]);
    }
    for (int i = 0; i < table->engine_count; i++)
        if (any_hatched(chart) && strcmp(table->engines[i], "native") != 0 && strcmp(table->engines[i], "interp") != 0) {
            fprintf(chart->out,
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"11\" fill=\"url(#hatch%d)\" stroke=\"%s\"/>\n", x,
                    y - 10, i, colour(chart, i));
            text(chart, x + 20, y, "class=\"legend\"", "mostly the interpreter in its place");
            x += 250;
        }
    text(chart, x, y, "class=\"sub\"", chart->linear ? "shorter is better" : "longer is better");
}

static const char *title(const struct chart *chart)
{
    return chart->linear ? "clutch bench: time of a machine, by engine" : "clutch bench: speed by engine";
}

/* Returns where the bars' axis begins. */
static double draw_head(const struct chart *chart)
{
    const struct bench_table *table = chart->table;
    const struct bench_host *host = &table->host;
    char words[1024];
    text(chart, MARGIN, 36, "class=\"title\"", title(chart));
    snprintf(words, sizeof(words), "%s, %d of %d processors%s, %s. clutch %s.", host->processor, host->processors,
             host->online, host->virtual ? " of a virtual machine" : "", host->system, table->version);
    double y = paragraph(chart, 56, "class=\"sub\"", words);
    snprintf(words, sizeof(words), "KVM: %s.", host->kvm);
    y = paragraph(chart, y, "class=\"sub\"", words);
    if (table->command[0]) {
        snprintf(words, sizeof(words), "Machine: %s", table->command);
        y = paragraph(chart, y, "class=\"sub\"", words);
    }
    if (bench_disturbed(host)) {
        snprintf(words, sizeof(words), "This host was busy: others took %.0f %% of its processor time, a hypervisor %.0f %%.",
                 host->others * 100, host->stolen * 100);
        y = paragraph(chart, y, "class=\"warning\"", words);
    }
    draw_legend(chart, y + 12);
    return y + 24;
}

static double draw_foot(const struct chart *chart, double y)
{
    const struct bench_table *table = chart->table;
    char words[600], runs[80] = "One run";
    if (table->runs > 1)
        snprintf(runs, sizeof(runs), "Median of %d runs; the line in a bar spans the slowest to the fastest", table->runs);
    if (chart->linear)
        snprintf(words, sizeof(words), "%s. Time from %s to %s, by the host's clock.", runs,
                 table->typed ? "the last line typed" : "the program's start",
                 table->until ? "the text waited for" : table->typed ? "its prompt" : "its end");
    else
        snprintf(words, sizeof(words),
                 "%s. 16, 32, 64: code size, in ring 0 (16: real mode); u: ring 3. In parentheses: time of one fault, call, "
                 "access ... Time by the host's clock, between two port writes of the guest; the instructions of a pass are "
                 "the same under all engines, counted by the interpreter.",
                 runs);
    return paragraph(chart, y, "class=\"sub\"", words);
}

/* For readers of the screen, and as the name of a window. */
static void describe(const struct chart *chart)
{
    const struct bench_table *table = chart->table;
    fprintf(chart->out, "<title id=\"title\">%s</title>\n<desc id=\"desc\">Bars of %d tests under", title(chart),
            table->row_count);
    for (int i = 0; i < table->engine_count; i++) {
        fprintf(chart->out, i ? ", " : " ");
        words_of(chart, table->engines[i], strlen(table->engines[i]));
    }
    fprintf(chart->out, ", on ");
    words_of(chart, table->host.processor, strlen(table->host.processor));
    fprintf(chart->out, chart->linear ? ": seconds.</desc>\n"
                                      : ": million guest instructions per second on a logarithmic scale.</desc>\n");
}

static void define_hatches(const struct chart *chart)
{
    fprintf(chart->out, "<defs>\n");
    for (int i = 0; i < chart->table->engine_count; i++)
        fprintf(chart->out,
                "<pattern id=\"hatch%d\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><path d=\"M0 0H4V4H0Z\" fill=\"#ffffff\"/><path d=\"M0 0H1.3V4H0Z\" "
                "fill=\"%s\"/></pattern>\n",
                i, colour(chart, i));
    fprintf(chart->out, "</defs>\n");
}

static const char style[] =
    "<style>.title{font-size:20px;font-weight:bold;fill:#20242a}.sub{font-size:11px;fill:#4a5060}"
    ".warning{font-size:11px;font-weight:bold;fill:#a02020}"
    ".legend{font-size:12px;fill:#20242a}.axis{font-size:10px;fill:#4a5060}"
    ".name{font-size:12px;font-weight:bold;fill:#20242a}.mode{font-size:11px;fill:#20242a}"
    ".figure{font-size:9.5px;fill:#20242a;stroke:#ffffff;stroke-width:2.5px;paint-order:stroke}</style>\n";

/* How high a function's text is, without a trace of it. */
static double measure_head(struct chart chart)
{
    char *unused = NULL;
    size_t size;
    chart.out = open_memstream(&unused, &size);
    double y = chart.out ? draw_head(&chart) : 0;
    if (chart.out)
        fclose(chart.out);
    free(unused);
    return y;
}

static double measure_foot(struct chart chart)
{
    char *unused = NULL;
    size_t size;
    chart.out = open_memstream(&unused, &size);
    double y = chart.out ? draw_foot(&chart, 0) : 0;
    if (chart.out)
        fclose(chart.out);
    free(unused);
    return y;
}

void bench_write_svg(FILE *out, const struct bench_table *table)
{
    struct chart chart = {.out = out, .table = table, .linear = table->seconds <= 0};
    find_scale(&chart);
    lay_out(&chart);
    chart.width = MAX(900, 2 * MARGIN + chart.columns * COLUMN + (chart.columns - 1) * GUTTER);
    chart.head = measure_head(chart);
    double bottom = chart.head + AXIS + chart.height + FOOT;
    int height = (int)(bottom + measure_foot(chart));
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-labelledby=\"title desc\" font-family=\"DejaVu Sans, Verdana, Arial, sans-serif\">\n",
            chart.width, height, chart.width, height);
    describe(&chart);
    define_hatches(&chart);
    fprintf(out, "%s<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", style);
    draw_head(&chart);
    for (int c = 0; c < chart.columns; c++) {
        int end = c == 0 ? chart.split : table->row_count;
        double left = MARGIN + c * (COLUMN + GUTTER), y = chart.head + AXIS;
        draw_grid(&chart, left);
        for (int r = c == 0 ? 0 : chart.split; r < end; r++)
            y = draw_row(&chart, r, left, y);
    }
    draw_foot(&chart, bottom);
    fprintf(out, "</svg>\n");
}
