/*
 * The KVM engine against a scripted KVM: what an exit leads to, which slots it is given, and what is done when KVM
 * cannot go on.  kvm_dead_test.c: when it dies or is not there.
 *
 * Source: Linux kernel documentation, virt/kvm/api: "The kvm_run structure", KVM_RUN, KVM_INTERRUPT,
 *   KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include <unistd.h>

#include "accel/shift.h"
#include "cpu/feature.h"
#include "cpu/system.h"

/* --- exits --- */

static int in_word(struct kvm_run *run) { return port_exit(run, KVM_EXIT_IO_IN, 2, 1); }

static int outs(struct kvm_run *run)
{
    static const u16 words[] = {0x1234, 0x5678, 0x9abc};
    memcpy(fake.run + FAKE_DATA, words, sizeof(words));
    return port_exit(run, KVM_EXIT_IO_OUT, 2, 3);
}

static int ins(struct kvm_run *run) { return port_exit(run, KVM_EXIT_IO_IN, 2, 3); }

TEST(an_output_reaches_its_port_once)
{
    open_rig();
    CHECK_EQ(run_steps(out_byte, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(rig->written[0], 0x5a);
    CHECK_EQ(rig->vcpu.exits, 2);
    close_rig();
}

TEST(an_input_is_in_the_data_before_kvm_goes_on)
{
    open_rig();
    run_steps(in_word, NULL);
    CHECK_EQ(fake.completed, 1);
    CHECK_EQ(fake.completed_data[0] | fake.completed_data[1] << 8, 0x1111);
    close_rig();
}

TEST(string_ports_move_every_element_in_order)
{
    open_rig();
    run_steps(outs, ins);
    CHECK_EQ(rig->writes, 3);
    CHECK_EQ(rig->written[0], 0x1234);
    CHECK_EQ(rig->written[2], 0x9abc);
    CHECK_EQ(rig->reads, 3);
    CHECK_EQ(fake.completed_data[4] | fake.completed_data[5] << 8, 0x1113);
    close_rig();
}

static struct region registers_region(void)
{
    return (struct region){.name = "mmio", .kind = REGION_MMIO, .base = 0xfe000000, .size = 0x1000, .enabled = true,
                           .ops = &register_ops};
}

static int mmio_exit(struct kvm_run *run, bool write)
{
    static const u8 data[8] = {0xef, 0xbe, 0xad, 0xde};
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = 0xfe000010;
    run->mmio.len = 4;
    run->mmio.is_write = write;
    memcpy(run->mmio.data, data, 8);
    return 0;
}

static int mmio_write(struct kvm_run *run) { return mmio_exit(run, true); }
static int mmio_read(struct kvm_run *run) { return mmio_exit(run, false); }

TEST(registers_in_memory_are_written_and_read)
{
    open_rig();
    struct region mmio = registers_region();
    memory_add(rig->machine->memory, &mmio);
    run_steps(mmio_write, mmio_read);
    CHECK_EQ(rig->written[0], 0xdeadbeef);
    CHECK_EQ(fake.completed_data[0] | fake.completed_data[1] << 8, 0x1111);
    close_rig();
}

static u64 whose_read(void *opaque, u64 offset, unsigned size) { return (u64)rig->machine->current_cpu + 5; }
static void whose_write(void *opaque, u64 offset, u64 value, unsigned size)
{
    rig->written[0] = (u64)rig->machine->current_cpu + 5;
}

/* SDM vol. 3A, "Accessing Local APIC Registers": each processor reaches its own; what comes from none is an MSI. */
TEST(registers_in_memory_know_whose_access_it_is)
{
    static const struct bus_ops ops = {.read = whose_read, .write = whose_write, .min_size = 1, .max_size = 8};
    struct region mmio = {.name = "mmio", .kind = REGION_MMIO, .base = 0xfe000000, .size = 0x1000, .enabled = true,
                          .ops = &ops};
    open_rig();
    memory_add(rig->machine->memory, &mmio);
    run_steps(mmio_write, mmio_read);
    CHECK_EQ(rig->written[0], 5);
    CHECK_EQ(fake.completed_data[0], 5);
    CHECK_EQ(-rig->machine->current_cpu, 1);
    close_rig();
}

static int halt(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
    run->if_flag = 1;
    return 0;
}

TEST(hlt_halts_the_processor_with_if_as_kvm_says)
{
    open_rig();
    CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
    CHECK_EQ(rig->vcpu.cpu->activity, ACTIVITY_HALTED);
    CHECK(rig->vcpu.cpu->rflags & FLAG_IF);
    CHECK(!cpu_has_work(rig->vcpu.cpu));
    close_rig();
}

static u32 reason_to_give, suberror_to_give;

static int give_reason(struct kvm_run *run)
{
    run->exit_reason = reason_to_give;
    run->internal.suberror = suberror_to_give;
    return 0;
}

TEST(what_kvm_gives_up_on_is_for_another_engine)
{
    static const struct {
        u32 reason, suberror;
        const char *text;
    } rows[] = {{KVM_EXIT_INTERNAL_ERROR, KVM_INTERNAL_ERROR_EMULATION, "emulator"},
                {KVM_EXIT_INTERNAL_ERROR, KVM_INTERNAL_ERROR_SIMUL_EX, "inside another"},
                {KVM_EXIT_INTERNAL_ERROR, KVM_INTERNAL_ERROR_DELIVERY_EV, "deliver"},
                {KVM_EXIT_INTERNAL_ERROR, 77, "internal error"},
                {KVM_EXIT_FAIL_ENTRY, 0, "does not enter"},
                {KVM_EXIT_SHUTDOWN, 0, "triple fault"},
                {KVM_EXIT_UNKNOWN, 0, "do not know"},
                {KVM_EXIT_HYPERV, 0, "do not know"},
                {9999, 0, "do not know"}};
    open_rig();
    rig->vcpu.cpu->rip = 0x1000;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        reason_to_give = rows[i].reason;
        suberror_to_give = rows[i].suberror;
        CHECK_EQ(run_steps(give_reason, NULL), ENGINE_EXIT_CANNOT);
        CHECK(strstr(rig->vcpu.cannot, rows[i].text));
    }
    close_rig();
}

/* AMD: APM vol. 2, "Shutdown Intercept": the VMCB is undefined; KVM gives its processor an INIT. */
static int shut_down_to_init(struct kvm_run *run)
{
    fake.regs = (struct kvm_regs){.rip = 0xfff0, .rflags = 2};
    fake.sregs.cr0 = 0x10;
    fake.sregs.cs = (struct kvm_segment){.base = 0xffff0000, .limit = 0xffff, .selector = 0xf000};
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
}

TEST(a_shutdown_that_left_no_registers_is_believed)
{
    open_rig();
    rig->vcpu.cpu->rip = 0x1000;
    CHECK_EQ(run_steps(shut_down_to_init, NULL), ENGINE_EXIT_SHUTDOWN);
    close_rig();
}

/* --- the task priority --- */

static u8 fake_tpr;
static u8 get_tpr(void *opaque, int cpu) { return fake_tpr; }
static void set_tpr(void *opaque, int cpu, u8 tpr) { fake_tpr = tpr; }
static const struct machine_apic fake_apic = {.tpr = get_tpr, .set_tpr = set_tpr};

static int write_cr8_until_signal(struct kvm_run *run)
{
    run->cr8 = 9;
    return EINTR;
}

/* As a guest's write to offset 80h of its APIC does. */
static int out_that_sets_tpr(struct kvm_run *run)
{
    CHECK_EQ(run->cr8, 9);
    fake_tpr = 0x30;
    return out_byte(run);
}

static int see_tpr(struct kvm_run *run)
{
    CHECK_EQ(run->cr8, 3);
    return EINTR;
}

/* SDM vol. 3A, "Interaction of Task Priorities between CR8 and APIC": the two are one. */
TEST(cr8_and_the_apics_tpr_are_one)
{
    open_rig();
    rig->machine->apic = &fake_apic;
    fake_tpr = 0;
    CHECK_EQ(run_steps(write_cr8_until_signal, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(fake_tpr, 0x90);
    CHECK_EQ(run_steps(out_that_sets_tpr, see_tpr), ENGINE_EXIT_KICKED);
    CHECK_EQ(fake_tpr, 0x30);
    CHECK_EQ(rig->vcpu.cpu->cr8, 3);
    rig->machine->apic = NULL;
    close_rig();
}

static int read_unknown_msr(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_X86_RDMSR;
    run->msr.index = 0x12345;
    run->msr.error = 0;
    return 0;
}

static int read_apic_base(struct kvm_run *run)
{
    CHECK_EQ(run->msr.error, 1); /* of the step before: #GP */
    run->exit_reason = KVM_EXIT_X86_RDMSR;
    run->msr.index = 0x1b;
    return 0;
}

TEST(msrs_that_kvm_passes_on_are_the_models)
{
    open_rig();
    run_steps(read_unknown_msr, read_apic_base);
    CHECK_EQ(fake_run()->msr.error, 0);
    CHECK_EQ(fake_run()->msr.data, rig->vcpu.cpu->apic_base);
    close_rig();
}

/* --- CPUID --- */

static struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[4];
} host_cpuid;

/* A host without SSE4.1 and FSGSBASE. */
static void open_limited_rig(void)
{
    static const u32 leaves[][2] = {{1, 0}, {7, 0}, {0xd, 1}, {0x80000001, 0}};
    open_board();
    host_cpuid.head.nent = ARRAY_SIZE(leaves);
    for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
        host_cpuid.entries[i] = (struct kvm_cpuid_entry2){
            .function = leaves[i][0], .index = leaves[i][1], .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u};
    host_cpuid.entries[0].ecx = ~(1u << 19 | 1u << 31); /* nor does it say that there is a hypervisor */
    host_cpuid.entries[0].edx = ~(1u << 9);             /* or an APIC: they are ours */
    host_cpuid.entries[1].ebx = ~1u;
    fake.supported = &host_cpuid.head;
    open_cpu();
}

TEST(the_model_is_shown_without_what_the_host_lacks)
{
    open_limited_rig();
    const struct cpu *cpu = rig->vcpu.cpu;
    CHECK(!cpu_has(cpu, FEATURE_SSE41) && !cpu_has(cpu, FEATURE_FSGSBASE));
    CHECK(cpu_has(cpu, FEATURE_SSSE3) && cpu_has(cpu, FEATURE_APIC));
    for (unsigned i = 0; i < fake.cpuid.head.nent; i++)
        if (fake.cpuid.entries[i].function == 1)
            CHECK_EQ(fake.cpuid.entries[i].ecx >> 19 & 1, 0);
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "sse4.1") && strstr(said, "fsgsbase") && strstr(said, "without"));
    close_rig();
}

