/*
 * The monitor: lines in, commands out of one table, text back.
 *
 * All of it runs on the main thread with the machine lock held.
 */
#include "ui/monitor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/pc/pc.h"
#include "ui/monitor_commands.h"
#include "ui/nearest.h"
#include "ui/screendump.h"
#include "ui/version.h"

#define PROMPT "(clutch) "
#define KEY_HOLD_NS 100000000ull

/* --- output ------------------------------------------------------------------------------------------------------ */

static void flush(struct monitor *monitor)
{
    size_t taken = chardev_write(monitor->chr, monitor->out, monitor->out_length);
    monitor->out_length -= taken;
    memmove(monitor->out, monitor->out + taken, monitor->out_length);
}

/* Lines end in CR LF, as a serial terminal wants them. */
static void put(struct monitor *monitor, const char *text)
{
    size_t need = monitor->out_length + 2 * strlen(text);
    if (need > monitor->out_capacity) {
        char *larger = realloc(monitor->out, need * 2);
        if (!larger)
            return;
        monitor->out = larger;
        monitor->out_capacity = need * 2;
    }
    for (; *text; text++) {
        if (*text == '\n')
            monitor->out[monitor->out_length++] = '\r';
        monitor->out[monitor->out_length++] = *text;
    }
    flush(monitor);
}

void monitor_print(void *out, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put(out, text);
}

/* --- commands ---------------------------------------------------------------------------------------------------- */

static void stop(struct monitor *monitor, char *args)
{
    if (monitor->accel)
        accel_set_state(monitor->accel, RUN_STOPPED);
}

static void cont(struct monitor *monitor, char *args)
{
    if (monitor->accel)
        accel_set_state(monitor->accel, RUN_RUNNING);
}

static void system_reset(struct monitor *monitor, char *args)
{
    machine_request(monitor->machine, EVENT_RESET, "monitor");
}

static void system_powerdown(struct monitor *monitor, char *args)
{
    if (!pc_power_button(monitor->machine))
        monitor_print(monitor, "this board has no power button\n");
}

static void quit(struct monitor *monitor, char *args)
{
    monitor->machine->state = RUN_QUIT;
    machine_kick(monitor->machine);
}

static void release_keys(void *opaque)
{
    struct monitor *monitor = opaque;
    while (monitor->key_count)
        input_key(&monitor->machine->input, monitor->keys[--monitor->key_count], false);
}

/* ctrl-alt-delete, or a hexadecimal set 1 code as 0x1c; then how many milliseconds to hold them. */
static void sendkey(struct monitor *monitor, char *args)
{
    char *save = NULL, *hold = strchr(args, ' ');
    u64 ns = hold ? strtoull(hold, NULL, 10) * 1000000 : KEY_HOLD_NS;
    int keys[MONITOR_KEYS], count = 0;
    if (hold)
        *hold = '\0';
    for (char *name = strtok_r(args, "-", &save); name; name = strtok_r(NULL, "-", &save)) {
        int key = name[0] == '0' && name[1] == 'x' ? (int)strtoul(name, NULL, 16) : input_key_by_name(name);
        if (key < 0 || count == MONITOR_KEYS) {
            monitor_print(monitor, key < 0 ? "unknown key '%s'\n" : "too many keys at '%s'\n", name);
            return;
        }
        keys[count++] = key;
    }
    if (!count)
        monitor_print(monitor, "sendkey which keys? e.g. sendkey ctrl-alt-delete\n");
    release_keys(monitor);
    for (int i = 0; i < count; i++) {
        monitor->keys[monitor->key_count++] = keys[i];
        input_key(&monitor->machine->input, keys[i], true);
    }
    timer_set(&monitor->release, clock_ns(monitor->machine->clock) + ns);
}

