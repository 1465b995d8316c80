/*
 * Test boot disk: text memory, its planes, and the registers by which one becomes the other.  Origin: 0x7c00
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "Video Memory Organization", "Sequencer
 * Registers" (Map Mask, Memory Mode), "Graphics Controller Registers" (Read Map Select, Mode, Miscellaneous): in text modes the
 * byte of even address o is in plane 0 and that of o + 1 in plane 1, both at offset o; fonts are in plane 2.  (QEMU 7.2 and
 * Bochs 2.7 keep text at other offsets of the planes: 5 and 3 checks fail there.)
 */
        .include "roms/test.inc"

        .set    TEXT, 0xb8000
        .set    MONOCHROME, 0xb0000
        .set    PLANE, 0xa0000
        .set    SIZE, 4000              /* of a screen */
        .set    PASSES, 32

        .code16
real_mode_hook:
        movw    $3, %ax
        int     $0x10
        ret
        .code32

        .macro  register port, index, value
        movw    $\port, %dx
        movw    $\value << 8 | \index, %ax
        outw    %ax, %dx
        .endm

        .macro  byte text, address, want
        movzbl  \address, %eax
        check   "\text", \want
        .endm

        .macro  word text, address, want
        movzwl  \address, %eax
        check   "\text", \want
        .endm

test_main:
        call    one_by_one
        call    strings
        call    to_planes
        call    from_planes
        call    fonts
        call    monochrome
        ret

/* The registers as in mode 3, and as programs have them that look at planes. */
text_mode:
        register 0x3c4, 2, 0x03
        register 0x3c4, 4, 0x02
        register 0x3ce, 4, 0x00
        register 0x3ce, 5, 0x10
        register 0x3ce, 6, 0x0e
        ret
planes: register 0x3c4, 2, 0x04
        register 0x3c4, 4, 0x06
        register 0x3ce, 5, 0x00
        register 0x3ce, 6, 0x04
        ret

/* Bytes stored and loaded one at a time, many more than a screen has: byte o of pass p is 7o + p. */
one_by_one:
        xorl    %ebp, %ebp
        xorl    %esi, %esi              /* differences */
1:      xorl    %ecx, %ecx
2:      imull   $7, %ecx, %eax
        addl    %ebp, %eax
        movb    %al, TEXT(%ecx)
        incl    %ecx
        cmpl    $SIZE, %ecx
        jb      2b
        xorl    %ecx, %ecx
3:      imull   $7, %ecx, %eax
        addl    %ebp, %eax
        cmpb    %al, TEXT(%ecx)
        je      4f
        incl    %esi
4:      incl    %ecx
        cmpl    $SIZE, %ecx
        jb      3b
        incl    %ebp
        cmpl    $PASSES, %ebp
        jb      1b
        movl    %esi, %eax
        check   "bytes of the text screen, one by one", 0
        ret

strings:
        movl    $0x1e421e41, %eax
        movl    $TEXT, %edi
        movl    $0x2000, %ecx           /* all 32 KiB */
        rep stosl
        movl    $0x2f442f43, TEXT + 160
        movl    $TEXT + 160, %esi
        movl    $TEXT, %edi
        movl    $SIZE / 4 - 40, %ecx
        rep movsl
        movl    TEXT, %eax
        check   "scrolled by REP MOVS", 0x2f442f43
        movl    TEXT + 4, %eax
        check   "the next characters", 0x1e421e41
        movl    TEXT + 0x7ffc, %eax
        check   "the end of text memory", 0x1e421e41
        ret

to_planes:
        movw    $0x4e58, TEXT + 0x0a
        movw    $0x4f59, TEXT + 0x7ff2
        call    planes
        register 0x3ce, 4, 0x00
        byte    "a character in plane 0", PLANE + 0x0a, 0x58
        byte    "the last ones", PLANE + 0x7ff2, 0x59
        register 0x3ce, 4, 0x01
        byte    "its attribute in plane 1", PLANE + 0x0a, 0x4e
        byte    "of the last ones", PLANE + 0x7ff2, 0x4f
        ret

from_planes:
        register 0x3c4, 2, 0x01
        movb    $0x5a, PLANE + 0x14
        register 0x3c4, 2, 0x02
        movb    $0x2e, PLANE + 0x14
        call    text_mode
        word    "written into the planes", TEXT + 0x14, 0x2e5a
        word    "and by the text window before", TEXT + 0x0a, 0x4e58
        ret

/* A glyph is loaded, with text before and after it. */
fonts:  call    use
        call    planes
        register 0x3ce, 4, 0x02
        movb    $0xa5, PLANE + 0x20
        movb    $0x3c, PLANE + 0x21
        call    text_mode
        call    use
        word    "text beside a glyph", TEXT + 0x20, 0x1741
        call    planes
        register 0x3ce, 4, 0x02
        byte    "a glyph at an even offset", PLANE + 0x20, 0xa5
        byte    "and at an odd one", PLANE + 0x21, 0x3c
        call    text_mode
        ret

/* As much as it takes for anything that waits for much. */
use:    movl    $SIZE / 2, %ecx
1:      movw    $0x1741, TEXT - 2(, %ecx, 2)
        loop    1b
        ret

monochrome:
        register 0x3ce, 6, 0x0a
        movl    $1000, %ecx
1:      movw    $0x7048, MONOCHROME - 2(, %ecx, 2)
        loop    1b
        register 0x3ce, 6, 0x0e
        word    "the same memory at B0000h", TEXT + 0x40, 0x7048
        word    "and what was not written there", TEXT + 2000, 0x1741
        ret

        test_end
