/*
 * Single steps by KVM (KVM_GUESTDBG_SINGLESTEP): lockstep's, which take what KVM makes of an instruction, and a debugger's.
 * There the interpreter's step (cpu_step) is the measure: what KVM might not do exactly so is the interpreter's, and the
 * debugger cannot tell who made a step.
 *
 * KVM steps by RFLAGS.TF, which the guest must not see.  The processor gets an IDT without entries, so that an exception is a
 * triple fault, which pushes nothing: then the step counts as not made, struct cpu still is what it was before it, and the
 * interpreter executes the instruction.  So it does where the instruction reaches a device: the access is not made, and what
 * KVM makes of the instruction is dropped.
 *
 * Never KVM's are instructions
 *   that push, load or save RFLAGS, change privilege, mode, segments or IF, or hold events off (ATTR_END, ATTR_SHADOW, PUSHF);
 *   that are privileged, access ports, raise exceptions, or show the IDT;
 *   with REP: a step is one iteration, after which RF is set;
 *   of the x87 and those that save or restore its state: the selectors of its pointers do not pass through KVM
 *     (kvm_state.c), AMD's processors drop the pointers, too, and an error may be an interrupt (CR0.NE = 0);
 * nor any where an event is to be delivered first, after STI or MOV SS, with RF set, where the guest traces itself or has
 * breakpoints enabled, or with watchpoints.  Interrupts that come meanwhile wait for the end of the step.  Flags that the
 * manual leaves undefined (IMUL) are what the host's processor makes of them, as they are when KVM runs on.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_GUEST_DEBUG, KVM_CAP_SET_GUEST_DEBUG2; SDM vol. 3B, "Single-Step
 *   Exception Condition"; vol. 3A, "Interrupt 8" (what becomes a shutdown).
 * Not modelled: an instruction that changes an operand which lies half in RAM and half in a device: the half in RAM changes
 *   twice.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/debug.h"
#include "accel/kvm.h"

#include <string.h>
#include <sys/ioctl.h>

#include "cpu/insn.h"
#include "cpu/system.h"

#define FSW_ES 0x80u
#define STEP_NS 10000000ull
#define TRIES 100u /* of STEP_NS; kicks are few */

static bool takes(const struct insn *insn)
{
    static const char *const others[] = {"pushf", "sidt", "fxsave", "fxrstor", "xsave", "xrstor"};
    const struct opcode *opcode = insn->opcode;
    if (opcode == &opcode_invalid || opcode == &opcode_too_long)
        return false;
    if (opcode->attr & (ATTR_END | ATTR_PRIV | ATTR_IOPL | ATTR_FAULTS | ATTR_SHADOW | ATTR_X87))
        return false;
    if ((opcode->attr & ATTR_STRING) && insn->rep)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        if (!strncmp(opcode->mnemonic, others[i], strlen(others[i])))
            return false;
    return true;
}

static bool takes_next(struct cpu *cpu)
{
    u16 access = cpu->seg[CS].access;
    bool wide = (cpu->efer & EFER_LMA) && (access & SEG_L);
    u64 linear = debug_place(cpu), mask = wide ? ~0ull : UINT32_MAX;
    struct decoder decoder = {.code_size = wide ? SIZE_64 : access & SEG_DB ? SIZE_32 : SIZE_16, .features = cpu->features};
    struct insn insn;
    u8 bytes[15];
    unsigned available = 0;
    while (available < sizeof(bytes) && cpu_read_debug(cpu, (linear + available) & mask, &bytes[available], 1))
        available++;
    return decode(&decoder, bytes, available, &insn) && takes(&insn);
}

