#include "ui/term/picture.h"

#include "tests/unit.h"

static struct text_screen text;
static struct term_grid grid;
static struct term_view view;
static struct surface surface;

static const struct term_cell *cell(int x, int y)
{
    return &grid.cells[y * grid.columns + x];
}

static void fill_text(int columns, int rows)
{
    memset(&text, 0, sizeof(text));
    memset(&view, 0, sizeof(view));
    text.columns = columns;
    text.rows = rows;
    text.cursor_x = text.cursor_y = -1;
    for (u32 i = 0; i < 16; i++)
        text.colors[i] = i * 0x111111;
    for (int i = 0; i < columns * rows; i++)
        text.cells[i] = 0x0700 | (u16)('A' + i / columns % 26);
}

TEST(characters_of_code_page_437_are_unicode)
{
    fill_text(80, 25);
    CHECK(term_grid_resize(&grid, 80, 25));
    text.cells[0] = 0x1fc9;
    text.cells[1] = 0x1f00;
    text.cells[2] = 0x1fff;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 0)->code, 0x2554);
    CHECK_EQ(cell(0, 0)->fg, 0xffffff);
    CHECK_EQ(cell(0, 0)->bg, 0x111111);
    CHECK_EQ(cell(1, 0)->code, ' ');
    CHECK_EQ(cell(2, 0)->code, ' ');
}

TEST(bit_7_blinks_or_brightens_the_background)
{
    fill_text(80, 25);
    CHECK(term_grid_resize(&grid, 80, 25));
    text.cells[0] = 0x9741;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 0)->bg, 0x999999);
    CHECK(!cell(0, 0)->blink);
    text.blinks = true;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 0)->bg, 0x111111);
    CHECK(cell(0, 0)->blink);
}

TEST(blue_on_black_is_underlined_where_the_adapter_does_so)
{
    fill_text(80, 25);
    CHECK(term_grid_resize(&grid, 80, 25));
    text.cells[0] = 0x0141;
    text.cells[1] = 0x0941;
    text.cells[2] = 0x1141;
    term_show_text(&grid, &text, NULL, &view);
    CHECK(!cell(0, 0)->underline);
    text.underlines = true;
    term_show_text(&grid, &text, NULL, &view);
    CHECK(cell(0, 0)->underline && cell(1, 0)->underline);
    CHECK(!cell(2, 0)->underline && !cell(3, 0)->underline);
}

TEST(a_larger_terminal_has_the_screen_in_its_middle)
{
    fill_text(80, 25);
    CHECK(term_grid_resize(&grid, 100, 31));
    text.cursor_x = text.cursor_y = 0;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(10, 3)->code, 'A');
    CHECK_EQ(cell(9, 3)->code, ' ');
    CHECK_EQ(grid.cursor_x, 10);
    CHECK_EQ(grid.cursor_y, 3);
}

TEST(a_smaller_terminal_shows_the_part_around_the_cursor)
{
    fill_text(80, 25);
    CHECK(term_grid_resize(&grid, 40, 10));
    text.cursor_x = 79;
    text.cursor_y = 24;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 9)->code, 'Y');
    CHECK_EQ(grid.cursor_x, 39);
    CHECK_EQ(grid.cursor_y, 9);
    text.cursor_x = text.cursor_y = -1; /* hidden: the part stays */
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 9)->code, 'Y');
    text.cursor_x = text.cursor_y = 0;
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(0, 0)->code, 'A');
}

TEST(a_screen_of_nothing_is_blank)
{
    fill_text(0, 0);
    CHECK(term_grid_resize(&grid, 40, 10));
    term_show_text(&grid, &text, NULL, &view);
    CHECK_EQ(cell(39, 9)->code, ' ');
}

TEST(two_dots_are_one_cell)
{
    CHECK_EQ(surface_resize(&surface, 4, 4), 0);
    surface.aspect_width = surface.aspect_height = 0;
    for (int i = 0; i < 16; i++)
        surface.pixels[i] = (u32)i;
    CHECK(term_grid_resize(&grid, 4, 2));
    term_show_picture(&grid, &surface, &view);
    CHECK_EQ(cell(0, 0)->code, 0x2580);
    CHECK_EQ(cell(0, 0)->fg, 0);
    CHECK_EQ(cell(0, 0)->bg, 4);
    CHECK_EQ(cell(3, 1)->fg, 11);
    CHECK_EQ(cell(3, 1)->bg, 15);
    CHECK_EQ(grid.cursor_y, (unsigned long long)-1);
}

TEST(dots_are_averaged)
{
    CHECK_EQ(surface_resize(&surface, 4, 2), 0);
    static const u32 dots[] = {0xff0000, 0, 0, 0, 0, 0, 0x0000ff, 0x0000ff};
    memcpy(surface.pixels, dots, sizeof(dots));
    CHECK(term_grid_resize(&grid, 2, 1));
    term_show_picture(&grid, &surface, &view); /* 2 by 1 dots */
    CHECK_EQ(cell(0, 0)->fg, 0x3f0000);
    CHECK_EQ(cell(1, 0)->fg, 0x00007f);
}

TEST(a_picture_has_the_shape_of_the_tube)
{
    CHECK_EQ(surface_resize(&surface, 320, 200), 0);
    memset(surface.pixels, 0xff, 320 * 200 * 4);
    surface.aspect_width = 4;
    surface.aspect_height = 3;
    CHECK(term_grid_resize(&grid, 120, 30)); /* 60 dots high: 80 wide */
    term_show_picture(&grid, &surface, &view);
    CHECK_EQ(view.columns, 80);
    CHECK_EQ(view.x, 20);
    CHECK_EQ(view.rows, 30);
    CHECK_EQ(cell(19, 0)->bg, 0);
    CHECK_EQ(cell(20, 0)->bg, 0xffffff);
    CHECK(term_grid_resize(&grid, 80, 40)); /* 80 wide: 60 dots high */
    term_show_picture(&grid, &surface, &view);
    CHECK_EQ(view.rows, 30);
    CHECK_EQ(view.y, 5);
    surface_free(&surface);
}

UNIT_MAIN()
