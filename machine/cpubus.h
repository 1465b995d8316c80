/*
 * The real board behind cpu/bus.h.
 */
#ifndef MACHINE_CPUBUS_H
#define MACHINE_CPUBUS_H

#include "cpu/bus.h"

/* For cpu_create, with the struct machine as `board`. */
extern const struct cpu_bus machine_cpu_bus;

/* Nanoseconds and TSC ticks are the same number: guests measure 1 GHz (unless machine->tsc.host_hz). */
#define CPUBUS_TSC_HZ 1000000000ull

struct machine;
/* The host's counter; 0 where it has none. */
u64 cpubus_host_tsc(void);
/* Stops and restarts the guest's counter together with the machine; lock held. */
void cpubus_stop_tsc(struct machine *machine, bool stop);

/* Sends the CPU's trace lines to machine/trace.h and lets its mask follow trace_select.  Once, before CPUs run. */
void cpubus_connect_trace(void);

#endif
