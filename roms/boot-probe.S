/*
 * One boot sector that says where it was loaded from, on the screen and COM1: "Probe: LABEL, drive 80".  Origin: 0x7c00
 *
 * It serves as a floppy, a hard disk, a partition or a CD's boot image; tests write LABEL (14 characters) at 1A0h.
 * Then it waits; a key restarts the BIOS's boot (INT 19h), as a boot sector without a system does.
 *
 * Source: PC/AT BIOS: INT 10h function 0Eh, INT 16h function 0, INT 19h; BIOS Boot Specification 1.01, "INT 19h".
 */
        .set    COM1, 0x3f8

        .code16
        .text
        .globl  start
start:  ljmp    $0, $1f
1:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        sti
        cld
        movb    %dl, drive
        movw    $name, %si
        call    print
        movw    $label, %si
        call    print
        movw    $on, %si
        call    print
        movb    drive, %al
        shrb    $4, %al
        call    digit
        movb    drive, %al
        andb    $15, %al
        call    digit
        movw    $line, %si
        call    print
        xorw    %ax, %ax
        int     $0x16
        int     $0x19

digit:  addb    $'0', %al
        cmpb    $'9', %al
        jbe     put
        addb    $7, %al
put:    pushw   %ax                     /* AL to the screen and, when it is ready, to COM1 */
        movw    $7, %bx
        movb    $0x0e, %ah
        int     $0x10
        movw    $COM1 + 5, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        popw    %ax
        movw    $COM1, %dx
        outb    %al, %dx
        ret
1:      call    put
print:  lodsb
        testb   %al, %al
        jnz     1b
        ret

name:   .asciz  "Probe: "
on:     .asciz  ", drive "
line:   .asciz  "\r\n"
drive:  .byte   0
        .org    0x1a0
label:  .asciz  "unnamed"
        .org    0x1fe
        .byte   0x55, 0xaa
