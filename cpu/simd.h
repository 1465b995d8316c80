/*
 * What the MMX and SSE helpers share: checks at an instruction's start, operands, the MXCSR.
 *
 * Source: Intel SDM vol. 1 ch. 9 "Programming with Intel MMX Technology", ch. 10 "Programming with SSE"; vol. 3A 12.1
 * "Emulation of the MMX Instruction Set", 13.1 "Providing Operating System Support for SSE Extensions" (table 13-1).
 */
#ifndef CPU_SIMD_H
#define CPU_SIMD_H

#include <string.h>

#include "cpu/op.h"
#include "cpu/x87.h"

#if defined(__x86_64__) && !defined(CLUTCH_SOFT_FPU)
#define SSE_HOST 1
#include <emmintrin.h>
#else
#define SSE_HOST 0
#endif

/* Values of 16 bytes are passed in a vector register only where there is no call: through two general registers they
 * would be stored in halves and loaded whole, and the load would wait. */
#define INLINE inline __attribute__((always_inline))

/* A 128-bit operand; MMX operands use the lower half. */
union simd {
    u8 b[16];
    i8 sb[16];
    u16 w[8];
    i16 sw[8];
    u32 d[4];
    i32 sd[4];
    u64 q[2];
    i64 sq[2];
#if SSE_HOST
    __m128 ps;
    __m128i si;
#endif
};

#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_FLAGS 0x003fu
#define MXCSR_DAZ 0x0040u
#define MXCSR_MASKS 0x1f80u
#define MXCSR_MASK_SHIFT 7
#define MXCSR_RC_SHIFT 13
#define MXCSR_FTZ 0x8000u

/* Writable bits of MXCSR: without DAZ before SSE2. */
u32 simd_mxcsr_mask(const struct cpu *cpu);

/* --- start of an instruction --- */

static inline void sse_begin(struct cpu *cpu)
{
    if (unlikely((cpu->cr0 & (CR0_EM | CR0_TS)) | (~cpu->cr4 & CR4_OSFXSR))) {
        if ((cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR))
            raise_ud(cpu);
        cpu_raise(cpu, VECTOR_NM);
    }
}

static inline void mmx_begin(struct cpu *cpu)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS))) {
        if (cpu->cr0 & CR0_EM)
            raise_ud(cpu);
        cpu_raise(cpu, VECTOR_NM);
    }
    if (unlikely(cpu->fpu.status & X87_ES))
        x87_pending(cpu);
}

/* Conversions between MMX and XMM registers. */
static inline void sse_mmx_begin(struct cpu *cpu)
{
    sse_begin(cpu);
    if (unlikely(cpu->fpu.status & X87_ES))
        x87_pending(cpu);
}

/* After the last thing that may fault: every MMX instruction but EMMS makes all registers valid and TOP 0. */
static inline void mmx_enter(struct fpu *fpu)
{
    fpu->top = 0;
    fpu->valid = 0xff;
}

/* --- registers --- */

static INLINE union simd xmm_get(const struct cpu *cpu, unsigned i)
{
    union simd v;
    memcpy(&v, &cpu->vec[i & 31], sizeof v);
    return v;
}

/* The upper part of YMM and ZMM stays. */
static INLINE void xmm_put(struct cpu *cpu, unsigned i, union simd v) { memcpy(&cpu->vec[i & 31], &v, sizeof v); }

static inline u64 mmx_get(const struct cpu *cpu, unsigned i) { return cpu->fpu.reg[i & 7].mantissa; }

static inline void mmx_put(struct cpu *cpu, unsigned i, u64 value)
{
    mmx_enter(&cpu->fpu);
    x87_put(&cpu->fpu.reg[i & 7], 0xffff, value);
}

/* --- memory --- */

static inline u64 simd_linear(const struct cpu *cpu, enum seg seg, u64 ea)
{
    return (cpu->mode & MODE_CODE64) && seg < FS ? ea : cpu->seg[seg].base + ea;
}

static INLINE union simd simd_load_unaligned(struct cpu *cpu, const struct op *op)
{
    union simd v;
    memory_load_bytes_16(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
    return v;
}

static inline void simd_store_unaligned(struct cpu *cpu, const struct op *op, union simd v)
{
    memory_store_bytes_16(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
}

/* #GP(0) where the linear address is not a multiple of 16. */
static inline void simd_check_alignment(struct cpu *cpu, enum seg seg, u64 ea)
{
    if (unlikely(simd_linear(cpu, seg, ea) & 15))
        raise_gp(cpu, 0);
}

static INLINE union simd simd_load(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    union simd v;
    simd_check_alignment(cpu, OP_SEGMENT(op), ea);
    memory_load_bytes_16(cpu, OP_SEGMENT(op), ea, &v);
    return v;
}

static inline void simd_store(struct cpu *cpu, const struct op *op, union simd v)
{
    u64 ea = op_ea(cpu, op);
    simd_check_alignment(cpu, OP_SEGMENT(op), ea);
    memory_store_bytes_16(cpu, OP_SEGMENT(op), ea, &v);
}

/* --- operands in rm --- */

static INLINE union simd rm_xmm(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? simd_load(cpu, op) : xmm_get(cpu, op->rm);
}

static INLINE union simd rm_xmm_low64(struct cpu *cpu, const struct op *op)
{
    if (OP_IS_MEMORY(op))
        return (union simd){.q = {memory_load64(cpu, OP_SEGMENT(op), op_ea(cpu, op))}};
    return xmm_get(cpu, op->rm);
}

static INLINE union simd rm_xmm_low32(struct cpu *cpu, const struct op *op)
{
    if (OP_IS_MEMORY(op))
        return (union simd){.d = {memory_load32(cpu, OP_SEGMENT(op), op_ea(cpu, op))}};
    return xmm_get(cpu, op->rm);
}

static inline u64 rm_mmx(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? memory_load64(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : mmx_get(cpu, op->rm);
}

static inline u64 rm_mmx_low32(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? memory_load32(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : mmx_get(cpu, op->rm);
}

#endif
