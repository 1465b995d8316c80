/*
 * Lockstep's two buses: A's, which notes what A does to the outside and to RAM, and the shadow board, on which B finds RAM
 * of its own and hears from everything else what A heard.
 *
 * Frame buffers, which chips change by themselves, count as the outside.  Writes by chips to RAM (DMA) reach B's copy at
 * the end of the step during which they happen.
 */
#include "accel/lockstep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/cpubus.h"

#define PAGE 0x1000u
#define PHYSICAL_END (1ull << 52)

/* --- the tape ---------------------------------------------------------------------------------------------------- */

static void record(struct lockstep *ls, enum lockstep_kind kind, u64 address, u64 value, unsigned size)
{
    if (ls->event_count == ls->event_room) {
        size_t room = ls->event_room ? ls->event_room * 2 : 256;
        struct lockstep_event *events = realloc(ls->events, room * sizeof(*events));
        if (!events) {
            snprintf(ls->problem, sizeof(ls->problem), "out of memory for A's accesses");
            return;
        }
        ls->events = events;
        ls->event_room = room;
    }
    ls->events[ls->event_count++] = (struct lockstep_event){kind, size, 0, address, value};
    ls->accesses++;
}

static void object(struct lockstep *ls, enum lockstep_kind kind, u64 address, unsigned size)
{
    const struct lockstep_event *event = ls->next_event < ls->event_count ? &ls->events[ls->next_event] : NULL;
    int at;
    if (ls->problem[0])
        return;
    at = snprintf(ls->problem, sizeof(ls->problem), "B: %s of %u bytes at %llx; A: ", lockstep_kind_name(kind), size,
                  (unsigned long long)address);
    if (event)
        snprintf(ls->problem + at, sizeof(ls->problem) - at, "%s of %u bytes at %llx, value %llx",
                 lockstep_kind_name(event->kind), event->size, (unsigned long long)event->address,
                 (unsigned long long)event->value);
    else
        snprintf(ls->problem + at, sizeof(ls->problem) - at, "nothing more");
}

/* The next byte of an access that B makes; -1 if A did not make it. */
static int next_byte(struct lockstep *ls, enum lockstep_kind kind, u64 address)
{
    struct lockstep_event *event = ls->next_event < ls->event_count ? &ls->events[ls->next_event] : NULL;
    if (!event || event->kind != kind || event->address + event->done != address)
        return -1;
    u8 byte = event->value >> event->done * 8;
    if (++event->done == event->size)
        ls->next_event++;
    return byte;
}

static u64 replay_read(struct lockstep *ls, enum lockstep_kind kind, u64 address, unsigned size)
{
    u64 value = 0;
    for (unsigned i = 0; i < size; i++) {
        int byte = next_byte(ls, kind, address + i);
        if (byte < 0) {
            object(ls, kind, address, size);
            return ~0ull;
        }
        value |= (u64)byte << i * 8;
    }
    return value;
}

static void replay_write(struct lockstep *ls, enum lockstep_kind kind, u64 address, u64 value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        if (next_byte(ls, kind, address + i) != (u8)(value >> i * 8)) {
            object(ls, kind, address, size);
            return;
        }
}

/* Events that are taken whole. */
static u64 replay_value(struct lockstep *ls, enum lockstep_kind kind, u64 address, u64 otherwise)
{
    struct lockstep_event *event = ls->next_event < ls->event_count ? &ls->events[ls->next_event] : NULL;
    if (!event || event->kind != kind || (kind >= LOCKSTEP_APIC_READ && event->address != address)) {
        object(ls, kind, address, 8);
        return otherwise;
    }
    ls->next_event++;
    return event->value;
}

/* --- A's bus ----------------------------------------------------------------------------------------------------- */

static struct lockstep_copy *find_copy(struct lockstep *ls, const u8 *host)
{
    for (unsigned i = 0; i < ls->copy_count; i++)
        if (host >= ls->copies[i].host && host < ls->copies[i].host + ls->copies[i].size)
            return &ls->copies[i];
    return NULL;
}

