/*
 * How a row of cpu/opcodes.def is written.
 *
 *   ROW(map, opcode, prefix, modrm, "mnemonic", (operands), (attributes), feature, read, written, undefined, impl)
 *
 * map        1, 0F, 0F38, 0F3A; V0F, V0F38, V0F3A under a VEX prefix
 * opcode     the last opcode byte; with an operand Zb, Zv or Zq the row stands for eight opcodes (low bits: register)
 * prefix     ANY (66, F2, F3 keep their general meaning), NP (none of them), 66, F3, F2 (mandatory, F2/F3 win over 66);
 *            under VEX what VEX.pp stands for
 * modrm      _ (no ModRM byte), R (any), 0-7 (/digit), MEM (memory only), REG (register only), MEM0-MEM7, REG0-REG7
 *            (both), EXACT(0xc1)
 * mnemonic   lower case; alternatives by operand size "16|32|64" ("cbw|cwde|cdqe"), with ADDRESS_NAME by address size
 * operands   destination first, up to four of the kinds below; () for none
 * attributes names of ATTR_* (insn.h and below) without ATTR_; () for none
 * feature    name of FEATURE_*, NONE
 * flags      read, written (defined result), undefined: letters in the order ODISZAPC as defined below, _ for none
 * impl       struct impl_NAME: a handler set of exec_*.c or a helper of helpers_*.def
 *
 * Several rows may match the same bytes: the more specific wins (prefix before ANY, EXACT before /digit with MEM/REG
 * before /digit before MEM/REG before R); a row whose feature is missing or whose mode or REX.W condition does not hold
 * is passed over for the next.  What no row matches is #UD.  All rows of one map and opcode must agree on having ModRM.
 *
 * insn.size of a row follows from its first sized operand: b 8 bits, y 32 or 64 (REX.W), z 16 or 32, p 32 or 64 by
 * mode, all others 16/32/64 by prefixes.  A mandatory 66 does not make it 16.
 */
#ifndef CPU_OPCODES_H
#define CPU_OPCODES_H

#include "cpu/cpu.h"
#include "cpu/insn.h"

enum opcode_map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_V0F, MAP_V0F38, MAP_V0F3A, MAP_COUNT };
enum opcode_prefix { PREFIX_NP, PREFIX_66, PREFIX_F3, PREFIX_F2, PREFIX_ANY };

/* ModRM constraint: which bits, and what they must be. */
#define MODRM_ANY_DIGIT 0x08
#define MODRM_MEMORY 0x10
#define MODRM_REGISTER 0x20
#define MODRM_PRESENT 0x40
#define MODRM_IS_EXACT 0x80
#define MODRM_EXACT(byte) (MODRM_PRESENT | MODRM_IS_EXACT | (byte) << 8)
enum {
    MODRM__ = 0,
    MODRM_R = MODRM_PRESENT | MODRM_ANY_DIGIT,
    MODRM_MEM = MODRM_R | MODRM_MEMORY,
    MODRM_REG = MODRM_R | MODRM_REGISTER,
#define MODRM_DIGIT(n)                                                                                                 \
    MODRM_##n = MODRM_PRESENT | n, MODRM_MEM##n = MODRM_PRESENT | MODRM_MEMORY | n,                                    \
    MODRM_REG##n = MODRM_PRESENT | MODRM_REGISTER | n
    MODRM_DIGIT(0),
    MODRM_DIGIT(1),
    MODRM_DIGIT(2),
    MODRM_DIGIT(3),
    MODRM_DIGIT(4),
    MODRM_DIGIT(5),
    MODRM_DIGIT(6),
    MODRM_DIGIT(7),
#undef MODRM_DIGIT
};

/* Attributes beside those of insn.h: conditions that only the decoder looks at. */
#define ATTR_ 0u
#define ATTR_NO_REX_B 0x20000u      /* 90: NOP unless REX.B makes it XCHG R8, RAX */
#define ATTR_W0 0x40000u            /* only without REX.W */
#define ATTR_W1 0x80000u            /* only with REX.W */
#define ATTR_MOD_IGNORED 0x100000u  /* ModRM.rm is a register whatever mod says (MOV CR/DR) */
#define ATTR_ADDRESS_NAME 0x200000u /* mnemonic alternatives go by address size (JCXZ) */
#define ATTR_NO_REP 0x400000u       /* prefix ANY, but neither F2 nor F3 */
#define ATTR_L0 0x800000u           /* only with VEX.L = 0 */
#define ATTR_L1 0x1000000u          /* only with VEX.L = 1 */

