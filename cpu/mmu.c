/*
 * Paging: the walk, the TLBs, and what instruction fetch and debuggers ask of them.
 *
 * Source: Intel SDM vol. 3A, ch. "Paging" (32-bit, PAE and 4-level paging, access rights, page-fault error code,
 *   accessed and dirty flags, caching translation information).
 * Modelled: PSE and PSE-36, PAE with PDPTE registers, 4-level tables with 2 MiB and 1 GiB pages, WP, NX, SMEP, SMAP,
 *   reserved bits, global pages, A20, PCID (nothing is kept across a change of PCID).
 * Not modelled: protection keys, 5 levels, paging-structure caches, memory types.
 */
#include "cpu/mmu.h"

#include <string.h>

#define ENTRY_P 0x1u
#define ENTRY_RW 0x2u
#define ENTRY_US 0x4u
#define ENTRY_A 0x20u
#define ENTRY_D 0x40u
#define ENTRY_PS 0x80u
#define ENTRY_G 0x100u
#define ENTRY_NX (1ull << 63)
#define PAGE_MASK (~0xfffull)
#define ADDRESS_BITS 0x000ffffffffff000ull

/* --- paging structures in memory --- */

static struct walk_page *walk_page(struct cpu *cpu, u64 phys)
{
    u64 page = phys & PAGE_MASK;
    struct walk_page *w = &cpu->walk_pages[(phys >> 12) & (WALK_PAGES - 1)];
    if (likely(w->page == page))
        return w;
    struct cpu_page p;
    cpu->bus->page(cpu->board, page, &p);
    bool plain = p.host && p.writable && !p.log_dirty;
    *w = (struct walk_page){.page = page, .host = plain ? p.host : NULL, .flags = p.flags};
    return w;
}

/* For a probe, which must not reach a device: memory that walks write through the bus is read all the same. */
static const u8 *probe_page(struct cpu *cpu, u64 phys)
{
    struct cpu_page p;
    cpu->bus->page(cpu->board, phys & PAGE_MASK, &p);
    return p.host;
}

static u64 entry_read(struct cpu *cpu, u64 phys, unsigned size, unsigned access)
{
    const struct walk_page *w = walk_page(cpu, phys);
    const u8 *host = w->host;
    if (unlikely(!host && !(access & ACCESS_PROBE)))
        return cpu->bus->read(cpu->board, phys, size);
    if (unlikely(!host))
        host = probe_page(cpu, phys);
    if (unlikely(!host))
        return 0;
    host += phys & 0xfff;
    return size == 4 ? *(const u32 *)host : *(const u64 *)host;
}

