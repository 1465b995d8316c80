/*
 * Creative Sound Blaster 16: DSP, mixer and FM synthesizer.  See sb16.c for source and coverage.
 */
#ifndef DEVICES_SB16_H
#define DEVICES_SB16_H

#include "devices/audio/audio.h"
#include "devices/i8237.h"
#include "devices/mpu401.h"
#include "devices/opl3.h"

/* How the bytes of a DMA transfer become sound. */
enum sb16_format { SB16_PCM, SB16_ADPCM_4, SB16_ADPCM_3, SB16_ADPCM_2, SB16_FORMATS };

struct sb16_settings {
    u16 port;      /* 220, 240, 260 or 280 */
    u8 irq;        /* 9 (2), 5, 7 or 10 */
    u8 dma, dma16; /* 0, 1 or 3; 5, 6 or 7 */
};

/* One block after another by DMA. */
struct sb16_stream {
    bool playing, paused, auto_init, last, record, wide, is_signed, stereo;
    bool by_block;      /* its length is command 48's */
    u8 format;          /* enum sb16_format */
    u32 length, left;   /* bytes of the block, and of what is left of it */
    u8 reference, step; /* ADPCM */
    bool wants_reference;
    u8 samples[4], sample_first, sample_count; /* made from one byte */
    i16 level[2];       /* what the converters put out */
    u32 idle;           /* frames without a transfer */
};

/* Of the 8-bit or the 16-bit DMA channel; one may play while the other records. */
struct sb16_channel {
    /* Guest state. */
    struct sb16_stream stream;
    struct timer block_end;
    /* Wiring. */
    struct sb16 *sb;
    struct audio_voice *voice;
};

struct sb16 {
    /* Guest state. */
    u8 mixer_index, mixer[256];
    u8 irq_status; /* mixer register 82 */
    u8 in[64], in_count, last_in; /* what the DSP has to say, in order */
    u8 command, argument[4], arguments; /* being given, and how many of its bytes have come */
    bool resetting, uart, speaker;      /* uart: bytes go out as MIDI until a reset */
    u8 test, asp[256], identity, identity_key;
    u32 rate, block; /* frames a second; bytes less one, from command 48 */
    bool by_time_constant; /* it counts samples of both sides */
    struct sb16_channel channel[2]; /* [0] bytes, [1] words */
    struct timer silence_end;
    i16 direct; /* command 10 */
    /* Wiring. */
    struct machine *machine;
    struct i8237 *dma;
    u8 irq_levels;
    struct irq irq[4]; /* 9, 5, 7, 10 as the bits of mixer register 80 */
    struct sb16_settings settings;
    struct audio_voice *direct_voice;
    u32 quiet; /* frames of the direct voice since command 10 */
    struct opl3 opl;
    struct mpu401 *mpu; /* the card's MIDI connector; the board's */
    struct device device;
    struct port_range fm, fm_8, mixer_ports, reset_port, dsp_ports;
};

/* irqs: 9, 5, 7 and 10.  mpu is initialized by the board, with sb16_mpu_irq as its interrupt.  0, or -ENOMEM. */
int sb16_init(struct sb16 *sb, struct machine *machine, struct audio *audio, struct i8237 *dma,
              struct mpu401 *mpu, const struct irq irqs[4], const struct sb16_settings *settings);
/* Where the card's MPU-401 interrupts: on the card's own line, with bit 2 of mixer register 82. */
struct irq sb16_mpu_irq(struct sb16 *sb);

extern const struct device_ops sb16_ops;

#endif
