/*
 * Test disk for the Sound Blaster 16 as programs for DOS use it: finds the card, its interrupt and its DMA channels by
 * itself, then plays a tone in every mode.  Origin: 0x7c00
 *
 * Source: Creative, "Sound Blaster Series Hardware Programming Guide", chapters 2 to 6; Yamaha YMF262 application manual,
 * "Timer"; Roland, "MPU-401 MIDI Processing Unit Technical Reference Manual".
 * Every check prints "ok NAME" or "FAIL NAME" with AX on COM1; the last line is "N passed, N failed"; it ends by
 * isa-debug-exit at port F4h with 10h (exit status 33) or 11h.  The tones, 300 ms and more each:
 *
 *      500 Hz  command 10h in the timer's interrupt        694 Hz  14h again in each interrupt
 *      694 Hz  1Ch, left by DAh                           1389 Hz  90h, left by a reset
 *     1359 Hz  left only: the Sound Blaster Pro's stereo   694 Hz  ADPCM of 4 bits
 *      617 Hz  ADPCM of 2.6 bits                           694 Hz  ADPCM of 2 bits
 *     2756 Hz  B6h, left only                              440 Hz  FM, bank 0, left only
 *      440 Hz  FM, bank 1, right only
 */
        .set    EXIT_PORT, 0xf4
        .set    PAGE, 0x2000            /* segment of the DMA buffer */
        .set    TONE, 8                 /* blocks of 46 ms */

        .include "roms/disk.inc"

        /* Bytes to the DSP. */
        .macro  dsp bytes:vararg
        .irp    byte, \bytes
        movb    $\byte, %al
        call    dsp_write
        .endr
        .endm

        .macro  mixer index, value
        movw    $(\value) << 8 | \index, %ax
        call    mixer_write
        .endm

        boot_start
        boot_rest

main:   movw    $4, %cx                 /* BIOS ticks: the speaker of the BIOS is quiet by then */
        call    ticks

/* --- finding the card ------------------------------------------------------------------------------------------------ */
        movw    $0x220, base
1:      call    reset_dsp
        cmpb    $0xaa, %al
        je      2f
        addw    $0x20, base
        cmpw    $0x2a0, base
        jne     1b
2:      movb    $0, %ah
        check   "reset answers AA", 0xaa
        dsp     0xe1
        call    dsp_read
        movb    %al, %ah
        call    dsp_read
        movb    $0, %al
        check   "E1: version 4", 0x0400
        dsp     0xe0, 0x35
        call    dsp_read16
        check   "E0: inverts", 0xca
        dsp     0xe4, 0x5a, 0xe8
        call    dsp_read16
        check   "E4, E8: the test register", 0x5a
        dsp     0xe3
        movw    $-1, %cx
1:      incw    %cx
        call    dsp_read
        testb   %al, %al
        jnz     1b
        movw    %cx, %ax
        check   "E3: 44 letters and a zero", 44
        dsp     0xd1, 0xd8
        call    dsp_read16
        check   "D1, D8: speaker on", 0xff
        dsp     0xd3, 0xd8
        call    dsp_read16
        check   "D3, D8: speaker off", 0
        dsp     0x20
        call    dsp_read16
        check   "20: silence from the microphone", 0x80

        /* Which line does F2 pull? */
        movw    $irq5, 0x0d * 4
        movw    $irq7, 0x0f * 4
        movw    $irq9, 0x71 * 4
        movw    $irq10, 0x72 * 4
        xorw    %ax, %ax
        movw    %ax, 0x0d * 4 + 2
        movw    %ax, 0x0f * 4 + 2
        movw    %ax, 0x71 * 4 + 2
        movw    %ax, 0x72 * 4 + 2
        inb     $0x21, %al
        andb    $~0xa4, %al
        outb    %al, $0x21
        inb     $0xa1, %al
        andb    $~0x06, %al
        outb    %al, $0xa1
        dsp     0xf2
        movw    $1, %cx
        call    wait_irqs
        movw    irqs, %ax
        check   "F2: one interrupt", 1
        movb    $0x80, %ah
        call    mixer_read
        movb    $9, %ah                 /* its bits: IRQ 9, 5, 7, 10 */
        testb   $1, %al
        jnz     1f
        movb    $5, %ah
        testb   $2, %al
        jnz     1f
        movb    $7, %ah
        testb   $4, %al
        jnz     1f
        movb    $10, %ah
