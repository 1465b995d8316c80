/*
 * Escape sequences of xterm, the Linux console, screen, tmux, rxvt and PuTTY to keys.
 *
 * Source: ECMA-48, "Control sequences"; XTerm Control Sequences, "PC-Style Function Keys", "VT220-Style Function Keys",
 *         "Alt and Meta Keys", "Mouse Tracking"; Linux man-pages, console_codes(4); rxvt Technical Reference, "Key Codes".
 * Modelled: modifiers as parameters, Esc as a prefix for Alt, application keypad, mouse reports as SGR (1006) and as bytes,
 *           xterm's modifyOtherKeys and the "CSI u" form of it.
 */
#include "ui/term/keys.h"

#include "machine/input.h"

#define ESC 0x1b
#define DEL 0x7f
#define PARAMETERS 4

enum {
    KEY_ESC = 0x01,
    KEY_BACKSPACE = 0x0e,
    KEY_TAB = 0x0f,
    KEY_ENTER = 0x1c,
    KEY_F1 = 0x3b,
    KEY_F11 = 0x57,
    KEY_HOME = KEY_E0 | 0x47,
    KEY_UP = KEY_E0 | 0x48,
    KEY_PAGE_UP = KEY_E0 | 0x49,
    KEY_LEFT = KEY_E0 | 0x4b,
    KEY_RIGHT = KEY_E0 | 0x4d,
    KEY_END = KEY_E0 | 0x4f,
    KEY_DOWN = KEY_E0 | 0x50,
    KEY_PAGE_DOWN = KEY_E0 | 0x51,
    KEY_INSERT = KEY_E0 | 0x52,
    KEY_DELETE = KEY_E0 | 0x53,
};

struct sequence {
    unsigned parameters[PARAMETERS];
    int count;
    u8 prefix; /* '<' '=' '>' '?' before the parameters, or 0 */
    u8 last;
    size_t length; /* behind the introducer */
};

static int function_key(unsigned number)
{
    return (int)(number <= 10 ? KEY_F1 + number - 1 : KEY_F11 + number - 11);
}

static void set_key(struct term_event *event, int key, unsigned modifiers)
{
    event->kind = TERM_KEY;
    event->key = key;
    event->modifiers |= modifiers;
}

static void set_text(struct term_event *event, u32 text, unsigned modifiers)
{
    event->kind = TERM_TEXT;
    event->text = text;
    event->modifiers |= modifiers;
}

/* --- single characters --------------------------------------------------------------------------------------------- */

/* 00 to 1F: the character that Ctrl was pressed with. */
static u32 control_text(u8 byte)
{
    switch (byte) {
    case 0x00: return ' ';
    case 0x1e: return '6';
    case 0x1f: return '-';
    default: return byte <= 26 ? byte + 'a' - 1u : byte + 0x40u;
    }
}

static void plain_byte(u8 byte, u8 erase, struct term_event *event)
{
    if (byte == DEL || (erase && byte == erase))
        set_key(event, KEY_BACKSPACE, 0);
    else if (byte == '\r')
        set_key(event, KEY_ENTER, 0);
    else if (byte == '\t')
        set_key(event, KEY_TAB, 0);
    else if (byte == ESC)
        set_key(event, KEY_ESC, 0);
    else if (byte < ' ')
        set_text(event, control_text(byte), TERM_CTRL);
    else if (byte < DEL)
        set_text(event, byte, 0);
}

/* RFC 3629.  Bytes that are no UTF-8 go unheard. */
static size_t parse_utf8(const u8 *data, size_t length, bool complete, struct term_event *event)
{
    size_t need = data[0] >= 0xf0 ? 4 : data[0] >= 0xe0 ? 3 : 2;
    u32 code = data[0] & (0x7fu >> need);
    if (data[0] < 0xc2 || data[0] > 0xf4)
        return 1;
    for (size_t i = 1; i < need; i++) {
        if (i == length)
            return complete ? length : 0;
        if ((data[i] & 0xc0) != 0x80)
            return i;
        code = code << 6 | (data[i] & 0x3f);
    }
    set_text(event, code, 0);
    return need;
}

/* --- control sequences --------------------------------------------------------------------------------------------- */

