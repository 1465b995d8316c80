/*
 * struct cpu to KVM's registers and back.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_SET_REGS, KVM_SET_SREGS2, KVM_SET_XSAVE, KVM_SET_MSRS,
 *   KVM_SET_XCRS, KVM_SET_DEBUGREGS, KVM_SET_VCPU_EVENTS, KVM_SET_CPUID2, KVM_VCPU_TSC_CTRL; SDM vol. 1 "XSAVE area".
 * Modelled: all that struct cpu has.
 *
 * Each call costs a software KVM a fifth of an entry into the guest (6 us of 28).  Where it executes user code only and
 * changes are frequent, KVM_RUN itself takes most of the state (KVM_CAP_SYNC_REGS, kvm_dirty_regs), and the x87 and SSE
 * registers do not go in again as they came out.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/feature.h"
#include "cpu/system.h"
#include "cpu/x87_state.h"
#include "machine/trace.h"

/* Takes what the last KVM_RUN left in memory, if it is what the request asks for. */
static bool take_synced(const struct kvm *kvm, unsigned long request, void *argument)
{
    const struct kvm_sync_regs *s = &kvm->run->s.regs;
    if (!kvm->synced)
        return false;
    if (request == KVM_GET_REGS && kvm->sync & KVM_SYNC_X86_REGS)
        memcpy(argument, &s->regs, sizeof(s->regs));
    else if (request == KVM_GET_SREGS && kvm->sync & KVM_SYNC_X86_SREGS)
        memcpy(argument, &s->sregs, sizeof(s->sregs));
    else if (request == KVM_GET_VCPU_EVENTS && kvm->sync & KVM_SYNC_X86_EVENTS)
        memcpy(argument, &s->events, sizeof(s->events));
    else
        return false;
    return true;
}

static bool changes_registers(unsigned long request)
{
    return request == KVM_SET_REGS || request == KVM_SET_SREGS || request == KVM_SET_SREGS2 ||
           request == KVM_SET_VCPU_EVENTS || request == KVM_SET_MSRS;
}

/* EIO: KVM has given the machine up ("KVM_BUG").  These three no state of the guest's can cause. */
bool kvm_state_failed(struct kvm *kvm, const char *what)
{
    kvm->code = errno;
    if (errno == EIO || errno == EBADF || errno == ENODEV)
        kvm->dead = errno;
    trace(ACCEL, "kvm: %s: %s", what, strerror(errno));
    kvm->cannot = what;
    return false;
}

/* Does an ioctl; on failure remembers what for. */
static bool ask(struct kvm *kvm, unsigned long request, void *argument, const char *what)
{
    if (take_synced(kvm, request, argument))
        return true;
    if (changes_registers(request))
        kvm->synced = false;
    if (kvm_host->ioctl(kvm->cpu, request, argument) >= 0)
        return true;
    return kvm_state_failed(kvm, what);
}

/* --- registers --- */

static void put_regs(const struct cpu *cpu, struct kvm_regs *regs)
{
    const u64 *g = cpu->gpr;
    *regs = (struct kvm_regs){
        .rax = g[RAX], .rbx = g[RBX], .rcx = g[RCX], .rdx = g[RDX], .rsi = g[RSI], .rdi = g[RDI], .rsp = g[RSP],
        .rbp = g[RBP], .r8 = g[R8],   .r9 = g[R9],   .r10 = g[R10], .r11 = g[R11], .r12 = g[R12], .r13 = g[R13],
        .r14 = g[R14], .r15 = g[R15], .rip = cpu->rip, .rflags = cpu->rflags | 2,
    };
}

static void get_regs(struct cpu *cpu, const struct kvm_regs *regs)
{
    const u64 values[16] = {regs->rax, regs->rcx, regs->rdx, regs->rbx, regs->rsp, regs->rbp, regs->rsi, regs->rdi,
                            regs->r8,  regs->r9,  regs->r10, regs->r11, regs->r12, regs->r13, regs->r14, regs->r15};
    memcpy(cpu->gpr, values, sizeof(values));
    cpu->rip = cpu->next_rip = regs->rip;
    cpu->rflags = regs->rflags;
    cpu->fl = fl_from_eflags(regs->rflags);
}

