/*
 * The KVM engine: the host's kernel (its hardware, or a software KVM) executes the guest; devices stay ours.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_RUN, the kvm_run structure, KVM_INTERRUPT, KVM_NMI, "immediate
 *   exit", KVM_CAP_EXIT_ON_EMULATION_FAILURE.
 * Modelled: interrupts from our own PIC and APIC by KVM_INTERRUPT and the interrupt window, HLT, port I/O with strings,
 *   MMIO, NMI, kicks, slices by a timer signal.  What KVM gives up on is ENGINE_EXIT_CANNOT (accel/shift.c goes on).
 * Not modelled: an interrupt controller in the kernel, A20 masked (CANNOT), -icount.
 *
 * An exit for an access is completed by the next KVM_RUN, so before state is read one is made with immediate_exit set.
 */
#include <config.h>

#include "accel/accel.h"

#if CONFIG_KVM

#include "accel/kvm_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/system.h"
#include "machine/trace.h"

#define KICK_SIGNAL SIGRTMIN
#define WINDOW_MISSED "an interrupt waits, and this host's KVM may miss its moment"
#define DIRTY_INTERVAL 20000000ull /* ns between readings of the frame buffers' dirty log */

static const struct kvm_host kernel = {open, close, ioctl, mmap, munmap};
const struct kvm_host *kvm_host = &kernel;

static __thread struct kvm *this_thread;

/* --- creation --- */

