/*
 * Pictures of every VGA mode and register trick, one after the other, for tests/check-frames.sh.  Origin: 0x7c00
 *
 * For each it writes "frame NAME." to COM1 when the picture stands, waits for a byte, answers with the byte, and draws
 * the next one; "done." after the last.  Nothing blinks in a picture unless its name says so.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"; FreeVGA; INT 10h of the VGA BIOS; VBE 3.0;
 * Michael Abrash, Graphics Programming Black Book, chapters 30, 31 and 47 (unchained 256 colours, split screens).
 */
        .include "roms/disk.inc"

        boot_start      0x6000
        boot_rest

        .include "roms/frames.inc"

main:   call    serial_init
        movw    $frames, %bp
1:      xorw    %ax, %ax
        movw    %ax, %es
        movw    $nothing, every_frame
        call    *(%bp)
        movb    $4, %cl                 /* start addresses count from a retrace on */
3:      call    retrace
        decb    %cl
        jnz     3b
        movw    $announce, %si
        call    print
        movw    2(%bp), %si
        call    print
        movb    $'.', %al
        call    put
2:      call    *every_frame
        call    key_waits
        jz      2b
        movw    $COM1, %dx
        inb     %dx, %al
        call    put
        dispi   4, 0                    /* no frame may depend on the one before */
        addw    $4, %bp
        cmpw    $0, (%bp)
        jne     1b
        movw    $done, %si
        call    print
4:      hlt
        jmp     4b
nothing:
        ret
every_frame:
        .word   nothing                 /* called in a loop while the picture stands */
announce:
        .asciz  "frame "
done:   .asciz  "done."

/* The list: frame NAME, then its code. */
        .macro  frame name
        .pushsection .text, 2
        .word   7f, 8f
        .popsection
        .pushsection .text, 1
8:      .asciz  "\name"
        .popsection
7:
        .endm

        .pushsection .text, 2
frames: .popsection

/* What the BIOS sets up. */

        frame   mode-00
        mode    0x00
        call    letters
        movb    $0x1e, %cl
        jmp     characters
        frame   mode-03
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        jmp     characters
        frame   mode-03-8x8
        mode    0x03
        movw    $0x1112, %ax
        call    load_font
        call    letters
        movb    $0x2f, %cl
        jmp     characters
        frame   mode-03-8x14
        mode    0x03
        movw    $0x1111, %ax
        call    load_font
        call    letters
        movb    $0x4f, %cl
        jmp     characters
        frame   mode-07
        mode    0x03
        mode    0x07
        crtc    0x14, 0x0f
        call    letters                 /* 01h, 09h: underlined */
        movb    $0x70, %cl
        jmp     characters
        frame   mode-04
        mode    0x04
        call    letters
        jmp     diagonal
        frame   mode-05
        mode    0x05
        call    letters
        jmp     diagonal
        frame   mode-04-palette
        mode    0x04
        movb    $0x0b, %ah              /* palette 0, background blue */
        movw    $0x0100, %bx
        int     $0x10
        movb    $0x0b, %ah
        movw    $0x0001, %bx
        int     $0x10
        call    letters
        jmp     diagonal
        frame   mode-06
        mode    0x06
        call    letters
        jmp     diagonal
        frame   mode-0d
        mode    0x0d
        call    letters
        jmp     diagonal
        frame   mode-0e
        mode    0x0e
        call    letters
        jmp     diagonal
        frame   mode-0f
        mode    0x10
        mode    0x0f
        attr    0x10, 0x01              /* no blinking */
        movb    $0x03, %cl
        call    characters
        jmp     diagonal
        frame   mode-10
        mode    0x10
        call    letters
        jmp     diagonal
        frame   mode-11
        mode    0x11
        call    letters
        jmp     diagonal
        frame   mode-12
        mode    0x12
        call    letters
        jmp     diagonal
        frame   mode-13
        mode    0x13
        segment 0xa000
        xorw    %di, %di
        movw    $64000, %cx
        call    ramp
        jmp     letters

