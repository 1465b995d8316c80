/*
 * The command line, as one table: every option's spelling, value, help, and what it sets.
 */
#include "ui/options.h"

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "machine/trace.h"
#include "ui/layout.h"
#include "ui/nearest.h"
#include "ui/optvalue.h"
#include "ui/version.h"

enum group { MACHINE, DISKS, LINUX, SCREEN, PORTS, RUNNING, HELP, LATER };

struct option {
    const char *name;
    enum group group;
    const char *value; /* what -help calls it; NULL: it takes none */
    int (*set)(struct options *options, const char *value, struct error *err);
    const char *help; /* NULL: another spelling of the option before it */
};

static int set_drive(struct options *options, const char *option, enum drive_interface interface, int index,
                     const char *file, struct error *err)
{
    struct drive_config drive = {.file = file, .interface = interface, .index = index};
    return optvalue_add_drive(options, option, &drive, err);
}

#define DRIVE_OPTION(name, interface, index)                                                                           \
    static int set_##name(struct options *options, const char *value, struct error *err)                               \
    {                                                                                                                  \
        return set_drive(options, "-" #name, interface, index, value, err);                                            \
    }
DRIVE_OPTION(hda, DRIVE_IDE, 0)
DRIVE_OPTION(hdb, DRIVE_IDE, 1)
DRIVE_OPTION(hdc, DRIVE_IDE, 2)
DRIVE_OPTION(hdd, DRIVE_IDE, 3)
DRIVE_OPTION(fda, DRIVE_FLOPPY, 0)
DRIVE_OPTION(fdb, DRIVE_FLOPPY, 1)

static int set_cdrom(struct options *options, const char *value, struct error *err)
{
    struct drive_config drive = {.file = value, .media = MEDIA_CDROM, .index = 2};
    return optvalue_add_drive(options, "-cdrom", &drive, err);
}

#define STRING_OPTION(name, member)                                                                                    \
    static int set_##name(struct options *options, const char *value, struct error *err)                               \
    {                                                                                                                  \
        options->member = value;                                                                                       \
        return 0;                                                                                                      \
    }
STRING_OPTION(kernel, machine.kernel)
STRING_OPTION(initrd, machine.initrd)
STRING_OPTION(append, machine.append)
STRING_OPTION(bios, machine.bios)
STRING_OPTION(debugcon, machine.debugcon)
STRING_OPTION(pidfile, machine.pidfile)
STRING_OPTION(audiodev, machine.audiodev)
STRING_OPTION(vnc, vnc)
STRING_OPTION(gdb, gdb)
STRING_OPTION(trace_file, trace_file)

#define FLAG_OPTION(name, member)                                                                                      \
    static int set_##name(struct options *options, const char *value, struct error *err)                               \
    {                                                                                                                  \
        options->member = true;                                                                                        \
        return 0;                                                                                                      \
    }
FLAG_OPTION(snapshot, snapshot_all)
FLAG_OPTION(nographic, machine.nographic)
FLAG_OPTION(nodefaults, nodefaults)
FLAG_OPTION(full_screen, full_screen)
FLAG_OPTION(no_confirm, no_confirm)
FLAG_OPTION(no_hpet, machine.no_hpet)
FLAG_OPTION(no_reboot, machine.no_reboot)
FLAG_OPTION(no_shutdown, machine.no_shutdown)
FLAG_OPTION(stopped, machine.start_stopped)

#define HELP_OPTION(name, which)                                                                                       \
    static int set_##name(struct options *options, const char *value, struct error *err)                               \
    {                                                                                                                  \
        options->help = which;                                                                                         \
        return 0;                                                                                                      \
    }
HELP_OPTION(help, HELP_OPTIONS)
HELP_OPTION(version, HELP_VERSION)

static int set_enable_kvm(struct options *options, const char *value, struct error *err)
{
    return optvalue_accel(options, "kvm", err);
}

static int set_gdb_default(struct options *options, const char *value, struct error *err)
{
    options->gdb = "tcp::1234";
    return 0;
}

static int set_directory(struct options *options, const char *value, struct error *err)
{
    struct machine_config *config = &options->machine;
    if (config->firmware_dir_count == CONFIG_MAX_DIRS)
        return error_set(err, EINVAL, "-L: at most %d directories", CONFIG_MAX_DIRS);
    config->firmware_dirs[config->firmware_dir_count++] = value;
    return 0;
}

/* What may follow -display sdl after a comma. */
static int set_sdl(struct options *options, const char *settings, struct error *err)
{
    if (!CONFIG_SDL)
        return error_set(err, EINVAL, "-display sdl: this build has no window (SDL2 was missing when it was configured)");
    if (!strcmp(settings, ",full-screen=on"))
        options->full_screen = true;
    else if (*settings && strcmp(settings, ",full-screen=off"))
        return error_set(err, EINVAL, "-display sdl%s: the only setting is full-screen=on|off", settings);
    return 0;
}

static int set_display(struct options *options, const char *value, struct error *err)
{
    static const char *const displays[] = {"none", "sdl", "curses", NULL};
    static const enum display_type types[] = {DISPLAY_NONE, DISPLAY_SDL, DISPLAY_CURSES};
    char word[16];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(value, ","), value);
    if (!strcmp(word, "gtk") || !strcmp(word, "vnc"))
        return error_set(err, EINVAL, "-display %s is not available; sdl, curses and none work, and so does -vnc :N", word);
    int choice = optvalue_choice("-display", word, displays, err);
    if (choice < 0)
        return choice;
    if (types[choice] == DISPLAY_CURSES && value[strlen(word)])
        return error_set(err, EINVAL, "-display %s: curses has no settings", value);
    options->machine.display = types[choice];
    options->display_given = true;
    return types[choice] == DISPLAY_SDL ? set_sdl(options, value + strcspn(value, ","), err) : 0;
}

