/*
 * Delivery of exceptions and interrupts.
 *
 * Source: Intel SDM vol. 3A, ch. "Interrupt and Exception Handling" (IDT descriptors, error code, double fault table),
 *   ch. "8086 Emulation" (handling of interrupts from virtual-8086 mode, software interrupts under VME); vol. 2
 *   "INT n/INTO/INT3/INT1" (Operation).
 * Modelled: real-address, protected and 64-bit mode, interrupt, trap and task gates, delivery from virtual-8086 mode,
 *   VME redirection, double and triple fault, RF in the saved flags.
 * Not modelled: machine checks, shadow stacks.
 *
 * Nothing of the CPU changes before all checks and pushes are done.  A fault meanwhile jumps to the loop with
 * cpu->fault.delivering set, which calls interrupt_fault again; that combines the two.
 */
#include "cpu/system.h"

struct event {
    u8 vector;
    bool has_error, soft; /* soft: INT n, INT3, INTO: the gate's DPL counts */
    u32 error;
    u64 rip, flags; /* to be saved */
};

/* Benign for the double fault table whatever its number is. */
#define FIRST_EXTERNAL VECTOR_NMI

/* --- faults --- */

_Noreturn void cpu_raise_error(struct cpu *cpu, enum vector vector, u32 error)
{
    /* EXT: the event under way is not the program's own doing.  SDM vol. 3A, "Error Code". */
    if (cpu->fault.delivering && vector >= VECTOR_TS && vector <= VECTOR_GP)
        error |= 1;
    cpu->fault.vector = vector;
    cpu->fault.has_error = true;
    cpu->fault.error = error;
    longjmp(cpu->recover, RECOVER_FAULT);
}

_Noreturn void cpu_raise(struct cpu *cpu, enum vector vector)
{
    cpu->fault.vector = vector;
    cpu->fault.has_error = false;
    cpu->fault.error = 0;
    longjmp(cpu->recover, RECOVER_FAULT);
}

static _Noreturn void raise_idt(struct cpu *cpu, enum vector vector, const struct event *event)
{
    cpu_raise_error(cpu, vector, event->vector * 8u + 2);
}

/* --- real-address mode --- */

/* Pushes FLAGS, CS, IP and goes to the far address `target`. */
static void enter_real(struct cpu *cpu, const struct event *event, u32 target, u32 cleared)
{
    struct stack stack;
    stack_current(cpu, &stack);
    stack_push(cpu, &stack, event->flags, SIZE_16);
    stack_push(cpu, &stack, cpu->seg[CS].selector, SIZE_16);
    stack_push(cpu, &stack, event->rip, SIZE_16);
    stack_commit(cpu, &stack);
    if (in_v86_mode(cpu))
        segment_set_v86(&cpu->seg[CS], target >> 16);
    else
        segment_set_real(&cpu->seg[CS], target >> 16);
    set_rip(cpu, target & 0xffff);
    flags_write(cpu, flags_get(cpu) & ~(u64)cleared);
    cpu_update_mode(cpu);
}

