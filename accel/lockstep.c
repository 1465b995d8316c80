/*
 * Lockstep: two engines execute the same guest side by side, and stop at the first difference.
 *
 * A is in charge of the machine: it executes one instruction after another, each decoded anew, and every store and every
 * access to the outside is noted.  After a step of so many instructions B executes as many from the same state, on RAM of
 * its own, hears from the outside what A heard, and takes interrupts where A took them.  Then registers, A's stores and,
 * from time to time, all of memory are compared.  A step ends early after an instruction that reached a device.
 *
 * B is the interpreter with its blocks, links and TLB; or an engine that can single-step (KVM), which is compared by
 * single instructions.  What such an engine cannot execute, and what only a real processor can answer (CPUID, RDTSC), is
 * skipped and counted: B then gets A's state.  So are the parts of a REP string instruction but the last one: engines
 * divide it as they like.
 *
 * Not modelled: NMI and INIT that arrive in the middle of an instruction of A's; DMA that the guest polls for in memory.
 */
#include "accel/lockstep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_INTERVAL (1ull << 25) /* instructions from one comparison of all memory to the next */

static struct lockstep *lockstep_of(const struct vcpu *vcpu)
{
    return vcpu->engine_state;
}

/* --- skipping ---------------------------------------------------------------------------------------------------- */

static void count_skipped(struct lockstep *ls, const char *cause, u64 instructions)
{
    for (unsigned i = 0; i < LOCKSTEP_CAUSES && instructions; i++) {
        if (!ls->causes[i].text)
            ls->causes[i].text = cause;
        if (strcmp(ls->causes[i].text, cause))
            continue;
        ls->causes[i].count += instructions;
        return;
    }
}

/* B did not execute the step: it gets what A made of it. */
static void skip(struct lockstep *ls, const char *cause, u64 instructions)
{
    lockstep_apply_stores(ls);
    ls->resync = true;
    count_skipped(ls, cause, instructions);
}

/* --- A ----------------------------------------------------------------------------------------------------------- */

static void begin_step(struct lockstep *ls)
{
    ls->event_count = ls->next_event = ls->store_count = 0;
    ls->trail_count = 0;
    ls->touched = false;
    ls->began = cpu_instructions(ls->a->cpu);
}

static bool has_pin_event(const struct cpu *cpu)
{
    return cpu->nmi_pending || cpu->init_pending || cpu->startup_pending;
}

/* Everything is executed alone, by a run of its own. */
static enum engine_exit run_a(struct lockstep *ls, u64 limit)
{
    enum engine_exit why = ENGINE_EXIT_BUDGET;
    u64 executed = 0;
    while (executed < limit && why == ENGINE_EXIT_BUDGET && !ls->touched && !ls->map_stale) {
        if (executed && has_pin_event(ls->a->cpu))
            break;
        lockstep_note_place(ls);
        why = ls->first->run(ls->a, 1);
        executed = cpu_instructions(ls->a->cpu) - ls->began;
    }
    return why;
}

/* --- B, an engine that counts ------------------------------------------------------------------------------------ */

static bool run_b_to(struct lockstep *ls, u64 start, u64 target)
{
    for (;;) {
        u64 executed = cpu_instructions(ls->b.cpu) - start;
        if (executed >= target)
            return executed == target;
        enum engine_exit why = ls->second->run(&ls->b, target - executed);
        if (why != ENGINE_EXIT_BUDGET && why != ENGINE_EXIT_KICKED)
            return cpu_instructions(ls->b.cpu) - start == target;
    }
}

/* As far as A's next interrupt, which B takes there, and so on. */
static bool run_b_counting(struct lockstep *ls, u64 executed, enum engine_exit why_a)
{
    u64 start = cpu_instructions(ls->b.cpu);
    for (size_t i = 0; i < ls->event_count; i++) {
        const struct lockstep_event *event = &ls->events[i];
        if (event->kind != LOCKSTEP_ACKNOWLEDGE)
            continue;
        if (!run_b_to(ls, start, event->address))
            return false;
        cpu_set_intr(ls->b.cpu, true);
        ls->second->run(&ls->b, 0);
        cpu_set_intr(ls->b.cpu, false);
    }
    bool there = run_b_to(ls, start, executed);
    if (there && why_a == ENGINE_EXIT_SHUTDOWN)
        ls->second->run(&ls->b, 1);
    return there;
}