static int set_layout(struct options *options, const char *value, struct error *err)
{
    char known[300];
    options->layout = value;
    if (layout_find(value))
        return 0;
    layout_list(known, sizeof(known));
    return error_set(err, EINVAL, "-k %s: unknown keyboard; there are %s", value, known);
}

static int set_joystick(struct options *options, const char *value, struct error *err)
{
    static const char *const sources[] = {"auto", "none", NULL};
    int choice = optvalue_choice("-joystick", value, sources, err);
    options->no_joystick = choice == 1;
    return MIN(choice, 0);
}

static int set_vga(struct options *options, const char *value, struct error *err)
{
    static const char *const cards[] = {"std", "none", "cirrus", NULL};
    static const enum vga_type types[] = {VGA_STD, VGA_NONE, VGA_CIRRUS};
    int choice = optvalue_choice("-vga", value, cards, err);
    if (choice < 0)
        return choice;
    options->machine.vga = types[choice];
    options->vga_given = true;
    return 0;
}

static int set_serial(struct options *options, const char *value, struct error *err)
{
    if (options->serial_count == CONFIG_MAX_SERIALS)
        return error_set(err, EINVAL, "-serial: at most %d ports", CONFIG_MAX_SERIALS);
    options->machine.serial[options->serial_count++] = value;
    return 0;
}

static int set_parallel(struct options *options, const char *value, struct error *err)
{
    options->machine.parallel = value;
    options->parallel_given = true;
    return 0;
}

static int set_monitor(struct options *options, const char *value, struct error *err)
{
    const char *other = options->machine.monitor;
    if (options->monitor_given && other && strcmp(other, "none") && strcmp(value, "none"))
        return error_set(err, EINVAL, "-monitor %s: there is one monitor, and it is at %s already; leave one out",
                         value, other);
    options->machine.monitor = value;
    options->monitor_given = true;
    return 0;
}

