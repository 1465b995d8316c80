/*
 * The x87's FSCALE and FXTRACT, and its transcendental functions, in software.
 *
 * Source: Intel SDM vol. 2 "F2XM1", "FPATAN", "FSCALE", "FSINCOS", "FXTRACT", "FYL2X", "FYL2XP1" (tables of special
 * operands); vol. 1, 8.3.8 "Approximation of Pi" (66 bits), 8.3.10 "Transcendental Instruction Accuracy" (under 1 ulp).
 * Series in floating point of 128 bits; the result's low bits are sticky, so that it rounds as an inexact one.
 * Differs from hardware: the last place may, between this and any processor as between processors.
 */
#include "cpu/wide.h"
#include "cpu/x87_math.h"

/* --- 128 bits --- */

static struct soft number(i32 exponent, u64 hi, u64 lo)
{
    return (struct soft){.class = SOFT_NORMAL, .exponent = exponent, .hi = hi, .lo = lo};
}

static struct soft normal(struct soft a)
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

static struct soft plus(struct soft a, struct soft b)
{
    struct float_env env = {.masks = FLOAT_ALL};
    return soft_add(&env, a, b);
}

static struct soft minus(struct soft a, struct soft b)
{
    struct float_env env = {.masks = FLOAT_ALL};
    return soft_sub(&env, a, b);
}

static struct soft times(struct soft a, struct soft b)
{
    u64 hi, lo, middle_hi, middle_lo;
    if (a.class != SOFT_NORMAL || b.class != SOFT_NORMAL)
        return (struct soft){.class = SOFT_ZERO, .sign = a.sign != b.sign};
    wide_multiply_64(a.hi, b.hi, &hi, &lo);
    wide_multiply_64(a.hi, b.lo, &middle_hi, &middle_lo);
    hi += (lo += middle_hi) < middle_hi;
    wide_multiply_64(a.lo, b.hi, &middle_hi, &middle_lo);
    hi += (lo += middle_hi) < middle_hi;
    a.sign ^= b.sign;
    a.exponent += b.exponent + 1;
    a.hi = hi;
    a.lo = lo;
    return normal(a);
}

static bool less(u64 a_hi, u64 a_lo, u64 b_hi, u64 b_lo) { return a_hi < b_hi || (a_hi == b_hi && a_lo < b_lo); }

/* Both NORMAL, or a zero. */
static struct soft over(struct soft a, struct soft b)
{
    u64 hi = 0, lo = 0;
    bool carry = false;
    a.sign ^= b.sign;
    if (a.class != SOFT_NORMAL)
        return a;
    for (int i = 0; i < 128; i++) {
        wide_shift_left(&hi, &lo, 1);
        if (carry || !less(a.hi, a.lo, b.hi, b.lo)) {
            a.hi -= b.hi + (a.lo < b.lo);
            a.lo -= b.lo;
            lo |= 1;
        }
        carry = a.hi >> 63;
        wide_shift_left(&a.hi, &a.lo, 1);
    }
    a.exponent -= b.exponent;
    a.hi = hi;
    a.lo = lo;
    return normal(a);
}

static struct soft one(void) { return number(0, 1ull << 63, 0); }

/* An irrational result: never taken for exact, never for the middle between two. */
static struct soft inexact(struct soft a)
{
    if (a.class == SOFT_NORMAL)
        a.lo |= 1;
    return a;
}

static struct soft invalid(struct float_env *env)
{
    env->flags |= FLOAT_IE;
    return soft_indefinite();
}

static struct soft zero(bool sign) { return (struct soft){.class = SOFT_ZERO, .sign = sign}; }
static struct soft infinity(bool sign) { return (struct soft){.class = SOFT_INF, .sign = sign}; }

static struct soft with_sign(struct soft a, bool sign)
{
    a.sign = sign;
    return a;
}

static struct soft pi(void) { return number(1, 0xc90fdaa22168c234ull, 0xc4c6628b80dc1cd1ull); }
static struct soft ln2(void) { return number(-1, 0xb17217f7d1cf79abull, 0xc9e3b39803f2f6afull); }
static struct soft log2e(void) { return number(0, 0xb8aa3b295c17f0bbull, 0xbe87fed0691d3e88ull); }
static struct soft atan_half(void) { return number(-2, 0xed63382b0dda7b45ull, 0x6fe445ecbc3a8d03ull); }

static struct soft halves(struct soft a, i32 n)
{
    a.exponent -= n;
    return a;
}

static void note_denormals(struct float_env *env, const struct soft *a, const struct soft *b)
{
    if (a->denormal || b->denormal)
        env->flags |= FLOAT_DE;
}

/* --- exact --- */

/* The integer part of b, within +-65536. */
static i32 scale_amount(struct soft b)
{
    if (b.class == SOFT_ZERO || b.exponent < 0)
        return 0;
    i32 amount = b.exponent > 16 ? 0x10000 : (i32)(b.hi >> (63 - b.exponent));
    return b.sign ? -amount : amount;
}

