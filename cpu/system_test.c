/* Rules of reset, control registers, MSRs, CPUID and flags.  Constants: Intel SDM vol. 2 and 3A, sections as named. */
#include "cpu/toy_board.h"

static struct toy *protected_toy(void)
{
    struct toy *toy = toy_create("qemu32", NULL);
    toy_protected_mode(toy);
    return toy;
}

static void code(struct toy *toy, const u8 *bytes, unsigned length)
{
    memcpy(toy->ram + 0x5000, bytes, length);
    toy->ram[0x5000 + length] = 0xf4; /* hlt */
    set_rip(toy->cpu, 0x5000);
}
#define RUN(toy, ...)                                                                                                  \
    do {                                                                                                               \
        static const u8 code_bytes[] = {__VA_ARGS__};                                                                  \
        code(toy, code_bytes, sizeof(code_bytes));                                                                     \
        CHECK_EQ(cpu_run((toy)->cpu, 1000), CPU_EXIT_HALTED);                                                          \
        (toy)->cpu->activity = ACTIVITY_ACTIVE;                                                                        \
    } while (0)

/* "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT" */
TEST(reset_state_is_that_of_the_manual)
{
    struct toy *toy = toy_create("pentium3", NULL);
    struct cpu *cpu = toy->cpu;
    CHECK_EQ(cpu->rip, 0xfff0);
    CHECK_EQ(flags_get(cpu), 2);
    CHECK_EQ(cpu->cr0, 0x60000010);
    CHECK_EQ(cpu->seg[CS].selector, 0xf000);
    CHECK_EQ(cpu->seg[CS].base, 0xffff0000);
    CHECK_EQ(cpu->seg[CS].limit, 0xffff);
    CHECK_EQ(cpu->seg[DS].limit, 0xffff);
    CHECK_EQ(cpu->gpr[RDX], 0x673);
    CHECK_EQ(cpu->dr[6], 0xffff0ff0);
    CHECK_EQ(cpu->dr[7], 0x400);
    CHECK_EQ(cpu->fpu.control, 0x40);
    CHECK_EQ(cpu->mxcsr, 0x1f80);
    CHECK_EQ(cpu->pat, 0x0007040600070406);
    CHECK_EQ(cpu->idtr.limit, 0xffff);
    toy_destroy(toy);
}

TEST(the_time_stamp_counter_starts_at_0_with_reset)
{
    struct toy *toy = protected_toy();
    toy->tsc = 1000;
    cpu_reset(toy->cpu);
    toy->tsc = 1234;
    CHECK_EQ(tsc_read(toy->cpu), 234);
    CHECK(msr_write(toy->cpu, 0x10, 5));
    toy->tsc = 1235;
    CHECK_EQ(tsc_read(toy->cpu), 6);
    toy_destroy(toy);
}

/* --- control registers --- */

TEST(paging_without_protection_is_refused)
{
    struct toy *toy = toy_create("qemu32", NULL);
    CHECK_FAULT(toy->cpu, cr0_write(toy->cpu, CR0_PG), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, cr0_write(toy->cpu, CR0_NW), VECTOR_GP, 0);
    CHECK_NO_FAULT(toy->cpu, cr0_write(toy->cpu, CR0_CD | CR0_NW));
    CHECK_EQ(toy->cpu->cr0, CR0_CD | CR0_NW | CR0_ET);
    toy_destroy(toy);
}

TEST(cr4_bits_of_absent_features_are_refused)
{
    struct toy *toy = toy_create("pentium", NULL);
    CHECK_NO_FAULT(toy->cpu, cr4_write(toy->cpu, CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE));
    CHECK_FAULT(toy->cpu, cr4_write(toy->cpu, CR4_PAE), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, cr4_write(toy->cpu, CR4_OSFXSR), VECTOR_GP, 0);
    CHECK_FAULT(toy->cpu, cr4_write(toy->cpu, 1u << 31), VECTOR_GP, 0);
    toy_destroy(toy);
}

TEST(lmsw_sets_pe_and_cannot_clear_it)
{
    struct toy *toy = protected_toy();
    toy->cpu->gpr[RAX] = CR0_TS;
    RUN(toy, 0x0f, 0x01, 0xf0, 0x0f, 0x01, 0xe3); /* lmsw ax; smsw ebx */
    CHECK_EQ(toy->cpu->cr0 & 0xf, CR0_PE | CR0_TS);
    CHECK_EQ(toy->cpu->gpr[RBX], toy->cpu->cr0);
    toy_destroy(toy);
}

