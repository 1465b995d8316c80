/*
 * POPCNT, LZCNT, TZCNT, BMI, ADX, CRC32, MOVBE against the host's processor; VEX decoding; RDRAND, RDPID, FSGSBASE,
 * SMAP, XSAVE by their rules.  Constants: Intel SDM vol. 1 ch. 13, vol. 2; RFC 3720 (CRC32C).
 */
#include "cpu/host_compare.h"

/* --- against the host --- */

#define WIDTHS(prefix, opcode)                                                                                         \
    {prefix " 0f " opcode " ca", 0}, {prefix " 48 0f " opcode " ca", 0}, {"66 " prefix " 0f " opcode " ca", 0},        \
    {prefix " 0f " opcode " 0e", 0}, {prefix " 4d 0f " opcode " c8", 0}

/* VEX.vvvv = RAX, RM = RDX, reg = RCX; then R8, R9 and memory. */
#define VEX(map, pp32, pp64, opcode)                                                                                   \
    {"c4 e" map " " pp32 " " opcode " ca", 0}, {"c4 e" map " " pp64 " " opcode " ca", 0},                              \
    {"c4 e" map " " pp64 " " opcode " 0e", 0}, {"c4 c" map " " pp64 " " opcode " c8", 0}
#define VEX_R9(map, pp64, opcode) {"c4 4" map " " pp64 " " opcode " c8", 0}

TEST(bit_counts_are_as_on_the_host)
{
    static const struct compare_case cases[] = {WIDTHS("f3", "b8"), WIDTHS("f3", "bc"), WIDTHS("f3", "bd")};
    compare_with_host(cases, ARRAY_SIZE(cases), 200);
}

TEST(bmi_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        VEX("2", "78", "f8", "f2"), VEX_R9("2", "b8", "f2"),                            /* ANDN */
        {"c4 e2 78 f3 ca", 0}, {"c4 e2 f8 f3 ca", 0}, {"c4 c2 b8 f3 c9", 0},            /* BLSR */
        {"c4 e2 78 f3 d2", 0}, {"c4 e2 f8 f3 d2", 0}, {"c4 e2 f8 f3 16", 0},            /* BLSMSK */
        {"c4 e2 78 f3 da", 0}, {"c4 e2 f8 f3 da", 0}, {"c4 e2 78 f3 1e", 0},            /* BLSI */
        VEX("2", "78", "f8", "f7"), VEX("2", "78", "f8", "f5"), VEX_R9("2", "b8", "f7"), /* BEXTR, BZHI */
        VEX("2", "7b", "fb", "f5"), VEX("2", "7a", "fa", "f5"),                         /* PDEP, PEXT */
        VEX("2", "7a", "fa", "f7"), VEX("2", "79", "f9", "f7"), VEX("2", "7b", "fb", "f7"), /* SARX, SHLX, SHRX */
        {"c4 e3 7b f0 ca 00", IMMEDIATE}, {"c4 e3 fb f0 ca 00", IMMEDIATE}, {"c4 63 fb f0 06 00", IMMEDIATE},
        VEX("2", "7b", "fb", "f6"), {"c4 e2 f3 f6 ca", 0}, {"c4 e2 73 f6 ca", 0},       /* MULX, both halves to RCX */
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 256);
}

TEST(adx_crc32_and_movbe_are_as_on_the_host)
{
    static const struct compare_case cases[] = {
        {"66 0f 38 f6 ca", 0}, {"66 48 0f 38 f6 ca", 0}, {"66 48 0f 38 f6 0e", 0}, {"f3 0f 38 f6 ca", 0},
        {"f3 48 0f 38 f6 ca", 0}, {"f3 4d 0f 38 f6 c1", 0}, {"f2 0f 38 f0 ca", 0}, {"f2 0f 38 f0 ce", 0},
        {"f2 40 0f 38 f0 cb", 0}, {"f2 48 0f 38 f0 ca", 0}, {"f2 48 0f 38 f0 0e", 0}, {"f2 0f 38 f1 ca", 0},
        {"66 f2 0f 38 f1 ca", 0}, {"f2 48 0f 38 f1 ca", 0}, {"f2 0f 38 f1 0e", 0}, {"0f 38 f0 0e", 0},
        {"66 0f 38 f0 0e", 0}, {"48 0f 38 f0 0e", 0}, {"0f 38 f1 0e", 0}, {"66 0f 38 f1 0e", 0}, {"48 0f 38 f1 0e", 0},
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 200);
}

