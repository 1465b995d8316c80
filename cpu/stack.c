/*
 * Stacks of far transfers and events: values are pushed to and popped from a copy, which becomes SS:RSP at the end.
 *
 * Source: Intel SDM vol. 3A, "Stack Switching"; vol. 1 ch. "Procedure Calls, Interrupts, and Exceptions".
 */
#include "cpu/system.h"

static u64 mask_of(const struct segment *ss) { return ss->access & SEG_DB ? 0xffffffff : 0xffff; }

void stack_current(struct cpu *cpu, struct stack *stack)
{
    *stack = (struct stack){.ss = cpu->seg[SS], .sp = cpu->gpr[RSP], .user = cpu->cpl == 3};
    stack->protection = in_protected_mode(cpu);
    stack->flat = in_64bit_mode(cpu);
    stack->mask = stack->flat ? ~0ull : mask_of(&stack->ss);
}

void stack_select(struct stack *stack, const struct segment *ss, u64 sp, unsigned cpl)
{
    *stack = (struct stack){.ss = *ss, .sp = sp, .mask = mask_of(ss), .user = cpl == 3, .protection = true};
    stack->error = selector_error(ss->selector);
}

void stack_of_tss(struct cpu *cpu, unsigned cpl, struct stack *stack)
{
    const struct segment *tr = &cpu->seg[TR];
    bool wide = (tr->access & SEG_TYPE) >= TYPE_TSS32;
    unsigned offset = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
    if ((tr->access & SEG_NULL) || offset + (wide ? 5 : 3) > tr->limit)
        cpu_raise_error(cpu, VECTOR_TS, selector_error(tr->selector));
    u64 sp = wide ? system_load32(cpu, tr->base + offset) : system_load16(cpu, tr->base + offset);
    u16 selector = system_load16(cpu, tr->base + offset + (wide ? 4 : 2));
    struct segment ss;
    if (selector_is_null(selector))
        cpu_raise_error(cpu, VECTOR_TS, 0);
    segment_prepare_stack(cpu, selector, cpl, VECTOR_TS, &ss);
    stack_select(stack, &ss, sp, cpl);
}

/* 64-bit mode keeps stacks without a segment in the TSS.  SDM vol. 3A, "64-Bit Mode Stack Behaviour", "IST". */
void stack_of_tss64(struct cpu *cpu, unsigned cpl, unsigned ist, struct stack *stack)
{
    const struct segment *tr = &cpu->seg[TR];
    unsigned offset = ist ? 36 + 8 * (ist - 1) : 4 + 8 * cpl;
    if (offset + 7 > tr->limit)
        cpu_raise_error(cpu, VECTOR_TS, selector_error(tr->selector));
    u64 sp = system_load64(cpu, tr->base + offset);
    if (!is_canonical(sp))
        cpu_raise_error(cpu, VECTOR_SS, 0);
    *stack = (struct stack){.sp = sp, .mask = ~0ull, .user = cpl == 3, .flat = true};
    segment_set_null(&stack->ss, cpl);
    stack->ss.access |= cpl << SEG_DPL_SHIFT;
}

/* Linear address of `bytes` bytes at sp. */
static u64 linear_address(struct cpu *cpu, const struct stack *stack, u64 sp, unsigned bytes)
{
    if (stack->flat) {
        if (!is_canonical(sp) || !is_canonical(sp + bytes - 1))
            cpu_raise_error(cpu, VECTOR_SS, stack->error);
        return sp;
    }
    if (!segment_permits(stack->protection, &stack->ss, sp, bytes, true))
        cpu_raise_error(cpu, VECTOR_SS, stack->error);
    return (u32)(stack->ss.base + sp);
}

void stack_push(struct cpu *cpu, struct stack *stack, u64 value, enum size size)
{
    unsigned bytes = 1u << size;
    u64 sp = (stack->sp - bytes) & stack->mask;
    store_as(cpu, stack->user, linear_address(cpu, stack, sp, bytes), value, bytes);
    write_masked(&stack->sp, sp, stack->mask);
}

u64 stack_pop(struct cpu *cpu, struct stack *stack, enum size size)
{
    u64 sp = stack->sp & stack->mask;
    u64 value = size == SIZE_16 ? load16(cpu, SS, sp) : size == SIZE_32 ? load32(cpu, SS, sp) : load64(cpu, SS, sp);
    stack_release(stack, 1u << size);
    return value;
}

void stack_release(struct stack *stack, unsigned bytes)
{
    write_masked(&stack->sp, stack->sp + bytes, stack->mask);
}

void stack_commit(struct cpu *cpu, const struct stack *stack)
{
    cpu->seg[SS] = stack->ss;
    cpu->gpr[RSP] = stack->sp;
}
