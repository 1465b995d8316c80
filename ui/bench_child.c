/*
 * A process for each run of the benchmark.
 */
#include "ui/bench_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t bench_interrupted;

#define GRACE 5.0 /* seconds from SIGTERM to SIGKILL */

void bench_search_begin(struct bench_search *search, const char *text)
{
    *search = (struct bench_search){.text = text, .length = strlen(text)};
}

bool bench_search_feed(struct bench_search *search, const char *data, size_t length)
{
    char joined[sizeof(search->tail) * 2];
    size_t keep = search->length ? MIN(search->length - 1, (size_t)BENCH_SEARCH_MAX) : 0;
    if (search->found || !search->length)
        return search->found = true;
    /* Across the seam, then inside the piece. */
    size_t head = MIN(length, keep);
    memcpy(joined, search->tail, search->tail_length);
    memcpy(joined + search->tail_length, data, head);
    search->found = memmem(joined, search->tail_length + head, search->text, search->length) ||
                    memmem(data, length, search->text, search->length);
    if (length >= keep) {
        memcpy(search->tail, data + length - keep, keep);
        search->tail_length = keep;
    } else {
        size_t all = search->tail_length + length, drop = all > keep ? all - keep : 0;
        memcpy(search->tail, joined + drop, all - drop);
        search->tail_length = all - drop;
    }
    return search->found;
}

/* --- the child --------------------------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int answer, input, output; /* our ends of its pipes; -1: there is none, or it is closed */
    size_t got;
    struct timespec began;
    struct bench_search search;
    bool searching;
    char line[160]; /* of its output, the one under way */
    size_t line_length;
};

static void be_child(const struct bench_work *work, const int answer[2], const int input[2], const int output[2])
{
    char data[BENCH_ANSWER_MAX];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 3; i++)
        signal((int[]){SIGTERM, SIGHUP, SIGPIPE}[i], SIG_DFL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C: our parent hears it, too, and ends us */
    close(answer[0]);
    if (work->capture) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
        close(input[0]);
        close(input[1]);
        close(output[0]);
        close(output[1]);
    }
    memset(data, 0, sizeof(data));
    work->run(work->opaque, data);
    fflush(NULL);
    _exit(write(answer[1], data, MIN(work->size, sizeof(data))) < 0);
}

static void close_both(const int pipe[2])
{
    if (pipe[0] >= 0)
        close(pipe[0]);
    if (pipe[1] >= 0)
        close(pipe[1]);
}

static bool start(struct child *child, const struct bench_work *work)
{
    int answer[2] = {-1, -1}, input[2] = {-1, -1}, output[2] = {-1, -1};
    if (pipe2(answer, O_CLOEXEC) < 0 ||
        (work->capture && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) < 0 || pipe2(output, O_CLOEXEC) < 0))) {
        close_both(answer);
        close_both(input);
        return false;
    }
    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &child->began);
    child->pid = fork();
    if (child->pid == 0)
        be_child(work, answer, input, output);
    close(answer[1]);
    if (work->capture) {
        close(input[0]);
        close(output[1]);
    }
    if (work->capture && !work->step_count) {
        close(input[1]);
        input[1] = -1;
    }
    child->answer = answer[0];
    child->input = input[1];
    child->output = output[0];
    return child->pid > 0;
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* --- what it says, and what it is told ---------------------------------------------------------------------------- */

static void keep_line(struct child *child, struct bench_outcome *outcome, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n') {
            child->line_length = 0;
            continue;
        }
        if ((unsigned char)data[i] < ' ' || (unsigned char)data[i] > '~' || child->line_length + 1 >= sizeof(child->line))
            continue;
        child->line[child->line_length++] = data[i];
        child->line[child->line_length] = 0;
        if (data[i] != ' ')
            memcpy(outcome->last, child->line, sizeof(outcome->last));
    }
}

/* Looks for the next prompt, or for the end. */
static void seek(struct child *child, const struct bench_work *work, const struct bench_outcome *outcome)
{
    const char *text = outcome->steps < work->step_count ? work->steps[outcome->steps].prompt : work->until;
    child->searching = text != NULL;
    if (text)
        bench_search_begin(&child->search, text);
}

