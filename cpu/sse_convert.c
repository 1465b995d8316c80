/*
 * SSE and SSE2: conversions between floating-point formats and integers.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 4.2.2 (integer indefinite), table 11-1.
 */
#include "cpu/sse_fp.h"

#if SSE_HOST

#define VECTOR(name)                                                                                                   \
    static inline __m128 host_##name(__m128 a, __m128 b)                                                               \
    {                                                                                                                  \
        asm volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                              \
        return a;                                                                                                      \
    }

VECTOR(cvtdq2ps)
VECTOR(cvtps2dq)
VECTOR(cvttps2dq)
VECTOR(cvtdq2pd)
VECTOR(cvtpd2dq)
VECTOR(cvttpd2dq)
VECTOR(cvtps2pd)
VECTOR(cvtpd2ps)
VECTOR(cvtss2sd)
VECTOR(cvtsd2ss)

/* Two integers to two singles; the destination's upper half stays. */
static inline __m128 host_cvtpi2ps(__m128 a, __m128 b)
{
    asm volatile("cvtdq2ps %1, %1\n\tmovsd %1, %0" : "+x"(a), "+x"(b));
    return a;
}

#define FROM_INTEGER(name, text, T)                                                                                    \
    static inline __m128 host_##name(__m128 a, __m128 b)                                                               \
    {                                                                                                                  \
        T value = (T)_mm_cvtsi128_si64((__m128i)b);                                                                    \
        asm volatile(text " %1, %0" : "+x"(a) : "r"(value));                                                           \
        return a;                                                                                                      \
    }

FROM_INTEGER(cvtsi2ss32, "cvtsi2ssl", u32)
FROM_INTEGER(cvtsi2ss64, "cvtsi2ssq", u64)
FROM_INTEGER(cvtsi2sd32, "cvtsi2sdl", u32)
FROM_INTEGER(cvtsi2sd64, "cvtsi2sdq", u64)

#define TO_INTEGER(name, T)                                                                                            \
    static inline u64 host_##name##_##T(__m128 a, __m128 b)                                                            \
    {                                                                                                                  \
        T value;                                                                                                       \
        asm volatile(#name " %1, %0" : "=r"(value) : "x"(b));                                                          \
        return value;                                                                                                  \
    }
#define TO_INTEGERS(name) TO_INTEGER(name, u32) TO_INTEGER(name, u64)

TO_INTEGERS(cvtss2si)
TO_INTEGERS(cvttss2si)
TO_INTEGERS(cvtsd2si)
TO_INTEGERS(cvttsd2si)

#else

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

#define VECTOR(name, count, to, from, expression)                                                                      \
    static union simd host_##name(struct float_env *env, union simd a, union simd b)                                   \
    {                                                                                                                  \
        union simd r = {.q = {0, 0}};                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.to[i] = expression(env, b.from[i]);                                                                      \
        return r;                                                                                                      \
    }
#define VECTOR_TO_INTEGER(name, count, from, expression, truncate)                                                     \
    static union simd host_##name(struct float_env *env, union simd a, union simd b)                                   \
    {                                                                                                                  \
        union simd r = {.q = {0, 0}};                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.d[i] = (u32)expression(env, b.from[i], 32, truncate);                                                    \
        return r;                                                                                                      \
    }

VECTOR(cvtdq2ps, 4, d, sd, integer_to_single)
VECTOR(cvtdq2pd, 2, q, sd, integer_to_double)
VECTOR(cvtps2pd, 2, q, d, single_to_double)
VECTOR(cvtpd2ps, 2, d, q, double_to_single)
VECTOR_TO_INTEGER(cvtps2dq, 4, d, single_to_integer, false)
VECTOR_TO_INTEGER(cvttps2dq, 4, d, single_to_integer, true)
VECTOR_TO_INTEGER(cvtpd2dq, 2, q, double_to_integer, false)
VECTOR_TO_INTEGER(cvttpd2dq, 2, q, double_to_integer, true)

#define SCALAR(name, to, expression, value)                                                                            \
    static union simd host_##name(struct float_env *env, union simd a, union simd b)                                   \
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

static union simd host_cvtpi2ps(struct float_env *env, union simd a, union simd b)
{
    a.d[0] = integer_to_single(env, b.sd[0]);
    a.d[1] = integer_to_single(env, b.sd[1]);
    return a;
}

#define TO_INTEGERS(name, from, expression, truncate)                                                                  \
    static u64 host_##name##_u32(struct float_env *env, union simd a, union simd b)                                    \
    {                                                                                                                  \
        return (u32)expression(env, b.from[0], 32, truncate);                                                          \
    }                                                                                                                  \
    static u64 host_##name##_u64(struct float_env *env, union simd a, union simd b)                                    \
    {                                                                                                                  \
        return (u64)expression(env, b.from[0], 64, truncate);                                                          \
    }

TO_INTEGERS(cvtss2si, d, single_to_integer, false)
TO_INTEGERS(cvttss2si, d, single_to_integer, true)
TO_INTEGERS(cvtsd2si, q, double_to_integer, false)
TO_INTEGERS(cvttsd2si, q, double_to_integer, true)

#endif

/* --- XMM to XMM --- */

#define INSTRUCTION(name, operand, kind)                                                                               \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, sse_vector(cpu, host_##name, xmm_get(cpu, op->reg), b, kind));                           \
    }

