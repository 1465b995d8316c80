/*
 * Writes that KVM gathers, with the scripted KVM: their order among all else, who has them made, and a ring that says
 * what it likes.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_CAP_COALESCED_MMIO.
 */
#include <config.h>

#include "tests/unit.h"

#if CONFIG_KVM
#include "accel/kvm_fake.h"

#define BASE 0xfe000000u

/* A chip that notes what it sees; the other one's writes may not be late. */
static u64 seen[512];
static unsigned seen_count;

static void note(u64 what) { seen[seen_count++ % 512] = what; }

static u64 chip_read(void *opaque, u64 offset, unsigned size)
{
    note(0x8000 | offset);
    return 0;
}

static void chip_write(void *opaque, u64 offset, u64 value, unsigned size) { note(value); }

static const struct bus_ops chip_ops = {.read = chip_read, .write = chip_write, .min_size = 1, .max_size = 8};
static struct region chip;

static struct kvm *open_chip(void)
{
    struct kvm *kvm = open_rig();
    chip = (struct region){.name = "chip", .kind = REGION_MMIO, .base = BASE, .size = 0x1000, .enabled = true,
                           .late_writes = true, .ops = &chip_ops};
    memory_add(rig->machine->memory, &chip);
    seen_count = 0;
    return kvm;
}

static int two_gathered(struct kvm_run *run)
{
    CHECK(fake_gather(BASE, 0x11, 1));
    CHECK(fake_gather(BASE + 2, 0x2222, 2));
    return EINTR;
}

static int gathered_then_read(struct kvm_run *run)
{
    CHECK(fake_gather(BASE, 0x11, 1));
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = BASE + 8;
    run->mmio.len = 1;
    run->mmio.is_write = false;
    return 0;
}

static int gathered_then_halt(struct kvm_run *run)
{
    CHECK(fake_gather(BASE, 0x11, 1));
    run->exit_reason = KVM_EXIT_HLT;
    return 0;
}

/* The write that finds no room is an exit, behind those in the ring. */
static int more_than_fit(struct kvm_run *run)
{
    u64 count = 0;
    while (fake_gather(BASE, count, 8))
        count++;
    run->exit_reason = KVM_EXIT_MMIO;
    run->mmio.phys_addr = BASE;
    run->mmio.len = 8;
    run->mmio.is_write = true;
    memcpy(run->mmio.data, &count, 8);
    return 0;
}

TEST(the_zones_are_the_regions_whose_writes_may_be_late)
{
    struct kvm *kvm = open_chip();
    struct region hole = {.name = "hole", .kind = REGION_MMIO, .base = BASE + 0x400, .size = 0x100, .priority = 1,
                          .enabled = true, .ops = &chip_ops};
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(fake.zone_count, 1);
    CHECK(fake.zones[0].addr == BASE && fake.zones[0].size == 0x1000 && !fake.zones[0].pio);
    memory_add(rig->machine->memory, &hole);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(fake.zone_count, 2);
    CHECK(fake.zones[0].addr == BASE && fake.zones[0].size == 0x400);
    CHECK(fake.zones[1].addr == BASE + 0x500 && fake.zones[1].size == 0xb00);
    memory_begin(rig->machine->memory);
    chip.late_writes = false;
    memory_commit(rig->machine->memory);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(fake.zone_count, 0);
    close_rig();
}

TEST(writes_come_in_their_order_before_the_read_that_follows)
{
    open_chip();
    run_steps(gathered_then_read, NULL);
    CHECK_EQ(seen_count, 2);
    CHECK_EQ(seen[0], 0x11);
    CHECK_EQ(seen[1], 0x8008);
    close_rig();
}

TEST(a_slices_end_and_a_halt_have_them_made)
{
    open_chip();
    CHECK_EQ(run_steps(two_gathered, NULL), ENGINE_EXIT_KICKED);
    CHECK_EQ(seen_count, 2);
    CHECK_EQ(seen[0], 0x11);
    CHECK_EQ(seen[1], 0x2222);
    CHECK_EQ(run_steps(gathered_then_halt, NULL), ENGINE_EXIT_HALTED);
    CHECK_EQ(seen_count, 3);
    close_rig();
}

