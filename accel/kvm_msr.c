/*
 * Model-specific registers: which are KVM's while it executes, and which stay the model's.
 *
 * KVM's are those that the processor itself uses.  All others are served by struct cpu, by an exit for each access, so that
 * they read the same under every engine: KVM's own have, say, 32 banks of machine check registers, and a system that found
 * them under KVM would meet #GP under the interpreter.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_MSRS, KVM_X86_SET_MSR_FILTER, KVM_CAP_X86_USER_SPACE_MSR, "The
 *   kvm_run structure" (apic_base).
 * Not modelled: Linux before 5.10, which has no filter: there KVM has more registers than the interpreter.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <string.h>

#include <string.h>
#include <sys/ioctl.h>

#include "cpu/feature.h"
#include "cpu/system.h"
#include "machine/trace.h"

#define MSR_TSC 0x10u /* kvm_tsc.c */
#define MSR_APIC_BASE 0x1bu
#define MSR_EFER 0xc0000080u    /* with the control registers */
#define MSR_FS_BASE 0xc0000100u /* with the segments */
#define MSR_GS_BASE 0xc0000101u

struct msr_buffer {
    struct kvm_msrs head;
    struct kvm_msr_entry entries[KVM_MAX_MSRS];
};

/* --- the filter --- */

#define RANGE_SIZE 0x400u
static const u32 ranges[] = {0, 0xc0000000};

static void allow(u64 bitmaps[][RANGE_SIZE / 64], u32 index)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        u32 bit = index - ranges[i];
        if (bit < RANGE_SIZE)
            bitmaps[i][bit / 64] |= 1ull << (bit % 64);
    }
}

