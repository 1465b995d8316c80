/*
 * FMA: a * b + c with one rounding; and F16C: conversions between half and single precision.
 *
 * Source: Intel SDM vol. 1, 14.5 "Fused-Multiply-ADD (FMA) Extensions" (operand order, table 14-17 on NaNs), 14.4
 *   "Half-Precision Floating-Point Conversion"; vol. 2 the instructions' pages.
 * On hosts that have FMA their own instructions compute, else, and where overflow or underflow is unmasked, software.
 * Measured: of several NaNs the first in the order of the digits is the result (132: operands 1, 3, 2), its sign as it
 * was.
 */
#include "cpu/sse_fp.h"

/* --- x * y + z --- */

#if SSE_HOST
typedef __m128 fma_host_fn(__m128 x, __m128 y, __m128 z);
#else
typedef void fma_host_fn(void);
#endif

struct fma {
    fma_host_fn *host;
    bool doubles;
    u8 count;            /* elements in a lane; 1: scalar */
    bool negate_product;
    u8 subtract;         /* bits: z is subtracted in even (1), odd (2) elements */
};

enum order { ORDER_132, ORDER_213, ORDER_231 };

static struct soft negated(struct soft a, bool negate)
{
    if (a.class < SOFT_QNAN)
        a.sign ^= negate;
    return a;
}

static void soft_element(struct float_env *env, const struct fma *f, unsigned i, union simd *x, const union simd *y,
                         const union simd *z)
{
    bool subtract = f->subtract >> (i & 1) & 1;
    if (f->doubles)
        x->q[i] = soft_to_f64(env, soft_fma(env, negated(soft_from_f64(env, x->q[i]), f->negate_product),
                                            soft_from_f64(env, y->q[i]),
                                            negated(soft_from_f64(env, z->q[i]), subtract)));
    else
        x->d[i] = soft_to_f32(env, soft_fma(env, negated(soft_from_f32(env, x->d[i]), f->negate_product),
                                            soft_from_f32(env, y->d[i]),
                                            negated(soft_from_f32(env, z->d[i]), subtract)));
}

static struct ymm in_software(struct cpu *cpu, const struct fma *f, struct ymm x, const struct ymm *y,
                              const struct ymm *z, unsigned lanes)
{
    struct float_env env = sse_env(cpu);
    for (unsigned k = 0; k < lanes; k++)
        for (unsigned i = 0; i < f->count; i++)
            soft_element(&env, f, i, &x.lane[k], &y->lane[k], &z->lane[k]);
    sse_exceptions(cpu, env.flags);
    return x;
}

#if SSE_HOST

static void on_host(const struct fma *f, struct ymm *r, const struct ymm *x, const struct ymm *y, const struct ymm *z,
                    unsigned lanes)
{
    r->lane[0].ps = f->host(x->lane[0].ps, y->lane[0].ps, z->lane[0].ps);
    if (lanes > 1)
        r->lane[1].ps = f->host(x->lane[1].ps, y->lane[1].ps, z->lane[1].ps);
}

static struct ymm compute(struct cpu *cpu, const struct fma *f, struct ymm x, struct ymm y, struct ymm z,
                          unsigned lanes)
{
    const u32 masks = (FLOAT_OE | FLOAT_UE) << MXCSR_MASK_SHIFT;
    struct ymm r = x;
    if (unlikely((~cpu->mxcsr & masks) || !__builtin_cpu_supports("fma")))
        return in_software(cpu, f, x, &y, &z, lanes);
    if (sse_host_fits(cpu)) {
        on_host(f, &r, &x, &y, &z, lanes);
        if (likely(!(sse_host_flags() & MXCSR_FLAGS & ~cpu->mxcsr)))
            return r;
    }
    sse_enter_guest_mode(cpu);
    on_host(f, &r, &x, &y, &z, lanes);
    sse_exceptions(cpu, sse_leave_guest_mode());
    return r;
}

