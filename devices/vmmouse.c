/*
 * VMware's absolute pointer: a guest's driver asks the backdoor port for packets with positions.
 *
 * Source: VMware's published interface of its pointing device (header vmmouse_proto.h of the X.Org driver, MIT): the
 *         backdoor's magic and registers, commands 39-41, the words of a packet; observed answers of the virtual machine.
 * Modelled: version, status, data, enabling, absolute and relative mode; an access is IN EAX,DX with the magic in EAX, the
 *           command in CX and its argument in EBX.  The PS/2 mouse sends an empty packet so that its interrupt calls the
 *           driver.
 * Not modelled: the backdoor's other commands: they answer FFFFFFFF, as an empty port does.
 */
#include "devices/vmmouse.h"

#include <errno.h>

#include "machine/trace.h"

enum { PORT = 0x5658, MAGIC = 0x564d5868 };
enum { GET_VERSION = 10, POINTER_DATA = 39, POINTER_STATUS = 40, POINTER_COMMAND = 41 };
enum {
    READ_ID = 0x45414552, /* enables the device; its version is the first word to read */
    REQUEST_RELATIVE = 0x4c455252,
    REQUEST_ABSOLUTE = 0x53424152,
    DISABLE = 0xf5,
    VERSION_ID = 0x3442554a,
};
enum { BUTTON_LEFT = 0x20, BUTTON_RIGHT = 0x10, BUTTON_MIDDLE = 0x08 };

#define BACKDOOR_VERSION 6
#define PRODUCT 2
#define STATUS_ERROR 0xffff0000u
#define NOTHING 0xffffffffu

static void clear(struct vmmouse *vm)
{
    vm->head = vm->count = 0;
    vm->overflow = false;
}

static void put(struct vmmouse *vm, u32 word)
{
    vm->queue[(vm->head + vm->count++) % VMMOUSE_QUEUE] = word;
}

static u32 take(struct vmmouse *vm)
{
    if (!vm->count)
        return 0;
    vm->count--;
    return vm->queue[vm->head++ % VMMOUSE_QUEUE];
}

static void disable(struct vmmouse *vm)
{
    clear(vm);
    vm->enabled = vm->absolute = false;
}

static void command(struct vmmouse *vm, u32 argument)
{
    switch (argument) {
    case READ_ID:
        clear(vm);
        vm->enabled = true;
        put(vm, VERSION_ID);
        break;
    case REQUEST_ABSOLUTE: vm->absolute = vm->enabled; break;
    case REQUEST_RELATIVE: vm->absolute = false; break;
    case DISABLE: disable(vm); break;
    default: trace(GUEST, "vmmouse: unknown request %08x", argument);
    }
    trace(KBD, "vmmouse: request %08x: %s", argument, vm->absolute ? "absolute" : "relative");
}

static u32 status(const struct vmmouse *vm)
{
    return !vm->enabled || vm->overflow ? STATUS_ERROR : vm->count;
}

/* One to four words come back in EAX, EBX, ECX and EDX; the driver reads EAX off the port. */
static u32 data(struct vmmouse *vm, struct machine_registers *registers)
{
    u32 wanted = registers->ebx, words[4] = {NOTHING, registers->ebx, registers->ecx, registers->edx};
    if (!wanted || wanted > 4 || wanted > vm->count) {
        trace(GUEST, "vmmouse: asked for %u words of %u", wanted, vm->count);
        disable(vm);
        return NOTHING;
    }
    for (u32 i = 0; i < wanted; i++)
        words[i] = take(vm);
    registers->ebx = words[1];
    registers->ecx = words[2];
    registers->edx = words[3];
    return words[0];
}

static u32 version(struct machine_registers *registers)
{
    registers->ebx = MAGIC;
    registers->ecx = PRODUCT;
    return BACKDOOR_VERSION;
}

static u64 read(void *opaque, u64 offset, unsigned size)
{
    struct vmmouse *vm = opaque;
    struct machine_registers registers;
    u32 answer = NOTHING;
    if (!machine_registers_read(vm->machine, &registers) || registers.eax != MAGIC)
        return NOTHING;
    switch (registers.ecx & 0xffff) {
    case GET_VERSION: answer = version(&registers); break;
    case POINTER_STATUS: answer = status(vm); break;
    case POINTER_DATA: answer = data(vm, &registers); break;
    case POINTER_COMMAND:
        command(vm, registers.ebx);
        answer = status(vm);
        break;
    default: trace(UNIMP, "vmmouse: backdoor command %u", registers.ecx & 0xffff);
    }
    registers.eax = answer;
    machine_registers_write(vm->machine, &registers);
    return answer;
}

static void write(void *opaque, u64 offset, u64 value, unsigned size) {}

static const struct bus_ops bus = {.read = read, .write = write, .min_size = 4, .max_size = 4};

static bool active(void *opaque)
{
    const struct vmmouse *vm = opaque;
    return vm->enabled && vm->absolute;
}

/* The wheel counts towards the user, as a PS/2 mouse's does. */
static void move(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    struct vmmouse *vm = opaque;
    if (!active(vm))
        return;
    if (vm->count + 4 > VMMOUSE_QUEUE) {
        vm->overflow = true;
        return;
    }
    put(vm, (buttons & 1 ? BUTTON_LEFT : 0) | (buttons & 2 ? BUTTON_RIGHT : 0) | (buttons & 4 ? BUTTON_MIDDLE : 0));
    put(vm, (u32)x & INPUT_ABSOLUTE_MAX);
    put(vm, (u32)y & INPUT_ABSOLUTE_MAX);
    put(vm, (u32)-wheel);
    ps2_mouse_poke(vm->mouse);
}

static void reset(void *state)
{
    disable(state);
}

static int check(const void *state)
{
    const struct vmmouse *vm = state;
    return vm->count <= VMMOUSE_QUEUE ? 0 : -EINVAL;
}

static const struct field fields[] = {
    FIELD_ARRAY(U32, struct vmmouse, queue),
    FIELD(U16, struct vmmouse, head),
    FIELD(U16, struct vmmouse, count),
    FIELD(BOOL, struct vmmouse, enabled),
    FIELD(BOOL, struct vmmouse, absolute),
    FIELD(BOOL, struct vmmouse, overflow),
    FIELD_END,
};

const struct device_ops vmmouse_ops = {
    .name = "vmmouse",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .check = check,
};

void vmmouse_init(struct vmmouse *vm, struct machine *machine, struct ps2_mouse *mouse)
{
    *vm = (struct vmmouse){.machine = machine, .mouse = mouse};
    vm->ports = (struct port_range){"vmmouse", PORT, 1, &bus, vm, true, NULL};
    ioports_add(machine->ports, &vm->ports);
    machine->input.tablet = (struct input_tablet){.active = active, .move = move, .opaque = vm};
    device_add(&machine->devices, &vm->device, &vmmouse_ops, vm, "vmmouse");
}
