#include "ui/bench_child.h"

#include <signal.h>
#include <unistd.h>

#include "tests/unit.h"

static bool found_in_pieces(const char *text, const char *stream, size_t piece)
{
    struct bench_search search;
    bench_search_begin(&search, text);
    for (size_t at = 0, length = strlen(stream); at < length; at += piece)
        bench_search_feed(&search, stream + at, MIN(piece, length - at));
    return search.found;
}

TEST(a_text_is_found_however_the_stream_is_cut)
{
    for (size_t piece = 1; piece < 30; piece++) {
        CHECK(found_in_pieces("login:", "Welcome\nlogin\nhost login: ", piece));
        CHECK(found_in_pieces("aab", "aaaaaab", piece));
        CHECK(!found_in_pieces("login:", "Welcome login; log in:", piece));
    }
}

static void answer_7(void *opaque, void *answer)
{
    *(int *)answer = 7;
}
static void crash(void *opaque, void *answer)
{
    raise(SIGKILL);
}
static void hang(void *opaque, void *answer)
{
    for (;;)
        pause();
}
static void say_and_hang(void *opaque, void *answer)
{
    puts("ready now");
    fflush(stdout);
    hang(opaque, answer);
}

static struct bench_outcome run(void (*work_run)(void *, void *), const char *until, int *answer)
{
    struct bench_work work = {.run = work_run,
                              .size = sizeof(*answer),
                              .capture = until != NULL,
                              .until = until,
                              .timeout = until ? 60 : 0.2};
    struct bench_outcome outcome;
    bench_child(&work, answer, &outcome);
    return outcome;
}

TEST(the_answer_comes_back)
{
    int answer = 0;
    struct bench_outcome outcome = run(answer_7, NULL, &answer);
    CHECK(outcome.answered && !outcome.problem[0]);
    CHECK_EQ(answer, 7);
}

TEST(a_crash_and_a_hang_are_told_apart)
{
    int answer;
    CHECK(strstr(run(crash, NULL, &answer).problem, "signal 9") != NULL);
    CHECK(strstr(run(hang, NULL, &answer).problem, "not done after 0.2 seconds") != NULL);
}

TEST(the_child_ends_when_its_text_appears)
{
    int answer;
    struct bench_outcome outcome = run(say_and_hang, "ready", &answer);
    CHECK(outcome.found);
}

/* A guest with a serial console: it echoes, and has a prompt. */
static void be_shell(void *opaque, void *answer)
{
    char line[64];
    size_t length = 0;
    printf("login: ");
    fflush(stdout);
    for (char c; read(STDIN_FILENO, &c, 1) == 1;) {
        putchar(c == '\r' ? '\n' : c);
        if (c != '\r') {
            line[length] = c;
            length = (length + 1) % (sizeof(line) - 1);
            fflush(stdout);
            continue;
        }
        line[length] = 0;
        length = 0;
        if (!strcmp(line, "halt"))
            break;
        printf("%s# ", !strcmp(line, "date") ? "today\n" : "");
        fflush(stdout);
    }
    *(int *)answer = 9;
}

static struct bench_outcome talk(const char *command, const char *until, int *answer)
{
    static struct bench_step steps[2] = {{"login:", "root"}, {"# ", NULL}};
    struct bench_work work = {
        .run = be_shell, .size = sizeof(*answer), .capture = true, .until = until, .steps = steps, .step_count = 2, .timeout = 60};
    struct bench_outcome outcome;
    steps[1].line = command;
    bench_child(&work, answer, &outcome);
    return outcome;
}

TEST(lines_are_typed_at_their_prompts_until_the_text_appears)
{
    int answer = 0;
    struct bench_outcome outcome = talk("date", "today", &answer);
    CHECK_EQ(outcome.steps, 2);
    CHECK(outcome.found);
    outcome = talk("date", "# ", &answer);
    CHECK(outcome.found);
    CHECK(!strcmp(outcome.last, "# date") || !strcmp(outcome.last, "today") || !strcmp(outcome.last, "#"));
}

TEST(a_line_may_end_the_machine)
{
    int answer = 0;
    struct bench_outcome outcome = talk("halt", "# ", &answer);
    CHECK(outcome.answered && !outcome.found && !outcome.problem[0]);
    CHECK_EQ(answer, 9);
    CHECK_EQ(outcome.steps, 2);
}

TEST(a_signal_ends_what_is_under_way)
{
    int answer;
    bench_interrupted = SIGINT;
    struct bench_outcome outcome = run(hang, NULL, &answer);
    bench_interrupted = 0;
    CHECK(!strcmp(outcome.problem, "interrupted"));
}

UNIT_MAIN()
