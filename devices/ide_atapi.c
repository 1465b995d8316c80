/*
 * ATAPI CD-ROM drive.
 *
 * Source: T13/1321D ATA/ATAPI-5, "PACKET Command feature set".
 * Modelled: the signature, by which hosts tell it from a disk.
 * Not modelled yet: the packet commands.
 */
#include "devices/ide_internal.h"

void ide_atapi_command(struct ide_drive *drive)
{
    ide_put_signature(drive);
    ide_abort(drive);
}

void ide_atapi_block_through(struct ide_drive *drive)
{
    ide_abort(drive);
}

void ide_atapi_medium_done(struct ide_drive *drive, int result)
{
    ide_abort(drive);
}

void ide_atapi_dma_done(struct ide_drive *drive)
{
    ide_abort(drive);
}

void ide_atapi_reset(struct ide_drive *drive, bool power_on)
{
    drive->heads = drive->sectors = 1;
}
