/*
 * Inside the gdb server: one session, its commands (stub.c) and its queries (query.c).
 */
#ifndef UI_GDB_SESSION_H
#define UI_GDB_SESSION_H

#include "devices/char/char.h"
#include "ui/gdb/gdb.h"
#include "ui/gdb/packet.h"
#include "ui/gdb/registers.h"
#include "ui/monitor.h"

/* Bits of Qqemu.sstep, QEMU's names. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4 };

struct gdb {
    struct machine *machine;
    struct accel *accel;
    struct chardev *chr;
    struct accel_listener listener;
    struct gdb_reader reader;
    struct gdb_text reply;
    bool attached;  /* a packet has come: this is a gdb */
    bool waiting;   /* it let the machine go on and waits for a stop */
    bool no_acks;
    bool busy;      /* inside a command */
    bool answered;  /* the command has sent its reply itself */
    bool physical;  /* m, M, X: physical addresses */
    unsigned sstep;
    enum gdb_layout layout;
    char xml[GDB_XML_MAX];
    size_t xml_length;
    char *out;      /* what chr has not taken yet */
    size_t out_length, out_capacity;
    char last[2 * GDB_PACKET_MAX + 4]; /* the last packet, for when it is asked for again */
    size_t last_length;
    struct monitor *monitor; /* for qRcmd */
    struct chardev console;  /* its output */
};

struct cpu *gdb_cpu(struct gdb *gdb);
/* Sends gdb->reply as a packet. */
void gdb_send(struct gdb *gdb);
void gdb_ok(struct gdb *gdb);
void gdb_error(struct gdb *gdb, int code);
/* q and Q packets, without that letter; an empty reply: not known. */
void gdb_query(struct gdb *gdb, const char *text);
void gdb_set(struct gdb *gdb, const char *text);
void gdb_query_close(struct gdb *gdb);

#endif
