/*
 * The processor's only door to the board.  machine/cpubus.c fills it for the real board; tests fill it with a toy one.
 * Every function is called from the CPU's own thread, without the machine lock; the board takes it where it must.
 */
#ifndef CPU_BUS_H
#define CPU_BUS_H

#include "cpu/types.h"

/* What a 4 KiB page of physical memory is for an engine. */
struct cpu_page {
    u8 *host;      /* host address of the page's first byte for plain reads; NULL: accesses go through read/write */
    bool writable; /* plain stores to host are allowed (RAM); if false, writes go through write() */
    bool log_dirty;/* stores must set flags[0] |= dirty bits each time: keep them on the slow path */
    u8 *flags;     /* the page's flag byte (PAGE_CODE ...), NULL if host is NULL */
};

/* Flag bits as machine/memory.h has them. */
#define CPU_PAGE_CODE 1
#define CPU_PAGE_DIRTY 0xfe

enum cpu_signal {
    CPU_SIGNAL_TRIPLE_FAULT, /* shutdown cycle */
    CPU_SIGNAL_FERR,         /* FERR# level in `value` (IRQ 13) */
    CPU_SIGNAL_IGNNE_QUERY,  /* returns 1 while IGNNE# is asserted */
};

/* Registers of the local APIC that the CPU reaches by instructions of their own. */
enum cpu_apic {
    CPU_APIC_BASE,     /* IA32_APIC_BASE (write only: the CPU keeps it) */
    CPU_APIC_TPR,      /* bits 7-4 are CR8 */
    CPU_APIC_DEADLINE, /* IA32_TSC_DEADLINE, in ticks of tsc(); 0: disarmed */
};

struct cpu_bus {
    void (*page)(void *board, u64 phys, struct cpu_page *page);
    u64 (*read)(void *board, u64 phys, unsigned size); /* 1, 2, 4 or 8 bytes, inside one page */
    void (*write)(void *board, u64 phys, u64 value, unsigned size);
    u32 (*in)(void *board, u16 port, unsigned size); /* 1, 2 or 4 */
    void (*out)(void *board, u16 port, u32 value, unsigned size);
    /* REP INS/OUTS: `count` elements at once; the same as that many in/out calls. */
    void (*in_block)(void *board, u16 port, unsigned size, void *data, unsigned count);
    void (*out_block)(void *board, u16 port, unsigned size, const void *data, unsigned count);
    int (*acknowledge)(void *board); /* INTA: the vector 0-255, or -1 if there is none any more */
    u64 (*tsc)(void *board);         /* time-stamp counter ticks since power-on */
    int (*signal)(void *board, enum cpu_signal signal, int value);
    /* A store of this CPU hit a page whose flag byte says CODE: tell the other CPUs (may be NULL with one CPU). */
    void (*code_written)(void *board, u64 phys, unsigned length);
    /* The local APIC.  NULL: the board has none. */
    u64 (*apic_read)(void *board, enum cpu_apic reg);
    void (*apic_write)(void *board, enum cpu_apic reg, u64 value);
};

/* Tracing (-d), in the board's words: the categories that cpu/ uses. */
enum cpu_trace {
    CPU_TRACE_INT,
    CPU_TRACE_CPU,
    CPU_TRACE_IN_ASM,
    CPU_TRACE_RESET,
    CPU_TRACE_MMU,
    CPU_TRACE_TASK,
    CPU_TRACE_SMC,
    CPU_TRACE_UNIMP,
    CPU_TRACE_GUEST,
    CPU_TRACE_COUNT
};

extern u32 cpu_trace_mask; /* bit per enum cpu_trace; defined in cpu/cpu.c, kept by machine/cpubus.c */
extern void (*cpu_trace_print)(enum cpu_trace category, const char *text);
#define cpu_tracing(category) unlikely(cpu_trace_mask &(1u << CPU_TRACE_##category))
#define cpu_trace(category, ...)                                                                                       \
    do {                                                                                                               \
        if (cpu_tracing(category))                                                                                     \
            cpu_trace_line(CPU_TRACE_##category, __VA_ARGS__);                                                         \
    } while (0)
void cpu_trace_line(enum cpu_trace category, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
