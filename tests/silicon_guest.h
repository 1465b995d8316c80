/*
 * The interpreter's half of the silicon test: long mode with paging as Linux sets it up, user pages at the same linear
 * addresses as in the sandbox, and an IDT whose gates lead to HLT, so that the interrupt frame holds the result.
 */
#ifndef TESTS_SILICON_GUEST_H
#define TESTS_SILICON_GUEST_H

#include "cpu/system.h"
#include "tests/silicon_state.h"
#include "tests/toy_board.h"

#define HIGH 0xffff800000000000ull /* physical memory from 0 on, for the supervisor */
enum {
    PHYS_GDT = 0x1000,
    PHYS_IDT = 0x2000,
    PHYS_TSS = 0x3000,
    PHYS_HANDLERS = 0x5000, /* 16 bytes for each vector */
    PHYS_STACK = 0x8000,    /* top */
    PHYS_TABLES = 0x10000,
    PHYS_CODE = 0x400000,
    PHYS_DATA = 0x500000,
};
#define PAGE_P 1u
#define PAGE_RW 2u
#define PAGE_US 4u
#define PAGE_PS 0x80u
#define PAGE_AD 0x60u
#define PAGE_NX (1ull << 63)

static void guest_poke(u32 phys, u64 value)
{
    memcpy(toy.ram + phys, &value, 8);
}

static void guest_tables(struct cpu *cpu)
{
    const u32 pml4 = PHYS_TABLES, low = pml4 + 0x1000, pd = pml4 + 0x2000, code = pml4 + 0x3000, data = pml4 + 0x4000,
              high = pml4 + 0x5000, high_pd = pml4 + 0x6000, link = PAGE_P | PAGE_RW | PAGE_US | PAGE_AD;
    memset(toy.ram + PHYS_TABLES, 0, 0x7000);
    guest_poke(pml4, low | link);
    guest_poke(low, pd | link);
    guest_poke(pd + (CODE_BASE >> 21) * 8, code | link);
    guest_poke(pd + (DATA_BASE >> 21) * 8, data | link);
    guest_poke(pml4 + 256 * 8, high | link);
    guest_poke(high, high_pd | link);
    guest_poke(high_pd, 0 | PAGE_P | PAGE_RW | PAGE_PS | PAGE_AD);
    for (u32 i = 0; i < CODE_SIZE >> 12; i++)
        guest_poke(code + i * 8, (PHYS_CODE + (i << 12)) | PAGE_P | PAGE_US | PAGE_AD);
    for (u32 i = 0; i < DATA_SIZE >> 12; i++)
        guest_poke(data + i * 8, (PHYS_DATA + (i << 12)) | link | PAGE_NX);
    guest_poke(data + (DATA_SIZE >> 12) * 8, (PHYS_DATA + DATA_SIZE) | PAGE_P | PAGE_US | PAGE_AD | PAGE_NX);
    cpu->cr3 = pml4;
}

static void guest_descriptors(struct cpu *cpu)
{
    memset(toy.ram + PHYS_GDT, 0, 0x1000);
    guest_poke(PHYS_GDT + 0x10, 0x00af9b000000ffff);
    guest_poke(PHYS_GDT + 0x18, 0x00cf93000000ffff);
    guest_poke(PHYS_GDT + 0x20, 0x00cffb000000ffff);
    guest_poke(PHYS_GDT + 0x28, 0x00cff3000000ffff);
    guest_poke(PHYS_GDT + 0x30, 0x00affb000000ffff);
    for (u32 vector = 0; vector < 256; vector++) {
        u64 handler = HIGH + PHYS_HANDLERS + vector * 16;
        u64 dpl = vector == 3 || vector == 4 ? 3 : 0;
        guest_poke(PHYS_IDT + vector * 16, (handler & 0xffff) | (u64)KERNEL_CODE << 16 | (0x8e00ull | dpl << 13) << 32 |
                                               (handler >> 16 & 0xffff) << 48);
        guest_poke(PHYS_IDT + vector * 16 + 8, handler >> 32);
        toy.ram[PHYS_HANDLERS + vector * 16] = 0xf4;
    }
    memset(toy.ram + PHYS_TSS, 0, 0x68);
    guest_poke(PHYS_TSS + 4, HIGH + PHYS_STACK);
    guest_poke(PHYS_TSS + 0x60, 0x0068000000000000);
    cpu->gdtr = (struct descriptor_table){.base = HIGH + PHYS_GDT, .limit = 0x7f};
    cpu->idtr = (struct descriptor_table){.base = HIGH + PHYS_IDT, .limit = 0xfff};
    cpu->seg[TR] = (struct segment){.base = HIGH + PHYS_TSS, .limit = 0x67, .selector = 0x40, .access = SEG_P | 0xb};
    cpu->seg[LDTR] = (struct segment){.access = SEG_NULL};
}

static __attribute__((unused)) struct cpu *guest_create(void)
{
    struct cpu *cpu = toy_cpu("max");
    if (!cpu)
        return NULL;
    guest_tables(cpu);
    guest_descriptors(cpu);
    memset(toy.ram + PHYS_CODE, 0xcc, CODE_SIZE);
    for (unsigned i = 0; i < 0x1000; i++)
        toy.ram[PHYS_DATA + DATA_SIZE + i] = read_only_byte(i);
    cpu->cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_ET | CR0_WP | CR0_MP | CR0_AM;
    cpu->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE | CR4_PSE;
    cpu->xcr0 = xsave_supported(cpu);
    cpu->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
    return cpu;
}

