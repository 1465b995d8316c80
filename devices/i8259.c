/*
 * Intel 8259A programmable interrupt controller: two in cascade, with the edge/level registers of the PIIX3.
 *
 * Source: Intel 8259A datasheet (231468), "Interrupt Sequence", "Initialization Command Words", "Operation Command
 *         Words"; Intel 82371SB (PIIX3) datasheet, "Interrupt Controller Registers" and "ELCR1, ELCR2".
 * Modelled: ICW1-4, OCW1-3, fixed and rotating priority, special mask, special fully nested mode, poll, automatic EOI,
 *         level inputs by ELCR, spurious IRQ 7 and 15.  A request that falls before INTA is lost.
 * Not modelled: MCS-80/85 mode (CALL sequences) and buffered mode, which no PC uses.  LTIM of ICW1 is ignored: "its
 *         function is replaced by the ELCR" (PIIX3).
 */
#include "devices/i8259.h"

#include <assert.h>
#include <errno.h>

#include "machine/trace.h"

enum { MASTER, SLAVE, CASCADE = 2 };

enum {
    ICW1_IC4 = 0x01,
    ICW1_SNGL = 0x02,
    ICW1_SELECT = 0x10,
    ICW4_AEOI = 0x02,
    ICW4_SFNM = 0x10,
    OCW2_LEVEL = 0x07,
    OCW3_SELECT = 0x08,
    OCW3_RIS = 0x01,
    OCW3_RR = 0x02,
    OCW3_POLL = 0x04,
    OCW3_SMM = 0x20,
    OCW3_ESMM = 0x40,
    POLL_REQUEST = 0x80,
};

/* The chip's input that comes `rank` places below the highest priority. */
static int ranked(const struct i8259_chip *chip, int rank)
{
    return (chip->lowest + 1 + rank) & 7;
}

/* Rank of the highest priority bit in `set`: 0 is the highest, 8 if there is none. */
static int highest_rank(const struct i8259_chip *chip, u8 set)
{
    int rank = 0;
    if (!set)
        return 8;
    while (!(set >> ranked(chip, rank) & 1))
        rank++;
    return rank;
}

/* The input that asks for service and is not held back by one in service, or -1. */
static int pending(const struct i8259_chip *chip)
{
    int request = highest_rank(chip, chip->irr & ~chip->imr);
    int service = highest_rank(chip, chip->special_mask ? chip->isr & ~chip->imr : chip->isr);
    if (chip->init_step || request == 8)
        return -1;
    int input = ranked(chip, request);
    /* "Special Fully Nested Mode": the slave in service is not locked out from the master's priority logic. */
    bool again = request == service && !chip->slave && input == CASCADE && chip->icw4 & ICW4_SFNM;
    return request < service || again ? input : -1;
}

static void set_input(struct i8259_chip *chip, int input, bool level);

/* Drive INT from the state. */
static void update(struct i8259_chip *chip)
{
    bool intr = pending(chip) >= 0;
    if (intr == chip->intr)
        return;
    chip->intr = intr;
    if (chip->slave)
        set_input(&chip->pic->chip[MASTER], CASCADE, intr);
    else
        irq_set(&chip->pic->intr, intr);
}

/* "Edge and level triggered modes": in both, IR must stay high until INTA, or the request is gone. */
static void set_input(struct i8259_chip *chip, int input, bool level)
{
    u8 bit = 1u << (input & 7);
    if (!level)
        chip->irr &= ~bit;
    else if (chip->elcr & bit || !(chip->lines & bit))
        chip->irr |= bit;
    chip->lines = level ? chip->lines | bit : chip->lines & ~bit;
    update(chip);
}

static void set_irq(void *opaque, int irq, bool level)
{
    struct i8259 *pic = opaque;
    struct i8259_chip *chip = &pic->chip[irq >> 3 & 1];
    if (irq == CASCADE || level == (chip->lines >> (irq & 7) & 1))
        return; /* the cascade is ours; no change is no news */
    trace(PIC, "irq %d %s", irq, level ? "up" : "down");
    set_input(chip, irq & 7, level);
}

struct irq i8259_irq(struct i8259 *pic, int irq)
{
    assert(irq >= 0 && irq < 16);
    return (struct irq){set_irq, pic, irq};
}

static void end_of_interrupt(struct i8259_chip *chip, int input, bool rotate)
{
    chip->isr &= ~(1u << input);
    if (rotate)
        chip->lowest = input;
}

