/*
 * Integer arithmetic with flags, on 8 to 64 bits: alu_add8 ... alu_rcr64.
 *
 * Every function returns the result and stores the flags image (cpu/op.h: OF bit 0, SF ZF AF PF CF as AH after LAHF)
 * through `fl`; those that read flags or leave some alone take the old image as `in`.  On an x86-64 host the host's own
 * instruction computes both, so undefined flags are those of silicon; elsewhere, and in the unit test that compares the
 * two, cpu/alu_portable.h does it in C.
 *
 * Source: Intel SDM vol. 2, the instructions' "Flags Affected".
 */
#ifndef CPU_ALU_H
#define CPU_ALU_H

#include "cpu/op.h"

#define ALU_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && !defined(CPU_ALU_PORTABLE)

#define CAPTURE "\n\tlahf\n\tseto %%al"

/* r = a OP b */
#define ALU_BINARY(name, bits, insn)                                                                                   \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, u##bits b, u32 *fl)                                                 \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm(insn " %[b], %[a]" CAPTURE : [a] "+&r"(a), "=&a"(image) : [b] "r"(b) : "cc");                              \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }
/* r = a OP b with carry in */
#define ALU_CARRY(name, bits, insn)                                                                                    \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, u##bits b, u32 in, u32 *fl)                                         \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm("bt $8, %[in]\n\t" insn " %[b], %[a]" CAPTURE                                                              \
            : [a] "+&r"(a), "=&a"(image)                                                                               \
            : [b] "r"(b), [in] "r"(in)                                                                                 \
            : "cc");                                                                                                   \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }
/* r = OP a, CF kept (INC, DEC) */
#define ALU_UNARY_KEEP_CARRY(name, bits, insn)                                                                         \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, u32 in, u32 *fl)                                                    \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm("bt $8, %[in]\n\t" insn " %[a]" CAPTURE : [a] "+&r"(a), "=&a"(image) : [in] "r"(in) : "cc");               \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }
#define ALU_UNARY(name, bits, insn)                                                                                    \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, u32 *fl)                                                            \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm(insn " %[a]" CAPTURE : [a] "+&r"(a), "=&a"(image) : : "cc");                                               \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }
/* Shifts: count is masked by the caller to 5 (or 6) bits and is not 0. */
#define ALU_SHIFT(name, bits, insn)                                                                                    \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, unsigned count, u32 *fl)                                            \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm(insn " %%cl, %[a]" CAPTURE : [a] "+&r"(a), "=&a"(image) : "c"(count) : "cc");                              \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }
/* Rotates: only CF and OF change. */
#define ALU_ROTATE(name, bits, insn)                                                                                   \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, unsigned count, u32 in, u32 *fl)                                    \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm("bt $8, %[in]\n\t" insn " %%cl, %[a]" CAPTURE                                                              \
            : [a] "+&r"(a), "=&a"(image)                                                                               \
            : "c"(count), [in] "r"(in)                                                                                 \
            : "cc");                                                                                                   \
        *fl = (in & ~(FL_CF | FL_OF)) | (image & (FL_CF | FL_OF));                                                     \
        return a;                                                                                                      \
    }
#define ALU_DOUBLE_SHIFT(name, bits, insn)                                                                             \
    ALU_INLINE u##bits alu_##name##bits(u##bits a, u##bits b, unsigned count, u32 *fl)                                 \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm(insn " %%cl, %[b], %[a]" CAPTURE : [a] "+&r"(a), "=&a"(image) : "c"(count), [b] "r"(b) : "cc");            \
        *fl = image;                                                                                                   \
        return a;                                                                                                      \
    }

#define ALU_SIZE(bits, s)                                                                                              \
    ALU_BINARY(add, bits, "add" s)                                                                                     \
    ALU_BINARY(sub, bits, "sub" s)                                                                                     \
    ALU_BINARY(and, bits, "and" s)                                                                                     \
    ALU_BINARY(or, bits, "or" s)                                                                                       \
    ALU_BINARY(xor, bits, "xor" s)                                                                                     \
    ALU_CARRY(adc, bits, "adc" s)                                                                                      \
    ALU_CARRY(sbb, bits, "sbb" s)                                                                                      \
    ALU_UNARY_KEEP_CARRY(inc, bits, "inc" s)                                                                           \
    ALU_UNARY_KEEP_CARRY(dec, bits, "dec" s)                                                                           \
    ALU_UNARY(neg, bits, "neg" s)                                                                                      \
    ALU_SHIFT(shl, bits, "shl" s)                                                                                      \
    ALU_SHIFT(shr, bits, "shr" s)                                                                                      \
    ALU_SHIFT(sar, bits, "sar" s)                                                                                      \
    ALU_ROTATE(rol, bits, "rol" s)                                                                                     \
    ALU_ROTATE(ror, bits, "ror" s)                                                                                     \
    ALU_ROTATE(rcl, bits, "rcl" s)                                                                                     \
    ALU_ROTATE(rcr, bits, "rcr" s)

