#include "ui/bench_output.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit.h"

static char directory[] = "/tmp/clutch-bench-XXXXXX", path[64];

static void prepare(void)
{
    if (!path[0] && mkdtemp(directory))
        snprintf(path, sizeof(path), "%s/f", directory);
    unlink(path);
}

static void fill(const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static const char *content(void)
{
    static char text[32];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[n] = 0;
    if (file)
        fclose(file);
    return text;
}

TEST(what_is_dropped_was_never_there)
{
    struct bench_output output;
    prepare();
    CHECK_EQ(bench_output_open(&output, path), 0);
    bench_output_drop(&output);
    CHECK(access(path, F_OK) < 0);
}

TEST(an_old_file_stays_until_there_is_a_new_one)
{
    struct bench_output output;
    prepare();
    fill("old and long");
    CHECK_EQ(bench_output_open(&output, path), 0);
    bench_output_drop(&output);
    CHECK(!strcmp(content(), "old and long"));
    CHECK_EQ(bench_output_open(&output, path), 0);
    CHECK_EQ(bench_output_write(&output, "new", 3), 0);
    CHECK(!strcmp(content(), "new"));
}

TEST(what_cannot_be_written_is_told_at_once)
{
    struct bench_output output;
    CHECK_EQ(bench_output_open(&output, "/nowhere/at/all"), -ENOENT);
    CHECK_EQ(bench_output_open(&output, "/tmp"), -EISDIR);
    bench_output_drop(&output);
    CHECK_EQ(bench_output_open(&output, NULL), 0);
    CHECK_EQ(bench_output_write(&output, "x", 1), 0);
}

TEST(a_full_disk_is_an_error)
{
    struct bench_output output;
    if (bench_output_open(&output, "/dev/full") == 0)
        CHECK_EQ(bench_output_write(&output, "x", 1), -ENOSPC);
}

TEST(one_file_is_not_two)
{
    struct bench_output a, b;
    prepare();
    CHECK_EQ(bench_output_open(&a, path), 0);
    CHECK_EQ(bench_output_open(&b, path), 0);
    CHECK(bench_output_same(&a, &b));
    bench_output_drop(&b);
    bench_output_drop(&a);
    CHECK(access(path, F_OK) < 0);
    rmdir(directory);
}

UNIT_MAIN()
