/*
 * What an i8042 port and a PS/2 device know of each other: bytes towards the device, bytes from it.
 */
#ifndef DEVICES_PS2_H
#define DEVICES_PS2_H

#include "machine/types.h"

#define PS2_QUEUE 32 /* power of two */

/* Bytes that a device wants to send. */
struct ps2_queue {
    u8 data[PS2_QUEUE];
    u8 head, count; /* head is masked where it is used */
};

static inline void ps2_queue_clear(struct ps2_queue *q)
{
    q->head = q->count = 0;
}
static inline unsigned ps2_queue_room(const struct ps2_queue *q)
{
    return q->count < PS2_QUEUE ? PS2_QUEUE - q->count : 0;
}

static inline bool ps2_queue_put(struct ps2_queue *q, u8 byte)
{
    if (q->count >= PS2_QUEUE)
        return false;
    q->data[(q->head + q->count++) % PS2_QUEUE] = byte;
    return true;
}

static inline int ps2_queue_get(struct ps2_queue *q)
{
    if (!q->count)
        return -1;
    u8 byte = q->data[q->head++ % PS2_QUEUE];
    q->count--;
    return byte;
}

/* The device's side of the plug. */
struct ps2_device {
    void (*write)(void *opaque, u8 byte); /* a byte from the host */
    int (*read)(void *opaque);            /* the next byte to the host, or -1 */
    void *opaque;
    /* Set by the controller: the device has something to send. */
    void (*ready)(void *controller);
    void *controller;
};

static inline void ps2_ready(struct ps2_device *dev)
{
    if (dev->ready)
        dev->ready(dev->controller);
}

/* What an 8042 makes of a set 2 code when it translates to set 1; bytes without a translation stay. */
u8 ps2_set1_from_set2(u8 code);
/* The set 2 code of a key that has this make code (01-7f) in set 1; 0 if none has. */
u8 ps2_set2_from_set1(u8 code);
/* The set 3 code of a key (enum of machine/input.h: KEY_E0 | set 1 make code); 0 if it has none. */
u8 ps2_set3_from_key(int key);

#endif
