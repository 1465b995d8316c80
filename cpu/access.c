/*
 * Loads and stores: segment checks, then the TLB, then the slow paths (page crossing, registers, decoded code, dirty
 * log, alignment checks, data breakpoints).
 *
 * Source: Intel SDM vol. 3A, "Limit Checking", "Type Checking", "Alignment Check Exception (#AC)", "Page-Level
 *   Protection"; vol. 3B, "Data Memory and I/O Breakpoint Exception Conditions".
 * Modelled: all of it.  An access that crosses into a second page is checked in both before a byte moves.
 * Differs from hardware: accesses of more than a byte to registers (MMIO) across a page are made byte by byte.
 */
#include <string.h>

#include "cpu/mmu.h"

#define PAGE_MASK (~0xfffull)

/* --- by linear address --- */

/* A translated access inside one page. */
struct target {
    u64 phys;
    u8 *host;             /* of the first byte; NULL: through the bus */
    bool logged;          /* stores must go through mmu_page_written */
    struct cpu_page page; /* valid if not host or logged */
};

static unsigned access_class(unsigned access) { return access & ACCESS_USER ? TLB_USER : TLB_SUPERVISOR; }

static bool entry_hits(const struct tlb_entry *e, u64 linear, unsigned access)
{
    return (access & ACCESS_WRITE ? e->write_tag : e->read_tag) == (linear & PAGE_MASK);
}

/* The TLB entry that allows the access, or NULL. */
static const struct tlb_entry *look_up(const struct cpu *cpu, u64 linear, unsigned access)
{
    unsigned index = (linear >> 12) & (TLB_SIZE - 1);
    const struct tlb_entry *e = &cpu->tlbs[access_class(access)][index];
    if (entry_hits(e, linear, access))
        return e;
    if (unlikely(cpu->cr4 & CR4_SMAP) && !(access & (ACCESS_USER | ACCESS_SYSTEM)) && (cpu->rflags & FLAG_AC)) {
        e = &cpu->tlbs[TLB_USER][index];
        if (entry_hits(e, linear, access))
            return e;
    }
    return NULL;
}

static void translate(struct cpu *cpu, u64 linear, unsigned access, struct target *target)
{
    const struct tlb_entry *e = look_up(cpu, linear, access);
    if (e) {
        target->host = (u8 *)(uintptr_t)(linear + e->addend);
        target->phys = (e->phys & PAGE_MASK) | (linear & 0xfff);
        target->logged = false;
        return;
    }
    struct translation t;
    if (unlikely(!mmu_walk(cpu, linear, access, &t)))
        mmu_fault(cpu, linear, t.error);
    struct cpu_page *page = &target->page;
    cpu->bus->page(cpu->board, t.phys, page);
    tlb_fill(cpu, linear, access_class(access), &t, page);
    target->phys = t.phys | (linear & 0xfff);
    bool plain = page->host && (page->writable || !(access & ACCESS_WRITE));
    target->host = plain ? page->host + (linear & 0xfff) : NULL;
    target->logged = plain && (access & ACCESS_WRITE) && (page->log_dirty || (*page->flags & CPU_PAGE_CODE));
}

void mmu_page_written(struct cpu *cpu, const struct cpu_page *page, u64 phys, unsigned length)
{
    if (page->log_dirty)
        __atomic_fetch_or(page->flags, CPU_PAGE_DIRTY, __ATOMIC_RELAXED);
    if (*page->flags & CPU_PAGE_CODE)
        mmu_code_written(cpu, phys, length);
}

static bool bus_size(unsigned size) { return size <= 8 && (size & (size - 1)) == 0; }

/* A register may have changed the memory map: the rest of the block must not hit pages of the old one. */
static void after_bus(struct cpu *cpu)
{
    if (likely(!(cpu->attention & ATTENTION_FLUSH)))
        return;
    tlb_flush_all(cpu);
    cpu_set_attention(cpu, ATTENTION_FLUSH);
}

static void target_read(struct cpu *cpu, const struct target *target, void *data, unsigned length)
{
    if (target->host) {
        memcpy(data, target->host, length);
        return;
    }
    if (bus_size(length)) {
        u64 value = cpu->bus->read(cpu->board, target->phys, length);
        memcpy(data, &value, length);
    } else {
        for (unsigned i = 0; i < length; i++)
            ((u8 *)data)[i] = (u8)cpu->bus->read(cpu->board, target->phys + i, 1);
    }
    after_bus(cpu);
}