TEST(a_full_ring_keeps_the_order)
{
    open_chip();
    run_steps(more_than_fit, NULL);
    CHECK_EQ(seen_count, 170); /* 4096 bytes hold 8 and 170 times 24; one entry stays free */
    for (unsigned i = 0; i < seen_count; i++)
        CHECK_EQ(seen[i], i);
    close_rig();
}

static int gathered_by_the_completion(void)
{
    return fake_gather(BASE, 0x33, 1) ? 0 : -1;
}

/* MOVS from a register to a gathered one: KVM makes the store when the load is complete. */
TEST(what_the_completion_of_an_access_gathers_is_made)
{
    open_chip();
    run_steps(gathered_then_read, NULL);
    fake.on_completion = gathered_by_the_completion;
    rig->vcpu.engine = &kvm_engine;
    kvm_of(&rig->vcpu)->io_pending = fake.access = true;
    machine_lock(rig->machine);
    kvm_engine.store(&rig->vcpu);
    machine_unlock(rig->machine);
    CHECK_EQ(seen_count, 3);
    CHECK_EQ(seen[2], 0x33);
    close_rig();
}

static u64 whose[2];

static void note_whose(void *opaque, u64 offset, u64 value, unsigned size)
{
    whose[value & 1] = (u64)rig->machine->current_cpu + 5;
}

/* The memory map must stay while the guest runs (memory.h), so chips have to know. */
TEST(another_thread_makes_them_in_nobodys_name)
{
    static const struct bus_ops ops = {.write = note_whose, .min_size = 1, .max_size = 8};
    struct kvm *kvm = open_chip();
    chip.ops = &ops;
    run_steps(NULL, NULL);
    fake_gather(BASE, 0, 1);
    machine_lock(rig->machine);
    kvm_engine.settle(&rig->vcpu);
    machine_unlock(rig->machine);
    fake_gather(BASE, 1, 1);
    kvm_coalesced_collect(kvm);
    CHECK_EQ(whose[0], 4);
    CHECK_EQ(whose[1], 5);
    close_rig();
}

static void write_and_settle(void *opaque, u64 offset, u64 value, unsigned size)
{
    kvm_engine.settle(&rig->vcpu);
    note(value);
}

TEST(who_settles_inside_such_a_write_changes_nothing)
{
    static const struct bus_ops ops = {.write = write_and_settle, .min_size = 1, .max_size = 8};
    open_chip();
    chip.ops = &ops;
    run_steps(two_gathered, NULL);
    CHECK_EQ(seen_count, 2);
    CHECK_EQ(seen[0], 0x11);
    CHECK_EQ(seen[1], 0x2222);
    close_rig();
}

TEST(indices_and_lengths_stay_in_bounds)
{
    struct kvm *kvm = open_chip();
    run_steps(NULL, NULL);
    struct kvm_coalesced_mmio_ring *ring = fake_ring();
    for (unsigned i = 0; i < 170; i++)
        ring->coalesced_mmio[i] = (struct kvm_coalesced_mmio){.phys_addr = BASE, .len = 0xffffffff};
    ring->first = 0xfffffff0;
    ring->last = 0xffffffff;
    kvm_coalesced_collect(kvm);
    CHECK(seen_count <= 170);
    CHECK(ring->first < 170);
    close_rig();
}

TEST(without_it_all_writes_leave_the_guest)
{
    fake_no_ring = true;
    struct kvm *kvm = open_chip();
    CHECK(!kvm->ring);
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(fake.zone_count, 0);
    close_rig();
    fake_no_ring = false;
}

TEST(a_zone_that_kvm_refuses_is_done_without)
{
    struct kvm *kvm = open_chip();
    fake.failing = KVM_REGISTER_COALESCED_MMIO;
    fake.failing_error = ENOSPC;
    CHECK_EQ(kvm_memory_sync(kvm), 0);
    CHECK_EQ(kvm->zone_count, 0);
    close_rig();
}

UNIT_MAIN()

#else
int main(void) { return 0; }
#endif
