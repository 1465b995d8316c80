/*
 * AVX: moves, masked moves, gathers, VZEROUPPER, VZEROALL.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; 2.4 "AVX and SSE Instruction Exception Classification": type 1
 *   checks alignment, types 2 to 12 do not; vol. 1, 14.9 "Memory Alignment".
 */
#include "cpu/avx.h"

/* --- whole registers --- */

void do_vmovup_V_W(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    ymm_put(cpu, op, op->reg, rm_ymm(cpu, op));
}

static INLINE void store_or_move(struct cpu *cpu, const struct op *op)
{
    if (OP_IS_MEMORY(op))
        ymm_store(cpu, op, ymm_get(cpu, op->reg));
    else
        ymm_put(cpu, op, op->rm, ymm_get(cpu, op->reg));
}

void do_vmovup_W_V(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    store_or_move(cpu, op);
}

static void check_alignment(struct cpu *cpu, const struct op *op)
{
    if (OP_IS_MEMORY(op) && simd_linear(cpu, OP_SEGMENT(op), op_ea(cpu, op)) & (op->l ? 31 : 15))
        raise_gp(cpu, 0);
}

/* VMOVAPS, VMOVDQA, VMOVNTPS, VMOVNTDQA ... */
void do_vmovap_V_W(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    check_alignment(cpu, op);
    ymm_put(cpu, op, op->reg, rm_ymm(cpu, op));
}

void do_vmovap_W_V(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    check_alignment(cpu, op);
    store_or_move(cpu, op);
}

/* --- scalars: from memory the rest becomes 0, between registers it is that of VEX.vvvv --- */

void do_vmovss_V_M(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    vex_put(cpu, op->reg, rm_xmm_low32(cpu, op));
}

void do_vmovsd_V_M(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    vex_put(cpu, op->reg, rm_xmm_low64(cpu, op));
}

void do_vmovss_M_V(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    memory_store32(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->vec[op->reg & 31].d[0]);
}

static void store_half(struct cpu *cpu, const struct op *op, unsigned half)
{
    avx_begin(cpu);
    memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->vec[op->reg & 31].q[half]);
}

void do_vmovsd_M_V(struct cpu *cpu, const struct op *op) { store_half(cpu, op, 0); }
void do_vmovlp_M_V(struct cpu *cpu, const struct op *op) { store_half(cpu, op, 0); }
void do_vmovhp_M_V(struct cpu *cpu, const struct op *op) { store_half(cpu, op, 1); }

/* Register `to`: VEX.vvvv with `value` as one of its halves. */
static INLINE void merge64(struct cpu *cpu, const struct op *op, unsigned to, unsigned half, u64 value)
{
    union simd v = vvvv_xmm(cpu, op);
    v.q[half] = value;
    vex_put(cpu, to, v);
}

static INLINE void merge32(struct cpu *cpu, const struct op *op, unsigned to, unsigned from)
{
    union simd v = vvvv_xmm(cpu, op);
    v.d[0] = cpu->vec[from & 31].d[0];
    vex_put(cpu, to, v);
}

#define BETWEEN_REGISTERS(name, merge)                                                                                 \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        merge;                                                                                                         \
    }

BETWEEN_REGISTERS(vmovss_V_H_U, merge32(cpu, op, op->reg, op->rm))
BETWEEN_REGISTERS(vmovss_U_H_V, merge32(cpu, op, op->rm, op->reg))
BETWEEN_REGISTERS(vmovsd_V_H_U, merge64(cpu, op, op->reg, 0, xmm_get(cpu, op->rm).q[0]))
BETWEEN_REGISTERS(vmovsd_U_H_V, merge64(cpu, op, op->rm, 0, xmm_get(cpu, op->reg).q[0]))
BETWEEN_REGISTERS(vmovhlps, merge64(cpu, op, op->reg, 0, xmm_get(cpu, op->rm).q[1]))
BETWEEN_REGISTERS(vmovlhps, merge64(cpu, op, op->reg, 1, xmm_get(cpu, op->rm).q[0]))
BETWEEN_REGISTERS(vmovlp_V_H_M, merge64(cpu, op, op->reg, 0, rm_xmm_low64(cpu, op).q[0]))
BETWEEN_REGISTERS(vmovhp_V_H_M, merge64(cpu, op, op->reg, 1, rm_xmm_low64(cpu, op).q[0]))

