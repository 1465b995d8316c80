#include "ui/bench_rom.h"

#include "tests/unit.h"

static struct bench_rom rom;

static const struct bench_test *find(const char *name)
{
    char text[32];
    for (int i = 0; i < rom.test_count; i++)
        if (!strcmp(bench_test_name(&rom.tests[i], text), name))
            return &rom.tests[i];
    return NULL;
}

TEST(the_rom_has_its_table_and_the_reset_vector)
{
    CHECK(bench_rom_open(&rom));
    CHECK(rom.test_count > 30);
    CHECK_EQ(rom.data[0xfff0], 0xea); /* JMP far */
    for (int i = 0; i < rom.test_count; i++) {
        CHECK(rom.tests[i].mode < BENCH_MODES);
        CHECK(rom.tests[i].name[0] && rom.tests[i].routine && !rom.tests[i].name[15]);
        CHECK(!rom.tests[i].unit[0] == !rom.tests[i].operations);
    }
}

TEST(names_and_parts_of_names_choose_tests)
{
    CHECK(bench_rom_open(&rom));
    const struct bench_test *test = find("x87-64u");
    CHECK(test != NULL);
    CHECK(bench_test_matches(test, "x87-64u") && bench_test_matches(test, "x87") && bench_test_matches(test, "64u"));
    CHECK(bench_test_matches(test, "x*") && !bench_test_matches(test, "64") && !bench_test_matches(test, "sse"));
}

#if defined(__x86_64__)
TEST(only_computing_in_ring_3_runs_natively)
{
    CHECK(bench_rom_open(&rom));
    CHECK(bench_runs_natively(find("integer-64u")) && bench_runs_natively(find("cache-32u")));
    CHECK(!bench_runs_natively(find("integer-64")) && !bench_runs_natively(find("page-fault-64u")));
}

/* What a routine computes is defined by the manuals, so the host's processor is right. */
TEST(native_routines_compute_the_same_in_32_and_64_bits)
{
    static const char *const names[] = {"integer", "branches", "memory", "x87", "sse", "strings", "cache"};
    CHECK(bench_rom_open(&rom));
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        char name[32];
        struct bench_sample wide, narrow;
        snprintf(name, sizeof(name), "%s-64u", names[i]);
        bench_run_native(&rom, find(name), 0.0001, &wide);
        snprintf(name, sizeof(name), "%s-32u", names[i]);
        bench_run_native(&rom, find(name), 0.0001, &narrow);
        CHECK(wide.valid && narrow.valid);
        CHECK_EQ(wide.checksum, narrow.checksum);
    }
}
#endif

/* Plays a pass of `seconds` until there have been enough. */
static struct bench_sample play(double enough, double first, double seconds, u64 *batches_made)
{
    struct bench_batches batches = {.enough = enough};
    struct bench_sample sample = {0};
    for (u64 made = 0;; made++) {
        u64 passes = bench_next_batch(&batches, &sample);
        *batches_made = made;
        if (!passes || made > 1000)
            return sample;
        struct bench_batch took = {(made ? 0 : first) + seconds * (double)passes, passes * 7, passes, 0};
        bench_batch_took(&batches, &sample, &took);
    }
}

TEST(batches_grow_until_port_writes_vanish_in_them)
{
    u64 made;
    struct bench_sample sample = play(0.1, 0.05, 10e-6, &made);
    CHECK(sample.seconds >= 0.1 && sample.seconds < 0.15);
    CHECK(sample.passes * 10e-6 > sample.seconds * 0.99); /* without the slow first one */
    CHECK(made < 40);
    CHECK_EQ(sample.interpreted, sample.passes * 7);
}

/* An interpreter that KVM takes over from after `slow` passes. */
TEST(batches_that_became_short_grow_and_do_not_count)
{
    struct bench_batches batches = {.enough = 0.1};
    struct bench_sample sample = {0};
    u64 made = 0, slow = 100, passes, most = 0;
    for (unsigned i = 0; i < 1000 && (passes = bench_next_batch(&batches, &sample)) != 0; i++) {
        u64 before = sample.passes;
        double seconds = (made < slow ? 1e-3 : 10e-6) * (double)passes;
        bench_batch_took(&batches, &sample, &(struct bench_batch){.seconds = seconds, .exits = 1});
        made += passes;
        most = MAX(most, passes);
        if (made > slow + passes && sample.passes > before)
            CHECK(seconds >= 0.005);
    }
    CHECK_EQ(bench_next_batch(&batches, &sample), 0);
    CHECK(most >= 500);
}

TEST(a_pass_longer_than_the_measurement_is_counted_once)
{
    u64 made;
    struct bench_sample sample = play(0.1, 0, 5, &made);
    CHECK_EQ(sample.passes, 1);
    CHECK_EQ(made, 3);
}

/* 10 us each, but for one that the host keeps waiting for 0.3 s: the first, second, third ... */
TEST(one_pass_that_waited_is_not_the_measurement)
{
    for (unsigned late = 0; late < 3; late++) {
        struct bench_batches batches = {.enough = 0.1};
        struct bench_sample sample = {0};
        u64 passes;
        for (unsigned i = 0; i < 1000 && (passes = bench_next_batch(&batches, &sample)) != 0; i++)
            bench_batch_took(&batches, &sample, &(struct bench_batch){10e-6 * (double)passes + (i == late ? 0.3 : 0), 0, 0, 0});
        CHECK(sample.passes > 5000);
        CHECK(sample.seconds / (double)sample.passes < 11e-6);
    }
}

/* 23 instructions around a batch, 1000 in a pass; decoding the first time costs nothing but could. */
TEST(a_pass_is_counted_without_what_surrounds_a_batch)
{
    struct bench_batches batches = {.enough = BENCH_COUNT};
    struct bench_sample sample = {0};
    for (u64 passes; (passes = bench_next_batch(&batches, &sample)) != 0;)
        bench_batch_took(&batches, &sample, &(struct bench_batch){.interpreted = 23 + passes * 1000});
    CHECK_EQ(sample.interpreted, 1000);
    CHECK_EQ(sample.passes, 1);
}

TEST(nothing_to_measure_still_makes_one_pass)
{
    u64 made;
    CHECK_EQ(play(0, 0, 1e-6, &made).passes, 1);
}

UNIT_MAIN()
