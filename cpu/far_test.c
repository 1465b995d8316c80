/* Rules of far transfers.  Constants: Intel SDM vol. 2 "CALL", "RET", "IRET"; vol. 3A, "Call Gates". */
#include "cpu/toy_board.h"

static struct toy *protected_toy(unsigned cpl)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    toy_set_cpl(toy, cpl);
    toy->cpu->rip = 0x5000;
    toy->cpu->next_rip = 0x5007;
    return toy;
}

#define GATE TOY_FREE

static void push(struct cpu *cpu, u32 value)
{
    cpu->gpr[RSP] -= 4;
    store32(cpu, SS, cpu->gpr[RSP], value);
}

TEST(a_real_mode_far_call_pushes_cs_and_ip)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    cpu->next_rip = 0x1005;
    cpu->gpr[RSP] = 0x8000;
    far_call(cpu, 0x2000, 0x10, SIZE_16);
    CHECK_EQ(cpu->seg[CS].base, 0x20000);
    CHECK_EQ(cpu->next_rip, 0x10);
    CHECK_EQ(cpu->gpr[RSP], 0x7ffc);
    CHECK_EQ(peek(toy, 0x7ffc, 4), 0xf0001005);
    far_return(cpu, SIZE_16, 2);
    CHECK_EQ(cpu->seg[CS].selector, 0xf000);
    CHECK_EQ(cpu->seg[CS].base, 0xf0000);
    CHECK_EQ(cpu->next_rip, 0x1005);
    CHECK_EQ(cpu->gpr[RSP], 0x8002);
    toy_destroy(toy);
}

TEST(a_far_jump_checks_the_code_segment)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    CHECK_FAULT(cpu, far_jump(cpu, 0, 0, SIZE_32), VECTOR_GP, 0);
    CHECK_FAULT(cpu, far_jump(cpu, TOY_DATA0, 0, SIZE_32), VECTOR_GP, TOY_DATA0);
    CHECK_FAULT(cpu, far_jump(cpu, TOY_CODE3, 0, SIZE_32), VECTOR_GP, TOY_CODE3 & 0xfffc);
    toy_set_descriptor(toy, TOY_FREE, toy_descriptor(0, 0xfff, 0x1b, 4));
    CHECK_FAULT(cpu, far_jump(cpu, TOY_FREE, 0, SIZE_32), VECTOR_NP, TOY_FREE);
    toy_set_descriptor(toy, TOY_FREE, toy_descriptor(0, 0xfff, 0x9b, 4));
    CHECK_FAULT(cpu, far_jump(cpu, TOY_FREE, 0x1000, SIZE_32), VECTOR_GP, 0);
    CHECK_NO_FAULT(cpu, far_jump(cpu, TOY_FREE, 0xfff, SIZE_32));
    CHECK_EQ(cpu->next_rip, 0xfff);
    CHECK_EQ(cpu->seg[CS].limit, 0xfff);
    toy_destroy(toy);
}

TEST(conforming_code_runs_at_the_callers_privilege)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, TOY_FREE, toy_descriptor(0, 0xfffff, 0x9e, 0xc));
    CHECK_NO_FAULT(cpu, far_jump(cpu, TOY_FREE, 0x100, SIZE_32));
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->seg[CS].selector, TOY_FREE | 3);
    toy_destroy(toy);
}

