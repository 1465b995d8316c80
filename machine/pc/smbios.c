/*
 * SMBIOS 2.8: system, chassis, processors, memory.
 *
 * Source: DMTF DSP0134, System Management BIOS Reference Specification 2.8.0.
 * Type 0, BIOS information, is left to the BIOS, which knows its own version and adds it.
 */
#include "machine/pc/smbios.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "devices/i440fx.h"

enum {
    TYPE_SYSTEM = 1,
    TYPE_CHASSIS = 3,
    TYPE_PROCESSOR = 4,
    TYPE_MEMORY_ARRAY = 16,
    TYPE_MEMORY_DEVICE = 17,
    TYPE_MEMORY_MAPPING = 19,
    TYPE_BOOT = 32,
    TYPE_END = 127,
};

#define UNKNOWN 0x02
#define ANCHOR_SIZE 31
#define DEVICE_MAX (16ull << 30) /* of one memory device */
#define HANDLE(type, index) ((type) << 8 | (index))

struct smbios {
    u8 data[8192];
    u32 size;
    u32 current;  /* the structure being written */
    u32 largest;
    int strings;  /* in it */
    int count;
};

static void set(struct smbios *smbios, u32 offset, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        smbios->data[smbios->current + offset + i] = value >> (8 * i);
}

/* The formatted area, zeroed; strings follow it. */
static void begin(struct smbios *smbios, u8 type, u16 handle, u8 length)
{
    assert(smbios->size + length + 256 <= sizeof(smbios->data));
    smbios->current = smbios->size;
    smbios->strings = 0;
    smbios->size += length;
    set(smbios, 0, type, 1);
    set(smbios, 1, length, 1);
    set(smbios, 2, handle, 2);
}

/* Adds a string and its number to the field at `offset`. */
static void text(struct smbios *smbios, u32 offset, const char *string)
{
    size_t size = strlen(string) + 1;
    assert(smbios->size + size + 2 <= sizeof(smbios->data));
    memcpy(smbios->data + smbios->size, string, size);
    smbios->size += size;
    set(smbios, offset, ++smbios->strings, 1);
}

/* The set of strings ends with an empty one; an empty set is two zeros. */
static void end(struct smbios *smbios)
{
    smbios->size += smbios->strings ? 1 : 2;
    smbios->largest = MAX(smbios->largest, smbios->size - smbios->current);
    smbios->count++;
}

/* No string where nobody gave one. */
static void text_if(struct smbios *smbios, u32 offset, const char *string)
{
    if (string)
        text(smbios, offset, string);
}

static void add_system(struct smbios *smbios, const struct system_config *system)
{
    begin(smbios, TYPE_SYSTEM, HANDLE(TYPE_SYSTEM, 0), 27);
    text(smbios, 0x04, system->manufacturer ? system->manufacturer : "Clutch");
    text(smbios, 0x05, system->product ? system->product : "PC (i440FX + PIIX3)");
    text(smbios, 0x06, system->version ? system->version : "1");
    text_if(smbios, 0x07, system->serial);
    text_if(smbios, 0x19, system->sku);
    text_if(smbios, 0x1a, system->family);
    set(smbios, 0x18, 0x06, 1); /* woken by the power switch */
    end(smbios);
}

static void add_chassis(struct smbios *smbios)
{
    begin(smbios, TYPE_CHASSIS, HANDLE(TYPE_CHASSIS, 0), 22);
    text(smbios, 0x04, "Clutch");
    set(smbios, 0x05, 0x01, 1); /* other */
    set(smbios, 0x09, 0x03, 1); /* boot-up state: safe */
    set(smbios, 0x0a, 0x03, 1); /* power supply: safe */
    set(smbios, 0x0b, 0x03, 1); /* thermal: safe */
    set(smbios, 0x0c, UNKNOWN, 1);
    end(smbios);
}

static void add_processor(struct smbios *smbios, int index)
{
    char socket[24];
    snprintf(socket, sizeof(socket), "CPU %d", index);
    begin(smbios, TYPE_PROCESSOR, HANDLE(TYPE_PROCESSOR, index), 42);
    text(smbios, 0x04, socket);
    set(smbios, 0x05, 0x03, 1); /* central processor */
    set(smbios, 0x06, 0x01, 1); /* family: other */
    text(smbios, 0x07, "Clutch");
    set(smbios, 0x18, 0x41, 1); /* socket populated, CPU enabled */
    set(smbios, 0x19, 0x01, 1); /* upgrade: other */
    set(smbios, 0x1a, 0xffff, 2);
    set(smbios, 0x1c, 0xffff, 2);
    set(smbios, 0x1e, 0xffff, 2); /* no cache handles */
    set(smbios, 0x23, 1, 1);
    set(smbios, 0x24, 1, 1);
    set(smbios, 0x25, 1, 1); /* one core, enabled, of one thread */
    set(smbios, 0x26, UNKNOWN << 1, 2);
    end(smbios);
}

