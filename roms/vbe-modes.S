/*
 * Every graphics mode of the VGA BIOS's VBE, one after the other, for tests/check-vbe.sh.  Origin: 0x7c00
 *
 * It writes "ready." to COM1 and waits for a byte.  An `l`: it writes "mode NAME." for each picture and then "done.";
 * any other byte: it draws each, writes that line, and waits for a byte, which it answers with the byte.  NAME is the
 * mode's number, WIDTHxHEIGHTxBITS, and `bank` or `linear`, told by where the picture was written.
 *
 * A picture has squares of 8 by 8 pixels.  With X and Y the square's place (`linear`: Y + 5): red is X, green is Y, blue
 * is X ^ Y, as the upper five bits of a component; where there are palettes, the colour is X ^ Y of the palette that
 * `rainbow` makes; its 16 colours are every sixteenth entry of it.
 *
 * Source: VESA BIOS Extension core functions 3.0, "Return VBE Controller Information", "Return VBE Mode Information",
 * "Set VBE Mode", "Display Window Control".
 */
        .include "roms/disk.inc"

        boot_start      0x6000
        boot_rest

        .include "roms/frames.inc"

        .set    CONTROLLER, 0x9000      /* 512 bytes */
        .set    INFO, 0x9200            /* 256 bytes: of the mode */
        .set    MODES, 0x9400           /* words; the last is FFFFh */
        .set    ROW, 0x20000            /* one line as it lies in memory; with planes 4 KiB each */
        .set    INFO_ATTRIBUTES, INFO
        .set    INFO_GRANULARITY, INFO + 0x04
        .set    INFO_LINE, INFO + 0x10
        .set    INFO_WIDTH, INFO + 0x12
        .set    INFO_HEIGHT, INFO + 0x14
        .set    INFO_BITS, INFO + 0x19
        .set    INFO_MODEL, INFO + 0x1b
        .set    INFO_BASE, INFO + 0x28

main:   call    serial_init
        movw    $ready, %si
        call    print
        call    byte_from_com1
        movb    %al, asked
        movl    $0x32454256, CONTROLLER /* "VBE2" */
        movw    $CONTROLLER, %di
        movw    $0x4f00, %ax
        int     $0x10
        movw    $MODES, %di             /* the list may lie in the block that we use again */
        movw    CONTROLLER + 0x0e, %si
        movw    CONTROLLER + 0x10, %ds
1:      lodsw
        stosw
        cmpw    $0xffff, %ax
        jne     1b
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    $MODES, %bp
2:      movw    (%bp), %cx
        cmpw    $0xffff, %cx
        je      3f
        call    try_mode
        addw    $2, %bp
        jmp     2b
3:      movw    $done, %si
        call    print
4:      hlt
        jmp     4b

try_mode:                               /* CX */
        movw    %cx, number
        xorw    %ax, %ax
        movw    %ax, %es
        movw    $INFO, %di
        movw    $0x4f01, %ax
        int     $0x10
        cmpw    $0x004f, %ax
        jne     1f
        movb    INFO_ATTRIBUTES, %al
        andb    $0x11, %al              /* supported, graphics */
        cmpb    $0x11, %al
        jne     1f
        cmpb    $3, INFO_MODEL
        jb      1f
        cmpb    $4, INFO_BITS
        jb      1f
        cmpb    $5, INFO_MODEL
        je      1f
        movw    $0, linear
        call    picture
        testb   $0x80, INFO_ATTRIBUTES
        jz      1f
        cmpb    $4, INFO_BITS
        je      1f
        movw    $1, linear
        call    picture
1:      ret

picture:
        cmpb    $'l', asked
        je      announce
        movw    number, %bx
        cmpw    $0, linear
        je      1f
        orb     $0x40, %bh
1:      movw    $0x4f02, %ax
        int     $0x10
        cmpw    $0x004f, %ax
        jne     2f
        call    colors
        call    draw
        movb    $3, %cl                 /* a frame whose palette changed shows when it did */