static void type_line(struct child *child, const struct bench_work *work, struct bench_outcome *outcome)
{
    char line[1024];
    int length = snprintf(line, sizeof(line), "%s\r", work->steps[outcome->steps++].line);
    clock_gettime(CLOCK_MONOTONIC, &child->began);
    if (send(child->input, line, MIN((size_t)length, sizeof(line) - 1), MSG_NOSIGNAL) < 0)
        child->searching = false; /* it has gone; the end is told by the answer */
}

static void read_output(struct child *child, const struct bench_work *work, struct bench_outcome *outcome)
{
    char data[4096];
    ssize_t n = read(child->output, data, sizeof(data));
    if (n == 0 || (n < 0 && errno != EINTR)) {
        close(child->output);
        child->output = -1;
    }
    if (n <= 0)
        return;
    keep_line(child, outcome, data, (size_t)n);
    if (!child->searching || outcome->found || !bench_search_feed(&child->search, data, (size_t)n))
        return;
    if (outcome->steps == work->step_count) {
        outcome->found = true;
        outcome->seconds = seconds_since(&child->began);
        return;
    }
    type_line(child, work, outcome);
    seek(child, work, outcome);
}

/* False at the end of the answer. */
static bool read_answer(struct child *child, const struct bench_work *work, u8 *answer)
{
    u8 more;
    bool room = child->got < work->size;
    ssize_t n = read(child->answer, room ? answer + child->got : &more, room ? work->size - child->got : 1);
    if (n > 0)
        child->got += room ? n : 0;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Asked to end at once, and made to a little later; what has no disks to close need not be asked. */
static double end_it(const struct child *child, const struct bench_work *work, bool *asked)
{
    kill(child->pid, *asked || !work->capture ? SIGKILL : SIGTERM);
    *asked = true;
    return GRACE;
}

/* Until the child has answered or ended.  Past the limit it is asked to end, and then made to. */
static void attend(struct child *child, const struct bench_work *work, void *answer, struct bench_outcome *outcome)
{
    struct timespec began = child->began;
    double limit = work->timeout;
    bool asked = false, late = false, interrupted = false;
    seek(child, work, outcome);
    for (;;) {
        struct pollfd fds[2] = {{child->answer, POLLIN, 0}, {child->output, POLLIN, 0}};
        double now = seconds_since(&began);
        if (bench_interrupted && !interrupted) {
            interrupted = true;
            limit = now + end_it(child, work, &asked);
        }
        if (now >= limit) {
            late |= !asked;
            limit = now + end_it(child, work, &asked);
        }
        /* A signal that comes just before poll() is seen a little later. */
        poll(fds, 2, (int)(MIN(limit - now, 0.2) * 1000) + 1);
        bool found = outcome->found;
        if (fds[1].revents)
            read_output(child, work, outcome);
        if (outcome->found && !found)
            limit = seconds_since(&began) + end_it(child, work, &asked);
        if (fds[0].revents && !read_answer(child, work, answer))
            break;
    }
    if (!outcome->found)
        outcome->seconds = seconds_since(&child->began);
    if (interrupted)
        snprintf(outcome->problem, sizeof(outcome->problem), "interrupted");
    else if (late)
        snprintf(outcome->problem, sizeof(outcome->problem), "not done after %g seconds", work->timeout);
}

void bench_child(const struct bench_work *work, void *answer, struct bench_outcome *outcome)
{
    struct child child = {.input = -1, .output = -1};
    int status = 0;
    *outcome = (struct bench_outcome){0};
    if (!start(&child, work)) {
        snprintf(outcome->problem, sizeof(outcome->problem), "cannot start a process: %s", strerror(errno));
        return;
    }
    attend(&child, work, answer, outcome);
    close(child.answer);
    /* What it said last. */
    while (child.output >= 0 && poll(&(struct pollfd){child.output, POLLIN, 0}, 1, 1000) > 0)
        read_output(&child, work, outcome);
    if (child.output >= 0)
        close(child.output);
    if (child.input >= 0)
        close(child.input);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        ;
    outcome->answered = child.got == work->size;
    if (outcome->problem[0])
        return;
    if (WIFSIGNALED(status))
        snprintf(outcome->problem, sizeof(outcome->problem), "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (!outcome->answered)
        snprintf(outcome->problem, sizeof(outcome->problem), "ended without a result");
}
