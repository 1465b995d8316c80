/*
 * Page tables of our own, for a KVM that gets user code only (kvm_user.c).
 *
 * Such a KVM runs user code on the host's processor, where CPUID, XGETBV, XSAVE ... answer for the host, and nothing
 * traps them.  So it is given the guest's pages through tables that grow as the guest touches pages, and a page can be
 * executed only if no such instruction is in it, at any offset, and only while nothing can write to it.  Every other
 * access faults and comes back; here the missing page is added, or the interpreter executes the instruction.
 *
 * A set of tables is kept for each of some CR3s.  What the guest changed in its own tables counts from the next flush
 * of its TLB on: then every entry is compared with the guest's, and a set that has one too many is left for a new one,
 * since there is no way to tell KVM of a single entry.  New sets take new pages, until the pool is used up and KVM is
 * made to drop all that it knows (kvm_memory.c).
 *
 * Source: SDM vol. 3A, "4-Level Paging", "Accessed and Dirty Flags", "Page-Fault Exceptions"; vol. 2, "CPUID", "XGETBV",
 *   "XSAVE", "XRSTOR", "XSAVEC", "XSAVEOPT", "RDTSCP", "RDPID", "RDRAND", "LAR", "LSL", "VERR/VERW", "RDPKRU".
 * Modelled: user pages of RAM in the lower half; A and D as the processor sets them.  Frame buffers and registers are
 *   the interpreter's.
 * Not modelled: instructions that show the host's segment selectors in one byte (MOV from a segment register); those of
 *   features that the model has not, which do not fault: as under any KVM.
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/mmu.h"
#include "machine/trace.h"

#define PAGE 4096ull
#define POOL_PAGES 4096u
#define POOL_BASE ((1ull << 38) + (1ull << 30)) /* guest physical, where this board has nothing */
#define SPACES 6
#define CODE_PAGES 2048u
#define PHYS_PAGES (1u << 23) /* of 4 KiB: 32 GiB; pages beyond are not mapped */
#define AROUND_DATA 32u       /* pages that are looked at when one is missing */
#define AROUND_CODE 8u
#define NO_LEAF (~0ull)

#define ENTRY_P 0x1ull
#define ENTRY_RW 0x2ull
#define ENTRY_US 0x4ull
#define ENTRY_A 0x20ull
#define ENTRY_D 0x40ull
#define ENTRY_NX (1ull << 63)
#define ENTRY_PAGE 0x000ffffffffff000ull
#define UPPER (ENTRY_P | ENTRY_RW | ENTRY_US | ENTRY_A)

/* How a physical page is in a space's tables. */
#define HELD_WRITABLE 1u
#define HELD_CODE 2u
#define HELD_RAN 4u /* code that was writable at the time: it shall not become writable again */

/* One address space of the guest. */
struct space {
    u64 cr3;
    bool used, stale; /* stale: to be made anew */
    u64 turn;        /* when it was last in use */
    u64 flushes;     /* cpu->tlb_flushes at which every entry was the guest's */
    u64 code_writes, code_writes_outside; /* struct cpu's, at which the code was looked at */
    u64 root;        /* page of the pool */
    unsigned pages;  /* with an entry */
    u8 *held;        /* by physical page */
    unsigned code_count;
    u64 code[CODE_PAGES]; /* linear addresses of pages that can be executed */
};

struct kvm_tables {
    u8 *pool;
    unsigned used;
    bool full;
    struct space spaces[SPACES], *current;
    u64 turn;
    u64 leaf[POOL_PAGES];                 /* linear address of the first entry; NO_LEAF: not a table of pages */
    u8 owner[POOL_PAGES];                 /* index of the space */
};

static u64 *table(struct kvm_tables *t, u64 page) { return (u64 *)(void *)(t->pool + page * PAGE); }
static u64 pool_page(u64 entry) { return ((entry & ENTRY_PAGE) - POOL_BASE) / PAGE; }

/* --- which instructions must not be there --- */

