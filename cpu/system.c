/*
 * Control registers and RFLAGS: what follows from a change.
 *
 * Source: Intel SDM vol. 3A, "Control Registers", "Paging-Mode Enabling", "Operations that Invalidate TLBs"; vol. 1,
 *   "EFLAGS Register".
 * Modelled: every bit whose feature the model has.  Not modelled: CR0.CD and NW change nothing (no caches).
 */
#include "cpu/mmu.h"

#define CR0_VALID (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_486 (CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD)

bool cpu_has(const struct cpu *cpu, unsigned feature) { return feature_test(cpu->features, feature); }

u32 cpu_flags_optional(const struct cpu *cpu)
{
    return (cpu_has(cpu, FEATURE_I486) ? FLAG_AC : 0) | (cpu_has(cpu, FEATURE_CPUID) ? FLAG_ID : 0);
}

void flags_write(struct cpu *cpu, u64 value)
{
    u64 changed = cpu->rflags ^ value;
    cpu->rflags = value | 2;
    cpu->fl = fl_from_eflags((u32)value);
    if (changed & (FLAG_TF | FLAG_VM | FLAG_AC))
        cpu_update_mode(cpu);
    if ((value & FLAG_IF) && cpu->intr)
        cpu_set_attention(cpu, ATTENTION_INTR);
    if (value & FLAG_TF)
        cpu_set_attention(cpu, ATTENTION_TRAP);
}

/* Long mode follows CR0.PG while EFER.LME is set.  False: not allowed now. */
static bool long_mode_follows(struct cpu *cpu, u64 cr0)
{
    bool on = cr0 & CR0_PG;
    if (on == ((cpu->cr0 & CR0_PG) != 0))
        return true;
    if (on && (cpu->efer & EFER_LME)) {
        if (!(cpu->cr4 & CR4_PAE) || (cpu->seg[CS].access & SEG_L) || !(cpu->seg[TR].access & 8)) /* a 16-bit TSS */
            return false;
        cpu->efer |= EFER_LMA;
    } else if (!on) {
        if (in_64bit_mode(cpu) || (cpu->cr4 & CR4_PCIDE))
            return false;
        cpu->efer &= ~(u64)EFER_LMA;
    }
    return true;
}

static bool uses_pdptes(const struct cpu *cpu, u64 cr0, u64 cr4)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(cpu->efer & EFER_LME);
}

void cr0_write(struct cpu *cpu, u64 value)
{
    bool allowed = !(value >> 32) && !((value & CR0_PG) && !(value & CR0_PE)) &&
                   !((value & CR0_NW) && !(value & CR0_CD));
    if (!cpu_has(cpu, FEATURE_I486)) {
        allowed = !((value & CR0_PG) && !(value & CR0_PE));
        value &= ~(u64)CR0_486;
    }
    value = (value & CR0_VALID) | CR0_ET;
    u64 changed = cpu->cr0 ^ value;
    if (!allowed)
        raise_gp(cpu, 0);
    if ((changed & (CR0_PG | CR0_CD | CR0_NW)) && uses_pdptes(cpu, value, cpu->cr4) &&
        !mmu_load_pdptes(cpu, cpu->cr3))
        raise_gp(cpu, 0);
    if (!long_mode_follows(cpu, value))
        raise_gp(cpu, 0);
    cpu->cr0 = value;
    if (changed & (CR0_PG | CR0_WP | CR0_PE))
        tlb_flush_all(cpu);
    if (changed & (CR0_PG | CR0_PE | CR0_AM))
        cpu_update_mode(cpu);
}

/* SDM vol. 3A, "Process-Context Identifiers": bit 63 of the operand asks that translations of the new PCID be kept.
 * That is a permission, not a duty: all that are not global are dropped, whatever PCID they belong to. */
#define CR3_KEEP (1ull << 63)

void cr3_write(struct cpu *cpu, u64 value)
{
    if (in_long_mode(cpu)) {
        if (cpu->cr4 & CR4_PCIDE)
            value &= ~CR3_KEEP;
        if (value & ~cpu->phys_mask)
            raise_gp(cpu, 0);
    } else {
        value = (u32)value;
        if (uses_pdptes(cpu, cpu->cr0, cpu->cr4) && !mmu_load_pdptes(cpu, value))
            raise_gp(cpu, 0);
    }
    cpu->cr3 = value;
    tlb_flush_non_global(cpu);
}

static u64 cr4_valid(const struct cpu *cpu)
{
    static const struct {
        u8 feature;
        u32 bits;
    } table[] = {
        {FEATURE_VME, CR4_VME | CR4_PVI}, {FEATURE_TSC, CR4_TSD},
        {FEATURE_DE, CR4_DE},             {FEATURE_PSE, CR4_PSE},
        {FEATURE_PAE, CR4_PAE},           {FEATURE_MCE, CR4_MCE},
        {FEATURE_PGE, CR4_PGE},           {FEATURE_I686, CR4_PCE},
        {FEATURE_FXSR, CR4_OSFXSR},       {FEATURE_SSE, CR4_OSXMMEXCPT},
        {FEATURE_UMIP, CR4_UMIP},         {FEATURE_FSGSBASE, CR4_FSGSBASE},
        {FEATURE_PCID, CR4_PCIDE},        {FEATURE_XSAVE, CR4_OSXSAVE},
        {FEATURE_SMEP, CR4_SMEP},         {FEATURE_SMAP, CR4_SMAP},
    };
    u64 valid = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (cpu_has(cpu, table[i].feature))
            valid |= table[i].bits;
    return valid;
}

void cr4_write(struct cpu *cpu, u64 value)
{
    u64 changed = cpu->cr4 ^ value;
    if ((changed & value & CR4_PCIDE) && (!in_long_mode(cpu) || (cpu->cr3 & 0xfff)))
        raise_gp(cpu, 0);
    if ((value & ~cr4_valid(cpu)) || (in_long_mode(cpu) && !(value & CR4_PAE)))
        raise_gp(cpu, 0);
    if ((changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP)) && uses_pdptes(cpu, cpu->cr0, value) &&
        !mmu_load_pdptes(cpu, cpu->cr3))
        raise_gp(cpu, 0);
    cpu->cr4 = value;
    if (changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP | CR4_SMAP | CR4_PCIDE))
        tlb_flush_all(cpu);
    cpu_update_mode(cpu);
}
