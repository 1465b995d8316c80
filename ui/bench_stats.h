/*
 * Figures of several runs in one, and figures as people read them.
 */
#ifndef UI_BENCH_STATS_H
#define UI_BENCH_STATS_H

#include <stddef.h>

struct bench_stats {
    double median, minimum, maximum;
    double deviation; /* median absolute deviation: the median of the distances from the median */
    double range;     /* (maximum - minimum) / median */
};

/* All 0 if there are none.  The median of an even number is the mean of the middle two. */
struct bench_stats bench_statistics(const double *values, size_t count);
/* 0 if one of them is not above 0. */
double bench_geometric_mean(const double *values, size_t count);

/* "1.23 ms": three digits and s, ms, us or ns.  `text` holds at least 16 bytes and is returned. */
const char *bench_format_seconds(double seconds, char *text);
/* "1234", "123", "12.3", "1.23", "0.012": at least three significant digits above 0.01. */
const char *bench_format_number(double value, char *text);

#endif