static bool is_foreign_0f01(u8 third) /* XGETBV; RDPKRU, WRPKRU; RDTSCP */
{
    return third == 0xd0 || third == 0xee || third == 0xef || third == 0xf9;
}

/* XSAVE, XRSTOR, XSAVEOPT; XSAVEC: of what the host's XCR0 enables, in the host's layout. */
static bool is_xsave(u8 second, u8 modrm)
{
    u8 reg = modrm >> 3 & 7;
    return modrm < 0xc0 && ((second == 0xae && reg >= 4 && reg <= 6) || (second == 0xc7 && reg == 4));
}

bool kvm_tables_foreign(const u8 *code, size_t size, size_t starts)
{
    const u8 *end = code + size, *last = code + starts;
    for (const u8 *at = code; at < last && (at = memchr(at, 0x0f, (size_t)(last - at))); at++) {
        if (at + 1 == end)
            return false;
        u8 second = at[1], third = at + 2 < end ? at[2] : 0, reg = third >> 3 & 7;
        if (second == 0xa2 || second == 0x02 || second == 0x03) /* CPUID; LAR, LSL */
            return true;
        if (at + 2 < end && ((second == 0x01 && is_foreign_0f01(third)) ||
                             (second == 0x00 && (reg == 4 || reg == 5)) || /* VERR, VERW */
                             (second == 0xc7 && third >= 0xf0) ||          /* RDRAND, RDSEED, RDPID */
                             is_xsave(second, third)))
            return true;
    }
    return false;
}

/* --- entries --- */

static u64 new_table(struct kvm_tables *t, const struct space *space, u64 leaf)
{
    if (t->used == POOL_PAGES) {
        t->full = true;
        return 0;
    }
    unsigned page = t->used++;
    memset(table(t, page), 0, PAGE);
    t->leaf[page] = leaf;
    t->owner[page] = (u8)(space - t->spaces);
    return page;
}

static bool in_lower_half(u64 linear) { return linear >> 47 == 0; }

/* The place of an entry for a page; NULL: there is none, and none shall be made or can be. */
static u64 *entry_of(struct kvm_tables *t, struct space *space, u64 linear, bool make)
{
    u64 page = space->root;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        u64 *entry = &table(t, page)[linear >> shift & 511];
        if (!*entry) {
            u64 next = make ? new_table(t, space, shift == 21 ? linear & ~0x1fffffull : NO_LEAF) : 0;
            if (!next)
                return NULL;
            *entry = (POOL_BASE + next * PAGE) | UPPER;
        }
        page = pool_page(*entry);
    }
    return &table(t, page)[linear >> 12 & 511];
}

static const u8 *code_at(struct kvm *kvm, struct space *space, u64 linear)
{
    const u64 *entry = in_lower_half(linear) ? entry_of(kvm->tables, space, linear, false) : NULL;
    struct cpu_page page = {0};
    if (entry && (*entry & ENTRY_P) && !(*entry & ENTRY_NX))
        kvm->vcpu->cpu->bus->page(kvm->vcpu->cpu->board, *entry & ENTRY_PAGE, &page);
    return page.host;
}

/* Instructions may begin in the page before and end in the one behind. */
static bool is_clean(struct kvm *kvm, struct space *space, u64 linear, const u8 *host)
{
    u8 bytes[2 + 4096 + 2];
    const u8 *before = code_at(kvm, space, linear - PAGE), *behind = code_at(kvm, space, linear + PAGE);
    memset(bytes, 0, 2);
    if (before)
        memcpy(bytes, before + PAGE - 2, 2);
    memcpy(bytes + 2, host, PAGE);
    if (behind)
        memcpy(bytes + 2 + PAGE, behind, 2);
    return !kvm_tables_foreign(bytes, 2 + PAGE + (behind ? 2 : 0), 2 + PAGE);
}

/* --- adding pages --- */

/* RAM that KVM has in a slot. */
static bool is_memory(const struct kvm *kvm, u64 phys, struct cpu_page *page)
{
    kvm->vcpu->cpu->bus->page(kvm->vcpu->cpu->board, phys, page);
    return page->host && page->writable && !page->log_dirty && phys / PAGE < PHYS_PAGES;
}

