/*
 * The RTC's battery-backed memory as a configured PC has it: what SeaBIOS reads in place of a setup screen.
 *
 * Source: PLATFORM.md 2.5; Ralf Brown's Interrupt List, CMOS.LST.
 */
#include "machine/pc/board.h"

#include <errno.h>
#include <string.h>

enum {
    CMOS_FLOPPY = 0x10,
    CMOS_DISK = 0x12,
    CMOS_EQUIPMENT = 0x14,
    CMOS_BASE_KB = 0x15,
    CMOS_EXTENDED_KB = 0x17, /* above 1 MiB; again at 30h */
    CMOS_DISK0_TYPE = 0x19,
    CMOS_DISK0 = 0x1b, /* nine bytes of geometry; the second disk's follow */
    CMOS_EXTENDED_KB2 = 0x30,
    CMOS_ABOVE_16M = 0x34, /* units of 64 KiB */
    CMOS_BOOT_THIRD = 0x38,
    CMOS_TRANSLATION = 0x39,
    CMOS_BOOT = 0x3d,
    CMOS_ABOVE_4G = 0x5b, /* three bytes, units of 64 KiB */
    CMOS_CPUS = 0x5f,
};

#define EQUIPMENT_FLOPPY 0x01
#define EQUIPMENT_TWO_FLOPPIES 0x40
#define EQUIPMENT_FPU 0x02
#define EQUIPMENT_MOUSE 0x04
#define DISK_TYPE_EXTENDED 0xf
#define DISK_TYPE_USER 47

static void set(struct pc *pc, unsigned index, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        mc146818_set_cmos(&pc->rtc, index + i, value >> (8 * i));
}

static void fill_memory(struct pc *pc)
{
    u64 ram = pc->machine->ram_size;
    u64 below_4g = pc->has_pci ? i440fx_lowmem(ram) : ram;
    u64 extended_kb = MIN((below_4g - (1 << 20)) >> 10, 0xffff);
    u64 above_16m = below_4g > 16 << 20 ? (below_4g - (16 << 20)) >> 16 : 0;
    set(pc, CMOS_BASE_KB, 640, 2);
    set(pc, CMOS_EXTENDED_KB, extended_kb, 2);
    set(pc, CMOS_EXTENDED_KB2, extended_kb, 2);
    set(pc, CMOS_ABOVE_16M, MIN(above_16m, 0xffff), 2);
    set(pc, CMOS_ABOVE_4G, (ram - below_4g) >> 16, 3);
}

/* One of the two disks of the primary channel. */
static void fill_disk(struct pc *pc, int unit)
{
    unsigned cylinders, heads, sectors;
    ide_geometry(pc->disks[unit], &cylinders, &heads, &sectors);
    unsigned base = CMOS_DISK0 + unit * 9;
    set(pc, CMOS_DISK0_TYPE + unit, DISK_TYPE_USER, 1);
    set(pc, base, cylinders, 2);
    set(pc, base + 2, heads, 1);
    set(pc, base + 3, 0xffff, 2); /* no write precompensation */
    set(pc, base + 5, 0xc0 | (heads > 8) << 3, 1);
    set(pc, base + 6, cylinders, 2); /* landing zone */
    set(pc, base + 8, sectors, 1);
}

static void fill_disks(struct pc *pc)
{
    u8 types = 0, translations = 0;
    for (int i = 0; i < 4; i++) {
        const struct ide_drive *drive = &pc_ide_channel(pc, i / 2)->drive[i % 2];
        if (drive->media != IDE_DISK)
            continue;
        unsigned cylinders, heads, sectors;
        ide_geometry(pc->disks[i], &cylinders, &heads, &sectors);
        translations |= (ide_translation(cylinders, heads, sectors) & 3) << (2 * i);
        if (i < 2) {
            types |= DISK_TYPE_EXTENDED << (i ? 0 : 4);
            fill_disk(pc, i);
        }
    }
    set(pc, CMOS_DISK, types, 1);
    set(pc, CMOS_TRANSLATION, translations, 1);
}

static void fill_floppies(struct pc *pc)
{
    const struct floppy_drive *drive = pc->fdc.drive;
    u8 equipment = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
    if (drive[0].type || drive[1].type)
        equipment |= EQUIPMENT_FLOPPY;
    if (drive[0].type && drive[1].type)
        equipment |= EQUIPMENT_TWO_FLOPPIES;
    set(pc, CMOS_FLOPPY, drive[0].type << 4 | drive[1].type, 1);
    set(pc, CMOS_EQUIPMENT, equipment, 1);
}

static u8 boot_device(char letter)
{
    static const char letters[] = "acdn"; /* floppy 1, hard disk 2, CD 3, network 4 */
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at ? at - letters + 1 : 0;
}

void pc_set_boot_order(struct pc *pc, const char *order)
{
    u8 device[3] = {0};
    if (!*order)
        order = "cad";
    for (int i = 0; i < 3 && order[i]; i++)
        device[i] = boot_device(order[i]);
    set(pc, CMOS_BOOT, device[0] | device[1] << 4, 1);
    set(pc, CMOS_BOOT_THIRD, device[2] << 4, 1);
}

int pc_boot_set(struct machine *machine, const char *order, struct error *err)
{
    for (const char *letter = order; *letter; letter++)
        if (!strchr("acdn", *letter) || strchr(letter + 1, *letter))
            return error_set(err, EINVAL,
                             "'%c' is %s; there are a (floppy), c (hard disk), d (CD-ROM), n (network)", *letter,
                             strchr("acdn", *letter) ? "given twice" : "no boot device");
    if (!*order)
        return error_set(err, EINVAL, "an order is missing, e.g. dc");
    pc_set_boot_order(machine->board, order);
    return 0;
}

void pc_fill_cmos(struct pc *pc)
{
    fill_memory(pc);
    fill_disks(pc);
    fill_floppies(pc);
    set(pc, CMOS_CPUS, pc->config->cpus > 1 ? pc->config->cpus - 1 : 0, 1);
    pc_set_boot_order(pc, *pc->config->boot_once ? pc->config->boot_once : pc->config->boot_order);
}
