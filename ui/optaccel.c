/*
 * -accel: the engines that the user would have, in order, and what is set about them.
 *
 *     -accel NAME[,KEY=VALUE]...            an engine; repeated: the next choice, tried if the one before is not there
 *     -accel lockstep=A:B[,KEY=VALUE]...    two engines, compared (accel/lockstep.c)
 *
 * An engine named twice counts once, at its first place.  Settings hold for KVM whenever it is in gear, whichever engine
 * they are written behind: the machine may begin in the interpreter and shift later.  The last one of a kind counts.
 * A setting of QEMU's is taken where it asks for what is so here anyway (kernel-irqchip=off, thread=single).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/nearest.h"
#include "ui/optvalue.h"

const char *const optvalue_accels[] = {"auto", "interp", "kvm", "tcg", NULL};

/* --- names ------------------------------------------------------------------------------------------------------ */

/* Engines of QEMU's on other hosts: no misspellings of ours. */
static bool is_foreign(const char *name)
{
    static const char *const foreign[] = {"hvf", "whpx", "xen", "nvmm", "hax", "qtest", "mshv", NULL};
    for (unsigned i = 0; foreign[i]; i++)
        if (!strcmp(name, foreign[i]))
            return true;
    return false;
}

static int unknown_engine(const char *name, struct error *err)
{
    char lower[40], hint[100];
    snprintf(lower, sizeof(lower), "%s", name);
    for (char *p = lower; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    if (is_foreign(lower))
        return error_set(err, EINVAL, "-accel %s: there is no such engine here; there are auto, interp, kvm, tcg", name);
    if (!strncmp(name, "lockstep", 8))
        return error_set(err, EINVAL, "-accel %s: lockstep compares two engines: -accel lockstep=interp:kvm", name);
    if (strchr(name, ':'))
        return error_set(err, EINVAL, "-accel %s: one engine for each -accel, the first choice first: -accel %.*s -accel %s",
                         name, (int)strcspn(name, ":"), name, strchr(name, ':') + 1);
    return error_set(err, EINVAL, "-accel: unknown engine '%s'%s", name,
                     nearest_hint(hint, sizeof(hint), lower, optvalue_accels));
}

static int with_lockstep(const char *lockstep, struct error *err)
{
    return error_set(err, EINVAL, "-accel lockstep=%s names its two engines itself: leave out the other -accel", lockstep);
}

int optvalue_add_accel(struct options *options, const char *name, struct error *err)
{
    static const enum accel_type types[] = {ACCEL_AUTO, ACCEL_INTERP, ACCEL_KVM, ACCEL_INTERP};
    struct machine_config *config = &options->machine;
    int type = 0;
    if (!strcmp(name, "help")) {
        options->help = HELP_ACCELS;
        return 0;
    }
    if (!*name)
        return error_set(err, EINVAL, "-accel: which engine? interp, kvm or auto (-accel help)");
    while (optvalue_accels[type] && strcmp(optvalue_accels[type], name))
        type++;
    if (!optvalue_accels[type])
        return unknown_engine(name, err);
    if (config->lockstep)
        return with_lockstep(config->lockstep, err);
    for (int i = 0; i < config->accel_count; i++)
        if (config->accels[i] == types[type])
            return 0;
    config->accels[config->accel_count++] = types[type];
    return 0;
}

/* --- settings --------------------------------------------------------------------------------------------------- */

static int set_modes(struct options *options, const char *value, struct error *err)
{
    if (!value || (strcmp(value, "all") && strcmp(value, "safe")))
        return error_set(err, EINVAL, "-accel: modes=%s: write safe (the interpreter executes what this host's KVM gets wrong) "
                                      "or all", value ? value : "");
    options->machine.kvm_all_modes = !strcmp(value, "all");
    return 0;
}

static int set_stats(struct options *options, const char *value, struct error *err)
{
    struct machine_config *config = &options->machine;
    bool to_file = value && !strncmp(value, "file:", 5) && value[5];
    bool off = value && !strcmp(value, "off");
    if (value && !to_file && !off && strcmp(value, "on"))
        return error_set(err, EINVAL, "-accel: stats=%s: write on (tables on standard error at the end), file:PATH or off",
                         value);
    config->accel_stats = !off;
    config->accel_stats_file = to_file ? optvalue_keep(options, value + 5) : NULL;
    return 0;
}

static int only(const char *key, const char *value, const char *ours, const char *why, struct error *err)
{
    if (value && !strcmp(value, ours))
        return 0;
    return error_set(err, EINVAL, "-accel: %s=%s: %s; only %s=%s is possible", key, value ? value : "on", why, key, ours);
}

static int set_irqchip(struct options *options, const char *value, struct error *err)
{
    return only("kernel-irqchip", value, "off", "the interrupt controllers are this program's, not the kernel's", err);
}

static int set_thread(struct options *options, const char *value, struct error *err)
{
    return only("thread", value, "single", "the machine has one processor", err);
}

static int set_lockstep(struct options *options, const char *value, struct error *err)
{
    if (!value || !strchr(value, ':'))
        return error_set(err, EINVAL, "-accel lockstep=%s: wants two engines, as interp:kvm", value ? value : "");
    if (options->machine.accel_count)
        return with_lockstep(value, err);
    options->machine.lockstep = optvalue_keep(options, value);
    return 0;
}

static int instructions(const char *key, const char *value, u64 *number, struct error *err)
{
    char *end;
    errno = 0;
    *number = strtoull(value ? value : "", &end, 0);
    if (value && end != value && !*end && !errno && *value != '-')
        return 0;
    return error_set(err, EINVAL, "-accel lockstep, %s=%s: not a number of instructions", key, value ? value : "");
}

static int set_step(struct options *options, const char *value, struct error *err)
{
    u64 *step = &options->machine.lockstep_step;
    int r = instructions("step", value, step, err);
    if (r == 0 && (*step < 1 || *step > 65536))
        return error_set(err, EINVAL, "-accel lockstep, step=%s: a step has 1 to 65536 instructions", value);
    return r;
}

static int set_from(struct options *options, const char *value, struct error *err)
{
    return instructions("from", value, &options->machine.lockstep_from, err);
}

static int set_count(struct options *options, const char *value, struct error *err)
{
    return instructions("count", value, &options->machine.lockstep_count, err);
}

static int set_scan(struct options *options, const char *value, struct error *err)
{
    return instructions("scan", value, &options->machine.lockstep_scan, err);
}

static const struct setting {
    const char *name;
    bool of_lockstep;
    int (*set)(struct options *options, const char *value, struct error *err); /* value: NULL without "=" */
} settings[] = {
    {"modes", false, set_modes},    {"stats", false, set_stats}, {"kernel-irqchip", false, set_irqchip},
    {"irqchip", false, set_irqchip}, {"thread", false, set_thread}, {"step", true, set_step},
    {"from", true, set_from},       {"count", true, set_count},
    {"scan", true, set_scan},
};

static int unknown_setting(const char *text, const char *name, bool lockstep, struct error *err)
{
    const char *names[ARRAY_SIZE(settings) + 1] = {NULL};
    unsigned count = 0;
    for (unsigned i = 0; optvalue_accels[i]; i++)
        if (!strcmp(optvalue_accels[i], name))
            return error_set(err, EINVAL, "-accel %s: one engine for each -accel: -accel %.*s -accel %s", text,
                             (int)strcspn(text, ","), text, name);
    for (unsigned i = 0; i < ARRAY_SIZE(settings); i++)
        if (lockstep || !settings[i].of_lockstep)
            names[count++] = settings[i].name;
    const char *similar = nearest(name, names);
    if (similar)
        return error_set(err, EINVAL, "-accel %s: unknown setting '%s' (did you mean '%s'?)", text, name, similar);
    return error_set(err, EINVAL, "-accel %s: unknown setting '%s'; there are stats=on|file:PATH, modes=all", text, name);
}

static int set(struct options *options, const char *text, const char *name, const char *value, struct error *err)
{
    if (!*name)
        return error_set(err, EINVAL, "-accel %s: a comma with nothing behind it: leave it out", text);
    for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
        if (strcmp(settings[i].name, name))
            continue;
        if (settings[i].of_lockstep && !options->machine.lockstep)
            return error_set(err, EINVAL, "-accel %s: %s is lockstep's: -accel lockstep=interp:kvm,%s=%s", text, name, name,
                             value ? value : "N");
        return settings[i].set(options, value, err);
    }
    return unknown_setting(text, name, options->machine.lockstep != NULL, err);
}

static int set_first(struct options *options, const char *text, const char *name, const char *value, struct error *err)
{
    if (!value)
        return optvalue_add_accel(options, name, err);
    if (!strcmp(name, "accel"))
        return optvalue_add_accel(options, value, err);
    if (!strcmp(name, "lockstep"))
        return set_lockstep(options, value, err);
    return set(options, text, name, value, err); /* of no engine in particular */
}

int optvalue_accel(struct options *options, const char *text, struct error *err)
{
    char *cursor = optvalue_keep(options, text), *name, *value;
    size_t length = strlen(text);
    if (!optvalue_pair(&cursor, &name, &value))
        return optvalue_add_accel(options, "", err);
    int r = set_first(options, text, name, value, err);
    while (r == 0 && optvalue_pair(&cursor, &name, &value))
        r = set(options, text, name, value, err);
    if (r == 0 && length && text[length - 1] == ',')
        return set(options, text, "", NULL, err);
    return r;
}
