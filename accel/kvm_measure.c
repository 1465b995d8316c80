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

#define MEMORY 0x200000u
#define CODE 0x10000u
#define LOOPS_REAL 20000u /* 10 ms for an emulator of some million instructions a second */
#define LOOPS_USER 5000000u
#define FAST_USER 2000u /* ns for 1000 instructions: the interpreter takes as long */
#define FAST 20000u /* ns for 1000 instructions: more than any emulator in a kernel reaches */

struct trial {
    int system, vm, cpu;
    struct kvm_run *run;
    size_t run_size;
    u8 *memory;
};

static bool prepare(struct trial *t)
{
    struct error none;
    t->system = kvm_open(&none);
    t->vm = t->system < 0 ? -1 : kvm_host->ioctl(t->system, KVM_CREATE_VM, 0);
    t->cpu = t->vm < 0 ? -1 : kvm_host->ioctl(t->vm, KVM_CREATE_VCPU, 0);
    int size = t->cpu < 0 ? 0 : kvm_host->ioctl(t->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    t->memory = memory_alloc(MEMORY);
    if (size <= 0 || !t->memory)
        return false;
    void *run = kvm_host->mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, t->cpu, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)t->memory};
    if (run == MAP_FAILED || kvm_host->ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return false;
    t->run = run;
    t->run_size = (size_t)size;
    return true;
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

/* Nanoseconds for 1000 instructions of a loop; 0: it did not run. */
static u64 time_loop(bool user64)
{
    static const u8 code[] = {0xff, 0xc9, 0x75, 0xfc, 0xe6, 0x80}; /* 1: DEC CX, ECX; JNZ 1b; OUT 80h, AL */
    const u64 loops = user64 ? LOOPS_USER : LOOPS_REAL;
    struct trial t = {.system = -1, .vm = -1, .cpu = -1};
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = user64 ? CODE : 0, .rcx = loops, .rflags = user64 ? 0x3002 : 2, .rsp = 0x9000};
    struct timespec before, after;
    u64 ns = 0;
    if (prepare(&t) && kvm_host->ioctl(t.cpu, KVM_GET_SREGS, &sregs) == 0) {
        memcpy(t.memory + CODE, code, sizeof(code));
        sregs.cs.base = CODE;
        sregs.cs.selector = CODE >> 4;
        if (user64)
            enter_user64(&t, &sregs);
        bool set = kvm_host->ioctl(t.cpu, KVM_SET_SREGS, &sregs) == 0 &&
                   kvm_host->ioctl(t.cpu, KVM_SET_REGS, &regs) == 0;
        clock_gettime(CLOCK_MONOTONIC, &before);
        bool ran = set && kvm_host->ioctl(t.cpu, KVM_RUN, 0) == 0 && t.run->exit_reason == KVM_EXIT_IO;
        clock_gettime(CLOCK_MONOTONIC, &after);
        if (ran)
            ns = (u64)(after.tv_sec - before.tv_sec) * NS_PER_SEC + (u64)after.tv_nsec - (u64)before.tv_nsec;
    }
    finish(&t);
    return ns * 1000 / (2 * loops) + (ns != 0);
}

/* The shortest: the host may be busy. */
static u64 time_user_loop(void)
{
    u64 best = 0;
    for (unsigned i = 0; i < 3; i++) {
        u64 ns = time_loop(true);
        if (ns && (!best || ns < best))
            best = ns;
    }
    return best;
}

int kvm_measure(struct error *why)
{
    u64 real = time_loop(false), user = time_user_loop();
    if (real && user && real < FAST && user < FAST)
        return 0;
    int r = error_set(why, ENOTSUP, "this host's KVM is a software one (million instructions a second: real mode %.1f, "
                                   "64-bit user code %.0f)",
                      real ? 1e6 / (double)real : 0.0, user ? 1e6 / (double)user : 0.0);
    return user && user < FAST_USER ? 1 : r;
}

#endif
