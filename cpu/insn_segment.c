/*
 * Instructions on segments and descriptor tables, far transfers, software interrupts, fast system calls.
 *
 * Source: Intel SDM vol. 2, the instructions' own pages.
 * Modelled: UMIP.  PUSH of a segment register with 32-bit operands writes 16 bits, as processors since the P6 do
 *   (SDM "PUSH").
 */
#include "cpu/system.h"

static void need_protected_mode(struct cpu *cpu)
{
    if (!in_protected_mode(cpu))
        raise_ud(cpu);
}

static void need_cpl0(struct cpu *cpu)
{
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
}

static void need_umip_off(struct cpu *cpu)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

/* A selector: 16 bits to memory, zero-extended to a register of the operand size. */
static void write_selector(struct cpu *cpu, const struct op *op, u16 value)
{
    rm_write(cpu, op, OP_IS_MEMORY(op) ? SIZE_16 : op->size, value);
}

/* Interrupts and debug traps wait for the instruction after a load of SS. */
static void shadow_ss(struct cpu *cpu)
{
    cpu->shadow = SHADOW_MOVSS;
    cpu_set_attention(cpu, ATTENTION_SHADOW);
}

/* --- segment registers --- */

void do_mov_from_seg(struct cpu *cpu, const struct op *op) { write_selector(cpu, op, cpu->seg[op->reg & 7].selector); }

void do_mov_to_seg(struct cpu *cpu, const struct op *op)
{
    enum seg seg = op->reg & 7;
    if (seg == CS || seg > GS)
        raise_ud(cpu);
    segment_load(cpu, seg, rm_read(cpu, op, SIZE_16));
    if (seg == SS)
        shadow_ss(cpu);
}

void do_push_seg(struct cpu *cpu, const struct op *op)
{
    struct stack stack;
    stack_current(cpu, &stack);
    u64 sp = (stack.sp - (1u << op->size)) & stack.mask;
    /* SDM, PUSH: a 32-bit slot keeps its upper half (since the Core), a 64-bit one is zero-extended. */
    if (op->size == SIZE_64)
        store64(cpu, SS, sp, cpu->seg[op->reg & 7].selector);
    else
        store16(cpu, SS, sp, cpu->seg[op->reg & 7].selector);
    write_masked(&cpu->gpr[RSP], sp, stack.mask);
}

void do_pop_seg(struct cpu *cpu, const struct op *op)
{
    struct stack stack;
    enum seg seg = op->reg & 7;
    stack_current(cpu, &stack);
    segment_load(cpu, seg, stack_pop(cpu, &stack, op->size));
    cpu->gpr[RSP] = stack.sp;
    if (seg == SS)
        shadow_ss(cpu);
}

/* offset:selector in memory. */
static u16 read_far(struct cpu *cpu, const struct op *op, u64 *offset)
{
    enum seg seg = OP_SEGMENT(op);
    u64 ea = op_ea(cpu, op), second = ea + (1u << op->size);
    if (op->address != SIZE_64)
        second = op->address == SIZE_32 ? (u32)second : (u16)second;
    *offset = rm_read(cpu, op, op->size);
    return load16(cpu, seg, second);
}

static void load_far(struct cpu *cpu, const struct op *op, enum seg seg)
{
    u64 offset;
    u16 selector = read_far(cpu, op, &offset);
    segment_load(cpu, seg, selector);
    reg_write(cpu, op->reg, op->size, offset);
}

void do_les(struct cpu *cpu, const struct op *op) { load_far(cpu, op, ES); }
void do_lds(struct cpu *cpu, const struct op *op) { load_far(cpu, op, DS); }
void do_lss(struct cpu *cpu, const struct op *op) { load_far(cpu, op, SS); }
void do_lfs(struct cpu *cpu, const struct op *op) { load_far(cpu, op, FS); }
void do_lgs(struct cpu *cpu, const struct op *op) { load_far(cpu, op, GS); }

/* --- looking at descriptors --- */

