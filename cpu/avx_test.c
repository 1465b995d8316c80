/*
 * AVX by the manual's rules: who may use it, what stays of a register, alignment, masks, gathers, exceptions of two
 * lanes, XSAVE; results known from IEEE 754.  Every row's results on random operands: tests/silicon_test.c.
 *
 * Source: Intel SDM vol. 1, 14.1 to 14.9, 13.5.3 "AVX State"; vol. 2, 2.3 "VEX", 2.4 "Exception Classification",
 *   VMASKMOV, VPGATHERDD, XSAVE; IEEE 754-2008, 3.6 (binary16).
 */
#include "cpu/host_compare.h"

static struct toy *start(void)
{
    struct toy *toy = start_model("max");
    enter_64bit_mode(toy);
    for (u32 i = 0; i < 32; i++) {
        poke(toy, TOY_IDT + i * 16, toy_gate(TOY_CODE0, HANDLERS + i * 16, 0x8e, 0), 8);
        poke(toy, TOY_IDT + i * 16 + 8, 0, 8);
    }
    toy->cpu->idtr = (struct descriptor_table){.base = TOY_IDT, .limit = 0x1ff};
    toy->cpu->cr4 |= CR4_OSXSAVE;
    toy->cpu->xcr0 = 7;
    toy->cpu->gpr[RSI] = DATA;
    toy->cpu->gpr[RAX] = ~0u;
    toy->cpu->gpr[RDX] = 0;
    memset(toy->ram + DATA, 0, 1024);
    return toy;
}

static void set_ymm(struct toy *toy, unsigned i, u64 a, u64 b, u64 c, u64 d)
{
    memcpy(&toy->cpu->vec[i], (u64[]){a, b, c, d}, 32);
}

static void check_ymm(const struct toy *toy, int line, unsigned i, u64 a, u64 b, u64 c, u64 d)
{
    const u64 want[4] = {a, b, c, d}, *q = toy->cpu->vec[i].q;
    if (!memcmp(q, want, 32))
        return;
    unit_errors++;
    printf("line %d: YMM%u is %016llx %016llx %016llx %016llx\n", line, i, (unsigned long long)q[3],
           (unsigned long long)q[2], (unsigned long long)q[1], (unsigned long long)q[0]);
}
#define CHECK_YMM(...) check_ymm(toy, __LINE__, __VA_ARGS__)

/* --- who may --- */

TEST(they_need_osxsave_and_xcr0_and_a_clear_ts_and_nothing_else)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    const char *vaddps = "c5 f4 58 c2";
    CHECK_EQ(run(toy, vaddps), NO_FAULT);
    cpu->cr0 |= CR0_TS;
    CHECK_EQ(run(toy, vaddps), VECTOR_NM);
    cpu->xcr0 = 3;
    CHECK_EQ(run(toy, vaddps), VECTOR_UD); /* before #NM */
    cpu->cr0 &= ~(u64)CR0_TS;
    CHECK_EQ(run(toy, vaddps), VECTOR_UD);
    cpu->xcr0 = 7;
    cpu->cr4 &= ~(u64)CR4_OSXSAVE;
    CHECK_EQ(run(toy, vaddps), VECTOR_UD);
    cpu->cr4 |= CR4_OSXSAVE;
    cpu->cr4 &= ~(u64)CR4_OSFXSR;
    cpu->cr0 |= CR0_EM;
    CHECK_EQ(run(toy, vaddps), NO_FAULT);
    toy_destroy(toy);
}

