/*
 * Test boot disk: every way in which software resets a PC.  Origin: 0x7c00
 *
 * Source: 8042 command FEh; port 92h bit 0; PIIX3 datasheet "RC - Reset Control Register" (CF9h); Intel SDM vol. 3A,
 * "Interrupt 8 - Double Fault Exception" (shutdown); IBM AT BIOS: CMOS byte 0Fh and the warm entry at 40:67.
 * CMOS bytes 60h-62h, which no firmware uses, remember across resets where we are.
 */
        .include "roms/test.inc"

        .set    CMOS_MAGIC, 0x60
        .set    CMOS_STAGE, 0x61
        .set    CMOS_SHUTDOWN, 0x0f
        .set    MAGIC, 0x5a
        .set    CANARY, 0x600           /* a dword of RAM that nobody else uses */

        .code16
real_mode_hook:
        ret

/* Reset with CMOS shutdown byte 0Ah: the firmware jumps here through 40:67 and leaves everything else alone. */
warm_entry:
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        lgdtl   gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $CODE32, $enter32

        .code32
/* AL: index; value in AL. */
read_cmos:
        outb    %al, $0x70
        inb     $0x71, %al
        ret

/* AL: index, AH: value. */
write_cmos:
        outb    %al, $0x70
        movb    %ah, %al
        outb    %al, $0x71
        ret

test_main:
        movb    $CMOS_MAGIC, %al
        call    read_cmos
        cmpb    $MAGIC, %al
        je      1f
        movw    $MAGIC << 8 | CMOS_MAGIC, %ax
        call    write_cmos
        movw    $CMOS_STAGE, %ax
        call    write_cmos
1:      movb    $CMOS_SHUTDOWN, %al
        call    read_cmos
        movb    %al, %bl
        movw    $CMOS_SHUTDOWN, %ax
        call    write_cmos
        movb    $CMOS_STAGE, %al
        call    read_cmos
        movzbl  %al, %ecx
        incb    %al
        movb    %al, %ah
        movb    $CMOS_STAGE, %al
        call    write_cmos
        cmpl    $(stages_end - stages) / 4, %ecx
        jae     done
        jmp     *stages(, %ecx, 4)

        .balign 4
stages: .long   by_keyboard_controller, by_port_92, by_cf9, by_triple_fault, by_paging_shutdown, by_warm_entry
        .long   after_warm_entry
stages_end:

        .macro  say text
        name    "\text"
        call    print
        call    new_line
        .endm

by_keyboard_controller:
        say     "reset by 8042 command FE"
1:      inb     $0x64, %al
        testb   $2, %al
        jnz     1b
        movb    $0xfe, %al
        outb    %al, $0x64
        jmp     stuck

by_port_92:
        say     "reset by port 92"
        inb     $0x92, %al
        andb    $0xfe, %al
        outb    %al, $0x92
        orb     $1, %al
        outb    %al, $0x92
        jmp     stuck

by_cf9: movw    $0xcf8, %dx             /* it belongs to the PCI bridge */
        movl    $0x80000000, %eax
        outl    %eax, %dx
        inl     %dx, %eax
        cmpl    $0x80000000, %eax
        jne     no_cf9
        say     "reset by CF9"
        movw    $0xcf9, %dx
        movb    $0x02, %al
        outb    %al, %dx
        movb    $0x06, %al
        outb    %al, %dx
        jmp     stuck

no_cf9:
        skip    "reset by CF9: no PCI"
        movw    $4 << 8 | CMOS_STAGE, %ax       /* the next but one comes after this */
        call    write_cmos
by_triple_fault:
        say     "reset by triple fault, protected mode"
        lidt    empty_idt
        int3
        jmp     stuck
empty_idt:
        .word   0
        .long   0

by_paging_shutdown:
        say     "reset by triple fault, paging on"
        movl    $0x100000, %eax         /* a page directory that maps nothing */
        movl    %eax, %cr3
        movl    %eax, %edi
        xorl    %eax, %eax
        movl    $1024, %ecx
        rep stosl
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        jmp     stuck

by_warm_entry:
        say     "reset by 8042 command FE, shutdown byte 0A"
        movl    $warm_entry, 0x467      /* offset, segment 0 */
        movl    $0x12345678, CANARY
        movw    $0x0a << 8 | CMOS_SHUTDOWN, %ax
        call    write_cmos
        movb    $0xfe, %al
        outb    %al, $0x64
        jmp     stuck

after_warm_entry:
        movzbl  %bl, %eax
        movl    CANARY, %eax
        check   "RAM survives a reset with shutdown byte 0A", 0x12345678
        ret

/* The hardware may take its time. */
stuck:  movl    $200000, %ecx
1:      inb     $0x80, %al
        loop    1b
        name    "reset did not happen"
        call    print_fail
        call    new_line
        jmp     finish

done:   movl    %ecx, %eax
        check   "one stage too many", 0
        ret

        test_end