static void deliver_real(struct cpu *cpu, const struct event *event)
{
    if (event->vector * 4u + 3 > cpu->idtr.limit)
        raise_idt(cpu, VECTOR_GP, event);
    u32 target = system_load32(cpu, (u32)(cpu->idtr.base + event->vector * 4u));
    enter_real(cpu, event, target, FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
}

/* --- protected mode --- */

static void check_gate(struct cpu *cpu, const struct event *event, const struct descriptor *gate)
{
    if (event->soft && descriptor_dpl(gate) < cpu->cpl)
        raise_idt(cpu, VECTOR_GP, event);
    if (!descriptor_present(gate))
        raise_idt(cpu, VECTOR_NP, event);
}

static void fetch_gate(struct cpu *cpu, const struct event *event, struct descriptor *gate)
{
    if (event->vector * 8u + 7 > cpu->idtr.limit)
        raise_idt(cpu, VECTOR_GP, event);
    u64 bits = system_load64(cpu, (u32)(cpu->idtr.base + event->vector * 8u));
    *gate = (struct descriptor){(u32)bits, (u32)(bits >> 32)};
    unsigned type = descriptor_type(gate);
    bool good = type == TYPE_TASK_GATE || type == TYPE_INT16 || type == TYPE_TRAP16 || type == TYPE_INT32 ||
                type == TYPE_TRAP32;
    if (descriptor_is_segment(gate) || !good)
        raise_idt(cpu, VECTOR_GP, event);
    check_gate(cpu, event, gate);
}

static void deliver_task(struct cpu *cpu, const struct event *event, const struct descriptor *gate)
{
    struct descriptor tss;
    u16 selector = gate->low >> 16;
    task_fetch(cpu, selector, VECTOR_GP, &tss);
    cpu->rflags = (cpu->rflags & ~(u64)FLAG_RF) | (event->flags & FLAG_RF); /* for the old TSS */
    task_switch(cpu, selector, &tss, TASK_EVENT, event->rip);
    if (!event->has_error)
        return;
    struct stack stack;
    stack_current(cpu, &stack);
    stack_push(cpu, &stack, event->error, (cpu->seg[TR].access & SEG_TYPE) >= TYPE_TSS32 ? SIZE_32 : SIZE_16);
    stack_commit(cpu, &stack);
}

/* The handler's code segment; returns the CPL it runs at. */
static unsigned fetch_handler(struct cpu *cpu, u16 selector, struct descriptor *code)
{
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    descriptor_fetch(cpu, selector, VECTOR_GP, code);
    unsigned dpl = descriptor_dpl(code);
    if (!descriptor_is_code(code) || dpl > cpu->cpl)
        raise_gp(cpu, selector_error(selector));
    if (!descriptor_present(code))
        cpu_raise_error(cpu, VECTOR_NP, selector_error(selector));
    unsigned cpl = descriptor_is_conforming(code) ? cpu->cpl : dpl;
    if (in_v86_mode(cpu) && cpl != 0)
        raise_gp(cpu, selector_error(selector));
    return cpl;
}

static void push_v86_segments(struct cpu *cpu, struct stack *stack, enum size size)
{
    static const enum seg order[] = {GS, FS, DS, ES};
    for (unsigned i = 0; i < 4; i++)
        stack_push(cpu, stack, cpu->seg[order[i]].selector, size);
}

static void push_frame(struct cpu *cpu, struct stack *stack, const struct event *event, bool with_stack,
                       enum size size)
{
    if (with_stack) {
        stack_push(cpu, stack, cpu->seg[SS].selector, size);
        stack_push(cpu, stack, cpu->gpr[RSP], size);
    }
    stack_push(cpu, stack, event->flags, size);
    stack_push(cpu, stack, cpu->seg[CS].selector, size);
    stack_push(cpu, stack, event->rip, size);
    if (event->has_error)
        stack_push(cpu, stack, event->error, size);
}

/* The point of no return. */
static void enter(struct cpu *cpu, const struct stack *stack, u16 selector, const struct descriptor *code,
                  unsigned cpl, u64 offset, bool interrupt_gate)
{
    if (in_v86_mode(cpu))
        for (enum seg seg = ES; seg <= GS; seg++)
            if (seg != CS && seg != SS)
                segment_set_null(&cpu->seg[seg], 0);
    stack_commit(cpu, stack);
    segment_install_code(cpu, selector, code, cpl);
    set_rip(cpu, offset);
    u64 cleared = FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT | (interrupt_gate ? FLAG_IF : 0);
    flags_write(cpu, flags_get(cpu) & ~cleared);
    cpu_update_mode(cpu);
}

static void deliver_protected(struct cpu *cpu, const struct event *event)
{
    struct descriptor gate, code;
    fetch_gate(cpu, event, &gate);
    unsigned type = descriptor_type(&gate);
    if (type == TYPE_TASK_GATE) {
        deliver_task(cpu, event, &gate);
        return;
    }
    u16 selector = gate.low >> 16;
    bool wide = type >= TYPE_INT32;
    enum size size = wide ? SIZE_32 : SIZE_16;
    u32 offset = (gate.low & 0xffff) | (wide ? gate.high & 0xffff0000 : 0);
    unsigned cpl = fetch_handler(cpu, selector, &code);
    struct stack stack;
    bool inner = cpl < cpu->cpl;
    if (inner)
        stack_of_tss(cpu, cpl, &stack);
    else
        stack_current(cpu, &stack);
    code_check_offset(cpu, &code, offset);
    descriptor_set_accessed(cpu, selector, &code);
    if (in_v86_mode(cpu))
        push_v86_segments(cpu, &stack, size);
    push_frame(cpu, &stack, event, inner, size);
    enter(cpu, &stack, selector, &code, cpl, offset, !(type & 1));
}

/* --- 64-bit mode --- */

static void deliver_long(struct cpu *cpu, const struct event *event)
{
    if (event->vector * 16u + 15 > cpu->idtr.limit)
        raise_idt(cpu, VECTOR_GP, event);
    u64 bits = system_load64(cpu, cpu->idtr.base + event->vector * 16u);
    u64 high = system_load64(cpu, cpu->idtr.base + event->vector * 16u + 8);
    struct descriptor code, gate = {(u32)bits, (u32)(bits >> 32)};
    unsigned type = descriptor_type(&gate), ist = gate.high & 7;
    if (descriptor_is_segment(&gate) || (type != TYPE_INT32 && type != TYPE_TRAP32))
        raise_idt(cpu, VECTOR_GP, event);
    check_gate(cpu, event, &gate);
    u16 selector = gate.low >> 16;
    u64 offset = (gate.low & 0xffff) | (gate.high & 0xffff0000) | high << 32;
    unsigned cpl = fetch_handler(cpu, selector, &code);
    if (!descriptor_is_long(&code) || (code.high & 0x400000))
        raise_gp(cpu, selector_error(selector));
    struct stack stack;
    stack_current(cpu, &stack);
    stack.flat = true;
    stack.mask = ~0ull;
    if (cpl < cpu->cpl || ist) {
        struct segment ss = stack.ss;
        stack_of_tss64(cpu, cpl, ist, &stack);
        if (cpl == cpu->cpl)
            stack.ss = ss;
    }
    stack.sp &= ~15ull;
    code_check_offset(cpu, &code, offset);
    descriptor_set_accessed(cpu, selector, &code);
    push_frame(cpu, &stack, event, true, SIZE_64);
    enter(cpu, &stack, selector, &code, cpl, offset, !(type & 1));
}

/* --- what the loop calls --- */

static void trace(struct cpu *cpu, const struct event *event)
{
    if (cpu_tracing(INT))
        cpu_trace_line(CPU_TRACE_INT, "%s %02x e=%04x i=%d cpl=%d ip=%04x:%08llx sp=%04x:%08llx cr2=%08llx ax=%08llx",
                       event->soft ? "int" : "event", event->vector, event->has_error ? event->error : 0, event->soft,
                       cpu->cpl, cpu->seg[CS].selector, (unsigned long long)event->rip, cpu->seg[SS].selector,
                       (unsigned long long)cpu->gpr[RSP], (unsigned long long)cpu->cr2,
                       (unsigned long long)cpu->gpr[RAX]);
}

static void deliver(struct cpu *cpu, const struct event *event)
{
    trace(cpu, event);
    cpu->stats.interrupts++;
    if (in_real_mode(cpu))
        deliver_real(cpu, event);
    else if (in_long_mode(cpu))
        deliver_long(cpu, event);
    else
        deliver_protected(cpu, event);
    cpu->fault.delivering = false;
    if (event->vector == VECTOR_DB && !event->soft)
        cpu->dr[7] &= ~(u64)DR7_GD;
}

/* Events that are not the program's own doing. */
static void deliver_event(struct cpu *cpu, u8 vector, u8 first)
{
    struct event event = {.vector = vector, .rip = cpu->rip, .flags = flags_get(cpu)};
    cpu->fault.delivering = true;
    cpu->fault.first_vector = first;
    deliver(cpu, &event);
}

void interrupt_external(struct cpu *cpu, u8 vector)
{
    cpu->activity = ACTIVITY_ACTIVE;
    deliver_event(cpu, vector, FIRST_EXTERNAL);
}

void interrupt_nmi(struct cpu *cpu)
{
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->nmi_blocked = true;
    deliver_event(cpu, VECTOR_NMI, FIRST_EXTERNAL);
}

void interrupt_debug_trap(struct cpu *cpu)
{
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->dr[6] |= cpu->pending_dr6;
    cpu->pending_dr6 = 0;
    deliver_event(cpu, VECTOR_DB, VECTOR_DB);
}

/* --- faults while another event is delivered --- */

enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class class_of(u8 vector)
{
    if (vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP))
        return CONTRIBUTORY;
    return vector == VECTOR_PF ? PAGE_FAULT : vector == VECTOR_DF ? DOUBLE_FAULT : BENIGN;
}

