/* Rules of event delivery.  Constants: Intel SDM vol. 3A, ch. "Interrupt and Exception Handling", "8086 Emulation". */
#include "cpu/toy_board.h"

static struct toy *protected_toy(unsigned cpl)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    toy_set_cpl(toy, cpl);
    flags_write(toy->cpu, 2 | FLAG_IF | FLAG_CF);
    toy->cpu->rip = 0x5000;
    toy->cpu->next_rip = 0x5002;
    return toy;
}

/* A fault as the loop handles it: raised, then delivered, again and again while delivery itself faults. */
static void deliver_fault(struct cpu *cpu, u8 vector, bool has_error, u32 error)
{
    cpu->fault.vector = vector;
    cpu->fault.has_error = has_error;
    cpu->fault.error = error;
    cpu->fault.delivering = false;
    setjmp(cpu->recover);
    interrupt_fault(cpu);
}

static u32 stacked(const struct toy *toy, unsigned index) { return peek(toy, toy->cpu->gpr[RSP] + 4 * index, 4); }

TEST(real_mode_pushes_three_words_and_goes_through_the_vector_table)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RSP] = 0x8000;
    cpu->rip = 0x1234;
    flags_write(cpu, 2 | FLAG_IF | FLAG_TF | FLAG_ZF);
    cpu->idtr.limit = 0x3ff;
    poke(toy, 0x21 * 4, 0x30000042, 4);
    interrupt_external(cpu, 0x21);
    CHECK_EQ(cpu->rip, 0x42);
    CHECK_EQ(cpu->seg[CS].base, 0x30000);
    CHECK_EQ(cpu->gpr[RSP], 0x7ffa);
    CHECK_EQ(peek(toy, 0x7ffa, 2), 0x1234);
    CHECK_EQ(peek(toy, 0x7ffc, 2), 0xf000);
    CHECK_EQ(peek(toy, 0x7ffe, 2), 2 | FLAG_IF | FLAG_TF | FLAG_ZF);
    CHECK_EQ(flags_get(cpu), 2 | FLAG_ZF);
    toy_destroy(toy);
}

TEST(real_mode_pushes_no_error_code)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RSP] = 0x8000;
    cpu->rip = 0x1234;
    deliver_fault(cpu, VECTOR_GP, true, 0);
    CHECK_EQ(cpu->gpr[RSP], 0x7ffa);
    CHECK_EQ(peek(toy, 0x7ffa, 2), 0x1234);
    toy_destroy(toy);
}

/* The level falls and rises again, as it may at any moment when another thread drives it; the first time there is nothing
 * to acknowledge. */
static int acknowledge_late(void *board)
{
    struct toy *toy = board;
    cpu_set_intr(toy->cpu, true);
    return toy->port_value++ ? 0x21 : -1;
}

TEST(a_halted_processor_executes_nothing_before_the_interrupt)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    struct cpu_bus bus = *cpu->bus;
    bus.acknowledge = acknowledge_late;
    cpu->bus = &bus;
    toy_set_gate(toy, 0x21, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    poke(toy, 0x5000, 0xfa40f4, 3); /* hlt; inc eax; cli */
    poke(toy, 0x6000, 0xf4, 1);
    cpu->gpr[RAX] = 0;
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    cpu_set_intr(cpu, true);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->rip, 0x5001);
    CHECK(cpu_has_work(cpu));
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 0);
    CHECK_EQ(cpu->rip, 0x6001);
    CHECK_EQ(stacked(toy, 0), 0x5001);
    toy_destroy(toy);
}

TEST(a_blocked_nmi_wakes_nobody)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    poke(toy, 0x5000, 0x40f4, 2); /* hlt; inc eax */
    cpu->gpr[RAX] = 0;
    cpu->nmi_blocked = true;
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    cpu_raise_nmi(cpu);
    CHECK(!cpu_has_work(cpu));
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 0);
    toy_destroy(toy);
}