ALU_SIZE(8, "b")
ALU_SIZE(16, "w")
ALU_SIZE(32, "l")
ALU_SIZE(64, "q")

ALU_DOUBLE_SHIFT(shld, 16, "shldw")
ALU_DOUBLE_SHIFT(shld, 32, "shldl")
ALU_DOUBLE_SHIFT(shld, 64, "shldq")
ALU_DOUBLE_SHIFT(shrd, 16, "shrdw")
ALU_DOUBLE_SHIFT(shrd, 32, "shrdl")
ALU_DOUBLE_SHIFT(shrd, 64, "shrdq")

#define ALU_TEST(bits, s)                                                                                              \
    ALU_INLINE void alu_test##bits(u##bits a, u##bits b, u32 *fl)                                                      \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm("test" s " %[b], %[a]" CAPTURE : "=&a"(image) : [a] "r"(a), [b] "r"(b) : "cc");                            \
        *fl = image;                                                                                                   \
    }                                                                                                                  \
    ALU_INLINE void alu_cmp##bits(u##bits a, u##bits b, u32 *fl)                                                       \
    {                                                                                                                  \
        u32 image;                                                                                                     \
        asm("cmp" s " %[b], %[a]" CAPTURE : "=&a"(image) : [a] "r"(a), [b] "r"(b) : "cc");                             \
        *fl = image;                                                                                                   \
    }
ALU_TEST(8, "b")
ALU_TEST(16, "w")
ALU_TEST(32, "l")
ALU_TEST(64, "q")

#undef ALU_BINARY
#undef ALU_CARRY
#undef ALU_UNARY_KEEP_CARRY
#undef ALU_UNARY
#undef ALU_SHIFT
#undef ALU_ROTATE
#undef ALU_DOUBLE_SHIFT
#undef ALU_SIZE
#undef ALU_TEST
#undef CAPTURE

#else
#include "cpu/alu_portable.h"
#endif

/* --- the same on every host --- */

/* ZF, SF, PF of a result; CF = OF = carry as given (MUL, IMUL); AF clear. */
ALU_INLINE u32 alu_parity(u8 v) { return __builtin_parity(v) ? 0 : FL_PF; }

/* Conditions in encoding order (o no b ae e ne be a s ns p np l ge le g), each from the image. */
#define CONDITION_o(fl) ((fl)&FL_OF)
#define CONDITION_no(fl) (!((fl)&FL_OF))
#define CONDITION_b(fl) ((fl)&FL_CF)
#define CONDITION_ae(fl) (!((fl)&FL_CF))
#define CONDITION_e(fl) ((fl)&FL_ZF)
#define CONDITION_ne(fl) (!((fl)&FL_ZF))
#define CONDITION_be(fl) ((fl) & (FL_CF | FL_ZF))
#define CONDITION_a(fl) (!((fl) & (FL_CF | FL_ZF)))
#define CONDITION_s(fl) ((fl)&FL_SF)
#define CONDITION_ns(fl) (!((fl)&FL_SF))
#define CONDITION_p(fl) ((fl)&FL_PF)
#define CONDITION_np(fl) (!((fl)&FL_PF))
#define CONDITION_l(fl) ((((fl) >> 15) ^ (fl)) & 1)
#define CONDITION_ge(fl) (!CONDITION_l(fl))
#define CONDITION_le(fl) (((((fl) >> 15) ^ (fl)) & 1) | ((fl)&FL_ZF))
#define CONDITION_g(fl) (!CONDITION_le(fl))
#define CONDITIONS(X) X(o) X(no) X(b) X(ae) X(e) X(ne) X(be) X(a) X(s) X(ns) X(p) X(np) X(l) X(ge) X(le) X(g)

#endif
