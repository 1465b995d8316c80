/*
 * Raw mode, alternate screen, and the terminal as it was on every way out: close, exit, crashes, and while we are stopped.
 *
 * Source: termios(3); XTerm Control Sequences, "DEC Private Mode Set" (7 wrap, 25 cursor, 1003 and 1006 mouse, 1049
 *         alternate screen), DECKPAM, DECKPNM.
 * What is printed on standard error meanwhile would tear the picture: it is kept, and printed when the terminal is back.
 * The size is asked for by the reader at each frame, which needs no SIGWINCH.
 */
#include "ui/term/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define MESSAGES_MAX 65536

#define MOUSE_ON "\033[?1000h\033[?1003h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1003l\033[?1000l"

static const char enter[] = "\033[?1049h\033[?7l\033=\033[?25l";
/* CAN ends a sequence that was cut short.  The alternate screen is cleared, for tmux brings lines of it back where the size
 * has changed meanwhile. */
static const char leave[] = "\030" MOUSE_OFF "\033>\033[?7h\033[0m\033[2J\033[?25h\033[?1049l";

/* Signal handlers take no argument. */
static struct {
    volatile sig_atomic_t open, alternate, mouse, resumed, handlers;
    int output; /* a description of its own, so that O_NONBLOCK is nobody else's */
    bool own_output;
    int messages, saved_error; /* -1: standard error is left alone */
    struct termios before, during;
} tty = {.output = -1, .messages = -1, .saved_error = -1};

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static struct sigaction earlier[ARRAY_SIZE(fatal)];

/* --- async-signal-safe --------------------------------------------------------------------------------------------- */

/* Only while we own the terminal: a background job must leave it alone. */
static bool owned(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* All of it, but a terminal that takes nothing for a while is given up. */
static void write_now(const char *data, size_t length)
{
    while (length) {
        struct pollfd pollfd = {.fd = tty.output, .events = POLLOUT};
        ssize_t sent = poll(&pollfd, 1, 500) > 0 ? write(tty.output, data, length) : -1;
        if (sent <= 0)
            return;
        data += sent;
        length -= (size_t)sent;
    }
}

static void print_messages(void)
{
    char text[512];
    off_t end = lseek(tty.messages, 0, SEEK_END), at = end > MESSAGES_MAX ? end - MESSAGES_MAX : 0;
    ssize_t got;
    while ((got = pread(tty.messages, text, sizeof(text), at)) > 0 && write(tty.saved_error, text, (size_t)got) > 0)
        at += got;
    if (ftruncate(tty.messages, 0) == 0)
        lseek(tty.messages, 0, SEEK_SET);
}

static void enter_screen(void)
{
    if (owned())
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.during);
    if (tty.messages >= 0)
        dup2(tty.messages, STDERR_FILENO);
    if (tty.alternate)
        write_now(enter, sizeof(enter) - 1);
    if (tty.alternate && tty.mouse)
        write_now(MOUSE_ON, sizeof(MOUSE_ON) - 1);
}

void term_tty_restore(void)
{
    if (!tty.open)
        return;
    if (owned() && tty.alternate)
        write_now(leave, sizeof(leave) - 1);
    if (owned())
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.before);
    if (tty.messages >= 0) {
        dup2(tty.saved_error, STDERR_FILENO);
        print_messages();
    }
}

static void on_fatal(int number)
{
    term_tty_restore();
    tty.open = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
        if (fatal[i] == number)
            sigaction(number, &earlier[i], NULL);
    raise(number);
}

static void on_stop(int number)
{
    int code = errno;
    term_tty_restore();
    raise(SIGSTOP);
    errno = code;
}

static void on_continue(int number)
{
    int code = errno;
    if (tty.open)
        enter_screen();
    tty.resumed = 1;
    errno = code;
}

/* --- opening and closing ------------------------------------------------------------------------------------------- */

static void close_at_exit(void)
{
    term_tty_restore();
    tty.open = 0;
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_fatal};
    if (tty.handlers)
        return;
    tty.handlers = 1;
    atexit(close_at_exit);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
        if (sigaction(fatal[i], NULL, &earlier[i]) == 0)
            sigaction(fatal[i], &action, NULL);
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_stop;
    sigaction(SIGTSTP, &action, NULL);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, NULL);
}

/* While a terminal is where messages go. */
static void keep_messages(void)
{
    if (!isatty(STDERR_FILENO))
        return;
    tty.messages = memfd_create("messages", MFD_CLOEXEC);
    tty.saved_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (tty.messages >= 0 && tty.saved_error < 0) {
        close(tty.messages);
        tty.messages = -1;
    }
    if (tty.messages >= 0)
        fcntl(tty.messages, F_SETFL, O_APPEND);
}

static void open_output(void)
{
    char name[64];
    tty.output = ttyname_r(STDOUT_FILENO, name, sizeof(name)) == 0
                     ? open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                     : -1;
    tty.own_output = tty.output >= 0;
    if (!tty.own_output)
        tty.output = STDOUT_FILENO;
}

int term_tty_open(struct error *err)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &tty.before) < 0)
        return error_set(err, ENOTTY,
                         "-display curses needs a terminal: standard input or output is none; -vnc and "
                         "-display none work without");
    if (!term || !*term || !strcmp(term, "dumb"))
        return error_set(err, ENOTTY, "-display curses: TERM=%s says that this terminal cannot draw", term ? term : "");
    struct termios mode = tty.before;
    cfmakeraw(&mode);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    tty.during = mode;
    open_output();
    keep_messages();
    install_handlers();
    tty.open = tty.alternate = tty.mouse = 1;
    enter_screen();
    return 0;
}

void term_tty_screen(bool alternate)
{
    if (!alternate)
        write_now(leave, sizeof(leave) - 1);
    tty.alternate = alternate;
    if (alternate)
        enter_screen();
}

void term_tty_mouse(bool on)
{
    tty.mouse = on;
    if (on)
        write_now(MOUSE_ON, sizeof(MOUSE_ON) - 1);
    else
        write_now(MOUSE_OFF, sizeof(MOUSE_OFF) - 1);
}

ssize_t term_tty_write(const char *data, size_t length)
{
    /* Where the descriptor blocks, little enough that it rarely does. */
    ssize_t sent = write(tty.output, data, tty.own_output ? length : MIN(length, (size_t)256));
    return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int term_tty_output(void)
{
    return tty.output;
}

void term_tty_size(int *columns, int *rows)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

u8 term_tty_erase(void)
{
    return tty.before.c_cc[VERASE];
}

bool term_tty_resumed(void)
{
    bool resumed = tty.resumed;
    tty.resumed = 0;
    return resumed;
}

void term_tty_close(void)
{
    if (!tty.open)
        return;
    term_tty_restore();
    tty.open = 0;
    if (tty.own_output)
        close(tty.output);
    if (tty.messages >= 0) {
        close(tty.messages);
        close(tty.saved_error);
    }
    tty.output = tty.messages = tty.saved_error = -1;
}