/* Operand kinds, as in SDM appendix A: the method of addressing, then the type.
 * OPERAND(kind, where it is encoded, register class, size of the operand).
 * Sizes: b w d q 1 2 4 8 bytes, v 2/4/8 by operand size, y 4/8 by REX.W, z 2/4, p 4/8 by mode, o 16, x 16/32 by
 * VEX.L, h half of x, i a quarter, j an eighth, t 10, f far pointer 2+v, s 6 or 10 bytes (GDTR), a two of v (BOUND), n
 * none of these or it does not matter. */
/* clang-format off */
#define OPERANDS(OPERAND)                                                                                              \
    OPERAND(Eb, RM, GPR, b)     /* general register or memory */                                                       \
    OPERAND(Ew, RM, GPR16, w)                                                                                          \
    OPERAND(Ed, RM, GPR32, d)                                                                                          \
    OPERAND(Eq, RM, GPR64, q)                                                                                          \
    OPERAND(Ev, RM, GPR, v)                                                                                            \
    OPERAND(Ey, RM, GPR, y)                                                                                            \
    OPERAND(Eb8, RM, GPR8, b)   /* byte source of a row with another size (MOVZX), or SETcc */                         \
    OPERAND(Evw, RM, GPR, w)    /* register of operand size, memory of 16 bits (MOV Ev,Sw; SLDT; SMSW; STR) */     \
    OPERAND(Ev64, RM, GPR, q)   /* memory of 8 bytes, register of operand size */                                      \
    OPERAND(Edw, RM, GPR32, w)  /* PINSRW: 32-bit register or 16-bit memory */                                         \
    OPERAND(Edb, RM, GPR32, b)                                                                                         \
    OPERAND(Rp, RM, GPR, p)     /* MOV CR/DR */                                                                        \
    OPERAND(Rd, RM, GPR32, d)   /* register only: write REG in the modrm column */                                     \
    OPERAND(Gb, REG, GPR, b)                                                                                           \
    OPERAND(Gw, REG, GPR16, w)                                                                                         \
    OPERAND(Gd, REG, GPR32, d)                                                                                         \
    OPERAND(Gq, REG, GPR64, q)                                                                                         \
    OPERAND(Gv, REG, GPR, v)                                                                                           \
    OPERAND(Gy, REG, GPR, y)                                                                                           \
    OPERAND(Gp, REG, GPR, p)    /* INVPCID */                                                                          \
    OPERAND(By, VVVV, GPR, y)   /* VEX.vvvv */                                                                         \
    OPERAND(M, RM, NONE, n)     /* memory only: write MEM in the modrm column */                                       \
    OPERAND(Mb, RM, NONE, b)                                                                                           \
    OPERAND(Mw, RM, NONE, w)                                                                                           \
    OPERAND(Md, RM, NONE, d)                                                                                           \
    OPERAND(Mq, RM, NONE, q)                                                                                           \
    OPERAND(Mt, RM, NONE, t)                                                                                           \
    OPERAND(Mx, RM, NONE, x)                                                                                           \
    OPERAND(Mv, RM, NONE, v)                                                                                           \
    OPERAND(My, RM, NONE, y)                                                                                           \
    OPERAND(Ma, RM, NONE, a)                                                                                           \
    OPERAND(Mp, RM, NONE, f)                                                                                           \
    OPERAND(Ms, RM, NONE, s)                                                                                           \
    OPERAND(Sw, REG, SEG, w)                                                                                           \
    OPERAND(Cp, REG, CR, p)                                                                                            \
    OPERAND(Dp, REG, DR, p)                                                                                            \
    OPERAND(Td, REG, TR, d)                                                                                            \
    OPERAND(Zb, OPCODE, GPR, b) /* low three bits of the opcode */                                                     \
    OPERAND(Zv, OPCODE, GPR, v)                                                                                        \
    OPERAND(AL, RAX, NONE, b)   /* implied: shown, not encoded; insn.rm names it, insn.reg beside Z and O */           \
    OPERAND(rAX, RAX, NONE, v)                                                                                         \
    OPERAND(eAX, RAX, NONE, z)                                                                                         \
    OPERAND(CL, FIXED, NONE, n)                                                                                        \
    OPERAND(DX, FIXED, NONE, n)                                                                                        \
    OPERAND(One, FIXED, NONE, n) /* the constant 1; insn.imm = 1 */                                                    \
    OPERAND(rES, SREG, SEG, n)  /* insn.reg = ES */                                                                    \
    OPERAND(rCS, SREG, SEG, n)                                                                                         \
    OPERAND(rSS, SREG, SEG, n)                                                                                         \
    OPERAND(rDS, SREG, SEG, n)                                                                                         \
    OPERAND(rFS, SREG, SEG, n)                                                                                         \
    OPERAND(rGS, SREG, SEG, n)                                                                                         \
    OPERAND(Ib, IMM, NONE, n)   /* sign-extended */                                                                    \
    OPERAND(Ibu, IMM, NONE, n)  /* zero-extended */                                                                    \
    OPERAND(Iw, IMM, NONE, n)   /* zero-extended */                                                                    \
    OPERAND(Iz, IMM, NONE, n)   /* 16 or 32 bits, sign-extended */                                                     \
    OPERAND(Iv, IMM, NONE, n)   /* 16, 32 or 64 bits */                                                                \
    OPERAND(Jb, IMM, NONE, n)                                                                                          \
    OPERAND(Jz, IMM, NONE, n)                                                                                          \
    OPERAND(Ap, IMM, NONE, n)   /* imm: offset, disp: selector */                                                      \
    OPERAND(Ob, MOFFS, NONE, b)                                                                                        \
    OPERAND(Ov, MOFFS, NONE, v)                                                                                        \
    OPERAND(Xb, STRING, NONE, b) /* DS:rSI, or another segment */                                                      \
    OPERAND(Xv, STRING, NONE, v)                                                                                       \
    OPERAND(Xz, STRING, NONE, z)                                                                                       \
    OPERAND(Yb, STRING, NONE, b) /* ES:rDI */                                                                          \
    OPERAND(Yv, STRING, NONE, v)                                                                                       \
    OPERAND(Yz, STRING, NONE, z)                                                                                       \
    OPERAND(ST0, FIXED, NONE, n)                                                                                       \
    OPERAND(STi, RM, ST, n)                                                                                            \
    OPERAND(Pq, REG, MMX, n)    /* MMX register in reg */                                                              \
    OPERAND(Qq, RM, MMX, q)     /* MMX register or 64-bit memory */                                                    \
    OPERAND(Qd, RM, MMX, d)     /* MMX register or 32-bit memory */                                                    \
    OPERAND(Nq, RM, MMX, n)     /* MMX register in rm: write REG in the modrm column */                                \
    OPERAND(Vx, REG, VEC, n)    /* XMM or YMM register in reg */                                                       \
    OPERAND(Wx, RM, VEC, x)     /* XMM or YMM register, or memory of that size */                                      \
    OPERAND(Hx, VVVV, VEC, n)   /* XMM or YMM register in VEX.vvvv */                                                  \
    OPERAND(Lx, IS4, VEC, n)    /* XMM or YMM register in bits 7-4 of an immediate byte */                             \
    OPERAND(Vo, REG, XMM, n)    /* XMM registers whatever VEX.L is */                                                  \
    OPERAND(Ho, VVVV, XMM, n)                                                                                          \
    OPERAND(Wo, RM, XMM, o)                                                                                            \
    OPERAND(Wh, RM, XMM, h)     /* XMM register; memory: half, a quarter, an eighth of Vx */                           \
    OPERAND(Wi, RM, XMM, i)                                                                                            \
    OPERAND(Wj, RM, XMM, j)                                                                                            \
    OPERAND(Wb, RM, XMM, b)                                                                                            \
    OPERAND(Wq, RM, XMM, q)     /* XMM register or 64-bit memory */                                                    \
    OPERAND(Wd, RM, XMM, d)     /* XMM register or 32-bit memory */                                                    \
    OPERAND(Ww, RM, XMM, w)                                                                                            \
    OPERAND(Ux, RM, VEC, n)     /* XMM or YMM register in rm: write REG in the modrm column */                         \
    OPERAND(Uo, RM, XMM, n)                                                                                            \
    OPERAND(Mo, RM, NONE, o)                                                                                           \
    OPERAND(Mh, RM, NONE, h)                                                                                           \
    OPERAND(Sd, RM, VEC, d)     /* VSIB: elements of 32 bits in memory; index in an XMM or YMM register */             \
    OPERAND(Sq, RM, VEC, q)     /* elements of 64 bits */                                                              \
    OPERAND(Sqo, RM, XMM, q)    /* elements of 64 bits, index always in an XMM register */                             \
    OPERAND(XMM0, FIXED, NONE, n) /* implied by BLENDVPS and the like */