TEST(every_row_was_compared)
{
    static const u8 features[] = {FEATURE_POPCNT, FEATURE_BMI1, FEATURE_BMI2,
                                  FEATURE_LZCNT,  FEATURE_ADX,  FEATURE_MOVBE};
    if (native_ready())
        check_rows_covered(features, ARRAY_SIZE(features));
}

void do_stac(struct cpu *cpu, const struct op *op);

/* --- on every host --- */

/* RFC 3720, B.4: 32 bytes of zeros, of ones, and 0 to 1F; the CRC starts and ends inverted. */
TEST(crc32_gives_the_checksums_of_rfc_3720)
{
    static const u32 want[3] = {0x8a9136aa, 0x62a8ab43, 0x46dd794e};
    struct toy *toy = start_model("max");
    enter_64bit_mode(toy);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 32; k++)
            toy->ram[DATA + k] = i == 2 ? (u8)k : i ? 0xff : 0;
        toy->cpu->gpr[RSI] = DATA;
        toy->cpu->gpr[RAX] = 0xffffffff;
        CHECK_EQ(run(toy, "f2 48 0f 38 f1 06  f2 48 0f 38 f1 46 08  f2 48 0f 38 f1 46 10  f2 48 0f 38 f1 46 18"),
                 NO_FAULT);
        CHECK_EQ((u32)~toy->cpu->gpr[RAX], want[i]);
    }
    toy_destroy(toy);
}

TEST(tzcnt_and_lzcnt_are_bsf_and_bsr_without_their_feature)
{
    struct toy *toy = start_model("qemu64");
    toy->cpu->gpr[RDX] = 0x10;
    CHECK_EQ(run(toy, "66 f3 0f bd ca"), NO_FAULT);
    CHECK_EQ(toy->cpu->gpr[RCX], 4);
    toy_destroy(toy);
    toy = start_model("max");
    toy->cpu->gpr[RDX] = 0x10;
    CHECK_EQ(run(toy, "66 f3 0f bd ca"), NO_FAULT);
    CHECK_EQ(toy->cpu->gpr[RCX], 27);
    toy_destroy(toy);
}

/* --- VEX --- */

TEST(vex_is_ud_in_real_address_mode_after_prefixes_and_with_wrong_fields)
{
    struct toy *toy = start_model("max");
    CHECK_EQ(run(toy, "c4 e2 78 f2 ca"), VECTOR_UD); /* ANDN ECX, EAX, EDX */
    CHECK_EQ(run(toy, "c4 06 00 50"), NO_FAULT);     /* LES AX, [5000] */
    enter_64bit_mode(toy);
    CHECK_EQ(run(toy, "c4 e2 78 f2 ca"), NO_FAULT);
    static const char *const wrong[] = {
        "66 c4 e2 78 f2 ca", "f3 c4 e2 78 f2 ca", "f2 c4 e2 78 f2 ca", "48 c4 e2 78 f2 ca", "f0 c4 e2 78 f2 0e",
        "c4 e2 7c f2 ca", /* L = 1 */
        "c4 e0 78 f2 ca", "c4 e4 78 f2 ca", "c4 e2 79 f2 ca", "c4 e2 78 f3 e2", "c5 f8 f2 ca",
        "c4 e3 73 f0 ca 01", /* RORX: vvvv must be 1111 */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        if (run(toy, wrong[i]) != VECTOR_DF) {
            unit_errors++;
            printf("%s: no #UD\n", wrong[i]);
        }
    toy_destroy(toy);
}

TEST(in_32_bit_code_vex_needs_a_register_in_what_would_be_modrm_and_w_has_no_meaning)
{
    struct toy *toy = start_model("max");
    toy_protected_mode(toy);
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RAX] = 0xff;
    cpu->gpr[RDX] = 0xf0f;
    CHECK_EQ(run(toy, "c4 e2 f8 f2 ca"), NO_FAULT);
    CHECK_EQ(cpu->gpr[RCX], 0xf00);
    cpu->gpr[RCX] = 0;
    CHECK_EQ(run(toy, "c4 e2 38 f2 ca"), NO_FAULT); /* vvvv bit 3 is ignored */
    CHECK_EQ(cpu->gpr[RCX], 0xf00);
    poke(toy, DATA, 0x1234, 4);
    poke(toy, DATA + 4, TOY_DATA0, 2);
    CHECK_EQ(run(toy, "c4 0d 00 50 00 00"), NO_FAULT); /* LES ECX, [5000] */
    CHECK_EQ(cpu->gpr[RCX], 0x1234);
    toy_destroy(toy);
}

