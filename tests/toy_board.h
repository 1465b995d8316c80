/*
 * A board for tests of the processor: RAM, one page of registers that remember what was written, and ports that take
 * from and add to a buffer.  Every access that is not a plain one to RAM is counted.
 */
#ifndef TESTS_TOY_BOARD_H
#define TESTS_TOY_BOARD_H

#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

#define TOY_RAM (16u << 20)
#define TOY_MMIO 0x2000000u

static struct toy_board {
    u8 *ram;
    u8 flags[TOY_RAM >> 12];
    u8 registers[4096];
    u8 port_data[65536]; /* what IN gives and OUT leaves, from port_at on */
    unsigned port_at, single_accesses, block_elements;
} toy;

static inline void toy_page(void *board, u64 phys, struct cpu_page *page)
{
    *page = (struct cpu_page){0};
    if (phys < TOY_RAM)
        *page =
            (struct cpu_page){.host = toy.ram + (phys & ~0xfffull), .writable = true, .flags = &toy.flags[phys >> 12]};
}

static inline u64 toy_read(void *board, u64 phys, unsigned size)
{
    u64 value = ~0ull;
    toy.single_accesses++;
    if (phys - TOY_MMIO <= sizeof(toy.registers) - size)
        memcpy(&value, &toy.registers[phys - TOY_MMIO], size);
    return value;
}

static inline void toy_write(void *board, u64 phys, u64 value, unsigned size)
{
    toy.single_accesses++;
    if (phys - TOY_MMIO <= sizeof(toy.registers) - size)
        memcpy(&toy.registers[phys - TOY_MMIO], &value, size);
}

static inline u8 *toy_port(unsigned bytes)
{
    u8 *at = &toy.port_data[toy.port_at & 0x7fff];
    toy.port_at += bytes;
    return at;
}

static inline u32 toy_in(void *board, u16 port, unsigned size)
{
    u32 value = 0;
    toy.single_accesses++;
    memcpy(&value, toy_port(size), size);
    return value;
}

static inline void toy_out(void *board, u16 port, u32 value, unsigned size)
{
    toy.single_accesses++;
    memcpy(toy_port(size), &value, size);
}

static inline void toy_in_block(void *board, u16 port, unsigned size, void *data, unsigned count)
{
    toy.block_elements += count;
    memcpy(data, toy_port(size * count), (size_t)size * count);
}

static inline void toy_out_block(void *board, u16 port, unsigned size, const void *data, unsigned count)
{
    toy.block_elements += count;
    memcpy(toy_port(size * count), data, (size_t)size * count);
}

static inline int toy_acknowledge(void *board)
{
    return 0;
}
static inline u64 toy_tsc(void *board)
{
    return 0;
}
static inline int toy_signal(void *board, enum cpu_signal signal, int value)
{
    return 0;
}

static const struct cpu_bus toy_bus = {
    .page = toy_page,
    .read = toy_read,
    .write = toy_write,
    .in = toy_in,
    .out = toy_out,
    .in_block = toy_in_block,
    .out_block = toy_out_block,
    .acknowledge = toy_acknowledge,
    .tsc = toy_tsc,
    .signal = toy_signal,
};

/* A fresh processor on a cleared board. */
static inline struct cpu *toy_cpu(const char *model)
{
    static char why[200];
    u8 *ram = toy.ram;
    if (!ram)
        ram = malloc(TOY_RAM);
    memset(ram, 0, 1 << 20);
    toy = (struct toy_board){.ram = ram};
    return cpu_create(model, NULL, &toy_bus, NULL, why);
}

/* 32-bit protected mode, flat segments, ring 0, no paging, EIP = eip; no IDT: an exception ends in shutdown. */
static inline void toy_enter_flat32(struct cpu *cpu, u32 eip)
{
    for (enum seg seg = ES; seg <= GS; seg++) {
        u16 type = seg == CS ? SEG_CODE | SEG_READABLE : SEG_WRITABLE;
        u16 access = type | SEG_P | SEG_S | SEG_ACCESSED | SEG_DB | SEG_G;
        cpu->seg[seg] = (struct segment){.limit = 0xffffffff, .selector = 8, .access = access};
    }
    cpu->cr0 = CR0_PE | CR0_ET;
    cpu->idtr.limit = 0;
    cpu->rip = eip;
    cpu->rflags = 2;
    cpu_state_changed(cpu);
}

#endif