static void target_write(struct cpu *cpu, const struct target *target, const void *data, unsigned length)
{
    if (target->host) {
        memcpy(target->host, data, length);
        if (target->logged)
            mmu_page_written(cpu, &target->page, target->phys, length);
        return;
    }
    if (bus_size(length)) {
        u64 value = 0;
        memcpy(&value, data, length);
        cpu->bus->write(cpu->board, target->phys, value, length);
    } else {
        for (unsigned i = 0; i < length; i++)
            cpu->bus->write(cpu->board, target->phys + i, ((const u8 *)data)[i], 1);
    }
    after_bus(cpu);
}

/* Linear addresses have 32 bits outside of long mode. */
static u64 next_page(const struct cpu *cpu, u64 linear)
{
    u64 next = (linear & PAGE_MASK) + 0x1000;
    return in_long_mode(cpu) ? next : (u32)next;
}

static void check_watchpoints(struct cpu *cpu, u64 linear, unsigned length, unsigned access)
{
    if ((cpu->dr[7] & DR7_ENABLES) && !(access & ACCESS_SYSTEM))
        debug_check_data(cpu, linear, length, access & ACCESS_WRITE);
    if (cpu->debugger.watchpoints)
        debugger_after_access(cpu, linear, length, access & ACCESS_WRITE);
}

static void access_bytes(struct cpu *cpu, u64 linear, void *data, unsigned length, unsigned access)
{
    struct target first, second;
    unsigned here = 0x1000 - (unsigned)(linear & 0xfff);
    bool crosses = length > here;
    if (!crosses)
        here = length;
    bool watched = unlikely(((u32)cpu->dr[7] & DR7_ENABLES) | cpu->debugger.watchpoints);
    if (watched)
        debugger_before_access(cpu, linear, length, access & ACCESS_WRITE);
    translate(cpu, linear, access, &first);
    if (crosses)
        translate(cpu, next_page(cpu, linear), access, &second);
    if (access & ACCESS_WRITE) {
        target_write(cpu, &first, data, here);
        if (crosses)
            target_write(cpu, &second, (u8 *)data + here, length - here);
    } else {
        target_read(cpu, &first, data, here);
        if (crosses)
            target_read(cpu, &second, (u8 *)data + here, length - here);
    }
    if (watched)
        check_watchpoints(cpu, linear, length, access);
}

/* Access kind of plain loads and stores now. */
static unsigned data_access(const struct cpu *cpu) { return cpu->cpl == 3 ? ACCESS_USER : 0; }

static void check_alignment(struct cpu *cpu, u64 linear, unsigned size)
{
    if (cpu->tlb == cpu->tlbs[TLB_NEVER] && (linear & (size - 1)))
        cpu_raise_error(cpu, VECTOR_AC, 0);
}

u64 mmu_load(struct cpu *cpu, u64 linear, unsigned size)
{
    u64 value = 0;
    check_alignment(cpu, linear, size);
    access_bytes(cpu, linear, &value, size, data_access(cpu));
    return value;
}

void mmu_store(struct cpu *cpu, u64 linear, u64 value, unsigned size)
{
    check_alignment(cpu, linear, size);
    access_bytes(cpu, linear, &value, size, data_access(cpu) | ACCESS_WRITE);
}

u8 *mmu_window(struct cpu *cpu, u64 linear, unsigned length, bool write)
{
    unsigned access = data_access(cpu) | (write ? ACCESS_WRITE : 0);
    if (unlikely(cpu->tlb == cpu->tlbs[TLB_NEVER]) || unlikely(cpu->dr[7] & DR7_ENABLES))
        return NULL;
    if (unlikely(cpu->debugger.watchpoints) && debugger_watchpoint(&cpu->debugger, linear, length, write))
        return NULL;
    struct target target;
    translate(cpu, linear, access, &target);
    if (target.host && target.logged)
        mmu_page_written(cpu, &target.page, target.phys, length);
    return target.host;
}

/* --- system structures --- */

