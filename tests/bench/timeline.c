/*
 * Runs a command and prints how long each benchmark of tests/bench/guest.c took, seen from outside.
 *
 *   timeline [-f FILE] [-t SECONDS] COMMAND...   FILE: where the guest's serial port goes (default: standard output)
 *
 * Prints `NAME SECONDS CHECKSUM` for each `@ NAME start` .. `@ NAME end CHECKSUM`, `power-on` for the time to
 * `@ init end`, and `total` for that to `@ done end`.  Exit status 0 if `done` was seen.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double zero, started;
static char current[40];
static int finished;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void line_seen(const char *line)
{
    char name[40], what[10], checksum[20];
    const char *at = strstr(line, "@ ");
    if (!at || sscanf(at, "@ %39s %9s %19s", name, what, checksum) != 3)
        return;
    if (!strcmp(what, "start")) {
        snprintf(current, sizeof(current), "%s", name);
        started = now();
    } else if (!strcmp(name, "init"))
        printf("power-on %.3f -\n", now() - zero);
    else if (!strcmp(name, "done")) {
        printf("total %.3f -\n", now() - zero);
        finished = 1;
    } else if (!strcmp(name, current))
        printf("%s %.4f %s\n", name, now() - started, checksum);
    fflush(stdout);
}

static void feed(const char *data, ssize_t length)
{
    static char line[512];
    static size_t used;
    for (ssize_t i = 0; i < length; i++) {
        if (data[i] == '\n') {
            line[used] = 0;
            line_seen(line);
            used = 0;
        } else if (used < sizeof(line) - 1)
            line[used++] = data[i];
    }
}

/* Follows a file that the command writes, perhaps only from its guest's first character on. */
static int open_when_there(const char *path, double limit)
{
    while (now() - zero < limit) {
        int fd = open(path, O_RDONLY);
        if (fd >= 0)
            return fd;
        usleep(10000);
    }
    return -1;
}

int main(int argc, char **argv)
{
    const char *file = NULL;
    double limit = 600;
    int option, ends[2];
    while ((option = getopt(argc, argv, "+f:t:")) != -1) {
        if (option == 'f')
            file = optarg;
        else if (option == 't')
            limit = atof(optarg);
        else
            return 2;
    }
    if (optind >= argc || pipe(ends) < 0)
        return 2;
    if (file)
        unlink(file);
    zero = now();
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        setpgid(0, 0);
        dup2(null, 0);
        dup2(file ? null : ends[1], 1);
        dup2(null, 2);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[optind], argv + optind);
        _exit(127);
    }
    close(ends[1]);
    int fd = file ? open_when_there(file, limit) : ends[0];
    char data[4096];
    int ended = 0;
    while (fd >= 0 && !finished && now() - zero < limit) {
        struct pollfd wait = {fd, POLLIN, 0};
        if (!file && poll(&wait, 1, 200) <= 0)
            continue;
        ssize_t got = read(fd, data, sizeof(data));
        if (got > 0)
            feed(data, got);
        else if (!file || ended)
            break;
        else {
            ended = waitpid(child, NULL, WNOHANG) == child;
            usleep(500);
        }
    }
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    return !finished;
}
