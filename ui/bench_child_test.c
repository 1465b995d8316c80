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

UNIT_MAIN()