TEST(an_interrupt_gate_clears_if_and_a_trap_gate_does_not)
{
    struct toy *toy = protected_toy(0);
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy_set_gate(toy, 0x31, toy_gate(TOY_CODE0, 0x7000, 0x8f, 0));
    interrupt_external(toy->cpu, 0x31);
    CHECK_EQ(toy->cpu->rip, 0x7000);
    CHECK_EQ(toy->cpu->rflags & FLAG_IF, FLAG_IF);
    interrupt_external(toy->cpu, 0x30);
    CHECK_EQ(toy->cpu->rip, 0x6000);
    CHECK_EQ(toy->cpu->rflags & FLAG_IF, 0);
    CHECK_EQ(stacked(toy, 0), 0x7000);
    toy_destroy(toy);
}

TEST(an_inner_handler_gets_the_stack_of_the_tss)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    deliver_fault(cpu, VECTOR_GP, true, 0x1234);
    CHECK_EQ(cpu->cpl, 0);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK0 - 24);
    CHECK_EQ(stacked(toy, 0), 0x1234);
    CHECK_EQ(stacked(toy, 1), 0x5000);
    CHECK_EQ(stacked(toy, 2), TOY_CODE3);
    CHECK_EQ(stacked(toy, 3), 2 | FLAG_IF | FLAG_CF | FLAG_RF); /* faults save RF = 1 */
    CHECK_EQ(stacked(toy, 4), TOY_STACK3);
    CHECK_EQ(stacked(toy, 5), TOY_DATA3);
    CHECK(!cpu->fault.delivering);
    toy_destroy(toy);
}

TEST(a_16_bit_gate_pushes_words)
{
    struct toy *toy = protected_toy(0);
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x86, 0));
    interrupt_external(toy->cpu, 0x30);
    CHECK_EQ(toy->cpu->gpr[RSP], TOY_STACK0 - 6);
    CHECK_EQ(peek(toy, TOY_STACK0 - 6, 2), 0x5000);
    toy_destroy(toy);
}

TEST(int_n_needs_a_gate_with_dpl_at_least_cpl)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x80, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CHECK_FAULT(cpu, interrupt_soft(cpu, 0x80, SOFT_INT_N), VECTOR_GP, 0x80 * 8 + 2);
    toy_set_gate(toy, 0x80, toy_gate(TOY_CODE0, 0x6000, 0xee, 0));
    CHECK_NO_FAULT(cpu, interrupt_soft(cpu, 0x80, SOFT_INT_N));
    CHECK_EQ(cpu->next_rip, 0x6000);
    CHECK_EQ(stacked(toy, 0), 0x5002);
    toy_destroy(toy);
}

TEST(errors_during_delivery_of_an_external_event_have_ext_set)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x0e, 0)); /* not present */
    CHECK_FAULT(cpu, interrupt_external(cpu, 0x30), VECTOR_NP, 0x30 * 8 + 3);
    cpu->fault.delivering = false;
    toy_set_gate(toy, 0x30, toy_gate(TOY_DATA0, 0x6000, 0x8e, 0));
    CHECK_FAULT(cpu, interrupt_external(cpu, 0x30), VECTOR_GP, TOY_DATA0 | 1);
    cpu->fault.delivering = false;
    toy_set_gate(toy, 0x30, toy_gate(0, 0x6000, 0x8e, 0));
    CHECK_FAULT(cpu, interrupt_external(cpu, 0x30), VECTOR_GP, 1);
    cpu->fault.delivering = false;
    cpu->idtr.limit = 0x30 * 8 + 6;
    CHECK_FAULT(cpu, interrupt_external(cpu, 0x30), VECTOR_GP, 0x30 * 8 + 3);
    toy_destroy(toy);
}

