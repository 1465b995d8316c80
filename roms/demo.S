/*
 * Demonstration disk: shows what the machine is made of, then a clock and what is typed; q turns it off.  Origin: 0x7c00
 *
 * Everything goes to the screen (by the text memory at B800:0) and to COM1, where a terminal in 80 columns and colours
 * is assumed; keys are taken from either.  Real mode, a 386 or better.
 *
 * Source: INT 15h E820h (ACPI specification, "System Address Map Interfaces"); Intel SDM vol. 2A, "CPUID"; PCI 2.1,
 * "Configuration Mechanism #1"; ACPI specification, "Root System Description Pointer", "Fixed ACPI Description Table",
 * "\_Sx (System States)"; APM 1.2, "Set Power State".
 */
        .set    VIDEO, 0xb800
        .set    COLUMNS, 80
        .set    STATUS_ROW, 24
        .set    LABEL, 0x0b             /* attributes: light cyan, light grey, white on blue */
        .set    TEXT, 0x07
        .set    TITLE, 0x1f
        .set    buffer, 0x6000          /* 512 bytes */
        .set    BUFFER_SEGMENT, 0x600

        .include "roms/disk.inc"

        boot_start      0x6000
        movb    %dl, boot_drive
        boot_rest
boot_drive:
        .byte   0

main:   movw    $3, %ax                 /* text, 80 by 25 */
        int     $0x10
        movb    $1, %ah
        movw    $0x2000, %cx            /* no cursor */
        int     $0x10
        call    set_up_serial
        movw    $title, %si
        movb    $TITLE, attribute
        call    print_line
        call    show_processor
        call    show_memory
        call    show_disk
        call    show_pci
        call    show_ports
        call    show_colours
        movw    $keys_label, %si
        call    print_label
        movw    $keys_text, %si
        call    print_line
        cli
        movw    $tick, 0x1c * 4
        movw    $0, 0x1c * 4 + 2
        sti

/* Sleeps until something interrupts; a tick does 18.2 times a second. */
idle:   hlt
1:      call    get_key
        jz      2f
        cmpb    $'q', %al
        je      leave
        call    remember_key
        call    show_status
        jmp     1b
2:      movl    ticks, %eax
        subl    shown, %eax
        cmpl    $9, %eax
        jb      idle
        call    show_status
        jmp     idle

tick:   incl    %cs:ticks
        iretw

title:  .asciz  "  Clutch: the demonstration disk.  Hello from real mode."
keys_label:
        .asciz  "Keys"
keys_text:
        .asciz  "type something; q turns the machine off"
ticks:  .long   0
shown:  .long   0

/* --- output ------------------------------------------------------------------------------------------------------ */

attribute:
        .byte   TEXT
        .byte   TEXT                    /* the one that COM1 has */
row:    .byte   0
column: .byte   0

set_up_serial:
        movw    $serial_setup, %si
1:      lodsw
        movzbw  %ah, %dx
        addw    $COM1, %dx
        outb    %al, %dx
        cmpw    $serial_setup_end, %si
        jb      1b
        ret
serial_setup:                           /* value, register: 115200 baud, 8N1, FIFO, DTR and RTS, no interrupts */
        .byte   0x83, 3, 1, 0, 0, 1, 0x03, 3, 0x07, 2, 0x03, 4, 0, 1
serial_setup_end:

/* AL to COM1, unless there is none or it is stuck. */
send:   pushal
        movb    %al, %ah
        movw    $COM1 + 5, %dx
        movw    $20000, %cx
1:      inb     %dx, %al
        testb   $0x20, %al
        jnz     2f
        loop    1b
2:      movb    %ah, %al
        movw    $COM1, %dx
        outb    %al, %dx
        popal
        ret

send_text:
        pushaw
1:      lodsb
        testb   %al, %al
        jz      2f
        call    send
        jmp     1b
2:      popaw
        ret

/* Tells COM1's terminal the attribute, if it is a new one. */
send_attribute:
        pushal
        movb    attribute, %bl
        cmpb    attribute + 1, %bl
        je      3f
        movb    %bl, attribute + 1
        movw    $escape, %si
        call    send_text
        movb    %bl, %al                /* foreground: 3x, or 9x if bright */
        testb   $8, %al
        movb    $'3', %al
        jz      1f
        movb    $'9', %al
