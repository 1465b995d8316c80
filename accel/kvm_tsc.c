/*
 * The time-stamp counter across engines: the host's own, plus an offset that both KVM and the interpreter add.
 *
 * Source: Linux kernel documentation, virt/kvm/devices/vcpu: KVM_VCPU_TSC_CTRL; virt/kvm/api: KVM_GET_TSC_KHZ,
 *   KVM_SET_MSRS; the behaviour of older kernels at IA32_TIME_STAMP_COUNTER as they publish it.
 * Modelled: offsets.  Not modelled: a counter of another frequency than the host's.
 * Some software KVMs let the host's counter show through and ignore offsets: there the guest counts like the host from
 * power-on, and a guest that writes its counter is the interpreter's.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "machine/cpubus.h"
#include "machine/trace.h"

#define MSR_TSC 0x10u
#define NEAR (1ull << 24) /* ticks: a guest that writes its counter is further away */
#define FAR (1ull << 50)

static int offset_attribute(int cpu, unsigned long request, u64 *offset)
{
    struct kvm_device_attr attribute = {
        .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)offset};
    return kvm_host->ioctl(cpu, request, &attribute);
}

struct tsc_buffer {
    struct kvm_msrs head;
    struct kvm_msr_entry entry;
};

/* From the counter itself: too low by the time that it takes, so the highest of some. */
static bool read_offset(int cpu, u64 *offset)
{
    struct tsc_buffer buffer = {.head = {.nmsrs = 1}, .entry = {.index = MSR_TSC}};
    for (unsigned i = 0; i < 3; i++) {
        if (kvm_host->ioctl(cpu, KVM_GET_MSRS, &buffer) != 1)
            return false;
        u64 now = buffer.entry.data - cpubus_host_tsc();
        if (i == 0 || (i64)(now - *offset) > 0)
            *offset = now;
    }
    return true;
}

static bool write_counter(int cpu, u64 offset)
{
    struct tsc_buffer buffer = {
        .head = {.nmsrs = 1}, .entry = {.index = MSR_TSC, .data = cpubus_host_tsc() + offset}};
    return kvm_host->ioctl(cpu, KVM_SET_MSRS, &buffer) == 1;
}

/*
 * Linux has the attribute since 5.16.  Before, the counter is written, and KVM takes a value within a second of the one
 * that it would have for an attempt to synchronize processors, and changes nothing: so one far away is written first.
 */
static bool set_offset(int cpu, u64 offset)
{
    if (offset_attribute(cpu, KVM_SET_DEVICE_ATTR, &offset) == 0)
        return true;
    return write_counter(cpu, offset + FAR) && write_counter(cpu, offset);
}

/* Is the offset what we asked for, give or take a busy host? */
static bool is_near(u64 offset, u64 wanted) { return offset - wanted + NEAR <= 2 * NEAR; }

/* The offset that the guest has now, if it is not what it was given.  False: KVM does not say. */
static bool get_offset(int cpu, u64 *offset)
{
    u64 now = 0;
    bool exact = offset_attribute(cpu, KVM_GET_DEVICE_ATTR, &now) == 0;
    if (!exact && !read_offset(cpu, &now))
        return false;
    if (exact || !is_near(now, *offset))
        *offset = now;
    return true;
}

/* False: the counter cannot be read, so nobody knows. */
static bool takes_offsets(int cpu, bool *takes)
{
    u64 wanted = 1ull << 45, got = 0;
    bool set = set_offset(cpu, wanted);
    bool readable = read_offset(cpu, &got);
    *takes = readable && set && is_near(got, wanted);
    return readable;
}

bool kvm_tsc_probe(struct machine_tsc *tsc)
{
    struct error none;
    int system = kvm_open(&none), vm = -1, cpu = -1;
    bool takes = false;
    if (system >= 0)
        vm = kvm_host->ioctl(system, KVM_CREATE_VM, 0);
    if (vm >= 0)
        cpu = kvm_host->ioctl(vm, KVM_CREATE_VCPU, 0);
    int khz = cpu >= 0 ? kvm_host->ioctl(cpu, KVM_GET_TSC_KHZ, 0) : 0;
    bool known = khz > 0 && takes_offsets(cpu, &takes);
    if (known)
        *tsc = (struct machine_tsc){.host_hz = (u64)khz * 1000, .fixed = !takes};
    const int files[] = {cpu, vm, system};
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        if (files[i] >= 0)
            kvm_host->close(files[i]);
    if (known)
        trace(ACCEL, "kvm: the host's TSC counts %d kHz%s", khz, tsc->fixed ? "; the guest sees it as it is" : "");
    return known;
}

bool kvm_tsc_load(struct kvm *kvm)
{
    const struct machine_tsc *tsc = &kvm->vcpu->machine->tsc;
    u64 offset = kvm->vcpu->cpu->tsc_offset - tsc->late;
    if (tsc->fixed || offset == kvm->tsc_offset)
        return true;
    errno = EINVAL; /* it may refuse in a return value of 0 */
    if (!set_offset(kvm->cpu, offset))
        return kvm_state_failed(kvm, "the time-stamp counter is beyond KVM");
    kvm->tsc_offset = offset;
    return true;
}

bool kvm_tsc_store(struct kvm *kvm)
{
    const struct machine_tsc *tsc = &kvm->vcpu->machine->tsc;
    if (tsc->fixed)
        return true;
    errno = EINVAL;
    if (!get_offset(kvm->cpu, &kvm->tsc_offset))
        return kvm_state_failed(kvm, "the time-stamp counter");
    kvm->vcpu->cpu->tsc_offset = kvm->tsc_offset + tsc->late;
    return true;
}

#endif
