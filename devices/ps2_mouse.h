/*
 * PS/2 mouse with the IntelliMouse wheel and buttons.  See ps2_mouse.c for source and coverage.
 */
#ifndef DEVICES_PS2_MOUSE_H
#define DEVICES_PS2_MOUSE_H

#include "devices/ps2.h"
#include "machine/machine.h"

struct ps2_mouse {
    struct ps2_device port; /* hand &mouse.port to i8042_init */
    /* Guest state. */
    struct ps2_queue replies, packets;
    u8 command;  /* command whose parameter is awaited */
    u8 id;       /* 0 standard, 3 wheel, 4 five buttons */
    u8 knock[3]; /* last sample rates, to see the IntelliMouse sequence */
    u8 rate, resolution;
    bool enabled, remote, wrap, scaling_2to1;
    bool poked; /* a packet is due though nothing moved */
    u8 buttons, sent_buttons;
    u32 dx, dy, dz; /* movement not yet reported, two's complement */
    u8 last_sent;
    struct timer sample; /* no packet before this */
    struct timer test;
    /* Wiring. */
    struct clock *clock;
    struct device device;
};

/* Takes machine->input.mouse. */
void ps2_mouse_init(struct ps2_mouse *mouse, struct machine *machine);

/* Sends a packet, so that the guest's driver is called, when the mouse is in stream mode. */
void ps2_mouse_poke(struct ps2_mouse *mouse);

extern const struct device_ops ps2_mouse_ops;

#endif
