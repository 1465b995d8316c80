/*
 * What the system-level parts of the processor share: segments, far transfers, tasks, events, MSRs, CPUID.
 * Private to cpu/; the rest of cpu/ uses cpu/op.h.
 */
#ifndef CPU_SYSTEM_H
#define CPU_SYSTEM_H

#include "cpu/op.h"

/* System descriptor types.  SDM vol. 3A, "System-Segment and Gate-Descriptor Types". */
enum system_type {
    TYPE_TSS16 = 1,
    TYPE_LDT = 2,
    TYPE_TSS16_BUSY = 3,
    TYPE_CALL16 = 4,
    TYPE_TASK_GATE = 5,
    TYPE_INT16 = 6,
    TYPE_TRAP16 = 7,
    TYPE_TSS32 = 9,
    TYPE_TSS32_BUSY = 11,
    TYPE_CALL32 = 12,
    TYPE_INT32 = 14,
    TYPE_TRAP32 = 15,
};
#define TYPE_BUSY 2u

#define DR6_B0 0x1u
#define DR6_BD 0x2000u
#define DR6_BS 0x4000u
#define DR6_BS 0x4000u
#define DR6_BT 0x8000u
#define DR6_DATA 0xfu
#define DR6_FIXED 0xffff0ff0u
#define DR7_GD 0x2000u
#define DR7_FIXED 0x400u
#define DR7_ENABLES 0xffu

/* What cpu_run's setjmp returns. */
enum { RECOVER_FAULT = 1, RECOVER_ALONE };

static inline bool in_64bit_mode(const struct cpu *cpu)
{
    return in_long_mode(cpu) && (cpu->seg[CS].access & SEG_L);
}

/* Operand or linear addresses in 64-bit mode: bits 63-47 are equal. */
static inline bool is_canonical(u64 address) { return (u64)((i64)(address << 16) >> 16) == address; }

/* Writes the low half or all of a register as 16, 32 or 64-bit stack and instruction pointers are written. */
static inline void write_masked(u64 *to, u64 value, u64 mask) { *to = (*to & ~mask) | (value & mask); }

/* --- debugger.c --- */

static inline bool debugger_breaks_at_offset(const struct debugger *debugger, u64 address)
{
    return debugger->offsets[(address & 0xfff) >> 6] >> (address & 63) & 1;
}
/* Is there a breakpoint at the instruction to be executed next?  Does it stop there?  It then is the stop's cause. */
bool debugger_is_here(const struct cpu *cpu);
bool debugger_stops(struct cpu *cpu);
/* Where something is watched, around every data access that is not in the TLB, and before an instruction relies on one
 * that it will make. */
void debugger_before_access(struct cpu *cpu, u64 linear, unsigned length, bool write);
void debugger_after_access(struct cpu *cpu, u64 linear, unsigned length, bool write);
/* The list changed: blocks and TLB are to be made anew. */
void debugger_apply(struct cpu *cpu);

/* --- access.c --- */

/* May `size` bytes at `offset` be read or written through the segment?  Limit, and under protection the type. */
bool segment_permits(bool protection, const struct segment *seg, u64 offset, unsigned size, bool write);
/* Raises #PF unless `length` bytes (up to 4096) may be written at supervisor privilege. */
void system_check_write(struct cpu *cpu, u64 linear, unsigned length);
void system_load_bytes(struct cpu *cpu, u64 linear, void *data, unsigned length);
/* Stores 2, 4 or 8 bytes at the privilege of level 3 or of levels 0-2, whatever CPL is now (new stacks). */
void store_as(struct cpu *cpu, bool user, u64 linear, u64 value, unsigned size);

/* --- segment.c --- */

struct descriptor {
    u32 low, high;
};

static inline unsigned descriptor_type(const struct descriptor *d) { return (d->high >> 8) & 15; }
static inline unsigned descriptor_dpl(const struct descriptor *d) { return (d->high >> 13) & 3; }
static inline bool descriptor_present(const struct descriptor *d) { return (d->high >> 15) & 1; }
static inline bool descriptor_is_segment(const struct descriptor *d) { return (d->high >> 12) & 1; } /* S */
static inline bool descriptor_is_code(const struct descriptor *d) { return (d->high & 0x1800) == 0x1800; }
static inline bool descriptor_is_conforming(const struct descriptor *d) { return (d->high & 0x1c00) == 0x1c00; }
static inline bool descriptor_is_readable(const struct descriptor *d) /* data, or code with R */
{
    return (d->high & 0x200) || !(d->high & 0x800);
}
static inline bool descriptor_is_writable(const struct descriptor *d) { return (d->high & 0x1a00) == 0x1200; }
static inline bool descriptor_is_long(const struct descriptor *d) { return (d->high >> 21) & 1; }
u32 descriptor_base(const struct descriptor *d);
u32 descriptor_limit(const struct descriptor *d);

