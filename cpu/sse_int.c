/*
 * MMX, SSE2 and AVX integer arithmetic, logic, comparison and packing: one function for each operation, and the
 * instructions (64-bit MMX, 128-bit XMM and, in two lanes, 256-bit YMM operands) around it.
 *
 * Source: Intel SDM vol. 2 the instructions' pages.
 * Plain C on arrays: compilers make vector code of it where the host has any.
 */
#include "cpu/avx.h"

/* `n` is the number of bytes in the operands, 8 or 16; what is above is computed and not used. */
#define OPERATION(name) static inline union simd name(union simd a, union simd b, unsigned n)

#define EACH(count, field, expression)                                                                                 \
    union simd r;                                                                                                      \
    for (unsigned i = 0; i < (count); i++)                                                                             \
        r.field[i] = (expression);                                                                                     \
    return r

static inline i16 saturate_sw(i32 v) { return (i16)(v > 32767 ? 32767 : v < -32768 ? -32768 : v); }
static inline i8 saturate_sb(i32 v) { return (i8)(v > 127 ? 127 : v < -128 ? -128 : v); }
static inline u16 saturate_uw(i32 v) { return (u16)(v > 65535 ? 65535 : v < 0 ? 0 : v); }
static inline u8 saturate_ub(i32 v) { return (u8)(v > 255 ? 255 : v < 0 ? 0 : v); }

OPERATION(paddb) { EACH(16, b, (u8)(a.b[i] + b.b[i])); }
OPERATION(paddw) { EACH(8, w, (u16)(a.w[i] + b.w[i])); }
OPERATION(paddd) { EACH(4, d, a.d[i] + b.d[i]); }
OPERATION(paddq) { EACH(2, q, a.q[i] + b.q[i]); }
OPERATION(psubb) { EACH(16, b, (u8)(a.b[i] - b.b[i])); }
OPERATION(psubw) { EACH(8, w, (u16)(a.w[i] - b.w[i])); }
OPERATION(psubd) { EACH(4, d, a.d[i] - b.d[i]); }
OPERATION(psubq) { EACH(2, q, a.q[i] - b.q[i]); }
OPERATION(paddsb) { EACH(16, sb, saturate_sb(a.sb[i] + b.sb[i])); }
OPERATION(paddsw) { EACH(8, sw, saturate_sw(a.sw[i] + b.sw[i])); }
OPERATION(paddusb) { EACH(16, b, saturate_ub(a.b[i] + b.b[i])); }
OPERATION(paddusw) { EACH(8, w, saturate_uw(a.w[i] + b.w[i])); }
OPERATION(psubsb) { EACH(16, sb, saturate_sb(a.sb[i] - b.sb[i])); }
OPERATION(psubsw) { EACH(8, sw, saturate_sw(a.sw[i] - b.sw[i])); }
OPERATION(psubusb) { EACH(16, b, saturate_ub(a.b[i] - b.b[i])); }
OPERATION(psubusw) { EACH(8, w, saturate_uw(a.w[i] - b.w[i])); }
OPERATION(pminub) { EACH(16, b, MIN(a.b[i], b.b[i])); }
OPERATION(pmaxub) { EACH(16, b, MAX(a.b[i], b.b[i])); }
OPERATION(pminsw) { EACH(8, sw, MIN(a.sw[i], b.sw[i])); }
OPERATION(pmaxsw) { EACH(8, sw, MAX(a.sw[i], b.sw[i])); }
OPERATION(pavgb) { EACH(16, b, (u8)((a.b[i] + b.b[i] + 1) >> 1)); }
OPERATION(pavgw) { EACH(8, w, (u16)((a.w[i] + b.w[i] + 1) >> 1)); }
OPERATION(pmullw) { EACH(8, w, (u16)((u32)a.w[i] * b.w[i])); }
OPERATION(pmulhw) { EACH(8, w, (u16)((a.sw[i] * b.sw[i]) >> 16)); }
OPERATION(pmulhuw) { EACH(8, w, (u16)(((u32)a.w[i] * b.w[i]) >> 16)); }
OPERATION(pmuludq) { EACH(2, q, (u64)a.d[2 * i] * b.d[2 * i]); }
/* The only overflow, two products of -32768 by itself, gives 0x80000000. */
OPERATION(pmaddwd)
{
    EACH(4, d, (u32)(a.sw[2 * i] * b.sw[2 * i]) + (u32)(a.sw[2 * i + 1] * b.sw[2 * i + 1]));
}
OPERATION(pand) { EACH(2, q, a.q[i] & b.q[i]); }
OPERATION(pandn) { EACH(2, q, ~a.q[i] & b.q[i]); }
OPERATION(por) { EACH(2, q, a.q[i] | b.q[i]); }
OPERATION(pxor) { EACH(2, q, a.q[i] ^ b.q[i]); }
OPERATION(pcmpeqb) { EACH(16, b, a.b[i] == b.b[i] ? 0xff : 0); }
OPERATION(pcmpeqw) { EACH(8, w, a.w[i] == b.w[i] ? 0xffff : 0); }
OPERATION(pcmpeqd) { EACH(4, d, a.d[i] == b.d[i] ? 0xffffffff : 0); }
OPERATION(pcmpgtb) { EACH(16, b, a.sb[i] > b.sb[i] ? 0xff : 0); }
OPERATION(pcmpgtw) { EACH(8, w, a.sw[i] > b.sw[i] ? 0xffff : 0); }
OPERATION(pcmpgtd) { EACH(4, d, a.sd[i] > b.sd[i] ? 0xffffffff : 0); }

