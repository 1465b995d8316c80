/*
 * Far transfers: JMP, CALL, RET and IRET between code segments and privilege levels.
 *
 * Source: Intel SDM vol. 2 "JMP", "CALL", "RET", "IRET" (Operation); vol. 3A ch. "Protection" (call gates, stack
 *   switching), ch. "8086 Emulation" (returning to virtual-8086 mode).
 * Modelled: real, virtual-8086 and protected mode, 16 and 32-bit call gates, task gates and TSSs, IRET to virtual-8086
 *   mode, IRET under VME, 64-bit forms of RET and IRET, 64-bit call gates.
 * Not modelled: shadow stacks.
 */
#include "cpu/system.h"

u64 return_rip(const struct cpu *cpu)
{
    if (in_64bit_mode(cpu))
        return cpu->next_rip;
    return cpu->seg[CS].access & SEG_DB ? (u32)cpu->next_rip : (u16)cpu->next_rip;
}

void set_rip(struct cpu *cpu, u64 rip) { cpu->rip = cpu->next_rip = rip; }

void code_check_offset(struct cpu *cpu, const struct descriptor *d, u64 offset)
{
    bool good = in_long_mode(cpu) && descriptor_is_long(d) ? is_canonical(offset) : offset <= descriptor_limit(d);
    if (!good)
        raise_gp(cpu, 0);
}

static bool without_protection(const struct cpu *cpu) { return in_real_mode(cpu) || in_v86_mode(cpu); }

/* CS:IP in real-address and virtual-8086 mode. */
static void set_code_real(struct cpu *cpu, u16 selector, u64 offset)
{
    if (in_v86_mode(cpu))
        segment_set_v86(&cpu->seg[CS], selector);
    else
        segment_set_real(&cpu->seg[CS], selector);
    cpu->next_rip = offset;
    cpu_update_mode(cpu);
}

static void set_code(struct cpu *cpu, u16 selector, const struct descriptor *d, unsigned cpl, u64 offset)
{
    segment_install_code(cpu, selector, d, cpl);
    cpu->next_rip = offset;
    cpu_update_mode(cpu);
}

/* Direct transfer to a code segment at the same privilege.  SDM, "Direct Calls or Jumps to Code Segments". */
static void check_direct(struct cpu *cpu, u16 selector, struct descriptor *d, u64 offset)
{
    unsigned dpl = descriptor_dpl(d), rpl = selector & 3;
    if (descriptor_is_conforming(d) ? dpl > cpu->cpl : rpl > cpu->cpl || dpl != cpu->cpl)
        raise_gp(cpu, selector_error(selector));
    if (in_long_mode(cpu) && descriptor_is_long(d) && (d->high & 0x400000)) /* L and D both set */
        raise_gp(cpu, selector_error(selector));
    if (!descriptor_present(d))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
    code_check_offset(cpu, d, offset);
    descriptor_set_accessed(cpu, selector, d);
}

static void check_gate(struct cpu *cpu, u16 selector, const struct descriptor *gate)
{
    unsigned dpl = descriptor_dpl(gate);
    if (dpl < cpu->cpl || dpl < (selector & 3u))
        raise_gp(cpu, selector_error(selector));
    if (!descriptor_present(gate))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
}

/* --- call gates --- */

struct gate {
    u16 selector;
    u64 offset;
    unsigned parameters;
    enum size size;
    struct descriptor code;
};

static void gate_read(struct cpu *cpu, u16 selector, const struct descriptor *d, struct gate *gate)
{
    bool wide = descriptor_type(d) == TYPE_CALL32;
    gate->selector = d->low >> 16;
    gate->offset = (d->low & 0xffff) | (wide ? d->high & 0xffff0000 : 0);
    gate->parameters = d->high & 31;
    gate->size = wide ? SIZE_32 : SIZE_16;
    if (!in_long_mode(cpu))
        return;
    struct descriptor high;
    descriptor_fetch(cpu, selector + 8, VECTOR_GP, &high);
    if (high.high & 0x1f00)
        raise_gp(cpu, selector_error(selector));
    gate->offset |= (u64)high.low << 32;
    gate->parameters = 0;
    gate->size = SIZE_64;
}

