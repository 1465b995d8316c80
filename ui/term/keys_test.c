/* Expected values: terminfo(5) entries of xterm, linux, screen, rxvt, and XTerm Control Sequences. */
#include "ui/term/keys.h"

#include "machine/input.h"
#include "tests/unit.h"

static struct term_event event;

static size_t take(const char *text, size_t length, bool complete)
{
    return term_parse((const u8 *)text, length, complete, 0, &event);
}

static bool key(const char *text, int code, unsigned modifiers)
{
    return take(text, strlen(text), false) == strlen(text) && event.kind == TERM_KEY && event.key == code &&
           event.modifiers == modifiers;
}

static bool text(const char *bytes, u32 code, unsigned modifiers)
{
    return take(bytes, strlen(bytes), false) == strlen(bytes) && event.kind == TERM_TEXT && event.text == code &&
           event.modifiers == modifiers;
}

TEST(characters_are_text)
{
    CHECK(text("a", 'a', 0));
    CHECK(text("A", 'A', 0));
    CHECK(text("~", '~', 0));
    CHECK(text("\xc3\xa4", 0xe4, 0));
    CHECK(text("\xe2\x82\xac", 0x20ac, 0));
    CHECK_EQ(take("\xe2\x82", 2, false), 0);
    CHECK_EQ(take("\x80", 1, false), 1);
    CHECK_EQ(event.kind, TERM_NOTHING);
}

TEST(control_characters_are_ctrl_with_a_key)
{
    CHECK(text("\x01", 'a', TERM_CTRL));
    CHECK(text("\x1a", 'z', TERM_CTRL));
    CHECK(text("\x1c", '\\', TERM_CTRL));
    CHECK(text("\x1d", ']', TERM_CTRL));
    CHECK(text("\x08", 'h', TERM_CTRL));
    CHECK_EQ(take("\0", 1, false), 1);
    CHECK(event.kind == TERM_TEXT && event.text == ' ' && event.modifiers == TERM_CTRL);
    CHECK(key("\r", 0x1c, 0));
    CHECK(key("\t", 0x0f, 0));
    CHECK(key("\x7f", 0x0e, 0));
}

TEST(the_terminals_erase_character_is_backspace)
{
    CHECK_EQ(term_parse((const u8 *)"\b", 1, false, '\b', &event), 1);
    CHECK(event.kind == TERM_KEY && event.key == 0x0e);
}

TEST(esc_is_a_key_when_nothing_follows_it)
{
    CHECK_EQ(take("\033", 1, false), 0);
    CHECK_EQ(take("\033", 1, true), 1);
    CHECK(event.kind == TERM_KEY && event.key == 0x01 && event.modifiers == 0);
    CHECK_EQ(take("\033\033", 2, true), 1);
    CHECK(event.kind == TERM_KEY && event.key == 0x01);
}

TEST(esc_before_a_character_is_alt)
{
    CHECK(text("\033x", 'x', TERM_ALT));
    CHECK(text("\033X", 'X', TERM_ALT));
    CHECK(text("\033\x03", 'c', TERM_ALT | TERM_CTRL));
    CHECK(key("\033\r", 0x1c, TERM_ALT));
    CHECK(text("\033\xc3\xa4", 0xe4, TERM_ALT));
    CHECK_EQ(take("\033[", 2, false), 0);
    CHECK_EQ(take("\033[", 2, true), 2);
    CHECK(event.kind == TERM_TEXT && event.text == '[' && event.modifiers == TERM_ALT);
    CHECK_EQ(take("\033O", 2, false), 0);
    CHECK_EQ(take("\033O", 2, true), 2);
    CHECK(event.kind == TERM_TEXT && event.text == 'O' && event.modifiers == TERM_ALT);
}

TEST(cursor_keys_in_both_modes)
{
    static const int codes[] = {0x148, 0x150, 0x14d, 0x14b};
    for (int i = 0; i < 4; i++) {
        char csi[] = {033, '[', (char)('A' + i), 0}, ss3[] = {033, 'O', (char)('A' + i), 0};
        CHECK(key(csi, codes[i], 0));
        CHECK(key(ss3, codes[i], 0));
    }
    CHECK(key("\033[H", 0x147, 0));
    CHECK(key("\033OF", 0x14f, 0));
}

TEST(modifiers_are_one_more_than_their_bits)
{
    CHECK(key("\033[1;2A", 0x148, TERM_SHIFT));
    CHECK(key("\033[1;3B", 0x150, TERM_ALT));
    CHECK(key("\033[1;5C", 0x14d, TERM_CTRL));
    CHECK(key("\033[1;8D", 0x14b, TERM_SHIFT | TERM_ALT | TERM_CTRL));
    CHECK(key("\033[3;5~", 0x153, TERM_CTRL));
    CHECK(key("\033[1;2P", 0x3b, TERM_SHIFT));
    CHECK(key("\033[Z", 0x0f, TERM_SHIFT));
    CHECK(key("\033\033[A", 0x148, 0) || event.modifiers == TERM_ALT);
}

