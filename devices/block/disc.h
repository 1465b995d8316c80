/*
 * What is on a compact disc: its tracks, and how a frame of it stands in the sectors of a `struct block`.
 *
 * An image of user data alone (ISO) has 4 sectors for each frame and one data track.  An image with other tracks (a cue
 * sheet) has DISC_FRAME_SECTORS for each: the 2352 bytes of the main channel, then nothing of interest.
 */
#ifndef DEVICES_BLOCK_DISC_H
#define DEVICES_BLOCK_DISC_H

#include "machine/types.h"

#define DISC_TRACKS 99
#define DISC_USER_BYTES 2048
#define DISC_RAW_BYTES 2352
#define DISC_FRAME_SECTORS 5
#define DISC_FRAME_BYTES (DISC_FRAME_SECTORS * 512)
#define DISC_PREGAP 150                               /* frames before address 0, in minutes, seconds and frames */
#define DISC_MAX_FRAMES (100 * 60 * 75 - DISC_PREGAP) /* the addresses end at 99:59:74 */

/* The four bits of CONTROL (ECMA-130, "q-channel"). */
enum { DISC_PREEMPHASIS = 1, DISC_COPY_PERMITTED = 2, DISC_DATA = 4, DISC_FOUR_CHANNELS = 8 };

enum disc_mode { DISC_AUDIO, DISC_MODE1, DISC_MODE2 };

struct disc_track {
    u32 pregap; /* where index 0 begins; equal to start without one */
    u32 start;  /* index 1 */
    u8 control;
    u8 mode;       /* enum disc_mode */
    bool complete; /* its frames have sync, header, EDC and ECC; else only what follows the header */
    char isrc[13];
};

struct disc {
    u8 first, count; /* track[0] is number `first` */
    struct disc_track track[DISC_TRACKS];
    u32 lead_out;
    char catalogue[14]; /* 13 digits, or "" */
};

/* The track that holds an address, index 0 included; NULL in the lead-out. */
const struct disc_track *disc_find(const struct disc *disc, u32 address);
/* Where the track ends: the next one's pregap, or the lead-out. */
u32 disc_track_end(const struct disc *disc, const struct disc_track *track);

/* ECMA-130, "Sector", and its annex A: writes what surrounds the user data of a frame: sync, header, and EDC and ECC as
 * the mode has them.  Mode 2: form 1 or 2 by the subheader's bit 5. */
void disc_complete_frame(u8 frame[DISC_RAW_BYTES], enum disc_mode mode, u32 address);

static inline u8 disc_bcd(u32 value)
{
    return (u8)((value / 10 % 10) << 4 | value % 10);
}

#endif
