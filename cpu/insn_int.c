/*
 * Integer instructions that are too rare for handlers of their own: decimal adjustment, PUSHA, POPA, ENTER, BOUND,
 * CMPXCHG8B/16B, IN and OUT.
 *
 * Source: Intel SDM vol. 2, the pages of these instructions.
 * Unverified: flags that the manual leaves undefined (AAA, AAS, AAM, AAD: the clear state or that of the result).
 */
#include "cpu/system.h"

#define AL (REG8(cpu, RAX * 8))
#define AH (REG8(cpu, RAX * 8 + 1))
#define AX (REG16(cpu, RAX * 8))

/* --- decimal --- */

/* SF, ZF and PF of a byte. */
static u32 byte_flags(u8 value)
{
    return (value & 0x80 ? FLAG_SF : 0) | (value ? 0 : FLAG_ZF) | (__builtin_parity(value) ? 0 : FLAG_PF);
}

static bool low_digit_adjusts(struct cpu *cpu)
{
    return (AL & 15) > 9 || (flags_get(cpu) & FLAG_AF);
}

void do_aaa(struct cpu *cpu, const struct op *op)
{
    u32 flags = 0;
    if (low_digit_adjusts(cpu)) {
        AX += 0x106;
        flags = FLAG_AF | FLAG_CF;
    }
    AL &= 15;
    flags_set(cpu, FLAGS_ARITH, flags | byte_flags(AL));
}

void do_aas(struct cpu *cpu, const struct op *op)
{
    u32 flags = 0;
    if (low_digit_adjusts(cpu)) {
        AX -= 0x106;
        flags = FLAG_AF | FLAG_CF;
    }
    AL &= 15;
    flags_set(cpu, FLAGS_ARITH, flags | byte_flags(AL));
}

void do_daa(struct cpu *cpu, const struct op *op)
{
    u8 old = AL;
    u32 flags = 0;
    bool carry = flags_get(cpu) & FLAG_CF;
    if (low_digit_adjusts(cpu)) {
        AL += 6;
        flags |= FLAG_AF;
    }
    if (old > 0x99 || carry) {
        AL += 0x60;
        flags |= FLAG_CF;
    }
    flags_set(cpu, FLAGS_ARITH, flags | byte_flags(AL));
}

void do_das(struct cpu *cpu, const struct op *op)
{
    u8 old = AL;
    u32 flags = 0;
    bool carry = flags_get(cpu) & FLAG_CF;
    if (low_digit_adjusts(cpu)) {
        AL -= 6;
        flags |= FLAG_AF | (carry || old < 6 ? FLAG_CF : 0);
    }
    if (old > 0x99 || carry) {
        AL -= 0x60;
        flags |= FLAG_CF;
    }
    flags_set(cpu, FLAGS_ARITH, flags | byte_flags(AL));
}

void do_aam(struct cpu *cpu, const struct op *op)
{
    u8 base = op->imm, value = AL;
    if (!base)
        cpu_raise(cpu, VECTOR_DE);
    AH = value / base;
    AL = value % base;
    flags_set(cpu, FLAGS_ARITH, byte_flags(AL));
}

void do_aad(struct cpu *cpu, const struct op *op)
{
    AX = (u8)(AL + AH * (u8)op->imm);
    flags_set(cpu, FLAGS_ARITH, byte_flags(AL));
}

/* --- stack --- */

static u64 stack_width(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 ? ~0ull : cpu->seg[SS].access & SEG_DB ? 0xffffffff : 0xffff;
}

/* Replaces the bits of a stack or frame pointer that `mask` covers; a 32-bit write clears the upper half. */
static void set_pointer(struct cpu *cpu, enum gpr reg, u64 value, u64 mask)
{
    cpu->gpr[reg] = mask == 0xffff ? (cpu->gpr[reg] & ~mask) | (value & mask) : value & mask;
}

static u64 load_stack(struct cpu *cpu, u64 offset, enum size size)
{
    return size == SIZE_16   ? load16(cpu, SS, offset)
           : size == SIZE_32 ? load32(cpu, SS, offset)
                             : load64(cpu, SS, offset);
}

void do_pusha(struct cpu *cpu, const struct op *op)
{
    unsigned bytes = 1u << op->size;
    u64 mask = stack_width(cpu), sp = cpu->gpr[RSP];
    /* All eight places first, so that a fault leaves memory as it was; they may wrap around a 16-bit segment. */
    for (unsigned i = 1; i <= 8; i++)
        check_write(cpu, SS, (sp - i * bytes) & mask, bytes);
    for (unsigned i = 0; i < 8; i++)
        store_sized(cpu, SS, (sp - (i + 1) * bytes) & mask, op->size, cpu->gpr[RAX + i]);
    set_pointer(cpu, RSP, sp - 8 * bytes, mask);
}

