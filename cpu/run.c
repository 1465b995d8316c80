/*
 * The interpreter's outer loop: events between blocks, faults, and the end of the budget.
 *
 * Source: Intel SDM vol. 3A, "Priority Among Simultaneous Exceptions and Interrupts", "Masking Maskable Hardware
 * Interrupts" (STI and MOV SS hold interrupts off for one instruction).
 */
#include "cpu/block.h"
#include "cpu/coverage.h"
#include "cpu/system.h"
#include "cpu/x87.h"

#include <string.h>

/* --- mode --- */

static bool flat_data(const struct segment *seg)
{
    return seg->base == 0 && seg->read_top == 0xffffffff && seg->write_top == 0xffffffff;
}

/* Debug traps belong to the instruction that caused them, so one that may cause any is executed alone. */
static bool stepping(const struct cpu *cpu)
{
    return (cpu->rflags & FLAG_TF) || (cpu->dr[7] & 0xff) || cpu_tracing(CPU);
}

void cpu_update_mode(struct cpu *cpu)
{
    const struct segment *cs = &cpu->seg[CS];
    bool long_mode = (cpu->efer & EFER_LMA) && (cs->access & SEG_L);
    u32 mode = long_mode ? MODE_CODE64 : cs->access & SEG_DB ? MODE_CODE32 : MODE_CODE16;
    if (long_mode || (flat_data(&cpu->seg[DS]) && flat_data(&cpu->seg[ES]) && flat_data(&cpu->seg[SS]) &&
                      (cpu->seg[SS].access & SEG_DB)))
        mode |= MODE_FLAT;
    if (!long_mode && cs->limit != 0xffffffff)
        mode |= MODE_LIMIT;
    if (stepping(cpu))
        mode |= MODE_STEP;
    cpu->mode = mode;
    cpu->mode_key = block_mode_key(cpu);
    cpu->code_base = long_mode ? 0 : cs->base;
    cpu->code_mask = long_mode ? ~0ull : 0xffffffff;
    unsigned class = cpu->cpl == 3 ? TLB_USER : TLB_SUPERVISOR;
    bool align = (cpu->cr0 & CR0_AM) && (cpu->rflags & FLAG_AC) && cpu->cpl == 3;
    cpu->tlb = cpu->tlbs[align ? TLB_NEVER : class];
    cpu->itlb = cpu->itlbs[class];
}

/* --- attention --- */

void cpu_set_attention(struct cpu *cpu, u32 bits)
{
    __atomic_or_fetch(&cpu->attention, bits, __ATOMIC_SEQ_CST);
    cpu->budget_held += cpu->budget;
    cpu->budget = 0;
}

static void clear_attention(struct cpu *cpu, u32 bits) { __atomic_and_fetch(&cpu->attention, ~bits, __ATOMIC_SEQ_CST); }

void cpu_kick(struct cpu *cpu) { __atomic_or_fetch(&cpu->attention, ATTENTION_EXIT, __ATOMIC_SEQ_CST); }

void cpu_set_intr(struct cpu *cpu, bool level)
{
    __atomic_store_n(&cpu->intr, level, __ATOMIC_SEQ_CST);
    if (level)
        __atomic_or_fetch(&cpu->attention, ATTENTION_INTR, __ATOMIC_SEQ_CST);
}

void cpu_raise_nmi(struct cpu *cpu)
{
    cpu->nmi_pending = true;
    __atomic_or_fetch(&cpu->attention, ATTENTION_NMI, __ATOMIC_SEQ_CST);
}

void cpu_raise_init(struct cpu *cpu)
{
    cpu->init_pending = true;
    __atomic_or_fetch(&cpu->attention, ATTENTION_INIT, __ATOMIC_SEQ_CST);
}

void cpu_start_up(struct cpu *cpu, u8 vector)
{
    cpu->startup_vector = vector;
    cpu->startup_pending = true;
    __atomic_or_fetch(&cpu->attention, ATTENTION_INIT, __ATOMIC_SEQ_CST);
}

