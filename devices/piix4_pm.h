/*
 * Intel 82371AB (PIIX4), function 3: ACPI power management and SMBus host controller.
 *
 * Source: Intel 82371AB (PIIX4) datasheet (290562), "Power Management" and "SMBus" register descriptions; ACPI
 * specification 1.0b, "ACPI Hardware Specification".
 * Modelled: PM1 status/enable/control with SCI on IRQ 9, 24-bit PM timer with overflow, soft off (S5), power button,
 * APM command and status ports with ACPI enable/disable, an empty GPE0 block, an SMBus host with no slave on the bus.
 * Not modelled: SMI (APMC_EN reads 1 at reset so that firmware skips its SMI handler), device activity monitors,
 * S1-S3, throttling.
 */
#ifndef DEVICES_PIIX4_PM_H
#define DEVICES_PIIX4_PM_H

#include "machine/machine.h"

#define PIIX4_PM_TIMER_HZ 3579545
#define PIIX4_GPE0_BASE 0xafe0 /* where ACPI firmware of this board looks for GPE0: 2 bytes status, 2 bytes enable */
#define PIIX4_ACPI_ENABLE 0xf1 /* written to port B2 */
#define PIIX4_ACPI_DISABLE 0xf0

struct piix4_pm {
    /* Guest state. */
    struct pci_device pci;
    u16 pm1_status, pm1_enable, pm1_control;
    u16 gpe0_status, gpe0_enable;
    u32 general_output, global_control, device_control;
    u8 apm_command, apm_status;
    u64 timer_overflow; /* tick at which bit 23 of the PM timer next changes with TMR_STS clear */
    u8 smb_status, smb_control, smb_command, smb_address, smb_data0, smb_data1;
    u8 smb_block[32];
    u8 smb_index;
    /* Wiring. */
    struct machine *machine;
    struct device device;
    struct irq sci;
    struct timer timer;
    struct port_range io, smbus, apm, gpe0;
};

/* Sits at 00:01.3.  0 or -EBUSY. */
int piix4_pm_init(struct piix4_pm *pm, struct machine *machine, struct irq sci);
/* The user presses the power button. */
void piix4_pm_power_button(struct piix4_pm *pm);

extern const struct device_ops piix4_pm_ops;

#endif
