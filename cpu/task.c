/*
 * Tasks: hardware task switches, the I/O permission map and the interrupt redirection map.
 *
 * Source: Intel SDM vol. 3A, ch. "Task Management" (task switching, 32-bit and 16-bit TSS, task linking); vol. 1 ch.
 *   "Input/Output" (I/O permission bit map); vol. 3B, "Debug Exceptions" (T bit).
 * Modelled: JMP, CALL, IRET and events through TSS descriptors and task gates, busy bits, back link, NT, T, TS; faults
 *   that the new state causes are raised in the new task.
 * Not modelled: the state saved is the complete one even where fields of the old TSS are static.
 */
#include <string.h>

#include "cpu/mmu.h"

/* SDM vol. 3A, figures "32-Bit Task-State Segment (TSS)", "16-Bit TSS Format". */
struct layout {
    u8 size, ip, flags, gpr, seg, ldt, register_size, segments;
};
static const struct layout layout32 = {104, 0x20, 0x24, 0x28, 0x48, 0x60, 4, 6};
static const struct layout layout16 = {44, 0x0e, 0x10, 0x12, 0x22, 0x2a, 2, 4};
enum { TSS_LINK = 0, TSS32_CR3 = 0x1c, TSS32_T = 0x64, TSS32_IO_MAP = 0x66 };

/* ES, CS, SS, DS, FS, GS in both. */
struct task_state {
    u32 ip, flags, gpr[8], cr3;
    u16 seg[6], ldt;
    bool trap;
};

#define FLAGS_VALID 0x3f7fd5u

static const struct layout *layout_of(unsigned type) { return type & 8 ? &layout32 : &layout16; }

static u32 field(const u8 *tss, unsigned offset, unsigned size)
{
    u32 value = 0;
    memcpy(&value, tss + offset, size);
    return value;
}

static void state_read(struct cpu *cpu, u64 base, const struct layout *l, struct task_state *state)
{
    u8 tss[104];
    system_load_bytes(cpu, base, tss, l->size);
    *state = (struct task_state){.ip = field(tss, l->ip, l->register_size),
                                 .flags = field(tss, l->flags, l->register_size),
                                 .ldt = field(tss, l->ldt, 2)};
    for (unsigned i = 0; i < 8; i++)
        state->gpr[i] = field(tss, l->gpr + i * l->register_size, l->register_size);
    for (unsigned i = 0; i < l->segments; i++)
        state->seg[i] = field(tss, l->seg + i * l->register_size, 2);
    if (l == &layout16)
        return;
    state->cr3 = field(tss, TSS32_CR3, 4);
    state->trap = field(tss, TSS32_T, 2) & 1;
}

static void store_register(struct cpu *cpu, u64 linear, u32 value, const struct layout *l)
{
    if (l->register_size == 4)
        system_store32(cpu, linear, value);
    else
        system_store16(cpu, linear, value);
}

static void state_save(struct cpu *cpu, u32 ip, u32 flags)
{
    u64 base = cpu->seg[TR].base;
    const struct layout *l = layout_of(cpu->seg[TR].access);
    store_register(cpu, base + l->ip, ip, l);
    store_register(cpu, base + l->flags, flags, l);
    for (unsigned i = 0; i < 8; i++)
        store_register(cpu, base + l->gpr + i * l->register_size, (u32)cpu->gpr[i], l);
    for (unsigned i = 0; i < l->segments; i++)
        system_store16(cpu, base + l->seg + i * l->register_size, cpu->seg[i].selector);
}

static void set_busy(struct cpu *cpu, u16 selector, bool busy)
{
    u64 linear;
    if (!descriptor_address(cpu, selector, &linear))
        return;
    u8 access = system_load8(cpu, linear + 5);
    system_store8(cpu, linear + 5, busy ? access | TYPE_BUSY : access & ~TYPE_BUSY);
}

static void check_descriptor_write(struct cpu *cpu, u16 selector)
{
    u64 linear;
    if (descriptor_address(cpu, selector, &linear))
        system_check_write(cpu, linear + 5, 1);
}

