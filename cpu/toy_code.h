/*
 * For tests of instructions: machine code, given in hex, run on a toy board.
 */
#ifndef CPU_TOY_CODE_H
#define CPU_TOY_CODE_H

#include "cpu/toy_board.h"

#define CODE 0x7c00u
#define HANDLERS 0x6000u /* one HLT for each vector, 16 bytes apart */

/* Real-address mode, everything at base 0, CR0.NE and the bits for SSE set, FNINIT done. */
static inline struct toy *start_model(const char *model)
{
    struct toy *toy = toy_create(model, NULL);
    struct cpu *cpu = toy->cpu;
    cpu->seg[CS].base = 0;
    cpu->seg[CS].selector = 0;
    cpu->idtr.limit = 0x3ff;
    cpu->gpr[RSP] = 0x7000;
    cpu->cr0 |= CR0_NE;
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    for (unsigned i = 0; i < 32; i++) {
        poke(toy, i * 4, HANDLERS + i * 16, 4);
        poke(toy, HANDLERS + i * 16, 0xf4, 1);
    }
    cpu->fpu = (struct fpu){.control = 0x37f};
    cpu_state_changed(cpu);
    return toy;
}

static inline unsigned from_hex(const char *hex, u8 *code, unsigned size)
{
    unsigned length = 0, byte;
    int n;
    while (length < size && sscanf(hex, "%2x %n", &byte, &n) == 1) {
        code[length++] = (u8)byte;
        hex += n;
    }
    return length;
}

/* Runs bytes and a HLT behind them, where the mode's IDT leads to HANDLERS (or is empty).  The vector, or NO_FAULT; for
 * an empty IDT any fault is VECTOR_DF. */
static inline int run(struct toy *toy, const char *hex)
{
    struct cpu *cpu = toy->cpu;
    u8 code[128];
    unsigned length = from_hex(hex, code, sizeof code - 1);
    code[length++] = 0xf4;
    memcpy(toy->ram + CODE, code, length);
    block_flush_all(cpu);
    cpu->rip = CODE;
    cpu->activity = ACTIVITY_ACTIVE;
    cpu_run(cpu, 100);
    if (cpu->rip == CODE + length)
        return NO_FAULT;
    return cpu->activity == ACTIVITY_HALTED ? (int)((cpu->rip - HANDLERS) / 16) : VECTOR_DF;
}

static inline void set(struct toy *toy, unsigned i, u64 high, u64 low)
{
    toy->cpu->vec[i].q[0] = low;
    toy->cpu->vec[i].q[1] = high;
}

static inline void check_xmm(const struct toy *toy, int line, unsigned i, u64 high, u64 low)
{
    const u64 *q = toy->cpu->vec[i].q;
    if (q[0] == low && q[1] == high)
        return;
    unit_errors++;
    printf("line %d: XMM%u is %016llx %016llx, should be %016llx %016llx\n", line, i, (unsigned long long)q[1],
           (unsigned long long)q[0], (unsigned long long)high, (unsigned long long)low);
}
#define CHECK_XMM(toy, ...) check_xmm(toy, __LINE__, __VA_ARGS__)

#endif
