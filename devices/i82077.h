/*
 * Intel 82077AA floppy disk controller and the drives on its cable.  See i82077.c for source and coverage.
 */
#ifndef DEVICES_I82077_H
#define DEVICES_I82077_H

#include "devices/block/block.h"
#include "devices/i8237.h"
#include "machine/machine.h"

#define FLOPPY_MAX_CYLINDERS 84
#define FLOPPY_MAX_SECTORS 48
#define FLOPPY_SECTORS (FLOPPY_MAX_CYLINDERS * 2 * FLOPPY_MAX_SECTORS)

/* Types of drives, as CMOS byte 10h counts them. */
enum floppy_type { FLOPPY_NONE, FLOPPY_360K, FLOPPY_1200K, FLOPPY_720K, FLOPPY_1440K, FLOPPY_2880K };

struct floppy_geometry {
    u8 cylinders, heads, sectors;
    u8 rates;     /* bit n: readable at data rate n of the CCR (0: 500, 1: 300, 2: 250, 3: 1000 kbit/s) */
    u8 type;      /* enum floppy_type: the drive such a disk is made for */
    bool guessed; /* the image has another size */
};

struct floppy_drive {
    /* Guest state. */
    u8 track;                       /* where the head stands */
    bool changed;                   /* the drive's disk change line */
    u8 deleted[FLOPPY_SECTORS / 8]; /* sectors with a deleted data mark, which an image cannot hold */
    /* Wiring. */
    u8 type;             /* FLOPPY_NONE: no drive on this cable */
    struct block *block; /* NULL: no disk in it */
    struct floppy_geometry geometry;
};

struct i82077 {
    /* Guest state: registers, and the command in progress. */
    u8 dor, tdr, dsr; /* dsr: precompensation and data rate, which CCR writes, too */
    u8 phase;         /* enum phase in i82077_internal.h */
    u8 fifo[16];      /* command or result bytes */
    u8 fifo_length, fifo_position;
    bool interrupt;    /* INT, before the gate in DOR */
    u8 polled;         /* bit n: drive n's change to "ready" after a reset is still to be sensed */
    u8 sought;         /* bit n: the end of drive n's seek is still to be sensed */
    u8 seeking;        /* bit n: step pulses on their way to drive n */
    u8 seek_status[4]; /* ST0 at its end */
    u8 seek_unit[4];   /* the drive that DOR selected for it */
    u8 seek_pcn[4];    /* what the counter will hold then */
    i16 seek_steps[4]; /* pulses, inward positive */
    u8 pcn[4];
    u8 specify[2], config, pretrk, perpendicular, last_sc_eot;
    bool lock;
    /* Guest state: execution. */
    u8 stage; /* enum stage */
    u8 command[9];
    u8 st0, st1, st2;
    u8 unit;              /* the drive that DOR selected when the command began */
    u8 head, c, h, r, n;  /* next sector; head is the side, h what its ID should say */
    u16 sectors_left;     /* of READ TRACK, FORMAT TRACK, VERIFY with EC */
    u16 position, length; /* in the buffer */
    bool terminal;        /* TC came */
    u8 buffer[SECTOR_SIZE];
    struct timer timer, reset_timer, seek_timer[4];
    /* Wiring. */
    struct floppy_drive drive[2];
    struct clock *clock;
    struct i8237 *dma;
    struct irq irq;
    struct block_request request;
    bool in_flight;
    struct port_range ports[2];
    struct device device;
};

/* Ports 3F0-3F5 and 3F7, DMA channel 2. */
void i82077_init(struct i82077 *fdc, struct machine *machine, struct i8237 *dma, const struct irq *irq);

/* Puts a drive on the cable, with a disk in it or (NULL) empty; an empty one takes 1.44 MB disks.  The block stays the
 * caller's.  0, or -EINVAL and err if no floppy disk has such a size. */
int i82077_attach(struct i82077 *fdc, int unit, struct block *block, struct error *err);
/* Another disk, or NULL for none, at run time.  A command in progress fails, and the old block is free to be closed.
 * 0, or -EINVAL and err: the old disk stays. */
int i82077_change(struct i82077 *fdc, int unit, struct block *block, struct error *err);

/* The format of an image: by its size, else by the BIOS parameter block in its boot sector, else the smallest of the
 * usual formats that holds it.  Waits for one sector.  0, or -EINVAL and err. */
int floppy_geometry(struct block *block, struct floppy_geometry *geometry, struct error *err);

extern const struct device_ops i82077_ops;

#endif
