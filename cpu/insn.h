/*
 * Decoding: opcode table rows and decoded instructions.
 *
 * cpu/opcodes.def is the one list of what exists; decoder, disassembler, lowering to ops (cpu/block.c), coverage and
 * test generation read the table that cpu/decode.c builds from it.  Decode knows nothing of how instructions run: a row
 * only points at the `struct impl` that its handlers live in.
 *
 * Source: Intel SDM vol. 2, ch. 2 "Instruction Format", appendix A "Opcode Map".
 */
#ifndef CPU_INSN_H
#define CPU_INSN_H

#include "cpu/feature.h"
#include "cpu/types.h"

enum size { SIZE_8, SIZE_16, SIZE_32, SIZE_64 };

/* What the number in insn.reg or insn.rm names. */
enum reg_class {
    CLASS_NONE,
    CLASS_GPR,   /* of insn.size; 4-7 are AH, CH, DH, BH where size is 8 and there is no REX prefix */
    CLASS_GPR8,  /* always bytes (MOVZX source, SETcc) */
    CLASS_GPR16,
    CLASS_GPR32,
    CLASS_GPR64,
    CLASS_SEG,
    CLASS_CR,
    CLASS_DR,
    CLASS_TR,
    CLASS_MMX,
    CLASS_XMM,
    CLASS_VEC,   /* XMM, YMM with VEX.L = 1 */
    CLASS_ST,
};

/* opcode.attr */
#define ATTR_END 0x1u     /* ends a block: may change mode, CPL, mappings, IF, or RIP in other ways than BRANCH */
#define ATTR_BRANCH 0x2u  /* near direct branch: imm is the displacement; lowering picks near or cross handlers */
#define ATTR_COND 0x4u    /* with BRANCH: may fall through */
#define ATTR_INDIRECT 0x8u/* near indirect branch or return: ends a block, target by look-up */
#define ATTR_LOCK 0x10u   /* LOCK is allowed when the destination is memory; else #UD */
#define ATTR_STACK 0x20u  /* uses the stack: lowering picks flat, segmented or 64-bit handlers */
#define ATTR_STRING 0x40u /* string instruction: REP applies */
#define ATTR_PRIV 0x80u   /* needs CPL 0 (documentation and tests; the helper checks) */
#define ATTR_PM 0x100u    /* #UD in real and V86 mode (documentation and tests; the helper checks) */
#define ATTR_X87 0x200u   /* checks CR0.EM/TS first (the helper does) */
#define ATTR_NO_MEM_ACCESS 0x400u /* LEA, NOP Ev, prefetch: memory operand is only addressed */
#define ATTR_SHADOW 0x800u /* STI, MOV SS, POP SS */
#define ATTR_WRITE 0x1000u /* writes its memory operand */
#define ATTR_D64 0x2000u   /* 64-bit operand by default in 64-bit mode */
#define ATTR_F64 0x4000u   /* always 64-bit operand in 64-bit mode */
#define ATTR_NO64 0x8000u  /* #UD in 64-bit mode */
#define ATTR_ONLY64 0x10000u
#define ATTR_IOPL 0x2000000u   /* CPL or virtual-8086 mode against IOPL decides (documentation and tests) */
#define ATTR_FAULTS 0x4000000u /* what it does is to raise an exception: UD0-UD2; RSM outside of SMM */
#define ATTR_VSIB 0x8000000u   /* memory operand with a vector register as index: its number in insn.index */

/* Which of fn[size][...] lowering takes.  For instructions with a memory operand: by how it is addressed.  Without:
 * FORM_REG, or for ATTR_STACK one of FORM_REG (flat 32-bit stack), FORM_REG_SEG, FORM_REG64. */