/* --- segments and control registers --- */

static void put_segment(const struct segment *from, bool long_mode, struct kvm_segment *to)
{
    u16 access = from->access;
    *to = (struct kvm_segment){
        .base = from->base,
        .limit = from->limit,
        .selector = from->selector,
        .type = access & SEG_TYPE,
        .present = (access & SEG_P) != 0,
        .dpl = (access & SEG_DPL) >> SEG_DPL_SHIFT,
        .db = (access & SEG_DB) != 0,
        .s = (access & SEG_S) != 0,
        .l = long_mode && (access & SEG_L), /* reserved elsewhere: KVM refuses it */
        .g = (access & SEG_G) != 0,
        .avl = (access & SEG_AVL) != 0,
        .unusable = (access & SEG_NULL) != 0,
    };
}

static void get_segment(const struct kvm_segment *from, struct segment *to)
{
    u16 access = from->type | (from->s ? SEG_S : 0) | from->dpl << SEG_DPL_SHIFT | (from->present ? SEG_P : 0) |
                 (from->avl ? SEG_AVL : 0) | (from->l ? SEG_L : 0) | (from->db ? SEG_DB : 0) | (from->g ? SEG_G : 0);
    *to = (struct segment){.base = from->base, .limit = from->limit, .selector = from->selector, .access = access};
    if (from->unusable || (!from->present && !from->s && !from->type)) {
        to->limit = 0;
        to->access = SEG_NULL | (access & SEG_DPL);
    }
}

static struct kvm_segment *segment_slot(struct kvm_sregs2 *sregs, unsigned seg)
{
    struct kvm_segment *const slots[SEG_COUNT] = {
        [ES] = &sregs->es, [CS] = &sregs->cs, [SS] = &sregs->ss,    [DS] = &sregs->ds,
        [FS] = &sregs->fs, [GS] = &sregs->gs, [LDTR] = &sregs->ldt, [TR] = &sregs->tr,
    };
    return slots[seg];
}

static void put_sregs(const struct cpu *cpu, struct kvm_sregs2 *sregs)
{
    *sregs = (struct kvm_sregs2){
        .gdt = {.base = cpu->gdtr.base, .limit = cpu->gdtr.limit},
        .idt = {.base = cpu->idtr.base, .limit = cpu->idtr.limit},
        .cr0 = cpu->cr0, .cr2 = cpu->cr2, .cr3 = cpu->cr3, .cr4 = cpu->cr4, .cr8 = cpu->cr8,
        .efer = cpu->efer, .apic_base = cpu->apic_base,
    };
    for (unsigned i = 0; i < SEG_COUNT; i++)
        put_segment(&cpu->seg[i], cpu->efer & EFER_LMA, segment_slot(sregs, i));
    sregs->ss.dpl = cpu->cpl; /* where KVM looks for CPL */
    if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !(cpu->efer & EFER_LMA)) {
        sregs->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
        memcpy(sregs->pdptrs, cpu->pdpte, sizeof(sregs->pdptrs));
    }
}

/* Linux before 5.14, which has no KVM_GET_SREGS2, keeps them to itself. */
static void read_pdptes(struct cpu *cpu)
{
    struct cpu_page page;
    cpu->bus->page(cpu->board, cpu->cr3 & 0xfffff000, &page);
    if (page.host)
        memcpy(cpu->pdpte, page.host + (cpu->cr3 & 0xfe0), sizeof(cpu->pdpte));
}

