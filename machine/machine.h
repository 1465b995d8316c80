/*
 * The board as one object: the fabric that chips are plugged into, the lock, and what the outside may ask of it.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <pthread.h>

#include "machine/clock.h"
#include "machine/device.h"
#include "machine/display.h"
#include "machine/error.h"
#include "machine/input.h"
#include "machine/ioport.h"
#include "machine/irq.h"
#include "machine/loop.h"
#include "machine/memory.h"
#include "machine/pci.h"

struct cpu;

#define MAX_CPUS 8

enum run_state { RUN_RUNNING, RUN_STOPPED, RUN_QUIT };

/* Why the machine came to rest or asks for something; the first one of a turn wins. */
enum machine_event {
    EVENT_NONE,
    EVENT_RESET,        /* a reset line, port, or triple fault */
    EVENT_SHUTDOWN,     /* ACPI S5 */
    EVENT_GUEST_EXIT,   /* isa-debug-exit; status in machine->exit_status */
    EVENT_TRIPLE_FAULT, /* shutdown cycle; becomes a reset unless told otherwise */
    EVENT_INTERNAL,     /* an engine gave up; text in machine->event_text */
};

struct machine {
    pthread_mutex_t lock;      /* held by whoever runs device code */
    pthread_cond_t wake;       /* a halted or stopped vCPU waits here */
    struct memory *memory;
    struct ioports *ports;
    struct clock *clock;
    struct loop *loop;
    struct pci_bus *pci;       /* NULL on isapc */
    struct device_list devices;
    struct input input;
    struct display display;
    struct cpu *cpus[MAX_CPUS];
    int cpu_count;
    u64 ram_size;
    u8 *ram;                   /* the whole of RAM, contiguous in the host */
    u8 *ram_flags;             /* its page flags */

    /* Interrupt acknowledge: the PIC's vector for CPU 0 (INTA cycle). */
    int (*acknowledge)(void *opaque);
    void *acknowledge_opaque;
    /* Wires between CPU 0 and the board. */
    struct irq intr;           /* INTR: connected by who plugs the CPU in; the board's PIC drives it, lock held */
    struct irq ferr;           /* FERR#: connected by the board; the CPU drives it (IRQ 13) */
    bool ignne;                /* IGNNE#, as the board drives it: true = x87 errors are ignored */

    enum run_state state;
    enum machine_event event;  /* pending, handled by the thread that drives the machine */
    const char *event_text;    /* where it came from, for -d cpu_reset: "port 92", "i8042", "cf9", "triple fault" */
    int exit_status;
    void *board;               /* machine/pc's own: struct pc */

    /* The driver of the machine (accel/) sets these; chips reach engines only through machine_* below. */
    void (*kick)(void *opaque); /* async-safe: make vCPUs leave guest code and look at machine->event, IRQs, timers */
    void *kick_opaque;
    void (*set_a20)(void *opaque, bool on);
    void *a20_opaque;
};

struct machine *machine_create(struct error *err);
void machine_destroy(struct machine *machine);

static inline void machine_lock(struct machine *machine) { pthread_mutex_lock(&machine->lock); }
static inline void machine_unlock(struct machine *machine) { pthread_mutex_unlock(&machine->lock); }

/* Called by chips, lock held; takes effect when the vCPU next leaves guest code, at the latest after the current
 * instruction's I/O.  `text` must be a literal. */
void machine_request(struct machine *machine, enum machine_event event, const char *text);
void machine_guest_exit(struct machine *machine, int status);
void machine_kick(struct machine *machine);
/* A20 gate: false masks address bit 20. */
void machine_a20(struct machine *machine, bool on);

/* Resets every chip (not RAM) in the order they were added.  The caller resets CPUs. */
void machine_reset_devices(struct machine *machine);

#endif
