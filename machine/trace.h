/*
 * Tracing by category (-d LIST, -D FILE).  Cheap when off: one load and one branch on trace_mask.
 */
#ifndef MACHINE_TRACE_H
#define MACHINE_TRACE_H

#include "machine/types.h"

/* X(enumerator, name after -d, help) */
#define TRACE_CATEGORIES(X)                                                                                            \
    X(GUEST, "guest", "guest programs a device wrongly")                                                               \
    X(UNIMP, "unimp", "guest asks for what is not modelled")                                                           \
    X(INT, "int", "interrupts and exceptions")                                                                         \
    X(CPU, "cpu", "every instruction with its registers (slow)")                                                       \
    X(IN_ASM, "in_asm", "every block as it is decoded, disassembled")                                                  \
    X(RESET, "cpu_reset", "CPU and machine resets")                                                                    \
    X(MMU, "mmu", "page faults and TLB flushes")                                                                       \
    X(TASK, "task", "hardware task switches")                                                                          \
    X(SMC, "smc", "writes to pages that hold decoded code")                                                            \
    X(IO, "io", "port accesses")                                                                                       \
    X(MMIO, "mmio", "accesses to memory-mapped registers")                                                             \
    X(UNASSIGNED, "unassigned", "accesses that nothing answers")                                                       \
    X(PCI, "pci", "PCI configuration")                                                                                 \
    X(PIC, "pic", "8259 interrupt controllers")                                                                        \
    X(PIT, "pit", "8254 timer")                                                                                        \
    X(RTC, "rtc", "clock and CMOS")                                                                                    \
    X(KBD, "kbd", "keyboard controller, keyboard, mouse")                                                              \
    X(SERIAL, "serial", "UARTs")                                                                                       \
    X(IDE, "ide", "IDE commands")                                                                                      \
    X(FDC, "fdc", "floppy controller")                                                                                 \
    X(DMA, "dma", "8237 DMA")                                                                                          \
    X(VGA, "vga", "VGA registers")                                                                                     \
    X(FWCFG, "fw_cfg", "firmware configuration device")                                                                \
    X(ACPI, "acpi", "power management")                                                                                \
    X(APIC, "apic", "local and I/O APIC")                                                                              \
    X(TIMER, "timer", "virtual clock and timers")                                                                      \
    X(AUDIO, "audio", "sound chips and the mixer")                                                                     \
    X(BLOCK, "block", "host side of disks")                                                                            \
    X(ACCEL, "accel", "engines, exits, gear changes")

enum trace_category {
#define X(id, name, help) TRACE_##id,
    TRACE_CATEGORIES(X)
#undef X
        TRACE_COUNT
};

extern u64 trace_mask;

#define trace_on(category) unlikely(trace_mask &(1ull << TRACE_##category))
/* trace(PIC, "imr=%02x", imr): one line, newline added. */
#define trace(category, ...)                                                                                           \
    do {                                                                                                               \
        if (trace_on(category))                                                                                        \
            trace_line(TRACE_##category, __VA_ARGS__);                                                                 \
    } while (0)

void trace_line(enum trace_category category, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct error;
/* Comma-separated names ("int,pic", "all", "-io" takes one away); QEMU's guest_errors is guest.  0 or -EINVAL. */
int trace_select(const char *list, struct error *err);
/* Calls `changed` now and after every trace_select: for who keeps a mask of its own (the CPU). */
void trace_on_select(void (*changed)(void));
/* Send trace lines to a file (default: standard error).  0 or -errno. */
int trace_open(const char *path, struct error *err);
/* Prints the categories with their help to standard output (-d help). */
void trace_help(void);
/* Flood guard: of one category, at most this many lines a run (0: no limit, the default). */
void trace_set_limit(u64 lines);

#endif