TEST(two_contributory_faults_make_a_double_fault_with_error_0)
{
    struct toy *toy = protected_toy(3);
    toy_set_gate(toy, VECTOR_DF, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    deliver_fault(toy->cpu, VECTOR_GP, true, 0x10); /* its gate is empty: #GP again */
    CHECK_EQ(toy->cpu->rip, 0x6000);
    CHECK_EQ(stacked(toy, 0), 0);
    CHECK_EQ(stacked(toy, 1), 0x5000);
    toy_destroy(toy);
}

TEST(a_benign_fault_is_followed_by_the_second_alone)
{
    struct toy *toy = protected_toy(3);
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    deliver_fault(toy->cpu, VECTOR_UD, false, 0);
    CHECK_EQ(toy->cpu->rip, 0x6000);
    CHECK_EQ(stacked(toy, 0), VECTOR_UD * 8 + 3);
    toy_destroy(toy);
}

TEST(a_fault_of_the_double_fault_handler_shuts_down)
{
    struct toy *toy = protected_toy(3);
    deliver_fault(toy->cpu, VECTOR_GP, true, 0);
    CHECK_EQ(toy->triple_faults, 1);
    CHECK_EQ(toy->cpu->activity, ACTIVITY_SHUTDOWN);
    CHECK_EQ(toy->cpu->rip, 0x5000);
    CHECK_EQ(toy->cpu->cpl, 3);
    toy_destroy(toy);
}

TEST(a_page_fault_on_the_new_stack_leaves_the_old_state)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    poke(toy, 0x10000, 0x11000 | 7, 4); /* pages 0-0x3ff, all but the stack's */
    for (unsigned i = 0; i < 1024; i++)
        poke(toy, 0x11000 + 4 * i, i << 12 | 7, 4);
    poke(toy, 0x11000 + 4 * ((TOY_STACK0 - 1) >> 12), 0, 4);
    cr3_write(cpu, 0x10000);
    cr0_write(cpu, CR0_PE | CR0_PG);
    toy_set_gate(toy, VECTOR_UD, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    cpu->fault.vector = VECTOR_UD;
    cpu->fault.has_error = false;
    CHECK_FAULT(cpu, interrupt_fault(cpu), VECTOR_PF, PF_W);
    CHECK_EQ(cpu->cr2, TOY_STACK0 - 4);
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->seg[SS].selector, TOY_DATA3);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK3);
    CHECK(cpu->fault.delivering);
    toy_destroy(toy);
}

/* --- virtual-8086 mode --- */

static struct toy *v86_toy(void)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    flags_write(cpu, 2 | FLAG_VM | FLAG_IF);
    for (enum seg seg = ES; seg <= GS; seg++)
        segment_set_v86(&cpu->seg[seg], 0x1000 + 0x10 * seg);
    cpu->gpr[RSP] = 0x200;
    cpu_update_mode(cpu);
    return toy;
}

TEST(from_virtual_8086_mode_nine_doublewords_are_saved)
{
    struct toy *toy = v86_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    interrupt_external(cpu, 0x30);
    CHECK(!in_v86_mode(cpu));
    CHECK_EQ(cpu->cpl, 0);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK0 - 36);
    static const u32 want[] = {0x5000, 0x1010, 2 | FLAG_VM | FLAG_IF, 0x200, 0x1020, 0x1000, 0x1030, 0x1040, 0x1050};
    for (unsigned i = 0; i < 9; i++)
        CHECK_EQ(stacked(toy, i), want[i]);
    CHECK_EQ(cpu->seg[DS].access, SEG_NULL);
    CHECK_EQ(cpu->seg[GS].access, SEG_NULL);
    toy_destroy(toy);
}

TEST(virtual_8086_mode_must_be_left_to_cpl_0)
{
    struct toy *toy = v86_toy();
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE3, 0x6000, 0xee, 0));
    CHECK_FAULT(toy->cpu, interrupt_external(toy->cpu, 0x30), VECTOR_GP, (TOY_CODE3 & 0xfffc) | 1);
    toy_destroy(toy);
}

TEST(int_n_in_virtual_8086_mode_needs_iopl_3)
{
    struct toy *toy = v86_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x80, toy_gate(TOY_CODE0, 0x6000, 0xee, 0));
    toy_set_gate(toy, VECTOR_BP, toy_gate(TOY_CODE0, 0x7000, 0xee, 0));
    CHECK_FAULT(cpu, interrupt_soft(cpu, 0x80, SOFT_INT_N), VECTOR_GP, 0);
    flags_write(cpu, 2 | FLAG_VM | FLAG_IOPL);
    CHECK_NO_FAULT(cpu, interrupt_soft(cpu, 0x80, SOFT_INT_N));
    CHECK_EQ(cpu->next_rip, 0x6000);
    toy_destroy(toy);
}

