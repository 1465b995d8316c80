/* Layouts: what national keyboards print on their keys. */
#include "tests/unit.h"

#include "machine/input.h"
#include "ui/layout.h"

static void check(const char *name, u32 character, int key, bool shift, bool altgr)
{
    struct layout_keys keys[LAYOUT_STROKES];
    CHECK_EQ(layout_strokes(layout_find(name), character, keys), 1);
    CHECK_EQ(keys[0].key, key);
    CHECK_EQ(keys[0].shift, shift);
    CHECK_EQ(keys[0].altgr, altgr);
}

/* A dead key, then what it goes with. */
static void check_dead(const char *name, u32 character, int dead, bool dead_shift, int key, bool shift)
{
    struct layout_keys keys[LAYOUT_STROKES];
    CHECK_EQ(layout_strokes(layout_find(name), character, keys), 2);
    CHECK_EQ(keys[0].key, dead);
    CHECK_EQ(keys[0].shift, dead_shift);
    CHECK_EQ(keys[1].key, key);
    CHECK_EQ(keys[1].shift, shift);
}

/* machine/input.c has its own table of the US keyboard: both must tell the same. */
TEST(us_layout_is_that_of_the_monitor)
{
    for (char c = ' '; c < 0x7f; c++) {
        bool shift;
        int key = input_key_for_char(c, &shift);
        check("us", (u32)c, key, shift, false);
    }
}

static bool has_latin_letters(const char *name)
{
    return strcmp(name, "ru") && strcmp(name, "mk") && strcmp(name, "th") && strcmp(name, "ar");
}

TEST(every_latin_layout_types_ascii)
{
    char all[300];
    int count = 0;
    layout_list(all, sizeof(all));
    for (char *rest, *name = strtok_r(all, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest), count++) {
        CHECK(layout_find(name));
        for (u32 c = ' '; c < 0x7f && has_latin_letters(name); c++) {
            struct layout_keys keys[LAYOUT_STROKES];
            if (!layout_strokes(layout_find(name), c, keys)) {
                fprintf(stderr, "%s: no '%c'\n", name, (char)c);
                CHECK(false);
            }
        }
    }
    CHECK_EQ(count, 34);
}

TEST(german_keys)
{
    check("de", 'z', 0x15, false, false);
    check("de", 'Y', 0x2c, true, false);
    check("de", '@', 0x10, false, true);
    check("de", 0xe4, 0x28, false, false); /* a with diaeresis, right of o with diaeresis */
    check("de", '|', 0x56, false, true);
    check("de", '#', 0x2b, false, false);
    check("de", '{', 0x08, false, true);
}

TEST(french_digits_are_shifted)
{
    check("fr", '1', 0x02, true, false);
    check("fr", 'a', 0x10, false, false);
    check("fr", 'm', 0x27, false, false);
    check("fr", '@', 0x0b, false, true);
}

TEST(british_pound_and_hash)
{
    check("en-gb", 0xa3, 0x04, true, false);
    check("en-gb", '#', 0x2b, false, false);
    check("en-gb", '"', 0x03, true, false);
    check("en-gb", '\\', 0x56, false, false);
}

TEST(accents_come_from_dead_keys)
{
    check_dead("de", 0xe9, 0x0d, false, 0x12, false); /* e with acute: the key left of Backspace, e */
    check_dead("de", 0xe0, 0x0d, true, 0x1e, false);  /* a with grave: the same with Shift */
    check_dead("de", '^', 0x29, false, 0x39, false);  /* circumflex, space */
    check_dead("de", '`', 0x0d, true, 0x39, false);
    check_dead("fr", 0xea, 0x1a, false, 0x12, false); /* e with circumflex: the key right of P */
    check_dead("es", 0xfc, 0x28, true, 0x16, false);  /* u with diaeresis */
    check_dead("pt", 0xe3, 0x2b, false, 0x1e, false); /* a with tilde */
    check_dead("sv", '~', 0x1b, false, 0x39, false);
    check("fr", 0xe9, 0x03, false, false); /* has a key of its own */
}

TEST(keys_that_only_some_countries_have)
{
    check("pt-br", '/', 0x73, false, false); /* ABNT2: beside the right Shift */
    check("ja", '_', 0x73, true, false);     /* JIS X 6002 */
    check("ja", '|', 0x7d, true, false);     /* the yen key */
    check("ja", '@', 0x1a, false, false);
    check("ru", 0x439, 0x10, false, false); /* Cyrillic short i on Q */
    check("tr", 0x131, 0x17, false, false); /* dotless i on I */
    check("tr", 'i', 0x28, false, false);
    check("it", '{', 0x1a, true, true);
    check("da", 0xe6, 0x27, false, false);
    check("no", 0xf8, 0x27, false, false);
}

TEST(characters_without_a_key_are_refused)
{
    struct layout_keys keys[LAYOUT_STROKES];
    CHECK(!layout_strokes(layout_find("us"), 0xe4, keys));
    CHECK(!layout_strokes(layout_find("de"), 0xa0, keys));
    CHECK(!layout_strokes(layout_find("de"), 0x301, keys)); /* a combining mark is no key */
    CHECK(!layout_find("xx"));
}

UNIT_MAIN()
