/*
 * Rules of MMX, SSE and SSE2, as real instructions.  Constants: Intel SDM vol. 1 ch. 9 to 11, vol. 2.
 */
#include "cpu/simd.h"
#include "cpu/toy_code.h"

#define DATA 0x500u

static struct toy *start(void) { return start_model("max"); }

/* --- when they are there --- */

TEST(em_and_missing_osfxsr_are_ud_and_ts_is_nm)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    u64 cr0 = cpu->cr0 & ~(u64)(CR0_EM | CR0_TS), cr4 = cpu->cr4;
    cpu->cr0 = cr0 | CR0_EM | CR0_TS;
    CHECK_EQ(run(toy, "0f 58 c1"), VECTOR_UD);
    CHECK_EQ(run(toy, "0f fc c1"), VECTOR_UD);
    CHECK_EQ(run(toy, "0f ae 06 00 05"), VECTOR_NM); /* FXSAVE */
    cpu->cr0 = cr0 | CR0_TS;
    CHECK_EQ(run(toy, "0f 58 c1"), VECTOR_NM);
    CHECK_EQ(run(toy, "0f fc c1"), VECTOR_NM);
    cpu->cr0 = cr0;
    cpu->cr4 = cr4 & ~(u64)CR4_OSFXSR;
    CHECK_EQ(run(toy, "0f 58 c1"), VECTOR_UD);
    CHECK_EQ(run(toy, "0f fc c1"), NO_FAULT);
    toy_destroy(toy);
}

TEST(sse2_instructions_are_ud_on_a_pentium_iii)
{
    struct toy *toy = start_model("pentium3");
    CHECK_EQ(run(toy, "0f 58 c1"), NO_FAULT);
    CHECK_EQ(run(toy, "66 0f 58 c1"), VECTOR_UD);
    CHECK_EQ(run(toy, "66 0f fc c1"), VECTOR_UD);
    toy_destroy(toy);
}

TEST(mmx_waits_for_x87_exceptions_and_pure_sse_does_not)
{
    struct toy *toy = start();
    toy->cpu->fpu.status = FLOAT_IE | X87_ES | X87_B;
    toy->cpu->fpu.control = 0x37e;
    CHECK_EQ(run(toy, "0f fc c1"), VECTOR_MF);
    CHECK_EQ(run(toy, "0f 77"), VECTOR_MF);
    CHECK_EQ(run(toy, "0f 58 c1"), NO_FAULT);
    CHECK_EQ(run(toy, "0f 2a c1"), VECTOR_MF); /* CVTPI2PS */
    toy_destroy(toy);
}

/* --- MMX --- */

TEST(mmx_writes_alias_the_x87_registers)
{
    struct toy *toy = start();
    poke(toy, DATA, 0x1122334455667788ull, 8);
    toy->cpu->fpu.top = 3;
    run(toy, "0f 6f 16 00 05"); /* MOVQ MM2, [DATA] */
    CHECK_EQ(toy->cpu->fpu.top, 0);
    CHECK_EQ(toy->cpu->fpu.valid, 0xff);
    CHECK_EQ(toy->cpu->fpu.reg[2].mantissa, 0x1122334455667788ull);
    CHECK_EQ(toy->cpu->fpu.reg[2].sign_exponent, 0xffff);
    run(toy, "0f 77");
    CHECK_EQ(toy->cpu->fpu.valid, 0);
    toy_destroy(toy);
}

TEST(mmx_punpckl_reads_four_bytes_of_memory)
{
    struct toy *toy = start();
    poke(toy, 0xfffc, 0x44332211, 4);
    toy->cpu->fpu.reg[0].mantissa = 0xdddddddd04030201ull;
    CHECK_EQ(run(toy, "0f 60 06 fc ff"), NO_FAULT);
    CHECK_EQ(toy->cpu->fpu.reg[0].mantissa, 0x4404330322021101ull);
    toy_destroy(toy);
}

