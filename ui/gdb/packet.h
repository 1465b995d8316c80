/*
 * Packets of gdb's remote serial protocol: $DATA#CHECKSUM, acknowledged by + or -, and the interrupt byte between them.
 *
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol", "Overview".
 * Not modelled: run-length encoding, which a debugger may not send.
 */
#ifndef UI_GDB_PACKET_H
#define UI_GDB_PACKET_H

#include <stddef.h>

#include "cpu/types.h"

#define GDB_PACKET_MAX 0x4000u /* bytes of data in a packet, either way (PacketSize) */

enum gdb_input {
    GDB_NOTHING,
    GDB_PACKET, /* reader->data, reader->length; a 0 follows */
    GDB_BAD,    /* checksum */
    GDB_LONG,   /* more than GDB_PACKET_MAX */
    GDB_INTERRUPT,
    GDB_ACK,
    GDB_NAK,
};

struct gdb_reader {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
    char data[GDB_PACKET_MAX + 1];
    size_t length;
    bool overflow;
    u8 sum, wanted;
};

/* Takes the next byte; says what it completed. */
enum gdb_input gdb_take(struct gdb_reader *reader, u8 byte);

/* A reply under construction; what does not fit is left out. */
struct gdb_text {
    char data[GDB_PACKET_MAX + 1];
    size_t length;
};

void gdb_put(struct gdb_text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gdb_put_bytes(struct gdb_text *text, const void *data, size_t length); /* as they are */
void gdb_put_hex(struct gdb_text *text, const void *data, size_t length);
/* The packet on the wire: at most 2 * length + 4 bytes at `out`; returns how many. */
size_t gdb_frame(const struct gdb_text *text, char *out);

/* A hexadecimal number of 1 to 16 digits; false: there is none. */
bool gdb_number(const char **text, u64 *value);
/* `length` bytes of two digits each; false: there are not so many. */
bool gdb_bytes(const char **text, void *data, size_t length);
/* Takes the character if it is next. */
bool gdb_skip(const char **text, char c);

#endif
