/*
 * Frames of data tracks: their EDC and ECC checked by the equations of ECMA-130.
 */
#include "devices/block/disc.h"
#include "tests/unit.h"

static u8 frame[DISC_RAW_BYTES];

static void fill(u8 subheader)
{
    u32 seed = 12345;
    for (int i = 16; i < DISC_RAW_BYTES; i++) {
        seed = seed * 1103515245 + 12345;
        frame[i] = (u8)(seed >> 16);
    }
    frame[18] = frame[22] = subheader;
}

/* "The remainder of the division of the sector's bits, least significant bit first, by P(x) shall be zero." */
static u32 remainder_of(const u8 *data, unsigned length)
{
    u64 polynomial = 0x18001801bull, rest = 0;
    for (unsigned bit = 0; bit < length * 8; bit++) {
        rest = rest << 1 | (data[bit / 8] >> bit % 8 & 1);
        if (rest >> 32)
            rest ^= polynomial;
    }
    return (u32)rest;
}

static u8 multiply(u8 a, u8 b)
{
    u8 product = 0;
    for (; b; b >>= 1, a = (u8)(a << 1 ^ (a & 0x80 ? 0x1d : 0)))
        product ^= b & 1 ? a : 0;
    return product;
}

/* Annex A: words of 16 bits from byte 12 on, their halves apart; H * V = 0 with rows of 1 and of alpha^(n-1) ... alpha,
 * 1. */
static bool is_code_word(const u16 *words, int count, int half)
{
    u8 sum = 0, weighted = 0;
    for (int i = 0; i < count; i++) {
        u8 symbol = frame[12 + 2 * words[i] + half];
        sum ^= symbol;
        weighted = multiply(weighted, 2) ^ symbol;
    }
    return sum == 0 && weighted == 0;
}

static void check_ecc(void)
{
    u16 words[45];
    for (int n = 0; n < 43; n++) {
        for (int m = 0; m < 26; m++)
            words[m] = (u16)(43 * m + n);
        CHECK(is_code_word(words, 26, 0) && is_code_word(words, 26, 1));
    }
    for (int n = 0; n < 26; n++) {
        for (int m = 0; m < 43; m++)
            words[m] = (u16)((44 * m + 43 * n) % 1118);
        words[43] = (u16)(1118 + n);
        words[44] = (u16)(1144 + n);
        CHECK(is_code_word(words, 45, 0) && is_code_word(words, 45, 1));
    }
}

TEST(mode_1_has_edc_and_ecc)
{
    fill(0);
    disc_complete_frame(frame, DISC_MODE1, 4500 - DISC_PREGAP + 16);
    CHECK(!memcmp(frame, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x01\0\x16\x01", 16));
    CHECK_EQ(remainder_of(frame, 2068), 0);
    check_ecc();
}

TEST(form_1_has_ecc_as_if_its_header_were_zeros)
{
    fill(0x08);
    disc_complete_frame(frame, DISC_MODE2, 0);
    CHECK_EQ(frame[15], 2);
    CHECK_EQ(remainder_of(frame + 16, 2060), 0);
    memset(frame + 12, 0, 4);
    check_ecc();
}

TEST(form_2_has_edc_alone)
{
    fill(0x20);
    disc_complete_frame(frame, DISC_MODE2, 0);
    CHECK_EQ(remainder_of(frame + 16, 2336), 0);
}

UNIT_MAIN()
