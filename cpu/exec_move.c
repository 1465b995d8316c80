/*
 * MOV, MOVZX, MOVSX, LEA, XCHG, SETcc, CMOVcc and the flag and sign-extension instructions without operands.
 *
 * Source: Intel SDM vol. 2, the instructions named.
 */
#include "cpu/exec_forms.h"

#include "cpu/alu.h"

#define MOV_SIZE(bits)                                                                                                 \
    DEFINE_STORE(mov_E_G, bits, G(bits))                                                                               \
    DEFINE_STORE(mov_E_I, bits, IMM(bits))                                                                             \
    DEFINE_READ(mov_G_E, bits, SET_G(bits, m))
MOV_SIZE(8)
MOV_SIZE(16)
MOV_SIZE(32)
MOV_SIZE(64)
IMPL_ALL(mov_E_G);
IMPL_ALL(mov_E_I);
IMPL_ALL(mov_G_E);

static OP(mov_Z_I64_reg)
{
    REG64(cpu, op->rm) = (u64)op->disp << 32 | op->imm;
    NEXT();
}
const struct impl impl_mov_Z_I64 = {
    {[SIZE_64] = {[FORM_REG] = HANDLER(mov_Z_I64_reg), [FORM_REG64] = HANDLER(mov_Z_I64_reg)}}};

