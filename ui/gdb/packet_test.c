/*
 * Packets on the wire.  Source: "Debugging with GDB", "Overview" of the remote serial protocol: the checksum is the sum of
 * the characters between $ and #, escaped as they are sent; } escapes, and the next character is XORed with 20h.
 */
#include "ui/gdb/packet.h"

#include "tests/unit.h"

static struct gdb_reader reader;

/* What the last byte completed. */
static enum gdb_input take(const char *text)
{
    enum gdb_input input = GDB_NOTHING;
    for (; *text; text++)
        input = gdb_take(&reader, (u8)*text);
    return input;
}

TEST(a_packet_ends_with_its_checksum)
{
    CHECK_EQ(take("$g#6"), GDB_NOTHING);
    CHECK_EQ(take("7"), GDB_PACKET);
    CHECK_EQ(reader.length, 1);
    CHECK(!strcmp(reader.data, "g"));
    CHECK_EQ(take("$OK#9A"), GDB_PACKET);
    CHECK_EQ(take("$#00"), GDB_PACKET);
    CHECK_EQ(reader.length, 0);
    CHECK_EQ(take("$g#68"), GDB_BAD);
    CHECK_EQ(take("$g#x"), GDB_BAD);
    CHECK_EQ(take("$g#67"), GDB_PACKET);
}

TEST(escaped_bytes_are_data)
{
    CHECK_EQ(take("$X}\x03}\x04}]#33"), GDB_PACKET); /* # $ } */
    CHECK_EQ(reader.length, 4);
    CHECK(!strcmp(reader.data, "X#$}"));
}

TEST(bytes_between_packets_have_meanings)
{
    CHECK_EQ(take("+"), GDB_ACK);
    CHECK_EQ(take("-"), GDB_NAK);
    CHECK_EQ(take("\x03"), GDB_INTERRUPT);
    CHECK_EQ(take("hello#"), GDB_NOTHING);
    CHECK_EQ(take("$m1\x03"), GDB_NOTHING); /* inside it is data */
    CHECK_EQ(take("$g#67"), GDB_PACKET);    /* and a new packet begins anew */
}

TEST(what_is_too_long_is_told_and_forgotten)
{
    unsigned sum = 0;
    take("$");
    for (unsigned i = 0; i < GDB_PACKET_MAX + 1000; i++) {
        CHECK_EQ(gdb_take(&reader, 'a'), GDB_NOTHING);
        sum += 'a';
    }
    char end[8];
    snprintf(end, sizeof(end), "#%02x", sum & 255);
    CHECK_EQ(take(end), GDB_LONG);
    CHECK_EQ(reader.length, GDB_PACKET_MAX);
    CHECK_EQ(take("$g#67"), GDB_PACKET);
}

TEST(a_reply_is_framed_and_escaped)
{
    static struct gdb_text text;
    static char out[2 * GDB_PACKET_MAX + 4];
    text.length = 0;
    gdb_put(&text, "a%d", 1);
    gdb_put_hex(&text, "\x7f\x00", 2);
    gdb_put_bytes(&text, "#*", 2);
    size_t length = gdb_frame(&text, out);
    CHECK_EQ(length, 14);
    CHECK(!memcmp(out, "$a17f00}\x03}\x0a#", 12));
    out[length] = 0;
    CHECK_EQ(take(out), GDB_PACKET);
    CHECK(!strcmp(reader.data, "a17f00#*"));
    for (unsigned i = 0; i < 2 * GDB_PACKET_MAX; i++)
        gdb_put_bytes(&text, "}", 1);
    CHECK_EQ(text.length, GDB_PACKET_MAX);
    CHECK(gdb_frame(&text, out) <= sizeof(out));
}

TEST(numbers_are_hexadecimal)
{
    const char *text = "7c00,Ff";
    u64 value;
    CHECK(gdb_number(&text, &value));
    CHECK_EQ(value, 0x7c00);
    CHECK(!gdb_number(&text, &value));
    CHECK(gdb_skip(&text, ','));
    CHECK(gdb_number(&text, &value));
    CHECK_EQ(value, 0xff);
    text = "12345678123456789";
    CHECK(!gdb_number(&text, &value));
    u8 bytes[2];
    text = "12f";
    CHECK(!gdb_bytes(&text, bytes, 2));
    text = "12f4";
    CHECK(gdb_bytes(&text, bytes, 2));
    CHECK_EQ(bytes[1], 0xf4);
}

UNIT_MAIN()
