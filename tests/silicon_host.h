/*
 * The host's half of the silicon test: a forked sandbox that executes cases natively.
 *
 * The sandbox lives in signal handlers.  Each case starts with rt_sigreturn from a frame whose registers are the
 * case's, and ends with the next signal (INT3 if nothing faulted), whose frame holds every register, the FXSAVE image,
 * the vector and the error code.  32-bit code runs the same way: the frame names the compatibility-mode segment.
 *
 * Source: Linux, arch/x86/include/uapi/asm/sigcontext.h (frame layout, sw_reserved, uc_flags).
 */
#ifndef TESTS_SILICON_HOST_H
#define TESTS_SILICON_HOST_H

#include <asm/prctl.h>
#include <cpuid.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "tests/silicon_state.h"

#define BATCH 64

/* Shared between test and sandbox. */
struct sandbox_page {
    volatile unsigned count, current;
    struct silicon_case cases[BATCH];
};

static struct sandbox {
    struct sandbox_page *page;
    u8 *code_alias; /* where the sandbox writes code */
    bool has_avx;       /* the kernel keeps YMM registers in signal frames */
    int to_child, from_child;
    pid_t pid;
    /* In the child: the context to go back to after the last case. */
    gregset_t home;
    u8 home_fx[512 + 64 + 256];
} sandbox = {.pid = -1};

/* Frames hold the standard form of XSAVE, with component 2 at its usual place. */
#define XSTATE_BV 512
#define AVX_OFFSET 576

static size_t home_size(void)
{
    return sandbox.has_avx ? sizeof(sandbox.home_fx) : 512;
}

/* The OS has switched it on, and it is where it always is. */
static bool host_keeps_ymm(void)
{
    u32 a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __cpuid_count(0xd, 2, a, b, c, d);
    return (low & XSTATE_AVX) && a == 256 && b == AVX_OFFSET;
}

static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void host_capture(struct silicon_case *c, const ucontext_t *uc, const u16 *data_segments)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    struct machine_state *s = &c->out;
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = (u64)g[greg_of[i]];
    s->rip = (u64)g[REG_RIP];
    s->rflags = (u64)g[REG_EFL];
    s->seg[CS] = (u16)g[REG_CSGSFS];
    s->seg[SS] = (u16)((u64)g[REG_CSGSFS] >> 48);
    s->seg[DS] = data_segments[0];
    s->seg[ES] = data_segments[1];
    s->seg[FS] = data_segments[2];
    s->seg[GS] = data_segments[3];
    s->vector = (u32)g[REG_TRAPNO];
    s->error = (u32)g[REG_ERR];
    s->cr2 = (u64)g[REG_CR2];
    memcpy(&s->fx, uc->uc_mcontext.fpregs, sizeof(s->fx));
    const u8 *xsave = (const u8 *)uc->uc_mcontext.fpregs;
    u64 features;
    memcpy(&features, xsave + XSTATE_BV, 8);
    memset(s->ymm, 0, sizeof(s->ymm));
    if (sandbox.has_avx && features & XSTATE_AVX)
        memcpy(s->ymm, xsave + AVX_OFFSET, sizeof(s->ymm));
    memcpy(c->memory_out, (void *)(uintptr_t)DATA_BASE, DATA_SIZE);
    memset(sandbox.code_alias + c->code_offset, 0xcc, c->code_length);
}

static void host_load(const struct silicon_case *c, ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    const struct machine_state *s = &c->in;
    u8 *fx = (u8 *)uc->uc_mcontext.fpregs;
    u64 features;
    for (unsigned i = 0; i < 16; i++)
        g[greg_of[i]] = (greg_t)s->gpr[i];
    g[REG_RIP] = (greg_t)s->rip;
    g[REG_EFL] = (greg_t)s->rflags;
    g[REG_CSGSFS] = (greg_t)(s->seg[CS] | (u64)s->seg[SS] << 48);
    memcpy(fx, &s->fx, sizeof(s->fx));
    memcpy(&features, fx + XSTATE_BV, 8); /* they are not in their initial states */
    features |= XSTATE_X87 | XSTATE_SSE | (sandbox.has_avx ? XSTATE_AVX : 0);
    memcpy(fx + XSTATE_BV, &features, 8);
    if (sandbox.has_avx)
        memcpy(fx + AVX_OFFSET, s->ymm, sizeof(s->ymm));
    memcpy((void *)(uintptr_t)DATA_BASE, c->memory_in, DATA_SIZE);
    memcpy(sandbox.code_alias + c->code_offset, c->code, c->code_length);
}

