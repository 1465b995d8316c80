/*
 * SSE3, SSSE3, SSE4.1, SSE4.2, AES, PCLMULQDQ and SHA: every row against the host's processor, the standards' own test
 * vectors, and what faults.  Constants: FIPS 197, FIPS 180-4, Intel SDM vol. 2.
 */
#include "cpu/host_compare.h"

/* XMM1 with XMM2, with memory, and XMM9 with XMM2. */
#define XMM(prefix, opcode, options)                                                                                   \
    {prefix " " opcode " ca", options}, {prefix " " opcode " 0e", options}, {prefix " 44 " opcode " ca", options}
#define XMM_I(prefix, opcode, options)                                                                                 \
    {prefix " " opcode " ca 00", IMMEDIATE | (options)}, {prefix " " opcode " 0e 00", IMMEDIATE | (options)},          \
    {prefix " 44 " opcode " ca 00", IMMEDIATE | (options)}
#define BOTH(opcode) {opcode " ca", 0}, {opcode " 0e", 0}, XMM("66", opcode, 0)
#define MEMORY_ONLY(prefix, opcode, options) {prefix " " opcode " 0e", options}

TEST(sse3_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        XMM("66", "0f 7c", FLOATS), XMM("f2", "0f 7c", FLOATS), XMM("66", "0f 7d", FLOATS), XMM("f2", "0f 7d", FLOATS),
        XMM("66", "0f d0", FLOATS), XMM("f2", "0f d0", FLOATS), XMM("f3", "0f 12", 0), XMM("f3", "0f 16", 0),
        XMM("f2", "0f 12", 0), MEMORY_ONLY("f2", "0f f0", 0), {"f2 0f f0 4e 01", 0},
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 500);
}

TEST(ssse3_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        BOTH("0f 38 00"), BOTH("0f 38 01"), BOTH("0f 38 02"), BOTH("0f 38 03"), BOTH("0f 38 04"), BOTH("0f 38 05"),
        BOTH("0f 38 06"), BOTH("0f 38 07"), BOTH("0f 38 08"), BOTH("0f 38 09"), BOTH("0f 38 0a"), BOTH("0f 38 0b"),
        BOTH("0f 38 1c"), BOTH("0f 38 1d"), BOTH("0f 38 1e"), XMM_I("66", "0f 3a 0f", 0), {"0f 3a 0f ca 00", IMMEDIATE},
        {"0f 3a 0f 0e 00", IMMEDIATE},
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 256);
}

TEST(sse41_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        XMM("66", "0f 38 10", 0), XMM("66", "0f 38 14", 0), XMM("66", "0f 38 15", 0), XMM("66", "0f 38 17", 0),
        XMM("66", "0f 38 20", 0), XMM("66", "0f 38 21", 0), XMM("66", "0f 38 22", 0), XMM("66", "0f 38 23", 0),
        XMM("66", "0f 38 24", 0), XMM("66", "0f 38 25", 0), XMM("66", "0f 38 30", 0), XMM("66", "0f 38 31", 0),
        XMM("66", "0f 38 32", 0), XMM("66", "0f 38 33", 0), XMM("66", "0f 38 34", 0), XMM("66", "0f 38 35", 0),
        XMM("66", "0f 38 28", 0), XMM("66", "0f 38 29", 0), XMM("66", "0f 38 2b", 0), XMM("66", "0f 38 38", 0),
        XMM("66", "0f 38 39", 0), XMM("66", "0f 38 3a", 0), XMM("66", "0f 38 3b", 0), XMM("66", "0f 38 3c", 0),
        XMM("66", "0f 38 3d", 0), XMM("66", "0f 38 3e", 0), XMM("66", "0f 38 3f", 0), XMM("66", "0f 38 40", 0),
        XMM("66", "0f 38 41", 0), MEMORY_ONLY("66", "0f 38 2a", 0), XMM_I("66", "0f 3a 0c", 0),
        XMM_I("66", "0f 3a 0d", 0), XMM_I("66", "0f 3a 0e", 0), XMM_I("66", "0f 3a 42", 0), XMM_I("66", "0f 3a 21", 0),
        XMM_I("66", "0f 3a 14", 0), XMM_I("66", "0f 3a 15", 0), XMM_I("66", "0f 3a 16", 0), XMM_I("66", "0f 3a 17", 0),
        XMM_I("66", "0f 3a 20", 0), XMM_I("66", "0f 3a 22", 0), {"66 48 0f 3a 16 ca 00", IMMEDIATE},
        {"66 49 0f 3a 16 c8 00", IMMEDIATE}, {"66 48 0f 3a 16 0e 00", IMMEDIATE}, {"66 48 0f 3a 22 ca 00", IMMEDIATE},
        {"66 49 0f 3a 22 c8 00", IMMEDIATE}, {"66 48 0f 3a 22 0e 00", IMMEDIATE}, {"66 48 0f 3a 17 ca 00", IMMEDIATE},
        {"66 48 0f 3a 14 ca 00", IMMEDIATE}, {"66 48 0f 3a 15 0e 00", IMMEDIATE},
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 256);
}

