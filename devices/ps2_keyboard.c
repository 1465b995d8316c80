/*
 * PS/2 enhanced keyboard (101 to 105 keys).
 *
 * Source: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)": commands, scan
 *         code sets, buffer, typematic rate and delay.
 * Modelled: scan code sets 1, 2 and 3 with the key modes of set 3, every command, typematic repeat in guest time, the
 *         16-byte buffer with its overrun code, the variants of Print Screen and Pause, the shift codes around the grey keys
 *         that depend on Num Lock and Shift (they are not repeated: keyboards observed).
 * Differs: the self-test after Reset takes 2 ms, not 500; the keyboard stays silent after power-on, as firmware would
 *         only throw the completion code away.
 */
#include "devices/ps2_keyboard.h"

#include <errno.h>
#include <string.h>

#include "machine/trace.h"

enum {
    SET_LEDS = 0xed,
    ECHO = 0xee,
    SELECT_SET = 0xf0,
    IDENTIFY = 0xf2,
    SET_TYPEMATIC = 0xf3,
    ENABLE = 0xf4,
    DEFAULT_DISABLE = 0xf5,
    SET_DEFAULT = 0xf6,
    ALL_TYPEMATIC = 0xf7,
    ALL_MAKE_BREAK = 0xf8,
    ALL_MAKE = 0xf9,
    ALL_TYPEMATIC_MAKE_BREAK = 0xfa,
    KEY_TYPEMATIC = 0xfb,
    KEY_MAKE_BREAK = 0xfc,
    KEY_MAKE = 0xfd,
    RESEND = 0xfe,
    RESET = 0xff,
};

enum { ACK = 0xfa, BAT_DONE = 0xaa, ID_FIRST = 0xab, ID_SECOND = 0x83 };
enum { MODE_TYPEMATIC = 1, MODE_BREAK = 2 };
enum { LEFT_SHIFT = 0x2a, RIGHT_SHIFT = 0x36, CTRL = 0x1d, ALT = 0x38, SYSRQ = 0x54 };
enum { PRINT_SCREEN = KEY_E0 | 0x37, KEYPAD_SLASH = KEY_E0 | 0x35 };
enum { LED_NUM = 2 };

#define BUFFER            16
#define LONGEST           8 /* codes of one key: Pause and a grey key between both Shifts in set 2 */
#define DEFAULT_TYPEMATIC 0x2b /* 500 ms, 10.9 characters a second */
#define BAT_NS            2000000

static unsigned slot_of(int key)
{
    return key == KEY_PAUSE ? 511 : key & 511;
}

static bool is_down(const struct ps2_keyboard *kbd, int key)
{
    return kbd->down[slot_of(key) / 8] >> slot_of(key) % 8 & 1;
}

static void set_down(struct ps2_keyboard *kbd, int key, bool down)
{
    u8 *byte = &kbd->down[slot_of(key) / 8], bit = 1u << slot_of(key) % 8;
    *byte = down ? *byte | bit : *byte & ~bit;
}

static bool either_down(const struct ps2_keyboard *kbd, int a, int b)
{
    return is_down(kbd, a) || is_down(kbd, b);
}

static void reply(struct ps2_keyboard *kbd, u8 byte)
{
    ps2_queue_put(&kbd->replies, byte);
    ps2_ready(&kbd->port);
}

/* A key's codes enter the buffer whole or not at all; then the overrun code takes the 17th place. */
static void send(struct ps2_keyboard *kbd, const u8 *codes, unsigned length)
{
    u8 overrun = kbd->scan_set == 1 ? 0xff : 0x00;
    if (kbd->overrun || kbd->keys.count + length > BUFFER) {
        if (!kbd->overrun)
            ps2_queue_put(&kbd->keys, overrun);
        kbd->overrun = true;
        trace(KBD, "keyboard: buffer overrun");
        return;
    }
    for (unsigned i = 0; i < length; i++)
        ps2_queue_put(&kbd->keys, codes[i]);
    ps2_ready(&kbd->port);
}

#define SEND(kbd, ...) send(kbd, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

/* --- shift codes ----------------------------------------------------------------------------------------------------- */

