/*
 * Two-operand arithmetic and logic, INC, DEC, NEG, NOT, TEST: handlers in all operand forms.
 *
 * Source: Intel SDM vol. 2, ADD, ADC, AND, CMP, DEC, INC, NEG, NOT, OR, SBB, SUB, TEST, XOR.
 */
#include "cpu/exec_forms.h"

#include "cpu/alu.h"

/* ADD, OR, AND, SUB, XOR: r = a OP b. */
#define ALU_SIZE(name, bits)                                                                                           \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_G, bits, u32 f; r = alu_##name##bits(m, G(bits), &f), FL = f)                                         \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_I, bits, u32 f; r = alu_##name##bits(m, IMM(bits), &f), FL = f)                                       \
    DEFINE_READ(name##_G_E, bits, u32 f; SET_G(bits, alu_##name##bits(G(bits), m, &f)); FL = f)

/* ADC, SBB: carry in. */
#define ALU_CARRY_SIZE(name, bits)                                                                                     \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_G, bits, u32 f; r = alu_##name##bits(m, G(bits), FL, &f), FL = f)                                     \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_I, bits, u32 f; r = alu_##name##bits(m, IMM(bits), FL, &f), FL = f)                                   \
    DEFINE_READ(name##_G_E, bits, u32 f; SET_G(bits, alu_##name##bits(G(bits), m, FL, &f)); FL = f)

#define CMP_SIZE(name, bits)                                                                                           \
    DEFINE_READ(name##_E_G, bits, u32 f; alu_##name##bits(m, G(bits), &f); FL = f)                                     \
    DEFINE_READ(name##_E_I, bits, u32 f; alu_##name##bits(m, IMM(bits), &f); FL = f)                                   \
    DEFINE_READ(name##_G_E, bits, u32 f; alu_##name##bits(G(bits), m, &f); FL = f)

#define ALU(name, SIZE_MACRO)                                                                                          \
    SIZE_MACRO(name, 8)                                                                                                \
    SIZE_MACRO(name, 16)                                                                                               \
    SIZE_MACRO(name, 32)                                                                                               \
    SIZE_MACRO(name, 64)                                                                                               \
    IMPL_ALL(name##_E_G);                                                                                              \
    IMPL_ALL(name##_E_I);                                                                                              \
    IMPL_ALL(name##_G_E);

ALU(add, ALU_SIZE)
ALU(or, ALU_SIZE)
ALU(adc, ALU_CARRY_SIZE)
ALU(sbb, ALU_CARRY_SIZE)
ALU(and, ALU_SIZE)
ALU(sub, ALU_SIZE)
ALU(xor, ALU_SIZE)
ALU(cmp, CMP_SIZE)

#define TEST_SIZE(bits)                                                                                                \
    DEFINE_READ(test_E_G, bits, u32 f; alu_test##bits(m, G(bits), &f); FL = f)                                         \
    DEFINE_READ(test_E_I, bits, u32 f; alu_test##bits(m, IMM(bits), &f); FL = f)
TEST_SIZE(8)
TEST_SIZE(16)
TEST_SIZE(32)
TEST_SIZE(64)
IMPL_ALL(test_E_G);
IMPL_ALL(test_E_I);

#define UNARY_SIZE(bits)                                                                                               \
    DEFINE_MODIFY(                                                                                                     \
        inc_E, bits, u32 f; r = alu_inc##bits(m, FL, &f), FL = f)                                                      \
    DEFINE_MODIFY(                                                                                                     \
        dec_E, bits, u32 f; r = alu_dec##bits(m, FL, &f), FL = f)                                                      \
    DEFINE_MODIFY(                                                                                                     \
        neg_E, bits, u32 f; r = alu_neg##bits(m, &f), FL = f)                                                          \
    DEFINE_MODIFY(not_E, bits, r = ~m, (void)0)
UNARY_SIZE(8)
UNARY_SIZE(16)
UNARY_SIZE(32)
UNARY_SIZE(64)
IMPL_ALL(inc_E);
IMPL_ALL(dec_E);
IMPL_ALL(neg_E);
IMPL_ALL(not_E);
