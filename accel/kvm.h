/*
 * Inside the KVM engine: what kvm.c, kvm_state.c and kvm_memory.c share.
 */
#ifndef ACCEL_KVM_H
#define ACCEL_KVM_H

#include <linux/kvm.h>
#include <sys/types.h>
#include <time.h>

#include "accel/accel.h"

#ifdef __clang__ /* the kernel's structures end in arrays; ours give them room */
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
#endif

/* The calls that reach the host's kernel, as libc has them; a test puts a scripted KVM in its place (kvm_fake.h). */
struct kvm_host {
    int (*open)(const char *path, int flags, ...);
    int (*close)(int fd);
    int (*ioctl)(int fd, unsigned long request, ...);
    void *(*mmap)(void *address, size_t size, int protection, int flags, int fd, off_t offset);
    int (*munmap)(void *address, size_t size);
};
extern const struct kvm_host *kvm_host;

#define KVM_MAX_SLOTS 64
#define KVM_MAX_ZONES 8
/* What fits into a page. */
#define KVM_RING_ENTRIES                                                                                               \
    ((u32)((4096 - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio)))
#define KVM_MAX_MSRS 48
#define KVM_FPU_SIZE 832u /* of an XSAVE area up to the end of AVX's component */

struct kvm_slot {
    u64 start, size; /* guest physical; size 0: free */
    u8 *host, *page_flags;
    bool read_only, log_dirty;
};

struct kvm_msr_field {
    u32 index;
    u64 *value; /* in struct cpu */
    bool kept;  /* the processor executes nothing otherwise for it */
};

struct kvm {
    int system, vm, cpu; /* file descriptors */
    struct kvm_run *run;
    size_t run_size;
    struct vcpu *vcpu;

    /* Memory. */
    struct kvm_slot slots[KVM_MAX_SLOTS];
    unsigned slot_limit; /* what the host allows */
    bool map_stale;      /* set with the machine lock held */
    bool log_all;
    bool shadows;        /* KVM shadows the guest's page tables: kvm_memory_guest_left */
    u8 *spare_page;
    u64 spare_at;        /* the forgetter's own */
    pthread_t forgetter;
    pthread_cond_t forget;
    bool has_forgetter, forgetter_ends;
    u64 forget_wanted, forgotten; /* how often KVM shall drop its shadows, and has; machine lock */
    bool has_run;                 /* it may have shadows since */
    bool forgetting;              /* kvm_memory_forget is under way */
    u64 dirty_read_at;   /* host ns */

    /* Writes that KVM gathers (kvm_coalesced.c). */
    struct kvm_coalesced_mmio_ring *ring; /* NULL: it gathers none */
    struct kvm_coalesced_mmio_zone zones[KVM_MAX_ZONES];
    unsigned zone_count;
    bool settling;

    /* State. */
    struct kvm_msr_field msrs[KVM_MAX_MSRS];
    unsigned msr_count;
    bool filters_msrs; /* all others come to us */
    bool has_sregs2, has_xcrs;
    u64 flushed; /* cpu->tlb_flushes that the processor's own TLB has seen */
    u64 sync; /* register sets that KVM_RUN leaves in run->s (KVM_CAP_SYNC_REGS) */
    bool synced; /* ... and that are the guest's still */
    u8 fpu[KVM_FPU_SIZE]; /* ... and x87, SSE and AVX as KVM has them, */
    bool fpu_known;       /* if this is true */
    u64 tsc_offset; /* as KVM has it */

    /* What this host's KVM gets wrong (kvm_probe.c); all_modes: run there all the same. */
    bool lacks_paging32, lacks_syscall, foreign_cpuid, all_modes;
    bool hides_features; /* of basic CPUID leaves there is leaf 0 only: this KVM would show the host's features in others */
    bool hides_extended; /* ... and no leaf from 80000000h on */
    bool misses_window;  /* an interrupt that waits for IF may come late, or never where IF is set for a moment only */
    bool user_only, user_msrs; /* kvm_user.c */
    struct kvm_tables *tables; /* kvm_tables.c; NULL: the guest's own */
    bool has_umip;

    /* A debugger's points (kvm_debug.c). */
    bool has_breakpoints, has_watchpoints; /* KVM_GUESTDBG_USE_HW_BP does what it should; a software KVM may not */
    bool has_steps;   /* KVM_GUESTDBG_SINGLESTEP does, and an exception without an IDT is reported (kvm_step.c) */
    bool debug_stepping; /* for a debugger: no event is injected, no device reached */
    bool step_wrote;     /* ... and would have been by a write that KVM gathered */
    u32 block_irq;    /* KVM_GUESTDBG_BLOCKIRQ, where KVM has it */
    bool debugging;
    u8 debug_points[4];   /* by debug register: index in cpu->debugger.points */
    u64 guest_trap;       /* DR6 bits of a trap of the guest's own that came to us */

