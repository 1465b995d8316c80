/*
 * One ATA channel: two drives on one cable, their task files and the PIO data port; see ide.c.
 */
#ifndef DEVICES_IDE_H
#define DEVICES_IDE_H

#include "devices/block/block.h"
#include "devices/block/disc.h"
#include "devices/ide_cdaudio.h"
#include "machine/device.h"
#include "machine/ioport.h"
#include "machine/irq.h"

struct machine;
struct ide_channel;

enum ide_media { IDE_NONE, IDE_DISK, IDE_CDROM };

#define IDE_BUFFER_SECTORS 256
#define IDE_MAX_MULTIPLE 16

/* What a drive does between commands' steps. */
enum ide_phase {
    IDE_IDLE,     /* no command, or one that is complete */
    IDE_PIO_IN,   /* the host reads a block from the data port */
    IDE_PIO_OUT,  /* the host writes a block to the data port */
    IDE_MEDIUM,   /* BSY: a request is at the block layer (drain before saving) */
    IDE_DMA_IN,   /* DMARQ: data goes to memory when the bus master runs */
    IDE_DMA_OUT,  /* DMARQ: data comes from memory when the bus master runs */
    IDE_ASLEEP,   /* SLEEP: only a reset wakes it */
};

struct ide_drive {
    /* Guest state.  The second element of each pair is the value before the last write (48-bit commands). */
    u8 feature[2], count[2], lba_low[2], lba_mid[2], lba_high[2];
    u8 device;      /* Device/Head as written by the host */
    u8 command;     /* in progress, or the last one */
    u8 status, error;
    bool intrq;     /* the drive's own, before nIEN and selection */
    u8 phase;       /* enum ide_phase */
    u8 multiple;    /* sectors of a READ/WRITE MULTIPLE block, 0: not set */
    u8 power_mode;  /* as CHECK POWER MODE reports it */
    u8 transfer_mode; /* SET FEATURES 03h */
    bool write_cache, read_ahead, revert_on_reset;
    u16 heads, sectors, cylinders; /* the current translation */
    u64 lba;        /* next sector of the medium */
    u32 left;       /* sectors that the medium still has to give or take */
    u32 buffered;   /* bytes valid in the buffer, or expected from the host */
    u32 position;   /* the next byte of it */
    u32 block_end;  /* where the DRQ block ends */
    u16 byte_limit; /* ATAPI: byte count limit of this command */
    u8 packet[12];
    bool packet_dma; /* ATAPI: this command's data go by DMA */
    u8 sense_key, sense_code, sense_qualifier;
    bool medium_changed, locked, tray_open;
    u8 media_event; /* ATAPI: what GET EVENT STATUS NOTIFICATION has to tell */
    struct cd_audio audio;
    u8 buffer[IDE_BUFFER_SECTORS * SECTOR_SIZE];
    /* Wiring. */
    struct ide_channel *channel;
    u8 unit;
    enum ide_media media;
    struct block *block;         /* NULL: an empty CD-ROM drive, or no drive */
    u64 total;                   /* sectors of 512 bytes */
    struct disc disc;            /* CD-ROM: what is on it */
    u32 frame_sectors;           /* and how many sectors of the block are one of its frames */
    u16 default_cylinders, default_heads, default_sectors;
    char serial[21], model[41], firmware[9]; /* the caller may change them after ide_attach */
    struct block_request request;
    bool in_flight;
    struct device device_entry;
};

/* The bus master beside a channel, if there is one. */
struct ide_bus_master {
    /* Move up to `length` bytes; returns how many were moved (fewer: not started, or the descriptors ended). */
    u32 (*transfer)(void *opaque, void *data, u32 length, bool to_memory);
    /* INTRQ as it leaves the channel. */
    void (*interrupt)(void *opaque, bool level);
    void *opaque;
};

struct ide_channel {
    /* Guest state. */
    u8 control; /* Device Control: nIEN, SRST; HOB */
    u8 select;  /* the drive that DEV selects */
    /* Wiring. */
    struct ide_drive drive[2];
    struct irq irq;
    bool irq_level;
    struct machine *machine;
    struct ide_bus_master master; /* transfer NULL: no DMA */
    struct port_range command_ports, control_ports;
    struct device device_entry;
};

/* Ports base..base+7 and the Device Control register at `control` (3F6h, 376h). */
void ide_init(struct ide_channel *channel, struct machine *machine, u16 base, u16 control, const struct irq *irq);
/* isapc: both channels at their standard ports, no bus master. */
void ide_isa_init(struct ide_channel channel[2], struct machine *machine, const struct irq irq[2]);
/* Plugs a drive in.  The block stays the caller's; NULL makes a CD-ROM drive with no disc. */
void ide_attach(struct ide_channel *channel, int unit, struct block *block, enum ide_media media);
/* Takes the drive's requests back (before block_close). */
void ide_detach(struct ide_channel *channel, int unit);
/* CD-ROM: its analog output; -errno if there is no memory. */
int ide_connect_audio(struct ide_channel *channel, int unit, struct audio *audio);
/* CD-ROM: somebody pressed the button of a locked tray. */
void ide_request_eject(struct ide_channel *channel, int unit);
/* CD-ROM: another disc, or NULL for none. */
void ide_change_medium(struct ide_channel *channel, int unit, struct block *block);

/* The geometry that a disk reports: from its partition table where that is consistent, else from its size (at most
 * 16383 / 16 / 63).  Waits for one sector. */
void ide_geometry(struct block *block, unsigned *cylinders, unsigned *heads, unsigned *sectors);
/* CMOS byte 39h for such a disk: 0 none, 1 LBA. */
unsigned ide_translation(unsigned cylinders, unsigned heads, unsigned sectors);

/* For the bus master: it was started (or can take more). */
void ide_dma_ready(struct ide_channel *channel);

#endif
