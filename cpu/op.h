/*
 * Ops: decoded instructions in the form that the interpreter executes, and what plain C instruction helpers may do.
 *
 * A helper is an ordinary function `void do_NAME(struct cpu *cpu, const struct op *op)`, listed in cpu/helpers_*.def as
 *   HELPER(NAME, NEXT)   goes on with the next op of the block; may fault; must not touch rip, mode, mappings, IF
 *   HELPER(NAME, END)    ends the block: cpu->rip is exact (start of the instruction), cpu->next_rip is where to go on
 *                        and may be changed to jump; may change anything
 *   HELPER(NAME, REPEAT) returns bool: true as NEXT; false: not finished (REP ran out of budget), it is executed again
 *                        after pending events were looked at.  Each iteration after the first costs 1 of cpu->budget.
 * cpu/exec_helpers.c makes a handler and `const struct impl impl_NAME` from each line.  Arithmetic flags are in
 * cpu->fl while a helper runs (flags_get, flags_set below).
 *
 * Order inside: read operands (may fault), compute, write memory (may fault), write registers, then flags.
 */
#ifndef CPU_OP_H
#define CPU_OP_H

#include "cpu/cpu.h"
#include "cpu/insn.h"

struct op {
    void (*fn)(void);
    u8 reg;   /* GPR: byte offset from struct cpu (AH = 1); other classes: number */
    u8 rm;    /* register form: as reg.  Memory form: byte offset of the base register, or of the zero slot */
    u8 index; /* memory form: byte offset of the index register, or of the zero slot */
    u8 mem;   /* OP_* below */
    u32 ip : 10;      /* offset of this instruction from the block's first byte */
    u32 length : 4;   /* of the instruction; 0 stands for none (pseudo-ops) */
    u32 left : 6;     /* instructions from this one to the block's end, itself included */
    u32 size : 2;     /* enum size */
    u32 address : 2;  /* enum size of addresses */
    u32 rep : 2;      /* enum rep */
    u32 lock : 1;
    u32 rex : 1;
    u32 l : 1;        /* VEX.L */
    u32 : 3;
    u32 disp;         /* memory: displacement (64-bit mode: sign-extended); else second half of a 64-bit immediate, far
                         pointer's selector, ENTER's level, or x87/SSE: modrm where a helper serves several rows */
    u32 imm;          /* sign-extended to 32 bits; branches: ip + length + displacement (target - block start) */
};

#define OP_SCALE(op) ((op)->mem & 3)
#define OP_SEGMENT(op) (((op)->mem >> 2) & 7)
#define OP_MEMORY 0x20u /* mem: has a memory operand */
#define OP_IS_MEMORY(op) ((op)->mem & OP_MEMORY)
#define OP_RIP_RELATIVE 0x40u
#define OP_VSIB_INDEX(op) ((op)->imm & 15)        /* number of the vector register that indexes memory */
#define OP_VVVV(op) ((op)->imm >> INSN_VVVV_SHIFT) /* register number in VEX.vvvv */
#define RIP_SLOT 17 /* cpu->rip follows gpr[] */

/* Direct branches and pseudo-ops that end a block keep their successors in the following slot. */
struct link {
    struct block *to[2]; /* taken, fall-through */
    u64 unused;
};

/* --- registers --- */
#define REG8(cpu, offset) (*((u8 *)(cpu) + (offset)))
#define REG16(cpu, offset) (*(u16 *)((u8 *)(cpu) + (offset)))
#define REG32(cpu, offset) (*(u32 *)((u8 *)(cpu) + (offset)))
#define REG64(cpu, offset) (*(u64 *)((u8 *)(cpu) + (offset)))

/* 32-bit writes clear the upper half; 8 and 16-bit ones keep the rest. */
static inline void reg_write(struct cpu *cpu, unsigned offset, enum size size, u64 value)
{
    switch (size) {
    case SIZE_8: REG8(cpu, offset) = value; break;
    case SIZE_16: REG16(cpu, offset) = value; break;
    case SIZE_32: REG64(cpu, offset) = (u32)value; break;
    case SIZE_64: REG64(cpu, offset) = value; break;
    }
}

static inline u64 reg_read(struct cpu *cpu, unsigned offset, enum size size)
{
    switch (size) {
    case SIZE_8: return REG8(cpu, offset);
    case SIZE_16: return REG16(cpu, offset);
    case SIZE_32: return REG32(cpu, offset);
    default: return REG64(cpu, offset);
    }
}

_Static_assert(offsetof(struct cpu, rip) == RIP_SLOT * 8, "ops address rip as a register");

/* --- addresses --- */

/* Effective address of the memory operand: the offset in its segment, wrapped to the address size.  `moved`: how far
 * cpu->rip, the base of RIP-relative operands, is from the start of the block, from which their disp counts. */
