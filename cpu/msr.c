/*
 * Model-specific registers and the time-stamp counter.
 *
 * Source: Intel SDM vol. 4, "Architectural MSRs", "MSRs in the P6 Family Processors"; vol. 3A, ch. "Memory Cache
 *   Control" (MTRRs, PAT).
 * Modelled: those that CPUID promises, and the P6's that system software reads without asking.  MTRRs and PAT are
 *   stored and change nothing (no caches).
 * Machine check: the registers are there, with no banks of error reports, and nothing ever goes wrong.
 * Performance counters: cpu/perfcount.c.
 * Not modelled: last-branch records (read 0).  Others are #GP, as on hardware.
 */
#include "cpu/mmu.h"

enum {
    MSR_P5_MC_ADDR = 0,
    MSR_P5_MC_TYPE = 1,
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_APIC_BASE = 0x1b,
    MSR_EBL_CR_POWERON = 0x2a,
    MSR_UPDATE_TRIGGER = 0x79,
    MSR_UPDATE_SIGNATURE = 0x8b,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_MTRRCAP = 0xfe,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_LBR_FIRST = 0x1db,
    MSR_LBR_LAST = 0x1de,
    MSR_MTRR_VARIABLE = 0x200, /* to 0x20f: base and mask by turns */
    MSR_MTRR_FIX64K = 0x250,
    MSR_MTRR_FIX16K = 0x258, /* 2 */
    MSR_MTRR_FIX4K = 0x268,  /* 8 */
    MSR_PAT = 0x277,
    MSR_MTRR_DEF_TYPE = 0x2ff,
};
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_FMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103u

#define MTRRCAP_VALUE 0x508u      /* 8 variable ranges, fixed ranges, write combining */
#define MISC_ENABLE_READ 0x1800u  /* no branch trace store, no PEBS */
#define MISC_ENABLE_FAST_STRINGS 1u
#define PAT_RESET 0x0007040600070406ull
#define APIC_BASE_RESET 0xfee00800ull /* enabled */
#define APIC_BASE_RESERVED 0x6ffull   /* and x2APIC mode, which is not there */

u64 tsc_read(struct cpu *cpu) { return cpu->bus->tsc(cpu->board) + cpu->tsc_offset; }

void msr_reset(struct cpu *cpu)
{
    cpu->tsc_offset = -cpu->bus->tsc(cpu->board);
    cpu->efer = cpu->star = cpu->lstar = cpu->cstar = cpu->fmask = cpu->kernel_gs_base = cpu->tsc_aux = 0;
    cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->pat = PAT_RESET;
    cpu->apic_base = APIC_BASE_RESET | (cpu->apic_id ? 0 : APIC_BASE_BSP);
    cpu->misc_enable = MISC_ENABLE_FAST_STRINGS;
    cpu->mcg_status = cpu->mcg_ctl = cpu->debugctl = cpu->microcode = 0;
    cpu->perf_select[0] = cpu->perf_select[1] = cpu->perf_offset[0] = cpu->perf_offset[1] = 0;
    cpu->mtrr_def_type = 0;
    for (unsigned i = 0; i < 8; i++)
        cpu->mtrr_base[i] = cpu->mtrr_mask[i] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(cpu->mtrr_fixed); i++)
        cpu->mtrr_fixed[i] = 0;
}

/* --- memory types --- */

/* Every byte must name a memory type: 0, 1, 4, 5, 6 and, in the PAT, 7. */
static bool memory_types_good(u64 value, bool pat)
{
    for (unsigned i = 0; i < 8; i++) {
        u8 type = value >> (8 * i);
        if (type > (pat ? 7 : 6) || type == 2 || type == 3)
            return false;
    }
    return true;
}

static u64 *mtrr_register(struct cpu *cpu, u32 index)
{
    if (index >= MSR_MTRR_VARIABLE && index < MSR_MTRR_VARIABLE + 16) {
        unsigned range = (index - MSR_MTRR_VARIABLE) / 2;
        return index & 1 ? &cpu->mtrr_mask[range] : &cpu->mtrr_base[range];
    }
    if (index == MSR_MTRR_FIX64K)
        return &cpu->mtrr_fixed[0];
    if (index >= MSR_MTRR_FIX16K && index < MSR_MTRR_FIX16K + 2)
        return &cpu->mtrr_fixed[1 + index - MSR_MTRR_FIX16K];
    if (index >= MSR_MTRR_FIX4K && index < MSR_MTRR_FIX4K + 8)
        return &cpu->mtrr_fixed[3 + index - MSR_MTRR_FIX4K];
    return index == MSR_MTRR_DEF_TYPE ? &cpu->mtrr_def_type : NULL;
}

