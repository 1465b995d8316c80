/*
 * The physical memory map: a list of regions, and the flat, sorted view of it that accesses are looked up in.
 *
 * The view is found by binary search behind a last-hit slot.  Lookups take no lock: the map only changes while no vCPU
 * is inside guest code (memory.h).
 */
#include "machine/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "machine/trace.h"

#define PAGE_SHIFT    12
#define ADDRESS_LIMIT (1ull << 52) /* SDM vol. 3A, "Physical Address Space": the architecture's most */

/* What an engine caches of a range's region, to see whether a rebuild changed anything. */
struct shape {
    u8 *host;
    enum region_kind kind;
    bool log_dirty, late_writes;
};

struct view {
    struct range *ranges;
    struct shape *shapes; /* one a range */
    size_t count, capacity;
};

struct memory {
    struct region *first; /* the latest addition first */
    struct memory_listener *listeners;
    struct view view, spare; /* the one in force, and the one being built */
    u64 *borders;            /* scratch of rebuild */
    size_t border_capacity;
    size_t last_hit;
    int nesting;
    bool settling;
};

struct memory *memory_create(void)
{
    return calloc(1, sizeof(struct memory));
}

void memory_destroy(struct memory *memory)
{
    if (!memory)
        return;
    free(memory->view.ranges);
    free(memory->view.shapes);
    free(memory->spare.ranges);
    free(memory->spare.shapes);
    free(memory->borders);
    free(memory);
}

/* The flat view. */

static u64 region_start(const struct region *region)
{
    return MIN(region->base, ADDRESS_LIMIT);
}

static u64 region_end(const struct region *region)
{
    u64 start = region_start(region);
    return start + MIN(region->size, ADDRESS_LIMIT - start);
}

static int compare_borders(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return (x > y) - (x < y);
}

/* All starts and ends of enabled regions, ascending, each once. */
static size_t collect_borders(struct memory *memory)
{
    size_t count = 0, unique = 0;
    for (struct region *region = memory->first; region; region = region->next) {
        if (!region->enabled)
            continue;
        if (count + 2 > memory->border_capacity) {
            memory->border_capacity = memory->border_capacity ? memory->border_capacity * 2 : 64;
            memory->borders = realloc(memory->borders, sizeof(u64) * memory->border_capacity);
            assert(memory->borders);
        }
        memory->borders[count++] = region_start(region);
        memory->borders[count++] = region_end(region);
    }
    if (count)
        qsort(memory->borders, count, sizeof(u64), compare_borders);
    for (size_t i = 0; i < count; i++)
        if (!unique || memory->borders[unique - 1] != memory->borders[i])
            memory->borders[unique++] = memory->borders[i];
    return unique;
}

static struct region *topmost(struct memory *memory, u64 start)
{
    struct region *best = NULL;
    for (struct region *region = memory->first; region; region = region->next)
        if (region->enabled && start >= region_start(region) && start < region_end(region) &&
            (!best || region->priority > best->priority))
            best = region;
    return best;
}

static void append(struct view *view, struct region *region, u64 start, u64 end)
{
    if (view->count) {
        struct range *last = &view->ranges[view->count - 1];
        if (last->region == region && last->end == start) {
            last->end = end;
            return;
        }
    }
    if (view->count == view->capacity) {
        view->capacity = view->capacity ? view->capacity * 2 : 64;
        view->ranges = realloc(view->ranges, sizeof(view->ranges[0]) * view->capacity);
        view->shapes = realloc(view->shapes, sizeof(view->shapes[0]) * view->capacity);
        assert(view->ranges && view->shapes);
    }
    view->ranges[view->count] = (struct range){start, end, region, start - region->base};
    view->shapes[view->count++] = (struct shape){region->host, region->kind, region->log_dirty, region->late_writes};
}

static bool same_view(const struct view *a, const struct view *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct range *r = &a->ranges[i], *s = &b->ranges[i];
        const struct shape *t = &a->shapes[i], *u = &b->shapes[i];
        if (r->start != s->start || r->end != s->end || r->region != s->region || r->offset != s->offset ||
            t->host != u->host || t->kind != u->kind || t->log_dirty != u->log_dirty ||
            t->late_writes != u->late_writes)
            return false;
    }
    return true;
}

