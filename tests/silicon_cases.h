/*
 * Cases for the silicon test: encodings and operands for a row of the opcode table.
 *
 * The bytes follow the row's pattern (cpu/opcodes.h); the decoder says where operands lie, and registers, memory and
 * displacements are then chosen so that addresses and branch targets stay in the small world of silicon_state.h, or
 * just outside of it.
 */
#ifndef TESTS_SILICON_CASES_H
#define TESTS_SILICON_CASES_H

#include "cpu/cpu.h"
#include "cpu/opcodes.h"
#include "tests/silicon_state.h"
#include "tests/silicon_values.h"

struct encoding {
    u8 bytes[32];
    unsigned length, opcode_end, displacement; /* where the displacement lies, if has_displacement */
    bool wide;                                 /* 64-bit mode */
    bool absolute;                             /* operands in memory have no base and no index */
    struct insn insn;
    const struct opcode *opcode;
    const struct opcode_pattern *pattern;
    u64 target; /* of the memory operand, 0 if there is none */
};

static bool has_operand(const struct opcode *opcode, enum operand operand)
{
    for (unsigned i = 0; i < MAX_OPERANDS; i++)
        if (opcode->operands[i] == operand)
            return true;
    return false;
}

static bool named(const struct opcode *opcode, const char *name)
{
    return !strcmp(opcode->mnemonic, name);
}

static void emit(struct encoding *e, unsigned byte)
{
    e->bytes[e->length++] = (u8)byte;
}

/* --- encodings --- */

static void emit_prefixes(struct encoding *e)
{
    static const u8 segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x65};
    const struct opcode *opcode = e->opcode;
    unsigned prefix = e->pattern->prefix, attr = opcode->attr;
    bool branch = attr & (ATTR_BRANCH | ATTR_INDIRECT);
    if (one_in(8))
        emit(e, segments[below(ARRAY_SIZE(segments))]);
    if (!e->wide && one_in(64))
        emit(e, 0x64);
    if (one_in(e->wide ? 8 : 24))
        emit(e, 0x67);
    /* 66 on near branches in 64-bit mode: AMD takes a 16-bit target, Intel ignores it. */
    if (prefix == PREFIX_66 || (prefix == PREFIX_ANY && !(e->wide && branch) && !named(opcode, "bswap") && one_in(4)))
        emit(e, 0x66);
    if ((prefix == PREFIX_F2 || prefix == PREFIX_F3) && one_in(8))
        emit(e, 0x66);
    if (attr & ATTR_LOCK ? one_in(6) : one_in(100))
        emit(e, 0xf0);
    if (attr & ATTR_STRING && one_in(2))
        emit(e, one_in(3) ? 0xf2 : 0xf3);
    else if (prefix == PREFIX_ANY && e->pattern->map == MAP_1 && !branch && one_in(16))
        emit(e, one_in(2) ? 0xf2 : 0xf3);
    if (prefix == PREFIX_F3 || prefix == PREFIX_F2)
        emit(e, prefix == PREFIX_F3 ? 0xf3 : 0xf2);
    /* REX.W with a far pointer: AMD has no 64-bit offset there. */
    if (e->wide && (attr & ATTR_W1 || below(4))) {
        unsigned rex = 0x40 | below(16);
        if (attr & ATTR_W1)
            rex |= 8;
        if (attr & ATTR_W0 || has_operand(opcode, OPERAND_Mp))
            rex &= ~8u;
        emit(e, rex);
    }
}

static void emit_modrm(struct encoding *e)
{
    unsigned want = e->pattern->modrm, reg = want & MODRM_ANY_DIGIT ? below(8) : want & 7;
    bool in_register = want & MODRM_REGISTER || (!(want & MODRM_MEMORY) && one_in(2));
    if (want & MODRM_IS_EXACT) {
        emit(e, want >> 8);
        return;
    }
    if (e->opcode->attr & ATTR_MOD_IGNORED)
        in_register = true;
    if (e->absolute && !in_register) {
        emit(e, reg << 3 | 5);
        e->displacement = e->length;
        return;
    }
    unsigned mod = in_register ? 3 : below(3), rm = below(8);
    emit(e, mod << 6 | reg << 3 | rm);
    e->displacement = e->length;
    if (e->opcode->attr & ATTR_VSIB)
        e->bytes[e->length - 1] = (u8)(mod << 6 | reg << 3 | (rm = 4));
    if (mod != 3 && rm == 4) { /* with 16-bit addresses there is no SIB: what follows is displacement then */
        emit(e, below(256));
        e->displacement = e->length;
    }
}

