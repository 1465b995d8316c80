/*
 * Pieces of 128-bit arithmetic that work on every host: a number is a pair of words.
 */
#ifndef CPU_WIDE_H
#define CPU_WIDE_H

#include "cpu/types.h"

/* What is shifted out is kept as a 1 in bit 0. */
static inline void wide_shift_right_jam(u64 *hi, u64 *lo, u64 count)
{
    if (!count)
        return;
    if (count < 64) {
        u64 lost = *lo << (64 - count);
        *lo = *hi << (64 - count) | *lo >> count | (lost != 0);
        *hi >>= count;
    } else if (count < 128) {
        u64 lost = *lo | (count > 64 ? *hi << (128 - count) : 0);
        *lo = (count == 64 ? *hi : *hi >> (count - 64)) | (lost != 0);
        *hi = 0;
    } else {
        *lo = (*hi | *lo) != 0;
        *hi = 0;
    }
}

static inline void wide_shift_left(u64 *hi, u64 *lo, unsigned count)
{
    if (count >= 64) {
        *hi = *lo << (count - 64);
        *lo = 0;
    } else if (count) {
        *hi = *hi << count | *lo >> (64 - count);
        *lo <<= count;
    }
}

static inline void wide_multiply_64(u64 a, u64 b, u64 *hi, u64 *lo)
{
    u64 a1 = a >> 32, a0 = (u32)a, b1 = b >> 32, b0 = (u32)b;
    u64 low = a0 * b0, mid1 = a1 * b0, mid2 = a0 * b1, high = a1 * b1;
    u64 mid = (low >> 32) + (u32)mid1 + (u32)mid2;
    *lo = mid << 32 | (u32)low;
    *hi = high + (mid1 >> 32) + (mid2 >> 32) + (mid >> 32);
}

#endif
