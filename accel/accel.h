/*
 * Engines: what executes the CPU, and the thread that drives it.
 *
 * Nothing outside accel/ knows which engine is in gear.  struct cpu is the truth whenever no engine is inside run(): an
 * engine that keeps state elsewhere (KVM) moves it in load() and store().  All functions of an engine are called on the
 * vCPU's own thread without the machine lock, unless said otherwise.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "accel/exits.h"
#include "cpu/cpu.h"
#include "machine/machine.h"

enum engine_exit {
    ENGINE_EXIT_BUDGET,   /* the instructions asked for were executed, or a time slice ended */
    ENGINE_EXIT_KICKED,   /* someone asked for attention */
    ENGINE_EXIT_HALTED,   /* nothing to do until an interrupt */
    ENGINE_EXIT_SHUTDOWN, /* triple fault */
    ENGINE_EXIT_DEBUG,    /* breakpoint or single step of a debugger */
    ENGINE_EXIT_CANNOT,   /* this engine cannot execute the instruction at RIP, vcpu->cannot says why: another one must */
    ENGINE_EXIT_DEAD,     /* the engine failed for good, vcpu->cannot says why */
};

struct vcpu;

struct engine {
    const char *name; /* "interp" */
    const char *description;
    bool timed; /* does not count instructions: run() ends after vcpu->slice_ns, and -icount is impossible */
    /* What time-stamp counter it needs from power-on; false: any will do.  NULL: the same. */
    bool (*tsc)(struct machine_tsc *tsc);
    /* 0 if it can run here, else -errno and the reason; any thread. */
    int (*probe)(struct error *why);
    /* 0 if it is faster than the interpreter in every mode, by trial; 1 and the reason if in 64-bit user code only; else
     * -errno and the reason.  NULL: it is. */
    int (*measure)(struct error *why);
    int (*create)(struct vcpu *vcpu, struct error *err);
    void (*destroy)(struct vcpu *vcpu);
    /* Executes at most `budget` instructions where the engine can count, else for about a millisecond. */
    enum engine_exit (*run)(struct vcpu *vcpu, u64 budget);
    /* Executes one instruction and no interrupt: ENGINE_EXIT_DEBUG if it did.  NULL: run() with a budget of 1 does it. */
    enum engine_exit (*step)(struct vcpu *vcpu);
    /* For a debugger: as cpu_step (cpu/cpu.h).  ENGINE_EXIT_CANNOT: nothing of it was done, struct cpu is complete, and the
     * interpreter makes this step.  NULL: it is the interpreter. */
    enum engine_exit (*debug_step)(struct vcpu *vcpu, bool interrupts);
    /* Any thread, signal handlers too: run() returns soon. */
    void (*kick)(struct vcpu *vcpu);
    /* INTR or NMI rose, or a timer is due earlier; machine lock held, any thread.  NULL: the engine looks by itself. */
    void (*attend)(struct vcpu *vcpu);
    void (*load)(struct vcpu *vcpu);  /* struct cpu -> engine; machine lock held */
    void (*store)(struct vcpu *vcpu); /* engine -> struct cpu; machine lock held */
    /* Moves RAX to RDI (by the numbers of cpu.h) between struct cpu and the engine, inside an IN or OUT that run() serves;
     * NULL: struct cpu has them.  False: the engine cannot. */
    bool (*registers)(struct vcpu *vcpu, bool write);
    /* Can it go on from struct cpu as it is?  Lock held, while another engine is in its place.  NULL: always. */
    bool (*ready)(struct vcpu *vcpu);
    /* After store(): struct cpu is whole.  NULL: always. */
    bool (*alive)(struct vcpu *vcpu);
    /* The memory map changed; machine lock held, any thread: takes effect before guest code runs on. */
    void (*map_changed)(struct vcpu *vcpu);
    /* More lines for `info accel`; machine lock held.  NULL: none. */
    void (*print)(const struct vcpu *vcpu, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out);
    /* Makes the writes to registers that it has gathered (machine/memory.h, late_writes); lock held, any thread.  NULL: it
     * gathers none. */
    void (*settle)(struct vcpu *vcpu);
    /* Starts or stops collecting PAGE_DIRTY_SAVE for all of RAM; NULL: the engine's writes always set page flags. */
    int (*dirty_log)(struct vcpu *vcpu, bool on);
};

