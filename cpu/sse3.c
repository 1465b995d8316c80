/*
 * SSE3 and its AVX forms: horizontal and alternating arithmetic, duplicating moves.  (LDDQU is MOVDQU; FISTTP:
 * x87_store.c.)
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, ch. 12 "Programming with SSE3, SSSE3, SSE4 ...".
 * Every instruction is one addition or subtraction of SSE2 on rearranged operands, so rounding, NaNs and exceptions are
 * those of ADDPS and its like.  Which of two NaNs wins in a horizontal sum (the lower element) is measured on hardware.
 * Not modelled: MONITOR and MWAIT (CPUID does not promise them; #UD).
 */
#include "cpu/sse_fp.h"

HOST_VECTOR(addps)
HOST_VECTOR(addpd)
HOST_VECTOR(subps)
HOST_VECTOR(subpd)

#define EVEN_SINGLES(a, b) ((union simd){.d = {(a).d[0], (a).d[2], (b).d[0], (b).d[2]}})
#define ODD_SINGLES(a, b) ((union simd){.d = {(a).d[1], (a).d[3], (b).d[1], (b).d[3]}})
#define EVEN_DOUBLES(a, b) ((union simd){.q = {(a).q[0], (b).q[0]}})
#define ODD_DOUBLES(a, b) ((union simd){.q = {(a).q[1], (b).q[1]}})

/* a - b is a + -b but for NaNs, whose sign shows. */
static u32 negated32(u32 a) { return (a & 0x7fffffff) > 0x7f800000 ? a : a ^ 1u << 31; }
static u64 negated64(u64 a) { return (a & ~(1ull << 63)) > 0x7ffull << 52 ? a : a ^ 1ull << 63; }

#define SAME(a, b) (a)
#define EVEN_NEGATED_SINGLES(a, b) ((union simd){.d = {negated32((b).d[0]), (b).d[1], negated32((b).d[2]), (b).d[3]}})
#define EVEN_NEGATED_DOUBLES(a, b) ((union simd){.q = {negated64((b).q[0]), (b).q[1]}})

#define REARRANGED(name, operation, x, y)                                                                              \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);                                                     \
        union simd first = x(a, b), second = y(a, b);                                                                  \
        xmm_put(cpu, op->reg, SSE_VECTOR(cpu, operation, first, second));                                              \
    }                                                                                                                  \
    void do_v##name(struct cpu *cpu, const struct op *op)                                                              \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        struct ymm b = rm_ymm(cpu, op), a = vvvv_ymm(cpu, op);                                                         \
        struct ymm first = {{x(a.lane[0], b.lane[0]), x(a.lane[1], b.lane[1])}};                                       \
        struct ymm second = {{y(a.lane[0], b.lane[0]), y(a.lane[1], b.lane[1])}};                                      \
        ymm_put(cpu, op, op->reg, AVX_VECTOR(cpu, operation, first, second, op->l));                                   \
    }

REARRANGED(haddps, addps, EVEN_SINGLES, ODD_SINGLES)
REARRANGED(haddpd, addpd, EVEN_DOUBLES, ODD_DOUBLES)
REARRANGED(hsubps, subps, EVEN_SINGLES, ODD_SINGLES)
REARRANGED(hsubpd, subpd, EVEN_DOUBLES, ODD_DOUBLES)
REARRANGED(addsubps, addps, SAME, EVEN_NEGATED_SINGLES)
REARRANGED(addsubpd, addpd, SAME, EVEN_NEGATED_DOUBLES)

/* --- duplicating moves --- */

static union simd movsldup(union simd unused, union simd a, u32 imm)
{
    return (union simd){.d = {a.d[0], a.d[0], a.d[2], a.d[2]}};
}

static union simd movshdup(union simd unused, union simd a, u32 imm)
{
    return (union simd){.d = {a.d[1], a.d[1], a.d[3], a.d[3]}};
}

BOTH_WITH_IMMEDIATE(movsldup)
BOTH_WITH_IMMEDIATE(movshdup)

void do_movddup(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u64 low = rm_xmm_low64(cpu, op).q[0];
    xmm_put(cpu, op->reg, (union simd){.q = {low, low}});
}

/* 64 bits of memory, or 256. */
void do_vmovddup(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = {{{.q = {0, 0}}}};
    if (op->l)
        a = rm_ymm(cpu, op);
    else
        a.lane[0] = rm_xmm_low64(cpu, op);
    a.lane[0].q[1] = a.lane[0].q[0];
    a.lane[1].q[1] = a.lane[1].q[0];
    ymm_put(cpu, op, op->reg, a);
}
