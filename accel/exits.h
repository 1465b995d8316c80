/*
 * Why the guest was left, how often, and what serving it took (info exits, -accel kvm,stats=on).
 */
#ifndef ACCEL_EXITS_H
#define ACCEL_EXITS_H

#include "cpu/types.h"

enum exits_kind { EXITS_FREE, EXITS_REASON, EXITS_IN, EXITS_OUT, EXITS_READ, EXITS_WRITE, EXITS_EVENT, EXITS_KINDS };

#define EXITS_SLOTS 512

struct exits {
    bool timed; /* stats=on: the time counts too */
    struct exits_entry {
        enum exits_kind kind;
        u64 key; /* a port, a physical page, or the address of a literal's text */
        u64 count, ns;
    } entries[EXITS_SLOTS];
    u64 lost; /* found no room */
};

void exits_count(struct exits *exits, enum exits_kind kind, u64 key, u64 ns);
/* `name` must be a literal. */
void exits_count_name(struct exits *exits, enum exits_kind kind, const char *name, u64 ns);
/* By kind, most frequent first. */
void exits_print(const struct exits *exits, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out);
void exits_clear(struct exits *exits);

#endif