static void step_b_counting(struct lockstep *ls, enum engine_exit why_a)
{
    u64 executed = cpu_instructions(ls->a->cpu) - ls->began;
    if (!run_b_counting(ls, executed, why_a) && !ls->problem[0])
        snprintf(ls->problem, sizeof(ls->problem), "B stops short of A's %llu instructions",
                 (unsigned long long)executed);
    if (ls->next_event != ls->event_count && !ls->problem[0])
        snprintf(ls->problem, sizeof(ls->problem), "A reached the outside %zu times, B %zu", ls->event_count,
                 ls->next_event);
    ls->compared += executed;
}

/* --- B, an engine that single-steps ------------------------------------------------------------------------------ */

/* Faults and interrupts that A has seen. */
static u64 events_of(const struct cpu *cpu) { return cpu->stats.faults + cpu->stats.interrupts; }

#define NOT_TAKEN "a state that B does not take"

static const char *why_not_stepped(struct lockstep *ls, u64 events_before, u64 rip)
{
    if (events_of(ls->a->cpu) != events_before)
        return "an exception or interrupt";
    if (cpu_instructions(ls->a->cpu) == ls->began)
        return "no instruction";
    if (ls->personal)
        return "an instruction that asks for the processor itself";
    if (ls->repeats && ls->a->cpu->rip == rip)
        return "a part of a string instruction";
    for (size_t i = 0; i < ls->event_count; i++)
        if (ls->events[i].kind >= LOCKSTEP_ACKNOWLEDGE)
            return "an interrupt, time stamp or APIC register";
    return NULL;
}

/* A string instruction with a REP prefix stops after one of its elements or some; A is behind all of them. */
static void step_b_single(struct lockstep *ls, u64 rip)
{
    enum engine_exit why;
    u64 left = ls->repeats ? MAX(ls->b.cpu->gpr[RCX], 1ull) : 1;
    do {
        why = ls->second->step(&ls->b);
        machine_lock(ls->shadow);
        ls->second->store(&ls->b);
        machine_unlock(ls->shadow);
        if (why != ENGINE_EXIT_DEBUG) {
            skip(ls, ls->b.cannot ? ls->b.cannot : "no single step", 1);
            return;
        }
    } while (--left && ls->b.cpu->rip == rip);
    if (ls->next_event != ls->event_count && !ls->problem[0])
        snprintf(ls->problem, sizeof(ls->problem), "A reached the outside, B did not");
    ls->compared += cpu_instructions(ls->a->cpu) - ls->began;
}

static bool load_b(struct lockstep *ls)
{
    machine_lock(ls->shadow);
    bool ready = !ls->second->ready || ls->second->ready(&ls->b);
    if (ready)
        ls->second->load(&ls->b);
    machine_unlock(ls->shadow);
    return ready;
}

/* --- a step ------------------------------------------------------------------------------------------------------ */

/* B's state := A's, where it was not compared. */
static void resynchronize(struct lockstep *ls)
{
    if (!ls->resync)
        return;
    ls->resync = false;
    lockstep_copy_state(ls);
    if (!ls->second->timed) {
        lockstep_copy_memory(ls);
        cpu_state_changed(ls->b.cpu);
    }
}

/* A pin that the board drives: an access of A's may have changed it, which B's cannot. */
static void follow_a20(struct lockstep *ls)
{
    if (ls->a->cpu->a20 != ls->b.cpu->a20)
        cpu_set_a20(ls->b.cpu, ls->a->cpu->a20);
}

/* What the board did to A's pins between steps. */
static void follow_pins(struct lockstep *ls)
{
    struct cpu *a = ls->a->cpu, *b = ls->b.cpu;
    follow_a20(ls);
    if (a->nmi_pending && !b->nmi_pending)
        cpu_raise_nmi(b);
    b->nmi_pending = a->nmi_pending;
    if (a->init_pending)
        cpu_raise_init(b);
    if (a->startup_pending)
        cpu_start_up(b, a->startup_vector);
}

/* A counts the elements of a string instruction, or some of them together, as instructions; it is executed as a whole if
 * nothing comes between and the limit allows. */
