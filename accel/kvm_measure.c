/*
 * What this host's KVM accelerates: a loop in real-address mode and one in 64-bit user code, timed.  Hardware runs both
 * alike; a software KVM is a hundred times slower in the first.
 *
 * Source: Linux kernel documentation, virt/kvm/api; SDM vol. 3A, "4-Level Paging".
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUID_TSC (1u << 4) /* EDX of leaf 1, of AMD's 80000001h too */
#define CPUID_LM (1u << 29) /* EDX of leaf 80000001h */
#define MEMORY 0x200000u
#define CODE 0x10000u
#define RUNS 5u
#define LOOPS_FIRST 5000u /* 5 ms for an emulator of 2 million instructions a second */
#define LOOPS_MAX 5000000u
#define LONGER 16u
#define SHORT_RUN 4000000u /* ns */
#define FAST_USER 2000u /* ns for 1000 instructions: the interpreter takes as long */
#define FAST 20000u /* ns for 1000 instructions: more than any emulator in a kernel reaches */

struct trial {
    int system, vm, cpu;
    struct kvm_run *run;
    size_t run_size;
    u8 *memory;
};

static bool failed(struct error *why, const char *what)
{
    error_set(why, errno, "%s: %s", what, strerror(errno));
    return false;
}

static bool prepare(struct trial *t, struct error *why)
{
    t->system = kvm_open(why);
    t->vm = t->system < 0 ? -1 : kvm_create_vm(t->system, why);
    if (t->vm < 0)
        return false;
    t->cpu = kvm_host->ioctl(t->vm, KVM_CREATE_VCPU, 0);
    if (t->cpu < 0)
        return failed(why, "KVM_CREATE_VCPU");
    int size = kvm_host->ioctl(t->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    t->memory = memory_alloc(MEMORY);
    if (size <= 0 || !t->memory)
        return failed(why, "memory for the trial");
    void *run = kvm_host->mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, t->cpu, 0);
    if (run == MAP_FAILED)
        return failed(why, "cannot map the KVM processor");
    t->run = run;
    t->run_size = (size_t)size;
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)t->memory};
    return kvm_host->ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 || failed(why, "KVM_SET_USER_MEMORY_REGION");
}

static void finish(struct trial *t)
{
    if (t->run)
        kvm_host->munmap(t->run, t->run_size);
    const int files[] = {t->cpu, t->vm, t->system};
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        if (files[i] >= 0)
            kvm_host->close(files[i]);
    if (t->memory)
        memory_free(t->memory, MEMORY);
}

static void enter_user64(struct trial *t, struct kvm_sregs *sregs)
{
    const u64 tables[3] = {0x2007, 0x3007, 0x87}; /* one 2 MiB page for users */
    for (unsigned i = 0; i < 3; i++)
        memcpy(t->memory + 0x1000 * (i + 1), &tables[i], 8);
    sregs->cr3 = 0x1000;
    sregs->cr4 = CR4_PAE;
    sregs->cr0 = CR0_PG | CR0_ET | CR0_PE;
    sregs->efer = EFER_LME | EFER_LMA;
    sregs->cs = (struct kvm_segment){.limit = ~0u, .selector = 0x33, .type = 11, .present = 1, .dpl = 3, .s = 1, .l = 1, .g = 1};
    sregs->ss = sregs->ds = sregs->es = (struct kvm_segment){
        .limit = ~0u, .selector = 0x2b, .type = 3, .present = 1, .dpl = 3, .db = 1, .s = 1, .g = 1};
    sregs->tr = (struct kvm_segment){.limit = 0x67, .selector = 0x40, .type = 11, .present = 1};
}

