/*
 * AVX and AVX2: shuffles, permutations, broadcasts, lanes of 128 bits, shifts by a count for each element.
 *
 * Source: Intel SDM vol. 2 the instructions' pages.
 */
#include "cpu/avx.h"

/* --- within a lane --- */

static union simd unpcklps(union simd a, union simd b, unsigned n)
{
    return (union simd){.d = {a.d[0], b.d[0], a.d[1], b.d[1]}};
}

static union simd unpckhps(union simd a, union simd b, unsigned n)
{
    return (union simd){.d = {a.d[2], b.d[2], a.d[3], b.d[3]}};
}

static union simd shufps(union simd a, union simd b, u32 s)
{
    return (union simd){.d = {a.d[s & 3], a.d[s >> 2 & 3], b.d[s >> 4 & 3], b.d[s >> 6 & 3]}};
}

static union simd shufpd(union simd a, union simd b, u32 s)
{
    return (union simd){.q = {a.q[s & 1], b.q[s >> 1 & 1]}};
}

static union simd permilps_W(union simd a, union simd b, unsigned n)
{
    return (union simd){.d = {a.d[b.d[0] & 3], a.d[b.d[1] & 3], a.d[b.d[2] & 3], a.d[b.d[3] & 3]}};
}

static union simd permilpd_W(union simd a, union simd b, unsigned n)
{
    return (union simd){.q = {a.q[b.q[0] >> 1 & 1], a.q[b.q[1] >> 1 & 1]}};
}

static union simd permilps_I(union simd unused, union simd a, u32 s) { return shufps(a, a, s); }

void do_vunpcklps(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, unpcklps); }
void do_vunpckhps(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, unpckhps); }
void do_vpermilps_W(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, permilps_W); }
void do_vpermilpd_W(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, permilpd_W); }
void do_vshufps(struct cpu *cpu, const struct op *op) { avx_binary_imm(cpu, op, shufps); }
void do_vpermilps_I(struct cpu *cpu, const struct op *op) { avx_binary_imm(cpu, op, permilps_I); }

/* The immediate has two bits for each lane. */
static INLINE struct ymm shuffle_doubles(struct ymm a, struct ymm b, u32 s)
{
    return (struct ymm){{shufpd(a.lane[0], b.lane[0], s), shufpd(a.lane[1], b.lane[1], s >> 2)}};
}

void do_vshufpd(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op);
    ymm_put(cpu, op, op->reg, shuffle_doubles(vvvv_ymm(cpu, op), b, op->imm));
}

void do_vpermilpd_I(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = rm_ymm(cpu, op);
    ymm_put(cpu, op, op->reg, shuffle_doubles(a, a, op->imm));
}

/* --- across lanes: VEX.L = 1 only --- */

/* VPERMD, VPERMPS */
void do_vpermd(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = rm_ymm(cpu, op), index = vvvv_ymm(cpu, op), r;
    for (unsigned i = 0; i < 8; i++) {
        unsigned from = index.lane[i / 4].d[i % 4] & 7;
        r.lane[i / 4].d[i % 4] = a.lane[from / 4].d[from % 4];
    }
    ymm_put(cpu, op, op->reg, r);
}

/* VPERMQ, VPERMPD */
void do_vpermq(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = rm_ymm(cpu, op), r;
    for (unsigned i = 0; i < 4; i++) {
        unsigned from = op->imm >> 2 * i & 3;
        r.lane[i / 2].q[i % 2] = a.lane[from / 2].q[from % 2];
    }
    ymm_put(cpu, op, op->reg, r);
}

/* Four bits for each lane: which of four lanes, and bit 3 for none. */
static union simd chosen_lane(const struct ymm *a, const struct ymm *b, u32 control)
{
    if (control & 8)
        return (union simd){.q = {0, 0}};
    return control & 2 ? b->lane[control & 1] : a->lane[control & 1];
}

void do_vperm2f128(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);
    ymm_put(cpu, op, op->reg, (struct ymm){{chosen_lane(&a, &b, op->imm), chosen_lane(&a, &b, op->imm >> 4)}});
}

void do_vinsertf128(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    union simd b = vex_rm_xmm(cpu, op);
    struct ymm a = vvvv_ymm(cpu, op);
    a.lane[op->imm & 1] = b;
    ymm_put(cpu, op, op->reg, a);
}

void do_vextractf128(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    union simd v = ymm_get(cpu, op->reg).lane[op->imm & 1];
    if (OP_IS_MEMORY(op))
        simd_store_unaligned(cpu, op, v);
    else
        vex_put(cpu, op->rm, v);
}

/* --- broadcasts --- */

static INLINE void broadcast(struct cpu *cpu, const struct op *op, union simd v)
{
    ymm_put(cpu, op, op->reg, (struct ymm){{v, v}});
}

void do_vbroadcast8(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u8 value = OP_IS_MEMORY(op) ? load8(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : cpu->vec[op->rm & 31].b[0];
    u64 eight = value * 0x0101010101010101ull;
    broadcast(cpu, op, (union simd){.q = {eight, eight}});
}

void do_vbroadcast16(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u16 value = OP_IS_MEMORY(op) ? memory_load16(cpu, OP_SEGMENT(op), op_ea(cpu, op)) : cpu->vec[op->rm & 31].w[0];
    u64 four = value * 0x0001000100010001ull;
    broadcast(cpu, op, (union simd){.q = {four, four}});
}

void do_vbroadcast32(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u64 two = rm_xmm_low32(cpu, op).d[0] * 0x0000000100000001ull;
    broadcast(cpu, op, (union simd){.q = {two, two}});
}

void do_vbroadcast64(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u64 value = rm_xmm_low64(cpu, op).q[0];
    broadcast(cpu, op, (union simd){.q = {value, value}});
}

void do_vbroadcast128(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    broadcast(cpu, op, simd_load_unaligned(cpu, op));
}

/* --- shifts by a count for each element; too large ones clear, or leave the sign --- */

#define SHIFT(name, count, field, expression)                                                                          \
    static union simd name(union simd a, union simd b, unsigned n)                                                     \
    {                                                                                                                  \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            a.field[i] = (expression);                                                                                 \
        return a;                                                                                                      \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, name); }

SHIFT(psllvd, 4, d, b.d[i] > 31 ? 0 : a.d[i] << b.d[i])
SHIFT(psllvq, 2, q, b.q[i] > 63 ? 0 : a.q[i] << b.q[i])
SHIFT(psrlvd, 4, d, b.d[i] > 31 ? 0 : a.d[i] >> b.d[i])
SHIFT(psrlvq, 2, q, b.q[i] > 63 ? 0 : a.q[i] >> b.q[i])
SHIFT(psravd, 4, sd, a.sd[i] >> (b.d[i] > 31 ? 31 : b.d[i]))
