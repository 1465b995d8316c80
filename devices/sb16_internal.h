/*
 * Inside the Sound Blaster 16: sb16.c (ports, mixer), sb16_dsp.c (commands), sb16_stream.c (DMA and samples).
 */
#ifndef DEVICES_SB16_INTERNAL_H
#define DEVICES_SB16_INTERNAL_H

#include "devices/sb16.h"

/* Mixer register 82. */
enum { SB16_IRQ_8 = 0x01, SB16_IRQ_16 = 0x02, SB16_IRQ_MPU = 0x04 };
enum { SB16_MIXER_IRQ = 0x80, SB16_MIXER_DMA = 0x81, SB16_MIXER_STATUS = 0x82, SB16_MIXER_OUTPUT = 0x0e };

void sb16_raise(struct sb16 *sb, u8 sources);
void sb16_lower(struct sb16 *sb, u8 sources);
void sb16_say(struct sb16 *sb, u8 byte);

void sb16_dsp_reset(struct sb16 *sb);
void sb16_dsp_write(struct sb16 *sb, u8 value);

/* Begins a block of `length` bytes in the stream's format; what its channel did, and what went the same way, ends. */
void sb16_stream_start(struct sb16 *sb, const struct sb16_stream *stream);
/* Ends everything. */
void sb16_stream_stop(struct sb16 *sb);
void sb16_stream_pause(struct sb16 *sb, bool wide, bool pause);
/* Leaves auto-initialize at the end of this block. */
void sb16_stream_last(struct sb16 *sb, bool wide);
/* Takes that back, and a pause. */
void sb16_stream_continue(struct sb16 *sb, bool wide);
/* The rate was changed; it takes effect at once. */
void sb16_stream_set_rate(struct sb16 *sb);
/* After the state was loaded. */
void sb16_stream_loaded(struct sb16 *sb);
int sb16_stream_init(struct sb16 *sb, struct audio *audio);
/* One byte into memory by the 8-bit channel (command E2). */
void sb16_dma_write(struct sb16 *sb, u8 value);
/* Command 10: a sample. */
void sb16_direct(struct sb16 *sb, u8 value);

#endif
