/*
 * XSAVE, XSAVEOPT, XSAVEC, XRSTOR, XGETBV, XSETBV: the x87, SSE and AVX components of the extended state.
 *
 * Source: Intel SDM vol. 1, ch. 13 "Managing State Using the XSAVE Feature Set": 13.4 "XSAVE Area", 13.6 "Processor
 *   Tracking of XSAVE-Managed State", 13.7 to 13.10 (operation of the instructions).
 * Modelled: standard and compacted form, tracking of what is in its initial configuration.
 * Not modelled: XSAVES and XRSTORS (supervisor components), the modified optimization of XSAVEOPT (it may save more).
 */
#include <string.h>

#include "cpu/fxsave.h"
#include "cpu/simd.h"
#include "cpu/system.h"
#include "cpu/x87_state.h"

#define HEADER_SIZE 64
#define COMPACTED (1ull << 63)

struct xsave_area {
    struct fxsave_area legacy;
    u8 reserved[FXSAVE_SIZE - sizeof(struct fxsave_area)];
    u64 xstate_bv, xcomp_bv, header_rest[6];
};

_Static_assert(sizeof(struct xsave_area) == FXSAVE_SIZE + HEADER_SIZE, "legacy region and header");
#define AT(field) offsetof(struct xsave_area, field)

/* The upper halves of YMM0 to YMM15: right behind the header in both forms of the area. */
#define AVX_OFFSET sizeof(struct xsave_area)
#define AVX_SIZE (16 * 16u)

u64 xsave_supported(const struct cpu *cpu)
{
    return XSTATE_X87 | (cpu_has(cpu, FEATURE_SSE) ? XSTATE_SSE : 0) | (cpu_has(cpu, FEATURE_AVX) ? XSTATE_AVX : 0);
}

unsigned xsave_size(u64 components) { return components & XSTATE_AVX ? AVX_OFFSET + AVX_SIZE : AVX_OFFSET; }

unsigned xsave_component(const struct cpu *cpu, unsigned component, unsigned *offset)
{
    *offset = AVX_OFFSET;
    return component == 2 && xsave_supported(cpu) & XSTATE_AVX ? AVX_SIZE : 0;
}

/* --- what is in use --- */

static unsigned xmm_count(const struct cpu *cpu) { return cpu->mode & MODE_CODE64 ? 16 : 8; }

static bool x87_in_use(const struct fpu *fpu)
{
    bool used = fpu->control != 0x37f || fpu->status || fpu->top || fpu->valid || fpu->opcode || fpu->ip || fpu->dp ||
                fpu->ip_selector || fpu->dp_selector;
    for (unsigned i = 0; i < 8; i++)
        used |= fpu->reg[i].mantissa || fpu->reg[i].sign_exponent;
    return used;
}

static bool sse_in_use(const struct cpu *cpu)
{
    u64 bits = 0;
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        bits |= cpu->vec[i].q[0] | cpu->vec[i].q[1];
    return bits != 0;
}

static bool avx_in_use(const struct cpu *cpu)
{
    u64 bits = 0;
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        bits |= cpu->vec[i].q[2] | cpu->vec[i].q[3];
    return bits != 0;
}

static u64 in_use(const struct cpu *cpu)
{
    return (x87_in_use(&cpu->fpu) ? XSTATE_X87 : 0) | (sse_in_use(cpu) ? XSTATE_SSE : 0) |
           (avx_in_use(cpu) ? XSTATE_AVX : 0);
}

/* --- start of an instruction --- */

static void xsave_begin(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
}

static u64 area_begin(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    xsave_begin(cpu);
    if (cpu->cr0 & CR0_TS)
        cpu_raise(cpu, VECTOR_NM);
    if (simd_linear(cpu, OP_SEGMENT(op), ea) & 63)
        raise_gp(cpu, 0);
    return ea;
}

