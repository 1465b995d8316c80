/*
 * Instruction decoder: bytes to struct insn by the rows of cpu/opcodes.def.
 *
 * Tables are made from the rows before main: node[map][opcode] gives, for each mandatory prefix, a list of candidate
 * rows, or a table of lists by ModRM byte.  A list holds the rows that match those bytes, most specific first;
 * conditions that bytes do not show (mode, features, REX.W) choose among them.
 *
 * Source: Intel SDM vol. 2, ch. 2 "Instruction Format"; section 2.2.1 "REX Prefixes"; table 2-1, 2-2, 2-3 (ModRM, SIB);
 *   section 2.3 "Intel Advanced Vector Extensions" (VEX).
 * Modelled: 16, 32 and 64-bit code, all prefixes, VEX, LOCK checks, the limit of 15 bytes.
 * Not modelled: EVEX, XOP, 3DNow!.  That VEX is #UD in real-address and virtual-8086 mode, helpers must see to.
 */
#include "cpu/opcodes.h"

#include <assert.h>
#include <string.h>

#define MAX_LENGTH 15

/* --- the tables --- */

enum immediate { IMM_NONE, IMM_B, IMM_BU, IMM_W, IMM_Z, IMM_V, IMM_FAR, IMM_OFFSET, IMM_ONE };

/* What decoding a row needs beside struct opcode. */
struct recipe {
    u8 size;            /* letter of the operand size rule: b y z p v */
    u8 immediate[2];    /* enum immediate */
    u8 fixed_reg;       /* insn.reg without ModRM (segment register) */
    bool opcode_reg;    /* insn.rm from the opcode's low bits */
    bool size_prefix;   /* 66 is part of the opcode */
    bool repeat_prefix; /* F2 or F3 is */
    bool select;        /* has conditions to be looked at */
    bool vvvv;          /* an operand is in VEX.vvvv; else it must be 1111 */
    bool is4;           /* an operand is in bits 7-4 of the immediate */
};

#define BY_MODRM 0x8000u /* cell: number of a modrm table, else start of a list */

struct node {
    u16 cell[4]; /* by enum opcode_prefix */
    bool has_modrm;
};

#define MAX_ROWS 2048
#define MAX_TABLES 512
#define MAX_LISTS 8192

static struct node nodes[MAP_COUNT][256];
static u16 modrm_tables[MAX_TABLES][256];
static u16 lists[MAX_LISTS]; /* row + 1 ..., 0; list 0 is empty */
static struct recipe recipes[MAX_ROWS];
static unsigned table_count, list_end;

/* Rows of the node being built, most specific first. */
static u16 node_rows[MAX_ROWS];
static unsigned node_row_count;

static bool is_range(unsigned row)
{
    for (unsigned i = 0; i < MAX_OPERANDS; i++)
        if (operand_kinds[opcode_table[row].operands[i]].where == WHERE_OPCODE)
            return true;
    return false;
}

static unsigned conditions(unsigned row)
{
    const struct opcode *op = &opcode_table[row];
    u32 attr = op->attr &
               (ATTR_NO64 | ATTR_ONLY64 | ATTR_W0 | ATTR_W1 | ATTR_NO_REX_B | ATTR_NO_REP | ATTR_L0 | ATTR_L1);
    return __builtin_popcount(attr) + (op->feature != FEATURE_NONE);
}

static unsigned specificity(unsigned row)
{
    const struct opcode_pattern *p = &opcode_patterns[row];
    unsigned modrm = p->modrm & MODRM_IS_EXACT                                     ? 4
                     : (p->modrm & MODRM_PRESENT) && !(p->modrm & MODRM_ANY_DIGIT) ? 2
                                                                                   : 0;
    if (!(p->modrm & MODRM_IS_EXACT) && p->modrm & (MODRM_MEMORY | MODRM_REGISTER))
        modrm++;
    return (p->prefix != PREFIX_ANY) * 1000 + modrm * 100 + !is_range(row) * 50 + conditions(row);
}

static void collect_rows(unsigned map, unsigned opcode)
{
    node_row_count = 0;
    for (unsigned row = 0; row < opcode_count; row++) {
        const struct opcode_pattern *p = &opcode_patterns[row];
        if (p->map != map || (is_range(row) ? p->opcode != (opcode & 0xf8) : p->opcode != opcode))
            continue;
        unsigned at = node_row_count++;
        for (; at && specificity(node_rows[at - 1]) < specificity(row); at--)
            node_rows[at] = node_rows[at - 1];
        node_rows[at] = row;
    }
}

