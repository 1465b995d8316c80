/*
 * Option ROM that boots the multiboot kernel of -kernel.
 *
 * The host has made one image of kernel and modules, and the information structure (machine/pc/multiboot.c).  This
 * code copies both, adds the BIOS's view of memory, and enters the kernel in protected mode.
 *
 * Source: Multiboot Specification 0.6.96, "Machine state", "Boot information format".
 */
#include "roms/bootrom.inc"

        .set    MMAP, 0x9000            /* entries of {u32 size; u64 base, length; u32 type} */
        .set    MMAP_LIMIT, 0x9500
        .set    MMAP_ENTRY, 24
        .set    INFO, 0x9500
        .set    INFO_MEM_LOWER, INFO + 4
        .set    INFO_MEM_UPPER, INFO + 8
        .set    INFO_MMAP_LENGTH, INFO + 44
        .set    INFO_MMAP_ADDR, INFO + 48
        .set    BOOTLOADER_MAGIC, 0x2badb002
        .set    SMAP, 0x534d4150
        .set    CODE, 0x08
        .set    DATA, 0x10
        .set    GDTR, 0x7c18            /* six bytes of scratch */

        rom_header "Multiboot kernel (-kernel)"

        rom_setup
        load    KERNEL
        load    INITRD

        int     $0x12
        movzwl  %ax, %eax
        movl    %eax, %ss:INFO_MEM_LOWER

        /* Memory map.  edi: the next entry; ebx: int 15h's continuation */
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movl    $MMAP, %edi
        xorl    %ebx, %ebx
next_entry:
        movl    $0xe820, %eax
        movl    $20, %ecx
        movl    $SMAP, %edx
        addw    $4, %di
        int     $0x15
        leal    -4(%di), %edi           /* flags stay */
        jc      map_end
        cmpl    $SMAP, %eax
        jne     map_end
        movl    $20, (%di)
        call    note_upper
        addw    $MMAP_ENTRY, %di
        cmpw    $MMAP_LIMIT - MMAP_ENTRY, %di
        ja      map_end
        testl   %ebx, %ebx
        jnz     next_entry
map_end:
        movzwl  %di, %eax
        subl    $MMAP, %eax
        movl    %eax, %ss:INFO_MMAP_LENGTH
        movl    $MMAP, %ss:INFO_MMAP_ADDR

        movw    $FW_CFG_KERNEL_ENTRY, %ax
        call    read_dword
        movl    %eax, %ebp

        /* The GDT's linear address is known only here. */
        cli
        movw    %cs, %ax
        movzwl  %ax, %eax
        shll    $4, %eax
        leal    gdt(%eax), %ecx
        movw    $gdt_end - gdt - 1, %ss:GDTR
        movl    %ecx, %ss:GDTR + 2
        lgdtl   %ss:GDTR
        leal    protected(%eax), %ecx
        pushl   $CODE
        pushl   %ecx
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        lretl

        .code32
protected:
        xorl    %edi, %edi
        xorl    %esi, %esi
        movl    $BOOTLOADER_MAGIC, %eax
        movl    $INFO, %ebx
        jmp     *%ebp

        .code16
/* mem_upper: KiB of the available piece at 1 MiB.  (di) is the entry: base at 4, length at 12, type at 20 */
note_upper:
        cmpl    $0x100000, 4(%di)
        jne     1f
        cmpl    $0, 8(%di)
        jne     1f
        cmpl    $1, 20(%di)
        jne     1f
        movl    12(%di), %eax
        shrl    $10, %eax
        movl    %eax, %ss:INFO_MEM_UPPER
1:      ret

        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      /* flat code */
        .quad   0x00cf93000000ffff      /* flat data */
gdt_end:

        rom_library