/* One row: 0F opcode with MM and XMM operands a, b. */
struct integer_case {
    u8 opcode;
    u64 a, b, want;
};

static const struct integer_case integer_cases[] = {
    {0xfc, 0xff017f80ff017f80ull, 0x0201018002010180ull, 0x0102800001028000ull}, /* PADDB */
    {0xec, 0x7f80010000000000ull, 0x01ff010000000000ull, 0x7f80020000000000ull}, /* PADDSB */
    {0xdc, 0xff80010000000000ull, 0x0190010000000000ull, 0xffff020000000000ull}, /* PADDUSB */
    {0xed, 0x7fff800000010000ull, 0x0001ffff00010000ull, 0x7fff800000020000ull}, /* PADDSW */
    {0xd9, 0x0001ffff00020000ull, 0x0002000100010000ull, 0x0000fffe00010000ull}, /* PSUBUSW */
    {0xd5, 0x0003ffff12348000ull, 0x0004000200028000ull, 0x000cfffe24680000ull}, /* PMULLW */
    {0xe5, 0x7fffffff80008000ull, 0x7fff000280007fffull, 0x3fffffff4000c000ull}, /* PMULHW */
    {0xe4, 0xffffffff80008000ull, 0xffff000280000001ull, 0xfffe000140000000ull}, /* PMULHUW */
    {0xf5, 0x8000800000010002ull, 0x8000800000030004ull, 0x800000000000000bull}, /* PMADDWD */
    {0xf4, 0x00000000ffffffffull, 0x00000000ffffffffull, 0xfffffffe00000001ull}, /* PMULUDQ */
    {0xf6, 0x0005ff00000a0000ull, 0x0500000000000003ull, 0x0000000000000116ull}, /* PSADBW */
    {0xe0, 0x0002ff0100000000ull, 0x0101ff0000000000ull, 0x0102ff0100000000ull}, /* PAVGB */
    {0x64, 0x01ff7f8000000000ull, 0xff01800000000001ull, 0xff00ff0000000000ull}, /* PCMPGTB */
    {0x75, 0x1234000100020003ull, 0x1234000200020004ull, 0xffff0000ffff0000ull}, /* PCMPEQW */
    {0xdf, 0xff00ff00ff00ff00ull, 0x1234567812345678ull, 0x0034007800340078ull}, /* PANDN */
    {0xee, 0x80007fff00010002ull, 0x7fff800000020001ull, 0x7fff7fff00020002ull}, /* PMAXSW */
    {0xda, 0x80ff017f00000000ull, 0x7f00027e00000000ull, 0x7f00017e00000000ull}, /* PMINUB */
};

TEST(packed_integer_operations_work_on_mmx_and_xmm_registers)
{
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(integer_cases); i++) {
        const struct integer_case *c = &integer_cases[i];
        char code[32];
        toy->cpu->fpu.reg[1].mantissa = c->a;
        toy->cpu->fpu.reg[2].mantissa = c->b;
        snprintf(code, sizeof code, "0f %02x ca", c->opcode);
        CHECK_EQ(run(toy, code), NO_FAULT);
        CHECK_EQ(toy->cpu->fpu.reg[1].mantissa, c->want);
        set(toy, 1, c->a, c->a);
        set(toy, 2, c->b, c->b);
        snprintf(code, sizeof code, "66 0f %02x ca", c->opcode);
        CHECK_EQ(run(toy, code), NO_FAULT);
        CHECK_XMM(toy, 1, c->want, c->want);
    }
    toy_destroy(toy);
}

