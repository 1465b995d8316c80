/*
 * Test disk: another screen 70 times a second, sensible or not, for whoever has to show them (tests/check-sdl.sh): DISPI modes of
 * any size with offsets anywhere in memory, text and graphics modes of the BIOS, random values in the CRT controller, the
 * sequencer, the graphics and the attribute controller.  Origin: 0x7c00
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"; the DISPI interface (devices/vga_dispi.c); Intel
 *         8254 datasheet, "Mode 2".
 */
        .set    DISPI_INDEX, 0x1ce
        .set    DISPI_DATA, 0x1cf
        .set    ENABLE, 4
        .set    TICKS, 0x46c            /* BIOS data: counted by INT 8 */

        .include "roms/disk.inc"

        boot_start
        ticks_per_second 70
next:   hlt
        movw    TICKS, %ax
        cmpw    last, %ax
        je      next
        movw    %ax, last
        call    random
        andw    $7, %ax
        cmpw    $5, %ax
        jb      dispi
        je      bios
        jmp     registers

/* ax = 16 bits: a linear congruential generator */
random: imull   $1664525, seed, %eax
        addl    $1013904223, %eax
        movl    %eax, seed
        shrl    $16, %eax
        ret

/* DISPI register al = bx */
put:    movw    $DISPI_INDEX, %dx
        xorb    %ah, %ah
        outw    %ax, %dx
        movw    $DISPI_DATA, %dx
        movw    %bx, %ax
        outw    %ax, %dx
        ret

dispi:  xorw    %bx, %bx
        movb    $ENABLE, %al
        call    put
        movw    $sizes, %si             /* XRES, YRES */
        call    random
        testb   $1, %ah
        jz      1f
        andw    $0x3c, %ax              /* a size of the list */
        addw    %ax, %si
        movw    (%si), %bx
        movw    2(%si), %cx
        jmp     2f
1:      call    random
        andw    $0x0fff, %ax
        movw    %ax, %bx
        call    random
        andw    $0x07ff, %ax
        movw    %ax, %cx
2:      movb    $1, %al
        call    put
        movw    %cx, %bx
        movb    $2, %al
        call    put
        call    random
        andw    $7, %ax
        movw    %ax, %si
        movzbw  depths(%si), %bx
        movb    $3, %al
        call    put
        movw    $0x41, %bx              /* on, linear */
        movb    $ENABLE, %al
        call    put
        movb    $6, %cl                 /* VIRT_WIDTH, X_OFFSET, Y_OFFSET */
1:      cmpb    $7, %cl
        je      2f
        call    random
        shrw    $3, %ax
        movw    %ax, %bx
        movb    %cl, %al
        call    put
2:      incb    %cl
        cmpb    $10, %cl
        jb      1b
        jmp     draw

bios:   xorw    %bx, %bx
        movb    $ENABLE, %al
        call    put
        call    random
        andw    $0x1f, %ax
        cmpb    $0x13, %al
        jbe     1f
        movb    $3, %al
1:      int     $0x10
        jmp     draw

registers:
        movw    $100, %cx
1:      call    random
        movw    %ax, %bx
        movw    $0x3d4, %dx             /* the CRT controller */
        testb   $3, %bh
        jnz     2f
        movw    $0x3c4, %dx             /* sequencer: not its reset */
        orb     $1, %bl
        testb   $4, %bh
        jnz     2f
        movw    $0x3ce, %dx
2:      movb    %bl, %al
        andb    $0x1f, %al
        outb    %al, %dx
        incw    %dx
        call    random
        outb    %al, %dx
        loop    1b
        movw    $0x3da, %dx             /* the attribute controller's mode and panning */
        inb     %dx, %al
        movw    $0x3c0, %dx
        movb    $0x30, %al
        outb    %al, %dx
        call    random
        outb    %al, %dx

draw:   call    random
        movw    $0xa000, %dx
        movw    %dx, %es
        xorw    %di, %di
        movw    $0x8000, %cx
        rep     stosw
        jmp     next

depths: .byte   4, 8, 15, 16, 24, 32, 0, 7
sizes:  .word   1, 1, 2560, 1600, 1, 1600, 2560, 1, 641, 479, 8, 8, 0, 0, 0xffff, 0xffff, 1023, 767, 320, 200, 7, 3
        .word   1280, 1024, 1600, 1200, 2559, 1599, 640, 480, 800, 600
last:   .word   0
seed:   .long   1
        boot_end
