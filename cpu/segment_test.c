/* Rules of segments: loading, privilege, limits.  Constants: Intel SDM vol. 3A, ch. "Protection". */
#include "cpu/toy_board.h"

#define FREE TOY_FREE

static struct toy *protected_toy(void)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    return toy;
}

/* Puts a descriptor into the first free slot. */
static void put(struct toy *toy, u32 base, u32 limit, u8 access, u8 flags)
{
    toy_set_descriptor(toy, FREE, toy_descriptor(base, limit, access, flags));
}

TEST(real_mode_base_is_selector_times_16_and_limit_stays)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    segment_load(cpu, DS, 0x1234);
    CHECK_EQ(cpu->seg[DS].base, 0x12340);
    CHECK_EQ(cpu->seg[DS].limit, 0xffff);
    CHECK_FAULT(cpu, load16(cpu, DS, 0xffff), VECTOR_GP, 0);
    CHECK_NO_FAULT(cpu, load16(cpu, DS, 0xfffe));
    CHECK_FAULT(cpu, load16(cpu, SS, 0xffff), VECTOR_SS, 0);
    toy_destroy(toy);
}

TEST(unreal_mode_keeps_a_4_gib_limit)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cr0_write(cpu, cpu->cr0 & ~(u64)CR0_PE);
    segment_load(cpu, DS, 0x100);
    CHECK_EQ(cpu->seg[DS].limit, 0xffffffff);
    poke(toy, 0x345678 + 0x1000, 0x42, 1);
    CHECK_EQ(load8(cpu, DS, 0x345678), 0x42);
    toy_destroy(toy);
}

TEST(virtual_8086_segments_have_64_kib_and_dpl_3)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->cpl = 3;
    flags_write(cpu, FLAG_VM | 2);
    segment_load(cpu, ES, 0xb800);
    CHECK_EQ(cpu->seg[ES].base, 0xb8000);
    CHECK_EQ(cpu->seg[ES].limit, 0xffff);
    CHECK_EQ(cpu->seg[ES].access, 0xf3);
    toy_destroy(toy);
}

TEST(loading_a_data_segment_sets_accessed_in_memory_once)
{
    struct toy *toy = protected_toy();
    put(toy, 0x123456, 0x789, 0x92, 4);
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE));
    CHECK_EQ(peek(toy, TOY_GDT + FREE + 5, 1), 0x93);
    CHECK_EQ(toy->cpu->seg[DS].base, 0x123456);
    CHECK_EQ(toy->cpu->seg[DS].limit, 0x789);
    CHECK_EQ(toy->cpu->seg[DS].access, SEG_P | SEG_S | SEG_WRITABLE | SEG_ACCESSED | SEG_DB);
    toy_destroy(toy);
}

TEST(page_granular_limits_end_with_fff)
{
    struct toy *toy = protected_toy();
    put(toy, 0, 0x12, 0x92, 0xc);
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, ES, FREE));
    CHECK_EQ(toy->cpu->seg[ES].limit, 0x12fff);
    toy_destroy(toy);
}

TEST(a_null_selector_loads_and_faults_when_used)
{
    struct toy *toy = protected_toy();
    for (unsigned i = 0; i < 4; i++)
        CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, FS, i));
    CHECK_FAULT(toy->cpu, load8(toy->cpu, FS, 0), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, SS, 0), VECTOR_GP, 0);
    toy_destroy(toy);
}

TEST(a_selector_beyond_the_table_faults_with_the_selector)
{
    struct toy *toy = protected_toy();
    toy->cpu->gdtr.limit = FREE + 6;
    put(toy, 0, 0xffff, 0x92, 0);
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE + 3), VECTOR_GP, FREE);
    toy->cpu->gdtr.limit = FREE + 7;
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE));
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, 0x14), VECTOR_GP, 0x14); /* no LDT */
    toy_destroy(toy);
}

TEST(data_segments_need_dpl_at_least_cpl_and_rpl)
{
    struct toy *toy = protected_toy();
    put(toy, 0, 0xffff, 0xd2, 0); /* DPL 2 */
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE | 2));
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE | 3), VECTOR_GP, FREE);
    toy_set_cpl(toy, 3);
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE), VECTOR_GP, FREE);
    put(toy, 0, 0xffff, 0x9e, 0); /* conforming readable code, DPL 0: anyone */
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE | 3));
    toy_destroy(toy);
}

TEST(only_readable_segments_load_into_data_registers)
{
    struct toy *toy = protected_toy();
    put(toy, 0, 0xffff, 0x98, 0); /* execute-only */
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE), VECTOR_GP, FREE);
    put(toy, 0, 0xffff, 0x89, 0); /* TSS */
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE), VECTOR_GP, FREE);
    put(toy, 0, 0xffff, 0x12, 0); /* not present */
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE), VECTOR_NP, FREE);
    toy_destroy(toy);
}