    /* x87 errors as IRQ 13 (kvm_ferr.c). */
    struct kvm_ferr {
        bool by_exception; /* this host's processor has CR0.NE set whatever the guest wants */
        bool armed;        /* the debug registers have what is known of `handlers` */
        struct kvm_ferr_handler {
            bool known;
            u8 frame;           /* bits: 16 or 32 */
            u64 address, entry; /* linear: the first instruction, and in the IDT */
        } handlers[2];          /* of exception 16 in real-address mode, in protected mode */
        bool due;          /* there is an error, for the interpreter, */
        u8 undo;           /* not 0: which came as an exception, in such a frame */
    } ferr;

    /* Running. */
    bool ran;            /* since struct cpu was loaded */
    bool kicked;         /* atomic: run shall return; immediate_exit and the signal only wake it */
    bool inside;         /* atomic: in KVM_RUN, or just about to be */
    bool stepping;       /* one instruction, for lockstep */
    bool io_pending;     /* the last exit's access is done with the next KVM_RUN */
    bool failed_state;   /* KVM refused struct cpu: the reason is in cannot */
    bool lost;           /* KVM did not give the state back */
    bool can_inject_nmi;
    bool has_timer;
    timer_t timer;
    const char *cannot;  /* after ENGINE_EXIT_CANNOT */
    int dead;            /* errno of a call that no state of the guest can make fail; 0: none */
    int code;            /* errno of the last call that failed */
    u64 access_rip, access_rcx; /* of the exit whose access waits, */
    bool access_known;          /* if KVM_RUN has left them */
};

static inline struct kvm *kvm_of(const struct vcpu *vcpu) { return vcpu->engine_state; }

/* kvm_state.c: false, with kvm->cannot set, if KVM refuses. */
bool kvm_state_load(struct kvm *kvm);
/* A call has failed, errno says how: remembers that, and for what. */
bool kvm_state_failed(struct kvm *kvm, const char *what);
bool kvm_state_store(struct kvm *kvm);
/* What kvm_state_load has left for KVM_RUN to take, by calls of their own, which other calls may follow. */
bool kvm_state_flush(struct kvm *kvm);
/* KVM_RUN has refused what kvm_state_load left to it: the guest's state never went in. */
bool kvm_state_refused(struct kvm *kvm, int code);
bool kvm_state_events(struct kvm *kvm, struct kvm_vcpu_events *events);
int kvm_state_create(struct kvm *kvm, struct error *err); /* CPUID, MSR list, TSC */
/* The exception that ended KVM_RUN, and CR2. */
bool kvm_state_fault(struct kvm *kvm, struct kvm_vcpu_events *events, struct kvm_sregs *sregs);

/* kvm_msr.c: load and store as above. */
int kvm_msr_create(struct kvm *kvm, struct error *err);
bool kvm_msr_load(struct kvm *kvm);
bool kvm_msr_store(struct kvm *kvm);
/* MSRs that KVM lacks or that are the model's; without the lock, since they take it.  False: the exit is for none. */
bool kvm_msr_serve(struct kvm *kvm);
void kvm_msr_follow_apic_base(struct kvm *kvm); /* after KVM_RUN, without the lock */

/* kvm_probe.c: the modes first, CPUID after kvm_state_create and before anything is loaded. */
int kvm_probe_modes(struct kvm *kvm, struct error *err);
/* The descriptor, or -errno. */
int kvm_create_vm(int system, struct error *err);
void kvm_probe_cpuid(struct kvm *kvm);
void kvm_probe_breakpoints(struct kvm *kvm); /* and single steps */
void kvm_probe_ferr(struct kvm *kvm); /* after kvm_probe_breakpoints */
void kvm_probe_window(struct kvm *kvm);

/* kvm_open.c: /dev/kvm, or -errno and the reason. */
int kvm_open(struct error *why);
/* Has the KVM of this descriptor all that we need? */
int kvm_check(int fd, struct error *why);
bool kvm_has(int fd, int capability); /* KVM_CHECK_EXTENSION */
int kvm_probe(struct error *why);
/* What helps where /dev/kvm is missing, by the host's /proc/cpuinfo. */
const char *kvm_open_remedy(const char *cpuinfo, bool container);
/* kvm.c.  Lets KVM finish the instruction whose access we made, or left out (debug_stepping).  True: that ended in an exit of
 * another kind.  Lock held. */
bool kvm_complete_access(struct kvm *kvm);