TEST(packing_saturates_and_interleaves_by_halves)
{
    struct toy *toy = start();
    set(toy, 1, 0x7fff800000ff0100ull, 0x0001fffe007fff80ull);
    set(toy, 2, 0x1111222233334444ull, 0x0000000000000000ull);
    run(toy, "66 0f 63 ca"); /* PACKSSWB */
    CHECK_XMM(toy, 1, 0x7f7f7f7f00000000ull, 0x7f807f7f01fe7f80ull);
    set(toy, 1, 0x7fff800000ff0100ull, 0x0001fffe007fff80ull);
    run(toy, "66 0f 67 ca"); /* PACKUSWB */
    CHECK_XMM(toy, 1, 0xffffffff00000000ull, 0xff00ffff01007f00ull);
    set(toy, 1, 0x0f0e0d0c0b0a0908ull, 0x0706050403020100ull);
    set(toy, 2, 0x1f1e1d1c1b1a1918ull, 0x1716151413121110ull);
    run(toy, "66 0f 68 ca"); /* PUNPCKHBW */
    CHECK_XMM(toy, 1, 0x1f0f1e0e1d0d1c0cull, 0x1b0b1a0a19091808ull);
    toy_destroy(toy);
}

TEST(shift_counts_past_the_width_clear_or_leave_the_sign)
{
    struct toy *toy = start();
    set(toy, 1, 0x8000000180000001ull, 0x8000000180000001ull);
    set(toy, 2, 0, 0x100000001ull); /* all 64 bits of the count matter */
    run(toy, "66 0f d2 ca");
    CHECK_XMM(toy, 1, 0, 0);
    set(toy, 1, 0x8000000180000001ull, 0x8000000180000001ull);
    run(toy, "66 0f e2 ca"); /* PSRAD */
    CHECK_XMM(toy, 1, 0xffffffff00000000ull | 0xffffffff, 0xffffffffffffffffull);
    set(toy, 1, 0x0f0e0d0c0b0a0908ull, 0x0706050403020100ull);
    run(toy, "66 0f 73 d9 03"); /* PSRLDQ 3 */
    CHECK_XMM(toy, 1, 0x0000000f0e0d0c0bull, 0x0a09080706050403ull);
    run(toy, "66 0f 73 f9 10"); /* PSLLDQ 16 */
    CHECK_XMM(toy, 1, 0, 0);
    toy_destroy(toy);
}

TEST(words_are_shuffled_inserted_and_extracted)
{
    struct toy *toy = start();
    set(toy, 2, 0x7777666655554444ull, 0x3333222211110000ull);
    run(toy, "66 0f 70 ca 1b"); /* PSHUFD: reversed */
    CHECK_XMM(toy, 1, 0x1111000033332222ull, 0x5555444477776666ull);
    run(toy, "f3 0f 70 ca 1b"); /* PSHUFHW */
    CHECK_XMM(toy, 1, 0x4444555566667777ull, 0x3333222211110000ull);
    toy->cpu->gpr[RAX] = 0x1234abcd;
    run(toy, "66 0f c4 c8 0d"); /* PINSRW XMM1, EAX, 5 */
    CHECK_XMM(toy, 1, 0x44445555abcd7777ull, 0x3333222211110000ull);
    run(toy, "66 0f c5 da 06"); /* PEXTRW EBX, XMM2, 6 */
    CHECK_EQ(toy->cpu->gpr[RBX], 0x6666);
    set(toy, 2, 0x80ull << 56, 0x8080);
    run(toy, "66 0f d7 da"); /* PMOVMSKB */
    CHECK_EQ(toy->cpu->gpr[RBX], 0x8003);
    toy_destroy(toy);
}

/* --- moves --- */

TEST(scalar_loads_clear_the_rest_and_register_moves_keep_it)
{
    struct toy *toy = start();
    poke(toy, DATA, 0x1111111122222222ull, 8);
    set(toy, 1, ~0ull, ~0ull);
    run(toy, "f3 0f 10 0e 00 05");
    CHECK_XMM(toy, 1, 0, 0x22222222);
    set(toy, 2, ~0ull, ~0ull);
    run(toy, "f3 0f 10 d1");
    CHECK_XMM(toy, 2, ~0ull, 0xffffffff22222222ull);
    run(toy, "f2 0f 10 16 00 05");
    CHECK_XMM(toy, 2, 0, 0x1111111122222222ull);
    set(toy, 2, ~0ull, ~0ull);
    run(toy, "f3 0f 7e d1"); /* MOVQ clears */
    CHECK_XMM(toy, 2, 0, 0x22222222);
    toy_destroy(toy);
}

