/*
 * Exit statistics: a small hash table of counters; when it is full, new keys share one counter.
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
    return NULL;
}

void exits_count(struct exits *exits, enum exits_kind kind, u64 key, u64 ns)
{
    struct exits_entry *entry = find(exits, kind, key);
    if (!entry) {
        exits->lost++;
        return;
    }
    entry->count++;
    entry->ns += ns;
}

void exits_count_name(struct exits *exits, enum exits_kind kind, const char *name, u64 ns)
{
    exits_count(exits, kind, (uintptr_t)name, ns);
}

void exits_clear(struct exits *exits)
{
    memset(exits->entries, 0, sizeof(exits->entries));
    exits->lost = 0;
}

static int by_kind_and_count(const void *a, const void *b)
{
    const struct exits_entry *x = *(const struct exits_entry *const *)a, *y = *(const struct exits_entry *const *)b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->count > y->count ? -1 : x->count < y->count;
}

typedef void print_function(void *out, const char *fmt, ...);

static void print_entry(const struct exits *exits, const struct exits_entry *entry, print_function *print, void *out)
{
    static const char *const prefixes[EXITS_KINDS] = {
        [EXITS_IN] = "in ", [EXITS_OUT] = "out ", [EXITS_READ] = "read ", [EXITS_WRITE] = "write "};
    bool named = entry->kind == EXITS_REASON || entry->kind == EXITS_EVENT;
    if (named)
        print(out, "  %-28s", (const char *)(uintptr_t)entry->key);
    else
        print(out, "  %-6s%-22llx", prefixes[entry->kind], (unsigned long long)entry->key);
    print(out, "%12llu", (unsigned long long)entry->count);
    if (exits->timed)
        print(out, "%12llu us", (unsigned long long)entry->ns / 1000);
    print(out, "\n");
}

void exits_print(const struct exits *exits, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out)
{
    static const char *const titles[EXITS_KINDS] = {
        [EXITS_REASON] = "exits by reason", [EXITS_IN] = "by port", [EXITS_READ] = "by page", [EXITS_EVENT] = "events"};
    const struct exits_entry *sorted[EXITS_SLOTS];
    unsigned count = 0;
    for (unsigned i = 0; i < EXITS_SLOTS; i++)
        if (exits->entries[i].kind != EXITS_FREE)
            sorted[count++] = &exits->entries[i];
    qsort(sorted, count, sizeof(sorted[0]), by_kind_and_count);
    if (!count)
        print(out, "no exits: no engine that has any was in gear\n");
    for (unsigned i = 0; i < count; i++) {
        if ((i == 0 || sorted[i - 1]->kind != sorted[i]->kind) && titles[sorted[i]->kind])
            print(out, "%s:\n", titles[sorted[i]->kind]);
        print_entry(exits, sorted[i], print, out);
    }
    if (exits->lost)
        print(out, "  %llu others\n", (unsigned long long)exits->lost);
}