INSTRUCTION(cvtdq2ps, rm_xmm, RESULT_OTHER)
INSTRUCTION(cvtps2dq, rm_xmm, RESULT_OTHER)
INSTRUCTION(cvttps2dq, rm_xmm, RESULT_OTHER)
INSTRUCTION(cvtdq2pd, rm_xmm_low64, RESULT_OTHER)
INSTRUCTION(cvtpd2dq, rm_xmm, RESULT_OTHER)
INSTRUCTION(cvttpd2dq, rm_xmm, RESULT_OTHER)
INSTRUCTION(cvtps2pd, rm_xmm_low64, RESULT_OTHER)
INSTRUCTION(cvtpd2ps, rm_xmm, RESULT_PS)
INSTRUCTION(cvtss2sd, rm_xmm_low32, RESULT_OTHER)
INSTRUCTION(cvtsd2ss, rm_xmm_low64, RESULT_SS)

/* --- MMX --- */

void do_cvtpi2ps(struct cpu *cpu, const struct op *op)
{
    sse_mmx_begin(cpu);
    union simd b = {.q = {rm_mmx(cpu, op)}};
    union simd r = sse_vector(cpu, host_cvtpi2ps, xmm_get(cpu, op->reg), b, RESULT_OTHER);
    mmx_enter(&cpu->fpu);
    xmm_put(cpu, op->reg, r);
}

/* From memory it does not touch the x87 (SDM vol. 2A, "CVTPI2PD").  Exact. */
void do_cvtpi2pd(struct cpu *cpu, const struct op *op)
{
    if (OP_IS_MEMORY(op))
        sse_begin(cpu);
    else
        sse_mmx_begin(cpu);
    union simd b = {.q = {rm_mmx(cpu, op)}};
    union simd r = sse_vector(cpu, host_cvtdq2pd, b, b, RESULT_OTHER);
    if (!OP_IS_MEMORY(op))
        mmx_enter(&cpu->fpu);
    xmm_put(cpu, op->reg, r);
}

/* The upper half must not raise anything. */
#define TO_MMX_FROM_SINGLES(name, vector)                                                                              \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_mmx_begin(cpu);                                                                                            \
        union simd b = {.q = {rm_xmm_low64(cpu, op).q[0], 0}};                                                         \
        mmx_put(cpu, op->reg, sse_vector(cpu, host_##vector, b, b, RESULT_OTHER).q[0]);                                \
    }

#define TO_MMX_FROM_DOUBLES(name, vector)                                                                              \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_mmx_begin(cpu);                                                                                            \
        union simd b = rm_xmm(cpu, op);                                                                                \
        mmx_put(cpu, op->reg, sse_vector(cpu, host_##vector, b, b, RESULT_OTHER).q[0]);                                \
    }

TO_MMX_FROM_SINGLES(cvtps2pi, cvtps2dq)
TO_MMX_FROM_SINGLES(cvttps2pi, cvttps2dq)
TO_MMX_FROM_DOUBLES(cvtpd2pi, cvtpd2dq)
TO_MMX_FROM_DOUBLES(cvttpd2pi, cvttpd2dq)

/* --- general registers --- */

static enum size integer_size(const struct op *op) { return op->size == SIZE_64 ? SIZE_64 : SIZE_32; }

#define FROM_GENERAL(name)                                                                                             \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = {.q = {rm_read(cpu, op, integer_size(op))}}, a = xmm_get(cpu, op->reg);                         \
        if (op->size == SIZE_64)                                                                                       \
            a = sse_vector(cpu, host_##name##64, a, b, RESULT_OTHER);                                                  \
        else                                                                                                           \
            a = sse_vector(cpu, host_##name##32, a, b, RESULT_OTHER);                                                  \
        xmm_put(cpu, op->reg, a);                                                                                      \
    }

FROM_GENERAL(cvtsi2ss)
FROM_GENERAL(cvtsi2sd)

#define TO_GENERAL(name, operand)                                                                                      \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        if (op->size == SIZE_64)                                                                                       \
            reg_write(cpu, op->reg, SIZE_64, sse_integer(cpu, host_##name##_u64, b, b));                               \
        else                                                                                                           \
            reg_write(cpu, op->reg, SIZE_32, sse_integer(cpu, host_##name##_u32, b, b));                               \
    }

TO_GENERAL(cvtss2si, rm_xmm_low32)
TO_GENERAL(cvttss2si, rm_xmm_low32)
TO_GENERAL(cvtsd2si, rm_xmm_low64)
TO_GENERAL(cvttsd2si, rm_xmm_low64)