TEST(a_call_gate_switches_stacks_and_copies_parameters)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, GATE, toy_gate(TOY_CODE0, 0x6000, 0xec, 2));
    push(cpu, 0x22222222);
    push(cpu, 0x11111111);
    CHECK_NO_FAULT(cpu, far_call(cpu, GATE | 3, 0xdeadbeef, SIZE_32));
    CHECK_EQ(cpu->cpl, 0);
    CHECK_EQ(cpu->seg[CS].selector, TOY_CODE0);
    CHECK_EQ(cpu->seg[SS].selector, TOY_DATA0);
    CHECK_EQ(cpu->next_rip, 0x6000);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK0 - 24);
    CHECK_EQ(peek(toy, TOY_STACK0 - 4, 4), TOY_DATA3);
    CHECK_EQ(peek(toy, TOY_STACK0 - 8, 4), TOY_STACK3 - 8);
    CHECK_EQ(peek(toy, TOY_STACK0 - 12, 4), 0x22222222);
    CHECK_EQ(peek(toy, TOY_STACK0 - 16, 4), 0x11111111);
    CHECK_EQ(peek(toy, TOY_STACK0 - 20, 4), TOY_CODE3);
    CHECK_EQ(peek(toy, TOY_STACK0 - 24, 4), 0x5007);
    CHECK_NO_FAULT(cpu, far_return(cpu, SIZE_32, 8));
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->next_rip, 0x5007);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK3); /* parameters are released on both stacks */
    toy_destroy(toy);
}

TEST(a_return_outward_nulls_data_segments_of_the_inner_level)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    segment_load(cpu, FS, TOY_DATA3);
    push(cpu, TOY_DATA3);
    push(cpu, TOY_STACK3);
    push(cpu, TOY_CODE3);
    push(cpu, 0x7000);
    CHECK_NO_FAULT(cpu, far_return(cpu, SIZE_32, 0));
    CHECK_EQ(cpu->seg[DS].access, SEG_NULL);
    CHECK_EQ(cpu->seg[DS].selector, 0);
    CHECK_EQ(cpu->seg[FS].selector, TOY_DATA3);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK3);
    toy_destroy(toy);
}

TEST(a_call_gate_needs_dpl_at_least_cpl_and_rpl)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, GATE, toy_gate(TOY_CODE0, 0x6000, 0xcc, 0)); /* DPL 2 */
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_GP, GATE);
    toy_set_descriptor(toy, GATE, toy_gate(TOY_CODE0, 0x6000, 0x6c, 0));
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_NP, GATE);
    toy_set_descriptor(toy, GATE, toy_gate(TOY_CODE0, 0x6000, 0xec, 0));
    CHECK_FAULT(cpu, far_jump(cpu, GATE, 0, SIZE_32), VECTOR_GP, TOY_CODE0); /* JMP never changes CPL */
    toy_destroy(toy);
}

TEST(a_bad_stack_in_the_tss_is_ts_or_ss)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, GATE, toy_gate(TOY_CODE0, 0x6000, 0xec, 0));
    poke(toy, TOY_TSS + 8, TOY_DATA3, 2);
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_TS, TOY_DATA3 & 0xfffc);
    poke(toy, TOY_TSS + 8, 0, 2);
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_TS, 0);
    poke(toy, TOY_TSS + 8, TOY_FREE + 8, 2);
    toy_set_descriptor(toy, TOY_FREE + 8, toy_descriptor(0, 0xfffff, 0x13, 0xc));
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_SS, TOY_FREE + 8);
    toy_set_descriptor(toy, TOY_FREE + 8, toy_descriptor(0, 0xff, 0x93, 4)); /* too small for the ESP in the TSS */
    CHECK_FAULT(cpu, far_call(cpu, GATE, 0, SIZE_32), VECTOR_SS, TOY_FREE + 8);
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK3);
    toy_destroy(toy);
}

TEST(a_fault_in_ret_changes_nothing)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    push(cpu, TOY_DATA0);
    push(cpu, 0x7000);
    CHECK_FAULT(cpu, far_return(cpu, SIZE_32, 0), VECTOR_GP, TOY_DATA0);
    CHECK_EQ(cpu->gpr[RSP], TOY_STACK0 - 8);
    CHECK_EQ(cpu->seg[CS].selector, TOY_CODE0);
    toy_destroy(toy);
}

TEST(a_return_to_an_inner_level_faults)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    push(cpu, TOY_CODE0);
    push(cpu, 0x7000);
    CHECK_FAULT(cpu, far_return(cpu, SIZE_32, 0), VECTOR_GP, TOY_CODE0);
    toy_destroy(toy);
}