static inline bool selector_is_null(u16 selector) { return (selector & 0xfffc) == 0; }
static inline u32 selector_error(u16 selector) { return selector & 0xfffc; }

/* Linear address of a selector's descriptor; false if it is beyond its table (or there is no LDT). */
bool descriptor_address(const struct cpu *cpu, u16 selector, u64 *linear);
/* False if beyond the table's limit. */
bool descriptor_read(struct cpu *cpu, u16 selector, struct descriptor *d);
/* Raises `vector`(selector) if beyond the table's limit. */
void descriptor_fetch(struct cpu *cpu, u16 selector, enum vector vector, struct descriptor *d);
/* Sets the accessed bit, in memory (if it was clear) and in d. */
void descriptor_set_accessed(struct cpu *cpu, u16 selector, struct descriptor *d);
/* Hidden parts from a descriptor, visible part from selector. */
void segment_fill(struct segment *seg, u16 selector, const struct descriptor *d);
void segment_set_null(struct segment *seg, u16 selector);
/* Real-address and virtual-8086 forms: base = selector * 16. */
void segment_set_real(struct segment *seg, u16 selector);
void segment_set_v86(struct segment *seg, u16 selector);

/* MOV/POP/Lxx to ES, SS, DS, FS, GS with all checks of the mode; cpu_update_mode is done. */
void segment_load(struct cpu *cpu, enum seg seg, u16 selector);
/* Checks only: a data segment for ES, DS, FS, GS or the stack at privilege `cpl`, then sets accessed.  Faults use
 * `vector` (#GP, or #TS in task switches).  Fills *to, which must be no live register. */
void segment_prepare_data(struct cpu *cpu, u16 selector, unsigned cpl, enum vector vector, struct segment *to);
void segment_prepare_stack(struct cpu *cpu, u16 selector, unsigned cpl, enum vector vector, struct segment *to);
/* Installs CS with RPL := cpl and makes cpl the CPL; the caller calls cpu_update_mode. */
void segment_install_code(struct cpu *cpu, u16 selector, const struct descriptor *d, unsigned cpl);
/* After a return to an outer level: DS, ES, FS, GS that the new CPL may not use become null. */
void segment_drop_inner(struct cpu *cpu);
void ldtr_load(struct cpu *cpu, u16 selector, enum vector vector);
void tr_load(struct cpu *cpu, u16 selector);

/* --- stack.c --- */

/* A stack under construction: nothing of the CPU changes until stack_commit. */
struct stack {
    struct segment ss; /* a copy */
    u64 sp, mask;
    u32 error;         /* selector of #SS */
    bool user;         /* accesses are made as CPL 3 */
    bool protection;   /* the segment's type counts: not in real-address and virtual-8086 mode */
    bool flat;         /* 64-bit: no base, no limit */
};

void stack_current(struct cpu *cpu, struct stack *stack);
/* The stack that the TSS has for `cpl` (0-2), checked. */
void stack_of_tss(struct cpu *cpu, unsigned cpl, struct stack *stack);
void stack_of_tss64(struct cpu *cpu, unsigned cpl, unsigned ist, struct stack *stack);
/* SS:SP in the copy := a checked segment at privilege `cpl`. */
void stack_select(struct stack *stack, const struct segment *ss, u64 sp, unsigned cpl);
void stack_push(struct cpu *cpu, struct stack *stack, u64 value, enum size size);
/* Only for the current stack. */
u64 stack_pop(struct cpu *cpu, struct stack *stack, enum size size);
void stack_release(struct stack *stack, unsigned bytes); /* SP += bytes */
void stack_commit(struct cpu *cpu, const struct stack *stack); /* SS and SP */

/* --- far.c --- */

/* RIP of the next instruction, as CALL and INT save it. */
u64 return_rip(const struct cpu *cpu);
/* Makes RIP the given one, wherever the caller looks for it. */
void set_rip(struct cpu *cpu, u64 rip);

void far_jump(struct cpu *cpu, u16 selector, u64 offset, enum size size);
void far_call(struct cpu *cpu, u16 selector, u64 offset, enum size size);
void far_return(struct cpu *cpu, enum size size, unsigned release);
void interrupt_return(struct cpu *cpu, enum size size);
/* #GP(0) unless offset lies inside the code segment. */
void code_check_offset(struct cpu *cpu, const struct descriptor *d, u64 offset);