TEST(function_keys_of_every_terminal)
{
    static const char *const numbers[] = {"11", "12", "13", "14", "15", "17", "18", "19", "20", "21", "23", "24"};
    char sequence[16];
    for (int i = 0; i < 12; i++) {
        snprintf(sequence, sizeof(sequence), "\033[%s~", numbers[i]);
        CHECK(key(sequence, i < 10 ? 0x3b + i : 0x57 + i - 10, 0)); /* VT220, xterm from F5 on */
    }
    for (int i = 0; i < 4; i++) {
        snprintf(sequence, sizeof(sequence), "\033O%c", 'P' + i);
        CHECK(key(sequence, 0x3b + i, 0)); /* xterm */
    }
    for (int i = 0; i < 5; i++) {
        snprintf(sequence, sizeof(sequence), "\033[[%c", 'A' + i);
        CHECK(key(sequence, 0x3b + i, 0)); /* Linux console */
    }
    CHECK(key("\033[25~", 0x3b, TERM_SHIFT)); /* kf13 of linux */
    CHECK(key("\033[34~", 0x42, TERM_SHIFT));
    CHECK(key("\033[11^", 0x3b, TERM_CTRL)); /* rxvt */
}

TEST(editing_keys)
{
    CHECK(key("\033[1~", 0x147, 0));
    CHECK(key("\033[2~", 0x152, 0));
    CHECK(key("\033[3~", 0x153, 0));
    CHECK(key("\033[4~", 0x14f, 0));
    CHECK(key("\033[5~", 0x149, 0));
    CHECK(key("\033[6~", 0x151, 0));
    CHECK(key("\033[7~", 0x147, 0));
    CHECK(key("\033[7$", 0x147, TERM_SHIFT)); /* rxvt */
}

TEST(the_application_keypad)
{
    CHECK(key("\033OM", 0x11c, 0));
    CHECK(key("\033Oj", 0x37, 0));
    CHECK(key("\033Ok", 0x4e, 0));
    CHECK(key("\033Om", 0x4a, 0));
    CHECK(key("\033Oo", 0x135, 0));
    CHECK(key("\033Op", 0x52, 0));
    CHECK(key("\033Ow", 0x47, 0));
    CHECK(key("\033Oy", 0x49, 0));
    CHECK(key("\033[E", 0x4c, 0));
}

TEST(characters_with_modifiers_as_numbers)
{
    CHECK(text("\033[97;5u", 'a', TERM_CTRL));
    CHECK(text("\033[27;5;49~", '1', TERM_CTRL));
    CHECK(key("\033[27;2;13~", 0x1c, TERM_SHIFT));
}

TEST(mouse_reports_by_sgr)
{
    CHECK_EQ(take("\033[<0;10;5M", 10, false), 10);
    CHECK(event.kind == TERM_MOUSE && event.x == 9 && event.y == 4 && event.pressed == 1 && !event.released);
    CHECK_EQ(take("\033[<2;10;5m", 10, false), 10);
    CHECK(event.pressed == 0 && event.released == 2);
    CHECK_EQ(take("\033[<1;1;1M", 9, false), 9);
    CHECK(event.pressed == 4);
    CHECK_EQ(take("\033[<64;1;1M", 10, false), 10);
    CHECK_EQ(event.wheel, 1);
    CHECK_EQ(take("\033[<65;1;1M", 10, false), 10);
    CHECK_EQ(event.wheel, -1);
    CHECK_EQ(take("\033[<35;300;80M", 13, false), 13);
    CHECK(event.x == 299 && event.y == 79 && event.released == 0x1f);
    CHECK_EQ(take("\033[M !!", 6, false), 6);
    CHECK(event.kind == TERM_MOUSE && event.x == 0 && event.y == 0 && event.pressed == 1);
}

TEST(a_sequence_may_come_in_pieces)
{
    static const char sequence[] = "\033[15;6~";
    for (size_t i = 1; i < sizeof(sequence) - 1; i++)
        CHECK_EQ(take(sequence, i, false), 0);
    CHECK(key(sequence, 0x3f, TERM_SHIFT | TERM_CTRL));
}

TEST(what_is_not_known_is_taken_whole_and_ignored)
{
    static const char *const unknown[] = {"\033[?1;2c", "\033[99~", "\033[I", "\033[>0;276;0c"};
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        CHECK_EQ(take(unknown[i], strlen(unknown[i]), false), strlen(unknown[i]));
        CHECK_EQ(event.kind, TERM_NOTHING);
    }
}

TEST(any_bytes_are_taken_in_the_end)
{
    u8 bytes[64];
    u32 seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t length = 1 + round % sizeof(bytes);
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (u8)(seed >> 28 ? seed >> 24 : 033);
            if (i < 3 && seed & 0x100)
                bytes[i] = (u8) "\033[O"[i];
        }
        size_t taken = term_parse(bytes, length, true, 0, &event);
        CHECK(taken >= 1 && taken <= length);
        CHECK(term_parse(bytes, length, false, 0, &event) <= length);
    }
    memset(bytes, '1', sizeof(bytes));
    memcpy(bytes, "\033[", 2);
    CHECK(term_parse(bytes, sizeof(bytes), false, 0, &event) > 0); /* longer than any */
}

UNIT_MAIN()