static void emit_tail(struct encoding *e)
{
    static const u8 corners[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 8, 16, 31, 32, 33, 63};
    while (e->length < sizeof(e->bytes))
        emit(e, one_in(2) ? corners[below(ARRAY_SIZE(corners))] : below(256));
}

static void redecode(struct encoding *e)
{
    const struct decoder decoder = {.code_size = e->wide ? SIZE_64 : SIZE_32};
    e->length = decode(&decoder, e->bytes, sizeof(e->bytes), &e->insn);
}

static bool has_vvvv(const struct opcode *opcode)
{
    for (unsigned i = 0; i < MAX_OPERANDS; i++)
        if (operand_kinds[opcode->operands[i]].where == WHERE_VVVV)
            return true;
    return false;
}

/* A VEX prefix of either length, with the register extensions that the mode allows. */
static void emit_vex(struct encoding *e)
{
    static const u8 codes[] = {[PREFIX_NP] = 0, [PREFIX_66] = 1, [PREFIX_F3] = 2, [PREFIX_F2] = 3};
    unsigned vvvv = has_vvvv(e->opcode) ? below(e->wide ? 16 : 8) : 0;
    unsigned last = (~vvvv & 15) << 3 | codes[e->pattern->prefix & 3];
    if (e->opcode->attr & ATTR_L1 || (!(e->opcode->attr & ATTR_L0) && one_in(2)))
        last |= 4;
    if (e->pattern->map == MAP_V0F && !(e->opcode->attr & ATTR_W1) && one_in(2)) {
        emit(e, 0xc5);
        emit(e, (e->wide ? below(2) << 7 : 0x80) | last);
        return;
    }
    if (e->opcode->attr & ATTR_W1 || (!(e->opcode->attr & ATTR_W0) && one_in(2)))
        last |= 0x80;
    emit(e, 0xc4);
    emit(e, (e->wide ? below(8) << 5 : 0xe0) | (e->pattern->map - MAP_V0F + 1));
    emit(e, last);
}

static void emit_opcode(struct encoding *e)
{
    static const u8 escapes[][3] = {{0}, {1, 0x0f}, {2, 0x0f, 0x38}, {2, 0x0f, 0x3a}};
    bool in_opcode = has_operand(e->opcode, OPERAND_Zb) || has_operand(e->opcode, OPERAND_Zv);
    if (e->pattern->map >= MAP_V0F) {
        if (one_in(10))
            emit(e, 0x67);
        emit_vex(e);
    } else {
        emit_prefixes(e);
        for (unsigned i = 0; i < escapes[e->pattern->map][0]; i++)
            emit(e, escapes[e->pattern->map][1 + i]);
    }
    emit(e, e->pattern->opcode | (in_opcode ? below(8) : 0));
}

/* False: these bytes are not the row's. */
static bool encode_as(struct encoding *e, unsigned row, bool wide, bool absolute)
{
    memset(e, 0, sizeof(*e));
    e->absolute = absolute;
    e->opcode = &opcode_table[row];
    e->pattern = &opcode_patterns[row];
    e->wide = wide;
    emit_opcode(e);
    e->opcode_end = e->displacement = e->length;
    if (e->pattern->modrm)
        emit_modrm(e);
    emit_tail(e);
    redecode(e);
    return e->insn.opcode == e->opcode && e->length && e->length <= 15;
}

static bool encode(struct encoding *e, unsigned row, bool wide)
{
    return encode_as(e, row, wide, false);
}

/* --- addresses --- */

static unsigned footprint(const struct opcode *opcode)
{
    if (named(opcode, "fxsave") || named(opcode, "fxrstor"))
        return 512;
    return named(opcode, "fnsave") || named(opcode, "frstor") ? 108 : 32;
}