3:      call    retrace
        decb    %cl
        jnz     3b
2:      call    announce
        call    byte_from_com1
        jmp     put

announce:
        movw    $mode_text, %si
        call    print
        movw    number, %ax
        movb    $12, %cl
1:      pushw   %ax
        shrw    %cl, %ax
        call    put_digit
        popw    %ax
        subb    $4, %cl
        jns     1b
        movb    $'-', %al
        call    put
        movw    INFO_WIDTH, %ax
        call    decimal
        movb    $'x', %al
        call    put
        movw    INFO_HEIGHT, %ax
        call    decimal
        movb    $'x', %al
        call    put
        movzbw  INFO_BITS, %ax
        call    decimal
        movw    $linear_text, %si
        cmpw    $0, linear
        jne     3f
        movw    $bank_text, %si
3:      jmp     print

decimal:                                /* AX */
        xorw    %dx, %dx
        movw    $10, %bx
        divw    %bx
        pushw   %dx
        testw   %ax, %ax
        jz      1f
        call    decimal
1:      popw    %ax
        addb    $'0', %al
        jmp     put

        define_put_digit

byte_from_com1:
        call    key_waits
        jz      byte_from_com1
        movw    $COM1, %dx
        inb     %dx, %al
        ret

/* The palette where there is one. */
colors: cmpb    $8, INFO_BITS
        ja      3f
        call    rainbow
        cmpb    $4, INFO_BITS
        jne     3f
        movw    $0x3c8, %dx
        xorb    %al, %al
        outb    %al, %dx
        incw    %dx
        xorb    %bl, %bl
1:      movb    %bl, %al
        shrb    $2, %al
        outb    %al, %dx
        notb    %al
        andb    $0x3f, %al
        outb    %al, %dx
        movb    %bl, %al
        shlb    $2, %al
        andb    $0x3f, %al
        outb    %al, %dx
        addb    $16, %bl
        jnz     1b
        xorw    %bx, %bx
2:      call    write_attribute         /* palette registers: themselves */
        incb    %bh
        incb    %bl
        cmpb    $16, %bl
        jb      2b
3:      ret

/* --- drawing --- */

draw:   movw    $0xffff, bank
        movw    $0, line
        movl    $0, address
1:      testb   $7, line
        jnz     2f
        call    make_row
2:      call    put_row
        movzwl  INFO_LINE, %eax
        addl    %eax, address
        incw    line
        movw    line, %ax
        cmpw    INFO_HEIGHT, %ax
        jb      1b
        ret

/* A line at ROW. */
make_row:
        movw    $ROW >> 4, %ax
        movw    %ax, %es
        movw    line, %si
        shrw    $3, %si                 /* SI = Y */
        cmpw    $0, linear
        je      1f
        addw    $5, %si
1:      xorw    %di, %di
        xorw    %cx, %cx                /* CX = x */
        cmpb    $4, INFO_BITS
        je      row_of_planes
2:      call    pixel
        movb    INFO_BITS, %bl
3:      stosb
        shrl    $8, %eax
        subb    $8, %bl
        ja      3b
        incw    %cx
        cmpw    INFO_WIDTH, %cx
        jb      2b
        ret

pixel:                                  /* EAX of CX, SI */
        movzwl  %cx, %eax
        shrw    $3, %ax
        movl    %eax, %edx
        xorw    %si, %dx
        cmpb    $8, INFO_BITS
        je      1f
        andl    $31, %eax
        andl    $31, %edx
        movzwl  %si, %ebx
        andl    $31, %ebx
        cmpb    $16, INFO_BITS
        jb      2f
        je      3f
        shll    $19, %eax
        shll    $11, %ebx
        shll    $3, %edx
        jmp     4f
1:      movl    %edx, %eax
        ret
