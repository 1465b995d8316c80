/*
 * Test disk: asks VMware's pointer for positions and prints its packets on COM1, for tests/check-sdl.sh.  Origin: 0x7c00
 *
 * Source: VMware's vmmouse_proto.h: commands 10 and 39-41 of the backdoor port.
 */
        .set    MAGIC, 0x564d5868
        .set    PORT, 0x5658

        .macro  backdoor command
        movl    $MAGIC, %eax
        movl    $\command, %ecx
        movl    $PORT, %edx
        inl     %dx, %eax
        .endm

        .include "roms/disk.inc"

        boot_start
        xorl    %ebx, %ebx
        backdoor 10
        cmpl    $MAGIC, %ebx
        jne     none
        movl    $0x45414552, %ebx       /* enable */
        backdoor 41
        movl    $1, %ebx
        backdoor 39
        call    print_hex               /* the device's version */
        movl    $0x53424152, %ebx       /* positions */
        backdoor 41
        movw    $ready, %si
        call    print
next:   hlt
        backdoor 40
        cmpl    $4, %eax
        jb      next
        movl    $4, %ebx
        backdoor 39
        call    print_hex
        movl    %ebx, %eax
        call    print_hex
        movl    %ecx, %eax
        call    print_hex
        movl    %edx, %eax
        call    print_hex
        movw    $line, %si
        call    print
        jmp     next
none:   movw    $nothing, %si
        call    print
        hlt

        define_print

        define_put

/* EAX as eight digits and a blank. */
print_hex:
        pushl   %ecx
        movw    $8, %cx
1:      roll    $4, %eax
        pushl   %eax
        call    put_digit
        popl    %eax
        decw    %cx
        jnz     1b
        movb    $' ', %al
        call    put
        popl    %ecx
        ret
        define_put_digit

ready:  .asciz  "ready\r\n"
line:   .asciz  "\r\n"
nothing:
        .asciz  "no pointer\r\n"
        boot_end
        .org    0x400                   /* two sectors: as little as a disk may have */
