/*
 * x87: exceptions, loads and stores, sign and exchange, constants, control words.
 *
 * Source: Intel SDM vol. 1 ch. 8 "Programming with the x87 FPU", vol. 2 the instructions' pages; vol. 3A 9.2.2
 * (CR0.EM, MP, NE, TS); vol. 1 appendix D "Guidelines for Writing SIMD/x87 Exception Handlers" (FERR#, IGNNE#).
 * Modelled: stack faults with C1, tags, every exception masked and unmasked, last instruction and operand pointers.
 * Not modelled: with CR0.NE = 0 a real processor stops at a waiting instruction until INTR or IGNNE#; here FERR# rises
 * as soon as the exception happens and the instruction goes on, so that IRQ 13 is taken at the end of the block.
 */
#include "cpu/x87.h"

/* --- exceptions --- */

static void drive_ferr(struct cpu *cpu, bool level)
{
    if (cpu->fpu.ferr == level)
        return;
    cpu->fpu.ferr = level;
    if (cpu->bus && cpu->bus->signal)
        cpu->bus->signal(cpu->board, CPU_SIGNAL_FERR, level);
}

void x87_update_summary(struct cpu *cpu)
{
    struct fpu *fpu = &cpu->fpu;
    bool pending = (fpu->status & ~fpu->control & FLOAT_ALL) != 0;
    fpu->status = (u16)((fpu->status & ~(X87_ES | X87_B)) | (pending ? X87_ES | X87_B : 0));
    drive_ferr(cpu, pending && !(cpu->cr0 & CR0_NE));
}

void x87_raise(struct cpu *cpu, u32 flags)
{
    cpu->fpu.status |= (u16)flags;
    if (x87_unmasked(&cpu->fpu, flags))
        x87_update_summary(cpu);
}

void x87_pending(struct cpu *cpu)
{
    if (cpu->cr0 & CR0_NE)
        cpu_raise(cpu, VECTOR_MF);
    drive_ferr(cpu, true);
}

bool x87_underflow(struct cpu *cpu)
{
    x87_set_c1(&cpu->fpu, false);
    x87_raise(cpu, FLOAT_IE | X87_SF);
    return cpu->fpu.control & FLOAT_IE;
}

bool x87_overflow(struct cpu *cpu)
{
    x87_set_c1(&cpu->fpu, true);
    x87_raise(cpu, FLOAT_IE | X87_SF);
    return cpu->fpu.control & FLOAT_IE;
}

bool x87_commit(struct cpu *cpu, const struct float_env *env)
{
    struct fpu *fpu = &cpu->fpu;
    u32 flags = env->flags;
    if (x87_unmasked(fpu, flags & (FLOAT_IE | FLOAT_DE | FLOAT_ZE))) {
        x87_set_c1(fpu, false);
        x87_raise(cpu, flags & (FLOAT_IE | FLOAT_DE | FLOAT_ZE));
        return false;
    }
    x87_set_c1(fpu, env->rounded_up);
    x87_raise(cpu, flags);
    return true;
}

#if X87_HOST
#define X87_NONE_LOADED 0x10000u
/* A new thread starts with 0x037f. */
_Thread_local u32 x87_loaded = 0x037f;

bool x87_load_control(u16 control)
{
    u16 masked = control | FLOAT_ALL;
    if (!(control & FLOAT_UE)) {
        x87_loaded = X87_NONE_LOADED;
        return false;
    }
    asm volatile("fldcw %0" : : "m"(masked));
    x87_loaded = control;
    return true;
}
#endif

/* FWAIT: MP with TS, not EM.  SDM vol. 2A, "WAIT/FWAIT". */
void do_fwait(struct cpu *cpu, const struct op *op)
{
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
        cpu_raise(cpu, VECTOR_NM);
    if (cpu->fpu.status & X87_ES)
        x87_pending(cpu);
}

void do_fnop(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
}

/* FNENI, FNDISI (8087), FNSETPM (80287): no operation on later processors. */
void do_fnop_control(struct cpu *cpu, const struct op *op) { x87_available(cpu); }

/* --- loads --- */