static bool add_code(struct kvm *kvm, struct space *space, u64 linear, u64 phys, const struct cpu_page *page, bool write)
{
    u8 *held = &space->held[phys / PAGE];
    if ((*held & HELD_WRITABLE) && !(*held & HELD_RAN))
        space->stale = true; /* once for a page: new tables will have it as code */
    if (write || space->stale)
        *held |= HELD_RAN;
    if ((*held & HELD_WRITABLE) || space->code_count == CODE_PAGES)
        return false;
    cpu_watch_code(kvm->vcpu->cpu, phys); /* before the look: a write after it is noticed */
    if (!is_clean(kvm, space, linear, page->host))
        return false;
    *held |= HELD_CODE;
    space->code[space->code_count++] = linear;
    return true;
}

/* The entry for a translation of the guest's, with the right to an access if it may have it.  False: it may not, or had
 * it before. */
static bool add(struct kvm *kvm, struct space *space, u64 linear, unsigned access, const struct translation *t)
{
    struct cpu_page page;
    u64 *entry = is_memory(kvm, t->phys, &page) ? entry_of(kvm->tables, space, linear, true) : NULL;
    if (!entry || ((*entry & ENTRY_P) && (*entry & ENTRY_PAGE) != t->phys))
        return false;
    u64 old = *entry, value = old;
    u8 *held = &space->held[t->phys / PAGE];
    if (!(old & ENTRY_P))
        value = t->phys | ENTRY_P | ENTRY_US | ENTRY_A | ENTRY_D | ENTRY_NX;
    if ((access & ACCESS_WRITE) && !(old & ENTRY_RW)) {
        bool runs = (*held & HELD_CODE) || ((*held & HELD_RAN) && !(t->rights & ENTRY_NX));
        if (!runs) {
            *held |= HELD_WRITABLE;
            value |= ENTRY_RW;
        }
    }
    if ((access & ACCESS_FETCH) && (value & ENTRY_NX) &&
        add_code(kvm, space, linear, t->phys, &page, (t->rights & ENTRY_RW) != 0))
        value &= ~ENTRY_NX;
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
    space->pages += !(old & ENTRY_P);
    return value != old && (!(access & ACCESS_WRITE) || (value & ENTRY_RW)) &&
           (!(access & ACCESS_FETCH) || !(value & ENTRY_NX));
}

/* Has the interpreter decoded code there? */
static bool has_run(struct kvm *kvm, u64 phys)
{
    struct cpu_page page;
    return is_memory(kvm, phys, &page) && (*page.flags & CPU_PAGE_CODE);
}

/* A page near one that was missing: as far as the guest has used it, so that A and D stay as they are. */
static void add_neighbour(struct kvm *kvm, struct space *space, u64 linear, bool code)
{
    struct translation t;
    const u64 *entry = entry_of(kvm->tables, space, linear, false);
    if (entry && (*entry & ENTRY_P))
        return;
    if (!mmu_walk(kvm->vcpu->cpu, linear, ACCESS_USER | ACCESS_PROBE, &t) || !(t.rights & ENTRY_A))
        return;
    bool writable = (t.rights & ENTRY_RW) && t.dirty, runs = !(t.rights & ENTRY_NX);
    if (code ? !runs || (t.rights & ENTRY_RW) : runs && writable && has_run(kvm, t.phys))
        return;
    add(kvm, space, linear, code ? ACCESS_FETCH : writable ? ACCESS_WRITE : 0, &t);
}

static bool add_page(struct kvm *kvm, u64 linear, unsigned access)
{
    struct kvm_tables *t = kvm->tables;
    struct translation translation;
    if (!in_lower_half(linear) || !mmu_walk(kvm->vcpu->cpu, linear, access | ACCESS_USER, &translation) ||
        !add(kvm, t->current, linear & ~(PAGE - 1), access, &translation))
        return false;
    u64 bytes = (access & ACCESS_FETCH ? AROUND_CODE : AROUND_DATA) * PAGE;
    for (u64 at = linear & ~(bytes - 1), end = at + bytes; at < end; at += PAGE)
        add_neighbour(kvm, t->current, at, (access & ACCESS_FETCH) != 0);
    return true;
}