static bool changes_by_itself(const struct region *region)
{
    return region->log_dirty || region->chip_writes;
}

/* Guest memory that B has, too: RAM with a copy (writable), or ROM. */
static u8 *shared_memory(struct lockstep *ls, u64 phys, bool *writable)
{
    const struct range *range = memory_find(ls->machine->memory, phys);
    if (!range || (range->region->kind != REGION_RAM && range->region->kind != REGION_ROM) || !range->region->host ||
        changes_by_itself(range->region))
        return NULL;
    u64 page = phys & ~(u64)(PAGE - 1);
    if (page < range->start || range->end - page < PAGE)
        return NULL;
    u8 *host = range->region->host + (phys - range->start) + range->offset;
    *writable = range->region->kind == REGION_RAM && range->region->page_flags;
    return *writable && !find_copy(ls, host) ? NULL : host;
}

static void a_page(void *board, u64 phys, struct cpu_page *page)
{
    struct lockstep *ls = board;
    bool writable;
    ls->own_bus->page(ls->machine, phys, page);
    if (page->host && !shared_memory(ls, phys & ~(u64)(PAGE - 1), &writable))
        *page = (struct cpu_page){0};
    page->writable = false;
}

static u64 a_read(void *board, u64 phys, unsigned size)
{
    struct lockstep *ls = board;
    bool writable;
    u64 value = ls->own_bus->read(ls->machine, phys, size);
    if (!shared_memory(ls, phys, &writable)) {
        record(ls, LOCKSTEP_READ, phys, value, size);
        ls->touched = true;
    }
    return value;
}

static void note_store(struct lockstep *ls, u64 phys, unsigned size)
{
    if (ls->store_count == ls->store_room) {
        size_t room = ls->store_room ? ls->store_room * 2 : 256;
        struct lockstep_store *stores = realloc(ls->stores, room * sizeof(*stores));
        if (!stores) {
            snprintf(ls->problem, sizeof(ls->problem), "out of memory for A's stores");
            return;
        }
        ls->stores = stores;
        ls->store_room = room;
    }
    ls->stores[ls->store_count++] = (struct lockstep_store){phys, size};
}

/* REP MOVS stores thousands of bytes one after another: one entry. */
static void join_store(struct lockstep *ls, u64 phys, unsigned size)
{
    struct lockstep_store *last = ls->store_count ? &ls->stores[ls->store_count - 1] : NULL;
    if (last && last->phys + last->size == phys && (phys & (PAGE - 1)))
        last->size += size;
    else
        note_store(ls, phys, size);
}

static void a_write(void *board, u64 phys, u64 value, unsigned size)
{
    struct lockstep *ls = board;
    bool writable = false;
    if (!shared_memory(ls, phys, &writable)) {
        record(ls, LOCKSTEP_WRITE, phys, value, size);
        ls->touched = true;
        ls->own_bus->write(ls->machine, phys, value, size);
    } else if (writable) {
        join_store(ls, phys, size);
        machine_lock(ls->machine);
        ls->own_store = true;
        memory_store(ls->machine->memory, phys, value, size);
        ls->own_store = false;
        machine_unlock(ls->machine);
    } else {
        ls->own_bus->write(ls->machine, phys, value, size); /* ROM */
    }
}

static u32 a_in(void *board, u16 port, unsigned size)
{
    struct lockstep *ls = board;
    u32 value = ls->own_bus->in(ls->machine, port, size);
    record(ls, LOCKSTEP_PORT_READ, port, value, size);
    ls->touched = true;
    return value;
}

static void a_out(void *board, u16 port, u32 value, unsigned size)
{
    struct lockstep *ls = board;
    record(ls, LOCKSTEP_PORT_WRITE, port, value, size);
    ls->touched = true;
    ls->own_bus->out(ls->machine, port, value, size);
}