1:      movb    fired, %al
        subb    %ah, %al
        movb    $0, %ah
        check   "on the line of mixer register 80", 0
        dsp     0xf3
        call    tick
        movw    seen, %ax
        check   "F3: the 16-bit interrupt", 3
        movb    $0x81, %ah
        call    mixer_read
        movb    %al, %ah
        andb    $0x0b, %al
        bsf     %ax, %cx
        movb    %cl, dma8
        movb    %ah, %al
        andw    $0xe0, %ax
        bsf     %ax, %cx
        movb    %cl, dma16
        movw    $found, %si             /* "card PORT IRQ DMA DMA" */
        call    print
        movb    base + 1, %al
        call    put_digit
        movb    base, %al
        shrb    $4, %al
        call    put_digit
        movb    base, %al
        call    put_digit
        movb    fired, %al
        call    put_number
        movb    dma8, %al
        call    put_number
        movb    dma16, %al
        call    put_number
        movw    $newline, %si
        call    print

/* --- digital sound --------------------------------------------------------------------------------------------------- */
        movw    $PAGE, %ax
        movw    %ax, %es
        call    fill_waves

        movw    0x20, %ax               /* the timer's interrupt at 8008 Hz gives the samples */
        movw    %ax, old_timer
        movw    0x22, %ax
        movw    %ax, old_timer + 2
        cli
        movw    $timer, 0x20
        movw    $0, 0x22
        movw    $149, %ax
        call    set_timer
        sti
