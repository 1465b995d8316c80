/*
 * What every chip on the board tells about itself: a name, a reset, and a table of its guest-visible state.
 *
 * The table alone serves saving, loading, `info <device>`, reset checks and lockstep comparison.  Wires, pointers and
 * host handles are not in it.
 */
#ifndef MACHINE_DEVICE_H
#define MACHINE_DEVICE_H

#include "machine/types.h"

enum field_type {
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_BOOL,
    FIELD_BYTES, /* count bytes, shown as a dump */
    FIELD_TIMER, /* struct timer: saved as its deadline, re-armed on load */
    FIELD_MEMORY, /* u8 *: a chip's own memory; `count` is the offset of the u32 that holds its size */
};

struct field {
    const char *name;
    u32 offset; /* in the chip's state struct */
    u32 count;  /* array elements, or bytes; see FIELD_MEMORY */
    u8 type;
    u8 since; /* first state version that has it */
};

#define FIELD(kind, type, member) {#member, offsetof(type, member), 1, FIELD_##kind, 1}
#define FIELD_ARRAY(kind, type, member)                                                                                \
    {#member, offsetof(type, member), ARRAY_SIZE(((type *)0)->member), FIELD_##kind, 1}
#define FIELD_BLOB(type, member) {#member, offsetof(type, member), sizeof(((type *)0)->member), FIELD_BYTES, 1}
#define FIELD_MEMORY_OF(type, member, size) {#member, offsetof(type, member), offsetof(type, size), FIELD_MEMORY, 1}
#define FIELD_END {NULL, 0, 0, 0, 0}

struct device_ops {
    const char *name; /* "i8259" */
    u8 version;       /* of the state table */
    const struct field *fields;
    void (*reset)(void *state);             /* power-on and hard reset */
    void (*saving)(void *state);            /* before a save: bring the fields up to date; may be NULL */
    void (*loaded)(void *state);            /* after a load: derive outputs; may be NULL */
    int (*check)(const void *state);        /* after a load: 0, or -EINVAL if a value is out of range; may be NULL */
    /* One screenful of plain text for the monitor, or NULL: then the table is printed. */
    void (*info)(const void *state, void (*print)(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3), void *out);
};

struct device {
    const struct device_ops *ops;
    void *state;
    char id[32]; /* unique: "pic0", "com1" */
    struct device *next;
};

/* The machine's list.  `device` is part of the chip's owner and stays linked for the life of the machine. */
struct device_list {
    struct device *first, **last;
};

void device_add(struct device_list *list, struct device *device, const struct device_ops *ops, void *state,
                const char *id);
void device_reset_all(struct device_list *list);
struct device *device_find(struct device_list *list, const char *id);

#endif