2:      shll    $10, %eax
        shll    $5, %ebx
        jmp     4f
3:      shll    $11, %eax
        shll    $6, %ebx
4:      orl     %ebx, %eax
        orl     %edx, %eax
        ret

row_of_planes:                          /* eight pixels of a square in each byte; plane p at 4096 * p */
        movw    %cx, %ax                /* CX = X */
        xorw    %si, %ax
        movw    $4, %bx
        movw    %cx, %di
1:      movb    $0, %es:(%di)
        testb   $1, %al
        jz      2f
        movb    $0xff, %es:(%di)
2:      shrb    $1, %al
        addw    $4096, %di
        decw    %bx
        jnz     1b
        incw    %cx
        movw    INFO_WIDTH, %ax
        shrw    $3, %ax
        cmpw    %ax, %cx
        jb      row_of_planes
        ret

/* ROW to `address`. */
put_row:
        cmpb    $4, INFO_BITS
        je      put_planes
        movl    $ROW, %esi
        movzwl  INFO_WIDTH, %ecx
        movzbl  INFO_BITS, %eax
        addl    $7, %eax
        shrl    $3, %eax
        imull   %eax, %ecx
        cmpw    $0, linear
        je      put_bytes
        call    flat
        movl    INFO_BASE, %edi
        addl    address, %edi
        addr32 rep movsb
        jmp     unflat

put_planes:
        movb    $1, %al
        movl    $ROW, %esi
1:      movb    %al, plane
        movb    %al, %ah
        movb    $2, %al
        movw    $0x3c4, %dx
        outw    %ax, %dx
        movzwl  INFO_WIDTH, %ecx
        shrl    $3, %ecx
        pushl   %esi
        call    put_bytes
        popl    %esi
        addl    $4096, %esi
        movb    plane, %al
        shlb    $1, %al
        cmpb    $16, %al
        jb      1b
        ret

/* ECX bytes from ESI through the window. */
put_bytes:
        movl    address, %edi
1:      movl    %edi, %eax
        shrl    $16, %eax
        cmpw    bank, %ax
        je      2f
        call    set_bank
2:      movl    $0x10000, %eax          /* up to the end of this bank */
        movzwl  %di, %edx
        subl    %edx, %eax
        cmpl    %ecx, %eax
        jbe     3f
        movl    %ecx, %eax
3:      subl    %eax, %ecx
        pushl   %ecx
        pushl   %edi
        addl    %eax, (%esp)
        movl    %eax, %ecx
        call    flat
        movzwl  %di, %edi
        addl    $0xa0000, %edi
        addr32 rep movsb
        call    unflat
        popl    %edi
        popl    %ecx
        testl   %ecx, %ecx
        jnz     1b
        ret

set_bank:                               /* AX: in 64 KiB */
        pushal
        movw    %ax, bank
        xorw    %dx, %dx
        movw    $64, %cx
        mulw    %cx
        movw    INFO_GRANULARITY, %cx
        divw    %cx
        movw    %ax, %dx
        xorw    %bx, %bx
        movw    $0x4f05, %ax
        int     $0x10
        popal
        ret

/* DS and ES: base 0, limit 4 GiB. */
flat:   pushl   %eax
        cli
        lgdt    gdt_register
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        jmp     1f
1:      movw    $8, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        jmp     2f
2:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        popl    %eax
        ret
unflat: sti
        ret

        .balign 8
gdt:    .quad   0, 0x00cf92000000ffff
gdt_register:
        .word   15
        .long   gdt
number: .word   0
linear: .word   0
bank:   .word   0
line:   .word   0
address:
        .long   0
plane:  .byte   0
asked:  .byte   0
mode_text:
        .asciz  "mode "
bank_text:
        .asciz  "-bank."
linear_text:
        .asciz  "-linear."
ready:  .asciz  "ready."
done:   .asciz  "done."
        .balign 512
image_end:
