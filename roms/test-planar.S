/*
 * Test boot disk: planar graphics, their data path, and the other ways to the same memory.  Origin: 0x7c00
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem": "Graphics Controller Registers"
 * (Set/Reset, Function Select, Read Map Select, Mode, Bit Mask), "Sequencer Registers" (Map Mask, Memory Mode);
 * Michael Abrash, Graphics Programming Black Book, chapter 47 (unchained 256 colours).  The frame buffer of PCI function 1234:1111 (Bochs's VBE
 * extensions) shows plane p of offset o at 4o + p; without that function these checks are left out.
 */
        .include "roms/test.inc"

        .set    WINDOW, 0xa0000
        .set    SIZE, 38400             /* of a screen of 640 by 480 */
        .set    PASSES, 2

        .code16
real_mode_hook:
        movw    $0x12, %ax
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

test_main:
        call    fill
        call    latches
        call    functions
        call    unchained
        call    frame_buffer
        ret

/* Each plane by itself, one byte at a time: byte o of plane p is 3o + 29p + pass.  What a pass left is read now and then:
 * ECX plane, EDI offset. */
fill:   xorl    %ebp, %ebp
        xorl    %esi, %esi              /* differences */
1:      xorl    %ecx, %ecx
2:      movb    $1, %ah
        shlb    %cl, %ah
        movb    $2, %al
        movw    $0x3c4, %dx
        outw    %ax, %dx
        imull   $29, %ecx, %eax
        addl    %ebp, %eax
        xorl    %edi, %edi
3:      movb    %al, WINDOW(%edi)
        addb    $3, %al
        incl    %edi
        cmpl    $SIZE, %edi
        jb      3b
        incl    %ecx
        cmpl    $4, %ecx
        jb      2b
        call    compare
        incl    %ebp
        cmpl    $PASSES, %ebp
        jb      1b
        movl    %esi, %eax
        check   "four planes, byte by byte", 0
        ret

compare:
        xorl    %ecx, %ecx
1:      movb    %cl, %ah
        movb    $4, %al
        movw    $0x3ce, %dx
        outw    %ax, %dx
        movl    $37, %edi
2:      imull   $29, %ecx, %eax
        addl    %ebp, %eax
        leal    (%eax, %edi, 2), %eax
        addl    %edi, %eax
        cmpb    %al, WINDOW(%edi)
        je      3f
        incl    %esi
3:      addl    $1237, %edi
        cmpl    $SIZE, %edi
        jb      2b
        incl    %ecx
        cmpl    $4, %ecx
        jb      1b
        ret

plane:  movb    $4, %al                 /* AH: to be read */
        movw    $0x3ce, %dx
        outw    %ax, %dx
        ret

/* Write mode 1: a store writes what the last load has left in the latches, all planes of it. */
latches:
        register 0x3c4, 2, 0x0f
        register 0x3ce, 5, 0x01
        movl    $WINDOW, %esi
        movl    $WINDOW + 0x9000, %edi
        movl    $80, %ecx
        rep movsb
        movb    WINDOW + 40, %al
        movb    %al, WINDOW + 0x9800
        movb    %al, WINDOW + 0x9801
        movb    WINDOW + 41, %al
        movb    %al, WINDOW + 0x9802
        register 0x3ce, 5, 0x00
        movb    $3, %ah
        call    plane
        byte    "copied through the latches", WINDOW + 0x9000 + 7, (3 * 7 + 29 * 3 + PASSES - 1)
        byte    "the same latches twice", WINDOW + 0x9801, ((3 * 40 + 29 * 3 + PASSES - 1) & 0xff)
        byte    "and others after another load", WINDOW + 0x9802, ((3 * 41 + 29 * 3 + PASSES - 1) & 0xff)
        movb    $0, %ah
        call    plane
        byte    "in another plane", WINDOW + 0x9801, (3 * 40 + PASSES - 1)
        ret

/* Bit mask, set/reset, functions and the other write modes, with many stores in between. */
functions:
        register 0x3ce, 8, 0xff
        xorl    %eax, %eax
        movl    $WINDOW, %edi
        movl    $1000, %ecx
        rep stosb
        register 0x3ce, 8, 0x18         /* pixels 3 and 4 */
        register 0x3ce, 5, 0x02
        xorl    %ecx, %ecx
1:      movb    WINDOW(%ecx), %al       /* load the latches, then colour 5 */
        movb    $5, WINDOW(%ecx)
        incl    %ecx
        cmpl    $1000, %ecx
        jb      1b
        register 0x3ce, 5, 0x00
        register 0x3ce, 8, 0xff
        movb    $0, %ah
        call    plane
        byte    "two pixels in plane 0", WINDOW + 999, 0x18
        movb    $1, %ah
        call    plane
        byte    "none in plane 1", WINDOW + 999, 0
        register 0x3ce, 0, 0x02
        register 0x3ce, 1, 0x0f
        register 0x3ce, 3, 0x18         /* XOR with the latches */
        xorl    %ecx, %ecx
2:      orb     %al, WINDOW(%ecx)       /* a load and a store; set/reset gives the value */
        incl    %ecx
        cmpl    $1000, %ecx
        jb      2b
        register 0x3ce, 1, 0x00
        register 0x3ce, 3, 0x00
        byte    "XOR of plane 1", WINDOW + 500, 0xff
        movb    $2, %ah
        call    plane
        byte    "and not of plane 2", WINDOW + 500, 0x18
        register 0x3ce, 5, 0x08
        register 0x3ce, 2, 0x07
        byte    "pixels of colour 7", WINDOW + 500, 0x18
        register 0x3ce, 5, 0x00
        ret

/* Stores to planes, seen where the four planes are bytes side by side, and back. */
unchained:
        register 0x3ce, 5, 0x40         /* as in mode 13h */
        xorl    %ecx, %ecx
1:      movb    $1, %ah
        shlb    %cl, %ah
        movb    $2, %al
        movw    $0x3c4, %dx
        outw    %ax, %dx
        leal    0x30(%ecx), %eax
        movl    $WINDOW, %edi
        pushl   %ecx
        movl    $500, %ecx
        rep stosb
        popl    %ecx
        incl    %ecx
        cmpl    $4, %ecx
        jb      1b
        register 0x3c4, 2, 0x0f
        register 0x3c4, 4, 0x0e         /* chain 4 */
        movl    WINDOW + 4 * 499, %eax
        check   "four planes side by side", 0x33323130
        movl    $0x67666564, WINDOW + 4 * 17
        register 0x3c4, 4, 0x06
        movb    $2, %ah
        call    plane
        byte    "side by side to planes", WINDOW + 17, 0x66
        byte    "and what was there before", WINDOW + 18, 0x32
        ret

/* The same memory in the frame buffer. */
frame_buffer:
        movl    $0x80001000, %eax       /* 00:02.0 */
        call    pci_read
        cmpl    $0x11111234, %eax
        je      1f
        skip    "frame buffer"
        ret
1:      movl    $0x80001010, %eax
        call    pci_read
        andl    $0xfffffff0, %eax
        movl    %eax, %ebx
        register 0x3c4, 2, 0x0f
        movl    $1000, %ecx
2:      movb    $0x41, WINDOW - 1(%ecx)
        loop    2b
        movb    $0x42, WINDOW + 600
        movl    4 * 600(%ebx), %eax
        check   "stores in the frame buffer", 0x42424242
        movl    $0x53525150, 4 * 600(%ebx)
        movb    $1, %ah
        call    plane
        byte    "and back", WINDOW + 600, 0x51
        movl    $1000, %ecx
3:      movb    $0x43, WINDOW - 1(%ecx)
        loop    3b
        movl    4 * 999(%ebx), %eax
        check   "once more", 0x43434343
        ret

pci_read:
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        ret

        test_end
