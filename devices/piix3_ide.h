/*
 * The IDE function of Intel's PIIX3: two ATA channels and their bus masters; see piix3_ide.c.
 */
#ifndef DEVICES_PIIX3_IDE_H
#define DEVICES_PIIX3_IDE_H

#include "devices/ide.h"
#include "machine/pci.h"

struct piix3_bus_master {
    /* Guest state. */
    u8 command, status;
    u32 table;       /* BMIDTP: physical address of the descriptor table */
    u32 next;        /* the descriptor to fetch next */
    u32 address;     /* of the current region */
    u32 left;        /* bytes of it */
    bool last;       /* the current region is the table's last */
    /* Wiring. */
    struct piix3_ide *ide;
    struct ide_channel *channel;
};

struct piix3_ide {
    struct pci_device pci;
    struct ide_channel channel[2];
    struct piix3_bus_master master[2];
    struct port_range ports; /* BAR4 */
    struct machine *machine;
    struct device device_entry;
};

/* Function 1 of slot 1 on machine->pci; irq: ISA 14 and 15.  Drives: ide_attach(&ide->channel[n], unit, ...). */
void piix3_ide_init(struct piix3_ide *ide, struct machine *machine, const struct irq irq[2]);

#endif
