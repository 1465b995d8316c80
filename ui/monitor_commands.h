/*
 * Inside the monitor: what its commands work with.  Everybody else includes ui/monitor.h.
 */
#ifndef UI_MONITOR_COMMANDS_H
#define UI_MONITOR_COMMANDS_H

#include "ui/lineedit.h"
#include "ui/monitor.h"

#define MONITOR_KEYS 8

struct monitor {
    struct machine *machine;
    struct accel *accel;
    struct chardev *chr;
    struct lineedit edit;
    bool greeted;
    char *out; /* what chr has not taken yet */
    size_t out_length, out_capacity;
    int keys[MONITOR_KEYS]; /* held down by sendkey */
    int key_count;
    struct timer release;
    unsigned buttons; /* of the mouse, as mouse_button left them */
    unsigned steps;   /* still to be made by step; the prompt comes after them */
    struct accel_listener stops;
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
/* Takes the next word off *args; "" if there is none.  "Quotes" hold a word with blanks together. */
char *monitor_word(char **args);
/* Numbers and $registers with + and - between them.  False, with a message, if text is something else. */
bool monitor_expression(struct monitor *monitor, char *text, u64 *value);
/* The prompt, and the line under way behind it. */
void monitor_prompt(struct monitor *monitor);
/* CPU 0, or NULL. */
struct cpu *monitor_cpu(struct monitor *monitor);

extern const struct monitor_command monitor_infos[]; /* info NAME; ends with a NULL name */
void monitor_info(struct monitor *monitor, char *args);
void monitor_info_version(struct monitor *monitor, char *args);
void monitor_info_history(struct monitor *monitor, char *args);

/* monitor_devices.c */
void monitor_sendkey(struct monitor *monitor, char *args);
void monitor_release_keys(void *monitor);
void monitor_mouse_move(struct monitor *monitor, char *args);
void monitor_mouse_button(struct monitor *monitor, char *args);
void monitor_joystick(struct monitor *monitor, char *args);
void monitor_change(struct monitor *monitor, char *args);
void monitor_eject(struct monitor *monitor, char *args);
void monitor_boot_set(struct monitor *monitor, char *args);
void monitor_nmi(struct monitor *monitor, char *args);
void monitor_info_block(struct monitor *monitor, char *args);
void monitor_info_irq(struct monitor *monitor, char *args);

/* monitor_trace.c */
void monitor_log(struct monitor *monitor, char *args);
void monitor_logfile(struct monitor *monitor, char *args);
void monitor_trace(struct monitor *monitor, char *args);
void monitor_info_trace(struct monitor *monitor, char *args);

/* monitor_memory.c */
void monitor_x(struct monitor *monitor, char *args);
void monitor_xp(struct monitor *monitor, char *args);
void monitor_in(struct monitor *monitor, char *args);
void monitor_out(struct monitor *monitor, char *args);
void monitor_calculate(struct monitor *monitor, char *args);

/* At $pc, one instruction. */
void monitor_show_code(struct monitor *monitor);

/* monitor_debug.c */
void monitor_break(struct monitor *monitor, char *args);
void monitor_watch(struct monitor *monitor, char *args);
void monitor_delete(struct monitor *monitor, char *args);
void monitor_step(struct monitor *monitor, char *args);
void monitor_gdbserver(struct monitor *monitor, char *args);
void monitor_info_breakpoints(struct monitor *monitor, char *args);
void monitor_state_changed(void *monitor);

/* monitor_paging.c */
void monitor_gva2gpa(struct monitor *monitor, char *args);
void monitor_info_mem(struct monitor *monitor, char *args);
void monitor_info_tlb(struct monitor *monitor, char *args);

#endif