/* The requested-feature bitmap: EDX:EAX of what XCR0 has enabled. */
static u64 requested(const struct cpu *cpu)
{
    return cpu->xcr0 & ((u32)cpu->gpr[RAX] | cpu->gpr[RDX] << 32);
}

/* --- saving --- */

/* Writes the legacy region's parts for `components`, and MXCSR if `with_mxcsr`. */
static void save_legacy(struct cpu *cpu, const struct op *op, u64 ea, u64 components, bool with_mxcsr)
{
    struct fxsave_area area = {0};
    enum seg seg = OP_SEGMENT(op);
    if (components & XSTATE_X87) {
        fxsave_put_x87(cpu, op->size == SIZE_64, &area);
        store_bytes(cpu, seg, ea, &area, offsetof(struct fxsave_area, mxcsr));
        store_bytes(cpu, seg, ea + offsetof(struct fxsave_area, st), area.st, sizeof area.st);
    }
    if (with_mxcsr) {
        store32(cpu, seg, ea + offsetof(struct fxsave_area, mxcsr), cpu->mxcsr);
        store32(cpu, seg, ea + offsetof(struct fxsave_area, mxcsr_mask), simd_mxcsr_mask(cpu));
    }
    if (components & XSTATE_SSE) {
        for (unsigned i = 0; i < xmm_count(cpu); i++)
            memcpy(area.xmm[i], &cpu->vec[i], 16);
        store_bytes(cpu, seg, ea + FXSAVE_XMM, area.xmm, 16 * xmm_count(cpu));
    }
}

static void save_avx(struct cpu *cpu, const struct op *op, u64 ea)
{
    u64 image[16][2];
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        memcpy(image[i], &cpu->vec[i].q[2], 16);
    store_bytes(cpu, OP_SEGMENT(op), ea + AVX_OFFSET, image, 16 * xmm_count(cpu));
}

static void save_standard(struct cpu *cpu, const struct op *op, bool only_used)
{
    u64 ea = area_begin(cpu, op), mask = requested(cpu), used = in_use(cpu);
    enum seg seg = OP_SEGMENT(op);
    u64 saved = only_used ? mask & used : mask;
    check_write(cpu, seg, ea, xsave_size(saved));
    u64 old = load64(cpu, seg, ea + AT(xstate_bv));
    save_legacy(cpu, op, ea, saved, mask & (XSTATE_SSE | XSTATE_AVX));
    if (saved & XSTATE_AVX)
        save_avx(cpu, op, ea);
    store64(cpu, seg, ea + AT(xstate_bv), (old & ~mask) | (used & mask));
}

void do_xsave(struct cpu *cpu, const struct op *op) { save_standard(cpu, op, false); }
void do_xsaveopt(struct cpu *cpu, const struct op *op) { save_standard(cpu, op, true); }

/* Compacted: components not in use are not written; SSE counts as used while MXCSR is not 1F80. */
void do_xsavec(struct cpu *cpu, const struct op *op)
{
    u64 ea = area_begin(cpu, op), mask = requested(cpu), used = in_use(cpu);
    enum seg seg = OP_SEGMENT(op);
    if (cpu->mxcsr != MXCSR_DEFAULT)
        used |= XSTATE_SSE;
    used &= mask;
    check_write(cpu, seg, ea, xsave_size(used));
    save_legacy(cpu, op, ea, used, used & XSTATE_SSE);
    if (used & XSTATE_AVX)
        save_avx(cpu, op, ea);
    store64(cpu, seg, ea + AT(xstate_bv), used);
    store64(cpu, seg, ea + AT(xcomp_bv), COMPACTED | mask);
}

/* --- restoring --- */

static bool all_zero(const u64 *words, unsigned count)
{
    u64 bits = 0;
    for (unsigned i = 0; i < count; i++)
        bits |= words[i];
    return !bits;
}

