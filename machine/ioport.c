/*
 * The I/O ports: one pointer for each of the 65536, to the latest range that covers it.
 *
 * Accesses wider than a chip takes, or that run past its last port, are halved, and each half goes to whoever owns its
 * own first port: an ISA bus does the same with a 16-bit access that no card answers with IOCS16#.
 */
#include "machine/ioport.h"

#include <stdlib.h>
#include <string.h>

#include "machine/trace.h"

#define PORT_COUNT 0x10000u

struct ioports {
    struct port_range *first; /* the latest addition first */
    struct port_range *top[PORT_COUNT];
};

struct ioports *ioports_create(void)
{
    return calloc(1, sizeof(struct ioports));
}

void ioports_destroy(struct ioports *ports)
{
    free(ports);
}

/* The table. */

static unsigned smallest(const struct port_range *range)
{
    return range->ops->min_size ? range->ops->min_size : 1;
}

static unsigned largest(const struct port_range *range)
{
    return range->ops->max_size ? range->ops->max_size : 4;
}

static bool covers(const struct port_range *range, unsigned port)
{
    if (range->exact)
        return port == range->base && range->count;
    return port >= range->base && port - range->base < range->count;
}

static struct port_range *next_covering(struct port_range *range, unsigned port)
{
    while (range && !covers(range, port))
        range = range->next;
    return range;
}

static void refresh(struct ioports *ports, unsigned base, u32 count)
{
    for (unsigned port = base; port < PORT_COUNT && port - base < count; port++)
        ports->top[port] = next_covering(ports->first, port);
}

static bool unlink_range(struct ioports *ports, struct port_range *range)
{
    for (struct port_range **link = &ports->first; *link; link = &(*link)->next) {
        if (*link == range) {
            *link = range->next;
            range->next = NULL;
            return true;
        }
    }
    return false;
}

void ioports_remove(struct ioports *ports, struct port_range *range)
{
    if (unlink_range(ports, range))
        refresh(ports, range->base, range->count);
}

void ioports_add(struct ioports *ports, struct port_range *range)
{
    ioports_remove(ports, range); /* adding twice is moving to the top */
    range->next = ports->first;
    ports->first = range;
    refresh(ports, range->base, range->count);
}

void ioports_move(struct ioports *ports, struct port_range *range, u16 base, u32 count)
{
    ioports_remove(ports, range);
    range->base = base;
    range->count = count;
    if (count)
        ioports_add(ports, range);
}

/* Dispatch. */

/* Who answers an access that the CPU made with this size (`whole`), or a half of one; NULL: nobody. */
static struct port_range *find(struct ioports *ports, unsigned port, unsigned size, bool whole)
{
    if (port >= PORT_COUNT)
        return NULL;
    struct port_range *range = ports->top[port];
    while (range && range->exact && !(whole && size == smallest(range)))
        range = next_covering(range->next, port);
    return range;
}

/* The access can go to the chip in one piece (perhaps widened). */
static bool takes(const struct port_range *range, unsigned port, unsigned size)
{
    return range->exact || (size <= largest(range) && port - range->base + size <= range->count);
}

static u32 all_ones(unsigned size)
{
    return size >= 4 ? UINT32_MAX : (1u << (size * 8)) - 1;
}

static u32 read_range(const struct port_range *range, unsigned port, unsigned size)
{
    unsigned offset = port - range->base, least = smallest(range);
    if (!range->ops->read)
        return all_ones(size);
    if (size >= least)
        return (u32)range->ops->read(range->opaque, offset, size) & all_ones(size);
    unsigned aligned = offset & ~(least - 1);
    if (aligned + least > range->count)
        return all_ones(size);
    return (u32)(range->ops->read(range->opaque, aligned, least) >> ((offset - aligned) * 8)) & all_ones(size);
}

static void write_range(const struct port_range *range, unsigned port, u32 value, unsigned size)
{
    unsigned offset = port - range->base, least = smallest(range);
    value &= all_ones(size);
    if (!range->ops->write)
        return;
    if (size >= least) {
        range->ops->write(range->opaque, offset, value, size);
        return;
    }
    unsigned aligned = offset & ~(least - 1); /* the other lanes carry zeros */
    if (aligned + least <= range->count)
        range->ops->write(range->opaque, aligned, (u64)value << ((offset - aligned) * 8), least);
}

