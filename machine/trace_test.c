/*
 * Rules of machine/trace.h.
 */
#include "machine/trace.h"

#include <errno.h>
#include <unistd.h>

#include "machine/error.h"
#include "tests/unit.h"

#define BIT(category) (1ull << TRACE_##category)

TEST(a_list_selects_categories)
{
    trace_mask = 0;
    CHECK_EQ(trace_select("int,pic", NULL), 0);
    CHECK_EQ(trace_mask, BIT(INT) | BIT(PIC));
    CHECK_EQ(trace_select("io", NULL), 0);
    CHECK_EQ(trace_mask, BIT(INT) | BIT(PIC) | BIT(IO));
}

TEST(a_dash_takes_one_away)
{
    trace_mask = 0;
    CHECK_EQ(trace_select("all,-io,-mmio", NULL), 0);
    CHECK_EQ(trace_mask, ((1ull << TRACE_COUNT) - 1) & ~(BIT(IO) | BIT(MMIO)));
    CHECK_EQ(trace_select("-all", NULL), 0);
    CHECK_EQ(trace_mask, 0);
}

TEST(spellings_of_qemu_work)
{
    trace_mask = 0;
    CHECK_EQ(trace_select("guest_errors,cpu_reset,in_asm,int,unimp,mmu", NULL), 0);
    CHECK_EQ(trace_mask, BIT(GUEST) | BIT(RESET) | BIT(IN_ASM) | BIT(INT) | BIT(UNIMP) | BIT(MMU));
}

TEST(an_unknown_name_gets_the_nearest_one_and_changes_nothing)
{
    struct error err;
    trace_mask = 0;
    CHECK_EQ(trace_select("pic,seriel", &err), -EINVAL);
    CHECK(strstr(err.text, "seriel"));
    CHECK(strstr(err.text, "did you mean serial"));
    CHECK_EQ(trace_mask, 0);
    CHECK_EQ(trace_select("", &err), -EINVAL);
    CHECK_EQ(trace_select("pic,,io", &err), -EINVAL);
    CHECK_EQ(trace_mask, 0);
}

static int calls;

static void changed(void)
{
    calls++;
}

TEST(whoever_mirrors_the_mask_is_told)
{
    trace_on_select(changed);
    CHECK_EQ(calls, 1);
    trace_select("io", NULL);
    CHECK_EQ(calls, 2);
}

static void read_back(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t length = f ? fread(text, 1, size - 1, f) : 0;
    text[length] = 0;
    if (f)
        fclose(f);
}

TEST(lines_go_to_the_file_until_the_limit)
{
    char path[] = "/tmp/trace_test.XXXXXX", text[512];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(trace_open(path, NULL), 0);
    trace_mask = BIT(PIC);
    trace_set_limit(2);
    for (int i = 0; i < 5; i++) {
        trace(PIC, "imr=%02x", i);
        trace(IO, "not selected");
    }
    read_back(path, text, sizeof(text));
    CHECK(!strcmp(text, "pic: imr=00\npic: imr=01\npic: more than 2 lines, the rest is dropped\n"));
    trace_set_limit(0);
    trace_mask = 0;
    unlink(path);
}

TEST(a_file_that_cannot_be_made_is_an_error)
{
    struct error err;
    CHECK_EQ(trace_open("/nonexistent/trace.log", &err), -ENOENT);
    CHECK(strstr(err.text, "/nonexistent/trace.log"));
}

TEST(error_set_returns_the_negative_code)
{
    struct error err;
    CHECK_EQ(error_set(&err, EIO, "%s: %d", "disk", 3), -EIO);
    CHECK(!strcmp(err.text, "disk: 3"));
    CHECK_EQ(error_set(NULL, EIO, "nobody listens"), -EIO);
}

UNIT_MAIN()
