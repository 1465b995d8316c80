/*
 * The gdb server: a session with gdb, or another debugger that speaks its remote protocol.
 *
 * Everything runs on the loop's thread with the machine lock held; a packet that looks at the processor pauses it.  A
 * connection alone changes nothing: the machine stops at the first packet, and goes on when gdb detaches or vanishes.
 * Software breakpoints (Z0) are breakpoints like the others (Z1): nothing is written into the guest's code.
 *
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol".
 * Modelled: ? c C D g G H k m M p P q Q s S T vCont X z0-z4 Z0-Z4, Ctrl-C, one processor as one thread, all-stop mode.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/gdb/session.h"

#define REGISTERS_MAX 128u
#define OUT_MAX (4u << 20) /* what may wait for a gdb that does not read */

struct cpu *gdb_cpu(struct gdb *gdb) { return gdb->machine->cpus[0]; }

/* --- output --- */

static void flush(struct gdb *gdb)
{
    size_t taken = chardev_write(gdb->chr, gdb->out, gdb->out_length);
    gdb->out_length -= taken;
    memmove(gdb->out, gdb->out + taken, gdb->out_length);
}

static void put_out(struct gdb *gdb, const char *data, size_t length)
{
    if (gdb->out_length + length > OUT_MAX)
        return;
    if (gdb->out_length + length > gdb->out_capacity) {
        size_t capacity = 2 * (gdb->out_length + length);
        char *larger = realloc(gdb->out, capacity);
        if (!larger)
            return;
        gdb->out = larger;
        gdb->out_capacity = capacity;
    }
    memcpy(gdb->out + gdb->out_length, data, length);
    gdb->out_length += length;
    flush(gdb);
}

void gdb_send(struct gdb *gdb)
{
    gdb->last_length = gdb_frame(&gdb->reply, gdb->last);
    put_out(gdb, gdb->last, gdb->last_length);
}

void gdb_ok(struct gdb *gdb) { gdb_put(&gdb->reply, "OK"); }
void gdb_error(struct gdb *gdb, int code) { gdb_put(&gdb->reply, "E%02x", code & 0xff); }

/* --- stops --- */

static void put_watchpoint(struct gdb *gdb, const struct point *point)
{
    static const char *const names[] = {[POINT_WRITE] = "watch", [POINT_READ] = "rwatch", [POINT_ACCESS] = "awatch"};
    if (point->kind != POINT_EXECUTE && point->kind < ARRAY_SIZE(names))
        gdb_put(&gdb->reply, "%s:%llx;", names[point->kind], (unsigned long long)point->address);
}

/* Signals by gdb's numbers: 2 SIGINT, 3 SIGQUIT, 5 SIGTRAP. */
static void put_stop(struct gdb *gdb)
{
    static const u8 signals[] = {[ACCEL_STOP_USER] = 2, [ACCEL_STOP_STEP] = 5, [ACCEL_STOP_BREAKPOINT] = 5,
                                 [ACCEL_STOP_WATCHPOINT] = 5, [ACCEL_STOP_POWER_OFF] = 3};
    struct accel_stop stop = accel_last_stop(gdb->accel);
    gdb_put(&gdb->reply, "T%02xthread:1;", signals[stop.reason]);
    if (stop.reason == ACCEL_STOP_WATCHPOINT && stop.point.owner == POINT_OF_GDB)
        put_watchpoint(gdb, &stop.point);
}

static void state_changed(void *opaque)
{
    struct gdb *gdb = opaque;
    if (!gdb->waiting || gdb->machine->state != RUN_STOPPED)
        return;
    gdb->waiting = false;
    gdb->reply.length = 0;
    put_stop(gdb);
    gdb_send(gdb);
}

static void resume(struct gdb *gdb)
{
    gdb->waiting = true;
    accel_set_state(gdb->accel, RUN_RUNNING);
}

static void step(struct gdb *gdb)
{
    gdb->waiting = true;
    if (gdb->machine->state == RUN_STOPPED)
        accel_step(gdb->accel, !(gdb->sstep & SSTEP_NOIRQ));
}

/* --- registers and memory --- */

static void read_registers(struct gdb *gdb)
{
    u8 data[GDB_REGISTER_MAX];
    unsigned length;
    for (unsigned n = 0; (length = gdb_register_read(gdb_cpu(gdb), gdb->layout, n, data)); n++)
        gdb_put_hex(&gdb->reply, data, length);
}

