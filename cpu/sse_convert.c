/*
 * SSE, SSE2 and AVX: conversions between floating-point formats and integers.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 4.2.2 (integer indefinite), table 11-1.
 */
#include "cpu/sse_fp.h"

#if SSE_HOST

HOST_VECTOR(cvtdq2ps)
HOST_VECTOR(cvtps2dq)
HOST_VECTOR(cvttps2dq)
HOST_VECTOR(cvtdq2pd)
HOST_VECTOR(cvtpd2dq)
HOST_VECTOR(cvttpd2dq)
HOST_VECTOR(cvtps2pd)
HOST_VECTOR(cvtpd2ps)
HOST_VECTOR(cvtss2sd)
HOST_VECTOR(cvtsd2ss)

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

#endif

/* --- XMM to XMM --- */

#define SAME_SIZE(name)                                                                                                \
    SSE_FORM(name, rm_xmm)                                                                                             \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op);                                                                                \
        ymm_put(cpu, op, op->reg, AVX_VECTOR(cpu, name, b, b, op->l));                                                 \
    }

/* Half of the source makes all of the destination: each lane from 64 bits. */
#define WIDENING(name)                                                                                                 \
    SSE_FORM(name, rm_xmm_low64)                                                                                       \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd half = op->l ? vex_rm_xmm(cpu, op) : rm_xmm_low64(cpu, op);                                         \
        struct ymm b = {{{.q = {half.q[0], 0}}, {.q = {half.q[1], 0}}}};                                               \
        ymm_put(cpu, op, op->reg, AVX_VECTOR(cpu, name, b, b, op->l));                                                 \
    }

/* Each lane makes 64 bits of an XMM register. */
#define NARROWING(name)                                                                                                \
    SSE_FORM(name, rm_xmm)                                                                                             \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), r = AVX_VECTOR(cpu, name, b, b, op->l);                                        \
        vex_put(cpu, op->reg, (union simd){.q = {r.lane[0].q[0], op->l ? r.lane[1].q[0] : 0}});                        \
    }

#define SCALAR(name, operand)                                                                                          \
    SSE_FORM(name, operand)                                                                                            \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        vex_put(cpu, op->reg, SSE_VECTOR(cpu, name, vvvv_xmm(cpu, op), b));                                            \
    }

SAME_SIZE(cvtdq2ps)
SAME_SIZE(cvtps2dq)
SAME_SIZE(cvttps2dq)
WIDENING(cvtdq2pd)
WIDENING(cvtps2pd)
NARROWING(cvtpd2dq)
NARROWING(cvttpd2dq)
NARROWING(cvtpd2ps)
SCALAR(cvtss2sd, rm_xmm_low32)
SCALAR(cvtsd2ss, rm_xmm_low64)

/* --- MMX --- */

void do_cvtpi2ps(struct cpu *cpu, const struct op *op)
{
    sse_mmx_begin(cpu);
    union simd b = {.q = {rm_mmx(cpu, op)}};
    union simd r = SSE_VECTOR(cpu, cvtpi2ps, xmm_get(cpu, op->reg), b);
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
    union simd r = SSE_VECTOR(cpu, cvtdq2pd, b, b);
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
        mmx_put(cpu, op->reg, SSE_VECTOR(cpu, vector, b, b).q[0]);                                                     \
    }

#define TO_MMX_FROM_DOUBLES(name, vector)                                                                              \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_mmx_begin(cpu);                                                                                            \
        union simd b = rm_xmm(cpu, op);                                                                                \
        mmx_put(cpu, op->reg, SSE_VECTOR(cpu, vector, b, b).q[0]);                                                     \
    }

TO_MMX_FROM_SINGLES(cvtps2pi, cvtps2dq)
TO_MMX_FROM_SINGLES(cvttps2pi, cvttps2dq)
TO_MMX_FROM_DOUBLES(cvtpd2pi, cvtpd2dq)
TO_MMX_FROM_DOUBLES(cvttpd2pi, cvttpd2dq)

/* --- general registers --- */

static enum size integer_size(const struct op *op) { return op->size == SIZE_64 ? SIZE_64 : SIZE_32; }

#define FROM_GENERAL(name)                                                                                             \
    static INLINE union simd name(struct cpu *cpu, const struct op *op, union simd a)                                  \
    {                                                                                                                  \
        union simd b = {.q = {rm_read(cpu, op, integer_size(op))}};                                                    \
        return op->size == SIZE_64 ? SSE_VECTOR(cpu, name##64, a, b) : SSE_VECTOR(cpu, name##32, a, b);                \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        xmm_put(cpu, op->reg, name(cpu, op, xmm_get(cpu, op->reg)));                                                   \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        vex_put(cpu, op->reg, name(cpu, op, vvvv_xmm(cpu, op)));                                                       \
    }

FROM_GENERAL(cvtsi2ss)
FROM_GENERAL(cvtsi2sd)

#define TO_GENERAL(name, operand)                                                                                      \
    static INLINE void name(struct cpu *cpu, const struct op *op)                                                      \
    {                                                                                                                  \
        union simd b = operand(cpu, op);                                                                               \
        if (op->size == SIZE_64)                                                                                       \
            reg_write(cpu, op->reg, SIZE_64, SSE_INTEGER(cpu, name##_u64, b, b));                                      \
        else                                                                                                           \
            reg_write(cpu, op->reg, SIZE_32, SSE_INTEGER(cpu, name##_u32, b, b));                                      \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        name(cpu, op);                                                                                                 \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        name(cpu, op);                                                                                                 \
    }

TO_GENERAL(cvtss2si, rm_xmm_low32)
TO_GENERAL(cvttss2si, rm_xmm_low32)
TO_GENERAL(cvtsd2si, rm_xmm_low64)
TO_GENERAL(cvttsd2si, rm_xmm_low64)
