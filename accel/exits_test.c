/*
 * Exit statistics: counts by key, bounded, in order.
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

TEST(counts_and_times_add_up_by_kind_and_key)
{
    static struct exits exits = {.timed = true};
    for (int i = 0; i < 3; i++)
        exits_count(&exits, EXITS_OUT, 0x3f8, 2000);
    exits_count(&exits, EXITS_IN, 0x3f8, 1000);
    exits_count_name(&exits, EXITS_REASON, "port", 5000);
    text[0] = 0;
    exits_print(&exits, append, NULL);
    CHECK(strstr(text, "out   3f8"));
    CHECK(strstr(text, "3           6 us"));
    CHECK(strstr(text, "exits by reason:\n  port"));
}

TEST(the_most_frequent_comes_first)
{
    static struct exits exits;
    exits_count(&exits, EXITS_OUT, 0x70, 0);
    exits_count(&exits, EXITS_OUT, 0x71, 0);
    exits_count(&exits, EXITS_OUT, 0x71, 0);
    text[0] = 0;
    exits_print(&exits, append, NULL);
    CHECK(strstr(text, "71") < strstr(text, "70"));
}

TEST(a_guest_that_touches_every_port_loses_no_count)
{
    static struct exits exits;
    for (u64 port = 0; port < 65536; port++)
        exits_count(&exits, EXITS_IN, port, 0);
    u64 sum = exits.lost;
    for (unsigned i = 0; i < EXITS_SLOTS; i++)
        sum += exits.entries[i].count;
    CHECK_EQ(sum, 65536);
    exits_clear(&exits);
    CHECK_EQ(exits.lost, 0);
}

UNIT_MAIN()
