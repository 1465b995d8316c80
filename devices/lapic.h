/*
 * Local APICs, one a CPU, and the messages between them, I/O APICs and MSI senders.  See lapic.c for source and
 * coverage.
 */
#ifndef DEVICES_LAPIC_H
#define DEVICES_LAPIC_H

#include "machine/machine.h"

#define LAPIC_HZ 100000000 /* the bus clock that the timer divides */
#define LAPIC_BASE 0xfee00000u
#define MSI_WINDOW 0x100000u /* FEExxxxx: writes from outside a CPU are messages */

/* SDM vol. 3A, "Interrupt Command Register", "Delivery Mode"; the same numbers in LVT, I/O APIC and MSI. */
enum apic_mode { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_NMI = 4, APIC_INIT, APIC_STARTUP, APIC_EXTINT };

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFMON, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

struct apic_message {
    u8 destination;
    bool logical;
    u8 mode; /* enum apic_mode */
    u8 vector;
    bool level; /* level triggered: its EOI is broadcast */
};

struct lapic {
    /* Guest state; registers named as in the manual. */
    u64 base; /* IA32_APIC_BASE as the CPU last told us */
    u32 id, ldr, dfr, svr, esr, icr_low, icr_high;
    u32 errors; /* since ESR was last written */
    u32 lvt[LVT_COUNT];
    u32 irr[8], isr[8], tmr[8];
    u8 tpr;
    u8 lint_levels; /* bits 0 and 1 */
    bool extint;    /* an ExtINT message waits for INTA */
    u32 dcr, initial_count;
    bool counting;  /* in one-shot and periodic mode */
    u64 zero_at;    /* tick of LAPIC_HZ at which the current count reaches 0 */
    u64 deadline;   /* TSC-deadline mode: virtual ns, 0: disarmed */
    bool intr;      /* our output to the CPU */
    struct timer timer;
    /* Wiring. */
    int cpu;
    struct lapics *bus;
    struct device device;
};

struct lapics {
    struct lapic lapic[MAX_CPUS];
    int count;
    struct machine *machine;
    struct region window, msi; /* window: the registers, where APIC_BASE says */
    void (*eoi)(void *opaque, u8 vector); /* broadcast to I/O APICs */
    void *eoi_opaque;
};

/* Plugs `count` local APICs into machine->apic and the memory map. */
void lapics_init(struct lapics *apics, struct machine *machine, int count);
/* Who hears of the EOI of level-triggered interrupts. */
void lapics_on_eoi(struct lapics *apics, void (*eoi)(void *opaque, u8 vector), void *opaque);
/* LINT0 or LINT1 (pin 0, 1) of one CPU.  The wire carries "asserted". */
struct irq lapic_lint(struct lapics *apics, int cpu, int pin);
/* LINT0 of all CPUs, the 8259's INT (machine->acknowledge answers its INTA); LINT1 of all, the board's NMI. */
struct irq lapics_intr(struct lapics *apics);
struct irq lapics_nmi(struct lapics *apics);
/* A message on the APIC bus.  False: no local APIC took it. */
bool lapics_send(struct lapics *apics, const struct apic_message *message);

extern const struct device_ops lapic_ops;

#endif