void do_vmovq_V_W(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    vex_put(cpu, op->reg, (union simd){.q = {rm_xmm_low64(cpu, op).q[0], 0}});
}

void do_vmovq_W_V(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u64 value = cpu->vec[op->reg & 31].q[0];
    if (OP_IS_MEMORY(op))
        memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), value);
    else
        vex_put(cpu, op->rm, (union simd){.q = {value, 0}});
}

/* --- general registers: VMOVD, VMOVQ, sign bits --- */

static enum size movd_size(const struct op *op) { return op->size == SIZE_64 ? SIZE_64 : SIZE_32; }

void do_vmovd_V_E(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    vex_put(cpu, op->reg, (union simd){.q = {rm_read(cpu, op, movd_size(op)), 0}});
}

void do_vmovd_E_V(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    rm_write(cpu, op, movd_size(op), cpu->vec[op->reg & 31].q[0]);
}

void do_vmovmskps(struct cpu *cpu, const struct op *op)
{
    u32 bits = 0;
    avx_begin(cpu);
    for (unsigned i = 0; i < (op->l ? 8 : 4); i++)
        bits |= cpu->vec[op->rm & 31].d[i] >> 31 << i;
    reg_write(cpu, op->reg, SIZE_32, bits);
}

void do_vmovmskpd(struct cpu *cpu, const struct op *op)
{
    u64 bits = 0;
    avx_begin(cpu);
    for (unsigned i = 0; i < (op->l ? 4 : 2); i++)
        bits |= cpu->vec[op->rm & 31].q[i] >> 63 << i;
    reg_write(cpu, op->reg, SIZE_32, bits);
}

/* --- masked moves: elements whose mask is not negative are neither read nor written, and cannot fault --- */

/* In pieces that are not checked for alignment: "no #AC reported for any mask bit combinations" (SDM, VMASKMOV). */
static void load_element(struct cpu *cpu, const struct op *op, u64 ea, void *data, unsigned size)
{
    for (unsigned i = 0; i < size; i += 4)
        memory_load_bytes_4(cpu, OP_SEGMENT(op), ea + i, (u8 *)data + i);
}

static void store_element(struct cpu *cpu, const struct op *op, u64 ea, const void *data, unsigned size)
{
    for (unsigned i = 0; i < size; i += 4)
        memory_store_bytes_4(cpu, OP_SEGMENT(op), ea + i, (const u8 *)data + i);
}

static void check_element(struct cpu *cpu, const struct op *op, u64 ea, unsigned size)
{
    check_write(cpu, OP_SEGMENT(op), ea, size - 1);
    check_write(cpu, OP_SEGMENT(op), ea + size - 1, 1);
}

#define MASKED(bits, field)                                                                                            \
    void do_vmaskmov##bits##_V_M(struct cpu *cpu, const struct op *op)                                                 \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        u64 ea = op_ea(cpu, op);                                                                                       \
        const unsigned count = (op->l ? 256 : 128) / (bits), size = (bits) / 8;                                        \
        union vector_reg mask = cpu->vec[OP_VVVV(op)], r = {.q = {0}};                                                 \
        for (unsigned i = 0; i < count; i++)                                                                           \
            if (mask.field[i] >> ((bits) - 1))                                                                         \
                load_element(cpu, op, ea + i * size, &r.field[i], size);                                               \
        memcpy(&cpu->vec[op->reg & 31], &r, sizeof(struct ymm));                                                       \
    }                                                                                                                  \
    void do_vmaskmov##bits##_M_V(struct cpu *cpu, const struct op *op)                                                 \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        u64 ea = op_ea(cpu, op);                                                                                       \
        const unsigned count = (op->l ? 256 : 128) / (bits), size = (bits) / 8;                                        \
        union vector_reg mask = cpu->vec[OP_VVVV(op)], v = cpu->vec[op->reg & 31];                                     \
        for (unsigned i = 0; i < count; i++)                                                                           \
            if (mask.field[i] >> ((bits) - 1))                                                                         \
                check_element(cpu, op, ea + i * size, size);                                                           \
        for (unsigned i = 0; i < count; i++)                                                                           \
            if (mask.field[i] >> ((bits) - 1))                                                                         \
                store_element(cpu, op, ea + i * size, &v.field[i], size);                                              \
    }