/* IA32_APIC_BASE is the APIC's (kvm_msr.c). */
static void get_sregs(struct cpu *cpu, struct kvm_sregs2 *sregs)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        get_segment(segment_slot(sregs, i), &cpu->seg[i]);
    cpu->gdtr = (struct descriptor_table){sregs->gdt.base, sregs->gdt.limit};
    cpu->idtr = (struct descriptor_table){sregs->idt.base, sregs->idt.limit};
    cpu->cr0 = sregs->cr0;
    cpu->cr2 = sregs->cr2;
    cpu->cr3 = sregs->cr3;
    cpu->cr4 = sregs->cr4;
    cpu->cr8 = sregs->cr8;
    cpu->efer = sregs->efer;
    if (sregs->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID)
        memcpy(cpu->pdpte, sregs->pdptrs, sizeof(cpu->pdpte));
    else if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !(cpu->efer & EFER_LMA))
        read_pdptes(cpu);
    if (!(cpu->cr0 & CR0_PE))
        cpu->cpl = 0;
    else
        cpu->cpl = cpu->rflags & FLAG_VM ? 3 : sregs->ss.dpl;
}

/* struct kvm_sregs2 begins as struct kvm_sregs does, up to apic_base. */
_Static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base), "same beginning");

/* A KVM that lacks a mode may drop its bits and report success. */
static bool took_mode(struct kvm *kvm, const struct kvm_sregs2 *wanted)
{
    struct kvm_sregs got;
    if (!ask(kvm, KVM_GET_SREGS, &got, "KVM_GET_SREGS"))
        return false;
    if (!((got.cr0 ^ wanted->cr0) & (CR0_PG | CR0_PE | CR0_WP)) && !((got.efer ^ wanted->efer) & EFER_LMA))
        return true;
    kvm->cannot = "a mode of the processor that this host's KVM lacks";
    return false;
}

static bool set_sregs(struct kvm *kvm, struct kvm_sregs2 *sregs)
{
    struct kvm_sregs older = {0};
    memcpy(&older, sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
    return ask(kvm, kvm->has_sregs2 ? KVM_SET_SREGS2 : KVM_SET_SREGS, kvm->has_sregs2 ? (void *)sregs : &older,
               "the segment and control registers are beyond KVM");
}

/*
 * The guest flushed its TLB while another engine executed it; the processor's own still has what was there before, since
 * translations of a guest outlive its exits and KVM leaves them alone if no control register changes.  SDM vol. 3A,
 * "Operations that Invalidate TLBs and Paging-Structure Caches": a write that changes CR4.PGE invalidates all.
 */
static bool flush_tlb(struct kvm *kvm, const struct kvm_sregs2 *wanted)
{
    struct kvm_sregs2 sregs = *wanted;
    u64 flushes = kvm->vcpu->cpu->tlb_flushes;
    if (kvm->shadows || kvm->flushed == flushes) /* shadows: kvm_memory_guest_left */
        return true;
    sregs.cr4 ^= CR4_PGE;
    if (!set_sregs(kvm, &sregs))
        return false;
    kvm->flushed = flushes;
    return true;
}

static bool load_sregs(struct kvm *kvm)
{
    struct kvm_sregs2 sregs;
    put_sregs(kvm->vcpu->cpu, &sregs);
    return flush_tlb(kvm, &sregs) && set_sregs(kvm, &sregs) && took_mode(kvm, &sregs);
}

static bool store_sregs(struct kvm *kvm)
{
    struct kvm_sregs2 sregs = {0};
    struct kvm_sregs older;
    if (kvm->has_sregs2 ? !ask(kvm, KVM_GET_SREGS2, &sregs, "KVM_GET_SREGS2")
                        : !ask(kvm, KVM_GET_SREGS, &older, "KVM_GET_SREGS"))
        return false;
    if (!kvm->has_sregs2)
        memcpy(&sregs, &older, offsetof(struct kvm_sregs, interrupt_bitmap));
    get_sregs(kvm->vcpu->cpu, &sregs);
    return true;
}

/* --- x87, SSE, AVX, XCR0 --- */

/* The legacy part of an XSAVE area, in its 64-bit layout. */
struct legacy_area {
    u16 control, status;
    u8 tag, reserved;
    u16 opcode;
    u64 ip, dp;
    u32 mxcsr, mxcsr_mask;
    struct {
        u64 mantissa;
        u16 sign_exponent, reserved[3];
    } st[8];
    u64 xmm[16][2];
};
_Static_assert(sizeof(struct legacy_area) == 416, "FXSAVE area up to the reserved bytes");
#define XSTATE_BV 512
#define AVX_AREA 576 /* component 2 in the standard form */

static bool has_avx(const struct cpu *cpu) { return xsave_supported(cpu) & XSTATE_AVX; }

static void put_fpu(const struct cpu *cpu, struct kvm_xsave *image)
{
    const struct fpu *fpu = &cpu->fpu;
    struct legacy_area *area = (void *)image;
    memset(image, 0, sizeof(*image));
    *area = (struct legacy_area){.control = fpu->control, .status = x87_status_word(fpu), .tag = fpu->valid,
                                 .opcode = fpu->opcode, .ip = fpu->ip, .dp = fpu->dp, .mxcsr = cpu->mxcsr};
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &fpu->reg[(fpu->top + i) & 7];
        area->st[i].mantissa = r->mantissa;
        area->st[i].sign_exponent = r->sign_exponent;
    }
    for (unsigned i = 0; i < 16; i++)
        memcpy(area->xmm[i], &cpu->vec[i], 16);
    *(u64 *)((u8 *)image + XSTATE_BV) = XSTATE_X87 | XSTATE_SSE | (has_avx(cpu) ? XSTATE_AVX : 0);
    for (unsigned i = 0; i < 16 && has_avx(cpu); i++)
        memcpy((u8 *)image + AVX_AREA + 16 * i, &cpu->vec[i].q[2], 16);
}