/* --- kicks --- */

TEST(a_kick_before_the_run_is_not_lost)
{
    open_rig();
    kvm_engine.load(&rig->vcpu);
    kvm_engine.kick(&rig->vcpu);
    fake.steps[0] = out_byte;
    fake.step_count = 1;
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 1000), ENGINE_EXIT_KICKED);
    CHECK_EQ(fake.ran, 0);
    close_rig();
}

static int kicked_at_an_access(struct kvm_run *run)
{
    kvm_engine.kick(&rig->vcpu);
    return out_byte(run);
}

/* KVM finishes the instruction with the next KVM_RUN; immediate_exit keeps it from executing another. */
TEST(a_kick_during_an_access_loses_neither)
{
    open_rig();
    rig->vcpu.cpu->rip = 0x100;
    CHECK_EQ(run_steps(kicked_at_an_access, out_byte), ENGINE_EXIT_KICKED);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(fake.completed, 0);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(fake.completed, 1);
    CHECK_EQ(fake.steps_done, 1);
    CHECK_EQ(rig->vcpu.cpu->rip, 0x102);
    CHECK_EQ(rig->writes, 1);
    close_rig();
}

static int signalled(struct kvm_run *run) { return EINTR; }

static int out_that_raises_init(struct kvm_run *run)
{
    cpu_raise_init(rig->vcpu.cpu);
    return out_byte(run);
}

