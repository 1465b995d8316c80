/*
 * What a debugger outside of the guest wants of a CPU: breakpoints and watchpoints by linear address, single steps.
 * The guest's own debug registers (cpu/debug.c) know nothing of it, and it nothing of them.
 *
 * A breakpoint stops before the instruction at its address; RF holds it off as it does those of the guest, so that an
 * instruction that faulted, or a REP that was interrupted, does not stop twice.  A watchpoint stops after the
 * instruction that touched it, or after one iteration of REP; after the event, where the CPU touched it while delivering one.
 */
#ifndef CPU_DEBUGGER_H
#define CPU_DEBUGGER_H

#include "cpu/types.h"

struct cpu;

#define DEBUGGER_POINTS 128

enum point_kind { POINT_EXECUTE, POINT_WRITE, POINT_READ, POINT_ACCESS };

struct point {
    u64 address; /* linear */
    u8 kind;
    u8 length; /* of what is watched: 1 to 8; breakpoints: 1 */
    u8 owner;  /* whose it is: several debuggers do not see each other's */
};

enum stop_cause { STOP_NONE, STOP_STEP, STOP_BREAKPOINT, STOP_WATCHPOINT };

/* In struct cpu.  Changed while the CPU is in no engine. */
struct debugger {
    unsigned breakpoints, watchpoints;
    enum stop_cause cause; /* of the last CPU_EXIT_DEBUG; an engine other than the interpreter sets it, too */
    bool changed;      /* since the interpreter last ran */
    bool stepping;     /* cpu_step */
    bool quiet;        /* ... and interrupts wait */
    bool restarts;     /* an access to watched memory starts its instruction anew, to be executed alone */
    struct point hit;  /* STOP_BREAKPOINT, STOP_WATCHPOINT */
    u64 offsets[64];   /* bit per byte of a page: is there a breakpoint at this offset in some page? */
    struct point points[DEBUGGER_POINTS];
    unsigned count;
};

/* 0; -EINVAL: no such kind or length; -ENOSPC.  What is there already is not added again. */
int debugger_add(struct cpu *cpu, const struct point *point);
/* 0, or -ENOENT. */
int debugger_remove(struct cpu *cpu, const struct point *point);
/* All of one owner's. */
void debugger_remove_all(struct cpu *cpu, u8 owner);

/* The breakpoint at `linear`, or NULL. */
const struct point *debugger_breakpoint(const struct debugger *debugger, u64 linear);
/* The watchpoint that an access touches, or NULL. */
const struct point *debugger_watchpoint(const struct debugger *debugger, u64 linear, unsigned length, bool write);

#endif
