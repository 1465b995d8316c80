/*
 * Inside the lockstep engine: what lockstep.c and lockstep_*.c share.
 *
 * A drives the machine.  B has registers and RAM of its own, on a shadow board on which nothing is but that RAM, A's ROM,
 * and a tape of what A's accesses to the outside gave.
 */
#ifndef ACCEL_LOCKSTEP_H
#define ACCEL_LOCKSTEP_H

#include "accel/accel.h"

#define LOCKSTEP_STEP_MAX 65536u
#define LOCKSTEP_REGIONS 64
#define LOCKSTEP_COPIES 8
#define LOCKSTEP_MIRRORS 256
#define LOCKSTEP_TRAIL 16
#define LOCKSTEP_CAUSES 24

/* Something between A and the outside.  For reads and writes, B may split or join what A did. */
struct lockstep_event {
    enum lockstep_kind {
        LOCKSTEP_PORT_READ,
        LOCKSTEP_PORT_WRITE,
        LOCKSTEP_READ,
        LOCKSTEP_WRITE,
        LOCKSTEP_ACKNOWLEDGE, /* value: the vector; address: instructions of the step before it */
        LOCKSTEP_TSC,
        LOCKSTEP_IGNNE,
        LOCKSTEP_APIC_READ, /* address: the register */
        LOCKSTEP_APIC_WRITE,
    } kind;
    u8 size, done; /* bytes, and how many of them B has had */
    u64 address, value;
};

/* A store of A's to RAM. */
struct lockstep_store {
    u64 phys;
    u32 size;
};

/* Host memory that holds guest RAM, and B's copy of it. */
struct lockstep_copy {
    u8 *host, *copy, *flags;
    u64 size;
};

struct lockstep_mirror {
    const u8 *host;
    u64 length;
};

struct lockstep_place {
    u64 linear, rip;
    u16 selector;
    u8 code_size; /* enum size */
    u8 count;     /* of bytes, taken before it was executed; 0: they are looked for in memory */
    u8 bytes[15];
};

struct lockstep_cause {
    const char *text;
    u64 count;
};

struct lockstep {
    struct vcpu *a; /* the machine's own */
    struct vcpu b;  /* on the shadow board */
    const struct engine *first, *second;
    struct machine *machine, *shadow;
    struct cpu_bus a_bus, b_bus;
    const struct cpu_bus *own_bus; /* A's, without us */
    u64 step, from, count, scan;
    u64 began_at; /* A's instructions when comparing began */
    const char *command;

    bool attached;  /* A's bus is ours, B has a state */
    bool map_stale; /* lock */
    bool resync;    /* B's state and memory must be made A's before the next step */
    bool touched;   /* the step under way reached a device: it ends with this instruction */
    bool own_store; /* lock: the write that is being reported is A's store */

    /* The step under way. */
    struct lockstep_event *events;
    size_t event_count, event_room, next_event;
    struct lockstep_store *stores;
    size_t store_count, store_room;
    struct lockstep_place trail[LOCKSTEP_TRAIL];
    u64 trail_count;
    u64 began;         /* A's instructions at its start */
    u32 flags_ignored; /* of the comparison: undefined ones, under an engine that is a real processor */
    bool personal;     /* the instruction asks for what only a real processor knows: CPUID, RDTSC, RDRAND */
    bool repeats;      /* it has a REP prefix */
    char problem[200]; /* what B did that A did not */

    /* Writes by devices that B has not seen yet; too many: mirror_all.  Lock. */
    struct lockstep_mirror mirrors[LOCKSTEP_MIRRORS];
    unsigned mirror_count;
    bool mirror_all;

    /* The shadow board. */
    struct memory_listener listener;
    struct port_range ports;
    struct region catch_all, regions[LOCKSTEP_REGIONS];
    unsigned region_count;
    struct lockstep_copy copies[LOCKSTEP_COPIES];
    unsigned copy_count;

    /* Figures. */
    u64 compared, steps, stores_compared, accesses, scans, last_scan; /* last_scan: as lockstep_ran */
    struct lockstep_cause causes[LOCKSTEP_CAUSES]; /* of skipped instructions */
    bool in_scan; /* the difference was found when all memory was compared */
    bool began_once, differ, finished;
};

/* lockstep_bus.c */
int lockstep_build_shadow(struct lockstep *ls, struct error *err);
void lockstep_free_shadow(struct lockstep *ls);
void lockstep_attach_bus(struct lockstep *ls);
void lockstep_detach_bus(struct lockstep *ls);
/* Vcpu thread, no lock held. */
void lockstep_sync_map(struct lockstep *ls);
void lockstep_copy_memory(struct lockstep *ls);   /* all of it, A to B */
void lockstep_apply_mirrors(struct lockstep *ls); /* what devices wrote */
void lockstep_apply_stores(struct lockstep *ls);  /* what A stored in this step, for a B that did not */
bool lockstep_overlaps_mirror(struct lockstep *ls, const u8 *host, u64 size);
/* B's memory for a physical address of RAM, and A's; NULL: none. */
u8 *lockstep_b_memory(struct lockstep *ls, const u8 *a_host);
u8 *lockstep_a_memory(struct lockstep *ls, u64 phys);

/* lockstep_state.c */
void lockstep_copy_state(struct lockstep *ls);
bool lockstep_same_state(const struct lockstep *ls);
bool lockstep_same_stores(struct lockstep *ls);
bool lockstep_same_memory(struct lockstep *ls); /* all of it */
void lockstep_note_place(struct lockstep *ls);
/* Looks at the instruction that A executes next, noted by lockstep_note_place: sets flags_ignored, personal, repeats. */
void lockstep_look(struct lockstep *ls);
/* The bytes there, as many as are mapped, up to 15. */
unsigned lockstep_fetch(struct lockstep *ls, const struct lockstep_place *place, u8 bytes[15]);

/* The fields that differ, A's and B's: `report` is told of each element. */
void lockstep_each_difference(const struct lockstep *ls, void (*report)(const char *name, const u8 *a, const u8 *b,
                                                                        u32 size));

/* lockstep_report.c */
void lockstep_report(struct lockstep *ls);        /* of a difference */
void lockstep_report_start(struct lockstep *ls);  /* what is compared with what */
void lockstep_report_finish(struct lockstep *ls); /* how much was */
const char *lockstep_kind_name(enum lockstep_kind kind);
/* A's instructions since comparing began. */
u64 lockstep_ran(const struct lockstep *ls);

#endif
