/* Rules of hardware tasks and I/O permission.  Constants: Intel SDM vol. 3A, ch. "Task Management". */
#include "cpu/toy_board.h"

enum { TASK2 = TOY_FREE, TASK16 = TOY_FREE + 8, TASK_GATE = TOY_FREE + 16, TSS2 = 0x4000, TSS16 = 0x4800 };

static void poke_task32(struct toy *toy, u32 tss, u32 eip, u32 flags, unsigned cpl)
{
    poke(toy, tss + 0x20, eip, 4);
    poke(toy, tss + 0x24, flags, 4);
    for (unsigned i = 0; i < 8; i++)
        poke(toy, tss + 0x28 + 4 * i, 0x01010101u * (i + 1), 4);
    poke(toy, tss + 0x38, 0xb000, 4); /* ESP */
    for (unsigned i = 0; i < 6; i++)
        poke(toy, tss + 0x48 + 4 * i, cpl ? TOY_DATA3 : TOY_DATA0, 4);
    poke(toy, tss + 0x4c, cpl ? TOY_CODE3 : TOY_CODE0, 4);
    poke(toy, tss + 0x60, 0, 4);
}

static struct toy *task_toy(void)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    toy_protected_mode(toy);
    toy_set_descriptor(toy, TASK2, toy_descriptor(TSS2, 0x67, 0x89, 0));
    toy_set_descriptor(toy, TASK16, toy_descriptor(TSS16, 0x2b, 0x81, 0));
    toy_set_descriptor(toy, TASK_GATE, toy_gate(TASK2, 0, 0x85, 0));
    poke_task32(toy, TSS2, 0x7000, 2, 0);
    flags_write(cpu, 2 | FLAG_IF | FLAG_ZF);
    for (unsigned i = 0; i < 8; i++)
        if (i != RSP)
            cpu->gpr[i] = 0x100 + i;
    cpu->rip = 0x5000;
    cpu->next_rip = 0x5007;
    return toy;
}

static u8 access_of(const struct toy *toy, u16 selector) { return peek(toy, TOY_GDT + selector + 5, 1); }

TEST(jmp_saves_the_old_task_and_loads_the_new_one)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    CHECK_NO_FAULT(cpu, far_jump(cpu, TASK2, 0, SIZE_32));
    CHECK_EQ(peek(toy, TOY_TSS + 0x20, 4), 0x5007);
    CHECK_EQ(peek(toy, TOY_TSS + 0x24, 4), 2 | FLAG_IF | FLAG_ZF);
    CHECK_EQ(peek(toy, TOY_TSS + 0x28, 4), 0x100);
    CHECK_EQ(peek(toy, TOY_TSS + 0x38, 4), TOY_STACK0);
    CHECK_EQ(peek(toy, TOY_TSS + 0x4c, 2), TOY_CODE0);
    CHECK_EQ(cpu->next_rip, 0x7000);
    CHECK_EQ(cpu->gpr[RAX], 0x01010101);
    CHECK_EQ(cpu->gpr[RDI], 0x08080808);
    CHECK_EQ(cpu->gpr[RSP], 0xb000);
    CHECK_EQ(cpu->seg[TR].selector, TASK2);
    CHECK_EQ(cpu->cr0 & CR0_TS, CR0_TS);
    CHECK_EQ(flags_get(cpu), 2);
    CHECK_EQ(access_of(toy, TOY_TSS_SELECTOR), 0x89); /* the old one is free, the new one busy */
    CHECK_EQ(access_of(toy, TASK2), 0x8b);
    toy_destroy(toy);
}