/* Behind CSI or SS3.  False: it goes on, or (length set) it is none. */
static bool read_sequence(const u8 *data, size_t length, struct sequence *sequence)
{
    size_t i = 0;
    *sequence = (struct sequence){.count = 1};
    if (i < length && data[i] >= '<' && data[i] <= '?')
        sequence->prefix = data[i++];
    for (; i < length && i < TERM_SEQUENCE_MAX - 4; i++) {
        unsigned *value = &sequence->parameters[sequence->count - 1];
        bool rxvt = data[i] == '$' && i > 0; /* Shift there, though ECMA-48 has it for an intermediate byte */
        if (data[i] >= '0' && data[i] <= '9') {
            *value = MIN(*value * 10 + (data[i] - '0'), 0xfffffu);
        } else if (data[i] == ';' || data[i] == ':') {
            sequence->count = MIN(sequence->count + 1, PARAMETERS);
            sequence->parameters[sequence->count - 1] = 0;
        } else if ((data[i] >= '@' && data[i] <= '~') || rxvt) {
            sequence->last = data[i];
            sequence->length = i + 1;
            return true;
        } else if (data[i] < ' ' || data[i] > '?') {
            break;
        }
    }
    sequence->length = i < length ? MAX(i, 1u) : 0;
    return false;
}

/* Parameter n is 1 + Shift 1, Alt 2, Ctrl 4, Meta 8. */
static unsigned modifiers_of(const struct sequence *sequence, int n)
{
    unsigned bits = n < sequence->count && sequence->parameters[n] ? sequence->parameters[n] - 1 : 0;
    return (bits & 7) | (bits & 8 ? TERM_ALT : 0);
}

static int letter_key(u8 letter)
{
    switch (letter) {
    case 'A': return KEY_UP;
    case 'B': return KEY_DOWN;
    case 'C': return KEY_RIGHT;
    case 'D': return KEY_LEFT;
    case 'E': return 0x4c;
    case 'F': return KEY_END;
    case 'H': return KEY_HOME;
    case 'P':
    case 'Q':
    case 'R':
    case 'S': return function_key(letter - 'P' + 1u);
    default: return -1;
    }
}

/* The number before "~"; Shift with F1 to F8 is F13 to F20 to a Linux console. */
static int number_key(unsigned number, unsigned *modifiers)
{
    static const u16 editing[] = {KEY_HOME,    KEY_INSERT,    KEY_DELETE, KEY_END,
                                  KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME,   KEY_END};
    static const u8 functions[] = {1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 0, 11, 12, 13, 14, 0, 15, 16, 0, 17, 18, 19, 20};
    if (number >= 1 && number <= ARRAY_SIZE(editing))
        return editing[number - 1];
    unsigned function = number >= 11 && number - 11 < ARRAY_SIZE(functions) ? functions[number - 11] : 0;
    if (function > 12) {
        *modifiers |= TERM_SHIFT;
        function -= 12;
    }
    return function ? function_key(function) : -1;
}

/* modifyOtherKeys and its like: a character with modifiers that have no byte. */
static void set_character(struct term_event *event, u32 code, unsigned modifiers)
{
    plain_byte(code < 0x80 ? (u8)code : 0, 0, event);
    if (code >= 0x80)
        set_text(event, code, 0);
    event->modifiers |= modifiers;
}

/* Code: bits 0-1 button (3: none), 2-4 Shift, Alt, Ctrl, 5 motion, 6 wheel, 7 further buttons. */
static void set_mouse(struct term_event *event, unsigned code, int x, int y, bool released)
{
    static const u8 buttons[] = {1, 4, 2, 0}, further[] = {8, 16, 0, 0};
    event->kind = TERM_MOUSE;
    event->x = MAX(x - 1, 0);
    event->y = MAX(y - 1, 0);
    if (code & 0x40) {
        event->wheel = code & 2 ? 0 : code & 1 ? -1 : 1;
        return;
    }
    unsigned button = code & 0x80 ? further[code & 3] : buttons[code & 3];
    if (!button)
        event->released = 0x1f;
    else if (released)
        event->released = button;
    else
        event->pressed = button;
}

static void csi_tilde(const struct sequence *sequence, struct term_event *event)
{
    unsigned modifiers = modifiers_of(sequence, 1);
    if (sequence->parameters[0] == 27 && sequence->count >= 3) {
        set_character(event, sequence->parameters[2], modifiers);
        return;
    }
    modifiers |= sequence->last == '^' ? TERM_CTRL : sequence->last == '$' ? TERM_SHIFT : 0;
    modifiers |= sequence->last == '@' ? TERM_CTRL | TERM_SHIFT : 0;
    int key = number_key(sequence->parameters[0], &modifiers);
    if (key >= 0)
        set_key(event, key, modifiers);
}

