/*
 * The monitor: a prompt at which the machine is inspected and steered.
 */
#ifndef UI_MONITOR_H
#define UI_MONITOR_H

#include "accel/accel.h"
#include "devices/char/char.h"
#include "machine/machine.h"

struct monitor;

/* Takes chr->user; chr stays its owner's and must be closed after monitor_destroy.  accel may be NULL (no processor).
 * Lock held.  NULL: no memory. */
struct monitor *monitor_create(struct machine *machine, struct accel *accel, struct chardev *chr);
/* Before accel_destroy. */
void monitor_destroy(struct monitor *monitor);

/* For tests and scripts: carries out one line as if it had been typed. */
void monitor_command(struct monitor *monitor, const char *line);

#endif
