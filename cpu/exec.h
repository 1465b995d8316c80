/*
 * How handlers are written and how control passes from one to the next.  Only cpu/exec_*.c include this, first of all.
 *
 * A handler is written once, OP(name) { ... NEXT(); }, and compiled in one of three forms:
 *   DISPATCH_REGVAR  gcc, x86-64: `cpu`, `op` and the flags image live in callee-saved registers (global register
 *                    variables), handlers have no arguments and tail-call each other: nothing is spilled.
 *   DISPATCH_TAIL    clang: the three are arguments, `musttail` keeps the calls jumps.
 *   DISPATCH_LOOP    everywhere else, and in sanitizer builds: a handler returns the next op to a loop.
 * Slow paths are handlers of their own, reached by a tail call (GOTO), so that the fast ones stay leaf functions
 * without a stack frame.  FL is the arithmetic flags image (cpu/op.h).
 */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#if defined(DISPATCH_REGVAR)
struct cpu;
struct op;
register struct cpu *cpu asm("rbx");
register const struct op *op asm("r12");
register unsigned long fl_register asm("r13");
#endif

#include <string.h>

#include "cpu/block.h"
#include "cpu/op.h"

#if defined(DISPATCH_REGVAR)

typedef void op_fn(void);
#define OP(name) void op_##name(void)
#define FL fl_register
#define DISPATCH(next)                                                                                                 \
    do {                                                                                                               \
        op = (next);                                                                                                   \
        return ((op_fn *)op->fn)();                                                                                    \
    } while (0)
#define GOTO(name) return op_##name()
#define RETURN_TO_LOOP() return

#elif defined(DISPATCH_TAIL)

typedef void op_fn(struct cpu *cpu, const struct op *op, u64 fl);
#define OP(name) void op_##name(struct cpu *cpu, const struct op *op, u64 fl)
#define FL fl
#define DISPATCH(next)                                                                                                 \
    do {                                                                                                               \
        const struct op *next_op = (next);                                                                             \
        __attribute__((musttail)) return ((op_fn *)next_op->fn)(cpu, next_op, fl);                                     \
    } while (0)
#define GOTO(name) __attribute__((musttail)) return op_##name(cpu, op, fl)
#define RETURN_TO_LOOP() return

#else /* DISPATCH_LOOP */

typedef const struct op *op_fn(struct cpu *cpu, const struct op *op);
#define OP(name) const struct op *op_##name(struct cpu *cpu, const struct op *op)
#define FL cpu->fl
#define DISPATCH(next) return (next)
#define GOTO(name) return op_##name(cpu, op)
#define RETURN_TO_LOOP() return NULL

#endif

#define HANDLER(name) ((void (*)(void))op_##name)
#define NEXT() DISPATCH(op + 1)

/* Before anything that may fault or that reads the flags image from cpu->fl. */
#define SYNC() (cpu->fl = FL, cpu->op = op)
/* After a helper that may have changed the flags. */
#define RELOAD() (FL = cpu->fl)

/* Back to the dispatch loop (run.c); cpu->rip must be exact. */
#define LEAVE()                                                                                                        \
    do {                                                                                                               \
        cpu->fl = FL;                                                                                                  \
        cpu->op = NULL;                                                                                                \
        RETURN_TO_LOOP();                                                                                              \
    } while (0)
/* The same, to execute this op again later. */
#define LEAVE_BEFORE()                                                                                                 \
    do {                                                                                                               \
        cpu->rip += op->ip;                                                                                            \
        cpu->budget += op->left;                                                                                       \
        LEAVE();                                                                                                       \
    } while (0)

/* --- blocks --- */

#define LINK(op) ((struct link *)((op) + 1))

/* Tail of direct branches; cpu->rip is the target.  A dead block's count is so large that the budget goes negative:
 * one test for "out of budget", "another thread or a device wants attention" and "block was killed". */
#define ENTER_LINKED(block, slow)                                                                                      \
    do {                                                                                                               \
        cpu->budget -= (block)->count;                                                                                 \
        if (unlikely(cpu->budget < 0)) {                                                                               \
            cpu->budget += (block)->count;                                                                             \
            GOTO(slow);                                                                                                \
        }                                                                                                              \
        DISPATCH((block)->ops);                                                                                        \
    } while (0)

