/*
 * Between mmu.c (paging, TLB) and access.c (loads and stores).
 */
#ifndef CPU_MMU_H
#define CPU_MMU_H

#include "cpu/system.h"

/* Page-fault error code.  SDM vol. 3A, "Page-Fault Exceptions". */
#define PF_P 0x1u
#define PF_W 0x2u
#define PF_U 0x4u
#define PF_RSVD 0x8u
#define PF_I 0x10u

/* Kinds of access; the low ones stand in the error code as they are. */
#define ACCESS_READ 0u
#define ACCESS_WRITE PF_W
#define ACCESS_USER PF_U
#define ACCESS_FETCH PF_I
#define ACCESS_SYSTEM 0x100u /* implicit supervisor access: EFLAGS.AC does not lift SMAP */
#define ACCESS_PROBE 0x200u  /* leaves A and D alone, and reads no tables in registers: there is nothing */
#define ACCESS_ANY 0x400u    /* debugger: no permission, no reserved bits */

struct translation {
    u64 phys;   /* of the 4 KiB page */
    u64 rights; /* RW, US, A and NX of all levels; A as it was */
    u32 error;  /* of the page fault, when the walk failed */
    bool user, user_write, dirty, global;
    u8 shift;   /* of the page: 12, 21, 22, 30 */
};

/* False: t->error says why. */
bool mmu_walk(struct cpu *cpu, u64 linear, unsigned access, struct translation *t);
_Noreturn void mmu_fault(struct cpu *cpu, u64 linear, u32 error);
void tlb_init(struct cpu *cpu);
void tlb_fill(struct cpu *cpu, u64 linear, enum tlb_class class, const struct translation *t, const struct cpu_page *p);
/* A store hit a page that holds decoded code. */
void mmu_code_written(struct cpu *cpu, u64 phys, unsigned length);
/* After a store past the TLB: dirty log and decoded code. */
void mmu_page_written(struct cpu *cpu, const struct cpu_page *page, u64 phys, unsigned length);
/* Reads the four PDPTEs that cr3 points at.  False, and nothing changed, if one has reserved bits set. */
bool mmu_load_pdptes(struct cpu *cpu, u64 cr3);

#endif