/* The grey keys send what a keypad's would, so they undo Num Lock or Shift around themselves: "Scan Code Set 1", keys 75-89,
 * with the state of Num Lock as the indicators show it.  Key 95 (the keypad's slash) undoes Shift, key 124 (Print Screen)
 * presses it, and is SysRq with Alt.  What a key was pressed with it is released with. */
enum { PRESS_SHIFT = 1, RELEASE_LEFT = 2, RELEASE_RIGHT = 4, AS_SYSRQ = 8 };

static u8 *pressed_with(struct ps2_keyboard *kbd, int key)
{
    return &kbd->pressed_with[key & (PS2_KEYBOARD_GREY - 1)];
}

static bool is_grey(int key)
{
    switch (key & ~KEY_E0) {
    case 0x47:
    case 0x48:
    case 0x49:
    case 0x4b:
    case 0x4d:
    case 0x4f:
    case 0x50:
    case 0x51:
    case 0x52:
    case 0x53: return key & KEY_E0;
    default: return false;
    }
}

static u8 released_shifts(const struct ps2_keyboard *kbd)
{
    return (u8)((is_down(kbd, LEFT_SHIFT) ? RELEASE_LEFT : 0) | (is_down(kbd, RIGHT_SHIFT) ? RELEASE_RIGHT : 0));
}

static u8 shift_codes_for(const struct ps2_keyboard *kbd, int key)
{
    bool shift = either_down(kbd, LEFT_SHIFT, RIGHT_SHIFT);
    if (key == PRINT_SCREEN && either_down(kbd, ALT, KEY_E0 | ALT))
        return AS_SYSRQ;
    if (key == PRINT_SCREEN)
        return shift || either_down(kbd, CTRL, KEY_E0 | CTRL) ? 0 : PRESS_SHIFT;
    if (key == KEYPAD_SLASH)
        return released_shifts(kbd);
    if (!is_grey(key))
        return 0;
    if (kbd->leds & LED_NUM)
        return shift ? 0 : PRESS_SHIFT;
    return released_shifts(kbd);
}

/* Appends one code of set 1 or 2; returns how many bytes there are now. */
static unsigned put_code(const struct ps2_keyboard *kbd, u8 *codes, unsigned n, int key, bool down)
{
    u8 set1 = key & 0x7f, set2 = ps2_set2_from_set1(set1);
    if (key & KEY_E0)
        codes[n++] = 0xe0;
    if (kbd->scan_set == 1) {
        codes[n++] = down ? set1 : set1 | 0x80;
        return n;
    }
    if (!down)
        codes[n++] = 0xf0;
    codes[n++] = set2;
    return n;
}

static void send_wrapped(struct ps2_keyboard *kbd, int key, bool down, u8 with)
{
    static const struct {
        u8 bit;
        int key;
        bool down; /* before the key; after its release the other way round */
    } shifts[] = {
        {PRESS_SHIFT, LEFT_SHIFT, true}, {RELEASE_LEFT, LEFT_SHIFT, false}, {RELEASE_RIGHT, RIGHT_SHIFT, false}};
    u8 codes[BUFFER];
    unsigned n = 0;
    if (!down)
        n = put_code(kbd, codes, n, key, false);
    for (size_t i = 0; i < ARRAY_SIZE(shifts); i++)
        if (with & shifts[i].bit)
            n = put_code(kbd, codes, n, KEY_E0 | shifts[i].key, down == shifts[i].down);
    if (down)
        n = put_code(kbd, codes, n, key, true);
    send(kbd, codes, n);
}

/* A Shift that was let go meanwhile is not pressed again. */
static u8 shift_codes_at_release(struct ps2_keyboard *kbd, int key)
{
    u8 with = *pressed_with(kbd, key);
    *pressed_with(kbd, key) = 0;
    return with & (u8)(released_shifts(kbd) | PRESS_SHIFT | AS_SYSRQ);
}

static bool has_shift_codes(int key)
{
    return key == PRINT_SCREEN || key == KEYPAD_SLASH || is_grey(key);
}

static void send_with_shift_codes(struct ps2_keyboard *kbd, int key, bool down)
{
    u8 with = down ? shift_codes_for(kbd, key) : shift_codes_at_release(kbd, key);
    if (down)
        *pressed_with(kbd, key) = with;
    send_wrapped(kbd, with & AS_SYSRQ ? SYSRQ : key, down, with);
}

