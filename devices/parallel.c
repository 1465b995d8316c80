/*
 * PC parallel port in its standard (SPP, Centronics) form, with a printer that takes every character.
 *
 * Source: IBM PC Technical Reference, "Printer Adapter"; IEEE 1284 "compatibility mode" for the handshake; SMC
 *   FDC37C665 datasheet, "Parallel Port", for bits that the adapter left open.
 * Modelled: data and control with read back, BUSY while the back end is, nACK, interrupt by nACK.  A BIOS that waits
 *   for the pulse of 5 us in a loop (SeaBIOS's INT 17h) cannot miss it: it ends when Status has shown it behind the
 *   strobe, or late.
 * Not modelled: reading in from the data lines (control bit 5), EPP and ECP.
 */
#include "devices/parallel.h"

#include "machine/trace.h"

enum { DATA, STATUS, CONTROL };
enum { STATUS_NOT_BUSY = 0x80, STATUS_NOT_ACK = 0x40, STATUS_PAPER_OUT = 0x20, STATUS_SELECT = 0x10 };
/* The bits below this one read as 0: FDC37C665, "Status Port".  SeaBIOS takes bit 0 for a timeout. */
enum { STATUS_NOT_ERROR = 0x08 };
enum { CONTROL_STROBE = 0x01, CONTROL_IRQ = 0x10, CONTROL_INPUT = 0x20, CONTROL_WRITABLE = 0x3f };

#define ACK_NS 10000000 /* for software that does not look */

/* The interrupt line is nACK itself, let through by control bit 4: it rises at the end of the pulse. */
static void update(struct parallel *lpt)
{
    irq_set(&lpt->irq, lpt->control & CONTROL_IRQ && !lpt->ack);
}

static void end_of_ack(void *opaque)
{
    struct parallel *lpt = opaque;
    lpt->ack = false;
    update(lpt);
}

static void try_to_print(void *opaque)
{
    struct parallel *lpt = opaque;
    if (!lpt->busy || !chardev_write(lpt->chr, &lpt->waiting, 1))
        return;
    lpt->busy = false;
    lpt->ack = true;
    timer_set(&lpt->ack_timer, clock_ns(lpt->clock) + ACK_NS);
    update(lpt);
}

static void write_control(struct parallel *lpt, u8 value)
{
    bool strobe = value & ~lpt->control & CONTROL_STROBE;
    lpt->control = value & CONTROL_WRITABLE;
    update(lpt);
    if (!strobe || !lpt->chr)
        return;
    if (lpt->busy) {
        trace(GUEST, "%s: strobe while the printer is busy", lpt->device.id);
        return;
    }
    lpt->waiting = lpt->data;
    lpt->busy = true;
    try_to_print(lpt);
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct parallel *lpt = opaque;
    if (offset == DATA)
        lpt->data = value;
    else if (offset == CONTROL)
        write_control(lpt, value);
}

/* With no printer the pulled-up lines read as busy and out of paper. */
static u8 status_of(const struct parallel *lpt)
{
    u8 status = STATUS_SELECT | STATUS_NOT_ERROR;
    if (!lpt->chr)
        return status | STATUS_NOT_ACK | STATUS_PAPER_OUT;
    return status | (lpt->busy ? 0 : STATUS_NOT_BUSY) | (lpt->ack ? 0 : STATUS_NOT_ACK);
}

static u8 read_status(struct parallel *lpt)
{
    u8 status = status_of(lpt);
    if (lpt->ack && !(lpt->control & CONTROL_STROBE)) {
        timer_cancel(&lpt->ack_timer);
        end_of_ack(lpt);
    }
    return status;
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct parallel *lpt = opaque;
    switch (offset) {
    case DATA: return lpt->control & CONTROL_INPUT ? 0xff : lpt->data;
    case STATUS: return read_status(lpt);
    default: return lpt->control | 0xc0;
    }
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct parallel *lpt = state;
    lpt->data = 0;
    lpt->control = 0x0c; /* nINIT high, selected */
    lpt->busy = lpt->ack = false;
    timer_cancel(&lpt->ack_timer);
    update(lpt);
}

static void loaded(void *state)
{
    update(state);
}

/* Nothing comes back this way. */
static size_t room(void *opaque)
{
    return 0;
}

static void receive(void *opaque, const u8 *data, size_t length) {}

static const struct field fields[] = {
    FIELD(U8, struct parallel, data),
    FIELD(U8, struct parallel, control),
    FIELD(BOOL, struct parallel, busy),
    FIELD(U8, struct parallel, waiting),
    FIELD(BOOL, struct parallel, ack),
    FIELD(TIMER, struct parallel, ack_timer),
    FIELD_END,
};

const struct device_ops parallel_ops = {
    .name = "parallel",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

void parallel_init(struct parallel *lpt, struct machine *machine, u16 base, const struct irq *irq, struct chardev *chr,
                   const char *id)
{
    *lpt = (struct parallel){.clock = machine->clock, .chr = chr, .irq = *irq};
    timer_init(&lpt->ack_timer, machine->clock, end_of_ack, lpt);
    if (chr)
        chr->user = (struct chardev_user){.room = room, .receive = receive, .writable = try_to_print, .opaque = lpt};
    lpt->ports = (struct port_range){"parallel", base, 3, &bus, lpt, false, NULL};
    ioports_add(machine->ports, &lpt->ports);
    device_add(&machine->devices, &lpt->device, &parallel_ops, lpt, id);
    reset(lpt);
}