TEST(prefixes_and_unused_fields_are_undefined)
{
    static const struct {
        const char *hex;
        int vector;
    } cases[] = {
        {"66 c5 f4 58 c2", VECTOR_UD}, {"f2 c5 f4 58 c2", VECTOR_UD}, {"f3 c5 f4 58 c2", VECTOR_UD},
        {"f0 c5 f4 58 c2", VECTOR_UD}, {"48 c5 f4 58 c2", VECTOR_UD}, {"2e c5 f4 58 c2", NO_FAULT},
        {"c5 f8 28 c1", NO_FAULT},     {"c5 f0 28 c1", VECTOR_UD}, /* VMOVAPS has no operand in vvvv */
        {"c5 f9 6e c0", NO_FAULT},     {"c5 fd 6e c0", VECTOR_UD}, /* VMOVD: L = 0 */
        {"c5 f6 58 c2", NO_FAULT},                                 /* VADDSS: L is ignored */
        {"c4 e2 71 0c c2", NO_FAULT},  {"c4 e2 f1 0c c2", VECTOR_UD}, /* VPERMILPS: W = 0 */
        {"c4 e3 f9 00 c1 00", VECTOR_UD}, {"c4 e3 fd 00 c1 00", NO_FAULT}, /* VPERMQ: W = 1, L = 1 */
        {"c4 e1 f4 58 c2", NO_FAULT},  {"c4 e0 f4 58 c2", VECTOR_UD}, {"c4 e4 f4 58 c2", VECTOR_UD}, /* maps */
        {"c4 e2 6d 90 0c 8e", VECTOR_UD}, /* VPGATHERDD ymm1, [rsi + ymm1 * 4], ymm2: index is the destination */
        {"c4 e2 75 90 0c 9e", VECTOR_UD}, /* mask is the destination */
        {"c4 e2 65 90 0c 9e", VECTOR_UD}, /* mask is the index */
        {"c4 e2 6d 90 0e", VECTOR_UD},    /* no SIB byte */
        {"c4 e2 6d 90 0c 9e", NO_FAULT},
    };
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        set_ymm(toy, 2, 0, 0, 0, 0);
        set_ymm(toy, 3, 0, 0, 0, 0);
        int got = run(toy, cases[i].hex);
        if (got != cases[i].vector)
            printf("%s: %d\n", cases[i].hex, got);
        CHECK_EQ(got, cases[i].vector);
    }
    toy_destroy(toy);
}

/* --- what stays --- */

TEST(vex_clears_what_is_above_its_length_and_sse_leaves_it)
{
    struct toy *toy = start();
    set_ymm(toy, 0, 1, 2, 3, 4);
    set_ymm(toy, 1, 0x10, 0x20, 0x30, 0x40);
    CHECK_EQ(run(toy, "66 0f fe c1"), NO_FAULT); /* PADDD xmm0, xmm1 */
    CHECK_YMM(0, 0x11, 0x22, 3, 4);
    CHECK_EQ(run(toy, "c5 fd fe c1"), NO_FAULT); /* VPADDD ymm0, ymm0, ymm1 */
    CHECK_YMM(0, 0x21, 0x42, 0x33, 0x44);
    CHECK_EQ(run(toy, "c5 f9 fe c1"), NO_FAULT); /* VPADDD xmm0, xmm0, xmm1 */
    CHECK_YMM(0, 0x31, 0x62, 0, 0);
    set_ymm(toy, 0, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "c5 f2 10 c1"), NO_FAULT); /* VMOVSS xmm0, xmm1, xmm1 */
    CHECK_YMM(0, 0x10, 0x20, 0, 0);
    set_ymm(toy, 0, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "c5 f8 77"), NO_FAULT); /* VZEROUPPER */
    CHECK_YMM(0, 1, 2, 0, 0);
    set_ymm(toy, 15, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "c5 fc 77"), NO_FAULT); /* VZEROALL */
    CHECK_YMM(0, 0, 0, 0, 0);
    CHECK_YMM(15, 0, 0, 0, 0);
    toy_destroy(toy);
}

/* --- memory --- */

TEST(only_moves_that_are_called_aligned_ask_for_alignment)
{
    struct toy *toy = start();
    CHECK_EQ(run(toy, "c5 fc 28 46 10"), VECTOR_GP); /* VMOVAPS ymm0, [rsi + 16] */
    CHECK_EQ(run(toy, "c5 f8 28 46 10"), NO_FAULT);  /* VMOVAPS xmm0, [rsi + 16] */
    CHECK_EQ(run(toy, "c5 fc 2b 46 10"), VECTOR_GP); /* VMOVNTPS [rsi + 16], ymm0 */
    CHECK_EQ(run(toy, "c5 fc 10 46 11"), NO_FAULT);  /* VMOVUPS */
    CHECK_EQ(run(toy, "c5 f4 58 46 11"), NO_FAULT);  /* VADDPS ymm0, ymm1, [rsi + 17] */
    CHECK_EQ(run(toy, "c5 f1 fe 46 11"), NO_FAULT);  /* VPADDD xmm0, xmm1, [rsi + 17] */
    toy_destroy(toy);
}

