/*
 * The terminal's keys and mouse to the guest, and the commands behind Ctrl-A.
 *
 * A terminal tells what was typed, not which keys are down: each character becomes a stroke of the keys that type it on
 * the guest's layout, modifiers first.  Strokes are spaced, for BIOSes and programs that look at the keyboard's state.
 */
#include "machine/pc/pc.h"
#include "ui/term/internal.h"
#include "ui/term/tty.h"

#include <string.h>

#define CTRL_A 1
#define ESCAPE_MS 50 /* Esc without anything behind it is the key */
#define DOWN_MS 20
#define UP_MS 10

enum { KEY_CTRL = 0x1d, KEY_SHIFT = 0x2a, KEY_ALT = 0x38, KEY_ALTGR = KEY_E0 | 0x38, KEY_DELETE = KEY_E0 | 0x53 };

const char *const input_help[] = {
    "Ctrl-A h       this help",
    "Ctrl-A x       end the emulator",
    "Ctrl-A c       the monitor, and back to the screen",
    "Ctrl-A Ctrl-A  sends Ctrl-A",
    "Ctrl-A d       sends Ctrl-Alt-Del",
    "Ctrl-A 1..9 0  sends F1 to F10; - and = F11 and F12",
    "Ctrl-A t       sends PrintScreen, Ctrl-A b Pause",
    "Ctrl-A m       mouse to the guest, or to the terminal",
    "Ctrl-A p       pause, and go on",
    "Ctrl-A r       reset",
    "Ctrl-A l       draw everything anew",
    NULL,
};

/* --- keyboard ------------------------------------------------------------------------------------------------------ */

static void add_key(struct stroke *stroke, int key)
{
    for (int i = 0; i < stroke->count; i++)
        if (stroke->keys[i] == key)
            return;
    if (stroke->count < (int)ARRAY_SIZE(stroke->keys))
        stroke->keys[stroke->count++] = key;
}

/* More than fits is not typed. */
static void add_stroke(struct terminal *terminal, int key, unsigned modifiers, bool altgr)
{
    struct stroke stroke = {.count = 0};
    if (modifiers & TERM_CTRL)
        add_key(&stroke, KEY_CTRL);
    if (modifiers & TERM_ALT)
        add_key(&stroke, KEY_ALT);
    else if (altgr)
        add_key(&stroke, KEY_ALTGR);
    if (modifiers & TERM_SHIFT)
        add_key(&stroke, KEY_SHIFT);
    add_key(&stroke, key);
    if (terminal->stroke_count < STROKES)
        terminal->strokes[(terminal->stroke_first + terminal->stroke_count++) % STROKES] = stroke;
}

static void type_event(struct terminal *terminal, const struct term_event *event)
{
    struct layout_keys keys[LAYOUT_STROKES];
    if (event->kind == TERM_KEY) {
        add_stroke(terminal, event->key, event->modifiers, false);
        return;
    }
    int count = layout_strokes(terminal->layout, event->text, keys);
    for (int i = 0; i < count; i++)
        add_stroke(terminal, keys[i].key, event->modifiers | (keys[i].shift ? TERM_SHIFT : 0), keys[i].altgr);
}

static void press(struct terminal *terminal, const struct stroke *stroke, bool down)
{
    machine_lock(terminal->machine);
    for (int i = 0; i < stroke->count; i++)
        input_key(&terminal->machine->input, stroke->keys[down ? i : stroke->count - 1 - i], down);
    machine_unlock(terminal->machine);
}

void input_type(struct terminal *terminal, u64 now)
{
    if (!terminal->stroke_count || now < terminal->stroke_due)
        return;
    const struct stroke *stroke = &terminal->strokes[terminal->stroke_first % STROKES];
    terminal->stroke_down = !terminal->stroke_down;
    press(terminal, stroke, terminal->stroke_down);
    terminal->stroke_due = now + (terminal->stroke_down ? DOWN_MS : UP_MS);
    if (!terminal->stroke_down) {
        terminal->stroke_first = (terminal->stroke_first + 1) % STROKES;
        terminal->stroke_count--;
    }
}

/* --- mouse --------------------------------------------------------------------------------------------------------- */

/* Pointers outside the picture are at its edge. */
static int inside(int at, int first, int count)
{
    return MAX(0, MIN(at, count - 1)) + first;
}

/* The middle of the cell, as a share of the whole. */
static void move_absolute(struct terminal *terminal, const struct term_event *event)
{
    const struct term_view *view = &terminal->view;
    int x = inside(event->x - view->x, view->left, view->columns);
    int y = inside(event->y - view->y, view->top, view->rows);
    int columns = view->text ? view->width : view->columns, rows = view->text ? view->height : view->rows;
    input_absolute(&terminal->machine->input, (int)((2 * (i64)x + 1) * INPUT_ABSOLUTE_MAX / (2 * MAX(columns, 1))),
                   (int)((2 * (i64)y + 1) * INPUT_ABSOLUTE_MAX / (2 * MAX(rows, 1))), event->wheel, terminal->buttons);
}

