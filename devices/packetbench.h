/*
 * For tests of the CD-ROM drive: a channel with one, packets sent to it, and what comes back.
 */
#ifndef DEVICES_PACKETBENCH_H
#define DEVICES_PACKETBENCH_H

#include "devices/ide.h"
#include "machine/machine.h"
#include "tests/unit.h"

enum { DATA = 0x170, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x376 };
enum { CHK = 0x01, DRQ = 0x08, READY = 0x50, BSY = 0x80 };
enum { C_D = 1, I_O = 2 };

static struct machine machine;
static struct ide_channel channel;
static struct block *disc; /* what waits for requests */
static bool line;

static inline void set_line(void *opaque, int number, bool level)
{
    line = level;
}

static inline u8 in(u16 port)
{
    return (u8)ioports_read(machine.ports, port, 1);
}

static inline void out(u16 port, u8 value)
{
    ioports_write(machine.ports, port, value, 1);
}

static inline void packet(const char *bytes, u16 limit)
{
    out(ERROR, 0);
    out(MID, (u8)limit);
    out(HIGH, (u8)(limit >> 8));
    out(STATUS, 0xa0);
    CHECK_EQ(in(STATUS), READY | DRQ);
    CHECK_EQ(in(COUNT), C_D);
    CHECK(!line);
    ioports_write_block(machine.ports, DATA, 2, bytes, 6);
    block_drain(disc);
    CHECK(line);
}

/* Reads what is offered, block by block; returns its length. */
static inline u32 receive(u8 *data, u32 room)
{
    u32 length = 0;
    while (in(STATUS)&DRQ) {
        CHECK_EQ(in(COUNT), I_O);
        u32 block = in(MID) | in(HIGH) << 8;
        if (length + block > room)
            abort();
        ioports_read_block(machine.ports, DATA, 2, data + length, (block + 1) / 2);
        length += block;
        block_drain(disc);
        CHECK(line);
    }
    CHECK_EQ(in(COUNT), C_D | I_O);
    return length;
}

static inline u32 be32(const u8 *at)
{
    return (u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static inline void check_sense(u8 key, u8 code)
{
    u8 sense[18];
    CHECK_EQ(in(STATUS), READY | CHK);
    CHECK_EQ(in(ERROR) >> 4, key);
    packet("\x03\0\0\0\x12\0\0\0\0\0\0", 0xfffe);
    CHECK_EQ(receive(sense, sizeof(sense)), 18);
    CHECK_EQ(sense[2], key);
    CHECK_EQ(sense[12], code);
}

#endif
