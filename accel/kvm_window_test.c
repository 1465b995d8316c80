/*
 * A KVM that does not leave the guest when interrupts become possible: the interpreter waits in its place.
 *
 * Source: Linux kernel documentation, virt/kvm/api, "The kvm_run structure": request_interrupt_window ("request that
 *   KVM_RUN return when it becomes possible to inject external interrupts into the guest").
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

static struct kvm *open_without_window(void)
{
    open_board();
    fake.no_window = true;
    return open_cpu();
}

static enum engine_exit run_step(fake_step *step)
{
    fake.steps[0] = step;
    fake.step_count = 1;
    fake.steps_done = 0;
    kvm_engine.load(&rig->vcpu);
    return kvm_engine.run(&rig->vcpu, 1000);
}

/* As OUT to a PIC's mask does. */
static int out_that_raises_intr(struct kvm_run *run)
{
    cpu_set_intr(rig->vcpu.cpu, true);
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 1;
    run->io.count = 1;
    run->io.port = 0x504;
    run->io.data_offset = FAKE_DATA;
    run->if_flag = run->ready_for_interrupt_injection = 0;
    fake.length = 2;
    return 0;
}

TEST(a_window_that_opens_is_found)
{
    open_board();
    CHECK(!open_cpu()->misses_window);
    close_rig();
    CHECK(open_without_window()->misses_window);
    close_rig();
}

TEST(where_windows_are_missed_kvm_finishes_the_access_and_nothing_behind_it)
{
    open_without_window();
    rig->vcpu.cpu->rip = 0x100;
    CHECK_EQ(run_step(out_that_raises_intr), ENGINE_EXIT_CANNOT);
    CHECK_EQ(fake.ran, 1);
    CHECK(strstr(rig->vcpu.cannot, "an interrupt waits"));
    kvm_engine.store(&rig->vcpu);
    CHECK_EQ(fake.ran, 1);
    CHECK_EQ(fake.completed, 1);
    CHECK_EQ(rig->writes, 1);
    CHECK_EQ(rig->vcpu.cpu->rip, 0x102);
    close_rig();
}

TEST(where_windows_are_missed_kvm_stays_out_until_the_interrupt_is_taken)
{
    open_without_window();
    run_step(out_that_raises_intr);
    kvm_engine.store(&rig->vcpu);
    CHECK(!kvm_engine.ready(&rig->vcpu));
    cpu_set_intr(rig->vcpu.cpu, false);
    CHECK(kvm_engine.ready(&rig->vcpu));
    close_rig();
}
#endif

UNIT_MAIN()