/* Mouse drivers for DOS move a text pointer by a column for 8 counts and by a row for 16; a picture's by a dot for one. */
static void move_relative(struct terminal *terminal, const struct term_event *event)
{
    const struct term_view *view = &terminal->view;
    int width = view->text ? 8 : view->width / MAX(view->columns, 1);
    int height = view->text ? 16 : view->height / MAX(view->rows, 1);
    int dx = terminal->mouse_x < 0 ? 0 : event->x - terminal->mouse_x;
    int dy = terminal->mouse_x < 0 ? 0 : event->y - terminal->mouse_y;
    input_pointer(&terminal->machine->input, dx * MAX(width, 1), dy * MAX(height, 1), event->wheel, terminal->buttons);
}

static void point(struct terminal *terminal, const struct term_event *event)
{
    terminal->buttons = (terminal->buttons & ~event->released) | event->pressed;
    machine_lock(terminal->machine);
    if (input_is_absolute(&terminal->machine->input))
        move_absolute(terminal, event);
    else
        move_relative(terminal, event);
    machine_unlock(terminal->machine);
    terminal->mouse_x = event->x;
    terminal->mouse_y = event->y;
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static void pause_machine(struct terminal *terminal)
{
    machine_lock(terminal->machine);
    bool running = terminal->machine->state == RUN_RUNNING;
    if (terminal->machine->state != RUN_QUIT)
        accel_set_state(terminal->accel, running ? RUN_STOPPED : RUN_RUNNING);
    machine_unlock(terminal->machine);
}

static void reset(struct terminal *terminal)
{
    machine_lock(terminal->machine);
    machine_request(terminal->machine, EVENT_RESET, "terminal");
    machine_unlock(terminal->machine);
    terminal_notice(terminal, "Reset");
}

static void switch_mouse(struct terminal *terminal)
{
    terminal->mouse_on = !terminal->mouse_on;
    terminal->mouse_x = -1;
    term_tty_mouse(terminal->mouse_on);
    terminal_notice(terminal, terminal->mouse_on ? "The mouse is the guest's" : "The mouse is the terminal's");
}

static void run_command(struct terminal *terminal, u32 key)
{
    static const char functions[] = "1234567890-=";
    const char *function = key && key < 0x80 ? strchr(functions, (char)key) : NULL;
    int number = function ? (int)(function - functions) : 0;
    if (function)
        add_stroke(terminal, number < 10 ? 0x3b + number : 0x57 + number - 10, 0, false);
    switch (key) {
    case 'h':
    case '?': terminal->help = true; break;
    case 'x': terminal_quit(terminal); break;
    case 'c': terminal_show_monitor(terminal, true); break;
    case 'd': add_stroke(terminal, KEY_DELETE, TERM_CTRL | TERM_ALT, false); break;
    case 't': add_stroke(terminal, KEY_E0 | 0x37, 0, false); break;
    case 'b': add_stroke(terminal, KEY_PAUSE, 0, false); break;
    case 'm': switch_mouse(terminal); break;
    case 'p': pause_machine(terminal); break;
    case 'r': reset(terminal); break;
    case 'l': terminal_redraw(terminal); break;
    default: break;
    }
}

static bool is_prefix(const struct term_event *event)
{
    return event->kind == TERM_TEXT && event->text == 'a' && event->modifiers == TERM_CTRL;
}

static void take_event(struct terminal *terminal, const struct term_event *event)
{
    if (event->kind == TERM_MOUSE) {
        if (terminal->mouse_on)
            point(terminal, event);
        return;
    }
    if (event->kind == TERM_NOTHING)
        return;
    if (terminal->help) {
        terminal->help = false;
    } else if (terminal->command) {
        terminal->command = false;
        if (is_prefix(event))
            type_event(terminal, event);
        else if (event->kind == TERM_TEXT)
            run_command(terminal, event->text);
    } else if (is_prefix(event)) {
        terminal->command = true;
    } else {
        type_event(terminal, event);
    }
}

/* --- bytes --------------------------------------------------------------------------------------------------------- */

/* One byte while the monitor is shown; it edits its line itself. */
static void monitor_byte(struct terminal *terminal, u8 byte)
{
    bool command = terminal->command;
    terminal->command = !command && byte == CTRL_A;
    if (command && byte == 'c')
        terminal_show_monitor(terminal, false);
    else if (command && byte == 'x')
        terminal_quit(terminal);
    else if (command && (byte == 'h' || byte == '?'))
        term_out_put(&terminal->out, TERMINAL_MONITOR_HELP "\r\n");
    else if (!terminal->command && (!command || byte == CTRL_A))
        terminal_to_monitor(terminal, &byte, 1);
}

static size_t take_one(struct terminal *terminal, bool complete)
{
    struct term_event event;
    if (terminal->in_monitor) {
        monitor_byte(terminal, terminal->in[0]);
        return 1;
    }
    size_t length = term_parse(terminal->in, terminal->in_length, complete, terminal->erase, &event);
    if (length)
        take_event(terminal, &event);
    return length;
}

void input_take(struct terminal *terminal, u64 now)
{
    while (terminal->in_length) {
        bool complete = now - terminal->in_at >= ESCAPE_MS || terminal->in_length == sizeof(terminal->in);
        size_t length = take_one(terminal, complete);
        if (!length)
            return;
        terminal->in_length -= length;
        memmove(terminal->in, terminal->in + length, terminal->in_length);
    }
}

int input_wait(const struct terminal *terminal, u64 now)
{
    u64 due = UINT64_MAX;
    if (terminal->in_length)
        due = terminal->in_at + ESCAPE_MS;
    if (terminal->stroke_count)
        due = MIN(due, terminal->stroke_due);
    return due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0;
}