void cpu_map_changed(struct cpu *cpu) { __atomic_or_fetch(&cpu->attention, ATTENTION_FLUSH, __ATOMIC_SEQ_CST); }

void cpu_set_a20(struct cpu *cpu, bool on)
{
    cpu->a20 = on;
    cpu->a20_mask = on ? ~0ull : ~(1ull << 20);
    cpu_map_changed(cpu);
}

/* Called by other threads too: blocks are this CPU's thread's alone, so the ranges wait for it. */
void cpu_code_written(struct cpu *cpu, u64 phys, u64 length)
{
    __atomic_add_fetch(&cpu->code_writes_outside, 1, __ATOMIC_RELEASE);
    u32 head = cpu->written_head, next = (head + 1) % ARRAY_SIZE(cpu->written_ranges);
    if (next == __atomic_load_n(&cpu->written_tail, __ATOMIC_ACQUIRE)) {
        cpu_map_changed(cpu);
        return;
    }
    cpu->written_ranges[head].phys = phys;
    cpu->written_ranges[head].length = length;
    __atomic_store_n(&cpu->written_head, next, __ATOMIC_RELEASE);
    __atomic_or_fetch(&cpu->attention, ATTENTION_CODE, __ATOMIC_SEQ_CST);
}

static void forget_written(struct cpu *cpu)
{
    clear_attention(cpu, ATTENTION_CODE);
    while (cpu->written_tail != __atomic_load_n(&cpu->written_head, __ATOMIC_ACQUIRE)) {
        u64 phys = cpu->written_ranges[cpu->written_tail].phys, length = cpu->written_ranges[cpu->written_tail].length;
        for (; length; length -= MIN(length, 1u << 30), phys += 1u << 30)
            block_written(cpu, phys, MIN(length, 1u << 30));
        __atomic_store_n(&cpu->written_tail, (cpu->written_tail + 1) % ARRAY_SIZE(cpu->written_ranges),
                         __ATOMIC_RELEASE);
    }
}

bool cpu_has_work(const struct cpu *cpu)
{
    if (cpu->activity == ACTIVITY_ACTIVE || cpu->init_pending)
        return true;
    if (cpu->activity == ACTIVITY_WAIT_SIPI)
        return cpu->startup_pending;
    if (cpu->activity != ACTIVITY_HALTED)
        return false;
    return (cpu->nmi_pending && !cpu->nmi_blocked) || (cpu->intr && (cpu->rflags & FLAG_IF)) || cpu->pending_dr6;
}

u64 cpu_instructions(const struct cpu *cpu)
{
    i64 executed = cpu->run_budget - cpu->budget - cpu->budget_held;
    if (cpu->op)
        executed -= cpu->op->left;
    return cpu->instructions + executed;
}

/* The processor stands before the handler of an exception that shall not have been: as IRET would from there, but for the
 * RF of the frame, and for what IRET is to an NMI. */
static void undo_exception(struct cpu *cpu, enum size size)
{
    bool nmi_blocked = cpu->nmi_blocked;
    interrupt_return(cpu, size);
    cpu->rip = cpu->next_rip;
    cpu->rflags &= ~(u64)FLAG_RF;
    cpu->nmi_blocked = nmi_blocked;
}

/* FERR# may have brought INTR about. */
static void take_x87_error(struct cpu *cpu)
{
    u8 undo = cpu->held.undo;
    cpu->held.valid = cpu->held.x87_error = false;
    cpu->held.undo = 0;
    if (undo)
        undo_exception(cpu, undo == 32 ? SIZE_32 : SIZE_16);
    x87_update_summary(cpu);
}

static void deliver_held(struct cpu *cpu)
{
    cpu->held.valid = false;
    if (cpu->held.external) {
        interrupt_external(cpu, cpu->held.vector);
        return;
    }
    cpu->fault.vector = cpu->held.vector;
    cpu->fault.has_error = cpu->held.has_error;
    cpu->fault.error = cpu->held.error;
    interrupt_fault(cpu);
}