static void dump(struct monitor *monitor, char *args)
{
    struct error err;
    if (!*args)
        monitor_print(monitor, "screendump into which file? NAME.png, .ppm or .txt\n");
    else if (screendump(&monitor->machine->display, args, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

static void version(struct monitor *monitor, char *args)
{
    monitor_print(monitor, "clutch %s\n", CLUTCH_VERSION);
}

static void help(struct monitor *monitor, char *args);

static const struct monitor_command commands[] = {
    {"help", "[info]", "this list, or what info knows", help},
    {"info", "WHAT", "show WHAT: registers, pic, mem ... (help info lists them)", monitor_info},
    {"stop", "", "stop the machine", stop},
    {"cont", "", "let it go on", cont},
    {"system_reset", "", "press the reset button", system_reset},
    {"system_powerdown", "", "press the power button", system_powerdown},
    {"sendkey", "KEYS [MS]", "press keys together: ctrl-alt-delete, a, shift-f1", sendkey},
    {"screendump", "FILE", "the screen into FILE.png, .ppm or .txt", dump},
    {"x", "/FMT ADDRESS", "memory at a linear address; FMT is count, x d u o c s i, and b h w g", monitor_x},
    {"xp", "/FMT ADDRESS", "memory at a physical address", monitor_xp},
    {"i", "/FMT PORT", "read an I/O port", monitor_in},
    {"o", "/FMT PORT VALUE", "write an I/O port", monitor_out},
    {"version", "", "our version", version},
    {"quit", "", "end the emulator", quit},
    {NULL, NULL, NULL, NULL},
};

/* Short forms that QEMU and gdb have taught. */
static const char *const aliases[][2] = {{"?", "help"}, {"c", "cont"}, {"q", "quit"}, {"h", "help"}};

static void list(struct monitor *monitor, const char *prefix, const struct monitor_command *command)
{
    char left[64];
    for (; command->name; command++) {
        snprintf(left, sizeof(left), "%s%s %s", prefix, command->name, command->args);
        monitor_print(monitor, "%-26s %s\n", left, command->help);
    }
}

static void help(struct monitor *monitor, char *args)
{
    if (!strcmp(args, "info"))
        list(monitor, "info ", monitor_infos);
    else
        list(monitor, "", commands);
}

static const struct monitor_command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (!strcmp(aliases[i][0], name))
            name = aliases[i][1];
    for (const struct monitor_command *command = commands; command->name; command++)
        if (!strcmp(command->name, name))
            return command;
    return NULL;
}

static void unknown(struct monitor *monitor, const char *name)
{
    const char *names[ARRAY_SIZE(commands)];
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        names[i] = commands[i].name;
    const char *similar = nearest(name, names);
    if (similar)
        monitor_print(monitor, "unknown command '%s' (did you mean '%s'?)\n", name, similar);
    else
        monitor_print(monitor, "unknown command '%s'; help lists the commands\n", name);
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return text;
}

/* The processor stands still while a command looks at it. */
static void run(struct monitor *monitor, const struct monitor_command *command, char *args)
{
    if (monitor->accel)
        accel_pause(monitor->accel);
    command->run(monitor, args);
    if (monitor->accel)
        accel_resume(monitor->accel);
}

void monitor_command(struct monitor *monitor, const char *line)
{
    char copy[MONITOR_LINE];
    snprintf(copy, sizeof(copy), "%s", line);
    char *name = trim(copy);
    char *args = name + strcspn(name, " \t/"); /* x/4xb needs no blank */
    char rest[MONITOR_LINE];
    snprintf(rest, sizeof(rest), "%s", args);
    *args = '\0';
    if (!*name)
        return;
    const struct monitor_command *command = find(name);
    if (command)
        run(monitor, command, trim(rest));
    else
        unknown(monitor, name);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

static void enter(struct monitor *monitor)
{
    put(monitor, "\n");
    monitor->line[monitor->length] = '\0';
    monitor->length = 0;
    monitor_command(monitor, monitor->line);
    if (monitor->machine->state != RUN_QUIT)
        put(monitor, PROMPT);
}

static void erase(struct monitor *monitor)
{
    if (monitor->length) {
        monitor->length--;
        put(monitor, "\b \b");
    }
}

static void typed(struct monitor *monitor, u8 byte)
{
    bool lf_of_crlf = byte == '\n' && monitor->after_cr;
    monitor->after_cr = byte == '\r';
    if (lf_of_crlf)
        return;
    if (byte == '\r' || byte == '\n') {
        enter(monitor);
    } else if (byte == 8 || byte == 127) {
        erase(monitor);
    } else if (byte == 21 || byte == 3) { /* Ctrl-U, Ctrl-C */
        while (monitor->length)
            erase(monitor);
    } else if (byte >= ' ' && monitor->length < sizeof(monitor->line) - 1) {
        char echo[2] = {byte, 0};
        monitor->line[monitor->length++] = byte;
        put(monitor, echo);
    }
}

static size_t room(void *opaque)
{
    return 256;
}

static void receive(void *opaque, const u8 *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        typed(opaque, data[i]);
}

static void writable(void *opaque)
{
    flush(opaque);
}

static void greet(struct monitor *monitor)
{
    if (!monitor->greeted)
        monitor_print(monitor, "clutch %s monitor; help lists the commands\n", CLUTCH_VERSION);
    monitor->greeted = true;
    put(monitor, PROMPT);
    put(monitor, (monitor->line[monitor->length] = '\0', monitor->line));
}

static void event(void *opaque, enum char_event event)
{
    if (event == CHAR_OPENED)
        greet(opaque);
    if (event == CHAR_FOCUS) {
        put(opaque, "\n");
        greet(opaque);
    }
}

struct monitor *monitor_create(struct machine *machine, struct accel *accel, struct chardev *chr)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return NULL;
    monitor->machine = machine;
    monitor->accel = accel;
    monitor->chr = chr;
    timer_init(&monitor->release, machine->clock, release_keys, monitor);
    chr->user = (struct chardev_user){room, receive, event, writable, monitor};
    chardev_accept_input(chr);
    if (!chr->ops->focused || chr->ops->focused(chr))
        greet(monitor);
    return monitor;
}

void monitor_destroy(struct monitor *monitor)
{
    if (!monitor)
        return;
    timer_cancel(&monitor->release);
    memset(&monitor->chr->user, 0, sizeof(monitor->chr->user));
    free(monitor->out);
    free(monitor);
}