extern const struct engine interp_engine;
/* For a debugger: cpu_step, on the vCPU's thread with the interpreter in gear; ENGINE_EXIT_DEBUG if it did. */
enum engine_exit interp_step(struct vcpu *vcpu, bool interrupts);
extern const struct engine kvm_engine; /* if CONFIG_KVM */
extern const struct engine lockstep_engine; /* two others, compared; not in the list */
/* All engines of this build, best first, NULL-terminated. */
extern const struct engine *const engines[];
/* The one of this name, `length` characters of it; NULL: this build has none. */
const struct engine *engine_find(const char *name, size_t length);

/* -accel lockstep=A:B (accel/lockstep.c). */
struct lockstep_options {
    const char *engines; /* "interp:kvm"; NULL: no lockstep */
    u64 step;            /* instructions from one comparison to the next; 0: as is best for B */
    u64 from, count;     /* first instruction to compare, and how many until the machine ends (0: for ever) */
    u64 scan;            /* instructions from one comparison of all memory to the next; 0: every 2^25 */
    const char *command; /* a shell command that repeats the run, which further options may follow; may be NULL */
    const struct engine *second; /* in place of the one named: a test's, with an error in it; NULL */
};

enum lockstep_verdict {
    LOCKSTEP_NONE,    /* it was no lockstep */
    LOCKSTEP_AGREE,   /* in what was compared */
    LOCKSTEP_DIFFER,
    LOCKSTEP_NOTHING, /* was compared */
};

struct accel;

#define SHIFT_CAUSES 48

/* How a vCPU changes gear (accel/shift.c). */
struct shift {
    const struct engine *gear; /* what the user asked for; vcpu->engine differs during a detour */
    u64 length, left;          /* instructions: of the next detour; of the one under way, 0: in gear */
    u64 in_gear_at;            /* host ns at which the engine in gear took over */
    bool automatic;            /* the user asked for `auto` */
    /* For an engine that executes user code only: */
    u64 quiet;                 /* instructions since the guest's system was last entered */
    u64 entries;               /* how often it had been */
    i64 credit;                /* host ns gained by that engine, or lost */
    u64 judged_at, exits_at;
    u64 load_ns, stay_from;    /* this thread's time: of the change to it, when it began */
    u64 detours, detour_instructions, shifts;
    u64 changes, ns, ns_max;   /* of engine, and what they took */
    u64 parked, parked_ns, parked_max; /* for how many shifts the guest stood still, and how long */
    u64 detour_from;           /* host ns at which the detour under way began */
    struct shift_cause {
        const char *text;
        u64 count, instructions, ns; /* ... and what the interpreter executed then, in which time */
    } causes[SHIFT_CAUSES];    /* the last one that is free takes all others */
    struct shift_cause *cause; /* of the detour under way; NULL: none */
    char lost[200];            /* what the user is told of a lost state */
};

struct vcpu {
    struct accel *accel;
    struct machine *machine;
    struct cpu *cpu;
    const struct engine *engine; /* what executes now */
    void *engine_state;          /* KVM's; kept while another engine is in gear */
    struct shift shift;
    u64 slice_ns;                /* for engines that are timed */
    u64 exits;                   /* returns of an engine that is timed from guest code */
    struct exits exit_stats;     /* of engines that leave the guest; the vCPU's thread, or whoever has parked it */
    const char *cannot;
    int code;                    /* errno of the call that made the engine lose the state */
    bool expected;               /* ... and the user was told so when the engine was put in gear */
    bool failed;                 /* engine_state is that of an engine that has died */
    bool kvm_all_modes;
    bool user_only;   /* engine_state executes 64-bit user code and nothing else */
    bool patient;     /* ready() may wait, with the lock released, until the engine is */
    const struct lockstep_options *lockstep;
    pthread_t thread;
    bool started;
    bool parked;      /* outside guest code and staying there; machine lock */
};