static void on_kick(int number)
{
    if (this_thread)
        __atomic_store_n(&this_thread->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

/* KVM_RUN does not restart; other calls of this thread shall. */
static void catch_kicks(void)
{
    struct sigaction action = {.sa_handler = on_kick, .sa_flags = SA_RESTART};
    sigaction(KICK_SIGNAL, &action, NULL);
}

static void enable_exits(struct kvm *kvm)
{
    struct kvm_enable_cap enable = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = {1}};
    if (kvm_has(kvm->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE))
        kvm_host->ioctl(kvm->vm, KVM_ENABLE_CAP, &enable);
    /* Three pages that Intel hosts without unrestricted guests need; below the BIOS at the top of 4 GiB. */
    u64 identity = 0xfeffc000;
    if (kvm_has(kvm->vm, KVM_CAP_SET_IDENTITY_MAP_ADDR))
        kvm_host->ioctl(kvm->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    if (kvm_has(kvm->vm, KVM_CAP_SET_TSS_ADDR))
        kvm_host->ioctl(kvm->vm, KVM_SET_TSS_ADDR, 0xfeffd000ul);
}

static int create_vm(struct kvm *kvm, struct error *err)
{
    kvm->system = kvm_open(err);
    if (kvm->system < 0)
        return kvm->system;
    int r = kvm_check(kvm->system, err);
    if (r < 0)
        return r;
    kvm->vm = kvm_create_vm(kvm->system, err);
    if (kvm->vm < 0)
        return kvm->vm;
    enable_exits(kvm);
    kvm->cpu = kvm_host->ioctl(kvm->vm, KVM_CREATE_VCPU, 0);
    if (kvm->cpu < 0)
        return error_set(err, errno, "KVM_CREATE_VCPU: %s", strerror(errno));
    int size = kvm_host->ioctl(kvm->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    void *run = MAP_FAILED;
    if (size > 0)
        run = kvm_host->mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, kvm->cpu, 0);
    if (run == MAP_FAILED)
        return error_set(err, errno, "cannot map the KVM processor: %s", strerror(errno));
    kvm->run = run;
    kvm->run_size = (size_t)size;
    kvm_coalesced_create(kvm);
    int slots = kvm_host->ioctl(kvm->system, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    kvm->slot_limit = slots > 0 ? (unsigned)slots : 32;
    kvm->can_inject_nmi = kvm_has(kvm->system, KVM_CAP_USER_NMI);
    return 0;
}

static void destroy(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    if (!kvm)
        return;
    if (kvm->has_timer)
        timer_delete(kvm->timer);
    if (kvm->run)
        kvm_host->munmap(kvm->run, kvm->run_size);
    kvm_memory_destroy(kvm);
    kvm_tables_destroy(kvm);
    const int files[] = {kvm->cpu, kvm->vm, kvm->system};
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        if (files[i] >= 0)
            kvm_host->close(files[i]);
    free(kvm);
    vcpu->engine_state = NULL;
}

/* One line on what is to be known of this host's KVM. */
static void warn(const struct kvm *kvm)
{
    if (kvm->user_only && kvm->vcpu->shift.automatic)
        return; /* accel_choose has said so */
    if (kvm->user_only)
        error_report("this host's KVM is a software one: it executes 64-bit user code, the interpreter all else "
                     "(the system, exceptions, interrupts: info exits counts)");
    else if (kvm->lacks_paging32 || kvm->lacks_syscall || kvm->foreign_cpuid || kvm->hides_features)
        error_report("this host's KVM is a software one with defects (%s%s%s%s): the guest may break",
                     kvm->lacks_paging32 ? "no 32-bit paging" : "", kvm->lacks_syscall ? ", no SYSCALL" : "",
                     kvm->foreign_cpuid ? ", foreign CPUID" : "",
                     kvm->hides_features ? ", foreign CPUID, so without features" : "");
}

static bool is_off(const char *parameter)
{
    int fd = open(parameter, O_RDONLY | O_CLOEXEC);
    char value = 'Y';
    ssize_t length = fd >= 0 ? read(fd, &value, 1) : 0;
    if (fd >= 0)
        close(fd);
    return length == 1 && (value == 'N' || value == '0');
}

static int create(struct vcpu *vcpu, struct error *err)
{
    struct kvm *kvm = calloc(1, sizeof(*kvm));
    if (!kvm)
        return error_set(err, ENOMEM, "out of memory for KVM");
    *kvm = (struct kvm){.system = -1, .vm = -1, .cpu = -1, .vcpu = vcpu, .map_stale = true};
    vcpu->engine_state = kvm;
    kvm->all_modes = vcpu->kvm_all_modes;
    int r = create_vm(kvm, err);
    if (r == 0)
        r = kvm_probe_modes(kvm, err);
    if (r == 0) {
        kvm->user_only = !kvm->all_modes && (kvm->lacks_paging32 || kvm->lacks_syscall);
        vcpu->user_only = kvm->user_only;
        /* A guest that is shown what the interpreter then lacks breaks; one that is shown nothing does without. */
        kvm->hides_features = kvm->lacks_paging32 && !kvm->user_only && kvm_measure_foreign_cpuid(1);
        kvm->hides_extended = kvm->hides_features && kvm_measure_foreign_cpuid(0x80000001);
        r = kvm_state_create(kvm, err);
    }
    if (r < 0) {
        destroy(vcpu);
        return r;
    }
    kvm_probe_cpuid(kvm);
    kvm_probe_breakpoints(kvm);
    kvm_probe_ferr(kvm);
    kvm_probe_window(kvm);
    kvm->shadows = kvm->lacks_paging32 || kvm->lacks_syscall || is_off("/sys/module/kvm_intel/parameters/ept") ||
                   is_off("/sys/module/kvm_amd/parameters/npt");
    r = kvm->dead ? error_set(err, kvm->dead, "KVM_SET_GUEST_DEBUG: %s", strerror(kvm->dead)) : 0;
    if (r == 0 && kvm->user_only)
        r = kvm_tables_create(kvm, err);
    if (r == 0) /* last: its thread could not be ended by who holds the lock */
        r = kvm_memory_create(kvm, err);
    if (r < 0) {
        destroy(vcpu);
        return r;
    }
    warn(kvm);
    catch_kicks();
    return 0;
}

/* --- kicks --- */

/* Either KVM_RUN sees immediate_exit, or `inside` was set before we look and the signal finds it there. */
static void kick(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    __atomic_store_n(&kvm->kicked, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&kvm->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&kvm->inside, __ATOMIC_SEQ_CST) && !pthread_equal(pthread_self(), vcpu->thread))
        pthread_kill(vcpu->thread, KICK_SIGNAL);
}

/* On the CPU's own thread the loop looks at the lines itself. */
static void attend(struct vcpu *vcpu)
{
    if (!pthread_equal(pthread_self(), vcpu->thread))
        kick(vcpu);
}

/* The slice's end comes as a signal to this thread. */
static bool need_timer(struct kvm *kvm)
{
    if (kvm->has_timer)
        return true;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    kvm->has_timer = timer_create(CLOCK_MONOTONIC, &event, &kvm->timer) == 0;
    return kvm->has_timer;
}

static void arm_timer(struct kvm *kvm, u64 ns)
{
    struct itimerspec when = {.it_value = {(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)}};
    if (need_timer(kvm))
        timer_settime(kvm->timer, 0, &when, NULL);
}

/* --- accesses; lock held --- */

static void do_port(struct kvm *kvm)
{
    struct kvm_run *run = kvm->run;
    struct ioports *ports = kvm->vcpu->machine->ports;
    u8 *data = (u8 *)run + run->io.data_offset;
    if (run->io.direction == KVM_EXIT_IO_IN)
        ioports_read_block(ports, run->io.port, run->io.size, data, run->io.count);
    else
        ioports_write_block(ports, run->io.port, run->io.size, data, run->io.count);
}

static void do_mmio(struct kvm *kvm)
{
    struct kvm_run *run = kvm->run;
    struct machine *machine = kvm->vcpu->machine;
    struct memory *memory = machine->memory;
    u64 value = 0;
    unsigned size = MIN(run->mmio.len, 8u);
    machine->current_cpu = 0;
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size);
        memory_store(memory, run->mmio.phys_addr, value, size);
    } else {
        value = memory_load(memory, run->mmio.phys_addr, size);
        memcpy(run->mmio.data, &value, size);
    }
    machine->current_cpu = -1;
}

