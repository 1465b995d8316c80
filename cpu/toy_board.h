/*
 * For tests of cpu/: a processor on a board of 16 MiB RAM, with a register window and ports that remember what
 * happened to them, and a way to call what raises faults.
 */
#ifndef CPU_TOY_BOARD_H
#define CPU_TOY_BOARD_H

#include <stdlib.h>
#include <string.h>

#include "cpu/mmu.h"
#include "tests/unit.h"

#define TOY_RAM 0x1000000u
#define TOY_MMIO 0xe0000000u /* one page of registers */
#define TOY_LOGGED 0x800000u /* one page of RAM with a dirty log, like a frame buffer */

struct toy {
    u8 ram[TOY_RAM];
    u8 flags[TOY_RAM >> 12];
    u64 mmio_value, mmio_address;
    unsigned mmio_size, mmio_reads, mmio_writes;
    u64 port_value;
    u16 port;
    unsigned triple_faults;
    int vector; /* what INTA answers */
    u64 tsc;
    struct cpu *cpu;
    u64 apic[3]; /* by enum cpu_apic */
};

static void toy_page(void *board, u64 phys, struct cpu_page *page)
{
    struct toy *toy = board;
    *page = (struct cpu_page){0};
    if (phys >= TOY_RAM)
        return;
    *page = (struct cpu_page){.host = toy->ram + phys, .writable = true, .flags = &toy->flags[phys >> 12]};
    page->log_dirty = phys == TOY_LOGGED;
}

static u64 toy_read(void *board, u64 phys, unsigned size)
{
    struct toy *toy = board;
    u64 value = ~0ull;
    if (phys + size <= TOY_RAM) {
        value = 0;
        memcpy(&value, toy->ram + phys, size);
    } else if (phys >> 12 == TOY_MMIO >> 12) {
        toy->mmio_reads++;
        toy->mmio_address = phys;
        toy->mmio_size = size;
        value = toy->mmio_value;
    }
    return value;
}

static void toy_write(void *board, u64 phys, u64 value, unsigned size)
{
    struct toy *toy = board;
    if (phys + size <= TOY_RAM) {
        memcpy(toy->ram + phys, &value, size);
    } else if (phys >> 12 == TOY_MMIO >> 12) {
        toy->mmio_writes++;
        toy->mmio_address = phys;
        toy->mmio_size = size;
        toy->mmio_value = value;
    }
}

static u32 toy_in(void *board, u16 port, unsigned size)
{
    struct toy *toy = board;
    toy->port = port;
    return (u32)toy->port_value;
}

static void toy_out(void *board, u16 port, u32 value, unsigned size)
{
    struct toy *toy = board;
    toy->port = port;
    toy->port_value = value;
}

static int toy_acknowledge(void *board)
{
    struct toy *toy = board;
    cpu_set_intr(toy->cpu, false);
    return toy->vector;
}

static u64 toy_tsc(void *board) { return ((struct toy *)board)->tsc; }

static int toy_signal(void *board, enum cpu_signal signal, int value)
{
    struct toy *toy = board;
    toy->triple_faults += signal == CPU_SIGNAL_TRIPLE_FAULT;
    return 0;
}

static u64 toy_apic_read(void *board, enum cpu_apic reg) { return ((struct toy *)board)->apic[reg]; }
static void toy_apic_write(void *board, enum cpu_apic reg, u64 value) { ((struct toy *)board)->apic[reg] = value; }

static const struct cpu_bus toy_bus = {
    .page = toy_page, .read = toy_read, .write = toy_write, .in = toy_in, .out = toy_out,
    .acknowledge = toy_acknowledge, .tsc = toy_tsc, .signal = toy_signal,
    .apic_read = toy_apic_read, .apic_write = toy_apic_write,
};

static inline struct toy *toy_create(const char *model, const char *features)
{
    char why[200];
    struct toy *toy = calloc(1, sizeof(*toy));
    toy->cpu = cpu_create(model, features, &toy_bus, toy, why);
    if (!toy->cpu) {
        printf("%s\n", why);
        exit(1);
    }
    return toy;
}

static inline void toy_destroy(struct toy *toy)
{
    cpu_destroy(toy->cpu);
    free(toy);
}

static inline void poke(struct toy *toy, u32 phys, u64 value, unsigned size) { memcpy(toy->ram + phys, &value, size); }

static inline u64 peek(const struct toy *toy, u32 phys, unsigned size)
{
    u64 value = 0;
    memcpy(&value, toy->ram + phys, size);
    return value;
}

