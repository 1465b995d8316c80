/*
 * The DSDT's definition block.
 */
#ifndef MACHINE_PC_DSDT_H
#define MACHINE_PC_DSDT_H

#include "machine/pc/acpi.h"
#include "machine/pc/aml.h"

/* Where the firmware puts the power management's I/O space (PLATFORM.md 2.2). */
#define DSDT_PM_BASE 0x600
#define DSDT_SMBUS_BASE 0x700

/* Appends the whole block, without the table's header. */
void dsdt_build(struct aml *aml, const struct acpi_config *config);

#endif
