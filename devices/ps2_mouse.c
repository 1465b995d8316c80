/*
 * PS/2 mouse with the IntelliMouse wheel and the IntelliMouse Explorer's two more buttons.
 *
 * Source: IBM Personal System/2 Hardware Interface Technical Reference, "Mouse"; Microsoft "Wheel support in Windows"
 *         (the 200-100-80 and 200-200-80 sequences and their packets).
 * Modelled: stream, remote and wrap mode, sample rate in guest time, scaling, status, wheel and buttons 4 and 5.
 * Differs: the self-test after Reset takes 2 ms.  Resolution is reported, but host movement is not scaled by it.
 */
#include "devices/ps2_mouse.h"

#include <errno.h>

#include "machine/trace.h"

enum {
    SCALING_1TO1 = 0xe6,
    SCALING_2TO1 = 0xe7,
    SET_RESOLUTION = 0xe8,
    STATUS_REQUEST = 0xe9,
    STREAM_MODE = 0xea,
    READ_DATA = 0xeb,
    RESET_WRAP = 0xec,
    WRAP_MODE = 0xee,
    REMOTE_MODE = 0xf0,
    READ_ID = 0xf2,
    SET_RATE = 0xf3,
    ENABLE = 0xf4,
    DISABLE = 0xf5,
    SET_DEFAULTS = 0xf6,
    RESEND = 0xfe,
    RESET = 0xff,
};

enum { ACK = 0xfa, BAT_DONE = 0xaa };
enum { ID_STANDARD = 0, ID_WHEEL = 3, ID_EXPLORER = 4 };
enum { PACKET_ALWAYS = 0x08, PACKET_X_SIGN = 0x10, PACKET_Y_SIGN = 0x20 };
enum { STATUS_SCALING = 0x10, STATUS_ENABLED = 0x20, STATUS_REMOTE = 0x40 };

#define TEST_NS 2000000

static void reply(struct ps2_mouse *mouse, u8 byte)
{
    ps2_queue_put(&mouse->replies, byte);
    ps2_ready(&mouse->port);
}

static int clamp(int value, int low, int high)
{
    return MAX(low, MIN(high, value));
}

/* Takes as much of a counter as the packet can carry; the rest stays for the next one. */
static int take(u32 *counter, int low, int high)
{
    int part = clamp((i32)*counter, low, high);
    *counter -= (u32)part;
    return part;
}

/* "2:1 scaling": in stream mode the counts are made coarser the faster the mouse moves. */
static int scale(const struct ps2_mouse *mouse, int count)
{
    static const u8 table[6] = {0, 1, 1, 3, 6, 9};
    int n = count < 0 ? -count : count;
    if (!mouse->scaling_2to1 || mouse->remote)
        return count;
    n = n < 6 ? table[n] : MIN(2 * n, 255);
    return count < 0 ? -n : n;
}

static u8 wheel_byte(struct ps2_mouse *mouse)
{
    if (mouse->id == ID_WHEEL)
        return take(&mouse->dz, -128, 127);
    return (take(&mouse->dz, -8, 7) & 0x0f) | (mouse->buttons << 1 & 0x30);
}

static void put_packet(struct ps2_mouse *mouse, struct ps2_queue *queue)
{
    int x = scale(mouse, take(&mouse->dx, -255, 255)), y = scale(mouse, take(&mouse->dy, -255, 255));
    ps2_queue_put(queue,
                  PACKET_ALWAYS | (mouse->buttons & 7) | (x < 0 ? PACKET_X_SIGN : 0) | (y < 0 ? PACKET_Y_SIGN : 0));
    ps2_queue_put(queue, x);
    ps2_queue_put(queue, y);
    if (mouse->id != ID_STANDARD)
        ps2_queue_put(queue, wheel_byte(mouse));
    mouse->sent_buttons = mouse->buttons;
    mouse->poked = false;
    ps2_ready(&mouse->port);
}

static bool something_new(const struct ps2_mouse *mouse)
{
    return mouse->poked || mouse->dx || mouse->dy || (mouse->dz && mouse->id != ID_STANDARD) || mouse->buttons != mouse->sent_buttons;
}

/* Stream mode: at most one packet in a sample period, and none before the last one has gone. */
static void sample(void *opaque)
{
    struct ps2_mouse *mouse = opaque;
    if (!mouse->enabled || mouse->remote || mouse->wrap || !something_new(mouse))
        return;
    if (!mouse->packets.count)
        put_packet(mouse, &mouse->packets);
    timer_set(&mouse->sample, clock_ns(mouse->clock) + NS_PER_SEC / mouse->rate);
}

