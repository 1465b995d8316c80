/*
 * Character devices of the board: what -serial, -parallel, -debugcon and -monitor name.
 *
 * "mon:..." puts a Ctrl-A multiplexer over a device.  Whoever else says "mon:" gets another port of it, and so does the
 * monitor, last, unless it has a device of its own.
 */
#include <errno.h>
#include <string.h>

#include "machine/pc/board.h"

static void quit(void *opaque)
{
    struct machine *machine = opaque;
    machine->state = RUN_QUIT;
    machine_kick(machine);
}

static bool absent(const char *spec)
{
    return !spec || !strcmp(spec, "none");
}

static bool is_mux(const char *spec)
{
    return !strncmp(spec, "mon:", 4);
}

static struct chardev *open_one(struct pc *pc, const char *spec, const char *name, struct error *err)
{
    if (!is_mux(spec) || !pc->mux)
        return chardev_open(spec, pc->machine->loop, err);
    struct chardev *port = chardev_mux_port(pc->mux, name);
    if (!port)
        error_set(err, EINVAL, "%s: too many devices share it", spec);
    return port;
}

static int open_char(struct pc *pc, const char *spec, const char *name, struct chardev **chr, struct error *err)
{
    if (absent(spec))
        return 0;
    *chr = open_one(pc, spec, name, err);
    if (!*chr)
        return -EINVAL;
    if (is_mux(spec) && !pc->mux) {
        pc->mux = chardev_mux_of(*chr);
        chardev_mux_on_quit(pc->mux, quit, pc->machine);
    }
    return 0;
}

static const char *monitor_spec(const struct pc *pc)
{
    return pc->mux && absent(pc->config->monitor) ? "mon:" : pc->config->monitor;
}

int pc_open_chars(struct pc *pc, struct error *err)
{
    static const char *const names[] = {"serial0", "serial1", "serial2", "serial3"};
    const struct machine_config *config = pc->config;
    int r = 0;
    for (int i = 0; i < CONFIG_MAX_SERIALS && r == 0; i++)
        r = open_char(pc, config->serial[i], names[i], &pc->serial[i], err);
    if (r == 0)
        r = open_char(pc, config->parallel, "parallel0", &pc->parallel_chr, err);
    if (r == 0)
        r = open_char(pc, config->debugcon, "debugcon", &pc->debugcon_chr, err);
    if (r == 0)
        r = open_char(pc, monitor_spec(pc), "monitor", &pc->monitor_chr, err);
    return r;
}

void pc_close_chars(struct pc *pc)
{
    for (int i = 0; i < CONFIG_MAX_SERIALS; i++)
        chardev_close(pc->serial[i]);
    chardev_close(pc->parallel_chr);
    chardev_close(pc->debugcon_chr);
    chardev_close(pc->monitor_chr);
}
