/*
 * Floppy disks: which tracks and sectors an image of some size has; disks in drives.
 *
 * Source: the formats of IBM's and compatible PCs (IBM PC DOS Technical Reference, "Diskette formats"), and those
 *   beyond them that are in use for distribution disks (DMF, 1.72M, 800K ...).
 */
#include <errno.h>
#include <string.h>

#include "devices/i82077_internal.h"

/* A disk of 250 kbit/s turns faster in a 1.2 MB drive, which reads it at 300: both are right somewhere. */
#define DD (1 << 1 | 1 << 2)
#define HD (1 << 0)
#define ED (1 << 3)

/* Each row stands for its cylinders and up to three or four more, which drives reach and some disks use. */
static const struct floppy_geometry formats[] = {
    {40, 1, 8, DD, FLOPPY_360K, false},   {40, 1, 9, DD, FLOPPY_360K, false},   {40, 2, 8, DD, FLOPPY_360K, false},
    {40, 2, 9, DD, FLOPPY_360K, false},   {40, 2, 10, DD, FLOPPY_360K, false},  {80, 2, 8, DD, FLOPPY_1440K, false},
    {80, 2, 9, DD, FLOPPY_1440K, false},  {80, 2, 10, DD, FLOPPY_1440K, false}, {80, 2, 11, DD, FLOPPY_1440K, false},
    {80, 2, 15, HD, FLOPPY_1200K, false}, {80, 2, 18, HD, FLOPPY_1440K, false}, {80, 2, 19, HD, FLOPPY_1440K, false},
    {80, 2, 20, HD, FLOPPY_1440K, false}, {80, 2, 21, HD, FLOPPY_1440K, false}, {80, 2, 22, HD, FLOPPY_1440K, false},
    {80, 2, 23, HD, FLOPPY_1440K, false}, {80, 2, 24, HD, FLOPPY_1440K, false}, {80, 2, 36, ED, FLOPPY_2880K, false},
    {80, 2, 39, ED, FLOPPY_2880K, false}, {80, 2, 40, ED, FLOPPY_2880K, false}, {80, 2, 44, ED, FLOPPY_2880K, false},
    {80, 2, 48, ED, FLOPPY_2880K, false},
};

static u32 capacity(const struct floppy_geometry *g)
{
    return (u32)g->cylinders * g->heads * g->sectors;
}

static bool format_of(u64 sectors, struct floppy_geometry *geometry)
{
    for (unsigned extra = 0; extra <= 4; extra++) {
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
            *geometry = formats[i];
            geometry->cylinders += extra;
            if (capacity(geometry) == sectors)
                return true;
        }
    }
    return false;
}

static u16 word(const u8 *at)
{
    return at[0] | at[1] << 8;
}

struct boot_sector {
    u8 data[SECTOR_SIZE];
    int result;
};

static void boot_sector_read(void *opaque, int result)
{
    ((struct boot_sector *)opaque)->result = result;
}

/* What a DOS boot sector says of its disk, if that is a format we know and holds the image. */
static bool format_in_boot_sector(struct block *block, struct floppy_geometry *geometry)
{
    struct boot_sector boot = {.result = -EIO};
    struct block_request request = {
        .operation = BLOCK_READ, .count = 1, .data = boot.data, .done = boot_sector_read, .opaque = &boot};
    block_submit(block, &request);
    block_drain(block);
    bool sane = boot.result == 0 && word(boot.data + 11) == SECTOR_SIZE && format_of(word(boot.data + 19), geometry);
    return sane && geometry->sectors == word(boot.data + 24) && geometry->heads == word(boot.data + 26) &&
           capacity(geometry) >= block_sectors(block);
}

int floppy_geometry(struct block *block, struct floppy_geometry *geometry, struct error *err)
{
    u64 sectors = block_sectors(block);
    if (format_of(sectors, geometry))
        return 0;
    if (!format_in_boot_sector(block, geometry) && !format_of(2880, geometry))
        return -EINVAL;
    if (capacity(geometry) < sectors)
        format_of(5760, geometry);
    geometry->guessed = true;
    if (capacity(geometry) >= sectors)
        return 0;
    return error_set(err, EINVAL,
                     "'%s' has %llu KiB, no floppy disk has such a size (160K to 2.88M); as a hard disk: -hda %s",
                     block_file(block), (unsigned long long)sectors / 2, block_file(block));
}

/* Drives. */

static int insert(struct floppy_drive *drive, struct block *block, struct error *err)
{
    struct floppy_geometry geometry = {0};
    int r = block ? floppy_geometry(block, &geometry, err) : 0;
    if (r < 0)
        return r;
    drive->block = block;
    drive->geometry = geometry;
    drive->changed = true;
    memset(drive->deleted, 0, sizeof(drive->deleted));
    return 0;
}

int i82077_attach(struct i82077 *fdc, int unit, struct block *block, struct error *err)
{
    struct floppy_drive *drive = &fdc->drive[unit & 1];
    int r = insert(drive, block, err);
    if (r == 0)
        drive->type = block ? drive->geometry.type : FLOPPY_1440K;
    return r;
}

int i82077_change(struct i82077 *fdc, int unit, struct block *block, struct error *err)
{
    struct floppy_geometry geometry;
    int r = block ? floppy_geometry(block, &geometry, err) : 0;
    if (r < 0)
        return r;
    i82077_abandon(fdc, unit & 1);
    return insert(&fdc->drive[unit & 1], block, err);
}
