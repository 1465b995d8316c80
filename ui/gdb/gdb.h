/*
 * The gdb server: -s, -gdb, and the monitor's gdbserver.  `target remote HOST:PORT` reaches the guest's processor.
 */
#ifndef UI_GDB_GDB_H
#define UI_GDB_GDB_H

#include "accel/accel.h"

#define GDB_DEFAULT "tcp::1234"

/* where: tcp:HOST:PORT, tcp::PORT (this host only), unix:PATH, stdio, pty; none.  The server that there is ends first.  Lock
 * held; -errno and err if it cannot listen there. */
int gdb_start(struct machine *machine, struct accel *accel, const char *where, struct error *err);
/* Lock held; breakpoints of gdb's go, the machine stays as it is.  status: what a gdb that waits is told of our end. */
void gdb_stop(int status);
/* Where it listens; NULL: there is none. */
const char *gdb_where(void);

/* For tests: a session on a chardev that the caller owns. */
struct chardev;
struct gdb;
struct gdb *gdb_open(struct machine *machine, struct accel *accel, struct chardev *chr);
void gdb_close(struct gdb *gdb, int status);
/* Is the session inside a command of its own, and so not to be closed? */
bool gdb_is_busy(const struct gdb *gdb);

#endif