/* One external interrupt, NMI or debug trap, by priority.  False: none was due. */
static bool deliver_event(struct cpu *cpu)
{
    if (cpu->pending_dr6 && cpu->shadow != SHADOW_MOVSS) {
        interrupt_debug_trap(cpu);
        return true;
    }
    if (cpu->debugger.quiet && cpu->activity == ACTIVITY_ACTIVE)
        return false;
    if (cpu->nmi_pending && !cpu->nmi_blocked && !cpu->shadow) {
        cpu->nmi_pending = false;
        clear_attention(cpu, ATTENTION_NMI);
        cpu->activity = ACTIVITY_ACTIVE;
        interrupt_nmi(cpu);
        return true;
    }
    if (cpu->intr && (cpu->rflags & FLAG_IF) && !cpu->shadow) {
        int vector = cpu->bus->acknowledge(cpu->board);
        if (vector < 0)
            return false;
        cpu->activity = ACTIVITY_ACTIVE;
        interrupt_external(cpu, vector);
        return true;
    }
    return false;
}

/* After acting on cpu->attention, keeps only those bits that ask for another look. */
static void settle_attention(struct cpu *cpu)
{
    u32 done = ATTENTION_TRAP | ATTENTION_CHECK;
    if (!cpu->nmi_pending || !cpu->debugger.quiet)
        done |= ATTENTION_NMI;
    if (!cpu->intr || !(cpu->rflags & FLAG_IF))
        done |= ATTENTION_INTR;
    if (cpu->activity == ACTIVITY_ACTIVE)
        done |= ATTENTION_HALT;
    if (!cpu->shadow)
        done |= ATTENTION_SHADOW;
    clear_attention(cpu, done);
    /* The level may have risen in between. */
    if (cpu->intr && (cpu->rflags & FLAG_IF))
        __atomic_or_fetch(&cpu->attention, ATTENTION_INTR, __ATOMIC_SEQ_CST);
}

/* One instruction with everything checked: single steps, breakpoints, interrupt shadows, the end of a segment. */
static void step(struct cpu *cpu)
{
    bool trap = cpu->rflags & FLAG_TF;
    u8 shadow = cpu->shadow;
    if (trap || cpu->dr[7]) {
        u64 linear = (cpu->code_base + cpu->rip) & cpu->code_mask;
        /* "Debug Exceptions": after MOV SS and POP SS, as if RF were set. */
        if (shadow != SHADOW_MOVSS && debug_check_code(cpu, linear))
            longjmp(cpu->recover, RECOVER_FAULT);
    }
    struct block *block = block_build_short(cpu, 1);
    u64 interrupts = cpu->stats.interrupts;
    cpu->new_tf_counts = false;
    /* Nothing is left for a second block, wherever this instruction leads. */
    cpu->budget_held = cpu->budget - block->count;
    cpu->budget = 0;
    cpu->rflags &= ~(u64)FLAG_RF; /* an IRET that sets it means the next instruction */
    exec_enter(cpu, block->ops);
    if (shadow) /* it was for this instruction only; one that it set anew stays for the next */
        cpu->shadow = 0;
    if (trap && !cpu->new_tf_counts && cpu->stats.interrupts == interrupts && cpu->shadow != SHADOW_MOVSS)
        cpu->pending_dr6 |= DR6_BS;
}