static bool load_fpu(struct kvm *kvm)
{
    struct kvm_xsave image;
    put_fpu(kvm->vcpu->cpu, &image);
    if (kvm->fpu_known && !memcmp(kvm->fpu, &image, KVM_FPU_SIZE))
        return true;
    kvm->fpu_known = ask(kvm, KVM_SET_XSAVE, &image, "the x87 and SSE registers are beyond KVM");
    memcpy(kvm->fpu, &image, KVM_FPU_SIZE);
    return kvm->fpu_known;
}

/* KVM has what was just read from it, unless there is more of it than struct cpu has. */
static void remember_fpu(struct kvm *kvm, u64 components)
{
    struct kvm_xsave image;
    kvm->fpu_known = !(components & ~(u64)(XSTATE_X87 | XSTATE_SSE | XSTATE_AVX));
    put_fpu(kvm->vcpu->cpu, &image);
    memcpy(kvm->fpu, &image, KVM_FPU_SIZE);
}

/* SDM vol. 1, "XSAVE-Managed State": a component that XSTATE_BV does not name is in its initial configuration, and its bytes
 * may be old ones; MXCSR is there all the same. */
static void make_initial(struct legacy_area *area, u64 in_use)
{
    if (!(in_use & XSTATE_X87)) {
        u32 mxcsr = area->mxcsr;
        memset(area, 0, offsetof(struct legacy_area, xmm));
        area->control = 0x37f;
        area->mxcsr = mxcsr;
    }
    if (!(in_use & XSTATE_SSE))
        memset(area->xmm, 0, sizeof(area->xmm));
}

static void get_x87(struct fpu *fpu, const struct legacy_area *area)
{
    x87_set_control_word(fpu, area->control);
    x87_set_status_word(fpu, area->status);
    fpu->valid = area->tag;
    fpu->opcode = area->opcode & 0x7ff;
    if (fpu->ip != area->ip || fpu->dp != area->dp) /* this layout has no selectors */
        fpu->ip_selector = fpu->dp_selector = 0;
    fpu->ip = area->ip;
    fpu->dp = area->dp;
    for (unsigned i = 0; i < 8; i++) {
        struct x87_reg *r = &fpu->reg[(fpu->top + i) & 7];
        r->mantissa = area->st[i].mantissa;
        r->sign_exponent = area->st[i].sign_exponent;
    }
}

