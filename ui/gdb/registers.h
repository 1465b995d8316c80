/*
 * The processor's registers in gdb's order, and their description for it (target.xml).
 *
 * A processor without long mode has the description of i386.  One with long mode has that of x86-64; outside of long mode
 * the names of i386 are in it, too, so that `set architecture i8086` and `i386` work, and `i386:x86-64` after the
 * guest has gone to 64-bit mode: what the registers are on the wire does not change during a session.  (gdb 13 for Linux
 * aborts at `set architecture i386` on a description of x86-64, unless `set osabi none` comes first.)
 */
#ifndef UI_GDB_REGISTERS_H
#define UI_GDB_REGISTERS_H

#include "cpu/cpu.h"

enum gdb_layout { GDB_I386, GDB_X86_64, GDB_BOTH, GDB_AVX = 4 }; /* or-ed: the processor has YMM registers, too */

#define GDB_REGISTER_MAX 16  /* bytes of one */
#define GDB_XML_MAX 16384

/* What suits the CPU now. */
enum gdb_layout gdb_choose_layout(const struct cpu *cpu);
unsigned gdb_register_count(enum gdb_layout layout);
/* Bytes of register n, little endian, to data; 0: there is none. */
unsigned gdb_register_read(const struct cpu *cpu, enum gdb_layout layout, unsigned n, u8 *data);
/* False: no such register, or none that a debugger may write.  The CPU is in no engine. */
bool gdb_register_write(struct cpu *cpu, enum gdb_layout layout, unsigned n, const u8 *data);
/* The description; its length.  real: gdb is to begin with i8086, from which it goes to i386, but not back. */
size_t gdb_describe(enum gdb_layout layout, bool real, char xml[GDB_XML_MAX]);

#endif
