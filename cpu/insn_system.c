/*
 * Instructions on control and debug registers, MSRs, the interrupt flag, and processor control.
 *
 * Source: Intel SDM vol. 2, the instructions' own pages; vol. 3A, "Virtual-8086 Mode Extensions" (CLI, STI, POPF under
 *   VME and PVI).
 * Modelled: all checks.  Not modelled: performance counters of other families than P6 (RDPMC reads 0), system
 *   management mode (RSM is #UD).
 */
#include "cpu/system.h"

static void need_cpl0(struct cpu *cpu)
{
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
}

/* --- interrupt flag --- */

/* Who may touch IF itself, who gets VIF in its place, and who faults. */
enum if_right { IF_REAL, IF_VIRTUAL };

static enum if_right if_right(struct cpu *cpu)
{
    if (in_real_mode(cpu) || cpu->cpl <= iopl(cpu))
        return IF_REAL;
    if (cpu->cpl == 3 && (cpu->cr4 & (in_v86_mode(cpu) ? CR4_VME : CR4_PVI)))
        return IF_VIRTUAL;
    raise_gp(cpu, 0);
}

void do_cli(struct cpu *cpu, const struct op *op)
{
    cpu->rflags &= ~(u64)(if_right(cpu) == IF_REAL ? FLAG_IF : FLAG_VIF);
}

void do_sti(struct cpu *cpu, const struct op *op)
{
    if (if_right(cpu) == IF_VIRTUAL) {
        if (cpu->rflags & FLAG_VIP)
            raise_gp(cpu, 0);
        cpu->rflags |= FLAG_VIF;
        return;
    }
    if (cpu->rflags & FLAG_IF)
        return;
    cpu->rflags |= FLAG_IF;
    cpu->shadow = SHADOW_STI;
    cpu_set_attention(cpu, ATTENTION_SHADOW | (cpu->intr ? ATTENTION_INTR : 0));
}

static u32 popf_mask(const struct cpu *cpu, enum size size)
{
    u32 mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (cpu->cpl == 0)
        mask |= FLAG_IF | FLAG_IOPL;
    else if (cpu->cpl <= iopl(cpu))
        mask |= FLAG_IF;
    return size == SIZE_16 ? mask : mask | cpu_flags_optional(cpu);
}

/* POPF in virtual-8086 mode with IOPL < 3 under VME: IF of the image goes to VIF. */
static u64 popf_vme(struct cpu *cpu, enum size size, u64 image)
{
    if (!(cpu->cr4 & CR4_VME) || size != SIZE_16 || (image & FLAG_TF) ||
        ((image & FLAG_IF) && (cpu->rflags & FLAG_VIP)))
        raise_gp(cpu, 0);
    return (image & ~(u64)FLAG_VIF) | (image & FLAG_IF ? FLAG_VIF : 0);
}

void do_popf(struct cpu *cpu, const struct op *op)
{
    struct stack stack;
    bool virtual_if = in_v86_mode(cpu) && iopl(cpu) < 3;
    if (virtual_if && !(cpu->cr4 & CR4_VME))
        raise_gp(cpu, 0);
    stack_current(cpu, &stack);
    u64 image = stack_pop(cpu, &stack, op->size);
    u32 mask = popf_mask(cpu, op->size);
    if (virtual_if) {
        image = popf_vme(cpu, op->size, image);
        mask |= FLAG_VIF;
    }
    cpu->gpr[RSP] = stack.sp;
    flags_write(cpu, (flags_get(cpu) & ~(u64)(mask | FLAG_RF)) | (image & mask));
}

void do_hlt(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    cpu->activity = ACTIVITY_HALTED;
    cpu_set_attention(cpu, ATTENTION_HALT);
}

/* --- control registers --- */

/* The full register; 32 bits outside of 64-bit mode. */
static u64 operand(const struct cpu *cpu, unsigned reg)
{
    return in_64bit_mode(cpu) ? REG64(cpu, reg) : REG32(cpu, reg);
}

/* CR8 is the high half of the local APIC's TPR, which has registers of its own to reach it. */
static u64 cr8_read(struct cpu *cpu)
{
    if (cpu->bus->apic_read && cpu_has(cpu, FEATURE_APIC))
        cpu->cr8 = cpu->bus->apic_read(cpu->board, CPU_APIC_TPR) >> 4;
    return cpu->cr8;
}

static void cr8_write(struct cpu *cpu, u64 value)
{
    if (value & ~15ull)
        raise_gp(cpu, 0);
    cpu->cr8 = value;
    if (cpu->bus->apic_write && cpu_has(cpu, FEATURE_APIC))
        cpu->bus->apic_write(cpu->board, CPU_APIC_TPR, value << 4);
}

