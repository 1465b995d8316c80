/*
 * x87: FRNDINT, FSCALE, FXTRACT, FPREM, FPREM1 and the transcendental functions.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 8.3.7 to 8.3.10.
 * On an x86-64 host its own instructions run; elsewhere, and for the exact ones where an unmasked overflow or underflow
 * asks for a wrapped result, software does it (x87_softmath.c).
 * Differs from hardware on other hosts: results of transcendental functions are rounded correctly more often, and an
 * unmasked overflow or underflow of one stores the masked result.
 */
#include "cpu/x87.h"
#include "cpu/x87_math.h"

/* What an instruction gave: one or two results (the second is pushed) and the status word's low byte and C0-C3. */
struct result {
    struct x87_reg first, second;
    u32 status;
};

static bool outside_range(const struct x87_reg *a)
{
    unsigned exponent = a->sign_exponent & 0x7fff;
    return exponent >= 16383 + 63 && exponent != 0x7fff && a->mantissa >> 63;
}

/* --- host --- */

#if X87_HOST

static void host_prepare(const struct fpu *fpu)
{
    u16 masked = fpu->control | FLOAT_ALL;
    if (!x87_host_ready(fpu))
        asm volatile("fldcw %0" : : "m"(masked));
}

/* With overflow or underflow unmasked the host does it unmasked as well, for the result with the adjusted exponent (SDM
 * vol. 1, 8.5.4 and 8.5.5): FNCLEX takes back the host's exception before an instruction that waits could raise it. */
#define UNMASKED_RANGE (~fpu->control & (FLOAT_OE | FLOAT_UE))
#define UNMASK "fldcw %[unmasked]\n\t"
#define MASK_AGAIN "fnclex\n\tfldcw %[masked]\n\t"
#define CONTROL_WORDS [unmasked] "m"(unmasked), [masked] "m"(masked)

/* The flags are exact: done a second time with clean ones if they show what the guest does not have yet. */
#define HOST_EXACT_FLAGS(run)                                                                                          \
    do {                                                                                                               \
        const u16 masked = fpu->control | FLOAT_ALL, unmasked = masked & ~(u16)UNMASKED_RANGE;                         \
        host_prepare(fpu);                                                                                             \
        if (unlikely(UNMASKED_RANGE)) {                                                                                \
            asm volatile("fnclex");                                                                                    \
            run(UNMASK, MASK_AGAIN);                                                                                   \
            break;                                                                                                     \
        }                                                                                                              \
        run("", "");                                                                                                   \
        if (r.status & FLOAT_ALL & ~(u32)(fpu->status & fpu->control)) {                                               \
            asm volatile("fnclex");                                                                                    \
            run("", "");                                                                                               \
        }                                                                                                              \
    } while (0)

#define RUN_ONE(text, before, after)                                                                                   \
    asm volatile("fldt %2\n\t" before text "\n\tfnstsw %w1\n\t" after "fstpt %0"                                     \
                 : "=m"(r.first), "=&a"(r.status)                                                                      \
                 : "m"(*a), CONTROL_WORDS                                                                              \
                 : "st")
