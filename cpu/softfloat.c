/*
 * IEEE 754 arithmetic in integers: unpacking, rounding, packing, add, multiply, divide, square root, compare.
 *
 * Source: see softfloat.h.
 * Modelled: all rounding modes, x87 precision control, denormals, tininess after rounding, wrapped results for unmasked
 * overflow and underflow, DAZ, FTZ, both NaN rules, the unsupported formats of extended precision (invalid operand).
 */
#include "cpu/softfloat.h"
#include "cpu/wide.h"

struct format {
    int precision, emin, emax;
    int wrap; /* what is added to the exponent of an unmasked underflow's result */
};

static const struct format format_f32 = {24, -126, 127, 192};
static const struct format format_f16 = {11, -14, 15, 24};
static const struct format format_f64 = {53, -1022, 1023, 1536};

static struct soft normalize(struct soft a)
{
    if (!(a.hi | a.lo)) {
        a.class = SOFT_ZERO;
        return a;
    }
    unsigned shift = a.hi ? (unsigned)__builtin_clzll(a.hi) : 64u + (unsigned)__builtin_clzll(a.lo);
    wide_shift_left(&a.hi, &a.lo, shift);
    a.exponent -= (i32)shift;
    return a;
}

/* --- unpack --- */

struct soft soft_indefinite(void)
{
    return (struct soft){.class = SOFT_QNAN, .sign = true, .hi = 0xc000000000000000ull};
}

static struct soft soft_infinity(bool sign) { return (struct soft){.class = SOFT_INF, .sign = sign}; }
static struct soft soft_zero(bool sign) { return (struct soft){.class = SOFT_ZERO, .sign = sign}; }

struct soft soft_from_f80(const struct x87_reg *a)
{
    unsigned exponent = a->sign_exponent & 0x7fff;
    struct soft r = {.class = SOFT_NORMAL, .sign = a->sign_exponent >> 15, .hi = a->mantissa};
    if (exponent == 0x7fff) {
        if (!(r.hi >> 63))
            r.class = SOFT_UNSUPPORTED;
        else if (!(r.hi << 1))
            r.class = SOFT_INF;
        else
            r.class = r.hi << 1 >> 63 ? SOFT_QNAN : SOFT_SNAN;
        return r;
    }
    if (exponent == 0) {
        r.exponent = -16382;
        r.denormal = r.hi != 0; /* pseudo-denormals too */
        return normalize(r);
    }
    r.exponent = (i32)exponent - 16383;
    if (!(r.hi >> 63))
        r.class = SOFT_UNSUPPORTED;
    return r;
}

static struct soft unpack_ieee(const struct float_env *env, bool sign, u32 exponent, u32 top, i32 bias, u64 fraction)
{
    struct soft r = {.class = SOFT_NORMAL, .sign = sign, .hi = fraction};
    if (exponent == top) {
        r.class = !fraction ? SOFT_INF : fraction >> 62 & 1 ? SOFT_QNAN : SOFT_SNAN;
        r.hi |= 1ull << 63;
    } else if (exponent) {
        r.exponent = (i32)exponent - bias;
        r.hi |= 1ull << 63;
    } else if (!fraction || env->daz) {
        return soft_zero(sign);
    } else {
        r.exponent = 1 - bias;
        r.denormal = true;
        r = normalize(r);
    }
    return r;
}

struct soft soft_from_f64(const struct float_env *env, u64 a)
{
    return unpack_ieee(env, a >> 63, a >> 52 & 0x7ff, 0x7ff, 1023, (a & 0xfffffffffffffull) << 11);
}

struct soft soft_from_f32(const struct float_env *env, u32 a)
{
    return unpack_ieee(env, a >> 31, a >> 23 & 0xff, 0xff, 127, (u64)(a & 0x7fffff) << 40);
}

/* Never as DAZ would have it. */
struct soft soft_from_f16(u16 a)
{
    const struct float_env env = {.daz = false};
    return unpack_ieee(&env, a >> 15, a >> 10 & 0x1f, 0x1f, 15, (u64)(a & 0x3ff) << 53);
}

struct soft soft_from_int(i64 a)
{
    struct soft r = {.class = SOFT_NORMAL, .sign = a < 0, .exponent = 63, .hi = a < 0 ? -(u64)a : (u64)a};
    return normalize(r);
}