/* KVM without its own APICs knows no INIT. */
TEST(init_is_taken_by_the_interpreter_at_once)
{
    open_rig();
    CHECK_EQ(run_steps(out_that_raises_init, out_byte), ENGINE_EXIT_CANNOT);
    CHECK_EQ(fake.steps_done, 1);
    CHECK(strstr(rig->vcpu.cannot, "INIT"));
    close_rig();
}

TEST(a_signal_ends_the_run)
{
    open_rig();
    CHECK_EQ(run_steps(signalled, out_byte), ENGINE_EXIT_KICKED);
    CHECK_EQ(rig->writes, 0);
    close_rig();
}

/* --- events --- */

static int window_opens(struct kvm_run *run)
{
    CHECK(run->request_interrupt_window);
    CHECK_EQ(fake.interrupts, 0);
    run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
    run->ready_for_interrupt_injection = run->if_flag = 1;
    return 0;
}

TEST(an_interrupt_waits_for_its_window)
{
    open_rig();
    machine_lock(rig->machine);
    rig->vcpu.cpu->intr = true;
    machine_unlock(rig->machine);
    run_steps(window_opens, NULL);
    CHECK_EQ(fake.interrupts, 1);
    CHECK_EQ(fake.vectors[0], 0x21);
    close_rig();
}