static enum engine_exit run_a_instruction(struct lockstep *ls, u64 limit)
{
    const struct cpu *a = ls->a->cpu;
    u64 rip = a->rip, events = events_of(a);
    enum engine_exit why;
    do
        why = ls->first->run(ls->a, 1);
    while (ls->repeats && a->rip == rip && why == ENGINE_EXIT_BUDGET && events_of(a) == events && !ls->map_stale &&
           cpu_instructions(a) - ls->began < limit && !has_pin_event(a));
    return why;
}

static void step_single(struct lockstep *ls, u64 limit, enum engine_exit *why)
{
    const struct cpu *a = ls->a->cpu;
    u64 events = events_of(a), rip = a->rip;
    lockstep_note_place(ls);
    lockstep_look(ls);
    *why = run_a_instruction(ls, limit);
    const char *cause = why_not_stepped(ls, events, rip);
    if (!cause && !load_b(ls))
        cause = NOT_TAKEN;
    if (cause)
        skip(ls, cause, cpu_instructions(a) - ls->began);
    else
        step_b_single(ls, rip);
}

static bool is_64bit_user(const struct cpu *cpu)
{
    return cpu->cpl == 3 && (cpu->mode & MODE_CODE) == MODE_CODE64;
}

/* A alone, as far as B could not follow. */
static void step_without_b(struct lockstep *ls, u64 limit, enum engine_exit *why)
{
    const struct cpu *a = ls->a->cpu;
    do
        *why = ls->first->run(ls->a, 1);
    while (*why == ENGINE_EXIT_BUDGET && !is_64bit_user(a) && !ls->touched && !ls->map_stale &&
           cpu_instructions(a) - ls->began < limit && !has_pin_event(a));
    skip(ls, "no 64-bit user code", cpu_instructions(a) - ls->began);
}

static void step_timed(struct lockstep *ls, u64 limit, enum engine_exit *why)
{
    if (ls->b.user_only && !is_64bit_user(ls->a->cpu))
        step_without_b(ls, limit, why);
    else
        step_single(ls, limit, why);
}

static bool equal(struct lockstep *ls)
{
    if (ls->problem[0])
        return false;
    if (ls->resync)
        return true;
    if (!lockstep_same_state(ls) || !lockstep_same_stores(ls))
        return false;
    ls->b.cpu->rflags = ls->a->cpu->rflags;
    if (lockstep_ran(ls) - ls->last_scan < ls->scan)
        return true;
    lockstep_apply_mirrors(ls);
    return lockstep_same_memory(ls);
}

/* False: they differ. */
static bool step(struct lockstep *ls, u64 limit, enum engine_exit *why)
{
    lockstep_sync_map(ls);
    lockstep_apply_mirrors(ls);
    resynchronize(ls);
    follow_pins(ls);
    begin_step(ls);
    if (ls->second->timed) {
        step_timed(ls, limit, why);
    } else {
        *why = run_a(ls, limit);
        step_b_counting(ls, *why);
    }
    ls->steps++;
    follow_a20(ls);
    bool same = equal(ls);
    lockstep_apply_mirrors(ls);
    return same;
}

/* --- the engine -------------------------------------------------------------------------------------------------- */

static void attach(struct lockstep *ls)
{
    lockstep_sync_map(ls);
    lockstep_attach_bus(ls);
    machine_lock(ls->machine);
    ls->attached = true;
    if (!ls->began_once)
        ls->began_at = cpu_instructions(ls->a->cpu);
    ls->began_once = true;
    ls->b.thread = pthread_self();
    ls->problem[0] = 0;
    ls->mirror_count = 0;
    ls->mirror_all = false;
    lockstep_copy_memory(ls);
    machine_unlock(ls->machine);
    ls->resync = true;
}

static void detach(struct lockstep *ls)
{
    if (!ls->attached)
        return;
    ls->attached = false;
    lockstep_detach_bus(ls);
}

static enum engine_exit end(struct lockstep *ls, const char *text)
{
    machine_lock(ls->machine);
    if (text)
        machine_request(ls->machine, EVENT_INTERNAL, text);
    else
        machine_guest_exit(ls->machine, 0);
    machine_unlock(ls->machine);
    return ENGINE_EXIT_KICKED;
}

static enum engine_exit differ(struct lockstep *ls)
{
    ls->differ = true;
    lockstep_report(ls);
    return end(ls, "the engines differ");
}