static bool store_fpu(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_xsave image;
    if (!ask(kvm, KVM_GET_XSAVE, &image, "KVM_GET_XSAVE"))
        return false;
    struct legacy_area *area = (void *)&image;
    u64 in_use = *(u64 *)((u8 *)&image + XSTATE_BV);
    make_initial(area, in_use);
    get_x87(&cpu->fpu, area);
    for (unsigned i = 0; i < 16; i++)
        memcpy(&cpu->vec[i], area->xmm[i], 16);
    cpu->mxcsr = area->mxcsr;
    for (unsigned i = 0; i < 16 && has_avx(cpu); i++) {
        memcpy(&cpu->vec[i].q[2], (u8 *)&image + AVX_AREA + 16 * i, 16);
        if (!(in_use & XSTATE_AVX))
            cpu->vec[i].q[2] = cpu->vec[i].q[3] = 0;
    }
    remember_fpu(kvm, in_use);
    return true;
}

static bool load_xcr0(struct kvm *kvm)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.xcr = 0, .value = kvm->vcpu->cpu->xcr0}}};
    return !kvm->has_xcrs || ask(kvm, KVM_SET_XCRS, &xcrs, "XCR0 is beyond KVM");
}

static bool store_xcr0(struct kvm *kvm)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 0};
    if (!kvm->has_xcrs)
        return true;
    if (!ask(kvm, KVM_GET_XCRS, &xcrs, "KVM_GET_XCRS"))
        return false;
    for (unsigned i = 0; i < MIN(xcrs.nr_xcrs, (u32)KVM_MAX_XCRS); i++)
        if (xcrs.xcrs[i].xcr == 0)
            kvm->vcpu->cpu->xcr0 = xcrs.xcrs[i].value;
    return true;
}

/* --- debug registers, events --- */

static bool load_debug(struct kvm *kvm)
{
    const struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_debugregs debug = {.dr6 = cpu->dr[6], .dr7 = cpu->dr[7]};
    memcpy(debug.db, cpu->dr, sizeof(debug.db));
    return ask(kvm, KVM_SET_DEBUGREGS, &debug, "the debug registers are beyond KVM");
}

static bool store_debug(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_debugregs debug;
    if (!ask(kvm, KVM_GET_DEBUGREGS, &debug, "KVM_GET_DEBUGREGS"))
        return false;
    memcpy(cpu->dr, debug.db, sizeof(debug.db));
    cpu->dr[6] = debug.dr6;
    cpu->dr[7] = debug.dr7;
    return true;
}

static bool load_events(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_vcpu_events events = {.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW};
    events.nmi.masked = cpu->nmi_blocked;
    if (cpu->shadow)
        events.interrupt.shadow = cpu->shadow == SHADOW_MOVSS ? KVM_X86_SHADOW_INT_MOV_SS : KVM_X86_SHADOW_INT_STI;
    if (cpu->held.valid && cpu->held.external) {
        events.interrupt.injected = 1;
        events.interrupt.nr = cpu->held.vector;
    } else if (cpu->held.valid) {
        events.exception.injected = 1;
        events.exception.nr = cpu->held.vector;
        events.exception.has_error_code = cpu->held.has_error;
        events.exception.error_code = cpu->held.error;
    }
    cpu->held.valid = false;
    return ask(kvm, KVM_SET_VCPU_EVENTS, &events, "KVM_SET_VCPU_EVENTS");
}