static int set_trace(struct options *options, const char *value, struct error *err)
{
    if (!strcmp(value, "help"))
        options->help = HELP_TRACE;
    else if (options->trace_count == OPTIONS_MAX_TRACE)
        return error_set(err, EINVAL, "-d: given too often; -d a,b takes several");
    else
        options->trace[options->trace_count++] = value;
    return 0;
}

/* clang-format off */
static const struct option table[] = {
    {"M", MACHINE, "pc|isapc[,accel=A]", optvalue_machine, "the board: i440FX PC, or ISA only"},
    {"machine", MACHINE, "", optvalue_machine, NULL},
    {"no-hpet", MACHINE, NULL, set_no_hpet, "no high precision event timer"},
    {"cpu", MACHINE, "MODEL[,+F,-F]", optvalue_cpu, "processor model and features (-cpu help)"},
    {"accel", MACHINE, "kvm|interp|auto[,modes=all][,stats=on]", optvalue_accel,
     "engine [interp]; several are tried in order (tcg means interp);\nmodes=all: KVM also executes what this host's gets wrong;\n"
     "stats=on|file:PATH: tables of exits and fallbacks at the end;\nlockstep=A:B[,step=N][,from=N][,count=N][,scan=N]: two, compared\n"
     "(HACKING.md); exit status 8: they differ, 10: nothing was compared"},
    {"enable-kvm", MACHINE, NULL, set_enable_kvm, NULL},
    {"m", MACHINE, "64|64M|1G", optvalue_memory, "memory, in MiB without a unit (128)"},
    {"smp", MACHINE, "1", optvalue_smp, "processors"},
    {"bios", MACHINE, "FILE", set_bios, "firmware image instead of SeaBIOS"},
    {"L", MACHINE, "DIR", set_directory, "look for firmware here first"},
    {"rtc", MACHINE, "base=utc|localtime|DATE[,clock=host|rt|vm]", optvalue_rtc, "clock; vm stands still while the machine is stopped"},
    {"icount", MACHINE, "shift=N[,sleep=off]", optvalue_icount, "time from instructions: 1 takes 2^N ns; runs repeat exactly"},
    {"device", MACHINE, "MODEL[,KEY=VALUE]", optvalue_device, "a plug-in card: sb16[,iobase=,irq=,dma=,dma16=,midi=WHERE], adlib,\n"
     "AC97, mpu401[,iobase=,irq=,midi=WHERE], isa-debug-exit[,iobase=,iosize=] (-device help)"},
    {"smbios", MACHINE, "type=1[,serial=S]...", optvalue_smbios, "what the board calls itself: manufacturer, product, version, serial"},
    {"fw_cfg", MACHINE, "name=N,file=F|string=S", optvalue_fw_cfg, "hand a file or text to firmware and guest"},
    {"nodefaults", MACHINE, NULL, set_nodefaults, "no serial port, monitor or VGA unless asked for"},

    {"hda", DISKS, "FILE", set_hda, "hard disk image; -hdb, -hdc, -hdd are the others"},
    {"hdb", DISKS, "FILE", set_hdb, NULL},
    {"hdc", DISKS, "FILE", set_hdc, NULL},
    {"hdd", DISKS, "FILE", set_hdd, NULL},
    {"cdrom", DISKS, "FILE", set_cdrom, "CD-ROM image"},
    {"fda", DISKS, "FILE", set_fda, "floppy image; -fdb is drive B"},
    {"fdb", DISKS, "FILE", set_fdb, NULL},
    {"drive", DISKS, "file=F[,format=,if=,index=,media=,snapshot=,readonly=]", optvalue_drive, "a disk in detail"},
    {"snapshot", DISKS, NULL, set_snapshot, "images stay as they are; writes are forgotten at the end"},
    {"boot", DISKS, "[order=]cdan[,once=,menu=on,strict=on]", optvalue_boot, "where to boot from"},

    {"kernel", LINUX, "FILE", set_kernel, "boot this Linux or multiboot kernel"},
    {"initrd", LINUX, "FILE", set_initrd, "initial RAM disk; multiboot: \"module args,module\""},
    {"append", LINUX, "TEXT", set_append, "the kernel's command line"},

    {"nographic", SCREEN, NULL, set_nographic, "serial port and monitor on this terminal; Ctrl-A h helps, Ctrl-A x ends"},
    {"display", SCREEN, "sdl|curses|none", set_display,
     "a window (where there is a desktop), this terminal (Ctrl-A h helps), or none"},
    {"vnc", SCREEN, "[ADDRESS]:N|unix:PATH[,password=P|,password-file=F]", set_vnc,
     "screen, keys and pointer for VNC clients on port 5900 + N"},
    {"full-screen", SCREEN, NULL, set_full_screen, "the window takes the whole screen"},
    {"no-confirm", SCREEN, NULL, set_no_confirm, "closing the window ends the guest without a question"},
    {"k", SCREEN, "en-us|en-gb|de|fr|...", set_layout, "the guest's keyboard, for text that is pasted"},
    {"joystick", SCREEN, "auto|none", set_joystick, "whether a game controller is the guest's joystick"},
    {"vga", SCREEN, "std|cirrus|none", set_vga, "graphics card"},
    {"audiodev", SCREEN, "sdl|wav|none[,path=F]", set_audiodev, "where sound goes; wav records it"},

    {"serial", PORTS, "WHERE", set_serial, "COM1; again: COM2, 3, 4.  WHERE is stdio, mon:stdio (with monitor),\n"
     "null, none, file:PATH, pty, tcp:HOST:PORT[,server,nowait], unix:PATH[,server,nowait]"},
    {"parallel", PORTS, "WHERE", set_parallel, "LPT1"},
    {"debugcon", PORTS, "WHERE", set_debugcon, "debug port 402h: SeaBIOS's log"},
    {"monitor", PORTS, "WHERE", set_monitor, "the monitor, which takes commands"},
    {"global", PORTS, "isa-debugcon.iobase=P", optvalue_global, "another debug port (0xe9)\n"
     "VGA.vgamem_mb=N: video memory of -vga std (16)\n"
     "cirrus-vga.vgamem_mb=1|2|4: of -vga cirrus (4)\n"
     "isa-fdc.fdtypeA=360|1200|720|1440|2880: the floppy drive's type, B likewise (that of its disk)"},

    {"S", RUNNING, NULL, set_stopped, "start stopped; the monitor's cont goes on, or gdb's"},
    {"s", RUNNING, NULL, set_gdb_default, "gdb reaches the guest: target remote localhost:1234"},
    {"gdb", RUNNING, "tcp:HOST:PORT|tcp::PORT|unix:PATH|stdio|none", set_gdb, "... there; tcp::PORT is for this host only"},
    {"no-reboot", RUNNING, NULL, set_no_reboot, "end at the guest's reboot"},
    {"no-shutdown", RUNNING, NULL, set_no_shutdown, "stay at the guest's power-off"},
    {"d", RUNNING, "LIST", set_trace, "trace these categories (-d help)"},
    {"D", RUNNING, "FILE", set_trace_file, "into this file"},
    {"name", RUNNING, "TEXT", optvalue_name, "a name for the machine"},
    {"pidfile", RUNNING, "FILE", set_pidfile, "write our process id there"},

    {"help", HELP, NULL, set_help, "this"},
    {"h", HELP, NULL, set_help, NULL},
    {"version", HELP, NULL, set_version, "version"},

    {"nic", LATER, "", NULL, NULL}, {"netdev", LATER, "", NULL, NULL}, {"net", LATER, "", NULL, NULL},
    {"usb", LATER, NULL, NULL, NULL}, {"usbdevice", LATER, "", NULL, NULL},
    {"qmp", LATER, "", NULL, NULL}, {"chardev", LATER, "", NULL, NULL}, {"mon", LATER, "", NULL, NULL},
    {"action", LATER, "", NULL, NULL},
    {"loadvm", LATER, "", NULL, NULL}, {"incoming", LATER, "", NULL, NULL}, {"dfilter", LATER, "", NULL, NULL},
    {"trace", LATER, "", NULL, NULL}, {"daemonize", LATER, NULL, NULL, NULL}, {"uuid", LATER, "", NULL, NULL},
    {"seed", LATER, "", NULL, NULL}, {"readconfig", LATER, "", NULL, NULL}, {"object", LATER, "", NULL, NULL},
    {"blockdev", LATER, "", NULL, NULL}, {"dtb", LATER, "", NULL, NULL},
    {"watchdog", LATER, "", NULL, NULL}, {"runas", LATER, "", NULL, NULL}, {"sandbox", LATER, "", NULL, NULL},
    {"script", LATER, "", NULL, NULL}, {"expect", LATER, "", NULL, NULL}, {"send", LATER, "", NULL, NULL},
};
/* clang-format on */

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

