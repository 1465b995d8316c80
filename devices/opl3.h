/*
 * Yamaha YMF262 (OPL3) FM synthesizer, which is two YM3812 (OPL2, AdLib) until told otherwise.  See opl3.c for source
 * and coverage.
 */
#ifndef DEVICES_OPL3_H
#define DEVICES_OPL3_H

#include "devices/audio/audio.h"
#include "machine/machine.h"

#define OPL3_HZ 49716u /* 14.31818 MHz / 288 */
#define OPL3_OPERATORS 36
#define OPL3_CHANNELS 18
#define OPL3_ADLIB_PORT 0x388

enum opl3_stage { OPL3_ATTACK, OPL3_DECAY, OPL3_SUSTAIN, OPL3_RELEASE };

struct opl3 {
    /* Guest state. */
    u8 index[2]; /* register chosen in each bank */
    u8 reg[2 * 256];
    u8 status;
    struct timer timer[2];
    /* Synthesis; operators 0-17 belong to bank 0, 18-35 to bank 1. */
    u32 phase[OPL3_OPERATORS];       /* 10.9 bits of a period */
    u16 attenuation[OPL3_OPERATORS]; /* envelope, steps of 96 dB / 512 */
    u8 stage[OPL3_OPERATORS];
    u8 keys[OPL3_OPERATORS];     /* held by its channel (1) and by the rhythm register (2) */
    u16 out[2 * OPL3_OPERATORS]; /* last two samples, for feedback (i16) */
    u32 samples, noise;
    u8 tremolo;
    /* Wiring. */
    struct audio_voice *voice;
    struct clock *clock;
    u16 log_sine[256], power[256]; /* the chip's ROMs */
    struct device device;
    struct port_range ports;
};

/* Four ports from `base`: index and data of both banks.  0, or -ENOMEM. */
int opl3_init(struct opl3 *opl, struct machine *machine, struct audio *audio, u16 base, const char *id);
/* By another chip's ports: 0 index and status, 1 data, 2 and 3 the same of bank 1. */
u8 opl3_read(struct opl3 *opl, unsigned port);
void opl3_write(struct opl3 *opl, unsigned port, u8 value);
void opl3_set_gain(struct opl3 *opl, u32 left, u32 right);

extern const struct device_ops opl3_ops;

/* Between opl3.c and opl3_synth.c. */

void opl3_synth_reset(struct opl3 *opl);
/* A register that holds keys (A0-BD) changed. */
void opl3_synth_keys(struct opl3 *opl);
/* One sample of both sides, or false when every envelope has ended. */
bool opl3_synth_sample(struct opl3 *opl, struct audio_frame *frame);

#endif