struct soft soft_scale(struct float_env *env, struct soft a, struct soft b)
{
    struct soft r;
    if (soft_nan(env, &a, &b, &r))
        return r;
    if (b.class == SOFT_INF && a.class == (b.sign ? SOFT_INF : SOFT_ZERO))
        return invalid(env);
    note_denormals(env, &a, &b);
    if (a.class != SOFT_NORMAL)
        return a;
    if (b.class == SOFT_INF)
        return b.sign ? zero(a.sign) : infinity(a.sign);
    a.exponent += scale_amount(b);
    return a;
}

void soft_extract(struct float_env *env, struct soft a, struct soft *significand, struct soft *exponent)
{
    a = soft_operand(env, a);
    *significand = *exponent = a;
    if (a.class == SOFT_ZERO) {
        env->flags |= FLOAT_ZE;
        *exponent = infinity(true);
    } else if (a.class == SOFT_INF) {
        *exponent = infinity(false);
    } else if (a.class == SOFT_NORMAL) {
        significand->exponent = 0;
        *exponent = soft_from_int(a.exponent);
    }
}

/* --- 2^a - 1 --- */

/* e^y - 1 = y (1 + y/2 (1 + y/3 (1 + ...))), |y| < 0.7: the 30th term is below 2^-120. */
static struct soft exponential_minus_1(struct soft y)
{
    struct soft sum = one();
    for (int k = 30; k >= 2; k--)
        sum = plus(one(), over(times(y, sum), soft_from_int(k)));
    return times(y, sum);
}

struct soft soft_f2xm1(struct float_env *env, struct soft a)
{
    if (a.class == SOFT_INF)
        return a.sign ? with_sign(one(), true) : a;
    if (a.class == SOFT_ZERO)
        return a;
    if (a.exponent > 0 || (a.exponent == 0 && a.hi << 1)) /* beyond +-1: undefined */
        return a;
    if (a.exponent == 0)
        return a.sign ? with_sign(halves(one(), 1), true) : one();
    return inexact(exponential_minus_1(times(a, ln2())));
}

/* --- logarithms --- */

/* 2 atanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...), |s| < 0.172: the 25th term is below 2^-125. */
static struct soft twice_atanh(struct soft s)
{
    struct soft square = times(s, s), sum = zero(false);
    for (int k = 51; k >= 1; k -= 2)
        sum = plus(over(one(), soft_from_int(k)), times(square, sum));
    return halves(times(s, sum), -1);
}

/* log2 of a positive NORMAL number but 1. */
static struct soft logarithm(struct soft a)
{
    i32 exponent = a.exponent;
    a.exponent = 0;
    if (a.hi > 0xb504f333f9de6484ull) { /* above the root of 2 */
        a.exponent = -1;
        exponent++;
    }
    struct soft ratio = over(minus(a, one()), plus(a, one()));
    return plus(soft_from_int(exponent), times(twice_atanh(ratio), log2e()));
}

/* b * log2(a) where a is 0, infinite, or b is; `negative` is the sign of log2(a). */
static struct soft logarithm_limits(struct float_env *env, struct soft b, bool log_zero, bool log_infinite,
                                    bool negative)
{
    bool sign = b.sign != negative;
    if ((log_zero && b.class == SOFT_INF) || (log_infinite && b.class == SOFT_ZERO))
        return invalid(env);
    return log_infinite || b.class == SOFT_INF ? infinity(sign) : zero(sign);
}

struct soft soft_fyl2x(struct float_env *env, struct soft b, struct soft a)
{
    if (a.sign && a.class != SOFT_ZERO)
        return invalid(env);
    bool is_one = a.class == SOFT_NORMAL && a.exponent == 0 && !(a.hi << 1) && !a.lo;
    bool negative = a.class == SOFT_ZERO || (a.class == SOFT_NORMAL && a.exponent < 0);
    note_denormals(env, &a, &b);
    if (a.class == SOFT_ZERO && b.class == SOFT_NORMAL)
        env->flags |= FLOAT_ZE;
    if (a.class != SOFT_NORMAL || b.class != SOFT_NORMAL || is_one)
        return logarithm_limits(env, b, is_one, a.class == SOFT_ZERO || a.class == SOFT_INF, negative);
    struct soft log = logarithm(a);
    bool power_of_2 = !(a.hi << 1) && !a.lo;
    return power_of_2 ? times(b, log) : inexact(times(b, log));
}

/* Defined for |a| < 1 - sqrt(1/2); elsewhere as FYL2X of a + 1. */
struct soft soft_fyl2xp1(struct float_env *env, struct soft b, struct soft a)
{
    if (a.class == SOFT_NORMAL && a.exponent >= -2)
        return soft_fyl2x(env, b, inexact(plus(a, one())));
    if (a.class == SOFT_INF && a.sign)
        return invalid(env);
    note_denormals(env, &a, &b);
    if (a.class != SOFT_NORMAL || b.class != SOFT_NORMAL)
        return logarithm_limits(env, b, a.class == SOFT_ZERO, a.class == SOFT_INF, a.sign);
    struct soft ratio = over(a, plus(a, halves(one(), -1)));
    return inexact(times(b, times(twice_atanh(ratio), log2e())));
}