/* --- random numbers --- */

TEST(rdrand_gives_numbers_of_the_operand_size_that_repeat_after_creation)
{
    u64 first[2];
    for (unsigned i = 0; i < 2; i++) {
        struct toy *toy = start_model("max");
        enter_64bit_mode(toy);
        toy->cpu->gpr[RBX] = toy->cpu->gpr[RCX] = ~0ull;
        toy->cpu->rflags |= FLAGS_ARITH;
        CHECK_EQ(run(toy, "48 0f c7 f0  66 0f c7 f3  0f c7 f9"), NO_FAULT);
        CHECK_EQ(toy->cpu->rflags & FLAGS_ARITH, FLAG_CF);
        CHECK_EQ(toy->cpu->gpr[RBX] >> 16, ~0ull >> 16);
        CHECK_EQ(toy->cpu->gpr[RCX] >> 32, 0);
        CHECK(toy->cpu->gpr[RAX] >> 32 && (toy->cpu->gpr[RBX] & 0xffff) != 0xffff);
        first[i] = toy->cpu->gpr[RAX];
        CHECK_EQ(run(toy, "f3 0f c7 f0"), VECTOR_DF);
        toy_destroy(toy);
    }
    CHECK_EQ(first[0], first[1]);
}

/* --- FSGSBASE, RDPID --- */

TEST(fsgsbase_needs_its_bit_in_cr4_and_canonical_addresses)
{
    struct toy *toy = start_model("max");
    struct cpu *cpu = toy->cpu;
    enter_64bit_mode(toy);
    cpu->gpr[RAX] = 0xffff800012345678ull;
    CHECK_EQ(run(toy, "f3 48 0f ae d0"), VECTOR_DF);
    cpu->cr4 |= CR4_FSGSBASE;
    CHECK_EQ(run(toy, "f3 48 0f ae d0  f3 48 0f ae c1  f3 0f ae d8  f3 48 0f ae ca"), NO_FAULT);
    CHECK_EQ(cpu->seg[FS].base, 0xffff800012345678ull);
    CHECK_EQ(cpu->gpr[RCX], 0xffff800012345678ull);
    CHECK_EQ(cpu->seg[GS].base, 0x12345678);
    CHECK_EQ(cpu->gpr[RDX], 0x12345678);
    cpu->gpr[RAX] = 0x800000000000ull;
    CHECK_EQ(run(toy, "f3 48 0f ae d0"), VECTOR_DF);
    toy_destroy(toy);
    toy = start_model("max");
    toy->cpu->cr4 |= CR4_FSGSBASE;
    CHECK_EQ(run(toy, "f3 0f ae d0"), VECTOR_UD); /* not outside of 64-bit mode */
    toy_destroy(toy);
}

TEST(rdpid_reads_tsc_aux)
{
    struct toy *toy = start_model("max");
    toy->cpu->tsc_aux = 0x12345;
    CHECK_EQ(run(toy, "f3 0f c7 f9"), NO_FAULT);
    CHECK_EQ(toy->cpu->gpr[RCX], 0x12345);
    toy_destroy(toy);
}

/* --- SMAP, cache lines --- */

TEST(stac_lifts_smap_and_clac_brings_it_back)
{
    struct toy *toy = start_model("max");
    struct cpu *cpu = toy->cpu;
    enter_64bit_mode(toy);
    poke(toy, 0x12000, 0x83, 8);        /* the first 2 MiB: supervisor */
    poke(toy, 0x12008, 0x200087, 8);    /* the next: user */
    cpu->cr4 |= CR4_SMAP;
    tlb_flush_all(cpu);
    cpu->gpr[RSI] = 0x200000;
    CHECK_EQ(run(toy, "8a 06"), VECTOR_DF);
    CHECK_EQ(cpu->cr2, 0x200000);
    CHECK_EQ(run(toy, "0f 01 cb  8a 06  88 06"), NO_FAULT);
    CHECK(cpu->rflags & FLAG_AC);
    CHECK_EQ(run(toy, "0f 01 ca  8a 06"), VECTOR_DF);
    toy_destroy(toy);
    toy = start_model("max");
    toy_protected_mode(toy);
    toy_set_cpl(toy, 3);
    CHECK_EQ(FAULT_OF(toy->cpu, do_stac(toy->cpu, NULL)), VECTOR_UD);
    toy_destroy(toy);
}

