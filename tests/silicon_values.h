/*
 * Operand values for the silicon test: random bits, and those where results turn.
 */
#ifndef TESTS_SILICON_VALUES_H
#define TESTS_SILICON_VALUES_H

#include <string.h>

#include "cpu/types.h"
#include "tests/random.h"

static u64 integer_value(void)
{
    u64 r = random64();
    unsigned bits = 8u << below(4);
    switch (below(10)) {
    case 0: return 0;
    case 1: return ~0ull;
    case 2: return 1ull << (bits - 1);
    case 3: return (1ull << (bits - 1)) - 1;
    case 4: return (u64)(i64)(i8)r;
    case 5: return r & 31;
    case 6: return (1ull << (r & 63)) + (r >> 32 & 3) - 1;
    case 7: return r & 0xffffffff;
    default: return r;
    }
}

static u32 float32_value(void)
{
    static const u32 corners[] = {0,          0x3f800000, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7fbfffff, 0x00000001,
                                  0x007fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0x4effffff, 0x5f000000, 0x5effffff,
                                  0x3f000000, 0x3fc00000, 0x40200000, 0x3effffff, 0x7fc12345, 0x33800000, 0x4b000001};
    u32 r = (u32)random64(), sign = r & 0x80000000;
    switch (below(8)) {
    case 0:
    case 1:
    case 2: return corners[below(ARRAY_SIZE(corners))] ^ sign;
    case 3: return sign | (0x70 + below(32)) << 23 | (r & 0x7fffff); /* near 1 */
    case 4: return sign | (0x7f + below(35)) << 23 | (r & 0x7fffff); /* integers of all sizes */
    case 5: return sign | (below(12) << 23) | (r & 0x7fffff);        /* tiny */
    case 6: return sign | (0x7f + below(12)) << 23 | (r & 0x700000); /* short mantissas */
    default: return r;
    }
}

static u64 float64_value(void)
{
    static const u64 corners[] = {
        0,
        0x3ff0000000000000,
        0x7ff0000000000000,
        0x7ff8000000000000,
        0x7ff0000000000001,
        0x7ff7ffffffffffff,
        1,
        0x000fffffffffffff,
        0x0010000000000000,
        0x7fefffffffffffff,
        0x41e0000000000000,
        0x41dfffffffc00000,
        0x41dfffffffe00000,
        0x43e0000000000000,
        0x43dfffffffffffff,
        0x3fe0000000000000,
        0x3ff8000000000000,
        0x4004000000000000,
        0x3fdfffffffffffff,
        0x7ff8000012345678,
        0x47efffffe0000000,
        0x47efffffefffffff,
        0x47effffff0000000,
        0x3810000000000000,
        0x380fffffffffffff,
        0x36a0000000000000,
        0x3690000000000000,
        0x3690000000000001,
    };
    u64 r = random64(), sign = r & 1ull << 63, fraction = r & 0xfffffffffffff;
    switch (below(8)) {
    case 0:
    case 1:
    case 2: return corners[below(ARRAY_SIZE(corners))] ^ sign;
    case 3: return sign | (u64)(0x3f0 + below(32)) << 52 | fraction;
    case 4: return sign | (u64)(0x3ff + below(66)) << 52 | fraction;
    case 5: return sign | (u64)below(60) << 52 | fraction;
    case 6: return sign | (u64)(0x3ff - 130 + below(260)) << 52 | (fraction & 0xfffff80000000ull);
    default: return r;
    }
}

/* Eight bytes of some vector: lanes of one kind. */
static u64 lanes(unsigned kind)
{
    u64 value = 0;
    switch (kind) {
    case 0: return random64();
    case 1: return float32_value() | (u64)float32_value() << 32;
    case 2: return float64_value();
    case 3:
        for (unsigned i = 0; i < 8; i++)
            value |= (integer_value() & 0xff) << i * 8;
        return value;
    case 4:
        for (unsigned i = 0; i < 4; i++)
            value |= (integer_value() & 0xffff) << i * 16;
        return value;
    case 5: return (integer_value() & 0xffffffff) | integer_value() << 32;
    default: return integer_value();
    }
}

struct extended {
    u64 mantissa;
    u16 sign_exponent;
};

static struct extended extended_value(void)
{
    static const struct extended corners[] = {
        {0, 0},
        {1ull << 63, 0x3fff},
        {1ull << 63, 0x7fff},
        {0xc000000000000000, 0x7fff},
        {0x8000000000000001, 0x7fff},
        {0xbfffffffffffffff, 0x7fff},
        {1, 0},
        {0x7fffffffffffffff, 0},
        {1ull << 63, 0},
        {1ull << 63, 1},
        {~0ull, 0x7ffe},
        {0x4000000000000000, 0x3fff},
        {0, 0x7fff},
        {0, 0x3fff},
        {0x4000000000000000, 0x7fff},
        {0xde0b6b3a763fffff, 0x403a},
        {0xde0b6b3a76400000, 0x403a},
        {1ull << 63, 0x403e},
        {~0ull, 0x403d},
        {0xc90fdaa22168c235, 0x3ffe},
        {0xb504f333f9de6484, 0x3fff},
        {1ull << 63, 0x3ffe},
        {~0ull, 0x3ffe},
        {0xc000000000000000, 0x3fff},
        {0xa000000000000000, 0x4000},
        {~0ull, 0x3ffd},
    };
    u64 r = random64();
    u16 sign = (u16)(r & 0x8000);
    struct extended value = {random64() | 1ull << 63, 0};
    if (one_in(3))
        value.mantissa &= ~0ull << (8 + below(56));
    switch (below(9)) {
    case 0:
    case 1:
    case 2: value = corners[below(ARRAY_SIZE(corners))]; break;
    case 3: value.sign_exponent = (u16)(0x3ff0 + below(32)); break;
    case 4: value.sign_exponent = (u16)(0x3ffe + below(70)); break;
    case 5: value.sign_exponent = (u16)below(70); break;
    case 6: value.sign_exponent = (u16)(0x7ffe - below(70)); break;
    case 7: value.sign_exponent = (u16)(0x3fff - 1100 + below(2200)); break;
    default: value.sign_exponent = (u16)(r & 0x7fff); break;
    }
    value.sign_exponent |= sign;
    return value;
}

/* 18 decimal digits and a sign. */
static void decimal_value(u8 *to)
{
    for (unsigned i = 0; i < 9; i++)
        to[i] = (u8)(below(10) << 4 | below(10));
    to[9] = one_in(2) ? 0x80 : 0;
    if (one_in(8))
        to[below(10)] = (u8)random64();
}

#endif
