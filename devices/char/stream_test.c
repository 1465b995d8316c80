#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "devices/char/backends.h"

#include "tests/unit.h"

static struct loop *loop;
static char in[100000];
static size_t in_length, limit;
static int closed_events, opened_events, writables;

static size_t room(void *opaque)
{
    return limit - MIN(limit, in_length);
}

static void receive(void *opaque, const u8 *data, size_t length)
{
    CHECK(length <= room(NULL));
    memcpy(in + in_length, data, length);
    in_length += length;
}

static void event(void *opaque, enum char_event event)
{
    closed_events += event == CHAR_CLOSED;
    opened_events += event == CHAR_OPENED;
}

static void writable(void *opaque)
{
    writables++;
}

static void use(struct chardev *chr)
{
    if (chr)
        chr->user = (struct chardev_user){room, receive, event, writable, NULL};
    in_length = closed_events = opened_events = writables = 0;
    limit = sizeof(in);
    chardev_accept_input(chr);
}

static void turns(int count)
{
    while (count--)
        loop_turn(loop, 20, NULL, NULL, NULL);
}

static size_t no_write(struct chardev *chr, const u8 *data, size_t length)
{
    return char_stream_write(chr, data, length);
}

static const struct chardev_ops pipe_ops = {
    .name = "test", .write = no_write, .accept_input = char_stream_accept_input};

static struct char_stream stream;
static bool lost;

static void on_closed(struct char_stream *stream)
{
    lost = true;
}

static void open_pair(int fds[2])
{
    loop = loop_create();
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream = (struct char_stream){.chr.ops = &pipe_ops, .loop = loop, .closed = on_closed};
    lost = false;
    char_stream_attach(&stream, fds[0], fds[0]);
    use(&stream.chr);
}

static void close_pair(int fds[2])
{
    char_stream_detach(&stream);
    close(fds[0]);
    close(fds[1]);
    loop_destroy(loop);
}

TEST(input_waits_until_there_is_room_and_none_is_lost)
{
    int fds[2];
    open_pair(fds);
    limit = 3;
    CHECK_EQ(write(fds[1], "abcdefgh", 8), 8);
    turns(3);
    CHECK_EQ(in_length, 3);
    limit = 5;
    chardev_accept_input(&stream.chr);
    turns(3);
    CHECK_EQ(in_length, 5);
    limit = 100;
    chardev_accept_input(&stream.chr);
    turns(3);
    CHECK_EQ(in_length, 8);
    CHECK(!memcmp(in, "abcdefgh", 8));
    close_pair(fds);
}

TEST(input_before_the_front_end_is_there_waits_for_it)
{
    int fds[2];
    open_pair(fds);
    memset(&stream.chr.user, 0, sizeof(stream.chr.user));
    CHECK_EQ(write(fds[1], "early", 5), 5);
    turns(2);
    use(&stream.chr);
    turns(2);
    CHECK_EQ(in_length, 5);
    close_pair(fds);
}

TEST(output_is_refused_when_the_other_side_is_full_and_goes_on_later)
{
    static u8 data[1 << 20];
    static char drain[1 << 20];
    int fds[2];
    open_pair(fds);
    size_t taken = chardev_write(&stream.chr, data, sizeof(data));
    CHECK(taken < sizeof(data));
    CHECK_EQ(chardev_write(&stream.chr, data, 1), 0);
    turns(1);
    CHECK_EQ(writables, 0);
    while (read(fds[1], drain, sizeof(drain)) > 0)
        ;
    turns(1);
    CHECK_EQ(writables, 1);
    CHECK_EQ(chardev_write(&stream.chr, data, 1), 1);
    close_pair(fds);
}

TEST(a_peer_that_hangs_up_is_noticed_after_its_last_bytes)
{
    int fds[2];
    open_pair(fds);
    CHECK_EQ(write(fds[1], "bye", 3), 3);
    shutdown(fds[1], SHUT_WR);
    turns(3);
    CHECK_EQ(in_length, 3);
    CHECK(lost);
    CHECK_EQ(chardev_write(&stream.chr, (const u8 *)"x", 1), 1); /* vanishes */
    close_pair(fds);
}

