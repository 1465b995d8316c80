/*
 * What the x87 helpers (cpu/x87*.c) share: checks at an instruction's start, the register stack, raising exceptions.
 *
 * Source: Intel SDM vol. 1 ch. 8 "Programming with the x87 FPU"; vol. 3A 2.5 "Control Registers" (EM, TS, MP, NE).
 */
#ifndef CPU_X87_H
#define CPU_X87_H

#include "cpu/memory_inline.h"
#include "cpu/op.h"
#include "cpu/softfloat.h"

/* The host does the arithmetic where it has an x87 that this program does not use for its own. */
#if defined(__x86_64__) && !defined(CLUTCH_SOFT_FPU)
#define X87_HOST 1
#else
#define X87_HOST 0
#endif

#define X87_SF 0x40u
#define X87_ES 0x80u
#define X87_C0 0x100u
#define X87_C1 0x200u
#define X87_C2 0x400u
#define X87_TOP 0x3800u
#define X87_C3 0x4000u
#define X87_B 0x8000u
#define X87_CONDITION (X87_C0 | X87_C1 | X87_C2 | X87_C3)

/* --- stack --- */

static inline unsigned x87_index(const struct fpu *fpu, unsigned i) { return (fpu->top + i) & 7; }
static inline struct x87_reg *x87_st(struct fpu *fpu, unsigned i) { return &fpu->reg[x87_index(fpu, i)]; }
static inline bool x87_full(const struct fpu *fpu, unsigned i) { return fpu->valid >> x87_index(fpu, i) & 1; }

static inline void x87_pop(struct fpu *fpu)
{
    fpu->valid &= (u8) ~(1u << (fpu->top & 7));
    fpu->top = (fpu->top + 1) & 7;
}

/* The register that the next push fills must be empty. */
static inline struct x87_reg *x87_push(struct fpu *fpu)
{
    fpu->top = (fpu->top - 1) & 7;
    fpu->valid |= (u8)(1u << fpu->top);
    return &fpu->reg[fpu->top];
}

static inline void x87_put(struct x87_reg *r, u16 sign_exponent, u64 mantissa)
{
    r->mantissa = mantissa;
    r->sign_exponent = sign_exponent;
}

static inline void x87_put_indefinite(struct x87_reg *r) { x87_put(r, 0xffff, 0xc000000000000000ull); }

/* --- start of an instruction --- */

/* A waiting instruction found ES set: #MF, or FERR# (returns if IGNNE# lets it go on). */
void x87_pending(struct cpu *cpu);

/* #NM: instructions that do not wait for pending exceptions stop here. */
static inline void x87_available(struct cpu *cpu)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS)))
        cpu_raise(cpu, VECTOR_NM);
}

static inline void x87_wait(struct cpu *cpu)
{
    x87_available(cpu);
    if (unlikely(cpu->fpu.status & X87_ES))
        x87_pending(cpu);
}

/* Last instruction and opcode.  Lowering puts the opcode's low three bits and the ModRM byte into op->imm. */
static inline void x87_note(struct cpu *cpu, const struct op *op)
{
    cpu->fpu.ip = op_rip(cpu, op);
    cpu->fpu.ip_selector = cpu->seg[CS].selector;
    cpu->fpu.opcode = op->imm & 0x7ff;
}

static inline void x87_note_memory(struct cpu *cpu, const struct op *op, u64 ea)
{
    x87_note(cpu, op);
    cpu->fpu.dp = ea;
    cpu->fpu.dp_selector = cpu->seg[OP_SEGMENT(op)].selector;
}

/* --- exceptions --- */

/* Adds exception flags (FLOAT_*, X87_SF); sets ES and B if one is unmasked. */
void x87_raise(struct cpu *cpu, u32 flags);
/* ES and B follow from flags and masks: after the control or status word was loaded. */
void x87_update_summary(struct cpu *cpu);
/* True if one of `flags` is unmasked. */
static inline bool x87_unmasked(const struct fpu *fpu, u32 flags)
{
    return (flags & ~(u32)fpu->control & FLOAT_ALL) != 0;
}

static inline void x87_set_c1(struct fpu *fpu, bool on)
{
    fpu->status = (u16)((fpu->status & ~X87_C1) | (on ? X87_C1 : 0));
}

/* Stack faults: raise IE and SF.  True if masked: the instruction goes on with the indefinite. */
bool x87_underflow(struct cpu *cpu); /* C1 = 0 */
bool x87_overflow(struct cpu *cpu);  /* C1 = 1 */

/* --- results of software arithmetic --- */

static inline struct float_env x87_env(const struct fpu *fpu)
{
    static const u8 precision[4] = {24, 64, 53, 64}; /* 1 is reserved; processors take it as extended */
    return (struct float_env){.rounding = fpu->control >> 10 & 3, .precision = precision[fpu->control >> 8 & 3],
                              .masks = fpu->control & FLOAT_ALL};
}

/* The same with full precision: instructions that precision control does not touch. */
static inline struct float_env x87_env_extended(const struct fpu *fpu)
{
    struct float_env env = x87_env(fpu);
    env.precision = 64;
    return env;
}

/* Takes over env->flags and C1; false if an unmasked IE, DE or ZE keeps the result from being stored. */
bool x87_commit(struct cpu *cpu, const struct float_env *env);

/* --- host --- */

#if X87_HOST
/* The guest's control word that the host's stands for, or X87_NONE_LOADED: software must do it. */
extern _Thread_local u32 x87_loaded __attribute__((tls_model("local-exec")));
/* Makes the host round as the guest's control word says; false if underflow is unmasked (software must do it). */
bool x87_load_control(u16 control);

static inline bool x87_host_ready(const struct fpu *fpu)
{
    return likely(fpu->control == x87_loaded) || likely(x87_load_control(fpu->control));
}
#endif

#endif
