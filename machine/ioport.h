/*
 * The 64 KiB of I/O ports.  Byte, word and dword accesses are dispatched by their first port and split where a chip
 * takes only bytes, as the ISA bus does.  Unassigned ports read all ones.
 */
#ifndef MACHINE_IOPORT_H
#define MACHINE_IOPORT_H

#include "machine/memory.h"

/* Owned by the chip; linked until removed. */
struct port_range {
    const char *name;
    u16 base;
    u32 count; /* ports; 0 while a BAR is unassigned */
    const struct bus_ops *ops;
    void *opaque;
    bool exact; /* answers only accesses that start at base with exactly the size ops->min_size; for cf8/cf9 overlap */
    struct port_range *next;
};

struct ioports;

struct ioports *ioports_create(void);
void ioports_destroy(struct ioports *ports);
/* The latest addition wins where ranges overlap; removal brings the earlier one back. */
void ioports_add(struct ioports *ports, struct port_range *range);
void ioports_remove(struct ioports *ports, struct port_range *range);
/* Move a linked or unlinked range (BARs): removes it, and adds it at `base` if count is not 0. */
void ioports_move(struct ioports *ports, struct port_range *range, u16 base, u32 count);

u32 ioports_read(struct ioports *ports, u16 port, unsigned size);
void ioports_write(struct ioports *ports, u16 port, u32 value, unsigned size);
/* REP INS/OUTS: `count` elements at one port; the same as that many reads or writes. */
void ioports_read_block(struct ioports *ports, u16 port, unsigned size, void *data, unsigned count);
void ioports_write_block(struct ioports *ports, u16 port, unsigned size, const void *data, unsigned count);
/* For `info mtree`: calls show for every range in ascending order. */
void ioports_each(struct ioports *ports, void (*show)(void *opaque, const struct port_range *range), void *opaque);

#endif