/* The exit for an access that we make: where the guest is, before KVM has finished the instruction. */
static void note_access(struct kvm *kvm)
{
    const struct kvm_regs *regs = &kvm->run->s.regs.regs;
    kvm->io_pending = true;
    kvm->access_known = kvm->synced && (kvm->sync & KVM_SYNC_X86_REGS);
    kvm->access_rip = regs->rip;
    kvm->access_rcx = regs->rcx;
}

/* False: the exit was for no access. */
static bool do_access(struct kvm *kvm)
{
    bool port = kvm->run->exit_reason == KVM_EXIT_IO;
    if (!port && kvm->run->exit_reason != KVM_EXIT_MMIO)
        return false;
    note_access(kvm);
    if (likely(!kvm->debug_stepping)) /* else the interpreter will make it */
        (port ? do_port : do_mmio)(kvm);
    return true;
}

/* CR8 is the local APIC's TPR, which the guest also writes as a register in memory.  Lock held. */
static void read_tpr(struct kvm *kvm)
{
    const struct machine *machine = kvm->vcpu->machine;
    if (!kvm->user_only && machine->apic)
        kvm->vcpu->cpu->cr8 = kvm->run->cr8 = machine->apic->tpr(machine->apic_opaque, 0) >> 4;
}

static void follow_tpr(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    if (kvm->user_only || kvm->run->cr8 == cpu->cr8)
        return;
    cpu->cr8 = kvm->run->cr8;
    if (cpu->bus->apic_write)
        cpu->bus->apic_write(cpu->board, CPU_APIC_TPR, cpu->cr8 << 4);
}

/* KVM_RUN has failed where it was to finish an access.  If the guest has not moved, it did not, and whoever went on would
 * make the access again: the state is lost. */
static void lose_access(struct kvm *kvm, int code)
{
    struct kvm_regs regs;
    bool moved = kvm->access_known && kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) == 0 &&
                 (regs.rip != kvm->access_rip || regs.rcx != kvm->access_rcx);
    kvm->dead = kvm->code = code;
    if (!moved && !kvm->debug_stepping) { /* a step that is dropped made none */
        kvm->lost = true;
        kvm->cannot = "KVM_RUN, an access not finished";
    }
}

