/*
 * The board as one object: creation of the fabric, and what chips ask of whoever drives the machine.
 *
 * Chips, RAM and the PCI bus are plugged in by machine/pc/, which also frees RAM.
 */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>

static void init_locks(struct machine *machine)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&machine->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* timed waits follow the same clock as clock.c */
    pthread_cond_init(&machine->wake, &attr);
    pthread_condattr_destroy(&attr);
}

struct machine *machine_create(struct error *err)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    if (!machine) {
        error_set(err, ENOMEM, "out of memory for the machine");
        return NULL;
    }
    init_locks(machine);
    machine->devices.last = &machine->devices.first;
    machine->state = RUN_STOPPED;
    machine->current_cpu = -1;
    machine->memory = memory_create();
    machine->ports = ioports_create();
    machine->clock = clock_create();
    machine->loop = loop_create();
    if (!machine->memory || !machine->ports || !machine->clock || !machine->loop) {
        error_set(err, ENOMEM, "cannot create the machine: out of memory or file descriptors");
        machine_destroy(machine);
        return NULL;
    }
    return machine;
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    pci_destroy(machine->pci);
    loop_destroy(machine->loop);
    clock_destroy(machine->clock);
    ioports_destroy(machine->ports);
    memory_destroy(machine->memory);
    pthread_cond_destroy(&machine->wake);
    pthread_mutex_destroy(&machine->lock);
    free(machine);
}

void machine_kick(struct machine *machine)
{
    if (machine->kick)
        machine->kick(machine->kick_opaque);
}

void machine_request(struct machine *machine, enum machine_event event, const char *text)
{
    if (machine->event == EVENT_NONE) {
        machine->event = event;
        machine->event_text = text;
    }
    machine_kick(machine);
}

void machine_guest_exit(struct machine *machine, int status)
{
    if (machine->event == EVENT_NONE)
        machine->exit_status = status;
    machine_request(machine, EVENT_GUEST_EXIT, "isa-debug-exit");
}

void machine_drive_cpu(struct machine *machine, int cpu, enum cpu_pin pin, int value)
{
    if (machine->drive_cpu)
        machine->drive_cpu(machine->drive_opaque, cpu, pin, value);
}

bool machine_registers_read(struct machine *machine, struct machine_registers *registers)
{
    return machine->registers && machine->registers(machine->registers_opaque, registers, false);
}

bool machine_registers_write(struct machine *machine, const struct machine_registers *registers)
{
    struct machine_registers copy = *registers;
    return machine->registers && machine->registers(machine->registers_opaque, &copy, true);
}

void machine_a20(struct machine *machine, bool on)
{
    if (machine->set_a20)
        machine->set_a20(machine->a20_opaque, on);
}

void machine_reset_devices(struct machine *machine)
{
    device_reset_all(&machine->devices);
}
