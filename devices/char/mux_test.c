#include "devices/char/char.h"

#include "tests/unit.h"

/* A device below that remembers what it was given, and a front end with limited room. */
struct below {
    struct chardev chr;
    char out[1000];
    size_t out_length;
    bool closed;
};

struct front {
    struct chardev *chr;
    char in[1000];
    size_t in_length, room;
    int breaks, focused, unfocused;
};

static size_t below_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct below *below = container_of(chr, struct below, chr);
    memcpy(below->out + below->out_length, data, length);
    below->out_length += length;
    return length;
}

static void below_close(struct chardev *chr)
{
    container_of(chr, struct below, chr)->closed = true;
}

static const struct chardev_ops below_ops = {.name = "below", .write = below_write, .close = below_close};

static size_t front_room(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void front_receive(void *opaque, const u8 *data, size_t length)
{
    struct front *front = opaque;
    CHECK(length <= front->room);
    memcpy(front->in + front->in_length, data, length);
    front->in_length += length;
    front->room -= length;
}

static void front_event(void *opaque, enum char_event event)
{
    struct front *front = opaque;
    front->breaks += event == CHAR_BREAK;
    front->focused += event == CHAR_FOCUS;
    front->unfocused += event == CHAR_UNFOCUS;
}

static struct below below;
static struct front serial, monitor;
static struct char_mux *mux;
static int quits;

static void quit(void *opaque)
{
    ++*(int *)opaque;
}

static void attach(struct front *front, const char *name)
{
    *front = (struct front){.chr = chardev_mux_port(mux, name), .room = sizeof(front->in)};
    front->chr->user = (struct chardev_user){front_room, front_receive, front_event, NULL, front};
}

static void set_up(void)
{
    below = (struct below){.chr = {.ops = &below_ops}};
    quits = 0;
    mux = chardev_mux(&below.chr, quit, &quits);
    attach(&serial, "serial0");
    attach(&monitor, "monitor");
}

static void tear_down(void)
{
    chardev_close(monitor.chr);
    CHECK(!below.closed);
    chardev_close(serial.chr);
    CHECK(below.closed);
}

static void type(const char *text, size_t length)
{
    CHECK(below.chr.user.room(below.chr.user.opaque) >= length);
    below.chr.user.receive(below.chr.user.opaque, (const u8 *)text, length);
}
#define TYPE(text) type(text, sizeof(text) - 1)

static bool got(const struct front *front, const char *text)
{
    return front->in_length == strlen(text) && !memcmp(front->in, text, front->in_length);
}

TEST(the_first_port_has_the_focus)
{
    set_up();
    TYPE("abc");
    CHECK(got(&serial, "abc"));
    CHECK(got(&monitor, ""));
    CHECK(serial.chr->ops->focused(serial.chr));
    CHECK(!monitor.chr->ops->focused(monitor.chr));
    tear_down();
}

TEST(ctrl_a_c_moves_the_focus_round)
{
    set_up();
    TYPE("1\001c2");
    CHECK(got(&serial, "1"));
    CHECK(got(&monitor, "2"));
    CHECK_EQ(serial.unfocused, 1);
    CHECK_EQ(monitor.focused, 1);
    TYPE("\001c3");
    CHECK(got(&serial, "13"));
    tear_down();
}

TEST(ctrl_a_twice_sends_one)
{
    set_up();
    TYPE("\001\001");
    CHECK(got(&serial, "\001"));
    tear_down();
}

TEST(ctrl_a_and_its_letter_may_come_apart)
{
    set_up();
    TYPE("\001");
    TYPE("x");
    CHECK_EQ(quits, 1);
    CHECK(got(&serial, ""));
    tear_down();
}

TEST(ctrl_a_b_is_a_break_for_the_port_in_focus)
{
    set_up();
    TYPE("\001b");
    CHECK_EQ(serial.breaks, 1);
    CHECK_EQ(monitor.breaks, 0);
    tear_down();
}

TEST(ctrl_a_h_prints_help_below_and_nothing_above)
{
    set_up();
    TYPE("\001h");
    below.out[below.out_length] = '\0';
    CHECK(strstr(below.out, "Ctrl-A x"));
    CHECK(strstr(below.out, "serial0 monitor"));
    CHECK(got(&serial, ""));
    tear_down();
}

TEST(a_full_port_loses_nothing_and_keeps_the_order)
{
    set_up();
    serial.room = 2;
    TYPE("abcdef");
    CHECK(got(&serial, "ab"));
    serial.room = 3;
    chardev_accept_input(serial.chr);
    CHECK(got(&serial, "abcde"));
    TYPE("gh");
    CHECK(got(&serial, "abcde"));
    serial.room = 100;
    chardev_accept_input(serial.chr);
    CHECK(got(&serial, "abcdefgh"));
    tear_down();
}

TEST(ctrl_a_x_works_while_the_port_is_full)
{
    set_up();
    serial.room = 0;
    TYPE("aaaaaaaaaaaaaaaaaaaaaaaaa\001x");
    CHECK_EQ(quits, 1);
    tear_down();
}

TEST(what_a_full_port_missed_is_not_for_the_next_one)
{
    set_up();
    serial.room = 0;
    TYPE("s\001cm");
    CHECK(got(&monitor, "m"));
    serial.room = 10;
    chardev_accept_input(serial.chr);
    CHECK(got(&serial, "s"));
    tear_down();
}

TEST(everybodys_output_goes_below)
{
    set_up();
    chardev_write(serial.chr, "a", 1);
    chardev_write(monitor.chr, "b", 1);
    CHECK_EQ(below.out_length, 2);
    CHECK(!memcmp(below.out, "ab", 2));
    tear_down();
}

TEST(a_port_knows_its_multiplexer)
{
    set_up();
    CHECK(chardev_mux_of(serial.chr) == mux);
    CHECK(!chardev_mux_of(&below.chr));
    tear_down();
}

TEST(a_closed_port_gives_the_focus_on)
{
    set_up();
    chardev_close(serial.chr);
    TYPE("m");
    CHECK(got(&monitor, "m"));
    chardev_close(monitor.chr);
}

TEST(input_without_end_is_held_back_below)
{
    static char flood[65536];
    set_up();
    serial.room = 0;
    size_t taken = 0, room;
    while ((room = below.chr.user.room(below.chr.user.opaque)) > 0 && taken < 1 << 24) {
        size_t piece = MIN(room, sizeof(flood));
        type(flood, piece);
        taken += piece;
    }
    CHECK(taken >= 1 << 20);
    CHECK(taken < 1 << 24);
    serial.room = 10;
    chardev_accept_input(serial.chr);
    CHECK_EQ(below.chr.user.room(below.chr.user.opaque), 10);
    tear_down();
}

UNIT_MAIN()
