/*
 * SSE4.1 and its AVX forms: blends, insertions and extractions, extending moves, rounding, dot products, MPSADBW,
 * PTEST.  Its packed arithmetic: ssse3.c; SSE4.2: sse42.c.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 12.10 "SSE4.1 Instruction Set".
 */
#include "cpu/sse_fp.h"

/* --- blends --- */

/* Elements of b where those of the mask are negative, else of a. */
#define VARIABLE_BLEND(name, sse, count, field, mask_field)                                                            \
    static INLINE union simd sse(union simd a, union simd b, union simd mask)                                          \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            if (mask.mask_field[i] < 0)                                                                                \
                a.field[i] = b.field[i];                                                                               \
        return a;                                                                                                      \
    }                                                                                                                  \
    void do_##sse(struct cpu *cpu, const struct op *op)                                                                \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = rm_xmm(cpu, op), mask = xmm_get(cpu, 0);                                                        \
        xmm_put(cpu, op->reg, sse(xmm_get(cpu, op->reg), b, mask));                                                    \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op), mask = ymm_get(cpu, op->imm >> 4 & 15);                 \
        a.lane[0] = sse(a.lane[0], b.lane[0], mask.lane[0]);                                                           \
        a.lane[1] = sse(a.lane[1], b.lane[1], mask.lane[1]);                                                           \
        ymm_put(cpu, op, op->reg, a);                                                                                  \
    }

VARIABLE_BLEND(vpblendvb, pblendvb, 16, b, sb)
VARIABLE_BLEND(vblendvps, blendvps, 4, d, sd)
VARIABLE_BLEND(vblendvpd, blendvpd, 2, q, sq)

#define BLEND(name, count, field)                                                                                      \
    static union simd name(union simd a, union simd b, u32 imm)                                                        \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            if (imm >> i & 1)                                                                                          \
                a.field[i] = b.field[i];                                                                               \
        return a;                                                                                                      \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op) { sse_binary_imm(cpu, op, name); }

BLEND(blendps, 4, d)
BLEND(blendpd, 2, q)
BLEND(pblendw, 8, w)

void do_vpblendw(struct cpu *cpu, const struct op *op) { avx_binary_imm(cpu, op, pblendw); }

/* The immediate has a bit for every element of both lanes. */
#define LONG_BLEND(name, count)                                                                                        \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);                                                         \
        a.lane[0] = name(a.lane[0], b.lane[0], op->imm);                                                               \
        a.lane[1] = name(a.lane[1], b.lane[1], op->imm >> (count));                                                    \
        ymm_put(cpu, op, op->reg, a);                                                                                  \
    }

LONG_BLEND(blendps, 4)
LONG_BLEND(blendpd, 2)

/* --- tests --- */

/* ZF: they have no bit in common.  CF: the source has none outside of the destination. */
void do_ptest(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    bool common = (a.q[0] & b.q[0]) | (a.q[1] & b.q[1]), outside = (~a.q[0] & b.q[0]) | (~a.q[1] & b.q[1]);
    cpu->fl = (common ? 0 : FL_ZF) | (outside ? 0 : FL_CF);
}

/* The same for `bits` of every quadword: all (VPTEST), or the signs (VTESTPS, VTESTPD). */
static void vex_test(struct cpu *cpu, const struct op *op, u64 bits)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = ymm_get(cpu, op->reg);
    u64 common = 0, outside = 0;
    for (unsigned i = 0; i < (op->l ? 4 : 2); i++) {
        common |= a.lane[i / 2].q[i % 2] & b.lane[i / 2].q[i % 2] & bits;
        outside |= ~a.lane[i / 2].q[i % 2] & b.lane[i / 2].q[i % 2] & bits;
    }
    cpu->fl = (common ? 0 : FL_ZF) | (outside ? 0 : FL_CF);
}

void do_vptest(struct cpu *cpu, const struct op *op) { vex_test(cpu, op, ~0ull); }
void do_vtestps(struct cpu *cpu, const struct op *op) { vex_test(cpu, op, 0x8000000080000000); }
void do_vtestpd(struct cpu *cpu, const struct op *op) { vex_test(cpu, op, 0x8000000000000000); }

/* --- extending moves --- */

static u64 rm_low16(struct cpu *cpu, const struct op *op)
{
    return OP_IS_MEMORY(op) ? memory_load16(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : cpu->vec[op->rm & 31].w[0];
}

#define ALL128(cpu, op) vex_rm_xmm(cpu, op)
#define LOW64(cpu, op) rm_xmm_low64(cpu, op)
#define LOW32(cpu, op) rm_xmm_low32(cpu, op)
#define LOW16(cpu, op) ((union simd){.q = {rm_low16(cpu, op)}})

/* VEX.L = 1: the source has twice the elements, that is `wide` of memory. */
#define EXTEND(name, low, wide, count, to, from)                                                                       \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = low(cpu, op), r;                                                                                \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            r.to[i] = b.from[i];                                                                                       \
        xmm_put(cpu, op->reg, r);                                                                                      \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union simd b = op->l ? wide(cpu, op) : low(cpu, op);                                                           \
        struct ymm r;                                                                                                  \
        for (unsigned i = 0; i < (count); i++) {                                                                       \
            r.lane[0].to[i] = b.from[i];                                                                               \
            r.lane[1].to[i] = b.from[(count) + i];                                                                     \
        }                                                                                                              \
        ymm_put(cpu, op, op->reg, r);                                                                                  \
    }

