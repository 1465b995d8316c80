/*
 * The guest's screen, keyboard and mouse over the network (RFC 6143), by libvncserver.
 */
#ifndef UI_VNC_H
#define UI_VNC_H

#include "machine/machine.h"

struct vnc;

/* spec: [ADDRESS]:N or unix:PATH, then [,password=TEXT|,password-file=FILE].  N is port 5900 + N, on the loopback interface
 * without an address; the socket of a path is its owner's alone.  A password has at most 8 characters, as the protocol has
 * it.  Serves on a thread of its own.  NULL and err on failure. */
struct vnc *vnc_create(struct machine *machine, const char *spec, const char *name, struct error *err);
/* Machine lock not held. */
void vnc_destroy(struct vnc *vnc);

#endif
