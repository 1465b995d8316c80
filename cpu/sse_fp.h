/*
 * How SSE floating-point instructions meet the MXCSR: shared by sse_fp.c and sse_convert.c.
 *
 * Every operation is a pure function of two XMM operands: of the host (with its MXCSR) or in software (with a struct
 * float_env).  The host's own MXCSR has default control bits outside of these functions; its flags are anybody's.
 *
 * Source: Intel SDM vol. 1, 10.2.3 "MXCSR", 11.5.2 "SIMD Floating-Point Exceptions", 11.5.3 "Generating SIMD
 * Floating-Point Exceptions" (order and masks).
 */
#ifndef CPU_SSE_FP_H
#define CPU_SSE_FP_H

#include "cpu/simd.h"

/* The result's elements, where an exact denormal matters when underflow is unmasked. */
enum sse_result { RESULT_OTHER, RESULT_PS, RESULT_PD, RESULT_SS, RESULT_SD };

/* Adds `flags` to MXCSR; #XM (#UD without OSXMMEXCPT) if one is unmasked: does not return then. */
void sse_exceptions(struct cpu *cpu, u32 flags);

/* Any MXCSR flag is raised in the software environment for one instruction. */
struct float_env sse_env(const struct cpu *cpu);

#if SSE_HOST

typedef __m128 sse_vector_fn(__m128 a, __m128 b);
typedef u64 sse_integer_fn(__m128 a, __m128 b);

/* With the guest's MXCSR, clean flags, all exceptions masked. */
union simd sse_vector_exact(struct cpu *cpu, sse_vector_fn *fn, union simd a, union simd b, enum sse_result kind);
u64 sse_integer_exact(struct cpu *cpu, sse_integer_fn *fn, union simd a, union simd b);

static inline u32 sse_host_flags(void)
{
    u32 value;
    asm volatile("stmxcsr %0" : "=m"(value));
    return value;
}

/* The host's MXCSR fits, and inexact results need no care: they are most of all. */
static inline bool sse_host_fits(const struct cpu *cpu)
{
    return likely((cpu->mxcsr & ~(MXCSR_FLAGS & ~FLOAT_PE)) == (MXCSR_DEFAULT | FLOAT_PE));
}

/* Optimistic: on the host as it is; once more with clean flags if it shows one that the guest does not have. */
static inline __attribute__((always_inline)) union simd sse_vector(struct cpu *cpu, sse_vector_fn *fn, union simd a,
                                                                   union simd b, enum sse_result kind)
{
    if (sse_host_fits(cpu)) {
        union simd r;
        r.ps = fn(a.ps, b.ps);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return r;
    }
    return sse_vector_exact(cpu, fn, a, b, kind);
}

static inline __attribute__((always_inline)) u64 sse_integer(struct cpu *cpu, sse_integer_fn *fn, union simd a,
                                                             union simd b)
{
    if (sse_host_fits(cpu)) {
        u64 r = fn(a.ps, b.ps);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return r;
    }
    return sse_integer_exact(cpu, fn, a, b);
}

#else

typedef union simd sse_vector_fn(struct float_env *env, union simd a, union simd b);
typedef u64 sse_integer_fn(struct float_env *env, union simd a, union simd b);

union simd sse_vector(struct cpu *cpu, sse_vector_fn *fn, union simd a, union simd b, enum sse_result kind);
u64 sse_integer(struct cpu *cpu, sse_integer_fn *fn, union simd a, union simd b);

#endif

#endif
