/*
 * Sound test: plays a known tone by each way of the sound hardware, half a second each, with silences between, and ends
 * by isa-debug-exit (port F4h).  Origin: 0x7c00
 *
 *      loudspeaker     1000 Hz by timer 2
 *      Sound Blaster   689 Hz, 8-bit samples by DMA channel 1 at 11025 Hz, end by IRQ 5
 *      AdLib           440 Hz, one operator
 *
 * A tone that the hardware does not announce (no DSP, no interrupt) leaves its silence.  Real mode, one sector.
 *
 * Source: IBM PC/AT Technical Reference (timer 2, port 61h); Creative, "Sound Blaster Series Hardware Programming Guide";
 * Yamaha YM3812 application manual.
 */
        .set    SB, 0x220
        .set    BUFFER, 0x8000          /* 512 samples: 32 periods of 16 */
        .set    EXIT, 0xf4

        .include "roms/disk.inc"

        boot_start
        movw    $9, %cx
        call    wait

        movb    $0xb6, %al              /* timer 2, mode 3, 1193 clocks */
        outb    %al, $0x43
        movb    $1193 & 0xff, %al
        outb    %al, $0x42
        movb    $1193 >> 8, %al
        outb    %al, $0x42
        inb     $0x61, %al
        orb     $3, %al
        outb    %al, $0x61
        call    half_a_second
        inb     $0x61, %al
        andb    $0xfc, %al
        outb    %al, $0x61
        call    half_a_second

        call    sound_blaster
        call    half_a_second
        movw    $adlib, %si             /* register, value pairs */
2:      lodsw
        call    write_adlib
        cmpw    $adlib_end, %si
        jne     2b
        call    half_a_second
        movw    $0x12b0, %ax            /* the key goes up */
        call    write_adlib
        call    half_a_second
        xorw    %ax, %ax
        outb    %al, $EXIT
3:      hlt
        jmp     3b

half_a_second:
        movw    $9, %cx
wait:   movw    0x46c, %ax              /* ticks of 55 ms */
1:      hlt
        cmpw    0x46c, %ax
        je      1b
        loop    wait
        ret

/* %al register, %ah value; the delays the chip asks for are reads of its status. */
write_adlib:
        movw    $0x388, %dx
        outb    %al, %dx
        movw    $6, %cx
1:      inb     %dx, %al
        loop    1b
        movb    %ah, %al
        incw    %dx
        outb    %al, %dx
        decw    %dx
        movw    $36, %cx
1:      inb     %dx, %al
        loop    1b
        ret

dsp:    movw    $SB + 0xc, %dx          /* %al to the DSP */
        movb    %al, %ah
1:      inb     %dx, %al
        testb   %al, %al
        js      1b
        movb    %ah, %al
        outb    %al, %dx
        ret

sound_blaster:
        movw    $SB + 6, %dx
        movb    $1, %al
        outb    %al, %dx
        movw    $20, %cx
1:      inb     $0x80, %al
        loop    1b
        xorb    %al, %al
        outb    %al, %dx
        movw    $SB + 0xa, %dx
        movw    $1000, %cx
1:      inb     %dx, %al
        cmpb    $0xaa, %al
        loopne  1b
        jne     3f                      /* no DSP */
        movw    $BUFFER, %di            /* 11025 / 16 Hz */
        movw    $32, %bx
1:      movw    $wave, %si
        movw    $8, %cx
        rep movsw
        decw    %bx
        jnz     1b
        movw    $interrupt, 0x0d * 4
        movw    $0, 0x0d * 4 + 2
        inb     $0x21, %al
        andb    $0xdf, %al
        outb    %al, $0x21
        movw    $dma, %si               /* port, value pairs */
1:      lodsw
        movzbw  %al, %dx
        movb    %ah, %al
        outb    %al, %dx
        cmpw    $dma_end, %si
        jne     1b
1:      lodsb
        call    dsp
        cmpw    $commands_end, %si
        jne     1b
2:      hlt
        cmpb    $0, done
        je      2b
3:      ret

interrupt:
        pushw   %ax
        pushw   %dx
        movw    $SB + 0xe, %dx
        inb     %dx, %al
        movb    $0x20, %al
        outb    %al, $0x20
        incb    done
        popw    %dx
        popw    %ax
        iret

done:   .byte   0
wave:   .byte   128, 159, 185, 203, 208, 203, 185, 159, 128, 97, 71, 53, 48, 53, 71, 97
dma:    .byte   0x0a, 5, 0x0c, 0, 0x0b, 0x59            /* mask 1; auto-initialize, read, channel 1 */
        .byte   0x02, BUFFER & 0xff, 0x02, BUFFER >> 8, 0x83, 0
        .byte   0x03, 511 & 0xff, 0x03, 511 >> 8, 0x0a, 1
dma_end:
        .byte   0xd1, 0x41, 11025 >> 8, 11025 & 0xff
        .byte   0x14, 5511 & 0xff, 5511 >> 8            /* half a second */
commands_end:
adlib:  .byte   0x20, 0x21, 0x23, 0x21, 0x40, 0x3f, 0x43, 0x00, 0x60, 0xf0, 0x63, 0xf0, 0x80, 0x0f, 0x83, 0x0f
        .byte   0xa0, 0x44, 0xb0, 0x32
adlib_end:
        boot_end