/* Sets bits in an entry that was `old`.  False if another processor changed it in between. */
static bool entry_set(struct cpu *cpu, u64 phys, u64 old, u64 bits, unsigned size)
{
    const struct walk_page *w = walk_page(cpu, phys);
    if (unlikely(!w->host)) {
        cpu->bus->write(cpu->board, phys, old | bits, size);
        return true;
    }
    u8 *host = w->host + (phys & 0xfff);
    u32 old32 = (u32)old;
    bool same = size == 4 ? __atomic_compare_exchange_n((u32 *)host, &old32, old32 | (u32)bits, false,
                                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
                          : __atomic_compare_exchange_n((u64 *)host, &old, old | bits, false, __ATOMIC_ACQ_REL,
                                                        __ATOMIC_RELAXED);
    if (same && unlikely(*w->flags & CPU_PAGE_CODE))
        mmu_code_written(cpu, phys, size);
    return same;
}

void mmu_code_written(struct cpu *cpu, u64 phys, unsigned length)
{
    block_written(cpu, phys, length);
    if (cpu->bus->code_written)
        cpu->bus->code_written(cpu->board, phys, length);
}

/* --- the walk --- */

/* What the three paging modes differ in. */
struct paging {
    u64 table, reserved; /* reserved: in every present entry */
    unsigned levels, bits, size;
};

static bool nx_enabled(const struct cpu *cpu) { return (cpu->efer & EFER_NXE) && (cpu->cr4 & CR4_PAE); }

/* False if a PDPTE register is not present (PAE). */
static bool paging_mode(const struct cpu *cpu, u64 linear, struct paging *p)
{
    if (!(cpu->cr4 & CR4_PAE)) {
        *p = (struct paging){.table = cpu->cr3 & 0xfffff000, .levels = 2, .bits = 10, .size = 4};
        return true;
    }
    u64 nx = cpu->efer & EFER_NXE ? 0 : ENTRY_NX;
    if (in_long_mode(cpu)) {
        *p = (struct paging){.table = cpu->cr3 & ADDRESS_BITS & cpu->phys_mask, .levels = 4, .bits = 9, .size = 8};
        p->reserved = (~cpu->phys_mask & 0x000fffffffffffffull) | nx;
        return true;
    }
    u64 pdpte = cpu->pdpte[(linear >> 30) & 3];
    *p = (struct paging){.table = pdpte & ADDRESS_BITS & cpu->phys_mask, .levels = 2, .bits = 9, .size = 8};
    p->reserved = (~cpu->phys_mask & 0x7fffffffffffffffull) | nx;
    return pdpte & ENTRY_P;
}

/* Does the entry of `level` map a page? */
static bool is_leaf(const struct cpu *cpu, const struct paging *p, unsigned level, u64 entry)
{
    if (level == 1)
        return true;
    if (!(entry & ENTRY_PS))
        return false;
    if (p->size == 4)
        return (cpu->cr4 & CR4_PSE) != 0;
    return level == 2 || (level == 3 && cpu_has(cpu, FEATURE_PDPE1GB));
}

/* Reserved bits that depend on where the entry stands. */
static u64 reserved_bits(const struct cpu *cpu, const struct paging *p, unsigned level, u64 entry, bool leaf)
{
    if (level == 1)
        return p->reserved;
    if (p->size == 4) { /* SDM: bits 21:(M-19), M the smaller of 40 and the address width */
        if (!leaf)
            return 0;
        u64 high = ((cpu->phys_mask >> 32) & 0xff) << 13;
        return 0x3fe000 & ~high;
    }
    if (leaf)
        return p->reserved | ((1ull << (level == 2 ? 21 : 30)) - 1 - 0x1fff);
    return p->reserved | (level > 2 ? ENTRY_PS : 0);
}

static u64 leaf_page(const struct paging *p, unsigned level, u64 entry, u64 linear)
{
    if (level == 1)
        return p->size == 4 ? entry & 0xfffff000 : entry & ADDRESS_BITS;
    if (p->size == 4)
        return (entry & 0xffc00000) | (entry & 0x1fe000) << 19 | (linear & 0x3ff000);
    u64 inside = (1ull << (12 + 9 * (level - 1))) - 1;
    return (entry & ADDRESS_BITS & ~inside) | (linear & inside & PAGE_MASK);
}

/* rights: RW and US of all levels ANDed, NX of all levels ORed.  SDM, "Determination of Access Rights". */
static bool permitted(const struct cpu *cpu, unsigned access, u64 rights)
{
    if ((access & ACCESS_FETCH) && (rights & ENTRY_NX))
        return false;
    if (access & ACCESS_USER)
        return (rights & ENTRY_US) && (!(access & ACCESS_WRITE) || (rights & ENTRY_RW));
    if (unlikely(cpu->cr4 & (CR4_SMEP | CR4_SMAP)) && (rights & ENTRY_US)) {
        if (access & ACCESS_FETCH) {
            if (cpu->cr4 & CR4_SMEP)
                return false;
        } else if ((cpu->cr4 & CR4_SMAP) && ((access & ACCESS_SYSTEM) || !(cpu->rflags & FLAG_AC))) {
            return false;
        }
    }
    return !(access & ACCESS_WRITE) || (rights & ENTRY_RW) || !(cpu->cr0 & CR0_WP);
}

static bool walk_failed(const struct cpu *cpu, unsigned access, unsigned error, struct translation *t)
{
    t->error = error | (access & (ACCESS_WRITE | ACCESS_USER));
    if ((access & ACCESS_FETCH) && (nx_enabled(cpu) || (cpu->cr4 & CR4_SMEP)))
        t->error |= ACCESS_FETCH;
    return false;
}

static bool walk_finish(struct cpu *cpu, const struct paging *p, unsigned level, u64 entry, u64 rights, u64 linear,
                        struct translation *t)
{
    t->phys = leaf_page(p, level, entry, linear) & cpu->a20_mask;
    t->user = rights & ENTRY_US;
    t->user_write = rights & ENTRY_RW;
    t->dirty = entry & ENTRY_D;
    t->global = (entry & ENTRY_G) && (cpu->cr4 & CR4_PGE);
    t->shift = 12 + p->bits * (level - 1);
    t->rights = rights;
    return true;
}

enum walk_result { WALK_OK, WALK_FAULT, WALK_AGAIN };

static enum walk_result walk_once(struct cpu *cpu, u64 linear, unsigned access, struct translation *t)
{
    struct paging p;
    if (unlikely(!paging_mode(cpu, linear, &p)))
        return walk_failed(cpu, access, 0, t), WALK_FAULT;
    u64 table = p.table, rights = ENTRY_RW | ENTRY_US | ENTRY_A, nx = 0;
    for (unsigned level = p.levels;; level--) {
        unsigned shift = 12 + p.bits * (level - 1);
        u64 address = (table + ((linear >> shift) & ((1u << p.bits) - 1)) * p.size) & cpu->a20_mask;
        u64 entry = entry_read(cpu, address, p.size, access);
        if (!(entry & ENTRY_P))
            return walk_failed(cpu, access, 0, t), WALK_FAULT;
        bool leaf = is_leaf(cpu, &p, level, entry);
        if (unlikely(entry & reserved_bits(cpu, &p, level, entry, leaf)) && !(access & ACCESS_ANY))
            return walk_failed(cpu, access, PF_P | PF_RSVD, t), WALK_FAULT;
        rights &= entry;
        nx |= entry & ENTRY_NX;
        u64 set = ENTRY_A;
        if (leaf) {
            if (!(access & ACCESS_ANY) && !permitted(cpu, access, rights | nx))
                return walk_failed(cpu, access, PF_P, t), WALK_FAULT;
            if (access & ACCESS_WRITE)
                set |= ENTRY_D;
        }
        if (unlikely((entry & set) != set) && !(access & ACCESS_PROBE)) {
            if (!entry_set(cpu, address, entry, set, p.size))
                return WALK_AGAIN;
            entry |= set;
        }
        if (leaf)
            return walk_finish(cpu, &p, level, entry, rights | nx, linear, t), WALK_OK;
        table = p.size == 4 ? entry & 0xfffff000 : entry & ADDRESS_BITS & cpu->phys_mask;
    }
}

bool mmu_walk(struct cpu *cpu, u64 linear, unsigned access, struct translation *t)
{
    if (!(cpu->cr0 & CR0_PG)) {
        *t = (struct translation){.phys = linear & PAGE_MASK & cpu->a20_mask, .user = true, .user_write = true,
                                  .dirty = true, .shift = 12, .rights = ENTRY_RW | ENTRY_US};
        return true;
    }
    cpu->stats.page_walks++;
    enum walk_result result;
    while ((result = walk_once(cpu, linear, access, t)) == WALK_AGAIN)
        continue;
    return result == WALK_OK;
}

_Noreturn void mmu_fault(struct cpu *cpu, u64 linear, u32 error)
{
    cpu_trace(MMU, "page fault at %llx, error %x", (unsigned long long)linear, error);
    cpu->cr2 = linear;
    cpu_raise_error(cpu, VECTOR_PF, error);
}

/* --- TLB --- */

static void note_used(struct cpu *cpu, enum tlb_class class, unsigned index)
{
    unsigned count = cpu->tlb_used_count[class];
    if (count < ARRAY_SIZE(cpu->tlb_used[0]))
        cpu->tlb_used[class][count] = index;
    if (count <= ARRAY_SIZE(cpu->tlb_used[0]))
        cpu->tlb_used_count[class] = count + 1;
}

static void note_large(struct cpu *cpu, u64 linear, unsigned shift)
{
    u64 inside = (1ull << shift) - 1;
    cpu->tlb_large_low = MIN(cpu->tlb_large_low, linear & ~inside);
    cpu->tlb_large_high = MAX(cpu->tlb_large_high, linear | inside);
}

/* May stores of the class hit without another look at the page? */
static bool store_may_hit(const struct cpu *cpu, enum tlb_class class, const struct translation *t,
                          const struct cpu_page *p)
{
    unsigned access = class == TLB_USER ? ACCESS_WRITE | ACCESS_USER : ACCESS_WRITE;
    return t->dirty && p->writable && !p->log_dirty && !(*p->flags & CPU_PAGE_CODE) &&
           permitted(cpu, access, t->rights);
}

/* By the guest's debug registers, or by a debugger. */
static bool watches_page(const struct cpu *cpu, u64 page, bool write)
{
    return debug_watches_page(cpu, page, write) || debugger_watchpoint(&cpu->debugger, page, 0x1000, write);
}

void tlb_fill(struct cpu *cpu, u64 linear, enum tlb_class class, const struct translation *t, const struct cpu_page *p)
{
    u64 page = linear & PAGE_MASK;
    bool watched = unlikely(((u32)cpu->dr[7] & DR7_ENABLES) | cpu->debugger.watchpoints);
    /* With SMAP the supervisor's right to a user page changes with AC: such pages only enter the user TLB, which
     * mmu_lookup asks too while AC is set. */
    if (unlikely(cpu->cr4 & CR4_SMAP) && class == TLB_SUPERVISOR && t->user)
        class = TLB_USER;
    if (!p->host || (watched && watches_page(cpu, page, false)))
        return;
    unsigned index = (linear >> 12) & (TLB_SIZE - 1);
    struct tlb_entry *e = &cpu->tlbs[class][index];
    if (e->read_tag == TLB_INVALID)
        note_used(cpu, class, index);
    if (unlikely(t->shift > 12))
        note_large(cpu, linear, t->shift);
    bool store = store_may_hit(cpu, class, t, p) && !(watched && watches_page(cpu, page, true));
    e->read_tag = page;
    e->write_tag = store ? page : TLB_INVALID;
    e->addend = (u64)(uintptr_t)p->host - page;
    e->phys = t->phys | (t->global ? TLB_GLOBAL : 0);
    cpu->stats.tlb_fills++;
}

static void drop(struct tlb_entry *e) { e->read_tag = e->write_tag = TLB_INVALID; }

static void itlb_flush(struct cpu *cpu)
{
    for (unsigned class = 0; class < 2; class++)
        for (unsigned i = 0; i < ITLB_SIZE; i++)
            cpu->itlbs[class][i].tag = TLB_INVALID;
}

static void walk_pages_forget(struct cpu *cpu)
{
    for (unsigned i = 0; i < WALK_PAGES; i++)
        cpu->walk_pages[i].page = TLB_INVALID;
}

void tlb_init(struct cpu *cpu)
{
    for (unsigned class = 0; class < TLB_CLASSES; class++)
        for (unsigned i = 0; i < TLB_SIZE; i++)
            drop(&cpu->tlbs[class][i]);
    cpu->tlb_used_count[TLB_SUPERVISOR] = cpu->tlb_used_count[TLB_USER] = 0;
    tlb_flush_all(cpu);
}

void tlb_flush_all(struct cpu *cpu)
{
    cpu->tlb_flushes++;
    for (unsigned class = 0; class < 2; class++) {
        unsigned count = cpu->tlb_used_count[class];
        if (count > ARRAY_SIZE(cpu->tlb_used[0]))
            for (unsigned i = 0; i < TLB_SIZE; i++)
                drop(&cpu->tlbs[class][i]);
        else
            for (unsigned i = 0; i < count; i++)
                drop(&cpu->tlbs[class][cpu->tlb_used[class][i]]);
        cpu->tlb_used_count[class] = 0;
    }
    cpu->tlb_large_low = ~0ull;
    cpu->tlb_large_high = 0;
    itlb_flush(cpu);
    walk_pages_forget(cpu);
}

static void keep_global(struct cpu *cpu, enum tlb_class class, unsigned index)
{
    struct tlb_entry *e = &cpu->tlbs[class][index];
    if (e->read_tag == TLB_INVALID)
        return;
    if (e->phys & TLB_GLOBAL)
        note_used(cpu, class, index);
    else
        drop(e);
}

void tlb_flush_non_global(struct cpu *cpu)
{
    cpu->tlb_flushes++;
    for (unsigned class = 0; class < 2; class++) {
        unsigned count = cpu->tlb_used_count[class];
        cpu->tlb_used_count[class] = 0;
        if (count > ARRAY_SIZE(cpu->tlb_used[0]))
            for (unsigned i = 0; i < TLB_SIZE; i++)
                keep_global(cpu, class, i);
        else
            for (unsigned i = 0; i < count; i++) /* never writes past what it has read */
                keep_global(cpu, class, cpu->tlb_used[class][i]);
    }
    itlb_flush(cpu);
}

void tlb_flush_page(struct cpu *cpu, u64 linear)
{
    cpu->tlb_flushes++;
    if (unlikely(linear >= cpu->tlb_large_low && linear <= cpu->tlb_large_high)) {
        tlb_flush_all(cpu);
        return;
    }
    u64 page = linear & PAGE_MASK;
    for (unsigned class = 0; class < 2; class++) {
        struct tlb_entry *e = &cpu->tlbs[class][(linear >> 12) & (TLB_SIZE - 1)];
        if (e->read_tag == page)
            drop(e);
        struct itlb_entry *i = &cpu->itlbs[class][(linear >> 12) & (ITLB_SIZE - 1)];
        if (i->tag == page)
            i->tag = TLB_INVALID;
    }
}

void tlb_protect_code(struct cpu *cpu, u64 phys_page)
{
    for (unsigned class = 0; class < 2; class++) {
        unsigned count = cpu->tlb_used_count[class];
        bool all = count > ARRAY_SIZE(cpu->tlb_used[0]);
        for (unsigned i = 0; i < (all ? TLB_SIZE : count); i++) {
            struct tlb_entry *e = &cpu->tlbs[class][all ? i : cpu->tlb_used[class][i]];
            if ((e->phys & PAGE_MASK) == (phys_page & PAGE_MASK))
                e->write_tag = TLB_INVALID;
        }
    }
}

/* --- instruction fetch --- */

u64 mmu_fetch(struct cpu *cpu, u64 linear)
{
    bool user = cpu->cpl == 3;
    struct itlb_entry *e = &cpu->itlbs[user][(linear >> 12) & (ITLB_SIZE - 1)];
    if (e->tag != (linear & PAGE_MASK)) {
        struct translation t;
        if (cpu->mode & MODE_CODE64 && !is_canonical(linear))
            raise_gp(cpu, 0);
        if (!mmu_walk(cpu, linear, ACCESS_FETCH | (user ? ACCESS_USER : 0), &t))
            mmu_fault(cpu, linear, t.error);
        if (unlikely(t.shift > 12))
            note_large(cpu, linear, t.shift);
        e->tag = linear & PAGE_MASK;
        e->phys = t.phys;
    }
    return e->phys | (linear & 0xfff);
}

bool mmu_fetch_probe(struct cpu *cpu, u64 linear, u64 *phys)
{
    bool user = cpu->cpl == 3;
    const struct itlb_entry *e = &cpu->itlbs[user][(linear >> 12) & (ITLB_SIZE - 1)];
    if (e->tag == (linear & PAGE_MASK)) {
        *phys = e->phys | (linear & 0xfff);
        return true;
    }
    struct translation t;
    if (!mmu_walk(cpu, linear, ACCESS_PROBE | ACCESS_FETCH | (user ? ACCESS_USER : 0), &t))
        return false;
    *phys = t.phys | (linear & 0xfff);
    return true;
}

/* --- PAE --- */

bool mmu_load_pdptes(struct cpu *cpu, u64 cr3)
{
    u64 pdpte[4];
    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = entry_read(cpu, ((cr3 & 0xffffffe0) + 8 * i) & cpu->a20_mask, 8, 0);
        if ((pdpte[i] & ENTRY_P) && (pdpte[i] & (~cpu->phys_mask | 0x1e6)))
            return false;
    }
    memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
    return true;
}