static void rebuild(struct memory *memory)
{
    size_t borders = collect_borders(memory);
    struct view *next = &memory->spare;
    next->count = 0;
    for (size_t i = 0; i + 1 < borders; i++) {
        struct region *region = topmost(memory, memory->borders[i]);
        if (region)
            append(next, region, memory->borders[i], memory->borders[i + 1]);
    }
    if (same_view(&memory->view, next))
        return;
    struct view old = memory->view;
    memory->view = *next;
    memory->spare = old;
    for (struct memory_listener *listener = memory->listeners; listener; listener = listener->next)
        if (listener->map_changed)
            listener->map_changed(listener->opaque);
}

/* Changes. */

void memory_begin(struct memory *memory)
{
    memory->nesting++;
}

/* The outermost commit always looks: owners may have changed kind, host or priority in place. */
void memory_commit(struct memory *memory)
{
    assert(memory->nesting > 0);
    if (--memory->nesting == 0)
        rebuild(memory);
}

static void changed(struct memory *memory)
{
    if (!memory->nesting)
        rebuild(memory);
}

static bool is_linked(struct memory *memory, const struct region *region)
{
    for (struct region *r = memory->first; r; r = r->next)
        if (r == region)
            return true;
    return false;
}

void memory_add(struct memory *memory, struct region *region)
{
    if (!is_linked(memory, region)) { /* a BAR may have been added by its owner already */
        region->next = memory->first;
        memory->first = region;
    }
    changed(memory);
}

void memory_remove(struct memory *memory, struct region *region)
{
    for (struct region **link = &memory->first; *link; link = &(*link)->next) {
        if (*link == region) {
            *link = region->next;
            region->next = NULL;
            changed(memory);
            return;
        }
    }
}

void memory_move(struct memory *memory, struct region *region, u64 base)
{
    if (region->base == base)
        return;
    region->base = base;
    changed(memory);
}

void memory_enable(struct memory *memory, struct region *region, bool enabled)
{
    if (region->enabled == enabled)
        return;
    region->enabled = enabled;
    changed(memory);
}

void memory_listen(struct memory *memory, struct memory_listener *listener)
{
    listener->next = memory->listeners;
    memory->listeners = listener;
}

void memory_unlisten(struct memory *memory, struct memory_listener *listener)
{
    struct memory_listener **link = &memory->listeners;
    while (*link && *link != listener)
        link = &(*link)->next;
    if (*link)
        *link = listener->next;
}

/* Lookup. */

/* Index of the first range that ends above phys; view.count if none does. */
static size_t first_above(const struct memory *memory, u64 phys)
{
    size_t low = 0, high = memory->view.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memory->view.ranges[middle].end > phys)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool holds(const struct range *range, u64 phys)
{
    return phys >= range->start && phys < range->end;
}

const struct range *memory_find(struct memory *memory, u64 phys)
{
    size_t hit = __atomic_load_n(&memory->last_hit, __ATOMIC_RELAXED); /* any vCPU thread may look */
    if (hit < memory->view.count && holds(&memory->view.ranges[hit], phys))
        return &memory->view.ranges[hit];
    hit = first_above(memory, phys);
    if (hit == memory->view.count || !holds(&memory->view.ranges[hit], phys))
        return NULL;
    __atomic_store_n(&memory->last_hit, hit, __ATOMIC_RELAXED);
    return &memory->view.ranges[hit];
}

const struct range *memory_ranges(struct memory *memory, size_t *count)
{
    *count = memory->view.count;
    return memory->view.ranges;
}

/* Register access.  Chips see aligned accesses of sizes that they declare. */

static u64 low_bytes(u64 value, unsigned count)
{
    return count >= 8 ? value : value & ((1ull << (count * 8)) - 1);
}

static unsigned smallest(const struct bus_ops *ops)
{
    return ops && ops->min_size ? ops->min_size : 1;
}

static unsigned largest(const struct bus_ops *ops)
{
    return ops && ops->max_size ? ops->max_size : 4;
}

/* One bus cycle of a longer access: `count` bytes at `offset`, carried by an access of `size` at `aligned`. */
struct cycle {
    u64 aligned;
    unsigned size, skip, count;
};

