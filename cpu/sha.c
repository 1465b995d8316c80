/*
 * PCLMULQDQ, and SHA: SHA1RNDS4, SHA1NEXTE, SHA1MSG1, SHA1MSG2, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; FIPS 180-4 "Secure Hash Standard", 4.1 "Functions", 4.2
 *   "Constants".
 */
#include "cpu/avx.h"

static u32 rotate_left(u32 v, unsigned n) { return v << n | v >> (32 - n); }
static u32 rotate_right(u32 v, unsigned n) { return v >> n | v << (32 - n); }

/* --- carry-less multiplication --- */

static union simd pclmulqdq(union simd first, union simd second, u32 imm)
{
    u64 a = first.q[imm & 1], b = second.q[imm >> 4 & 1];
    u64 low = 0, high = 0;
    for (unsigned i = 0; i < 64; i++) {
        u64 mask = -(b >> i & 1);
        low ^= a << i & mask;
        high ^= a >> 1 >> (63 - i) & mask;
    }
    return (union simd){.q = {low, high}};
}

BOTH_WITH_IMMEDIATE(pclmulqdq)

/* --- SHA-1: A, B, C, D stand in elements 3, 2, 1, 0 --- */

static u32 sha1_function(unsigned which, u32 b, u32 c, u32 d)
{
    switch (which) {
    case 0: return (b & c) ^ (~b & d);
    case 2: return (b & c) ^ (b & d) ^ (c & d);
    default: return b ^ c ^ d;
    }
}

void do_sha1rnds4(struct cpu *cpu, const struct op *op)
{
    static const u32 constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    sse_begin(cpu);
    union simd words = rm_xmm(cpu, op), state = xmm_get(cpu, op->reg);
    u32 a = state.d[3], b = state.d[2], c = state.d[1], d = state.d[0], e = 0; /* the first word has E added already */
    unsigned which = op->imm & 3;
    for (unsigned i = 0; i < 4; i++) {
        u32 next = sha1_function(which, b, c, d) + rotate_left(a, 5) + words.d[3 - i] + e + constants[which];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    xmm_put(cpu, op->reg, (union simd){.d = {d, c, b, a}});
}

void do_sha1nexte(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd words = rm_xmm(cpu, op);
    words.d[3] += rotate_left(xmm_get(cpu, op->reg).d[3], 30);
    xmm_put(cpu, op->reg, words);
}

void do_sha1msg1(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    xmm_put(cpu, op->reg,
            (union simd){.d = {b.d[2] ^ a.d[0], b.d[3] ^ a.d[1], a.d[0] ^ a.d[2], a.d[1] ^ a.d[3]}});
}

void do_sha1msg2(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    u32 first = rotate_left(a.d[3] ^ b.d[2], 1);
    xmm_put(cpu, op->reg, (union simd){.d = {rotate_left(a.d[0] ^ first, 1), rotate_left(a.d[1] ^ b.d[0], 1),
                                             rotate_left(a.d[2] ^ b.d[1], 1), first}});
}

/* --- SHA-256: A, B, E, F in the source's elements 3 to 0, C, D, G, H in the destination's --- */

static u32 big_sigma_0(u32 v) { return rotate_right(v, 2) ^ rotate_right(v, 13) ^ rotate_right(v, 22); }
static u32 big_sigma_1(u32 v) { return rotate_right(v, 6) ^ rotate_right(v, 11) ^ rotate_right(v, 25); }
static u32 small_sigma_0(u32 v) { return rotate_right(v, 7) ^ rotate_right(v, 18) ^ v >> 3; }
static u32 small_sigma_1(u32 v) { return rotate_right(v, 17) ^ rotate_right(v, 19) ^ v >> 10; }

/* XMM0: the two rounds' words with their constants added. */
void do_sha256rnds2(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd s = rm_xmm(cpu, op), t = xmm_get(cpu, op->reg), words = xmm_get(cpu, 0);
    u32 a = s.d[3], b = s.d[2], e = s.d[1], f = s.d[0], c = t.d[3], d = t.d[2], g = t.d[1], h = t.d[0];
    for (unsigned i = 0; i < 2; i++) {
        u32 sum = ((e & f) ^ (~e & g)) + big_sigma_1(e) + words.d[i] + h;
        u32 next = sum + ((a & b) ^ (a & c) ^ (b & c)) + big_sigma_0(a);
        h = g;
        g = f;
        f = e;
        e = sum + d;
        d = c;
        c = b;
        b = a;
        a = next;
    }
    xmm_put(cpu, op->reg, (union simd){.d = {f, e, b, a}});
}

void do_sha256msg1(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    xmm_put(cpu, op->reg,
            (union simd){.d = {a.d[0] + small_sigma_0(a.d[1]), a.d[1] + small_sigma_0(a.d[2]),
                               a.d[2] + small_sigma_0(a.d[3]), a.d[3] + small_sigma_0(b.d[0])}});
}

void do_sha256msg2(struct cpu *cpu, const struct op *op)
{
    sse_begin(cpu);
    union simd b = rm_xmm(cpu, op), a = xmm_get(cpu, op->reg);
    u32 w0 = a.d[0] + small_sigma_1(b.d[2]), w1 = a.d[1] + small_sigma_1(b.d[3]);
    u32 w2 = a.d[2] + small_sigma_1(w0), w3 = a.d[3] + small_sigma_1(w1);
    xmm_put(cpu, op->reg, (union simd){.d = {w0, w1, w2, w3}});
}
