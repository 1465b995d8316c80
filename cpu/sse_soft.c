/*
 * SSE and SSE2 floating point in software: hosts without SSE, and unmasked overflow and underflow, whose flags the host
 * cannot be asked for (a wrapped result decides whether PE is set; measured on hardware).
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 11.5.2 "SIMD Floating-Point Exceptions".
 */
#include "cpu/sse_fp.h"

static u32 pack32(struct float_env *env, struct soft a) { return soft_to_f32(env, a); }
static u64 pack64(struct float_env *env, struct soft a) { return soft_to_f64(env, a); }

/* MINPS: the second operand if either is a NaN (invalid, quiet ones too) or both are zero. */
static bool takes_first(struct float_env *env, struct soft a, struct soft b, enum float_relation wanted)
{
    return soft_compare(env, a, b, false) == wanted;
}

#define ELEMENT(bits)                                                                                                  \
    static u##bits add##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        return pack##bits(env, soft_add(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b)));                   \
    }                                                                                                                  \
    static u##bits sub##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        return pack##bits(env, soft_sub(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b)));                   \
    }                                                                                                                  \
    static u##bits mul##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        return pack##bits(env, soft_mul(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b)));                   \
    }                                                                                                                  \
    static u##bits div##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        return pack##bits(env, soft_div(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b)));                   \
    }                                                                                                                  \
    static u##bits sqrt##bits(struct float_env *env, u##bits a, u##bits b)                                             \
    {                                                                                                                  \
        return pack##bits(env, soft_sqrt(env, soft_from_f##bits(env, b)));                                             \
    }                                                                                                                  \
    static u##bits min##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        bool first = takes_first(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b), FLOAT_LESS);               \
        return flushed##bits(env, first ? a : b);                                                                      \
    }                                                                                                                  \
    static u##bits max##bits(struct float_env *env, u##bits a, u##bits b)                                              \
    {                                                                                                                  \
        bool first = takes_first(env, soft_from_f##bits(env, a), soft_from_f##bits(env, b), FLOAT_GREATER);            \
        return flushed##bits(env, first ? a : b);                                                                      \
    }

/* DAZ: a denormal is a zero of its sign, also as MIN's and MAX's result. */
static u32 flushed32(const struct float_env *env, u32 a) { return env->daz && !(a & 0x7f800000) ? a & 1u << 31 : a; }
static u64 flushed64(const struct float_env *env, u64 a)
{
    return env->daz && !(a >> 52 & 0x7ff) ? a & 1ull << 63 : a;
}

ELEMENT(32)
ELEMENT(64)

#define VECTOR(name, function, field, count)                                                                           \
    union simd soft_##name(struct float_env *env, union simd a, union simd b)                                          \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a.field[i] = function(env, a.field[i], b.field[i]);                                                        \
        return a;                                                                                                      \
    }