void do_mov_from_cr(struct cpu *cpu, const struct op *op)
{
    u64 value;
    need_cpl0(cpu);
    switch (op->reg) {
    case 0: value = cpu->cr0; break;
    case 2: value = cpu->cr2; break;
    case 3: value = cpu->cr3; break;
    case 4:
        if (!cpu_has(cpu, FEATURE_I586))
            raise_ud(cpu);
        value = cpu->cr4;
        break;
    case 8:
        if (!in_64bit_mode(cpu))
            raise_ud(cpu);
        value = cr8_read(cpu);
        break;
    default: raise_ud(cpu);
    }
    reg_write(cpu, op->rm, in_64bit_mode(cpu) ? SIZE_64 : SIZE_32, value);
}

void do_mov_to_cr(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    u64 value = operand(cpu, op->rm);
    switch (op->reg) {
    case 0: cr0_write(cpu, value); break;
    case 2: cpu->cr2 = value; break;
    case 3: cr3_write(cpu, value); break;
    case 4:
        if (!cpu_has(cpu, FEATURE_I586))
            raise_ud(cpu);
        cr4_write(cpu, value);
        break;
    case 8:
        if (!in_64bit_mode(cpu))
            raise_ud(cpu);
        cr8_write(cpu, value);
        break;
    default: raise_ud(cpu);
    }
}

void do_smsw(struct cpu *cpu, const struct op *op)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl != 0)
        raise_gp(cpu, 0);
    rm_write(cpu, op, OP_IS_MEMORY(op) ? SIZE_16 : op->size, cpu->cr0);
}

void do_lmsw(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    u64 value = rm_read(cpu, op, SIZE_16) & (CR0_PE | CR0_MP | CR0_EM | CR0_TS);
    cr0_write(cpu, (cpu->cr0 & ~(u64)(CR0_MP | CR0_EM | CR0_TS)) | value); /* PE can be set, not cleared */
}

void do_clts(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    cpu->cr0 &= ~(u64)CR0_TS;
}

void do_invlpg(struct cpu *cpu, const struct op *op)
{
    need_cpl0(cpu);
    enum seg seg = OP_SEGMENT(op);
    u64 ea = op_ea(cpu, op);
    if (!in_64bit_mode(cpu)) {
        tlb_flush_page(cpu, (u32)(cpu->seg[seg].base + ea));
        return;
    }
    u64 linear = ea + (seg >= FS ? cpu->seg[seg].base : 0);
    if (is_canonical(linear))
        tlb_flush_page(cpu, linear);
}

void do_invd(struct cpu *cpu, const struct op *op) { need_cpl0(cpu); }
void do_wbinvd(struct cpu *cpu, const struct op *op) { need_cpl0(cpu); }

/* SDM vol. 2A, "INVPCID": which translations.  All PCIDs but the current one have none (system.c, cr3_write). */
enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL_GLOBAL, INVPCID_ALL };

void do_invpcid(struct cpu *cpu, const struct op *op)
{
    u64 type = operand(cpu, op->reg), image[2];
    if (in_v86_mode(cpu))
        raise_gp(cpu, 0);
    need_cpl0(cpu);
    load_bytes(cpu, OP_SEGMENT(op), op_ea(cpu, op), image, sizeof(image));
    if (type > INVPCID_ALL || image[0] >> 12)
        raise_gp(cpu, 0);
    u64 pcid = image[0] & 0xfff;
    if (type <= INVPCID_CONTEXT && pcid && !(cpu->cr4 & CR4_PCIDE))
        raise_gp(cpu, 0);
    if (type == INVPCID_ADDRESS && !is_canonical(image[1]))
        raise_gp(cpu, 0);
    if (type == INVPCID_ALL_GLOBAL)
        tlb_flush_all(cpu);
    else if (type != INVPCID_ADDRESS)
        tlb_flush_non_global(cpu);
    else
        tlb_flush_page(cpu, image[1]);
}

/* Test registers: the TLB and the cache that they looked into are not there; they keep what is written. */
void do_mov_from_tr(struct cpu *cpu, const struct op *op)
{
    bool there = op->reg >= (cpu_has(cpu, FEATURE_I486) ? 3 : 6);
    if (!there)
        raise_ud(cpu);
    need_cpl0(cpu);
    reg_write(cpu, op->rm, SIZE_32, cpu->tr[op->reg & 7]);
}

