/*
 * Exit statistics: a small hash table of counters by port and page, and a list by name; when one is full, new keys share
 * one counter.
 */
#include "accel/exits.h"

#include <stdlib.h>
#include <string.h>

static struct exits_entry *find(struct exits *exits, enum exits_kind kind, u64 key)
{
    u64 at = (key * 0x9e3779b97f4a7c15ull + kind * 0x632be59bull) >> 40;
    for (unsigned i = 0; i < 8; i++) {
        struct exits_entry *entry = &exits->entries[(at + i) % EXITS_SLOTS];
        if (entry->kind == EXITS_FREE)
            *entry = (struct exits_entry){.kind = kind, .key = key};
        if (entry->kind == kind && entry->key == key)
            return entry;
    }
    return &exits->others;
}

static struct exits_entry *find_name(struct exits *exits, enum exits_kind kind, const char *name)
{
    for (unsigned i = 0; i < EXITS_NAMES; i++) {
        struct exits_entry *entry = &exits->names[i];
        if (entry->kind == EXITS_FREE)
            *entry = (struct exits_entry){.kind = kind, .name = name};
        if (entry->kind == kind && !strcmp(entry->name, name))
            return entry;
    }
    return &exits->others;
}

void exits_count(struct exits *exits, enum exits_kind kind, u64 key, u64 ns)
{
    struct exits_entry *entry = find(exits, kind, key);
    entry->count++;
    entry->ns += ns;
}

void exits_count_name(struct exits *exits, enum exits_kind kind, const char *name, u64 ns)
{
    struct exits_entry *entry = find_name(exits, kind, name);
    entry->count++;
    entry->ns += ns;
}

void exits_clear(struct exits *exits) { memset(exits, 0, sizeof(*exits)); }

/* --- tables --- */

/* Ports in and out share a table, so do pages read and written. */
static unsigned table_of(const struct exits_entry *entry)
{
    return entry->kind == EXITS_OUT ? EXITS_IN : entry->kind == EXITS_WRITE ? EXITS_READ : entry->kind;
}

/* The order is the same in every run that counted the same. */
static int compare(const void *a, const void *b)
{
    const struct exits_entry *x = *(const struct exits_entry *const *)a, *y = *(const struct exits_entry *const *)b;
    if (table_of(x) != table_of(y))
        return table_of(x) < table_of(y) ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->name && y->name)
        return strcmp(x->name, y->name);
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

void exits_print_head(exits_printer *print, void *out, const char *what)
{
    print(out, "%12s %12s %12s  %s\n", "count", "total ms", "mean us", what);
}

void exits_print_row(exits_printer *print, void *out, u64 count, u64 ns)
{
    print(out, "%12llu %12.3f %12.3f  ", (unsigned long long)count, (double)ns / 1e6,
          count ? (double)ns / 1e3 / (double)count : 0.0);
}

static void print_entry(const struct exits_entry *entry, exits_printer *print, void *out)
{
    static const char *const prefixes[EXITS_KINDS] = {
        [EXITS_IN] = "in", [EXITS_OUT] = "out", [EXITS_READ] = "read", [EXITS_WRITE] = "write"};
    exits_print_row(print, out, entry->count, entry->ns);
    if (entry->name)
        print(out, "%s\n", entry->name);
    else
        print(out, "%s 0x%llx\n", prefixes[entry->kind], (unsigned long long)entry->key);
}

static unsigned gather(const struct exits_entry *entries, unsigned size, const struct exits_entry **sorted, unsigned count)
{
    for (unsigned i = 0; i < size; i++)
        if (entries[i].kind != EXITS_FREE)
            sorted[count++] = &entries[i];
    return count;
}

void exits_print(const struct exits *exits, exits_printer *print, void *out)
{
    static const char *const titles[EXITS_KINDS] = {
        [EXITS_REASON] = "exit", [EXITS_IN] = "port", [EXITS_READ] = "page of registers", [EXITS_EVENT] = "event"};
    const struct exits_entry *sorted[EXITS_SLOTS + EXITS_NAMES];
    unsigned count = gather(exits->entries, EXITS_SLOTS, sorted, 0);
    count = gather(exits->names, EXITS_NAMES, sorted, count);
    qsort(sorted, count, sizeof(sorted[0]), compare);
    if (exits->entered)
        print(out, "entered %llu times, %.3f ms in the guest\n", (unsigned long long)exits->entered,
              (double)exits->ns_inside / 1e6);
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 || table_of(sorted[i - 1]) != table_of(sorted[i]))
            exits_print_head(print, out, titles[table_of(sorted[i])]);
        print_entry(sorted[i], print, out);
    }
    if (exits->others.count) {
        exits_print_row(print, out, exits->others.count, exits->others.ns);
        print(out, "others, by port or page: more than there is room for\n");
    }
}
