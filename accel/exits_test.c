/*
 * Exit statistics: counts by key, bounded, in order, in a table that other programs can read.
 */
#include "accel/exits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit.h"

static char text[65536];

static void append(void *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t length = strlen(text);
    vsnprintf(text + length, sizeof(text) - length, fmt, args);
    va_end(args);
}

static const char *printed(const struct exits *exits)
{
    text[0] = 0;
    exits_print(exits, append, NULL);
    return text;
}

TEST(counts_and_times_add_up_by_kind_and_key)
{
    static struct exits exits;
    for (int i = 0; i < 3; i++)
        exits_count(&exits, EXITS_OUT, 0x3f8, 2000);
    exits_count(&exits, EXITS_IN, 0x3f8, 1000);
    exits_count_name(&exits, EXITS_REASON, "port", 5000);
    CHECK(!strcmp(printed(&exits), "       count     total ms      mean us  exit\n"
                                   "           1        0.005        5.000  port\n"
                                   "       count     total ms      mean us  port\n"
                                   "           3        0.006        2.000  out 0x3f8\n"
                                   "           1        0.001        1.000  in 0x3f8\n"));
}

TEST(less_than_a_microsecond_is_not_nothing)
{
    static struct exits exits;
    exits_count(&exits, EXITS_READ, 0xb8000, 250);
    exits_count(&exits, EXITS_READ, 0xb8000, 251);
    CHECK(strstr(printed(&exits), "0.001        0.251  read 0xb8000\n") != NULL);
}

TEST(the_most_frequent_comes_first_and_equals_in_order_of_their_number)
{
    static struct exits exits;
    exits_count(&exits, EXITS_OUT, 0x72, 0);
    exits_count(&exits, EXITS_OUT, 0x70, 0);
    exits_count(&exits, EXITS_OUT, 0x71, 0);
    exits_count(&exits, EXITS_OUT, 0x71, 0);
    printed(&exits);
    CHECK(strstr(text, "0x71") < strstr(text, "0x70"));
    CHECK(strstr(text, "0x70") < strstr(text, "0x72"));
}

TEST(a_guest_that_touches_every_port_loses_no_count_and_no_reason)
{
    static struct exits exits;
    for (u64 port = 0; port < 65536; port++)
        exits_count(&exits, EXITS_IN, port, 1);
    exits_count_name(&exits, EXITS_REASON, "port", 7);
    u64 sum = exits.others.count, ns = exits.others.ns;
    for (unsigned i = 0; i < EXITS_SLOTS; i++)
        sum += exits.entries[i].count, ns += exits.entries[i].ns;
    CHECK_EQ(sum, 65536);
    CHECK_EQ(ns, 65536);
    CHECK(strstr(printed(&exits), "mean us  exit\n           1 "));
    CHECK(strstr(text, "others"));
    exits_clear(&exits);
    CHECK_EQ(exits.others.count, 0);
}

UNIT_MAIN()
