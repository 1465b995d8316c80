/*
 * Lockstep: what the user is told, at the start, at a difference, and at the end.
 */
#include "accel/lockstep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/insn.h"

#define SHOWN 16u /* stores and accesses of a step, the last ones */

const char *lockstep_kind_name(enum lockstep_kind kind)
{
    static const char *const names[] = {"port read", "port write",  "read",      "write",     "interrupt acknowledge",
                                        "TSC read",  "IGNNE query", "APIC read", "APIC write"};
    return names[kind];
}

u64 lockstep_ran(const struct lockstep *ls)
{
    return ls->began_once ? cpu_instructions(ls->a->cpu) - ls->began_at : 0;
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static void report_element(const char *name, const u8 *a, const u8 *b, u32 size)
{
    char left[140], right[140];
    for (u32 i = 0; i < MIN(size, 64u); i++) {
        snprintf(left + i * 2, 3, "%02x", a[size - 1 - i]);
        snprintf(right + i * 2, 3, "%02x", b[size - 1 - i]);
    }
    error_report("lockstep:   %-16s A %s", name, left);
    error_report("lockstep:   %-16s B %s", "", right);
}

/* --- instructions ------------------------------------------------------------------------------------------------ */

static void report_trail(struct lockstep *ls)
{
    u64 shown = MIN(ls->trail_count, (u64)LOCKSTEP_TRAIL);
    error_report("lockstep: the last instruction%s that A executed:", shown == 1 ? "" : "s");
    for (u64 i = ls->trail_count - shown; i < ls->trail_count; i++) {
        struct lockstep_place *place = &ls->trail[i % LOCKSTEP_TRAIL];
        char text[120] = "?", hex[40] = "";
        struct insn insn;
        struct decoder decoder = {.code_size = place->code_size, .features = ls->a->cpu->features};
        if (!place->count)
            place->count = (u8)lockstep_fetch(ls, place, place->bytes);
        if (place->count && decode(&decoder, place->bytes, place->count, &insn)) {
            disassemble(&insn, place->rip, text, sizeof(text));
            for (unsigned at = 0; at < MIN(insn.length, 15u); at++)
                snprintf(hex + at * 2, 3, "%02x", place->bytes[at]);
        }
        error_report("lockstep:   %04x:%08llx  %-22s  %s", place->selector, (unsigned long long)place->rip, hex, text);
    }
}

/* --- memory and the outside -------------------------------------------------------------------------------------- */

static void report_store(struct lockstep *ls, const struct lockstep_store *store)
{
    const u8 *a = lockstep_a_memory(ls, store->phys), *b = a ? lockstep_b_memory(ls, a) : NULL;
    u32 size = MIN(store->size, 16u);
    char left[36] = "", right[36] = "";
    if (!b)
        return;
    for (u32 i = 0; i < size; i++) {
        snprintf(left + i * 2, 3, "%02x", a[i]);
        snprintf(right + i * 2, 3, "%02x", b[i]);
    }
    bool same = memcmp(a, b, store->size) == 0;
    error_report("lockstep:   %u bytes at %llx: A %s%s%s%s", store->size, (unsigned long long)store->phys, left,
                 size < store->size ? "..." : "", same ? "" : ", B ", same ? "" : right);
}

static void report_stores(struct lockstep *ls)
{
    size_t shown = MIN(ls->store_count, (size_t)SHOWN);
    if (!shown)
        return;
    error_report("lockstep: %zu store%s of A's to memory, as it is now, in its order:", ls->store_count,
                 ls->store_count == 1 ? "" : "s");
    machine_lock(ls->machine);
    for (size_t i = ls->store_count - shown; i < ls->store_count; i++)
        report_store(ls, &ls->stores[i]);
    machine_unlock(ls->machine);
}

static void report_events(const struct lockstep *ls)
{
    size_t shown = MIN(ls->event_count, (size_t)SHOWN);
    if (shown)
        error_report("lockstep: what A and the outside told one another:");
    for (size_t i = ls->event_count - shown; i < ls->event_count; i++) {
        const struct lockstep_event *event = &ls->events[i];
        if (event->kind == LOCKSTEP_ACKNOWLEDGE)
            error_report("lockstep:   interrupt %02llx behind %llu instructions", (unsigned long long)event->value,
                         (unsigned long long)event->address);
        else
            error_report("lockstep:   %s of %u bytes at %llx: %llx", lockstep_kind_name(event->kind), event->size,
                         (unsigned long long)event->address, (unsigned long long)event->value);
    }
}

/* --- both states ------------------------------------------------------------------------------------------------- */

static void print_to_file(void *out, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    vfprintf(out, fmt, arguments);
    va_end(arguments);
}

static char *print_state(const struct cpu *cpu)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    cpu_print_state(cpu, print_to_file, out);
    fclose(out);
    return text;
}

static void report_lines(const char *a, const char *b)
{
    char marks[200] = "";
    size_t length = MIN(strlen(a), strlen(b)), end = 0;
    if (!strcmp(a, b)) {
        error_report("lockstep:     %s", a);
        return;
    }
    for (size_t i = 0; i < MIN(length, sizeof(marks) - 1); i++) {
        marks[i] = a[i] == b[i] ? ' ' : '^';
        end = a[i] == b[i] ? end : i + 1;
    }
    marks[end] = 0;
    error_report("lockstep:   A %s", a);
    error_report("lockstep:   B %s", b);
    error_report("lockstep:     %s", marks);
}