/* --- round and pack --- */

static bool rounds_up(const struct float_env *env, bool sign, bool odd, u64 rest_hi, u64 rest_lo)
{
    switch (env->rounding) {
    case ROUND_NEAREST: return rest_hi > 1ull << 63 || (rest_hi == 1ull << 63 && (rest_lo || odd));
    case ROUND_DOWN: return sign && (rest_hi | rest_lo);
    case ROUND_UP: return !sign && (rest_hi | rest_lo);
    default: return false;
    }
}

/* Keeps the top `bits` (1-64) of hi.  A carry out of bit 63 is renormalized.  Returns whether it was inexact. */
static bool round_top(struct float_env *env, struct soft *a, unsigned bits)
{
    u64 rest_hi = bits == 64 ? a->lo : a->hi << bits, rest_lo = bits == 64 ? 0 : a->lo;
    u64 unit = 1ull << (64 - bits);
    bool inexact = (rest_hi | rest_lo) != 0;
    a->lo = 0;
    a->hi &= ~(unit - 1);
    env->rounded_up = rounds_up(env, a->sign, (a->hi & unit) != 0, rest_hi, rest_lo);
    if (env->rounded_up) {
        a->hi += unit;
        if (!a->hi) {
            a->hi = 1ull << 63;
            a->exponent++;
        }
    }
    return inexact;
}

static struct soft overflow(struct float_env *env, bool sign, const struct format *format)
{
    bool to_infinity = env->rounding == ROUND_NEAREST || env->rounding == (sign ? ROUND_DOWN : ROUND_UP);
    env->flags |= FLOAT_OE | FLOAT_PE;
    env->rounded_up = to_infinity;
    if (to_infinity)
        return soft_infinity(sign);
    return (struct soft){.class = SOFT_NORMAL, .sign = sign, .exponent = format->emax,
                         .hi = ~0ull << (64 - format->precision)};
}

/* SDM vol. 1, 8.5.4, 8.5.5: FSCALE can leave the range even after wrapping. */
static struct soft massive(struct soft a, const struct format *format)
{
    if (a.exponent > format->emax)
        return soft_infinity(a.sign);
    return a.exponent < format->emin ? soft_zero(a.sign) : a;
}

static struct soft underflow(struct float_env *env, struct soft a, struct soft rounded, bool inexact,
                             const struct format *format)
{
    if (!(env->masks & FLOAT_UE)) {
        env->flags |= FLOAT_UE | (inexact ? FLOAT_PE : 0);
        rounded.exponent += format->wrap;
        return massive(rounded, format);
    }
    if (env->ftz) {
        env->flags |= FLOAT_UE | FLOAT_PE;
        env->rounded_up = false;
        return soft_zero(a.sign);
    }
    wide_shift_right_jam(&a.hi, &a.lo, (u64)(format->emin - a.exponent));
    a.exponent = format->emin;
    if (round_top(env, &a, (unsigned)format->precision))
        env->flags |= FLOAT_UE | FLOAT_PE;
    if (!a.hi)
        a.class = SOFT_ZERO;
    return a;
}

/* To the format's precision and exponent range.  A denormal result has exponent emin and bit 63 of hi clear. */
static struct soft finish(struct float_env *env, struct soft a, const struct format *format)
{
    env->rounded_up = false;
    if (a.class != SOFT_NORMAL)
        return a;
    struct soft rounded = a;
    bool inexact = round_top(env, &rounded, (unsigned)format->precision);
    if (rounded.exponent < format->emin)
        return underflow(env, a, rounded, inexact, format);
    if (rounded.exponent > format->emax) {
        if (env->masks & FLOAT_OE)
            return overflow(env, a.sign, format);
        env->flags |= FLOAT_OE;
        rounded.exponent -= format->wrap;
        rounded = massive(rounded, format);
    }
    if (inexact)
        env->flags |= FLOAT_PE;
    return rounded;
}

