/*
 * The monitor as a small debugger: break, watch, delete, step, info breakpoints; and the server for a large one, gdbserver.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "ui/gdb/gdb.h"
#include "ui/monitor_commands.h"

#define STEPS_MAX 10000

static const char *const kinds[] = {[POINT_EXECUTE] = "execute", [POINT_WRITE] = "write", [POINT_READ] = "read",
                                    [POINT_ACCESS] = "access"};

/* --- points --- */

static bool can_debug(struct monitor *monitor)
{
    struct error err = {"there is no processor"};
    if (monitor->accel && monitor_cpu(monitor) && accel_can_debug(monitor->accel, &err) == 0)
        return true;
    monitor_print(monitor, "%s\n", err.text);
    return false;
}

static void add(struct monitor *monitor, const struct point *point)
{
    if (debugger_add(monitor_cpu(monitor), point) < 0)
        monitor_print(monitor, "there is no room for more; delete takes some away\n");
}

void monitor_break(struct monitor *monitor, char *args)
{
    struct point point = {.kind = POINT_EXECUTE, .length = 1, .owner = POINT_OF_MONITOR};
    if (!*args)
        monitor_info_breakpoints(monitor, args);
    else if (can_debug(monitor) && monitor_expression(monitor, args, &point.address))
        add(monitor, &point);
}

/* ADDRESS [LENGTH [r|w|a]] */
void monitor_watch(struct monitor *monitor, char *args)
{
    struct point point = {.kind = POINT_WRITE, .length = 4, .owner = POINT_OF_MONITOR};
    char *address = monitor_word(&args), *length = monitor_word(&args), *kind = monitor_word(&args);
    u64 bytes = 4;
    if (!can_debug(monitor) || !monitor_expression(monitor, address, &point.address) ||
        (*length && !monitor_expression(monitor, length, &bytes)))
        return;
    if (bytes < 1 || bytes > 8 || strlen(kind) > 1 || !strchr("rwa", *kind)) {
        monitor_print(monitor, "write it as: watch ADDRESS [LENGTH [r|w|a]], LENGTH 1 to 8\n");
        return;
    }
    point.length = (u8)bytes;
    point.kind = *kind == 'r' ? POINT_READ : *kind == 'a' ? POINT_ACCESS : POINT_WRITE;
    add(monitor, &point);
}

/* All of ours, or those at an address. */
void monitor_delete(struct monitor *monitor, char *args)
{
    struct cpu *cpu = monitor_cpu(monitor);
    u64 address = 0;
    bool found = false;
    if (!can_debug(monitor) || (*args && !monitor_expression(monitor, args, &address)))
        return;
    for (unsigned i = cpu->debugger.count; i--;) {
        struct point point = cpu->debugger.points[i];
        if (point.owner == POINT_OF_MONITOR && (!*args || point.address == address))
            found |= debugger_remove(cpu, &point) == 0;
    }
    if (!found)
        monitor_print(monitor, "there is none%s\n", *args ? " at this address" : "");
}

void monitor_info_breakpoints(struct monitor *monitor, char *args)
{
    const struct cpu *cpu = monitor_cpu(monitor);
    const char *server = gdb_where();
    for (unsigned i = 0; cpu && i < cpu->debugger.count; i++) {
        const struct point *point = &cpu->debugger.points[i];
        monitor_print(monitor, "%-7s %08llx, %u byte%s%s\n", kinds[point->kind], (unsigned long long)point->address,
                      point->length, point->length == 1 ? "" : "s", point->owner == POINT_OF_GDB ? ", of gdb" : "");
    }
    if (!cpu || !cpu->debugger.count)
        monitor_print(monitor, "no breakpoints\n");
    monitor_print(monitor, "gdb server: %s\n", server ? server : "none");
}

/* --- steps and stops --- */

struct short_dump {
    struct monitor *monitor;
    bool done;
};

/* cpu_print_state up to the line of the instruction pointer. */
static void print_general(void *out, const char *fmt, ...)
{
    struct short_dump *dump = out;
    char text[256];
    va_list args;
    if (dump->done)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    monitor_print(dump->monitor, "%s", text);
    dump->done = strstr(text, "IP=") && strchr(text, '\n');
}

void monitor_step(struct monitor *monitor, char *args)
{
    u64 count = 1;
    if (!can_debug(monitor) || (*args && !monitor_expression(monitor, args, &count)))
        return;
    if (monitor->machine->state != RUN_STOPPED) {
        monitor_print(monitor, "the machine is running: stop it first\n");
        return;
    }
    if (count < 1 || count > STEPS_MAX) {
        monitor_print(monitor, "1 to %d steps at a time\n", STEPS_MAX);
        return;
    }
    monitor->steps = (unsigned)count;
    accel_step(monitor->accel, false);
}

static void show_place(struct monitor *monitor, const struct accel_stop *stop)
{
    struct short_dump dump = {.monitor = monitor};
    const struct point *point = &stop->point;
    if (stop->reason == ACCEL_STOP_BREAKPOINT)
        monitor_print(monitor, "breakpoint at %08llx\n", (unsigned long long)point->address);
    else if (stop->reason == ACCEL_STOP_WATCHPOINT)
        monitor_print(monitor, "watchpoint (%s) at %08llx\n", kinds[point->kind], (unsigned long long)point->address);
    if (!monitor->steps)
        cpu_print_state(monitor_cpu(monitor), print_general, &dump);
    monitor_show_code(monitor);
}

/* Steps go on; else a stop at one of our points is told, in the middle of a line if need be. */
void monitor_state_changed(void *opaque)
{
    struct monitor *monitor = opaque;
    struct accel_stop stop = accel_last_stop(monitor->accel);
    bool stepping = monitor->steps, stepped = stop.reason == ACCEL_STOP_STEP;
    bool hit = stop.reason == ACCEL_STOP_BREAKPOINT || stop.reason == ACCEL_STOP_WATCHPOINT;
    if (monitor->machine->state != RUN_STOPPED || !(stepping || (hit && stop.point.owner == POINT_OF_MONITOR)))
        return;
    monitor->steps = stepped ? monitor->steps - 1 : 0;
    if (!stepping)
        monitor_print(monitor, "\n");
    accel_pause(monitor->accel);
    show_place(monitor, &stop);
    accel_resume(monitor->accel);
    if (monitor->steps)
        accel_step(monitor->accel, false);
    else
        monitor_prompt(monitor);
}

/* --- gdb --- */

void monitor_gdbserver(struct monitor *monitor, char *args)
{
    struct error err;
    if (!monitor->accel)
        monitor_print(monitor, "there is no processor\n");
    else if (gdb_start(monitor->machine, monitor->accel, *args ? args : GDB_DEFAULT, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
    else
        monitor_print(monitor, gdb_where() ? "gdb reaches the guest at %s\n" : "gdb does not reach the guest any more\n",
                      gdb_where());
}