/* Nanoseconds for `loops` passes from the trial's start; 0: they did not run. */
static u64 time_run(struct trial *t, u64 loops, bool user64, struct error *why)
{
    struct kvm_regs regs = {.rip = user64 ? CODE : 0, .rcx = loops, .rflags = user64 ? 0x3002 : 2, .rsp = 0x9000};
    struct timespec before, after;
    t->run->immediate_exit = 1; /* ends the OUT of the run before */
    kvm_host->ioctl(t->cpu, KVM_RUN, 0);
    t->run->immediate_exit = 0;
    if (kvm_host->ioctl(t->cpu, KVM_SET_REGS, &regs) < 0)
        return failed(why, "KVM_SET_REGS");
    clock_gettime(CLOCK_MONOTONIC, &before);
    int r = kvm_host->ioctl(t->cpu, KVM_RUN, 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (r < 0)
        return failed(why, "KVM_RUN");
    if (t->run->exit_reason != KVM_EXIT_IO) {
        error_set(why, EIO, "the trial ended by exit %u", t->run->exit_reason);
        return 0;
    }
    return (u64)(after.tv_sec - before.tv_sec) * NS_PER_SEC + (u64)after.tv_nsec - (u64)before.tv_nsec + 1;
}

/*
 * The best of some runs: the first one also pays for the page faults of a new machine, any may lose its core to others,
 * and an entry into the guest costs what it costs.  So what ends soon runs again, for longer.
 */
static u64 best_run(struct trial *t, bool user64, struct error *why)
{
    u64 loops = LOOPS_FIRST, best = 0, enough = user64 ? FAST_USER : FAST;
    for (unsigned i = 0; i < RUNS && (!best || best >= enough); i++) {
        u64 ns = time_run(t, loops, user64, why);
        if (!ns)
            return 0;
        u64 speed = ns * 1000 / (2 * loops) + 1;
        best = best ? MIN(best, speed) : speed;
        if (ns < SHORT_RUN && loops < LOOPS_MAX)
            loops *= LONGER;
    }
    return best;
}

/* Nanoseconds for 1000 instructions of a loop; 0: it did not run. */
static u64 time_loop(bool user64, struct error *why)
{
    static const u8 code16[] = {0x66, 0xff, 0xc9, 0x75, 0xfb, 0xe6, 0x80}; /* 1: DEC ECX; JNZ 1b; OUT 80h, AL */
    static const u8 code64[] = {0xff, 0xc9, 0x75, 0xfc, 0xe6, 0x80};
    struct trial t = {.system = -1, .vm = -1, .cpu = -1};
    struct kvm_sregs sregs;
    u64 best = 0;
    if (prepare(&t, why) && (kvm_host->ioctl(t.cpu, KVM_GET_SREGS, &sregs) == 0 || failed(why, "KVM_GET_SREGS"))) {
        memcpy(t.memory + CODE, user64 ? code64 : code16, user64 ? sizeof(code64) : sizeof(code16));
        sregs.cs.base = CODE;
        sregs.cs.selector = CODE >> 4;
        if (user64)
            enter_user64(&t, &sregs);
        if (kvm_host->ioctl(t.cpu, KVM_SET_SREGS, &sregs) == 0 || failed(why, "KVM_SET_SREGS"))
            best = best_run(&t, user64, why);
    }
    finish(&t);
    return best;
}

/* One that kvm.c gives user code only. */
static bool is_for_user_code(void)
{
    struct trial t = {.system = -1, .vm = -1, .cpu = -1};
    struct kvm kvm = {.lacks_paging32 = false};
    struct error none;
    if (prepare(&t, &none)) {
        kvm.cpu = t.cpu;
        kvm_probe_modes(&kvm, &none);
    }
    finish(&t);
    return kvm.lacks_paging32;
}

bool kvm_measure_foreign_cpuid(u32 leaf)
{
    static const u8 code[] = {0x0f, 0xa2, 0xf4}; /* CPUID, HLT */
    struct trial t = {.system = -1, .vm = -1, .cpu = -1};
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[2];
    } leaves = {.head = {.nent = 2}, .entries = {{.function = leaf & 0x80000000, .eax = leaf}, {.function = leaf}}};
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rax = leaf, .rflags = 2};
    struct error none;
    bool foreign = false;
    if (prepare(&t, &none) && kvm_host->ioctl(t.cpu, KVM_SET_CPUID2, &leaves) == 0 &&
        kvm_host->ioctl(t.cpu, KVM_GET_SREGS, &sregs) == 0) {
        memcpy(t.memory, code, sizeof(code));
        sregs.cs.base = sregs.cs.selector = 0;
        foreign = kvm_host->ioctl(t.cpu, KVM_SET_SREGS, &sregs) == 0 && kvm_host->ioctl(t.cpu, KVM_SET_REGS, &regs) == 0 &&
                  kvm_host->ioctl(t.cpu, KVM_RUN, 0) == 0 && t.run->exit_reason == KVM_EXIT_HLT &&
                  kvm_host->ioctl(t.cpu, KVM_GET_REGS, &regs) == 0 && (regs.rdx & (CPUID_TSC | CPUID_LM));
    }
    finish(&t);
    return foreign;
}

/* The code's first instruction, in 64-bit user code. */
static bool step_works(const u8 *code, size_t size, u64 next)
{
    struct trial t = {.system = -1, .vm = -1, .cpu = -1};
    struct kvm_regs regs = {.rip = CODE, .rflags = 2 | FLAG_IF, .rsp = 0x9000};
    struct kvm_sregs sregs;
    struct error none;
    bool works = false;
    if (prepare(&t, &none) && kvm_host->ioctl(t.cpu, KVM_GET_SREGS, &sregs) == 0) {
        struct kvm kvm = {.cpu = t.cpu, .run = t.run, .user_only = true};
        memcpy(t.memory + CODE, code, size);
        enter_user64(&t, &sregs);
        works = kvm_host->ioctl(t.cpu, KVM_SET_SREGS, &sregs) == 0 && kvm_host->ioctl(t.cpu, KVM_SET_REGS, &regs) == 0 &&
                kvm_step_works(&kvm, next);
    }
    finish(&t);
    return works;
}

bool kvm_measure_steps(void)
{
    static const u8 code[] = {0xff, 0xc1, 0xff, 0xc1, 0x0f, 0x0b}, fault[] = {0x0f, 0x0b}; /* INC ECX, twice; UD2 */
    return step_works(code, sizeof(code), CODE + 2) && step_works(fault, sizeof(fault), 0);
}

int kvm_measure(struct error *why)
{
    struct error error = {""};
    u64 real = time_loop(false, &error), user = time_loop(true, &error);
    if (real && user && real < FAST && user < FAST)
        return 0;
    if (!real && !user)
        return error_set(why, EIO, "it does not run: %s", error.text);
    int r = error_set(why, ENOTSUP, "this host's KVM is a software one (million instructions a second: real mode %.1f, "
                                   "64-bit user code %.0f)",
                      real ? 1e6 / (double)real : 0.0, user ? 1e6 / (double)user : 0.0);
    return user && user < FAST_USER && is_for_user_code() ? 1 : r;
}

#endif
