/*
 * Boots a Linux kernel from a disk, for emulators without -kernel (tests/bench.sh).  Origin: 0x7c00
 *
 * The disk: this loader in sectors 0 and 1; sector 2: u32 first sector and u32 size in bytes of the initrd, then
 * the command line; from sector 8 on the kernel's file.
 * Source: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header", "Running the Kernel"; INT 13h AH=42h;
 * INT 15h AH=87h.
 */
        .set    SETUP, 0x1000           /* segment of the kernel's setup; its command line at offset E000h */
        .set    BUFFER, 0x2000          /* segment: 32 KiB */
        .set    CHUNK, 64               /* sectors */
        .set    PARAMETERS, 0x8000      /* sector 2 */
        .set    INITRD, 0x08000000

        .include "roms/disk.inc"

        boot_start
        movb    %dl, drive
        movl    $1, lba
        movw    $2, count
        movw    $0x7e00, offset
        call    read
        jmp     load

read:   movw    $packet, %si
        movb    drive, %dl
        movb    $0x42, %ah
        int     $0x13
        jc      failed
        ret

failed: movw    $broken, %si
1:      lodsb
        testb   %al, %al
        jz      2f
        movw    $7, %bx
        movb    $0x0e, %ah
        int     $0x10
        jmp     1b
2:      hlt
        jmp     2b
broken: .asciz  "cannot load"
drive:  .byte   0
        .balign 4
packet: .byte   16, 0
count:  .word   0
offset: .word   0
segment:
        .word   0
lba:    .long   0, 0
to:     .long   0                       /* where high memory is filled */
left:   .long   0                       /* bytes */

        boot_end

load:   movl    $8, lba                 /* the first 32 KiB of the kernel: its setup is in them */
        movw    $CHUNK, count
        movw    $0, offset
        movw    $SETUP, segment
        call    read
        movw    $SETUP, %ax
        movw    %ax, %fs
        movzbl  %fs:0x1f1, %eax         /* setup_sects */
        incl    %eax
        addl    %eax, lba
        movl    %fs:0x1f4, %eax         /* syssize, in 16 bytes */
        shll    $4, %eax
        movl    $0x100000, to
        call    load_high
        movl    PARAMETERS, %eax
        movl    %eax, lba
        movl    PARAMETERS + 4, %eax
        movl    %eax, %fs:0x21c         /* ramdisk_size */
        movl    $INITRD, %fs:0x218      /* ramdisk_image */
        movl    $INITRD, to
        call    load_high
        movb    $0xff, %fs:0x210        /* type_of_loader */
        orb     $0x80, %fs:0x211        /* loadflags: CAN_USE_HEAP */
        movw    $0xde00, %fs:0x224      /* heap_end_ptr */
        movl    $(SETUP << 4) + 0xe000, %fs:0x228
        movw    $SETUP, %ax
        movw    %ax, %es
        movw    $PARAMETERS + 8, %si
        movw    $0xe000, %di
        movw    $504, %cx
        rep movsb
        cli
        movw    %ax, %ds
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movw    $0xe000, %sp
        ljmp    $SETUP + 0x20, $0

/* EAX bytes from sector lba on to the linear address to; lba moves on. */
load_high:
        movl    %eax, left
1:      movw    $CHUNK, count
        movw    $BUFFER, segment
        call    read
        movl    to, %eax
        movl    %eax, copy_to + 2
        movb    $0x93, copy_to + 5
        rorl    $24, %eax
        movb    %al, copy_to + 7
        xorw    %ax, %ax
        movw    %ax, %es
        movw    $descriptors, %si
        movw    $CHUNK * 256, %cx       /* words */
        movb    $0x87, %ah
        int     $0x15
        jc      failed
        movl    left, %eax
        cmpl    $CHUNK * 512, %eax
        jbe     2f
        subl    $CHUNK * 512, left
        addl    $CHUNK * 512, to
        addl    $CHUNK, lba
        jmp     1b
2:      addl    $511, %eax
        shrl    $9, %eax
        addl    %eax, lba
        ret

        .balign 8
descriptors:
        .quad   0, 0
        .word   0xffff, 0x0000          /* from BUFFER */
        .byte   BUFFER >> 12, 0x93, 0, 0
copy_to:
        .word   0xffff, 0
        .byte   0, 0x93, 0, 0
        .quad   0, 0
        .org    1024