TEST(sse41_floating_point_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        XMM_I("66", "0f 3a 08", FLOATS), XMM_I("66", "0f 3a 09", FLOATS), XMM_I("66", "0f 3a 0a", FLOATS),
        XMM_I("66", "0f 3a 0b", FLOATS), XMM_I("66", "0f 3a 40", FLOATS), XMM_I("66", "0f 3a 41", FLOATS),
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 2048);
}

TEST(sse42_is_as_on_the_host)
{
    static const struct compare_case cases[] = {
        XMM("66", "0f 38 37", 0), XMM_I("66", "0f 3a 60", SMALL), XMM_I("66", "0f 3a 61", SMALL),
        XMM_I("66", "0f 3a 62", SMALL), XMM_I("66", "0f 3a 63", SMALL), {"66 48 0f 3a 61 ca 00", IMMEDIATE | SMALL},
        {"66 48 0f 3a 60 ca 00", IMMEDIATE}, {"66 0f 3a 63 4e 07 00", IMMEDIATE},
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 1024);
}

TEST(aes_pclmulqdq_and_sha_are_as_on_the_host)
{
    static const struct compare_case cases[] = {
        XMM("66", "0f 38 db", 0), XMM("66", "0f 38 dc", 0), XMM("66", "0f 38 dd", 0), XMM("66", "0f 38 de", 0),
        XMM("66", "0f 38 df", 0), XMM_I("66", "0f 3a df", 0), XMM_I("66", "0f 3a 44", 0), XMM("", "0f 38 c8", 0),
        XMM("", "0f 38 c9", 0), XMM("", "0f 38 ca", 0), XMM("", "0f 38 cb", 0), XMM("", "0f 38 cc", 0),
        XMM("", "0f 38 cd", 0), XMM_I("", "0f 3a cc", 0),
    };
    compare_with_host(cases, ARRAY_SIZE(cases), 256);
}

TEST(every_row_was_compared)
{
    static const u8 features[] = {FEATURE_SSSE3, FEATURE_SSE41, FEATURE_AES, FEATURE_PCLMUL, FEATURE_SHA};
    if (native_ready())
        check_rows_covered(features, ARRAY_SIZE(features));
}

/* --- test vectors of the standards, on every host --- */

/* Bytes as the standards print them: the first is byte 0. */
static void set_bytes(struct toy *toy, unsigned i, const char *hex)
{
    CHECK_EQ(from_hex(hex, toy->cpu->vec[i].b, 16), 16);
}

static void check_bytes(const struct toy *toy, int line, unsigned i, const char *hex)
{
    u8 want[16];
    u64 q[2];
    from_hex(hex, want, sizeof want);
    memcpy(q, want, sizeof q);
    check_xmm(toy, line, i, q[1], q[0]);
}
#define CHECK_BYTES(toy, ...) check_bytes(toy, __LINE__, __VA_ARGS__)

/* FIPS 197, appendix B: state and key at the start of round 1, state at the start of rounds 2; last round. */
TEST(aes_rounds_give_the_states_of_fips_197)
{
    struct toy *toy = start_model("max");
    set_bytes(toy, 1, "19 3d e3 be a0 f4 e2 2b 9a c6 8d 2a e9 f8 48 08");
    set_bytes(toy, 2, "a0 fa fe 17 88 54 2c b1 23 a3 39 39 2a 6c 76 05");
    CHECK_EQ(run(toy, "66 0f 38 dc ca"), NO_FAULT);
    CHECK_BYTES(toy, 1, "a4 9c 7f f2 68 9f 35 2b 6b 5b ea 43 02 6a 50 49");
    set_bytes(toy, 1, "eb 40 f2 1e 59 2e 38 84 8b a1 13 e7 1b c3 42 d2");
    set_bytes(toy, 2, "d0 14 f9 a8 c9 ee 25 89 e1 3f 0c c8 b6 63 0c a6");
    CHECK_EQ(run(toy, "66 0f 38 dd ca"), NO_FAULT);
    CHECK_BYTES(toy, 1, "39 25 84 1d 02 dc 09 fb dc 11 85 97 19 6a 0b 32");
    /* And back: AESDECLAST with the key of round 0 undoes the first round's SubBytes and ShiftRows. */
    set_bytes(toy, 1, "d4 bf 5d 30 e0 b4 52 ae b8 41 11 f1 1e 27 98 e5");
    set_bytes(toy, 2, "2b 7e 15 16 28 ae d2 a6 ab f7 15 88 09 cf 4f 3c");
    CHECK_EQ(run(toy, "66 0f 38 df ca"), NO_FAULT);
    CHECK_BYTES(toy, 1, "32 43 f6 a8 88 5a 30 8d 31 31 98 a2 e0 37 07 34");
    toy_destroy(toy);
}

/* FIPS 197, appendix A.1: w[4] = w[0] ^ SubWord(RotWord(w[3])) ^ Rcon. */
TEST(aeskeygenassist_expands_the_key_of_fips_197)
{
    struct toy *toy = start_model("max");
    set_bytes(toy, 2, "2b 7e 15 16 28 ae d2 a6 ab f7 15 88 09 cf 4f 3c");
    CHECK_EQ(run(toy, "66 0f 3a df ca 01"), NO_FAULT);
    CHECK_EQ(toy->cpu->vec[1].d[3], 0x01eb848b); /* 8b 84 eb 01 */
    toy_destroy(toy);
}

TEST(aesdec_undoes_aesenc_through_aesimc)
{
    struct toy *toy = start_model("max");
    set_bytes(toy, 1, "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff");
    set(toy, 2, 0, 0);
    set_bytes(toy, 3, "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff");
    /* MixColumns(x) by AESDECLAST and AESENC, InvMixColumns by AESIMC. */
    CHECK_EQ(run(toy, "66 0f 38 df ca  66 0f 38 dc ca  66 0f 38 db c9"), NO_FAULT);
    CHECK_BYTES(toy, 1, "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff");
    toy_destroy(toy);
}

/* FIPS 180-4 with the message "abc" (CSRC "SHA1", "SHA256" example pages): whole blocks by the instructions. */
static const u32 abc_block[16] = {0x61626380, [15] = 0x18};

static void store_words(struct toy *toy, u32 address, u32 a, u32 b, u32 c, u32 d)
{
    poke(toy, address, a, 4), poke(toy, address + 4, b, 4), poke(toy, address + 8, c, 4), poke(toy, address + 12, d, 4);
}

TEST(sha1_of_abc_is_that_of_fips_180)
{
    struct toy *toy = start_model("max");
    struct cpu *cpu = toy->cpu;
    union simd w[20];
    for (unsigned i = 0; i < 4; i++)
        w[i] = (union simd){.d = {abc_block[4 * i + 3], abc_block[4 * i + 2], abc_block[4 * i + 1], abc_block[4 * i]}};
    for (unsigned i = 4; i < 20; i++) { /* SHA1MSG1, PXOR, SHA1MSG2 */
        memcpy(&cpu->vec[1], &w[i - 4], 16);
        memcpy(&cpu->vec[2], &w[i - 3], 16);
        memcpy(&cpu->vec[3], &w[i - 2], 16);
        memcpy(&cpu->vec[4], &w[i - 1], 16);
        CHECK_EQ(run(toy, "0f 38 c9 ca  66 0f ef cb  0f 38 ca cc"), NO_FAULT);
        memcpy(&w[i], &cpu->vec[1], 16);
    }
    /* SHA1NEXTE XMM2, XMM3; MOVDQA XMM4, XMM1; SHA1RNDS4 XMM1, XMM2, function */
    static const char *const rounds[4] = {
        "0f 38 c8 d3  66 0f 6f e1  0f 3a cc ca 00", "0f 38 c8 d3  66 0f 6f e1  0f 3a cc ca 01",
        "0f 38 c8 d3  66 0f 6f e1  0f 3a cc ca 02", "0f 38 c8 d3  66 0f 6f e1  0f 3a cc ca 03"};
    store_words(toy, DATA, 0x10325476, 0x98badcfe, 0xefcdab89, 0x67452301);
    memcpy(&cpu->vec[1], toy->ram + DATA, 16);
    /* E of the first group is added plainly: E's element as if it were rotated. */
    w[0].d[3] += 0xc3d2e1f0;
    memcpy(&cpu->vec[2], &w[0], 16);
    CHECK_EQ(run(toy, "66 0f 6f e1  0f 3a cc ca 00"), NO_FAULT);
    for (unsigned i = 1; i < 20; i++) {
        memcpy(&cpu->vec[3], &w[i], 16);
        memcpy(&cpu->vec[2], &cpu->vec[4], 16);
        CHECK_EQ(run(toy, rounds[i / 5]), NO_FAULT);
    }
    memset(&cpu->vec[3], 0, 16);
    memcpy(&cpu->vec[2], &cpu->vec[4], 16);
    CHECK_EQ(run(toy, "0f 38 c8 d3"), NO_FAULT);
    CHECK_EQ((u32)(cpu->vec[1].d[3] + 0x67452301), 0xa9993e36);
    CHECK_EQ((u32)(cpu->vec[1].d[2] + 0xefcdab89), 0x4706816a);
    CHECK_EQ((u32)(cpu->vec[1].d[1] + 0x98badcfe), 0xba3e2571);
    CHECK_EQ((u32)(cpu->vec[1].d[0] + 0x10325476), 0x7850c26c);
    CHECK_EQ((u32)(cpu->vec[2].d[3] + 0xc3d2e1f0), 0x9cd0d89d);
    toy_destroy(toy);
}

/* Fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
static const u32 sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

TEST(sha256_of_abc_is_that_of_fips_180)
{
    static const u32 want[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    struct toy *toy = start_model("max");
    struct cpu *cpu = toy->cpu;
    union simd w[16];
    memcpy(w, abc_block, sizeof abc_block);
    for (unsigned i = 4; i < 16; i++) { /* SHA256MSG1; PALIGNR of w[t-7]; PADDD; SHA256MSG2 */
        for (unsigned k = 0; k < 4; k++)
            memcpy(&cpu->vec[1 + k], &w[i - 4 + k], 16);
        CHECK_EQ(run(toy, "0f 38 cc ca  66 0f 6f ec  66 0f 3a 0f eb 04  66 0f fe cd  0f 38 cd cc"), NO_FAULT);
        memcpy(&w[i], &cpu->vec[1], 16);
    }
    set(toy, 1, 0x6a09e667bb67ae85ull, 0x510e527f9b05688cull); /* A B E F */
    set(toy, 2, 0x3c6ef372a54ff53aull, 0x1f83d9ab5be0cd19ull); /* C D G H */
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned k = 0; k < 4; k++)
            cpu->vec[0].d[k] = w[i].d[k] + sha256_constants[4 * i + k];
        CHECK_EQ(run(toy, "0f 38 cb d1  66 0f 70 c0 0e  0f 38 cb ca"), NO_FAULT);
    }
    const u32 got[8] = {cpu->vec[1].d[3], cpu->vec[1].d[2], cpu->vec[2].d[3], cpu->vec[2].d[2],
                        cpu->vec[1].d[1], cpu->vec[1].d[0], cpu->vec[2].d[1], cpu->vec[2].d[0]};
    static const u32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ((u32)(got[i] + start[i]), want[i]);
    toy_destroy(toy);
}

/* "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode", figure 8 ff. */
TEST(pclmulqdq_takes_the_halves_that_the_immediate_names)
{
    struct toy *toy = start_model("max");
    static const struct {
        const char *hex;
        u64 high, low;
    } cases[] = {
        {"66 0f 3a 44 ca 00", 0x1d4d84c85c3440c0ull, 0x929633d5d36f0451ull},
        {"66 0f 3a 44 ca 10", 0x1bd17c8d556ab5a1ull, 0x7fa540ac2a281315ull},
        {"66 0f 3a 44 ca 01", 0x1a2bf6db3a30862full, 0xbabf262df4b7d5c9ull},
        {"66 0f 3a 44 ca 11", 0x1d1e1f2c592e7c45ull, 0xd66ee03e410fd4edull},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        set(toy, 1, 0x7b5b546573745665ull, 0x63746f725d53475dull);
        set(toy, 2, 0x4869285368617929ull, 0x5b477565726f6e5dull);
        CHECK_EQ(run(toy, cases[i].hex), NO_FAULT);
        CHECK_XMM(toy, 1, cases[i].high, cases[i].low);
    }
    toy_destroy(toy);
}

/* --- faults --- */

TEST(sixteen_byte_operands_must_be_aligned_except_in_lddqu_and_string_comparisons)
{
    struct toy *toy = start_model("max");
    CHECK_EQ(run(toy, "66 0f 38 00 0e 08 50"), VECTOR_GP); /* PSHUFB */
    CHECK_EQ(run(toy, "66 0f 3a 08 0e 08 50 00"), VECTOR_GP); /* ROUNDPS */
    CHECK_EQ(run(toy, "66 0f 38 2a 0e 08 50"), VECTOR_GP); /* MOVNTDQA */
    CHECK_EQ(run(toy, "66 0f 38 dc 0e 08 50"), VECTOR_GP); /* AESENC */
    CHECK_EQ(run(toy, "0f 38 c8 0e 08 50"), VECTOR_GP); /* SHA1NEXTE */
    CHECK_EQ(run(toy, "66 0f 3a 44 0e 08 50 00"), VECTOR_GP); /* PCLMULQDQ */
    CHECK_EQ(run(toy, "f2 0f 7c 0e 08 50"), VECTOR_GP); /* HADDPS */
    CHECK_EQ(run(toy, "f3 0f 12 0e 08 50"), VECTOR_GP); /* MOVSLDUP */
    CHECK_EQ(run(toy, "f2 0f f0 0e 08 50"), NO_FAULT); /* LDDQU */
    CHECK_EQ(run(toy, "66 0f 3a 63 0e 08 50 00"), NO_FAULT); /* PCMPISTRI */
    CHECK_EQ(run(toy, "66 0f 38 20 0e 01 50"), NO_FAULT); /* PMOVSXBW: 8 bytes */
    CHECK_EQ(run(toy, "f2 0f 12 0e 01 50"), NO_FAULT); /* MOVDDUP */
    toy_destroy(toy);
}

TEST(they_are_ud_without_their_feature_and_without_osfxsr_and_nm_with_ts)
{
    static const struct {
        const char *hex, *without, *with;
    } cases[] = {
        {"f2 0f 7c ca", "pentium3", "qemu32"},           {"66 0f 38 00 ca", "qemu64", "core2duo"},
        {"0f 38 1c ca", "qemu64", "core2duo"},           {"66 0f 38 17 ca", "core2duo", "x86-64-v2"},
        {"66 0f 38 37 ca", "core2duo", "x86-64-v2"},     {"66 0f 38 dc ca", "x86-64-v2", "max"},
        {"66 0f 3a 44 ca 00", "x86-64-v2", "max"},       {"0f 38 c8 ca", "x86-64-v2", "max"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct toy *toy = start_model(cases[i].without);
        CHECK_EQ(run(toy, cases[i].hex), VECTOR_UD);
        toy_destroy(toy);
        toy = start_model(cases[i].with);
        CHECK_EQ(run(toy, cases[i].hex), NO_FAULT);
        toy->cpu->cr0 |= CR0_TS;
        CHECK_EQ(run(toy, cases[i].hex), VECTOR_NM);
        toy->cpu->cr0 &= ~(u64)CR0_TS;
        toy->cpu->cr4 &= ~(u64)CR4_OSFXSR;
        bool mmx = cases[i].hex[3] == '3' && cases[i].hex[6] == '1';
        CHECK_EQ(run(toy, cases[i].hex), mmx ? NO_FAULT : VECTOR_UD);
        toy_destroy(toy);
    }
}

TEST(unmasked_exceptions_of_sse3_and_sse41_change_no_register)
{
    struct toy *toy = start_model("max");
    toy->cpu->mxcsr = 0x1f00; /* IE unmasked */
    set(toy, 1, 0, 0x7f800001);
    set(toy, 2, 0x3f8000003f800000ull, 0x3f80000040490fdbull);
    CHECK_EQ(run(toy, "f2 0f 7c ca"), VECTOR_XM);
    CHECK_XMM(toy, 1, 0, 0x7f800001);
    toy->cpu->mxcsr = 0x0f80; /* PE unmasked */
    CHECK_EQ(run(toy, "66 0f 3a 0a ca 00"), VECTOR_XM); /* ROUNDSS */
    CHECK_XMM(toy, 1, 0, 0x7f800001);
    CHECK_EQ(toy->cpu->mxcsr, 0x0fa0);
    toy->cpu->mxcsr = 0x0f80;
    CHECK_EQ(run(toy, "66 0f 3a 0a ca 08"), NO_FAULT); /* PE suppressed */
    CHECK_XMM(toy, 1, 0, 0x40400000);
    CHECK_EQ(toy->cpu->mxcsr, 0x0f80);
    toy_destroy(toy);
}

UNIT_MAIN()