/* What the second INTA (or the read of a poll) does to the input that was chosen. */
static void begin_service(struct i8259_chip *chip, int input)
{
    u8 bit = 1u << input;
    chip->count[input & 7]++;
    if (!(chip->elcr & bit))
        chip->irr &= ~bit;
    chip->isr |= bit;
    if (chip->icw4 & ICW4_AEOI)
        end_of_interrupt(chip, input, chip->rotate_aeoi);
    /* A slave's INT goes low with INTA, so that its next request is a new edge for the master. */
    if (chip->slave && chip->intr) {
        chip->intr = false;
        set_input(&chip->pic->chip[MASTER], CASCADE, false);
    }
}

/* One chip's part of the INTA cycle: the input, 7 for "default IR7" when the request has gone. */
static int acknowledge(struct i8259_chip *chip)
{
    int input = pending(chip);
    if (input < 0)
        return 7;
    begin_service(chip, input);
    return input;
}

int i8259_acknowledge(void *opaque)
{
    struct i8259 *pic = opaque;
    struct i8259_chip *master = &pic->chip[MASTER], *slave = &pic->chip[SLAVE];
    bool cascaded = pending(master) == CASCADE;
    int vector = acknowledge(master) | master->base;
    if (cascaded) {
        vector = acknowledge(slave) | slave->base;
        update(slave);
    }
    update(master);
    trace(PIC, "acknowledge: vector %02x", vector);
    return vector;
}

u64 i8259_count(const struct i8259 *pic, int irq)
{
    return pic->chip[irq >> 3 & 1].count[irq & 7];
}

static void write_icw1(struct i8259_chip *chip, u8 value)
{
    chip->icw1 = value;
    chip->icw3 = chip->icw4 = 0;
    chip->imr = chip->isr = 0;
    chip->irr = chip->lines & chip->elcr; /* the edge sense circuit is reset */
    chip->lowest = 7;
    chip->special_mask = chip->rotate_aeoi = chip->read_isr = chip->poll = false;
    chip->init_step = 2;
}

/* ICW2-4 at port 1, in the order that ICW1 laid down. */
static void write_icw(struct i8259_chip *chip, u8 value)
{
    if (chip->init_step == 2) {
        chip->base = value & 0xf8;
        chip->init_step = chip->icw1 & ICW1_SNGL ? 4 : 3;
    } else if (chip->init_step == 3) {
        chip->icw3 = value;
        chip->init_step = 4;
    } else {
        chip->icw4 = value;
        chip->init_step = 0;
        return;
    }
    if (chip->init_step == 4 && !(chip->icw1 & ICW1_IC4))
        chip->init_step = 0;
}

/* OCW2: bits 7-5 are R, SL and EOI. */
static void write_ocw2(struct i8259_chip *chip, u8 value)
{
    bool rotate = value & 0x80;
    int level = value & OCW2_LEVEL;
    /* "An IS bit that is masked by an IMR bit will not be cleared by a non-specific EOI in special mask mode." */
    int rank = highest_rank(chip, chip->special_mask ? chip->isr & ~chip->imr : chip->isr);
    switch (value >> 5) {
    case 0:
    case 4:
        chip->rotate_aeoi = rotate;
        break;
    case 1:
    case 5:
        if (rank < 8)
            end_of_interrupt(chip, ranked(chip, rank), rotate);
        break;
    case 3:
    case 7:
        end_of_interrupt(chip, level, rotate);
        break;
    case 6:
        chip->lowest = level;
        break;
    }
}

static void write_ocw3(struct i8259_chip *chip, u8 value)
{
    if (value & OCW3_ESMM)
        chip->special_mask = value & OCW3_SMM;
    if (value & OCW3_RR)
        chip->read_isr = value & OCW3_RIS;
    chip->poll = value & OCW3_POLL;
}

static void write_chip(void *opaque, u64 port, u64 value, unsigned size)
{
    struct i8259_chip *chip = opaque;
    trace(PIC, "%s port %d = %02x", chip->slave ? "slave" : "master", (int)port, (unsigned)value);
    if (port == 1 && chip->init_step)
        write_icw(chip, value);
    else if (port == 1)
        chip->imr = value;
    else if (value & ICW1_SELECT)
        write_icw1(chip, value);
    else if (value & OCW3_SELECT)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
    update(chip);
}

/* "Poll Command": the read is an INTA, and tells the level. */
static u8 read_poll(struct i8259_chip *chip)
{
    int input = pending(chip);
    chip->poll = false;
    if (input < 0)
        return 0;
    begin_service(chip, input);
    update(chip);
    return POLL_REQUEST | input;
}

