/*
 * x87: stores to memory that round or convert (FST, FIST, FISTTP, FBSTP), and FBLD.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1 8.5.1 "Invalid Operation Exception" (integer indefinite),
 * 8.5.6 "Inexact-Result (Precision) Exception", 4.7 "BCD and Packed BCD Integers".
 * Where an unmasked exception keeps the value from being stored, the memory operand is checked all the same: its page
 * fault comes first (measured, tests/silicon_test.c).
 * Rounding is done in integers: registers are in memory, and this needs no change of the host's rounding mode.
 */
#include "cpu/x87.h"

/* What a store is about to do: the value and what happens to the status word afterwards. */
struct outcome {
    u64 value;
    u32 flags;
    bool rounded_up, store;
};

static struct outcome of_env(const struct fpu *fpu, const struct float_env *env, u64 value)
{
    struct outcome o = {value, env->flags, env->rounded_up, true};
    u32 blocking = env->flags & (FLOAT_IE | FLOAT_OE | FLOAT_UE);
    if (x87_unmasked(fpu, blocking))
        o = (struct outcome){0, blocking, false, false}; /* to memory, PE is ignored then */
    return o;
}

static inline bool round_up(const struct fpu *fpu, bool sign, bool odd, u64 rest)
{
    switch (fpu->control >> 10 & 3) {
    case ROUND_NEAREST: return rest > 1ull << 63 || (rest == 1ull << 63 && odd);
    case ROUND_DOWN: return sign && rest;
    case ROUND_UP: return !sign && rest;
    default: return false;
    }
}

/* Status of a store that was done, or of one that an unmasked exception prevented. */
static inline void finish(struct cpu *cpu, const struct outcome *o, bool pop)
{
    struct fpu *fpu = &cpu->fpu;
    x87_set_c1(fpu, o->rounded_up);
    if (o->flags)
        x87_raise(cpu, o->flags);
    if (pop && likely(o->store))
        x87_pop(fpu);
}

/* Masked: the indefinite is stored as any other result, after which the register pops. */
static __attribute__((noinline)) struct outcome underflow(struct cpu *cpu, u64 indefinite)
{
    bool masked = cpu->fpu.control & FLOAT_IE;
    return (struct outcome){indefinite, FLOAT_IE | X87_SF, false, masked};
}

/* --- floating point --- */

static __attribute__((noinline)) struct outcome soft_narrow(const struct fpu *fpu, const struct x87_reg *a, bool f64)
{
    struct float_env env = x87_env_extended(fpu);
    struct soft value = soft_from_f80(a), nan;
    if (soft_nan(&env, &value, &value, &nan))
        value = nan;
    u64 result = f64 ? soft_to_f64(&env, value) : soft_to_f32(&env, value);
    return of_env(fpu, &env, result);
}

static inline struct outcome to_f64(const struct fpu *fpu, const struct x87_reg *a)
{
    u32 exponent = (a->sign_exponent & 0x7fffu) - (16383 - 1023);
    u64 mantissa = a->mantissa, rest = mantissa << 53;
    bool sign = a->sign_exponent >> 15;
    if (unlikely(exponent - 1 >= 2045 || !(mantissa >> 63)))
        return soft_narrow(fpu, a, true);
    bool up = round_up(fpu, sign, mantissa >> 11 & 1, rest);
    u64 value = (u64)sign << 63 | ((u64)exponent << 52 | mantissa << 1 >> 12);
    return (struct outcome){value + up, rest ? FLOAT_PE : 0, up, true};
}

static inline struct outcome to_f32(const struct fpu *fpu, const struct x87_reg *a)
{
    u32 exponent = (a->sign_exponent & 0x7fffu) - (16383 - 127);
    u64 mantissa = a->mantissa, rest = mantissa << 24;
    bool sign = a->sign_exponent >> 15;
    if (unlikely(exponent - 1 >= 253 || !(mantissa >> 63)))
        return soft_narrow(fpu, a, false);
    bool up = round_up(fpu, sign, mantissa >> 40 & 1, rest);
    u64 value = (u64)sign << 31 | (exponent << 23 | mantissa << 1 >> 41);
    return (struct outcome){value + up, rest ? FLOAT_PE : 0, up, true};
}

static inline void fst_m64(struct cpu *cpu, const struct op *op, bool pop)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    struct outcome o =
        likely(x87_full(fpu, 0)) ? to_f64(fpu, x87_st(fpu, 0)) : underflow(cpu, 0xfff8000000000000ull);
    if (likely(o.store))
        memory_store64(cpu, OP_SEGMENT(op), ea, o.value);
    else
        check_write(cpu, OP_SEGMENT(op), ea, 8);
    x87_note_memory(cpu, op, ea);
    finish(cpu, &o, pop);
}

static inline void fst_m32(struct cpu *cpu, const struct op *op, bool pop)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    struct outcome o = likely(x87_full(fpu, 0)) ? to_f32(fpu, x87_st(fpu, 0)) : underflow(cpu, 0xffc00000u);
    if (likely(o.store))
        memory_store32(cpu, OP_SEGMENT(op), ea, (u32)o.value);
    else
        check_write(cpu, OP_SEGMENT(op), ea, 4);
    x87_note_memory(cpu, op, ea);
    finish(cpu, &o, pop);
}

void do_fst_m32(struct cpu *cpu, const struct op *op) { fst_m32(cpu, op, false); }
void do_fstp_m32(struct cpu *cpu, const struct op *op) { fst_m32(cpu, op, true); }
void do_fst_m64(struct cpu *cpu, const struct op *op) { fst_m64(cpu, op, false); }
void do_fstp_m64(struct cpu *cpu, const struct op *op) { fst_m64(cpu, op, true); }

static void store_m80(struct cpu *cpu, const struct op *op, u64 ea, u16 sign_exponent, u64 mantissa)
{
    u8 bytes[10];
    __builtin_memcpy(bytes, &mantissa, 8);
    __builtin_memcpy(bytes + 8, &sign_exponent, 2);
    memory_store_bytes_10(cpu, OP_SEGMENT(op), ea, bytes);
}

/* Copies the bits: no exception but stack underflow. */
void do_fstp_m80(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    struct outcome o = {.store = true};
    const struct x87_reg *a = x87_st(fpu, 0);
    if (likely(x87_full(fpu, 0))) {
        store_m80(cpu, op, ea, a->sign_exponent, a->mantissa);
    } else {
        o = underflow(cpu, 0);
        if (o.store)
            store_m80(cpu, op, ea, 0xffff, 0xc000000000000000ull);
        else
            check_write(cpu, OP_SEGMENT(op), ea, 10);
    }
    x87_note_memory(cpu, op, ea);
    finish(cpu, &o, true);
}

/* --- integers --- */

static struct outcome integer_invalid(const struct fpu *fpu, u64 indefinite)
{
    return (struct outcome){indefinite, FLOAT_IE, false, (fpu->control & FLOAT_IE) != 0};
}

static inline struct outcome to_integer(const struct fpu *fpu, const struct x87_reg *a, unsigned bits, bool truncate)
{
    u64 indefinite = ~0ull << (bits - 1), mantissa = a->mantissa, magnitude, rest;
    i32 exponent = (i32)(a->sign_exponent & 0x7fff) - 16383;
    bool sign = a->sign_exponent >> 15;
    if (unlikely(exponent >= 63 || (exponent != -16383 && !(mantissa >> 63)))) {
        bool fits = exponent == 63 && bits == 64 && sign && mantissa == 1ull << 63;
        return fits ? (struct outcome){mantissa, 0, false, true} : integer_invalid(fpu, indefinite);
    }
    if (exponent >= 0) {
        magnitude = mantissa >> (63 - exponent);
        rest = mantissa << (exponent + 1);
    } else {
        magnitude = 0;
        rest = exponent == -1 ? mantissa : mantissa != 0; /* less than a half: any small value does */
    }
    bool up = !truncate && round_up(fpu, sign, magnitude & 1, rest);
    magnitude += up;
    if (unlikely(magnitude > (1ull << (bits - 1)) - !sign))
        return integer_invalid(fpu, indefinite);
    return (struct outcome){sign ? -magnitude : magnitude, rest ? FLOAT_PE : 0, up, true};
}