1:      hlt
        cmpw    $2800, samples
        jb      1b
        cli
        movw    old_timer, %ax
        movw    %ax, 0x20
        movw    old_timer + 2, %ax
        movw    %ax, 0x22
        xorw    %ax, %ax
        call    set_timer
        sti
        movw    samples, %ax
        check   "10: samples one by one", 2800
        call    quiet

        movw    $512 - 1, %cx           /* single blocks, each begun in the interrupt of the one before */
        movb    $0x58, %bl
        call    program_8
        movw    $again, hook
        dsp     0x40, 166
        call    again
        call    wait_tone
        movw    $nothing, hook
        call    quiet
        movw    irqs, %ax
        check   "14: each block interrupts once", TONE + 1

        movw    $1024 - 1, %cx
        movb    $0x58, %bl
        call    program_8
        dsp     0x48, 0xff, 0x01, 0x1c
        call    wait_tone
        dsp     0xda
        call    quiet
        movw    irqs, %ax
        check   "1C, DA: the block that plays is the last", TONE + 1

        movw    $2048 - 1, %cx
        movb    $0x58, %bl
        call    program_8
        dsp     0x40, 211, 0x48, 0xff, 0x03, 0x90
        call    wait_tone
        call    reset_dsp
        movw    irqs, %bx
        pushw   %bx
        call    quiet
        popw    %ax
        subw    irqs, %ax
        check   "90: a reset ends it", 0

        call    fill_left
        movw    $4096 - 1, %cx
        movb    $0x58, %bl
        call    program_8
        mixer   0x0e, 0x02
        dsp     0x40, 233, 0x48, 0xff, 0x07, 0x1c
        call    wait_tone
        call    reset_dsp
        mixer   0x0e, 0x00
        call    quiet

        movw    $codes_4, %si
        movw    $2048, %cx
        call    fill_codes
        dsp     0x40, 166, 0x75, 0x00, 0x08
        call    wait_one
        check   "75: ADPCM of 4 bits", 1
        movw    $codes_3, %si
        movw    $2760, %cx
        call    fill_codes
        dsp     0x40, 211, 0x77, 2760&0xff, 2760>>8
        call    wait_one
        check   "77: ADPCM of 2.6 bits", 1
        movw    $codes_2, %si
        movw    $2048, %cx
        call    fill_codes
        dsp     0x17, 0x00, 0x08
        call    wait_one
        check   "17: ADPCM of 2 bits", 1

        call    fill_words
        movw    $8192 - 1, %cx          /* words */
        movb    $0x58, %bl
        call    program_16
        dsp     0x41, 44100>>8, 44100&0xff, 0xb6, 0x30, 0xff, 0x0f
        call    wait_tone
        dsp     0xd9
        call    quiet
        movw    irqs, %ax
        check   "B6, D9: the block that plays is the last", TONE + 1
        movw    seen, %ax
        check   "and its interrupts are the 16-bit ones", 2

        call    clear_irqs              /* half a second of silence: 8000 samples at 16000 Hz */
        dsp     0x40, 256-62, 0x80, 8064&0xff, 8064>>8
        movw    $6, %cx
        call    ticks
        movw    irqs, %ax
        check   "80: no interrupt before its time", 0
        movw    $5, %cx
        call    ticks
        movw    irqs, %ax
        check   "80: one after it", 1

        movw    $0x8080, %ax
        xorw    %di, %di
        movw    $0x8000, %cx
        rep stosw
        movw    $0xffff, %cx            /* pause: the count stands */
        movb    $0x58, %bl
        call    program_8
        call    clear_irqs
        dsp     0x40, 211, 0x48, 0xff, 0xff, 0x1c
        movw    $2, %cx
        call    ticks
        dsp     0xd0
        call    read_count
        pushw   %ax
        movw    $2, %cx
        call    ticks
        call    read_count
        popw    %bx
        subw    %bx, %ax
        check   "D0: the DMA count stands", 0
        notw    %bx                     /* 65536 less what was moved in two ticks of 22222 Hz: 1220 to 2442 */
        movw    %bx, %ax
        subw    $1200, %ax
        cmpw    $1300, %ax
        sbbw    %ax, %ax
        check   "and stood at what guest time says", 0xffff
        dsp     0xd4
        movw    $2, %cx
        call    ticks
        call    read_count
        notw    %ax
        subw    %bx, %ax
        subw    $1200, %ax
        cmpw    $1300, %ax
        sbbw    %ax, %ax
        check   "D4: it goes on", 0xffff
        call    reset_dsp

        movw    $512 - 1, %cx           /* recording */
        movb    $0x44, %bl
        call    program_8
        movw    $0, %es:0
        movw    $0, %es:510
        call    clear_irqs
        dsp     0x40, 166, 0x24, 0xff, 0x01
        movw    $1, %cx
        call    wait_irqs
        movw    %es:510, %ax
        check   "24: records silence", 0x8080

        movw    $0, %cx                 /* the byte that proves the chip */
        movb    $0x44, %bl
        call    program_8
        dsp     0xe2, 0xa5
        movb    %es:0, %al              /* AA + (A5 ^ 96) */
        movb    $0, %ah
        check   "E2: the identity by DMA", 0xdd

/* --- FM and MIDI ----------------------------------------------------------------------------------------------------- */
        movw    $0x388, fm_port
        movw    $0x6004, %ax
        call    fm
        movw    $0x8004, %ax
        call    fm
        call    fm_status
        pushw   %ax
        movw    $0xff02, %ax
        call    fm
        movw    $0x2104, %ax
        call    fm
        movw    $1, %cx
        call    ticks
        call    fm_status
        movb    %al, %bh
        popw    %ax
        movb    %bh, %ah
        check   "388: timer 1 shows; an OPL3", 0xc000
        movw    $0x6004, %ax
        call    fm
        movw    $0x8004, %ax
        call    fm
        movw    base, %ax
        addw    $2, %ax
        movw    %ax, fm_port
        movw    $0x0105, %ax            /* NEW: both banks, both sides */
        call    fm
        subw    $2, fm_port
        movw    $fm_0, %si
        call    fm_tone
        addw    $2, fm_port
        movw    $fm_1, %si
        call    fm_tone

        call    clear_irqs
        movw    $0x331, %dx
        movb    $0xff, %al
        outb    %al, %dx
        call    tick
        movw    midi, %ax
        movb    seen, %ah
        check   "331: reset is acknowledged, with an interrupt", 0x04fe

