/*
 * The drives of the running board: what is in them, and other discs and disks for them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/pc/board.h"

#define IDE_DRIVES 4

/* What the user said of the drive. */
static const struct drive_config *config_of(const struct pc *pc, enum drive_interface interface, int index)
{
    static const struct drive_config nothing;
    for (int i = 0; i < pc->config->drive_count; i++)
        if (pc->config->drives[i].interface == interface && pc->config->drives[i].index == index)
            return &pc->config->drives[i];
    return &nothing;
}

static bool ide_entry(struct pc *pc, int index, struct pc_drive *entry)
{
    const struct ide_drive *drive = &pc_ide_channel(pc, index / 2)->drive[index % 2];
    if (drive->media == IDE_NONE)
        return false;
    bool cdrom = drive->media == IDE_CDROM;
    *entry = (struct pc_drive){
        .id = config_of(pc, DRIVE_IDE, index)->id,
        .block = pc->disks[index],
        .removable = cdrom,
        .locked = drive->locked,
        .tray_open = drive->tray_open,
        .index = index,
    };
    snprintf(entry->name, sizeof(entry->name), "ide%d-%s%d", index / 2, cdrom ? "cd" : "hd", index % 2);
    return true;
}

static bool floppy_entry(struct pc *pc, int unit, struct pc_drive *entry)
{
    if (!pc->fdc.drive[unit].type)
        return false;
    *entry = (struct pc_drive){
        .id = config_of(pc, DRIVE_FLOPPY, unit)->id,
        .block = pc->floppies[unit],
        .removable = true,
        .index = IDE_DRIVES + unit,
    };
    snprintf(entry->name, sizeof(entry->name), "floppy%d", unit);
    return true;
}

int pc_drives(struct machine *machine, struct pc_drive drives[PC_DRIVES])
{
    struct pc *pc = machine->board;
    int count = 0;
    for (int i = 0; i < IDE_DRIVES; i++)
        count += ide_entry(pc, i, &drives[count]);
    for (int i = 0; i < (int)ARRAY_SIZE(pc->floppies); i++)
        count += floppy_entry(pc, i, &drives[count]);
    return count;
}

static int find(struct machine *machine, const char *name, struct pc_drive *drive, struct error *err)
{
    struct pc_drive drives[PC_DRIVES];
    int count = pc_drives(machine, drives);
    for (int i = 0; i < count; i++) {
        *drive = drives[i];
        if (!strcmp(drive->name, name) || (drive->id && !strcmp(drive->id, name)))
            return 0;
    }
    return error_set(err, ENOENT, "there is no drive '%s'; info block lists the drives", name);
}

/* The guest hears of a button pressed in vain: it may give the disc free. */
static int check(struct pc *pc, const struct pc_drive *drive, bool force, struct error *err)
{
    if (!drive->removable)
        return error_set(err, EINVAL, "%s is a hard disk: it stays where it is", drive->name);
    if (!drive->locked || force)
        return 0;
    ide_request_eject(pc_ide_channel(pc, drive->index / 2), drive->index % 2);
    return error_set(err, EBUSY, "%s: the guest has locked the tray (-f opens it all the same)", drive->name);
}

/* The new medium, or NULL, for the old one, which is closed.  Only a floppy drive can refuse it. */
static int swap(struct pc *pc, int index, struct block *block, struct error *err)
{
    struct block **place = index < IDE_DRIVES ? &pc->disks[index] : &pc->floppies[index - IDE_DRIVES];
    int r = 0;
    if (index < IDE_DRIVES)
        ide_change_medium(pc_ide_channel(pc, index / 2), index % 2, block);
    else
        r = i82077_change(&pc->fdc, index - IDE_DRIVES, block, err);
    if (r < 0)
        return r;
    block_close(*place);
    *place = block;
    return 0;
}

static int open_medium(struct pc *pc, const struct pc_drive *drive, const struct pc_medium *medium,
                       struct block **block, struct error *err)
{
    bool cdrom = drive->index < IDE_DRIVES;
    struct drive_config config = {
        .file = medium->file,
        .format = medium->format,
        .interface = cdrom ? DRIVE_IDE : DRIVE_FLOPPY,
        .media = cdrom ? MEDIA_CDROM : MEDIA_DISK,
        .readonly = medium->readonly,
        .snapshot = !cdrom && config_of(pc, DRIVE_FLOPPY, drive->index - IDE_DRIVES)->snapshot,
    };
    /* The image that is in the drive is ours to write: put in anew, it has to come out first. */
    if (drive->block && !strcmp(block_file(drive->block), medium->file))
        swap(pc, drive->index, NULL, NULL);
    return pc_open_disk(pc, &config, block, err);
}

int pc_change(struct machine *machine, const char *name, const struct pc_medium *medium, bool force,
              struct error *err)
{
    struct pc *pc = machine->board;
    struct pc_drive drive;
    struct block *block;
    int r = find(machine, name, &drive, err);
    r = r ? r : check(pc, &drive, force, err);
    r = r ? r : open_medium(pc, &drive, medium, &block, err);
    if (r < 0)
        return r;
    r = swap(pc, drive.index, block, err);
    if (r < 0)
        block_close(block);
    return r;
}

int pc_eject(struct machine *machine, const char *name, bool force, struct error *err)
{
    struct pc_drive drive;
    int r = find(machine, name, &drive, err);
    r = r ? r : check(machine->board, &drive, force, err);
    return r ? r : swap(machine->board, drive.index, NULL, err);
}