bool kvm_tables_resolve(struct kvm *kvm)
{
    struct kvm_vcpu_events events;
    struct kvm_sregs sregs;
    if (!kvm->tables || kvm->run->exit_reason != KVM_EXIT_SHUTDOWN || !kvm_state_fault(kvm, &events, &sregs) ||
        events.exception.nr != VECTOR_PF || !(events.exception.error_code & PF_U))
        return false;
    return add_page(kvm, sregs.cr2, events.exception.error_code & (ACCESS_WRITE | ACCESS_FETCH));
}

/* --- what the guest changed meanwhile --- */

typedef bool visit_function(struct kvm *kvm, struct space *space, u64 linear, u64 entry);

/* All entries, until one of them answers false. */
static bool visit(struct kvm *kvm, struct space *space, visit_function *function)
{
    struct kvm_tables *t = kvm->tables;
    for (unsigned page = 0; page < t->used; page++) {
        if (t->leaf[page] == NO_LEAF || &t->spaces[t->owner[page]] != space)
            continue;
        const u64 *entries = table(t, page);
        for (unsigned i = 0; i < 512; i++)
            if (entries[i] && !function(kvm, space, t->leaf[page] + i * PAGE, entries[i]))
                return false;
    }
    return true;
}

/* Does the guest still map it so, with A, and D where it may write? */
static bool is_guests(struct kvm *kvm, struct space *space, u64 linear, u64 entry)
{
    struct translation t;
    unsigned access = ACCESS_USER | ACCESS_PROBE | (entry & ENTRY_RW ? ACCESS_WRITE : 0) |
                      (entry & ENTRY_NX ? 0 : ACCESS_FETCH);
    return mmu_walk(kvm->vcpu->cpu, linear, access, &t) && t.phys == (entry & ENTRY_PAGE) && (t.rights & ENTRY_A) &&
           (!(entry & ENTRY_RW) || t.dirty);
}

static bool release(struct kvm *kvm, struct space *space, u64 linear, u64 entry)
{
    space->held[(entry & ENTRY_PAGE) / PAGE] &= HELD_RAN;
    return true;
}

static void leave_tables(struct kvm *kvm, struct space *space)
{
    struct kvm_tables *t = kvm->tables;
    visit(kvm, space, release);
    for (unsigned page = 0; page < t->used; page++)
        if (&t->spaces[t->owner[page]] == space)
            t->leaf[page] = NO_LEAF;
    if (space->pages)
        trace(ACCEL, "kvm: tables of CR3 %llx dropped, %u pages", (unsigned long long)space->cr3, space->pages);
    space->code_count = space->pages = 0;
    space->stale = false;
}

/* Empty tables; false: the pool is used up. */
static bool renew(struct kvm *kvm, struct space *space)
{
    struct kvm_tables *t = kvm->tables;
    leave_tables(kvm, space);
    if (t->full || t->used + 16 > POOL_PAGES) {
        t->full = true;
        return false;
    }
    space->root = new_table(t, space, NO_LEAF);
    return true;
}

static bool code_written(const struct kvm *kvm, const struct space *space)
{
    const struct cpu *cpu = kvm->vcpu->cpu;
    return space->code_writes != cpu->code_writes ||
           space->code_writes_outside != __atomic_load_n(&cpu->code_writes_outside, __ATOMIC_ACQUIRE);
}

bool kvm_tables_code_written(const struct kvm *kvm)
{
    return kvm->tables && kvm->tables->current && code_written(kvm, kvm->tables->current);
}

