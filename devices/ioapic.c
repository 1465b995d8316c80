/*
 * Intel 82093AA I/O APIC: 24 interrupt inputs, each with a message of its own.
 *
 * Source: Intel 82093AA I/O Advanced Programmable Interrupt Controller datasheet (290566), "Register Description",
 *         "Interrupt Request Lines".
 * Modelled: IOREGSEL and IOWIN, ID, version 11h, arbitration ID, 24 redirection entries; edge and level, remote IRR,
 *         masks ("edges on a masked pin are ignored"), all delivery and destination modes, EOI by broadcast.
 * Differs: wires carry "asserted", so that the polarity bit is stored and changes nothing.  The board's MADT calls the
 *         PCI interrupts active high and its MP table active low; both describe the same wires.
 * Not modelled: retries on the APIC bus; delivery status always reads idle.
 */
#include "devices/ioapic.h"

#include <assert.h>

#include "machine/trace.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10 };
enum { REG_ID = 0x00, REG_VERSION = 0x01, REG_ARBITRATION = 0x02, REG_REDIRECTION = 0x10 };

#define VERSION (0x11u | (IOAPIC_PINS - 1) << 16)
#define ENTRY_LOGICAL 0x800ull
#define ENTRY_REMOTE_IRR 0x4000ull
#define ENTRY_LEVEL 0x8000ull
#define ENTRY_MASKED 0x10000ull
#define ENTRY_WRITABLE 0xff0000000001afffull /* all but reserved bits, delivery status and remote IRR */

static u8 mode_of(u64 entry)
{
    return entry >> 8 & 7;
}

/* Only fixed and lowest priority interrupts have levels; "SMI, NMI, INIT, ExtINT: edge triggered". */
static bool is_level(u64 entry)
{
    return entry & ENTRY_LEVEL && mode_of(entry) <= APIC_LOWEST;
}

static bool deliver(struct ioapic *ioapic, int pin)
{
    u64 entry = ioapic->redirection[pin];
    struct apic_message message = {
        .destination = entry >> 56,
        .logical = entry & ENTRY_LOGICAL,
        .mode = mode_of(entry),
        .vector = entry,
        .level = is_level(entry),
    };
    ioapic->sent[pin]++;
    return lapics_send(ioapic->apics, &message);
}

/* A level asks again as long as it is asserted and not in service. */
static void sample_level(struct ioapic *ioapic, int pin)
{
    u64 entry = ioapic->redirection[pin];
    if (!(ioapic->levels >> pin & 1) || !is_level(entry) || entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR))
        return;
    if (deliver(ioapic, pin))
        ioapic->redirection[pin] |= ENTRY_REMOTE_IRR;
}

static void set_pin(void *opaque, int pin, bool level)
{
    struct ioapic *ioapic = opaque;
    u32 bit = 1u << pin;
    u64 entry = ioapic->redirection[pin];
    if (level == !!(ioapic->levels & bit))
        return;
    ioapic->levels ^= bit;
    trace(APIC, "ioapic: pin %d %s", pin, level ? "up" : "down");
    if (is_level(entry))
        sample_level(ioapic, pin);
    else if (level && !(entry & ENTRY_MASKED))
        deliver(ioapic, pin);
}

struct irq ioapic_irq(struct ioapic *ioapic, int pin)
{
    assert(pin >= 0 && pin < IOAPIC_PINS);
    return (struct irq){set_pin, ioapic, pin};
}

static void end_of_interrupt(void *opaque, u8 vector)
{
    struct ioapic *ioapic = opaque;
    for (int pin = 0; pin < IOAPIC_PINS; pin++) {
        u64 *entry = &ioapic->redirection[pin];
        if (!(*entry & ENTRY_REMOTE_IRR) || (u8)*entry != vector)
            continue;
        *entry &= ~ENTRY_REMOTE_IRR;
        sample_level(ioapic, pin);
    }
}

/* Remote IRR "is undefined for edge-triggered interrupts": making a pin an edge clears it, which system software uses
 * to end an interrupt without an EOI. */
static void write_redirection(struct ioapic *ioapic, int pin, u64 value)
{
    u64 *entry = &ioapic->redirection[pin];
    *entry = (value & ENTRY_WRITABLE) | (*entry & ENTRY_REMOTE_IRR);
    if (!is_level(*entry))
        *entry &= ~ENTRY_REMOTE_IRR;
    sample_level(ioapic, pin);
}