TEST(an_nmi_is_injected_once)
{
    open_rig();
    cpu_raise_nmi(rig->vcpu.cpu);
    run_steps(signalled, NULL);
    run_steps(signalled, NULL);
    CHECK_EQ(fake.nmis, 1);
    close_rig();
}

/* KVM refuses: it is acknowledged, so it must not be lost. */
TEST(an_interrupt_that_kvm_refuses_is_delivered_by_another_engine)
{
    open_rig();
    rig->vcpu.cpu->intr = true;
    fake.failing = KVM_INTERRUPT;
    fake.failing_error = EEXIST;
    CHECK_EQ(run_steps(window_opens, NULL), ENGINE_EXIT_CANNOT);
    CHECK(rig->vcpu.cpu->held.valid && rig->vcpu.cpu->held.external);
    CHECK_EQ(rig->vcpu.cpu->held.vector, 0x21);
    close_rig();
}

/* --- memory --- */

static const struct kvm_userspace_memory_region *slot_at(u64 address)
{
    for (unsigned i = 0; i < FAKE_SLOTS; i++)
        if (fake.slots[i].memory_size && fake.slots[i].guest_phys_addr == address)
            return &fake.slots[i];
    return NULL;
}

TEST(rom_is_a_read_only_slot_and_registers_are_none)
{
    struct kvm *kvm = open_rig();
    u8 *host = memory_alloc(0x10000);
    struct region rom = {.name = "rom", .kind = REGION_ROM, .base = 0xf0000, .size = 0x10000, .priority = 1,
                         .enabled = true, .host = host};
    struct region mmio = registers_region();
    memory_add(rig->machine->memory, &rom);
    memory_add(rig->machine->memory, &mmio);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK(slot_at(0xf0000) && slot_at(0xf0000)->flags == KVM_MEM_READONLY);
    CHECK(slot_at(0) && slot_at(0)->memory_size == 0xf0000 && slot_at(0)->flags == 0);
    CHECK(!slot_at(mmio.base));
    unsigned changes = fake.slot_changes;
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(fake.slot_changes, changes); /* nothing changed */
    memory_enable(rig->machine->memory, &rom, false); /* shadow RAM */
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK(slot_at(0) && slot_at(0)->memory_size == RAM_SIZE);
    close_rig();
    memory_free(host, 0x10000);
}