/* Lets KVM finish the instruction whose access we made.  True: that ended in an exit of another kind. */
bool kvm_complete_access(struct kvm *kvm)
{
    bool other = false;
    for (unsigned i = 0; kvm->io_pending && i < 100000; i++) {
        kvm->io_pending = false;
        __atomic_store_n(&kvm->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        int r = kvm_host->ioctl(kvm->cpu, KVM_RUN, 0), code = r < 0 ? errno : 0;
        kvm->synced = !code || code == EINTR;
        kvm->ran = true;
        kvm->fpu_known = false;
        kvm_coalesced_settle(kvm, 0);
        other = !code && !do_access(kvm);
        if (code && code != EINTR)
            lose_access(kvm, code);
    }
    __atomic_store_n(&kvm->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    return other;
}

/* --- load and store; lock held --- */

/* May KVM execute the state that the guest is in?  NULL: yes. */
static const char *why_not(const struct kvm *kvm)
{
    const struct cpu *cpu = kvm->vcpu->cpu;
    if (kvm->vcpu->machine->tsc.fixed && cpu->tsc_offset)
        return "the guest wrote its TSC, which this host's KVM does not follow";
    if (!cpu->a20)
        return "A20 is masked";
    if (cpu->pending_dr6 || cpu->held.valid || cpu->held.x87_error)
        return "an event is waiting";
    if (cpu->fpu.ferr) /* KVM would not tell when it is negated */
        return "FERR# is asserted";
    if (kvm->misses_window && __atomic_load_n(&cpu->intr, __ATOMIC_SEQ_CST))
        return WINDOW_MISSED;
    const char *why = kvm_debug_why_not(kvm);
    if (why || !kvm->user_only)
        return why;
    if (cpu->intr && (cpu->rflags & FLAG_IF))
        return KVM_WHY_INTERRUPT;
    return kvm_user_why_not(cpu);
}

/* Is what KVM goes by what the guest's page tables say? */
static bool has_tables(struct kvm *kvm) { return kvm->tables ? kvm_tables_select(kvm) : kvm_memory_forgot_paging(kvm); }
static const char about_to_forget[] = "KVM is about to forget old page tables";

/* One that has died is given its turn, to say so. */
static bool ready(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    return kvm->dead || (!why_not(kvm) && has_tables(kvm));
}

static void load(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    kvm_complete_access(kvm);
    kvm->ferr.due = false;
    kvm->ferr.undo = 0;
    read_tpr(kvm);
    kvm->cannot = why_not(kvm);
    if (!kvm->cannot && !has_tables(kvm))
        kvm->cannot = about_to_forget;
    kvm->failed_state = kvm->dead || kvm->cannot || !kvm_debug_load(kvm) || !kvm_state_load(kvm);
    kvm->ran = false;
}

static void store(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    if (kvm->failed_state) /* struct cpu never went in */
        return;
    kvm_complete_access(kvm);
    kvm_memory_read_dirty(kvm);
    kvm_memory_guest_left(kvm);
    if (kvm->ran)
        kvm->lost |= !kvm_state_store(kvm);
    else /* struct cpu is the guest's still, also where AMD's processors have dropped the x87's pointers */
        kvm_ferr_store(kvm);
    if (kvm->lost) {
        vcpu->cannot = kvm->cannot;
        vcpu->code = kvm->code;
    }
}

/* KVM_EXIT_IO: the registers are as before the instruction, and KVM puts an IN's value into RAX by itself. */
static bool registers(struct vcpu *vcpu, bool write)
{
    struct kvm *kvm = kvm_of(vcpu);
    struct kvm_regs regs;
    u64 *gpr = vcpu->cpu->gpr;
    __u64 *const places[] = {&regs.rax, &regs.rcx, &regs.rdx, &regs.rbx, &regs.rsp, &regs.rbp, &regs.rsi, &regs.rdi};
    if (kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) < 0)
        return false;
    kvm->synced &= !write;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (write)
            *places[i] = gpr[i];
        else
            gpr[i] = *places[i];
    }
    if (!write || kvm_host->ioctl(kvm->cpu, KVM_SET_REGS, &regs) == 0)
        return true;
    kvm->lost = true; /* the device has acted */
    return kvm_state_failed(kvm, "KVM_SET_REGS");
}

