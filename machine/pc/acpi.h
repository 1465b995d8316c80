/*
 * ACPI tables for the firmware, by way of fw_cfg.
 */
#ifndef MACHINE_PC_ACPI_H
#define MACHINE_PC_ACPI_H

#include "devices/fw_cfg.h"

struct acpi_config {
    u32 lowmem; /* end of RAM below 4 GiB */
    int cpus;
    bool has_apic; /* local APICs and an I/O APIC: a MADT says so */
    bool has_hpet;
    bool has_floppy, has_parallel, has_keyboard, has_mouse;
    unsigned serial_mask; /* bit n: COM(n+1) */
};

/* Adds etc/acpi/rsdp, etc/acpi/tables and etc/table-loader.  0 or -ENOMEM. */
int acpi_add_tables(struct fw_cfg *fw, const struct acpi_config *config);

#endif
