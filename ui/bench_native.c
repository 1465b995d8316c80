/*
 * The very bytes of the benchmark guest's routines on the host's own processor, in user mode.
 *
 * Source: Intel SDM vol. 1, "Modes of Operation" (compatibility mode); the selectors are those of Linux on x86-64.
 * 32-bit routines are reached by a far call into the 32-bit code segment that Linux has for 32-bit programs; a kernel
 * without them makes the call fault, which the parent of this process sees as a signal.
 */
#include "ui/bench_rom.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#if defined(__x86_64__)

#define BUFFER_SIZE (8u << 20)
#define STACK_SIZE (64u << 10)
#define USER_CS32 0x23
#define USER_DS 0x2b

/* As call64 and call32 of the ROM take it. */
struct call {
    u32 entry;
    u16 cs, ds;
    u32 stack, routine, buffer, count, differ;
};

/* Code, buffer and stack in one piece below 4 GiB. */
static u8 *map(const struct bench_rom *rom)
{
    u64 size = rom->size + BUFFER_SIZE + STACK_SIZE;
    u8 *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    memcpy(at, rom->data, rom->size);
    memset(at + rom->size, 0, BUFFER_SIZE);
    return mprotect(at, rom->size, PROT_READ | PROT_EXEC) == 0 ? at : NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_run_native(const struct bench_rom *rom, const struct bench_test *test, double enough,
                      struct bench_sample *sample)
{
    struct bench_batches batches = {.enough = enough};
    u8 *code = map(rom);
    *sample = (struct bench_sample){0};
    if (!code) {
        snprintf(sample->problem, sizeof(sample->problem), "no memory below 4 GiB that may hold code");
        return;
    }
    u32 base = (uintptr_t)code;
    struct call call = {.entry = base + rom->lcall32,
                        .cs = USER_CS32,
                        .ds = USER_DS,
                        .stack = base + rom->size + BUFFER_SIZE + STACK_SIZE,
                        .routine = base + test->routine,
                        .buffer = base + rom->size};
    u32 (*enter)(struct call *) =
        (u32(*)(struct call *))(code + (test->mode == BENCH_RING3_64 ? rom->call64 : rom->call32));
    for (bool first = true;; first = false) {
        call.count = bench_next_batch(&batches, sample);
        if (!call.count)
            break;
        double began = now();
        u32 checksum = enter(&call);
        bench_batch_took(&batches, sample, &(struct bench_batch){.seconds = now() - began});
        if (call.differ || (!first && checksum != sample->checksum)) {
            snprintf(sample->problem, sizeof(sample->problem), "passes differ");
            return;
        }
        sample->checksum = checksum;
    }
    sample->valid = true;
}

#else

void bench_run_native(const struct bench_rom *rom, const struct bench_test *test, double enough,
                      struct bench_sample *sample)
{
    *sample = (struct bench_sample){.problem = "the host is no x86-64"};
}

#endif