#define FOUR(operation)                                                                                                \
    VECTOR(operation##ps, operation##32, d, 4)                                                                         \
    VECTOR(operation##pd, operation##64, q, 2)                                                                         \
    VECTOR(operation##ss, operation##32, d, 1)                                                                         \
    VECTOR(operation##sd, operation##64, q, 1)

FOUR(add)
FOUR(sub)
FOUR(mul)
FOUR(div)
FOUR(min)
FOUR(max)
FOUR(sqrt)

/* 13 significant bits; denormals are zeros in operands and results, no exceptions. */
static u32 approximate(struct soft value)
{
    struct float_env env = {.rounding = ROUND_NEAREST, .masks = FLOAT_ALL, .sse = true, .ftz = true, .daz = true};
    if (value.class == SOFT_NORMAL)
        value.hi &= ~0ull << 51;
    return soft_to_f32(&env, value);
}

static u32 rcp32(struct float_env *unused, u32 a, u32 b)
{
    struct float_env env = {.rounding = ROUND_NEAREST, .masks = FLOAT_ALL, .sse = true, .ftz = true, .daz = true};
    return approximate(soft_div(&env, soft_from_int(1), soft_from_f32(&env, b)));
}

static u32 rsqrt32(struct float_env *unused, u32 a, u32 b)
{
    struct float_env env = {.rounding = ROUND_NEAREST, .masks = FLOAT_ALL, .sse = true, .ftz = true, .daz = true};
    return approximate(soft_div(&env, soft_from_int(1), soft_sqrt(&env, soft_from_f32(&env, b))));
}

VECTOR(rcpps, rcp32, d, 4)
VECTOR(rcpss, rcp32, d, 1)
VECTOR(rsqrtps, rsqrt32, d, 4)
VECTOR(rsqrtss, rsqrt32, d, 1)

/* SDM vol. 2A, "CMPPD", table 3-1: for each of 16 predicates, the relations that it holds for.  The next 16 are the
 * same ones, quiet where these signal an invalid operation for quiet NaNs, and the other way round. */
static bool predicate_holds(struct float_env *env, unsigned n, struct soft a, struct soft b)
{
    enum { LT = 1, EQ = 2, GT = 4, UN = 8 };
    static const u8 holds[16] = {
        EQ,      LT,      LT | EQ,      UN, LT | GT | UN, EQ | GT | UN, GT | UN, LT | EQ | GT,
        EQ | UN, LT | UN, LT | EQ | UN, 0,  LT | GT,      GT | EQ,      GT,      LT | EQ | GT | UN,
    };
    bool quiet = (0x9999 >> (n & 15) & 1) != (n >> 4 & 1);
    enum float_relation relation = soft_compare(env, a, b, quiet);
    return holds[n & 15] >> (relation == FLOAT_UNORDERED ? 3 : relation + 1) & 1;
}

#define PREDICATES(name, bits, field, count)                                                                           \
    union simd soft_##name(struct float_env *env, unsigned n, union simd a, union simd b)                              \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a.field[i] = predicate_holds(env, n, soft_from_f##bits(env, a.field[i]),                               \
                                         soft_from_f##bits(env, b.field[i]))                                           \
                             ? (u##bits)~0ull                                                                          \
                             : 0;                                                                                      \
        return a;                                                                                                      \
    }

PREDICATES(cmpps, 32, d, 4)
PREDICATES(cmppd, 64, q, 2)
PREDICATES(cmpss, 32, d, 1)
PREDICATES(cmpsd, 64, q, 1)

static u64 flags_of(enum float_relation relation)
{
    switch (relation) {
    case FLOAT_LESS: return FL_CF;
    case FLOAT_EQUAL: return FL_ZF;
    case FLOAT_GREATER: return 0;
    default: return FL_CF | FL_PF | FL_ZF;
    }
}

#define COMPARE(name, bits, field, quiet)                                                                              \
    u64 soft_##name(struct float_env *env, union simd a, union simd b)                                                 \
    {                                                                                                                  \
        return flags_of(                                                                                               \
            soft_compare(env, soft_from_f##bits(env, a.field[0]), soft_from_f##bits(env, b.field[0]), quiet));         \
    }

COMPARE(comiss, 32, d, false)
COMPARE(comisd, 64, q, false)
COMPARE(ucomiss, 32, d, true)
COMPARE(ucomisd, 64, q, true)

/* --- conversions --- */

static u32 integer_to_single(struct float_env *env, i64 v) { return soft_to_f32(env, soft_from_int(v)); }
static u64 integer_to_double(struct float_env *env, i64 v) { return soft_to_f64(env, soft_from_int(v)); }

static i64 single_to_integer(struct float_env *env, u32 a, unsigned bits, bool truncate)
{
    struct float_env how = *env;
    if (truncate)
        how.rounding = ROUND_ZERO;
    i64 r = soft_to_int(&how, soft_from_f32(&how, a), bits);
    env->flags |= how.flags;
    return r;
}

static i64 double_to_integer(struct float_env *env, u64 a, unsigned bits, bool truncate)
{
    struct float_env how = *env;
    if (truncate)
        how.rounding = ROUND_ZERO;
    i64 r = soft_to_int(&how, soft_from_f64(&how, a), bits);
    env->flags |= how.flags;
    return r;
}

static u64 single_to_double(struct float_env *env, u32 a)
{
    return soft_to_f64(env, soft_operand(env, soft_from_f32(env, a)));
}

static u32 double_to_single(struct float_env *env, u64 a)
{
    return soft_to_f32(env, soft_operand(env, soft_from_f64(env, a)));
}

#define CONVERSION(name, count, to, from, expression)                                                                  \
    union simd soft_##name(struct float_env *env, union simd a, union simd b)                                          \
    {                                                                                                                  \
        union simd r = {.q = {0, 0}};                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.to[i] = expression(env, b.from[i]);                                                                      \
        return r;                                                                                                      \
    }
#define VECTOR_TO_INTEGER(name, count, from, expression, truncate)                                                     \
    union simd soft_##name(struct float_env *env, union simd a, union simd b)                                          \
    {                                                                                                                  \
        union simd r = {.q = {0, 0}};                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.d[i] = (u32)expression(env, b.from[i], 32, truncate);                                                    \
        return r;                                                                                                      \
    }

CONVERSION(cvtdq2ps, 4, d, sd, integer_to_single)
CONVERSION(cvtdq2pd, 2, q, sd, integer_to_double)
CONVERSION(cvtps2pd, 2, q, d, single_to_double)
CONVERSION(cvtpd2ps, 2, d, q, double_to_single)
VECTOR_TO_INTEGER(cvtps2dq, 4, d, single_to_integer, false)
VECTOR_TO_INTEGER(cvttps2dq, 4, d, single_to_integer, true)
VECTOR_TO_INTEGER(cvtpd2dq, 2, q, double_to_integer, false)
VECTOR_TO_INTEGER(cvttpd2dq, 2, q, double_to_integer, true)

#define SCALAR(name, to, expression, value)                                                                            \
    union simd soft_##name(struct float_env *env, union simd a, union simd b)                                          \
    {                                                                                                                  \
        a.to[0] = expression(env, value);                                                                              \
        return a;                                                                                                      \
    }

SCALAR(cvtss2sd, q, single_to_double, b.d[0])
SCALAR(cvtsd2ss, d, double_to_single, b.q[0])
SCALAR(cvtsi2ss32, d, integer_to_single, b.sd[0])
SCALAR(cvtsi2ss64, d, integer_to_single, b.sq[0])
SCALAR(cvtsi2sd32, q, integer_to_double, b.sd[0])
SCALAR(cvtsi2sd64, q, integer_to_double, b.sq[0])

union simd soft_cvtpi2ps(struct float_env *env, union simd a, union simd b)
{
    a.d[0] = integer_to_single(env, b.sd[0]);
    a.d[1] = integer_to_single(env, b.sd[1]);
    return a;
}

#define TO_INTEGERS(name, from, expression, truncate)                                                                  \
    u64 soft_##name##_u32(struct float_env *env, union simd a, union simd b)                                           \
    {                                                                                                                  \
        return (u32)expression(env, b.from[0], 32, truncate);                                                          \
    }                                                                                                                  \
    u64 soft_##name##_u64(struct float_env *env, union simd a, union simd b)                                           \
    {                                                                                                                  \
        return (u64)expression(env, b.from[0], 64, truncate);                                                          \
    }

TO_INTEGERS(cvtss2si, d, single_to_integer, false)
TO_INTEGERS(cvttss2si, d, single_to_integer, true)
TO_INTEGERS(cvtsd2si, q, double_to_integer, false)
TO_INTEGERS(cvttsd2si, q, double_to_integer, true)