static struct cycle next_cycle(const struct bus_ops *ops, u64 offset, u64 left)
{
    unsigned size = largest(ops), least = smallest(ops);
    while (size > least && (size > left || (offset & (size - 1))))
        size /= 2;
    struct cycle cycle = {.aligned = offset & ~(u64)(size - 1), .size = size};
    cycle.skip = offset - cycle.aligned;
    cycle.count = MIN(left, size - cycle.skip);
    return cycle;
}

/* A chip whose window is no multiple of its smallest size is not called for the remainder. */
static bool fits(const struct region *region, const struct cycle *cycle)
{
    return cycle->aligned + cycle->size <= region->size;
}

static u64 mmio_read(const struct region *region, const struct cycle *cycle)
{
    u64 value = UINT64_MAX;
    if (region->ops && region->ops->read && fits(region, cycle))
        value = region->ops->read(region->opaque, cycle->aligned, cycle->size);
    trace(MMIO, "read %s+%llx size %u = %llx", region->name, (unsigned long long)cycle->aligned, cycle->size,
          (unsigned long long)low_bytes(value, cycle->size));
    return low_bytes(value >> (cycle->skip * 8), cycle->count);
}

/* A write that is widened carries zeros in the other lanes: reading them first could have side effects. */
static void mmio_write(const struct region *region, const struct cycle *cycle, u64 value)
{
    value = low_bytes(value, cycle->count) << (cycle->skip * 8);
    trace(MMIO, "write %s+%llx size %u = %llx", region->name, (unsigned long long)cycle->aligned, cycle->size,
          (unsigned long long)value);
    if (region->ops && region->ops->write && fits(region, cycle))
        region->ops->write(region->opaque, cycle->aligned, value, cycle->size);
}

static bool is_host_readable(const struct region *region)
{
    return region->kind != REGION_MMIO && region->host;
}

/* Writes. */

/* Tells the engines under every address at which the memory is visible: they know code by its physical address. */
static void report_code(struct memory *memory, const u8 *host, u64 length)
{
    for (size_t i = 0; i < memory->view.count; i++) {
        const struct range *range = &memory->view.ranges[i];
        if (!is_host_readable(range->region))
            continue;
        uintptr_t from = (uintptr_t)range->region->host + range->offset, to = from + (range->end - range->start);
        uintptr_t first = MAX((uintptr_t)host, from), last = MIN((uintptr_t)host + length, to);
        if (first >= last)
            continue;
        for (struct memory_listener *listener = memory->listeners; listener; listener = listener->next)
            if (listener->code_written)
                listener->code_written(listener->opaque, range->start + (first - from), last - first);
    }
}

static void report_write(struct memory *memory, const u8 *host, u64 length)
{
    for (struct memory_listener *listener = memory->listeners; listener; listener = listener->next)
        if (listener->written)
            listener->written(listener->opaque, host, length);
}

static void mark_written(struct memory *memory, const struct region *region, u64 offset, u64 length)
{
    const u8 dirty = PAGE_DIRTY_VGA | PAGE_DIRTY_SAVE;
    bool code = false;
    if (!region->page_flags)
        return;
    for (u64 page = offset >> PAGE_SHIFT; page <= (offset + length - 1) >> PAGE_SHIFT; page++) {
        u8 flags = __atomic_load_n(&region->page_flags[page], __ATOMIC_RELAXED);
        if ((flags & dirty) != dirty)
            __atomic_fetch_or(&region->page_flags[page], dirty, __ATOMIC_RELAXED);
        code |= flags & PAGE_CODE;
    }
    if (code)
        report_code(memory, region->host + offset, length);
}

static void ram_write(struct memory *memory, const struct region *region, u64 offset, const void *data, u64 length)
{
    memcpy(region->host + offset, data, length);
    mark_written(memory, region, offset, length);
    report_write(memory, region->host + offset, length);
}

static void drop_write(u64 phys, u64 length, const char *where)
{
    trace(UNASSIGNED, "write of %llu bytes at %llx dropped (%s)", (unsigned long long)length, (unsigned long long)phys,
          where);
}

/* Any length, any alignment. */

