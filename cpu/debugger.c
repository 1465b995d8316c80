/*
 * The debugger's breakpoints, watchpoints and single steps in the interpreter.
 *
 * Breakpoints: a block ends before an instruction that lies at some breakpoint's offset in a page, so that it begins the
 * next block, whose first op compares the whole address (blocks are kept by physical address).  Watchpoints: their pages
 * are kept out of the TLB; the instruction that touches one is started anew and executed alone, so that the stop follows
 * it and nothing else.  Without either nothing of this is in the way.
 *
 * Source: Intel SDM vol. 3B, "Debug Exceptions": the same rules as for the processor's own breakpoints.
 */
#include "cpu/debugger.h"

#include <errno.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/system.h"

static bool same(const struct point *a, const struct point *b)
{
    return a->address == b->address && a->kind == b->kind && a->length == b->length && a->owner == b->owner;
}

static void count(struct debugger *debugger)
{
    debugger->breakpoints = debugger->watchpoints = 0;
    memset(debugger->offsets, 0, sizeof(debugger->offsets));
    for (unsigned i = 0; i < debugger->count; i++) {
        const struct point *point = &debugger->points[i];
        if (point->kind != POINT_EXECUTE) {
            debugger->watchpoints++;
            continue;
        }
        debugger->breakpoints++;
        debugger->offsets[(point->address & 0xfff) >> 6] |= 1ull << (point->address & 63);
    }
    debugger->changed = true;
}

int debugger_add(struct cpu *cpu, const struct point *point)
{
    struct debugger *debugger = &cpu->debugger;
    if (point->kind > POINT_ACCESS || point->length < 1 || point->length > 8 ||
        (point->kind == POINT_EXECUTE && point->length != 1))
        return -EINVAL;
    for (unsigned i = 0; i < debugger->count; i++)
        if (same(&debugger->points[i], point))
            return 0;
    if (debugger->count == DEBUGGER_POINTS)
        return -ENOSPC;
    debugger->points[debugger->count++] = *point;
    count(debugger);
    return 0;
}

static void remove_at(struct debugger *debugger, unsigned i)
{
    debugger->count--;
    memmove(&debugger->points[i], &debugger->points[i + 1], (debugger->count - i) * sizeof(debugger->points[0]));
}

int debugger_remove(struct cpu *cpu, const struct point *point)
{
    struct debugger *debugger = &cpu->debugger;
    for (unsigned i = 0; i < debugger->count; i++)
        if (same(&debugger->points[i], point)) {
            remove_at(debugger, i);
            count(debugger);
            return 0;
        }
    return -ENOENT;
}

void debugger_remove_all(struct cpu *cpu, u8 owner)
{
    struct debugger *debugger = &cpu->debugger;
    unsigned before = debugger->count;
    for (unsigned i = debugger->count; i--;)
        if (debugger->points[i].owner == owner)
            remove_at(debugger, i);
    if (debugger->count != before)
        count(debugger);
}

const struct point *debugger_breakpoint(const struct debugger *debugger, u64 linear)
{
    if (!debugger_breaks_at_offset(debugger, linear))
        return NULL;
    for (unsigned i = 0; i < debugger->count; i++)
        if (debugger->points[i].kind == POINT_EXECUTE && debugger->points[i].address == linear)
            return &debugger->points[i];
    return NULL;
}

const struct point *debugger_watchpoint(const struct debugger *debugger, u64 linear, unsigned length, bool write)
{
    for (unsigned i = 0; i < debugger->count; i++) {
        const struct point *point = &debugger->points[i];
        if (point->kind == POINT_EXECUTE || point->kind == (write ? POINT_READ : POINT_WRITE))
            continue;
        if (linear - point->address < point->length || point->address - linear < length)
            return point;
    }
    return NULL;
}

/* --- for the interpreter --- */

static const struct point *here(const struct cpu *cpu)
{
    return debugger_breakpoint(&cpu->debugger, (cpu->code_base + cpu->rip) & cpu->code_mask);
}

bool debugger_is_here(const struct cpu *cpu) { return here(cpu) != NULL; }

bool debugger_stops(struct cpu *cpu)
{
    struct debugger *debugger = &cpu->debugger;
    if ((cpu->rflags & FLAG_RF) || debugger->stepping)
        return false;
    debugger->cause = STOP_BREAKPOINT;
    debugger->hit = *here(cpu);
    return true;
}

void debugger_before_access(struct cpu *cpu, u64 linear, unsigned length, bool write)
{
    if (cpu->debugger.restarts && debugger_watchpoint(&cpu->debugger, linear, length, write))
        longjmp(cpu->recover, RECOVER_ALONE);
}

void debugger_after_access(struct cpu *cpu, u64 linear, unsigned length, bool write)
{
    struct debugger *debugger = &cpu->debugger;
    const struct point *point = debugger_watchpoint(debugger, linear, length, write);
    if (!point || debugger->cause == STOP_WATCHPOINT)
        return;
    debugger->cause = STOP_WATCHPOINT;
    debugger->hit = *point;
}

void debugger_apply(struct cpu *cpu)
{
    cpu->debugger.changed = false;
    block_flush_all(cpu);
    u64 flushes = cpu->tlb_flushes;
    tlb_flush_all(cpu);
    cpu->tlb_flushes = flushes; /* the guest's page tables are what they were */
}
