/*
 * Our own ROMs: every roms/NAME.S, assembled at build time and linked into the program (build/roms/roms.c).
 */
#ifndef MACHINE_PC_ROMS_H
#define MACHINE_PC_ROMS_H

#include "machine/types.h"

struct rom {
    const char *name; /* the file's name without .S */
    const u8 *data;
    u32 size;
};

/* NULL if there is none of that name. */
const struct rom *rom_find(const char *name);

#endif
