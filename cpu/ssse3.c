/*
 * SSSE3, the packed integer arithmetic of SSE4.1 and SSE4.2, and their AVX forms: one function for each operation, and
 * the instructions around it (64-bit MMX, 128-bit XMM and, in two lanes, 256-bit YMM operands).
 *
 * Source: Intel SDM vol. 2 the instructions' pages.
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
static inline u16 saturate_uw(i32 v) { return (u16)(v > 65535 ? 65535 : v < 0 ? 0 : v); }

/* --- SSSE3 --- */

OPERATION(pshufb) { EACH(16, b, b.b[i] & 0x80 ? 0 : a.b[b.b[i] & (n - 1)]); }

/* Neighbours of a, then of b. */
#define HORIZONTAL(count, field, expression)                                                                           \
    union simd r;                                                                                                      \
    unsigned half = (count) / 2;                                                                                       \
    for (unsigned i = 0; i < 2 * half; i++) {                                                                          \
        union simd s = i < half ? a : b;                                                                               \
        unsigned k = 2 * (i % half);                                                                                   \
        r.field[i] = (expression);                                                                                     \
    }                                                                                                                  \
    return r

OPERATION(phaddw) { HORIZONTAL(n / 2, w, (u16)(s.w[k] + s.w[k + 1])); }
OPERATION(phaddd) { HORIZONTAL(n / 4, d, s.d[k] + s.d[k + 1]); }
OPERATION(phaddsw) { HORIZONTAL(n / 2, sw, saturate_sw(s.sw[k] + s.sw[k + 1])); }
OPERATION(phsubw) { HORIZONTAL(n / 2, w, (u16)(s.w[k] - s.w[k + 1])); }
OPERATION(phsubd) { HORIZONTAL(n / 4, d, s.d[k] - s.d[k + 1]); }
OPERATION(phsubsw) { HORIZONTAL(n / 2, sw, saturate_sw(s.sw[k] - s.sw[k + 1])); }

/* Unsigned bytes of a, signed ones of b. */
OPERATION(pmaddubsw) { EACH(8, sw, saturate_sw(a.b[2 * i] * b.sb[2 * i] + a.b[2 * i + 1] * b.sb[2 * i + 1])); }
OPERATION(pmulhrsw) { EACH(8, w, (u16)(((a.sw[i] * b.sw[i] >> 14) + 1) >> 1)); }
OPERATION(psignb) { EACH(16, b, (u8)(b.sb[i] < 0 ? -a.b[i] : b.sb[i] ? a.b[i] : 0)); }
OPERATION(psignw) { EACH(8, w, (u16)(b.sw[i] < 0 ? -a.w[i] : b.sw[i] ? a.w[i] : 0)); }
OPERATION(psignd) { EACH(4, d, b.sd[i] < 0 ? -a.d[i] : b.sd[i] ? a.d[i] : 0); }
OPERATION(pabsb) { EACH(16, b, (u8)(b.sb[i] < 0 ? -b.b[i] : b.b[i])); }
OPERATION(pabsw) { EACH(8, w, (u16)(b.sw[i] < 0 ? -b.w[i] : b.w[i])); }
OPERATION(pabsd) { EACH(4, d, b.sd[i] < 0 ? -b.d[i] : b.d[i]); }

/* --- SSE4.1, SSE4.2 --- */

OPERATION(pmuldq) { EACH(2, sq, (i64)a.sd[2 * i] * b.sd[2 * i]); }
OPERATION(pmulld) { EACH(4, d, a.d[i] * b.d[i]); }
OPERATION(pcmpeqq) { EACH(2, q, a.q[i] == b.q[i] ? ~0ull : 0); }
OPERATION(pcmpgtq) { EACH(2, q, a.sq[i] > b.sq[i] ? ~0ull : 0); }
OPERATION(pminsb) { EACH(16, sb, MIN(a.sb[i], b.sb[i])); }
OPERATION(pminsd) { EACH(4, sd, MIN(a.sd[i], b.sd[i])); }
OPERATION(pminuw) { EACH(8, w, MIN(a.w[i], b.w[i])); }
OPERATION(pminud) { EACH(4, d, MIN(a.d[i], b.d[i])); }
OPERATION(pmaxsb) { EACH(16, sb, MAX(a.sb[i], b.sb[i])); }
OPERATION(pmaxsd) { EACH(4, sd, MAX(a.sd[i], b.sd[i])); }
OPERATION(pmaxuw) { EACH(8, w, MAX(a.w[i], b.w[i])); }
OPERATION(pmaxud) { EACH(4, d, MAX(a.d[i], b.d[i])); }