/* Text by registers. */

        frame   text-attributes
        mode    0x03
        attr    0x10, 0x04              /* bright backgrounds */
        jmp     attributes
        frame   text-8-dots
        mode    0x03
        seq     1, 0x01
        attr    0x13, 0x00
        movb    $0x1b, %cl
        jmp     characters
        frame   text-no-line-graphics
        mode    0x03
        attr    0x10, 0x00
        movb    $0x1b, %cl
        jmp     characters
        frame   text-two-fonts
        mode    0x03
        movw    $0x1112, %ax            /* 8x8 becomes font 1, ... */
        movb    $1, %bl
        int     $0x10
        movw    $0x1114, %ax            /* ... 8x16 font 0 */
        xorb    %bl, %bl
        int     $0x10
        movw    $0x1103, %ax            /* attribute bit 3: font 1 */
        movb    $0x04, %bl
        int     $0x10
        attr    0x12, 0x07
        crtc    0x0a, 0x20
        call    letters
        movb    $0x0e, %cl
        jmp     characters
        frame   text-font-7
        mode    0x03
        movw    $0x1111, %ax            /* 8x14 to font 7, at 56 KiB */
        movb    $7, %bl
        int     $0x10
        seq     3, 0x33                 /* A: 0, B: 7 */
        crtc    0x0a, 0x20
        call    letters
        movb    $0x07, %cl
        jmp     characters
        frame   text-underline
        mode    0x03
        crtc    0x14, 0x0f
        movb    $0x01, %cl
        call    characters
        jmp     letters
        frame   text-cursor-blink
        mode    0x03
        call    letters
        crtc    0x0a, 0x04
        crtc    0x0b, 0x0b
        crtc    0x0e, 0x00
        crtc    0x0f, 82
        ret
        frame   text-blink
        mode    0x03
        jmp     attributes
        frame   text-start-address
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        call    characters
        crtc    0x0c, 0x00
        crtc    0x0d, 83
        ret
        frame   text-preset-row
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        call    characters
        crtc    0x08, 0x05
        ret
        frame   text-byte-panning
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        call    characters
        crtc    0x08, 0x40              /* two characters */
        ret
        frame   text-panning
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        call    characters
        attr    0x13, 0x02              /* three dots */
        ret
        frame   text-split
        mode    0x03
        movb    $0x1e, %cl
        call    characters
        call    letters
        crtc    0x0d, 160
        crtc    0x08, 0x03
        attr    0x13, 0x02
        attr    0x10, 0x2c              /* the lower part does not pan */
        crtc    0x11, 0x0e
        crtc    0x18, 0x90
        crtc    0x07, 0x0f
        crtc    0x09, 0x0f
        ret
        frame   text-offset
        mode    0x03
        call    letters
        movb    $0x1e, %cl
        call    characters
        crtc    0x13, 60                /* rows of 120 characters */
        ret
        frame   text-132-columns
        mode    0x03
        movw    $wide, %si
        movw    $(wide_end - wide) / 2, %cx
        call    crtc_table
        seq     1, 0x01
        attr    0x13, 0x00
        segment 0xb800
        xorw    %di, %di
        movw    $132 * 25, %cx
1:      movw    %di, %ax
        shrw    $1, %ax
        movb    %al, %ah
        orb     $1, %ah
        andb    $0x7f, %ah
        stosw
        loop    1b
        ret
wide:   .byte   0x00, 0xa0, 0x01, 0x83, 0x02, 0x84, 0x03, 0x82, 0x04, 0x8a, 0x05, 0x9e, 0x13, 0x42
wide_end:
        frame   text-palette
        mode    0x03
        call    letters
        attr    1, 0x3f                 /* blue is DAC 63: white */
        attr    7, 0x04
        dac     0x3e, 63, 32, 0         /* yellow is DAC 62: orange */
        ret
        frame   text-color-select
        mode    0x03
        call    rainbow
        attr    0x14, 0x0e              /* bits 7-6: 3, bits 5-4: 2 by ... */
        attr    0x10, 0x8c              /* ... P54S */
        jmp     letters
        frame   text-dac-mask
        mode    0x03
        call    letters
        movw    $0x3c6, %dx
        movb    $0x3b, %al
        outb    %al, %dx
        ret
        frame   screen-off
        mode    0x03
        call    letters
        seq     1, 0x20
        ret

