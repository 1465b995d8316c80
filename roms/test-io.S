/*
 * Test boot disk: interrupt controllers, serial port, keyboard controller, DMA, PCI, IDE and VGA registers.
 * Origin: 0x7c00
 *
 * Source: Intel 8259A and 8237A datasheets; National PC16550D datasheet, "Loopback"; IBM PS/2 Technical Reference,
 * "Keyboard/Auxiliary Device Controller"; PIIX3 datasheet, "ELCR"; PCI 2.1, "Configuration Space"; ATA-4, "IDENTIFY
 * DEVICE"; IBM VGA Technical Reference.
 */
        .include "roms/test.inc"

        .code16
real_mode_hook:
        ret
        .code32

test_main:
        call    interrupt_controllers
        call    serial_port
        call    keyboard_controller
        call    dma_registers
        call    pci
        call    ide
        call    vga
        ret

        .macro  out port, value
        movb    $\value, %al
        .if     \port > 255
        movw    $\port, %dx
        outb    %al, %dx
        .else
        outb    %al, $\port
        .endif
        .endm

        .macro  in port
        .if     \port > 255
        movw    $\port, %dx
        inb     %dx, %al
        .else
        inb     $\port, %al
        .endif
        movzbl  %al, %eax
        .endm

        .macro  reads text, port, want
        in      \port
        check   "\text", \want
        .endm

/* --- 8259A ------------------------------------------------------------------------------------------------------- */

on_irq: movl    -4(%ebp), %eax          /* vector */
        movl    order, %ecx
        shll    $8, %ecx
        movb    %al, %cl
        movl    %ecx, order
        cmpl    $40, %eax
        jb      1f
        movb    $0x20, %al
        outb    %al, $0xa0
1:      movb    eoi, %al
        testb   %al, %al
        jz      2f
        outb    %al, $0x20
2:      ret
        .balign 4
order:  .long   0
eoi:    .long   0x20

/* IRQ 0 and IRQ 8 requested, all masked.  Both lines stay up: the PIT's OUT in mode 0, the RTC's until register C is
 * read. */
pend:   out     0x21, 0xff
        out     0xa1, 0xff
        out     0x70, 0x0b
        out     0x71, 0x02
        out     0x70, 0x0c
        inb     $0x71, %al
        out     0x70, 0x0a
        out     0x71, 0x26
        out     0x70, 0x0b
        out     0x71, 0x42              /* RTC: periodic */
1:      out     0xa0, 0x0a
        inb     $0xa0, %al
        testb   $1, %al
        jz      1b
        out     0x43, 0x30              /* PIT: once */
        out     0x40, 10
        out     0x40, 0
1:      out     0x20, 0x0a
        inb     $0x20, %al
        testb   $1, %al
        jz      1b
        movl    $0, order
        ret

open:   out     0xa1, 0xfe
        out     0x21, 0xfa
        sti
        nop
        nop
        inb     $0x80, %al
        inb     $0x80, %al
        cli
        ret

