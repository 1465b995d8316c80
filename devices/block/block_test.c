/*
 * The block layer over temporary files.
 */
#include "devices/block/block.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

static char path[64];

static void make_file(off_t size)
{
    strcpy(path, "/tmp/clutch-block-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, size) < 0)
        abort();
    close(fd);
}

static void put(off_t at, const void *data, size_t length)
{
    int fd = open(path, O_WRONLY);
    CHECK_EQ(pwrite(fd, data, length, at), length);
    close(fd);
}

static void get(off_t at, void *data, size_t length)
{
    int fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, data, length, at), length);
    close(fd);
}

static int results[8], result_count;

static void done(void *opaque, int result)
{
    if (result_count < 8)
        results[result_count] = result;
    result_count++;
}

static int run(struct block *block, enum block_operation operation, u64 sector, u32 count, void *data)
{
    struct block_request request = {
        .operation = operation, .sector = sector, .count = count, .data = data, .done = done};
    result_count = 0;
    block_submit(block, &request);
    block_drain(block);
    CHECK_EQ(result_count, 1);
    return results[0];
}

static struct block *open_with(struct block_options options, struct error *err)
{
    options.file = path;
    return block_open(&options, NULL, NULL, err);
}

TEST(written_sectors_reach_the_file_and_are_read_back)
{
    make_file(64 * 1024);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    CHECK(block != NULL);
    CHECK_EQ(block_sectors(block), 128);
    u8 out[1024], in[1024] = {0};
    for (int i = 0; i < 1024; i++)
        out[i] = (u8)(i * 7);
    CHECK_EQ(run(block, BLOCK_WRITE, 3, 2, out), 0);
    CHECK_EQ(run(block, BLOCK_READ, 3, 2, in), 0);
    CHECK(memcmp(in, out, 1024) == 0);
    CHECK_EQ(run(block, BLOCK_FLUSH, 0, 0, NULL), 0);
    struct block_stats stats;
    block_stats(block, &stats);
    CHECK_EQ(stats.written_bytes, 1024);
    CHECK_EQ(stats.reads, 1);
    CHECK_EQ(stats.flushes, 1);
    block_close(block);
    memset(in, 0, sizeof(in));
    get(3 * 512, in, 1024);
    CHECK(memcmp(in, out, 1024) == 0);
    unlink(path);
}

TEST(a_size_that_is_no_multiple_of_512_is_rounded_up_with_zeros)
{
    make_file(1000);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    u8 in[512];
    memset(in, 0xee, sizeof(in));
    put(999, "x", 1);
    CHECK_EQ(block_sectors(block), 2);
    CHECK_EQ(run(block, BLOCK_READ, 1, 1, in), 0);
    CHECK_EQ(in[487], 'x');
    CHECK_EQ(in[488], 0);
    CHECK_EQ(in[511], 0);
    block_close(block);
    unlink(path);
}

TEST(a_request_outside_the_disk_fails_with_eio)
{
    make_file(1024);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    u8 in[1024];
    CHECK_EQ(run(block, BLOCK_READ, 2, 1, in), -EIO);
    CHECK_EQ(run(block, BLOCK_READ, 1, 2, in), -EIO);
    CHECK_EQ(run(block, BLOCK_READ, UINT64_MAX, 2, in), -EIO);
    block_close(block);
    unlink(path);
}

TEST(a_snapshot_reads_its_own_writes_and_leaves_the_image_alone)
{
    make_file(64 * 512);
    put(0, "base", 4);
    struct error err;
    struct block *block = open_with((struct block_options){.snapshot = true}, &err);
    CHECK(block != NULL);
    CHECK(!block_readonly(block));
    u8 data[3 * 512];
    memset(data, 0x5a, sizeof(data));
    CHECK_EQ(run(block, BLOCK_WRITE, 1, 1, data), 0);
    memset(data, 0, sizeof(data));
    CHECK_EQ(run(block, BLOCK_READ, 0, 3, data), 0);
    CHECK(memcmp(data, "base", 4) == 0);
    CHECK_EQ(data[512], 0x5a);
    CHECK_EQ(data[1023], 0x5a);
    CHECK_EQ(data[1024], 0);
    block_close(block);
    u8 byte = 1;
    get(512, &byte, 1);
    CHECK_EQ(byte, 0);
    unlink(path);
}

TEST(a_readonly_image_refuses_writes)
{
    make_file(1024);
    chmod(path, 0400);
    struct error err;
    struct block *block = open_with((struct block_options){.readonly = true}, &err);
    u8 data[512] = {1};
    CHECK(block_readonly(block));
    CHECK_EQ(run(block, BLOCK_WRITE, 0, 1, data), -EROFS);
    CHECK_EQ(run(block, BLOCK_FLUSH, 0, 0, NULL), 0);
    block_close(block);
    unlink(path);
}