static enum engine_exit run(struct vcpu *vcpu, u64 budget)
{
    struct lockstep *ls = lockstep_of(vcpu);
    enum engine_exit why = ENGINE_EXIT_BUDGET;
    u64 began = cpu_instructions(vcpu->cpu), done;
    if (began < ls->from && !ls->attached)
        return ls->first->run(vcpu, MIN(budget, ls->from - began));
    if (!ls->attached)
        attach(ls);
    while (why == ENGINE_EXIT_BUDGET && (done = cpu_instructions(vcpu->cpu) - began) < budget) {
        u64 limit = ls->second->timed ? budget - done : MIN(ls->step, budget - done);
        if (ls->count)
            limit = MIN(limit, ls->count - lockstep_ran(ls));
        if (!step(ls, limit, &why))
            return differ(ls);
        if (ls->count && lockstep_ran(ls) >= ls->count)
            return end(ls, NULL);
        if (ls->touched || ls->map_stale)
            break;
    }
    return why;
}

static int probe(struct error *why)
{
    return 0;
}
static void kick(struct vcpu *vcpu)
{
    lockstep_of(vcpu)->first->kick(vcpu);
}

static void load(struct vcpu *vcpu)
{
    struct lockstep *ls = lockstep_of(vcpu);
    ls->first->load(vcpu);
    detach(ls); /* the monitor may have written anything: everything is copied anew */
}

static void store(struct vcpu *vcpu)
{
    struct lockstep *ls = lockstep_of(vcpu);
    ls->first->store(vcpu);
    detach(ls);
}

/* A chip changes A's registers (VMware's mouse port): B cannot know. */
static bool registers(struct vcpu *vcpu, bool write)
{
    lockstep_of(vcpu)->resync |= write;
    return true;
}

static void map_changed(struct vcpu *vcpu)
{
    lockstep_of(vcpu)->first->map_changed(vcpu);
}

static const struct engine *named(const char *name, size_t length, const char *all, struct error *err)
{
    const struct engine *engine = engine_find(name, length);
    if (!engine)
        error_set(err, EINVAL, "-accel lockstep=%s: wants two engines, as interp:kvm; there is no '%.*s'", all,
                  (int)length, name);
    return engine;
}

/* Who drives the machine must count instructions. */
static void let_lead(struct lockstep *ls)
{
    const struct engine *other = ls->first;
    if (!ls->first->timed || ls->second->timed)
        return;
    ls->first = ls->second;
    ls->second = other;
    error_report("lockstep: %s does not count instructions, so %s is A, and %s is B", other->name, ls->first->name,
                 other->name);
}

static int choose_engines(struct lockstep *ls, const struct lockstep_options *options, struct error *err)
{
    const char *names = options->engines, *colon = strchr(names, ':');
    struct error why = {""};
    if (!colon)
        return error_set(err, EINVAL, "-accel lockstep=%s: wants two engines, as interp:kvm", names);
    ls->first = named(names, (size_t)(colon - names), names, err);
    ls->second = options->second ? options->second : named(colon + 1, strlen(colon + 1), names, err);
    if (!ls->first || !ls->second)
        return -EINVAL;
    let_lead(ls);
    if (ls->first->timed)
        return error_set(err, EINVAL, "-accel lockstep=%s: one of the two must count instructions, as interp does", names);
    if (ls->second->timed && !ls->second->step)
        return error_set(err, EINVAL, "-accel lockstep=%s: %s cannot execute single instructions", names,
                         ls->second->name);
    if (ls->second->timed && options->step > 1)
        return error_set(err, EINVAL, "-accel lockstep=%s,step=%llu: %s is compared after every instruction, so step=1",
                         names, (unsigned long long)options->step, ls->second->name);
    if (ls->second->probe(&why) < 0)
        return error_set(err, ENODEV, "-accel lockstep=%s: %.300s", names, why.text);
    return 0;
}

