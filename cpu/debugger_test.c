/*
 * The debugger's breakpoints, watchpoints and steps: where the processor stands when it has stopped, and that the guest
 * cannot tell.
 *
 * Source: Intel SDM vol. 3B, "Instruction-Breakpoint Exception Condition" (before the instruction; RF), "Data Memory and
 *   I/O Breakpoint Exception Conditions" (after it; REP: after each iteration), "Resume Flag".
 */
#include "cpu/toy_board.h"

#include <errno.h>

#define CODE 0x5000u

static struct toy *toy;

static void load(u32 at, const u8 *bytes, unsigned length)
{
    memcpy(toy->ram + at, bytes, length);
    cpu_code_written(toy->cpu, at, length);
}
#define LOAD(at, ...) load(at, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void open_toy(void)
{
    toy = toy_create("max", NULL);
    toy_protected_mode(toy);
}

static void add(enum point_kind kind, u64 address, u8 length)
{
    CHECK_EQ(debugger_add(toy->cpu, &(struct point){.address = address, .kind = kind, .length = length}), 0);
}

static void drop(enum point_kind kind, u64 address, u8 length)
{
    CHECK_EQ(debugger_remove(toy->cpu, &(struct point){.address = address, .kind = kind, .length = length}), 0);
}

/* Runs into a stop of this cause. */
static void run_to(enum stop_cause cause, u64 rip)
{
    CHECK_EQ(cpu_run(toy->cpu, 100000), CPU_EXIT_DEBUG);
    CHECK_EQ(toy->cpu->debugger.cause, cause);
    CHECK_EQ(toy->cpu->rip, rip);
}

static void step_to(u64 rip)
{
    CHECK_EQ(cpu_step(toy->cpu, false), CPU_EXIT_DEBUG);
    CHECK_EQ(toy->cpu->rip, rip);
}

/* inc eax; inc ecx; inc edx; jmp to the start */
static void load_loop(void) { LOAD(CODE, 0x40, 0x41, 0x42, 0xeb, 0xfb); }

TEST(a_breakpoint_stops_before_its_instruction_each_time)
{
    open_toy();
    load_loop();
    CHECK_EQ(cpu_run(toy->cpu, 40), CPU_EXIT_BUDGET); /* blocks that lead across it are there already */
    CHECK_EQ(toy->cpu->gpr[RCX], 10);
    add(POINT_EXECUTE, CODE + 1, 1);
    for (unsigned i = 0; i < 3; i++) {
        run_to(STOP_BREAKPOINT, CODE + 1);
        CHECK_EQ(toy->cpu->debugger.hit.address, CODE + 1);
        CHECK_EQ(toy->cpu->gpr[RAX], 11 + i);
        CHECK_EQ(toy->cpu->gpr[RCX], 10 + i);
        step_to(CODE + 2); /* from the breakpoint on: it does not hold a step up */
        CHECK_EQ(toy->cpu->debugger.cause, STOP_STEP);
    }
    drop(POINT_EXECUTE, CODE + 1, 1);
    CHECK_EQ(cpu_run(toy->cpu, 400), CPU_EXIT_BUDGET);
    CHECK_EQ(cpu_instructions(toy->cpu), 40 + 1 + 3 * 1 + 2 * 3 + 400);
    toy_destroy(toy);
}

TEST(a_breakpoint_without_a_step_stops_again_with_nothing_executed)
{
    open_toy();
    load_loop();
    add(POINT_EXECUTE, CODE + 2, 1);
    run_to(STOP_BREAKPOINT, CODE + 2);
    run_to(STOP_BREAKPOINT, CODE + 2);
    CHECK_EQ(cpu_instructions(toy->cpu), 2);
    toy_destroy(toy);
}

TEST(a_breakpoint_is_a_linear_address)
{
    open_toy();
    load_loop();
    memcpy(toy->ram + CODE + 0x1000, toy->ram + CODE, 5);
    add(POINT_EXECUTE, CODE + 0x1001, 1); /* same offset, another page */
    CHECK_EQ(cpu_run(toy->cpu, 400), CPU_EXIT_BUDGET);
    CHECK_EQ(toy->cpu->gpr[RAX], 100);
    struct segment *cs = &toy->cpu->seg[CS];
    cs->base = 0x1000; /* CS:EIP is still CODE, and the linear address now is that of the copy */
    cpu_state_changed(toy->cpu);
    run_to(STOP_BREAKPOINT, CODE + 1);
    toy_destroy(toy);
}