/* struct cpu is whole: may KVM make its next step? */
static bool may_step(const struct kvm *kvm, bool interrupts)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    bool intr = __atomic_load_n(&cpu->intr, __ATOMIC_SEQ_CST) && (cpu->rflags & FLAG_IF);
    if (!kvm->has_steps || cpu->debugger.watchpoints || cpu->activity != ACTIVITY_ACTIVE)
        return false;
    if (cpu->shadow || cpu->pending_dr6 || cpu->held.valid || cpu->held.x87_error || cpu->init_pending ||
        cpu->startup_pending || (interrupts && (cpu->nmi_pending || intr)))
        return false;
    if ((cpu->fpu.status & FSW_ES) && !(cpu->cr0 & CR0_NE))
        return false;
    if ((cpu->rflags & (FLAG_TF | FLAG_RF)) || (cpu->dr[7] & DR7_ENABLES) || cpu->debugctl)
        return false;
    return takes_next(cpu);
}

/* KVM's own idea of the machine, from struct cpu or back to it. */
static bool move(struct kvm *kvm, void (*how)(struct vcpu *))
{
    machine_lock(kvm->vcpu->machine);
    how(kvm->vcpu);
    machine_unlock(kvm->vcpu->machine);
    return !kvm->failed_state && !kvm->lost;
}

static bool load_without_idt(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    u16 limit = cpu->idtr.limit;
    cpu->idtr.limit = 0;
    kvm->vcpu->patient = true;
    bool loaded = move(kvm, kvm_engine.load) && kvm_state_flush(kvm); /* KVM_SET_GUEST_DEBUG goes by RIP */
    kvm->vcpu->patient = false;
    cpu->idtr.limit = limit;
    return loaded;
}

static bool set_stepping(struct kvm *kvm, bool on)
{
    struct kvm_guest_debug debug = {0};
    if (on)
        debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | kvm->block_irq;
    kvm->debug_stepping = on;
    kvm->step_wrote &= !on;
    kvm->synced = false; /* RFLAGS.TF changes */
    kvm->debugging = false;
    return kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug) >= 0;
}

/* A kick or the end of a slice may come before the instruction.  One that does not come to its end is given up. */
static enum engine_exit go(struct kvm *kvm)
{
    enum engine_exit why = ENGINE_EXIT_KICKED;
    kvm->vcpu->slice_ns = STEP_NS;
    for (unsigned i = 0; i < TRIES && why == ENGINE_EXIT_KICKED; i++)
        why = kvm_engine.run(kvm->vcpu, 1);
    return why;
}

/* Where KVM has user code only, the #DB of the step finds no IDT either: a triple fault behind the instruction. */
static bool ended_by_db(struct kvm *kvm)
{
    struct kvm_vcpu_events events;
    return kvm->user_only && kvm->run->exit_reason == KVM_EXIT_SHUTDOWN && kvm_state_events(kvm, &events) &&
           events.exception.nr == VECTOR_DB;
}

static bool is_made(struct kvm *kvm, enum engine_exit why)
{
    struct kvm_regs regs;
    if (kvm->step_wrote)
        return false;
    if (why == ENGINE_EXIT_DEBUG)
        return kvm->run->debug.arch.dr6 & DR6_BS;
    if (why == ENGINE_EXIT_KICKED)
        return kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) == 0 && regs.rip != kvm->vcpu->cpu->rip;
    return why == ENGINE_EXIT_CANNOT && !kvm->io_pending && ended_by_db(kvm);
}

static void complete(struct vcpu *vcpu) { kvm_complete_access(kvm_of(vcpu)); }
static void leave(struct vcpu *vcpu) { kvm_memory_guest_left(kvm_of(vcpu)); }

/* What is in KVM is worth nothing: struct cpu has the state. */
static enum engine_exit drop(struct kvm *kvm, enum engine_exit why)
{
    move(kvm, leave);
    kvm->failed_state = true;
    kvm->cannot = "a step of a debugger";
    return why;
}

/* x87 instructions are never KVM's to step, so their pointers are what they were. */
static void keep_x87_pointers(struct fpu *fpu, const struct fpu *before)
{
    fpu->opcode = before->opcode;
    fpu->ip_selector = before->ip_selector;
    fpu->dp_selector = before->dp_selector;
    fpu->ip = before->ip;
    fpu->dp = before->dp;
}

