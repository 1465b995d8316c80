/*
 * Game control adapter (port 201h).  See gameport.c for source and coverage.
 */
#ifndef DEVICES_GAMEPORT_H
#define DEVICES_GAMEPORT_H

#include "machine/machine.h"

struct gameport {
    /* Guest state. */
    bool fired;   /* the one-shots were started */
    u32 reads;    /* since then */
    u64 fired_at; /* virtual ns */
    /* The host's, not the guest's: not saved. */
    bool connected;
    i16 axes[INPUT_JOYSTICK_AXES];
    u8 buttons;
    /* Wiring. */
    struct clock *clock;
    struct device device;
    struct port_range ports;
};

/* Takes machine->input.joystick. */
void gameport_init(struct gameport *port, struct machine *machine);

extern const struct device_ops gameport_ops;

#endif