/* Sixteen colours by registers. */

        frame   write-modes
        mode    0x12
        segment 0xa000
        xorw    %di, %di
        seq     2, 0x05                 /* mode 0: map mask */
        movb    $0x3c, %al
        movw    $80 * 20, %cx
        rep     stosb
        seq     2, 0x0f
        gfx     1, 0x0a                 /* set/reset in two planes, rotation by 3 */
        gfx     0, 0x02
        gfx     3, 0x03
        movb    $0x1f, %al
        movw    $80 * 20, %cx
        rep     stosb
        gfx     1, 0x00
        gfx     3, 0x00
        movb    %es:(80 * 5), %al       /* mode 1: copy latches */
        gfx     5, 0x01
        movw    $80 * 20, %cx
        rep     stosb
        gfx     5, 0x02                 /* mode 2: colours, half of each byte */
        gfx     8, 0x0f
        movb    %es:(80 * 25), %al
        movw    $80 * 20, %cx
1:      movw    %di, %ax
        stosb
        loop    1b
        gfx     5, 0x03                 /* mode 3: the byte is a mask */
        gfx     8, 0x7e
        gfx     0, 0x0d
        movb    %es:(80 * 45), %al
        movw    $80 * 20, %cx
1:      movw    %di, %ax
        stosb
        loop    1b
        gfx     5, 0x00
        gfx     8, 0xff
        gfx     0, 0x00
        ret
        frame   logical-operations
        mode    0x12
        segment 0xa000
        xorw    %di, %di
        movw    $80 * 120, %cx
        call    ramp
        seq     2, 0x06
        xorw    %di, %di
        movw    $80 * 120, %cx
        movb    $0x0f, %al
        rep     stosb
        seq     2, 0x0f
        xorw    %bx, %bx
1:      movb    %bl, %ah                /* replace, AND, OR, XOR, each rotated by 1 more */
        shlb    $3, %ah
        orb     %bl, %ah
        movb    $3, %al
        movw    $0x3ce, %dx
        outw    %ax, %dx
        imulw   $80 * 30, %bx, %di
        movw    $80 * 15, %cx
2:      movb    %es:(%di), %al
        movb    $0x59, %al
        stosb
        loop    2b
        incw    %bx
        cmpw    $4, %bx
        jb      1b
        gfx     3, 0x00
        ret
        frame   read-mode-1
        mode    0x12
        segment 0xa000
        call    letters
        segment 0xa000
        gfx     5, 0x08
        gfx     2, 0x05                 /* where there is colour 5, or 7: do not care for plane 1 */
        gfx     7, 0x0d
        xorw    %di, %di
        movw    $256, %bx               /* rows: the left half's answer to the right one */
1:      movw    $40, %cx
2:      movb    %es:(%di), %al
        movb    %al, %es:40(%di)
        incw    %di
        loop    2b
        addw    $40, %di
        decw    %bx
        jnz     1b
        gfx     5, 0x00
        ret
        frame   plane-enable
        mode    0x12
        call    letters
        attr    0x12, 0x09
        ret
        frame   planar-split-panning
        mode    0x12
        call    letters
        attr    0x13, 0x03
        crtc    0x0d, 81
        crtc    0x18, 0x64
        crtc    0x11, 0x0c
        crtc    0x07, 0x2e
        crtc    0x09, 0x00
        ret
        frame   planar-offset
        mode    0x12
        call    letters
        crtc    0x13, 0x29
        ret
        frame   planar-word-mode
        mode    0x0d
        call    letters
        crtc    0x17, 0xa3              /* word mode: every second byte */
        ret
        frame   planar-count-by-2
        mode    0x12
        call    letters
        crtc    0x17, 0xeb
        ret
        frame   hercules-interleave
        mode    0x06
        segment 0xb800
        xorw    %di, %di
        movw    $0x8000, %cx
        call    ramp
        crtc    0x11, 0x00
        crtc    0x09, 0xc3              /* four lines a row: both row scan bits address */
        crtc    0x17, 0xc0
        ret

