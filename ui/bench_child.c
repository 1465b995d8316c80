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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    int answer, output; /* our ends of its pipes; output -1: not read */
    size_t got;
};

static void be_child(const struct bench_work *work, const int answer[2], const int output[2])
{
    char data[BENCH_ANSWER_MAX];
    close(answer[0]);
    if (work->capture) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
        close(output[0]);
        close(output[1]);
    }
    memset(data, 0, sizeof(data));
    work->run(work->opaque, data);
    fflush(NULL);
    _exit(write(answer[1], data, MIN(work->size, sizeof(data))) < 0);
}

static bool start(struct child *child, const struct bench_work *work)
{
    int answer[2], output[2] = {-1, -1};
    if (pipe2(answer, O_CLOEXEC) < 0)
        return false;
    if (work->capture && pipe2(output, O_CLOEXEC) < 0) {
        close(answer[0]);
        close(answer[1]);
        return false;
    }
    fflush(NULL);
    child->pid = fork();
    if (child->pid == 0)
        be_child(work, answer, output);
    close(answer[1]);
    if (work->capture)
        close(output[1]);
    child->answer = answer[0];
    child->output = output[0];
    return child->pid > 0;
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void read_output(struct child *child, struct bench_search *search)
{
    char data[4096];
    ssize_t n = read(child->output, data, sizeof(data));
    if (n > 0 && search->text)
        bench_search_feed(search, data, n);
    if (n == 0 || (n < 0 && errno != EINTR)) {
        close(child->output);
        child->output = -1;
    }
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

/* Until the child has answered or ended.  Past the limit it is asked to end, and then made to. */
static void attend(struct child *child, const struct bench_work *work, void *answer, struct bench_outcome *outcome)
{
    struct timespec began;
    struct bench_search search = {0};
    double limit = work->timeout;
    bool asked = false, late = false;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (work->until)
        bench_search_begin(&search, work->until);
    for (;;) {
        struct pollfd fds[2] = {{child->answer, POLLIN, 0}, {child->output, POLLIN, 0}};
        double left = limit - seconds_since(&began);
        if (left <= 0) {
            late |= !asked;
            kill(child->pid, asked ? SIGKILL : SIGTERM);
            asked = true;
            limit += GRACE;
            continue;
        }
        poll(fds, 2, (int)(left * 1000) + 1);
        if (fds[1].revents)
            read_output(child, &search);
        if (search.found && !outcome->found) {
            outcome->found = true;
            outcome->seconds = seconds_since(&began);
            kill(child->pid, SIGTERM);
            asked = true;
            limit = outcome->seconds + GRACE;
        }
        if (fds[0].revents && !read_answer(child, work, answer))
            break;
    }
    if (!outcome->found)
        outcome->seconds = seconds_since(&began);
    if (late)
        snprintf(outcome->problem, sizeof(outcome->problem), "not done after %g seconds", work->timeout);
}

void bench_child(const struct bench_work *work, void *answer, struct bench_outcome *outcome)
{
    struct child child = {0};
    int status = 0;
    *outcome = (struct bench_outcome){0};
    if (!start(&child, work)) {
        snprintf(outcome->problem, sizeof(outcome->problem), "cannot start a process: %s", strerror(errno));
        return;
    }
    attend(&child, work, answer, outcome);
    close(child.answer);
    if (child.output >= 0)
        close(child.output);
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
