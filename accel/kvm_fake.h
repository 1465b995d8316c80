/*
 * A KVM for tests, and a small board with it: the calls of struct kvm_host answered by a script.
 *
 * Source: Linux kernel documentation, virt/kvm/api.
 * Modelled: registers, MSRs and slots that are kept and given back; KVM_RUN takes the next step of the script, after
 *   it has completed the last exit's access; with immediate_exit set it does nothing else and fails with EINTR.
 * Not modelled: execution.  A step says why the guest was left.
 */
#ifndef ACCEL_KVM_FAKE_H
#define ACCEL_KVM_FAKE_H

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/kvm.h"
#include "cpu/system.h"
#include "machine/cpubus.h"
#include "tests/unit.h"

enum { FAKE_SYSTEM = 100001, FAKE_VM, FAKE_CPU }; /* no descriptors of this process */
#define FAKE_RUN_SIZE 0x3000u
#define FAKE_DATA 0x1000u /* in it: data of port exits */
#define FAKE_STEPS 64
#define FAKE_SLOTS 64
#define FAKE_RING_PAGE 2 /* of the processor's mapping */
#define FAKE_ZONES 16

/* 0: run->exit_reason and what belongs to it are set; else an errno, with which KVM_RUN fails. */
typedef int fake_step(struct kvm_run *run);

struct fake_kvm {
    int open_error, version;
    bool no_emulation_exits, old_sregs, no_sync, no_msr_filter;
    bool all_modes;      /* for open_cpu: -accel kvm,modes=all */
    bool no_paging32;    /* CR0.PG is dropped outside of long mode */
    bool no_steps;       /* it takes KVM_GUESTDBG_SINGLESTEP and goes on */
    bool ignores_idt;    /* an exception is delivered whatever the limit of the IDT is */
    bool no_breakpoints; /* as software KVMs are: it accepts them and does not stop */
    bool no_window;      /* as they are, too: IF may be set and cleared without an exit */
    unsigned register_reads, fpu_writes; /* by KVM_GET_REGS, KVM_SET_XSAVE */
    unsigned tlb_flushes;    /* KVM drops the guest's translations when a control register changes, only then */
    u64 fault_address;       /* of a page fault that waits: it gets into CR2 when KVM is asked for events */
    u64 allowed_msrs[2][16]; /* from 0 and from c0000000h; the others come to us */
    bool filters;
    unsigned long failing; /* this request fails with failing_error, */
    int failing_error;
    unsigned failing_from; /* but for so many times at first */
    u32 refused_msr;

    fake_step *steps[FAKE_STEPS];
    fake_step *always; /* ... and this one when there are no more */
    unsigned step_count, steps_done;
    bool access;           /* the last exit waits to be completed */
    unsigned completed, ran;
    u8 completed_data[64]; /* what was in the data of the last one */
    unsigned length;       /* of the instruction under way: completion moves RIP */

    struct kvm_regs regs;
    struct kvm_sregs2 sregs;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_fpu fpu; /* apart from what is in xsave */
    struct kvm_vcpu_events events;
    struct kvm_msr_entry msrs[KVM_MAX_MSRS];
    unsigned msr_count;
    struct kvm_guest_debug guest_debug;
    u64 tsc_offset;
    bool old_tsc; /* Linux before 5.16: no attribute; a counter written within a second of what it is stays */
    struct kvm_cpuid2 *supported; /* KVM_GET_SUPPORTED_CPUID; NULL: everything */
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[128];
    } cpuid;
    struct kvm_userspace_memory_region slots[FAKE_SLOTS];
    u64 dirty[FAKE_SLOTS]; /* first 64 pages of each slot */
    unsigned slot_changes;
    struct kvm_coalesced_mmio_zone zones[FAKE_ZONES];
    unsigned zone_count;
    int (*on_completion)(void);
    u8 vectors[16];
    unsigned interrupts, nmis;
    _Alignas(4096) u8 run[FAKE_RUN_SIZE];
};

static struct fake_kvm fake;
static bool fake_no_ring; /* outlives fake_install */

static inline struct kvm_run *fake_run(void) { return (struct kvm_run *)fake.run; }

static inline int fake_fail(int code)
{
    errno = code;
    return -1;
}

static inline int fake_open(const char *path, int flags, ...)
{
    return fake.open_error ? fake_fail(fake.open_error) : FAKE_SYSTEM;
}

