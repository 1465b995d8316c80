/* Expected values: ECMA-48, XTerm Control Sequences, and xterm's 256-colour palette. */
#include "ui/term/cells.h"

#include "tests/unit.h"

static struct term_screen screen;
static struct term_grid grid;
static struct term_out out;

static void setup(enum term_depth depth, int columns, int rows)
{
    term_screen_free(&screen);
    screen = (struct term_screen){.depth = depth};
    CHECK(term_grid_resize(&grid, columns, rows));
}

/* What the terminal would be sent. */
static const char *update(void)
{
    out.length = 0;
    term_screen_update(&screen, &grid, &out);
    term_out_put(&out, "");
    static char text[65536];
    snprintf(text, sizeof(text), "%.*s", (int)out.length, out.data);
    return text;
}

static void set(int x, int y, u32 code, u32 fg, u32 bg)
{
    grid.cells[y * grid.columns + x] = (struct term_cell){.code = code, .fg = fg, .bg = bg};
}

static bool updates_to(const char *want)
{
    const char *got = update();
    if (strcmp(got, want))
        for (const char *p = got; *p || (putchar('\n'), false); p++)
            printf(*p == 033 ? "\\e" : "%c", *p);
    return !strcmp(got, want);
}

TEST(depth_is_what_the_environment_says)
{
    CHECK_EQ(term_depth_of("xterm-256color", "truecolor"), TERM_TRUE);
    CHECK_EQ(term_depth_of("xterm-256color", "24bit"), TERM_TRUE);
    CHECK_EQ(term_depth_of("xterm-direct", NULL), TERM_TRUE);
    CHECK_EQ(term_depth_of("screen-256color", NULL), TERM_256);
    CHECK_EQ(term_depth_of("linux", NULL), TERM_16);
    CHECK_EQ(term_depth_of(NULL, NULL), TERM_16);
}

TEST(colours_become_the_nearest_of_the_palette)
{
    CHECK_EQ(term_color(TERM_256, 0x000000), 16);
    CHECK_EQ(term_color(TERM_256, 0xffffff), 231);
    CHECK_EQ(term_color(TERM_256, 0xff0000), 196);
    CHECK_EQ(term_color(TERM_256, 0x5f87af), 67);
    CHECK_EQ(term_color(TERM_256, 0x767676), 243);
    CHECK_EQ(term_color(TERM_256, 0x080808), 232);
    CHECK_EQ(term_color(TERM_256, 0xeeeeee), 255);
    CHECK_EQ(term_color(TERM_16, 0xaa0000), 1);
    CHECK_EQ(term_color(TERM_16, 0xaa5500), 3);
    CHECK_EQ(term_color(TERM_16, 0x5555ff), 12);
    CHECK_EQ(term_color(TERM_TRUE, 0x123456), 0x123456);
}

TEST(the_first_update_clears_the_screen)
{
    setup(TERM_TRUE, 3, 1);
    set(0, 0, 'A', 0xffffff, 0x0000aa);
    CHECK(updates_to("\033[?25l\033[0m\033[2J\033[1;1H\033[38;2;255;255;255;48;2;0;0;170mA\033[48;2;0;0;0m  "));
}

TEST(nothing_is_sent_for_what_is_the_same)
{
    setup(TERM_TRUE, 80, 25);
    update();
    CHECK(updates_to(""));
    CHECK(updates_to(""));
}

TEST(only_changed_cells_are_sent)
{
    setup(TERM_256, 80, 25);
    update();
    set(10, 4, 'x', 0xff0000, 0);
    set(11, 4, 'y', 0xff0000, 0);
    set(14, 4, 'z', 0xff0000, 0);
    CHECK(updates_to("\033[5;11H\033[38;5;196mxy\033[2Cz"));
    set(14, 4, ' ', 0x00ff00, 0); /* a blank needs no foreground */
    CHECK(updates_to("\033[5;15H "));
}

TEST(colours_that_the_terminal_shows_alike_are_the_same)
{
    setup(TERM_16, 10, 1);
    set(0, 0, 'x', 0xaa0000, 0);
    update();
    set(0, 0, 'x', 0xa80000, 0);
    CHECK(updates_to(""));
}

TEST(sixteen_colours_are_sgr_30_and_90)
{
    setup(TERM_16, 10, 1);
    update();
    set(0, 0, 'x', 0xaa0000, 0x5555ff);
    CHECK(updates_to("\033[1;1H\033[31;104mx"));
}

TEST(blinking_is_sgr_5_and_25)
{
    setup(TERM_16, 10, 1);
    set(0, 0, 'x', 0xaa0000, 0);
    update();
    grid.cells[0].blink = true;
    CHECK(updates_to("\033[1;1H\033[5mx"));
    grid.cells[0].blink = false;
    CHECK(updates_to("\033[1;1H\033[25mx"));
}

TEST(characters_go_as_utf8)
{
    setup(TERM_16, 10, 1);
    set(0, 0, 0x2554, 0xffffff, 0);
    set(1, 0, 0xe4, 0xffffff, 0);
    CHECK(strstr(update(), "\xe2\x95\x94\xc3\xa4") != NULL);
}

TEST(after_a_symbol_of_doubtful_width_the_place_is_told)
{
    setup(TERM_16, 10, 1);
    set(0, 0, 0x2665, 0xffffff, 0);
    set(1, 0, 'x', 0xffffff, 0);
    CHECK(strstr(update(), "\xe2\x99\xa5\033[1;2Hx") != NULL);
}

TEST(the_cursor_is_hidden_while_cells_change)
{
    setup(TERM_16, 10, 2);
    update();
    grid.cursor_x = 3;
    grid.cursor_y = 1;
    CHECK(updates_to("\033[2;4H\033[?25h"));
    CHECK(updates_to(""));
    set(0, 0, 'x', 0xaaaaaa, 0);
    CHECK(updates_to("\033[?25l\033[1;1H\033[37mx\033[2;4H\033[?25h"));
    grid.cursor_x = grid.cursor_y = -1;
    CHECK(updates_to("\033[?25l"));
}

TEST(another_size_draws_all_of_it)
{
    setup(TERM_16, 10, 2);
    update();
    CHECK(term_grid_resize(&grid, 12, 2));
    CHECK(!strncmp(update(), "\033[?25l\033[0m\033[2J", 13) || strstr(out.data, "\033[2J"));
    CHECK(updates_to(""));
}

UNIT_MAIN()