/* --- across lanes: the position depends on n --- */

OPERATION(psadbw)
{
    union simd r = {.q = {0, 0}};
    for (unsigned i = 0; i < n; i++)
        r.w[i / 8 * 4] += (u16)(a.b[i] > b.b[i] ? a.b[i] - b.b[i] : b.b[i] - a.b[i]);
    return r;
}

#define PACK(half, field, from, saturate)                                                                              \
    union simd r;                                                                                                      \
    for (unsigned i = 0; i < (half); i++) {                                                                            \
        r.field[i] = saturate(a.from[i]);                                                                              \
        r.field[(half) + i] = saturate(b.from[i]);                                                                     \
    }                                                                                                                  \
    return r

OPERATION(packsswb) { PACK(n / 2, sb, sw, saturate_sb); }
OPERATION(packuswb) { PACK(n / 2, b, sw, saturate_ub); }
OPERATION(packssdw) { PACK(n / 4, sw, sd, saturate_sw); }

/* Elements a0 b0 a1 b1 ... from element `first` on. */
#define INTERLEAVE(count, field, first)                                                                                \
    union simd r;                                                                                                      \
    for (unsigned i = 0; i < (count) / 2; i++) {                                                                       \
        r.field[2 * i] = a.field[(first) + i];                                                                         \
        r.field[2 * i + 1] = b.field[(first) + i];                                                                     \
    }                                                                                                                  \
    return r

OPERATION(punpcklbw) { INTERLEAVE(n, b, 0); }
OPERATION(punpcklwd) { INTERLEAVE(n / 2, w, 0); }
OPERATION(punpckldq) { INTERLEAVE(n / 4, d, 0); }
OPERATION(punpcklqdq) { INTERLEAVE(2, q, 0); }
OPERATION(punpckhbw) { INTERLEAVE(n, b, n / 2); }
OPERATION(punpckhwd) { INTERLEAVE(n / 2, w, n / 4); }
OPERATION(punpckhdq) { INTERLEAVE(n / 4, d, n / 8); }
OPERATION(punpckhqdq) { INTERLEAVE(2, q, 1); }

/* --- shifts: the count is the low 64 bits of b; too large ones clear, or leave the sign --- */

OPERATION(psllw) { EACH(8, w, b.q[0] > 15 ? 0 : (u16)((u32)a.w[i] << b.q[0])); }
OPERATION(pslld) { EACH(4, d, b.q[0] > 31 ? 0 : a.d[i] << b.q[0]); }
OPERATION(psllq) { EACH(2, q, b.q[0] > 63 ? 0 : a.q[i] << b.q[0]); }
OPERATION(psrlw) { EACH(8, w, b.q[0] > 15 ? 0 : (u16)(a.w[i] >> b.q[0])); }
OPERATION(psrld) { EACH(4, d, b.q[0] > 31 ? 0 : a.d[i] >> b.q[0]); }
OPERATION(psrlq) { EACH(2, q, b.q[0] > 63 ? 0 : a.q[i] >> b.q[0]); }
OPERATION(psraw) { EACH(8, sw, (i16)(a.sw[i] >> (b.q[0] > 15 ? 15 : b.q[0]))); }
OPERATION(psrad) { EACH(4, sd, a.sd[i] >> (b.q[0] > 31 ? 31 : b.q[0])); }

OPERATION(pslldq)
{
    union simd r = {.q = {0, 0}};
    unsigned count = b.q[0] > 15 ? 16 : (unsigned)b.q[0];
    for (unsigned i = count; i < 16; i++)
        r.b[i] = a.b[i - count];
    return r;
}

OPERATION(psrldq)
{
    union simd r = {.q = {0, 0}};
    unsigned count = b.q[0] > 15 ? 16 : (unsigned)b.q[0];
    for (unsigned i = count; i < 16; i++)
        r.b[i - count] = a.b[i];
    return r;
}

/* --- instructions --- */

#define XMM_FORM(name)                                                                                                 \
    void do_##name##_V_W(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = rm_xmm(cpu, op);                                                                                \
        xmm_put(cpu, op->reg, name(xmm_get(cpu, op->reg), b, 16));                                                     \
    }

#define AVX_FORM(name)                                                                                                 \
    XMM_FORM(name)                                                                                                     \
    void do_v##name(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, name); }

#define MMX_FORM(name, operand)                                                                                        \
    void do_##name##_P_Q(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        mmx_begin(cpu);                                                                                                \
        union simd b = {.q = {operand(cpu, op)}}, a = {.q = {mmx_get(cpu, op->reg)}};                                  \
        mmx_put(cpu, op->reg, name(a, b, 8).q[0]);                                                                     \
    }

#define ALL_FORMS(name) AVX_FORM(name) MMX_FORM(name, rm_mmx)

#define SHIFT_FORMS(name)                                                                                              \
    XMM_FORM(name)                                                                                                     \
    MMX_FORM(name, rm_mmx)                                                                                             \
    void do_v##name(struct cpu *cpu, const struct op *op) { shift(cpu, op, name); }                                    \
    void do_##name##_N_I(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        mmx_begin(cpu);                                                                                                \
        union simd a = {.q = {mmx_get(cpu, op->rm)}}, b = {.q = {op->imm & 0xff}};                                     \
        mmx_put(cpu, op->rm, name(a, b, 8).q[0]);                                                                      \
    }                                                                                                                  \
    IMMEDIATE_FORM(name)

#define IMMEDIATE_FORM(name)                                                                                           \
    void do_##name##_U_I(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        xmm_put(cpu, op->rm, name(xmm_get(cpu, op->rm), (union simd){.q = {op->imm & 0xff}}, 16));                     \
    }                                                                                                                  \
    void do_v##name##_I(struct cpu *cpu, const struct op *op) { shift_by_immediate(cpu, op, name); }

/* One count for both lanes: in an XMM register or 128 bits of memory, or the immediate byte. */
static INLINE void shift(struct cpu *cpu, const struct op *op, lane_fn *fn)
{
    avx_begin(cpu);
    union simd count = vex_rm_xmm(cpu, op);
    struct ymm a = vvvv_ymm(cpu, op);
    a.lane[0] = fn(a.lane[0], count, 16);
    if (op->l)
        a.lane[1] = fn(a.lane[1], count, 16);
    ymm_put(cpu, op, op->reg, a);
}

static INLINE void shift_by_immediate(struct cpu *cpu, const struct op *op, lane_fn *fn)
{
    avx_begin(cpu);
    union simd count = {.q = {op->imm & 0xff}};
    struct ymm a = ymm_get(cpu, op->rm);
    a.lane[0] = fn(a.lane[0], count, 16);
    if (op->l)
        a.lane[1] = fn(a.lane[1], count, 16);
    ymm_put(cpu, op, OP_VVVV(op), a);
}

ALL_FORMS(paddb)
ALL_FORMS(paddw)
ALL_FORMS(paddd)
ALL_FORMS(paddq)
ALL_FORMS(psubb)
ALL_FORMS(psubw)
ALL_FORMS(psubd)
ALL_FORMS(psubq)
ALL_FORMS(paddsb)
ALL_FORMS(paddsw)
ALL_FORMS(paddusb)
ALL_FORMS(paddusw)
ALL_FORMS(psubsb)
ALL_FORMS(psubsw)
ALL_FORMS(psubusb)
ALL_FORMS(psubusw)
ALL_FORMS(pminub)
ALL_FORMS(pmaxub)
ALL_FORMS(pminsw)
ALL_FORMS(pmaxsw)
ALL_FORMS(pavgb)
ALL_FORMS(pavgw)
ALL_FORMS(pmullw)
ALL_FORMS(pmulhw)
ALL_FORMS(pmulhuw)
ALL_FORMS(pmuludq)
ALL_FORMS(pmaddwd)
ALL_FORMS(pand)
ALL_FORMS(pandn)
ALL_FORMS(por)
ALL_FORMS(pxor)
ALL_FORMS(pcmpeqb)
ALL_FORMS(pcmpeqw)
ALL_FORMS(pcmpeqd)
ALL_FORMS(pcmpgtb)
ALL_FORMS(pcmpgtw)
ALL_FORMS(pcmpgtd)
ALL_FORMS(psadbw)
ALL_FORMS(packsswb)
ALL_FORMS(packuswb)
ALL_FORMS(packssdw)
ALL_FORMS(punpckhbw)
ALL_FORMS(punpckhwd)
ALL_FORMS(punpckhdq)
AVX_FORM(punpcklbw)
AVX_FORM(punpcklwd)
AVX_FORM(punpckldq)
AVX_FORM(punpcklqdq)
AVX_FORM(punpckhqdq)
/* "the low-order half": 32 bits of memory. */
MMX_FORM(punpcklbw, rm_mmx_low32)
MMX_FORM(punpcklwd, rm_mmx_low32)
MMX_FORM(punpckldq, rm_mmx_low32)
SHIFT_FORMS(psllw)
SHIFT_FORMS(pslld)
SHIFT_FORMS(psllq)
SHIFT_FORMS(psrlw)
SHIFT_FORMS(psrld)
SHIFT_FORMS(psrlq)
SHIFT_FORMS(psraw)
SHIFT_FORMS(psrad)
IMMEDIATE_FORM(pslldq)
IMMEDIATE_FORM(psrldq)