TEST(masked_elements_do_not_fault)
{
    struct toy *toy = start();
    poke(toy, DATA + 8, 0x1111, 8);
    toy->cpu->gpr[RCX] = 0x7ffffffffff0ull; /* 16 bytes up to where addresses end being canonical, and not mapped */
    set_ymm(toy, 1, 0, 0, 0, 0);
    set_ymm(toy, 0, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "c4 e2 75 2d 01"), NO_FAULT); /* VMASKMOVPD ymm0, ymm1, [rcx] */
    CHECK_YMM(0, 0, 0, 0, 0);
    CHECK_EQ(run(toy, "c4 e2 75 2f 01"), NO_FAULT); /* VMASKMOVPD [rcx], ymm1, ymm0 */
    set_ymm(toy, 1, 0, 0, 1ull << 63, 0);
    CHECK_EQ(run(toy, "c4 e2 75 2d 01"), VECTOR_GP);
    set_ymm(toy, 1, 0, 1ull << 63, 0, 0);
    CHECK_EQ(run(toy, "c4 e2 75 2d 06"), NO_FAULT);
    CHECK_YMM(0, 0, 0x1111, 0, 0);
    set_ymm(toy, 0, 5, 6, 7, 8);
    CHECK_EQ(run(toy, "c4 e2 75 2f 06"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA, 8), 0);
    CHECK_EQ(peek(toy, DATA + 8, 8), 6);
    CHECK_EQ(peek(toy, DATA + 16, 8), 0);
    toy_destroy(toy);
}

TEST(a_gather_goes_on_where_a_fault_left_it)
{
    struct toy *toy = start();
    const u64 all = 1ull << 63, far = 0x7fffffff0000ull;
    poke(toy, DATA, 0xaa, 8);
    poke(toy, DATA + 16, 0xbb, 8);
    poke(toy, DATA + 32, 0xcc, 8);
    set_ymm(toy, 3, 0, 2, far, 4); /* the third is beyond what is mapped */
    set_ymm(toy, 2, all, 0, all, all);
    set_ymm(toy, 1, 1, 2, 3, 4);
    CHECK(run(toy, "c4 e2 ed 91 0c de") != NO_FAULT); /* VPGATHERQQ ymm1, [rsi + ymm3 * 8], ymm2 */
    CHECK_YMM(1, 0xaa, 2, 3, 4);
    CHECK_YMM(2, 0, 0, all, all);
    set_ymm(toy, 3, far, far, 2, 4);
    CHECK_EQ(run(toy, "c4 e2 ed 91 0c de"), NO_FAULT);
    CHECK_YMM(1, 0xaa, 2, 0xbb, 0xcc);
    CHECK_YMM(2, 0, 0, 0, 0);
    toy_destroy(toy);
}

/* --- arithmetic --- */

TEST(exceptions_of_both_lanes_count_together_and_an_unmasked_one_changes_no_register)
{
    struct toy *toy = start();
    toy->cpu->mxcsr = 0x1d80; /* ZE is not masked */
    set_ymm(toy, 0, 1, 2, 3, 4);
    set_ymm(toy, 1, 0x3f8000007f800001, 0x3f8000003f800000, 0x3f8000003f800000, 0x3f8000003f800000); /* SNaN, 1.0 ... */
    set_ymm(toy, 2, 0x3f8000003f800000, 0x3f8000003f800000, 0x3f8000003f800000, 0x3f80000000000000); /* 1.0 ..., 0.0 */
    CHECK_EQ(run(toy, "c5 f4 5e c2"), VECTOR_XM); /* VDIVPS ymm0, ymm1, ymm2 */
    CHECK_YMM(0, 1, 2, 3, 4);
    CHECK_EQ(toy->cpu->mxcsr, 0x1d85);
    toy->cpu->mxcsr = 0x1f80;
    CHECK_EQ(run(toy, "c5 f4 5e c2"), NO_FAULT);
    CHECK_YMM(0, 0x3f8000007fc00001, 0x3f8000003f800000, 0x3f8000003f800000, 0x3f8000007f800000);
    CHECK_EQ(toy->cpu->mxcsr, 0x1f85);
    toy_destroy(toy);
}

/* (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24, which a rounded product has lost. */
TEST(fma_rounds_once)
{
    struct toy *toy = start();
    for (u32 mxcsr = 0x1f80; mxcsr >= 0x1780; mxcsr -= 0x800) { /* with UE unmasked it is computed in software */
        toy->cpu->mxcsr = mxcsr;
        set_ymm(toy, 0, 0x3f800800, 2, 3, 4);
        set_ymm(toy, 1, 0x3f801000, 0, 0, 0);
        set_ymm(toy, 2, 0x3f800800, 0, 0, 0);
        CHECK_EQ(run(toy, "c4 e2 69 ab c1"), NO_FAULT); /* VFMSUB213SS xmm0, xmm2, xmm1 */
        CHECK_YMM(0, 0x33800000, 2, 0, 0);
    }
    toy_destroy(toy);
}