static u64 choose_target(const struct encoding *e)
{
    /* Whether a byte that the mask leaves out may fault is up to the processor. */
    bool only_inside = !strncmp(e->opcode->mnemonic, "maskmov", 7) || named(e->opcode, "vmaskmovdqu");
    unsigned space = footprint(e->opcode);
    u32 inside = DATA_BASE + 16 * (8 + below((DATA_SIZE - space) / 16 - 16));
    switch (only_inside ? 9 : below(32)) {
    case 0: return DATA_READ_ONLY - below(16);
    case 1: return DATA_READ_ONLY + 16 * below(200);
    case 2: return DATA_END - below(16);
    case 3: return DATA_BASE - below(16);
    case 4: return e->wide && e->insn.address_size == SIZE_64 ? 0x800000000000ull + below(16) : DATA_END + 64;
    case 5: return DATA_BASE + 0x1000 - below(16);
    case 6:
    case 7:
    case 8:
    case 9: return inside + below(16);
    case 10:
    case 11:
    case 12: return inside + 4 * below(4);
    default: return inside;
    }
}

static u64 segment_base(const struct encoding *e)
{
    return e->wide && e->insn.segment == GS ? GS_BASE : 0;
}

static bool set_displacement(struct encoding *e, u64 value, unsigned bytes)
{
    if (bytes == 4 && (u64)(i64)(i32)value != value && (e->wide || value >> 32))
        return false;
    memcpy(e->bytes + e->displacement, &value, bytes);
    redecode(e);
    return true;
}

/* Makes the memory operand be at e->target by registers or displacement.  False if this encoding cannot. */
static bool place_operand(struct encoding *e, struct machine_state *s)
{
    const struct insn *insn = &e->insn;
    unsigned address_bits = 8u << insn->address_size;
    if (address_bits == 16)
        return true; /* page 0 and beyond: never mapped */
    u64 mask = address_bits == 64 ? ~0ull : 0xffffffff, ea = (e->target - segment_base(e)) & mask;
    bool vsib = insn->opcode->attr & ATTR_VSIB;
    u64 scaled = insn->index < 16 && !vsib ? s->gpr[insn->index] << insn->scale : 0;
    if (!e->pattern->modrm)
        return set_displacement(e, ea, address_bits / 8);
    if (insn->base == BASE_RIP)
        return set_displacement(e, ea - (s->rip + e->length), 4);
    if (insn->base == NO_REG) {
        if (insn->index < 16 && !vsib) {
            s->gpr[insn->index] = (u64)(i64)(i16)s->gpr[insn->index];
            scaled = s->gpr[insn->index] << insn->scale;
        }
        ea -= scaled;
        return set_displacement(e, address_bits == 32 ? (u64)(i64)(i32)ea : ea, 4);
    }
    if (insn->base == insn->index && !vsib)
        return false;
    u64 base = (ea - scaled - (u64)insn->disp) & mask;
    s->gpr[insn->base] = e->wide && address_bits == 32 ? base | (random64() << 32) : base;
    return true;
}

/* --- machine states --- */

static u16 choose_selector(void)
{
    static const u16 selectors[] = {0,           3,    KERNEL_CODE, KERNEL_DATA, USER_CODE32, USER_DATA,  USER_DATA,
                                    USER_CODE64, 0x2a, 0x28,        0xfff8,      0xfffb,      USER_CODE32};
    return selectors[below(ARRAY_SIZE(selectors))];
}

static u32 code_target(const struct silicon_case *c)
{
    u32 target;
    do
        target = CODE_BASE + 0x40 + below(CODE_SIZE - 0x80);
    while (target - (CODE_BASE + c->code_offset) < 16);
    return target;
}

