/* Layouts: what national keyboards print on their keys. */
#include "tests/unit.h"

#include "machine/input.h"
#include "ui/layout.h"

static void check(const char *name, u32 character, int key, bool shift, bool altgr)
{
    struct layout_keys keys = {-1, false, false};
    CHECK(layout_keys_for(layout_find(name), character, &keys));
    CHECK_EQ(keys.key, key);
    CHECK_EQ(keys.shift, shift);
    CHECK_EQ(keys.altgr, altgr);
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

TEST(every_layout_types_ascii)
{
    for (int i = 0; layout_names[i]; i++)
        for (u32 c = ' '; c < 0x7f; c++) {
            struct layout_keys keys;
            bool dead = c == '^' || c == '`' || c == '~' || c == '\'';
            CHECK(layout_keys_for(layout_find(layout_names[i]), c, &keys) || dead);
        }
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

TEST(characters_without_a_key_are_refused)
{
    struct layout_keys keys;
    CHECK(!layout_keys_for(layout_find("us"), 0xe4, &keys));
    CHECK(!layout_keys_for(layout_find("de"), 0xa0, &keys));
    CHECK(!layout_find("xx"));
}

UNIT_MAIN()