static bool mtrr_write(struct cpu *cpu, u32 index, u64 value)
{
    bool variable = index < MSR_MTRR_VARIABLE + 16;
    if (index == MSR_MTRR_DEF_TYPE && ((value & ~0xcffull) || !memory_types_good(value & 0xff, false)))
        return false;
    if (variable && ((value & ~cpu->phys_mask) || (value & (index & 1 ? 0x7ff : 0xf00))))
        return false;
    if (variable && !(index & 1) && !memory_types_good(value & 0xff, false))
        return false;
    if (!variable && index != MSR_MTRR_DEF_TYPE && !memory_types_good(value, false))
        return false;
    *mtrr_register(cpu, index) = value;
    return true;
}

/* --- EFER --- */

static u64 efer_valid(const struct cpu *cpu)
{
    return (cpu_has(cpu, FEATURE_NX) ? EFER_NXE : 0) | (cpu_has(cpu, FEATURE_SYSCALL) ? EFER_SCE : 0) |
           (cpu_has(cpu, FEATURE_LM) ? EFER_LME | EFER_LMA : 0);
}

static bool efer_write(struct cpu *cpu, u64 value)
{
    u64 changed = cpu->efer ^ value;
    if ((value & ~efer_valid(cpu)) || ((changed & EFER_LME) && (cpu->cr0 & CR0_PG)))
        return false;
    cpu->efer = (value & ~(u64)EFER_LMA) | (cpu->efer & EFER_LMA);
    if (changed & EFER_NXE)
        tlb_flush_all(cpu);
    return true;
}

/* --- registers of the processor's features --- */

/* Plain 64-bit registers: stored as they are; NULL if there is no such one. */
static u64 *plain_register(struct cpu *cpu, u32 index)
{
    bool sep = cpu_has(cpu, FEATURE_SEP), lm = cpu_has(cpu, FEATURE_LM);
    switch (index) {
    case MSR_SYSENTER_CS: return sep ? &cpu->sysenter_cs : NULL;
    case MSR_SYSENTER_ESP: return sep ? &cpu->sysenter_esp : NULL;
    case MSR_SYSENTER_EIP: return sep ? &cpu->sysenter_eip : NULL;
    case MSR_STAR: return cpu_has(cpu, FEATURE_SYSCALL) ? &cpu->star : NULL;
    case MSR_LSTAR: return lm ? &cpu->lstar : NULL;
    case MSR_CSTAR: return lm ? &cpu->cstar : NULL;
    case MSR_FMASK: return lm ? &cpu->fmask : NULL;
    case MSR_FS_BASE: return lm ? &cpu->seg[FS].base : NULL;
    case MSR_GS_BASE: return lm ? &cpu->seg[GS].base : NULL;
    case MSR_KERNEL_GS_BASE: return lm ? &cpu->kernel_gs_base : NULL;
    case MSR_TSC_AUX: return cpu_has(cpu, FEATURE_RDTSCP) || cpu_has(cpu, FEATURE_RDPID) ? &cpu->tsc_aux : NULL;
    case MSR_UPDATE_SIGNATURE: return cpu_has(cpu, FEATURE_I686) ? &cpu->microcode : NULL;
    case MSR_DEBUGCTL: return cpu_has(cpu, FEATURE_I686) ? &cpu->debugctl : NULL;
    default: return NULL;
    }
}

static bool holds_address(u32 index)
{
    return (index >= MSR_SYSENTER_ESP && index <= MSR_SYSENTER_EIP) || index == MSR_LSTAR || index == MSR_CSTAR ||
           (index >= MSR_FS_BASE && index <= MSR_KERNEL_GS_BASE);
}

/* --- the local APIC's --- */

/* The deadline is absolute: the board counts from power-on, the guest from what it wrote to its TSC. */
static u64 deadline_read(struct cpu *cpu)
{
    u64 ticks = cpu->bus->apic_read ? cpu->bus->apic_read(cpu->board, CPU_APIC_DEADLINE) : 0;
    return ticks ? ticks + cpu->tsc_offset : 0;
}