static void report_states(const struct lockstep *ls)
{
    char *a = print_state(ls->a->cpu), *b = print_state(ls->b.cpu), *rest_a = a, *rest_b = b;
    error_report("lockstep: state of A and B, once where it is the same:");
    while (rest_a && rest_b && (*rest_a || *rest_b)) {
        char *line_a = strsep(&rest_a, "\n"), *line_b = strsep(&rest_b, "\n");
        report_lines(line_a, line_b);
    }
    free(a);
    free(b);
}

/* --- to repeat --------------------------------------------------------------------------------------------------- */

static void report_command(const struct lockstep *ls, const char *what, u64 step, u64 from, u64 count, u64 scan)
{
    error_report("lockstep: %s: %s -accel lockstep=%s:%s,step=%llu,from=%llu,count=%llu,scan=%llu", what, ls->command,
                 ls->first->name, ls->second->name, (unsigned long long)step, (unsigned long long)from,
                 (unsigned long long)count, (unsigned long long)scan);
}

/* What an engine that executes blocks does may depend on those it has already; they come again in a whole run only. */
static void report_repeat(const struct lockstep *ls)
{
    u64 end = cpu_instructions(ls->a->cpu), length = MAX(end - ls->began, (u64)1);
    u64 step = ls->second->timed ? 1 : ls->step, before = ls->began_at + ls->last_scan;
    if (!ls->command)
        return;
    if (ls->in_scan)
        report_command(ls, "to find the store", step, before, end - before, MAX(1, (end - before) / 256));
    else
        report_command(ls, "to repeat", step, ls->began, length, ls->scan);
    if (!ls->second->timed)
        report_command(ls, "to repeat all of the run", step, ls->from, ls->count, ls->scan);
    if (step != 1 && !ls->in_scan)
        report_command(ls, "to compare single instructions there", 1, ls->began, length, ls->scan);
    error_report("lockstep: it repeats as long as disks are what they were (-snapshot), and nothing from outside (keys, "
                 "lines, network, monitor) comes at another time");
}

/* --- the reports ------------------------------------------------------------------------------------------------- */

void lockstep_report(struct lockstep *ls)
{
    u64 end = cpu_instructions(ls->a->cpu);
    error_report("lockstep: %s (A) and %s (B) differ after instruction %llu, were equal after %llu", ls->first->name,
                 ls->second->name, (unsigned long long)end, (unsigned long long)ls->began);
    if (ls->problem[0])
        error_report("lockstep: %s", ls->problem);
    lockstep_each_difference(ls, report_element);
    report_trail(ls);
    report_stores(ls);
    report_events(ls);
    cpu_state_changed(ls->b.cpu); /* an engine that keeps state elsewhere has left derived state alone */
    report_states(ls);
    report_repeat(ls);
}

void lockstep_report_start(struct lockstep *ls)
{
    if (ls->second->timed || ls->step == 1)
        error_report("lockstep: %s (A) drives the machine, %s (B) follows; compared after every instruction",
                     ls->first->name, ls->second->name);
    else
        error_report("lockstep: %s (A) drives the machine, %s (B) follows; compared every %llu instructions",
                     ls->first->name, ls->second->name, (unsigned long long)ls->step);
    if (ls->b.user_only)
        error_report("lockstep: this host's KVM executes 64-bit user code: nothing else can be compared (modes=all: "
                     "whatever it executes, its defects included)");
}

static void report_agreement(const struct lockstep *ls)
{
    u64 ran = lockstep_ran(ls);
    if (ls->compared || ls->differ)
        error_report("lockstep: %s and %s %s: %llu of %llu instructions compared, in %llu steps; %llu stores, %llu "
                     "accesses to the outside, all memory %llu times",
                     ls->first->name, ls->second->name, ls->differ ? "DIFFER" : "agree",
                     (unsigned long long)ls->compared, (unsigned long long)ran, (unsigned long long)ls->steps,
                     (unsigned long long)ls->stores_compared, (unsigned long long)ls->accesses,
                     (unsigned long long)ls->scans);
    else if (ls->began_once)
        error_report("lockstep: %s and %s: NOTHING WAS COMPARED of %llu instructions", ls->first->name,
                     ls->second->name, (unsigned long long)ran);
    else
        error_report("lockstep: %s and %s: NOTHING WAS COMPARED: the run ended at instruction %llu, before from=%llu",
                     ls->first->name, ls->second->name, (unsigned long long)cpu_instructions(ls->a->cpu),
                     (unsigned long long)ls->from);
}

void lockstep_report_finish(struct lockstep *ls)
{
    report_agreement(ls);
    for (unsigned i = 0; i < LOCKSTEP_CAUSES && ls->causes[i].text; i++)
        error_report("lockstep: skipped %llu: %s", (unsigned long long)ls->causes[i].count, ls->causes[i].text);
}
