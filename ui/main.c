/*
 * The program: command line in, machine on, the main thread's loop until it ends, exit status out.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "machine/pc/pc.h"
#include "machine/trace.h"
#include "ui/bench.h"
#include "ui/command.h"
#include "ui/gdb/gdb.h"
#include "ui/monitor.h"
#include "ui/options.h"
#include "ui/term/terminal.h"
#include "ui/vnc.h"
#include "ui/window.h"

/* docs/EXIT-STATUS.md.  isa-debug-exit gives odd numbers, so ours are even, except for wrong use. */
enum {
    STATUS_OK = 0,
    STATUS_USER_ERROR = 1,
    STATUS_TRIPLE_FAULT = 4,
    STATUS_INTERNAL = 6,
    STATUS_DIFFER = 8, /* lockstep */
    STATUS_NOTHING_COMPARED = 10,
    STATUS_SIGNAL = 128,
};

struct program {
    struct options options;
    struct machine *machine;
    struct accel *accel;
    struct monitor *monitor;
    struct window *window;
    struct terminal *terminal;
    struct vnc *vnc;
    struct loop_watch *signals;
    int signal; /* that ended us */
    int argc;
    char **argv;
    char *command; /* that repeats a lockstep run */
    bool has_pidfile;
};

/* --- signals ----------------------------------------------------------------------------------------------------- */

static int signal_pipe[2];
static volatile sig_atomic_t signalled;

/* The first one ends the machine in order; the second one ends us at once. */
static void on_signal(int number)
{
    int code = errno;
    char byte = number;
    if (signalled++) {
        chardev_restore_terminal();
        terminal_restore();
        signal(number, SIG_DFL);
        raise(number);
    }
    if (write(signal_pipe[1], &byte, 1) < 0)
        signal(number, SIG_DFL);
    errno = code;
}

static void take_signal(void *opaque, short events)
{
    struct program *program = opaque;
    char number;
    if (read(signal_pipe[0], &number, 1) != 1)
        return;
    program->signal = number;
    program->machine->state = RUN_QUIT;
    machine_kick(program->machine);
}

static void catch_signals(struct program *program)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN}, now;
    sigaction(SIGPIPE, &ignore, NULL); /* writes say EPIPE instead */
    sigaction(SIGXFSZ, &ignore, NULL); /* writes say EFBIG instead (ulimit -f) */
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) /* nohup stays in force */
            sigaction(ending[i], &action, NULL);
}

/* --- start and end ----------------------------------------------------------------------------------------------- */

static int start_trace(const struct options *options, struct error *err)
{
    int r = 0;
    for (int i = 0; i < options->trace_count && r == 0; i++)
        r = trace_select(options->trace[i], err);
    if (r == 0 && options->trace_file)
        r = trace_open(options->trace_file, err);
    return r;
}

static int write_pidfile(struct program *program, struct error *err)
{
    const char *path = program->options.machine.pidfile;
    FILE *file = path ? fopen(path, "we") : NULL;
    if (!path)
        return 0;
    program->has_pidfile = file != NULL;
    if (!file || fprintf(file, "%ld\n", (long)getpid()) < 0 || fclose(file) != 0)
        return error_set(err, errno, "-pidfile %s: %s", path, strerror(errno));
    return 0;
}

/* -accel: what the user would have, in order. */
static void list_engines(const struct machine_config *config, const char *wanted[CONFIG_MAX_ACCELS])
{
    static const char *const names[] = {[ACCEL_AUTO] = "auto", [ACCEL_INTERP] = "interp", [ACCEL_KVM] = "kvm"};
    for (int i = 0; i < config->accel_count; i++)
        wanted[i] = names[config->accels[i]];
}

/* Only lockstep wants it.  NULL: it will not tell how a run is repeated. */
static const char *repeat_command(struct program *program)
{
    const struct machine_config *config = &program->options.machine;
    if (!config->lockstep)
        return NULL;
    program->command = config->rtc_base == RTC_DATE
                           ? command_quoted(program->argc, program->argv)
                           : command_dated(program->argc, program->argv, clock_epoch(program->machine->clock));
    return program->command;
}