static inline __attribute__((always_inline)) u64 op_ea_from(const struct cpu *cpu, const struct op *op, unsigned moved)
{
    u64 ea = *(u64 *)((u8 *)cpu + op->rm) + (*(u64 *)((u8 *)cpu + op->index) << OP_SCALE(op)) + (i64)(i32)op->disp;
    if (unlikely(op->mem & OP_RIP_RELATIVE))
        ea -= moved;
    return op->address == SIZE_64 ? ea : op->address == SIZE_32 ? (u32)ea : (u16)ea;
}

/* In helpers, and in handlers after SYNC: rip has moved on only in END helpers. */
static inline __attribute__((always_inline)) u64 op_ea(const struct cpu *cpu, const struct op *op)
{
    return op_ea_from(cpu, op, cpu->op ? 0 : op->ip);
}

/* Start of the instruction and of the next one, in NEXT helpers too.  Not wrapped to 16 bits. */
static inline u64 op_rip(const struct cpu *cpu, const struct op *op) { return cpu->rip + (cpu->op ? op->ip : 0); }

/* --- memory: segment + offset; checks segment type and limit, translates, faults by cpu_raise (never returns) --- */
u8 load8(struct cpu *cpu, enum seg seg, u64 offset);
u16 load16(struct cpu *cpu, enum seg seg, u64 offset);
u32 load32(struct cpu *cpu, enum seg seg, u64 offset);
u64 load64(struct cpu *cpu, enum seg seg, u64 offset);
void store8(struct cpu *cpu, enum seg seg, u64 offset, u8 value);
void store16(struct cpu *cpu, enum seg seg, u64 offset, u16 value);
void store32(struct cpu *cpu, enum seg seg, u64 offset, u32 value);
void store64(struct cpu *cpu, enum seg seg, u64 offset, u64 value);
/* Any length up to 4096 (FXSAVE, 10-byte and 16-byte operands); all of it is checked before a byte is written. */
void load_bytes(struct cpu *cpu, enum seg seg, u64 offset, void *data, unsigned length);
void store_bytes(struct cpu *cpu, enum seg seg, u64 offset, const void *data, unsigned length);
/* Read-modify-write: checks that the operand may be written (faults as a write would); load and store follow. */
void check_write(struct cpu *cpu, enum seg seg, u64 offset, unsigned length);

/* Operand in r/m, zero-extended. */
static inline u64 rm_read(struct cpu *cpu, const struct op *op, enum size size)
{
    if (!OP_IS_MEMORY(op))
        return reg_read(cpu, op->rm, size);
    u64 ea = op_ea(cpu, op);
    switch (size) {
    case SIZE_8: return load8(cpu, OP_SEGMENT(op), ea);
    case SIZE_16: return load16(cpu, OP_SEGMENT(op), ea);
    case SIZE_32: return load32(cpu, OP_SEGMENT(op), ea);
    default: return load64(cpu, OP_SEGMENT(op), ea);
    }
}

static inline void store_sized(struct cpu *cpu, enum seg seg, u64 ea, enum size size, u64 value)
{
    switch (size) {
    case SIZE_8: store8(cpu, seg, ea, value); break;
    case SIZE_16: store16(cpu, seg, ea, value); break;
    case SIZE_32: store32(cpu, seg, ea, value); break;
    case SIZE_64: store64(cpu, seg, ea, value); break;
    }
}

static inline void rm_write(struct cpu *cpu, const struct op *op, enum size size, u64 value)
{
    if (!OP_IS_MEMORY(op))
        reg_write(cpu, op->rm, size, value);
    else
        store_sized(cpu, OP_SEGMENT(op), op_ea(cpu, op), size, value);
}

/* --- arithmetic flags ---
 * The image (cpu->fl): bit 0 OF, bits 8-15 as LAHF puts them into AH: CF 8, PF 10, AF 12, ZF 14, SF 15.
 * Other bits are garbage. */
#define FL_OF 0x0001u
#define FL_CF 0x0100u
#define FL_PF 0x0400u
#define FL_AF 0x1000u
#define FL_ZF 0x4000u
#define FL_SF 0x8000u
#define FL_ALL 0xd501u

static inline u32 fl_to_eflags(u32 fl) { return ((fl >> 8) & 0xd5u) | (fl & 1u) << 11; }
static inline u32 fl_from_eflags(u32 eflags) { return (eflags & 0xd5u) << 8 | ((eflags >> 11) & 1u); }

/* RFLAGS as the guest sees it.  In helpers (image in cpu->fl). */
static inline u64 flags_get(const struct cpu *cpu) { return (cpu->rflags & ~(u64)FLAGS_ARITH) | fl_to_eflags(cpu->fl); }
/* Sets the arithmetic flags in `mask` (FLAG_*) to those of `value`; the others stay. */
static inline void flags_set(struct cpu *cpu, u32 mask, u32 value)
{
    u32 eflags = fl_to_eflags(cpu->fl);
    cpu->fl = fl_from_eflags((eflags & ~mask) | (value & mask));
}
/* Writes all of RFLAGS (the caller has masked what the guest may not change) and does what changes of IF, TF, VM and
 * AC ask for: attention, mode.  END helpers only. */
