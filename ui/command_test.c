#include <stdlib.h>
#include <string.h>

#include "ui/command.h"

#include "tests/unit.h"

static void quotes(const char *argument, const char *expected)
{
    char *argv[] = {"clutch", (char *)argument, NULL};
    char *line = command_quoted(2, argv);
    CHECK(line && !strcmp(line, expected));
    free(line);
}

TEST(a_shell_gives_the_same_arguments_again)
{
    quotes("-hda", "clutch -hda");
    quotes("file=a_b-c.img,format=raw", "clutch file=a_b-c.img,format=raw");
    quotes("a disk.img", "clutch 'a disk.img'");
    quotes("it's", "clutch 'it'\\''s'");
    quotes("", "clutch ''");
    quotes("$HOME;`x`\n", "clutch '$HOME;`x`\n'");
    quotes("~root", "clutch '~root'");
}

TEST(no_command_line_is_cut)
{
    static char big[100000];
    memset(big, 'x', sizeof(big) - 1);
    char *argv[] = {"clutch", big, "end", NULL};
    char *line = command_quoted(3, argv);
    CHECK_EQ(strlen(line), strlen("clutch ") + sizeof(big) - 1 + strlen(" end"));
    free(line);
}

TEST(the_calendar_is_the_one_of_this_run)
{
    char *argv[] = {"clutch", NULL};
    char *line = command_dated(1, argv, 951827696);
    CHECK(line && !strcmp(line, "clutch -rtc base=2000-02-29T12:34:56"));
    free(line);
}

UNIT_MAIN()