1:      call    send
        movb    %bl, %al
        call    send_colour
        movb    %bl, %al
        shrb    $4, %al
        andb    $7, %al
        jz      2f
        pushw   %ax
        movb    $';', %al
        call    send
        movb    $'4', %al
        call    send
        popw    %ax
        call    send_colour
2:      movb    $'m', %al
        call    send
3:      popal
        ret
escape: .asciz  "\033[0;"

/* AL: colour as the VGA counts (blue 1, red 4); ANSI has red 1, blue 4. */
send_colour:
        pushw   %bx
        movzbw  %al, %bx
        andw    $7, %bx
        movb    ansi(%bx), %al
        call    send
        popw    %bx
        ret
ansi:   .ascii  "04261537"

/* AL in the current attribute, at the cursor. */
put:    pushal
        call    send_attribute
        call    send
        call    put_on_screen
        popal
        ret

put_on_screen:
        movb    attribute, %ah
        movzbw  row, %bx
        imulw   $COLUMNS, %bx, %bx
        movzbw  column, %cx
        cmpw    $COLUMNS, %cx
        jae     1f
        addw    %cx, %bx
        addw    %bx, %bx
        pushw   %es
        pushw   $VIDEO
        popw    %es
        movw    %ax, %es:(%bx)
        popw    %es
        incb    column
1:      ret

print:  pushaw
1:      lodsb
        testb   %al, %al
        jz      2f
        call    put
        jmp     1b
2:      popaw
        ret

new_line:
        pushal
        movb    $TEXT, attribute
        call    send_attribute
        movb    $13, %al
        call    send
        movb    $10, %al
        call    send
        movb    $0, column
        cmpb    $STATUS_ROW - 1, row
        jae     1f
        incb    row
1:      popal
        ret

print_line:
        call    print
        jmp     new_line

space:  pushw   %ax
        movb    $' ', %al
        call    put
        popw    %ax
        ret

/* SI: a word for the left margin.  no_label leaves that empty. */
print_label:
        pushaw
        movb    $LABEL, attribute
        call    space
        call    print
        movb    $TEXT, attribute
        call    to_margin
        popaw
        ret

no_label:
to_margin:
        call    space
        cmpb    $12, column
        jb      to_margin
        ret

/* EAX in decimal. */
print_decimal:
        pushal
        movl    $10, %ebx
        xorw    %cx, %cx
1:      xorl    %edx, %edx
        divl    %ebx
        pushw   %dx
        incw    %cx
        testl   %eax, %eax
        jnz     1b
2:      popw    %ax
        addb    $'0', %al
        call    put
        loop    2b
        popal
        ret

/* EAX in hexadecimal: its last CL digits. */
print_hex:
        pushal
        movl    %eax, %ebx
        movb    %cl, %ch
        shlb    $2, %cl
        rorl    %cl, %ebx
        movb    %ch, %cl
1:      roll    $4, %ebx
        movb    %bl, %al
        andb    $15, %al
        addb    $'0', %al
        cmpb    $'9', %al
        jbe     2f
        addb    $'a' - '9' - 1, %al
2:      call    put
        decb    %cl
        jnz     1b
        popal
        ret

        .macro  hex digits
        movb    $\digits, %cl
        call    print_hex
        .endm

        .macro  say text
        .pushsection .text, 1
8:      .asciz  "\text"
        .popsection
        movw    $8b, %si
        call    print
        .endm

        .macro  label text
        .pushsection .text, 1
8:      .asciz  "\text"
        .popsection
        movw    $8b, %si
        call    print_label
        .endm

/* --- the processor ----------------------------------------------------------------------------------------------- */

show_processor:
        label   "Processor"
        pushfl                          /* EFLAGS.ID can be changed where there is CPUID */
        popl    %eax
        movl    %eax, %ebx
        xorl    $0x200000, %eax
        pushl   %eax
        popfl
        pushfl
        popl    %eax
        pushl   %ebx
        popfl
        xorl    %ebx, %eax
        testl   $0x200000, %eax
        jnz     1f
        say     "a 386 or 486 without CPUID"
        jmp     new_line
