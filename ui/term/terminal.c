/*
 * The terminal screen: its thread, 25 frames a second at most, and the monitor behind it.
 *
 * A frame is made when what the last one sent has left: a slow line sees fewer frames, not older ones.  The machine lock
 * is held while the screen is copied and while input is handed over.
 */
#include "ui/term/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ui/term/internal.h"
#include "ui/term/tty.h"

#define FRAME_MS 40
#define NOTICE_MS 4000
#define STYLE_FG 0xffffff
#define STYLE_BG 0x304070

u64 terminal_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}

void terminal_notice(struct terminal *terminal, const char *text)
{
    snprintf(terminal->notice, sizeof(terminal->notice), " %s ", text);
    terminal->notice_until = terminal_ms() + NOTICE_MS;
}

static void nothing(void *opaque) {}

/* The loop's thread sees it when it turns. */
void terminal_quit(struct terminal *terminal)
{
    machine_lock(terminal->machine);
    terminal->machine->state = RUN_QUIT;
    machine_kick(terminal->machine);
    machine_unlock(terminal->machine);
    loop_post(terminal->machine->loop, nothing, NULL);
}

void terminal_redraw(struct terminal *terminal)
{
    terminal->screen.known = false;
}

static void wake(struct terminal *terminal)
{
    if (write(terminal->wake[1], "", 1) < 0)
        return; /* it is full of them */
}

/* --- frames -------------------------------------------------------------------------------------------------------- */

/* The size of the terminal may have changed. */
static bool follow_size(struct terminal *terminal)
{
    int columns, rows;
    term_tty_size(&columns, &rows);
    columns = MIN(columns, TERM_COLUMNS_MAX);
    rows = MIN(rows, TERM_ROWS_MAX);
    if (terminal->grid.cells && terminal->grid.columns == columns && terminal->grid.rows == rows)
        return true;
    terminal->picture_stale = true;
    terminal_redraw(terminal);
    return term_grid_resize(&terminal->grid, columns, rows);
}

/* The video BIOS, whose fonts tell what a font of the guest's says.  Machine lock held. */
static void read_video_bios(struct terminal *terminal)
{
    enum { VIDEO_BIOS = 0xc0000 };
    if (!terminal->font.reference)
        memory_read(terminal->machine->memory, VIDEO_BIOS, terminal->font.rom, TERM_FONT_ROM);
}

/* What of the machine there is to see.  Returns whether it is text. */
static bool read_machine(struct terminal *terminal)
{
    struct machine *machine = terminal->machine;
    const struct display *display = &machine->display;
    machine_lock(machine);
    bool text = !display->text || display->text(display->opaque, &terminal->text);
    read_video_bios(terminal);
    if (!text && display->render && display_stale(display, &terminal->surface) &&
        display->render(display->opaque, &terminal->surface) == 0)
        terminal->picture_stale = true;
    terminal->paused = machine->state == RUN_STOPPED;
    machine_unlock(machine);
    return text;
}

static void draw_help(struct terminal *terminal)
{
    struct term_grid *grid = &terminal->grid;
    int count = 0, width = 0;
    char line[80];
    for (; input_help[count]; count++)
        width = MAX(width, (int)strlen(input_help[count]));
    int x = MAX(0, (grid->columns - width - 4) / 2), y = MAX(0, (grid->rows - count - 2) / 2);
    for (int i = -1; i <= count; i++) {
        snprintf(line, sizeof(line), "  %-*s  ", width, i >= 0 && i < count ? input_help[i] : "");
        term_grid_text(grid, x, y + i + 1, line, STYLE_FG, STYLE_BG);
    }
    grid->cursor_x = grid->cursor_y = -1;
}

/* What lies over the guest's screen.  Returns whether there was something. */
static bool draw_overlay(struct terminal *terminal, u64 now)
{
    struct term_grid *grid = &terminal->grid;
    const char *line = terminal->paused               ? " Paused: Ctrl-A p goes on "
                       : now < terminal->notice_until ? terminal->notice
                                                      : NULL;
    if (line)
        term_grid_text(grid, MAX(0, grid->columns - (int)strlen(line)), grid->rows - 1, line, STYLE_FG, STYLE_BG);
    if (terminal->help)
        draw_help(terminal);
    return line || terminal->help;
}

