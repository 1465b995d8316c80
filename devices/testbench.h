/*
 * A bench for unit tests of chips: a machine without CPUs, time that moves when told to, and wires that record.
 */
#ifndef DEVICES_TESTBENCH_H
#define DEVICES_TESTBENCH_H

#include "machine/machine.h"
#include "tests/unit.h"

struct bench {
    struct machine *machine;
    u64 now;    /* instructions executed = ns */
    bool level; /* of bench_wire() */
    int rises;  /* its rising edges */
};

static inline u64 bench_instructions(void *opaque)
{
    return ((struct bench *)opaque)->now;
}

static inline void bench_open(struct bench *bench)
{
    struct error err;
    *bench = (struct bench){.machine = machine_create(&err)};
    if (!bench->machine) {
        puts(err.text);
        exit(1);
    }
    clock_use_icount(bench->machine->clock, 0, bench_instructions, bench);
}

static inline void bench_close(struct bench *bench)
{
    machine_destroy(bench->machine);
}

/* Time passes, with every timer fired at its deadline. */
static inline void bench_until(struct bench *bench, u64 ns)
{
    struct clock *clock = bench->machine->clock;
    while (clock_deadline(clock) <= ns) {
        if (clock_deadline(clock) > bench->now)
            bench->now = clock_deadline(clock);
        clock_run(clock);
    }
    bench->now = ns;
}

static inline void bench_wait(struct bench *bench, u64 ns)
{
    bench_until(bench, bench->now + ns);
}

static inline void bench_set_wire(void *opaque, int line, bool level)
{
    struct bench *bench = opaque;
    bench->rises += level && !bench->level;
    bench->level = level;
}

static inline struct irq bench_wire(struct bench *bench)
{
    return (struct irq){bench_set_wire, bench, 0};
}

static inline u8 bench_in(struct bench *bench, u16 port)
{
    return ioports_read(bench->machine->ports, port, 1);
}
static inline void bench_out(struct bench *bench, u16 port, u8 value)
{
    ioports_write(bench->machine->ports, port, value, 1);
}

#endif
