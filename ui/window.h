/*
 * A window on the host's desktop with the guest's screen in it, and its keyboard and mouse behind it.
 *
 * It owns the main thread; the machine's event loop runs on another one.
 */
#ifndef UI_WINDOW_H
#define UI_WINDOW_H

#include "accel/accel.h"
#include "machine/machine.h"

struct window;

struct window_options {
    const char *name;   /* of the machine, or NULL */
    const char *layout; /* -k: the guest's keyboard layout, for pasted text; NULL: us */
    bool full_screen;
    bool no_confirm;  /* closing ends the guest without a question */
    bool no_joystick; /* game controllers stay unopened */
};

/* NULL and err if there is no desktop to put it on. */
struct window *window_create(struct machine *machine, struct accel *accel, const struct window_options *options,
                             struct error *err);
/* Shows the machine until its state is RUN_QUIT.  Machine lock not held. */
void window_run(struct window *window);
/* From any thread: window_run looks at the machine's state now. */
void window_wake(struct window *window);
void window_destroy(struct window *window);

#endif
