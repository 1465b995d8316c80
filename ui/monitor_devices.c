/*
 * The monitor's hands on the machine: keys, mouse, discs, boot order, NMI.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/disc.h"
#include "machine/pc/pc.h"
#include "ui/monitor_commands.h"

#define KEY_HOLD_NS 100000000ull

/* --- keyboard and mouse ------------------------------------------------------------------------------------------ */

void monitor_release_keys(void *opaque)
{
    struct monitor *monitor = opaque;
    while (monitor->key_count)
        input_key(&monitor->machine->input, monitor->keys[--monitor->key_count], false);
}

/* ctrl-alt-delete, or a hexadecimal set 1 code as 0x1c; then how many milliseconds to hold them. */
void monitor_sendkey(struct monitor *monitor, char *args)
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
    monitor_release_keys(monitor);
    for (int i = 0; i < count; i++) {
        monitor->keys[monitor->key_count++] = keys[i];
        input_key(&monitor->machine->input, keys[i], true);
    }
    timer_set(&monitor->release, clock_ns(monitor->machine->clock) + ns);
}

/* Whole numbers, all of the line; false, with a message, if it is something else. */
static bool numbers(struct monitor *monitor, char *args, int *value, int least, int most, const char *usage)
{
    bool good = true;
    int count = 0;
    while (*args && count < most && good) {
        char *end;
        value[count++] = (int)strtol(monitor_word(&args), &end, 0);
        good = !*end;
    }
    if (good && !*args && count >= least)
        return true;
    monitor_print(monitor, "write it as: %s\n", usage);
    return false;
}

void monitor_mouse_move(struct monitor *monitor, char *args)
{
    int move[3] = {0};
    if (numbers(monitor, args, move, 2, 3, "mouse_move DX DY [DZ]"))
        input_pointer(&monitor->machine->input, move[0], move[1], move[2], monitor->buttons);
}

void monitor_mouse_button(struct monitor *monitor, char *args)
{
    int state;
    if (!numbers(monitor, args, &state, 1, 1, "mouse_button STATE (sum of 1 left, 2 right, 4 middle)"))
        return;
    monitor->buttons = (unsigned)state & 7;
    input_pointer(&monitor->machine->input, 0, 0, 0, monitor->buttons);
}

void monitor_joystick(struct monitor *monitor, char *args)
{
    int values[INPUT_JOYSTICK_AXES + 1] = {0};
    i16 axes[INPUT_JOYSTICK_AXES];
    if (!strcmp(args, "off")) {
        input_joystick_set(&monitor->machine->input, NULL, 0);
        return;
    }
    if (!numbers(monitor, args, values, 2, ARRAY_SIZE(values), "joystick X Y [X2 Y2 [BUTTONS]], or joystick off"))
        return;
    for (int i = 0; i < INPUT_JOYSTICK_AXES; i++)
        axes[i] = (i16)MAX(-32768, MIN(values[i], 32767));
    input_joystick_set(&monitor->machine->input, axes, (unsigned)values[INPUT_JOYSTICK_AXES]);
}

/* --- drives ------------------------------------------------------------------------------------------------------- */

/* Takes -f off the front. */
static bool forced(char **args)
{
    if (strncmp(*args, "-f", 2) || ((*args)[2] && (*args)[2] != ' '))
        return false;
    *args += 2;
    return true;
}

void monitor_change(struct monitor *monitor, char *args)
{
    struct error err;
    bool force = forced(&args);
    char *name = monitor_word(&args), *file = monitor_word(&args), *format = monitor_word(&args);
    char *mode = monitor_word(&args);
    struct pc_medium medium = {.file = file, .format = *format ? format : NULL, .readonly = !strcmp(mode, "read-only")};
    if (!*file || *args || (*mode && strcmp(mode, "retain") && strcmp(mode, "read-write") && !medium.readonly))
        monitor_print(monitor, "write it as: change [-f] DRIVE FILE [FORMAT [read-only|read-write]]\n");
    else if (pc_change(monitor->machine, name, &medium, force, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

void monitor_eject(struct monitor *monitor, char *args)
{
    struct error err;
    bool force = forced(&args);
    char *name = monitor_word(&args);
    if (!*name || *args)
        monitor_print(monitor, "write it as: eject [-f] DRIVE\n");
    else if (pc_eject(monitor->machine, name, force, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

static void print_medium(struct monitor *monitor, const struct block *block)
{
    struct block_stats stats;
    const struct disc *disc = block_disc(block);
    block_stats(block, &stats);
    monitor_print(monitor, "%s, ", block_file(block));
    if (disc)
        monitor_print(monitor, "%d tracks, %u:%02u minutes", disc->count, disc->lead_out / (75 * 60),
                      disc->lead_out / 75 % 60);
    else
        monitor_print(monitor, "%llu KiB", (unsigned long long)block_sectors(block) / 2);
    monitor_print(monitor, "%s\n", block_readonly(block) ? ", read-only" : "");
    monitor_print(monitor, "    %llu reads of %llu bytes, %llu writes of %llu bytes, %llu flushes\n",
                  (unsigned long long)stats.reads, (unsigned long long)stats.read_bytes,
                  (unsigned long long)stats.writes, (unsigned long long)stats.written_bytes,
                  (unsigned long long)stats.flushes);
}

void monitor_info_block(struct monitor *monitor, char *args)
{
    struct pc_drive drives[PC_DRIVES];
    int count = monitor->machine->board ? pc_drives(monitor->machine, drives) : 0;
    for (int i = 0; i < count; i++) {
        const struct pc_drive *drive = &drives[i];
        monitor_print(monitor, "%s%s%s: ", drive->name, drive->id ? " or " : "", drive->id ? drive->id : "");
        if (drive->block)
            print_medium(monitor, drive->block);
        else
            monitor_print(monitor, "empty\n");
        if (drive->removable)
            monitor_print(monitor, "    removable, %slocked, tray %s\n", drive->locked ? "" : "not ",
                          drive->tray_open ? "open" : "closed");
    }
    if (!count)
        monitor_print(monitor, "no drives\n");
}

/* --- the board ---------------------------------------------------------------------------------------------------- */

void monitor_boot_set(struct monitor *monitor, char *args)
{
    struct error err;
    if (pc_boot_set(monitor->machine, args, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

void monitor_nmi(struct monitor *monitor, char *args)
{
    if (!pc_nmi(monitor->machine))
        monitor_print(monitor, "the guest has shut NMIs off at port 70h\n");
}

void monitor_info_irq(struct monitor *monitor, char *args)
{
    u64 counts[16];
    pc_irq_counts(monitor->machine, counts);
    monitor_print(monitor, "interrupts by their IRQ, since power-on:\n");
    for (int irq = 0; irq < 16; irq++)
        if (counts[irq])
            monitor_print(monitor, "%2d: %llu\n", irq, (unsigned long long)counts[irq]);
}