/* Room for a push, or the masked overflow response (the indefinite is pushed).  NULL: nothing more to do. */
static struct x87_reg *push_room(struct cpu *cpu)
{
    struct fpu *fpu = &cpu->fpu;
    if (unlikely(x87_full(fpu, 7))) {
        if (x87_overflow(cpu))
            x87_put_indefinite(x87_push(fpu));
        return NULL;
    }
    return x87_push(fpu);
}

static inline void push(struct cpu *cpu, u16 sign_exponent, u64 mantissa)
{
    struct x87_reg *r = push_room(cpu);
    if (!r)
        return;
    x87_set_c1(&cpu->fpu, false);
    x87_put(r, sign_exponent, mantissa);
}

/* Zero, denormal, infinity, NaN in single or double precision. */
static __attribute__((noinline)) void push_special(struct cpu *cpu, struct float_env *env, struct soft a)
{
    struct fpu *fpu = &cpu->fpu;
    if (x87_full(fpu, 7)) {
        push_room(cpu);
        return;
    }
    struct x87_reg value = soft_to_f80(env, soft_operand(env, a));
    if (x87_commit(cpu, env))
        x87_put(x87_push(fpu), value.sign_exponent, value.mantissa);
}

void do_fld_m32(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    u32 a = memory_load32(cpu, OP_SEGMENT(op), ea), exponent = a >> 23 & 0xff;
    x87_note_memory(cpu, op, ea);
    if (unlikely(exponent - 1 >= 0xfe) && a << 1) {
        struct float_env env = x87_env_extended(&cpu->fpu);
        push_special(cpu, &env, soft_from_f32(&env, a));
        return;
    }
    u16 sign = (u16)(a >> 16 & 0x8000);
    if (exponent)
        push(cpu, (u16)(sign | (exponent + 16383 - 127)), 1ull << 63 | (u64)(a & 0x7fffff) << 40);
    else
        push(cpu, sign, 0);
}

void do_fld_m64(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op), a = memory_load64(cpu, OP_SEGMENT(op), ea);
    u32 exponent = a >> 52 & 0x7ff;
    x87_note_memory(cpu, op, ea);
    if (unlikely(exponent - 1 >= 0x7fe) && a << 1) {
        struct float_env env = x87_env_extended(&cpu->fpu);
        push_special(cpu, &env, soft_from_f64(&env, a));
        return;
    }
    u16 sign = (u16)(a >> 48 & 0x8000);
    if (exponent)
        push(cpu, (u16)(sign | (exponent + 16383 - 1023)), 1ull << 63 | (a & 0xfffffffffffffull) << 11);
    else
        push(cpu, sign, 0);
}

/* No exception but stack overflow: a SNaN stays one. */
void do_fld_m80(struct cpu *cpu, const struct op *op)
{
    u8 bytes[10];
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op), mantissa;
    u16 sign_exponent;
    memory_load_bytes_10(cpu, OP_SEGMENT(op), ea, bytes);
    x87_note_memory(cpu, op, ea);
    __builtin_memcpy(&mantissa, bytes, 8);
    __builtin_memcpy(&sign_exponent, bytes + 8, 2);
    push(cpu, sign_exponent, mantissa);
}

void do_fld_STi(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    if (unlikely(!x87_full(fpu, op->rm))) { /* before overflow (measured, tests/silicon_test.c) */
        if (x87_underflow(cpu))
            x87_put_indefinite(x87_push(fpu));
        return;
    }
    if (unlikely(x87_full(fpu, 7))) {
        push_room(cpu);
        return;
    }
    const struct x87_reg *source = x87_st(fpu, op->rm);
    push(cpu, source->sign_exponent, source->mantissa);
}

static void push_integer(struct cpu *cpu, i64 value)
{
    if (!value) {
        push(cpu, 0, 0);
        return;
    }
    u64 magnitude = value < 0 ? -(u64)value : (u64)value;
    unsigned shift = (unsigned)__builtin_clzll(magnitude);
    push(cpu, (u16)((value < 0 ? 0x8000 : 0) | (16383 + 63 - shift)), magnitude << shift);
}

