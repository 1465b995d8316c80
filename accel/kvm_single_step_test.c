/*
 * Lockstep's single step in KVM (kvm_step.c), against a scripted KVM.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

static int stepped(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_DEBUG;
    return 0;
}

static int in_byte(struct kvm_run *run) { return port_exit(run, KVM_EXIT_IO_IN, 1, 1); }

static int store_to_device(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = 0xfeb00000;
    run->mmio.len = 4;
    run->mmio.is_write = true;
    fake.length = 3;
    return 0;
}

static enum engine_exit step(fake_step *first, fake_step *second)
{
    take_steps(first, second);
    fake.regs.rip = 0x1000;
    return kvm_engine.step(&rig->vcpu);
}

TEST(a_step_ends_with_its_debug_exit)
{
    open_rig();
    CHECK_EQ(step(stepped, out_byte), ENGINE_EXIT_DEBUG);
    CHECK_EQ(fake.steps_done, 1);
    CHECK_EQ(fake.guest_debug.control, 0);
    close_rig();
}

/* KVM API, KVM_RUN: the access is completed by the next KVM_RUN; with immediate_exit it executes nothing more. */
static void check_access_ends_step(fake_step *access, unsigned length)
{
    open_rig();
    CHECK_EQ(step(access, out_byte), ENGINE_EXIT_DEBUG);
    CHECK_EQ(fake.steps_done, 1); /* the instruction behind it was not executed */
    CHECK_EQ(fake.completed, 1);
    CHECK_EQ(fake.regs.rip, 0x1000 + length);
    CHECK_EQ(fake_run()->immediate_exit, 0);
    close_rig();
}

TEST(a_step_over_an_output_executes_no_other_instruction) { check_access_ends_step(out_byte, 2); }
TEST(a_step_over_an_input_executes_no_other_instruction) { check_access_ends_step(in_byte, 2); }
TEST(a_step_over_a_store_to_a_device_executes_no_other_instruction) { check_access_ends_step(store_to_device, 3); }

#endif

UNIT_MAIN()
