/*
 * Firmware configuration device: how the board hands tables, option ROMs and kernels to the firmware.
 *
 * Source: PLATFORM.md 2.4 (docs/SOURCES.md), SeaBIOS src/fw/paravirt.c as the reader.
 * Modelled: selector and data ports, DMA, file directory.
 * Not modelled: items that the guest may write (a DMA write ends with ERROR), the memory-mapped form.
 */
#ifndef DEVICES_FW_CFG_H
#define DEVICES_FW_CFG_H

#include "machine/machine.h"

enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH = 0x8000,    /* the second space: x86 items */
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_HPET = 0x8004,
    FW_CFG_NAME_SIZE = 56,
};

struct fw_cfg_item {
    u8 *data; /* ours */
    u32 size;
};

struct fw_cfg_file {
    char name[FW_CFG_NAME_SIZE];
    struct fw_cfg_item item;
};

struct fw_cfg {
    /* Guest state. */
    u16 key;
    u32 offset; /* of the next byte in the selected item */
    u32 dma_high;
    /* Wiring and contents. */
    struct machine *machine;
    struct device device;
    struct fw_cfg_item generic[FW_CFG_FILE_FIRST], arch[FW_CFG_FILE_FIRST];
    struct fw_cfg_item directory;
    struct fw_cfg_file *files; /* sorted by name; file n has key 20h + n */
    int file_count;
    struct port_range select_port, data_port, dma_port;
};

void fw_cfg_init(struct fw_cfg *fw, struct machine *machine);
void fw_cfg_destroy(struct fw_cfg *fw);

/* All of these copy the data and are used before the machine runs; a second call for a key or name replaces the first.
 * Values are stored little-endian.  -ENOMEM, -EINVAL for a key or name that cannot be. */
int fw_cfg_add_bytes(struct fw_cfg *fw, u16 key, const void *data, u32 size);
int fw_cfg_add_u16(struct fw_cfg *fw, u16 key, u16 value);
int fw_cfg_add_u32(struct fw_cfg *fw, u16 key, u32 value);
int fw_cfg_add_u64(struct fw_cfg *fw, u16 key, u64 value);
int fw_cfg_add_file(struct fw_cfg *fw, const char *name, const void *data, u32 size);

/* What the guest would read, for tests: the item behind a key or NULL; a file's key or -ENOENT. */
const struct fw_cfg_item *fw_cfg_item(const struct fw_cfg *fw, u16 key);
int fw_cfg_file_key(const struct fw_cfg *fw, const char *name);

extern const struct device_ops fw_cfg_ops;

#endif
