/*
 * How the state of user code gets to a KVM that executes nothing else, and back.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_CAP_SYNC_REGS; SDM vol. 1, "XSAVE area".
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"
#include "accel/shift.h"

#define FOREIGN_COMPONENTS 0xe0 /* of XSTATE_BV: AVX-512 */

static struct kvm *kvm;

static void open_user(bool sync)
{
    kvm = open_rig();
    struct cpu *cpu = rig->vcpu.cpu;
    kvm->user_only = true;
    kvm->sync = kvm->run->kvm_valid_regs = sync ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS : 0;
    kvm->map_stale = false;
    cpu->cr0 = CR0_PG | CR0_PE | CR0_WP;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR;
    cpu->efer = EFER_LMA | EFER_LME | EFER_SCE;
    cpu->seg[CS] = (struct segment){.limit = ~0u, .selector = 0x33, .access = 0xa0fb};
    cpu->cpl = 3;
    cpu->rflags = FLAG_IF | 2;
    cpu->rip = 0x401000;
    cpu->gpr[RSP] = 0x7ff0;
}

static int move_on(struct kvm_run *run)
{
    fake.regs.rip += 0x10;
    fake.regs.rax = 7;
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
}

static enum engine_exit run_once(void)
{
    fake.steps[fake.step_count++] = move_on;
    return kvm_engine.run(&rig->vcpu, 0);
}

static void there_and_back(bool sync)
{
    open_user(sync);
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->gpr[R15] = 0x123456789abcdef0;
    cpu->seg[FS].base = 0x7f0012345678;
    kvm_engine.load(&rig->vcpu);
    CHECK_EQ(run_once(), ENGINE_EXIT_CANNOT);
    CHECK_EQ(fake.regs.r15, 0x123456789abcdef0);
    CHECK_EQ(fake.sregs.cs.dpl, 3);
    CHECK_EQ(fake.sregs.fs.base, 0x7f0012345678);
    CHECK_EQ(fake.sregs.idt.limit, 0);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(cpu->rip, 0x401010);
    CHECK_EQ(cpu->gpr[RAX], 7);
    CHECK_EQ(cpu->gpr[R15], 0x123456789abcdef0);
    CHECK(kvm_engine.alive(&rig->vcpu));
}

static int lacks_instruction(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    return 0;
}

/* One exit of this kind, and the fallback that follows. */
static void fall_back(fake_step *step)
{
    struct vcpu *vcpu = &rig->vcpu;
    vcpu->engine = &kvm_engine;
    kvm_engine.load(vcpu);
    fake.steps[fake.step_count++] = step;
    CHECK_EQ(kvm_engine.run(vcpu, 0), ENGINE_EXIT_CANNOT);
    shift_detour(vcpu);
}

/* System calls and exceptions were announced when this KVM was put in gear. */
TEST(what_is_routine_is_counted_and_any_other_cause_is_told_once)
{
    open_user(true);
    const struct shift_cause *causes = rig->vcpu.shift.causes;
    lines = 0;
    fall_back(move_on);
    fall_back(move_on);
    CHECK_EQ(lines, 0);
    CHECK(!strcmp(causes[0].text, KVM_WHY_EXCEPTION));
    CHECK_EQ(causes[0].count, 2);
    fall_back(lacks_instruction);
    CHECK_EQ(lines, 1);
    CHECK(strstr(said, "the interpreter helps out"));
    fall_back(lacks_instruction);
    CHECK_EQ(lines, 1);
    CHECK_EQ(causes[1].count, 2);
    close_rig();
}

TEST(kvm_run_takes_the_state_along_and_leaves_it)
{
    there_and_back(true);
    CHECK_EQ(fake.register_reads, 0);
    close_rig();
}

TEST(a_kvm_without_synchronized_registers_gets_them_by_calls)
{
    there_and_back(false);
    CHECK_EQ(fake.register_reads, 1);
    close_rig();
}

TEST(state_that_kvm_run_has_not_taken_is_not_read_back)
{
    open_user(true);
    struct cpu *cpu = rig->vcpu.cpu;
    fake.regs.rip = 0x666;
    kvm_engine.load(&rig->vcpu);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(cpu->rip, 0x401000);
    cpu->rip = 0x402000; /* a debugger */
    kvm_engine.load(&rig->vcpu);
    run_once();
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(cpu->rip, 0x402010);
    close_rig();
}

TEST(state_that_kvm_run_refuses_is_the_interpreters)
{
    open_user(true);
    struct cpu *cpu = rig->vcpu.cpu;
    kvm_engine.load(&rig->vcpu);
    fake.failing = KVM_RUN;
    fake.failing_error = EINVAL;
    u64 exits = rig->vcpu.exits;
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 0), ENGINE_EXIT_CANNOT);
    CHECK_EQ(rig->vcpu.exits, exits); /* it never began */
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(cpu->rip, 0x401000);
    CHECK(kvm_engine.alive(&rig->vcpu));
    fake.failing = 0;
    kvm_engine.load(&rig->vcpu);
    CHECK_EQ(run_once(), ENGINE_EXIT_CANNOT);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(cpu->rip, 0x401010);
    close_rig();
}

TEST(a_kvm_that_dies_before_it_took_the_state_leaves_it)
{
    open_user(true);
    kvm_engine.load(&rig->vcpu);
    fake.failing = KVM_RUN;
    fake.failing_error = EIO;
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 0), ENGINE_EXIT_DEAD);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(rig->vcpu.cpu->rip, 0x401000);
    CHECK(kvm_engine.alive(&rig->vcpu));
    close_rig();
}

TEST(other_calls_find_the_state_after_a_flush)
{
    open_user(true);
    kvm_engine.load(&rig->vcpu);
    CHECK(kvm_state_flush(kvm));
    CHECK_EQ(fake.regs.rip, 0x401000);
    CHECK_EQ(fake.sregs.cs.selector, 0x33);
    fake.regs.rip = 0x401001;
    kvm->ran = true;
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(rig->vcpu.cpu->rip, 0x401001);
    close_rig();
}

static void reload(void)
{
    run_once();
    kvm_engine.store(&rig->vcpu);
    fake.fpu_writes = 0;
    kvm_engine.load(&rig->vcpu);
}

TEST(x87_and_sse_go_in_again_only_if_they_changed)
{
    open_user(true);
    struct cpu *cpu = rig->vcpu.cpu;
    cpu->vec[5].q[0] = 0x1234;
    kvm_engine.load(&rig->vcpu);
    CHECK_EQ(fake.fpu_writes, 1);
    reload();
    CHECK_EQ(fake.fpu_writes, 0);
    ((u8 *)&fake.xsave)[160] ^= 1; /* XMM0, by the guest */
    reload();
    CHECK_EQ(fake.fpu_writes, 0);
    kvm_engine.store(&rig->vcpu);
    cpu->fpu.reg[3].mantissa = 0x8000000000000000;
    kvm_engine.load(&rig->vcpu);
    CHECK_EQ(fake.fpu_writes, 1);
    ((u8 *)&fake.xsave)[512] |= FOREIGN_COMPONENTS;
    reload();
    CHECK_EQ(fake.fpu_writes, 1);
    close_rig();
}
#endif

UNIT_MAIN()