TEST(int3_in_virtual_8086_mode_does_not_look_at_iopl)
{
    struct toy *toy = v86_toy();
    toy_set_gate(toy, VECTOR_BP, toy_gate(TOY_CODE0, 0x7000, 0xee, 0));
    CHECK_NO_FAULT(toy->cpu, interrupt_soft(toy->cpu, VECTOR_BP, SOFT_INT3));
    CHECK_EQ(toy->cpu->next_rip, 0x7000);
    toy_destroy(toy);
}

TEST(vme_redirects_int_n_by_the_bitmap_below_the_io_map)
{
    struct toy *toy = v86_toy();
    struct cpu *cpu = toy->cpu;
    cr4_write(cpu, CR4_VME);
    flags_write(cpu, 2 | FLAG_VM | FLAG_VIF);
    poke(toy, TOY_TSS + 0x66, 0x100, 2);
    poke(toy, 0x21 * 4, 0x20000077, 4);
    CHECK_NO_FAULT(cpu, interrupt_soft(cpu, 0x21, SOFT_INT_N));
    CHECK(in_v86_mode(cpu));
    CHECK_EQ(cpu->next_rip, 0x77);
    CHECK_EQ(cpu->seg[CS].base, 0x20000);
    CHECK_EQ(flags_get(cpu), 2 | FLAG_VM);
    CHECK_EQ(peek(toy, 0x10200 + 0x200 - 2, 2), 2 | FLAG_IF | FLAG_IOPL); /* VIF stands for IF */
    poke(toy, TOY_TSS + 0x100 - 32 + 0x21 / 8, 1 << (0x21 % 8), 1);
    CHECK_FAULT(cpu, interrupt_soft(cpu, 0x21, SOFT_INT_N), VECTOR_GP, 0);
    toy_destroy(toy);
}

/* --- events of the loop, with code --- */

static void code(struct toy *toy, u32 at, const void *bytes, unsigned length) { memcpy(toy->ram + at, bytes, length); }
#define CODE(toy, at, ...)                                                                                             \
    do {                                                                                                               \
        static const u8 code_bytes[] = {__VA_ARGS__};                                                                  \
        code(toy, at, code_bytes, sizeof(code_bytes));                                                                 \
    } while (0)

TEST(sti_holds_interrupts_off_for_one_instruction)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0xfb, 0x40, 0x40); /* sti; inc eax; inc eax */
    CODE(toy, 0x6000, 0xf4);
    flags_write(cpu, 2);
    toy->vector = 0x30;
    cpu_set_intr(cpu, true);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 1);
    CHECK_EQ(stacked(toy, 0), 0x5002);
    toy_destroy(toy);
}

TEST(a_single_step_traps_after_each_instruction_with_bs)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0x40, 0x40); /* inc eax; inc eax */
    CODE(toy, 0x6000, 0xf4);
    flags_write(cpu, 2 | FLAG_TF);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 1);
    CHECK_EQ(cpu->dr[6], DR6_FIXED | DR6_BS);
    CHECK_EQ(stacked(toy, 0), 0x5001);
    CHECK_EQ(stacked(toy, 2) & FLAG_TF, FLAG_TF);
    CHECK_EQ(cpu->rflags & FLAG_TF, 0);
    toy_destroy(toy);
}

TEST(an_instruction_breakpoint_faults_before_and_rf_lets_it_pass)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0x40, 0x40, 0xf4);                         /* inc eax; inc eax; hlt */
    CODE(toy, 0x6000, 0x43, 0x81, 0x4c, 0x24, 8, 0, 0, 1, 0, 0xcf); /* inc ebx; or dword [esp+8], RF; iret */
    cpu->dr[0] = 0x5001;
    cpu->dr[7] = DR7_FIXED | 1;
    cpu_update_mode(cpu);
    flags_write(cpu, 2);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 2);
    CHECK_EQ(cpu->gpr[RBX], 1);
    CHECK_EQ(cpu->dr[6], DR6_FIXED | DR6_B0);
    toy_destroy(toy);
}

