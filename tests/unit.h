/*
 * Smallest unit-test frame: TEST(rule_as_a_name) { CHECK(...); CHECK_EQ(got, want); } and UNIT_MAIN() at the end.
 * A program prints one line for each failure and ends with `N passed, N failed`; its exit status says the same.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/types.h"

struct unit_test {
    const char *name;
    void (*run)(void);
    struct unit_test *next;
};

static struct unit_test *unit_first, **unit_last = &unit_first;
static int unit_errors, unit_skips;

#define TEST(rule)                                                                                                     \
    static void rule(void);                                                                                            \
    static struct unit_test unit_##rule = {#rule, rule, NULL};                                                         \
    __attribute__((constructor)) static void unit_add_##rule(void)                                                     \
    {                                                                                                                  \
        *unit_last = &unit_##rule;                                                                                     \
        unit_last = &unit_##rule.next;                                                                                 \
    }                                                                                                                  \
    static void rule(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            unit_errors++;                                                                                             \
            printf("%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition);                             \
        }                                                                                                              \
    } while (0)

#define CHECK_EQ(got, want)                                                                                            \
    do {                                                                                                               \
        unsigned long long unit_got = (unsigned long long)(got), unit_want = (unsigned long long)(want);               \
        if (unit_got != unit_want) {                                                                                   \
            unit_errors++;                                                                                             \
            printf("%s:%d: %s: %s is %#llx, should be %#llx\n", __FILE__, __LINE__, __func__, #got, unit_got,          \
                   unit_want);                                                                                         \
        }                                                                                                              \
    } while (0)

#define SKIP(why)                                                                                                      \
    do {                                                                                                               \
        unit_skips++;                                                                                                  \
        printf("%s: skipped: %s\n", __func__, why);                                                                    \
        return;                                                                                                        \
    } while (0)

static inline int unit_run(void)
{
    int passed = 0, failed = 0, skipped = 0;
    for (struct unit_test *t = unit_first; t; t = t->next) {
        int errors = unit_errors, skips = unit_skips;
        t->run();
        if (unit_errors != errors)
            failed++;
        else if (unit_skips != skips)
            skipped++;
        else
            passed++;
    }
    printf("%d passed, %d failed", passed, failed);
    printf(skipped ? ", %d skipped\n" : "\n", skipped);
    return failed != 0;
}

#define UNIT_MAIN()                                                                                                    \
    int main(void) { return unit_run(); }

#endif