/* --- keys ------------------------------------------------------------------------------------------------------------ */

/* Pause sends make and break at once; with Ctrl it is Break. */
static void send_pause(struct ps2_keyboard *kbd)
{
    bool set1 = kbd->scan_set == 1;
    if (either_down(kbd, CTRL, KEY_E0 | CTRL)) {
        if (set1)
            SEND(kbd, 0xe0, 0x46, 0xe0, 0xc6);
        else
            SEND(kbd, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
    } else if (set1) {
        SEND(kbd, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    } else {
        SEND(kbd, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
    }
}

static void send_set3(struct ps2_keyboard *kbd, int key, bool down)
{
    u8 code = ps2_set3_from_key(key);
    if (!code)
        return;
    if (down)
        SEND(kbd, code);
    else if (kbd->key_mode[code] & MODE_BREAK)
        SEND(kbd, 0xf0, code);
}

static void send_key(struct ps2_keyboard *kbd, int key, bool down)
{
    if (kbd->scan_set == 3)
        send_set3(kbd, key, down);
    else if (key == KEY_PAUSE && down)
        send_pause(kbd);
    else if (has_shift_codes(key))
        send_with_shift_codes(kbd, key, down);
    else if (key != KEY_PAUSE && ps2_set2_from_set1(key & 0x7f))
        send_wrapped(kbd, key, down, 0);
}

/* The shift codes are in force already. */
static void send_again(struct ps2_keyboard *kbd, int key)
{
    if (kbd->scan_set == 3)
        send_set3(kbd, key, true);
    else if (has_shift_codes(key) && *pressed_with(kbd, key) & AS_SYSRQ)
        send_wrapped(kbd, SYSRQ, true, 0);
    else if (ps2_set2_from_set1(key & 0x7f))
        send_wrapped(kbd, key, true, 0);
}

static bool repeats(const struct ps2_keyboard *kbd, int key)
{
    if (kbd->scan_set == 3)
        return kbd->key_mode[ps2_set3_from_key(key)] & MODE_TYPEMATIC;
    return key != KEY_PAUSE;
}

/* Command F3: bits 6-5 are the delay in quarters of a second, less one; period = (8 + A) * 2^B * 4.17 ms. */
static u64 repeat_delay_ns(const struct ps2_keyboard *kbd)
{
    return ((kbd->typematic >> 5 & 3) + 1) * 250000000ull;
}
static u64 repeat_period_ns(const struct ps2_keyboard *kbd)
{
    return (8 + (kbd->typematic & 7)) * (1ull << (kbd->typematic >> 3 & 3)) * 4170000ull;
}

static void stop_repeat(struct ps2_keyboard *kbd)
{
    kbd->repeat_key = 0;
    timer_cancel(&kbd->repeat);
}

static void repeat(void *opaque)
{
    struct ps2_keyboard *kbd = opaque;
    if (!kbd->repeat_key || !kbd->scanning)
        return;
    send_again(kbd, kbd->repeat_key);
    timer_set(&kbd->repeat, clock_ns(kbd->clock) + repeat_period_ns(kbd));
}

/* A key that is down already is the host's own repeat: ours comes from the timer. */
static void key_event(void *opaque, int key, bool down)
{
    struct ps2_keyboard *kbd = opaque;
    if ((key & ~(KEY_E0 | KEY_PAUSE | 0x7f)) || is_down(kbd, key) == down)
        return;
    set_down(kbd, key, down);
    if (!down && key == kbd->repeat_key)
        stop_repeat(kbd);
    if (!kbd->scanning || timer_armed(&kbd->test))
        return;
    trace(KBD, "keyboard: key %03x %s", key, down ? "down" : "up");
    send_key(kbd, key, down);
    if (down && repeats(kbd, key)) {
        kbd->repeat_key = key;
        timer_set(&kbd->repeat, clock_ns(kbd->clock) + repeat_delay_ns(kbd));
    }
}

static void set_leds(struct ps2_keyboard *kbd, u8 leds)
{
    kbd->leds = leds & 7;
    if (kbd->leds_changed)
        kbd->leds_changed(kbd->leds_opaque, kbd->leds);
}

static void clear_keys(struct ps2_keyboard *kbd)
{
    ps2_queue_clear(&kbd->keys);
    kbd->overrun = false;
    stop_repeat(kbd);
}

/* Set 3 after power-on: shift-like keys send their release, keys that type repeat, the others only make. */
static void default_key_modes(struct ps2_keyboard *kbd)
{
    static const u8 make_break[] = {0x11, 0x12, 0x14, 0x19, 0x59};
    static const u8 make_only[] = {0x07, 0x08, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x39, 0x3f, 0x47, 0x4f, 0x56, 0x57,
                                   0x58, 0x5e, 0x5f, 0x62, 0x65, 0x67, 0x69, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72,
                                   0x73, 0x74, 0x75, 0x76, 0x77, 0x79, 0x7a, 0x7d, 0x7e, 0x84, 0x8b, 0x8c, 0x8d};
    memset(kbd->key_mode, MODE_TYPEMATIC, sizeof(kbd->key_mode));
    for (size_t i = 0; i < sizeof(make_break); i++)
        kbd->key_mode[make_break[i]] = MODE_BREAK;
    for (size_t i = 0; i < sizeof(make_only); i++)
        kbd->key_mode[make_only[i]] = 0;
}

static void set_defaults(struct ps2_keyboard *kbd)
{
    kbd->typematic = DEFAULT_TYPEMATIC;
    default_key_modes(kbd);
    clear_keys(kbd);
}

static void power_on(struct ps2_keyboard *kbd)
{
    set_defaults(kbd);
    ps2_queue_clear(&kbd->replies);
    kbd->command = 0;
    kbd->scan_set = 2;
    kbd->scanning = true;
    set_leds(kbd, 0);
}

static void test_done(void *opaque)
{
    struct ps2_keyboard *kbd = opaque;
    reply(kbd, BAT_DONE);
}

static u8 mode_of_command(u8 command)
{
    switch (command) {
    case ALL_TYPEMATIC:
    case KEY_TYPEMATIC:
        return MODE_TYPEMATIC;
    case ALL_MAKE_BREAK:
    case KEY_MAKE_BREAK:
        return MODE_BREAK;
    case ALL_TYPEMATIC_MAKE_BREAK:
        return MODE_TYPEMATIC | MODE_BREAK;
    default:
        return 0;
    }
}

static void select_set(struct ps2_keyboard *kbd, u8 value)
{
    if (value > 3) {
        reply(kbd, RESEND);
        return;
    }
    reply(kbd, ACK);
    if (!value)
        reply(kbd, kbd->scan_set);
    else
        kbd->scan_set = value;
    if (value)
        clear_keys(kbd);
}

/* The byte that follows a command. */
static void parameter(struct ps2_keyboard *kbd, u8 command, u8 value)
{
    switch (command) {
    case SELECT_SET:
        select_set(kbd, value);
        return;
    case SET_LEDS:
        set_leds(kbd, value);
        break;
    case SET_TYPEMATIC:
        kbd->typematic = value & 0x7f;
        break;
    default: /* FB-FD take keys until the next command */
        kbd->key_mode[value] = mode_of_command(command);
        kbd->command = command;
    }
    reply(kbd, ACK);
}

static void start_command(struct ps2_keyboard *kbd, u8 command)
{
    switch (command) {
    case SET_LEDS:
    case SELECT_SET:
    case SET_TYPEMATIC:
    case KEY_TYPEMATIC:
    case KEY_MAKE_BREAK:
    case KEY_MAKE:
        kbd->command = command;
        break;
    case ECHO:
        reply(kbd, ECHO);
        return;
    case IDENTIFY:
        reply(kbd, ACK);
        reply(kbd, ID_FIRST);
        reply(kbd, ID_SECOND);
        return;
    case ENABLE:
        clear_keys(kbd);
        kbd->scanning = true;
        break;
    case DEFAULT_DISABLE:
        set_defaults(kbd);
        kbd->scanning = false;
        break;
    case SET_DEFAULT:
        set_defaults(kbd);
        kbd->scanning = true;
        break;
    case ALL_TYPEMATIC:
    case ALL_MAKE_BREAK:
    case ALL_MAKE:
    case ALL_TYPEMATIC_MAKE_BREAK:
        memset(kbd->key_mode, mode_of_command(command), sizeof(kbd->key_mode));
        break;
    case RESEND:
        reply(kbd, kbd->last_sent);
        return;
    case RESET:
        power_on(kbd);
        timer_set(&kbd->test, clock_ns(kbd->clock) + BAT_NS);
        break;
    default:
        trace(GUEST, "keyboard: unknown command %02x", command);
        reply(kbd, RESEND);
        return;
    }
    reply(kbd, ACK);
}

static void write(void *opaque, u8 byte)
{
    struct ps2_keyboard *kbd = opaque;
    u8 command = kbd->command;
    trace(KBD, "keyboard: host sends %02x", byte);
    kbd->command = 0;
    timer_cancel(&kbd->test);
    if (command && byte < SET_LEDS)
        parameter(kbd, command, byte);
    else
        start_command(kbd, byte);
}

static int read(void *opaque)
{
    struct ps2_keyboard *kbd = opaque;
    int byte = ps2_queue_get(&kbd->replies);
    if (byte < 0 && !kbd->command) /* a keyboard that waits for a parameter sends no keys */
        byte = ps2_queue_get(&kbd->keys);
    if (!kbd->keys.count)
        kbd->overrun = false;
    if (byte >= 0)
        kbd->last_sent = byte;
    input_keyboard_room(kbd->input);
    return byte;
}

static bool room(void *opaque)
{
    const struct ps2_keyboard *kbd = opaque;
    return !kbd->overrun && kbd->keys.count + LONGEST <= BUFFER;
}

static void reset(void *state)
{
    struct ps2_keyboard *kbd = state;
    timer_cancel(&kbd->test);
    memset(kbd->down, 0, sizeof(kbd->down));
    memset(kbd->pressed_with, 0, sizeof(kbd->pressed_with));
    input_forget_keys(kbd->input);
    power_on(kbd);
}

static int check(const void *state)
{
    const struct ps2_keyboard *kbd = state;
    bool good = kbd->replies.count <= PS2_QUEUE && kbd->keys.count <= PS2_QUEUE && kbd->scan_set >= 1 &&
                kbd->scan_set <= 3 && !(kbd->repeat_key & ~(KEY_E0 | KEY_PAUSE | 0x7f));
    return good ? 0 : -EINVAL;
}

static const struct field fields[] = {
    FIELD_BLOB(struct ps2_keyboard, replies.data),
    FIELD(U8, struct ps2_keyboard, replies.head),
    FIELD(U8, struct ps2_keyboard, replies.count),
    FIELD_BLOB(struct ps2_keyboard, keys.data),
    FIELD(U8, struct ps2_keyboard, keys.head),
    FIELD(U8, struct ps2_keyboard, keys.count),
    FIELD(U8, struct ps2_keyboard, command),
    FIELD(U8, struct ps2_keyboard, scan_set),
    FIELD(U8, struct ps2_keyboard, leds),
    FIELD(U8, struct ps2_keyboard, typematic),
    FIELD(BOOL, struct ps2_keyboard, scanning),
    FIELD(BOOL, struct ps2_keyboard, overrun),
    FIELD(U8, struct ps2_keyboard, last_sent),
    FIELD_BLOB(struct ps2_keyboard, key_mode),
    FIELD(U16, struct ps2_keyboard, repeat_key),
    FIELD_BLOB(struct ps2_keyboard, down),
    FIELD_BLOB(struct ps2_keyboard, pressed_with),
    FIELD(TIMER, struct ps2_keyboard, repeat),
    FIELD(TIMER, struct ps2_keyboard, test),
    FIELD_END,
};

const struct device_ops ps2_keyboard_ops = {
    .name = "ps2-keyboard",
    .version = 1,
    .fields = fields,
    .reset = reset,
    .check = check,
};

void ps2_keyboard_init(struct ps2_keyboard *kbd, struct machine *machine)
{
    *kbd = (struct ps2_keyboard){.clock = machine->clock};
    kbd->port = (struct ps2_device){.write = write, .read = read, .opaque = kbd};
    timer_init(&kbd->repeat, machine->clock, repeat, kbd);
    timer_init(&kbd->test, machine->clock, test_done, kbd);
    kbd->input = &machine->input;
    machine->input.keyboard = (struct input_sink){.key = key_event, .room = room, .opaque = kbd};
    device_add(&machine->devices, &kbd->device, &ps2_keyboard_ops, kbd, "keyboard");
    reset(kbd);
}