void do_fild_i16(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    i16 value = (i16)memory_load16(cpu, OP_SEGMENT(op), ea);
    x87_note_memory(cpu, op, ea);
    push_integer(cpu, value);
}

void do_fild_i32(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    i32 value = (i32)memory_load32(cpu, OP_SEGMENT(op), ea);
    x87_note_memory(cpu, op, ea);
    push_integer(cpu, value);
}

void do_fild_i64(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    i64 value = (i64)memory_load64(cpu, OP_SEGMENT(op), ea);
    x87_note_memory(cpu, op, ea);
    push_integer(cpu, value);
}

/* Constants: rounded by RC from more bits than 64 (SDM vol. 2A, "FLD1/FLDL2T/..."). */
static void push_constant(struct cpu *cpu, const struct op *op, u16 exponent, u64 truncated, bool nearest_up)
{
    unsigned rounding = cpu->fpu.control >> 10 & 3;
    bool up = rounding == ROUND_UP || (rounding == ROUND_NEAREST && nearest_up);
    x87_wait(cpu);
    x87_note(cpu, op);
    push(cpu, exponent, truncated + up);
}

void do_fld1(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    push(cpu, 0x3fff, 1ull << 63);
}

void do_fldz(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    push(cpu, 0, 0);
}

/* Truncated; the bits that follow make 0.286, 0.744, 0.769, 0.561 and 0.789 of the last place. */
void do_fldl2t(struct cpu *cpu, const struct op *op) { push_constant(cpu, op, 0x4000, 0xd49a784bcd1b8afeull, false); }
void do_fldl2e(struct cpu *cpu, const struct op *op) { push_constant(cpu, op, 0x3fff, 0xb8aa3b295c17f0bbull, true); }
void do_fldpi(struct cpu *cpu, const struct op *op) { push_constant(cpu, op, 0x4000, 0xc90fdaa22168c234ull, true); }
void do_fldlg2(struct cpu *cpu, const struct op *op) { push_constant(cpu, op, 0x3ffd, 0x9a209a84fbcff798ull, true); }
void do_fldln2(struct cpu *cpu, const struct op *op) { push_constant(cpu, op, 0x3ffe, 0xb17217f7d1cf79abull, true); }

/* --- stores to registers, exchange, sign --- */

static void fst_STi(struct cpu *cpu, const struct op *op, bool pop)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    struct x87_reg *to = x87_st(fpu, op->rm);
    if (unlikely(!x87_full(fpu, 0))) {
        if (!x87_underflow(cpu))
            return;
        x87_put_indefinite(to);
    } else {
        const struct x87_reg *from = x87_st(fpu, 0);
        x87_put(to, from->sign_exponent, from->mantissa);
        x87_set_c1(fpu, false);
    }
    fpu->valid |= (u8)(1u << x87_index(fpu, op->rm));
    if (pop)
        x87_pop(fpu);
}

void do_fst_STi(struct cpu *cpu, const struct op *op) { fst_STi(cpu, op, false); }
void do_fstp_STi(struct cpu *cpu, const struct op *op) { fst_STi(cpu, op, true); }
/* D9 D8+i, undocumented: FSTP that does not report an empty ST(0): it pops and leaves the target alone (measured,
 * tests/silicon_test.c). */
void do_fstpnce_STi(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    if (x87_full(fpu, 0)) {
        fst_STi(cpu, op, true);
        return;
    }
    x87_wait(cpu);
    x87_note(cpu, op);
    x87_set_c1(fpu, false);
    x87_pop(fpu);
}

void do_fxch(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    struct x87_reg *a = x87_st(fpu, 0), *b = x87_st(fpu, op->rm);
    if (unlikely(!x87_full(fpu, 0) || !x87_full(fpu, op->rm))) {
        if (!x87_underflow(cpu))
            return;
        if (!x87_full(fpu, 0))
            x87_put_indefinite(a);
        if (!x87_full(fpu, op->rm))
            x87_put_indefinite(b);
        fpu->valid |= (u8)(1u << x87_index(fpu, 0) | 1u << x87_index(fpu, op->rm));
    } else {
        x87_set_c1(fpu, false);
    }
    u64 mantissa = a->mantissa; /* in the pieces in which it was stored: a wider load would wait for the store */
    u16 sign_exponent = a->sign_exponent;
    x87_put(a, b->sign_exponent, b->mantissa);
    x87_put(b, sign_exponent, mantissa);
}