static int unknown_option(const char *argument, const char *name, struct error *err)
{
    const char *names[ARRAY_SIZE(table) + 1];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].group != LATER)
            names[count++] = table[i].name;
    names[count] = NULL;
    const char *similar = nearest(name, names);
    return error_set(err, EINVAL,
                     similar ? "unknown option '%s' (did you mean -%s?)" : "unknown option '%s'; try -help", argument,
                     similar);
}

/* Handles argv[i]; returns how many arguments it took, or -EINVAL and err. */
static int take(struct options *options, char **argv, struct error *err)
{
    const char *argument = argv[0];
    if (argument[0] != '-' || !argument[1]) {
        int r = set_hda(options, argument, err); /* a bare file is a disk */
        return r < 0 ? r : 1;
    }
    const char *name = argument + (argument[1] == '-' ? 2 : 1);
    const struct option *option = find(name);
    if (!option)
        return unknown_option(argument, name, err);
    if (option->group == LATER)
        return error_set(err, EINVAL, "%s is not available yet; -help lists what is", argument);
    if (option->value && !argv[1])
        return error_set(err, EINVAL, "%s needs a value%s%s", argument, *option->value ? ": " : "", option->value);
    int r = option->set(options, argv[1], err);
    return r < 0 ? r : option->value ? 2 : 1;
}

