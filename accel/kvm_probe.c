/*
 * What the host's KVM gets wrong.  Hardware gets nothing wrong; a software KVM may lack modes without saying so, or show
 * the host's processor where we told it to show ours.  A guest that notices would break when the interpreter goes on.
 *
 * Source: Linux kernel documentation, virt/kvm/api; tried on hosts.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/feature.h"
#include "cpu/system.h"
#include "machine/trace.h"

#define PAGE 4096u
#define CPUID_OSXSAVE (1u << 27) /* these two follow CR4 and IA32_APIC_BASE */
#define CPUID_APIC (1u << 9)
#define CPUID_VMX (1u << 5) /* leaf 1, ECX */

/* -errno: KVM does not say. */
static int keeps_paging32(struct kvm *kvm)
{
    struct kvm_sregs before, sregs;
    if (kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &before) < 0)
        return -errno;
    sregs = before;
    sregs.cr0 = CR0_PG | CR0_ET | CR0_PE;
    sregs.cs = (struct kvm_segment){.limit = ~0u, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1};
    sregs.ss = sregs.ds = sregs.es =
        (struct kvm_segment){.limit = ~0u, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
    int set = kvm_host->ioctl(kvm->cpu, KVM_SET_SREGS, &sregs);
    if (set < 0 && errno != EINVAL)
        return -errno;
    bool keeps = set == 0 && kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) == 0 && (sregs.cr0 & CR0_PG);
    return kvm_host->ioctl(kvm->cpu, KVM_SET_SREGS, &before) < 0 ? -errno : keeps;
}

/* Does `act` with a processor in real-address mode that is about to execute `code`, at address 0 of a page of its own. */
static bool with_code(struct kvm *kvm, const u8 *code, size_t size, struct kvm_regs *regs,
                      bool (*act)(struct kvm *kvm, struct kvm_regs *regs))
{
    struct kvm_sregs sregs;
    u8 *page = memory_alloc(PAGE);
    if (!page)
        return false;
    struct kvm_userspace_memory_region region = {.memory_size = PAGE, .userspace_addr = (uintptr_t)page};
    memcpy(page, code, size);
    bool ready = kvm_host->ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 &&
                 kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) == 0;
    sregs.cs.base = sregs.cs.selector = 0;
    bool done = false;
    for (unsigned i = 0; i < 2 && ready && !done; i++) /* what kvm_probe_modes did may end the first run as a shutdown */
        done = kvm_host->ioctl(kvm->cpu, KVM_SET_SREGS, &sregs) == 0 &&
               kvm_host->ioctl(kvm->cpu, KVM_SET_REGS, regs) == 0 && act(kvm, regs);
    region.memory_size = 0;
    kvm_host->ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region);
    memory_free(page, PAGE);
    return done;
}

static bool run_to_halt(struct kvm *kvm, struct kvm_regs *regs)
{
    return kvm_host->ioctl(kvm->cpu, KVM_RUN, 0) == 0 && kvm->run->exit_reason == KVM_EXIT_HLT &&
           kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, regs) == 0;
}

static bool run_to_breakpoint(struct kvm *kvm, struct kvm_regs *regs)
{
    return kvm_debug_works(kvm, POINT_EXECUTE, 3, 3);
}

static bool run_to_watchpoint(struct kvm *kvm, struct kvm_regs *regs)
{
    return kvm_debug_works(kvm, POINT_WRITE, 0x100, 3);
}

static bool step_over_store(struct kvm *kvm, struct kvm_regs *regs) { return kvm_step_works(kvm, 3); }
static bool step_into_fault(struct kvm *kvm, struct kvm_regs *regs) { return kvm_step_works(kvm, 0); }

/* Features that the guest sees and that the model has not. */
static bool shows_only_ours(struct kvm *kvm)
{
    static const u8 code[] = {0x0f, 0xa2, 0xf4}; /* CPUID, HLT */
    struct kvm_regs regs = {.rax = 1, .rflags = 2};
    u32 ours[4] = {0};
    bool ran = with_code(kvm, code, sizeof(code), &regs, run_to_halt);
    if (cpu_has(kvm->vcpu->cpu, FEATURE_CPUID))
        cpuid_leaf(kvm->vcpu->cpu, 1, 0, ours);
    u32 more_ecx = (u32)regs.rcx & ~(ours[2] | CPUID_OSXSAVE), more_edx = (u32)regs.rdx & ~(ours[3] | CPUID_APIC);
    if (ran && (more_ecx | more_edx))
        trace(ACCEL, "kvm: CPUID 1 shows ECX %x, EDX %x beyond the model", more_ecx, more_edx);
    return !ran || !(more_ecx | more_edx);
}

