/*
 * Intel 8237A DMA controllers: the PC's pair with page registers.  See i8237.c for source and coverage.
 */
#ifndef DEVICES_I8237_H
#define DEVICES_I8237_H

#include "machine/machine.h"

struct i8237_channel {
    /* Guest state. */
    u16 base_address, base_count;
    u16 address, count; /* count is one less than the transfers left; FFFF after terminal count */
    u8 mode;
    /* Wiring. */
    void (*granted)(void *opaque);
    void *opaque;
    void (*look)(void *opaque);
    void *look_opaque;
};

struct i8237 {
    /* Guest state; [0] is the controller of channels 0-3, [1] of 4-7; channel 4 is the cascade. */
    struct i8237_channel channel[8];
    u8 command[2], terminal[2], mask[2];
    bool flip_flop[2];
    u8 requests; /* DREQ, a bit for each channel */
    u8 page[16]; /* ports 80-8f as written */
    /* Wiring. */
    struct memory *memory;
    struct device device;
    struct port_range ports[3]; /* 00-0f, 80-8f, c0-df */
    int granting;               /* the channel whose client is being called, or -1 */
    bool again;                 /* meanwhile another one asked */
};

void i8237_init(struct i8237 *dma, struct machine *machine);

/* A device on channel 0-3 (bytes) or 5-7 (words).  granted() is called when the channel is requested, unmasked and
 * enabled; it may then move data by i8237_to_memory / i8237_from_memory, and lower its request when it has no more. */
void i8237_attach(struct i8237 *dma, int channel, void (*granted)(void *opaque), void *opaque);
/* look() is called before the guest reads the channel's address or count, for a device that moves data late. */
void i8237_on_look(struct i8237 *dma, int channel, void (*look)(void *opaque), void *opaque);
/* DREQ.  May call granted() before it returns; calling it from within granted() is fine. */
void i8237_request(struct i8237 *dma, int channel, bool level);
/* Move up to `length` bytes (even on channels 5-7) in the direction the channel is programmed for; returns bytes moved
 * (0: masked, not requested or wrong direction).  *terminal is set when terminal count (TC) was reached.
 * Verify transfers count but move nothing. */
u32 i8237_to_memory(struct i8237 *dma, int channel, const void *data, u32 length, bool *terminal);
u32 i8237_from_memory(struct i8237 *dma, int channel, void *data, u32 length, bool *terminal);
/* Transfers left in the current block, in bytes. */
u32 i8237_left(const struct i8237 *dma, int channel);

extern const struct device_ops i8237_ops;

#endif