TEST(ss_needs_writable_data_with_dpl_and_rpl_equal_to_cpl)
{
    struct toy *toy = protected_toy();
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, SS, TOY_DATA0 | 1), VECTOR_GP, TOY_DATA0);
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, SS, TOY_DATA3), VECTOR_GP, TOY_DATA3 & 0xfffc);
    put(toy, 0, 0xffff, 0x90, 0); /* read-only */
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, SS, FREE), VECTOR_GP, FREE);
    put(toy, 0, 0xffff, 0x12, 0);
    CHECK_FAULT(toy->cpu, segment_load(toy->cpu, SS, FREE), VECTOR_SS, FREE);
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, SS, TOY_DATA0));
    toy_destroy(toy);
}

TEST(the_limit_is_the_last_byte)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    put(toy, 0x20000, 0x0fff, 0x92, 0);
    CHECK_NO_FAULT(cpu, segment_load(cpu, DS, FREE));
    CHECK_NO_FAULT(cpu, store32(cpu, DS, 0xffc, 1));
    CHECK_FAULT(cpu, store32(cpu, DS, 0xffd, 1), VECTOR_GP, 0);
    CHECK_FAULT(cpu, load8(cpu, DS, 0x1000), VECTOR_GP, 0);
    CHECK_EQ(peek(toy, 0x20ffc, 4), 1);
    toy_destroy(toy);
}

TEST(read_only_data_faults_on_stores)
{
    struct toy *toy = protected_toy();
    put(toy, 0, 0xffff, 0x90, 0);
    CHECK_NO_FAULT(toy->cpu, segment_load(toy->cpu, DS, FREE));
    CHECK_NO_FAULT(toy->cpu, load8(toy->cpu, DS, 5));
    CHECK_FAULT(toy->cpu, store8(toy->cpu, DS, 5, 0), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, check_write(toy->cpu, DS, 5, 1), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, store8(toy->cpu, CS, 5, 0), VECTOR_GP, 0);
    toy_destroy(toy);
}

TEST(expand_down_segments_begin_after_the_limit)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    put(toy, 0, 0x0fff, 0x96, 0); /* B = 0: up to 0xffff */
    CHECK_NO_FAULT(cpu, segment_load(cpu, SS, FREE));
    CHECK_FAULT(cpu, load8(cpu, SS, 0xfff), VECTOR_SS, 0);
    CHECK_NO_FAULT(cpu, load8(cpu, SS, 0x1000));
    CHECK_NO_FAULT(cpu, load8(cpu, SS, 0xffff));
    CHECK_FAULT(cpu, load16(cpu, SS, 0xffff), VECTOR_SS, 0);
    put(toy, 0, 0x0fff, 0x96, 4); /* B = 1: up to 4 GiB */
    CHECK_NO_FAULT(cpu, segment_load(cpu, SS, FREE));
    CHECK_NO_FAULT(cpu, load16(cpu, SS, 0xffff));
    toy_destroy(toy);
}

TEST(the_ldt_serves_selectors_with_ti)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    put(toy, 0x7000, 15, 0x82, 0);
    poke(toy, 0x7008, toy_descriptor(0x55000, 0xffff, 0x92, 0), 8);
    CHECK_NO_FAULT(cpu, ldtr_load(cpu, FREE, VECTOR_GP));
    CHECK_NO_FAULT(cpu, segment_load(cpu, DS, 0x0c));
    CHECK_EQ(cpu->seg[DS].base, 0x55000);
    CHECK_FAULT(cpu, segment_load(cpu, DS, 0x14), VECTOR_GP, 0x14);
    CHECK_FAULT(cpu, ldtr_load(cpu, 0x0c, VECTOR_GP), VECTOR_GP, 0x0c);
    CHECK_FAULT(cpu, ldtr_load(cpu, TOY_DATA0, VECTOR_GP), VECTOR_GP, TOY_DATA0);
    toy_destroy(toy);
}

TEST(ltr_marks_the_tss_busy_and_takes_no_busy_one)
{
    struct toy *toy = protected_toy();
    CHECK_EQ(peek(toy, TOY_GDT + TOY_TSS_SELECTOR + 5, 1), 0x8b);
    CHECK_FAULT(toy->cpu, tr_load(toy->cpu, TOY_TSS_SELECTOR), VECTOR_GP, TOY_TSS_SELECTOR);
    CHECK_FAULT(toy->cpu, tr_load(toy->cpu, 0), VECTOR_GP, 0);
    toy_destroy(toy);
}

UNIT_MAIN()
