/*
 * Inside the monitor: what its commands work with.  Everybody else includes ui/monitor.h.
 */
#ifndef UI_MONITOR_COMMANDS_H
#define UI_MONITOR_COMMANDS_H

#include "ui/monitor.h"

#define MONITOR_LINE 512
#define MONITOR_KEYS 8

struct monitor {
    struct machine *machine;
    struct accel *accel;
    struct chardev *chr;
    char line[MONITOR_LINE]; /* being typed */
    size_t length;
    bool after_cr; /* LF after CR is the same Enter */
    bool greeted;
    char *out; /* what chr has not taken yet */
    size_t out_length, out_capacity;
    int keys[MONITOR_KEYS]; /* held down by sendkey */
    int key_count;
    struct timer release;
};

/* args: what follows the command's name, without blanks at either end; never NULL. */
struct monitor_command {
    const char *name;
    const char *args;
    const char *help;
    void (*run)(struct monitor *monitor, char *args);
};

/* `out` is the monitor; the shape that device_ops.info and cpu_print_state want. */
void monitor_print(void *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

extern const struct monitor_command monitor_infos[]; /* info NAME; ends with a NULL name */
void monitor_info(struct monitor *monitor, char *args);
void monitor_x(struct monitor *monitor, char *args);
void monitor_xp(struct monitor *monitor, char *args);
void monitor_in(struct monitor *monitor, char *args);
void monitor_out(struct monitor *monitor, char *args);
void monitor_info_mem(struct monitor *monitor, char *args);

#endif
