/*
 * Runs a command and holds a conversation with it, told by a script on standard input.
 *
 *   expect [-p] [-m SOCKET] [-l TRANSCRIPT] COMMAND... <SCRIPT
 *
 *   -p  the command gets a terminal of its own, which must be as it was when the command ends
 *   -m  a unix socket where the command's monitor listens (tried until it is there)
 *
 * One command in a line; what follows the first blank is its text, with \n \r \t \e \\ \xHH:
 *   timeout SECONDS   for each wait from here on (60)
 *   wait TEXT         until TEXT is written, after what the last wait found
 *   type TEXT         one character at a time: the next one when this one has been echoed, or after a moment
 *   send TEXT         the same, and Enter
 *   close             end of input
 *   never TEXT        from here on: fail as soon as TEXT is written
 *   monitor TEXT      a line to the monitor
 *   mwait TEXT        wait on the monitor's output
 *   ask COMMAND => TEXT   the same command to the monitor again and again until its output holds TEXT
 *   screen TEXT       until the guest's text screen, asked of the monitor, has a line that holds TEXT
 *   pulse MS A | B        from here on, while waiting: A and B by turns to the monitor, every MS milliseconds (0: no more)
 *   run COMMAND       by the shell; it must succeed
 *   sleep SECONDS
 *   signal NUMBER     to the command
 *   time NAME         prints `NAME: SECONDS since the start`
 *   status NUMBER     wait for the end of the command, which must have this exit status (128 + a signal's number)
 * Escape sequences and carriage returns are not matched.  Exit status 0 if all went as told; else 1, and standard
 * output says what did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { KEEP = 1 << 16 }; /* how much unmatched output is remembered */

/* What one side has written, without escape sequences. */
struct stream {
    int fd;
    char data[KEEP + 1];
    size_t length, seen; /* matched up to `seen` */
    unsigned long total;
    enum { PLAIN, ESCAPE, CSI } state;
};

static struct stream console = {.fd = -1}, monitor = {.fd = -1};
static int input = -1, terminal_slave = -1;
static pid_t child;
static double zero, limit = 60;
static FILE *transcript;
static const char *socket_path;
static char never[8][128];
static int never_count, line_number;
static const char *doing = "";
static struct termios before;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void print_tail(const char *title, const struct stream *s)
{
    size_t from = s->length > 1500 ? s->length - 1500 : 0;
    if (s->length)
        printf("--- %s ends with:\n%s\n", title, s->data + from);
}

static _Noreturn void fail(const char *fmt, ...)
{
    va_list args;
    printf("script line %d, \"%s\", after %.1f s: ", line_number, doing, now() - zero);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    print_tail("the console", &console);
    print_tail("the monitor", &monitor);
    if (child > 0) {
        kill(child, SIGTERM);
        usleep(300000);
        kill(child, SIGKILL);
    }
    exit(1);
}

static void add(struct stream *s, unsigned char c)
{
    s->total++;
    if (s->state == ESCAPE) {
        s->state = c == '[' ? CSI : PLAIN;
        return;
    }
    if (s->state == CSI) {
        if (c >= 0x40 && c < 0x7f)
            s->state = PLAIN;
        return;
    }
    if (c == 0x1b) {
        s->state = ESCAPE;
        return;
    }
    if (c == '\r' || !c)
        return;
    if (s->length == KEEP) {
        size_t drop = KEEP / 2;
        memmove(s->data, s->data + drop, s->length - drop);
        s->length -= drop;
        s->seen = s->seen > drop ? s->seen - drop : 0;
    }
    s->data[s->length++] = c;
    s->data[s->length] = 0;
}

/* Takes what is there; false at the end of the stream. */
static bool take(struct stream *s)
{
    char data[4096];
    ssize_t got = read(s->fd, data, sizeof(data));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        if (s->fd != input)
            close(s->fd);
        s->fd = -1;
        return false;
    }
    if (transcript && s == &console) {
        fwrite(data, 1, got, transcript);
        fflush(transcript);
    }
    for (ssize_t i = 0; i < got; i++)
        add(s, data[i]);
    for (int i = 0; i < never_count; i++)
        if (strstr(console.data + console.seen, never[i]))
            fail("never expected: %s", never[i]);
    return true;
}

/* Waits up to this many seconds for output of either side, and takes it. */
/* What `pulse` sends to the monitor by turns. */
static struct {
    double every, next;
    char lines[2][64];
    unsigned count;
} pulse;