struct x87_reg soft_to_f80(struct float_env *env, struct soft a)
{
    struct format format = {env->precision, -16382, 16383, 24576};
    a = finish(env, a, &format);
    u16 sign = a.sign ? 0x8000 : 0;
    switch (a.class) {
    case SOFT_ZERO: return (struct x87_reg){.sign_exponent = sign};
    case SOFT_INF: return (struct x87_reg){.mantissa = 1ull << 63, .sign_exponent = sign | 0x7fff};
    case SOFT_NORMAL: break;
    default: return (struct x87_reg){.mantissa = a.hi | 0xc000000000000000ull, .sign_exponent = sign | 0x7fff};
    }
    u16 exponent = a.hi >> 63 ? (u16)(a.exponent + 16383) & 0x7fff : 0;
    return (struct x87_reg){.mantissa = a.hi, .sign_exponent = sign | exponent};
}

u64 soft_to_f64(struct float_env *env, struct soft a)
{
    a = finish(env, a, &format_f64);
    u64 sign = (u64)a.sign << 63, fraction = a.hi << 1 >> 12;
    switch (a.class) {
    case SOFT_ZERO: return sign;
    case SOFT_INF: return sign | 0x7ff0000000000000ull;
    case SOFT_NORMAL: return sign | (a.hi >> 63 ? (u64)((a.exponent + 1023) & 0x7ff) << 52 : 0) | fraction;
    default: return sign | 0x7ff8000000000000ull | fraction;
    }
}

u32 soft_to_f32(struct float_env *env, struct soft a)
{
    a = finish(env, a, &format_f32);
    u32 sign = (u32)a.sign << 31, fraction = (u32)(a.hi << 1 >> 41);
    switch (a.class) {
    case SOFT_ZERO: return sign;
    case SOFT_INF: return sign | 0x7f800000u;
    case SOFT_NORMAL: return sign | (a.hi >> 63 ? (u32)((a.exponent + 127) & 0xff) << 23 : 0) | fraction;
    default: return sign | 0x7fc00000u | fraction;
    }
}

u16 soft_to_f16(struct float_env *env, struct soft a)
{
    a = finish(env, a, &format_f16);
    u16 sign = a.sign ? 0x8000 : 0, fraction = (u16)(a.hi << 1 >> 54);
    switch (a.class) {
    case SOFT_ZERO: return sign;
    case SOFT_INF: return sign | 0x7c00;
    case SOFT_NORMAL: return (u16)(sign | (a.hi >> 63 ? ((a.exponent + 15) & 0x1f) << 10 : 0) | fraction);
    default: return sign | 0x7e00 | fraction;
    }
}

/* Integer part of a NORMAL value below 2^64 after rounding; *fits is false if it is larger. */
static u64 integer_magnitude(struct float_env *env, struct soft a, bool *inexact, bool *fits)
{
    *fits = a.exponent < 64;
    *inexact = false;
    if (!*fits)
        return 0;
    u64 hi = a.hi, lo = a.lo;
    wide_shift_right_jam(&hi, &lo, (u64)(63 - a.exponent));
    *inexact = lo != 0;
    env->rounded_up = rounds_up(env, a.sign, hi & 1, lo, 0);
    *fits = !env->rounded_up || hi != ~0ull;
    return hi + env->rounded_up;
}

i64 soft_to_int(struct float_env *env, struct soft a, unsigned bits)
{
    i64 indefinite = (i64)(~0ull << (bits - 1));
    bool inexact = false, fits = true;
    u64 magnitude = 0;
    env->rounded_up = false;
    if (a.class == SOFT_NORMAL)
        magnitude = integer_magnitude(env, a, &inexact, &fits);
    if (a.class > SOFT_NORMAL || !fits || magnitude > (1ull << (bits - 1)) - !a.sign) {
        env->flags |= FLOAT_IE;
        env->rounded_up = false;
        return indefinite;
    }
    if (inexact)
        env->flags |= FLOAT_PE;
    return a.sign ? (i64)-magnitude : (i64)magnitude;
}

struct soft soft_round_to_int(struct float_env *env, struct soft a)
{
    bool inexact, fits;
    env->rounded_up = false;
    a = soft_operand(env, a);
    if (a.class != SOFT_NORMAL || a.exponent >= 63)
        return a;
    u64 magnitude = integer_magnitude(env, a, &inexact, &fits);
    if (inexact)
        env->flags |= FLOAT_PE;
    a.exponent = 63;
    a.hi = magnitude;
    a.lo = 0;
    return normalize(a);
}

/* --- NaNs --- */

static struct soft quiet(struct soft a)
{
    a.class = SOFT_QNAN;
    a.hi |= 0xc000000000000000ull;
    return a;
}