interrupt_controllers:
        movl    $on_irq, handlers + 32 * 4
        movl    $on_irq, handlers + 40 * 4
        movl    $on_irq, handlers + 34 * 4
        out     0x21, 0xa5
        reads   "IMR", 0x21, 0xa5
        out     0x21, 0xff
        call    pend
        reads   "IRR shows a masked request", 0x20, 0x01
        reads   "and the slave's", 0xa0, 0x01
        out     0x20, 0x0b
        reads   "ISR", 0x20, 0
        out     0x20, 0x0c              /* poll; masked requests do not count */
        in      0x20
        andl    $0x80, %eax
        check   "poll: nothing, as all is masked", 0
        call    pend
        call    open
        movl    order, %eax
        check   "IRQ 0 before IRQ 8", 0x2028
        call    pend
        out     0x20, 0xc0              /* specific rotation: 0 is the lowest */
        call    open
        movl    order, %eax
        check   "rotated: IRQ 8 before IRQ 0", 0x2820
        out     0x20, 0xc7              /* 7 is the lowest again */

        call    pend
        out     0x21, 0xfe
        out     0x20, 0x0c
        reads   "poll: IRQ 0", 0x20, 0x80
        out     0x20, 0x0b
        reads   "is in service", 0x20, 1
        out     0x20, 0x20
        reads   "until EOI", 0x20, 0
        out     0xa1, 0xfe
        out     0xa0, 0x0c
        reads   "poll of the slave: its 0", 0xa0, 0x80
        out     0xa0, 0x60              /* specific EOI */
        out     0xa0, 0x0b
        reads   "specific EOI", 0xa0, 0

        movl    $0, eoi
        call    pend
        call    open
        movl    order, %eax
        check   "without EOI the lower one waits", 0x20
        movl    $0x20, eoi
        out     0x20, 0x20
        call    open
        movl    order, %eax
        check   "and comes after it", 0x2028
        movl    $0, eoi                 /* special mask: a masked one in service blocks nothing */
        call    pend
        call    open
        out     0x20, 0x68
        movl    $0x20, eoi
        out     0x21, 0xfb
        sti
        nop
        inb     $0x80, %al
        inb     $0x80, %al
        cli
        movl    order, %eax
        check   "special mask mode", 0x2028
        out     0x20, 0x48
        out     0x20, 0x60              /* EOI of 0 */
        out     0x20, 0x0b
        reads   "nothing in service", 0x20, 0

        movl    $0, eoi
        out     0x21, 0xff
        out     0x20, 0x11              /* anew, with automatic EOI */
        out     0x21, 0x20
        out     0x21, 0x04
        out     0x21, 0x03
        call    pend
        call    open
        movl    order, %eax
        check   "automatic EOI", 0x2028
        out     0x20, 0x0b
        reads   "leaves nothing in service", 0x20, 0
        out     0x20, 0x11
        out     0x21, 0x20
        out     0x21, 0x04
        out     0x21, 0x01
        reads   "ICW1 clears the mask", 0x21, 0
        out     0x21, 0xff
        out     0xa1, 0xff
        out     0x70, 0x0b
        out     0x71, 0x02
        movl    $0x20, eoi

        movw    $0x4d0, %dx
        inb     %dx, %al
        movb    %al, %bl
        movb    $0xff, %al
        outb    %al, %dx
        inb     %dx, %al
        xchgb   %al, %bl
        outb    %al, %dx
        movzbl  %bl, %eax
        cmpl    $0xff, %eax             /* a board without ELCR */
        je      1f
        check   "ELCR: IRQ 0-2 are always edges", 0xf8
        movw    $0x4d1, %dx
        inb     %dx, %al
        movb    %al, %bl
        movb    $0xff, %al
        outb    %al, %dx
        inb     %dx, %al
        xchgb   %al, %bl
        outb    %al, %dx
        movzbl  %bl, %eax
        check   "ELCR: IRQ 8 and 13 as well", 0xde
1:      ret

/* --- 16550A ------------------------------------------------------------------------------------------------------ */

        .set    UART, 0x3f8

/* While the port is in loopback it cannot print: results wait in kept. */
        .macro  keep number
        movl    %eax, kept + \number * 4
        .endm
        .macro  kept_is text, number, want
        movl    kept + \number * 4, %eax
        check   "\text", \want
        .endm
        .balign 4
kept:   .fill   32, 4, 0

serial_port:
1:      in      UART + 5                /* all sent */
        testb   $0x40, %al
        jz      1b
        out     UART + 2, 0x07          /* FIFO on and empty */
        out     UART + 1, 0
        out     UART + 4, 0x10          /* loopback */
        in      UART + 6
        in      UART + 6
        keep    0
        out     UART + 4, 0x1a          /* RTS, OUT2 */
        in      UART + 6
        keep    1
        in      UART + 6
        keep    2
        out     UART + 4, 0x15          /* DTR, OUT1 */
        in      UART + 6
        keep    3
        out     UART + 4, 0x10          /* RI falls: trailing edge */
        in      UART + 6
        keep    4
        out     UART + 0, 0x5a
        call    loop_wait
        keep    5
        in      UART + 0
        keep    6
        in      UART + 5
        keep    7
        out     UART + 2, 0x87          /* trigger level 8 */
        out     UART + 1, 0x05          /* receive and line status interrupts */
        movl    $7, %ebx
        call    loop_send
        in      UART + 2
        keep    8
        movl    $1, %ebx
        call    loop_send
        in      UART + 2
        keep    9
        movl    $8, %ebx
        call    loop_send
        in      UART + 5
        keep    10
        out     UART + 0, 0x99
        movl    $50000, %ecx            /* LSR is not to be read, which would clear the error */
2:      in      UART + 2
        cmpb    $0xc4, %al
        loope   2b
        keep    11
        in      UART + 5
        keep    12
        in      UART + 2
        keep    13
        out     UART + 2, 0x87
        in      UART + 2
        keep    14
        out     UART + 3, 0x43          /* break */
        movl    $20000, %ecx
2:      in      UART + 5
        testb   $0x10, %al
        loopz   2b
        andl    $0x11, %eax
        keep    15
        in      UART + 0
        keep    16
        out     UART + 3, 0x03
        out     UART + 2, 0x07
        in      UART + 5
        out     UART + 1, 0x02          /* transmitter empty */
        in      UART + 2
        keep    17
        in      UART + 2
        keep    18
        out     UART + 1, 0x08          /* modem status */
        out     UART + 4, 0x11
        in      UART + 2
        keep    19
        in      UART + 6
        in      UART + 2
        keep    20
        out     UART + 7, 0xa7
        in      UART + 7
        keep    21
        out     UART + 1, 0xff
        in      UART + 1
        keep    22
        out     UART + 1, 0
        out     UART + 2, 0
        in      UART + 2
        keep    23
        out     UART + 3, 0x83
        in      UART + 0
        keep    24
        out     UART + 3, 0x03
        out     UART + 2, 0x07
        in      UART + 5
        out     UART + 4, 0x03
        kept_is "loopback: no modem line is on", 0, 0
        kept_is "RTS is CTS, OUT2 is DCD; both changed", 1, 0x99
        kept_is "a read clears the changes", 2, 0x90
        kept_is "DTR is DSR, OUT1 is RI", 3, 0x6b
        kept_is "RI's end is its change", 4, 0x06
        kept_is "what is sent is received", 5, 0x61
        kept_is "unchanged", 6, 0x5a
        kept_is "and taken", 7, 0x60
        kept_is "seven bytes, trigger level eight: no interrupt yet", 8, 0xc1
        kept_is "eight: received data", 9, 0xc4
        kept_is "sixteen fit", 10, 0x61
        kept_is "one more: line status first", 11, 0xc6
        kept_is "overrun", 12, 0x63
        kept_is "then received data", 13, 0xc4
        kept_is "FIFO reset", 14, 0xc1
        kept_is "break", 15, 0x11
        kept_is "comes as a zero", 16, 0
        kept_is "transmitter empty", 17, 0xc2
        kept_is "until it is read", 18, 0xc1
        kept_is "modem status", 19, 0xc0
        kept_is "until it is read", 20, 0xc1
        kept_is "scratch register", 21, 0xa7
        kept_is "interrupt enable has four bits", 22, 0x0f
        kept_is "no FIFO, no bits 6 and 7", 23, 0x01
        kept_is "the divisor", 24, 1
        ret

/* EAX = LSR when the transmitter is through. */
loop_wait:
        in      UART + 5
        testb   $0x40, %al
        jz      loop_wait
        ret
/* EBX bytes round the loop. */
loop_send:
        movb    %bl, %al
        movw    $UART, %dx
        outb    %al, %dx
        call    loop_wait
        decl    %ebx
        jnz     loop_send
        ret

/* --- 8042, keyboard, mouse --------------------------------------------------------------------------------------- */

/* AL to the controller, or to its data port. */
command:
        call    input_empty
        outb    %al, $0x64
        ret
data:   call    input_empty
        outb    %al, $0x60
        ret
input_empty:
        pushl   %eax
1:      inb     $0x64, %al
        testb   $2, %al
        jnz     1b
        popl    %eax
        ret

/* EAX = next byte, with the AUX bit of the status as bit 8; FFFFFFFF if none comes. */
answer: movl    $300000, %ecx
1:      inb     $0x64, %al
        testb   $1, %al
        jnz     2f
        loop    1b
        movl    $-1, %eax
        ret
2:      movzbl  %al, %eax
        andl    $0x20, %eax
        shll    $3, %eax
        inb     $0x60, %al
        ret

drain:  inb     $0x64, %al
        testb   $1, %al
        jz      1f
        inb     $0x60, %al
        jmp     drain
1:      ret

        .macro  controller code
        movb    $\code, %al
        call    command
        .endm
        .macro  give code
        movb    $\code, %al
        call    data
        .endm
        .macro  mouse code
        controller 0xd4
        give    \code
        .endm
        .macro  answers text, want
        call    answer
        check   "\text", \want
        .endm

keyboard_controller:
        controller 0xad
        controller 0xa7
        call    drain
        controller 0xaa
        answers "8042 self-test", 0x55
        controller 0xab
        answers "keyboard interface test", 0
        controller 0xa9
        answers "mouse interface test", 0
        controller 0x60
        give    0x30                    /* no interrupts, both disabled, no translation */
        controller 0x20
        answers "command byte", 0x30
        controller 0xae
        controller 0x20
        answers "AE enables the keyboard", 0x20
        controller 0xa8
        controller 0x20
        answers "A8 enables the mouse", 0x00
        controller 0xd2
        give    0x7e
        answers "D2: as if the keyboard had sent it", 0x7e
        controller 0xd3
        give    0x7d
        answers "D3: as if the mouse had", 0x17d
        controller 0xd0
        call    answer
        andl    $3, %eax
        check   "D0: output port, A20 on, no reset", 3
        give    0xee
        answers "keyboard echo", 0xee
        give    0xf5
        answers "disable", 0xfa
        give    0xf2
        answers "identify: acknowledged", 0xfa
        answers "AB", 0xab
        answers "83", 0x83
        give    0xf0
        answers "scan code set", 0xfa
        give    0x00
        answers "which", 0xfa
        answers "2", 0x02
        give    0xed
        answers "LEDs", 0xfa
        give    0x02
        answers "set", 0xfa
        give    0xed
        call    answer
        give    0x00
        call    answer
        controller 0x60
        give    0x60                    /* translation; mouse off */
        give    0xf2
        answers "identify", 0xfa
        answers "AB is not translated, as it is no make code", 0xab
        answers "83 becomes 41", 0x41
        controller 0x60
        give    0x00
        give    0xff
        answers "reset", 0xfa
        answers "passed its test", 0xaa
        give    0xf4
        answers "enable", 0xfa
        mouse   0xff
        answers "mouse reset", 0x1fa
        answers "passed its test", 0x1aa
        answers "a standard mouse", 0x100
        mouse   0xe8
        answers "resolution", 0x1fa
        mouse   0x03
        answers "8 per millimetre", 0x1fa
        mouse   0xe9
        answers "status", 0x1fa
        answers "disabled, 1:1, no button", 0x100
        answers "resolution", 0x103
        answers "100 samples a second", 0x164
        mouse   0xf2
        answers "identify", 0x1fa
        answers "0", 0x100
        controller 0x60
        give    0x61                    /* as the firmware had it */
        ret

/* --- 8237A ------------------------------------------------------------------------------------------------------- */

dma_registers:
        out     0x0c, 0                 /* clear the flip-flop */
        out     0x02, 0x34
        out     0x02, 0x12
        out     0x0c, 0
        in      0x02
        movl    %eax, %ebx
        in      0x02
        shll    $8, %eax
        orl     %ebx, %eax
        check   "8237: an address, byte by byte", 0x1234
        out     0x0c, 0
        out     0x03, 0x78
        out     0x03, 0x56
        out     0x0c, 0
        in      0x03
        check   "8237: a count", 0x78
        in      0x03
        check   "its high byte", 0x56
        out     0x83, 0x5a
        reads   "page register of channel 1", 0x83, 0x5a
        out     0xda, 0
        in      0x08
        andl    $0x0f, %eax
        check   "no terminal count after a master clear", 0
        out     0x0d, 0
        ret

/* --- PCI --------------------------------------------------------------------------------------------------------- */

pci:    movw    $0xcf8, %dx
        movl    $0x80000000, %eax
        outl    %eax, %dx
        inl     %dx, %eax
        cmpl    $0x80000000, %eax
        je      1f
        skip    "no PCI"
        ret
1:      check   "CF8 reads back", 0x80000000
        movw    $0xcfc, %dx
        inl     %dx, %eax
        movl    %eax, %ebx
        xorl    %eax, %eax
        inw     %dx, %ax
        cmpw    %bx, %ax
        setne   %al
        movzbl  %al, %eax
        check   "the vendor as a word", 0
        shrl    $24, %ebx
        movw    $0xcff, %dx
        inb     %dx, %al
        subb    %bl, %al
        movzbl  %al, %eax
        check   "a byte of the device", 0
        movw    $0xcf8, %dx
        movl    $0x8000f800, %eax       /* device 31: nobody */
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        check   "an absent device", 0xffffffff
        movw    $0xcf8, %dx
        movl    $0x00000000, %eax
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        check   "configuration space disabled", 0xffffffff
        ret

