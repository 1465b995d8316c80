/*
 * PCI bus 0 with configuration mechanism #1 (ports CF8, CFC-CFF), BARs and INTx.
 *
 * Source: PCI Local Bus Specification 2.1, "Configuration Space".
 */
#ifndef MACHINE_PCI_H
#define MACHINE_PCI_H

#include "machine/device.h"
#include "machine/ioport.h"
#include "machine/irq.h"
#include "machine/memory.h"

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_MEM_PREFETCH, PCI_BAR_ROM };

struct pci_bar {
    enum pci_bar_kind kind;
    u32 size;               /* power of two */
    struct region *region;  /* memory and ROM BARs: owner's, placed by the bus */
    struct port_range *io;  /* I/O BARs: owner's */
};

struct pci_device {
    /* Guest state. */
    u8 config[256];
    /* Set up by the owner before pci_add. */
    const char *name;
    u8 devfn;            /* slot << 3 | function */
    u8 writable[256];    /* bits that a configuration write changes; pci_init fills the standard header */
    u8 clear_on_write[256];
    u8 reset_config[256]; /* config at reset */
    struct pci_bar bars[7]; /* 0-5, and 6 for the expansion ROM at 30h */
    void (*config_written)(struct pci_device *dev, unsigned reg, unsigned size); /* after the bytes changed; or NULL */
    void (*config_read)(struct pci_device *dev, unsigned reg, unsigned size);    /* before it is read; or NULL */
    void *opaque;
    struct pci_bus *bus;
    bool intx_level;
};

struct pci_bus;

struct pci_bus *pci_create(struct memory *memory, struct ioports *ports);
void pci_destroy(struct pci_bus *bus);

/* Fills vendor, device, class and the writable masks of a type 0 header, in config and reset_config. */
void pci_init(struct pci_device *dev, const char *name, u8 devfn, u16 vendor, u16 device, u8 revision, u32 class_code);
void pci_set_subsystem(struct pci_device *dev, u16 vendor, u16 id);
int pci_add(struct pci_bus *bus, struct pci_device *dev); /* -EBUSY if devfn is taken */
struct pci_device *pci_find(struct pci_bus *bus, u8 devfn);
/* Lowest free slot at or above `from` (PLATFORM.md: NICs start at 3), or -1. */
int pci_free_slot(struct pci_bus *bus, int from);

/* Config back to reset_config, BARs unmapped, INTx low. */
void pci_reset(struct pci_device *dev);
/* Re-map BARs after config was loaded as a block. */
void pci_loaded(struct pci_device *dev);
u32 pci_config_read(struct pci_bus *bus, u8 devfn, unsigned reg, unsigned size);
void pci_config_write(struct pci_bus *bus, u8 devfn, unsigned reg, u32 value, unsigned size);

/* Drive this function's INTA-D (config 3Dh).  The bus swizzles pin + slot and reports to the router (PIIX3). */
void pci_set_intx(struct pci_device *dev, bool level);
/* The router's input: pirq 0-3 with the wired-OR of all functions. */
void pci_set_router(struct pci_bus *bus, const struct irq pirq[4]);
void pci_each(struct pci_bus *bus, void (*show)(void *opaque, struct pci_device *dev), void *opaque);

extern const struct device_ops pci_host_ops; /* state: the bus's CF8 latch */

#endif