/* The descriptor, if there is one that the program's privilege lets it see. */
static bool visible(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    if (selector_is_null(selector) || !descriptor_read(cpu, selector, d))
        return false;
    unsigned dpl = descriptor_dpl(d);
    return descriptor_is_conforming(d) || (dpl >= cpu->cpl && dpl >= (selector & 3u));
}

/* SDM vol. 2, "LAR" and "LSL": tables of valid types. */
static bool type_in(const struct cpu *cpu, const struct descriptor *d, u32 legacy, u32 long_mode)
{
    if (descriptor_is_segment(d))
        return true;
    return (in_long_mode(cpu) ? long_mode : legacy) >> descriptor_type(d) & 1;
}

#define LAR_LEGACY 0x1a3eu /* 1-5, 9, 11, 12 */
#define LAR_LONG 0x1a04u   /* 2, 9, 11, 12 */
#define LSL_LEGACY 0x0a0eu /* 1-3, 9, 11 */
#define LSL_LONG 0x0a04u   /* 2, 9, 11 */

void do_lar(struct cpu *cpu, const struct op *op)
{
    struct descriptor d;
    need_protected_mode(cpu);
    bool good = visible(cpu, rm_read(cpu, op, SIZE_16), &d) && type_in(cpu, &d, LAR_LEGACY, LAR_LONG);
    if (good)
        reg_write(cpu, op->reg, op->size, d.high & 0x00ffff00);
    flags_set(cpu, FLAG_ZF, good ? FLAG_ZF : 0);
}

void do_lsl(struct cpu *cpu, const struct op *op)
{
    struct descriptor d;
    need_protected_mode(cpu);
    bool good = visible(cpu, rm_read(cpu, op, SIZE_16), &d) && type_in(cpu, &d, LSL_LEGACY, LSL_LONG);
    if (good)
        reg_write(cpu, op->reg, op->size, descriptor_limit(&d));
    flags_set(cpu, FLAG_ZF, good ? FLAG_ZF : 0);
}

void do_verr(struct cpu *cpu, const struct op *op)
{
    struct descriptor d;
    need_protected_mode(cpu);
    bool good = visible(cpu, rm_read(cpu, op, SIZE_16), &d) && descriptor_is_segment(&d) && descriptor_is_readable(&d);
    flags_set(cpu, FLAG_ZF, good ? FLAG_ZF : 0);
}

void do_verw(struct cpu *cpu, const struct op *op)
{
    struct descriptor d;
    need_protected_mode(cpu);
    bool good = visible(cpu, rm_read(cpu, op, SIZE_16), &d) && descriptor_is_writable(&d);
    flags_set(cpu, FLAG_ZF, good ? FLAG_ZF : 0);
}

void do_arpl(struct cpu *cpu, const struct op *op)
{
    need_protected_mode(cpu);
    u16 selector = rm_read(cpu, op, SIZE_16), rpl = REG16(cpu, op->reg) & 3;
    bool raise = (selector & 3) < rpl;
    if (raise)
        rm_write(cpu, op, SIZE_16, (selector & 0xfffc) | rpl);
    flags_set(cpu, FLAG_ZF, raise ? FLAG_ZF : 0);
}

/* --- descriptor table registers --- */

void do_sldt(struct cpu *cpu, const struct op *op)
{
    need_protected_mode(cpu);
    need_umip_off(cpu);
    write_selector(cpu, op, cpu->seg[LDTR].selector);
}

void do_str(struct cpu *cpu, const struct op *op)
{
    need_protected_mode(cpu);
    need_umip_off(cpu);
    write_selector(cpu, op, cpu->seg[TR].selector);
}

void do_lldt(struct cpu *cpu, const struct op *op)
{
    need_protected_mode(cpu);
    need_cpl0(cpu);
    ldtr_load(cpu, rm_read(cpu, op, SIZE_16), VECTOR_GP);
}

void do_ltr(struct cpu *cpu, const struct op *op)
{
    need_protected_mode(cpu);
    need_cpl0(cpu);
    tr_load(cpu, rm_read(cpu, op, SIZE_16));
}

