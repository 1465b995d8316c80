/*
 * The PC: every chip of the board and the wires between them (`pc`: i440FX and PIIX3; `isapc`: ISA only).
 */
#ifndef MACHINE_PC_PC_H
#define MACHINE_PC_PC_H

#include "devices/audio/audio.h"
#include "devices/block/block.h"
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

/* The NMI button.  False if the guest has shut it off at port 70h. */
bool pc_nmi(struct machine *machine);

/* The mixer of the board's sound; never NULL. */
struct audio *pc_audio(struct machine *machine);

/* How often each of the 8259s' inputs was acknowledged. */
void pc_irq_counts(struct machine *machine, u64 counts[16]);

/* Letters of -boot, for the next boot and those after it.  0, or -EINVAL and err. */
int pc_boot_set(struct machine *machine, const char *order, struct error *err);

#define PC_DRIVES 6

struct pc_drive {
    char name[32];             /* "ide1-cd0", "floppy0" */
    const char *id;            /* -drive id=, or NULL */
    const struct block *block; /* NULL: no medium */
    bool removable, locked, tray_open;
    int index;
};

/* Fills in the drives there are and tells how many. */
int pc_drives(struct machine *machine, struct pc_drive drives[PC_DRIVES]);

/* What to put into a drive; format NULL: find out. */
struct pc_medium {
    const char *file, *format;
    bool readonly;
};

/* Another disc or disk for a removable drive, or none; name: the drive's or its id.  0, or -errno and err. */
int pc_change(struct machine *machine, const char *name, const struct pc_medium *medium, bool force,
              struct error *err);
int pc_eject(struct machine *machine, const char *name, bool force, struct error *err);

/* What the monitor talks on: config->monitor, or a port of the multiplexer of a "mon:" device; NULL if nothing.  The
 * board opens and closes it.  Ctrl-A x sets machine->state to RUN_QUIT and kicks. */
struct chardev *pc_monitor(struct machine *machine);

#endif