void flags_write(struct cpu *cpu, u64 value);

/* --- faults: never return --- */
_Noreturn void cpu_raise(struct cpu *cpu, enum vector vector);
_Noreturn void cpu_raise_error(struct cpu *cpu, enum vector vector, u32 error);
/* #GP(0), #SS(0) */
static inline _Noreturn void raise_gp(struct cpu *cpu, u32 error) { cpu_raise_error(cpu, VECTOR_GP, error); }
static inline _Noreturn void raise_ud(struct cpu *cpu) { cpu_raise(cpu, VECTOR_UD); }

/* --- system structures: linear addresses at supervisor privilege whatever CPL is (descriptor tables, TSS) --- */
u8 system_load8(struct cpu *cpu, u64 linear);
u16 system_load16(struct cpu *cpu, u64 linear);
u32 system_load32(struct cpu *cpu, u64 linear);
u64 system_load64(struct cpu *cpu, u64 linear);
void system_store8(struct cpu *cpu, u64 linear, u8 value);
void system_store16(struct cpu *cpu, u64 linear, u16 value);
void system_store32(struct cpu *cpu, u64 linear, u32 value);
void system_store64(struct cpu *cpu, u64 linear, u64 value);

/* --- mmu.c --- */

/* Slow paths of loads and stores by linear address, at the current privilege: walk, fill, page crossing, MMIO, code
 * pages, watchpoints, alignment checks. */
u64 mmu_load(struct cpu *cpu, u64 linear, unsigned size); /* 1, 2, 4, 8 */
void mmu_store(struct cpu *cpu, u64 linear, u64 value, unsigned size);
/* Host pointer for a whole-page run (REP strings): the operand lies in one page and is plain RAM; NULL: go element by
 * element.  Translates and faults like an access; for writes also handles code pages and dirty bits for the length. */
u8 *mmu_window(struct cpu *cpu, u64 linear, unsigned length, bool write);
/* Translate for an instruction fetch: physical address, fills the ITLB; #PF by cpu_raise. */
u64 mmu_fetch(struct cpu *cpu, u64 linear);
/* The same without faulting: false and nothing changed. */
bool mmu_fetch_probe(struct cpu *cpu, u64 linear, u64 *phys);
void tlb_flush_all(struct cpu *cpu);        /* including global pages */
void tlb_flush_non_global(struct cpu *cpu); /* MOV CR3 */
void tlb_flush_page(struct cpu *cpu, u64 linear);
/* A page began to hold decoded code: stores to it must take the slow path from now on. */
void tlb_protect_code(struct cpu *cpu, u64 phys_page);

/* --- block.c --- */
/* A store of length bytes at phys hit a CODE page: kill the blocks it overlaps. */
void block_written(struct cpu *cpu, u64 phys, unsigned length);
void block_flush_all(struct cpu *cpu);
/* Recomputes mode, code_base, cpl-dependent TLB pointers after any change of segments, CR0, CR4, EFER, RFLAGS.VM/AC/TF,
 * DR7 or CPL. */
void cpu_update_mode(struct cpu *cpu);
/* From helpers: make the loop look at `bits` at the end of the block. */
void cpu_set_attention(struct cpu *cpu, u32 bits);

/* --- segment.c --- */
void segment_derive(struct segment *seg);
static inline bool in_real_mode(const struct cpu *cpu) { return !(cpu->cr0 & CR0_PE); }
static inline bool in_v86_mode(const struct cpu *cpu) { return (cpu->rflags & FLAG_VM) != 0; }
static inline bool in_protected_mode(const struct cpu *cpu) { return (cpu->cr0 & CR0_PE) && !in_v86_mode(cpu); }
static inline bool in_long_mode(const struct cpu *cpu) { return (cpu->efer & EFER_LMA) != 0; }
static inline unsigned iopl(const struct cpu *cpu) { return (cpu->rflags & FLAG_IOPL) >> 12; }

/* --- interrupt.c --- */

/* Delivers the fault in cpu->fault (rip is exact): exceptions, double and triple fault. */
void interrupt_fault(struct cpu *cpu);
/* External interrupt or NMI between instructions. */
void interrupt_external(struct cpu *cpu, u8 vector);
void interrupt_nmi(struct cpu *cpu);
/* Single-step and breakpoint traps pending in pending_dr6 (rip is exact, the next instruction). */
void interrupt_debug_trap(struct cpu *cpu);
/* Reading or executing at `linear` under DR7: called by mmu.c for watched pages, by block.c in step mode. */
void debug_check_data(struct cpu *cpu, u64 linear, unsigned size, bool write);
bool debug_check_code(struct cpu *cpu, u64 linear); /* true: #DB fault was put into cpu->fault */

#endif