static void add_memory_array(struct smbios *smbios, u64 ram_size, int devices)
{
    begin(smbios, TYPE_MEMORY_ARRAY, HANDLE(TYPE_MEMORY_ARRAY, 0), 23);
    set(smbios, 0x04, 0x01, 1); /* location: other */
    set(smbios, 0x05, 0x03, 1); /* system memory */
    set(smbios, 0x06, 0x03, 1); /* no error correction */
    set(smbios, 0x07, ram_size >> 10, 4);
    set(smbios, 0x0b, 0xfffe, 2); /* no error information */
    set(smbios, 0x0d, devices, 2);
    end(smbios);
}

static void add_memory_device(struct smbios *smbios, int index, u64 size)
{
    char locator[24];
    snprintf(locator, sizeof(locator), "DIMM %d", index);
    begin(smbios, TYPE_MEMORY_DEVICE, HANDLE(TYPE_MEMORY_DEVICE, index), 40);
    set(smbios, 0x04, HANDLE(TYPE_MEMORY_ARRAY, 0), 2);
    set(smbios, 0x06, 0xfffe, 2);
    set(smbios, 0x08, 0xffff, 2); /* widths unknown */
    set(smbios, 0x0a, 0xffff, 2);
    set(smbios, 0x0c, MIN(size >> 20, 0x7fff), 2); /* MiB; 16 GiB fits */
    set(smbios, 0x0e, 0x09, 1); /* DIMM */
    text(smbios, 0x10, locator);
    set(smbios, 0x12, 0x07, 1); /* RAM */
    set(smbios, 0x13, 0x02, 2); /* detail: other */
    end(smbios);
}

static void add_memory_mapping(struct smbios *smbios, int index, u64 start, u64 size, int devices)
{
    begin(smbios, TYPE_MEMORY_MAPPING, HANDLE(TYPE_MEMORY_MAPPING, index), 31);
    set(smbios, 0x04, start >> 10, 4);
    set(smbios, 0x08, ((start + size) >> 10) - 1, 4);
    set(smbios, 0x0c, HANDLE(TYPE_MEMORY_ARRAY, 0), 2);
    set(smbios, 0x0e, devices, 1);
    end(smbios);
}

static void add_memory(struct smbios *smbios, u64 ram_size)
{
    u64 low = i440fx_lowmem(ram_size), left = ram_size;
    int devices = (ram_size + DEVICE_MAX - 1) / DEVICE_MAX;
    add_memory_array(smbios, ram_size, devices);
    for (int i = 0; i < devices; i++) {
        add_memory_device(smbios, i, MIN(left, DEVICE_MAX));
        left -= MIN(left, DEVICE_MAX);
    }
    add_memory_mapping(smbios, 0, 0, low, devices);
    if (ram_size > low)
        add_memory_mapping(smbios, 1, 1ull << 32, ram_size - low, devices);
}

static void add_last(struct smbios *smbios)
{
    begin(smbios, TYPE_BOOT, HANDLE(TYPE_BOOT, 0), 11);
    end(smbios);
    begin(smbios, TYPE_END, HANDLE(TYPE_END, 0), 4);
    end(smbios);
}

static u8 checksum(const u8 *data, u32 size)
{
    u8 sum = 0;
    for (u32 i = 0; i < size; i++)
        sum += data[i];
    return -sum;
}

/* "SMBIOS Structure Table Entry Point"; the BIOS puts the table's address in and mends the checksums. */
static void build_anchor(u8 anchor[ANCHOR_SIZE], const struct smbios *smbios)
{
    memset(anchor, 0, ANCHOR_SIZE);
    memcpy(anchor, "_SM_", 4);
    anchor[0x05] = ANCHOR_SIZE;
    anchor[0x06] = 2;
    anchor[0x07] = 8;
    anchor[0x08] = smbios->largest;
    anchor[0x09] = smbios->largest >> 8;
    memcpy(anchor + 0x10, "_DMI_", 5);
    anchor[0x16] = smbios->size;
    anchor[0x17] = smbios->size >> 8;
    anchor[0x1c] = smbios->count;
    anchor[0x1d] = smbios->count >> 8;
    anchor[0x1e] = 0x28;
    anchor[0x15] = checksum(anchor + 0x10, 15);
    anchor[0x04] = checksum(anchor, ANCHOR_SIZE);
}

int smbios_add_tables(struct fw_cfg *fw, const struct smbios_config *config)
{
    struct smbios smbios = {0};
    u8 anchor[ANCHOR_SIZE];
    add_system(&smbios, &config->system);
    add_chassis(&smbios);
    for (int i = 0; i < MAX(config->cpus, 1); i++)
        add_processor(&smbios, i);
    add_memory(&smbios, config->ram_size);
    add_last(&smbios);
    build_anchor(anchor, &smbios);

    int r = fw_cfg_add_file(fw, "etc/smbios/smbios-tables", smbios.data, smbios.size);
    return r ? r : fw_cfg_add_file(fw, "etc/smbios/smbios-anchor", anchor, sizeof(anchor));
}