/* The source size is in the name; the handler's size is the source's, the row's is the destination's. */
#define EXTEND(name, from, type)                                                                                       \
    DEFINE_READ(name##_16, from, SET_G(16, (u16)(type)m))                                                              \
    DEFINE_READ(name##_32, from, SET_G(32, (u32)(type)m))                                                              \
    DEFINE_READ(name##_64, from, SET_G(64, (u64)(type)m))                                                              \
    const struct impl impl_##name = {{                                                                                 \
        [SIZE_16] = FORMS_##from(name##_16, from),                                                                     \
        [SIZE_32] = FORMS_##from(name##_32, from),                                                                     \
        [SIZE_64] = FORMS_##from(name##_64, from),                                                                     \
    }};
EXTEND(movzx_G_Eb, 8, u8)
EXTEND(movzx_G_Ew, 16, u16)
EXTEND(movsx_G_Eb, 8, i8)
EXTEND(movsx_G_Ew, 16, i16)
EXTEND(movsxd_G_Ed, 32, i32)

/* LEA: no access, so no form needs a slow path. */
static OP(lea_16)
{
    W_u16(op->reg, op_ea_from(cpu, op, 0));
    NEXT();
}
static OP(lea_32)
{
    W_u32(op->reg, op_ea_from(cpu, op, 0));
    NEXT();
}
static OP(lea_32_BD)
{
    W_u32(op->reg, REG32(cpu, op->rm) + op->disp);
    NEXT();
}
static OP(lea_32_SIB)
{
    W_u32(op->reg, REG32(cpu, op->rm) + (REG32(cpu, op->index) << OP_SCALE(op)) + op->disp);
    NEXT();
}
static OP(lea_64)
{
    W_u64(op->reg, op_ea_from(cpu, op, 0));
    NEXT();
}
static OP(lea_64_M64)
{
    W_u64(op->reg, REG64(cpu, op->rm) + (REG64(cpu, op->index) << OP_SCALE(op)) + (i64)(i32)op->disp);
    NEXT();
}
#define LEA_ROW(bits, bd, sib, seg, m64)                                                                               \
    [SIZE_##bits] = {[FORM_BD] = HANDLER(bd),                                                                          \
                     [FORM_SIB] = HANDLER(sib),                                                                        \
                     [FORM_SEG] = HANDLER(seg),                                                                        \
                     [FORM_M64] = HANDLER(m64),                                                                        \
                     [FORM_M64X] = HANDLER(seg)}
const struct impl impl_lea_G_M = {{
    LEA_ROW(16, lea_16, lea_16, lea_16, lea_16),
    LEA_ROW(32, lea_32_BD, lea_32_SIB, lea_32, lea_32),
    LEA_ROW(64, lea_64, lea_64, lea_64, lea_64_M64),
}};

/* MOV AL/AX/EAX/RAX with a 64-bit absolute address that does not fit a displacement: its upper half is in imm. */
static OP(mov_load_absolute)
{
    SYNC();
    u64 ea = (u64)op->imm << 32 | op->disp;
    enum seg seg = OP_SEGMENT(op);
    reg_write(cpu, op->reg, op->size,
              op->size == SIZE_8    ? load8(cpu, seg, ea)
              : op->size == SIZE_16 ? load16(cpu, seg, ea)
              : op->size == SIZE_32 ? load32(cpu, seg, ea)
                                    : load64(cpu, seg, ea));
    NEXT();
}
static OP(mov_store_absolute)
{
    SYNC();
    store_sized(cpu, OP_SEGMENT(op), (u64)op->imm << 32 | op->disp, op->size, reg_read(cpu, op->reg, op->size));
    NEXT();
}
void (*const exec_load_absolute)(void) = HANDLER(mov_load_absolute);
void (*const exec_store_absolute)(void) = HANDLER(mov_store_absolute);

#define XCHG_SIZE(bits)                                                                                                \
    DEFINE_MODIFY(                                                                                                     \
        xchg_E_G, bits, r = G(bits), W_u##bits(op->reg, m))
XCHG_SIZE(8)
XCHG_SIZE(16)
XCHG_SIZE(32)
XCHG_SIZE(64)
IMPL_ALL(xchg_E_G);

#define SETCC(cc)                                                                                                      \
    DEFINE_STORE(set##cc##_E, 8, CONDITION_##cc(FL) ? 1 : 0)                                                           \
    const struct impl impl_set##cc##_E = {{[SIZE_8] = FORMS_8(set##cc##_E, 8),                                         \
                                           [SIZE_16] = FORMS_8(set##cc##_E, 8),                                        \
                                           [SIZE_32] = FORMS_8(set##cc##_E, 8),                                        \
                                           [SIZE_64] = FORMS_8(set##cc##_E, 8)}};
CONDITIONS(SETCC)

/* A false CMOV still reads its operand, and still clears the upper half of a 64-bit register. */
#define CMOV(cc)                                                                                                       \
    DEFINE_READ(cmov##cc##_G_E, 16, SET_G(16, CONDITION_##cc(FL) ? m : G(16)))                                         \
    DEFINE_READ(cmov##cc##_G_E, 32, SET_G(32, CONDITION_##cc(FL) ? m : G(32)))                                         \
    DEFINE_READ(cmov##cc##_G_E, 64, SET_G(64, CONDITION_##cc(FL) ? m : G(64)))                                         \
    IMPL_WORDS(cmov##cc##_G_E);
CONDITIONS(CMOV)

/* --- without operands --- */

#define PLAIN(name, ...)                                                                                               \
    static OP(name)                                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        NEXT();                                                                                                        \
    }
#define ROW_ALL(handler)                                                                                               \
    {                                                                                                                  \
        [FORM_REG] = HANDLER(handler), [FORM_REG_SEG] = HANDLER(handler), [FORM_REG64] = HANDLER(handler),             \
        [FORM_BD] = HANDLER(handler), [FORM_SIB] = HANDLER(handler), [FORM_SEG] = HANDLER(handler),                    \
        [FORM_M64] = HANDLER(handler), [FORM_M64X] = HANDLER(handler),                                                 \
    }
#define IMPL_PLAIN(name)                                                                                               \
    const struct impl impl_##name = {{ROW_ALL(name), ROW_ALL(name), ROW_ALL(name), ROW_ALL(name)}};
#define IMPL_PLAIN_SIZES(name)                                                                                         \
    const struct impl impl_##name = {                                                                                  \
        {[SIZE_16] = ROW_ALL(name##_16), [SIZE_32] = ROW_ALL(name##_32), [SIZE_64] = ROW_ALL(name##_64)}};

PLAIN(nop, (void)0)
PLAIN(nop_E, (void)0)
PLAIN(cmc, FL ^= FL_CF)
PLAIN(clc, FL &= ~FL_CF)
PLAIN(stc, FL |= FL_CF)
PLAIN(cld, cpu->rflags &= ~(u64)FLAG_DF)
PLAIN(std, cpu->rflags |= FLAG_DF)
PLAIN(lahf, REG8(cpu, RAX * 8 + 1) = ((FL >> 8) & 0xd5) | 2)
PLAIN(sahf, FL = (FL & FL_OF) | (REG8(cpu, RAX * 8 + 1) & 0xd5u) << 8)
PLAIN(salc, REG8(cpu, RAX * 8) = FL &FL_CF ? 0xff : 0)
IMPL_PLAIN(nop)
IMPL_PLAIN(nop_E)
IMPL_PLAIN(cmc)
IMPL_PLAIN(clc)
IMPL_PLAIN(stc)
IMPL_PLAIN(cld)
IMPL_PLAIN(std)
IMPL_PLAIN(lahf)
IMPL_PLAIN(sahf)
IMPL_PLAIN(salc)

PLAIN(cbw_16, REG16(cpu, RAX * 8) = (i8)REG8(cpu, RAX * 8))
PLAIN(cbw_32, REG64(cpu, RAX * 8) = (u32)(i16)REG16(cpu, RAX * 8))
PLAIN(cbw_64, REG64(cpu, RAX * 8) = (i32)REG32(cpu, RAX * 8))
PLAIN(cwd_16, REG16(cpu, RDX * 8) = (i16)REG16(cpu, RAX * 8) < 0 ? 0xffff : 0)
PLAIN(cwd_32, REG64(cpu, RDX * 8) = (i32)REG32(cpu, RAX * 8) < 0 ? 0xffffffffu : 0)
PLAIN(cwd_64, REG64(cpu, RDX * 8) = (i64)REG64(cpu, RAX * 8) < 0 ? ~0ull : 0)
IMPL_PLAIN_SIZES(cbw)
IMPL_PLAIN_SIZES(cwd)

/* BSWAP of a 16-bit register is undefined; silicon since the Pentium zeroes it. */
PLAIN(bswap_Z_16, REG16(cpu, op->rm) = 0)
PLAIN(bswap_Z_32, W_u32(op->rm, __builtin_bswap32(REG32(cpu, op->rm))))
PLAIN(bswap_Z_64, REG64(cpu, op->rm) = __builtin_bswap64(REG64(cpu, op->rm)))
IMPL_PLAIN_SIZES(bswap_Z)