TEST(real_mode_code_enters_protected_mode)
{
    struct toy *toy = toy_create("qemu32", NULL);
    struct cpu *cpu = toy->cpu;
    poke(toy, 0x1008, toy_descriptor(0, 0xfffff, 0x9b, 0xc), 8);
    poke(toy, 0x7000, 0x1000000f, 6); /* GDTR image: limit 0xf, base 0x1000 */
    segment_load(cpu, DS, 0);
    segment_set_real(&cpu->seg[CS], 0);
    cpu_update_mode(cpu);
    /* lgdt [0x7000]; mov eax, cr0; inc ax; mov cr0, eax; jmp 8:0x5014; (32-bit) mov ebx, 0x12345678 */
    RUN(toy, 0x0f, 0x01, 0x16, 0x00, 0x70, 0x0f, 0x20, 0xc0, 0x40, 0x0f, 0x22, 0xc0, 0xea, 0x11, 0x50, 0x08, 0x00,
        0xbb, 0x78, 0x56, 0x34, 0x12);
    CHECK_EQ(cpu->gdtr.limit, 0xf);
    CHECK_EQ(cpu->gdtr.base, 0x1000);
    CHECK_EQ(cpu->seg[CS].selector, 8);
    CHECK_EQ(cpu->gpr[RBX], 0x12345678);
    toy_destroy(toy);
}

TEST(privileged_instructions_fault_at_cpl_3)
{
    static const u8 instructions[][3] = {
        {0xf4},             {0x0f, 0x06},       {0x0f, 0x08},       {0x0f, 0x09},       {0x0f, 0x20, 0xc0},
        {0x0f, 0x22, 0xc0}, {0x0f, 0x21, 0xc0}, {0x0f, 0x23, 0xc0}, {0x0f, 0x30},       {0x0f, 0x32},
        {0x0f, 0x01, 0xf0}, {0x0f, 0x01, 0x10}, {0x0f, 0x01, 0x18}, {0x0f, 0x01, 0x38}, {0x0f, 0x00, 0xd0},
        {0x0f, 0x00, 0xd8}, {0xfa},             {0xfb},             {0x0f, 0x35},
    };
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->ram[0x6000] = 0xf4;
    for (unsigned i = 0; i < ARRAY_SIZE(instructions); i++) {
        toy_set_cpl(toy, 3);
        cpu->gpr[RAX] = 0x7000;
        memcpy(toy->ram + 0x5100 + 0x10 * i, instructions[i], 3);
        set_rip(cpu, 0x5100 + 0x10 * i);
        CHECK_EQ(cpu_run(cpu, 100), CPU_EXIT_HALTED);
        CHECK_EQ(cpu->rip, 0x6001);
        CHECK_EQ(peek(toy, cpu->gpr[RSP] + 4, 4), 0x5100 + 0x10 * i);
        cpu->activity = ACTIVITY_ACTIVE;
    }
    toy_destroy(toy);
}

/* --- flags --- */

TEST(popf_at_cpl_3_with_iopl_0_leaves_if_and_iopl)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->ram[0x6000] = 0xf4;
    toy_set_cpl(toy, 3);
    cpu->gpr[RAX] = FLAG_IF | FLAG_IOPL | FLAG_CF | FLAG_VM | FLAG_RF;
    RUN(toy, 0x50, 0x9d, 0x9c, 0x5b); /* push eax; popf; pushf; pop ebx */
    CHECK_EQ(cpu->gpr[RBX], 2 | FLAG_CF);
    toy_destroy(toy);
}

TEST(ac_and_id_tell_the_generation)
{
    static const struct {
        const char *model;
        u32 want;
    } rows[] = {{"386", 0}, {"486", FLAG_AC | FLAG_ID}, {"pentium", FLAG_AC | FLAG_ID}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct toy *toy = toy_create(rows[i].model, NULL);
        toy_protected_mode(toy);
        toy->cpu->gpr[RAX] = FLAG_AC | FLAG_ID;
        RUN(toy, 0x50, 0x9d, 0x9c, 0x5b);
        CHECK_EQ(toy->cpu->gpr[RBX], rows[i].want | 2);
        toy_destroy(toy);
    }
}