static int plug_in_cpu(struct program *program, struct error *err)
{
    const struct machine_config *config = &program->options.machine;
    struct accel_options options = {
        .cpu_model = config->cpu_model ? config->cpu_model : config->machine == MACHINE_ISAPC ? "486" : CPU_DEFAULT_MODEL,
        .cpu_features = config->cpu_features,
        .kvm_all_modes = config->kvm_all_modes,
        .stats = config->accel_stats,
        .stats_file = config->accel_stats_file,
        .lockstep = {.engines = config->lockstep,
                     .step = config->lockstep_step,
                     .from = config->lockstep_from,
                     .count = config->lockstep_count,
                     .scan = config->lockstep_scan,
                     .command = repeat_command(program)},
        .icount_shift = config->icount_shift,
        .icount_sleep = config->icount_sleep,
        .no_reboot = config->no_reboot,
        .no_shutdown = config->no_shutdown,
    };
    const char *wanted[CONFIG_MAX_ACCELS];
    list_engines(config, wanted);
    int r = accel_choose(wanted, config->accel_count, &options, err);
    if (r < 0)
        return r;
    program->accel = accel_create(program->machine, &options, err);
    return program->accel ? 0 : -EINVAL;
}

#if CONFIG_SDL
static int open_window(struct program *program, struct error *err)
{
    const struct options *options = &program->options;
    struct window_options window = {
        .name = options->machine.name,
        .layout = options->layout,
        .full_screen = options->full_screen,
        .no_confirm = options->no_confirm,
        .no_joystick = options->no_joystick,
    };
    program->window = window_create(program->machine, program->accel, &window, err);
    return program->window ? 0 : -ENODEV;
}
#else
static int open_window(struct program *program, struct error *err)
{
    return error_set(err, ENODEV, "this build has no window");
}
void window_run(struct window *window) {}
void window_wake(struct window *window) {}
void window_destroy(struct window *window) {}
#endif

static int start(struct program *program, struct error *err)
{
    const struct options *options = &program->options;
    int r = start_trace(options, err);
    if (r == 0)
        r = pc_create(&options->machine, &program->machine, err);
    if (r == 0)
        r = plug_in_cpu(program, err);
    if (r == 0)
        r = write_pidfile(program, err);
    if (r < 0)
        return r;
    struct chardev *chr = pc_monitor(program->machine);
    if (chr)
        program->monitor = monitor_create(program->machine, program->accel, chr);
    if (options->machine.display == DISPLAY_SDL && open_window(program, err) < 0)
        return -ENODEV;
    if (options->vnc && !(program->vnc = vnc_create(program->machine, options->vnc, options->machine.name, err)))
        return -EINVAL;
    if (options->gdb && gdb_start(program->machine, program->accel, options->gdb, err) < 0)
        return -EINVAL;
    program->signals = loop_watch(program->machine->loop, signal_pipe[0], POLLIN, take_signal, program);
    r = accel_start(program->accel, err);
    if (r == 0 && options->machine.display == DISPLAY_CURSES) { /* last: messages of the others are seen */
        program->terminal = terminal_create(program->machine, program->accel, options->layout, err);
        r = program->terminal ? 0 : -ENODEV;
    }
    return r;
}

static void lock(void *machine)
{
    machine_lock(machine);
}

static void unlock(void *machine)
{
    machine_unlock(machine);
}

static void run_loop(struct program *program)
{
    struct machine *machine = program->machine;
    for (;;) {
        machine_lock(machine);
        bool ended = machine->state == RUN_QUIT;
        machine_unlock(machine);
        if (ended)
            return;
        loop_turn(machine->loop, -1, lock, unlock, machine);
    }
}

static void *loop_thread(void *opaque)
{
    struct program *program = opaque;
    run_loop(program);
    window_wake(program->window);
    return NULL;
}

static void nothing(void *opaque) {}

/* The window wants the main thread and waits for the host's screen there; the loop goes on beside it. */
static void run_window(struct program *program)
{
    struct machine *machine = program->machine;
    pthread_t thread;
    if (pthread_create(&thread, NULL, loop_thread, program) != 0) {
        fprintf(stderr, "clutch: cannot start a thread\n");
        return;
    }
    window_run(program->window);
    loop_post(machine->loop, nothing, NULL); /* it looks at the state */
    pthread_join(thread, NULL);
    loop_turn(machine->loop, 0, lock, unlock, machine); /* what the window posted last */
}

