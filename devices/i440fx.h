/*
 * Intel 82441FX (440FX PMC) host bridge: configuration space of 00:00.0, and the decoding of memory below 1 MiB.
 *
 * Source: Intel 440FX PCIset 82441FX (PMC) and 82442FX (DBX) datasheet (290549), "Register Description", "System
 * Address Map".
 * Modelled: PAM0-PAM6 with all four combinations of RE and WE, SMRAM D_OPEN, D_CLS and D_LCK, the RAM regions that the
 * bridge decodes.
 * Not modelled: DRAM timing and row boundaries (plain storage), AGP-less arbitration, error reporting, SMRAM seen only
 * by a CPU in SMM (G_SMRAME alone opens nothing).
 */
#ifndef DEVICES_I440FX_H
#define DEVICES_I440FX_H

#include "machine/machine.h"

#define I440FX_PAM_PIECES 13
#define I440FX_LOWMEM_LIMIT 0xe0000000ull /* RAM below this size is not split */
#define I440FX_LOWMEM_SPLIT 0xc0000000ull /* else so much stays below 4 GiB */

/* One piece of C0000-FFFFF.  At most one of the three regions is enabled; none means that PCI answers. */
struct i440fx_pam {
    struct region ram;        /* RE and WE */
    struct region read_only;  /* RE: writes go to PCI, where ROM drops them */
    struct region write_only; /* WE: reads come from PCI, writes reach RAM */
    u8 *host;                 /* the piece in RAM */
    u8 *flags;
    struct memory *memory;
};

struct i440fx {
    /* Guest state. */
    struct pci_device pci;
    /* Wiring. */
    struct machine *machine;
    struct device device;
    struct region low, high, above_4g, smram;
    struct i440fx_pam pam[I440FX_PAM_PIECES];
    u8 *empty; /* 16 KiB of FFh: what PCI answers where no ROM is */
    u8 empty_flags[16]; /* page flags of what is read in write-only pieces */
};

/* Bytes of RAM that lie below 4 GiB. */
u64 i440fx_lowmem(u64 ram_size);

/* Needs machine->ram (at least 1 MiB), ram_flags, ram_size and pci.  `rom` is the 128 KiB that PCI answers at
 * E0000-FFFFF, for "read ROM, write RAM".  0 or -ENOMEM or -EBUSY. */
int i440fx_init(struct i440fx *bridge, struct machine *machine, u8 *rom);
void i440fx_destroy(struct i440fx *bridge);

extern const struct device_ops i440fx_ops;

#endif