static void trace_instruction(struct cpu *cpu)
{
    u8 bytes[15] = {0};
    struct insn insn;
    char text[120];
    u64 linear = (cpu->code_base + cpu->rip) & cpu->code_mask;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        if (!cpu_read_debug(cpu, (linear + i) & cpu->code_mask, &bytes[i], 1))
            break;
    struct decoder decoder = {.code_size = SIZE_16 + (cpu->mode & MODE_CODE), .features = cpu->features};
    if (!decode(&decoder, bytes, sizeof(bytes), &insn))
        return;
    disassemble(&insn, cpu->rip, text, sizeof(text));
    cpu_trace_line(CPU_TRACE_CPU,
                   "%04x:%08llx %-36s ax=%08llx bx=%08llx cx=%08llx dx=%08llx si=%08llx di=%08llx bp=%08llx sp=%08llx "
                   "fl=%08llx",
                   cpu->seg[CS].selector, (unsigned long long)cpu->rip, text, (unsigned long long)cpu->gpr[RAX],
                   (unsigned long long)cpu->gpr[RBX], (unsigned long long)cpu->gpr[RCX],
                   (unsigned long long)cpu->gpr[RDX], (unsigned long long)cpu->gpr[RSI],
                   (unsigned long long)cpu->gpr[RDI], (unsigned long long)cpu->gpr[RBP],
                   (unsigned long long)cpu->gpr[RSP], (unsigned long long)flags_get(cpu));
}

static void attend_init(struct cpu *cpu)
{
    clear_attention(cpu, ATTENTION_INIT);
    if (cpu->init_pending)
        cpu_init(cpu);
    if (cpu->startup_pending)
        cpu_take_startup(cpu);
}

/* True: cpu_run returns `*why`. */
static bool attend(struct cpu *cpu, enum cpu_exit *why)
{
    if (cpu->attention & ATTENTION_CODE)
        forget_written(cpu);
    if (cpu->attention & ATTENTION_FLUSH) {
        clear_attention(cpu, ATTENTION_FLUSH);
        tlb_flush_all(cpu);
        block_flush_all(cpu);
    }
    if (cpu->attention & ATTENTION_INIT)
        attend_init(cpu);
    if (cpu->activity == ACTIVITY_SHUTDOWN || cpu->activity == ACTIVITY_WAIT_SIPI) {
        *why = cpu->activity == ACTIVITY_SHUTDOWN ? CPU_EXIT_SHUTDOWN : CPU_EXIT_HALTED;
        return true;
    }
    if (cpu->attention & ATTENTION_EXIT) {
        clear_attention(cpu, ATTENTION_EXIT);
        *why = CPU_EXIT_KICKED;
        return true;
    }
    u64 events = cpu->stats.interrupts;
    if (cpu->held.x87_error)
        take_x87_error(cpu);
    if (cpu->held.valid)
        deliver_held(cpu);
    else if (cpu->activity == ACTIVITY_ACTIVE || cpu_has_work(cpu))
        deliver_event(cpu);
    if (cpu->debugger.stepping && cpu->stats.interrupts != events && !cpu->debugger.cause)
        cpu->debugger.cause = STOP_STEP; /* before the handler's first instruction */
    settle_attention(cpu);
    if (cpu->pending_dr6 && cpu->activity == ACTIVITY_HALTED)
        cpu->activity = ACTIVITY_ACTIVE;
    if (cpu->activity != ACTIVITY_HALTED)
        return false;
    *why = CPU_EXIT_HALTED; /* whatever another thread has raised by now: it is delivered first, in the next run */
    return true;
}

static enum cpu_exit loop(struct cpu *cpu)
{
    enum cpu_exit why;
    for (;;) {
        cpu->op = NULL;
        cpu->budget += cpu->budget_held;
        cpu->budget_held = 0;
        cpu->debugger.restarts = false;
        if (unlikely(cpu->debugger.cause))
            return CPU_EXIT_DEBUG;
        bool exact = cpu->attention & ATTENTION_CHECK;
        if (cpu->attention || cpu->pending_dr6 || cpu->activity != ACTIVITY_ACTIVE) {
            if (cpu->debugger.stepping && cpu->budget <= 0) /* what the instruction brought about comes next */
                return CPU_EXIT_BUDGET;
            if (attend(cpu, &why))
                return why;
            if (cpu->debugger.cause) /* the delivery of an event touched a watchpoint, or was the step */
                return CPU_EXIT_DEBUG;
        }
        if (cpu->budget <= 0)
            return CPU_EXIT_BUDGET;
        if (unlikely(cpu->debugger.breakpoints) && debugger_is_here(cpu)) {
            if (debugger_stops(cpu))
                return CPU_EXIT_DEBUG;
            exact = true;
        }
        if ((cpu->mode & MODE_STEP) || cpu->shadow || exact) {
            if (cpu_tracing(CPU))
                trace_instruction(cpu);
            step(cpu);
            continue;
        }
        struct block *block = block_find(cpu);
        if (block->count > cpu->budget)
            block = block_build_short(cpu, cpu->budget);
        cpu->budget -= block->count;
        cpu->rflags &= ~(u64)FLAG_RF;
        cpu->debugger.restarts = true;
        exec_enter(cpu, block->ops);
    }
}

