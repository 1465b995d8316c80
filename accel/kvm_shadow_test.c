/*
 * A KVM that shadows the guest's page tables (no EPT, no nested paging), with the scripted KVM of kvm_fake.h.
 *
 * Source: SDM vol. 3A, "Invalidation of TLBs and Paging-Structure Caches": behind an invalidation what is in memory counts,
 *   whoever wrote it.  Linux, arch/x86/kvm/mmu: shadows follow stores of the guest's only; the move of a slot drops all.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM

#include <unistd.h>

#include "accel/kvm_fake.h"
#include "cpu/system.h"

#define SPARE (1ull << 38)

static struct kvm *open_shadowing(bool patient)
{
    struct kvm *kvm = open_rig();
    struct error err;
    kvm->shadows = true;
    rig->vcpu.patient = patient;
    CHECK_EQ(kvm_memory_create(kvm, &err), 0);
    return kvm;
}

/* Where the page of nothing is: each move drops all shadows. */
static u64 spare(void)
{
    for (unsigned i = 0; i < FAKE_SLOTS; i++)
        if (fake.slots[i].memory_size && fake.slots[i].guest_phys_addr >= SPARE)
            return fake.slots[i].guest_phys_addr - SPARE;
    return ~0ull;
}

static int halt(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
    return 0;
}

static bool becomes_ready(void)
{
    bool ready = false;
    for (unsigned i = 0; i < 120000 && !ready; i++) {
        usleep(1000);
        machine_lock(rig->machine);
        ready = kvm_engine.ready(&rig->vcpu);
        machine_unlock(rig->machine);
    }
    return ready;
}

/* The guest may write an entry under the interpreter and flush under KVM, or write it while paging is off. */
TEST(shadows_go_whenever_the_guest_leaves_kvm_flushed_or_not)
{
    static const u32 modes[] = {CR0_PE | CR0_PG, CR0_PE};
    open_shadowing(true);
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        rig->vcpu.cpu->cr0 = modes[i];
        fake.sregs.cr0 = modes[i];
        CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
        u64 before = spare();
        store_state();
        CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED); /* patient: it has waited */
        CHECK(spare() != before);
    }
    close_rig();
}

TEST(a_kvm_that_has_not_run_since_has_nothing_to_drop)
{
    struct kvm *kvm = open_shadowing(true);
    CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
    store_state();
    u64 wanted = kvm->forget_wanted;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
    store_state();
    CHECK_EQ(kvm->forget_wanted, wanted);
    close_rig();
}

/* The call may wait long, so a thread makes it; until then the guest is not given to KVM, and nobody is told. */
TEST(old_shadows_keep_the_guest_out_until_they_are_dropped)
{
    struct kvm *kvm = open_shadowing(false);
    CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
    CHECK_EQ(fake.ran, 1);
    u64 before = spare();
    fake.steps_done = 0;
    machine_lock(rig->machine); /* the thread that drops them waits for it */
    kvm_engine.store(&rig->vcpu);
    kvm_engine.load(&rig->vcpu);
    CHECK(!kvm_engine.ready(&rig->vcpu));
    machine_unlock(rig->machine);
    CHECK_EQ(kvm_engine.run(&rig->vcpu, 1000), ENGINE_EXIT_CANNOT);
    CHECK(rig->vcpu.expected);
    CHECK_EQ(fake.ran, 1);
    CHECK(becomes_ready());
    CHECK(spare() != before);
    CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
    CHECK(!kvm->failed_state);
    close_rig();
}

TEST(a_kvm_that_cannot_drop_them_stays_out)
{
    open_shadowing(true);
    CHECK_EQ(run_steps(halt, NULL), ENGINE_EXIT_HALTED);
    fake.failing = KVM_SET_USER_MEMORY_REGION;
    fake.failing_error = ENOMEM;
    store_state();
    machine_lock(rig->machine);
    CHECK(!kvm_engine.ready(&rig->vcpu)); /* nor is it waited for without end */
    machine_unlock(rig->machine);
    close_rig();
}

#endif

UNIT_MAIN()