TEST(aligned_operands_must_be)
{
    struct toy *toy = start();
    CHECK_EQ(run(toy, "0f 28 0e 08 05"), VECTOR_GP);
    CHECK_EQ(run(toy, "0f 29 0e 08 05"), VECTOR_GP);
    CHECK_EQ(run(toy, "0f 58 0e 08 05"), VECTOR_GP);
    CHECK_EQ(run(toy, "66 0f fc 0e 08 05"), VECTOR_GP);
    CHECK_EQ(run(toy, "0f 10 0e 08 05"), NO_FAULT);
    CHECK_EQ(run(toy, "0f ae 06 08 05"), VECTOR_GP); /* FXSAVE */
    CHECK_EQ(run(toy, "f3 0f 58 0e 01 05"), NO_FAULT);
    toy_destroy(toy);
}

TEST(unaligned_stores_cross_pages)
{
    struct toy *toy = start();
    set(toy, 1, 0x0f0e0d0c0b0a0908ull, 0x0706050403020100ull);
    CHECK_EQ(run(toy, "0f 11 0e f9 0f  0f 10 16 f9 0f"), NO_FAULT);
    CHECK_XMM(toy, 2, 0x0f0e0d0c0b0a0908ull, 0x0706050403020100ull);
    CHECK_EQ(peek(toy, 0x1000, 2), 0x0807);
    toy_destroy(toy);
}

TEST(maskmovdqu_writes_the_bytes_whose_mask_is_negative)
{
    struct toy *toy = start();
    set(toy, 1, 0x0f0e0d0c0b0a0908ull, 0x0706050403020100ull);
    set(toy, 2, 0x8000000000000000ull, 0x0000000000ff7f80ull);
    memset(toy->ram + DATA, 0xee, 16);
    toy->cpu->gpr[RDI] = DATA;
    CHECK_EQ(run(toy, "66 0f f7 ca"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA, 8), 0xeeeeeeeeee02ee00ull);
    CHECK_EQ(peek(toy, DATA + 8, 8), 0x0feeeeeeeeeeeeeeull);
    toy_destroy(toy);
}

/* --- floating point --- */

TEST(scalar_arithmetic_keeps_the_upper_elements)
{
    struct toy *toy = start();
    set(toy, 1, 0x1111111122222222ull, 0x333333333f800000ull);
    set(toy, 2, ~0ull, 0xffffffff40000000ull);
    run(toy, "f3 0f 58 ca");
    CHECK_XMM(toy, 1, 0x1111111122222222ull, 0x3333333340400000ull);
    toy_destroy(toy);
}

TEST(of_two_nans_the_first_operand_wins)
{
    struct toy *toy = start();
    set(toy, 1, 0, 0x7f800001); /* SNaN */
    set(toy, 2, 0, 0xffffffff); /* QNaN */
    run(toy, "f3 0f 58 ca");
    CHECK_XMM(toy, 1, 0, 0x7fc00001);
    CHECK_EQ(toy->cpu->mxcsr, 0x1f81);
    toy_destroy(toy);
}

TEST(minimum_gives_the_second_operand_for_nans_and_zeros)
{
    struct toy *toy = start();
    set(toy, 1, 0, 0x7fc00000);
    set(toy, 2, 0, 0x3f800000);
    run(toy, "f3 0f 5d ca");
    CHECK_XMM(toy, 1, 0, 0x3f800000);
    CHECK_EQ(toy->cpu->mxcsr & FLOAT_ALL, FLOAT_IE);
    set(toy, 1, 0, 0);
    set(toy, 2, 0, 0x80000000);
    run(toy, "f3 0f 5f ca");
    CHECK_XMM(toy, 1, 0, 0x80000000);
    toy_destroy(toy);
}

