/*
 * The monitor: lines in, commands out of one table, text back.
 *
 * All of it runs on the loop's thread with the machine lock held.
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
#define ENGINES_MAX 8

/* --- output ------------------------------------------------------------------------------------------------------ */

static void flush(struct monitor *monitor)
{
    size_t taken = chardev_write(monitor->chr, monitor->out, monitor->out_length);
    monitor->out_length -= taken;
    if (taken)
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

static void put_line(void *opaque, const char *text)
{
    put(opaque, text);
}

char *monitor_word(char **args)
{
    char *start = *args + strspn(*args, " \t"), end = ' ';
    if (*start == '"')
        end = *start++;
    char *p = start;
    while (*p && *p != end && !(end == ' ' && *p == '\t'))
        p++;
    *args = *p ? p + 1 : p;
    *args += strspn(*args, " \t");
    *p = '\0';
    return start;
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

/* The engines of this build, by name; NULL-terminated. */
static void list_engines(const char *names[ENGINES_MAX + 1])
{
    unsigned count = 0;
    for (; engines[count] && count < ENGINES_MAX; count++)
        names[count] = engines[count]->name;
    names[count] = NULL;
}

static void no_engine(struct monitor *monitor, const char *name, const char *const *names)
{
    char hint[100];
    if (!strcmp(name, "auto"))
        monitor_print(monitor, "auto chooses at the start only (-accel auto)%s\n",
                      nearest_hint(hint, sizeof(hint), "", names));
    else
        monitor_print(monitor, "there is no engine '%s'%s\n", name, nearest_hint(hint, sizeof(hint), name, names));
}

static void change_engine(struct monitor *monitor, char *args)
{
    struct error err;
    const char *names[ENGINES_MAX + 1], *name = strcmp(args, "tcg") ? args : "interp"; /* QEMU's spelling */
    list_engines(names);
    if (!*args || !monitor->accel)
        monitor_print(monitor, "accel to which engine? interp, kvm (info accel shows the one in gear)\n");
    else if (!engine_find(name, strlen(name)))
        no_engine(monitor, name, names);
    else if (!strcmp(name, accel_engine_name(monitor->accel)))
        monitor_print(monitor, "%s is in gear already\n", name);
    else if (accel_shift(monitor->accel, name, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
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

static void dump(struct monitor *monitor, char *args)
{
    struct error err;
    if (!*args)
        monitor_print(monitor, "screendump into which file? NAME.png, .ppm or .txt\n");
    else if (screendump(&monitor->machine->display, args, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

void monitor_info_version(struct monitor *monitor, char *args)
{
    monitor_print(monitor, "clutch %s\n", CLUTCH_VERSION);
}

static void help(struct monitor *monitor, char *args);

void monitor_info_history(struct monitor *monitor, char *args)
{
    for (int i = 0; i < monitor->edit.history_count; i++)
        monitor_print(monitor, "%d: %s\n", i, monitor->edit.history[i]);
}

static const struct monitor_command commands[] = {
    {"help", "[COMMAND]", "this list, or one command; help info [WHAT]: what info knows", help},
    {"info", "WHAT", "show WHAT: registers, pic, mem ... (help info lists them)", monitor_info},
    {"stop", "", "stop the machine", stop},
    {"cont", "", "let it go on", cont},
    {"step", "[N]", "execute so many instructions of the stopped machine, interrupts held off", monitor_step},
    {"break", "ADDRESS", "stop before the instruction at this linear address", monitor_break},
    {"watch", "ADDRESS [LENGTH [r|w|a]]", "stop when memory is read, written (w), accessed in either way", monitor_watch},
    {"delete", "[ADDRESS]", "take breakpoints and watchpoints away", monitor_delete},
    {"gdbserver", "[WHERE|none]", "gdb may reach the guest there: tcp::1234, unix:PATH", monitor_gdbserver},
    {"accel", "NAME", "change gear: the engine that executes from here on: interp, kvm", change_engine},
    {"system_reset", "", "press the reset button", system_reset},
    {"system_powerdown", "", "press the power button", system_powerdown},
    {"nmi", "", "press the NMI button", monitor_nmi},
    {"boot_set", "ORDER", "boot from these from now on: a floppy, c hard disk, d CD-ROM, n network", monitor_boot_set},
    {"sendkey", "KEYS [MS]", "press keys together: ctrl-alt-delete, a, shift-f1", monitor_sendkey},
    {"mouse_move", "DX DY [DZ]", "move the mouse, turn its wheel", monitor_mouse_move},
    {"mouse_button", "STATE", "hold these buttons: sum of 1 left, 2 right, 4 middle", monitor_mouse_button},
    {"joystick", "X Y [X2 Y2 [BUTTONS]]|off", "plug a joystick in and hold it so: -32768 to 32767", monitor_joystick},
    {"change", "[-f] DRIVE FILE [FORMAT [read-only]]", "another disc or floppy; info block lists the drives",
     monitor_change},
    {"eject", "[-f] DRIVE", "take the disc or floppy out; -f: though the guest has locked it", monitor_eject},
    {"screendump", "FILE", "the screen into FILE.png, .ppm or .txt", dump},
    {"x", "/FMT ADDRESS", "memory at a linear address; FMT is count, x d u o c s i, and b h w g", monitor_x},
    {"xp", "/FMT ADDRESS", "memory at a physical address", monitor_xp},
    {"gva2gpa", "ADDRESS", "the physical address of a linear one", monitor_gva2gpa},
    {"i", "/FMT PORT", "read an I/O port", monitor_in},
    {"o", "/FMT PORT VALUE", "write an I/O port", monitor_out},
    {"print", "/FMT EXPRESSION", "numbers and $registers with + and -", monitor_calculate},
    {"log", "LIST", "trace these categories and no others (info trace lists them); none", monitor_log},
    {"logfile", "FILE", "the trace goes there from now on", monitor_logfile},
    {"trace", "CATEGORY on|off", "trace one category more or less", monitor_trace},
    {"version", "", "our version", monitor_info_version},
    {"quit", "", "end the emulator", quit},
    {NULL, NULL, NULL, NULL},
};

/* Short forms that QEMU and gdb have taught. */
static const char *const aliases[][2] = {{"?", "help"}, {"c", "cont"}, {"q", "quit"}, {"h", "help"}};

static void describe(struct monitor *monitor, const char *prefix, const struct monitor_command *command)
{
    char left[64];
    snprintf(left, sizeof(left), "%s%s %s", prefix, command->name, command->args);
    monitor_print(monitor, "%-26s %s\n", left, command->help);
}

static const struct monitor_command *find_in(const struct monitor_command *command, const char *name)
{
    while (command->name && strcmp(command->name, name))
        command++;
    return command->name ? command : NULL;
}

static void list(struct monitor *monitor, const char *prefix, const struct monitor_command *command)
{
    for (; command->name; command++)
        describe(monitor, prefix, command);
}

static const struct monitor_command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (!strcmp(aliases[i][0], name))
            name = aliases[i][1];
    return find_in(commands, name);
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

static void help(struct monitor *monitor, char *args)
{
    char *name = monitor_word(&args);
    bool of_info = !strcmp(name, "info");
    const struct monitor_command *command = of_info ? find_in(monitor_infos, args) : find(name);
    if (command)
        describe(monitor, of_info ? "info " : "", command);
    else if (of_info)
        list(monitor, "info ", monitor_infos);
    else if (*name)
        unknown(monitor, name);
    else
        list(monitor, "", commands);
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
    char copy[LINEEDIT_SIZE];
    snprintf(copy, sizeof(copy), "%s", line);
    char *name = trim(copy);
    char *args = name + strcspn(name, " \t/"); /* x/4xb needs no blank */
    char rest[LINEEDIT_SIZE];
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

static void typed(struct monitor *monitor, u8 byte)
{
    const char *line = lineedit_type(&monitor->edit, byte);
    if (!line)
        return;
    put(monitor, "\n");
    monitor_command(monitor, line);
    if (monitor->machine->state != RUN_QUIT && !monitor->steps)
        put(monitor, PROMPT);
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

void monitor_prompt(struct monitor *monitor)
{
    put(monitor, PROMPT);
    lineedit_redraw(&monitor->edit);
}

static void greet(struct monitor *monitor)
{
    if (!monitor->greeted)
        monitor_print(monitor, "clutch %s monitor; help lists the commands\n", CLUTCH_VERSION);
    monitor->greeted = true;
    monitor_prompt(monitor);
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
    timer_init(&monitor->release, machine->clock, monitor_release_keys, monitor);
    lineedit_init(&monitor->edit, put_line, monitor);
    monitor->stops = (struct accel_listener){.state_changed = monitor_state_changed, .opaque = monitor};
    if (accel)
        accel_listen(accel, &monitor->stops);
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
    if (monitor->accel)
        accel_unlisten(monitor->accel, &monitor->stops);
    memset(&monitor->chr->user, 0, sizeof(monitor->chr->user));
    lineedit_free(&monitor->edit);
    free(monitor->out);
    free(monitor);
}