static bool matches(const struct opcode_pattern *p, unsigned prefix, unsigned modrm)
{
    if (p->prefix != PREFIX_ANY && p->prefix != prefix)
        return false;
    if (!(p->modrm & MODRM_PRESENT))
        return true;
    if (p->modrm & MODRM_IS_EXACT)
        return modrm == p->modrm >> 8;
    bool is_register = modrm >= 0xc0;
    if ((p->modrm & MODRM_MEMORY && is_register) || (p->modrm & MODRM_REGISTER && !is_register))
        return false;
    return p->modrm & MODRM_ANY_DIGIT || (modrm >> 3 & 7) == (p->modrm & 7);
}

/* Makes the list of this node's rows that match and returns where it starts; reuses an equal one from `since` on. */
static u16 make_list(unsigned prefix, unsigned modrm, unsigned since)
{
    u16 list[64];
    unsigned n = 0;
    for (unsigned i = 0; i < node_row_count; i++)
        if (matches(&opcode_patterns[node_rows[i]], prefix, modrm)) {
            assert(n < ARRAY_SIZE(list) - 1);
            list[n++] = node_rows[i] + 1;
        }
    if (!n)
        return 0;
    list[n++] = 0;
    for (unsigned at = since; at + n <= list_end; at++) {
        if (!memcmp(&lists[at], list, n * sizeof *list))
            return at;
        while (lists[at])
            at++;
    }
    assert(list_end + n <= MAX_LISTS);
    memcpy(&lists[list_end], list, n * sizeof *list);
    list_end += n;
    return list_end - n;
}

static u16 make_cell(unsigned prefix, unsigned since)
{
    bool by_modrm = false;
    for (unsigned i = 0; i < node_row_count; i++)
        by_modrm |= (opcode_patterns[node_rows[i]].modrm & ~0x40) != (MODRM_R & ~0x40) &&
                    opcode_patterns[node_rows[i]].modrm != MODRM__;
    if (!by_modrm)
        return make_list(prefix, 0, since);
    assert(table_count < MAX_TABLES);
    u16 *table = modrm_tables[table_count];
    for (unsigned modrm = 0; modrm < 256; modrm++)
        table[modrm] = make_list(prefix, modrm, since);
    for (unsigned i = 0; i < table_count; i++)
        if (!memcmp(modrm_tables[i], table, sizeof modrm_tables[i]))
            return i | BY_MODRM;
    return table_count++ | BY_MODRM;
}

static void make_node(unsigned map, unsigned opcode)
{
    struct node *node = &nodes[map][opcode];
    unsigned since = list_end;
    collect_rows(map, opcode);
    for (unsigned i = 0; i < node_row_count; i++) {
        bool has_modrm = opcode_patterns[node_rows[i]].modrm & MODRM_PRESENT;
        assert(!i || has_modrm == node->has_modrm);
        node->has_modrm = has_modrm;
    }
    for (unsigned prefix = PREFIX_NP; prefix < PREFIX_ANY; prefix++)
        node->cell[prefix] = make_cell(prefix, since);
}

static enum immediate immediate_of(enum operand operand)
{
    switch (operand) {
    case OPERAND_Ib: return IMM_B;
    case OPERAND_Ibu:
    case OPERAND_Lx: return IMM_BU;
    case OPERAND_Iw: return IMM_W;
    case OPERAND_Iz: return IMM_Z;
    case OPERAND_Iv: return IMM_V;
    case OPERAND_Jb: return IMM_B;
    case OPERAND_Jz: return IMM_Z;
    case OPERAND_Ap: return IMM_FAR;
    case OPERAND_Ob:
    case OPERAND_Ov: return IMM_OFFSET;
    case OPERAND_One: return IMM_ONE;
    default: return IMM_NONE;
    }
}

/* The first operand that has a size of its own decides; SIMD and x87 operands have none. */
static char size_rule(const struct opcode *op)
{
    for (unsigned i = 0; i < MAX_OPERANDS; i++) {
        const struct operand_kind *kind = &operand_kinds[op->operands[i]];
        if (strchr("byzpv", kind->size))
            return kind->size;
        if (kind->class >= CLASS_GPR && kind->class <= CLASS_GPR64)
            return 'v';
    }
    return 'v';
}