TEST(mxcsr_rounds_and_its_flags_stay)
{
    static const u64 third[4] = {0x3fd5555555555555ull, 0x3fd5555555555555ull, 0x3fd5555555555556ull,
                                 0x3fd5555555555555ull};
    struct toy *toy = start();
    for (unsigned rounding = 0; rounding < 4; rounding++) {
        toy->cpu->mxcsr = 0x1f80 | rounding << 13;
        set(toy, 1, 0, 0x3ff0000000000000ull);
        set(toy, 2, 0, 0x4008000000000000ull);
        run(toy, "f2 0f 5e ca");
        CHECK_XMM(toy, 1, 0, third[rounding]);
        CHECK_EQ(toy->cpu->mxcsr, 0x1fa0 | rounding << 13);
    }
    toy->cpu->mxcsr = 0x1f80;
    set(toy, 1, 0, 0x3ff0000000000000ull);
    run(toy, "f2 0f 58 c9"); /* 1 + 1: exact, whatever the host remembers */
    CHECK_EQ(toy->cpu->mxcsr, 0x1f80);
    toy_destroy(toy);
}

TEST(daz_and_ftz_make_zeros_of_denormals)
{
    struct toy *toy = start();
    set(toy, 1, 0, 0x00400000);
    set(toy, 2, 0, 0x3f800000);
    run(toy, "f3 0f 59 ca");
    CHECK_XMM(toy, 1, 0, 0x00400000);
    CHECK_EQ(toy->cpu->mxcsr, 0x1f80 | FLOAT_DE);
    toy->cpu->mxcsr = 0x1f80 | MXCSR_DAZ;
    run(toy, "f3 0f 59 ca");
    CHECK_XMM(toy, 1, 0, 0);
    CHECK_EQ(toy->cpu->mxcsr, 0x1f80 | MXCSR_DAZ);
    toy->cpu->mxcsr = 0x1f80 | MXCSR_FTZ;
    set(toy, 1, 0, 0x00800000);
    set(toy, 2, 0, 0x3f000000);
    run(toy, "f3 0f 59 ca");
    CHECK_XMM(toy, 1, 0, 0);
    CHECK_EQ(toy->cpu->mxcsr, 0x1f80 | MXCSR_FTZ | FLOAT_UE | FLOAT_PE);
    toy_destroy(toy);
}

TEST(an_unmasked_exception_changes_no_register)
{
    struct toy *toy = start();
    toy->cpu->mxcsr = 0x1d80; /* divide by zero unmasked */
    set(toy, 1, 0x3f8000003f800000ull, 0x3f8000003f800000ull);
    set(toy, 2, 0x4040000040400000ull, 0x0000000040400000ull);
    CHECK_EQ(run(toy, "0f 5e ca"), VECTOR_XM);
    CHECK_XMM(toy, 1, 0x3f8000003f800000ull, 0x3f8000003f800000ull);
    CHECK_EQ(toy->cpu->mxcsr, 0x1d80 | FLOAT_ZE); /* and no PE from the other elements */
    CHECK_EQ(peek(toy, 0x6ffa, 2), CODE);
    toy->cpu->cr4 &= ~(u64)CR4_OSXMMEXCPT;
    CHECK_EQ(run(toy, "0f 5e ca"), VECTOR_UD);
    toy_destroy(toy);
}

/* Measured on hardware: MULSS with OE or UE unmasked; PE says whether the wrapped result is inexact. */
TEST(unmasked_overflow_and_underflow_set_pe_by_the_wrapped_result)
{
    static const struct {
        u32 a, b, mxcsr, want;
    } cases[] = {
        {0x71800000, 0x71800000, 0x1b80, 0x1b88}, {0x71ffffff, 0x71ffffff, 0x1b80, 0x1ba8},
        {0x17c00000, 0x1cc00001, 0x1780, 0x17b0}, {0x17c00000, 0x1d000000, 0x1780, 0x1790},
        {0x17800000, 0x21800000, 0x1780, 0x1790}, {0x17800000, 0x21900000, 0x9780, 0x9790},
    };
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        toy->cpu->mxcsr = cases[i].mxcsr;
        set(toy, 1, 0, cases[i].a);
        set(toy, 2, 0, cases[i].b);
        CHECK_EQ(run(toy, "f3 0f 59 ca"), VECTOR_XM);
        CHECK_EQ(toy->cpu->mxcsr, cases[i].want);
    }
    toy_destroy(toy);
}

