/*
 * The benchmark guest (roms/bench.S) as the host sees it: its tests, its routines, its device.
 */
#ifndef UI_BENCH_ROM_H
#define UI_BENCH_ROM_H

#include "machine/error.h"
#include "machine/types.h"

enum bench_mode { BENCH_REAL16, BENCH_RING0_32, BENCH_RING3_32, BENCH_RING0_64, BENCH_RING3_64, BENCH_MODES };

/* One entry of the guest's table. */
struct bench_test {
    char name[16];  /* "integer": a kernel of all modes */
    char unit[12];  /* what the operations are ("access"), or "" where instructions say it all */
    u32 operations; /* of a pass */
    u16 routine;    /* offset in the ROM */
    u16 mode;       /* enum bench_mode */
};

struct bench_rom {
    const u8 *data;
    u32 size;
    u16 test_count, call64, call32, lcall32; /* offsets of what the host may call */
    const struct bench_test *tests;
};

/* False if the ROM is not what this file says it is. */
bool bench_rom_open(struct bench_rom *rom);

/* "16", "32", "32u" (ring 3), "64", "64u". */
const char *bench_mode_name(unsigned mode);
/* "integer-64u" into `text`, at least 32 bytes; returns it. */
const char *bench_test_name(const struct bench_test *test, char *text);
/* True if `pattern` names the test: "integer-64u", "integer", "64u", with shell wildcards. */
bool bench_test_matches(const struct bench_test *test, const char *pattern);
/* True if its routine needs nothing but registers and memory, in a mode that this host's user programs can be in. */
bool bench_runs_natively(const struct bench_test *test);

/* What a run of one test gave. */
struct bench_sample {
    bool valid; /* else the problem says why */
    char problem[200];
    u32 checksum;
    u64 passes;      /* in `seconds` */
    double seconds;  /* of the host's clock between the guest's two port writes, summed over batches */
    u64 interpreted; /* instructions that the interpreter executed in that time */
    u64 exits;       /* of engines that leave the guest for the host */
    u64 fallbacks;   /* how often the interpreter took over */
};

/* What one batch took. */
struct bench_batch {
    double seconds;
    u64 interpreted, exits, fallbacks;
};

#define BENCH_COUNT (-1.0) /* in place of seconds: `interpreted` becomes the exact number of instructions of one pass */

/* Decides how many passes the next batch has, and when there have been enough. */
struct bench_batches {
    double enough;   /* seconds to measure, or BENCH_COUNT */
    int counted;     /* batches of BENCH_COUNT that have been */
    u64 batch;       /* passes of the batch under way; 0: none yet */
    bool first_done; /* at least one batch has been */
    bool warm;       /* the next batch counts */
};
/* How many passes now; 0: enough. */
u64 bench_next_batch(struct bench_batches *batches, const struct bench_sample *sample);
void bench_batch_took(struct bench_batches *batches, struct bench_sample *sample, const struct bench_batch *took);

/* Run in this process, which may be a child made for it. */
void bench_run_engine(const struct bench_rom *rom, const struct bench_test *test, const char *engine, double enough,
                      struct bench_sample *sample);
void bench_run_native(const struct bench_rom *rom, const struct bench_test *test, double enough,
                      struct bench_sample *sample);

#endif