static void store_table(struct cpu *cpu, const struct op *op, const struct descriptor_table *table)
{
    bool wide = in_64bit_mode(cpu);
    u8 image[10];
    need_umip_off(cpu);
    image[0] = (u8)table->limit;
    image[1] = (u8)(table->limit >> 8);
    for (unsigned i = 0; i < 8; i++)
        image[2 + i] = (u8)(table->base >> (8 * i));
    store_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), image, wide ? 10 : 6);
}

static void load_table(struct cpu *cpu, const struct op *op, struct descriptor_table *table)
{
    bool wide = in_64bit_mode(cpu);
    u8 image[10];
    need_cpl0(cpu);
    load_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), image, wide ? 10 : 6);
    u64 base = 0;
    for (unsigned i = 0; i < (wide ? 8 : 4); i++)
        base |= (u64)image[2 + i] << (8 * i);
    if (op->size == SIZE_16) /* as the 80286 has it */
        base &= 0xffffff;
    if (!is_canonical(base))
        raise_gp(cpu, 0);
    table->limit = image[0] | image[1] << 8;
    table->base = base;
}

void do_sgdt(struct cpu *cpu, const struct op *op) { store_table(cpu, op, &cpu->gdtr); }
void do_sidt(struct cpu *cpu, const struct op *op) { store_table(cpu, op, &cpu->idtr); }
void do_lgdt(struct cpu *cpu, const struct op *op) { load_table(cpu, op, &cpu->gdtr); }
void do_lidt(struct cpu *cpu, const struct op *op) { load_table(cpu, op, &cpu->idtr); }

/* --- far transfers --- */

static u64 pointer_offset(const struct op *op) { return op->size == SIZE_16 ? (u16)op->imm : op->imm; }

void do_jmp_far_ptr(struct cpu *cpu, const struct op *op) { far_jump(cpu, op->disp, pointer_offset(op), op->size); }
void do_call_far_ptr(struct cpu *cpu, const struct op *op) { far_call(cpu, op->disp, pointer_offset(op), op->size); }

void do_jmp_far_mem(struct cpu *cpu, const struct op *op)
{
    u64 offset;
    u16 selector = read_far(cpu, op, &offset);
    far_jump(cpu, selector, offset, op->size);
}

void do_call_far_mem(struct cpu *cpu, const struct op *op)
{
    u64 offset;
    u16 selector = read_far(cpu, op, &offset);
    far_call(cpu, selector, offset, op->size);
}

void do_ret_far(struct cpu *cpu, const struct op *op) { far_return(cpu, op->size, 0); }
void do_ret_far_I(struct cpu *cpu, const struct op *op) { far_return(cpu, op->size, (u16)op->imm); }
void do_iret(struct cpu *cpu, const struct op *op) { interrupt_return(cpu, op->size); }

/* --- software interrupts --- */

void do_int_I(struct cpu *cpu, const struct op *op) { interrupt_soft(cpu, (u8)op->imm, SOFT_INT_N); }
void do_int3(struct cpu *cpu, const struct op *op) { interrupt_soft(cpu, VECTOR_BP, SOFT_INT3); }
void do_int1(struct cpu *cpu, const struct op *op) { interrupt_soft(cpu, VECTOR_DB, SOFT_INT1); }

void do_into(struct cpu *cpu, const struct op *op)
{
    if (flags_get(cpu) & FLAG_OF)
        interrupt_soft(cpu, VECTOR_OF, SOFT_INTO);
}

/* --- fast system calls --- */

enum code_width { CODE_32, CODE_64 };

/* Flat segments that do not come from a table. */
static void set_flat(struct cpu *cpu, u16 code, u16 stack, unsigned cpl, enum code_width width)
{
    u32 dpl = cpl << 13;
    struct descriptor cs = {0xffff, 0x008f9b00 | dpl | (width == CODE_64 ? 0x200000 : 0x400000)};
    struct descriptor ss = {0xffff, 0x00cf9300 | dpl};
    segment_fill(&cpu->seg[SS], (stack & 0xfffc) | cpl, &ss);
    segment_install_code(cpu, code, &cs, cpl);
}