/* clang-format on */

enum operand {
    OPERAND_,
#define OPERAND_ENUM(kind, where, class, size) OPERAND_##kind,
    OPERANDS(OPERAND_ENUM)
#undef OPERAND_ENUM
        OPERAND_COUNT
};

enum operand_where {
    WHERE_NOWHERE,
    WHERE_RM,
    WHERE_REG,
    WHERE_OPCODE,
    WHERE_VVVV,
    WHERE_IS4,
    WHERE_SREG,
    WHERE_RAX,
    WHERE_FIXED,
    WHERE_IMM,
    WHERE_MOFFS,
    WHERE_STRING
};

struct operand_kind {
    u8 where;  /* enum operand_where */
    u8 class;  /* enum reg_class */
    char size; /* letter as above */
};

extern const struct operand_kind operand_kinds[OPERAND_COUNT];

/* Flags of a row.  D and I are DF and IF. */
#define FLAGS__ 0
#define FLAGS_C FLAG_CF
#define FLAGS_O FLAG_OF
#define FLAGS_Z FLAG_ZF
#define FLAGS_S FLAG_SF
#define FLAGS_P FLAG_PF
#define FLAGS_A FLAG_AF
#define FLAGS_D FLAG_DF
#define FLAGS_I FLAG_IF
#define FLAGS_OA (FLAG_OF | FLAG_AF)
#define FLAGS_OC (FLAG_OF | FLAG_CF)
#define FLAGS_AC (FLAG_AF | FLAG_CF)
#define FLAGS_CZ (FLAG_CF | FLAG_ZF)
#define FLAGS_ZC FLAGS_CZ
#define FLAGS_SO (FLAG_SF | FLAG_OF)
#define FLAGS_SZP (FLAG_SF | FLAG_ZF | FLAG_PF)
#define FLAGS_ZPC (FLAG_ZF | FLAG_PF | FLAG_CF)
#define FLAGS_OSZ (FLAG_OF | FLAG_SF | FLAG_ZF)
#define FLAGS_OSA (FLAG_OF | FLAG_SF | FLAG_AF)
#define FLAGS_OAC (FLAG_OF | FLAG_AF | FLAG_CF)
#define FLAGS_SZAP (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define FLAGS_OSZP (FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF)
#define FLAGS_OSAP (FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define FLAGS_OSZPC (FLAGS_OSZP | FLAG_CF)
#define FLAGS_OSAPC (FLAGS_OSAP | FLAG_CF)
#define FLAGS_SZPC (FLAGS_SZP | FLAG_CF)
#define FLAGS_SZAPC (FLAGS_SZAP | FLAG_CF)
#define FLAGS_OSZA (FLAGS_OSZ | FLAG_AF)
#define FLAGS_AP (FLAG_AF | FLAG_PF)
#define FLAGS_SAP (FLAG_SF | FLAG_AF | FLAG_PF)
#define FLAGS_OZC (FLAG_OF | FLAG_ZF | FLAG_CF)
#define FLAGS_OSZC (FLAGS_OSZ | FLAG_CF)
#define FLAGS_OSZAP (FLAGS_OSZP | FLAG_AF)
#define FLAGS_OSZAPC (FLAGS_OSZAP | FLAG_CF)
#define FLAGS_ODSZAPC (FLAGS_OSZAPC | FLAG_DF)
#define FLAGS_ALL (FLAGS_OSZAPC | FLAG_DF | FLAG_IF)

/* Which bytes a row stands for; same index as opcode_table. */
struct opcode_pattern {
    u8 map; /* enum opcode_map */
    u8 opcode;
    u8 prefix; /* enum opcode_prefix */
    u16 modrm; /* MODRM_* */
};

extern const struct opcode_pattern opcode_patterns[];

/* The mnemonic that fits the insn's size where the row has alternatives; `length` characters, not terminated. */
const char *opcode_mnemonic(const struct insn *insn, unsigned *length);

#endif