/* --- arc tangent --- */

/* r (1 - r^2/3 + r^4/5 - ...), |r| < 0.25: the 30th term is below 2^-120. */
static struct soft arctangent_series(struct soft r)
{
    struct soft square = times(r, r), sum = zero(false);
    for (int k = 61; k >= 1; k -= 2)
        sum = minus(over(one(), soft_from_int(k)), times(square, sum));
    return times(r, sum);
}

/* Of t in (0, 1]: atan t = atan c + atan((t - c) / (1 + t c)), c = 0, 1/2, 1. */
static struct soft arctangent(struct soft t)
{
    if (t.exponent < -2)
        return arctangent_series(t);
    bool near_half = t.exponent < -1 || (t.exponent == -1 && t.hi < 3ull << 62);
    struct soft c = near_half ? halves(one(), 1) : one();
    struct soft r = over(minus(t, c), plus(one(), times(t, c)));
    return plus(near_half ? atan_half() : halves(pi(), 2), arctangent_series(r));
}

/* Magnitude of the angle in the first quadrant, y and x not both zero or infinite. */
static struct soft first_quadrant(struct soft y, struct soft x)
{
    if (y.class == SOFT_ZERO || x.class == SOFT_INF)
        return zero(false);
    if (x.class == SOFT_ZERO || y.class == SOFT_INF)
        return halves(pi(), 1);
    bool steep = y.exponent > x.exponent || (y.exponent == x.exponent && y.hi > x.hi);
    struct soft angle = arctangent(steep ? over(x, y) : over(y, x));
    return steep ? minus(halves(pi(), 1), angle) : angle;
}

struct soft soft_fpatan(struct float_env *env, struct soft y, struct soft x)
{
    bool sign = y.sign, left = x.sign;
    struct soft angle;
    note_denormals(env, &y, &x);
    x.sign = y.sign = false;
    if (y.class == SOFT_INF && x.class == SOFT_INF)
        angle = halves(pi(), 2);
    else if (y.class == SOFT_ZERO && x.class == SOFT_ZERO)
        angle = zero(false);
    else
        angle = first_quadrant(y, x);
    if (left)
        angle = minus(pi(), angle);
    return inexact(with_sign(angle, sign));
}

/* --- circular functions --- */

/* |a| modulo pi/2 of 66 bits, exactly; the quotient's low bits. */
static struct soft reduce(struct soft a, unsigned *quotient)
{
    const u64 p_hi = 0xc90fdaa22168c234ull, p_lo = 0xc000000000000000ull;
    u64 hi = a.hi, lo = 0;
    bool carry = false;
    unsigned q = 0;
    if (a.exponent < 0) {
        *quotient = 0;
        return a;
    }
    for (i32 steps = a.exponent;; steps--) {
        q <<= 1;
        if (carry || !less(hi, lo, p_hi, p_lo)) {
            hi -= p_hi + (lo < p_lo);
            lo -= p_lo;
            q |= 1;
        }
        if (!steps)
            break;
        carry = hi >> 63;
        wide_shift_left(&hi, &lo, 1);
    }
    *quotient = q;
    return normal(number(0, hi, lo));
}

/* |r| <= pi/4, terms to r^41 / 41!: below 2^-150. */
static struct soft sine_series(struct soft r)
{
    struct soft square = times(r, r), sum = one();
    for (int k = 40; k >= 2; k -= 2)
        sum = minus(one(), over(times(square, sum), soft_from_int(k * (k + 1))));
    return times(r, sum);
}

static struct soft cosine_series(struct soft r)
{
    struct soft square = times(r, r), sum = one();
    for (int k = 39; k >= 1; k -= 2)
        sum = minus(one(), over(times(square, sum), soft_from_int(k * (k + 1))));
    return sum;
}

void soft_fsincos(struct float_env *env, struct soft a, struct soft *sine, struct soft *cosine)
{
    unsigned q;
    *sine = a;
    *cosine = one();
    if (a.class == SOFT_ZERO)
        return;
    struct soft r = reduce(with_sign(a, false), &q);
    if (r.class == SOFT_NORMAL && (r.exponent == 0 || (r.exponent == -1 && r.hi > 0xc90fdaa22168c234ull))) {
        r = minus(r, number(0, 0xc90fdaa22168c234ull, 0xc000000000000000ull));
        q++;
    }
    struct soft s = sine_series(r), c = cosine_series(r);
    *sine = inexact(q & 1 ? c : s);
    *cosine = inexact(q & 1 ? s : c);
    sine->sign ^= (q >> 1 & 1) ^ a.sign;
    cosine->sign ^= (q + 1) >> 1 & 1;
}

struct soft soft_fptan(struct float_env *env, struct soft a)
{
    struct soft sine, cosine;
    if (a.class == SOFT_ZERO)
        return a;
    soft_fsincos(env, a, &sine, &cosine);
    return inexact(over(sine, cosine));
}
