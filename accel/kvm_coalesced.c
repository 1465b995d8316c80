/*
 * Writes to registers that KVM gathers: it notes them in a ring, and the guest goes on.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_CAP_COALESCED_MMIO, KVM_(UN)REGISTER_COALESCED_MMIO.
 * Modelled: zones where the map has regions with late_writes.  The ring is emptied after each KVM_RUN, before what it came
 *   back for, so writes and all else keep their order; a write that found the ring full is such an exit.  Who looks at
 *   a chip from another thread empties it, too (memory_settle): the lock makes one reader of all.
 * Not modelled: ports (KVM_CAP_COALESCED_PIO).
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define PAGE 4096u

/* The answer is the ring's page in the processor's mapping. */
void kvm_coalesced_create(struct kvm *kvm)
{
    int page = kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);
    if (page > 0 && ((size_t)page + 1) * PAGE <= kvm->run_size)
        kvm->ring = (struct kvm_coalesced_mmio_ring *)((u8 *)kvm->run + (size_t)page * PAGE);
}

/* --- zones --- */

static unsigned wanted_zones(const struct kvm *kvm, struct kvm_coalesced_mmio_zone *zones)
{
    size_t ranges;
    unsigned count = 0;
    const struct range *range = memory_ranges(kvm->vcpu->machine->memory, &ranges);
    for (size_t i = 0; i < ranges && count < KVM_MAX_ZONES; i++) {
        const struct region *region = range[i].region;
        u64 size = range[i].end - range[i].start;
        if (region->kind == REGION_MMIO && region->late_writes && size <= UINT32_MAX)
            zones[count++] = (struct kvm_coalesced_mmio_zone){.addr = range[i].start, .size = (u32)size};
    }
    return count;
}

/* A zone that KVM refuses is one whose writes leave the guest as others do. */
int kvm_coalesced_sync(struct kvm *kvm)
{
    struct kvm_coalesced_mmio_zone wanted[KVM_MAX_ZONES];
    unsigned count = kvm->ring && !kvm->user_only ? wanted_zones(kvm, wanted) : 0;
    if (count == kvm->zone_count && memcmp(wanted, kvm->zones, count * sizeof(wanted[0])) == 0)
        return 0;
    while (kvm->zone_count)
        if (kvm_host->ioctl(kvm->vm, KVM_UNREGISTER_COALESCED_MMIO, &kvm->zones[--kvm->zone_count]) < 0)
            return -errno;
    for (unsigned i = 0; i < count; i++)
        if (kvm_host->ioctl(kvm->vm, KVM_REGISTER_COALESCED_MMIO, &wanted[i]) == 0)
            kvm->zones[kvm->zone_count++] = wanted[i];
    return 0;
}

/* --- the ring --- */

static bool is_empty(const struct kvm_coalesced_mmio_ring *ring)
{
    return __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring->first, __ATOMIC_RELAXED);
}

static void make(struct kvm *kvm, const struct kvm_coalesced_mmio *entry, int cpu)
{
    struct machine *machine = kvm->vcpu->machine;
    u64 value;
    memcpy(&value, entry->data, sizeof(value));
    machine->current_cpu = cpu;
    memory_store(machine->memory, entry->phys_addr, value, entry->len);
    machine->current_cpu = -1;
}

/* The guest may run meanwhile: not more than what was there at first.  Each write comes by memory_settle, which is here
 * again. */
void kvm_coalesced_settle(struct kvm *kvm, int cpu)
{
    struct kvm_coalesced_mmio_ring *ring = kvm->ring;
    if (!ring || kvm->settling || is_empty(ring))
        return;
    u32 end = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) % KVM_RING_ENTRIES;
    if (kvm->debug_stepping) { /* the interpreter will make them */
        __atomic_store_n(&ring->first, end, __ATOMIC_RELEASE);
        kvm->step_wrote = true;
        return;
    }
    kvm->settling = true;
    u64 began = clock_host_ns();
    for (u32 at = ring->first % KVM_RING_ENTRIES, next; at != end; at = next) {
        next = (at + 1) % KVM_RING_ENTRIES;
        make(kvm, &ring->coalesced_mmio[at], cpu);
        __atomic_store_n(&ring->first, next, __ATOMIC_RELEASE);
        u64 ns = next == end ? clock_host_ns() - began : 0; /* of all together */
        exits_count_name(&kvm->vcpu->exit_stats, EXITS_EVENT, "writes gathered by KVM", ns);
    }
    kvm->settling = false;
}

void kvm_coalesced_collect(struct kvm *kvm)
{
    if (!kvm->ring || is_empty(kvm->ring))
        return;
    machine_lock(kvm->vcpu->machine);
    kvm_coalesced_settle(kvm, 0);
    machine_unlock(kvm->vcpu->machine);
}

void kvm_settle(struct vcpu *vcpu)
{
    if (kvm_of(vcpu))
        kvm_coalesced_settle(kvm_of(vcpu), -1);
}

#endif
