/*
 * Compact disc: tracks by address, and the frames of data tracks.
 *
 * Source: ECMA-130, "Sectors of a digital data track" and annex A (error correction by RSPC); the CD-ROM XA
 *   specification as MMC-3 sums it up ("CD-ROM mode 2 form 1 and form 2").
 */
#include "devices/block/disc.h"

#include <string.h>

const struct disc_track *disc_find(const struct disc *disc, u32 address)
{
    if (address >= disc->lead_out)
        return NULL;
    for (int i = disc->count - 1; i > 0; i--)
        if (address >= disc->track[i].pregap)
            return &disc->track[i];
    return disc->count ? &disc->track[0] : NULL;
}

u32 disc_track_end(const struct disc *disc, const struct disc_track *track)
{
    return track == &disc->track[disc->count - 1] ? disc->lead_out : track[1].pregap;
}

/* EDC: CRC-32 with the polynomial (x^16+x^15+x^2+1)(x^16+x^2+x+1), least significant bit first. */
static u32 edc(const u8 *data, unsigned length)
{
    u32 crc = 0;
    while (length--) {
        crc ^= *data++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xd8018001 : 0);
    }
    return crc;
}

static void put_edc(u8 *at, u32 crc)
{
    for (int i = 0; i < 4; i++)
        at[i] = (u8)(crc >> 8 * i);
}

/* GF(2^8) with x^8+x^4+x^3+x^2+1. */
static u8 times_alpha(u8 value)
{
    return (u8)(value << 1 ^ (value & 0x80 ? 0x1d : 0));
}

/* Division by alpha + 1: alpha^25 is 3, so this is multiplication by alpha^230. */
static u8 over_alpha_plus_1(u8 value)
{
    for (int i = 0; i < 230; i++)
        value = times_alpha(value);
    return value;
}

/* One code word whose `count` symbols lie `step` apart (from `first`, around at `size`): the two parity symbols a, b
 * that follow them make sum(s) = 0 and sum(alpha^i s) = 0, with i counted from the end. */
static void parity(const u8 *area, unsigned first, unsigned step, unsigned size, unsigned count, u8 *a, u8 *b)
{
    u8 sum = 0, weighted = 0;
    for (unsigned i = 0, at = first; i < count; i++, at = (at + step) % size) {
        sum ^= area[at];
        weighted = times_alpha(weighted) ^ area[at];
    }
    /* a + b = sum and alpha a + b = alpha^2 weighted */
    weighted = times_alpha(times_alpha(weighted));
    *a = over_alpha_plus_1(weighted ^ sum);
    *b = *a ^ sum;
}

/* P and Q over bytes 12 .. 2075 of the frame and, for Q, P itself.  16-bit words: their halves are coded apart. */
static void put_ecc(u8 *frame)
{
    u8 *area = frame + 12, *p = area + 2064, *q = p + 172;
    for (unsigned n = 0; n < 86; n++)
        parity(area, n, 86, 2064, 24, &p[n], &p[86 + n]);
    for (unsigned n = 0; n < 26; n++)
        for (unsigned half = 0; half < 2; half++)
            parity(area, n * 86 + half, 88, 2236, 43, &q[2 * n + half], &q[52 + 2 * n + half]);
}

static void put_header(u8 *frame, enum disc_mode mode, u32 address)
{
    u32 at = address + DISC_PREGAP;
    frame[12] = disc_bcd(at / (60 * 75));
    frame[13] = disc_bcd(at / 75 % 60);
    frame[14] = disc_bcd(at % 75);
    frame[15] = mode == DISC_MODE1 ? 1 : 2;
}

void disc_complete_frame(u8 frame[DISC_RAW_BYTES], enum disc_mode mode, u32 address)
{
    if (mode == DISC_AUDIO)
        return;
    memset(frame, 0xff, 12);
    frame[0] = frame[11] = 0;
    if (mode == DISC_MODE1) {
        put_header(frame, mode, address);
        put_edc(frame + 2064, edc(frame, 2064));
        memset(frame + 2068, 0, 8);
        put_ecc(frame);
    } else if (frame[18] & 0x20) {
        put_edc(frame + 2348, edc(frame + 16, 2332));
    } else { /* its ECC is made as if the header were zeros */
        memset(frame + 12, 0, 4);
        put_edc(frame + 2072, edc(frame + 16, 2056));
        put_ecc(frame);
    }
    put_header(frame, mode, address);
}