/* A button that a host pressed and let go within one sample period was pressed all the same: it gets a packet of its
 * own, earlier than the rate allows. */
static void keep_click(struct ps2_mouse *mouse, u8 buttons)
{
    bool unsent = mouse->buttons != mouse->sent_buttons && buttons != mouse->buttons;
    if (unsent && mouse->enabled && !mouse->remote && !mouse->wrap && ps2_queue_room(&mouse->packets) >= 4)
        put_packet(mouse, &mouse->packets);
}

/* The host counts downwards, and the wheel away from the user; the mouse's Y grows upwards, its Z towards the user. */
static void pointer_event(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    struct ps2_mouse *mouse = opaque;
    if (!mouse->enabled && !mouse->remote)
        return;
    /* Host: 1 left, 2 right, 4 middle, 8 and 10h the side buttons: the packet's own order. */
    buttons &= mouse->id == ID_EXPLORER ? 0x1f : 7;
    keep_click(mouse, (u8)buttons);
    mouse->dx += (u32)dx;
    mouse->dy -= (u32)dy;
    mouse->dz -= (u32)wheel;
    mouse->buttons = (u8)buttons;
    if (!timer_armed(&mouse->sample))
        sample(mouse);
}

void ps2_mouse_poke(struct ps2_mouse *mouse)
{
    mouse->poked = mouse->enabled;
    if (!timer_armed(&mouse->sample))
        sample(mouse);
}

static void forget_movement(struct ps2_mouse *mouse)
{
    mouse->poked = false;
    mouse->dx = mouse->dy = mouse->dz = 0;
    mouse->sent_buttons = mouse->buttons;
    ps2_queue_clear(&mouse->packets);
}

static void set_defaults(struct ps2_mouse *mouse)
{
    mouse->rate = 100;
    mouse->resolution = 2;
    mouse->enabled = mouse->remote = mouse->wrap = mouse->scaling_2to1 = false;
    forget_movement(mouse);
}

static void power_on(struct ps2_mouse *mouse)
{
    set_defaults(mouse);
    ps2_queue_clear(&mouse->replies);
    timer_cancel(&mouse->sample);
    mouse->id = ID_STANDARD;
    mouse->command = 0;
    mouse->knock[0] = mouse->knock[1] = mouse->knock[2] = 0;
}

static void test_done(void *opaque)
{
    struct ps2_mouse *mouse = opaque;
    reply(mouse, BAT_DONE);
    reply(mouse, mouse->id);
}

/* Three sample rates in a row are how a driver asks for more than three bytes a packet. */
static void set_rate(struct ps2_mouse *mouse, u8 rate)
{
    u8 *knock = mouse->knock;
    mouse->rate = MAX(rate, 1);
    knock[0] = knock[1];
    knock[1] = knock[2];
    knock[2] = rate;
    if (knock[0] == 200 && knock[1] == 100 && knock[2] == 80)
        mouse->id = ID_WHEEL;
    else if (knock[0] == 200 && knock[1] == 200 && knock[2] == 80)
        mouse->id = ID_EXPLORER;
}

static void parameter(struct ps2_mouse *mouse, u8 command, u8 value)
{
    if (command == SET_RATE)
        set_rate(mouse, value);
    else
        mouse->resolution = value & 3;
    reply(mouse, ACK);
}

static void send_status(struct ps2_mouse *mouse)
{
    u8 buttons = (mouse->buttons & 1 ? 4 : 0) | (mouse->buttons & 4 ? 2 : 0) | (mouse->buttons & 2 ? 1 : 0);
    reply(mouse, buttons | (mouse->scaling_2to1 ? STATUS_SCALING : 0) | (mouse->enabled ? STATUS_ENABLED : 0) |
                     (mouse->remote ? STATUS_REMOTE : 0));
    reply(mouse, mouse->resolution);
    reply(mouse, mouse->rate);
}

/* Commands that answer with more than an acknowledgement, after it. */
static void finish_command(struct ps2_mouse *mouse, u8 command)
{
    switch (command) {
    case STATUS_REQUEST:
        send_status(mouse);
        break;
    case READ_DATA:
        put_packet(mouse, &mouse->replies);
        break;
    case READ_ID:
        reply(mouse, mouse->id);
        break;
    case RESET:
        timer_set(&mouse->test, clock_ns(mouse->clock) + TEST_NS);
        break;
    }
}