MASKED(32, d)
MASKED(64, q)

/* To DS:rDI, by bytes. */
void do_vmaskmovdqu(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    u64 rdi = cpu->gpr[RDI], ea = op->address == SIZE_64 ? rdi : op->address == SIZE_32 ? (u32)rdi : (u16)rdi;
    union simd v = xmm_get(cpu, op->reg), mask = xmm_get(cpu, op->rm);
    for (unsigned i = 0; i < 16; i++)
        if (mask.b[i] & 0x80)
            check_write(cpu, OP_SEGMENT(op), ea + i, 1);
    for (unsigned i = 0; i < 16; i++)
        if (mask.b[i] & 0x80)
            store8(cpu, OP_SEGMENT(op), ea + i, v.b[i]);
}

static u64 element_address(const struct op *op, u64 ea, u64 offset)
{
    return op->address == SIZE_64 ? ea + offset : (u32)(ea + offset);
}

/* --- gathers ---
 * An element that was loaded stands in the destination and its mask is 0, so that after a fault the instruction goes on
 * where it was.  `index`: that of element i; what is above the elements becomes 0.
 * Differs from the SDM: a mask element that a fault leaves to be done is as it was, not all ones (measured). */

#define GATHER(name, index, bits, field, count)                                                                        \
    void do_vgather##name(struct cpu *cpu, const struct op *op)                                                        \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        union vector_reg *to = &cpu->vec[op->reg & 31], *mask = &cpu->vec[OP_VVVV(op)];                                \
        const union vector_reg *at = &cpu->vec[OP_VSIB_INDEX(op)];                                                     \
        unsigned n = op->l ? (count) : (count) / 2;                                                                    \
        u64 ea = op_ea(cpu, op);                                                                                       \
        for (unsigned i = 0; i < n; i++) {                                                                             \
            u64 offset = (u64)(index) << OP_SCALE(op);                                                                 \
            u##bits value = to->field[i];                                                                              \
            if (mask->field[i] >> ((bits) - 1))                                                                        \
                load_element(cpu, op, element_address(op, ea, offset), &value, sizeof value);                          \
            to->field[i] = value;                                                                                      \
            mask->field[i] = 0;                                                                                        \
        }                                                                                                              \
        memset(mask, 0, sizeof(struct ymm));                                                                           \
        memset(&to->field[n], 0, sizeof(struct ymm) - n * sizeof to->field[0]);                                        \
    }

GATHER(d32, (i64)(i32)at->d[i], 32, d, 8)
GATHER(d64, (i64)(i32)at->d[i], 64, q, 4)
GATHER(q32, at->q[i], 32, d, 4)
GATHER(q64, at->q[i], 64, q, 4)

/* --- clearing: 8 registers outside of 64-bit code --- */

static void clear(struct cpu *cpu, unsigned from)
{
    avx_begin(cpu);
    for (unsigned i = 0; i < (cpu->mode & MODE_CODE64 ? 16u : 8u); i++)
        memset(&cpu->vec[i].q[from], 0, sizeof(struct ymm) - from * sizeof(u64));
}

void do_vzeroupper(struct cpu *cpu, const struct op *op) { clear(cpu, 2); }
void do_vzeroall(struct cpu *cpu, const struct op *op) { clear(cpu, 0); }