/* Of two names of one register, whichever differs from what it was. */
static void write_registers(struct gdb *gdb, const char *text)
{
    u8 before[REGISTERS_MAX][GDB_REGISTER_MAX], data[GDB_REGISTER_MAX];
    unsigned lengths[REGISTERS_MAX], count = MIN(gdb_register_count(gdb->layout), REGISTERS_MAX);
    for (unsigned n = 0; n < count; n++)
        lengths[n] = gdb_register_read(gdb_cpu(gdb), gdb->layout, n, before[n]);
    for (unsigned n = 0; *text && n < count; n++) {
        if (!gdb_bytes(&text, data, lengths[n]))
            return gdb_error(gdb, EINVAL);
        if (memcmp(before[n], data, lengths[n]))
            gdb_register_write(gdb_cpu(gdb), gdb->layout, n, data);
    }
    gdb_ok(gdb);
}

static void read_register(struct gdb *gdb, const char *text)
{
    u8 data[GDB_REGISTER_MAX];
    u64 n;
    unsigned length = gdb_number(&text, &n) && n < 1000 ? gdb_register_read(gdb_cpu(gdb), gdb->layout, (unsigned)n, data) : 0;
    if (length)
        gdb_put_hex(&gdb->reply, data, length);
    else
        gdb_error(gdb, EINVAL);
}

static void write_register(struct gdb *gdb, const char *text)
{
    u8 data[GDB_REGISTER_MAX];
    u64 n;
    if (!gdb_number(&text, &n) || n >= 1000 || !gdb_skip(&text, '='))
        return gdb_error(gdb, EINVAL);
    unsigned length = gdb_register_read(gdb_cpu(gdb), gdb->layout, (unsigned)n, data);
    if (length && gdb_bytes(&text, data, length) && gdb_register_write(gdb_cpu(gdb), gdb->layout, (unsigned)n, data))
        gdb_ok(gdb);
    else
        gdb_error(gdb, EINVAL);
}

static bool access_memory(struct gdb *gdb, u64 address, u8 *data, unsigned length, bool write)
{
    if (!gdb->physical)
        return write ? cpu_write_debug(gdb_cpu(gdb), address, data, length)
                     : cpu_read_debug(gdb_cpu(gdb), address, data, length);
    struct memory *memory = gdb->machine->memory;
    if (write)
        memory_write(memory, address, data, length);
    else
        memory_read(memory, address, data, length);
    return true;
}

static bool take_range(const char **text, u64 *address, u64 *length)
{
    return gdb_number(text, address) && gdb_skip(text, ',') && gdb_number(text, length);
}

/* Pieces up to the end of a page: what lies before an unmapped one is readable. */
static void read_memory(struct gdb *gdb, const char *text)
{
    u64 address, length;
    u8 data[0x1000];
    if (!take_range(&text, &address, &length))
        return gdb_error(gdb, EINVAL);
    length = MIN(length, GDB_PACKET_MAX / 2);
    while (length) {
        unsigned piece = (unsigned)MIN(length, 0x1000 - (address & 0xfff));
        if (!access_memory(gdb, address, data, piece, false))
            break;
        gdb_put_hex(&gdb->reply, data, piece);
        address += piece;
        length -= piece;
    }
    if (length && !gdb->reply.length)
        gdb_error(gdb, EFAULT);
}

static void write_memory(struct gdb *gdb, const char *text, bool binary)
{
    u64 address, length;
    u8 data[GDB_PACKET_MAX];
    const char *end = gdb->reader.data + gdb->reader.length;
    if (!take_range(&text, &address, &length) || !gdb_skip(&text, ':') || length > sizeof(data))
        return gdb_error(gdb, EINVAL);
    if (binary ? (u64)(end - text) != length : !gdb_bytes(&text, data, length))
        return gdb_error(gdb, EINVAL);
    if (binary)
        memcpy(data, text, length);
    if (access_memory(gdb, address, data, (unsigned)length, true))
        gdb_ok(gdb);
    else
        gdb_error(gdb, EFAULT);
}

/* --- breakpoints and watchpoints --- */