static bool alive(struct vcpu *vcpu) { return !kvm_of(vcpu)->lost; }

static void map_changed(struct vcpu *vcpu)
{
    struct kvm *kvm = kvm_of(vcpu);
    kvm->map_stale = true;
    attend(vcpu);
}

static int dirty_log(struct vcpu *vcpu, bool on)
{
    struct kvm *kvm = kvm_of(vcpu);
    kvm_memory_read_dirty(kvm);
    kvm->log_all = on;
    map_changed(vcpu);
    return 0;
}

/* --- running --- */

static enum engine_exit cannot(struct kvm *kvm, const char *why)
{
    kvm->vcpu->expected = why == about_to_forget || (kvm->user_only && kvm_user_is_routine(why));
    kvm->cannot = kvm->vcpu->cannot = why;
    return ENGINE_EXIT_CANNOT;
}

static enum engine_exit fail(struct kvm *kvm, const char *why)
{
    kvm->vcpu->cannot = why;
    return ENGINE_EXIT_DEAD;
}

/* A call that queues an event: what KVM_RUN left of events is no longer so. */
static int request(struct kvm *kvm, unsigned long what, void *argument)
{
    kvm->synced = false;
    return kvm_host->ioctl(kvm->cpu, what, argument);
}

/* False: KVM does not take it. */
static bool inject_nmi(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    u64 began = clock_host_ns();
    if (kvm->io_pending)
        return true;
    if (!kvm->can_inject_nmi || request(kvm, KVM_NMI, NULL) < 0)
        return false;
    cpu->nmi_pending = false;
    exits_count_name(&kvm->vcpu->exit_stats, EXITS_EVENT, "NMI injected", clock_host_ns() - began);
    return true;
}

static void inject_interrupt(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    u64 began = clock_host_ns();
    int vector = cpu->bus->acknowledge(cpu->board);
    kvm->run->ready_for_interrupt_injection = 0;
    if (vector < 0) /* it has gone */
        return;
    struct kvm_interrupt interrupt = {.irq = (u32)vector};
    if (request(kvm, KVM_INTERRUPT, &interrupt) < 0) { /* it is acknowledged: another engine delivers it */
        cpu->held.valid = cpu->held.external = true;
        cpu->held.vector = (u8)vector;
    }
    cpu->stats.interrupts++;
    exits_count_name(&kvm->vcpu->exit_stats, EXITS_EVENT, "interrupt injected", clock_host_ns() - began);
}

/* An interrupt if the guest takes one now, else a request to come back when it does. */
static void inject(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    struct kvm_run *run = kvm->run;
    run->request_interrupt_window = 0;
    if (likely(!__atomic_load_n(&cpu->intr, __ATOMIC_SEQ_CST)))
        return;
    if (run->ready_for_interrupt_injection && run->if_flag && !kvm->io_pending)
        inject_interrupt(kvm);
    if (cpu->intr)
        run->request_interrupt_window = 1;
}

/* For the interpreter, when KVM executes user code only. */
static bool has_event(const struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    return __atomic_load_n(&cpu->intr, __ATOMIC_SEQ_CST) || cpu->nmi_pending || cpu->init_pending || cpu->startup_pending;
}

static enum engine_exit after_internal_error(struct kvm *kvm)
{
    switch (kvm->run->internal.suberror) {
    case KVM_INTERNAL_ERROR_EMULATION: return cannot(kvm, "an instruction that KVM's emulator lacks");
    case KVM_INTERNAL_ERROR_SIMUL_EX: return cannot(kvm, "an exception inside another");
    case KVM_INTERNAL_ERROR_DELIVERY_EV: return cannot(kvm, "an event that KVM could not deliver");
    default: return cannot(kvm, "an internal error of KVM");
    }
}