TEST(compare_to_flags_and_to_masks)
{
    struct toy *toy = start();
    toy->cpu->rflags |= FLAGS_ARITH;
    cpu_state_changed(toy->cpu);
    set(toy, 1, 0, 0x3f800000);
    set(toy, 2, 0, 0x40000000);
    run(toy, "0f 2e ca");
    CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH, FLAG_CF);
    run(toy, "0f 2e c9");
    CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH, FLAG_ZF);
    set(toy, 2, 0, 0x7fc00000);
    run(toy, "0f 2e ca");
    CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH, FLAG_ZF | FLAG_PF | FLAG_CF);
    CHECK_EQ(toy->cpu->mxcsr & FLOAT_ALL, 0);
    run(toy, "0f 2f ca");
    CHECK_EQ(toy->cpu->mxcsr & FLOAT_ALL, FLOAT_IE);
    run(toy, "f3 0f c2 ca 03"); /* UNORD */
    CHECK_XMM(toy, 1, 0, 0xffffffff);
    toy_destroy(toy);
}

TEST(conversions_to_integers_give_the_indefinite_for_what_does_not_fit)
{
    struct toy *toy = start();
    set(toy, 1, 0, 0x41e0000000000000ull); /* 2^31 */
    run(toy, "f2 0f 2c c1");
    CHECK_EQ(toy->cpu->gpr[RAX], 0x80000000);
    CHECK_EQ(toy->cpu->mxcsr & FLOAT_ALL, FLOAT_IE);
    toy->cpu->mxcsr = 0x1f80;
    set(toy, 1, 0x4004000000000000ull, 0xc004000000000000ull); /* 2.5, -2.5 */
    run(toy, "66 0f e6 d1  f2 0f e6 d9");                      /* truncated, to nearest */
    CHECK_XMM(toy, 2, 0, 0x00000002fffffffeull);
    CHECK_XMM(toy, 3, 0, 0x00000002fffffffeull);
    toy->cpu->mxcsr = 0x5f80;
    run(toy, "f2 0f e6 d9"); /* up */
    CHECK_XMM(toy, 3, 0, 0x00000003fffffffeull);
    toy_destroy(toy);
}

TEST(conversions_between_mmx_and_xmm_use_the_low_half)
{
    struct toy *toy = start();
    toy->cpu->fpu.reg[2].mantissa = 0xffffffff00000003ull;
    set(toy, 1, 0x1234567890abcdefull, 0);
    run(toy, "0f 2a ca"); /* CVTPI2PS XMM1, MM2 */
    CHECK_XMM(toy, 1, 0x1234567890abcdefull, 0xbf80000040400000ull);
    CHECK_EQ(toy->cpu->fpu.valid, 0xff);
    set(toy, 1, 0x7fc000007fc00000ull, 0xbf80000040400000ull); /* the NaNs above raise nothing */
    run(toy, "0f 2c d9");
    CHECK_EQ(toy->cpu->fpu.reg[3].mantissa, 0xffffffff00000003ull);
    CHECK_EQ(toy->cpu->mxcsr & FLOAT_ALL, 0);
    toy_destroy(toy);
}

TEST(reciprocal_approximations_are_good_to_12_bits)
{
    struct toy *toy = start();
    set(toy, 2, 0, 0x40400000);
    run(toy, "f3 0f 53 ca  f3 0f 52 da");
    float r, root;
    memcpy(&r, &toy->cpu->vec[1], 4);
    memcpy(&root, &toy->cpu->vec[3], 4);
    CHECK(r * 3 > 1 - 1.5f / 4096 && r * 3 < 1 + 1.5f / 4096);
    CHECK(root * root * 3 > 1 - 3.1f / 4096 && root * root * 3 < 1 + 3.1f / 4096);
    toy_destroy(toy);
}