static inline int fake_close(int fd) { return 0; }

static inline void *fake_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fd == FAKE_CPU && size == FAKE_RUN_SIZE ? fake.run : MAP_FAILED;
}

static inline int fake_munmap(void *address, size_t size) { return 0; }

static inline int fake_capability(int capability)
{
    switch (capability) {
    case KVM_CAP_NR_MEMSLOTS: return FAKE_SLOTS;
    case KVM_CAP_COALESCED_MMIO: return fake_no_ring ? 0 : FAKE_RING_PAGE;
    case KVM_CAP_SREGS2: return !fake.old_sregs;
    case KVM_CAP_SYNC_REGS: return fake.no_sync ? 0 : KVM_SYNC_X86_VALID_FIELDS;
    case KVM_CAP_SET_GUEST_DEBUG2: return (int)(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ);
    case KVM_CAP_EXIT_ON_EMULATION_FAILURE: return !fake.no_emulation_exits;
    case KVM_CAP_X86_MSR_FILTER: return !fake.no_msr_filter;
    default: return 1;
    }
}

static inline void fake_complete(void)
{
    if (!fake.access)
        return;
    fake.access = false;
    fake.completed++;
    const void *data = fake_run()->exit_reason == KVM_EXIT_MMIO ? fake_run()->mmio.data : fake.run + FAKE_DATA;
    memcpy(fake.completed_data, data, fake_run()->exit_reason == KVM_EXIT_MMIO ? 8 : sizeof(fake.completed_data));
    fake.regs.rip += fake.length;
    if (fake.on_completion)
        fake.on_completion();
}

static inline struct kvm_coalesced_mmio_ring *fake_ring(void)
{
    return (struct kvm_coalesced_mmio_ring *)(fake.run + FAKE_RING_PAGE * 4096);
}

/* A store of the guest's.  False: no zone, or the ring is full. */
static inline bool fake_gather(u64 address, u64 value, u32 size)
{
    struct kvm_coalesced_mmio_ring *ring = fake_ring();
    bool found = false;
    u32 next = (u32)((ring->last + 1) % KVM_RING_ENTRIES);
    for (unsigned i = 0; i < fake.zone_count; i++)
        found |= address >= fake.zones[i].addr && address + size <= fake.zones[i].addr + fake.zones[i].size;
    if (!found || next == ring->first)
        return false;
    ring->coalesced_mmio[ring->last] = (struct kvm_coalesced_mmio){.phys_addr = address, .len = size};
    memcpy(ring->coalesced_mmio[ring->last].data, &value, 8);
    ring->last = next;
    return true;
}

static inline int fake_zone(const struct kvm_coalesced_mmio_zone *zone, bool add)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < fake.zone_count; i++)
        if (fake.zones[i].addr != zone->addr || fake.zones[i].size != zone->size)
            fake.zones[kept++] = fake.zones[i];
    fake.zone_count = kept;
    if (add && kept == FAKE_ZONES)
        return fake_fail(ENOSPC);
    if (add)
        fake.zones[fake.zone_count++] = *zone;
    return 0;
}