void do_mov_to_tr(struct cpu *cpu, const struct op *op)
{
    bool there = op->reg >= (cpu_has(cpu, FEATURE_I486) ? 3 : 6);
    if (!there)
        raise_ud(cpu);
    need_cpl0(cpu);
    cpu->tr[op->reg & 7] = REG32(cpu, op->rm);
}

/* --- debug registers --- */

/* DR4 and DR5 are DR6 and DR7 until CR4.DE is set. */
static unsigned debug_register(struct cpu *cpu, const struct op *op)
{
    unsigned number = op->reg;
    if (number == 4 || number == 5) {
        if (cpu->cr4 & CR4_DE)
            raise_ud(cpu);
        number += 2;
    }
    if (number > 7)
        raise_ud(cpu);
    need_cpl0(cpu);
    debug_check_access(cpu);
    return number;
}

void do_mov_from_dr(struct cpu *cpu, const struct op *op)
{
    unsigned number = debug_register(cpu, op);
    reg_write(cpu, op->rm, in_64bit_mode(cpu) ? SIZE_64 : SIZE_32, cpu->dr[number]);
}

void do_mov_to_dr(struct cpu *cpu, const struct op *op)
{
    unsigned number = debug_register(cpu, op);
    u64 value = operand(cpu, op->rm);
    if (number >= 6 && value >> 32)
        raise_gp(cpu, 0);
    if (number == 6)
        value = (value & 0xe00f) | DR6_FIXED;
    if (number == 7)
        value = (value & 0xffff23ff) | DR7_FIXED;
    bool watched = (cpu->dr[7] | value) & DR7_ENABLES;
    cpu->dr[number] = value;
    if (number != 6 && watched) {
        tlb_flush_all(cpu); /* watched pages must not be in the TLB */
        cpu_update_mode(cpu);
    }
}

/* --- MSRs, counters, identification --- */

static void write_edx_eax(struct cpu *cpu, u64 value)
{
    cpu->gpr[RAX] = (u32)value;
    cpu->gpr[RDX] = (u32)(value >> 32);
}

void do_rdmsr(struct cpu *cpu, const struct op *op)
{
    u64 value;
    u32 index = (u32)cpu->gpr[RCX];
    need_cpl0(cpu);
    if (!msr_read(cpu, index, &value)) {
        cpu_trace(UNIMP, "rdmsr %x", index);
        raise_gp(cpu, 0);
    }
    write_edx_eax(cpu, value);
}

void do_wrmsr(struct cpu *cpu, const struct op *op)
{
    u32 index = (u32)cpu->gpr[RCX];
    u64 value = (u32)cpu->gpr[RAX] | cpu->gpr[RDX] << 32;
    need_cpl0(cpu);
    if (!msr_write(cpu, index, value)) {
        cpu_trace(UNIMP, "wrmsr %x, %llx", index, (unsigned long long)value);
        raise_gp(cpu, 0);
    }
}

static void need_tsc(struct cpu *cpu)
{
    if ((cpu->cr4 & CR4_TSD) && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

void do_rdtsc(struct cpu *cpu, const struct op *op)
{
    need_tsc(cpu);
    write_edx_eax(cpu, tsc_read(cpu));
}

void do_rdtscp(struct cpu *cpu, const struct op *op)
{
    need_tsc(cpu);
    write_edx_eax(cpu, tsc_read(cpu));
    cpu->gpr[RCX] = (u32)cpu->tsc_aux;
}

void do_rdpmc(struct cpu *cpu, const struct op *op)
{
    if ((!(cpu->cr4 & CR4_PCE) && cpu->cpl != 0) || (u32)cpu->gpr[RCX] > 1)
        raise_gp(cpu, 0);
    write_edx_eax(cpu, perfcount_there(cpu) ? perfcount_read(cpu, (u32)cpu->gpr[RCX]) : 0);
}

void do_cpuid(struct cpu *cpu, const struct op *op)
{
    u32 out[4];
    cpuid_leaf(cpu, (u32)cpu->gpr[RAX], (u32)cpu->gpr[RCX], out);
    cpu->gpr[RAX] = out[0];
    cpu->gpr[RBX] = out[1];
    cpu->gpr[RCX] = out[2];
    cpu->gpr[RDX] = out[3];
}

/* --- undefined --- */

void do_rsm(struct cpu *cpu, const struct op *op) { raise_ud(cpu); }
void do_ud(struct cpu *cpu, const struct op *op) { raise_ud(cpu); }
void do_too_long(struct cpu *cpu, const struct op *op) { raise_gp(cpu, 0); }