static void gate_check_code(struct cpu *cpu, struct gate *gate)
{
    u32 error = selector_error(gate->selector);
    if (selector_is_null(gate->selector))
        raise_gp(cpu, 0);
    descriptor_fetch(cpu, gate->selector, VECTOR_GP, &gate->code);
    if (!descriptor_is_code(&gate->code) || descriptor_dpl(&gate->code) > cpu->cpl)
        raise_gp(cpu, error);
    if (in_long_mode(cpu) && (!descriptor_is_long(&gate->code) || (gate->code.high & 0x400000)))
        raise_gp(cpu, error);
    if (!descriptor_present(&gate->code))
        cpu_raise_error(cpu, VECTOR_NP, error);
    code_check_offset(cpu, &gate->code, gate->offset);
    descriptor_set_accessed(cpu, gate->selector, &gate->code);
}

static void gate_jump(struct cpu *cpu, struct gate *gate)
{
    if (!descriptor_is_conforming(&gate->code) && descriptor_dpl(&gate->code) != cpu->cpl)
        raise_gp(cpu, selector_error(gate->selector));
    set_code(cpu, gate->selector, &gate->code, cpu->cpl, gate->offset);
}

static void gate_copy_parameters(struct cpu *cpu, const struct gate *gate, struct stack *to)
{
    u32 values[31];
    struct stack from;
    stack_current(cpu, &from);
    for (unsigned i = 0; i < gate->parameters; i++)
        values[i] = stack_pop(cpu, &from, gate->size);
    for (unsigned i = gate->parameters; i-- > 0;)
        stack_push(cpu, to, values[i], gate->size);
}

static void gate_call_inner(struct cpu *cpu, const struct gate *gate)
{
    unsigned cpl = descriptor_dpl(&gate->code);
    struct stack stack;
    if (in_long_mode(cpu))
        stack_of_tss64(cpu, cpl, 0, &stack);
    else
        stack_of_tss(cpu, cpl, &stack);
    stack_push(cpu, &stack, cpu->seg[SS].selector, gate->size);
    stack_push(cpu, &stack, cpu->gpr[RSP], gate->size);
    gate_copy_parameters(cpu, gate, &stack);
    stack_push(cpu, &stack, cpu->seg[CS].selector, gate->size);
    stack_push(cpu, &stack, return_rip(cpu), gate->size);
    stack_commit(cpu, &stack);
    set_code(cpu, gate->selector, &gate->code, cpl, gate->offset);
}

static void push_return(struct cpu *cpu, struct stack *stack, enum size size)
{
    stack_push(cpu, stack, cpu->seg[CS].selector, size);
    stack_push(cpu, stack, return_rip(cpu), size);
}

static void gate_call(struct cpu *cpu, const struct gate *gate)
{
    if (!descriptor_is_conforming(&gate->code) && descriptor_dpl(&gate->code) < cpu->cpl) {
        gate_call_inner(cpu, gate);
        return;
    }
    struct stack stack;
    stack_current(cpu, &stack);
    push_return(cpu, &stack, gate->size);
    stack_commit(cpu, &stack);
    set_code(cpu, gate->selector, &gate->code, cpu->cpl, gate->offset);
}

/* --- JMP and CALL --- */

static void to_task(struct cpu *cpu, u16 selector, struct descriptor *d, bool call)
{
    task_switch(cpu, selector, d, call ? TASK_CALL : TASK_JMP, return_rip(cpu));
}