static void beat(void)
{
    if (pulse.every <= 0 || monitor.fd < 0 || now() < pulse.next)
        return;
    const char *line = pulse.lines[pulse.count++ & 1];
    if (write(monitor.fd, line, strlen(line)) < 0)
        pulse.every = 0;
    pulse.next = now() + pulse.every;
}

static void listen_for(double seconds)
{
    beat();
    if (pulse.every > 0 && seconds > pulse.every)
        seconds = pulse.every;
    struct pollfd fds[2] = {{console.fd, POLLIN, 0}, {monitor.fd, POLLIN, 0}};
    if (seconds < 0)
        seconds = 0;
    if (poll(fds, 2, seconds * 1000 + 1) <= 0)
        return;
    if (fds[0].revents)
        take(&console);
    if (fds[1].revents)
        take(&monitor);
}

static void wait_for(struct stream *s, const char *text)
{
    double end = now() + limit;
    for (;;) {
        char *at = strstr(s->data + s->seen, text);
        if (at) {
            s->seen = at - s->data + strlen(text);
            return;
        }
        if (s->fd < 0)
            fail("the command has ended");
        if (now() >= end)
            fail("not seen in %.0f s", limit);
        listen_for(end - now());
    }
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t put = write(fd, data, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            fail("cannot write: %s", strerror(errno));
        data += put;
        length -= put;
    }
}

/* A serial console echoes what its reader has taken; a character that is not echoed gets a moment. */
static void type(const char *text)
{
    for (; *text; text++) {
        unsigned long total = console.total;
        double end = now() + 0.25;
        write_all(input, text, 1);
        while (console.fd >= 0 && console.total == total && now() < end)
            listen_for(end - now());
    }
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static void run_child(int in, int out, char **argv)
{
    setsid();
    ioctl(in, TIOCSCTTY, 0);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static void start(char **argv, bool terminal)
{
    int in[2], out[2];
    if (terminal) {
        int master = posix_openpt(O_RDWR | O_NOCTTY);
        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
            fail("no pseudo-terminal: %s", strerror(errno));
        terminal_slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* kept open: the settings outlive the command */
        tcgetattr(terminal_slave, &before);
        in[0] = out[1] = terminal_slave;
        in[1] = out[0] = master;
    } else if (pipe(in) < 0 || pipe(out) < 0)
        fail("pipe: %s", strerror(errno));
    child = fork();
    if (child == 0)
        run_child(in[0], out[1], argv);
    if (!terminal) {
        close(in[0]);
        close(out[1]);
    }
    input = in[1];
    console.fd = out[0];
}

static void connect_monitor(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    double end = now() + 10;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    while (now() < end) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            monitor.fd = fd;
            return;
        }
        close(fd);
        usleep(20000);
    }
    fail("nobody listens at %s", path);
}

static void check_status(int want)
{
    double end = now() + limit;
    int status;
    while (waitpid(child, &status, WNOHANG) != child) {
        if (now() >= end)
            fail("still running after %.0f s", limit);
        if (console.fd >= 0 || monitor.fd >= 0)
            listen_for(0.05);
        else
            usleep(20000);
    }
    child = 0;
    while (console.fd >= 0 && terminal_slave < 0 && take(&console))
        ;
    int got = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got != want)
        fail("it was %d", got);
    struct termios after;
    if (terminal_slave >= 0 && tcgetattr(terminal_slave, &after) == 0 &&
        (after.c_lflag != before.c_lflag || after.c_iflag != before.c_iflag || after.c_oflag != before.c_oflag))
        fail("the terminal is not as it was");
}

/* --- the script -------------------------------------------------------------------------------------------------- */

static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text != '\\' || !text[1]) {
            *to++ = *text;
            continue;
        }
        static const char letters[] = "nrte\\", values[] = "\n\r\t\033\\";
        const char *found = strchr(letters, *++text);
        if (found)
            *to++ = values[found - letters];
        else if (*text == 'x' && text[1] && text[2]) {
            char digits[3] = {text[1], text[2], 0};
            *to++ = strtol(digits, NULL, 16);
            text += 2;
        }
    }
    *to = 0;
}

static void pause_for(double seconds)
{
    double end = now() + seconds;
    while (now() < end)
        if (console.fd >= 0 || monitor.fd >= 0)
            listen_for(end - now());
        else
            usleep(10000);
}

static void remember_never(const char *text)
{
    if (never_count == 8)
        fail("too many");
    snprintf(never[never_count++], sizeof(never[0]), "%s", text);
}