static void random_x87(struct fx_image *fx)
{
    static const u16 rounding[] = {0x000, 0x400, 0x800, 0xc00};
    static const u16 precision[] = {0x300, 0x300, 0x300, 0x200, 0x000};
    fx->control = (u16)(0x40 | rounding[below(4)] | precision[below(5)]);
    fx->control |= below(5) ? 0x3f : below(64);
    fx->status = (u16)(random64() & 0x7f00);
    if (one_in(4))
        fx->status |= random64() & (one_in(3) ? 0x3f : fx->control & 0x3f);
    if (fx->status & ~fx->control & 0x3f)
        fx->status |= 0x8080;
    fx->tag = below(4) ? 0xff : (u8)random64();
    fx->opcode = (u16)(random64() & 0x7ff);
    fx->ip = CODE_BASE + below(CODE_SIZE);
    fx->dp = DATA_BASE + below(DATA_SIZE);
    bool mmx = one_in(4);
    for (unsigned i = 0; i < 8; i++) {
        struct extended value = extended_value();
        fx->st[i].mantissa = value.mantissa;
        fx->st[i].sign_exponent = value.sign_exponent;
        if (mmx) {
            fx->st[i].mantissa = lanes(below(7));
            fx->st[i].sign_exponent = 0xffff;
        }
    }
}

static void random_sse(struct fx_image *fx)
{
    fx->mxcsr = 0x1f80 | below(4) << 13;
    if (one_in(4))
        fx->mxcsr |= (u32)random64() & 0x803f; /* FZ, flags */
    if (one_in(4))
        fx->mxcsr |= 0x40; /* DAZ */
    if (one_in(6))
        fx->mxcsr &= ~((u32)random64() & 0x1f80);
    unsigned kind = below(7);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 2; j++)
            fx->xmm[i][j] = lanes(one_in(4) ? below(7) : kind);
}

/* From a sequence of its own: the cases of tests/silicon.txt are as old as SSE. */
static void random_ymm(struct silicon_case *c)
{
    u64 here = random_state;
    random_state = c->seed ^ 0x79796d6d;
    unsigned kind = below(7);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 2; j++)
            c->in.ymm[i][j] = one_in(8) ? 0 : lanes(one_in(4) ? below(7) : kind);
    random_state = here;
}

/* Indices of a gather that stay near the operand. */
static void random_indices(struct silicon_case *c, const struct insn *insn)
{
    bool wide = operand_kinds[insn->opcode->operands[1]].size == 'q' || insn->opcode_byte & 1;
    for (unsigned i = 0; i < 8; i++) {
        u32 *at = (u32 *)(i < 4 ? c->in.fx.xmm[insn->index] : c->in.ymm[insn->index]) + i % 4;
        *at = below(20) ? below(64) - 16 : (u32)random64();
        if (wide && insn->opcode_byte & 1 && i & 1)
            *at = at[-1] >> 31 ? ~0u : 0;
    }
}

static void random_state_for(struct silicon_case *c, const struct encoding *e)
{
    struct machine_state *s = &c->in;
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = integer_value();
    s->rip = CODE_BASE + c->code_offset;
    s->rflags = 0x202 | (random64() & (FLAGS_ARITH | FLAG_DF)) | (one_in(8) ? FLAG_AC : 0);
    s->seg[CS] = e->wide ? USER_CODE64 : USER_CODE32;
    s->seg[SS] = s->seg[DS] = s->seg[ES] = USER_DATA;
    random_x87(&s->fx);
    random_sse(&s->fx);
    random_ymm(c);
    if (e->opcode && e->opcode->attr & ATTR_VSIB)
        random_indices(c, &e->insn);
}