/* 256 colours by registers. */

        frame   x-320x200-pages
        call    unchained
        xorw    %di, %di
        movw    $16000, %cx
        call    columns
        seq     2, 0x0f
        movw    $16000, %di
        movw    $16000, %cx
        movb    $0x28, %al
        rep     stosb
        seq     2, 0x06
        movw    $16000 + 80 * 50, %di
        movw    $80 * 100, %cx
        movb    $0x36, %al
        rep     stosb
        crtc    0x0c, 0x3e              /* 16000 */
        crtc    0x0d, 0x80
        ret
        frame   x-320x240
        call    unchained
        movw    $0x3c2, %dx
        movb    $0xe3, %al
        outb    %al, %dx
        movw    $tall, %si
        movw    $(tall_end - tall) / 2, %cx
        call    crtc_table
        xorw    %di, %di
        movw    $19200, %cx
        jmp     columns
tall:   .byte   0x06, 0x0d, 0x07, 0x3e, 0x09, 0x41, 0x10, 0xea, 0x15, 0xe7, 0x16, 0x06, 0x12, 0xdf, 0x11, 0xac
tall_end:
        frame   x-360x480
        call    unchained
        movw    $0x3c2, %dx
        movb    $0xe7, %al
        outb    %al, %dx
        movw    $large, %si
        movw    $(large_end - large) / 2, %cx
        call    crtc_table
        xorw    %di, %di
        movw    $43200, %cx
        jmp     columns
large:  .byte   0x00, 0x6b, 0x01, 0x59, 0x02, 0x5a, 0x03, 0x8e, 0x04, 0x5e, 0x05, 0x8a, 0x13, 0x2d
        .byte   0x06, 0x0d, 0x07, 0x3e, 0x09, 0x40, 0x10, 0xea, 0x15, 0xe7, 0x16, 0x06, 0x12, 0xdf, 0x11, 0xac
large_end:
        frame   x-320x400
        call    unchained
        crtc    0x09, 0x40
        xorw    %di, %di
        movw    $32000, %cx
        jmp     columns
        frame   x-latch-copy
        call    unchained
        xorw    %di, %di
        movw    $8000, %cx
        call    columns
        seq     2, 0x0f
        gfx     5, 0x41                 /* four pixels a byte through the latches */
        pushw   %ds
        pushw   %es
        popw    %ds
        xorw    %si, %si
        movw    $8040, %di
        movw    $7900, %cx
        rep     movsb
        popw    %ds
        gfx     5, 0x40
        ret
        frame   x-split-panning
        call    unchained
        xorw    %di, %di
        movw    $32000, %cx
        call    columns
        attr    0x13, 0x04              /* two pixels */
        attr    0x10, 0x61
        crtc    0x0c, 0x10
        crtc    0x0d, 0x03
        crtc    0x18, 0x2b
        crtc    0x11, 0x0e
        crtc    0x07, 0x0f
        crtc    0x09, 0x01
        ret
        frame   mode-13-palette
        mode    0x13
        call    rainbow
        segment 0xa000
        xorw    %di, %di
        movw    $64000, %cx
        jmp     ramp
        frame   mode-13-mask
        mode    0x13
        segment 0xa000
        xorw    %di, %di
        movw    $64000, %cx
        call    ramp
        movw    $0x3c6, %dx
        movb    $0x1f, %al
        outb    %al, %dx
        ret
        frame   mode-13-map-mask
        mode    0x13
        seq     2, 0x0b
        segment 0xa000
        xorw    %di, %di
        movw    $64000, %cx
        jmp     ramp
        frame   mode-13-16-colors
        mode    0x13
        segment 0xa000
        xorw    %di, %di
        movw    $64000, %cx
        call    ramp
        attr    0x10, 0x01              /* each byte is two dots of 4 bits */
        ret