/* The second factor is where the host's 213 form has its destination: so the order of NaNs is x, y, z. */
#define HOST(name, suffix)                                                                                             \
    static __m128 host_##name##suffix(__m128 x, __m128 y, __m128 z)                                                    \
    {                                                                                                                  \
        asm volatile("v" #name "213" #suffix " %2, %1, %0" : "+x"(y) : "x"(x), "x"(z));                                \
        return y;                                                                                                      \
    }
#define HOST_FN(name) host_##name

#else

#define compute in_software_by_value
static struct ymm in_software_by_value(struct cpu *cpu, const struct fma *f, struct ymm x, struct ymm y, struct ymm z,
                                       unsigned lanes)
{
    return in_software(cpu, f, x, &y, &z, lanes);
}
#define HOST(name, suffix)
#define HOST_FN(name) NULL

#endif

/* --- instructions --- */

static struct ymm in_order(struct cpu *cpu, const struct fma *f, enum order order, struct ymm a, struct ymm b,
                           struct ymm c, unsigned lanes)
{
    switch (order) {
    case ORDER_132: return compute(cpu, f, a, c, b, lanes);
    case ORDER_213: return compute(cpu, f, b, a, c, lanes);
    default: return compute(cpu, f, b, c, a, lanes);
    }
}

static void packed(struct cpu *cpu, const struct op *op, const struct fma *f, enum order order)
{
    avx_begin(cpu);
    struct ymm c = rm_ymm(cpu, op), a = ymm_get(cpu, op->reg);
    ymm_put(cpu, op, op->reg, in_order(cpu, f, order, a, vvvv_ymm(cpu, op), c, op->l ? 2 : 1));
}

/* What is above the scalar stays as it was in the destination. */
static void scalar(struct cpu *cpu, const struct op *op, const struct fma *f, enum order order)
{
    avx_begin(cpu);
    struct ymm c = {{f->doubles ? rm_xmm_low64(cpu, op) : rm_xmm_low32(cpu, op)}}, a = {{xmm_get(cpu, op->reg)}};
    struct ymm b = {{vvvv_xmm(cpu, op)}}, r = in_order(cpu, f, order, a, b, c, 1);
    if (f->doubles)
        a.lane[0].q[0] = r.lane[0].q[0];
    else
        a.lane[0].d[0] = r.lane[0].d[0];
    vex_put(cpu, op->reg, a.lane[0]);
}

#define INSTRUCTION(name, order, suffix, how)                                                                          \
    void do_v##name##order##suffix(struct cpu *cpu, const struct op *op)                                               \
    {                                                                                                                  \
        how(cpu, op, &fma_##name##suffix, ORDER_##order);                                                              \
    }
#define OPERATION(name, suffix, is_double, elements, negate, minus, how)                                               \
    HOST(name, suffix)                                                                                                 \
    static const struct fma fma_##name##suffix = {HOST_FN(name##suffix), is_double, elements, negate, minus};          \
    INSTRUCTION(name, 132, suffix, how)                                                                                \
    INSTRUCTION(name, 213, suffix, how)                                                                                \
    INSTRUCTION(name, 231, suffix, how)
#define PACKED(name, negate, minus)                                                                                    \
    OPERATION(name, ps, false, 4, negate, minus, packed)                                                               \
    OPERATION(name, pd, true, 2, negate, minus, packed)
#define SCALAR(name, negate, minus)                                                                                    \
    OPERATION(name, ss, false, 1, negate, minus, scalar)                                                               \
    OPERATION(name, sd, true, 1, negate, minus, scalar)

PACKED(fmadd, false, 0)
PACKED(fmsub, false, 3)
PACKED(fnmadd, true, 0)
PACKED(fnmsub, true, 3)
PACKED(fmaddsub, false, 1)
PACKED(fmsubadd, false, 2)
SCALAR(fmadd, false, 0)
SCALAR(fmsub, false, 3)
SCALAR(fnmadd, true, 0)
SCALAR(fnmsub, true, 3)

/* --- half precision: FTZ has no effect; neither has DAZ on halves, which never report DE --- */

static u32 half_to_single(struct float_env *env, u16 half)
{
    struct soft a = soft_from_f16(half);
    a.denormal = false;
    return soft_to_f32(env, soft_operand(env, a));
}

void do_vcvtph2ps(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    union simd b = op->l ? vex_rm_xmm(cpu, op) : rm_xmm_low64(cpu, op);
    struct float_env env = sse_env(cpu);
    struct ymm r = {{{.q = {0, 0}}}};
    for (unsigned i = 0; i < (op->l ? 8 : 4); i++)
        r.lane[i / 4].d[i % 4] = half_to_single(&env, b.w[i]);
    sse_exceptions(cpu, env.flags);
    ymm_put(cpu, op, op->reg, r);
}

/* Immediate: bits 1-0 how to round, 2 by MXCSR.RC instead. */
void do_vcvtps2ph(struct cpu *cpu, const struct op *op)
{
    avx_begin(cpu);
    struct ymm a = ymm_get(cpu, op->reg);
    struct float_env env = sse_env(cpu);
    union simd r = {.q = {0, 0}};
    if (OP_IS_MEMORY(op))
        check_write(cpu, OP_SEGMENT(op), op_ea(cpu, op), op->l ? 16 : 8);
    if (!(op->imm & 4))
        env.rounding = op->imm & 3;
    env.ftz = false;
    for (unsigned i = 0; i < (op->l ? 8 : 4); i++)
        r.w[i] = soft_to_f16(&env, soft_operand(&env, soft_from_f32(&env, a.lane[i / 4].d[i % 4])));
    sse_exceptions(cpu, env.flags);
    if (!OP_IS_MEMORY(op))
        vex_put(cpu, op->rm, r);
    else if (op->l)
        memory_store_bytes_16(cpu, OP_SEGMENT(op), op_ea(cpu, op), &r);
    else
        memory_store64(cpu, OP_SEGMENT(op), op_ea(cpu, op), r.q[0]);
}