/* --- IDE --------------------------------------------------------------------------------------------------------- */

        .set    ATA, 0x1f0
        .set    buffer, 0x20000

not_busy:
        movw    $ATA + 7, %dx
1:      inb     %dx, %al
        testb   $0x80, %al
        jnz     1b
        movzbl  %al, %eax
        ret

ide:    call    not_busy
        out     0x3f6, 0x02             /* no interrupts */
        out     ATA + 6, 0xe0
        call    not_busy
        andl    $0xc9, %eax
        check   "drive ready", 0x40
        out     ATA + 2, 0x5a
        reads   "sector count reads back", ATA + 2, 0x5a
        out     ATA + 7, 0xec
        call    not_busy
        andl    $0x89, %eax
        check   "IDENTIFY: data to fetch", 8
        movl    $buffer, %edi
        movl    $256, %ecx
        movw    $ATA, %dx
        cld
        rep insw
        call    not_busy
        andl    $0xc9, %eax
        check   "and no more", 0x40
        movl    buffer, %eax
        andl    $0x8000, %eax
        check   "an ATA device", 0
        movl    buffer + 98, %eax
        andl    $0x200, %eax
        check   "with LBA", 0x200
        out     ATA + 2, 2              /* two sectors: this program's first */
        out     ATA + 3, 0
        out     ATA + 4, 0
        out     ATA + 5, 0
        out     ATA + 7, 0x20
        movl    $buffer, %edi
        movl    $2, %ebx
1:      call    not_busy
        movl    $256, %ecx
        movw    $ATA, %dx
        rep insw
        decl    %ebx
        jnz     1b
        call    not_busy
        andl    $0xc9, %eax
        check   "READ SECTORS: done after two", 0x40
        movzwl  buffer + 510, %eax
        check   "the first is this boot sector", 0xaa55
        movl    buffer + 512, %eax
        subl    start + 512, %eax
        check   "the second is what follows", 0
        out     ATA + 7, 0xff
        call    not_busy
        andl    $0x89, %eax
        check   "an unknown command: error", 1
        in      ATA + 1
        andl    $4, %eax
        check   "aborted", 4
        out     0x3f6, 0x06             /* software reset */
        inb     $0x80, %al
        out     0x3f6, 0x02
        call    not_busy
        in      ATA + 2
        check   "signature: count", 1
        in      ATA + 4
        check   "signature: cylinder, no packet device", 0
        out     0x3f6, 0x00
        ret

/* --- VGA --------------------------------------------------------------------------------------------------------- */

vga:    movl    $0x1e411e42, %eax
        xchgl   %eax, 0xb8000
        movl    %eax, %ebx
        movl    0xb8000, %eax
        movl    %ebx, 0xb8000
        check   "text memory", 0x1e411e42
        out     0x3d4, 0x0f
        in      0x3d5
        movl    %eax, %ebx
        out     0x3d5, 0x5a
        in      0x3d5
        xchgl   %eax, %ebx
        outb    %al, %dx
        movl    %ebx, %eax
        check   "CRTC: cursor position", 0x5a
        out     0x3c7, 0x10             /* save entry 10h of the DAC */
        in      0x3c9
        movl    %eax, %ebx
        out     0x3c8, 0x10
        out     0x3c9, 0x2a
        out     0x3c9, 0x15
        out     0x3c9, 0x3f
        out     0x3c7, 0x10
        reads   "DAC: red", 0x3c9, 0x2a
        reads   "DAC: green", 0x3c9, 0x15
        reads   "DAC: blue", 0x3c9, 0x3f
        in      0x3da
        out     0x3c0, 0x10 | 0x20
        in      0x3c1
        andl    $1, %eax
        check   "attribute mode: text", 0
        movl    $0x2000000, %ecx
        xorl    %ebx, %ebx
1:      in      0x3da
        xorb    %al, %bh
        orb     %bh, %bl
        movb    %al, %bh
        testb   $8, %bl
        loopz   1b
        movzbl  %bl, %eax
        andl    $8, %eax
        check   "the vertical retrace comes", 8
        ret

        test_end