static bool set_filter(struct kvm *kvm)
{
    static const u32 others[] = {MSR_TSC, MSR_EFER, MSR_FS_BASE, MSR_GS_BASE};
    u64 bitmaps[ARRAY_SIZE(ranges)][RANGE_SIZE / 64] = {{0}};
    struct kvm_msr_filter filter = {.flags = KVM_MSR_FILTER_DEFAULT_DENY};
    for (unsigned i = 0; i < kvm->msr_count; i++)
        allow(bitmaps, kvm->msrs[i].index);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        allow(bitmaps, others[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++)
        filter.ranges[i] = (struct kvm_msr_filter_range){.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
                                                         .nmsrs = RANGE_SIZE, .base = ranges[i],
                                                         .bitmap = (u8 *)bitmaps[i]};
    return kvm_host->ioctl(kvm->vm, KVM_X86_SET_MSR_FILTER, &filter) == 0;
}

/* --- those that move --- */

/* False: the call failed; a KVM that has no such MSR answers 0. */
static bool add(struct kvm *kvm, u32 index, u64 *value, bool kept)
{
    struct msr_buffer buffer = {.head = {.nmsrs = 1}, .entries = {{.index = index}}};
    int done = kvm_host->ioctl(kvm->cpu, KVM_GET_MSRS, &buffer);
    if (done == 1 && kvm->msr_count < KVM_MAX_MSRS)
        kvm->msrs[kvm->msr_count++] = (struct kvm_msr_field){index, value, kept};
    else
        trace(ACCEL, "kvm: no MSR %x", index);
    return done >= 0;
}

static bool list_processors(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    bool done = add(kvm, 0x174, &cpu->sysenter_cs, false) && add(kvm, 0x175, &cpu->sysenter_esp, false) &&
                add(kvm, 0x176, &cpu->sysenter_eip, false) && add(kvm, 0xc0000081, &cpu->star, false);
    if (done && cpu_has(cpu, FEATURE_LM))
        done = add(kvm, 0xc0000082, &cpu->lstar, false) && add(kvm, 0xc0000083, &cpu->cstar, false) &&
               add(kvm, 0xc0000084, &cpu->fmask, false) && add(kvm, 0xc0000102, &cpu->kernel_gs_base, false);
    if (done && cpu_has(cpu, FEATURE_RDTSCP))
        done = add(kvm, 0xc0000103, &cpu->tsc_aux, false);
    if (done && cpu_has(cpu, FEATURE_PAT))
        done = add(kvm, 0x277, &cpu->pat, true);
    return done;
}

/* Without a filter KVM also has what it only stores. */
static bool list_stored(struct kvm *kvm)
{
    static const u16 fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    struct cpu *cpu = kvm->vcpu->cpu;
    bool done = !cpu_has(cpu, FEATURE_I686) || add(kvm, 0x1a0, &cpu->misc_enable, true);
    if (!cpu_has(cpu, FEATURE_MTRR))
        return done;
    for (unsigned i = 0; i < ARRAY_SIZE(fixed) && done; i++)
        done = add(kvm, fixed[i], &cpu->mtrr_fixed[i], true);
    for (unsigned i = 0; i < ARRAY_SIZE(cpu->mtrr_base) && done; i++)
        done = add(kvm, 0x200 + 2 * i, &cpu->mtrr_base[i], true) && add(kvm, 0x201 + 2 * i, &cpu->mtrr_mask[i], true);
    return done && add(kvm, 0x2ff, &cpu->mtrr_def_type, true);
}

int kvm_msr_create(struct kvm *kvm, struct error *err)
{
    struct kvm_enable_cap exits = {.cap = KVM_CAP_X86_USER_SPACE_MSR,
                                   .args = {KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL |
                                            KVM_MSR_EXIT_REASON_FILTER}};
    /* Code of users reaches no MSRs; and the wait for readers in KVM_X86_SET_MSR_FILTER makes every later one, of
     * KVM_SET_USER_MEMORY_REGION, last 4 ms. */
    if (kvm->user_only)
        return 0;
    bool listed = list_processors(kvm);
    if (listed && kvm_has(kvm->vm, KVM_CAP_X86_USER_SPACE_MSR) && kvm_host->ioctl(kvm->vm, KVM_ENABLE_CAP, &exits) == 0 &&
        kvm_has(kvm->vm, KVM_CAP_X86_MSR_FILTER))
        kvm->filters_msrs = set_filter(kvm);
    if (listed && !kvm->filters_msrs)
        listed = list_stored(kvm);
    return listed ? 0 : error_set(err, errno, "KVM_GET_MSRS: %s", strerror(errno));
}

/* One that KVM refuses to take: if it only keeps it, it does without from now on, and struct cpu has the value.  False: the
 * guest would notice. */
static bool leave_out(struct kvm *kvm, unsigned which)
{
    const struct kvm_msr_field *field = &kvm->msrs[which];
    trace(ACCEL, "kvm: refuses MSR %x = %llx", field->index, (unsigned long long)*field->value);
    if (!field->kept) {
        kvm->cannot = "an MSR has a value that KVM refuses";
        return false;
    }
    kvm->msrs[which] = kvm->msrs[--kvm->msr_count];
    return true;
}

bool kvm_msr_load(struct kvm *kvm)
{
    while (kvm->msr_count) {
        struct msr_buffer buffer = {.head = {.nmsrs = kvm->msr_count}};
        for (unsigned i = 0; i < kvm->msr_count; i++)
            buffer.entries[i] = (struct kvm_msr_entry){.index = kvm->msrs[i].index, .data = *kvm->msrs[i].value};
        int done = kvm_host->ioctl(kvm->cpu, KVM_SET_MSRS, &buffer);
        if (done < 0)
            return kvm_state_failed(kvm, "KVM_SET_MSRS");
        if ((unsigned)done >= kvm->msr_count)
            return true;
        if (!leave_out(kvm, (unsigned)done))
            return false;
    }
    return true;
}

bool kvm_msr_store(struct kvm *kvm)
{
    struct msr_buffer buffer = {.head = {.nmsrs = kvm->msr_count}};
    for (unsigned i = 0; i < kvm->msr_count; i++)
        buffer.entries[i].index = kvm->msrs[i].index;
    int done = kvm_host->ioctl(kvm->cpu, KVM_GET_MSRS, &buffer);
    if (done >= 0 && (unsigned)done < kvm->msr_count) { /* it had them all when it was created */
        errno = EINVAL;
        done = -1;
    }
    if (done < 0)
        return kvm_state_failed(kvm, "KVM_GET_MSRS");
    for (int i = 0; i < done; i++)
        *kvm->msrs[i].value = buffer.entries[i].data;
    return true;
}

/* --- those that come to us --- */

bool kvm_msr_serve(struct kvm *kvm)
{
    struct kvm_run *run = kvm->run;
    struct cpu *cpu = kvm->vcpu->cpu;
    u64 value = run->msr.data;
    if (run->exit_reason == KVM_EXIT_X86_RDMSR)
        run->msr.error = !msr_read(cpu, run->msr.index, &value);
    else if (run->exit_reason == KVM_EXIT_X86_WRMSR)
        run->msr.error = !msr_write(cpu, run->msr.index, value);
    else
        return false;
    run->msr.data = value;
    kvm->io_pending = true;
    kvm->access_known = false;
    return true;
}

/* Where no filter leads the guest's WRMSR to us, KVM says here what it did. */
void kvm_msr_follow_apic_base(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    if (!kvm->user_only && !kvm->filters_msrs && kvm->run->apic_base != cpu->apic_base)
        msr_write(cpu, MSR_APIC_BASE, kvm->run->apic_base);
}

#endif