static void frame(struct terminal *terminal, u64 now)
{
    if (term_tty_resumed())
        terminal_redraw(terminal);
    if (!follow_size(terminal))
        return;
    bool text = read_machine(terminal);
    if (text || terminal->picture_stale) {
        terminal->picture_stale = text;
        if (text) {
            term_font_update(&terminal->font, &terminal->text);
            term_show_text(&terminal->grid, &terminal->text, &terminal->font, &terminal->view);
        } else {
            term_show_picture(&terminal->grid, &terminal->surface, &terminal->view);
        }
    }
    if (draw_overlay(terminal, now))
        terminal->picture_stale = true; /* to take it off again */
    term_screen_update(&terminal->screen, &terminal->grid, &terminal->out);
}

/* --- the monitor --------------------------------------------------------------------------------------------------- */

/* What it says while nobody looks is lost, but for the prompt that its greeting brings. */
static size_t monitor_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct terminal *terminal = container_of(chr, struct terminal, chr);
    if (!terminal->in_monitor)
        return length;
    length = MIN(length, MONITOR_OUT - terminal->monitor_length);
    memcpy(terminal->monitor_out + terminal->monitor_length, data, length);
    terminal->monitor_length += length;
    wake(terminal);
    return length;
}

static bool monitor_focused(struct chardev *chr)
{
    return container_of(chr, struct terminal, chr)->in_monitor;
}

static const struct chardev_ops monitor_ops = {.name = "terminal", .write = monitor_write, .focused = monitor_focused};

struct typed {
    struct terminal *terminal;
    size_t length;
    bool focus;
    u8 data[64];
};

/* Commands run on the loop's thread. */
static void hand_to_monitor(void *opaque)
{
    struct typed *typed = opaque;
    const struct chardev_user *user = &typed->terminal->chr.user;
    if (typed->focus && user->event)
        user->event(user->opaque, CHAR_FOCUS);
    else if (!typed->focus && user->receive)
        user->receive(user->opaque, typed->data, typed->length);
    free(typed);
}

static void post(struct terminal *terminal, const u8 *data, size_t length, bool focus)
{
    struct typed *typed = malloc(sizeof(*typed));
    if (!typed)
        return;
    *typed = (struct typed){.terminal = terminal, .length = MIN(length, sizeof(typed->data)), .focus = focus};
    if (length)
        memcpy(typed->data, data, typed->length);
    loop_post(terminal->machine->loop, hand_to_monitor, typed);
}

void terminal_to_monitor(struct terminal *terminal, const u8 *data, size_t length)
{
    post(terminal, data, length, false);
}

void terminal_show_monitor(struct terminal *terminal, bool on)
{
    machine_lock(terminal->machine);
    terminal->in_monitor = on;
    terminal->monitor_length = 0;
    machine_unlock(terminal->machine);
    terminal->out.length = terminal->out_sent = 0;
    term_tty_screen(!on);
    terminal_redraw(terminal);
    if (on) {
        term_out_put(&terminal->out, TERMINAL_MONITOR_HELP);
        post(terminal, NULL, 0, true);
    }
}

static void fetch_monitor(struct terminal *terminal)
{
    machine_lock(terminal->machine);
    for (size_t i = 0; i < terminal->monitor_length; i++) {
        char text[2] = {terminal->monitor_out[i]};
        term_out_put(&terminal->out, text);
    }
    bool full = terminal->monitor_length == MONITOR_OUT;
    terminal->monitor_length = 0;
    if (full && terminal->chr.user.writable)
        terminal->chr.user.writable(terminal->chr.user.opaque);
    machine_unlock(terminal->machine);
}

/* --- the thread ---------------------------------------------------------------------------------------------------- */

static bool ended(struct terminal *terminal)
{
    machine_lock(terminal->machine);
    bool quit = terminal->machine->state == RUN_QUIT;
    machine_unlock(terminal->machine);
    return quit;
}

/* The terminal is gone when there is nothing to read though something was announced. */
static void read_input(struct terminal *terminal, u64 now)
{
    size_t room = sizeof(terminal->in) - terminal->in_length;
    ssize_t got = room ? read(STDIN_FILENO, terminal->in + terminal->in_length, room) : 0;
    if (got > 0) {
        terminal->in_length += (size_t)got;
        terminal->in_at = now;
    } else if (room && (got == 0 || (errno != EINTR && errno != EAGAIN))) {
        terminal->stopping = true;
        terminal_quit(terminal);
    }
}