/* Where there is a desktop a window opens, unless the user wants something else. */
static void default_display(struct options *options)
{
    struct machine_config *config = &options->machine;
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool desktop = CONFIG_SDL && ((x11 && *x11) || (wayland && *wayland));
    if (!options->display_given && !config->nographic)
        config->display = desktop && !options->vnc ? DISPLAY_SDL : DISPLAY_NONE;
    if (config->display == DISPLAY_SDL && !config->audiodev) { /* who sees the guest may hear it */
        config->audiodev = "sdl";
        config->audiodev_optional = true;
    }
}

static bool wants_terminal(const char *spec)
{
    return spec && (!strcmp(spec, "stdio") || !strcmp(spec, "mon:stdio"));
}

/* Where the streams go that the user said nothing about. */
static void default_streams(struct options *options)
{
    struct machine_config *config = &options->machine;
    bool serial_given = options->serial_count > 0 || options->nodefaults;
    bool monitor_given = options->monitor_given || options->nodefaults;
    options->terminal_by_default = config->display != DISPLAY_SDL && !config->nographic && !options->display_given &&
                                   !serial_given && !monitor_given && !config->debugcon && !options->vnc &&
                                   !wants_terminal(options->gdb);
    if (config->nographic || options->terminal_by_default) {
        if (!serial_given)
            config->serial[0] = monitor_given ? "stdio" : "mon:stdio";
        else if (!monitor_given)
            config->monitor = "stdio";
    } else if (!serial_given) {
        config->serial[0] = "null";
    }
    if (!options->parallel_given && !options->nodefaults)
        config->parallel = "null";
    /* A monitor that serial port and terminal share comes with the serial port. */
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++)
        if (config->serial[i] && !strncmp(config->serial[i], "mon:", 4) && config->monitor &&
            !strcmp(config->monitor, "stdio"))
            config->monitor = NULL;
}