TEST(cache_line_instructions_check_their_operand_as_a_load)
{
    struct toy *toy = start_model("max");
    CHECK_EQ(run(toy, "66 0f ae 3e 03 50  66 0f ae 36 03 50  0f 0d 0e 03 50"), NO_FAULT);
    CHECK_EQ(run(toy, "67 66 0f ae 3d 00 00 01 00"), VECTOR_GP); /* beyond the limit */
    CHECK_EQ(run(toy, "67 0f 0d 0d 00 00 01 00"), NO_FAULT);     /* PREFETCHW never faults */
    toy_destroy(toy);
    toy = start_model("core2duo");
    CHECK_EQ(run(toy, "66 0f ae 3e 00 50"), VECTOR_UD);
    toy_destroy(toy);
}

/* --- XSAVE --- */

static struct toy *start_xsave(void)
{
    struct toy *toy = start_model("max");
    enter_64bit_mode(toy);
    toy->cpu->cr4 |= CR4_OSXSAVE;
    toy->cpu->xcr0 = 3;
    toy->cpu->gpr[RAX] = ~0u;
    toy->cpu->gpr[RDX] = ~0u;
    toy->cpu->gpr[RSI] = DATA;
    memset(toy->ram + DATA, 0, 1024);
    return toy;
}

TEST(xsave_writes_what_is_asked_for_and_tells_what_was_in_use)
{
    struct toy *toy = start_xsave();
    struct cpu *cpu = toy->cpu;
    cpu->vec[3].q[0] = 0x3333;
    cpu->mxcsr = 0x1fa0;
    memset(toy->ram + DATA, 0xee, 512);
    poke(toy, DATA + 512, 1, 8); /* XSTATE_BV of before */
    cpu->gpr[RAX] = 2;
    CHECK_EQ(run(toy, "0f ae 26"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA, 8), 0xeeeeeeeeeeeeeeeeull);
    CHECK_EQ(peek(toy, DATA + 24, 4), 0x1fa0);
    CHECK_EQ(peek(toy, DATA + 160 + 48, 8), 0x3333);
    CHECK_EQ(peek(toy, DATA + 512, 8), 3);
    cpu->gpr[RAX] = 3;
    CHECK_EQ(run(toy, "0f ae 26"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA, 2), 0x37f);
    CHECK_EQ(peek(toy, DATA + 512, 8), 2); /* x87 is as FNINIT leaves it */
    CHECK_EQ(run(toy, "d9 e8  0f ae 26"), NO_FAULT); /* FLD1 */
    CHECK_EQ(peek(toy, DATA + 512, 8), 3);
    memset(toy->ram + DATA, 0xee, 512);
    cpu->vec[3].q[0] = 0;
    CHECK_EQ(run(toy, "0f ae 36"), NO_FAULT); /* XSAVEOPT */
    CHECK_EQ(peek(toy, DATA + 160, 8), 0xeeeeeeeeeeeeeeeeull);
    CHECK_EQ(peek(toy, DATA + 512, 8), 1);
    CHECK_EQ(peek(toy, DATA + 520, 8), 0);
    toy_destroy(toy);
}

TEST(xrstor_makes_initial_what_the_header_does_not_have)
{
    struct toy *toy = start_xsave();
    struct cpu *cpu = toy->cpu;
    cpu->vec[3].q[0] = 0x3333;
    CHECK_EQ(run(toy, "d9 e8  0f ae 26"), NO_FAULT);
    cpu->vec[3].q[0] = 0x4444;
    CHECK_EQ(run(toy, "db e3  0f ae 2e"), NO_FAULT); /* FNINIT; XRSTOR */
    CHECK_EQ(cpu->vec[3].q[0], 0x3333);
    CHECK_EQ(cpu->fpu.valid, 0x80);
    CHECK_EQ(cpu->fpu.reg[7].mantissa, 1ull << 63);
    poke(toy, DATA + 512, 0, 8);
    poke(toy, DATA + 24, 0x1fc0, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT);
    CHECK_EQ(cpu->vec[3].q[0], 0);
    CHECK_EQ(cpu->fpu.valid, 0);
    CHECK_EQ(cpu->fpu.reg[7].mantissa, 0);
    CHECK_EQ(cpu->mxcsr, 0x1fc0); /* the standard form has it always */
    toy_destroy(toy);
}

