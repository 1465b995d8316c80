/*
 * Glyphs by their shape: the lines, blocks and accents that fonts of Linux consoles have.
 */
#include "ui/term/font.h"

#include "tests/unit.h"

#define LINES 16

static u8 glyphs[256 * 32];
static u16 unicode[256];

/* Rows as text, from the first one on. */
static void draw(int c, const char *const rows[LINES])
{
    memset(glyphs + c * 32, 0, 32);
    for (int row = 0; row < LINES && rows[row]; row++)
        for (int x = 0; x < 8 && rows[row][x]; x++)
            glyphs[c * 32 + row] |= rows[row][x] == '#' ? 0x80 >> x : 0;
}

static void fill(int c, int from, int to, u8 bits)
{
    for (int row = from; row < to; row++)
        glyphs[c * 32 + row] |= bits;
}

TEST(lines_from_edge_to_edge_are_box_drawing)
{
    memset(glyphs, 0, sizeof(glyphs));
    fill(0xb0, 7, 8, 0xff); /* in the place of a shade */
    fill(0xb1, 0, 16, 0x18);
    fill(0xb2, 7, 16, 0x18);
    fill(0xb2, 7, 9, 0x1f);
    fill(0xb3, 0, 16, 0x10);
    fill(0xb3, 8, 9, 0xff);
    fill(0xb4, 0, 16, 0x24); /* two columns, two rows between them */
    fill(0xb4, 6, 7, 0xe7);
    fill(0xb4, 9, 10, 0xe7);
    fill(0xb5, 6, 16, 0x20);
    fill(0xb5, 9, 16, 0x04);
    fill(0xb5, 6, 7, 0x3f);
    fill(0xb5, 9, 10, 0x07);
    term_font_read(glyphs, LINES, NULL, unicode);
    CHECK_EQ(unicode[0xb0], 0x2500);
    CHECK_EQ(unicode[0xb1], 0x2502);
    CHECK_EQ(unicode[0xb2], 0x250c);
    CHECK_EQ(unicode[0xb3], 0x253c);
    CHECK_EQ(unicode[0xb4], 0x256c);
    CHECK_EQ(unicode[0xb5], 0x2554);
}

TEST(blocks_and_shades)
{
    memset(glyphs, 0, sizeof(glyphs));
    fill(0x80, 0, 16, 0xff);
    fill(0x81, 8, 16, 0xff);
    fill(0x82, 0, 8, 0xff);
    fill(0x83, 0, 16, 0xf0);
    for (int row = 0; row < LINES; row++) {
        glyphs[0x84 * 32 + row] = row % 2 ? 0x88 : 0x22;
        glyphs[0x85 * 32 + row] = row % 2 ? 0xaa : 0x55;
        glyphs[0x86 * 32 + row] = row % 2 ? 0xee : 0xbb;
    }
    term_font_read(glyphs, LINES, NULL, unicode);
    CHECK_EQ(unicode[0x80], 0x2588);
    CHECK_EQ(unicode[0x81], 0x2584);
    CHECK_EQ(unicode[0x82], 0x2580);
    CHECK_EQ(unicode[0x83], 0x258c);
    CHECK_EQ(unicode[0x84], 0x2591);
    CHECK_EQ(unicode[0x85], 0x2592);
    CHECK_EQ(unicode[0x86], 0x2593);
    CHECK_EQ(unicode[0x87], ' ');
}

TEST(letters_with_accents_above_them)
{
    static const char *const u[LINES] = {"", "", "", "", "", "##..##", "##..##", "##..##", "##..##", ".##.##"};
    static const char *const umlaut[LINES] = {"",       "",       "##..##", "##..##", "",
                                              "##..##", "##..##", "##..##", "##..##", ".##.##"};
    static const char *const grave[LINES] = {"",       "##",     ".##",    "..##",   "",
                                             "##..##", "##..##", "##..##", "##..##", ".##.##"};
    static const char *const circumflex[LINES] = {"",       "",       "..##",   ".#..#",  "",
                                                  "##..##", "##..##", "##..##", "##..##", ".##.##"};
    memset(glyphs, 0, sizeof(glyphs));
    draw('u', u);
    draw(0xb5, umlaut);
    draw(0xb6, grave);
    draw(0xb7, circumflex);
    term_font_read(glyphs, LINES, NULL, unicode);
    CHECK_EQ(unicode['u'], 'u');
    CHECK_EQ(unicode[0xb5], 0xfc);
    CHECK_EQ(unicode[0xb6], 0xf9);
    CHECK_EQ(unicode[0xb7], 0xfb);
}

/* A video BIOS with a font, somewhere in it. */
static void make_bios(u8 *rom)
{
    u8 *font = rom + 0x1234;
    memset(rom, 0x5a, TERM_FONT_ROM);
    for (int c = 0; c < 256; c++)
        for (int row = 0; row < LINES; row++)
            font[c * LINES + row] = (u8)(row == 3 ? c : c * 37 + row * 11); /* no two alike */
    memset(font, 0, LINES);
    memset(font + 0x20 * LINES, 0, LINES);
    memset(font + 0xff * LINES, 0, LINES);
    memset(font + 0xdb * LINES, 0xff, LINES);
    memset(font + 0xdc * LINES, 0, LINES / 2);
    memset(font + 0xdc * LINES + LINES / 2, 0xff, LINES / 2);
    memset(font + 0xdf * LINES, 0xff, LINES / 2);
    memset(font + 0xdf * LINES + LINES / 2, 0, LINES / 2);
    memset(font + 0xc4 * LINES, 0, LINES);
    font[0xc4 * LINES + 7] = 0xff;
}

TEST(glyphs_of_the_video_bios_are_known_wherever_they_are)
{
    static struct term_font font;
    static struct text_screen screen;
    screen.lines = LINES;
    term_font_update(&font, &screen);
    CHECK(!font.reference);
    make_bios(font.rom); /* SeaBIOS has copied it meanwhile */
    for (int c = 0; c < 256; c++)
        memcpy(screen.fonts[0] + c * 32, font.rom + 0x1234 + c * LINES, LINES);
    memcpy(screen.fonts[0] + 0xc5 * 32, screen.fonts[0] + 0xe1 * 32, 32);
    term_font_update(&font, &screen);
    CHECK(font.reference == font.rom + 0x1234);
    for (int c = 0; c < 255; c++)
        CHECK_EQ(font.unicode[0][c], cp437_to_unicode[c == 0xc5 ? 0xe1 : c]);
    CHECK_EQ(font.unicode[1]['A'], ' ');
}

UNIT_MAIN()