/* --- debuggers --- */

bool cpu_translate_debug(struct cpu *cpu, u64 linear, u64 *phys)
{
    struct translation t;
    if (!mmu_walk(cpu, linear, ACCESS_PROBE | ACCESS_ANY, &t))
        return false;
    *phys = t.phys | (linear & 0xfff);
    return true;
}

static bool access_debug(struct cpu *cpu, u64 linear, u8 *data, unsigned length, bool write)
{
    while (length) {
        unsigned piece = MIN(length, 0x1000 - (unsigned)(linear & 0xfff));
        u64 phys;
        struct cpu_page page;
        if (!cpu_translate_debug(cpu, linear, &phys))
            return false;
        cpu->bus->page(cpu->board, phys & PAGE_MASK, &page);
        if (!page.host)
            return false; /* registers: reading them has side effects */
        u8 *host = page.host + (phys & 0xfff);
        memcpy(write ? host : data, write ? data : host, piece);
        if (write && page.flags)
            mmu_page_written(cpu, &page, phys, piece);
        else if (write) /* ROM */
            mmu_code_written(cpu, phys, piece);
        linear += piece, data += piece, length -= piece;
    }
    return true;
}

bool cpu_read_debug(struct cpu *cpu, u64 linear, void *data, unsigned length)
{
    return access_debug(cpu, linear, data, length, false);
}

bool cpu_write_debug(struct cpu *cpu, u64 linear, const void *data, unsigned length)
{
    return access_debug(cpu, linear, (u8 *)data, length, true);
}
