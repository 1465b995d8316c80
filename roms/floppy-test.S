/*
 * Test boot floppy: reads, writes, verifies and formats through the BIOS, then works the controller itself by programmed
 * transfers.  Origin: 0x7c00
 *
 * Source: IBM PC/AT Technical Reference, "Diskette" (interrupt 13h); Intel 82077AA datasheet (290166), "Command
 * Set/Descriptions".  Made for a 1.44 MB disk in drive A, and a 720 KB disk in drive B if there are two drives.
 * Every check prints "ok NAME" or "FAIL NAME" with AX on COM1; the last line is "N passed, N failed"; it ends by
 * isa-debug-exit at port F4h with 10h (exit status 33) or 11h.  A write-protected disk gets checks of its own.
 */
        .set    EXIT_PORT, 0xf4
        .set    DOR, 0x3f2
        .set    MSR, 0x3f4
        .set    FIFO, 0x3f5
        .set    BUFFER, 0x4000          /* 9 KiB below us: a track */

        /* INT 13h into or out of the buffer; then AX is 0, or AH the error. */
        .macro  disk function, cx, dx
        movw    $\function, %ax
        movw    $\cx, %cx
        movw    $\dx, %dx
        movw    $BUFFER, %bx
        call    bios
        .endm

        .include "roms/disk.inc"

        boot_start
        movw    $0x7e00, %bx            /* the rest of this program, on the first track */
        movw    $0x200 + (image_end - start) / 512 - 1, %ax
        movw    $0x0002, %cx
        movw    $0x0000, %dx
        int     $0x13
        jnc     main
1:      hlt
        jmp     1b

        boot_end

main:   call    set_up_serial
        movb    $0x08, %ah
        movb    $0x00, %dl
        int     $0x13
        movb    %dl, drives
        movw    %cx, %ax
        check   "parameters: 80 tracks of 18 sectors", 0x4f12
        movb    %dh, %al
        movb    %bl, %ah
        check   "parameters: two heads, type 4", 0x0401
        pushw   $0                      /* ES:DI was the parameter table */
        popw    %es

        disk    0x0201, 0x0001, 0x0000
        check   "read the boot sector", 0
        movw    BUFFER + 510, %ax
        check   "its signature", 0xaa55

        movw    $BUFFER, %di
        call    fill
        disk    0x0301, 0x4f12, 0x0100
        cmpw    $0x0300, %ax
        jne     writable
        check   "the disk is write-protected", 0x0300
        jmp     controller

writable:
        check   "write the last sector", 0
        call    wipe
        disk    0x0201, 0x4f12, 0x0100
        check   "read it", 0
        call    verify_512
        check   "its bytes are the same", 0
        movw    $BUFFER, %di
        movw    $18, %cx
1:      pushw   %cx
        call    fill
        popw    %cx
        loop    1b
        disk    0x0312, 0x2801, 0x0000
        check   "write a whole track", 0
        disk    0x0412, 0x2801, 0x0000
        check   "verify it", 0
        call    wipe
        disk    0x0212, 0x2801, 0x0000
        check   "read it in one piece", 0
        call    verify_512
        check   "its first sector is the same", 0

        movw    $BUFFER, %di            /* C, H, R, N of 18 sectors */
        movb    $1, %cl
1:      movw    $0x014e, %ax
        stosw
        movb    %cl, %al
        movb    $2, %ah
        stosw
        incb    %cl
        cmpb    $18, %cl
        jbe     1b
        disk    0x0512, 0x4e01, 0x0100
        check   "format a track", 0
        disk    0x0201, 0x4e12, 0x0100
        check   "read its last sector", 0
        movw    BUFFER + 510, %ax
        check   "it has the filler byte", 0xf6f6

        cmpb    $2, drives
        jb      controller
        disk    0x0201, 0x4f09, 0x0101
        check   "drive B: read the last sector", 0
        movw    $BUFFER, %di
        call    fill
        disk    0x0301, 0x4f08, 0x0101
        check   "drive B: write the one before", 0

/* The controller by itself, without interrupts and DMA: reset, specify, recalibrate, read a sector byte by byte. */
controller:
        inb     $0x21, %al
        orb     $0x40, %al
        outb    %al, $0x21              /* IRQ 6 is ours to look at */
        movw    $DOR, %dx
        movb    $0x00, %al
        outb    %al, %dx
        movb    $0x1c, %al
        outb    %al, %dx
        call    await_irq
        check   "reset asks for an interrupt", 0x40
        movw    $4, %cx
1:      movb    $0x08, %al
        call    send
        call    receive
        movb    %al, %ah
        call    receive
        loop    1b
        check   "the fourth drive was polled", 0xc300
        movb    $0x10, %al
        call    send
        call    receive
        movb    $0, %ah
        check   "version", 0x0090
        movw    $0x3f7, %dx             /* 500 kbit/s */
        movb    $0, %al
        outb    %al, %dx
        movw    $specify, %si
        movw    $5, %cx
        call    send_all
        call    await_irq
        movb    $0x08, %al
        call    send
        call    receive
        movb    %al, %ah
        call    receive
        check   "recalibrate ends at track 0", 0x2000
        movw    $read_sector, %si
        movw    $9, %cx
        call    send_all
        movw    $BUFFER, %di
        movw    $512, %cx
