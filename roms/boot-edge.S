/*
 * One boot sector that looks at the end of its disk through INT 13h extensions, and tells COM1.  Origin: 0x7c00
 *
 * In this order: the number of sectors (function 48h) in hexadecimal; the text at the start of the last sector (42h);
 * "write 00", the status after it has written "Clutch" to the start of the sector before (43h); "past SS", the status of a
 * read one sector past the end, which must fail (carry).  Then it powers off.  A failure prints "status SS" instead.
 *
 * Source: Enhanced BIOS Disk Drive Specification 3.0, "Extended Read", "Extended Write", "Get Drive Parameters",
 * "Device Address Packet".
 */
        .set    PARAMETERS, 0x8000
        .set    BUFFER, 0x8200

        .include "roms/disk.inc"

        boot_start
        movb    %dl, drive

        movw    $PARAMETERS, %si
        movw    $0x1e, (%si)
        movb    $0x48, %ah
        call    disk
        jc      failed
        movw    $8, %cx                 /* the sectors, from the last byte on */
        movw    $PARAMETERS + 0x17, %di
2:      movb    (%di), %al
        call    hex
        decw    %di
        loop    2b
        call    line

        movl    PARAMETERS + 0x10, %eax /* the last sector */
        movl    PARAMETERS + 0x14, %edx
        subl    $1, %eax
        sbbl    $0, %edx
        movl    %eax, lba
        movl    %edx, lba + 4
        movb    $0x42, %ah
        call    transfer
        jc      failed
        movw    $BUFFER, %si
        call    print
        call    line

        subl    $1, lba
        sbbl    $0, lba + 4
        movw    $BUFFER, %di
        movw    $256, %cx
        xorw    %ax, %ax
        rep     stosw
        movw    $own, %si
        movw    $BUFFER, %di
        movw    $7, %cx
        rep     movsb
        movb    $0x43, %ah
        call    transfer
        jc      failed
        movw    $write, %si
        call    status

        addl    $2, lba
        adcl    $0, lba + 4
        movb    $0x42, %ah
        call    transfer
        movw    $past, %si
        jc      3f
failed: movw    $fault, %si
3:      call    status
        movw    $0x604, %dx             /* PIIX4 PM1_CNT: SLP_EN, soft off */
        movw    $0x2000, %ax
        outw    %ax, %dx
        hlt

transfer:
        movw    $packet, %si
disk:   movb    drive, %dl
        int     $0x13
        movb    %ah, result
        ret

/* Text at SI, then the last status in hexadecimal. */
status: call    print
        movb    result, %al
        call    hex
line:   movb    $'\n', %al
        jmp     put
hex:    pushw   %ax
        shrb    $4, %al
        call    put_digit
        popw    %ax
        define_put_digit
        define_put
        define_print

own:    .asciz  "Clutch"
write:  .asciz  "write "
past:   .asciz  "past "
fault:  .asciz  "status "
drive:  .byte   0
result: .byte   0
packet: .byte   0x10, 0
        .word   1, BUFFER, 0
lba:    .quad   0
        boot_end
