/*
 * What the board tells its firmware through fw_cfg: memory map, CPUs, boot order, sleep states, ROMs, the user's items.
 *
 * Source: PLATFORM.md 2.4, 2.8, 2.9 (docs/SOURCES.md).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/pc/acpi.h"
#include "machine/pc/board.h"
#include "machine/pc/roms.h"
#include "machine/pc/smbios.h"

#define E820_RAM 1
#define ROM_UNIT 512
#define ROM_MAX 0x10000
#define FW_CFG_FILE_LIMIT (256u << 20)

static void put_le(u8 *p, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = value >> (8 * i);
}

static void put_e820(u8 *entry, u64 address, u64 length)
{
    put_le(entry, address, 8);
    put_le(entry + 8, length, 8);
    put_le(entry + 16, E820_RAM, 4);
}

static int add_e820(struct pc *pc)
{
    u8 map[2 * 20];
    u64 ram = pc->machine->ram_size, low = pc->has_pci ? i440fx_lowmem(ram) : ram;
    put_e820(map, 0, low);
    put_e820(map + 20, 1ull << 32, ram - low);
    return fw_cfg_add_file(&pc->fw_cfg, "etc/e820", map, ram > low ? 40 : 20);
}

/* One byte a sleep state S0-S5: bit 7 present, low bits SLP_TYP (piix4_pm.c, _Sx in acpi.c). */
static int add_sleep_states(struct pc *pc)
{
    static const u8 states[6] = {0x80, 0x00, 0x00, 0x01, 0x82, 0x80};
    return fw_cfg_add_file(&pc->fw_cfg, "etc/system-states", states, sizeof(states));
}

/* What the firmware may tell of event timer blocks: their number, ff for "none", then ID, address, minimum tick and page
 * protection of eight. */
static int add_hpet(struct pc *pc)
{
    u8 blocks[1 + 8 * 15] = {pc->has_hpet ? 1 : 0xff};
    if (pc->has_hpet) {
        put_le(blocks + 1, HPET_ID, 4);
        put_le(blocks + 5, HPET_BASE, 8);
    }
    return fw_cfg_add_bytes(&pc->fw_cfg, FW_CFG_HPET, blocks, sizeof(blocks));
}

static int add_tables(struct pc *pc)
{
    const struct machine_config *config = pc->config;
    struct acpi_config acpi = {
        .lowmem = i440fx_lowmem(pc->machine->ram_size),
        .cpus = config->cpus,
        .has_apic = pc->has_apic,
        .has_hpet = pc->has_hpet,
        .has_floppy = pc->fdc.drive[0].type || pc->fdc.drive[1].type,
        .has_parallel = pc->parallel_chr,
        .has_keyboard = true,
        .has_mouse = true,
    };
    struct smbios_config smbios = {.ram_size = pc->machine->ram_size, .cpus = config->cpus, .system = config->system};
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++)
        acpi.serial_mask |= (pc->serial[i] != NULL) << i;
    int r = acpi_add_tables(&pc->fw_cfg, &acpi);
    if (r == 0)
        r = smbios_add_tables(&pc->fw_cfg, &smbios);
    r = r ? r : add_hpet(pc);
    return r == 0 ? add_sleep_states(pc) : r;
}

/* isapc: no PCI ROM BAR from which the BIOS could take it. */
static int add_isa_vga_bios(struct pc *pc, struct error *err)
{
    struct blob blob;
    int r = pc_find_vga_bios(pc, &blob, err);
    if (r < 0 || !blob.data)
        return r;
    const char *name = pc->config->vga == VGA_CIRRUS ? "vgaroms/vgabios-cirrus.bin" : "vgaroms/vgabios-isavga.bin";
    r = fw_cfg_add_file(&pc->fw_cfg, name, blob.data, blob.size);
    free(blob.data);
    return r;
}

static int add_user_item(struct pc *pc, const struct fw_cfg_config *item, struct error *err)
{
    struct blob blob = {(u8 *)item->text, item->text ? strlen(item->text) : 0};
    int r = item->text ? 0 : read_file(item->file, "fw_cfg file", FW_CFG_FILE_LIMIT, &blob, err);
    if (r == 0) {
        r = fw_cfg_add_file(&pc->fw_cfg, item->name, blob.data, blob.size);
        if (r < 0)
            error_set(err, -r, "-fw_cfg name=%s: the name must have 1 to %d characters", item->name,
                      FW_CFG_NAME_SIZE - 1);
    }
    if (!item->text)
        free(blob.data);
    return r;
}

void pc_boot_first(struct pc *pc, const char *path)
{
    char rest[sizeof(pc->bootorder)];
    strcpy(rest, pc->bootorder);
    if (strlen(path) + 1 + strlen(rest) < sizeof(pc->bootorder))
        snprintf(pc->bootorder, sizeof(pc->bootorder), "%s\n%.*s", path, (int)(sizeof(rest) - strlen(path) - 2), rest);
}

/* The firmware wants whole units of 512 bytes, counted in the third byte, that sum to zero. */
static u32 finish_rom(u8 *image, u32 size)
{
    u32 padded = (size + 1 + ROM_UNIT - 1) / ROM_UNIT * ROM_UNIT;
    u8 sum = 0;
    image[2] = padded / ROM_UNIT;
    for (u32 i = 0; i < padded - 1; i++)
        sum += image[i];
    image[padded - 1] = -sum;
    return padded;
}

