/*
 * Breakpoints and single steps as the thread that drives a CPU sees them.
 */
#include "accel/debug.h"

#include <stdlib.h>

struct announcement {
    struct debug *debug; /* NULL: it has gone */
};

u64 debug_place(const struct cpu *cpu)
{
    const struct segment *cs = &cpu->seg[CS];
    return (cpu->efer & EFER_LMA) && (cs->access & SEG_L) ? cpu->rip : (u32)(cs->base + cpu->rip);
}

static void put_in_gear(struct vcpu *vcpu, const struct engine *engine)
{
    machine_lock(vcpu->machine);
    vcpu->engine = engine;
    engine->load(vcpu);
    machine_unlock(vcpu->machine);
}

enum engine_exit debug_step(const struct debug *debug, struct vcpu *vcpu)
{
    const struct engine *engine = vcpu->engine;
    bool interrupts = debug->stepping && debug->interrupts;
    if (!engine->debug_step)
        return interp_step(vcpu, interrupts);
    enum engine_exit why = engine->debug_step(vcpu, interrupts);
    if (why != ENGINE_EXIT_CANNOT)
        return why;
    put_in_gear(vcpu, &interp_engine);
    why = interp_step(vcpu, interrupts);
    put_in_gear(vcpu, engine);
    return why;
}

bool debug_stopped(struct debug *debug, const struct cpu *cpu)
{
    static const enum accel_stop_reason reasons[] = {[STOP_STEP] = ACCEL_STOP_STEP,
                                                     [STOP_BREAKPOINT] = ACCEL_STOP_BREAKPOINT,
                                                     [STOP_WATCHPOINT] = ACCEL_STOP_WATCHPOINT};
    bool passed = debug->passing && !debug->stepping;
    debug->passing = debug->stepping = false;
    if (passed && cpu->debugger.cause == STOP_STEP)
        return false;
    debug->stop = (struct accel_stop){.reason = reasons[cpu->debugger.cause], .point = cpu->debugger.hit};
    return true;
}

void debug_goes_on(struct debug *debug, const struct cpu *cpu)
{
    debug->passing = debugger_breakpoint(&cpu->debugger, debug_place(cpu)) != NULL;
}

static void announce(void *opaque)
{
    struct announcement *announcement = opaque;
    struct debug *debug = announcement->debug;
    free(announcement);
    if (!debug)
        return;
    debug->pending = NULL;
    struct accel_listener *next;
    for (struct accel_listener *listener = debug->listeners; listener; listener = next) {
        next = listener->next;
        listener->state_changed(listener->opaque);
    }
}

void debug_announce(struct debug *debug, struct machine *machine)
{
    if (debug->pending || !debug->listeners)
        return;
    struct announcement *announcement = malloc(sizeof(*announcement));
    if (!announcement)
        return;
    announcement->debug = debug;
    debug->pending = announcement;
    loop_post(machine->loop, announce, announcement);
}

void debug_destroy(struct debug *debug)
{
    if (debug->pending)
        debug->pending->debug = NULL;
}
