/*
 * Test disk: a frame of box drawing, then each key as INT 16h gives it (AX) and each packet of the mouse (status, x, y), in
 * hexadecimal; F1 draws a picture in mode 13h until the next key.  For tests/check-terminal.sh.  Origin: 0x7c00
 *
 * Source: IBM PS/2 BIOS Interface Technical Reference, "INT 10h", "INT 16h", "INT 15h, pointing device".
 */
        .set    F1, 0x3b00

        .include "roms/disk.inc"

        boot_start
        movw    $0xc205, %ax            /* packets of 3 bytes */
        movb    $3, %bh
        int     $0x15
        movw    $0xc207, %ax
        movw    $packet, %bx
        int     $0x15
        movw    $0xc200, %ax
        movb    $1, %bh
        int     $0x15
text:   movw    $3, %ax
        int     $0x10
        movw    $frame, %si
        call    print
next:   hlt
        cmpb    $0, moved
        je      1f
        movb    $0, moved
        movb    $'m', %al
        call    put
        movw    status, %ax
        call    print_word
        movw    x, %ax
        call    print_word
        movw    y, %ax
        call    print_word
        call    end_line
1:      movb    $0x11, %ah
        int     $0x16
        jz      next
        movb    $0x10, %ah
        int     $0x16
        cmpw    $F1, %ax
        je      picture
        pushw   %ax
        movb    $'k', %al
        call    put
        popw    %ax
        call    print_word
        call    end_line
        jmp     next

/* The VGA's palette from top to bottom. */
picture:
        movw    $0x13, %ax
        int     $0x10
        pushw   $0xa000
        popw    %es
        xorw    %di, %di
1:      movw    %di, %ax
        movb    %ah, %al
        stosb
        cmpw    $64000, %di
        jb      1b
        pushw   %ds
        popw    %es
        movb    $0x10, %ah
        int     $0x16
        jmp     text

/* Far call of the BIOS: z, y, x, status on the stack. */
packet: pushw   %bp
        movw    %sp, %bp
        pushw   %ax
        movw    8(%bp), %ax
        movw    %ax, %cs:y
        movw    10(%bp), %ax
        movw    %ax, %cs:x
        movw    12(%bp), %ax
        movw    %ax, %cs:status
        movb    $1, %cs:moved
        popw    %ax
        popw    %bp
        lret

print_word:
        movw    $4, %cx
1:      rolw    $4, %ax
        pushw   %ax
        call    put_digit
        popw    %ax
        loop    1b
        movb    $' ', %al
        jmp     put
        define_put_digit
put:    movb    $0x0e, %ah
        movw    $7, %bx
        int     $0x10
        ret
end_line:
        movw    $line, %si
        define_print

frame:  .byte   0xc9, 0xcd, 0xcd, 0xcd, 0xcd, 0xbb, 13, 10
        .byte   0xba, 0x20, 0xb0, 0xdb, 0x03, 0xba, 13, 10
        .byte   0xc8, 0xcd, 0xcd, 0xcd, 0xcd, 0xbc
line:   .asciz  "\r\n"
moved:  .byte   0
status: .word   0
x:      .word   0
y:      .word   0
        boot_end
