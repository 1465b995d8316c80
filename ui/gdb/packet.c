#include "ui/gdb/packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* --- receiving --- */

static enum gdb_input take_outside(struct gdb_reader *reader, u8 byte)
{
    switch (byte) {
    case '$':
        reader->state = GDB_DATA;
        reader->length = 0;
        reader->sum = 0;
        reader->overflow = false;
        return GDB_NOTHING;
    case '+': return GDB_ACK;
    case '-': return GDB_NAK;
    case 3: return GDB_INTERRUPT;
    default: return GDB_NOTHING;
    }
}

static void keep(struct gdb_reader *reader, u8 byte)
{
    if (reader->length == GDB_PACKET_MAX)
        reader->overflow = true;
    else
        reader->data[reader->length++] = (char)byte;
}

static void take_data(struct gdb_reader *reader, u8 byte)
{
    if (byte == '#') {
        reader->state = GDB_SUM1;
        return;
    }
    reader->sum += byte;
    if (reader->state == GDB_ESCAPED)
        keep(reader, byte ^ 0x20);
    else if (byte != '}')
        keep(reader, byte);
    reader->state = byte == '}' && reader->state == GDB_DATA ? GDB_ESCAPED : GDB_DATA;
}

static enum gdb_input take_sum(struct gdb_reader *reader, u8 byte)
{
    int value = digit((char)byte);
    bool last = reader->state == GDB_SUM2;
    if (value < 0) {
        reader->state = GDB_IDLE;
        return GDB_BAD;
    }
    reader->wanted = (u8)(reader->wanted << 4 | value);
    reader->state = last ? GDB_IDLE : GDB_SUM2;
    if (!last)
        return GDB_NOTHING;
    reader->data[reader->length] = 0;
    if (reader->wanted != reader->sum)
        return GDB_BAD;
    return reader->overflow ? GDB_LONG : GDB_PACKET;
}

enum gdb_input gdb_take(struct gdb_reader *reader, u8 byte)
{
    if (reader->state == GDB_IDLE || byte == '$') /* in a packet it is escaped: a new one begins */
        return take_outside(reader, byte);
    if (reader->state == GDB_DATA || reader->state == GDB_ESCAPED) {
        take_data(reader, byte);
        return GDB_NOTHING;
    }
    return take_sum(reader, byte);
}

/* --- sending --- */

void gdb_put_bytes(struct gdb_text *text, const void *data, size_t length)
{
    length = MIN(length, GDB_PACKET_MAX - text->length);
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

void gdb_put(struct gdb_text *text, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    gdb_put_bytes(text, line, strlen(line));
}

void gdb_put_hex(struct gdb_text *text, const void *data, size_t length)
{
    const u8 *bytes = data;
    for (size_t i = 0; i < length; i++) {
        char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        gdb_put_bytes(text, pair, 2);
    }
}

size_t gdb_frame(const struct gdb_text *text, char *out)
{
    u8 sum = 0;
    char *p = out;
    *p++ = '$';
    for (size_t i = 0; i < text->length; i++) {
        char c = text->data[i];
        if (strchr("#$}*", c) && c) {
            *p++ = '}';
            sum += '}';
            c ^= 0x20;
        }
        *p++ = c;
        sum += (u8)c;
    }
    *p++ = '#';
    *p++ = digits[sum >> 4];
    *p++ = digits[sum & 15];
    return (size_t)(p - out);
}

/* --- parsing --- */

bool gdb_number(const char **text, u64 *value)
{
    unsigned count = 0;
    int next;
    *value = 0;
    for (; (next = digit(**text)) >= 0; (*text)++) {
        if (++count > 16)
            return false;
        *value = *value << 4 | (unsigned)next;
    }
    return count > 0;
}

bool gdb_bytes(const char **text, void *data, size_t length)
{
    u8 *bytes = data;
    for (size_t i = 0; i < length; i++, *text += 2) {
        int high = digit((*text)[0]), low = high < 0 ? -1 : digit((*text)[1]);
        if (low < 0)
            return false;
        bytes[i] = (u8)(high << 4 | low);
    }
    return true;
}

bool gdb_skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}