1:      xorl    %eax, %eax
        cpuid
        movl    %ebx, buffer
        movl    %edx, buffer + 4
        movl    %ecx, buffer + 8
        movb    $0, buffer + 12
        movw    $buffer, %si
        call    print
        call    show_signature
        call    show_speed
        call    new_line
        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000004, %eax
        jb      show_features
        movw    $buffer, %di
        movl    $0x80000002, %esi
2:      movl    %esi, %eax
        cpuid
        stosl
        movl    %ebx, %eax
        stosl
        movl    %ecx, %eax
        stosl
        movl    %edx, %eax
        stosl
        incl    %esi
        cmpl    $0x80000004, %esi
        jbe     2b
        movb    $0, (%di)
        call    no_label
        movw    $buffer, %si
3:      lodsb                           /* some names have blanks in front */
        cmpb    $' ', %al
        je      3b
        decw    %si
        call    print_line

show_features:
        movl    $1, %eax
        cpuid
        call    no_label
        movw    $feature_names, %si
1:      btl     $0, %edx
        jnc     2f
        cmpb    $0, (%si)
        je      2f
        cmpb    $74, column
        jb      3f
        call    new_line
        call    no_label
3:      call    print
        call    space
2:      lodsb
        testb   %al, %al
        jnz     2b
        shrl    $1, %edx
        cmpw    $feature_names_end, %si
        jb      1b
        jmp     new_line
feature_names:                          /* CPUID.1:EDX from bit 0 on */
        .asciz  "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge", "mca"
        .asciz  "cmov", "pat", "pse36", "psn", "clfsh", "", "ds", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "htt"
feature_names_end:

show_signature:
        movl    $1, %eax
        cpuid
        movl    %eax, %ebx
        say     ", family "
        shrl    $8, %eax
        andl    $15, %eax
        call    print_decimal
        say     " model "
        movl    %ebx, %eax
        shrl    $4, %eax
        andl    $15, %eax
        movl    %ebx, %ecx
        shrl    $12, %ecx
        andl    $0xf0, %ecx
        orl     %ecx, %eax
        call    print_decimal
        say     " stepping "
        movl    %ebx, %eax
        andl    $15, %eax
        jmp     print_decimal

/* The time stamp counter over two ticks of 54.925 ms. */
show_speed:
        movl    $1, %eax
        cpuid
        testb   $0x10, %dl
        jz      3f
        call    next_tick
        rdtsc
        movl    %eax, %ebp
        call    next_tick
        call    next_tick
        rdtsc
        subl    %ebp, %eax
        say     ", "
        xorl    %edx, %edx
        movl    $109851, %ebx           /* microseconds */
        divl    %ebx
        call    print_decimal
        say     " MHz by the timer"
3:      ret

next_tick:
        movl    0x46c, %eax
1:      cmpl    0x46c, %eax
        je      1b
        ret

/* --- memory ------------------------------------------------------------------------------------------------------ */

show_memory:
        label   "Memory"
        xorl    %ebx, %ebx
        movl    %ebx, total
1:      movl    $0xe820, %eax
        movl    $0x534d4150, %edx       /* SMAP */
        movl    $24, %ecx
        movw    $buffer, %di
        int     $0x15
        jc      4f
        cmpl    $0x534d4150, %eax
        jne     4f
        pushl   %ebx
        call    show_range
        popl    %ebx
        testl   %ebx, %ebx
        jz      4f
        call    no_label
        jmp     1b
4:      call    no_label
        movl    total, %eax
        addl    $512, %eax
        shrl    $10, %eax
        call    print_decimal
        say     " MiB usable; the BIOS reports "
        int     $0x12
        movzwl  %ax, %eax
        call    print_decimal
        say     " KiB below 640 KiB"
        jmp     new_line
total:  .long   0                       /* KiB */

show_range:
        movl    buffer + 4, %eax
        testl   %eax, %eax
        jz      1f
        hex     8