TEST(iret_at_cpl_3_leaves_if_and_iopl_alone)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    flags_write(cpu, 2 | FLAG_IF);
    push(cpu, FLAG_IOPL | FLAG_CF | FLAG_ID | FLAG_VM | FLAG_VIF);
    push(cpu, TOY_CODE3);
    push(cpu, 0x7000);
    CHECK_NO_FAULT(cpu, interrupt_return(cpu, SIZE_32));
    CHECK_EQ(flags_get(cpu), 2 | FLAG_IF | FLAG_CF | FLAG_ID);
    CHECK_EQ(cpu->next_rip, 0x7000);
    toy_destroy(toy);
}

TEST(iret_at_cpl_0_with_vm_enters_virtual_8086_mode)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    static const u32 frame[] = {0x5555, 0x4444, 0x3333, 0x2222, 0x1111, 0xfffe, FLAG_VM | FLAG_IF | 2, 0x6666, 0x1234};
    for (unsigned i = 0; i < ARRAY_SIZE(frame); i++)
        push(cpu, frame[i]);
    CHECK_NO_FAULT(cpu, interrupt_return(cpu, SIZE_32));
    CHECK(in_v86_mode(cpu));
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->next_rip, 0x1234);
    CHECK_EQ(cpu->seg[CS].base, 0x66660);
    CHECK_EQ(cpu->seg[SS].base, 0x11110);
    CHECK_EQ(cpu->seg[ES].base, 0x22220);
    CHECK_EQ(cpu->seg[DS].base, 0x33330);
    CHECK_EQ(cpu->seg[FS].base, 0x44440);
    CHECK_EQ(cpu->seg[GS].base, 0x55550);
    CHECK_EQ(cpu->gpr[RSP], 0xfffe);
    toy_destroy(toy);
}

TEST(iret_to_a_16_bit_stack_keeps_the_upper_half_of_esp)
{
    struct toy *toy = protected_toy(0);
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, TOY_FREE, toy_descriptor(0, 0xffff, 0xf3, 0));
    cpu->gpr[RSP] = 0x00129000;
    push(cpu, TOY_FREE | 3);
    push(cpu, 0xabcd4000);
    push(cpu, 2);
    push(cpu, TOY_CODE3);
    push(cpu, 0x7000);
    CHECK_NO_FAULT(cpu, interrupt_return(cpu, SIZE_32));
    CHECK_EQ(cpu->gpr[RSP], 0x00124000);
    toy_destroy(toy);
}

TEST(virtual_8086_iret_needs_iopl_3_or_vme)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    flags_write(cpu, 2 | FLAG_VM);
    segment_set_v86(&cpu->seg[SS], 0x900);
    cpu->gpr[RSP] = 0x100;
    poke(toy, 0x9100, 0x1234, 2);
    poke(toy, 0x9102, 0x600, 2);
    poke(toy, 0x9104, FLAG_IF | FLAG_IOPL | FLAG_CF, 2);
    CHECK_FAULT(cpu, interrupt_return(cpu, SIZE_16), VECTOR_GP, 0);
    cr4_write(cpu, CR4_VME);
    CHECK_NO_FAULT(cpu, interrupt_return(cpu, SIZE_16));
    CHECK_EQ(flags_get(cpu), 2 | FLAG_VM | FLAG_VIF | FLAG_CF);
    CHECK_EQ(cpu->next_rip, 0x1234);
    CHECK_EQ(cpu->seg[CS].base, 0x6000);
    CHECK_EQ(cpu->gpr[RSP], 0x106);
    toy_destroy(toy);
}

TEST(vme_iret_with_if_while_vip_is_set_faults)
{
    struct toy *toy = protected_toy(3);
    struct cpu *cpu = toy->cpu;
    flags_write(cpu, 2 | FLAG_VM | FLAG_VIP);
    cr4_write(cpu, CR4_VME);
    segment_set_v86(&cpu->seg[SS], 0x900);
    cpu->gpr[RSP] = 0x100;
    poke(toy, 0x9104, FLAG_IF, 2);
    CHECK_FAULT(cpu, interrupt_return(cpu, SIZE_16), VECTOR_GP, 0);
    toy_destroy(toy);
}

UNIT_MAIN()