static void record_block(struct lockstep *ls, enum lockstep_kind kind, u16 port, unsigned size, const void *data,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        u32 value = 0;
        memcpy(&value, (const u8 *)data + i * size, MIN(size, 4u));
        record(ls, kind, port, value, size);
    }
    ls->touched = true;
}

static void a_in_block(void *board, u16 port, unsigned size, void *data, unsigned count)
{
    struct lockstep *ls = board;
    ls->own_bus->in_block(ls->machine, port, size, data, count);
    record_block(ls, LOCKSTEP_PORT_READ, port, size, data, count);
}

static void a_out_block(void *board, u16 port, unsigned size, const void *data, unsigned count)
{
    struct lockstep *ls = board;
    record_block(ls, LOCKSTEP_PORT_WRITE, port, size, data, count);
    ls->own_bus->out_block(ls->machine, port, size, data, count);
}

static int a_acknowledge(void *board)
{
    struct lockstep *ls = board;
    int vector = ls->own_bus->acknowledge(ls->machine);
    record(ls, LOCKSTEP_ACKNOWLEDGE, cpu_instructions(ls->a->cpu) - ls->began, (u64)(i64)vector, 0);
    return vector;
}

static u64 a_tsc(void *board)
{
    struct lockstep *ls = board;
    u64 value = ls->own_bus->tsc(ls->machine);
    record(ls, LOCKSTEP_TSC, 0, value, 0);
    return value;
}

static int a_signal(void *board, enum cpu_signal signal, int value)
{
    struct lockstep *ls = board;
    int answer = ls->own_bus->signal(ls->machine, signal, value);
    if (signal == CPU_SIGNAL_IGNNE_QUERY)
        record(ls, LOCKSTEP_IGNNE, 0, (u64)answer, 0);
    ls->touched |= signal == CPU_SIGNAL_FERR;
    return answer;
}

static void a_code_written(void *board, u64 phys, unsigned length)
{
    struct lockstep *ls = board;
    if (ls->own_bus->code_written)
        ls->own_bus->code_written(ls->machine, phys, length);
}

static u64 a_apic_read(void *board, enum cpu_apic reg)
{
    struct lockstep *ls = board;
    u64 value = ls->own_bus->apic_read(ls->machine, reg);
    record(ls, LOCKSTEP_APIC_READ, reg, value, 0);
    return value;
}

static void a_apic_write(void *board, enum cpu_apic reg, u64 value)
{
    struct lockstep *ls = board;
    record(ls, LOCKSTEP_APIC_WRITE, reg, value, 0);
    ls->touched = true;
    ls->own_bus->apic_write(ls->machine, reg, value);
}

static const struct cpu_bus a_bus = {
    .page = a_page,
    .read = a_read,
    .write = a_write,
    .in = a_in,
    .out = a_out,
    .in_block = a_in_block,
    .out_block = a_out_block,
    .acknowledge = a_acknowledge,
    .tsc = a_tsc,
    .signal = a_signal,
    .code_written = a_code_written,
    .apic_read = a_apic_read,
    .apic_write = a_apic_write,
};

/* --- B's bus ----------------------------------------------------------------------------------------------------- */

static struct machine *shadow(void *board)
{
    return ((struct lockstep *)board)->shadow;
}

static void b_page(void *board, u64 phys, struct cpu_page *page)
{
    machine_cpu_bus.page(shadow(board), phys, page);
}
static u64 b_read(void *board, u64 phys, unsigned size)
{
    return machine_cpu_bus.read(shadow(board), phys, size);
}
static void b_write(void *board, u64 phys, u64 value, unsigned size)
{
    machine_cpu_bus.write(shadow(board), phys, value, size);
}
static u32 b_in(void *board, u16 port, unsigned size)
{
    return machine_cpu_bus.in(shadow(board), port, size);
}
static void b_out(void *board, u16 port, u32 value, unsigned size)
{
    machine_cpu_bus.out(shadow(board), port, value, size);
}
static void b_in_block(void *board, u16 port, unsigned size, void *data, unsigned count)
{
    machine_cpu_bus.in_block(shadow(board), port, size, data, count);
}
static void b_out_block(void *board, u16 port, unsigned size, const void *data, unsigned count)
{
    machine_cpu_bus.out_block(shadow(board), port, size, data, count);
}

