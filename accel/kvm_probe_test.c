/*
 * What is found out about a KVM before a guest runs, against a scripted one.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_CPUID2 ("defines the vcpu responses to the cpuid
 *   instruction"); SDM vol. 2A, "CPUID": leaf 1, EDX bit 4 is TSC.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

static int shuts_down(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
}

static int shows_all(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
    fake.regs.rcx = fake.regs.rdx = ~0u;
    return 0;
}

static int shows_nothing(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
    fake.regs.rcx = fake.regs.rdx = 0;
    return 0;
}

static struct kvm *open_with(fake_step *first, fake_step *second)
{
    fake.steps[0] = first;
    fake.steps[1] = second;
    fake.step_count = 2;
    return open_cpu();
}

/* The shutdown is of what the probe of the modes asked for. */
TEST(features_beyond_the_model_are_found_behind_a_late_shutdown)
{
    open_board();
    CHECK(open_with(shuts_down, shows_all)->foreign_cpuid);
    close_rig();
    open_board();
    CHECK(!open_with(shuts_down, shows_nothing)->foreign_cpuid);
    close_rig();
}

TEST(a_kvm_that_would_show_the_hosts_features_gets_no_leaf_of_them)
{
    open_board();
    fake.all_modes = fake.no_paging32 = true;
    struct kvm *kvm = open_with(shows_all, shows_all);
    CHECK(kvm->hides_features && kvm->hides_extended && !kvm->foreign_cpuid);
    CHECK_EQ(fake.cpuid.head.nent, 1);
    CHECK_EQ(fake.cpuid.entries[0].function, 0);
    CHECK(strstr(said, "foreign CPUID"));
    close_rig();
}

/* SDM vol. 3A, "Activating IA-32e Mode": CPUID.80000001H:EDX.LM; KVM asks the leaf that it was given. */
TEST(leaves_that_show_what_they_were_given_are_kept)
{
    open_board();
    fake.all_modes = fake.no_paging32 = true;
    struct kvm *kvm = open_with(shows_all, shows_nothing);
    CHECK(kvm->hides_features && !kvm->hides_extended);
    CHECK_EQ(fake.cpuid.entries[0].function, 0);
    CHECK_EQ(fake.cpuid.entries[1].function, 0x80000000);
    CHECK_EQ(fake.cpuid.entries[2].function, 0x80000001);
    CHECK(fake.cpuid.entries[2].edx >> 29 & 1);
    close_rig();
}

TEST(one_that_shows_what_it_was_given_gets_the_model)
{
    open_board();
    fake.all_modes = fake.no_paging32 = true;
    struct kvm *kvm = open_with(shows_nothing, shows_nothing);
    CHECK(!kvm->hides_features);
    CHECK(fake.cpuid.head.nent > 2);
    close_rig();
}
#endif

UNIT_MAIN()
