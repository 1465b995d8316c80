/*
 * National PC16550D universal asynchronous receiver/transmitter with FIFOs ("16550A"), a PC's COM port.
 *
 * Source: National PC16550D datasheet (TL/C/8652), "Registers", "FIFO Interrupt Mode Operation".
 * Modelled: all registers, FIFOs with trigger levels and character timeout, the four interrupt levels and how they are
 *         cleared, modem lines with deltas, break both ways, overrun, loopback, back-pressure from the back end.
 * Differs: a transmitted character is gone at once if the back end takes it, and the THRE interrupt follows 10 us later
 *         whatever the line speed, so that consoles are fast.  Without any delay drivers that serve interrupts until
 *         there is none (Linux) would believe the chip stuck.
 *         Received characters keep to the line speed, and wait in the back end while there is no room: none is lost.
 *         The interrupt reaches the bus even with OUT2 off; teaching kernels (xv6) rely on that in emulators.
 * Not modelled: parity and framing errors of the far side, and DMA signalling (TXRDY, RXRDY), which no PC connects.
 */
#include "devices/uart16550.h"

#include <errno.h>

#include "machine/trace.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };
enum { IER_ERBFI = 0x01, IER_ETBEI = 0x02, IER_ELSI = 0x04, IER_EDSSI = 0x08 };
enum {
    IIR_MSR = 0x00,
    IIR_NONE = 0x01,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_LSR = 0x06,
    IIR_CTI = 0x0c,
    IIR_FIFO = 0xc0
};
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04 };
enum { LCR_BITS = 0x03, LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10 };
enum { LSR_DR = 0x01, LSR_OE = 0x02, LSR_PE = 0x04, LSR_FE = 0x08, LSR_BI = 0x10, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { LSR_FIFO_ERROR = 0x80, LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI };
enum { MSR_TERI = 0x04, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_DELTAS = 0x0f };

#define CRYSTAL_HZ 1843200
#define THRE_NS    10000

static bool fifo(const struct uart16550 *uart)
{
    return uart->fcr & FCR_ENABLE;
}

static unsigned trigger(const struct uart16550 *uart)
{
    static const u8 levels[4] = {1, 4, 8, 14};
    return fifo(uart) ? levels[uart->fcr >> 6 & 3] : 1;
}

static u64 character_ns(const struct uart16550 *uart)
{
    unsigned bits = 1 + 5 + (uart->lcr & LCR_BITS) + (uart->lcr & LCR_PARITY ? 1 : 0) + (uart->lcr & LCR_STOP ? 2 : 1);
    return NS_PER_SEC * bits * 16 * MAX(uart->divisor, 1) / CRYSTAL_HZ;
}

/* The enabled interrupt of highest priority, as IIR names it. */
static u8 interrupt(const struct uart16550 *uart)
{
    if (uart->ier & IER_ELSI && uart->lsr & LSR_ERRORS)
        return IIR_LSR;
    if (uart->ier & IER_ERBFI && uart->rx_count >= trigger(uart))
        return IIR_RDA;
    if (uart->ier & IER_ERBFI && uart->timeout)
        return IIR_CTI;
    if (uart->ier & IER_ETBEI && uart->thre_pending)
        return IIR_THRE;
    if (uart->ier & IER_EDSSI && uart->msr & MSR_DELTAS)
        return IIR_MSR;
    return IIR_NONE;
}

static void update(struct uart16550 *uart)
{
    irq_set(&uart->irq, interrupt(uart) != IIR_NONE);
}

/* Any movement in the receive FIFO starts the four character times anew. */
static void restart_timeout(struct uart16550 *uart)
{
    uart->timeout = false;
    if (fifo(uart) && uart->rx_count)
        timer_set(&uart->timeout_timer, clock_ns(uart->clock) + 4 * character_ns(uart));
    else
        timer_cancel(&uart->timeout_timer);
}

static void character_timeout(void *opaque)
{
    struct uart16550 *uart = opaque;
    uart->timeout = uart->rx_count > 0;
    update(uart);
}

/* LSR's PE, FE and BI belong to the character on top of the FIFO. */
static void show_top(struct uart16550 *uart)
{
    if (!uart->rx_count) {
        uart->lsr &= ~LSR_DR;
        return;
    }
    u8 *errors = &uart->rx_errors[uart->rx_head % UART_FIFO];
    uart->lsr |= LSR_DR | *errors;
    *errors = 0;
}

static void receive_byte(struct uart16550 *uart, u8 byte, u8 errors)
{
    unsigned size = fifo(uart) ? UART_FIFO : 1;
    if (uart->rx_count >= size) {
        uart->lsr |= LSR_OE;
        if (fifo(uart))
            return; /* "the FIFO keeps its characters, the one in the shift register is overwritten" */
        uart->rx_count = 0;
    }
    unsigned slot = (uart->rx_head + uart->rx_count++) % UART_FIFO;
    uart->rx[slot] = byte;
    uart->rx_errors[slot] = errors;
    if (uart->rx_count == 1)
        show_top(uart);
    restart_timeout(uart);
}

static void clear_rx(struct uart16550 *uart)
{
    uart->rx_count = 0;
    show_top(uart);
    restart_timeout(uart);
}

/* Input from the back end, at the speed of the line: after n characters no more for n character times. */
static size_t room(void *opaque)
{
    struct uart16550 *uart = opaque;
    unsigned size = fifo(uart) ? UART_FIFO : 1;
    if (uart->mcr & MCR_LOOP || clock_ns(uart->clock) < uart->rx_next || uart->rx_count >= size)
        return 0;
    return size - uart->rx_count;
}

static void receive(void *opaque, const u8 *data, size_t length)
{
    struct uart16550 *uart = opaque;
    for (size_t i = 0; i < length; i++)
        receive_byte(uart, data[i], 0);
    uart->rx_next = clock_ns(uart->clock) + length * character_ns(uart);
    timer_set(&uart->receive_timer, uart->rx_next);
    trace(SERIAL, "%s: %zu received, %d in FIFO", uart->device.id, length, uart->rx_count);
    update(uart);
}

static void accept_input(void *opaque)
{
    struct uart16550 *uart = opaque;
    if (uart->chr && room(uart))
        chardev_accept_input(uart->chr);
}

static void receive_event(void *opaque, enum char_event event)
{
    struct uart16550 *uart = opaque;
    if (event != CHAR_BREAK || uart->mcr & MCR_LOOP)
        return;
    receive_byte(uart, 0, LSR_BI | LSR_FE);
    update(uart);
}

static void thre_interrupt(void *opaque)
{
    struct uart16550 *uart = opaque;
    uart->thre_pending = uart->lsr & LSR_THRE;
    update(uart);
}

/* All 8 bits, whatever word length is set: a kernel that writes without programming the UART (LCR is 0, 5 bits, after
 * reset) is readable here as it is in other emulators; a real terminal would show garbage. */
static void send_to_back_end(struct uart16550 *uart)
{
    while (uart->tx_count) {
        unsigned head = uart->tx_head % UART_FIFO;
        size_t taken = chardev_write(uart->chr, uart->tx + head, MIN(uart->tx_count, UART_FIFO - head));
        if (!taken)
            return;
        uart->tx_head += taken;
        uart->tx_count -= taken;
    }
}

/* Empty THR or the transmit FIFO as far as the other side takes it. */
static void transmit(struct uart16550 *uart)
{
    static const u8 word[4] = {0x1f, 0x3f, 0x7f, 0xff};
    if (uart->mcr & MCR_LOOP)
        for (; uart->tx_count; uart->tx_count--)
            receive_byte(uart, uart->tx[uart->tx_head++ % UART_FIFO] & word[uart->lcr & LCR_BITS], 0);
    else
        send_to_back_end(uart);
    if (uart->tx_count) {
        uart->lsr &= ~(LSR_THRE | LSR_TEMT);
        timer_cancel(&uart->thre_timer);
        return;
    }
    uart->lsr |= LSR_THRE | LSR_TEMT;
    if (!timer_armed(&uart->thre_timer))
        timer_set(&uart->thre_timer, clock_ns(uart->clock) + THRE_NS);
}

static void writable(void *opaque)
{
    struct uart16550 *uart = opaque;
    if (!uart->tx_count)
        return;
    transmit(uart);
    update(uart);
}

static void write_thr(struct uart16550 *uart, u8 value)
{
    uart->thre_pending = false;
    if (uart->tx_count >= UART_FIFO)
        return;
    uart->tx[(uart->tx_head + uart->tx_count++) % UART_FIFO] = value;
    transmit(uart);
}

static u8 read_rbr(struct uart16550 *uart)
{
    u8 value = uart->rx[uart->rx_head % UART_FIFO];
    if (!uart->rx_count)
        return value; /* RBR keeps the last character */
    if (--uart->rx_count)
        uart->rx_head++;
    show_top(uart);
    restart_timeout(uart);
    update(uart);
    if (!uart->rx_count)
        accept_input(uart);
    return value;
}

/* "Enabling the THRE interrupt while THR is empty asserts it." */
static void write_ier(struct uart16550 *uart, u8 value)
{
    if (value & ~uart->ier & IER_ETBEI && uart->lsr & LSR_THRE) {
        uart->thre_pending = true;
        timer_cancel(&uart->thre_timer);
    }
    uart->ier = value & 0x0f;
}

/* The other bits are programmed only with FIFO enable written as 1; changing it clears both FIFOs. */
static void write_fcr(struct uart16550 *uart, u8 value)
{
    bool changed = (value ^ uart->fcr) & FCR_ENABLE;
    if (changed || value & FCR_CLEAR_RX)
        clear_rx(uart);
    if ((changed || value & FCR_CLEAR_TX) && uart->tx_count) {
        uart->tx_count = 0;
        transmit(uart);
    }
    uart->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
}

static void update_break(struct uart16550 *uart)
{
    bool on = uart->lcr & LCR_BREAK, loop = uart->mcr & MCR_LOOP;
    if (on == uart->sending_break)
        return;
    uart->sending_break = on;
    if (loop && on)
        receive_byte(uart, 0, LSR_BI | LSR_FE);
    else if (!loop && uart->chr && uart->chr->ops->set_break)
        uart->chr->ops->set_break(uart->chr, on);
}

/* A far end that is there keeps CTS, DSR and DCD active; in loopback the four outputs are the inputs. */
static u8 modem_inputs(const struct uart16550 *uart)
{
    u8 mcr = uart->mcr;
    if (!(mcr & MCR_LOOP))
        return uart->chr ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
    return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
           (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_msr(struct uart16550 *uart)
{
    u8 now = modem_inputs(uart), changed = (now ^ uart->msr) & 0xf0;
    if (now & MSR_RI)
        changed &= ~MSR_RI; /* only its trailing edge counts */
    uart->msr = now | (uart->msr & MSR_DELTAS) | changed >> 4;
}

static void write_mcr(struct uart16550 *uart, u8 value)
{
    uart->mcr = value & 0x1f;
    update_msr(uart);
    if (uart->tx_count)
        transmit(uart);
    accept_input(uart);
}

static void write_divisor(struct uart16550 *uart, bool high, u8 value)
{
    uart->divisor = high ? (uart->divisor & 0xff) | value << 8 : (uart->divisor & 0xff00) | value;
}

static void write(void *opaque, u64 port, u64 value, unsigned size)
{
    struct uart16550 *uart = opaque;
    trace(SERIAL, "%s: write %d = %02x", uart->device.id, (int)port, (unsigned)value);
    if (port <= IER && uart->lcr & LCR_DLAB) {
        write_divisor(uart, port == IER, value);
        return;
    }
    switch (port) {
    case RBR_THR:
        /* The line falls before it rises again: an edge for the interrupt controller. */
        uart->thre_pending = false;
        update(uart);
        write_thr(uart, value);
        break;
    case IER:
        write_ier(uart, value);
        break;
    case IIR_FCR:
        write_fcr(uart, value);
        break;
    case LCR:
        uart->lcr = value;
        update_break(uart);
        break;
    case MCR:
        write_mcr(uart, value);
        break;
    case SCR:
        uart->scr = value;
        break;
    }
    update(uart);
}

static u8 read_iir(struct uart16550 *uart)
{
    u8 source = interrupt(uart);
    if (source == IIR_THRE)
        uart->thre_pending = false;
    return source | (fifo(uart) ? IIR_FIFO : 0);
}

static u8 read_lsr(struct uart16550 *uart)
{
    u8 value = uart->lsr;
    for (unsigned i = 0; fifo(uart) && i < uart->rx_count; i++)
        if (uart->rx_errors[(uart->rx_head + i) % UART_FIFO])
            value |= LSR_FIFO_ERROR;
    if (fifo(uart) && value & (LSR_PE | LSR_FE | LSR_BI))
        value |= LSR_FIFO_ERROR;
    uart->lsr &= ~LSR_ERRORS;
    return value;
}

static u8 read_msr(struct uart16550 *uart)
{
    u8 value = uart->msr;
    uart->msr &= ~MSR_DELTAS;
    return value;
}

static u8 read_register(struct uart16550 *uart, u64 port)
{
    bool dlab = uart->lcr & LCR_DLAB;
    switch (port) {
    case RBR_THR:
        return dlab ? uart->divisor & 0xff : read_rbr(uart);
    case IER:
        return dlab ? uart->divisor >> 8 : uart->ier;
    case IIR_FCR:
        return read_iir(uart);
    case LCR:
        return uart->lcr;
    case MCR:
        return uart->mcr;
    case LSR:
        return read_lsr(uart);
    case MSR:
        return read_msr(uart);
    default:
        return uart->scr;
    }
}

static u64 read(void *opaque, u64 port, unsigned size)
{
    struct uart16550 *uart = opaque;
    u8 value = read_register(uart, port);
    update(uart);
    trace(SERIAL, "%s: read %d = %02x", uart->device.id, (int)port, value);
    return value;
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

/* Table "UART Reset Configuration".  The divisor and SCR are not touched by Master Reset. */
static void reset(void *state)
{
    struct uart16550 *uart = state;
    uart->ier = uart->fcr = uart->lcr = uart->mcr = 0;
    uart->lsr = LSR_THRE | LSR_TEMT;
    uart->rx_count = uart->tx_count = 0;
    uart->thre_pending = uart->timeout = false;
    uart->msr = modem_inputs(uart);
    timer_cancel(&uart->timeout_timer);
    timer_cancel(&uart->thre_timer);
    update_break(uart);
    update(uart);
    accept_input(uart);
}

static void loaded(void *state)
{
    struct uart16550 *uart = state;
    update(uart);
    if (uart->tx_count)
        transmit(uart);
    accept_input(uart);
}

static int check(const void *state)
{
    const struct uart16550 *uart = state;
    return uart->rx_count > UART_FIFO || uart->tx_count > UART_FIFO ? -EINVAL : 0;
}

static const struct field fields[] = {
    FIELD(U8, struct uart16550, ier),
    FIELD(U8, struct uart16550, fcr),
    FIELD(U8, struct uart16550, lcr),
    FIELD(U8, struct uart16550, mcr),
    FIELD(U8, struct uart16550, lsr),
    FIELD(U8, struct uart16550, msr),
    FIELD(U8, struct uart16550, scr),
    FIELD(U16, struct uart16550, divisor),
    FIELD_BLOB(struct uart16550, rx),
    FIELD_BLOB(struct uart16550, rx_errors),
    FIELD(U8, struct uart16550, rx_head),
    FIELD(U8, struct uart16550, rx_count),
    FIELD_BLOB(struct uart16550, tx),
    FIELD(U8, struct uart16550, tx_head),
    FIELD(U8, struct uart16550, tx_count),
    FIELD(BOOL, struct uart16550, thre_pending),
    FIELD(BOOL, struct uart16550, timeout),
    FIELD(BOOL, struct uart16550, sending_break),
    FIELD(U64, struct uart16550, rx_next),
    FIELD(TIMER, struct uart16550, timeout_timer),
    FIELD(TIMER, struct uart16550, receive_timer),
    FIELD(TIMER, struct uart16550, thre_timer),
    FIELD_END,
};

const struct device_ops uart16550_ops = {
    .name = "uart16550",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .check = check,
};

void uart16550_init(struct uart16550 *uart, struct machine *machine, u16 base, const struct irq *irq,
                    struct chardev *chr, const char *id)
{
    *uart = (struct uart16550){.divisor = 12, .clock = machine->clock, .chr = chr, .irq = *irq};
    timer_init(&uart->timeout_timer, machine->clock, character_timeout, uart);
    timer_init(&uart->receive_timer, machine->clock, accept_input, uart);
    timer_init(&uart->thre_timer, machine->clock, thre_interrupt, uart);
    uart->ports = (struct port_range){"serial", base, 8, &bus, uart, false, NULL};
    ioports_add(machine->ports, &uart->ports);
    device_add(&machine->devices, &uart->device, &uart16550_ops, uart, id);
    if (chr)
        chr->user = (struct chardev_user){room, receive, receive_event, writable, uart};
    reset(uart);
}
