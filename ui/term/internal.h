/*
 * Inside the terminal screen: its state, and what its files ask of each other.  All on the terminal's thread.
 */
#ifndef UI_TERM_INTERNAL_H
#define UI_TERM_INTERNAL_H

#include "devices/char/char.h"
#include "ui/layout.h"
#include "ui/monitor.h"
#include "ui/term/keys.h"
#include "ui/term/picture.h"
#include "ui/term/terminal.h"

#define STROKES 512
#define MONITOR_OUT 65536

#define TERMINAL_MONITOR_HELP "\r\nCtrl-A c goes back to the screen, Ctrl-A x ends the emulator, Ctrl-A Ctrl-A sends Ctrl-A"

/* Keys that go down in order and up again. */
struct stroke {
    int keys[4];
    int count;
};

struct terminal {
    struct machine *machine;
    struct accel *accel;
    const struct layout *layout;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    int wake[2]; /* a pipe: somebody has something for the thread */

    /* From the terminal. */
    u8 in[1024];
    size_t in_length;
    u64 in_at; /* ms, when the last of it came */
    u8 erase;
    bool command; /* Ctrl-A was the last key */

    /* To the guest. */
    struct stroke strokes[STROKES]; /* a ring */
    unsigned stroke_first, stroke_count;
    bool stroke_down;
    u64 stroke_due;
    bool mouse_on;
    int mouse_x, mouse_y; /* cell; -1: not known */
    unsigned buttons;

    /* What is shown. */
    struct text_screen text;
    struct surface surface;
    struct term_font font;
    struct term_grid grid;
    struct term_screen screen;
    struct term_view view;
    struct term_out out;
    size_t out_sent;
    bool help, paused;
    bool picture_stale; /* the grid is to be made from the surface again */
    char notice[80];
    u64 notice_until;

    /* The monitor, on the ordinary screen of the terminal. */
    struct monitor *monitor;
    struct chardev chr;
    bool in_monitor;
    char *monitor_out; /* machine lock */
    size_t monitor_length;
};

/* terminal.c */
u64 terminal_ms(void);
void terminal_notice(struct terminal *terminal, const char *text);
void terminal_quit(struct terminal *terminal);
void terminal_show_monitor(struct terminal *terminal, bool on);
void terminal_to_monitor(struct terminal *terminal, const u8 *data, size_t length);
void terminal_redraw(struct terminal *terminal);

/* input.c */
void input_take(struct terminal *terminal, u64 now);
void input_type(struct terminal *terminal, u64 now);
/* ms until one of the above has something to do; -1: never. */
int input_wait(const struct terminal *terminal, u64 now);
/* NULL-terminated: the commands behind Ctrl-A. */
extern const char *const input_help[];

#endif