/* Everything that can fault in the old task's context. */
static void check_before(struct cpu *cpu, u16 selector, const struct descriptor *d, bool nested)
{
    const struct segment *tr = &cpu->seg[TR];
    const struct layout *l = layout_of(descriptor_type(d)), *old = layout_of(tr->access);
    if (descriptor_limit(d) + 1ull < l->size)
        cpu_raise_error(cpu, VECTOR_TS, selector_error(selector));
    if (tr->limit + 1ull < old->size)
        cpu_raise_error(cpu, VECTOR_TS, selector_error(tr->selector));
    system_check_write(cpu, tr->base, old->size);
    if (nested)
        system_check_write(cpu, descriptor_base(d), 2);
    check_descriptor_write(cpu, tr->selector);
    check_descriptor_write(cpu, selector);
}

static void load_cr3(struct cpu *cpu, u32 cr3)
{
    if (!(cpu->cr0 & CR0_PG) || cr3 == (u32)cpu->cr3)
        return;
    if ((cpu->cr4 & CR4_PAE) && !mmu_load_pdptes(cpu, cr3))
        raise_gp(cpu, 0);
    cpu->cr3 = cr3;
    tlb_flush_non_global(cpu);
}

/* The new registers, selectors without their descriptors.  Cannot fault. */
static void state_install(struct cpu *cpu, const struct task_state *state, bool nested)
{
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = state->gpr[i];
    for (unsigned i = 0; i < 6; i++)
        segment_set_null(&cpu->seg[i], state->seg[i]);
    segment_set_null(&cpu->seg[LDTR], state->ldt);
    cpu->op = NULL;
    set_rip(cpu, state->ip);
    cpu->cpl = state->flags & FLAG_VM ? 3 : state->seg[CS] & 3;
    /* RF is for instruction breakpoints; without them nothing would clear it again. */
    u32 valid = cpu->dr[7] & DR7_ENABLES ? FLAGS_VALID : FLAGS_VALID & ~(u32)FLAG_RF;
    flags_write(cpu, (state->flags & valid) | (nested ? FLAG_NT : 0));
    cpu->cr0 |= CR0_TS;
    if (cpu->dr[7] & 0x155) { /* local enables end with the task */
        cpu->dr[7] &= ~0x155ull;
        tlb_flush_all(cpu);
    }
    cpu_update_mode(cpu);
}

static void load_code(struct cpu *cpu, u16 selector, u32 ip)
{
    struct descriptor d;
    unsigned rpl = selector & 3;
    if (selector_is_null(selector))
        cpu_raise_error(cpu, VECTOR_TS, 0);
    descriptor_fetch(cpu, selector, VECTOR_TS, &d);
    unsigned dpl = descriptor_dpl(&d);
    if (!descriptor_is_code(&d) || (descriptor_is_conforming(&d) ? dpl > rpl : dpl != rpl))
        cpu_raise_error(cpu, VECTOR_TS, selector_error(selector));
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
    descriptor_set_accessed(cpu, selector, &d);
    segment_install_code(cpu, selector, &d, rpl);
    cpu_update_mode(cpu);
    code_check_offset(cpu, &d, ip);
}

/* Descriptors of the new task: faults are the new task's. */
static void load_segments(struct cpu *cpu, const struct task_state *state)
{
    static const enum seg data[] = {ES, DS, FS, GS};
    ldtr_load(cpu, state->ldt, VECTOR_TS);
    if (state->flags & FLAG_VM) {
        for (unsigned i = 0; i < 6; i++)
            segment_set_v86(&cpu->seg[i], state->seg[i]);
        return;
    }
    struct segment loaded;
    unsigned cpl = state->seg[CS] & 3;
    segment_prepare_stack(cpu, state->seg[SS], cpl, VECTOR_TS, &loaded);
    cpu->seg[SS] = loaded;
    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        segment_prepare_data(cpu, state->seg[data[i]], cpl, VECTOR_TS, &loaded);
        cpu->seg[data[i]] = loaded;
    }
    load_code(cpu, state->seg[CS], state->ip);
}

