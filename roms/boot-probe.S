/*
 * One boot sector that says where it was loaded from, on the screen and COM1: "Probe: LABEL, drive 80".  Origin: 0x7c00
 *
 * It serves as a floppy, a hard disk, a partition or a CD's boot image; tests write LABEL (14 characters) at 1A0h.
 * Then it waits; a key restarts the BIOS's boot (INT 19h), as a boot sector without a system does.
 *
 * Source: PC/AT BIOS: INT 10h function 0Eh, INT 16h function 0, INT 19h; BIOS Boot Specification 1.01, "INT 19h".
 */

        .include "roms/disk.inc"

        boot_start
        movb    %dl, drive
        movw    $name, %si
        call    print
        movw    $label, %si
        call    print
        movw    $on, %si
        call    print
        movb    drive, %al
        shrb    $4, %al
        call    put_digit
        movb    drive, %al
        call    put_digit
        movw    $line, %si
        call    print
        xorw    %ax, %ax
        int     $0x16
        int     $0x19

        define_put_digit
put:    movw    $7, %bx                 /* AL to the screen and COM1 */
        movb    $0x0e, %ah
        int     $0x10
        define_put      put_serial
        define_print

name:   .asciz  "Probe: "
on:     .asciz  ", drive "
line:   .asciz  "\r\n"
drive:  .byte   0
        .org    0x1a0
label:  .asciz  "unnamed"
        boot_end