/* Colours that change between lines. */

        frame   bands
        mode    0x03
        movw    $band, every_frame
        movw    $30, %cx                /* a few frames first */
1:      pushw   %cx
        call    band
        popw    %cx
        loop    1b
        ret
band:   cli
        call    retrace
        dac     0, 0, 0, 0
        movw    $3, %si                 /* three times 100 lines */
1:      movw    $100, %cx
2:      call    status                  /* a line: display, then blanking */
        testb   $1, %al
        jnz     2b
3:      call    status
        testb   $1, %al
        jz      3b
        loop    2b
        movw    $0x3c8, %dx
        xorb    %al, %al
        outb    %al, %dx
        incw    %dx
        movw    %si, %ax
        shlb    $4, %al
        outb    %al, %dx
        xorb    $0x3f, %al
        outb    %al, %dx
        xorb    %al, %al
        outb    %al, %dx
        decw    %si
        jnz     1b
        sti
        ret

/* VBE and DISPI. */

        .macro  vbe number
        movw    $0x4f02, %ax
        movw    $\number, %bx
        int     $0x10
        .endm
        frame   vbe-800x600x4
        vbe     0x102
        call    letters
        jmp     diagonal
        frame   vbe-640x480x8-banks
        vbe     0x101
        xorw    %dx, %dx
1:      pushw   %dx
        movw    $0x4f05, %ax
        xorw    %bx, %bx
        int     $0x10
        segment 0xa000
        popw    %dx
        pushw   %dx
        xorw    %di, %di
        movw    $0xffff, %cx
        call    ramp
        popw    %dx
        incw    %dx
        cmpw    $5, %dx
        jb      1b
        ret
        frame   vbe-640x480x15
        vbe     0x110
        jmp     banks
        frame   vbe-640x480x16
        vbe     0x111
        jmp     banks
        frame   vbe-640x480x24
        vbe     0x112
        jmp     banks
        frame   vbe-8-bit-dac
        vbe     0x101
        movw    $0x4f08, %ax
        movw    $0x0800, %bx
        int     $0x10
        movw    $0x3c8, %dx             /* 256 greys */
        xorb    %al, %al
        outb    %al, %dx
        incw    %dx
1:      outb    %al, %dx
        outb    %al, %dx
        outb    %al, %dx
        incb    %al
        jnz     1b
        jmp     banks
        frame   vbe-display-start
        vbe     0x101
        movw    $0x4f06, %ax            /* lines of 1024 pixels */
        xorw    %bx, %bx
        movw    $1024, %cx
        int     $0x10
        call    banks
        movw    $0x4f07, %ax
        xorw    %bx, %bx
        movw    $100, %cx
        movw    $37, %dx
        int     $0x10
        ret
        frame   dispi-1280x1024x32
        dispi   1, 1280
        dispi   2, 1024
        dispi   3, 32
        dispi   4, 0x41
        jmp     banks
        frame   dispi-2560x1600x32
        dispi   1, 2560
        dispi   2, 1600
        dispi   3, 32
        dispi   4, 0x41
        jmp     banks
        frame   dispi-360x400x8
        dispi   1, 360
        dispi   2, 400
        dispi   3, 8
        dispi   4, 0x41
        jmp     banks

/* Memory 0-983039 through banks of 64 KiB: byte = low of offset / 512 + bank. */
banks:  pushw   %bp
        gfx     6, 0x05
        xorw    %bp, %bp
1:      dispi   5, 0
        movw    %bp, %ax
        outw    %ax, %dx
        segment 0xa000
        xorw    %di, %di
2:      movw    %di, %ax
        shrw    $9, %ax
        movw    %bp, %bx
        shlb    $4, %bl
        addb    %bl, %al
        stosb
        testw   %di, %di
        jnz     2b
        incw    %bp
        cmpw    $15, %bp
        jb      1b
        dispi   5, 0
        popw    %bp
        ret

        .pushsection .text, 2
        .word   0
        .popsection
        .pushsection .text, 3
        .balign 512
image_end:
        .popsection