static bool start_command(struct ps2_mouse *mouse, u8 command)
{
    switch (command) {
    case SCALING_1TO1:
        mouse->scaling_2to1 = false;
        break;
    case SCALING_2TO1:
        mouse->scaling_2to1 = true;
        break;
    case SET_RESOLUTION:
    case SET_RATE:
        mouse->command = command;
        break;
    case STREAM_MODE:
        mouse->remote = false;
        break;
    case WRAP_MODE:
        mouse->wrap = true;
        break;
    case RESET_WRAP:
        mouse->wrap = false;
        break;
    case REMOTE_MODE:
        mouse->remote = true;
        break;
    case ENABLE:
        forget_movement(mouse);
        mouse->enabled = true;
        break;
    case DISABLE:
        mouse->enabled = false;
        break;
    case SET_DEFAULTS:
        set_defaults(mouse);
        break;
    case RESET:
        power_on(mouse);
        break;
    case STATUS_REQUEST:
    case READ_DATA:
    case READ_ID:
        break;
    default:
        return false;
    }
    return true;
}

static void write(void *opaque, u8 byte)
{
    struct ps2_mouse *mouse = opaque;
    u8 command = mouse->command;
    trace(KBD, "mouse: host sends %02x", byte);
    mouse->command = 0;
    timer_cancel(&mouse->test);
    ps2_queue_clear(&mouse->packets); /* a command ends whatever was being sent */
    if (command) {
        parameter(mouse, command, byte);
    } else if (mouse->wrap && byte != RESET && byte != RESET_WRAP) {
        reply(mouse, byte);
    } else if (byte == RESEND) {
        reply(mouse, mouse->last_sent);
    } else if (start_command(mouse, byte)) {
        reply(mouse, ACK);
        finish_command(mouse, byte);
    } else {
        trace(GUEST, "mouse: unknown command %02x", byte);
        reply(mouse, RESEND);
    }
}

static int read(void *opaque)
{
    struct ps2_mouse *mouse = opaque;
    int byte = ps2_queue_get(&mouse->replies);
    if (byte < 0 && !mouse->command)
        byte = ps2_queue_get(&mouse->packets);
    if (byte >= 0)
        mouse->last_sent = byte;
    return byte;
}

static void reset(void *state)
{
    struct ps2_mouse *mouse = state;
    timer_cancel(&mouse->test);
    mouse->buttons = 0;
    power_on(mouse);
}

static int check(const void *state)
{
    const struct ps2_mouse *mouse = state;
    bool good = mouse->replies.count <= PS2_QUEUE && mouse->packets.count <= PS2_QUEUE && mouse->rate;
    return good ? 0 : -EINVAL;
}

static const struct field fields[] = {
    FIELD_BLOB(struct ps2_mouse, replies.data),
    FIELD(U8, struct ps2_mouse, replies.head),
    FIELD(U8, struct ps2_mouse, replies.count),
    FIELD_BLOB(struct ps2_mouse, packets.data),
    FIELD(U8, struct ps2_mouse, packets.head),
    FIELD(U8, struct ps2_mouse, packets.count),
    FIELD(U8, struct ps2_mouse, command),
    FIELD(U8, struct ps2_mouse, id),
    FIELD_BLOB(struct ps2_mouse, knock),
    FIELD(U8, struct ps2_mouse, rate),
    FIELD(U8, struct ps2_mouse, resolution),
    FIELD(BOOL, struct ps2_mouse, enabled),
    FIELD(BOOL, struct ps2_mouse, remote),
    FIELD(BOOL, struct ps2_mouse, wrap),
    FIELD(BOOL, struct ps2_mouse, scaling_2to1),
    FIELD(BOOL, struct ps2_mouse, poked),
    FIELD(U8, struct ps2_mouse, buttons),
    FIELD(U8, struct ps2_mouse, sent_buttons),
    FIELD(U32, struct ps2_mouse, dx),
    FIELD(U32, struct ps2_mouse, dy),
    FIELD(U32, struct ps2_mouse, dz),
    FIELD(U8, struct ps2_mouse, last_sent),
    FIELD(TIMER, struct ps2_mouse, sample),
    FIELD(TIMER, struct ps2_mouse, test),
    FIELD_END,
};

const struct device_ops ps2_mouse_ops = {
    .name = "ps2-mouse",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .check = check,
};

void ps2_mouse_init(struct ps2_mouse *mouse, struct machine *machine)
{
    *mouse = (struct ps2_mouse){.clock = machine->clock};
    mouse->port = (struct ps2_device){.write = write, .read = read, .opaque = mouse};
    timer_init(&mouse->sample, machine->clock, sample, mouse);
    timer_init(&mouse->test, machine->clock, test_done, mouse);
    machine->input.mouse.pointer = pointer_event;
    machine->input.mouse.opaque = mouse;
    device_add(&machine->devices, &mouse->device, &ps2_mouse_ops, mouse, "mouse");
    reset(mouse);
}