static u32 read_part(struct ioports *ports, unsigned port, unsigned size, bool whole)
{
    struct port_range *range = find(ports, port, size, whole);
    if (range && takes(range, port, size)) {
        u32 value = read_range(range, port, size);
        trace(IO, "in %04x size %u = %0*x (%s)", port, size, (int)size * 2, value, range->name);
        return value;
    }
    if (size == 1) {
        trace(UNASSIGNED, "in %04x", port);
        return 0xff;
    }
    unsigned half = size / 2;
    u32 low = read_part(ports, port, half, false);
    return low | read_part(ports, port + half, half, false) << (half * 8);
}

static void write_part(struct ioports *ports, unsigned port, u32 value, unsigned size, bool whole)
{
    struct port_range *range = find(ports, port, size, whole);
    if (range && takes(range, port, size)) {
        trace(IO, "out %04x size %u = %0*x (%s)", port, size, (int)size * 2, value & all_ones(size), range->name);
        write_range(range, port, value, size);
    } else if (size == 1) {
        trace(UNASSIGNED, "out %04x = %02x", port, value & 0xff);
    } else {
        unsigned half = size / 2;
        write_part(ports, port, value, half, false);
        write_part(ports, port + half, value >> (half * 8), half, false);
    }
}

u32 ioports_read(struct ioports *ports, u16 port, unsigned size)
{
    return read_part(ports, port, size, true);
}

void ioports_write(struct ioports *ports, u16 port, u32 value, unsigned size)
{
    write_part(ports, port, value, size, true);
}

/* The chip's block access for the whole, if it has one. */
static struct port_range *block_range(struct ioports *ports, u16 port, unsigned size)
{
    struct port_range *range = find(ports, port, size, true);
    return range && takes(range, port, size) && size >= smallest(range) ? range : NULL;
}

void ioports_read_block(struct ioports *ports, u16 port, unsigned size, void *data, unsigned count)
{
    struct port_range *range = block_range(ports, port, size);
    if (range && range->ops->read_block) {
        range->ops->read_block(range->opaque, port - range->base, size, data, count);
        trace(IO, "in %04x size %u, %u times (%s)", port, size, count, range->name);
        return;
    }
    for (u8 *to = data; count; count--, to += size) {
        u32 value = ioports_read(ports, port, size);
        memcpy(to, &value, size);
    }
}

void ioports_write_block(struct ioports *ports, u16 port, unsigned size, const void *data, unsigned count)
{
    struct port_range *range = block_range(ports, port, size);
    if (range && range->ops->write_block) {
        trace(IO, "out %04x size %u, %u times (%s)", port, size, count, range->name);
        range->ops->write_block(range->opaque, port - range->base, size, data, count);
        return;
    }
    for (const u8 *from = data; count; count--, from += size) {
        u32 value = 0;
        memcpy(&value, from, size);
        ioports_write(ports, port, value, size);
    }
}

/* For people. */

static int compare_bases(const void *a, const void *b)
{
    const struct port_range *x = *(struct port_range *const *)a, *y = *(struct port_range *const *)b;
    return x->base != y->base ? (x->base > y->base) - (x->base < y->base)
                              : (x->count > y->count) - (x->count < y->count);
}

void ioports_each(struct ioports *ports, void (*show)(void *opaque, const struct port_range *range), void *opaque)
{
    size_t count = 0;
    for (struct port_range *range = ports->first; range; range = range->next)
        count++;
    struct port_range **sorted = malloc(sizeof(sorted[0]) * (count + 1));
    if (!sorted)
        return;
    count = 0;
    for (struct port_range *range = ports->first; range; range = range->next)
        sorted[count++] = range;
    qsort(sorted, count, sizeof(sorted[0]), compare_bases);
    for (size_t i = 0; i < count; i++)
        show(opaque, sorted[i]);
    free(sorted);
}
