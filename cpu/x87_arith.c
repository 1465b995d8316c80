/*
 * x87: add, subtract, multiply, divide, square root; compare.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1 8.5 "Floating-Point Exception Conditions".
 * On an x86-64 host the four operations and the root are the host's own, which gives its exact 80-bit result.  The
 * host's control word has the guest's rounding and precision and all exceptions masked.  The host's sticky exception
 * flags are not cleared each time: only when they show one that the guest does not have yet is the operation done
 * again with clean flags.  Where an unmasked exception comes out of that, software (softfloat.c) gives the response.
 */
#include "cpu/x87.h"

enum operation { FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR };

/* --- software --- */

static struct soft combine(struct float_env *env, enum operation operation, struct soft a, struct soft b)
{
    switch (operation) {
    case FADD: return soft_add(env, a, b);
    case FMUL: return soft_mul(env, a, b);
    case FSUB: return soft_sub(env, a, b);
    case FSUBR: return soft_sub(env, b, a);
    case FDIV: return soft_div(env, a, b);
    default: return soft_div(env, b, a);
    }
}

static __attribute__((noinline)) bool soft_operate(struct cpu *cpu, struct x87_reg *to, const struct x87_reg *a,
                                                   enum operation operation, struct soft b)
{
    struct float_env env = x87_env(&cpu->fpu);
    struct x87_reg result = soft_to_f80(&env, combine(&env, operation, soft_from_f80(a), b));
    if (!x87_commit(cpu, &env))
        return false;
    x87_put(to, result.sign_exponent, result.mantissa);
    return true;
}

#define SOFT_m80(b) soft_from_f80(b)
#define SOFT_m64(b) soft_from_f64(&(struct float_env){0}, (b))
#define SOFT_m32(b) soft_from_f32(&(struct float_env){0}, (b))
#define SOFT_i32(b) soft_from_int(b)
#define SOFT_i16(b) soft_from_int(b)

/* --- host --- */

#if X87_HOST

/* Register forms as bytes: assemblers disagree about FSUBP and FSUBRP.  ST(0) = second operand, ST(1) = first. */
#define HOST_FADD_m80 "fldt %3\n\t.byte 0xde,0xc1"
#define HOST_FMUL_m80 "fldt %3\n\t.byte 0xde,0xc9"
#define HOST_FSUB_m80 "fldt %3\n\t.byte 0xde,0xe9"
#define HOST_FSUBR_m80 "fldt %3\n\t.byte 0xde,0xe1"
#define HOST_FDIV_m80 "fldt %3\n\t.byte 0xde,0xf9"
#define HOST_FDIVR_m80 "fldt %3\n\t.byte 0xde,0xf1"
#define HOST_FADD_m32 "fadds %3"
#define HOST_FMUL_m32 "fmuls %3"
#define HOST_FSUB_m32 "fsubs %3"
#define HOST_FSUBR_m32 "fsubrs %3"
#define HOST_FDIV_m32 "fdivs %3"
#define HOST_FDIVR_m32 "fdivrs %3"
#define HOST_FADD_m64 "faddl %3"
#define HOST_FMUL_m64 "fmull %3"
#define HOST_FSUB_m64 "fsubl %3"
#define HOST_FSUBR_m64 "fsubrl %3"
#define HOST_FDIV_m64 "fdivl %3"
#define HOST_FDIVR_m64 "fdivrl %3"
#define HOST_FADD_i32 "fiaddl %3"
#define HOST_FMUL_i32 "fimull %3"
#define HOST_FSUB_i32 "fisubl %3"
#define HOST_FSUBR_i32 "fisubrl %3"
#define HOST_FDIV_i32 "fidivl %3"
#define HOST_FDIVR_i32 "fidivrl %3"
#define HOST_FADD_i16 "fiadds %3"
#define HOST_FMUL_i16 "fimuls %3"
#define HOST_FSUB_i16 "fisubs %3"
#define HOST_FSUBR_i16 "fisubrs %3"
#define HOST_FDIV_i16 "fidivs %3"
#define HOST_FDIVR_i16 "fidivrs %3"