enum form {
    FORM_REG,
    FORM_REG_SEG,
    FORM_REG64,
    FORM_BD,  /* flat segment, 32-bit address: base + disp */
    FORM_SIB, /* flat segment, 32-bit address: base + index * scale + disp */
    FORM_SEG, /* anything else outside 64-bit mode: 16-bit addresses, segment base and limit */
    FORM_M64, /* 64-bit mode: 64-bit address, no FS or GS */
    FORM_M64X,/* 64-bit mode, the rest: FS, GS, 32-bit address */
    FORM_COUNT
};
/* ATTR_BRANCH: fn[size][...] by target and, for CALL, stack. */
enum branch_form {
    BRANCH_NEAR,       /* target (and fall-through) in the block's own page */
    BRANCH_CROSS,
    BRANCH_NEAR_SEG,   /* stack is not flat */
    BRANCH_CROSS_SEG,
    BRANCH_NEAR64,
    BRANCH_CROSS64,
};

struct impl {
    void (*fn[4][FORM_COUNT])(void);
};

#define MAX_OPERANDS 4

struct opcode {
    const char *mnemonic;       /* Intel syntax, lower case */
    u8 operands[MAX_OPERANDS];  /* enum operand (cpu/opcodes.h): for the disassembler and tests */
    u8 reg_class, rm_class;     /* enum reg_class of insn.reg and of insn.rm in register form */
    u8 feature;                 /* enum feature that must be present, FEATURE_NONE */
    u32 attr;
    u16 flags_read, flags_written, flags_undefined; /* FLAG_* of cpu.h, arithmetic and DF */
    const struct impl *impl;
    const char *source;         /* the row as written, for messages */
};

enum rep { REP_NONE, REP_F2, REP_F3 };

#define NO_REG 0xff
#define BASE_RIP 0xfe

/* VEX prefix, fields as in the manual but not inverted. */
struct vex {
    bool present;
    u8 map, pp; /* mmmmm; 0 none, 1 66, 2 F3, 3 F2 */
    u8 vvvv;    /* register number 0-15; 0 also where nothing is encoded */
    bool l, w;
};

/* insn.imm and op.imm of rows with a VEX.vvvv operand: its register number above the immediate byte. */
#define INSN_VVVV_SHIFT 28

struct insn {
    const struct opcode *opcode; /* never NULL: opcode_invalid for #UD, opcode_too_long for > 15 bytes */
    u8 length;
    u8 size;         /* enum size: operand size after prefixes; SIZE_8 for byte rows */
    u8 address_size; /* enum size */
    u8 rep;          /* enum rep, as prefix (not where F2/F3 selects the opcode) */
    bool lock, memory; /* memory: there is a memory operand; base, index, scale, disp, segment say where */
    u8 segment;      /* effective: override or default */
    bool segment_override;
    bool has_modrm;
    u8 modrm;        /* raw byte */
    u8 rex;          /* 0 if none; from the VEX prefix in 64-bit code if there is one */
    struct vex vex;
    u8 opcode_byte;  /* last opcode byte; x87: D8-DF */
    u8 reg, rm;      /* numbers 0-15 (31) */
    u8 base, index;  /* NO_REG: none; BASE_RIP; index with ATTR_VSIB: number of a vector register */
    u8 scale;        /* 0-3 */
    i64 disp;        /* sign-extended; moffs: absolute address; far pointer: selector */
    u64 imm;         /* first immediate sign-extended to 64 bits (zero-extended for Ib of INT, IN, OUT, ENTER's Iw) */
    u32 imm2;        /* ENTER: nesting level */
};

struct decoder {
    u8 code_size;           /* enum size: 16, 32 or 64-bit code */
    const u64 *features;    /* cpu->features, or NULL for all */
};

/* Decodes one instruction from `bytes`, of which `available` (up to 15 matter) are there.  Returns its length;
 * 0 when more bytes are needed than are available (insn is then undefined). */
unsigned decode(const struct decoder *decoder, const u8 *bytes, unsigned available, struct insn *insn);

extern const struct opcode opcode_invalid, opcode_too_long;

/* Every row, for coverage and tests. */
extern const struct opcode opcode_table[];
extern const unsigned opcode_count;

/* Intel syntax, NUL-terminated, into `text`; `rip` is the address of the instruction (branch targets are absolute). */
void disassemble(const struct insn *insn, u64 rip, char *text, size_t size);

#endif