/* Looks at all code again.  The stamps come first: what is written from here on counts anew. */
static bool code_is_clean(struct kvm *kvm, struct space *space)
{
    struct cpu *cpu = kvm->vcpu->cpu;
    space->code_writes = cpu->code_writes;
    space->code_writes_outside = __atomic_load_n(&cpu->code_writes_outside, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < space->code_count; i++) {
        const u64 *entry = entry_of(kvm->tables, space, space->code[i], false);
        struct cpu_page page;
        cpu_watch_code(cpu, *entry & ENTRY_PAGE);
        if (!is_memory(kvm, *entry & ENTRY_PAGE, &page) || !is_clean(kvm, space, space->code[i], page.host))
            return false;
    }
    return true;
}

/* Are all entries the guest's still, and all code what it was?  Another space may have been used to write to it. */
static bool is_valid(struct kvm *kvm, struct space *space)
{
    struct kvm_tables *t = kvm->tables;
    if (space->stale || (space->flushes != kvm->vcpu->cpu->tlb_flushes && !visit(kvm, space, is_guests)))
        return false;
    return (space->turn == t->turn && !code_written(kvm, space)) || code_is_clean(kvm, space);
}

static struct space *find_space(struct kvm_tables *t, u64 cr3)
{
    struct space *oldest = &t->spaces[0];
    for (unsigned i = 0; i < SPACES; i++) {
        struct space *space = &t->spaces[i];
        if (space->used && space->cr3 == cr3)
            return space;
        if (oldest->used && (!space->used || space->turn < oldest->turn))
            oldest = space;
    }
    return oldest;
}

/* All pages of the pool are free again; KVM has dropped what it knew of them. */
static void reclaim(struct kvm *kvm)
{
    struct kvm_tables *t = kvm->tables;
    for (unsigned i = 0; i < SPACES; i++) {
        leave_tables(kvm, &t->spaces[i]);
        t->spaces[i].used = false;
    }
    t->used = 1; /* page 0 is never a table below the root */
    t->full = false;
}

bool kvm_tables_select(struct kvm *kvm)
{
    struct kvm_tables *t = kvm->tables;
    const struct cpu *cpu = kvm->vcpu->cpu;
    u64 cr3 = cpu->cr3 & ENTRY_PAGE;
    if (t->full) {
        if (!kvm_memory_forget(kvm))
            return false;
        reclaim(kvm);
    }
    struct space *space = find_space(t, cr3);
    if (!space->used || space->cr3 != cr3 || !is_valid(kvm, space)) {
        space->used = false;
        if (!renew(kvm, space))
            return false;
        code_is_clean(kvm, space); /* there is none */
    }
    space->used = true;
    space->cr3 = cr3;
    space->flushes = cpu->tlb_flushes;
    space->turn = ++t->turn;
    t->current = space;
    return true;
}

u64 kvm_tables_root(const struct kvm *kvm) { return POOL_BASE + kvm->tables->current->root * PAGE; }

bool kvm_tables_forget_all(struct kvm *kvm)
{
    if (!kvm->tables || kvm->tables->used <= 1)
        return false;
    kvm->tables->full = true;
    return true;
}

/* --- creation --- */

int kvm_tables_create(struct kvm *kvm, struct error *err)
{
    struct kvm_tables *t = calloc(1, sizeof(*t));
    if (!t)
        return error_set(err, ENOMEM, "out of memory for KVM");
    kvm->tables = t;
    t->used = 1;
    t->pool = memory_alloc(POOL_PAGES * PAGE);
    bool complete = t->pool != NULL;
    for (unsigned i = 0; i < SPACES; i++) {
        t->spaces[i].held = memory_alloc(PHYS_PAGES);
        complete &= t->spaces[i].held != NULL;
    }
    if (!complete)
        return error_set(err, ENOMEM, "out of memory for KVM");
    return kvm_memory_add_private(kvm, POOL_BASE, t->pool, POOL_PAGES * PAGE, err);
}

void kvm_tables_destroy(struct kvm *kvm)
{
    struct kvm_tables *t = kvm->tables;
    if (!t)
        return;
    for (unsigned i = 0; i < SPACES; i++)
        if (t->spaces[i].held)
            memory_free(t->spaces[i].held, PHYS_PAGES);
    if (t->pool)
        memory_free(t->pool, POOL_PAGES * PAGE);
    free(t);
    kvm->tables = NULL;
}

#endif
