/*
 * Intel 8042 keyboard controller with the PS/2 auxiliary (mouse) port.
 *
 * Source: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller"; IBM
 *         PC/AT Technical Reference, "Keyboard Controller"; Intel UPI-41/42 datasheet for the status register.
 * Modelled: the command byte and controller RAM, all PS/2 commands, translation to set 1, IRQ 1 and IRQ 12, output port
 *         with A20 and reset.  One byte stands in the output buffer at a time; a device needs 250 us to send one (a
 *         real one nearly 1 ms), the controller's own answers are there at once.
 * Differs: an answer does not destroy an unread device byte: that one comes back after the answer is read.
 * Not modelled: password (A4-A6), version and diagnostic dumps (A1, AC), polling of the input port (C1, C2).
 */
#include "devices/i8042.h"

#include <string.h>

#include "machine/trace.h"

enum { STATUS_OBF = 0x01, STATUS_SYS = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10, STATUS_AUX = 0x20 };
enum { STATUS_TIMEOUT = 0x40 };
enum { CB_IRQ1 = 0x01, CB_IRQ12 = 0x02, CB_SYS = 0x04, CB_NO_KEYBOARD = 0x10, CB_NO_MOUSE = 0x20, CB_TRANSLATE = 0x40 };
enum { PORT_RESET = 0x01, PORT_A20 = 0x02, PORT_OBF = 0x10, PORT_AUX_OBF = 0x20 };
enum { INPUT_PORT = 0xb0 }; /* not locked, jumper absent, colour display */
enum { BREAK = 0xf0, NO_ANSWER = 0xfe };

enum {
    READ_RAM = 0x20,
    WRITE_RAM = 0x60,
    PASSWORD_TEST = 0xa4,
    DISABLE_MOUSE = 0xa7,
    ENABLE_MOUSE = 0xa8,
    TEST_MOUSE = 0xa9,
    SELF_TEST = 0xaa,
    TEST_KEYBOARD = 0xab,
    DISABLE_KEYBOARD = 0xad,
    ENABLE_KEYBOARD = 0xae,
    READ_INPUT = 0xc0,
    READ_OUTPUT = 0xd0,
    WRITE_OUTPUT = 0xd1,
    WRITE_KEYBOARD_BUFFER = 0xd2,
    WRITE_MOUSE_BUFFER = 0xd3,
    WRITE_MOUSE = 0xd4,
    DISABLE_A20 = 0xdd,
    ENABLE_A20 = 0xdf,
    READ_TEST = 0xe0,
    PULSE = 0xf0,
};

#define BYTE_NS 250000

static void update(struct i8042 *kbc)
{
    bool full = kbc->status & STATUS_OBF, aux = kbc->status & STATUS_AUX;
    irq_set(&kbc->irq1, full && !aux && kbc->ram[0] & CB_IRQ1);
    irq_set(&kbc->irq12, full && aux && kbc->ram[0] & CB_IRQ12);
}

/* A device may begin to send when the output buffer is empty and its clock is not held. */
static void schedule(struct i8042 *kbc)
{
    if (!(kbc->status & STATUS_OBF) && !timer_armed(&kbc->delivery))
        timer_set(&kbc->delivery, clock_ns(kbc->machine->clock) + BYTE_NS);
}

static void fill(struct i8042 *kbc, u8 byte, bool aux, bool from_controller)
{
    kbc->output = byte;
    kbc->from_controller = from_controller;
    kbc->status &= ~(STATUS_AUX | STATUS_TIMEOUT);
    kbc->status |= STATUS_OBF | (aux ? STATUS_AUX : 0);
    trace(KBD, "8042: output buffer = %02x%s", byte, aux ? " (aux)" : "");
    update(kbc);
}

/* The controller's own byte.  IRQ 1 must see an edge even if a device's byte stood here. */
static void answer(struct i8042 *kbc, u8 byte, bool aux)
{
    if (kbc->status & STATUS_OBF && !kbc->from_controller) {
        kbc->held = true;
        kbc->held_byte = kbc->output;
        kbc->held_aux = kbc->status & STATUS_AUX;
        kbc->status &= ~STATUS_OBF;
        update(kbc);
    }
    fill(kbc, byte, aux, true);
}

static int device_read(struct ps2_device *dev, bool disabled)
{
    return dev && !disabled ? dev->read(dev->opaque) : -1;
}

/* The next byte of the keyboard to show, translated if the command byte says so; -1 if there is none. */
static int read_keyboard(struct i8042 *kbc)
{
    int byte = device_read(kbc->keyboard, kbc->ram[0] & CB_NO_KEYBOARD);
    if (byte < 0 || !(kbc->ram[0] & CB_TRANSLATE))
        return byte;
    if (byte == BREAK) {
        kbc->break_code = true;
        byte = device_read(kbc->keyboard, false);
        if (byte < 0)
            return byte;
    }
    u8 code = ps2_set1_from_set2(byte);
    if (kbc->break_code)
        code |= 0x80;
    kbc->break_code = false;
    return code;
}

