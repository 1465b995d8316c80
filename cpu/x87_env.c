/*
 * x87: control and status word, environment, FSAVE and FRSTOR.
 *
 * Source: Intel SDM vol. 1, 8.1.10 "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE", figures 8-9 to
 * 8-12 (the four formats); 8.1.7 "x87 FPU Tag Word"; vol. 2A "FINIT/FNINIT", "FLDENV", "FRSTOR".
 * Modelled: all formats; reserved upper halves are stored as ones.
 */
#include "cpu/x87.h"
#include "cpu/x87_state.h"

#include <string.h>

u16 x87_status_word(const struct fpu *fpu) { return (u16)((fpu->status & ~X87_TOP) | (fpu->top & 7) << 11); }

void x87_set_status_word(struct fpu *fpu, u16 value)
{
    fpu->status = (u16)(value & ~X87_TOP);
    fpu->top = value >> 11 & 7;
}

/* Bit 6 is a constant 1; bits 7 and 13-15 are 0. */
void x87_set_control_word(struct fpu *fpu, u16 value) { fpu->control = (value & 0x1f3f) | 0x40; }

void x87_init(struct fpu *fpu)
{
    fpu->control = 0x037f;
    fpu->status = 0;
    fpu->top = 0;
    fpu->valid = 0;
    fpu->opcode = 0;
    fpu->ip = fpu->dp = 0;
    fpu->ip_selector = fpu->dp_selector = 0;
}

static unsigned tag_of(const struct fpu *fpu, unsigned i)
{
    const struct x87_reg *r = &fpu->reg[i];
    unsigned exponent = r->sign_exponent & 0x7fff;
    if (!(fpu->valid >> i & 1))
        return 3;
    if (!exponent && !r->mantissa)
        return 1;
    return exponent && exponent != 0x7fff && r->mantissa >> 63 ? 0 : 2;
}

u16 x87_tag_word(const struct fpu *fpu)
{
    unsigned tags = 0;
    for (unsigned i = 0; i < 8; i++)
        tags |= tag_of(fpu, i) << 2 * i;
    return (u16)tags;
}

void x87_set_tag_word(struct fpu *fpu, u16 tags)
{
    fpu->valid = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) != 3)
            fpu->valid |= (u8)(1u << i);
}

/* --- environment --- */

/* Seven fields of 2 or 4 bytes.  Real and V86 mode keep linear addresses. */
static bool linear_format(const struct cpu *cpu) { return in_real_mode(cpu) || in_v86_mode(cpu); }
static unsigned field_size(const struct op *op) { return op->size == SIZE_16 ? 2 : 4; }

static void environment_fields(const struct cpu *cpu, bool wide, u32 field[7])
{
    const struct fpu *fpu = &cpu->fpu;
    const u32 reserved = 0xffff0000u;
    field[0] = reserved | fpu->control;
    field[1] = reserved | x87_status_word(fpu);
    field[2] = reserved | x87_tag_word(fpu);
    if (linear_format(cpu)) {
        u32 ip = (u32)fpu->ip_selector * 16 + (u32)fpu->ip, dp = (u32)fpu->dp_selector * 16 + (u32)fpu->dp;
        u32 high = wide ? 0xffff0000u : 0x000f0000u;
        field[3] = reserved | (ip & 0xffff);
        field[4] = (ip & high) >> 4 | fpu->opcode;
        field[5] = reserved | (dp & 0xffff);
        field[6] = (dp & high) >> 4;
    } else {
        field[3] = (u32)fpu->ip;
        field[4] = fpu->ip_selector | (u32)fpu->opcode << 16;
        field[5] = (u32)fpu->dp;
        field[6] = reserved | fpu->dp_selector;
    }
}

static void set_environment(struct cpu *cpu, bool wide, const u32 field[7])
{
    struct fpu *fpu = &cpu->fpu;
    x87_set_control_word(fpu, (u16)field[0]);
    x87_set_status_word(fpu, (u16)field[1]);
    x87_set_tag_word(fpu, (u16)field[2]);
    if (linear_format(cpu)) {
        u32 high = wide ? 0xffff0000u : 0x000f0000u;
        fpu->ip = (field[3] & 0xffff) | (field[4] << 4 & high);
        fpu->dp = (field[5] & 0xffff) | (field[6] << 4 & high);
        fpu->ip_selector = fpu->dp_selector = 0;
        fpu->opcode = field[4] & 0x7ff;
    } else {
        fpu->ip = field[3];
        fpu->dp = field[5];
        fpu->ip_selector = (u16)field[4];
        fpu->dp_selector = (u16)field[6];
        if (wide) /* the 16-bit protected mode format has no opcode */
            fpu->opcode = field[4] >> 16 & 0x7ff;
    }
    x87_update_summary(cpu);
}