static void deadline_write(struct cpu *cpu, u64 value)
{
    u64 ticks = value <= tsc_read(cpu) ? value != 0 : value - cpu->tsc_offset; /* 1: long ago; 0: disarm */
    if (cpu->bus->apic_write)
        cpu->bus->apic_write(cpu->board, CPU_APIC_DEADLINE, ticks);
}

static bool apic_base_write(struct cpu *cpu, u64 value)
{
    if (!cpu_has(cpu, FEATURE_APIC) || (value & (~cpu->phys_mask | APIC_BASE_RESERVED)))
        return false;
    cpu->apic_base = value;
    if (cpu->bus->apic_write)
        cpu->bus->apic_write(cpu->board, CPU_APIC_BASE, value);
    return true;
}

static void tsc_write(struct cpu *cpu, u64 value)
{
    u64 deadline = cpu_has(cpu, FEATURE_TSC_DEADLINE) ? deadline_read(cpu) : 0;
    cpu->tsc_offset += value - tsc_read(cpu);
    if (deadline)
        deadline_write(cpu, deadline);
}

bool msr_read(struct cpu *cpu, u32 index, u64 *value)
{
    const u64 *plain = plain_register(cpu, index);
    bool p6 = cpu_has(cpu, FEATURE_I686), mtrr = cpu_has(cpu, FEATURE_MTRR);
    *value = 0;
    if (!plain && mtrr)
        plain = mtrr_register(cpu, index);
    if (plain) {
        *value = *plain;
        return true;
    }
    switch (index) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE: return cpu_has(cpu, FEATURE_MCE);
    case MSR_MCG_CAP: return cpu_has(cpu, FEATURE_MCA);
    case MSR_MCG_STATUS: *value = cpu->mcg_status; return cpu_has(cpu, FEATURE_MCA);
    case MSR_TSC: *value = tsc_read(cpu); return cpu_has(cpu, FEATURE_TSC);
    case MSR_APIC_BASE: *value = cpu->apic_base; return cpu_has(cpu, FEATURE_APIC);
    case MSR_TSC_DEADLINE: *value = deadline_read(cpu); return cpu_has(cpu, FEATURE_TSC_DEADLINE);
    case MSR_MTRRCAP: *value = MTRRCAP_VALUE; return mtrr;
    case MSR_PAT: *value = cpu->pat; return cpu_has(cpu, FEATURE_PAT);
    case MSR_EFER: *value = cpu->efer; return efer_valid(cpu) != 0;
    case MSR_MISC_ENABLE: *value = cpu->misc_enable | MISC_ENABLE_READ; return p6;
    case MSR_PLATFORM_ID:
    case MSR_EBL_CR_POWERON: return p6;
    default: return perfcount_read_msr(cpu, index, value) || (p6 && index >= MSR_LBR_FIRST && index <= MSR_LBR_LAST);
    }
}

bool msr_write(struct cpu *cpu, u32 index, u64 value)
{
    u64 *plain = plain_register(cpu, index);
    bool p6 = cpu_has(cpu, FEATURE_I686);
    if (plain) {
        if (holds_address(index) && !is_canonical(value))
            return false;
        *plain = value;
        return true;
    }
    if (cpu_has(cpu, FEATURE_MTRR) && mtrr_register(cpu, index))
        return mtrr_write(cpu, index, value);
    switch (index) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE: return cpu_has(cpu, FEATURE_MCE);
    case MSR_MCG_STATUS: /* SDM vol. 4: a reserved bit is #GP */
        if (!cpu_has(cpu, FEATURE_MCA) || value & ~7ull)
            return false;
        cpu->mcg_status = value;
        return true;
    case MSR_TSC:
        if (!cpu_has(cpu, FEATURE_TSC))
            return false;
        tsc_write(cpu, value);
        return true;
    case MSR_APIC_BASE: return apic_base_write(cpu, value);
    case MSR_TSC_DEADLINE:
        if (!cpu_has(cpu, FEATURE_TSC_DEADLINE))
            return false;
        deadline_write(cpu, value);
        return true;
    case MSR_PAT:
        if (!cpu_has(cpu, FEATURE_PAT) || !memory_types_good(value, true))
            return false;
        cpu->pat = value;
        return true;
    case MSR_EFER: return efer_valid(cpu) && efer_write(cpu, value);
    case MSR_MISC_ENABLE: cpu->misc_enable = value; return p6;
    case MSR_EBL_CR_POWERON:
    case MSR_UPDATE_TRIGGER: return p6;
    default: return perfcount_write_msr(cpu, index, value);
    }
}