/* --- state --- */

TEST(fxsave_and_fxrstor_keep_everything_in_its_place)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    cpu->fpu = (struct fpu){.control = 0x27f, .status = X87_C2, .top = 6, .valid = 0xc0, .opcode = 0x123,
                            .ip = 0x11223344, .dp = 0x55667788, .ip_selector = 8, .dp_selector = 16};
    x87_put(&cpu->fpu.reg[6], 0x4000, 0xc000000000000000ull);
    set(toy, 7, 0x7777777777777777ull, 0x8888888888888888ull);
    cpu->mxcsr = 0x1fa1;
    memset(toy->ram + DATA, 0xee, 512);
    CHECK_EQ(run(toy, "0f ae 06 00 05"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA, 8), 0x012300c03400027full);
    CHECK_EQ(peek(toy, DATA + 8, 8), 0x0000000811223344ull);
    CHECK_EQ(peek(toy, DATA + 16, 8), 0x0000001055667788ull);
    CHECK_EQ(peek(toy, DATA + 24, 8), 0x0000ffff00001fa1ull);
    CHECK_EQ(peek(toy, DATA + 32, 8), 0xc000000000000000ull); /* ST(0) first */
    CHECK_EQ(peek(toy, DATA + 40, 2), 0x4000);
    CHECK_EQ(peek(toy, DATA + 160 + 7 * 16, 8), 0x8888888888888888ull);
    CHECK_EQ(peek(toy, DATA + 464, 8), 0xeeeeeeeeeeeeeeeeull);
    struct fpu saved = cpu->fpu;
    cpu->fpu = (struct fpu){.control = 0x37f};
    cpu->mxcsr = 0x1f80;
    set(toy, 7, 0, 0);
    CHECK_EQ(run(toy, "0f ae 0e 00 05"), NO_FAULT);
    CHECK_EQ(cpu->fpu.control, saved.control);
    CHECK_EQ(cpu->fpu.status, saved.status);
    CHECK_EQ(cpu->fpu.top, saved.top);
    CHECK_EQ(cpu->fpu.valid, saved.valid);
    CHECK_EQ(cpu->fpu.reg[6].mantissa, 0xc000000000000000ull);
    CHECK_EQ(cpu->mxcsr, 0x1fa1);
    CHECK_XMM(toy, 7, 0x7777777777777777ull, 0x8888888888888888ull);
    toy_destroy(toy);
}

TEST(reserved_mxcsr_bits_are_gp)
{
    struct toy *toy = start();
    poke(toy, DATA, 0x11f80, 4);
    CHECK_EQ(run(toy, "0f ae 16 00 05"), VECTOR_GP);
    poke(toy, DATA, 0x1fc0, 4);
    CHECK_EQ(run(toy, "0f ae 16 00 05"), NO_FAULT);
    toy_destroy(toy);
    toy = start_model("pentium3"); /* no DAZ before SSE2 */
    poke(toy, DATA, 0x1fc0, 4);
    CHECK_EQ(run(toy, "0f ae 16 00 05"), VECTOR_GP);
    toy_destroy(toy);
}

TEST(the_host_keeps_its_own_rounding)
{
    struct toy *toy = start();
    volatile double one = 1, three = 3;
    toy->cpu->mxcsr = 0x5f80;
    toy->cpu->fpu.control = 0x07f;
    set(toy, 1, 0, 0x3ff0000000000000ull);
    set(toy, 2, 0, 0x4008000000000000ull);
    run(toy, "f2 0f 5e ca  d9 e8 d8 f0");
    CHECK(one / three == 0x1.5555555555555p-2);
    toy_destroy(toy);
}

UNIT_MAIN()