/* What is longer than a watchpoint is several. */
static int change_points(struct gdb *gdb, bool add, u8 kind, u64 address, u64 length)
{
    struct point point = {.address = address, .kind = kind, .length = 1, .owner = POINT_OF_GDB};
    if (kind == POINT_EXECUTE)
        return add ? debugger_add(gdb_cpu(gdb), &point) : debugger_remove(gdb_cpu(gdb), &point);
    if (!length || length > 8 * DEBUGGER_POINTS)
        return -EINVAL;
    for (u64 at = 0; at < length; at += point.length) {
        point.address = address + at;
        point.length = (u8)MIN(length - at, 8);
        int r = add ? debugger_add(gdb_cpu(gdb), &point) : debugger_remove(gdb_cpu(gdb), &point);
        if (r < 0) {
            if (add && at)
                change_points(gdb, false, kind, address, at);
            return r;
        }
    }
    return 0;
}

static void change_point(struct gdb *gdb, const char *text, bool add)
{
    static const u8 kinds[] = {POINT_EXECUTE, POINT_EXECUTE, POINT_WRITE, POINT_READ, POINT_ACCESS};
    u64 type, address, length;
    if (!gdb_number(&text, &type) || !gdb_skip(&text, ',') || !take_range(&text, &address, &length))
        return gdb_error(gdb, EINVAL);
    if (type >= ARRAY_SIZE(kinds))
        return;
    int r = change_points(gdb, add, kinds[type], address, length);
    if (r < 0 && add)
        gdb_error(gdb, -r);
    else
        gdb_ok(gdb);
}

/* --- commands --- */

static void go_to(struct gdb *gdb, const char *text)
{
    u64 address;
    if (gdb_number(&text, &address))
        gdb_cpu(gdb)->rip = gdb_cpu(gdb)->next_rip = address;
}

/* Of a list of actions with threads, the first one that is for our only thread, which all are. */
static void vcont(struct gdb *gdb, const char *text)
{
    if (!strcmp(text, "?")) {
        gdb_put(&gdb->reply, "vCont;c;C;s;S");
        return;
    }
    if (!gdb_skip(&text, ';'))
        return gdb_error(gdb, EINVAL);
    if (*text == 's' || *text == 'S')
        step(gdb);
    else if (*text == 'c' || *text == 'C')
        resume(gdb);
    else
        gdb_error(gdb, EINVAL);
}

/* After C and S: SIGNAL[;ADDRESS]. */
static const char *after_signal(const char *text)
{
    const char *address = strchr(text, ';');
    return address ? address + 1 : "";
}

static void leave(struct gdb *gdb)
{
    if (!gdb->attached)
        return;
    gdb->attached = gdb->waiting = gdb->no_acks = gdb->physical = false;
    debugger_remove_all(gdb_cpu(gdb), POINT_OF_GDB);
    if (gdb->machine->state == RUN_STOPPED)
        accel_set_state(gdb->accel, RUN_RUNNING);
}

static void end_machine(struct gdb *gdb)
{
    gdb->attached = false;
    gdb->machine->state = RUN_QUIT;
    machine_kick(gdb->machine);
}

static void detach(struct gdb *gdb)
{
    gdb_ok(gdb);
    gdb_send(gdb);
    gdb->answered = true;
    leave(gdb);
}

static void thread_alive(struct gdb *gdb, const char *text)
{
    u64 thread;
    if (gdb_number(&text, &thread) && thread == 1)
        gdb_ok(gdb);
    else
        gdb_error(gdb, ESRCH);
}

/* An empty reply: not known. */
static void command(struct gdb *gdb, char letter, const char *text)
{
    switch (letter) {
    case '?': put_stop(gdb); break;
    case 'c': go_to(gdb, text), resume(gdb); break;
    case 'C': go_to(gdb, after_signal(text)), resume(gdb); break;
    case 's': go_to(gdb, text), step(gdb); break;
    case 'S': go_to(gdb, after_signal(text)), step(gdb); break;
    case 'D': detach(gdb); break;
    case 'g': read_registers(gdb); break;
    case 'G': write_registers(gdb, text); break;
    case 'H': gdb_ok(gdb); break;
    case 'k': end_machine(gdb); break;
    case 'm': read_memory(gdb, text); break;
    case 'M': write_memory(gdb, text, false); break;
    case 'X': write_memory(gdb, text, true); break;
    case 'p': read_register(gdb, text); break;
    case 'P': write_register(gdb, text); break;
    case 'q': gdb_query(gdb, text); break;
    case 'Q': gdb_set(gdb, text); break;
    case 'T': thread_alive(gdb, text); break;
    case 'v':
        if (!strncmp(text, "Cont", 4))
            vcont(gdb, text + 4);
        break;
    case 'Z': change_point(gdb, text, true); break;
    case 'z': change_point(gdb, text, false); break;
    }
}

