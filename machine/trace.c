/*
 * Tracing by category: the mask, the parser of -d, and the line writer.
 *
 * Lines may come from any thread; each is built first and written at once under a lock.
 */
#include "machine/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/error.h"

u64 trace_mask;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *file; /* NULL: standard error */
static u64 limit;
static void (*mask_changed)(void);
static u64 lines[TRACE_COUNT];

static const char *const names[TRACE_COUNT] = {
#define X(id, name, help) [TRACE_##id] = name,
    TRACE_CATEGORIES(X)
#undef X
};

/* Spellings of QEMU's that mean one of ours. */
static const struct {
    const char *name;
    enum trace_category category;
} aliases[] = {
    {"guest_errors", TRACE_GUEST}, {"unassigned_mem", TRACE_UNASSIGNED}, {"reset", TRACE_RESET}, {"exec", TRACE_CPU},
    {"page", TRACE_MMU},
};

/* Called with the lock held: false once the category has used up its lines; says so once. */
static bool within_limit(FILE *out, enum trace_category category)
{
    u64 count = ++lines[category];
    if (!limit || count <= limit)
        return true;
    if (count == limit + 1)
        fprintf(out, "%s: more than %llu lines, the rest is dropped\n", names[category], (unsigned long long)limit);
    return false;
}

void trace_line(enum trace_category category, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    pthread_mutex_lock(&lock);
    FILE *out = file ? file : stderr;
    if (within_limit(out, category))
        fprintf(out, "%s: %s\n", names[category], line);
    pthread_mutex_unlock(&lock);
}

static int find_category(const char *name, size_t length)
{
    for (int i = 0; i < TRACE_COUNT; i++)
        if (strlen(names[i]) == length && !strncmp(names[i], name, length))
            return i;
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (strlen(aliases[i].name) == length && !strncmp(aliases[i].name, name, length))
            return aliases[i].category;
    return -1;
}

/* Levenshtein distance; names are short, longer words are cut. */
static unsigned distance(const char *a, size_t a_length, const char *b)
{
    enum { LONGEST = 31 };
    unsigned row[LONGEST + 1];
    size_t b_length = MIN(strlen(b), (size_t)LONGEST);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 0; i < MIN(a_length, (size_t)LONGEST); i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_length; j++) {
            unsigned change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
        }
    }
    return row[b_length];
}

static const char *nearest_name(const char *name, size_t length)
{
    const char *best = NULL;
    unsigned best_distance = ~0u;
    for (int i = 0; i < TRACE_COUNT; i++) {
        unsigned d = distance(name, length, names[i]);
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

static int select_one(const char *word, size_t length, u64 *mask, struct error *err)
{
    bool off = length && word[0] == '-';
    const char *name = word + off;
    length -= off;
    u64 bits;
    if (length == 3 && !strncmp(name, "all", 3)) {
        bits = (1ull << TRACE_COUNT) - 1;
    } else if (length == 4 && !strncmp(name, "none", 4)) {
        bits = 0;
    } else {
        int category = find_category(name, length);
        if (category < 0)
            return error_set(err, EINVAL, "-d %.*s: no such trace category; did you mean %s? (-d help lists them)",
                             (int)MIN(length, (size_t)100), name, nearest_name(name, length));
        bits = 1ull << category;
    }
    *mask = off ? *mask & ~bits : *mask | bits;
    return 0;
}

int trace_select(const char *list, struct error *err)
{
    u64 mask = trace_mask;
    for (const char *word = list;;) {
        size_t length = strcspn(word, ",");
        int ret = select_one(word, length, &mask, err);
        if (ret < 0)
            return ret;
        if (!word[length])
            break;
        word += length + 1;
    }
    trace_mask = mask;
    if (mask_changed)
        mask_changed();
    return 0;
}

void trace_on_select(void (*changed)(void))
{
    mask_changed = changed;
    changed();
}

int trace_open(const char *path, struct error *err)
{
    FILE *opened = fopen(path, "w");
    if (!opened)
        return error_set(err, errno, "-D %s: %s", path, strerror(errno));
    setvbuf(opened, NULL, _IOLBF, 0); /* whole lines even if we are killed */
    pthread_mutex_lock(&lock);
    FILE *old = file;
    file = opened;
    pthread_mutex_unlock(&lock);
    if (old)
        fclose(old);
    return 0;
}

void trace_help(void)
{
#define X(id, name, help) printf("%-12s %s\n", name, help);
    TRACE_CATEGORIES(X)
#undef X
    printf("%-12s %s\n", "all", "all of them; -NAME takes one away");
}

void trace_set_limit(u64 count)
{
    pthread_mutex_lock(&lock);
    limit = count;
    pthread_mutex_unlock(&lock);
}
