/*
 * Performance-monitoring counters of the P6 family, PerfEvtSel0-1 and PerfCtr0-1.
 *
 * Source: Intel SDM vol. 3B, "Performance Monitoring (P6 Family Processor)"; vol. 4, "MSRs in the P6 Family Processors";
 *   vol. 2, "RDPMC".
 * Modelled: two counters of 40 bits; events CPU_CLK_UNHALTED (79h, by the time-stamp counter, halted clocks too) and
 *   INST_RETIRED (C0h).  CPUID does not announce them: the family does.
 * Not modelled: other events (their counters stand still), the choice of rings, edge detection, counter mask, the
 *   interrupt at an overflow.
 */
#include "cpu/system.h"

enum { MSR_PERFCTR = 0xc1, MSR_PERFEVTSEL = 0x186 };
enum { EVENT_CLOCKS = 0x79, EVENT_INSTRUCTIONS = 0xc0 };
#define SELECT_ENABLE (1u << 22) /* in PerfEvtSel0, for both */
#define COUNTER_MASK 0xffffffffffull

bool perfcount_there(struct cpu *cpu)
{
    u32 leaf[4];
    if (!cpu_has(cpu, FEATURE_I686))
        return false;
    cpuid_leaf(cpu, 1, 0, leaf);
    return (leaf[0] >> 8 & 15) == 6;
}

static u64 events(struct cpu *cpu, unsigned counter)
{
    if (!(cpu->perf_select[0] & SELECT_ENABLE))
        return 0;
    switch (cpu->perf_select[counter] & 0xff) {
    case EVENT_CLOCKS: return cpu->bus->tsc(cpu->board);
    case EVENT_INSTRUCTIONS: return cpu_instructions(cpu);
    default: return 0;
    }
}

u64 perfcount_read(struct cpu *cpu, unsigned counter)
{
    return (events(cpu, counter) + cpu->perf_offset[counter]) & COUNTER_MASK;
}

static void set_counter(struct cpu *cpu, unsigned counter, u64 value)
{
    cpu->perf_offset[counter] = value - events(cpu, counter);
}

bool perfcount_read_msr(struct cpu *cpu, u32 index, u64 *value)
{
    if (!perfcount_there(cpu))
        return false;
    if (index - MSR_PERFCTR < 2)
        *value = perfcount_read(cpu, index - MSR_PERFCTR);
    else if (index - MSR_PERFEVTSEL < 2)
        *value = cpu->perf_select[index - MSR_PERFEVTSEL];
    else
        return false;
    return true;
}

bool perfcount_write_msr(struct cpu *cpu, u32 index, u64 value)
{
    if (!perfcount_there(cpu))
        return false;
    if (index - MSR_PERFCTR < 2) {
        set_counter(cpu, index - MSR_PERFCTR, (u64)(i32)value); /* "bits 32-39 are sign-extended from bit 31" */
    } else if (index - MSR_PERFEVTSEL < 2) {
        u64 counts[2] = {perfcount_read(cpu, 0), perfcount_read(cpu, 1)};
        cpu->perf_select[index - MSR_PERFEVTSEL] = (u32)value;
        for (unsigned i = 0; i < 2; i++)
            set_counter(cpu, i, counts[i]);
    } else {
        return false;
    }
    return true;
}