TEST(call_nests_and_iret_returns)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    CHECK_NO_FAULT(cpu, far_call(cpu, TASK2, 0, SIZE_32));
    CHECK_EQ(cpu->rflags & FLAG_NT, FLAG_NT);
    CHECK_EQ(peek(toy, TSS2, 2), TOY_TSS_SELECTOR);
    CHECK_EQ(access_of(toy, TOY_TSS_SELECTOR), 0x8b);
    cpu->next_rip = 0x7001;
    CHECK_NO_FAULT(cpu, interrupt_return(cpu, SIZE_32));
    CHECK_EQ(cpu->seg[TR].selector, TOY_TSS_SELECTOR);
    CHECK_EQ(cpu->next_rip, 0x5007);
    CHECK_EQ(cpu->gpr[RBX], 0x100 + RBX);
    CHECK_EQ(flags_get(cpu), 2 | FLAG_IF | FLAG_ZF);
    CHECK_EQ(access_of(toy, TASK2), 0x89);
    CHECK_EQ(access_of(toy, TOY_TSS_SELECTOR), 0x8b);
    CHECK_EQ(peek(toy, TSS2 + 0x20, 4), 0x7001);
    CHECK_EQ(peek(toy, TSS2 + 0x24, 4) & FLAG_NT, 0); /* saved with NT clear */
    toy_destroy(toy);
}

TEST(a_busy_task_cannot_be_entered)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    CHECK_FAULT(cpu, far_jump(cpu, TOY_TSS_SELECTOR, 0, SIZE_32), VECTOR_GP, TOY_TSS_SELECTOR);
    toy_destroy(toy);
}

TEST(a_tss_below_103_bytes_limit_is_ts)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, TASK2, toy_descriptor(TSS2, 0x66, 0x89, 0));
    CHECK_FAULT(cpu, far_jump(cpu, TASK2, 0, SIZE_32), VECTOR_TS, TASK2);
    CHECK_EQ(cpu->seg[TR].selector, TOY_TSS_SELECTOR);
    toy_set_descriptor(toy, TASK2, toy_descriptor(TSS2, 0x67, 0x09, 0));
    CHECK_FAULT(cpu, far_jump(cpu, TASK2, 0, SIZE_32), VECTOR_NP, TASK2);
    toy_destroy(toy);
}

TEST(a_bad_segment_of_the_new_task_faults_in_the_new_task)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TSS2 + 0x50, TOY_CODE0, 4); /* SS */
    CHECK_FAULT(cpu, far_jump(cpu, TASK2, 0, SIZE_32), VECTOR_TS, TOY_CODE0);
    CHECK_EQ(cpu->seg[TR].selector, TASK2);
    CHECK_EQ(cpu->rip, 0x7000);
    CHECK_EQ(cpu->gpr[RAX], 0x01010101);
    toy_destroy(toy);
}

TEST(a_16_bit_tss_has_words_and_no_fs_gs_cr3)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TSS16 + 0x0e, 0x7100, 2);
    poke(toy, TSS16 + 0x10, 2, 2);
    poke(toy, TSS16 + 0x12, 0xaaaa, 2);
    poke(toy, TSS16 + 0x1a, 0xb000, 2);
    poke(toy, TSS16 + 0x22, TOY_DATA0, 2);
    poke(toy, TSS16 + 0x24, TOY_CODE0, 2);
    poke(toy, TSS16 + 0x26, TOY_DATA0, 2);
    poke(toy, TSS16 + 0x28, TOY_DATA0, 2);
    CHECK_NO_FAULT(cpu, far_jump(cpu, TASK16, 0, SIZE_32));
    CHECK_EQ(cpu->next_rip, 0x7100);
    CHECK_EQ(cpu->gpr[RAX], 0xaaaa);
    CHECK_EQ(cpu->gpr[RSP], 0xb000);
    CHECK_EQ(cpu->seg[FS].access, SEG_NULL);
    cpu->next_rip = 0x7102;
    CHECK_NO_FAULT(cpu, far_jump(cpu, TOY_TSS_SELECTOR, 0, SIZE_32));
    CHECK_EQ(peek(toy, TSS16 + 0x0e, 2), 0x7102);
    CHECK_EQ(cpu->next_rip, 0x5007);
    toy_destroy(toy);
}