/* A CPU like A's. */
static int create_b_cpu(struct lockstep *ls, struct error *err)
{
    char why[200] = "out of memory";
    const struct cpu *a = ls->a->cpu;
    struct cpu *b = cpu_create(CPU_DEFAULT_MODEL, NULL, &ls->b_bus, ls, why);
    if (!b)
        return error_set(err, ENOMEM, "-accel lockstep: %s", why);
    b->model = a->model;
    memcpy(b->features, a->features, sizeof(b->features));
    b->phys_mask = a->phys_mask;
    b->apic_id = a->apic_id;
    cpu_reset(b);
    ls->b = (struct vcpu){.machine = ls->shadow,
                          .cpu = b,
                          .engine = ls->second,
                          .slice_ns = 1000000000,
                          .kvm_all_modes = ls->a->kvm_all_modes,
                          .patient = true};
    ls->shadow->cpus[0] = b;
    ls->shadow->cpu_count = 1;
    int r = ls->second->create(&ls->b, err);
    memcpy(ls->a->cpu->features, b->features, sizeof(b->features)); /* without what the host's KVM lacks */
    return r;
}

/* After the last instruction: stores that nobody asked for. */
static void compare_at_end(struct lockstep *ls)
{
    if (!ls->attached || ls->differ || (ls->resync && !ls->second->timed) || !ls->compared)
        return;
    lockstep_apply_mirrors(ls);
    if (lockstep_same_memory(ls))
        return;
    ls->differ = true;
    lockstep_report(ls);
}

enum lockstep_verdict lockstep_finish(struct vcpu *vcpu)
{
    struct lockstep *ls = lockstep_of(vcpu);
    if (!ls->finished) {
        compare_at_end(ls);
        lockstep_report_finish(ls);
    }
    ls->finished = true;
    return ls->differ ? LOCKSTEP_DIFFER : ls->compared ? LOCKSTEP_AGREE : LOCKSTEP_NOTHING;
}

static void destroy(struct vcpu *vcpu)
{
    struct lockstep *ls = lockstep_of(vcpu);
    if (!ls)
        return;
    lockstep_finish(vcpu);
    detach(ls);
    if (ls->b.cpu) {
        ls->second->destroy(&ls->b);
        cpu_destroy(ls->b.cpu);
    }
    if (ls->shadow)
        lockstep_free_shadow(ls);
    free(ls->events);
    free(ls->stores);
    free(ls);
    vcpu->engine_state = NULL;
}

/* For `info accel`. */
static void print(const struct vcpu *vcpu, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out)
{
    const struct lockstep *ls = lockstep_of(vcpu);
    print(out, "lockstep: %s (A) drives the machine, %s (B) follows\n", ls->first->name, ls->second->name);
    if (!ls->began_once)
        print(out, "comparing begins at instruction %llu\n", (unsigned long long)ls->from);
    else
        print(out, "compared: %llu of %llu instructions, equal so far\n", (unsigned long long)ls->compared,
              (unsigned long long)lockstep_ran(ls));
    for (unsigned i = 0; i < LOCKSTEP_CAUSES && ls->causes[i].text; i++)
        print(out, "  skipped %llu: %s\n", (unsigned long long)ls->causes[i].count, ls->causes[i].text);
}

static int create(struct vcpu *vcpu, struct error *err)
{
    const struct lockstep_options *options = vcpu->lockstep;
    struct lockstep *ls = calloc(1, sizeof(*ls));
    if (!ls)
        return error_set(err, ENOMEM, "out of memory for lockstep");
    vcpu->engine_state = ls;
    *ls = (struct lockstep){.a = vcpu,
                            .machine = vcpu->machine,
                            .from = options->from,
                            .count = options->count,
                            .scan = options->scan ? options->scan : SCAN_INTERVAL,
                            .command = options->command};
    int r = choose_engines(ls, options, err);
    ls->step = options->step && r == 0 && !ls->second->timed ? MIN(options->step, (u64)LOCKSTEP_STEP_MAX) : 64;
    if (r == 0)
        r = lockstep_build_shadow(ls, err);
    if (r == 0)
        r = create_b_cpu(ls, err);
    if (r == 0) {
        lockstep_report_start(ls);
        return 0;
    }
    if (ls->b.cpu)
        cpu_destroy(ls->b.cpu);
    if (ls->shadow)
        lockstep_free_shadow(ls);
    free(ls);
    vcpu->engine_state = NULL;
    return r;
}

const struct engine lockstep_engine = {
    .name = "lockstep",
    .description = "two engines side by side, compared",
    .probe = probe,
    .create = create,
    .destroy = destroy,
    .run = run,
    .kick = kick,
    .load = load,
    .store = store,
    .registers = registers,
    .map_changed = map_changed,
    .print = print,
};
