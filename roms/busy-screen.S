/*
 * Test disk: a screen to measure a window by (tests/window-bench.py).  It begins with an idle text screen; the keys 1, 2 and 3
 * choose it again, mode 13h with every pixel changed 70 times a second, and 1024x768 in 32 bits scrolled as often, by the
 * start of the display.  Between the ticks the processor halts.  Origin: 0x7c00
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference, "INT 10h", "INT 16h"; Intel 8254 datasheet, "Mode 2"; VESA BIOS
 *         Extension core functions 3.0, 4F02h, 4F05h, 4F07h (the mode number is that of SeaBIOS' VGA BIOS).
 */
        .set    VBE_MODE, 0x144
        .set    BANKS, 96               /* of 64 KiB: two screens */
        .set    LINES, 768
        .set    TICKS, 0x46c            /* BIOS data: counted by INT 8 */

        .include "roms/disk.inc"

        boot_start
        ticks_per_second 70
        jmp     idle

next:   movl    TICKS, %eax
        cmpl    %eax, last
        jne     tick
        movb    $1, %ah
        int     $0x16
        jnz     key
        hlt
        jmp     next
key:    xorb    %ah, %ah
        int     $0x16
        cmpb    $'1', %al
        je      idle
        cmpb    $'2', %al
        je      fill
        cmpb    $'3', %al
        je      scroll
        jmp     next

tick:   movl    %eax, last
        call    *step
        jmp     next
nothing:
        ret

idle:   movw    $nothing, step
        movw    $3, %ax
        int     $0x10
        movw    $0x0e00 + '>', %ax
        int     $0x10
        jmp     next

fill:   movw    $0x13, %ax
        int     $0x10
        movw    $fill_screen, step
        jmp     next
fill_screen:
        movw    $0xa000, %cx
        movw    %cx, %es
        xorw    %di, %di
        movb    last, %al
        movw    $200, %dx
1:      movw    $320, %cx
        rep     stosb
        incb    %al
        decw    %dx
        jnz     1b
        ret

scroll: movw    $0x4f02, %ax
        movw    $VBE_MODE, %bx
        int     $0x10
        xorw    %dx, %dx
        movl    $0x010307, %esi
1:      pushw   %dx
        movw    $0x4f05, %ax
        xorw    %bx, %bx
        int     $0x10
        movw    $0xa000, %cx
        movw    %cx, %es
        xorw    %di, %di
        movw    $0x4000, %cx
2:      movl    %esi, %eax
        stosl
        addl    $0x010307, %esi
        loop    2b
        popw    %dx
        incw    %dx
        cmpw    $BANKS, %dx
        jne     1b
        movw    $scroll_screen, step
        jmp     next
scroll_screen:
        movl    last, %eax
        xorl    %edx, %edx
        movl    $LINES, %ecx
        divl    %ecx
        movw    $0x4f07, %ax
        xorw    %bx, %bx
        xorw    %cx, %cx
        int     $0x10
        ret

step:   .word   nothing
last:   .long   0
        boot_end