#define NO_FAULT (-1)
/* Evaluates to the vector that the statement raised, or NO_FAULT; cpu->fault.error has the error code. */
#define FAULT_OF(cpu, statement)                                                                                       \
    ({                                                                                                                 \
        volatile int fault_vector = NO_FAULT;                                                                          \
        (cpu)->fault.error = 0xdead;                                                                                   \
        if (setjmp((cpu)->recover) == 0) {                                                                             \
            statement;                                                                                                 \
        } else {                                                                                                       \
            fault_vector = (cpu)->fault.vector;                                                                        \
        }                                                                                                              \
        fault_vector;                                                                                                  \
    })

#define CHECK_FAULT(cpu, statement, want_vector, want_error)                                                           \
    do {                                                                                                               \
        int got_vector = FAULT_OF(cpu, statement);                                                                     \
        CHECK_EQ(got_vector, want_vector);                                                                             \
        CHECK_EQ((cpu)->fault.error, want_error);                                                                      \
    } while (0)
#define CHECK_NO_FAULT(cpu, statement) CHECK_EQ(FAULT_OF(cpu, statement), NO_FAULT)

/* A descriptor as it lies in memory.  access: bits 40-47; flags: bits 52-55 (G 8, D/B 4, L 2). */
static inline u64 toy_descriptor(u32 base, u32 limit, u8 access, u8 flags)
{
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
           (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static inline u64 toy_gate(u16 selector, u32 offset, u8 access, unsigned parameters)
{
    return (offset & 0xffff) | (u64)selector << 16 | (u64)parameters << 32 | (u64)access << 40 |
           (u64)(offset >> 16) << 48;
}

/* A flat protected-mode world: GDT at 0x1000, IDT at 0x2000, 32-bit TSS at 0x3000. */
enum {
    TOY_GDT = 0x1000,
    TOY_IDT = 0x2000,
    TOY_TSS = 0x3000,
    TOY_CODE0 = 0x08,
    TOY_DATA0 = 0x10,
    TOY_CODE3 = 0x1b,
    TOY_DATA3 = 0x23,
    TOY_TSS_SELECTOR = 0x28,
    TOY_FREE = 0x30, /* descriptors from here on are the test's */
    TOY_STACK0 = 0x9000,
    TOY_STACK3 = 0xa000,
};

static inline void toy_set_descriptor(struct toy *toy, u16 selector, u64 descriptor)
{
    poke(toy, TOY_GDT + (selector & 0xfff8), descriptor, 8);
}

static inline void toy_set_gate(struct toy *toy, u8 vector, u64 gate) { poke(toy, TOY_IDT + vector * 8u, gate, 8); }

static inline void toy_set_cpl(struct toy *toy, unsigned cpl)
{
    struct cpu *cpu = toy->cpu;
    struct descriptor d;
    u16 code = cpl ? TOY_CODE3 : TOY_CODE0, data = cpl ? TOY_DATA3 : TOY_DATA0;
    descriptor_read(cpu, code, &d);
    segment_install_code(cpu, code, &d, cpl);
    descriptor_read(cpu, data, &d);
    for (enum seg seg = ES; seg <= GS; seg++)
        if (seg != CS)
            segment_fill(&cpu->seg[seg], data, &d);
    cpu->gpr[RSP] = cpl ? TOY_STACK3 : TOY_STACK0;
    cpu_update_mode(cpu);
}

static inline void toy_protected_mode(struct toy *toy)
{
    struct cpu *cpu = toy->cpu;
    toy_set_descriptor(toy, TOY_CODE0, toy_descriptor(0, 0xfffff, 0x9b, 0xc));
    toy_set_descriptor(toy, TOY_DATA0, toy_descriptor(0, 0xfffff, 0x93, 0xc));
    toy_set_descriptor(toy, TOY_CODE3, toy_descriptor(0, 0xfffff, 0xfb, 0xc));
    toy_set_descriptor(toy, TOY_DATA3, toy_descriptor(0, 0xfffff, 0xf3, 0xc));
    toy_set_descriptor(toy, TOY_TSS_SELECTOR, toy_descriptor(TOY_TSS, 0x2067, 0x89, 0));
    poke(toy, TOY_TSS + 4, TOY_STACK0, 4);
    poke(toy, TOY_TSS + 8, TOY_DATA0, 2);
    cpu->gdtr = (struct descriptor_table){.base = TOY_GDT, .limit = 0xff};
    cpu->idtr = (struct descriptor_table){.base = TOY_IDT, .limit = 0x7ff};
    cpu->cr0 |= CR0_PE;
    toy_set_cpl(toy, 0);
    tr_load(cpu, TOY_TSS_SELECTOR);
    set_rip(cpu, 0x5000);
}

#endif