static int read_mouse(struct i8042 *kbc)
{
    return device_read(kbc->mouse, kbc->ram[0] & CB_NO_MOUSE);
}

static void deliver(void *opaque)
{
    struct i8042 *kbc = opaque;
    if (kbc->status & STATUS_OBF)
        return;
    bool aux = kbc->mouse_turn;
    int byte = aux ? read_mouse(kbc) : read_keyboard(kbc);
    if (byte < 0) {
        aux = !aux;
        byte = aux ? read_mouse(kbc) : read_keyboard(kbc);
    }
    if (byte < 0)
        return;
    kbc->mouse_turn = !aux;
    fill(kbc, byte, aux, false);
}

static void device_ready(void *opaque)
{
    schedule(opaque);
}

static u8 read_output_port(const struct i8042 *kbc)
{
    bool full = kbc->status & STATUS_OBF, aux = kbc->status & STATUS_AUX;
    return (kbc->output_port & ~(PORT_A20 | PORT_OBF | PORT_AUX_OBF)) | (kbc->a20->on ? PORT_A20 : 0) |
           (full && !aux ? PORT_OBF : 0) | (full && aux ? PORT_AUX_OBF : 0);
}

static void write_output_port(struct i8042 *kbc, u8 value)
{
    kbc->output_port = value | PORT_RESET;
    a20_set(kbc->a20, value & PORT_A20);
    if (!(value & PORT_RESET))
        machine_request(kbc->machine, EVENT_RESET, "i8042");
}

static void set_command_byte(struct i8042 *kbc, u8 value)
{
    kbc->ram[0] = value;
    kbc->status = (kbc->status & ~STATUS_SYS) | (value & CB_SYS ? STATUS_SYS : 0);
    update(kbc);
    schedule(kbc);
}

static void self_test(struct i8042 *kbc)
{
    kbc->held = kbc->break_code = false;
    kbc->status &= ~STATUS_OBF;
    set_command_byte(kbc, kbc->ram[0] | CB_SYS);
    answer(kbc, 0x55, false);
}

/* Sending to a device releases its clock; where none is plugged in, the controller tells of the timeout. */
static void write_device(struct i8042 *kbc, struct ps2_device *dev, u8 byte, bool aux)
{
    set_command_byte(kbc, kbc->ram[0] & ~(aux ? CB_NO_MOUSE : CB_NO_KEYBOARD));
    if (dev) {
        dev->write(dev->opaque, byte);
        return;
    }
    answer(kbc, NO_ANSWER, aux);
    kbc->status |= STATUS_TIMEOUT;
}

/* Commands whose answer or effect needs no data byte.  False if `command` is none of them. */
static bool simple_command(struct i8042 *kbc, u8 command)
{
    u8 cb = kbc->ram[0];
    switch (command) {
    case PASSWORD_TEST:
        answer(kbc, 0xf1, false);
        break; /* none installed */
    case DISABLE_MOUSE:
        set_command_byte(kbc, cb | CB_NO_MOUSE);
        break;
    case ENABLE_MOUSE:
        set_command_byte(kbc, cb & ~CB_NO_MOUSE);
        break;
    case DISABLE_KEYBOARD:
        set_command_byte(kbc, cb | CB_NO_KEYBOARD);
        break;
    case ENABLE_KEYBOARD:
        set_command_byte(kbc, cb & ~CB_NO_KEYBOARD);
        break;
    case TEST_MOUSE:
    case TEST_KEYBOARD:
    case READ_TEST:
        answer(kbc, 0x00, false);
        break;
    case SELF_TEST:
        self_test(kbc);
        break;
    case READ_INPUT:
        answer(kbc, INPUT_PORT, false);
        break;
    case READ_OUTPUT:
        answer(kbc, read_output_port(kbc), false);
        break;
    case DISABLE_A20:
        a20_set(kbc->a20, false);
        break;
    case ENABLE_A20:
        a20_set(kbc->a20, true);
        break;
    default:
        return false;
    }
    return true;
}

static void write_command(struct i8042 *kbc, u8 command)
{
    kbc->command = 0;
    if (command >= PULSE) { /* bits 3-0 low pulse those outputs; bit 0 is the processor's reset */
        if (!(command & PORT_RESET))
            machine_request(kbc->machine, EVENT_RESET, "i8042");
    } else if (command >= READ_RAM && command < READ_RAM + 0x20) {
        answer(kbc, kbc->ram[command & 0x1f], false);
    } else if ((command >= WRITE_RAM && command < WRITE_RAM + 0x20) ||
               (command >= WRITE_OUTPUT && command <= WRITE_MOUSE)) {
        kbc->command = command;
    } else if (!simple_command(kbc, command)) {
        trace(UNIMP, "8042: command %02x", command);
    }
}

