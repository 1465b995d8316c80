/*
 * How SSE floating-point instructions meet the MXCSR: shared by sse_fp.c and sse_convert.c.
 *
 * Every operation is a pure function of two XMM operands: of the host (host_NAME, with its MXCSR) and in software
 * (soft_NAME, with a struct float_env).  The host's own MXCSR has default control bits outside of these functions; its
 * flags are anybody's.  AVX does it for two lanes, whose exceptions count together.
 *
 * Source: Intel SDM vol. 1, 10.2.3 "MXCSR", 11.5.2 "SIMD Floating-Point Exceptions", 11.5.3 "Generating SIMD
 * Floating-Point Exceptions" (order and masks).
 */
#ifndef CPU_SSE_FP_H
#define CPU_SSE_FP_H

#include "cpu/avx.h"

/* --- software: sse_soft.c --- */

typedef union simd sse_soft_vector_fn(struct float_env *env, union simd a, union simd b);
typedef u64 sse_soft_integer_fn(struct float_env *env, union simd a, union simd b);

#define SSE_SOFT_FOUR(declare, operation)                                                                              \
    declare(operation##ps) declare(operation##pd) declare(operation##ss) declare(operation##sd)
#define SSE_SOFT_VECTORS(declare)                                                                                      \
    SSE_SOFT_FOUR(declare, add)                                                                                        \
    SSE_SOFT_FOUR(declare, sub)                                                                                        \
    SSE_SOFT_FOUR(declare, mul)                                                                                        \
    SSE_SOFT_FOUR(declare, div)                                                                                        \
    SSE_SOFT_FOUR(declare, min)                                                                                        \
    SSE_SOFT_FOUR(declare, max)                                                                                        \
    SSE_SOFT_FOUR(declare, sqrt)                                                                                       \
    declare(rcpps) declare(rcpss) declare(rsqrtps) declare(rsqrtss)                                                    \
    declare(cvtdq2ps) declare(cvtps2dq) declare(cvttps2dq) declare(cvtdq2pd) declare(cvtpd2dq) declare(cvttpd2dq)      \
    declare(cvtps2pd) declare(cvtpd2ps) declare(cvtss2sd) declare(cvtsd2ss) declare(cvtpi2ps)                          \
    declare(cvtsi2ss32) declare(cvtsi2ss64) declare(cvtsi2sd32) declare(cvtsi2sd64)
#define SSE_SOFT_INTEGERS(declare)                                                                                     \
    declare(comiss) declare(comisd) declare(ucomiss) declare(ucomisd)                                                  \
    declare(cvtss2si_u32) declare(cvtss2si_u64) declare(cvttss2si_u32) declare(cvttss2si_u64)                          \
    declare(cvtsd2si_u32) declare(cvtsd2si_u64) declare(cvttsd2si_u32) declare(cvttsd2si_u64)

#define SSE_DECLARE_VECTOR(name) sse_soft_vector_fn soft_##name;
#define SSE_DECLARE_INTEGER(name) sse_soft_integer_fn soft_##name;
SSE_SOFT_VECTORS(SSE_DECLARE_VECTOR)
SSE_SOFT_INTEGERS(SSE_DECLARE_INTEGER)

/* CMPPS and the like with predicate n: 0 to 7, VCMPPS 0 to 31. */
union simd soft_cmpps(struct float_env *env, unsigned n, union simd a, union simd b);
union simd soft_cmppd(struct float_env *env, unsigned n, union simd a, union simd b);
union simd soft_cmpss(struct float_env *env, unsigned n, union simd a, union simd b);
union simd soft_cmpsd(struct float_env *env, unsigned n, union simd a, union simd b);

struct float_env sse_env(const struct cpu *cpu);
/* Adds `flags` to MXCSR; #XM (#UD without OSXMMEXCPT) if one is unmasked: does not return then. */
void sse_exceptions(struct cpu *cpu, u32 flags);
/* With the guest's rounding, masks and exceptions. */
union simd sse_soft_vector(struct cpu *cpu, sse_soft_vector_fn *soft, union simd a, union simd b);
u64 sse_soft_integer(struct cpu *cpu, sse_soft_integer_fn *soft, union simd a, union simd b);
/* `two`: the second lane too; else that of the result is anything. */
struct ymm avx_soft_vector(struct cpu *cpu, sse_soft_vector_fn *soft, struct ymm a, struct ymm b, bool two);

/* --- one operation --- */

#if SSE_HOST

typedef __m128 sse_vector_fn(__m128 a, __m128 b);
typedef u64 sse_integer_fn(__m128 a, __m128 b);

/* With the guest's MXCSR and clean flags on the host; software if overflow or underflow is unmasked (soft not NULL). */
__m128 sse_vector_exact(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft, __m128 a, __m128 b);
u64 sse_integer_exact(struct cpu *cpu, sse_integer_fn *fn, __m128 a, __m128 b);
struct ymm avx_vector_exact(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft, const struct ymm *a,
                            const struct ymm *b, bool two);

static inline u32 sse_host_flags(void)
{
    u32 value;
    asm volatile("stmxcsr %0" : "=m"(value));
    return value;
}

/* The guest's MXCSR on the host with all exceptions masked and no flags; back, with the flags that came. */
void sse_enter_guest_mode(const struct cpu *cpu);
u32 sse_leave_guest_mode(void);

/* Rounding, masks, DAZ and FTZ are as the host has them anyway. */
static inline bool sse_host_fits(const struct cpu *cpu)
{
    return likely((cpu->mxcsr & ~MXCSR_FLAGS) == MXCSR_DEFAULT);
}

/* Optimistic: on the host as it is; once more with clean flags if it shows one that the guest does not have. */
static INLINE union simd sse_vector(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft, union simd a,
                                    union simd b)
{
    __m128 x = a.ps, y = b.ps, r;
    if (sse_host_fits(cpu)) {
        r = fn(x, y);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return (union simd){.ps = r};
    }
    return (union simd){.ps = sse_vector_exact(cpu, fn, soft, x, y)};
}

static INLINE u64 sse_integer(struct cpu *cpu, sse_integer_fn *fn, union simd a, union simd b)
{
    __m128 x = a.ps, y = b.ps;
    if (sse_host_fits(cpu)) {
        u64 r = fn(x, y);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return r;
    }
    return sse_integer_exact(cpu, fn, x, y);
}

static INLINE struct ymm avx_vector(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft, struct ymm a,
                                    struct ymm b, bool two)
{
    struct ymm r;
    if (sse_host_fits(cpu)) {
        r.lane[0].ps = fn(a.lane[0].ps, b.lane[0].ps);
        if (two)
            r.lane[1].ps = fn(a.lane[1].ps, b.lane[1].ps);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return r;
    }
    return avx_vector_exact(cpu, fn, soft, &a, &b, two);
}

#define SSE_VECTOR(cpu, name, a, b) sse_vector(cpu, host_##name, soft_##name, a, b)
#define AVX_VECTOR(cpu, name, a, b, two) avx_vector(cpu, host_##name, soft_##name, a, b, two)
#define SSE_INTEGER(cpu, name, a, b) sse_integer(cpu, host_##name, a, b)

/* The instruction NAME on the host, as host_NAME. */
#define HOST_VECTOR(name)                                                                                              \
    static inline __m128 host_##name(__m128 a, __m128 b)                                                               \
    {                                                                                                                  \
        asm volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                              \
        return a;                                                                                                      \
    }

#else

#define SSE_VECTOR(cpu, name, a, b) sse_soft_vector(cpu, soft_##name, a, b)
#define AVX_VECTOR(cpu, name, a, b, two) avx_soft_vector(cpu, soft_##name, a, b, two)
#define SSE_INTEGER(cpu, name, a, b) sse_soft_integer(cpu, soft_##name, a, b)
#define HOST_VECTOR(name)

#endif

/* The SSE form: its first operand is also its destination. */
#define SSE_FORM(name, operand)                                                                                        \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, SSE_VECTOR(cpu, name, xmm_get(cpu, op->reg), b));                                        \
    }

#endif