static void guest_load_fx(struct cpu *cpu, const struct fx_image *fx)
{
    struct fpu *fpu = &cpu->fpu;
    memset(fpu, 0, sizeof(*fpu));
    fpu->control = fx->control;
    fpu->status = fx->status & ~0x3800u;
    fpu->top = fx->status >> 11 & 7;
    fpu->valid = fx->tag;
    fpu->opcode = fx->opcode;
    fpu->ip = fx->ip;
    fpu->dp = fx->dp;
    for (unsigned i = 0; i < 8; i++) {
        fpu->reg[(fpu->top + i) & 7].mantissa = fx->st[i].mantissa;
        fpu->reg[(fpu->top + i) & 7].sign_exponent = fx->st[i].sign_exponent;
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(&cpu->vec[i], fx->xmm[i], 16);
    cpu->mxcsr = fx->mxcsr;
}

static void guest_save_fx(const struct cpu *cpu, struct fx_image *fx)
{
    const struct fpu *fpu = &cpu->fpu;
    memset(fx, 0, sizeof(*fx));
    fx->control = fpu->control;
    fx->status = (u16)(fpu->status | fpu->top << 11);
    fx->tag = fpu->valid;
    fx->opcode = fpu->opcode;
    fx->ip = fpu->ip;
    fx->dp = fpu->dp;
    for (unsigned i = 0; i < 8; i++) {
        fx->st[i].mantissa = fpu->reg[(fpu->top + i) & 7].mantissa;
        fx->st[i].sign_exponent = fpu->reg[(fpu->top + i) & 7].sign_exponent;
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(fx->xmm[i], &cpu->vec[i], 16);
    fx->mxcsr = cpu->mxcsr;
}

static void guest_load(struct cpu *cpu, const struct silicon_case *c)
{
    const struct machine_state *s = &c->in;
    const u16 data = SEG_P | SEG_S | SEG_DPL | SEG_WRITABLE | SEG_ACCESSED | SEG_DB | SEG_G;
    const u16 code = SEG_P | SEG_S | SEG_DPL | SEG_CODE | SEG_READABLE | SEG_ACCESSED | SEG_G;
    bool wide = s->seg[CS] == USER_CODE64;
    memcpy(cpu->gpr, s->gpr, sizeof(s->gpr));
    cpu->rip = s->rip;
    cpu->rflags = s->rflags;
    for (enum seg seg = ES; seg <= GS; seg++) {
        cpu->seg[seg] = (struct segment){.limit = 0xffffffff, .selector = s->seg[seg], .access = data};
        if (selector_is_null(s->seg[seg]))
            segment_set_null(&cpu->seg[seg], s->seg[seg]);
    }
    cpu->seg[GS].base = GS_BASE;
    cpu->seg[CS].access = code | (wide ? SEG_L : SEG_DB);
    cpu->cpl = 3;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->shadow = 0;
    cpu->pending_dr6 = 0;
    cpu->cr2 = 0;
    guest_load_fx(cpu, &s->fx);
    for (unsigned i = 0; i < 16; i++)
        memcpy(&cpu->vec[i].q[2], s->ymm[i], 16);
    memcpy(toy.ram + PHYS_DATA, c->memory_in, DATA_SIZE);
    memcpy(toy.ram + PHYS_CODE + c->code_offset, c->code, c->code_length);
    cpu_code_written(cpu, PHYS_CODE, CODE_SIZE);
    cpu_state_changed(cpu);
}

static u64 guest_frame(int slot)
{
    u64 value;
    memcpy(&value, toy.ram + PHYS_STACK - slot * 8, 8);
    return value;
}

/* Executes what guest_load has prepared; *out is what an exception handler of the guest would see. */
static void guest_execute(struct cpu *cpu, const struct silicon_case *c, struct machine_state *out)
{
    enum cpu_exit why = cpu_run(cpu, 100000);
    *out = (struct machine_state){.vector = VECTOR_LOST, .cr2 = cpu->cr2};
    memset(toy.ram + PHYS_CODE + c->code_offset, 0xcc, c->code_length);
    if (why != CPU_EXIT_HALTED || cpu->cpl != 0)
        return;
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    for (enum seg seg = ES; seg <= GS; seg++)
        out->seg[seg] = cpu->seg[seg].selector;
    out->vector = (u32)(cpu->rip - HIGH - PHYS_HANDLERS) / 16;
    out->seg[SS] = (u16)guest_frame(1);
    out->gpr[RSP] = guest_frame(2);
    out->rflags = guest_frame(3);
    out->seg[CS] = (u16)guest_frame(4);
    out->rip = guest_frame(5);
    if (cpu->gpr[RSP] == HIGH + PHYS_STACK - 48)
        out->error = (u32)guest_frame(6);
    guest_save_fx(cpu, &out->fx);
    for (unsigned i = 0; i < 16; i++)
        memcpy(out->ymm[i], &cpu->vec[i].q[2], 16);
}

static __attribute__((unused)) void guest_run(struct cpu *cpu, const struct silicon_case *c, struct machine_state *out)
{
    guest_load(cpu, c);
    guest_execute(cpu, c, out);
}

#endif