TEST(end_of_input_leaves_output_alone_where_they_differ)
{
    int from[2], to[2];
    char byte = 0;
    loop = loop_create();
    CHECK_EQ(pipe(from) | pipe(to), 0);
    stream = (struct char_stream){.chr.ops = &pipe_ops, .loop = loop, .blocking = true};
    char_stream_attach(&stream, from[0], to[1]);
    use(&stream.chr);
    close(from[1]);
    turns(2);
    CHECK_EQ(chardev_write(&stream.chr, (const u8 *)"x", 1), 1);
    CHECK_EQ(read(to[0], &byte, 1), 1);
    CHECK_EQ(byte, 'x');
    char_stream_detach(&stream);
    close(from[0]);
    close(to[0]);
    close(to[1]);
    loop_destroy(loop);
}

/* --- files and sockets ------------------------------------------------------------------------------------------- */

static char directory[] = "/tmp/clutch-char-XXXXXX";
static char path[200];

static const char *in_directory(const char *prefix, const char *name, const char *options)
{
    static char spec[300];
    if (directory[strlen(directory) - 1] == 'X')
        CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    snprintf(spec, sizeof(spec), "%s:%s%s", prefix, path, options);
    return spec;
}

TEST(a_file_takes_output)
{
    struct error err;
    char text[10] = "";
    loop = loop_create();
    struct chardev *chr = chardev_open(in_directory("file", "out", ""), loop, &err);
    CHECK(chr != NULL);
    CHECK_EQ(chardev_write(chr, "hello", 5), 5);
    chardev_close(chr);
    FILE *file = fopen(path, "r");
    CHECK(file && fread(text, 1, 9, file) == 5 && !strcmp(text, "hello"));
    fclose(file);
    unlink(path);
    loop_destroy(loop);
}

TEST(a_file_that_cannot_be_written_is_an_error_that_names_it)
{
    struct error err = {""};
    loop = loop_create();
    CHECK(!chardev_open("file:/nonexistent/x", loop, &err));
    CHECK(strstr(err.text, "/nonexistent/x"));
    loop_destroy(loop);
}

TEST(an_unknown_back_end_is_an_error_that_lists_them)
{
    struct error err = {""};
    loop = loop_create();
    CHECK(!chardev_open("stdoi", loop, &err));
    CHECK(strstr(err.text, "stdio"));
    CHECK(!chardev_open("tcp:localhost", loop, &err));
    CHECK(!chardev_open("unix:/tmp/x,servre", loop, &err));
    CHECK(strstr(err.text, "servre"));
    loop_destroy(loop);
}