/* Operand ST(0) of a one-operand instruction; false: nothing more to do (stack underflow, answered). */
static bool st0_ready(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    if (likely(x87_full(fpu, 0))) {
        x87_set_c1(fpu, false);
        return true;
    }
    if (x87_underflow(cpu)) {
        x87_put_indefinite(x87_st(fpu, 0));
        fpu->valid |= (u8)(1u << x87_index(fpu, 0));
    }
    return false;
}

void do_fchs(struct cpu *cpu, const struct op *op)
{
    if (st0_ready(cpu, op))
        x87_st(&cpu->fpu, 0)->sign_exponent ^= 0x8000;
}

void do_fabs(struct cpu *cpu, const struct op *op)
{
    if (st0_ready(cpu, op))
        x87_st(&cpu->fpu, 0)->sign_exponent &= 0x7fff;
}

/* SDM vol. 2A, "FXAM", table 3-35. */
void do_fxam(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    const struct x87_reg *a = x87_st(fpu, 0);
    unsigned exponent = a->sign_exponent & 0x7fff;
    u32 code;
    if (!x87_full(fpu, 0))
        code = X87_C3 | X87_C0;
    else if (!exponent)
        code = a->mantissa ? X87_C3 | X87_C2 : X87_C3;
    else if (!(a->mantissa >> 63))
        code = 0; /* unsupported */
    else if (exponent == 0x7fff)
        code = a->mantissa << 1 ? X87_C0 : X87_C2 | X87_C0;
    else
        code = X87_C2;
    fpu->status = (u16)((fpu->status & ~X87_CONDITION) | code | (a->sign_exponent >> 15 ? X87_C1 : 0));
}

void do_ffree(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    cpu->fpu.valid &= (u8) ~(1u << x87_index(&cpu->fpu, op->rm));
}

/* DF C0+i, undocumented: FFREE, then pop. */
void do_ffreep(struct cpu *cpu, const struct op *op)
{
    do_ffree(cpu, op);
    x87_pop(&cpu->fpu);
}

void do_fincstp(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    cpu->fpu.top = (cpu->fpu.top + 1) & 7;
    x87_set_c1(&cpu->fpu, false);
}

void do_fdecstp(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_note(cpu, op);
    cpu->fpu.top = (cpu->fpu.top - 1) & 7;
    x87_set_c1(&cpu->fpu, false);
}

static void fcmov(struct cpu *cpu, const struct op *op, bool condition)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    x87_note(cpu, op);
    struct x87_reg *to = x87_st(fpu, 0);
    if (unlikely(!x87_full(fpu, 0) || !x87_full(fpu, op->rm))) {
        /* Whether or not the condition holds.  Unverified. */
        if (x87_underflow(cpu)) {
            x87_put_indefinite(to);
            fpu->valid |= (u8)(1u << x87_index(fpu, 0));
        }
        return;
    }
    x87_set_c1(fpu, false);
    if (condition) {
        const struct x87_reg *from = x87_st(fpu, op->rm);
        x87_put(to, from->sign_exponent, from->mantissa);
    }
}

void do_fcmovb(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, cpu->fl & FL_CF); }
void do_fcmove(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, cpu->fl & FL_ZF); }
void do_fcmovbe(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, cpu->fl & (FL_CF | FL_ZF)); }
void do_fcmovu(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, cpu->fl & FL_PF); }
void do_fcmovnb(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, !(cpu->fl & FL_CF)); }
void do_fcmovne(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, !(cpu->fl & FL_ZF)); }
void do_fcmovnbe(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, !(cpu->fl & (FL_CF | FL_ZF))); }
void do_fcmovnu(struct cpu *cpu, const struct op *op) { fcmov(cpu, op, !(cpu->fl & FL_PF)); }