void kvm_probe_breakpoints(struct kvm *kvm)
{
    static const u8 code[] = {0xa2, 0x00, 0x01, 0x90, 0xf4}; /* MOV [100h], AL; NOP, HLT */
    static const u8 fault[] = {0x0f, 0x0b};                  /* UD2 */
    struct kvm_regs regs = {.rflags = 2};
    if (kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) <= 0)
        return;
    if (kvm->user_only) {
        kvm->has_steps = kvm_measure_steps();
    } else {
        kvm->has_breakpoints = with_code(kvm, code, sizeof(code), &regs, run_to_breakpoint);
        kvm->has_watchpoints = with_code(kvm, code, sizeof(code), &regs, run_to_watchpoint);
        kvm->has_steps = with_code(kvm, code, sizeof(code), &regs, step_over_store) &&
                         with_code(kvm, fault, sizeof(fault), &regs, step_into_fault);
    }
    int controls = kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);
    kvm->block_irq = controls > 0 ? (u32)controls & KVM_GUESTDBG_BLOCKIRQ : 0;
    trace(ACCEL, "kvm: breakpoints: %s, watchpoints: %s, single steps: %s", kvm->has_breakpoints ? "yes" : "no",
          kvm->has_watchpoints ? "yes" : "no", kvm->has_steps ? "yes" : "no");
}

/* An x87 error with CR0.NE = 0: does it come to the handler at 80h? */
static bool run_to_handler(struct kvm *kvm, struct kvm_regs *regs)
{
    return run_to_halt(kvm, regs) && regs->rip == 0x81;
}

static bool host_has_vmx(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & CPUID_VMX);
}

/* With VMX only: AMD's processors do what CR0.NE says, and would stand still at the WAIT. */
void kvm_probe_ferr(struct kvm *kvm)
{
    static const u8 code[0x81] = {0xdb, 0xe3,                         /* FNINIT */
                                  0xd9, 0x2e, 0x00, 0x02,             /* FLDCW [200h]: nothing is masked */
                                  0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, /* FLD1; FLDZ; FDIVP */
                                  0x9b, 0xf4,                         /* WAIT; HLT */
                                  [4 * VECTOR_MF] = 0x80, [0x80] = 0xf4};
    struct kvm_regs regs = {.rflags = 2, .rsp = 0x800};
    if (kvm->has_breakpoints && kvm->has_watchpoints && !kvm->lacks_paging32 && !kvm->lacks_syscall && host_has_vmx())
        kvm->ferr.by_exception = with_code(kvm, code, sizeof(code), &regs, run_to_handler);
    trace(ACCEL, "kvm: breakpoints: %s; x87 errors with CR0.NE = 0: %s", kvm->has_breakpoints ? "yes" : "no",
          kvm->ferr.by_exception ? "exception 16" : "FERR#");
}

static bool run_to_window(struct kvm *kvm, struct kvm_regs *regs)
{
    kvm->run->request_interrupt_window = 1;
    bool ran = kvm_host->ioctl(kvm->cpu, KVM_RUN, 0) == 0;
    kvm->run->request_interrupt_window = 0;
    return ran && kvm->run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN;
}

/* An emulator may look for the window between its batches of instructions only; hardware leaves behind the NOP. */
void kvm_probe_window(struct kvm *kvm)
{
    static const u8 code[] = {0xfb, 0x90, 0x90, 0xfa, 0xf4}; /* STI, NOP, NOP, CLI, HLT */
    struct kvm_regs regs = {.rflags = 2};
    kvm->misses_window = !kvm->user_only && !with_code(kvm, code, sizeof(code), &regs, run_to_window);
    if (kvm->misses_window)
        trace(ACCEL, "kvm: no exit for an interrupt window; the interpreter waits for them");
}

int kvm_create_vm(int system, struct error *err)
{
    int vm;
    do
        vm = kvm_host->ioctl(system, KVM_CREATE_VM, 0);
    while (vm < 0 && errno == EINTR);
    if (vm >= 0)
        return vm;
    return error_set(err, errno, "KVM_CREATE_VM: %s%s", strerror(errno),
                     errno == EBUSY ? "; another hypervisor uses the processor's virtualization: end it" : "");
}

int kvm_probe_modes(struct kvm *kvm, struct error *err)
{
    int keeps = keeps_paging32(kvm);
    kvm->lacks_paging32 = keeps == 0;
    return keeps < 0 ? error_set(err, -keeps, "KVM_GET_SREGS and KVM_SET_SREGS: %s", strerror(-keeps)) : 0;
}

void kvm_probe_cpuid(struct kvm *kvm)
{
    kvm->foreign_cpuid = !shows_only_ours(kvm);
}

#endif