static int connect_unix(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(name.sun_path, path);
    CHECK_EQ(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

TEST(a_unix_server_takes_one_peer_after_the_other_and_cleans_up)
{
    struct error err;
    char byte = 0;
    loop = loop_create();
    struct chardev *chr = chardev_open(in_directory("unix", "socket", ",server,nowait"), loop, &err);
    CHECK(chr != NULL);
    use(chr);
    CHECK_EQ(chardev_write(chr, "x", 1), 1); /* nobody there: vanishes */
    for (int round = 1; round <= 2; round++) {
        int fd = connect_unix();
        turns(2);
        CHECK_EQ(opened_events, round);
        CHECK_EQ(write(fd, "a", 1), 1);
        CHECK_EQ(chardev_write(chr, "b", 1), 1);
        CHECK_EQ(read(fd, &byte, 1), 1);
        CHECK_EQ(byte, 'b');
        turns(2);
        CHECK_EQ(in_length, round);
        close(fd);
        turns(2);
        CHECK_EQ(closed_events, round);
    }
    chardev_close(chr);
    CHECK(access(path, F_OK) < 0);
    loop_destroy(loop);
}

TEST(a_client_connects_to_a_server)
{
    struct error err;
    loop = loop_create();
    struct chardev *server = chardev_open(in_directory("unix", "socket", ",server=on,wait=off"), loop, &err);
    struct chardev *client = chardev_open(in_directory("unix", "socket", ""), loop, &err);
    CHECK(server && client);
    turns(1);
    use(client);
    CHECK_EQ(chardev_write(server, "hi", 2), 2);
    turns(2);
    CHECK_EQ(in_length, 2);
    chardev_close(client);
    chardev_close(server);
    loop_destroy(loop);
}

TEST(tcp_listens_and_connects)
{
    struct error err = {""};
    char spec[80];
    loop = loop_create();
    struct chardev *server = NULL;
    int port = 30000 + getpid() % 20000;
    for (int tries = 0; !server && tries < 20; tries++) {
        snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%d,server,nowait", ++port);
        server = chardev_open(spec, loop, &err);
    }
    if (!server) {
        loop_destroy(loop);
        SKIP("no TCP port to listen on");
    }
    use(server);
    snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%d", port);
    struct chardev *client = chardev_open(spec, loop, &err);
    CHECK(client != NULL);
    turns(1);
    CHECK_EQ(chardev_write(client, "hi", 2), 2);
    turns(2);
    CHECK_EQ(in_length, 2);
    chardev_close(client);
    chardev_close(server);
    CHECK(!chardev_open(spec, loop, &err));
    CHECK(strstr(err.text, "cannot connect"));
    loop_destroy(loop);
    rmdir(directory);
}

/* --- terminals --------------------------------------------------------------------------------------------------- */

struct child {
    int master;
    pid_t pid;
    struct termios before;
};

/* Runs `body` in a child whose standard input and output are a terminal of its own. */
static bool start_child(struct child *child, void (*body)(void))
{
    child->master = posix_openpt(O_RDWR | O_NOCTTY);
    if (child->master < 0 || grantpt(child->master) < 0 || unlockpt(child->master) < 0)
        return false;
    tcgetattr(child->master, &child->before);
    fflush(stdout);
    child->pid = fork();
    if (child->pid == 0) {
        setsid();
        int slave = open(ptsname(child->master), O_RDWR); /* becomes the controlling terminal */
        dup2(slave, 0);
        dup2(slave, 1);
        body();
        _exit(9);
    }
    return true;
}

/* Waits until the terminal is (not) in canonical mode. */
static bool wait_for_mode(struct child *child, bool canonical)
{
    struct termios mode;
    for (int i = 0; i < 500; i++) {
        tcgetattr(child->master, &mode);
        if (!!(mode.c_lflag & ICANON) == canonical)
            return true;
        usleep(10000);
    }
    return false;
}

static bool restored(struct child *child)
{
    struct termios mode;
    tcgetattr(child->master, &mode);
    return mode.c_lflag == child->before.c_lflag && mode.c_iflag == child->before.c_iflag;
}

static int finish_child(struct child *child)
{
    int status = -1;
    waitpid(child->pid, &status, 0);
    close(child->master);
    return status;
}

static void open_stdio(void)
{
    static struct chardev *chr; /* stays open: that is the point */
    struct error err;
    loop = loop_create();
    chr = chardev_open("stdio", loop, &err);
    if (!chr)
        _exit(8);
}

static void open_and_wait(void)
{
    open_stdio();
    for (;;)
        pause();
}

static void open_and_exit(void)
{
    open_stdio();
    usleep(50000);
    exit(3);
}

static void open_and_crash(void)
{
    open_stdio();
    usleep(50000);
    abort();
}

TEST(the_terminal_comes_back_at_exit)
{
    struct child child;
    if (!start_child(&child, open_and_exit))
        SKIP("no pseudo-terminals here");
    CHECK(wait_for_mode(&child, false));
    CHECK(wait_for_mode(&child, true));
    CHECK(restored(&child));
    CHECK_EQ(WEXITSTATUS(finish_child(&child)), 3);
}

TEST(the_terminal_comes_back_at_every_ending_signal)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct child child;
        if (!start_child(&child, open_and_wait))
            SKIP("no pseudo-terminals here");
        CHECK(wait_for_mode(&child, false));
        kill(child.pid, numbers[i]);
        CHECK(wait_for_mode(&child, true));
        CHECK(restored(&child));
        CHECK_EQ(WTERMSIG(finish_child(&child)), numbers[i]);
    }
}