static int b_acknowledge(void *board)
{
    struct lockstep *ls = board;
    cpu_set_intr(ls->b.cpu, false);
    return (int)(i64)replay_value(ls, LOCKSTEP_ACKNOWLEDGE, 0, ~0ull);
}

static u64 b_tsc(void *board)
{
    return replay_value(board, LOCKSTEP_TSC, 0, 0);
}

static int b_signal(void *board, enum cpu_signal signal, int value)
{
    return signal == CPU_SIGNAL_IGNNE_QUERY ? (int)replay_value(board, LOCKSTEP_IGNNE, 0, 0) : 0;
}

static u64 b_apic_read(void *board, enum cpu_apic reg)
{
    return replay_value(board, LOCKSTEP_APIC_READ, reg, 0);
}

static void b_apic_write(void *board, enum cpu_apic reg, u64 value)
{
    struct lockstep *ls = board;
    size_t at = ls->next_event;
    if (replay_value(ls, LOCKSTEP_APIC_WRITE, reg, 0) != value && !ls->problem[0]) {
        ls->next_event = at;
        object(ls, LOCKSTEP_APIC_WRITE, reg, 8);
    }
}

static const struct cpu_bus b_bus = {
    .page = b_page,
    .read = b_read,
    .write = b_write,
    .in = b_in,
    .out = b_out,
    .in_block = b_in_block,
    .out_block = b_out_block,
    .acknowledge = b_acknowledge,
    .tsc = b_tsc,
    .signal = b_signal,
    .apic_read = b_apic_read,
    .apic_write = b_apic_write,
};

/* --- the shadow board -------------------------------------------------------------------------------------------- */

static u64 read_outside(void *opaque, u64 offset, unsigned size)
{
    return replay_read(opaque, LOCKSTEP_READ, offset, size);
}
static void write_outside(void *opaque, u64 offset, u64 value, unsigned size)
{
    replay_write(opaque, LOCKSTEP_WRITE, offset, value, size);
}
static const struct bus_ops outside_ops = {.read = read_outside, .write = write_outside, .min_size = 1, .max_size = 8};

/* Elements of a port of several bytes all come from that port; the bytes of one stand for ports behind one another. */
static u64 read_port(void *opaque, u64 port, unsigned size)
{
    return replay_read(opaque, LOCKSTEP_PORT_READ, port, size);
}
static void write_port(void *opaque, u64 port, u64 value, unsigned size)
{
    replay_write(opaque, LOCKSTEP_PORT_WRITE, port, value, size);
}
static const struct bus_ops port_ops = {.read = read_port, .write = write_port, .min_size = 1, .max_size = 4};

static void map_changed(void *opaque)
{
    struct lockstep *ls = opaque;
    ls->map_stale = true;
}

static void written(void *opaque, const u8 *host, u64 length)
{
    struct lockstep *ls = opaque;
    struct lockstep_mirror *last = ls->mirror_count ? &ls->mirrors[ls->mirror_count - 1] : NULL;
    if (!ls->attached || ls->own_store || !find_copy(ls, host))
        return;
    if (last && last->host + last->length == host)
        last->length += length;
    else if (ls->mirror_count == LOCKSTEP_MIRRORS)
        ls->mirror_all = true;
    else
        ls->mirrors[ls->mirror_count++] = (struct lockstep_mirror){host, length};
}

