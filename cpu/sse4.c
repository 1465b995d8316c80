/*
 * SSE4.1: blends, insertions and extractions, extending moves, rounding, dot products, MPSADBW, PTEST.  Its packed
 * arithmetic: ssse3.c; SSE4.2: sse42.c.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 12.10 "SSE4.1 Instruction Set".
 */
#include "cpu/sse_fp.h"

/* --- blends --- */

void do_pblendvb(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg), mask = xmm_get(cpu, 0);
    for (unsigned i = 0; i < 16; i++)
        if (mask.b[i] & 0x80)
            a.b[i] = b.b[i];
    xmm_put(cpu, op->reg, a);
}

void do_blendvps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg), mask = xmm_get(cpu, 0);
    for (unsigned i = 0; i < 4; i++)
        if (mask.sd[i] < 0)
            a.d[i] = b.d[i];
    xmm_put(cpu, op->reg, a);
}

void do_blendvpd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg), mask = xmm_get(cpu, 0);
    for (unsigned i = 0; i < 2; i++)
        if (mask.sq[i] < 0)
            a.q[i] = b.q[i];
    xmm_put(cpu, op->reg, a);
}

#define BLEND(name, count, field)                                                                                      \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);                                                     \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            if (op->imm >> i & 1)                                                                                      \
                a.field[i] = b.field[i];                                                                               \
        xmm_put(cpu, op->reg, a);                                                                                      \
    }

BLEND(blendps, 4, d)
BLEND(blendpd, 2, q)
BLEND(pblendw, 8, w)

/* ZF: they have no bit in common.  CF: the source has none outside of the destination. */
void do_ptest(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    bool common = (a.q[0] & b.q[0]) | (a.q[1] & b.q[1]), outside = (~a.q[0] & b.q[0]) | (~a.q[1] & b.q[1]);
    cpu->fl = (common ? 0 : FL_ZF) | (outside ? 0 : FL_CF);
}

/* --- extending moves --- */

static u64 rm_low16(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? memory_load16(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : cpu->vec[op->rm & 31].w[0];
}

#define LOW64(cpu, op) rm_xmm_low64(cpu, op)
#define LOW32(cpu, op) rm_xmm_low32(cpu, op)
#define LOW16(cpu, op) ((union simd){.q = {rm_low16(cpu, op)}})

#define EXTEND(name, low, count, to, from)                                                                             \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = low(cpu, op), r;                                                                                \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.to[i] = b.from[i];                                                                                       \
        xmm_put(cpu, op->reg, r);                                                                                      \
    }

EXTEND(pmovsxbw, LOW64, 8, sw, sb)
EXTEND(pmovsxbd, LOW32, 4, sd, sb)
EXTEND(pmovsxbq, LOW16, 2, sq, sb)
EXTEND(pmovsxwd, LOW64, 4, sd, sw)
EXTEND(pmovsxwq, LOW32, 2, sq, sw)
EXTEND(pmovsxdq, LOW64, 2, sq, sd)
EXTEND(pmovzxbw, LOW64, 8, w, b)
EXTEND(pmovzxbd, LOW32, 4, d, b)
EXTEND(pmovzxbq, LOW16, 2, q, b)
EXTEND(pmovzxwd, LOW64, 4, d, w)
EXTEND(pmovzxwq, LOW32, 2, q, w)
EXTEND(pmovzxdq, LOW64, 2, q, d)

/* --- extractions: a register gets all of its 32 or 64 bits, memory the element --- */

static void extract(struct cpu *cpu, const struct op *op, enum size size, u64 value)
{
    rm_write(cpu, op, OP_IS_MEMORY(op) ? size : MAX(size, SIZE_32), value);
}

void do_pextrb(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    extract(cpu, op, SIZE_8, cpu->vec[op->reg & 31].b[op->imm & 15]);
}

void do_pextrw_E_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    extract(cpu, op, SIZE_16, cpu->vec[op->reg & 31].w[op->imm & 7]);
}

/* PEXTRD, PEXTRQ */
void do_pextrd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    const union vector_reg *v = &cpu->vec[op->reg & 31];
    if (op->size == SIZE_64)
        extract(cpu, op, SIZE_64, v->q[op->imm & 1]);
    else
        extract(cpu, op, SIZE_32, v->d[op->imm & 3]);
}

void do_extractps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    extract(cpu, op, SIZE_32, cpu->vec[op->reg & 31].d[op->imm & 3]);
}

/* --- insertions --- */

void do_pinsrb(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u8 value = (u8)rm_read(cpu, op, OP_IS_MEMORY(op) ? SIZE_8 : SIZE_32);
    union simd a = xmm_get(cpu, op->reg);
    a.b[op->imm & 15] = value;
    xmm_put(cpu, op->reg, a);
}