static u64 read_chip(void *opaque, u64 port, unsigned size)
{
    struct i8259_chip *chip = opaque;
    if (chip->poll)
        return read_poll(chip);
    if (port == 1)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

static u64 read_elcr(void *opaque, u64 port, unsigned size)
{
    struct i8259 *pic = opaque;
    return pic->chip[port & 1].elcr;
}

static void write_elcr(void *opaque, u64 port, u64 value, unsigned size)
{
    struct i8259 *pic = opaque;
    struct i8259_chip *chip = &pic->chip[port & 1];
    u8 old = chip->elcr;
    chip->elcr = value & chip->elcr_mask;
    u8 risen = chip->elcr & ~old;
    chip->irr = (chip->irr & ~risen) | (chip->lines & risen);
    trace(PIC, "elcr %s = %02x", chip->slave ? "slave" : "master", chip->elcr);
    update(chip);
}

static const struct bus_ops chip_bus = {.read = read_chip, .write = write_chip, .min_size = 1, .max_size = 1};
static const struct bus_ops elcr_bus = {.read = read_elcr, .write = write_elcr, .min_size = 1, .max_size = 1};

/* Levels of the inputs belong to the senders and stay.  All inputs are masked until the guest initialises the chips
 * (the datasheet leaves the state after power-on open). */
static void reset_chip(struct i8259_chip *chip)
{
    chip->elcr = 0;
    write_icw1(chip, 0);
    chip->init_step = 0;
    chip->base = 0;
    chip->imr = 0xff;
    update(chip);
}

static void reset(void *state)
{
    struct i8259 *pic = state;
    reset_chip(&pic->chip[SLAVE]);
    reset_chip(&pic->chip[MASTER]);
}

static void loaded(void *state)
{
    struct i8259 *pic = state;
    irq_set(&pic->intr, pic->chip[MASTER].intr);
}

static int check(const void *state)
{
    const struct i8259 *pic = state;
    for (int i = 0; i < 2; i++)
        if (pic->chip[i].lowest > 7 || pic->chip[i].init_step > 4 || pic->chip[i].base & 7)
            return -EINVAL;
    return 0;
}

void i8259_info(const void *state, void (*print)(void *out, const char *fmt, ...), void *out)
{
    const struct i8259 *pic = state;
    for (int i = 0; i < 2; i++) {
        const struct i8259_chip *c = &pic->chip[i];
        print(out, "pic%d: irr=%02x imr=%02x isr=%02x lines=%02x elcr=%02x base=%02x lowest=%d%s%s%s%s%s\n", i, c->irr,
              c->imr, c->isr, c->lines, c->elcr, c->base, c->lowest, c->icw4 & ICW4_AEOI ? " aeoi" : "",
              c->icw4 & ICW4_SFNM ? " sfnm" : "", c->special_mask ? " special-mask" : "",
              c->init_step ? " initialising" : "", c->intr ? " INT" : "");
    }
}

#define CHIP_FIELDS(n)                                                                                                \
    FIELD(U8, struct i8259, chip[n].irr), FIELD(U8, struct i8259, chip[n].isr), FIELD(U8, struct i8259, chip[n].imr), \
        FIELD(U8, struct i8259, chip[n].lines), FIELD(U8, struct i8259, chip[n].elcr),                                \
        FIELD(U8, struct i8259, chip[n].base), FIELD(U8, struct i8259, chip[n].icw1),                                 \
        FIELD(U8, struct i8259, chip[n].icw3), FIELD(U8, struct i8259, chip[n].icw4),                                 \
        FIELD(U8, struct i8259, chip[n].init_step), FIELD(U8, struct i8259, chip[n].lowest),                          \
        FIELD(BOOL, struct i8259, chip[n].read_isr), FIELD(BOOL, struct i8259, chip[n].poll),                         \
        FIELD(BOOL, struct i8259, chip[n].special_mask), FIELD(BOOL, struct i8259, chip[n].rotate_aeoi),              \
        FIELD(BOOL, struct i8259, chip[n].intr)

static const struct field fields[] = {CHIP_FIELDS(0), CHIP_FIELDS(1), FIELD_END};

const struct device_ops i8259_ops = {
    .name = "i8259",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
    .check = check,
    .info = i8259_info,
};

void i8259_init(struct i8259 *pic, struct machine *machine, const struct irq *intr)
{
    *pic = (struct i8259){.intr = *intr};
    pic->chip[MASTER] = (struct i8259_chip){.pic = pic, .elcr_mask = 0xf8};
    pic->chip[SLAVE] = (struct i8259_chip){.pic = pic, .elcr_mask = 0xde, .slave = true};
    pic->ports[0] = (struct port_range){"pic master", 0x20, 2, &chip_bus, &pic->chip[MASTER], false, NULL};
    pic->ports[1] = (struct port_range){"pic slave", 0xa0, 2, &chip_bus, &pic->chip[SLAVE], false, NULL};
    pic->ports[2] = (struct port_range){"elcr", 0x4d0, 2, &elcr_bus, pic, false, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(pic->ports); i++)
        ioports_add(machine->ports, &pic->ports[i]);
    device_add(&machine->devices, &pic->device, &i8259_ops, pic, "pic");
    reset(pic);
}
