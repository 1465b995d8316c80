/*
 * Why the guest was left, how often, and what serving it took (info exits, -accel kvm,stats=on).
 */
#ifndef ACCEL_EXITS_H
#define ACCEL_EXITS_H

#include "cpu/types.h"

enum exits_kind { EXITS_FREE, EXITS_REASON, EXITS_IN, EXITS_OUT, EXITS_READ, EXITS_WRITE, EXITS_EVENT, EXITS_KINDS };

#define EXITS_SLOTS 512
#define EXITS_NAMES 48

typedef void exits_printer(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct exits {
    struct exits_entry {
        enum exits_kind kind;
        u64 key; /* a port or a physical page */
        const char *name; /* in its place; a literal */
        u64 count, ns;
    } entries[EXITS_SLOTS], names[EXITS_NAMES];
    struct exits_entry others; /* found no room */
    u64 entered, ns_inside; /* how often the guest was entered, and the host's time from there to the exit */
};

void exits_count(struct exits *exits, enum exits_kind kind, u64 key, u64 ns);
/* `name` must be a literal. */
void exits_count_name(struct exits *exits, enum exits_kind kind, const char *name, u64 ns);
/* A table for each kind, most frequent first; nothing if nothing was counted. */
void exits_print(const struct exits *exits, exits_printer *print, void *out);
/* A table's line of column heads, and one of its rows, which the caller ends. */
void exits_print_head(exits_printer *print, void *out, const char *what);
void exits_print_row(exits_printer *print, void *out, u64 count, u64 ns);
void exits_clear(struct exits *exits);

#endif
