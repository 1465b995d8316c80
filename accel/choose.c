/*
 * Which engine: the first of those asked for that this host has, with a reason for each that it has not.
 */
#include "accel/accel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int try_engine(const char *name, bool icount, struct error *why)
{
    const struct engine *engine = engine_find(name, strlen(name));
    if (!engine)
        return error_set(why, ENOTSUP, "this build is without it (configure tells what it needs)");
    if (engine->timed && icount)
        return error_set(why, EINVAL, "-icount counts instructions, which it cannot: leave out one of the two");
    return engine->probe(why);
}

/* The best engine that is there; the interpreter is always. */
static const char *best(bool icount)
{
    for (unsigned i = 0; engines[i]; i++) {
        struct error why = {""};
        if (engines[i] == &interp_engine)
            break;
        int r = try_engine(engines[i]->name, icount, &why);
        if (r == 0)
            r = engines[i]->measure ? engines[i]->measure(&why) : 0;
        if (r == 0)
            error_report("-accel auto: %s: the host runs every mode of the processor", engines[i]->name);
        else if (r > 0)
            error_report("-accel auto: the interpreter, and %s for long stretches of 64-bit user code: %s",
                         engines[i]->name, why.text);
        if (r >= 0)
            return engines[i]->name;
        error_report("-accel auto: the interpreter executes, not %s: %s", engines[i]->name, why.text);
    }
    return interp_engine.name;
}

int accel_choose(const char *const *wanted, int count, struct accel_options *options, struct error *err)
{
    bool icount = options->icount_shift >= 0;
    struct error why = {""};
    options->engine = interp_engine.name;
    options->automatic = false;
    options->other_count = 0;
    for (int i = 0; i < count; i++) {
        options->others = wanted + i + 1;
        options->other_count = count - i - 1;
        if (!strcmp(wanted[i], "auto")) {
            options->engine = best(icount);
            options->automatic = true;
            return 0;
        }
        if (try_engine(wanted[i], icount, &why) == 0) {
            options->engine = wanted[i];
            return 0;
        }
        if (i + 1 < count)
            error_report("-accel %s: %s; trying %s", wanted[i], why.text, wanted[i + 1]);
        else
            return error_set(err, EINVAL, "-accel %s: %s", wanted[i], why.text);
    }
    return 0;
}
