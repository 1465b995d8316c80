/*
 * SSE, SSE2 and AVX: floating-point arithmetic, minimum and maximum, comparison, approximations.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 11.5 "SSE, SSE2, and SSE3 Exceptions", table 4-7 (NaNs).
 * Modelled: rounding, DAZ, FTZ, all exceptions masked and unmasked; an unmasked one changes no register.
 * RCPPS, RSQRTPS and their scalar forms give the host's approximation, elsewhere the value cut to 13 bits; both are
 * within 1.5 * 2^-12 as the SDM asks.
 */
#include "cpu/sse_fp.h"

/* --- exceptions --- */

#define BEFORE_COMPUTATION (FLOAT_IE | FLOAT_DE | FLOAT_ZE)

void sse_exceptions(struct cpu *cpu, u32 flags)
{
    u32 unmasked = flags & ~(cpu->mxcsr >> MXCSR_MASK_SHIFT) & FLOAT_ALL;
    if (unmasked & BEFORE_COMPUTATION) /* then nothing was computed that could overflow or be inexact */
        flags &= BEFORE_COMPUTATION;
    cpu->mxcsr |= flags & FLOAT_ALL;
    if (unlikely(unmasked)) {
        if (!(cpu->cr4 & CR4_OSXMMEXCPT))
            raise_ud(cpu);
        cpu_raise(cpu, VECTOR_XM);
    }
}

struct float_env sse_env(const struct cpu *cpu)
{
    u32 mxcsr = cpu->mxcsr;
    return (struct float_env){.rounding = mxcsr >> MXCSR_RC_SHIFT & 3, .precision = 64,
                              .masks = mxcsr >> MXCSR_MASK_SHIFT & FLOAT_ALL, .sse = true,
                              .daz = (mxcsr & MXCSR_DAZ) != 0, .ftz = (mxcsr & MXCSR_FTZ) != 0};
}

union simd sse_soft_vector(struct cpu *cpu, sse_soft_vector_fn *soft, union simd a, union simd b)
{
    struct float_env env = sse_env(cpu);
    union simd r = soft(&env, a, b);
    sse_exceptions(cpu, env.flags);
    return r;
}

u64 sse_soft_integer(struct cpu *cpu, sse_soft_integer_fn *soft, union simd a, union simd b)
{
    struct float_env env = sse_env(cpu);
    u64 r = soft(&env, a, b);
    sse_exceptions(cpu, env.flags);
    return r;
}

struct ymm avx_soft_vector(struct cpu *cpu, sse_soft_vector_fn *soft, struct ymm a, struct ymm b, bool two)
{
    struct float_env env = sse_env(cpu);
    a.lane[0] = soft(&env, a.lane[0], b.lane[0]);
    if (two)
        a.lane[1] = soft(&env, a.lane[1], b.lane[1]);
    sse_exceptions(cpu, env.flags);
    return a;
}

#if SSE_HOST

/* --- host --- */

void sse_enter_guest_mode(const struct cpu *cpu)
{
    u32 mxcsr = (cpu->mxcsr & ~MXCSR_FLAGS) | MXCSR_MASKS;
    asm volatile("ldmxcsr %0" : : "m"(mxcsr));
}

u32 sse_leave_guest_mode(void)
{
    u32 flags = sse_host_flags() & MXCSR_FLAGS, mxcsr = MXCSR_DEFAULT;
    asm volatile("ldmxcsr %0" : : "m"(mxcsr));
    return flags;
}

__attribute__((noinline)) __m128 sse_vector_exact(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft,
                                                  __m128 a, __m128 b)
{
    const u32 masks = (FLOAT_OE | FLOAT_UE) << MXCSR_MASK_SHIFT;
    if (unlikely(~cpu->mxcsr & masks) && soft)
        return sse_soft_vector(cpu, soft, (union simd){.ps = a}, (union simd){.ps = b}).ps;
    sse_enter_guest_mode(cpu);
    a = fn(a, b);
    sse_exceptions(cpu, sse_leave_guest_mode());
    return a;
}

__attribute__((noinline)) u64 sse_integer_exact(struct cpu *cpu, sse_integer_fn *fn, __m128 a, __m128 b)
{
    sse_enter_guest_mode(cpu);
    u64 r = fn(a, b);
    sse_exceptions(cpu, sse_leave_guest_mode());
    return r;
}