static char reported[512];
static int report_count;

static void report(const char *text)
{
    snprintf(reported, sizeof(reported), "%s", text);
    report_count++;
}

static void expect_reports(void)
{
    reported[0] = '\0';
    report_count = 0;
    error_on_report(report);
}

/* Neither zeros that were never there, nor writes that hide what is missing; the user is told once. */
TEST(what_is_missing_of_a_file_cut_short_can_be_neither_read_nor_written)
{
    make_file(64 * 1024);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    u8 data[2048] = {0};
    expect_reports();
    CHECK_EQ(truncate(path, 32 * 1024 + 100), 0);
    CHECK_EQ(run(block, BLOCK_READ, 63, 1, data), 0);
    CHECK_EQ(run(block, BLOCK_WRITE, 63, 1, data), 0);
    CHECK_EQ(report_count, 0);
    CHECK_EQ(run(block, BLOCK_READ, 64, 1, data), -ENODATA);
    CHECK_EQ(run(block, BLOCK_READ, 100, 4, data), -ENODATA);
    CHECK_EQ(report_count, 1);
    CHECK(strstr(reported, path) && strstr(reported, "cannot read sector 64: the file has been cut short"));
    CHECK_EQ(run(block, BLOCK_WRITE, 100, 4, data), -ENODATA);
    CHECK_EQ(run(block, BLOCK_WRITE, 127, 1, data), -ENODATA);
    CHECK_EQ(report_count, 2);
    CHECK(strstr(reported, "cannot write sector 100"));
    block_close(block);
    struct stat st;
    CHECK(stat(path, &st) == 0 && st.st_size == 32 * 1024 + 100);
    error_on_report(NULL);
    unlink(path);
}

TEST(a_last_sector_that_was_incomplete_grows_when_it_is_written)
{
    make_file(1000);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    u8 data[1024];
    memset(data, 0x5a, sizeof(data));
    CHECK_EQ(run(block, BLOCK_WRITE, 1, 1, data), 0);
    CHECK_EQ(truncate(path, 1000), 0);
    expect_reports();
    CHECK_EQ(run(block, BLOCK_READ, 1, 1, data), -ENODATA);
    CHECK_EQ(report_count, 1);
    block_close(block);
    error_on_report(NULL);
    unlink(path);
}

/* A limit on the size of files stands in for a full disk; it needs SIGXFSZ ignored, as main does. */
TEST(a_write_that_the_host_has_no_room_for_fails_and_the_rest_stays)
{
    make_file(64 * 1024);
    struct error err;
    struct rlimit before, limit;
    u8 data[1024], back[1024] = {0};
    memset(data, 0xa5, sizeof(data));
    struct block *block = open_with((struct block_options){0}, &err);
    expect_reports();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 32 * 1024;
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_EQ(run(block, BLOCK_WRITE, 10, 2, data), 0);
    CHECK_EQ(run(block, BLOCK_WRITE, 100, 2, data), -EFBIG);
    CHECK_EQ(run(block, BLOCK_WRITE, 102, 2, data), -EFBIG);
    CHECK_EQ(run(block, BLOCK_READ, 100, 2, data), 0);
    CHECK_EQ(data[0], 0);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_EQ(report_count, 1);
    CHECK(strstr(reported, "cannot write sector 100: "));
    CHECK_EQ(run(block, BLOCK_WRITE, 100, 2, data), 0);
    block_close(block);
    get(10 * 512, back, 1024);
    CHECK_EQ(back[0] | back[1023] << 8, 0xa5a5);
    error_on_report(NULL);
    unlink(path);
}

/* Mistakes of the guest are not the user's business. */
TEST(requests_outside_and_writes_to_readonly_images_are_not_reported)
{
    make_file(64 * 1024);
    struct error err;
    u8 data[512] = {0};
    struct block *block = open_with((struct block_options){.readonly = true}, &err);
    expect_reports();
    CHECK_EQ(run(block, BLOCK_WRITE, 0, 1, data), -EROFS);
    CHECK_EQ(run(block, BLOCK_READ, 128, 1, data), -EIO);
    CHECK_EQ(report_count, 0);
    block_close(block);
    error_on_report(NULL);
    unlink(path);
}