/* What is the interpreter's in every guest where KVM has user code only: told at creation, once and for all. */
#define KVM_WHY_SYSTEM "the guest is not in 64-bit user code"
#define KVM_WHY_EXCEPTION "an exception or a system call"
#define KVM_WHY_INTERRUPT "an interrupt"
bool kvm_user_is_routine(const char *why);

/* kvm_user.c: NULL if the state is one that it may execute. */
const char *kvm_user_why_not(const struct cpu *cpu);
/* Our own page tables, and no instruction that reads the descriptor tables: it faults. */
void kvm_user_limit(struct kvm *kvm, struct kvm_sregs2 *sregs);
bool kvm_user_load_msrs(struct kvm *kvm);
void kvm_user_store(struct kvm *kvm); /* after the general registers and segments have come back */

/* kvm_debug.c: NULL if KVM can have the debugger's points with the guest as it is. */
const char *kvm_debug_why_not(const struct kvm *kvm);
bool kvm_debug_load(struct kvm *kvm);
/* Has the guest enabled breakpoints of its own while the debugger's are in the registers? */
bool kvm_debug_guest_debugs(struct kvm *kvm);
/* KVM_EXIT_DEBUG.  NULL: a stop, cpu->debugger says of what kind; else why the interpreter must go on. */
const char *kvm_debug_exit(struct kvm *kvm);
/* Does a breakpoint at `address`, or a watchpoint, stop the processor, which is about to get there, at `pc`? */
bool kvm_debug_works(struct kvm *kvm, enum point_kind kind, u64 address, u64 pc);

/* kvm_ferr.c: before a slice, after a KVM_EXIT_DEBUG, not while somebody single-steps by KVM_GUESTDBG.  NULL: KVM may run;
 * else why the interpreter must. */
const char *kvm_ferr_begin(struct kvm *kvm);
/* False: the exit is not for this. */
bool kvm_ferr_exit(struct kvm *kvm, const char **why);
bool kvm_ferr_off(struct kvm *kvm); /* for good; false: as kvm_debug_load */
void kvm_ferr_store(struct kvm *kvm); /* at the end of kvm_state_store */

/* kvm_step.c: for lockstep, for a debugger */
enum engine_exit kvm_single_step(struct vcpu *vcpu);
enum engine_exit kvm_debug_step(struct vcpu *vcpu, bool interrupts);
/* Does the step of a processor that is about to execute an instruction end at `next`?  0: is an exception reported? */
bool kvm_step_works(struct kvm *kvm, u64 next);

/* kvm_measure.c: 0 if the host accelerates all modes, else why it is no choice for `auto`. */
int kvm_measure(struct error *why);
/* Does this leaf of CPUID show features that KVM_SET_CPUID2 did not give?  On a processor of its own: once a processor has
 * run, its CPUID stays. */
bool kvm_measure_foreign_cpuid(u32 leaf);
bool kvm_measure_steps(void); /* kvm_step_works in 64-bit user code */

/* kvm_tsc.c */
bool kvm_tsc_probe(struct machine_tsc *tsc); /* false: no KVM here */
bool kvm_tsc_load(struct kvm *kvm);
bool kvm_tsc_store(struct kvm *kvm);

/* kvm_memory.c, lock held (not by destroy). */
void kvm_memory_destroy(struct kvm *kvm);
int kvm_memory_create(struct kvm *kvm, struct error *err);
int kvm_memory_sync(struct kvm *kvm); /* slots := the memory map; -errno if KVM refuses */
/* KVM_RUN may be followed by stores that KVM does not see: its shadow page tables go. */
void kvm_memory_guest_left(struct kvm *kvm);
/* Have they gone?  False: they soon will. */
bool kvm_memory_forgot_paging(struct kvm *kvm);
/* KVM drops all shadow page tables, unless it needs time for that.  False: ask again. */
bool kvm_memory_forget(struct kvm *kvm);
/* A slot for memory that is not on the map. */
int kvm_memory_add_private(struct kvm *kvm, u64 start, u8 *host, u64 size, struct error *err);
void kvm_memory_read_dirty(struct kvm *kvm); /* KVM's dirty log to page flags */

/* kvm_coalesced.c: writes that KVM gathers. */
void kvm_coalesced_create(struct kvm *kvm); /* after the processor's mapping */
int kvm_coalesced_sync(struct kvm *kvm);    /* zones := the map's regions with late_writes; lock held; -errno */
/* Makes the writes, in their order; lock held.  `cpu`: whose they are, -1 where the memory map must stay. */
void kvm_coalesced_settle(struct kvm *kvm, int cpu);
void kvm_coalesced_collect(struct kvm *kvm); /* the same after each KVM_RUN, without the lock */
void kvm_settle(struct vcpu *vcpu); /* struct engine's */

#endif