static enum engine_exit after_debug_exit(struct kvm *kvm)
{
    const char *why;
    if (kvm_ferr_exit(kvm, &why))
        return why ? cannot(kvm, why) : ENGINE_EXIT_BUDGET;
    why = kvm_debug_exit(kvm);
    return why ? cannot(kvm, why) : ENGINE_EXIT_DEBUG;
}

/* AMD's processors leave nothing of a guest that shuts down (APM vol. 2, "Shutdown Intercept"): KVM has given its
 * processor an INIT. */
static bool after_init(struct kvm *kvm)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    return kvm_host->ioctl(kvm->cpu, KVM_GET_REGS, &regs) == 0 && kvm_host->ioctl(kvm->cpu, KVM_GET_SREGS, &sregs) == 0 &&
           regs.rip == 0xfff0 && sregs.cs.selector == 0xf000 && !(sregs.cr0 & CR0_PE);
}

/* What an exit other than an access means; ENGINE_EXIT_BUDGET: nothing, go on. */
static enum engine_exit after_exit(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    switch (kvm->run->exit_reason) {
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR: /* follow_tpr has told the APIC */
    case KVM_EXIT_INTR: return ENGINE_EXIT_BUDGET;
    case KVM_EXIT_HLT:
        cpu->activity = ACTIVITY_HALTED;
        cpu->rflags = kvm->run->if_flag ? cpu->rflags | FLAG_IF : cpu->rflags & ~(u64)FLAG_IF;
        return ENGINE_EXIT_HALTED;
    /* On Intel's processors the registers still are what they were before the first of the three faults: a real one
     * repeats itself. */
    case KVM_EXIT_SHUTDOWN:
        if (kvm->user_only)
            return cannot(kvm, KVM_WHY_EXCEPTION);
        if (after_init(kvm))
            return ENGINE_EXIT_SHUTDOWN;
        return cannot(kvm, "a triple fault, which the interpreter shall confirm");
    case KVM_EXIT_DEBUG: return after_debug_exit(kvm);
    case KVM_EXIT_INTERNAL_ERROR: return after_internal_error(kvm);
    case KVM_EXIT_FAIL_ENTRY:
        trace(ACCEL, "kvm: entry failed: %llx",
              (unsigned long long)kvm->run->fail_entry.hardware_entry_failure_reason);
        return cannot(kvm, "a state that the hardware does not enter");
    default: return cannot(kvm, "an exit of KVM's that we do not know");
    }
}

/* Under the lock: what changed since the last KVM_RUN.  ENGINE_EXIT_BUDGET: ready. */
static enum engine_exit prepare(struct kvm *kvm)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    if (kvm->dead)
        return fail(kvm, strerror(kvm->dead));
    if (kvm->failed_state)
        return cannot(kvm, kvm->cannot);
    if (!cpu->a20)
        return cannot(kvm, "A20 is masked");
    if (cpu->held.valid)
        return cannot(kvm, "an event is waiting");
    read_tpr(kvm);
    if (kvm->map_stale) {
        kvm->map_stale = false;
        if (kvm_memory_sync(kvm) < 0)
            return fail(kvm, "KVM refuses the memory map");
        if (kvm_tables_forget_all(kvm))
            return cannot(kvm, "the memory map changed");
    }
    return ENGINE_EXIT_BUDGET;
}