static void make_recipe(unsigned row)
{
    const struct opcode *op = &opcode_table[row];
    const struct opcode_pattern *p = &opcode_patterns[row];
    struct recipe *r = &recipes[row];
    unsigned immediates = 0;
    for (unsigned i = 0; i < MAX_OPERANDS; i++) {
        enum operand operand = op->operands[i];
        enum immediate immediate = immediate_of(operand);
        if (immediate != IMM_NONE && immediates < 2)
            r->immediate[immediates++] = immediate;
        if (operand_kinds[operand].where == WHERE_SREG)
            r->fixed_reg = operand - OPERAND_rES;
        r->vvvv |= operand_kinds[operand].where == WHERE_VVVV;
        r->is4 |= operand_kinds[operand].where == WHERE_IS4;
    }
    r->size = size_rule(op);
    r->opcode_reg = is_range(row);
    r->size_prefix = p->prefix == PREFIX_66;
    r->repeat_prefix = p->prefix == PREFIX_F2 || p->prefix == PREFIX_F3;
    r->select = conditions(row) != 0;
}

/* Before main and so before threads: decode() itself never has to ask whether the tables are there. */
__attribute__((constructor)) static void make_tables(void)
{
    assert(opcode_count <= MAX_ROWS);
    list_end = 1;
    for (unsigned row = 0; row < opcode_count; row++)
        make_recipe(row);
    for (unsigned map = 0; map < MAP_COUNT; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
            make_node(map, opcode);
}

/* --- decoding --- */

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

struct cursor {
    const u8 *bytes;
    unsigned at, end;
    bool failed; /* wanted bytes beyond the end */
};

/* Little-endian number of 1, 2, 4 or 8 bytes, zero-extended. */
static inline u64 fetch(struct cursor *c, unsigned size)
{
    u16 word;
    u32 dword;
    u64 qword;
    const u8 *from = c->bytes + c->at;
    if (unlikely(c->at + size > c->end)) {
        c->failed = true;
        return 0;
    }
    c->at += size;
    switch (size) {
    case 1: return *from;
    case 2: return memcpy(&word, from, 2), word;
    case 4: return memcpy(&dword, from, 4), dword;
    default: return memcpy(&qword, from, 8), qword;
    }
}

static inline i64 fetch_signed(struct cursor *c, unsigned size)
{
    u64 value = fetch(c, size);
    return size == 1 ? (i8)value : size == 2 ? (i16)value : size == 4 ? (i32)value : (i64)value;
}

struct prefixes {
    bool size66, address67;
    u8 repeat; /* enum rep, the last one */
};

static void override_segment(struct insn *insn, unsigned code_size, enum seg seg)
{
    if (code_size == SIZE_64 && seg < FS)
        return; /* SDM vol. 2, 2.1.1: null prefixes in 64-bit mode */
    insn->segment = seg;
    insn->segment_override = true;
}

/* Takes all prefixes; returns the first byte that is none.  REX counts only directly before the opcode. */
static unsigned take_prefixes(struct cursor *c, unsigned code_size, struct insn *insn, struct prefixes *p)
{
    for (;;) {
        unsigned byte = fetch(c, 1);
        if (c->failed)
            return 0;
        switch (byte) {
        case 0x26: override_segment(insn, code_size, ES); break;
        case 0x2e: override_segment(insn, code_size, CS); break;
        case 0x36: override_segment(insn, code_size, SS); break;
        case 0x3e: override_segment(insn, code_size, DS); break;
        case 0x64: override_segment(insn, code_size, FS); break;
        case 0x65: override_segment(insn, code_size, GS); break;
        case 0x66: p->size66 = true; break;
        case 0x67: p->address67 = true; break;
        case 0xf0: insn->lock = true; break;
        case 0xf2: p->repeat = REP_F2; break;
        case 0xf3: p->repeat = REP_F3; break;
        default:
            if (code_size != SIZE_64 || (byte & 0xf0) != 0x40)
                return byte;
            insn->rex = byte;
            continue;
        }
        insn->rex = 0;
    }
}

static bool row_fits(const struct decoder *decoder, const struct prefixes *p, const struct insn *insn,
                     const struct opcode *op)
{
    u32 attr = op->attr;
    bool w = insn->vex.present ? insn->vex.w : insn->rex & REX_W;
    if (attr & (decoder->code_size == SIZE_64 ? ATTR_NO64 : ATTR_ONLY64))
        return false;
    if (attr & (w ? ATTR_W0 : ATTR_W1) || attr & (insn->vex.l ? ATTR_L0 : ATTR_L1))
        return false;
    if ((attr & ATTR_NO_REX_B && insn->rex & REX_B) || (attr & ATTR_NO_REP && p->repeat))
        return false;
    return feature_test(decoder->features, op->feature);
}

/* Index of the row, -1 for none. */
static int find_row(const struct decoder *decoder, const struct node *node, const struct prefixes *p,
                    const struct insn *insn)
{
    static const u8 by_repeat[] = {[REP_NONE] = PREFIX_NP, [REP_F2] = PREFIX_F2, [REP_F3] = PREFIX_F3};
    unsigned prefix = p->repeat ? by_repeat[p->repeat] : p->size66 ? PREFIX_66 : PREFIX_NP;
    unsigned cell = node->cell[prefix];
    if (cell & BY_MODRM)
        cell = modrm_tables[cell & ~BY_MODRM][insn->modrm];
    for (const u16 *at = &lists[cell]; *at; at++) {
        unsigned row = *at - 1;
        if (!recipes[row].select || row_fits(decoder, p, insn, &opcode_table[row]))
            return row;
    }
    return -1;
}

static enum size operand_size(const struct decoder *decoder, const struct insn *insn, const struct recipe *recipe,
                              bool size66)
{
    bool code64 = decoder->code_size == SIZE_64, wide = insn->rex & REX_W;
    u32 attr = insn->opcode->attr;
    enum size size;
    if (recipe->size == 'b')
        return SIZE_8;
    if (recipe->size == 'p')
        return code64 ? SIZE_64 : SIZE_32;
    if (recipe->size == 'y')
        return wide ? SIZE_64 : SIZE_32;
    size66 &= !recipe->size_prefix;
    if (decoder->code_size == SIZE_16)
        return size66 ? SIZE_32 : SIZE_16;
    size = wide ? SIZE_64 : size66 ? SIZE_16 : SIZE_32;
    if (code64 && (attr & ATTR_F64 || (attr & ATTR_D64 && !size66)))
        size = SIZE_64;
    return recipe->size == 'z' && size == SIZE_64 ? SIZE_32 : size;
}

/* SDM vol. 2, table 2-1. */
static void decode_memory16(struct cursor *c, struct insn *insn)
{
    static const u8 bases[] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    static const u8 indices[] = {RSI, RDI, RSI, RDI, NO_REG, NO_REG, NO_REG, NO_REG};
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
    insn->index = indices[rm];
    if (mod == 0 && rm == 6) {
        insn->base = NO_REG;
        insn->disp = fetch_signed(c, 2);
        return;
    }
    insn->base = bases[rm];
    if (insn->base == RBP && !insn->segment_override)
        insn->segment = SS;
    if (mod)
        insn->disp = fetch_signed(c, mod);
}

/* SDM vol. 2, tables 2-2 and 2-3; 2.2.1.6 "RIP-Relative Addressing". */
static void decode_memory32(struct cursor *c, unsigned code_size, struct insn *insn)
{
    unsigned mod = insn->modrm >> 6, base = insn->modrm & 7;
    bool sib = base == 4;
    if (sib) {
        unsigned byte = fetch(c, 1);
        unsigned index = (byte >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
        base = byte & 7;
        insn->index = index == 4 && !(insn->opcode->attr & ATTR_VSIB) ? NO_REG : index;
        insn->scale = byte >> 6;
    }
    if (mod == 0 && base == 5) {
        insn->base = !sib && code_size == SIZE_64 ? BASE_RIP : NO_REG;
        insn->disp = fetch_signed(c, 4);
        return;
    }
    insn->base = base | (insn->rex & REX_B ? 8 : 0);
    if ((insn->base == RSP || insn->base == RBP) && !insn->segment_override)
        insn->segment = SS;
    if (mod)
        insn->disp = fetch_signed(c, mod == 1 ? 1 : 4);
}

static void decode_modrm(struct cursor *c, unsigned code_size, struct insn *insn)
{
    insn->reg = (insn->modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
    if (insn->modrm >= 0xc0 || insn->opcode->attr & ATTR_MOD_IGNORED) {
        insn->rm = (insn->modrm & 7) | (insn->rex & REX_B ? 8 : 0);
        return;
    }
    insn->memory = true;
    if (insn->address_size == SIZE_16)
        decode_memory16(c, insn);
    else
        decode_memory32(c, code_size, insn);
}

static u64 fetch_immediate(struct cursor *c, struct insn *insn, enum immediate immediate)
{
    u64 value;
    switch (immediate) {
    case IMM_B: return fetch_signed(c, 1);
    case IMM_BU: return fetch(c, 1);
    case IMM_W: return fetch(c, 2);
    case IMM_Z: return fetch_signed(c, insn->size == SIZE_16 ? 2 : 4);
    case IMM_V: return fetch_signed(c, insn->size == SIZE_64 ? 8 : insn->size == SIZE_16 ? 2 : 4);
    case IMM_ONE: return 1;
    case IMM_FAR:
        value = fetch(c, insn->size == SIZE_16 ? 2 : 4);
        insn->disp = fetch(c, 2);
        return value;
    case IMM_OFFSET:
        insn->memory = true;
        insn->disp = fetch(c, insn->address_size == SIZE_64 ? 8 : insn->address_size == SIZE_32 ? 4 : 2);
        return 0;
    default: return 0;
    }
}

/* Register numbers that the classes have; control registers other than 0, 2, 3, 4 and 8 do not exist. */
static bool registers_exist(struct insn *insn)
{
    switch (insn->opcode->reg_class) {
    case CLASS_CR:
        if (!(0x11d >> insn->reg & 1))
            return false;
        break;
    case CLASS_TR:
        if (insn->reg < 3)
            return false;
        break;
    case CLASS_DR:
        if (insn->reg > 7)
            return false;
        break;
    case CLASS_SEG:
    case CLASS_MMX: insn->reg &= 7; break;
    default: break;
    }
    if (insn->opcode->rm_class == CLASS_MMX || insn->opcode->rm_class == CLASS_ST)
        insn->rm &= 7;
    return true;
}

/* SDM vol. 2, 2.3.12 "VSIB Memory Addressing", 2.6.13 "Exceptions Type 12": there is a SIB byte, and destination, mask
 * and index are three registers. */
static bool vsib_valid(const struct insn *insn)
{
    return insn->address_size != SIZE_16 && (insn->modrm & 7) == 4 && insn->reg != insn->index &&
           insn->reg != insn->vex.vvvv && insn->index != insn->vex.vvvv;
}

static unsigned finish(const struct cursor *c, struct insn *insn, const struct opcode *invalid)
{
    if (unlikely(c->failed)) {
        if (c->end < MAX_LENGTH)
            return 0;
        invalid = &opcode_too_long;
    }
    if (unlikely(invalid != NULL))
        insn->opcode = invalid;
    return insn->length = c->failed ? MAX_LENGTH : c->at;
}

/* --- VEX --- */

/* C4 and C5 are LES and LDS, except in 64-bit code and where their ModRM byte would name a register. */
static bool is_vex(const struct cursor *c, const struct decoder *decoder, unsigned byte)
{
    if ((byte & 0xfe) != 0xc4)
        return false;
    return decoder->code_size == SIZE_64 || (c->at < c->end && c->bytes[c->at] >= 0xc0);
}

/* The rest of the prefix.  R, X, B and vvvv are inverted in it; outside of 64-bit code there are only 8 registers. */
static void take_vex(struct cursor *c, unsigned code_size, unsigned byte, struct insn *insn, struct prefixes *p)
{
    static const u8 repeats[] = {REP_NONE, REP_NONE, REP_F3, REP_F2};
    unsigned first = fetch(c, 1), second = byte == 0xc4 ? fetch(c, 1) : first & 0x7f;
    unsigned rxb = (byte == 0xc4 ? ~first : (~first & 0x80)) >> 5 & 7;
    insn->vex = (struct vex){
        .present = true,
        .map = byte == 0xc4 ? first & 0x1f : 1,
        .pp = second & 3,
        .vvvv = ~second >> 3 & 15,
        .l = second & 4,
        .w = second & 0x80,
    };
    if (code_size == SIZE_64)
        insn->rex = 0x40 | rxb | (insn->vex.w ? REX_W : 0);
    p->size66 = insn->vex.pp == 1;
    p->repeat = repeats[insn->vex.pp];
}

/* False: #UD.  66, F2, F3 and REX may not stand before VEX; LOCK is refused with all else. */
static bool take_vex_opcode(struct cursor *c, unsigned code_size, unsigned byte, struct insn *insn,
                            struct prefixes *p, const struct node **node)
{
    bool prefixed = p->size66 || p->repeat || insn->rex;
    take_vex(c, code_size, byte, insn, p);
    insn->opcode_byte = fetch(c, 1);
    if (prefixed || insn->vex.map < 1 || insn->vex.map > 3)
        return false;
    *node = &nodes[MAP_V0F + insn->vex.map - 1][insn->opcode_byte];
    return true;
}

/* The opcode bytes: which map, and the last one. */
static const struct node *take_opcode(struct cursor *c, unsigned byte, struct insn *insn)
{
    unsigned map = MAP_1;
    if (byte == 0x0f) {
        map = MAP_0F;
        byte = fetch(c, 1);
        if (byte == 0x38 || byte == 0x3a) {
            map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
            byte = fetch(c, 1);
        }
    }
    insn->opcode_byte = byte;
    return &nodes[map][byte];
}

unsigned decode(const struct decoder *decoder, const u8 *bytes, unsigned available, struct insn *insn)
{
    struct cursor c = {bytes, 0, MIN(available, MAX_LENGTH), false};
    struct prefixes p = {false, false, REP_NONE};
    memset(insn, 0, sizeof *insn);
    insn->segment = DS;
    insn->base = insn->index = NO_REG;
    unsigned byte = take_prefixes(&c, decoder->code_size, insn, &p);
    const struct node *node;
    if (unlikely(is_vex(&c, decoder, byte))) {
        if (!take_vex_opcode(&c, decoder->code_size, byte, insn, &p, &node))
            return finish(&c, insn, &opcode_invalid);
    } else {
        node = take_opcode(&c, byte, insn);
    }
    if (node->has_modrm) {
        insn->has_modrm = true;
        insn->modrm = fetch(&c, 1);
    }
    int row = c.failed ? -1 : find_row(decoder, node, &p, insn);
    if (row < 0)
        return finish(&c, insn, &opcode_invalid);

    const struct recipe *recipe = &recipes[row];
    insn->opcode = &opcode_table[row];
    insn->size = operand_size(decoder, insn, recipe, p.size66);
    insn->address_size = decoder->code_size == SIZE_16 ? SIZE_16 + p.address67 : decoder->code_size - p.address67;
    insn->rep = recipe->repeat_prefix ? REP_NONE : p.repeat;
    if (insn->has_modrm)
        decode_modrm(&c, decoder->code_size, insn);
    else
        insn->reg = recipe->fixed_reg;
    if (recipe->opcode_reg)
        insn->rm = (insn->opcode_byte & 7) | (insn->rex & REX_B ? 8 : 0);
    if (recipe->immediate[0] != IMM_NONE) {
        insn->imm = fetch_immediate(&c, insn, recipe->immediate[0]);
        if (recipe->immediate[1] != IMM_NONE)
            insn->imm2 = fetch_immediate(&c, insn, recipe->immediate[1]);
    }
    bool vvvv_valid = recipe->vvvv || !insn->vex.vvvv; /* all four bits count in every mode (measured) */
    if (decoder->code_size != SIZE_64)
        insn->vex.vvvv &= 7;
    if (recipe->vvvv)
        insn->imm |= (u64)insn->vex.vvvv << INSN_VVVV_SHIFT;
    if (recipe->is4 && decoder->code_size != SIZE_64)
        insn->imm &= ~(u64)0x80;
    bool valid = registers_exist(insn) && vvvv_valid &&
                 (!(insn->opcode->attr & ATTR_VSIB) || vsib_valid(insn)) &&
                 (!insn->lock || (insn->opcode->attr & ATTR_LOCK && insn->memory));
    return finish(&c, insn, valid ? NULL : &opcode_invalid);
}