static bool header_valid(const struct cpu *cpu, const struct xsave_area *area)
{
    if (!(area->xcomp_bv & COMPACTED))
        return !(area->xstate_bv & ~cpu->xcr0) && !area->xcomp_bv && all_zero(area->header_rest, 1);
    return cpu_has(cpu, FEATURE_XSAVEC) && !(area->xcomp_bv & ~COMPACTED & ~cpu->xcr0) &&
           !(area->xstate_bv & ~area->xcomp_bv) && all_zero(area->header_rest, 6);
}

static void restore_x87(struct cpu *cpu, const struct op *op, const struct xsave_area *area, bool initial)
{
    if (!initial) {
        fxsave_get_x87(cpu, op->size == SIZE_64, &area->legacy);
        return;
    }
    memset(cpu->fpu.reg, 0, sizeof cpu->fpu.reg);
    x87_init(&cpu->fpu);
    x87_update_summary(cpu);
}

static void restore_xmm(struct cpu *cpu, const struct xsave_area *area, bool initial)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        static const u64 zero[2];
        memcpy(&cpu->vec[i], initial ? zero : area->legacy.xmm[i], 16);
    }
}

static void restore_avx(struct cpu *cpu, const u64 (*image)[2])
{
    for (unsigned i = 0; i < xmm_count(cpu); i++)
        memcpy(&cpu->vec[i].q[2], image[i], 16);
}

void do_xrstor(struct cpu *cpu, const struct op *op)
{
    struct xsave_area area;
    u64 avx[16][2] = {{0}};
    u64 ea = area_begin(cpu, op), mask = requested(cpu);
    load_bytes(cpu, OP_SEGMENT(op), ea, &area, sizeof area);
    if (!header_valid(cpu, &area))
        raise_gp(cpu, 0);
    bool compacted = area.xcomp_bv & COMPACTED;
    u64 initial = ~area.xstate_bv;
    u32 mxcsr = compacted && initial & XSTATE_SSE ? MXCSR_DEFAULT : area.legacy.mxcsr;
    bool with_mxcsr = mask & XSTATE_SSE || (!compacted && mask & XSTATE_AVX);
    if (mask & ~initial & XSTATE_AVX)
        load_bytes(cpu, OP_SEGMENT(op), ea + AVX_OFFSET, avx, 16 * xmm_count(cpu));
    if (with_mxcsr && mxcsr & ~simd_mxcsr_mask(cpu))
        raise_gp(cpu, 0);
    if (with_mxcsr)
        cpu->mxcsr = mxcsr;
    if (mask & XSTATE_SSE)
        restore_xmm(cpu, &area, initial & XSTATE_SSE);
    if (mask & XSTATE_AVX)
        restore_avx(cpu, avx);
    if (mask & XSTATE_X87)
        restore_x87(cpu, op, &area, initial & XSTATE_X87);
}

/* --- XCR0 --- */

void do_xgetbv(struct cpu *cpu, const struct op *op)
{
    u32 index = (u32)cpu->gpr[RCX];
    xsave_begin(cpu);
    if (index > 1 || (index == 1 && !cpu_has(cpu, FEATURE_XGETBV1)))
        raise_gp(cpu, 0);
    u64 value = cpu->xcr0;
    if (index == 1)
        value &= in_use(cpu) | (cpu->mxcsr != MXCSR_DEFAULT ? XSTATE_SSE : 0);
    cpu->gpr[RAX] = (u32)value;
    cpu->gpr[RDX] = value >> 32;
}

void do_xsetbv(struct cpu *cpu, const struct op *op)
{
    u64 value = (u32)cpu->gpr[RAX] | cpu->gpr[RDX] << 32;
    xsave_begin(cpu);
    if (cpu->cpl != 0 || (u32)cpu->gpr[RCX] != 0)
        raise_gp(cpu, 0);
    if (!(value & XSTATE_X87) || (value & ~xsave_supported(cpu)) || (value & XSTATE_AVX && !(value & XSTATE_SSE)))
        raise_gp(cpu, 0);
    cpu->xcr0 = value;
}