static bool is_nan(const struct soft *a) { return a->class == SOFT_QNAN || a->class == SOFT_SNAN; }

static struct soft invalid(struct float_env *env)
{
    env->flags |= FLOAT_IE;
    return soft_indefinite();
}

static struct soft larger_significand(const struct soft *a, const struct soft *b)
{
    if (a->hi != b->hi)
        return a->hi > b->hi ? *a : *b;
    return a->sign ? *b : *a;
}

bool soft_nan(struct float_env *env, const struct soft *a, const struct soft *b, struct soft *r)
{
    if (a->class < SOFT_QNAN && b->class < SOFT_QNAN)
        return false;
    if (a->class == SOFT_UNSUPPORTED || b->class == SOFT_UNSUPPORTED) {
        *r = invalid(env);
        return true;
    }
    if (a->class == SOFT_SNAN || b->class == SOFT_SNAN)
        env->flags |= FLOAT_IE;
    if (!is_nan(a) || !is_nan(b))
        *r = is_nan(a) ? *a : *b;
    else if (env->sse)
        *r = *a;
    else if (a->class != b->class)
        *r = a->class == SOFT_QNAN ? *a : *b;
    else
        *r = larger_significand(a, b);
    *r = quiet(*r);
    return true;
}

static void note_denormal(struct float_env *env, const struct soft *a, const struct soft *b)
{
    if (a->denormal || b->denormal)
        env->flags |= FLOAT_DE;
}

struct soft soft_operand(struct float_env *env, struct soft a)
{
    struct soft r;
    if (soft_nan(env, &a, &a, &r))
        return r;
    note_denormal(env, &a, &a);
    return a;
}

/* --- arithmetic --- */

static struct soft add_magnitudes(struct soft a, struct soft b)
{
    wide_shift_right_jam(&b.hi, &b.lo, (u64)(a.exponent - b.exponent));
    u64 lo = a.lo + b.lo, carry = lo < a.lo;
    u64 hi = a.hi + b.hi, carry_hi = hi < a.hi;
    carry_hi |= hi + carry < hi;
    a.hi = hi + carry;
    a.lo = lo;
    if (carry_hi) {
        wide_shift_right_jam(&a.hi, &a.lo, 1);
        a.hi |= 1ull << 63;
        a.exponent++;
    }
    return a;
}

static struct soft subtract_magnitudes(struct float_env *env, struct soft a, struct soft b)
{
    wide_shift_right_jam(&b.hi, &b.lo, (u64)(a.exponent - b.exponent));
    a.hi = a.hi - b.hi - (a.lo < b.lo);
    a.lo -= b.lo;
    a = normalize(a);
    if (a.class == SOFT_ZERO)
        a.sign = env->rounding == ROUND_DOWN;
    return a;
}