/* Registers that instructions use without naming them. */
static void implied_registers(struct silicon_case *c, const struct encoding *e)
{
    struct machine_state *s = &c->in;
    const struct opcode *opcode = e->opcode;
    s->gpr[RSP] = DATA_BASE + 0x400 + 8 * below(0x300);
    if (one_in(12))
        s->gpr[RSP] += below(8);
    else if (opcode->attr & ATTR_STACK && one_in(12))
        s->gpr[RSP] = (one_in(2) ? DATA_BASE : DATA_END) - 16 + below(32);
    if (named(opcode, "leave") || named(opcode, "enter"))
        s->gpr[RBP] = choose_target(e);
    if (opcode->attr & ATTR_STRING) {
        s->gpr[RSI] = choose_target(e) - segment_base(e);
        s->gpr[RDI] = choose_target(e);
        s->gpr[RCX] = (one_in(4) ? 0 : s->gpr[RCX] << 32) + below(20);
        if (e->insn.address_size == SIZE_64)
            s->gpr[RCX] &= 0xffffffff;
    }
    if (named(opcode, "xlat"))
        s->gpr[RBX] = choose_target(e) - segment_base(e);
    if (!strncmp(opcode->mnemonic, "maskmov", 7) || named(opcode, "vmaskmovdqu"))
        s->gpr[RDI] = choose_target(e) - segment_base(e);
    if (!strncmp(opcode->mnemonic, "loop", 4) || !strncmp(opcode->mnemonic, "jcxz", 4))
        s->gpr[RCX] = one_in(2) ? below(3) : s->gpr[RCX];
    if (has_operand(opcode, OPERAND_CL))
        s->gpr[RCX] = one_in(2) ? below(70) : random64();
    if ((named(opcode, "div") || named(opcode, "idiv")) && below(4)) {
        s->gpr[RDX] = one_in(2) ? 0 : one_in(2) ? ~0ull : s->gpr[RDX] & 0xff;
        if (e->insn.size == SIZE_8)
            s->gpr[RAX] = (u64)(i64)(i16)(s->gpr[RAX] & 0x83ff);
    }
}

static u8 *data_at(struct silicon_case *c, u64 linear, unsigned size)
{
    return linear >= DATA_BASE && linear + size <= DATA_BASE + DATA_SIZE ? c->memory_in + (linear - DATA_BASE) : NULL;
}

static void put(struct silicon_case *c, u64 linear, u64 value, unsigned size)
{
    u8 *at = data_at(c, linear, size);
    if (at)
        memcpy(at, &value, size);
}

static unsigned operand_bytes(const struct encoding *e)
{
    return 1u << e->insn.size;
}

/* A value in the row's E operand, wherever it is. */
static void set_rm(struct silicon_case *c, const struct encoding *e, u64 value, unsigned size)
{
    if (e->insn.memory)
        put(c, e->target, value, size);
    else if (e->insn.rm < 16)
        memcpy(&c->in.gpr[e->insn.rm], &value, size);
}