static enum engine_exit take_over(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct descriptor_table idtr = cpu->idtr;
    struct fpu fpu = cpu->fpu;
    u64 dr6 = cpu->dr[6];
    if (!move(kvm, kvm_engine.store)) {
        kvm->vcpu->cannot = kvm->cannot;
        return ENGINE_EXIT_DEAD;
    }
    cpu->idtr = idtr;
    cpu->dr[6] = dr6;
    keep_x87_pointers(&cpu->fpu, &fpu);
    cpu->debugger.cause = STOP_STEP;
    exits_count_name(&kvm->vcpu->exit_stats, EXITS_EVENT, "step of a debugger", 0);
    move(kvm, kvm_engine.load); /* its IDT is the guest's again; if KVM refuses it now, the interpreter goes on */
    return ENGINE_EXIT_DEBUG;
}

enum engine_exit kvm_debug_step(struct vcpu *vcpu, bool interrupts)
{
    struct kvm *kvm = kvm_of(vcpu);
    if (!kvm->failed_state && !move(kvm, kvm_engine.store)) {
        vcpu->cannot = kvm->cannot;
        return ENGINE_EXIT_DEAD;
    }
    if (!may_step(kvm, interrupts) || !load_without_idt(kvm))
        return drop(kvm, ENGINE_EXIT_CANNOT);
    enum engine_exit why = set_stepping(kvm, true) ? go(kvm) : ENGINE_EXIT_CANNOT;
    bool made = is_made(kvm, why);
    if (!made)
        move(kvm, complete);
    set_stepping(kvm, false);
    if (made)
        return take_over(kvm);
    return drop(kvm, why == ENGINE_EXIT_DEAD ? why : ENGINE_EXIT_CANNOT);
}

/* --- for lockstep: whatever comes, KVM makes it --- */

/* RFLAGS.TF is KVM's own while it steps: KVM_GET_REGS does not show it. */
enum engine_exit kvm_single_step(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};
    kvm->failed_state |= !kvm_state_flush(kvm);
    vcpu->cannot = kvm->failed_state ? kvm->cannot : "KVM_SET_GUEST_DEBUG";
    if (kvm->failed_state || !kvm_ferr_off(kvm) || kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug) < 0)
        return ENGINE_EXIT_CANNOT;
    enum engine_exit why;
    kvm->stepping = true;
    do
        why = kvm_engine.run(vcpu, 1);
    while (why == ENGINE_EXIT_KICKED);
    kvm->stepping = false;
    if (why == ENGINE_EXIT_CANNOT && ended_by_db(kvm))
        why = ENGINE_EXIT_DEBUG;
    debug.control = 0;
    kvm->synced = false; /* debugging changes RFLAGS.TF */
    kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug);
    return why;
}

/* --- does it work? --- */

static bool probe_step(struct kvm *kvm)
{
    struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP}, off = {0};
    bool ran = kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &debug) == 0 &&
               kvm_host->ioctl(kvm->cpu, KVM_RUN, 0) == 0;
    return kvm_host->ioctl(kvm->cpu, KVM_SET_GUEST_DEBUG, &off) == 0 && ran;
}

bool kvm_step_works(struct kvm *kvm, u64 next)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs;
    if (kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) < 0)
        return false;
    struct kvm_sregs without = sregs;
    without.idt.limit = 0;
    bool ran = kvm_host->ioctl(kvm->cpu, KVM_SET_SREGS, &without) == 0 && probe_step(kvm);
    u32 reason = kvm->run->exit_reason;
    bool stepped = reason == KVM_EXIT_DEBUG ? kvm->run->debug.arch.dr6 & DR6_BS : ended_by_db(kvm);
    bool works = ran && stepped && kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) == 0 && !(regs.rflags & FLAG_TF) &&
                 regs.rip == next;
    if (!next)
        works = ran && reason == KVM_EXIT_SHUTDOWN && !stepped;
    kvm_host->ioctl(kvm->cpu, KVM_SET_SREGS, &sregs);
    return works;
}

#endif