1:      movl    buffer, %eax
        hex     8
        movb    $'-', %al
        call    put
        movl    buffer + 8, %eax
        movl    buffer + 12, %edx
        addl    buffer, %eax
        adcl    buffer + 4, %edx
        subl    $1, %eax
        sbbl    $0, %edx
        jz      2f
        xchgl   %edx, %eax
        hex     8
        xchgl   %edx, %eax
2:      hex     8
        call    space
        movl    buffer + 16, %ebx
        cmpl    $1, %ebx
        jne     3f
        movl    buffer + 8, %eax
        movl    buffer + 12, %edx
        shrdl   $10, %edx, %eax
        addl    %eax, total
        say     "usable"
        jmp     new_line
3:      cmpl    $3, %ebx
        jb      5f
        je      4f
        say     "ACPI non-volatile"
        jmp     new_line
4:      say     "ACPI tables"
        jmp     new_line
5:      say     "reserved"
        jmp     new_line

/* --- disk, PCI, ports -------------------------------------------------------------------------------------------- */

show_disk:
        label   "Disk"
        movb    boot_drive, %al
        hex     2
        say     "h: "
        movb    boot_drive, %dl
        movw    $26, buffer
        movw    $buffer, %si
        movb    $0x48, %ah
        int     $0x13
        jc      1f
        movl    buffer + 16, %eax
        call    print_decimal
        say     " sectors, started from this one"
        jmp     new_line
1:      say     "size unknown"
        jmp     new_line

/* Bus 0; two functions in a line. */
show_pci:
        label   "PCI"
        xorw    %di, %di                /* device and function */
        xorw    %bp, %bp                /* how many so far */
1:      xorw    %bx, %bx
        call    read_pci
        cmpw    $0xffff, %ax
        je      3f
        testw   %bp, %bp
        jz      2f
        testw   $1, %bp
        jnz     4f
        call    new_line
        call    no_label
        jmp     2f
4:      call    space
        cmpb    $46, column
        jb      4b
2:      incw    %bp
        call    show_function
3:      incw    %di
        cmpw    $256, %di
        jb      1b
        testw   %bp, %bp
        jnz     new_line
        say     "none"
        jmp     new_line

/* DI: device and function, BX: register; EAX its dword. */
read_pci:
        movzwl  %di, %eax
        shll    $8, %eax
        movb    %bl, %al
        orl     $0x80000000, %eax
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        ret

/* EAX: vendor and device */
show_function:
        pushl   %eax
        movw    %di, %ax
        shrw    $3, %ax
        hex     2
        movb    $'.', %al
        call    put
        movw    %di, %ax
        andw    $7, %ax
        hex     1
        call    space
        popl    %eax
        hex     4
        shrl    $16, %eax
        pushw   %ax
        movb    $':', %al
        call    put
        popw    %ax
        hex     4
        call    space
        movw    $8, %bx
        call    read_pci
        shrl    $16, %eax
        movw    $classes, %si
1:      cmpw    $0, (%si)
        je      2f
        cmpw    (%si), %ax
        je      2f
        addw    $2, %si
3:      cmpb    $0, (%si)
        leaw    1(%si), %si
        jne     3b
        jmp     1b
2:      addw    $2, %si
        jmp     print
classes:
        .word   0x0101
        .asciz  "IDE"
        .word   0x0200
        .asciz  "Ethernet"
        .word   0x0300
        .asciz  "VGA"
        .word   0x0401
        .asciz  "audio"
        .word   0x0600
        .asciz  "host bridge"
        .word   0x0601
        .asciz  "ISA bridge"
        .word   0x0680
        .asciz  "power management"
        .word   0x0c03
        .asciz  "USB"
        .word   0
        .asciz  "?"

/* The BIOS data area and the RTC. */
show_ports:
        label   "Ports"
        movw    $0x400, %bx
        movw    $'1', %di
1:      cmpw    $0x408, %bx
        jne     2f
        movw    $'1', %di
2:      movw    (%bx), %ax
        testw   %ax, %ax
        jz      3f
        cmpw    $0x408, %bx
        jb      4f
        say     "LPT"
        jmp     5f