void task_switch(struct cpu *cpu, u16 selector, struct descriptor *d, enum task_switch why, u64 next_rip)
{
    bool nested = why == TASK_CALL || why == TASK_EVENT;
    struct task_state state;
    check_before(cpu, selector, d, nested);
    state_read(cpu, descriptor_base(d), layout_of(descriptor_type(d)), &state);
    cpu_trace(TASK, "task %04x -> %04x at %04x:%08llx, to %04x:%08x", cpu->seg[TR].selector, selector,
              cpu->seg[CS].selector, (unsigned long long)next_rip, state.seg[CS], state.ip);
    if (!nested)
        set_busy(cpu, cpu->seg[TR].selector, false);
    state_save(cpu, (u32)next_rip, (u32)flags_get(cpu) & ~(why == TASK_IRET ? FLAG_NT : 0u));
    if (nested)
        system_store16(cpu, descriptor_base(d) + TSS_LINK, cpu->seg[TR].selector);
    set_busy(cpu, selector, true);
    d->high |= TYPE_BUSY << 8;
    segment_fill(&cpu->seg[TR], selector, d);
    state_install(cpu, &state, nested);
    if (cpu->seg[TR].access & 8)
        load_cr3(cpu, state.cr3);
    load_segments(cpu, &state);
    cpu_update_mode(cpu);
    if (state.trap) {
        cpu->pending_dr6 |= DR6_BT;
        cpu_set_attention(cpu, ATTENTION_TRAP);
    }
}

void task_fetch(struct cpu *cpu, u16 selector, enum vector vector, struct descriptor *d)
{
    u32 error = selector_error(selector);
    if (selector_is_null(selector) || (selector & 4))
        cpu_raise_error(cpu, vector, error);
    descriptor_fetch(cpu, selector, vector, d);
    unsigned type = descriptor_type(d);
    if (descriptor_is_segment(d) || (type != TYPE_TSS16 && type != TYPE_TSS32))
        cpu_raise_error(cpu, vector, error);
    if (!descriptor_present(d))
        cpu_raise_error(cpu, VECTOR_NP, error);
}

void task_return(struct cpu *cpu)
{
    struct descriptor d;
    u16 selector = system_load16(cpu, cpu->seg[TR].base + TSS_LINK);
    u32 error = selector_error(selector);
    if (selector_is_null(selector) || (selector & 4))
        cpu_raise_error(cpu, VECTOR_TS, error);
    descriptor_fetch(cpu, selector, VECTOR_TS, &d);
    unsigned type = descriptor_type(&d);
    if (descriptor_is_segment(&d) || (type != TYPE_TSS16_BUSY && type != TYPE_TSS32_BUSY))
        cpu_raise_error(cpu, VECTOR_TS, error);
    if (!descriptor_present(&d))
        cpu_raise_error(cpu, VECTOR_NP, error);
    task_switch(cpu, selector, &d, TASK_IRET, return_rip(cpu));
}

/* --- maps in the TSS --- */

static bool has_io_map(const struct cpu *cpu)
{
    const struct segment *tr = &cpu->seg[TR];
    return !(tr->access & SEG_NULL) && (tr->access & SEG_TYPE & ~TYPE_BUSY) == TYPE_TSS32 && tr->limit >= 103;
}

bool task_io_denied(struct cpu *cpu, u16 port, unsigned size)
{
    const struct segment *tr = &cpu->seg[TR];
    if (!has_io_map(cpu))
        return true;
    u32 offset = system_load16(cpu, tr->base + TSS32_IO_MAP) + port / 8u;
    if (offset + 1 > tr->limit) /* two bytes are read always */
        return true;
    unsigned bits = system_load16(cpu, tr->base + offset) >> (port % 8);
    return bits & ((1u << size) - 1);
}

bool task_interrupt_redirected(struct cpu *cpu, u8 vector)
{
    const struct segment *tr = &cpu->seg[TR];
    if (!has_io_map(cpu))
        raise_gp(cpu, 0);
    u32 offset = system_load16(cpu, tr->base + TSS32_IO_MAP) - 32u + vector / 8u;
    if (offset > tr->limit)
        raise_gp(cpu, 0);
    return !(system_load8(cpu, tr->base + offset) >> (vector % 8) & 1);
}

void io_check(struct cpu *cpu, u16 port, unsigned size)
{
    if ((cpu->cr0 & CR0_PE) && (in_v86_mode(cpu) || cpu->cpl > iopl(cpu)) && task_io_denied(cpu, port, size))
        raise_gp(cpu, 0);
    if (unlikely(cpu->dr[7] & DR7_ENABLES))
        debug_check_io(cpu, port, size);
}