int pc_add_boot_rom(struct pc *pc, const char *name, struct error *err)
{
    const struct rom *rom = rom_find(name);
    char file[FW_CFG_NAME_SIZE], path[FW_CFG_NAME_SIZE + 8];
    if (!rom || rom->size < 3 || rom->size >= ROM_MAX)
        return error_set(err, ENOENT, "this program was built without the boot ROM %s", name);
    u8 *image = calloc(1, ROM_MAX + ROM_UNIT);
    if (!image)
        return error_set(err, ENOMEM, "not enough memory for the boot ROM");
    memcpy(image, rom->data, rom->size);
    snprintf(file, sizeof(file), "genroms/%s.bin", name);
    snprintf(path, sizeof(path), "/rom@%s", file);
    int r = fw_cfg_add_file(&pc->fw_cfg, file, image, finish_rom(image, rom->size));
    free(image);
    pc_boot_first(pc, path);
    return r;
}

static void boot_then(struct pc *pc, const char *path)
{
    size_t length = strlen(pc->bootorder);
    if (length + strlen(path) + 1 < sizeof(pc->bootorder))
        snprintf(pc->bootorder + length, sizeof(pc->bootorder) - length, "%s\n", path);
}

/* The drives that a letter of -boot stands for. */
static void boot_drives(struct pc *pc, char letter)
{
    char path[64];
    for (int i = 0; i < 2 && letter == 'a'; i++) {
        snprintf(path, sizeof(path), "/pci@i0cf8/isa@1/fdc@03f0/floppy@%x", i);
        if (pc->fdc.drive[i].type)
            boot_then(pc, path);
    }
    for (int i = 0; i < 4 && (letter == 'c' || letter == 'd'); i++) {
        snprintf(path, sizeof(path), "/pci@i0cf8/ide@1,1/drive@%x/disk@%x", i / 2, i % 2);
        if (pc_ide_channel(pc, i / 2)->drive[i % 2].media == (letter == 'c' ? IDE_DISK : IDE_CDROM))
            boot_then(pc, path);
    }
}

/* CMOS tells the order, but SeaBIOS tries what it does not name, too; after HALT it tries nothing more.  Its names for
 * ISA drives are not known to bootorder. */
static void boot_nothing_else(struct pc *pc)
{
    const struct machine_config *config = pc->config;
    const char *order = *config->boot_once ? config->boot_once : *config->boot_order ? config->boot_order : "cad";
    for (; *order; order++)
        boot_drives(pc, *order);
    boot_then(pc, "HALT");
}

static int add_boot_order(struct pc *pc)
{
    if (pc->config->boot_strict && pc->has_pci)
        boot_nothing_else(pc);
    size_t length = strlen(pc->bootorder);
    if (!length)
        return 0;
    pc->bootorder[length - 1] = 0; /* the last line ends with the NUL, which counts */
    return fw_cfg_add_file(&pc->fw_cfg, "bootorder", pc->bootorder, length);
}

static int add_basics(struct pc *pc)
{
    static const u8 uuid[16];
    const struct machine_config *config = pc->config;
    u8 retry[4], wait[2];
    put_le(retry, config->boot_retry_wait, sizeof(retry));
    put_le(wait, config->boot_menu_wait, sizeof(wait));
    struct fw_cfg *fw = &pc->fw_cfg;
    int cpus = MAX(pc->config->cpus, 1);
    int r = fw_cfg_add_bytes(fw, FW_CFG_UUID, uuid, sizeof(uuid));
    r = r ? r : fw_cfg_add_u64(fw, FW_CFG_RAM_SIZE, pc->machine->ram_size);
    r = r ? r : fw_cfg_add_u16(fw, FW_CFG_NOGRAPHIC, pc->config->nographic);
    r = r ? r : fw_cfg_add_u16(fw, FW_CFG_NB_CPUS, cpus);
    r = r ? r : fw_cfg_add_u16(fw, FW_CFG_MAX_CPUS, cpus);
    r = r ? r : fw_cfg_add_u16(fw, FW_CFG_BOOT_MENU, pc->config->boot_menu);
    r = r ? r : fw_cfg_add_u32(fw, FW_CFG_IRQ0_OVERRIDE, 1);
    r = r ? r : fw_cfg_add_file(fw, "etc/boot-fail-wait", retry, sizeof(retry));
    r = r || !config->boot_menu_wait_given ? r : fw_cfg_add_file(fw, "etc/boot-menu-wait", wait, sizeof(wait));
    r = r ? r : add_e820(pc);
    return r;
}

static int out_of_memory(struct error *err)
{
    return error_set(err, ENOMEM, "not enough memory for the firmware's tables");
}

int pc_fill_fw_cfg(struct pc *pc, struct error *err)
{
    if (add_basics(pc) < 0 || (pc->has_pci && add_tables(pc) < 0))
        return out_of_memory(err);
    int r = pc->has_pci ? 0 : add_isa_vga_bios(pc, err);
    if (r == 0 && pc->config->kernel)
        r = pc_load_kernel(pc, err);
    for (int i = 0; i < pc->config->fw_cfg_count && i < CONFIG_MAX_FW_CFG && r == 0; i++)
        r = add_user_item(pc, &pc->config->fw_cfg[i], err);
    if (r == 0 && add_boot_order(pc) < 0)
        return out_of_memory(err);
    return r;
}
