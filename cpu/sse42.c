/*
 * SSE4.2 string comparison, and with VEX: PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM.  (PCMPGTQ: ssse3.c, CRC32:
 * insn_bmi.c.)
 *
 * Source: Intel SDM vol. 2, 4.1 "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM" with
 *   tables 4-1 to 4-7; the instructions' pages.
 */
#include "cpu/avx.h"

/* Bits of the immediate. */
#define WORDS 0x01u
#define SIGNED 0x02u
#define AGGREGATION 0x0cu
#define NEGATIVE 0x10u /* polarity */
#define MASKED 0x20u   /* negate only what is valid in the second operand */
#define EXPANDED 0x40u /* index: the last one; mask: bytes or words, not bits */

enum aggregation { EQUAL_ANY = 0, RANGES = 4, EQUAL_EACH = 8, EQUAL_ORDERED = 12 };

/* The two strings: elements widened, and how many are valid. */
struct strings {
    i32 a[16], b[16];
    unsigned a_length, b_length, count; /* count: 16 bytes or 8 words */
};

static void widen(i32 *to, const union simd *v, u32 imm)
{
    for (unsigned i = 0; i < 16; i++)
        to[i] = imm & WORDS ? (imm & SIGNED ? v->sw[i & 7] : v->w[i & 7]) : (imm & SIGNED ? v->sb[i] : v->b[i]);
}

static unsigned implicit_length(const i32 *elements, unsigned count)
{
    unsigned i = 0;
    while (i < count && elements[i])
        i++;
    return i;
}

/* EAX or EDX (RAX or RDX with REX.W): its magnitude, at most `count`. */
static unsigned explicit_length(u64 reg, bool wide, unsigned count)
{
    i64 value = wide ? (i64)reg : (i32)reg;
    u64 magnitude = value < 0 ? -(u64)value : (u64)value;
    return magnitude > count ? count : (unsigned)magnitude;
}

/* One bit of the result: element j of b against all of a.  Table 4-7 says what pairs with an invalid element give. */
static bool matches(const struct strings *s, enum aggregation how, unsigned j)
{
    bool b_valid = j < s->b_length;
    switch (how) {
    case EQUAL_ANY:
        for (unsigned i = 0; i < s->a_length; i++)
            if (b_valid && s->a[i] == s->b[j])
                return true;
        return false;
    case RANGES: /* a range with only a lower bound is none */
        for (unsigned i = 0; i + 1 < s->a_length; i += 2)
            if (b_valid && s->b[j] >= s->a[i] && s->b[j] <= s->a[i + 1])
                return true;
        return false;
    case EQUAL_EACH: return j < s->a_length ? b_valid && s->a[j] == s->b[j] : !b_valid;
    default: /* a is found at j of b, as far as b goes in the register */
        for (unsigned i = 0; i < s->a_length && i + j < s->count; i++)
            if (i + j >= s->b_length || s->a[i] != s->b[i + j])
                return false;
        return true;
    }
}

static u32 compare(const struct strings *s, u32 imm)
{
    u32 result = 0;
    for (unsigned j = 0; j < s->count; j++)
        result |= (u32)matches(s, imm & AGGREGATION, j) << j;
    if (imm & NEGATIVE)
        result ^= imm & MASKED ? (1u << s->b_length) - 1 : (1u << s->count) - 1;
    return result;
}

static void set_flags(struct cpu *cpu, const struct strings *s, u32 result)
{
    cpu->fl = (result ? FL_CF : 0) | (s->b_length < s->count ? FL_ZF : 0) | (s->a_length < s->count ? FL_SF : 0) |
              (result & 1 ? FL_OF : 0);
}

static void set_index(struct cpu *cpu, const struct strings *s, u32 imm, u32 result)
{
    unsigned index = !result          ? s->count
                     : imm & EXPANDED ? 31 - (unsigned)__builtin_clz(result)
                                      : (unsigned)__builtin_ctz(result);
    cpu->gpr[RCX] = index;
}

static union simd expanded_mask(u32 imm, u32 result)
{
    union simd mask = {.q = {0, 0}};
    if (!(imm & EXPANDED))
        mask.d[0] = result;
    else if (imm & WORDS)
        for (unsigned i = 0; i < 8; i++)
            mask.w[i] = result >> i & 1 ? 0xffff : 0;
    else
        for (unsigned i = 0; i < 16; i++)
            mask.b[i] = result >> i & 1 ? 0xff : 0;
    return mask;
}

static u32 compare_operands(struct cpu *cpu, const struct op *op, bool has_lengths, struct strings *s)
{
    union simd b = vex_rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    bool wide = op->size == SIZE_64;
    s->count = op->imm & WORDS ? 8 : 16;
    widen(s->a, &a, op->imm);
    widen(s->b, &b, op->imm);
    s->a_length = has_lengths ? explicit_length(cpu->gpr[RAX], wide, s->count) : implicit_length(s->a, s->count);
    s->b_length = has_lengths ? explicit_length(cpu->gpr[RDX], wide, s->count) : implicit_length(s->b, s->count);
    return compare(s, op->imm);
}

static INLINE void to_index(struct cpu *cpu, const struct op *op, bool has_lengths)
{
    struct strings s;
    u32 result = compare_operands(cpu, op, has_lengths, &s);
    set_index(cpu, &s, op->imm, result);
    set_flags(cpu, &s, result);
}

/* VEX: what is above XMM0 becomes 0. */
static INLINE void to_mask(struct cpu *cpu, const struct op *op, bool has_lengths, bool vex)
{
    struct strings s;
    u32 result = compare_operands(cpu, op, has_lengths, &s);
    union simd mask = expanded_mask(op->imm, result);
    if (vex)
        vex_put(cpu, 0, mask);
    else
        xmm_put(cpu, 0, mask);
    set_flags(cpu, &s, result);
}

#define INDEX_AND_MASK(name, has_lengths)                                                                              \
    void do_##name##i(struct cpu *cpu, const struct op *op)                                                            \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        to_index(cpu, op, has_lengths);                                                                                \
    }                                                                                                                  \
    void do_##name##m(struct cpu *cpu, const struct op *op)                                                            \
    {                                                                                                                  \
        sse_begin(cpu);                                                                                                \
        to_mask(cpu, op, has_lengths, false);                                                                          \
    }                                                                                                                  \
    void do_v##name##i(struct cpu *cpu, const struct op *op)                                                           \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        to_index(cpu, op, has_lengths);                                                                                \
    }                                                                                                                  \
    void do_v##name##m(struct cpu *cpu, const struct op *op)                                                           \
    {                                                                                                                  \
        avx_begin(cpu);                                                                                                \
        to_mask(cpu, op, has_lengths, true);                                                                           \
    }

INDEX_AND_MASK(pcmpestr, true)
INDEX_AND_MASK(pcmpistr, false)
