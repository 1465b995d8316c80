/*
 * FXSAVE, FXRSTOR, LDMXCSR, STMXCSR (with VEX too), EMMS.
 *
 * Source: Intel SDM vol. 2A "FXSAVE" (tables 3-43 to 3-46), "FXRSTOR", "EMMS"; vol. 1, 10.2.3 "MXCSR", 11.6.6
 * "Guidelines for Writing to the MXCSR Register" (MXCSR_MASK).
 * Modelled: the legacy and 64-bit layouts, XMM registers only if CR4.OSFXSR, reserved bytes from 416 on left alone.
 */
#include <string.h>

#include "cpu/avx.h"
#include "cpu/feature.h"
#include "cpu/fxsave.h"
#include "cpu/x87_state.h"

u32 simd_mxcsr_mask(const struct cpu *cpu) { return feature_test(cpu->features, FEATURE_SSE2) ? 0xffff : 0xffbf; }

static unsigned xmm_count(const struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_OSFXSR))
        return 0;
    return cpu->mode & MODE_CODE64 ? 16 : 8;
}

static void split64(u64 value, u32 *low, u16 *middle, u16 *high)
{
    *low = (u32)value;
    *middle = (u16)(value >> 32);
    *high = (u16)(value >> 48);
}

void fxsave_put_x87(const struct cpu *cpu, bool wide, struct fxsave_area *area)
{
    const struct fpu *fpu = &cpu->fpu;
    area->control = fpu->control;
    area->status = x87_status_word(fpu);
    area->tag = fpu->valid;
    area->opcode = fpu->opcode;
    split64(fpu->ip, &area->ip, &area->ip_selector, &area->ip_high);
    split64(fpu->dp, &area->dp, &area->dp_selector, &area->dp_high);
    if (!wide) {
        area->ip_selector = fpu->ip_selector;
        area->dp_selector = fpu->dp_selector;
        area->ip_high = area->dp_high = 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &fpu->reg[x87_index(fpu, i)];
        area->st[i].mantissa = r->mantissa;
        area->st[i].sign_exponent = r->sign_exponent;
    }
}

void fxsave_get_x87(struct cpu *cpu, bool wide, const struct fxsave_area *area)
{
    struct fpu *fpu = &cpu->fpu;
    x87_set_control_word(fpu, area->control);
    x87_set_status_word(fpu, area->status);
    fpu->valid = area->tag;
    fpu->opcode = area->opcode & 0x7ff;
    fpu->ip = area->ip;
    fpu->dp = area->dp;
    if (wide) {
        fpu->ip |= (u64)area->ip_selector << 32 | (u64)area->ip_high << 48;
        fpu->dp |= (u64)area->dp_selector << 32 | (u64)area->dp_high << 48;
        fpu->ip_selector = fpu->dp_selector = 0;
    } else {
        fpu->ip_selector = area->ip_selector;
        fpu->dp_selector = area->dp_selector;
    }
    for (unsigned i = 0; i < 8; i++)
        x87_put(&fpu->reg[x87_index(fpu, i)], area->st[i].sign_exponent, area->st[i].mantissa);
    x87_update_summary(cpu);
}

static u64 aligned_area(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    x87_available(cpu);
    u64 linear = simd_linear(cpu, OP_SEGMENT(op), ea);
    if (cpu->tlb == cpu->tlbs[TLB_NEVER] && (linear & 3)) /* SDM: which misalignment is #AC varies; measured */
        cpu_raise_error(cpu, VECTOR_AC, 0);
    if (linear & 15)
        raise_gp(cpu, 0);
    return ea;
}

void do_fxsave(struct cpu *cpu, const struct op *op)
{
    struct fxsave_area area = {0};
    u64 ea = aligned_area(cpu, op);
    unsigned count = xmm_count(cpu);
    fxsave_put_x87(cpu, op->size == SIZE_64, &area);
    if (feature_test(cpu->features, FEATURE_SSE)) {
        area.mxcsr = cpu->mxcsr;
        area.mxcsr_mask = simd_mxcsr_mask(cpu);
    }
    for (unsigned i = 0; i < count; i++)
        memcpy(area.xmm[i], &cpu->vec[i], 16);
    check_write(cpu, OP_SEGMENT(op), ea, FXSAVE_SIZE);
    store_bytes(cpu, OP_SEGMENT(op), ea, &area, FXSAVE_XMM + 16 * count);
}

void do_fxrstor(struct cpu *cpu, const struct op *op)
{
    union {
        struct fxsave_area area;
        u8 bytes[FXSAVE_SIZE];
    } image;
    u64 ea = aligned_area(cpu, op);
    unsigned count = xmm_count(cpu);
    load_bytes(cpu, OP_SEGMENT(op), ea, image.bytes, sizeof image.bytes);
    if (cpu->cr4 & CR4_OSFXSR) {
        if (image.area.mxcsr & ~simd_mxcsr_mask(cpu))
            raise_gp(cpu, 0);
        cpu->mxcsr = image.area.mxcsr;
    }
    fxsave_get_x87(cpu, op->size == SIZE_64, &image.area);
    for (unsigned i = 0; i < count; i++)
        memcpy(&cpu->vec[i], image.area.xmm[i], 16);
}

static void load_mxcsr(struct cpu *cpu, const struct op *op)
{
    u32 value = load32(cpu, OP_SEGMENT(op), op_ea(cpu, op));
    if (value & ~simd_mxcsr_mask(cpu))
        raise_gp(cpu, 0);
    cpu->mxcsr = value;
}

void do_ldmxcsr(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    load_mxcsr(cpu, op);
}

void do_vldmxcsr(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    load_mxcsr(cpu, op);
}

void do_stmxcsr(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    store32(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->mxcsr);
}

void do_vstmxcsr(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    store32(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->mxcsr);
}

void do_emms(struct cpu *cpu, const struct op *op)
{
    mmx_begin(cpu);
    cpu->fpu.valid = 0;
    cpu->fpu.top = 0;
}