TEST(general_detect_faults_on_debug_register_moves_and_clears_gd)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0x0f, 0x21, 0xf0); /* mov eax, dr6 */
    CODE(toy, 0x6000, 0xf4);
    cpu->dr[7] = DR7_FIXED | DR7_GD;
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(stacked(toy, 0), 0x5000);
    CHECK_EQ(cpu->dr[6], DR6_FIXED | DR6_BD);
    CHECK_EQ(cpu->dr[7], DR7_FIXED);
    toy_destroy(toy);
}

TEST(a_data_breakpoint_traps_right_after_its_instruction)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_DB, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0xa2, 0x00, 0x70, 0, 0, 0x40, 0x40, 0xf4); /* mov [0x7000], al; inc eax; inc eax; hlt */
    CODE(toy, 0x6000, 0xf4);
    cpu->dr[0] = 0x7000;
    cpu->dr[7] = DR7_FIXED | 1 | 0x10000;
    cpu_update_mode(cpu);
    bool steps = cpu->mode & MODE_STEP;
    if (!steps)
        toy_destroy(toy);
    if (!steps)
        SKIP("data breakpoints do not make the loop step yet");
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 0);
    CHECK_EQ(stacked(toy, 0), 0x5005);
    toy_destroy(toy);
}

TEST(mov_ss_shadows_one_instruction)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0x8e, 0xd0, 0x43, 0x43); /* mov ss, ax; inc ebx; inc ebx */
    CODE(toy, 0x6000, 0xf4);
    cpu->gpr[RAX] = TOY_DATA0;
    toy->vector = 0x30;
    CHECK_EQ(cpu_run(cpu, 1), CPU_EXIT_BUDGET);
    cpu_set_intr(cpu, true);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RBX], 1);
    CHECK_EQ(stacked(toy, 0), 0x5003);
    toy_destroy(toy);
}

/* SDM vol. 2 "MOV": inhibits NMI as well until after the next instruction. */
TEST(mov_ss_shadows_nmi_too)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_NMI, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0x8e, 0xd0, 0x43, 0x43); /* mov ss, ax; inc ebx; inc ebx */
    CODE(toy, 0x6000, 0xf4);
    cpu->gpr[RAX] = TOY_DATA0;
    CHECK_EQ(cpu_run(cpu, 1), CPU_EXIT_BUDGET);
    cpu_raise_nmi(cpu);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RBX], 1);
    CHECK_EQ(stacked(toy, 0), 0x5003);
    toy_destroy(toy);
}

TEST(pop_ss_shadows_and_nmi_comes_before_the_interrupt)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_NMI, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x7000, 0x8e, 0));
    CODE(toy, 0x5000, 0x50, 0x17, 0x43, 0x43); /* push eax; pop ss; inc ebx; inc ebx */
    CODE(toy, 0x6000, 0xf4);
    cpu->gpr[RAX] = TOY_DATA0;
    toy->vector = 0x30;
    CHECK_EQ(cpu_run(cpu, 2), CPU_EXIT_BUDGET);
    cpu_set_intr(cpu, true);
    cpu_raise_nmi(cpu);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RBX], 1);
    CHECK_EQ(cpu->rip, 0x6001);
    CHECK_EQ(stacked(toy, 0), 0x5003);
    toy_destroy(toy);
}

TEST(a_fault_in_the_shadow_of_mov_ss_is_delivered)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_UD, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy_set_gate(toy, VECTOR_NMI, toy_gate(TOY_CODE0, 0x7000, 0x8e, 0));
    CODE(toy, 0x5000, 0x8e, 0xd0, 0x0f, 0x0b); /* mov ss, ax; ud2 */
    CODE(toy, 0x7000, 0xf4);
    cpu->gpr[RAX] = TOY_DATA0;
    CHECK_EQ(cpu_run(cpu, 1), CPU_EXIT_BUDGET);
    cpu_raise_nmi(cpu);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(stacked(toy, 0), 0x6000); /* the NMI, before the handler's first instruction */
    CHECK_EQ(stacked(toy, 3), 0x5002); /* the fault */
    toy_destroy(toy);
}