static void to_system(struct cpu *cpu, u16 selector, struct descriptor *d, bool call)
{
    unsigned type = descriptor_type(d);
    bool legacy = !in_long_mode(cpu);
    if (type == TYPE_CALL32 || (legacy && type == TYPE_CALL16)) {
        struct gate gate;
        check_gate(cpu, selector, d);
        gate_read(cpu, selector, d, &gate);
        gate_check_code(cpu, &gate);
        if (call)
            gate_call(cpu, &gate);
        else
            gate_jump(cpu, &gate);
    } else if (legacy && type == TYPE_TASK_GATE) {
        struct descriptor tss;
        u16 task = d->low >> 16;
        check_gate(cpu, selector, d);
        task_fetch(cpu, task, VECTOR_GP, &tss);
        to_task(cpu, task, &tss, call);
    } else if (legacy && (type == TYPE_TSS16 || type == TYPE_TSS32)) {
        if (descriptor_dpl(d) < cpu->cpl || descriptor_dpl(d) < (selector & 3u))
            raise_gp(cpu, selector_error(selector));
        task_fetch(cpu, selector, VECTOR_GP, d);
        to_task(cpu, selector, d, call);
    } else {
        raise_gp(cpu, selector_error(selector));
    }
}

static void fetch_target(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    descriptor_fetch(cpu, selector, VECTOR_GP, d);
    if (descriptor_is_segment(d) && !descriptor_is_code(d))
        raise_gp(cpu, selector_error(selector));
}

void far_jump(struct cpu *cpu, u16 selector, u64 offset, enum size size)
{
    struct descriptor d;
    if (without_protection(cpu)) {
        if (offset > cpu->seg[CS].limit)
            raise_gp(cpu, 0);
        set_code_real(cpu, selector, offset);
        return;
    }
    fetch_target(cpu, selector, &d);
    if (!descriptor_is_code(&d)) {
        to_system(cpu, selector, &d, false);
        return;
    }
    check_direct(cpu, selector, &d, offset);
    set_code(cpu, selector, &d, cpu->cpl, offset);
}

void far_call(struct cpu *cpu, u16 selector, u64 offset, enum size size)
{
    struct stack stack;
    struct descriptor d;
    stack_current(cpu, &stack);
    if (without_protection(cpu)) {
        if (offset > cpu->seg[CS].limit)
            raise_gp(cpu, 0);
        push_return(cpu, &stack, size);
        stack_commit(cpu, &stack);
        set_code_real(cpu, selector, offset);
        return;
    }
    fetch_target(cpu, selector, &d);
    if (!descriptor_is_code(&d)) {
        to_system(cpu, selector, &d, true);
        return;
    }
    check_direct(cpu, selector, &d, offset);
    push_return(cpu, &stack, size);
    stack_commit(cpu, &stack);
    set_code(cpu, selector, &d, cpu->cpl, offset);
}

/* --- RET and IRET --- */

/* Code segment that a RET or IRET goes back to; its RPL is the new CPL. */
static void check_return_code(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u32 error = selector_error(selector);
    unsigned rpl = selector & 3;
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    descriptor_fetch(cpu, selector, VECTOR_GP, d);
    unsigned dpl = descriptor_dpl(d);
    if (!descriptor_is_code(d) || rpl < cpu->cpl || (descriptor_is_conforming(d) ? dpl > rpl : dpl != rpl))
        raise_gp(cpu, error);
    if (in_long_mode(cpu) && descriptor_is_long(d) && (d->high & 0x400000)) /* L and D both set */
        raise_gp(cpu, error);
    if (!descriptor_present(d))
        cpu_raise_error(cpu, VECTOR_NP, error);
}

/* Goes back to selector:offset; `stack` stands past what was popped of them.  SS:SP follow if the level is an outer
 * one, or always with `pop_stack` (IRET in 64-bit mode). */