TEST(halves_are_those_of_binary16)
{
    static const struct {
        u32 single;
        u16 nearest, to_zero;
    } rows[] = {{0x3f800000, 0x3c00, 0x3c00}, {0x477fe000, 0x7bff, 0x7bff} /* 65504 */,
                {0x477ff000, 0x7c00, 0x7bff} /* 65520 */, {0x33800000, 0x0001, 0x0001} /* 2^-24 */,
                {0x33000000, 0x0000, 0x0000} /* 2^-25 */, {0xbf801000, 0xbc00, 0xbc00} /* half way to the next */,
                {0xbf803000, 0xbc02, 0xbc01}, {0xff800000, 0xfc00, 0xfc00}, {0x7fc02000, 0x7e01, 0x7e01}};
    struct toy *toy = start();
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        set_ymm(toy, 1, rows[i].single, 0, 0, 0);
        CHECK_EQ(run(toy, "c4 e3 79 1d c8 00"), NO_FAULT); /* VCVTPS2PH xmm0, xmm1, 0 */
        CHECK_EQ(toy->cpu->vec[0].w[0], rows[i].nearest);
        CHECK_EQ(run(toy, "c4 e3 79 1d c8 03"), NO_FAULT);
        CHECK_EQ(toy->cpu->vec[0].w[0], rows[i].to_zero);
    }
    set_ymm(toy, 0, 0x7e0103ff80013c00, 0, 0, 0);
    CHECK_EQ(run(toy, "c4 e2 79 13 c8"), NO_FAULT); /* VCVTPH2PS xmm1, xmm0 */
    CHECK_YMM(1, 0xb38000003f800000, 0x7fc02000387fc000, 0, 0);
    toy_destroy(toy);
}

/* --- state --- */

TEST(xsave_has_the_upper_halves_as_component_2)
{
    struct toy *toy = start();
    struct cpu *cpu = toy->cpu;
    set_ymm(toy, 3, 0, 0, 0x33, 0x34);
    CHECK_EQ(run(toy, "0f ae 26"), NO_FAULT); /* XSAVE */
    CHECK_EQ(peek(toy, DATA + 512, 8), 4);
    CHECK_EQ(peek(toy, DATA + 576 + 48, 8), 0x33);
    CHECK_EQ(peek(toy, DATA + 576 + 56, 8), 0x34);
    set_ymm(toy, 3, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT); /* XRSTOR */
    CHECK_YMM(3, 0, 0, 0x33, 0x34);
    cpu->gpr[RAX] = 2;
    set_ymm(toy, 3, 1, 2, 3, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT); /* of XMM only */
    CHECK_YMM(3, 0, 0, 3, 4);
    cpu->gpr[RAX] = 4;
    poke(toy, DATA + 512, 0, 8);
    poke(toy, DATA + 24, 0x1fc0, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT);
    CHECK_YMM(3, 0, 0, 0, 0);
    CHECK_EQ(cpu->mxcsr, 0x1fc0); /* with component 2, too */
    memset(toy->ram + DATA + 576, 0xee, 256);
    CHECK_EQ(run(toy, "0f ae 36"), NO_FAULT); /* XSAVEOPT: in its initial state */
    CHECK_EQ(peek(toy, DATA + 576, 8), 0xeeeeeeeeeeeeeeeeull);
    CHECK_EQ(peek(toy, DATA + 512, 8), 0);
    set_ymm(toy, 15, 0, 0, 0, 5);
    CHECK_EQ(run(toy, "0f c7 26"), NO_FAULT); /* XSAVEC */
    CHECK_EQ(peek(toy, DATA + 512, 8), 4);
    CHECK_EQ(peek(toy, DATA + 520, 8), 0x8000000000000004ull);
    CHECK_EQ(peek(toy, DATA + 576 + 248, 8), 5);
    toy_destroy(toy);
}

TEST(cpuid_tells_of_it)
{
    struct toy *toy = start();
    u32 out[4];
    cpuid_leaf(toy->cpu, 1, 0, out);
    CHECK_EQ(out[2] & (1u << 12 | 1u << 28 | 1u << 29), 1u << 12 | 1u << 28 | 1u << 29);
    cpuid_leaf(toy->cpu, 7, 0, out);
    CHECK(out[1] & 1u << 5);
    cpuid_leaf(toy->cpu, 0xd, 0, out);
    CHECK_EQ(out[0], 7);
    CHECK_EQ(out[1], 832);
    CHECK_EQ(out[2], 832);
    cpuid_leaf(toy->cpu, 0xd, 2, out);
    CHECK_EQ(out[0], 256);
    CHECK_EQ(out[1], 576);
    CHECK_EQ(out[2] | out[3], 0);
    toy_destroy(toy);
}

UNIT_MAIN()