#define FOLLOW_NEAR(which)                                                                                             \
    do {                                                                                                               \
        struct block *block = LINK(op)->to[which];                                                                     \
        if (unlikely(!block))                                                                                          \
            GOTO(link_##which);                                                                                        \
        ENTER_LINKED(block, link_##which);                                                                             \
    } while (0)

/* The target lies in another page: the link holds only while that page is still mapped to the block's. */
#define FOLLOW_CROSS(which)                                                                                            \
    do {                                                                                                               \
        struct block *block = LINK(op)->to[which];                                                                     \
        u64 linear = CODE_LINEAR(cpu->rip);                                                                            \
        struct itlb_entry *entry = &cpu->itlb[(linear >> 12) & (ITLB_SIZE - 1)];                                       \
        if (unlikely(!block || entry->tag != (linear & ~0xfffull) || entry->phys != block->page))                      \
            GOTO(link_##which);                                                                                        \
        ENTER_LINKED(block, link_##which);                                                                             \
    } while (0)

#define CODE_LINEAR(rip) ((cpu->code_base + (rip)) & cpu->code_mask)

/* Tail of indirect branches and of ops that end a block; cpu->rip is the target. */
#define FOLLOW_INDIRECT()                                                                                              \
    do {                                                                                                               \
        u64 linear = CODE_LINEAR(cpu->rip);                                                                            \
        struct itlb_entry *entry = &cpu->itlb[(linear >> 12) & (ITLB_SIZE - 1)];                                       \
        if (unlikely(entry->tag != (linear & ~0xfffull)))                                                              \
            GOTO(lookup);                                                                                              \
        u64 phys = entry->phys | (linear & 0xfff);                                                                     \
        struct block *block = cpu->blocks->hash[BLOCK_HASH(phys)];                                                     \
        if (unlikely(!block || block->key != (phys | cpu->mode_key)))                                                  \
            GOTO(lookup);                                                                                              \
        ENTER_LINKED(block, lookup);                                                                                   \
    } while (0)

OP(link_0);
OP(link_1);
OP(lookup);

/* --- guest memory, fast path --- */

#define TLB_ENTRY(linear) (&cpu->tlb[((linear) >> 12) & (TLB_SIZE - 1)])
#define PAGE_OF_LAST(linear, size) (((linear) + (size)-1) & ~0xfffull)

/* Addresses: each form names a linear address `lin` for an access of `bytes`, or goes to the slow handler. */
#define LINEAR_BD(bytes, top, slow) u32 lin = REG32(cpu, op->rm) + op->disp
#define LINEAR_SIB(bytes, top, slow)                                                                                   \
    u32 lin = REG32(cpu, op->rm) + (REG32(cpu, op->index) << OP_SCALE(op)) + op->disp
#define LINEAR_SEG(bytes, top, slow)                                                                                   \
    u32 ea = REG32(cpu, op->rm) + (REG32(cpu, op->index) << OP_SCALE(op)) + op->disp;                                  \
    if (op->address == SIZE_16)                                                                                        \
        ea = (u16)ea;                                                                                                  \
    const struct segment *segment = &cpu->seg[OP_SEGMENT(op)];                                                         \
    if (unlikely((i64)ea + (bytes)-1 > segment->top))                                                                  \
        GOTO(slow);                                                                                                    \
    u32 lin = (u32)segment->base + ea
#define LINEAR_M64(bytes, top, slow)                                                                                   \
    u64 lin = REG64(cpu, op->rm) + (REG64(cpu, op->index) << OP_SCALE(op)) + (i64)(i32)op->disp

/* Host pointer `host` for a load or store at `lin`, or the slow handler. */
#define HOST_WRITE(T, slow)                                                                                            \
    const struct tlb_entry *entry = TLB_ENTRY(lin);                                                                    \
    if (unlikely(((typeof(lin))(lin + sizeof(T) - 1) & ~(typeof(lin))0xfff) != entry->write_tag))                      \
        GOTO(slow);                                                                                                    \
    u8 *host = (u8 *)(entry->addend + lin)

#define HOST_READ(T, slow)                                                                                             \
    const struct tlb_entry *entry = TLB_ENTRY(lin);                                                                    \
    if (unlikely(((typeof(lin))(lin + sizeof(T) - 1) & ~(typeof(lin))0xfff) != entry->read_tag))                       \
        GOTO(slow);                                                                                                    \
    const u8 *host = (const u8 *)(entry->addend + lin)

/* Unaligned, alias-safe. */
#define GET(T, pointer)                                                                                                \
    ({                                                                                                                 \
        T get_value;                                                                                                   \
        memcpy(&get_value, (pointer), sizeof(T));                                                                      \
        get_value;                                                                                                     \
    })
#define PUT(T, pointer, value)                                                                                         \
    do {                                                                                                               \
        T put_value = (value);                                                                                         \
        memcpy((pointer), &put_value, sizeof(T));                                                                      \
    } while (0)

/* Registers by type: 32-bit writes clear the upper half. */
#define R_u8(offset) REG8(cpu, offset)
#define R_u16(offset) REG16(cpu, offset)
#define R_u32(offset) REG32(cpu, offset)
#define R_u64(offset) REG64(cpu, offset)
#define W_u8(offset, value) (REG8(cpu, offset) = (value))
#define W_u16(offset, value) (REG16(cpu, offset) = (value))
#define W_u32(offset, value) (REG64(cpu, offset) = (u32)(value))
#define W_u64(offset, value) (REG64(cpu, offset) = (value))
#define LOAD_u8 load8
#define LOAD_u16 load16
#define LOAD_u32 load32
#define LOAD_u64 load64
#define STORE_u8 store8
#define STORE_u16 store16
#define STORE_u32 store32
#define STORE_u64 store64

#endif