TEST(xsavec_writes_the_compacted_form_and_xrstor_takes_it)
{
    struct toy *toy = start_xsave();
    struct cpu *cpu = toy->cpu;
    cpu->vec[15].q[1] = 0x1515;
    CHECK_EQ(run(toy, "0f c7 26"), NO_FAULT);
    CHECK_EQ(peek(toy, DATA + 512, 8), 2);
    CHECK_EQ(peek(toy, DATA + 520, 8), 0x8000000000000003ull);
    cpu->vec[15].q[1] = 0;
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT);
    CHECK_EQ(cpu->vec[15].q[1], 0x1515);
    poke(toy, DATA + 512, 0, 8);
    cpu->mxcsr = 0x1fbf;
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT);
    CHECK_EQ(cpu->mxcsr, 0x1f80);
    toy_destroy(toy);
}

TEST(xsave_faults_are_those_of_the_manual)
{
    struct toy *toy = start_xsave();
    struct cpu *cpu = toy->cpu;
    CHECK_EQ(run(toy, "0f ae 66 10"), VECTOR_DF); /* not a multiple of 64 */
    cpu->cr0 |= CR0_TS;
    CHECK_EQ(run(toy, "0f ae 26"), VECTOR_DF);
    cpu->cr0 &= ~(u64)CR0_TS;
    poke(toy, DATA + 512, 4, 8); /* not in XCR0 */
    CHECK_EQ(run(toy, "0f ae 2e"), VECTOR_DF);
    poke(toy, DATA + 512, 0, 8);
    poke(toy, DATA + 528, 1, 8); /* reserved */
    CHECK_EQ(run(toy, "0f ae 2e"), VECTOR_DF);
    poke(toy, DATA + 528, 0, 8);
    poke(toy, DATA + 24, 0x10000, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), VECTOR_DF);
    poke(toy, DATA + 24, 0x1f80, 4);
    CHECK_EQ(run(toy, "0f ae 2e"), NO_FAULT);
    cpu->cr4 &= ~(u64)CR4_OSXSAVE;
    CHECK_EQ(run(toy, "0f ae 26"), VECTOR_DF);
    CHECK_EQ(run(toy, "0f 01 d0"), VECTOR_DF);
    toy_destroy(toy);
}

TEST(xcr0_always_has_the_x87_and_nothing_unknown)
{
    struct toy *toy = start_xsave();
    struct cpu *cpu = toy->cpu;
    u32 out[4];
    cpu->gpr[RCX] = cpu->gpr[RDX] = 0;
    cpu->gpr[RAX] = 1;
    CHECK_EQ(run(toy, "0f 01 d1"), NO_FAULT);
    CHECK_EQ(cpu->xcr0, 1);
    cpu->gpr[RAX] = 2;
    CHECK_EQ(run(toy, "0f 01 d1"), VECTOR_DF);
    cpu->gpr[RAX] = 5; /* AVX without SSE */
    CHECK_EQ(run(toy, "0f 01 d1"), VECTOR_DF);
    cpu->gpr[RAX] = 15;
    CHECK_EQ(run(toy, "0f 01 d1"), VECTOR_DF);
    cpu->gpr[RAX] = 3;
    CHECK_EQ(run(toy, "0f 01 d1  0f 01 d0"), NO_FAULT);
    CHECK_EQ(cpu->gpr[RAX], 3);
    cpu->gpr[RCX] = 1;
    CHECK_EQ(run(toy, "0f 01 d0"), NO_FAULT); /* in use: nothing */
    CHECK_EQ(cpu->gpr[RAX], 0);
    cpu->gpr[RCX] = 2;
    CHECK_EQ(run(toy, "0f 01 d0"), VECTOR_DF);
    cpuid_leaf(cpu, 0xd, 0, out);
    CHECK_EQ(out[0], 7);
    CHECK_EQ(out[1], 576);
    CHECK_EQ(out[2], 832);
    cpuid_leaf(cpu, 0xd, 1, out);
    CHECK_EQ(out[0], 7);
    cpuid_leaf(cpu, 0xd, 3, out);
    CHECK_EQ(out[0] | out[1] | out[2] | out[3], 0);
    cpuid_leaf(cpu, 1, 0, out);
    CHECK(out[2] & 1u << 27); /* OSXSAVE follows CR4 */
    toy_destroy(toy);
}

UNIT_MAIN()