TEST(two_writers_of_one_image_are_refused_and_two_readers_are_not)
{
    make_file(1024);
    struct error err;
    struct block *first = open_with((struct block_options){0}, &err);
    CHECK(first != NULL);
    CHECK(open_with((struct block_options){0}, &err) == NULL);
    CHECK(strstr(err.text, "in use") != NULL);
    CHECK(open_with((struct block_options){.snapshot = true}, &err) == NULL);
    block_close(first);
    first = open_with((struct block_options){.snapshot = true}, &err);
    struct block *second = open_with((struct block_options){.readonly = true}, &err);
    CHECK(first && second);
    block_close(first);
    block_close(second);
    unlink(path);
}

TEST(bad_images_get_one_clear_line)
{
    struct error err;
    strcpy(path, "/nonexistent/image");
    CHECK(open_with((struct block_options){0}, &err) == NULL);
    CHECK(strstr(err.text, "/nonexistent/image") && strstr(err.text, "No such file"));
    strcpy(path, "/");
    CHECK(open_with((struct block_options){.readonly = true}, &err) == NULL);
    CHECK(strstr(err.text, "directory") != NULL);
    make_file(0);
    CHECK(open_with((struct block_options){0}, &err) == NULL);
    CHECK(strstr(err.text, "empty") != NULL);
    put(0, "QFI\xfb\0\0\0\3", 8);
    CHECK(open_with((struct block_options){0}, &err) == NULL);
    CHECK(strstr(err.text, "qcow2") && !strchr(err.text, '\n'));
    struct block *raw = open_with((struct block_options){.format = "raw"}, &err);
    CHECK(raw != NULL);
    block_close(raw);
    CHECK(open_with((struct block_options){.format = "vmdk"}, &err) == NULL);
    unlink(path);
}

TEST(a_cancelled_request_is_never_completed)
{
    make_file(1 << 20);
    struct error err;
    struct block *block = open_with((struct block_options){0}, &err);
    static u8 data[4][512];
    struct block_request requests[4];
    result_count = 0;
    for (int i = 0; i < 4; i++) {
        requests[i] = (struct block_request){.operation = BLOCK_READ, .sector = (u64)i, .count = 1, .data = data[i],
                                             .done = done};
        block_submit(block, &requests[i]);
    }
    block_cancel(&requests[1]);
    block_cancel(&requests[3]);
    block_drain(block);
    CHECK_EQ(result_count, 2);
    block_cancel(&requests[0]); /* no longer in flight: nothing happens */
    block_close(block);
    unlink(path);
}

static u64 executed;

static u64 instructions(void *opaque)
{
    return executed;
}

TEST(under_icount_a_completion_comes_at_a_virtual_time_of_its_own)
{
    make_file(1 << 20);
    struct error err;
    struct clock *clock = clock_create();
    executed = 0;
    clock_use_icount(clock, 0, instructions, NULL);
    struct block *block = block_open(&(struct block_options){.file = path}, NULL, clock, &err);
    static u8 data[2][512];
    struct block_request requests[2];
    result_count = 0;
    for (int i = 0; i < 2; i++) {
        requests[i] = (struct block_request){.operation = BLOCK_READ, .count = 1, .data = data[i], .done = done};
        block_submit(block, &requests[i]);
    }
    u64 first = clock_deadline(clock);
    CHECK(first > 0 && first != CLOCK_NEVER);
    executed = first - 1;
    clock_run(clock);
    CHECK_EQ(result_count, 0);
    executed = first;
    clock_run(clock);
    CHECK_EQ(result_count, 1);
    CHECK_EQ(clock_deadline(clock), 2 * first);
    executed = 2 * first;
    clock_run(clock);
    CHECK_EQ(result_count, 2);
    CHECK_EQ(clock_deadline(clock), CLOCK_NEVER);
    block_close(block);
    clock_destroy(clock);
    unlink(path);
}

static void nothing(void *opaque)
{
}

TEST(in_real_time_a_completion_comes_through_the_main_loop)
{
    make_file(1 << 20);
    struct error err;
    struct loop *loop = loop_create();
    struct block *block = block_open(&(struct block_options){.file = path}, loop, NULL, &err);
    static u8 data[512];
    struct block_request request = {.operation = BLOCK_READ, .count = 1, .data = data, .done = done};
    result_count = 0;
    block_submit(block, &request);
    CHECK_EQ(result_count, 0);
    for (int turn = 0; turn < 100 && !result_count; turn++)
        loop_turn(loop, 100, nothing, nothing, NULL);
    CHECK_EQ(result_count, 1);
    /* Closed while its post is still on the way: the loop finds an empty mailbox. */
    block_submit(block, &request);
    block_close(block);
    CHECK_EQ(result_count, 2);
    loop_turn(loop, 0, nothing, nothing, NULL);
    CHECK_EQ(result_count, 2);
    loop_destroy(loop);
    unlink(path);
}

UNIT_MAIN()