/* PINSRD, PINSRQ */
void do_pinsrd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    bool wide = op->size == SIZE_64;
    u64 value = rm_read(cpu, op, wide ? SIZE_64 : SIZE_32);
    union simd a = xmm_get(cpu, op->reg);
    if (wide)
        a.q[op->imm & 1] = value;
    else
        a.d[op->imm & 3] = (u32)value;
    xmm_put(cpu, op->reg, a);
}

/* Immediate: bits 7-6 the element of a register source, 5-4 where it goes, 3-0 elements to clear. */
void do_insertps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm_low32(cpu, op), a = xmm_get(cpu, op->reg);
    unsigned from = OP_IS_MEMORY(op) ? 0 : op->imm >> 6 & 3;
    a.d[op->imm >> 4 & 3] = b.d[from];
    for (unsigned i = 0; i < 4; i++)
        if (op->imm >> i & 1)
            a.d[i] = 0;
    xmm_put(cpu, op->reg, a);
}

/* --- sums of absolute differences: eight windows of four bytes in a against four bytes of b --- */

void do_mpsadbw(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg), r = {.q = {0, 0}};
    unsigned first = op->imm & 4, block = (op->imm & 3) * 4;
    for (unsigned i = 0; i < 8; i++)
        for (unsigned k = 0; k < 4; k++) {
            int difference = a.b[first + i + k] - b.b[block + k];
            r.w[i] += (u16)(difference < 0 ? -difference : difference);
        }
    xmm_put(cpu, op->reg, r);
}

/* --- rounding: imm bits 1-0 how, 2 by MXCSR.RC instead, 3 no PE.  DE is never reported. --- */

static u32 round32(struct float_env *env, u32 a)
{
    return soft_to_f32(env, soft_round_to_int(env, soft_from_f32(env, a)));
}

static u64 round64(struct float_env *env, u64 a)
{
    return soft_to_f64(env, soft_round_to_int(env, soft_from_f64(env, a)));
}

static struct float_env rounding_env(const struct cpu *cpu, u32 imm)
{
    struct float_env env = sse_env(cpu);
    if (!(imm & 4))
        env.rounding = imm & 3;
    env.ftz = false;
    return env;
}

static void rounding_exceptions(struct cpu *cpu, const struct float_env *env, u32 imm)
{
    sse_exceptions(cpu, env->flags & (imm & 8 ? FLOAT_IE : FLOAT_IE | FLOAT_PE));
}

#define ROUND(name, operand, count, field, function)                                                                   \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        struct float_env env = rounding_env(cpu, op->imm);                                                             \
        union simd b = operand(cpu, op), a = xmm_get(cpu, op->reg);                                                    \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a.field[i] = function(&env, b.field[i]);                                                                   \
        rounding_exceptions(cpu, &env, op->imm);                                                                       \
        xmm_put(cpu, op->reg, a);                                                                                      \
    }

ROUND(roundps, rm_xmm, 4, d, round32)
ROUND(roundpd, rm_xmm, 2, q, round64)
ROUND(roundss, rm_xmm_low32, 1, d, round32)
ROUND(roundsd, rm_xmm_low64, 1, q, round64)

/* --- dot products: imm bits 7-4 which products, 3-0 which elements get the sum ---
 * A product left out is +0.0.  Every multiplication and addition rounds, and is checked for exceptions, by itself. */

#if SSE_HOST
#define HOST(name)                                                                                                     \
    static inline __m128 host_##name(__m128 a, __m128 b)                                                               \
    {                                                                                                                  \
        asm volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                              \
        return a;                                                                                                      \
    }
HOST(mulps)
HOST(mulpd)
HOST(addps)
HOST(addpd)
#endif

void do_dpps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    for (unsigned i = 0; i < 4; i++)
        if (!(op->imm >> (4 + i) & 1))
            a.d[i] = b.d[i] = 0;
    union simd p = SSE_VECTOR(cpu, mulps, a, b);
    union simd even = {.d = {p.d[0], p.d[2], 0, 0}}, odd = {.d = {p.d[1], p.d[3], 0, 0}};
    union simd pairs = SSE_VECTOR(cpu, addps, even, odd);
    union simd low = {.d = {pairs.d[0], 0, 0, 0}}, high = {.d = {pairs.d[1], 0, 0, 0}};
    u32 sum = SSE_VECTOR(cpu, addps, low, high).d[0];
    union simd r;
    for (unsigned i = 0; i < 4; i++)
        r.d[i] = op->imm >> i & 1 ? sum : 0;
    xmm_put(cpu, op->reg, r);
}

void do_dppd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    for (unsigned i = 0; i < 2; i++)
        if (!(op->imm >> (4 + i) & 1))
            a.q[i] = b.q[i] = 0;
    union simd p = SSE_VECTOR(cpu, mulpd, a, b);
    union simd low = {.q = {p.q[0], 0}}, high = {.q = {p.q[1], 0}};
    u64 sum = SSE_VECTOR(cpu, addpd, low, high).q[0];
    xmm_put(cpu, op->reg, (union simd){.q = {op->imm & 1 ? sum : 0, op->imm & 2 ? sum : 0}});
}