OPERATION(packusdw)
{
    union simd r;
    for (unsigned i = 0; i < 4; i++) {
        r.w[i] = saturate_uw(a.sd[i]);
        r.w[4 + i] = saturate_uw(b.sd[i]);
    }
    return r;
}

/* The smallest word and where it first stands. */
OPERATION(phminposuw)
{
    unsigned at = 0;
    for (unsigned i = 1; i < 8; i++)
        if (b.w[i] < b.w[at])
            at = i;
    return (union simd){.w = {b.w[at], (u16)at}};
}

/* --- instructions --- */

#define AVX_FORM(name)                                                                                                 \
    void do_##name##_V_W(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = rm_xmm(cpu, op);                                                                                \
        xmm_put(cpu, op->reg, name(xmm_get(cpu, op->reg), b, 16));                                                     \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op) { avx_binary(cpu, op, name); }

#define ALL_FORMS(name)                                                                                               \
    AVX_FORM(name)                                                                                                     \
    void do_##name##_P_Q(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        mmx_begin(cpu);                                                                                                \
        union simd b = {.q = {rm_mmx(cpu, op)}}, a = {.q = {mmx_get(cpu, op->reg)}};                                   \
        mmx_put(cpu, op->reg, name(a, b, 8).q[0]);                                                                     \
    }

ALL_FORMS(pshufb)
ALL_FORMS(phaddw)
ALL_FORMS(phaddd)
ALL_FORMS(phaddsw)
ALL_FORMS(phsubw)
ALL_FORMS(phsubd)
ALL_FORMS(phsubsw)
ALL_FORMS(pmaddubsw)
ALL_FORMS(pmulhrsw)
ALL_FORMS(psignb)
ALL_FORMS(psignw)
ALL_FORMS(psignd)
ALL_FORMS(pabsb)
ALL_FORMS(pabsw)
ALL_FORMS(pabsd)
AVX_FORM(pmuldq)
AVX_FORM(pmulld)
AVX_FORM(pcmpeqq)
AVX_FORM(pcmpgtq)
AVX_FORM(pminsb)
AVX_FORM(pminsd)
AVX_FORM(pminuw)
AVX_FORM(pminud)
AVX_FORM(pmaxsb)
AVX_FORM(pmaxsd)
AVX_FORM(pmaxuw)
AVX_FORM(pmaxud)
AVX_FORM(packusdw)
AVX_FORM(phminposuw)

/* PALIGNR: the bytes of a above those of b, shifted right as one. */
static union simd align(union simd a, union simd b, unsigned count, unsigned n)
{
    union simd r = {.q = {0, 0}};
    for (unsigned i = 0; i < n; i++) {
        unsigned from = i + count;
        r.b[i] = from < n ? b.b[from] : from < 2 * n ? a.b[from - n] : 0;
    }
    return r;
}

static union simd palignr(union simd a, union simd b, u32 imm) { return align(a, b, imm, 16); }

void do_palignr_V_W(struct cpu *cpu, const struct op *op) { sse_binary_imm(cpu, op, palignr); }
void do_vpalignr(struct cpu *cpu, const struct op *op) { avx_binary_imm(cpu, op, palignr); }

void do_palignr_P_Q(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    union simd b = {.q = {rm_mmx(cpu, op)}}, a = {.q = {mmx_get(cpu, op->reg)}};
    mmx_put(cpu, op->reg, align(a, b, op->imm & 0xff, 8).q[0]);
}