static int check_memory(const struct machine_config *config, struct error *err)
{
    bool isapc = config->machine == MACHINE_ISAPC;
    u64 most = isapc ? RAM_MAX_ISAPC : RAM_MAX_PC;
    if (config->ram_size < RAM_MIN)
        return error_set(err, EINVAL, "-m: at least 1M of memory");
    if (config->ram_size > most)
        return error_set(err, EINVAL, "-m: at most %lluM of memory on %s", (unsigned long long)most >> 20,
                         isapc ? "isapc" : "pc");
    if (config->ram_size & 4095)
        return error_set(err, EINVAL, "-m: memory comes in multiples of 4K");
    return 0;
}

static int check_drives(struct options *options, struct error *err)
{
    for (int i = 0; i < options->machine.drive_count; i++) {
        struct drive_config *drive = &options->machine.drives[i];
        drive->snapshot |= options->snapshot_all;
        if (drive->format && strcmp(drive->format, "raw") && strcmp(drive->format, "cue"))
            return error_set(err, EINVAL, "%s images are not available yet (%s)", drive->format, drive->file);
    }
    return 0;
}

static int check_cpu(const struct machine_config *config, struct error *err)
{
    const char *const *names = cpu_model_names();
    return config->cpu_model ? MIN(optvalue_choice("-cpu", config->cpu_model, names, err), 0) : 0;
}

static int check_kernel(const struct machine_config *config, struct error *err)
{
    if (!config->kernel && (config->initrd || config->append))
        return error_set(err, EINVAL, "%s needs -kernel", config->initrd ? "-initrd" : "-append");
    return 0;
}

static int check_time(const struct machine_config *config, struct error *err)
{
    bool of_host = config->rtc_clock == RTC_CLOCK_HOST || config->rtc_clock == RTC_CLOCK_RT;
    if (config->icount_shift >= 0 && of_host)
        return error_set(err, EINVAL, "-rtc clock=%s: under -icount runs repeat, so the clock is clock=vm",
                         config->rtc_clock == RTC_CLOCK_RT ? "rt" : "host");
    return 0;
}

/* Lockstep's time is that of instructions unless the user says otherwise: else the guest, which it slows down, sees its
 * timers race, and no run is like another. */
static void default_time(struct machine_config *config)
{
    if (config->lockstep && config->icount_shift < 0)
        config->icount_shift = 0;
}

static int check_boot(const struct machine_config *config, struct error *err)
{
    if (config->boot_strict && *config->boot_once)
        return error_set(err, EINVAL, "-boot: strict=on goes with order=, not with once=");
    if (config->boot_strict && config->machine == MACHINE_ISAPC)
        return error_set(err, EINVAL, "-boot strict=on: the BIOS cannot do it on isapc");
    return 0;
}

/* The option whose stream would share standard input and output, or NULL. */
static const char *who_wants_terminal(const struct machine_config *config)
{
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++)
        if (wants_terminal(config->serial[i]))
            return "-serial";
    for (int i = 0; i < config->sound_count; i++)
        if (wants_terminal(config->sounds[i].midi))
            return config->sounds[i].card == SOUND_SB16 ? "-device sb16,midi=" : "-device mpu401,midi=";
    return wants_terminal(config->monitor)    ? "-monitor"
           : wants_terminal(config->debugcon) ? "-debugcon"
           : wants_terminal(config->parallel) ? "-parallel"
                                              : NULL;
}