static bool has_come(struct stream *s, const char *text)
{
    char *at = strstr(s->data + s->seen, text);
    if (at)
        s->seen = at - s->data + strlen(text);
    return at != NULL;
}

static void ask(char *command)
{
    double end = now() + limit;
    char *text = strstr(command, " => ");
    if (!text)
        fail("write it as: ask COMMAND => TEXT");
    *text = 0;
    text += 4;
    while (!has_come(&monitor, text)) {
        if (monitor.fd < 0 || now() >= end)
            fail("not answered");
        write_all(monitor.fd, command, strlen(command));
        write_all(monitor.fd, "\n", 1);
        pause_for(0.05);
    }
}

/* What a file holds, cut to `size`. */
static void slurp(const char *path, char *data, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(data, 1, size - 1, file) : 0;
    data[length] = 0;
    if (file)
        fclose(file);
}

static void see(const char *text)
{
    double end = now() + limit;
    char path[256], command[300], screen[16384];
    snprintf(path, sizeof(path), "%s.txt", socket_path ? socket_path : "screen");
    int length = snprintf(command, sizeof(command), "screendump %s\n", path);
    for (;;) {
        if (monitor.fd >= 0)
            write_all(monitor.fd, command, (size_t)length);
        pause_for(0.3);
        slurp(path, screen, sizeof(screen));
        if (strstr(screen, text))
            break;
        if (monitor.fd < 0 || now() >= end)
            fail("not on the screen, which says:\n%s", screen);
    }
    remove(path);
}

static void run_shell(const char *text)
{
    if (system(text) != 0)
        fail("it failed");
}

static void set_pulse(char *text)
{
    char *first = text + strcspn(text, " "), *second = strchr(text, '|');
    pulse.every = atof(text) / 1000;
    pulse.next = now();
    if (pulse.every <= 0 || !second)
        return;
    *second = 0;
    snprintf(pulse.lines[0], sizeof(pulse.lines[0]), "%s\n", first + strspn(first, " "));
    snprintf(pulse.lines[1], sizeof(pulse.lines[1]), "%s\n", second + 1 + strspn(second + 1, " "));
}

static void obey(const char *verb, char *text)
{
    if (!strcmp(verb, "timeout"))
        limit = atof(text);
    else if (!strcmp(verb, "wait"))
        wait_for(&console, text);
    else if (!strcmp(verb, "type"))
        type(text);
    else if (!strcmp(verb, "send")) {
        type(text);
        type("\r");
    } else if (!strcmp(verb, "close")) {
        close(input);
        input = -1;
    } else if (!strcmp(verb, "never"))
        remember_never(text);
    else if (!strcmp(verb, "monitor")) {
        write_all(monitor.fd, text, strlen(text));
        write_all(monitor.fd, "\n", 1);
    } else if (!strcmp(verb, "mwait"))
        wait_for(&monitor, text);
    else if (!strcmp(verb, "ask"))
        ask(text);
    else if (!strcmp(verb, "screen"))
        see(text);
    else if (!strcmp(verb, "pulse"))
        set_pulse(text);
    else if (!strcmp(verb, "run"))
        run_shell(text);
    else if (!strcmp(verb, "sleep"))
        pause_for(atof(text));
    else if (!strcmp(verb, "signal"))
        kill(child, atoi(text));
    else if (!strcmp(verb, "time"))
        printf("%s: %.1f s\n", text, now() - zero);
    else if (!strcmp(verb, "status"))
        check_status(atoi(text));
    else
        fail("no such command");
}

int main(int argc, char **argv)
{
    bool terminal = false;
    char line[1024];
    int option;
    zero = now();
    while ((option = getopt(argc, argv, "+pm:l:")) != -1) {
        if (option == 'p')
            terminal = true;
        else if (option == 'm')
            socket_path = optarg;
        else if (option == 'l')
            transcript = fopen(optarg, "w");
        else
            return 2;
    }
    if (optind >= argc)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    start(argv + optind, terminal);
    if (socket_path)
        connect_monitor(socket_path);
    while (fgets(line, sizeof(line), stdin)) {
        static char shown[1024];
        line_number++;
        line[strcspn(line, "\n")] = 0;
        char *verb = line + strspn(line, " ");
        if (!*verb || *verb == '#')
            continue;
        snprintf(shown, sizeof(shown), "%s", verb);
        doing = shown;
        char *text = verb + strcspn(verb, " ");
        if (*text)
            *text++ = 0;
        unescape(text);
        obey(verb, text);
    }
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return 0;
}