void do_sysenter(struct cpu *cpu, const struct op *op)
{
    u16 selector = cpu->sysenter_cs;
    bool wide = in_long_mode(cpu);
    if (in_real_mode(cpu) || selector_is_null(selector))
        raise_gp(cpu, 0);
    flags_write(cpu, flags_get(cpu) & ~(u64)(FLAG_VM | FLAG_IF | FLAG_RF));
    set_flat(cpu, selector, selector + 8, 0, wide ? CODE_64 : CODE_32);
    cpu->gpr[RSP] = wide ? cpu->sysenter_esp : (u32)cpu->sysenter_esp;
    cpu->next_rip = wide ? cpu->sysenter_eip : (u32)cpu->sysenter_eip;
    cpu_update_mode(cpu);
}

void do_sysexit(struct cpu *cpu, const struct op *op)
{
    u16 selector = cpu->sysenter_cs;
    bool wide = op->size == SIZE_64;
    if (in_real_mode(cpu) || cpu->cpl != 0 || selector_is_null(selector))
        raise_gp(cpu, 0);
    if (wide && (!is_canonical(cpu->gpr[RCX]) || !is_canonical(cpu->gpr[RDX])))
        raise_gp(cpu, 0);
    selector += wide ? 32 : 16;
    set_flat(cpu, selector, selector + 8, 3, wide ? CODE_64 : CODE_32);
    cpu->gpr[RSP] = wide ? cpu->gpr[RCX] : (u32)cpu->gpr[RCX];
    cpu->next_rip = wide ? cpu->gpr[RDX] : (u32)cpu->gpr[RDX];
    cpu_update_mode(cpu);
}

/* SYSCALL and SYSRET: TF counts as they leave it, so that FMASK can keep single steps out of the system, and SYSRET to
 * a program that is stepped traps at once (as silicon does; the manual is silent). */
static void trap_by_new_flags(struct cpu *cpu)
{
    cpu->new_tf_counts = true;
    if (!(cpu->rflags & FLAG_TF))
        return;
    cpu->pending_dr6 |= DR6_BS;
    cpu_set_attention(cpu, ATTENTION_TRAP);
}

/* SDM: "IF (CS.L != 1) or (IA32_EFER.LMA != 1) or (IA32_EFER.SCE != 1)" #UD; all our models are Intel's. */
static void need_syscall(struct cpu *cpu)
{
    if (!in_64bit_mode(cpu) || !(cpu->efer & EFER_SCE))
        raise_ud(cpu);
}

void do_syscall(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)(cpu->star >> 32);
    need_syscall(cpu);
    u64 flags = flags_get(cpu);
    cpu->gpr[RCX] = cpu->next_rip;
    cpu->gpr[R11] = flags & ~(u64)FLAG_RF;
    cpu->next_rip = cpu->lstar;
    flags_write(cpu, flags & ~(cpu->fmask | FLAG_RF));
    set_flat(cpu, selector, selector + 8, 0, CODE_64);
    cpu_update_mode(cpu);
    trap_by_new_flags(cpu);
}

void do_sysret(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)(cpu->star >> 48);
    bool wide = op->size == SIZE_64;
    need_syscall(cpu);
    if (cpu->cpl != 0 || (wide && !is_canonical(cpu->gpr[RCX])))
        raise_gp(cpu, 0);
    set_flat(cpu, wide ? selector + 16 : selector, selector + 8, 3, wide ? CODE_64 : CODE_32);
    cpu->next_rip = wide ? cpu->gpr[RCX] : (u32)cpu->gpr[RCX];
    flags_write(cpu, cpu->gpr[R11] & 0x3c7fd5);
    cpu_update_mode(cpu);
    trap_by_new_flags(cpu);
}

void do_swapgs(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    u64 base = cpu->seg[GS].base;
    cpu->seg[GS].base = cpu->kernel_gs_base;
    cpu->kernel_gs_base = base;
}
