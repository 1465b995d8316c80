/*
 * The monitor's views of the page tables: info mem, info tlb, gva2gpa.
 *
 * Source: Intel SDM vol. 3A, "Paging".
 */
#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "ui/monitor_commands.h"

#define PTE_P 1u
#define PTE_W 2u
#define PTE_U 4u
#define PTE_PWT 8u
#define PTE_PCD 0x10u
#define PTE_A 0x20u
#define PTE_D 0x40u
#define PTE_PS 0x80u
#define PTE_G 0x100u
#define PTE_NX (1ull << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ull

/* Pages that follow one another with the same rights. */
struct run {
    u64 linear, physical, bytes, size; /* size: of one page */
    u64 rights;                        /* PTE_* */
};

struct walk {
    struct monitor *monitor;
    struct cpu *cpu;
    unsigned entry_size;
    struct run run;
    /* The page continues the run; and what to print of a whole one. */
    bool (*joins)(const struct run *run, const struct run *page);
    void (*show)(struct monitor *monitor, const struct run *run);
};

static void end_run(struct walk *walk)
{
    if (walk->run.bytes)
        walk->show(walk->monitor, &walk->run);
    walk->run.bytes = 0;
}

static void add_page(struct walk *walk, const struct run *page)
{
    if (walk->run.bytes && page->linear == walk->run.linear + walk->run.bytes && walk->joins(&walk->run, page)) {
        walk->run.bytes += page->bytes;
        return;
    }
    end_run(walk);
    walk->run = *page;
}

/* 64-bit linear addresses are sign-extended from bit 47. */
static u64 canonical(const struct walk *walk, u64 linear)
{
    return walk->cpu->efer & EFER_LMA ? (u64)((i64)(linear << 16) >> 16) : linear;
}

static void page_entry(struct walk *walk, u64 entry, unsigned shift, u64 linear, u64 rights)
{
    u64 size = 1ull << shift;
    struct run page = {
        .linear = canonical(walk, linear),
        .physical = entry & ENTRY_ADDRESS & ~(size - 1),
        .bytes = size,
        .size = size,
        .rights = rights | (entry & (PTE_PWT | PTE_PCD | PTE_A | PTE_D | PTE_G)),
    };
    if (walk->entry_size == 4)
        page.physical &= 0xffffffff;
    if (walk->entry_size == 4 && shift == 22) /* PSE-36: bits 13-20 are address bits 32-39 */
        page.physical |= (entry & 0x1fe000) << 19;
    add_page(walk, &page);
}

static bool is_page(const struct walk *walk, u64 entry, unsigned shift)
{
    if (shift == 12)
        return true;
    if (!(entry & PTE_PS) || shift >= 39)
        return false;
    return walk->entry_size == 8 || (walk->cpu->cr4 & CR4_PSE);
}

/* shift: of the linear bits that index this table; rights: what the levels above allow (W and U), and forbid (NX). */
static void walk_table(struct walk *walk, u64 table, unsigned shift, unsigned bits, u64 linear, u64 rights)
{
    bool legacy = walk->entry_size == 4, pdpt_of_pae = bits == 2;
    for (u64 i = 0; i < 1ull << bits; i++) {
        u64 entry = 0, here = linear | i << shift, next;
        memory_read(walk->monitor->machine->memory, table + i * walk->entry_size, &entry, walk->entry_size);
        if (!(entry & PTE_P))
            continue;
        next = pdpt_of_pae ? rights : (rights & entry & (PTE_W | PTE_U)) | ((rights | entry) & PTE_NX);
        if (!pdpt_of_pae && is_page(walk, entry, shift))
            page_entry(walk, entry, shift, here, next);
        else
            walk_table(walk, entry & (legacy ? 0xfffff000 : ENTRY_ADDRESS), shift - (legacy ? 10 : 9),
                       legacy ? 10 : 9, here, next);
    }
}

static void walk_all(struct walk *walk)
{
    struct cpu *cpu = walk->cpu = monitor_cpu(walk->monitor);
    u64 all = PTE_W | PTE_U;
    walk->entry_size = 8;
    if (!cpu || !(cpu->cr0 & CR0_PG)) {
        monitor_print(walk->monitor, "paging is off\n");
        return;
    }
    if (cpu->efer & EFER_LMA) {
        walk_table(walk, cpu->cr3 & ENTRY_ADDRESS, 39, 9, 0, all);
    } else if (cpu->cr4 & CR4_PAE) {
        walk_table(walk, cpu->cr3 & 0xffffffe0, 30, 2, 0, all);
    } else {
        walk->entry_size = 4;
        walk_table(walk, cpu->cr3 & 0xfffff000, 22, 10, 0, all);
    }
    end_run(walk);
}

/* --- info mem: what may be done where ----------------------------------------------------------------------------- */

#define RIGHTS (PTE_U | PTE_W | PTE_NX)

static bool same_rights(const struct run *run, const struct run *page)
{
    return (run->rights & RIGHTS) == (page->rights & RIGHTS);
}

static void show_rights(struct monitor *monitor, const struct run *run)
{
    monitor_print(monitor, "%016llx-%016llx %016llx %c%c%c%c\n", (unsigned long long)run->linear,
                  (unsigned long long)(run->linear + run->bytes), (unsigned long long)run->bytes,
                  run->rights & PTE_U ? 'u' : '-', 'r', run->rights & PTE_W ? 'w' : '-',
                  run->rights & PTE_NX ? '-' : 'x');
}

void monitor_info_mem(struct monitor *monitor, char *args)
{
    struct walk walk = {.monitor = monitor, .joins = same_rights, .show = show_rights};
    walk_all(&walk);
}

/* --- info tlb: which page goes where ------------------------------------------------------------------------------ */

static bool same_mapping(const struct run *run, const struct run *page)
{
    return run->rights == page->rights && run->size == page->size && page->physical == run->physical + run->bytes;
}

static void show_mapping(struct monitor *monitor, const struct run *run)
{
    static const struct {
        u64 bit;
        char letter;
    } flags[] = {{PTE_NX, 'X'},  {PTE_G, 'G'},   {PTE_PS, 'P'}, {PTE_D, 'D'}, {PTE_A, 'A'},
                 {PTE_PCD, 'C'}, {PTE_PWT, 'T'}, {PTE_U, 'U'},  {PTE_W, 'W'}};
    char text[ARRAY_SIZE(flags) + 1] = "";
    u64 rights = run->rights | (run->size > 4096 ? PTE_PS : 0);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        text[i] = rights & flags[i].bit ? flags[i].letter : '-';
    monitor_print(monitor, "%016llx: %016llx %s %llu x %llu KiB\n", (unsigned long long)run->linear,
                  (unsigned long long)run->physical, text, (unsigned long long)(run->bytes / run->size),
                  (unsigned long long)(run->size >> 10));
}

void monitor_info_tlb(struct monitor *monitor, char *args)
{
    struct walk walk = {.monitor = monitor, .joins = same_mapping, .show = show_mapping};
    walk_all(&walk);
}

void monitor_gva2gpa(struct monitor *monitor, char *args)
{
    struct cpu *cpu = monitor_cpu(monitor);
    u64 linear, physical;
    if (!monitor_expression(monitor, args, &linear))
        return;
    if (cpu && cpu_translate_debug(cpu, linear, &physical))
        monitor_print(monitor, "gpa: %#llx\n", (unsigned long long)physical);
    else
        monitor_print(monitor, "not mapped\n");
}