/* SDM vol. 3A, "Conditions for Generating a Double Fault". */
static bool makes_double_fault(u8 first, u8 second)
{
    enum fault_class a = class_of(first), b = class_of(second);
    if (b == BENIGN)
        return false;
    return a == CONTRIBUTORY ? b == CONTRIBUTORY : a == PAGE_FAULT || a == DOUBLE_FAULT;
}

static void shut_down(struct cpu *cpu)
{
    cpu_trace(INT, "triple fault at %04x:%08llx", cpu->seg[CS].selector, (unsigned long long)cpu->rip);
    cpu->fault.delivering = false;
    cpu->activity = ACTIVITY_SHUTDOWN;
    cpu_set_attention(cpu, ATTENTION_HALT);
    cpu->bus->signal(cpu->board, CPU_SIGNAL_TRIPLE_FAULT, 0);
}

void interrupt_fault(struct cpu *cpu)
{
    u8 vector = cpu->fault.vector;
    struct event event = {.has_error = cpu->fault.has_error, .error = cpu->fault.error};
    cpu->stats.faults++;
    if (cpu->fault.delivering && makes_double_fault(cpu->fault.first_vector, vector)) {
        if (cpu->fault.first_vector == VECTOR_DF) {
            shut_down(cpu);
            return;
        }
        vector = VECTOR_DF;
        event.has_error = true;
        event.error = 0;
    }
    event.vector = vector;
    event.rip = cpu->rip;
    /* SDM vol. 3B, "Instruction-Breakpoint Exception Condition": all faults but instruction breakpoints save RF = 1. */
    event.flags = flags_get(cpu) | (cpu->fault.breakpoint ? 0 : FLAG_RF);
    cpu->fault.breakpoint = false;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->fault.delivering = true;
    cpu->fault.first_vector = vector;
    deliver(cpu, &event);
}

