/*
 * Reading a font that the guest has loaded.
 *
 * Source: code page 437 (machine/display.c); Unicode, "Box Drawing", "Block Elements", "Latin-1 Supplement"; the fonts
 *   of Linux consoles (console-setup), which have code page 437 but for letters in the place of double lines.
 * A glyph is, in this order: that of the video BIOS at the same place; lines from edge to edge, a block or a shade,
 * known by their shape; that of the video BIOS at another place; a letter of its own font with an accent above it; and
 * else what code page 437 has at its place.
 * Not modelled: other scripts' letters; accents below letters, and such that touch them.
 */
#include "ui/term/font.h"

#include <string.h>

#define GLYPH 32 /* bytes from one to the next in a font */

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* Thin runs of set bits: 0, 1 or 2; -1: something else, or not near the middle. */
static int strokes(u32 bits, int length)
{
    int count = 0, first = -1, last = -1;
    for (int i = 0; i < length; i++) {
        if (!(bits >> i & 1))
            continue;
        int run = 1;
        while (i + run < length && bits >> (i + run) & 1)
            run++;
        if (run > 3)
            return -1;
        first = first < 0 ? i : first;
        last = i + run - 1;
        count++;
        i += run;
    }
    bool middle = count == 0 || (first >= length / 8 && last < length - length / 8 && last - first < length * 3 / 4);
    return count <= 2 && middle ? count : -1;
}

static u32 column(const u8 *glyph, int lines, int bit)
{
    u32 bits = 0;
    for (int row = 0; row < lines; row++)
        bits |= (u32)(glyph[row] >> bit & 1) << row;
    return bits;
}

static u8 reversed(u8 bits)
{
    u8 result = 0;
    for (int i = 0; i < 8; i++)
        result |= (u8)((bits >> i & 1) << (7 - i));
    return result;
}

/* Every dot stands in a row or a column of the strokes, or of what joins two of them. */
static bool only_strokes(const u8 *glyph, int lines, u32 rows, u8 columns)
{
    u32 between = rows;
    for (int i = 1; i < lines - 1; i++) /* two rows, and what is between them */
        between |= (rows & ((1u << i) - 1) && rows >> (i + 1)) ? 1u << i : 0;
    for (int row = 0; row < lines; row++)
        if (glyph[row] & (u8)~columns && !(between >> row & 1))
            return false;
    return true;
}

static u16 box_character(const u8 *glyph, int lines)
{
    /* Strokes up, right, down, left, two bits each, of 2500h and so on; the light ones first. */
    static const struct {
        u8 strokes[4];
        u16 code;
    } boxes[] = {
        {{0, 1, 0, 1}, 0x2500}, {{1, 0, 1, 0}, 0x2502}, {{0, 1, 1, 0}, 0x250c}, {{0, 0, 1, 1}, 0x2510},
        {{1, 1, 0, 0}, 0x2514}, {{1, 0, 0, 1}, 0x2518}, {{1, 1, 1, 0}, 0x251c}, {{1, 0, 1, 1}, 0x2524},
        {{0, 1, 1, 1}, 0x252c}, {{1, 1, 0, 1}, 0x2534}, {{1, 1, 1, 1}, 0x253c}, {{0, 2, 0, 2}, 0x2550},
        {{2, 0, 2, 0}, 0x2551}, {{0, 2, 1, 0}, 0x2552}, {{0, 1, 2, 0}, 0x2553}, {{0, 2, 2, 0}, 0x2554},
        {{0, 0, 1, 2}, 0x2555}, {{0, 0, 2, 1}, 0x2556}, {{0, 0, 2, 2}, 0x2557}, {{1, 2, 0, 0}, 0x2558},
        {{2, 1, 0, 0}, 0x2559}, {{2, 2, 0, 0}, 0x255a}, {{1, 0, 0, 2}, 0x255b}, {{2, 0, 0, 1}, 0x255c},
        {{2, 0, 0, 2}, 0x255d}, {{1, 2, 1, 0}, 0x255e}, {{2, 1, 2, 0}, 0x255f}, {{2, 2, 2, 0}, 0x2560},
        {{1, 0, 1, 2}, 0x2561}, {{2, 0, 2, 1}, 0x2562}, {{2, 0, 2, 2}, 0x2563}, {{0, 2, 1, 2}, 0x2564},
        {{0, 1, 2, 1}, 0x2565}, {{0, 2, 2, 2}, 0x2566}, {{1, 2, 0, 2}, 0x2567}, {{2, 1, 0, 1}, 0x2568},
        {{2, 2, 0, 2}, 0x2569}, {{1, 2, 1, 2}, 0x256a}, {{2, 1, 2, 1}, 0x256b}, {{2, 2, 2, 2}, 0x256c},
    };
    u32 left = column(glyph, lines, 7), right = column(glyph, lines, 0);
    u8 top = glyph[0], bottom = glyph[lines - 1];
    int found[4] = {strokes(reversed(top), 8), strokes(right, lines), strokes(reversed(bottom), 8),
                    strokes(left, lines)};
    if (!only_strokes(glyph, lines, left | right, top | bottom))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
        bool same = true;
        for (int side = 0; side < 4; side++)
            same &= found[side] == boxes[i].strokes[side];
        if (same)
            return boxes[i].code;
    }
    return 0;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static bool all(const u8 *glyph, int from, int to, u8 value)
{
    for (int row = from; row < to; row++)
        if (glyph[row] != value)
            return false;
    return true;
}

