/*
 * Guest loads and stores with the TLB's hit path inline, for helpers that live on them (x87, SSE).  Misses, limits,
 * page crossings and everything else go to the functions of cpu/op.h, which are the same in meaning.
 */
#ifndef CPU_MEMORY_INLINE_H
#define CPU_MEMORY_INLINE_H

#include <string.h>

#include "cpu/op.h"

/* Host address of a plain access that hits, or NULL.  `size` is a constant of at most a page. */
static inline __attribute__((always_inline)) u8 *memory_hit(struct cpu *cpu, enum seg seg, u64 offset, unsigned size,
                                                            bool write)
{
    const struct segment *s = &cpu->seg[seg];
    u64 linear;
    if (unlikely(cpu->mode & MODE_CODE64)) {
        linear = seg >= FS ? s->base + offset : offset;
    } else {
        if (unlikely((i64)(offset + size - 1) > (write ? s->write_top : s->read_top)))
            return NULL;
        linear = (u32)(s->base + offset);
    }
    const struct tlb_entry *e = &cpu->tlb[(linear >> 12) & (TLB_SIZE - 1)];
    if (unlikely(((linear + size - 1) & ~0xfffull) != (write ? e->write_tag : e->read_tag)))
        return NULL;
    return (u8 *)(uintptr_t)(linear + e->addend);
}

#define MEMORY_INLINE(bits)                                                                                            \
    static inline u##bits memory_load##bits(struct cpu *cpu, enum seg seg, u64 offset)                                 \
    {                                                                                                                  \
        const u8 *host = memory_hit(cpu, seg, offset, (bits) / 8, false);                                              \
        u##bits value;                                                                                                 \
        if (unlikely(!host))                                                                                           \
            return load##bits(cpu, seg, offset);                                                                       \
        memcpy(&value, host, sizeof value);                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline void memory_store##bits(struct cpu *cpu, enum seg seg, u64 offset, u##bits value)                    \
    {                                                                                                                  \
        u8 *host = memory_hit(cpu, seg, offset, (bits) / 8, true);                                                     \
        if (likely(host))                                                                                              \
            memcpy(host, &value, sizeof value);                                                                        \
        else                                                                                                           \
            store##bits(cpu, seg, offset, value);                                                                      \
    }

MEMORY_INLINE(16)
MEMORY_INLINE(32)
MEMORY_INLINE(64)

/* Other sizes: memory_load_bytes_10 and the like.  A function for each, so that the size is a constant to memcpy even
 * where the compiler chooses to call it. */
#define MEMORY_INLINE_BYTES(size)                                                                                      \
    static inline void memory_load_bytes_##size(struct cpu *cpu, enum seg seg, u64 offset, void *data)                 \
    {                                                                                                                  \
        const u8 *host = memory_hit(cpu, seg, offset, size, false);                                                    \
        if (likely(host))                                                                                              \
            memcpy(data, host, size);                                                                                  \
        else                                                                                                           \
            load_bytes(cpu, seg, offset, data, size);                                                                  \
    }                                                                                                                  \
    static inline void memory_store_bytes_##size(struct cpu *cpu, enum seg seg, u64 offset, const void *data)          \
    {                                                                                                                  \
        u8 *host = memory_hit(cpu, seg, offset, size, true);                                                           \
        if (likely(host))                                                                                              \
            memcpy(host, data, size);                                                                                  \
        else                                                                                                           \
            store_bytes(cpu, seg, offset, data, size);                                                                 \
    }

MEMORY_INLINE_BYTES(4)
MEMORY_INLINE_BYTES(10)
MEMORY_INLINE_BYTES(16)
MEMORY_INLINE_BYTES(32)

#endif