/* -display curses has the terminal for itself. */
static int check_terminal(const struct options *options, struct error *err)
{
    const struct machine_config *config = &options->machine;
    const char *who = wants_terminal(options->gdb) ? "-gdb" : who_wants_terminal(config);
    if (wants_terminal(options->gdb) && who_wants_terminal(config))
        return error_set(err, EINVAL, "%s and -gdb both want this terminal; give one of them", who_wants_terminal(config));
    if (config->display != DISPLAY_CURSES)
        return 0;
    if (config->nographic)
        return error_set(err, EINVAL, "-nographic and -display curses both want this terminal; give one of them");
    if (who)
        return error_set(err, EINVAL, "%s stdio: the screen has this terminal (-display curses), with a monitor behind "
                                      "Ctrl-A c; pty, tcp:, unix: and file: work", who);
    if (options->trace_count && !options->trace_file)
        return error_set(err, EINVAL, "-d: the screen has this terminal (-display curses); add -D FILE");
    return 0;
}

static int finish(struct options *options, struct error *err)
{
    struct machine_config *config = &options->machine;
    default_display(options);
    default_streams(options);
    default_time(config);
    if (options->nodefaults && !options->vga_given)
        config->vga = VGA_NONE;
    int r = check_memory(config, err);
    if (r == 0)
        r = check_drives(options, err);
    if (r == 0)
        r = check_cpu(config, err);
    if (r == 0)
        r = check_kernel(config, err);
    if (r == 0)
        r = check_time(config, err);
    if (r == 0)
        r = check_boot(config, err);
    if (r == 0)
        r = check_terminal(options, err);
    return r;
}

int options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    *options = (struct options){
        .machine =
            {
                .ram_size = RAM_DEFAULT,
                .cpus = 1,
                .icount_shift = -1,
                .icount_sleep = true,
                .boot_retry_wait = UINT32_MAX,
                .debugcon_port = 0x402,
                .debug_exit_port = 0x501,
                .debug_exit_size = 2,
            },
    };
    for (int i = 1; i < argc;) {
        int taken = take(options, argv + i, err);
        if (taken < 0)
            return taken;
        if (options->help)
            return 0;
        i += taken;
    }
    return finish(options, err);
}

void options_free(struct options *options)
{
    while (options->string_count)
        free(options->strings[--options->string_count]);
}

/* --- help ------------------------------------------------------------------------------------------------------- */

static void print_list(const char *title, const char *const *names)
{
    printf("%s:", title);
    for (; *names; names++)
        printf(" %s", *names);
    putchar('\n');
}

static void print_option(const struct option *option)
{
    char left[80];
    snprintf(left, sizeof(left), "-%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
    if (strlen(left) > 30)
        printf("  %s\n  %-30s  ", left, "");
    else
        printf("  %-30s  ", left);
    for (const char *p = option->help; *p; p++) {
        putchar(*p);
        if (*p == '\n')
            printf("  %-30s  ", "");
    }
    putchar('\n');
}

static void print_options(void)
{
    static const char *const titles[] = {"Machine", "Disks", "Starting a kernel without a disk", "Screen", "Ports",
                                         "Running", "Help"};
    printf("Usage: clutch [options] [disk image]\n       clutch bench --help\n");
    for (int group = MACHINE; group <= HELP; group++) {
        printf("\n%s\n", titles[group]);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
            if (table[i].group == (enum group)group && table[i].help)
                print_option(&table[i]);
    }
    printf("\nExit status: 0 the guest powered off, 1 wrong use; 8 engines in lockstep differ;\ndocs/EXIT-STATUS.md has the others.\n");
}

void options_print_help(const struct options *options)
{
    switch (options->help) {
    case HELP_OPTIONS: print_options(); break;
    case HELP_VERSION: printf("clutch %s\n", CLUTCH_VERSION); break;
    case HELP_CPUS: print_list("-cpu", cpu_model_names()); break;
    case HELP_MACHINES: print_list("-M", optvalue_machines); break;
    case HELP_ACCELS: print_list("-accel", optvalue_accels); break;
    case HELP_DEVICES: print_list("-device", optvalue_devices); break;
    case HELP_TRACE: trace_help(); break;
    case HELP_NONE: break;
    }
}
