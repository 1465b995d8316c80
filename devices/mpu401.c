/*
 * Roland MPU-401 MIDI processing unit, UART mode, as sound cards have it.
 *
 * Source: Roland, "MPU-401 MIDI Processing Unit Technical Reference Manual", chapters 2 and 4; Creative, "Sound Blaster
 *         Series Hardware Programming Guide", chapter 5.
 * Modelled: reset and UART-mode commands with their acknowledge, data both ways.
 * Not modelled: intelligent mode, which sound cards do not have: its other commands are acknowledged and ignored.
 */
#include "devices/mpu401.h"

#include <errno.h>
#include <string.h>

#include "machine/trace.h"

enum { ACKNOWLEDGE = 0xfe, COMMAND_RESET = 0xff, COMMAND_UART = 0x3f };
enum { NO_DATA = 0x80, UNUSED = 0x3f }; /* bit 6, "not ready to receive", is never set */

static void drive(struct mpu401 *mpu)
{
    irq_set(&mpu->irq, mpu->in_count != 0);
}

static void say(struct mpu401 *mpu, u8 byte)
{
    if (mpu->in_count < sizeof(mpu->in))
        mpu->in[mpu->in_count++] = byte;
    drive(mpu);
}

static size_t room(void *opaque)
{
    const struct mpu401 *mpu = opaque;
    return sizeof(mpu->in) - mpu->in_count;
}

static void receive(void *opaque, const u8 *data, size_t length)
{
    struct mpu401 *mpu = opaque;
    for (size_t i = 0; mpu->uart && i < length; i++)
        say(mpu, data[i]);
}

static void command(struct mpu401 *mpu, u8 value)
{
    trace(AUDIO, "mpu401: command %02x", value);
    if (mpu->uart && value != COMMAND_RESET)
        return;
    bool was_uart = mpu->uart;
    if (value == COMMAND_RESET) {
        mpu->in_count = 0;
        mpu->uart = false;
        drive(mpu);
    } else if (value == COMMAND_UART) {
        mpu->uart = true;
    }
    if (!was_uart) /* "in UART mode no acknowledge is returned" */
        say(mpu, ACKNOWLEDGE);
}

void mpu401_send(struct mpu401 *mpu, u8 byte)
{
    chardev_write(mpu->midi, &byte, 1);
}

static void write(void *opaque, u64 offset, u64 value, unsigned size)
{
    struct mpu401 *mpu = opaque;
    if (offset)
        command(mpu, value);
    else if (mpu->uart)
        mpu401_send(mpu, value);
}

static u8 read_data(struct mpu401 *mpu)
{
    if (mpu->in_count) {
        mpu->last_in = mpu->in[0];
        memmove(mpu->in, mpu->in + 1, --mpu->in_count);
        drive(mpu);
        chardev_accept_input(mpu->midi);
    }
    return mpu->last_in;
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct mpu401 *mpu = opaque;
    return offset ? UNUSED | (mpu->in_count ? 0 : NO_DATA) : read_data(mpu);
}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 1, .max_size = 1};

static void reset(void *state)
{
    struct mpu401 *mpu = state;
    mpu->uart = false;
    mpu->in_count = 0;
    mpu->last_in = 0xff;
    drive(mpu);
}

static void loaded(void *state)
{
    drive(state);
}

static int check(const void *state)
{
    const struct mpu401 *mpu = state;
    return mpu->in_count > sizeof(mpu->in) ? -EINVAL : 0;
}

static const struct field fields[] = {FIELD(BOOL, struct mpu401, uart), FIELD_BLOB(struct mpu401, in),
                                      FIELD(U8, struct mpu401, in_count), FIELD(U8, struct mpu401, last_in), FIELD_END};

const struct device_ops mpu401_ops = {
    .name = "mpu401", .version = 1, .fields = fields, .reset = reset, .loaded = loaded, .check = check};

void mpu401_init(struct mpu401 *mpu, struct machine *machine, u16 base, const struct irq *irq, struct chardev *midi)
{
    *mpu = (struct mpu401){.irq = *irq, .midi = midi};
    if (midi)
        midi->user = (struct chardev_user){.room = room, .receive = receive, .opaque = mpu};
    mpu->ports = (struct port_range){"mpu401", base, 2, &bus, mpu, false, NULL};
    ioports_add(machine->ports, &mpu->ports);
    device_add(&machine->devices, &mpu->device, &mpu401_ops, mpu, "mpu401");
    reset(mpu);
}