void do_popa(struct cpu *cpu, const struct op *op)
{
    unsigned bytes = 1u << op->size;
    u64 mask = stack_width(cpu), sp = cpu->gpr[RSP], values[8];
    for (unsigned i = 0; i < 8; i++)
        values[i] = load_stack(cpu, (sp + i * bytes) & mask, op->size);
    for (unsigned i = 0; i < 8; i++)
        if (RDI - i != RSP)
            reg_write(cpu, (RDI - i) * 8, op->size, values[i]);
    set_pointer(cpu, RSP, sp + 8 * bytes, mask);
}

void do_enter(struct cpu *cpu, const struct op *op)
{
    unsigned bytes = 1u << op->size, level = op->disp & 31;
    u64 mask = stack_width(cpu), sp = cpu->gpr[RSP] - bytes, bp = cpu->gpr[RBP];
    store_sized(cpu, SS, sp & mask, op->size, bp);
    u64 frame = sp;
    for (unsigned i = 1; i < level; i++) {
        bp -= bytes;
        sp -= bytes;
        store_sized(cpu, SS, sp & mask, op->size, load_stack(cpu, bp & mask, op->size));
    }
    if (level) {
        sp -= bytes;
        store_sized(cpu, SS, sp & mask, op->size, frame);
    }
    sp -= (u16)op->imm;
    check_write(cpu, SS, sp & mask, 1);
    reg_write(cpu, RBP * 8, op->size, mask == 0xffff ? (cpu->gpr[RBP] & ~mask) | (frame & mask) : frame & mask);
    set_pointer(cpu, RSP, sp, mask);
}

void do_bound(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    i64 index, lower, upper;
    if (op->size == SIZE_16) {
        lower = (i16)load16(cpu, OP_SEGMENT(op), ea), upper = (i16)load16(cpu, OP_SEGMENT(op), ea + 2);
        index = (i16)REG16(cpu, op->reg);
    } else {
        lower = (i32)load32(cpu, OP_SEGMENT(op), ea), upper = (i32)load32(cpu, OP_SEGMENT(op), ea + 4);
        index = (i32)REG32(cpu, op->reg);
    }
    if (index < lower || index > upper)
        cpu_raise(cpu, VECTOR_BR);
}

/* --- compare and exchange --- */

void do_cmpxchg8b(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    check_write(cpu, OP_SEGMENT(op), ea, 8);
    u64 value = load64(cpu, OP_SEGMENT(op), ea);
    bool equal = value == ((u64)(u32)cpu->gpr[RDX] << 32 | (u32)cpu->gpr[RAX]);
    u64 replacement = (u64)(u32)cpu->gpr[RCX] << 32 | (u32)cpu->gpr[RBX];
    store64(cpu, OP_SEGMENT(op), ea, equal ? replacement : value);
    if (!equal) {
        cpu->gpr[RAX] = (u32)value;
        cpu->gpr[RDX] = value >> 32;
    }
    flags_set(cpu, FLAG_ZF, equal ? FLAG_ZF : 0);
}

void do_cmpxchg16b(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op), value[2], replacement[2] = {cpu->gpr[RBX], cpu->gpr[RCX]};
    enum seg seg = OP_SEGMENT(op);
    if ((ea + (seg >= FS ? cpu->seg[seg].base : 0)) & 15)
        raise_gp(cpu, 0);
    check_write(cpu, seg, ea, 16);
    load_bytes(cpu, seg, ea, value, 16);
    bool equal = value[0] == cpu->gpr[RAX] && value[1] == cpu->gpr[RDX];
    store_bytes(cpu, seg, ea, equal ? replacement : value, 16);
    if (!equal) {
        cpu->gpr[RAX] = value[0];
        cpu->gpr[RDX] = value[1];
    }
    flags_set(cpu, FLAG_ZF, equal ? FLAG_ZF : 0);
}

/* --- ports --- */

static void in(struct cpu *cpu, const struct op *op, u16 port)
{
    unsigned bytes = 1u << op->size;
    io_check(cpu, port, bytes);
    reg_write(cpu, RAX * 8, op->size, cpu->bus->in(cpu->board, port, bytes));
}

static void out(struct cpu *cpu, const struct op *op, u16 port)
{
    unsigned bytes = 1u << op->size;
    io_check(cpu, port, bytes);
    cpu->bus->out(cpu->board, port, (u32)reg_read(cpu, RAX * 8, op->size), bytes);
}

void do_in_I(struct cpu *cpu, const struct op *op)
{
    in(cpu, op, (u8)op->imm);
}
void do_in_DX(struct cpu *cpu, const struct op *op)
{
    in(cpu, op, (u16)cpu->gpr[RDX]);
}
void do_out_I(struct cpu *cpu, const struct op *op)
{
    out(cpu, op, (u8)op->imm);
}
void do_out_DX(struct cpu *cpu, const struct op *op)
{
    out(cpu, op, (u16)cpu->gpr[RDX]);
}