static bool takes_selector(const struct opcode *opcode)
{
    static const char *const names[] = {"lar", "lsl", "verr", "verw", "lldt", "ltr"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (named(opcode, names[i]))
            return true;
    return opcode->operands[0] == OPERAND_Sw;
}

/* BT and its kin address memory by the bit offset in a register.  False: that register is in the address. */
static bool limit_bit_offset(struct silicon_case *c, const struct encoding *e)
{
    const struct insn *insn = &e->insn;
    if (e->opcode->mnemonic[0] != 'b' || e->opcode->mnemonic[1] != 't' || !insn->memory ||
        !has_operand(e->opcode, OPERAND_Gv))
        return true;
    i64 offset = (i64)below(8192) - 4096;
    memcpy(&c->in.gpr[insn->reg], &offset, operand_bytes(e));
    return insn->reg != insn->base && insn->reg != insn->index;
}

static void fill_operand_memory(struct silicon_case *c, const struct encoding *e)
{
    unsigned kind = below(7);
    for (unsigned i = 0; i < 64; i += 8)
        put(c, e->target + i, lanes(kind), 8);
    if (has_operand(e->opcode, OPERAND_Mt)) {
        struct extended value = extended_value();
        put(c, e->target, value.mantissa, 8);
        put(c, e->target + 8, value.sign_exponent, 2);
        u8 *at = data_at(c, e->target, 10);
        if (named(e->opcode, "fbld") && at)
            decimal_value(at);
    }
    if (named(e->opcode, "fldcw"))
        put(c, e->target, 0x37f & ~below(64), 2);
    if (named(e->opcode, "ldmxcsr") || named(e->opcode, "vldmxcsr"))
        put(c, e->target, random64() & (one_in(8) ? 0x1ffff : 0xffff), 4);
    if (named(e->opcode, "fxrstor"))
        memcpy(data_at(c, e->target, 512) ?: (u8 *)&c->out.fx, &c->in.fx, sizeof(c->in.fx));
}

static void branch_memory(struct silicon_case *c, const struct encoding *e)
{
    const struct opcode *opcode = e->opcode;
    unsigned size = operand_bytes(e);
    u64 rsp = c->in.gpr[RSP];
    if (opcode->attr & ATTR_INDIRECT && has_operand(opcode, OPERAND_Ev))
        set_rm(c, e, code_target(c), e->wide ? 8 : 4);
    else if (opcode->attr & ATTR_INDIRECT)
        put(c, rsp, code_target(c), 8);
    if (has_operand(opcode, OPERAND_Mp)) {
        put(c, e->target, code_target(c), size);
        put(c, e->target + size, choose_selector(), 2);
    }
    if (!strncmp(opcode->mnemonic, "retf", 4) || !strncmp(opcode->mnemonic, "iret", 4)) {
        put(c, rsp, code_target(c), size);
        put(c, rsp + size, choose_selector(), 2);
        put(c, rsp + 2 * size, 0x202 | (random64() & FLAGS_ARITH), size);
        put(c, rsp + 3 * size, DATA_BASE + 0x800, size);
        put(c, rsp + 4 * size, one_in(4) ? choose_selector() : USER_DATA, size);
    }
    if (!strncmp(opcode->mnemonic, "popf", 4)) /* TF would trap in the kernel's way, AC in ours */
        put(c, rsp, random64() & ~(u64)(FLAG_TF | FLAG_AC), 8);
    if (!strncmp(opcode->mnemonic, "pop", 3) && opcode->operands[0] >= OPERAND_rES &&
        opcode->operands[0] <= OPERAND_rGS)
        put(c, rsp, choose_selector(), 2);
}

/* Near relative branches and far immediate ones: the immediate is the last thing in the instruction. */
static bool branch_immediate(struct silicon_case *c, struct encoding *e)
{
    u32 target = code_target(c);
    u64 next = c->in.rip + e->length;
    if (has_operand(e->opcode, OPERAND_Ap)) {
        unsigned size = operand_bytes(e);
        u16 selector = choose_selector();
        memcpy(e->bytes + e->opcode_end, &target, size);
        memcpy(e->bytes + e->opcode_end + size, &selector, 2);
    } else if (has_operand(e->opcode, OPERAND_Jz)) {
        u32 displacement = target - (u32)next;
        memcpy(e->bytes + e->opcode_end, &displacement, e->length - e->opcode_end);
    } else if (has_operand(e->opcode, OPERAND_Jb)) {
        return next + e->insn.imm - c->in.rip >= 16 || !e->insn.imm;
    }
    redecode(e);
    return true;
}

static bool acceptable(const struct encoding *e)
{
    const struct insn *insn = &e->insn;
    if (named(e->opcode, "int")) /* the host's system call, and gates that the guest may use */
        return insn->imm != 0x80 && insn->imm != 3 && insn->imm != 4;
    if ((named(e->opcode, "shld") || named(e->opcode, "shrd")) && insn->size == SIZE_16) /* undefined over 16 */
        return has_operand(e->opcode, OPERAND_Ibu) && (insn->imm & 31) <= 16;
    if (e->wide && insn->segment_override && insn->segment == FS) /* the sandbox's thread pointer */
        return false;
    return true;
}

static bool try_case(struct silicon_case *c, unsigned row, bool wide)
{
    struct encoding e;
    if (!encode(&e, row, wide) || !acceptable(&e))
        return false;
    c->code_offset = one_in(8) ? 0x1000 - below(15) : 0xc00 + below(0x200);
    random_state_for(c, &e);
    implied_registers(c, &e);
    for (unsigned i = 0; i < DATA_SIZE; i += 64)
        memset(c->memory_in + i, (int)random64(), 64);
    for (unsigned i = 0; i < 16; i++)
        put(c, c->in.gpr[RSP] + i * 8, integer_value(), 8);
    if (e.insn.memory)
        e.target = choose_target(&e);
    if (!limit_bit_offset(c, &e) || (e.insn.memory && !place_operand(&e, &c->in)))
        return false;
    if (e.insn.opcode != e.opcode)
        return false;
    if (e.insn.memory && !(e.opcode->attr & ATTR_STRING))
        fill_operand_memory(c, &e);
    if (takes_selector(e.opcode))
        set_rm(c, &e, choose_selector(), 2);
    branch_memory(c, &e);
    if (!branch_immediate(c, &e))
        return false;
    if (!wide)
        for (unsigned i = 0; i < 16; i++)
            c->in.gpr[i] = i < 8 ? (u32)c->in.gpr[i] : 0;
    c->row = row;
    c->count = 1;
    c->target = e.target;
    c->code_length = e.length;
    memcpy(c->code, e.bytes, e.length);
    c->loads_gs = has_operand(e.opcode, OPERAND_rGS) || named(e.opcode, "lgs") || named(e.opcode, "wrgsbase") ||
                  (e.opcode->operands[0] == OPERAND_Sw && e.insn.reg == GS);
    return true;
}

/* False: the row has no such case in this mode. */
static __attribute__((unused)) bool generate(struct silicon_case *c, unsigned row, bool wide, u64 seed)
{
    random_state = c->seed = seed;
    for (unsigned attempt = 0; attempt < 40; attempt++)
        if (try_case(c, row, wide))
            return true;
    return false;
}

/* --- sequences --- */

/* Rows that lead to the next instruction and whose addresses do not come from registers. */
static __attribute__((unused)) bool fits_sequence(const struct opcode *opcode)
{
    const u32 unfit =
        ATTR_END | ATTR_BRANCH | ATTR_INDIRECT | ATTR_STRING | ATTR_PRIV | ATTR_IOPL | ATTR_FAULTS | ATTR_PM;
    if (opcode->attr & unfit || named(opcode, "xlat") || named(opcode, "wrgsbase"))
        return false;
    return !(opcode->mnemonic[0] == 'b' && opcode->mnemonic[1] == 't' && has_operand(opcode, OPERAND_Gv));
}

/* One more instruction behind those that are there.  No instruction may read flags that an earlier one left undefined. */
static bool append(struct silicon_case *c, unsigned row, bool wide)
{
    const struct opcode *opcode = &opcode_table[row];
    struct encoding e;
    struct machine_state here = c->in;
    if (opcode->flags_read & c->undefined || !encode_as(&e, row, wide, true) || !acceptable(&e))
        return false;
    here.rip += c->code_length;
    if (e.insn.memory) {
        bool based = e.insn.base != NO_REG && e.insn.base != BASE_RIP;
        e.target = choose_target(&e);
        if (based || e.insn.index != NO_REG || !place_operand(&e, &here) || e.insn.opcode != opcode)
            return false;
        fill_operand_memory(c, &e);
    }
    c->undefined = (c->undefined & ~(u32)opcode->flags_written) | opcode->flags_undefined;
    c->ever_undefined |= opcode->flags_undefined;
    memcpy(c->code + c->code_length, e.bytes, e.length);
    c->code_length += e.length;
    c->count++;
    return true;
}

/* 2 to 9 instructions of rows that `usable` says yes to. */
static __attribute__((unused)) void generate_sequence(struct silicon_case *c, const bool *usable, bool wide, u64 seed)
{
    const struct encoding mode = {.wide = wide};
    unsigned want = 2 + below(8);
    random_state = c->seed = seed;
    c->code_offset = one_in(4) ? 0x1000 - below(40) : 0xc00 + below(0x200);
    c->code_length = c->count = c->undefined = c->ever_undefined = 0;
    c->target = 0;
    c->loads_gs = false;
    random_state_for(c, &mode);
    c->in.gpr[RSP] = DATA_BASE + 0x400 + 8 * below(0x300);
    for (unsigned i = 0; i < DATA_SIZE; i += 64)
        memset(c->memory_in + i, (int)random64(), 64);
    while (c->count < want && c->code_length < 45) {
        unsigned row = below(opcode_count);
        if (usable[row] && append(c, row, wide))
            c->row = row;
    }
    for (unsigned i = 0; i < 16 && !wide; i++)
        c->in.gpr[i] = i < 8 ? (u32)c->in.gpr[i] : 0;
}

#endif
