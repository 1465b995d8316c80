/*
 * The guest's physical memory map: RAM, ROM and register windows, laid over one another by priority.
 *
 * Regions are owned by whoever declares them (usually a chip's state struct) and stay linked until memory_remove.
 * Changing the map (add, remove, enable, move) rebuilds a flat, sorted view and tells the listeners, which drop cached
 * translations.  All changes happen with the machine lock held and no vCPU inside guest code of the old map: engines
 * are told through the listener and must forget host pointers before they go on.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include "machine/types.h"

/* Registers behind a window, in memory or in port space.  `offset` counts from the window's base.  The bus splits or
 * widens accesses to min_size..max_size (1, 2, 4, 8; 0 means 1 and 4) before the chip sees them, so a chip is only
 * called with sizes it declares, never across the end of its window.  Reads return the value in the low bits. */
struct bus_ops {
    u64 (*read)(void *opaque, u64 offset, unsigned size);
    void (*write)(void *opaque, u64 offset, u64 value, unsigned size);
    u8 min_size, max_size;
    /* Optional, for data ports: `count` elements of `size` bytes at one offset, as REP INS/OUTS moves them.  May be NULL:
     * then the bus makes single accesses. */
    void (*read_block)(void *opaque, u64 offset, unsigned size, void *data, unsigned count);
    void (*write_block)(void *opaque, u64 offset, unsigned size, const void *data, unsigned count);
};

enum region_kind {
    REGION_RAM,  /* host memory, readable and writable */
    REGION_ROM,  /* host memory, writes are dropped */
    REGION_MMIO, /* calls ops */
    REGION_ROMD, /* reads come from host memory, writes go to ops */
};

/* Bits in region->page_flags, one byte a 4 KiB page of RAM-like regions. */
enum {
    PAGE_CODE = 1,       /* an engine has decoded instructions from it: writes must tell the listeners */
    PAGE_DIRTY_VGA = 2,  /* set by every write; cleared by the display */
    PAGE_DIRTY_SAVE = 4, /* set by every write; cleared by snapshots and migration */
};

struct region {
    /* Filled by the owner before memory_add. */
    const char *name;
    enum region_kind kind;
    u64 base, size; /* guest physical; any alignment for MMIO, 4 KiB for memory */
    int priority;   /* higher hides lower */
    bool enabled;
    bool log_dirty; /* RAM: writes must set PAGE_DIRTY_VGA (frame buffers) */
    bool chip_writes; /* RAM: a chip changes it by itself, so a copy would not stay true (lockstep) */
    /* MMIO: an engine may gather a CPU's writes and make them later, in their order, but before any other access to a
     * chip and before memory_settle returns.  No RAM may show what they change. */
    bool late_writes;
    const struct bus_ops *ops;
    void *opaque;
    u8 *host;       /* RAM, ROM, ROMD: owner's memory of `size` bytes, 4 KiB aligned */
    u8 *page_flags; /* size / 4096 bytes, owner's; shared by all regions over the same memory (aliases) */
    /* The map's own. */
    struct region *next;
};

/* One piece of the flat view: [start, end) of physical space answered by region, at `offset` inside it. */
struct range {
    u64 start, end;
    struct region *region;
    u64 offset;
};

struct memory_listener {
    void (*map_changed)(void *opaque);
    /* A write that no engine made (DMA, monitor, another CPU) hit a PAGE_CODE page. */
    void (*code_written)(void *opaque, u64 phys, u64 length);
    /* Any write to RAM that no engine made, as host memory.  May be NULL. */
    void (*written)(void *opaque, const u8 *host, u64 length);
    /* memory_settle.  May be NULL. */
    void (*settle)(void *opaque);
    void *opaque;
    struct memory_listener *next;
};

struct memory;

struct memory *memory_create(void);
void memory_destroy(struct memory *memory);

void memory_add(struct memory *memory, struct region *region);
void memory_remove(struct memory *memory, struct region *region);
/* Change base, enabled, kind, priority or late_writes of a linked region.  A call that changes nothing costs
 * nothing. */
void memory_move(struct memory *memory, struct region *region, u64 base);
void memory_enable(struct memory *memory, struct region *region, bool enabled);
/* Several changes, one rebuild: begin, change, commit.  Nests. */
void memory_begin(struct memory *memory);
void memory_commit(struct memory *memory);

void memory_listen(struct memory *memory, struct memory_listener *listener);
void memory_unlisten(struct memory *memory, struct memory_listener *listener);

/* The range that answers `phys`, or NULL where nothing does. */
const struct range *memory_find(struct memory *memory, u64 phys);
/* The flat view, for `info mtree` and for engines that mirror it (KVM slots). */
const struct range *memory_ranges(struct memory *memory, size_t *count);

/* Device and debugger access; lock held; any length and alignment.  Unassigned reads give 0xff, writes vanish.
 * memory_write marks pages dirty and reports writes into code. */
void memory_read(struct memory *memory, u64 phys, void *data, u64 length);
void memory_write(struct memory *memory, u64 phys, const void *data, u64 length);
/* One register access of 1, 2, 4 or 8 bytes, as a CPU makes it. */
u64 memory_load(struct memory *memory, u64 phys, unsigned size);
void memory_store(struct memory *memory, u64 phys, u64 value, unsigned size);

/* Makes the writes that engines have gathered (late_writes): before a chip looks at what they change, unless a CPU's access
 * led it there.  Lock held, any thread. */
void memory_settle(struct memory *memory);

/* Zeroed, page-aligned memory for RAM, ROM and VRAM, backed by a memfd where there is one so that it can be mapped
 * twice.  NULL if the host has too little.  Pages are touched only when used. */
u8 *memory_alloc(u64 size);
void memory_free(u8 *host, u64 size);

#endif