static enum engine_exit enter(struct kvm *kvm)
{
    struct exits *exits = &kvm->vcpu->exit_stats;
    bool access = kvm->io_pending;
    u64 began = clock_host_ns();
    __atomic_store_n(&kvm->inside, true, __ATOMIC_SEQ_CST);
    int r = kvm_host->ioctl(kvm->cpu, KVM_RUN, 0);
    int code = errno;
    exits->entered++;
    exits->ns_inside += clock_host_ns() - began;
    __atomic_store_n(&kvm->inside, false, __ATOMIC_SEQ_CST);
    if (r < 0 && kvm_state_refused(kvm, code)) {
        kvm->failed_state = true;
        return cannot(kvm, "the segment and control registers are beyond KVM");
    }
    kvm->io_pending = kvm->fpu_known = false;
    kvm->has_run = kvm->ran = true;
    kvm->synced = r == 0 || code == EINTR;
    kvm->vcpu->exits++;
    kvm_coalesced_collect(kvm);
    if (r == 0 || code == EINTR) {
        follow_tpr(kvm);
        kvm_msr_follow_apic_base(kvm);
    }
    if (r == 0)
        return ENGINE_EXIT_BUDGET;
    if (code == EINTR) {
        exits_count_name(exits, EXITS_REASON, "signal", 0);
        return ENGINE_EXIT_KICKED;
    }
    trace(ACCEL, "KVM_RUN: %s", strerror(code));
    if (access)
        lose_access(kvm, code);
    return fail(kvm, strerror(code));
}

static const char *reason_name(u32 reason)
{
    static const char *const names[] = {
        [KVM_EXIT_UNKNOWN] = "unknown to the host",
        [KVM_EXIT_EXCEPTION] = "exception",
        [KVM_EXIT_IO] = "port",
        [KVM_EXIT_HYPERCALL] = "hypercall",
        [KVM_EXIT_DEBUG] = "debug",
        [KVM_EXIT_HLT] = "HLT",
        [KVM_EXIT_MMIO] = "memory-mapped register",
        [KVM_EXIT_IRQ_WINDOW_OPEN] = "interrupt window",
        [KVM_EXIT_SHUTDOWN] = "shutdown",
        [KVM_EXIT_FAIL_ENTRY] = "entry failed",
        [KVM_EXIT_INTR] = "signal",
        [KVM_EXIT_SET_TPR] = "TPR",
        [KVM_EXIT_TPR_ACCESS] = "TPR access",
        [KVM_EXIT_NMI] = "NMI",
        [KVM_EXIT_INTERNAL_ERROR] = "internal error",
        [KVM_EXIT_SYSTEM_EVENT] = "system event",
        [KVM_EXIT_X86_RDMSR] = "RDMSR",
        [KVM_EXIT_X86_WRMSR] = "WRMSR",
    };
    return reason < ARRAY_SIZE(names) && names[reason] ? names[reason] : "other";
}

/* An exit served since `began`. */
static void count_exit(struct kvm *kvm, u64 began)
{
    const struct kvm_run *run = kvm->run;
    struct exits *exits = &kvm->vcpu->exit_stats;
    u64 ns = clock_host_ns() - began;
    exits_count_name(exits, EXITS_REASON, reason_name(run->exit_reason), ns);
    if (run->exit_reason == KVM_EXIT_IO)
        exits_count(exits, run->io.direction == KVM_EXIT_IO_IN ? EXITS_IN : EXITS_OUT, run->io.port, ns);
    else if (run->exit_reason == KVM_EXIT_MMIO)
        exits_count(exits, run->mmio.is_write ? EXITS_WRITE : EXITS_READ, run->mmio.phys_addr & ~0xfffull, ns);
}

/* A single step over an instruction whose access we made ends here: KVM's emulator, which executes it, may finish it
 * without KVM_EXIT_DEBUG, and the next KVM_RUN would then execute one more.  Lock held. */
static enum engine_exit end_step(struct kvm *kvm)
{
    return kvm_complete_access(kvm) ? after_exit(kvm) : ENGINE_EXIT_DEBUG;
}