static void csi_event(const struct sequence *sequence, struct term_event *event)
{
    u8 last = sequence->last;
    int key = letter_key(last);
    if (sequence->prefix) {
        if (sequence->prefix == '<' && (last == 'M' || last == 'm') && sequence->count >= 3)
            set_mouse(event, sequence->parameters[0], (int)sequence->parameters[1], (int)sequence->parameters[2],
                      last == 'm');
    } else if (last == '~' || last == '^' || last == '$' || last == '@') {
        csi_tilde(sequence, event);
    } else if (last == 'u') {
        set_character(event, sequence->parameters[0], modifiers_of(sequence, 1));
    } else if (last == 'Z') {
        set_key(event, KEY_TAB, TERM_SHIFT);
    } else if (last >= 'a' && last <= 'd') {
        set_key(event, letter_key(last - 'a' + 'A'), TERM_SHIFT);
    } else if (key >= 0) {
        set_key(event, key, modifiers_of(sequence, 1));
    }
}

/* data: behind "Esc [". */
static size_t parse_csi(const u8 *data, size_t length, bool complete, struct term_event *event)
{
    struct sequence sequence;
    if (!length && complete)
        set_text(event, '[', TERM_ALT);
    if (length && data[0] == '[') { /* a Linux console's F1 to F5 */
        if (length < 2)
            return complete ? 1 : 0;
        if (data[1] >= 'A' && data[1] <= 'E')
            set_key(event, function_key(data[1] - 'A' + 1u), 0);
        return 2;
    }
    if (length && data[0] == 'M') { /* a mouse report in bytes, each with 32 added */
        if (length < 4)
            return complete ? length : 0;
        set_mouse(event, data[1] - 32u, data[2] - 32, data[3] - 32, false);
        return 4;
    }
    if (read_sequence(data, length, &sequence))
        csi_event(&sequence, event);
    return sequence.length ? sequence.length : complete ? length : 0;
}

static int keypad_key(u8 letter)
{
    static const u16 keys[] = {0x37, 0x4e, 0x7e, 0x4a, 0x53, KEY_E0 | 0x35, /* * + , - . / */
                               0x52, 0x4f, 0x50, 0x51, 0x4b, 0x4c,          0x4d, 0x47, 0x48, 0x49};
    if (letter >= 'j' && letter <= 'y')
        return keys[letter - 'j'];
    return letter == 'M' ? KEY_E0 | 0x1c : letter == 'X' ? 0x59 : letter == 'I' ? KEY_TAB : letter_key(letter);
}

/* data: behind "Esc O", which is Alt with a capital O as well. */
static size_t parse_ss3(const u8 *data, size_t length, bool complete, struct term_event *event)
{
    struct sequence sequence;
    bool whole = read_sequence(data, length, &sequence);
    int key = whole ? keypad_key(sequence.last) : -1;
    if (whole && sequence.last >= 'a' && sequence.last <= 'd')
        set_key(event, letter_key(sequence.last - 'a' + 'A'), TERM_CTRL);
    else if (key >= 0)
        set_key(event, key, modifiers_of(&sequence, sequence.count > 1 ? 1 : 0));
    else if (complete || sequence.length)
        set_text(event, 'O', TERM_ALT);
    return event->kind == TERM_KEY ? sequence.length : 0;
}

static size_t parse_escape(const u8 *data, size_t length, bool complete, u8 erase, struct term_event *event)
{
    struct term_event inner = {0};
    if (length == 1) {
        if (complete)
            set_key(event, KEY_ESC, 0);
        return complete ? 1 : 0;
    }
    if (data[1] == '[' || data[1] == 'O') {
        size_t rest = (data[1] == '[' ? parse_csi : parse_ss3)(data + 2, length - 2, complete, event);
        return rest || event->kind || complete ? rest + 2 : 0;
    }
    if (data[1] == ESC && (length == 2 ? !complete : data[2] != '[' && data[2] != 'O')) {
        if (length > 2) /* Esc twice */
            set_key(event, KEY_ESC, 0);
        return length > 2 ? 1 : 0;
    }
    if (data[1] == ESC && length == 2) {
        set_key(event, KEY_ESC, 0);
        return 1;
    }
    size_t rest = term_parse(data + 1, length - 1, complete, erase, &inner);
    if (rest)
        *event = inner;
    event->modifiers |= rest ? TERM_ALT : 0;
    return rest ? rest + 1 : 0;
}

size_t term_parse(const u8 *data, size_t length, bool complete, u8 erase, struct term_event *event)
{
    *event = (struct term_event){0};
    if (!length)
        return 0;
    if (data[0] == ESC)
        return parse_escape(data, length, complete, erase, event);
    if (data[0] >= 0x80)
        return parse_utf8(data, length, complete, event);
    plain_byte(data[0], erase, event);
    return 1;
}