static void return_to(struct cpu *cpu, struct stack *stack, u16 selector, u64 offset, enum size size, unsigned release,
                      bool pop_stack)
{
    struct descriptor d;
    check_return_code(cpu, selector, &d);
    unsigned cpl = selector & 3;
    bool outer = cpl != cpu->cpl;
    stack_release(stack, release);
    if (outer || pop_stack) {
        u64 sp = stack_pop(cpu, stack, size);
        u16 ss = stack_pop(cpu, stack, size);
        struct segment loaded;
        if (selector_is_null(ss) && !descriptor_is_long(&d)) /* it depends on the mode returned to */
            raise_gp(cpu, 0);
        segment_prepare_stack(cpu, ss, cpl, VECTOR_GP, &loaded);
        code_check_offset(cpu, &d, offset);
        descriptor_set_accessed(cpu, selector, &d);
        stack->ss = loaded;
        bool flat = in_long_mode(cpu) && descriptor_is_long(&d);
        if (flat || loaded.access & SEG_DB)
            stack->sp = flat ? sp : (u32)sp; /* nothing of the inner level's RSP stays above ESP */
        else
            write_masked(&stack->sp, sp, 0xffff);
    } else {
        code_check_offset(cpu, &d, offset);
        descriptor_set_accessed(cpu, selector, &d);
    }
    stack_commit(cpu, stack);
    segment_install_code(cpu, selector, &d, cpl);
    if (outer)
        segment_drop_inner(cpu);
    cpu->next_rip = offset;
    cpu_update_mode(cpu);
}