4:      say     "COM"
5:      movw    (%bx), %dx
        movw    %di, %ax
        call    put
        call    space
        movw    %dx, %ax
        hex     3
        say     "h  "
3:      incw    %di
        addw    $2, %bx
        cmpw    $0x40e, %bx
        jb      1b
        movb    0x475, %al
        addb    $'0', %al
        call    put
        say     " disk(s)  started "
        movb    $4, %ah
        int     $0x1a
        movw    %cx, %ax
        hex     4
        movb    $'-', %al
        call    put
        movb    %dh, %al
        hex     2
        movb    $'-', %al
        call    put
        movb    %dl, %al
        hex     2
        call    space
        call    show_time
        jmp     new_line

show_time:
        movb    $2, %ah
        int     $0x1a
        movw    %cx, %bx                /* hex counts in CX */
        movb    %bh, %al
        hex     2
        movb    $':', %al
        call    put
        movb    %bl, %al
        hex     2
        movb    $':', %al
        call    put
        movb    %dh, %al
        hex     2
        ret

show_colours:
        label   "Colours"
        xorw    %bx, %bx
1:      movb    %bl, attribute
        movb    $0xdb, %al              /* full block; COM1 shows #, in the same colour */
        call    put_block
        call    put_block
        call    put_block
        incw    %bx
        cmpw    $16, %bx
        jb      1b
        movb    $TEXT, attribute
        call    space
        xorw    %bx, %bx
2:      movb    %bl, %al
        shlb    $4, %al
        orb     $15, %al
        movb    %al, attribute
        call    space
        addb    $'0', %bl
        movb    %bl, %al
        subb    $'0', %bl
        call    put
        incw    %bx
        cmpw    $8, %bx
        jb      2b
        jmp     new_line

put_block:
        pushaw
        pushw   %ax
        call    send_attribute
        movb    $'#', %al
        call    send
        popw    %ax
        call    put_on_screen
        popaw
        ret

/* --- keys and the status line ------------------------------------------------------------------------------------ */

/* ZF: none; otherwise AL. */
get_key:
        movb    $1, %ah
        int     $0x16
        jz      1f
        xorb    %ah, %ah
        int     $0x16
        testb   %al, %al
        jnz     2f
        movb    $'?', %al               /* function and cursor keys */
        jmp     2f
1:      movw    $COM1 + 5, %dx
        inb     %dx, %al
        cmpb    $0xff, %al
        je      3f
        testb   $1, %al
        jz      3f
        movw    $COM1, %dx
        inb     %dx, %al
2:      orb     $1, %ah                 /* not ZF */
        ret
3:      xorb    %al, %al
        ret

        .set    TYPED, 32

remember_key:
        cmpb    $' ', %al
        jb      1f
        cmpb    $0x7f, %al
        jb      2f
1:      movb    $'.', %al
2:      movw    $typed + 1, %si
        movw    $typed, %di
        movw    $TYPED - 1, %cx
        rep movsb
        stosb
        ret
typed:  .fill   TYPED, 1, ' '
        .byte   0

show_status:
        movl    ticks, %eax
        movl    %eax, shown
        movb    $13, %al
        call    send
        movb    row, %bl
        movb    $STATUS_ROW, row
        movb    $0, column
        movb    $TITLE, attribute
        pushw   %bx
        call    space
        call    show_time
        say     "  ticks "
        movl    shown, %eax
        call    print_decimal
        say     "  typed: "
        movw    $typed, %si
        call    print
        movb    $TEXT, attribute
        call    send_attribute
        popw    %bx
        movb    %bl, row
        ret

/* --- power off --------------------------------------------------------------------------------------------------- */

leave:  call    new_line
        say     "Power off."
        call    new_line
        call    wait_sent
        call    acpi_off
        call    apm_off
        say     "Neither ACPI nor APM turns this machine off; please do."
        call    new_line
1:      hlt
        jmp     1b

wait_sent:
        movw    $COM1 + 5, %dx
        movw    $20000, %cx
1:      inb     %dx, %al
        testb   $0x40, %al
        loopz   1b
        ret

