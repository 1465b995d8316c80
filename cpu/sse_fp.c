/*
 * SSE and SSE2: floating-point arithmetic, minimum and maximum, comparison, approximations.
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

#if SSE_HOST

/* --- host --- */

static bool denormal_single(u32 v) { return !(v & 0x7f800000u) && (v & 0x7fffffu); }
static bool denormal_double(u64 v) { return !(v >> 52 & 0x7ff) && v << 12; }

static bool denormal_result(const union simd *r, enum sse_result kind)
{
    switch (kind) {
    case RESULT_PS:
        return denormal_single(r->d[0]) || denormal_single(r->d[1]) || denormal_single(r->d[2]) ||
               denormal_single(r->d[3]);
    case RESULT_PD: return denormal_double(r->q[0]) || denormal_double(r->q[1]);
    case RESULT_SS: return denormal_single(r->d[0]);
    case RESULT_SD: return denormal_double(r->q[0]);
    default: return false;
    }
}

/* FTZ has no effect while underflow is unmasked (SDM vol. 1, 10.2.3.3): the host's mask is always set. */
static void enter_guest_mode(const struct cpu *cpu)
{
    u32 mxcsr = (cpu->mxcsr & ~MXCSR_FLAGS) | MXCSR_MASKS;
    if (!(cpu->mxcsr & FLOAT_UE << MXCSR_MASK_SHIFT))
        mxcsr &= ~MXCSR_FTZ;
    asm volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static u32 leave_guest_mode(void)
{
    u32 flags = sse_host_flags() & MXCSR_FLAGS, mxcsr = MXCSR_DEFAULT;
    asm volatile("ldmxcsr %0" : : "m"(mxcsr));
    return flags;
}

__attribute__((noinline)) union simd sse_vector_exact(struct cpu *cpu, sse_vector_fn *fn, union simd a, union simd b,
                                                      enum sse_result kind)
{
    union simd r;
    enter_guest_mode(cpu);
    r.ps = fn(a.ps, b.ps);
    u32 flags = leave_guest_mode();
    /* SDM vol. 1, 4.9.1.5: unmasked, every tiny result underflows, exact or not. */
    if (unlikely(!(cpu->mxcsr & FLOAT_UE << MXCSR_MASK_SHIFT)) && denormal_result(&r, kind))
        flags |= FLOAT_UE;
    sse_exceptions(cpu, flags);
    return r;
}

__attribute__((noinline)) u64 sse_integer_exact(struct cpu *cpu, sse_integer_fn *fn, union simd a, union simd b)
{
    enter_guest_mode(cpu);
    u64 r = fn(a.ps, b.ps);
    sse_exceptions(cpu, leave_guest_mode());
    return r;
}

#define ARITHMETIC(name)                                                                                               \
    static inline __m128 host_##name(__m128 a, __m128 b)                                                               \
    {                                                                                                                  \
        asm volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                              \
        return a;                                                                                                      \
    }

#define FOUR(operation)                                                                                                \
    ARITHMETIC(operation##ps)                                                                                          \
    ARITHMETIC(operation##pd)                                                                                          \
    ARITHMETIC(operation##ss)                                                                                          \
    ARITHMETIC(operation##sd)

FOUR(add)
FOUR(sub)
FOUR(mul)
FOUR(div)
FOUR(min)
FOUR(max)
FOUR(sqrt)
ARITHMETIC(rcpps)
ARITHMETIC(rcpss)
ARITHMETIC(rsqrtps)
ARITHMETIC(rsqrtss)

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
    return sse_vector(cpu, predicates[n & 7], a, b, RESULT_OTHER);
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

/* --- software --- */

union simd sse_vector(struct cpu *cpu, sse_vector_fn *fn, union simd a, union simd b, enum sse_result kind)
{
    struct float_env env = sse_env(cpu);
    union simd r = fn(&env, a, b);
    sse_exceptions(cpu, env.flags);
    return r;
}

u64 sse_integer(struct cpu *cpu, sse_integer_fn *fn, union simd a, union simd b)
{
    struct float_env env = sse_env(cpu);
    u64 r = fn(&env, a, b);
    sse_exceptions(cpu, env.flags);
    return r;
}

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
    static union simd host_##name(struct float_env *env, union simd a, union simd b)                                   \
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

/* EQ, LT, LE, UNORD, and with bit 2 their opposites.  EQ and UNORD are quiet. */
static bool predicate_holds(struct float_env *env, unsigned n, struct soft a, struct soft b)
{
    enum float_relation relation = soft_compare(env, a, b, (n & 3) == 0 || (n & 3) == 3);
    static const u8 holds[4] = {1 << FLOAT_EQUAL, 0, 1 << FLOAT_EQUAL, 1 << FLOAT_UNORDERED};
    bool result = relation == FLOAT_LESS ? (n & 3) == 1 || (n & 3) == 2 : holds[n & 3] >> relation & 1;
    return result != (n >> 2 & 1);
}

#define PREDICATES(name, bits, field, count)                                                                           \
    static union simd soft_##name(struct float_env *env, unsigned n, union simd a, union simd b)                       \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a.field[i] = predicate_holds(env, n & 7, soft_from_f##bits(env, a.field[i]),                               \
                                         soft_from_f##bits(env, b.field[i]))                                           \
                             ? (u##bits)~0ull                                                                          \
                             : 0;                                                                                      \
        return a;                                                                                                      \
    }

PREDICATES(cmpps, 32, d, 4)
PREDICATES(cmppd, 64, q, 2)
PREDICATES(cmpss, 32, d, 1)
PREDICATES(cmpsd, 64, q, 1)
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
    static u64 host_##name(struct float_env *env, union simd a, union simd b)                                          \
    {                                                                                                                  \
        return flags_of(                                                                                               \
            soft_compare(env, soft_from_f##bits(env, a.field[0]), soft_from_f##bits(env, b.field[0]), quiet));         \
    }

COMPARE(comiss, 32, d, false)
COMPARE(comisd, 64, q, false)
COMPARE(ucomiss, 32, d, true)
COMPARE(ucomisd, 64, q, true)

#endif

/* --- instructions --- */

#define INSTRUCTION(name, operand, kind)                                                                               \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, sse_vector(cpu, host_##name, xmm_get(cpu, op->reg), b, kind));                           \
    }

#define FOUR_INSTRUCTIONS(operation)                                                                                   \
    INSTRUCTION(operation##ps, rm_xmm, RESULT_PS)                                                                      \
    INSTRUCTION(operation##pd, rm_xmm, RESULT_PD)                                                                      \
    INSTRUCTION(operation##ss, rm_xmm_low32, RESULT_SS)                                                                \
    INSTRUCTION(operation##sd, rm_xmm_low64, RESULT_SD)

#define FOUR_EXACT(operation)                                                                                          \
    INSTRUCTION(operation##ps, rm_xmm, RESULT_OTHER)                                                                   \
    INSTRUCTION(operation##pd, rm_xmm, RESULT_OTHER)                                                                   \
    INSTRUCTION(operation##ss, rm_xmm_low32, RESULT_OTHER)                                                             \
    INSTRUCTION(operation##sd, rm_xmm_low64, RESULT_OTHER)

FOUR_INSTRUCTIONS(add)
FOUR_INSTRUCTIONS(sub)
FOUR_INSTRUCTIONS(mul)
FOUR_INSTRUCTIONS(div)
FOUR_EXACT(min)
FOUR_EXACT(max)
FOUR_EXACT(sqrt)

/* No exceptions, and no influence of MXCSR. */
#define APPROXIMATION(name, operand)                                                                                   \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, sse_approximation(host_##name, xmm_get(cpu, op->reg), b));                               \
    }

static union simd sse_approximation(sse_vector_fn *fn, union simd a, union simd b)
{
#if SSE_HOST
    a.ps = fn(a.ps, b.ps);
    return a;
#else
    return fn(NULL, a, b);
#endif
}

APPROXIMATION(rcpps, rm_xmm)
APPROXIMATION(rcpss, rm_xmm_low32)
APPROXIMATION(rsqrtps, rm_xmm)
APPROXIMATION(rsqrtss, rm_xmm_low32)

#define COMPARISON(name, operand)                                                                                      \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        xmm_put(cpu, op->reg, compare(cpu, predicates_##name, op->imm, xmm_get(cpu, op->reg), b));                     \
    }

COMPARISON(cmpps, rm_xmm)
COMPARISON(cmppd, rm_xmm)
COMPARISON(cmpss, rm_xmm_low32)
COMPARISON(cmpsd, rm_xmm_low64)

#define COMPARISON_TO_FLAGS(name, operand)                                                                             \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = operand(cpu, op);                                                                               \
        cpu->fl = (u32)sse_integer(cpu, host_##name, xmm_get(cpu, op->reg), b);                                        \
    }

COMPARISON_TO_FLAGS(comiss, rm_xmm_low32)
COMPARISON_TO_FLAGS(ucomiss, rm_xmm_low32)
COMPARISON_TO_FLAGS(comisd, rm_xmm_low64)
COMPARISON_TO_FLAGS(ucomisd, rm_xmm_low64)