#define SYSTEM_ACCESS(bits)                                                                                            \
    u##bits system_load##bits(struct cpu *cpu, u64 linear)                                                             \
    {                                                                                                                  \
        const struct tlb_entry *e = &cpu->tlbs[TLB_SUPERVISOR][(linear >> 12) & (TLB_SIZE - 1)];                       \
        u##bits value;                                                                                                 \
        if (likely(((linear + sizeof(value) - 1) & PAGE_MASK) == e->read_tag))                                         \
            memcpy(&value, (const u8 *)(uintptr_t)(linear + e->addend), sizeof(value));                                \
        else                                                                                                           \
            access_bytes(cpu, linear, &value, sizeof(value), ACCESS_SYSTEM);                                           \
        return value;                                                                                                  \
    }                                                                                                                  \
    void system_store##bits(struct cpu *cpu, u64 linear, u##bits value)                                                \
    {                                                                                                                  \
        const struct tlb_entry *e = &cpu->tlbs[TLB_SUPERVISOR][(linear >> 12) & (TLB_SIZE - 1)];                       \
        if (likely(((linear + sizeof(value) - 1) & PAGE_MASK) == e->write_tag))                                        \
            memcpy((u8 *)(uintptr_t)(linear + e->addend), &value, sizeof(value));                                      \
        else                                                                                                           \
            access_bytes(cpu, linear, &value, sizeof(value), ACCESS_SYSTEM | ACCESS_WRITE);                            \
    }

SYSTEM_ACCESS(8)
SYSTEM_ACCESS(16)
SYSTEM_ACCESS(32)
SYSTEM_ACCESS(64)

void system_load_bytes(struct cpu *cpu, u64 linear, void *data, unsigned length)
{
    access_bytes(cpu, linear, data, length, ACCESS_SYSTEM);
}

static void check_pages(struct cpu *cpu, u64 linear, unsigned length, unsigned access)
{
    struct target target;
    if (unlikely(cpu->debugger.watchpoints))
        debugger_before_access(cpu, linear, length, access & ACCESS_WRITE);
    translate(cpu, linear, access, &target);
    if ((linear & 0xfff) + length > 0x1000)
        translate(cpu, next_page(cpu, linear), access, &target);
}

void system_check_write(struct cpu *cpu, u64 linear, unsigned length)
{
    check_pages(cpu, linear, length, ACCESS_SYSTEM | ACCESS_WRITE);
}

void store_as(struct cpu *cpu, bool user, u64 linear, u64 value, unsigned size)
{
    if (user)
        check_alignment(cpu, linear, size);
    const struct tlb_entry *e = &cpu->tlbs[user ? TLB_USER : TLB_SUPERVISOR][(linear >> 12) & (TLB_SIZE - 1)];
    if (unlikely(((linear + size - 1) & PAGE_MASK) != e->write_tag)) {
        access_bytes(cpu, linear, &value, size, ACCESS_WRITE | (user ? ACCESS_USER : 0));
        return;
    }
    u8 *host = (u8 *)(uintptr_t)(linear + e->addend);
    switch (size) {
    case 2: memcpy(host, &value, 2); break;
    case 4: memcpy(host, &value, 4); break;
    default: memcpy(host, &value, 8); break;
    }
}

/* --- by segment and offset --- */

static bool permits_type(const struct segment *seg, bool write)
{
    if ((seg->access & (SEG_NULL | SEG_P | SEG_S)) != (SEG_P | SEG_S))
        return false;
    if (seg->access & SEG_CODE)
        return !write && (seg->access & SEG_READABLE);
    return !write || (seg->access & SEG_WRITABLE);
}

bool segment_permits(bool protection, const struct segment *seg, u64 offset, unsigned size, bool write)
{
    u64 last = offset + size - 1;
    if (protection && !permits_type(seg, write))
        return false;
    if (protection && (seg->access & (SEG_CODE | SEG_EXPAND_DOWN)) == SEG_EXPAND_DOWN)
        return offset > seg->limit && last <= (seg->access & SEG_DB ? 0xffffffffu : 0xffffu);
    /* SDM, "Limit Checking": around 4 GiB it is up to the processor; as measured, the limit counts there too. */
    return last <= seg->limit;
}