static void host_signal(int signal, siginfo_t *info, void *context)
{
    u16 segments[4], flat = USER_DATA;
    /* The kernel clears DF and TF; AC, NT and ID are left over from the case. */
    __asm__ volatile("pushfq; andq $~0x244000, (%%rsp); popfq" ::: "memory", "cc");
    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=r"(segments[0]), "=r"(segments[1]), "=r"(segments[2]), "=r"(segments[3]));
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(flat));
    ucontext_t *uc = context;
    struct sandbox_page *page = sandbox.page;
    if (signal == SIGUSR1) {
        memcpy(sandbox.home, uc->uc_mcontext.gregs, sizeof(sandbox.home));
        memcpy(sandbox.home_fx, uc->uc_mcontext.fpregs, home_size());
        page->current = 0;
    } else {
        struct silicon_case *c = &page->cases[page->current];
        host_capture(c, uc, segments);
        if (c->loads_gs)
            syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)GS_BASE);
        page->current++;
    }
    if (page->current < page->count) {
        host_load(&page->cases[page->current], uc);
    } else {
        memcpy(uc->uc_mcontext.gregs, sandbox.home, sizeof(sandbox.home));
        memcpy(uc->uc_mcontext.fpregs, sandbox.home_fx, home_size());
    }
}

static bool host_map(int fd, off_t at, size_t size, uintptr_t address, int protection)
{
    void *want = (void *)address;
    return mmap(want, size, protection, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, at) == want;
}

/* The world of the cases.  False if the addresses are not free. */
static bool host_world(void)
{
    int fd = memfd_create("silicon", 0);
    if (fd < 0 || ftruncate(fd, CODE_SIZE + DATA_SIZE + 0x1000) < 0)
        return false;
    u8 *alias = mmap(NULL, CODE_SIZE + DATA_SIZE + 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (alias == MAP_FAILED)
        return false;
    sandbox.code_alias = alias;
    memset(alias, 0xcc, CODE_SIZE);
    for (unsigned i = 0; i < 0x1000; i++)
        alias[CODE_SIZE + DATA_SIZE + i] = read_only_byte(i);
    return host_map(fd, 0, CODE_SIZE, CODE_BASE, PROT_READ | PROT_EXEC) &&
           host_map(fd, CODE_SIZE, DATA_SIZE, DATA_BASE, PROT_READ | PROT_WRITE) &&
           host_map(fd, CODE_SIZE + DATA_SIZE, 0x1000, DATA_READ_ONLY, PROT_READ);
}

static _Noreturn void host_child(int commands, int answers)
{
    static u8 signal_stack[1 << 16] __attribute__((aligned(64)));
    static const int signals[] = {SIGUSR1, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
    struct sigaction action = {.sa_sigaction = host_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    char byte = 0;
    sigfillset(&action.sa_mask);
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &action, NULL);
    syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)GS_BASE);
    u16 flat = USER_DATA;
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(flat));
    if (!host_world())
        _exit(2);
    while (write(answers, &byte, 1) == 1 && read(commands, &byte, 1) == 1)
        raise(SIGUSR1);
    _exit(0);
}

static bool host_wait(void)
{
    struct pollfd poll_fd = {.fd = sandbox.from_child, .events = POLLIN};
    char byte;
    return poll(&poll_fd, 1, 60000) == 1 && read(sandbox.from_child, &byte, 1) == 1;
}

static void host_stop(void)
{
    if (sandbox.pid < 0)
        return;
    kill(sandbox.pid, SIGKILL);
    waitpid(sandbox.pid, NULL, 0);
    close(sandbox.to_child);
    close(sandbox.from_child);
    sandbox.pid = -1;
}

static bool host_start(void)
{
    int down[2], up[2];
    sandbox.has_avx = host_keeps_ymm();
    if (!sandbox.page)
        sandbox.page = mmap(NULL, sizeof(*sandbox.page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sandbox.page == MAP_FAILED || pipe(down) < 0 || pipe(up) < 0)
        return false;
    fflush(stdout);
    sandbox.pid = fork();
    if (sandbox.pid == 0) {
        close(down[1]);
        close(up[0]);
        host_child(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    sandbox.to_child = down[1];
    sandbox.from_child = up[0];
    return sandbox.pid > 0 && host_wait();
}

/* Executes sandbox.page->cases[0 .. count).  A case that the sandbox does not survive has VECTOR_LOST, and so have
 * those after it (`lost` says which was the culprit; -1: none). */
static int host_run(unsigned count)
{
    char byte = 0;
    sandbox.page->count = count;
    sandbox.page->current = 0;
    for (unsigned i = 0; i < count; i++)
        sandbox.page->cases[i].out.vector = VECTOR_LOST;
    if (write(sandbox.to_child, &byte, 1) == 1 && host_wait())
        return -1;
    int lost = (int)sandbox.page->current;
    host_stop();
    if (!host_start())
        exit(1);
    return lost;
}

#endif