/* What KVM had accepted and not yet delivered when it came back is the next engine's to deliver. */
static bool store_events(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_vcpu_events events;
    if (!ask(kvm, KVM_GET_VCPU_EVENTS, &events, "KVM_GET_VCPU_EVENTS"))
        return false;
    cpu->nmi_blocked = events.nmi.masked && !events.nmi.injected;
    if (events.nmi.pending || events.nmi.injected)
        cpu->nmi_pending = true;
    cpu->shadow = events.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? SHADOW_MOVSS
                  : events.interrupt.shadow ? SHADOW_STI : 0;
    if (cpu->held.valid) /* KVM did not take it */
        return true;
    memset(&cpu->held, 0, sizeof(cpu->held));
    if (events.exception.injected || events.exception.pending) {
        cpu->held.valid = true;
        cpu->held.vector = events.exception.nr;
        cpu->held.has_error = events.exception.has_error_code;
        cpu->held.error = events.exception.error_code;
    } else if (events.interrupt.injected && !events.interrupt.soft) { /* INT n starts anew */
        cpu->held.valid = cpu->held.external = true;
        cpu->held.vector = events.interrupt.nr;
    }
    return true;
}

/* --- user code only (accel/kvm_user.c): what such code can change is less --- */

#define USER_SYNC (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

/* As KVM_RUN finds it.  It may refuse the segments, as KVM_SET_SREGS does. */
static bool set_user(struct kvm *kvm)
{
    struct kvm_sync_regs *s = &kvm->run->s.regs;
    kvm->run->kvm_dirty_regs = 0;
    return ask(kvm, KVM_SET_SREGS, &s->sregs, "the segment and control registers are beyond KVM") &&
           ask(kvm, KVM_SET_REGS, &s->regs, "KVM_SET_REGS") &&
           ask(kvm, KVM_SET_VCPU_EVENTS, &s->events, "KVM_SET_VCPU_EVENTS");
}

bool kvm_state_flush(struct kvm *kvm)
{
    return !kvm->run->kvm_dirty_regs || set_user(kvm);
}

bool kvm_state_refused(struct kvm *kvm, int code)
{
    if (!kvm->run->kvm_dirty_regs || (code != EINVAL && code != EINTR && code != EAGAIN))
        return false;
    kvm->run->kvm_dirty_regs = 0;
    return true;
}