TEST(pvi_gives_cpl_3_a_virtual_interrupt_flag)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->ram[0x6000] = 0xf4;
    cr4_write(cpu, CR4_PVI);
    flags_write(cpu, 2 | FLAG_IF);
    toy_set_cpl(toy, 3);
    RUN(toy, 0xfb, 0x9c, 0x5b, 0xfa, 0x9c, 0x59); /* sti; pushf; pop ebx; cli; pushf; pop ecx */
    CHECK_EQ(cpu->gpr[RBX], 2 | FLAG_IF | FLAG_VIF);
    CHECK_EQ(cpu->gpr[RCX], 2 | FLAG_IF);
    toy_destroy(toy);
}

/* --- looking at descriptors --- */

TEST(lar_and_lsl_give_rights_and_limit_and_set_zf)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RAX] = TOY_CODE3;
    RUN(toy, 0x0f, 0x02, 0xd8, 0x0f, 0x03, 0xc8); /* lar ebx, ax; lsl ecx, ax */
    CHECK_EQ(cpu->gpr[RBX], 0x00cffb00);
    CHECK_EQ(cpu->gpr[RCX], 0xffffffff);
    CHECK_EQ(flags_get(cpu) & FLAG_ZF, FLAG_ZF);
    toy_destroy(toy);
}

TEST(lar_of_an_invisible_descriptor_clears_zf_and_writes_nothing)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RAX] = TOY_DATA0 | 3;
    cpu->gpr[RBX] = 0x55;
    flags_write(cpu, 2 | FLAG_ZF);
    RUN(toy, 0x0f, 0x02, 0xd8);
    CHECK_EQ(cpu->gpr[RBX], 0x55);
    CHECK_EQ(flags_get(cpu) & FLAG_ZF, 0);
    toy_destroy(toy);
}

TEST(verw_needs_writable_data_and_verr_readable)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RAX] = TOY_CODE0;
    RUN(toy, 0x0f, 0x00, 0xe0, 0x0f, 0x94, 0xc3, 0x0f, 0x00, 0xe8, 0x0f, 0x94, 0xc1); /* verr; sete bl; verw; sete cl */
    CHECK_EQ(cpu->gpr[RBX] & 0xff, 1);
    CHECK_EQ(cpu->gpr[RCX] & 0xff, 0);
    toy_destroy(toy);
}

TEST(arpl_raises_rpl)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->gpr[RAX] = 0x1230;
    cpu->gpr[RBX] = 0x0003;
    RUN(toy, 0x63, 0xd8); /* arpl ax, bx */
    CHECK_EQ(cpu->gpr[RAX], 0x1233);
    CHECK_EQ(flags_get(cpu) & FLAG_ZF, FLAG_ZF);
    toy_destroy(toy);
}

/* --- fast system calls --- */

TEST(sysenter_and_sysexit_use_flat_segments_beside_sysenter_cs)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    CHECK(msr_write(cpu, 0x174, 0x60));
    CHECK(msr_write(cpu, 0x175, 0x8800));
    CHECK(msr_write(cpu, 0x176, 0x6000));
    flags_write(cpu, 2 | FLAG_IF);
    toy_set_cpl(toy, 3);
    toy->ram[0x6000] = 0xf4;
    memcpy(toy->ram + 0x5000, "\x0f\x34", 2);
    set_rip(cpu, 0x5000);
    CHECK_EQ(cpu_run(cpu, 10), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->cpl, 0);
    CHECK_EQ(cpu->seg[CS].selector, 0x60);
    CHECK_EQ(cpu->seg[SS].selector, 0x68);
    CHECK_EQ(cpu->seg[SS].limit, 0xffffffff);
    CHECK_EQ(cpu->gpr[RSP], 0x8800);
    CHECK_EQ(cpu->rflags & FLAG_IF, 0);
    cpu->activity = ACTIVITY_ACTIVE;
    cpu->gpr[RCX] = 0xa000;
    cpu->gpr[RDX] = 0x5010;
    memcpy(toy->ram + 0x6001, "\x0f\x35", 2);
    CHECK_EQ(cpu_run(cpu, 1), CPU_EXIT_BUDGET);
    CHECK_EQ(cpu->cpl, 3);
    CHECK_EQ(cpu->seg[CS].selector, 0x73);
    CHECK_EQ(cpu->seg[SS].selector, 0x7b);
    CHECK_EQ(cpu->rip, 0x5010);
    CHECK_EQ(cpu->gpr[RSP], 0xa000);
    toy_destroy(toy);
}