EXTEND(pmovsxbw, LOW64, ALL128, 8, sw, sb)
EXTEND(pmovsxbd, LOW32, LOW64, 4, sd, sb)
EXTEND(pmovsxbq, LOW16, LOW32, 2, sq, sb)
EXTEND(pmovsxwd, LOW64, ALL128, 4, sd, sw)
EXTEND(pmovsxwq, LOW32, LOW64, 2, sq, sw)
EXTEND(pmovsxdq, LOW64, ALL128, 2, sq, sd)
EXTEND(pmovzxbw, LOW64, ALL128, 8, w, b)
EXTEND(pmovzxbd, LOW32, LOW64, 4, d, b)
EXTEND(pmovzxbq, LOW16, LOW32, 2, q, b)
EXTEND(pmovzxwd, LOW64, ALL128, 4, d, w)
EXTEND(pmovzxwq, LOW32, LOW64, 2, q, w)
EXTEND(pmovzxdq, LOW64, ALL128, 2, q, d)

/* --- extractions: a register gets all of its 32 or 64 bits, memory the element --- */

static void extract(struct cpu *cpu, const struct op *op, enum size size, u64 value)
{
    rm_write(cpu, op, OP_IS_MEMORY(op) ? size : MAX(size, SIZE_32), value);
}

#define EXTRACTION(name, expression)                                                                                   \
    static INLINE void name(struct cpu *cpu, const struct op *op)                                                      \
    {                                                                                                                  \
        const union vector_reg *v = &cpu->vec[op->reg & 31];                                                           \
        expression;                                                                                                    \
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

EXTRACTION(pextrb, extract(cpu, op, SIZE_8, v->b[op->imm & 15]))
EXTRACTION(pextrw_E_V, extract(cpu, op, SIZE_16, v->w[op->imm & 7]))
EXTRACTION(extractps, extract(cpu, op, SIZE_32, v->d[op->imm & 3]))
/* PEXTRD, PEXTRQ */
EXTRACTION(pextrd, op->size == SIZE_64 ? extract(cpu, op, SIZE_64, v->q[op->imm & 1])
                                       : extract(cpu, op, SIZE_32, v->d[op->imm & 3]))

/* --- insertions --- */

/* `name` puts the operand in rm into a. */
#define INSERTION(name)                                                                                                \
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

static INLINE union simd pinsrb(struct cpu *cpu, const struct op *op, union simd a)
{
    a.b[op->imm & 15] = (u8)rm_read(cpu, op, OP_IS_MEMORY(op) ? SIZE_8 : SIZE_32);
    return a;
}

/* PINSRD, PINSRQ */
static INLINE union simd pinsrd(struct cpu *cpu, const struct op *op, union simd a)
{
    if (op->size == SIZE_64)
        a.q[op->imm & 1] = rm_read(cpu, op, SIZE_64);
    else
        a.d[op->imm & 3] = (u32)rm_read(cpu, op, SIZE_32);
    return a;
}

/* Immediate: bits 7-6 the element of a register source, 5-4 where it goes, 3-0 elements to clear. */
static INLINE union simd insertps(struct cpu *cpu, const struct op *op, union simd a)
{
    union simd b = rm_xmm_low32(cpu, op);
    unsigned from = OP_IS_MEMORY(op) ? 0 : op->imm >> 6 & 3;
    a.d[op->imm >> 4 & 3] = b.d[from];
    for (unsigned i = 0; i < 4; i++)
        if (op->imm >> i & 1)
            a.d[i] = 0;
    return a;
}

INSERTION(pinsrb)
INSERTION(pinsrd)
INSERTION(insertps)

/* --- sums of absolute differences: eight windows of four bytes in a against four bytes of b --- */

static union simd mpsadbw(union simd a, union simd b, u32 imm)
{
    union simd r = {.q = {0, 0}};
    unsigned first = imm & 4, block = (imm & 3) * 4;
    for (unsigned i = 0; i < 8; i++)
        for (unsigned k = 0; k < 4; k++) {
            int difference = a.b[first + i + k] - b.b[block + k];
            r.w[i] += (u16)(difference < 0 ? -difference : difference);
        }
    return r;
}

void do_mpsadbw(struct cpu *cpu, const struct op *op) { sse_binary_imm(cpu, op, mpsadbw); }

/* The second lane has three bits of its own in the immediate. */
void do_vmpsadbw(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);
    a.lane[0] = mpsadbw(a.lane[0], b.lane[0], op->imm);
    a.lane[1] = mpsadbw(a.lane[1], b.lane[1], op->imm >> 3);
    ymm_put(cpu, op, op->reg, a);
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
    static void name(struct float_env *env, union simd *a, const union simd *b)                                        \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a->field[i] = function(env, b->field[i]);                                                                  \
    }                                                                                                                  \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        struct float_env env = rounding_env(cpu, op->imm);                                                             \
        union simd b = operand(cpu, op), a = xmm_get(cpu, op->reg);                                                    \
        name(&env, &a, &b);                                                                                            \
        rounding_exceptions(cpu, &env, op->imm);                                                                       \
        xmm_put(cpu, op->reg, a);                                                                                      \
    }