__attribute__((noinline)) struct ymm avx_vector_exact(struct cpu *cpu, sse_vector_fn *fn, sse_soft_vector_fn *soft,
                                                      const struct ymm *a, const struct ymm *b, bool two)
{
    const u32 masks = (FLOAT_OE | FLOAT_UE) << MXCSR_MASK_SHIFT;
    struct ymm r = *a;
    if (unlikely(~cpu->mxcsr & masks) && soft)
        return avx_soft_vector(cpu, soft, *a, *b, two);
    sse_enter_guest_mode(cpu);
    r.lane[0].ps = fn(a->lane[0].ps, b->lane[0].ps);
    if (two)
        r.lane[1].ps = fn(a->lane[1].ps, b->lane[1].ps);
    sse_exceptions(cpu, sse_leave_guest_mode());
    return r;
}

#define FOUR(operation)                                                                                                \
    HOST_VECTOR(operation##ps)                                                                                          \
    HOST_VECTOR(operation##pd)                                                                                          \
    HOST_VECTOR(operation##ss)                                                                                          \
    HOST_VECTOR(operation##sd)

FOUR(add)
FOUR(sub)
FOUR(mul)
FOUR(div)
FOUR(min)
FOUR(max)
FOUR(sqrt)
HOST_VECTOR(rcpps)
HOST_VECTOR(rcpss)
HOST_VECTOR(rsqrtps)
HOST_VECTOR(rsqrtss)

/* The predicate is an immediate: eight functions for each instruction. */
#define PREDICATE(name, n)                                                                                             \
    static __m128 host_##name##_##n(__m128 a, __m128 b)                                                                \
    {                                                                                                                  \
        asm volatile(#name " $" #n ", %1, %0" : "+x"(a) : "x"(b));                                                     \
        return a;                                                                                                      \
    }
#define PREDICATES(name)                                                                                               \
    PREDICATE(name, 0)                                                                                                 \
    PREDICATE(name, 1)                                                                                                 \
    PREDICATE(name, 2)                                                                                                 \
    PREDICATE(name, 3)                                                                                                 \
    PREDICATE(name, 4)                                                                                                 \
    PREDICATE(name, 5)                                                                                                 \
    PREDICATE(name, 6)                                                                                                 \
    PREDICATE(name, 7)                                                                                                 \
    static sse_vector_fn *const predicates_##name[8] = {                                                               \
        host_##name##_0, host_##name##_1, host_##name##_2, host_##name##_3,                                            \
        host_##name##_4, host_##name##_5, host_##name##_6, host_##name##_7,                                            \
    };

PREDICATES(cmpps)
PREDICATES(cmppd)
PREDICATES(cmpss)
PREDICATES(cmpsd)

static union simd compare(struct cpu *cpu, sse_vector_fn *const *predicates, unsigned n, union simd a, union simd b)
{
    return sse_vector(cpu, predicates[n & 7], NULL, a, b);
}

/* COMISS and the like: LAHF puts CF, PF, ZF where the flags image has them; OF, SF, AF are 0. */
#define COMPARE(name)                                                                                                  \
    static inline u64 host_##name(__m128 a, __m128 b)                                                                  \
    {                                                                                                                  \
        u64 flags;                                                                                                     \
        asm volatile(#name " %2, %1\n\tlahf" : "=a"(flags) : "x"(a), "x"(b) : "cc");                                   \
        return flags & (FL_CF | FL_PF | FL_ZF);                                                                        \
    }

COMPARE(comiss)
COMPARE(comisd)
COMPARE(ucomiss)
COMPARE(ucomisd)

#else

#define predicates_cmpps soft_cmpps
#define predicates_cmppd soft_cmppd
#define predicates_cmpss soft_cmpss
#define predicates_cmpsd soft_cmpsd

typedef union simd predicate_fn(struct float_env *env, unsigned n, union simd a, union simd b);

static union simd compare(struct cpu *cpu, predicate_fn *fn, unsigned n, union simd a, union simd b)
{
    struct float_env env = sse_env(cpu);
    union simd r = fn(&env, n, a, b);
    sse_exceptions(cpu, env.flags);
    return r;
}

#endif

/* VCMPPS and the like: the first eight predicates are those of SSE. */
#define AVX_COMPARE(name)                                                                                              \
    static struct ymm compare_##name(struct cpu *cpu, unsigned n, struct ymm a, struct ymm b, bool two)                \
    {                                                                                                                  \
        FIRST_PREDICATES(name)                                                                                         \
        struct float_env env = sse_env(cpu);                                                                           \
        a.lane[0] = soft_##name(&env, n, a.lane[0], b.lane[0]);                                                        \
        if (two)                                                                                                       \
            a.lane[1] = soft_##name(&env, n, a.lane[1], b.lane[1]);                                                    \
        sse_exceptions(cpu, env.flags);                                                                                \
        return a;                                                                                                      \
    }
#if SSE_HOST
#define FIRST_PREDICATES(name)                                                                                         \
    if (n < 8)                                                                                                         \
        return avx_vector(cpu, predicates_##name[n], NULL, a, b, two);
#else
#define FIRST_PREDICATES(name)
#endif

AVX_COMPARE(cmpps)
AVX_COMPARE(cmppd)
AVX_COMPARE(cmpss)
AVX_COMPARE(cmpsd)

/* --- instructions --- */

#define PACKED(name)                                                                                                   \
    SSE_FORM(name, rm_xmm)                                                                                             \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);                                                         \
        ymm_put(cpu, op, op->reg, AVX_VECTOR(cpu, name, a, b, op->l));                                                 \
    }

/* What is above the scalar comes from VEX.vvvv. */
#define SCALAR(name, operand)                                                                                          \
    SSE_FORM(name, operand)                                                                                            \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        vex_put(cpu, op->reg, SSE_VECTOR(cpu, name, vvvv_xmm(cpu, op), b));                                            \
    }

#define FOUR_INSTRUCTIONS(operation)                                                                                   \
    PACKED(operation##ps)                                                                                              \
    PACKED(operation##pd)                                                                                              \
    SCALAR(operation##ss, rm_xmm_low32)                                                                                \
    SCALAR(operation##sd, rm_xmm_low64)

FOUR_INSTRUCTIONS(add)
FOUR_INSTRUCTIONS(sub)
FOUR_INSTRUCTIONS(mul)
FOUR_INSTRUCTIONS(div)
FOUR_INSTRUCTIONS(min)
FOUR_INSTRUCTIONS(max)
FOUR_INSTRUCTIONS(sqrt)

/* No exceptions, and no influence of MXCSR. */
#if SSE_HOST
#define APPROXIMATE(r, name, a, b) ((r).ps = host_##name((a).ps, (b).ps))
#else
#define APPROXIMATE(r, name, a, b) ((r) = soft_##name(&(struct float_env){0}, (a), (b)))
#endif

#define APPROXIMATION(name, operand)                                                                                   \
    static union simd lane_##name(union simd a, union simd b, unsigned n)                                              \
    {                                                                                                                  \
        APPROXIMATE(a, name, a, b);                                                                                    \
        return a;                                                                                                      \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, lane_##name(xmm_get(cpu, op->reg), b, 16));                                              \
    }

#define SCALAR_APPROXIMATION(name)                                                                                     \
    APPROXIMATION(name, rm_xmm_low32)                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd b = rm_xmm_low32(cpu, op);                                                                          \
        vex_put(cpu, op->reg, lane_##name(vvvv_xmm(cpu, op), b, 16));                                                  \
    }

APPROXIMATION(rcpps, rm_xmm)
APPROXIMATION(rsqrtps, rm_xmm)
SCALAR_APPROXIMATION(rcpss)
SCALAR_APPROXIMATION(rsqrtss)
void do_vrcpps(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, lane_rcpps); }
void do_vrsqrtps(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, lane_rsqrtps); }

#define COMPARISON(name, operand)                                                                                      \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, compare(cpu, predicates_##name, op->imm & 7, xmm_get(cpu, op->reg), b));                 \
    }

#define PACKED_COMPARISON(name)                                                                                        \
    COMPARISON(name, rm_xmm)                                                                                           \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);                                                         \
        ymm_put(cpu, op, op->reg, compare_##name(cpu, op->imm & 31, a, b, op->l));                                     \
    }

#define SCALAR_COMPARISON(name, operand)                                                                               \
    COMPARISON(name, operand)                                                                                          \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = {{operand(cpu, op)}}, a = {{vvvv_xmm(cpu, op)}};                                                \
        vex_put(cpu, op->reg, compare_##name(cpu, op->imm & 31, a, b, false).lane[0]);                                 \
    }

PACKED_COMPARISON(cmpps)
PACKED_COMPARISON(cmppd)
SCALAR_COMPARISON(cmpss, rm_xmm_low32)
SCALAR_COMPARISON(cmpsd, rm_xmm_low64)

#define COMPARISON_TO_FLAGS(name, operand)                                                                             \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        cpu->fl = (u32)SSE_INTEGER(cpu, name, xmm_get(cpu, op->reg), b);                                               \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        cpu->fl = (u32)SSE_INTEGER(cpu, name, xmm_get(cpu, op->reg), b);                                               \
    }

COMPARISON_TO_FLAGS(comiss, rm_xmm_low32)
COMPARISON_TO_FLAGS(ucomiss, rm_xmm_low32)
COMPARISON_TO_FLAGS(comisd, rm_xmm_low64)
COMPARISON_TO_FLAGS(ucomisd, rm_xmm_low64)