TEST(a_frame_buffer_has_a_dirty_log_that_reaches_its_page_flags)
{
    struct kvm *kvm = open_rig();
    u8 *host = memory_alloc(0x10000), flags[16] = {0};
    struct region vga = {.name = "vga", .kind = REGION_RAM, .base = 0xa0000, .size = 0x10000, .priority = 1,
                         .enabled = true, .log_dirty = true, .host = host, .page_flags = flags};
    memory_add(rig->machine->memory, &vga);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK(slot_at(0xa0000) && slot_at(0xa0000)->flags == KVM_MEM_LOG_DIRTY_PAGES);
    fake.dirty[slot_at(0xa0000)->slot] = 0x8004;
    kvm_memory_read_dirty(kvm);
    CHECK_EQ(flags[2], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    CHECK_EQ(flags[15], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    CHECK_EQ(flags[3], 0);
    fake.dirty[slot_at(0xa0000)->slot] = 1; /* the log goes with the slot */
    memory_enable(rig->machine->memory, &vga, false);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(flags[0], PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE);
    close_rig();
    memory_free(host, 0x10000);
}

/* An engine that is not in gear now has to know of the map when it is again. */
TEST(a_map_that_changes_under_another_engine_reaches_kvm)
{
    struct kvm *kvm = open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    run_steps(out_byte, NULL);
    CHECK(!kvm->map_stale);
    vcpu->engine = vcpu->shift.gear = &interp_engine;
    shift_map_changed(vcpu);
    CHECK(kvm->map_stale);
    close_rig();
}

TEST(a_map_that_changes_under_kvm_reaches_the_interpreter)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    vcpu->cpu->attention = 0;
    shift_map_changed(vcpu);
    CHECK(vcpu->cpu->attention & ATTENTION_FLUSH);
    close_rig();
}

/* --- detours --- */

static int lacks_instruction(struct kvm_run *run)
{
    fake.regs.rip = 0x4321;
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    return 0;
}

TEST(a_detour_starts_at_the_instruction_and_kvm_goes_on_behind_it)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    CHECK_EQ(run_steps(lacks_instruction, NULL), ENGINE_EXIT_CANNOT);
    shift_detour(vcpu);
    CHECK(vcpu->engine == &interp_engine);
    CHECK_EQ(vcpu->cpu->rip, 0x4321);
    CHECK_EQ(vcpu->shift.left, 16);
    vcpu->cpu->rip = 0x4350;
    shift_detour_ran(vcpu, 15);
    CHECK(vcpu->engine == &interp_engine);
    shift_detour_ran(vcpu, 1);
    CHECK(vcpu->engine == &kvm_engine);
    CHECK_EQ(fake.regs.rip, 0x4350);
    close_rig();
}

TEST(detours_that_come_thick_grow_and_their_cause_is_told_once_and_counted)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    u64 lengths[3];
    for (unsigned i = 0; i < 3; i++) {
        run_steps(lacks_instruction, NULL);
        shift_detour(vcpu);
        lengths[i] = vcpu->shift.left;
        shift_detour_ran(vcpu, vcpu->shift.left);
    }
    CHECK_EQ(lengths[0], 16);
    CHECK_EQ(vcpu->shift.detours, 3);
    CHECK_EQ(vcpu->shift.detour_instructions, lengths[0] + lengths[1] + lengths[2]);
    CHECK_EQ(vcpu->shift.causes[0].count, 3);
    CHECK(!vcpu->shift.causes[1].text);
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "the interpreter helps out"));
    close_rig();
}

static int entry_fails(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_FAIL_ENTRY;
    run->fail_entry.hardware_entry_failure_reason = 0x80000021;
    return 0;
}

TEST(a_state_that_kvm_refuses_is_run_elsewhere_unchanged)
{
    open_rig();
    struct vcpu *vcpu = &rig->vcpu;
    vcpu->cpu->rip = 0x777;
    fake.failing = KVM_SET_SREGS2;
    fake.failing_error = EINVAL;
    fake.regs.rip = 0xbad;
    CHECK_EQ(run_steps(entry_fails, NULL), ENGINE_EXIT_CANNOT);
    CHECK_EQ(fake.ran, 0);
    shift_detour(vcpu);
    CHECK_EQ(vcpu->cpu->rip, 0x777);
    close_rig();
}
#endif

UNIT_MAIN()
