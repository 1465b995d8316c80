/*
 * Flags of integer arithmetic against the definitions of the SDM (vol. 1, "EFLAGS Register"; vol. 2 for each
 * instruction).  alu_portable_test.c runs the same tests on the portable form.
 */
#include "cpu/op.h"
#include "tests/unit.h"

#include "cpu/alu.h"
struct result {
    u64 value;
    u32 flags;
};

/* Independent of both: the definitions of the SDM, bit by bit, in wide arithmetic. */
static struct result expect_add(unsigned bits, u64 a, u64 b, bool carry)
{
    u64 mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    unsigned __int128 sum = (unsigned __int128)(a & mask) + (b & mask) + carry;
    u64 r = (u64)sum & mask;
    u32 f = 0;
    f |= sum >> bits & 1 ? FL_CF : 0;
    f |= ((a & 15) + (b & 15) + carry) > 15 ? FL_AF : 0;
    f |= r == 0 ? FL_ZF : 0;
    f |= r >> (bits - 1) & 1 ? FL_SF : 0;
    f |= __builtin_parity(r & 0xff) ? 0 : FL_PF;
    f |= ((a ^ r) & (b ^ r)) >> (bits - 1) & 1 ? FL_OF : 0;
    return (struct result){r, f};
}

static const u64 corners[] = {0, 1, 2, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                              0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, 0x0123456789abcdef};

#define CHECK_ADD(bits)                                                                                                \
    for (unsigned i = 0; i < ARRAY_SIZE(corners); i++)                                                                 \
        for (unsigned k = 0; k < ARRAY_SIZE(corners); k++)                                                             \
            for (unsigned carry = 0; carry < 2; carry++) {                                                             \
                u32 f;                                                                                                 \
                struct result want = expect_add(bits, corners[i], corners[k], carry);                                  \
                u##bits r = alu_adc##bits(corners[i], corners[k], carry ? FL_CF : 0, &f);                              \
                CHECK_EQ(r, want.value);                                                                               \
                CHECK_EQ(f & FL_ALL, want.flags);                                                                      \
            }

TEST(adc_sets_all_six_flags)
{
    CHECK_ADD(8)
    CHECK_ADD(16)
    CHECK_ADD(32)
    CHECK_ADD(64)
}

/* a - b - borrow = a + ~b + !borrow with CF and AF inverted. */
#define CHECK_SUB(bits)                                                                                                \
    for (unsigned i = 0; i < ARRAY_SIZE(corners); i++)                                                                 \
        for (unsigned k = 0; k < ARRAY_SIZE(corners); k++)                                                             \
            for (unsigned borrow = 0; borrow < 2; borrow++) {                                                          \
                u32 f;                                                                                                 \
                struct result want = expect_add(bits, corners[i], ~corners[k], !borrow);                               \
                u##bits r = alu_sbb##bits(corners[i], corners[k], borrow ? FL_CF : 0, &f);                             \
                CHECK_EQ(r, want.value);                                                                               \
                CHECK_EQ(f & FL_ALL, want.flags ^ (FL_CF | FL_AF));                                                    \
            }

TEST(sbb_sets_all_six_flags)
{
    CHECK_SUB(8)
    CHECK_SUB(16)
    CHECK_SUB(32)
    CHECK_SUB(64)
}

TEST(inc_and_dec_keep_carry)
{
    for (u32 carry = 0; carry <= FL_CF; carry += FL_CF) {
        u32 f;
        CHECK_EQ(alu_inc32(0xffffffff, carry, &f), 0);
        CHECK_EQ(f & FL_ALL, carry | FL_ZF | FL_AF | FL_PF);
        CHECK_EQ(alu_dec8(0x80, carry, &f), 0x7f);
        CHECK_EQ(f & FL_ALL, carry | FL_OF | FL_AF);
    }
}

TEST(shift_by_one_sets_overflow_as_the_manual_says)
{
    u32 f;
    CHECK_EQ(alu_shl8(0x40, 1, &f), 0x80);
    CHECK_EQ(f & (FL_CF | FL_OF | FL_SF), FL_OF | FL_SF);
    CHECK_EQ(alu_shr16(0x8001, 1, &f), 0x4000);
    CHECK_EQ(f & (FL_CF | FL_OF), FL_CF | FL_OF);
    CHECK_EQ(alu_sar32(0x80000001, 1, &f), 0xc0000000);
    CHECK_EQ(f & (FL_CF | FL_OF), FL_CF);
}

TEST(byte_shift_by_more_than_eight_clears_the_operand)
{
    u32 f;
    CHECK_EQ(alu_shl8(0xff, 9, &f), 0);
    CHECK_EQ(f & FL_CF, 0);
    CHECK_EQ(alu_shl8(0xff, 8, &f), 0);
    CHECK_EQ(f & FL_CF, FL_CF);
    CHECK_EQ(alu_sar8(0x80, 31, &f), 0xff);
}

TEST(rotates_leave_sf_zf_af_pf_alone)
{
    u32 f, in = FL_SF | FL_ZF | FL_AF | FL_PF;
    CHECK_EQ(alu_rol8(0x81, 1, in, &f), 3);
    CHECK_EQ(f & FL_ALL, in | FL_CF | FL_OF);
    CHECK_EQ(alu_ror16(1, 1, in, &f), 0x8000);
    CHECK_EQ(f & FL_ALL, in | FL_CF | FL_OF);
    CHECK_EQ(alu_rcl8(0x80, 1, in, &f), 0);
    CHECK_EQ(f & FL_ALL, in | FL_CF | FL_OF);
    CHECK_EQ(alu_rcr32(0, 1, in | FL_CF, &f), 0x80000000);
    CHECK_EQ(f & FL_CF, 0);
}

TEST(rotate_through_carry_of_a_byte_counts_modulo_nine)
{
    u32 f;
    CHECK_EQ(alu_rcl8(0xa5, 9, FL_CF, &f), 0xa5);
    CHECK_EQ(f & FL_CF, FL_CF);
}

TEST(double_shift_brings_in_the_other_register)
{
    u32 f;
    CHECK_EQ(alu_shld32(0x12345678, 0x9abcdef0, 8, &f), 0x3456789a);
    CHECK_EQ(alu_shrd32(0x12345678, 0x9abcdef0, 8, &f), 0xf0123456);
    CHECK_EQ(alu_shld16(0x1234, 0xabcd, 4, &f), 0x234a);
}

TEST(flags_image_and_eflags_convert_both_ways)
{
    for (u32 bits = 0; bits < 64; bits++) {
        u32 eflags = (bits & 1 ? FLAG_CF : 0) | (bits & 2 ? FLAG_PF : 0) | (bits & 4 ? FLAG_AF : 0) |
                     (bits & 8 ? FLAG_ZF : 0) | (bits & 16 ? FLAG_SF : 0) | (bits & 32 ? FLAG_OF : 0);
        CHECK_EQ(fl_to_eflags(fl_from_eflags(eflags)), eflags);
    }
}

UNIT_MAIN()
