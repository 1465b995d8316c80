/*
 * What the AVX helpers share: the check at an instruction's start, operands of one or two lanes of 128 bits.
 *
 * Most AVX instructions do in each lane what their SSE form does in its only one.  So one function for a lane serves
 * both (it stands beside the SSE instruction), and op->l says whether there is a second lane.  A write to a register
 * clears what is above VEX.L.
 *
 * Source: Intel SDM vol. 1 ch. 14 "Programming with Intel AVX, FMA, and Intel AVX2"; vol. 2, 2.4 "AVX and SSE
 *   Instruction Exception Classification" (memory operands need no alignment but where the name says "aligned").
 */
#ifndef CPU_AVX_H
#define CPU_AVX_H

#include "cpu/simd.h"

/* A YMM register, or XMM with VEX.L = 0. */
struct ymm {
    union simd lane[2];
};

static INLINE void avx_begin(struct cpu *cpu)
{
    const u64 needed = XSTATE_SSE | XSTATE_AVX;
    if (unlikely((~cpu->cr4 & CR4_OSXSAVE) | (~cpu->xcr0 & needed) | (~cpu->cr0 & CR0_PE) | (cpu->rflags & FLAG_VM)))
        raise_ud(cpu);
    if (unlikely(cpu->cr0 & CR0_TS))
        cpu_raise(cpu, VECTOR_NM);
}

/* --- registers --- */

static INLINE struct ymm ymm_get(const struct cpu *cpu, unsigned i)
{
    struct ymm v;
    memcpy(&v, &cpu->vec[i & 31], sizeof v);
    return v;
}

static INLINE void ymm_put(struct cpu *cpu, const struct op *op, unsigned i, struct ymm v)
{
    if (!op->l)
        v.lane[1] = (union simd){.q = {0, 0}};
    memcpy(&cpu->vec[i & 31], &v, sizeof v);
}

static INLINE union simd vvvv_xmm(const struct cpu *cpu, const struct op *op) { return xmm_get(cpu, OP_VVVV(op)); }
static INLINE struct ymm vvvv_ymm(const struct cpu *cpu, const struct op *op) { return ymm_get(cpu, OP_VVVV(op)); }

/* An XMM register as destination of a VEX instruction. */
static INLINE void vex_put(struct cpu *cpu, unsigned i, union simd v)
{
    struct ymm r = {{v, {.q = {0, 0}}}};
    memcpy(&cpu->vec[i & 31], &r, sizeof r);
}

/* --- memory --- */

static INLINE struct ymm ymm_load(struct cpu *cpu, const struct op *op)
{
    struct ymm v;
    if (op->l) {
        memory_load_bytes_32(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
    } else {
        memory_load_bytes_16(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
        v.lane[1] = (union simd){.q = {0, 0}};
    }
    return v;
}

static INLINE void ymm_store(struct cpu *cpu, const struct op *op, struct ymm v)
{
    if (op->l)
        memory_store_bytes_32(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
    else
        memory_store_bytes_16(cpu, OP_SEGMENT(op), op_ea(cpu, op), &v);
}

/* --- operands in rm --- */

static INLINE struct ymm rm_ymm(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? ymm_load(cpu, op) : ymm_get(cpu, op->rm);
}

/* 128 bits of unaligned memory. */
static INLINE union simd vex_rm_xmm(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? simd_load_unaligned(cpu, op) : xmm_get(cpu, op->rm);
}

/* --- instructions made of a lane's function --- */

typedef union simd lane_fn(union simd a, union simd b, unsigned n);
typedef union simd lane_imm_fn(union simd a, union simd b, u32 imm);

/* VEX.vvvv and rm; `n`, where the functions are shared with MMX, is the bytes in a lane. */
static INLINE void avx_binary(struct cpu *cpu, const struct op *op, lane_fn *fn)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);
    a.lane[0] = fn(a.lane[0], b.lane[0], 16);
    if (op->l)
        a.lane[1] = fn(a.lane[1], b.lane[1], 16);
    ymm_put(cpu, op, op->reg, a);
}

/* The same with an immediate byte, for both lanes. */
static INLINE void avx_binary_imm(struct cpu *cpu, const struct op *op, lane_imm_fn *fn)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);
    u32 imm = op->imm & 0xff;
    a.lane[0] = fn(a.lane[0], b.lane[0], imm);
    if (op->l)
        a.lane[1] = fn(a.lane[1], b.lane[1], imm);
    ymm_put(cpu, op, op->reg, a);
}

/* SSE: the first operand is the destination. */
static INLINE void sse_binary_imm(struct cpu *cpu, const struct op *op, lane_imm_fn *fn)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op);
    xmm_put(cpu, op->reg, fn(xmm_get(cpu, op->reg), b, op->imm & 0xff));
}

#define BOTH_WITH_IMMEDIATE(name)                                                                                      \
    void do_##name(struct cpu *cpu, const struct op *op) { sse_binary_imm(cpu, op, name); }                            \
    void do_v##name(struct cpu *cpu, const struct op *op) { avx_binary_imm(cpu, op, name); }

#endif