/* SDM vol. 2 "STI": the delay is for a change of IF from 0 to 1. */
TEST(sti_with_if_set_delays_nothing)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0xfb, 0x40, 0x40); /* sti; inc eax; inc eax */
    CODE(toy, 0x6000, 0xf4);
    flags_write(cpu, 2 | FLAG_IF);
    toy->vector = 0x30;
    CHECK_EQ(cpu_run(cpu, 1), CPU_EXIT_BUDGET);
    cpu_set_intr(cpu, true);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 0);
    CHECK_EQ(stacked(toy, 0), 0x5001);
    toy_destroy(toy);
}

TEST(sti_cli_opens_no_window)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, 0x30, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    CODE(toy, 0x5000, 0xfb, 0xfa, 0x40, 0xf4); /* sti; cli; inc eax; hlt */
    CODE(toy, 0x6000, 0xf4);
    flags_write(cpu, 2);
    toy->vector = 0x30;
    cpu_set_intr(cpu, true);
    CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->gpr[RAX], 1);
    CHECK_EQ(cpu->rip, 0x5004);
    toy_destroy(toy);
}

/* --- an x87 error that another engine made exception 16 --- */

static void take_back(struct toy *toy, u8 size)
{
    struct cpu *cpu = toy->cpu;
    cpu->rflags = flags_get(cpu);
    cpu->held.x87_error = true;
    cpu->held.undo = size;
    cpu->nmi_blocked = true;
    cpu_state_changed(cpu);
    cpu_run(cpu, 0);
    CHECK(!cpu->held.x87_error && !cpu->held.undo);
    CHECK(cpu->nmi_blocked); /* IRET would end that */
}

TEST(an_exception_of_real_mode_is_taken_back)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RSP] = 0x8000;
    cpu->rip = 0x1234;
    cpu->idtr.limit = 0x3ff;
    flags_write(cpu, 2 | FLAG_IF | FLAG_TF | FLAG_ZF);
    poke(toy, VECTOR_MF * 4, 0x30000042, 4);
    deliver_fault(cpu, VECTOR_MF, false, 0);
    CHECK_EQ(cpu->rip, 0x42);
    take_back(toy, 16);
    CHECK_EQ(cpu->rip, 0x1234);
    CHECK_EQ(cpu->seg[CS].selector, 0xf000);
    CHECK_EQ(cpu->gpr[RSP], 0x8000);
    CHECK_EQ(cpu->rflags, 2 | FLAG_IF | FLAG_TF | FLAG_ZF);
    toy_destroy(toy);
}

TEST(an_exception_of_user_code_is_taken_back)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    u64 sp = cpu->gpr[RSP];
    toy_set_gate(toy, VECTOR_MF, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    deliver_fault(cpu, VECTOR_MF, false, 0);
    CHECK_EQ(cpu->cpl, 0);
    take_back(toy, 32);
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->rip, 0x5000);
    CHECK_EQ(cpu->gpr[RSP], sp);
    CHECK_EQ(cpu->rflags, 2 | FLAG_IF | FLAG_CF); /* without the RF of the frame */
    toy_destroy(toy);
}

TEST(an_exception_of_virtual_8086_mode_is_taken_back)
{
    struct toy *toy = v86_toy();
    struct cpu *cpu = toy->cpu;
    u64 rip = cpu->rip, sp = cpu->gpr[RSP];
    u16 cs = cpu->seg[CS].selector;
    toy_set_gate(toy, VECTOR_MF, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    deliver_fault(cpu, VECTOR_MF, false, 0);
    CHECK(!in_v86_mode(cpu));
    take_back(toy, 32);
    CHECK(in_v86_mode(cpu));
    CHECK_EQ(cpu->rip, rip);
    CHECK_EQ(cpu->seg[CS].selector, cs);
    CHECK_EQ(cpu->gpr[RSP], sp);
    toy_destroy(toy);
}

UNIT_MAIN()
