/*
 * A KVM that is good for 64-bit user code only: a software KVM runs that at the hardware's speed and emulates all else
 * slowly, or wrongly (no 32-bit paging, SYSCALL that stays in ring 3).  Here it gets nothing but such code; the first
 * exception, system call or interrupt brings it back, and the interpreter goes on until the guest is in user code again.
 *
 * How it comes back: the IDT that KVM is given has no entries, so that an exception becomes a triple fault, which KVM
 * reports with the registers as they were before the faulting instruction; the interpreter executes that instruction
 * with the guest's own IDT.  SYSCALL goes to an address that user code cannot execute, with the same result.
 *
 * Source: SDM vol. 2B, "SYSCALL" (RCX = next RIP, R11 = RFLAGS); vol. 3A, "Interrupt 8", "Interrupt 3" (a trap).
 * What user code asks without any exception would be the host's to answer, CPUID above all: kvm_tables.c.  SGDT and its
 * like fault by CR4.UMIP, and what reads a descriptor table finds none.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm_tables.h"

#include <string.h>
#include <sys/ioctl.h>

#include "machine/trace.h"

#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define SYSCALL_LENGTH 2
#define DR6_BS 0x4000u
/* In the half that systems keep for themselves; a guest that maps it for users executes there what it asked for. */
#define SYSCALL_TARGET 0xffffff7fffffe000ull

bool kvm_user_is_routine(const char *why)
{
    return !strcmp(why, KVM_WHY_SYSTEM) || !strcmp(why, KVM_WHY_EXCEPTION) || !strcmp(why, KVM_WHY_INTERRUPT);
}

const char *kvm_user_why_not(const struct cpu *cpu)
{
    if (!(cpu->efer & EFER_LMA) || !(cpu->seg[CS].access & SEG_L) || cpu->cpl != 3)
        return KVM_WHY_SYSTEM;
    if (cpu->activity != ACTIVITY_ACTIVE || cpu->nmi_pending || cpu->init_pending || cpu->startup_pending)
        return "an event is waiting";
    if (!(cpu->efer & EFER_SCE) || !(cpu->cr4 & CR4_OSFXSR) || (cpu->cr0 & (CR0_TS | CR0_EM)) || (cpu->cr4 & CR4_TSD))
        return "instructions are to fault that would not";
    if (!(cpu->rflags & FLAG_IF) || (cpu->rflags & (FLAG_IOPL | FLAG_NT | FLAG_VIF | FLAG_VIP)))
        return "RFLAGS is not what the host has for its own programs";
    if ((cpu->rflags & (FLAG_TF | FLAG_RF)) || (cpu->dr[7] & 0xff) || cpu->shadow)
        return "the guest is being debugged";
    return NULL;
}

void kvm_user_limit(struct kvm *kvm, struct kvm_sregs2 *sregs)
{
    sregs->cr3 = kvm_tables_root(kvm);
    sregs->cr4 &= CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE;
    if (kvm->has_umip)
        sregs->cr4 |= CR4_UMIP;
    sregs->efer |= EFER_NXE;
    sregs->gdt.limit = 0;
    sregs->ldt = (struct kvm_segment){.unusable = 1};
}

bool kvm_user_load_msrs(struct kvm *kvm)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entries[2];
    } buffer = {.head = {.nmsrs = 2}, .entries = {{.index = MSR_LSTAR, .data = SYSCALL_TARGET}, {.index = MSR_FMASK}}};
    if (!kvm->user_msrs)
        kvm->user_msrs = kvm_host->ioctl(kvm->cpu, KVM_SET_MSRS, &buffer) == 2;
    if (!kvm->user_msrs)
        kvm->cannot = "KVM_SET_MSRS";
    return kvm->user_msrs;
}

/* INT3 is reported behind itself. */
static void rewind_int3(struct cpu *cpu)
{
    u8 bytes[2] = {0};
    if (!cpu_read_debug(cpu, cpu->rip - 2, bytes, 2) && !cpu_read_debug(cpu, cpu->rip - 1, &bytes[1], 1))
        return;
    if (bytes[1] == 0xcc)
        cpu->rip -= 1;
    else if (bytes[0] == 0xcd && bytes[1] == VECTOR_BP)
        cpu->rip -= 2;
}

void kvm_user_store(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_vcpu_events events;
    cpu->rflags &= ~(u64)FLAG_RF; /* from the image of the fault that we took back */
    cpu->pending_dr6 = 0;
    bool raised = kvm->run->exit_reason == KVM_EXIT_SHUTDOWN;
    if (cpu->rip == SYSCALL_TARGET) { /* a kick may come before the exception */
        cpu->rip = cpu->gpr[RCX] - SYSCALL_LENGTH;
        cpu->rflags = cpu->gpr[R11] & ~(u64)FLAG_RF;
    } else if (kvm_state_events(kvm, &events) &&
               (raised || events.exception.injected || events.exception.pending)) {
        if (events.exception.nr == VECTOR_BP)
            rewind_int3(cpu);
        else if (events.exception.nr == VECTOR_DB && (cpu->rflags & FLAG_TF))
            cpu->pending_dr6 = DR6_BS;
    }
    cpu->next_rip = cpu->rip;
}

#endif
