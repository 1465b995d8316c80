/*
 * Blocks: straight runs of guest instructions as ops, cached by physical address and mode.
 *
 * A block lies in one page, except for one made of a single instruction that crosses into the next.  Its first op may
 * be the pseudo-op `check` (CS limit, second page of a crossing instruction).  Killing a block (its bytes were
 * written) unhooks it and turns all of its ops into `stale`, so that even the op after a store into its own block is
 * decoded anew; the memory is reclaimed when everything is flushed, so links may still point at it: its count is then
 * so large that no budget allows entering.
 */
#ifndef CPU_BLOCK_H
#define CPU_BLOCK_H

#include "cpu/op.h"

#define BLOCK_MAX_INSNS 32
#define BLOCK_DEAD_COUNT 0x40000000000ll
#define SCRATCH_SIZE 4096
#define EPOCH_SHIFT (MODE_SHIFT + 5)
#define EPOCH_MASK (~0ull << EPOCH_SHIFT)
#define BLOCK_HASH_BITS 16
#define BLOCK_HASH(phys) (((phys) ^ ((phys) >> BLOCK_HASH_BITS)) & ((1u << BLOCK_HASH_BITS) - 1))

struct block {
    /* Physical address of the first byte | mode << MODE_SHIFT | the epoch, << EPOCH_SHIFT, in which it was last known to be
     * what memory holds.  The epoch is in here so that whoever compares keys compares it, too. */
    u64 key;
    i64 count; /* instructions; BLOCK_DEAD_COUNT when killed */
    u64 page;  /* physical page of the first byte */
    u64 page2; /* physical page of the rest of a crossing instruction, or page */
    struct block *hash_next;
    struct block *page_next[2]; /* in the lists of page and page2 */
    u16 bytes;
    u16 op_count; /* with pseudo-ops, without link slots */
    struct op ops[];
};

struct block_cache {
    u8 *arena;
    size_t used;
    u64 flushes; /* how often everything was dropped: a pointer kept across a build is valid only if unchanged */
    u64 epoch;   /* counts the times that memory may have changed unseen: older blocks are compared before use */
    struct block *scratch; /* the one uncached block: single steps and ends of budgets */
    struct code_page *pages[4096];
    struct code_page *free_pages;
    struct block *hash[1u << BLOCK_HASH_BITS];
};

static inline u64 block_mode_key(const struct cpu *cpu)
{
    return (u64)cpu->mode << MODE_SHIFT | cpu->blocks->epoch << EPOCH_SHIFT;
}

struct block_cache *block_cache_create(void);
void block_cache_destroy(struct block_cache *cache);

/* The block at cpu->rip in the current mode, built if need be.  cpu->rip must be exact; fetch faults by cpu_raise. */
struct block *block_find(struct cpu *cpu);
/* At most `limit` instructions from cpu->rip, uncached, valid until the next call; checks CS limit exactly. */
struct block *block_build_short(struct cpu *cpu, unsigned limit);

static inline bool block_is_scratch(const struct block_cache *cache, const struct op *op)
{
    return (const u8 *)op >= (const u8 *)cache->scratch && (const u8 *)op < (const u8 *)cache->scratch + SCRATCH_SIZE;
}

/* Runs ops until one leaves.  cpu->fl and cpu->op are in order before and after. */
void exec_enter(struct cpu *cpu, const struct op *first);

/* Pseudo-ops (exec_flow.c), as block.c plants them. */
extern void (*const exec_fallthrough_near)(void), (*const exec_fallthrough_cross)(void), (*const exec_check)(void),
    (*const exec_stale)(void), (*const exec_leave)(void), (*const exec_cover)(void), (*const exec_breakpoint)(void);
/* exec_move.c: MOV with a 64-bit absolute address. */
extern void (*const exec_load_absolute)(void), (*const exec_store_absolute)(void);

#endif
