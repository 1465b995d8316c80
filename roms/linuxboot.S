/*
 * Option ROM that boots the Linux kernel of -kernel.
 *
 * The host has put the parts of the kernel into fw_cfg (machine/pc/linux.c).  The BIOS finds a bootstrap entry vector
 * in the PnP header and, as the boot order says, calls it instead of reading a disk.  All copying is done by fw_cfg's
 * DMA, which reaches all of memory from real mode.
 *
 * Source: Plug and Play BIOS specification 1.0a, "Option ROM Header"; Linux boot.rst, "Running the Kernel".
 */
#include "roms/bootrom.inc"

        rom_header "Linux kernel (-kernel)"

        rom_setup
        load    SETUP
        load    KERNEL
        load    CMDLINE

        movw    $FW_CFG_INITRD_SIZE, %ax
        call    read_dword
        testl   %eax, %eax
        jz      start_kernel
        movl    %eax, %ebp
        movw    $FW_CFG_INITRD_ADDR, %ax
        call    read_dword
        movl    %eax, %edi              /* what the host proposes */

        /* The BIOS may have taken more from the top of memory than the host expected. */
        call    memory_top
        subl    %ebp, %eax
        jb      fail
        andl    $0xfffff000, %eax
        cmpl    %edi, %eax
        jae     1f
        movl    %eax, %edi
1:      pushl   %edi
        movl    %ebp, %ecx
        movw    $FW_CFG_INITRD_DATA, %ax
        call    read_block
        call    setup_segment
        movw    %ax, %es
        popl    %es:0x218               /* ramdisk_image */

start_kernel:
        movw    $FW_CFG_CMDLINE_ADDR, %ax
        call    read_dword
        movl    %eax, %ecx
        movw    $FW_CFG_SETUP_ADDR, %ax
        call    read_dword
        subl    %eax, %ecx
        subl    $16, %ecx               /* stack below the command line */
        call    setup_segment
        cli
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    %ecx, %esp
        addw    $0x20, %ax              /* setup code starts behind the boot sector */
        pushw   %ax
        pushw   $0
        lretw

/* ax = segment of the setup code */
setup_segment:
        movw    $FW_CFG_SETUP_ADDR, %ax
        call    read_dword
        shrl    $4, %eax
        ret

        rom_library