apm_off:
        movw    $0x5301, %ax            /* connect, real mode */
        xorw    %bx, %bx
        int     $0x15
        movw    $0x530e, %ax            /* as version 1.2 */
        xorw    %bx, %bx
        movw    $0x0102, %cx
        int     $0x15
        movw    $0x5307, %ax            /* all devices: off */
        movw    $1, %bx
        movw    $3, %cx
        int     $0x15
        ret

gdt:    .quad   0
        .quad   0x008f93000000ffff      /* data, 4 GiB */
gdt_pointer:
        .word   15
        .long   gdt

/* FS gets a limit of 4 GiB and base 0, and keeps them in real mode as long as nobody loads it. */
enter_big_real_mode:
        cli
        lgdtl   gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        jmp     1f
1:      movw    $8, %bx
        movw    %bx, %fs
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmp    $0, $2f
2:      xorw    %bx, %bx
        movw    %bx, %fs
        ret

/* Returns if it cannot. */
acpi_off:
        call    enter_big_real_mode
        movl    $0xe0000, %esi
1:      cmpl    $0x20445352, %fs:(%esi) /* "RSD PTR " */
        jne     2f
        cmpl    $0x20525450, %fs:4(%esi)
        je      3f
2:      addl    $16, %esi
        cmpl    $0x100000, %esi
        jb      1b
        movzwl  0x40e, %esi             /* the first KiB of the EBDA */
        shll    $4, %esi
        leal    1024(%esi), %ecx
4:      cmpl    $0x20445352, %fs:(%esi)
        je      3f
        addl    $16, %esi
        cmpl    %ecx, %esi
        jb      4b
        sti
        ret
3:      movl    %fs:16(%esi), %esi      /* RSDT */
        movl    %fs:4(%esi), %ecx
        addl    %esi, %ecx
        addl    $36, %esi
5:      cmpl    %ecx, %esi
        jae     6f
        movl    %fs:(%esi), %ebx
        addl    $4, %esi
        cmpl    $0x50434146, %fs:(%ebx) /* "FACP" */
        jne     5b
        call    fadt_off
6:      sti
        ret

/* EBX: FADT */
fadt_off:
        call    find_sleep_type
        movl    %fs:64(%ebx), %edx      /* PM1a_CNT */
        inw     %dx, %ax
        testb   $1, %al                 /* SCI_EN */
        jnz     1f
        movl    %fs:48(%ebx), %edx      /* SMI_CMD */
        testl   %edx, %edx
        jz      1f
        movb    %fs:52(%ebx), %al       /* ACPI_ENABLE */
        outb    %al, %dx
1:      movzbw  sleep_type, %ax
        shlw    $10, %ax
        orw     $0x2000, %ax            /* SLP_EN */
        movl    %fs:64(%ebx), %edx
        outw    %ax, %dx
        movzbw  sleep_type + 1, %ax
        shlw    $10, %ax
        orw     $0x2000, %ax
        movl    %fs:68(%ebx), %edx      /* PM1b_CNT */
        testl   %edx, %edx
        jz      2f
        outw    %ax, %dx
2:      movw    $0xffff, %cx
3:      inb     $0x80, %al
        loop    3b
        ret

/* The first two numbers of the DSDT's Name (_S5, Package () {...}). */
find_sleep_type:
        movl    %fs:40(%ebx), %esi      /* DSDT */
        testl   %esi, %esi
        jz      3f
        movl    %fs:4(%esi), %ecx
1:      cmpl    $0x5f35535f, %fs:(%esi) /* _S5_ */
        je      2f
        incl    %esi
        decl    %ecx
        jnz     1b
        ret
2:      addl    $7, %esi                /* name, PackageOp, length, count */
        movw    $sleep_type, %di
        call    read_number
        incw    %di
read_number:
        movb    %fs:(%esi), %al         /* ZeroOp, OneOp, BytePrefix n */
        incl    %esi
        cmpb    $0x0a, %al
        jne     4f
        movb    %fs:(%esi), %al
        incl    %esi
4:      movb    %al, (%di)
3:      ret
sleep_type:
        .byte   0, 0

        .text   3
        .balign 512, 0
image_end:
