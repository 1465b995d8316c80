/*
 * IEEE 754 arithmetic in integers, with the x86's rules where the standard leaves a choice.
 *
 * Used on hosts without an x87 or SSE of their own, and on every host where an unmasked x87 overflow or underflow asks
 * for a result with wrapped exponent, which the host cannot be made to give.  One unpacked form serves single, double
 * and extended precision.
 *
 * Source: IEEE 754-2008; Intel SDM vol. 1, 4.8 "Real Numbers and Floating-Point Formats", table 4-7 "Rules for Handling
 * NaNs", 4.9 "Overview of Floating-Point Exceptions", 8.5 "Floating-Point Exception Conditions", 10.2.3 "MXCSR".
 */
#ifndef CPU_SOFTFLOAT_H
#define CPU_SOFTFLOAT_H

#include "cpu/cpu.h"

/* Exception bits, in the same places in the x87 status word and in MXCSR. */
#define FLOAT_IE 0x01u
#define FLOAT_DE 0x02u
#define FLOAT_ZE 0x04u
#define FLOAT_OE 0x08u
#define FLOAT_UE 0x10u
#define FLOAT_PE 0x20u
#define FLOAT_ALL 0x3fu

/* RC of the x87 control word and of MXCSR. */
enum float_rounding { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_ZERO };

struct float_env {
    u8 rounding;     /* enum float_rounding */
    u8 precision;    /* x87: bits of an extended result's significand: 24, 53, 64 */
    u8 masks;        /* FLOAT_*: OE and UE unmasked give wrapped results, UE also reports exact tiny ones */
    bool sse;        /* NaN rule of SSE (first operand) instead of x87 (larger significand) */
    bool daz, ftz;   /* MXCSR */
    bool rounded_up; /* out: C1 of the last result */
    u8 flags;        /* out: accumulated */
};

/* Unpacked: (-1)^sign * hi.lo * 2^exponent, with the binary point behind bit 63 of hi, which is set if NORMAL.
 * Bit 0 of lo is sticky.  NaNs keep their significand in hi as extended precision has it. */
enum soft_class { SOFT_ZERO, SOFT_NORMAL, SOFT_INF, SOFT_QNAN, SOFT_SNAN, SOFT_UNSUPPORTED };
struct soft {
    u8 class; /* enum soft_class */
    bool sign, denormal;
    i32 exponent;
    u64 hi, lo;
};

enum float_relation { FLOAT_LESS = -1, FLOAT_EQUAL = 0, FLOAT_GREATER = 1, FLOAT_UNORDERED = 2 };

struct soft soft_from_f80(const struct x87_reg *a);
struct soft soft_from_f64(const struct float_env *env, u64 a);
struct soft soft_from_f32(const struct float_env *env, u32 a);
struct soft soft_from_f16(u16 a);
struct soft soft_from_int(i64 a);
/* These round to the format and raise OE, UE, PE; NaNs pass through quieted. */
struct x87_reg soft_to_f80(struct float_env *env, struct soft a);
u64 soft_to_f64(struct float_env *env, struct soft a);
u32 soft_to_f32(struct float_env *env, struct soft a);
u16 soft_to_f16(struct float_env *env, struct soft a);
/* Rounds to an integer of `bits` bits; IE and only the top bit set (integer indefinite) if it does not fit. */
i64 soft_to_int(struct float_env *env, struct soft a, unsigned bits);

/* Exact to the sticky bit; raise IE, DE, ZE. */
struct soft soft_add(struct float_env *env, struct soft a, struct soft b);
struct soft soft_sub(struct float_env *env, struct soft a, struct soft b);
struct soft soft_mul(struct float_env *env, struct soft a, struct soft b);
struct soft soft_div(struct float_env *env, struct soft a, struct soft b);
struct soft soft_sqrt(struct float_env *env, struct soft a);
struct soft soft_fma(struct float_env *env, struct soft a, struct soft b, struct soft c);
/* Integral value in floating-point form; raises PE and sets rounded_up. */
struct soft soft_round_to_int(struct float_env *env, struct soft a);
/* Quiet: only SNaN is invalid; else every NaN is. */
enum float_relation soft_compare(struct float_env *env, struct soft a, struct soft b, bool quiet);
/* One operand that an instruction only passes on (conversions): quiets SNaN with IE, reports DE. */
struct soft soft_operand(struct float_env *env, struct soft a);
/* FPREM (nearest = false) and FPREM1: *quotient gets its low bits, *partial says that C2 is to be set. */
struct soft soft_remainder(struct float_env *env, struct soft a, struct soft b, bool nearest, u64 *quotient,
                           bool *partial);

/* The x87's and SSE's real indefinite QNaN. */
struct soft soft_indefinite(void);
/* True and the NaN result in *r if an operand is a NaN or unsupported; raises IE as due. */
bool soft_nan(struct float_env *env, const struct soft *a, const struct soft *b, struct soft *r);

#endif