TEST(sysenter_without_a_code_selector_is_gp)
{
    struct toy *toy = protected_toy();
    toy_set_gate(toy, VECTOR_GP, toy_gate(TOY_CODE0, 0x6000, 0x8e, 0));
    toy->ram[0x6000] = 0xf4;
    RUN(toy, 0x0f, 0x34);
    CHECK_EQ(toy->cpu->rip, 0x6001);
    toy_destroy(toy);
}

/* --- MSRs and CPUID --- */

TEST(unknown_msrs_and_bad_values_are_refused)
{
    struct toy *toy = protected_toy();
    u64 value;
    CHECK(!msr_read(toy->cpu, 0x12345678, &value));
    CHECK(!msr_write(toy->cpu, 0x277, 0x0202020202020202)); /* PAT: type 2 is reserved */
    CHECK(!msr_write(toy->cpu, 0xc0000080, EFER_LME));      /* no long mode yet */
    CHECK(!msr_write(toy->cpu, 0x200, 0x03));               /* MTRR: type 3 is reserved */
    CHECK(msr_write(toy->cpu, 0x200, 0x80000006));
    CHECK(msr_read(toy->cpu, 0x200, &value));
    CHECK_EQ(value, 0x80000006);
    CHECK(msr_read(toy->cpu, 0xfe, &value));
    CHECK_EQ(value & 0xff, 8);
    toy_destroy(toy);
}

TEST(cpuid_tells_vendor_signature_and_features)
{
    struct toy *toy = toy_create("pentium3", NULL);
    u32 out[4];
    cpuid_leaf(toy->cpu, 0, 0, out);
    CHECK_EQ(out[0], 3);
    CHECK(!memcmp(&out[1], "Genu", 4) && !memcmp(&out[3], "ineI", 4) && !memcmp(&out[2], "ntel", 4));
    cpuid_leaf(toy->cpu, 1, 0, out);
    CHECK_EQ(out[0], 0x673);
    CHECK_EQ(out[3] & 0x06000000, 0x02000000); /* SSE, no SSE2 */
    CHECK_EQ(out[3] >> 9 & 1, 1);              /* APIC */
    toy_destroy(toy);
}

/* "Local APIC Status and Location", "Detecting and Enabling": the CPUID bit follows the global enable. */
TEST(apic_base_tells_the_apic_and_hides_it_from_cpuid)
{
    struct toy *toy = toy_create("pentium3", NULL);
    u64 value;
    u32 out[4];
    CHECK(msr_read(toy->cpu, 0x1b, &value));
    CHECK_EQ(value, 0xfee00900);
    CHECK(!msr_write(toy->cpu, 0x1b, 0xfee00d00)); /* no x2APIC */
    CHECK(msr_write(toy->cpu, 0x1b, 0xfe000100));
    CHECK_EQ(toy->apic[CPU_APIC_BASE], 0xfe000100);
    cpuid_leaf(toy->cpu, 1, 0, out);
    CHECK_EQ(out[3] >> 9 & 1, 0);
    toy_destroy(toy);
}

/* "TSC-Deadline Mode" */
TEST(tsc_deadline_counts_in_the_guest_s_tsc)
{
    struct toy *toy = toy_create("max", NULL);
    u64 value;
    toy->tsc = 1000;
    CHECK(msr_write(toy->cpu, 0x10, 50000)); /* the guest is 49000 ahead */
    CHECK(msr_write(toy->cpu, 0x6e0, 50500));
    CHECK_EQ(toy->apic[CPU_APIC_DEADLINE], 1500);
    CHECK(msr_read(toy->cpu, 0x6e0, &value));
    CHECK_EQ(value, 50500);
    CHECK(msr_write(toy->cpu, 0x10, 50400)); /* now 100 to go */
    CHECK_EQ(toy->apic[CPU_APIC_DEADLINE], 1100);
    CHECK(msr_write(toy->cpu, 0x6e0, 7)); /* long ago: at once */
    CHECK_EQ(toy->apic[CPU_APIC_DEADLINE], 1);
    CHECK(msr_write(toy->cpu, 0x6e0, 0));
    CHECK_EQ(toy->apic[CPU_APIC_DEADLINE], 0);
    toy_destroy(toy);
    toy = toy_create("pentium3", NULL);
    CHECK(!msr_read(toy->cpu, 0x6e0, &value));
    toy_destroy(toy);
}