/* As KVM does at every return of KVM_RUN. */
static inline void fake_leave_registers(struct kvm_run *run)
{
    if (run->kvm_valid_regs & KVM_SYNC_X86_REGS)
        run->s.regs.regs = fake.regs;
    if (run->kvm_valid_regs & KVM_SYNC_X86_SREGS)
        memcpy(&run->s.regs.sregs, &fake.sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
    if (run->kvm_valid_regs & KVM_SYNC_X86_EVENTS)
        run->s.regs.events = fake.events;
}

/* As KVM does at every beginning of it. */
static inline void fake_take_registers(struct kvm_run *run)
{
    if (run->kvm_dirty_regs & KVM_SYNC_X86_REGS)
        fake.regs = run->s.regs.regs;
    if (run->kvm_dirty_regs & KVM_SYNC_X86_SREGS)
        memcpy(&fake.sregs, &run->s.regs.sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
    if (run->kvm_dirty_regs & KVM_SYNC_X86_EVENTS)
        fake.events = run->s.regs.events;
    run->kvm_dirty_regs = 0;
}

/* The engine's probe of breakpoints, which has no script: it executes MOV [100h], AL at 0 and comes to 3. */
static inline int fake_probe(struct kvm_run *run)
{
    const __u64 *dr = fake.guest_debug.arch.debugreg;
    bool watches = dr[7] >> 16 & 3;
    run->exit_reason = KVM_EXIT_HLT;
    if (fake.no_breakpoints || dr[0] != (watches ? 0x100 : 3))
        return 0;
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch.dr6 = 1;
    run->debug.arch.pc = 3;
    return 0;
}

/* ... and that of the interrupt window, which sets IF and clears it. */
static inline int fake_probe_window(struct kvm_run *run)
{
    run->exit_reason = fake.no_window ? KVM_EXIT_HLT : KVM_EXIT_IRQ_WINDOW_OPEN;
    return 0;
}

/* The engine's probe of single steps: MOV [100h], AL; INC ECX; UD2. */
static inline int fake_probe_step(struct kvm_run *run)
{
    u64 linear = fake.regs.rip + (fake.sregs.efer ? 0 : fake.sregs.cs.base), offset = linear - fake.slots[0].guest_phys_addr;
    const u8 *code = (const u8 *)(uintptr_t)fake.slots[0].userspace_addr + offset;
    if (offset >= fake.slots[0].memory_size)
        return fake_fail(EFAULT);
    run->exit_reason = fake.ignores_idt || fake.sregs.idt.limit ? KVM_EXIT_HLT : KVM_EXIT_SHUTDOWN;
    if (code[0] == 0x0f && code[1] == 0x0b)
        return 0;
    fake.regs.rip += code[0] == 0xa2 ? 3 : 2;
    run->exit_reason = fake.no_steps ? KVM_EXIT_HLT : KVM_EXIT_DEBUG;
    run->debug.arch.dr6 = 0x4000;
    run->debug.arch.pc = fake.regs.rip;
    return 0;
}

static inline int fake_go(void)
{
    struct kvm_run *run = fake_run();
    fake_take_registers(run);
    fake_complete();
    if (run->immediate_exit)
        return fake_fail(EINTR);
    fake.ran++;
    if (!fake.step_count && (fake.guest_debug.control & KVM_GUESTDBG_USE_HW_BP))
        return fake_probe(run);
    if (!fake.step_count && run->request_interrupt_window)
        return fake_probe_window(run);
    if (!fake.step_count && (fake.guest_debug.control & KVM_GUESTDBG_SINGLESTEP))
        return fake_probe_step(run);
    if (fake.steps_done == fake.step_count && !fake.always)
        return fake_fail(EINTR);
    int code = fake.steps_done < fake.step_count ? fake.steps[fake.steps_done++](run) : fake.always(run);
    if (code)
        return fake_fail(code);
    fake.access = run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO ||
                  run->exit_reason == KVM_EXIT_X86_RDMSR || run->exit_reason == KVM_EXIT_X86_WRMSR;
    return 0;
}

static inline int fake_enter(void)
{
    int r = fake_go(), code = errno;
    fake_leave_registers(fake_run());
    errno = code;
    return r;
}

static inline struct kvm_msr_entry *fake_msr(u32 index)
{
    for (unsigned i = 0; i < fake.msr_count; i++)
        if (fake.msrs[i].index == index)
            return &fake.msrs[i];
    struct kvm_msr_entry *msr = &fake.msrs[fake.msr_count++ % KVM_MAX_MSRS];
    *msr = (struct kvm_msr_entry){.index = index};
    return msr;
}

#define FAKE_TSC_HZ 1000000000ull

static inline void fake_tsc(struct kvm_msr_entry *entry, bool write)
{
    u64 host = cpubus_host_tsc(), offset = entry->data - host;
    if (!write)
        entry->data = host + fake.tsc_offset;
    else if (offset - fake.tsc_offset + FAKE_TSC_HZ > 2 * FAKE_TSC_HZ)
        fake.tsc_offset = offset;
}

/* Returns how many were done before one that is refused. */
static inline int fake_msrs(struct kvm_msrs *list, bool write)
{
    for (unsigned i = 0; i < list->nmsrs; i++) {
        if (write && list->entries[i].index == fake.refused_msr)
            return (int)i;
        if (list->entries[i].index == 0x10) {
            fake_tsc(&list->entries[i], write);
            continue;
        }
        struct kvm_msr_entry *msr = fake_msr(list->entries[i].index);
        if (write)
            *msr = list->entries[i];
        else
            list->entries[i].data = msr->data;
    }
    return (int)list->nmsrs;
}

static inline int fake_set_slot(const struct kvm_userspace_memory_region *region)
{
    const struct kvm_userspace_memory_region *other = fake.slots;
    if (region->slot >= FAKE_SLOTS || ((region->guest_phys_addr | region->memory_size) & 0xfff))
        return fake_fail(EINVAL);
    for (unsigned i = 0; i < FAKE_SLOTS && region->memory_size; i++)
        if (i != region->slot && other[i].memory_size &&
            region->guest_phys_addr < other[i].guest_phys_addr + other[i].memory_size &&
            other[i].guest_phys_addr < region->guest_phys_addr + region->memory_size)
            return fake_fail(EEXIST);
    fake.slots[region->slot] = *region;
    fake.slot_changes++;
    return 0;
}

static inline int fake_dirty_log(const struct kvm_dirty_log *log)
{
    if (log->slot >= FAKE_SLOTS || !(fake.slots[log->slot].flags & KVM_MEM_LOG_DIRTY_PAGES))
        return fake_fail(ENOENT);
    memcpy(log->dirty_bitmap, &fake.dirty[log->slot], 8);
    fake.dirty[log->slot] = 0;
    return 0;
}

static inline int fake_supported(struct kvm_cpuid2 *to)
{
    static const u32 leaves[][2] = {{1, 0}, {7, 0}, {7, 1}, {0xd, 1}, {0x80000001, 0}};
    if (!fake.supported) {
        for (to->nent = 0; to->nent < ARRAY_SIZE(leaves); to->nent++)
            to->entries[to->nent] = (struct kvm_cpuid_entry2){.function = leaves[to->nent][0], .index = leaves[to->nent][1],
                                                              .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u};
        return 0;
    }
    if (to->nent < fake.supported->nent)
        return fake_fail(E2BIG);
    memcpy(to, fake.supported, sizeof(*to) + fake.supported->nent * sizeof(to->entries[0]));
    return 0;
}

static inline int fake_filter(const struct kvm_msr_filter *filter)
{
    fake.filters = filter->flags & KVM_MSR_FILTER_DEFAULT_DENY;
    for (unsigned i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
        for (u32 bit = 0; bit < filter->ranges[i].nmsrs; bit++) {
            u32 index = filter->ranges[i].base + bit;
            if ((index & 0x3fffffff) < 0x400 && (filter->ranges[i].bitmap[bit / 8] >> (bit % 8) & 1))
                fake.allowed_msrs[index >> 31][(index & 0x3ff) / 64] |= 1ull << (index % 64);
        }
    return 0;
}

static inline bool fake_allows(u32 index)
{
    return !fake.filters || fake.allowed_msrs[index >> 31][(index & 0x3ff) / 64] >> (index % 64) & 1;
}

static inline void fake_note_control(const struct kvm_sregs2 *sregs)
{
    fake.tlb_flushes += sregs->cr0 != fake.sregs.cr0 || sregs->cr3 != fake.sregs.cr3 || sregs->cr4 != fake.sregs.cr4 ||
                        sregs->efer != fake.sregs.efer;
}

static inline int fake_get_events(struct kvm_vcpu_events *events)
{
    *events = fake.events;
    if (fake.fault_address && (events->exception.pending || events->exception.injected))
        fake.sregs.cr2 = fake.fault_address;
    return 0;
}

#define FAKE_GET(request, field)                                                                                       \
    case request: memcpy(argument, &field, sizeof(field)); return 0
#define FAKE_SET(request, field)                                                                                       \
    case request: memcpy(&field, argument, sizeof(field)); return 0

static inline u64 *fake_attribute(const struct kvm_device_attr *attribute) { return (u64 *)(uintptr_t)attribute->addr; }

static inline int fake_answer(unsigned long request, void *argument)
{
    switch (request) {
    case KVM_GET_API_VERSION: return fake.version;
    case KVM_CHECK_EXTENSION: return fake_capability((int)(uintptr_t)argument);
    case KVM_CREATE_VM: return FAKE_VM;
    case KVM_CREATE_VCPU: return FAKE_CPU;
    case KVM_GET_VCPU_MMAP_SIZE: return FAKE_RUN_SIZE;
    case KVM_GET_TSC_KHZ: return FAKE_TSC_HZ / 1000;
    case KVM_RUN: return fake_enter();
    case KVM_NMI: return fake.nmis++, 0;
    case KVM_INTERRUPT:
        fake.vectors[fake.interrupts++ % 16] = (u8)((struct kvm_interrupt *)argument)->irq;
        return 0;
    case KVM_SET_USER_MEMORY_REGION: return fake_set_slot(argument);
    case KVM_GET_DIRTY_LOG: return fake_dirty_log(argument);
    case KVM_REGISTER_COALESCED_MMIO: return fake_zone(argument, true);
    case KVM_UNREGISTER_COALESCED_MMIO: return fake_zone(argument, false);
    case KVM_GET_SUPPORTED_CPUID: return fake_supported(argument);
    case KVM_GET_MSRS: return fake_msrs(argument, false);
    case KVM_SET_MSRS: return fake_msrs(argument, true);
    case KVM_SET_CPUID2:
        memcpy(&fake.cpuid, argument, sizeof(struct kvm_cpuid2) +
               MIN(((struct kvm_cpuid2 *)argument)->nent, 128u) * sizeof(struct kvm_cpuid_entry2));
        return 0;
    case KVM_SET_DEVICE_ATTR:
        if (fake.old_tsc)
            return fake_fail(ENXIO);
        fake.tsc_offset = *fake_attribute(argument);
        return 0;
    case KVM_GET_DEVICE_ATTR:
        if (fake.old_tsc)
            return fake_fail(ENXIO);
        *fake_attribute(argument) = fake.tsc_offset;
        return 0;
    case KVM_GET_REGS:
        fake.register_reads++;
        memcpy(argument, &fake.regs, sizeof(fake.regs));
        return 0;
    FAKE_SET(KVM_SET_REGS, fake.regs);
    FAKE_GET(KVM_GET_SREGS2, fake.sregs);
    case KVM_SET_SREGS2:
        fake_note_control(argument);
        memcpy(&fake.sregs, argument, sizeof(fake.sregs));
        return 0;
    FAKE_GET(KVM_GET_XSAVE, fake.xsave);
    case KVM_SET_XSAVE:
        fake.fpu_writes++;
        memcpy(&fake.xsave, argument, sizeof(fake.xsave));
        return 0;
    FAKE_GET(KVM_GET_FPU, fake.fpu);
    FAKE_GET(KVM_GET_XCRS, fake.xcrs);
    FAKE_SET(KVM_SET_XCRS, fake.xcrs);
    FAKE_GET(KVM_GET_DEBUGREGS, fake.debug);
    FAKE_SET(KVM_SET_DEBUGREGS, fake.debug);
    FAKE_SET(KVM_SET_GUEST_DEBUG, fake.guest_debug);
    case KVM_GET_VCPU_EVENTS: return fake_get_events(argument);
    FAKE_SET(KVM_SET_VCPU_EVENTS, fake.events);
    case KVM_GET_SREGS: /* the same up to the interrupt bitmap */
        memset(argument, 0, sizeof(struct kvm_sregs));
        memcpy(argument, &fake.sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
        return 0;
    case KVM_X86_SET_MSR_FILTER: return fake_filter(argument);
    case KVM_SET_SREGS:
        fake_note_control(argument);
        memcpy(&fake.sregs, argument, offsetof(struct kvm_sregs, interrupt_bitmap));
        fake.sregs.cr0 &= fake.no_paging32 && !fake.sregs.efer ? ~0x80000000ull : ~0ull;
        return 0;
    default: return 0;
    }
}

static inline int fake_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (fake.failing && request == fake.failing && !fake.failing_from)
        return fake_fail(fake.failing_error);
    fake.failing_from -= request == fake.failing && fake.failing_from;
    return fake_answer(request, argument);
}

static inline void fake_install(void)
{
    static const struct kvm_host host = {fake_open, fake_close, fake_ioctl, fake_mmap, fake_munmap};
    memset(&fake, 0, sizeof(fake));
    fake.version = KVM_API_VERSION;
    kvm_host = &host;
}

/* --- a board and a processor of it --- */

#define RAM_SIZE 0x100000u

struct rig {
    struct machine *machine;
    struct vcpu vcpu;
    struct region ram;
    struct port_range ports;
    u64 written[8];
    unsigned writes, reads;
};

static struct rig *rig;
static char said[512];
static unsigned lines;

static inline void hear(const char *text)
{
    snprintf(said, sizeof(said), "%s", text);
    lines++;
}

static inline u64 read_register(void *opaque, u64 offset, unsigned size)
{
    rig->reads++;
    return 0x1110 + rig->reads;
}

static inline void write_register(void *opaque, u64 offset, u64 value, unsigned size)
{
    rig->written[rig->writes++ % 8] = value;
}

static const struct bus_ops register_ops = {
    .read = read_register, .write = write_register, .min_size = 1, .max_size = 4};

static inline int acknowledge(void *opaque) { return 0x21; }

static inline void open_board(void)
{
    struct error err;
    rig = calloc(1, sizeof(*rig));
    rig->machine = machine_create(&err);
    rig->machine->acknowledge = acknowledge;
    rig->ram = (struct region){.name = "ram", .kind = REGION_RAM, .size = RAM_SIZE, .enabled = true,
                               .host = memory_alloc(RAM_SIZE), .page_flags = calloc(1, RAM_SIZE / 4096)};
    memory_add(rig->machine->memory, &rig->ram);
    rig->ports = (struct port_range){.name = "test", .base = 0x500, .count = 16, .ops = &register_ops};
    ioports_add(rig->machine->ports, &rig->ports);
    fake_install();
    error_on_report(hear);
    said[0] = 0;
    lines = 0;
}

static inline void close_board(void)
{
    machine_destroy(rig->machine);
    memory_free(rig->ram.host, RAM_SIZE);
    free(rig->ram.page_flags);
    free(rig);
    error_on_report(NULL);
}

static inline struct kvm *open_cpu(void)
{
    char why[200];
    struct error err = {""};
    struct vcpu *vcpu = &rig->vcpu;
    *vcpu = (struct vcpu){.machine = rig->machine, .engine = &kvm_engine, .slice_ns = NS_PER_SEC, .parked = true,
                          .thread = pthread_self(), .kvm_all_modes = fake.all_modes};
    vcpu->shift.gear = &kvm_engine;
    vcpu->cpu = cpu_create("max", NULL, &machine_cpu_bus, rig->machine, why);
    if (kvm_engine.create(vcpu, &err) < 0) {
        puts(err.text);
        exit(1);
    }
    kvm_of(vcpu)->shadows = false; /* of the host's own KVM */
    fake.ran = fake.register_reads = 0; /* by the probes */
    return kvm_of(vcpu);
}

static inline struct kvm *open_rig(void)
{
    open_board();
    return open_cpu();
}

static inline void close_rig(void)
{
    kvm_engine.destroy(&rig->vcpu);
    cpu_destroy(rig->vcpu.cpu);
    close_board();
}

/* --- what scripts are made of --- */

/* The script's next steps; KVM gets the guest's state. */
static inline void take_steps(fake_step *first, fake_step *second)
{
    fake.steps[0] = first;
    fake.steps[1] = second;
    fake.step_count = !!first + !!second;
    fake.steps_done = 0;
    machine_lock(rig->machine);
    kvm_engine.load(&rig->vcpu);
    machine_unlock(rig->machine);
}

static inline enum engine_exit run_steps(fake_step *first, fake_step *second)
{
    take_steps(first, second);
    return kvm_engine.run(&rig->vcpu, 1000);
}

/* struct cpu gets it back. */
static inline void store_state(void)
{
    machine_lock(rig->machine);
    kvm_engine.store(&rig->vcpu);
    machine_unlock(rig->machine);
}

static inline int port_exit(struct kvm_run *run, u8 direction, u8 size, u32 count)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = direction;
    run->io.size = size;
    run->io.count = count;
    run->io.port = 0x504;
    run->io.data_offset = FAKE_DATA;
    fake.length = 2;
    return 0;
}

static inline int out_byte(struct kvm_run *run)
{
    fake.run[FAKE_DATA] = 0x5a;
    return port_exit(run, KVM_EXIT_IO_OUT, 1, 1);
}

static inline int debug_exit(struct kvm_run *run, u64 pc, u64 dr6)
{
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch.exception = VECTOR_DB;
    run->debug.arch.pc = pc;
    run->debug.arch.dr6 = DR6_FIXED | dr6;
    return 0;
}

#endif
