/*
 * Intel 82801AA AC'97 audio controller with one codec.  See ac97.c for source and coverage.
 */
#ifndef DEVICES_AC97_H
#define DEVICES_AC97_H

#include "devices/audio/audio.h"
#include "machine/machine.h"

enum ac97_channel_number { AC97_PCM_IN, AC97_PCM_OUT, AC97_MIC_IN, AC97_CHANNELS };

/* A bus-master channel: it walks a ring of 32 buffers that the guest described. */
struct ac97_channel {
    u32 table;
    u8 current, last, prefetched; /* indices into it */
    u16 status;
    u8 control;
    u32 address;  /* of the current buffer, as far as it was played */
    u16 left;     /* samples of it still to move (two make a frame) */
    u16 flags;    /* of the current descriptor */
    bool fetched; /* a descriptor is loaded */
    /* Wiring. */
    struct ac97 *ac97;
    struct audio_voice *voice;
    struct timer end; /* of the buffer */
};

struct ac97 {
    /* Guest state. */
    u16 codec[64]; /* mixer registers, by word */
    struct ac97_channel channel[AC97_CHANNELS];
    u32 global_control, global_status;
    bool semaphore;
    i16 level[2];
    /* Wiring. */
    struct machine *machine;
    struct pci_device pci;
    struct device device;
    struct port_range mixer, master;
};

/* 0, -ENOMEM, or -EBUSY if the PCI bus is full. */
int ac97_init(struct ac97 *ac97, struct machine *machine, struct audio *audio);

extern const struct device_ops ac97_ops;

#endif
