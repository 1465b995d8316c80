/*
 * The way from C into the handlers and back: sets up the registers that cpu/exec.h keeps `cpu`, `op` and the flags in.
 */
#include "cpu/block.h"

#if defined(DISPATCH_REGVAR)

void exec_enter(struct cpu *cpu, const struct op *first)
{
    register struct cpu *state asm("rbx") = cpu;
    register const struct op *op asm("r12") = first;
    register u64 flags asm("r13") = cpu->fl;
    /* Handlers are ordinary functions: they keep r14, r15 and rbp, and want an aligned stack above a red zone. */
    asm volatile("mov %%rsp, %%r15\n\t"
                 "sub $128, %%rsp\n\t"
                 "and $-16, %%rsp\n\t"
                 "call *(%%r12)\n\t"
                 "mov %%r15, %%rsp"
                 : "+r"(state), "+r"(op), "+r"(flags)
                 :
                 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r14", "r15", "cc", "memory", "xmm0",
                   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
                   "xmm13", "xmm14", "xmm15");
}

#elif defined(DISPATCH_TAIL)

void exec_enter(struct cpu *cpu, const struct op *first)
{
    ((void (*)(struct cpu *, const struct op *, u64))first->fn)(cpu, first, cpu->fl);
}

#else

void exec_enter(struct cpu *cpu, const struct op *first)
{
    for (const struct op *op = first; op;)
        op = ((const struct op *(*)(struct cpu *, const struct op *))op->fn)(cpu, op);
}

#endif
