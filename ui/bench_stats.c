/*
 * Figures of several runs in one, and figures as people read them.
 */
#include "ui/bench_stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/types.h"

#define MAX_VALUES 256

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

struct bench_stats bench_statistics(const double *values, size_t count)
{
    double sorted[MAX_VALUES], distances[MAX_VALUES];
    if (!count)
        return (struct bench_stats){0};
    count = MIN(count, (size_t)MAX_VALUES);
    memcpy(sorted, values, count * sizeof(*sorted));
    double median = median_of(sorted, count), range = sorted[count - 1] - sorted[0];
    for (size_t i = 0; i < count; i++)
        distances[i] = fabs(values[i] - median);
    return (struct bench_stats){median, sorted[0], sorted[count - 1], median_of(distances, count),
                                median > 0 ? range / median : 0};
}

double bench_geometric_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] > 0))
            return 0;
        sum += log(values[i]);
    }
    return count ? exp(sum / (double)count) : 0;
}

static const char *three_digits(double value, char *text, const char *unit)
{
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 || value == 0 ? 2 : 3;
    snprintf(text, 16, "%.*f%s", decimals, value, unit);
    return text;
}

const char *bench_format_seconds(double seconds, char *text)
{
    if (seconds >= 0.9995)
        return three_digits(seconds, text, " s");
    if (seconds >= 0.9995e-3)
        return three_digits(seconds * 1e3, text, " ms");
    if (seconds >= 0.9995e-6)
        return three_digits(seconds * 1e6, text, " us");
    return three_digits(seconds * 1e9, text, " ns");
}

const char *bench_format_number(double value, char *text)
{
    return three_digits(value, text, "");
}
