/*
 * Debug registers: instruction, data and I/O breakpoints, general detect.
 *
 * Source: Intel SDM vol. 3B, ch. "Debug, Branch Profile, TSC, and Intel Resource Director Technology": "Debug
 *   Registers", "Debug Exceptions", "Instruction-Breakpoint Exception Condition".
 * Modelled: DR0-DR7 with lengths, RF, GD.  Not modelled: LE/GE (data breakpoints are always exact), RTM, bus locks.
 */
#include "cpu/system.h"

enum condition { ON_EXECUTE, ON_WRITE, ON_IO, ON_ACCESS };

static bool enabled(const struct cpu *cpu, unsigned i) { return cpu->dr[7] >> (2 * i) & 3; }

static enum condition condition(const struct cpu *cpu, unsigned i) { return cpu->dr[7] >> (16 + 4 * i) & 3; }

static unsigned length(const struct cpu *cpu, unsigned i)
{
    static const u8 lengths[] = {1, 2, 8, 4};
    return lengths[cpu->dr[7] >> (18 + 4 * i) & 3];
}

/* Does [address, address + size) touch breakpoint i? */
static bool overlaps(const struct cpu *cpu, unsigned i, u64 address, unsigned size)
{
    u64 first = cpu->dr[i] & ~(u64)(length(cpu, i) - 1);
    return address < first + length(cpu, i) && first < address + size;
}

bool debug_watches_page(const struct cpu *cpu, u64 page, bool write)
{
    for (unsigned i = 0; i < 4; i++) {
        enum condition c = condition(cpu, i);
        if (enabled(cpu, i) && (c == ON_ACCESS || (write && c == ON_WRITE)) && overlaps(cpu, i, page, 0x1000))
            return true;
    }
    return false;
}

/* Data and I/O breakpoints trap: #DB follows the instruction. */
static void trap(struct cpu *cpu, unsigned i)
{
    cpu->pending_dr6 |= DR6_B0 << i;
    cpu_set_attention(cpu, ATTENTION_TRAP);
}

void debug_check_data(struct cpu *cpu, u64 linear, unsigned size, bool write)
{
    for (unsigned i = 0; i < 4; i++) {
        enum condition c = condition(cpu, i);
        if (enabled(cpu, i) && (c == ON_ACCESS || (write && c == ON_WRITE)) && overlaps(cpu, i, linear, size))
            trap(cpu, i);
    }
}

void debug_check_io(struct cpu *cpu, u16 port, unsigned size)
{
    if (!(cpu->cr4 & CR4_DE))
        return;
    for (unsigned i = 0; i < 4; i++)
        if (enabled(cpu, i) && condition(cpu, i) == ON_IO && overlaps(cpu, i, port, size))
            trap(cpu, i);
}

bool debug_check_code(struct cpu *cpu, u64 linear)
{
    unsigned hits = 0;
    if (cpu->rflags & FLAG_RF)
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (enabled(cpu, i) && condition(cpu, i) == ON_EXECUTE && cpu->dr[i] == linear)
            hits |= DR6_B0 << i;
    if (!hits)
        return false;
    cpu->dr[6] |= hits;
    cpu->fault.vector = VECTOR_DB;
    cpu->fault.has_error = false;
    cpu->fault.error = 0;
    cpu->fault.breakpoint = true;
    return true;
}

void debug_check_access(struct cpu *cpu)
{
    if (!(cpu->dr[7] & DR7_GD))
        return;
    cpu->dr[6] |= DR6_BD;
    cpu_raise(cpu, VECTOR_DB);
}