/* --- shuffles, insert, extract --- */

static u64 shuffle_words(u64 v, unsigned s)
{
    union simd a = {.q = {v}};
    return (union simd){.w = {a.w[s & 3], a.w[s >> 2 & 3], a.w[s >> 4 & 3], a.w[s >> 6 & 3]}}.q[0];
}

void do_pshufw(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    mmx_put(cpu, op->reg, shuffle_words(rm_mmx(cpu, op), op->imm));
}

static union simd pshufd(union simd unused, union simd a, u32 s)
{
    return (union simd){.d = {a.d[s & 3], a.d[s >> 2 & 3], a.d[s >> 4 & 3], a.d[s >> 6 & 3]}};
}

static union simd pshufhw(union simd unused, union simd a, u32 s)
{
    return (union simd){.q = {a.q[0], shuffle_words(a.q[1], s)}};
}

static union simd pshuflw(union simd unused, union simd a, u32 s)
{
    return (union simd){.q = {shuffle_words(a.q[0], s), a.q[1]}};
}

BOTH_WITH_IMMEDIATE(pshufd)
BOTH_WITH_IMMEDIATE(pshufhw)
BOTH_WITH_IMMEDIATE(pshuflw)

/* Register form: the low word of a 32-bit register. */
static u16 inserted_word(struct cpu *cpu, const struct op *op)
{
    return (u16)rm_read(cpu, op, OP_IS_MEMORY(op) ? SIZE_16 : SIZE_32);
}

void do_pinsrw_P_E(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    u16 word = inserted_word(cpu, op);
    union simd a = {.q = {mmx_get(cpu, op->reg)}};
    a.w[op->imm & 3] = word;
    mmx_put(cpu, op->reg, a.q[0]);
}

void do_pinsrw_V_E(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u16 word = inserted_word(cpu, op);
    union simd a = xmm_get(cpu, op->reg);
    a.w[op->imm & 7] = word;
    xmm_put(cpu, op->reg, a);
}

void do_vpinsrw(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u16 word = inserted_word(cpu, op);
    union simd a = vvvv_xmm(cpu, op);
    a.w[op->imm & 7] = word;
    vex_put(cpu, op->reg, a);
}

void do_pextrw_G_N(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    mmx_enter(&cpu->fpu);
    reg_write(cpu, op->reg, SIZE_32, mmx_get(cpu, op->rm) >> 16 * (op->imm & 3) & 0xffff);
}

void do_pextrw_G_U(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    reg_write(cpu, op->reg, SIZE_32, cpu->vec[op->rm & 31].w[op->imm & 7]);
}

void do_vpextrw_G_U(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    reg_write(cpu, op->reg, SIZE_32, cpu->vec[op->rm & 31].w[op->imm & 7]);
}

static u32 sign_bits(const union simd *a, unsigned n)
{
    u32 bits = 0;
    for (unsigned i = 0; i < n; i++)
        bits |= (u32)(a->b[i] >> 7) << i;
    return bits;
}

void do_pmovmskb_G_N(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    union simd a = {.q = {mmx_get(cpu, op->rm)}};
    mmx_enter(&cpu->fpu);
    reg_write(cpu, op->reg, SIZE_32, sign_bits(&a, 8));
}

void do_pmovmskb_G_U(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd a = xmm_get(cpu, op->rm);
    reg_write(cpu, op->reg, SIZE_32, sign_bits(&a, 16));
}

void do_vpmovmskb(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = ymm_get(cpu, op->rm);
    reg_write(cpu, op->reg, SIZE_32, sign_bits(&a.lane[0], 16) | (op->l ? sign_bits(&a.lane[1], 16) << 16 : 0));
}