/* --- the end --------------------------------------------------------------------------------------------------------- */
        movw    passed, %ax
        call    put_decimal
        movw    $text_passed, %si
        call    print
        movw    failed, %ax
        call    put_decimal
        movw    $text_failed, %si
        call    print
        movw    $EXIT_PORT, %dx
        movb    $0x10, %al
        cmpw    $0, failed
        je      1f
        incb    %al
1:      outb    %al, %dx
2:      hlt
        jmp     2b

/* --- waiting --------------------------------------------------------------------------------------------------------- */
tick:   movw    $1, %cx
ticks:  movw    0x46c, %ax              /* CX changes of the count of 55 ms */
1:      cmpw    0x46c, %ax
        je      1b
        loop    ticks
        ret
quiet:  movw    $5, %cx
        jmp     ticks

clear_irqs:
        movw    $0, irqs
        movw    $0, seen
        ret

/* Until CX interrupts came; at most 3 s. */
wait_irqs:
        movw    0x46c, %bx
1:      cmpw    %cx, irqs
        jae     2f
        movw    0x46c, %ax
        subw    %bx, %ax
        cmpw    $55, %ax
        jb      1b
2:      ret
wait_tone:
        movw    $TONE, %cx
        jmp     wait_irqs
/* AX: interrupts of one block and the silence after it. */
wait_one:
        movw    $1, %cx
        call    wait_irqs
        call    quiet
        movw    irqs, %ax
        ret

/* --- the card -------------------------------------------------------------------------------------------------------- */
/* AL: what the DSP answers. */
reset_dsp:
        movw    base, %dx
        addw    $6, %dx
        movb    $1, %al
        outb    %al, %dx
        movw    $100, %cx
1:      inb     $0x80, %al
        loop    1b
        xorb    %al, %al
        outb    %al, %dx
dsp_read:
        pushw   %cx
        pushw   %dx
        movw    base, %dx
        addw    $0xe, %dx
        xorw    %cx, %cx
1:      inb     %dx, %al
        testb   %al, %al
        js      2f
        loop    1b
2:      subw    $4, %dx
        inb     %dx, %al
        popw    %dx
        popw    %cx
        ret
dsp_read16:
        call    dsp_read
        movb    $0, %ah
        ret

dsp_write:
        pushw   %dx
        pushw   %ax
        movw    base, %dx
        addw    $0xc, %dx
1:      inb     %dx, %al
        testb   %al, %al
        js      1b
        popw    %ax
        outb    %al, %dx
        popw    %dx
        ret

mixer_write:
        movw    base, %dx
        addw    $4, %dx
        outb    %al, %dx
        incw    %dx
        movb    %ah, %al
        outb    %al, %dx
        ret
mixer_read:                             /* AH, into AL */
        movw    base, %dx
        addw    $4, %dx
        movb    %ah, %al
        outb    %al, %dx
        incw    %dx
        inb     %dx, %al
        ret

/* Mode BL without its channel, count CX. */
program_8:
        call    clear_irqs
        movb    dma8, %al
        movb    %al, %ah
        orb     $4, %al
        outb    %al, $0x0a
        outb    %al, $0x0c
        movb    %bl, %al
        orb     %ah, %al
        outb    %al, $0x0b
        movzbw  %ah, %dx
        addw    %dx, %dx
        xorb    %al, %al
        outb    %al, %dx
        outb    %al, %dx
        incw    %dx
        movb    %cl, %al
        outb    %al, %dx
        movb    %ch, %al
        outb    %al, %dx
        movzbw  %ah, %si
        movzbw  pages(%si), %dx
        movb    $PAGE >> 12, %al
        outb    %al, %dx
        movb    %ah, %al
        outb    %al, $0x0a
        ret
program_16:
        call    clear_irqs
        movb    dma16, %ah
        subb    $4, %ah
        movb    %ah, %al
        orb     $4, %al
        outb    %al, $0xd4
        outb    %al, $0xd8
        movb    %bl, %al
        orb     %ah, %al
        outb    %al, $0xd6
        movzbw  %ah, %dx
        shlw    $2, %dx
        addw    $0xc0, %dx
        xorb    %al, %al
        outb    %al, %dx
        outb    %al, %dx
        addw    $2, %dx
        movb    %cl, %al
        outb    %al, %dx
        movb    %ch, %al
        outb    %al, %dx
        movzbw  %ah, %si
        movzbw  pages + 4(%si), %dx
        movb    $PAGE >> 12, %al
        outb    %al, %dx
        movb    %ah, %al
        outb    %al, $0xd4
        ret