#define OPERAND_m80(b) (*(b)) /* not copied: a load of 16 bytes after a store of 10 would wait for it */
#define OPERAND_m64(b) (b)
#define OPERAND_m32(b) (b)
#define OPERAND_i32(b) (b)
#define OPERAND_i16(b) (b)

#define HOST_RUN(text, a, b)                                                                                           \
    asm volatile("fldt %2\n\t" text "\n\tfnstsw %w1" : "=&t"(result), "=&a"(status) : "m"(*(a)), "m"(b) : "st(1)")

/* True if the host's flags or an unmasked exception ask for more than storing the result. */
static inline bool host_flags_new(const struct fpu *fpu, u32 status)
{
    return unlikely(status & FLOAT_ALL & ~(u32)(fpu->status & fpu->control));
}

static inline void host_store(struct fpu *fpu, struct x87_reg *to, long double result, u32 status)
{
    fpu->status = (u16)((fpu->status & ~X87_C1) | (status & (FLOAT_ALL | X87_C1)));
    asm volatile("fstpt %0" : "=m"(*to) : "t"(result) : "st");
}

/* The host's flags show what the guest does not have, or an unmasked exception: again, with clean flags.  True if
 * nothing of it is unmasked. */
#define HOST_AGAIN(text, a, b) (({ asm volatile("fnclex"); HOST_RUN(text, a, b); }), !x87_unmasked(fpu, status))