static void run(struct program *program)
{
    struct machine *machine = program->machine;
    if (!program->options.machine.start_stopped) {
        machine_lock(machine);
        accel_set_state(program->accel, RUN_RUNNING);
        machine_unlock(machine);
    }
    if (program->window)
        run_window(program);
    else
        run_loop(program);
}

/* status: ours, for a debugger. */
static void stop(struct program *program, int status)
{
    terminal_destroy(program->terminal);
    if (program->machine) {
        machine_lock(program->machine);
        gdb_stop(status);
        monitor_destroy(program->monitor);
        machine_unlock(program->machine);
    }
    accel_destroy(program->accel);
    window_destroy(program->window);
    vnc_destroy(program->vnc);
    if (program->signals)
        loop_unwatch(program->signals);
    pc_destroy(program->machine);
    free(program->command);
    if (program->has_pidfile)
        unlink(program->options.machine.pidfile);
    options_free(&program->options);
}

/* Lockstep's last lines; the terminal, if the guest's screen was there, is the user's again. */
static enum lockstep_verdict verdict(struct program *program)
{
    if (!program->options.machine.lockstep)
        return LOCKSTEP_NONE;
    terminal_destroy(program->terminal);
    program->terminal = NULL;
    return accel_verdict(program->accel);
}

/* Tells the user what was not an ordinary end. */
static int exit_status(struct program *program)
{
    const struct machine *machine = program->machine;
    enum lockstep_verdict compared = verdict(program);
    if (compared == LOCKSTEP_DIFFER)
        return STATUS_DIFFER;
    if (program->signal)
        return STATUS_SIGNAL + program->signal;
    if (compared == LOCKSTEP_NOTHING)
        return STATUS_NOTHING_COMPARED;
    switch (accel_ending(program->accel)) {
    case EVENT_GUEST_EXIT: return machine->exit_status & 0xff;
    case EVENT_TRIPLE_FAULT: fprintf(stderr, "clutch: triple fault in the guest\n"); return STATUS_TRIPLE_FAULT;
    case EVENT_INTERNAL:
        fprintf(stderr, "clutch: internal error: %s\n",
                machine->event_text ? machine->event_text : "the engine gave up");
        return STATUS_INTERNAL;
    case EVENT_HOST:
        fprintf(stderr, "clutch: %s\n", machine->event_text ? machine->event_text : "the host failed");
        return STATUS_USER_ERROR;
    default: return STATUS_OK;
    }
}

static void tell_figures(struct program *program, struct bench_figures *figures)
{
    if (figures && program->machine->cpu_count)
        *figures = (struct bench_figures){.started = true,
                                          .instructions = cpu_instructions(program->machine->cpus[0]),
                                          .exits = accel_exits(program->accel),
                                          .fallbacks = accel_fallbacks(program->accel)};
}

/* figures: NULL, or what the benchmark wants to know at the end. */
static int run_program(int argc, char **argv, struct bench_figures *figures)
{
    static struct program program;
    struct error err = {"out of memory"};
    int status = STATUS_USER_ERROR;
    program.argc = argc;
    program.argv = argv;
    if (options_parse(&program.options, argc, argv, &err) < 0) {
        fprintf(stderr, "clutch: %s\n", err.text);
        options_free(&program.options);
        return STATUS_USER_ERROR;
    }
    if (program.options.help) {
        options_print_help(&program.options);
        options_free(&program.options);
        return STATUS_OK;
    }
    if (program.options.terminal_by_default)
        fprintf(stderr, "clutch: no desktop here: serial port and monitor are on this terminal "
                        "(Ctrl-A h helps, Ctrl-A x ends)\n");
    catch_signals(&program);
    if (start(&program, &err) == 0) {
        run(&program);
        status = exit_status(&program);
        tell_figures(&program, figures);
    } else {
        chardev_restore_terminal();
        fprintf(stderr, "clutch: %s\n", err.text);
    }
    stop(&program, status);
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "bench"))
        return bench_main(argc - 1, argv + 1, run_program);
    return run_program(argc, argv, NULL);
}
