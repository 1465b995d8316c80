#include "ui/bench_stats.h"

#include <math.h>

#include "tests/unit.h"

static bool close_to(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

TEST(the_median_of_an_odd_number_is_the_middle_one)
{
    double values[] = {5, 1, 3};
    struct bench_stats stats = bench_statistics(values, 3);
    CHECK(stats.median == 3 && stats.minimum == 1 && stats.maximum == 5);
    CHECK(close_to(stats.range, 4.0 / 3));
}

TEST(the_median_of_an_even_number_is_the_mean_of_two)
{
    double values[] = {8, 2, 4, 100};
    CHECK(bench_statistics(values, 4).median == 6);
}

/* Distances from the median 3: 2, 1, 0, 1, 97. */
TEST(one_wild_value_hardly_moves_the_median_absolute_deviation)
{
    double values[] = {1, 2, 3, 4, 100};
    CHECK(bench_statistics(values, 5).deviation == 1);
}

TEST(one_value_has_no_spread_and_none_gives_nothing)
{
    double value = 7;
    CHECK(bench_statistics(&value, 1).median == 7 && bench_statistics(&value, 1).range == 0);
    CHECK(bench_statistics(NULL, 0).median == 0);
}

TEST(the_values_stay_as_they_are)
{
    double values[] = {3, 2, 1};
    bench_statistics(values, 3);
    CHECK(values[0] == 3 && values[2] == 1);
}

TEST(geometric_mean_of_ratios)
{
    double values[] = {2, 8}, zero[] = {2, 0};
    CHECK(close_to(bench_geometric_mean(values, 2), 4));
    CHECK(bench_geometric_mean(zero, 2) == 0);
    CHECK(bench_geometric_mean(NULL, 0) == 0);
}

TEST(seconds_have_three_digits_and_a_unit)
{
    char text[16];
    CHECK(!strcmp(bench_format_seconds(1.2345, text), "1.23 s"));
    CHECK(!strcmp(bench_format_seconds(0.9996, text), "1.00 s"));
    CHECK(!strcmp(bench_format_seconds(0.0123, text), "12.3 ms"));
    CHECK(!strcmp(bench_format_seconds(456e-6, text), "456 us"));
    CHECK(!strcmp(bench_format_seconds(7.5e-9, text), "7.50 ns"));
    CHECK(!strcmp(bench_format_seconds(125, text), "125 s"));
}

TEST(numbers_have_three_digits)
{
    char text[16];
    CHECK(!strcmp(bench_format_number(3123.4, text), "3123"));
    CHECK(!strcmp(bench_format_number(99.96, text), "100"));
    CHECK(!strcmp(bench_format_number(31.24, text), "31.2"));
    CHECK(!strcmp(bench_format_number(0.0123, text), "0.012"));
}

UNIT_MAIN()