/* to = a operation b; false if an unmasked exception keeps the result from being stored. */
#define OPERATE(name, OPERATION, kind, T)                                                                              \
    static inline bool name(struct cpu *cpu, struct x87_reg *to, const struct x87_reg *a, T b)                         \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        if (x87_host_ready(fpu)) {                                                                                     \
            long double result;                                                                                        \
            u32 status;                                                                                                \
            HOST_RUN(HOST_##OPERATION##_##kind, a, OPERAND_##kind(b));                                                 \
            if (!host_flags_new(fpu, status) || HOST_AGAIN(HOST_##OPERATION##_##kind, a, OPERAND_##kind(b))) {         \
                host_store(fpu, to, result, status);                                                                   \
                return true;                                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        return soft_operate(cpu, to, a, OPERATION, SOFT_##kind(b));                                                    \
    }

#else

#define OPERATE(name, OPERATION, kind, T)                                                                              \
    static inline bool name(struct cpu *cpu, struct x87_reg *to, const struct x87_reg *a, T b)                         \
    {                                                                                                                  \
        return soft_operate(cpu, to, a, OPERATION, SOFT_##kind(b));                                                    \
    }

#endif

/* --- the forms --- */

/* An operand register is empty: masked, the destination becomes the indefinite. */
static __attribute__((noinline)) bool underflow_to(struct cpu *cpu, unsigned i)
{
    if (!x87_underflow(cpu))
        return false;
    x87_put_indefinite(x87_st(&cpu->fpu, i));
    cpu->fpu.valid |= (u8)(1u << x87_index(&cpu->fpu, i));
    return true;
}

static inline bool both_full(const struct fpu *fpu, unsigned i) { return x87_full(fpu, 0) && x87_full(fpu, i); }

#define MEMORY_FORM(name, OPERATION, kind, T, load)                                                                    \
    OPERATE(name##_with_##kind, OPERATION, kind, T)                                                                    \
    void do_##name##_##kind(struct cpu *cpu, const struct op *op)                                                      \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        x87_wait(cpu);                                                                                                 \
        u64 ea = op_ea(cpu, op);                                                                                       \
        T b = (T)load(cpu, OP_SEGMENT(op), ea);                                                                        \
        x87_note_memory(cpu, op, ea);                                                                                  \
        if (unlikely(!x87_full(fpu, 0)))                                                                               \
            underflow_to(cpu, 0);                                                                                      \
        else                                                                                                           \
            name##_with_##kind(cpu, x87_st(fpu, 0), x87_st(fpu, 0), b);                                                \
    }

/* ST(0) op= ST(i); ST(i) op= ST(0) (subtraction: ST(i) - ST(0)); and the latter with pop. */
#define REGISTER_FORMS(name, OPERATION)                                                                                \
    OPERATE(name##_with_m80, OPERATION, m80, const struct x87_reg *)                                                   \
    void do_##name##_ST0_STi(struct cpu *cpu, const struct op *op)                                                     \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        x87_wait(cpu);                                                                                                 \
        x87_note(cpu, op);                                                                                             \
        if (unlikely(!both_full(fpu, op->rm)))                                                                         \
            underflow_to(cpu, 0);                                                                                      \
        else                                                                                                           \
            name##_with_m80(cpu, x87_st(fpu, 0), x87_st(fpu, 0), x87_st(fpu, op->rm));                                 \
    }                                                                                                                  \
    void do_##name##_STi_ST0(struct cpu *cpu, const struct op *op)                                                     \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        x87_wait(cpu);                                                                                                 \
        x87_note(cpu, op);                                                                                             \
        if (unlikely(!both_full(fpu, op->rm)))                                                                         \
            underflow_to(cpu, op->rm);                                                                                 \
        else                                                                                                           \
            name##_with_m80(cpu, x87_st(fpu, op->rm), x87_st(fpu, op->rm), x87_st(fpu, 0));                            \
    }                                                                                                                  \
    void do_##name##p(struct cpu *cpu, const struct op *op)                                                            \
    {                                                                                                                  \
        struct fpu *fpu = &cpu->fpu;                                                                                   \
        x87_wait(cpu);                                                                                                 \
        x87_note(cpu, op);                                                                                             \
        bool done;                                                                                                     \
        if (unlikely(!both_full(fpu, op->rm)))                                                                         \
            done = underflow_to(cpu, op->rm);                                                                          \
        else                                                                                                           \
            done = name##_with_m80(cpu, x87_st(fpu, op->rm), x87_st(fpu, op->rm), x87_st(fpu, 0));                     \
        if (likely(done))                                                                                              \
            x87_pop(fpu);                                                                                              \
    }

#define FORMS(name, OPERATION)                                                                                         \
    REGISTER_FORMS(name, OPERATION)                                                                                    \
    MEMORY_FORM(name, OPERATION, m32, u32, memory_load32)                                                              \
    MEMORY_FORM(name, OPERATION, m64, u64, memory_load64)                                                              \
    MEMORY_FORM(name, OPERATION, i32, i32, memory_load32)                                                              \
    MEMORY_FORM(name, OPERATION, i16, i16, memory_load16)

FORMS(fadd, FADD)
FORMS(fmul, FMUL)
FORMS(fsub, FSUB)
FORMS(fsubr, FSUBR)
FORMS(fdiv, FDIV)
FORMS(fdivr, FDIVR)

static void soft_square_root(struct cpu *cpu, struct x87_reg *a)
{
    struct float_env env = x87_env(&cpu->fpu);
    struct x87_reg result = soft_to_f80(&env, soft_sqrt(&env, soft_from_f80(a)));
    if (x87_commit(cpu, &env))
        x87_put(a, result.sign_exponent, result.mantissa);
}

void do_fsqrt(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    struct x87_reg *a = x87_st(fpu, 0);
    if (unlikely(!x87_full(fpu, 0))) {
        underflow_to(cpu, 0);
        return;
    }
#if X87_HOST
    if (x87_host_ready(fpu)) {
        long double result;
        u32 status;
        HOST_RUN("fsqrt", a, *a);
        if (!host_flags_new(fpu, status) || HOST_AGAIN("fsqrt", a, *a)) {
            host_store(fpu, a, result, status);
            return;
        }
    }
#endif
    soft_square_root(cpu, a);
}

/* --- compare --- */

static const u16 condition_code[4] = {X87_C0, 0, X87_C3, X87_C3 | X87_C2 | X87_C0};
enum { CODE_LESS, CODE_GREATER, CODE_EQUAL, CODE_UNORDERED };

static inline bool is_plain(const struct x87_reg *a)
{
    u32 exponent = a->sign_exponent & 0x7fff;
    return (exponent - 1 < 0x7ffe && a->mantissa >> 63) || !(exponent | a->mantissa);
}

/* Two normal numbers or zeros. */
static inline unsigned compare_plain(const struct x87_reg *a, const struct x87_reg *b)
{
    u32 a_exponent = a->sign_exponent & 0x7fff, b_exponent = b->sign_exponent & 0x7fff;
    bool a_negative = a->sign_exponent >> 15, b_negative = b->sign_exponent >> 15;
    if (a_exponent == b_exponent && a->mantissa == b->mantissa && (a_negative == b_negative || !a->mantissa))
        return CODE_EQUAL;
    if (a_negative != b_negative)
        return a_negative ? CODE_LESS : CODE_GREATER;
    bool less = a_exponent != b_exponent ? a_exponent < b_exponent : a->mantissa < b->mantissa;
    return less != a_negative ? CODE_LESS : CODE_GREATER;
}

static __attribute__((noinline)) unsigned compare_soft(struct float_env *env, struct soft a, struct soft b, bool quiet)
{
    switch (soft_compare(env, a, b, quiet)) {
    case FLOAT_LESS: return CODE_LESS;
    case FLOAT_GREATER: return CODE_GREATER;
    case FLOAT_EQUAL: return CODE_EQUAL;
    default: return CODE_UNORDERED;
    }
}

static inline void set_condition(struct fpu *fpu, unsigned code)
{
    fpu->status = (u16)((fpu->status & ~X87_CONDITION) | condition_code[code]);
}

/* Sets C3, C2, C0; false if an unmasked exception says not to pop.  C0-C3 of an unmasked invalid compare stay. */
static bool compare_special(struct cpu *cpu, struct soft b, bool quiet)
{
    struct float_env env = x87_env(&cpu->fpu);
    unsigned code = compare_soft(&env, soft_from_f80(x87_st(&cpu->fpu, 0)), b, quiet);
    if (!x87_commit(cpu, &env))
        return false;
    set_condition(&cpu->fpu, code);
    return true;
}

static bool compare_underflow(struct cpu *cpu)
{
    if (!x87_underflow(cpu))
        return false;
    set_condition(&cpu->fpu, CODE_UNORDERED);
    return true;
}

static inline bool compare_STi(struct cpu *cpu, const struct op *op, bool quiet)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    if (unlikely(!both_full(fpu, op->rm)))
        return compare_underflow(cpu);
    const struct x87_reg *a = x87_st(fpu, 0), *b = x87_st(fpu, op->rm);
    if (unlikely(!is_plain(a) || !is_plain(b)))
        return compare_special(cpu, soft_from_f80(b), quiet);
    set_condition(fpu, compare_plain(a, b));
    return true;
}

static bool compare_soft_operand(struct cpu *cpu, struct soft b)
{
    return unlikely(!x87_full(&cpu->fpu, 0)) ? compare_underflow(cpu) : compare_special(cpu, b, false);
}

/* Memory operands; b in extended precision, which is exact, unless it is neither normal nor zero. */
static inline bool compare_with(struct cpu *cpu, u32 sign_exponent, u64 mantissa)
{
    struct fpu *fpu = &cpu->fpu;
    struct x87_reg b = {.mantissa = mantissa, .sign_exponent = (u16)sign_exponent};
    if (unlikely(!x87_full(fpu, 0) || !is_plain(x87_st(fpu, 0))))
        return compare_soft_operand(cpu, soft_from_f80(&b));
    set_condition(fpu, compare_plain(x87_st(fpu, 0), &b));
    return true;
}

static bool compare_m32(struct cpu *cpu, u32 b)
{
    u32 exponent = b >> 23 & 0xff;
    if (unlikely(exponent - 1 >= 0xfe))
        return compare_soft_operand(cpu, SOFT_m32(b));
    return compare_with(cpu, (b >> 16 & 0x8000) | (exponent + 16383 - 127), 1ull << 63 | (u64)(b & 0x7fffff) << 40);
}

static bool compare_m64(struct cpu *cpu, u64 b)
{
    u32 exponent = b >> 52 & 0x7ff;
    if (unlikely(exponent - 1 >= 0x7fe))
        return compare_soft_operand(cpu, SOFT_m64(b));
    return compare_with(cpu, (b >> 48 & 0x8000) | (exponent + 16383 - 1023), 1ull << 63 | b << 12 >> 1);
}

static bool compare_integer(struct cpu *cpu, i32 b)
{
    if (!b)
        return compare_with(cpu, 0, 0);
    u32 magnitude = b < 0 ? -(u32)b : (u32)b;
    unsigned shift = (unsigned)__builtin_clz(magnitude);
    return compare_with(cpu, (b < 0 ? 0x8000u : 0) | (16383 + 31 - shift), (u64)(magnitude << shift) << 32);
}

#define COMPARE_MEMORY(kind, T, load, compare)                                                                         \
    void do_fcom_##kind(struct cpu *cpu, const struct op *op)                                                          \
    {                                                                                                                  \
        x87_wait(cpu);                                                                                                 \
        u64 ea = op_ea(cpu, op);                                                                                       \
        T b = (T)load(cpu, OP_SEGMENT(op), ea);                                                                        \
        x87_note_memory(cpu, op, ea);                                                                                  \
        compare(cpu, b);                                                                                               \
    }                                                                                                                  \
    void do_fcomp_##kind(struct cpu *cpu, const struct op *op)                                                         \
    {                                                                                                                  \
        x87_wait(cpu);                                                                                                 \
        u64 ea = op_ea(cpu, op);                                                                                       \
        T b = (T)load(cpu, OP_SEGMENT(op), ea);                                                                        \
        x87_note_memory(cpu, op, ea);                                                                                  \
        if (compare(cpu, b))                                                                                           \
            x87_pop(&cpu->fpu);                                                                                        \
    }

COMPARE_MEMORY(m32, u32, memory_load32, compare_m32)
COMPARE_MEMORY(m64, u64, memory_load64, compare_m64)
COMPARE_MEMORY(i32, i32, memory_load32, compare_integer)
COMPARE_MEMORY(i16, i16, memory_load16, compare_integer)

void do_fcom_ST0_STi(struct cpu *cpu, const struct op *op) { compare_STi(cpu, op, false); }

void do_fcomp_ST0_STi(struct cpu *cpu, const struct op *op)
{
    if (compare_STi(cpu, op, false))
        x87_pop(&cpu->fpu);
}

void do_fucom(struct cpu *cpu, const struct op *op) { compare_STi(cpu, op, true); }

void do_fucomp(struct cpu *cpu, const struct op *op)
{
    if (compare_STi(cpu, op, true))
        x87_pop(&cpu->fpu);
}

/* op->rm is 1: the low bits of the ModRM byte are part of the encoding D9, E9. */
static void compare_and_pop_both(struct cpu *cpu, const struct op *op, bool quiet)
{
    if (compare_STi(cpu, op, quiet)) {
        x87_pop(&cpu->fpu);
        x87_pop(&cpu->fpu);
    }
}

void do_fcompp(struct cpu *cpu, const struct op *op) { compare_and_pop_both(cpu, op, false); }
void do_fucompp(struct cpu *cpu, const struct op *op) { compare_and_pop_both(cpu, op, true); }

void do_ftst(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    compare_with(cpu, 0, 0);
}

/* FCOMI: the condition code's C0, C2, C3 stand in the high byte of the status word where CF, PF, ZF stand in AH. */
static bool compare_flags(struct cpu *cpu, const struct op *op, bool quiet)
{
    struct fpu *fpu = &cpu->fpu;
    u16 before = fpu->status & (X87_C0 | X87_C2 | X87_C3);
    bool pop = compare_STi(cpu, op, quiet);
    u16 code = fpu->status & (X87_C0 | X87_C2 | X87_C3);
    fpu->status = (u16)((fpu->status & ~(X87_C0 | X87_C2 | X87_C3)) | before);
    if (pop)
        cpu->fl = code; /* OF, SF, AF = 0 */
    return pop;
}

void do_fcomi(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, false); }
void do_fucomi(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, true); }

void do_fcomip(struct cpu *cpu, const struct op *op)
{
    if (compare_flags(cpu, op, false))
        x87_pop(&cpu->fpu);
}

void do_fucomip(struct cpu *cpu, const struct op *op)
{
    if (compare_flags(cpu, op, true))
        x87_pop(&cpu->fpu);
}