static u16 shade(const u8 *glyph, int lines)
{
    int dots = 0;
    for (int row = 0; row < lines; row++) {
        if (row >= 4 && glyph[row] != glyph[row - 4])
            return 0;
        if ((glyph[row] >> 4) != (glyph[row] & 15) || glyph[row] == 0xff)
            return 0;
        dots += __builtin_popcount(glyph[row]);
    }
    int quarters = (dots + lines) / (2 * lines); /* of a glyph */
    return quarters >= 1 && quarters <= 3 && dots > lines ? (u16)(0x2590 + quarters) : 0;
}

static u16 block_character(const u8 *glyph, int lines)
{
    for (int half = lines / 2 - 1; half <= lines / 2 + 1; half++) {
        if (all(glyph, 0, half, 0) && all(glyph, half, lines, 0xff))
            return 0x2584;
        if (all(glyph, 0, half, 0xff) && all(glyph, half, lines, 0))
            return 0x2580;
    }
    if (all(glyph, 0, lines, 0xff))
        return 0x2588;
    if (all(glyph, 0, lines, 0xf0))
        return 0x258c;
    return all(glyph, 0, lines, 0x0f) ? 0x2590 : shade(glyph, lines);
}

/* --- accents ------------------------------------------------------------------------------------------------------ */

enum accent { GRAVE, ACUTE, CIRCUMFLEX, TILDE, DIAERESIS, RING, CARON, ACCENTS };

static const struct {
    char letter;
    u16 with[ACCENTS];
} accented[] = {
    {'A', {0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0}}, {'E', {0xc8, 0xc9, 0xca, 0, 0xcb, 0, 0x11a}},
    {'I', {0xcc, 0xcd, 0xce, 0, 0xcf, 0, 0}},       {'O', {0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0, 0}},
    {'U', {0xd9, 0xda, 0xdb, 0, 0xdc, 0x16e, 0}},   {'Y', {0, 0xdd, 0, 0, 0x178, 0, 0}},
    {'N', {0, 0x143, 0, 0xd1, 0, 0, 0x147}},        {'C', {0, 0x106, 0, 0, 0, 0, 0x10c}},
    {'R', {0, 0x154, 0, 0, 0, 0, 0x158}},           {'S', {0, 0x15a, 0, 0, 0, 0, 0x160}},
    {'Z', {0, 0x179, 0, 0, 0, 0, 0x17d}},           {'a', {0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0}},
    {'e', {0xe8, 0xe9, 0xea, 0, 0xeb, 0, 0x11b}},   {'o', {0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0, 0}},
    {'u', {0xf9, 0xfa, 0xfb, 0, 0xfc, 0x16f, 0}},   {'y', {0, 0xfd, 0, 0, 0xff, 0, 0}},
    {'n', {0, 0x144, 0, 0xf1, 0, 0, 0x148}},        {'c', {0, 0x107, 0, 0, 0, 0, 0x10d}},
    {'r', {0, 0x155, 0, 0, 0, 0, 0x159}},           {'s', {0, 0x15b, 0, 0, 0, 0, 0x161}},
    {'z', {0, 0x17a, 0, 0, 0, 0, 0x17e}},
};

static int first_row(const u8 *glyph, int lines)
{
    int row = 0;
    while (row < lines && !glyph[row])
        row++;
    return row;
}

/* Where the dots of a row are, in halves of a dot. */
static int middle(u8 row)
{
    return 7 - __builtin_ctz(row) + (__builtin_clz(row) - 24);
}

static bool has_gap(u8 row)
{
    u8 filled = (u8)(row >> __builtin_ctz(row));
    return filled & (filled + 1);
}

/* By the first and the last of the rows that hold it. */
static int accent_shape(const u8 *glyph, int from, int to)
{
    u8 top = glyph[from], bottom = glyph[to - 1];
    for (int row = from; row < to; row++)
        if (!glyph[row])
            return -1;
    if (has_gap(top) && has_gap(bottom) && (top == bottom) && to - from <= 3)
        return DIAERESIS;
    if (to - from >= 3 && top == bottom && has_gap(glyph[from + 1]))
        return RING;
    if (to - from >= 2 && !has_gap(top) && has_gap(bottom) && middle(top) == middle(bottom))
        return CIRCUMFLEX;
    if (to - from >= 2 && has_gap(top) && !has_gap(bottom) && middle(top) == middle(bottom))
        return CARON;
    if (to - from >= 2 && !has_gap(top) && !has_gap(bottom))
        return middle(top) > middle(bottom) ? ACUTE : middle(top) < middle(bottom) ? GRAVE : -1;
    return to - from == 2 && has_gap(top) && has_gap(bottom) ? TILDE : -1;
}

