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
    EVENT_HOST,         /* the host took away what the machine ran on; the same */
};

/* What the board does to one CPU: INTR is a level, the others happen once; STARTUP carries its vector. */
enum cpu_pin { CPU_PIN_INTR, CPU_PIN_NMI, CPU_PIN_SMI, CPU_PIN_INIT, CPU_PIN_STARTUP };

/* What a CPU does to its local APIC, lock held. */
struct machine_apic {
    int (*acknowledge)(void *opaque, int cpu); /* INTA: vector, or -1 if the request has gone */
    void (*set_base)(void *opaque, int cpu, u64 base); /* IA32_APIC_BASE was written */
    u8 (*tpr)(void *opaque, int cpu);
    void (*set_tpr)(void *opaque, int cpu, u8 tpr);
    u64 (*deadline)(void *opaque, int cpu); /* TSC-deadline timer in virtual ns; 0: disarmed */
    void (*set_deadline)(void *opaque, int cpu, u64 ns);
};

/* Of the CPU whose IN or OUT a chip is serving, for the one chip that takes its arguments there. */
struct machine_registers {
    u32 eax, ebx, ecx, edx, esi, edi;
};

/* The time-stamp counter.  Where KVM may execute the guest it is the host's, so that all engines count alike. */
struct machine_tsc {
    u64 host_hz;    /* 0: nanoseconds of virtual time */
    bool fixed;     /* this host's KVM cannot make the guest's counter differ from the host's */
    u64 late;       /* ticks that passed while the machine was stopped */
    u64 stopped_at; /* host ticks; 0: it counts */
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

    /* Local APICs, plugged in by the board; NULL: there are none. */
    const struct machine_apic *apic;
    void *apic_opaque;
    int current_cpu; /* whose memory access a chip is serving; -1: nobody's (DMA, monitor) */

    /* Interrupt acknowledge: the PIC's vector (INTA cycle), for CPU 0 or for a local APIC in virtual wire mode. */
    int (*acknowledge)(void *opaque);
    void *acknowledge_opaque;
    /* Wires between CPU 0 and the board. */
    struct irq intr;           /* INTR: connected by who plugs the CPU in; without local APICs the PIC drives it */
    struct irq ferr;           /* FERR#: connected by the board; the CPU drives it (IRQ 13) */
    struct machine_tsc tsc;
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
    void (*drive_cpu)(void *opaque, int cpu, enum cpu_pin pin, int value);
    void *drive_opaque;
    bool (*registers)(void *opaque, struct machine_registers *registers, bool write);
    void *registers_opaque;
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
/* Drives a pin of one CPU; a CPU that is not plugged in does not mind. */
void machine_drive_cpu(struct machine *machine, int cpu, enum cpu_pin pin, int value);
/* Inside the read or write function of a port only.  False if there is no CPU, or its engine cannot tell.  What is put
 * into EAX gives way to the port's value where the access is an IN. */
bool machine_registers_read(struct machine *machine, struct machine_registers *registers);
bool machine_registers_write(struct machine *machine, const struct machine_registers *registers);
/* A20 gate: false masks address bit 20. */
void machine_a20(struct machine *machine, bool on);

/* Resets every chip (not RAM) in the order they were added.  The caller resets CPUs. */
void machine_reset_devices(struct machine *machine);

#endif
