/*
 * MMX and SSE: moves, shuffles of floating-point operands, masked and non-temporal stores, fences.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; AMD64 APM vol. 4 likewise.
 * Non-temporal stores are plain stores; fences order nothing that is not ordered (one CPU's own accesses are).
 */
#include "cpu/simd.h"

/* --- 128 bits --- */

void do_movap_V_W(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    xmm_put(cpu, op->reg, rm_xmm(cpu, op));
}

void do_movap_W_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        simd_store(cpu, op, xmm_get(cpu, op->reg));
    else
        xmm_put(cpu, op->rm, xmm_get(cpu, op->reg));
}

void do_movup_V_W(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        xmm_put(cpu, op->reg, simd_load_unaligned(cpu, op));
    else
        xmm_put(cpu, op->reg, xmm_get(cpu, op->rm));
}

void do_movup_W_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        simd_store_unaligned(cpu, op, xmm_get(cpu, op->reg));
    else
        xmm_put(cpu, op->rm, xmm_get(cpu, op->reg));
}

/* --- scalars: from memory the rest becomes 0, between registers it stays ---
 * Registers are always read and written whole: a wide load right after a narrow store would have to wait for it. */

static void merge32(struct cpu *cpu, unsigned to, unsigned from)
{
    union simd v = xmm_get(cpu, to);
    v.d[0] = xmm_get(cpu, from).d[0];
    xmm_put(cpu, to, v);
}

static void merge64(struct cpu *cpu, unsigned to, unsigned half, u64 value)
{
    union simd v = xmm_get(cpu, to);
    v.q[half] = value;
    xmm_put(cpu, to, v);
}

void do_movss_V_W(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        xmm_put(cpu, op->reg, rm_xmm_low32(cpu, op));
    else
        merge32(cpu, op->reg, op->rm);
}

void do_movsd_V_W(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        xmm_put(cpu, op->reg, rm_xmm_low64(cpu, op));
    else
        merge64(cpu, op->reg, 0, xmm_get(cpu, op->rm).q[0]);
}

void do_movss_W_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    if (OP_IS_MEMORY(op))
        memory_store32(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->vec[op->reg & 31].d[0]);
    else
        merge32(cpu, op->rm, op->reg);
}

void do_movsd_W_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u64 value = cpu->vec[op->reg & 31].q[0];
    if (OP_IS_MEMORY(op))
        memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), value);
    else
        merge64(cpu, op->rm, 0, value);
}

/* MOVQ: clears the upper half in both forms. */
void do_movq_V_W(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u64 value = rm_xmm_low64(cpu, op).q[0];
    xmm_put(cpu, op->reg, (union simd){.q = {value}});
}

void do_movq_W_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    u64 value = cpu->vec[op->reg & 31].q[0];
    if (OP_IS_MEMORY(op))
        memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), value);
    else
        xmm_put(cpu, op->rm, (union simd){.q = {value}});
}

/* --- halves --- */

static void load_half(struct cpu *cpu, const struct op *op, unsigned half)
{
    sse_begin(cpu);
    merge64(cpu, op->reg, half, memory_load64(cpu, OP_SEGMENT(op), op_ea(cpu, op)));
}

static void store_half(struct cpu *cpu, const struct op *op, unsigned half)
{
    sse_begin(cpu);
    memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->vec[op->reg & 31].q[half]);
}

void do_movlp_V_M(struct cpu *cpu, const struct op *op) { load_half(cpu, op, 0); }
void do_movhp_V_M(struct cpu *cpu, const struct op *op) { load_half(cpu, op, 1); }
void do_movlp_M_V(struct cpu *cpu, const struct op *op) { store_half(cpu, op, 0); }
void do_movhp_M_V(struct cpu *cpu, const struct op *op) { store_half(cpu, op, 1); }

void do_movhlps_V_U(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    merge64(cpu, op->reg, 0, xmm_get(cpu, op->rm).q[1]);
}

void do_movlhps_V_U(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    merge64(cpu, op->reg, 1, xmm_get(cpu, op->rm).q[0]);
}

/* --- MMX and general registers --- */

void do_movq_P_Q(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    mmx_put(cpu, op->reg, rm_mmx(cpu, op));
}

/* MOVQ, MOVNTQ */
void do_movq_Q_P(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    u64 value = mmx_get(cpu, op->reg);
    if (OP_IS_MEMORY(op)) {
        memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), value);
        mmx_enter(&cpu->fpu);
    } else {
        mmx_put(cpu, op->rm, value);
    }
}