#define ROUND_PACKED(name, count, field, function)                                                                     \
    ROUND(name, rm_xmm, count, field, function)                                                                        \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct float_env env = rounding_env(cpu, op->imm);                                                             \
        struct ymm b = rm_ymm(cpu, op), a;                                                                             \
        name(&env, &a.lane[0], &b.lane[0]);                                                                            \
        if (op->l)                                                                                                     \
            name(&env, &a.lane[1], &b.lane[1]);                                                                        \
        rounding_exceptions(cpu, &env, op->imm);                                                                       \
        ymm_put(cpu, op, op->reg, a);                                                                                  \
    }

#define ROUND_SCALAR(name, operand, field, function)                                                                   \
    ROUND(name, operand, 1, field, function)                                                                           \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct float_env env = rounding_env(cpu, op->imm);                                                             \
        union simd b = operand(cpu, op), a = vvvv_xmm(cpu, op);                                                        \
        name(&env, &a, &b);                                                                                            \
        rounding_exceptions(cpu, &env, op->imm);                                                                       \
        vex_put(cpu, op->reg, a);                                                                                      \
    }

ROUND_PACKED(roundps, 4, d, round32)
ROUND_PACKED(roundpd, 2, q, round64)
ROUND_SCALAR(roundss, rm_xmm_low32, d, round32)
ROUND_SCALAR(roundsd, rm_xmm_low64, q, round64)

/* --- dot products: imm bits 7-4 which products, 3-0 which elements get the sum ---
 * A product left out is +0.0.  Every multiplication and addition rounds, and is checked for exceptions, by itself. */

HOST_VECTOR(mulps)
HOST_VECTOR(mulpd)
HOST_VECTOR(addps)
HOST_VECTOR(addpd)

static struct ymm dot_singles(struct cpu *cpu, struct ymm a, struct ymm b, u32 imm, bool two)
{
    struct ymm even, odd, low, high, r;
    for (unsigned i = 0; i < 8; i++)
        if (!(imm >> (4 + i % 4) & 1))
            a.lane[i / 4].d[i % 4] = b.lane[i / 4].d[i % 4] = 0;
    struct ymm p = AVX_VECTOR(cpu, mulps, a, b, two);
    for (unsigned k = 0; k < 2; k++) {
        even.lane[k] = (union simd){.d = {p.lane[k].d[0], p.lane[k].d[2], 0, 0}};
        odd.lane[k] = (union simd){.d = {p.lane[k].d[1], p.lane[k].d[3], 0, 0}};
    }
    struct ymm pairs = AVX_VECTOR(cpu, addps, even, odd, two);
    for (unsigned k = 0; k < 2; k++) {
        low.lane[k] = (union simd){.d = {pairs.lane[k].d[0], 0, 0, 0}};
        high.lane[k] = (union simd){.d = {pairs.lane[k].d[1], 0, 0, 0}};
    }
    struct ymm sum = AVX_VECTOR(cpu, addps, low, high, two);
    for (unsigned i = 0; i < 8; i++)
        r.lane[i / 4].d[i % 4] = imm >> i % 4 & 1 ? sum.lane[i / 4].d[0] : 0;
    return r;
}

void do_dpps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    struct ymm b = {{rm_xmm(cpu, op)}}, a = {{xmm_get(cpu, op->reg)}};
    xmm_put(cpu, op->reg, dot_singles(cpu, a, b, op->imm, false).lane[0]);
}

void do_vdpps(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);
    ymm_put(cpu, op, op->reg, dot_singles(cpu, a, b, op->imm, op->l));
}

static union simd dot_doubles(struct cpu *cpu, union simd a, union simd b, u32 imm)
{
    for (unsigned i = 0; i < 2; i++)
        if (!(imm >> (4 + i) & 1))
            a.q[i] = b.q[i] = 0;
    union simd p = SSE_VECTOR(cpu, mulpd, a, b);
    union simd low = {.q = {p.q[0], 0}}, high = {.q = {p.q[1], 0}};
    u64 sum = SSE_VECTOR(cpu, addpd, low, high).q[0];
    return (union simd){.q = {imm & 1 ? sum : 0, imm & 2 ? sum : 0}};
}

void do_dppd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op);
    xmm_put(cpu, op->reg, dot_doubles(cpu, xmm_get(cpu, op->reg), b, op->imm));
}

void do_vdppd(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    union simd b = vex_rm_xmm(cpu, op);
    vex_put(cpu, op->reg, dot_doubles(cpu, vvvv_xmm(cpu, op), b, op->imm));
}