static void write_register(struct ioapic *ioapic, u8 reg, u32 value)
{
    unsigned index = reg - REG_REDIRECTION;
    trace(APIC, "ioapic: write %02x = %08x", reg, value);
    if (reg == REG_ID) {
        ioapic->id = ioapic->arbitration = value & 0x0f000000; /* "loaded when the ID register is written" */
    } else if (reg >= REG_REDIRECTION && index < 2 * IOAPIC_PINS) {
        u64 old = ioapic->redirection[index / 2];
        u64 entry = index & 1 ? (old & 0xffffffff) | (u64)value << 32 : (old & ~0xffffffffull) | value;
        write_redirection(ioapic, index / 2, entry);
    }
}

static u32 read_register(const struct ioapic *ioapic, u8 reg)
{
    unsigned index = reg - REG_REDIRECTION;
    if (reg >= REG_REDIRECTION && index < 2 * IOAPIC_PINS)
        return ioapic->redirection[index / 2] >> (index & 1 ? 32 : 0);
    switch (reg) {
    case REG_ID: return ioapic->id;
    case REG_VERSION: return VERSION;
    case REG_ARBITRATION: return ioapic->arbitration;
    default: return 0;
    }
}

static u64 read_window(void *opaque, u64 offset, unsigned size)
{
    const struct ioapic *ioapic = opaque;
    if (offset == IOREGSEL)
        return ioapic->regsel;
    return offset == IOWIN ? read_register(ioapic, ioapic->regsel) : 0;
}

static void write_window(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct ioapic *ioapic = opaque;
    if (offset == IOREGSEL)
        ioapic->regsel = value;
    else if (offset == IOWIN)
        write_register(ioapic, ioapic->regsel, value);
}

static const struct bus_ops window_ops = {.read = read_window, .write = write_window, .min_size = 4, .max_size = 4};

/* Input levels belong to the senders and stay. */
static void reset(void *state)
{
    struct ioapic *ioapic = state;
    ioapic->regsel = 0;
    ioapic->id = ioapic->arbitration = 0;
    for (int pin = 0; pin < IOAPIC_PINS; pin++)
        ioapic->redirection[pin] = ENTRY_MASKED;
}

static void info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    static const char *const modes[8] = {"fixed", "lowest", "SMI", "?", "NMI", "INIT", "?", "ExtINT"};
    const struct ioapic *ioapic = state;
    print(out, "  id %x, select %02x\n", ioapic->id >> 24, ioapic->regsel);
    for (int pin = 0; pin < IOAPIC_PINS; pin++) {
        u64 entry = ioapic->redirection[pin];
        print(out, "  pin %2d %016llx %-6s vector %02x to %s %02x %s%s%s%s\n", pin, (unsigned long long)entry,
              modes[mode_of(entry)], (unsigned)(entry & 0xff), entry & ENTRY_LOGICAL ? "logical" : "physical",
              (unsigned)(entry >> 56), entry & ENTRY_LEVEL ? "level" : "edge", entry & ENTRY_MASKED ? " masked" : "",
              entry & ENTRY_REMOTE_IRR ? " in service" : "", ioapic->levels >> pin & 1 ? " asserted" : "");
    }
}

static const struct field fields[] = {
    FIELD(U8, struct ioapic, regsel),
    FIELD(U32, struct ioapic, id),
    FIELD(U32, struct ioapic, arbitration),
    FIELD_ARRAY(U64, struct ioapic, redirection),
    FIELD(U32, struct ioapic, levels),
    FIELD_END,
};

const struct device_ops ioapic_ops = {.name = "ioapic", .version = 1, .fields = fields, .reset = reset, .info = info};

void ioapic_init(struct ioapic *ioapic, struct machine *machine, struct lapics *apics)
{
    *ioapic = (struct ioapic){.apics = apics};
    ioapic->window = (struct region){
        .name = "ioapic",
        .kind = REGION_MMIO,
        .base = IOAPIC_BASE,
        .size = 0x1000,
        .priority = 1,
        .enabled = true,
        .ops = &window_ops,
        .opaque = ioapic,
    };
    memory_add(machine->memory, &ioapic->window);
    device_add(&machine->devices, &ioapic->device, &ioapic_ops, ioapic, "ioapic");
    lapics_on_eoi(apics, end_of_interrupt, ioapic);
    reset(ioapic);
}