1:      call    receive
        stosb
        loop    1b
        call    receive
        movb    %al, %ah
        call    receive
        check   "a programmed read ends beyond EOT", 0x4080
        movw    $5, %cx
1:      call    receive
        loop    1b
        movw    BUFFER + 510, %ax
        check   "its bytes are the boot sector's", 0xaa55
        movw    $MSR, %dx
        inb     %dx, %al
        movb    $0, %ah
        check   "and the controller waits for a command", 0x80

finish: movw    passed, %ax
        call    print_decimal
        movw    $passed_text, %si
        call    print
        movw    failed, %ax
        call    print_decimal
        movw    $failed_text, %si
        call    print
1:      movw    $COM1 + 5, %dx
        inb     %dx, %al
        testb   $0x40, %al
        jz      1b
        movb    $0x10, %al
        cmpw    $0, failed
        je      1f
        incb    %al
1:      outb    %al, $EXIT_PORT
1:      hlt
        jmp     1b

/* --- disks ------------------------------------------------------------------------------------------------------- */

/* INT 13h with a second try after a reset, as the BIOS's callers must; AX is 0, or AH the error. */
bios:   movw    %ax, saved
        int     $0x13
        jnc     1f
        movb    $0x00, %ah
        int     $0x13
        movw    saved, %ax
        int     $0x13
        jnc     1f
        movb    $0, %al
        ret
1:      xorw    %ax, %ax
        ret

/* 512 bytes at DI that run up from their sector's number. */
fill:   movw    %di, %ax
        movb    %ah, %al
        movw    $512, %cx
1:      stosb
        addb    $3, %al
        loop    1b
        ret

wipe:   movw    $BUFFER, %di
        movw    $4608, %cx
        xorw    %ax, %ax
        rep stosw
        ret

/* AX: 0 if the first sector of the buffer is as fill made it. */
verify_512:
        movw    $BUFFER, %si
        movb    $BUFFER >> 8, %bl
        movw    $512, %cx
1:      lodsb
        cmpb    %bl, %al
        jne     2f
        addb    $3, %bl
        loop    1b
2:      movw    %cx, %ax
        ret

/* AL: 40h once IRQ 6 is pending, 0 if it never is. */
await_irq:
        movl    $10000000, %ecx
1:      movb    $0x0a, %al              /* OCW3: read IRR */
        outb    %al, $0x20
        inb     $0x20, %al
        andw    $0x40, %ax
        jnz     2f
        decl    %ecx
        jnz     1b
2:      ret

send:   pushw   %ax
        movw    $MSR, %dx
1:      inb     %dx, %al
        andb    $0xc0, %al
        cmpb    $0x80, %al
        jne     1b
        popw    %ax
        movw    $FIFO, %dx
        outb    %al, %dx
        ret

send_all:
        lodsb
        call    send
        loop    send_all
        ret

/* Keeps AH. */
receive:
        movw    $MSR, %dx
1:      inb     %dx, %al
        andb    $0xc0, %al
        cmpb    $0xc0, %al
        jne     1b
        movw    $FIFO, %dx
        inb     %dx, %al
        ret

specify:
        .byte   0x03, 0xdf, 0x03        /* non-DMA */
        .byte   0x07, 0x00
read_sector:
        .byte   0x46, 0x00, 0, 0, 1, 2, 1, 0x1b, 0xff

/* --- output ------------------------------------------------------------------------------------------------------ */

compare:
        pusha
        cmpw    %bp, %ax
        je      1f
        incw    failed
        pushw   %ax
        pushw   %si
        movw    $fail_text, %si
        call    print
        popw    %si
        call    print
        popw    %ax
        call    print_hex
        jmp     2f
1:      incw    passed
        pushw   %si
        movw    $ok_text, %si
        call    print
        popw    %si
        call    print
2:      movb    $10, %al
        call    put
        popa
        ret

set_up_serial:
        movw    $COM1 + 3, %dx
        movb    $0x80, %al
        outb    %al, %dx
        movw    $COM1, %dx
        movb    $1, %al                 /* 115200 baud */
        outb    %al, %dx
        incw    %dx
        movb    $0, %al
        outb    %al, %dx
        movw    $COM1 + 3, %dx
        movb    $3, %al                 /* 8N1 */
        outb    %al, %dx
        ret

        define_print

        define_put

print_hex:
        movw    %ax, %bx
        movw    $got_text, %si
        call    print
        movw    $4, %cx
1:      rolw    $4, %bx
        movb    %bl, %al
        call    put_digit
        loop    1b
        ret
        define_put_digit

print_decimal:
        movb    $10, %bl
        divb    %bl                     /* below 100 */
        addw    $0x3030, %ax
        cmpb    $'0', %al
        je      1f
        call    put
1:      movb    %ah, %al
        jmp     put

        .pushsection .text, 1
ok_text:
        .asciz  "ok   "
fail_text:
        .asciz  "FAIL "
got_text:
        .asciz  ": got "
passed_text:
        .asciz  " passed, "
failed_text:
        .asciz  " failed\n"
        .balign 2
passed: .word   0
failed: .word   0
saved:  .word   0
drives: .byte   0
        .balign 512, 0
image_end:
        .popsection