/* "Processor States Following Power-up, Reset, or INIT"; "MP Initialization Protocol" */
TEST(init_keeps_fpu_msrs_and_cache_bits_and_the_bootstrap_processor_starts_anew)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->mxcsr = 0x1fa0;
    cpu->cr0 &= ~(u64)CR0_NW;
    cpu->cr0 |= CR0_CD;
    cpu->sysenter_cs = 8;
    cpu_raise_init(cpu);
    cpu_run(cpu, 0);
    CHECK_EQ(cpu->cr0, CR0_CD | CR0_ET);
    CHECK_EQ(cpu->rip, 0xfff0);
    CHECK_EQ(cpu->seg[CS].base, 0xffff0000);
    CHECK_EQ(cpu->mxcsr, 0x1fa0);
    CHECK_EQ(cpu->sysenter_cs, 8);
    CHECK_EQ(cpu->activity, ACTIVITY_ACTIVE);
    toy_destroy(toy);
}

TEST(an_application_processor_waits_for_its_startup_vector)
{
    struct toy *toy = protected_toy();
    struct cpu *cpu = toy->cpu;
    cpu->apic_base &= ~0x100ull;
    cpu_start_up(cpu, 0x12); /* ignored: it is not waiting */
    toy->ram[0x9000] = 0xf4;
    cpu_raise_init(cpu);
    CHECK_EQ(cpu_run(cpu, 10), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->activity, ACTIVITY_WAIT_SIPI);
    CHECK(!cpu_has_work(cpu));
    cpu_start_up(cpu, 0x09);
    CHECK(cpu_has_work(cpu));
    CHECK_EQ(cpu_run(cpu, 10), CPU_EXIT_HALTED);
    CHECK_EQ(cpu->seg[CS].selector, 0x900);
    CHECK_EQ(cpu->rip, 1);
    toy_destroy(toy);
}

/* SDM, "CPUID", leaf 04H: size = ways x partitions x line x sets, each field one less; type 0 ends the list. */
TEST(cpuid_leaf_4_lists_the_caches)
{
    static const u32 kinds[] = {0x21, 0x22, 0x43, 0x63}, sizes[] = {32 << 10, 32 << 10, 2 << 20, 16 << 20};
    struct toy *toy = toy_create("qemu32", NULL);
    u32 out[4];
    for (unsigned i = 0; i < 4; i++) {
        cpuid_leaf(toy->cpu, 4, i, out);
        CHECK_EQ(out[0] & 0xff, kinds[i]);
        CHECK_EQ(((out[1] >> 22) + 1) * ((out[1] >> 12 & 0x3ff) + 1) * ((out[1] & 0xfff) + 1) * (out[2] + 1), sizes[i]);
    }
    cpuid_leaf(toy->cpu, 4, 4, out);
    CHECK_EQ(out[0] & 0x1f, 0);
    toy_destroy(toy);
}

TEST(a_feature_raises_the_highest_leaf_that_tells_of_it)
{
    struct toy *toy = toy_create("pentium3", "+smep,+nx");
    u32 out[4];
    cpuid_leaf(toy->cpu, 0, 0, out);
    CHECK_EQ(out[0], 7);
    cpuid_leaf(toy->cpu, 7, 0, out);
    CHECK_EQ(out[1], 1u << 7);
    cpuid_leaf(toy->cpu, 0x80000000, 0, out);
    CHECK_EQ(out[0], 0x80000001);
    toy_destroy(toy);
}

TEST(features_are_switched_by_name)
{
    char why[200];
    u32 out[4];
    struct toy *toy = toy_create("qemu32", "-sse2,+smep,nx=off");
    cpuid_leaf(toy->cpu, 1, 0, out);
    CHECK_EQ(out[3] >> 26 & 1, 0);
    cpuid_leaf(toy->cpu, 0x80000001, 0, out);
    CHECK_EQ(out[3] >> 20 & 1, 0);
    toy_destroy(toy);
    CHECK(!cpu_create("qemu32", "+nosuch", &toy_bus, NULL, why));
    CHECK(strstr(why, "nosuch"));
    CHECK(!cpu_create("qemu32", "+vmx", &toy_bus, NULL, why));
    CHECK(!cpu_create("8086", NULL, &toy_bus, NULL, why));
    CHECK(strstr(why, "8086"));
}

TEST(every_model_can_be_made)
{
    char why[200];
    static struct toy board;
    for (const char *const *name = cpu_model_names(); *name; name++) {
        struct cpu *cpu = cpu_create(*name, NULL, &toy_bus, &board, why);
        CHECK(cpu != NULL);
        cpu_destroy(cpu);
    }
}

UNIT_MAIN()