static bool less_magnitude(const struct soft *a, const struct soft *b)
{
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent;
    return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

/* The sum of two operands without NaNs. */
static struct soft sum(struct float_env *env, struct soft a, struct soft b)
{
    if (a.class == SOFT_INF)
        return a;
    if (b.class == SOFT_INF)
        return b;
    if (a.class == SOFT_ZERO && b.class == SOFT_ZERO) {
        if (a.sign != b.sign)
            a.sign = env->rounding == ROUND_DOWN;
        return a;
    }
    if (a.class == SOFT_ZERO)
        return b;
    if (b.class == SOFT_ZERO)
        return a;
    if (less_magnitude(&a, &b)) {
        struct soft swap = a;
        a = b;
        b = swap;
    }
    return a.sign == b.sign ? add_magnitudes(a, b) : subtract_magnitudes(env, a, b);
}

static struct soft add_signed(struct float_env *env, struct soft a, struct soft b, bool negate)
{
    struct soft r;
    if (soft_nan(env, &a, &b, &r))
        return r;
    b.sign ^= negate;
    if (a.class == SOFT_INF && b.class == SOFT_INF && a.sign != b.sign)
        return invalid(env);
    note_denormal(env, &a, &b);
    return sum(env, a, b);
}

struct soft soft_add(struct float_env *env, struct soft a, struct soft b) { return add_signed(env, a, b, false); }
struct soft soft_sub(struct float_env *env, struct soft a, struct soft b) { return add_signed(env, a, b, true); }

/* The product of two operands without NaNs, not zero times infinity. */
static struct soft product(struct soft a, struct soft b)
{
    a.sign ^= b.sign;
    if (a.class == SOFT_INF || b.class == SOFT_INF)
        return soft_infinity(a.sign);
    if (a.class == SOFT_ZERO || b.class == SOFT_ZERO)
        return soft_zero(a.sign);
    a.exponent += b.exponent + 1;
    wide_multiply_64(a.hi, b.hi, &a.hi, &a.lo);
    return normalize(a);
}

static bool zero_times_infinity(const struct soft *a, const struct soft *b)
{
    return (a->class == SOFT_INF && b->class == SOFT_ZERO) || (a->class == SOFT_ZERO && b->class == SOFT_INF);
}

struct soft soft_mul(struct float_env *env, struct soft a, struct soft b)
{
    struct soft r;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (zero_times_infinity(&a, &b))
        return invalid(env);
    note_denormal(env, &a, &b);
    return product(a, b);
}

/* SDM vol. 1, table 14-15: a NaN among the multiplicands comes before c; 0 * inf + QNaN gives that QNaN without IE
 * on hardware. */
struct soft soft_fma(struct float_env *env, struct soft a, struct soft b, struct soft c)
{
    struct soft r;
    if (c.class == SOFT_SNAN)
        env->flags |= FLOAT_IE;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (soft_nan(env, &c, &c, &r))
        return r;
    if (zero_times_infinity(&a, &b))
        return invalid(env);
    struct soft ab = product(a, b);
    if (ab.class == SOFT_INF && c.class == SOFT_INF && ab.sign != c.sign)
        return invalid(env);
    note_denormal(env, &a, &b);
    note_denormal(env, &c, &c);
    return sum(env, ab, c);
}

/* a / b for a < 2b, both with bit 63 set: 64 bits of quotient behind one before the point, and what is left. */
static u64 divide_step(u64 *rest, u64 divisor, unsigned bits)
{
    u64 quotient = 0;
    while (bits--) {
        bool carry = *rest >> 63;
        *rest <<= 1;
        quotient <<= 1;
        if (carry || *rest >= divisor) {
            *rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

struct soft soft_div(struct float_env *env, struct soft a, struct soft b)
{
    struct soft r;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (a.class == b.class && a.class != SOFT_NORMAL)
        return invalid(env);
    a.sign ^= b.sign;
    if (b.class == SOFT_ZERO) { /* comes before the denormal exception (measured) */
        env->flags |= a.class == SOFT_INF ? 0 : FLOAT_ZE;
        return soft_infinity(a.sign);
    }
    note_denormal(env, &a, &b);
    if (a.class == SOFT_INF)
        return soft_infinity(a.sign);
    if (a.class == SOFT_ZERO || b.class == SOFT_INF)
        return soft_zero(a.sign);
    u64 rest = a.hi;
    bool first = rest >= b.hi;
    if (first)
        rest -= b.hi;
    a.exponent -= b.exponent;
    a.hi = divide_step(&rest, b.hi, 63) | (u64)first << 63;
    a.lo = divide_step(&rest, b.hi, 62) << 2 | (rest != 0);
    return normalize(a);
}

/* Digit by digit: the root of hi.lo (below 4) has 66 significant bits and a sticky one. */
static struct soft square_root(struct soft a)
{
    bool odd = a.exponent & 1;
    u64 root_hi = 0, root = 0, rest_hi = 0, rest = 0;
    if (odd) {
        a.exponent--;
    } else {
        wide_shift_right_jam(&a.hi, &a.lo, 1);
    }
    a.exponent /= 2;
    for (int i = 0; i < 66; i++) {
        u64 two = a.hi >> 62;
        wide_shift_left(&a.hi, &a.lo, 2);
        rest_hi = rest_hi << 2 | rest >> 62;
        rest = rest << 2 | two;
        u64 try_hi = root_hi << 2 | root >> 62, try = root << 2 | 1;
        root_hi = root_hi << 1 | root >> 63;
        root <<= 1;
        if (rest_hi > try_hi || (rest_hi == try_hi && rest >= try)) {
            rest_hi -= try_hi + (rest < try);
            rest -= try;
            root |= 1;
        }
    }
    a.hi = root_hi << 62 | root >> 2;
    a.lo = root << 62 | ((rest_hi | rest) != 0);
    return a;
}

struct soft soft_sqrt(struct float_env *env, struct soft a)
{
    struct soft r;
    if (soft_nan(env, &a, &a, &r))
        return r;
    if (a.class == SOFT_ZERO)
        return a;
    if (a.sign)
        return invalid(env);
    note_denormal(env, &a, &a);
    return a.class == SOFT_INF ? a : square_root(a);
}

enum float_relation soft_compare(struct float_env *env, struct soft a, struct soft b, bool quiet)
{
    if (a.class >= SOFT_QNAN || b.class >= SOFT_QNAN) {
        if (!quiet || a.class > SOFT_QNAN || b.class > SOFT_QNAN)
            env->flags |= FLOAT_IE;
        return FLOAT_UNORDERED;
    }
    note_denormal(env, &a, &b);
    if (a.class == SOFT_ZERO && b.class == SOFT_ZERO)
        return FLOAT_EQUAL;
    if (a.class == SOFT_ZERO)
        return b.sign ? FLOAT_GREATER : FLOAT_LESS;
    if (b.class == SOFT_ZERO || a.sign != b.sign)
        return a.sign ? FLOAT_LESS : FLOAT_GREATER;
    if (a.class != b.class)
        return (a.class == SOFT_INF) != a.sign ? FLOAT_GREATER : FLOAT_LESS;
    if (a.class == SOFT_INF || (a.exponent == b.exponent && a.hi == b.hi && a.lo == b.lo))
        return FLOAT_EQUAL;
    return less_magnitude(&a, &b) != a.sign ? FLOAT_LESS : FLOAT_GREATER;
}

/* --- remainder --- */

/* Subtracts b from a where it fits, `steps` times, doubling in between; the quotient's low 64 bits. */
static u64 reduce(u64 *rest, bool *carry, u64 divisor, unsigned steps)
{
    u64 quotient = 0;
    for (;;) {
        quotient <<= 1;
        if (*carry || *rest >= divisor) {
            *rest -= divisor;
            quotient |= 1;
        }
        if (!steps--)
            return quotient;
        *carry = *rest >> 63;
        *rest <<= 1;
    }
}

/* FPREM1: one more subtraction where the rest is over half of b, or half and the quotient odd. */
static void to_nearest(struct soft *r, const struct soft *b, u64 *quotient)
{
    struct float_env env = {.rounding = ROUND_NEAREST, .masks = FLOAT_ALL};
    struct soft half = *b;
    half.exponent--;
    half.sign = r->sign;
    if (r->class == SOFT_ZERO || less_magnitude(r, &half))
        return;
    if (!less_magnitude(&half, r) && !(*quotient & 1))
        return;
    half.exponent++;
    bool sign = r->sign;
    *r = sum(&env, *r, (struct soft){.class = SOFT_NORMAL, .sign = !sign, .exponent = half.exponent, .hi = half.hi});
    ++*quotient;
}

struct soft soft_remainder(struct float_env *env, struct soft a, struct soft b, bool nearest, u64 *quotient,
                           bool *partial)
{
    struct soft r;
    *quotient = 0;
    *partial = false;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (a.class == SOFT_INF || b.class == SOFT_ZERO)
        return invalid(env);
    note_denormal(env, &a, &b);
    if (a.class == SOFT_ZERO || b.class == SOFT_INF)
        return a;
    i32 difference = a.exponent - b.exponent;
    r = a;
    if (difference >= 64) {
        /* SDM, "FPREM": the number of bits taken at once is the implementation's, 32 to 63. */
        unsigned bits = 32 + (unsigned)(difference & 31);
        bool carry = false;
        reduce(&r.hi, &carry, b.hi, bits);
        r.exponent = a.exponent - (i32)bits;
        *partial = true;
        r = normalize(r);
        r.sign = a.sign;
        return r;
    }
    if (difference >= 0) {
        bool carry = false;
        *quotient = reduce(&r.hi, &carry, b.hi, (unsigned)difference);
        r.exponent = b.exponent;
        r = normalize(r);
    }
    if (nearest)
        to_nearest(&r, &b, quotient);
    if (r.class == SOFT_ZERO)
        r.sign = a.sign;
    return r;
}
