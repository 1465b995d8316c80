/*
 * The memory map as KVM's slots: RAM writable, ROM read-only, registers nowhere (their accesses leave the guest).
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_USER_MEMORY_REGION, KVM_CAP_READONLY_MEM,
 *   KVM_GET_DIRTY_LOG.
 * Modelled: every host-backed page of the map; frame buffers with a dirty log.  What is less than a page stays a hole.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "machine/trace.h"

#define PAGE 4096ull
#define PRIVATE_SLOTS 2u /* the last ones: of the spare page, of kvm_memory_add_private */
#define SPARE_PAGE (1ull << 38) /* where this board has nothing */

static int set_slot(struct kvm *kvm, unsigned index, const struct kvm_slot *slot)
{
    struct kvm_userspace_memory_region region = {
        .slot = index,
        .flags = (slot->read_only ? KVM_MEM_READONLY : 0) | (slot->log_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = slot->start,
        .memory_size = slot->size,
        .userspace_addr = (uintptr_t)slot->host,
    };
    trace(ACCEL, "kvm: slot %u: %llx, %llx bytes%s%s", index, (unsigned long long)slot->start,
          (unsigned long long)slot->size, slot->read_only ? ", read-only" : "", slot->log_dirty ? ", dirty log" : "");
    return kvm_host->ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* The whole pages of a range that the host backs.  False: none. */
static bool slot_of_range(const struct kvm *kvm, const struct range *range, struct kvm_slot *slot)
{
    const struct region *region = range->region;
    u64 start = (range->start + PAGE - 1) & ~(PAGE - 1), end = range->end & ~(PAGE - 1);
    if (region->kind == REGION_MMIO || !region->host || start >= end)
        return false;
    u64 offset = start - range->start + range->offset;
    bool writable = region->kind == REGION_RAM && region->page_flags;
    *slot = (struct kvm_slot){
        .start = start,
        .size = end - start,
        .host = region->host + offset,
        .page_flags = region->page_flags ? region->page_flags + offset / PAGE : NULL,
        .read_only = !writable,
        .log_dirty = writable && (region->log_dirty || kvm->log_all),
    };
    return ((uintptr_t)slot->host & (PAGE - 1)) == 0;
}

static bool same_slot(const struct kvm_slot *a, const struct kvm_slot *b)
{
    return a->start == b->start && a->size == b->size && a->host == b->host && a->page_flags == b->page_flags &&
           a->read_only == b->read_only && a->log_dirty == b->log_dirty;
}

static void mark(u8 *flags) { __atomic_fetch_or(flags, PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE, __ATOMIC_RELAXED); }

/* A log that KVM does not give may have had every page in it. */
static void read_slot_dirty(struct kvm *kvm, unsigned index)
{
    struct kvm_slot *slot = &kvm->slots[index];
    u64 pages = slot->size / PAGE, words = (pages + 63) / 64;
    u64 *bitmap = calloc(words, 8);
    struct kvm_dirty_log log = {.slot = index, .dirty_bitmap = bitmap};
    bool known = bitmap && kvm_host->ioctl(kvm->vm, KVM_GET_DIRTY_LOG, &log) == 0;
    for (u64 i = 0; i < words && known; i++)
        for (u64 bits = bitmap[i]; bits; bits &= bits - 1)
            mark(&slot->page_flags[i * 64 + (u64)__builtin_ctzll(bits)]);
    for (u64 i = 0; i < pages && !known; i++)
        mark(&slot->page_flags[i]);
    free(bitmap);
}

void kvm_memory_read_dirty(struct kvm *kvm)
{
    for (unsigned i = 0; i < KVM_MAX_SLOTS; i++)
        if (kvm->slots[i].size && kvm->slots[i].log_dirty)
            read_slot_dirty(kvm, i);
}

/* Removes what the map no longer has, and marks in `kept` what it still has. */
static int remove_old(struct kvm *kvm, const struct kvm_slot *wanted, unsigned count, bool *kept)
{
    for (unsigned i = 0; i < KVM_MAX_SLOTS; i++) {
        struct kvm_slot *slot = &kvm->slots[i];
        bool keep = !slot->size;
        for (unsigned k = 0; k < count && !keep; k++)
            if (same_slot(slot, &wanted[k]))
                keep = kept[k] = true;
        if (keep)
            continue;
        if (slot->log_dirty)
            read_slot_dirty(kvm, i);
        slot->size = 0;
        int r = set_slot(kvm, i, slot);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_slot(struct kvm *kvm, const struct kvm_slot *slot)
{
    for (unsigned i = 0; i < MIN(kvm->slot_limit - PRIVATE_SLOTS, (unsigned)KVM_MAX_SLOTS); i++) {
        if (kvm->slots[i].size)
            continue;
        int r = set_slot(kvm, i, slot);
        if (r == 0)
            kvm->slots[i] = *slot;
        return r;
    }
    return -ENOSPC;
}

/*
 * A KVM that shadows the guest's page tables learns of changes by the guest's stores; those that were made while it did
 * not execute are unknown to it, and remain so when the guest flushes its TLB: what it shadows it takes for the same, and
 * it keeps tables that are not in use, too (paging off, another CR3).  So all go whenever the guest leaves KVM.  The move
 * of any slot makes it drop them: a page of nothing moves to and fro.  The call waits for readers, up to 10 ms on a busy
 * host: a thread makes it while the interpreter goes on.  No shadow comes before the next KVM_RUN, so any moment will do.
 */
static int move_spare(struct kvm *kvm)
{
    u64 start = kvm->spare_at == SPARE_PAGE ? SPARE_PAGE + PAGE : SPARE_PAGE;
    struct kvm_slot slot = {.start = start, .size = PAGE, .host = kvm->spare_page, .read_only = true};
    int r = set_slot(kvm, kvm->slot_limit - 1, &slot);
    if (r == 0)
        kvm->spare_at = start;
    return r;
}

static void *forget(void *opaque)
{
    struct kvm *kvm = opaque;
    struct machine *machine = kvm->vcpu->machine;
    machine_lock(machine);
    while (!kvm->forgetter_ends) {
        u64 wanted = kvm->forget_wanted;
        if (kvm->forgotten == wanted) {
            pthread_cond_wait(&kvm->forget, &machine->lock);
            continue;
        }
        machine_unlock(machine);
        int r = move_spare(kvm);
        machine_lock(machine);
        if (r < 0)
            kvm->forgetter_ends = true, kvm->dead = -r;
        else
            kvm->forgotten = wanted;
        pthread_cond_broadcast(&kvm->forget);
    }
    machine_unlock(machine);
    return NULL;
}

int kvm_memory_create(struct kvm *kvm, struct error *err)
{
    if (!kvm->shadows)
        return 0;
    kvm->spare_page = memory_alloc(PAGE);
    if (!kvm->spare_page)
        return error_set(err, ENOMEM, "out of memory for KVM");
    int r = move_spare(kvm);
    if (r < 0)
        return error_set(err, -r, "KVM_SET_USER_MEMORY_REGION: %s", strerror(-r));
    pthread_cond_init(&kvm->forget, NULL);
    int code = pthread_create(&kvm->forgetter, NULL, forget, kvm);
    if (code) /* what is left goes with kvm */
        return error_set(err, code, "cannot start a thread for KVM: %s", strerror(code));
    kvm->has_forgetter = true;
    return 0;
}

void kvm_memory_destroy(struct kvm *kvm)
{
    if (kvm->has_forgetter) {
        machine_lock(kvm->vcpu->machine);
        kvm->forgetter_ends = true;
        pthread_cond_broadcast(&kvm->forget);
        machine_unlock(kvm->vcpu->machine);
        pthread_join(kvm->forgetter, NULL);
        pthread_cond_destroy(&kvm->forget);
    }
    if (kvm->spare_page)
        memory_free(kvm->spare_page, PAGE);
}

void kvm_memory_guest_left(struct kvm *kvm)
{
    if (!kvm->has_forgetter || kvm->tables || !kvm->has_run)
        return;
    kvm->has_run = false;
    kvm->forget_wanted++;
    pthread_cond_broadcast(&kvm->forget);
}

bool kvm_memory_forgot_paging(struct kvm *kvm)
{
    if (!kvm->has_forgetter)
        return true;
    while (kvm->vcpu->patient && kvm->forgotten != kvm->forget_wanted && !kvm->forgetter_ends)
        pthread_cond_wait(&kvm->forget, &kvm->vcpu->machine->lock);
    return kvm->forgotten == kvm->forget_wanted;
}

bool kvm_memory_forget(struct kvm *kvm)
{
    if (!kvm->has_forgetter)
        return true;
    if (!kvm->forgetting)
        kvm->forget_wanted++;
    kvm->forgetting = true;
    pthread_cond_broadcast(&kvm->forget);
    while (kvm->vcpu->patient && kvm->forgotten != kvm->forget_wanted && !kvm->forgetter_ends)
        pthread_cond_wait(&kvm->forget, &kvm->vcpu->machine->lock);
    kvm->forgetting = kvm->forgotten != kvm->forget_wanted;
    return !kvm->forgetting;
}

int kvm_memory_add_private(struct kvm *kvm, u64 start, u8 *host, u64 size, struct error *err)
{
    struct kvm_slot slot = {.start = start, .size = size, .host = host};
    int r = set_slot(kvm, kvm->slot_limit - PRIVATE_SLOTS, &slot);
    return r < 0 ? error_set(err, -r, "KVM_SET_USER_MEMORY_REGION: %s", strerror(-r)) : 0;
}

int kvm_memory_sync(struct kvm *kvm)
{
    struct kvm_slot wanted[KVM_MAX_SLOTS];
    bool kept[KVM_MAX_SLOTS] = {false};
    size_t ranges;
    unsigned count = 0;
    const struct range *range = memory_ranges(kvm->vcpu->machine->memory, &ranges);
    for (size_t i = 0; i < ranges; i++) {
        if (count == KVM_MAX_SLOTS)
            return -ENOSPC;
        count += slot_of_range(kvm, &range[i], &wanted[count]);
    }
    int r = remove_old(kvm, wanted, count, kept);
    for (unsigned k = 0; k < count && r == 0; k++)
        if (!kept[k])
            r = add_slot(kvm, &wanted[k]);
    return r < 0 ? r : kvm_coalesced_sync(kvm);
}

#endif
