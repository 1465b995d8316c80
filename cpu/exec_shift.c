/*
 * Shifts, rotates, multiplication, division, bit tests and bit scans.
 *
 * A count of 0 (after masking to 5 bits) leaves the flags alone.  Division that does not fit raises #DE before anything
 * is written.
 *
 * Source: Intel SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD, MUL, IMUL, DIV, IDIV, BT, BTS, BTR, BTC, BSF,
 * BSR.
 */
#include "cpu/exec_forms.h"

#include "cpu/alu.h"

#define COUNT_IMM(bits) (op->imm & (bits == 64 ? 63 : 31))
#define COUNT_CL(bits) (REG8(cpu, RCX * 8) & (bits == 64 ? 63 : 31))

#define SHIFT_SIZE(name, bits, suffix, count_of)                                                                       \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_##suffix, bits, u32 f = FL; unsigned count = count_of(bits); r = m;                                   \
        if (likely(count)) r = alu_##name##bits(m, count, &f), FL = f)
#define ROTATE_SIZE(name, bits, suffix, count_of)                                                                      \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_##suffix, bits, u32 f = FL; unsigned count = count_of(bits); r = m;                                   \
        if (likely(count)) r = alu_##name##bits(m, count, FL, &f), FL = f)
#define SHIFTS(name, SIZE_MACRO)                                                                                       \
    SIZE_MACRO(name, 8, I, COUNT_IMM)                                                                                  \
    SIZE_MACRO(name, 16, I, COUNT_IMM)                                                                                 \
    SIZE_MACRO(name, 32, I, COUNT_IMM)                                                                                 \
    SIZE_MACRO(name, 64, I, COUNT_IMM)                                                                                 \
    SIZE_MACRO(name, 8, CL, COUNT_CL)                                                                                  \
    SIZE_MACRO(name, 16, CL, COUNT_CL)                                                                                 \
    SIZE_MACRO(name, 32, CL, COUNT_CL)                                                                                 \
    SIZE_MACRO(name, 64, CL, COUNT_CL)                                                                                 \
    IMPL_ALL(name##_E_I);                                                                                          \
    IMPL_ALL(name##_E_CL);
SHIFTS(shl, SHIFT_SIZE)
SHIFTS(shr, SHIFT_SIZE)
SHIFTS(sar, SHIFT_SIZE)
SHIFTS(rol, ROTATE_SIZE)
SHIFTS(ror, ROTATE_SIZE)
SHIFTS(rcl, ROTATE_SIZE)
SHIFTS(rcr, ROTATE_SIZE)

#define DOUBLE_SHIFT_SIZE(name, bits, suffix, count)                                                                   \
    DEFINE_MODIFY(                                                                                                     \
        name##_E_G_##suffix, bits, u32 f = FL; r = m;                                                                  \
        if (likely(DOUBLE_COUNT(bits, count))) r = alu_##name##bits(m, G(bits), DOUBLE_COUNT(bits, count), &f),        \
        FL = f)
#define DOUBLE_COUNT(bits, count) ((count) & (bits == 64 ? 63 : 31))
#define DOUBLE_SHIFTS(name)                                                                                            \
    DOUBLE_SHIFT_SIZE(name, 16, I, op->imm)                                                                            \
    DOUBLE_SHIFT_SIZE(name, 32, I, op->imm)                                                                            \
    DOUBLE_SHIFT_SIZE(name, 64, I, op->imm)                                                                            \
    DOUBLE_SHIFT_SIZE(name, 16, CL, REG8(cpu, RCX * 8))                                                                \
    DOUBLE_SHIFT_SIZE(name, 32, CL, REG8(cpu, RCX * 8))                                                                \
    DOUBLE_SHIFT_SIZE(name, 64, CL, REG8(cpu, RCX * 8))                                                                \
    IMPL_WORDS(name##_E_G_I);                                                                                          \
    IMPL_WORDS(name##_E_G_CL);
DOUBLE_SHIFTS(shld)
DOUBLE_SHIFTS(shrd)

/* --- multiplication --- */

/* SF, ZF, AF and PF are undefined: PF and SF follow the low half as on most silicon, ZF and AF are cleared. */
#define MUL_FLAGS(low, bits, overflow)                                                                                 \
    (FL = ((overflow) ? FL_CF | FL_OF : 0) | alu_parity((u8)(low)) | ((low) >> (bits - 1) & 1 ? FL_SF : 0))

DEFINE_READ(mul_E, 8, u16 p = (u16)(REG8(cpu, RAX * 8) * m); REG16(cpu, RAX * 8) = p; MUL_FLAGS((u8)p, 8, p >> 8))
DEFINE_READ(mul_E, 16, u32 p = (u32)REG16(cpu, RAX * 8) * m; REG16(cpu, RAX * 8) = p; REG16(cpu, RDX * 8) = p >> 16;
            MUL_FLAGS((u16)p, 16, p >> 16))
DEFINE_READ(mul_E, 32, u64 p = (u64)REG32(cpu, RAX * 8) * m; REG64(cpu, RAX * 8) = (u32)p;
            REG64(cpu, RDX * 8) = p >> 32; MUL_FLAGS((u32)p, 32, p >> 32))
DEFINE_READ(mul_E, 64, unsigned __int128 p = (unsigned __int128)REG64(cpu, RAX * 8) * m; REG64(cpu, RAX * 8) = p;
            REG64(cpu, RDX * 8) = p >> 64; MUL_FLAGS((u64)p, 64, (u64)(p >> 64)))
IMPL_ALL(mul_E);

DEFINE_READ(imul_E, 8, i16 p = (i8)REG8(cpu, RAX * 8) * (i8)m; REG16(cpu, RAX * 8) = p;
            MUL_FLAGS((u8)p, 8, p != (i8)p))
DEFINE_READ(imul_E, 16, i32 p = (i16)REG16(cpu, RAX * 8) * (i16)m; REG16(cpu, RAX * 8) = p;
            REG16(cpu, RDX * 8) = p >> 16; MUL_FLAGS((u16)p, 16, p != (i16)p))
DEFINE_READ(imul_E, 32, i64 p = (i64)(i32)REG32(cpu, RAX * 8) * (i32)m; REG64(cpu, RAX * 8) = (u32)p;
            REG64(cpu, RDX * 8) = (u32)(p >> 32); MUL_FLAGS((u32)p, 32, p != (i32)p))
DEFINE_READ(imul_E, 64, __int128 p = (__int128)(i64)REG64(cpu, RAX * 8) * (i64)m; REG64(cpu, RAX * 8) = p;
            REG64(cpu, RDX * 8) = p >> 64; MUL_FLAGS((u64)p, 64, p != (i64)p))
IMPL_ALL(imul_E);

DEFINE_READ(imul_G_E, 16, i32 p = (i16)G(16) * (i16)m; SET_G(16, p); MUL_FLAGS((u16)p, 16, p != (i16)p))
DEFINE_READ(imul_G_E, 32, i64 p = (i64)(i32)G(32) * (i32)m; SET_G(32, p); MUL_FLAGS((u32)p, 32, p != (i32)p))
DEFINE_READ(imul_G_E, 64, __int128 p = (__int128)(i64)G(64) * (i64)m; SET_G(64, p); MUL_FLAGS((u64)p, 64, p != (i64)p))
IMPL_WORDS(imul_G_E);
DEFINE_READ(imul_G_E_I, 16, i32 p = (i16)op->imm * (i16)m; SET_G(16, p); MUL_FLAGS((u16)p, 16, p != (i16)p))
DEFINE_READ(imul_G_E_I, 32, i64 p = (i64)(i32)op->imm * (i32)m; SET_G(32, p); MUL_FLAGS((u32)p, 32, p != (i32)p))
DEFINE_READ(imul_G_E_I, 64, __int128 p = (__int128)(i32)op->imm * (i64)m; SET_G(64, p);
            MUL_FLAGS((u64)p, 64, p != (i64)p))
IMPL_WORDS(imul_G_E_I);

/* --- division --- */

static OP(divide_error)
{
    SYNC();
    cpu_raise(cpu, VECTOR_DE);
}

DEFINE_READ(div_E, 8, u16 n = REG16(cpu, RAX * 8); if (unlikely(n >> 8 >= m)) GOTO(divide_error);
            REG16(cpu, RAX * 8) = (u16)(n % m << 8 | n / m))
DEFINE_READ(div_E, 16, u32 n = (u32)REG16(cpu, RDX * 8) << 16 | REG16(cpu, RAX * 8);
            if (unlikely(n >> 16 >= m)) GOTO(divide_error); REG16(cpu, RAX * 8) = n / m; REG16(cpu, RDX * 8) = n % m)
DEFINE_READ(div_E, 32, u64 n = (u64)REG32(cpu, RDX * 8) << 32 | REG32(cpu, RAX * 8);
            if (unlikely(n >> 32 >= m)) GOTO(divide_error); REG64(cpu, RAX * 8) = n / m; REG64(cpu, RDX * 8) = n % m)
DEFINE_READ(div_E, 64, if (unlikely(REG64(cpu, RDX * 8) >= m)) GOTO(divide_error); unsigned __int128 n =
            (unsigned __int128)REG64(cpu, RDX * 8) << 64 | REG64(cpu, RAX * 8);
            REG64(cpu, RAX * 8) = n / m; REG64(cpu, RDX * 8) = n % m)
IMPL_ALL(div_E);

DEFINE_READ(idiv_E, 8, i32 n = (i16)REG16(cpu, RAX * 8); if (unlikely(!m)) GOTO(divide_error); i32 q = n / (i8)m;
            if (unlikely(q != (i8)q)) GOTO(divide_error);
            REG16(cpu, RAX * 8) = (u16)((u8)(n % (i8)m) << 8 | (u8)q))
DEFINE_READ(idiv_E, 16, i64 n = (i32)((u32)REG16(cpu, RDX * 8) << 16 | REG16(cpu, RAX * 8));
            if (unlikely(!m)) GOTO(divide_error); i64 q = n / (i16)m; if (unlikely(q != (i16)q)) GOTO(divide_error);
            REG16(cpu, RAX * 8) = q; REG16(cpu, RDX * 8) = n % (i16)m)
/* INT64_MIN / -1 does not fit the host's division either. */
DEFINE_READ(idiv_E, 32, i64 n = (i64)((u64)REG32(cpu, RDX * 8) << 32 | REG32(cpu, RAX * 8));
            if (unlikely(!m || (n == INT64_MIN && m == ~0u))) GOTO(divide_error); i64 q = n / (i32)m;
            if (unlikely(q != (i32)q)) GOTO(divide_error); REG64(cpu, RAX * 8) = (u32)q;
            REG64(cpu, RDX * 8) = (u32)(n % (i32)m))
/* -2^127 / -1 does not fit the host's 128-bit division. */
DEFINE_READ(idiv_E, 64, __int128 n = (__int128)((unsigned __int128)REG64(cpu, RDX * 8) << 64 | REG64(cpu, RAX * 8));
            if (unlikely(!m || (m == ~0ull && REG64(cpu, RDX * 8) == 1ull << 63 && !REG64(cpu, RAX * 8))))
                GOTO(divide_error);
            __int128 q = n / (i64)m; if (unlikely(q != (i64)q)) GOTO(divide_error); i64 rest = n % (i64)m;
            REG64(cpu, RAX * 8) = q; REG64(cpu, RDX * 8) = rest)
IMPL_ALL(idiv_E);

/* --- bits --- */

/* The register forms and immediates stay inside the operand; memory with a register index reaches beyond it and is a
 * helper (insn_bits.c). */
#define SET_CF(condition) (FL = (condition) ? FL | FL_CF : FL & ~(u64)FL_CF)
#define BT_SIZE(bits)                                                                                                  \
    DEFINE_READ(bt_E_I, bits, SET_CF(m >> (op->imm & (bits - 1)) & 1))                                                 \
    DEFINE_MODIFY(bts_E_I, bits, r = m | (u##bits)1 << (op->imm & (bits - 1)),                                         \
                  SET_CF(m >> (op->imm & (bits - 1)) & 1))                                                             \
    DEFINE_MODIFY(btr_E_I, bits, r = m & ~((u##bits)1 << (op->imm & (bits - 1))),                                      \
                  SET_CF(m >> (op->imm & (bits - 1)) & 1))                                                             \
    DEFINE_MODIFY(btc_E_I, bits, r = m ^ (u##bits)1 << (op->imm & (bits - 1)),                                         \
                  SET_CF(m >> (op->imm & (bits - 1)) & 1))                                                             \
    static OP(bt_E_G_##bits)                                                                                           \
    {                                                                                                                  \
        SET_CF(R_u##bits(op->rm) >> (G(bits) & (bits - 1)) & 1);                                                       \
        NEXT();                                                                                                        \
    }                                                                                                                  \
    BT_REGISTER(bts, bits, |)                                                                                          \
    BT_REGISTER(btr, bits, &~)                                                                                         \
    BT_REGISTER(btc, bits, ^)
#define BT_REGISTER(name, bits, operation)                                                                             \
    static OP(name##_E_G_##bits)                                                                                       \
    {                                                                                                                  \
        unsigned bit = G(bits) & (bits - 1);                                                                           \
        u##bits m = R_u##bits(op->rm);                                                                                 \
        W_u##bits(op->rm, (u##bits)(m operation((u##bits)1 << bit)));                                                  \
        SET_CF(m >> bit & 1);                                                                                          \
        NEXT();                                                                                                        \
    }
BT_SIZE(16)
BT_SIZE(32)
BT_SIZE(64)
IMPL_WORDS(bt_E_I);
IMPL_WORDS(bts_E_I);
IMPL_WORDS(btr_E_I);
IMPL_WORDS(btc_E_I);

OP(h_bt_memory);
OP(h_bts_memory);
OP(h_btr_memory);
OP(h_btc_memory);
#define BT_ROW(name, bits)                                                                                             \
    {                                                                                                                  \
        [FORM_REG] = HANDLER(name##_E_G_##bits), [FORM_REG_SEG] = HANDLER(name##_E_G_##bits),                          \
        [FORM_BD] = HANDLER(h_##name##_memory), [FORM_SIB] = HANDLER(h_##name##_memory),                               \
        [FORM_SEG] = HANDLER(h_##name##_memory), [FORM_M64] = HANDLER(h_##name##_memory),                              \
        [FORM_M64X] = HANDLER(h_##name##_memory),                                                                      \
    }
#define BT_IMPL(name)                                                                                                  \
    const struct impl impl_##name##_E_G = {                                                                            \
        {[SIZE_16] = BT_ROW(name, 16), [SIZE_32] = BT_ROW(name, 32), [SIZE_64] = BT_ROW(name, 64)}};
BT_IMPL(bt)
BT_IMPL(bts)
BT_IMPL(btr)
BT_IMPL(btc)

/* A source of 0 sets ZF and leaves the destination as it was (SDM: undefined; all silicon). */
#define SCAN_SIZE(bits)                                                                                                \
    DEFINE_READ(bsf_G_E, bits, SCAN_FLAGS(m); if (m) SET_G(bits, (u##bits)__builtin_ctzll(m)))                         \
    DEFINE_READ(bsr_G_E, bits, SCAN_FLAGS(m); if (m) SET_G(bits, (u##bits)(63 - __builtin_clzll(m))))
#define SCAN_FLAGS(m) (FL = (m) ? FL & ~(u64)FL_ZF : FL | FL_ZF)
SCAN_SIZE(16)
SCAN_SIZE(32)
SCAN_SIZE(64)
IMPL_WORDS(bsf_G_E);
IMPL_WORDS(bsr_G_E);

/* --- exchange and add, compare and exchange --- */

/* When source and destination are the same register, the sum stays. */
#define XADD_SIZE(bits)                                                                                                \
    DEFINE_MODIFY(                                                                                                     \
        xadd_E_G, bits, u32 f; r = alu_add##bits(m, G(bits), &f);                                                      \
        , if (OP_IS_MEMORY(op) || op->reg != op->rm) SET_G(bits, m);                                                   \
        FL = f)
XADD_SIZE(8)
XADD_SIZE(16)
XADD_SIZE(32)
XADD_SIZE(64)
IMPL_ALL(xadd_E_G);

/* The destination is written in either case (SDM: "the processor always performs a write cycle"). */
#define CMPXCHG_SIZE(bits)                                                                                             \
    DEFINE_MODIFY(                                                                                                     \
        cmpxchg_E_G, bits, u32 f; alu_cmp##bits(R_u##bits(RAX * 8), m, &f); r = f & FL_ZF ? G(bits) : m,               \
        if (!(f & FL_ZF)) W_u##bits(RAX * 8, m);                                                                       \
        FL = f)
CMPXCHG_SIZE(8)
CMPXCHG_SIZE(16)
CMPXCHG_SIZE(32)
CMPXCHG_SIZE(64)
IMPL_ALL(cmpxchg_E_G);