int lockstep_build_shadow(struct lockstep *ls, struct error *err)
{
    ls->shadow = machine_create(err);
    if (!ls->shadow)
        return -ENOMEM;
    ls->own_bus = ls->a->cpu->bus;
    ls->a_bus = a_bus;
    ls->b_bus = b_bus;
    if (!ls->own_bus->apic_read)
        ls->a_bus.apic_read = ls->b_bus.apic_read = NULL;
    if (!ls->own_bus->apic_write)
        ls->a_bus.apic_write = ls->b_bus.apic_write = NULL;
    ls->shadow->tsc = ls->machine->tsc;
    ls->catch_all = (struct region){.name = "outside",
                                    .kind = REGION_MMIO,
                                    .size = PHYSICAL_END,
                                    .priority = -1,
                                    .enabled = true,
                                    .ops = &outside_ops,
                                    .opaque = ls};
    ls->ports = (struct port_range){.name = "outside", .count = 0x10000, .ops = &port_ops, .opaque = ls};
    memory_add(ls->shadow->memory, &ls->catch_all);
    ioports_add(ls->shadow->ports, &ls->ports);
    ls->listener = (struct memory_listener){.map_changed = map_changed, .written = written, .opaque = ls};
    memory_listen(ls->machine->memory, &ls->listener);
    ls->map_stale = true;
    return 0;
}

void lockstep_free_shadow(struct lockstep *ls)
{
    memory_unlisten(ls->machine->memory, &ls->listener);
    machine_destroy(ls->shadow);
    for (unsigned i = 0; i < ls->copy_count; i++) {
        memory_free(ls->copies[i].copy, ls->copies[i].size);
        free(ls->copies[i].flags);
    }
}

void lockstep_attach_bus(struct lockstep *ls)
{
    ls->a->cpu->bus = &ls->a_bus;
    ls->a->cpu->board = ls;
    cpu_map_changed(ls->a->cpu);
}

void lockstep_detach_bus(struct lockstep *ls)
{
    ls->a->cpu->bus = ls->own_bus;
    ls->a->cpu->board = ls->machine;
    cpu_map_changed(ls->a->cpu);
}

/* A copy of the memory that a region shows, unless there is one or no room. */
static struct lockstep_copy *need_copy(struct lockstep *ls, const struct range *range)
{
    const struct region *region = range->region;
    u8 *host = region->host + range->offset;
    struct lockstep_copy *found = find_copy(ls, host);
    if (found || ls->copy_count == LOCKSTEP_COPIES)
        return found;
    struct machine *machine = ls->machine;
    bool is_ram = machine->ram && host >= machine->ram && host < machine->ram + machine->ram_size;
    struct lockstep_copy copy = {.host = is_ram ? machine->ram : region->host,
                                 .size = is_ram ? machine->ram_size : region->size};
    copy.copy = memory_alloc(copy.size);
    copy.flags = calloc(copy.size / PAGE + 1, 1);
    if (!copy.copy || !copy.flags)
        return NULL;
    memcpy(copy.copy, copy.host, copy.size);
    ls->copies[ls->copy_count] = copy;
    return &ls->copies[ls->copy_count++];
}

static void add_region(struct lockstep *ls, const struct range *range)
{
    const struct region *region = range->region;
    u64 start = (range->start + PAGE - 1) & ~(u64)(PAGE - 1), end = range->end & ~(u64)(PAGE - 1);
    if ((region->kind != REGION_RAM && region->kind != REGION_ROM) || !region->host ||
        changes_by_itself(region) || start >= end || ls->region_count == LOCKSTEP_REGIONS)
        return;
    struct region *mine = &ls->regions[ls->region_count];
    u8 *host = region->host + range->offset + (start - range->start);
    *mine = (struct region){.name = region->name,
                            .kind = region->kind,
                            .base = start,
                            .size = end - start,
                            .enabled = true,
                            .host = host,
                            .ops = &outside_ops,
                            .opaque = ls};
    if (region->kind == REGION_RAM) {
        struct lockstep_copy *copy = region->page_flags ? need_copy(ls, range) : NULL;
        if (!copy)
            return;
        mine->host = copy->copy + (host - copy->host);
        mine->page_flags = copy->flags + (host - copy->host) / PAGE;
    }
    ls->region_count++;
    memory_add(ls->shadow->memory, mine);
}

