/*
 * The PC: every chip of the board and the wires between them (`pc`: i440FX and PIIX3; `isapc`: ISA only).
 */
#ifndef MACHINE_PC_PC_H
#define MACHINE_PC_PC_H

#include "devices/char/char.h"
#include "machine/machine.h"
#include "machine/pc/config.h"

/* Builds the board that `config` asks for, reset and ready to run, without CPUs (accel/ plugs them in).  0, or -errno
 * and err: what, which file or option, why. */
int pc_create(const struct machine_config *config, struct machine **out, struct error *err);
/* Takes it apart: closes disks and character devices, frees RAM and the machine itself.  NULL is fine. */
void pc_destroy(struct machine *machine);

/* The user presses the power button (system_powerdown).  False if the board has none (isapc). */
bool pc_power_button(struct machine *machine);

/* What the monitor talks on: config->monitor, or a port of the multiplexer of a "mon:" device; NULL if nothing.  The
 * board opens and closes it.  Ctrl-A x sets machine->state to RUN_QUIT and kicks. */
struct chardev *pc_monitor(struct machine *machine);

#endif
