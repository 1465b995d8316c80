/*
 * For tests: random numbers that a seed repeats (splitmix64: any seed will do).
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include "cpu/types.h"

static u64 random_state;

static inline u64 random64(void)
{
    u64 z = random_state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* 0 to n - 1. */
static inline unsigned below(unsigned n)
{
    return (unsigned)((random64() >> 32) * n >> 32);
}

static inline bool one_in(unsigned n)
{
    return below(n) == 0;
}

#endif