read_count:                             /* AX, of the 8-bit channel */
        outb    %al, $0x0c
        movzbw  dma8, %dx
        addw    %dx, %dx
        incw    %dx
        inb     %dx, %al
        movb    %al, %ah
        inb     %dx, %al
        xchgb   %al, %ah
        ret

/* --- interrupts ------------------------------------------------------------------------------------------------------ */
irq5:   pushw   %ax
        movb    $5, %al
        jmp     1f
irq7:   pushw   %ax
        movb    $7, %al
        jmp     1f
irq9:   pushw   %ax
        movb    $9, %al
        jmp     1f
irq10:  pushw   %ax
        movb    $10, %al
1:      pushw   %dx
        pushw   %ds
        pushw   $0
        popw    %ds
        movb    %al, fired
        incw    irqs
        movb    $0x82, %ah
        call    mixer_read
        andb    $7, %al
        orb     %al, seen
        movw    base, %dx
        addw    $0xe, %dx
        testb   $1, %al
        jz      2f
        movb    %al, %ah
        inb     %dx, %al
        movb    %ah, %al
2:      incw    %dx
        testb   $2, %al
        jz      2f
        movb    %al, %ah
        inb     %dx, %al
        movb    %ah, %al
2:      testb   $4, %al
        jz      2f
        movw    $0x330, %dx
        inb     %dx, %al
        movb    %al, midi
2:      call    *hook
        movb    $0x20, %al
        cmpb    $8, fired
        jb      2f
        outb    %al, $0xa0
2:      outb    %al, $0x20
        popw    %ds
        popw    %dx
        popw    %ax
        iret

/* What an interrupt does besides. */
nothing:
        ret
again:  cmpw    $TONE + 1, irqs
        jae     1f
        dsp     0x14, 0xff, 0x01
1:      ret

timer:  pushw   %ax
        pushw   %bx
        pushw   %ds
        pushw   $0
        popw    %ds
        movw    samples, %bx
        incw    samples
        andw    $15, %bx
        dsp     0x10
        movb    wave(%bx), %al
        call    dsp_write
        movb    $0x20, %al
        outb    %al, $0x20
        popw    %ds
        popw    %bx
        popw    %ax
        iret

set_timer:                              /* every AX clocks */
        pushw   %ax
        movb    $0x36, %al
        outb    %al, $0x43
        popw    %ax
        outb    %al, $0x40
        movb    %ah, %al
        outb    %al, $0x40
        ret

/* --- the buffer, at ES:0 --------------------------------------------------------------------------------------------- */
fill_waves:
        xorw    %di, %di
1:      movw    $wave, %si
        movw    $8, %cx
        rep movsw
        testw   %di, %di
        jnz     1b
        ret
fill_left:                              /* wave, middle */
        xorw    %di, %di
1:      movw    $wave, %si
        movw    $16, %cx
2:      lodsb
        movb    $0x80, %ah
        stosw
        loop    2b
        testw   %di, %di
        jnz     1b
        ret
fill_words:                             /* signed wave, 0 */
        xorw    %di, %di
1:      movw    $wave, %si
        movw    $16, %cx
2:      lodsb
        subb    $0x80, %al
        movb    %al, %ah
        movb    $0, %al
        stosw
        xorw    %ax, %ax
        stosw
        loop    2b
        testw   %di, %di
        jnz     1b
        ret
/* A reference of 80h, and CX bytes as SI says: so many of one, so many of another; then the DMA for them. */
fill_codes:
        pushw   %cx
        movw    $0x80, %es:0
        movw    $1, %di
        movw    1(%si), %ax             /* up, down */
1:      movzbw  (%si), %bx
2:      stosb
        decw    %cx
        jz      3f
        decw    %bx
        jnz     2b
        xchgb   %al, %ah
        jmp     1b
