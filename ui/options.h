/*
 * The command line: QEMU's spellings, one table (ui/options.c), a machine configuration out of it.
 */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include "machine/error.h"
#include "machine/pc/config.h"

/* What the user only wants to read. */
enum options_help {
    HELP_NONE,
    HELP_OPTIONS,
    HELP_VERSION,
    HELP_CPUS,
    HELP_MACHINES,
    HELP_ACCELS,
    HELP_DEVICES,
    HELP_TRACE,
};

#define OPTIONS_MAX_STRINGS 256
#define OPTIONS_MAX_TRACE 16

struct options {
    struct machine_config machine;
    enum options_help help;
    bool terminal_by_default;             /* no window here and nothing said otherwise: as with -nographic */
    bool full_screen, no_confirm, no_joystick; /* of the window */
    const char *vnc;    /* -vnc, or NULL */
    const char *gdb;    /* -gdb, -s, or NULL */
    const char *layout;                   /* -k, or NULL */
    const char *trace[OPTIONS_MAX_TRACE]; /* each -d */
    int trace_count;
    const char *trace_file; /* -D */
    /* While parsing. */
    int serial_count;
    bool parallel_given, monitor_given, display_given, vga_given, nodefaults, snapshot_all;
    char *strings[OPTIONS_MAX_STRINGS]; /* what the configuration points into */
    int string_count;
};

/* 0, or -EINVAL and err.  argv must outlive the options. */
int options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_free(struct options *options);
/* Prints what options->help asks for to standard output. */
void options_print_help(const struct options *options);

#endif