static enum size movd_size(const struct op *op) { return op->size == SIZE_64 ? SIZE_64 : SIZE_32; }

void do_movd_P_E(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    mmx_put(cpu, op->reg, rm_read(cpu, op, movd_size(op)));
}

void do_movd_E_P(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    rm_write(cpu, op, movd_size(op), mmx_get(cpu, op->reg));
    mmx_enter(&cpu->fpu);
}

void do_movd_V_E(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    xmm_put(cpu, op->reg, (union simd){.q = {rm_read(cpu, op, movd_size(op))}});
}

void do_movd_E_V(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    rm_write(cpu, op, movd_size(op), cpu->vec[op->reg & 31].q[0]);
}

void do_movq2dq(struct cpu *cpu, const struct op *op)
{
    sse_mmx_begin(cpu);
    mmx_enter(&cpu->fpu);
    xmm_put(cpu, op->reg, (union simd){.q = {mmx_get(cpu, op->rm)}});
}

void do_movdq2q(struct cpu *cpu, const struct op *op)
{
    sse_mmx_begin(cpu);
    mmx_put(cpu, op->reg, cpu->vec[op->rm & 31].q[0]);
}

void do_movnti(struct cpu *cpu, const struct op *op)
{
    enum size size = movd_size(op);
    rm_write(cpu, op, size, reg_read(cpu, op->reg, size));
}

void do_movmskps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd v = xmm_get(cpu, op->rm);
    reg_write(cpu, op->reg, SIZE_32, v.d[0] >> 31 | v.d[1] >> 31 << 1 | v.d[2] >> 31 << 2 | v.d[3] >> 31 << 3);
}

void do_movmskpd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd v = xmm_get(cpu, op->rm);
    reg_write(cpu, op->reg, SIZE_32, v.q[0] >> 63 | v.q[1] >> 63 << 1);
}

/* --- MASKMOVQ, MASKMOVDQU: to DS:rDI, bytes whose mask byte is negative --- */

static u64 masked_address(const struct cpu *cpu, const struct op *op)
{
    u64 rdi = cpu->gpr[RDI];
    return op->address == SIZE_64 ? rdi : op->address == SIZE_32 ? (u32)rdi : (u16)rdi;
}

/* All bytes that will be written are checked first.  No fault if none is (SDM: up to the processor). */
static void store_masked(struct cpu *cpu, const struct op *op, union simd v, union simd mask, unsigned count)
{
    u64 ea = masked_address(cpu, op);
    for (unsigned i = 0; i < count; i++)
        if (mask.b[i] & 0x80)
            check_write(cpu, OP_SEGMENT(op), ea + i, 1);
    for (unsigned i = 0; i < count; i++)
        if (mask.b[i] & 0x80)
            store8(cpu, OP_SEGMENT(op), ea + i, v.b[i]);
}

void do_maskmovq(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    union simd v = {.q = {mmx_get(cpu, op->reg)}}, mask = {.q = {mmx_get(cpu, op->rm)}};
    store_masked(cpu, op, v, mask, 8);
    mmx_enter(&cpu->fpu);
}

void do_maskmovdqu(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    store_masked(cpu, op, xmm_get(cpu, op->reg), xmm_get(cpu, op->rm), 16);
}

/* --- shuffles (UNPCKxPD are PUNPCKxQDQ) --- */

void do_unpcklps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    xmm_put(cpu, op->reg, (union simd){.d = {a.d[0], b.d[0], a.d[1], b.d[1]}});
}

void do_unpckhps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    xmm_put(cpu, op->reg, (union simd){.d = {a.d[2], b.d[2], a.d[3], b.d[3]}});
}

void do_shufps(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    unsigned s = op->imm & 0xff;
    xmm_put(cpu, op->reg, (union simd){.d = {a.d[s & 3], a.d[s >> 2 & 3], b.d[s >> 4 & 3], b.d[s >> 6]}});
}

void do_shufpd(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    xmm_put(cpu, op->reg, (union simd){.q = {a.q[op->imm & 1], b.q[op->imm >> 1 & 1]}});
}

/* --- ordering --- */

void do_fence(struct cpu *cpu, const struct op *op) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* Checks its operand as a load of a byte does. */
void do_clflush(struct cpu *cpu, const struct op *op) { load8(cpu, OP_SEGMENT(op), op_ea(cpu, op)); }