void far_return(struct cpu *cpu, enum size size, unsigned release)
{
    struct stack stack;
    stack_current(cpu, &stack);
    u64 offset = stack_pop(cpu, &stack, size);
    u16 selector = stack_pop(cpu, &stack, size);
    if (!without_protection(cpu)) {
        unsigned cpl = cpu->cpl;
        return_to(cpu, &stack, selector, offset, size, release, false);
        if (cpu->cpl != cpl) { /* the caller's copy of the parameters goes too */
            stack_current(cpu, &stack);
            stack_release(&stack, release);
            cpu->gpr[RSP] = stack.sp;
        }
        return;
    }
    if (offset > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
    stack_release(&stack, release);
    stack_commit(cpu, &stack);
    set_code_real(cpu, selector, offset);
}

#define FLAGS_ALWAYS (FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT)

/* RF holds off an instruction breakpoint; without breakpoints nothing would clear it again, so it is dropped. */
static u32 rf_if_needed(const struct cpu *cpu)
{
    return (cpu->dr[7] & DR7_ENABLES) || cpu->debugger.breakpoints ? FLAG_RF : 0;
}

/* What IRET may change at the current privilege. */
static u32 iret_mask(const struct cpu *cpu, enum size size)
{
    u32 mask = FLAGS_ALWAYS;
    if (in_real_mode(cpu) || cpu->cpl == 0)
        mask |= FLAG_IF | FLAG_IOPL;
    else if (cpu->cpl <= iopl(cpu))
        mask |= FLAG_IF;
    if (size == SIZE_16)
        return mask;
    mask |= FLAG_RF | cpu_flags_optional(cpu);
    return cpu->cpl == 0 && !in_real_mode(cpu) ? mask | FLAG_VIF | FLAG_VIP : mask;
}

static void iret_flags(struct cpu *cpu, u64 image, u32 mask)
{
    u64 flags = (flags_get(cpu) & ~(u64)(mask | FLAG_RF)) | (image & mask & ~(u64)FLAG_RF);
    flags_write(cpu, flags | (image & mask & rf_if_needed(cpu)));
    if (unlikely(cpu->rflags & FLAG_RF)) /* for the next instruction, and not longer */
        cpu_set_attention(cpu, ATTENTION_CHECK);
}

static void iret_real(struct cpu *cpu, enum size size)
{
    struct stack stack;
    stack_current(cpu, &stack);
    u64 offset = stack_pop(cpu, &stack, size);
    u16 selector = stack_pop(cpu, &stack, size);
    u64 image = stack_pop(cpu, &stack, size);
    u32 mask = iret_mask(cpu, size);
    if (offset > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
    stack_commit(cpu, &stack);
    set_code_real(cpu, selector, offset);
    iret_flags(cpu, image, mask);
}

/* Virtual-8086 mode with IOPL < 3 under VME: IF of the image goes to VIF.  SDM vol. 2, "IRET". */
static void iret_vme(struct cpu *cpu)
{
    struct stack stack;
    stack_current(cpu, &stack);
    u64 offset = stack_pop(cpu, &stack, SIZE_16);
    u16 selector = stack_pop(cpu, &stack, SIZE_16);
    u64 image = stack_pop(cpu, &stack, SIZE_16);
    if (((image & FLAG_IF) && (cpu->rflags & FLAG_VIP)) || (image & FLAG_TF))
        raise_gp(cpu, 0);
    stack_commit(cpu, &stack);
    set_code_real(cpu, selector, offset);
    iret_flags(cpu, (image & ~(u64)FLAG_VIF) | (image & FLAG_IF ? FLAG_VIF : 0), FLAGS_ALWAYS | FLAG_VIF);
}

static void iret_v86(struct cpu *cpu, enum size size)
{
    if (iopl(cpu) == 3)
        iret_real(cpu, size);
    else if ((cpu->cr4 & CR4_VME) && size == SIZE_16)
        iret_vme(cpu);
    else
        raise_gp(cpu, 0);
}

/* IRETD at CPL 0 with VM in the image. */
static void iret_to_v86(struct cpu *cpu, struct stack *stack, u64 offset, u16 selector, u64 image)
{
    static const enum seg order[] = {ES, DS, FS, GS};
    u16 data[4];
    u64 sp = stack_pop(cpu, stack, SIZE_32);
    u16 ss = stack_pop(cpu, stack, SIZE_32);
    for (unsigned i = 0; i < 4; i++)
        data[i] = stack_pop(cpu, stack, SIZE_32);
    if (offset > 0xffff)
        raise_gp(cpu, 0);
    segment_set_v86(&cpu->seg[CS], selector);
    segment_set_v86(&cpu->seg[SS], ss);
    for (unsigned i = 0; i < 4; i++)
        segment_set_v86(&cpu->seg[order[i]], data[i]);
    cpu->gpr[RSP] = (u32)sp;
    cpu->next_rip = offset;
    u32 mask = iret_mask(cpu, SIZE_32) | FLAG_VM;
    cpu->cpl = 3;
    iret_flags(cpu, image, mask);
    cpu_update_mode(cpu);
}

void interrupt_return(struct cpu *cpu, enum size size)
{
    cpu->nmi_blocked = false; /* SDM vol. 3A, "Handling Multiple NMIs": IRET, even one that faults */
    if (cpu->nmi_pending)
        cpu_set_attention(cpu, ATTENTION_NMI);
    if (in_real_mode(cpu)) {
        iret_real(cpu, size);
        return;
    }
    if (in_v86_mode(cpu)) {
        iret_v86(cpu, size);
        return;
    }
    if (cpu->rflags & FLAG_NT) {
        if (in_long_mode(cpu))
            raise_gp(cpu, 0);
        task_return(cpu);
        return;
    }
    struct stack stack;
    stack_current(cpu, &stack);
    u64 offset = stack_pop(cpu, &stack, size);
    u16 selector = stack_pop(cpu, &stack, size);
    u64 image = stack_pop(cpu, &stack, size);
    if (size == SIZE_32 && (image & FLAG_VM) && cpu->cpl == 0 && !in_long_mode(cpu)) {
        iret_to_v86(cpu, &stack, offset, selector, image);
        return;
    }
    u32 mask = iret_mask(cpu, size);
    return_to(cpu, &stack, selector, offset, size, 0, in_64bit_mode(cpu));
    iret_flags(cpu, image, mask);
}