static enum engine_exit serve(struct kvm *kvm)
{
    struct machine *machine = kvm->vcpu->machine;
    u64 began = clock_host_ns();
    follow_tpr(kvm);
    bool page = kvm_tables_resolve(kvm);
    bool msr = !page && kvm_msr_serve(kvm);
    if (msr && !kvm->stepping) {
        count_exit(kvm, began);
        return ENGINE_EXIT_BUDGET;
    }
    machine_lock(machine);
    bool access = msr || (!page && do_access(kvm));
    enum engine_exit why = page || access ? prepare(kvm) : after_exit(kvm);
    if (kvm->stepping && access && why == ENGINE_EXIT_BUDGET)
        why = end_step(kvm);
    if (access && kvm->debug_stepping)
        why = cannot(kvm, "a step of a debugger reaches a device");
    if (page)
        exits_count_name(&kvm->vcpu->exit_stats, EXITS_EVENT, "page made known to KVM", clock_host_ns() - began);
    count_exit(kvm, began);
    machine_unlock(machine);
    return why;
}

/* NMIs and interrupts.  NULL, or why the interpreter must deliver one. */
static const char *deliver(struct kvm *kvm)
{
    if (unlikely(kvm->debug_stepping)) {
        kvm->run->request_interrupt_window = 0;
        return NULL;
    }
    if (kvm->user_only && has_event(kvm))
        return KVM_WHY_INTERRUPT;
    if (unlikely(kvm->vcpu->cpu->nmi_pending) && !inject_nmi(kvm))
        return "an NMI that KVM does not take";
    if (!kvm->user_only)
        inject(kvm);
    return NULL;
}

static enum engine_exit loop(struct kvm *kvm)
{
    for (;;) {
        if (__atomic_exchange_n(&kvm->kicked, false, __ATOMIC_SEQ_CST))
            return ENGINE_EXIT_KICKED;
        const char *why_not = deliver(kvm);
        if (unlikely(why_not))
            return cannot(kvm, why_not);
        if (unlikely(kvm_tables_code_written(kvm)))
            return cannot(kvm, "code was written");
        if (unlikely(kvm->vcpu->cpu->held.valid))
            return cannot(kvm, "an event is waiting");
        if (unlikely(kvm->misses_window && kvm->run->request_interrupt_window))
            return cannot(kvm, WINDOW_MISSED);
        if (unlikely(kvm->vcpu->cpu->init_pending || kvm->vcpu->cpu->startup_pending))
            return cannot(kvm, "INIT");
        enum engine_exit why = enter(kvm);
        if (why == ENGINE_EXIT_BUDGET)
            why = serve(kvm);
        if (why != ENGINE_EXIT_BUDGET)
            return why;
    }
}

static enum engine_exit run(struct vcpu *vcpu, u64 budget)
{
    struct kvm *kvm = kvm_of(vcpu);
    this_thread = kvm;
    vcpu->cpu->activity = ACTIVITY_ACTIVE;
    machine_lock(vcpu->machine);
    enum engine_exit why = prepare(kvm);
    u64 now = clock_host_ns();
    if (now - kvm->dirty_read_at > DIRTY_INTERVAL) {
        kvm_memory_read_dirty(kvm);
        kvm->dirty_read_at = now;
    }
    machine_unlock(vcpu->machine);
    if (why != ENGINE_EXIT_BUDGET)
        return why;
    const char *error = kvm->debug_stepping ? NULL : kvm_ferr_begin(kvm);
    if (unlikely(error != NULL))
        return cannot(kvm, error);
    if (unlikely(kvm_debug_guest_debugs(kvm)))
        return cannot(kvm, "a debugger, and the guest debugs, too");
    __atomic_store_n(&kvm->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    arm_timer(kvm, vcpu->slice_ns);
    return loop(kvm);
}

const struct engine kvm_engine = {
    .name = "kvm",
    .description = "the host's KVM",
    .timed = true,
    .tsc = kvm_tsc_probe,
    .ready = ready,
    .probe = kvm_probe,
    .measure = kvm_measure,
    .create = create,
    .destroy = destroy,
    .run = run,
    .step = kvm_single_step,
    .debug_step = kvm_debug_step,
    .kick = kick,
    .attend = attend,
    .load = load,
    .store = store,
    .registers = registers,
    .alive = alive,
    .map_changed = map_changed,
    .settle = kvm_settle,
    .dirty_log = dirty_log,
};

#endif
