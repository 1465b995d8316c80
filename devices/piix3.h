/*
 * Intel 82371SB (PIIX3), function 0: PCI to ISA bridge, with the PIRQ router and the reset control register.
 *
 * Source: Intel 82371FB/82371SB PIIX/PIIX3 datasheet (290550), "PIRQx Route Control Registers", "Reset Control
 * Register".
 * Modelled: PIRQRC A-D, wired-OR of PCI interrupts with ISA lines, RC (port CF9) with soft and hard reset.
 * Not modelled: X-bus chip selects, ISA timing, motherboard device routing (70h, 71h), type F DMA: plain storage.
 * ELCR (4D0h, 4D1h) is in i8259.c.
 */
#ifndef DEVICES_PIIX3_H
#define DEVICES_PIIX3_H

#include "machine/machine.h"

#define PIIX3_SCI 16 /* line number of piix3_irq for the power management's SCI, which shares IRQ 9 */

struct piix3 {
    /* Guest state. */
    struct pci_device pci;
    u32 isa_levels;   /* bit n: ISA line n; bit 16: SCI */
    u8 pirq_levels;   /* bits 0-3: PIRQA-D */
    u8 reset_control; /* port CF9 */
    /* Wiring. */
    struct machine *machine;
    struct device device;
    struct irq out[16]; /* to the interrupt controllers */
    u16 out_levels;     /* what they were told */
    struct port_range cf9;
};

/* Sits at 00:01.0 of machine->pci, routes its PIRQs, and answers port CF9 (call after the bus has claimed CF8).
 * out[n] is input n of the two i8259s (0-7 and 8-15).  0 or -EBUSY. */
int piix3_init(struct piix3 *bridge, struct machine *machine, const struct irq out[16]);

/* The ISA bus line `line` (0-15), or PIIX3_SCI, for a chip to drive. */
struct irq piix3_irq(struct piix3 *bridge, int line);

extern const struct device_ops piix3_ops;

#endif