/* Bytes from phys to where the answer may change, at most length. */
static u64 run_length(const struct memory *memory, const struct range *range, u64 phys, u64 length)
{
    if (range)
        return MIN(length, range->end - phys);
    size_t next = first_above(memory, phys);
    return next < memory->view.count ? MIN(length, memory->view.ranges[next].start - phys) : length;
}

static void read_registers(const struct region *region, u64 offset, u8 *data, u64 length)
{
    while (length) {
        struct cycle cycle = next_cycle(region->ops, offset, length);
        u64 value = mmio_read(region, &cycle);
        memcpy(data, &value, cycle.count);
        data += cycle.count;
        offset += cycle.count;
        length -= cycle.count;
    }
}

static void write_registers(const struct region *region, u64 offset, const u8 *data, u64 length)
{
    while (length) {
        struct cycle cycle = next_cycle(region->ops, offset, length);
        u64 value = 0;
        memcpy(&value, data, cycle.count);
        mmio_write(region, &cycle, value);
        data += cycle.count;
        offset += cycle.count;
        length -= cycle.count;
    }
}

void memory_settle(struct memory *memory)
{
    if (memory->settling) /* these very writes come by here */
        return;
    memory->settling = true;
    for (struct memory_listener *listener = memory->listeners; listener; listener = listener->next)
        if (listener->settle)
            listener->settle(listener->opaque);
    memory->settling = false;
}

/* A range is copied: a register access may change the map under us. */
void memory_read(struct memory *memory, u64 phys, void *data, u64 length)
{
    u8 *to = data;
    while (length) {
        const struct range *found = memory_find(memory, phys);
        u64 run = run_length(memory, found, phys, length);
        if (!found) {
            trace(UNASSIGNED, "read of %llu bytes at %llx", (unsigned long long)run, (unsigned long long)phys);
            memset(to, 0xff, run);
        } else {
            struct range range = *found;
            u64 offset = phys - range.start + range.offset;
            if (range.region->late_writes)
                memory_settle(memory);
            if (is_host_readable(range.region))
                memcpy(to, range.region->host + offset, run);
            else
                read_registers(range.region, offset, to, run);
        }
        to += run;
        phys += run;
        length -= run;
    }
}

void memory_write(struct memory *memory, u64 phys, const void *data, u64 length)
{
    const u8 *from = data;
    while (length) {
        const struct range *found = memory_find(memory, phys);
        u64 run = run_length(memory, found, phys, length);
        if (!found) {
            drop_write(phys, run, "nothing there");
        } else {
            struct range range = *found;
            u64 offset = phys - range.start + range.offset;
            if (range.region->late_writes)
                memory_settle(memory);
            if (range.region->kind == REGION_RAM)
                ram_write(memory, range.region, offset, from, run);
            else if (range.region->kind == REGION_ROM)
                drop_write(phys, run, range.region->name);
            else
                write_registers(range.region, offset, from, run);
        }
        from += run;
        phys += run;
        length -= run;
    }
}

/* One access; hosts are little endian, as guests are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they lie in memory");

u64 memory_load(struct memory *memory, u64 phys, unsigned size)
{
    u64 value = 0;
    memory_read(memory, phys, &value, MIN(size, 8u));
    return value;
}

void memory_store(struct memory *memory, u64 phys, u64 value, unsigned size)
{
    memory_write(memory, phys, &value, MIN(size, 8u));
}

/* Host memory. */

static u64 host_memory(void)
{
    struct sysinfo info;
    if (sysinfo(&info) < 0)
        return UINT64_MAX;
    return ((u64)info.totalram + info.totalswap) * info.mem_unit;
}

static void *map_memfd(u64 size)
{
    void *host = MAP_FAILED;
    int fd = memfd_create("clutch", MFD_CLOEXEC);
    if (fd < 0)
        return host;
    if (ftruncate(fd, (off_t)size) == 0)
        host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    close(fd);
    return host;
}

u8 *memory_alloc(u64 size)
{
    if (!size || size > host_memory() || size != (size_t)size)
        return NULL;
    void *host = map_memfd(size);
    if (host == MAP_FAILED)
        host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED)
        return NULL;
    madvise(host, size, MADV_HUGEPAGE); /* only a wish */
    return host;
}

void memory_free(u8 *host, u64 size)
{
    if (host)
        munmap(host, size);
}
