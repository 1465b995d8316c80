/*
 * x87 errors of a guest that wants them as FERR# and IRQ 13 (CR0.NE = 0).  KVM knows no FERR#: AMD's processors stand
 * still at the next waiting instruction, and on Intel's VMX keeps CR0.NE set, whatever the guest is shown, so that
 * the instruction is exception 16, in real-address mode a call of the video BIOS.
 *
 * The interpreter takes over: FERR# rises there, and the processor stays there until the guest has cleared the
 * error.  It is noticed before each time slice, and, where VMX makes it an exception, by a breakpoint of the
 * processor's at the first instruction of the handler, with a watchpoint at the entry of the IDT; one pair for each
 * of real-address and protected mode.  They stand whatever CR0.NE is, for that changes without an exit of KVM's.  At
 * the handler with CR0.NE = 0 and FSW.ES set, a frame that points to a waiting instruction with no INT 10h before it
 * is the exception's: the interpreter takes it back, as IRET would, and only the bytes below the guest's stack
 * pointer tell.  Any other visit goes on with RFLAGS.RF.
 *
 * No other way is open: KVM reports neither exception 16 nor a change of CR0 or of the x87 control word, and an IDT
 * too short for it would be seen by the guest.
 *
 * Source: Intel SDM vol. 3C, "VMX-Fixed Bits in CR0"; vol. 1, "MS-DOS Compatibility Sub-mode"; vol. 3A, "Interrupt
 *   16"; vol. 3B, "Debug Registers"; AMD64 APM vol. 2, "Layout of VMCB" (FERR_FREEZE); Linux kernel documentation,
 *   virt/kvm/api: KVM_SET_GUEST_DEBUG, KVM_TRANSLATE, KVM_GET_FPU.
 * Not modelled: a task gate for exception 16; long mode (systems there set NE).  An IDT that the guest moves is found
 *   when KVM is entered for the next slice, 10 ms at most.  While a debugger's points are in the debug registers, the
 *   error is the exception.
 * Unverified: AMD's processors.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <string.h>
#include <sys/ioctl.h>

#include "cpu/system.h"
#include "machine/cpubus.h"

#define PAGE 4096u
#define FSW_ES 0x80u
#define GATE_32 8u
#define FRAME_MAX 12u /* IP, CS, FLAGS by a 32-bit gate */

static const char irq_13[] = "an x87 error that the guest wants as IRQ 13";

static const u8 *page_of(struct kvm *kvm, const struct kvm_sregs *sregs, u32 linear)
{
    struct kvm_translation walk = {.linear_address = linear, .physical_address = linear, .valid = 1};
    struct cpu_page page;
    if ((sregs->cr0 & CR0_PG) && (kvm_host->ioctl(kvm->cpu, KVM_TRANSLATE, &walk) < 0 || !walk.valid))
        return NULL;
    machine_cpu_bus.page(kvm->vcpu->machine, walk.physical_address, &page);
    return page.host;
}

/* Guest memory as the processor has it now; RAM and ROM only. */
static bool read_guest(struct kvm *kvm, const struct kvm_sregs *sregs, u64 linear, void *data, unsigned length)
{
    const u8 *page = NULL;
    for (unsigned i = 0; i < length; i++) {
        u32 at = (u32)(linear + i);
        if (i == 0 || at % PAGE == 0)
            page = page_of(kvm, sregs, at);
        if (!page)
            return false;
        ((u8 *)data)[i] = page[at % PAGE];
    }
    return true;
}

static u32 field(const u8 *bytes, unsigned length)
{
    u32 value = 0;
    memcpy(&value, bytes, length);
    return value;
}

/* --- where the handler is --- */

static bool segment_base(struct kvm *kvm, const struct kvm_sregs *sregs, u16 selector, u32 *base)
{
    u8 descriptor[8];
    u64 table = selector & 4 ? sregs->ldt.base : sregs->gdt.base;
    if (!read_guest(kvm, sregs, table + (selector & ~7u), descriptor, sizeof(descriptor)))
        return false;
    *base = field(descriptor + 2, 3) | (u32)descriptor[7] << 24;
    return true;
}

static bool find_real(struct kvm *kvm, const struct kvm_sregs *sregs, struct kvm_ferr_handler *to)
{
    u8 vector[4];
    to->entry = (u32)(sregs->idt.base + 4 * VECTOR_MF);
    to->frame = 16;
    if (sregs->idt.limit < 4 * VECTOR_MF + 3 || !read_guest(kvm, sregs, to->entry, vector, sizeof(vector)))
        return false;
    to->address = (field(vector + 2, 2) << 4) + field(vector, 2);
    return true;
}

static bool find_protected(struct kvm *kvm, const struct kvm_sregs *sregs, struct kvm_ferr_handler *to)
{
    u8 gate[8];
    to->entry = (u32)(sregs->idt.base + 8 * VECTOR_MF);
    if (sregs->idt.limit < 8 * VECTOR_MF + 7 || !read_guest(kvm, sregs, to->entry, gate, sizeof(gate)))
        return false;
    u8 type = gate[5] & 0x9f; /* present, type */
    u32 base;
    if ((type & ~(GATE_32 | 1)) != 0x86 || !segment_base(kvm, sregs, (u16)field(gate + 2, 2), &base))
        return false;
    to->frame = type & GATE_32 ? 32 : 16;
    to->address = base + field(gate, 2) + (type & GATE_32 ? field(gate + 6, 2) << 16 : 0);
    return true;
}