/* Back to the start of the instruction under way, which has not been executed. */
static void rewind_instruction(struct cpu *cpu)
{
    if (cpu->op) {
        cpu->rip += cpu->op->ip;
        cpu->budget += cpu->op->left;
        cpu->op = NULL;
    }
    cpu->covering = COVERAGE_NOTHING;
}

static void take_fault(struct cpu *cpu)
{
    cpu->debugger.restarts = false;
    rewind_instruction(cpu);
    cpu->shadow = 0;
    cpu->pending_dr6 &= ~(u64)DR6_DATA; /* the access that a breakpoint saw will be made again */
    interrupt_fault(cpu);
    if (cpu->debugger.stepping && !cpu->debugger.cause)
        cpu->debugger.cause = STOP_STEP;
}

/* An instruction is about to touch what a debugger watches. */
static void start_anew(struct cpu *cpu)
{
    if (!cpu->op) /* the last one of its block, which has paid for it */
        cpu->budget++;
    rewind_instruction(cpu);
    cpu_set_attention(cpu, ATTENTION_CHECK);
}

enum cpu_exit cpu_run(struct cpu *cpu, u64 budget)
{
    cpu->run_budget = cpu->budget = MIN(budget, 1ull << 40);
    cpu->budget_held = 0;
    cpu->fl = fl_from_eflags(cpu->rflags);
    cpu->debugger.cause = STOP_NONE;
    if (unlikely(cpu->debugger.changed))
        debugger_apply(cpu);
    switch (setjmp(cpu->recover)) {
    case RECOVER_FAULT: take_fault(cpu); break;
    case RECOVER_ALONE: start_anew(cpu); break;
    }
    enum cpu_exit why = loop(cpu);
    coverage_complete(cpu);
    cpu->instructions += cpu->run_budget - cpu->budget;
    cpu->run_budget = cpu->budget = 0;
    cpu->rflags = flags_get(cpu);
    return why;
}

enum cpu_exit cpu_step(struct cpu *cpu, bool interrupts)
{
    struct debugger *debugger = &cpu->debugger;
    debugger->stepping = true;
    debugger->quiet = !interrupts;
    enum cpu_exit why = cpu_run(cpu, 1);
    debugger->stepping = debugger->quiet = false;
    if (why != CPU_EXIT_BUDGET)
        return why;
    debugger->cause = STOP_STEP;
    return CPU_EXIT_DEBUG;
}

void cpu_state_changed(struct cpu *cpu)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        segment_derive(&cpu->seg[i]);
    cpu->fl = fl_from_eflags(cpu->rflags);
    cpu_update_mode(cpu);
    u64 flushes = cpu->tlb_flushes;
    tlb_flush_all(cpu);
    cpu->tlb_flushes = flushes;
    if (cpu->held.valid || cpu->held.x87_error || cpu->nmi_pending || cpu->activity != ACTIVITY_ACTIVE)
        __atomic_or_fetch(&cpu->attention, ATTENTION_TRAP, __ATOMIC_SEQ_CST);
    if (cpu->intr && (cpu->rflags & FLAG_IF))
        __atomic_or_fetch(&cpu->attention, ATTENTION_INTR, __ATOMIC_SEQ_CST);
}