/* Rows from `from` on are those of the letter, in order, from its first one to its last: a letter that makes room for
 * its accent leaves some out.  How many there are; 0: they are not. */
static int rows_of_letter(const u8 *glyph, int from, const u8 *letter, int lines)
{
    int row = first_row(letter, lines), ink = lines - row, count = lines - from;
    if (from < 1 || glyph[from] != letter[row] || glyph[lines - 1] != letter[lines - 1])
        return 0;
    for (int at = from; at < lines; at++, row++) {
        while (row < lines && letter[row] != glyph[at])
            row++;
        if (row >= lines)
            return 0;
    }
    return count >= 5 && count >= ink - 4 ? count : 0;
}

/* The letter of which fewest rows are missing below something that has the shape of an accent. */
static u16 accented_letter(const u8 *glyphs, const u8 *glyph, int lines)
{
    int top = first_row(glyph, lines), fewest = lines;
    u16 code = 0;
    for (size_t i = 0; i < ARRAY_SIZE(accented); i++) {
        const u8 *letter = glyphs + accented[i].letter * GLYPH;
        for (int from = top + 1; from < MIN(top + 6, lines); from++) {
            int rows = rows_of_letter(glyph, from, letter, lines), end = from;
            int missing = lines - first_row(letter, lines) - rows;
            while (end > top && !glyph[end - 1])
                end--;
            int shape = rows && missing < fewest ? accent_shape(glyph, top, end) : -1;
            if (shape < 0 || !accented[i].with[shape])
                continue;
            fewest = missing;
            code = accented[i].with[shape];
        }
    }
    return code;
}

/* --- the font ----------------------------------------------------------------------------------------------------- */

static u16 at_another_place(const u8 *glyph, int lines, const u8 *reference)
{
    for (int c = 1; reference && c < 255; c++)
        if (!memcmp(glyph, reference + c * lines, (size_t)lines))
            return cp437_to_unicode[c];
    return 0;
}

static u16 read_glyph(const u8 *glyphs, int c, int lines, const u8 *reference)
{
    const u8 *glyph = glyphs + c * GLYPH;
    u16 code = 0;
    if (reference && !memcmp(glyph, reference + c * lines, (size_t)lines))
        return cp437_to_unicode[c];
    if (all(glyph, 0, lines, 0))
        return ' ';
    if (c < 0x20 || c > 0x7e) {
        code = box_character(glyph, lines);
        code = code ? code : block_character(glyph, lines);
    }
    code = code ? code : at_another_place(glyph, lines, reference);
    if (!code && (c < 0x20 || c > 0x7e))
        code = accented_letter(glyphs, glyph, lines);
    return code ? code : cp437_to_unicode[c];
}

void term_font_read(const u8 *glyphs, int lines, const u8 *reference, u16 unicode[256])
{
    for (int c = 0; c < 256; c++)
        unicode[c] = read_glyph(glyphs, c, lines, reference);
}

/* 256 glyphs that can only be code page 437: blanks, the full block and its halves at their places. */
static bool is_reference(const u8 *at, int lines)
{
    return all(at + 0xdb * lines, 0, lines, 0xff) && all(at, 0, lines, 0) && all(at + 0x20 * lines, 0, lines, 0) &&
           all(at + 0xff * lines, 0, lines, 0) && block_character(at + 0xdc * lines, lines) == 0x2584 &&
           block_character(at + 0xdf * lines, lines) == 0x2580 && box_character(at + 0xc4 * lines, lines) == 0x2500;
}

static const u8 *find_reference(const u8 *rom, int lines)
{
    for (int at = 0; at + 256 * lines <= TERM_FONT_ROM; at++)
        if (rom[at + 0xdb * lines] == 0xff && is_reference(rom + at, lines))
            return rom + at;
    return NULL;
}

void term_font_update(struct term_font *font, const struct text_screen *screen)
{
    int lines = MAX(1, MIN(screen->lines, GLYPH));
    bool same = font->known && font->lines == lines && !memcmp(font->fonts, screen->fonts, sizeof(font->fonts));
    if (!font->reference || font->lines != lines) {
        font->reference = find_reference(font->rom, lines);
        same &= !font->reference;
    }
    if (same)
        return;
    font->known = true;
    font->lines = lines;
    memcpy(font->fonts, screen->fonts, sizeof(font->fonts));
    for (int i = 0; i < 2; i++)
        term_font_read(font->fonts[i], lines, font->reference, font->unicode[i]);
}