#define HOST_ONE(name)                                                                                                 \
    static struct result host_##name(const struct fpu *fpu, const struct x87_reg *a)                                   \
    {                                                                                                                  \
        struct result r;                                                                                               \
        HOST_EXACT_FLAGS(RUN_##name);                                                                                  \
        return r;                                                                                                      \
    }

/* ST(0) = a, ST(1) = b; one is left after `text`, and `drop` leaves one where it is two. */
#define RUN_TWO(text, drop, before, after)                                                                             \
    asm volatile("fldt %3\n\tfldt %2\n\t" before text "\n\tfnstsw %w1\n\t" after drop "fstpt %0"                     \
                 : "=m"(r.first), "=&a"(r.status)                                                                      \
                 : "m"(*a), "m"(*b), CONTROL_WORDS                                                                     \
                 : "st", "st(1)")
#define HOST_TWO(name)                                                                                                 \
    static struct result host_##name(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b)          \
    {                                                                                                                  \
        struct result r;                                                                                               \
        HOST_EXACT_FLAGS(RUN_##name);                                                                                  \
        return r;                                                                                                      \
    }

/* Two results: the new ST(0) is `second`. */
#define RUN_PUSH(text, before, after)                                                                                  \
    asm volatile("fldt %3\n\t" before text "\n\tfnstsw %w2\n\t" after "fstpt %1\n\tfstpt %0"                         \
                 : "=m"(r.first), "=m"(r.second), "=&a"(r.status)                                                      \
                 : "m"(*a), CONTROL_WORDS                                                                              \
                 : "st", "st(1)")

#define DROP "fstp %%st(1)\n\t"
#define RUN_f2xm1(before, after) RUN_ONE("f2xm1", before, after)
#define RUN_frndint(before, after) RUN_ONE("frndint", before, after)
#define RUN_fsin(before, after) RUN_ONE("fsin", before, after)
#define RUN_fcos(before, after) RUN_ONE("fcos", before, after)
#define RUN_fyl2x(before, after) RUN_TWO("fyl2x", "", before, after)
#define RUN_fyl2xp1(before, after) RUN_TWO("fyl2xp1", "", before, after)
#define RUN_fpatan(before, after) RUN_TWO("fpatan", "", before, after)
#define RUN_fscale(before, after) RUN_TWO("fscale", DROP, before, after)
#define RUN_fprem(before, after) RUN_TWO("fprem", DROP, before, after)
#define RUN_fprem1(before, after) RUN_TWO("fprem1", DROP, before, after)
#define RUN_fptan(before, after) RUN_PUSH("fptan", before, after)
#define RUN_fsincos(before, after) RUN_PUSH("fsincos", before, after)
#define RUN_fxtract(before, after) RUN_PUSH("fxtract", before, after)

HOST_ONE(f2xm1)
HOST_ONE(frndint)
HOST_ONE(fsin)
HOST_ONE(fcos)
HOST_TWO(fyl2x)
HOST_TWO(fyl2xp1)
HOST_TWO(fpatan)
HOST_TWO(fscale)
HOST_TWO(fprem)
HOST_TWO(fprem1)
HOST_ONE(fptan)
HOST_ONE(fsincos)
HOST_ONE(fxtract)

#endif

/* --- software --- */

static u32 status_of(const struct float_env *env) { return env->flags | (env->rounded_up ? X87_C1 : 0); }

static struct result soft_frndint(const struct fpu *fpu, const struct x87_reg *a)
{
    struct float_env env = x87_env_extended(fpu);
    struct soft value = soft_round_to_int(&env, soft_from_f80(a));
    u32 status = status_of(&env);
    return (struct result){.first = soft_to_f80(&env, value), .status = status};
}

static struct result soft_fscale(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b)
{
    struct float_env env = x87_env_extended(fpu);
    struct result r = {.first = soft_to_f80(&env, soft_scale(&env, soft_from_f80(a), soft_from_f80(b)))};
    r.status = status_of(&env);
    return r;
}

static struct result soft_fxtract(const struct fpu *fpu, const struct x87_reg *a)
{
    struct float_env env = x87_env_extended(fpu);
    struct soft significand, exponent;
    soft_extract(&env, soft_from_f80(a), &significand, &exponent);
    struct result r = {.first = soft_to_f80(&env, exponent), .second = soft_to_f80(&env, significand)};
    r.status = env.flags;
    return r;
}

static struct result soft_rest(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b, bool nearest)
{
    struct float_env env = x87_env_extended(fpu);
    u64 quotient;
    bool partial;
    struct soft rest = soft_remainder(&env, soft_from_f80(a), soft_from_f80(b), nearest, &quotient, &partial);
    struct result r = {.first = soft_to_f80(&env, rest), .status = partial ? X87_C2 : 0};
    r.status |= env.flags | (quotient & 4 ? X87_C0 : 0) | (quotient & 2 ? X87_C3 : 0) | (quotient & 1 ? X87_C1 : 0);
    return r;
}

static struct result soft_fprem(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b)
{
    return soft_rest(fpu, a, b, false);
}

static struct result soft_fprem1(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b)
{
    return soft_rest(fpu, a, b, true);
}

#if !X87_HOST

static struct result host_f2xm1(const struct fpu *fpu, const struct x87_reg *a)
{
    struct float_env env = x87_env_extended(fpu);
    struct soft value = soft_operand(&env, soft_from_f80(a));
    if (value.class < SOFT_QNAN)
        value = soft_f2xm1(&env, value);
    struct result r = {.first = soft_to_f80(&env, value)};
    r.status = status_of(&env);
    return r;
}

/* first = sine or tangent, second = cosine; the tangent's second is 1. */
enum circular { SINE, COSINE, BOTH, TANGENT };

static struct result circular(const struct fpu *fpu, const struct x87_reg *a, enum circular which)
{
    struct float_env env = x87_env_extended(fpu);
    struct soft value = soft_operand(&env, soft_from_f80(a)), sine = value, cosine = value;
    if (value.class == SOFT_INF) {
        env.flags |= FLOAT_IE;
        sine = cosine = soft_indefinite();
    } else if (value.class < SOFT_QNAN && which == TANGENT) {
        sine = soft_fptan(&env, value);
        cosine = soft_from_int(1);
    } else if (value.class < SOFT_QNAN) {
        soft_fsincos(&env, value, &sine, &cosine);
    }
    struct result r = {0};
    if (which == BOTH || which == TANGENT)
        r.second = soft_to_f80(&env, cosine);
    r.first = soft_to_f80(&env, which == COSINE ? cosine : sine);
    r.status = status_of(&env);
    return r;
}

static struct result host_fsin(const struct fpu *fpu, const struct x87_reg *a) { return circular(fpu, a, SINE); }
static struct result host_fcos(const struct fpu *fpu, const struct x87_reg *a) { return circular(fpu, a, COSINE); }
static struct result host_fsincos(const struct fpu *fpu, const struct x87_reg *a) { return circular(fpu, a, BOTH); }
static struct result host_fptan(const struct fpu *fpu, const struct x87_reg *a) { return circular(fpu, a, TANGENT); }

#define SOFT_TWO(name)                                                                                                 \
    static struct result host_##name(const struct fpu *fpu, const struct x87_reg *a, const struct x87_reg *b)          \
    {                                                                                                                  \
        struct float_env env = x87_env_extended(fpu);                                                                  \
        struct soft x = soft_from_f80(a), y = soft_from_f80(b), value;                                                 \
        if (!soft_nan(&env, &y, &x, &value))                                                                           \
            value = soft_##name(&env, y, x);                                                                           \
        struct result r = {.first = soft_to_f80(&env, value)};                                                         \
        r.status = status_of(&env);                                                                                    \
        return r;                                                                                                      \
    }

SOFT_TWO(fyl2x)
SOFT_TWO(fyl2xp1)
SOFT_TWO(fpatan)

#endif

#if X87_HOST
/* The exact ones: software if underflow or overflow is unmasked and may have happened. */
static inline bool use_software(const struct fpu *fpu) { return (~fpu->control & (FLOAT_OE | FLOAT_UE)) != 0; }
#define EXACT(name, ...) (use_software(fpu) ? soft_##name(__VA_ARGS__) : host_##name(__VA_ARGS__))
#else
#define EXACT(name, ...) soft_##name(__VA_ARGS__)
#endif

/* --- instructions --- */

/* Takes over the flags, C1 and what of C0, C2, C3 is in `conditions`; false: an unmasked exception, nothing stored. */
static bool commit(struct cpu *cpu, const struct result *r, u32 conditions)
{
    struct fpu *fpu = &cpu->fpu;
    u32 flags = r->status & FLOAT_ALL;
    if (x87_unmasked(fpu, flags & (FLOAT_IE | FLOAT_DE | FLOAT_ZE))) {
        x87_set_c1(fpu, false);
        fpu->status &= (u16)~(conditions & X87_C2);
        x87_raise(cpu, flags & (FLOAT_IE | FLOAT_DE | FLOAT_ZE));
        return false;
    }
    conditions |= X87_C1;
    fpu->status = (u16)((fpu->status & ~conditions) | (r->status & conditions));
    x87_raise(cpu, flags);
    return true;
}

static void put(struct x87_reg *to, const struct x87_reg *from) { x87_put(to, from->sign_exponent, from->mantissa); }

static bool indefinite_to(struct cpu *cpu, unsigned i)
{
    if (!x87_underflow(cpu))
        return false;
    x87_put_indefinite(x87_st(&cpu->fpu, i));
    cpu->fpu.valid |= (u8)(1u << x87_index(&cpu->fpu, i));
    return true;
}

/* ST(0) is there; else the stack underflow was answered. */
static bool one_operand(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    if (likely(x87_full(&cpu->fpu, 0)))
        return true;
    indefinite_to(cpu, 0);
    return false;
}

static bool two_operands(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    if (likely(x87_full(fpu, 0) && x87_full(fpu, 1)))
        return true;
    indefinite_to(cpu, 0);
    return false;
}

/* The same for those that pop: the indefinite goes to ST(1). */
static bool two_operands_pop(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    if (likely(x87_full(fpu, 0) && x87_full(fpu, 1)))
        return true;
    if (indefinite_to(cpu, 1))
        x87_pop(fpu);
    return false;
}

/* For those that push: ST(0) full, ST(7) empty. */
static bool one_operand_push(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    bool empty = !x87_full(fpu, 0);
    if (likely(!empty && !x87_full(fpu, 7)))
        return true;
    if (empty ? x87_underflow(cpu) : x87_overflow(cpu)) {
        x87_put_indefinite(x87_st(fpu, 0));
        fpu->valid |= (u8)(1u << x87_index(fpu, 0));
        x87_put_indefinite(x87_push(fpu));
    }
    return false;
}

static void finish_one(struct cpu *cpu, struct result r, u32 conditions)
{
    if (commit(cpu, &r, conditions))
        put(x87_st(&cpu->fpu, 0), &r.first);
}

static void finish_pop(struct cpu *cpu, struct result r)
{
    struct fpu *fpu = &cpu->fpu;
    if (!commit(cpu, &r, 0))
        return;
    put(x87_st(fpu, 1), &r.first);
    x87_pop(fpu);
}

static void finish_push(struct cpu *cpu, struct result r, u32 conditions)
{
    struct fpu *fpu = &cpu->fpu;
    if (!commit(cpu, &r, conditions))
        return;
    put(x87_st(fpu, 0), &r.first);
    put(x87_push(fpu), &r.second);
}

void do_frndint(struct cpu *cpu, const struct op *op)
{
    const struct fpu *fpu = &cpu->fpu;
    if (one_operand(cpu, op))
        finish_one(cpu, EXACT(frndint, fpu, x87_st(&cpu->fpu, 0)), 0);
}

void do_f2xm1(struct cpu *cpu, const struct op *op)
{
    if (one_operand(cpu, op))
        finish_one(cpu, host_f2xm1(&cpu->fpu, x87_st(&cpu->fpu, 0)), 0);
}

/* Instructions that may stop halfway say in C2 that they have not, whatever else went wrong. */
static bool all_done(struct fpu *fpu, bool ready)
{
    if (!ready)
        fpu->status &= (u16)~X87_C2;
    return ready;
}

#define TWO_OPERANDS(name, conditions)                                                                                 \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        bool ready = two_operands(cpu, op);                                                                            \
        if ((conditions) & X87_C2 ? all_done(fpu, ready) : ready)                                                      \
            finish_one(cpu, EXACT(name, fpu, x87_st(fpu, 0), x87_st(fpu, 1)), conditions);                             \
    }

TWO_OPERANDS(fscale, 0)
TWO_OPERANDS(fprem, X87_CONDITION)
TWO_OPERANDS(fprem1, X87_CONDITION)

#define TWO_OPERANDS_POP(name)                                                                                         \
    void do_##name(struct cpu *cpu, const struct op *op)                                                               \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        if (two_operands_pop(cpu, op))                                                                                 \
            finish_pop(cpu, host_##name(fpu, x87_st(fpu, 0), x87_st(fpu, 1)));                                         \
    }

TWO_OPERANDS_POP(fyl2x)
TWO_OPERANDS_POP(fyl2xp1)
TWO_OPERANDS_POP(fpatan)

/* |ST(0)| of 2^63 and more: C2 = 1 and nothing else. */
static bool refuse_range(struct fpu *fpu)
{
    if (!outside_range(x87_st(fpu, 0)))
        return false;
    fpu->status = (u16)((fpu->status & ~X87_C1) | X87_C2);
    return true;
}

void do_fsin(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (all_done(fpu, one_operand(cpu, op)) && !refuse_range(fpu))
        finish_one(cpu, host_fsin(fpu, x87_st(fpu, 0)), X87_C2);
}

void do_fcos(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (all_done(fpu, one_operand(cpu, op)) && !refuse_range(fpu))
        finish_one(cpu, host_fcos(fpu, x87_st(fpu, 0)), X87_C2);
}

void do_fsincos(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (all_done(fpu, one_operand_push(cpu, op)) && !refuse_range(fpu))
        finish_push(cpu, host_fsincos(fpu, x87_st(fpu, 0)), X87_C2);
}

void do_fptan(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (all_done(fpu, one_operand_push(cpu, op)) && !refuse_range(fpu))
        finish_push(cpu, host_fptan(fpu, x87_st(fpu, 0)), X87_C2);
}

void do_fxtract(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (one_operand_push(cpu, op))
        finish_push(cpu, EXACT(fxtract, fpu, x87_st(fpu, 0)), 0);
}
