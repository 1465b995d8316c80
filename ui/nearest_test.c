#include "ui/nearest.h"

#include "tests/unit.h"

static const char *const options[] = {"hda", "hdb", "kernel", "initrd", "nographic", "m", NULL};

TEST(a_swap_of_neighbours_is_one_edit)
{
    CHECK_EQ(edit_distance("serial", "seiral"), 1);
    CHECK_EQ(edit_distance("serial", "serial"), 0);
    CHECK_EQ(edit_distance("", "abc"), 3);
    CHECK_EQ(edit_distance("kernel", "kernle"), 1);
}

TEST(a_typo_finds_its_word)
{
    CHECK(!strcmp(nearest("nografic", options), "nographic"));
    CHECK(!strcmp(nearest("kernell", options), "kernel"));
}

TEST(another_word_finds_nothing)
{
    CHECK(!nearest("spice", options));
}

TEST(a_hint_lists_the_words_when_none_is_near)
{
    static const char *const formats[] = {"raw", "qcow2", NULL};
    char text[100];
    CHECK(!strcmp(nearest_hint(text, sizeof(text), "vhdx", formats), "; there are raw, qcow2"));
    CHECK(!strcmp(nearest_hint(text, sizeof(text), "rwa", formats), " (did you mean 'raw'?)"));
}

TEST(a_very_long_word_stays_inside_the_table)
{
    char word[5000];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    CHECK(!nearest(word, options));
}

UNIT_MAIN()
