/*
 * A debugger's points in KVM, against a scripted KVM: what goes into the debug registers, what an exit means, and when the
 * interpreter has to stand in.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_GUEST_DEBUG, KVM_EXIT_DEBUG; SDM vol. 3B, "Debug Registers":
 *   DR7 has G0 in bit 1, GD in bit 13, R/W0 in bits 16-17 and LEN0 in bits 18-19.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#include "cpu/system.h"

static void add(enum point_kind kind, u64 address, u8 length)
{
    CHECK_EQ(debugger_add(rig->vcpu.cpu, &(struct point){.address = address, .kind = kind, .length = length}), 0);
}

static void load(void)
{
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
}

static enum engine_exit run(fake_step *step)
{
    fake.steps[0] = step;
    fake.step_count = 1;
    fake.steps_done = 0;
    load();
    return kvm_engine.run(&rig->vcpu, 1000);
}

static u64 dr(unsigned n) { return fake.guest_debug.arch.debugreg[n]; }

TEST(points_go_into_the_debug_registers)
{
    open_rig();
    add(POINT_EXECUTE, 0x7c00, 1);
    add(POINT_WRITE, 0x8004, 4);
    add(POINT_ACCESS, 0x9000, 8);
    load();
    CHECK_EQ(fake.guest_debug.control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP);
    CHECK_EQ(dr(0), 0x7c00);
    CHECK_EQ(dr(1), 0x8004);
    CHECK_EQ(dr(2), 0x9000);
    CHECK_EQ(dr(7), 0x400 | 1 << 13 | 2 | 2 << 2 | 2 << 4 | 0xd << 20 | 0xb << 24);
    CHECK_EQ(fake.debug.dr7, 0x400); /* the guest's own */
    debugger_remove_all(rig->vcpu.cpu, 0);
    load();
    CHECK_EQ(fake.guest_debug.control, 0);
    close_rig();
}

TEST(an_unaligned_range_takes_several_registers)
{
    open_rig();
    add(POINT_WRITE, 0x8001, 7); /* 1 + 2 + 4 */
    load();
    CHECK_EQ(dr(0), 0x8001);
    CHECK_EQ(dr(1), 0x8002);
    CHECK_EQ(dr(2), 0x8004);
    CHECK_EQ(dr(7) >> 16, 0x1 | 0x5 << 4 | 0xd << 8);
    close_rig();
}

static void check_interpreter(const char *why)
{
    enum engine_exit exit = run(NULL);
    CHECK_EQ(exit, ENGINE_EXIT_CANNOT);
    CHECK(rig->vcpu.cannot && strstr(rig->vcpu.cannot, why));
    CHECK(!kvm_engine.ready(&rig->vcpu));
}

TEST(what_the_registers_cannot_hold_is_the_interpreters)
{
    open_rig();
    for (unsigned i = 0; i < 5; i++)
        add(POINT_EXECUTE, 0x7c00 + i, 1);
    check_interpreter("more than four");
    close_rig();
    open_rig();
    add(POINT_READ, 0x8000, 4);
    check_interpreter("reading only");
    close_rig();
}

TEST(a_guest_that_debugs_itself_is_the_interpreters)
{
    open_rig();
    add(POINT_EXECUTE, 0x7c00, 1);
    rig->vcpu.cpu->dr[7] = 0x401;
    check_interpreter("the guest debugs");
    rig->vcpu.cpu->dr[7] = 0x400;
    rig->vcpu.cpu->rflags |= FLAG_TF;
    check_interpreter("the guest debugs");
    rig->vcpu.cpu->rflags &= ~(u64)FLAG_TF;
    load();
    fake.debug.dr7 = 0x402; /* it wrote DR7 under KVM */
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 1000), ENGINE_EXIT_CANNOT);
    close_rig();
}

TEST(a_kvm_that_does_not_stop_is_found_out)
{
    open_board();
    fake.no_breakpoints = true;
    open_cpu();
    add(POINT_EXECUTE, 0x7c00, 1);
    check_interpreter("lacks");
    close_rig();
}

static int hits_second(struct kvm_run *run) { return debug_exit(run, 0x7c10, 2); }
static int hits_elsewhere(struct kvm_run *run) { return debug_exit(run, 0x7c11, 2); }
static int touches_third(struct kvm_run *run) { return debug_exit(run, 0x1234, 4); }
static int reaches_dr(struct kvm_run *run) { return debug_exit(run, 0x1234, DR6_BD); }
static int traps(struct kvm_run *run) { return debug_exit(run, 0x1234, DR6_BS); }

TEST(an_exit_names_the_point)
{
    open_rig();
    struct debugger *debugger = &rig->vcpu.cpu->debugger;
    add(POINT_EXECUTE, 0x7c00, 1);
    add(POINT_EXECUTE, 0x7c10, 1);
    add(POINT_WRITE, 0x8000, 4);
    CHECK_EQ(run(hits_second), ENGINE_EXIT_DEBUG);
    CHECK_EQ(debugger->cause, STOP_BREAKPOINT);
    CHECK_EQ(debugger->hit.address, 0x7c10);
    CHECK_EQ(run(touches_third), ENGINE_EXIT_DEBUG);
    CHECK_EQ(debugger->cause, STOP_WATCHPOINT);
    CHECK_EQ(debugger->hit.address, 0x8000);
    CHECK_EQ(run(hits_elsewhere), ENGINE_EXIT_CANNOT);
    close_rig();
}

TEST(what_is_the_guests_goes_to_the_guest)
{
    open_rig();
    add(POINT_EXECUTE, 0x7c00, 1);
    CHECK_EQ(run(reaches_dr), ENGINE_EXIT_CANNOT);
    machine_lock(rig->machine);
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(rig->vcpu.cpu->pending_dr6, 0);
    machine_unlock(rig->machine);
    CHECK_EQ(run(traps), ENGINE_EXIT_CANNOT);
    machine_lock(rig->machine);
    kvm_engine.store(&rig->vcpu);
    machine_unlock(rig->machine);
    CHECK_EQ(rig->vcpu.cpu->pending_dr6, DR6_BS); /* the interpreter delivers the #DB */
    close_rig();
}

TEST(a_refusal_is_the_interpreters)
{
    open_rig();
    add(POINT_EXECUTE, 0x7c00, 1);
    fake.failing = KVM_SET_GUEST_DEBUG;
    fake.failing_error = EINVAL;
    CHECK_EQ(run(NULL), ENGINE_EXIT_CANNOT);
    close_rig();
}
#endif

UNIT_MAIN()