void lockstep_sync_map(struct lockstep *ls)
{
    size_t count;
    machine_lock(ls->machine);
    machine_lock(ls->shadow);
    if (ls->map_stale) {
        ls->map_stale = false;
        memory_begin(ls->shadow->memory);
        while (ls->region_count)
            memory_remove(ls->shadow->memory, &ls->regions[--ls->region_count]);
        const struct range *ranges = memory_ranges(ls->machine->memory, &count);
        for (size_t i = 0; i < count; i++)
            add_region(ls, &ranges[i]);
        memory_commit(ls->shadow->memory);
        ls->second->map_changed(&ls->b);
        cpu_map_changed(ls->a->cpu);
    }
    machine_unlock(ls->shadow);
    machine_unlock(ls->machine);
}

/* --- moving memory ----------------------------------------------------------------------------------------------- */

u8 *lockstep_b_memory(struct lockstep *ls, const u8 *a_host)
{
    const struct lockstep_copy *copy = find_copy(ls, a_host);
    return copy ? copy->copy + (a_host - copy->host) : NULL;
}

u8 *lockstep_a_memory(struct lockstep *ls, u64 phys)
{
    bool writable = false;
    u8 *host = shared_memory(ls, phys, &writable);
    return writable ? host : NULL;
}

void lockstep_copy_memory(struct lockstep *ls)
{
    for (unsigned i = 0; i < ls->copy_count; i++)
        if (memcmp(ls->copies[i].copy, ls->copies[i].host, ls->copies[i].size) != 0)
            memcpy(ls->copies[i].copy, ls->copies[i].host, ls->copies[i].size);
    cpu_map_changed(ls->b.cpu); /* and the code decoded from it */
}

/* B's decoded code follows by physical address: RAM is where machine->ram says for all but a few pages. */
static void copy_bytes(struct lockstep *ls, const u8 *host, u64 length)
{
    const struct lockstep_copy *copy = find_copy(ls, host);
    if (!copy)
        return;
    u64 offset = (u64)(host - copy->host);
    length = MIN(length, copy->size - offset);
    memcpy(copy->copy + offset, host, length);
    for (u64 page = offset / PAGE; page <= (offset + length - 1) / PAGE; page++)
        if (copy->flags[page] & PAGE_CODE) {
            cpu_map_changed(ls->b.cpu);
            return;
        }
}

void lockstep_apply_mirrors(struct lockstep *ls)
{
    machine_lock(ls->machine);
    if (ls->mirror_all)
        lockstep_copy_memory(ls);
    for (unsigned i = 0; i < ls->mirror_count; i++)
        copy_bytes(ls, ls->mirrors[i].host, ls->mirrors[i].length);
    ls->mirror_count = 0;
    ls->mirror_all = false;
    machine_unlock(ls->machine);
}

void lockstep_apply_stores(struct lockstep *ls)
{
    for (size_t i = 0; i < ls->store_count; i++) {
        u8 *host = lockstep_a_memory(ls, ls->stores[i].phys);
        if (host)
            copy_bytes(ls, host, ls->stores[i].size);
    }
}

bool lockstep_overlaps_mirror(struct lockstep *ls, const u8 *host, u64 size)
{
    bool overlaps = ls->mirror_all;
    for (unsigned i = 0; i < ls->mirror_count; i++)
        overlaps |= host < ls->mirrors[i].host + ls->mirrors[i].length && ls->mirrors[i].host < host + size;
    return overlaps;
}
