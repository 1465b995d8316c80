/*
 * Changing gear: moving a CPU from one engine to another, because the user asked (a shift), or for a while because the
 * engine in gear cannot go on (a detour through the interpreter).
 */
#ifndef ACCEL_SHIFT_H
#define ACCEL_SHIFT_H

#include "accel/accel.h"

/* Lock held: struct cpu := what the engine has.  An engine that has lost it ends the machine: no guest shall compute on
 * with half a state. */
void shift_store(struct vcpu *vcpu);
/* Lock held, on the vCPU's thread: the engine in gear has come back with ENGINE_EXIT_CANNOT. */
void shift_detour(struct vcpu *vcpu);
/* The interpreter has executed so many instructions of a detour: goes back when it is over. */
void shift_detour_ran(struct vcpu *vcpu, u64 instructions);
/* ENGINE_EXIT_DEAD: the interpreter takes over for good, if the state is not lost. */
void shift_give_up(struct vcpu *vcpu);
/* Not before the board has the time-stamp counter that the engine needs. */
int shift_create(struct vcpu *vcpu, const struct engine *engine, struct error *err);
/* Lock held, the vCPU parked: struct cpu is complete. */
int shift_to(struct vcpu *vcpu, const struct engine *engine, struct error *err);

/* A table of what led to detours. */
void shift_print_causes(const struct shift *shift, exits_printer *print, void *out);

/* The guest stood still so long while the user shifted so often. */
void shift_took(struct shift *shift, u64 shifts, u64 ns);

/* What an engine for user code only gained in ns of host time, of which so many pages had to be made known to it, when
 * the change to and from it took changes_ns; negative: it lost. */
i64 shift_stay_pays(u64 ns, u64 pages, u64 changes_ns);

/* Lock held: the memory map changed.  The engine in gear has to know, too, while the interpreter stands in for it. */
void shift_map_changed(struct vcpu *vcpu);

/* Length in instructions of the next detour, when the last one was `length` and the engine in gear then ran `ns`. */
u64 shift_next_length(u64 length, u64 ns);

#endif
