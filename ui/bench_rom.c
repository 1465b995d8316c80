/*
 * The benchmark guest's table, and how long its tests run.
 */
#include "ui/bench_rom.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "machine/pc/roms.h"

/* The head of the ROM, as roms/bench.S has it. */
struct header {
    char magic[8];
    u16 test_count, call64, call32, lcall32;
    struct bench_test tests[];
};
_Static_assert(sizeof(struct bench_test) == 36, "an entry is what the ROM's macro `test` writes");

bool bench_rom_open(struct bench_rom *rom)
{
    const struct rom *found = rom_find("bench");
    const struct header *header = found ? (const struct header *)found->data : NULL;
    if (!header || found->size != 0x10000 || memcmp(header->magic, "CLUTCHB1", 8) != 0)
        return false;
    *rom = (struct bench_rom){found->data,    found->size,     header->test_count, header->call64,
                              header->call32, header->lcall32, header->tests};
    return true;
}

const char *bench_mode_name(unsigned mode)
{
    static const char *const names[BENCH_MODES] = {"16", "32", "32u", "64", "64u"};
    return mode < BENCH_MODES ? names[mode] : "?";
}

const char *bench_test_name(const struct bench_test *test, char *text)
{
    snprintf(text, 32, "%.16s-%s", test->name, bench_mode_name(test->mode));
    return text;
}

bool bench_test_matches(const struct bench_test *test, const char *pattern)
{
    char name[32];
    return fnmatch(pattern, bench_test_name(test, name), 0) == 0 || fnmatch(pattern, test->name, 0) == 0 ||
           strcmp(pattern, bench_mode_name(test->mode)) == 0;
}

bool bench_runs_natively(const struct bench_test *test)
{
#if defined(__x86_64__)
    return !test->unit[0] && (test->mode == BENCH_RING3_64 || test->mode == BENCH_RING3_32);
#else
    return false;
#endif
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

/* Long enough that two port writes, and what their exits cost, vanish in it. */
#define BATCH_SECONDS 0.02
#define BATCH_MAX (1u << 20)

/* One pass to warm up, one, and two: two less one is a pass without what surrounds a batch. */
static const u64 counting[] = {1, 1, 2, 0};

static void count_batch(struct bench_batches *batches, struct bench_sample *sample, u64 interpreted)
{
    sample->interpreted = interpreted - (batches->counted == 2 ? sample->interpreted : 0);
    sample->passes = 1;
    batches->counted++;
}

u64 bench_next_batch(struct bench_batches *batches, const struct bench_sample *sample)
{
    if (batches->enough < 0)
        return counting[MIN(batches->counted, 3)];
    if (sample->seconds >= batches->enough && sample->passes)
        return 0;
    if (!batches->batch)
        batches->batch = 1;
    return batches->batch;
}

/* The first batch, of one pass, warms the engine up (decoding, page tables), the next ones find out how many passes to
 * make.  No batch counts that has no long one before it: on a busy host a single pass may wait for a processor for longer
 * than the whole measurement.  An engine may become faster later (accel/shift.c: KVM takes over from the interpreter): a
 * batch that has become short does not count, and grows. */
void bench_batch_took(struct bench_batches *batches, struct bench_sample *sample, const struct bench_batch *took)
{
    double want = MIN(BATCH_SECONDS, batches->enough), seconds = took->seconds;
    if (batches->enough < 0) {
        count_batch(batches, sample, took->interpreted);
        return;
    }
    batches->warm &= seconds >= want / 2 || batches->batch >= BATCH_MAX;
    if (batches->warm || batches->enough == 0) {
        sample->passes += batches->batch;
        sample->seconds += seconds;
        sample->interpreted += took->interpreted;
        sample->exits += took->exits;
        sample->fallbacks += took->fallbacks;
    } else if (!batches->first_done) {
        batches->first_done = true;
    } else if (seconds >= want / 2 || batches->batch >= BATCH_MAX) {
        batches->warm = true;
    } else {
        double passes = want / MAX(seconds / (double)batches->batch, 1e-9);
        u64 most = MIN(batches->batch * 16, (u64)BATCH_MAX);
        batches->batch = passes < (double)most ? MAX((u64)passes, batches->batch + 1) : most;
    }
}