static bool load_user(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_sync_regs *s = &kvm->run->s.regs;
    struct kvm_sregs2 sregs;
    kvm->synced = false;
    put_regs(cpu, &s->regs);
    put_sregs(cpu, &sregs);
    if (kvm->tables)
        kvm_user_limit(kvm, &sregs);
    sregs.idt.limit = 0; /* every exception ends in KVM_EXIT_SHUTDOWN, with the registers as they were before it */
    memset(&s->sregs, 0, sizeof(s->sregs));
    memcpy(&s->sregs, &sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
    s->events = (struct kvm_vcpu_events){.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW};
    if (!kvm_user_load_msrs(kvm) || !load_fpu(kvm))
        return false;
    if ((kvm->sync & USER_SYNC) != USER_SYNC)
        return set_user(kvm);
    kvm->run->kvm_dirty_regs = USER_SYNC;
    return true;
}

static bool store_user(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    if (kvm->run->kvm_dirty_regs) /* it has not run since: struct cpu is the guest's still */
        return true;
    if (!ask(kvm, KVM_GET_REGS, &regs, "KVM_GET_REGS") || !ask(kvm, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS") ||
        !store_fpu(kvm))
        return false;
    get_regs(cpu, &regs);
    const struct kvm_segment *data[SEG_COUNT] = {[ES] = &sregs.es, [DS] = &sregs.ds, [FS] = &sregs.fs, [GS] = &sregs.gs};
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (data[i])
            get_segment(data[i], &cpu->seg[i]);
    kvm_user_store(kvm);
    cpu->op = NULL;
    return true;
}

bool kvm_state_events(struct kvm *kvm, struct kvm_vcpu_events *events)
{
    return ask(kvm, KVM_GET_VCPU_EVENTS, events, "KVM_GET_VCPU_EVENTS");
}

bool kvm_state_fault(struct kvm *kvm, struct kvm_vcpu_events *events, struct kvm_sregs *sregs)
{
    return kvm_state_events(kvm, events) && ask(kvm, KVM_GET_SREGS, sregs, "KVM_GET_SREGS");
}

/* --- all of it --- */

bool kvm_state_load(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_regs regs;
    if (kvm->user_only)
        return load_user(kvm);
    put_regs(cpu, &regs);
    if (!kvm_tsc_load(kvm) || !load_sregs(kvm) || !kvm_msr_load(kvm) || !load_xcr0(kvm) || !load_fpu(kvm) || !load_debug(kvm) ||
        !ask(kvm, KVM_SET_REGS, &regs, "KVM_SET_REGS") || !load_events(kvm))
        return false;
    kvm->run->cr8 = cpu->cr8;
    kvm->run->apic_base = cpu->apic_base;
    kvm->run->ready_for_interrupt_injection = 0; /* asked for anew */
    return true;
}

bool kvm_state_store(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_regs regs;
    if (kvm->user_only)
        return store_user(kvm);
    /* Events first: the address of a page fault that waits, and the bits of a debug exception, get into CR2 and DR6
     * with that call. */
    if (!store_events(kvm) || !ask(kvm, KVM_GET_REGS, &regs, "KVM_GET_REGS"))
        return false;
    get_regs(cpu, &regs);
    if (!store_sregs(kvm) || !kvm_msr_store(kvm) || !store_xcr0(kvm) || !store_fpu(kvm) || !store_debug(kvm) ||
        !kvm_tsc_store(kvm))
        return false;
    cpu->pending_dr6 = kvm->guest_trap;
    kvm->guest_trap = 0;
    kvm_ferr_store(kvm);
    cpu->op = NULL;
    return true;
}

/* --- CPUID --- */

#define MAX_LEAVES 256
#define CPUID_7_ECX_UMIP 0x4u

struct cpuid_buffer {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[MAX_LEAVES];
};

static void add_leaf(struct cpu *cpu, struct cpuid_buffer *buffer, u32 leaf, u32 subleaf, bool indexed)
{
    u32 out[4];
    if (buffer->head.nent == MAX_LEAVES)
        return;
    cpuid_leaf(cpu, leaf, subleaf, out);
    buffer->entries[buffer->head.nent++] = (struct kvm_cpuid_entry2){
        .function = leaf, .index = subleaf, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = out[0], .ebx = out[1], .ecx = out[2], .edx = out[3],
    };
}

static bool is_indexed(u32 leaf) { return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd; }

static void add_leaves(struct cpu *cpu, struct cpuid_buffer *buffer, u32 first)
{
    u32 out[4];
    cpuid_leaf(cpu, first, 0, out);
    if (out[0] < first || out[0] > first + 0x40)
        return;
    for (u32 leaf = first, last = out[0]; leaf <= last; leaf++)
        for (u32 subleaf = 0; subleaf < (is_indexed(leaf) ? 5u : 1u); subleaf++)
            add_leaf(cpu, buffer, leaf, subleaf, is_indexed(leaf));
}

/* Leaves of features, and what is ours to give: APIC, X2APIC, TSC deadline, OSXSAVE (follows CR4), hypervisor. */
static const struct {
    u32 leaf, subleaf, ours[4];
} feature_leaves[] = {{1, 0, {0, 0, 1u << 21 | 1u << 24 | 1u << 27 | 1u << 31, 1u << 9}},
                      {7, 0, {0}}, {7, 1, {0}}, {0xd, 1, {0}}, {0x80000001, 0, {0}}};

static void limit_leaf(struct cpu *cpu, const struct cpuid_buffer *host, unsigned row, char *names, size_t size)
{
    u32 has[4];
    memcpy(has, feature_leaves[row].ours, sizeof(has));
    for (unsigned i = 0; i < host->head.nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &host->entries[i];
        if (entry->function != feature_leaves[row].leaf || entry->index != feature_leaves[row].subleaf)
            continue;
        has[0] |= entry->eax, has[1] |= entry->ebx, has[2] |= entry->ecx, has[3] |= entry->edx;
    }
    cpuid_limit(cpu, feature_leaves[row].leaf, feature_leaves[row].subleaf, has, names, size);
}

/* The model without what the host's KVM lacks, for every engine alike; too late once the guest has seen it. */
static int limit_features(struct kvm *kvm, struct error *err)
{
    struct cpuid_buffer host = {.head = {.nent = MAX_LEAVES}};
    struct cpu *cpu = kvm->vcpu->cpu;
    bool late = cpu_instructions(cpu) || kvm->vcpu->exits;
    char names[400] = "";
    u64 features[4];
    if (kvm->user_only)
        return 0;
    if (kvm_host->ioctl(kvm->system, KVM_GET_SUPPORTED_CPUID, &host) < 0)
        return error_set(err, errno, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
    memcpy(features, cpu->features, sizeof(features));
    for (unsigned row = 0; row < ARRAY_SIZE(feature_leaves); row++)
        limit_leaf(cpu, &host, row, names, sizeof(names));
    if (late)
        memcpy(cpu->features, features, sizeof(features));
    if (names[0])
        error_report("this host's KVM lacks %s: %s", names,
                     late ? "the guest, which saw them, may break" : "the guest's processor is without");
    return 0;
}

/* Where KVM has user code only, CPUID is never its to answer: it is given all that it can do, UMIP above all. */
static int allow_all(struct kvm *kvm, struct error *err)
{
    struct cpuid_buffer host = {.head = {.nent = MAX_LEAVES}};
    if (kvm_host->ioctl(kvm->system, KVM_GET_SUPPORTED_CPUID, &host) < 0)
        return error_set(err, errno, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
    if (kvm_host->ioctl(kvm->cpu, KVM_SET_CPUID2, &host) < 0)
        return error_set(err, errno, "KVM_SET_CPUID2: %s", strerror(errno));
    for (unsigned i = 0; i < host.head.nent; i++)
        if (host.entries[i].function == 7 && host.entries[i].index == 0)
            kvm->has_umip = host.entries[i].ecx & CPUID_7_ECX_UMIP;
    return 0;
}

static int load_cpuid(struct kvm *kvm, struct error *err)
{
    if (kvm->user_only)
        return allow_all(kvm, err);
    struct cpuid_buffer buffer = {.head = {.nent = 0}};
    struct cpu *cpu = kvm->vcpu->cpu;
    if (!cpu_has(cpu, FEATURE_CPUID))
        return 0;
    if (kvm->hides_features)
        add_leaf(cpu, &buffer, 0, 0, false);
    else
        add_leaves(cpu, &buffer, 0);
    if (!kvm->hides_extended) /* KVM itself looks there, too: without LM the guest cannot enter long mode */
        add_leaves(cpu, &buffer, 0x80000000);
    if (kvm_host->ioctl(kvm->cpu, KVM_SET_CPUID2, &buffer) < 0)
        return error_set(err, errno, "KVM refuses this -cpu: %s", strerror(errno));
    return 0;
}

int kvm_state_create(struct kvm *kvm, struct error *err)
{
    kvm->has_sregs2 = kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_SREGS2) > 0;
    if (kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE) <= 0 ||
        kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_VCPU_EVENTS) <= 0 ||
        kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_DEBUGREGS) <= 0)
        return error_set(err, ENOTSUP, "the host's KVM is too old");
    int sync = kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS);
    /* Segments cost hardware some forty reads at every exit: only where each exit asks for them. */
    u64 wanted = kvm->user_only ? USER_SYNC : KVM_SYNC_X86_REGS;
    kvm->sync = sync > 0 ? (u64)sync & wanted : 0;
    kvm->run->kvm_valid_regs = kvm->sync;
    int r = limit_features(kvm, err);
    if (r < 0)
        return r;
    kvm->has_xcrs = cpu_has(kvm->vcpu->cpu, FEATURE_XSAVE) &&
                    kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) > 0;
    r = load_cpuid(kvm, err);
    if (r < 0)
        return r;
    return kvm_msr_create(kvm, err);
}

#endif
