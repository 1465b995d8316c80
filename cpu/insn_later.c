/*
 * RDRAND, RDSEED, RDPID, RDFSBASE and its like, STAC, CLAC.
 *
 * Source: Intel SDM vol. 2 the instructions' pages; vol. 1, 7.3.17 "Random Number Generator Instructions".
 * Random numbers come from a generator in struct cpu, so that a run repeats; they never run out (CF is always 1).
 */
#include "cpu/system.h"

void cpu_seed_random(struct cpu *cpu, u64 seed)
{
    cpu->random = seed ? seed : 1; /* 0 would stay 0 */
}

/* Xorshift with a multiplied output: G. Marsaglia, "Xorshift RNGs" (2003); S. Vigna, "An experimental exploration of
 * Marsaglia's xorshift generators, scrambled" (2016). */
static u64 random_next(struct cpu *cpu)
{
    u64 x = cpu->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    cpu->random = x;
    return x * 0x2545f4914f6cdd1dull;
}

/* RDRAND, RDSEED */
void do_rdrand(struct cpu *cpu, const struct op *op)
{
    reg_write(cpu, op->rm, op->size, random_next(cpu));
    cpu->fl = FL_CF;
}

void do_rdpid(struct cpu *cpu, const struct op *op) { reg_write(cpu, op->rm, op->size, (u32)cpu->tsc_aux); }

/* --- bases of FS and GS --- */

static struct segment *base_begin(struct cpu *cpu, enum seg seg)
{
    if (!(cpu->cr4 & CR4_FSGSBASE))
        raise_ud(cpu);
    return &cpu->seg[seg];
}

static void write_base(struct cpu *cpu, const struct op *op, enum seg seg)
{
    struct segment *segment = base_begin(cpu, seg);
    u64 value = reg_read(cpu, op->rm, op->size);
    if (!is_canonical(value))
        raise_gp(cpu, 0);
    segment->base = value;
}

void do_rdfsbase(struct cpu *cpu, const struct op *op) { reg_write(cpu, op->rm, op->size, base_begin(cpu, FS)->base); }
void do_rdgsbase(struct cpu *cpu, const struct op *op) { reg_write(cpu, op->rm, op->size, base_begin(cpu, GS)->base); }
void do_wrfsbase(struct cpu *cpu, const struct op *op) { write_base(cpu, op, FS); }
void do_wrgsbase(struct cpu *cpu, const struct op *op) { write_base(cpu, op, GS); }

/* --- EFLAGS.AC: lifts SMAP.  At CPL 0 nothing else depends on it, so the block goes on. --- */

static void set_ac(struct cpu *cpu, u64 ac)
{
    if (cpu->cpl != 0 || in_v86_mode(cpu))
        raise_ud(cpu);
    cpu->rflags = (cpu->rflags & ~(u64)FLAG_AC) | ac;
}

void do_stac(struct cpu *cpu, const struct op *op) { set_ac(cpu, FLAG_AC); }
void do_clac(struct cpu *cpu, const struct op *op) { set_ac(cpu, 0); }