struct accel_options {
    const char *cpu_model, *cpu_features; /* features may be NULL */
    const char *engine;  /* by name; NULL: the interpreter */
    bool automatic;      /* it was chosen by accel_choose, for `auto` */
    const char *const *others; /* what the user would have in its place, if accel_create finds that it does not work */
    int other_count;
    bool stats;          /* exits and fallbacks are printed at the end, */
    const char *stats_file; /* to this file; NULL: to standard error */
    bool kvm_all_modes;  /* KVM executes even what this host's KVM is known to get wrong */
    struct lockstep_options lockstep;
    int icount_shift;    /* -1: real time */
    bool icount_sleep;   /* idle time passes in real time even under icount */
    bool no_reboot, no_shutdown;
};

/* The first engine of `wanted` ("kvm", "interp", "auto") that this host has: sets engine, automatic and others; none wanted:
 * the interpreter.  `wanted` is read until accel_create is done.  -EINVAL if the host has none of them. */
int accel_choose(const char *const *wanted, int count, struct accel_options *options, struct error *err);

/* Creates CPU 0, plugs it into the board (machine->cpus, intr, kick, a20) and prepares its thread; the guest does not
 * run before accel_start.  NULL and err on failure. */
struct accel *accel_create(struct machine *machine, const struct accel_options *options, struct error *err);
int accel_start(struct accel *accel, struct error *err);
/* machine->state is RUN_QUIT: waits for the threads and takes everything apart. */
void accel_destroy(struct accel *accel);

/* Lock held.  After accel_pause no vCPU is inside guest code and struct cpu is complete; nests. */
void accel_pause(struct accel *accel);
void accel_resume(struct accel *accel);
/* Lock held: state to RUN_RUNNING or RUN_STOPPED (monitor stop, cont). */
void accel_set_state(struct accel *accel, enum run_state state);

/* --- debuggers: points are set by debugger_add (cpu/debugger.h) on a paused machine --- */

enum accel_stop_reason {
    ACCEL_STOP_USER,
    ACCEL_STOP_STEP,
    ACCEL_STOP_BREAKPOINT, /* point: which */
    ACCEL_STOP_WATCHPOINT,
    ACCEL_STOP_POWER_OFF,  /* with no_shutdown */
};

struct accel_stop {
    enum accel_stop_reason reason;
    struct point point;
};

enum { POINT_OF_MONITOR, POINT_OF_GDB }; /* struct point.owner */

/* Told on the loop's thread, lock held, after machine->state went between RUN_RUNNING and RUN_STOPPED; a short stay in
 * either may go unseen. */
struct accel_listener {
    void (*state_changed)(void *opaque);
    void *opaque;
    struct accel_listener *next;
};

/* 0, or -EINVAL if this engine (lockstep) takes no debugger. */
int accel_can_debug(const struct accel *accel, struct error *err);
/* Lock held, all of these.  The listener stays the caller's. */
void accel_listen(struct accel *accel, struct accel_listener *listener);
void accel_unlisten(struct accel *accel, struct accel_listener *listener);
/* Why the machine was stopped last. */
struct accel_stop accel_last_stop(const struct accel *accel);
/* From RUN_STOPPED: executes one instruction and stops again.  Timers and interrupts wait, unless `interrupts`; on a
 * halted CPU it waits for one. */
void accel_step(struct accel *accel, bool interrupts);

/* How the machine ended, valid in RUN_QUIT: EVENT_NONE when the user quit. */
enum machine_event accel_ending(const struct accel *accel);
/* In RUN_QUIT, lock not held: waits for the vCPU, compares a last time and tells the user how much was compared. */
enum lockstep_verdict accel_verdict(struct accel *accel);
/* ... which is this, of lockstep's vCPU. */
enum lockstep_verdict lockstep_finish(struct vcpu *vcpu);

/* Lock held: from here on the named engine executes.  Nothing changes on failure. */
int accel_shift(struct accel *accel, const char *name, struct error *err);
/* The engine in gear. */
const char *accel_engine_name(const struct accel *accel);
/* How often an engine that does not count instructions has come back from guest code, so far. */
u64 accel_exits(const struct accel *accel);
/* How often the interpreter took over from the engine in gear, so far (accel/shift.c: detours). */
u64 accel_fallbacks(const struct accel *accel);
/* For `info exits`; lock held. */
void accel_print_exits(const struct accel *accel, exits_printer *print, void *out);
/* For `info accel`; lock held. */
void accel_print(const struct accel *accel, exits_printer *print, void *out);

#endif