TEST(the_terminal_comes_back_when_we_crash)
{
    struct child child;
    if (!start_child(&child, open_and_crash))
        SKIP("no pseudo-terminals here");
    CHECK(wait_for_mode(&child, false));
    CHECK(wait_for_mode(&child, true));
    CHECK(restored(&child));
    CHECK_EQ(WTERMSIG(finish_child(&child)), SIGABRT);
}

TEST(the_terminal_is_lent_back_while_we_are_stopped)
{
    struct child child;
    int status;
    if (!start_child(&child, open_and_wait))
        SKIP("no pseudo-terminals here");
    CHECK(wait_for_mode(&child, false));
    kill(child.pid, SIGTSTP);
    CHECK_EQ(waitpid(child.pid, &status, WUNTRACED), child.pid);
    CHECK(WIFSTOPPED(status));
    CHECK(restored(&child));
    kill(child.pid, SIGCONT);
    CHECK(wait_for_mode(&child, false));
    kill(child.pid, SIGTERM);
    CHECK(wait_for_mode(&child, true));
    finish_child(&child);
}

static void write_lines(void)
{
    struct error err;
    struct chardev *chr = chardev_open("stdio", loop_create(), &err);
    chardev_write(chr, "a\r", 2);
    chardev_write(chr, "\nb\nc\rd", 6);
    chardev_close(chr);
    _exit(0);
}

TEST(cr_lf_reaches_the_terminal_as_one_cr_lf)
{
    struct child child;
    char text[50] = "";
    size_t length = 0;
    if (!start_child(&child, write_lines))
        SKIP("no pseudo-terminals here");
    while (length < 9) {
        ssize_t got = read(child.master, text + length, sizeof(text) - 1 - length);
        if (got <= 0)
            break;
        length += got;
    }
    CHECK(!strcmp(text, "a\r\nb\r\nc\rd"));
    CHECK_EQ(finish_child(&child), 0);
}

TEST(only_one_device_can_have_the_terminal)
{
    struct error err = {""};
    loop = loop_create();
    struct chardev *chr = chardev_open("stdio", loop, &err);
    CHECK(chr != NULL);
    CHECK(!chardev_open("stdio", loop, &err));
    CHECK(strstr(err.text, "mon:stdio"));
    chardev_close(chr);
    loop_destroy(loop);
}

TEST(a_pty_carries_bytes_once_somebody_has_opened_it)
{
    struct error err;
    char name[64] = "", byte = 0;
    int copy = dup(2), fds[2];
    loop = loop_create();
    CHECK_EQ(pipe(fds), 0);
    dup2(fds[1], 2); /* the name is told on standard error */
    struct chardev *chr = chardev_open("pty", loop, &err);
    dup2(copy, 2);
    close(copy);
    if (!chr) {
        loop_destroy(loop);
        SKIP(err.text);
    }
    char text[100];
    ssize_t length = read(fds[0], text, sizeof(text) - 1);
    text[MAX(length, 0)] = '\0';
    CHECK_EQ(sscanf(text, "character device at %63s", name), 1);
    use(chr);
    CHECK_EQ(chardev_write(chr, "lost", 4), 4);
    int fd = open(name, O_RDWR | O_NOCTTY);
    CHECK(fd >= 0);
    turns(2);
    CHECK_EQ(opened_events, 1);
    CHECK_EQ(write(fd, "a", 1), 1);
    turns(2);
    CHECK_EQ(in_length, 1);
    CHECK_EQ(chardev_write(chr, "\n", 1), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, '\n'); /* raw: as it is */
    close(fd);
    turns(2);
    CHECK_EQ(closed_events, 1);
    chardev_close(chr);
    close(fds[0]);
    close(fds[1]);
    loop_destroy(loop);
}

UNIT_MAIN()
