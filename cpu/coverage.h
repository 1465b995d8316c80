/*
 * Which rows of the opcode table were executed, and in which modes: what `make check` asks for at its end.
 *
 * While the environment names a file in CLUTCH_COVERAGE, the interpreter plants a pseudo-op before every instruction
 * (cpu/block.c).  A row counts when its instruction was completed: one that faults does not, unless the fault is what
 * the row is for (ATTR_FAULTS).  The file is mapped and shared, so that it holds the union of all programs of a run.
 */
#ifndef CPU_COVERAGE_H
#define CPU_COVERAGE_H

#include "cpu/cpu.h"

enum coverage_mark {
    COVERAGE_NOTHING, /* what a fault leaves: its instruction was not completed */
    COVERAGE_SILICON, /* the comparison with the host's processor took place */
    COVERAGE_MARKS
};

/* One byte for each mark, then three for each row: 16, 32 and 64-bit code.  NULL: nobody asks. */
extern u8 *coverage_map;

static inline unsigned coverage_index(unsigned row, unsigned mode)
{
    return COVERAGE_MARKS + row * 3 + mode;
}

/* The instruction that was under way is completed. */
static inline void coverage_complete(struct cpu *cpu)
{
    if (unlikely(coverage_map != NULL))
        coverage_map[cpu->covering] = 1;
    cpu->covering = COVERAGE_NOTHING;
}

static inline void coverage_mark(enum coverage_mark mark)
{
    if (coverage_map)
        coverage_map[mark] = 1;
}

#endif
