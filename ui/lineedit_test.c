#include "ui/lineedit.h"

#include "tests/unit.h"

/* A terminal of one line: what a user would see. */
static char screen[2048];
static size_t column;

static void put(void *opaque, const char *text)
{
    for (; *text; text++) {
        if (*text == '\b') {
            CHECK(column > 0);
            column--;
        } else {
            screen[column++] = *text;
        }
    }
}

static struct lineedit edit;

static void set_up(void)
{
    memset(screen, 0, sizeof(screen));
    column = 0;
    lineedit_init(&edit, put, NULL);
}

/* The last line that was finished, or "". */
static const char *type(const char *keys)
{
    static char line[LINEEDIT_SIZE];
    line[0] = '\0';
    for (; *keys; keys++) {
        const char *done = lineedit_type(&edit, (u8)*keys);
        if (!done)
            continue;
        strcpy(line, done);
        memset(screen, 0, sizeof(screen));
        column = 0;
    }
    return line;
}

static bool shows(const char *text, size_t cursor)
{
    size_t length = strlen(screen);
    while (length && screen[length - 1] == ' ')
        length--;
    if (length != strlen(text) || strncmp(screen, text, length) || column != cursor)
        printf("shows '%s', cursor at %zu\n", screen, column);
    return length == strlen(text) && !strncmp(screen, text, length) && column == cursor;
}

TEST(enter_is_cr_or_lf_or_both)
{
    set_up();
    CHECK(!strcmp(type("one\r"), "one"));
    CHECK(!strcmp(type("\ntwo\n"), "two"));
    CHECK(!strcmp(type("three\r\n"), "three"));
    lineedit_free(&edit);
}

TEST(cursor_keys_move_and_letters_go_in_where_the_cursor_is)
{
    set_up();
    type("held\033[Dl\033[C\033[Co\033[D\033[D\033[3~");
    CHECK(shows("hello", 4));
    CHECK(!strcmp(type("\r"), "hello"));
    type("abc\033[H_\033[F+\033OD\033OC!");
    CHECK(shows("_abc+!", 6));
    CHECK(!strcmp(type("\r"), "_abc+!"));
    type("abc\033[1~1\033[4~2\033[7~0\033[8~3");
    CHECK(shows("01abc23", 7));
    lineedit_free(&edit);
}

TEST(backspace_and_delete_take_the_neighbours_away)
{
    set_up();
    type("abcd\b\x7f");
    CHECK(shows("ab", 2));
    type("\033[D\033[3~");
    CHECK(shows("a", 1));
    type("\b\b\b");
    CHECK(shows("", 0));
    type("one two three\x17");
    CHECK(shows("one two", 8));
    type("\x01\x0b");
    CHECK(shows("", 0));
    type("gone\x15stays");
    CHECK(shows("stays", 5));
    lineedit_free(&edit);
}

TEST(up_and_down_walk_through_the_history)
{
    set_up();
    type("first\rsecond\rsecond\r\r");
    CHECK_EQ(edit.history_count, 2);
    type("new");
    type("\033[A");
    CHECK(shows("second", 6));
    type("\033[A\033[A");
    CHECK(shows("first", 5));
    type("\033[B\033[B\033[B");
    CHECK(shows("new", 3));
    type("\x10");
    CHECK(!strcmp(type(" again\r"), "second again"));
    CHECK(!strcmp(edit.history[2], "second again"));
    lineedit_free(&edit);
}

TEST(the_history_forgets_the_oldest)
{
    set_up();
    for (int i = 0; i < LINEEDIT_HISTORY + 10; i++) {
        char line[16];
        snprintf(line, sizeof(line), "%d\r", i);
        type(line);
    }
    CHECK_EQ(edit.history_count, LINEEDIT_HISTORY);
    CHECK(!strcmp(edit.history[0], "10"));
    lineedit_free(&edit);
}

TEST(unknown_keys_leave_nothing_behind)
{
    set_up();
    type("a\033[15~b\033x\033[1;5Cc\033\033[D");
    CHECK(!strcmp(type("\r"), "abc"));
    type("\033[999999999999999999999999A");
    CHECK_EQ(edit.escape_length, 0);
    lineedit_free(&edit);
}

TEST(a_line_that_never_ends_is_cut)
{
    set_up();
    for (int i = 0; i < 2000; i++)
        type("a");
    CHECK_EQ(edit.length, LINEEDIT_SIZE - 1);
    type("\x01" "b");
    CHECK_EQ(strlen(type("\r")), LINEEDIT_SIZE - 1);
    lineedit_free(&edit);
}

UNIT_MAIN()