static _Noreturn void raise_limit(struct cpu *cpu, enum seg seg)
{
    cpu_raise_error(cpu, seg == SS ? VECTOR_SS : VECTOR_GP, 0);
}

static u64 linear_address(struct cpu *cpu, enum seg seg, u64 offset, unsigned size, bool write)
{
    const struct segment *s = &cpu->seg[seg];
    if (unlikely(cpu->mode & MODE_CODE64)) {
        u64 linear = offset + (seg >= FS ? s->base : 0);
        if (!is_canonical(linear) || !is_canonical(linear + size - 1))
            raise_limit(cpu, seg);
        return linear;
    }
    if (unlikely((i64)(offset + size - 1) > (write ? s->write_top : s->read_top)) &&
        !segment_permits(in_protected_mode(cpu), s, offset, size, write))
        raise_limit(cpu, seg);
    return (u32)(s->base + offset);
}

#define ACCESS(bits)                                                                                                   \
    u##bits load##bits(struct cpu *cpu, enum seg seg, u64 offset)                                                      \
    {                                                                                                                  \
        u##bits value;                                                                                                 \
        u64 linear = linear_address(cpu, seg, offset, sizeof(value), false);                                           \
        const struct tlb_entry *e = &cpu->tlb[(linear >> 12) & (TLB_SIZE - 1)];                                        \
        if (likely(((linear + sizeof(value) - 1) & PAGE_MASK) == e->read_tag)) {                                       \
            memcpy(&value, (const u8 *)(uintptr_t)(linear + e->addend), sizeof(value));                                \
            return value;                                                                                              \
        }                                                                                                              \
        return (u##bits)mmu_load(cpu, linear, sizeof(value));                                                          \
    }                                                                                                                  \
    void store##bits(struct cpu *cpu, enum seg seg, u64 offset, u##bits value)                                         \
    {                                                                                                                  \
        u64 linear = linear_address(cpu, seg, offset, sizeof(value), true);                                            \
        const struct tlb_entry *e = &cpu->tlb[(linear >> 12) & (TLB_SIZE - 1)];                                        \
        if (likely(((linear + sizeof(value) - 1) & PAGE_MASK) == e->write_tag))                                        \
            memcpy((u8 *)(uintptr_t)(linear + e->addend), &value, sizeof(value));                                      \
        else                                                                                                           \
            mmu_store(cpu, linear, value, sizeof(value));                                                              \
    }

ACCESS(8)
ACCESS(16)
ACCESS(32)
ACCESS(64)

/* SDM vol. 3A, "Alignment Requirements by Data Type": m80 8, environments and state of the x87 2 or 4.  Unaligned
 * SSE and AVX operands want 16, those of 32 bytes too (the manual leaves it open; measured). */
static unsigned alignment_of(unsigned length)
{
    switch (length) {
    case 10: return 8;
    case 16:
    case 32: return 16;
    case 14:
    case 94: return 2;
    case 8: /* BOUND */
    case 28:
    case 108: return 4;
    default: return 1;
    }
}

void load_bytes(struct cpu *cpu, enum seg seg, u64 offset, void *data, unsigned length)
{
    u64 linear = linear_address(cpu, seg, offset, length, false);
    check_alignment(cpu, linear, alignment_of(length));
    access_bytes(cpu, linear, data, length, data_access(cpu));
}

void store_bytes(struct cpu *cpu, enum seg seg, u64 offset, const void *data, unsigned length)
{
    u64 linear = linear_address(cpu, seg, offset, length, true);
    check_alignment(cpu, linear, alignment_of(length));
    access_bytes(cpu, linear, (void *)data, length, data_access(cpu) | ACCESS_WRITE);
}

void check_write(struct cpu *cpu, enum seg seg, u64 offset, unsigned length)
{
    u64 linear = linear_address(cpu, seg, offset, length, true);
    const struct tlb_entry *e = &cpu->tlb[(linear >> 12) & (TLB_SIZE - 1)];
    if (likely(((linear + length - 1) & PAGE_MASK) == e->write_tag))
        return;
    check_alignment(cpu, linear, bus_size(length) ? length : alignment_of(length));
    check_pages(cpu, linear, length, data_access(cpu) | ACCESS_WRITE);
}
