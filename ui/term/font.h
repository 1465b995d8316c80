/*
 * What the glyphs of the guest's fonts say, in Unicode.
 */
#ifndef UI_TERM_FONT_H
#define UI_TERM_FONT_H

#include "machine/display.h"

#define TERM_FONT_ROM 0x10000 /* bytes of a video BIOS that are searched */

struct term_font {
    u16 unicode[2][256]; /* by the font that an attribute chooses, and the character */
    /* What it was made from. */
    bool known;
    int lines;
    u8 fonts[2][TEXT_FONT_BYTES];
    const u8 *reference; /* in rom: 256 glyphs of `lines` bytes, or NULL */
    u8 rom[TERM_FONT_ROM];
};

/* Finds out anew if the fonts are others than last time.  font->rom is the caller's to fill while font->reference is
 * NULL: with a video BIOS, whose fonts of code page 437 others are compared with. */
void term_font_update(struct term_font *font, const struct text_screen *screen);
/* One font of 256 glyphs in 32 bytes each; reference as above. */
void term_font_read(const u8 *glyphs, int lines, const u8 *reference, u16 unicode[256]);

#endif