static unsigned pack_environment(const struct cpu *cpu, const struct op *op, u8 *bytes)
{
    unsigned size = field_size(op);
    u32 field[7];
    environment_fields(cpu, size == 4, field);
    for (unsigned i = 0; i < 7; i++)
        memcpy(bytes + i * size, &field[i], size); /* little-endian host */
    return 7 * size;
}

static unsigned unpack_environment(struct cpu *cpu, const struct op *op, const u8 *bytes)
{
    unsigned size = field_size(op);
    u32 field[7] = {0};
    for (unsigned i = 0; i < 7; i++)
        memcpy(&field[i], bytes + i * size, size);
    set_environment(cpu, size == 4, field);
    return 7 * size;
}

void do_fnstenv(struct cpu *cpu, const struct op *op)
{
    u8 bytes[28];
    x87_available(cpu);
    unsigned length = pack_environment(cpu, op, bytes);
    store_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), bytes, length);
    cpu->fpu.control |= FLOAT_ALL;
    x87_update_summary(cpu);
}

void do_fldenv(struct cpu *cpu, const struct op *op)
{
    u8 bytes[28];
    x87_wait(cpu);
    load_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), bytes, 7 * field_size(op));
    unpack_environment(cpu, op, bytes);
}

void do_fnsave(struct cpu *cpu, const struct op *op)
{
    u8 bytes[28 + 80];
    x87_available(cpu);
    unsigned length = pack_environment(cpu, op, bytes);
    for (unsigned i = 0; i < 8; i++, length += 10) {
        const struct x87_reg *r = x87_st(&cpu->fpu, i);
        memcpy(bytes + length, &r->mantissa, 8);
        memcpy(bytes + length + 8, &r->sign_exponent, 2);
    }
    store_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), bytes, length);
    x87_init(&cpu->fpu);
    x87_update_summary(cpu);
}

void do_frstor(struct cpu *cpu, const struct op *op)
{
    u8 bytes[28 + 80];
    x87_wait(cpu);
    load_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), bytes, 7 * field_size(op) + 80);
    unsigned length = unpack_environment(cpu, op, bytes);
    for (unsigned i = 0; i < 8; i++, length += 10) {
        struct x87_reg *r = x87_st(&cpu->fpu, i);
        memcpy(&r->mantissa, bytes + length, 8);
        memcpy(&r->sign_exponent, bytes + length + 8, 2);
    }
}

/* --- control and status word --- */

void do_fninit(struct cpu *cpu, const struct op *op)
{
    x87_available(cpu);
    x87_init(&cpu->fpu);
    x87_update_summary(cpu);
}

void do_fnclex(struct cpu *cpu, const struct op *op)
{
    x87_available(cpu);
    cpu->fpu.status &= (u16) ~(FLOAT_ALL | X87_SF | X87_ES | X87_B);
    x87_update_summary(cpu);
}

void do_fldcw(struct cpu *cpu, const struct op *op)
{
    x87_wait(cpu);
    x87_set_control_word(&cpu->fpu, load16(cpu, OP_SEGMENT(op), op_ea(cpu, op)));
    x87_update_summary(cpu);
}

void do_fnstcw(struct cpu *cpu, const struct op *op)
{
    x87_available(cpu);
    store16(cpu, OP_SEGMENT(op), op_ea(cpu, op), cpu->fpu.control);
}

void do_fnstsw_m16(struct cpu *cpu, const struct op *op)
{
    x87_available(cpu);
    store16(cpu, OP_SEGMENT(op), op_ea(cpu, op), x87_status_word(&cpu->fpu));
}

void do_fnstsw_AX(struct cpu *cpu, const struct op *op)
{
    x87_available(cpu);
    REG16(cpu, offsetof(struct cpu, gpr[RAX])) = x87_status_word(&cpu->fpu);
}