/* --- INT n, INT3, INTO, INT1 --- */

/* INT n in virtual-8086 mode under VME, to a handler of the program itself.  True: done. */
static bool redirect(struct cpu *cpu, struct event *event)
{
    if (!(cpu->cr4 & CR4_VME) || !task_interrupt_redirected(cpu, event->vector))
        return false;
    u32 target = (u32)mmu_load(cpu, event->vector * 4u, 4);
    u32 cleared = FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF;
    if (iopl(cpu) < 3) {
        cleared = FLAG_VIF | FLAG_TF | FLAG_AC | FLAG_RF;
        event->flags = (event->flags & ~(u64)FLAG_IF) | FLAG_IOPL | (event->flags & FLAG_VIF ? FLAG_IF : 0);
    }
    trace(cpu, event);
    cpu->stats.interrupts++;
    enter_real(cpu, event, target, cleared);
    return true;
}

void interrupt_soft(struct cpu *cpu, u8 vector, enum soft_kind kind)
{
    struct event event = {.vector = vector, .soft = kind != SOFT_INT1, .rip = return_rip(cpu)};
    event.flags = flags_get(cpu) & ~(u64)FLAG_RF;
    if (kind == SOFT_INT_N && in_v86_mode(cpu)) {
        if (redirect(cpu, &event))
            return;
        if (iopl(cpu) < 3)
            raise_gp(cpu, 0);
    }
    if (kind == SOFT_INT1) {
        cpu->fault.delivering = true;
        cpu->fault.first_vector = VECTOR_DB;
    }
    deliver(cpu, &event);
}
