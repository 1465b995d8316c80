/*
 * Standard input and output as a character device.
 *
 * A terminal is put into raw mode (Ctrl-C and its like act on us, except under a multiplexer) and put back on every way
 * out: chardev_close, exit, the terminating signals, crashes, and while we are stopped (Ctrl-Z, SIGTSTP).  Output
 * processing stays on so that our own messages keep their shape; CR LF from the guest becomes LF, of which the terminal
 * makes CR LF again.
 *
 * The descriptors are shared with whoever started us, so O_NONBLOCK is never set on them.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "devices/char/backends.h"

struct stdio {
    struct char_stream stream;
    bool joins_lines; /* output is a terminal that makes CR LF of LF */
    bool held_cr;     /* a CR that waits for what follows it */
};

/* A process has one terminal, and signal handlers take no argument. */
static struct {
    bool open;
    volatile sig_atomic_t raw, handlers;
    struct termios before, during;
} terminal;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static struct sigaction earlier[ARRAY_SIZE(signals)];

/* Only while we own the terminal: a background job must leave it alone.  Async-signal-safe. */
static bool set_mode(const struct termios *mode)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp() && tcsetattr(STDIN_FILENO, TCSANOW, mode) == 0;
}

void chardev_restore_terminal(void)
{
    if (terminal.raw)
        set_mode(&terminal.before);
}

/* Put the terminal back, then let the signal do what it would have done without us. */
static void on_end(int number)
{
    chardev_restore_terminal();
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (signals[i] == number)
            sigaction(number, &earlier[i], NULL);
    raise(number);
}

static void on_stop(int number)
{
    int code = errno;
    chardev_restore_terminal();
    raise(SIGSTOP);
    errno = code;
}

static void on_continue(int number)
{
    int code = errno;
    if (terminal.raw)
        set_mode(&terminal.during);
    errno = code;
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_end, .sa_flags = SA_RESTART};
    if (terminal.handlers)
        return;
    terminal.handlers = 1;
    atexit(chardev_restore_terminal);
    /* main has handlers of its own for some of these, which end in exit(). */
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (sigaction(signals[i], NULL, &earlier[i]) == 0 &&
            (earlier[i].sa_handler == SIG_DFL || signals[i] == SIGSEGV || signals[i] == SIGBUS))
            sigaction(signals[i], &action, NULL);
    action.sa_handler = on_stop;
    sigaction(SIGTSTP, &action, NULL);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, NULL);
}

static void enter_raw(void)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal.before) < 0)
        return;
    struct termios mode = terminal.before;
    mode.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    mode.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    mode.c_cflag = (mode.c_cflag & ~(CSIZE | PARENB)) | CS8;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    terminal.during = mode;
    install_handlers();
    terminal.raw = 1;
    set_mode(&mode);
}

static bool terminal_adds_cr(void)
{
    struct termios mode;
    return tcgetattr(STDOUT_FILENO, &mode) == 0 && (mode.c_oflag & OPOST) && (mode.c_oflag & ONLCR);
}

/* One line's worth at a time: the guest's bytes without each CR that LF follows. */
static size_t stdio_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct stdio *stdio = container_of(container_of(chr, struct char_stream, chr), struct stdio, stream);
    u8 out[512];
    size_t used = 0, taken = 0;
    if (!stdio->joins_lines)
        return char_stream_write(chr, data, length);
    bool held = stdio->held_cr;
    for (; taken < length && used < sizeof(out) - 1; taken++) {
        if (held && data[taken] != '\n')
            out[used++] = '\r';
        held = data[taken] == '\r';
        if (!held)
            out[used++] = data[taken];
    }
    /* All or nothing.  Only a signal in the middle of write can cut such a small piece, and then the rest follows. */
    size_t sent = used ? char_stream_write(chr, out, used) : 0;
    if (used && !sent)
        return 0;
    while (sent < used) {
        struct pollfd pollfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
        poll(&pollfd, 1, -1);
        sent += char_stream_write(chr, out + sent, used - sent);
    }
    stdio->held_cr = held;
    return taken;
}

static void stdio_close(struct chardev *chr)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    char_stream_detach(stream);
    chardev_restore_terminal();
    terminal.raw = 0;
    terminal.open = false;
    free(container_of(stream, struct stdio, stream));
}

static void stdio_muxed(struct chardev *chr)
{
    terminal.during.c_lflag &= ~ISIG;
    if (terminal.raw)
        set_mode(&terminal.during);
}

static const struct chardev_ops stdio_ops = {
    .name = "stdio",
    .write = stdio_write,
    .accept_input = char_stream_accept_input,
    .close = stdio_close,
    .muxed = stdio_muxed,
};

struct chardev *char_stdio_open(struct loop *loop, struct error *err)
{
    if (terminal.open) {
        error_set(err, EBUSY, "stdio: only one character device can have it; mon:stdio shares it with the monitor");
        return NULL;
    }
    struct stdio *stdio = calloc(1, sizeof(*stdio));
    if (!stdio)
        return NULL;
    stdio->stream.chr.ops = &stdio_ops;
    stdio->stream.loop = loop;
    stdio->stream.blocking = true;
    stdio->joins_lines = terminal_adds_cr();
    terminal.open = true;
    enter_raw();
    char_stream_attach(&stdio->stream, STDIN_FILENO, STDOUT_FILENO);
    return &stdio->stream.chr;
}