3:      popw    %cx
        movb    $0x48, %bl
        jmp     program_8

/* --- FM -------------------------------------------------------------------------------------------------------------- */
/* AL register, AH value; the delays the chip asks for are reads of its status. */
fm:     movw    fm_port, %dx
        outb    %al, %dx
        movw    $6, %cx
1:      inb     %dx, %al
        loop    1b
        movb    %ah, %al
        incw    %dx
        outb    %al, %dx
        decw    %dx
        movw    $35, %cx
1:      inb     %dx, %al
        loop    1b
        ret
fm_status:
        movw    fm_port, %dx
        inb     %dx, %al
        andw    $0xe6, %ax              /* the flags, and what an OPL2 would show */
        ret
/* The registers at SI, a tone, and its key goes up. */
fm_tone:
1:      lodsw
        call    fm
        cmpb    $0xb0, -2(%si)
        jne     1b
        movw    $7, %cx
        call    ticks
        movw    $0x12b0, %ax
        call    fm
        jmp     quiet

/* --- output ---------------------------------------------------------------------------------------------------------- */
/* AX against BP; SI: what was tested. */
compare:
        pusha
        pushw   %si
        movw    $text_ok, %si
        incw    passed
        cmpw    %bp, %ax
        je      1f
        decw    passed
        incw    failed
        movw    $text_fail, %si
1:      pushw   %ax
        call    print
        popw    %ax
        popw    %si
        pushw   %ax
        call    print
        popw    %bx
        cmpw    %bp, %bx
        je      3f
        movb    $' ', %al
        call    put
        movw    $4, %cx
2:      rolw    $4, %bx
        movb    %bl, %al
        call    put_digit
        loop    2b
3:      movw    $newline, %si
        call    print
        popa
        ret

put_number:                             /* a space and AL in decimal */
        pushw   %ax
        movb    $' ', %al
        call    put
        popw    %ax
        movb    $0, %ah
put_decimal:                            /* AX */
        movw    $10, %bx
        xorw    %dx, %dx
        divw    %bx
        pushw   %dx
        testw   %ax, %ax
        jz      1f
        call    put_decimal
1:      popw    %ax
        jmp     put_digit

        define_put
        define_print
        define_put_digit

/* --- data ------------------------------------------------------------------------------------------------------------ */
text_ok:        .asciz  "ok "
text_fail:      .asciz  "FAIL "
text_passed:    .asciz  " passed, "
text_failed:    .asciz  " failed\r\n"
found:          .asciz  "card "
newline:        .asciz  "\r\n"
pages:          .byte   0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a
wave:           .byte   128, 159, 185, 203, 208, 203, 185, 159, 128, 97, 71, 53, 48, 53, 71, 97
codes_4:        .byte   4, 0x33, 0xbb           /* 8 times 3 up, 8 times 3 down */
codes_3:        .byte   6, 0x49, 0xdb           /* 18 times 2 */
codes_2:        .byte   4, 0x44, 0xee           /* 16 times 1: the step goes up and down */
fm_0:           .byte   0x20, 0x21, 0x23, 0x21, 0x40, 0x3f, 0x43, 0x00, 0x60, 0xf0, 0x63, 0xf0, 0x80, 0x0f, 0x83, 0x0f
                .byte   0xc0, 0x10, 0xa0, 0x44, 0xb0, 0x32
fm_1:           .byte   0x20, 0x21, 0x23, 0x21, 0x40, 0x3f, 0x43, 0x00, 0x60, 0xf0, 0x63, 0xf0, 0x80, 0x0f, 0x83, 0x0f
                .byte   0xc0, 0x20, 0xa0, 0x44, 0xb0, 0x32
hook:           .word   nothing
base:           .word   0
irqs:           .word   0
seen:           .word   0                       /* bits of mixer register 82 */
midi:           .word   0
samples:        .word   0
fm_port:        .word   0
passed:         .word   0
failed:         .word   0
old_timer:      .word   0, 0
fired:          .byte   0
dma8:           .byte   0
dma16:          .byte   0

        .pushsection .text, 1
        .balign 512, 0
image_end:
        .popsection