/* Of the mode that the guest is in. */
static void find(struct kvm *kvm, const struct kvm_sregs *sregs, struct kvm_ferr *ferr)
{
    bool protected = sregs->cr0 & CR0_PE;
    struct kvm_ferr_handler *handler = &ferr->handlers[protected];
    *handler = (struct kvm_ferr_handler){0};
    handler->known = protected ? find_protected(kvm, sregs, handler) : find_real(kvm, sregs, handler);
    if (!handler->known)
        *handler = (struct kvm_ferr_handler){0};
    ferr->armed = ferr->handlers[false].known || ferr->handlers[true].known;
}

static bool arm(struct kvm *kvm, const struct kvm_ferr *now)
{
    bool same = now->armed == kvm->ferr.armed && !memcmp(now->handlers, kvm->ferr.handlers, sizeof(now->handlers));
    kvm->ferr = *now;
    return same || kvm_debug_load(kvm);
}

/* --- is there an error? --- */

static bool is_due(struct kvm *kvm, const struct kvm_sregs *sregs)
{
    struct kvm_fpu fpu = {0};
    return !(sregs->cr0 & CR0_NE) && kvm_host->ioctl(kvm->cpu, KVM_GET_FPU, &fpu) == 0 && (fpu.fsw & FSW_ES);
}

/* Not the few x87 instructions that do not wait: none of them brings the processor to a handler. */
static bool waits(const u8 *code, unsigned length)
{
    static const u8 prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3};
    unsigned i = 0;
    while (i < length - 1 && memchr(prefixes, code[i], sizeof(prefixes)))
        i++;
    return code[i] == 0x9b || (code[i] & 0xf8) == 0xd8 || code[i] == 0x0f; /* WAIT, x87, MMX */
}

/* The processor stands at the handler. */
static bool came_by_exception(struct kvm *kvm, const struct kvm_sregs *sregs, u64 sp, unsigned size)
{
    static const u8 int_10h[2] = {0xcd, 0x10};
    u8 frame[FRAME_MAX], code[8];
    unsigned width = size / 8;
    u32 base;
    if (!read_guest(kvm, sregs, sregs->ss.base + (sregs->ss.db ? (u32)sp : (u16)sp), frame, 3 * width))
        return false;
    u16 cs = (u16)field(frame + width, 2);
    if (!(sregs->cr0 & CR0_PE) || (field(frame + 2 * width, width) & FLAG_VM))
        base = (u32)cs << 4;
    else if (!segment_base(kvm, sregs, cs, &base))
        return false;
    return read_guest(kvm, sregs, base + field(frame, width) - 2, code, sizeof(code)) &&
           memcmp(code, int_10h, 2) != 0 && waits(code + 2, sizeof(code) - 2);
}

/* --- when to look --- */

const char *kvm_ferr_begin(struct kvm *kvm)
{
    struct kvm_sregs sregs;
    struct kvm_debugregs own;
    struct kvm_ferr now = kvm->ferr;
    if (kvm->user_only || kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) < 0)
        return NULL;
    if (is_due(kvm, &sregs)) {
        kvm->ferr.due = true;
        return irq_13;
    }
    if (!now.by_exception || kvm->vcpu->cpu->debugger.count)
        return NULL;
    bool debugs = kvm_host->ioctl(kvm->cpu, KVM_GET_DEBUGREGS, &own) == 0 && (own.dr7 & DR7_ENABLES);
    if (debugs && !(sregs.cr0 & CR0_NE))
        return "the guest debugs itself, and wants x87 errors as IRQ 13";
    now.armed = false;
    if (!debugs && !(sregs.efer & EFER_LMA))
        find(kvm, &sregs, &now);
    return arm(kvm, &now) ? NULL : kvm->cannot;
}

/* At the handler: true if it is to be left again. */
static bool visit(struct kvm *kvm, const struct kvm_sregs *sregs, unsigned frame)
{
    struct kvm_regs regs;
    if (kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) < 0)
        return false;
    kvm->synced = false;
    kvm->ferr.due = is_due(kvm, sregs);
    if (kvm->ferr.due && came_by_exception(kvm, sregs, regs.rsp, frame))
        kvm->ferr.undo = (u8)frame;
    regs.rflags |= FLAG_RF;
    return kvm->ferr.due || kvm_host->ioctl(kvm->cpu, KVM_SET_REGS, &regs) < 0;
}

bool kvm_ferr_exit(struct kvm *kvm, const char **why)
{
    const struct kvm_debug_exit_arch *exit = &kvm->run->debug.arch;
    struct kvm_sregs sregs;
    struct kvm_ferr now = kvm->ferr;
    *why = NULL;
    if (!now.armed || !(exit->dr6 & 15) || (exit->dr6 & (DR6_BS | DR6_BD)) ||
        kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) < 0)
        return false;
    for (unsigned mode = 0; mode < 2; mode++)
        if ((exit->dr6 >> 2 * mode & 1) && now.handlers[mode].known && exit->pc == now.handlers[mode].address) {
            *why = visit(kvm, &sregs, now.handlers[mode].frame) ? irq_13 : NULL;
            return true;
        }
    find(kvm, &sregs, &now); /* an entry was written */
    *why = arm(kvm, &now) ? NULL : kvm->cannot;
    return true;
}

bool kvm_ferr_off(struct kvm *kvm)
{
    kvm->ferr.by_exception = kvm->ferr.armed = false;
    return kvm_debug_load(kvm);
}

void kvm_ferr_store(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    if (!kvm->ferr.due)
        return;
    cpu->held.x87_error = true;
    cpu->held.undo = kvm->ferr.undo;
    kvm->ferr.due = false;
    kvm->ferr.undo = 0;
}

#endif
