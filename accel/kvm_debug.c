/*
 * A debugger's breakpoints and watchpoints in KVM: the processor's debug registers, which KVM keeps apart from the
 * guest's (KVM_GUESTDBG_USE_HW_BP).
 *
 * The guest's own breakpoints do not work meanwhile and its traps come to us, so a guest that debugs itself is executed by
 * the interpreter; DR7.GD tells when it begins to.  The interpreter also has what the registers cannot hold: more than four
 * points, watchpoints for reading only.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_GUEST_DEBUG; SDM vol. 3B, "Debug Registers", "Breakpoint Field
 *   Recognition" (a watched range is 1, 2, 4 or 8 bytes long and aligned), "General-Detect Exception Condition".
 * Unverified: GD on AMD hosts, where the guest's DR7 is also looked at before each time slice.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/system.h"

#define REGISTERS 4u

static bool add(struct kvm_guest_debug *debug, u8 points[4], unsigned *used, u64 address, unsigned type, unsigned length,
                unsigned point)
{
    static const u8 lengths[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    unsigned n = *used;
    if (n == REGISTERS)
        return false;
    debug->arch.debugreg[n] = address;
    debug->arch.debugreg[7] |= 2ull << (2 * n) | (u64)(type | lengths[length] << 2) << (16 + 4 * n);
    points[n] = (u8)point;
    *used = n + 1;
    return true;
}

/* A watched range as aligned pieces. */
static bool add_range(struct kvm_guest_debug *debug, u8 points[4], unsigned *used, const struct point *point,
                      unsigned index)
{
    unsigned type = point->kind == POINT_WRITE ? 1 : 3;
    for (unsigned at = 0, length; at < point->length; at += length) {
        for (length = 8; length > point->length - at || (point->address + at) % length; length /= 2)
            continue;
        if (!add(debug, points, used, point->address + at, type, length, index))
            return false;
    }
    return true;
}

/* NULL, or why the registers cannot have the points. */
static const char *fill(const struct debugger *debugger, struct kvm_guest_debug *debug, u8 points[4])
{
    unsigned used = 0;
    *debug = (struct kvm_guest_debug){.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP};
    debug->arch.debugreg[7] = DR7_FIXED | DR7_GD;
    for (unsigned i = 0; i < debugger->count; i++) {
        const struct point *point = &debugger->points[i];
        if (point->kind == POINT_READ)
            return "a debugger watches for reading only";
        if (point->kind == POINT_EXECUTE ? !add(debug, points, &used, point->address, 0, 1, i)
                                         : !add_range(debug, points, &used, point, i))
            return "a debugger wants more than four breakpoints";
    }
    return NULL;
}

/* No points of a debugger's (kvm_ferr.c): DR0 and DR2 the handlers, DR1 and DR3 what leads there, if it can be watched. */
static void fill_ferr(const struct kvm_ferr *ferr, struct kvm_guest_debug *debug, u8 points[4])
{
    *debug = (struct kvm_guest_debug){.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP};
    debug->arch.debugreg[7] = DR7_FIXED | DR7_GD;
    for (unsigned mode = 0; mode < 2; mode++) {
        const struct kvm_ferr_handler *handler = &ferr->handlers[mode];
        unsigned n = 2 * mode, length = mode ? 8 : 4;
        if (handler->known)
            add(debug, points, &n, handler->address, 0, 1, 0);
        if (handler->known && handler->entry % length == 0)
            add(debug, points, &n, handler->entry, 1, length, 0);
    }
}

const char *kvm_debug_why_not(const struct kvm *kvm)
{
    const struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_guest_debug debug;
    u8 points[REGISTERS];
    if (!cpu->debugger.count)
        return NULL;
    if ((cpu->debugger.breakpoints && !kvm->has_breakpoints) || (cpu->debugger.watchpoints && !kvm->has_watchpoints))
        return "breakpoints of a debugger, which this host's KVM lacks";
    if ((cpu->rflags & FLAG_TF) || (cpu->dr[7] & DR7_ENABLES))
        return "a debugger, and the guest debugs, too";
    return fill(&cpu->debugger, &debug, points);
}

bool kvm_debug_load(struct kvm *kvm)
{
    const struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_guest_debug debug = {0};
    if (!cpu->debugger.count && !kvm->ferr.armed && !kvm->debugging)
        return true;
    if (cpu->debugger.count)
        fill(&cpu->debugger, &debug, kvm->debug_points);
    else if (kvm->ferr.armed)
        fill_ferr(&kvm->ferr, &debug, kvm->debug_points);
    kvm->ferr.armed &= !cpu->debugger.count;
    kvm->synced = false;
    kvm->debugging = debug.control != 0;
    if (kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug) >= 0)
        return true;
    kvm->cannot = "KVM_SET_GUEST_DEBUG";
    return false;
}

bool kvm_debug_guest_debugs(struct kvm *kvm)
{
    struct kvm_debugregs own;
    return kvm->debugging && (kvm_host->ioctl(kvm->cpu, KVM_GET_DEBUGREGS, &own) < 0 || (own.dr7 & DR7_ENABLES));
}

/* The point that the exit is for, or NULL. */
static const struct point *point_hit(const struct kvm *kvm)
{
    const struct debugger *debugger = &kvm->vcpu->cpu->debugger;
    for (unsigned i = 0; i < REGISTERS; i++) {
        if (!(kvm->run->debug.arch.dr6 >> i & 1) || kvm->debug_points[i] >= debugger->count)
            continue;
        const struct point *point = &debugger->points[kvm->debug_points[i]];
        if (point->kind != POINT_EXECUTE || point->address == kvm->run->debug.arch.pc)
            return point;
    }
    return NULL;
}

const char *kvm_debug_exit(struct kvm *kvm)
{
    struct debugger *debugger = &kvm->vcpu->cpu->debugger;
    if (!kvm->debugging) /* lockstep's single step */
        return NULL;
    const struct point *point = point_hit(kvm);
    if (point) {
        debugger->cause = point->kind == POINT_EXECUTE ? STOP_BREAKPOINT : STOP_WATCHPOINT;
        debugger->hit = *point;
        return NULL;
    }
    if (kvm->run->debug.arch.dr6 & DR6_BS) /* it was delivered to us in the guest's place */
        kvm->guest_trap = DR6_BS;
    return debugger->count ? "a debugger, and the guest debugs, too" : "the guest debugs itself";
}

bool kvm_debug_works(struct kvm *kvm, enum point_kind kind, u64 address, u64 pc)
{
    struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP}, off = {0};
    u8 points[REGISTERS];
    unsigned used = 0;
    debug.arch.debugreg[7] = DR7_FIXED;
    add(&debug, points, &used, address, kind == POINT_EXECUTE ? 0 : 1, 1, 0);
    if (kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug) < 0)
        return false;
    bool hit = kvm_host->ioctl(kvm->cpu, KVM_RUN, 0) == 0 && kvm->run->exit_reason == KVM_EXIT_DEBUG &&
               kvm->run->debug.arch.pc == pc && (kvm->run->debug.arch.dr6 & 1);
    if (kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &off) < 0)
        kvm->dead = errno; /* the guest would stop there */
    return hit;
}

#endif
