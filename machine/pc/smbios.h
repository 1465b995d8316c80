/*
 * SMBIOS tables for the firmware, by way of fw_cfg.
 */
#ifndef MACHINE_PC_SMBIOS_H
#define MACHINE_PC_SMBIOS_H

#include "devices/fw_cfg.h"
#include "machine/pc/config.h"

struct smbios_config {
    u64 ram_size;
    int cpus;
    struct system_config system;
};

/* Adds etc/smbios/smbios-anchor and etc/smbios/smbios-tables.  0 or -ENOMEM. */
int smbios_add_tables(struct fw_cfg *fw, const struct smbios_config *config);

#endif