/* --- task.c --- */

enum task_switch { TASK_JMP, TASK_CALL, TASK_IRET, TASK_EVENT };
/* Switches to the TSS that `selector` names (its descriptor is *d, type and privilege already checked).  next_rip is
 * saved as the old task's EIP.  On return RIP (rip and next_rip) is the new task's. */
void task_switch(struct cpu *cpu, u16 selector, struct descriptor *d, enum task_switch why, u64 next_rip);
/* Checks a TSS descriptor as the target of a task gate or JMP/CALL: in the GDT, available, present. */
void task_fetch(struct cpu *cpu, u16 selector, enum vector vector, struct descriptor *d);
/* IRET with NT set. */
void task_return(struct cpu *cpu);
/* Bit of the I/O permission or interrupt redirection maps of the current TSS. */
bool task_io_denied(struct cpu *cpu, u16 port, unsigned size);
bool task_interrupt_redirected(struct cpu *cpu, u8 vector); /* VME: to the virtual-8086 program's own handler */
/* Raises #GP(0) unless port I/O of `size` bytes is allowed; also arms I/O breakpoints. */
void io_check(struct cpu *cpu, u16 port, unsigned size);

/* --- interrupt.c --- */

/* INT n and the like from the running instruction: the saved RIP is cpu->next_rip. */
enum soft_kind { SOFT_INT_N, SOFT_INT3, SOFT_INTO, SOFT_INT1 };
void interrupt_soft(struct cpu *cpu, u8 vector, enum soft_kind kind);

/* --- debug.c --- */

/* A load or store hits a data breakpoint's page: such pages stay out of the TLB. */
bool debug_watches_page(const struct cpu *cpu, u64 page, bool write);
void debug_check_io(struct cpu *cpu, u16 port, unsigned size);
/* General detect: #DB fault when DR7.GD is set. */
void debug_check_access(struct cpu *cpu);

/* --- cpu.c --- */

/* AC, ID: flags that any program may change where the processor has them. */
u32 cpu_flags_optional(const struct cpu *cpu);

/* --- system.c --- */

void cr0_write(struct cpu *cpu, u64 value);
void cr3_write(struct cpu *cpu, u64 value);
void cr4_write(struct cpu *cpu, u64 value);

/* --- msr.c --- */

/* False: there is no such register, or the value is not allowed (#GP). */
bool msr_read(struct cpu *cpu, u32 index, u64 *value);
bool msr_write(struct cpu *cpu, u32 index, u64 value);
u64 tsc_read(struct cpu *cpu);
#define APIC_BASE_BSP 0x100u
#define APIC_BASE_ENABLE 0x800u
void msr_reset(struct cpu *cpu);

/* --- perfcount.c --- */

/* The P6 family's two counters; the functions for MSRs return as msr_read and msr_write do. */
bool perfcount_there(struct cpu *cpu);
u64 perfcount_read(struct cpu *cpu, unsigned counter);
bool perfcount_read_msr(struct cpu *cpu, u32 index, u64 *value);
bool perfcount_write_msr(struct cpu *cpu, u32 index, u64 value);

/* --- cpuid.c --- */

const struct cpu_model *cpu_model_find(const char *name);
/* Fills cpu->model, features, phys_mask.  False with a reason in why. */
bool cpu_model_apply(struct cpu *cpu, const char *name, const char *features, char *why);
void cpuid_leaf(struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4]);
/* Takes away the features of a leaf that `has` (EAX to EDX) lacks, and what needs them; adds their names to a list. */
void cpuid_limit(struct cpu *cpu, u32 leaf, u32 subleaf, const u32 has[4], char *names, size_t size);
void cpu_init(struct cpu *cpu); /* INIT, on the CPU's own thread */
void cpu_take_startup(struct cpu *cpu);
u32 cpu_signature(const struct cpu *cpu); /* EDX after reset, CPUID 1 EAX */
bool cpu_has(const struct cpu *cpu, unsigned feature);

/* --- xsave.c --- */

/* Components that XCR0 may enable, and the size in bytes of an XSAVE area that holds `components`. */
u64 xsave_supported(const struct cpu *cpu);
unsigned xsave_size(u64 components);
/* Bytes of component 2 and up, 0 if it is not there, and where it begins in the standard form. */
unsigned xsave_component(const struct cpu *cpu, unsigned component, unsigned *offset);

#endif