/* --- a session --- */

static void begin(struct gdb *gdb)
{
    gdb->attached = true;
    gdb->sstep = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;
    accel_set_state(gdb->accel, RUN_STOPPED);
}

/* The description is for the mode in which gdb asks for it first. */
static void describe(struct gdb *gdb)
{
    gdb->layout = gdb_choose_layout(gdb_cpu(gdb));
    gdb->xml_length = gdb_describe(gdb->layout, !(gdb_cpu(gdb)->cr0 & CR0_PE), gdb->xml);
}

static void obey(struct gdb *gdb)
{
    bool first = !gdb->attached;
    if (first)
        begin(gdb);
    gdb->reply.length = 0;
    gdb->answered = false;
    gdb->busy = true;
    accel_pause(gdb->accel);
    if (first)
        describe(gdb);
    command(gdb, gdb->reader.data[0], gdb->reader.data + (gdb->reader.length > 0));
    accel_resume(gdb->accel);
    gdb->busy = false;
    if (!gdb->waiting && !gdb->answered && gdb->machine->state != RUN_QUIT)
        gdb_send(gdb);
}

static void acknowledge(struct gdb *gdb, char how)
{
    if (!gdb->no_acks)
        put_out(gdb, &how, 1);
}

static void take(struct gdb *gdb, u8 byte)
{
    switch (gdb_take(&gdb->reader, byte)) {
    case GDB_PACKET:
        acknowledge(gdb, '+');
        obey(gdb);
        break;
    case GDB_LONG:
        acknowledge(gdb, '+');
        gdb->reply.length = 0;
        gdb_error(gdb, EINVAL);
        gdb_send(gdb);
        break;
    case GDB_BAD: acknowledge(gdb, '-'); break;
    case GDB_NAK:
        if (!gdb->no_acks)
            put_out(gdb, gdb->last, gdb->last_length);
        break;
    case GDB_INTERRUPT:
        if (gdb->attached)
            accel_set_state(gdb->accel, RUN_STOPPED);
        break;
    case GDB_ACK:
    case GDB_NOTHING: break;
    }
}

/* Nothing is taken from a gdb that does not read. */
static size_t room(void *opaque)
{
    struct gdb *gdb = opaque;
    return gdb->out_length ? 0 : 1024;
}

static void receive(void *opaque, const u8 *data, size_t length)
{
    struct gdb *gdb = opaque;
    for (size_t i = 0; i < length && gdb->machine->state != RUN_QUIT; i++)
        take(gdb, data[i]);
}

static void writable(void *opaque)
{
    struct gdb *gdb = opaque;
    flush(gdb);
    if (!gdb->out_length)
        chardev_accept_input(gdb->chr);
}

static void event(void *opaque, enum char_event event)
{
    struct gdb *gdb = opaque;
    if (event != CHAR_OPENED && event != CHAR_CLOSED)
        return;
    gdb->out_length = gdb->last_length = 0;
    gdb->reader.state = GDB_IDLE;
    if (event == CHAR_OPENED || !gdb->attached)
        return;
    accel_pause(gdb->accel);
    leave(gdb);
    accel_resume(gdb->accel);
}

bool gdb_is_busy(const struct gdb *gdb) { return gdb->busy; }

struct gdb *gdb_open(struct machine *machine, struct accel *accel, struct chardev *chr)
{
    struct gdb *gdb = calloc(1, sizeof(*gdb));
    if (!gdb)
        return NULL;
    gdb->machine = machine;
    gdb->accel = accel;
    gdb->chr = chr;
    gdb->listener = (struct accel_listener){.state_changed = state_changed, .opaque = gdb};
    accel_listen(accel, &gdb->listener);
    chr->user = (struct chardev_user){room, receive, event, writable, gdb};
    chardev_accept_input(chr);
    return gdb;
}

void gdb_close(struct gdb *gdb, int status)
{
    if (gdb->waiting && gdb->machine->state == RUN_QUIT) {
        gdb->reply.length = 0;
        gdb_put(&gdb->reply, "W%02x", status & 0xff);
        gdb_send(gdb);
    }
    accel_unlisten(gdb->accel, &gdb->listener);
    debugger_remove_all(gdb_cpu(gdb), POINT_OF_GDB);
    gdb_query_close(gdb);
    memset(&gdb->chr->user, 0, sizeof(gdb->chr->user));
    free(gdb->out);
    free(gdb);
}
