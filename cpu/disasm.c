/*
 * Disassembler: struct insn to text in Intel syntax, by the operand kinds of its row.
 *
 * Source: Intel SDM vol. 2, section 3.1.1.3 "Instruction Column"; the spelling of memory operands is that of GNU
 * objdump -M intel, which most people read.
 * Not modelled: operands of string instructions are shown only as a segment override.
 */
#include "cpu/opcodes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at, *end; /* end: the last byte, for the NUL */
};

PRINTF_LIKE(2, 3) static void put(struct text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text->at, text->end - text->at + 1, fmt, args);
    va_end(args);
    text->at = n > text->end - text->at ? text->end : text->at + n;
}

static const char *const seg_names[] = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};

static void put_gpr(struct text *text, unsigned number, enum size size, bool rex)
{
    static const char bytes[8][3] = {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"};
    static const char words[8][3] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    static const char suffix[] = {'b', 'w', 'd', 0};
    number &= 15;
    if (number >= 8)
        put(text, size == SIZE_64 ? "r%u" : "r%u%c", number, suffix[size & 3]);
    else if (size == SIZE_8)
        put(text, rex && number >= 4 ? "%sl" : "%s", rex && number >= 4 ? words[number] : bytes[number]);
    else
        put(text, "%s%s", size == SIZE_16 ? "" : size == SIZE_32 ? "e" : "r", words[number]);
}

static void put_register(struct text *text, const struct insn *insn, enum reg_class class, unsigned number)
{
    switch (class) {
    case CLASS_GPR: put_gpr(text, number, insn->size, insn->rex); break;
    case CLASS_GPR8: put_gpr(text, number, SIZE_8, insn->rex); break;
    case CLASS_GPR16: put_gpr(text, number, SIZE_16, true); break;
    case CLASS_GPR32: put_gpr(text, number, SIZE_32, true); break;
    case CLASS_GPR64: put_gpr(text, number, SIZE_64, true); break;
    case CLASS_SEG: put(text, "%s", seg_names[number & 7]); break;
    case CLASS_CR: put(text, "cr%u", number); break;
    case CLASS_DR: put(text, "dr%u", number); break;
    case CLASS_TR: put(text, "tr%u", number); break;
    case CLASS_MMX: put(text, "mm%u", number); break;
    case CLASS_XMM: put(text, "xmm%u", number); break;
    case CLASS_VEC: put(text, insn->vex.l ? "ymm%u" : "xmm%u", number); break;
    case CLASS_ST: put(text, "st(%u)", number); break;
    case CLASS_NONE: break;
    }
}

static const char *memory_keyword(char size, const struct insn *insn)
{
    static const char *const by_size[] = {"BYTE PTR ", "WORD PTR ", "DWORD PTR ", "QWORD PTR "};
    static const char *const vectors[] = {"WORD PTR ", "DWORD PTR ", "QWORD PTR ", "XMMWORD PTR ", "YMMWORD PTR "};
    switch (size) {
    case 'b': return by_size[SIZE_8];
    case 'w': return by_size[SIZE_16];
    case 'd': return by_size[SIZE_32];
    case 'q': return by_size[SIZE_64];
    case 'v':
    case 'y':
    case 'z':
    case 'p': return by_size[insn->size & 3];
    case 'a': return insn->size == SIZE_16 ? by_size[SIZE_32] : by_size[SIZE_64];
    case 'o': return vectors[3];
    case 'x': return vectors[3 + insn->vex.l];
    case 'h': return vectors[2 + insn->vex.l];
    case 'i': return vectors[1 + insn->vex.l];
    case 'j': return vectors[insn->vex.l];
    case 't': return "TBYTE PTR ";
    case 'f': return insn->size == SIZE_16 ? by_size[SIZE_32] : insn->size == SIZE_32 ? "FWORD PTR " : "TBYTE PTR ";
    default: return "";
    }
}

static u64 size_mask(enum size size)
{
    return size == SIZE_8 ? 0xff : size == SIZE_16 ? 0xffff : size == SIZE_32 ? 0xffffffff : ~0ull;
}

static void put_index(struct text *text, const struct insn *insn, enum reg_class class)
{
    if (insn->opcode->attr & ATTR_VSIB)
        put_register(text, insn, class, insn->index);
    else
        put_gpr(text, insn->index, insn->address_size, true);
}

/* `class`: of the index register, with VSIB. */
static void put_memory(struct text *text, const struct insn *insn, char size, enum reg_class class)
{
    bool absolute = insn->base == NO_REG && insn->index == NO_REG;
    put(text, "%s", memory_keyword(size, insn));
    if (insn->segment_override || absolute)
        put(text, "%s:", seg_names[insn->segment & 7]);
    if (absolute) {
        put(text, "0x%llx", (unsigned long long)((u64)insn->disp & size_mask(insn->address_size)));
        return;
    }
    put(text, "[");
    if (insn->base == BASE_RIP)
        put(text, insn->address_size == SIZE_64 ? "rip" : "eip");
    else if (insn->base != NO_REG)
        put_gpr(text, insn->base, insn->address_size, true);
    if (insn->index != NO_REG) {
        put(text, insn->base == NO_REG ? "" : "+");
        put_index(text, insn, class);
        if (insn->address_size != SIZE_16)
            put(text, "*%u", 1u << (insn->scale & 3));
    }
    if (insn->disp < 0)
        put(text, "-0x%llx", -(unsigned long long)insn->disp);
    else if (insn->disp || insn->base == NO_REG || insn->base == BASE_RIP || insn->modrm >> 6)
        put(text, "+0x%llx", (unsigned long long)insn->disp);
    put(text, "]");
}

static void put_immediate(struct text *text, const struct insn *insn, enum operand operand, u64 imm, u64 rip)
{
    switch (operand) {
    case OPERAND_Jb:
    case OPERAND_Jz: imm = (rip + insn->length + imm) & size_mask(insn->size); break;
    case OPERAND_Ap:
        put(text, "0x%x:", (unsigned)insn->disp & 0xffff);
        imm &= size_mask(insn->size);
        break;
    case OPERAND_Ib:
        imm &=
            insn->opcode->reg_class == CLASS_MMX || insn->opcode->reg_class == CLASS_VEC ? 0xff : size_mask(insn->size);
        break;
    case OPERAND_Ibu: imm &= 0xff; break; /* without VEX.vvvv */
    case OPERAND_Iz:
    case OPERAND_Iv: imm &= size_mask(insn->size); break;
    default: break;
    }
    put(text, "0x%llx", (unsigned long long)imm);
}

static void put_implied(struct text *text, const struct insn *insn, enum operand operand)
{
    switch (operand) {
    case OPERAND_AL: put(text, "al"); break;
    case OPERAND_rAX:
    case OPERAND_eAX: put_gpr(text, RAX, insn->size, false); break;
    case OPERAND_CL: put(text, "cl"); break;
    case OPERAND_DX: put(text, "dx"); break;
    case OPERAND_One: put(text, "1"); break;
    case OPERAND_ST0: put(text, "st"); break;
    case OPERAND_XMM0: put(text, "xmm0"); break;
    default: break;
    }
}

static void put_operand(struct text *text, const struct insn *insn, enum operand operand, u64 imm, u64 rip)
{
    const struct operand_kind *kind = &operand_kinds[operand];
    switch (kind->where) {
    case WHERE_RM:
        if (insn->memory)
            put_memory(text, insn, kind->size, kind->class);
        else
            put_register(text, insn, kind->class, insn->rm);
        break;
    case WHERE_REG:
    case WHERE_SREG: put_register(text, insn, kind->class, insn->reg); break;
    case WHERE_OPCODE: put_register(text, insn, kind->class, insn->rm); break;
    case WHERE_VVVV: put_register(text, insn, kind->class, insn->vex.vvvv); break;
    case WHERE_IS4: put_register(text, insn, kind->class, insn->imm >> 4 & 15); break;
    case WHERE_RAX:
    case WHERE_FIXED: put_implied(text, insn, operand); break;
    case WHERE_IMM: put_immediate(text, insn, operand, imm, rip); break;
    case WHERE_MOFFS: put_memory(text, insn, 'n', CLASS_NONE); break;
    default: break;
    }
}

const char *opcode_mnemonic(const struct insn *insn, unsigned *length)
{
    const char *name = insn->opcode->mnemonic, *bar;
    enum size size = insn->opcode->attr & ATTR_ADDRESS_NAME ? insn->address_size : insn->size;
    for (unsigned i = SIZE_16; i < size && (bar = strchr(name, '|')); i++)
        name = bar + 1;
    *length = strcspn(name, "|");
    return name;
}

static void put_prefixes(struct text *text, const struct insn *insn)
{
    bool compares = insn->opcode->flags_written & FLAG_ZF; /* CMPS, SCAS */
    if (insn->lock)
        put(text, "lock ");
    if (insn->rep != REP_NONE && insn->opcode->attr & ATTR_STRING)
        put(text, "%s ", insn->rep == REP_F2 ? "repnz" : compares ? "repz" : "rep");
    if (insn->segment_override && (insn->opcode->attr & ATTR_STRING || !insn->opcode->operands[0])) /* or XLAT */
        put(text, "%s ", seg_names[insn->segment & 7]);
}

void disassemble(const struct insn *insn, u64 rip, char *buffer, size_t size)
{
    struct text text = {buffer, buffer + size - 1};
    const u8 *operands = insn->opcode->operands;
    unsigned length, immediates = 0;
    const char *name = opcode_mnemonic(insn, &length);
    if (!size)
        return;
    *buffer = 0;
    put_prefixes(&text, insn);
    put(&text, operands[0] && !(insn->opcode->attr & ATTR_STRING) ? "%-6.*s " : "%.*s", (int)length, name);
    if (insn->opcode->attr & ATTR_STRING)
        return;
    for (unsigned i = 0; i < MAX_OPERANDS && operands[i]; i++) {
        bool immediate = operand_kinds[operands[i]].where == WHERE_IMM;
        put(&text, i ? "," : "");
        put_operand(&text, insn, operands[i], immediate && immediates++ ? insn->imm2 : insn->imm, rip);
    }
}
