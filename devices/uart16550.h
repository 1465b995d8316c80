/*
 * National PC16550D UART ("16550A").  See uart16550.c for source and coverage.
 */
#ifndef DEVICES_UART16550_H
#define DEVICES_UART16550_H

#include "devices/char/char.h"
#include "machine/machine.h"

#define UART_FIFO 16

struct uart16550 {
    /* Guest state; registers named as in the datasheet. */
    u8 ier, fcr, lcr, mcr, lsr, msr, scr;
    u16 divisor;
    u8 rx[UART_FIFO];        /* receive FIFO; rx[rx_head] is RBR */
    u8 rx_errors[UART_FIFO]; /* LSR PE, FE, BI of each byte */
    u8 rx_head, rx_count;
    u8 tx[UART_FIFO]; /* written by the guest, not yet taken by the back end */
    u8 tx_head, tx_count;
    bool thre_pending; /* THRE interrupt: cleared by reading IIR while it is the source, or by writing THR */
    bool timeout;      /* character timeout indication */
    bool sending_break;
    u64 rx_next;                /* ns before which no further input is taken: the line's speed */
    struct timer timeout_timer; /* four character times without FIFO activity */
    struct timer receive_timer; /* rx_next has come */
    struct timer thre_timer;    /* the THRE interrupt of characters already gone to the back end */
    /* Wiring. */
    struct clock *clock;
    struct chardev *chr;
    struct irq irq;
    struct device device;
    struct port_range ports; /* base .. base + 7 */
};

/* chr may be NULL: nothing is plugged in (CTS, DSR, DCD inactive).  Takes chr->user.  id: "com1". */
void uart16550_init(struct uart16550 *uart, struct machine *machine, u16 base, const struct irq *irq,
                    struct chardev *chr, const char *id);

extern const struct device_ops uart16550_ops;

#endif