static inline void store_integer(struct cpu *cpu, enum seg seg, u64 ea, enum size size, u64 value)
{
    if (size == SIZE_64)
        memory_store64(cpu, seg, ea, value);
    else if (size == SIZE_32)
        memory_store32(cpu, seg, ea, (u32)value);
    else
        memory_store16(cpu, seg, ea, (u16)value);
}

static inline void fist(struct cpu *cpu, const struct op *op, enum size size, bool pop, bool truncate)
{
    struct fpu *fpu = &cpu->fpu;
    unsigned bits = 8u << size;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    struct outcome o = likely(x87_full(fpu, 0)) ? to_integer(fpu, x87_st(fpu, 0), bits, truncate)
                                                : underflow(cpu, ~0ull << (bits - 1));
    if (likely(o.store))
        store_integer(cpu, OP_SEGMENT(op), ea, size, o.value);
    else
        check_write(cpu, OP_SEGMENT(op), ea, 1u << size);
    x87_note_memory(cpu, op, ea);
    finish(cpu, &o, pop);
}

void do_fist_i16(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_16, false, false); }
void do_fist_i32(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_32, false, false); }
void do_fistp_i16(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_16, true, false); }
void do_fistp_i32(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_32, true, false); }
void do_fistp_i64(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_64, true, false); }
void do_fisttp_i16(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_16, true, true); }
void do_fisttp_i32(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_32, true, true); }
void do_fisttp_i64(struct cpu *cpu, const struct op *op) { fist(cpu, op, SIZE_64, true, true); }

/* --- packed BCD: 18 digits in 9 bytes, sign in bit 7 of the tenth --- */

#define BCD_LIMIT 1000000000000000000ull

static void store_bcd(struct cpu *cpu, const struct op *op, u64 ea, u64 magnitude, bool sign)
{
    u8 bytes[10];
    for (int i = 0; i < 9; i++) {
        bytes[i] = (u8)(magnitude % 10 | magnitude / 10 % 10 << 4);
        magnitude /= 100;
    }
    bytes[9] = sign ? 0x80 : 0;
    memory_store_bytes_10(cpu, OP_SEGMENT(op), ea, bytes);
}

static void store_bcd_indefinite(struct cpu *cpu, const struct op *op, u64 ea)
{
    store_m80(cpu, op, ea, 0xffff, 0xc000000000000000ull);
}

void do_fbstp(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    const u64 indefinite = 1ull << 63;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    const struct x87_reg *a = x87_st(fpu, 0);
    struct outcome o = x87_full(fpu, 0) ? to_integer(fpu, a, 64, false) : underflow(cpu, indefinite);
    bool sign = a->sign_exponent >> 15; /* of minus zero too */
    u64 magnitude = sign ? -o.value : o.value;
    if (!(o.flags & FLOAT_IE) && magnitude >= BCD_LIMIT)
        o = integer_invalid(fpu, indefinite);
    if (o.store && (o.flags & FLOAT_IE))
        store_bcd_indefinite(cpu, op, ea);
    else if (o.store)
        store_bcd(cpu, op, ea, magnitude, sign);
    else
        check_write(cpu, OP_SEGMENT(op), ea, 10);
    x87_note_memory(cpu, op, ea);
    finish(cpu, &o, true);
}

/* Digits above 9 are undefined; they count with their value here. */
void do_fbld(struct cpu *cpu, const struct op *op)
{
    struct fpu *fpu = &cpu->fpu;
    u8 bytes[10];
    u64 magnitude = 0;
    x87_wait(cpu);
    u64 ea = op_ea(cpu, op);
    load_bytes(cpu, OP_SEGMENT(op), ea, bytes, sizeof bytes);
    x87_note_memory(cpu, op, ea);
    for (int i = 8; i >= 0; i--)
        magnitude = magnitude * 100 + (bytes[i] >> 4) * 10u + (bytes[i] & 15);
    if (x87_full(fpu, 7)) {
        if (x87_overflow(cpu))
            x87_put_indefinite(x87_push(fpu));
        return;
    }
    struct float_env env = x87_env_extended(fpu);
    struct soft value = soft_from_int((i64)magnitude);
    value.sign = bytes[9] >> 7;
    struct x87_reg result = soft_to_f80(&env, value);
    x87_set_c1(fpu, false);
    x87_put(x87_push(fpu), result.sign_exponent, result.mantissa);
}