TEST(a_fault_through_a_task_gate_pushes_its_error_on_the_new_stack)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_GP, toy_gate(TASK2, 0, 0x85, 0));
    cpu->fault.vector = VECTOR_GP;
    cpu->fault.has_error = true;
    cpu->fault.error = 0x48;
    cpu->fault.delivering = false;
    interrupt_fault(cpu);
    CHECK_EQ(cpu->rip, 0x7000);
    CHECK_EQ(cpu->gpr[RSP], 0xb000 - 4);
    CHECK_EQ(peek(toy, 0xb000 - 4, 4), 0x48);
    CHECK_EQ(peek(toy, TOY_TSS + 0x20, 4), 0x5000); /* a fault: the instruction itself */
    CHECK_EQ(cpu->rflags & FLAG_NT, FLAG_NT);
    toy_destroy(toy);
}

TEST(a_task_gate_in_the_gdt_serves_jmp)
{
    struct toy *toy = task_toy();
    CHECK_NO_FAULT(toy->cpu, far_jump(toy->cpu, TASK_GATE, 0, SIZE_32));
    CHECK_EQ(toy->cpu->seg[TR].selector, TASK2);
    toy_destroy(toy);
}

TEST(a_task_with_vm_enters_virtual_8086_mode)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TSS2 + 0x24, 2 | FLAG_VM, 4);
    poke(toy, TSS2 + 0x4c, 0x1234, 4);
    CHECK_NO_FAULT(cpu, far_jump(cpu, TASK2, 0, SIZE_32));
    CHECK(in_v86_mode(cpu));
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->seg[CS].base, 0x12340);
    toy_destroy(toy);
}

TEST(the_t_bit_traps_before_the_first_instruction)
{
    struct toy *toy = task_toy();
    poke(toy, TSS2 + 0x64, 1, 2);
    CHECK_NO_FAULT(toy->cpu, far_jump(toy->cpu, TASK2, 0, SIZE_32));
    CHECK_EQ(toy->cpu->pending_dr6, DR6_BT);
    toy_destroy(toy);
}

/* --- I/O permission --- */

TEST(ports_are_free_up_to_iopl_and_by_the_map_beyond)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TOY_TSS + 0x66, 0x68, 2);
    memset(toy->ram + TOY_TSS + 0x68, 0, 0x2000);
    poke(toy, TOY_TSS + 0x68 + 0x80 / 8, 0x02, 1); /* port 0x81 */
    CHECK_NO_FAULT(cpu, io_check(cpu, 0x81, 1));
    toy_set_cpl(toy, 3);
    CHECK_NO_FAULT(cpu, io_check(cpu, 0x80, 1));
    CHECK_FAULT(cpu, io_check(cpu, 0x81, 1), VECTOR_GP, 0);
    CHECK_FAULT(cpu, io_check(cpu, 0x80, 2), VECTOR_GP, 0);
    CHECK_FAULT(cpu, io_check(cpu, 0x7e, 4), VECTOR_GP, 0); /* four bytes cross a byte of the map */
    CHECK_NO_FAULT(cpu, io_check(cpu, 0x7d, 4));
    flags_write(cpu, 2 | FLAG_IOPL);
    CHECK_NO_FAULT(cpu, io_check(cpu, 0x81, 1));
    toy_destroy(toy);
}

TEST(a_map_beyond_the_tss_limit_denies)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TOY_TSS + 0x66, 0x2060, 2); /* limit 0x2067: ports 0-0x37 are inside, two bytes each */
    toy_set_cpl(toy, 3);
    CHECK_NO_FAULT(cpu, io_check(cpu, 0x37, 1));
    CHECK_FAULT(cpu, io_check(cpu, 0x38, 1), VECTOR_GP, 0);
    toy_destroy(toy);
}

TEST(virtual_8086_mode_asks_the_map_even_with_iopl_3)
{
    struct toy *toy = task_toy();
    struct cpu *cpu = toy->cpu;
    poke(toy, TOY_TSS + 0x66, 0x68, 2);
    poke(toy, TOY_TSS + 0x68, 1, 1);
    cpu->cpl = 3;
    flags_write(cpu, 2 | FLAG_VM | FLAG_IOPL);
    CHECK_FAULT(cpu, io_check(cpu, 0, 1), VECTOR_GP, 0);
    CHECK_NO_FAULT(cpu, io_check(cpu, 1, 1));
    toy_destroy(toy);
}

UNIT_MAIN()