static void write_output(struct terminal *terminal)
{
    struct term_out *out = &terminal->out;
    while (terminal->out_sent < out->length) {
        ssize_t sent = term_tty_write(out->data + terminal->out_sent, out->length - terminal->out_sent);
        if (sent <= 0)
            return;
        terminal->out_sent += (size_t)sent;
    }
    out->length = terminal->out_sent = 0;
    if (out->failed)
        terminal_redraw(terminal);
    out->failed = false;
}

static void wait_for_work(struct terminal *terminal, u64 now, u64 next_frame)
{
    bool pending = terminal->out.length > 0;
    int wait = input_wait(terminal, now), frame_wait = next_frame > now ? (int)(next_frame - now) : 0;
    if (pending || terminal->in_monitor)
        frame_wait = 500;
    struct pollfd fds[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = terminal->wake[0], .events = POLLIN},
        {.fd = pending ? term_tty_output() : -1, .events = POLLOUT},
    };
    char bytes[64];
    if (poll(fds, ARRAY_SIZE(fds), wait >= 0 ? MIN(wait, frame_wait) : frame_wait) <= 0)
        return;
    if (fds[0].revents)
        read_input(terminal, terminal_ms());
    if (fds[1].revents && read(terminal->wake[0], bytes, sizeof(bytes)) < 0)
        return;
}

static void *serve(void *opaque)
{
    struct terminal *terminal = opaque;
    u64 next_frame = 0;
    while (!terminal->stopping) {
        u64 now = terminal_ms();
        input_take(terminal, now);
        input_type(terminal, now);
        if (!terminal->out.length && terminal->in_monitor) {
            fetch_monitor(terminal);
        } else if (!terminal->out.length && now >= next_frame) {
            if (!ended(terminal))
                frame(terminal, now);
            next_frame = now + FRAME_MS;
        }
        write_output(terminal);
        wait_for_work(terminal, now, next_frame);
    }
    return NULL;
}

/* --- birth and death ----------------------------------------------------------------------------------------------- */

static int start(struct terminal *terminal, struct error *err)
{
    terminal->monitor_out = malloc(MONITOR_OUT);
    if (!terminal->monitor_out || pipe2(terminal->wake, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_set(err, ENOMEM, "-display curses: not enough memory or descriptors");
    machine_lock(terminal->machine);
    terminal->monitor = monitor_create(terminal->machine, terminal->accel, &terminal->chr);
    machine_unlock(terminal->machine);
    int r = term_tty_open(err);
    if (r < 0)
        return r;
    terminal->erase = term_tty_erase();
    terminal_notice(terminal, "Ctrl-A h helps, Ctrl-A x ends");
    terminal->started = pthread_create(&terminal->thread, NULL, serve, terminal) == 0;
    return terminal->started ? 0 : error_set(err, EAGAIN, "-display curses: cannot start a thread");
}

struct terminal *terminal_create(struct machine *machine, struct accel *accel, const char *layout, struct error *err)
{
    struct terminal *terminal = calloc(1, sizeof(*terminal));
    if (!terminal) {
        error_set(err, ENOMEM, "-display curses: not enough memory");
        return NULL;
    }
    terminal->machine = machine;
    terminal->accel = accel;
    terminal->layout = layout_find(layout ? layout : "us");
    terminal->wake[0] = terminal->wake[1] = -1;
    terminal->chr.ops = &monitor_ops;
    terminal->mouse_on = true;
    terminal->mouse_x = -1;
    terminal->text.cursor_x = terminal->text.cursor_y = -1;
    terminal->screen.depth = term_depth_of(getenv("TERM"), getenv("COLORTERM"));
    if (start(terminal, err) < 0) {
        terminal_destroy(terminal);
        return NULL;
    }
    return terminal;
}

static void lock(void *machine)
{
    machine_lock(machine);
}

static void unlock(void *machine)
{
    machine_unlock(machine);
}

void terminal_destroy(struct terminal *terminal)
{
    if (!terminal)
        return;
    terminal->stopping = true;
    if (terminal->started) {
        wake(terminal);
        pthread_join(terminal->thread, NULL);
        loop_turn(terminal->machine->loop, 0, lock, unlock, terminal->machine); /* what was posted last */
    }
    term_tty_close();
    monitor_destroy(terminal->monitor);
    if (terminal->wake[0] >= 0) {
        close(terminal->wake[0]);
        close(terminal->wake[1]);
    }
    surface_free(&terminal->surface);
    term_grid_free(&terminal->grid);
    term_screen_free(&terminal->screen);
    free(terminal->out.data);
    free(terminal->monitor_out);
    free(terminal);
}

void terminal_restore(void)
{
    term_tty_restore();
}
