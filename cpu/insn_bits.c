/*
 * Bit tests on memory with a register index, XLAT, PUSHF.
 *
 * Source: Intel SDM vol. 2, BT ("the processor may access 4 bytes ... Effective Address + (4 * (BitOffset DIV 32))"),
 * XLAT, PUSHF.
 */
#include "cpu/op.h"

/* The bit index is signed and reaches beyond the operand: the element that holds it, and the bit in that element. */
static u64 bit_address(struct cpu *cpu, const struct op *op, unsigned *bit)
{
    unsigned bits = 8u << op->size;
    i64 index = op->size == SIZE_16   ? (i16)reg_read(cpu, op->reg, SIZE_16)
                : op->size == SIZE_32 ? (i32)reg_read(cpu, op->reg, SIZE_32)
                                      : (i64)reg_read(cpu, op->reg, SIZE_64);
    *bit = index & (bits - 1);
    u64 ea = op_ea(cpu, op) + (u64)((index - (i64)*bit) / 8);
    return op->address == SIZE_64 ? ea : op->address == SIZE_32 ? (u32)ea : (u16)ea;
}

static u64 load_sized(struct cpu *cpu, enum seg seg, u64 ea, enum size size)
{
    return size == SIZE_16 ? load16(cpu, seg, ea) : size == SIZE_32 ? load32(cpu, seg, ea) : load64(cpu, seg, ea);
}

void do_bt_memory(struct cpu *cpu, const struct op *op)
{
    unsigned bit;
    u64 ea = bit_address(cpu, op, &bit);
    u64 value = load_sized(cpu, OP_SEGMENT(op), ea, op->size);
    flags_set(cpu, FLAG_CF, value >> bit & 1 ? FLAG_CF : 0);
}

enum change { SET, RESET, COMPLEMENT };

static void change_bit(struct cpu *cpu, const struct op *op, enum change change)
{
    unsigned bit;
    u64 ea = bit_address(cpu, op, &bit);
    check_write(cpu, OP_SEGMENT(op), ea, 1u << op->size);
    u64 value = load_sized(cpu, OP_SEGMENT(op), ea, op->size), mask = 1ull << bit;
    u64 changed = change == SET ? value | mask : change == RESET ? value & ~mask : value ^ mask;
    store_sized(cpu, OP_SEGMENT(op), ea, op->size, changed);
    flags_set(cpu, FLAG_CF, value & mask ? FLAG_CF : 0);
}

void do_bts_memory(struct cpu *cpu, const struct op *op) { change_bit(cpu, op, SET); }
void do_btr_memory(struct cpu *cpu, const struct op *op) { change_bit(cpu, op, RESET); }
void do_btc_memory(struct cpu *cpu, const struct op *op) { change_bit(cpu, op, COMPLEMENT); }

void do_xlat(struct cpu *cpu, const struct op *op)
{
    u64 ea = reg_read(cpu, RBX * 8, op->address) + REG8(cpu, RAX * 8);
    ea = op->address == SIZE_64 ? ea : op->address == SIZE_32 ? (u32)ea : (u16)ea;
    REG8(cpu, RAX * 8) = load8(cpu, OP_SEGMENT(op), ea);
}

/* In V86 mode with IOPL < 3: #GP, or under VME the 16-bit form pushes VIF in the place of IF with IOPL 3. */
void do_pushf(struct cpu *cpu, const struct op *op)
{
    u64 value = flags_get(cpu) & ~(u64)(FLAG_VM | FLAG_RF);
    if (in_v86_mode(cpu) && iopl(cpu) < 3) {
        if (!(cpu->cr4 & CR4_VME) || op->size != SIZE_16)
            raise_gp(cpu, 0);
        value = (value & ~(u64)FLAG_IF) | FLAG_IOPL | (value & FLAG_VIF ? FLAG_IF : 0);
    }
    unsigned bytes = 1u << op->size;
    u64 rsp = cpu->gpr[RSP] - bytes;
    if (cpu->mode & MODE_CODE64) {
        store_sized(cpu, SS, rsp, op->size, value);
        cpu->gpr[RSP] = rsp;
    } else if (cpu->seg[SS].access & SEG_DB) {
        store_sized(cpu, SS, (u32)rsp, op->size, value);
        cpu->gpr[RSP] = (u32)rsp;
    } else {
        store_sized(cpu, SS, (u16)rsp, op->size, value);
        REG16(cpu, RSP * 8) = rsp;
    }
}