TEST(a_breakpoint_in_real_mode_is_base_plus_ip)
{
    open_toy();
    struct cpu *cpu = toy->cpu;
    cpu_reset(cpu);
    segment_set_real(&cpu->seg[CS], 0x7c0);
    cpu_update_mode(cpu);
    LOAD(0x7c00, 0x90, 0x90, 0xf4);
    add(POINT_EXECUTE, 0x7c01, 1);
    set_rip(cpu, 0);
    run_to(STOP_BREAKPOINT, 1);
    toy_destroy(toy);
}

TEST(a_breakpoint_inside_an_instruction_does_not_stop)
{
    open_toy();
    LOAD(CODE, 0xb8, 1, 2, 3, 4, 0xf4); /* mov eax, 0x04030201; hlt */
    add(POINT_EXECUTE, CODE + 1, 1);
    CHECK_EQ(cpu_run(toy->cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(toy->cpu->gpr[RAX], 0x04030201);
    toy_destroy(toy);
}

TEST(code_that_was_rewritten_stops_as_well)
{
    open_toy();
    /* mov byte [CODE + 8], 0x43; nop; then at + 8: inc ecx, which becomes inc ebx; hlt */
    LOAD(CODE, 0xc6, 0x05, (CODE + 8) & 0xff, CODE >> 8, 0, 0, 0x43, 0x90, 0x41, 0xf4);
    add(POINT_EXECUTE, CODE + 8, 1);
    run_to(STOP_BREAKPOINT, CODE + 8);
    CHECK_EQ(toy->ram[CODE + 8], 0x43);
    step_to(CODE + 9);
    CHECK_EQ(toy->cpu->gpr[RBX], 1);
    CHECK_EQ(toy->cpu->gpr[RCX], 0);
    toy_destroy(toy);
}

TEST(code_that_the_debugger_writes_is_executed)
{
    open_toy();
    load_loop();
    CHECK_EQ(cpu_run(toy->cpu, 40), CPU_EXIT_BUDGET);
    CHECK(cpu_write_debug(toy->cpu, CODE + 1, "\x43", 1)); /* inc ebx */
    CHECK_EQ(cpu_run(toy->cpu, 40), CPU_EXIT_BUDGET);
    CHECK_EQ(toy->cpu->gpr[RBX], 10);
    CHECK_EQ(toy->cpu->gpr[RCX], 10);
    toy_destroy(toy);
}

TEST(an_instruction_that_faults_stops_once)
{
    open_toy();
    /* The #UD handler writes a NOP over the UD2 and returns to it, with RF set in the image that the fault pushed. */
    LOAD(CODE, 0x90, 0x0f, 0x0b, 0x40, 0xf4);
    LOAD(0x6000, 0x66, 0xc7, 0x05, (CODE + 1) & 0xff, CODE >> 8, 0, 0, 0x90, 0x90, 0xcf); /* mov word [CODE + 1], 0x9090; iret */
    toy_set_gate(toy, VECTOR_UD, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    add(POINT_EXECUTE, CODE + 1, 1);
    run_to(STOP_BREAKPOINT, CODE + 1);
    step_to(0x6000); /* a step of what faults is the delivery */
    add(POINT_EXECUTE, CODE + 3, 1); /* RF must not hold this one off */
    run_to(STOP_BREAKPOINT, CODE + 3);
    CHECK_EQ(toy->cpu->gpr[RAX], 0);
    toy_destroy(toy);
}

TEST(the_guests_debug_registers_are_its_own)
{
    open_toy();
    load_loop();
    add(POINT_EXECUTE, CODE + 1, 1);
    add(POINT_WRITE, 0x8000, 4);
    LOAD(CODE + 0x100, 0x0f, 0x21, 0xf8, 0x0f, 0x21, 0xf3, 0x0f, 0x21, 0xc1, 0xf4); /* mov eax, dr7; ebx, dr6; ecx, dr0 */
    set_rip(toy->cpu, CODE + 0x100);
    CHECK_EQ(cpu_run(toy->cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(toy->cpu->gpr[RAX], 0x400);
    CHECK_EQ(toy->cpu->gpr[RBX], 0xffff0ff0);
    CHECK_EQ(toy->cpu->gpr[RCX], 0);
    toy->cpu->activity = ACTIVITY_ACTIVE;
    /* Both at once: ours stops first, then the guest's own faults. */
    LOAD(0x6000, 0xf4);
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->cpu->dr[0] = CODE + 1;
    toy->cpu->dr[7] = 0x402;
    toy->cpu->gpr[RAX] = 0;
    set_rip(toy->cpu, CODE);
    cpu_state_changed(toy->cpu);
    run_to(STOP_BREAKPOINT, CODE + 1);
    CHECK_EQ(toy->cpu->dr[6], 0xffff0ff0);
    step_to(0x6000);
    CHECK_EQ(toy->cpu->dr[6], 0xffff0ff1);
    toy_destroy(toy);
}

TEST(a_watchpoint_stops_after_the_instruction_and_no_other)
{
    open_toy();
    /* mov [0x8000], eax; inc ecx; mov [0x8004], eax; inc ecx; mov ebx, [0x8005]; inc ecx; hlt */
    LOAD(CODE, 0xa3, 0, 0x80, 0, 0, 0x41, 0xa3, 4, 0x80, 0, 0, 0x41, 0x8b, 0x1d, 5, 0x80, 0, 0, 0x41, 0xf4);
    static const struct {
        enum point_kind kind;
        u32 address;
        u8 length;
        u64 rip; /* 0: none */
    } cases[] = {
        {POINT_WRITE, 0x8000, 4, CODE + 5},  {POINT_WRITE, 0x8003, 1, CODE + 5},   {POINT_WRITE, 0x8004, 8, CODE + 11},
        {POINT_READ, 0x8004, 4, CODE + 18},  {POINT_ACCESS, 0x8004, 4, CODE + 11}, {POINT_READ, 0x8008, 1, CODE + 18},
        {POINT_ACCESS, 0x7ff9, 7, 0},        {POINT_ACCESS, 0x7ff9, 8, CODE + 5},  {POINT_WRITE, 0x8008, 8, 0},
        {POINT_READ, 0x8000, 4, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        toy->cpu->activity = ACTIVITY_ACTIVE;
        set_rip(toy->cpu, CODE);
        u64 before = cpu_instructions(toy->cpu);
        CHECK_EQ(cpu_run(toy->cpu, 100), CPU_EXIT_HALTED); /* the page is in the TLB */
        CHECK_EQ(cpu_instructions(toy->cpu) - before, 7);
        toy->cpu->activity = ACTIVITY_ACTIVE;
        set_rip(toy->cpu, CODE);
        add(cases[i].kind, cases[i].address, cases[i].length);
        if (cases[i].rip) {
            run_to(STOP_WATCHPOINT, cases[i].rip);
            CHECK_EQ(toy->cpu->debugger.hit.address, cases[i].address);
        }
        while (cpu_run(toy->cpu, 100) == CPU_EXIT_DEBUG)
            continue;
        CHECK_EQ(cpu_instructions(toy->cpu) - before, 14);
        CHECK_EQ(toy->cpu->gpr[RCX], 6 * (i + 1));
        drop(cases[i].kind, cases[i].address, cases[i].length);
    }
    toy_destroy(toy);
}

TEST(a_repeated_string_instruction_stops_after_the_iteration)
{
    open_toy();
    LOAD(CODE, 0xf3, 0xab, 0x40, 0xf4); /* rep stosd; inc eax; hlt */
    toy->cpu->gpr[RCX] = 100;
    toy->cpu->gpr[RDI] = 0x8000;
    toy->cpu->gpr[RAX] = 0x55;
    add(POINT_WRITE, 0x8029, 1); /* in the eleventh */
    add(POINT_EXECUTE, CODE, 1);
    run_to(STOP_BREAKPOINT, CODE);
    step_to(CODE); /* one iteration */
    CHECK_EQ(toy->cpu->gpr[RCX], 99);
    run_to(STOP_WATCHPOINT, CODE); /* the breakpoint does not stop between iterations: RF is set */
    CHECK_EQ(toy->cpu->gpr[RCX], 89);
    CHECK_EQ(toy->cpu->gpr[RDI], 0x802c);
    CHECK_EQ(cpu_run(toy->cpu, 1000), CPU_EXIT_HALTED);
    CHECK_EQ(toy->cpu->gpr[RCX], 0);
    CHECK_EQ(peek(toy, 0x818c, 4), 0x55);
    toy_destroy(toy);
}

/* A device's register must not be read twice because memory is watched. */
TEST(a_port_is_read_once_though_its_destination_is_watched)
{
    open_toy();
    LOAD(CODE, 0x6d, 0xf4); /* insd; hlt */
    toy->cpu->gpr[RDI] = 0x8000;
    toy->cpu->gpr[RDX] = 0x123;
    toy->port_value = 0x1234;
    add(POINT_WRITE, 0x8000, 4);
    run_to(STOP_WATCHPOINT, CODE + 1);
    CHECK_EQ(peek(toy, 0x8000, 4), 0x1234);
    CHECK_EQ(toy->cpu->gpr[RDI], 0x8004);
    toy_destroy(toy);
}

TEST(a_watched_stack_stops_after_the_delivery_of_an_interrupt)
{
    open_toy();
    LOAD(CODE, 0x40, 0xeb, 0xfd);
    LOAD(0x6000, 0x41, 0xcf);
    toy_set_gate(toy, 0x21, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->vector = 0x21;
    flags_write(toy->cpu, 2 | FLAG_IF);
    add(POINT_WRITE, TOY_STACK0 - 8, 4); /* CS in the frame */
    CHECK_EQ(cpu_run(toy->cpu, 100), CPU_EXIT_BUDGET);
    cpu_set_intr(toy->cpu, true);
    run_to(STOP_WATCHPOINT, 0x6000);
    CHECK_EQ(toy->cpu->gpr[RCX], 0);
    toy_destroy(toy);
}

TEST(interrupts_wait_while_the_debugger_steps)
{
    open_toy();
    load_loop();
    LOAD(0x6000, 0xf4);
    toy_set_gate(toy, 0x21, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy_set_gate(toy, VECTOR_NMI, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->vector = 0x21;
    flags_write(toy->cpu, 2 | FLAG_IF);
    cpu_set_intr(toy->cpu, true);
    cpu_raise_nmi(toy->cpu);
    step_to(CODE + 1);
    step_to(CODE + 2);
    CHECK_EQ(cpu_step(toy->cpu, true), CPU_EXIT_DEBUG); /* allowed: the NMI comes first */
    CHECK_EQ(toy->cpu->rip, 0x6000);
    CHECK_EQ(cpu_run(toy->cpu, 10), CPU_EXIT_HALTED);
    CHECK_EQ(peek(toy, TOY_STACK0 - 12, 4), CODE + 2);
    toy_destroy(toy);
}

TEST(a_step_of_a_halted_processor_waits_for_the_interrupt)
{
    open_toy();
    LOAD(CODE, 0xf4, 0x40);
    toy_set_gate(toy, 0x21, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->vector = 0x21;
    flags_write(toy->cpu, 2 | FLAG_IF);
    step_to(CODE + 1);
    CHECK_EQ(cpu_step(toy->cpu, false), CPU_EXIT_HALTED);
    cpu_set_intr(toy->cpu, true);
    step_to(0x6000);
    toy_destroy(toy);
}

TEST(a_step_under_the_guests_own_trap_flag_leaves_it_its_trap)
{
    open_toy();
    load_loop();
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    flags_write(toy->cpu, 2 | FLAG_TF);
    step_to(CODE + 1);
    step_to(0x6000); /* the #DB */
    CHECK_EQ(peek(toy, TOY_STACK0 - 12, 4), CODE + 1);
    CHECK_EQ(peek(toy, TOY_STACK0 - 4, 4) & FLAG_TF, FLAG_TF);
    CHECK_EQ(toy->cpu->dr[6] & DR6_BS, DR6_BS);
    toy_destroy(toy);
}

TEST(points_are_counted_and_belong_to_somebody)
{
    open_toy();
    struct point point = {.address = 1, .kind = POINT_EXECUTE, .length = 1};
    CHECK_EQ(debugger_add(toy->cpu, &(struct point){.kind = POINT_WRITE, .length = 9}), -EINVAL);
    CHECK_EQ(debugger_add(toy->cpu, &(struct point){.kind = POINT_WRITE, .length = 0}), -EINVAL);
    CHECK_EQ(debugger_add(toy->cpu, &(struct point){.kind = 7, .length = 1}), -EINVAL);
    CHECK_EQ(debugger_remove(toy->cpu, &point), -ENOENT);
    CHECK_EQ(debugger_add(toy->cpu, &point), 0);
    CHECK_EQ(debugger_add(toy->cpu, &point), 0);
    CHECK_EQ(toy->cpu->debugger.count, 1);
    point.owner = 1;
    for (unsigned i = 1; i < DEBUGGER_POINTS; i++, point.address++)
        CHECK_EQ(debugger_add(toy->cpu, &point), 0);
    CHECK_EQ(debugger_add(toy->cpu, &point), -ENOSPC);
    debugger_remove_all(toy->cpu, 1);
    CHECK_EQ(toy->cpu->debugger.count, 1);
    CHECK_EQ(toy->cpu->debugger.breakpoints, 1);
    CHECK_EQ(toy->cpu->debugger.points[0].owner, 0);
    toy_destroy(toy);
}

UNIT_MAIN()