static void write_data(struct i8042 *kbc, u8 value)
{
    u8 command = kbc->command;
    kbc->command = 0;
    switch (command) {
    case 0:
        write_device(kbc, kbc->keyboard, value, false);
        break;
    case WRITE_RAM:
        set_command_byte(kbc, value);
        break;
    case WRITE_OUTPUT:
        write_output_port(kbc, value);
        break;
    case WRITE_KEYBOARD_BUFFER:
        answer(kbc, value, false);
        break;
    case WRITE_MOUSE_BUFFER:
        answer(kbc, value, true);
        break;
    case WRITE_MOUSE:
        write_device(kbc, kbc->mouse, value, true);
        break;
    default:
        kbc->ram[command & 0x1f] = value;
    }
}

static void write_60(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i8042 *kbc = opaque;
    trace(KBD, "8042: data %02x", (unsigned)value);
    kbc->status &= ~STATUS_COMMAND;
    write_data(kbc, value);
}

static void write_64(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct i8042 *kbc = opaque;
    trace(KBD, "8042: command %02x", (unsigned)value);
    kbc->status |= STATUS_COMMAND;
    write_command(kbc, value);
}

/* The byte stays readable after OBF has gone. */
static u64 read_60(void *opaque, u64 offset, unsigned size)
{
    struct i8042 *kbc = opaque;
    u8 value = kbc->output;
    if (!(kbc->status & STATUS_OBF))
        return value;
    kbc->status &= ~(STATUS_OBF | STATUS_AUX | STATUS_TIMEOUT);
    update(kbc);
    if (kbc->held) {
        kbc->held = false;
        fill(kbc, kbc->held_byte, kbc->held_aux, false);
    }
    schedule(kbc);
    return value;
}

static u64 read_64(void *opaque, u64 offset, unsigned size)
{
    struct i8042 *kbc = opaque;
    return kbc->status | STATUS_UNLOCKED;
}

static const struct bus_ops data_bus = {.read = read_60, .write = write_60, .min_size = 1, .max_size = 1};
static const struct bus_ops command_bus = {.read = read_64, .write = write_64, .min_size = 1, .max_size = 1};

/* Both devices are held off until firmware writes the command byte. */
static void reset(void *state)
{
    struct i8042 *kbc = state;
    timer_cancel(&kbc->delivery);
    memset(kbc->ram, 0, sizeof(kbc->ram));
    kbc->ram[0] = CB_NO_KEYBOARD | CB_NO_MOUSE;
    kbc->status = kbc->output = kbc->command = 0;
    kbc->output_port = 0xcf;
    kbc->held = kbc->break_code = kbc->mouse_turn = kbc->from_controller = false;
    update(kbc);
}

static void loaded(void *state)
{
    update(state);
}

static const struct field fields[] = {
    FIELD(U8, struct i8042, status),
    FIELD(U8, struct i8042, output),
    FIELD_BLOB(struct i8042, ram),
    FIELD(U8, struct i8042, output_port),
    FIELD(U8, struct i8042, command),
    FIELD(BOOL, struct i8042, from_controller),
    FIELD(BOOL, struct i8042, mouse_turn),
    FIELD(BOOL, struct i8042, held),
    FIELD(U8, struct i8042, held_byte),
    FIELD(BOOL, struct i8042, held_aux),
    FIELD(BOOL, struct i8042, break_code),
    FIELD(TIMER, struct i8042, delivery),
    FIELD_END,
};

const struct device_ops i8042_ops = {
    .name = "i8042",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .loaded = loaded,
};

static void plug(struct i8042 *kbc, struct ps2_device *dev)
{
    if (!dev)
        return;
    dev->ready = device_ready;
    dev->controller = kbc;
}

void i8042_init(struct i8042 *kbc, struct machine *machine, struct a20 *a20, const struct irq *irq1,
                const struct irq *irq12, struct ps2_device *keyboard, struct ps2_device *mouse)
{
    *kbc = (struct i8042){
        .machine = machine,
        .a20 = a20,
        .irq1 = *irq1,
        .irq12 = *irq12,
        .keyboard = keyboard,
        .mouse = mouse,
    };
    timer_init(&kbc->delivery, machine->clock, deliver, kbc);
    plug(kbc, keyboard);
    plug(kbc, mouse);
    kbc->ports[0] = (struct port_range){"8042 data", 0x60, 1, &data_bus, kbc, false, NULL};
    kbc->ports[1] = (struct port_range){"8042 command", 0x64, 1, &command_bus, kbc, false, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(kbc->ports); i++)
        ioports_add(machine->ports, &kbc->ports[i]);
    device_add(&machine->devices, &kbc->device, &i8042_ops, kbc, "i8042");
    reset(kbc);
}
