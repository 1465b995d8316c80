/*
 * Keys: PS/2 Hardware Interface Technical Reference, scan code set 1.
 */
#include "machine/input.h"

#include "machine/display.h"
#include "tests/unit.h"

TEST(names_are_qemus)
{
    CHECK_EQ(input_key_by_name("ctrl"), 0x1d);
    CHECK_EQ(input_key_by_name("ctrl_r"), KEY_E0 | 0x1d);
    CHECK_EQ(input_key_by_name("ret"), 0x1c);
    CHECK_EQ(input_key_by_name("kp_enter"), KEY_E0 | 0x1c);
    CHECK_EQ(input_key_by_name("f1"), 0x3b);
    CHECK_EQ(input_key_by_name("f10"), 0x44);
    CHECK_EQ(input_key_by_name("f11"), 0x57);
    CHECK_EQ(input_key_by_name("delete"), KEY_E0 | 0x53);
    CHECK_EQ(input_key_by_name("print"), KEY_E0 | 0x37);
    CHECK_EQ(input_key_by_name("pause"), KEY_PAUSE);
    CHECK_EQ(input_key_by_name("a"), 0x1e);
    CHECK_EQ(input_key_by_name("nokey"), -1);
    CHECK_EQ(input_key_by_name(""), -1);
}

TEST(numbers_are_scan_codes)
{
    CHECK_EQ(input_key_by_name("0x1c"), 0x1c);
    CHECK_EQ(input_key_by_name("0x9d"), KEY_E0 | 0x1d);
    CHECK_EQ(input_key_by_name("0x"), -1);
    CHECK_EQ(input_key_by_name("0x80"), -1);
    CHECK_EQ(input_key_by_name("0x1c2"), -1);
}

TEST(names_and_keys_are_inverse)
{
    for (int key = 1; key <= KEY_PAUSE; key++) {
        const char *name = input_key_name(key);
        if (name)
            CHECK_EQ(input_key_by_name(name), key);
    }
    CHECK(!input_key_name(0));
    CHECK(!strcmp(input_key_name(0x1c), "ret"));
}

TEST(characters_are_typed_as_on_a_us_keyboard)
{
    static const struct {
        char c;
        int key;
        bool shift;
    } rows[] = {
        {'a', 0x1e, false}, {'A', 0x1e, true}, {'1', 0x02, false},  {'!', 0x02, true},   {'+', 0x0d, true},
        {'[', 0x1a, false}, {'}', 0x1b, true}, {'`', 0x29, false},  {'~', 0x29, true},   {'\\', 0x2b, false},
        {'|', 0x2b, true},  {'?', 0x35, true}, {' ', 0x39, false},  {'\n', 0x1c, false}, {'"', 0x28, true},
        {'m', 0x32, false}, {':', 0x27, true}, {'\t', 0x0f, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool shift;
        CHECK_EQ(input_key_for_char(rows[i].c, &shift), rows[i].key);
        CHECK_EQ(shift, rows[i].shift);
    }
}

TEST(every_printable_character_has_a_key)
{
    bool shift;
    for (int c = 0x20; c < 0x7f; c++)
        CHECK(input_key_for_char(c, &shift) > 0);
    CHECK_EQ(input_key_for_char(0, &shift), -1);
    CHECK_EQ(input_key_for_char((char)0xe9, &shift), -1);
}

TEST(code_page_437_has_ascii_and_boxes)
{
    for (int c = 0x20; c < 0x7f; c++)
        CHECK_EQ(cp437_to_unicode[c], c);
    CHECK_EQ(cp437_to_unicode[0x80], 0x00c7);
    CHECK_EQ(cp437_to_unicode[0xb0], 0x2591);
    CHECK_EQ(cp437_to_unicode[0xc4], 0x2500);
    CHECK_EQ(cp437_to_unicode[0xdb], 0x2588);
    CHECK_EQ(cp437_to_unicode[0xcd], 0x2550);
    CHECK_EQ(cp437_to_unicode[0xe1], 0x00df);
    CHECK_EQ(cp437_to_unicode[0xfe], 0x25a0);
}

TEST(surfaces_grow_and_keep_their_memory)
{
    struct surface surface = {0};
    CHECK_EQ(surface_resize(&surface, 720, 400), 0);
    surface.pixels[720 * 400 - 1] = 0xffffff;
    u32 *pixels = surface.pixels;
    CHECK_EQ(surface_resize(&surface, 640, 400), 0);
    CHECK(surface.pixels == pixels);
    CHECK_EQ(surface.width, 640);
    CHECK(surface_resize(&surface, 1 << 20, 1 << 20) < 0);
    CHECK_EQ(surface.width, 640);
    surface_free(&surface);
    CHECK(!surface.pixels);
}

UNIT_MAIN()
