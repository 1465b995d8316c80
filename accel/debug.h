/*
 * How a debugger stops the machine, steps it, and lets it go on; the points themselves are in struct cpu
 * (cpu/debugger.h).  Inside accel/: others use what accel.h says of it.
 *
 * A single step is what the interpreter makes of it: one instruction, faults included, and the guest cannot tell.  An engine
 * makes those that it can make alike (kvm_step.c), the interpreter the others, and the engine stays in gear.
 */
#ifndef ACCEL_DEBUG_H
#define ACCEL_DEBUG_H

#include "accel/accel.h"

struct announcement;

struct debug {
    bool stepping, interrupts; /* accel_step */
    bool passing;              /* going on from a breakpoint: the instruction at it first */
    struct accel_stop stop;
    struct accel_listener *listeners;
    struct announcement *pending; /* on its way to the loop's thread */
};

/* Is the next instruction to be executed alone? */
static inline bool debug_is_alone(const struct debug *debug) { return debug->stepping || debug->passing; }
/* Do timers wait?  On a halted CPU the step is over when one has fired. */
static inline bool debug_holds_time(const struct debug *debug, const struct cpu *cpu)
{
    return debug->stepping && !debug->interrupts && cpu_has_work(cpu);
}
/* Executes it: lock not held. */
enum engine_exit debug_step(const struct debug *debug, struct vcpu *vcpu);
/* An engine came back with ENGINE_EXIT_DEBUG.  True: the machine stops, debug->stop says why. */
bool debug_stopped(struct debug *debug, const struct cpu *cpu);
/* The machine goes on from where it was stopped. */
void debug_goes_on(struct debug *debug, const struct cpu *cpu);
u64 debug_place(const struct cpu *cpu); /* linear address of the next instruction */

/* Tells the listeners, soon and on the loop's thread, that the machine was stopped or goes on. */
void debug_announce(struct debug *debug, struct machine *machine);
void debug_destroy(struct debug *debug);

#endif
